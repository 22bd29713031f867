"""Reading text as people do: its language, its sentences with exact offsets, and the terms that searches compare.

Rules, not a model: standard library only, some megabytes a second, the same result on every machine. The rules follow
Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection" (2006) in what they look at (the token before
the full stop, the word after it), with fixed lists in place of learned ones.
"""

from __future__ import annotations

import re
import unicodedata
from operator import add
from typing import Literal

Language = Literal["zh", "en"]

# Letters of scripts written without spaces between words: Han, kana, and the marks 々〆〇ー. Hangul has spaces.
CJK = "\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"

_CJK_RUN = re.compile(f"[{CJK}]+")
_LATIN_WORD = re.compile(f"[^\\W\\d_{CJK}]+")


def language(text: str) -> Language:
    """ "zh" where at least half of what is read is CJK letters, a Latin word counting as much as one letter; else "en".

    Words, not letters, are compared: "什么是 retrieval-augmented generation？" is a Chinese question. No text: "en".
    """
    letters = sum(map(len, _CJK_RUN.findall(text)))
    if not letters:
        return "en"
    return "zh" if letters >= len(_LATIN_WORD.findall(text)) else "en"


# ---------------------------------------------------------------------------------------------------------------- terms

_WORD = f"[^\\W_{CJK}]"
# What begins with a digit: 1,000 and 3.14, not 1.2.3. The looks behind stand after the first digit, because a pattern
# that begins with a set of letters is skipped at once where it can't match; that is a third of the time.
_NUMBER = r"\d(?<!\d\d)(?<!\d[,.]\d)(?:\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+)(?!\d|[,.]\d)"
_ACRONYM = r"[a-z](?=\.[a-z])(?<![\w.].)(?:\.[a-z])+(?!\w)"  # u.s., e.g.
_CODE = r"[a-z](?=[+\#])(?<!\w.)(?:\+\+|\#)(?!\w)"  # c++, f#
_ASCII_TERM = re.compile(
    rf"[a-z][a-z0-9]+(?:'[a-z0-9]+)*|{_NUMBER}|{_ACRONYM}|{_CODE}|[a-z0-9]+(?:'[a-z0-9]+)*"
)  # most words by the first
_TERM = re.compile(f"[{CJK}]+|{_NUMBER}|{_ACRONYM}|{_CODE}|{_WORD}+(?:'{_WORD}+)*")
# NFKC is taken of what isn't ASCII, kana or a common Chinese character, with the letter before (a mark may join it).
_NOT_NORMAL = re.compile("[\\s\\S]?[^\0-\x7f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]+")


def terms(text: str) -> list[str]:
    """The tokens that lexical search and lexical metrics compare: "The U.S.' 知识库" → the, us, 知识, 识库.

    - Normalised by NFKC (full width to half width, ligatures apart) and lower-cased. Not stemmed; stop-words stay.
    - A run of CJK letters gives its overlapping **bigrams**, in order: Chinese has no spaces, a segmenter's mistakes
      differ between question and passage, and bigrams find as well as words do (Nie et al., "On the Use of Words and
      N-grams for Chinese Information Retrieval", 2000). A letter that stands alone stays a unigram. The price: a
      question of one letter ("猫") doesn't match inside a run ("黑猫").
    - A number keeps its point and loses its thousands commas (1,000 → 1000); an acronym loses its points (U.S. → us); a
      possessive loses its 's; c++ and c# stay whole. Everything else is cut at what isn't a letter or digit.
    """
    if text.isascii():
        return [token if token.isalnum() else _plain(token) for token in _ASCII_TERM.findall(text.lower())]
    found: list[str] = []
    if not unicodedata.is_normalized("NFKC", text):
        text = _NOT_NORMAL.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    for token in _TERM.findall(text.replace("’", "'").lower()):
        if token[0] >= "\u3005" and _CJK_RUN.match(token):
            found.extend(map(add, token, token[1:]) if len(token) > 1 else token)
        else:
            found.append(token if token.isalnum() else _plain(token))
    return found


def _plain(token: str) -> str:
    """A term without its punctuation: a word's 's, a number's thousands commas, an acronym's points."""
    if "'" in token:
        return token.removesuffix("'s")
    return token.replace(",", "") if token[0].isdecimal() else token.replace(".", "")


