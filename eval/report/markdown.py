"""The report as Markdown: the same figures and the worst questions, for an issue, a wiki or a diff."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from firmground.eval import wording
from firmground.eval.metrics.normalise import Language

_MOST_SHOWN = 10  # questions, worst first
_SPECIAL = re.compile(r"([\\`*_{}\[\]!|~$^]|^[#+=-]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")
_COLUMNS = ("right", "hallucination", "abstained", "em", "f1", "match", "accuracy", "rouge_l", "bleu", "chrf",
            "unsupported")  # fmt: skip


def report_markdown(values: Mapping[str, Any], language: Language = "en") -> str:
    """What `page_values` made, as Markdown (tables as GitHub's). Texts from rows and models are escaped."""
    say = partial(wording.say, language=language)
    summary, pair = values["summary"], values["pair"]
    arms = values["arms"]
    title = (
        say("What {second} changes over {first}", first=pair["first"], second=pair["second"])
        if pair else say("How {arms} answers", arms=", ".join(arms))
    )  # fmt: skip
    asked = say("{questions}, {arms}. Shares of questions in %, with 95% intervals.",
                questions=wording.plural(summary["counts"]["questions"], "question", language),
                arms=wording.plural(len(arms), "arm", language))  # fmt: skip
    parts = [f"# {escape(title)}", asked, arm_table(summary, language)]
    if values["ablation"]:
        parts += [f"## {say('What each mitigation buys and costs')}", ablation_markdown(values["ablation"], language)]
    if pair:
        parts += [f"## {say('What changed')}", _sentences(pair, language), difference_table(pair, language),
                  flip_table(values["flips"], language)]  # fmt: skip
    for other in values["other_pairs"]:
        against = say("{first} against {second}", first=other["first"], second=other["second"])
        parts += [f"### {escape(against)}", _sentences(other, language), difference_table(other, language)]
    for kind, heading, groups in values["breakdowns"]:
        parts += [f"## {escape(heading)}", _breakdown(kind, groups, arms, language)]
    parts += [*_calibration(summary, language), *_planted_and_labels(summary, language)]
    parts += [f"## {say('Cost')}", cost_table(summary, language), values["memory"]]
    if values["failures"]:
        lines = [f"- {escape(arm)}: {escape(what)}" for arm, what in values["failures"]]
        parts += [f"## {say('Counted apart, in none of the rates')}", "\n".join(lines)]
    parts += _questions(values["questions"], language)
    command = values["manifest"].get("command")
    if command:
        parts += [f"## {say('Do it again')}", _fenced(command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: Any) -> str:
    """A text that Markdown shows as it stands: no HTML, no link, no table cell of its own, on one line."""
    line = " ".join(str(text).split())
    line = re.sub(r"&(?=[#\w])", "&amp;", line)
    line = re.sub(r"<(?=\S)", "&lt;", line)
    line = re.sub(r"^>", "&gt;", line)
    return _SPECIAL.sub(r"\\\1", line).replace("://", ":\u200b//").replace("www.", "www\u200b.").replace("@", "@\u200b")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; the first column is text, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def arm_table(summary: Mapping[str, Any], language: Language = "en") -> str:
    names = [name for name in _COLUMNS if any(arm.get(name, {}).get("n") for arm in summary["arms"].values())]
    titles = [escape(wording.worded(name, language).title) for name in names]
    header = [wording.say("Arm", language), *titles, "n", wording.say("seconds", language)]
    rows = []
    for arm, figures in summary["arms"].items():
        cells = [_figure(figures.get(name)) for name in names]
        count = max((figures[name]["n"] for name in names if name in figures), default=0)
        rows.append([escape(arm), *cells, f"{count:,}", _seconds(summary["cost"][arm]["seconds"]["value"])])
    return table(header, rows)


def difference_table(pair: Mapping[str, Any], language: Language = "en") -> str:
    """The paired differences that were tested, with raw and adjusted p-values."""
    rows = [
        [
            escape(wording.worded(name, language).title),
            wording.percent(figure["first"]),
            wording.percent(figure["second"]),
            f"{wording.points(figure['value'])} [{wording.points_interval(figure, language)}]",
            wording.p_number(figure["p"]),
            wording.p_number(figure.get("p_holm")),
            f"{figure['n']:,}",
        ]
        for name, figure in pair["differences"].items()
        if figure.get("p") is not None
    ]
    figure, points = (wording.say(word, language) for word in ("Figure", "points"))
    header = [figure, escape(pair["first"]), escape(pair["second"]), points, "p", "p (Holm)", "n"]
    return table(header, rows) if rows else ""


def flip_table(flips: Sequence[Mapping[str, Any]], language: Language = "en") -> str:
    rows = [
        [escape(f"{flip['title']} ({flip['meaning']})"), f"{flip['count']:,}", wording.percent(flip["share"])]
        for flip in flips
        if flip["count"]
    ]
    return table([wording.say(word, language) for word in ("Outcome", "Questions", "share")], rows) if rows else ""


def cost_table(summary: Mapping[str, Any], language: Language = "en") -> str:
    rows = []
    for arm, cost in summary["cost"].items():
        latency = cost.get("latency", {})
        tokens = [cost[name]["value"] for name in ("prompt_tokens", "completion_tokens")]
        rows.append(
            [
                escape(arm),
                *(_seconds(value) for value in (cost["seconds"]["value"], latency.get("p50"), latency.get("p95"))),
                *("–" if value is None else f"{value:.0f}" for value in tokens),
            ]
        )
    header = ("Arm", "mean seconds", "median", "95th percentile", "tokens in", "tokens out")
    return table([wording.say(word, language) for word in header], rows)


def ablation_markdown(ablation: Mapping[str, Any], language: Language = "en") -> str:
    """The ablation's table, best effect per second first."""
    say = partial(wording.say, language=language)
    rows = [
        [
            escape(f"{row['mitigation']}: {say(row['meaning'])}"),
            escape(say(row["where"])),
            f"{wording.points(row['effect']['value'])} [{wording.points_interval(row['effect'], language)}]"
            if row["effect"]["value"] is not None
            else "–",
            wording.p_number(row["effect"].get("p_holm")),
            wording.signed_seconds(row["seconds"]["value"], language),
            wording.signed_count(row["tokens"]["value"]),
            wording.per_second(row, language),
        ]
        for row in ablation["rows"]
    ]
    effect = say("{title}, points", title=wording.worded(ablation["metric"], language).title)
    header = [say("Mitigation"), say("measured"), escape(effect), "p (Holm)", say("time"), say("tokens"),
              say("points a second")]  # fmt: skip
    return table(header, rows)


def _breakdown(kind: str, groups: Mapping[str, Any], arms: Sequence[str], language: Language) -> str:
    shown = ("right", "hallucination", "coverage")
    titles = [f"{escape(arm)} {escape(wording.worded(name, language).title)}" for arm in arms for name in shown]
    rows = []
    for group, by_arm in groups.items():
        cells = [_figure(by_arm[arm][name]) for arm in arms for name in shown]
        rows.append([escape(wording.group_name(group, language)), f"{by_arm[arms[0]]['right']['n']:,}", *cells])
    return table([kind, "n", *titles], rows)


def _calibration(summary: Mapping[str, Any], language: Language) -> list[str]:
    rows = [
        [escape(arm), wording.percent(figure["confidence"]), wording.percent(figure["right"]),
         *(f"{figure[name]:.3f}" for name in ("ece", "brier", "aurc")), f"{figure['n']:,}"]
        for arm, figure in summary["calibration"].items()
    ]  # fmt: skip
    arm, sure, right, area = (wording.say(word, language) for word in ("Arm", "sure of", "right", "area ↓"))
    header = [arm, sure, right, "ECE ↓", "Brier ↓", area, "n"]
    return [f"## {wording.say('Confidence', language)}", table(header, rows)] if rows else []


def _planted_and_labels(summary: Mapping[str, Any], language: Language) -> list[str]:
    parts = []
    arm, share = (wording.say(word, language) for word in ("Arm", "share"))
    if summary["planted"]:
        rows = [[escape(name), _figure(figure), f"{figure['n']:,}"] for name, figure in summary["planted"].items()]
        parts += [f"## {wording.say('Followed the planted answer', language)}", table([arm, share, "n"], rows)]
    if summary["labels"]:
        shown = ("f1", "precision", "recall")
        rows = [
            [escape(name), *(wording.percent(figure[one]) for one in shown), f"{figure['n']:,}"]
            for name, figure in summary["labels"].items()
        ]
        titles = [wording.worded(f"macro_{one}", language).title for one in shown]
        parts += [f"## {wording.say('Labels', language)}", table([arm, *titles, "n"], rows)]
    return parts


def _questions(questions: Sequence[Mapping[str, Any]], language: Language) -> list[str]:
    """The first questions that are shown, which are the worst."""
    say = partial(wording.say, language=language)
    lines = []
    for question in questions[:_MOST_SHOWN]:
        gold = " / ".join(question["gold"]) if question["answerable"] else say("none: declining is right")
        told = say("({title}; gold: {gold})", title=question["title"], gold=gold)
        lines.append(f"- **{escape(question['question'])}** {escape(told)}")
        for answer in question["answers"]:
            text = answer["error"] or "".join(piece["text"] for piece in answer["pieces"])
            state = say("answered" if answer["state"] == "untold" else answer["state"])
            lines.append(f"  - {say('{arm}, {state}: ', arm=escape(answer['arm']), state=state)}{escape(text)}")
    return [f"## {say('Worst first')}", "\n".join(lines)] if lines else []


def _sentences(pair: Mapping[str, Any], language: Language) -> str:
    return "\n".join(f"- {escape(sentence)}" for _, sentence in wording.pair_sentences(pair, language))


def _figure(figure: Mapping[str, Any] | None) -> str:
    if not figure or figure["value"] is None:
        return "–"
    return f"{100 * figure['value']:.1f} [{wording.percent_interval(figure, dash=True)}]"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _fenced(text: str) -> str:
    """A block of code; the fence is longer than any in the text."""
    fence = "`" * (max([2, *(len(run) for run in re.findall("`+", text))]) + 1)
    return f"{fence}\n{text}\n{fence}"
