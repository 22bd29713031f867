"""A knowledge base: a folder of documents that can be searched by meaning and by words, while it is written to.

    with KnowledgeBase.create("kb", encoder) as base:
        base.add(documents)
        hits = base.search("Why is the sky blue?")

What `add` and `remove` have done is durable when they return (and, batch by batch, when `progress` is told); a crash at
any point leaves the last good state, and adding the same documents again goes on where it was.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack, overload

import numpy as np

from firmground.knowledge import store as stores
from firmground.knowledge.compact import due as compaction_due
from firmground.knowledge.errors import FirmgroundError, InputError, KnowledgeBaseError
from firmground.knowledge.filters import parse
from firmground.knowledge.fold import SPARE, folded
from firmground.knowledge.folder import file_sizes, is_base, make_base, usable_folder
from firmground.knowledge.fuse import DENSE_WEIGHT
from firmground.knowledge.gpu import check_device
from firmground.knowledge.index import VectorIndex
from firmground.knowledge.index_kinds import Kind, choose
from firmground.knowledge.intake import Intake, check_encoder, encode
from firmground.knowledge.lock import WriterLock
from firmground.knowledge.records import AddReport, EncoderRecord
from firmground.knowledge.rerank import RERANK_DEPTH, diversify, rerank
from firmground.knowledge.search import Mode, SearchOptions, Where, check_search, question_vectors, retrieve
from firmground.knowledge.types import Document, Encoder, Hit, Passage

__all__ = ["AddReport", "KnowledgeBase", "Mode"]

log = logging.getLogger(__name__)


class KnowledgeBase:
    """Made by `create` or `open`; a context manager. Threads may share one; of writers there is one at a time."""

    def __init__(
        self, folder: Path, encoder: Encoder | None, lock: WriterLock | None, device: str, index: str | Kind | None
    ):
        self.path = folder
        self.encoder = encoder
        self._lock = lock
        self._mutex = threading.RLock()
        self._closed = False
        self._store = stores.Store(folder, writable=lock is not None)
        try:
            check_encoder(folder, self._store.encoder, encoder)
            self._index = VectorIndex(folder, self._store.encoder, self._store.created, device)
            if lock is not None:
                self._store.refresh_terms()
                self._repair()
                if index is not None and index != self._index.wanted:
                    self.reindex(index)
        except BaseException:
            self._store.close()
            raise

    @classmethod
    def create(
        cls,
        path: str | Path,
        encoder: Encoder,
        *,
        exist_ok: bool = False,
        index: str | Kind | None = None,
        device: str = "auto",
    ) -> KnowledgeBase:
        """Make an empty base in a new or empty folder and open it for writing; `exist_ok`: or open the one there.

        `index`: auto (by how many passages there are), exact, ivf, hnsw, or a `Kind` with parameters of your own; None
        leaves an older base the one it has. `device`: as for `open`.
        Raises InputError if the folder holds something else (or a base, without `exist_ok`) or there is no such kind or
        device, KnowledgeBaseError if the base there is damaged, locked, or was made with another encoder.
        """
        choose(index or "auto", 0, encoder.dimension)
        check_device(device)
        folder = usable_folder(Path(path))
        with stores.explained(folder):
            lock = WriterLock(folder)
        try:
            if not is_base(folder):
                make_base(folder, encoder, index or "auto")
            elif not exist_ok:
                raise InputError(f"{folder} is a knowledge base already: open it, or take another folder")
            return cls(folder, encoder, lock, device, index)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(
        cls, path: str | Path, encoder: Encoder | None = None, *, writable: bool = False, device: str = "auto"
    ) -> KnowledgeBase:
        """Open the base at `path`. Without an encoder only searching by words works.

        `device` that vectors are searched on: cpu, cuda (all GPUs, or an error), or auto (GPUs where it pays).
        Raises InputError if there is no base or no such device, KnowledgeBaseError if the base is damaged, of a newer
        format, was made with another encoder, or (`writable`) is being written already.
        """
        folder = Path(path)
        if not is_base(folder):
            raise InputError(
                f"no knowledge base at {folder}: check the path, or make one with `firmground index PATH --kb {folder}`"
            )
        with stores.explained(folder):
            lock = WriterLock(folder) if writable else None
        try:
            return cls(folder, encoder, lock, device, None)
        except BaseException:
            if lock:
                lock.release()
            raise

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._close(compact=error is None)

    def close(self) -> None:
        """A writer compacts the base first where much of it is deleted (see `compact.DUE_SHARE`)."""
        self._close(compact=True)

    def _close(self, compact: bool) -> None:
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            try:
                if compact and self._lock and compaction_due(self._store.remains, self._store.count()[1]):
                    self._store.compact(partial(self._publish, anew=True))
            except (FirmgroundError, OSError) as error:  # closing must not fail for what can be done another time
                log.warning("%s wasn't compacted: %s", self.path, error)
            finally:
                self._index.close()
                self._store.close()
                if self._lock:
                    self._lock.release()

    # What is there.

    @property
    def encoder_record(self) -> EncoderRecord:
        """Which encoder the base was made with."""
        return self._store.encoder

    def __len__(self) -> int:
        """How many documents there are."""
        return self._store.count()[0]

    def __bool__(self) -> bool:
        return True  # an empty base is a base

    def __contains__(self, document: object) -> bool:
        with self._mutex:
            return isinstance(document, str) and bool(self._store.content_hashes([document]))

    def document(self, document: str) -> Document:
        """Raises InputError if there is none with this id."""
        with self._mutex:
            found = self._store.document(document)
        if found is None:
            raise InputError(f"no document {document!r} in {self.path}")
        return found

    def documents(self, where: Where | None = None) -> Iterator[Document]:
        """All documents, or those that pass a filter, in the order in which they were stored, one at a time."""
        filtered = None if where is None else parse(where)
        with self._mutex:
            ids = self._store.document_ids(filtered)
        for document in ids:
            with self._mutex:
                found = self._store.document(document)
            if found is not None:  # a writer may have removed it meanwhile
                yield found

    def passage(self, passage: int) -> Passage:
        """Raises InputError if there is none with this id (any more)."""
        with self._mutex:
            found = self._store.passages([passage])
        if passage not in found:
            raise InputError(f"no passage {passage} in {self.path}")
        return found[passage]

    def passages(self, document: str) -> list[Passage]:
        """A document's passages in the order in which they stand in it; none where there is no such document."""
        with self._mutex:
            return self._store.passages_of(document)

    def vectors(self, passages: Sequence[int]) -> np.ndarray:
        """(n, dimension) float32, rows of length 1: the vectors of passages by id, as they were stored."""
        with self._mutex, self._store.snapshot():
            return self._store.stored_rows[np.array(passages, dtype=np.int64)]

    def identity(self) -> dict[str, Any]:
        """What an answer depends on: the documents and the encoder, not where or how they lie on disk."""
        with self._mutex, self._store.snapshot():
            (documents, passages), record = self._store.count(), self.encoder_record
            return {
                "documents": documents,
                "passages": passages,
                "contents": self._store.contents(),
                "encoder": {"name": record.name, "fingerprint": record.fingerprint},
            }

    def stats(self) -> dict[str, Any]:
        """Counts, bytes on disk, the encoder and the index, for people and for `doctor`.

        `deleted`: passages that are deleted but not off the disk yet (see `compact`).
        """
        with self._mutex:
            self._index.refresh()
            documents, passages = self._store.count()
            remains, record = self._store.remains, self._index.record
        return {
            "path": str(self.path),
            "documents": documents,
            "passages": passages,
            "deleted": remains,
            "indexed": self._index.rows,
            "index": record.kind if record else None,
            "encoder": self.encoder_record.name,
            "languages": list(self.encoder_record.languages),
            "created": self._store.created,
            "bytes": sum((files := file_sizes(self.path)).values()),
            "files": files,
        }

    def verify(self) -> list[str]:
        """Everything that is wrong with the files, a line each; empty where all is well. Reads all of them."""
        with self._mutex:
            return [*self._store.verify(), *self._index.problems()]

    # Writing.

    def add(
        self,
        documents: Iterable[Document],
        *,
        batch_size: int | None = None,
        progress: Callable[[AddReport], None] | None = None,
    ) -> AddReport:
        """Split, encode and store documents; one with the id of a stored one replaces it, unless nothing changed.

        They are stored in batches of at least `batch_size` passages, by default of about a second's work (and at least
        512); `progress` is told the sums so far after each, and what it is told is durable. Raises KnowledgeBaseError
        if the base isn't open for writing, has no encoder, or the disk is full: what was stored before stays, and
        adding the same documents again goes on from there.
        """
        self._check_writable("add to it")
        encoder = self._need_encoder()
        intake = Intake(self._store, encoder, self._mutex, batch_size, self._publish_if_due, progress)
        for document in documents:
            intake.take(document)
        intake.store()
        with self._mutex:
            if self._index.due(self._store.rows):
                self._publish()
        return intake.report

    def remove(self, documents: Iterable[str]) -> int:
        """Delete documents by id, durably, and at once for every search; returns how many of them were there."""
        self._check_writable("remove from it")
        with self._mutex:
            return self._store.remove([documents] if isinstance(documents, str) else list(documents))

    def compact(self) -> int:
        """Take everything that is deleted off the disk (text, words, vectors); returns how many bytes that freed.

        Searches don't wait meanwhile, and a crash at any point leaves the base whole. It needs room for a second copy.
        Raises KnowledgeBaseError if the base isn't open for writing, or the disk is full.
        """
        self._check_writable("compact it")
        with self._mutex:
            before = sum(file_sizes(self.path).values())
            self._store.compact(partial(self._publish, anew=True))
            return before - sum(file_sizes(self.path).values())

    def reindex(self, kind: str | Kind) -> None:
        """Build the index anew, of this kind (see `index_kinds`), and keep to it; searches go on meanwhile.

        Raises InputError on an unknown kind, KnowledgeBaseError if the base isn't open for writing.
        """
        self._check_writable("build its index anew")
        with self._mutex:
            choose(kind, self._store.rows, self.encoder_record.dimension)
            self._index.wanted = kind
            self._publish(anew=True)

    def snapshot(self, path: str | Path) -> Path:
        """A verified copy of what is committed now in a new folder, without anything deleted: see `copies`."""
        from firmground.knowledge.copies import copy_base

        return copy_base(self.path, path)

    def _publish(self, anew: bool = False) -> None:
        with stores.explained(self.path):
            self._index.publish(self._store.vectors, self._store.live, anew=anew)

    def _publish_if_due(self) -> None:
        if self._index.due_meanwhile(self._store.rows):
            self._publish()

    def _repair(self) -> None:
        """As the writer: put back an index file that was lost or damaged, remove what a crash left half written."""
        if self._index.problem:
            return self._publish()
        with stores.explained(self.path):
            self._index.clean()

    def _check_writable(self, purpose: str) -> None:
        if self._lock is None:
            raise KnowledgeBaseError(f"{self.path} is open for reading: open it with writable=True to {purpose}")

    def _need_encoder(self) -> Encoder:
        if self.encoder is None:
            raise KnowledgeBaseError(
                f"{self.path} was opened without an encoder: open it with {self.encoder_record.name}, as "
                "firmground.knowledge.encode.open_base does (only searching by words, mode 'lexical', needs none)"
            )
        return self.encoder

    def _encode_questions(self, questions: Sequence[str]) -> np.ndarray:
        return encode(questions, self._need_encoder(), self.encoder_record.dimension, query=True)

    # Searching.

    @overload
    def search(  # type: ignore[overload-overlap]  # a string is a sequence of strings too, but one question here
        self,
        questions: str,
        k: int = ...,
        mode: Mode = ...,
        **options: Unpack[SearchOptions],
    ) -> list[Hit]: ...

    @overload
    def search(
        self,
        questions: Sequence[str],
        k: int = ...,
        mode: Mode = ...,
        **options: Unpack[SearchOptions],
    ) -> list[list[Hit]]: ...

    def search(
        self,
        questions,
        k=10,
        mode="hybrid",
        documents=None,
        weight=DENSE_WEIGHT,
        reranker=None,
        diversity=0.0,
        where=None,
        fold=True,
        adjust=None,
    ):
        """The `k` best passages for a question, best first; for a list of questions, a list of such lists.

        `mode`: "dense" scores by cosine in [-1, 1], "lexical" by BM25 >= 0, "hybrid" by both, in [0, 1], `weight` being
        the vectors' share (0 without an encoder, and in a language it wasn't trained for).
        `documents`: only passages of documents with these ids are looked at, inside the search; `where`: only of those
        whose metadata pass this filter (see `filters`). `reranker` reads at least the best 50 again, and its scores
        count then. `diversity` in [0, 1]: how much a passage loses that is like one before it (maximal marginal
        relevance; 0: nothing). `fold`: a text that stands in several documents is one hit, with the others in its
        `also_in`. `adjust` changes the questions' vectors first. Sees what any process committed before it began.
        Raises InputError on a wrong `mode`, `k`, `weight`, `diversity` or `where`.
        """
        check_search(k, mode, documents, weight, diversity)
        where = None if where is None else parse(where)
        single = isinstance(questions, str)
        questions = [questions] if single else list(questions)
        shares, queries = question_vectors(questions, self.encoder, mode, weight, self._encode_questions, adjust)
        depth = max(k, RERANK_DEPTH) if reranker or diversity else k
        with self._mutex, self._store.snapshot():
            allowed = self._store.allowed(documents, where)
            find = partial(retrieve, self._store, self._index, questions, shares, queries, mode=mode, allowed=allowed)
            hits = folded(partial(find, spare=SPARE), depth) if fold else find(depth)
        if reranker:
            hits = [rerank(question, found, reranker) for question, found in zip(questions, hits, strict=True)]
        if diversity:
            near = [self.vectors([hit.passage.id for hit in found]) for found in hits]
            hits = [diversify(found, rows, k, diversity) for found, rows in zip(hits, near, strict=True)]
        hits = [found[:k] for found in hits]
        return hits[0] if single else hits
