"""The assistant's steps, with a generator and a knowledge base small enough to follow by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmground.knowledge.errors import InputError, WeightsMissing
from firmground.rag.abstain import ABSTAIN_EN, ABSTAIN_ZH
from firmground.rag.arms import ARMS, AUGMENTED, EXTRACTIVE, PLAIN, STOCK, named_arms
from firmground.rag.assistant import Assistant
from firmground.rag.generators import load_generator
from firmground.rag.types import Answer
from tests.rag.fakes import Echo, Shelf

TEXTS = {
    "ice": "Ice floats on water. Water expands by 9 percent when it freezes.",
    "moon": "The Moon orbits the Earth in about 27 days.",
    "冰": "冰浮在水面上。水结冰时体积膨胀约9%。",
}
QUESTION = "By how much does water expand when it freezes?"
QUESTION_ZH = "水结冰时体积膨胀多少？"


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(TEXTS)


@pytest.fixture
def echo() -> Echo:
    return Echo({"9 percent": "9 percent", "expand": "twice as much", "膨胀约9%": "约9%", "膨胀": "两倍"})


def test_plain_sees_no_passage_and_augmented_does(shelf: Shelf, echo: Echo) -> None:
    answers = Assistant(shelf, echo).compare(QUESTION, [PLAIN, AUGMENTED])  # type: ignore[arg-type]
    assert answers["plain"].text == "twice as much"
    assert answers["augmented"].text == "9 percent"
    assert "9 percent" not in str(echo.prompts[0])
    assert "Water expands by 9 percent" in str(echo.prompts[1])
    assert answers["plain"].hits == ()
    assert answers["augmented"].hits[0].passage.document == "ice"


def test_both_are_judged_on_the_same_evidence(shelf: Shelf, echo: Echo) -> None:
    answers = Assistant(shelf, echo).compare(QUESTION, [PLAIN, AUGMENTED])  # type: ignore[arg-type]
    (plain,), (augmented,) = answers["plain"].claims, answers["augmented"].claims
    assert plain.verdict != "supported"
    assert augmented.verdict == "supported"
    citation = augmented.citations[0]
    passage = answers["augmented"].hits[0].passage
    assert citation.document == "ice"
    # Offsets count in the document: the passage begins at its character 100.
    assert passage.text[citation.start - 100 : citation.end - 100] == citation.text
    assert "9 percent" in citation.text


def test_plain_alone_is_judged_on_evidence_looked_up_for_it(shelf: Shelf, echo: Echo) -> None:
    answer = Assistant(shelf, echo).ask(QUESTION, PLAIN)  # type: ignore[arg-type]
    assert shelf.searches == 1
    assert answer.claims[0].verdict in ("unsupported", "contradicted")


def test_without_knowledge_a_claim_is_unverifiable(echo: Echo) -> None:
    answer = Assistant(None, echo).ask(QUESTION, PLAIN)
    assert [claim.verdict for claim in answer.claims] == ["unverifiable"]
    assert answer.claims[0].support is None


def test_chinese_gets_chinese_examples_and_its_own_evidence(shelf: Shelf, echo: Echo) -> None:
    answers = Assistant(shelf, echo).compare(QUESTION_ZH, [PLAIN, AUGMENTED])  # type: ignore[arg-type]
    assert answers["augmented"].text == "约9%"
    assert answers["augmented"].hits[0].passage.document == "冰"
    assert all(str(prompt).endswith("答案：") for prompt in echo.prompts)
    assert "Question" not in str(echo.prompts)


def test_extractive_needs_no_generator_and_quotes_literally(shelf: Shelf) -> None:
    for question, text in ((QUESTION, TEXTS["ice"]), (QUESTION_ZH, TEXTS["冰"])):
        answer = Assistant(shelf).ask(question, EXTRACTIVE)  # type: ignore[arg-type]
        assert answer.text in text
        assert "9" in answer.text


def test_the_gate_declines_in_the_questions_language(shelf: Shelf, echo: Echo) -> None:
    gated = replace(AUGMENTED, gate=0.99)
    assistant = Assistant(shelf, echo)  # type: ignore[arg-type]
    english, chinese = assistant.answer_batch(["Who painted the Mona Lisa?", "谁画了蒙娜丽莎？"], gated)
    assert (english.text, chinese.text) == (ABSTAIN_EN, ABSTAIN_ZH)
    assert english.abstained
    assert chinese.abstained
    assert echo.prompts == []  # nothing was generated for them
    assert english.claims == ()


def test_declining_in_the_models_own_words_is_an_abstention(shelf: Shelf) -> None:
    answer = Assistant(shelf, Echo({"expand": "I don't know."})).ask(QUESTION)  # type: ignore[arg-type]
    assert answer.abstained
    assert answer.claims == ()


def test_stock_stuffs_four_passages_into_the_tutorials_prompt(shelf: Shelf, echo: Echo) -> None:
    Assistant(shelf, echo).answer_batch([QUESTION], STOCK)  # type: ignore[arg-type]
    (message,) = echo.prompts[0]
    content = message["content"]  # type: ignore[index]
    assert content.startswith("You are an assistant for question-answering tasks.")
    assert all(text in content for text in TEXTS.values())


def test_a_chat_model_gets_turns_and_no_stop_at_a_line_break(shelf: Shelf) -> None:
    chat = Echo({"9 percent": "9 percent"}, completes=False)
    Assistant(shelf, chat).answer_batch([QUESTION], AUGMENTED)  # type: ignore[arg-type]
    roles = [message["role"] for message in chat.prompts[0]]  # type: ignore[index]
    assert roles[0] == "system"
    assert roles[-1] == "user"
    assert chat.decodings[0].stop == ()
    assert chat.decodings[0].max_new_tokens == AUGMENTED.decoding.max_new_tokens


def test_a_batch_keeps_its_order_when_some_decline(shelf: Shelf, echo: Echo) -> None:
    gated = replace(AUGMENTED, gate=0.6)
    answers = Assistant(shelf, echo).answer_batch([QUESTION, "Who painted the Mona Lisa?", QUESTION_ZH], gated)  # type: ignore[arg-type]
    assert [answer.text for answer in answers] == ["9 percent", ABSTAIN_EN, "约9%"]
    assert [answer.question for answer in answers] == [QUESTION, "Who painted the Mona Lisa?", QUESTION_ZH]


def test_stream_ends_with_the_judged_answer(shelf: Shelf, echo: Echo) -> None:
    *pieces, answer = Assistant(shelf, echo).stream(QUESTION)  # type: ignore[arg-type]
    assert isinstance(answer, Answer)
    assert "".join(str(piece) for piece in pieces) == answer.text == "9 percent"
    assert answer.claims[0].verdict == "supported"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="needs a generator"):
        Assistant(None).ask("Why?", PLAIN)
    with pytest.raises(InputError, match="has no knowledge base"):
        Assistant(None, Echo({})).ask("Why?", AUGMENTED)


def test_generators_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("FIRMGROUND_CACHE", str(tmp_path))
    with pytest.raises(WeightsMissing, match="firmground weights SmolLM2-135M-Instruct"):
        load_generator("SmolLM2-135M-Instruct")
    with pytest.raises(InputError, match="unknown model 'smol'"):
        load_generator("smol")


def test_arms_by_name() -> None:
    assert named_arms("plain, augmented") == [PLAIN, AUGMENTED]
    for wrong in ("plain,plan", "", "plain,plain"):
        with pytest.raises(InputError, match="the arms are: plain, stock, augmented, longform, extractive"):
            named_arms(wrong)
    assert all(arm.name == name for name, arm in ARMS.items())
    assert PLAIN.retrieve == "none"
    assert PLAIN.decoding == AUGMENTED.decoding  # the same care
