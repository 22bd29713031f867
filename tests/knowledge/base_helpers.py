"""What the tests of a knowledge base share: an encoder without a model, texts in both languages, brute force."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence

import numpy as np

from firmground.knowledge.text import terms
from firmground.knowledge.types import Document

WORDS = (
    "river",
    "stone",
    "cloud",
    "engine",
    "apple",
    "doctor",
    "violin",
    "market",
    "winter",
    "planet",
    "copper",
    "garden",
)
ZI = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"


class HashEncoder:
    """A text's vector is the sum of its terms' vectors, drawn from their hashes: the same everywhere."""

    def __init__(self, dimension: int = 32, name: str = "hash", languages: tuple[str, ...] = ("*",)):
        self.name, self.dimension, self.languages = name, dimension, languages
        self.fingerprint = f"{name}-{dimension}"
        self.max_tokens = 40
        self.encoded = 0
        self._known: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        self.encoded += len(texts)
        rows = np.array([sum((self._vector(term) for term in terms(text)), self._vector("")) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(terms(text)) for text in texts]

    def _vector(self, term: str) -> np.ndarray:
        if term not in self._known:
            seed = int.from_bytes(hashlib.sha256(f"{self.name} {term}".encode()).digest()[:8])
            self._known[term] = np.random.default_rng(seed).normal(size=self.dimension) * (1.0 if term else 0.1)
        return self._known[term]


def sentence(random_: random.Random, chinese: bool = False) -> str:
    if chinese:
        return "".join(random_.choices(ZI, k=12)) + "。"
    return " ".join(random_.choices(WORDS, k=8)).capitalize() + "."


def some_documents(count: int, seed: int = 0, sentences: int = 3) -> list[Document]:
    """`count` documents of a passage or more each, every third in Chinese, every fourth with a title."""
    random_ = random.Random(seed)
    found = []
    for number in range(count):
        chinese = number % 3 == 2
        text = ("" if chinese else " ").join(sentence(random_, chinese) for _ in range(sentences))
        metadata = {"number": number} | ({"title": f"Chapter {number}"} if number % 4 == 0 else {})
        found.append(Document(f"d{number}", text, f"file{number}.txt", metadata))
    return found


def brute_force(queries: np.ndarray, vectors: np.ndarray, allowed: np.ndarray, k: int) -> list[list[tuple[int, float]]]:
    """What an exact search must find: the definition, in float64."""
    scores = queries.astype(np.float64) @ vectors.astype(np.float64).T
    found = []
    for row in scores:
        order = [int(place) for place in np.lexsort((np.arange(len(row)), -row)) if allowed[place]]
        found.append([(place, float(row[place])) for place in order[:k]])
    return found


def by_id(documents: Iterable[Document]) -> dict[str, Document]:
    return {document.id: document for document in documents}
