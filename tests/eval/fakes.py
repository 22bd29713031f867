"""A small assistant that answers from a table, and writes down what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from firmground.eval.types import Example
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import Arm
from firmground.rag.ground import LexicalVerifier
from firmground.rag.types import Answer, Citation, Claim, Usage


class FakeAssistant:
    """`answers[arm][question]` is the text; "" abstains, an exception is raised. `asked`: a file, a line a question.

    Arms that retrieve hit one passage a question, `passages[question]` where it is given; a claim is supported where
    its text stands in a pooled passage. `searches` and `batches` count questions by arm, `given` keeps the hits and
    choices that it got.
    """

    knowledge: Any = None
    verifier = LexicalVerifier()

    def __init__(
        self,
        answers: Mapping[str, Mapping[str, str | Exception]],
        passages: Mapping[str, Passage] | None = None,
        asked: Path | None = None,
        name: str = "fake",
    ) -> None:
        self.answers, self.passages, self.asked, self.name = answers, passages or {}, asked, name
        self.batches: list[tuple[str, int]] = []
        self.searches: list[tuple[str, int]] = []
        self.given: dict[tuple[str, str], tuple[tuple[Hit, ...], tuple[str, ...]]] = {}

    def retrieve(
        self, questions: Sequence[str], arm: Arm, choices: Sequence[Sequence[str]] | None = None
    ) -> list[list[Hit]]:
        self.searches.append((arm.name, len(questions)))
        blank = [Passage(0, "d0", f"About {question}", 0, 6 + len(question)) for question in questions]
        return [
            [Hit(self.passages.get(question, other), 0.5)] for question, other in zip(questions, blank, strict=True)
        ]

    def answer_batch(
        self,
        questions: Sequence[str],
        arm: Arm,
        hits: Sequence[Sequence[Hit]] | None = None,
        choices: Sequence[Sequence[str]] | None = None,
    ) -> list[Answer]:
        self.batches.append((arm.name, len(questions)))
        hits = self.retrieve(questions, arm) if hits is None else hits
        if self.asked is not None:
            with open(self.asked, "a", encoding="utf-8") as file:
                file.writelines(f"{arm.name}\t{question}\n" for question in questions)
        offered = choices or [()] * len(questions)
        for question, found, offer in zip(questions, hits, offered, strict=True):
            self.given[arm.name, question] = (tuple(found), tuple(offer))
        return [self._answer(question, arm, tuple(found)) for question, found in zip(questions, hits, strict=True)]

    def _answer(self, question: str, arm: Arm, hits: tuple[Hit, ...]) -> Answer:
        text = self.answers[arm.name][question]
        if isinstance(text, Exception):
            raise text
        claims = (Claim(text, 0, len(text)),) if text else ()
        usage = Usage(len(question), len(text), 0.0, 0.2)
        return Answer(question, text or "I don't know.", arm.name, hits, claims, abstained=not text, usage=usage)

    def judge(self, answers: dict[str, Answer]) -> dict[str, Answer]:
        pooled = [hit.passage for answer in answers.values() for hit in answer.hits]
        return {name: replace(answer, claims=judged(answer.claims, pooled)) for name, answer in answers.items()}

    def describe(self) -> dict[str, Any]:
        return {"generator": self.name, "verifier": {"name": "exact words", "threshold": 0.5}}


def judged(claims: Sequence[Claim], pooled: Sequence[Passage]) -> tuple[Claim, ...]:
    if not pooled:
        return tuple(claims)
    result = []
    for claim in claims:
        want = claim.text.strip(" .。")
        found = [(passage, passage.text.find(want)) for passage in pooled if want in passage.text]
        citations = tuple(
            Citation(p.document, p.id, p.start + at, p.start + at + len(want), want, p.source) for p, at in found[:1]
        )
        verdict = "supported" if citations else "unsupported"
        result.append(replace(claim, verdict=verdict, support=0.9 if citations else 0.1, citations=citations))
    return tuple(result)


def examples(*rows: tuple[str, str, Sequence[str]]) -> list[Example]:
    return [Example(key, question, tuple(answers)) for key, question, answers in rows]
