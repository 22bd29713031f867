"""Deleting for good, copying while others work, opening what older versions made, folding copies."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import compact
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.copies import copy_base
from firmground.knowledge.errors import InputError, KnowledgeBaseError
from firmground.knowledge.fold import fold, folded
from firmground.knowledge.types import Document, Hit, Passage
from tests.knowledge.base_helpers import HashEncoder, by_id, some_documents

ROOT = Path(__file__).resolve().parent.parent.parent
MODES = ("dense", "lexical", "hybrid")


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def base(tmp_path: Path, encoder: HashEncoder):
    with KnowledgeBase.create(tmp_path / "kb", encoder) as made:
        yield made


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def answers(base: KnowledgeBase) -> list:
    questions = ["river stone", "天地玄黄", "Chapter 8"]
    return [
        [(hit.passage, pytest.approx(hit.score, abs=1e-6)) for hit in base.search(question, 20, mode)]
        for question in questions
        for mode in MODES
    ]


# Compaction.


def test_nothing_outlives_a_deletion(base: KnowledgeBase, encoder: HashEncoder):
    """Text, words, metadata, id, float32 and 16-bit vectors: of a deleted and of a replaced document, in both
    languages, no file holds a trace once it is compacted; before, they do."""
    base.add(some_documents(300, sentences=1))
    secrets = [
        Document("gone", "Xylophonist Quetzalcoatl hides.", "secret/path.txt", {"title": "Zugzwang", "n": "Fjordland"}),
        Document("changed", "饕餮与麒麟在此。"),
    ]
    base.add(secrets)
    row = base.passages("gone")[0].id
    vector = base.vectors([row])[0]
    traces = [
        t.encode() for t in ("Xylophonist", "xylophonist", "Zugzwang", "Fjordland", "secret/path", "饕餮", "麒麟")
    ]
    traces += [vector.astype("<f4").tobytes(), vector.astype("<f2").tobytes()]
    terms = [b"quetzalcoatl", "饕餮".encode()]
    base.remove(["gone"])
    base.add([Document("changed", "Nothing of this is left.")])
    before = everything(base.path)
    assert all(trace in before for trace in [traces[0], traces[5], traces[7]])
    base.compact()
    after = everything(base.path)
    assert [trace for trace in [*traces, *terms] if trace in after] == []
    assert base.stats()["deleted"] == 0
    assert base.verify() == []
    for mode in MODES:
        assert not {"gone"} & {hit.passage.document for hit in base.search("xylophonist 饕餮", 1000, mode)}
    base.close()
    with KnowledgeBase.open(base.path, encoder, writable=True) as again:
        assert again.verify() == []
        assert len(again) == 301


def test_compaction_changes_no_answer_and_no_number(base: KnowledgeBase, encoder: HashEncoder):
    base.add(some_documents(90))
    base.remove(f"d{number}" for number in range(0, 90, 2))
    with KnowledgeBase.open(base.path, encoder) as reader:
        expected, rows = answers(base), [p.id for d in base.documents() for p in base.passages(d.id)]
        assert answers(reader) == expected
        base.compact()
        assert answers(base) == expected
        assert answers(reader) == expected  # which maps the new file
        assert [p.id for d in base.documents() for p in base.passages(d.id)] == rows
        highest = max(rows)
        base.add([Document("new", "River stone and copper.")])
        assert [p.id for p in base.passages("new")] == [highest + 1] or highest < base.passages("new")[0].id
        assert answers(reader) == answers(base)
        base.compact()  # a second one, on what the first left
        assert answers(reader) == answers(base)
    assert base.verify() == []
    assert [path.name for path in base.path.glob("vectors*")] == ["vectors-000003.f32"]


def test_compaction_frees_room(tmp_path: Path):
    """1,000 rows of 4 KB, the first 900 deleted in a run: their blocks are a hole. The length stays as it was."""
    encoder = HashEncoder(dimension=1024)
    with KnowledgeBase.create(tmp_path / "kb", encoder) as base:
        base.add(Document(f"d{number}", f"River number{number}.") for number in range(1000))
        before = base.stats()
        base.remove(f"d{number}" for number in range(900))
        freed = base.compact()
        after = base.stats()
        assert (before["files"]["vectors.f32"], after["files"]["vectors-000002.f32"]) == (4096_000, 409_600)
        assert (base.path / "vectors-000002.f32").stat().st_size == 4096_000
        assert after["bytes"] < before["bytes"] / 4
        assert freed == pytest.approx(before["bytes"] - after["bytes"], rel=0.2)
        [name] = [name for name in after["files"] if name.endswith(".faiss")]
        assert after["files"][name] < 110 * 2048  # 100 rows of 16-bit numbers
        assert base.verify() == []


def test_everything_deleted_and_compacted(base: KnowledgeBase):
    base.add(some_documents(5))
    base.remove(f"d{number}" for number in range(5))
    base.compact()
    assert (len(base), base.verify(), base.stats()["deleted"]) == (0, [], 0)
    for mode in MODES:
        assert base.search("river", 5, mode) == []
    base.add(some_documents(5))
    assert base.verify() == []
    assert base.search("river stone", 5)


def test_due_by_hand():
    assert [compact.due(remains, live) for remains, live in ((0, 0), (0, 9), (1, 9), (1, 3), (3, 9), (9, 0))] == [
        False, False, False, True, True, True,
    ]  # fmt: skip


def test_a_writer_that_closes_compacts_where_much_is_deleted(base: KnowledgeBase, encoder: HashEncoder):
    base.add(some_documents(20, sentences=1))
    base.remove(["d1", "d2"])
    base.close()
    assert (base.path / "vectors.f32").exists()  # 2 of 20 aren't worth it
    with KnowledgeBase.open(base.path, encoder, writable=True) as writer:
        writer.remove(f"d{number}" for number in range(3, 8))
        assert writer.stats()["deleted"] == 7
    assert not (base.path / "vectors.f32").exists()
    with KnowledgeBase.open(base.path, encoder) as reader:
        assert (reader.stats()["deleted"], len(reader), reader.verify()) == (0, 13, [])
    writer = KnowledgeBase.open(base.path, encoder, writable=True)
    writer.remove([document.id for document in writer.documents()])
    writer.__exit__(RuntimeError, RuntimeError("whatever stops it"), None)
    assert next(base.path.glob("vectors*")).name == "vectors-000002.f32"  # who fails isn't kept waiting


def test_a_compaction_that_has_no_room_changes_nothing(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, caplog):
    base.add(some_documents(20, sentences=1))
    base.remove(["d1", "d2", "d3", "d4", "d5", "d6"])
    expected = answers(base)
    for name in ("compact.write", "compact.fsync", "store.commit", "compact.vacuum", "compact.note"):
        monkeypatch.setenv("FIRMGROUND_FAILPOINT", f"{name}=enospc")
        with pytest.raises(KnowledgeBaseError, match="no room left on the disk"):
            base.compact()
        monkeypatch.delenv("FIRMGROUND_FAILPOINT")
        assert answers(base) == expected
        assert base.verify() == []
        assert base.stats()["deleted"] == 6
    monkeypatch.setenv("FIRMGROUND_FAILPOINT", "compact.write=enospc")
    base.close()
    assert "wasn't compacted: no room left" in caplog.text
    monkeypatch.delenv("FIRMGROUND_FAILPOINT")
    KnowledgeBase.open(base.path, HashEncoder(), writable=True).close()
    with KnowledgeBase.open(base.path) as reader:
        assert (reader.stats()["deleted"], reader.verify()) == (0, [])


def test_a_reader_cant_compact(base: KnowledgeBase, encoder: HashEncoder):
    with KnowledgeBase.open(base.path, encoder) as reader, pytest.raises(KnowledgeBaseError, match="to compact it"):
        reader.compact()


# Readers in other processes while one writes, compacts and dies.

READER = """
import sys
from pathlib import Path
from firmground.knowledge.base import KnowledgeBase
from tests.knowledge.base_helpers import HashEncoder
with KnowledgeBase.open(sys.argv[1], HashEncoder()) as base:
    print("open", flush=True)
    searches = 0
    while not Path(sys.argv[2]).exists() or searches < 3:
        for mode in ("dense", "lexical", "hybrid"):
            for hit in base.search("river stone 天地", 20, mode):
                assert hit.passage.text, hit
        searches += 1
    assert base.verify() == []
    print(len(base), flush=True)
