"""`firmground adapt`: train what can be trained on the user's machine, with the hashes of what it was trained on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from firmground.eval.bench.gate_fit import Case, Gate, GateReport, find_cases, fit, halves, measure
from firmground.eval.bench.verifier_lessons import lessons, training_sets
from firmground.eval.tasks import load_questions
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.encode import open_base
from firmground.knowledge.errors import InputError
from firmground.knowledge.packs import base_folder
from firmground.rag.gate import SIGNALS
from firmground.rag.verifier import FILE
from firmground.rag.verifier_train import described, to_json, train_verifier

if TYPE_CHECKING:
    from firmground.eval.stats import Interval

COVERAGES = (0.2, 0.4, 0.6, 0.8, 1.0)
VERSION = "trees-2"  # what reports call the verifier; another recipe gets another name


def run_adapt_verifier(data: Path, out: Path, name: str = VERSION) -> Path:
    """Train the grounding verifier on a folder of data sets; returns the file that was written.

    The folder holds the sets as their authors publish them (`eval/bench/verifier_sets`). The same data give the same
    file, byte for byte.

    Raises:
        InputError: a set isn't there, or a line of it can't be read.
    """
    console = Console(stderr=True)
    began = time.monotonic()
    with console.status("reading claims and evidence"):
        sets = training_sets(data)
        statements, answers = lessons(sets)
    hashes = {one.name: one.digest for one in sets.values()}
    made_of = {"statements": described(statements, hashes), "answers": described(answers, hashes)}
    with console.status("growing trees"):
        verifier = train_verifier(statements, answers, name, made_of)
    out.mkdir(parents=True, exist_ok=True)
    path = out / FILE
    write_atomic(path, (json.dumps(to_json(verifier), ensure_ascii=False, indent=None) + "\n").encode(), "verifier")
    for part, of in made_of.items():
        for set_name, facts in of.items():
            console.print(
                f"{part}: {set_name}, {facts['cases']} claims, {facts['supported']} supported, "
                f"weight {facts['weight']}, sha256 {facts['sha256'][:16]}",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip
    took = time.monotonic() - began
    console.print(f"{path}: {path.stat().st_size / 1000:.0f} KB, {took:.0f} s", markup=False, highlight=False)
    console.print(f"Use it: firmground verify FILE.jsonl --verifier {out}", markup=False, highlight=False)
    return path


def run_adapt_gate(kb: str, questions: str, out: Path | None, risk: float | None = None) -> int:
    """Fit the evidence gate to a base's own questions, print what it does on those it wasn't fitted on, and write an
    arm with it. Returns the exit code: 0, or 1 where it doesn't tell the two kinds apart, and nothing is written.

    Raises:
        InputError: too few questions of either kind, a risk that can't be had, or files that can't be read.
    """
    if risk is not None and not 0 <= risk < 1:
        raise InputError(f"--risk is a share from 0 to below 1, got {risk:g}")
    console = Console()
    examples = load_questions(questions)
    with console.status("searching"), open_base(base_folder(kb)) as base:
        cases = find_cases(base, examples)
        encoder = base.encoder.name if base.encoder else ""
    fitting, reporting = halves(cases)
    gate = fit(fitting, encoder, risk)
    found = measure(gate, reporting, encoder)
    _print_gate(console, gate, found, fitting)
    if not found.helps:
        console.print("It doesn't tell the questions that the documents answer from the others: leave the gate off.",
                      soft_wrap=True)  # fmt: skip
        return 1
    text = arm_text(gate)
    if out is None:
        console.print(f"\n{text}", markup=False, highlight=False, soft_wrap=True)
        return 0
    write_atomic(out, text.encode(), "arm")
    console.print(f"Use it: firmground ask QUESTION --kb {kb} --arms-file {out} --arms plain,gated",
                  markup=False, highlight=False, soft_wrap=True)  # fmt: skip
    return 0


def arm_text(gate: Gate) -> str:
    """An arm file with the augmented arm behind this gate. The threshold is rounded down: who passed it still does."""
    lines = ["[arm.gated]", 'base = "augmented"', f"gate = {int(gate.threshold * 10**6) / 10**6:.6f}"]
    if gate.weights:
        lines.append(f"gate_weights = [{', '.join(map(str, gate.weights))}]")
    return "\n".join(lines) + "\n"


def _print_gate(console: Console, gate: Gate, found: GateReport, fitting: list[Case]) -> None:
    own = ", ".join(f"{name} {weight:+.2f}" for name, weight in zip(SIGNALS, gate.weights[1:], strict=False))
    told = [
        f"Fitted on {len(fitting)} questions, reported on {found.n} others, on other documents.",
        f"gate {gate.threshold:.3f}; weights: {own or 'those that ship, which rank at least as well'}",
        f"tells apart (AUROC): {found.auroc:.3f} [{found.auroc_interval[0]:.3f}, {found.auroc_interval[1]:.3f}]",
        f"lets through {_percent(found.coverage)} of the questions; of these the documents don't answer "
        f"{_percent(found.risk)}, without a gate {100 * found.blind:.1f}%",
        f"of the questions declined, {_percent(found.precision)} have no answer (precision); of those without one, "
        f"{_percent(found.recall)} are declined (recall)",
    ]
    console.print("\n".join(told), markup=False, highlight=False, soft_wrap=True)
    if gate.weights and gate.weights[1] < 0:
        console.print("Mind: questions in the documents' own words count as less answered here. That follows how these "
                      "questions were written; do your users ask like that?", markup=False, soft_wrap=True)  # fmt: skip
    table = Table(title=f"risk at coverage; area {100 * found.area:.1f}%, by chance {100 * found.blind:.1f}%")
    for column in ("let through", "of these not answered by the documents"):
        table.add_column(column, justify="right")
    for wanted in COVERAGES:
        share, missed = next(point for point in found.curve if point[0] >= wanted - 1e-9)
        table.add_row(f"{100 * share:.0f}%", f"{100 * missed:.1f}%")
    console.print(table)


def _percent(figure: Interval) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "none"
    return f"{100 * figure.value:.1f}% [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"
