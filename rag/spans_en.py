"""Candidates for English questions: up to eight tokens between function words, verbs and punctuation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from firmground.knowledge.lexical import STOP_WORDS
from firmground.rag.spans import Candidate, Kind, weigh
from firmground.rag.words import content, stem

LONGEST = 8  # tokens

WEIGHTS = {
    "kind": 1.5,  # it is the kind of thing asked for
    "other_kind": -0.75,  # a kind is asked for, and nothing in it is of that kind
    "asked": -2.6,  # share of its words that the question has
    "near": 2.7,  # share of the question's words that stand near it, each falling off with its distance
    "right": 0.6,  # a phrase ends after it
    "cut_name": -1.5,  # a capitalised neighbour belongs to it
    "verb": -2.0,  # verbs in it
    "stops": -1.25,  # function words in it
    "length": -0.15,  # words in it
    "one": -0.3,  # it is one word
    "first": 0.1,  # it opens the sentence
    "number": 0.1,  # a number, where none is asked for
}

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("year", re.compile(r"\b(?:what|which) (?:\w+ )?years?\b")),
    (
        "number",
        re.compile(r"\bhow (?:many|much|long|old|far|tall|large|big|high|fast|deep|wide|heavy|often|few|hot|cold)\b"),
    ),
    (
        "number",
        re.compile(
            r"\b(?:what|which) (?:\w+ )?(?:percent(?:age)?|number|amount|proportion|fraction|share|population|age|"
            r"temperature|distance|height|length|size|rate|score|ratio|total|cost|price|speed|depth|width|weight)\b"
        ),
    ),
    (
        "when",
        re.compile(r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:date|day|month|decade|century|time|season|era|period)\b"),
    ),
    (
        "who",
        re.compile(
            r"\b(?:who|whom|whose)\b|\b(?:what|which) (?:\w+ ){0,2}(?:person|man|woman|king|queen|president|player|"
            r"actor|author|scientist|leader|singer|emperor|quarterback|figure|coach|director|general|physicist|ruler)\b"
        ),
    ),
    (
        "where",
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:\w+ ){0,2}(?:city|cities|country|countries|state|place|location|"
            r"town|region|continent|county|stadium|river|area|island|province|street|neighborhood|university|school)\b"
        ),
    ),
    (
        "name",
        re.compile(
            r"\b(?:what|which) (?:\w+ ){0,2}(?:company|team|organization|group|album|song|book|film|movie|show|network|"
            r"language|religion|party|nation|empire|dynasty|war|battle|treaty|name|nationality|church|series|tribe)\b"
        ),
    ),
    ("why", re.compile(r"\bwhy\b|\bwhat (?:\w+ )?(?:reason|cause|caused|purpose)\b")),
)

_TOKEN = re.compile(r"[$£€]?\d+(?:[.,:]\d+)*(?:st|nd|rd|th|s)?(?![^\W_])%?|[^\W_]+(?:['’.-][^\W_]+)*|\S")
_INSIDE = frozenset("-–'’&/,%$£€\"“”.")  # marks that a span may reach across
_NUMBER_WORD = re.compile(
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|"
    r"thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billion|trillion|half|third|quarter|"
    r"dozens?|twice|once|first|second|fourth|fifth)$"
)
_VERB = re.compile(
    r"(?:is|are|was|were|be|been|being|am|has|have|had|do|does|did|can|could|will|would|may|might|must|shall|should|"
    r"became|become|becomes|made|led|won|gave|took|found|began|went|said|held|built|wrote|left|came|saw|known|used|"
    r"includes?|including|\w{3,}(?:ed|izes|ises))$"
)
_ADVERB = re.compile(r"(?!family|supply|reply|assembly|early|elderly|monthly|weekly|daily)[a-z]{4,}ly$")
_YEAR = re.compile(r"(?:1\d|20)\d\ds?$")
_MONTH = re.compile(
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)$"
)
_TIMELY = re.compile(r"(?:centur(?:y|ies)|\d+s|\d+(?:th|st|nd|rd)|spring|summer|autumn|fall|winter|\w+day|years?)$")


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    text: str
    stem: str
    sort: str  # "word", "number", "stop", "mark" or "verb"

    @property
    def capital(self) -> bool:
        return self.sort == "word" and self.text[0].isupper()


def candidates(question: str, sentence: str) -> list[Candidate]:
    kind = kind_of(question)
    tokens = _tokens(sentence)
    asked = frozenset(content(question))
    found = []
    for first, opening in enumerate(tokens):
        if opening.sort in ("stop", "mark"):
            continue
        for last in range(first, min(first + LONGEST, len(tokens))):
            token = tokens[last]
            if token.sort == "mark" and token.text not in _INSIDE:
                break
            if token.sort not in ("stop", "mark"):
                features = _features(kind, tokens, first, last, asked)
                found.append(weigh(opening.start, token.end, features, WEIGHTS))
    return found


def kind_of(question: str) -> Kind:
    """What a question asks for, by its question word and the noun that follows it."""
    lowered = question.lower()
    return next((kind for kind, pattern in _KINDS if pattern.search(lowered)), "thing")


@lru_cache(maxsize=1024)
def _tokens(sentence: str) -> tuple[_Token, ...]:
    return tuple(_token(match) for match in _TOKEN.finditer(sentence))


def _token(match: re.Match[str]) -> _Token:
    text = match.group()
    low = text.lower()
    if not any(character.isalnum() for character in text):
        sort = "mark"
    elif any(character.isdigit() for character in text) or _NUMBER_WORD.match(low):
        sort = "number"
    elif _ADVERB.match(text) or (low in STOP_WORDS and not _VERB.match(low)):
        sort = "stop"
    else:
        sort = "verb" if _VERB.match(low) and (low in STOP_WORDS or text[0].islower()) else "word"
    return _Token(match.start(), match.end(), text, stem(low.removesuffix("'s").removesuffix("’s")), sort)


def _features(kind: Kind, tokens: tuple[_Token, ...], first: int, last: int, asked: frozenset[str]) -> dict[str, float]:
    span = tokens[first : last + 1]
    words = [token for token in span if token.sort not in ("stop", "mark")]
    before = tokens[first - 1] if first else None
    after = tokens[last + 1] if last + 1 < len(tokens) else None
    is_kind = _is_kind(kind, words)
    distances = [
        min(abs(i - first), abs(i - last))
        for i, token in enumerate(tokens)
        if token.stem in asked and not first <= i <= last
    ]
    return {
        "kind": is_kind,
        "other_kind": float(kind not in ("thing", "why") and is_kind == 0.0),
        "asked": sum(token.stem in asked for token in words) / len(words),
        "near": sum(3 / (3 + distance) for distance in distances) / max(1, len(asked)),
        "right": float(after is None or after.sort in ("stop", "mark", "verb") or after.stem in asked),
        "cut_name": float(_joins(before, span[0], asked) or _joins(after, span[-1], asked)),
        "verb": float(sum(token.sort == "verb" for token in span)),
        "stops": float(sum(token.sort == "stop" for token in span)),
        "length": float(len(words)),
        "one": float(len(words) == 1),
        "first": float(first == 0),
        "number": float(kind not in ("number", "when", "year") and any(token.sort == "number" for token in span)),
    }


def _joins(neighbour: _Token | None, edge: _Token, asked: frozenset[str]) -> bool:
    """The neighbour is a capitalised word too, and not one that the question has."""
    return neighbour is not None and neighbour.capital and edge.capital and neighbour.stem not in asked


def _is_kind(kind: Kind, words: list[_Token]) -> float:
    """1 if the words are the kind of thing asked for, less if only some are, 0 if none is."""
    digits = [token for token in words if token.sort == "number"]
    if kind == "year":
        return float(len(words) == 1 and bool(_YEAR.match(words[0].text)))
    if kind == "when":
        return _is_time(words, digits)
    if kind == "number":
        return 0.0 if not digits else 1.0 if digits[0] is words[0] else 0.5
    if kind in ("who", "name", "where"):
        capitals = sum(token.capital for token in words)
        return 1.0 if capitals == len(words) else 0.5 if capitals else 0.0
    return 0.0


def _is_time(words: list[_Token], digits: list[_Token]) -> float:
    dated = sum(bool(_YEAR.match(token.text) or _MONTH.match(token.text.lower())) for token in words)
    timely = sum(bool(_TIMELY.match(token.text.lower())) for token in words)
    if dated and dated + len(digits) + timely >= len(words):
        return 1.0
    return 0.6 if dated or timely else 0.2 if digits else 0.0
