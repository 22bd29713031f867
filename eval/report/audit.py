"""The table of debiasing filters for people, in English or Chinese: one self-contained page, and Markdown. Filters
stand in the order in which an answer meets them; each has its bias before and after beside what it costs, and says so
where it shows no effect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmground.eval import wording
from firmground.eval.bias.effects import Effect, EffectTable
from firmground.eval.metrics.normalise import Language
from firmground.eval.report.markdown import escape
from firmground.eval.report.render import render
from firmground.eval.stats import Interval
from firmground.eval.wording import say
from firmground.eval.wording_audit import named, noted
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
COLUMNS = ("Set", "Rows", "Measure", "Ideal", "n", "Before", "After", "Change")
ABOUT = ("generator", "data", "files", "limit", "filters", "languages", "knowledge", "seconds")  # what has words
RETRIEVED = ", retrieved"  # ends the rows of questions that were asked with what was found
# Rows that are of a whole set; others, of groups and kinds, are folded away.
WHOLE = (
    *("all", "ambiguous", "disambiguated", "questions", "mentions", "documents", "another group"),
    *("another group, less the control", "labelled offensive", "labelled harmless", "against bias (read by hand)"),
)


def write_audit(table: EffectTable, folder: Path, language: Language = "en") -> Path:
    """Write `audit.html` and `audit.md` into the folder; return the first one's path."""
    write_atomic(folder / MARKDOWN, audit_markdown(table, language).encode("utf-8", "replace"), "markdown")
    write_atomic(folder / PAGE, audit_html(table, language).encode("utf-8", "replace"), "report")
    return folder / PAGE


def audit_html(table: EffectTable, language: Language = "en") -> str:
    """The page."""
    values = {
        "table": table, "overview": overview(table, language), "columns": OVERVIEW, "heads": COLUMNS,
        "filters": [_section(*one, language) for one in by_filter(table)], "verdicts": verdicts(language),
        "about": _about(table, language), "notes": [noted(note, language) for note in table.notes],
    }  # fmt: skip
    return render("audit.html", values, language)


def audit_markdown(table: EffectTable, language: Language = "en") -> str:
    """The same as Markdown: every row."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    legend = " · ".join(f"{mark} {words}" for mark, words in verdicts(language).values())
    before = say("Before → after, on the same rows, with 95% intervals. ", language)
    parts = ["# " + say("What the debiasing filters do", language), before + legend]
    heads = [say(name, language) for name in ("Filter", "where", *OVERVIEW)]
    parts.append("\n".join([line(heads), line(["---"] * len(heads)), *map(line, overview(table, language))]))
    for name, effects in by_filter(table):
        parts += [f"## {escape(name)}", _meaning(name, language)]
        parts.append("\n".join(f"- {sentence}" for _, sentence in findings(effects, language)))
        heads = [*(say(column, language) for column in COLUMNS), ""]
        rows = [table_row(effect, language) for effect in effects]
        lines = [line([*map(escape, cells[:3]), *cells[3:]]) for cells in rows]
        parts.append("\n".join([line(heads), line(["---"] * len(heads)), *lines]))
    parts.append("## " + say("What it was made with", language))
    parts.append("\n".join(f"- {escape(name)}: {escape(text)}" for name, text in _about(table, language)))
    parts.append("\n".join(f"- {escape(noted(note, language))}" for note in table.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def by_filter(table: EffectTable) -> list[tuple[str, list[Effect]]]:
    """The effects of each filter, in the order of `FILTERS`; those it doesn't know stand where they came first."""
    names = list(dict.fromkeys(effect.filter for effect in table.effects))
    known = list(FILTERS)
    names.sort(key=lambda name: known.index(name) if name in known else 1.5)
    return [(name, [effect for effect in table.effects if effect.filter == name]) for name in names]


def verdicts(language: Language = "en") -> dict[str, tuple[str, str]]:
    """{verdict: (mark, words)}."""
    return {name: (mark, say(words, language)) for name, (mark, words) in VERDICTS.items()}


