"""Standing on evidence: how far it supports a claim, which sentence does, and what that makes the claim.

`LexicalVerifier` is deterministic, trained on nothing and quick: about a millisecond a claim. It is the weighted recall
of a claim's content terms in the best window of one to three sentences, and no evidence is cut off. Its weights and
its threshold were chosen by hand on one half of WiCE, FEVER-Symmetric and HaluEval; `python -m
firmground.eval.bench.verifier` measures it on the other half, and what came out is packaged: `measured_error()`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np

from firmground.knowledge.text import language, sentences
from firmground.knowledge.types import Hit
from firmground.rag.claims import is_clause
from firmground.rag.types import Citation, Claim, Verifier
from firmground.rag.words import content, is_close, names, negated, numbers, stem

WINDOW = 3  # sentences a claim may stand on together
THRESHOLD = 0.6  # support from which a claim counts as supported; the best balanced accuracy on the tuning halves

# Weights of a claim's terms, 1.0 for all others. Chosen on the tuning halves, one at a time.
NUMBER, NAME = 2.0, 1.5  # what a made-up claim most often gets wrong
LIGHT = 0.4  # verbs that are worded differently everywhere
SUBJECT = 0.4  # the name a claim opens with: the evidence says "she", its title says who
ASKED = 0.3  # words of the question, repeated in an answer to it
FUZZY = 0.7  # share of the weight that a word of the same family earns: politics, politician

# What support is multiplied by.
NUMBER_MISSING = 0.6  # where none of the claim's numbers is in the window; in between by share
NAME_MISSING = 0.8  # a name that isn't in the evidence at all
NEGATION = 0.6  # one says not, the other doesn't
ELSEWHERE = 0.6  # an answer from a window without any of the question's words, beside one from the window with most
SCATTERED = 0.7  # a short answer none of whose words stand together in the window
PER_SENTENCE = 0.02  # taken off for each further sentence of a window: the shortest that supports is cited

_LIGHT = frozenset(
    map(
        stem,
        "act appear began begin begun start started work make made create call name include know known help involve become"
        " became use play contain locate real type kind someone something person".split(),
    )
)
_MONTHS = frozenset(
    map(
        stem,
        "january february march april may june july august september october november december".split(),
    )
)
_FIRST_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|did|do|can|could|will|would|may|might|must)\b|\b[a-z]{2,}(?:ed|s)\b"
)
_ASKED_THEN_ANSWERED = re.compile(r"(.*[?？])\s*([^\s?？][^?？]*)", re.DOTALL)
_YES = re.compile(r"(?:yes|yeah|yep|true|correct|right|是的?|对的?|会的?|可以|能|没错|正确)[\s.,!。，！]*", re.IGNORECASE)
_NO = re.compile(r"(?:no|nope|false|incorrect|wrong|不|不是的?|不对|不会|不能|不可以|没有|错误?|否)[\s.,!。，！]*", re.IGNORECASE)


# -------------------------------------------------------------------------------------------------------- the verifier


@dataclass(frozen=True)
class _Window:
    """One to three neighbouring sentences `start:end` of text number `text`."""

    text: int
    start: int
    end: int
    size: int
    sequence: tuple[str, ...]  # content terms in order
    terms: frozenset[str]
    words: str


@dataclass(frozen=True)
class _Read:
    """A claim as the verifier reads it."""

    text: str
    terms: tuple[str, ...]
    weights: tuple[float, ...]
    numbers: frozenset[str]
    names: frozenset[str]  # apart from those of the subject
    asked: tuple[str, ...]  # content terms of the question it answers, if it is a fragment

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return list(zip(self.terms, self.terms[1:], strict=False))


class LexicalVerifier:
    """Implements `rag.types.Verifier`: the support for a claim in [0, 1], the same however long the evidence is.

    A claim of the form "question? answer" (see `verifiable`) is judged by its answer, in a window that also has the
    question's words.
    """

    name = "lexical-1"

    def __init__(self, threshold: float = THRESHOLD):
        self.threshold = threshold

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) float64 in [0, 1]; 0 where there is no evidence or the claim has no word."""
        scores = np.zeros(len(claims))
        for i, (claim, texts) in enumerate(zip(claims, evidence, strict=True)):
            ranked = _rank(_read(claim), _windows(tuple(texts)))
            scores[i] = ranked[0][0] if ranked else 0.0
        return scores


