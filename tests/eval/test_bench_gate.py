"""The gate's bench: its logistic regression against values by hand, and its figures on cases made by hand."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from firmground.eval.bench.gate import SETS, find, measure
from firmground.eval.bench.gate_fit import Case, is_odd, logistic
from firmground.eval.types import Example
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import EXTRACTIVE
from firmground.rag.types import Answer

ICE = Hit(Passage(0, "ice", "Water expands by 9 percent when it freezes.", 0, 43), 1.0)
MOON = Hit(Passage(1, "moon", "The Moon is far away.", 0, 21), 0.5)


def test_logistic_by_hand() -> None:
    """One binary signal: of those with it 3 of 4 are true, without it 1 of 4. The log-odds are ±ln 3."""
    columns = np.array([[1.0]] * 4 + [[0.0]] * 4)
    truth = np.array([True, True, True, False, True, False, False, False])
    intercept, (slope,) = logistic(columns, truth, ridge=0.0)
    assert intercept == pytest.approx(-math.log(3))
    assert slope == pytest.approx(2 * math.log(3))


def test_logistic_weighs_both_classes_the_same() -> None:
    """The same shares within each class, with eight times as many false ones: nothing changes."""
    columns = np.array([[1.0]] * 3 + [[0.0]] + ([[1.0]] + [[0.0]] * 3) * 8)
    truth = np.array([True] * 4 + [False] * 32)
    intercept, (slope,) = logistic(columns, truth, ridge=0.0)
    assert (intercept, slope) == (pytest.approx(-math.log(3)), pytest.approx(2 * math.log(3)))


class Base:
    def search(self, questions, k):
        assert k == 2 * EXTRACTIVE.num_passages
        return [[ICE, MOON] for _ in questions]


def test_evidence_is_withheld_from_every_second_question() -> None:
    examples = [Example(f"q{i}", "Why?", ("9",), gold=("ice",)) for i in range(20)]
    cases = find(Base(), examples, withhold=True)  # type: ignore[arg-type]
    for example, case in zip(examples, cases, strict=True):
        odd = hashlib.sha256(f"evidence {example.id}".encode()).digest()[-1] % 2 == 1
        assert odd == is_odd(f"evidence {example.id}")
        assert (case.hits == (MOON,)) == odd
        assert case.example.answerable == case.answered_by_hits == (not odd)
    assert {case.answered_by_hits for case in cases} == {True, False}
    assert all(case.answered_by_hits for case in find(Base(), examples, withhold=False))  # type: ignore[arg-type]


def test_figures_by_hand() -> None:
    """Four questions: one is answered and right, one answered wrongly, two have no answer, of which the gate, by words
    alone, lets one through. Of the abstentions (1) all are right; of the unanswerable (2) half get one."""
    asked = "By how much does water expand when it freezes?"
    rows = [
        (Example("1", asked, ("9 percent",), gold=("ice",)), (ICE,)),
        (Example("2", asked, ("ten",), gold=("ice",)), (ICE,)),
        (Example("3", asked, (), answerable=False), (ICE,)),
        (Example("4", "Who painted the Mona Lisa?", (), answerable=False), (ICE,)),
    ]
    cases = [Case(*row) for row in rows]
    answers = [Answer(case.example.question, "9 percent", "extractive", case.hits) for case in cases]
    lines = measure(SETS[0], cases, answers, EXTRACTIVE, 0.5)
    assert "n 4, unanswerable 2" in lines[0]
    assert lines[1].startswith("  AUROC 0.750")  # (1, 2) against (3, 4): two ties count half, two are won
    assert "precision 100.0" in lines[2]
    assert "recall 50.0" in lines[2]
    assert lines[3].startswith("  f1: 50.0 -> 50.0")
    assert lines[4].startswith("  hallucination: 75.0 -> 50.0 (-25.0")
    # Least probable last: three equally likely first, one of them right, then the one without evidence.
    assert "100%: 75.0" in lines[5]
    assert "20%: 66.7" in lines[5]
    assert "blind 75.0" in lines[5]
