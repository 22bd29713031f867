"""One list out of two: what the vectors find and what the words find, weighed by question.

A convex combination of normalised scores, not of ranks: Bruch, Gai and Ingber, "An Analysis of Fusion Functions for
Hybrid Retrieval", ACM TOIS 2023 (https://arxiv.org/abs/2210.11934), found it better than reciprocal rank in and out of
domain, and able to learn its one weight from few questions.
"""

from __future__ import annotations

from collections.abc import Mapping

from firmground.knowledge.types import Encoder

DENSE_WEIGHT = 0.7  # the vectors' share, in [0, 1]; the words have the rest


def dense_weight(question: str, encoder: Encoder | None, weight: float = DENSE_WEIGHT) -> float:
    """The vectors' share for this question: `weight`, or 0 without an encoder or in a language unknown to it."""
    from firmground.knowledge.text import language

    if encoder is None:
        return 0.0
    return weight if "*" in encoder.languages or language(question) in encoder.languages else 0.0


def fuse(dense: Mapping[int, float], lexical: Mapping[int, float], weight: float) -> list[tuple[int, float]]:
    """(row, score in [0, 1]) of all candidates, best first; equal scores in the order of rows.

    `dense` has the cosine of every candidate (of none if `weight` is 0) and is stretched so that the worst has 0 and
    the best 1: encoders differ in where their cosines lie. `lexical` has BM25 >= 0, is divided by the best, and 0 where
    a candidate isn't in it.
    """
    low, high = min(dense.values(), default=0.0), max(dense.values(), default=0.0)
    best = max(lexical.values(), default=0.0)
    fused = []
    for row in dense.keys() | lexical.keys():
        near = (dense[row] - low) / (high - low) if high > low else 1.0
        shared = lexical.get(row, 0.0) / best if best > 0 else 0.0
        fused.append((row, weight * near + (1 - weight) * shared))
    return sorted(fused, key=lambda found: (-found[1], found[0]))
