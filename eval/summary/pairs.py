"""Two arms on the same questions: paired differences with their tests, flips, and whether harm was done.

Questions that stand on one passage aren't independent: whole clusters are resampled for intervals, and whole clusters
change sign in the permutation test. All p-values that a report shows are adjusted together, by Holm's method.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from firmground.eval.metrics.answers import METRICS
from firmground.eval.stats import (
    equivalence,
    holm,
    mcnemar,
    mean_interval,
    paired_interval,
    permutation_test,
    smallest_effect,
)
from firmground.eval.summary.flips import FLIPS, State, flip, state
from firmground.eval.types import Outcome

HARM_MARGIN = 0.05  # a loss of `right` below this is no harm: 5 points; a convention of ours, said in every report
COSTS_COMPARED = ("seconds", "prompt_tokens", "completion_tokens")
_MIRRORED = ("coverage",)  # 1 - abstained: the same comparison a second time


def compare_pair(
    first_rows: Mapping[str, Outcome], second_rows: Mapping[str, Outcome], first: str, second: str, seed: int = 0
) -> dict[str, Any]:
    """Two arms on the questions that both have: paired differences (second - first), flips and their tests.

    `differences`: per metric the interval, both means, `p` of the permutation test (None where no question differs) and
    the `smallest_effect` that so many questions can show. `right` and `hallucination`: how many questions won and lost
    that outcome, with McNemar's exact p-value. `broken_share`: of what the first arm had right, the share that the
    second hallucinates. `harm`: the 90% interval of the difference in `right` beside `HARM_MARGIN` (see `Equivalence`).
    """
    pairs = [(first_rows[key], second_rows[key]) for key in sorted(first_rows) if key in second_rows]
    pairs = [(a, b) for a, b in pairs if not (a.error or b.error)]
    flips = Counter(name for a, b in pairs if (name := flip(a, b)))
    counts = {name: flips[name] for name in FLIPS}
    return {
        "first": first,
        "second": second,
        "n": len(pairs),
        "differences": _differences(pairs, seed),
        "flips": counts,
        "right": _flip_test(counts, "right"),
        "hallucination": _flip_test(counts, "hallucinated"),
        "broken_share": _broken_share(pairs, seed),
        "harm": _harm(pairs, seed),
    }


def adjust(pairs: Mapping[str, Mapping[str, Any]]) -> int:
    """Write Holm's adjusted p-value beside every raw one (`p_holm`), over all pairs and metrics together.

    Returns the number of comparisons that were adjusted for.
    """
    tested = {
        f"{name} {metric}": figure
        for name, pair in pairs.items()
        for metric, figure in pair["differences"].items()
        if figure.get("p") is not None
    }
    for key, adjusted in holm({key: figure["p"] for key, figure in tested.items()}).items():
        tested[key]["p_holm"] = adjusted
    return len(tested)


def clusters_of(rows: Sequence[Outcome]) -> list[str] | None:
    """(n,) the passage that each row's question stands on; None where no two rows share one."""
    names = [_cluster(row) for row in rows]
    return names if len(set(names)) < len(names) else None


def _cluster(row: Outcome) -> str:
    """As `Example.cluster` has it; rows of earlier versions don't hold it, but what it is made of."""
    if row.cluster:
        return row.cluster
    named, gold = row.metadata.get("cluster"), row.metadata.get("gold") or ()
    if named not in (None, ""):
        return str(named)
    return str(gold[0]) if gold and not row.metadata.get("facts") else row.id


def ordered(names: Sequence[str]) -> list[str]:
    """Metrics in the order of METRICS, then the others by name."""
    known = list(METRICS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))


def _flip_test(flips: Mapping[str, int], outcome: State) -> dict[str, Any]:
    lost = sum(flips[name] for name, (a, b) in FLIPS.items() if a == outcome and b != outcome)
    won = sum(flips[name] for name, (a, b) in FLIPS.items() if a != outcome and b == outcome)
    return {"won": won, "lost": lost, "p": mcnemar(lost, won)}


def _broken_share(pairs: Sequence[tuple[Outcome, Outcome]], seed: int) -> dict[str, Any]:
    had = [(a, b) for a, b in pairs if state(a) == "right" and state(b)]
    broken = [float(state(b) == "hallucinated") for _, b in had]
    return asdict(mean_interval(broken, seed=seed, clusters=clusters_of([a for a, _ in had])))


def _harm(pairs: Sequence[tuple[Outcome, Outcome]], seed: int) -> dict[str, Any] | None:
    told = [(a, b) for a, b in pairs if state(a) and state(b)]
    if not told:
        return None
    differences = [float(b.scores["right"]) - float(a.scores["right"]) for a, b in told]
    found = equivalence(differences, HARM_MARGIN, clusters=clusters_of([a for a, _ in told]), seed=seed)
    return asdict(found) | {"no_harm": found.no_harm}


def _differences(pairs: Sequence[tuple[Outcome, Outcome]], seed: int) -> dict[str, dict[str, Any]]:
    names = list(dict.fromkeys(name for pair in pairs for row in pair for name in row.scores))
    figures = {}
    for name in ordered(names):
        values = [(a, a.scores.get(name), b.scores.get(name)) for a, b in pairs]
        figure = paired_figure(values, (-1.0, 1.0), seed, tested=name not in _MIRRORED)
        if figure["n"]:
            figures[name] = figure
    for name in COSTS_COMPARED:
        figures[name] = paired_figure([(a, a.timing.get(name), b.timing.get(name)) for a, b in pairs], None, seed)
    return figures


def paired_figure(
    values: Sequence[tuple[Outcome, float | str | None, float | str | None]],
    bounds: tuple[float, float] | None,
    seed: int = 0,
    tested: bool = False,
) -> dict[str, Any]:
    """The paired difference over questions where both arms have a number, with both arms' means on those.

    Args:
        values: a row of the question, the first arm's value, the second's.
        bounds: what a difference can be at least and at most; None where it has no bound.
        seed: of the resampling.
        tested: add `p` and `smallest_effect`.
    """
    both = [
        (row, float(a), float(b)) for row, a, b in values if isinstance(a, int | float) and isinstance(b, int | float)
    ]
    first, second = [a for _, a, _ in both], [b for _, _, b in both]
    clusters = clusters_of([row for row, _, _ in both])
    figure = asdict(paired_interval(first, second, bounds, seed=seed, clusters=clusters))
    if both:
        figure |= {"first": math.fsum(first) / len(first), "second": math.fsum(second) / len(second)}
    if tested and both:
        changes = [b - a for a, b in zip(first, second, strict=True)]
        figure["p"] = permutation_test(first, second, seed, clusters) if any(changes) else None
        figure["smallest_effect"] = smallest_effect(changes, clusters=clusters)
    return figure
