"""Work that the page starts and that goes on without it: a command in a process of its own, in a folder of its own.

So it isn't ended by a closed tab, is stopped like any process, and goes on from what it left when it is started again.
Whether it is at work is told by its folder's lock (`eval/locked.py`); what it was asked for stands in `request.json`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from firmground.eval.locked import locked
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError

FIRMGROUND = (sys.executable, "-m", "firmground.ui.cli")
# A page started in the background ignores Ctrl-C, and what it starts would inherit that: nothing could stop it.
_STOPPABLE = (
    sys.executable, "-I", "-S", "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
)  # fmt: skip
State = Literal["running", "done", "stopped", "failed"]

REQUEST = "request.json"
LOG = "run.log"
PROCESS = "process"  # the number of the process that was started last, and how much was done then

_children: dict[Path, subprocess.Popen[bytes]] = {}  # started by this process: they are reaped when they are looked at


class Work(Protocol):
    """What is asked for: a dataclass of plain values, and the command that does it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def command(self, out: Path) -> list[str]: ...


Asked = TypeVar("Asked", bound=Work)


def begin(folder: Path, request: Asked, before: Asked | None, done: int) -> None:
    """Start work in a new folder, or go on with what is there by the same request.

    Args:
        before: what the folder was asked for so far, as `requested` tells it.
        done: how much of it is done.

    Raises:
        InputError: something of this name was asked for something else, or is at work.
    """
    if before is not None and before != request:
        raise InputError(f"there is one called {folder.name} already; take another name")
    if is_held(folder):
        raise InputError(f"{folder.name} is at work already")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / REQUEST, json.dumps(asdict(request), ensure_ascii=False).encode(), "request")
    start(folder, request.command(folder), done)


def requested(folder: Path, make: Callable[..., Asked]) -> Asked | None:
    """What the work in a folder was asked for; None where that isn't known, as of work that a command started."""
    try:
        return make(**json.loads((folder / REQUEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def folders(parent: Path, *files: str) -> list[Path]:
    """Folders of work: those that hold one of the files, the latest first."""
    if not parent.is_dir():
        return []
    found = [one for one in parent.iterdir() if any((one / name).is_file() for name in (REQUEST, *files))]
    return sorted(found, key=lambda one: -one.stat().st_ctime)


def state(folder: Path, complete: bool) -> tuple[State, str]:
    """How the work in a folder stands, and the error that it ended with, if it did. `complete`: all of it is done."""
    if is_alive(folder) or is_held(folder):
        return "running", ""
    if complete:
        return "done", ""
    problem = last_words(folder)
    return "failed" if problem else "stopped", problem


def start(folder: Path, command: Sequence[str], done: int) -> None:
    """Start a command; what it prints goes to the folder's log. `done`: how much is done so far."""
    with open(folder / LOG, "wb") as log:
        process = subprocess.Popen(
            [*_STOPPABLE, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    _children[folder] = process
    (folder / PROCESS).write_text(f"{process.pid} {done}", encoding="ascii")


def stop(folder: Path) -> None:
    """Ask it to stop as Ctrl-C would: what was done is kept."""
    child = _children.get(folder)
    if child is not None:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
    elif is_held(folder):  # started by a page that is gone: the holder of the lock wrote its number
        try:
            os.kill(int((folder / PROCESS).read_text(encoding="ascii").split()[0]), signal.SIGINT)
        except (OSError, ValueError, IndexError):
            return


def is_alive(folder: Path) -> bool:
    """Whether this page started it, and it hasn't ended."""
    child = _children.get(folder)
    return child is not None and child.poll() is None


def is_held(folder: Path) -> bool:
    """Whether a process is at work in the folder. None is where there is no lock, or none that one could take."""
    if not os.access(folder / ".lock", os.W_OK):
        return False
    try:
        with locked(folder, []):
            return False
    except InputError:
        return True


def last_words(folder: Path) -> str:
    """The error that the command ended with, if it did: one line, without its name. An interruption is no error."""
    told = [line.removeprefix("firmground: ") for line in log_lines(folder) if line.startswith("firmground: ")]
    return told[-1] if told and not told[-1].startswith("interrupted") else ""


def log_lines(folder: Path) -> list[str]:
    """What the command has printed."""
    try:
        return (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def pace(folder: Path, done: int) -> float | None:
    """Seconds that each of what was done took since it was started last; None where nothing is known yet."""
    try:
        before = int((folder / PROCESS).read_text(encoding="ascii").split()[1])
        spent = datetime.now(UTC).timestamp() - (folder / PROCESS).stat().st_mtime
    except (OSError, ValueError, IndexError):
        return None
    return spent / (done - before) if done > before else None
