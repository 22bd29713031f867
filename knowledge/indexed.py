"""What of a passage is encoded and looked up by words: its text, and what stands above it."""

from __future__ import annotations

from firmground.knowledge.types import Document, Passage

TITLE_CHARACTERS = 160  # of a title go before each passage; what is longer is no title and would push the text out
HEADING_CHARACTERS = 160  # of the headings it stands under, the nearest first


def indexed_text(passage: Passage) -> str:
    """What is encoded, and looked up by words, for a passage: title and headings that the text hasn't, and the text."""
    if "title" not in passage.metadata and "heading" not in passage.metadata:
        return passage.text
    title, above = title_of(passage), passage.metadata.get("heading")
    if not title and not above:
        return passage.text
    path = str(above or "").split(" > ")
    headings: list[str] = []
    room = HEADING_CHARACTERS
    for heading in reversed(path):  # the nearest says most; one that the splitter left in the text stays there
        room -= len(heading)
        if room >= 0 and heading and heading != title and heading not in passage.text:
            headings.insert(0, heading)
    before = ([title] if title and title not in passage.text else []) + ([" > ".join(headings)] if headings else [])
    return "\n".join([*before, passage.text])


def title_of(holder: Document | Passage) -> str:
    return holder.title.strip()[:TITLE_CHARACTERS] if "title" in holder.metadata else ""
