"""Work that the page starts and that goes on without it: a command in a process of its own, in a folder of its own.

So it isn't ended by a closed tab, is stopped like any process, and goes on from what it left when it is started again.
Whether it is at work is told by its folder's lock (`eval/locked.py`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from firmground.eval.locked import locked
from firmground.knowledge.errors import InputError

FIRMGROUND = (sys.executable, "-m", "firmground.ui.cli")
# A page started in the background ignores Ctrl-C, and what it starts would inherit that: nothing could stop it.
_STOPPABLE = (
    sys.executable, "-I", "-S", "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
)  # fmt: skip
LOG = "run.log"
PROCESS = "process"  # the number of the process that was started last, and how much was done then

_children: dict[Path, subprocess.Popen[bytes]] = {}  # started by this process: they are reaped when they are looked at


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
    """Whether a process is at work in the folder."""
    try:
        with locked(folder, []):
            return False
    except InputError:
        return True


def last_words(folder: Path) -> str:
    """The error that the command ended with, if it did: one line, without its name. An interruption is no error."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    told = [line.removeprefix("firmground: ") for line in lines if line.startswith("firmground: ")]
    return told[-1] if told and not told[-1].startswith("interrupted") else ""


def pace(folder: Path, done: int) -> float | None:
    """Seconds that each of what was done took since it was started last; None where nothing is known yet."""
    try:
        before = int((folder / PROCESS).read_text(encoding="ascii").split()[1])
        spent = datetime.now(UTC).timestamp() - (folder / PROCESS).stat().st_mtime
    except (OSError, ValueError, IndexError):
        return None
    return spent / (done - before) if done > before else None
