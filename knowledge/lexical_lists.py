"""The word index's lists on disk: which passages have a word, and how often. In SQLite, in the caller's transaction.

A segment covers at most 65,536 rows (a row is a passage's id), so that a place in a list takes two bytes and the scores
of a segment stay in the processor's cache. Segments are in the order of rows, apart from one another, and never
changed: adding writes a small one, and small neighbours are merged into a larger one, as in a log-structured merge tree
(O'Neil et al. 1996). What is deleted stays in the lists, unseen, until the base is compacted.

A segment's words are cut, in their order, into chunks of one row of `word_lists` each; the first word of each chunk
stands with the segment, in memory, so that a word is found by one look-up.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from firmground.knowledge.lexical_terms import Dictionary

SCHEMA = (
    # lengths: (rows,) uint32, how many words each passage has; heads: the first word of each chunk.
    """CREATE TABLE word_segments(number INTEGER PRIMARY KEY AUTOINCREMENT, "first" INTEGER NOT NULL,
       lengths BLOB NOT NULL, heads TEXT NOT NULL)""",
    # words; in how many rows each is (uint32); word by word these rows (uint16) and how often it stands there (uint8)
    """CREATE TABLE word_lists(id INTEGER PRIMARY KEY, words TEXT NOT NULL, sizes BLOB NOT NULL,
       places BLOB NOT NULL, counts BLOB NOT NULL)""",
)
MAX_ROWS = 1 << 16
MOST_OFTEN = 255  # a word that stands more often in a passage counts as if it stood so often: for BM25 no difference
CHUNK_WORDS, CHUNK_PLACES = 256, 8_192  # a chunk is closed at so many words, or so many entries in their lists
CHUNKS = 1 << 20  # ids of chunks a segment may use: its number times this, and on


class Span(NamedTuple):
    """Which rows a segment covers."""

    number: int
    first: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.first


@dataclass(frozen=True)
class Segment:
    """What is kept in memory of a segment."""

    number: int
    first: int
    lengths: np.ndarray  # (rows,) uint32
    heads: list[str]

    @cached_property
    def end(self) -> int:
        return self.first + len(self.lengths)

    def chunks(self, word: str, prefix: bool) -> range:
        """The ids of the chunks in which the word (or all that begins so) would stand."""
        start = max(0, bisect_right(self.heads, word) - 1)
        end = bisect_right(self.heads, word + "\U0010ffff") if prefix else start + 1
        return range(self.number * CHUNKS + start, self.number * CHUNKS + min(end, len(self.heads)))


@dataclass(frozen=True)
class Lists:
    """All of a segment, in memory while it is made or merged."""

    first: int
    lengths: np.ndarray  # (rows,) uint32
    words: list[str]  # distinct, in order
    sizes: np.ndarray  # (words,) int64, >= 1
    places: np.ndarray  # (sum of sizes,) uint16: rows less `first`, ascending for each word
    counts: np.ndarray  # (sum of sizes,) uint8, >= 1

    @property
    def end(self) -> int:
        return self.first + len(self.lengths)


def counted(rows: Sequence[int], texts: Sequence[str], dictionary: Dictionary) -> Lists:
    """The lists of passages, given as rows, ascending, less than MAX_ROWS apart, and their texts."""
    first = rows[0]
    words, many, stems = dictionary.look_up(texts)
    lengths = np.zeros(rows[-1] - first + 1, dtype=np.uint32)
    offsets = np.array(rows, dtype=np.int64) - first
    lengths[offsets] = many
    keys, counts = np.unique(words * MAX_ROWS + np.repeat(offsets, many), return_counts=True)
    edges = np.flatnonzero(np.diff(keys // MAX_ROWS, prepend=-1, append=-1))  # where each stem's begin, and the end
    held = [stems[number] for number in (keys[edges[:-1]] // MAX_ROWS).tolist()]
    alphabetic = sorted(range(len(held)), key=held.__getitem__)
    starts, sizes = edges[:-1][alphabetic], np.diff(edges)[alphabetic]
    order = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(keys))
    capped = np.minimum(counts, MOST_OFTEN).astype(np.uint8)
    places = (keys % MAX_ROWS).astype(np.uint16)
    return Lists(first, lengths, [held[place] for place in alphabetic], sizes, places[order], capped[order])


def merged(parts: Sequence[Lists]) -> Lists:
    """One segment of several, in the order of rows, that together reach over at most MAX_ROWS."""
    first = parts[0].first
    lengths = np.zeros(parts[-1].end - first, dtype=np.uint32)
    words = sorted(set().union(*(part.words for part in parts)))
    order = {word: number for number, word in enumerate(words)}
    numbers = [np.array([order[word] for word in part.words], dtype=np.int64) for part in parts]
    sizes = np.zeros(len(words), dtype=np.int64)
    for part, number in zip(parts, numbers, strict=True):
        sizes[number] += part.sizes
    following = np.cumsum(sizes) - sizes  # where the next part's entries of each word go
    places, counts = np.empty(sizes.sum(), dtype=np.uint16), np.empty(sizes.sum(), dtype=np.uint8)
    for part, number in zip(parts, numbers, strict=True):
        starts = np.cumsum(part.sizes) - part.sizes
        to = np.repeat(following[number] - starts, part.sizes) + np.arange(len(part.places))
        places[to] = part.places + np.uint16(part.first - first)
        counts[to] = part.counts
        following[number] += part.sizes
        lengths[part.first - first : part.end - first] = part.lengths
    return Lists(first, lengths, words, sizes, places, counts)


def without(lists: Lists, gone: np.ndarray) -> Lists:
    """The lists without the rows `gone` (rows,) bool, and without words that nothing else has."""
    kept = ~gone[lists.places]
    word_of_place = np.repeat(np.arange(len(lists.words)), lists.sizes)
    sizes = np.bincount(word_of_place[kept], minlength=len(lists.words))
    words = [word for word, size in zip(lists.words, sizes.tolist(), strict=True) if size]
    lengths = np.where(gone, np.uint32(0), lists.lengths)
    return Lists(lists.first, lengths, words, sizes[sizes > 0], lists.places[kept], lists.counts[kept])


def problem(lists: Lists) -> str:
    """What is wrong with them, or nothing: each passage's counts add up to its length."""
    if len(lists.words) != len(lists.sizes) or not lists.sizes.sum() == len(lists.places) == len(lists.counts):
        return "lists are cut off"
    if any(word >= following for word, following in pairwise(lists.words)):
        return "they are out of order"
    if (lists.places >= len(lists.lengths)).any():
        return "some are of rows that aren't there"
    sums = np.bincount(lists.places, lists.counts, minlength=len(lists.lengths))
    capped = np.zeros(len(lists.lengths), dtype=bool)
    capped[lists.places[lists.counts == MOST_OFTEN]] = True
    wrong = np.where(capped, sums > lists.lengths, sums != lists.lengths)
    return f"{int(wrong.sum())} passages have more or fewer" if wrong.any() else ""


