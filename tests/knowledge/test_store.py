"""The store: what goes in comes out, all or nothing, and damage is told in one line."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmground.knowledge import store as stores
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.lock import WriterLock
from firmground.knowledge.records import EncoderRecord, Entry, content_sha256, difference, dump, normal_form
from firmground.knowledge.sqlite import insert
from firmground.knowledge.types import Document, Passage
from firmground.knowledge.vectors import StoredRows, VectorFile

ENCODER = EncoderRecord("hash", "hash-8", 8, ("en", "zh"))
SKY = Document(
    "sky", "The sky is blue. 天空是蓝色的。😀 Why?", "a/sky.txt", {"title": "Sky", "pages": [0, 17], "year": 1999}
)
SEA = Document("sea", "The sea is salt.")


def rows(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def entry(document: Document, *spans: tuple[int, int], **metadata: object) -> Entry:
    inherited = {"source": document.source, **document.metadata} if document.source else dict(document.metadata)
    passages = [
        Passage(-1, document.id, document.text[start:end], start, end, {**inherited, **metadata})
        for start, end in spans
    ]
    return Entry(document, passages, content_sha256(document))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stores.Store.create(tmp_path, ENCODER, "now")
    return tmp_path


@pytest.fixture
def store(folder: Path):
    made = stores.Store(folder, writable=True)
    yield made
    made.close()


def test_what_goes_in_comes_out(store: stores.Store):
    store.commit([entry(SKY, (0, 16), (17, 24), (24, 30), page=2), entry(SEA, (0, 16))], rows(4))
    assert store.document("sky") == SKY
    assert store.document("sea") == SEA
    assert store.document("no") is None
    assert store.document_ids() == ["sky", "sea"]
    passages = store.passages_of("sky")
    assert [(p.id, p.text) for p in passages] == [(0, "The sky is blue."), (1, "天空是蓝色的。"), (2, "😀 Why?")]
    assert passages[1].metadata == {"title": "Sky", "pages": [0, 17], "year": 1999, "source": "a/sky.txt", "page": 2}
    assert passages[1].source == "a/sky.txt"
    assert store.passages([3, 9]) == {3: Passage(3, "sea", SEA.text, 0, 16, {"source": "sea"})}
    assert store.passages([3])[3].source == "sea"
    assert store.count() == (2, 4)
    np.testing.assert_array_equal(store.vectors, rows(4))
    assert store.allowed(["sky", "no"]).tolist() == [True, True, True, False]
    assert store.verify() == []


def test_ids_are_never_used_twice(store: stores.Store):
    store.commit([entry(SKY, (0, 16)), entry(SEA, (0, 16))], rows(2))
    assert store.remove(["sea", "sea", "no"]) == 1
    store.commit([entry(SEA, (0, 16))], rows(1, seed=1))
    store.commit([entry(SKY, (0, 16), (17, 24))], rows(2, seed=2))
    assert store.rows == 5
    assert store.live.tolist() == [False, False, True, True, True]
    assert [p.id for p in store.passages_of("sky")] == [3, 4]
    assert store.verify() == []
    store.close()
    reopened = stores.Store(store.folder, writable=False)
    assert reopened.live.tolist() == [False, False, True, True, True]
    np.testing.assert_array_equal(reopened.vectors, np.concatenate([rows(2), rows(1, 1), rows(2, 2)]))


def test_a_commit_is_all_or_nothing(store: stores.Store):
    store.commit([entry(SEA, (0, 16))], rows(1))
    bad = Entry(Document("bad", "\ud800"), [], b"")  # SQLite refuses it, after SKY went in
    with pytest.raises(UnicodeEncodeError):
        store.commit([entry(SKY, (0, 16)), entry(Document("sea", "New."), (0, 4)), bad], rows(2))
    assert store.document_ids() == ["sea"]
    assert store.document("sea") == SEA
    assert (store.rows, store.verify()) == (1, [])
    store.commit([entry(SKY, (0, 16))], rows(1, seed=1))
    np.testing.assert_array_equal(store.vectors, np.concatenate([rows(1), rows(1, 1)]))
    assert store.verify() == []


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_rows_are_inserted_each_once_in_their_order(count: int):
    """64 go into one statement; what is left over goes in one by one."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE some(number INTEGER, text TEXT)")
    values = [(number, f"text {number}") for number in range(count)]
    insert(connection, "some", values)
    assert connection.execute("SELECT * FROM some ORDER BY rowid").fetchall() == values


