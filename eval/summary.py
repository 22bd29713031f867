"""From outcomes to figures that can be published: per arm, per pair of arms, per category. Needs the rows alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any, Literal, TypedDict

from firmground.eval.metrics import METRICS
from firmground.eval.stats import (
    CONFIDENCE,
    RESAMPLES,
    mcnemar,
    mean_interval,
    paired_interval,
    wilson_interval,
)
from firmground.eval.types import Outcome

FORMAT = 1
COSTS = ("seconds", "retrieve_s", "generate_s", "verify_s", "prompt_tokens", "completion_tokens")

State = Literal["right", "hallucinated", "abstained"]

# What became of a question between a first arm and a second: the nine cells of outcome × outcome.
FLIPS: dict[str, tuple[State, State]] = {
    "fixed": ("hallucinated", "right"),
    "broken": ("right", "hallucinated"),
    "right_both": ("right", "right"),
    "wrong_both": ("hallucinated", "hallucinated"),
    "answered_rightly": ("abstained", "right"),
    "answered_wrongly": ("abstained", "hallucinated"),
    "withheld_right": ("right", "abstained"),
    "withheld_wrong": ("hallucinated", "abstained"),
    "abstained_both": ("abstained", "abstained"),
}


class Summary(TypedDict):
    """`summary.json`. Every figure is {"value", "low", "high", "n", "method"}, and "status" where there is no value.

    `arms`: {arm: {metric: figure}}, all in [0, 1]. `cost`: {arm: {"seconds" …: figure}}, means per question.
    `pairs`: {"first→second": …}, see `compare_pair`. `categories`: {category: {arm: {outcome: figure}}}.
    """

    format: int
    arms: dict[str, dict[str, dict[str, Any]]]
    cost: dict[str, dict[str, dict[str, Any]]]
    pairs: dict[str, dict[str, Any]]
    categories: dict[str, dict[str, dict[str, dict[str, Any]]]]
    counts: dict[str, Any]
    statistics: dict[str, Any]


def summarise(outcomes: Iterable[Outcome], seed: int = 0) -> Summary:
    """All figures of a comparison. Rows may come in any order; arms keep the order of their first rows."""
    by_arm: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        by_arm.setdefault(outcome.arm, {})[outcome.id] = outcome
    return Summary(
        format=FORMAT,
        arms={arm: _arm_figures(rows.values(), seed) for arm, rows in by_arm.items()},
        cost={arm: _costs(rows.values(), seed) for arm, rows in by_arm.items()},
        pairs={
            f"{first}→{second}": compare_pair(by_arm[first], by_arm[second], first, second, seed)
            for first, second in combinations(by_arm, 2)
        },
        categories=_categories(by_arm),
        counts=_counts(by_arm),
        statistics={"confidence": CONFIDENCE, "resamples": RESAMPLES, "seed": seed},
    )


def state(outcome: Outcome) -> State | None:
    """Which of the three outcomes a row is; None where it failed or there is no gold to tell."""
    if outcome.error or outcome.scores.get("right") == "no_gold":
        return None
    if outcome.scores["abstained"] == 1.0:
        return "abstained"
    return "right" if outcome.scores["right"] == 1.0 else "hallucinated"


def flip(first: Outcome, second: Outcome) -> str | None:
    """The name in `FLIPS` of what became of a question; None where one of the two has no outcome."""
    states = (state(first), state(second))
    return next((name for name, cell in FLIPS.items() if cell == states), None)


def compare_pair(
    first_rows: Mapping[str, Outcome], second_rows: Mapping[str, Outcome], first: str, second: str, seed: int = 0
) -> dict[str, Any]:
    """Two arms on the questions that both have: paired differences (second - first), flips and their tests.

    `right` and `hallucination` hold how many questions won and lost that outcome, with McNemar's exact p-value.
    `broken_share`: of what the first arm had right, the share that the second hallucinates.
    """
    pairs = [(first_rows[key], second_rows[key]) for key in first_rows if key in second_rows]
    pairs = [(a, b) for a, b in pairs if not (a.error or b.error)]
    flips = Counter(name for a, b in pairs if (name := flip(a, b)))
    counts = {name: flips[name] for name in FLIPS}
    first_right = sum(counts[name] for name, cell in FLIPS.items() if cell[0] == "right")
    return {
        "first": first,
        "second": second,
        "n": len(pairs),
        "differences": _differences(pairs, seed),
        "flips": counts,
        "right": _flip_test(counts, "right"),
        "hallucination": _flip_test(counts, "hallucinated"),
        "broken_share": asdict(wilson_interval(counts["broken"], first_right)),
    }


def _flip_test(flips: Mapping[str, int], outcome: State) -> dict[str, Any]:
    lost = sum(flips[name] for name, (a, b) in FLIPS.items() if a == outcome and b != outcome)
    won = sum(flips[name] for name, (a, b) in FLIPS.items() if a != outcome and b == outcome)
    return {"won": won, "lost": lost, "p": mcnemar(lost, won)}


def _differences(pairs: Sequence[tuple[Outcome, Outcome]], seed: int) -> dict[str, dict[str, Any]]:
    names = list(dict.fromkeys(name for pair in pairs for row in pair for name in row.scores))
    figures = {}
    for name in _ordered(names):
        figure = _difference([(a.scores.get(name), b.scores.get(name)) for a, b in pairs], (-1.0, 1.0), seed)
        if figure["n"]:
            figures[name] = figure
    for name in ("seconds", "prompt_tokens", "completion_tokens"):
        figures[name] = _difference([(a.timing.get(name), b.timing.get(name)) for a, b in pairs], None, seed)
    return figures


def _difference(
    values: Sequence[tuple[float | str | None, float | str | None]], bounds: tuple[float, float] | None, seed: int
) -> dict[str, Any]:
    """The paired difference over questions where both arms have a number, with both arms' means on those."""
    both = [(a, b) for a, b in values if isinstance(a, int | float) and isinstance(b, int | float)]
    first, second = [float(a) for a, _ in both], [float(b) for _, b in both]
    means = {"first": math.fsum(first) / len(first), "second": math.fsum(second) / len(second)} if both else {}
    return asdict(paired_interval(first, second, bounds, seed=seed)) | means


