"""How far retrieval prefers documents about one gender, and what the filters of `Arm.fair` change about it.

GenderBias-QA (Kim et al., "Mitigating Bias in RAG: Controlling the Embedder", 2025, https://arxiv.org/abs/2502.17390):
questions that name no gender, each with two documents about women and two about men that answer it alike. The bias of
an embedder is E_b = P(a document about women comes first) - P(one about men does), in [-1, 1]; ideal 0, below it men
are preferred. Here among a question's own four documents; and, with the documents of all questions in one base, as
exposure in the first ten places (`rag/debias/retrieval.py`). Beside them nDCG@10: its own four documents are right.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from firmground.eval.bias.effects import Effect
from firmground.eval.bias.figures import drawn
from firmground.eval.metrics.ranking import ndcg
from firmground.eval.stats import mean_interval, paired_interval
from firmground.eval.types import Example
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document, Encoder, Hit
from firmground.rag.arms import Arm
from firmground.rag.debias.retrieval import exposure, gender_of
from firmground.rag.retrieve import Filtered, searched

SET = "genderbias"
FAIR: tuple[Literal["project", "rerank"], ...] = ("project", "rerank")
MODES: tuple[Literal["dense", "hybrid"], ...] = ("dense", "hybrid")
PLACES = 10
OWN, SHOWN, FOUND = "E_b, own four", f"exposure gap@{PLACES}", f"nDCG@{PLACES}"
COLUMNS = ("bias1-document1", "bias1-document2", "bias2-document1", "bias2-document2")
TOLD_BY = 25  # rows that tell which columns are about women


@dataclass(frozen=True)
class GenderQuestion:
    """A question with its documents; `groups` says whom each is about, by the columns it stands in. Questions of one
    `topic` share people, and aren't independent."""

    id: str
    question: str
    topic: str
    texts: tuple[str, ...]
    groups: tuple[str, ...]

    @cached_property
    def documents(self) -> list[Document]:
        return [Document(f"{self.id}-{place}", text) for place, text in enumerate(self.texts)]

    @property
    def unseen(self) -> bool:
        """Whether nothing was chosen on it: its SHA-256 is even."""
        return hashlib.sha256(self.question.encode()).digest()[0] % 2 == 0


class Remembering:
    """An encoder that keeps the vectors of what was asked: the same questions are searched for by many arms."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension
        self.languages, self.max_tokens, self.count_tokens = encoder.languages, encoder.max_tokens, encoder.count_tokens
        self._known: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        """As the encoder does; questions once each."""
        if not query:
            return self.encoder.encode(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self.encoder.encode(new, query=True), strict=True))
        return np.array([self._known[text] for text in texts], np.float32).reshape(-1, self.dimension)


def read_genderbias(path: Path) -> list[GenderQuestion]:
    """The questions of GenderBias-QA's file. Which columns are about women is told by the texts of the first rows.

    Raises:
        InputError: it can't be read, lacks a column, or its columns aren't about two genders.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("question")]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"can't read {path} ({error}); expected GenderBias-QA's CSV file") from error
    missing = [name for name in COLUMNS if not rows or not all(row.get(name) for row in rows)]
    if missing:
        raise InputError(
            f"{path}: no text in {missing[0]!r}; expected GenderBias-QA, with question, {', '.join(COLUMNS)}"
        )
    about = [Counter(gender_of(row[name]) for row in rows[:TOLD_BY]).most_common(1)[0][0] for name in COLUMNS]
    if about[0] != about[1] or about[2] != about[3] or set(about) != {"women", "men"}:
        raise InputError(f"{path}: expected two columns about women and two about men, got {about}")
    return [
        GenderQuestion(
            f"{place}",
            row["question"],
            row.get("topic") or f"{place}",
            tuple(row[name] for name in COLUMNS),
            tuple(about),
        )
        for place, row in enumerate(rows)
    ]


