"""Texts as sets of hashed n-grams: what the offence classifier reads, with numpy alone.

A linear model over hashed character n-grams needs no vocabulary file and no library: a bucket's number is the CRC-32
of its n-gram, so the same text gives the same features on every machine (Weinberger et al., "Feature Hashing for
Large Scale Multitask Learning", 2009; without the sign, since two n-grams seldom meet in half a million buckets).
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable, Sequence

import numpy as np

BUCKETS = 1 << 19  # 524,288 weights, 1 MB in float16
MAX_LETTERS = 600  # what comes after is not read: a sentence, not a book

_SPACE = re.compile(r"\s+")
_REPEATED = re.compile(r"(.)\1{2,}")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|[?!]")


def normalised(text: str) -> str:
    """NFKC, lower case, one space for many, and no letter more than twice in a row (soooo, 哈哈哈哈)."""
    text = unicodedata.normalize("NFKC", text[:MAX_LETTERS]).lower()
    return _REPEATED.sub(r"\1\1", _SPACE.sub(" ", text).strip())


def characters(text: str, longest: int = 3) -> list[str]:
    """The different character n-grams of 1 to `longest` letters, with ^ and $ at the ends."""
    text = f"^{normalised(text)}$"
    return list({text[i : i + n] for n in range(1, longest + 1) for i in range(len(text) - n + 1)})


def words(text: str) -> list[str]:
    """The different words, pairs and triples of neighbours, and each word's 3- to 5-letter pieces."""
    found = ["^", *_WORD.findall(normalised(text)), "$"]
    grams = {" ".join(found[i : i + n]) for n in (1, 2, 3) for i in range(len(found) - n + 1)}
    pieces = {f"<{word}>"[i : i + n] for word in found for n in (4, 5) for i in range(len(word) + 3 - n)}
    return list(grams | {f"~{piece}" for piece in pieces})


def buckets(grams: Sequence[str]) -> np.ndarray:
    """(m,) int64, the different buckets of the n-grams, in order; empty for none."""
    return np.unique(np.array([zlib.crc32(gram.encode()) % BUCKETS for gram in grams], dtype=np.int64))


def score(text: str, weights: np.ndarray, bias: float, read: Callable[[str], list[str]]) -> float:
    """The log-odds of a linear model: the sum of the text's weights over the root of their number, plus the bias."""
    found = buckets(read(text))
    return float(weights[found].sum(dtype=np.float64) / np.sqrt(max(1, len(found))) + bias)
