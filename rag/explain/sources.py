"""The evidence where it stands in a prompt, sentence by sentence, and the prompt with some sentences taken out.

A sentence is looked for as it stands in its passage, so this works for every prompt that quotes its passages, however
it orders, numbers or joins them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from firmground.knowledge.text import sentences
from firmground.knowledge.types import Hit, Passage
from firmground.rag.explain.types import Source
from firmground.rag.types import Message, Prompt

SHORTEST_CUT = 20  # characters of a sentence that was cut to fit in; of fewer one can't tell


def asked_text(prompt: Prompt) -> str:
    """Where the evidence stands: a completion prompt, or a chat's last message."""
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]


def find_sources(prompt: Prompt, hits: Sequence[Hit]) -> tuple[Source, ...]:
    """The sentences of the hits' passages that stand in the prompt, in its order; none of them overlap.

    A text that stands there more than once counts where it stands last: worked examples come before the evidence.
    """
    text = asked_text(prompt)
    passages = list({hit.passage.id: hit.passage for hit in hits}.values())
    found: list[Source] = []
    for passage in passages:
        whole = _last_free(text, passage.text, found)
        for start, end in sentences(passage.text):
            at = whole + start if whole >= 0 else _last_free(text, passage.text[start:end], found)
            if at >= 0:
                found.append(_source(passage, start, end, at))
    if not found:
        found = _cut_sentence(text, passages)
    return tuple(sorted(found, key=lambda source: source.at))


def without(prompt: Prompt, sources: Sequence[Source], keep: Sequence[bool]) -> Prompt:
    """The prompt with only those sources that are kept; else it stays as it is.

    Args:
        prompt: where the sources were found.
        sources: all of them, in the prompt's order.
        keep: one a source.

    Space between neighbours goes with what is taken out, so that no gap shows where a sentence stood.
    """
    text = asked_text(prompt)
    pieces, at, joined = [], 0, False  # joined: something is kept of the neighbours before
    for source, kept in zip(sources, keep, strict=True):
        gap = text[at : source.at]
        neighbours = at > 0 and not gap.strip()
        if not neighbours:
            pieces.append(gap)
            joined = False
        if kept:
            pieces.append((gap if neighbours and joined else "") + source.text)
            joined = True
        at = source.at + len(source.text)
    left = "".join([*pieces, text[at:]])
    if isinstance(prompt, str):
        return left
    last: Message = {"role": prompt[-1]["role"], "content": left}
    return [*prompt[:-1], last]


def _source(passage: Passage, start: int, end: int, at: int) -> Source:
    text = passage.text[start:end]
    return Source(text, passage.start + start, passage.start + end, passage.document, passage.id, at)


def _last_free(text: str, wanted: str, found: Sequence[Source]) -> int:
    """Where `wanted` stands last without touching what was found; -1: nowhere."""
    at = text.rfind(wanted)
    while at >= 0 and any(one.at < at + len(wanted) and at < one.at + len(one.text) for one in found):
        at = text.rfind(wanted, 0, at + len(wanted) - 1)
    return at


def _cut_sentence(text: str, passages: Sequence[Passage]) -> list[Source]:
    """Evidence that was too long holds the beginning of one sentence (`extract.best_sentences`): the longest there."""
    best: list[Source] = []
    for passage in passages:
        for start, end in sentences(passage.text):
            sentence = passage.text[start:end]
            length = bisect_left(range(len(sentence) + 1), True, key=lambda n: sentence[:n] not in text) - 1
            if length >= max(SHORTEST_CUT, len(best[0].text) + 1 if best else 0):
                best = [_source(passage, start, start + length, text.rfind(sentence[:length]))]
    return best