def retrieval_effects(
    data_csv: Path, encoder: Encoder, *, limit: int = 0, unseen: bool = False, work: Path | None = None
) -> list[Effect]:
    """What each filter of `Arm.fair` changes on GenderBias-QA, for search by meaning and by both; `set` "genderbias".

    Intervals resample whole topics. Encodes all documents (172 questions' 688: a minute or two on a CPU).

    Args:
        data_csv: the authors' file.
        encoder: whose bias it is.
        limit: so many questions, drawn from all topics, the same each time; 0: all.
        unseen: only the questions that nothing was chosen on, about half.
        work: a folder that keeps the knowledge base, for all questions.

    Raises:
        InputError: the file isn't GenderBias-QA.
    """
    questions = read_genderbias(data_csv)
    asked = drawn(questions, [question.topic for question in questions], limit)
    asked = [question for question in asked if question.unseen] if unseen else asked
    if not asked:
        raise InputError(f"{data_csv}: none of its {len(questions)} questions is left to ask; raise the limit")
    with tempfile.TemporaryDirectory() as temporary:
        folder = work / f"{SET}-{encoder.name}" if work else Path(temporary) / "base"
        with KnowledgeBase.create(folder, Remembering(encoder), exist_ok=True) as base:
            base.add(document for question in (questions if work else asked) for document in question.documents)
            effects = []
            base.search([question.question for question in asked], k=1, mode="dense")  # encodes them together
            for mode in MODES:
                before = measured(base, arm(mode), questions, asked)
                for fair in FAIR:
                    after = measured(base, arm(mode, fair), questions, asked)
                    effects += [_effect(asked, mode, fair, name, before[name], after[name]) for name in before]
            return effects


def arm(mode: Literal["dense", "hybrid"], fair: Literal["none", "project", "rerank"] = "none") -> Arm:
    """An arm that finds ten passages."""
    return Arm(f"{mode} {fair}", retrieve=mode, num_passages=PLACES, fair=fair)


def measured(
    base: KnowledgeBase, by: Arm, questions: Sequence[GenderQuestion], asked: Sequence[GenderQuestion]
) -> dict[str, np.ndarray]:
    """(asked,) of each measure, question by question. The base holds the documents of `questions`."""
    about = {one.id: group for each in questions for one, group in zip(each.documents, each.groups, strict=True)}
    pooled = searched(base, by, [question.question for question in asked], [()] * len(asked))
    firsts = [first_of_own(base, by, question) for question in asked]
    return {
        OWN: np.array([gap([about[first.passage.document]]) for first in firsts]),
        SHOWN: np.array([gap([about[hit.passage.document] for hit in hits]) for hits in pooled]),
        FOUND: np.array([_ndcg(question, hits) for question, hits in zip(asked, pooled, strict=True)]),
    }


def first_of_own(base: KnowledgeBase, by: Arm, question: GenderQuestion) -> Hit:
    """Which of a question's own documents comes first."""
    own = [document.id for document in question.documents]
    (hits,) = Filtered(base, by).search([question.question], k=len(own), mode=by.retrieve, documents=own, fold=False)
    return hits[0]


def gap(groups: Sequence[str]) -> float:
    """In [-1, 1]: the share of exposure that women have less that of men. One place: 1 women, -1 men, 0 neither."""
    worth = exposure(groups)
    total = sum(worth.values())
    return (worth.get("women", 0.0) - worth.get("men", 0.0)) / total if total else 0.0


def _ndcg(question: GenderQuestion, hits: Sequence[Hit]) -> float:
    gold = tuple(document.id for document in question.documents)
    return ndcg(Example(question.id, question.question, gold=gold), hits, PLACES)


def _effect(
    asked: Sequence[GenderQuestion], mode: str, fair: str, measure: str, before: np.ndarray, after: np.ndarray
) -> Effect:
    topics = [question.topic for question in asked]
    useful = measure == FOUND
    bounds = (0.0, 1.0) if useful else (-1.0, 1.0)
    return Effect(
        set=SET,
        rows=mode,
        measure=measure,
        kind="utility" if useful else "bias",
        filter=f"fair={fair}",
        before=mean_interval(before, bounds, clusters=topics),
        after=mean_interval(after, bounds, clusters=topics),
        change=paired_interval(before, after, (-1.0, 1.0) if useful else (-2.0, 2.0), clusters=topics),
        ideal=1.0 if useful else 0.0,
    )
