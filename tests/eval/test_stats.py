"""Intervals and tests against hand-computed values, brute force and, where present, scipy."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from firmground.eval.stats import (
    Interval,
    all_equal_interval,
    mcnemar,
    mean_interval,
    paired_interval,
    resampled_means,
    wilson_interval,
)
from firmground.eval.stats.intervals import _drawn_counts
from firmground.knowledge.errors import InputError


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_wilson_by_hand():
    # 8 of 10, z = 1.959964: centre (0.8 + 3.841459/20) / 1.3841459 = 0.716740, half 1.96 sqrt(0.016 + 0.0096036) / 1.38
    interval = wilson_interval(8, 10)
    assert (interval.value, interval.n) == (0.8, 10)
    assert interval.low == pytest.approx(0.490162, abs=1e-6)
    assert interval.high == pytest.approx(0.943318, abs=1e-6)
    assert wilson_interval(0, 10).low == 0.0
    assert wilson_interval(0, 10).high == pytest.approx(3.841459 / 13.841459, abs=1e-6)  # z² / (n + z²)
    assert wilson_interval(10, 10).high == 1.0
    assert wilson_interval(0, 0) == Interval(None, None, None, 0, "none")


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == mcnemar(5, 0) == 2 / 32
    assert mcnemar(1, 5) == 2 * (1 + 6) / 64
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(2, 8) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar(0, 1000) == 2.0**-999
    assert 0 < mcnemar(900, 1100) < 1e-4


def test_intervals_agree_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    for flips in [(0, 3), (4, 11), (50, 71), (7, 7)]:
        assert mcnemar(*flips) == pytest.approx(stats.binomtest(flips[0], sum(flips)).pvalue, rel=1e-12)
    for successes, n in [(0, 7), (3, 9), (57, 60), (5, 5)]:
        theirs = stats.binomtest(successes, n).proportion_ci(method="wilson")
        ours = wilson_interval(successes, n)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_bootstrap_is_scipys_to_the_last_digit(method):
    stats = pytest.importorskip("scipy.stats")
    values = np.sort(np.random.default_rng(7).beta(0.6, 1.7, 63))  # skewed, all different
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method=method, rng=np.random.default_rng(0)
    ).confidence_interval
    ours = mean_interval(np.random.default_rng(1).permutation(values), method=method)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    assert ours.method == method


def test_resampling_against_every_resample():
    values = np.array([0.0, 0.3, 1.0])
    every = np.array([np.mean(sample) for sample in itertools.product(values, repeat=3)])  # 27, equally likely
    drawn = resampled_means(values, resamples=200_000)
    for mean in np.unique(every.round(9)):
        expected = np.isclose(every, mean).mean()
        assert np.isclose(drawn, mean).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 200_000))
    assert set(drawn.round(9)) <= set(every.round(9))


def test_few_and_many_different_values_are_resampled_alike(monkeypatch):
    values = np.sort(np.random.default_rng(3).choice([0, 0.25, 0.5, 1], 80))
    by_counts = mean_interval(values)
    monkeypatch.setattr("firmground.eval.stats.intervals._FEW", 1)
    by_draws = mean_interval(values)
    assert by_counts.value == by_draws.value
    assert (by_counts.low, by_counts.high) == pytest.approx((by_draws.low, by_draws.high), abs=0.005)


def test_a_result_depends_on_the_seed_and_not_on_the_order_or_the_chunks(monkeypatch):
    values = np.random.default_rng(5).random(50)
    first = mean_interval(values)
    assert mean_interval(values[::-1]) == first
    assert mean_interval(values, seed=1) != first
    monkeypatch.setattr("firmground.eval.stats.intervals._CHUNK", 700)
    _drawn_counts.cache_clear()
    assert mean_interval(values) == first
    monkeypatch.setattr("firmground.eval.stats.intervals._MOST_KEPT", 0)
    many = mean_interval(values)
    assert (many.low, many.high) == pytest.approx((first.low, first.high), rel=1e-12)


def test_bca_covers_as_it_says():
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(300):  # mean of Beta(2, 1) is 2/3
        interval = mean_interval(generator.beta(2, 1, 40))
        covered += interval.low <= 2 / 3 <= interval.high
    assert 0.90 <= covered / 300 <= 0.985


def test_paired_difference():
    first, second = [0.0, 0.5, 1.0, 0.2] * 10, [0.5, 0.5, 0.9, 1.0] * 10
    interval = paired_interval(first, second)
    assert interval.value == pytest.approx((0.5 + 0 - 0.1 + 0.8) / 4)
    assert interval.low < interval.value < interval.high
    swapped = paired_interval(second, first, method="percentile")
    plain = paired_interval(first, second, method="percentile")
    assert swapped.value == pytest.approx(-plain.value)
    assert (swapped.low, swapped.high) == pytest.approx((-plain.high, -plain.low), abs=0.01)
    # pairs stay pairs: a constant gain is certain however much the questions differ
    shifted = paired_interval([0.1, 0.9] * 20, [0.2, 1.0] * 20, bounds=None)
    assert shifted.value == pytest.approx(0.1)
    with pytest.raises(InputError, match="expected pairs, got 2 and 1 values"):
        paired_interval([1, 2], [1])


def test_degenerate_cases_are_typed():
    assert mean_interval([]) == Interval(None, None, None, 0, "none")
    assert paired_interval([], []) == Interval(None, None, None, 0, "none")
    one = mean_interval([1.0])
    assert (one.value, one.high, one.n, one.method) == (1.0, 1.0, 1, "all_equal")
    assert one.low == pytest.approx(1 / (1 + 3.841459), abs=1e-6)
    assert mean_interval([2.5, 2.5], bounds=None) == Interval(2.5, None, None, 2, "all_equal")
    zeros = mean_interval([0.0] * 40)
    assert zeros.high == pytest.approx(wilson_interval(0, 40).high)
    same = paired_interval([0, 1] * 20, [0, 1] * 20)  # nothing flipped: small, but not certain
    assert same.value == 0.0
    assert -same.low == same.high == pytest.approx(wilson_interval(0, 40).high)
    assert all_equal_interval(0.5, 10, (0.0, 1.0)).low == pytest.approx(0.5 - 0.5 * wilson_interval(0, 10).high)
    with pytest.raises(InputError, match="expected finite values"):
        mean_interval([0.5, float("nan")])


def test_rates_of_zeros_and_ones_are_wilsons():
    assert mean_interval([1.0] * 8 + [0.0] * 2) == wilson_interval(8, 10)
