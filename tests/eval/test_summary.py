"""The nine flips, their tests and the rates, by hand, from rows alone."""

from __future__ import annotations

import random

import pytest

from firmground.eval.stats import mcnemar, wilson_interval
from firmground.eval.summary import FLIPS, flip, summarise
from firmground.eval.types import Outcome

SCORES = {
    "right": {"right": 1.0, "hallucination": 0.0, "abstained": 0.0, "f1": 0.75},
    "hallucinated": {"right": 0.0, "hallucination": 1.0, "abstained": 0.0, "f1": 0.25},
    "abstained": {"right": 0.0, "hallucination": 0.0, "abstained": 1.0, "f1": 0.0},
}
COUNTS = dict(zip(FLIPS, (7, 2, 5, 11, 3, 1, 4, 6, 9), strict=True))  # 48 questions


def row(key, arm, state, **fields):
    fields = {"scores": SCORES[state], "answers": ("x",), "timing": {"seconds": 0.5}} | fields
    return Outcome(key, arm, "Q?", "a", state == "abstained", **fields)


def rows():
    made = []
    for name, (first, second) in FLIPS.items():
        for n in range(COUNTS[name]):
            category = {"category": "even" if n % 2 == 0 else "odd"}
            for arm, state in (("one", first), ("two", second)):
                made.append(row(f"{name}{n}", arm, state, metadata=category))
    return made


def test_flips_by_hand():
    pair = summarise(rows())["pairs"]["one→two"]
    assert (pair["flips"], pair["n"]) == (COUNTS, 48)
    # right: won = fixed 7 + answered_rightly 3; lost = broken 2 + withheld_right 4
    assert pair["right"] == {"won": 10, "lost": 6, "p": mcnemar(6, 10)}
    # hallucinated: won = broken 2 + answered_wrongly 1; lost = fixed 7 + withheld_wrong 6
    assert pair["hallucination"] == {"won": 3, "lost": 13, "p": mcnemar(13, 3)}
    share = wilson_interval(2, 2 + 5 + 4)  # broken, of all that the first had right
    assert (pair["broken_share"]["value"], pair["broken_share"]["low"]) == (share.value, share.low)
    difference = pair["differences"]["right"]
    assert (difference["first"], difference["second"]) == (11 / 48, 15 / 48)
    assert difference["value"] == pytest.approx(4 / 48)
    assert pair["differences"]["seconds"] == {
        **{"value": 0.0, "low": None, "high": None, "n": 48, "method": "all_equal"},
        **{"first": 0.5, "second": 0.5},
    }


def test_three_outcomes_sum_to_one():
    summary = summarise(rows())
    for figures in [*summary["arms"].values(), *(by[arm] for by in summary["categories"].values() for arm in by)]:
        assert sum(figures[name]["value"] for name in ("right", "hallucination", "abstained")) == pytest.approx(1)
    assert summary["categories"]["even"]["one"]["right"]["n"] == sum((n + 1) // 2 for n in COUNTS.values())
    assert summary["arms"]["one"]["f1"]["value"] == pytest.approx((11 * 0.75 + 24 * 0.25) / 48)


def test_the_order_of_rows_changes_nothing():
    first = summarise(rows())
    mixed = rows()
    random.Random(1).shuffle(mixed)
    mixed.sort(key=lambda outcome: outcome.arm)
    assert summarise(mixed) == first
    assert summarise(mixed, seed=1) != first


def test_failures_and_rows_without_gold_are_left_out():
    nothing = dict.fromkeys(("right", "hallucination", "abstained", "f1"), "no_gold")
    made = [*rows(), row("e", "one", "right"), row("e", "two", "right", error="gone", scores={})]
    made += [row("n", arm, "right", scores=nothing | {"unsupported": 0.5}, answers=()) for arm in ("one", "two")]
    summary = summarise(made)
    assert summary["pairs"]["one→two"]["flips"] == COUNTS
    assert summary["pairs"]["one→two"]["n"] == 49
    assert [summary["arms"][arm]["right"]["n"] for arm in ("one", "two")] == [49, 48]
    assert summary["counts"] == {
        **{"questions": 50, "rows": 100, "with_gold": 49, "unanswerable": 0, "no_gold": 1},
        **{"errors": {"one": 0, "two": 1}, "unparsed": {"one": 0, "two": 0}},
    }
    assert flip(made[-2], made[-1]) is None
    assert summary["arms"]["one"]["unsupported"]["value"] == 0.5


def test_no_rows_at_all():
    summary = summarise([])
    assert (summary["arms"], summary["pairs"], summary["counts"]["questions"]) == ({}, {}, 0)
