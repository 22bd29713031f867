"""The word index's parts: words, stems, segments and their merging, each against its definition or brute force."""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from firmground.knowledge import lexical, lexical_pieces, lexical_terms
from firmground.knowledge import lexical_lists as lists
from firmground.knowledge.lexical import Lexical
from firmground.knowledge.lexical_terms import Dictionary, Stemmer
from firmground.knowledge.text import terms

WORDS = ["river", "rivers", "stone", "cloud", "c++", "3.14", "天空", "空是", "猫", "猫在", "猫狗", "zebra"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8)
STEMMER = Stemmer()
FILLED = Dictionary(STEMMER)


def counted(rows: Sequence[int], texts: Sequence[Sequence[str]]) -> lists.Lists:
    return lists.counted(rows, [" ".join(words) for words in texts], FILLED)


def add(index: Lexical, rows: Sequence[int], texts: Sequence[Sequence[str]]) -> None:
    index.add(rows, [" ".join(words) for words in texts])


# Words and stems.


@given(
    st.text(max_size=40)
    | st.text(st.characters(max_codepoint=127), max_size=40)
    | st.from_regex(r"[aA1](['+#., _-]?[aA1中]){0,6}", fullmatch=True)
    | st.text(alphabet="aA1٣,.'’+# \n\u3000\u0301中文ー éß", max_size=30)
)
@settings(deadline=None, derandomize=True, max_examples=300)
@example("Plain words, (some) \"in quotes\"; it's 3.14 and 1,000: C++! x. 's .5 a-b U.S. naïve 天空 -")
def test_what_is_looked_up_are_the_stems_of_the_terms(text: str):
    """In a dictionary that begins empty, in one that many texts filled, and the second time."""
    expected = sorted(STEMMER.stems(terms(text)))
    for dictionary in (Dictionary(STEMMER), FILLED, FILLED):
        numbers, lengths, stems = dictionary.look_up(["a rose", text, ""])
        assert lengths.tolist() == [2, len(expected), 0]
        assert sorted(stems[number] for number in numbers[2:]) == expected


