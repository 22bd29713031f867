"""The follow-ups: they stand on passages that exist, in both languages, and the rule changes most of them."""

from __future__ import annotations

import numpy as np
import pytest

from firmground.eval.bench.conversation import CHINESE, ENGLISH, PACKS, FollowUp, controls, found, line
from firmground.knowledge.packs import pack_documents
from firmground.knowledge.types import Hit, Passage


@pytest.mark.parametrize("pack", list(PACKS))
def test_follow_ups_are_about_passages_of_the_pack(pack: str) -> None:
    known = {document.id for document in pack_documents(pack)}
    rows = [FollowUp(*row) for row in PACKS[pack]]
    assert len(rows) == 30
    assert {row.gold for row in rows} <= known
    assert sum(row.understood != row.question for row in rows) >= 25
    assert sum(row.understood != row.question for row in controls(pack)) <= 10


def test_both_languages_ask_the_same() -> None:
    assert [row[0] for row in ENGLISH] == [row[0] for row in CHINESE]


class Base:
    """Finds the passage whose name the question holds, first; "other" after it."""

    def search(self, questions, k):
        def hit(name: str) -> Hit:
            return Hit(Passage(0, name, name, 0, len(name)), 1.0)

        return [
            [hit(name) for name in (*(["ice"] if "ice" in question else []), "other")][:k] for question in questions
        ]


def test_recall_by_hand() -> None:
    assert np.array_equal(found(Base(), ["ice?", "what?", "ice?"], ["ice", "ice", "other"], 1), [1.0, 0.0, 0.0])  # type: ignore[arg-type]
    assert np.array_equal(found(Base(), ["ice?"], ["other"], 2), [1.0])  # type: ignore[arg-type]
    told = line("x", Base(), [FollowUp("ice", "Why does ice float?", "And how much?"), FollowUp("ice", "x", "ice?")])  # type: ignore[arg-type]
    assert "rewritten   2" in told  # "ice?" is too short to stand alone
    assert "recall@1 50.0" in told
    assert "-> 100.0" in told
