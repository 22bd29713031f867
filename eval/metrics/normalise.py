"""Answers to tokens, as each language's own scorer does it, so that our figures can be held against published ones.

English: SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250; `evaluate-v2.0.py`): lower case,
ASCII punctuation removed, "a", "an", "the" removed, split at white space.
Chinese: CMRC 2018 (Cui et al. 2019, https://arxiv.org/abs/1810.07366; `cmrc2018_evaluate.py` v5): every Chinese
character is a token, a listed set of punctuation is removed, and what lies between is split as the Penn Treebank does.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Literal

Language = Literal["en", "zh"]

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_REMOVE_ASCII = str.maketrans("", "", string.punctuation)

# As in the official scorer, which also lists "……": two characters, so that it never equals one and "…" stays.
_CMRC_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_CMRC_CHARACTER = re.compile("[\u4e00-\u9fa5]")

# The rules of the Penn Treebank tokeniser that can still fire once the punctuation above is gone, in its order
# (https://www.nltk.org/api/nltk.tokenize.treebank.html). Sentence splitting, which NLTK puts before, is left out.
_TREEBANK = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"([«‘„])", r" \1 "),
        (r'^"', " `` "),
        (r'([ (\[{<])("|\'{2})', r"\1 `` "),
        (r"(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", "' "),
        (r"([^.])(\.)([\]\)}>\"'»”’ ]*)\s*$", r"\1 \2 \3 "),
        (r",([^\d])", r" , \1"),
        (r",$", " , "),
        (r"\.{2,}", r" \g<0> "),
        (r"[;@#$%&?!\u2012-\u2015]", r" \g<0> "),
        (r"([^'])' ", r"\1 ' "),
        (r"[\]\[(){}<>]", r" \g<0> "),
        (r"([»”’])", r" \1 "),
        (r"''", " '' "),
        (r'"', " '' "),
        (r"\s+", " "),
        (r"([^' ])('s|'m|'d|') ", r"\1 \2 "),
        (r"([^' ])('ll|'re|'ve|n't) ", r"\1 \2 "),
        (r"\b(can)(not)\b|\b(gim|lem)(me)\b|\b(gon|wan)(na)\b|\b(got)(ta)\b", r" \1\3\5\7 \2\4\6\8 "),
        (r" ('t)(is|was)\b", r" \1 \2 "),
    )
)


def language_of(*texts: str) -> Language:
    """ "zh" where Chinese characters outnumber the words written in other letters, else "en". Digits don't count."""
    joined = " ".join(texts)
    return "zh" if len(_CHINESE.findall(joined)) > len(_LATIN_WORD.findall(joined)) else "en"


def squad_text(text: str) -> str:
    """SQuAD's `normalize_answer`."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_REMOVE_ASCII)).split())


def squad_tokens(text: str) -> list[str]:
    return squad_text(text).split()


def cmrc_text(text: str) -> str:
    """CMRC 2018's `remove_punctuation`: white space inside stays."""
    return "".join(character for character in text.lower().strip() if character not in _CMRC_PUNCTUATION)


def cmrc_tokens(text: str) -> list[str]:
    """CMRC 2018's `mixed_segmentation` with punctuation removed."""
    tokens: list[str] = []
    for piece in re.split(f"({_CMRC_CHARACTER.pattern})", cmrc_text(text)):
        tokens.extend([piece] if _CMRC_CHARACTER.fullmatch(piece) else treebank_tokens(piece))
    return tokens


def treebank_tokens(text: str) -> list[str]:
    """Latin text as the Penn Treebank splits it: "It's $3.5." -> It 's $ 3.5 ."""
    if not text.strip():
        return []
    for pattern, replacement in _TREEBANK[:14]:
        text = pattern.sub(replacement, text)
    text = f" {text} "
    for pattern, replacement in _TREEBANK[14:]:
        text = pattern.sub(replacement, text)
    return text.split()


def word_tokens(text: str, articles: bool = False) -> list[str]:
    """For `match`: numbers, words, units' signs and single Chinese characters; punctuation is read as a space.

    Full-width forms are read as half-width ones (NFKC). "a", "an" and "the" are left out unless `articles`.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    text = text if articles else _ARTICLES.sub(" ", text)
    return re.findall(r"\d+(?:[.,]\d+)*|[\u3400-\u4dbf\u4e00-\u9fff]|[^\W\d_\u3400-\u9fff]+|[%°$¥€£]", text)


def has_run(tokens: Sequence[str], run: Sequence[str]) -> bool:
    """Whether `run` stands in `tokens` as a stretch without gaps. An empty run stands nowhere."""
    if not run:
        return False
    return any(list(tokens[start : start + len(run)]) == list(run) for start in range(len(tokens) - len(run) + 1))
