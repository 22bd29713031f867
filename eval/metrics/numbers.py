"""The numbers that a text names, as values: "24", "twenty-four" and "二十四" are one number.

A near miss of a number ("27 minutes" for "24 minutes") shares most of its words with the right answer; this finds it.
What is read: digits ("3,000", "1.5"), English number words and ordinals ("two hundred and five", "21st", "third"),
scales after digits ("3.5 million", "1.5亿"), Chinese numerals ("三千零五", "二〇一五", "百分之五十").

Chinese numerals are also parts of other words (一些, 三星, 百度). A single one counts before a unit or a measure word
(三年, 五个), after 第 or 分之; 一 only before a unit, as 一个 is an article. Several in a row always count.
Not read: Roman numerals, fractions as one value ("one third" is 1 and 3, and so is "1/3"), "half", "dozen", "10k".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|(?<!\d)\.\d+"

_UNDER_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_FROM_TWENTY = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_UNDER_TWENTY.split())}
_TENS = {word: 10 * value for value, word in enumerate(_FROM_TWENTY.split(), start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "thirds": 3, "fifth": 5, "fifths": 5, "eighth": 8, "ninth": 9}
_ORDINALS |= {"twelfth": 12}
_ORDINALS |= {f"{word}th": value for word, value in _SMALL.items() if value > 3}
_ORDINALS |= {f"{word[:-1]}ieth": value for word, value in _TENS.items()}

_CHINESE_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERALS = "".join((*_CHINESE_DIGITS, *_CHINESE_SCALES))
_CHINESE_RUN = re.compile(rf"(?:(?:{_DIGITS})(?=[{''.join(_CHINESE_SCALES)}])|[{_NUMERALS}])+")
_UNITS = (
    "年|月|日|号|號|天|周|週|岁|歲|世纪|世紀|届|屆|级|級|层|層|楼|樓|章|代|倍|秒|米|码|碼|吨|噸|美元|英镑|欧元|日元|元"
    "|小时|小時|个小时|个月|個月|个世纪|个星期|星期|分钟|分鐘|公里|公斤|公尺|公顷|英里|英尺|英寸|平方|立方|毫米|厘米|战|戰|%"
)
_MEASURES = (
    "个|個|次|名|位|人|种|種|只|隻|头|頭|条|條|张|張|本|部|集|季|期|座|家|所|间|間|台|辆|輛|艘|架|类|類|项|項|件|份|分|时|時"
    "|点|點|刻|升|斤|克|寸|里|磅|块|塊|枚|颗|顆|粒|支|股|队|隊|组|組|对|對|双|套|场|場|轮|輪|局|州|省|市|县|县|票|段|节|節|行"
)
_BEFORE_UNIT, _BEFORE_MEASURE = re.compile(_UNITS), re.compile(f"{_UNITS}|{_MEASURES}")
_TOKEN = re.compile(rf"({_DIGITS})|([a-z]+)|([\s\-‐‑]+)|(.)", re.DOTALL)


def number_values(text: str) -> frozenset[Decimal]:
    """The values of all numbers in a text; how often and in which order they come doesn't matter."""
    text = re.sub("百(?=分之|分点|分點)", "", unicodedata.normalize("NFKC", text).lower())  # per cent isn't a number
    return frozenset(_spoken_numbers(_CHINESE_RUN.sub(_as_digits, text)))


def _as_digits(run: re.Match[str]) -> str:
    """A run of Chinese numerals as digits between spaces; a space where it is part of another word."""
    return f" {_chinese_value(run[0])} " if _is_number(run) else " "


def _is_number(run: re.Match[str]) -> bool:
    text, start, end = run.string, run.start(), run.end()
    if len(run[0]) > 1 or text[:start].endswith(("第", "分之")):
        return True
    return bool((_BEFORE_UNIT if run[0] == "一" else _BEFORE_MEASURE).match(text, end))


def _chinese_value(run: str) -> Decimal:
    """ "三千零五" -> 3005, "一亿两千万" -> 120000000, "1.5万" -> 15000, and digit by digit "一九九八" -> 1998."""
    if not set(run) & _CHINESE_SCALES.keys():
        return Decimal("".join(str(_CHINESE_DIGITS[digit]) for digit in run))
    total, section, digit = Decimal(0), Decimal(0), None
    for piece in re.findall(rf"{_DIGITS}|[{_NUMERALS}]", run):
        scale = _CHINESE_SCALES.get(piece)
        if scale is None:
            digit = Decimal(_CHINESE_DIGITS[piece]) if piece in _CHINESE_DIGITS else _decimal(piece)
        elif scale < 10**4:
            section += (Decimal(1) if digit is None else digit) * scale
            digit = None
        else:
            section += digit or 0
            if scale == 10**8:
                total = (total + section or Decimal(1)) * scale
            else:
                total += (section or Decimal(1)) * scale
            section, digit = Decimal(0), None
    return total + section + (digit or 0)


def _spoken_numbers(text: str) -> Iterator[Decimal]:
    """Digits and English number words; words that belong together ("two hundred and five") are one number."""
    words = [(kind[0], kind[1], kind[3]) for kind in _TOKEN.findall(text) if not kind[2]]  # spaces and hyphens go
    number = _Spoken()
    for place, (digits, word, _) in enumerate(words):
        following = words[place + 1][1] if place + 1 < len(words) else ""
        if digits:
            yield from number.finish()
            number.part = _decimal(digits)
            if following not in _SCALES and following != "hundred":
                yield from number.finish()
        elif word == "one" and following == "of":  # "one of the largest" counts nothing
            yield from number.finish()
        elif not number.takes(word):
            yield from number.finish()
            number.takes(word)
    yield from number.finish()


class _Spoken:
    """A number in words as it comes in: `total` of the scales behind it, `part` of the one that is being said."""

    def __init__(self) -> None:
        self.total: Decimal | None = None
        self.part: Decimal | None = None
        self.ended = False  # an ordinal ends a number

    def takes(self, word: str) -> bool:
        """Whether the word goes on (or begins) this number; if so it is counted in."""
        if self.ended:
            return False
        value = _SMALL.get(word, _TENS.get(word, _ORDINALS.get(word)))
        if value is not None:
            if self.part is not None and not _room(self.part, value):
                return False
            self.part = (self.part or Decimal(0)) + value
            self.ended = word in _ORDINALS
            return True
        if word == "and":
            return self.total is not None if self.part is None else self.part % 100 == 0
        if word == "hundred" and (self.part is None or self.part < 100):
            self.part = (self.part or Decimal(1)) * 100
            return True
        if word in _SCALES and not (self.part is None and self.total is not None):
            self.total = (self.total or Decimal(0)) + (self.part or Decimal(1)) * _SCALES[word]
            self.part = None
            return True
        return False

    def finish(self) -> Iterator[Decimal]:
        """The number, where there is one; a new one begins."""
        if self.total is not None or self.part is not None:
            yield (self.total or Decimal(0)) + (self.part or Decimal(0))
        self.total, self.part, self.ended = None, None, False


def _room(part: Decimal, value: int) -> bool:
    """Whether a small number continues: "two hundred" + "five", "twenty" + "four", and not "four" + "five"."""
    return (part >= 100 and part % 100 == 0) or (20 <= part % 100 < 100 and part % 10 == 0 and 0 < value < 10)


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace(",", ""))