def test_vectors_that_cant_be_written_leave_nothing_behind(store: stores.Store, monkeypatch: pytest.MonkeyPatch):
    """They are written in a thread, while SQLite is: what fails there is raised, and the next batch is as if it hadn't
    been."""
    many = [entry(Document(f"d{number}", f"text {number}"), (0, 6)) for number in range(150)]
    store.commit(many[:1], rows(1))
    monkeypatch.setenv("FIRMGROUND_FAILPOINT", "vectors.fsync=enospc")
    with pytest.raises(KnowledgeBaseError, match="no room left"):
        store.commit(many[1:], rows(149))
    assert (store.rows, store.document_ids(), store.verify()) == (1, ["d0"], [])
    monkeypatch.delenv("FIRMGROUND_FAILPOINT")
    store.commit(many[1:], rows(149, seed=1))
    np.testing.assert_array_equal(store.vectors, np.concatenate([rows(1), rows(149, 1)]))
    assert store.document_ids() == [f"d{number}" for number in range(150)]
    assert [passage.text for passage in store.passages([149]).values()] == ["text 1"]
    with store.snapshot():
        assert len(store.lexical.search("text", 200, store.live)) == 150
    assert store.verify() == []


def test_a_document_without_passages_is_kept(store: stores.Store):
    store.commit([entry(Document("empty", ""))], rows(0))
    assert store.document("empty") == Document("empty", "")
    assert store.count() == (1, 0)
    assert store.remove(["empty"]) == 1
    assert store.verify() == []


def test_a_snapshot_stands_still_while_another_writes(store: stores.Store):
    store.commit([entry(SEA, (0, 16))], rows(1))
    reader = stores.Store(store.folder, writable=False)
    with reader.snapshot():
        store.commit([entry(SKY, (0, 16))], rows(1))
        store.remove(["sea"])
        assert reader.document("sea") == SEA
        assert reader.document("sky") is None
        assert (reader.rows, reader.live.tolist()) == (1, [True])
        assert [row for row, _ in reader.lexical.search("sea sky", 9, reader.live)] == [0]
    with reader.snapshot():
        assert reader.document("sea") is None
        assert reader.live.tolist() == [False, True]
        assert [row for row, _ in reader.lexical.search("sea sky", 9, reader.live)] == [1]
    reader.close()


def test_a_reader_changes_nothing(folder: Path):
    reader = stores.Store(folder, writable=False)
    with pytest.raises(KnowledgeBaseError, match="can't be read or written"):
        reader.remove(["sky"])


def test_bytes_past_the_committed_rows_are_cut_by_a_writer_only(store: stores.Store):
    store.commit([entry(SEA, (0, 16))], rows(1))
    path = store.folder / stores.VECTORS_FILE
    with open(path, "ab") as file:
        file.write(b"x" * 45)
    stores.Store(store.folder, writable=False).close()
    assert path.stat().st_size == 32 + 45
    stores.Store(store.folder, writable=True).close()
    assert path.stat().st_size == 32


def test_checksums_are_of_the_vectors_bytes(store: stores.Store):
    store.commit([entry(SKY, (0, 16), (17, 24))], rows(2))
    store.commit([entry(SEA, (0, 16))], rows(1, seed=1))
    found = sqlite3.connect(store.folder / stores.STORE_FILE).execute("SELECT * FROM commits").fetchall()
    assert found == [(0, 1, zlib.crc32(rows(2).tobytes())), (2, 2, zlib.crc32(rows(1, 1).tobytes()))]


# Damage.


def test_vectors_too_short(store: stores.Store):
    store.commit([entry(SKY, (0, 16), (17, 24))], rows(2))
    store.close()
    path = store.folder / stores.VECTORS_FILE
    for size in (63, 0):
        with open(path, "r+b") as file:
            file.truncate(size)
        with pytest.raises(
            KnowledgeBaseError, match=rf"2 rows \(64 bytes\) were committed, {size} bytes .*restore a copy"
        ):
            stores.Store(store.folder, writable=True)
        assert path.stat().st_size == size  # left as it is, for whoever wants to save what is left
    path.unlink()
    with pytest.raises(KnowledgeBaseError, match="restore a copy"):
        stores.Store(store.folder, writable=False)


