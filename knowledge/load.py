"""Files to documents: finds them, reads every format that an answer may rest on, and goes on after a bad one.

report = LoadReport()
for document in load_all(["handbook/", "notes/**/*.md", "faq.csv"], report):
    ...
report.failures  # what couldn't be read, and why
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from firmground.knowledge import convert, rows
from firmground.knowledge.charset import clean, read_text
from firmground.knowledge.errors import InputError
from firmground.knowledge.text import FENCE, HEADING
from firmground.knowledge.types import Document

ROW_ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv", ".json")
TEXT_ENDINGS = (".txt", ".text", ".md", ".markdown")
PAGE_ENDINGS = (".html", ".htm", ".xhtml", ".pdf", ".docx")
SUPPORTED = frozenset(ROW_ENDINGS + TEXT_ENDINGS + PAGE_ENDINGS)
_SHOWN = "txt, md, html, pdf, docx, csv, tsv, json, jsonl"
OWN_FILES = {"manifest.json", "store.sqlite", "vectors.f32"}  # what a knowledge base is told by
MAX_ROW_FAILURES = 20  # of a file are listed; the rest are counted


@dataclass(frozen=True)
class Failure:
    """One thing that couldn't be loaded. `source` is a file, `file:line`, or `file, page 3`; `reason` is one line."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass
class LoadReport:
    """What came of loading: filled while `load_all` runs, complete when it has ended."""

    files: int = 0  # opened
    documents: int = 0  # given
    failures: list[Failure] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)  # found in a folder, of a format that isn't read

    def __str__(self) -> str:
        parts = [f"{_count(self.documents, 'document')} from {_count(self.files, 'file')}"]
        if self.skipped:
            endings = Counter(path.suffix.lower() or "no ending" for path in self.skipped)
            listed = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common(5))
            parts.append(f"{_count(len(self.skipped), 'file')} of other formats skipped ({listed})")
        if self.failures:
            parts.append(f"{len(self.failures):,} couldn't be read")
        return "; ".join(parts)


OnFailure = Callable[[Failure], None]


# -------------------------------------------------------------------------------------------------------------- finding


def find_files(paths: Sequence[str | Path], skipped: list[Path] | None = None) -> list[Path]:
    """The files that paths, folders (searched through, hidden ones left out) and globs (`**` too) stand for.

    Sorted, each once. Files in a folder of a format that isn't read are left out and appended to `skipped`; a file that
    is named itself is always taken. Raises InputError for a path that isn't there and for what yields no file.
    """
    skipped = skipped if skipped is not None else []
    if isinstance(paths, str | PurePath):
        paths = [paths]
    if not paths:
        raise InputError("no documents were named: give files, folders or patterns")
    by_place: dict[str, Path] = {}
    passed_over: list[Path] = []
    for given in paths:
        for found in _expand(given, passed_over):
            by_place.setdefault(os.path.realpath(found), found)
    skipped.extend(sorted({path for path in passed_over if os.path.realpath(path) not in by_place}))
    return sorted(by_place.values(), key=lambda path: path.as_posix())


def _expand(given: str | Path, skipped: list[Path]) -> list[Path]:
    """The files that one argument stands for. Raises InputError where there is none."""
    path = Path(given).expanduser()
    if path.is_dir():
        others: list[Path] = []
        found = list(_walk(path, others))
        skipped.extend(others)
        if not found:
            raise InputError(f"{path} holds no documents: {_what_it_holds(others)}; the formats read are {_SHOWN}")
        return found
    if path.exists():
        if not path.is_file():
            raise InputError(f"{path} isn't a file or a folder: give a file that can be read twice")
        return [path]
    if glob.has_magic(str(path)):
        return _expand_pattern(str(path), skipped)
    raise InputError(f"{path} doesn't exist: check the spelling (looked from {Path.cwd()})")


def _expand_pattern(pattern: str, skipped: list[Path]) -> list[Path]:
    """A glob's files; of formats that aren't read, only those whose ending the pattern itself names ("*.rst")."""
    named = Path(pattern).suffix.lower()
    found: list[Path] = []
    others: list[Path] = []
    for match in map(Path, sorted(glob.glob(pattern, recursive=True))):
        files = _walk(match, others) if match.is_dir() else [match] if match.is_file() else []
        for file in files:
            ending = file.suffix.lower()
            if ending in SUPPORTED or (ending == named and not glob.has_magic(named)):
                found.append(file)
            else:
                others.append(file)
    skipped.extend(others)
    if not found:
        raise InputError(
            f"{pattern} matches no documents: {_what_it_holds(others)}; check the pattern"
            f" (looked from {Path.cwd()}; ** stands for any folders)"
        )
    return found


