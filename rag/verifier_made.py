"""Made pairs: sentences of a passage, true ones reworded, false ones with a number, name, relation or "not" exchanged.

What a person needn't label: a sentence stands on the passage it is from; with its number changed it doesn't; with the
sentence itself taken out of the passage, it is not spoken of. True sentences are reworded, so that a verifier can't
learn that whatever isn't word for word is false. English and Chinese; the same passage always gives the same pairs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from firmground.knowledge.text import language, sentences
from firmground.rag.opposites import opposites

Change = Literal["reworded", "number", "name", "relation", "negation", "removed", "elsewhere"]

SHORTEST, LONGEST = {"en": 30, "zh": 10}, {"en": 300, "zh": 120}  # characters of a sentence that is used

_SYNONYMS_EN = """began started|located situated|large big|movie film|also additionally|wrote authored|built constructed
made produced|helped assisted|show display|important significant|many numerous|often frequently
near close to|because since|about approximately|however though|city town|people persons|company firm|used utilised
became turned into|area region
after following|during in the course of|created formed|died passed away|bought purchased|main principal|children kids"""
_SYNONYMS_ZH = """开始 起初|位于 坐落于|电影 影片|建造 修建|重要 关键|许多 很多|因为 由于|大约 约|但是 不过|使用 利用
成为 变成|地区 区域|以及 和|帮助 协助|展示 显示|经常 常常|主要 首要
创建 建立|认为 觉得|能够 可以|其中 当中|此外 另外|目前 现在|由于 因为"""
_NUMBER = re.compile(r"(?<![\d,.:])\d+(?:,\d{3})*(?:\.\d+)?(?![\d:])(?!,\d)")
_SPELLED_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_SPELLED = dict(enumerate(_SPELLED_WORDS.split()))
_NAME_RUN = re.compile(r"(?<=[a-z,] )(?:[A-Z][\w'’-]+)(?: (?:of |the |de )?[A-Z][\w'’-]+)*")
_NAME_ZH = re.compile(r"《[^》]{1,20}》|“[^”]{2,12}”|[一-鿿]{1,4}·[一-鿿]{1,4}|[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|has|have|had|does|did|may|might|must|should)\b(?! (?:not|n't|never|been))"
)
_NOT_EN = re.compile(r"\b(?:not|never) |n['’]t\b")
_IS_ZH = re.compile(r"(?<![不还但只总就于若或可要])(是|会|能|可以|属于|位于|包括|使用|有)(?![没不所时限])")
_NOT_ZH = re.compile(r"不(?=[是会能可属包使])|没(?=有)")
_ASIDE = re.compile(
    r"\s*[(（][^()（）]{1,80}[)）]|(?<=[^,，]{12}), (?:which|who|where|when|although|while|but)\b[^,.]*(?=[,.])"
)


@dataclass(frozen=True)
class Pair:
    """A claim with its evidence. `change`: what was done to the passage's sentence."""

    claim: str
    evidence: str
    supported: bool
    change: Change


def made_pairs(passage: str, others: Sequence[str], seed: str, most: int = 4) -> list[Pair]:
    """Pairs from up to `most` sentences of a passage: one reworded, one changed, and one unspoken of, in turn.

    Args:
        passage: the text.
        others: other passages, which names are borrowed from; the first is also used as evidence that is elsewhere.
        seed: makes the choices; the passage's id.
        most: sentences taken.
    """
    chance = random.Random(seed)
    tongue = language(passage)
    spans = [
        (start, end)
        for start, end in sentences(passage)
        if SHORTEST[tongue] <= end - start <= LONGEST[tongue] and not passage[start:end].endswith(("?", "？"))
    ]
    chance.shuffle(spans)
    found: list[Pair] = []
    for start, end in spans[:most]:
        found += _of_sentence(passage, start, end, others, chance, tongue)
    return found


def _of_sentence(
    passage: str, start: int, end: int, others: Sequence[str], chance: random.Random, tongue: str
) -> Iterator[Pair]:
    sentence = passage[start:end]
    true = reworded(sentence, chance)
    yield Pair(true, passage, True, "reworded")
    changes = list(CHANGES.items())
    chance.shuffle(changes)
    made = 0
    for change, function in changes:
        false = function(true, [passage, *others], chance)
        if false is not None and false != true and made < 2:
            yield Pair(false, passage, False, change)
            made += 1
    rest = f"{passage[:start]} {passage[end:]}".strip() if tongue == "en" else passage[:start] + passage[end:]
    if made < 2 and len(rest) > 100:
        yield Pair(true, rest, False, "removed")


