"""Our arms beside a peer's chain on the same questions, scored by one function, paired question by question.

    python -m firmground.eval.bench.peer --run RUN --peer peer.jsonl

    python -m firmground.eval.bench.peer --script langchain_rag.py --corpus corpus.jsonl --questions questions.jsonl \\
        --limit 40 --out runs

The second form runs both here, ours first, on the same models and with the same token budget. RUN is what `firmground
compare` wrote. The peer's file has a line a question: {"id", "plain", "augmented", "plain_s",
"augmented_s"}, the answers and the seconds they took. Run both on the same idle machine, one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.metrics.answers import match, token_f1
from firmground.eval.outcomes import read_outcomes
from firmground.eval.stats import mean_interval, paired_interval
from firmground.eval.types import Outcome
from firmground.knowledge.text import language

TOKENS = 48  # new tokens that both may write


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


def run_both(script: Path, corpus: Path, questions: Path, limit: int, out: Path, python: str) -> tuple[Path, Path]:
    """Ask both the first `limit` questions, one after the other; returns our run's folder and the peer's file."""
    from firmground.eval.compare import compare
    from firmground.eval.tasks import load_questions
    from firmground.knowledge import weights
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.encode import SentenceEncoder
    from firmground.knowledge.load import load_all
    from firmground.rag.arms import AUGMENTED, PLAIN
    from firmground.rag.assistant import Assistant

    with KnowledgeBase.create(out / "kb", SentenceEncoder(), exist_ok=True) as base:
        base.add(load_all([corpus]))
    arms = [replace(arm, decoding=replace(arm.decoding, max_new_tokens=TOKENS)) for arm in (PLAIN, AUGMENTED)]
    compare(Assistant.load(out / "kb"), load_questions(questions, limit=limit), arms, out / "run")
    models = ("--encoder", weights.DEFAULT_ENCODER), ("--generator", weights.DEFAULT_GENERATOR)
    options = [text for option, name in models for text in (option, str(weights.resolve(name)))]
    options += ["--corpus", str(corpus), "--questions", str(questions), "--limit", str(limit)]
    options += ["--max-new-tokens", str(TOKENS), "--out", str(out / "peer.jsonl")]
    subprocess.run([python, str(script), *options], check=True, stdout=subprocess.DEVNULL)
    return out / "run", out / "peer.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="folder that `firmground compare` wrote")
    parser.add_argument("--peer", type=Path, help="the peer's answers, JSONL")
    parser.add_argument("--script", type=Path, help="the peer's chain, to be run here")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("peer-runs"))
    parser.add_argument("--python", default=sys.executable, help="the environment that has the peer's packages")
    options = parser.parse_args()
    run, peer = options.run, options.peer
    if options.script is not None:
        if options.corpus is None or options.questions is None:
            parser.error("--script needs --corpus and --questions")
        run, peer = run_both(
            options.script, options.corpus, options.questions, options.limit, options.out, options.python
        )
    if run is None or peer is None:
        parser.error("give --run and --peer, or --script")
    print("\n".join(table(read_outcomes(run / "outcomes.jsonl"), peer_rows(peer))))


if __name__ == "__main__":
    main()
