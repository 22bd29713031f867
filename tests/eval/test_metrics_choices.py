"""Which choice an answer picks: by its text, and by likelihood under each rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmground.eval.metrics.answers import picked_choice, score_answer
from firmground.eval.metrics.choices import likeliest_choice
from firmground.eval.types import Example
from firmground.rag.arms import PLAIN
from firmground.rag.types import Answer, ChoiceScore


@pytest.mark.parametrize(
    ("answer", "picked"),
    [
        ("Horses", 1),
        ("B", 1),
        ("(b)", 1),
        ("The answer is B.", 1),
        ("答案是 B。", 1),
        ("It is horses, of course", 1),
        ("wild horses", 2),  # the longer choice, not the one inside it
        ("a dog", 0),
        ("dogs or horses", 1),
        ("dog or horses", None),  # two are named: never guessed
        ("a cat", None),
        ("E", None),
        ("", None),
    ],
)
def test_picked_choice(answer, picked):
    assert picked_choice(answer, ("dog", "horses", "wild horses", "owl")) == picked


def scored(example: Example, text: str, arm=PLAIN, **fields):
    return score_answer(example, Answer(example.question, text, arm.name, **fields), arm)


def test_multiple_choice_is_right_by_the_choice():
    example = Example("1", "Which?", choices=("a red ball", "a blue ball"), answer="a red ball")
    assert (scored(example, "A")["accuracy"], scored(example, "A")["right"]) == (1.0, 1.0)
    wrong = scored(example, "a blue ball")  # F1 0.5 with the gold text, and yet the wrong choice
    assert (wrong["f1"], wrong["accuracy"], wrong["right"], wrong["hallucination"]) == (0.5, 0.0, 0.0, 1.0)
    unparsed = scored(example, "some ball")
    assert (unparsed["accuracy"], unparsed["right"], unparsed["hallucination"]) == ("unparsed", 0.0, 1.0)
    assert scored(example, "", abstained=True)["accuracy"] == 0.0
    assert scored(Example("1", "Who?", ("Andrew Jackson",)), "x")["accuracy"] == "no_choices"


# sum: the short one (−4); per character: the long one (−6 / 12); less its prior: the middle one (−5 + 9)
ENGLISH = (ChoiceScore("ice", -4.0, -3.0), ChoiceScore("steam", -5.0, -9.0), ChoiceScore("liquid water", -6.0, -7.0))
CHINESE = (ChoiceScore("冰", -4.0, -3.0), ChoiceScore("水蒸气", -9.0, -13.0), ChoiceScore("一杯液态的水", -9.5, -10.0))


@pytest.mark.parametrize("choices", [ENGLISH, CHINESE])
def test_each_rule_picks_its_own(choices):
    assert [likeliest_choice(choices, rule) for rule in ("sum", "characters", "pmi")] == [0, 2, 1]


def test_ties_and_what_isnt_known_pick_nothing():
    tied = (ChoiceScore("a", -1.0, -2.0), ChoiceScore("b", -1.0, None), ChoiceScore("c", -3.0))
    assert likeliest_choice(tied, "sum") == likeliest_choice(tied[::-1], "sum") == "tied"
    assert likeliest_choice(tied, "pmi") == "no_prior"
    assert likeliest_choice((ChoiceScore("a", -1.0), ChoiceScore("a", -1.0), ChoiceScore("b", -2.0)), "sum") == 0
    assert likeliest_choice((ChoiceScore("a", float("nan")), ChoiceScore("b", -1.0)), "sum") == "unparsed"
    assert likeliest_choice((ChoiceScore("a", float("-inf")), ChoiceScore("b", -1.0)), "sum") == 1


@pytest.mark.parametrize("choices", [ENGLISH, CHINESE])
def test_accuracy_follows_the_arms_rule(choices):
    texts = [choice.text for choice in choices]
    example = Example("1", "Which?", choices=tuple(texts), answer=texts[1], task="choice")
    for rule, picked in (("sum", 0), ("characters", 2), ("pmi", 1)):
        scores = scored(example, texts[picked], replace(PLAIN, choose=rule), choices=choices)
        assert (scores["accuracy_sum"], scores["accuracy_characters"], scores["accuracy_pmi"]) == (0.0, 0.0, 1.0)
        assert scores["accuracy"] == scores["right"] == float(rule == "pmi")
    written = scored(example, texts[1], replace(PLAIN, choose="text"), choices=choices)
    assert (written["accuracy"], written["accuracy_sum"]) == (1.0, 0.0)


def test_what_the_rule_cannot_tell_the_text_tells():
    example = Example("1", "Which?", choices=("ice", "steam"), answer="steam", task="choice")
    weighed = (ChoiceScore("ice", -4.0), ChoiceScore("steam", -5.0))
    scores = scored(example, "steam", replace(PLAIN, choose="pmi"), choices=weighed)
    assert (scores["accuracy"], scores["accuracy_sum"], scores["accuracy_pmi"]) == (1.0, 0.0, "no_prior")
    assert "accuracy_sum" not in scored(example, "steam")
    tied = scored(
        example, "ice", replace(PLAIN, choose="sum"), choices=(ChoiceScore("ice", -4.0), ChoiceScore("steam", -4.0))
    )
    assert (tied["accuracy"], tied["right"], tied["hallucination"]) == ("tied", 0.0, 1.0)
    declined = scored(example, "", replace(PLAIN, choose="sum"), choices=weighed, abstained=True)
    assert (declined["accuracy"], declined["accuracy_sum"], declined["right"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("labels", "gold", "answer", "accuracy"),
    [
        (("hateful", "not hateful"), "hateful", "It is hateful.", 1.0),
        (("hateful", "not hateful"), "hateful", "not hateful", 0.0),  # and not right by its F1 of 2/3
        (("hateful", "not hateful"), "hateful", "maybe", "unparsed"),
        (("正面", "负面"), "正面", "正面。", 1.0),
        (("正面", "负面"), "正面", "正面或负面", "unparsed"),
        ((), "hateful", "not hateful", 0.0),
        ((), "正面", "《正面》", 1.0),
    ],
)
def test_labels(labels, gold, answer, accuracy):
    scores = scored(Example("1", gold, choices=labels, answer=gold, task="label"), answer)
    assert (scores["accuracy"], scores["right"]) == (accuracy, float(accuracy == 1.0))
