"""The nouns of eval/: what a mitigation is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["higher", "lower", "none"]  # which way is better


@dataclass(frozen=True)
class Example:
    """One question with what is known about its answer.

    `answers` are the gold answers, any of which is right; empty where there is no gold. `answerable` False: the right
    behaviour is to abstain. `choices` and `answer`: a multiple-choice question and the right choice's text.
    `gold` names the documents (or holds the facts) that answer it. `metadata` keeps every other field of the row.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    answerable: bool = True
    choices: tuple[str, ...] = ()
    answer: str | None = None
    gold: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """One example answered by one arm, kept row by row: a line of `outcomes.jsonl`.

    `scores` maps a metric's name to a number in [0, 1], or to a status ("abstained", "no_gold", "no_claims", "error")
    where the metric isn't defined for this row: never NaN, never a silent 0.
    """

    id: str
    arm: str
    question: str
    answer: str
    abstained: bool
    hits: tuple[Mapping[str, Any], ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()
    scores: Mapping[str, float | str] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Score:
    """A figure that can be published: `low` and `high` bound its 95% confidence interval over `n` examples."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    direction: Direction = "higher"
    ideal: float = 1.0
