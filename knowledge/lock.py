"""One writer at a time: an exclusive lock that the operating system takes back when its process dies."""

from __future__ import annotations

import os
from pathlib import Path

from firmground.knowledge.errors import KnowledgeBaseError

LOCK_FILE = ".lock"


class WriterLock:
    """Holds `folder/.lock` by flock(2) from construction to `release()`, or until the process ends, however it ends.

    The file holds the writer's process id, for the message that the next one gets; the file itself is no lock and is
    left lying. Raises KnowledgeBaseError where another writer, in this process or another, holds it.
    """

    def __init__(self, folder: Path):
        import fcntl

        self._file = open(folder / LOCK_FILE, "a+", encoding="utf-8")  # noqa: SIM115 (held open: that is the lock)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(folder)
            self._file.close()
            raise KnowledgeBaseError(
                f"{folder} is being written by {holder}: wait until it has ended, or open the base for reading only"
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        self._file.close()


def _holder(folder: Path) -> str:
    process = (folder / LOCK_FILE).read_text(encoding="utf-8", errors="replace").strip()
    if process == str(os.getpid()):
        return f"this process ({process})"
    return f"process {process}" if process else "another process"
