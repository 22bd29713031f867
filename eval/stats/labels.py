"""A few labels and many verdicts of a judge, together: prediction-powered inference.

Angelopoulos, Bates, Fannjiang, Jordan & Zrnic (2023), Prediction-Powered Inference, Science 382, 669; its power-tuned
form is PPI++ (Angelopoulos, Duchi & Zrnic, 2023, arXiv:2311.01453), of which this is the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from firmground.eval.stats.intervals import CONFIDENCE, Interval, all_equal_interval, finite
from firmground.knowledge.errors import InputError

FEWEST_LABELS = 100  # the interval stands on the normal approximation


def prediction_powered(
    labels: Sequence[float] | np.ndarray,
    judged: Sequence[float] | np.ndarray,
    judged_rest: Sequence[float] | np.ndarray,
    bounds: tuple[float, float] | None = (0.0, 1.0),
) -> Interval:
    """The mean that labels for all questions would have, with its 95% interval: what the judge says of the many, less
    what it gets wrong on average on the labelled few. It is valid however bad the judge is; a good one narrows it.

    value = mean(labels) + lambda (mean(judged_rest) - mean(judged)); its variance is var(labels - lambda judged) / n +
    lambda² var(judged_rest) / N, and lambda in [0, 1] (0: labels alone) is the one that makes it least:
    cov(labels, judged) / ((1 + n/N) var(all judged)).

    Args:
        labels: (n,) people's verdicts on a random sample of the questions, n at least 100.
        judged: (n,) the judge's verdicts on the same questions, in the same order.
        judged_rest: (N,) the judge's verdicts on the questions without a label.
        bounds: what a value can be at least and at most, or None; figures outside are cut off.

    Raises:
        InputError: fewer than 100 labels, no rest, or `labels` and `judged` aren't pairs.
    """
    if len(labels) != len(judged):
        raise InputError(
            f"expected a verdict for each label, got {len(judged)} verdicts, {len(labels)} labels: pair them"
        )
    if len(labels) < FEWEST_LABELS:
        raise InputError(f"expected at least {FEWEST_LABELS} labels, got {len(labels)}: label more questions")
    if len(judged_rest) == 0:
        raise InputError("expected verdicts on questions without a label, got none: use mean_interval on the labels")
    pairs = np.array([finite(labels), finite(judged)])
    truth, verdicts = pairs[:, np.lexsort(pairs)]  # sorted: the order of rows doesn't matter
    rest = np.sort(finite(judged_rest))
    n, many = truth.size, rest.size
    tuning = _power_tuning(truth, verdicts, rest)
    corrected = truth - tuning * verdicts  # (n,)
    value = float(tuning * rest.mean() + corrected.mean())
    error = math.sqrt(corrected.var() / n + tuning**2 * rest.var() / many)
    if error <= 1e-12 * max(1.0, abs(value)):  # no scatter in the labels isn't certainty
        return all_equal_interval(value, n, bounds)
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    least, most = bounds if bounds is not None else (-math.inf, math.inf)
    value, low, high = (min(max(figure, least), most) for figure in (value, value - half, value + half))
    return Interval(value, low, high, n, "ppi")


def _power_tuning(truth: np.ndarray, verdicts: np.ndarray, rest: np.ndarray) -> float:
    """PPI++'s lambda in [0, 1]: how far the judge is trusted. 0 where its verdicts don't vary."""
    spread = np.concatenate([verdicts, rest]).var(ddof=1)
    if spread == 0:
        return 0.0
    together = ((truth - truth.mean()) * (verdicts - verdicts.mean())).mean()
    return float(min(1.0, max(0.0, together / ((1 + truth.size / rest.size) * spread))))
