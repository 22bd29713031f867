"""Comparisons started from the page: each is `firmground compare` in a process of its own (`ui/processes.py`), in a
folder of its own. What a run was asked for stands in its request.json; it goes on from the rows that it left."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from firmground.eval.manifest import read_json
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.ui import processes
from firmground.ui.workspace import Workspace

State = Literal["running", "done", "stopped", "failed"]

REQUEST = "request.json"


@dataclass(frozen=True)
class Request:
    """What a comparison was asked for."""

    kb: str
    questions: str
    arms: tuple[str, ...]
    limit: int
    generator: str
    device: str = ""

    def command(self, out: Path) -> list[str]:
        options = {
            "--kb": self.kb, "--questions": self.questions, "--arms": ",".join(self.arms), "--limit": str(self.limit),
            "--generator": self.generator, "--device": self.device, "--out": str(out),
        }  # fmt: skip
        return [*processes.FIRMGROUND, "compare", *(f"{key}={options[key]}" for key in options)]


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
    if processes.is_held(folder):
        raise InputError(f"{name} is at work already")
    write_atomic(folder / REQUEST, json.dumps(asdict(request), ensure_ascii=False).encode(), "request")
    processes.start(folder, request.command(folder), _rows(folder / "outcomes.jsonl"))
    return folder


def stop(run: Run) -> None:
    """Ask a run to stop as Ctrl-C would: what was answered is kept."""
    processes.stop(run.folder)


def look(folder: Path) -> Run:
    """What a run's folder says now. One whose manifest can't be read has failed, and says why."""
    request = _request(folder)
    alive = processes.is_alive(folder)
    path = folder / "manifest.json"
    try:
        manifest = read_json(path) if path.is_file() else {}
        arms = [str(arm["name"]) for arm in manifest.get("arms", [])] or list(request.arms if request else ())
        total = int(manifest.get("questions", {}).get("count") or (request.limit if request else 0))
    except InputError as error:
        return Run(folder.name, folder, "failed", 0, 0, request, str(error))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{path} isn't what a run has ({error!r}); run it again, or delete the folder"
        return Run(folder.name, folder, "failed", 0, 0, request, problem)
    rows = _rows(folder / "outcomes.jsonl")
    done = min(total, rows // max(1, len(arms)))
    complete = (folder / "summary.json").is_file() and done >= total > 0
    problem = "" if alive or complete else processes.last_words(folder)
    state: State = (
        "running" if alive or processes.is_held(folder) else "done" if complete else "failed" if problem else "stopped"
    )
    pace = processes.pace(folder, rows) if state == "running" else None
    left = None if pace is None else pace * len(arms) * (total - done)
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
        known = file.stat()
        return _rows_of(file, known.st_mtime_ns, known.st_size)
    except OSError:
        return 0


@lru_cache(maxsize=64)  # a long run has more than 100 MB of rows, and the page looks at every run whenever it is drawn
def _rows_of(file: Path, changed: int, size: int) -> int:
    with open(file, "rb") as opened:
        return sum(block.count(b"\n") for block in iter(lambda: opened.read(1 << 20), b""))
