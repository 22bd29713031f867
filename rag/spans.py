"""Short spans of one sentence that may answer a question, scored by what kind of thing is asked for.

A candidate is a stretch of tokens; its score is a weighted sum of a few features that can be read off the page: is it
the right kind of thing, does it stand near the question's words and not consist of them, is it cut where phrases end.
Weights were set on XQuAD's dev split (paragraphs whose id has an even SHA-256) by coordinate search from hand-set
values, for token F1 of the span from BM25's first four paragraphs, and rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from firmground.knowledge.text import language

Kind = Literal["who", "when", "year", "where", "number", "why", "name", "thing"]

SENTENCE_EN, SENTENCE_ZH = 4.5, 6.5  # weight of how well the sentence fits, beside the features of the span


@dataclass(frozen=True)
class Candidate:
    """`sentence[start:end]`, its features (shares in [0, 1], or counts) and their weighted sum."""

    start: int
    end: int
    features: Mapping[str, float]
    score: float


def candidates(question: str, sentence: str) -> list[Candidate]:
    """Every span worth weighing, in order; empty where the sentence has nothing that could answer."""
    if language(question) == "zh":
        from firmground.rag.spans_zh import candidates as of_language
    else:
        from firmground.rag.spans_en import candidates as of_language
    return of_language(question, sentence)


def weigh(start: int, end: int, features: Mapping[str, float], weights: Mapping[str, float]) -> Candidate:
    return Candidate(start, end, features, sum(weights[name] * value for name, value in features.items()))
