"""An encoder whose vectors have one axis for gender, and whose questions lean towards men on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmground.knowledge.swap import swap
from firmground.rag.debias.retrieval import gender_of
from tests.knowledge.base_helpers import HashEncoder

SIDE = {"women": 0.5, "men": -0.5, "": 0.0}


class Leaning:
    """What a text says, the same whichever gender it says it of, and beside it one number: whom it is about."""

    def __init__(self, languages: tuple[str, ...] = ("*",), lean: float = -0.4, name: str = "leaning") -> None:
        self.name, self.languages, self.lean = name, languages, lean
        self.fingerprint = f"{name}-{lean}-{languages}"
        self.dimension, self.max_tokens = 33, 200
        self.encoded = 0
        self._words = HashEncoder(32)

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        self.encoded += len(texts)
        said = self._words.encode(texts) + self._words.encode([swap(text).text for text in texts])
        said /= np.linalg.norm(said, axis=1, keepdims=True)
        sides = [SIDE[gender_of(text)] or (self.lean if query else 0.0) for text in texts]
        rows = np.column_stack([said, sides])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._words.count_tokens(texts)
