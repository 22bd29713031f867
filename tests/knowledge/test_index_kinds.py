"""Every kind of index file beside brute force: recall, filters, holes, growth, what FAISS honours."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import index as index_module
from firmground.knowledge import index_kinds
from firmground.knowledge.errors import FirmgroundError, InputError, MissingExtra
from firmground.knowledge.index import MANIFEST_FILE, VectorIndex, read_manifest, read_wanted, write_manifest
from firmground.knowledge.index_kinds import (
    Kind,
    build,
    choose,
    find,
    held_bytes,
    held_rows,
    library,
    lists_for,
    read,
    recall,
)
from firmground.knowledge.records import EncoderRecord
from tests.knowledge.base_helpers import brute_force

DIMENSION, ROWS = 32, 7000
ENCODER = EncoderRecord("hash", "hash-32", DIMENSION, ("*",))
KINDS = {
    "exact": Kind(),
    "ivf": Kind("IVF64,PQ16x4fs", probe=24, refine=12),
    "rabitq": Kind("IVF64,RaBitQ", probe=24, refine=12),
    "hnsw": Kind("HNSW16,SQfp16", probe=64, refine=2),
    "fast": Kind("PQ16x4fs", refine=12),
}


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that files of a few thousand rows are built of every kind, and asked."""
    monkeypatch.setattr(index_kinds, "LEAST_ROWS", 5_000)
    monkeypatch.setattr(index_module, "GATHER_APPROXIMATE", 0)
    monkeypatch.setattr(index_module, "GATHER_ROWS", 0)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    random = np.random.default_rng(1)
    centres = random.normal(size=(60, DIMENSION))
    return unit(centres[random.integers(0, 60, ROWS)] + 0.5 * random.normal(size=(ROWS, DIMENSION)))


@pytest.fixture(scope="module")
def queries(vectors: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(2)
    return unit(vectors[random.integers(0, ROWS, 40)] + 0.1 * random.normal(size=(40, DIMENSION)))


@pytest.fixture(scope="module")
def built(vectors: np.ndarray) -> dict:
    return {name: build(kind, vectors, np.arange(ROWS)) for name, kind in KINDS.items()}


def opened(folder: Path, wanted: str | Kind) -> VectorIndex:
    write_manifest(folder, ENCODER, "now", None, wanted)
    return VectorIndex(folder, ENCODER, "now", device="cpu")


def recall_of(found, queries: np.ndarray, vectors: np.ndarray, allowed: np.ndarray, k: int) -> float:
    truth = brute_force(queries, vectors, allowed, k)
    return recall([[row for row, _ in hits] for hits in found], [[row for row, _ in hits] for hits in truth])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [1.0, 0.9, 0.5, 0.1])
def test_recall_and_scores_of_every_kind(vectors, queries, tmp_path: Path, name: str, share: float):
    index = opened(tmp_path, KINDS[name])
    index.publish(vectors)
    assert index.record.how == KINDS[name]
    allowed = np.random.default_rng(3).random(ROWS) < share
    found = index.search(queries, 10, vectors, allowed)
    assert recall_of(found, queries, vectors, allowed, 10) >= (1.0 if name == "exact" else 0.95)
    for query, hits in zip(queries, found, strict=True):
        assert len(hits) == 10
        assert all(allowed[row] for row, _ in hits)
        assert [score for _, score in hits] == pytest.approx([float(query @ vectors[row]) for row, _ in hits], abs=1e-6)
        assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)


@pytest.mark.parametrize("name", KINDS)
def test_which_kinds_honour_a_selector(built, vectors, queries, name: str):
    """The claim of `Kind.selects`, on the FAISS that is installed."""
    faiss = library()
    allowed = np.random.default_rng(4).random(ROWS) < 0.3
    selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    parameters = index_kinds._parameters(KINDS[name], 50, 0.3, selector)
    if not KINDS[name].selects:
        with pytest.raises(RuntimeError, match="search params not supported"):
            built[name].search(queries, 50, params=parameters)
        return
    found = built[name].search(queries, 50, params=parameters)[1]
    assert allowed[found[found >= 0]].all()
    assert np.count_nonzero(found >= 0) > 0.99 * found.size


def test_a_kind_without_selectors_is_searched_wider(built, vectors, queries):
    allowed = np.arange(ROWS) % 4 == 0
    found = find(built["fast"], KINDS["fast"], queries, 10, allowed)
    assert found.shape[1] == 12 * 40  # twelve candidates for each of ten hits, times four
    assert not allowed[found].all()
    assert np.count_nonzero(allowed[found], axis=1).min() >= 10


class Ignoring:
    """A file that knows no selectors, as FAISS on a GPU may not."""

    def __init__(self, real):
        self.real, self.ntotal = real, real.ntotal

    def search(self, queries, k, params=None):
        return self.real.search(queries, k)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.8, 0.3, 0.002])
