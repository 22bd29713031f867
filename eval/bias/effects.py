"""What debiasing filters do, before and after on the same rows: the bias beside its cost, as kept in `audit.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from firmground.eval.manifest import write_json
from firmground.eval.stats import Interval
from firmground.knowledge.errors import InputError

FILE = "audit.json"

Verdict = Literal["better", "worse", "none", "unpaired", "counted"]


@dataclass(frozen=True)
class Effect:
    """One figure of one set, without and with one filter.

    `set`: "crows-pairs", "bbq-age", "genderbias" …; `rows`: "all", a group, or a kind of context. `filter`: the field
    of an `Arm`, as "screen=change". `kind`: a bias, what of use is kept ("utility": F1, nDCG, accuracy, perplexity),
    what is flagged without reason ("blocking"), or seconds ("cost"). `ideal`: what an unbiased, useful model reaches;
    None: there is none. `change`: after minus before, paired; None where the rows can't be paired.
    """

    set: str
    rows: str
    measure: str
    kind: Literal["bias", "utility", "blocking", "cost"]
    filter: str
    before: Interval
    after: Interval
    change: Interval | None
    ideal: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the filter moved the figure nearer to its ideal (down, where it has none) or away from it: "none"
        where the change's interval holds 0. "unpaired": there is no change to judge by; "counted": it has no interval.
        """
        if self.change is None or self.change.value is None:
            return "unpaired"
        if self.change.low is None or self.change.high is None:
            return "counted"
        if self.change.low <= 0 <= self.change.high or self.before.value is None or self.after.value is None:
            return "none"
        if self.ideal is None:
            return "better" if self.change.value < 0 else "worse"
        return "better" if abs(self.after.value - self.ideal) < abs(self.before.value - self.ideal) else "worse"


@dataclass(frozen=True)
class EffectTable:
    """Effects in the order in which they are to be read, what they were made with, and what was left out and why."""

    effects: tuple[Effect, ...]
    generator: str
    conditions: Mapping[str, Any]  # data files with their SHA-256, limits, encoder, seconds
    notes: tuple[str, ...] = ()

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FILE, asdict(self), "audit")
        return folder / FILE


def load_effects(folder: Path) -> EffectTable:
    """The table of a folder, or of the file itself.

    Raises:
        InputError: there is none, or it can't be read as one.
    """
    path = folder / FILE if folder.is_dir() else folder
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        effects = tuple(effect_of(one) for one in row["effects"])
        return EffectTable(effects, row["generator"], row["conditions"], tuple(row["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"can't read {path} as the table of an audit ({error}); make it with: firmground audit all"
        ) from error


def effect_of(row: Mapping[str, Any]) -> Effect:
    """An effect from what `asdict` made of it."""
    intervals = {name: row[name] and Interval(**row[name]) for name in ("before", "after", "change")}
    return Effect(**{**row, **intervals})
