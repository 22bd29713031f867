"""One arm's figures from its rows: every metric, cost, calibration, groups of questions, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from firmground.eval.metrics.answers import METRICS, match
from firmground.eval.metrics.normalise import language_of
from firmground.eval.outcomes import is_final
from firmground.eval.stats import mean_interval
from firmground.eval.summary.flips import state
from firmground.eval.summary.pairs import clusters_of, ordered
from firmground.eval.types import Outcome

COSTS = ("seconds", "retrieve_s", "generate_s", "verify_s", "prompt_tokens", "completion_tokens")
OUTCOMES = ("right", "hallucination", "abstained", "coverage")  # no rate without its coverage
_MOST_POINTS = 200  # of a risk–coverage curve, kept in the summary
# Statuses that say a figure failed, not that it isn't meant for the question; they are counted apart.
_FAILURES = ("unparsed", "tied", "error", "abstained", "no_claims", "no_citations", "unverifiable")


def arm_figures(rows: Iterable[Outcome], seed: int) -> dict[str, dict[str, Any]]:
    """Every metric of an arm, in the order of METRICS; statuses and errors are left out, and `n` says so."""
    good = [row for row in rows if not row.error]
    names = list(dict.fromkeys([*METRICS, *(name for row in good for name in row.scores)]))
    return {name: mean_figure(good, [row.scores.get(name) for row in good], seed=seed) for name in ordered(names)}


def mean_figure(
    rows: Sequence[Outcome],
    values: Sequence[float | str | None],
    bounds: tuple[float, float] | None = (0.0, 1.0),
    seed: int = 0,
) -> dict[str, Any]:
    """A figure over the numbers among (n,) `values`. Where there are none, `status` is the commonest reason."""
    told = [(row, float(value)) for row, value in zip(rows, values, strict=True) if isinstance(value, int | float)]
    clusters = clusters_of([row for row, _ in told])
    figure = asdict(mean_interval([value for _, value in told], bounds, seed=seed, clusters=clusters))
    if not told:
        statuses = Counter(value for value in values if isinstance(value, str))
        figure["status"] = statuses.most_common(1)[0][0] if statuses else "none"
    return figure


def costs(rows: Iterable[Outcome], seed: int) -> dict[str, Any]:
    """Means per question, and the median and the 95th percentile of seconds."""
    good = [row for row in rows if not row.error]
    figures: dict[str, Any] = {
        name: mean_figure(good, [row.timing.get(name) for row in good], None, seed) for name in COSTS
    }
    seconds = [row.timing["seconds"] for row in good if "seconds" in row.timing]
    if seconds:
        median, late = np.quantile(seconds, (0.5, 0.95))
        figures["latency"] = {"p50": float(median), "p95": float(late), "n": len(seconds)}
    return figures


def calibration(rows: Iterable[Outcome]) -> dict[str, Any] | None:
    """How well an arm's confidence tells its right answers from its wrong ones; None where no confidence is known.

    Over answered questions with a confidence (`n`): mean `confidence` beside the share `right`, `ece`, `brier`, and
    `curve`, (coverage, risk) when the least certain answers are withheld, with the area under it, `aurc`.
    """
    from firmground.eval.metrics.calibration import (
        area_under_risk_coverage,
        brier,
        expected_calibration_error,
        risk_coverage,
    )

    told = [row for row in rows if row.confidence is not None and state(row) in ("right", "hallucinated")]
    if not told:
        return None
    confidence = [float(row.confidence) for row in told if row.confidence is not None]
    right = [state(row) == "right" for row in told]
    curve = [(float(coverage), float(risk)) for coverage, risk in risk_coverage(confidence, right)]
    step = max(1, -(-len(curve) // _MOST_POINTS))
    kept = curve[:-1:step] + curve[-1:]
    return {
        "n": len(told),
        "right": sum(right) / len(right),
        "confidence": sum(confidence) / len(confidence),
        "ece": float(expected_calibration_error(confidence, right)),
        "brier": float(brier(confidence, right)),
        "aurc": float(area_under_risk_coverage(confidence, right)),
        "curve": [list(point) for point in kept],
    }


def planted_answers(rows: Iterable[Outcome]) -> dict[str, str]:
    """{question's id: the wrong answer that counterfactual evidence held} (metadata `planted`)."""
    return {row.id: str(row.metadata["planted"]) for row in rows if row.metadata.get("planted")}


def followed_planted(rows: Iterable[Outcome], planted: Mapping[str, str], seed: int) -> dict[str, Any] | None:
    """The share of questions with a planted wrong answer in which the arm's answer says it.

    An abstention follows nothing. Arms that never saw the planted passage show how often that happens by itself.
    """
    told = [row for row in rows if not row.error and row.id in planted]
    if not told:
        return None
    followed = [0.0 if row.abstained else match(row.answer, [planted[row.id]], row_language(row)) for row in told]
    return mean_figure(told, followed, seed=seed)


def labels(rows: Iterable[Outcome]) -> dict[str, Any] | None:
    """Precision, recall and F1 of every label and on average ("macro"); None where no question wants a label."""
    from firmground.eval.metrics.labels import label_figures

    figures = label_figures(rows)
    return asdict(figures) if figures else None


def groups(
    by_arm: Mapping[str, Mapping[str, Outcome]], name_of: Callable[[Outcome], str | None], seed: int
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """{group: {arm: {outcome: figure}}}: the three outcomes with their coverage, for every group that has questions."""
    names = {name for rows in by_arm.values() for row in rows.values() if (name := name_of(row))}
    return {name: {arm: _outcomes(rows.values(), name, name_of, seed) for arm, rows in by_arm.items()}
            for name in sorted(names)}  # fmt: skip


def _outcomes(
    rows: Collection[Outcome], group: str, name_of: Callable[[Outcome], str | None], seed: int
) -> dict[str, dict[str, Any]]:
    mine = [row for row in rows if name_of(row) == group and not row.error]
    return {name: mean_figure(mine, [row.scores.get(name) for row in mine], seed=seed) for name in OUTCOMES}


def row_category(row: Outcome) -> str | None:
    value = row.metadata.get("category")
    return None if value in (None, "") else str(value)


def row_language(row: Outcome) -> Any:
    """ "en" or "zh": the row's `language` field, else the script of its question and first gold answer."""
    named = str(row.metadata.get("language") or row.metadata.get("lang") or "").lower()
    if named[:2] in ("en", "zh"):
        return named[:2]
    return language_of(row.question, *row.answers[:1])


def counts(by_arm: Mapping[str, Mapping[str, Outcome]]) -> dict[str, Any]:
    """Questions by what is known of them; and what failed, by arm: counted apart from every rate."""
    questions = {key: row for rows in by_arm.values() for key, row in rows.items()}
    unanswerable = sum(row.metadata.get("answerable") is False for row in questions.values())
    gold = sum(bool(row.answers or row.metadata.get("answer")) for row in questions.values() if _may_answer(row))
    return {
        "questions": len(questions),
        "rows": sum(len(rows) for rows in by_arm.values()),
        "with_gold": gold,
        "unanswerable": unanswerable,
        "no_gold": len(questions) - gold - unanswerable,
        "errors": {arm: sum(not is_final(row) for row in rows.values()) for arm, rows in by_arm.items()},
        "error_kinds": {arm: _error_kinds(rows.values()) for arm, rows in by_arm.items()},
        "unparsed": {
            arm: sum(row.scores.get("accuracy") == "unparsed" for row in rows.values()) for arm, rows in by_arm.items()
        },
        "statuses": {arm: _statuses(rows.values()) for arm, rows in by_arm.items()},
    }


def _error_kinds(rows: Iterable[Outcome]) -> dict[str, int]:
    """{"RuntimeError": 3}, commonest first; and the statuses of questions for which an arm's evidence can't be made."""
    return dict(Counter(row.error.partition(":")[0] for row in rows if row.error).most_common())


def _statuses(rows: Iterable[Outcome]) -> dict[str, dict[str, int]]:
    """{metric: {status: rows}} for the statuses that say a figure failed."""
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        for name, value in row.scores.items():
            if isinstance(value, str) and value in _FAILURES:
                counted.setdefault(name, Counter())[value] += 1
    return {name: dict(counted[name].most_common()) for name in ordered(list(counted))}


def _may_answer(row: Outcome) -> bool:
    return row.metadata.get("answerable") is not False
