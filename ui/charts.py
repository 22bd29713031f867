"""Charts, as Vega-Lite specifications: readable without colour, for what they tell stands as text, place and shape too.

They are written as plain data. A library that builds and checks them takes a tenth of a second for each, whenever the
page is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from firmground.eval import wording
from firmground.ui.page import arm_name
from firmground.ui.wording import Language, text

Chart = dict[str, Any]

OUTCOMES = ("right", "hallucination", "abstained")
# By the page's ground; 4.5:1 or more on it, for words are drawn in them, too.
COLOURS = {"light": ("#1b7a4f", "#b04a10", "#5b6467"), "dark": ("#4fbf8b", "#f0925a", "#a3acad")}
ARM_COLOURS = {
    "light": ("#5b6467", "#17609a", "#8a4f9e", "#1d7a6c", "#93560f", "#b03a6e"),  # about as in the report
    "dark": ("#a3acad", "#6db3e8", "#c793d8", "#5cc0b4", "#e0b05a", "#ef8ab5"),
}
INK = {"light": "#22282b", "dark": "#e6e8e6"}
IDEAL = {"light": "#8a5200", "dark": "#f0b35a"}
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
FIGURES = ("value", "low", "high")
TICKS = 6
WIDEST_LABEL = 150  # pixels: longer names are cut with dots, and stand whole in a tooltip
MOST_GROUPS = 16  # shown, those of most questions
# Whether a kind of flip is a gain, a loss, or neither.
GAINS = ("fixed", "answered_rightly", "withheld_wrong")
LOSSES = ("broken", "answered_wrongly", "withheld_right")


def ground() -> str:
    """What the page is drawn on now: "light" or "dark"."""
    return st.context.theme.type or "light"


def draw(chart: Chart, height: int) -> None:
    """Put a chart on the page, as wide as there is room."""
    st.vega_lite_chart(chart, width="stretch", height=height)


# ----------------------------------------------------------------------------------------------------------- of a run


def outcome_rows(summary: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """A row for each arm and outcome that has a value: {arm, outcome, value, low, high}, shares in per cent."""
    names = {"right": "run_right", "hallucination": "run_hallucinated", "abstained": "run_abstained"}
    return [
        {"arm": arm_name(arm, language), "outcome": text(names[outcome], language), **_per_cent(figures[outcome])}
        for arm, figures in summary["arms"].items()
        for outcome in OUTCOMES
        if figures[outcome]["value"] is not None
    ]


def outcome_intervals(summary: Mapping[str, Any], language: Language) -> Chart:
    """Right, hallucinated and abstained for each arm, with their intervals."""
    return _shares(outcome_rows(summary, language), "arm", "outcome", COLOURS[ground()], language)


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
) -> Chart:
    """One outcome of each group of questions, by each arm, with its interval."""
    return _shares(group_rows(groups, arms, outcome, language), "group", "arm", ARM_COLOURS[ground()], language)


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


def flip_bars(counts: Mapping[str, int], language: Language) -> Chart:
    """How many questions became what, from one arm to another."""
    rows, words = flip_rows(counts, language), text("run_questions", language)
    ways = [text(key, language) for key in ("run_gain", "run_loss", "run_neither")]
    count = {"field": "count", "type": "quantitative", "title": words, "axis": {"tickMinStep": 1}}
    place = {"y": _band("kind", [row["kind"] for row in rows]), "x": count}
    scale = {"domain": ways, "range": list(COLOURS[ground()])}
    colour = {**_nominal("way", ways), "scale": scale, "legend": _LEGEND}
    tooltip = [_heading("kind"), {"field": "count", "type": "quantitative", "title": words}]
    label = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": INK[ground()]}
    layers = [
        {"mark": {"type": "bar", "size": 16}, "encoding": {**place, "color": colour, "tooltip": tooltip}},
        {"mark": label, "encoding": {**place, "text": {"field": "count", "type": "quantitative"}}},
    ]
    told = "; ".join(f"{row['kind']}: {row['count']}" for row in rows)
    return {"description": told, "layer": [{"data": {"values": rows}, "layer": layers}]}


def _per_cent(figure: Mapping[str, Any]) -> dict[str, float]:
    return {key: 100 * figure[key] for key in FIGURES if figure[key] is not None}


def _shares(
    rows: Sequence[Mapping[str, Any]], along: str, series: str, colours: Sequence[str], language: Language
) -> Chart:
    title = text("run_rate", language)
    return intervals(rows, along, series, colours, title, language, scale={"domain": [0, 100]}, form=".0f")


# --------------------------------------------------------------------------------------------------------- of any kind

_LEGEND = {"title": None, "orient": "top"}


def intervals(
    rows: Sequence[Mapping[str, Any]], along: str, series: str, colours: Sequence[str], title: str, language: Language,
    *, scale: Mapping[str, Any], form: str, ideals: Sequence[float] = (),
) -> Chart:  # fmt: skip
    """Dots on lines: a band of the chart for each value of `along`, in it a line for each value of `series`.

    Args:
        rows: {along, series, value, low, high}; without an interval, one has no low and high, or they are the value.
        colours: one for each value of `series`, in the order in which they come; begun anew where there are more.
        title: what is measured, below the axis.
        scale: Vega-Lite's, of the axis. form: d3's format of the values.
        ideals: values of which a dashed line is drawn.
    """
    bands, lines = (list(dict.fromkeys(row[name] for row in rows)) for name in (along, series))
    legend = _LEGEND if len(lines) > 1 else None
    of_line = {**_nominal(series, lines), "legend": legend}
    place = {
        "y": _band(along, bands), "yOffset": _nominal(series, lines),
        "color": {**of_line, "scale": {"domain": lines, "range": _taken(colours, lines)}},
    }  # fmt: skip
    shape = {**of_line, "scale": {"domain": lines, "range": _taken(SHAPES, lines)}}
    across = {"type": "quantitative", "title": title, "scale": dict(scale), "axis": {"tickCount": TICKS}}
    tooltip = [_heading("told")] + [
        {"field": name, "type": "quantitative", "title": text(f"figure_{name}", language), "format": form}
        for name in FIGURES
    ]
    point = {"type": "point", "filled": True, "size": 70, "opacity": 1}
    label = {"type": "text", "align": "left", "dx": 8, "fontSize": 11}
    value = {"field": "value", "type": "quantitative"}
    layers = [
        _layer({"type": "rule", "strokeWidth": 2}, place, x={**across, "field": "low"}, x2={"field": "high"}),
        _layer(point, place, x=value, shape=shape, tooltip=tooltip),
        _layer(label, place, x={"field": "high", "type": "quantitative"}, text={**value, "format": form}),
    ]
    told = [{**row, "told": " · ".join(filter(None, (row[along], row[series])))} for row in rows]
    drawn: list[Chart] = [{"data": {"values": told}, "layer": layers}]
    if ideals:
        dashed = {"type": "rule", "strokeDash": [5, 4], "color": IDEAL[ground()]}
        layer = _layer(dashed, {}, x={**across, "field": "ideal"})
        drawn.insert(0, {"data": {"values": [{"ideal": one} for one in ideals]}, **layer})
    return {"description": "; ".join(f"{row['told']} {row['value']:.3g}" for row in told), "layer": drawn}


def _layer(mark: Mapping[str, Any], place: Mapping[str, Any], **encoding: Any) -> Chart:
    return {"mark": dict(mark), "encoding": {**place, **encoding}}


def _nominal(field: str, order: Sequence[str]) -> Chart:
    return {"field": field, "type": "nominal", "sort": list(order)}


def _band(field: str, order: Sequence[str]) -> Chart:
    return {**_nominal(field, order), "title": None, "axis": {"labelLimit": WIDEST_LABEL}}


def _heading(field: str) -> Chart:
    """A tooltip's first line: what is titled "title" stands there without a name."""
    return {"field": field, "type": "nominal", "title": "title"}


def _taken(some: Sequence[str], lines: Sequence[str]) -> list[str]:
    return [some[place % len(some)] for place in range(len(lines))]
