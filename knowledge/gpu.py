"""A replica of an index on GPUs: filled from the vectors of the CPU, searched under a lock, thrown away at will.

A flat replica (16 bits a number, exact but for rounding) wherever it fits the memory of all GPUs together: filled page
by page, because the cloner uploads float32 and the 16-bit copy at once
(https://github.com/RUC-NLPIR/FlashRAG/issues/155), and part by part, because an index that grows copies all it holds
(measured: 16 GB for 7.7 GB of vectors in one index). Where it doesn't fit, lists of 8-bit codes, cloned in shards. GPU
searches may ignore selectors without a word (https://github.com/facebookresearch/faiss/issues/3924, 3114): a replica
holds live rows only, takes no filter, and what it finds is checked and scored again by whoever asked.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.index_kinds import BLOCK_ROWS, PROBED_SHARE, Kind, build, library, lists_for

TEMPORARY_BYTES = 512 << 20  # set aside on each GPU for what a search computes
SEARCH_BYTES = 2 << 30  # FAISS takes beside them for the scores of QUERIES questions (measured on 10^6 and 10^7 rows)
PART_BYTES = 1 << 30  # of vectors in one flat index, which takes twice its size while it grows: less than SEARCH_BYTES
SPARE_SHARE = 0.1  # of a GPU's free memory stays free
MOST_FOUND = 2_048  # the most a GPU search returns for a question (faiss/gpu/utils/DeviceDefs.cuh)
QUERIES = 1_024  # are searched together at most

log = logging.getLogger(__name__)


def check_device(device: str) -> None:
    """Raises InputError where an index can't be asked for on such a device."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"the device of an index is auto, cpu or cuda, got {device!r}")


