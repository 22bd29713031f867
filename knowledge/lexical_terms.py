"""Which words of a text are looked up: those of `terms()`, English ones by their stem, without accents.

The stemmer is SQLite's own (Porter, "An algorithm for suffix stripping", 1980, behind FTS5's tokenizer; see
https://www.sqlite.org/fts5.html#porter_tokenizer), asked once for every word that comes up.
"""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, count, islice

import numpy as np

from firmground.knowledge import text as reading
from firmground.knowledge.lexical_pieces import Pieces

TOKENIZER = "porter unicode61 remove_diacritics 2"
MAX_LETTERS = 256  # of a word count; what is longer is no word
FIRST_CJK = "\u3005"
WORDS_KNOWN = 500_000  # stems, and pieces of text, are remembered at most: some 60 MB each
LETTERS_KNOWN = 16_000_000  # of pieces: Chinese has few spaces, so that they are long, and hardly one comes again

# What of ASCII `terms()` takes for more than runs of letters and digits: it's, c++, 1,000, 3.14, U.S.
_JOINED = re.compile(
    r"['+#.,](?:(?<=[A-Za-z0-9]')(?=[A-Za-z0-9])|(?<=[A-Za-z][+#])|(?<=[0-9][.,])(?=[0-9])|(?<=[A-Za-z]\.)(?=[A-Za-z]))"
)
_AROUND = ".,;:!?()\"'-"  # of what stands beside a plain word
_LETTERS_AND_DIGITS = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))


class Dictionary:
    """From texts to the stems of their words, by number. Each piece that stands between two spaces is read once, and
    found again by its number. One thread at a time.
    """

    def __init__(self, stemmer: Stemmer) -> None:
        self._stemmer = stemmer
        self._forget()

    def _forget(self) -> None:
        self._pieces = Pieces()
        self._starts, self._sizes = array("q"), array("q")  # by a piece's number: where in `_read` its stems are
        self._read = array("q")  # numbers of stems
        self._stem_numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._stems: list[str] = []
        self._letters = 0

    def look_up(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """The number of each word's stem, text after text (a text's in no order), how many words (texts,) each text
        has, both int64, and the stems by number, not to be changed."""
        if len(self._pieces) > WORDS_KNOWN or self._letters > LETTERS_KNOWN:
            self._forget()
        numbers, ends = self._pieces.look_up(texts)  # no term reaches over a space
        self._learn(self._pieces.since(len(self._starts)))
        starts, sizes, read = (np.frombuffer(held, np.int64) for held in (self._starts, self._sizes, self._read))
        starts, sizes = starts[numbers], sizes[numbers]
        following = np.concatenate([[0], np.cumsum(sizes)])
        found = read[np.repeat(starts - following[:-1], sizes) + np.arange(following[-1])]
        return found, np.diff(following[ends]), self._stems

    def _learn(self, pieces: Sequence[str]) -> None:
        if not pieces:
            return
        words = [_words(piece) for piece in pieces]
        sizes = list(map(len, words))
        self._starts.extend(accumulate(sizes[:-1], initial=len(self._read)))
        self._sizes.extend(sizes)
        stems = self._stemmer.stems([word for each in words for word in each])
        self._read.extend(map(self._stem_numbers.__getitem__, stems))
        self._stems += list(islice(reversed(self._stem_numbers), len(self._stem_numbers) - len(self._stems)))[::-1]
        self._letters += sum(map(len, pieces))


def _words(piece: str) -> list[str]:
    """The same as `terms(piece)`, and faster: most pieces are a plain ASCII word, maybe with a stop behind it."""
    core = piece.strip(_AROUND)
    if core.isascii():
        if core.isalnum():
            return [core.lower()]
        if piece.isascii() and not _JOINED.search(piece):
            return piece.translate(_LETTERS_AND_DIGITS).split()
    return reading.terms(piece)


class Stemmer:
    """From words to what they are looked up by; remembers them. One thread at a time, the caller sees to that."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, tokenize='{TOKENIZER}', content='')")
        self._connection.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, instance)")
        self._known: dict[str, str] = {}

    def stems(self, words: Iterable[str]) -> list[str]:
        """One for each word: connections → connect, naïve → naiv. What isn't of letters and digits alone (c++, 3.14,
        rock'n'roll) or not one word to SQLite stays as it is."""
        words = list(words)
        if unknown := [word for word in dict.fromkeys(words) if word not in self._known]:
            if len(self._known) + len(unknown) > WORDS_KNOWN:
                self._known, unknown = {}, list(dict.fromkeys(words))
            self._learn(unknown)
        return [self._known[word] for word in words]

    def _learn(self, words: list[str]) -> None:
        """Plain ASCII words are asked for in one row, a word a token; others in a row each, to see what it makes of
        them."""
        self._known.update((word, word[:MAX_LETTERS]) for word in words)
        asked = [word for word in words if len(word) <= MAX_LETTERS and word.isalnum() and word[0] < FIRST_CJK]
        plain = [word for word in asked if word.isascii()]
        others = [word for word in asked if not word.isascii()]
        self._connection.execute("BEGIN")
        self._connection.execute("INSERT INTO words(rowid, word) VALUES (0, ?)", [" ".join(plain)])
        self._connection.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", enumerate(others, start=1))
        rows = self._connection.execute("SELECT doc, offset, term FROM stems").fetchall()
        self._connection.execute("ROLLBACK")
        pieces = Counter(row for row, _, _ in rows if row)
        self._known.update((plain[place], stem) for row, place, stem in rows if not row)
        self._known.update((others[row - 1], stem) for row, _, stem in rows if row and pieces[row] == 1)
