"""The truth of a knowledge base on disk: `store.sqlite`, and the vectors its commits vouch for.

SQLite holds documents, passages, lists of words and the commits; `vectors.f32` holds row i for passage i. A batch is
appended to the vectors and fsynced; SQLite's COMMIT after it is the one moment at which it comes to be. Passage ids
count up and are never used twice: what is deleted leaves a row in `deletions` and a hole in the numbers.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.durable import failpoint, fsync_folder
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.filters import Filter
from firmground.knowledge.filters import sql as filter_sql
from firmground.knowledge.indexed import indexed_text
from firmground.knowledge.lexical import Lexical, terms_fingerprint
from firmground.knowledge.lexical_lists import SCHEMA as WORD_LISTS
from firmground.knowledge.records import EncoderRecord, Entry, difference, dump, inherited_by_passages, passage_of_row
from firmground.knowledge.sqlite import REMEDY, STORE_FILE, connect, explained, insert
from firmground.knowledge.types import Document, Passage
from firmground.knowledge.vectors import StoredRows, VectorFile

FORMAT = 3  # 3: words in lists of our own, not in an FTS5 table; 2: `settings` names the file of vectors
VECTORS_FILE = "vectors.f32"
FILTERS_KEPT = 16  # the passages that the last filters leave are remembered until anything changes

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
    *WORD_LISTS,
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
            self._connection = connect(folder, writable)
        try:
            self._settings = self._read_settings()
            self.encoder = EncoderRecord.from_json(self._settings["encoder"])
            self._vectors = VectorFile(folder / self._settings.get("vectors", VECTORS_FILE), self.encoder.dimension)
            self._lexical = Lexical(self._connection)
            self._lexical_aside: tuple[Lexical, int] | None = None
            self._terms_fingerprint = terms_fingerprint()
            self.live = np.zeros(0, dtype=bool)  # (rows,): which passages still are
            self._deletions = 0
            self._filtered: dict[tuple[Any, ...], np.ndarray] = {}
            with self.snapshot():
                if writable:
                    self._vectors.cut(self.rows)
                    self._remove_other_vectors()
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
    def vectors_path(self) -> Path:
        return self._vectors.path

    @property
    def remains(self) -> int:
        """Rows that are deleted but whose bytes are still on the disk, until the base is compacted."""
        return self._deletions - int(self._settings.get("purged", 0))

    @property
    def vectors(self) -> np.ndarray:
        """(rows, dimension) float32, read-only, mapped from the disk."""
        return self._vectors.view(self.rows)

    @property
    def stored_rows(self) -> StoredRows:
        """The same, to be searched: what is looked at here and there is read and not mapped."""
        return StoredRows(self._vectors, self.rows)

    @property
    def lexical(self) -> Lexical:
        """The word index, to be searched inside the caller's snapshot.

        As long as no writer has brought up a base that an older version made, a reader makes the index in memory.
        """
        if self._settings["terms"] == self._terms_fingerprint:
            return self._lexical
        if self._lexical_aside is None or self._lexical_aside[1] != self.rows:
            aside = Lexical(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))
            aside.rebuild(self._all_passages())
            self._lexical_aside = aside, self.rows
        return self._lexical_aside[0]

    # Reading: everything between two looks at the base sees one state of it.

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one committed state, the newest at its start, whatever a writer does meanwhile."""
        with explained(self.folder):
            if self._connection.in_transaction:
                yield
                return
            self._begin()
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def _begin(self) -> None:
        """Open a transaction for reading; again where a writer took the file of vectors away before it was mapped."""
        for attempt in (1, 2, 3):
            self._connection.execute("BEGIN")
            try:
                return self._refresh()
            except BaseException as error:
                self._connection.execute("ROLLBACK")
                if attempt == 3 or not isinstance(error, KnowledgeBaseError):
                    raise

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

    def content_hashes(self, documents: Collection[str]) -> dict[str, bytes]:
        """Those of the ids that a document has, with the hash of its content."""
        sql = "SELECT id, sha256 FROM documents WHERE id IN (SELECT value FROM json_each(?))"
        with explained(self.folder):
            return dict(self._connection.execute(sql, [json.dumps(list(documents))]).fetchall())

    def document(self, document: str) -> Document | None:
        sql = "SELECT id, text, source, metadata FROM documents WHERE id = ?"
        with explained(self.folder):
            row = self._connection.execute(sql, [document]).fetchone()
        return Document(row[0], row[1], row[2], json.loads(row[3])) if row else None

    def document_ids(self, where: Filter | None = None) -> list[str]:
        """In the order in which they were stored; of those whose metadata pass the filter."""
        condition, values = filter_sql(where) if where is not None else ("1", [])
        sql = f"SELECT id FROM documents WHERE json_valid(metadata) AND {condition} ORDER BY number"
        if where is None:
            sql = "SELECT id FROM documents ORDER BY number"
        with explained(self.folder):
            return [row[0] for row in self._connection.execute(sql, values)]

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

    def allowed(self, documents: Collection[str] | None = None, where: Filter | None = None) -> np.ndarray:
        """(rows,) bool, not to be changed: passages that are, of the documents named, whose metadata pass the filter.

        Inside the caller's snapshot. Costs a look at every document's metadata where there is a filter, once for each
        state of the base; an id that isn't there, like a field that isn't, leaves nothing.
        """
        if documents is None and where is None:
            return self.live
        condition, values = filter_sql(where) if where is not None else ("1", [])
        if documents is not None:
            condition = f"documents.id IN (SELECT value FROM json_each(?)) AND {condition}"
            values = [json.dumps(list(documents)), *values]
        key = (condition, *values)
        if key not in self._filtered:
            sql = f"""SELECT id FROM passages WHERE document IN (
                      SELECT number FROM documents WHERE json_valid(documents.metadata) AND {condition})"""
            with explained(self.folder):
                found = self._connection.execute(sql, values).fetchall()
            allowed = np.zeros(self.rows, dtype=bool)
            allowed[np.array([row[0] for row in found], dtype=np.int64)] = True
            while len(self._filtered) >= FILTERS_KEPT:
                del self._filtered[next(iter(self._filtered))]
            self._filtered[key] = allowed & self.live
        return self._filtered[key]

    # Writing.

    def commit(self, entries: Sequence[Entry], vectors: np.ndarray) -> int:
        """Store documents, in place of those with the same ids, durably: when this returns all are there, else none.

        `vectors` is (passages of all entries, dimension) float32, in their order; the ids of the entries are distinct.
        Returns how many replaced another.
        """
        first, count = self.rows, len(vectors)
        with explained(self.folder), ThreadPoolExecutor(1) as aside:
            written = aside.submit(self._vectors.append, vectors, first) if count else None  # the disk's time, mostly
            with self.transaction():
                replaced = self._forget(self.content_hashes([entry.document.id for entry in entries]))
                self._insert(entries, first)
                if written:
                    values = [first, first + count - 1, written.result()]
                    self._connection.execute("INSERT INTO commits VALUES (?, ?, ?)", values)
        return replaced

    def remove(self, documents: Collection[str]) -> int:
        """Delete the documents that are there, durably; returns how many."""
        with explained(self.folder), self.transaction():
            return self._forget(documents)

    def refresh_terms(self) -> None:
        """Make the lists of words anew if another version of `terms()` made them, or if they are FTS5's still."""
        if self._settings["terms"] == self._terms_fingerprint:
            return
        with explained(self.folder), self.transaction():
            self._lexical.rebuild(self._all_passages())
            settings = {"terms": self._terms_fingerprint, "format": str(FORMAT)}
            self._connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items())
        self._settings, self._lexical_aside = self._read_settings(), None

    def verify(self) -> list[str]:
        """What is wrong with the store and the vectors, a line each; reads all of both."""
        from firmground.knowledge.verify import store_problems

        self.live, self._deletions = np.zeros(0, dtype=bool), 0  # to be read anew, not believed
        with explained(self.folder):
            return store_problems(self, self._connection, self._vectors)

    def compact(self, publish: Callable[[], None]) -> None:
        """Take what is deleted off the disk: see `compact.py`. `publish` makes the index anew, over live rows only."""
        from firmground.knowledge.compact import purge

        with explained(self.folder):
            purge(self, self._connection, publish)
            self._settings = self._read_settings()
            self._remove_other_vectors()

    def backup(self, copy: sqlite3.Connection) -> None:
        """Everything in the store's file, as the caller's snapshot sees it, into another."""
        with explained(self.folder):
            self._connection.backup(copy)

    def _remove_other_vectors(self) -> None:
        """Files of vectors that no commit vouches for: the one before compaction, or one that a crash left."""
        for path in self.folder.glob("vectors*.f32"):
            if path.name != self._vectors.path.name:
                failpoint("compact.clean")
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self._vectors.close()
        self._connection.close()

    def _all_passages(self) -> Iterator[Passage]:
        """One in memory at a time; nothing is read before the first is asked for."""
        for row in self._connection.execute(f"{PASSAGES} ORDER BY passages.id"):
            yield passage_of_row(row)

    def _insert(self, entries: Sequence[Entry], first: int) -> None:
        """Documents, passages (ids from `first` on) and terms, a statement for all rows of each."""
        last = self._connection.execute("SELECT coalesce(max(number), 0) FROM documents").fetchone()[0]
        documents: list[tuple[Any, ...]] = []
        rows: list[tuple[Any, ...]] = []
        texts: list[str] = []
        for number, entry in enumerate(entries, last + 1):
            document = entry.document
            metadata = dump(document.metadata)
            documents.append((number, document.id, document.text, document.source, metadata, entry.sha256))
            inherited = inherited_by_passages(document.metadata, document.source or document.id)
            for row, passage in enumerate(entry.passages, first + len(rows)):
                text = None if passage.text == document.text else passage.text
                delta = difference(inherited, passage.metadata)
                rows.append((row, number, passage.start, passage.end, text, delta))
                texts.append(indexed_text(passage))
        insert(self._connection, "documents", documents)
        insert(self._connection, "passages", rows)
        self._lexical.add(range(first, first + len(rows)), texts)

    def _forget(self, documents: Iterable[str]) -> int:
        """Delete documents with their passages inside the open transaction; returns how many there were."""
        forgotten = 0
        for document in documents:
            ids = [(passage.id,) for passage in self.passages_of(document)]
            self._connection.executemany("INSERT INTO deletions(passage) VALUES (?)", ids)
            self._connection.executemany("DELETE FROM passages WHERE id = ?", ids)
            forgotten += self._connection.execute("DELETE FROM documents WHERE id = ?", [document]).rowcount
        return forgotten

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is there, durably, when it ends, or none of it is."""
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
        """Bring `live` and `vectors` up to what the open transaction sees; costs three look-ups if nothing changed."""
        rows, deletions, name, terms = self._connection.execute(
            """SELECT coalesce((SELECT "last" + 1 FROM commits ORDER BY "first" DESC LIMIT 1), 0),
                      coalesce((SELECT max(number) FROM deletions), 0),
                      (SELECT value FROM settings WHERE name = 'vectors'),
                      (SELECT value FROM settings WHERE name = 'terms')"""
        ).fetchone()
        if terms and terms != self._settings["terms"]:
            self._settings = self._read_settings()
        if name and name != self._vectors.path.name:
            self._settings = self._read_settings()
            self._vectors.close()
            self._vectors = VectorFile(self.folder / name, self.encoder.dimension)
        self._vectors.view(rows)
        if rows == len(self.live) and deletions == self._deletions:
            return
        live = np.ones(rows, dtype=bool)  # a new array: whoever searches in the old one goes on there
        live[: len(self.live)] = self.live
        gone = self._connection.execute("SELECT passage FROM deletions WHERE number > ?", [self._deletions])
        live[np.array([row[0] for row in gone], dtype=np.int64)] = False
        self.live, self._deletions, self._filtered = live, deletions, {}

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
