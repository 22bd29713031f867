"""The switches beside a question: what the augmented arm does that can be switched off, and on, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from firmground.eval.ablate import MITIGATIONS
from firmground.rag.arms import AUGMENTED, Arm, in_sentences

# Without retrieval, or as a quotation, it is another arm; two do something for questions with choices alone; the last
# needs a cross-encoder, which doesn't ship.
NOT_SWITCHED = ("retrieval", "quotation", "likelihood", "chains", "rerank")

# What is off by default, switched on as those who measured it did (docs/lab-log.md, `firmground ablate`).
ON: dict[str, Callable[[Arm], Arm]] = {
    "length": in_sentences,
    "gate": lambda arm: replace(arm, gate=0.2),
    "hops": lambda arm: replace(arm, hops=2),
    "fair": lambda arm: replace(arm, fair="project"),
    "contrast": lambda arm: replace(arm, decoding=replace(arm.decoding, contrast=0.5)),
    "samples": lambda arm: replace(arm, decoding=replace(arm.decoding, samples=4, temperature=0.7)),
    "repair": lambda arm: replace(arm, repair="cut"),
    "screen": lambda arm: replace(arm, screen="change"),
    "debias": lambda arm: replace(arm, debias="exchange"),
}

# By name, in the order in which they are applied: those that are on by default come first.
SWITCHES = {
    one.name: one
    for one in sorted(MITIGATIONS, key=lambda one: not one.is_on(AUGMENTED))
    if one.name not in NOT_SWITCHED and (one.is_on(AUGMENTED) or one.name in ON)
}


def starts_on(name: str) -> bool:
    return SWITCHES[name].is_on(AUGMENTED)


def useless(name: str, on: Iterable[str]) -> bool:
    """Whether a switch does nothing, since one that it needs is off."""
    return any(need in SWITCHES and need not in on for need in SWITCHES[name].needs)


def switched(arm: Arm, flipped: Iterable[str]) -> Arm:
    """The arm with these switches turned the other way than they start.

    Raises:
        InputError: ways of decoding that can't be together.
    """
    chosen = set(flipped)
    for name in SWITCHES:
        if name in chosen:
            arm = SWITCHES[name].off(arm) if starts_on(name) else ON[name](arm)
    return arm