def reworded(sentence: str, chance: random.Random) -> str:
    """The same said otherwise: an aside dropped, words by synonyms, a small number spelled."""
    said = _ASIDE.sub("", sentence) if chance.random() < 0.7 else sentence
    table = _SYNONYMS_ZH if language(sentence) == "zh" else _SYNONYMS_EN
    for pair in table.replace("\n", "|").split("|"):
        one, _, other = pair.partition(" ")
        pattern = re.escape(one) if language(sentence) == "zh" else rf"\b{one}\b"
        if chance.random() < 0.7:
            said = re.sub(pattern, other, said)
    if language(sentence) == "en" and chance.random() < 0.5:
        said = re.sub(r"(?<![\w$£.,-])(?:[2-9]|1[0-2])(?![\w%.,:-])", lambda m: _SPELLED[int(m.group())], said)
    return said


def other_number(said: str, texts: Sequence[str], chance: random.Random) -> str | None:
    """One number by another: one of the passage's, or one nearby."""
    found = list(_NUMBER.finditer(said))
    if not found:
        return None
    match = chance.choice(found)
    old = match.group()
    there = [number for number in _NUMBER.findall(texts[0]) if len(number) == len(old) and number not in said]
    if there and chance.random() < 0.5:
        new = chance.choice(there)
    elif "." in old:
        new = f"{float(old.replace(',', '')) * chance.choice((0.5, 1.3, 2.0)) + 0.1:.1f}"
    else:
        value = int(old.replace(",", ""))
        step = chance.choice((1, 2, 3, 5, 10)) if value > 12 else chance.choice((1, 2, 3))
        new = str(value + step) if chance.random() < 0.5 or value <= step else str(value - step)
        new = f"{int(new):,}" if "," in old else new
    return None if new == old else said[: match.start()] + new + said[match.end() :]


def other_name(said: str, texts: Sequence[str], chance: random.Random) -> str | None:
    """One name by another of the passage, or of another passage."""
    pattern = _NAME_ZH if language(said) == "zh" else _NAME_RUN
    found = list(pattern.finditer(said))
    if not found:
        return None
    match = chance.choice(found)
    for text in texts if chance.random() < 0.6 else list(reversed(texts)):
        names = sorted({name for name in pattern.findall(text) if name not in said and _like(name, match.group())})
        if names:
            return said[: match.start()] + chance.choice(names) + said[match.end() :]
    return None


def _like(name: str, other: str) -> bool:
    """Whether one may stand in the other's place: both titles, both quoted, or neither."""
    return name[0] == other[0] if name[0] in "《“" or other[0] in "《“" else True


def opposed(said: str, texts: Sequence[str], chance: random.Random) -> str | None:
    """One word by its opposite."""
    tongue = language(said)
    table = opposites(tongue)
    if tongue == "zh":
        there = [word for word in table if word in said and len(word) > 1]
    else:
        there = [word for word in re.findall(r"[a-z]+", said) if word in table]
    if not there:
        return None
    word = chance.choice(sorted(there))
    new = chance.choice(sorted(table[word]))
    return said.replace(word, new, 1) if tongue == "zh" else re.sub(rf"\b{word}\b", new, said, count=1)


def denied(said: str, texts: Sequence[str], chance: random.Random) -> str | None:
    """ "not" put in, or taken out."""
    chinese = language(said) == "zh"
    there, verb = (_NOT_ZH, _IS_ZH) if chinese else (_NOT_EN, _AUXILIARY)
    if there.search(said):
        return there.sub("", said, count=1)
    match = verb.search(said)
    if match is None:
        return None
    word = match.group(1)
    new = ("没有" if word == "有" else f"不{word}") if chinese else f"{word} not"
    return said[: match.start()] + new + said[match.end() :]


CHANGES: dict[Change, Callable[[str, Sequence[str], random.Random], str | None]] = {
    "number": other_number,
    "name": other_name,
    "relation": opposed,
    "negation": denied,
}