class Replica:
    """The `rows` (n,) int64 of `vectors` (N, dimension) on GPUs. Threads may share it: searches take turns.

    `free` bytes a GPU. `kind` is what they hold: it tells how many candidates a search should ask for. Raises
    FirmgroundError where they don't suffice.
    """

    def __init__(self, vectors: np.ndarray, rows: np.ndarray, free: list[int]):
        self._lock = threading.Lock()
        # For each GPU its indexes, each with the row numbers of its places; None: one that knows them, on all GPUs.
        self.parts: list[list[tuple[Any, np.ndarray | None]]] = []
        self.kind = Kind()
        dimension = vectors.shape[1]
        room = [max(0, int(size * (1 - SPARE_SHARE)) - TEMPORARY_BYTES - SEARCH_BYTES) for size in free]
        self._resources = [_resources() for _ in free]
        if not len(rows):
            return
        if flat_bytes(len(rows), dimension) <= sum(room):
            self._fill(vectors, rows, room)
        elif listed_bytes(len(rows), dimension) <= sum(room):
            self._clone(vectors, rows)
        else:
            raise FirmgroundError(
                f"{len(rows)} vectors need {listed_bytes(len(rows), dimension) / 1e9:.1f} GB on GPUs, "
                f"{sum(room) / 1e9:.1f} GB are free there: take more or larger GPUs, or device 'cpu'"
            )

    def search(self, queries: np.ndarray, k: int) -> np.ndarray:
        """(q, up to k) int64 row numbers, -1 where there are fewer; in no order."""
        k = min(k, MOST_FOUND)
        data = np.ascontiguousarray(queries, dtype=np.float32)
        with self._lock:
            blocks = [self._search(data[first : first + QUERIES], k) for first in range(0, len(data), QUERIES)]
        return np.concatenate(blocks) if blocks else np.full((0, k), -1, dtype=np.int64)

    def _search(self, queries: np.ndarray, k: int) -> np.ndarray:
        if not self.parts:
            return np.full((len(queries), k), -1, dtype=np.int64)

        def ask(parts: list[tuple[Any, np.ndarray | None]]) -> list[tuple[np.ndarray, np.ndarray]]:
            found = []
            for index, rows in parts:
                scores, places = index.search(queries, min(k, index.ntotal))
                found.append((scores, places if rows is None else np.where(places >= 0, rows[places], -1)))
            return found

        with ThreadPoolExecutor(len(self.parts)) as gpus:  # GPUs side by side, the parts of one in turn
            answers = [part for found in (gpus.map if len(self.parts) > 1 else map)(ask, self.parts) for part in found]
        if len(answers) == 1:
            return answers[0][1]
        rows = np.concatenate([part[1] for part in answers], axis=1)
        if rows.shape[1] <= k:
            return rows
        scores = np.where(rows >= 0, np.concatenate([part[0] for part in answers], axis=1), -np.inf)
        return np.take_along_axis(rows, np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)

    def _fill(self, vectors: np.ndarray, rows: np.ndarray, room: list[int]) -> None:
        """Flat indexes on each GPU, with as many rows as its share of the memory, added page by page."""
        faiss = library()
        ends = np.rint(len(rows) * np.cumsum(room) / sum(room)).astype(np.int64)
        most = max(1, PART_BYTES // flat_bytes(1, vectors.shape[1]))  # rows of a part
        for device, (first, end) in enumerate(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)):
            parts: list[tuple[Any, np.ndarray | None]] = []
            for start in range(first, end, most):
                config = faiss.GpuIndexFlatConfig()
                config.device, config.useFloat16 = device, True
                metric = faiss.METRIC_INNER_PRODUCT
                index = faiss.GpuIndexFlat(self._resources[device], vectors.shape[1], metric, config)
                held = rows[start : min(start + most, end)]
                for page in range(0, len(held), BLOCK_ROWS):
                    block = held[page : page + BLOCK_ROWS]
                    index.add(np.ascontiguousarray(vectors[block], dtype=np.float32))
                parts.append((index, held))
            if parts:
                self.parts.append(parts)

    def _clone(self, vectors: np.ndarray, rows: np.ndarray) -> None:
        """Lists of 8-bit codes, built on the CPU and spread over the GPUs; their numbers are the rows'."""
        faiss = library()
        lists = lists_for(len(rows))
        self.kind = Kind(f"IVF{lists},SQ8", probe=max(1, lists // PROBED_SHARE))
        index = build(self.kind, vectors, rows)
        index.nprobe = self.kind.probe
        options = faiss.GpuMultipleClonerOptions()
        options.shard = True
        options.indicesOptions = faiss.INDICES_64_BIT
        self.parts.append([(faiss.index_cpu_to_gpu_multiple_py(self._resources, index, options), None)])


def replicate(vectors: np.ndarray, rows: np.ndarray, required: bool) -> Replica | None:
    """A replica on every GPU that can be had; None where there is none, or (told as a warning) too little memory.

    Raises FirmgroundError in both cases where one is `required`.
    """
    free = free_bytes()
    if not free:
        if required:
            raise FirmgroundError(
                "no GPU that FAISS can use: install `firmground[gpu]` and look at nvidia-smi, or take device 'cpu'"
            )
        return None
    try:
        return Replica(vectors, rows, free)
    except FirmgroundError as error:
        if required:
            raise
        log.warning("searching on the CPU: %s", error)
        return None


def free_bytes() -> list[int]:
    """Free memory of each GPU that this FAISS can use; empty where there is none, and with FAISS for CPUs."""
    count = getattr(library(), "get_num_gpus", lambda: 0)()
    if not count:
        return []
    import torch

    return [int(torch.cuda.mem_get_info(device)[0]) for device in range(count)]


def flat_bytes(rows: int, dimension: int) -> int:
    """What the 16-bit copy takes."""
    return 2 * dimension * rows


def listed_bytes(rows: int, dimension: int) -> int:
    """What lists of 8-bit codes take, with their 64-bit row numbers and centroids."""
    return (dimension + 8) * rows + 4 * dimension * lists_for(rows)


def _resources() -> Any:
    resources = library().StandardGpuResources()
    resources.setTempMemory(TEMPORARY_BYTES)
    return resources
