"""Kinds of index files, and which one for how many rows: how each is built, searched and let grow.

"exact" scans a 16-bit copy of all rows, opened by memory map. "ivf" looks into the lists nearest to the question (IVF)
and compares codes of 4 bits for every two dimensions (`PQ{d/2}x4fs`, fast scan), d/4 bytes a row, held in memory.
"hnsw" walks a graph over a 16-bit copy: fast, the longest to build, and what is deleted stays in it until it is built
anew. Whatever a file finds is scored again from the float32 rows, so a file only has to bring good candidates.

Compared on 100,000 vectors recombined from real ones, with 300 real questions (docs/scale.md): of IVF's codes PQ192x4fs
gave, at equal candidates, more of the true ten than PQ96x4fs, at a third of RaBitQ's time; past 50 candidates only the
number of lists looked into counts. FAISS: https://github.com/facebookresearch/faiss/wiki/The-index-factory
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from firmground.knowledge.errors import FirmgroundError, InputError, MissingExtra

Family = Literal["exact", "ivf", "hnsw", "fast"]
NAMES = ("auto", "exact", "ivf", "hnsw")

EXACT_ROWS = 100_000  # are scanned whole in some 10 ms on one core; past that lists are worth their training
EXACT_MEMORY_SHARE = 0.25  # of the machine's memory may be taken by the pages of the 16-bit copy
LEAST_ROWS = 10_000  # below this nothing is worth training: the float32 rows are read as fast
LEAST_TRAINING = 39  # rows a list: FAISS warns below it (`Clustering.min_points_per_centroid`)
TRAINING = 100  # rows a list are trained on; from 39 on more rows brought no more recall (docs/scale.md)
PROBED_SHARE = 8  # one list in so many is looked into
SPARE = 16  # more candidates than asked for are scored again: 16-bit scores are off by up to some 1e-4
BLOCK_ROWS = 16_384  # are in memory at once
SEED = 1234


@dataclass(frozen=True)
class Kind:
    """How an index file is built and searched.

    Attributes:
        factory: what FAISS's `index_factory` is told.
        probe: how many lists ("ivf") or candidates of the walk ("hnsw") a search looks at; 0: all rows are scanned.
        refine: how many candidates for each hit asked for are scored again from float32; at least 1.
    """

    factory: str = "SQfp16"
    probe: int = 0
    refine: float = 1.0

    @property
    def family(self) -> Family:
        """Raises InputError where the factory's text is none that is tested here."""
        if self.factory.startswith("SQ"):
            return "exact"
        if self.factory.startswith("IVF"):
            return "ivf"
        if self.factory.startswith("HNSW"):
            return "hnsw"
        if self.factory.startswith("PQ") and self.factory.endswith("x4fs"):
            return "fast"
        raise InputError(f"an index kind begins with SQ, IVF, HNSW, or is PQ<m>x4fs; got {self.factory!r}")

    @property
    def lists(self) -> int:
        """Of an IVF; 0 for others."""
        return int(self.factory[3:].partition(",")[0].partition("_")[0]) if self.family == "ivf" else 0

    @property
    def selects(self) -> bool:
        """Whether the search leaves out what a selector excludes; FAISS refuses one for fast scan without lists."""
        return self.family != "fast"

    @property
    def widest(self) -> Kind:
        """The same file looked through as widely as it can be."""
        return replace(self, probe=self.lists or 16 * self.probe)

    @property
    def grows(self) -> bool:
        """Whether rows are added to the file there is: building it is dear. The others are written anew."""
        return self.family in ("ivf", "hnsw")

    def candidates(self, k: int) -> int:
        """How many rows a search for `k` hits takes from the file, to be scored again."""
        return max(k + SPARE, round(self.refine * k))


