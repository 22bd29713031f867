"""Ablations: the answer's log-probability after its prompt without some sources, and what attributions are held to.

Cohen-Wang, Shah, Georgiev and Madry, "ContextCite: Attributing Model Generation to Context" (NeurIPS 2024,
https://arxiv.org/abs/2409.00729): the top-k log-probability drop (section 2.2) and the linear datamodeling score (LDS:
Park et al., "TRAK", ICML 2023, https://arxiv.org/abs/2303.14186).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from firmground.rag.explain.sources import without
from firmground.rag.explain.types import Source
from firmground.rag.types import Prompt

ScoreBatch = Callable[[Sequence[Prompt], Sequence[str]], list[np.ndarray]]

TOP = (1, 3, 5)  # k of the top-k drop, as in the paper
KEEP = 0.5  # probability that an ablation keeps a source, as in the paper


class Ablations:
    """An answer with subsets of its sources. Each subset is scored once, many in one call.

    Args:
        score_batch: a generator's; it reads once what the prompts begin with.
        prompt: what was answered.
        continuation: the answer as it follows the prompt.
        sources: the prompt's, in its order.
    """

    def __init__(self, score_batch: ScoreBatch, prompt: Prompt, continuation: str, sources: Sequence[Source]) -> None:
        self.score_batch = score_batch
        self.prompt, self.continuation, self.sources = prompt, continuation, sources
        self._known: dict[bytes, np.ndarray] = {}  # of a mask, the log-probabilities of the answer's tokens

    def log_probabilities(self, masks: np.ndarray) -> np.ndarray:
        """(n,) float64: of the whole answer, for each row of `masks` (n, sources), bool: which sources are kept."""
        score_together([self], [masks])
        return np.array([self._known[row.tobytes()].sum(dtype=np.float64) for row in masks])

    @property
    def num_tokens(self) -> int:
        """Tokens of the answer."""
        self.log_probabilities(self.full[None])
        return len(self._known[self.full.tobytes()])

    @property
    def full(self) -> np.ndarray:
        """The mask that keeps every source."""
        return np.ones(len(self.sources), dtype=bool)

    @property
    def ends(self) -> np.ndarray:
        """(2, sources) bool: with every source, with none."""
        return np.stack([self.full, ~self.full])

    def drop(self, places: Sequence[int]) -> float:
        """What the answer's log-probability loses without the sources at these places."""
        masks = np.stack([self.full, self.full])
        masks[1, list(places)] = False
        all_kept, removed = self.log_probabilities(masks)
        return float(all_kept - removed)

    def unknown(self, masks: np.ndarray) -> list[np.ndarray]:
        """The different rows of `masks` that weren't scored yet."""
        rows = {row.tobytes(): row for row in masks}
        return [row for key, row in rows.items() if key not in self._known]

    def learn(self, mask: np.ndarray, log_probabilities: np.ndarray) -> None:
        self._known[mask.tobytes()] = log_probabilities


def score_together(several: Sequence[Ablations], masks: Sequence[np.ndarray]) -> None:
    """Score what isn't known of `masks[i]` for `several[i]`, all of one generator, in one call."""
    wanted = [(one, mask) for one, rows in zip(several, masks, strict=True) for mask in one.unknown(rows)]
    if not wanted:
        return
    prompts = [without(one.prompt, one.sources, mask.tolist()) for one, mask in wanted]
    rows = several[0].score_batch(prompts, [one.continuation for one, _ in wanted])
    for (one, mask), row in zip(wanted, rows, strict=True):
        one.learn(mask, row)


def subsets(num_sources: int, most: int, seed: int = 0) -> np.ndarray:
    """(n, num_sources) bool: every subset where there are at most `most`; else `most` that keep each source or not by
    a fair coin, as ContextCite draws them."""
    if 2**num_sources <= most:
        return np.array(list(product([False, True], repeat=num_sources)), dtype=bool).reshape(-1, num_sources)
    return np.random.default_rng(seed).random((most, num_sources)) < KEEP


def top_drops(ablations: Ablations, scores: Sequence[float] | np.ndarray) -> tuple[tuple[int, float], ...]:
    """(k, nats) for every k of TOP that there are sources for."""
    order = np.argsort(-np.asarray(scores), kind="stable").tolist()
    ks = [k for k in TOP if k <= len(order)]
    masks = np.ones((len(ks), len(order)), dtype=bool)
    for row, k in zip(masks, ks, strict=True):
        row[order[:k]] = False
    ablations.log_probabilities(masks)  # in one call
    return tuple((k, ablations.drop(order[:k])) for k in ks)


def logit(log_probabilities: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)) of log-probabilities, each <= 0: what ContextCite's surrogate predicts.

    An answer as good as certain counts as 1 - 1e-9, so that nothing is infinite.
    """
    certain = np.minimum(log_probabilities, np.log1p(-1e-9))
    return certain - np.log(-np.expm1(certain))


def spearman(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float | None:
    """Rank correlation in [-1, 1], ties sharing their mean rank; None for fewer than three pairs or where one side is
    all alike."""
    if len(first) < 3:
        return None
    ranks = np.stack([_ranks(np.asarray(values, dtype=np.float64)) for values in (first, second)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=1)).prod()
    return float(np.clip(centred[0] @ centred[1] / spread, -1, 1)) if spread > 0 else None


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
