"""Question files to records: JSON lines, one JSON document, or CSV, told apart by content, whatever the file's name.

JSON lines and CSV are read as streams, so that the first ten questions of a large file cost ten lines. A record that
can't be read is given too, with what is wrong with it: whoever asked decides whether that ends the reading.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from firmground.eval.tasks.fields import shortened
from firmground.knowledge.charset import detect
from firmground.knowledge.errors import InputError

Layout = Literal["lines", "document", "table"]
DELIMITERS = ",;\t"
_NOT_TEXT = re.compile("[\udc80-\udcff]")  # what `surrogateescape` makes of a byte that isn't text


@dataclass(frozen=True)
class Record:
    """One record of a file. `where`: its line, or its path in a JSON document. `number`: the same, counted from 1.

    `wrong` says why it can't be read; `row` is empty then.
    """

    where: str
    number: int
    row: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""


def read(path: Path, name: str) -> tuple[Layout, Iterator[Record]]:
    """How a file is laid out, and its records. `name` stands in messages.

    Raises InputError where it is empty, isn't text, or is a JSON document that is broken.
    """
    if path.stat().st_size == 0:
        raise InputError(f"{name} is empty: expected questions in it")
    try:
        encoding = detect(path, by_line=True)
    except InputError as error:
        raise InputError(
            f"{name} isn't text: expected questions as JSON lines, JSON or CSV, saved as UTF-8"
            " (iconv -f ITS_ENCODING -t UTF-8 converts other encodings)"
        ) from error
    layout = _layout(path, encoding)
    if layout == "lines":
        records = _lines(path, encoding)
    elif layout == "table":
        records = _table(path, encoding, name)
    else:
        records = _document(path, encoding, name)
    return layout, _decodable(records, encoding, name)


def _decodable(records: Iterator[Record], encoding: str, name: str) -> Iterator[Record]:
    """The same records; where the file's bytes break off as text, an InputError."""
    try:
        yield from records
    except UnicodeDecodeError as error:
        raise InputError(f"{name} isn't {encoding} text ({error.reason}): save it as UTF-8") from error


def _layout(path: Path, encoding: str) -> Layout:
    """By the first two lines that aren't blank."""
    with open(path, encoding=encoding, errors="replace") as file:
        filled = (line for line in file if line.strip())
        first, second = next(filled, "").lstrip(), next(filled, "")
    if first.startswith("["):
        return "document"
    if not first.startswith("{"):
        return "table" if _names_columns(first, second) else "lines"
    # A document spread over lines begins with a line that isn't JSON by itself, and so does its second line. Where the
    # second one is an object, the first is a broken record of a file of JSON lines.
    return "lines" if second and (_is_object(first) or _is_object(second)) else "document"


def _names_columns(first: str, second: str) -> bool:
    """Whether a first line that is no JSON is a table's; alone, or before an object, it is a broken record instead."""
    return (bool(second) or "question" in first.lower()) and not _is_object(second)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


# ---------------------------------------------------------------------------------------------------------- JSON lines


def _lines(path: Path, encoding: str) -> Iterator[Record]:
    for number, line in _decoded(path, encoding):
        if isinstance(line, UnicodeDecodeError):
            byte = line.object[line.start]
            yield Record(str(number), number, wrong=f"not {encoding} text (byte {byte:#04x}); save it as UTF-8")
        elif line.strip():
            yield _record(line, number)


def _decoded(path: Path, encoding: str) -> Iterator[tuple[int, str | UnicodeDecodeError]]:
    """Numbered lines, decoded one by one where the encoding allows, so that a broken one doesn't spoil the others."""
    if encoding in ("utf-16", "utf-32"):
        with open(path, encoding=encoding) as file:
            yield from enumerate(file, 1)
        return
    with open(path, "rb") as raw:  # no byte of a longer UTF-8 or GB18030 character is a line feed
        for number, line in enumerate(raw, 1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 and encoding == "utf-8-sig" else encoding)
            except UnicodeDecodeError as error:
                yield number, error


def _record(line: str, number: int) -> Record:
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return Record(str(number), number, wrong=f"not JSON ({error.msg}, column {error.colno})")
    except RecursionError:
        return Record(str(number), number, wrong="not JSON that can be read: nested too deeply")
    except ValueError as error:  # NaN, or a number of thousands of digits
        return Record(str(number), number, wrong=str(error))
    return _checked(str(number), number, row)


def _checked(where: str, number: int, row: Any) -> Record:
    if not isinstance(row, dict):
        return Record(where, number, wrong=f"expected a JSON object, got {type(row).__name__} {shortened(row)}")
    # Some published files carry a byte order mark inside their first key (CBBQ).
    return Record(where, number, {key.lstrip("\ufeff"): value for key, value in row.items()})


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


# ------------------------------------------------------------------------------------------------------ a JSON document


def _document(path: Path, encoding: str, name: str) -> Iterator[Record]:
    """The records of a list; an object is one record that stands at no place of its own."""
    document = _parsed(path, encoding, name)
    if isinstance(document, list):
        for place, item in enumerate(document):
            yield _checked(f"[{place}]", place + 1, item)
    else:
        yield _checked("", 1, document)


def _parsed(path: Path, encoding: str, name: str) -> Any:
    try:
        return json.loads(path.read_text(encoding=encoding), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name}:{error.lineno}: not JSON ({error.msg}, column {error.colno}); nothing of a broken document is read"
        ) from error
    except RecursionError as error:
        raise InputError(f"{name}: not JSON that can be read: nested too deeply") from error
    except UnicodeDecodeError:  # a ValueError too
        raise
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


# ------------------------------------------------------------------------------------------------------------------ CSV


def _table(path: Path, encoding: str, name: str) -> Iterator[Record]:
    """The records of a CSV file by the names in its first line; delimited by , ; or tab, whichever that has most."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the default refuses a text of more than 131,072 characters
    # A byte that isn't text breaks its own record alone.
    with open(path, encoding=encoding, errors="surrogateescape", newline="") as file:
        header = next(line for line in file if line.strip())
        file.seek(0)
        reader = csv.reader(file, delimiter=max(DELIMITERS, key=header.count), strict=True, skipinitialspace=True)
        columns: list[str] = []
        while True:
            number = reader.line_num + 1  # of the record's first line
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(str(number), number, wrong=f"not CSV ({error}); check its quotes")
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if columns:
                yield _cells(cells, columns, number, encoding)
            else:
                columns = _columns(cells, name)


def _columns(cells: list[str], name: str) -> list[str]:
    columns = [cell.strip() for cell in cells]
    repeated = sorted({column for column in columns if column and columns.count(column) > 1})
    if repeated:
        raise InputError(f"{name} names a column twice ({', '.join(repeated)}): rename one in its first line")
    return columns


def _cells(cells: list[str], columns: list[str], number: int, encoding: str) -> Record:
    where = str(number)
    if len(cells) != len(columns):
        return Record(where, number, wrong=f"expected {len(columns)} cells as in the first line, got {len(cells)}")
    if any(_NOT_TEXT.search(cell) for cell in cells):
        return Record(where, number, wrong=f"not {encoding} text; save it as UTF-8")
    return Record(where, number, {column: cell for column, cell in zip(columns, cells, strict=True) if column})
