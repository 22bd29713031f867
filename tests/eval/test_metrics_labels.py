"""Accuracy and macro precision, recall and F1 of labels: by hand, by scikit-learn, and over rows."""

from __future__ import annotations

import random

import pytest

from firmground.eval.metrics.labels import label_figures, label_scores
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError


def test_three_labels_by_hand():
    figures = label_scores(["a", "a", "b", "c"], ["a", "b", "b", "b"])
    a, b, c = figures.labels
    assert (a.precision, a.recall, a.f1, a.support) == (1.0, 0.5, pytest.approx(2 / 3), 2)
    assert (b.precision, b.recall, b.f1, b.support) == (pytest.approx(1 / 3), 1.0, 0.5, 1)
    assert (c.precision, c.recall, c.f1, c.support) == (None, 0.0, 0.0, 1)  # never answered
    assert (figures.accuracy, figures.n) == (0.5, 4)
    assert figures.precision == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert figures.recall == pytest.approx((0.5 + 1 + 0) / 3)
    assert figures.f1 == pytest.approx((2 / 3 + 0.5 + 0) / 3)


def test_scikit_learn_gives_the_same():
    sklearn = pytest.importorskip("sklearn.metrics")
    draw = random.Random(3)
    for labels in (["正面", "负面"], ["supports", "refutes", "neither"], list("abcdefgh")):
        gold = [draw.choice(labels) for _ in range(60)]
        answered = [draw.choice([label, label, draw.choice(labels), None]) for label in gold]
        figures = label_scores(gold, answered)
        names = [score.label for score in figures.labels]
        theirs = [label if label is not None else "abstained" for label in answered]
        for average, ours in (
            ("macro", (figures.precision, figures.recall, figures.f1)),
            (None, list(zip(*[(s.precision or 0.0, s.recall or 0.0, s.f1) for s in figures.labels], strict=True))),
        ):
            expected = sklearn.precision_recall_fscore_support(
                gold, theirs, labels=names, average=average, zero_division=0
            )[:3]
            for mine, other in zip(ours, expected, strict=True):
                assert mine == pytest.approx(other, abs=1e-6)
        assert figures.accuracy == pytest.approx(sklearn.accuracy_score(gold, theirs), abs=1e-6)
        assert figures.abstained == answered.count(None) > 0


def row(gold: str | None, answer: str, labels=("好", "坏"), task="label", **fields) -> Outcome:
    metadata = {"choices": list(labels), "answer": gold}
    return Outcome("1", "plain", "?", answer, **{"abstained": False, "metadata": metadata, "task": task, **fields})


def test_rows_that_failed_or_name_no_label_are_counted_apart():
    rows = [
        row("好", "好"),
        row("坏", "答案是 A。"),
        row("坏", "好或坏"),
        row("好", "", abstained=True),
        row("好", "", error="RuntimeError"),
        row(None, "好"),
        row("好", "好", task="choice"),
    ]
    figures = label_figures(rows)
    assert (figures.n, figures.unparsed, figures.abstained, figures.errors) == (3, 1, 1, 1)
    good, bad = figures.labels
    assert (good.label, good.precision, good.recall) == ("坏", None, 0.0)
    assert (bad.label, bad.precision, bad.recall) == ("好", 0.5, 0.5)
    assert figures.accuracy == pytest.approx(1 / 3)
    assert label_figures(rows[-2:]) is None


def test_no_rows_and_unequal_lengths():
    nothing = label_figures([row("好", "也许")])
    assert (nothing.accuracy, nothing.f1, nothing.n, nothing.unparsed) == (None, None, 0, 1)
    with pytest.raises(InputError, match="1 and 2"):
        label_scores(["a", "b"], ["a"])
