"""Figures in words: what the report and the terminal both say about a comparison, in English and in Chinese.

English stands where it is said, here and in the templates of `report/`; `wording_zh` holds what Chinese says for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

from firmground.eval.evidence import STATUSES
from firmground.eval.metrics.answers import Metric, metric
from firmground.eval.metrics.normalise import Language
from firmground.eval.summary.flips import FLIPS
from firmground.eval.wording_zh import COUNTED, ZH
from firmground.eval.wording_zh_metrics import METRICS_ZH

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
    "failed": "Failed",
    "untold": "Without gold answers",
}
STATUS_WORDS = {
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
}


def say(message: str, language: Language = "en", **values: object) -> str:
    """A message in a language, with `values` filled in."""
    return unfilled(message, language).format(**values)


def unfilled(message: str, language: Language) -> str:
    """A message as it stands in the table. What Chinese has no words for is said in English."""
    return ZH.get(message, message) if language == "zh" else message


def words_for(language: Language) -> SimpleNamespace:
    """What a template says words by: the functions here, in one language."""
    spoken = (
        say, plural, percent_interval, points_interval, seconds, signed_seconds, status_words, flip_title, flip_meaning,
        pair_sentences, per_second, worded, setting_name, group_name,
    )  # fmt: skip
    plain = (points, p_value, p_number, signed_count, difference_verdict, failed_answers)
    functions = {one.__name__: partial(one, language=language) for one in spoken}
    return SimpleNamespace(**functions, **{one.__name__: one for one in plain}, FLIP_ORDER=FLIP_ORDER)


def worded(name: str, language: Language = "en") -> Metric:
    """A metric with its title, definition and source in a language."""
    noun = metric(name)
    kind, _, k = name.partition("@")
    told = METRICS_ZH.get(kind) if language == "zh" else None
    if told is None:
        return noun
    title, definition, source = (text.format(k=k) for text in told)
    return replace(noun, title=title, definition=definition, source=source)


def flip_title(name: str, pair: Mapping[str, Any], language: Language = "en") -> str:
    return say(FLIP_TITLES[name], language, first=pair["first"], second=pair["second"])


def flip_meaning(name: str, pair: Mapping[str, Any], language: Language = "en") -> str:
    """ "plain right, augmented hallucinated"."""
    before, after = (say(one, language) for one in FLIPS[name])
    message = "{first} {before}, {second} {after}"
    return say(message, language, first=pair["first"], before=before, second=pair["second"], after=after)


def main_pair(pairs: Mapping[str, Any]) -> str | None:
    """The comparison that a reader came for: plain against augmented, else the first arm against the last."""
    if "plain→augmented" in pairs:
        return "plain→augmented"
    names = list(pairs)
    return next((name for name in reversed(names) if pairs[name]["first"] == pairs[names[0]]["first"]), None)


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def percent_interval(figure: Mapping[str, Any], digits: int = 1, dash: bool = False, language: Language = "en") -> str:
    """ "34.0 to 41.2", or with a dash where room is short; empty where there is none."""
    if figure.get("low") is None or figure.get("high") is None:
        return ""
    low, high = (f"{100 * figure[end]:.{digits}f}" for end in ("low", "high"))
    return f"{low}–{high}" if dash else say("{low} to {high}", language, low=low, high=high)


def points(value: float, digits: int = 1) -> str:
    """A difference of shares, in percentage points, with its sign: "+3.0", "−1.2" (a true minus)."""
    text = f"{100 * value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"±{0:.{digits}f}"


def points_interval(figure: Mapping[str, Any], language: Language = "en") -> str:
    if figure.get("low") is None:
        return ""
    return say("{low} to {high}", language, low=points(figure["low"]), high=points(figure["high"]))


def p_value(p: float) -> str:
    """ "p = 0.012", "p < 0.001", with spaces that don't break."""
    text = "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
    return text.replace(" ", NBSP)


def seconds(value: float | None, language: Language = "en") -> str:
    if value is None:
        return "–"
    if value < 0.1:
        return say("{value} ms", language, value=f"{1000 * value:.0f}")
    return say("{value} s", language, value=f"{value:.2f}" if value < 10 else f"{value:.1f}")


def status_words(status: str, language: Language = "en") -> str:
    """What a status says to a reader."""
    return say(STATUS_WORDS[status], language) if status in STATUS_WORDS else status


def plural(count: int, noun: str, language: Language = "en") -> str:
    """ "1 question", "1,200 questions", "1,200 个问题"."""
    if language == "zh":
        return f"{count:,} {COUNTED[noun]}"
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def setting_name(name: str, language: Language = "en") -> str:
    """What a manifest's entry is called: "knowledge encoder name", "arm plain num passages"."""
    kind, _, rest = name.partition(" ")
    if language == "en" or name in ZH or kind not in ("arm", "versions"):
        return say(name, language)
    return f"{say(kind, language)} {rest}"


