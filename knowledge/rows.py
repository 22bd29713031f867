"""Files in which every row is a document of its own: jsonl, csv, json. Read as a stream, except json.

A row that can't be used is told to `on_bad_row(number, reason)` and the next one follows: `number` is the line of a
JSONL file, the first line of a CSV record, or the 1-based place in a JSON list.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from firmground.knowledge.charset import clean, detect
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document

OnBadRow = Callable[[int, str], None]
Row = tuple[int, Mapping[str, Any]]  # its number and its columns

TEXT_COLUMNS = ("text", "content", "body", "passage", "context")  # the first that isn't empty is the text
ID_COLUMNS = ("id", "_id")
SOURCE_COLUMNS = ("source", "url")


def documents(path: Path, name: str, on_bad_row: OnBadRow) -> Iterator[Document]:
    """The documents of a jsonl, csv, tsv or json file; rows without an id get `name#number`. Raises InputError."""
    ending = path.suffix.lower()
    if ending in (".jsonl", ".ndjson"):
        rows = _jsonl(path, on_bad_row)
    elif ending in (".csv", ".tsv"):
        rows = _csv(path, "\t" if ending == ".tsv" else None, on_bad_row)
    else:
        rows = _json(path, on_bad_row)
    for number, columns in rows:
        try:
            yield _document(columns, f"{name}#{number}", str(path))
        except InputError as error:
            on_bad_row(number, str(error))


def _document(columns: Mapping[str, Any], default_id: str, path: str) -> Document:
    """One row as a document. The case of column names doesn't matter. Raises InputError for an unusable row."""
    keys = {
        str(key).strip().lower(): key for key in reversed(list(columns))
    }  # of two that differ by case, the first counts
    text_key = _text_key(columns, keys)
    id_key = next((keys[name] for name in ID_COLUMNS if name in keys and _filled(columns[keys[name]])), None)
    row_id = columns[id_key] if id_key is not None else default_id
    if isinstance(row_id, bool) or not isinstance(row_id, str | int | float):
        raise InputError(f"the id must be text or a number, got {type(row_id).__name__}: write it as text")
    source = next(
        (
            value
            for name in SOURCE_COLUMNS
            if name in keys and isinstance(value := columns[keys[name]], str) and value.strip()
        ),
        path,
    )
    empty = {
        keys[name]
        for name in (*TEXT_COLUMNS, *ID_COLUMNS, "title")
        if name in keys and not _filled(columns[keys[name]])
    }
    metadata = {str(key): value for key, value in columns.items() if key not in {text_key, id_key, *empty}}
    if "title" in keys and keys["title"] not in empty:
        metadata.pop(str(keys["title"]))
        metadata["title"] = str(columns[keys["title"]]).strip()
    text = columns[text_key].replace("\r\n", "\n").replace("\r", "\n")
    return Document(clean(str(row_id).strip()), clean(text), clean(source), clean(metadata))


