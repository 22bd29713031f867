"""`firmground compare`: opens what the comparison needs, shows its progress, and prints its summary."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from firmground.eval.compare import compare
from firmground.eval.tasks import load_questions
from firmground.rag.arms import named_arms

if TYPE_CHECKING:
    from firmground.eval.summary import Summary


def run_compare(
    kb: str, questions: str, out: Path, arms: str, limit: int | None, generator: str, device: str, skip_broken: bool,
    as_json: bool,
) -> Summary:  # fmt: skip
    """Compare arms on a question file, and leave everything in `out`."""
    from firmground.eval.terminal import print_summary
    from firmground.rag.ground import measured_error
    from firmground.ui.cli import open_assistant

    console = Console(stderr=as_json)
    chosen = named_arms(arms)
    examples = load_questions(questions, limit=limit, skip_broken=skip_broken)
    if examples.skipped:
        console.print(f"{examples.skipped} lines of {questions} could not be read and were skipped", markup=False)
    assistant = open_assistant(kb, generator if any(arm.generator for arm in chosen) else None, device)
    command = shlex.join(["firmground", *sys.argv[1:]])
    with progress_bar(console) as bar:
        task = bar.add_task("asking", total=len(examples))
        summary = compare(
            assistant, examples, chosen, out, command=command, verifier_error=measured_error(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print_summary(summary, console)
        console.print(f"\nReport: [bold]{out / 'report.html'}[/bold]   rows: {out / 'outcomes.jsonl'}")
    return summary


def progress_bar(console: Console) -> Progress:
    """A bar with the time left; on a console that isn't a terminal it prints nothing but its end."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("time left"), TimeRemainingColumn(), console=console,
    )  # fmt: skip
