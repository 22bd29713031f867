"""One search through both sides of a knowledge base: by vectors, by words, or by both, into hits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.knowledge.filters import Filter
from firmground.knowledge.fuse import dense_weight, fuse, potential
from firmground.knowledge.index import VectorIndex, cosines
from firmground.knowledge.lexical import telling_terms
from firmground.knowledge.rerank import Reranker
from firmground.knowledge.store import Store
from firmground.knowledge.types import Encoder, Hit

Mode = Literal["hybrid", "dense", "lexical"]
Where = Mapping[str, Any] | Filter
# (questions, their vectors (n, d)) to the vectors that are searched with, of length 1.
Adjust = Callable[[Sequence[str], np.ndarray], np.ndarray]
Ranked = list[tuple[int, float]]  # (row, score), best first

MIN_DEPTH, DEPTH_FACTOR = 50, 5  # each side of a hybrid search gives its max(50, 5 k) best as candidates


class SearchOptions(TypedDict, total=False):
    """The rarer arguments of `KnowledgeBase.search`, which explains them."""

    documents: Collection[str] | None
    weight: float
    reranker: Reranker | None
    diversity: float
    where: Where | None
    fold: bool
    adjust: Adjust | None


@dataclass(frozen=True)
class _Found:
    """A candidate on its way to become a Hit."""

    row: int
    score: float
    ranks: dict[str, int]
    scores: dict[str, float]


def question_vectors(
    questions: Sequence[str],
    encoder: Encoder | None,
    mode: Mode,
    weight: float,
    encode: Callable[[Sequence[str]], np.ndarray],
    adjust: Adjust | None,
) -> tuple[list[float], dict[int, np.ndarray]]:
    """The vectors' share in [0, 1] in each question's search; by their places, the vectors of those that have one.

    They are encoded all at once, and adjusted.
    """
    shares = [share_of_vectors(question, encoder, mode, weight) for question in questions]
    asked = [place for place, share in enumerate(shares) if share > 0]
    if not asked:
        return shares, {}
    texts = [questions[place] for place in asked]
    vectors = encode(texts)
    return shares, dict(zip(asked, adjust(texts, vectors) if adjust else vectors, strict=True))


def retrieve(
    store: Store,
    index: VectorIndex,
    questions: Sequence[str],
    shares: Sequence[float],
    vectors: Mapping[int, np.ndarray],
    k: int,
    mode: Mode,
    allowed: np.ndarray,
    spare: int = 0,
) -> list[list[Hit]]:
    """The `k` best hits for each question and up to `spare` more, inside the caller's snapshot of the store.

    `allowed` (rows,) bool are the passages that may be found: both sides look at no other. `shares` are the vectors'
    parts in [0, 1]; `vectors` holds, by the place of their question, those that have one.
    """
    depth = max(MIN_DEPTH, DEPTH_FACTOR * k) if mode == "hybrid" else k + spare
    near = _search_vectors(store, index, vectors, depth, allowed)
    some = None if allowed is store.live else allowed
    found = []
    for place, question in enumerate(questions):
        shared: Ranked = []
        if mode != "dense":
            also = [row for row, _ in near.get(place, [])] if mode == "hybrid" else []
            shared = store.lexical.search(question, depth, store.live, some, also)
        vector = vectors.get(place)
        found.append(
            _merge(store, question, near.get(place, []), shared, shares[place], vector, depth, mode, k + spare)
        )
    return _hits(store, found, allowed)


def _search_vectors(
    store: Store, index: VectorIndex, vectors: Mapping[int, np.ndarray], depth: int, allowed: np.ndarray
) -> dict[int, Ranked]:
    """What each vector finds among the allowed passages, in one batch."""
    if not vectors:
        return {}
    index.refresh()
    ranked = index.search(np.stack(list(vectors.values())), depth, store.stored_rows, allowed)
    return dict(zip(vectors, ranked, strict=True))


def _merge(
    store: Store,
    question: str,
    near: Ranked,
    shared: Ranked,
    share: float,
    vector: np.ndarray | None,
    depth: int,
    mode: Mode,
    k: int,
) -> list[_Found]:
    """The `k` best of the vectors' list `near` and the first `depth` of the words' list `shared`, whose rest are scores
    of what the vectors found."""
    lists = {"dense": near, "lexical": shared[:depth]}
    ranks = {name: {row: rank for rank, (row, _) in enumerate(ranked, 1)} for name, ranked in lists.items()}
    candidates = ranks["dense"].keys() | ranks["lexical"].keys()
    scores = {"dense": dict(near), "lexical": {row: score for row, score in shared if row in candidates}}
    missing = [row for row in candidates if row not in scores["dense"]]
    if vector is not None and missing:
        exact = cosines(vector, store.stored_rows, np.array(missing))
        scores["dense"].update(zip(missing, exact.tolist(), strict=True))
    if mode == "hybrid":
        most = potential(len(telling_terms(question)), int(np.count_nonzero(store.live)))
        ordered = fuse(scores["dense"], scores["lexical"], share, most)
    else:
        ordered = lists[mode]
    return [
        _Found(row, score, _column(ranks, row), _column(scores, row))  # type: ignore[arg-type]
        for row, score in ordered[:k]
    ]


def _column(table: Mapping[str, Mapping[int, float]], row: int) -> dict[str, float]:
    return {name: values[row] for name, values in table.items() if row in values}


def _hits(store: Store, found: list[list[_Found]], allowed: np.ndarray) -> list[list[Hit]]:
    """With the passages read. The last check, whatever an index gave: no row that isn't allowed, or no passage (any
    more), leaves the store."""
    found = [[candidate for candidate in candidates if allowed[candidate.row]] for candidates in found]
    passages = store.passages({candidate.row for candidates in found for candidate in candidates})
    return [
        [
            Hit(passages[candidate.row], candidate.score, candidate.ranks, candidate.scores)
            for candidate in candidates
            if candidate.row in passages
        ]
        for candidates in found
    ]


def check_search(k: int, mode: str, documents: object, weight: float, diversity: float) -> None:
    """Raises InputError where a search was asked for in a way that makes no sense."""
    if mode not in ("hybrid", "dense", "lexical"):
        raise InputError(f"mode is 'hybrid', 'dense' or 'lexical', got {mode!r}")
    if k < 1:
        raise InputError(f"k is at least 1, got {k}")
    if not 0 <= weight <= 1:
        raise InputError(f"weight is in [0, 1], got {weight}")
    if not 0 <= diversity <= 1:
        raise InputError(f"diversity is in [0, 1], got {diversity}")
    if isinstance(documents, str):
        raise InputError(f"documents is a collection of ids, got the string {documents!r}: put it in a list")


def share_of_vectors(question: str, encoder: Encoder | None, mode: Mode, weight: float) -> float:
    """The vectors' part of a question's score, in [0, 1]; where it is 0 the question needn't be encoded."""
    if mode == "hybrid":
        return dense_weight(question, encoder, weight)
    return 1.0 if mode == "dense" else 0.0