# ------------------------------------------------------------------------------------------------------------ sentences


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# After these a full stop never ends a sentence.
_LEADS_ON = _words(
    """mr mrs ms mx dr prof gen col sgt capt lt cmdr maj rev hon pres gov sen rep messrs mme mlle e.g i.e eg ie vs cf
    viz approx ca resp incl"""
)
# After these it doesn't where a number follows: "No. 5", "Fig. 3", "Jan. 14".
_BEFORE_NUMBER = _words(
    """no nos fig figs eq eqs vol vols ch chap sec sect art p pp pt par para tab ver v nr ex op jan feb mar apr jun jul
    aug sep sept oct nov dec"""
)
# After these, after initials and after dotted acronyms it does only where a word follows that often opens a sentence.
_MAYBE = _words(
    """inc ltd co corp llc plc jr sr etc al est dept univ assn bros esp ave blvd rd st mt ft ph.d a.m p.m jan feb mar
    apr jun jul aug sep sept oct nov dec"""
)
_OPENERS = _words(
    """A After Again All Also Although An And Another Any As At Because Before Both But By Despite During Each Even
    Every Few For From He Her Here His How However I If In Instead It Its Later Many Meanwhile Most My No Not Now Of
    On Once One Or Other Our Over She Since So Some Such That The Their Then There Therefore These They This Those
    Though Through Thus To Today Two Under Unlike Until We What When Where Which While Who Why With Yet You
    Your"""
)

_CLOSERS = "\"'”’»)）\\]】」』〉》〕｝}*_"
_WIDE_CLOSERS = "”’）】」』〉〕｝)\\]*"
_NOTE = r"(?:\[[^\[\]\n]{1,30}\])*"  # [1], [citation needed]: it belongs to what it follows
# A set of letters first, and what they are the first of after it: so the places between are skipped at once, which is
# nine tenths of the time. The named groups are empty: they say which it was, and "narrow" where its stops end.
_BOUNDARY = re.compile(
    "[。！？；｡…⋯.!?\\n\\f\\u2028\\u2029](?:"
    f"(?:(?<=[。！？；｡])[。！？；｡!?…]*|(?<=…)…+|(?<=⋯)⋯+)(?P<wide>)[{_WIDE_CLOSERS}]*{_NOTE}"
    f"|(?<=[.!?…])(?<![.!?…][.!?…])[.!?…]*+(?P<narrow>)[{_CLOSERS}]*+{_NOTE}(?=[\\s{CJK}“‘「『（【]|$)"
    r"|(?<=[\n\f\u2028\u2029])(?P<line>)\s*)"
)
_TOKEN_BEFORE = re.compile(r"[^\s\"'“”‘’()（）\[\]{}/—–*_]*$")
_WORD_AFTER = re.compile(r"\s*[\"'“”‘’(（\[「『《*_#-]*(\w*)(\.?)")
_ROMAN = re.compile(r"[IVXLC]+$")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})$")

# How a line begins that stands on its own: a list item, a heading, a table row, a quotation, a fence, a Q&A mark.
_LIST_MARK = (
    r"(?:[-*+•·●○▪◦‣–—]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)、．](?!\d)|[（(]?[一二三四五六七八九十]{1,3}[、）)．]"
    r"|第[一二三四五六七八九十百\d]{1,4}[章节条部分]|[①-⑳])"
)
LIST_ITEM = re.compile(rf"[ \t]*{_LIST_MARK}(?:[ \t]+|(?<=[、）．①-⑳]))\S")
HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S[^\n]*)")
FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})")
TABLE_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$", re.MULTILINE)
_OWN_LINE = re.compile(rf"[ \t]*(?:{_LIST_MARK}(?:[ \t]|(?<=[、）．①-⑳]))|#{{1,6}}[ \t]|\||>|```|~~~|[QA问答][:：])")
_WRAP_WIDTH = 40  # columns; a shorter line that isn't followed by a small letter was ended on purpose


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences, in characters: in order, apart, trimmed, covering all that isn't space.

    A sentence ends at 。！？；…… and their ASCII kin (with the quotes and brackets that close after them), at a blank
    line, and at a line's end unless the line is only wrapped: full, with ordinary text after it.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if match.lastgroup == "line":
            ends = _line_ends(text, match.start(), match.end())
            end = match.end()
        elif match.lastgroup == "wide":
            end = _with_straight_quote(text, start, match.end())
            ends = not _inside_title(text, start, match.start())
        else:
            end = match.end()
            ends = _stop_ends(text, start, match.start(), match.end("narrow"), end)
        if ends:
            _append_trimmed(spans, text, start, end)
            start = end
    _append_trimmed(spans, text, start, len(text))
    return spans


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    stretch = text[start:end]
    core = stretch.strip()
    if not core:
        return
    start += len(stretch) - len(stretch.lstrip())
    end = start + len(core)
    if spans and len(core) < 8 and not any(map(str.isalnum, core)) and "\n" not in text[spans[-1][1] : start]:
        spans[-1] = (spans[-1][0], end)  # a stray stop or quote says nothing by itself
    else:
        spans.append((start, end))


