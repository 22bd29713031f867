"""The replica on GPUs: what is asked of FAISS, played by a fake whose GPU indexes ignore selectors, and (marked gpu)
the real thing. The fake's names and signatures are those of the wheel faiss-gpu 1.15.1."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from firmground.knowledge import gpu
from firmground.knowledge import index as index_module
from firmground.knowledge.errors import FirmgroundError
from firmground.knowledge.gpu import SEARCH_BYTES, TEMPORARY_BYTES, Replica, flat_bytes, listed_bytes, replicate
from firmground.knowledge.index import VectorIndex, write_manifest
from firmground.knowledge.index_kinds import library
from firmground.knowledge.records import EncoderRecord
from tests.knowledge.base_helpers import brute_force

DIMENSION, ROWS = 24, 3000
ENCODER = EncoderRecord("hash", "hash-24", DIMENSION, ("*",))
AMPLE = 1 << 40


class FlatOnGpu:
    """What GpuIndexFlat does: rows by place, in 16 bits, selectors ignored, one search at a time."""

    made: list[FlatOnGpu]
    most = 0  # bytes taken at a time, by all that was made

    def __init__(self, resources, dimension, metric, config):
        assert config.useFloat16
        assert metric == library().METRIC_INNER_PRODUCT
        assert resources.temporary == TEMPORARY_BYTES
        self.device, self.pages, self.busy = config.device, [], threading.Lock()
        self.held = np.zeros((0, dimension), dtype=np.float16)
        FlatOnGpu.made.append(self)

    @property
    def ntotal(self) -> int:
        return len(self.held)

    def add(self, rows):
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        self.pages.append(len(rows))
        before = sum(index.held.nbytes for index in FlatOnGpu.made)
        self.held = np.concatenate([self.held, rows.astype(np.float16)])  # the real one copies what it holds, too
        FlatOnGpu.most = max(FlatOnGpu.most, before + self.held.nbytes)

    def search(self, queries, k, params=None):
        assert self.busy.acquire(blocking=False), "two searches at once"
        try:
            scores = queries @ self.held.astype(np.float32).T
            order = np.argsort(-scores, axis=1)[:, :k]
            return np.take_along_axis(scores, order, axis=1), order
        finally:
            self.busy.release()


class Resources:
    temporary = -1

    def setTempMemory(self, size):
        self.temporary = size


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    real = library()
    faked = SimpleNamespace(
        METRIC_INNER_PRODUCT=real.METRIC_INNER_PRODUCT,
        INDICES_64_BIT=3,
        StandardGpuResources=Resources,
        GpuIndexFlatConfig=SimpleNamespace,
        GpuIndexFlat=FlatOnGpu,
        GpuMultipleClonerOptions=SimpleNamespace,
        get_num_gpus=lambda: 2,
        cloned=[],
    )

    def clone(resources, index, options):
        faked.cloned.append((len(resources), options, index))
        return index

    faked.index_cpu_to_gpu_multiple_py = clone
    FlatOnGpu.made, FlatOnGpu.most = [], 0
    monkeypatch.setattr(gpu, "library", lambda: faked)
    return faked


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rows = np.random.default_rng(1).normal(size=(ROWS, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_flat_over_two_gpus_by_their_memory_and_page_by_page(fake, vectors, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "BLOCK_ROWS", 500)
    rows = np.arange(0, ROWS, 2)
    unit, beside = 10 * TEMPORARY_BYTES, TEMPORARY_BYTES + SEARCH_BYTES
    replica = Replica(vectors, rows, [int((unit + beside) / 0.9), int((2 * unit + beside) / 0.9)])
    assert [(index.device, index.ntotal, index.pages) for index in FlatOnGpu.made] == [
        (0, 500, [500]),
        (1, 1000, [500, 500]),
    ]
    found = replica.search(vectors[:5], 20)
    assert found.shape == (5, 20)
    expected = brute_force(vectors[:5], vectors, np.arange(ROWS) % 2 == 0, 10)
    for places, hits in zip(found, expected, strict=True):
        assert {row for row, _ in hits} <= set(places.tolist())
        assert (places % 2 == 0).all()
    assert replica.search(vectors[:0], 3).shape == (0, 3)


def test_parts_bound_what_filling_takes_and_the_best_of_all_are_found(fake, vectors, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "BLOCK_ROWS", 100)
    monkeypatch.setattr(gpu, "PART_BYTES", flat_bytes(700, DIMENSION))
    replica = Replica(vectors, np.arange(ROWS), [AMPLE])
    assert [index.ntotal for index in FlatOnGpu.made] == [700, 700, 700, 700, 200]
    assert FlatOnGpu.most <= flat_bytes(ROWS + 700, DIMENSION)
    found = replica.search(vectors[:40], 20)
    assert found.shape == (40, 20)
    for places, hits in zip(found, brute_force(vectors[:40], vectors, np.ones(ROWS, dtype=bool), 10), strict=True):
        assert {row for row, _ in hits} <= set(places.tolist())
    assert len(set(replica.search(vectors[:1], ROWS)[0].tolist())) == gpu.MOST_FOUND


def test_no_rows(fake, vectors):
    assert Replica(vectors, np.arange(0), [AMPLE]).search(vectors[:2], 3).tolist() == [[-1] * 3] * 2


def test_what_doesnt_fit_flat_is_cloned_in_shards(fake, vectors, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "TEMPORARY_BYTES", 0)
    monkeypatch.setattr(gpu, "SEARCH_BYTES", 0)
    room = (flat_bytes(ROWS, DIMENSION) + listed_bytes(ROWS, DIMENSION)) / 2
    replica = Replica(vectors, np.arange(ROWS), [int(room / 2 / 0.9) + 1] * 2)
    ((count, options, index),) = fake.cloned
    assert (count, options.shard, options.indicesOptions) == (2, True, 3)
    assert index.ntotal == ROWS
    assert FlatOnGpu.made == []
    best = replica.search(vectors[:50], 3)
    assert np.mean([row in found for row, found in enumerate(best.tolist())]) == 1.0


def test_too_little_memory_is_refused_before_anything_is_uploaded(fake, vectors):
    with pytest.raises(FirmgroundError, match=r"3000 vectors need 0.0 GB on GPUs, 0.0 GB are free there: take more"):
        Replica(vectors, np.arange(ROWS), [TEMPORARY_BYTES, 1000])
    assert (FlatOnGpu.made, fake.cloned) == ([], [])


def test_bytes_by_hand():
    assert flat_bytes(21_000_000, 768) == 32_256_000_000  # Wikipedia's passages: 32 GB in 16 bits
    assert listed_bytes(1_000_000, 384) == 392 * 1_000_000 + 4 * 384 * 1024


def test_searches_take_turns_and_go_in_batches(fake, vectors, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "QUERIES", 16)
    replica = Replica(vectors, np.arange(ROWS), [AMPLE])
    failed: list[BaseException] = []

    def ask():
        try:
            assert (replica.search(vectors[:100], 1)[:, 0] == np.arange(100)).all()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_none_where_there_is_no_gpu_unless_required(vectors, monkeypatch: pytest.MonkeyPatch, caplog, fake):
    monkeypatch.setattr(gpu, "free_bytes", lambda: [])
    assert replicate(vectors, np.arange(ROWS), required=False) is None
    with pytest.raises(FirmgroundError, match="no GPU that FAISS can use"):
        replicate(vectors, np.arange(ROWS), required=True)
    monkeypatch.setattr(gpu, "free_bytes", lambda: [10])
    assert replicate(vectors, np.arange(ROWS), required=False) is None
    assert "searching on the CPU: 3000 vectors need" in caplog.text
    with pytest.raises(FirmgroundError, match="3000 vectors need"):
        replicate(vectors, np.arange(ROWS), required=True)


def test_faiss_for_cpus_sees_no_gpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "library", lambda: SimpleNamespace())
    assert gpu.free_bytes() == []


@pytest.fixture
def index(fake, vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VectorIndex:
    monkeypatch.setattr(gpu, "free_bytes", lambda: [AMPLE, AMPLE])
    write_manifest(tmp_path, ENCODER, "now", None)
    index = VectorIndex(tmp_path, ENCODER, "now", device="cuda")
    live = np.ones(2500, dtype=bool)
    live[::5] = False
    index.publish(vectors[:2500], live)
    return index


def test_an_index_asks_its_replica_of_live_rows(index, vectors, monkeypatch: pytest.MonkeyPatch):
    """With a tail beside it, and rows deleted since, which the replica still gives and nobody sees."""
    monkeypatch.setattr(index_module, "find", None)  # the CPU's file isn't asked
    allowed = np.ones(ROWS, dtype=bool)
    allowed[:2500:5] = False
    allowed[[1, 2, 3]] = False
    found = index.search(vectors[:30], 10, vectors, allowed)
    assert sum(part.ntotal for part in FlatOnGpu.made) == 2000
    expected = brute_force(vectors[:30], vectors, allowed, 10)
    assert [[row for row, _ in hits] for hits in found] == [[row for row, _ in hits] for hits in expected]


def test_filtered_searches_go_to_the_cpu(index, vectors, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index_module, "GATHER_ROWS", 0)
    allowed = np.arange(ROWS) % 5 == 1
    found = index.search(vectors[:30], 10, vectors, allowed)
    monkeypatch.setattr(FlatOnGpu, "search", None)
    assert index.search(vectors[:30], 10, vectors, allowed) == found
    expected = brute_force(vectors[:30], vectors, allowed, 10)
    assert [[row for row, _ in hits] for hits in found] == [[row for row, _ in hits] for hits in expected]


def test_a_new_generation_throws_the_replica_away(index, vectors):
    allowed = np.ones(ROWS, dtype=bool)
    allowed[:2500:5] = False
    index.search(vectors[:1], 10, vectors, allowed)
    index.search(vectors[:1], 10, vectors, allowed)
    assert len(FlatOnGpu.made) == 2  # one a GPU, once
    index.publish(vectors, allowed)
    index.search(vectors[:1], 10, vectors, allowed)
    assert sum(part.ntotal for part in FlatOnGpu.made[2:]) == 2500


def test_on_the_cpu_there_is_none(fake, vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "free_bytes", lambda: [AMPLE])
    write_manifest(tmp_path, ENCODER, "now", None)
    for device in ("cpu", "auto"):  # a small base isn't worth one
        index = VectorIndex(tmp_path, ENCODER, "now", device=device)
        index.publish(vectors)
        assert index.search(vectors[:1], 1, vectors, np.ones(ROWS, dtype=bool))[0][0][0] == 0
    assert FlatOnGpu.made == []


@pytest.mark.gpu
@pytest.mark.parametrize("flat", [True, False])
def test_a_real_gpu_finds_what_brute_force_finds(vectors, flat: bool, monkeypatch: pytest.MonkeyPatch):
    free = gpu.free_bytes()
    if not free:
        pytest.skip("needs faiss-gpu and a GPU")
    monkeypatch.setattr(gpu, "PART_BYTES", flat_bytes(700, DIMENSION))
    if not flat:
        monkeypatch.setattr(gpu, "flat_bytes", lambda rows, dimension: 1 << 60)
    replica = Replica(vectors, np.arange(1, ROWS), free)
    found = replica.search(vectors[:100], 30)
    allowed = np.arange(ROWS) > 0
    expected = brute_force(vectors[:100], vectors, allowed, 10)
    held = [len({row for row, _ in hits} & set(rows)) / 10 for hits, rows in zip(expected, found.tolist(), strict=True)]
    assert np.mean(held) > (0.99 if flat else 0.3)
    assert (found != 0).all()
