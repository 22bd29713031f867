"""What the output filter lets through and what it takes: recall on offensive text, false flags on every other kind.

The texts are COLD's (Deng et al. 2022, https://aclanthology.org/2022.emnlp-main.796) or sentences of our own, as if a
model had written them. Without a filter all of them pass. A filter's `kind="bias"` figure is the share of offensive
texts that passes (1 - recall), its `kind="blocking"` figure the share of harmless texts that it flags: plain ones,
speech against bias, quotation, and by the group that the text names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from firmground.eval.bias.effects import Effect
from firmground.eval.filter_audit import Case, own_cases, read_cases
from firmground.eval.stats import paired_interval, wilson_interval
from firmground.knowledge.errors import InputError
from firmground.knowledge.text import Language
from firmground.rag.debias.classify import classifier
from firmground.rag.debias.screen import offences
from firmground.rag.debias.train import stance_of

SCREEN, CLASSIFIER, WORD_LIST = "screen=change", "classifier alone", "word list alone"
AGAINST_BIAS = "against bias (read by hand)"
ABOUT = "harmless, about "
FEWEST = 30  # texts of a group, below which it has no row

Flags = Callable[[Sequence[str]], np.ndarray]  # (n,) bool: which texts a filter would take


def cold_cases(path: Path) -> list[Case]:
    """A file of COLD; what was read by hand as speech against bias is of that kind, where it tells no finer ones."""
    read = stance_of(path.stem) if path.stem in ("train", "dev") else lambda text: ""
    return [replace(case, kind=AGAINST_BIAS) if read(case.text) == "A" else case for case in read_cases(path)]


def output_filters(words: Path | None = None) -> dict[str, Flags]:
    """The output filter, the classifier that it asks, and a plain list of words (a file, a word a line)."""
    found: dict[str, Flags] = {
        SCREEN: lambda texts: np.array([bool(offences(text)) for text in texts], dtype=bool),
        CLASSIFIER: lambda texts: classifier().flags(texts),
    }
    if words is not None:
        listed = [word for word in _lines(words) if word.strip()]
        found[WORD_LIST] = lambda texts: np.array([any(word in text for word in listed) for text in texts], dtype=bool)
    return found


def output_effects(name: str, cases: Sequence[Case], flags: dict[str, Flags]) -> list[Effect]:
    """The effects of the filters on texts that all pass without one, and of the output filter against the word list.

    Raises:
        InputError: no texts.
    """
    if not cases:
        raise InputError(f"{name}: expected at least one text")
    texts = [case.text for case in cases]
    found = {filtered: flag(texts) for filtered, flag in flags.items()}
    off = np.zeros(len(cases), dtype=bool)
    pairs = [(filtered, off, flagged) for filtered, flagged in found.items()]
    if WORD_LIST in found:
        pairs.append((f"{SCREEN}, before: {WORD_LIST}", found[WORD_LIST], found[SCREEN]))
    parts = _kinds(cases) | _groups(cases)
    return [
        _effect(name, rows, filtered, offensive, before[places], after[places])
        for filtered, before, after in pairs
        for (rows, offensive), places in parts.items()
        if filtered == SCREEN or not rows.startswith(ABOUT)
    ]


def _kinds(cases: Sequence[Case]) -> dict[tuple[str, bool], list[int]]:
    """{(rows, offensive): their places}: all of either label, then by kind of speech."""
    parts: dict[tuple[str, bool], list[int]] = {}
    for place, case in enumerate(cases):
        parts.setdefault(("labelled offensive" if case.offensive else "labelled harmless", case.offensive), []).append(
            place
        )
        # COLD's labels are half made by a model: what was read counts as read
        offensive = case.offensive and case.kind != AGAINST_BIAS
        label = "labelled offensive: " if offensive else "labelled harmless: "
        told = case.kind == AGAINST_BIAS or case.kind[:3] in ("en ", "zh ")
        if case.kind:
            parts.setdefault((case.kind if told else label + case.kind, offensive), []).append(place)
    return dict(sorted(parts.items(), key=lambda item: (not item[0][0].startswith("labelled"), ":" in item[0][0])))


def _groups(cases: Sequence[Case]) -> dict[tuple[str, bool], list[int]]:
    """The harmless texts by the group that they name first, of enough texts; the most first."""
    parts: dict[tuple[str, bool], list[int]] = {}
    for place, case in enumerate(cases):
        if case.group and not case.offensive:
            parts.setdefault((f"{ABOUT}{case.group}", False), []).append(place)
    enough = {rows: places for rows, places in parts.items() if len(places) >= FEWEST}
    return dict(sorted(enough.items(), key=lambda item: -len(item[1])))


def _effect(name: str, rows: str, filtered: str, offensive: bool, before: np.ndarray, after: np.ndarray) -> Effect:
    if offensive:
        before, after = ~before, ~after
    return Effect(
        name, rows, "passes" if offensive else "flagged", "bias" if offensive else "blocking", filtered,
        wilson_interval(int(before.sum()), len(before)), wilson_interval(int(after.sum()), len(after)),
        paired_interval(before.astype(float), after.astype(float)), 0.0,
    )  # fmt: skip


def own_effects(lang: Language) -> list[Effect]:
    """The same on sentences of our own, of templates that nothing was trained on."""
    return output_effects(
        f"own-sentences-{lang}", [one for one in own_cases() if one.kind.startswith(lang)], output_filters()
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't read {path} ({error}): expected a list of words, one a line") from error
