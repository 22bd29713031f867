"""Every metric has a definition and reaches its ideal and its worst value: a new one without such a case fails here."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from firmground.eval.metrics.answers import METRICS, RUN_METRICS, STATUSES, metric, score_answer, token_f1
from firmground.eval.metrics.calibration import area_under_risk_coverage, brier, expected_calibration_error
from firmground.eval.metrics.citations import citation_scores
from firmground.eval.metrics.labels import label_scores
from firmground.eval.metrics.likelihood import perplexity
from firmground.eval.metrics.texts import chrf, corpus_scores, rouge_l
from firmground.eval.types import Example
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import AUGMENTED
from firmground.rag.types import Answer, ChoiceScore, Citation, Claim

ENGLISH = Example("1", "Who ran?", ("Andrew Jackson",), gold=("d1",))
CHINESE = Example("2", "谁赢了？", ("安德鲁·杰克逊",), gold=("d1",))
UNANSWERABLE = Example("3", "Who?", answerable=False)
CHOICE = Example("4", "Which?", choices=("ice", "steam"), answer="ice", gold=("d1",), task="choice")
SUMMARY = Example("5", "Sum up", ("the cat sat on the mat",), task="summary")
GOLD_HIT, OTHER_HIT = (Hit(Passage(place, name, "", 0, 1), 1.0) for place, name in enumerate(("d1", "d2")))
SUPPORTED, UNSUPPORTED = (Claim("it rains", 0, 8, verdict, citations=(Citation("d", 0, 0, 8, text),))
                          for verdict, text in (("supported", "it rains"), ("unsupported", "it snows")))  # fmt: skip


class SameText:
    """Supports a claim where the evidence holds its words."""

    name, threshold = "same", 0.5

    def support(self, claims, evidence):
        return np.array(
            [float(any(claim in text for text in texts)) for claim, texts in zip(claims, evidence, strict=True)]
        )


class Sure:
    """A model that gives every token (here: word) the same probability."""

    completes = True

    def __init__(self, probability: float) -> None:
        self.name, self.log_probability = "sure", math.log(probability)

    def score(self, prompt, continuation):
        return np.full(len(continuation.split()), self.log_probability)


def scores(example: Example, text: str, **fields) -> dict:
    return score_answer(example, Answer(example.question, text, "augmented", **fields), AUGMENTED)


def answered(name: str, example: Example, best: str, worst: str, **fields) -> tuple[Callable, Callable]:
    return lambda: scores(example, best, **fields)[name], lambda: scores(example, worst, **fields)[name]


def weighed(name: str) -> tuple[Callable, Callable]:
    """The right choice is by far the likelier, or the less likely, by every rule."""
    likely, unlikely = (-1.0, -9.0), (-20.0, -9.0)
    best = tuple(ChoiceScore(text, *pair) for text, pair in zip(CHOICE.choices, (likely, unlikely), strict=True))
    worst = tuple(ChoiceScore(text, *pair) for text, pair in zip(CHOICE.choices, (unlikely, likely), strict=True))
    return lambda: scores(CHOICE, "ice", choices=best)[name], lambda: scores(CHOICE, "steam", choices=worst)[name]


def retrieved(name: str) -> tuple[Callable, Callable]:
    return (
        lambda: scores(ENGLISH, "x", hits=(GOLD_HIT, OTHER_HIT))[name],
        lambda: scores(ENGLISH, "x", hits=(OTHER_HIT,))[name],
    )


def over(function: Callable, best: tuple, worst: tuple) -> tuple[Callable, Callable]:
    return lambda: function(*best), lambda: function(*worst)


def cited(name: str) -> tuple[Callable, Callable]:
    return over(lambda claim: citation_scores([claim], SameText())[name], (SUPPORTED,), (UNSUPPORTED,))


def labelled(name: str) -> tuple[Callable, Callable]:
    best, worst = (["a", "b"], ["a", "b"]), (["a", "b"], ["b", "a"])
    return over(lambda *lists: getattr(label_scores(*lists), name), best, worst)


def together(name: str) -> tuple[Callable, Callable]:
    best, worst = (["北京很大。"], [["北京很大。"]], "zh"), (["猫"], [["狗"]], "zh")
    return over(lambda *lists: getattr(corpus_scores(*lists), name), best, worst)


CONFIDENT = (([1.0, 0.0], [1, 0]), ([1.0, 0.0], [0, 1]))
# name: what gives the ideal value, and what the worst (for a metric without a direction: the other end of its range)
CASES: dict[str, tuple[Callable, Callable]] = {
    "right": answered("right", ENGLISH, "Andrew Jackson", "a zebra"),
    "hallucination": answered("hallucination", CHINESE, "安德鲁杰克逊", "斑马"),
    "abstained": answered("abstained", ENGLISH, "a zebra", ""),
    "coverage": answered("coverage", UNANSWERABLE, "a zebra", ""),
    "em": answered("em", CHINESE, "安德鲁杰克逊。", "安德鲁"),
    "f1": answered("f1", CHINESE, "安德鲁杰克逊。", "斑马"),
    "match": answered("match", ENGLISH, "It was Andrew Jackson.", "Andrew J."),
    "accuracy": answered("accuracy", CHOICE, "B or A: ice", "steam"),
    "accuracy_sum": weighed("accuracy_sum"),
    "accuracy_characters": weighed("accuracy_characters"),
    "accuracy_pmi": weighed("accuracy_pmi"),
    "rouge_l": answered("rouge_l", SUMMARY, "The cat sat on the mat.", "dogs"),
    "bleu": answered("bleu", SUMMARY, "the cat sat on the mat", "dogs"),
    "chrf": answered("chrf", SUMMARY, "the cat sat on the mat", "pug"),
    "unsupported": over(
        lambda claim: scores(ENGLISH, "x", claims=(claim,))["unsupported"], (SUPPORTED,), (UNSUPPORTED,)
    ),
    "declined_rightly": answered("declined_rightly", UNANSWERABLE, "", "a zebra"),
    "citation_precision": cited("citation_precision"),
    "citation_recall": cited("citation_recall"),
    "mrr": retrieved("mrr"),
    "recall@4": retrieved("recall@4"),
    "ndcg@4": retrieved("ndcg@4"),
    "macro_precision": labelled("precision"),
    "macro_recall": labelled("recall"),
    "macro_f1": labelled("f1"),
    "corpus_bleu": together("bleu"),
    "corpus_chrf": together("chrf"),
    "ece": over(expected_calibration_error, *CONFIDENT),
    "brier": over(brier, *CONFIDENT),
    "aurc": over(area_under_risk_coverage, ([0.9, 0.4], [1, 1]), ([0.9, 0.4], [0, 0])),
    "perplexity": over(lambda model: perplexity(model, ["a b"]).perplexity, (Sure(1.0),), (Sure(0.01),)),
    "bits_per_byte": over(lambda model: perplexity(model, ["a b"]).bits_per_byte, (Sure(1.0),), (Sure(0.01),)),
}


@pytest.mark.parametrize("name", [*METRICS, *RUN_METRICS, "recall@4", "ndcg@4"])
def test_ideal_and_worst_value(name):
    noun, (best, worst) = metric(name), CASES[name]
    ideal, poor = best(), worst()
    assert ideal == pytest.approx(noun.ideal)
    if math.isinf(noun.high):
        assert noun.ideal < poor < noun.high
    else:
        assert poor == pytest.approx(noun.low if noun.ideal == noun.high else noun.high)
    for value in (ideal, poor):
        assert noun.low <= value <= noun.high


def test_no_case_without_its_metric():
    assert CASES.keys() == METRICS.keys() | RUN_METRICS.keys() | {"recall@4", "ndcg@4"}
    assert not METRICS.keys() & RUN_METRICS.keys()


@pytest.mark.parametrize("name", CASES)
def test_every_metric_says_what_it_means(name):
    noun = metric(name)
    assert noun.name == name
    assert noun.title[0].isupper() or noun.title in ("nDCG@4", "chrF", "chrF of all texts")
    assert noun.definition.endswith(".")
    assert noun.source
    assert noun.low <= noun.ideal <= noun.high
    assert noun.direction == {1.0: "higher", 0.0: "lower"}.get(noun.ideal) or noun.name in (
        "coverage",
        "abstained",
        "perplexity",
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_symmetry_where_it_holds(language):
    one, other = ("the big cat sat", "a cat sat there") if language == "en" else ("大猫坐在那里", "猫坐在这里")
    for function in (token_f1, rouge_l):
        assert 0 < function(one, [other], language) == function(other, [one], language) < 1
    half = one[: len(one) // 2]
    assert chrf(half, [one]) < chrf(one, [half])  # recall weighs more: not symmetric, and not meant to be
    swapped = label_scores(["a", "b", "b"], ["b", "b", "a"]), label_scores(["b", "b", "a"], ["a", "b", "b"])
    assert swapped[0].precision == swapped[1].recall
    assert swapped[0].f1 == swapped[1].f1


@pytest.mark.parametrize("name", ["recall@x", "ndcg@", "nothing", "mrr@4"])
def test_unknown_names_are_errors(name):
    with pytest.raises(KeyError):
        metric(name)


def test_every_score_is_a_number_in_range_or_a_known_status():
    rows = [
        (example, Answer(example.question, text, "augmented", abstained=not text, claims=claims, hits=hits))
        for example in (ENGLISH, CHINESE, UNANSWERABLE, CHOICE, SUMMARY, Example("6", "Why?"))
        for text in ("ice", "杰克逊", "")
        for claims in ((), (SUPPORTED, UNSUPPORTED), (Claim("x", 0, 1),))
        for hits in ((), (GOLD_HIT,))
    ]
    for example, answer in rows:
        for name, value in score_answer(example, answer, AUGMENTED).items():
            noun = metric(name)
            assert value in STATUSES if isinstance(value, str) else noun.low <= value <= noun.high, (name, value)
