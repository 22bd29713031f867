"""Documents to passages: small enough to encode whole, cut where the author cut.

Structure first: headings, paragraphs, lists, tables and code stay whole where they fit. What doesn't fit is cut at its
lines or items, then at sentences, then at clauses, and only then between words or letters. Pieces are packed up to the
limit; every passage is an exact stretch of the document, and no letter is lost. Cost is linear in the document.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from firmground.knowledge.blocks import Block, blocks_of, may_have_headings
from firmground.knowledge.errors import InputError
from firmground.knowledge.text import LIST_ITEM, sentences
from firmground.knowledge.types import Document, Passage

CountTokens = Callable[[Sequence[str]], list[int]]

MAX_TOKENS = 200
# No tokenizer of prose gives fewer tokens than one in 20 characters; WordPiece makes one [UNK] of a word of any length
# over 100 letters, which would let a megabyte of base64 pass for one token.
CHARACTERS_PER_TOKEN = 20
TINY = 8  # a passage under 1/8 of the limit is too short to be found, and joins a neighbour where it fits

_CLAUSE_END = re.compile(r"[，、；：]+|[,;:](?=\s)|[—–]+|…+")
_LINE_BREAK = re.compile(r"\n")


def split(
    document: Document,
    count_tokens: CountTokens,
    max_tokens: int = MAX_TOKENS,
    overlap_sentences: int = 0,
    tokens: int | None = None,
) -> list[Passage]:
    """The document's passages in order, `id` -1, each of at most `max_tokens` by `count_tokens`.

    A document that fits is one passage; one without text gives none. `overlap_sentences`: a passage that goes on where
    the one before was cut begins with that many of its sentences, as far as they fit. Without it passages don't overlap
    and, but for space between them, cover the text. `tokens`: those of the whole text, trimmed, where it is known.
    Metadata: the document's (without `pages`), `source`, `title`, `heading` ("Guide > Install": the headings that
    all of the passage stands under) and `page` (1-based, where it starts, if the document knows its pages).
    Raises InputError where max_tokens leaves no room. One letter is the smallest piece: it stays, whatever it costs.
    """
    if max_tokens < 1 or overlap_sentences < 0:
        raise InputError(
            f"max_tokens must be 1 or more and overlap_sentences 0 or more, got {max_tokens} and {overlap_sentences}"
        )
    text = document.text
    core = text.strip()
    if not core:
        return []
    begin = 0 if len(core) == len(text) else text.index(core)
    end = begin + len(core)
    if end - begin <= max_tokens * CHARACTERS_PER_TOKEN:
        tokens = count_tokens([core])[0] if tokens is None else tokens
        if tokens <= max_tokens:
            if not document.metadata and not may_have_headings(text):  # what most rows of a file are
                metadata = {"source": document.source or document.id}
                return [Passage(-1, document.id, core, begin, end, metadata)]
            return _passages(document, blocks_of(text) if may_have_headings(text) else [], [(begin, end)])
    blocks = blocks_of(text)
    spans = _Splitter(text, blocks, count_tokens, max_tokens).spans()
    if overlap_sentences:
        spans = _overlapped(text, blocks, spans, count_tokens, max_tokens, overlap_sentences)
    return _passages(document, blocks, spans)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    stretch = text[start:end]
    core = stretch.strip()
    if len(core) == len(stretch):
        return start, end
    start += len(stretch) - len(stretch.lstrip())
    return start, start + len(core)


# ------------------------------------------------------------------------------------------------------------ splitting


@dataclass
class _Piece:
    """A stretch that isn't cut (further). Pieces tile the text: each goes up to the start of the next."""

    start: int
    end: int
    block: int
    cost: int = 0  # tokens, without what the tokenizer adds to every text
    level: int = 0  # how it was cut: 0 not at all, 1 at lines, 2 at sentences, 3 at clauses, 4 anywhere


@dataclass
class _Group:
    """Pieces [first, last) that make a passage."""

    first: int
    last: int
    cost: int


