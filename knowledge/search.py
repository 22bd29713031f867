"""One search through both sides of a knowledge base: by vectors, by words, or by both, into hits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmground.knowledge.fuse import fuse
from firmground.knowledge.index import VectorIndex, cosines
from firmground.knowledge.store import Store
from firmground.knowledge.types import Hit

Mode = Literal["hybrid", "dense", "lexical"]
Ranked = list[tuple[int, float]]  # (row, score), best first

MIN_DEPTH, DEPTH_FACTOR = 50, 5  # each side of a hybrid search gives its max(50, 5 k) best as candidates
LEXICAL_DEPTH = 1_000  # so far down the words' list, the scores of the vectors' candidates are looked up


@dataclass(frozen=True)
class _Found:
    """A candidate on its way to become a Hit."""

    row: int
    score: float
    ranks: dict[str, int]
    scores: dict[str, float]


def retrieve(
    store: Store,
    index: VectorIndex,
    questions: Sequence[str],
    shares: Sequence[float],
    vectors: Mapping[int, np.ndarray],
    k: int,
    mode: Mode,
    documents: Collection[str] | None,
) -> list[list[Hit]]:
    """The `k` best hits for each question, inside the caller's snapshot of the store.

    `shares` are the vectors' parts in [0, 1]; `vectors` holds, by the place of their question, those that have one.
    """
    depth = max(MIN_DEPTH, DEPTH_FACTOR * k) if mode == "hybrid" else k
    near = _search_vectors(store, index, vectors, depth, documents)
    found = []
    for place, question in enumerate(questions):
        shared: Ranked = []
        if mode != "dense":
            shared = store.lexical.search(question, max(depth, LEXICAL_DEPTH if vectors else 0), documents)
        vector = vectors.get(place)
        found.append(_merge(store, near.get(place, []), shared, shares[place], vector, depth, mode, k))
    return _hits(store, found)


def _search_vectors(
    store: Store, index: VectorIndex, vectors: Mapping[int, np.ndarray], depth: int, documents: Collection[str] | None
) -> dict[int, Ranked]:
    """What each vector finds, in one batch, among the passages that may be found: not deleted, of documents named."""
    if not vectors:
        return {}
    allowed = store.live
    if documents is not None:
        allowed = np.zeros(store.rows, dtype=bool)
        allowed[store.rows_of(documents)] = True
        allowed &= store.live
    index.refresh()
    ranked = index.search(np.stack(list(vectors.values())), depth, store.vectors, allowed)
    return dict(zip(vectors, ranked, strict=True))


def _merge(
    store: Store,
    near: Ranked,
    shared: Ranked,
    share: float,
    vector: np.ndarray | None,
    depth: int,
    mode: Mode,
    k: int,
) -> list[_Found]:
    """The `k` best of the vectors' list `near` and the first `depth` of the words' list `shared`."""
    lists = {"dense": near, "lexical": shared[:depth]}
    ranks = {name: {row: rank for rank, (row, _) in enumerate(ranked, 1)} for name, ranked in lists.items()}
    candidates = ranks["dense"].keys() | ranks["lexical"].keys()
    scores = {"dense": dict(near), "lexical": {row: score for row, score in shared if row in candidates}}
    missing = [row for row in candidates if row not in scores["dense"]]
    if vector is not None and missing:
        exact = cosines(vector, store.vectors, np.array(missing))
        scores["dense"].update(zip(missing, exact.tolist(), strict=True))
    ordered = fuse(scores["dense"], scores["lexical"], share) if mode == "hybrid" else lists[mode]
    return [
        _Found(row, score, _column(ranks, row), _column(scores, row))  # type: ignore[arg-type]
        for row, score in ordered[:k]
    ]


def _column(table: Mapping[str, Mapping[int, float]], row: int) -> dict[str, float]:
    return {name: values[row] for name, values in table.items() if row in values}


def _hits(store: Store, found: list[list[_Found]]) -> list[list[Hit]]:
    """With the passages read. The last check: a row that is no passage (any more) doesn't leave the store."""
    passages = store.passages({candidate.row for candidates in found for candidate in candidates})
    return [
        [
            Hit(passages[candidate.row], candidate.score, candidate.ranks, candidate.scores)
            for candidate in candidates
            if candidate.row in passages
        ]
        for candidates in found
    ]
