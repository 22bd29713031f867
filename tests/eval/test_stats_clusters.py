"""Intervals where questions share a passage: whole clusters are resampled."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from firmground.eval.stats import Interval, all_equal_interval, mean_interval, paired_interval
from firmground.eval.stats.intervals import _drawn_sums, cluster_sums
from firmground.knowledge.errors import InputError


def _many(generator: np.random.Generator, clusters: int = 60) -> tuple[list[float], list[str]]:
    """Clusters of 1 to 6 questions that are hard or easy together."""
    values, names = [], []
    for number in range(clusters):
        level = generator.random()
        for _ in range(generator.integers(1, 7)):
            values.append(float(np.clip(level + generator.normal(0, 0.1), 0, 1)))
            names.append(f"passage {number}")
    return values, names


def test_clusters_of_one_change_nothing():
    generator = np.random.default_rng(2)
    rates, few = generator.choice([0.0, 1.0], 50), generator.choice([0, 0.5, 1], 50)
    for values in (generator.random(50), rates, few, [1.0] * 9):
        names = [f"question {number}" for number in range(len(values))]
        assert mean_interval(values, clusters=names) == mean_interval(values)
        assert mean_interval(values, clusters=[""] * len(values)) == mean_interval(values)  # unnamed: each its own
    first, second = generator.random(40), generator.random(40)
    names = [str(number) for number in range(40)]
    assert paired_interval(first, second, clusters=names) == paired_interval(first, second)
    assert mean_interval([], clusters=[]) == Interval(None, None, None, 0, "none")


def test_sums_by_hand():
    sums, sizes = cluster_sums(np.array([0.5, 1.0, 0.25, 0.0, 1.0]), ["b", "a", "b", "", "a"])
    assert (sums.tolist(), sizes.tolist()) == ([0.0, 0.75, 2.0], [1.0, 2.0, 2.0])
    with pytest.raises(InputError, match="one cluster a value, got 1 clusters for 2 values"):
        mean_interval([0.1, 0.2], clusters=["a"])


def test_the_ratio_against_every_resample():
    """Clusters of 1, 2 and 3 questions: a resample's mean is the sum of its sums by the sum of its sizes."""
    sums, sizes = np.array([1.0, 0.5, 0.9]), np.array([1.0, 2.0, 3.0])
    every = [
        sum(sums[i] for i in chosen) / sum(sizes[i] for i in chosen) for chosen in itertools.product(range(3), repeat=3)
    ]
    drawn_sums, drawn_sizes = _drawn_sums((sums, sizes), 100_000, 0)
    ratios = drawn_sums / drawn_sizes
    for ratio in set(np.round(every, 9)):
        expected = np.isclose(every, ratio).mean()
        assert np.isclose(ratios, ratio).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 100_000))


def test_percentile_and_bca_are_scipys():
    """scipy's bootstrap of a ratio over paired samples (sum, size), which is the same estimator."""
    stats = pytest.importorskip("scipy.stats")
    values, names = _many(np.random.default_rng(4))
    sums, sizes = cluster_sums(np.array(values), names)
    for method in ("percentile", "bca"):
        theirs = stats.bootstrap(
            (np.arange(len(sums)),),
            lambda chosen, axis: sums[chosen].sum(axis) / sizes[chosen].sum(axis),
            n_resamples=10_000,
            method=method,
            rng=np.random.default_rng(0),
        ).confidence_interval
        ours = mean_interval(values, method=method, clusters=names)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
        assert (ours.value, ours.n, ours.method) == (pytest.approx(np.mean(values)), len(values), "cluster")


def test_neither_order_nor_names_nor_memory_change_a_result(monkeypatch):
    values, names = _many(np.random.default_rng(6))
    first = mean_interval(values, clusters=names)
    order = np.random.default_rng(1).permutation(len(values))
    assert mean_interval([values[i] for i in order], clusters=[f"段落{names[i]}" for i in order]) == first
    monkeypatch.setattr("firmground.eval.stats.intervals._MOST_KEPT", 0)
    again = mean_interval(values, clusters=names)
    assert (again.low, again.high) == pytest.approx((first.low, first.high), rel=1e-12)


def test_copies_of_a_question_add_nothing():
    """Each question asked five times: as wide as without the copies; ignoring clusters would be 5^0.5 narrower."""
    values = np.random.default_rng(8).random(40)
    names = [f"question {number}" for number in range(40) for _ in range(5)]
    once, copies = mean_interval(values), mean_interval(np.repeat(values, 5), clusters=names)
    assert (copies.low, copies.high) == pytest.approx((once.low, once.high), rel=1e-9)
    assert (copies.n, copies.method) == (200, "cluster")
    # zeros and ones too: 20 passages all right or all wrong are 20 observations
    rates = mean_interval(np.repeat([0.0, 1.0], 100), clusters=[f"{i // 10}" for i in range(200)])
    assert rates.method == "cluster"
    assert rates.high - rates.low == pytest.approx(2 * 1.96 * 0.5 / 20**0.5, rel=0.1)


def test_coverage_where_questions_share_passages():
    """95% intervals of clustered rates hold the truth about 95% of the time; that of the same values without their
    clusters holds it in about 60% (design effect 1 + 7 · 0.75), so this fails if clusters are ignored."""
    generator = np.random.default_rng(12)
    names = [f"passage {number}" for number in range(40) for _ in range(8)]
    covered = ignored = 0
    for _ in range(200):
        levels = np.repeat(generator.beta(1, 1, 40), 8)  # how easy each passage is; their mean is 1/2
        values = (generator.random(320) < (levels > 0.5) * 0.8 + 0.1).astype(float)
        clustered, plain = mean_interval(values, clusters=names), mean_interval(values)
        covered += clustered.low <= 0.5 <= clustered.high
        ignored += plain.low <= 0.5 <= plain.high
    assert 0.90 <= covered / 200 <= 0.99
    assert ignored / 200 < 0.75


def test_clusters_without_scatter_are_as_many_values_as_there_are_clusters():
    names = [f"passage {number // 10}" for number in range(100)]
    interval = mean_interval([1.0] * 100, clusters=names)
    assert (interval.low, interval.n, interval.method) == (
        all_equal_interval(1.0, 10, (0.0, 1.0)).low,
        100,
        "all_equal",
    )
    one = mean_interval([0.0, 0.4, 0.8], clusters=["a", "a", "a"])  # a single passage says next to nothing
    assert (one.value, one.method) == (pytest.approx(0.4), "all_equal")
    assert one.high - one.low == pytest.approx(3.841459 / 4.841459, abs=1e-6)  # Wilson's bound for 0 of 1
    assert mean_interval([1.0, 2.0], None, clusters=["a", "a"]) == Interval(1.5, None, None, 2, "all_equal")


def test_paired_differences_are_resampled_by_cluster():
    generator = np.random.default_rng(3)
    names = [f"passage {number // 5}" for number in range(200)]
    first = generator.random(200) * 0.2
    second = first + np.repeat(generator.normal(0.1, 0.1, 40), 5)  # a passage helps all of its questions, or none
    clustered, plain = paired_interval(first, second, clusters=names), paired_interval(first, second)
    assert clustered.value == pytest.approx(plain.value)
    assert clustered.high - clustered.low == pytest.approx(5**0.5 * (plain.high - plain.low), rel=0.1)
