"""`firmground search`."""

from __future__ import annotations

import json
from pathlib import Path

from firmground.eval.tasks import load_questions
from firmground.knowledge.base import Mode
from firmground.knowledge.encode import open_base
from firmground.knowledge.errors import InputError
from firmground.knowledge.packs import base_folder
from firmground.knowledge.types import Hit

BATCH = 64  # questions encoded together


def run_search(question: str, kb: str, k: int, mode: str, queries: Path | None, as_json: bool) -> None:
    """Print what one question, or each question of a file, finds."""
    if bool(question.strip()) == (queries is not None):
        raise InputError("expected a question or --queries FILE, one of them: firmground search 'a question' --kb DIR")
    if mode not in ("hybrid", "dense", "lexical"):
        raise InputError(f"--mode is hybrid, dense or lexical, got {mode!r}")
    asked = [(example.id, example.question) for example in load_questions(queries)] if queries else [("0", question)]
    from firmground.ui.commands.options import check_filled, quiet_models

    quiet_models()
    with open_base(base_folder(kb)) as base:
        check_filled(base)
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            found = base.search([text for _, text in batch], k=k, mode=_mode(mode))
            for (name, text), hits in zip(batch, found, strict=True):
                _print(name, text, hits, as_json, queries is not None)


def _mode(mode: str) -> Mode:
    return mode  # type: ignore[return-value]


def _print(name: str, question: str, hits: list[Hit], as_json: bool, many: bool) -> None:
    from firmground.ui.show import print_hits

    if as_json:
        rows = [
            {"document": hit.passage.document, "passage": hit.passage.id, "score": round(hit.score, 6)} for hit in hits
        ]
        print(json.dumps({"id": name, "hits": rows}, ensure_ascii=False), flush=True)
        return
    if many:
        print(f"\n{name}: {question}")
    print_hits(hits)
