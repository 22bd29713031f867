"""Counterfactual augmentation: the same text with one attribute exchanged throughout, gender above all (en, zh).

"He told his wife" becomes "She told her husband": pronouns, family, titles and given names go together, and the grammar is
kept (her is his or him by what follows). After Zhao et al., "Gender Bias in Coreference Resolution" (2018) and Maudslay et
al., "It's All in the Name" (2019), which exchanges names in fixed pairs. Rules: a word that isn't in the pairs stays.
"""

# ruff: noqa: E501
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from firmground.knowledge.errors import InputError
from firmground.knowledge.group_lists import NAMES_MEN, NAMES_WOMEN
from firmground.knowledge.text import Language, language
from firmground.knowledge.types import Document

Attribute = Literal["gender", "religion", "age"]


@dataclass(frozen=True)
class Swap:
    """text[start:end] of the text that came, and what stands there now."""

    start: int
    end: int
    before: str
    after: str


@dataclass(frozen=True)
class Swapped:
    """The exchanged text and its changes, in order. `reversible`: exchanging it again gives the first text back.

    Where it isn't (Mrs becomes Mr becomes Ms; an unusual word after "her"), look before you use it.
    """

    text: str
    changes: tuple[Swap, ...]
    reversible: bool


_PAIRS_EN: dict[str, str] = {
    "gender": """he she|himself herself|man woman|men women|boy girl|male female|father mother|dad mom|daddy mommy|son daughter|
    brother sister|husband wife|husbands wives|king queen|prince princess|uncle aunt|nephew niece|actor actress|waiter
    waitress|gentleman lady|gentlemen ladies|mr ms|sir madam|grandfather grandmother|grandpa grandma|grandson granddaughter|
    boyfriend girlfriend|groom bride|widower widow|hero heroine|heroes heroines|host hostess|landlord landlady|landlords
    landladies|policeman policewoman|policemen policewomen|businessman businesswoman|businessmen businesswomen|salesman
    saleswoman|salesmen saleswomen|chairman chairwoman|chairmen chairwomen|spokesman spokeswoman|spokesmen
    spokeswomen|stepfather stepmother|stepson stepdaughter|godfather godmother|fatherhood motherhood|paternal
    maternal|masculine feminine|schoolboy schoolgirl|monk nun|duke duchess|emperor empress|wizard witch|wizards witches""",
    "religion": """christian muslim|christianity islam|church mosque|churches mosques|bible quran|priest imam|sunday
    friday|christmas ramadan""",
    "age": "young old|younger older|youngest oldest|teenager pensioner|grandson grandfather",
}
_NO_PLURAL = "he himself men male mr sir masculine paternal young younger youngest christianity bible"
_ONE_WAY_EN = {"mrs": "mr", "miss": "mr"}
# Behind these a word says something else: six years old, how old; a spider.
_OTHER_SENSE = {
    "old": ["year", "years", "month", "months", "week", "weeks", "day", "days", "how"],
    "widow": ["black"],
    "widows": ["black"],
}
# Names that are also places, words or surnames stay as they are.
_AMBIGUOUS = """rose grace mark virginia victoria charlotte ruby jean joan earl frank jerry terry craig carl bruce
    howard stanley scott thomas lawrence russell wayne douglas harold martin jesse logan mason lily ada ann
    jack roger marie christine harper neil jose juan maria jordan billy bobby"""
_PAIRS_ZH: dict[str, str] = {
    "gender": """他 她|先生 女士|男人 女人|男性 女性|男孩 女孩|男生 女生|男子 女子|男士 女士|父亲 母亲|爸爸 妈妈|丈夫 妻子|老公 老婆|儿子 女儿|哥哥
    姐姐|弟弟 妹妹|兄弟 姐妹|爷爷 奶奶|外公 外婆|叔叔 阿姨|男友 女友|男朋友 女朋友|新郎 新娘|国王 女王|王子 公主|帅哥 美女|小伙子 小姑娘|孙子 孙女|岳父
    岳母|公公 婆婆|侄子 侄女|男 女|继父 继母|皇帝 女皇|父爱 母爱|祖父 祖母|外祖父 外祖母|伯父 伯母|舅舅 舅妈|慈父 慈母""",
    "religion": "基督徒 穆斯林|基督教 伊斯兰教|教堂 清真寺|圣经 古兰经|牧师 阿訇",
    "age": "年轻人 老年人|年轻 年老|青年 老年|小伙子 老头",
}
_KEPT_ZH = "其他 他人 他国 他乡 吉他 他日 他杀 排他 利他 维他 男女 子女 儿女 妇女 女真 女娲 处女 男爵 美男 孕妇 少女 淑女 才女 仙女 侄女婿 女婿 儿媳"

_NOUN_FOLLOWS = re.compile(r"(?:\s+(?:own|very|\d+|[a-z]+(?:'s)?))?\s+[\"“'(]?[A-Za-z0-9]")
# After "her" these begin something else than what is hers: then it is "him". So with "his": then it is "hers".
_NOT_HERS = re.compile(
    r"\s+(?:to|and|or|but|in|on|at|with|from|for|when|if|by|about|as|because|while|than|after|before|that|who|whom|which|into|onto|"
    r"a|an|the|this|these|those|is|are|was|were|be|been|has|had|have|not|so|too|again|yesterday|today|tomorrow|tonight|now|then|"
    r"there|here|very|well|back|home|up|down|out|off|away|over|since|until|during|through|what|how|why|where|it|i|you|we|they|"
    r"himself|herself|alone|once|often|never|always|also|both|more|much|will|would|can|could|should|must|may|might|did|does|do)\b",
    re.IGNORECASE,
)


