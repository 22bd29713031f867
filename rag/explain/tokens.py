"""The answer's tokens as a person can read them: those that write one character together are one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmground.rag.explain.types import Reasons

UNSURE = 0.2  # tokens of a lower probability are marked


@dataclass(frozen=True)
class Stretch:
    """`text` of the answer, written by one token or by several that make a character (its bytes).

    `probability` in [0, 1]: of all of them together. `entropy`: nats, the largest among them.
    """

    text: str
    probability: float
    entropy: float


def stretches(reasons: Reasons) -> list[Stretch]:
    """The whole answer in order. A token that writes nothing (the space before the answer) goes with the next."""
    found: list[Stretch] = []
    at, log_probability, entropy = 0, 0.0, 0.0
    tokens = reasons.tokens
    for place, token in enumerate(tokens):
        log_probability += token.log_probability
        entropy = max(entropy, token.entropy)
        next_start = tokens[place + 1].start if place + 1 < len(tokens) else len(reasons.answer)
        if token.end > at and next_start >= token.end:
            end = token.end if place + 1 < len(tokens) else len(reasons.answer)
            found.append(Stretch(reasons.answer[at:end], math.exp(log_probability), entropy))
            at, log_probability, entropy = end, 0.0, 0.0
    return found
