"""Tests of differences, and their power, against hand-computed values, brute force, scipy and statsmodels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from firmground.eval.stats import (
    Equivalence,
    equivalence,
    holm,
    mcnemar,
    paired_interval,
    permutation_test,
    smallest_effect,
    smallest_mcnemar_effect,
    wilson_interval,
)
from firmground.knowledge.errors import InputError


def test_permutation_by_hand():
    # |1 + 2 + 3 + 4| = 10 is reached by 2 of 16 signs; |1 + 2 + 3 - 4| = 2 or more by all but the 2 that give 0
    assert permutation_test([0, 0, 0, 0], [1, 2, 3, 4]) == 2 / 16
    assert permutation_test([0, 0, 0, 4], [1, 2, 3, 0]) == 14 / 16
    assert permutation_test([5, 1], [5, 1]) == 1.0  # nothing differs
    assert permutation_test([], []) == 1.0
    assert permutation_test([0.3], [0.9]) == 1.0  # one difference has two signs, of one size


def test_permutation_of_flips_is_mcnemar():
    first, second = [0] * 11 + [1] * 3 + [1] * 400, [1] * 11 + [0] * 3 + [1] * 400
    assert permutation_test(first, second) == mcnemar(3, 11) == pytest.approx(2 * (1 + 14 + 91 + 364) / 2**14)
    assert permutation_test(np.zeros(100), np.full(100, 0.1)) == 2 / 2**100


def test_permutation_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    for seed in range(3):
        first, second = np.random.default_rng(seed).normal(0.1 * seed, 1, (2, 12))
        theirs = stats.permutation_test(
            (first, second),
            lambda a, b, axis: (b - a).mean(axis),
            permutation_type="samples",
            n_resamples=np.inf,
            vectorized=True,
        )
        assert permutation_test(first, second) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_ties_of_floats_count_as_ties():
    # 0.3 - 0.2 isn't 0.2 - 0.1 to the last bit, yet all signs that give the same sum must count
    first, second = [0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.3, 0.4, 0.5, 0.4]
    assert permutation_test(first, second) == mcnemar(1, 4) == 12 / 32
    first, second = [0.1, 0.2, 0.3, 0.4, 0.1], [0.2, 0.3, 0.4, 0.2, 0.3]  # 0.1, 0.1, 0.1, -0.2, 0.2
    sums = [abs(sum(signs)) for signs in itertools.product((1, -1), (1, -1), (1, -1), (2, -2), (2, -2))]
    assert permutation_test(first, second) == sum(total >= 3 for total in sums) / 32


def test_drawn_signs_agree_with_all_of_them(monkeypatch):
    first, second = np.random.default_rng(9).random((2, 16))
    second += 0.15
    exact = permutation_test(first, second)
    monkeypatch.setattr("firmground.eval.stats.tests._EXACT", 0)
    drawn = permutation_test(first, second)
    assert drawn != exact
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 10_000))
    assert drawn == permutation_test(second[::-1], first[::-1])  # neither order nor direction matters
    monkeypatch.setattr("firmground.eval.stats.tests._CHUNK", 100)
    assert permutation_test(first, second) == drawn
    far = permutation_test(np.zeros(50), 1 + np.random.default_rng(1).random(50))
    assert far == 1 / 10_001  # never 0: the observed signs are one of the draws


def test_permutation_holds_its_level_and_finds_what_is_there():
    generator = np.random.default_rng(21)
    names = [str(number // 5) for number in range(60)]
    false = ignored = found = 0
    for _ in range(300):
        noise = np.repeat(generator.normal(0, 0.2, 12), 5) + generator.normal(0, 0.02, 60)
        false += permutation_test(np.zeros(60), noise, clusters=names) <= 0.05
        ignored += permutation_test(np.zeros(12), noise[::5]) <= 0.05
        found += permutation_test(np.zeros(60), noise + 0.25, clusters=names) <= 0.05
    assert false / 300 <= 0.09
    assert ignored / 300 <= 0.09
    assert found / 300 > 0.9
    with_clusters = permutation_test(np.zeros(60), noise + 0.1, clusters=names)
    assert permutation_test(np.zeros(60), noise + 0.1) < with_clusters  # copies make it look surer than it is


def test_holm_by_hand():
    # 0.01 · 4; 0.02 · 3; then 0.03 · 2 = 0.06 and 0.04 · 1, which may not fall below its predecessor
    assert holm({"d": 0.04, "a": 0.01, "c": 0.03, "b": 0.02}) == {"d": 0.06, "a": 0.04, "c": 0.06, "b": 0.06}
    assert holm({"a": 0.7, "b": 0.6, "c": 1.0}) == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert holm({"only": 0.03}) == {"only": 0.03}
    assert holm({}) == {}
    assert list(holm({"乙": 0.5, "甲": 0.1})) == ["乙", "甲"]
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match=r"expected p-values in \[0, 1\]"):
            holm({"a": wrong})


def test_holm_is_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(5).random(12) ** 3
    theirs = multitest.multipletests(p_values, method="holm")[1]
    assert list(holm(dict(enumerate(p_values))).values()) == pytest.approx(theirs, abs=1e-15)


def test_equivalence_verdicts():
    generator = np.random.default_rng(13)
    small = generator.normal(0, 0.1, 400)  # a 90% interval of about ±0.008
    small -= small.mean()
    same, gain, loss = (equivalence(small + shift, 0.02) for shift in (0.0, 0.05, -0.05))
    assert (same.verdict, gain.verdict, loss.verdict) == ("equivalent", "better", "worse")
    assert [verdict.no_harm for verdict in (same, gain, loss)] == [True, True, False]
    assert same.low == pytest.approx(-1.645 * 0.1 / 20, rel=0.1)
    assert same.high == pytest.approx(1.645 * 0.1 / 20, rel=0.1)
    unsure = equivalence(small, 0.005)
    assert (unsure.verdict, unsure.no_harm) == ("not_shown", False)
    slight = equivalence(small - 0.012, 0.05)  # below 0, and still too small to matter
    assert (slight.verdict, slight.no_harm) == ("equivalent", True)
    uncertain_gain = equivalence(small + 0.02, 0.025)  # not equivalent, and harm is excluded
    assert (uncertain_gain.verdict, uncertain_gain.no_harm) == ("better", True)
    swapped = equivalence(-(small + 0.05), 0.02)
    assert swapped.verdict == "worse"


def test_equivalence_without_any_difference_needs_enough_questions():
    # no question of n came out differently: the 90% interval is ±Wilson's bound, 2.7055 / (n + 2.7055)
    many, few = equivalence([0.0] * 200, 0.02), equivalence([0.0] * 20, 0.02)
    assert (many.verdict, few.verdict) == ("equivalent", "not_shown")
    assert few.high == pytest.approx(2.705543 / 22.705543, abs=1e-6) == wilson_interval(0, 20, 0.9).high
    assert equivalence([0.0] * 200, 0.02, clusters=["one passage"] * 200).verdict == "not_shown"
    assert equivalence([], 0.1) == Equivalence(None, None, 0.1, "not_shown")
    assert not equivalence([], 0.1).no_harm
    assert equivalence([2.0, 2.0], 0.1, bounds=None) == Equivalence(None, None, 0.1, "not_shown")
    for margin in (0.0, -0.1, math.nan, math.inf):
        with pytest.raises(InputError, match="expected a margin above 0"):
            equivalence([0.1, 0.2], margin)


def test_equivalence_is_two_one_sided_tests():
    """Where the differences are near normal, the verdict is that of statsmodels' TOST by t tests."""
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    generator, agreed, sides = np.random.default_rng(17), 0, set()
    for _ in range(40):
        first = generator.random(150)
        second = first + generator.normal(0, 0.1, 150)
        theirs = weightstats.ttost_paired(second, first, -0.018, 0.018)[0] < 0.05
        ours = equivalence(second - first, 0.018).verdict == "equivalent"
        agreed, sides = agreed + (theirs == ours), sides | {theirs}
    assert agreed >= 38
    assert sides == {True, False}