def read_everything(folder: Path) -> None:
    """A file that has lost its end may well open: it shows when what was there is read."""
    opened = stores.Store(folder, writable=False)
    for document in range(50):
        opened.document(f"d{document}")
        opened.passages_of(f"d{document}")


@pytest.mark.parametrize("how", ["garbage", "empty", "truncated", "text"])
def test_sqlite_damaged(store: stores.Store, how: str):
    store.commit([entry(Document(f"d{i}", "The sky is blue. " * 50), (0, 16)) for i in range(50)], rows(50))
    store.close()
    path = store.folder / stores.STORE_FILE
    data = path.read_bytes()
    broken = {
        "garbage": b"\x07" * len(data),
        "empty": b"",
        "truncated": data[: len(data) // 2],
        "text": b"not a database",
    }
    path.write_bytes(broken[how])
    with pytest.raises(KnowledgeBaseError, match=r"store\.sqlite is damaged \(.*restore a copy, or delete"):
        read_everything(store.folder)


def test_verify_finds_a_flipped_bit_in_the_vectors(store: stores.Store):
    store.commit([entry(SKY, (0, 16), (17, 24))], rows(2))
    store.commit([entry(SEA, (0, 16))], rows(1))
    path = store.folder / stores.VECTORS_FILE
    data = bytearray(path.read_bytes())
    data[64] ^= 1
    path.write_bytes(data)
    assert store.verify() == ["vectors.f32: rows 2 to 2 aren't what was written (CRC-32)"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("DELETE FROM passages WHERE id = 0", "1 rows are neither a passage nor deleted"),
        ("DELETE FROM deletions", "1 rows are neither a passage nor deleted"),
        ("DELETE FROM word_segments WHERE first = 0", "2 passages have no words"),
        ("UPDATE documents SET text = 'Other. ' || text WHERE id = 'sky'", "passage 0 isn't sky[0:16]"),
        ("UPDATE passages SET document = 99 WHERE id = 0", "1 passages belong to no document"),
        ("DELETE FROM commits WHERE first = 0", "commits go from row -1 to row 2"),
    ],
)
def test_verify_finds_what_doesnt_agree(store: stores.Store, change: str, problem: str):
    store.commit([entry(SKY, (0, 16), (17, 24))], rows(2))
    store.commit([entry(SEA, (0, 16))], rows(1))
    store.remove(["sea"])
    assert store.verify() == []
    store._connection.execute(change)
    assert any(problem in line for line in store.verify())


def test_verify_finds_vectors_that_arent_of_length_one(store: stores.Store):
    vectors = rows(2)
    vectors[1] *= 1.1
    store.commit([entry(SKY, (0, 16), (17, 24))], vectors)
    assert store.verify() == ["vectors.f32: 1 rows aren't of length 1, the first is row 1"]


def test_a_newer_format_is_refused(store: stores.Store):
    store._connection.execute("UPDATE settings SET value = '4' WHERE name = 'format'")
    store.close()
    with pytest.raises(KnowledgeBaseError, match="has format 4, this firmground reads up to 3: upgrade"):
        stores.Store(store.folder, writable=False)


# Small parts.


def test_content_hash_changes_with_every_part():
    assert content_sha256(SKY) == content_sha256(
        Document(SKY.id, SKY.text, SKY.source, dict(reversed(SKY.metadata.items())))
    )
    others = [("sky", "x", "s", {}), ("sky", "y", "s", {}), ("sky", "x", "t", {}), ("sky", "x", "s", {"a": 1})]
    assert len({content_sha256(Document(*other)) for other in others}) == 4


