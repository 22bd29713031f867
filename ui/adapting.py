"""`firmground adapt`: train what can be trained on the user's machine, with the hashes of what it was trained on."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich.console import Console

from firmground.eval.bench.verifier_lessons import lessons, training_sets
from firmground.knowledge.durable import write_atomic
from firmground.rag.verifier import FILE
from firmground.rag.verifier_train import described, to_json, train_verifier

VERSION = "trees-1"  # what reports call the verifier; another recipe gets another name


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