def swap(text: str, lang: Language | None = None, attribute: Attribute = "gender", names: bool = True) -> Swapped:
    """The text with the attribute exchanged wherever the pairs know it.

    Args:
        text: any text.
        lang: "en" or "zh"; told by its look where None.
        attribute: "gender", "religion" (Christian and Muslim) or "age".
        names: English given names of one gender become their fixed partner of the other.

    Raises:
        InputError: an attribute without pairs.
    """
    if attribute not in _PAIRS_EN:
        raise InputError(f"no pairs for the attribute {attribute!r}; there are: {', '.join(_PAIRS_EN)}")
    lang = lang or language(text)
    once = _once(text, lang, attribute, names)
    return replace(once, reversible=_once(once.text, lang, attribute, names).text == text)


def augmented(documents: Iterable[Document], attribute: Attribute = "gender") -> list[Document]:
    """Each document, and after it its counterpart where one can be made and turned back: id + "~" + attribute."""
    both = []
    for document in documents:
        both.append(document)
        other = swap(document.text, attribute=attribute)
        if other.changes and other.reversible:
            metadata = {**document.metadata, "counterfactual": attribute}
            both.append(replace(document, id=f"{document.id}~{attribute}", text=other.text, metadata=metadata))
    return both


def _once(text: str, lang: Language, attribute: Attribute, names: bool) -> Swapped:
    pattern, partner = (_english if lang == "en" else _chinese)(attribute, names and attribute == "gender")
    changes, pieces, start = [], [], 0
    for match in pattern.finditer(text):
        word = match.group()
        after = partner[word.lower()] if word.lower() in partner else _pronoun(word, text, match.end())
        after = _like(word, after)
        if after == word or (word.lower() in _names() and not word[0].isupper()):
            continue
        pieces += [text[start : match.start()], after]
        start = match.end()
        changes.append(Swap(match.start(), match.end(), word, after))
    return Swapped("".join([*pieces, text[start:]]), tuple(changes), True)


def _pronoun(word: str, text: str, end: int) -> str:
    """His, her, him and hers, whose partner hangs on whether what is his follows."""
    lowered = word.lower()
    owns = bool(_NOUN_FOLLOWS.match(text, end)) and not _NOT_HERS.match(text, end)
    if lowered == "his":
        return "her" if owns else "hers"
    if lowered == "her":
        return "his" if owns else "him"
    return "her" if lowered == "him" else "his"


def _like(word: str, after: str) -> str:
    """`after` with the capitals of `word`."""
    if word.isupper() and len(word) > 1:
        return after.upper()
    return after[0].upper() + after[1:] if word[0].isupper() else after


@lru_cache
def _names() -> dict[str, str]:
    """Given names in fixed pairs, both ways."""
    women = [name for name in dict.fromkeys(NAMES_WOMEN) if name not in _AMBIGUOUS.split() and name not in NAMES_MEN]
    men = [name for name in dict.fromkeys(NAMES_MEN) if name not in _AMBIGUOUS.split() and name not in NAMES_WOMEN]
    pairs = dict(zip(women, men, strict=False))
    return pairs | {man: woman for woman, man in pairs.items()}


@lru_cache
def _english(attribute: Attribute, names: bool) -> tuple[re.Pattern[str], dict[str, str]]:
    partner: dict[str, str] = {}
    for pair in _PAIRS_EN[attribute].split("|"):
        one, other = pair.split()
        forms = [(one, other)]
        if one not in _NO_PLURAL.split() and not one.endswith("s"):
            forms.append((_plural(one), _plural(other)))
        for first, second in forms:
            partner.setdefault(first, second)
            partner.setdefault(second, first)
    words = set(partner)
    if attribute == "gender":
        partner |= _ONE_WAY_EN
        words = set(partner) | {"his", "her", "him", "hers"}
    if names:
        partner |= _names()
        words |= set(_names())
    longest = [
        "".join(rf"(?<!\b{before}\s)" for before in _OTHER_SENSE.get(word, ())) + word
        for word in sorted(words, key=lambda word: (-len(word), word))
    ]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(longest)})(?![\w-])", re.IGNORECASE), partner


@lru_cache
def _chinese(attribute: Attribute, names: bool) -> tuple[re.Pattern[str], dict[str, str]]:
    """Chinese names don't tell a gender surely enough; `names` changes nothing."""
    partner: dict[str, str] = {}
    for pair in _PAIRS_ZH[attribute].split("|"):
        one, other = pair.split()
        partner.setdefault(one, other)
        partner.setdefault(other, one)
    partner = {word: word for word in _KEPT_ZH.split()} | partner
    return re.compile("|".join(sorted(partner, key=lambda word: (-len(word), word)))), partner


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    if word in ("man", "woman") or word.endswith("man"):
        return word[:-2] + "en"
    return word + ("es" if word.endswith(("s", "ch", "x")) else "s")
