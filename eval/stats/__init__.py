"""Intervals and tests, in one place to import from; docs/statistics.md says what each answers and when to use it.

intervals   a mean and what it may be      mean_interval, paired_interval, wilson_interval
tests       a difference between two arms  mcnemar, permutation_test, holm, equivalence, smallest_effect
labels      labels and a judge together    prediction_powered
"""

from firmground.eval.stats.intervals import (
    CONFIDENCE,
    RESAMPLES,
    Interval,
    all_equal_interval,
    mean_interval,
    paired_interval,
    resampled_means,
    wilson_interval,
)
from firmground.eval.stats.labels import prediction_powered
from firmground.eval.stats.tests import (
    ALPHA,
    POWER,
    Equivalence,
    equivalence,
    holm,
    mcnemar,
    permutation_test,
    smallest_effect,
    smallest_mcnemar_effect,
)

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "POWER",
    "RESAMPLES",
    "Equivalence",
    "Interval",
    "all_equal_interval",
    "equivalence",
    "holm",
    "mcnemar",
    "mean_interval",
    "paired_interval",
    "permutation_test",
    "prediction_powered",
    "resampled_means",
    "smallest_effect",
    "smallest_mcnemar_effect",
    "wilson_interval",
]
