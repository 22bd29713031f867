"""Figures in words: what the report and the terminal both say about a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmground.eval.evidence import STATUSES
from firmground.eval.metrics.answers import metric
from firmground.eval.summary.flips import FLIPS

NBSP = "\N{NO-BREAK SPACE}"

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
    return text.replace(" ", NBSP)


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
        "unparsed": "names no choice, or several",
        "tied": "two choices equally likely",
        "no_citations": "no citations",
        "no_prior": "no prior of the choices",
        "other_task": "another kind of task",
        "none": "not measured",
    }.get(status, status)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def headline_metric(pair: Mapping[str, Any]) -> str | None:
    """What a pair is told by: the rate of hallucination, or, without gold, of unsupported claims."""
    return next((name for name in ("hallucination", "unsupported") if name in pair["differences"]), None)


def pair_sentences(pair: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a pair of arms shows, in plain words: (verdict, sentence), each with its interval, its p-value and its n.

    The verdict is "better", "worse", "unclear" (nothing is shown) or "" where neither way is better.
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
    sentences += [_harm(pair), _smallest(pair)]
    return [sentence for sentence in sentences if sentence[1]]


def _change(pair: Mapping[str, Any], name: str) -> tuple[str, str]:
    """One difference. Of two arms that never abstain, nothing is said about abstaining."""
    figure = pair["differences"][name]
    if name == "abstained" and figure["first"] == figure["second"] == 0:
        return "", ""
    verdict = difference_verdict(figure, name)
    verb = "up from" if figure["value"] > 0 else "down from"
    if verdict == "unclear" or figure["value"] == 0:
        verb = "no difference shown, from" if verdict else "the same share, from"
    p = f"; {p_text(figure)}" if p_text(figure) else ""
    count = f"n = {figure['n']:,}".replace(" ", "\N{NO-BREAK SPACE}")
    sentence = (
        f"{metric(name).title}: {verb} {percent(figure['first'])} to {percent(figure['second'])}, "
        f"{points(figure['value'])} points (95% interval {points_interval(figure)}{p}; {count})."
    )
    return verdict, sentence


def p_text(figure: Mapping[str, Any]) -> str:
    """ "p = 0.012", and what Holm's adjustment makes of it where that is another; empty where nothing was tested."""
    p, adjusted = figure.get("p"), figure.get("p_holm")
    if p is None:
        return ""
    if adjusted is None or p_value(adjusted) == p_value(p):
        return p_value(p)
    return f"{p_value(p)}, {p_value(adjusted).removeprefix('p').strip(NBSP + '= ')}{NBSP}by{NBSP}Holm"


def difference_verdict(figure: Mapping[str, Any], name: str) -> str:
    """ "better" or "worse" where the interval leaves 0 out and the adjusted p-value is at most 5%; else "unclear"."""
    direction = metric(name).direction
    if direction == "none":
        return ""
    if figure["low"] <= 0 <= figure["high"] or (figure.get("p_holm") or 0) > 0.05:
        return "unclear"
    return "better" if (figure["value"] > 0) == (direction == "higher") else "worse"


def _harm(pair: Mapping[str, Any]) -> tuple[str, str]:
    """Whether right answers were lost, beyond a margin that is no harm."""
    harm = pair.get("harm")
    if not harm or harm["low"] is None:
        return "", ""
    margin, low, high = f"{100 * harm['margin']:.0f} points", points(harm["low"]), points(harm["high"])
    interval = f"(90% interval of the change {low} to {high})"
    if harm["verdict"] == "equivalent":
        return "better", f"Did no harm: right answers stay within {margin} either way {interval}."
    if harm["no_harm"]:
        return "better", f"Did no harm: right answers are not down by as much as {margin} {interval}."
    if harm["verdict"] == "worse":
        return "worse", f"Did harm: right answers are down, and a loss of {margin} or more isn't excluded {interval}."
    return "unclear", f"Harm isn't excluded: right answers may be down by {margin} or more {interval}."


def _smallest(pair: Mapping[str, Any]) -> tuple[str, str]:
    """What so many questions could have shown at all."""
    name = headline_metric(pair)
    figure = pair["differences"].get("right" if name == "hallucination" else name or "", {})
    effect = figure.get("smallest_effect")
    if effect is None:
        return "", ""
    what = "right answers" if name == "hallucination" else "unsupported claims"
    return "", (f"So many questions show, 8 times in 10, a true change of {what} from {100 * effect:.1f} points on; a "
                "smaller one may go unseen.")  # fmt: skip


def p_number(p: float | None) -> str:
    """ "0.012", "< 0.001", "–" where nothing was tested."""
    return "–" if p is None else p_value(p).removeprefix("p").strip(f"{NBSP}= ").replace(NBSP, " ")


def per_second(row: Mapping[str, Any]) -> str:
    """What a row of an ablation buys by a second, in points; or in words, where it costs no time."""
    if row["per_second"] is not None:
        return points(row["per_second"])
    cost = row["seconds"]
    saves = cost["value"] is not None and cost["value"] < 0 and (cost["high"] is None or cost["high"] < 0)
    return "saves time" if saves else "costs no time"


def memory_sentence(memory: Mapping[str, int] | None) -> str:
    """ "Peak memory: 1.9 GiB, on the GPU 3.2 GiB.", or nothing where it isn't known."""
    if not memory:
        return ""
    gpu = f", on the GPU {_bytes(memory['peak_gpu_bytes'])}" if memory.get("peak_gpu_bytes") else ""
    return f"Peak memory: {_bytes(memory['peak_bytes'])}{gpu}."


def _bytes(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def signed_seconds(value: float | None) -> str:
    """A difference of times: "+0.25 s", "−12 ms"."""
    return "–" if value is None else f"{'−' if value < 0 else '+'}{seconds(abs(value))}"


# (metric, status): what is left out of that metric's figure, and told beside it.
_APART = (
    ("accuracy", "unparsed"), ("accuracy", "tied"), ("unsupported", "no_claims"), ("unsupported", "unverifiable"),
)  # fmt: skip


def failure_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(arm, what is counted apart) for every arm of which something failed, couldn't be read, or made no claim."""
    lines = []
    for arm in summary["arms"]:
        errors = summary["counts"]["error_kinds"].get(arm, {})
        parts = [_failed(kind, count) for kind, count in errors.items()]
        statuses = summary["counts"]["statuses"].get(arm, {})
        for name, status in _APART:
            count = statuses.get(name, {}).get(status)
            if count:
                parts.append(f"{plural(count, 'answer')}: {status_words(status)} ({metric(name).title})")
        lines += [(arm, "; ".join(parts))] if parts else []
    return lines


def failed_answers(summary: Mapping[str, Any]) -> dict[str, int]:
    """{arm: answers that failed}, of arms that have any: those that the same command tries again."""
    return {arm: count for arm, count in summary["counts"]["errors"].items() if count}


def signed_count(value: float | None) -> str:
    """A difference of counts: "+279", "−12"."""
    return "–" if value is None else f"{value:+.0f}".replace("-", "−")


def _failed(kind: str, count: int) -> str:
    """What became of answers that there are none of: no evidence of that kind could be made, or an exception's name."""
    if kind in STATUSES:
        return f"{plural(count, 'question')} for which no such evidence can be made ({kind})"
    return f"{plural(count, 'answer')} failed ({kind})"
