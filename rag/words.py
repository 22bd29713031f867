"""The words that carry content: what the verifier and the extractive arm compare questions, claims and evidence by."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from firmground.knowledge.lexical import STOP_WORDS
from firmground.knowledge.text import CJK, terms
from firmground.rag.numerals import numbers

__all__ = ["content", "is_close", "kin", "names", "negated", "numbers", "rarity", "stem"]

_LIGHT_EN = STOP_WORDS | frozenset(
    ("also", "many", "much", "one", "ones", "may", "might", "must", "shall", "would", "upon", "however", "therefore")
)
# Words that ask or join, cut out of Chinese before bigrams are made, so that no bigram straddles one. Longest first.
_FUNCTION_ZH = re.compile(
    "什么时候|哪一年|哪一个|什么样|为什么|为何|多少|几个|哪些|哪个|哪里|哪儿|哪种|哪位|哪年|哪|什么|怎么样|怎么|怎样|如何|何时|何地|何处|何种|"
    "是否|有没有|能否|可否|多久|谁|几|吗|呢|吧|啊|以及|并且|而且|但是|因为|所以|由于|如果|虽然|通过|关于|对于|根据|除了|之一|之间|之中|之后|之前|"
    "以前|以后|以来|一个|一种|这个|那个|这些|那些|这种|他们|她们|它们|我们|你们|自己|的|了|着|过|在|是|和|与|及|或|被|把|将|从|向|于|以|为|之|"
    "其|这|那|他|她|它|我|你|并|而|但|也|都|就|才|又|还|则|所|由|对|让|使|到|有|个|位|名|种|等|中|上|下|里|内"
)
_CJK_RUN = re.compile(f"[{CJK}]+")
# Taken out without a gap, so that 铁不会生锈 and 铁会生锈 have the same terms, as "not" leaves English ones the same.
_NOT_ZH = re.compile("不(?![仅但只少同久断过论管])|没有?|未(?![来必])")

_COUNTING_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty first second third fourth fifth"""
_COUNTING = frozenset(_COUNTING_WORDS.split())
_NAME = re.compile(r"(?<![\w'’])[A-ZÀ-ÖØ-Þ][\w'’-]*(?:\.(?=\w))?")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The word without its commonest English endings: publish, publishes and published meet. Other scripts pass.

    A light stemmer, as in Harman, "How effective is suffixing?" (1991), with -ed, -ing and -ly beside -s.
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ingly", "edly", "ing", "ied", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending == "ied" else "")
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def content(text: str) -> list[str]:
    """The content terms in order: English words without stop-words, stemmed; Chinese bigrams that straddle no function
    word; numbers as they are. A text of stop-words alone gives all its terms, so that "Who is who?" isn't empty."""
    cut = _CJK_RUN.sub(lambda run: _FUNCTION_ZH.sub(" ", _NOT_ZH.sub("", run.group())), text)
    found = [stem(term) for term in terms(cut) if term not in _LIGHT_EN]
    return found or [stem(term) for term in terms(text)]


def names(text: str) -> list[str]:
    """Capitalised words that aren't only so for opening a sentence: lower-cased, in order. None in Chinese."""
    found = []
    for match in _NAME.finditer(text):
        word = match.group().removesuffix("'s").removesuffix("’s").rstrip(".")
        opens = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1:] in '.!?:"“('
        if len(word) > 1 and word.lower() not in _LIGHT_EN and not (opens and word.lower() in _COUNTING):
            found.append(word.lower())
    return found


_NEGATION = re.compile(
    r"\b(?:not|never|none|nobody|nothing|neither|nor|without|cannot|unable|incapable|refus(?:e|es|ed|ing)|den(?:y|ies|ied)|"
    r"fail(?:s|ed|ing|ure)? to|lacks?|lacked|lacking|yet to|no longer|(?<!\bno )no (?!\.|\d)|zero|"
    r"declin(?:es|ed|ing) to|turn(?:s|ed|ing) down|avoid(?:s|ed|ing)?|impossible|hardly|devoid|other than|"
    r"rather than|instead of|rejects?|rejected|disassociated|dissociated)\b|n['’]t\b"
    r"|不(?!仅|但|只|少|同|久|断|过|论|管)|没有?|未(?!来|必)|无(?!论)|非(?!常|洲)|从未|并非",
    re.IGNORECASE,
)


def negated(text: str) -> bool:
    """Whether the text says not, never, without …, 不, 没, 未 …"""
    return bool(_NEGATION.search(text))


def is_close(word: str, other: str) -> bool:
    """Whether two English stems look like one family, by what they begin with: politic, politician; europ, european."""
    if len(word) < 4 or len(other) < 4 or not word.isascii() or word[:4] != other[:4]:
        return False
    shared = 4
    while shared < min(len(word), len(other)) and word[shared] == other[shared]:
        shared += 1
    return shared >= 0.6 * max(len(word), len(other))


def rarity(terms_wanted: Iterable[str], texts: Sequence[Collection[str]]) -> dict[str, float]:
    """Inverse document frequency of each wanted term among `texts` (sets of terms): ln(1 + (N + ½) / (df + ½)), > 0.

    Smoothed as in BM25 (Robertson and Zaragoza, 2009) and never 0, so that a term that all texts have still counts.
    """
    return {
        term: math.log(1 + (len(texts) + 0.5) / (sum(term in text for text in texts) + 0.5))
        for term in dict.fromkeys(terms_wanted)
    }


def kin(terms_wanted: Iterable[str], vocabulary: frozenset[str]) -> dict[str, frozenset[str]]:
    """For each wanted term that the vocabulary lacks, the words of the vocabulary that look like its family."""
    lacking = [term for term in dict.fromkeys(terms_wanted) if term not in vocabulary]
    openings = {term[:4] for term in lacking}
    alike = [word for word in vocabulary if word[:4] in openings]
    return {term: frozenset(word for word in alike if is_close(term, word)) for term in lacking}
