"""Comparisons started from the page: each is `firmground compare` in a process of its own, in a folder of its own.

So it goes on when the page is closed, is stopped like any process, and goes on from the rows that it left when it is
started again. What a run was asked for stands in its request.json; whether it is at work is told by its folder's lock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from firmground.eval.locked import locked
from firmground.eval.manifest import read_json
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.ui.workspace import Workspace

State = Literal["running", "done", "stopped", "failed"]

REQUEST, LOG = "request.json", "run.log"
PROCESS = "process"  # the number of the process that was started last, and how many rows there were then

_children: dict[Path, subprocess.Popen[bytes]] = {}  # started by this process: they are reaped when they are looked at


@dataclass(frozen=True)
class Request:
    """What a comparison was asked for."""

    kb: str
    questions: str
    arms: tuple[str, ...]
    limit: int
    generator: str

    def command(self, out: Path) -> list[str]:
        options = {
            "--kb": self.kb, "--questions": self.questions, "--arms": ",".join(self.arms), "--limit": str(self.limit),
            "--generator": self.generator, "--out": str(out),
        }  # fmt: skip
        return [sys.executable, "-m", "firmground.ui.cli", "compare", *(f"{key}={options[key]}" for key in options)]


@dataclass(frozen=True)
class Run:
    """A run as its folder shows it. `done` and `total` count questions; `problem`: its last words where it failed."""

    name: str
    folder: Path
    state: State
    done: int
    total: int
    request: Request | None
    problem: str = ""
    seconds_left: float | None = None


def start(workspace: Workspace, name: str, request: Request) -> Path:
    """Start a comparison in a new folder, or go on with the one there by the same request.

    Raises:
        InputError: a run of this name was asked for something else, or is at work.
    """
    folder = workspace.run(name)
    folder.mkdir(parents=True, exist_ok=True)
    before = _request(folder)
    if before is not None and before != request:
        raise InputError(f"there is a run called {name} already; take another name")
    if _is_held(folder):
        raise InputError(f"{name} is at work already")
    write_atomic(folder / REQUEST, json.dumps(asdict(request), ensure_ascii=False).encode(), "request")
    with open(folder / LOG, "wb") as log:
        process = subprocess.Popen(
            request.command(folder), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    _children[folder] = process
    (folder / PROCESS).write_text(f"{process.pid} {_rows(folder / 'outcomes.jsonl')}", encoding="ascii")
    return folder


def stop(run: Run) -> None:
    """Ask a run to stop as Ctrl-C would: what was answered is kept."""
    child = _children.get(run.folder)
    if child is not None:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
    elif run.state == "running":  # started by a page that is gone: the holder of the lock wrote its number
        try:
            os.kill(int((run.folder / PROCESS).read_text(encoding="ascii").split()[0]), signal.SIGINT)
        except (OSError, ValueError, IndexError):
            return


def look(folder: Path) -> Run:
    """What a run's folder says now."""
    request = _request(folder)
    child = _children.get(folder)
    alive = child is not None and child.poll() is None
    manifest = read_json(folder / "manifest.json") if (folder / "manifest.json").is_file() else {}
    arms = [arm["name"] for arm in manifest.get("arms", [])] or list(request.arms if request else ())
    total = int(manifest.get("questions", {}).get("count") or (request.limit if request else 0))
    rows = _rows(folder / "outcomes.jsonl")
    done = min(total, rows // max(1, len(arms)))
    complete = (folder / "summary.json").is_file() and done >= total > 0
    problem = "" if alive or complete else _last_words(folder)
    state: State = (
        "running" if alive or _is_held(folder) else "done" if complete else "failed" if problem else "stopped"
    )
    left = _left(folder, rows, len(arms), done, total) if state == "running" else None
    return Run(folder.name, folder, state, done, total, request, problem, left)


def all_runs(workspace: Workspace) -> list[Run]:
    """Every run in the workspace, the latest first."""
    if not workspace.runs.is_dir():
        return []
    folders = [
        one for one in workspace.runs.iterdir() if (one / REQUEST).is_file() or (one / "manifest.json").is_file()
    ]
    return [look(folder) for folder in sorted(folders, key=lambda one: -one.stat().st_ctime)]


def _request(folder: Path) -> Request | None:
    try:
        stored: dict[str, Any] = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        return Request(**{**stored, "arms": tuple(stored["arms"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rows(file: Path) -> int:
    try:
        with open(file, "rb") as opened:
            return sum(block.count(b"\n") for block in iter(lambda: opened.read(1 << 20), b""))
    except OSError:
        return 0


def _is_held(folder: Path) -> bool:
    """Whether a process is at work in the folder."""
    try:
        with locked(folder, []):
            return False
    except InputError:
        return True


def _last_words(folder: Path) -> str:
    """The error that the command ended with, if it did: one line, without its name. An interruption is no error."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    told = [line.removeprefix("firmground: ") for line in lines if line.startswith("firmground: ")]
    return told[-1] if told and not told[-1].startswith("interrupted") else ""


def _left(folder: Path, rows: int, arms: int, done: int, total: int) -> float | None:
    """Seconds until the end at the pace since it was started last; None where nothing is known yet."""
    try:
        before = int((folder / PROCESS).read_text(encoding="ascii").split()[1])
        spent = datetime.now(UTC).timestamp() - (folder / PROCESS).stat().st_mtime
    except (OSError, ValueError, IndexError):
        return None
    return spent / (rows - before) * arms * (total - done) if rows > before else None
