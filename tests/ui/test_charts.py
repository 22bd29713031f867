"""The charts are written by hand: what they say, and that Vega-Lite's schema takes them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

import altair  # comes with Streamlit, and brings the schema

from firmground.eval.filter_audit import Rate
from firmground.eval.stats import Interval
from firmground.knowledge.audit import Association
from firmground.ui import charts, charts_audit
from tests.ui.test_audit_view import FLAGGED, LOWERED, UNMOVED

FIGURE = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}
SUMMARY = {"arms": {arm: dict.fromkeys(charts.OUTCOMES, FIGURE) for arm in ("plain", "mine")}}
NONE = {"value": None, "low": None, "high": None, "n": 0}


def drawn(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that a chart draws; altair holds it against the schema."""
    altair.LayerChart.from_dict(chart)
    return chart["layer"][-1]["data"]["values"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_chart_is_one_that_vega_lite_takes(language):
    rate = Rate("screen", "kind", "harmless", False, Interval(0.1, 0.05, 0.2, 20, "wilson"))
    told = Association("gender", "women", "occupation", "nurse", 3, 9, 1.2, 0.2, 2.2)
    every = (
        charts.outcome_intervals(SUMMARY, language),
        charts.group_intervals({"a": SUMMARY["arms"]}, ["plain", "mine"], "right", language),
        charts.flip_bars({"fixed": 3, "broken": 1}, language),
        charts_audit.effect_chart([LOWERED, UNMOVED], language),
        charts_audit.effect_chart([FLAGGED], language),
        charts_audit.rate_chart([rate], language),
        charts_audit.association_chart([told], language),
    )
    for chart in every:
        assert drawn(chart)
        assert chart["description"]


def test_intervals_have_a_place_a_shape_and_a_colour_for_each_line():
    chart = charts.outcome_intervals(SUMMARY, "en")
    first = drawn(chart)[0]
    assert first == {"arm": "Plain", "outcome": "right", "value": 50, "low": 25, "high": 75, "told": "Plain · right"}
    rule, point, label = chart["layer"][0]["layer"]
    assert rule["encoding"]["y"]["sort"] == ["Plain", "mine"]
    assert rule["encoding"]["x"]["scale"] == {"domain": [0, 100]}
    outcomes = ["right", "hallucinated", "abstained"]
    assert point["encoding"]["shape"]["scale"] == {"domain": outcomes, "range": ["circle", "diamond", "square"]}
    assert point["encoding"]["color"]["scale"]["range"] == list(charts.COLOURS["light"])
    assert label["encoding"]["text"]["format"] == ".0f"


def test_one_line_needs_no_legend_and_what_is_unknown_isnt_drawn():
    groups = {"a": {"plain": {"right": FIGURE}}, "b": {"plain": {"right": NONE}}}
    chart = charts.group_intervals(groups, ["plain"], "right", "zh")
    assert [row["group"] for row in drawn(chart)] == ["a (n = 8)"]
    assert chart["layer"][0]["layer"][0]["encoding"]["color"]["legend"] is None
