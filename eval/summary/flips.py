"""The three outcomes of a question, and what became of it between two arms: the nine cells of outcome × outcome."""

from __future__ import annotations

from typing import Literal

from firmground.eval.types import Outcome

State = Literal["right", "hallucinated", "abstained"]

FLIPS: dict[str, tuple[State, State]] = {
    "fixed": ("hallucinated", "right"),
    "broken": ("right", "hallucinated"),
    "right_both": ("right", "right"),
    "wrong_both": ("hallucinated", "hallucinated"),
    "answered_rightly": ("abstained", "right"),
    "answered_wrongly": ("abstained", "hallucinated"),
    "withheld_right": ("right", "abstained"),
    "withheld_wrong": ("hallucinated", "abstained"),
    "abstained_both": ("abstained", "abstained"),
}


def state(outcome: Outcome) -> State | None:
    """Which of the three outcomes a row is; None where it failed or there is no gold to tell."""
    if outcome.error or not isinstance(outcome.scores.get("right"), int | float):
        return None
    if outcome.scores["abstained"] == 1.0:
        return "abstained"
    return "right" if outcome.scores["right"] == 1.0 else "hallucinated"


def flip(first: Outcome, second: Outcome) -> str | None:
    """The name in `FLIPS` of what became of a question; None where one of the two has no outcome."""
    states = (state(first), state(second))
    return next((name for name, cell in FLIPS.items() if cell == states), None)
