"""A verifier that reads words: deterministic, trained on nothing, quick (four paragraphs: 25 ms), no evidence cut off.

Support is the weighted recall of a claim's content terms in the best window of one to three sentences of the evidence,
lowered where numbers or names are missing and where the claim denies what the window doesn't. Recall, not similarity:
long evidence isn't punished for what else it says, nor a long claim for its length. Weights were set by hand on one
half of WiCE, FEVER-Symmetric and HaluEval (one constant at a time; what an answer's place weighs, on XQuAD too);
`python -m firmground.eval.bench.verifier` measures the other half.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from firmground.knowledge.text import language, sentences
from firmground.rag.claims import SOURCE_MARK
from firmground.rag.numerals import arabic, numbers, value_of
from firmground.rag.opposites import small_opposites
from firmground.rag.words import content, kin, names, negated, rarity, stem

WINDOW = 3  # sentences a claim may stand on together
THRESHOLD = 0.65  # support from which a claim counts as supported: best balanced accuracy on the tuning halves together

# Weights of a claim's terms; all others weigh 1.
NUMBER, NAME = 2.0, 1.5  # what a made-up claim most often gets wrong
LIGHT = 0.4  # verbs that are worded differently everywhere
SUBJECT = 0.3  # the name a claim opens with: the evidence says "she", and its title who
ASKED = 0.3  # words of the question, repeated in an answer to it
FAMILY = 0.7  # share of the weight that a word of the same family earns: politics, politician

# What support is multiplied by.
NUMBER_MISSING = 0.6  # none of the claim's numbers is in the window; in between by share
NAME_MISSING = 0.8  # a name that isn't in the evidence at all
DENIED = 0.6  # one says not, the other doesn't
ELSEWHERE = 0.2  # an answer in a window without the question's words; 1.0 in the window that has most of them
SCATTERED = 0.7  # an answer no two of whose words stand together in the window
PER_SENTENCE = 0.02  # handicap of each further sentence when windows compete: the shortest that supports is cited

# Share of the claim's weight that a sentence must have before its other number, or its "not", contradicts the claim.
ABOUT_NUMBER, ABOUT_DENIAL = 0.5, 0.7

_LIGHT_WORDS = """act appear began begin begun start started work make made create call name include know known help
    involve become became use play contain locate real type kind someone something person"""
_MONTH_NAMES = """january february march april may june july august september october november december"""
_LIGHT = frozenset(map(stem, _LIGHT_WORDS.split()))
_MONTHS = frozenset(map(stem, _MONTH_NAMES.split()))
_FIRST_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|did|do|can|could|will|would|may|might|must)\b|\b[a-z]{2,}(?:ed|s)\b"
)
_PART = re.compile(r"[.,;:!?()，。；：！？（）]+(?=\D|$)|\bbut\b|但是?|而是")
# Marks of a source behind a sentence and numbers of a list before it are no numbers of the claim.
_MARKS = re.compile(rf"\s*{SOURCE_MARK}|^\s*\(?\d{{1,2}}[.)、](?!\d)\s*(?=\D)")
_ASKED_THEN_ANSWERED = re.compile(r"(.*[?？])\s*([^\s?？][^?？]*)", re.DOTALL)


@dataclass(frozen=True)
class Window:
    """`size` neighbouring sentences: `evidence[text][start:end] == words`."""

    text: int
    start: int
    end: int
    size: int
    words: str
    sequence: tuple[str, ...]  # content terms, in order
    terms: frozenset[str]


@dataclass(frozen=True)
class Reading:
    """A claim as it is weighed. `asked`: the content terms of the question, where the claim is "question? answer"."""

    text: str
    terms: tuple[str, ...]
    weights: tuple[float, ...]  # > 0, one a term
    numbers: frozenset[str]
    names: frozenset[str]  # without those of the subject
    asked: tuple[str, ...]
    question: str = ""


class LexicalVerifier:
    """Implements `rag.types.Verifier`.

    A claim of the form "question? answer" is judged by its answer, in a window that also has the question's words.
    """

    name = "lexical-3"

    def __init__(self, threshold: float = THRESHOLD):
        self.threshold = threshold

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) in [0, 1]; 0 where there is no evidence or the claim has no word."""
        scores = np.zeros(len(claims))
        for i, (claim, texts) in enumerate(zip(claims, evidence, strict=True)):
            found = best(read(claim), windows(tuple(texts)))
            scores[i] = found[0] if found else 0.0
        return scores


