"""A judging in a process of its own, for tests that kill it."""

from __future__ import annotations

import os
from pathlib import Path

from firmground.eval.judge.ask import Judge
from firmground.eval.judge.run import judge_run
from tests.eval.judge_fakes import honest, model


def work(folder: Path, failpoint: str = "") -> None:
    """Judge the comparison in `folder`; `folder/asked` gets a line per question asked."""
    if failpoint:
        os.environ["FIRMGROUND_FAILPOINT"] = failpoint

    def noted(system: str, data: dict, words: list[str]) -> str:
        with open(folder / "asked", "a", encoding="utf-8") as file:
            file.write(f"{data} {words[0]}\n")
        return honest(system, data, words)

    judge_run(folder, Judge(model(noted), folder / "replies.sqlite", concurrency=1))