class _Splitter:
    """The splitting of one document that doesn't fit into a passage."""

    def __init__(self, text: str, blocks: list[Block], count_tokens: CountTokens, max_tokens: int):
        self._text, self._blocks, self._count_tokens, self._max_tokens = text, blocks, count_tokens, max_tokens
        self._overhead = count_tokens([""])[0]  # [CLS] and [SEP]
        self._limit = max_tokens - self._overhead
        if self._limit < 1:
            raise InputError(
                f"max_tokens {max_tokens} leaves no room: the tokenizer adds {self._overhead} tokens to every text"
            )

    def spans(self) -> list[tuple[int, int]]:
        """Trimmed (start, end) of every passage, in order."""
        ends = [block.start for block in self._blocks[1:]] + [len(self._text)]
        pieces = [
            _Piece(block.start, end, place) for place, (block, end) in enumerate(zip(self._blocks, ends, strict=True))
        ]
        self._price(pieces)
        pieces = self._refine(pieces, self._allowances(pieces))
        groups = self._merge(self._pack(pieces), pieces)
        return self._checked([pieces[group.first : group.last] for group in groups])

    def _price(self, pieces: Sequence[_Piece]) -> None:
        texts = [self._text[piece.start : piece.end].rstrip() for piece in pieces]
        for piece, text, count in zip(pieces, texts, self._count_tokens(texts), strict=True):
            piece.cost = max(count - self._overhead, -(-len(text) // CHARACTERS_PER_TOKEN))

    def _allowances(self, pieces: Sequence[_Piece]) -> list[int]:
        """How many tokens a block's pieces may have: less after a heading, so that it stays with what it heads."""
        allowances = []
        heading = 0
        for block, piece in zip(self._blocks, pieces, strict=True):
            allowances.append(self._limit - heading if heading <= self._limit // 2 else self._limit)
            heading = heading + piece.cost if block.kind == "heading" else 0
        return allowances

    def _refine(self, pieces: list[_Piece], allowances: Sequence[int]) -> list[_Piece]:
        """Cut the pieces over their block's allowance until none is left, counting each round's new pieces at once."""
        while True:
            refined: list[_Piece] = []
            new: list[_Piece] = []
            for piece in pieces:
                parts = self._cut(piece, allowances[piece.block]) if piece.cost > allowances[piece.block] else []
                refined.extend(parts or [piece])
                new.extend(parts)
            if not new:
                return refined
            self._price(new)
            pieces = refined

    def _cut(self, piece: _Piece, allowance: int) -> list[_Piece]:
        """The piece in two or more: at lines, else sentences, else clauses, else anywhere; [] for one letter."""
        text, start, end = self._text, piece.start, piece.end
        last = _trim(text, start, end)[1]
        for level in range(piece.level + 1, 4):
            if level == 1:
                places = _line_starts(text, start, end, self._blocks[piece.block].kind)
            elif level == 2:
                places = [start + left for left, _ in sentences(text[start:end])][1:]
            else:
                places = [match.end() for match in _CLAUSE_END.finditer(text, start, end)]
            if places := [place for place in places if start < place < last]:
                return _tiles(piece, places, level)
        return _tiles(piece, _even_places(text, start, end, -(-piece.cost * 5 // (allowance * 4))), 4)

    def _pack(self, pieces: Sequence[_Piece]) -> list[_Group]:
        """Groups of neighbours of at most the limit. A heading opens one; a block that was cut gives even parts."""
        groups: list[_Group] = []
        current = _Group(0, 0, 0)
        only_headings = True
        for first, last in _runs(pieces):
            cost = sum(piece.cost for piece in pieces[first:last])
            heading = self._blocks[pieces[first].block].kind == "heading"
            whole = last == first + 1
            if current.cost and not only_headings and (heading or (whole and current.cost + cost > self._limit)):
                groups.append(current)
                current, only_headings = _Group(first, first, 0), True
            total = current.cost + cost
            target = total / -(-total // self._limit)
            for place in range(first, last):
                extra = pieces[place].cost
                if current.cost and (current.cost + extra > self._limit or current.cost + extra / 2 > target):
                    groups.append(current)
                    current = _Group(place, place, 0)
                current = _Group(current.first, place + 1, current.cost + extra)
            only_headings = only_headings and heading
        return [*groups, current] if current.cost else groups

    def _merge(self, groups: list[_Group], pieces: Sequence[_Piece]) -> list[_Group]:
        """Tiny groups joined to a neighbour where both fit: the one before, or after if they begin with a heading."""
        tiny = self._limit / TINY
        merged: list[_Group] = []
        for place, group in enumerate(groups):
            headed = self._blocks[pieces[group.first].block].kind == "heading"
            goes_on = headed and place + 1 < len(groups) and group.cost + groups[place + 1].cost <= self._limit
            before = merged[-1] if merged else None
            if (
                before
                and before.cost + group.cost <= self._limit
                and (before.cost < tiny or (group.cost < tiny and not goes_on))
            ):
                merged[-1] = _Group(before.first, group.last, before.cost + group.cost)
            else:
                merged.append(group)
        return merged

    def _checked(self, groups: list[list[_Piece]]) -> list[tuple[int, int]]:
        """Trimmed spans, after counting each as it stands: where joined pieces cost more than their sum, cut again."""
        done: list[tuple[int, int]] = []
        pending = groups
        while pending:
            spans = [_trim(self._text, pieces[0].start, pieces[-1].end) for pieces in pending]
            counts = self._count_tokens([self._text[start:end] for start, end in spans])
            over = []
            for pieces, span, count in zip(pending, spans, counts, strict=True):
                halves = self._halves(pieces) if count > self._max_tokens else []
                if halves:
                    over.extend(halves)
                elif span[0] < span[1]:
                    done.append(span)
            pending = over
        return sorted(done)

    def _halves(self, pieces: list[_Piece]) -> list[list[_Piece]]:
        if len(pieces) == 1:
            return [[part] for part in self._cut(pieces[0], max(1, pieces[0].cost // 2))]
        total, half = sum(piece.cost for piece in pieces), 0
        for place in range(1, len(pieces)):
            half += pieces[place - 1].cost
            if 2 * half >= total or place == len(pieces) - 1:
                return [pieces[:place], pieces[place:]]
        return []


def _runs(pieces: Sequence[_Piece]) -> Iterator[tuple[int, int]]:
    """[first, last) of the pieces of each block."""
    first = 0
    for place in range(1, len(pieces) + 1):
        if place == len(pieces) or pieces[place].block != pieces[first].block:
            yield first, place
            first = place


def _tiles(piece: _Piece, places: Sequence[int], level: int) -> list[_Piece]:
    if not places:
        return []
    starts, ends = [piece.start, *places], [*places, piece.end]
    return [_Piece(start, end, piece.block, level=level) for start, end in zip(starts, ends, strict=True)]


def _line_starts(text: str, start: int, end: int, kind: str) -> list[int]:
    """Where the lines of a table or of code begin, or the items of a list; prose isn't cut at lines."""
    if kind not in ("list", "table", "code"):
        return []
    starts = [match.end() for match in _LINE_BREAK.finditer(text, start, end)]
    return [place for place in starts if kind != "list" or LIST_ITEM.match(text, place)]


def _even_places(text: str, start: int, end: int, parts: int) -> list[int]:
    """Places that cut text[start:end] into about `parts` even parts, 2 or more: between words if near, else letters."""
    parts = min(max(parts, 2), end - start)
    step = (end - start) / parts
    places: list[int] = []
    for number in range(1, parts):
        place = _between_words(text, start + round(number * step), int(step / 3))
        place = next((later for later in range(place, min(place + 32, end)) if not _clings(text, later)), place)
        if (places[-1] if places else start) < place < end:
            places.append(place)
    return places or [(start + end) // 2][: end - start - 1]


def _between_words(text: str, place: int, window: int) -> int:
    """The nearest place after a space, else the nearest outside a word of ASCII, at most `window` characters before."""
    stretch = text[place - window : place]
    space = max(stretch.rfind(" "), stretch.rfind("\n"), stretch.rfind("\t"))
    if space >= 0:
        return place - window + space + 1
    back = place
    while back > place - window and text[back - 1 : back + 1].isalnum() and text[back - 1 : back + 1].isascii():
        back -= 1
    return back if back > place - window else place


def _clings(text: str, place: int) -> bool:
    """Whether a cut here would part a letter from its accent, or an emoji from what it is joined to."""
    character = text[place]
    return text[place - 1] == "\u200d" or character in "\u200d\ufe0e\ufe0f" or unicodedata.combining(character) > 0


# -------------------------------------------------------------------------------------------------------------- results


def _overlapped(
    text: str,
    blocks: list[Block],
    spans: list[tuple[int, int]],
    count_tokens: CountTokens,
    max_tokens: int,
    overlap_sentences: int,
) -> list[tuple[int, int]]:
    """Each passage that goes on within a section, with up to that many last sentences of the one before."""
    starts = [block.start for block in blocks]
    tries: list[tuple[int, int]] = []  # passage, earlier start: the earliest first
    for place in range(1, len(spans)):
        begin, before = spans[place][0], spans[place - 1]
        block, last = blocks[bisect_right(starts, begin) - 1], blocks[bisect_right(starts, before[1] - 1) - 1]
        if block.path == last.path and (block.kind != "heading" or block.start < begin):
            spans_before = sentences(text[before[0] : before[1]])[1:]  # the passage before isn't repeated whole
            tries.extend((place, before[0] + left) for left, _ in spans_before[-overlap_sentences:])
    counts = count_tokens([text[start : spans[place][1]] for place, start in tries]) if tries else []
    result = list(spans)
    for (place, start), count in zip(tries, counts, strict=True):
        if count <= max_tokens and start < result[place][0]:
            result[place] = (start, spans[place][1])
    return result


def _passages(document: Document, blocks: list[Block], spans: Sequence[tuple[int, int]]) -> list[Passage]:
    known: dict[str, Any] = dict(document.metadata)
    pages: Any = known.pop("pages", None)
    known["source"] = document.source or document.id
    if known.get("title"):
        known["title"] = document.title
    paged = (
        isinstance(pages, list | tuple) and all(isinstance(page, int) for page in pages) and pages[:1] in ([0], (0,))
    )
    if not blocks and not paged:
        return [Passage(-1, document.id, document.text[start:end], start, end, dict(known)) for start, end in spans]
    starts = [block.start for block in blocks]
    found = []
    for start, end in spans:
        metadata = dict(known)
        under = blocks[bisect_right(starts, start) - 1 : bisect_right(starts, end - 1)] if blocks else []
        if under and (heading := _common_path(under)):
            metadata["heading"] = heading
        if paged:
            metadata["page"] = bisect_right(pages, start)
        found.append(Passage(-1, document.id, document.text[start:end], start, end, metadata))
    return found


def _common_path(blocks: Sequence[Block]) -> str:
    """The headings that all of these blocks stand under; a heading counts only where nothing else is there."""
    paths = [block.path for block in blocks if block.kind != "heading"] or [block.path for block in blocks[-1:]]
    common: list[str] = []
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return " > ".join(common)
