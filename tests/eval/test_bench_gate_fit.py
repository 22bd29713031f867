"""Fitting the gate to one's own questions: threshold and report by hand, own weights where the shipped ones fail."""

from __future__ import annotations

import numpy as np
import pytest

from firmground.eval.bench.gate_fit import (
    LEAST,
    Case,
    Gate,
    find_cases,
    fit,
    halves,
    is_odd,
    measure,
    probabilities,
    threshold,
)
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag.gate import signals

ICE = "Water expands by 9 percent when it freezes."
ICE_ZH = "水结冰时体积膨胀约9%。"
ASKED, ASKED_ZH = "By how much does water expand when it freezes?", "水结冰时体积膨胀多少？"
OTHER, OTHER_ZH = "Who painted the Mona Lisa?", "谁画了蒙娜丽莎？"


def case(number: int, question: str, text: str, answered: bool) -> Case:
    example = Example(f"q{number}", question, ("9",), gold=(f"d{number}",), answerable=answered)
    return Case(example, (Hit(Passage(number, f"d{number}", text, 0, len(text)), 1.0),))


def cases(n: int, good: str, bad: str, text: str) -> list[Case]:
    """n questions `good`, which have an answer, and n questions `bad`, which have none, each on its own document."""
    return [case(i, good if i % 2 else bad, text, bool(i % 2)) for i in range(2 * n)]


def test_threshold_by_hand() -> None:
    """From the highest down: answered, answered, not, answered, not. Both errors are smallest at 0.8 and at 0.5 (two of
    three and none of two: 2/3; three of three and one of two: 1/2), so 0.8."""
    chances = np.array([0.9, 0.8, 0.7, 0.5, 0.1])
    truth = np.array([True, True, False, True, False])
    assert threshold(chances, truth) == 0.8
    assert threshold(chances, truth, risk=0.0) == 0.8
    assert threshold(chances, truth, risk=0.25) == 0.5  # one of four
    assert threshold(chances, truth, risk=0.4) == 0.1  # two of five: everything
    with pytest.raises(InputError, match=r"the least is 0\.500"):
        threshold(np.array([0.9, 0.9]), np.array([True, False]), risk=0.1)


def test_a_case_is_answered_where_its_document_was_found() -> None:
    assert case(1, ASKED, ICE, True).answered_by_hits
    assert not case(1, ASKED, ICE, False).answered_by_hits
    missed = Case(Example("q", ASKED, ("9",), gold=("elsewhere",)), case(1, ASKED, ICE, True).hits)
    assert not missed.answered_by_hits
    assert Case(Example("q", ASKED, ("9",)), missed.hits).answered_by_hits  # names no document: what it says counts


def test_halves_are_those_of_documents_and_need_both_kinds() -> None:
    many = cases(60, ASKED, OTHER, ICE)
    fitting, reporting = halves(many)
    assert len(fitting) + len(reporting) == len(many)
    assert all(is_odd(one.example.cluster) for one in reporting)
    assert not any(is_odd(one.example.cluster) for one in fitting)
    with pytest.raises(InputError, match=f"at least {LEAST} questions that the documents answer and {LEAST}"):
        halves([case(i, ASKED, ICE, True) for i in range(100)])


def test_questions_with_choices_are_not_asked() -> None:
    class Base:
        def search(self, questions, k):
            return [[Hit(Passage(0, "ice", ICE, 0, len(ICE)), 1.0)] for _ in questions]

    examples = [Example("1", ASKED), Example("2", ASKED, choices=("a", "b"), answer="a")]
    assert [one.example.id for one in find_cases(Base(), examples)] == ["1"]  # type: ignore[arg-type]
    assert find_cases(Base(), examples[1:]) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("good", "bad", "text"), [(ASKED, OTHER, ICE), (ASKED_ZH, OTHER_ZH, ICE_ZH)])
def test_the_weights_that_ship_stay_where_they_rank(good: str, bad: str, text: str) -> None:
    fitting, reporting = halves(cases(60, good, bad, text))
    gate = fit(fitting, "")
    assert gate.weights == ()
    report = measure(gate, reporting, "")
    assert (report.auroc, report.helps) == (1.0, True)
    assert report.precision.value == report.recall.value == 1.0
    assert report.risk.value == 0.0
    assert report.coverage.value == report.curve[0][0] == np.mean([one.answered_by_hits for one in reporting])
    assert report.curve[-1] == pytest.approx((1.0, report.blind))
    assert report.area < report.blind


@pytest.mark.parametrize(("good", "bad", "text"), [(OTHER, ASKED, ICE), (OTHER_ZH, ASKED_ZH, ICE_ZH)])
def test_own_weights_where_the_shipped_ones_rank_the_wrong_way(good: str, bad: str, text: str) -> None:
    """Questions in the documents' words are the ones without an answer."""
    fitting, reporting = halves(cases(60, good, bad, text))
    gate = fit(fitting, "")
    assert gate.weights[1] < 0
    assert measure(Gate(0.5), reporting, "").auroc == 0.0
    report = measure(gate, reporting, "")
    assert (report.auroc, report.precision.value, report.recall.value) == (1.0, 1.0, 1.0)


def test_what_tells_nothing_does_not_help() -> None:
    """One question for all, answered or not by chance: the same probability everywhere."""
    fitting, reporting = halves([case(i, ASKED, ICE, i % 3 == 0) for i in range(150)])
    report = measure(fit(fitting, ""), reporting, "")
    assert report.auroc == 0.5
    assert not report.helps
    assert report.area == pytest.approx(report.blind)


def test_probabilities_are_those_that_an_arm_sees() -> None:
    one = case(1, ASKED, ICE, True)
    fit_of_words = signals(ASKED, one.hits)["sentence"]
    (chance,) = probabilities(Gate(0.5, (-1.0, 2.0)), [one], "")
    assert chance == pytest.approx(1 / (1 + np.exp(1.0 - 2.0 * fit_of_words)))
