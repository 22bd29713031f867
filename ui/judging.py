"""`firmground judge`: lets a chat model judge a finished comparison, and prints how far it can be trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from firmground.eval.judge.ask import Judge
from firmground.eval.judge.run import FILE, judge_run
from firmground.eval.wording import percent, percent_interval, plural
from firmground.knowledge.errors import InputError

CACHE = "judge-replies.sqlite"  # beside the run, so that it goes when the run goes


def run_judge(run: Path, model: str, labels: Path | None, limit: int | None, as_json: bool) -> dict[str, Any]:
    """Judge the comparison in `run` by `chat:provider:model`, and print the table.

    Raises:
        InputError: another kind of model, or as in `judge_run`. MissingExtra: LangChain isn't installed.
    """
    from firmground.rag.langchain import chat_model
    from firmground.ui.comparing import progress_bar

    if not model.startswith("chat:"):
        raise InputError(f"expected a chat model, chat:provider:model (chat:ollama:qwen3:8b), got {model!r}")
    if not (run / "outcomes.jsonl").is_file():
        raise InputError(f"{run} holds no comparison (no outcomes.jsonl); give the folder that `compare --out` named")
    console = Console(stderr=as_json)
    judge = Judge(chat_model(model.removeprefix("chat:")).model, run / CACHE, name=model)
    with progress_bar(console) as bar:
        task = bar.add_task("judging", total=None)
        table = judge_run(
            run, judge, labels, limit, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    if as_json:
        print(json.dumps(table, ensure_ascii=False))
    else:
        print_table(table, console)
        console.print(f"\nRow by row, with both replies: {escape(str(run / FILE))}")
    return table


def print_table(table: Mapping[str, Any], console: Console) -> None:
    """What the judge said, how often it gave no verdict, and whom it agrees with."""
    console.print(
        f"[bold]{escape(table['judge'])}[/bold], {plural(table['rows'], 'row')} judged, everything asked twice"
    )
    for kind, ours in (("claims", "our verifier"), ("answers", "the gold rule")):
        part = table[kind]
        counts = ", ".join(f"{name} {count:,}" for name, count in part["counts"].items())
        console.print(f"\n[bold]{kind.capitalize()}[/bold]: {counts or 'none'}")
        if not part["unparsed"]["n"]:
            continue
        for status in ("unparsed", "inconsistent", "error"):
            console.print(f"  {status:<14} {_share(part[status])}")
        _print_agreement(f"with {ours}", part["with_ours"], console)
        if "with_labels" in part:
            _print_agreement("with the labels", part["with_labels"], console)
            _print_agreement(f"(the labels with {ours})", part["ours_with_labels"], console)
    lines = [
        f"  {escape(arm):<12} {name:<12} {_share(sides['by_judge'])}   ours {_share(sides['by_us'])}   "
        f"n = {sides['by_us']['n']:,}"
        for arm, rates in table["arms"].items()
        for name, sides in rates.items()
        if sides["by_judge"]["n"]
    ]
    if not lines:
        console.print("\nNo verdict of the judge's could be used: name another model.")
        return
    console.print("\n[bold]Rates by the judge, beside ours on the same rows[/bold]")
    for line in lines:
        console.print(line)


def _print_agreement(title: str, figures: Mapping[str, Any], console: Console) -> None:
    line = f"  {title}: agreement {_share(figures['raw'])}, kappa {_number(figures['kappa'])}"
    if "balanced_accuracy" in figures:
        line += f", balanced accuracy {_share(figures['balanced_accuracy'])}"
    console.print(f"{line}, n = {figures['n']:,}", markup=False)


def _share(figure: Mapping[str, Any]) -> str:
    interval = percent_interval(figure)
    return percent(figure["value"]) + (f" ({interval})" if interval else "")


def _number(figure: Mapping[str, Any]) -> str:
    """ "0.41 (0.30 to 0.52)"; where it isn't defined, why."""
    if figure["value"] is None:
        return "not defined, " + {"one_class": "one verdict only", "none": "nothing to compare"}[figure["status"]]
    interval = f" ({figure['low']:.2f} to {figure['high']:.2f})" if figure["low"] is not None else ""
    return f"{figure['value']:.2f}{interval}"
