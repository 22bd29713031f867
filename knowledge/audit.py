"""Whom a corpus speaks of, and with which words: counts by group and source, and associations with their intervals.

Words, not meanings: "she is no nurse" counts as she beside nurse. Sentences are the unit, groups come from `groups.py`
(English given names and pronouns count for their gender), and a sentence that names two groups counts for both.

An association is the log-odds ratio of a word in the sentences of one group against those of the other groups of the
same category, with half a sentence added to each cell (Haldane, 1956; Anscombe, 1956) and its normal 95% interval.
Over many words, one in twenty intervals misses 0 by chance: take single words as places to look.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from firmground.knowledge.errors import InputError
from firmground.knowledge.group_lists import GROUPS
from firmground.knowledge.groups import mentions, word_list
from firmground.knowledge.text import language, sentences
from firmground.knowledge.types import Document

KINDS = {"OCCUPATIONS": "occupation", "POSITIVE": "positive", "NEGATIVE": "negative"}
LEAST = 3  # sentences with a word, over all groups of the category, below which nothing is said of it


@dataclass(frozen=True)
class Count:
    """How often a group is named: mentions, in so many sentences, in so many documents."""

    category: str
    group: str
    mentions: int
    sentences: int
    documents: int


@dataclass(frozen=True)
class Association:
    """A word (or "positive", "negative": any of those) in a group's sentences, against the category's other groups.

    `together` of `sentences`; `log_odds` > 0: more with this group. [low, high]: 95%.
    """

    category: str
    group: str
    kind: str  # occupation, positive, negative
    word: str
    together: int
    sentences: int
    log_odds: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class CorpusAudit:
    """The counts (most named first), the associations (surest first), and mentions by source and group."""

    documents: int
    sentences: int
    counts: tuple[Count, ...]
    associations: tuple[Association, ...]
    sources: dict[str, dict[str, int]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "associations": [{**asdict(one), "sure": one.sure} for one in self.associations]}


def audit(documents: Iterable[Document]) -> CorpusAudit:
    """Read every document once, each in its own language."""
    number = spoken = 0
    named: Counter[tuple[str, str]] = Counter()
    in_sentences: Counter[tuple[str, str]] = Counter()
    in_documents: Counter[tuple[str, str]] = Counter()
    together: Counter[tuple[tuple[str, str], str, str]] = Counter()
    sources: dict[str, Counter[str]] = defaultdict(Counter)
    for document in documents:
        number += 1
        lang, seen = language(document.text), set()
        for start, end in sentences(document.text):
            spoken += 1
            text = document.text[start:end]
            found = mentions(text, lang, names=True)
            here = {(mention.category, mention.group) for mention in found}
            if not here:
                continue
            seen |= here
            named.update((mention.category, mention.group) for mention in found)
            in_sentences.update(here)
            sources[document.source or document.id].update(mention.group for mention in found)
            words = _words(text, lang)
            together.update((group, kind, word) for group in here for kind, word in words)
        in_documents.update(seen)
    counts = [Count(*group, named[group], in_sentences[group], in_documents[group]) for group in named]
    counts.sort(key=lambda count: (-count.mentions, count.category, count.group))
    return CorpusAudit(
        number,
        spoken,
        tuple(counts),
        tuple(_associations(in_sentences, together)),
        {source: dict(groups.most_common()) for source, groups in sources.items()},
    )


def log_odds(a: int, n: int, b: int, m: int) -> tuple[float, float, float]:
    """(ratio, low, high): the log-odds of a of n against b of m, half added to each cell, with a 95% interval.

    Raises:
        InputError: more hits than trials, or fewer than none.
    """
    if not (0 <= a <= n and 0 <= b <= m):
        raise InputError(f"expected 0 <= hits <= trials, got {a} of {n} and {b} of {m}")
    cells = [count + 0.5 for count in (a, n - a, b, m - b)]
    ratio = math.log(cells[0] / cells[1]) - math.log(cells[2] / cells[3])
    half = 1.959964 * math.sqrt(sum(1 / cell for cell in cells))
    return ratio, ratio - half, ratio + half


def balanced(documents: Sequence[Document], category: str = "gender", seed: int = 0) -> list[Document]:
    """As many documents of each group of the category, drawn by the seed, in their order.

    A document belongs to the group that it names most; one that names none, or two equally, belongs to none and stays.

    Raises:
        InputError: a category that isn't known, or fewer than two groups that have documents.
    """
    if category not in GROUPS:
        raise InputError(f"unknown category {category!r}; there are: {', '.join(GROUPS)}")
    members: dict[str, list[int]] = defaultdict(list)
    for place, document in enumerate(documents):
        group = main_group(document.text, category)
        members[group].append(place)
    unassigned = members.pop("", [])
    if len(members) < 2:
        raise InputError(f"only {len(members)} group of {category} has documents here; balancing needs at least two")
    size = min(map(len, members.values()))
    draw = random.Random(seed)
    kept = sorted([*unassigned, *(place for places in members.values() for place in draw.sample(places, size))])
    return [documents[place] for place in kept]


def main_group(text: str, category: str) -> str:
    """The group of the category that the text names most; "" for none or two equally."""
    found = Counter(mention.group for mention in mentions(text, names=True) if mention.category == category)
    ranked = found.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ""
    return ranked[0][0]


def _words(text: str, lang: Any) -> set[tuple[str, str]]:
    """(kind, word) of the occupations and judgements in a sentence, and (kind, kind) for any judgement of a kind."""
    found = {(KINDS[name], mention.group) for name in KINDS for mention in word_list(name, lang).find(text)}
    judged = {(kind, kind) for kind, _ in found if kind != "occupation"}
    return {(kind, word.removesuffix("~")) for kind, word in found} | judged


def _associations(
    in_sentences: Counter[tuple[str, str]], together: Counter[tuple[tuple[str, str], str, str]]
) -> list[Association]:
    found = []
    for (group, kind, word), count in together.items():
        others = [other for other in in_sentences if other[0] == group[0] and other != group]
        elsewhere = sum(together[other, kind, word] for other in others)
        trials = sum(in_sentences[other] for other in others)
        if not trials or count + elsewhere < LEAST:
            continue
        ratio = log_odds(count, in_sentences[group], elsewhere, trials)
        found.append(Association(*group, kind, word, count, in_sentences[group], *ratio))
    return sorted(found, key=lambda one: (not one.sure, -min(abs(one.low), abs(one.high)), one.group, one.word))
