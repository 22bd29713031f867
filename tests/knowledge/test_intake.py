"""Documents on their way in: looked up and counted together, stored in batches, the same passages as one by one."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

import pytest

from firmground.knowledge import intake
from firmground.knowledge.base import AddReport, KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.fitting import fitting_passages, sizes
from firmground.knowledge.intake import GATHERED_CHARACTERS, prepare, uncollected
from firmground.knowledge.records import content_sha256
from firmground.knowledge.types import Document
from tests.knowledge.base_helpers import HashEncoder, some_documents


class CountingEncoder(HashEncoder):
    """Remembers how often it was asked to count."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.calls += 1
        return super().count_tokens(texts)


MIXED = [
    *some_documents(20),
    Document("empty", "  \n "),
    Document("headed", "# Stars\n\n## Red ones\n\nThey are cold.", metadata={"title": "Sky"}),
    Document("spaced", "\n\n  天空是蓝色的。 \n"),
    Document("paged", "One.\nTwo.", metadata={"pages": [0, 5]}),
    Document("long", "\n\n".join(f"# Part {i}\n\n" + "River stone cloud engine. " * 20 for i in range(6))),
]


def test_together_as_one_by_one():
    """The tokenizer is asked once for all, and again only where a document doesn't fit into a passage."""
    encoder = CountingEncoder()
    entries, report = prepare(MIXED, encoder, lambda ids: {})
    assert report == AddReport()
    assert [entry.document for entry in entries] == MIXED
    for entry in entries:
        assert list(entry.passages) == fitting_passages(entry.document, HashEncoder())
        for passage in entry.passages:
            assert entry.document.text[passage.start : passage.end] == passage.text
    assert len(entries[21].passages) == 1
    assert entries[21].passages[0].metadata["heading"] == "Stars > Red ones"
    assert entries[23].passages[0].metadata == {"source": "paged", "page": 1}
    encoder.calls = 0
    prepare([Document(f"s{i}", f"Cloud {i}.", metadata={"title": "T"}) for i in range(50)], encoder, lambda ids: {})
    assert encoder.calls == 1


def test_sizes_by_hand():
    found = sizes([Document("a", " one two "), Document("b", "x" * 5000), Document("c", "", "", {"title": "A b c"})],
                  HashEncoder())  # fmt: skip
    assert [(size.title, size.text) for size in found] == [(0, 2), (0, None), (3, 0)]


def test_the_hash_decides_what_is_prepared():
    new, changed, same = Document("n", "New."), Document("c", "Changed."), Document("s", "Same.")
    asked = []

    def hashes(ids: Sequence[str]) -> dict[str, bytes]:
        asked.append(list(ids))
        return {"c": b"another", "s": content_sha256(same)}

    entries, report = prepare([new, Document("", "x"), same, changed], HashEncoder(), hashes)
    assert asked == [["n", "s", "c"]]
    assert [(entry.document.id, entry.replaces) for entry in entries] == [("n", False), ("c", True)]
    assert report == AddReport(unchanged=1, failures=(("", "a document needs an id that isn't empty"),))


def test_failures_stand_in_the_order_of_documents(monkeypatch: pytest.MonkeyPatch):
    def failing(document: Document, *rest: object):
        raise InputError(f"no room for {document.id}")

    monkeypatch.setattr("firmground.knowledge.fitting.fitting_passages", failing)
    entries, report = prepare(
        [Document("a", "A."), Document("", "x"), Document("b", "B.")], HashEncoder(), lambda _: {}
    )
    assert entries == []
    assert [reason for _, reason in report.failures] == [
        "no room for a", "a document needs an id that isn't empty", "no room for b"
    ]  # fmt: skip


def test_long_documents_dont_pile_up(tmp_path: Path):
    """A batch of many long documents is split and stored as soon as they are enough text, not when they are many."""
    text = "River stone cloud engine apple. " * 100  # 500 words, at least 13 passages of 40
    taken = 0

    def documents():
        nonlocal taken
        for taken in range(1, 31):
            yield Document(f"d{taken}", text + str(taken))

    ahead = []
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add(documents(), batch_size=20, progress=lambda report: ahead.append(taken - report.added))
        assert len(base) == 30
        assert base.verify() == []
    assert len(text) * 2 > GATHERED_CHARACTERS * 20  # so two are enough for a batch
    assert max(ahead) <= 2
    assert len(ahead) >= 10


def test_a_batch_is_about_a_seconds_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Twice as many after a quick one, half as many after a slow one, within limits; a size of one's own stays."""
    monkeypatch.setattr(intake, "LEAST_BATCH", 4)
    monkeypatch.setattr(intake, "MOST_BATCH", 16)
    took = iter([0.1, 0.1, 0.1, 1.0, 3.0, 3.0, 3.0])
    clock = 0.0

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return clock

    class Slow(HashEncoder):
        def encode(self, texts: Sequence[str], query: bool = False):
            nonlocal clock
            clock += next(took, 1.0)
            return super().encode(texts, query)

    monkeypatch.setattr(intake, "time", Clock)
    documents = [Document(f"d{i}", f"Stone {i}.") for i in range(70)]
    told: list[int] = []
    with KnowledgeBase.create(tmp_path / "kb", Slow()) as base:
        base.add(documents, progress=lambda report: told.append(report.added))
        assert told == [4, 12, 28, 44, 60, 68, 70]  # 4, 8, 16, 16 (the most), 16, 8, and the rest
        told.clear()
        base.add([Document(f"e{i}", "x") for i in range(9)], batch_size=3, progress=lambda r: told.append(r.added))
        assert told == [3, 6, 9]


def test_garbage_is_collected_again_after_a_batch_whatever_happens():
    for before in (True, False):
        (gc.enable if before else gc.disable)()
        try:
            with uncollected():
                assert not gc.isenabled()
            assert gc.isenabled() is before
            with pytest.raises(InputError), uncollected():
                raise InputError("no")
            assert gc.isenabled() is before
        finally:
            gc.enable()
