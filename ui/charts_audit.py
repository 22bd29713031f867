"""Charts of audits, readable without colour: each side has a shape and a place of its own, and values stand as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmground.ui.wording import Language, text
from firmground.ui.wording.audit import named

if TYPE_CHECKING:
    import altair

    from firmground.eval.bias.effects import Effect
    from firmground.eval.filter_audit import Rate
    from firmground.eval.stats import Interval
    from firmground.knowledge.audit import Association

SIDES = ("before", "after")
FILTERS = ("classifier", "screen")
COLOURS = {"light": ("#5b6467", "#17734a"), "dark": ("#a3acad", "#4fbf8b")}  # 4.5:1 or more on the page's ground
IDEAL = {"light": "#8a5200", "dark": "#f0b35a"}
SHAPES = ("circle", "diamond")
ROW_HEIGHT, ROOM = 42, 106  # pixels of a row with two marks; of legend and axis
WIDEST_LABEL = 150  # pixels: longer names are cut with dots, and stand whole in the table below


def height(rows: int) -> int:
    return ROOM + ROW_HEIGHT * rows


def effect_rows(effects: Sequence[Effect], language: Language) -> list[dict[str, Any]]:
    """A row for each effect and side that has a value: {row, side, value, low, high}. Without an interval, the bounds
    are the value."""
    return [
        {"row": named(effect.rows, language), "side": text(f"audit_{side}", language), **_bounds(interval)}
        for effect in effects
        for side, interval in zip(SIDES, (effect.before, effect.after), strict=True)
        if interval.value is not None
    ]


def effect_chart(effects: Sequence[Effect], language: Language) -> altair.LayerChart:
    """Figures of one measure, without and with one filter, with their ideal as a dashed line."""
    ideals = sorted({effect.ideal for effect in effects if effect.ideal is not None})
    sides = [text(f"audit_{side}", language) for side in SIDES]
    return _intervals(effect_rows(effects, language), sides, ideals, named(effects[0].measure, language))


def rate_rows(rates: Sequence[Rate], language: Language) -> list[dict[str, Any]]:
    """A row for each rate: {row, side, value, low, high}, in per cent."""
    return [
        {"row": named(rate.name, language), "side": text(f"filter_{rate.filter}", language),
         **{key: 100 * value for key, value in _bounds(rate.flagged).items()}}
        for rate in rates
        if rate.flagged.value is not None
    ]  # fmt: skip


def rate_chart(rates: Sequence[Rate], language: Language) -> altair.LayerChart:
    """How many texts of each kind or group each filter flags."""
    sides = [text(f"filter_{one}", language) for one in FILTERS]
    return _intervals(rate_rows(rates, language), sides, [], text("audit_flagged", language), ".0f")


def association_chart(associations: Sequence[Association], language: Language) -> altair.LayerChart:
    """Words that go with one group more, or less, than with the others of its category: log-odds with intervals."""
    rows = [
        {"row": f"{named(one.group, language)} · {named(one.word, language)}", "side": "",
         "value": one.log_odds, "low": one.low, "high": one.high}
        for one in associations
    ]  # fmt: skip
    return _intervals(rows, [""], [0.0], text("corpus_log_odds", language))


def _bounds(interval: Interval) -> dict[str, float]:
    value = interval.value
    assert value is not None
    low, high = (value if bound is None else bound for bound in (interval.low, interval.high))
    return {"value": value, "low": low, "high": high}


def _intervals(
    rows: list[dict[str, Any]],
    sides: Sequence[str],
    ideals: Sequence[float],
    title: str,
    form: str = "",
) -> altair.LayerChart:
    import altair
    import streamlit

    ground = streamlit.context.theme.type or "light"
    colours, shapes = COLOURS[ground][-len(sides) :], SHAPES[-len(sides) :]
    order = list(dict.fromkeys(row["row"] for row in rows))
    form = form or (".2f" if _widest(rows) < 20 else ",.0f")
    legend = altair.Legend(title=None, orient="top") if len(sides) > 1 else None
    base = altair.Chart(altair.Data(values=rows)).encode(
        y=altair.Y("row:N", sort=order, title=None, axis=altair.Axis(labelLimit=WIDEST_LABEL)),
        yOffset=altair.YOffset("side:N", sort=list(sides)),
        color=altair.Color("side:N", sort=list(sides), legend=legend, scale=altair.Scale(domain=sides, range=colours)),
    )
    scale = altair.Scale(zero=False, nice=True)
    lines = base.mark_rule(strokeWidth=2).encode(x=altair.X("low:Q", scale=scale, title=title), x2="high:Q")
    tips = ["row:N", *(["side:N"] if legend else [])]
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="value:Q",
        shape=altair.Shape("side:N", legend=legend, scale=altair.Scale(domain=sides, range=shapes)),
        tooltip=[*tips, *(altair.Tooltip(f"{name}:Q", format=form) for name in ("value", "low", "high"))],
    )
    words = base.mark_text(align="left", dx=8, fontSize=11).encode(x="high:Q", text=altair.Text("value:Q", format=form))
    ideal = altair.Chart(altair.Data(values=[{"ideal": one} for one in ideals]))
    dashed = ideal.mark_rule(strokeDash=[5, 4], color=IDEAL[ground]).encode(x=altair.X("ideal:Q", title=title))
    return altair.layer(*([dashed] if ideals else []), lines, points, words)


def _widest(rows: Sequence[dict[str, Any]]) -> float:
    return max((math.fabs(row[key]) for row in rows for key in ("low", "high")), default=0.0)
