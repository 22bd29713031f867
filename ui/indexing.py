"""`firmground index`: files → documents → a knowledge base, with progress, and the failures at the end."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from firmground.knowledge.base import AddReport, KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.load import LoadReport, find_files, load_all

EXIT_SOME_FAILED = 6
SHOWN_FAILURES = 20


def run_index(paths: list[str], kb: Path, encoder: str, device: str, as_json: bool, index_kind: str = "") -> int:
    """Index, print what happened, and return the exit code: 0, or 6 if some files couldn't be read."""
    from firmground.ui.commands.options import quiet_models

    console = Console(stderr=as_json)
    find_files(paths)  # a wrong path is an error before anything is made
    quiet_models()
    report = LoadReport()
    base = KnowledgeBase.create(
        kb, SentenceEncoder(encoder, device), exist_ok=True, index=index_kind or None,
        device="cpu" if device == "cpu" else "auto",
    )  # fmt: skip
    with base, _progress(console) as bar:
        task = bar.add_task("indexing", total=None, done="")

        def told(so_far: AddReport) -> None:
            documents = so_far.added + so_far.replaced + so_far.unchanged
            bar.update(task, done=f"{documents} documents, {so_far.passages} new passages kept")

        added = base.add(load_all(paths, report), progress=told)
        stats = base.stats()
    failures = [(failure.source, failure.reason) for failure in report.failures] + list(added.failures)
    if as_json:
        print(json.dumps(_record(added, stats, failures, report), ensure_ascii=False))
    else:
        _print(console, kb, added, stats, failures, report)
    return EXIT_SOME_FAILED if failures else 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), TextColumn("{task.fields[done]}"), TimeElapsedColumn(), console=console
    )


def _record(added: AddReport, stats: dict, failures: list[tuple[str, str]], report: LoadReport) -> dict:
    return {
        "added": added.added, "replaced": added.replaced, "unchanged": added.unchanged, "passages": added.passages,
        "documents": stats["documents"], "skipped": [str(path) for path in report.skipped],
        "failures": [{"source": source, "reason": reason} for source, reason in failures],
    }  # fmt: skip


def _print(
    console: Console, kb: Path, added: AddReport, stats: dict, failures: list[tuple[str, str]], report: LoadReport
) -> None:
    console.print(
        f"{kb}: {stats['documents']} documents, {stats['passages']} passages "
        f"({added.added} added, {added.replaced} replaced, {added.unchanged} unchanged), {stats['bytes'] / 1e6:.1f} MB",
        highlight=False, markup=False,
    )  # fmt: skip
    if report.skipped:
        endings = sorted({path.suffix or path.name for path in report.skipped})
        console.print(f"skipped {len(report.skipped)} files of other kinds ({', '.join(endings[:8])})", markup=False)
    for source, reason in failures[:SHOWN_FAILURES]:
        console.print(f"  not read: {source}: {reason}", style="yellow", markup=False)
    if len(failures) > SHOWN_FAILURES:
        console.print(f"  … and {len(failures) - SHOWN_FAILURES} more (--json lists all)", style="yellow")
    if not failures or added.added:
        console.print(f"Try: firmground ask 'a question' --kb {kb}", markup=False)
