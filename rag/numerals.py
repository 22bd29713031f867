"""Numbers by their value, whichever way they are written: 1,000, seventh = 7th, 1.2 million, XLVIII, 三十五, 1.2亿."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
_ORDINALS = """zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for words in (_ONES, _ORDINALS) for value, word in enumerate(words.split())}
_TEN = {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
_TEN |= {word.removesuffix("y") + "ieth": value for word, value in list(_TEN.items())}
_SCALE = {"hundred": 100, "dozen": 12, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALE |= {word + ending: value for word, value in list(_SCALE.items()) for ending in ("s", "th")}
_VAGUE = frozenset(("one", "hundreds", "dozens", "thousands", "millions", "billions", "trillions"))
_WORD_VALUES = _SMALL | _TEN | _SCALE
_WORD = "|".join(sorted(_WORD_VALUES, key=len, reverse=True))
_SPELLED = re.compile(rf"(?<![\d.]\s)(?<![\d.]-)\b(?:{_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{_WORD}))*\b", re.IGNORECASE)
_DIGITS = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s*(?P<zh>[百千]?[万亿]|[百千])|[\s-]+(?P<en>hundred|thousand|million|billion|trillion)s?\b)?",
    re.IGNORECASE,
)
_ROMAN = re.compile(r"\b(?=[IVXL]{2})(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}

_ZH_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_ZH_SCALE = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_ZH_LETTERS = "零〇一二三四五六七八九十百千万亿两"
# A run of two and more; one numeral after 第, or before a measure word (一 there is mostly an article: 一个).
_ZH_NUMBER = re.compile(
    rf"[零〇一二三四五六七八九十两][{_ZH_LETTERS}]+|(?<=第)[{_ZH_LETTERS}]"
    rf"|(?<![{_ZH_LETTERS}])[二三四五六七八九十两](?=[年月日个次名位人种岁米倍条块只座届号支部所天点])"
)
_ZH_ONE = re.compile(f"(?<![{_ZH_LETTERS}第])一(?=[年月日个次名位人种岁米倍条块只座届号支部所天点])")


def numbers(text: str, loose: bool = False) -> set[str]:
    """The values of the numbers in a text, as plain decimals: {"7", "1200000", "0.5"}.

    "one" and 一 before a measure word are mostly articles; they count if `loose`, as for what a claim is held against.
    """
    return set(_values(text, loose))


@lru_cache(maxsize=8192)
def _values(text: str, loose: bool) -> frozenset[str]:
    text = unicodedata.normalize("NFKC", text)
    found = {_digits(match) for match in _DIGITS.finditer(text)}
    for match in _SPELLED.finditer(text):
        found.update(str(value) for word, value in _spelled(match.group()) if loose or word not in _VAGUE)
    found.update(str(_roman(match.group())) for match in _ROMAN.finditer(text) if match.group())
    found.update(str(_chinese(match.group())) for match in _ZH_NUMBER.finditer(text))
    if loose and _ZH_ONE.search(text):
        found.add("1")
    return frozenset(found)


@lru_cache(maxsize=65536)
def value_of(term: str) -> str:
    """A term that is one number by its value ("7th", "seventh" → "7"), any other term as it is."""
    if term[:1].isdigit():
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:st|nd|rd|th)", term)
        return _plain(match.group(1)) if match else term
    return str(_WORD_VALUES[term]) if term in _WORD_VALUES and term not in ("one", "second") else term


def arabic(text: str) -> str:
    """The text with its Chinese numerals in digits: 第七届 → 第7届, so that both have the same terms."""
    return _ZH_NUMBER.sub(lambda match: str(_chinese(match.group())), text)


def _digits(match: re.Match[str]) -> str:
    value = Decimal(match["digits"].replace(",", ""))
    for letter in match["zh"] or "":
        value *= _ZH_SCALE[letter]
    value *= _SCALE[match["en"].lower()] if match["en"] else 1
    return _plain(f"{value:f}")


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number.lstrip("0") or "0"


def _spelled(words: str) -> list[tuple[str, int]]:
    """(the words, value) of each number in a run of number words: "two hundred and five" is one, "two, three" two."""
    found: list[tuple[str, int]] = []
    parts: list[str] = []
    total, current, last = 0, 0, 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "and":
            continue
        value = _WORD_VALUES[word]
        if word in _SCALE:
            current = max(current, 1) * value
            if value >= 1000:
                total, current = total + current, 0
        elif parts and not _continues(last, value):
            found.append((" ".join(parts), total + current))
            parts, total, current = [], 0, value
        else:
            current += value
        parts.append(word)
        last = value
    return [*found, (" ".join(parts), total + current)]


def _continues(last: int, value: int) -> bool:
    """Whether a number goes on with this word: twenty-one, two hundred and five; not "four five", "twenty thirty"."""
    return last >= 100 or (20 <= last <= 90 and 0 < value < 10)


def _roman(numeral: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))


def _chinese(numeral: str) -> int:
    """三百二十 = 320; letters without a scale are read one by one: 一九九八 = 1998."""
    if not any(letter in _ZH_SCALE for letter in numeral):
        return int("".join(str(_ZH_DIGITS[letter]) for letter in numeral))
    total, section, digit = 0, 0, 0
    for letter in numeral:
        if letter in _ZH_DIGITS:
            digit = _ZH_DIGITS[letter]
        elif letter in "万亿":
            total, section, digit = (total + section + digit) * _ZH_SCALE[letter], 0, 0
        else:
            section, digit = section + (digit or 1) * _ZH_SCALE[letter], 0
    return total + section + digit
