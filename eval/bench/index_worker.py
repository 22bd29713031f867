"""One side of the index bench, in a process of its own: what it costs to add passages, and to search them.

    python eval/bench/index_worker.py SIDE STEP FOLDER

A script that needs only numpy and the side's own packages, so that it runs where firmground isn't installed. FOLDER
holds `texts.json`, `vectors.npy`, `queries.npy` and `asked.json`; SIDE's files go into FOLDER/SIDE. It prints one line
of JSON: seconds, bytes of memory beyond those before the step, and for "use" the rows found.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BATCH, K = 512, 10
SIDES = ("raw", "raw words", "langchain", "firmground")
TOKENS_A_WORD = 4 / 3  # in which long documents are measured for splitting


def memory() -> int:
    """Bytes of this process in memory, mapped files' pages among them."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def peak() -> int:
    """The most bytes this process had in memory since `forget_peak`. (`ru_maxrss` begins with the parent's.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak() -> int:
    """Let the peak begin at what is in memory now, which is returned."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory()


def _added(start: float, added: float, cpu: float, before: int) -> dict[str, float]:
    """Seconds of adding, of saving after it, and of CPU for both; bytes."""
    saved, spent = time.perf_counter() - start - added, time.process_time() - cpu
    return {"add": added, "save": saved, "cpu": spent, "peak": peak() - before}


# What a user of FAISS and SQLite alone writes: a flat index in memory, a table of texts, a commit every batch.


def add_raw(folder: Path, texts: list[str], vectors: np.ndarray, words: bool) -> dict[str, float]:
    import faiss

    before = forget_peak()
    start, cpu = time.perf_counter(), time.process_time()
    index = faiss.IndexFlatIP(vectors.shape[1])
    database = sqlite3.connect(folder / "raw.sqlite")
    database.execute("CREATE TABLE documents(id TEXT UNIQUE, text TEXT)")
    if words:
        database.execute("CREATE VIRTUAL TABLE terms USING fts5(body, content='', tokenize='porter unicode61')")
    for first in range(0, len(texts), BATCH):
        batch = list(enumerate(texts[first : first + BATCH], start=first))
        index.add(vectors[first : first + BATCH])
        database.executemany("INSERT INTO documents VALUES (?, ?)", [(f"d{row}", text) for row, text in batch])
        if words:
            database.executemany("INSERT INTO terms(rowid, body) VALUES (?, ?)", batch)
        database.commit()
    added = time.perf_counter() - start
    database.close()
    faiss.write_index(index, str(folder / "raw.faiss"))
    return _added(start, added, cpu, before)


def use_raw(folder: Path) -> tuple[Callable[[], Any], Callable[[Any, int, np.ndarray], list[str]]]:
    import faiss

    def opened() -> Any:
        return faiss.read_index(str(folder / "raw.faiss")), sqlite3.connect(folder / "raw.sqlite")

    def search(held: Any, place: int, query: np.ndarray) -> list[str]:
        index, database = held
        rows = index.search(query[None], K)[1][0].tolist()
        marks = ",".join("?" * len(rows))
        found = database.execute(
            f"SELECT rowid, id, text FROM documents WHERE rowid IN ({marks})", [row + 1 for row in rows]
        )
        by_row = {row - 1: name for row, name, _ in found}
        return [by_row[row] for row in rows]

    return opened, search


# LangChain's FAISS store, from langchain-community.


def langchain_store(vectors: np.ndarray) -> Any:
    import faiss
    from langchain_community.docstore.in_memory import InMemoryDocstore
    from langchain_community.vectorstores import FAISS

    return FAISS(_embeddings(vectors), faiss.IndexFlatIP(vectors.shape[1]), InMemoryDocstore(), {})


def _embeddings(vectors: np.ndarray) -> Any:
    """Hands out the vectors of the passages in the order they come, as lists: so its interface wants them."""
    from langchain_core.embeddings import Embeddings

    class Given(Embeddings):
        given = 0

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            self.given += len(texts)
            return vectors[self.given - len(texts) : self.given].tolist()

        def embed_query(self, text: str) -> list[float]:
            raise NotImplementedError("vectors are given")

    return Given()


def add_langchain(folder: Path, texts: list[str], vectors: np.ndarray) -> dict[str, float]:
    before = forget_peak()
    start, cpu = time.perf_counter(), time.process_time()
    store = langchain_store(vectors)
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        ids = [f"d{row}" for row in range(first, first + len(batch))]
        store.add_texts(batch, ids=ids)
    added = time.perf_counter() - start
    store.save_local(str(folder))
    return _added(start, added, cpu, before)