@lru_cache(maxsize=256)
def _windows(texts: tuple[str, ...]) -> tuple[_Window, ...]:
    found = []
    for number, text in enumerate(texts):
        spans = sentences(text)
        parts = [tuple(content(text[start:end])) for start, end in spans]
        for first in range(len(spans)):
            for size in range(1, min(WINDOW, len(spans) - first) + 1):
                start, end = spans[first][0], spans[first + size - 1][1]
                sequence = tuple(term for part in parts[first : first + size] for term in part)
                found.append(_Window(number, start, end, size, sequence, frozenset(sequence), text[start:end]))
    return tuple(found)


def _read(claim: str) -> _Read:
    """Weigh the claim's terms: what carries the news weighs more than what it is about."""
    match = _ASKED_THEN_ANSWERED.fullmatch(claim.strip())
    asked, said = (match.group(1), match.group(2)) if match else ("", claim)
    terms = tuple(content(said)) if any(character.isalnum() for character in said) else ()
    verb = _FIRST_VERB.search(said)
    head = said[: verb.start()] if verb and verb.start() < 60 and language(said) == "en" else ""
    subject = frozenset(content(head)) if names(head) else frozenset()
    question = tuple(content(asked)) if asked else ()
    called = frozenset(stem(name) for name in names(said)) - subject
    weights = tuple(_weight(term, subject, called, frozenset(question)) for term in terms)
    return _Read(said, terms, weights, frozenset(numbers(said)), called, question)


def _weight(term: str, subject: frozenset[str], called: frozenset[str], asked: frozenset[str]) -> float:
    if term in asked:
        return ASKED
    if term in subject:
        return SUBJECT
    if term in _LIGHT:
        return LIGHT
    if term.isdigit() or term in _MONTHS:
        return NUMBER
    return NAME if term in called else 1.0


def _rank(claim: _Read, windows: Sequence[_Window]) -> list[tuple[float, _Window]]:
    """(support in [0, 1], window), best first; of equals the shortest, then the first."""
    if not claim.terms or not windows:
        return []
    vocabulary = frozenset().union(*(window.terms for window in windows))
    kin = {
        term: frozenset(word for word in vocabulary if is_close(term, word))
        for term in set(claim.terms) - vocabulary
    }  # fmt: skip
    most_asked = max((_share(claim.asked, window.terms) for window in windows), default=0.0)
    unknown = any(name not in vocabulary and not kin.get(name) for name in claim.names)
    scored = []
    for window in windows:
        score = _recall(claim, window, kin) * _agreement(claim, window, most_asked) * (NAME_MISSING if unknown else 1.0)
        scored.append((score, window))
    return sorted(scored, key=lambda one: (PER_SENTENCE * (one[1].size - 1) - one[0], one[1].size))


def _recall(claim: _Read, window: _Window, kin: Mapping[str, frozenset[str]]) -> float:
    earned = 0.0
    for term, weight in zip(claim.terms, claim.weights, strict=True):
        if term in window.terms:
            earned += weight
        elif not window.terms.isdisjoint(kin.get(term, ())):
            earned += FUZZY * weight
    return earned / sum(claim.weights)


def _agreement(claim: _Read, window: _Window, most_asked: float) -> float:
    """The product of the penalties that apply to this window, in (0, 1]."""
    factor = 1.0
    if claim.numbers:
        missing = len(claim.numbers - numbers(window.words)) / len(claim.numbers)
        factor *= 1 - (1 - NUMBER_MISSING) * missing
    if negated(claim.text) and not negated(window.words):
        factor *= NEGATION
    if claim.asked and most_asked:
        factor *= ELSEWHERE + (1 - ELSEWHERE) * _share(claim.asked, window.terms) / most_asked
    if claim.asked and claim.pairs:
        following = set(zip(window.sequence, window.sequence[1:], strict=False))
        factor *= SCATTERED + (1 - SCATTERED) * sum(pair in following for pair in claim.pairs) / len(claim.pairs)
    return factor


def _share(terms: Sequence[str], among: frozenset[str]) -> float:
    return sum(term in among for term in terms) / len(terms) if terms else 0.0


# ------------------------------------------------------------------------------------------------- claims and verdicts


def verifiable(question: str, claim: str) -> str:
    """What a verifier reads for a claim of an answer to `question`.

    - A clause with a subject and a verb is read as it stands.
    - A fragment ("Andrew Jackson", "早期") says something only as an answer: "question? fragment".
    - "Yes" claims what was asked, "No" that it isn't so.
    """
    question, claim = question.strip(), claim.strip()
    asked = question.rstrip("?？ ").removesuffix("吗")
    if not asked or not claim:
        return claim
    chinese = language(question) == "zh"
    if _YES.fullmatch(claim):
        return asked
    if _NO.fullmatch(claim):
        return f"并非{asked}" if chinese else f"It is not so: {asked}"
    if is_clause(claim):
        return claim
    return f"{asked}{'？' if chinese else '? '}{claim}"
