"""Declining is told from answering, in both languages: every line below was read and labelled by hand."""

from __future__ import annotations

import json

import pytest

from firmground.rag.abstain import ABSTAIN_EN, ABSTAIN_ZH, is_abstention

DECLINES = [
    "I don't know",
    "I do not know the answer to that question.",
    "I don’t have enough information to answer.",
    "The documents don't say.",
    "The text does not mention who won.",
    "Not mentioned in the text.",
    "The answer is not mentioned in the passage.",
    "It cannot be determined from the given information.",
    "Sorry, I can't answer that.",
    "I'm sorry, but the provided context does not contain information about this.",
    "Based on the given documents, I cannot answer this question.",
    "There is no information about the date in the text.",
    "Unfortunately, the documents do not state where he was born. Please provide more context.",
    "As an AI language model, I don't have access to that information.",
    "UNKNOWN.",
    "unanswerable",
    "不知道",
    "我不知道。",
    "无法确定。",
    "文中没有提到他的出生地。",
    "资料中没有说明。",
    "很抱歉，根据所给资料，无法回答这个问题。",
    "根据提供的资料无法确定。",
    "上下文中没有提供相关信息。",
    "文章未提及。",
    "对不起，文档中没有足够的信息来回答这个问题。",
    "",
    "  \n",
    "...",
    "。",
]
ANSWERS = [
    "Paris",
    "early",
    "No",
    "None",
    "I don't know, but I think it was Paris.",
    "The documents don't say, but it was Andrew Jackson.",
    "The text does not mention the year. It was 1952.",
    "Not mentioned, so the answer is Paris",
    "I'm not sure, maybe 1950",
    "He did not mention the war.",
    "Scientists cannot determine its age.",
    "It is not available in stores until 1990.",
    "It is unknown who wrote it, but scholars credit Homer.",
    "Information is stored in DNA",
    "Unknown Pleasures",
    "早期",
    "没有",
    "他不知道这件事",
    "不确定性原理",
    "科学家无法确定其年代",
    "文中没有提到，但他出生于北京。",
    "我不知道，可能是北京",
    "没有提到年份，应该是1950年",
]


@pytest.mark.parametrize("text", DECLINES)
def test_declines(text: str) -> None:
    assert is_abstention(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_answers(text: str) -> None:
    assert not is_abstention(text)


def test_what_our_arms_say_is_an_abstention() -> None:
    assert is_abstention(ABSTAIN_EN)
    assert is_abstention(ABSTAIN_ZH)


def test_no_gold_answer_of_a_real_set_is_taken_for_one(shared) -> None:
    """2,380 gold answers of XQuAD; 不确定 ("uncertain") is one of them, and is what a model says that declines."""
    for name, expected in (("xquad-en", set()), ("xquad-zh", {"不确定"})):
        lines = (shared / "qa" / name / "questions.jsonl").read_text(encoding="utf-8").split("\n")
        answers = {answer for line in lines if line for answer in json.loads(line)["answers"]}
        assert {answer for answer in answers if is_abstention(answer)} == expected
