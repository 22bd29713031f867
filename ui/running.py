"""Comparisons started from the page: each is `firmground compare` in a process of its own (`ui/processes.py`), in a
folder of its own. It goes on from the rows that it left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from firmground.eval.manifest import read_json
from firmground.knowledge.errors import InputError
from firmground.ui import processes
from firmground.ui.processes import State
from firmground.ui.workspace import Workspace


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
    processes.begin(folder, request, _request(folder), _rows(folder / "outcomes.jsonl"))
    return folder


def look(folder: Path) -> Run:
    """What a run's folder says now. One whose manifest can't be read has failed, and says why."""
    request = _request(folder)
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
    state, problem = processes.state(folder, complete)
    pace = processes.pace(folder, rows) if state == "running" else None
    left = None if pace is None else pace * len(arms) * (total - done)
    return Run(folder.name, folder, state, done, total, request, problem, left)


def all_runs(workspace: Workspace) -> list[Run]:
    """Every run in the workspace, the latest first."""
    return [look(folder) for folder in processes.folders(workspace.runs, "manifest.json")]


def _request(folder: Path) -> Request | None:
    def make(arms: list[str], **more: Any) -> Request:
        return Request(arms=tuple(arms), **more)

    return processes.requested(folder, make)


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
