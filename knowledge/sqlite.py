"""How the store's file is opened, and what SQLite and the disk say told in one line."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from firmground.knowledge.errors import KnowledgeBaseError

STORE_FILE = "store.sqlite"
BUSY_SECONDS = 30.0  # how long a moment in which SQLite itself is locked is waited for
LOG_PAGES = 4_000  # of 4 kB are written to the log before they go into the file: adding is a quarter dearer at 1,000
WRITER_CACHE_KB = 16_000  # of pages in memory while writing: adding is a tenth dearer at SQLite's own 2,000
ROWS_A_STATEMENT = 64  # when many are inserted: a third cheaper than one by one, and no cheaper with more
REMEDY = "restore a copy, or delete the folder and index the documents again"


def exists(folder: Path) -> bool:
    """Whether a store was made here to the end; a file that SQLite can't read counts as one, to be told as damaged."""
    if not (folder / STORE_FILE).is_file():
        return False
    try:
        connection = connect(folder, writable=False)
    except sqlite3.DatabaseError:
        return True
    try:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'settings'").fetchone()[0])
    except sqlite3.DatabaseError:
        return True
    finally:
        connection.close()


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into a KnowledgeBaseError of one line with the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code; the rest is detail
        if code == sqlite3.SQLITE_FULL:
            raise KnowledgeBaseError(_full(folder)) from error
        if code == sqlite3.SQLITE_BUSY:
            raise KnowledgeBaseError(f"{folder} stayed locked for {BUSY_SECONDS:g} s: try again") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
            raise KnowledgeBaseError(
                f"{folder} can't be read or written ({error}): check its disk (is it full?) and its permissions"
            ) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "no such table" in str(error):
            raise KnowledgeBaseError(f"{folder / STORE_FILE} is damaged ({error}); {REMEDY}") from error
        raise  # our own mistake
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise KnowledgeBaseError(_full(folder)) from error


def _full(folder: Path) -> str:
    return (
        f"no room left on the disk of {folder}: everything stored before is kept; "
        "free some space and run the same command again, it goes on from there"
    )


def connect(folder: Path, writable: bool) -> sqlite3.Connection:
    """A reader opens the file for writing where it may (it takes part in WAL's bookkeeping) but changes no content."""
    mode = "mode=rw"
    if not os.access(folder, os.W_OK):  # a medium that can't be written: nobody changes it while we read
        mode = "mode=ro&immutable=1"
    uri = f"{(folder / STORE_FILE).absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    if writable:
        connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KB}")
    else:
        connection.execute("PRAGMA query_only=ON")
    return connection


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows with a value for every column of the table, in the open transaction."""
    if not rows:
        return
    marks = f"({', '.join('?' * len(rows[0]))})"
    full = len(rows) - len(rows) % ROWS_A_STATEMENT
    groups = (
        list(chain.from_iterable(rows[start : start + ROWS_A_STATEMENT])) for start in range(0, full, ROWS_A_STATEMENT)
    )
    connection.executemany(f"INSERT INTO {table} VALUES {', '.join([marks] * ROWS_A_STATEMENT)}", groups)
    connection.executemany(f"INSERT INTO {table} VALUES {marks}", rows[full:])
