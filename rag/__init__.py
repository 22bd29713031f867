"""How an answer comes about: question → evidence → prompt → generation → claims and verdicts.

types       the nouns: Answer, Claim, Citation, Decoding, Generation; the plug points Generator and Verifier
arms        Arm, and the named ones: PLAIN, STOCK, AUGMENTED, LONGFORM, EXTRACTIVE; to measure by: ORACLE, NOISE,
            COUNTERFACTUAL
assistant   Assistant: asks, streams, judges
prompt      what a generator is given
generate    transformers models          langchain   LangChain's chat models
choose      a choice picked by likelihood extract     the best span, the sentences that fit
gate        does the evidence answer it? repair      unsupported claims cut, or written again
conversation  follow-up questions        claims      an answer split into claims
ground      verdicts and citations
abstain     declining, and telling that someone declined
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmground.rag.arms import (
    ANSWERING,
    ARMS,
    AUGMENTED,
    COUNTERFACTUAL,
    EXTRACTIVE,
    LONGFORM,
    NOISE,
    ORACLE,
    PLAIN,
    STOCK,
    Arm,
)

if TYPE_CHECKING:
    from firmground.rag.assistant import Assistant

__all__ = [
    "ANSWERING",
    "ARMS",
    "AUGMENTED",
    "COUNTERFACTUAL",
    "EXTRACTIVE",
    "LONGFORM",
    "NOISE",
    "ORACLE",
    "PLAIN",
    "STOCK",
    "Arm",
    "Assistant",
]


def __getattr__(name: str) -> object:
    if name == "Assistant":  # heavy: imported when asked for
        from firmground.rag.assistant import Assistant

        return Assistant
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
