"""What a knowledge base costs from 10,000 to 1,000,000 passages: adding, opening, memory, searching, recall.

    python -m firmground.eval.bench.scale --passages 10000,100000,1000000 --data DATA [--work FOLDER]

The vectors are recombined from real ones: all passages and questions of DATA's `qa/*` and `qasc` sets, encoded once by
the default encoder and kept in --real. A made vector is a convex mixture of a real passage and three of its 32 nearest
(weights from Dirichlet(0.5, …)), plus up to 0.85 of the difference of another real passage and one of its 32 nearest,
brought to length 1. How near the nearest are, and the intrinsic dimension (Levina and Bickel, 2004, of 20 neighbours),
are printed beside the real ones'. The texts are recombined too: five sentences each, drawn (seeded) from the real ones
of qa/xquad-en, qa/clapnq, qa/worldtree and qasc, about 60 words. So a sentence comes back more often, and there are
fewer rare words, than in real life, which makes lists longer and search by words slower. The questions are real, both
as text and as vector. Adding is timed beside FAISS (flat) and SQLite with FTS5 alone, batch by batch in turn; opening
and searching in a process of its own, whose memory is read from /proc. Encoding isn't in these figures. A hybrid
search's recall is held against the same search with the vectors' candidates found by brute force. With --work the bases
are kept in a folder, by size, and what is found there is only searched again.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from joblib import Parallel, delayed

from firmground.eval.bench.index import BATCH, QUESTIONS, Handed, K
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.index import search_rows
from firmground.knowledge.index_kinds import library, recall
from firmground.knowledge.search import MIN_DEPTH, Mode
from firmground.knowledge.text import sentences
from firmground.knowledge.types import Document

NEIGHBOURS, MIXED, SHARPNESS, NOISE = 32, 3, 0.5, 0.85
BLOCK = 20_000
SENTENCES = 5
MODES: tuple[Mode, ...] = ("dense", "lexical", "hybrid")


def real_texts(data: Path, name: str) -> list[str]:
    """All texts of the English sets' files `name`: "corpus" or "questions"."""
    paths = [path for folder in ("qa/*-en", "qa/[!x]*", "qasc") for path in data.glob(f"{folder}/{name}.jsonl")]
    lines = [line for path in sorted(paths) for line in path.read_text(encoding="utf-8").splitlines()]
    return [text for row in map(json.loads, lines) if (text := row.get("text") or row.get("question"))]