def _arm_figures(rows: Iterable[Outcome], seed: int) -> dict[str, dict[str, Any]]:
    """Every metric of an arm, in the order of METRICS; statuses and errors are left out, and `n` says so."""
    good = [row for row in rows if not row.error]
    names = list(dict.fromkeys([*METRICS, *(name for row in good for name in row.scores)]))
    return {name: _mean([row.scores.get(name) for row in good], seed=seed) for name in _ordered(names)}


def _costs(rows: Iterable[Outcome], seed: int) -> dict[str, dict[str, Any]]:
    good = [row for row in rows if not row.error]
    return {name: _mean([row.timing.get(name) for row in good], None, seed) for name in COSTS}


def _mean(
    values: Sequence[float | str | None], bounds: tuple[float, float] | None = (0.0, 1.0), seed: int = 0
) -> dict[str, Any]:
    """A figure over the numbers among `values`. Where there are none, `status` is the commonest reason."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    figure = asdict(mean_interval(numbers, bounds, seed=seed))
    statuses = Counter(value for value in values if isinstance(value, str))
    if not numbers:
        figure["status"] = statuses.most_common(1)[0][0] if statuses else "none"
    return figure


def _categories(by_arm: Mapping[str, Mapping[str, Outcome]]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """The three outcomes per category and arm, where questions have a category."""
    names = {str(row.metadata["category"]) for rows in by_arm.values() for row in rows.values() if _category(row)}
    result: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for name in sorted(names):
        result[name] = {}
        for arm, rows in by_arm.items():
            mine = [row for row in rows.values() if _category(row) == name and not row.error]
            outcomes = ("right", "hallucination", "abstained")
            result[name][arm] = {outcome: _mean([row.scores.get(outcome) for row in mine]) for outcome in outcomes}
    return result


def _category(row: Outcome) -> str | None:
    value = row.metadata.get("category")
    return None if value in (None, "") else str(value)


def _counts(by_arm: Mapping[str, Mapping[str, Outcome]]) -> dict[str, Any]:
    questions = {key: row for rows in by_arm.values() for key, row in rows.items()}
    unanswerable = sum(row.metadata.get("answerable") is False for row in questions.values())
    gold = sum(bool(row.answers or row.metadata.get("answer")) for row in questions.values() if _may_answer(row))
    return {
        "questions": len(questions),
        "rows": sum(len(rows) for rows in by_arm.values()),
        "with_gold": gold,
        "unanswerable": unanswerable,
        "no_gold": len(questions) - gold - unanswerable,
        "errors": {arm: sum(bool(row.error) for row in rows.values()) for arm, rows in by_arm.items()},
        "unparsed": {
            arm: sum(row.scores.get("accuracy") == "unparsed" for row in rows.values()) for arm, rows in by_arm.items()
        },
    }


def _may_answer(row: Outcome) -> bool:
    return row.metadata.get("answerable") is not False


def _ordered(names: Sequence[str]) -> list[str]:
    """Metrics in the order of METRICS, then the others by name."""
    known = list(METRICS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))
