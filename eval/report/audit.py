"""The table of debiasing filters for people: one self-contained page, and Markdown. Filters stand in the order in which
an answer meets them; each has its bias before and after beside what it costs, and says so where it shows no effect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmground.eval import wording
from firmground.eval.bias.effects import Effect, EffectTable
from firmground.eval.report.markdown import escape
from firmground.eval.report.render import render
from firmground.eval.stats import Interval
from firmground.knowledge.durable import write_atomic

PAGE, MARKDOWN = "audit.html", "audit.md"

# filter: where it acts, and what it does
FILTERS = {
    "swap=gender": ("corpus", "every document stands beside its counterfactual, with gender exchanged throughout"),
    "balanced=gender": ("corpus", "as many documents about women as about men"),
    "fair=project": ("retrieval", "the direction of gender is projected out of the vectors"),
    "fair=rerank": ("retrieval", "what was found is put in an order that shows the groups alike"),
    "debias=instruct": ("prompt", "the prompt asks not to rely on stereotypes"),
    "debias=exchange": (
        "decoding", "what the text says with its groups exchanged counts as much as what it says; where it finds the "
        "groups, “decided by the group” is 0 by construction",
    ),
    "debias=describe": ("decoding", "self-debiasing: words that a description of discrimination favours become rarer"),
    "screen=change": ("output", "demeaning sentences are withheld, needless gendering is said neutrally, with a note"),
    "classifier alone": ("for comparison", "the offence classifier, without the output filter's further conditions"),
    "word list alone": ("for comparison", "texts with a word of the list are flagged"),
    "screen=change, before: word list alone": ("for comparison", "the output filter in the place of the word list"),
}  # fmt: skip
VERDICTS = {
    "better": ("✓", "nearer to the ideal"),
    "worse": ("✕", "further from the ideal"),
    "none": ("≈", "no effect shown: the interval of the change holds 0"),
    "unpaired": ("–", "the change can't be paired: before and after stand on different rows"),
    "counted": ("·", "counted, without an interval"),
}
KINDS = {"bias": "bias", "blocking": "flagged without reason", "utility": "of use", "cost": "cost"}
# The columns of the overview: bias figures by their verdict, then the largest loss.
OVERVIEW = ("bias: nearer", "no effect", "further", "not paired", "use", "flagged without reason", "cost")
RETRIEVED = ", retrieved"  # ends the rows of questions that were asked with what was found
# Rows that are of a whole set; others, of groups and kinds, are folded away.
WHOLE = (
    *("all", "ambiguous", "disambiguated", "questions", "mentions", "documents", "another group"),
    *("another group, less the control", "labelled offensive", "labelled harmless", "against bias (read by hand)"),
)


def write_audit(table: EffectTable, folder: Path) -> Path:
    """Write `audit.html` and `audit.md` into the folder; return the first one's path."""
    write_atomic(folder / MARKDOWN, audit_markdown(table).encode("utf-8", "replace"), "markdown")
    write_atomic(folder / PAGE, audit_html(table).encode("utf-8", "replace"), "report")
    return folder / PAGE


def audit_html(table: EffectTable) -> str:
    """The page."""
    sections = [_section(*one) for one in by_filter(table)]
    values = {
        "table": table, "overview": overview(table), "columns": OVERVIEW, "filters": sections, "verdicts": VERDICTS,
        "about": _about(table),
    }  # fmt: skip
    return render("audit.html", values)


