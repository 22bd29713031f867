"""Follow-up questions by hand, in English and Chinese; and that the history is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from firmground.rag.abstain import ABSTAIN_EN
from firmground.rag.arms import EXTRACTIVE
from firmground.rag.assistant import Assistant
from firmground.rag.conversation import MOST_ADDED, Conversation, Turn, leaves_out, rewritten, standalone, understand
from tests.rag.fakes import Echo, Shelf

EIFFEL = Turn("Who built the Eiffel Tower?", "Who built the Eiffel Tower?", "Gustave Eiffel")
TOWER_ZH = Turn("埃菲尔铁塔是谁建造的？", "埃菲尔铁塔是谁建造的？", "古斯塔夫·埃菲尔")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How tall is it?", "How tall is it? (Eiffel Tower Gustave built)"),
        ("And when?", "And when? (Eiffel Tower built)"),  # a sequel: about the same, and not about the answer
        ("What about the Louvre?", "What about the Louvre? (Eiffel Tower built)"),
        ("Why?", "Why? (Eiffel Tower built)"),
        ("How long is the river Seine?", "How long is the river Seine?"),
        ("Is it true that the river Seine floods Paris?", "Is it true that the river Seine floods Paris?"),
        ("Are there many bridges over the river Seine?", "Are there many bridges over the river Seine?"),
        # A pronoun for what the question named itself.
        ("If a cat falls from a tree, how does it land?", "If a cat falls from a tree, how does it land?"),
    ],
)
def test_english(question: str, expected: str) -> None:
    assert standalone(question, [EIFFEL]) == expected
    assert standalone(question, []) == question


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("它有多高？", "它有多高？（埃菲尔铁塔 建造 古斯塔夫·埃菲尔）"),
        ("那卢浮宫呢？", "那卢浮宫呢？（埃菲尔铁塔 建造）"),
        ("塞纳河一共有多长？", "塞纳河一共有多长？"),
        ("猫从树上掉下来的时候，它怎么着地？", "猫从树上掉下来的时候，它怎么着地？"),
    ],
)
def test_chinese(question: str, expected: str) -> None:
    assert standalone(question, [TOWER_ZH]) == expected
    assert standalone(question, []) == question


def test_a_long_answer_is_no_name_and_few_words_are_added() -> None:
    told = Turn("Why does ice float?", "Why does ice float?", "Water swells by about nine percent when it freezes.")
    assert standalone("Does it sink?", [told]) == "Does it sink? (ice float)"
    long = Turn("", "Did Ann Bob Cid Dan Eva Fay Gus Hal Ida Jim come to the party last night?")
    words = standalone("Who are they?", [long]).partition("(")[2].rstrip(")").split()
    assert words == ["Ann", "Bob", "Cid", "Dan", "Eva", "Fay", "Gus", "Hal"]
    assert len(words) == MOST_ADDED


def test_leaves_out() -> None:
    for question in ("Why?", "And in winter?", "Who decoded it?", "那呢？", "为什么？", "其中最软的是什么？"):
        assert leaves_out(question), question
    for question in ("Who decoded the waggle dance?", "成年人的骨骼有多少块骨头？", "救护车的字为什么反着写？"):
        assert not leaves_out(question), question


def test_a_chat_model_rewrites_and_is_not_believed_blindly() -> None:
    chat = Echo({"How tall": "How tall is the Eiffel Tower?", "Why": "Let me see.\nHm."}, completes=False)
    assert rewritten("How tall is it?", [EIFFEL], chat) == "How tall is the Eiffel Tower?"
    assert rewritten("Why?", [EIFFEL], chat) == "Why?"  # two lines are no question
    told = chat.prompts[0]
    assert told[1]["content"] == "- Who built the Eiffel Tower? Gustave Eiffel\n\nHow tall is it?"  # type: ignore[index]
    assert understand("How tall is it?", [EIFFEL], chat) == "How tall is the Eiffel Tower?"
    assert understand("How tall is it?", [], chat) == "How tall is it?"
    assert understand("How tall is it?", [EIFFEL], Echo({})) == standalone("How tall is it?", [EIFFEL])


SHELF = {
    "eiffel": "The Eiffel Tower was built by Gustave Eiffel. The Eiffel Tower is 330 m tall.",
    "oak": "An oak may be 40 m tall.",
    "冰": "冰浮在水面上。水结冰时体积膨胀约9%。",
}


def test_a_follow_up_is_answered_about_what_was_spoken_of() -> None:
    talk = Conversation(Assistant(Shelf(SHELF)), EXTRACTIVE)  # type: ignore[arg-type]
    assert talk.ask("Who built the Eiffel Tower?").text == "Gustave"
    answer = talk.ask("And how tall is it?")
    assert "330 m" in answer.text
    assert answer.question == "And how tall is it?"
    assert talk.turns[1].understood == "And how tall is it? (Eiffel Tower Gustave built)"
    assert talk.turns[0].answer == "Gustave"


def test_what_was_declined_is_remembered_as_no_answer() -> None:
    talk = Conversation(Assistant(Shelf(SHELF), Echo({"Mona": ABSTAIN_EN})))  # type: ignore[arg-type]
    assert talk.ask("Who painted the Mona Lisa?").abstained
    assert talk.turns[0].answer == ""


def test_several_threads_take_turns() -> None:
    talk = Conversation(Assistant(Shelf(SHELF)), EXTRACTIVE)  # type: ignore[arg-type]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk.ask, ["Who built the Eiffel Tower?"] * 16))
    assert len(talk.turns) == 16
    assert {turn.answer for turn in talk.turns} == {"Gustave"}
