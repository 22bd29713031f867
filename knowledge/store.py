"""The truth of a knowledge base on disk: `store.sqlite`, and the vectors its commits vouch for.

SQLite holds documents, passages, the lexical terms and the commits; `vectors.f32` holds row i for passage i. A batch is
appended to the vectors and fsynced first; SQLite's COMMIT is then the one moment at which it comes to be. Passage ids
count up and are never used twice: what is deleted leaves a row in `deletions` and a hole in the numbers.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from firmground.knowledge.durable import failpoint, fsync_folder
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.lexical import CREATE, Lexical, terms_fingerprint
from firmground.knowledge.records import EncoderRecord, Entry, difference, dump, inherited_by_passages, passage_of_row
from firmground.knowledge.types import Document, Passage
from firmground.knowledge.vectors import VectorFile

FORMAT = 1
STORE_FILE = "store.sqlite"
VECTORS_FILE = "vectors.f32"
BUSY_SECONDS = 30.0  # how long a moment in which SQLite itself is locked is waited for
REMEDY = "restore a copy, or delete the folder and index the documents again"

SCHEMA = (
    "CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE documents(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL,
       source TEXT NOT NULL, metadata TEXT NOT NULL, sha256 BLOB NOT NULL)""",
    # text: NULL where the passage is the whole document; metadata: how it differs from the document's, NULL if not.
    """CREATE TABLE passages(id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents(number),
       start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT, metadata TEXT)""",
    "CREATE INDEX passages_of_document ON passages(document)",
    """CREATE TABLE commits("first" INTEGER PRIMARY KEY, "last" INTEGER NOT NULL, crc32 INTEGER NOT NULL)""",
    "CREATE TABLE deletions(number INTEGER PRIMARY KEY, passage INTEGER NOT NULL)",
    CREATE,
)

PASSAGES = """SELECT passages.id, documents.id, coalesce(passages.text, documents.text), passages.start, passages."end",
              passages.metadata, documents.metadata, documents.source
              FROM passages JOIN documents ON documents.number = passages.document"""


