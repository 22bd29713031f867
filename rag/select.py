"""Choosing between what the generator wrote and what the evidence says.

A small model's greedy answer is often the wrong words of the right sentence, and the span that the quoting arm likes
best is often the right kind of thing in the wrong place: they err apart. So the written answer and the best spans are
weighed together, by how well a span fits the question (`extract`) and by how likely the generator finds each text after
the very prompt that it answered. No further model; the prompt is read once for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from firmground.knowledge.text import terms
from firmground.rag.arms import Length
from firmground.rag.extract import Span

# Chosen on XQuAD's dev split (paragraphs whose id has an even SHA-256), SmolLM2-135M: docs/lab-log.md has the runs.
SUM = 0.4  # what a nat of the text's log-probability weighs, a point of the span's score weighing 1
MEAN = 0.5  # what a nat per token weighs: a long text isn't worse for being long
WRITTEN = 2.0  # the span score of a written answer that is none of the spans

# For answers in whole sentences, chosen on CLAPNQ's passages with an even SHA-256. Sums differ by length, and tell
# nothing else. What was written is given where no sentence fits: this model writes worse than it quotes.
FULL_SUM, FULL_MEAN, FULL_WRITTEN = 0.0, 0.5, 0.0


def best_text(
    written: str, spans: Sequence[Span], log_probabilities: Sequence[np.ndarray], answer: Length = "words"
) -> int:
    """Which text is best: 0 for the written answer, i for `spans[i - 1]`; the earlier of two that weigh the same.

    Args:
        written: what the generator wrote, not empty.
        spans: quotations of the evidence, of the length that is wanted.
        log_probabilities: of each text, the written one first: (its tokens,) nats after the prompt.
        answer: the length that is wanted.
    """
    of_sum, of_mean, unquoted = (SUM, MEAN, WRITTEN) if answer == "words" else (FULL_SUM, FULL_MEAN, FULL_WRITTEN)
    scores = {span.text: span.score for span in spans}
    fits = [scores.get(written, unquoted), *(span.score for span in spans)]
    weights = [
        fit + of_sum * float(row.sum()) + of_mean * float(row.mean()) if len(row) else float("-inf")
        for fit, row in zip(fits, log_probabilities, strict=True)
    ]
    return int(np.argmax(weights))


def most_agreed(texts: Sequence[str]) -> int:
    """Which text most of them agree on, spelling, case and punctuation aside; the earliest where several do.

    Self-consistency of Wang et al. (ICLR 2023, https://arxiv.org/abs/2203.11171), for texts instead of numbers.
    """
    votes = Counter(map(_normalised, texts))
    return max(range(len(texts)), key=lambda place: votes[_normalised(texts[place])])


def best_sample(texts: Sequence[str], supports: Sequence[float]) -> int:
    """Which text the evidence supports best, `supports` in [0, 1]; of equals the one that most of all agree on."""
    votes = Counter(map(_normalised, texts))
    return max(range(len(texts)), key=lambda place: (supports[place], votes[_normalised(texts[place])]))


def _normalised(text: str) -> str:
    return " ".join(terms(text)) or text.strip()
