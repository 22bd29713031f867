"""`firmground ablate`: opens what the ablation needs, shows its progress, and prints its table."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from firmground.eval.ablate import ablate
from firmground.eval.arm_files import chosen_arms
from firmground.knowledge.errors import InputError
from firmground.ui.comparing import command_line, print_paths, progress_bar, read_questions


def run_ablate(
    kb: str, questions: str, out: Path, arm: str, limit: int | None, generator: str, device: str, skip_broken: bool,
    as_json: bool, form: str, arms_file: Path | None,
) -> None:  # fmt: skip
    """Measure every mitigation of an arm, and leave everything in `out`."""
    from firmground.eval.terminal import print_ablation
    from firmground.rag.ground import measured_error
    from firmground.ui.commands.options import open_assistant

    console = Console(stderr=as_json)
    chosen = chosen_arms(arm, arms_file)
    if len(chosen) != 1:
        raise InputError(f"expected one arm to take apart, got {arm!r}")
    examples = read_questions(questions, limit, skip_broken, form, console)
    assistant = open_assistant(kb, generator, device)
    with progress_bar(console) as bar:
        task = bar.add_task("asking", total=len(examples))
        ablation = ablate(
            assistant, examples, out, chosen[0], command=command_line(),
            verifier_error=measured_error(assistant.verifier.name),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        print(json.dumps(ablation, ensure_ascii=False))
    else:
        print_ablation(ablation, console)
        print_paths(out, console)
