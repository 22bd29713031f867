"""Whom a text speaks of: groups of people by the words for them, in English and Chinese, each place told apart.

A lexicon, not a model: it sees the words of `group_lists.py` and no others, and says nothing of how a group is spoken
of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from firmground.knowledge import group_lists as lists
from firmground.knowledge.text import Language, language


@dataclass(frozen=True)
class Mention:
    """A word for a group at text[start:end]. `category`: gender, race, nation, region, religion, age …"""

    start: int
    end: int
    text: str
    category: str
    group: str


@dataclass(frozen=True)
class Lexicon:
    """Words that are looked for, each with what it stands for: (category, group)."""

    pattern: re.Pattern[str]
    meaning: dict[str, tuple[str, str]]

    def find(self, text: str) -> list[Mention]:
        """The places, in order and apart; of words that overlap, the longest one."""
        found = []
        for match in self.pattern.finditer(text):
            category, group = self.meaning[_key(match.group())]
            found.append(Mention(match.start(), match.end(), match.group(), category, group))
        return found


def english_forms(words: str) -> list[str]:
    """The words of a list with their plurals; "~" ends one that has none here, "-" stands for a space or itself."""
    forms: list[str] = []
    for word in words.split():
        if word.endswith("~"):
            forms.append(word[:-1])
        elif word.endswith("y") and word[-2:-1] not in "aeiou":
            forms += [word, word[:-1] + "ies"]
        elif word.endswith("fe"):
            forms += [word, word[:-2] + "ves"]
        else:
            forms += [word, word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")]
    return forms


def lexicon(entries: Iterable[tuple[str, str, str]], lang: Language) -> Lexicon:
    """From (category, group, words) to what finds them; a word that two groups have stands for the first."""
    meaning: dict[str, tuple[str, str]] = {}
    for category, group, words in entries:
        for form in english_forms(words) if lang == "en" else words.split():
            meaning.setdefault(_key(form), (category, group))
    longest_first = sorted(meaning, key=lambda word: (-len(word), word))
    inner = "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in longest_first)
    bounded = rf"(?<![\w-])(?:{inner})(?![\w-])" if lang == "en" else f"(?:{inner})"
    return Lexicon(re.compile(bounded, re.IGNORECASE), meaning)


def _key(word: str) -> str:
    return word.lower().replace("-", " ")


@lru_cache
def groups(lang: Language) -> Lexicon:
    """The words for groups."""
    side = 0 if lang == "en" else 1
    rows = ((category, name, pair[side]) for category, them in lists.GROUPS.items() for name, pair in them.items())
    return lexicon(rows, lang)


@lru_cache
def slurs(lang: Language) -> Lexicon:
    """The words that demean a group; their category is "slur"."""
    side = 0 if lang == "en" else 1
    return lexicon((("slur", name, pair[side]) for name, pair in lists.SLURS.items()), lang)


@lru_cache
def word_list(name: str, lang: Language) -> Lexicon:
    """One of INSULTS, TRAITS, POSITIVE, NEGATIVE, OCCUPATIONS: each word stands for itself."""
    words: str = getattr(lists, name)[0 if lang == "en" else 1]
    return lexicon(((name.lower(), word.removesuffix("~"), word) for word in words.split()), lang)


@lru_cache
def given_names() -> Lexicon:
    """English given names that are nearly always one gender's; they count only where they are capitalised."""
    rows = (("gender", who, " ".join(f"{name}~" for name in names)) for who, names in
            (("women", lists.NAMES_WOMEN), ("men", lists.NAMES_MEN)))  # fmt: skip
    return lexicon(rows, "en")


def mentions(text: str, lang: Language | None = None, names: bool = False) -> list[Mention]:
    """The groups that a text names, in its order. `names`: given names and English pronouns count for their gender."""
    lang = lang or language(text)
    found = [mention for mention in groups(lang).find(text) if not _only_a_colour(mention, text)]
    if names and lang == "en":
        found += [mention for mention in given_names().find(text) if mention.text[0].isupper()]
        found += pronouns(text)
    return sorted(found, key=lambda mention: (mention.start, mention.end))


_COLOUR = re.compile(r"black|white", re.IGNORECASE)
_PERSON = re.compile(
    r"[ -](?:people|persons?|m[ae]n|wom[ae]n|boys?|girls?|kids?|child(?:ren)?|guys?|lad(?:y|ies)|students?|"
    r"famil(?:y|ies)|americans?|africans?|communit(?:y|ies)|neighbou?rs?|workers?|players?|voters?|citizens?|residents?|friends?|"
    r"coworkers?|teens?|teenagers?|youths?|males?|females?|folks?|dudes?|couples?|slaves?|lives)\b",
    re.IGNORECASE,
)


def _only_a_colour(mention: Mention, text: str) -> bool:
    """Black and white are people before a word for people, or with a capital in mid-sentence."""
    if not _COLOUR.fullmatch(mention.text) or _PERSON.match(text, mention.end):
        return False
    return mention.text[0].islower() or not text[: mention.start].strip()


_PRONOUN = re.compile(r"\b(?:(she|her|hers|herself)|(he|him|his|himself))\b", re.IGNORECASE)


def pronouns(text: str) -> list[Mention]:
    """She and he in their forms, as words for women and men."""
    return [
        Mention(match.start(), match.end(), match.group(), "gender", "women" if match.group(1) else "men")
        for match in _PRONOUN.finditer(text)
    ]
