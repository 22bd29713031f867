"""Answering by quotation: the sentence that fits a question best, and the short span in it that answers.

No model: words, their rarity among the retrieved sentences, where a passage ranked, and what kind of thing the question
asks for. Deterministic, in English and Chinese. It is the extractive arm's heart, quotes whole sentences where they are
wanted (`best_stretches`), builds short evidence for small generators (`best_sentences`), and tells whether the evidence
speaks of the question at all (`fit`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from firmground.knowledge.text import language, sentences
from firmground.knowledge.types import Hit
from firmground.rag.spans import SENTENCE_EN, SENTENCE_ZH, candidates
from firmground.rag.words import content, kin, rarity

# Chosen on XQuAD's dev split (paragraphs whose id has an even SHA-256), en and zh together.
FUZZY = 0.7  # what a word of the same family counts for
PREVIOUS = 0.3  # what a word counts for that only the sentence before has: "It was …"
RANK = 0.1  # lost per place of the passage among the hits
READ = 3  # best sentences in which spans are looked for
STRETCH = 3  # sentences that an answer in whole sentences has at most
PER_SENTENCE = 0.05  # what each of its sentences brings; chosen on CLAPNQ's passages whose id has an even SHA-256
FIT_WINDOW = 2  # sentences that may speak of the question together


@dataclass(frozen=True)
class Span:
    """A quotation: `hit.passage.text[start:end] == text`. `score` compares the spans of one question, no further."""

    text: str
    hit: Hit
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class _Sentence:
    """A sentence of the retrieved passages, `passage.text[start:end]`. `score`: how well it fits, at most 1."""

    place: int  # of its passage among the hits, from 0
    start: int
    end: int
    text: str
    terms: frozenset[str]
    score: float = 0.0


def best_span(question: str, hits: Sequence[Hit]) -> Span | None:
    """The span that answers best: some words of one of the three sentences that fit best. None without a sentence.

    Where a sentence holds nothing but the question's own words, the whole sentence is quoted.
    """
    return next(iter(best_spans(question, hits, 1)), None)


def best_spans(question: str, hits: Sequence[Hit], most: int) -> list[Span]:
    """At most `most` spans with different texts, best first: the runners-up of `best_span` too."""
    weight = SENTENCE_ZH if language(question) == "zh" else SENTENCE_EN
    ranked = sorted(_scored(question, hits), key=lambda one: (-one.score, one.place, one.start))
    found: list[Span] = []
    for sentence in ranked[:READ]:
        hit = hits[sentence.place]
        for candidate in candidates(question, sentence.text):
            start, end = sentence.start + candidate.start, sentence.start + candidate.end
            found.append(Span(hit.passage.text[start:end], hit, start, end, weight * sentence.score + candidate.score))
    if not found and ranked:
        first = ranked[0]
        return [Span(first.text, hits[first.place], first.start, first.end, weight * first.score)]
    return _different(found, most)


def best_stretches(question: str, hits: Sequence[Hit], most: int) -> list[Span]:
    """At most `most` stretches of one to `STRETCH` neighbouring sentences with different texts, best first.

    What `best_spans` is for an answer of a few words, this is for one in whole sentences. A stretch scores the mean of
    its sentences, and a little for each of them.
    """
    scored = _scored(question, hits)
    found = []
    for first in range(len(scored)):
        for size in range(1, STRETCH + 1):
            taken = scored[first : first + size]
            if len(taken) < size or taken[-1].place != taken[0].place:
                break
            hit, start, end = hits[taken[0].place], taken[0].start, taken[-1].end
            score = sum(one.score for one in taken) / size + PER_SENTENCE * size
            found.append(Span(hit.passage.text[start:end], hit, start, end, score))
    return _different(found, most)


def _different(spans: Sequence[Span], most: int) -> list[Span]:
    """The best spans with different texts, best first; of equals the one that comes first."""
    different: dict[str, Span] = {}
    for span in sorted(spans, key=lambda span: -span.score):
        different.setdefault(span.text, span)
        if len(different) == most:
            break
    return list(different.values())


def best_sentences(
    question: str, hits: Sequence[Hit], max_tokens: int, count_tokens: Callable[[list[str]], list[int]]
) -> list[tuple[Hit, int, int]]:
    """Stretches of the passages, of `max_tokens` tokens together at most, that hold the sentences that fit best.

    Sentences are taken best first while they fit in; what adjoins is joined. The order is that of the hits, and within
    a passage that of its text. `max_tokens` 0: all sentences. A first sentence that is too long is cut.
    """
    ranked = sorted(_scored(question, hits), key=lambda one: (-one.score, one.place, one.start))
    if not ranked:
        return []
    taken = ranked
    if max_tokens > 0:
        taken, left = [], max_tokens
        for sentence, tokens in zip(ranked, count_tokens([one.text for one in ranked]), strict=True):
            if tokens <= left:
                taken.append(sentence)
                left -= tokens
        if not taken:
            taken = [_cut(ranked[0], max_tokens, count_tokens)]
    return [(hits[place], start, end) for place, start, end in _joined(taken, hits)]


def fit(question: str, texts: Sequence[str]) -> float:
    """How much of the question the evidence speaks of, in [0, 1]: the evidence gate's signal.

    The share of the question's content terms, weighted by rarity, that the best two neighbouring sentences have. What
    no sentence has is rarest of all and weighs most.
    """
    wanted = content(question)
    split = [[frozenset(content(text[start:end])) for start, end in sentences(text)] for text in texts]
    every = [terms for parts in split for terms in parts]
    if not every or not any(character.isalnum() for character in question):
        return 0.0
    weights = rarity(wanted, every)
    families = kin(wanted, frozenset().union(*every))
    windows = [
        frozenset().union(*parts[first : first + FIT_WINDOW])
        for parts in split
        for first in range(max(1, len(parts) - FIT_WINDOW + 1))
    ]
    return min(1.0, max(_found(weights, families, window) for window in windows) / sum(weights.values()))


def sentence_fit(question: str, hits: Sequence[Hit]) -> float:
    """How well the sentence fits that fits best, at most 1: by it `best_span` picks where to look. 0 without one.

    Unlike `fit` it weighs one sentence at a time (and what the one before it says, less), and where its passage ranks.
    """
    return max((one.score for one in _scored(question, hits)), default=0.0)


def _found(weights: dict[str, float], families: dict[str, frozenset[str]], terms: frozenset[str]) -> float:
    """The weight of the wanted terms that are there, those of their family counting for less."""
    total = 0.0
    for term, weight in weights.items():
        if term in terms:
            total += weight
        elif not terms.isdisjoint(families.get(term, ())):
            total += FUZZY * weight
    return total


def _scored(question: str, hits: Sequence[Hit]) -> list[_Sentence]:
    """All sentences of the hits in order, each with how well it fits the question."""
    read = []
    for place, hit in enumerate(hits):
        for start, end in sentences(hit.passage.text):
            text = hit.passage.text[start:end]
            read.append(_Sentence(place, start, end, text, frozenset(content(text))))
    if not read:
        return []
    wanted = content(question)
    weights = rarity(wanted, [one.terms for one in read])
    families = kin(wanted, frozenset().union(*(one.terms for one in read)))
    total = sum(weights.values()) or 1.0
    scored = []
    for i, one in enumerate(read):
        found = _found(weights, families, one.terms)
        if i and read[i - 1].place == one.place:
            only_before = read[i - 1].terms - one.terms
            found += PREVIOUS * sum(weight for term, weight in weights.items() if term in only_before)
        scored.append(replace(one, score=found / total - RANK * one.place))
    return scored


def _cut(sentence: _Sentence, max_tokens: int, count_tokens: Callable[[list[str]], list[int]]) -> _Sentence:
    """The longest beginning of the sentence, in characters, that has at most `max_tokens` tokens."""
    low, high = 1, len(sentence.text)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens([sentence.text[:middle]])[0] <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return replace(sentence, end=sentence.start + low, text=sentence.text[:low])


def _joined(taken: Sequence[_Sentence], hits: Sequence[Hit]) -> list[tuple[int, int, int]]:
    """(place, start, end) in the order of hits and text; two with only white space between them become one."""
    joined: list[tuple[int, int, int]] = []
    for one in sorted(taken, key=lambda one: (one.place, one.start)):
        if joined and joined[-1][0] == one.place:
            place, start, end = joined[-1]
            if not hits[place].passage.text[end : one.start].strip():
                joined[-1] = (place, start, one.end)
                continue
        joined.append((one.place, one.start, one.end))
    return joined
