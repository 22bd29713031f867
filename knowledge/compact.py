"""Take what is deleted off the disk, while readers go on reading. Row numbers stay as they are.

A deletion is at once out of every search, but its bytes lie about: its vector in the file of vectors and in the index,
its text in pages of SQLite that are free, its words in the lists of its segment. In this order, so that a
crash at any point leaves a base that is whole and can be compacted again:

1. a new file of vectors with holes where rows are deleted, beside the old one;
2. one transaction: the lists of words without what is deleted, the new checksums, the new file's name;
3. a new index over live rows;
4. SQLite's file rewritten (VACUUM) and its log emptied;
5. only now noted as done, and the old file of vectors removed.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from firmground.knowledge.durable import failpoint, publish
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.vectors import VectorFile

if TYPE_CHECKING:
    from firmground.knowledge.store import Store

# A writer that closes compacts where at least this share of the rows on disk is deleted: then the rewriting costs at
# most three times what was deleted, and the files hold at most a third more than they must.
DUE_SHARE = 0.25


def due(remains: int, live: int) -> bool:
    """Whether a writer that closes should compact: `remains` deleted rows are on the disk beside `live` ones."""
    return remains > 0 and remains >= DUE_SHARE * (remains + live)


def purge(store: Store, connection: sqlite3.Connection, publish_index: Callable[[], None]) -> None:
    """Rewrite the store's files without what is deleted. The caller holds the writer's lock.

    Raises KnowledgeBaseError if readers kept SQLite's log busy to the end: all is well, but run it again.
    """
    deletions = connection.execute("SELECT coalesce(max(number), 0) FROM deletions").fetchone()[0]
    target = _next_file(store.vectors_path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        VectorFile.write(temporary, store.vectors, store.live)
        publish(temporary, target, "compact")
    finally:
        temporary.unlink(missing_ok=True)
    _switch(store, connection, VectorFile(target, store.encoder.dimension))
    publish_index()
    failpoint("compact.vacuum")
    connection.execute("VACUUM")
    _empty_log(store.folder, connection)
    failpoint("compact.note")
    connection.execute("INSERT OR REPLACE INTO settings VALUES ('purged', ?)", [str(deletions)])


def _next_file(current: Path) -> Path:
    """vectors.f32, vectors-000002.f32, vectors-000003.f32, …"""
    found = re.fullmatch(r"vectors-(\d+)\.f32", current.name)
    return current.with_name(f"vectors-{(int(found[1]) if found else 1) + 1:06d}.f32")


def _switch(store: Store, connection: sqlite3.Connection, vectors: VectorFile) -> None:
    """In one transaction: from now on these vectors count, with these checksums, and no term of a deleted passage."""
    from firmground.knowledge.store import FORMAT

    commits = connection.execute('SELECT "first", "last" FROM commits').fetchall()
    checksums = [(vectors.checksum(first, last), first) for first, last in commits]
    with store.transaction():
        store.lexical.purge(store.live)
        connection.executemany('UPDATE commits SET crc32 = ? WHERE "first" = ?', checksums)
        settings = {"format": str(FORMAT), "vectors": vectors.path.name}
        connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items())


def _empty_log(folder: Path, connection: sqlite3.Connection) -> None:
    """Bring the write-ahead log into the file and cut it to nothing, waiting for readers as long as SQLite does."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise KnowledgeBaseError(f"{folder} was read all the time, so something deleted remains: compact it again")
