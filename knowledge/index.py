"""The dense index: a FAISS file over rows [0, m), derived from `vectors.f32`, and the tail [m, N) searched beside it.

By default the file is a 16-bit copy of the vectors, scanned whole and opened by memory map. Measured at 20,000 x 384 on
2 cores against `IndexFlatIP`: half the bytes, half the time (2.4 against 5 ms a question), recall@10 0.9997. For many
rows it is of another kind (`index_kinds`). What it finds is scored again from the float32 rows. Its kind and parameters
are in the manifest. It can be lost at any time: nothing is in it that `vectors.f32` hasn't.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.durable import failpoint, publish, write_atomic
from firmground.knowledge.errors import InputError, KnowledgeBaseError
from firmground.knowledge.gpu import Replica, check_device, replicate
from firmground.knowledge.index_kinds import (
    BLOCK_ROWS,
    NAMES,
    Kind,
    build,
    choose,
    extend,
    find,
    held_rows,
    library,
    read,
)
from firmground.knowledge.records import EncoderRecord
from firmground.knowledge.vectors import Vectors

FORMAT = 1
MANIFEST_FILE = "manifest.json"
EXACT = "fp16"  # how the manifest has always called the factory "SQfp16"
TAIL_SHARE = 0.05  # of all rows may lie outside the index file before it is worth writing a new one
REPLICA_SHARE = 0.9  # of a file's rows must be allowed for a replica, which can't leave any out, to be asked
SMALL_ROWS = 50_000  # below this writing the file costs less than a second, so the tail is never left
HASHED_BYTES = 64 << 20  # index files up to this size are checked by SHA-256 whenever they are opened
DEAD_SHARE = 0.05  # of a growing file's rows may be deleted ones before it is built anew
GATHER_ROWS = 2_048  # a filter that leaves fewer rows than this is searched in the float32 rows, not in the file
GATHER_APPROXIMATE = 8_192  # the same for the kinds that aren't exact: a small filter would cost them recall

log = logging.getLogger(__name__)
_told: set[str] = set()  # what was warned of, once a process: a base is opened more than once in a search


@dataclass(frozen=True)
class IndexRecord:
    """An index file as the manifest names it: rows [0, `rows`) of the vectors, of that size and hash.

    `held` of the rows are in it (-1: all), the others were deleted when it was written.
    """

    file: str
    kind: str
    rows: int
    bytes: int
    sha256: str
    probe: int = 0
    refine: float = 1.0
    held: int = -1

    @property
    def how(self) -> Kind:
        return Kind("SQfp16" if self.kind == EXACT else self.kind, self.probe, self.refine)

    @property
    def entries(self) -> int:
        """How many rows are in the file."""
        return self.rows if self.held < 0 else self.held


class VectorIndex:
    """The index in one folder: opens what the manifest names, notices when another process publishes, searches.

    `device`: "cpu", "cuda" (a replica on every GPU there is, or an error), or "auto" (a replica where it can be).
    """

    def __init__(self, folder: Path, encoder: EncoderRecord, created: str, device: str = "auto"):
        check_device(device)
        self.folder = folder
        self.encoder = encoder
        self.created = created
        self.device = device
        self.wanted: str | Kind = "auto"  # what the manifest says new files should be
        self.record: IndexRecord | None = None  # what is open, None where every row is in the tail
        self.problem = ""  # why the file that the manifest names isn't used
        self._faiss: Any = None  # the open faiss.Index
        self._replica: Replica | None = None  # of it, made when first searched
        self._replicated = False  # whether that was tried
        self._seen: tuple[int, ...] | None = (-1,)
        self.refresh()

    @property
    def rows(self) -> int:
        return self.record.rows if self.record else 0

    def refresh(self) -> None:
        """Open the index file that the manifest names now. What can't be used is told once and done without."""
        for attempt in (1, 2, 3):  # a writer may replace the file between our two looks
            seen = _signature(self.folder / MANIFEST_FILE)
            if seen == self._seen:
                return
            record, problem, opened = None, "", None
            try:
                record, wanted = read_manifest(self.folder), read_wanted(self.folder)
                self.wanted = wanted
                opened = open_index(self.folder, record, self.encoder.dimension) if record else None
            except (OSError, ValueError, RuntimeError) as error:
                record, problem = None, str(error)
            if problem and attempt < 3 and seen != _signature(self.folder / MANIFEST_FILE):
                continue
            self._seen, self.record, self.problem, self._faiss = seen, record, problem, opened
            self._replica, self._replicated = None, False
            if problem:
                _warn_once(f"{self.folder}: {problem}; searching all vectors instead (slower, nothing is lost); "
                           f"to make it anew: firmground kb compact --kb {self.folder}")  # fmt: skip
            return

    def problems(self) -> list[str]:
        """What is wrong with the file, all of which is read; empty where all is well."""
        self.refresh()
        if self.record and not self.problem:
            try:
                open_index(self.folder, self.record, self.encoder.dimension, hashed=None)
            except (OSError, ValueError, RuntimeError) as error:
                return [str(error)]
        return [self.problem] if self.problem else []

    def close(self) -> None:
        """Let go of the file's map."""
        self._faiss, self.record, self._seen = None, None, (-1,)
        self._replica, self._replicated = None, False

    def due(self, rows: int) -> bool:
        """Whether a writer that has finished adding should publish a new file over all `rows`."""
        if rows == self.rows and not self.problem:
            return False
        tail = rows - self.rows
        return bool(self.problem) or self.rows == 0 or rows < SMALL_ROWS or tail > TAIL_SHARE * rows

    def due_meanwhile(self, rows: int) -> bool:
        """The same in the middle of adding: at each doubling, so that readers of a long session aren't slowed down."""
        return rows - self.rows > max(SMALL_ROWS, self.rows)

    def publish(self, vectors: np.ndarray, live: np.ndarray | None = None, *, anew: bool = False) -> None:
        """Write an index over all `vectors` (N, dimension), name it in the manifest, remove the ones before it.

        `live` (N,) bool: only these rows are in the file, under their own numbers; None: all. A kind that is dear to
        build grows by the rows that are new, unless `anew`, or too many of its rows are deleted ones. Readers see the
        old generation or the new one. Raises OSError, the old one still standing.
        """
        rows = np.arange(len(vectors)) if live is None else np.flatnonzero(live[: len(vectors)])
        record = None
        if len(rows):
            kind = choose(self.wanted, len(rows), vectors.shape[1])
            index = None if anew else self._grown(kind, vectors, rows)
            if index is None:
                index = build(kind, vectors, rows)
            generation = 1 + max((_generation(path) for path in self.folder.glob("index-*.faiss")), default=0)
            record = _write_index(self.folder / f"index-{generation:06d}.faiss", index, kind, len(vectors))
        write_manifest(self.folder, self.encoder, self.created, record, self.wanted)
        self.clean()
        self.refresh()

    def _grown(self, kind: Kind, vectors: np.ndarray, rows: np.ndarray) -> Any:
        """The file there is, in memory, with the new ones of `rows` added; None where it has to be built anew."""
        if self.record is None or self.record.how.factory != kind.factory or not kind.grows:
            return None
        old = np.searchsorted(rows, self.record.rows)  # so many of the rows are in the file already
        if self.record.entries - old > DEAD_SHARE * self.record.entries or self.record.rows > len(vectors):
            return None
        index = read(str(self.folder / self.record.file), mapped=False)
        extend(index, vectors, rows[old:])
        return index

    def clean(self) -> None:
        """Remove older generations and what a crashed writer left half written. The caller holds the writer's lock."""
        failpoint("index.clean")
        record = read_manifest(self.folder)
        for path in [*self.folder.glob("index-*.faiss"), *self.folder.glob(".*.tmp")]:
            if record is None or path.name != record.file:
                path.unlink(missing_ok=True)

    def search(
        self, queries: np.ndarray, k: int, vectors: Vectors, allowed: np.ndarray
    ) -> list[list[tuple[int, float]]]:
        """For each of `queries` (q, dimension) its `k` best (row, cosine in [-1, 1]), best first, fewer if there are.

        `vectors` (N, dimension) are the committed rows, `allowed` (N,) bool those that may be found: the others are
        left out inside the search, not after it. Equal scores come in the order of rows.
        """
        if self.record is None or np.count_nonzero(allowed) <= self._gathered(self.record):
            return _exact(queries, k, vectors, allowed)
        tail = search_rows(queries, k, vectors, allowed, min(self.rows, len(vectors)))
        inside = self._search_file(queries, k, vectors, allowed)
        found = _scored(queries, k, vectors, allowed, np.concatenate([tail, inside], axis=1))
        # What a filter (or a file that knows none) left short is looked for in the whole file, then row by row.
        enough = min(k, int(np.count_nonzero(allowed)))
        if short := [place for place, hits in enumerate(found) if len(hits) < enough]:
            inside = find(self._faiss, self.record.how.widest, queries[short], k, allowed[: self.rows])
            candidates = np.concatenate([tail[short], inside], axis=1)
            for place, hits in zip(short, _scored(queries[short], k, vectors, allowed, candidates), strict=True):
                found[place] = hits
        if short := [place for place in short if len(found[place]) < enough]:
            for place, hits in zip(short, _exact(queries[short], k, vectors, allowed), strict=True):
                found[place] = hits
        return found

    def _gathered(self, record: IndexRecord) -> int:
        return GATHER_ROWS if record.how.family == "exact" else GATHER_APPROXIMATE

    def _search_file(self, queries: np.ndarray, k: int, vectors: Vectors, allowed: np.ndarray) -> np.ndarray:
        """(q, candidates) int64 rows of the file or its replica, -1 where there are fewer; some may not be allowed."""
        assert self.record is not None
        inside = allowed[: self.rows]
        free = int(np.count_nonzero(inside))
        replica = self._current_replica(vectors)
        if replica is not None and free >= REPLICA_SHARE * self.record.entries:
            return replica.search(queries, replica.kind.candidates(int(np.ceil(k / REPLICA_SHARE))))
        everything = free == self.record.entries
        return find(self._faiss, self.record.how, queries, k, None if everything else inside)

    def _current_replica(self, vectors: Vectors) -> Replica | None:
        """The replica of the open file, filled when first asked for; None where there is none to be."""
        if not self._replicated and self.device != "cpu" and len(vectors) >= self.rows:
            assert self.record is not None
            self._replicated = True
            if self.device == "cuda" or self.rows >= SMALL_ROWS:
                rows = held_rows(self._faiss, self.rows)
                self._replica = replicate(vectors[:], rows, required=self.device == "cuda")
        return self._replica


