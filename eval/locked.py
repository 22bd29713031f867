"""A run's folder, held by one process at a time, so that none writes while another reads or writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from firmground.knowledge.errors import InputError


@contextlib.contextmanager
def locked(folder: Path, files: Sequence[str]) -> Iterator[None]:
    """Make the folder and hold it alone; temporary files that a crash left of `files` are removed.

    Raises:
        InputError: the folder can't be written, or another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / ".lock", "a")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"can't write to {folder}: {error.strerror}; take another folder") from error
    with file:
        try:
            import fcntl
        except ImportError:  # Windows: no lock, two runs at once are on their own
            pass
        else:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"another process is writing to {folder}; wait until it has ended, or take another folder"
                ) from error
        for name in files:
            for leftover in folder.glob(f".{name}.*.tmp"):
                leftover.unlink(missing_ok=True)
        yield
