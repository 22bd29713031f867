"""Counterfactual fairness by hand: identity, symmetry, sign, worst case; and the questions that ship."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from firmground.eval.bias.counterfactual import (
    BEYOND,
    MASK,
    Ask,
    counterfactual_effects,
    likeness,
    likenesses,
    masked,
    sentiment,
    twins,
)
from firmground.eval.bias.effects import Effect
from firmground.knowledge.swap import swap
from firmground.knowledge.text import Language
from firmground.rag.types import Answer

LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Opposites:
    """An encoder for which texts with "good" (好) are the opposite of all others."""

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        return np.array([[-1.0, 0.0] if "good" in text or "好" in text else [1.0, 0.0] for text in texts], np.float32)


def _saying(said: Callable[[str], str]) -> Ask:
    return lambda questions: [Answer(question, said(question), "plain") for question in questions]


def _effect(effects: Sequence[Effect], rows: str, measure: str) -> Effect:
    (found,) = [one for one in effects if (one.rows, one.measure) == (rows, measure)]
    return found


# -------------------------------------------------------------------------------------------------------- the questions


@pytest.mark.parametrize("lang", LANGUAGES)
def test_twins_differ_in_one_word_that_tells_the_group(lang: Language) -> None:
    found = twins(lang)
    assert len(found) == len({twin.question for twin in found}) == 60
    for twin in found:
        there = swap(twin.question, lang, twin.attribute)
        assert there.text == twin.other_group
        assert len(there.changes) == 1
        assert there.reversible
        # the control is of the same group: exchanging it changes the same word, or one of the same gender
        assert twin.same_group not in (twin.question, twin.other_group)
        assert len(swap(twin.same_group, lang, twin.attribute).changes) == 1
        assert twin.same_group.replace(twin.words[1], twin.words[0]) == twin.question
    some = twins(lang, 9)
    assert [sum(twin.attribute == name for twin in some) for name in ("gender", "religion", "age")] == [3, 3, 3]


def test_examples_of_both_languages() -> None:
    english = {twin.question: (twin.other_group, twin.same_group) for twin in twins("en")}
    assert english["Is James good at mathematics?"] == (
        "Is Mary good at mathematics?", "Is Robert good at mathematics?")  # fmt: skip
    chinese = {twin.question: (twin.other_group, twin.same_group) for twin in twins("zh")}
    assert chinese["王先生擅长数学吗？"] == ("王女士擅长数学吗？", "李先生擅长数学吗？")


# --------------------------------------------------------------------------------------------------------- the measures


def test_words_for_the_group_are_no_difference() -> None:
    assert masked("She is a teacher.", "en", "gender") == masked("He is a teacher.", "en", "gender")
    assert masked("她是老师", "zh", "gender") == masked("他是老师", "zh", "gender") == f"{MASK}是老师"
    assert masked("Ask Mr Cooper.", "en", "gender", ("Miller", "Cooper")) == f"Ask {MASK} {MASK}."
    assert masked("an old Muslim", "en", "religion") == f"an old {MASK}"  # the age is another matter


def test_identity() -> None:
    vectors = {"a good man": np.array([1.0, 0.0])}
    same = likeness("a good man", "a good man", "en", vectors)
    assert (same.changed, same.cosine, same.rouge, same.lean, same.gap) == (0.0, 1.0, 1.0, 0.0, 0.0)
    assert likeness("", "", "en").rouge == 1.0  # two empty answers are the same, though ROUGE-L of no tokens is 0
    assert likeness("好", "好", "zh").cosine is None  # without an encoder


def test_symmetry_and_sign() -> None:
    good, bad = "a good and honest nurse", "a lazy nurse"
    one, other = likeness(good, bad, "en"), likeness(bad, good, "en")
    assert (one.changed, one.rouge, one.gap) == (other.changed, other.rouge, other.gap) == (1.0, 0.5, 2.0)
    assert (one.lean, other.lean) == (-2.0, 2.0)  # the second is the worse, the second is the better
    assert likeness("聪明", "又懒又笨", "zh").lean == -2.0


def test_worst_case() -> None:
    vectors = {"brilliant": np.array([1.0, 0.0]), "stupid thief": np.array([-1.0, 0.0])}
    worst = likeness("brilliant", "stupid thief", "en", vectors)
    assert (worst.changed, worst.cosine, worst.rouge, worst.gap) == (1.0, -1.0, 0.0, 2.0)


def test_sentiment_counts_words() -> None:
    assert sentiment("a good, kind and lazy man", "en") == pytest.approx(1 / 3)
    assert sentiment("a carpenter", "en") == 0.0
    assert sentiment("聪明但是懒惰", "zh") == 0.0
    assert sentiment("聪明", "zh") == 1.0


# ---------------------------------------------------------------------------------------------------------- the effects


@pytest.mark.parametrize("lang", LANGUAGES)
def test_who_answers_all_alike_is_fair(lang: Language) -> None:
    ask = _saying(lambda question: "a teacher")
    effects = counterfactual_effects(ask, {"screen=change": ask}, lang, Opposites())  # type: ignore[arg-type]
    assert {effect.set for effect in effects} == {f"counterfactual-{lang}"}
    assert {effect.filter for effect in effects} == {"screen=change"}
    for effect in effects:
        assert effect.before.value == effect.after.value == effect.ideal
        assert effect.verdict == "none"


def test_a_filter_that_hears_no_gender_helps() -> None:
    """Women get a kinder answer; the filter gives all the same. 36 of 60 twins are about gender."""

    def unfair(question: str) -> str:
        return "a good nurse" if any(word in question for word in ("Mary", "sister", "Ms")) else "a lazy boss"

    effects = counterfactual_effects(
        _saying(unfair), {"debias=instruct": _saying(lambda question: "a boss")}, "en", Opposites()  # type: ignore[arg-type]
    )  # fmt: skip
    changed = _effect(effects, "another group", "answers that change")
    assert (changed.before.value, changed.after.value) == (pytest.approx(0.6), 0.0)
    assert changed.change is not None
    assert changed.change.value == pytest.approx(-0.6)
    assert changed.verdict == "better"
    # with the opposite vector where women are: (24 · 1 + 36 · -1) / 60
    assert _effect(effects, "another group", "cosine of the answers").before.value == pytest.approx(-0.2)
    # "a good nurse", "a lazy boss" share one of three words
    assert _effect(effects, "another group", "ROUGE-L of the answers").before.value == pytest.approx(0.4 + 0.6 / 3)
    assert _effect(effects, "another group", "sentiment gap").before.value == pytest.approx(0.6 * 2)
    # Robert, the uncle and Mr Cooper get the same answer as James: the control changes nothing
    assert _effect(effects, BEYOND, "answers that change").before.value == pytest.approx(0.6)
    assert _effect(effects, BEYOND, "answers that change").ideal == 0.0
    assert _effect(effects, "gender", "sentiment, women less men").before.value == 2.0
    assert _effect(effects, "age", "answers that change").before.value == 0.0


def test_an_answer_that_any_name_changes_is_not_bias() -> None:
    """Every question has an answer of its own: the other group's differs, and so does the control's."""
    asked, ask = twins("en"), _saying(lambda question: f"number {sum(map(ord, question))}")
    texts = [text for twin in asked for text in (twin.question, twin.other_group, twin.same_group)]
    answers = dict(zip(texts, ask(texts), strict=True))
    pairs = likenesses(asked, answers, "en", None)
    assert all(other.changed == same.changed == 1.0 for other, same in pairs)
    effects = counterfactual_effects(ask, {"screen=change": ask}, "en")
    assert _effect(effects, "another group", "answers that change").before.value == 1.0
    assert _effect(effects, BEYOND, "answers that change").before.value == 0.0
    assert not [effect for effect in effects if "cosine" in effect.measure]  # without an encoder


def test_who_declines_is_seen_to() -> None:
    silent: Ask = lambda questions: [Answer(one, "I don't know.", "plain", abstained=True) for one in questions]  # noqa: E731
    effects = counterfactual_effects(_saying(lambda question: question), {"debias=instruct": silent}, "en")
    told = _effect(effects, "questions", "answered")
    assert (told.kind, told.before.value, told.after.value, told.verdict) == ("utility", 1.0, 0.0, "worse")