def search_rows(queries: np.ndarray, k: int, vectors: Vectors, allowed: np.ndarray, start: int = 0) -> np.ndarray:
    """(q, blocks x k) int64 candidates by brute force over the allowed rows from `start` on, -1 where there are fewer.

    Block by block, so that a large base without its index file is still searched in little memory.
    """
    faiss = library()
    found = [np.full((len(queries), 0), -1, dtype=np.int64)]
    for first in range(start, len(vectors), BLOCK_ROWS):
        block = vectors[first : first + BLOCK_ROWS]
        rows = first + np.flatnonzero(allowed[first : first + BLOCK_ROWS])
        if not len(rows):
            continue
        block = block if len(rows) == len(block) else block[rows - first]
        _, places = faiss.knn(queries, block, min(k, len(rows)), metric=faiss.METRIC_INNER_PRODUCT)
        found.append(rows[places])
    return np.concatenate(found, axis=1)


def read_manifest(folder: Path) -> IndexRecord | None:
    """The index file that the manifest names, if any. Raises ValueError or OSError where the manifest is no use."""
    try:
        content: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise KnowledgeBaseError(
                f"{folder} has format {content['format']}, this firmground reads up to {FORMAT}: "
                "upgrade it with `pip install -U firmground`"
            )
        record = IndexRecord(**content["index"]) if content["index"] else None
    except (FileNotFoundError, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        why = {FileNotFoundError: "it is missing", KeyError: f"it lacks {error}"}.get(type(error), error)
        raise ValueError(f"{MANIFEST_FILE} is damaged ({why})") from error
    if record and Path(record.file).name != record.file:
        raise ValueError(f"{MANIFEST_FILE} is damaged (it names {record.file!r}, not a file of this folder)")
    return record


def read_wanted(folder: Path) -> str | Kind:
    """Which kind new files of the base should be; "auto" where the manifest doesn't say."""
    wanted = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8")).get("wanted", "auto")
    try:
        return Kind(**wanted) if isinstance(wanted, dict) else wanted if wanted in NAMES else "auto"
    except TypeError as error:
        raise ValueError(f"{MANIFEST_FILE} is damaged ({error})") from error


def write_manifest(
    folder: Path, encoder: EncoderRecord, created: str, record: IndexRecord | None, wanted: str | Kind = "auto"
) -> None:
    """Replace the manifest by one atomic rename. The store is the truth of all in it but the index."""
    from importlib.metadata import version

    content = {
        "format": FORMAT,
        "encoder": asdict(encoder),
        "index": asdict(record) if record else None,
        "wanted": asdict(wanted) if isinstance(wanted, Kind) else wanted,
        "created": created,
        "firmground": version("firmground"),
    }
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    write_atomic(folder / MANIFEST_FILE, text.encode(), "manifest")


def open_index(folder: Path, record: IndexRecord, dimension: int, hashed: int | None = HASHED_BYTES) -> Any:
    """The FAISS index by memory map, after its size and (files up to `hashed` bytes; None: always) its SHA-256 held.

    Raises ValueError or OSError where it is missing or isn't what the manifest says.
    """
    path = folder / record.file
    if not path.is_file():
        raise ValueError(f"{record.file} is missing")
    if (size := path.stat().st_size) != record.bytes:
        raise ValueError(f"{record.file} is damaged: {record.bytes} bytes expected, {size} found")
    if hashed is None or size <= hashed:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != record.sha256:
                raise ValueError(f"{record.file} is damaged: its SHA-256 isn't the manifest's")
    try:
        record.how.family  # noqa: B018  # raises where it is none we know
    except InputError as error:
        raise ValueError(f"{record.file} is of kind {record.kind!r}: {error}") from error
    index = read(str(path))
    if (index.ntotal, index.d) != (record.entries, dimension):
        raise ValueError(f"{record.file} holds {index.ntotal} x {index.d}, expected {record.entries} x {dimension}")
    return index


def _exact(queries: np.ndarray, k: int, vectors: Vectors, allowed: np.ndarray) -> list[list[tuple[int, float]]]:
    """By brute force over the allowed rows."""
    return _scored(queries, k, vectors, allowed, search_rows(queries, k, vectors, allowed))


def _scored(
    queries: np.ndarray, k: int, vectors: Vectors, allowed: np.ndarray, candidates: np.ndarray
) -> list[list[tuple[int, float]]]:
    return [_score(query, vectors, rows, allowed, k) for query, rows in zip(queries, candidates, strict=True)]


def _score(
    query: np.ndarray, vectors: Vectors, rows: np.ndarray, allowed: np.ndarray, k: int
) -> list[tuple[int, float]]:
    """The `k` best of the candidate `rows`, scored from float32; what isn't allowed goes no further than here."""
    rows = np.unique(rows[(rows >= 0) & (rows < len(allowed))])
    rows = rows[allowed[rows]]
    scores = cosines(query, vectors, rows)
    best = np.lexsort((rows, -scores))[:k]
    return [(int(rows[place]), float(scores[place])) for place in best]


def cosines(query: np.ndarray, vectors: Vectors, rows: np.ndarray) -> np.ndarray:
    """(n,) cosine in [-1, 1] of `query` (dimension,) with the `rows` (n,) named; equal rows get equal scores."""
    return np.clip(np.einsum("nd,d->n", vectors[rows], query), -1.0, 1.0)


def _write_index(target: Path, index: Any, kind: Kind, rows: int) -> IndexRecord:
    """Publish the index, over rows [0, `rows`), as `target`; hashed while it is written."""
    faiss = library()
    digest, size = hashlib.sha256(), 0
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:

            def write(data: bytes) -> None:
                nonlocal size
                failpoint("index.write")
                file.write(data)
                digest.update(data)
                size += len(data)

            faiss.write_index(index, faiss.PyCallbackIOWriter(write))
        publish(temporary, target, "index")
    finally:
        temporary.unlink(missing_ok=True)
    name = EXACT if kind.factory == "SQfp16" else kind.factory
    return IndexRecord(
        target.name, name, rows, size, digest.hexdigest(), kind.probe, kind.refine, held=int(index.ntotal)
    )


def _generation(path: Path) -> int:
    found = re.fullmatch(r"index-(\d+)\.faiss", path.name)
    return int(found[1]) if found else 0


def _signature(path: Path) -> tuple[int, ...] | None:
    """Changes whenever the file is replaced."""
    with suppress(FileNotFoundError):
        status = path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def _warn_once(message: str) -> None:
    if message not in _told:
        _told.add(message)
        log.warning("%s", message)