def group_name(name: str, language: Language = "en") -> str:
    """What a group of questions is called: a language, or a category as its row names it."""
    if language == "zh" and name in ZH:
        return ZH[name]
    return {"en": "English", "zh": "Chinese"}.get(name, name).replace("_", " ")


def headline_metric(pair: Mapping[str, Any]) -> str | None:
    """What a pair is told by: the rate of hallucination, or, without gold, of unsupported claims."""
    return next((name for name in ("hallucination", "unsupported") if name in pair["differences"]), None)


def pair_sentences(pair: Mapping[str, Any], language: Language = "en") -> list[tuple[str, str]]:
    """What a pair of arms shows, in plain words: (verdict, sentence), each with its interval, its p-value and its n.

    The verdict is "better", "worse", "unclear" (nothing is shown) or "" where neither way is better.
    """
    names = [name for name in ("hallucination", "right", "abstained") if name in pair["differences"]]
    told = [name for name in names or ["unsupported"] if name in pair["differences"]]
    sentences = [_change(pair, name, language) for name in told]
    sentences += [_broken(pair, language), _harm(pair, language), _smallest(pair, language)]
    return [sentence for sentence in sentences if sentence[1]]


def _change(pair: Mapping[str, Any], name: str, language: Language) -> tuple[str, str]:
    """One difference. Of two arms that never abstain, nothing is said about abstaining."""
    figure = pair["differences"][name]
    if name == "abstained" and figure["first"] == figure["second"] == 0:
        return "", ""
    verdict = difference_verdict(figure, name)
    if verdict == "unclear" or figure["value"] == 0:
        verb = _not_shown(figure) if verdict else "the same share, from {first} to {second}"
    else:
        verb = "up from {first} to {second}" if figure["value"] > 0 else "down from {first} to {second}"
    p = p_text(figure, language)
    sentence = say(
        "{title}: {change}, {points} points (95% interval {interval}{p}; {n}).", language,
        title=worded(name, language).title,
        change=say(verb, language, first=percent(figure["first"]), second=percent(figure["second"])),
        points=points(figure["value"]), interval=points_interval(figure, language),
        p=say("; {p}", language, p=p) if p else "", n=f"n = {figure['n']:,}".replace(" ", NBSP),
    )  # fmt: skip
    return verdict, sentence


def _not_shown(figure: Mapping[str, Any]) -> str:
    """That nothing is shown; and by what, where interval and test don't agree (the rule is `difference_verdict`'s)."""
    apart, p = not figure["low"] <= 0 <= figure["high"], figure.get("p_holm")
    if apart and p is not None:
        if figure.get("p") is not None and figure["p"] <= 0.05:
            return "no difference shown by the test (p above 0.05 by Holm), from {first} to {second}"
        return "no difference shown by the test (p above 0.05), from {first} to {second}"
    if not apart and p is not None and p <= 0.05:
        return "no difference shown (the interval holds 0), from {first} to {second}"
    return "no difference shown, from {first} to {second}"


def _broken(pair: Mapping[str, Any], language: Language) -> tuple[str, str]:
    """The share of what the first arm had right that the second broke."""
    share = pair["broken_share"]
    if not share["n"]:
        return "", ""
    count = plural(share["n"], "question", language)
    questions = say("the question", language) if share["n"] == 1 else say("the {questions}", language, questions=count)
    return "", say(
        "Of {questions} that {first} had right, {second} broke {count} ({share}; 95% interval {interval}%).", language,
        questions=questions,
        first=pair["first"], second=pair["second"], count=f"{pair['flips']['broken']:,}",
        share=percent(share["value"]), interval=percent_interval(share, language=language),
    )  # fmt: skip


def p_text(figure: Mapping[str, Any], language: Language = "en") -> str:
    """ "p = 0.012", and what Holm's adjustment makes of it where that is another; empty where nothing was tested."""
    p, adjusted = figure.get("p"), figure.get("p_holm")
    if p is None:
        return ""
    if adjusted is None or p_value(adjusted) == p_value(p):
        return p_value(p)
    number = p_value(adjusted).removeprefix("p").strip(NBSP + "= ")
    return p_value(p) + say(", {p}\u00a0by\u00a0Holm", language, p=number)


def difference_verdict(figure: Mapping[str, Any], name: str) -> str:
    """ "better" or "worse" where the interval leaves 0 out and the adjusted p-value is at most 5%; else "unclear"."""
    direction = metric(name).direction
    if direction == "none":
        return ""
    if figure["low"] <= 0 <= figure["high"] or (figure.get("p_holm") or 0) > 0.05:
        return "unclear"
    return "better" if (figure["value"] > 0) == (direction == "higher") else "worse"


