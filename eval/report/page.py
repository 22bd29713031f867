"""What the report's template shows: values in the order in which they are read, made from rows and summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from firmground.eval import wording
from firmground.eval.metrics.answers import Metric, metric
from firmground.eval.metrics.normalise import Language
from firmground.eval.report.question import MARKS, question_view
from firmground.eval.summary.figures import FLIPS, Summary, flip, state
from firmground.eval.summary.pairs import ordered
from firmground.eval.types import Outcome
from firmground.rag.explain.tokens import UNSURE

MOST_QUESTIONS = 300  # shown one by one; the figures are always of all
_MOST_ANSWERS = 1500  # of many arms, fewer questions are shown
_CHARTED = (
    "right", "hallucination", "f1", "em", "match", "accuracy", "rouge_l", "unsupported", "citation_precision",
    "citation_recall", "declined_rightly",
)  # fmt: skip
_MOST_CHARTED_ARMS = 8
_CURVE = (300, 200)  # width and height of the risk–coverage plot, in its own units


def page_values(
    manifest: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    summary: Summary,
    most_questions: int = MOST_QUESTIONS,
    ablation: Mapping[str, Any] | None = None,
    memory: Mapping[str, int] | None = None,
    reasons: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    language: Language = "en",
    whole: Callable[[Sequence[Outcome]], Sequence[Outcome]] | None = None,
) -> dict[str, Any]:
    """The values of `report.html` and `report.md`, what they say in a language.

    `ablation`: what `ablate` left, where the run is one; `memory`: the most bytes that the run held, {"peak_bytes": …,
    "peak_gpu_bytes": …}; `reasons`: what some answers rest on, by (question's id, arm) (`read_reasons`).
    `whole`: a question's whole rows, of a question that is shown, where `outcomes` are an outline (`Browsed`).
    """
    pair_name = wording.main_pair(summary["pairs"])
    pair = summary["pairs"][pair_name] if pair_name else None
    arms = list(summary["arms"])
    groups = _grouped(manifest, outcomes, pair)
    shown = _chosen(groups, min(most_questions, max(1, _MOST_ANSWERS // max(1, len(arms)))))
    weighing = {arm["name"]: arm.get("choose", "") for arm in manifest.get("arms", ())}
    models = _models(manifest.get("assistant") or {})
    questions = [
        question_view(place, whole(rows) if whole else rows, name, weighing, reasons)
        | {"title": _question_title(name, pair, language)}
        for place, (name, rows) in enumerate(shown, start=1)
    ]
    return {
        "manifest": manifest,
        "summary": summary,
        "ablation": ablation,
        "arms": arms,
        "has_gold": any(figures["right"]["n"] for figures in summary["arms"].values()),
        "asked": manifest["questions"]["count"],
        "models": models,
        "generator": next((name for what, name in models if what in ("generator", "model", "generator name")), ""),
        "charts": _charts(summary, arms[:_MOST_CHARTED_ARMS], language),
        "bars": _bars(summary),
        "pair": pair,
        "headline": wording.headline_metric(pair) if pair else None,
        "headline_title": _headline_title(pair, language),
        "changes": changes(pair, language) if pair else [],
        "verifier": _verifier(manifest.get("assistant") or {}),
        "other_pairs": [other for name, other in summary["pairs"].items() if name != pair_name],
        "flips": flip_rows(pair, groups, language) if pair else [],
        "questions": questions,
        "hidden": len(groups) - len(shown),
        "marks": MARKS,
        "explained": sum(len(question["reasons"]) for question in questions),
        "unsure": UNSURE,
        "breakdowns": _breakdowns(summary, language),
        "curves": _curves(summary, arms),
        "failures": wording.failure_lines(summary, language),
        "memory": wording.memory_sentence(memory, language),
        "definitions": _definitions(summary, language),
        "verifier_errors": _verifier_errors(manifest.get("verifier_error"), language),
    }


def _headline_title(pair: Mapping[str, Any] | None, language: Language) -> str:
    name = wording.headline_metric(pair) if pair else None
    titles = {"hallucination": "Hallucinated answers", "unsupported": "Claims without support"}
    return wording.say(titles[name], language) if name else ""


def _question_title(flip: str, pair: Mapping[str, Any] | None, language: Language) -> str:
    """What became of a question; of one that there is nothing to tell of, that it is a question."""
    if flip == "failed" or (pair and flip in FLIPS):
        return wording.flip_title(flip, pair or {"first": "", "second": ""}, language)
    return wording.say("Question", language)


def _verifier(assistant: Mapping[str, Any]) -> dict[str, Any] | None:
    """{"name", "threshold"} of the verifier, however `describe` gave it."""
    given = assistant.get("verifier")
    if isinstance(given, Mapping):
        return {"name": given.get("name", "?"), "threshold": given.get("threshold")}
    return {"name": str(given), "threshold": None} if given else None


def _grouped(
    manifest: Mapping[str, Any], outcomes: Iterable[Outcome], pair: Mapping[str, Any] | None
) -> list[tuple[str, list[Outcome]]]:
    """(flip, the question's rows) for every question: worst flips first, then in the order of the question file."""
    rows: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        rows.setdefault(outcome.id, []).append(outcome)
    place = {key: number for number, key in enumerate(manifest["questions"]["digests"])}
    order = {name: number for number, name in enumerate((*wording.FLIP_ORDER, "failed", "untold"))}
    named = [(_flip_of(mine, pair), mine) for mine in rows.values()]
    return sorted(named, key=lambda group: (order[group[0]], place.get(group[1][0].id, len(place))))


def _flip_of(rows: Sequence[Outcome], pair: Mapping[str, Any] | None) -> str:
    """The flip of the main pair; "failed" where one of the two failed, "untold" where there is no gold to tell by."""
    by_arm = {row.arm: row for row in rows if pair is None or row.arm in (pair["first"], pair["second"])}
    if any(row.error for row in by_arm.values()):
        return "failed"
    if pair is None or pair["first"] not in by_arm or pair["second"] not in by_arm:
        same = {"right": "right_both", "hallucinated": "wrong_both", "abstained": "abstained_both"}
        return same.get(state(rows[0]) or "", "untold")
    return flip(by_arm[pair["first"]], by_arm[pair["second"]]) or "untold"


def _chosen(groups: list[tuple[str, list[Outcome]]], most: int) -> list[tuple[str, list[Outcome]]]:
    """At most `most` questions, some of every kind of flip: each gets an equal share, the worst take what is left."""
    if len(groups) <= most:
        return groups
    kinds = dict.fromkeys(name for name, _ in groups)
    share = most // len(kinds)
    taken: set[int] = set()
    for kind in kinds:
        taken.update([place for place, (name, _) in enumerate(groups) if name == kind][:share])
    rest = [place for place in range(len(groups)) if place not in taken]
    taken.update(rest[: most - len(taken)])
    return [groups[place] for place in sorted(taken)]


def flip_rows(
    pair: Mapping[str, Any], groups: Sequence[tuple[str, list[Outcome]]] = (), language: Language = "en"
) -> list[dict[str, Any]]:
    """The rows of the flip table: the nine kinds, and those that no kind fits."""
    total = sum(pair["flips"].values())
    rows = [
        {
            "name": name,
            "title": wording.flip_title(name, pair, language),
            "meaning": wording.flip_meaning(name, pair, language),
            "count": pair["flips"][name],
            "share": pair["flips"][name] / total if total else None,
        }
        for name in wording.FLIP_ORDER
    ]
    for name in ("failed", "untold"):
        count = sum(kind == name for kind, _ in groups)
        if count:
            title, meaning = wording.flip_title(name, pair, language), wording.say("in none of the rates", language)
            rows.append({"name": name, "title": title, "meaning": meaning, "count": count, "share": None})
    return rows


def changes(pair: Mapping[str, Any], language: Language = "en") -> list[dict[str, Any]]:
    """The paired differences that were tested, each with its place on a common axis from -1 to 1 times `scale`.

    `left`, `right` and `dot` are shares of the axis's width, 0.5 being no difference.
    """
    figures = {name: figure for name, figure in pair["differences"].items() if figure.get("p") is not None}
    ends = [abs(figure[end]) for figure in figures.values() for end in ("low", "high") if figure[end] is not None]
    scale = max([0.1, *ends])
    rows = []
    for name, figure in figures.items():
        low, high = figure["low"], figure["high"]
        rows.append(
            {
                "name": name,
                "title": wording.worded(name, language).title,
                "direction": metric(name).direction,
                "figure": figure,
                "verdict": wording.difference_verdict(figure, name),
                "scale": scale,
                "dot": 0.5 + figure["value"] / (2 * scale),
                "left": 0.5 + low / (2 * scale),
                "right": 0.5 + high / (2 * scale),
            }
        )
    return rows


def _charts(summary: Mapping[str, Any], arms: Sequence[str], language: Language) -> list[dict[str, Any]]:
    """A chart per metric: a line per arm that has a value."""
    names = [name for name in _CHARTED if any(summary["arms"][arm].get(name, {}).get("n") for arm in arms)]
    names += sorted({name for arm in arms for name in summary["arms"][arm] if name.startswith("recall@")})
    charts = []
    for name in names:
        rows = [(arm, summary["arms"][arm][name]) for arm in arms if name in summary["arms"][arm]]
        rows = [(arm, figure) for arm, figure in rows if figure["value"] is not None]
        if rows:
            counted = dict.fromkeys(f"{figure['n']:,}" for _, figure in rows)
            charts.append({"metric": wording.worded(name, language), "rows": rows, "counts": list(counted)})
    return charts


def _bars(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Right, abstained and hallucinated of each arm, as shares that sum to 1."""
    bars = []
    for arm, figures in summary["arms"].items():
        if figures["right"]["n"]:
            parts = [(name, figures[name]["value"]) for name in ("right", "abstained", "hallucination")]
            coverage = 1 - (figures["abstained"]["value"] or 0)
            bars.append(
                {
                    "arm": arm,
                    "n": figures["right"]["n"],
                    "coverage": coverage,
                    "parts": [part for part in parts if part[1]],
                }
            )
    return bars


def _breakdowns(summary: Mapping[str, Any], language: Language) -> list[tuple[str, str, dict[str, Any]]]:
    """(what groups are, title, groups) of what splits the questions in more than one part, and has outcomes to tell."""
    kinds = [("Language", "By language", summary["languages"]), ("Category", "By category", summary["categories"])]
    told = [
        (kind, title, groups)
        for kind, title, groups in kinds
        if any(figures["right"]["n"] for by_arm in groups.values() for figures in by_arm.values())
    ]
    return [
        (wording.say(kind, language), wording.say(title, language), groups)
        for kind, title, groups in told
        if len(groups) > 1 or kind == "Category"
    ]


def _curves(summary: Mapping[str, Any], arms: Sequence[str]) -> dict[str, Any] | None:
    """The risk–coverage plot: a polyline per arm, and the line that withholding at random would give."""
    if not summary["calibration"]:
        return None
    width, height = _CURVE
    lines = [
        {
            "arm": arm,
            "points": " ".join(f"{width * x:.1f},{height * (1 - y):.1f}" for x, y in figure["curve"]),
            "figure": figure,
            "chance": f"{height * figure['right']:.1f}",  # the risk of all answers is 1 - right
        }
        for arm in arms
        if (figure := summary["calibration"].get(arm))
    ]
    return {"width": width, "height": height, "lines": lines}


def _models(assistant: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """(what, name) of the models and the knowledge base, flat: "knowledge encoder name"."""
    lines: list[tuple[str, str]] = []
    for key, value in assistant.items():
        name = f"{before} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            lines += _models(value, name)
        elif value not in (None, "", []):
            lines.append((name, str(value)))
    return lines


def _definitions(summary: Mapping[str, Any], language: Language) -> list[Metric]:
    """The metrics that have a value somewhere in this report, explained in their order."""
    shown = {name for figures in summary["arms"].values() for name, figure in figures.items() if figure["n"]}
    return [wording.worded(name, language) for name in ordered(list(shown))]


def _verifier_errors(measured: Any, language: Language = "en") -> list[dict[str, Any]]:
    """The verifier's measured error as lines: from one mapping, a list of them, or {data: mapping}.

    `auroc` is a number with `low` and `high` beside it, or a figure of its own: {"value", "low", "high"}.
    """
    if isinstance(measured, Mapping):
        measured = measured.get("sets", measured)  # as eval/bench/verifier.py writes it
        sets = {key: value for key, value in measured.items() if isinstance(value, Mapping) and "auroc" in value}
        measured = [{"data": key, **value} for key, value in sets.items()] if sets else [measured]
    lines = []
    for line in measured or []:
        auroc = line.get("auroc")
        figure = auroc if isinstance(auroc, Mapping) else {**line, "value": auroc}
        ends = {end: _number(figure[end]) for end in ("low", "high") if end in figure}
        interval = wording.say("{low} to {high}", language, **ends) if len(ends) == 2 else "".join(ends.values())
        name, n = line.get("data", ""), line.get("n", "")
        lines.append({"data": name, "n": n, "auroc": _number(figure.get("value")), "interval": interval})
    return lines


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else str(value or "")
