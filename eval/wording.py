"""Figures in words: what the report and the terminal both say about a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmground.eval.metrics import metric
from firmground.eval.summary import FLIPS

# Worst first: the order in which a reader should look at questions. {first} and {second} are the arms' names.
FLIP_ORDER = (
    "broken",
    "answered_wrongly",
    "withheld_right",
    "wrong_both",
    "fixed",
    "answered_rightly",
    "withheld_wrong",
    "right_both",
    "abstained_both",
)
FLIP_TITLES = {
    "broken": "Broken by {second}",
    "answered_wrongly": "Newly hallucinated",
    "withheld_right": "Right answer withheld",
    "wrong_both": "Wrong both times",
    "fixed": "Fixed by {second}",
    "answered_rightly": "Newly answered, rightly",
    "withheld_wrong": "Wrong answer withheld",
    "right_both": "Right both times",
    "abstained_both": "Abstained both times",
}
_STATES = {"right": "right", "hallucinated": "hallucinated", "abstained": "abstained"}


def flip_title(name: str, pair: Mapping[str, Any]) -> str:
    return FLIP_TITLES[name].format(first=pair["first"], second=pair["second"])


def flip_meaning(name: str, pair: Mapping[str, Any]) -> str:
    """ "plain right, augmented hallucinated"."""
    before, after = FLIPS[name]
    return f"{pair['first']} {_STATES[before]}, {pair['second']} {_STATES[after]}"


def main_pair(pairs: Mapping[str, Any]) -> str | None:
    """The comparison that a reader came for: plain against augmented, else the first arm against the last."""
    if "plain→augmented" in pairs:
        return "plain→augmented"
    names = list(pairs)
    return next((name for name in reversed(names) if pairs[name]["first"] == pairs[names[0]]["first"]), None)


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def percent_interval(figure: Mapping[str, Any], digits: int = 1, dash: bool = False) -> str:
    """ "34.0 to 41.2", or with a dash where room is short; empty where there is none."""
    if figure.get("low") is None or figure.get("high") is None:
        return ""
    return f"{100 * figure['low']:.{digits}f}{'–' if dash else ' to '}{100 * figure['high']:.{digits}f}"


def points(value: float, digits: int = 1) -> str:
    """A difference of shares, in percentage points, with its sign: "+3.0", "−1.2" (a true minus)."""
    text = f"{100 * value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"±{0:.{digits}f}"


def points_interval(figure: Mapping[str, Any]) -> str:
    if figure.get("low") is None:
        return ""
    return f"{points(figure['low'])} to {points(figure['high'])}"


def p_value(p: float) -> str:
    """ "p = 0.012", "p < 0.001", with spaces that don't break."""
    text = "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{1000 * value:.0f} ms" if value < 0.1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def status_words(status: str) -> str:
    """What a status says to a reader."""
    return {
        "no_gold": "no gold answers",
        "no_choices": "no multiple choice",
        "no_claims": "no claims",
        "no_passage": "no gold passage named",
        "unanswerable": "no answerable questions",
        "answerable": "no unanswerable questions",
        "unverifiable": "no evidence to judge by",
        "abstained": "all abstained",
        "unparsed": "no answer could be parsed",
        "none": "not measured",
    }.get(status, status)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def headline_metric(pair: Mapping[str, Any]) -> str | None:
    """What a pair is told by: the rate of hallucination, or, without gold, of unsupported claims."""
    return next((name for name in ("hallucination", "unsupported") if name in pair["differences"]), None)


def pair_sentences(pair: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a pair of arms shows, in plain words: (verdict, sentence), each with its interval, its p-value and its n.

    The verdict is "better", "worse", "unclear" (the interval holds 0) or "" where neither way is better.
    """
    names = [name for name in ("hallucination", "right", "abstained") if name in pair["differences"]]
    sentences = [_change(pair, name) for name in names or ["unsupported"] if name in pair["differences"]]
    share = pair["broken_share"]
    if share["n"]:
        questions = "the question" if share["n"] == 1 else f"the {share['n']:,} questions"
        sentence = (
            f"Of {questions} that {pair['first']} had right, {pair['second']} broke {pair['flips']['broken']:,} "
            f"({percent(share['value'])}; 95% interval {percent_interval(share)}%)."
        )
        sentences.append(("", sentence))
    return [sentence for sentence in sentences if sentence[1]]


def _change(pair: Mapping[str, Any], name: str) -> tuple[str, str]:
    """One difference. Of two arms that never abstain, nothing is said about abstaining."""
    figure = pair["differences"][name]
    if name == "abstained" and figure["first"] == figure["second"] == 0:
        return "", ""
    verdict = _verdict(figure, name)
    verb = "no difference shown, from" if verdict == "unclear" else "up from" if figure["value"] > 0 else "down from"
    p = f"; exact McNemar {p_value(pair[name]['p'])}" if name in pair and verdict else ""
    count = f"n = {figure['n']:,}".replace(" ", "\N{NO-BREAK SPACE}")
    sentence = (
        f"{metric(name).title}: {verb} {percent(figure['first'])} to {percent(figure['second'])}, "
        f"{points(figure['value'])} points (95% interval {points_interval(figure)}{p}; {count})."
    )
    return verdict, sentence


def _verdict(figure: Mapping[str, Any], name: str) -> str:
    direction = metric(name).direction
    if direction == "none":
        return ""
    if figure["low"] <= 0 <= figure["high"]:
        return "unclear"
    return "better" if (figure["value"] > 0) == (direction == "higher") else "worse"
