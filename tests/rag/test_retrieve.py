"""Searches in a row, over a shelf that tells what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import AUGMENTED
from firmground.rag.assistant import Assistant
from firmground.rag.retrieve import for_choices, hop

FACTS = ("Coral lives in symbiosis.", "Mutualism is symbiosis.", "Predation is hunting.", "The Moon is far.")


class Asked:
    """Finds facts by how many words they share with what is asked, then by their order; keeps each batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def search(self, questions: Sequence[str], k: int = 10, mode: str = "hybrid") -> list[list[Hit]]:
        self.batches.append(list(questions))
        return [self._search(question)[:k] for question in questions]

    def _search(self, question: str) -> list[Hit]:
        words = set(question.lower().split())
        shared = [len(words & set(fact.lower().rstrip(".").split())) for fact in FACTS]
        order = sorted(range(len(FACTS)), key=lambda place: -shared[place])
        return [Hit(Passage(place, f"d{place}", FACTS[place], 0, 9), shared[place]) for place in order if shared[place]]


def found(hits: Sequence[Hit]) -> list[int]:
    return [hit.passage.id for hit in hits]


def test_the_second_search_asks_for_what_the_first_hit_leaves_open() -> None:
    shelf = Asked()
    (alone,) = hop(shelf, 1, "hybrid", ["coral relationship"], 1)
    assert found(alone) == [0]
    (both,) = hop(shelf, 1, "hybrid", ["coral relationship"], 2)
    assert found(both) == [0, 1]  # Mutualism shares no word with the question
    assert shelf.batches == [["coral relationship"], ["coral relationship"], ["relationship lives in symbiosis"]]
    (more,) = hop(shelf, 1, "hybrid", ["coral relationship"], 3)
    assert found(more) == [0, 1, 2]  # "is" leads on
    assert hop(shelf, 1, "hybrid", [], 2) == []
    assert hop(shelf, 1, "hybrid", ["nothing"], 2) == [[]]


def test_each_choice_is_searched_with_the_question_after_the_question_alone() -> None:
    shelf = Asked()
    first, none = for_choices(shelf, 1, "hybrid", [("coral", ("predation", "moon far")), ("what", ("x", "y"))], 1)
    assert shelf.batches == [["coral", "what"], ["coral predation", "coral moon far", "what x", "what y"]]
    assert found(first) == [0, 3]  # both searches' best hits, the question's own first; no passage twice
    assert none == []


def test_open_questions_hop_only_where_the_arm_says_so() -> None:
    arm = replace(AUGMENTED, num_passages=1)
    for hops, expected in ((1, [0]), (2, [0, 1])):
        (hits,) = Assistant(Asked()).retrieve(["coral relationship"], replace(arm, hops=hops))  # type: ignore[arg-type]
        assert found(hits) == expected


def test_arms_that_search_alike() -> None:
    assert AUGMENTED.search == replace(AUGMENTED, name="other", spans=0).search
    assert AUGMENTED.search != replace(AUGMENTED, hops=2).search
    assert AUGMENTED.search != replace(AUGMENTED, choice_hops=AUGMENTED.choice_hops + 1).search
