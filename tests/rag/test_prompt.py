"""Prompts: plain and augmented differ by their passages alone."""

from __future__ import annotations

import pytest

from firmground.rag.arms import AUGMENTED, PLAIN, STOCK
from firmground.rag.prompt import EXAMPLES, build


@pytest.mark.parametrize(
    ("question", "label", "passage"), [("Why?", "Passage: ", "Ice."), ("为什么？", "文章：", "冰。")]
)
def test_the_same_examples_with_and_without_passages(question: str, label: str, passage: str) -> None:
    plain = build(question, [], PLAIN, completes=True)
    augmented = build(question, [passage], AUGMENTED, completes=True)
    assert isinstance(plain, str)
    assert isinstance(augmented, str)
    without = "\n".join(line for line in augmented.split("\n") if not line.startswith(label))
    assert without == plain
    assert augmented.count(label) == len(EXAMPLES["en"]) + 1
    assert not plain.endswith(" ")


def test_a_completion_prompt_word_for_word() -> None:
    prompt = str(build("Why does ice float?", ["It is lighter."], AUGMENTED, completes=True))
    assert prompt.endswith("\n\nPassage: It is lighter.\nQuestion: Why does ice float?\nAnswer:")
    assert "Question: When did the library open?\nAnswer: May 1895\n\n" in prompt


def test_each_examples_answer_stands_in_its_passage_or_follows_from_it() -> None:
    for examples in EXAMPLES.values():
        inside = [answer in passage for passage, _, answer in examples]
        assert sum(inside) >= len(examples) - 1  # one of them answers in its own word ("wood" for "wooden")


def test_the_tutorial_prompt_is_filled() -> None:
    (message,) = build("Why?", ["one", "two"], STOCK, completes=True)
    assert "Question: Why?\nContext: one\n\ntwo\nAnswer:" in message["content"]  # type: ignore[index]


def test_braces_in_documents_are_text() -> None:
    (message,) = build("What is {question}?", ["{context} {0}"], STOCK, completes=False)
    assert "{context} {0}" in message["content"]  # type: ignore[index]
