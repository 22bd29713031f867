"""Does confidence tell right answers from wrong ones? Calibration error, Brier score, and the risk–coverage curve.

Everywhere `confidence` is (n,) in [0, 1] and `right` (n,) of 0 and 1 (or booleans), answer by answer. An answer without
a confidence has no place here: leave it out, and say how many there were.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmground.knowledge.errors import InputError


def expected_calibration_error(confidence: Sequence[float], right: Sequence[float], bins: int = 10) -> float:
    """How far confidence is from the share that is right, in [0, 1]: sum over bins of |bin| / n · |right − confidence|.

    Bins are of equal width, (0, 1/bins], (1/bins, 2/bins], …; a confidence of 0 goes into the first.
    Guo et al. 2017, "On Calibration of Modern Neural Networks", https://arxiv.org/abs/1706.04599, equation 5.

    Raises:
        InputError: no answers, other lengths, or values out of range.
    """
    sure, hit = _checked(confidence, right)
    if bins < 1:
        raise InputError(f"expected at least one bin, got {bins}")
    inner = np.arange(1, bins) / bins  # not linspace: 7 / 10 is the same float as a confidence of 0.7
    place = np.searchsorted(inner, sure, side="left")
    gaps = np.bincount(place, weights=hit - sure, minlength=bins)  # (bins,) |bin| · (right − confidence)
    return float(np.abs(gaps).sum() / len(sure))


def brier(confidence: Sequence[float], right: Sequence[float]) -> float:
    """Mean squared distance of confidence from what came true, in [0, 1].

    Brier 1950, "Verification of forecasts expressed in terms of probability", in the form for two outcomes.

    Raises:
        InputError: no answers, other lengths, or values out of range.
    """
    sure, hit = _checked(confidence, right)
    return float(np.mean((sure - hit) ** 2))


def risk_coverage(confidence: Sequence[float], right: Sequence[float]) -> list[tuple[float, float]]:
    """(coverage, risk) for every confidence one could ask for, from the strictest on: the last coverage is 1.

    Coverage is the share of answers at least so confident, risk the share of wrong ones among them. Equally confident
    answers come together: no threshold can part them. El-Yaniv and Wiener 2010, https://jmlr.org/papers/v11/el-yaniv10a.html.

    Raises:
        InputError: no answers, other lengths, or values out of range.
    """
    sure, hit = _checked(confidence, right)
    counts, wrong = _levels(sure, hit)
    answered = np.cumsum(counts)
    return list(zip((answered / len(sure)).tolist(), (np.cumsum(wrong) / answered).tolist(), strict=True))


def area_under_risk_coverage(confidence: Sequence[float], right: Sequence[float]) -> float:
    """Mean over i = 1 … n of the share of wrong ones among the i most confident answers, in [0, 1].

    Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks", https://arxiv.org/abs/1705.08500.
    Equally confident answers count as in a random order, on average (exactly, not by drawing), so the order of the rows
    changes nothing; an arm that is always equally sure gets its error rate.

    Raises:
        InputError: no answers, other lengths, or values out of range.
    """
    sure, hit = _checked(confidence, right)
    counts, wrong = _levels(sure, hit)
    share = np.repeat(wrong / counts, counts)  # (n,) the expected error of each place, most confident first
    return float(np.mean(np.cumsum(share) / np.arange(1, len(share) + 1)))


def most_confident(confidence: Sequence[float], coverage: float) -> np.ndarray:
    """(n,) in [0, 1]: how much of each answer is kept where only the most confident are, `coverage` · n in all.

    1 above the level at which they are enough, 0 below it; equally confident answers at that level share what is left,
    which is what they get on average in a random order.

    Raises:
        InputError: no answers, or a coverage out of (0, 1].
    """
    sure = np.asarray(confidence, dtype=np.float64)
    if sure.ndim != 1 or not len(sure) or not 0 < coverage <= 1:
        raise InputError(f"expected answers and a coverage in (0, 1], got shape {sure.shape} and {coverage:g}")
    _, place, counts = np.unique(-sure, return_inverse=True, return_counts=True)  # levels from the highest down
    before = np.cumsum(counts) - counts
    return np.clip((coverage * len(sure) - before) / counts, 0.0, 1.0)[place]


def _levels(sure: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many answers each confidence has, from the highest down, and how many of these are wrong."""
    _, place, counts = np.unique(-sure, return_inverse=True, return_counts=True)
    return counts, np.bincount(place, weights=1 - hit)


def _checked(confidence: Sequence[float], right: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if sure.shape != hit.shape or sure.ndim != 1 or not len(sure):
        raise InputError(
            f"expected one confidence and one outcome for each of at least one answer, got shapes {sure.shape} and "
            f"{hit.shape}"
        )
    if not (np.all((sure >= 0) & (sure <= 1)) and np.all((hit == 0) | (hit == 1))):
        raise InputError(
            f"expected confidences in [0, 1] and outcomes of 0 or 1, got confidences from {sure.min()} to {sure.max()} "
            f"and outcomes {np.unique(hit)[:3].tolist()}"
        )
    return sure, hit