def use_langchain(folder: Path) -> tuple[Callable[[], Any], Callable[[Any, int, np.ndarray], list[str]]]:
    from langchain_community.vectorstores import FAISS

    embeddings = _embeddings(np.empty((0, 0), dtype=np.float32))

    def opened() -> Any:
        return FAISS.load_local(str(folder), embeddings, allow_dangerous_deserialization=True)

    def search(store: Any, place: int, query: np.ndarray) -> list[str]:
        return [document.id for document in store.similarity_search_by_vector(query, K)]

    return opened, search


# firmground.


def add_firmground(folder: Path, texts: list[str], vectors: np.ndarray) -> dict[str, float]:
    from firmground.eval.bench.index import Handed
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.types import Document

    before = forget_peak()
    start, cpu = time.perf_counter(), time.process_time()
    encoder = Handed(vectors, {})
    base = KnowledgeBase.create(folder / "kb", encoder)
    base.add(Document(f"d{row}", text) for row, text in enumerate(texts))
    added = time.perf_counter() - start
    base.close()
    if encoder.given != len(texts):  # split, or encoded once for several: vectors went to other passages
        raise SystemExit(f"expected {len(texts)} passages to be encoded, got {encoder.given}")
    return _added(start, added, cpu, before)


def add_long(folder: Path) -> dict[str, float]:
    """Documents of many passages; these are written down for the other sides, which are given them ready."""
    from firmground.eval.bench.index import Handed
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.indexed import indexed_text
    from firmground.knowledge.types import Document

    class Counting(Handed):
        max_tokens = 256

        def count_tokens(self, texts: Sequence[str]) -> list[int]:
            return [2 + round(TOKENS_A_WORD * (text.count(" ") + 1)) for text in texts]

    texts, vectors = json.loads((folder / "documents.json").read_text("utf-8")), np.load(folder / "pool.npy")
    start = time.perf_counter()
    base = KnowledgeBase.create(folder / "firmground", Counting(vectors, {}))
    report = base.add(Document(f"d{row}", text) for row, text in enumerate(texts))
    base.close()
    seconds = time.perf_counter() - start
    with KnowledgeBase.open(folder / "firmground") as base:
        ready = [indexed_text(passage) for document in base.documents() for passage in base.passages(document.id)]
    (folder / "texts.json").write_text(json.dumps(ready, ensure_ascii=False), "utf-8")
    np.save(folder / "vectors.npy", vectors[: report.passages])
    return {"add": seconds, "save": 0.0, "passages": report.passages}


def use_firmground(folder: Path, mode: str) -> tuple[Callable[[], Any], Callable[[Any, int, np.ndarray], list[str]]]:
    from firmground.eval.bench.index import Handed
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.index_kinds import library

    library()  # the others' packages are imported before the clock starts too
    queries, asked = (
        np.load(folder.parent / "queries.npy"),
        json.loads((folder.parent / "asked.json").read_text("utf-8")),
    )
    encoder = Handed(queries[:0], dict(zip(asked, queries, strict=True)))

    def opened() -> Any:
        return KnowledgeBase.open(folder / "kb", encoder)

    def search(base: Any, place: int, query: np.ndarray) -> list[str]:
        return [hit.passage.document for hit in base.search(asked[place], K, mode, fold=False)]

    return opened, search


def use(folder: Path, opened: Callable[[], Any], search: Callable[[Any, int, np.ndarray], list[str]]) -> dict[str, Any]:
    queries = np.load(folder.parent / "queries.npy")
    before = memory()
    start = time.perf_counter()
    held = opened()
    search(held, 0, queries[0])
    result: dict[str, Any] = {"open": time.perf_counter() - start}
    seconds, found = [], []
    for place, query in enumerate(queries):
        start = time.perf_counter()
        names = search(held, place, query)
        seconds.append(time.perf_counter() - start)
        found.append([int(name[1:]) for name in names])
    return {**result, "search": float(np.median(seconds)), "memory": memory() - before, "found": found}


def main() -> None:
    side, step, root = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    folder = root / side.replace(" ", "-")
    if step == "long":
        print(json.dumps(add_long(root)))
        return
    if step == "add":
        folder.mkdir()
        texts, vectors = json.loads((root / "texts.json").read_text("utf-8")), np.load(root / "vectors.npy")
        if side == "langchain":
            langchain_store(vectors)  # imported before the clock starts
            print(json.dumps(add_langchain(folder, texts, vectors)))
        elif side == "firmground":
            from firmground.knowledge.index_kinds import library

            library()
            print(json.dumps(add_firmground(folder, texts, vectors)))
        else:
            import faiss  # noqa: F401

            print(json.dumps(add_raw(folder, texts, vectors, words=side == "raw words")))
        return
    if side == "langchain":
        found = use(folder, *use_langchain(folder))
    elif side == "firmground":
        found = use(folder, *use_firmground(folder, "hybrid" if step == "hybrid" else "dense"))
    else:
        found = use(folder, *use_raw(folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
