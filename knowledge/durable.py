"""Writing so that nothing acknowledged is lost: temporary file, fsync, one atomic rename, fsync of the folder.

Every step is a failpoint. `FIRMGROUND_FAILPOINT=name` (or `name:3`, the third time) kills the process there with
SIGKILL, which is how the tests play a crash; `name=enospc` raises "No space left on device" there instead.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from pathlib import Path

_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Die, or fail as a full disk does, if the environment names this point. Costs one dictionary look-up otherwise."""
    wanted = os.environ.get("FIRMGROUND_FAILPOINT")
    if not wanted:
        return
    target, _, action = wanted.partition("=")
    target, _, times = target.partition(":")
    if target != name:
        return
    _passed[name] += 1
    if _passed[name] < int(times or 1):
        return
    if action == "enospc":
        raise OSError(errno.ENOSPC, "No space left on device")
    os.kill(os.getpid(), signal.SIGKILL)


def fsync_folder(folder: Path) -> None:
    """Make a rename in this folder durable (POSIX; a no-op where folders can't be opened)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, target: Path, name: str) -> None:
    """Rename a finished temporary file over `target`: readers see the old file or the new one, never a part."""
    with open(temporary, "rb") as file:
        failpoint(f"{name}.fsync")
        os.fsync(file.fileno())
    failpoint(f"{name}.rename")
    os.replace(temporary, target)
    fsync_folder(target.parent)
    failpoint(f"{name}.done")


def write_atomic(target: Path, data: bytes, name: str) -> None:
    """Replace `target` by `data`, durably, or leave it as it was."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            failpoint(f"{name}.write")
            file.write(data)
        publish(temporary, target, name)
    finally:
        temporary.unlink(missing_ok=True)
