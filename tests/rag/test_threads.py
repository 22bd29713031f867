"""One assistant for eight threads: the answers are those of one thread, with a real model's every path."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.types import Document
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN, Arm
from firmground.rag.assistant import Assistant
from firmground.rag.types import Answer
from tests.rag.tiny import TEXT, causal_folder

WORDS = TEXT.split()
QUESTIONS = [f"Question : why {WORDS[i % 12]} and {WORDS[(5 * i + 3) % 12]} ?" for i in range(6)]
CHOICES = ["a mat .", "1 2 3", "water"]


class Bag:
    """An encoder: which of TEXT's words a text has."""

    name, fingerprint, dimension, languages, max_tokens = "bag", "1", len(WORDS) + 1, ("*",), 100

    def encode(self, texts, query: bool = False) -> np.ndarray:
        rows = np.array([[0.1] + [float(word in text.split()) for word in WORDS] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def count_tokens(self, texts) -> list[int]:
        return [len(text.split()) for text in texts]


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory):
    from firmground.rag.generate import TransformersGenerator

    folder: Path = tmp_path_factory.mktemp("threads")
    texts = [" ".join(WORDS[i : i + 9]) + " ." for i in range(0, len(WORDS) - 9, 3)]
    with KnowledgeBase.create(folder / "kb", Bag()) as base:
        base.add(Document(f"d{i}", text) for i, text in enumerate(texts))
        yield Assistant(base, TransformersGenerator(causal_folder(folder / "model"), device="cpu"))


def ask(assistant: Assistant, question: str, arm: Arm, choices: bool) -> Answer:
    offered = [CHOICES] if choices else None
    (answer,) = assistant.answer_batch([question], arm, choices=offered)
    judged = assistant.judge({arm.name: answer})[arm.name]
    # What hangs on the clock is no answer; likelihoods keep five digits, as outcome rows do.
    told = None if judged.confidence is None else round(judged.confidence, 5)
    return replace(judged, usage=replace(judged.usage, retrieve_s=0, generate_s=0, verify_s=0), confidence=told,
                   choices=tuple(choice.text for choice in judged.choices), hits=())  # fmt: skip


def test_eight_threads_answer_as_one(assistant: Assistant) -> None:
    arms = [PLAIN, replace(AUGMENTED, gate=0.1, ungrounded="model", repair="rewrite"), EXTRACTIVE]
    work = [(question, arm, choices) for question in QUESTIONS for arm in arms for choices in (False, True)]
    alone = [ask(assistant, *one) for one in work]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: ask(assistant, *one), work))
    assert together == alone
    assert len({answer.text for answer in alone}) > 3  # they aren't all the same


def test_streams_at_the_same_time_stay_apart(assistant: Assistant) -> None:
    def last(question: str) -> str:
        *_, answer = assistant.stream(question, PLAIN)
        assert isinstance(answer, Answer)
        return answer.text

    alone = [last(question) for question in QUESTIONS]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(last, QUESTIONS)) == alone
