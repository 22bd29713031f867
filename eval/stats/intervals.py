"""Intervals of a mean: seeded, vectorised, and without NaN: where nothing can be said, the result says so.

Bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 (percentile) and 14 (BCa).
Clusters: Davison & Hinkley, Bootstrap Methods and their Application (1997), 3.8; Field & Welsh (2007), J. R. Stat. Soc.
B 69, 369. Wilson: Wilson (1927), J. Am. Stat. Assoc. 22, 209.
Values are sorted first, so that a result doesn't depend on the order in which rows came.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np

from firmground.knowledge.errors import InputError

CONFIDENCE = 0.95
RESAMPLES = 10_000
_CHUNK = 2_000_000  # numbers drawn at a time: 16 MB
_MOST_KEPT = 5_000  # values up to which a set of draws is kept: 100 MB at the most
_FEW = 16  # so many different values at most are resampled by their counts, which is the same and quicker

Method = Literal["bca", "percentile", "cluster", "wilson", "ppi", "all_equal", "none"]


@dataclass(frozen=True)
class Interval:
    """A mean with the interval that holds it at 95% confidence. `method` says how the interval came about:

    "cluster": whole clusters were resampled. "ppi": a judge's verdicts, corrected by labels (n counts the labels).
    "all_equal": every value (or every cluster's mean) is the same, so resampling shows no spread; the bounds then come
    from the values' range (see `all_equal_interval`), or are None where they have none.
    "none": no values (n = 0), and `value` is None.
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
    clusters: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The mean of (n,) values with its bootstrap interval; for zeros and ones alone, Wilson's interval.

    Args:
        values: one per question, finite.
        bounds: what a value can be at least and at most; None where it has no bound (seconds).
        method: BCa corrects the percentile interval for bias and skewness.
        seed: of the resampling.
        clusters: (n,) names. Questions of one name aren't independent of each other: where any name has more than one
            question, whole clusters are resampled, zeros and ones too. An empty name is a cluster of its own.
        confidence: of the interval, in (0, 1).

    Raises:
        InputError: a value isn't finite, or `clusters` has another length.
    """
    array = finite(values)
    if array.size == 0:
        return Interval(None, None, None, 0, "none")
    if clusters is not None:
        sums, sizes = cluster_sums(array, clusters)
        if sizes.max() > 1:
            return _cluster_interval(sums, sizes, bounds, method, seed, confidence)
    array = np.sort(array)  # (n,)
    if array[0] == array[-1]:
        return all_equal_interval(float(array[0]), array.size, bounds, confidence)
    if bounds == (0.0, 1.0) and bool(np.isin(array, (0.0, 1.0)).all()):
        return wilson_interval(int(array.sum()), array.size, confidence)
    means, centre = resampled_means(array, seed=seed), array.mean()
    levels = _bca_levels(centre, array - centre, means, confidence) if method == "bca" else _tails(confidence)
    low, high = np.quantile(means, levels)
    return Interval(float(centre), float(low), float(high), array.size, method)


def paired_interval(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    bounds: tuple[float, float] | None = (-1.0, 1.0),
    method: Literal["bca", "percentile"] = "bca",
    seed: int = 0,
    clusters: Sequence[str] | None = None,
) -> Interval:
    """Mean of second - first, question by question, with its 95% interval: questions (with `clusters`, whole clusters
    of them) are resampled, pairs stay pairs.

    Raises:
        InputError: `first` and `second` differ in length, or as in `mean_interval`.
    """
    return mean_interval(paired_differences(first, second), bounds, method, seed, clusters)


def paired_differences(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> np.ndarray:
    """(n,) second - first. Raises InputError where they aren't pairs."""
    if len(first) != len(second):
        raise InputError(f"expected pairs, got {len(first)} and {len(second)} values: compare the same questions")
    return np.subtract(second, first, dtype=np.float64)


def finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """(n,) float64. Raises InputError where one is infinite or NaN."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"expected finite values, got {array[~np.isfinite(array)][:3]}: leave failed rows out first")
    return array


def cluster_sums(values: np.ndarray, clusters: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(c,) sums of the values of each cluster and (c,) how many they are; neither the order of rows nor the names
    change the result. An empty name is a cluster of its own. Raises InputError where the lengths differ."""
    if len(clusters) != len(values):
        raise InputError(f"expected one cluster a value, got {len(clusters)} clusters for {len(values)} values")
    members: dict[str | int, list[float]] = {}
    for index, (name, value) in enumerate(zip(clusters, values.tolist(), strict=True)):
        members.setdefault(name or index, []).append(value)
    sums = np.array([math.fsum(group) for group in members.values()])
    sizes = np.array([len(group) for group in members.values()], dtype=np.float64)
    order = np.lexsort((sums, sizes))
    return sums[order], sizes[order]


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval of a share: it stays inside [0, 1] and has a width even at 0 of n."""
    if n == 0:
        return Interval(None, None, None, 0, "none")
    z, share = NormalDist().inv_cdf((1 + confidence) / 2), successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(share, low, high, n, "wilson")


def all_equal_interval(
    value: float, n: int, bounds: tuple[float, float] | None, confidence: float = CONFIDENCE
) -> Interval:
    """Bounds on a mean when all n values are the same, where a bootstrap would claim certainty.

    Another value was seen 0 times in n, so its share is at most Wilson's upper bound u; with values in [a, b] the mean
    lies between value - u (value - a) and value + u (b - value). For rates of 0 or 1 this is Wilson's interval.
    """
    if bounds is None:
        return Interval(value, None, None, n, "all_equal")
    share = wilson_interval(0, n, confidence).high or 0.0
    low, high = value - share * (value - bounds[0]), value + share * (bounds[1] - value)
    return Interval(value, low, high, n, "all_equal")


def _cluster_interval(
    sums: np.ndarray,
    sizes: np.ndarray,
    bounds: tuple[float, float] | None,
    method: Literal["bca", "percentile"],
    seed: int,
    confidence: float,
) -> Interval:
    """The interval of sum / size over (c,) clusters: a ratio, because clusters differ in size.

    BCa's acceleration comes from the jackknife that leaves one cluster out. Where all clusters have the same mean, as
    many values as there are clusters stand behind it, not more.
    """
    total, n = math.fsum(sums), int(sizes.sum())
    value, means = total / n, sums / sizes
    if np.ptp(means) <= 1e-12 * np.abs(means).max():
        return replace(all_equal_interval(value, len(sums), bounds, confidence), n=n)
    drawn_sums, drawn_sizes = _drawn_sums((sums, sizes), RESAMPLES, seed)
    ratios = drawn_sums / drawn_sizes  # (resamples,)
    left_out = (total - sums) / (n - sizes)  # (c,)
    levels = (
        _bca_levels(value, left_out.mean() - left_out, ratios, confidence) if method == "bca" else _tails(confidence)
    )
    low, high = np.quantile(ratios, levels)
    return Interval(value, float(low), float(high), n, "cluster")


def resampled_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """(resamples,) means of samples drawn from (n,) values with replacement."""
    different, counts = np.unique(values, return_counts=True)
    if different.size <= _FEW:  # how often each value is drawn is multinomial
        generator = np.random.default_rng(seed)
        drawn = generator.multinomial(values.size, counts / values.size, size=resamples)  # (resamples, different)
        return drawn @ different / values.size
    return _drawn_sums((values,), resamples, seed)[0] / values.size


def _drawn_sums(columns: tuple[np.ndarray, ...], resamples: int, seed: int) -> list[np.ndarray]:
    """For each of the (n,) columns (resamples,) sums of n rows drawn with replacement, the same rows for each."""
    n = columns[0].size
    if n > _MOST_KEPT:
        draws = _draws(np.random.default_rng(seed), n, resamples)
        sums = [[column[chosen].sum(axis=1) for column in columns] for chosen in draws]
    else:
        counts, rows = _drawn_counts(n, resamples, seed), max(1, _CHUNK // n)  # (resamples, n)
        blocks = (counts[start : start + rows].astype(np.float64) for start in range(0, resamples, rows))
        sums = [[block @ column for column in columns] for block in blocks]
    return [np.concatenate(parts) for parts in zip(*sums, strict=True)]


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


def _tails(confidence: float) -> np.ndarray:
    return np.array([(1 - confidence) / 2, (1 + confidence) / 2])


def _bca_levels(centre: float, deviation: np.ndarray, means: np.ndarray, confidence: float) -> np.ndarray:
    """(2,) quantiles to take: shifted by the bias z0 and the acceleration a (Efron & Tibshirani, 14.9 to 14.15).

    `deviation` is how far the jackknife's estimates lie from their mean, in any unit; of a mean, the values from
    theirs: a = sum (x - m)^3 / (6 (sum (x - m)^2)^1.5). Ties count half, as in scipy.
    """
    normal = NormalDist()
    below = ((means < centre).mean() + (means <= centre).mean()) / 2
    if not 0 < below < 1:
        return _tails(confidence)
    acceleration = (deviation**3).sum() / (6 * (deviation**2).sum() ** 1.5)
    bias = normal.inv_cdf(float(below))
    shifted = [bias + normal.inv_cdf(float(level)) for level in _tails(confidence)]
    return np.array([normal.cdf(float(bias + z / (1 - acceleration * z))) for z in shifted])