def _inside_title(text: str, start: int, position: int) -> bool:
    """Inside 《…》: the exclamation mark of 《你好！李焕英》 ends no sentence. Looks back 40 characters at most."""
    opened = text.rfind("《", max(start, position - 40), position)
    return opened >= 0 and "》" not in text[opened:position] and "》" in text[position : position + 40]


def _with_straight_quote(text: str, start: int, end: int) -> int:
    """Take in a straight double quote after 。 if it closes one in this sentence. Looks back 1,000 characters."""
    if text[end : end + 1] == '"' and text.count('"', max(start, end - 1000), end) % 2:
        return end + 1
    return end


def _stop_ends(text: str, start: int, stop: int, stop_end: int, end: int) -> bool:
    """Whether the ASCII stop text[stop:stop_end], with closers up to `end`, ends the sentence that began at `start`."""
    after = _WORD_AFTER.match(text, end)
    word = after.group(1) if after else ""
    small = word[:1].islower()
    mark = text[stop:stop_end]
    if not text[end : end + 1].isspace() and end < len(text):  # a CJK letter or quote follows at once
        return mark != "." or _CJK_RUN.match(text, max(stop - 1, 0)) is not None or stop_end < end
    if mark != ".":
        return not small or ("?" in mark and end == stop_end)
    token = _TOKEN_BEFORE.search(text[max(start, stop - 24) : stop])
    before = token.group() if token else ""
    return _full_stop_ends(text, start, stop, before, word, bool(after and after.group(2)))


def _full_stop_ends(text: str, start: int, stop: int, before: str, word: str, dotted: bool) -> bool:
    """One full stop between the token `before` and `word` (`dotted`: one more follows `word`, as in "J. R. Smith")."""
    lowered = before.lower()
    if lowered in _LEADS_ON or (before and _is_enumerator(text, start, stop, before)):
        return False
    if lowered in _BEFORE_NUMBER and (word[:1].isdigit() or (word != "I" and _ROMAN.match(word))):
        return False
    if _is_initial(text, start, stop, before) or lowered in _MAYBE or _is_acronym(before):
        return word in _OPENERS and not (dotted and len(word) == 1)
    return not word[:1].islower() or len(before) > 3  # short unknown word, small letter after: an abbreviation


def _is_enumerator(text: str, start: int, stop: int, before: str) -> bool:
    """The "1." or "b." that opens a line or a sentence."""
    if not _ENUMERATOR.match(before):
        return False
    lead = text[max(start, stop - len(before) - 8) : stop - len(before)]
    return not lead.rpartition("\n")[2].strip(" \t(*_#>-") and (len(lead) < 8 or "\n" in lead)


def _is_initial(text: str, start: int, stop: int, before: str) -> bool:
    """A single letter, as in "George W. Bush"; "I" only where a sentence opens or another initial stands before it."""
    if len(before) != 1 or not before.isalpha() or _CJK_RUN.match(before):
        return False
    lead = text[max(start, stop - 4) : stop - 1].strip()
    return before != "I" or not lead or lead.endswith(".")


def _is_acronym(before: str) -> bool:
    return "." in before and all(len(part) == 1 and part.isalpha() for part in before.split("."))


def _line_ends(text: str, position: int, after: int) -> bool:
    """Whether the line break text[position:after] ends a sentence, or only wraps it."""
    gap = text[position:after]
    if (gap != "\n" and (gap.count("\n") != 1 or "\f" in gap)) or _OWN_LINE.match(text, position + 1):
        return True
    begin = text.rfind("\n", 0, position) + 1
    line = text[begin:position].strip()
    word = re.match(r"\S{0,24}", text[after : after + 24])
    first = word.group() if word else ""
    if HEADING.match(line) or TABLE_ROW.match(line):
        return True
    if line.endswith(".") and _TOKEN_BEFORE.search(line[-24:-1]).group().lower() in _LEADS_ON:  # type: ignore[union-attr]
        return False
    width = _width(line)
    if first[:1].islower() and line.count(" ") >= 2:
        return False
    if width < _WRAP_WIDTH:
        return True
    # Full or not: had the next word found room, by the width of the lines around, the break was meant.
    following = text[after : _line_end(text, after)]
    previous = text[text.rfind("\n", 0, max(begin - 1, 0)) + 1 : max(begin - 1, 0)]
    first_width = 2 if _CJK_RUN.match(first) else len(first)
    return width + 1 + first_width < 0.8 * max(_width(following), _width(previous.strip()))


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _width(line: str) -> int:
    """Columns on a page: a CJK letter or full-width mark takes two."""
    return len(line) if line.isascii() else len(line) + sum(character >= "\u2e80" for character in line)
