"""What a trained verifier looks at: how a claim and the windows of its evidence agree, as shares or small counts.

Every feature needs the evidence: none describes the claim alone, since hallucinated answers of public sets can be told
by their length and form without any evidence, which says nothing about grounding. What isn't there to be missed (no
number in the claim, no question asked) has the value of perfect agreement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from firmground.knowledge.text import language
from firmground.rag.numerals import numbers
from firmground.rag.opposites import opposite_terms
from firmground.rag.spans import Candidate, candidates
from firmground.rag.verify import (
    WINDOW,
    Reading,
    Window,
    best,
    disagrees,
    places,
    quotes,
    read,
    windows,
)
from firmground.rag.words import kin, names, rarity

# Name → the direction in which support may only grow with it (+1), fall (-1), or either (0).
FEATURES: dict[str, int] = {
    "support": 1,  # of the lexical verifier, in the best window
    "recall": 1,  # weighted share of the claim's terms in the best window
    "recall_all": 1,  # in all the evidence
    "recall_plain": 1,  # unweighted, without families, in all the evidence
    "recall_sentence": 1,  # the best single sentence
    "recall_with_question": 1,  # unweighted, of question and answer together
    "recall_rare": 1,  # of the best window, terms weighted by their rarity among the sentences
    "recall_cover": 1,  # weighted, in the three windows together that have most, wherever they stand
    "news": 1,  # of the terms that are neither the subject's, nor the question's, nor light
    "subject": 1,  # of the others
    "tail": 1,  # of the last two terms
    "pairs": 1,  # share of neighbouring terms that are neighbours in the window
    "run": 1,  # longest run of terms that stand so in the window, as share
    "order": 1,  # longest common subsequence with the window, as share
    "missing": -1,  # terms that the window lacks, up to six
    "missing_all": -1,  # that the evidence lacks
    "number_missing": -1,  # share of the claim's numbers that the window lacks
    "number_missing_all": -1,
    "number_conflict": -1,  # a number is missing, and the window has another of its kind
    "name_missing": -1,  # share of the claim's names that the window lacks
    "name_missing_all": -1,
    "name_conflict": -1,  # a name is missing, and the window has another
    "denial": -1,  # one says not, the other doesn't
    "opposite": -1,  # the window has the opposite of a word that it lacks
    "only": -1,  # the claim says only, all, never …; the window doesn't
    "kind": -1,  # "is a …": the class isn't in the window
    "asked": 1,  # share of the question's terms in the window
    "place": 1,  # the same against the window that has most, weighted by rarity
    "quoted": 1,  # the claim stands in the window word for word
    "fits": 1,  # score of the answer among the spans of the window that could answer, against the best
    "answers": 1,  # how far it is above the mean of them
}
NAMES = tuple(FEATURES)
_MOST_MISSING = 6

_ONLY = re.compile(
    r"\b(?:only|solely|exclusively|entirely|purely|just|merely|all|every|always|never|any|completely|zero|no)\b"
    r"|只有?|仅|唯一|全部|所有|从不|总是|完全|都",
    re.IGNORECASE,
)
_IS_A = re.compile(
    r"\b(?:is|are|was|were|be|been|being|became|becomes?)\s+(?:not\s+)?(?:an?|the|one of the)\s+"
    r"((?:[\w'’-]+\s+){0,5}?[\w'’-]+)"
    r"(?=\s*(?:[.,;:!?)]|$|\b(?:who|that|which|from|in|of|by|and|for|with|at|on|to)\b))",
    re.IGNORECASE,
)


def features(claim: str, evidence: Sequence[str]) -> np.ndarray:
    """(len(FEATURES),) of a claim, which may be "question? answer", against its evidence; zeros where one is empty."""
    return features_of(read(claim), windows(tuple(evidence)))


def features_of(claim: Reading, among: Sequence[Window]) -> np.ndarray:
    """The same for what was read already."""
    found = best(claim, among)
    if found is None:
        return np.zeros(len(NAMES))
    support, window = found
    vocabulary = frozenset().union(*(one.terms for one in among))
    families = kin(claim.terms, vocabulary)
    values = {"support": support}
    values |= _recalls(claim, window, among, vocabulary, families)
    values |= _order(claim, window)
    values |= _numbers_and_names(claim, window, among, vocabulary, families)
    values |= _contradictions(claim, window, families)
    values |= _answering(claim, window, among)
    return np.array([values[name] for name in NAMES], dtype=float)


def _has(term: str, terms: frozenset[str], families: dict[str, frozenset[str]]) -> bool:
    return term in terms or not terms.isdisjoint(families.get(term, ()))


def _share(flags: Sequence[bool]) -> float:
    """Of nothing: 1, nothing is missed."""
    return sum(flags) / len(flags) if flags else 1.0


def _recalls(
    claim: Reading,
    window: Window,
    among: Sequence[Window],
    vocabulary: frozenset[str],
    families: dict[str, frozenset[str]],
) -> dict[str, float]:
    total = sum(claim.weights)
    weighed = list(zip(claim.terms, claim.weights, strict=True))
    here = [_has(term, window.terms, families) for term in claim.terms]
    single = [one.terms for one in among if one.size == 1]
    news = [found for (_, weight), found in zip(weighed, here, strict=True) if weight >= 1.0]
    rest = [found for (_, weight), found in zip(weighed, here, strict=True) if weight < 1.0]
    return {
        "recall": sum(weight for (_, weight), found in zip(weighed, here, strict=True) if found) / total,
        "recall_all": sum(weight for term, weight in weighed if _has(term, vocabulary, families)) / total,
        "recall_plain": _share([term in vocabulary for term in claim.terms]),
        "recall_sentence": max(sum(weight for term, weight in weighed if term in terms) for terms in single) / total,
        "recall_with_question": _share([term in vocabulary for term in (*claim.asked, *claim.terms)]),
        "recall_rare": _rare(claim, window, single, families),
        "recall_cover": _cover(weighed, [one.terms for one in among if one.size == WINDOW or one.size == 1], families)
        / total,
        "news": _share(news),
        "subject": _share(rest),
        "tail": _share(here[-2:]),
        "missing": min(_MOST_MISSING, here.count(False)),
        "missing_all": min(_MOST_MISSING, sum(not _has(term, vocabulary, families) for term in claim.terms)),
    }


def _rare(
    claim: Reading, window: Window, single: Sequence[frozenset[str]], families: dict[str, frozenset[str]]
) -> float:
    weights = rarity(claim.terms, single)
    found = sum(weight for term, weight in weights.items() if _has(term, window.terms, families))
    return found / sum(weights.values())


def _cover(
    weighed: Sequence[tuple[str, float]], pieces: Sequence[frozenset[str]], families: dict[str, frozenset[str]]
) -> float:
    """The weight of the terms in up to three pieces of the evidence, each chosen for what the ones before it lack."""
    left = list(weighed)
    total = 0.0
    having = [frozenset(term for term, _ in weighed if _has(term, piece, families)) for piece in pieces]
    for _ in range(WINDOW):
        gains = [sum(weight for term, weight in left if term in had) for had in having]
        best = gains.index(max(gains))
        total += gains[best]
        left = [(term, weight) for term, weight in left if term not in having[best]]
    return total


def _order(claim: Reading, window: Window) -> dict[str, float]:
    """How the terms stand: pairs, the longest run, the longest common subsequence, and how densely."""
    said, there = claim.terms, window.sequence
    pairs = set(pairwise(there))
    kept = [pair in pairs for pair in pairwise(said)]
    run, order = _common(said, there)
    return {
        "pairs": _share(kept) if len(said) > 1 else float(said[0] in window.terms),
        "run": run / len(said),
        "order": order / len(said),
    }


def _common(said: Sequence[str], there: Sequence[str]) -> tuple[int, int]:
    """(longest common run, longest common subsequence) of two sequences, by dynamic programming."""
    runs, orders, longest = [0] * (len(there) + 1), [0] * (len(there) + 1), 0
    for term in said:
        new_runs, new_orders = [0], [0]
        for j, other in enumerate(there, start=1):
            same = term == other
            new_runs.append(runs[j - 1] + 1 if same else 0)
            new_orders.append(orders[j - 1] + 1 if same else max(orders[j], new_orders[-1]))
        runs, orders = new_runs, new_orders
        longest = max(longest, *runs)
    return longest, orders[-1]


def _numbers_and_names(
    claim: Reading,
    window: Window,
    among: Sequence[Window],
    vocabulary: frozenset[str],
    families: dict[str, frozenset[str]],
) -> dict[str, float]:
    here = numbers(window.words, loose=True)
    anywhere = set().union(*(numbers(one.words, loose=True) for one in among if one.size == 1))
    absent = claim.numbers - here
    others = numbers(window.words) - claim.numbers
    lacking = [name for name in claim.names if not _has(name, window.terms, families)]
    called = [name for name in names(window.words) if name not in claim.text.lower()]
    count = max(1, len(claim.numbers))
    return {
        "number_missing": len(absent) / count,
        "number_missing_all": len(claim.numbers - anywhere) / count,
        "number_conflict": float(any((len(one) == 4) == (len(two) == 4) for one in absent for two in others)),
        "name_missing": len(lacking) / max(1, len(claim.names)),
        "name_missing_all": _lacking(claim, vocabulary, families),
        "name_conflict": float(bool(lacking) and bool(called)),
    }


def _lacking(claim: Reading, vocabulary: frozenset[str], families: dict[str, frozenset[str]]) -> float:
    return sum(not _has(name, vocabulary, families) for name in claim.names) / max(1, len(claim.names))


def _contradictions(claim: Reading, window: Window, families: dict[str, frozenset[str]]) -> dict[str, float]:
    excluding = opposite_terms(language(claim.text))
    missing = [term for term in claim.terms if term not in window.terms]
    opposite = any(not window.terms.isdisjoint(excluding.get(term, ())) for term in missing)
    kinds = [match.group(1) for match in _IS_A.finditer(claim.text)]
    heads = [read(kind).terms[-1] for kind in kinds if read(kind).terms]
    return {
        "denial": float(disagrees(claim, window.words)),
        "opposite": float(opposite),
        "only": float(bool(_ONLY.search(claim.text)) and not _ONLY.search(window.words)),
        "kind": float(any(not _has(head, window.terms, families) for head in heads)),
    }


def _answering(claim: Reading, window: Window, among: Sequence[Window]) -> dict[str, float]:
    """How the window speaks of the question, and the answer stands among the spans that could answer it."""
    said = claim.text.strip(" \t.。,，;；!！").lower()
    if not claim.asked:
        return {"asked": 1.0, "place": 1.0, "quoted": float(said in window.words.lower()), "fits": 0.0, "answers": 0.0}
    place = places(claim, among)[next(i for i, one in enumerate(among) if one is window)]
    best, mean, own = span_scores(claim, window)
    return {
        "asked": _share([term in window.terms for term in claim.asked]),
        "place": place,
        "quoted": float(quotes(claim, window)),
        "fits": max(own - best, -8.0),
        "answers": min(max(own - mean, -4.0), 8.0),
    }


def span_scores(claim: Reading, window: Window) -> tuple[float, float, float]:
    """(best, mean, the answer's own) score of the window's spans as answers to the question; no span: zeros.

    The answer's own is the best of the spans that share half of its letters' bigrams (Dice); none: the lowest of all.
    """
    found = _candidates(claim.question, window.words)
    if not found:
        return 0.0, 0.0, 0.0
    said = claim.text.strip(" \t.。,，;；!！").lower()
    scores = [one.score for one in found]
    alike = [one.score for one in found if _dice(said, window.words[one.start : one.end].lower()) >= 0.5]
    return max(scores), sum(scores) / len(scores), max(alike, default=min(scores))


@lru_cache(maxsize=256)
def _candidates(question: str, words: str) -> list[Candidate]:
    return candidates(question, words)


def _dice(one: str, other: str) -> float:
    left, right = ({text[i : i + 2] for i in range(max(1, len(text) - 1))} for text in (one, other))
    return 2 * len(left & right) / (len(left) + len(right)) if left and right else 0.0
