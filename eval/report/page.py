"""What the report's template shows: values in the order in which they are read, made from rows and summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firmground.eval import wording
from firmground.eval.metrics.answers import METRICS, Metric, metric
from firmground.eval.report.question import question_view
from firmground.eval.summary.figures import Summary, flip, state
from firmground.eval.types import Outcome

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
) -> dict[str, Any]:
    """The values of `report.html` and `report.md`. `ablation`: what `ablate` left, where the run is one; `memory`: the
    most bytes that the run held, {"peak_bytes": …, "peak_gpu_bytes": …}."""
    pair_name = wording.main_pair(summary["pairs"])
    pair = summary["pairs"][pair_name] if pair_name else None
    arms = list(summary["arms"])
    groups = _grouped(manifest, outcomes, pair)
    shown = _chosen(groups, min(most_questions, max(1, _MOST_ANSWERS // max(1, len(arms)))))
    weighing = {arm["name"]: arm.get("choose", "") for arm in manifest.get("arms", ())}
    return {
        "manifest": manifest,
        "summary": summary,
        "ablation": ablation,
        "arms": arms,
        "has_gold": any(figures["right"]["n"] for figures in summary["arms"].values()),
        "asked": manifest["questions"]["count"],
        "models": _models(manifest.get("assistant") or {}),
        "charts": _charts(summary, arms[:_MOST_CHARTED_ARMS]),
        "bars": _bars(summary),
        "pair": pair,
        "headline": wording.headline_metric(pair) if pair else None,
        "headline_title": _headline_title(pair),
        "changes": changes(pair) if pair else [],
        "verifier": _verifier(manifest.get("assistant") or {}),
        "other_pairs": [other for name, other in summary["pairs"].items() if name != pair_name],
        "flips": flip_rows(pair, groups) if pair else [],
        "questions": [question_view(place, rows, name, weighing) for place, (name, rows) in enumerate(shown, start=1)],
        "hidden": len(groups) - len(shown),
        "breakdowns": _breakdowns(summary),
        "curves": _curves(summary, arms),
        "failures": wording.failure_lines(summary),
        "memory": wording.memory_sentence(memory),
        "definitions": _definitions(summary),
        "verifier_errors": _verifier_errors(manifest.get("verifier_error")),
    }


def _headline_title(pair: Mapping[str, Any] | None) -> str:
    name = wording.headline_metric(pair) if pair else None
    return {"hallucination": "Hallucinated answers", "unsupported": "Claims without support"}.get(name or "", "")


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


def flip_rows(pair: Mapping[str, Any], groups: Sequence[tuple[str, list[Outcome]]] = ()) -> list[dict[str, Any]]:
    """The rows of the flip table: the nine kinds, and those that no kind fits."""
    total = sum(pair["flips"].values())
    rows = [
        {
            "name": name,
            "title": wording.flip_title(name, pair),
            "meaning": wording.flip_meaning(name, pair),
            "count": pair["flips"][name],
            "share": pair["flips"][name] / total if total else None,
        }
        for name in wording.FLIP_ORDER
    ]
    for name, title in (("failed", "Failed"), ("untold", "Without gold answers")):
        count = sum(kind == name for kind, _ in groups)
        if count:
            rows.append(
                {"name": name, "title": title, "meaning": "in none of the rates", "count": count, "share": None}
            )
    return rows


def changes(pair: Mapping[str, Any]) -> list[dict[str, Any]]:
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
                "title": metric(name).title,
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


def _charts(summary: Mapping[str, Any], arms: Sequence[str]) -> list[dict[str, Any]]:
    """A chart per metric: a line per arm that has a value."""
    names = [name for name in _CHARTED if any(summary["arms"][arm].get(name, {}).get("n") for arm in arms)]
    names += sorted({name for arm in arms for name in summary["arms"][arm] if name.startswith("recall@")})
    charts = []
    for name in names:
        rows = [(arm, summary["arms"][arm][name]) for arm in arms if name in summary["arms"][arm]]
        rows = [(arm, figure) for arm, figure in rows if figure["value"] is not None]
        if rows:
            counted = dict.fromkeys(f"{figure['n']:,}" for _, figure in rows)
            charts.append({"metric": metric(name), "rows": rows, "counts": list(counted)})
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


def _breakdowns(summary: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(title, groups) of what splits the questions in more than one part, and has outcomes to tell."""
    kinds = [("Language", summary["languages"]), ("Category", summary["categories"])]
    told = [
        (title, groups)
        for title, groups in kinds
        if any(figures["right"]["n"] for by_arm in groups.values() for figures in by_arm.values())
    ]
    return [(title, groups) for title, groups in told if len(groups) > 1 or title == "Category"]


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


def _models(assistant: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, name) of the models and the knowledge base, flat and two levels deep, as `describe` gave them."""
    lines: list[tuple[str, str]] = []
    for key, value in assistant.items():
        if isinstance(value, Mapping):
            inner = {name: item for name, item in value.items() if not isinstance(item, Mapping)}
            lines += [(f"{key} {name}", text) for name, text in _models(inner)]
        elif value not in (None, "", []):
            lines.append((str(key).replace("_", " "), str(value)))
    return lines


def _definitions(summary: Mapping[str, Any]) -> list[Metric]:
    """The metrics that have a value somewhere in this report, explained in their order."""
    shown = {name for figures in summary["arms"].values() for name, figure in figures.items() if figure["n"]}
    return [noun for name, noun in METRICS.items() if name in shown] + [
        metric(name) for name in sorted(shown - METRICS.keys())
    ]


def _verifier_errors(measured: Any) -> list[dict[str, Any]]:
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
        interval = " to ".join(_number(figure[end]) for end in ("low", "high") if end in figure)
        name, n = line.get("data", ""), line.get("n", "")
        lines.append({"data": name, "n": n, "auroc": _number(figure.get("value")), "interval": interval})
    return lines


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else str(value or "")