def overview(table: EffectTable, language: Language = "en") -> list[tuple[str, ...]]:
    """A line a filter: its name, where it acts, and the columns of `OVERVIEW`, over the figures of whole sets."""
    rows = []
    for name, effects in by_filter(table):
        whole = whole_sets(effects)
        verdicts = [effect.verdict for effect in whole if effect.kind == "bias"]
        counts = [str(verdicts.count(verdict)) for verdict in ("better", "none", "worse", "unpaired")]
        costs = [
            _worst([effect for effect in whole if effect.kind == kind], language)
            for kind in ("utility", "blocking", "cost")
        ]
        stage = FILTERS[name][0] if name in FILTERS else ""
        rows.append((name, say(stage, language), *counts, *costs))
    return rows


def _worst(effects: Sequence[Effect], language: Language) -> str:
    """The change that is furthest from its ideal's side, of those whose interval doesn't hold 0; else that none is."""
    counted = [effect for effect in effects if effect.verdict == "counted"]
    if counted:
        most = max(counted, key=lambda effect: (effect.change.value if effect.change else 0.0) or 0.0)
        return _change(most, language)
    paired = [effect for effect in effects if effect.verdict in ("better", "worse", "none")]
    if not paired:
        return "–"
    worse = [effect for effect in paired if effect.verdict == "worse"]
    if not worse:
        return say("none shown", language)
    worst = max(worse, key=lambda effect: abs((effect.change.value if effect.change else 0.0) or 0.0))
    return _change(worst, language)


def table_row(effect: Effect, language: Language = "en") -> list[str]:
    """Set, rows, measure, ideal, n, before, after, change, verdict's mark: what a line of a table says."""
    ideal = "" if effect.ideal is None else f"{effect.ideal:g}"
    change = "" if effect.change is None else told(effect.change, effect.measure, True, language)
    sides = [told(side, effect.measure, language=language) for side in (effect.before, effect.after)]
    what = [_name(name, language) for name in (effect.set, effect.rows, effect.measure)]
    n = f"{effect.before.n:,}" + (f", {effect.after.n:,}" if effect.after.n != effect.before.n else "")
    return [*what, ideal, n, *sides, change, VERDICTS[effect.verdict][0]]


def _name(name: str, language: Language) -> str:
    """A set, some rows or a measure: in English as files have it."""
    return name if language == "en" else named(name, language)


def told(interval: Interval, measure: str, signed: bool = False, language: Language = "en") -> str:
    """ "0.540 [0.466, 0.608]"."""
    if interval.value is None:
        return say("none", language)
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


def findings(effects: Sequence[Effect], language: Language = "en") -> list[tuple[str, str]]:
    """(verdict, sentence): what a filter did to bias and to use, over whole sets, in words."""
    whole = whole_sets(effects)
    bias = [effect for effect in whole if effect.kind == "bias"]
    told_bias: list[tuple[str, str]] = [
        (wanted, _changed(effect, language))
        for wanted in ("better", "worse") for effect in bias if effect.verdict == wanted
    ]  # fmt: skip
    unmoved = sum(effect.verdict == "none" for effect in bias)
    if bias and unmoved:
        message = "No effect shown on {unmoved} of {figures} of whole sets: the interval of the change holds 0."
        figures = wording.plural(len(bias), "bias figure", language)
        told_bias.append(("unclear", say(message, language, unmoved=unmoved, figures=figures)))
    unpaired = sum(effect.verdict == "unpaired" for effect in bias)
    if unpaired:
        message = "{figures} can't be paired: before and after stand on different rows."
        figures = wording.plural(unpaired, "bias figure", language)
        told_bias.append(("unclear", say(message, language, figures=figures)))
    costs = [effect for effect in whole if effect.kind != "bias" and effect.verdict in ("better", "worse")]
    told_costs: list[tuple[str, str]] = [(effect.verdict, _changed(effect, language)) for effect in costs]
    use = [effect for effect in whole if effect.kind == "utility"]
    if use and not any(effect in costs for effect in use):
        measures = say(", ", language).join(dict.fromkeys(_name(one.measure, language) for one in use))
        message = "What is of use ({measures}) shows no change."
        told_costs.append(("unclear", say(message, language, measures=measures)))
    return told_bias + told_costs


