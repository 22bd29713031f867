"""The audit of the filters: filters are biased themselves, so how often they err, on whom, and on what kind of speech.

Two filters are asked of every text: "classifier", whether the offence classifier flags it, and "screen", whether the
output filter of an arm (`rag/debias/screen.py`) finds anything in it. Rates come with Wilson's interval. The gap is
the highest false-flag rate of a group less the lowest; the largest of several rates is above the smallest by chance
alone, so it has beside it the gap that chance would show if all groups were treated alike (`by_chance`, its 95th
percentile).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from firmground.eval.stats import Interval, wilson_interval
from firmground.knowledge.errors import InputError
from firmground.knowledge.groups import mentions
from firmground.knowledge.text import language
from firmground.rag.debias.classify import Offence, classifier
from firmground.rag.debias.screen import offences
from firmground.rag.debias.sentences import Kind, written

FEWEST = 10  # texts of a group, below which its rate counts for no gap
DRAWS = 2000
FilterName = Literal["classifier", "screen"]
FINE = {"0": "other", "1": "attack on a person", "2": "attack on a group", "3": "anti-bias"}  # COLD's test set


@dataclass(frozen=True)
class Case:
    """A text, whether it is offensive, what kind of speech it is, and whom it speaks of ("" for none known)."""

    text: str
    offensive: bool
    kind: str = ""
    group: str = ""


@dataclass(frozen=True)
class Rate:
    """How often a filter flagged the texts of one kind or group. For harmless texts: its false flags."""

    filter: str
    by: str  # "kind" or "group"
    name: str
    offensive: bool
    flagged: Interval


@dataclass(frozen=True)
class Gap:
    """Between the groups that a filter flags falsely most and least often, among harmless texts."""

    filter: str
    most: str
    least: str
    value: float
    by_chance: float  # 95th percentile of the gap if every group had the same rate
    groups: int


@dataclass(frozen=True)
class FilterAudit:
    cases: int
    rates: tuple[Rate, ...]
    gaps: tuple[Gap, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def audit_filter(cases: Sequence[Case], model: Offence | None = None, seed: int = 0) -> FilterAudit:
    """Ask both filters of every case.

    Raises:
        InputError: no cases.
    """
    if not cases:
        raise InputError("there is nothing to audit: expected at least one text")
    model = model or classifier()
    flags: dict[str, np.ndarray] = {
        "classifier": model.flags([case.text for case in cases]),
        "screen": np.array([bool(offences(case.text)) for case in cases]),
    }
    rates, gaps = [], []
    for name, flagged in flags.items():
        rates += _rates(name, cases, flagged)
        gap = group_gap(name, cases, flagged, seed)
        gaps += [gap] if gap else []
    return FilterAudit(len(cases), tuple(rates), tuple(gaps))


def group_gap(name: str, cases: Sequence[Case], flagged: np.ndarray, seed: int = 0) -> Gap | None:
    """The gap of false-flag rates between groups; None with fewer than two groups of enough harmless texts."""
    members: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        if case.group and not case.offensive:
            members.setdefault(case.group, []).append(place)
    members = {group: places for group, places in sorted(members.items()) if len(places) >= FEWEST}
    if len(members) < 2:
        return None
    shares = {group: float(flagged[places].mean()) for group, places in members.items()}
    most, least = max(shares, key=lambda group: shares[group]), min(shares, key=lambda group: shares[group])
    sizes = np.array([len(places) for places in members.values()])
    common = float(np.concatenate([flagged[places] for places in members.values()]).mean())
    drawn = np.random.default_rng(seed).binomial(sizes, common, size=(DRAWS, len(sizes))) / sizes  # (draws, groups)
    chance = float(np.quantile(drawn.max(axis=1) - drawn.min(axis=1), 0.95))
    return Gap(name, most, least, shares[most] - shares[least], chance, len(members))


def _rates(name: str, cases: Sequence[Case], flagged: np.ndarray) -> list[Rate]:
    places: dict[tuple[str, str, bool], list[int]] = {}
    for place, case in enumerate(cases):
        for by, value in (("kind", case.kind), ("group", case.group)):
            if value:
                places.setdefault((by, value, case.offensive), []).append(place)
    return [
        Rate(name, by, value, offensive, wilson_interval(int(flagged[where].sum()), len(where)))
        for (by, value, offensive), where in sorted(places.items(), key=lambda item: (item[0][0] != "kind", item[0]))
    ]


# -------------------------------------------------------------------------------------------------------------- cases


def own_cases() -> list[Case]:
    """Sentences of our own that the classifier wasn't trained on: attacks, plain mentions, protests and quotations."""
    kinds: tuple[Kind, ...] = ("offence", "mention", "protest", "quotation")
    return [
        Case(text, kind == "offence", f"{lang} {kind}", group)
        for lang in ("en", "zh")
        for kind in kinds
        for text, group in written(lang, kind, "audit")
    ]


def read_cases(path: Path) -> list[Case]:
    """Cases from JSONL ({"text", "offensive", "kind"?, "group"?} a line) or from a CSV file of COLD.

    Where no group is given, it is the one that the text names first.

    Raises:
        InputError: the file can't be read as either.
    """
    if not path.is_file():
        raise InputError(f"{path} isn't there; expected a .jsonl or .csv file of texts")
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or not {"TEXT", "label"} <= set(rows[0]):
            raise InputError(f"{path} has no columns TEXT and label: expected a file of COLD, or .jsonl")
        return [_cold_case(row) for row in rows]
    return [_case(line, f"{path}:{number}") for number, line in enumerate(_lines(path), 1) if line.strip()]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _case(line: str, where: str) -> Case:
    try:
        row = json.loads(line)
        text, offensive = row["text"], row["offensive"]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f'{where}: expected {{"text": …, "offensive": true or false}}, got {line[:60]!r}') from error
    if not isinstance(text, str) or not isinstance(offensive, bool):
        raise InputError(f"{where}: expected a text and true or false, got {text!r:.40} and {offensive!r}")
    return Case(text, offensive, str(row.get("kind") or ""), str(row.get("group") or _first_group(text)))


def _cold_case(row: dict[str, str]) -> Case:
    fine = FINE.get(row.get("fine-grained-label") or "", "")
    kind = f"{row.get('topic', '')}: {fine}" if fine else row.get("topic", "")
    return Case(row["TEXT"], row["label"] == "1", kind, _first_group(row["TEXT"]))


def _first_group(text: str) -> str:
    found = mentions(text, language(text))
    return found[0].group if found else ""
