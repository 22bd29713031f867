"""The corpus audit: who is named, how often, and beside which words, against hand counts."""

from __future__ import annotations

import math

import pytest

from firmground.knowledge.audit import audit, balanced, log_odds, main_group
from firmground.knowledge.errors import InputError
from firmground.knowledge.groups import english_forms, mentions
from firmground.knowledge.types import Document


def test_plurals_and_longest_words() -> None:
    assert english_forms("lady wife boss man~ kid") == [
        "lady", "ladies", "wife", "wives", "boss", "bosses", "man", "kid", "kids",
    ]  # fmt: skip
    found = mentions("Native Americans and an old man met two ladies.")
    assert [(one.text, one.group) for one in found] == [
        ("Native Americans", "Indigenous"), ("old man", "old people"), ("ladies", "women"),
    ]  # fmt: skip
    assert [one.group for one in mentions("女朋友是河南人")] == ["women", "Henan"]


def test_names_and_pronouns_count_only_when_asked() -> None:
    assert mentions("Mary thanked him.") == []
    assert [one.group for one in mentions("Mary thanked him.", names=True)] == ["women", "men"]
    assert mentions("The human theme", names=True) == []


def test_colours_are_not_people() -> None:
    assert mentions("A black car and a white house.") == []
    assert [one.group for one in mentions("Black people and a white woman.")] == ["Black", "White", "women"]


def test_log_odds_by_hand() -> None:
    value, low, high = log_odds(3, 4, 1, 4)
    assert value == pytest.approx(math.log(3.5 / 1.5) - math.log(1.5 / 3.5))
    half = 1.959964 * math.sqrt(1 / 3.5 + 1 / 1.5 + 1 / 1.5 + 1 / 3.5)
    assert (low, high) == (pytest.approx(value - half), pytest.approx(value + half))
    assert log_odds(2, 5, 2, 5)[0] == 0
    assert log_odds(1, 4, 3, 4)[0] == pytest.approx(-value)
    with pytest.raises(InputError, match="0 <= hits <= trials"):
        log_odds(5, 4, 0, 1)


def test_counts_and_associations_of_a_small_corpus() -> None:
    documents = [
        Document("1", "She is a nurse. She is a nurse too. He is an engineer.", "a.txt"),
        Document("2", "Her sister works as a nurse. The man builds.", "b.txt"),
        Document("3", "他是工程师。她是护士。", "c.txt"),
        Document("4", "Water is wet.", "d.txt"),
    ]
    found = audit(documents)
    assert (found.documents, found.sentences) == (4, 8)
    counts = {count.group: count for count in found.counts}
    assert (counts["women"].mentions, counts["women"].sentences, counts["women"].documents) == (4, 3, 2)
    assert (counts["men"].mentions, counts["men"].sentences, counts["men"].documents) == (2, 2, 2)
    nurse = next(one for one in found.associations if (one.group, one.word) == ("women", "nurse"))
    assert (nurse.together, nurse.sentences) == (3, 3)
    assert nurse.log_odds == pytest.approx(log_odds(3, 3, 0, 2)[0])
    assert found.sources["a.txt"] == {"women": 2, "men": 1}
    assert "d.txt" not in found.sources
    assert found.to_dict()["counts"][0]["group"] == "women"


def test_an_association_is_symmetric() -> None:
    text = " ".join(["She is a nurse."] * 6 + ["He is a nurse.", "He is tall.", "She is tall."])
    by_group = {one.group: one for one in audit([Document("1", text)]).associations if one.word == "nurse"}
    assert by_group["women"].log_odds == pytest.approx(-by_group["men"].log_odds)


def test_balancing_takes_as_many_of_each() -> None:
    women = [Document(f"w{number}", "She sings.") for number in range(5)]
    men = [Document(f"m{number}", "He sings.") for number in range(2)]
    rest = [Document("r", "It rains.")]
    kept = balanced([*women, *men, *rest])
    assert sorted(document.id[0] for document in kept) == ["m", "m", "r", "w", "w"]
    assert balanced([*women, *men, *rest]) == kept
    with pytest.raises(InputError, match="at least two"):
        balanced(women)
    with pytest.raises(InputError, match="unknown category"):
        balanced(women, "height")


def test_the_main_group_is_the_one_named_most() -> None:
    assert main_group("She and her sister met him.", "gender") == "women"
    assert main_group("She met him.", "gender") == ""
