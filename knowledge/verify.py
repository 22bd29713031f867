"""Is what a knowledge base's files say about one another true? Reads all of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from firmground.knowledge.records import passage_of_row
from firmground.knowledge.vectors import VectorFile

if TYPE_CHECKING:
    from firmground.knowledge.store import Store

BLOCK_ROWS = 16_384
LENGTH_TOLERANCE = 1e-3  # how far from 1 a vector's length may be: float16 encoders are that exact


def store_problems(store: Store, connection: sqlite3.Connection, vectors: VectorFile) -> list[str]:
    """A line for each thing that is wrong with `store.sqlite` and `vectors.f32`; empty where all is well."""
    try:
        problems = [f"store.sqlite: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        if problems:
            return problems
        with store.snapshot():
            problems += _row_problems(store, connection)
            problems += _text_problems(connection)
            problems += _checksum_problems(connection, vectors)
            problems += _vector_problems(store)
            problems += [f"store.sqlite: {problem}" for problem in store.lexical.problems(store.live)]
    except sqlite3.DatabaseError as error:
        problems.append(f"store.sqlite: {error}")
    return problems


def _row_problems(store: Store, connection: sqlite3.Connection) -> Iterator[str]:
    """Every committed row is a passage or deleted, and nothing else is."""
    passages = {row[0] for row in connection.execute("SELECT id FROM passages")}
    live = set(np.flatnonzero(store.live).tolist())
    if passages != live:
        yield f"store.sqlite: {len(passages ^ live)} rows are neither a passage nor deleted, or both"
    orphans = "SELECT count(*) FROM passages WHERE document NOT IN (SELECT number FROM documents)"
    if count := connection.execute(orphans).fetchone()[0]:
        yield f"store.sqlite: {count} passages belong to no document"


def _text_problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Offsets count in the stored text: a citation opens at the very words it quotes."""
    from firmground.knowledge.store import PASSAGES

    number, text = None, ""
    for row in connection.execute(f"{PASSAGES} ORDER BY passages.document, passages.id"):
        passage = passage_of_row(row)
        if passage.document != number:
            number = passage.document
            text = connection.execute("SELECT text FROM documents WHERE id = ?", [number]).fetchone()[0]
        if text[passage.start : passage.end] != passage.text:
            yield f"store.sqlite: passage {passage.id} isn't {number}[{passage.start}:{passage.end}]"


def _checksum_problems(connection: sqlite3.Connection, vectors: VectorFile) -> Iterator[str]:
    following = 0
    for first, last, crc32 in connection.execute('SELECT "first", "last", crc32 FROM commits ORDER BY "first"'):
        if first != following:
            yield f"store.sqlite: commits go from row {following - 1} to row {first}"
        if vectors.checksum(first, last) != crc32:
            yield f"vectors.f32: rows {first} to {last} aren't what was written (CRC-32)"
        following = last + 1


def _vector_problems(store: Store) -> Iterator[str]:
    for first in range(0, store.rows, BLOCK_ROWS):
        lengths = np.linalg.norm(store.vectors[first : first + BLOCK_ROWS], axis=1)
        wrong = ~(np.abs(lengths - 1) <= LENGTH_TOLERANCE) & store.live[first : first + BLOCK_ROWS]
        if wrong.any():
            row = first + int(np.flatnonzero(wrong)[0])
            yield f"vectors.f32: {int(wrong.sum())} rows aren't of length 1, the first is row {row}"