def _harm(pair: Mapping[str, Any], language: Language) -> tuple[str, str]:
    """Whether right answers were lost, beyond a margin that is no harm."""
    harm = pair.get("harm")
    if not harm or harm["low"] is None:
        return "", ""
    if harm["verdict"] == "equivalent":
        verdict, message = "better", "Did no harm: right answers stay within {margin} points either way {interval}."
    elif harm["no_harm"]:
        verdict, message = "better", "Did no harm: right answers are not down by as much as {margin} points {interval}."
    elif harm["verdict"] == "worse":
        verdict = "worse"
        message = "Did harm: right answers are down, and a loss of {margin} points or more isn't excluded {interval}."
    else:
        verdict = "unclear"
        message = "Harm isn't excluded: right answers may be down by {margin} points or more {interval}."
    low, high = points(harm["low"]), points(harm["high"])
    interval = say("(90% interval of the change {low} to {high})", language, low=low, high=high)
    return verdict, say(message, language, margin=f"{100 * harm['margin']:.0f}", interval=interval)


def _smallest(pair: Mapping[str, Any], language: Language) -> tuple[str, str]:
    """What so many questions could have shown at all."""
    name = headline_metric(pair)
    figure = pair["differences"].get("right" if name == "hallucination" else name or "", {})
    effect = figure.get("smallest_effect")
    if effect is None:
        return "", ""
    return "", say(
        "So many questions show, 8 times in 10, a true change of {what} from {points} points on; a smaller one may go "
        "unseen.", language, points=f"{100 * effect:.1f}",
        what=say("right answers", language) if name == "hallucination" else say("unsupported claims", language),
    )  # fmt: skip


def p_number(p: float | None) -> str:
    """ "0.012", "< 0.001", "–" where nothing was tested."""
    return "–" if p is None else p_value(p).removeprefix("p").strip(f"{NBSP}= ").replace(NBSP, " ")


def per_second(row: Mapping[str, Any], language: Language = "en") -> str:
    """What a row of an ablation buys by a second, in points; or in words, where it costs no time."""
    if row["per_second"] is not None:
        return points(row["per_second"])
    cost = row["seconds"]
    saves = cost["value"] is not None and cost["value"] < 0 and (cost["high"] is None or cost["high"] < 0)
    return say("saves time", language) if saves else say("costs no time", language)


def memory_sentence(memory: Mapping[str, int] | None, language: Language = "en") -> str:
    """ "Peak memory: 1.9 GiB, on the GPU 3.2 GiB.", or nothing where it isn't known."""
    if not memory:
        return ""
    peak = _bytes(memory["peak_bytes"])
    if not memory.get("peak_gpu_bytes"):
        return say("Peak memory: {peak}.", language, peak=peak)
    return say("Peak memory: {peak}, on the GPU {gpu}.", language, peak=peak, gpu=_bytes(memory["peak_gpu_bytes"]))


def _bytes(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def signed_seconds(value: float | None, language: Language = "en") -> str:
    """A difference of times: "+0.25 s", "−12 ms"."""
    return "–" if value is None else f"{'−' if value < 0 else '+'}{seconds(abs(value), language)}"


# (metric, status): what is left out of that metric's figure, and told beside it.
_APART = (
    ("accuracy", "unparsed"), ("accuracy", "tied"), ("unsupported", "no_claims"), ("unsupported", "unverifiable"),
)  # fmt: skip


def failure_lines(summary: Mapping[str, Any], language: Language = "en") -> list[tuple[str, str]]:
    """(arm, what is counted apart) for every arm of which something failed, couldn't be read, or made no claim."""
    lines = []
    for arm in summary["arms"]:
        errors = summary["counts"]["error_kinds"].get(arm, {})
        parts = [_failed(kind, count, language) for kind, count in errors.items()]
        statuses = summary["counts"]["statuses"].get(arm, {})
        for name, status in _APART:
            count = statuses.get(name, {}).get(status)
            if count:
                answers, title = plural(count, "answer", language), worded(name, language).title
                why = status_words(status, language)
                parts.append(say("{answers}: {why} ({title})", language, answers=answers, why=why, title=title))
        lines += [(arm, say("; ", language).join(parts))] if parts else []
    return lines


def failed_answers(summary: Mapping[str, Any]) -> dict[str, int]:
    """{arm: answers that failed}, of arms that have any: those that the same command tries again."""
    return {arm: count for arm, count in summary["counts"]["errors"].items() if count}


def signed_count(value: float | None) -> str:
    """A difference of counts: "+279", "−12"."""
    return "–" if value is None else f"{value:+.0f}".replace("-", "−")


def _failed(kind: str, count: int, language: Language) -> str:
    """What became of answers that there are none of: no evidence of that kind could be made, or an exception's name."""
    if kind in STATUSES:
        questions = plural(count, "question", language)
        message = "{questions} for which no such evidence can be made ({kind})"
        return say(message, language, questions=questions, kind=kind)
    return say("{answers} failed ({kind})", language, answers=plural(count, "answer", language), kind=kind)
