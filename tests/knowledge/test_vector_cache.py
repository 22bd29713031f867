"""Vectors that a base has already: only what changed is encoded, and what is deleted isn't remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.intake import prepare
from firmground.knowledge.lexical import indexed_text
from firmground.knowledge.records import EncoderRecord, Entry, content_sha256
from firmground.knowledge.store import Store
from firmground.knowledge.types import Document, Passage
from firmground.knowledge.vector_cache import encode_missing, stored_vectors
from tests.knowledge.base_helpers import HashEncoder

ENCODER = EncoderRecord("hash", "hash-4", 4, ("en", "zh"))


@pytest.fixture
def store(tmp_path: Path):
    Store.create(tmp_path, ENCODER, "now")
    made = Store(tmp_path, writable=True)
    yield made
    made.close()


def entry(name: str, *texts: str, title: str = "") -> Entry:
    """A document whose passages are these texts, one after another."""
    whole, passages, start = "".join(texts), [], 0
    metadata = {"title": title} if title else {}
    for text in texts:
        passages.append(Passage(-1, name, text, start, start + len(text), metadata))
        start += len(text)
    document = Document(name, whole, "", metadata)
    return Entry(document, passages, content_sha256(document))


def commit(store: Store, found: Entry, first: int) -> None:
    """Row i of the store holds i in every number."""
    count = len(found.passages)
    store.commit([found], np.repeat(np.arange(first, first + count, dtype=np.float32)[:, None], 4, axis=1))


def test_texts_that_are_there(store: Store) -> None:
    commit(store, entry("a", "The sky. ", "The sea. "), 0)
    commit(store, entry("b", "天空。", "大海。", title="水"), 2)
    asked = ["The sky. ", "The moon. ", "水\n天空。", "大海。"]
    found = stored_vectors(store, ["a", "b", "no such document"], asked)
    assert {text: vector.tolist() for text, vector in found.items()} == {"The sky. ": [0] * 4, "水\n天空。": [2] * 4}
    assert stored_vectors(store, ["b"], ["The sky. "]) == {}  # of another document
    assert stored_vectors(store, [], asked) == {}


def test_what_is_deleted_is_not_remembered(store: Store) -> None:
    commit(store, entry("a", "The sky. "), 0)
    held = stored_vectors(store, ["a"], ["The sky. "])["The sky. "]
    store.remove(["a"])
    assert stored_vectors(store, ["a"], ["The sky. "]) == {}
    assert held.tolist() == [0] * 4
    commit(store, entry("a", "The sea. "), 1)  # the same id with other text
    assert stored_vectors(store, ["a"], ["The sky. "]) == {}


def test_only_what_is_missing_is_encoded() -> None:
    calls: list[list[str]] = []

    def encode(texts: list[str]) -> np.ndarray:
        calls.append(texts)
        return np.array([[len(text), 0] for text in texts], np.float32)

    known = {"水": np.array([9, 9], np.float32)}
    assert encode_missing(["bb", "水", "c", "bb"], known, 2, encode).tolist() == [[2, 0], [9, 9], [1, 0], [2, 0]]
    assert encode_missing(["水", "水"], known, 2, encode).tolist() == [[9, 9], [9, 9]]
    assert encode_missing([], known, 2, encode).shape == (0, 2)
    assert encode_missing(["a", "b"], {}, 2, encode).tolist() == [[1, 0], [1, 0]]
    assert calls == [["bb", "c"], ["a", "b"]]


def test_a_changed_document_in_a_real_base(tmp_path: Path) -> None:
    """What `add` does with a replaced document, by the same steps, against encoding everything anew."""
    paragraphs = [
        f"# Stone {i}\n\nIt lies in the river, stone number {i} of many. 第{i}块石在水里。" for i in range(12)
    ]
    changed = [*paragraphs[:5], "# Clouds\n\nA new one about clouds. 新的一段。", *paragraphs[6:]]
    encoder = HashEncoder()
    with KnowledgeBase.create(tmp_path / "kb", encoder) as base:
        base.add([Document("d", "\n\n".join(paragraphs), metadata={"title": "Rivers"})])
        before = {indexed_text(passage) for passage in base.passages("d")}
        changed_document = Document("d", "\n\n".join(changed), metadata={"title": "Rivers"})
        (entry,), _ = prepare([changed_document], encoder, base._store.content_hashes)
        assert entry.replaces
        texts = [indexed_text(passage) for passage in entry.passages]
        assert len(before & set(texts)) >= 5
        known = stored_vectors(base._store, ["d"], texts)
        encoder.encoded = 0
        vectors = encode_missing(texts, known, encoder.dimension, encoder.encode)
        assert encoder.encoded == len(set(texts) - before) < len(texts) / 2
        np.testing.assert_allclose(vectors, encoder.encode(texts), atol=1e-6)


def test_the_store_is_opened_for_nothing_else(store: Store) -> None:
    commit(store, entry("a", "The sky. "), 0)
    vector = stored_vectors(store, ["a"], ["The sky. "])["The sky. "]
    assert vector.flags.writeable  # a copy, and no part of the file's map, which can be closed
