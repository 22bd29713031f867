"""`firmground report`: a run's report made anew, or two runs compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    from firmground.eval.metrics.normalise import Language


def run_report(
    runs: list[Path], arms: str | None, out: Path | None, as_json: bool, labels: Path | None = None,
    language: Language | None = None, reasons: int = 0, device: str = "",
) -> None:  # fmt: skip
    """One folder: render its report again, or (`labels`) correct its unsupported rates. Two: compare them.

    `language`: the report's; None: the questions'. `reasons`: of so many answers of the one run, what they rest on is
    looked into first.
    """
    if len(runs) == 1:
        if arms is not None or out is not None:
            raise InputError("--arms and --out belong to two runs: firmground report RUN-A RUN-B; for one, leave them")
        if labels is not None:
            _correct(runs[0], labels, as_json)
        else:
            if reasons:
                _explain(runs[0], reasons, device, as_json)
            _render(runs[0], as_json, language)
    elif len(runs) == 2:
        for option, given in (("--labels FILE", labels), ("--reasons N", reasons)):
            if given:
                raise InputError(f"{option.split()[0]} belongs to one run: firmground report RUN {option}")
        _compare(runs[0], runs[1], arms, out, as_json, language)
    else:
        raise InputError(f"expected one run's folder, or two to compare, got {len(runs)}")


def _explain(run: Path, count: int, device: str, as_json: bool) -> None:
    """Needs the generator that answered; its evidence stands in the rows."""
    from firmground.eval.manifest import read_json
    from firmground.knowledge.weights import MODELS, label
    from firmground.rag.assistant import Assistant
    from firmground.rag.generators import load_generator
    from firmground.ui.commands.options import quiet_models
    from firmground.ui.comparing import explain_answers

    told = (read_json(run / "manifest.json").get("assistant") or {}).get("generator")
    if not isinstance(told, str):
        raise InputError(f"{run}: no language model answered in this run, so there is nothing to explain")
    name = next((model for model in MODELS if label(model) == told), told)
    quiet_models()
    explain_answers(run, Assistant(None, load_generator(name, device)), count, Console(stderr=as_json))


def _render(run: Path, as_json: bool, language: Language | None) -> None:
    from firmground.eval.manifest import read_json, write_json
    from firmground.eval.outcomes import read_outcomes
    from firmground.eval.report.render import render_report
    from firmground.eval.summary.figures import summarise
    from firmground.eval.terminal import print_summary
    from firmground.ui.comparing import print_paths

    console = Console(stderr=as_json)
    seed = read_json(run / "manifest.json").get("seed", 0)
    summary = summarise(read_outcomes(run / "outcomes.jsonl"), seed)
    write_json(run / "summary.json", summary, "summary")
    render_report(run, summary=summary, language=language)
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print_summary(summary, console)
        print_paths(run, console)


def _correct(run: Path, labels: Path, as_json: bool) -> None:
    """Each arm's unsupported rate, corrected by people's labels on a part of the answers (docs/statistics.md)."""
    from firmground.eval.judge.labels import corrected_rate, read_labels
    from firmground.eval.outcomes import read_outcomes
    from firmground.eval.wording import percent, percent_interval

    outcomes = read_outcomes(run / "outcomes.jsonl")
    rates = corrected_rate(outcomes, read_labels(labels, outcomes))
    if as_json:
        print(json.dumps(rates, ensure_ascii=False))
        return
    table = Table(title="Unsupported claims, corrected by labels (prediction-powered)")
    for name in ("arm", "answers", "labelled", "by the verifier", "by the labels alone", "corrected"):
        table.add_column(name, justify="left" if name == "arm" else "right")
    for arm, rate in rates.items():
        figures = [rate[name] for name in ("uncorrected", "by_labels", "corrected")]
        cells = [
            f"{percent(one['value'])} [{percent_interval(one)}]" if one["value"] is not None else one.get("status", "–")
            for one in figures
        ]
        table.add_row(escape(arm), str(rate["answers"]), str(rate["labelled"]), *cells)
    Console().print(table)


def _compare(
    first: Path, second: Path, arms: str | None, out: Path | None, as_json: bool, language: Language | None
) -> None:
    from firmground.eval.report.runs import compare_runs, write_runs
    from firmground.eval.terminal import print_runs

    console = Console(stderr=as_json)
    compared = compare_runs(first, second, arms)
    path = write_runs(compared, out, language) if out is not None else None
    if as_json:
        print(json.dumps(compared, ensure_ascii=False))
        return
    print_runs(compared, console)
    if path is not None:
        console.print(f"\nReport: [bold]{escape(str(path))}[/bold]   also there: report.md, summary.json")
