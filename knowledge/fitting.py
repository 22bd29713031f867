"""Documents to passages that an encoder sees whole, with what stands above them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from firmground.knowledge.chunk import CHARACTERS_PER_TOKEN, MAX_TOKENS, split
from firmground.knowledge.indexed import indexed_text, title_of
from firmground.knowledge.types import Document, Encoder, Passage


class Size(NamedTuple):
    """Tokens of a document's title, and of its text; `text` is None where it is too long to be one passage anyway."""

    title: int
    text: int | None


def sizes(documents: Sequence[Document], encoder: Encoder) -> list[Size]:
    """Of every document, by one call of the tokenizer: a call for each would cost more than all the rest."""
    titles = [title_of(document) for document in documents]
    texts = [document.text.strip() for document in documents]
    asked = dict.fromkeys(title for title in titles if title)
    asked.update(dict.fromkeys(text for text in texts if len(text) <= MAX_TOKENS * CHARACTERS_PER_TOKEN))
    counts = dict(zip(asked, encoder.count_tokens(list(asked)), strict=True)) if asked else {}
    return [Size(counts[title] if title else 0, counts.get(text)) for title, text in zip(titles, texts, strict=True)]


def fitting_passages(document: Document, encoder: Encoder, size: Size | None = None) -> list[Passage]:
    """The document split so that every passage is encoded whole, title and headings before it.

    A title's room is known before; the headings that a passage stands under are not. Where one grows too long by them
    the document is split again, smaller by what was too much. `size`: its own, where it was counted with others'.
    Raises as `split` does.
    """
    size = size or sizes([document], encoder)[0]
    least = encoder.max_tokens // 4
    room = min(MAX_TOKENS, max(encoder.max_tokens - size.title, least) if size.title else encoder.max_tokens)
    passages = split(document, encoder.count_tokens, room, tokens=size.text)
    headed = [indexed_text(passage) for passage in passages if passage.metadata.get("heading")]
    excess = max(encoder.count_tokens(headed)) - encoder.max_tokens if headed else 0
    return split(document, encoder.count_tokens, max(room - excess, least)) if excess > 0 else passages