"""


def test_processes_read_while_one_writes_and_compacts(base: KnowledgeBase, tmp_path: Path):
    base.add(some_documents(60, seed=1))
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", READER, str(base.path), str(stop)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    readers = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [reader.stdout.readline() for reader in readers if reader.stdout] == ["open\n"] * 2
    for seed in range(4):
        base.add(some_documents(40, seed=seed))
        base.remove(f"d{number}" for number in range(seed, 40, 3))
        base.compact()
    stop.touch()
    for reader in readers:
        out, error = reader.communicate(timeout=60)
        assert (reader.returncode, out, error) == (0, f"{len(base)}\n", "")


# Copies.


def test_a_snapshot_is_the_base_as_it_was(base: KnowledgeBase, encoder: HashEncoder, tmp_path: Path):
    base.add(some_documents(40))
    base.remove(["d3", "d4"])
    documents, expected = by_id(base.documents()), answers(base)
    assert base.snapshot(tmp_path / "shots" / "one") == tmp_path / "shots" / "one"
    base.add([Document("later", "River stone later.")])
    base.remove(["d5"])
    with KnowledgeBase.open(tmp_path / "shots" / "one", encoder) as copy:
        assert by_id(copy.documents()) == documents
        assert (copy.verify(), copy.stats()["deleted"]) == ([], 0)
        assert answers(copy) == expected
        assert copy.encoder_record == base.encoder_record
    with KnowledgeBase.open(base.path, encoder) as reader:  # a reader makes one too, and from a copy, back again
        reader.snapshot(tmp_path / "two")
    copy_base(tmp_path / "shots" / "one", tmp_path / "restored")
    with KnowledgeBase.open(tmp_path / "restored", encoder, writable=True) as restored:
        assert by_id(restored.documents()) == documents
        assert restored.add([Document("more", "Violin.")]).added == 1
        assert restored.verify() == []
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_a_snapshot_holds_nothing_deleted(base: KnowledgeBase, tmp_path: Path):
    base.add([*some_documents(30), Document("gone", "Xylophonist 饕餮.")])
    base.remove(["gone"])
    assert b"Xylophonist" in everything(base.path)
    base.snapshot(tmp_path / "copy")
    assert not [
        trace for trace in ("Xylophonist", "xylophonist", "饕餮") if trace.encode() in everything(tmp_path / "copy")
    ]


def test_a_snapshot_while_one_writes(base: KnowledgeBase, encoder: HashEncoder, tmp_path: Path):
    """Each copy is one state: so many of the documents as were stored by then, in order, and every one searchable."""
    base.add(some_documents(10))
    stop = threading.Event()

    def write() -> None:
        for number in range(10, 400):
            base.add([Document(f"d{number}", f"River number{number}.")])
            if number % 40 == 0:
                base.remove([f"d{number}"])
                base.compact()
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            copy_base(base.path, tmp_path / f"copy{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        with KnowledgeBase.open(tmp_path / f"copy{number}", encoder) as copy:
            assert copy.verify() == []
            names = [int(document.id[1:]) for document in copy.documents()]
            assert names == [n for n in range(max(names) + 1) if n < 11 or n % 40 or n == max(names)]
            found = {hit.passage.document for hit in copy.search("river", 1000, "dense", fold=False)}
            assert found == {f"d{n}" for n in names}


def test_wrong_copies(base: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    base.add(some_documents(3))
    with pytest.raises(InputError, match="no knowledge base at"):
        copy_base(tmp_path / "nowhere", tmp_path / "copy")
    with pytest.raises(InputError, match="is there already: give a new or an empty folder"):
        base.snapshot(base.path)
    (tmp_path / "empty").mkdir()
    base.snapshot(tmp_path / "empty")
    for name in ("copy.store", "copy.vectors", "copy.rename"):
        monkeypatch.setenv("FIRMGROUND_FAILPOINT", f"{name}=enospc")
        with pytest.raises(KnowledgeBaseError, match="no room left on the disk"):
            base.snapshot(tmp_path / "copy")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "kb"]
    monkeypatch.delenv("FIRMGROUND_FAILPOINT")
    data = bytearray((base.path / "vectors.f32").read_bytes())
    data[5] ^= 1
    (base.path / "vectors.f32").write_bytes(data)
    with pytest.raises(KnowledgeBaseError, match=r"the copy isn't sound \(vectors.f32: rows 0 to"):
        base.snapshot(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


# What older versions made.

OLD = Path(__file__).parent / "old_base"


def test_a_base_of_the_first_format_opens_and_is_brought_up(tmp_path: Path):
    """Made by version 0.1.0 before compaction was: 6 documents, one of them replaced and one deleted."""
    shutil.copytree(OLD, tmp_path / "kb")
    with KnowledgeBase.open(tmp_path / "kb", HashEncoder(dimension=8)) as reader:
        assert [document.id for document in reader.documents()] == ["d0", "d2", "d3", "d4", "d1"]
        assert reader.verify() == []
        assert reader.stats()["deleted"] == 2
        assert reader.search("violin", 1, "lexical")[0].passage.document == "d1"
        assert reader.search("天空", 1, "lexical")[0].passage.document == "d2"
    assert format_of(tmp_path / "kb") == "1"
    with KnowledgeBase.open(tmp_path / "kb", HashEncoder(dimension=8), writable=True) as writer:
        writer.compact()
        assert writer.verify() == []
        assert writer.search("Violin and doctor.", 1, "dense")[0].passage.document == "d1"
        assert writer.search("天空是蓝色的。", 1, "dense", where={"year": {"$gte": 2000}})[0].passage.document == "d2"
        assert writer.add([Document("new", "River.")]).added == 1
    assert format_of(tmp_path / "kb") == "3"  # an older firmground says that it can't read this


def format_of(folder: Path) -> str:
    connection = sqlite3.connect(folder / "store.sqlite")
    try:
        return connection.execute("SELECT value FROM settings WHERE name = 'format'").fetchone()[0]
    finally:
        connection.close()


# Copies of one text.


def hit(number: int, text: str) -> Hit:
    return Hit(Passage(number, f"d{number}", text, 0, len(text)), 1 - number / 100)


LONG = (
    "The Rhine rises in the Alps, runs through Lake Constance and past Basel, Strasbourg, Cologne and Rotterdam, and "
    "flows into the North Sea; ships carry coal, ore, oil and grain on it, and barges wait at every lock of the canal"
)
LONG_ZH = "黄河发源于青藏高原的巴颜喀拉山脉，流经九个省区，最后在山东省注入渤海，全长约五千四百六十四公里。"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("River stone.", "River stone.", True),
        ("River  stone!", "RIVER STONE", True),
        ("ＡＢＣ 天空。", "abc 天空", True),
        ("River stone.", "River cloud.", False),
        ("", "", True),
        ("…", "—", False),
        (LONG, f"{LONG} (Photo: Smith)", True),
        (LONG, LONG.replace("Basel", "Mainz", 1), False),
        (f"{LONG} in 2019", f"{LONG} in 2020", False),
        (LONG, LONG.replace("runs", "never runs", 1), False),
        (f"{LONG} 7", LONG, False),
        (LONG_ZH, LONG_ZH.replace("，", ", "), True),
        (LONG_ZH * 2, f"{LONG_ZH * 2}图片来源", True),
        (LONG_ZH, LONG_ZH.replace("渤海", "黄海"), False),
        (LONG_ZH * 2, f"{LONG_ZH * 2}并不是", False),
    ],
)
def test_alike(one: str, other: str, same: bool):
    for first, second in ((one, other), (other, one)):
        assert len(fold([hit(1, first), hit(2, second)])) == (1 if same else 2)


def test_fold_keeps_order_scores_and_sources():
    hits = [hit(1, "River."), hit(2, "Stone."), hit(3, "river"), hit(4, "Cloud."), hit(5, "RIVER!"), hit(6, "stone")]
    found = fold(hits)
    assert [(h.passage.id, h.score) for h in found] == [(1, 0.99), (2, 0.98), (4, 0.96)]
    assert [[p.document for p in h.also_in] for h in found] == [["d3", "d5"], ["d6"], []]


def test_folded_looks_deeper_where_copies_took_the_places():
    hits = [hit(number, "River.") for number in range(9)] + [hit(9, "Stone."), hit(10, "Cloud.")]
    others = [hit(number, f"Number word{number}.") for number in range(11)]
    asked = []

    def find(depth: int) -> list[list[Hit]]:
        asked.append(depth)
        return [hits[:depth], others[:depth]]

    found = folded(find, 3)
    assert [[h.passage.id for h in one] for one in found] == [[0, 9, 10], [0, 1, 2]]
    assert asked == [3, 12]
    assert [p.id for p in found[0][0].also_in] == list(range(1, 9))


@pytest.mark.parametrize("mode", MODES)
def test_a_text_of_several_documents_is_found_once(base: KnowledgeBase, mode):
    base.add(some_documents(30))
    base.add([Document(name, "Copper violin planet 天空。", f"{name}.txt") for name in ("a", "b", "c")])
    first, second = base.search("copper violin planet 天空", 2, mode)
    assert (first.passage.document, [p.source for p in first.also_in]) == ("a", ["b.txt", "c.txt"])
    assert second.passage.document.startswith("d")
    assert [h.passage.document for h in base.search("copper violin planet 天空", 3, mode, fold=False)] == [
        "a",
        "b",
        "c",
    ]
    base.remove(["a"])
    [first] = base.search("copper violin planet 天空", 1, mode)
    assert (first.passage.document, [p.document for p in first.also_in]) == ("b", ["c"])
    assert len(base) == 32


# Only what changed is encoded.


def test_a_changed_document_is_encoded_where_it_changed(base: KnowledgeBase, encoder: HashEncoder):
    paragraphs = [f"Paragraph number{n}. " + " ".join(f"w{n}x{m}" for m in range(33)) + "." for n in range(6)]
    base.add([Document("a", "\n\n".join(paragraphs))])
    before = {p.text: base.vectors([p.id])[0] for p in base.passages("a")}
    assert len(before) == 6
    encoder.encoded = 0
    paragraphs[3] = paragraphs[3].replace("w3x0", "other")
    assert base.add([Document("a", "\n\n".join(paragraphs))]).passages == 6
    assert encoder.encoded == 1
    for passage in base.passages("a"):
        fresh = HashEncoder().encode([passage.text])[0]
        np.testing.assert_allclose(base.vectors([passage.id])[0], fresh, atol=1e-6)
    encoder.encoded = 0
    base.remove(["a"])
    base.add([Document("a", "\n\n".join(paragraphs))])
    assert encoder.encoded == 6  # what is deleted is no cache
