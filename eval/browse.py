"""A run's questions, to be looked through one by one: what lists need is read once, whole rows where they stand.

Ten thousand questions of four arms are more than 100 MB of rows; of each, only what a list and its filters need stays
in memory, with the place of its line in the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from firmground.eval.outcomes import from_row
from firmground.eval.summary.arms import row_category, row_language
from firmground.eval.summary.flips import FLIPS, state
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag.types import Answer, Basis, ChoiceScore, Citation, Claim, Finding, Repair, Usage

ALL = "all"


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what became of the question ("right", "hallucinated", "abstained", "failed", or "untold" where nobody
    knows), and where its line stands in the file, in bytes."""

    state: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its rows by arm. `words`: what a search looks in, in lower case: its id, text and answers."""

    id: str
    text: str
    category: str
    language: str
    words: str
    rows: Mapping[str, Line] = field(default_factory=dict)

    def kind(self, first: str, second: str) -> str:
        """What became of it from one arm to the other: a flip, "failed", or "untold"; of one arm, its state."""
        states = tuple(self.rows[arm].state if arm in self.rows else "untold" for arm in (first, second))
        if first == second:
            return states[0]
        if "failed" in states:
            return "failed"
        return next((name for name, cell in FLIPS.items() if cell == states), "untold")


@dataclass(frozen=True)
class Browsed:
    """The questions of an `outcomes.jsonl`, in the order of its rows."""

    path: Path
    arms: tuple[str, ...]
    questions: tuple[Question, ...]

    def kinds(self, first: str, second: str) -> Counter[str]:
        """{what became of a question: how many}."""
        return Counter(question.kind(first, second) for question in self.questions)

    def select(self, first: str, second: str, kind: str = ALL, words: str = "") -> list[int]:
        """Places of the questions of a kind in whose id, text or answers all of the words stand."""
        wanted = words.lower().split()
        return [
            place
            for place, question in enumerate(self.questions)
            if (kind == ALL or question.kind(first, second) == kind) and all(word in question.words for word in wanted)
        ]

    def outline(self) -> list[Outcome]:
        """Every row with what became of its question alone: no texts, no evidence."""
        return [
            Outcome(
                question.id, arm, "", "", line.state == "abstained", error="failed" if line.state == "failed" else "",
                scores={} if line.state == "untold"
                else {"right": float(line.state == "right"), "abstained": float(line.state == "abstained")},
            )
            for question in self.questions
            for arm, line in question.rows.items()
        ]  # fmt: skip

    def whole(self, outline: Sequence[Outcome]) -> list[Outcome]:
        """The whole rows of one question for those of the outline."""
        arms = [row.arm for row in outline]
        return list(self.rows(self._by_id[outline[0].id], arms).values())

    @cached_property
    def _by_id(self) -> dict[str, Question]:
        return {question.id: question for question in self.questions}

    def rows(self, question: Question, arms: Sequence[str]) -> dict[str, Outcome]:
        """The whole rows of a question, of these arms.

        Raises:
            InputError: the file has changed since it was looked through.
        """
        found = {}
        with open(self.path, "rb") as file:
            for arm in arms:
                if arm not in question.rows:
                    continue
                file.seek(question.rows[arm].start)
                try:
                    found[arm] = from_row(json.loads(file.read(question.rows[arm].size)))
                except (ValueError, TypeError) as error:
                    raise InputError(f"{self.path} has changed meanwhile; open the run again") from error
                if (found[arm].id, found[arm].arm) != (question.id, arm):
                    raise InputError(f"{self.path} has changed meanwhile; open the run again")
        return found


def browse(path: Path) -> Browsed:
    """Look through an `outcomes.jsonl` once. A last line that was never finished is left out.

    Raises:
        InputError: the file is missing, or a line can't be read.
    """
    arms: dict[str, None] = {}
    about: dict[str, dict[str, Any]] = {}
    words: dict[str, dict[str, None]] = {}
    rows: dict[str, dict[str, Line]] = {}
    for row, start, size in _rows(path):
        arms[row.arm] = None
        about.setdefault(
            row.id,
            {"text": row.question, "category": row_category(row) or "", "language": str(row_language(row))},
        )
        words.setdefault(row.id, dict.fromkeys((row.id, row.question, *row.answers)))[row.answer] = None
        told = "failed" if row.error else state(row) or "untold"
        rows.setdefault(row.id, {})[row.arm] = Line(told, start, size)
    questions = tuple(
        Question(id=key, words="\n".join(words[key]).lower(), rows=rows[key], **about[key]) for key in about
    )
    return Browsed(path, tuple(arms), questions)


def _rows(path: Path) -> Iterator[tuple[Outcome, int, int]]:
    """Each complete row, with its place and size in bytes."""
    try:
        with open(path, "rb") as file:
            start = 0
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield from_row(json.loads(line)), start, len(line)
                except (ValueError, TypeError) as error:
                    raise InputError(f"{path}:{number}: not an outcome ({error}); is it of another version?") from error
                start += len(line)
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}; expected the folder of a comparison") from error


def answer_of(row: Outcome) -> Answer:
    """The answer that a row was made from, as far as the row tells: without its prompt, and with hits without ranks."""
    hits = tuple(_hit(hit) for hit in row.hits)
    timing = row.timing
    usage = Usage(
        int(timing.get("prompt_tokens", 0)), int(timing.get("completion_tokens", 0)),
        *(float(timing.get(name, 0.0)) for name in ("retrieve_s", "generate_s", "verify_s")),
    )  # fmt: skip
    about = row.metadata
    basis: Basis = about.get("basis") or ("none" if row.abstained else "evidence" if hits else "model")
    return Answer(
        row.question, row.answer, row.arm, hits, tuple(_claim(claim) for claim in row.claims), row.abstained, usage,
        confidence=row.confidence, choices=tuple(ChoiceScore(**choice) for choice in row.choices), basis=basis,
        gate=about.get("gate"), repairs=tuple(Repair(**one) for one in about.get("repairs", ())),
        findings=tuple(Finding(**one) for one in about.get("findings", ())), without=tuple(about.get("without", ())),
    )  # fmt: skip


def _hit(row: Mapping[str, Any]) -> Hit:
    metadata = {name: row[name] for name in ("title", "source", "page") if row.get(name) is not None}
    passage = Passage(row["passage"], row["document"], row["text"], row["start"], row["end"], metadata)
    return Hit(passage, float(row.get("score") or 0.0))


def _claim(row: Mapping[str, Any]) -> Claim:
    return Claim(**{**row, "citations": tuple(Citation(**citation) for citation in row.get("citations", ()))})
