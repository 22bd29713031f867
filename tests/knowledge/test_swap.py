"""Counterfactual swaps: grammar kept, and twice is the text again on what the pairs cover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmground.knowledge.errors import InputError
from firmground.knowledge.swap import augmented, swap
from firmground.knowledge.types import Document


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("He told his wife that the book is his.", "She told her husband that the book is hers."),
        ("Mary gave her dog to her.", "James gave his dog to him."),
        ("I know him well; her sisters know her too.", "I know her well; his brothers know him too."),
        ("She asked her to help her friends because of her.", "He asked him to help his friends because of him."),
        ("THE KING and the Queen", "THE QUEEN and the King"),
        ("Mr Smith met the actresses.", "Ms Smith met the actors."),
        ("The theme is human.", "The theme is human."),  # no he in theme, no man in human
        ("他和妻子去看其他朋友，她是女医生。", "她和丈夫去看其他朋友，他是男医生。"),
        ("王先生的儿子喜欢弹吉他。", "王女士的女儿喜欢弹吉他。"),
        ("子女和妇女都在，男女平等。", "子女和妇女都在，男女平等。"),
    ],
)
def test_gender_is_exchanged_throughout(before: str, after: str) -> None:
    swapped = swap(before)
    assert swapped.text == after
    assert swapped.reversible
    assert all(before[one.start : one.end] == one.before for one in swapped.changes)


def test_what_cannot_be_turned_back_says_so() -> None:
    assert swap("Mrs Smith left.").text == "Mr Smith left."
    assert not swap("Mrs Smith left.").reversible


def test_names_stay_where_they_are_not_wanted_and_words_are_no_names() -> None:
    assert swap("Mary left.", names=False).text == "Mary left."
    assert swap("We peter out.").text == "We peter out."


def test_other_attributes() -> None:
    assert swap("Muslim women pray in the mosque.", attribute="religion").text == "Christian women pray in the church."
    assert swap("穆斯林去清真寺。", attribute="religion").text == "基督徒去教堂。"
    with pytest.raises(InputError, match="gender, religion, age"):
        swap("x", attribute="height")  # type: ignore[arg-type]


SUBJECTS = ("He", "She", "My uncle", "The waitress", "James", "Mary", "The boys", "Her husband", "His daughter")
VERBS = ("saw", "met", "called", "praised")
OBJECTS = ("him", "her", "his mother", "her old friend", "the actress", "the kings", "himself", "Patricia")
TAILS = (".", " yesterday.", " in the garden.", " because of him.", " and the house is hers.", " with her brother.")


@given(*map(st.sampled_from, (SUBJECTS, VERBS, OBJECTS, TAILS)))
def test_twice_is_once_again(subject: str, verb: str, thing: str, tail: str) -> None:
    text = f"{subject} {verb} {thing}{tail}"
    once = swap(text, "en")
    assert once.reversible
    assert swap(once.text, "en").text == text
    assert once.text != text


@given(
    st.lists(
        st.sampled_from(
            [
                "他",
                "她",
                "先生",
                "女士",
                "父亲",
                "母亲",
                "其他",
                "吉他",
                "男",
                "女",
                "妇女",
                "儿子",
                "女儿",
                "说",
                "了",
                "的",
                "去",
                "看",
                "，",
            ]
        ),
        max_size=12,
    )
)
def test_chinese_says_whether_it_can_be_turned_back(parts: list[str]) -> None:
    text = "".join(parts)
    once = swap(text, "zh")
    assert once.reversible == (swap(once.text, "zh").text == text)
    assert len(once.changes) == 0 or once.text != text


def test_documents_get_their_counterparts() -> None:
    documents = [Document("a", "He is a nurse."), Document("b", "Water is wet."), Document("c", "Mrs Low left.")]
    both = augmented(documents)
    assert [document.id for document in both] == ["a", "a~gender", "b", "c"]
    assert both[1].text == "She is a nurse."
    assert both[1].metadata["counterfactual"] == "gender"


def test_a_word_in_another_sense_stays():
    assert swap("A boy six years old asked how old the old man is.", "en", "age").text == (
        "A boy six years old asked how old the young man is."
    )
    assert swap("The widow saw a black widow.", "en").text == "The widower saw a black widow."