def _text_key(columns: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    """The column that holds the text. Raises InputError where there is none, or none with text in it."""
    present = [keys[name] for name in TEXT_COLUMNS if name in keys]
    if not present:
        shown = ", ".join(map(str, list(columns)[:12])) or "none"
        raise InputError(f"no column with the text: expected one of {', '.join(TEXT_COLUMNS)}; the columns are {shown}")
    for key in present:
        if isinstance(columns[key], str) and columns[key].strip():
            return key
        if _filled(columns[key]) and not isinstance(columns[key], str):
            raise InputError(f"column {key} must hold text, got {type(columns[key]).__name__}")
    raise InputError(f"column {present[0]} is empty: fill it, or drop the row")


def _filled(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


# ---------------------------------------------------------------------------------------------------------------- jsonl


def _jsonl(path: Path, on_bad_row: OnBadRow) -> Iterator[Row]:
    for number, line in _lines(path, on_bad_row):
        if not line.strip():
            continue
        try:
            row = json.loads(line.strip(), parse_constant=lambda _: None)
        except json.JSONDecodeError as error:
            on_bad_row(number, f"isn't valid JSON ({_where(error)}): one object a line is expected")
        except (ValueError, RecursionError) as error:  # a number of 5,000 digits; brackets nested without end
            on_bad_row(number, f"isn't usable JSON ({str(error)[:80]})")
        else:
            if isinstance(row, dict):
                yield number, row
            else:
                on_bad_row(number, f"expected a JSON object, got {type(row).__name__}: write one object a line")


def _lines(path: Path, on_bad_row: OnBadRow) -> Iterator[tuple[int, str]]:
    """Numbered lines, decoded one by one where the encoding allows, so that a broken one doesn't spoil the others."""
    encoding = detect(path, by_line=True)
    if encoding in ("utf-16", "utf-32"):
        with open(path, encoding=encoding) as file:
            try:
                yield from enumerate(file, 1)
            except UnicodeDecodeError as error:
                raise InputError(f"{path} breaks off as {encoding} ({error.reason}): save it as UTF-8") from error
        return
    with open(path, "rb") as raw:  # no byte of a longer UTF-8 or GB18030 character is a line feed
        for number, line in enumerate(raw, 1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 and encoding == "utf-8-sig" else encoding)
            except UnicodeDecodeError as error:
                on_bad_row(number, f"isn't {encoding} text at byte {error.start + 1:,} of the line: save it as UTF-8")


# ------------------------------------------------------------------------------------------------------------------ csv


def _csv(path: Path, delimiter: str | None, on_bad_row: OnBadRow) -> Iterator[Row]:
    """The records of a CSV file by the names in its first line; delimited by , ; | or tab, whichever it has most."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the default refuses a text of more than 131,072 characters
    with open(path, encoding=detect(path), newline="") as file:
        if delimiter is None:
            header = file.readline()
            delimiter = max(",;|\t", key=header.count)
            file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        names: list[str] | None = None
        while True:
            first_line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                on_bad_row(first_line, f"isn't valid CSV ({error}): check its quotes")
                continue
            if names is None:
                names = _header(cells, path)
            elif any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    on_bad_row(
                        first_line,
                        f"has {len(cells)} cells, the header has {len(names)}: quote cells with {delimiter!r}",
                    )
                else:
                    yield first_line, dict(zip(names, cells, strict=True))


def _header(cells: list[str], path: Path) -> list[str]:
    names = [cell.strip() or f"column {place}" for place, cell in enumerate(cells, 1)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path} names a column twice ({', '.join(repeated)}): rename one in its first line")
    if not {name.lower() for name in names} & set(TEXT_COLUMNS):
        raise InputError(
            f"{path} has no column with the text: expected one of {', '.join(TEXT_COLUMNS)} in its first line;"
            f" the columns are {', '.join(names[:12])}"
        )
    return names


# ----------------------------------------------------------------------------------------------------------------- json


def _json(path: Path, on_bad_row: OnBadRow) -> Iterator[Row]:
    """A list of objects, an object with such a list inside, or one object."""
    encoding = detect(path)
    try:
        data = json.loads(path.read_text(encoding=encoding), parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}: isn't valid JSON ({_where(error)});"
            " if it holds one object a line, name it .jsonl"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} isn't usable JSON ({str(error)[:80]})") from error
    for number, row in enumerate(_json_rows(data, path), 1):
        if isinstance(row, dict):
            yield number, row
        else:
            on_bad_row(number, f"expected a JSON object, got {type(row).__name__}")


def _where(error: json.JSONDecodeError) -> str:
    return f"{error.msg.removesuffix(' at')} at column {error.colno}"


def _json_rows(data: Any, path: Path) -> list[Any]:
    if isinstance(data, list):
        return data
    if not isinstance(data, dict):
        raise InputError(f"{path} holds a single {type(data).__name__}: expected an object or a list of objects")
    if {str(key).lower() for key in data} & set(TEXT_COLUMNS):
        return [data]
    lists = {
        key: value for key, value in data.items() if isinstance(value, list) and any(isinstance(x, dict) for x in value)
    }
    if len(lists) > 1:
        raise InputError(
            f"{path} holds several lists of objects ({', '.join(lists)}): keep one, or save each on its own"
        )
    return next(iter(lists.values())) if lists else [data]
