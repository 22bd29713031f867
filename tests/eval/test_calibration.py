"""Calibration error, Brier score and risk–coverage against hand-computed values, brute force and scikit-learn."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from firmground.eval.metrics.calibration import (
    area_under_risk_coverage,
    brier,
    expected_calibration_error,
    most_confident,
    risk_coverage,
)
from firmground.knowledge.errors import InputError


def drawn(n: int, seed: int, levels: int = 0) -> tuple[list[float], list[int]]:
    draw = random.Random(seed)
    sure = [draw.randrange(levels + 1) / levels if levels else draw.random() for _ in range(n)]
    return sure, [int(draw.random() < value**2) for value in sure]


def test_expected_calibration_error_by_hand():
    # bin (0.8, 0.9]: mean confidence 0.875, half right; bin (0.1, 0.2]: 0.2, none right
    error = expected_calibration_error([0.85, 0.9, 0.2], [1, 0, 0])
    assert error == pytest.approx(2 / 3 * abs(0.5 - 0.875) + 1 / 3 * 0.2)
    # an edge belongs to the bin below: 0.7 is apart from 0.71 (0.3 + 0.71, not |0.5 − 0.705|)
    assert expected_calibration_error([0.7, 0.71], [1, 0]) == pytest.approx((0.3 + 0.71) / 2)
    assert expected_calibration_error([0.3, 0.25], [1, 0]) == pytest.approx(abs(0.5 - 0.275))
    assert expected_calibration_error([0.0, 0.1], [0, 0]) == pytest.approx(0.05)
    assert expected_calibration_error([0.2, 0.9], [1, 0], bins=1) == pytest.approx(abs(0.5 - 0.55))


def test_expected_calibration_error_is_scikit_learns():
    curve = pytest.importorskip("sklearn.calibration").calibration_curve
    for seed, levels in ((0, 0), (1, 0), (2, 10), (3, 20)):
        sure, right = drawn(500, seed, levels)
        share, mean = curve(right, sure, n_bins=10, strategy="uniform")
        place = np.searchsorted(np.linspace(0, 1, 11)[1:-1], sure)
        counts = np.bincount(place, minlength=10)
        theirs = float(np.sum(counts[counts > 0] * np.abs(share - mean)) / len(sure))
        assert expected_calibration_error(sure, right) == pytest.approx(theirs, abs=1e-6)


def test_brier_by_hand_and_by_scikit_learn():
    assert brier([0.8, 0.3], [1, 0]) == pytest.approx((0.04 + 0.09) / 2)
    score = pytest.importorskip("sklearn.metrics").brier_score_loss
    sure, right = drawn(300, 4)
    assert brier(sure, right) == pytest.approx(score(right, sure), abs=1e-6)


def test_risk_coverage_by_hand():
    assert risk_coverage([0.9, 0.5, 0.7], [1, 0, 0]) == [(1 / 3, 0.0), (2 / 3, 0.5), (1.0, pytest.approx(2 / 3))]
    assert risk_coverage([0.9, 0.5, 0.5], [1, 0, 1]) == [(1 / 3, 0.0), (1.0, pytest.approx(1 / 3))]
    # (0 + 1/2 + 2/3) / 3
    assert area_under_risk_coverage([0.9, 0.5, 0.7], [1, 0, 0]) == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)


def test_risk_coverage_is_that_of_brute_force():
    sure, right = drawn(80, 5, 12)
    points = []
    for threshold in sorted(set(sure), reverse=True):
        kept = [hit for value, hit in zip(sure, right, strict=True) if value >= threshold]
        points.append((len(kept) / len(sure), 1 - sum(kept) / len(kept)))
    assert np.allclose(risk_coverage(sure, right), points)


def test_ties_count_as_the_mean_over_all_their_orders():
    sure, right = [0.9, 0.5, 0.5, 0.5, 0.2, 0.2], [1, 0, 1, 1, 1, 0]
    areas = []
    for first in itertools.permutations(right[1:4]):
        for second in itertools.permutations(right[4:]):
            wrong = 1 - np.array([right[0], *first, *second])
            areas.append(np.mean(np.cumsum(wrong) / np.arange(1, 7)))
    assert area_under_risk_coverage(sure, right) == pytest.approx(np.mean(areas))
    mixed = list(zip(sure, right, strict=True))
    for seed in range(5):
        random.Random(seed).shuffle(mixed)
        again = [list(column) for column in zip(*mixed, strict=True)]
        assert area_under_risk_coverage(*again) == pytest.approx(np.mean(areas))
        assert risk_coverage(*again) == risk_coverage(sure, right)
    assert area_under_risk_coverage([0.4] * 4, [1, 0, 0, 0]) == pytest.approx(0.75)  # always as sure: the error rate


def test_a_better_order_has_a_smaller_area():
    right = [1, 1, 1, 0, 0]
    best = area_under_risk_coverage([0.9, 0.8, 0.7, 0.6, 0.5], right)
    worst = area_under_risk_coverage([0.5, 0.6, 0.7, 0.8, 0.9], right)
    assert best == pytest.approx((1 / 4 + 2 / 5) / 5)
    assert worst == pytest.approx((1 + 1 + 2 / 3 + 2 / 4 + 2 / 5) / 5)


def test_what_isnt_a_confidence_is_refused():
    functions = (expected_calibration_error, brier, risk_coverage, area_under_risk_coverage)
    for function, (sure, right) in itertools.product(
        functions, [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([float("nan")], [1]), ([0.5], [0.4])]
    ):
        with pytest.raises(InputError, match="expected"):
            function(sure, right)
    with pytest.raises(InputError, match="at least one bin"):
        expected_calibration_error([0.5], [1], bins=0)


def test_most_confident_by_hand():
    assert most_confident([0.1, 0.9, 0.5, 0.7], 0.5).tolist() == [0, 1, 0, 1]
    # the two at 0.5 share the one place that is left
    assert most_confident([0.5, 0.9, 0.5, 0.1], 0.5).tolist() == [0.5, 1, 0.5, 0]
    assert most_confident([0.5, 0.9, 0.5, 0.1], 0.625).tolist() == [0.75, 1, 0.75, 0]
    assert most_confident([0.3, 0.3], 1).tolist() == [1, 1]
    for coverage in (0.0, 1.5):
        with pytest.raises(InputError, match="coverage in"):
            most_confident([0.5], coverage)
    with pytest.raises(InputError, match="expected answers"):
        most_confident([], 0.5)


def test_most_confident_is_the_mean_over_orders_of_ties():
    sure, coverage = [2, 1, 1, 0], 0.5
    kept = np.zeros(4)
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        best = sorted(order, key=lambda i: -sure[i])[:2]
        kept[best] += 1 / len(orders)
    assert most_confident(sure, coverage).tolist() == pytest.approx(kept.tolist())
