"""Tests of a difference between two arms on the same questions, and what so many questions can show.

McNemar, exact: a two-sided binomial test on the discordant pairs. Permutation: Fisher's paired randomisation test; with
drawn signs the observed one counts too, so p is never 0 (Phipson & Smyth, 2010, Stat. Appl. Genet. Mol. Biol. 9, 39).
Holm (1979), Scand. J. Stat. 6, 65. Two one-sided tests: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657.
Smallest effect: Cohen, Statistical Power Analysis (1988), chapter 2; Card et al. (2020), arXiv:2010.06595.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist
from typing import Literal

import numpy as np

from firmground.eval.stats.intervals import cluster_sums, finite, mean_interval, paired_differences
from firmground.knowledge.errors import InputError

ALPHA = 0.05  # the share of two-sided tests that may find a difference where there is none
POWER = 0.8  # the share of studies that shall find a difference that is there
PERMUTATIONS = 10_000
_EXACT = 18  # so many differences at most have all their signs enumerated: 131,072 sums
_CHUNK = 2_000_000  # signs drawn at a time: 16 MB
_SAME = 1e-9  # sums of floats that differ by less, relative to the sum of all, are the same

Verdict = Literal["equivalent", "better", "worse", "not_shown"]


@dataclass(frozen=True)
class Equivalence:
    """What a 90% interval [low, high] of the mean difference says about a margin, by one-sided tests at 5%:

    "equivalent": the whole interval lies within (-margin, margin). Otherwise "better" or "worse": the whole interval
    lies above or below 0. Otherwise "not_shown": these questions can't tell. `low` and `high` are None without data.
    """

    low: float | None
    high: float | None
    margin: float
    verdict: Verdict

    @property
    def no_harm(self) -> bool:
        """Shown to be worse by less than the margin (non-inferiority). False also where nothing is shown."""
        return self.low is not None and self.low > -self.margin


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that flips one way are as likely as the other; 1.0 where nothing flipped.

    p = min(1, 2 P(X <= min(b, c))) with X ~ Binomial(b + c, 1/2), in whole numbers, so exact for any count.
    """
    flips = only_first + only_second
    tail = sum(islice(_binomials(flips), min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**flips)


def _binomials(n: int) -> Iterator[int]:
    """n over 0, n over 1, … n over n, each from its predecessor: for thousands of flips much quicker than anew."""
    ways = 1
    for k in range(n + 1):
        yield ways
        ways = ways * (n - k) // (k + 1)


def permutation_test(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    seed: int = 0,
    clusters: Sequence[str] | None = None,
) -> float:
    """Two-sided p-value that the arms are interchangeable: each difference (with `clusters`, each cluster's sum) could
    as well have had the other sign, and the p-value is the share of signs that reach the observed mean.

    Exact where there are few differences, or where all have one size (then it is McNemar's); else `PERMUTATIONS` drawn.

    Raises:
        InputError: `first` and `second` differ in length, hold something not finite, or `clusters` has another length.
    """
    differences = finite(paired_differences(first, second))
    if clusters is not None:
        differences, _ = cluster_sums(differences, clusters)
    sizes = np.sort(np.abs(differences))
    sizes = sizes[sizes > _SAME * sizes.sum()] if sizes.size else sizes
    if sizes.size == 0:
        return 1.0
    slack = _SAME * sizes.sum()
    if sizes[-1] - sizes[0] <= slack:
        above = int((differences > slack).sum())
        return mcnemar(sizes.size - above, above)
    least = abs(math.fsum(differences)) - slack
    if sizes.size <= _EXACT:
        return float((np.abs(_every_sum(sizes)) >= least).mean())
    return (1 + _reached(sizes, least, seed)) / (PERMUTATIONS + 1)


def _every_sum(sizes: np.ndarray) -> np.ndarray:
    """(2^(n-1),) sums of (n,) sizes under all signs but the first's, whose flip only mirrors them."""
    sums = sizes[:1]
    for size in sizes[1:]:
        sums = np.concatenate([sums + size, sums - size])
    return sums


def _reached(sizes: np.ndarray, least: float, seed: int) -> int:
    """How many of `PERMUTATIONS` drawn sums of (n,) sizes under random signs are at least `least` away from 0."""
    generator, total, reached = np.random.default_rng(seed), sizes.sum(), 0
    rows = max(1, _CHUNK // sizes.size)
    for start in range(0, PERMUTATIONS, rows):
        up = generator.random((min(rows, PERMUTATIONS - start), sizes.size)) < 0.5
        reached += int((np.abs(2 * (up @ sizes) - total) >= least).sum())
    return reached


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values for many comparisons: held against 5%, the chance of even one false find stays at 5%.

    The i-th smallest of m is multiplied by m - i + 1, is at least its predecessor, and at most 1. Order is kept.

    Raises:
        InputError: one isn't in [0, 1].
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise InputError(f"expected p-values in [0, 1], got {p} for {name!r}: give the tests' own p-values")
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def equivalence(
    differences: Sequence[float] | np.ndarray,
    margin: float,
    clusters: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = (-1.0, 1.0),
    seed: int = 0,
) -> Equivalence:
    """Whether a mean difference is small enough not to matter: two one-sided tests at 5%, read off the 90% interval.

    Args:
        differences: (n,) second - first of a score of which more is better; turn the sign where less is better.
        margin: the largest difference that doesn't matter, in the score's unit. Choose it before looking.
        clusters: as in `mean_interval`.
        bounds: what a difference can be at least and at most; None where it has no bound.
        seed: of the resampling.

    Raises:
        InputError: `margin` isn't above 0, or as in `mean_interval`.
    """
    if not 0 < margin < math.inf:
        raise InputError(f"expected a margin above 0, got {margin}: name the largest difference that doesn't matter")
    interval = mean_interval(differences, bounds, seed=seed, clusters=clusters, confidence=1 - 2 * ALPHA)
    low, high = interval.low, interval.high
    verdict: Verdict = "not_shown"
    if low is not None and high is not None:
        if -margin < low and high < margin:
            verdict = "equivalent"
        elif low > 0 or high < 0:
            verdict = "better" if low > 0 else "worse"
    return Equivalence(low, high, margin, verdict)


def smallest_effect(
    differences: Sequence[float] | np.ndarray, power: float = POWER, clusters: Sequence[str] | None = None
) -> float | None:
    """The smallest true mean difference that as many questions as these, as scattered, show (two-sided, `ALPHA`) with
    probability `power`: (z of 1 - alpha/2 + z of power) standard errors of the mean, by the normal approximation.

    In the differences' unit. None where they don't vary, or are fewer than two: the scatter is then unknown, not 0.

    Raises:
        InputError: `power` isn't in (alpha, 1), a difference isn't finite, or `clusters` has another length.
    """
    z = _normal_distance(power)
    values = finite(differences)
    sums, sizes = cluster_sums(values, clusters if clusters is not None else [""] * len(values))
    if len(sums) < 2:
        return None
    rest = sums - sizes * (math.fsum(sums) / sizes.sum())  # (c,) what each cluster adds beyond the mean
    variance = len(sums) / (len(sums) - 1) * math.fsum(rest**2) / sizes.sum() ** 2
    if variance <= (_SAME * np.abs(values).max()) ** 2:
        return None
    return z * math.sqrt(variance)


def smallest_mcnemar_effect(flips: int, n: int, power: float = POWER) -> float | None:
    """The smallest net share of n questions (won - lost) that exact McNemar shows with probability `power`, given that
    `flips` come out differently. Exact: the binomial's tails. None where so few can't show anything (under 6).

    Raises:
        InputError: `flips` isn't in [0, n], or `power` isn't in (alpha, 1).
    """
    _normal_distance(power)
    if not 0 <= flips <= n or n == 0:
        raise InputError(f"expected 0 <= flips <= n and n > 0, got flips={flips}, n={n}: count the same questions")
    tail, ways = 0, []  # ways[k]: of k flips on the rarer side, where McNemar's p is still at most alpha
    for more in _binomials(flips):
        tail += more
        if 2 * tail / 2**flips > ALPHA:
            break
        ways.append(math.log(more))
    if not ways:
        return None
    counts = np.array([*range(len(ways)), *range(flips, flips - len(ways), -1)])  # where the test rejects
    log_ways = np.array(ways + ways)
    low, high = 0.5, 1.0  # the share of flips that are won
    while high - low > 1e-12:
        share = (low + high) / 2
        shown = np.exp(log_ways + counts * math.log(share) + (flips - counts) * math.log1p(-share)).sum()
        low, high = (low, share) if shown >= power else (share, high)
    return (2 * high - 1) * flips / n


def _normal_distance(power: float) -> float:
    """How many standard errors from 0 a true mean must lie to be found with probability `power`."""
    if not ALPHA < power < 1:
        raise InputError(f"expected a power above {ALPHA:.2f} and below 1, got {power}: {POWER} is usual")
    return NormalDist().inv_cdf(1 - ALPHA / 2) + NormalDist().inv_cdf(power)
