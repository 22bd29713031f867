"""The nouns of rag/: how an answer comes about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict, runtime_checkable

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit

Verdict = Literal["supported", "contradicted", "unsupported", "unverifiable"]


# What an answer stands on: evidence, the model's own memory (none was looked for, or it didn't pass the gate), or
# nothing, since there is no answer.
Basis = Literal["evidence", "model", "none"]

Finish = Literal["stop", "length"]  # why a generation ended: the model or a stop string, or the token limit


class Message(TypedDict):
    role: str  # "system", "user" or "assistant"
    content: str


Prompt = str | list[Message]  # a completion prompt as it stands, or a conversation for the model's chat template


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen. Greedy unless `beams` > 1 or `temperature` > 0; the same seed gives the same text.

    Raises:
        InputError: fields that can't be together.
    """

    max_new_tokens: int = 32
    beams: int = 1
    temperature: float = 0.0
    top_k: int = 0  # draw among the k likeliest tokens; 0: all
    top_p: float = 1.0  # draw among the likeliest tokens that have this much probability together
    stop: tuple[str, ...] = ()
    seed: int = 0
    # Context-aware decoding: how far the prompt without its evidence counts against each token (`decode.contrasted`).
    # Twice the rows to compute; 0: off.
    contrast: float = 0.0
    # So many texts are drawn; the one that the evidence supports best is given, or that most of them agree on where
    # there is no evidence (`select.best_sample`).
    samples: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.contrast < math.inf:
            raise InputError(f"expected a contrast of at least 0, got {self.contrast:g}; 0.5 is usual, 0 is off")
        if self.samples < 1:
            raise InputError(f"expected at least 1 of samples, got {self.samples}")
        if self.samples > 1 and self.temperature <= 0:
            raise InputError(f"samples = {self.samples} need a temperature above 0, or all are the same; 0.7 is usual")
        if self.beams > 1 and (self.contrast > 0 or self.samples > 1):
            raise InputError(f"beams = {self.beams} go with neither contrast nor samples; set beams = 1, or those off")


@dataclass(frozen=True)
class Generation:
    """What a generator gave for one prompt. `log_probability`: of all new tokens together, in nats; None: unknown."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    log_probability: float | None = None
    finish: Finish = "stop"
    seconds: float = 0.0  # this prompt's share of its batch's wall time


Weigh = Callable[[Sequence[Sequence[str]]], list[list[np.ndarray]]]


@dataclass(frozen=True)
class Draft:
    """What was written for some of a call's prompts, and a way to weigh other texts after them at little cost.

    `places`: of the prompts in the call. `samples`: of each, at least one. `weigh(texts)`: for each prompt, how likely
    each of its texts is right after it, as `Generator.score` tells; None where that isn't known.
    """

    places: list[int]
    samples: list[list[Generation]]
    weigh: Weigh | None


@dataclass(frozen=True)
class Weighing:
    """In a stream: all is written, and text `number` of `of` is weighed now, the written one first."""

    number: int
    of: int


@dataclass(frozen=True)
class Replaced:
    """In a stream: `text` takes the place of all that was shown. "quotation": a span of the evidence, which fits the
    question and is likely enough. "repaired": the text after unsupported or demeaning words were changed."""

    text: str
    why: Literal["quotation", "repaired"]


@runtime_checkable
class Generator(Protocol):
    """Anything that continues a prompt."""

    name: str
    completes: bool  # whether it continues a plain text; if not, it wants a conversation

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding = ...) -> list[Generation]: ...

    def stream(self, prompt: Prompt, decoding: Decoding = ...) -> Iterator[str]: ...

    def score(self, prompt: Prompt, continuation: str) -> np.ndarray:
        """(tokens of the continuation,) natural-log probabilities, <= 0. Raises NotImplementedError where unknown."""
        ...


class Verifier(Protocol):
    """Says how far evidence supports a claim. Reports name it.

    Support of at least `threshold` means supported.
    """

    name: str
    threshold: float

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) in [0, 1]: for claim i, the best support found anywhere in the texts `evidence[i]`."""
        ...


@dataclass(frozen=True)
class Citation:
    """Where a claim's support can be opened: `start:end` counts in characters of the document's text."""

    document: str
    passage: int
    start: int
    end: int
    text: str
    source: str = ""
    page: int | None = None


@dataclass(frozen=True)
class Claim:
    """A stretch `start:end` of the answer that says one thing, with the verdict on it. `support` in [0, 1] or None."""

    text: str
    start: int
    end: int
    verdict: Verdict = "unverifiable"
    support: float | None = None
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class ChoiceScore:
    """How likely a generator finds one choice of a multiple-choice question, in nats (see `rag/choose.py`).

    `log_probability`: of the choice's tokens after the prompt, summed. `prior`: the same after a prompt that doesn't
    hold the question; None where it wasn't asked for. `link` >= 0: how well facts lead from the question to the choice
    (`rag/chains.py`); None where the arm doesn't ask.
    """

    text: str
    log_probability: float
    prior: float | None = None
    link: float | None = None


@dataclass(frozen=True)
class Usage:
    """What an answer cost: tokens, and seconds of wall time (for a batch, this answer's share)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    retrieve_s: float = 0.0
    generate_s: float = 0.0
    verify_s: float = 0.0

    @property
    def seconds(self) -> float:
        return self.retrieve_s + self.generate_s + self.verify_s


@dataclass(frozen=True)
class Repair:
    """A change to an answer: `after` in the place of `before` ("": it was cut), and `why`."""

    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Finding:
    """text[start:end] of an answer as it was written, what the output filter found there, and `why`.

    `group`: whom it demeans, by the names of `knowledge/group_lists.py`; "" for gendering.
    """

    start: int
    end: int
    text: str
    kind: str  # "slur", "offence" or "gendering"
    why: str
    group: str = ""


@dataclass(frozen=True)
class Answer:
    """One question answered by one arm. `abstained`: it declined to answer, and `text` says so.

    `confidence` in [0, 1]: the generator's own; of a text, the geometric mean of its tokens' probabilities; of a
    choice, its share among the choices. None: unknown (a chat model, a quotation). `choices`: where the question
    offered some and they were weighed by likelihood, one a choice, in order.

    `gate`: the probability in [0, 1] that what was found answers the question (`rag/gate.py`); None: the gate is off.
    `repairs`: what `Arm.repair` and `Arm.screen` changed in the text, in its order. `without`: fields of the arm that
    want log-probabilities, which this generator doesn't tell; it answered without them.
    """

    question: str
    text: str
    arm: str
    hits: tuple[Hit, ...] = ()
    claims: tuple[Claim, ...] = ()
    abstained: bool = False
    usage: Usage = field(default_factory=Usage)
    confidence: float | None = None
    choices: tuple[ChoiceScore, ...] = ()
    prompt: Any = None  # what the generator was given, for whoever wants to see it
    basis: Basis = "none"
    gate: float | None = None
    repairs: tuple[Repair, ...] = ()
    findings: tuple[Finding, ...] = ()  # of the output filter, where `Arm.screen` asks for it
    without: tuple[str, ...] = ()
