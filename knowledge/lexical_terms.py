"""Which words of a text are looked up: those of `terms()`, English ones by their stem, without accents.

The stemmer is SQLite's own (Porter, "An algorithm for suffix stripping", 1980, behind FTS5's tokenizer; see
https://www.sqlite.org/fts5.html#porter_tokenizer), asked once for every word that comes up.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable

TOKENIZER = "porter unicode61 remove_diacritics 2"
MAX_LETTERS = 256  # of a word count; what is longer is no word
FIRST_CJK = "\u3005"
WORDS_KNOWN = 500_000  # stems are remembered at most, some 60 MB

# What of ASCII `terms()` takes for more than runs of letters and digits: it's, c++, 1,000, 3.14, U.S.
_JOINED = re.compile(
    r"['+#.,](?:(?<=[A-Za-z0-9]')(?=[A-Za-z0-9])|(?<=[A-Za-z][+#])|(?<=[0-9][.,])(?=[0-9])|(?<=[A-Za-z]\.)(?=[A-Za-z]))"
)
_LETTERS_AND_DIGITS = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))


def words_of(text: str) -> list[str]:
    """The same as `terms(text)`, in any order, and some times as fast: most of a text is plain ASCII words."""
    from firmground.knowledge.text import terms

    if text.isascii() and not _JOINED.search(text):
        return text.translate(_LETTERS_AND_DIGITS).split()
    plain: list[str] = []
    others: list[str] = []
    for word in text.split():  # no term reaches over a space
        (plain if word.isascii() and (word.isalnum() or not _JOINED.search(word)) else others).append(word)
    return " ".join(plain).translate(_LETTERS_AND_DIGITS).split() + terms(" ".join(others))


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
        self._known.update((word, word[:MAX_LETTERS]) for word in words)
        asked = [
            (number, word)
            for number, word in enumerate(words)
            if len(word) <= MAX_LETTERS and word.isalnum() and word[0] < FIRST_CJK  # no stem, no accent there
        ]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", asked)
        rows = self._connection.execute("SELECT doc, term FROM stems").fetchall()
        self._connection.execute("ROLLBACK")
        pieces = Counter(number for number, _ in rows)
        self._known.update((words[number], stem) for number, stem in rows if pieces[number] == 1)
