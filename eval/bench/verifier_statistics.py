"""What verifiers are measured by: ranking, accuracy and calibration, each with an interval over whole documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from firmground.eval.metrics.calibration import expected_calibration_error

RESAMPLES, SEED = 1000, 0
STRATA = 5

Figure = dict[str, float | None]  # value, low, high


def auroc(labels: Sequence[bool] | np.ndarray, scores: Sequence[float] | np.ndarray) -> float | None:
    """The probability that a positive scores above a negative, ties counting half; None without both.

    Mann and Whitney's U by mid-ranks: (sum of the positives' ranks - P(P + 1)/2) / (P * N).
    """
    truth = np.asarray(labels, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    return _wins(truth, np.asarray(scores, dtype=float)) / (positives * negatives)


def _wins(truth: np.ndarray, scores: np.ndarray) -> float:
    """Pairs of a positive and a negative in which the positive scores higher, ties counting half: U."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    positives = int(truth.sum())
    middle = np.cumsum(counts) - (counts - 1) / 2  # mid-rank of each distinct value, from 1
    return float(middle[inverse][truth].sum() - positives * (positives + 1) / 2)


def auroc_at(labels: np.ndarray, scores: np.ndarray, at: np.ndarray) -> float | None:
    return auroc(labels[at], scores[at])


def auroc_alike(labels: np.ndarray, scores: np.ndarray, form: np.ndarray, at: np.ndarray) -> float | None:
    """AUROC over the pairs alone whose `form` scores are in the same fifth: what form doesn't tell. None: no pair."""
    truth, ours = labels[at], scores[at]
    edges = np.quantile(form, np.arange(1, STRATA) / STRATA)
    stratum = np.searchsorted(edges, form[at], side="right")
    wins = pairs = 0.0
    for number in range(STRATA):
        here = stratum == number
        positives = int(truth[here].sum())
        pairs += positives * (int(here.sum()) - positives)
        wins += _wins(truth[here], ours[here]) if positives and positives < here.sum() else 0.0
    return wins / pairs if pairs else None


def balanced_accuracy(labels: np.ndarray, scores: np.ndarray, threshold: float) -> float | None:
    """Mean of the shares of positives at or above the threshold and of negatives below it; None without both."""
    truth = np.asarray(labels, dtype=bool)
    if truth.all() or not truth.any():
        return None
    said = np.asarray(scores) >= threshold
    return float((said[truth].mean() + (~said[~truth]).mean()) / 2)


def calibration_error(labels: np.ndarray, support: np.ndarray) -> float | None:
    """Expected calibration error of support as the probability of "supported", ten bins; None without cases."""
    if not len(labels):
        return None
    return expected_calibration_error([float(one) for one in support], [float(one) for one in labels])


def share(flags: np.ndarray) -> float | None:
    return float(np.mean(flags)) if len(flags) else None


def interval(
    groups: Sequence[str], figure: Callable[[np.ndarray], float | None], resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """95% percentile bootstrap of `figure(indices)`, drawing whole groups: cases of one group aren't independent."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        members[group].append(i)
    blocks = [np.array(block) for block in members.values()]
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        chosen = np.concatenate([blocks[i] for i in random.integers(0, len(blocks), len(blocks))])
        value = figure(chosen)
        if value is not None:
            drawn.append(value)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def figure(groups: Sequence[str], of: Callable[[np.ndarray], float | None]) -> Figure:
    """A figure with its interval; None where there is nothing to measure."""
    value = of(np.arange(len(groups))) if groups else None
    if value is None:
        return {"value": None, "low": None, "high": None}
    low, high = interval(groups, of)
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
