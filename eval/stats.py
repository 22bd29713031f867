"""Intervals and tests: seeded, vectorised, and without NaN: where nothing can be said, the result says so.

Bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 (percentile) and 14 (BCa).
Wilson: Wilson (1927), J. Am. Stat. Assoc. 22, 209. McNemar, exact: a two-sided binomial test on the discordant pairs.
Values are sorted first, so that a result doesn't depend on the order in which rows came.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
_CHUNK = 2_000_000  # numbers drawn at a time: 16 MB
_MOST_KEPT = 5_000  # values up to which a set of draws is kept: 100 MB at the most
_FEW = 16  # so many different values at most are resampled by their counts, which is the same and quicker

Method = Literal["bca", "percentile", "wilson", "all_equal", "none"]


@dataclass(frozen=True)
class Interval:
    """A mean with the interval that holds it at 95% confidence. `method` says how the interval came about:

    "all_equal": every value is the same, so resampling shows no spread; the bounds then come from the values' range
    (see `all_equal_interval`), or are None where they have none. "none": no values (n = 0), and `value` is None.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: Method


def mean_interval(
    values: Sequence[float] | np.ndarray,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    method: Literal["bca", "percentile"] = "bca",
    seed: int = 0,
) -> Interval:
    """The mean of (n,) values with its 95% bootstrap interval; for zeros and ones alone, Wilson's interval.

    Args:
        values: one per question, finite.
        bounds: what a value can be at least and at most; None where it has no bound (seconds).
        method: BCa corrects the percentile interval for bias and skewness.
        seed: of the resampling.
    """
    array = np.sort(np.asarray(values, dtype=np.float64))  # (n,)
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite values, got {array[~np.isfinite(array)][:3]}; leave failed rows out first")
    if array.size == 0:
        return Interval(None, None, None, 0, "none")
    if array[0] == array[-1]:
        return all_equal_interval(float(array[0]), array.size, bounds)
    if bounds == (0.0, 1.0) and bool(np.isin(array, (0.0, 1.0)).all()):
        return wilson_interval(int(array.sum()), array.size)
    means = resampled_means(array, seed=seed)
    levels = _bca_levels(array, means) if method == "bca" else _tails()
    low, high = np.quantile(means, levels)
    return Interval(float(array.mean()), float(low), float(high), array.size, method)


def paired_interval(
    first: Sequence[float],
    second: Sequence[float],
    bounds: tuple[float, float] | None = (-1.0, 1.0),
    method: Literal["bca", "percentile"] = "bca",
    seed: int = 0,
) -> Interval:
    """Mean of second - first, question by question, with its 95% interval: questions are resampled, pairs stay pairs.

    Raises:
        ValueError: `first` and `second` differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"expected pairs, got {len(first)} and {len(second)} values")
    return mean_interval(np.subtract(second, first), bounds, method, seed)


def wilson_interval(successes: int, n: int) -> Interval:
    """Wilson's 95% interval of a share: it stays inside [0, 1] and has a width even at 0 of n."""
    if n == 0:
        return Interval(None, None, None, 0, "none")
    z, share = NormalDist().inv_cdf((1 + CONFIDENCE) / 2), successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(share, low, high, n, "wilson")


def all_equal_interval(value: float, n: int, bounds: tuple[float, float] | None) -> Interval:
    """Bounds on a mean when all n values are the same, where a bootstrap would claim certainty.

    Another value was seen 0 times in n, so its share is at most Wilson's upper bound u; with values in [a, b] the mean
    lies between value - u (value - a) and value + u (b - value). For rates of 0 or 1 this is Wilson's interval.
    """
    if bounds is None:
        return Interval(value, None, None, n, "all_equal")
    share = wilson_interval(0, n).high or 0.0
    low, high = value - share * (value - bounds[0]), value + share * (bounds[1] - value)
    return Interval(value, low, high, n, "all_equal")


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that flips one way are as likely as the other; 1.0 where nothing flipped.

    p = min(1, 2 P(X <= min(b, c))) with X ~ Binomial(b + c, 1/2), in whole numbers, so exact for any count.
    """
    flips = only_first + only_second
    tail = sum(math.comb(flips, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**flips)


def resampled_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """(resamples,) means of samples drawn from (n,) values with replacement."""
    generator = np.random.default_rng(seed)
    different, counts = np.unique(values, return_counts=True)
    if different.size <= _FEW:  # how often each value is drawn is multinomial
        drawn = generator.multinomial(values.size, counts / values.size, size=resamples)  # (resamples, different)
        return drawn @ different / values.size
    if values.size > _MOST_KEPT:
        return np.concatenate([values[chosen].mean(axis=1) for chosen in _draws(generator, values.size, resamples)])
    counts_kept = _drawn_counts(values.size, resamples, seed)  # (resamples, n)
    rows = max(1, _CHUNK // values.size)
    blocks = (counts_kept[start : start + rows].astype(np.float64) for start in range(0, resamples, rows))
    return np.concatenate([block @ values / values.size for block in blocks])


@lru_cache(maxsize=2)
def _drawn_counts(n: int, resamples: int, seed: int) -> np.ndarray:
    """(resamples, n): how often each of n values is drawn. Kept, because a run's metrics mostly share their n."""
    blocks = []
    for chosen in _draws(np.random.default_rng(seed), n, resamples):  # (rows, n)
        cells = chosen + n * np.arange(len(chosen))[:, None]
        blocks.append(np.bincount(cells.ravel(), minlength=chosen.size).reshape(chosen.shape).astype(np.uint16))
    return np.concatenate(blocks)


def _draws(generator: np.random.Generator, n: int, resamples: int) -> Iterator[np.ndarray]:
    """(chunk, n) indices at a time: the same as one draw of (resamples, n), in less memory."""
    chunk = max(1, _CHUNK // n)
    for start in range(0, resamples, chunk):
        yield generator.integers(0, n, (min(chunk, resamples - start), n))


def _tails() -> np.ndarray:
    return np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])


def _bca_levels(values: np.ndarray, means: np.ndarray) -> np.ndarray:
    """(2,) quantiles to take: shifted by the bias z0 and the acceleration a (Efron & Tibshirani, 14.9 to 14.15).

    Of a mean, the jackknife gives a = sum (x - m)^3 / (6 (sum (x - m)^2)^1.5). Ties count half, as in scipy.
    """
    normal, centre = NormalDist(), values.mean()
    below = ((means < centre).mean() + (means <= centre).mean()) / 2
    if not 0 < below < 1:
        return _tails()
    deviation = values - centre
    acceleration = (deviation**3).sum() / (6 * (deviation**2).sum() ** 1.5)
    bias = normal.inv_cdf(float(below))
    shifted = [bias + normal.inv_cdf(float(level)) for level in _tails()]
    return np.array([normal.cdf(float(bias + z / (1 - acceleration * z))) for z in shifted])