@lru_cache(maxsize=64)
def windows(texts: tuple[str, ...]) -> tuple[Window, ...]:
    """Every window of the evidence, in order. The last few sets of evidence are remembered: all arms share one."""
    found = []
    for number, text in enumerate(texts):
        spans = sentences(text)
        parts = [_valued(text[start:end]) for start, end in spans]
        for first in range(len(spans)):
            for size in range(1, min(WINDOW, len(spans) - first) + 1):
                start, end = spans[first][0], spans[first + size - 1][1]
                sequence = tuple(term for part in parts[first : first + size] for term in part)
                found.append(Window(number, start, end, size, text[start:end], sequence, frozenset(sequence)))
    return tuple(found)


def read(claim: str) -> Reading:
    """Weigh the claim's terms: what carries the news weighs more than what it is about."""
    claim = _MARKS.sub("", claim).strip()
    match = _ASKED_THEN_ANSWERED.fullmatch(claim)
    asked, said = (match.group(1), match.group(2)) if match else ("", claim)
    terms = _valued(said)
    verb = _FIRST_VERB.search(said)
    head = said[: verb.start()] if verb and verb.start() < 60 and language(said) == "en" else ""
    subject = frozenset(_valued(head)) if names(head) else frozenset()
    question = _valued(asked)
    called = frozenset(stem(name) for name in names(said)) - subject
    weights = tuple(_weight(term, subject, called, frozenset(question)) for term in terms)
    return Reading(said, terms, weights, frozenset(numbers(said)), called, question, asked)


def _valued(text: str) -> tuple[str, ...]:
    """The content terms, numbers by their value: "the seventh" and "the 7th" meet."""
    return tuple(value_of(term) for term in content(arabic(text)))


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


def rank(claim: Reading, among: Sequence[Window]) -> list[tuple[float, Window]]:
    """(support in [0, 1], window), best first; of equals the shortest, then the first."""
    if not claim.terms or not among:
        return []
    vocabulary = frozenset().union(*(window.terms for window in among))
    families = kin(claim.terms, vocabulary)
    known = all(name in vocabulary or families.get(name) for name in claim.names)
    scored = []
    for window, place in zip(among, places(claim, among), strict=True):
        support = _recall(claim, window, families) * _agreement(claim, window) * place
        scored.append((support if known else support * NAME_MISSING, window))
    return sorted(scored, key=lambda one: (PER_SENTENCE * (one[1].size - 1) - one[0], one[1].size))


def best(claim: Reading, among: Sequence[Window]) -> tuple[float, Window] | None:
    """The first of `rank`, without weighing windows that can't be it; None where there is nothing to rank."""
    if not claim.terms or not among:
        return None
    vocabulary = frozenset().union(*(window.terms for window in among))
    families = kin(claim.terms, vocabulary)
    known = 1.0 if all(name in vocabulary or families.get(name) for name in claim.names) else NAME_MISSING
    most = [
        known * place * _recall(claim, window, families)
        for window, place in zip(among, places(claim, among), strict=True)
    ]
    handicaps = [PER_SENTENCE * (window.size - 1) for window in among]
    chosen, least = -1, (float("inf"), 0, 0)
    for i in sorted(range(len(among)), key=lambda i: handicaps[i] - most[i]):
        if handicaps[i] - most[i] > least[0]:
            break
        one = (handicaps[i] - most[i] * _agreement(claim, among[i]), among[i].size, i)
        if one < least:
            chosen, least = i, one
    return handicaps[chosen] - least[0], among[chosen]


def _recall(claim: Reading, window: Window, families: Mapping[str, frozenset[str]]) -> float:
    if quotes(claim, window):
        return 1.0
    earned = 0.0
    for term, weight in zip(claim.terms, claim.weights, strict=True):
        if term in window.terms:
            earned += weight
        elif not window.terms.isdisjoint(families.get(term, ())):
            earned += FAMILY * weight
    return earned / sum(claim.weights)


def _agreement(claim: Reading, window: Window) -> float:
    """The product of the penalties for what this window lacks, in (0, 1]."""
    factor = 1.0
    if claim.numbers:
        missing = len(claim.numbers - numbers(window.words, loose=True)) / len(claim.numbers)
        factor *= 1 - (1 - NUMBER_MISSING) * missing
    if disagrees(claim, window.words):
        factor *= DENIED
    if claim.asked and len(claim.terms) > 1 and not quotes(claim, window):
        pairs = list(zip(claim.terms, claim.terms[1:], strict=False))
        there = set(zip(window.sequence, window.sequence[1:], strict=False))
        factor *= SCATTERED + (1 - SCATTERED) * sum(pair in there for pair in pairs) / len(pairs)
    return factor


