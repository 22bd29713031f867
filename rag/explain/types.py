"""The nouns of reasons. Log-probabilities, drops and entropies are in nats (natural logarithms)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Method = Literal["leave-one-out", "contextcite", "attention"]


@dataclass(frozen=True)
class Source:
    """A sentence of the evidence. `start:end` counts in characters of the document, `at:at + len(text)` in the text of
    the prompt (of a chat: of its last message)."""

    text: str
    start: int
    end: int
    document: str
    passage: int
    at: int


@dataclass(frozen=True)
class Attribution:
    """How much each source carries the answer, and how far that can be trusted.

    `scores`, one a source, higher for more:
      leave-one-out   what the answer's log-probability loses without the source
      contextcite     the source's weight in a linear surrogate of the logit of the answer's probability
      attention       the share in [0, 1] of the answer's attention that goes to the source, all layers and heads alike

    `top_drops`: (k, what the answer's log-probability loses without the k sources of the highest scores).
    `lds`: the linear datamodeling score in [-1, 1], Spearman's rank correlation between what the scores predict for
    prompts without some of the sources and what the model says there, over `ablations` such prompts; None where ranks
    say nothing (fewer than three, or all alike). ContextCite predicts each from a surrogate that hasn't seen it.
    `agreement`: Spearman's correlation of the scores with leave-one-out's, over the sources; None for leave-one-out.
    """

    method: Method
    scores: tuple[float, ...]
    top_drops: tuple[tuple[int, float], ...]
    lds: float | None
    ablations: int
    agreement: float | None = None

    @property
    def order(self) -> list[int]:
        """The places of the sources, the one that carries most first; the earlier of two that carry the same."""
        return sorted(range(len(self.scores)), key=lambda place: -self.scores[place])


@dataclass(frozen=True)
class PassageDrop:
    """What the answer's log-probability loses without all sentences of a passage that stand in the prompt."""

    document: str
    passage: int
    drop: float


@dataclass(frozen=True)
class Token:
    """A token of the answer, `text == answer[start:end]`. Tokens that write one character together (bytes) share it.

    `log_probability`: of the token after all before it, <= 0. `entropy`: of the distribution it was drawn from, in
    [0, ln(vocabulary)].
    """

    text: str
    start: int
    end: int
    log_probability: float
    entropy: float


@dataclass(frozen=True, eq=False)
class Attention:
    """Where the model looked as it wrote the answer.

    `weights[layer, head, i, j]`, float32: from the position that answer token i was predicted at to prompt token j; a
    row's sum is at most 1 (the rest goes to the answer's own earlier tokens). `prompt_tokens`: their texts.
    `source_of`: (prompt tokens,) the source a token stands in, -1 for none. `of_question`: (prompt tokens,) bool.
    `attribution`: the attention that each source got, with the same figures of trust as every other reason.
    """

    weights: np.ndarray
    prompt_tokens: tuple[str, ...]
    source_of: np.ndarray
    of_question: np.ndarray
    attribution: Attribution | None


@dataclass(frozen=True, eq=False)
class Reasons:
    """Why an answer says what it says. `attribution` is None where no evidence stands in the prompt (`plain`).

    `log_probability`: of the whole answer after its prompt; `without_sources`: after the prompt without any source.
    `passages`: one a passage in the prompt, in its order.
    """

    question: str
    answer: str
    arm: str
    generator: str
    sources: tuple[Source, ...]
    attribution: Attribution | None
    passages: tuple[PassageDrop, ...]
    log_probability: float
    without_sources: float | None
    tokens: tuple[Token, ...]
    attention: Attention | None = None
