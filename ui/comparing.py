"""`firmground compare`: opens what the comparison needs, shows its progress, and prints its summary."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from firmground.eval.arm_files import chosen_arms
from firmground.eval.compare import BATCH_SIZE, compare
from firmground.eval.tasks import load_questions

if TYPE_CHECKING:
    from firmground.eval.metrics.normalise import Language
    from firmground.eval.summary.figures import Summary
    from firmground.eval.tasks import Questions
    from firmground.rag.assistant import Assistant


def run_compare(
    kb: str, questions: str, out: Path, arms: str | None, limit: int | None, generator: str, device: str,
    skip_broken: bool, as_json: bool, form: str = "auto", arms_file: Path | None = None,
    batch_size: int = BATCH_SIZE, language: Language | None = None, reasons: int = 0,
) -> Summary:  # fmt: skip
    """Compare arms on a question file, and leave everything in `out`.

    `language`: the report's; None: the questions'. `reasons`: of so many answers, what they rest on is told there too.
    """
    from firmground.eval.report.render import render_report
    from firmground.eval.terminal import print_summary
    from firmground.rag.ground import measured_error
    from firmground.ui.commands.options import open_assistant

    console = Console(stderr=as_json)
    chosen = chosen_arms(arms, arms_file)
    examples = read_questions(questions, limit, skip_broken, form, console)
    assistant = open_assistant(kb, generator if any(arm.generator for arm in chosen) else None, device)
    with progress_bar(console) as bar:
        task = bar.add_task("asking", total=len(examples))
        summary = compare(
            assistant, examples, chosen, out, command=command_line(),
            verifier_error=measured_error(assistant.verifier.name),
            batch_size=batch_size, language=language,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if reasons:
        explain_answers(out, assistant, reasons, console)
        render_report(out, summary=summary, language=language)
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print_summary(summary, console)
        print_paths(out, console)
    return summary


def explain_answers(run: Path, assistant: Assistant, count: int, console: Console) -> None:
    """Find what the answers to `count` questions of a run rest on, with a bar."""
    from firmground.eval.reasons import explain_run

    with progress_bar(console) as bar:
        task = bar.add_task("explaining", total=count)
        explain_run(run, assistant, count, lambda done, of: bar.update(task, completed=done, total=of))


def read_questions(questions: str, limit: int | None, skip_broken: bool, form: str, console: Console) -> Questions:
    """The questions of a file, or of a bundled one; says how many lines were skipped."""
    examples = load_questions(questions, limit=limit, skip_broken=skip_broken, format=form)
    if examples.skipped:
        console.print(f"{examples.skipped} records of {questions} could not be read and were skipped", markup=False)
    return examples


def command_line() -> str:
    """The command that repeats this run, for its manifest."""
    return shlex.join(["firmground", *sys.argv[1:]])


def print_paths(out: Path, console: Console) -> None:
    """Where a run's report and rows are."""
    console.print(f"\nReport: [bold]{escape(str(out / 'report.html'))}[/bold]   also there: report.md, outcomes.csv, "
                  "outcomes.jsonl")  # fmt: skip


def progress_bar(console: Console) -> Progress:
    """A bar with the time left; on a console that isn't a terminal it prints nothing but its end."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("time left"), TimeRemainingColumn(), console=console,
    )  # fmt: skip
