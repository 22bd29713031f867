"""The dense side, beside brute force: with an index file, without one, with a tail, with deletions and filters."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import index as index_module
from firmground.knowledge.errors import KnowledgeBaseError, MissingExtra
from firmground.knowledge.index import MANIFEST_FILE, VectorIndex, open_index, read_manifest, write_manifest
from firmground.knowledge.records import EncoderRecord
from tests.knowledge.base_helpers import brute_force

DIMENSION, ROWS = 48, 5000
ENCODER = EncoderRecord("hash", "hash-48", DIMENSION, ("*",))


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """(ROWS, DIMENSION) in clusters, as embeddings are, with some rows that are the same."""
    random = np.random.default_rng(7)
    centres = random.normal(size=(40, DIMENSION))
    rows = centres[random.integers(0, 40, ROWS)] + 0.4 * random.normal(size=(ROWS, DIMENSION))
    rows[100:110] = rows[4900]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def queries(vectors: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(8)
    rows = vectors[random.integers(0, ROWS, 30)] + 0.2 * random.normal(size=(30, DIMENSION))
    rows[0] = vectors[4900]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made(folder: Path, vectors: np.ndarray) -> VectorIndex:
    write_manifest(folder, ENCODER, "now", None)
    index = VectorIndex(folder, ENCODER, "now")
    if len(vectors):
        index.publish(vectors)
    return index


def same(found: list[list[tuple[int, float]]], expected: list[list[tuple[int, float]]]) -> None:
    """The same rows with the same scores; only rows whose score is the last one's, but for rounding, may differ."""
    for one, other in zip(found, expected, strict=True):
        assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=1e-6)
        first, second = dict(one), dict(other)
        assert {row: first[row] for row in first.keys() & second.keys()} == pytest.approx(
            {row: second[row] for row in first.keys() & second.keys()}, abs=1e-6
        )
        for row in first.keys() ^ second.keys():
            assert {**first, **second}[row] == pytest.approx(other[-1][1], abs=1e-6)


def some_allowed(share: float) -> np.ndarray:
    return np.random.default_rng(9).random(ROWS) < share


@pytest.mark.parametrize("share", [1.0, 0.9, 0.5, 0.1, 0.01, 0.0])
@pytest.mark.parametrize("indexed", [0, 1, 4000, ROWS])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_search_is_brute_force(vectors, queries, tmp_path: Path, share: float, indexed: int, k: int):
    allowed = some_allowed(share)
    index = made(tmp_path, vectors[:indexed])
    assert index.rows == indexed
    same(index.search(queries, k, vectors, allowed), brute_force(queries, vectors, allowed, k))


def test_fewer_than_asked_for(vectors, queries, tmp_path: Path):
    index = made(tmp_path, vectors[:3000])
    allowed = np.zeros(ROWS, dtype=bool)
    allowed[[5, 4999]] = True
    assert all(sorted(row for row, _ in found) == [5, 4999] for found in index.search(queries, 10, vectors, allowed))
    assert index.search(queries[:1], 10, vectors[:0], allowed[:0]) == [[]]


def test_equal_rows_come_in_order(vectors, queries, tmp_path: Path):
    found = made(tmp_path, vectors).search(queries[:1], 11, vectors, np.ones(ROWS, dtype=bool))[0]
    assert [row for row, _ in found] == [*range(100, 110), 4900]
    assert {score for _, score in found} == {found[0][1]}
    assert found[0][1] == pytest.approx(1.0)


def test_an_index_ahead_of_the_snapshot_shows_no_later_row(vectors, queries, tmp_path: Path):
    """A reader's view of the store may be older than the index that was published meanwhile."""
    index = made(tmp_path, vectors)
    allowed = np.ones(2995, dtype=bool)
    same(index.search(queries, 10, vectors[:2995], allowed), brute_force(queries, vectors[:2995], allowed, 10))


def test_an_index_that_ignores_its_selector_leaks_nothing(vectors, queries, tmp_path: Path):
    """As FAISS on a GPU may: what isn't allowed is stopped once more before it leaves."""

    class Ignoring:
        ntotal = ROWS

        def search(self, queries, k, params=None):
            return real.search(queries, k)

    index = made(tmp_path, vectors)
    real, index._faiss = index._faiss, Ignoring()
    allowed = some_allowed(0.6)
    for found in index.search(queries, 10, vectors, allowed):
        assert all(allowed[row] for row, _ in found)


def test_the_tail_is_searched_in_blocks(vectors, queries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index_module, "BLOCK_ROWS", 700)
    monkeypatch.setattr(index_module, "GATHER_ROWS", 0)
    allowed = some_allowed(0.7)
    allowed[1400:2100] = False  # a block with nothing in it
    for indexed in (0, 1000):
        index = made(tmp_path, vectors[:indexed])
        same(index.search(queries, 25, vectors, allowed), brute_force(queries, vectors, allowed, 25))


def test_publishing_leaves_one_generation_and_other_readers_follow(vectors, queries, tmp_path: Path):
    index = made(tmp_path, vectors[:100])
    reader = VectorIndex(tmp_path, ENCODER, "now")
    assert (reader.rows, reader.record.file) == (100, "index-000001.faiss")
    index.publish(vectors)
    assert [path.name for path in tmp_path.glob("*.faiss")] == ["index-000002.faiss"]
    allowed = np.ones(ROWS, dtype=bool)
    same(
        reader.search(queries, 5, vectors, allowed), brute_force(queries, vectors, allowed, 5)
    )  # the old one, still open
    reader.refresh()
    assert reader.rows == ROWS
    same(reader.search(queries, 5, vectors, allowed), brute_force(queries, vectors, allowed, 5))


