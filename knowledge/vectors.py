"""`vectors.f32`: rows of float32 that are only ever appended; single rows are read, stretches of them memory-mapped.

Row i is the vector of passage i. How many rows count is written in the store, not here: bytes past them are what a
crash left, and the next writer cuts them off. Compaction writes another file, in which deleted rows are a hole.
"""

from __future__ import annotations

import mmap
import os
import zlib
from io import FileIO
from pathlib import Path

import numpy as np

from firmground.knowledge.durable import failpoint, fsync_folder
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.sqlite import REMEDY

VIEWS_A_TRIM = 64  # views after which the pages read so far leave this process (the system's cache keeps them)
CRC_BLOCK_BYTES = 16 << 20  # how much is in memory at once when checksums are checked
WRITE_ROWS = 16_384


class VectorFile:
    """Append-only rows of `dimension` little-endian float32 each."""

    def __init__(self, path: Path, dimension: int):
        self.path = path
        self.dimension = dimension
        self.row_bytes = 4 * dimension
        self._view: np.ndarray = np.empty((0, dimension), dtype="<f4")
        self._map: mmap.mmap | None = None
        self._file: FileIO | None = None
        self._views = 0

    @staticmethod
    def create(path: Path) -> None:
        """Make the empty file durable. What a creation that didn't finish left there holds nothing that counts."""
        with open(path, "wb") as file:
            os.fsync(file.fileno())
        fsync_folder(path.parent)

    @staticmethod
    def write(path: Path, vectors: np.ndarray, live: np.ndarray) -> None:
        """A file of the rows of `vectors` (N, dimension) that are `live` (N,); the others read as zeros.

        They are never written, so that a file system with sparse files gives their whole blocks no room.
        """
        row_bytes = 4 * vectors.shape[1]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], live, [False]]).astype(np.int8)))
        with open(path, "wb") as file:
            failpoint("compact.write")
            for first, last in edges.reshape(-1, 2).tolist():  # runs [first, last) of live rows
                file.seek(first * row_bytes)
                for start in range(first, last, WRITE_ROWS):
                    rows = vectors[start : min(start + WRITE_ROWS, last)]
                    file.write(np.ascontiguousarray(rows, dtype="<f4").data.cast("B"))
            file.truncate(len(vectors) * row_bytes)

    @staticmethod
    def copy(path: Path, vectors: np.ndarray) -> None:
        """A file with the same bytes; rows of zeros, which only compaction leaves, are a hole there too."""
        live = np.ones(len(vectors), dtype=bool)
        for start in range(0, len(vectors), WRITE_ROWS):
            live[start : start + WRITE_ROWS] = vectors[start : start + WRITE_ROWS].any(axis=1)
        VectorFile.write(path, vectors, live)

    def check(self, rows: int) -> None:
        """Raise KnowledgeBaseError unless the file holds at least the committed `rows`."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size < rows * self.row_bytes:
            raise KnowledgeBaseError(
                f"{self.path} is damaged: {rows} rows ({rows * self.row_bytes} bytes) were committed, {size} bytes are "
                f"there; {REMEDY}"
            )

    def cut(self, rows: int) -> None:
        """Drop what a crash left behind the committed `rows`. Only the writer may call it."""
        if self.path.stat().st_size > rows * self.row_bytes:
            failpoint("vectors.truncate")
            with open(self.path, "r+b") as file:
                file.truncate(rows * self.row_bytes)
                os.fsync(file.fileno())

    def append(self, vectors: np.ndarray, first: int) -> int:
        """Write `vectors` (n, dimension) as rows `first`, `first` + 1, … durably; returns the CRC-32 of their bytes.

        They count only once the store commits them. On a failure the file is cut back to `first` rows.
        """
        data = np.ascontiguousarray(vectors, dtype="<f4").data.cast("B")
        half = len(data) // 2
        with open(self.path, "r+b", buffering=0) as file:
            try:
                file.truncate(first * self.row_bytes)
                file.seek(first * self.row_bytes)
                failpoint("vectors.write")
                _write_all(file, data[:half])
                failpoint("vectors.torn")
                _write_all(file, data[half:])
                failpoint("vectors.fsync")
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(first * self.row_bytes)
                raise
        return zlib.crc32(data)

    def view(self, rows: int) -> np.ndarray:
        """(rows, dimension) float32, read-only, mapped from the disk. Raises KnowledgeBaseError if it is too short."""
        if rows > len(self._view):
            self.check(rows)
            self._file = self._file or FileIO(self.path)
            self._map = mmap.mmap(self._file.fileno(), rows * self.row_bytes, access=mmap.ACCESS_READ)
            self._view = np.frombuffer(self._map, dtype="<f4").reshape(rows, self.dimension)
        self._views += 1
        if self._views % VIEWS_A_TRIM == 0 and self._map is not None and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)
        return self._view[:rows]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(n, dimension) float32, the caller's own, of the `rows` (n,) named; a `view` of them was taken before.

        Not by the map: each row would bring all into this process's memory that the system's cache holds in one piece
        with it, up to 2 MB, so that a few searches among 10^6 rows held the whole file, 1.5 GB.
        """
        if not len(rows):
            return np.empty((0, self.dimension), dtype="<f4")
        if self._file is None:
            raise KnowledgeBaseError(f"{self.path} is closed: open the knowledge base again")
        number, size = self._file.fileno(), self.row_bytes
        data = bytearray().join([os.pread(number, size, row * size) for row in rows.tolist()])
        if len(data) != len(rows) * size:
            raise KnowledgeBaseError(f"{self.path} is damaged: rows that were committed are gone; {REMEDY}")
        return np.frombuffer(data, dtype="<f4").reshape(len(rows), self.dimension)

    def close(self) -> None:
        """Let go of the file, so that a deleted base's room is free again."""
        self._view, self._map = self._view[:0].copy(), None
        if self._file:
            self._file.close()
            self._file = None

    def checksum(self, first: int, last: int) -> int:
        """CRC-32 of the bytes of rows `first` to `last`, both included, read block by block."""
        crc, left = 0, (last - first + 1) * self.row_bytes
        with open(self.path, "rb") as file:
            file.seek(first * self.row_bytes)
            while left > 0 and (block := file.read(min(left, CRC_BLOCK_BYTES))):
                crc = zlib.crc32(block, crc)
                left -= len(block)
        return crc


class StoredRows:
    """The first `rows` of a file, to be searched: [a:b] are mapped, rows named by their numbers are read."""

    def __init__(self, file: VectorFile, rows: int):
        self._file, self._rows = file, rows
        self.shape = (rows, file.dimension)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, wanted: slice | np.ndarray) -> np.ndarray:
        return self._file.view(self._rows)[wanted] if isinstance(wanted, slice) else self._file.read(wanted)


Vectors = np.ndarray | StoredRows  # (N, dimension) float32


def _write_all(file, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]
