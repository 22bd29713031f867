"""The evidence gate fitted to one's own documents: its threshold, and its weights where those that ship don't rank.

Half of the questions fit (those on documents whose id has an even SHA-256), the other half reports, so that what is
told was not chosen on it. A question counts as answered by what was found when it is answerable and, where it names the
document that answers it, that document was found. No language model runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from firmground.eval.bench.verifier_statistics import auroc, auroc_at, interval
from firmground.eval.metrics.calibration import area_under_risk_coverage, risk_coverage
from firmground.eval.stats import Interval, mean_interval
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit
from firmground.rag.arms import AUGMENTED
from firmground.rag.gate import SIGNALS, answers_probability, signals

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase

LEAST = 10  # questions of either kind that each half needs
FOLDS = 5
RIDGE = 0.01  # on weights of signals of variance 1; of 1e-5 to 1 by cross-validation on three sets' fitting halves


@dataclass(frozen=True)
class Case:
    """A question with what was found for it, and whether the passage that answers it is among that."""

    example: Example
    hits: tuple[Hit, ...]

    @property
    def answered_by_hits(self) -> bool:
        named = not self.example.gold or any(hit.passage.document in self.example.gold for hit in self.hits)
        return self.example.answerable and named


@dataclass(frozen=True)
class Gate:
    """What was fitted: an arm's `gate` and `gate_weights`. `weights` (): those that ship rank at least as well."""

    threshold: float
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class GateReport:
    """The gate on the questions that it wasn't fitted on. Shares in [0, 1]; risk: of the questions let through, those
    that what was found doesn't answer.

    `precision`: of the questions declined, those that have no answer; `recall`: of those that have none, the declined.
    `curve`: (coverage, risk) from the strictest gate on; `area` under it, `blind`: under that of a gate by chance.
    """

    n: int
    auroc: float
    auroc_interval: tuple[float, float]
    coverage: Interval
    risk: Interval
    precision: Interval
    recall: Interval
    curve: list[tuple[float, float]]
    area: float
    blind: float

    @property
    def helps(self) -> bool:
        """Whether it tells the two kinds apart: the interval of AUROC lies above one half."""
        return self.auroc_interval[0] > 0.5