def _walk(folder: Path, skipped: list[Path]) -> Iterator[Path]:
    """The files below a folder that can be read, in order. Raises InputError for a folder that can't be opened."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} can't be opened ({error.strerror}): check its permissions") from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if set(names) >= OWN_FILES:  # a knowledge base inside the folder: its files aren't documents
            folders[:] = []
            continue
        for name in sorted(names):
            file = Path(place) / name
            if name.startswith(".") or not file.is_file():
                continue
            if file.suffix.lower() in SUPPORTED:
                yield file
            else:
                skipped.append(file)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _what_it_holds(others: list[Path]) -> str:
    endings = Counter(path.suffix.lower() or "no ending" for path in others)
    listed = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common(5))
    return f"only {_count(len(others), 'file')} of other formats ({listed})" if others else "no file was found"


# -------------------------------------------------------------------------------------------------------------- loading


def load_all(
    paths: Sequence[str | Path], report: LoadReport | None = None, on_failure: OnFailure | None = None
) -> Iterator[Document]:
    """The documents of all files, one by one; what can't be read goes to the report (and `on_failure`).

    A file's id is its path as given ("docs/readme.md"): files of the same name in two folders never replace each other.
    A second document with an id that was already given is a failure too: in a knowledge base it would silently replace
    the first. Raises InputError at once, before any file is opened, where a path leads nowhere.
    """
    report = report if report is not None else LoadReport()
    found = find_files(paths, report.skipped)

    def note(failure: Failure) -> None:
        report.failures.append(failure)
        if on_failure:
            on_failure(failure)

    return _load_found(found, report, note)


def _load_found(found: list[Path], report: LoadReport, note: OnFailure) -> Iterator[Document]:
    ids: dict[str, int] = {}  # id → which file gave it
    for place, file in enumerate(found):
        report.files += 1
        repeated = _Capped(file, note)
        try:
            for document in _load(file, file.as_posix(), note):
                if document.id in ids:
                    first = found[ids[document.id]]
                    repeated(str(file), f"id {document.id!r} was already given by {first}: make ids unique")
                    continue
                ids[document.id] = place
                report.documents += 1
                yield document
        except (InputError, OSError) as error:
            note(Failure(str(file), _reason(error, file)))
        repeated.finish()


def load(path: str | Path, root: str | Path | None = None, on_failure: OnFailure | None = None) -> Iterator[Document]:
    """The documents of one file; a row of a jsonl, csv or json file is one, any other file is one as a whole.

    A file's id is its path relative to `root` (default: its folder), with forward slashes. A broken row or page goes to
    `on_failure` and the others still come; without `on_failure` it raises. Raises InputError for a file that can't be
    read: missing, empty, not text, encrypted, broken, or without a text layer.
    """
    path = Path(path).expanduser()

    def refuse(failure: Failure) -> None:
        raise InputError(str(failure))

    try:
        yield from _load(path, _name(path, Path(root) if root is not None else path.parent), on_failure or refuse)
    except OSError as error:
        raise InputError(f"{path}: {_reason(error, path)}") from error


def _load(path: Path, name: str, note: OnFailure) -> Iterator[Document]:
    ending = path.suffix.lower()
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: there is nothing to index")
    if ending in ROW_ENDINGS:
        bad_rows = _Capped(path, note)
        given = False
        for document in rows.documents(path, name, lambda number, reason: bad_rows(f"{path}:{number}", reason)):
            given = True
            yield document
        bad_rows.finish()
        if not given and not bad_rows.count:
            raise InputError(f"{path} is empty: it holds no rows")
        return
    if ending in (".html", ".htm", ".xhtml"):
        text, metadata = convert.html(path)
    elif ending == ".docx":
        text, metadata = convert.docx(path)
    elif ending == ".pdf":
        text, metadata = convert.pdf(
            path,
            lambda number, reason: note(Failure(f"{path}, page {number}", f"can't be read ({reason}) and is left out")),
        )
    else:
        text, encoding = read_text(path)
        metadata = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    if not text.strip():
        raise InputError(f"{path} has no text in it: there is nothing to index")
    title = "" if ending in (".pdf", ".txt", ".text") else _first_heading(text)
    yield Document(clean(name), text, clean(str(path)), {"title": title or clean(path.stem)} | metadata)


class _Capped:
    """Reports the first of a file's many failures one by one, the others as one count, so as not to drown the rest."""

    def __init__(self, path: Path, note: OnFailure):
        self._path, self._note, self.count = path, note, 0

    def __call__(self, source: str, reason: str) -> None:
        self.count += 1
        if self.count <= MAX_ROW_FAILURES:
            self._note(Failure(source, reason))

    def finish(self) -> None:
        if self.count > MAX_ROW_FAILURES:
            self._note(Failure(str(self._path), f"{self.count - MAX_ROW_FAILURES:,} more rows couldn't be loaded"))


def _name(path: Path, root: Path) -> str:
    """The path relative to the root with forward slashes, or as given where it isn't below the root."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _first_heading(text: str) -> str:
    """The first Markdown heading outside of code, without its marks."""
    fenced = False
    for line in text.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and (heading := HEADING.match(line)):
            return heading.group(2).strip().rstrip("#").strip()
    return ""


def _reason(error: Exception, path: Path) -> str:
    """The error in one line, without the path that the failure names already."""
    if isinstance(error, OSError):
        return f"can't be opened ({error.strerror or error}): check that it is there and its permissions"
    reason = " ".join(str(error).split())
    return reason.removeprefix(str(path)).lstrip(" ,:")