KEYS = st.sampled_from(["a", "title", "名", 'quo"te', "b\n"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=3,
)


@given(st.text(max_size=6), st.text(max_size=3), st.dictionaries(KEYS, VALUES, max_size=3))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_metadata_and_hash_are_what_json_makes_of_them(text: str, source: str, metadata: dict):
    """The short cuts for plain values against the definition, which older bases were made with."""
    document = normal_form(Document("d", text, source, metadata))
    assert document.metadata == json.loads(json.dumps(metadata), parse_constant=lambda _: None)
    assert dump(document.metadata) == json.dumps(document.metadata, ensure_ascii=False)
    content = json.dumps([text, source, document.metadata], ensure_ascii=False, sort_keys=True)
    assert content_sha256(document) == hashlib.sha256(content.encode()).digest()


def test_metadata_becomes_what_json_knows():
    document = Document(
        "d", "x", metadata={"when": datetime.date(2024, 2, 29), "tags": ("a", "b"), "n": 1.5, "名": "天"}
    )
    assert normal_form(document).metadata == {"when": "2024-02-29", "tags": ["a", "b"], "n": 1.5, "名": "天"}


def test_difference_of_metadata():
    inherited = {"source": "s", "title": "T", "pages": [0, 9]}
    assert difference(inherited, inherited) is None
    assert difference(inherited, {"title": "T", "pages": [0, 9]}) is None  # the source is everybody's
    assert difference(inherited, {**inherited, "page": 2}) == '{"set": {"page": 2}, "drop": []}'
    assert difference(inherited, {"source": "s", "title": "U"}) == '{"set": {"title": "U"}, "drop": ["pages"]}'


def test_vectors_are_little_endian_rows_in_order(tmp_path: Path):
    path = tmp_path / "v"
    VectorFile.create(path)
    file = VectorFile(path, 2)
    file.append(np.array([[1, 2], [3, 4]], dtype=np.float64), 0)
    file.append(np.array([[5, 6]], dtype=np.float32), 1)  # over the row that was never committed
    assert path.read_bytes() == np.array([1, 2, 5, 6], dtype="<f4").tobytes()
    assert file.view(2).tolist() == [[1, 2], [5, 6]]
    with pytest.raises(ValueError, match="read-only"):
        file.view(2)[0, 0] = 9


def test_rows_by_number_are_read_and_stretches_mapped(tmp_path: Path):
    VectorFile.create(tmp_path / "v")
    file = VectorFile(tmp_path / "v", 2)
    file.append(np.arange(12, dtype=np.float32).reshape(6, 2), 0)
    stored = StoredRows(file, 5)  # the sixth isn't committed
    assert (len(stored), stored.shape) == (5, (5, 2))
    assert stored[3:].tolist() == [[6, 7], [8, 9]]
    assert stored[np.array([4, 0, 4])].tolist() == [[8, 9], [0, 1], [8, 9]]
    assert stored[np.array([], dtype=np.int64)].shape == (0, 2)
    os.truncate(tmp_path / "v", 20)
    with pytest.raises(KnowledgeBaseError, match="rows that were committed are gone"):
        stored[np.array([0, 3])]
    file.close()
    with pytest.raises(KnowledgeBaseError, match="is closed"):
        file.read(np.array([0]))


def test_rows_that_are_read_stay_out_of_memory(tmp_path: Path):
    """By the map, 500 rows of a file of 60 MB that was just written brought 30 to 60 MB of it into this process."""
    if not Path("/proc/self/smaps").exists():
        pytest.skip("needs Linux's /proc")
    VectorFile.create(tmp_path / "v")
    file = VectorFile(tmp_path / "v", 384)
    file.append(np.ones((40_000, 384), dtype=np.float32), 0)
    stored = StoredRows(file, 40_000)
    assert stored[:10].sum() == 3_840
    assert stored[np.arange(0, 40_000, 80)].sum() == 500 * 384
    mapped = Path("/proc/self/smaps").read_text().partition(f"{tmp_path}/v\n")[2]
    resident = next(line for line in mapped.splitlines() if line.startswith("Rss:"))
    assert int(resident.split()[1]) <= 4_096  # kB: what the ten rows brought
    file.close()


def test_the_lock_is_exclusive_and_dies_with_its_process(tmp_path: Path):
    script = (
        "import sys, pathlib; from firmground.knowledge.lock import WriterLock\n"
        "lock = WriterLock(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(KnowledgeBaseError, match=f"is being written by process {holder.pid}: wait"):
        WriterLock(tmp_path)
    holder.kill()
    holder.wait()
    lock = WriterLock(tmp_path)
    with pytest.raises(KnowledgeBaseError, match="is being written by this process"):
        WriterLock(tmp_path)
    lock.release()
    WriterLock(tmp_path).release()