def is_odd(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[-1] % 2 == 1


def find_cases(base: KnowledgeBase, examples: Sequence[Example]) -> list[Case]:
    """What the augmented arm finds for each question without choices (those aren't gated)."""
    asked = [one for one in examples if not one.choices]
    if not asked:
        return []
    found = base.search([one.question for one in asked], k=AUGMENTED.num_passages)
    return [Case(one, tuple(hits)) for one, hits in zip(asked, found, strict=True)]


def halves(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Those that fit and those that report, by the document they stand on.

    Raises:
        InputError: a half has fewer than `LEAST` of either kind.
    """
    fitting = [case for case in cases if not is_odd(case.example.cluster)]
    reporting = [case for case in cases if is_odd(case.example.cluster)]
    for half in (fitting, reporting):
        answered = sum(case.answered_by_hits for case in half)
        if min(answered, len(half) - answered) < LEAST:
            raise InputError(
                f"expected at least {LEAST} questions that the documents answer and {LEAST} that they don't "
                f'("answerable": false) in each half, got {answered} and {len(half) - answered}; add questions'
            )
    return fitting, reporting


def logistic(columns: np.ndarray, truth: np.ndarray, ridge: float = 1e-5) -> tuple[float, np.ndarray]:
    """Intercept and weights (signals,) of a logistic regression, both classes weighing the same, by Newton's method.

    Args:
        columns: (n, signals). truth: (n,) booleans. ridge: on the weights, per case; only keeps them finite.
    """
    matrix = np.column_stack([np.ones(len(columns)), columns])  # (n, 1 + signals)
    share = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean())) / len(truth)  # (n,) sums to 1
    penalty = np.diag([0.0] + [ridge] * columns.shape[1])
    beta = np.zeros(matrix.shape[1])
    for _ in range(50):
        odds = 1 / (1 + np.exp(-matrix @ beta))
        slope = matrix.T @ (share * (odds - truth)) + penalty @ beta
        curvature = (matrix * (share * odds * (1 - odds))[:, None]).T @ matrix + penalty
        step = np.linalg.solve(curvature, slope)
        beta -= step
        if np.abs(step).max() < 1e-9:
            break
    return float(beta[0]), beta[1:]


def fit(cases: Sequence[Case], encoder: str, risk: float | None = None) -> Gate:
    """The gate for these questions: weights of their own where they rank better than those that ship, in folds that
    they weren't fitted on; and the threshold by `threshold`, on the same probabilities.

    Args:
        cases: with both kinds among them. encoder: the name of the base's. risk: see `threshold`.
    """
    truth = np.array([case.answered_by_hits for case in cases])
    shipped = probabilities(Gate(0.0), cases, encoder)
    columns = _columns(cases)
    own = _out_of_fold(columns, truth, [case.example.cluster for case in cases])
    if (auroc(truth, own) or 0.0) <= (auroc(truth, shipped) or 0.0):
        return Gate(threshold(shipped, truth, risk))
    return Gate(threshold(own, truth, risk), _weights(columns, truth))


def threshold(chances: np.ndarray, truth: np.ndarray, risk: float | None = None) -> float:
    """The least probability that is let through: with a wanted risk, the lowest at which no more than this share of
    what is let through isn't answered; without, where the share of the answered let through and that of the others
    declined are largest together.

    Raises:
        InputError: no threshold has this risk.
    """
    levels = np.unique(chances)  # (levels,) ascending
    if risk is None:
        sums = [truth[chances >= level].sum() / truth.sum() - (~truth[chances >= level]).sum() / (~truth).sum()
                for level in levels]  # fmt: skip
        return float(levels[int(np.argmax(sums))])
    risks = [float((~truth[chances >= level]).mean()) for level in levels]
    good = [float(level) for level, one in zip(levels, risks, strict=True) if one <= risk]
    if not good:
        raise InputError(f"no threshold has a risk of {risk:g} on the fitting half; the least is {min(risks):.3f}")
    return good[0]


def measure(gate: Gate, cases: Sequence[Case], encoder: str) -> GateReport:
    """The gate's figures on other questions than it was fitted on, with 95% intervals over whole documents."""
    chances = probabilities(gate, cases, encoder)
    truth = np.array([case.answered_by_hits for case in cases])
    answerable = np.array([case.example.answerable for case in cases])
    groups = np.array([case.example.cluster for case in cases])
    through = chances >= gate.threshold

    def share(of: np.ndarray, where: np.ndarray) -> Interval:
        return mean_interval(of[where].astype(float), clusters=groups[where].tolist())

    everyone = np.ones(len(cases), bool)
    return GateReport(
        len(cases), auroc(truth, chances) or 0.0, interval(groups.tolist(), partial(auroc_at, truth, chances)),
        share(through, everyone), share(~truth, through), share(~answerable, ~through), share(~through, ~answerable),
        risk_coverage(chances.tolist(), truth.tolist()), area_under_risk_coverage(chances.tolist(), truth.tolist()),
        1 - float(truth.mean()),
    )  # fmt: skip


def probabilities(gate: Gate, cases: Sequence[Case], encoder: str) -> np.ndarray:
    """(n,) as an arm with this gate sees them."""
    return np.array([answers_probability(case.example.question, case.hits, encoder, gate.weights) for case in cases])


def _columns(cases: Sequence[Case]) -> np.ndarray:
    """(n, signals) of those signals that every question has."""
    rows = [signals(case.example.question, case.hits) for case in cases]
    names = [name for name in SIGNALS if all(name in row for row in rows)]
    return np.array([[row[name] for name in names] for row in rows])


def _weights(columns: np.ndarray, truth: np.ndarray) -> tuple[float, ...]:
    """Intercept, and the weight of each signal as it comes: fitted on signals of mean 0 and variance 1."""
    mean, spread = columns.mean(0), columns.std(0) + 1e-9
    intercept, slopes = logistic((columns - mean) / spread, truth, RIDGE)
    slopes = slopes / spread
    return tuple(round(float(one), 4) for one in (intercept - slopes @ mean, *slopes))


def _out_of_fold(columns: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """(n,) probabilities by weights fitted without the question's fold; one half where the rest is all of a kind."""
    fold = np.array([hashlib.sha256(f"fold {group}".encode()).digest()[-1] % FOLDS for group in groups])
    chances = np.full(len(truth), 0.5)
    for number in np.unique(fold):
        rest = truth[fold != number]
        if rest.any() and not rest.all():
            intercept, *slopes = _weights(columns[fold != number], rest)
            chances[fold == number] = 1 / (1 + np.exp(-(intercept + columns[fold == number] @ np.array(slopes))))
    return chances