def _changed(effect: Effect, language: Language) -> str:
    return _change(effect, language) + say(".", language)


def _change(effect: Effect, language: Language) -> str:
    assert effect.change is not None
    both = (told(side, effect.measure, language=language) for side in (effect.before, effect.after))
    sides = " → ".join(side.split(" [")[0] for side in both)
    where = [effect.set] if effect.rows in ("all", "questions", "documents") else [effect.set, effect.rows]
    return say(
        "{where}: {measure} {sides} ({change})", language,
        where=say(", ", language).join(_name(one, language) for one in where), measure=_name(effect.measure, language),
        sides=sides, change=told(effect.change, effect.measure, True, language),
    )  # fmt: skip


def whole_sets(effects: Sequence[Effect]) -> list[Effect]:
    """Those of whole sets; and those of a part, where the set has no such figure of the whole."""
    whole = {(effect.set, effect.measure) for effect in effects if _of_all(effect)}
    return [effect for effect in effects if _of_all(effect) or (effect.set, effect.measure) not in whole]


def _of_all(effect: Effect) -> bool:
    return effect.rows.removesuffix(RETRIEVED) in WHOLE


def _meaning(name: str, language: Language) -> str:
    """Where a filter acts, and what it does; "" of one that isn't known."""
    if name not in FILTERS:
        return ""
    stage, meaning = (say(one, language) for one in FILTERS[name])
    return say("{stage}: {meaning}.", language, stage=stage.capitalize(), meaning=meaning)


def _about(table: EffectTable, language: Language) -> list[tuple[str, str]]:
    """What the table was made with, as lines."""
    found = [("generator", table.generator)]
    for name, value in table.conditions.items():
        if name == "files":
            found.append((name, ", ".join(f"{file} {str(digest)[:12]}" for file, digest in value.items())))
        elif value not in (None, "", []) and name != "generator":
            found.append((name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return [(say(name, language) if name in ABOUT else name, text) for name, text in found]


# ------------------------------------------------------------------------------------------------------------ the page


def _section(name: str, effects: Sequence[Effect], language: Language) -> dict[str, Any]:
    """What the page shows of one filter."""
    whole = whole_sets(effects)
    return {
        "name": name,
        "meaning": _meaning(name, language),
        "findings": findings(effects, language),
        "bias": _cards([effect for effect in whole if effect.kind in ("bias", "blocking")], language),
        "cost": _cards([effect for effect in whole if effect.kind in ("utility", "cost")], language),
        "rows": [(table_row(effect, language), effect.verdict) for effect in effects],
        "folded": len(effects) - len(whole),
    }


def _cards(effects: Sequence[Effect], language: Language) -> list[dict[str, Any]]:
    """A card a set; in it a block a measure, whose lines share a scale."""
    cards = []
    for name in dict.fromkeys(effect.set for effect in effects):
        mine = [effect for effect in effects if effect.set == name]
        measures = dict.fromkeys((effect.measure, effect.kind, effect.ideal) for effect in mine)
        blocks = [
            _block([one for one in mine if (one.measure, one.kind, one.ideal) == key], language) for key in measures
        ]
        cards.append({"set": _name(name, language), "blocks": blocks})
    return cards


def _block(effects: Sequence[Effect], language: Language) -> dict[str, Any]:
    """Figures of one measure, on a scale that holds all of them and the ideal."""
    measure, kind, ideal = effects[0].measure, effects[0].kind, effects[0].ideal
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
            "rows": _name(effect.rows, language), "verdict": effect.verdict, "n": effect.before.n,
            "before": drawn(effect.before), "after": drawn(effect.after),
            "texts": [told(side, measure, language=language) for side in (effect.before, effect.after)],
            "change": "" if effect.change is None else told(effect.change, measure, True, language),
        }
        for effect in effects
    ]  # fmt: skip
    told_ideal = "" if ideal is None else say("ideal {ideal}", language, ideal=f"{ideal:g}")
    return {"measure": _name(measure, language), "kind": say(KINDS[kind], language), "lines": lines, "ticks": ticks,
            "ideal": place(ideal) if near else None, "told_ideal": told_ideal}  # fmt: skip