def test_a_file_that_ignores_selectors_leaks_nothing_and_loses_nothing(
    vectors, queries, tmp_path: Path, name: str, share: float
):
    index = opened(tmp_path, KINDS[name])
    index.publish(vectors)
    index._faiss = Ignoring(index._faiss)
    allowed = np.random.default_rng(5).random(ROWS) < share
    free = np.count_nonzero(allowed)
    found = index.search(queries, 10, vectors, allowed)
    assert all(len(hits) == min(10, free) and all(allowed[row] for row, _ in hits) for hits in found)


def test_a_filter_far_from_the_question_finds_its_rows(vectors, queries, tmp_path: Path):
    """The lists nearest to the question hold none of them, so all lists are looked into."""
    index = opened(tmp_path, Kind("IVF64,PQ16x4fs", probe=1, refine=4))
    index.publish(vectors)
    allowed = np.zeros(ROWS, dtype=bool)
    allowed[np.argsort(vectors @ queries[0])[:1500]] = True
    found = index.search(queries[:1], 10, vectors, allowed)[0]
    best = [score for _, score in brute_force(queries[:1], vectors, allowed, 10)[0]]
    assert [score for _, score in found] == pytest.approx(best, abs=0.05)  # among many that are as far


@pytest.mark.parametrize("name", KINDS)
def test_only_live_rows_are_held_under_their_own_numbers(vectors, queries, tmp_path: Path, name: str):
    index = opened(tmp_path, KINDS[name])
    index.publish(vectors)
    before = index.record.bytes
    live = np.ones(ROWS, dtype=bool)
    live[::4] = False
    holes = vectors.copy()
    holes[::4] = 0.0
    index.publish(holes, live)
    assert (index.rows, index.record.entries) == (ROWS, 5250)
    if name != "fast":  # whose codes are as small as the row numbers it now needs
        assert index.record.bytes < 0.9 * before
    assert held_rows(index._faiss, ROWS).tolist() == np.flatnonzero(live).tolist()
    found = index.search(queries, 10, holes, live)
    assert recall_of(found, queries, holes, live, 10) >= (1.0 if name == "exact" else 0.95)
    again = VectorIndex(tmp_path, ENCODER, "now", device="cpu")
    assert again.search(queries, 10, holes, live) == found
    again.publish(holes, np.zeros(ROWS, dtype=bool))
    assert again.record is None
    assert again.search(queries[:1], 10, holes, np.zeros(ROWS, dtype=bool)) == [[]]


@pytest.mark.parametrize("name", ["ivf", "hnsw"])
def test_a_dear_kind_grows_and_is_built_anew_when_too_much_is_deleted(vectors, queries, tmp_path, monkeypatch, name):
    trained = []
    monkeypatch.setattr(index_module, "build", lambda *given: trained.append(len(given[2])) or build(*given))
    index = opened(tmp_path, KINDS[name])
    index.publish(vectors[:5200])
    live = np.ones(ROWS, dtype=bool)
    live[:100] = False  # few enough to stay in the file, unseen
    index.publish(vectors, live)
    assert trained == [5200]
    assert (index.rows, index.record.entries) == (ROWS, ROWS)
    found = index.search(queries, 10, vectors, live)
    assert recall_of(found, queries, vectors, live, 10) >= 0.95
    live[:1000] = False
    index.publish(vectors, live)
    assert trained == [5200, 6000]
    assert (index.rows, index.record.entries) == (ROWS, 6000)
    index.publish(vectors, live, anew=True)
    assert trained == [5200, 6000, 6000]


