"""One self-contained HTML file that a person can read without us, made from a comparison's folder alone."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firmground.eval import wording
from firmground.eval.manifest import read_json
from firmground.eval.metrics import METRICS, Metric, metric
from firmground.eval.normalise import language_of
from firmground.eval.outcomes import read_outcomes
from firmground.eval.report_question import question_view
from firmground.eval.summary import Summary, flip, state, summarise
from firmground.eval.types import Outcome
from firmground.knowledge.durable import failpoint, write_atomic

# Opens folded evidence that a link leads to or that is to be printed; shows all questions if the target is hidden.
_SCRIPT = """
function reveal() {
  var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  var article = target.closest("article"), all = document.getElementById("show-all");
  if (article && all && getComputedStyle(article).display === "none") all.checked = true;
  var folded = target.closest("details");
  if (folded) folded.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
addEventListener("load", reveal);
addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (folded) { folded.open = true; });
});
"""

MOST_QUESTIONS = 300  # shown one by one; the figures are always of all
_CHARTED = ("right", "hallucination", "f1", "em", "match", "accuracy", "unsupported", "declined_rightly")


def render_report(run_folder: str | Path, most_questions: int = MOST_QUESTIONS, summary: Summary | None = None) -> Path:
    """Write `report.html` into the folder of a comparison and return its path.

    Needs `manifest.json` and `outcomes.jsonl`; figures are recomputed from the rows unless `summary` brings them, so
    that an unfinished comparison has a report too, which says that it is unfinished.

    Raises:
        InputError: the folder isn't a comparison's.
    """
    folder = Path(run_folder)
    manifest = read_json(folder / "manifest.json")
    outcomes = read_outcomes(folder / "outcomes.jsonl")
    html = report_html(manifest, outcomes, most_questions, summary)
    failpoint("report.start")
    write_atomic(folder / "report.html", html.encode("utf-8", "replace"), "report")
    return folder / "report.html"


def report_html(
    manifest: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    most_questions: int = MOST_QUESTIONS,
    summary: Summary | None = None,
) -> str:
    """The page. Everything that comes from rows, models or files is escaped by the template."""
    import jinja2
    import markupsafe

    source = importlib.resources.files("firmground.eval").joinpath("report.html").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": wording.percent,
        "seconds": wording.seconds,
        "points": wording.points,
        "lang": language_of,
        "weblink": lambda source: source.startswith(("https://", "http://")),
    }
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    page = _page(manifest, outcomes, most_questions, summary or summarise(outcomes, manifest.get("seed", 0)))
    # The one script of the page, allowed by its hash: a script that came in with the data would not run.
    return environment.from_string(source).render(
        page, w=wording, script=markupsafe.Markup(_SCRIPT), script_hash=markupsafe.Markup(f"sha256-{digest}")
    )


def _page(
    manifest: Mapping[str, Any], outcomes: Sequence[Outcome], most_questions: int, summary: Summary
) -> dict[str, Any]:
    pair_name = wording.main_pair(summary["pairs"])
    pair = summary["pairs"][pair_name] if pair_name else None
    groups = _grouped(manifest, outcomes, pair)
    shown = _chosen(groups, most_questions)
    arms = list(summary["arms"])
    return {
        "manifest": manifest,
        "summary": summary,
        "arms": arms,
        "has_gold": any(figures["right"]["n"] for figures in summary["arms"].values()),
        "asked": manifest["questions"]["count"],
        "models": _models(manifest.get("assistant") or {}),
        "charts": _charts(summary, arms),
        "bars": _bars(summary),
        "pair": pair,
        "headline": wording.headline_metric(pair) if pair else None,
        "headline_title": _headline_title(pair),
        "verifier": _verifier(manifest.get("assistant") or {}),
        "other_pairs": [other for name, other in summary["pairs"].items() if name != pair_name],
        "flips": _flips(pair, groups) if pair else [],
        "questions": [question_view(place, rows, name) for place, (name, rows) in enumerate(shown, start=1)],
        "hidden": len(groups) - len(shown),
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


def _flips(pair: Mapping[str, Any], groups: Sequence[tuple[str, list[Outcome]]]) -> list[dict[str, Any]]:
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


def _charts(summary: Mapping[str, Any], arms: Sequence[str]) -> list[dict[str, Any]]:
    """A chart per metric: a line per arm that has a value."""
    names = [name for name in _CHARTED if any(summary["arms"][arm][name]["n"] for arm in arms)]
    names += [name for name in summary["arms"][arms[-1]] if name.startswith("recall@")] if arms else []
    charts = []
    for name in names:
        rows = [(arm, summary["arms"][arm][name]) for arm in arms if name in summary["arms"][arm]]
        rows = [(arm, figure) for arm, figure in rows if figure["value"] is not None]
        if rows:
            counts = dict.fromkeys(f"{figure['n']:,}" for _, figure in rows)
            charts.append({"metric": metric(name), "rows": rows, "counts": list(counts)})
    return charts


def _bars(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Right, abstained and hallucinated of each arm, as shares that sum to 1."""
    bars = []
    for arm, figures in summary["arms"].items():
        if figures["right"]["n"]:
            parts = [(name, figures[name]["value"]) for name in ("right", "abstained", "hallucination")]
            bars.append({"arm": arm, "n": figures["right"]["n"], "parts": [part for part in parts if part[1]]})
    return bars


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
