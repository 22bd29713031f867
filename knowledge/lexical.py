"""Search by words: BM25 over lists of our own that stand in the same file, and commit, as the passages.

A word is one of `terms()`, stemmed where it is English; Chinese is found by its character bigrams. BM25 is as SQLite's
FTS5 has it (https://www.sqlite.org/fts5.html#the_bm25_function), k1 = 1.2 and b = 0.75; Robertson and Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009. Every passage that has a word of the question is scored, so
that a filter costs nothing and nothing is missed; and in the very state that the caller's snapshot sees, so that what
is deleted counts in nothing, not even in how rare a word is. docs/search.md holds this against other engines.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from firmground.knowledge import lexical_lists as lists
from firmground.knowledge.indexed import indexed_text
from firmground.knowledge.lexical_terms import TOKENIZER, Dictionary, Stemmer
from firmground.knowledge.types import Passage

LISTS_VERSION = 1
K1, B = 1.2, 0.75
LEAST_RARITY = 1e-6  # of a word that half of the passages have; FTS5's
MAX_QUERY_TERMS = 256  # of a question are looked up: a pasted page shouldn't cost seconds
BATCH = 4_096  # passages are indexed at once
# Segments at the end of less than half so many rows are merged when together they come to so many: every passage is
# written again three or four times in all, and a million of them lie in some 40 segments at most.
TIERS = (64, 1_024, 8_192, lists.MAX_ROWS)

# Words that say nothing about what an English question is about.
_STOP = """
a about after all also am an and any are as at be because been before being between both but by can could did do does
doing down during each for from further had has have having he her here hers him his how i if in into is it its itself
just me more most my no nor not now of off on once only or other our ours out over own s same she should so some such
t than that the their theirs them then there these they this those through to too under until up us very was we were
what when where which while who whom whose why will with would you your yours
"""
STOP_WORDS = frozenset(_STOP.split())

# One text that shows most of what `terms()` decides. When its terms change, the lists are made anew.
PROBE = (
    "The cat's naïve RE-runs of C++20, 3.14% of 1,000 & e-mail a_b@x.org, U.S.; "
    "ＡＢＣ１２ 天空为什么是蓝色的？火。iPhone手机ｶﾀｶﾅ한국어 😀"
)


def terms_fingerprint() -> str:
    """Changes whenever a passage's words would: an index made with others must be made anew before it is changed."""
    probe = Passage(0, "", PROBE, 0, len(PROBE), {"title": "Title", "heading": "Heading > Title"})
    numbers, _, stems = Dictionary(Stemmer()).look_up([indexed_text(probe)])
    words = sorted(stems[number] for number in numbers)
    return hashlib.sha256(f"{LISTS_VERSION} {TOKENIZER}\n{' '.join(words)}".encode()).hexdigest()[:16]


def telling_terms(question: str) -> list[str]:
    """The question's distinct terms, stop-words left out unless nothing else is left ("Who is who?")."""
    from firmground.knowledge.text import terms

    distinct = [term for term in dict.fromkeys(term.replace("\0", "") for term in terms(question)) if term]
    return ([term for term in distinct if term not in STOP_WORDS] or distinct)[:MAX_QUERY_TERMS]


@dataclass(frozen=True)
class _State:
    """What was searched last, kept for the next question."""

    live: np.ndarray  # (rows,) bool
    number: int  # of live rows
    damping: np.ndarray  # (rows,) float64: what BM25 adds below the line for a passage's length


@dataclass(frozen=True)
class _Matches:
    """The entries of the question's words in the lists, segment by segment."""

    rows: np.ndarray  # (entries,) int64
    counts: np.ndarray  # (entries,): how often
    words: np.ndarray  # (entries,) int64: which of the question's
    ends: np.ndarray  # (segments + 1,) int64: where each segment's entries begin, and the last's end

    def among(self, passing: np.ndarray) -> _Matches:
        """Those of the rows that are True in `passing` (rows,) bool."""
        kept = passing[self.rows]
        ends = np.concatenate([[0], np.cumsum(kept)])[self.ends]
        return _Matches(self.rows[kept], self.counts[kept], self.words[kept], ends)


