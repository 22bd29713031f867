"""The report as Markdown: the same figures and the worst questions, for an issue, a wiki or a diff."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firmground.eval import wording

_MOST_SHOWN = 10  # questions, worst first
_SPECIAL = re.compile(r"([\\`*_{}\[\]!|~$^]|^[#+=-]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")
_COLUMNS = ("right", "hallucination", "abstained", "em", "f1", "match", "accuracy", "rouge_l", "bleu", "chrf",
            "unsupported")  # fmt: skip


def report_markdown(values: Mapping[str, Any]) -> str:
    """What `page_values` made, as Markdown (tables as GitHub's). Texts from rows and models are escaped."""
    summary, pair = values["summary"], values["pair"]
    arms = values["arms"]
    title = f"What {pair['second']} changes over {pair['first']}" if pair else f"How {', '.join(arms)} answers"
    asked = f"{wording.plural(summary['counts']['questions'], 'question')}, {wording.plural(len(arms), 'arm')}"
    parts = [f"# {escape(title)}", f"{asked}. Shares of questions in %, with 95% intervals.", arm_table(summary)]
    if values["ablation"]:
        parts += ["## What each mitigation buys and costs", ablation_markdown(values["ablation"])]
    if pair:
        parts += ["## What changed", _sentences(pair), difference_table(pair), flip_table(values["flips"])]
    for other in values["other_pairs"]:
        parts += [f"### {escape(other['first'])} against {escape(other['second'])}", _sentences(other),
                  difference_table(other)]  # fmt: skip
    for name, groups in values["breakdowns"]:
        parts += [f"## By {name.lower()}", _breakdown(name, groups, arms)]
    parts += _calibration(summary)
    parts += _planted_and_labels(summary)
    parts += ["## Cost", cost_table(summary), values["memory"]]
    if values["failures"]:
        parts += ["## Counted apart", "\n".join(f"- {escape(arm)}: {escape(what)}" for arm, what in values["failures"])]
    parts += _questions(values["questions"])
    command = values["manifest"].get("command")
    if command:
        parts += ["## Do it again", _fenced(command)]
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


def arm_table(summary: Mapping[str, Any]) -> str:
    names = [name for name in _COLUMNS if any(arm.get(name, {}).get("n") for arm in summary["arms"].values())]
    header = ["arm", *(escape(wording.metric(name).title) for name in names), "n", "s"]
    rows = []
    for arm, figures in summary["arms"].items():
        cells = [_figure(figures.get(name)) for name in names]
        count = max((figures[name]["n"] for name in names if name in figures), default=0)
        rows.append([escape(arm), *cells, f"{count:,}", _seconds(summary["cost"][arm]["seconds"]["value"])])
    return table(header, rows)


def difference_table(pair: Mapping[str, Any]) -> str:
    """The paired differences that were tested, with raw and adjusted p-values."""
    rows = [
        [
            escape(wording.metric(name).title),
            wording.percent(figure["first"]),
            wording.percent(figure["second"]),
            f"{wording.points(figure['value'])} [{wording.points_interval(figure)}]",
            wording.p_number(figure["p"]),
            wording.p_number(figure.get("p_holm")),
            f"{figure['n']:,}",
        ]
        for name, figure in pair["differences"].items()
        if figure.get("p") is not None
    ]
    header = ["figure", escape(pair["first"]), escape(pair["second"]), "points", "p", "p (Holm)", "n"]
    return table(header, rows) if rows else ""


def flip_table(flips: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [escape(f"{flip['title']} ({flip['meaning']})"), f"{flip['count']:,}", wording.percent(flip["share"])]
        for flip in flips
        if flip["count"]
    ]
    return table(["questions", "count", "share"], rows) if rows else ""


def cost_table(summary: Mapping[str, Any]) -> str:
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
    return table(["arm", "mean s", "p50", "p95", "tokens in", "tokens out"], rows)


def ablation_markdown(ablation: Mapping[str, Any]) -> str:
    """The ablation's table, best effect per second first."""
    rows = [
        [
            escape(f"{row['mitigation']}: {row['meaning']}"),
            escape(row["where"]),
            f"{wording.points(row['effect']['value'])} [{wording.points_interval(row['effect'])}]"
            if row["effect"]["value"] is not None
            else "–",
            wording.p_number(row["effect"].get("p_holm")),
            wording.signed_seconds(row["seconds"]["value"]),
            wording.signed_count(row["tokens"]["value"]),
            wording.per_second(row),
        ]
        for row in ablation["rows"]
    ]
    header = ["mitigation", "measured", f"{escape(ablation['title'])}, points", "p (Holm)", "s", "tokens", "points/s"]
    return table(header, rows)


def _breakdown(name: str, groups: Mapping[str, Any], arms: Sequence[str]) -> str:
    header = [
        name.lower(),
        "n",
        *(f"{escape(arm)} {what}" for arm in arms for what in ("right", "hallucinated", "coverage")),
    ]
    rows = []
    for group, by_arm in groups.items():
        cells = [_figure(by_arm[arm][what]) for arm in arms for what in ("right", "hallucination", "coverage")]
        rows.append([escape(group), f"{by_arm[arms[0]]['right']['n']:,}", *cells])
    return table(header, rows)


def _calibration(summary: Mapping[str, Any]) -> list[str]:
    rows = [
        [escape(arm), wording.percent(figure["confidence"]), wording.percent(figure["right"]),
         *(f"{figure[name]:.3f}" for name in ("ece", "brier", "aurc")), f"{figure['n']:,}"]
        for arm, figure in summary["calibration"].items()
    ]  # fmt: skip
    header = ["arm", "mean confidence", "right", "ECE", "Brier", "area under risk–coverage", "n"]
    return ["## Confidence", table(header, rows)] if rows else []


def _planted_and_labels(summary: Mapping[str, Any]) -> list[str]:
    parts = []
    if summary["planted"]:
        rows = [[escape(arm), _figure(figure), f"{figure['n']:,}"] for arm, figure in summary["planted"].items()]
        parts += ["## Followed the planted answer", table(["arm", "share", "n"], rows)]
    if summary["labels"]:
        rows = [
            [
                escape(arm),
                *(wording.percent(figure[name]) for name in ("f1", "precision", "recall")),
                f"{figure['n']:,}",
            ]
            for arm, figure in summary["labels"].items()
        ]
        parts += ["## Labels", table(["arm", "macro-F1", "precision", "recall", "n"], rows)]
    return parts


def _questions(questions: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first questions that are shown, which are the worst."""
    lines = []
    for question in questions[:_MOST_SHOWN]:
        gold = " / ".join(question["gold"]) if question["answerable"] else "none: declining is right"
        lines.append(
            f"- **{escape(question['question'])}** ({question['flip'].replace('_', ' ')}; gold: {escape(gold)})"
        )
        for answer in question["answers"]:
            text = answer["error"] or "".join(piece["text"] for piece in answer["pieces"])
            lines.append(f"  - {escape(answer['arm'])}, {answer['state']}: {escape(text)}")
    return ["## Worst first", "\n".join(lines)] if lines else []


def _sentences(pair: Mapping[str, Any]) -> str:
    return "\n".join(f"- {escape(sentence)}" for _, sentence in wording.pair_sentences(pair))


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
