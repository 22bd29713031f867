"""The nine flips, their tests and the rates, by hand, from rows alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from firmground.eval import wording
from firmground.eval.stats import mcnemar, wilson_interval
from firmground.eval.summary.figures import FLIPS, flip, summarise
from firmground.eval.types import Outcome

SCORES = {
    "right": {"right": 1.0, "hallucination": 0.0, "abstained": 0.0, "f1": 0.75},
    "hallucinated": {"right": 0.0, "hallucination": 1.0, "abstained": 0.0, "f1": 0.25},
    "abstained": {"right": 0.0, "hallucination": 0.0, "abstained": 1.0, "f1": 0.0},
}
COUNTS = dict(zip(FLIPS, (7, 2, 5, 11, 3, 1, 4, 6, 9), strict=True))  # 48 questions


def row(key, arm, state, **fields):
    fields = {"scores": SCORES[state], "answers": ("x",), "timing": {"seconds": 0.5}} | fields
    fields = {"question": "Q?", "answer": "a"} | fields
    return Outcome(key, arm, abstained=state == "abstained", **fields)


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
    # all changes of `right` are of one size, so the permutation test is McNemar's: 10 won, 6 lost
    assert difference["p"] == pytest.approx(mcnemar(6, 10))
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
        **{"error_kinds": {"one": {}, "two": {"gone": 1}}, "statuses": {"one": {}, "two": {}}},
    }
    assert flip(made[-2], made[-1]) is None
    assert summary["arms"]["one"]["unsupported"]["value"] == 0.5


def test_no_rows_at_all():
    summary = summarise([])
    assert (summary["arms"], summary["pairs"], summary["counts"]["questions"]) == ({}, {}, 0)


def scored(key, arm, **scores):
    """A row whose question is answered, rightly where `right` is 1; other scores as given."""
    right = scores.pop("right", 0.0)
    fields = {name: scores.pop(name) for name in list(scores) if name in Outcome.__dataclass_fields__}
    told = {"right": right, "hallucination": 1.0 - right, "abstained": 0.0, "coverage": 1.0, **scores}
    return row(key, arm, "right", **{"scores": told, **fields})


def test_holm_goes_over_all_that_is_shown_and_keeps_the_raw_p():
    # right: ten of ten won, p = 2 / 2^10; f1 differs in one question alone, p = 1; em and the costs differ nowhere
    made = [scored(str(n), "one", right=0.0, f1=0.5, em=0.0) for n in range(10)]
    made += [scored(str(n), "two", right=1.0, f1=0.75 if n == 0 else 0.5, em=0.0) for n in range(10)]
    summary = summarise(made)
    differences = summary["pairs"]["one→two"]["differences"]
    assert summary["statistics"]["comparisons"] == 3  # right, hallucination (its mirror here), f1
    assert {name: differences[name]["p"] for name in ("right", "hallucination", "f1")} == {
        **{"right": 2 / 1024, "hallucination": 2 / 1024, "f1": 1.0}
    }
    assert differences["right"]["p_holm"] == pytest.approx(3 * 2 / 1024)
    assert differences["hallucination"]["p_holm"] == pytest.approx(3 * 2 / 1024)
    assert differences["f1"]["p_holm"] == 1.0
    assert differences["em"]["p"] is None
    assert "p_holm" not in differences["em"]
    assert "p" not in differences["coverage"]  # the mirror of abstained: not a comparison of its own
    assert "p" not in differences["seconds"]


def test_questions_of_one_passage_are_no_independent_evidence():
    def made(cluster):
        rows = [scored(str(n), "one", right=0.0, cluster=cluster(n)) for n in range(8)]
        return rows + [scored(str(n), "two", right=1.0 if n < 6 else 0.0, cluster=cluster(n)) for n in range(8)]

    apart = summarise(made(lambda n: f"passage {n}"))
    together = summarise(made(lambda n: f"passage {n // 2}"))
    first, second = (one["pairs"]["one→two"]["differences"]["right"] for one in (apart, together))
    assert first["value"] == second["value"] == 0.75
    assert first["p"] == pytest.approx(2 / 2**6)  # six questions changed, all one way
    assert second["p"] == pytest.approx(2 / 2**3)  # three passages did
    assert second["method"] == "cluster"
    assert (apart["statistics"]["clusters"], together["statistics"]["clusters"]) == (None, 4)
    old = made(lambda n: "")  # rows of earlier versions name the gold document alone
    old = [replace(row, metadata={"gold": [f"d{int(row.id) // 2}"]}) for row in old]
    assert summarise(old)["pairs"]["one→two"]["differences"]["right"]["p"] == second["p"]


def test_harm_is_shown_or_ruled_out_by_the_margin():
    def pair(second):  # 400 questions, half right at first
        made = [scored(str(n), "one", right=float(n < 200)) for n in range(400)]
        return summarise(made + [scored(str(n), "two", right=second(n)) for n in range(400)])["pairs"]["one→two"]

    same = pair(lambda n: float(n < 200))["harm"]
    assert (same["verdict"], same["no_harm"], same["margin"]) == ("equivalent", True, 0.05)
    worse = pair(lambda n: float(n < 120))  # 80 of the 200 right ones broken
    assert (worse["harm"]["verdict"], worse["harm"]["no_harm"]) == ("worse", False)
    assert worse["harm"]["high"] < 0
    assert (worse["broken_share"]["value"], worse["broken_share"]["n"]) == (0.4, 200)
    better = pair(lambda n: float(n < 280))["harm"]
    assert (better["verdict"], better["no_harm"]) == ("better", True)
    assert better["low"] > 0


def test_many_arms_are_compared_with_the_first_alone():
    made = [scored(str(n), f"arm {arm}", right=float(n % (arm + 1) == 0)) for arm in range(7) for n in range(6)]
    assert list(summarise(made)["pairs"]) == [f"arm 0→arm {arm}" for arm in range(1, 7)]
    assert len(summarise([row for row in made if row.arm != "arm 6"])["pairs"]) == 15


def test_languages_beside_categories():
    made = [scored(str(n), "one", right=1.0, question="谁发明了电话？" if n < 2 else "Who?") for n in range(5)]
    languages = summarise(made)["languages"]
    assert {name: groups["one"]["right"]["n"] for name, groups in languages.items()} == {"en": 3, "zh": 2}
    assert languages["zh"]["one"]["coverage"]["value"] == 1.0


def test_calibration_by_hand():
    sure = {"a": (0.9, 1.0), "b": (0.8, 0.0), "c": (0.6, 1.0), "d": (0.5, 0.0)}
    made = [scored(key, "one", right=right, confidence=confidence) for key, (confidence, right) in sure.items()]
    made.append(scored("e", "one", right=1.0))  # no confidence: not in it
    made.append(row("f", "one", "abstained", confidence=0.1))
    figure = summarise(made)["calibration"]["one"]
    assert (figure["n"], figure["right"], figure["confidence"]) == (4, 0.5, pytest.approx(0.7))
    # risks of the first 1, 2, 3, 4 answers, surest first: 0, 1/2, 1/3, 1/2
    assert figure["curve"] == [[0.25, 0.0], [0.5, 0.5], [0.75, pytest.approx(1 / 3)], [1.0, 0.5]]
    assert figure["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert figure["brier"] == pytest.approx((0.1**2 + 0.8**2 + 0.4**2 + 0.5**2) / 4)
    assert figure["ece"] == pytest.approx((0.1 + 0.8 + 0.4 + 0.5) / 4)  # each in a bin of its own
    assert summarise([scored("a", "one", right=1.0)])["calibration"] == {}


def test_a_long_curve_is_thinned_and_keeps_its_end():
    made = [scored(str(n), "one", right=float(n % 2), confidence=n / 1000) for n in range(999)]
    curve = summarise(made)["calibration"]["one"]["curve"]
    assert len(curve) <= 201
    assert curve[0][0] == pytest.approx(1 / 999)
    assert curve[-1] == [1.0, pytest.approx(500 / 999)]


def test_the_planted_answer_is_followed_by_whom():
    rows = [
        scored("1", "plain", question="Who?", answer="Bell"),
        scored("1", "false", question="Who?", answer="It was Edison.", metadata={"planted": "Edison"}),
        scored("2", "plain", question="谁发明了电话？", answer="爱迪生"),
        scored("2", "false", question="谁发明了电话？", answer="是爱迪生", metadata={"planted": "爱迪生"}),
        scored("3", "plain", answer="Edison"),  # nothing was planted for it
    ]
    planted = summarise(rows)["planted"]
    assert (planted["false"]["value"], planted["false"]["n"]) == (1.0, 2)
    assert (planted["plain"]["value"], planted["plain"]["n"]) == (0.5, 2)


def test_labels_and_what_couldnt_be_read():
    def label(key, answer, gold, **scores):
        told = {"choices": ["yes", "no"], "answer": gold}
        return scored(key, "one", answer=answer, task="label", metadata=told, **scores)

    rows = [label("1", "yes", "yes", accuracy=1.0), label("2", "yes", "no", accuracy=0.0)]
    rows += [label("3", "no", "no", accuracy=1.0), label("4", "perhaps", "no", accuracy="unparsed")]
    rows.append(row("5", "one", "right", error="no_gold: names no document", scores={}))
    summary = summarise(rows)
    figure = summary["labels"]["one"]
    # yes: precision 1/2, recall 1, F1 2/3; no: precision 1, recall 1/2, F1 2/3
    assert (figure["f1"], figure["unparsed"], figure["n"]) == (pytest.approx(2 / 3), 1, 3)
    assert summary["counts"]["statuses"]["one"] == {"accuracy": {"unparsed": 1}}
    assert summary["counts"]["errors"] == {"one": 0}  # evidence that can't be made is no failure to be tried again
    assert summary["counts"]["error_kinds"] == {"one": {"no_gold": 1}}
    told = (
        "1 question for which no such evidence can be made (no_gold); 1 answer: names no choice, or several (Accuracy)"
    )
    assert wording.failure_lines(summary) == [("one", told)]


def test_latency_by_hand():
    rows = [scored(str(n), "one", timing={"seconds": n / 10}) for n in range(1, 12)]  # 0.1 … 1.1
    assert summarise(rows)["cost"]["one"]["latency"] == {"p50": pytest.approx(0.6), "p95": pytest.approx(1.05), "n": 11}