def test_clusters_make_equivalence_harder():
    noise = np.random.default_rng(19).normal(0, 0.05, 20)
    noise -= noise.mean()
    names = [str(number // 10) for number in range(200)]
    assert equivalence(np.repeat(noise, 10), 0.01).verdict == "equivalent"
    assert equivalence(np.repeat(noise, 10), 0.01, clusters=names).verdict == "not_shown"


def test_smallest_effect_by_hand():
    # sd of [-1, 1] * 50 is sqrt(100 / 99); its error sqrt(1 / 99); 1.959964 + 0.841621 errors
    assert smallest_effect([-1.0, 1.0] * 50) == pytest.approx(2.801585 / math.sqrt(99), abs=1e-6)
    assert smallest_effect([-1.0, 1.0] * 50, power=0.5) == pytest.approx(1.959964 / math.sqrt(99), abs=1e-6)
    copies = smallest_effect([-1.0] * 4 + [1.0] * 4, clusters=["a"] * 4 + ["b"] * 4)
    assert copies == pytest.approx(smallest_effect([-1.0, 1.0]))  # two passages, however many questions
    for unknown in ([], [0.3], [0.0] * 50, [0.1] * 7):
        assert smallest_effect(unknown) is None
    for power in (0.0, 0.05, 1.0, math.nan):
        with pytest.raises(InputError, match="expected a power above"):
            smallest_effect([0.1, 0.2], power=power)


def test_smallest_effect_is_statsmodels_and_is_found_as_often_as_it_says():
    power = pytest.importorskip("statsmodels.stats.power")
    generator = np.random.default_rng(23)
    differences = generator.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.7, 0.2])
    effect = smallest_effect(differences)
    standardised = effect / differences.std(ddof=1)
    assert power.normal_power(standardised, 200, 0.05) == pytest.approx(0.8, abs=1e-5)
    deviations = differences - differences.mean()
    found = 0
    for _ in range(300):  # the same scatter around the smallest effect
        drawn = generator.choice(deviations, 200) + effect
        found += abs(drawn.mean()) > 1.959964 * drawn.std(ddof=1) / math.sqrt(200)
    assert found / 300 == pytest.approx(0.8, abs=0.08)