class Store:
    """Documents, passages, terms and vectors in one folder; every change is all there or not there at all."""

    def __init__(self, folder: Path, writable: bool):
        self.folder = folder
        self.writable = writable
        if not (folder / STORE_FILE).is_file():
            raise KnowledgeBaseError(f"{folder / STORE_FILE} is missing; {REMEDY}")
        with explained(folder):
            self._connection = _connect(folder, writable)
        try:
            self._settings = self._read_settings()
            self.encoder = EncoderRecord.from_json(self._settings["encoder"])
            self._vectors = VectorFile(folder / VECTORS_FILE, self.encoder.dimension)
            self.lexical = Lexical(self._connection)
            self.live = np.zeros(0, dtype=bool)  # (rows,): which passages still are
            self._deletions = 0
            with self.snapshot():
                self._vectors.check(self.rows)
                if writable:
                    self._vectors.cut(self.rows)
        except BaseException:
            self._connection.close()
            raise

    @staticmethod
    def create(folder: Path, encoder: EncoderRecord, created: str) -> None:
        """Make an empty store. The caller holds the writer's lock and knows that no base is there."""
        settings = {"format": str(FORMAT), "encoder": encoder.to_json(), "created": created}
        settings["terms"] = terms_fingerprint()
        with explained(folder):
            VectorFile.create(folder / VECTORS_FILE)
            connection = sqlite3.connect(folder / STORE_FILE, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("BEGIN IMMEDIATE")
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
                failpoint("create.commit")
                connection.execute("COMMIT")
                failpoint("create.committed")
            finally:
                connection.close()
            fsync_folder(folder)

    @property
    def created(self) -> str:
        return self._settings["created"]

    @property
    def rows(self) -> int:
        """Committed rows of vectors, deleted ones included: the next passage's id."""
        return len(self.live)

    @property
    def vectors(self) -> np.ndarray:
        """(rows, dimension) float32, read-only, mapped from the disk."""
        return self._vectors.view(self.rows)

    # Reading: everything between two looks at the base sees one state of it.

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one committed state, the newest at its start, whatever a writer does meanwhile."""
        with explained(self.folder):
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                self._refresh()
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def count(self) -> tuple[int, int]:
        """How many documents and passages there are."""
        with self.snapshot():
            documents = self._connection.execute("SELECT count(*) FROM documents").fetchone()[0]
        return documents, int(self.live.sum())

    def contents(self) -> str:
        """One hash of every document's id and content: the same for the same documents, in whatever order they came."""
        digest = hashlib.sha256()
        with explained(self.folder):
            for name, sha256 in self._connection.execute("SELECT id, sha256 FROM documents ORDER BY id"):
                digest.update(f"{len(name)} {name} ".encode())
                digest.update(sha256)
        return digest.hexdigest()[:32]

    def content_hash(self, document: str) -> bytes | None:
        with explained(self.folder):
            row = self._connection.execute("SELECT sha256 FROM documents WHERE id = ?", [document]).fetchone()
        return row[0] if row else None

    def document(self, document: str) -> Document | None:
        sql = "SELECT id, text, source, metadata FROM documents WHERE id = ?"
        with explained(self.folder):
            row = self._connection.execute(sql, [document]).fetchone()
        return Document(row[0], row[1], row[2], json.loads(row[3])) if row else None

    def document_ids(self) -> list[str]:
        """In the order in which they were stored."""
        with explained(self.folder):
            return [row[0] for row in self._connection.execute("SELECT id FROM documents ORDER BY number")]

    def passages(self, ids: Collection[int]) -> dict[int, Passage]:
        """Those of the passages that (still) are."""
        with explained(self.folder):
            rows = self._connection.execute(
                f"{PASSAGES} WHERE passages.id IN (SELECT value FROM json_each(?))", [json.dumps([int(i) for i in ids])]
            )
            return {row[0]: passage_of_row(row) for row in rows}

    def passages_of(self, document: str) -> list[Passage]:
        """In the order in which they stand in the document."""
        with explained(self.folder):
            rows = self._connection.execute(f"{PASSAGES} WHERE documents.id = ? ORDER BY passages.id", [document])
            return [passage_of_row(row) for row in rows]

    def rows_of(self, documents: Collection[str]) -> np.ndarray:
        """(n,) int64: the ids of the passages of the documents named; a name that isn't there has none."""
        sql = """SELECT passages.id FROM passages JOIN documents ON documents.number = passages.document
                 WHERE documents.id IN (SELECT value FROM json_each(?))"""
        with explained(self.folder):
            found = self._connection.execute(sql, [json.dumps(list(documents))]).fetchall()
        return np.array([row[0] for row in found], dtype=np.int64)

    # Writing.

    def commit(self, entries: Sequence[Entry], vectors: np.ndarray) -> int:
        """Store documents, in place of those with the same ids, durably: when this returns all are there, else none.

        `vectors` is (passages of all entries, dimension) float32, in their order; the ids of the entries are distinct.
        Returns how many replaced another.
        """
        ids = [entry.document.id for entry in entries]
        first = self.rows
        with explained(self.folder):
            checksum = self._vectors.append(vectors, first) if len(vectors) else 0
            with self._transaction():
                replaced = self._forget(self._stored(ids))
                following = first
                for entry in entries:
                    self._insert(entry, following)
                    following += len(entry.passages)
                if following > first:
                    values = [first, following - 1, checksum]
                    self._connection.execute("INSERT INTO commits VALUES (?, ?, ?)", values)
        return replaced

    def remove(self, documents: Collection[str]) -> int:
        """Delete the documents that are there, durably; returns how many."""
        with explained(self.folder), self._transaction():
            return self._forget(documents)

    def refresh_terms(self) -> None:
        """Make the table of terms anew if another version of `terms()` made it: deleting needs the very same terms."""
        if self._settings["terms"] == terms_fingerprint():
            return
        with explained(self.folder), self._transaction():
            self.lexical.rebuild(self._all_passages())
            self._connection.execute("UPDATE settings SET value = ? WHERE name = 'terms'", [terms_fingerprint()])
        self._settings = self._read_settings()

    def verify(self) -> list[str]:
        """What is wrong with the store and the vectors, a line each; reads all of both."""
        from firmground.knowledge.verify import store_problems

        self.live, self._deletions = np.zeros(0, dtype=bool), 0  # to be read anew, not believed
        with explained(self.folder):
            return store_problems(self, self._connection, self._vectors)

    def close(self) -> None:
        self._vectors.close()
        self._connection.close()

    def _all_passages(self) -> Iterator[Passage]:
        """One in memory at a time; nothing is read before the first is asked for."""
        for row in self._connection.execute(PASSAGES):
            yield passage_of_row(row)

    def _stored(self, documents: Collection[str]) -> list[str]:
        """Those of the ids that a document has."""
        sql = "SELECT id FROM documents WHERE id IN (SELECT value FROM json_each(?))"
        return [row[0] for row in self._connection.execute(sql, [json.dumps(list(documents))])]

    def _insert(self, entry: Entry, first: int) -> None:
        document = entry.document
        values = [document.id, document.text, document.source, dump(document.metadata), entry.sha256]
        sql = "INSERT INTO documents(id, text, source, metadata, sha256) VALUES (?, ?, ?, ?, ?)"
        number = self._connection.execute(sql, values).lastrowid
        inherited = inherited_by_passages(document.metadata, document.source)
        passages = [
            Passage(first + offset, document.id, passage.text, passage.start, passage.end, passage.metadata)
            for offset, passage in enumerate(entry.passages)
        ]
        self._connection.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    passage.id,
                    number,
                    passage.start,
                    passage.end,
                    None if passage.text == document.text else passage.text,
                    difference(inherited, passage.metadata),
                )
                for passage in passages
            ),
        )
        self.lexical.add(passages)

    def _forget(self, documents: Iterable[str]) -> int:
        """Delete documents with their passages and terms inside the open transaction; returns how many there were."""
        forgotten = 0
        for document in documents:
            passages = self.passages_of(document)
            self.lexical.remove(passages)
            ids = [(passage.id,) for passage in passages]
            self._connection.executemany("INSERT INTO deletions(passage) VALUES (?)", ids)
            self._connection.executemany("DELETE FROM passages WHERE id = ?", ids)
            forgotten += self._connection.execute("DELETE FROM documents WHERE id = ?", [document]).rowcount
        return forgotten

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            failpoint("store.commit")
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        failpoint("store.committed")
        with self.snapshot():
            pass

    def _refresh(self) -> None:
        """Bring `live` up to the state that the open transaction sees; costs two look-ups where nothing changed."""
        rows, deletions = self._connection.execute(
            """SELECT coalesce((SELECT "last" + 1 FROM commits ORDER BY "first" DESC LIMIT 1), 0),
                      coalesce((SELECT max(number) FROM deletions), 0)"""
        ).fetchone()
        if rows == len(self.live) and deletions == self._deletions:
            return
        live = np.ones(rows, dtype=bool)  # a new array: whoever searches in the old one goes on there
        live[: len(self.live)] = self.live
        gone = self._connection.execute("SELECT passage FROM deletions WHERE number > ?", [self._deletions])
        live[np.array([row[0] for row in gone], dtype=np.int64)] = False
        self.live, self._deletions = live, deletions

    def _read_settings(self) -> dict[str, str]:
        with explained(self.folder):
            settings = dict(self._connection.execute("SELECT name, value FROM settings").fetchall())
        if not {"format", "encoder", "created", "terms"} <= settings.keys():
            raise KnowledgeBaseError(f"{self.folder / STORE_FILE} is damaged (its settings are gone); {REMEDY}")
        if int(settings["format"]) > FORMAT:
            raise KnowledgeBaseError(
                f"{self.folder} has format {settings['format']}, this firmground reads up to {FORMAT}: "
                "upgrade it with `pip install -U firmground`"
            )
        return settings


def exists(folder: Path) -> bool:
    """Whether a store was made here to the end; a file that SQLite can't read counts as one, to be told as damaged."""
    if not (folder / STORE_FILE).is_file():
        return False
    try:
        connection = _connect(folder, writable=False)
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


def _connect(folder: Path, writable: bool) -> sqlite3.Connection:
    """A reader opens the file for writing where it may (it takes part in WAL's bookkeeping) but changes no content."""
    mode = "mode=rw"
    if not os.access(folder, os.W_OK):  # a medium that can't be written: nobody changes it while we read
        mode = "mode=ro&immutable=1"
    uri = f"{(folder / STORE_FILE).absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    if not writable:
        connection.execute("PRAGMA query_only=ON")
    return connection
