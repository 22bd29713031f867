"""Question files, in our format or in their authors', to `Example`; the bundled packs are such files, by name."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from firmground.eval.tasks import passages
from firmground.eval.tasks.claims import halueval_passages
from firmground.eval.tasks.fields import Row, content_id
from firmground.eval.tasks.files import Record, read
from firmground.eval.tasks.formats import FACTS, READERS, recognised
from firmground.eval.tasks.own import from_cells
from firmground.eval.types import Example
from firmground.knowledge.charset import clean
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document

BROUGHT_BY = (
    "squad, cmrc, clapnq and halueval bring passages; qasc, strategyqa, entailmentbank and own rows with `facts`, facts"
)


class Questions(list[Example]):
    """The examples of a file, with where they came from: its `name`, its `sha256`, the `format` it was read as, and how
    many records were `skipped`."""

    def __init__(self, examples: list[Example], name: str, sha256: str, skipped: int = 0, format: str = "own") -> None:
        super().__init__(examples)
        self.name, self.sha256, self.skipped, self.format = name, sha256, skipped, format


def task_names() -> list[str]:
    """The names of the bundled question files."""
    files = importlib.resources.files("firmground.eval.tasks").iterdir()
    return sorted(file.name.removesuffix(".jsonl") for file in files if file.name.endswith(".jsonl"))


def load_questions(
    path_or_name: str | Path, limit: int | None = None, skip_broken: bool = False, format: str = "auto"
) -> Questions:
    """Read a question file of any format in docs/tasks.md, or a bundled one by name (`commonsense-en`).

    Args:
        path_or_name: a path, or the name of a bundled file.
        limit: take the first so many questions; None takes all. JSON lines and CSV are read no further than that.
        skip_broken: leave broken records and repeated ids out and count them in `skipped`, instead of raising.
        format: a name in `READERS`; "auto" recognises it by the fields of the first record, whatever the file's name.

    Raises:
        InputError: no such file, an unknown format, a broken record (named by its line, or its path in a JSON
            document), an id twice, no question at all.
    """
    if limit is not None and limit < 1:
        raise InputError(f"expected a limit of at least 1, got {limit}")
    examples: dict[str, Example] = {}
    skipped = 0
    with _found(path_or_name) as (name, path):
        kind, records = _records(path, name, format)
        for record in _questions(records, kind, name):
            if limit is not None and len(examples) >= limit:
                break
            try:
                example = _example(record, kind)
                if example.id in examples:
                    raise ValueError(f"the id {example.id!r} stands here a second time; ids must differ")
            except ValueError as error:
                if not skip_broken:
                    raise InputError(_placed(name, record, error)) from error
                skipped += 1
                continue
            examples[example.id] = example
        if not examples:
            raise InputError(f"{name}: no question in it" + (f" that can be read, of {skipped}" if skipped else ""))
        return Questions(list(examples.values()), name, _sha256(path), skipped, kind)


def load_corpus(path: str | Path, format: str = "auto") -> list[Document]:
    """The passages or facts that a question file brings, each once, with the ids (passages) or texts (facts) that the
    questions' `gold` holds: what `firmground index` makes a knowledge base of.

    Raises InputError for a format that brings none, and as `load_questions` does.
    """
    with _found(path) as (name, file):
        kind, records = _records(file, name, format)
        documents: dict[str, Document] = {}
        for document in _documents(records, kind, name):
            first = documents.setdefault(document.id, document)
            if first.text != document.text:
                raise InputError(f"{name}: two passages have the id {document.id!r}; ids must differ")
        if not documents:
            raise InputError(f"{name} brings no passages of its own (read as {kind}): {BROUGHT_BY}")
        return list(documents.values())


# -------------------------------------------------------------------------------------------------------------- reading


@contextlib.contextmanager
def _found(path_or_name: str | Path) -> Iterator[tuple[str, Path]]:
    """The file's name for messages, and its path; what the system says while it is read becomes an InputError."""
    path = Path(path_or_name)
    try:
        if path.is_file():
            yield str(path_or_name), path
            return
        if path.is_dir():
            raise InputError(f"{path} is a folder; expected a question file")
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}") from error
    if str(path_or_name) not in task_names():
        bundled = ", ".join(task_names()) or "none"
        raise InputError(f"no question file {path_or_name}; give a path, or a bundled name ({bundled})")
    bundle = importlib.resources.files("firmground.eval.tasks").joinpath(f"{path_or_name}.jsonl")
    with importlib.resources.as_file(bundle) as resource:
        yield str(path_or_name), resource


def _records(path: Path, name: str, format: str) -> tuple[str, Iterator[Record]]:
    """The format, recognised by the first record that can be read, and all records."""
    if format not in ("auto", FACTS, *READERS):
        raise InputError(f"expected a format of {', '.join(['auto', *READERS])}, got {format!r}")
    layout, records = read(path, name)
    seen: list[Record] = []
    kind = format
    for record in records:
        seen.append(record)
        if not record.wrong:
            kind = recognised(record, layout, name) if format == "auto" else format
            break
    rest: Iterable[Record] = chain(seen, records)
    if layout == "table" and kind == "own":
        rest = (Record(each.where, each.number, from_cells(each.row), each.wrong) for each in rest)
    return kind, iter(rest)


def _questions(records: Iterator[Record], kind: str, name: str) -> Iterator[Record]:
    """The records that hold one question each."""
    if kind == FACTS:
        raise InputError(f"{name} holds facts by their ids and no questions; `load_corpus` reads it")
    return passages.questions(_paragraphs(records, kind)) if kind in ("squad", "cmrc") else records


def _paragraphs(records: Iterator[Record], kind: str) -> Iterator[Record]:
    return passages.squad_paragraphs(records) if kind == "squad" else passages.cmrc_paragraphs(records)


def _example(record: Record, kind: str) -> Example:
    """Raises ValueError with what is wrong with the record."""
    if record.wrong:
        raise ValueError(record.wrong)
    return READERS[kind](clean(record.row), str(record.number))


def _placed(name: str, record: Record, error: ValueError) -> str:
    return f"{name}:{record.where or record.number}: {error}"


def _documents(records: Iterator[Record], kind: str, name: str) -> Iterator[Document]:
    for record in _paragraphs(records, kind) if kind in ("squad", "cmrc") else records:
        try:
            if record.wrong:
                raise ValueError(record.wrong)
            yield from _brought(clean(record.row), str(record.number), kind)
        except ValueError as error:
            raise InputError(_placed(name, record, error)) from error


def _brought(row: Row, place: str, kind: str) -> list[Document]:
    """What one record brings."""
    if kind in ("squad", "cmrc"):
        return passages.squad_passages(row)
    if kind == "clapnq":
        return passages.clapnq_passages(row, place)
    if kind == "halueval":
        return halueval_passages(row, place)
    if kind == FACTS:  # WorldTree's file holds one entry without a fact, "DUMMY"
        return [passages.document(key, fact) for key, fact in row.items() if fact.strip() and fact != "DUMMY"]
    facts: Any = READERS[kind](row, place).metadata.get("facts") or ()
    return [passages.document(content_id("fact", fact), fact) for fact in facts]


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