def test_smallest_mcnemar_effect_by_hand():
    # six flips show something only if all go one way (p = 2/64): s^6 = 0.8 at s = 0.8^(1/6), but for (1-s)^6
    share = 0.8 ** (1 / 6)
    assert smallest_mcnemar_effect(6, 100) == pytest.approx((2 * share - 1) * 6 / 100, abs=1e-6)
    assert smallest_mcnemar_effect(5, 100) is None  # 2/32 > 0.05, even if all go one way
    assert smallest_mcnemar_effect(0, 100) is None
    assert smallest_mcnemar_effect(30, 400) == pytest.approx(smallest_mcnemar_effect(30, 100) / 4)
    for flips, n in [(-1, 5), (6, 5), (0, 0)]:
        with pytest.raises(InputError, match="expected 0 <= flips <= n"):
            smallest_mcnemar_effect(flips, n)
    with pytest.raises(InputError, match="expected a power above"):
        smallest_mcnemar_effect(10, 20, power=1.0)


def test_smallest_mcnemar_effect_has_the_power_it_says():
    binom = pytest.importorskip("scipy.stats").binom
    for flips, power in [(9, 0.8), (40, 0.8), (41, 0.9), (1500, 0.8)]:
        effect = smallest_mcnemar_effect(flips, 2000, power)
        share = (effect * 2000 / flips + 1) / 2
        counts = np.arange(flips + 1)
        rejected = 2 * binom.cdf(np.minimum(counts, flips - counts), flips, 0.5) <= 0.05
        assert binom.pmf(counts, flips, share)[rejected].sum() == pytest.approx(power, abs=1e-9)


def test_the_tests_agree_with_the_interval_on_real_sizes():
    generator = np.random.default_rng(29)
    first = generator.random(120)
    for gain, shown in [(0.0, False), (0.15, True)]:
        second = np.clip(first + gain + generator.normal(0, 0.2, 120), 0, 1)
        interval = paired_interval(first, second)
        assert (interval.low > 0 or interval.high < 0) is shown
        assert (permutation_test(first, second) < 0.05) is shown