# On disk.


def write(connection: sqlite3.Connection, lists: Lists) -> None:
    cuts = list(_cuts(lists.sizes))
    heads = "\n".join(lists.words[start] for start, _ in cuts)
    sql = 'INSERT INTO word_segments("first", lengths, heads) VALUES (?, ?, ?)'
    number = connection.execute(sql, [lists.first, lists.lengths.astype("<u4").tobytes(), heads]).lastrowid or 0
    ends = np.concatenate([[0], np.cumsum(lists.sizes)])
    sizes, places = lists.sizes.astype("<u4"), lists.places.astype("<u2")
    chunks = (
        (
            number * CHUNKS + chunk,
            "\n".join(lists.words[start:end]),
            sizes[start:end].tobytes(),
            places[ends[start] : ends[end]].tobytes(),
            lists.counts[ends[start] : ends[end]].tobytes(),
        )
        for chunk, (start, end) in enumerate(cuts)
    )
    connection.executemany("INSERT INTO word_lists VALUES (?, ?, ?, ?, ?)", chunks)


def _cuts(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Words start to end of each chunk: a word with a long list has one for itself."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start] - sizes[start])
        full = int(np.searchsorted(ends, before + CHUNK_PLACES, side="right"))
        end = min(max(full, start + 1), start + CHUNK_WORDS)
        yield start, end
        start = end


def remove(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM word_segments WHERE number = ?", [number])
    connection.execute("DELETE FROM word_lists WHERE id >= ? AND id < ?", [number * CHUNKS, (number + 1) * CHUNKS])


def spans(connection: sqlite3.Connection) -> list[Span]:
    """Of all segments, in the order of rows."""
    sql = 'SELECT number, "first", "first" + length(lengths) / 4 FROM word_segments ORDER BY "first"'
    return [Span(*row) for row in connection.execute(sql)]


def read_segment(connection: sqlite3.Connection, number: int) -> Segment:
    sql = 'SELECT "first", lengths, heads FROM word_segments WHERE number = ?'
    first, lengths, heads = connection.execute(sql, [number]).fetchone()
    return Segment(number, first, np.frombuffer(lengths, dtype="<u4"), heads.split("\n") if heads else [])


def read_lists(connection: sqlite3.Connection, number: int) -> Lists:
    """All of a segment."""
    segment = read_segment(connection, number)
    sql = "SELECT words, sizes, places, counts FROM word_lists WHERE id >= ? AND id < ? ORDER BY id"
    words: list[str] = []
    columns: list[list[bytes]] = [[], [], []]
    for chunk_words, *blobs in connection.execute(sql, [number * CHUNKS, (number + 1) * CHUNKS]):
        words.extend(chunk_words.split("\n"))
        for column, blob in zip(columns, blobs, strict=True):
            column.append(blob)
    sizes, places, counts = (
        np.frombuffer(b"".join(column), dtype=kind) for column, kind in zip(columns, ("<u4", "<u2", "u1"), strict=True)
    )
    return Lists(segment.first, segment.lengths, words, sizes.astype(np.int64), places, counts)


def look_up(connection: sqlite3.Connection, segment: Segment, word: str, prefix: bool) -> Iterator[tuple[bytes, bytes]]:
    """The word's list in the segment, or with `prefix` of all words that begin so: (places, counts), as stored."""
    for chunk in segment.chunks(word, prefix):
        sql = "SELECT words, sizes, places, counts FROM word_lists WHERE id = ?"
        words, sizes, places, counts = connection.execute(sql, [chunk]).fetchone()
        names = f"\n{words}\n"
        at = names.find(f"\n{word}" if prefix else f"\n{word}\n")
        if at < 0:
            continue
        number = names.count("\n", 0, at)
        many = np.frombuffer(sizes, dtype="<u4")
        start = int(many[:number].sum())
        while names.startswith(word, at + 1):
            size = int(many[number])
            yield places[2 * start : 2 * (start + size)], counts[start : start + size]
            number, start, at = number + 1, start + size, names.index("\n", at + 1)
            if not prefix:
                break
