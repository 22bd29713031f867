"""Random sequences of everything that is done to a knowledge base, beside a plain dictionary and brute force."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmground.knowledge import durable
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.fitting import fitting_passages
from firmground.knowledge.indexed import indexed_text
from firmground.knowledge.lexical import telling_terms
from firmground.knowledge.text import terms
from firmground.knowledge.types import Document
from tests.knowledge.base_helpers import WORDS, HashEncoder, brute_force, by_id

FULL = ("vectors.torn", "store.commit", "index.write", "manifest.rename", "compact.write", "compact.vacuum")
IDS = st.integers(0, 7).map(lambda number: f"d{number}")
TEXTS = st.lists(st.sampled_from([*WORDS, "天空。", "海水咸。", "end.", "."]), max_size=60).map(" ".join)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "title": st.just("Garden"),
        "year": st.integers(0, 3),
        "tags": st.lists(st.sampled_from("ab"), max_size=2),
    },
)
# A filter, and what it means: the same written in Python.
FILTERS = st.sampled_from(
    [
        (None, lambda document: True),
        ({"year": {"$gte": 2}}, lambda document: document.metadata.get("year", -1) >= 2),
        ({"year": {"$ne": 1}}, lambda document: document.metadata.get("year") != 1),
        ({"tags": "a"}, lambda document: "a" in document.metadata.get("tags", [])),
        ({"title": None, "id": {"$in": ["d1", "d2", "d5"]}}, lambda d: not d.title and d.id in ("d1", "d2", "d5")),
        ({"$or": [{"tags": "b"}, {"$not": {"year": {"$exists": True}}}]},
         lambda document: "b" in document.metadata.get("tags", []) or "year" not in document.metadata),
    ]
)  # fmt: skip


class Life(RuleBasedStateMachine):
    """The base that writes and one that reads agree with the dictionary after every step."""

    @initialize()
    def create(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="firmground-test-"))
        self.base = KnowledgeBase.create(self.folder, HashEncoder())
        self.reader = KnowledgeBase.open(self.folder, HashEncoder())
        self.model: dict[str, Document] = {}

    @rule(triples=st.lists(st.tuples(IDS, TEXTS, METADATA), max_size=6), size=st.integers(1, 9))
    def add(self, triples, size) -> None:
        documents = [Document(name, text, metadata=metadata) for name, text, metadata in triples]
        expected = [0, 0, 0]
        for document in documents:
            kind = 0 if document.id not in self.model else 2 if self.model[document.id] == document else 1
            expected[kind] += 1
            self.model[document.id] = document
        report = self.base.add(documents, batch_size=size)
        assert [report.added, report.replaced, report.unchanged] == expected

    @rule(names=st.lists(IDS, max_size=4))
    def remove(self, names) -> None:
        assert self.base.remove(names) == len(set(names) & self.model.keys())
        for name in names:
            self.model.pop(name, None)

    @rule()
    def compact(self) -> None:
        self.base.compact()
        assert self.base.stats()["deleted"] == 0
        rows = np.array([p.id for name in self.model for p in self.base.passages(name)], dtype=np.int64)
        gone = np.delete(self.base._store.vectors, rows, axis=0)
        assert not gone.any()

    @rule(leftover=st.integers(0, 300), lose_index=st.booleans())
    def reopen(self, leftover, lose_index) -> None:
        self.base.close()
        with open(next(self.folder.glob("vectors*.f32")), "ab") as file:
            file.write(b"z" * leftover)  # as a crash leaves it
        if lose_index:
            for path in self.folder.glob("*.faiss"):
                path.unlink()
        self.base = KnowledgeBase.open(self.folder, HashEncoder(), writable=True)

    @rule(point=st.sampled_from(FULL), name=IDS, text=TEXTS, step=st.sampled_from(["add", "remove", "compact"]))
    def crash(self, point, name, text, step) -> None:
        """A step stops at a failpoint, and the process ends there: it is done or it isn't, and nothing else changed."""
        after = dict(self.model)
        document = Document(name, text)
        if step == "add":
            after[name] = document
        elif step == "remove":
            after.pop(name, None)
        durable._passed.clear()
        with mock.patch.dict(os.environ, {"FIRMGROUND_FAILPOINT": f"{point}=enospc"}):
            try:
                {
                    "add": lambda: self.base.add([document]),
                    "remove": lambda: self.base.remove([name]),
                    "compact": self.base.compact,
                }[step]()
                stopped = ""
            except KnowledgeBaseError as error:
                stopped = str(error)
        assert not stopped or stopped.startswith("no room left on the disk")
        self.base._store.close()
        assert self.base._lock is not None
        self.base._lock.release()
        self.base = KnowledgeBase.open(self.folder, HashEncoder(), writable=True)
        there = by_id(self.base.documents())
        assert there in ((self.model, after) if "no room left on the disk" in stopped else (after,))
        self.model = there

    @rule(question=TEXTS, k=st.integers(1, 12), names=st.none() | st.sets(IDS), filtered=FILTERS)
    def search(self, question, k, names, filtered) -> None:
        where, passes = filtered
        encoder = HashEncoder()
        documents = {n: d for n, d in self.model.items() if (names is None or n in names) and passes(d)}
        passages = [p for document in documents.values() for p in fitting_passages(document, encoder)]
        texts = [indexed_text(passage) for passage in passages]
        exact = (
            brute_force(encoder.encode([question]), encoder.encode(texts), np.ones(len(texts), bool), k)[0]
            if texts
            else []
        )
        asked = set(telling_terms(question))
        shared = {(p.document, p.start) for p, text in zip(passages, texts, strict=True) if asked & set(terms(text))}
        options = {"documents": names, "where": where, "fold": False}
        for base in (self.base, self.reader):
            dense = base.search(question, k, "dense", **options)
            assert [hit.score for hit in dense] == pytest.approx([score for _, score in exact], abs=1e-6)
            words = base.search(question, 1000, "lexical", **options)
            assert {(hit.passage.document, hit.passage.start) for hit in words} == shared
            for hit in [*dense, *words, *base.search(question, k, documents=names, where=where)]:
                document = documents[hit.passage.document]
                assert document.text[hit.passage.start : hit.passage.end] == hit.passage.text

    @invariant()
    def agrees(self) -> None:
        for base in (self.base, self.reader):
            assert by_id(base.documents()) == self.model
            assert len(base) == len(self.model)
        assert self.base.verify() == []

    def teardown(self) -> None:
        self.base.close()
        self.reader.close()
        shutil.rmtree(self.folder)


Life.TestCase.settings = settings(
    max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestLife = Life.TestCase