@given(st.lists(st.lists(st.text(alphabet="aAbé中.\0 \n\x1c\x85\u3000", max_size=40), max_size=4), max_size=4))
@settings(deadline=None, derandomize=True, max_examples=200)
@example([["sixteen-letters-", "sixteen-letters-x", "SIXTEEN-letters-"], ["a" * 16 + " " + "a" * 17, "A" * 8]])
def test_pieces_have_one_number_each_however_few_slots_there_are(batches: list[list[str]]):
    """Held against cutting each text at ASCII space and NUL, with four slots that all want."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical_pieces, "SLOT_BITS", 2)
        pieces = lexical_pieces.Pieces()
        for texts in [*batches, *batches]:  # what is known the second time
            cut = [re.findall(r"[^\0\t-\r\x1c-\x20]+", text) for text in texts]
            expected = [[piece.lower() if piece.isascii() else piece for piece in each] for each in cut]
            numbers, ends = pieces.look_up(texts)
            names = pieces.since(0)
            assert [[names[number] for number in numbers[start:end]] for start, end in pairwise(ends)] == expected
            assert len(set(names)) == len(names) == len(pieces)


def test_a_dictionary_forgets_when_it_knows_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lexical_terms, "WORDS_KNOWN", 3)
    monkeypatch.setattr(lexical_terms, "LETTERS_KNOWN", 30)
    dictionary = Dictionary(Stemmer())
    for text in ("rivers stones", "clouds rivers dogs cats", "rivers", "天空为什么是蓝色的" * 4, "rivers 天空"):
        numbers, lengths, stems = dictionary.look_up([text])
        assert sorted(stems[number] for number in numbers) == sorted(STEMMER.stems(terms(text)))
        assert lengths.tolist() == [len(terms(text))]
        assert len(dictionary._pieces) <= 5


def test_stems():
    words = ["connections", "naïve", "running", "c++", "3.14", "rock'n'roll", "天空", "über", "9"]
    assert Stemmer().stems(words) == ["connect", "naiv", "run", "c++", "3.14", "rock'n'roll", "天空", "uber", "9"]
    assert Stemmer().stems(["x" * 400, "x" * 300]) == ["x" * lexical_terms.MAX_LETTERS] * 2
    assert Stemmer().stems([]) == []


def test_stems_are_forgotten_when_there_are_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lexical_terms, "WORDS_KNOWN", 3)
    stemmer = Stemmer()
    for words in (["rivers", "stones"], ["clouds", "rivers"], ["dogs", "cats", "birds", "clouds"], ["rivers"]):
        assert stemmer.stems(words) == [word.removesuffix("s") for word in words]
        assert len(stemmer._known) <= 4


# Segments.


def test_lists_by_hand():
    """Rows 5 and 7 of a base: "the cat, the cats" and "a dog"; row 6 was deleted before."""
    made = counted([5, 7], [["the", "cat", "the", "cats"], ["a", "dog"]])
    assert (made.first, made.end, made.lengths.tolist()) == (5, 8, [4, 0, 2])
    assert made.words == ["a", "cat", "dog", "the"]
    assert made.sizes.tolist() == [1, 1, 1, 1]
    assert made.places.tolist() == [2, 0, 2, 0]
    assert made.counts.tolist() == [1, 2, 1, 2]


def same(one: lists.Lists, other: lists.Lists) -> bool:
    arrays = ("lengths", "sizes", "places", "counts")
    return (one.first, one.words) == (other.first, other.words) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


@given(st.lists(TEXTS, min_size=2, max_size=12), st.integers(1, 11), st.sets(st.integers(0, 11)))
@settings(deadline=None, derandomize=True, max_examples=80)
def test_merged_is_as_made_at_once_and_without_is_as_never_made(texts, cut, gone):
    rows = list(range(3, 3 + len(texts)))
    cut = min(cut, len(texts) - 1)
    whole = counted(rows, texts)
    parts = [counted(rows[:cut], texts[:cut]), counted(rows[cut:], texts[cut:])]
    assert same(lists.merged(parts), whole)
    dead = np.array([number in gone for number in range(len(texts))])
    kept = [[] if out else words for words, out in zip(texts, dead, strict=True)]
    assert same(lists.without(whole, dead), counted(rows, kept))


@pytest.mark.parametrize(("words", "places"), [(256, 8192), (3, 8192), (256, 5), (1, 1)])
def test_what_is_written_is_read_and_found(words: int, places: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lists, "CHUNK_WORDS", words)
    monkeypatch.setattr(lists, "CHUNK_PLACES", places)
    connection = empty()
    texts = [[f"w{number % size}" for size in range(1, 9)] for number in range(40)]
    made = counted(range(100, 140), texts)
    lists.write(connection, made)
    [span] = lists.spans(connection)
    assert (span.first, span.end, span.size) == (100, 140, 40)
    assert same(lists.read_lists(connection, span.number), made)
    segment = lists.read_segment(connection, span.number)
    for word in [*made.words, "a", "w", "w22", "zz"]:
        expected = [(n, Counter(text)[word]) for n, text in enumerate(texts) if word in text]
        found = list(lists.look_up(connection, segment, word, False))
        assert [pair for each in found for pair in numbers(*each)] == expected
    assert [numbers(*each) for each in lists.look_up(connection, segment, "w", True)] == [
        numbers(*each) for word in made.words for each in lists.look_up(connection, segment, word, False)
    ]
    lists.remove(connection, span.number)
    assert connection.execute("SELECT count(*) FROM word_lists").fetchone() == (0,)


def numbers(places: bytes, counts: bytes) -> list[tuple[int, int]]:
    return list(zip(np.frombuffer(places, "<u2").tolist(), counts, strict=True))


def empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in lists.SCHEMA:
        connection.execute(statement)
    return connection


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE word_lists SET counts = zeroblob(length(counts))", "2 passages have more or fewer"),
        ("UPDATE word_lists SET counts = x'01'", "lists are cut off"),
        ("UPDATE word_lists SET words = 'b' || char(10) || 'a'", "they are out of order"),
        ("UPDATE word_lists SET places = x'09000900'", "some are of rows that aren't there"),
        ("UPDATE word_segments SET first = 7", "the words of rows 7 to 8 aren't where they belong"),
        ("DELETE FROM word_segments", "2 passages have no words"),
    ],
)
def test_problems_are_found(change: str, problem: str):
    connection = empty()
    index = Lexical(connection)
    add(index, [0, 1], [["a"], ["b"]])
    assert list(index.problems(np.ones(2, dtype=bool))) == []
    connection.execute(change)
    assert any(problem in line for line in index.problems(np.ones(2, dtype=bool)))


def test_a_word_counts_255_times_at_most():
    index = Lexical(empty())
    add(index, [0, 1, 2, 3], [["a"] * 300, ["a"] * 255, ["b"], ["b"]])
    assert list(index.problems(np.ones(4, dtype=bool))) == []
    assert [row for row, _ in index.search("a", 9, np.ones(4, dtype=bool))] == [1, 0]


def test_few_segments_are_left(monkeypatch: pytest.MonkeyPatch):
    """Of passages added one by one: fewer than 64 single ones, and at most 15 and 7 of the next tiers."""
    index = Lexical(empty())
    for row in range(1_100):
        add(index, [row], [["a"]])
    sizes = [span.size for span in lists.spans(index._connection)]
    assert sum(sizes) == 1_100
    assert Counter(sizes) == {1024: 1, 64: 1, 1: 12}
    for first in range(1_100, 80_000, 515):
        add(index, range(first, first + 515), [["a"]] * 515)
    spans = lists.spans(index._connection)
    assert [span.first for span in spans[1:]] == [span.end for span in spans[:-1]]
    assert max(span.size for span in spans) <= lists.MAX_ROWS
    assert len(spans) < 30
    assert list(index.problems(np.ones(spans[-1].end, dtype=bool))) == []


def test_segments_far_apart_dont_keep_others_from_being_merged(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lists, "MAX_ROWS", 16)
    monkeypatch.setattr(lexical, "TIERS", (8,))
    index = Lexical(empty())
    add(index, [0, 30], [["a"], ["b"]])  # as an index is made anew where most is deleted
    for row in range(31, 50):
        add(index, [row], [["a"]])
    assert [(span.first, span.size) for span in lists.spans(index._connection)] == [
        (0, 1), (30, 8), (38, 8), (46, 1), (47, 1), (48, 1), (49, 1)
    ]  # fmt: skip


# The whole index against BM25 by the definition, over many small segments.


def brute_force(question: Sequence[str], texts: dict[int, list[str]]) -> dict[int, float]:
    average = sum(map(len, texts.values())) / max(1, len(texts))
    scores: dict[int, float] = {}
    for asked in question:
        holds = str.startswith if len(asked) == 1 and not asked.isascii() else str.__eq__
        counts = {row: sum(holds(word, asked) for word in words) for row, words in texts.items()}
        holding = sum(map(bool, counts.values()))
        rarity = max(1e-6, math.log((len(texts) - holding + 0.5) / (holding + 0.5)))
        for row, count in counts.items():
            if count:
                norm = 1.2 * (1 - 0.75 + 0.75 * len(texts[row]) / average)
                scores[row] = scores.get(row, 0.0) + rarity * count * 2.2 / (count + norm)
    return scores


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(TEXTS, min_size=1, max_size=6)),
        st.tuples(st.just("remove"), st.sets(st.integers(0, 40), max_size=6)),
        st.tuples(st.just("purge"), st.none()),
        st.tuples(st.just("search"), st.tuples(TEXTS, st.integers(1, 9), st.sets(st.integers(0, 40)), st.booleans())),
    ),
    max_size=25,
)


@given(STEPS)
@settings(deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_searches_are_as_by_brute_force(monkeypatch: pytest.MonkeyPatch, steps):
    """Segments of at most 16 rows, merged at 4, 8 and 16; what is deleted is out of all counts, purged or not."""
    monkeypatch.setattr(lists, "MAX_ROWS", 16)
    monkeypatch.setattr(lexical, "TIERS", (4, 8, 16))
    index, live = Lexical(empty()), np.zeros(0, dtype=bool)
    texts: dict[int, list[str]] = {}
    for step, value in steps:
        if step == "add":
            rows = range(len(live), len(live) + len(value))
            add(index, rows, value)
            texts |= {row: STEMMER.stems(words) for row, words in zip(rows, value, strict=True)}
            live = np.concatenate([live, np.ones(len(value), dtype=bool)])
        elif step == "remove":
            live = np.array([row in texts and row not in value for row in range(len(live))], dtype=bool)
            texts = {row: words for row, words in texts.items() if row not in value}
        elif step == "purge":
            index.purge(live)
            kept = {
                w
                for span in lists.spans(index._connection)
                for w in lists.read_lists(index._connection, span.number).words
            }
            assert kept == {word for words in texts.values() for word in words}
        else:
            check_search(index, live, texts, *value)
        assert list(index.problems(live)) == []


def check_search(index: Lexical, live: np.ndarray, texts: dict[int, list[str]], words, limit, chosen, filtered) -> None:
    allowed = np.array([row in texts and row in chosen for row in range(len(live))], dtype=bool) if filtered else None
    question = lexical.telling_terms(" ".join(words))
    expected = brute_force(STEMMER.stems(question), texts)
    if allowed is not None:
        expected = {row: score for row, score in expected.items() if allowed[row]}
    order = sorted(expected, key=lambda row: (-round(expected[row], 9), row))
    found = index.search(" ".join(words), limit, live, allowed, also=chosen)
    assert dict(found) == pytest.approx({row: expected[row] for row, _ in found})
    assert [round(score, 9) for _, score in found[:limit]] == [round(expected[row], 9) for row in order[:limit]]
    assert [row for row, _ in found[limit:]] == [
        row for row in order if row in chosen and row not in dict(found[:limit])
    ]


def test_equal_scores_come_in_the_order_of_ids_over_segments(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lexical, "TIERS", ())
    index, live = Lexical(empty()), np.ones(30, dtype=bool)
    for first in range(0, 30, 10):
        add(index, range(first, first + 10), [["cat", "dog"] if n % 3 else ["dog", "bird"] for n in range(10)])
    assert [row for row, _ in index.search("cat", 8, live)] == [1, 2, 4, 5, 7, 8, 11, 12]
    assert [row for row, _ in index.search("cat", 3, live, also=[28, 20, 5])] == [1, 2, 4, 5, 28]
