"""`firmground verify`: how far evidence supports each claim of a file, a line in, a line out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmground.knowledge.errors import InputError
from firmground.rag.ground import verdict_on, verifiable
from firmground.rag.types import Verifier
from firmground.rag.verifier import load_verifier

BATCH = 64  # lines judged together; what was read before them is printed already


@dataclass(frozen=True)
class Line:
    """A claim to judge, as a verifier reads it."""

    claim: str
    evidence: tuple[str, ...]


def run_verify(path: str, verifier: str, device: str = "") -> None:
    """Print {"support": p, "verdict": …} for each line {"claim", "evidence"} of a file; "-" reads standard input.

    Raises:
        InputError: the file can't be read, or a line isn't what is expected; the message names the line.
    """
    judge = load_verifier(verifier, device)
    waiting: list[Line] = []
    try:
        for line in _lines(path):
            waiting.append(line)
            if len(waiting) == BATCH:
                _print(waiting, judge)
                waiting = []
    finally:  # what stands before a broken line is judged too
        _print(waiting, judge)


def _print(lines: list[Line], verifier: Verifier) -> None:
    supports = verifier.support([line.claim for line in lines], [line.evidence for line in lines])
    for line, support in zip(lines, supports, strict=True):
        verdict = verdict_on(line.claim, line.evidence, float(support), verifier)
        found = None if verdict == "unverifiable" else round(float(support), 4)
        print(json.dumps({"support": found, "verdict": verdict}), flush=True)


def _lines(path: str) -> Iterator[Line]:
    """The lines of a file, empty ones skipped."""
    if path != "-" and not Path(path).is_file():
        raise InputError(f"expected a JSONL file with claim and evidence a line, or - for standard input; got {path}")
    name = "standard input" if path == "-" else path
    with open(sys.stdin.fileno() if path == "-" else path, "rb", closefd=path != "-") as file:
        for number, raw in enumerate(file, start=1):
            if raw.strip():
                yield _line(raw, f"{name}, line {number}")


def _line(raw: bytes, where: str) -> Line:
    text = raw.decode("utf-8", errors="replace")
    try:
        row: Any = json.loads(raw)
    except ValueError as error:
        raise InputError(f'{where}: expected {{"claim": …, "evidence": …}}, got {text.strip()[:60]!r}') from error
    if not isinstance(row, dict) or not isinstance(row.get("claim"), str):
        raise InputError(f'{where}: expected an object with a text "claim", got {text.strip()[:60]!r}')
    evidence = row.get("evidence")
    texts = [evidence] if isinstance(evidence, str) else evidence
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise InputError(f'{where}: expected "evidence" to be a text or a list of texts, got {evidence!r:.60}')
    question = row.get("question", "")
    if not isinstance(question, str):
        raise InputError(f'{where}: expected "question" to be a text, got {question!r:.60}')
    return Line(verifiable(question, row["claim"]), tuple(texts))
