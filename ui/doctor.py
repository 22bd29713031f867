"""`firmground doctor`: what this machine has, and what to do about each problem."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from firmground.knowledge import weights
from firmground.knowledge.errors import FirmgroundError

NEEDED_BYTES = 2_000_000_000  # weights (0.7 GB with their conversion) and room for an index


@dataclass(frozen=True)
class Check:
    """One thing looked at. `remedy` is the command or step that helps, empty where all is well."""

    name: str
    status: Literal["ok", "note", "problem"]
    found: str
    remedy: str = ""


def checks(kb: Path | None = None) -> Iterator[Check]:
    """Everything that is looked at, in order."""
    version = platform.python_version()
    right = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("python", "ok" if right else "problem", version, "" if right else "use Python 3.11 to 3.13")
    yield from _torch()
    yield from _faiss()
    yield Check("cores", "ok", f"{_cores()} for this process, {platform.machine()}, {platform.system()}")
    yield from _packages()
    for name in weights.DEFAULTS:
        here = weights.is_here(name)
        found, remedy = (str(weights.resolve(name)), "") if here else ("not fetched", f"firmground weights {name}")
        yield Check(f"weights {name}", "ok" if here else "problem", found, remedy)
    yield _disk()
    if kb is not None:
        yield from _knowledge_base(kb)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _torch() -> Iterator[Check]:
    try:
        import torch
    except ImportError as error:
        yield Check("torch", "problem", f"can't be imported ({error})", "pip install torch")
        return
    yield Check("torch", "ok", torch.__version__)
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(i)
            yield Check(f"gpu {i}", "ok", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    elif shutil.which("nvidia-smi"):
        yield Check("gpu", "problem", "there is a driver, but torch sees no GPU",
                    "install a CUDA build of torch: see pytorch.org/get-started")  # fmt: skip
    else:
        yield Check("gpu", "note", "none: models run on the CPU")


def _faiss() -> Iterator[Check]:
    found = {name: _version(name) for name in ("faiss-cpu", "faiss-gpu")}
    here = [f"{name} {version}" for name, version in found.items() if version]
    if not here and importlib.util.find_spec("faiss") is None:
        yield Check("faiss", "problem", "not installed", "pip install 'firmground[cpu]' (or firmground[gpu] with CUDA)")
    elif len(here) > 1:
        yield Check("faiss", "problem", " and ".join(here), "keep one: pip uninstall faiss-cpu faiss-gpu, then install "
                    "firmground[cpu] or firmground[gpu]")  # fmt: skip
    else:
        import faiss

        gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
        yield Check("faiss", "ok", (here or [f"faiss {faiss.__version__}"])[0] + (f", {gpus} GPUs" if gpus else ""))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _packages() -> Iterator[Check]:
    for name in ("firmground", "transformers", "sentence-transformers", "langchain-core"):
        version = _version(name)
        yield Check(
            name, "ok" if version else "problem", version or "not installed", "" if version else f"pip install {name}"
        )
    streamlit = _version("streamlit")
    yield Check("streamlit", "ok" if streamlit else "note", streamlit or "not installed",
                "" if streamlit else "for `firmground ui`: pip install 'firmground[ui]'")  # fmt: skip


def _disk() -> Check:
    folder = weights.cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    enough = free > NEEDED_BYTES
    return Check("disk", "ok" if enough else "problem", f"{free / 1e9:.1f} GB free at {folder}",
                 "" if enough else "free some space, or set FIRMGROUND_CACHE to a folder on another disk")  # fmt: skip


def _knowledge_base(path: Path) -> Iterator[Check]:
    from firmground.knowledge.base import KnowledgeBase

    try:
        with KnowledgeBase.open(path) as base:
            stats, problems = base.stats(), base.verify()
    except FirmgroundError as error:
        yield Check(f"knowledge base {path}", "problem", "can't be opened", str(error))
        return
    found = f"{stats['documents']} documents, {stats['passages']} passages, encoder {stats['encoder']}"
    yield Check(f"knowledge base {path}", "problem" if problems else "ok", found, "; ".join(problems))


def run_doctor(kb: Path | None, as_json: bool) -> int:
    """Print the checks; returns 1 if any is a problem, else 0."""
    found = list(checks(kb))
    if as_json:
        print(json.dumps([asdict(check) for check in found], ensure_ascii=False))
    else:
        table = Table(title="firmground doctor")
        for column in ("", "what", "found", "what to do"):
            table.add_column(column, overflow="fold")
        signs = {"ok": "[green]✓[/green]", "note": "[dim]–[/dim]", "problem": "[red]✗[/red]"}
        for check in found:
            table.add_row(signs[check.status], check.name, check.found, check.remedy)
        Console().print(table)
    return int(any(check.status == "problem" for check in found))