def quotes(claim: Reading, window: Window) -> bool:
    """Whether an answer to a question stands in the window word for word. Chinese bigrams alone don't tell: 约9% begins
    with a lone 约, which inside 膨胀约9% is no term."""
    said = claim.text.strip(" \t.。,，;；!！").lower()
    if not claim.asked or not said:
        return False
    edges = (r"(?<!\w)" if said[0].isascii() else "", r"(?!\w)" if said[-1].isascii() and said[-1].isalnum() else "")
    return re.search(edges[0] + re.escape(said) + edges[1], window.words.lower()) is not None


def disagrees(claim: Reading, words: str) -> bool:
    """Whether one of the two says not where the other doesn't, or before where the other says after.

    A claim in several parts may deny one of them: then the part of the text that this one is about must deny it too.
    """
    if _turned(claim, words):
        return True
    if not negated(claim.text):
        return denies(words, claim)
    return not all(denies(words, part) for part in _denied_parts(claim.text) or (claim,))


def _turned(claim: Reading, words: str) -> bool:
    """Whether the claim says before, over, 早上 … where the sentence that has most of it says after, under, 晚上 …"""
    tongue = language(claim.text)
    said, table = _heard(claim.text, tongue), small_opposites(tongue)
    if not said:
        return False
    there = _heard(_nearest([words[start:end] for start, end in sentences(words)], claim), tongue)
    return any(not (there - said).isdisjoint(table[word]) for word in said - there)


def _heard(text: str, tongue: str) -> set[str]:
    """The text's words among those that `small_opposites` knows."""
    table = small_opposites(tongue)
    if tongue == "zh":
        return {word for word in table if word in text}
    return table.keys() & set(re.findall(r"[a-z]+", text.lower()))


@lru_cache(maxsize=256)
def _denied_parts(text: str) -> tuple[Reading, ...]:
    """The parts of a text that say not, where it has several; it is asked about once for each window."""
    parts = [part for part in _PART.split(text) if part.strip()]
    return tuple(read(part) for part in parts if negated(part)) if len(parts) > 1 else ()


def denies(words: str, claim: Reading) -> bool:
    """Whether the part of the text that has most of the claim is negated: not what is said beside it, after a comma."""
    if not negated(words):
        return False
    return negated(_nearest([part for part in _PART.split(words) if part.strip()], claim))


def _nearest(parts: Sequence[str], claim: Reading) -> str:
    """The part that has most of the claim; "" of none."""
    wanted = dict(zip(claim.terms, claim.weights, strict=True))
    return max(parts, key=lambda part: sum(wanted.get(term, 0.0) for term in set(_valued(part))), default="")


def places(claim: Reading, among: Sequence[Window]) -> list[float]:
    """For an answer to a question: from `ELSEWHERE` to 1, by how much of the question each window has a sentence.

    What was asked, weighted by rarity, against the window that has most. Without this a wrong answer copied from the
    right passage passes (XQuAD, the answer to a neighbouring question: AUROC 0.50; with it 0.77 en, 0.73 zh).
    """
    if not claim.asked:
        return [1.0] * len(among)
    weights = rarity(claim.asked, [window.terms for window in among if window.size == 1])
    found = [sum(weight for term, weight in weights.items() if term in window.terms) / window.size for window in among]
    most = max(found) or 1.0
    return [ELSEWHERE + (1 - ELSEWHERE) * share / most for share in found]


# ------------------------------------------------------------------------------------------------------- contradiction


def contradicting(claim: Reading, among: Sequence[Window]) -> Window | None:
    """The first sentence that is about the claim's matter and says another number, or the opposite.

    Two rules, kept for their precision on FEVER-Symmetric (`ground.measured_error` holds it); "another name in the
    same place" was tried and left out (0.73). An answer that is only a fragment is never contradicted: what it says
    hangs on the question alone, and the rules weren't measured on such.
    """
    if claim.asked or not claim.terms:
        return None
    single = [window for window in among if window.size == 1]
    absent = claim.numbers.difference(*(numbers(window.words, loose=True) for window in single))
    about = {term: weight for term, weight in zip(claim.terms, claim.weights, strict=True) if term not in absent}
    for window in single:
        share = sum(weight for term, weight in about.items() if term in window.terms) / (sum(about.values()) or 1.0)
        other = numbers(window.words) - claim.numbers
        if share >= ABOUT_NUMBER and any(_is_year(one) == _is_year(two) for one in absent for two in other):
            return window
        if share >= ABOUT_DENIAL and not absent and disagrees(claim, window.words):
            return window
    return None


def _is_year(number: str) -> bool:
    return len(number) == 4 and number.isdigit()