class Lexical:
    """The word index in an open connection; the caller holds the transaction."""

    def __init__(self, connection: sqlite3.Connection, stemmer: Stemmer | None = None):
        self._connection = connection
        self._stemmer = stemmer or Stemmer()
        self._dictionary = Dictionary(self._stemmer)
        self._segments: list[lists.Segment] = []  # of the state that was searched last
        self._state: _State | None = None

    # Writing.

    def add(self, rows: Sequence[int], texts: Sequence[str]) -> None:
        """Index passages by their ids, which ascend and are above all that were added before, and indexed texts."""
        for start in range(0, len(rows), BATCH):
            self._add(rows[start : start + BATCH], texts[start : start + BATCH])

    def _add(self, rows: Sequence[int], texts: Sequence[str]) -> None:
        if rows[-1] - rows[0] >= lists.MAX_ROWS:  # with holes where others were deleted
            half = len(rows) // 2
            self._add(rows[:half], texts[:half])
            self._add(rows[half:], texts[half:])
            return
        lists.write(self._connection, lists.counted(rows, texts, self._dictionary))
        for tier in TIERS:
            self._merge_small(tier)

    def rebuild(self, passages: Iterable[Passage]) -> None:
        """Make the index, or make it anew; passages in the order of their ids."""
        for table in ("terms", "word_segments", "word_lists"):  # `terms`: FTS5's, before format 3
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in lists.SCHEMA:
            self._connection.execute(statement)
        remaining = iter(passages)
        while some := list(islice(remaining, BATCH)):
            self.add([passage.id for passage in some], [indexed_text(passage) for passage in some])

    def purge(self, live: np.ndarray) -> None:
        """Take out of the lists what isn't `live` (rows,) bool, and merge what may be merged."""
        group: list[lists.Span] = []
        for span in [*lists.spans(self._connection), None]:
            if span and (not group or span.end - group[0].first <= lists.MAX_ROWS):
                group.append(span)
                continue
            if group and (len(group) > 1 or self._holds_deleted(group[0], live)):
                self._replace(group, live)
            group = [span] if span else []

    def _holds_deleted(self, span: lists.Span, live: np.ndarray) -> bool:
        lengths = lists.read_segment(self._connection, span.number).lengths
        return bool(lengths[~live[span.first : span.end]].any())

    def _merge_small(self, tier: int) -> None:
        spans = lists.spans(self._connection)
        start = len(spans)
        while start and spans[start - 1].size < tier // 2:
            start -= 1
        while start < len(spans) - 1 and spans[-1].end - spans[start].first >= tier:
            fitting = [span for span in spans[start:] if span.end - spans[start].first <= lists.MAX_ROWS]
            if len(fitting) > 1:
                return self._replace(fitting)
            start += 1  # too far from the next: many rows between them are deleted

    def _replace(self, spans: Sequence[lists.Span], live: np.ndarray | None = None) -> None:
        """By one segment; with `live`, without what is deleted."""
        made = lists.merged([lists.read_lists(self._connection, span.number) for span in spans])
        for span in spans:
            lists.remove(self._connection, span.number)
        lists.write(self._connection, made if live is None else lists.without(made, ~live[made.first : made.end]))

    def problems(self, live: np.ndarray) -> Iterator[str]:
        """What is wrong, a line each: lists out of order, or not as long as their passages; reads all of them."""
        covered, following = np.zeros(len(live), dtype=bool), 0
        for span in lists.spans(self._connection):
            covered[span.first : span.end] = True
            if span.first < following or span.end > len(live):
                yield f"the words of rows {span.first} to {span.end - 1} aren't where they belong"
            elif problem := lists.problem(lists.read_lists(self._connection, span.number)):
                yield f"the words of rows {span.first} to {span.end - 1}: {problem}"
            following = span.end
        if missing := int(np.count_nonzero(live & ~covered)):
            yield f"{missing} passages have no words"

    # Searching.

    def search(
        self,
        question: str,
        limit: int,
        live: np.ndarray,
        allowed: np.ndarray | None = None,
        also: Collection[int] = (),
    ) -> list[tuple[int, float]]:
        """The `limit` best (passage id, BM25 > 0), best first, and after them those of `also` that match further down.

        Passages are looked for among the `allowed` (rows,) bool, or among all that are `live` (rows,) bool, of which
        the rarity of words and the average length are taken. Equal scores come in the order of ids.
        """
        sought, state = self._sought(question), self._refresh(live)
        matches = self._matches(sought)
        if state.number < len(live):
            matches = matches.among(live)
        holding = np.bincount(matches.words, minlength=len(sought))
        rarities = np.maximum(np.log((state.number - holding + 0.5) / (holding + 0.5)), LEAST_RARITY)
        if allowed is not None:
            matches = matches.among(allowed)
        gains = matches.counts / (matches.counts + state.damping[matches.rows]) * ((K1 + 1) * rarities)[matches.words]
        best = _Best(limit, also)
        for segment, start, end in zip(self._segments, matches.ends[:-1], matches.ends[1:], strict=True):
            if start < end:
                best.take(segment.first, np.bincount(matches.rows[start:end] - segment.first, gains[start:end]))
        return best.ranked()

    def _sought(self, question: str) -> list[tuple[str, bool]]:
        """What is looked up: words, and (True) beginnings of words.

        A Chinese letter that stands alone ("猫") is looked up as the beginning of a bigram, since that is how it stands
        in the middle of a text.
        """
        from firmground.knowledge.text import CJK

        found = telling_terms(question)
        return [
            (stem, bool(re.fullmatch(f"[{CJK}]", term)))
            for term, stem in zip(found, self._stemmer.stems(found), strict=True)
        ]

    def _refresh(self, live: np.ndarray) -> _State:
        """Brings the segments and what is counted of them up to the snapshot; a look-up if nothing changed."""
        numbers = [span.number for span in lists.spans(self._connection)]
        if numbers != [segment.number for segment in self._segments]:
            known = {segment.number: segment for segment in self._segments}
            self._segments = [known.get(n) or lists.read_segment(self._connection, n) for n in numbers]
            self._state = None
        if self._state is None or self._state.live is not live:
            lengths = np.zeros(len(live), dtype=np.uint32)
            for segment in self._segments:
                lengths[segment.first : segment.end] = segment.lengths
            number, total = int(np.count_nonzero(live)), int(lengths[live].sum())
            average = max(total, 1) / max(number, 1)
            self._state = _State(live, number, K1 * (1 - B + B / average * lengths))
        return self._state

    def _matches(self, sought: Sequence[tuple[str, bool]]) -> _Matches:
        """All entries, of deleted passages too."""
        places, counts = [], []
        sizes = np.zeros((len(self._segments), len(sought)), dtype=np.int64)
        for i, segment in enumerate(self._segments):
            for j, (word, prefix) in enumerate(sought):
                for found in lists.look_up(self._connection, segment, word, prefix):
                    places.append(found[0])
                    counts.append(found[1])
                    sizes[i, j] += len(found[1])
        ends = np.concatenate([[0], np.cumsum(sizes.sum(axis=1))])
        firsts = np.array([segment.first for segment in self._segments], dtype=np.int64)
        rows = np.frombuffer(b"".join(places), "<u2") + np.repeat(firsts, np.diff(ends))
        words = np.repeat(np.tile(np.arange(len(sought)), len(self._segments)), sizes.ravel())
        often: np.ndarray = np.frombuffer(b"".join(counts), "u1")
        if any(prefix for _, prefix in sought):  # a passage may have several words that begin so: together they are one
            keys, places_of = np.unique(rows * len(sought) + words, return_inverse=True)
            rows, words = keys // len(sought), keys % len(sought)
            often = np.bincount(places_of, often, minlength=len(keys))
            ends = np.concatenate([np.searchsorted(rows, firsts), [len(rows)]])
        return _Matches(rows, often, words, ends)


