"""The structure of a text: its headings, paragraphs, lists, tables and code, with exact offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from firmground.knowledge.text import FENCE, HEADING, LIST_ITEM, TABLE_ROW

_NUMBERED_HEADING = re.compile(
    r"[ \t　]*(?:第[一二三四五六七八九十百零〇\d]{1,6}([编篇章节])[ \t　]+\S[^\n。！？；.]{0,38}"
    r"|(Part|PART|Chapter|CHAPTER)[ \t]+(?:\d{1,3}|[IVXLC]{1,6})\b[^\n.!?]{0,60})$"
)
_NUMBERED_LEVEL = {"编": 1, "篇": 1, "章": 2, "节": 3, "part": 1, "chapter": 2}
_HEADED = re.compile(r"[ \t　]*(?:#|第|Part|PART|Chapter|CHAPTER)")  # how any line that is a heading begins
_HEADED_LATER = re.compile(r"\n[ \t　]*(?:#|第|Part|PART|Chapter|CHAPTER)")


@dataclass(frozen=True)
class Block:
    """What the author set apart: text[start:end], under the headings `path`."""

    start: int
    end: int
    kind: str  # "heading", "text", "list", "table" or "code"
    path: tuple[str, ...]


def may_have_headings(text: str) -> bool:
    """False only where `blocks_of` gives none: a look that costs a hundredth of it."""
    return _HEADED.match(text) is not None or ("\n" in text and _HEADED_LATER.search(text) is not None)


def blocks_of(text: str) -> list[Block]:
    """The document's blocks in order; between them there is only space."""
    found: list[Block] = []
    path: list[tuple[int, str]] = []  # level and words of the headings in force
    kind, start, end, fence = "", 0, 0, ""

    def close() -> None:
        if kind:
            found.append(Block(start, end, kind, tuple(words for _, words in path)))

    for line_start, line_end, line in _lines(text):
        if fence:
            end = line_end if line.strip() else end
            fence = "" if line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence
            if not fence:
                close()
                kind = ""
            continue
        line_kind, heading = _line_kind(line, kind)
        if line_kind != kind or line_kind == "heading":
            close()
            kind, start = line_kind, line_start
        end = line_end
        if heading:
            path = [entry for entry in path if entry[0] < heading[0]] + [heading]
        elif line_kind == "code" and (opened := FENCE.match(line)):
            fence = opened.group(1)
    close()
    return found


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line), line
        start += len(line) + 1


def _line_kind(line: str, before: str) -> tuple[str, tuple[int, str] | None]:
    """The kind of block that a line belongs to ("" for an empty line), with level and words if it is a heading."""
    if not line.strip():
        return "", None
    if heading := HEADING.match(line):
        return "heading", (len(heading.group(1)), heading.group(2).strip().rstrip("#").strip())
    if numbered := _NUMBERED_HEADING.match(line):
        return "heading", (_NUMBERED_LEVEL[(numbered.group(1) or numbered.group(2)).lower()], line.strip())
    if FENCE.match(line):
        return "code", None
    if TABLE_ROW.match(line):
        return "table", None
    if before == "list" or LIST_ITEM.match(line):
        return "list", None
    return "text", None
