"""What comes into a knowledge base: documents gathered, split, encoded and stored, batch by batch."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firmground.knowledge.errors import FirmgroundError, InputError, KnowledgeBaseError
from firmground.knowledge.indexed import indexed_text
from firmground.knowledge.records import AddReport, EncoderRecord, Entry, content_sha256, normal_form
from firmground.knowledge.types import Document, Encoder
from firmground.knowledge.vector_cache import encode_missing, stored_vectors

if TYPE_CHECKING:
    from firmground.knowledge.store import Store

# So many passages are encoded and committed together at first, then twice or half as many until it takes a second or
# so: what an interruption may cost, and no more waiting for the disk than need be.
LEAST_BATCH, MOST_BATCH = 512, 8_192
QUICK, SLOW = 0.5, 2.0  # seconds of a batch after which the next one is larger, or smaller
GATHERED_CHARACTERS = 200  # of text for each passage of a batch are gathered before they are split: fewer than it has


class Intake:
    """The documents of one `KnowledgeBase.add` on their way: gathered here, then looked up and split together, then
    encoded and stored together. What is in `report` is durable; what is still here isn't.

    `batch_size` passages, or more, are a batch; None: about a second's work. `stored` is called after each, inside the
    base's lock.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        mutex: threading.RLock,
        batch_size: int | None,
        stored: Callable[[], None],
        progress: Callable[[AddReport], None] | None,
    ):
        self._store, self._encoder, self._mutex = store, encoder, mutex
        self._fixed, self._stored, self._progress = batch_size is not None, stored, progress
        self._batch_size, self._since = batch_size or LEAST_BATCH, time.monotonic()
        self.report = AddReport()
        self._gathered: dict[str, Document] = {}  # not looked at yet
        self._characters = 0  # of text in them
        self._entries: dict[str, Entry] = {}  # ready to be stored
        self._waiting = 0  # passages in them, a document without any counting as one

    def take(self, document: Document) -> None:
        """Store what is here already if this document replaces one of it, or if it is enough; then take this one in."""
        if document.id in self._gathered or document.id in self._entries:
            self.store()
        self._gathered[document.id] = document
        self._characters += len(document.text)
        if (
            self._waiting + len(self._gathered) >= self._batch_size
            or self._characters >= GATHERED_CHARACTERS * self._batch_size
        ):
            self._prepare()
        if self._waiting >= self._batch_size:
            self.store()

    def store(self) -> None:
        """Encode and commit everything that is here."""
        self._prepare()
        if not self._entries:
            return
        entries = list(self._entries.values())
        texts = [indexed_text(passage) for entry in entries for passage in entry.passages]
        replaced = [entry.document.id for entry in entries if entry.replaces]
        known: dict[str, np.ndarray] = {}
        if replaced:
            with self._mutex, self._store.snapshot():
                known = stored_vectors(self._store, replaced, texts)
        dimension = self._store.encoder.dimension
        vectors = encode_missing(texts, known, dimension, partial(encode, encoder=self._encoder, dimension=dimension))
        with self._mutex, uncollected():
            count = self._store.commit(entries, vectors)
            self._stored()
        self._entries, self._waiting = {}, 0
        if not self._fixed:
            self._fit(time.monotonic() - self._since)
        self._since = time.monotonic()
        self.report += AddReport(added=len(entries) - count, replaced=count, passages=len(texts))
        if self._progress:
            self._progress(self.report)

    def _fit(self, seconds: float) -> None:
        """The next batch's size, when this one took so long."""
        if seconds < QUICK:
            self._batch_size = min(2 * self._batch_size, MOST_BATCH)
        elif seconds > SLOW:
            self._batch_size = max(self._batch_size // 2, LEAST_BATCH)

    def _prepare(self) -> None:
        """Look at what was gathered; what is new or has changed waits to be stored."""
        if not self._gathered:
            return
        with uncollected():
            entries, report = prepare(list(self._gathered.values()), self._encoder, self._hashes)
        self._gathered, self._characters = {}, 0
        self._entries.update((entry.document.id, entry) for entry in entries)
        self._waiting += sum(max(1, len(entry.passages)) for entry in entries)
        self.report += report

    def _hashes(self, documents: Sequence[str]) -> Mapping[str, bytes]:
        with self._mutex:
            return self._store.content_hashes(documents)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without a search for unreachable cycles inside: all that a batch is made of lives until it is stored, and walking
    over it again and again, in vain, took a seventh of adding's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def prepare(
    documents: Sequence[Document], encoder: Encoder, stored_hashes: Callable[[Sequence[str]], Mapping[str, bytes]]
) -> tuple[list[Entry], AddReport]:
    """The documents that are new or changed, split and ready to be stored; how many aren't, and why some can't be.

    `stored_hashes` gives, of the ids named, those that are stored, with the hash of the content.
    """
    from firmground.knowledge.fitting import fitting_passages, sizes  # reading needs none of it

    failures: dict[int, tuple[str, str]] = {}
    checked: list[tuple[int, Document, bytes]] = []
    for place, document in enumerate(documents):
        try:
            if not document.id:
                raise InputError("a document needs an id that isn't empty")
            document.id.encode()
            if document.metadata:
                document = normal_form(document)
            checked.append((place, document, content_sha256(document)))
        except UnicodeEncodeError:
            failures[place] = (ascii(document.id), "its text isn't valid Unicode: save it as UTF-8")
        except FirmgroundError as error:
            failures[place] = (document.id, str(error))
    hashes = stored_hashes([document.id for _, document, _ in checked])
    changed = [(place, document, sha256) for place, document, sha256 in checked if hashes.get(document.id) != sha256]
    entries = []
    counted = sizes([document for _, document, _ in changed], encoder)
    for (place, document, sha256), size in zip(changed, counted, strict=True):
        try:
            passages = fitting_passages(document, encoder, size)
            entries.append(Entry(document, passages, sha256, document.id in hashes))
        except FirmgroundError as error:
            failures[place] = (document.id, str(error))
    reasons = tuple(failures[place] for place in sorted(failures))
    return entries, AddReport(unchanged=len(checked) - len(changed), failures=reasons)


def encode(texts: Sequence[str], encoder: Encoder, dimension: int, query: bool = False) -> np.ndarray:
    """(n, dimension) float32, checked: a NaN among the vectors would spoil every search after it."""
    if not texts:
        return np.empty((0, dimension), dtype=np.float32)
    vectors = np.ascontiguousarray(encoder.encode(texts, query=query), dtype=np.float32)
    if vectors.shape != (len(texts), dimension) or not np.isfinite(vectors).all():
        raise KnowledgeBaseError(
            f"encoder {encoder.name} gave vectors of shape {vectors.shape}, expected {(len(texts), dimension)} "
            "finite numbers: check the encoder"
        )
    return vectors


def check_encoder(folder: Path, record: EncoderRecord, encoder: Encoder | None) -> None:
    if encoder is not None and encoder.fingerprint != record.fingerprint:
        raise KnowledgeBaseError(
            f"{folder} was made with encoder {record.name} ({record.fingerprint}), not {encoder.name} "
            f"({encoder.fingerprint}): use {record.name}, or index the documents into a new folder"
        )
