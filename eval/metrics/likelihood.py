"""Perplexity and bits per byte: how well a language model expects given texts. The utility figure beside a filter.

- Perplexity = exp(nats / tokens) (Jelinek et al. 1977, J. Acoust. Soc. Am. 62, S63): comparable only between models
  with the same tokenizer.
- Bits per byte = nats / ln 2 / bytes in UTF-8 (Gao et al. 2020, "The Pile", https://arxiv.org/abs/2101.00027, section
  3.1): doesn't hang on how a tokenizer cuts, so models compare. A Chinese character has three bytes: between languages
  it compares information per byte of storage, not per character or per meaning.

The first token is scored too, given the model's beginning-of-text token (its end-of-text token where it has none), as
lm-evaluation-harness does. A text that fits the window is scored in one piece. A longer one is cut, between words or
Chinese characters, into pieces of at most half a window; each piece is scored given the piece before it. So every token
counts once, and every token of a later piece is read with at least the whole piece before it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.text import CJK
from firmground.rag.types import Generator

WINDOW = 1024  # tokens read at once where the model could read more: the logits of longer pieces take gigabytes
GROUP_TOKENS = 1024  # padded tokens scored by one call, for the same reason
_RESERVED = 2  # tokens of a window that a tokenizer may put around a text by itself
_UNIT = re.compile(rf"\s*[{CJK}]|\s*[^\s{CJK}]+|\s+")  # no token of a tokenizer that respects spaces reaches across


@dataclass(frozen=True)
class TextLikelihood:
    """One text: `nats` is minus the natural-log probability of all its tokens, >= 0. For paired statistics."""

    nats: float
    tokens: int
    bytes: int

    @property
    def perplexity(self) -> float | None:
        """At least 1; None of a text without tokens."""
        return _perplexity(self.nats, self.tokens)

    @property
    def bits_per_byte(self) -> float | None:
        """At least 0; None of a text without tokens."""
        return self.nats / math.log(2) / self.bytes if self.tokens else None


@dataclass(frozen=True)
class Perplexity:
    """Of all texts together: every token weighs the same, so a long text counts for more. None where there is no token.

    `texts` holds each text's own, in order.
    """

    perplexity: float | None
    bits_per_byte: float | None
    tokens: int
    bytes: int
    texts: tuple[TextLikelihood, ...] = field(default=(), repr=False)


def perplexity(generator: Generator, texts: Sequence[str], window: int = 0) -> Perplexity:
    """How well the generator's model expects the texts; lower is better. See the top of the file for what is summed.

    Args:
        generator: one that gives log-probabilities. Without `count_tokens` it gets every text in one piece.
        texts: an empty one has nothing to score: it weighs nothing, and its own figures are None.
        window: tokens read at once, at least 16; 0: the model's own context, at most `WINDOW`.

    Raises:
        InputError: the generator tells no log-probabilities or isn't a causal model, or the window is too small.
        FirmgroundError: a log-probability isn't a finite number, so a mean would mean nothing.
    """
    if getattr(generator, "is_seq2seq", False):
        raise InputError(f"{generator.name} continues no text (an encoder-decoder); perplexity needs a causal model")
    cut = [_pieces(generator, text, window or _context(generator)) for text in texts]
    pairs = [pair for pieces in cut for pair in pairwise(["", *pieces])]
    scored = iter(_score(generator, pairs))
    results = []
    for text, pieces in zip(texts, cut, strict=True):
        parts = [next(scored) for _ in pieces]
        nats = -math.fsum(float(value) for part in parts for value in part)
        if not math.isfinite(nats):
            raise FirmgroundError(f"{generator.name} gave a log-probability that isn't finite for {text[:60]!r}; "
                                  "check its weights, or its precision")  # fmt: skip
        results.append(TextLikelihood(max(0.0, nats), sum(map(len, parts)), len(text.encode("utf-8", "replace"))))
    return _together(results)


def _together(texts: Sequence[TextLikelihood]) -> Perplexity:
    nats = math.fsum(text.nats for text in texts)
    tokens, size = sum(text.tokens for text in texts), sum(text.bytes for text in texts if text.tokens)
    bits = nats / math.log(2) / size if tokens else None
    return Perplexity(_perplexity(nats, tokens), bits, tokens, size, tuple(texts))


def _perplexity(nats: float, tokens: int) -> float | None:
    return math.exp(nats / tokens) if tokens else None


def _context(generator: Any) -> int:
    """How many tokens the model reads at once, at most `WINDOW`."""
    config = getattr(getattr(generator, "model", None), "config", None)
    if config is None:
        return WINDOW
    longest = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(WINDOW, longest) if longest else WINDOW


def _pieces(generator: Any, text: str, window: int) -> list[str]:
    """The text in stretches that concatenate to it: itself where it fits the window, else of half a window at most."""
    if window < 16:
        raise InputError(f"expected a window of at least 16 tokens, got {window}")
    count = getattr(generator, "count_tokens", None)
    if not text:
        return []
    if count is None or count([text])[0] <= window - _RESERVED:
        return [text]
    half = (window - _RESERVED) // 2
    pieces, filled = [""], 0
    for unit, size in _units(text, count, half):
        if filled + size > half and pieces[-1]:
            pieces.append("")
            filled = 0
        pieces[-1] += unit
        filled += size
    return pieces


def _units(text: str, count: Any, most: int) -> Iterator[tuple[str, int]]:
    """Where a text may be cut: words with the space before them, or Chinese characters; with their tokens.

    A word of more tokens than `most` (a key, a long formula) is cut between its characters.
    """
    units = _UNIT.findall(text)
    for unit, size in zip(units, count(units), strict=True):
        if size <= most:
            yield unit, size
        else:
            yield from zip(unit, count(list(unit)), strict=True)


def _score(generator: Any, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    """Each continuation's (tokens,) log-probabilities given what stands before it, in order; like lengths together."""
    results: list[np.ndarray] = [np.zeros(0)] * len(pairs)
    count = getattr(generator, "count_tokens", None)
    lengths = count([text for _, text in pairs]) if count and pairs else [1] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda place: -lengths[place])
    while order:
        size = max(1, GROUP_TOKENS // max(1, lengths[order[0]]))
        group, order = order[:size], order[size:]
        for place, row in zip(group, _score_group(generator, [pairs[place] for place in group]), strict=True):
            results[place] = row
    return results


def _score_group(generator: Any, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    try:
        if hasattr(generator, "score_batch"):
            return generator.score_batch([before for before, _ in pairs], [text for _, text in pairs])
        return [generator.score(before, text) for before, text in pairs]
    except NotImplementedError as error:
        raise InputError(
            f"{generator.name} gives no log-probabilities; perplexity needs a transformers model"
        ) from error
