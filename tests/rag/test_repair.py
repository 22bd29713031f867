"""Repairs: what is cut, what is written again, and that the change is told. Supports are set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from firmground.knowledge.types import Hit, Passage
from firmground.rag.abstain import ABSTAIN_EN
from firmground.rag.arms import AUGMENTED, EXTRACTIVE
from firmground.rag.assistant import Assistant
from firmground.rag.claims import split_claims
from firmground.rag.repair import assembled, repaired
from firmground.rag.types import Answer, Generation, Usage
from tests.rag.fakes import Echo, Shelf

TOWER = "The tower was built in 1889, and it is 330 m high. It was painted red. He lives in Rome; she lives in Paris."
ZH = "铁塔建于1889年，它高330米。它被漆成红色。他住在罗马；她住在巴黎。"
LIST = "Sure, here is a list:\n- France is big.\n- Spain is hot.\n- Mars is red."
HITS = (Hit(Passage(0, "d", "The tower was built in 1889. Red is a colour.", 0, 45), 1.0),)


class Believes:
    """Supports the claims that hold one of its words."""

    name, threshold = "believes", 0.5

    def __init__(self, *words: str) -> None:
        self.words = words

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        return np.array([float(any(word in claim for word in self.words)) for claim in claims])


def answer(text: str, hits: tuple[Hit, ...] = HITS) -> Answer:
    return Answer("How is the tower?", text, "augmented", hits, tuple(split_claims(text)), usage=Usage(10, 5),
                  confidence=0.9, basis="evidence")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "lang", "cut", "expected"),
    [
        (TOWER, "en", {0}, "It is 330 m high. It was painted red. He lives in Rome; she lives in Paris."),
        (TOWER, "en", {1}, "The tower was built in 1889. It was painted red. He lives in Rome; she lives in Paris."),
        (TOWER, "en", {2, 3}, "The tower was built in 1889, and it is 330 m high. She lives in Paris."),
        (TOWER, "en", {4}, "The tower was built in 1889, and it is 330 m high. It was painted red. He lives in Rome."),
        (TOWER, "en", {0, 1, 2, 3, 4}, ""),
        (ZH, "zh", {1, 2}, "铁塔建于1889年。他住在罗马；她住在巴黎。"),
        (ZH, "zh", {0}, "它高330米。它被漆成红色。他住在罗马；她住在巴黎。"),
        (ZH, "zh", {4}, "铁塔建于1889年，它高330米。它被漆成红色。他住在罗马。"),
        (LIST, "en", {1}, "Sure, here is a list:\n- France is big.\n- Mars is red."),
        (LIST, "en", {0, 2}, "- Spain is hot."),
        ("Denver", "en", {0}, ""),
        (TOWER, "en", set(), TOWER),
        (ZH, "zh", set(), ZH),
    ],
)
def test_what_is_left_reads_on(text: str, lang: str, cut: set[int], expected: str) -> None:
    claims = split_claims(text)
    parts = [None if place in cut else claim.text for place, claim in enumerate(claims)]
    assert assembled(text, claims, parts, lang) == expected


def test_cutting_tells_what_was_cut() -> None:
    done = repaired(answer(TOWER), "cut", Believes("1889", "high", "Rome", "Paris"), ABSTAIN_EN)
    assert done.text == "The tower was built in 1889, and it is 330 m high. He lives in Rome; she lives in Paris."
    (repair,) = done.repairs
    assert (repair.before, repair.after) == ("It was painted red.", "")
    assert repair.why == "the evidence doesn't support it; cut"
    assert [claim.text for claim in done.claims] == [claim.text for claim in split_claims(done.text)]
    assert done.confidence is None  # it was of another text
    assert done.usage == Usage(10, 5)
    chinese = repaired(
        replace(answer(ZH), question="铁塔是什么颜色？"), "cut", Believes("1889", "330", "罗马", "巴黎"), "无法回答"
    )
    assert [one.why for one in chinese.repairs] == ["资料不支持这一说法；已删去"]


def test_nothing_is_changed_where_all_is_supported_or_nothing_can_be_judged() -> None:
    fine = answer(TOWER)
    assert repaired(fine, "cut", Believes("e", "i"), ABSTAIN_EN) is fine
    unverifiable = answer(TOWER, ())
    assert repaired(unverifiable, "cut", Believes(), ABSTAIN_EN) is unverifiable


def test_everything_cut_is_an_abstention() -> None:
    done = repaired(answer("Denver"), "cut", Believes(), ABSTAIN_EN)
    assert (done.text, done.abstained, done.basis, done.claims) == (ABSTAIN_EN, True, "none", ())
    assert done.repairs[0].before == "Denver"


def test_writing_again_from_the_nearest_sentence_alone() -> None:
    asked: list[tuple[str, str]] = []

    def rewrite(question: str, sentence: str) -> Generation:
        asked.append((question, sentence))
        return Generation("1889", 20, 2, seconds=0.5)

    done = repaired(answer("The tower was built in 1925."), "rewrite", Believes("1889"), ABSTAIN_EN, rewrite)
    assert asked == [("How is the tower?", "The tower was built in 1889.")]
    assert done.text == "1889"
    assert (done.repairs[0].before, done.repairs[0].after) == ("The tower was built in 1925.", "1889")
    assert done.repairs[0].why == "the evidence says otherwise; written again from the sentence nearest to it"
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.generate_s) == (30, 7, 0.5)


def test_what_was_written_again_and_is_not_supported_is_cut() -> None:
    def rewrite(question: str, sentence: str) -> Generation:
        return Generation("It is purple.")

    done = repaired(
        answer("It was built in 1889. It was painted red."), "rewrite", Believes("1889"), ABSTAIN_EN, rewrite
    )
    assert done.text == "It was built in 1889."
    assert done.repairs[0].why == "the evidence doesn't support it; what was written again isn't supported: cut"


def test_by_an_arm() -> None:
    """The fake generator says 12 from the whole evidence, and 9 from the one sentence that tells the percentage."""
    shelf = Shelf({"ice": "Ice floats on water. Water expands by 9 percent when it freezes."})
    echo = Echo({"Ice floats on water": "12 percent", "9 percent": "9 percent"})
    assistant = Assistant(shelf, echo)  # type: ignore[arg-type]
    question, wide = (
        "By how much does water expand when it freezes?",
        replace(AUGMENTED, evidence_tokens=0, num_evidence=0),
    )
    kept = assistant.ask(question, wide)
    assert (kept.text, kept.repairs) == ("12 percent", ())
    assert kept.claims[0].verdict != "supported"
    cut = assistant.ask(question, replace(wide, repair="cut"))
    assert (cut.abstained, cut.repairs[0].before) == (True, "12 percent")
    anew = assistant.ask(question, replace(wide, repair="rewrite"))
    assert (anew.text, anew.claims[0].verdict) == ("9 percent", "supported")
    assert (anew.repairs[0].before, anew.repairs[0].after) == ("12 percent", "9 percent")
    *_, last = assistant.stream(question, replace(wide, repair="rewrite"))
    assert isinstance(last, Answer)
    assert last.text == "9 percent"
    quoted = Assistant(shelf).ask(question, replace(EXTRACTIVE, repair="rewrite"))  # type: ignore[arg-type]
    assert (quoted.abstained, quoted.repairs) == (False, ())  # a quotation is supported
