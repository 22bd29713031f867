"""Charts of a run, readable without colour: what they tell stands as text, place and shape too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firmground.eval import wording
from firmground.ui.page import arm_name
from firmground.ui.wording import Language, text

if TYPE_CHECKING:
    import altair

OUTCOMES = ("right", "hallucination", "abstained")
COLOURS = ("#1f8a5b", "#c2571a", "#77808a")
ARM_COLOURS = ("#77808a", "#17609a", "#8a4f9e", "#1d7a6c", "#b5651d", "#b03a6e")  # as in the report
FIGURES = ("value", "low", "high")
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
MOST_GROUPS = 16  # shown, those of most questions
# Whether a kind of flip is a gain, a loss, or neither.
GAINS = ("fixed", "answered_rightly", "withheld_wrong")
LOSSES = ("broken", "answered_wrongly", "withheld_right")


def outcome_rows(summary: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """A row for each arm and outcome that has a value: {arm, outcome, value, low, high}, shares in per cent."""
    names = {"right": "run_right", "hallucination": "run_hallucinated", "abstained": "run_abstained"}
    return [
        {"arm": arm_name(arm, language), "outcome": text(names[outcome], language), **_per_cent(figures[outcome])}
        for arm, figures in summary["arms"].items()
        for outcome in OUTCOMES
        if figures[outcome]["value"] is not None
    ]


def outcome_intervals(summary: Mapping[str, Any], language: Language) -> altair.LayerChart:
    """Right, hallucinated and abstained for each arm, with their intervals."""
    return _intervals(outcome_rows(summary, language), "arm", "outcome", COLOURS, language)


def group_rows(
    groups: Mapping[str, Mapping[str, Any]], arms: Sequence[str], outcome: str, language: Language
) -> list[dict[str, Any]]:
    """A row for each group of questions and arm that has a value: {group, arm, value, low, high}, in per cent.

    At most MOST_GROUPS groups, those of most questions, in the order of their names; each name tells its n.
    """
    counted = {name: max((by_arm[arm][outcome]["n"] for arm in arms), default=0) for name, by_arm in groups.items()}
    most = sorted(groups, key=lambda name: -counted[name])[:MOST_GROUPS]
    return [
        {"group": f"{wording.group_name(name, language)} (n = {counted[name]})", "arm": arm_name(arm, language),
         **_per_cent(groups[name][arm][outcome])}
        for name in groups if name in most
        for arm in arms
        if groups[name][arm][outcome]["value"] is not None
    ]  # fmt: skip


def group_intervals(
    groups: Mapping[str, Mapping[str, Any]], arms: Sequence[str], outcome: str, language: Language
) -> altair.LayerChart:
    """One outcome of each group of questions, by each arm, with its interval."""
    return _intervals(group_rows(groups, arms, outcome, language), "group", "arm", ARM_COLOURS, language)


def flip_rows(counts: Mapping[str, int], language: Language) -> list[dict[str, Any]]:
    """A row for each kind of flip that there is, worst first: {kind, count, way}; the way is gain, loss or neither."""
    way = {**dict.fromkeys(GAINS, "run_gain"), **dict.fromkeys(LOSSES, "run_loss")}
    return [
        {
            "kind": text(f"run_kind_{name}", language), "count": counts[name],
            "way": text(way.get(name, "run_neither"), language),
        }
        for name in (*wording.FLIP_ORDER, "failed", "untold")
        if counts.get(name)
    ]  # fmt: skip


def flip_bars(counts: Mapping[str, int], language: Language) -> altair.LayerChart:
    """How many questions became what, from one arm to another."""
    import altair

    rows = flip_rows(counts, language)
    ways = [text(key, language) for key in ("run_gain", "run_loss", "run_neither")]
    base = altair.Chart(altair.Data(values=rows)).encode(
        y=altair.Y("kind:N", sort=[row["kind"] for row in rows], title=None, axis=altair.Axis(labelLimit=150)),
        x=altair.X("count:Q", title=text("run_questions", language), axis=altair.Axis(tickMinStep=1)),
    )
    bars = base.mark_bar(size=16).encode(
        color=altair.Color("way:N", sort=ways, scale=altair.Scale(domain=ways, range=COLOURS),
                           legend=altair.Legend(title=None, orient="top")),
        tooltip=["kind:N", "count:Q"],
    )  # fmt: skip
    return bars + base.mark_text(align="left", dx=5, fontSize=12).encode(text="count:Q")


def _per_cent(figure: Mapping[str, Any]) -> dict[str, float]:
    return {key: 100 * figure[key] for key in FIGURES if figure[key] is not None}


def _intervals(
    rows: Sequence[Mapping[str, Any]], along: str, series: str, colours: Sequence[str], language: Language
) -> altair.LayerChart:
    """Dots on lines: a band of the chart for each value of `along`, in it a line for each value of `series`."""
    import altair

    bands, lines = (list(dict.fromkeys(row[name] for row in rows)) for name in (along, series))
    scale = altair.Scale(domain=lines, range=[colours[place % len(colours)] for place in range(len(lines))])
    base = altair.Chart(altair.Data(values=list(rows))).encode(
        y=altair.Y(f"{along}:N", sort=bands, title=None, axis=altair.Axis(labelLimit=150)),
        yOffset=altair.YOffset(f"{series}:N", sort=lines),
        color=altair.Color(f"{series}:N", sort=lines, scale=scale, legend=altair.Legend(title=None, orient="top")),
    )
    share = altair.X("low:Q", scale=altair.Scale(domain=[0, 100]), title=text("run_rate", language))
    whiskers = base.mark_rule(strokeWidth=2).encode(x=share, x2="high:Q")
    shapes = altair.Scale(domain=lines, range=[SHAPES[place % len(SHAPES)] for place in range(len(lines))])
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="value:Q", shape=altair.Shape(f"{series}:N", sort=lines, scale=shapes),
        tooltip=[f"{along}:N", f"{series}:N", *(altair.Tooltip(f"{name}:Q", format=".1f") for name in FIGURES)],
    )  # fmt: skip
    words = base.mark_text(align="left", dx=8, fontSize=11).encode(
        x="high:Q", text=altair.Text("value:Q", format=".0f")
    )
    return whiskers + dots + words
