"""Charts of a run, readable without colour: what they tell stands as text and place too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firmground.ui.page import arm_name
from firmground.ui.wording import Language, text

if TYPE_CHECKING:
    import altair

OUTCOMES = ("right", "hallucination", "abstained")
COLOURS = ("#1f8a5b", "#c2571a", "#77808a")
FIGURES = ("value", "low", "high")
SHAPES = ("circle", "diamond", "square")


def outcome_rows(summary: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """A row for each arm and outcome that has a value: {arm, outcome, value, low, high}, shares in per cent."""
    names = {"right": "run_right", "hallucination": "run_hallucinated", "abstained": "run_abstained"}
    return [
        {
            "arm": arm_name(arm, language), "outcome": text(names[outcome], language),
            **{key: 100 * figures[outcome][key] for key in ("value", "low", "high")},
        }
        for arm, figures in summary["arms"].items()
        for outcome in OUTCOMES
        if figures[outcome]["value"] is not None
    ]  # fmt: skip


def outcome_intervals(summary: Mapping[str, Any], language: Language) -> altair.LayerChart:
    """Right, hallucinated and abstained for each arm, with their intervals."""
    import altair

    rows = outcome_rows(summary, language)
    order = list(dict.fromkeys(row["arm"] for row in rows))
    outcomes = list(dict.fromkeys(row["outcome"] for row in rows))
    base = altair.Chart(altair.Data(values=rows)).encode(
        y=altair.Y("arm:N", sort=order, title=None), yOffset=altair.YOffset("outcome:N", sort=outcomes),
        color=altair.Color(
            "outcome:N", sort=outcomes, scale=altair.Scale(domain=outcomes, range=COLOURS[: len(outcomes)]),
            legend=altair.Legend(title=None, orient="top"),
        ),
    )  # fmt: skip
    scale = altair.Scale(domain=[0, 100])
    lines = base.mark_rule(strokeWidth=2).encode(
        x=altair.X("low:Q", scale=scale, title=text("run_rate", language)), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="value:Q", shape=altair.Shape("outcome:N", sort=outcomes, scale=altair.Scale(domain=outcomes, range=SHAPES)),
        tooltip=["arm:N", "outcome:N", *(altair.Tooltip(f"{name}:Q", format=".1f") for name in FIGURES)],
    )  # fmt: skip
    words = base.mark_text(align="left", dx=8, fontSize=11).encode(
        x="high:Q", text=altair.Text("value:Q", format=".0f")
    )
    return lines + points + words
