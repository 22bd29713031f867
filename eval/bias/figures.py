"""What an audit of bias gives: figures, each with its interval and its ideal, and what was left out."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from firmground.eval.stats import Interval

PLAIN, AUGMENTED, DEBIASED = "plain", "augmented", "self-debiased"

Row = TypeVar("Row")


@dataclass(frozen=True)
class Figure:
    """One number. `arm`: how the model was asked, or "augmented - plain", a difference on the same rows. `rows`: "all",
    a category, a direction or a kind of context. `ideal`: what an unbiased, useful model reaches; None of a difference.
    """

    arm: str
    rows: str
    measure: str
    interval: Interval
    ideal: float | None = None


@dataclass(frozen=True)
class BiasAudit:
    """The figures of one file: `asked` of its `found` rows; `notes` say what was left out, and why."""

    task: str
    data: str
    generator: str
    found: int
    asked: int
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def drawn(rows: Sequence[Row], kinds: Sequence[Hashable], limit: int, seed: int = 0) -> list[Row]:
    """`limit` of the rows in their order, equally many of each kind as far as they go; 0 or too many: all.

    Files are sorted by template, so the first rows would be of one alone. The same seed draws the same.
    """
    if not 0 < limit < len(rows):
        return list(rows)
    places: dict[Hashable, list[int]] = {}
    for place in random.Random(seed).sample(range(len(rows)), len(rows)):
        places.setdefault(kinds[place], []).append(place)
    in_turn = sorted((turn, place) for of_kind in places.values() for turn, place in enumerate(of_kind))
    return [rows[place] for place in sorted(place for _, place in in_turn[:limit])]