class _Best:
    """The best rows of segments that come in the order of rows, and the scores of some that are asked for."""

    def __init__(self, limit: int, also: Collection[int]):
        self._limit = limit
        self._also = np.array(sorted(also), dtype=np.int64)
        self._rows, self._scores = np.zeros(0, dtype=np.int64), np.zeros(0)
        self._more: dict[int, float] = {}

    def take(self, first: int, scores: np.ndarray) -> None:
        """`scores` (rows of a segment,) float64, 0 where a row doesn't match."""
        # Of equal scores the earlier row is the better one: once there are enough, only a higher score gets in.
        least = self._scores.min() if len(self._scores) == self._limit else 0.0
        places = np.flatnonzero(scores > least)
        if len(places) > self._limit:
            places = places[scores[places] >= np.partition(scores[places], -self._limit)[-self._limit]]
        self._rows = np.concatenate([self._rows, first + places])
        self._scores = np.concatenate([self._scores, scores[places]])
        order = np.lexsort((self._rows, -self._scores))[: self._limit]
        self._rows, self._scores = self._rows[order], self._scores[order]
        for row in self._also[np.searchsorted(self._also, first) : np.searchsorted(self._also, first + len(scores))]:
            if scores[row - first] > 0:
                self._more[int(row)] = float(scores[row - first])

    def ranked(self) -> list[tuple[int, float]]:
        found = dict(zip(self._rows.tolist(), self._scores.tolist(), strict=True))
        more = [(row, score) for row, score in self._more.items() if row not in found]
        return [*found.items(), *sorted(more, key=lambda item: (-item[1], item[0]))]
