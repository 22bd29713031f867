"""A judge's replies on disk: what was asked once, and paid for, isn't asked again, also after a crash.

One SQLite file; a reply counts once its commit has returned. It holds hashes of the prompts and the replies, no prompt;
a reply can quote what it was asked about, so where documents are deleted for good, delete this file too.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmground.eval.judge.prompts import Messages
from firmground.knowledge.errors import InputError

_CREATE = "CREATE TABLE IF NOT EXISTS replies(key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID"
_BUSY_SECONDS = 30.0  # another process may be writing its own reply


def key_of(model: str, prompt: Messages) -> str:
    """SHA-256 of the model's name and the prompt."""
    return hashlib.sha256(json.dumps([model, prompt], ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


class ReplyCache:
    """Replies by key, for several threads; without a connection none are kept. Opened by `open_cache`."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def known(self, keys: Iterable[str]) -> dict[str, str]:
        """The replies that are there, by key."""
        if self._connection is None:
            return {}
        found = {}
        for key in keys:
            row = self._connection.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            if row is not None:
                found[key] = row[0]
        return found

    def keep(self, key: str, reply: str) -> None:
        """Durable when it returns."""
        if self._connection is not None:
            text = reply.encode("utf-8", "replace").decode()
            with self._lock:
                self._connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, text))


@contextmanager
def open_cache(path: Path | None) -> Iterator[ReplyCache]:
    """The cache in a file, made where it is missing.

    Raises:
        InputError: the file isn't a cache of replies, or can't be written.
    """
    if path is None:
        yield ReplyCache(None)
        return
    connection = None
    try:
        # Every statement commits by itself.
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(_CREATE)
        yield ReplyCache(connection)
    except sqlite3.Error as error:
        raise InputError(f"{path} can't be used as a cache of replies ({error}); name another file, or delete it"
                         ) from error  # fmt: skip
    finally:
        if connection is not None:
            connection.close()
