"""Charts of audits: each side has a shape and a place of its own, and values stand as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firmground.eval.wording_audit import named
from firmground.ui import charts
from firmground.ui.charts import Chart
from firmground.ui.wording import Language, text

if TYPE_CHECKING:
    from firmground.eval.bias.effects import Effect
    from firmground.eval.filter_audit import Rate
    from firmground.eval.stats import Interval
    from firmground.knowledge.audit import Association

SIDES = ("before", "after")
COLOURS = {"light": ("#5b6467", "#17734a"), "dark": ("#a3acad", "#4fbf8b")}  # 4.5:1 or more on the page's ground
ROW_HEIGHT, ROOM = 42, 106  # pixels of a row with two marks; of legend and axis


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


def effect_chart(effects: Sequence[Effect], language: Language) -> Chart:
    """Figures of one measure, without and with one filter, with their ideal as a dashed line."""
    ideals = sorted({effect.ideal for effect in effects if effect.ideal is not None})
    return _intervals(effect_rows(effects, language), named(effects[0].measure, language), language, ideals)


def rate_rows(rates: Sequence[Rate], language: Language) -> list[dict[str, Any]]:
    """A row for each rate: {row, side, value, low, high}, in per cent."""
    return [
        {"row": named(rate.name, language), "side": text(f"filter_{rate.filter}", language),
         **{key: 100 * value for key, value in _bounds(rate.flagged).items()}}
        for rate in rates
        if rate.flagged.value is not None
    ]  # fmt: skip


def rate_chart(rates: Sequence[Rate], language: Language) -> Chart:
    """How many texts of each kind or group each filter flags."""
    return _intervals(rate_rows(rates, language), text("audit_flagged", language), language, form=".0f")


def association_chart(associations: Sequence[Association], language: Language) -> Chart:
    """Words that go with one group more, or less, than with the others of its category: log-odds with intervals."""
    rows = [
        {"row": f"{named(one.group, language)} · {named(one.word, language)}", "side": "",
         "value": one.log_odds, "low": one.low, "high": one.high}
        for one in associations
    ]  # fmt: skip
    return _intervals(rows, text("corpus_log_odds", language), language, [0.0])


def _bounds(interval: Interval) -> dict[str, float]:
    value = interval.value
    assert value is not None
    low, high = (value if bound is None else bound for bound in (interval.low, interval.high))
    return {"value": value, "low": low, "high": high}


def _intervals(
    rows: list[dict[str, Any]], title: str, language: Language, ideals: Sequence[float] = (), form: str = ""
) -> Chart:
    widest = max((math.fabs(row[key]) for row in rows for key in ("low", "high")), default=0.0)
    form = form or (".2f" if widest < 20 else ",.0f")
    scale = {"zero": False, "nice": True}
    sides = {row["side"] for row in rows}
    colours = COLOURS[charts.ground()][-len(sides) :]
    return charts.intervals(rows, "row", "side", colours, title, language, scale=scale, form=form, ideals=ideals)
