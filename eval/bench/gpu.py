"""The index on GPUs beside the same index on the CPU and FAISS's own ways to a GPU: filling, memory, searching, recall.

    python -m firmground.eval.bench.gpu --rows 1000000,10000000 --data DATA --real real.npz

Vectors are recombined from DATA's real ones, the questions are real (see `scale`). All hold the same rows: "ours" is
`VectorIndex` with its replica (16 bits, rows scored again from float32), "ours, CPU" the same index without it, as it
is built by default (up to --cpu-rows); "FAISS" is `index_cpu_to_gpu` of a flat index, "FAISS, 16 bits" the same with
`useFloat16`. Filling is from mapped rows (in the
system's cache by then) to the first answer. Memory is the GPU's, read every few milliseconds:
what is taken at most while filling, and what stays taken. Recall is against brute force in float32.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.bench.index import QUESTIONS, K
from firmground.eval.bench.scale import make, real_vectors
from firmground.knowledge.gpu import free_bytes
from firmground.knowledge.index import VectorIndex, search_rows, write_manifest
from firmground.knowledge.index_kinds import library, recall
from firmground.knowledge.records import EncoderRecord

TOGETHER = 1_024  # questions of a batch
POLL_SECONDS = 0.002

Search = Callable[[np.ndarray], list[list[int]]]  # (q, dimension) -> rows, best first


@dataclass
class Result:
    """One way to hold the rows, and what it took."""

    name: str
    filled: float = 0.0  # seconds
    most: int = 0  # bytes of GPU memory, while filling and searching
    held: int = 0  # bytes of it, afterwards
    one: list[float] = field(default_factory=list)  # seconds of each question alone
    many: list[float] = field(default_factory=list)  # seconds of each batch
    recall: float = 0.0


@contextmanager
def watched(result: Result) -> Iterator[None]:
    """Notes the most GPU memory taken inside, over what was taken before."""
    before, done = sum(free_bytes()), threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            result.most = max(result.most, before - sum(free_bytes()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
        result.held = before - sum(free_bytes())
    finally:
        done.set()
        watcher.join()


def measure(
    name: str, prepare: Callable[[], Search], queries: np.ndarray, truth: list[list[int]], rounds: int
) -> Result:
    """Fill, then ask one by one and all at once. `truth` has the rows for the first of `queries`."""
    result = Result(name)
    with watched(result):
        start = time.perf_counter()
        search = prepare()
        found = search(queries[:1])
        result.filled = time.perf_counter() - start
        search(queries[: len(truth)])  # rows that are scored again come from the system's cache from here on
        for query in queries[1 : len(truth)]:
            start = time.perf_counter()
            found += search(query[None])
            result.one.append(time.perf_counter() - start)
        batch = np.resize(queries, (TOGETHER, queries.shape[1]))
        for _ in range(rounds):
            start = time.perf_counter()
            search(batch)
            result.many.append(time.perf_counter() - start)
    result.recall = recall(found, truth)
    return result


def ours(folder: Path, record: EncoderRecord, vectors: np.ndarray, device: str) -> Callable[[], Search]:
    """`VectorIndex` in a folder where one was published."""

    def prepare() -> Search:
        index, allowed = VectorIndex(folder, record, "", device), np.ones(len(vectors), dtype=bool)
        return lambda queries: [[row for row, _ in hits] for hits in index.search(queries, K, vectors, allowed)]

    return prepare


def raw(vectors: np.ndarray, half: bool) -> Callable[[], Search]:
    """What FAISS's documentation does."""

    def prepare() -> Search:
        faiss = library()
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(np.ascontiguousarray(vectors))
        options = faiss.GpuClonerOptions()
        options.useFloat16 = half
        resources = faiss.StandardGpuResources()
        index = faiss.index_cpu_to_gpu(resources, 0, flat, options)

        def search(queries: np.ndarray) -> list[list[int]]:
            held = (resources, index)  # as long as it is searched
            return held[1].search(np.ascontiguousarray(queries), K)[1].tolist()

        return search

    return prepare


def bench(folder: Path, made: np.ndarray, asked: np.ndarray, cpu_rows: int, rounds: int) -> Iterator[Result]:
    """All that hold the vectors `made` (n, dimension), asked `asked` (q, dimension)."""
    queries = np.ascontiguousarray(asked[np.random.default_rng(3).permutation(len(asked))[:TOGETHER]])
    few = queries[:QUESTIONS]
    candidates = search_rows(few, K, made, np.ones(len(made), dtype=bool))
    truth = [
        rows[np.argsort(-(made[rows] @ query), kind="stable")[:K]].tolist()
        for query, rows in zip(few, candidates, strict=True)
    ]
    record = EncoderRecord("made", "made", made.shape[1], ("*",))
    write_manifest(folder, record, "", None, "auto" if len(made) <= cpu_rows else "exact")
    VectorIndex(folder, record, "", "cpu").publish(made)
    yield measure("FAISS", raw(made, half=False), queries, truth, rounds)
    yield measure("FAISS, 16 bits", raw(made, half=True), queries, truth, rounds)
    yield measure("ours", ours(folder, record, made, "cuda"), queries, truth, rounds)
    if len(made) <= cpu_rows:
        yield measure("ours, CPU", ours(folder, record, made, "cpu"), queries, truth, rounds)


def line(result: Result) -> str:
    one, many = np.quantile(1000 * np.array(result.one), [0.5, 0.95]), statistics.median(result.many)
    return (
        f"  {result.name:<15} filled in {result.filled:6.2f} s; GPU memory {result.most / 1e9:5.2f} GB at most, "
        f"{result.held / 1e9:5.2f} held; one question p50 {one[0]:6.2f} ms, p95 {one[1]:6.2f}; "
        f"{TOGETHER} together {TOGETHER / many:8.0f}/s; recall@{K} {result.recall:.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="100000,1000000", help="sizes, with commas")
    parser.add_argument("--cpu-rows", type=int, default=1_000_000, help="beyond so many the CPU's index isn't built")
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the real sets, read where --real is none")
    parser.add_argument("--real", type=Path, default=Path("scale-real.npz"), help="their vectors, kept between runs")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if not free_bytes():
        raise SystemExit("no GPU that FAISS can use: install `firmground[gpu]` and look at nvidia-smi")
    import torch

    real, asked = real_vectors(arguments.real, arguments.data)
    print(f"{torch.cuda.get_device_name(0)}, {len(free_bytes())} of them; FAISS {library().__version__}")
    for size in map(int, arguments.rows.split(",")):
        with tempfile.TemporaryDirectory() as temporary:
            made: Any = make(Path(temporary), real, size)
            print(f"{size} rows of {real.shape[1]}", flush=True)
            for result in bench(Path(temporary), made, asked, arguments.cpu_rows, arguments.rounds):
                print(line(result), flush=True)


if __name__ == "__main__":
    main()