def real_vectors(file: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Distinct real passages (n, dimension) and questions (q, dimension), read from `file` or encoded into it."""
    if not file.is_file():
        from firmground.knowledge.encode import SentenceEncoder

        encoder = SentenceEncoder()
        passages = encoder.encode(list(dict.fromkeys(real_texts(data, "corpus"))))
        np.savez(file, passages=passages, questions=encoder.encode(real_texts(data, "questions"), query=True))
    held = np.load(file)
    _, first = np.unique(held["passages"].round(5), axis=0, return_index=True)
    return held["passages"][np.sort(first)], held["questions"]


def neighbours(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and rows (q, k) of the nearest, by brute force, best first."""
    flat = library().IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    return flat.search(queries, k)


def recombined(real: np.ndarray, near: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(count, dimension) made vectors, see above; `near` (n, NEIGHBOURS + 1): each real one's nearest, itself first."""
    random, n = np.random.default_rng(seed), len(real)
    chosen = random.integers(0, n, count)
    mixed = near[chosen[:, None], random.integers(1, NEIGHBOURS + 1, (count, MIXED))]
    weights = random.dirichlet([SHARPNESS] * (MIXED + 1), count).astype(np.float32)  # (count, MIXED + 1)
    rows = weights[:, :1] * real[chosen] + np.einsum("cm,cmd->cd", weights[:, 1:], real[mixed])
    other = random.integers(0, n, count)
    apart = real[other] - real[near[other, random.integers(1, NEIGHBOURS + 1, count)]]
    rows += NOISE * random.random((count, 1), dtype=np.float32) * apart
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def shape_of(vectors: np.ndarray, probes: int = 300) -> str:
    """How near the nearest are, and the intrinsic dimension, of `probes` rows among all."""
    chosen = np.random.default_rng(0).choice(len(vectors), min(probes, len(vectors)), replace=False)
    cosines, _ = neighbours(vectors, vectors[chosen], 21)
    apart = np.sqrt(np.maximum(2 - 2 * cosines[:, 1:], 1e-9))
    dimension = np.median(1 / np.mean(np.log(apart[:, -1:] / apart[:, :-1]), axis=1))
    low, middle, high = np.quantile(cosines[:, 1], [0.1, 0.5, 0.9])
    return f"cosine of the nearest {low:.2f} / {middle:.2f} / {high:.2f} (10, 50, 90%), dimension {dimension:.1f}"


def make(folder: Path, real: np.ndarray, count: int) -> np.ndarray:
    """The made vectors on the disk, mapped: they aren't this process's memory."""
    _, near = neighbours(real, real, NEIGHBOURS + 1)
    made = np.lib.format.open_memmap(folder / "made.npy", "w+", np.float32, (count, real.shape[1]))
    blocks = range(-(-count // BLOCK))
    Parallel(n_jobs=min(len(blocks), os.cpu_count() or 1))(delayed(_fill)(made, real, near, n) for n in blocks)
    made.flush()
    return made


def _fill(made: np.ndarray, real: np.ndarray, near: np.ndarray, number: int) -> None:
    """One block; joblib hands each process the arrays as maps of files."""
    block = made[number * BLOCK : (number + 1) * BLOCK]
    block[:] = recombined(real, near, len(block), seed=number)


class Raw:
    """FAISS (flat) and SQLite with FTS5 alone: what adding would cost without us."""

    def __init__(self, folder: Path, dimension: int):
        self.folder = folder
        self.index = library().IndexFlatIP(dimension)
        self.database = sqlite3.connect(folder / "raw.sqlite")
        self.database.execute("CREATE TABLE documents(id TEXT UNIQUE, text TEXT)")
        self.database.execute("CREATE VIRTUAL TABLE terms USING fts5(body, content='', tokenize='porter unicode61')")
        self.seconds = 0.0

    def add(self, first: int, texts: list[str], vectors: np.ndarray) -> None:
        start = time.perf_counter()
        batch = list(enumerate(texts, start=first))
        self.index.add(np.ascontiguousarray(vectors))
        self.database.executemany("INSERT INTO documents VALUES (?, ?)", [(f"d{i}", text) for i, text in batch])
        self.database.executemany("INSERT INTO terms(rowid, body) VALUES (?, ?)", batch)
        self.database.commit()
        self.seconds += time.perf_counter() - start

    def close(self) -> None:
        start = time.perf_counter()
        self.database.close()
        library().write_index(self.index, str(self.folder / "raw.faiss"))
        self.seconds += time.perf_counter() - start


def recombined_texts(pool: list[str], count: int, seed: int) -> list[str]:
    drawn = np.random.default_rng(seed).integers(0, len(pool), (count, SENTENCES))
    return [" ".join([pool[place] for place in row]) for row in drawn.tolist()]


def add(folder: Path, vectors: np.ndarray, pool: list[str]) -> dict[str, float]:
    """Seconds of adding everything to a base and to FAISS and SQLite alone, batch by batch in turn."""
    raw, aside = Raw(folder, vectors.shape[1]), 0.0

    def documents() -> Iterator[Document]:
        nonlocal aside
        for first in range(0, len(vectors), BATCH):
            start = time.perf_counter()
            size = min(BATCH, len(vectors) - first)
            texts = recombined_texts(pool, size, seed=first)
            raw.add(first, texts, vectors[first : first + size])
            aside += time.perf_counter() - start  # not ours
            for place, text in enumerate(texts, start=first):
                yield Document(f"d{place}", text)

    start = time.perf_counter()
    with KnowledgeBase.create(folder / "kb", Handed(vectors, {})) as base:
        base.add(documents())
    ours = time.perf_counter() - start - aside
    raw.close()
    return {"add": ours, "raw": raw.seconds}


def build(folder: Path, count: int, data: Path, real: np.ndarray, questions: np.ndarray) -> None:
    """A base of `count` passages in `folder / "kb"`, and beside it what it is asked and what is there to find."""
    made = make(folder, real, count)
    pool = [text[start:end] for text in real_texts(data, "corpus") for start, end in sentences(text)]
    chosen = np.sort(np.random.default_rng(3).permutation(len(questions))[:QUESTIONS])
    queries, asked = questions[chosen], real_texts(data, "questions")
    facts: dict[str, Any] = {"count": count, "shape": shape_of(np.asarray(made[: min(count, 200_000)]))}
    facts |= add(folder, made, pool) | {"questions": [asked[place] for place in chosen]}
    candidates = search_rows(queries, MIN_DEPTH, made, np.ones(count, dtype=bool))
    truth = []
    for query, rows in zip(queries, candidates, strict=True):
        scores = made[rows] @ query
        best = np.argsort(-scores)[:MIN_DEPTH]
        truth.append([(int(rows[place]), float(scores[place])) for place in best])
    np.save(folder / "queries.npy", queries)
    for name in ("made.npy", "raw.sqlite", "raw.faiss"):
        (folder / name).unlink()
    (folder / "facts.json").write_text(json.dumps(facts | {"truth": truth}), encoding="utf-8")  # last: all is there


class Exact:
    """In the place of an index: what brute force found."""

    def __init__(self, queries: np.ndarray, truth: list[list[tuple[int, float]]]):
        self._truth = {query.tobytes(): found for query, found in zip(queries, truth, strict=True)}

    def refresh(self) -> None:
        """There is nothing newer."""

    def search(self, queries: np.ndarray, k: int, *_: object) -> list[list[tuple[int, float]]]:
        return [[(row, score) for row, score in self._truth[query.tobytes()][:k]] for query in queries]


def measure(folder: Path) -> dict[str, Any]:
    """In a process of its own: seconds to open, milliseconds and memory of searches, recall."""
    queries, facts = np.load(folder / "queries.npy"), json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    asked = facts["questions"]
    encoder = Handed(queries[:0], dict(zip(asked, queries, strict=True)))
    library()
    before = _memory()
    start = time.perf_counter()
    base = KnowledgeBase.open(folder / "kb", encoder)
    base.search(asked[0], K, "dense")
    result: dict[str, Any] = {"open": time.perf_counter() - start, "index": base.stats()["index"]}
    found: dict[str, list[list[int]]] = {}
    for mode in MODES:
        _search(base, asked[: QUESTIONS // 4], mode)  # what is searched for the first time is read from the disk
        found[mode], seconds = _search(base, asked, mode)
        result[mode] = np.quantile(1000 * np.array(seconds), [0.5, 0.95]).tolist()
        result[f"{mode} memory"] = [one - other for one, other in zip(_memory(), before, strict=True)]
    result["peak"] = _status("VmHWM")  # not getrusage's, which a process inherits from the one that started it
    result["dense recall"] = recall(found["dense"], [[row for row, _ in rows[:K]] for rows in facts["truth"]])
    with mock.patch.object(base, "_index", Exact(queries, facts["truth"])):
        result["hybrid recall"] = recall(found["hybrid"], _search(base, asked, "hybrid")[0])
    base.close()
    return result


def _search(base: KnowledgeBase, asked: list[str], mode: Mode) -> tuple[list[list[int]], list[float]]:
    found, seconds = [], []
    for text in asked:
        start = time.perf_counter()
        hits = base.search(text, K, mode, fold=False)
        seconds.append(time.perf_counter() - start)
        found.append([hit.passage.id for hit in hits])
    return found, seconds


def _memory() -> list[int]:
    """Bytes of this process in memory: all, and those that stand on no file."""
    return [_status("VmRSS"), _status("RssAnon")]


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def report(folder: Path) -> list[str]:
    """The lines of one size, searched now."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "firmground.eval.bench.scale", "--measure", str(folder)]
    seen = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    sizes = {path.name: path.stat().st_size for path in (folder / "kb").iterdir()}
    index = sum(size for file, size in sizes.items() if file.endswith(".faiss"))
    count, total = facts["count"], sum(sizes.values())
    lines = [
        f"{count} passages ({facts['shape']}): index {seen['index']}, {index / 1e6:.0f} MB; base {total / 1e6:.0f} MB",
        f"  add: ours {count / facts['add']:.0f}/s, FAISS + SQLite with FTS5 {count / facts['raw']:.0f}/s "
        f"({facts['raw'] / facts['add']:.2f} of its rate)",
        f"  open and first dense search: {seen['open']:.3f} s",
    ]
    for mode in MODES:
        memory, share = seen[f"{mode} memory"], seen.get(f"{mode} recall")
        lines.append(
            f"  {mode}: p50 {seen[mode][0]:.2f} ms, p95 {seen[mode][1]:.2f} ms"
            + (f", recall@{K} {share:.4f}" if share is not None else "")
            + f"; memory +{memory[0] / 1e6:.0f} MB (of our own +{memory[1] / 1e6:.0f} MB)"
        )
    return [*lines, f"  peak of the whole process {seen['peak'] / 1e6:.0f} MB"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", default="10000,100000", help="sizes, with commas")
    parser.add_argument("--data", type=Path, help="folder of the real sets")
    parser.add_argument("--real", type=Path, default=Path("scale-real.npz"), help="their vectors, kept between runs")
    parser.add_argument("--work", type=Path, help="folder in which the bases are kept between runs")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        for size in arguments.passages.split(","):
            folder = (arguments.work or Path(temporary)) / size
            if not (folder / "facts.json").is_file():
                if arguments.data is None:
                    raise SystemExit(f"{folder} isn't there: give --data DATA to make it from real sentences")
                folder.mkdir(parents=True, exist_ok=True)
                build(folder, int(size), arguments.data, *real_vectors(arguments.real, arguments.data))
            print("\n".join(report(folder)), flush=True)


if __name__ == "__main__":
    main()
