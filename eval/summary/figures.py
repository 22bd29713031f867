"""From outcomes to figures that can be published: per arm, per pair of arms, per group. Needs the rows alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, TypedDict

from firmground.eval.stats import CONFIDENCE, RESAMPLES
from firmground.eval.summary.arms import (
    arm_figures,
    calibration,
    costs,
    counts,
    followed_planted,
    groups,
    labels,
    planted_answers,
    row_category,
    row_language,
)
from firmground.eval.summary.flips import FLIPS, State, flip, state
from firmground.eval.summary.pairs import HARM_MARGIN, adjust, clusters_of, compare_pair
from firmground.eval.types import Outcome

__all__ = [
    "FLIPS",
    "FORMAT",
    "HARM_MARGIN",
    "State",
    "Summary",
    "compare_pair",
    "flip",
    "rows_by_arm",
    "state",
    "summarise",
]

FORMAT = 2
_MOST_ARMS = 6  # up to so many, every arm is compared with every other; beyond, with the first alone


class Summary(TypedDict):
    """`summary.json`. Every figure is {"value", "low", "high", "n", "method"}, and "status" where there is no value.

    `arms`: {arm: {metric: figure}}, all in [0, 1]. `cost`: {arm: {"seconds" …: figure, "latency": {"p50", "p95"}}},
    means per question. `pairs`: {"first→second": …}, see `compare_pair`. `categories` and `languages`: {group: {arm:
    {outcome: figure}}}. `calibration`, `planted`, `labels`: {arm: …}, where the rows have it; see `arms`.
    """

    format: int
    arms: dict[str, dict[str, dict[str, Any]]]
    cost: dict[str, dict[str, Any]]
    pairs: dict[str, dict[str, Any]]
    categories: dict[str, dict[str, dict[str, dict[str, Any]]]]
    languages: dict[str, dict[str, dict[str, dict[str, Any]]]]
    calibration: dict[str, dict[str, Any]]
    planted: dict[str, dict[str, Any]]
    labels: dict[str, dict[str, Any]]
    counts: dict[str, Any]
    statistics: dict[str, Any]


def summarise(outcomes: Iterable[Outcome], seed: int = 0) -> Summary:
    """All figures of a comparison. Rows may come in any order; arms keep the order of their first rows."""
    by_arm = rows_by_arm(outcomes)
    names = list(combinations(by_arm, 2))
    if len(by_arm) > _MOST_ARMS:
        names = [pair for pair in names if pair[0] == next(iter(by_arm))]
    pairs = {f"{a}→{b}": compare_pair(by_arm[a], by_arm[b], a, b, seed) for a, b in names}
    comparisons = adjust(pairs)
    planted = planted_answers(row for rows in by_arm.values() for row in rows.values())
    return Summary(
        format=FORMAT,
        arms={arm: arm_figures(rows.values(), seed) for arm, rows in by_arm.items()},
        cost={arm: costs(rows.values(), seed) for arm, rows in by_arm.items()},
        pairs=pairs,
        categories=groups(by_arm, row_category, seed),
        languages=groups(by_arm, row_language, seed),
        calibration=_where_any({arm: calibration(rows.values()) for arm, rows in by_arm.items()}),
        planted=_where_any({arm: followed_planted(rows.values(), planted, seed) for arm, rows in by_arm.items()}),
        labels=_where_any({arm: labels(rows.values()) for arm, rows in by_arm.items()}),
        counts=counts(by_arm),
        statistics={
            "confidence": CONFIDENCE,
            "resamples": RESAMPLES,
            "seed": seed,
            "comparisons": comparisons,
            "harm_margin": HARM_MARGIN,
            "clusters": _clusters(by_arm),
        },
    )


def rows_by_arm(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Outcome]]:
    """{arm: {question's id: row}}: arms in the order of their first rows, questions by id."""
    by_arm: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        by_arm.setdefault(outcome.arm, {})[outcome.id] = outcome
    return {arm: dict(sorted(rows.items())) for arm, rows in by_arm.items()}


def _where_any(figures: Mapping[str, dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    return {arm: figure for arm, figure in figures.items() if figure}


def _clusters(by_arm: Mapping[str, Mapping[str, Outcome]]) -> int | None:
    """How many passages the questions stand on, where some share one."""
    names = clusters_of(list({key: row for rows in by_arm.values() for key, row in rows.items()}.values()))
    return len(set(names)) if names else None
