"""`firmground tune`: what each kind of index costs and finds on the user's own passages, and which to take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from firmground.eval.tasks import load_questions
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import open_base
from firmground.knowledge.errors import InputError
from firmground.knowledge.tune import QUESTIONS, Trial, cheapest, frontier, tune


def run_tune(kb: Path, recall: float, k: int, queries: Path | None, kinds: str, apply: bool) -> int:
    """Print the frontier and the choice; `apply`: build it. Returns the exit code: 0, or 1 where none is enough."""
    if not 0 < recall <= 1:
        raise InputError(f"--recall is above 0 and at most 1, got {recall}")
    names = tuple(name.strip() for name in kinds.split(",") if name.strip())
    console = Console()
    vectors = _encoded(kb, queries) if queries else None
    with KnowledgeBase.open(kb, writable=apply) as base:
        told = console.status("")
        with told:
            trials = tune(base, k, vectors, names, lambda kind: told.update(f"building and searching {kind}"))
        chosen = cheapest(trials, recall)
        _print(console, trials, chosen, recall, k, vectors)
        if chosen is None:
            return 1
        if apply:
            base.reindex(chosen.kind)
            console.print(
                f"{kb}: the index is {chosen.kind.factory} now.", markup=False, highlight=False, soft_wrap=True
            )
    if not apply:
        console.print(
            f"Take it: firmground tune --kb {kb} --recall {recall} --apply",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return 0


def _encoded(kb: Path, queries: Path) -> np.ndarray:
    """The vectors of a file's questions, by the encoder the base was made with."""
    from firmground.ui.commands.options import quiet_models

    quiet_models()
    questions = [example.question for example in load_questions(queries)]
    if not questions:
        raise InputError(f"{queries} has no questions")
    with open_base(kb) as base:
        assert base.encoder is not None
        return base.encoder.encode(questions[:QUESTIONS], query=True)


def _print(
    console: Console, trials: list[Trial], chosen: Trial | None, recall: float, k: int, queries: np.ndarray | None
) -> None:
    asked = "the questions given" if queries is not None else "passages of the base, each among the others"
    table = Table(title=f"recall@{k} against brute force, time of a search, size of the file; asked: {asked}")
    for column in ("index", "looks at", "refines", f"recall@{k}", "ms", "MB", "built in s", ""):
        table.add_column(column, justify="left" if column in ("index", "") else "right", no_wrap=column == "index")
    for trial in frontier(trials):
        kind = trial.kind
        table.add_row(
            kind.factory, str(kind.probe or "all"), f"{kind.refine:g}", f"{trial.recall:.4f}",
            f"{trial.milliseconds:.2f}", f"{trial.bytes / 1e6:.1f}", f"{trial.seconds:.1f}",
            "chosen" if trial == chosen else "",
        )  # fmt: skip
    console.print(table)
    if chosen is None:
        best = max(trials, key=lambda trial: trial.recall)
        console.print(f"None has a recall of {recall}: the best, {best.kind.factory}, has {best.recall:.4f}.")
