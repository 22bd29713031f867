"""The offence classifier: offensive and stereotyping text in Chinese, stereotyping sentences and slurs in English.

Offline, numpy alone, 3 MB (`offence.npz`; trained by `train.py`). What it is and how often it errs: docs/debias.md. A
score is a reason to look, not a proof; English, where no offensive-text set may be used, is the weaker half.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.knowledge.groups import mentions
from firmground.knowledge.text import Language, language
from firmground.rag.debias.features import BUCKETS, buckets, characters, normalised, score, words
from firmground.rag.debias.signals import signals

MODEL = Path(__file__).with_name("offence.npz")
HEADS = ("zh_base", "zh_stance", "en_base")


@dataclass(frozen=True)
class Offence:
    """The trained heads: float16 weights by name, each (BUCKETS,), and what is known about them (`about`)."""

    heads: dict[str, np.ndarray]
    about: dict[str, Any]

    def margin(self, text: str, lang: Language | None = None) -> float:
        """How far above 0 the text is flagged, or below 0 it isn't, in log-odds of a text that is half likely
        offensive.

        Chinese: the lesser of both heads (`train.py`), so that either can acquit.
        """
        if (lang or language(text)) == "zh":
            return min(self._head("zh_base", text), self._head("zh_stance", text))
        return self._head("en_base", text)

    def plain(self, text: str) -> bool:
        """What a plain n-gram classifier says of a Chinese text: its first head alone, which learnt the labels."""
        return self._head("zh_base", text) > 0

    def flags(self, texts: Sequence[str], lang: Language | None = None) -> np.ndarray:
        """(n,) bool: which texts are taken for offensive or stereotyping."""
        return np.array([self.margin(text, lang) > 0 for text in texts], dtype=bool)

    def why(self, text: str, lang: Language | None = None, most: int = 3) -> list[tuple[str, float]]:
        """The longest n-grams that speak most for a flag, with their weights: what the score came from, not a cause."""
        lang = lang or language(text)
        weights = self.heads["zh_base" if lang == "zh" else "en_base"]
        grams = characters(text) if lang == "zh" else [gram for gram in words(mask(text)) if gram[0] not in "~^$"]
        whole = [gram for gram in grams if len(gram) > 1 and not set(gram) & set("^$")]
        rated = sorted(((float(weights[buckets([gram])[0]]), gram) for gram in whole), reverse=True)
        chosen: list[tuple[str, float]] = []
        for weight, gram in rated:
            if weight <= 0 or len(chosen) == most:
                break
            if not any(gram in other or other in gram for other, _ in chosen):
                chosen.append((gram, weight))
        return chosen

    def _head(self, name: str, text: str) -> float:
        return score(text, self.heads[name], self.about[f"{name}_bias"], READ[name[:2]])

    def save(self, path: Path) -> None:
        """Write the heads and what is known about them to one .npz file, at once or not at all."""
        import io

        file = io.BytesIO()
        about = np.frombuffer(json.dumps(self.about, ensure_ascii=False, sort_keys=True).encode(), dtype=np.uint8)
        np.savez_compressed(file, allow_pickle=False, about=about, **self.heads)
        write_atomic(path, file.getvalue(), "offence")


def read_english(text: str) -> list[str]:
    """The signals alone: with n-grams, what little there is to learn from tells one data set's style from another's."""
    return ["^", *signals(text, "en")]


def read_chinese(text: str) -> list[str]:
    """Character n-grams, and the signals."""
    return characters(text) + signals(text, "zh")


def mask(text: str) -> str:
    """English text with every word for a group, and every given name or pronoun, as one word: `somegroup`."""
    found, parts, start = mentions(text, "en", names=True), [], 0
    for mention in found:
        if mention.start >= start:
            parts += [text[start : mention.start], "somegroup"]
            start = mention.end
    return normalised("".join([*parts, text[start:]]))


READ = {"zh": read_chinese, "en": read_english}


def load(path: Path = MODEL) -> Offence:
    """The classifier in a file that `Offence.save` wrote; nothing in it is run (no pickle).

    Raises:
        InputError: not such a file, or of another number of buckets.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes().decode())
            heads = {name: arrays[name] for name in HEADS}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} isn't an offence classifier ({error}); train one: firmground adapt offence"
        ) from error
    if any(weights.shape != (BUCKETS,) for weights in heads.values()):
        raise InputError(f"{path} was trained with another number of buckets than {BUCKETS}; train it again")
    return Offence(heads, about)


@lru_cache
def classifier() -> Offence:
    """The classifier that ships with the package."""
    return load()