def test_training_is_seeded(vectors):
    kind = KINDS["ivf"]
    first, second = (library().serialize_index(build(kind, vectors, np.arange(ROWS))) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_says_the_same_when_opened(built, queries, tmp_path: Path, name: str):
    path = str(tmp_path / "x.faiss")
    library().write_index(built[name], path)
    again = find(read(path), KINDS[name], queries, 10, None)
    assert np.array_equal(again, find(built[name], KINDS[name], queries, 10, None))
    assert (tmp_path / "x.faiss").stat().st_size == pytest.approx(held_bytes(KINDS[name], ROWS, DIMENSION), rel=0.15)


def test_a_full_disk_leaves_the_old_file(vectors, queries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    index = opened(tmp_path, KINDS["ivf"])
    index.publish(vectors[:5500])
    monkeypatch.setenv("FIRMGROUND_FAILPOINT", "index.write=enospc")
    with pytest.raises((OSError, RuntimeError), match="No space left"):
        index.publish(vectors)
    monkeypatch.delenv("FIRMGROUND_FAILPOINT")
    assert [path.name for path in tmp_path.glob("*.faiss")] == ["index-000001.faiss"]
    again = VectorIndex(tmp_path, ENCODER, "now", device="cpu")
    assert (again.rows, again.problem) == (5500, "")


def test_what_is_wanted_is_kept_in_the_manifest(vectors, tmp_path: Path):
    for wanted in ("auto", "hnsw", KINDS["rabitq"]):
        index = opened(tmp_path, wanted)
        assert index.wanted == read_wanted(tmp_path) == wanted
        index.publish(vectors[:10])
        assert read_wanted(tmp_path) == wanted
        assert read_manifest(tmp_path).kind == "fp16"  # too few rows for any other
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    (tmp_path / MANIFEST_FILE).write_text(json.dumps({**content, "wanted": {"colour": 1}}))
    assert "manifest.json is damaged" in VectorIndex(tmp_path, ENCODER, "now").problem


def test_a_manifest_from_before_there_were_kinds_opens(vectors, queries, tmp_path: Path):
    opened(tmp_path, "auto").publish(vectors)
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    old = {name: content["index"][name] for name in ("file", "kind", "rows", "bytes", "sha256")}
    del content["wanted"]
    (tmp_path / MANIFEST_FILE).write_text(json.dumps({**content, "index": old}))
    index = VectorIndex(tmp_path, ENCODER, "now", device="cpu")
    assert (index.problem, index.rows, index.record.how, index.wanted) == ("", ROWS, Kind(), "auto")


def test_a_kind_that_this_version_doesnt_know_is_told(vectors, tmp_path: Path):
    opened(tmp_path, "auto").publish(vectors)
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    content["index"]["kind"] = "LSH"
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(content))
    assert "is of kind 'LSH'" in VectorIndex(tmp_path, ENCODER, "now").problem


def test_damage_is_told_once_a_process(vectors, tmp_path: Path, caplog):
    opened(tmp_path, "auto").publish(vectors)
    (tmp_path / "index-000001.faiss").write_bytes(b"")
    for _ in range(3):
        assert VectorIndex(tmp_path, ENCODER, "now").problem
    assert caplog.text.count("nothing is lost") == 1


GB = 1 << 30


@pytest.mark.parametrize(
    ("wanted", "rows", "memory", "expected"),
    [
        ("auto", 0, 8 * GB, Kind()),
        ("auto", 100_000, 8 * GB, Kind()),
        ("auto", 100_001, 8 * GB, Kind("IVF256,PQ192x4fs", 32, 10.0)),
        ("auto", 100_000, 256 << 20, Kind("IVF256,PQ192x4fs", 32, 10.0)),  # 77 MB are more than a quarter of 256
        ("auto", 1_000_000, 8 * GB, Kind("IVF1024,PQ192x4fs", 128, 10.0)),
        ("exact", 10_000_000, 8 * GB, Kind()),
        ("hnsw", 4_999, 8 * GB, Kind()),
        ("hnsw", 5_000, 8 * GB, Kind("HNSW32,SQfp16", 128, 2.0)),
        ("ivf", 5_000, 8 * GB, Kind("IVF64,PQ192x4fs", 8, 10.0)),
        (Kind("IVF1000,SQ8", 9), 38_999, 8 * GB, Kind()),  # too few to train it
        (Kind("IVF1000,SQ8", 9), 39_000, 8 * GB, Kind("IVF1000,SQ8", 9)),
        (Kind("SQ8"), 1, 8 * GB, Kind("SQ8")),
    ],
)
def test_the_kind_fits_the_rows_and_the_memory(wanted, rows: int, memory: int, expected: Kind):
    assert choose(wanted, rows, 384, memory) == expected


def test_kinds_that_there_arent():
    with pytest.raises(InputError, match="one of auto, exact, ivf, hnsw; got 'annoy'"):
        choose("annoy", 1, 384)
    with pytest.raises(InputError, match="got 'LSH'"):
        Kind("LSH").family  # noqa: B018
    with pytest.raises(FirmgroundError, match="needs at least 2496 passages to be trained on, there are 2000"):
        build(KINDS["ivf"], np.zeros((2000, DIMENSION), dtype=np.float32), np.arange(2000))
    with pytest.raises(InputError, match="auto, cpu or cuda, got 'tpu'"):
        VectorIndex(Path("."), ENCODER, "now", device="tpu")


@pytest.mark.parametrize(
    ("rows", "lists"), [(1, 1), (100, 2), (1024, 16), (200_000, 256), (10**6, 1024), (10**7, 4096)]
)
def test_lists_are_powers_of_four(rows: int, lists: int):
    assert lists_for(rows) == lists


def test_recall_by_hand():
    assert recall([[1, 2], [3]], [[2, 5], [3, 4]]) == 0.5
    assert recall([[1, 2]], [[2, 1]]) == 1.0
    assert recall([[]], [[1]]) == 0.0
    assert recall([[7]], [[]]) == 1.0


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            "RuntimeError('nvidia-cublas-cu12 is missing: pip install it')",
            "can't be loaded: nvidia-cublas-cu12 is missing",
        ),
        ("ImportError('no such module')", "take one of `pip install 'firmground\\[cpu\\]'"),
    ],
)
def test_faiss_that_cant_be_loaded_says_what_to_install(tmp_path, monkeypatch, raised: str, told: str):
    (tmp_path / "faiss.py").write_text(f"raise {raised}")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "faiss")
    with pytest.raises(MissingExtra, match=told):
        library()