def choose(wanted: str | Kind, rows: int, dimension: int, memory: int | None = None) -> Kind:
    """The kind for so many rows: what was `wanted`, where they are enough to train it, else what fits them.

    "auto" is exact up to `EXACT_ROWS` and a quarter of the `memory` (bytes; by default the machine's), then IVF.
    Raises InputError on a name that there isn't.
    """
    if isinstance(wanted, str) and wanted not in NAMES:
        raise InputError(f"an index kind is one of {', '.join(NAMES)}; got {wanted!r}")
    if isinstance(wanted, Kind):
        if rows >= max(LEAST_ROWS if wanted.family != "exact" else 0, LEAST_TRAINING * wanted.lists):
            return wanted
        wanted = "auto"
    memory = memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fits = rows <= EXACT_ROWS and held_bytes(Kind(), rows, dimension) <= EXACT_MEMORY_SHARE * memory
    if rows < LEAST_ROWS or wanted == "exact" or (wanted == "auto" and fits):
        return Kind()
    if wanted == "hnsw":
        return Kind("HNSW32,SQfp16", probe=128, refine=2.0)
    lists = lists_for(rows)
    codes = dimension // 2 if dimension % 2 == 0 else dimension
    return Kind(f"IVF{lists},PQ{codes}x4fs", probe=max(1, lists // PROBED_SHARE), refine=10.0)


def lists_for(rows: int) -> int:
    """A power of four near the square root of the rows, so that growing by less needs no new training."""
    lists = 16
    while lists * lists * 4 < rows:
        lists *= 4
    return max(1, min(lists, rows // LEAST_TRAINING))


def held_bytes(kind: Kind, rows: int, dimension: int) -> int:
    """About how many bytes the file has: codes, row numbers, centroids or edges."""
    codes = kind.factory.rpartition(",")[2]
    if codes.startswith("PQ"):
        code = int(codes[2:].partition("x")[0]) // 2
    elif codes.startswith("RaBitQ"):
        code = dimension // 8 + 8
    else:
        code = {"SQfp16": 2, "SQ8": 1}.get(codes, 4) * dimension
    beside = {"exact": 0, "fast": 0, "ivf": 8}.get(kind.family, 0)
    if kind.family == "hnsw":  # twice as many edges on the ground as on a higher floor, 4 bytes each
        beside = 8 * int(kind.factory[4:].partition(",")[0]) + 24
    return rows * (code + beside) + 4 * kind.lists * dimension


def library() -> Any:
    """FAISS, which comes in two packages. Raises MissingExtra where neither is installed, or what it needs isn't."""
    try:
        import faiss
    except ImportError:
        raise MissingExtra(
            "FAISS isn't installed: take one of `pip install 'firmground[cpu]'` and `pip install 'firmground[gpu]'`"
        ) from None
    except RuntimeError as error:  # faiss-gpu without the CUDA libraries: it says which wheel to install
        raise MissingExtra(f"FAISS can't be loaded: {error}") from error
    return faiss


def build(kind: Kind, vectors: np.ndarray, rows: np.ndarray) -> Any:
    """A new faiss.Index over the `rows` (n,) int64, ascending, of `vectors` (N, dimension), known by these numbers."""
    faiss = library()
    index = faiss.index_factory(vectors.shape[1], kind.factory, faiss.METRIC_INNER_PRODUCT)
    _train(index, kind, vectors, rows)
    if kind.family == "hnsw" or (kind.family != "ivf" and len(rows) and rows[-1] != len(rows) - 1):
        index = faiss.IndexIDMap(index)
    extend(index, vectors, rows)
    return index


def extend(index: Any, vectors: np.ndarray, rows: np.ndarray) -> None:
    """Add the `rows` (n,) of `vectors`, block by block, under their own numbers where the index keeps numbers."""
    numbered = hasattr(index, "id_map") or hasattr(index, "invlists")
    for first in range(0, len(rows), BLOCK_ROWS):
        block = rows[first : first + BLOCK_ROWS]
        together = block[-1] - block[0] == len(block) - 1  # as they lie on the disk: no copy
        data = vectors[block[0] : block[-1] + 1] if together else vectors[block]
        data = np.ascontiguousarray(data, dtype=np.float32)
        if numbered:
            index.add_with_ids(data, block)
        else:
            index.add(data)


def _train(index: Any, kind: Kind, vectors: np.ndarray, rows: np.ndarray) -> None:
    """Lists and codes from a seeded sample of the rows, in their order on the disk."""
    if index.is_trained:
        return
    faiss = library()
    wanted = max(TRAINING * kind.lists, 65_536)
    sample = rows
    if len(rows) > wanted:
        sample = np.sort(np.random.default_rng(SEED).choice(rows, wanted, replace=False))
    inverted = faiss.try_extract_index_ivf(index)
    if inverted is not None:
        if len(sample) < LEAST_TRAINING * kind.lists:
            raise FirmgroundError(
                f"{kind.factory} needs at least {LEAST_TRAINING * kind.lists} passages to be trained on, "
                f"there are {len(sample)}: take fewer lists, or the kind 'exact'"
            )
        inverted.cp.seed = SEED
    index.train(np.ascontiguousarray(vectors[sample], dtype=np.float32))


def held_rows(index: Any, rows: int) -> np.ndarray:
    """(entries,) int64: the row numbers that a file over rows [0, `rows`) holds, ascending."""
    faiss = library()
    if hasattr(index, "id_map"):
        return np.sort(faiss.vector_to_array(index.id_map))
    inverted = faiss.try_extract_index_ivf(index)
    if inverted is None:
        return np.arange(rows)
    lists = inverted.invlists
    sizes = [lists.list_size(number) for number in range(inverted.nlist)]
    held = [faiss.rev_swig_ptr(lists.get_ids(number), size).copy() for number, size in enumerate(sizes) if size]
    return np.sort(np.concatenate(held)) if held else np.zeros(0, dtype=np.int64)


def read(path: str, mapped: bool = True) -> Any:
    """The index of a file. 16-bit copies and graphs are mapped; fast scan's lists FAISS can only load."""
    faiss = library()
    return faiss.read_index(path, faiss.IO_FLAG_MMAP_IFC if mapped else 0)


def find(index: Any, kind: Kind, queries: np.ndarray, k: int, allowed: np.ndarray | None) -> np.ndarray:
    """(q, candidates) int64 row numbers for `k` hits each, -1 where there are fewer.

    `allowed` (rows,) bool leaves out the others where the kind can; None: all may come. The fewer are allowed, the
    wider is looked. A caller still has to check every row: some kinds can't leave out, and a replica doesn't.
    """
    faiss = library()
    selector, share = None, 1.0
    if allowed is not None:
        share = max(np.count_nonzero(allowed) / max(index.ntotal, 1), 1e-6)
        if kind.selects:
            selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    wanted = kind.candidates(k) if kind.selects else kind.candidates(int(np.ceil(k / share)))
    wanted = min(wanted, index.ntotal)
    return index.search(queries, wanted, params=_parameters(kind, wanted, share, selector))[1]


def _parameters(kind: Kind, wanted: int, share: float, selector: Any) -> Any:
    """FAISS's parameters of one search; `share` in (0, 1] of the rows are allowed."""
    faiss = library()
    chosen: dict[str, Any] = {"sel": selector} if selector is not None else {}
    probe = int(np.ceil(kind.probe / share))
    if kind.family == "ivf":
        return faiss.SearchParametersIVF(nprobe=min(max(probe, 1), kind.lists), **chosen)
    if kind.family == "hnsw":
        return faiss.SearchParametersHNSW(efSearch=max(min(probe, 64 * kind.probe), wanted), **chosen)
    return faiss.SearchParameters(**chosen) if chosen else None


def recall(found: Sequence[Sequence[int]], truth: Sequence[Sequence[int]]) -> float:
    """The share of the true nearest rows that were found, in [0, 1]; 1 where there is nothing to find."""
    held = sum(len(set(some) & set(right)) for some, right in zip(found, truth, strict=True))
    return held / max(1, sum(len(right) for right in truth)) if any(truth) else 1.0