def test_when_an_index_is_due(tmp_path: Path):
    index = made(tmp_path, np.empty((0, DIMENSION), dtype=np.float32))
    assert not index.due(0)
    assert index.due(1)  # nothing is published yet
    for indexed, rows, due in [
        (100, 100, False),
        (100, 101, True),  # small: the tail is never left
        (100_000, 105_000, False),
        (100_000, 105_300, True),  # more than 5% of the rows
    ]:
        index.record = index_module.IndexRecord("f", "fp16", indexed, 0, "")
        assert index.due(rows) == due
        assert index.due_meanwhile(2 * indexed + 50_001)
        assert not index.due_meanwhile(indexed + 50_000)


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(data[:-100])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(bytes(len(data)))
    elif how == "one bit":
        path.write_bytes(data[:2000] + bytes([data[2000] ^ 1]) + data[2001:])


@pytest.mark.parametrize("how", ["missing", "truncated", "empty", "garbage", "one bit"])
def test_a_damaged_index_is_told_and_done_without(vectors, queries, tmp_path: Path, caplog, how: str):
    index = made(tmp_path, vectors)
    damage(tmp_path / index.record.file, how)
    reader = VectorIndex(tmp_path, ENCODER, "now")
    assert reader.rows == 0
    assert "index-000001.faiss is" in reader.problem
    assert caplog.text.count("nothing is lost") == 1
    allowed = some_allowed(0.8)
    same(reader.search(queries, 10, vectors, allowed), brute_force(queries, vectors, allowed, 10))
    reader.refresh()
    assert caplog.text.count("nothing is lost") == 1  # once, not at every search
    assert reader.due(ROWS)
    reader.publish(vectors)
    assert (reader.rows, reader.problem) == (ROWS, "")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', '{"format": "x"}', "\x00" * 50, "\xff"])
def test_a_damaged_manifest_is_told_and_made_anew(vectors, tmp_path: Path, text: str):
    made(tmp_path, vectors)
    (tmp_path / MANIFEST_FILE).write_bytes(text.encode("latin-1"))
    reader = VectorIndex(tmp_path, ENCODER, "now")
    assert MANIFEST_FILE in reader.problem
    reader.publish(vectors)
    assert VectorIndex(tmp_path, ENCODER, "now").rows == ROWS
    assert len(list(tmp_path.glob("*.faiss"))) == 1


def test_a_missing_or_empty_manifest_says_what_to_do(vectors, tmp_path: Path, caplog):
    made(tmp_path, vectors)
    (tmp_path / MANIFEST_FILE).write_text("{}")
    assert VectorIndex(tmp_path, ENCODER, "now").problem == "manifest.json is damaged (it lacks 'format')"
    (tmp_path / MANIFEST_FILE).unlink()
    assert VectorIndex(tmp_path, ENCODER, "now").problem == "manifest.json is damaged (it is missing)"
    assert caplog.text.count(f"to make it anew: firmground kb compact --kb {tmp_path}\n") == 2


def test_a_manifest_cant_point_out_of_the_folder(vectors, tmp_path: Path):
    made(tmp_path, vectors)
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    content["index"]["file"] = "../index.faiss"
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(content))
    with pytest.raises(ValueError, match="not a file of this folder"):
        read_manifest(tmp_path)


def test_a_newer_format_is_refused(vectors, tmp_path: Path):
    made(tmp_path, vectors)
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    (tmp_path / MANIFEST_FILE).write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(KnowledgeBaseError, match="format 2, this firmground reads up to 1: upgrade"):
        VectorIndex(tmp_path, ENCODER, "now")


def test_the_manifest_says_what_is_there(vectors, tmp_path: Path):
    index = made(tmp_path, vectors)
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    expected = {"name": "hash", "fingerprint": "hash-48", "dimension": DIMENSION, "languages": ["*"]}
    assert (content["format"], content["encoder"], content["created"]) == (1, expected, "now")
    path = tmp_path / content["index"]["file"]
    assert path.stat().st_size == content["index"]["bytes"] == index.record.bytes
    assert open_index(tmp_path, index.record, DIMENSION, hashed=None).ntotal == content["index"]["rows"] == ROWS


def test_a_large_file_isnt_hashed_at_opening_but_by_verify(vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    index = made(tmp_path, vectors)
    damage(tmp_path / index.record.file, "one bit")
    open_index(tmp_path, index.record, DIMENSION, hashed=1000)
    with pytest.raises(ValueError, match="SHA-256"):
        open_index(tmp_path, index.record, DIMENSION, hashed=None)


def test_the_index_is_mapped_not_read(tmp_path: Path):
    """Opening 40 MB takes no 40 MB of memory of our own, and searching takes pages that the system can drop again."""
    vectors = np.random.default_rng(1).normal(size=(50_000, 400)).astype(np.float32)
    write_manifest(tmp_path, ENCODER, "now", None)
    encoder = EncoderRecord("x", "x", 400, ())
    VectorIndex(tmp_path, encoder, "now").publish(vectors)
    before = anonymous_memory()
    index = VectorIndex(tmp_path, encoder, "now", "cpu")
    index.search(vectors[:2], 10, vectors, np.ones(len(vectors), dtype=bool))
    assert index.rows == 50_000
    assert anonymous_memory() - before < 8_000_000


def anonymous_memory() -> int:
    """Bytes of this process's memory that stand on no file."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        pytest.skip("needs Linux's /proc")
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtra, match=r"pip install 'firmground\[cpu\]'"):
        index_module.library()
