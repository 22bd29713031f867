"""Our arms beside a peer's chain on the same questions, scored by one function, paired question by question.

    python -m firmground.eval.bench.peer --run RUN --peer peer.jsonl

RUN is what `firmground compare` wrote. The peer's file has a line a question: {"id", "plain", "augmented", "plain_s",
"augmented_s"}, the answers and the seconds they took. Run both on the same idle machine, one after the other.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.metrics import match, token_f1
from firmground.eval.outcomes import read_outcomes
from firmground.eval.stats import mean_interval, paired_interval
from firmground.eval.types import Outcome
from firmground.knowledge.text import language


def peer_rows(path: Path) -> dict[str, dict[str, Any]]:
    """The peer's answers by question id."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {str(row["id"]): row for row in rows}


def systems(outcomes: Sequence[Outcome], peer: dict[str, dict[str, Any]]) -> dict[str, dict[str, tuple[str, float]]]:
    """{system: {question id: (answer, seconds)}} for every arm of ours and both of the peer's."""
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for outcome in outcomes:
        if outcome.id in peer and outcome.answers:
            found.setdefault(outcome.arm, {})[outcome.id] = (outcome.answer, outcome.timing["seconds"])
    shared = set.intersection(*(set(rows) for rows in found.values()))
    for arm in ("plain", "augmented"):
        found[f"peer {arm}"] = {name: (peer[name][arm], float(peer[name][f"{arm}_s"])) for name in sorted(shared)}
    return found


def table(outcomes: Sequence[Outcome], peer: dict[str, dict[str, Any]]) -> list[str]:
    """The lines printed: every system's figures, then ours against the peer's augmented answers."""
    golds = {outcome.id: outcome.answers for outcome in outcomes}
    found = systems(outcomes, peer)
    order = sorted(found["peer plain"])
    scores: dict[str, dict[str, np.ndarray]] = {}
    lines = [f"{'system':<16} {'F1':>22} {'match':>22} {'s/question':>12}   n={len(order)}"]
    for system, rows in found.items():
        f1 = np.array([token_f1(rows[name][0], golds[name], language(golds[name][0])) for name in order])
        contained = np.array([match(rows[name][0], golds[name], language(golds[name][0])) for name in order])
        seconds = np.array([rows[name][1] for name in order])
        scores[system] = {"F1": f1, "match": contained, "seconds": seconds}
        lines.append(f"{system:<16} {_interval(f1):>22} {_interval(contained):>22} {seconds.mean():>12.2f}")
    ours, theirs = scores.get("augmented"), scores["peer augmented"]
    if ours is not None:
        for name in ("F1", "match"):
            difference = paired_interval(theirs[name].tolist(), ours[name].tolist())
            lines.append(f"augmented − peer augmented, {name}: {_figure(difference)} (paired)")
        ratio = theirs["seconds"].sum() / ours["seconds"].sum()
        lines.append(f"questions per second, augmented: {ratio:.1f} times the peer's")
        if "plain" in scores:
            mine = ours["seconds"].sum() + scores["plain"]["seconds"].sum()
            other = theirs["seconds"].sum() + scores["peer plain"]["seconds"].sum()
            lines.append(f"questions per second, plain and augmented: {other / mine:.1f} times the peer's")
    return lines


def _interval(values: np.ndarray) -> str:
    return _figure(mean_interval(values))


def _figure(interval: Any) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.value:.1f} [{low:.1f}, {high:.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that `firmground compare` wrote")
    parser.add_argument("--peer", type=Path, required=True, help="the peer's answers, JSONL")
    arguments = parser.parse_args()
    print("\n".join(table(read_outcomes(arguments.run / "outcomes.jsonl"), peer_rows(arguments.peer))))


if __name__ == "__main__":
    main()