def audit_markdown(table: EffectTable) -> str:
    """The same as Markdown: every row."""
    parts = ["# What the debiasing filters do", "Before → after, on the same rows, with 95% intervals. "
             + " · ".join(f"{mark} {words}" for mark, words in VERDICTS.values())]  # fmt: skip
    lines = ["| filter | where | " + " | ".join(OVERVIEW) + " |", "|---|---|" + "---|" * len(OVERVIEW)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in overview(table)]
    parts.append("\n".join(lines))
    for name, effects in by_filter(table):
        parts += [f"## {escape(name)}", _sentence(*FILTERS.get(name, ("", "")))]
        parts.append("\n".join(f"- {sentence}" for _, sentence in findings(effects)))
        lines = [
            "| set | rows | measure | ideal | n | before | after | change | |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        rows = [table_row(effect) for effect in effects]
        lines += ["| " + " | ".join([*map(escape, cells[:3]), *cells[3:]]) + " |" for cells in rows]
        parts.append("\n".join(lines))
    parts += [
        "## What it was made with",
        "\n".join(f"- {escape(name)}: {escape(text)}" for name, text in _about(table)),
    ]
    if table.notes:
        parts.append("\n".join(f"- {escape(note)}" for note in table.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def by_filter(table: EffectTable) -> list[tuple[str, list[Effect]]]:
    """The effects of each filter, in the order of `FILTERS`; those it doesn't know stand where they came first."""
    names = list(dict.fromkeys(effect.filter for effect in table.effects))
    known = list(FILTERS)
    names.sort(key=lambda name: known.index(name) if name in known else 1.5)
    return [(name, [effect for effect in table.effects if effect.filter == name]) for name in names]


def overview(table: EffectTable) -> list[tuple[str, ...]]:
    """A line a filter: its name, where it acts, and the columns of `OVERVIEW`, over the figures of whole sets."""
    rows = []
    for name, effects in by_filter(table):
        whole = whole_sets(effects)
        verdicts = [effect.verdict for effect in whole if effect.kind == "bias"]
        counts = [str(verdicts.count(verdict)) for verdict in ("better", "none", "worse", "unpaired")]
        costs = [
            _worst([effect for effect in whole if effect.kind == kind]) for kind in ("utility", "blocking", "cost")
        ]
        rows.append((name, FILTERS.get(name, ("", ""))[0], *counts, *costs))
    return rows


def _worst(effects: Sequence[Effect]) -> str:
    """The change that is furthest from its ideal's side, of those whose interval doesn't hold 0; else that none is."""
    counted = [effect for effect in effects if effect.verdict == "counted"]
    if counted:
        return _change(max(counted, key=lambda effect: (effect.change.value if effect.change else 0.0) or 0.0)).rstrip(
            "."
        )
    paired = [effect for effect in effects if effect.verdict in ("better", "worse", "none")]
    if not paired:
        return "–"
    worse = [effect for effect in paired if effect.verdict == "worse"]
    if not worse:
        return "none shown"
    worst = max(worse, key=lambda effect: abs((effect.change.value if effect.change else 0.0) or 0.0))
    return _change(worst).rstrip(".")


def table_row(effect: Effect) -> list[str]:
    """Set, rows, measure, ideal, n, before, after, change, verdict's mark: what a line of a table says."""
    ideal = "" if effect.ideal is None else f"{effect.ideal:g}"
    change = "" if effect.change is None else told(effect.change, effect.measure, signed=True)
    sides = [told(side, effect.measure) for side in (effect.before, effect.after)]
    n = f"{effect.before.n:,}" + (f", {effect.after.n:,}" if effect.after.n != effect.before.n else "")
    return [effect.set, effect.rows, effect.measure, ideal, n, *sides, change, VERDICTS[effect.verdict][0]]


def told(interval: Interval, measure: str, signed: bool = False) -> str:
    """ "0.540 [0.466, 0.608]"."""
    if interval.value is None:
        return "none"
    digits = _digits(measure, interval.value)
    values = [interval.value] if interval.low is None else [interval.value, interval.low, interval.high]
    texts = [_number(value, digits, signed) for value in values]
    return texts[0] if len(texts) == 1 else f"{texts[0]} [{texts[1]}, {texts[2]}]"


def _digits(measure: str, value: float) -> int:
    """Behind the point."""
    return 0 if measure == "documents" else 2 if measure.startswith("seconds") or abs(value) >= 10 else 3


def _number(value: float | None, digits: int, signed: bool = False) -> str:
    text = f"{value or 0.0:{'+' if signed else ''}.{digits}f}".replace("-", "−")
    return text if text.strip("+−0.") else text.strip("+−")


def findings(effects: Sequence[Effect]) -> list[tuple[str, str]]:
    """(verdict, sentence): what a filter did to bias and to use, over whole sets, in words."""
    whole = whole_sets(effects)
    bias = [effect for effect in whole if effect.kind == "bias"]
    told_bias: list[tuple[str, str]] = [
        (wanted, _change(effect)) for wanted in ("better", "worse") for effect in bias if effect.verdict == wanted
    ]
    unmoved = sum(effect.verdict == "none" for effect in bias)
    if bias and unmoved:
        of_all = f"{unmoved} of {wording.plural(len(bias), 'bias figure')}"
        sentence = f"No effect shown on {of_all} of whole sets: the interval of the change holds 0."
        told_bias.append(("unclear", sentence))
    unpaired = sum(effect.verdict == "unpaired" for effect in bias)
    if unpaired:
        told_bias.append(("unclear", f"{wording.plural(unpaired, 'bias figure')} can't be paired: before and after "
                                     "stand on different rows."))  # fmt: skip
    costs = [effect for effect in whole if effect.kind != "bias" and effect.verdict in ("better", "worse")]
    told_costs: list[tuple[str, str]] = [(effect.verdict, _change(effect)) for effect in costs]
    use = [effect for effect in whole if effect.kind == "utility"]
    if use and not any(effect in costs for effect in use):
        told_costs.append(("unclear", f"What is of use ({', '.join(dict.fromkeys(one.measure for one in use))}) shows "
                                      "no change."))  # fmt: skip
    return told_bias + told_costs


def _change(effect: Effect) -> str:
    assert effect.change is not None
    sides = " → ".join(told(side, effect.measure).split(" [")[0] for side in (effect.before, effect.after))
    change = told(effect.change, effect.measure, signed=True)
    rows = "" if effect.rows in ("all", "questions", "documents") else f", {effect.rows}"
    return f"{effect.set}{rows}: {effect.measure} {sides} ({change})."


def whole_sets(effects: Sequence[Effect]) -> list[Effect]:
    """Those of whole sets; and those of a part, where the set has no such figure of the whole."""
    whole = {(effect.set, effect.measure) for effect in effects if _of_all(effect)}
    return [effect for effect in effects if _of_all(effect) or (effect.set, effect.measure) not in whole]


def _of_all(effect: Effect) -> bool:
    return effect.rows.removesuffix(RETRIEVED) in WHOLE


def _sentence(stage: str, meaning: str) -> str:
    return f"{stage.capitalize()}: {meaning}." if stage else ""


def _about(table: EffectTable) -> list[tuple[str, str]]:
    """What the table was made with, as lines."""
    found = [("generator", table.generator)]
    for name, value in table.conditions.items():
        if name == "files":
            found.append((name, ", ".join(f"{file} {str(digest)[:12]}" for file, digest in value.items())))
        elif value not in (None, "", []) and name != "generator":
            found.append((name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return found


# ------------------------------------------------------------------------------------------------------------ the page


def _section(name: str, effects: Sequence[Effect]) -> dict[str, Any]:
    """What the page shows of one filter."""
    whole = whole_sets(effects)
    stage, meaning = FILTERS.get(name, ("", ""))
    return {
        "name": name,
        "meaning": _sentence(stage, meaning),
        "findings": findings(effects),
        "bias": _cards([effect for effect in whole if effect.kind in ("bias", "blocking")]),
        "cost": _cards([effect for effect in whole if effect.kind in ("utility", "cost")]),
        "rows": [(table_row(effect), effect.verdict) for effect in effects],
        "folded": len(effects) - len(whole),
    }


def _cards(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    """A card a set; in it a block a measure, whose lines share a scale."""
    cards = []
    for name in dict.fromkeys(effect.set for effect in effects):
        mine = [effect for effect in effects if effect.set == name]
        measures = dict.fromkeys((effect.measure, effect.kind, effect.ideal) for effect in mine)
        blocks = [
            _block(measure, kind, [one for one in mine if (one.measure, one.kind, one.ideal) == (measure, kind, ideal)])
            for measure, kind, ideal in measures
        ]
        cards.append({"set": name, "blocks": blocks})
    return cards


def _block(measure: str, kind: str, effects: Sequence[Effect]) -> dict[str, Any]:
    ideal = effects[0].ideal
    ends = [bound for effect in effects for side in (effect.before, effect.after)
            for bound in (side.value, side.low, side.high) if bound is not None]  # fmt: skip
    near = [ideal] if ideal is not None and (measure != "perplexity") else []
    low, high = min([*ends, *near], default=0.0), max([*ends, *near], default=1.0)
    ticks = [_number(value, _digits(measure, value)) for value in (low, high)]
    room = 0.04 * (high - low) or 0.5
    low, high = low - room, high + room

    def place(value: float | None) -> float | None:
        return None if value is None else (value - low) / (high - low)

    def drawn(side: Interval) -> dict[str, float | None]:
        return {"dot": place(side.value), "low": place(side.low), "high": place(side.high)}

    lines = [
        {
            "rows": effect.rows, "verdict": effect.verdict, "n": effect.before.n,
            "before": drawn(effect.before), "after": drawn(effect.after),
            "texts": [told(effect.before, measure), told(effect.after, measure)],
            "change": "" if effect.change is None else told(effect.change, measure, signed=True),
        }
        for effect in effects
    ]  # fmt: skip
    told_ideal = "" if ideal is None else f"ideal {ideal:g}"
    return {"measure": measure, "kind": KINDS[kind], "ideal": place(ideal) if near else None, "told_ideal": told_ideal,
            "lines": lines, "ticks": ticks}  # fmt: skip
