"""Question files: a JSON object a line, mapped to `Example`; the bundled packs are such files, found by name."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmground.eval.types import Example
from firmground.knowledge.errors import InputError

_OWN_FIELDS = frozenset({"id", "question", "answers", "answerable", "choices", "answer", "passage"})


class Questions(list[Example]):
    """The examples of a file, with where they came from: `name`, `sha256` of the file, and how many `skipped` lines."""

    def __init__(self, examples: list[Example], name: str, sha256: str, skipped: int = 0) -> None:
        super().__init__(examples)
        self.name, self.sha256, self.skipped = name, sha256, skipped


def task_names() -> list[str]:
    """The names of the bundled question files."""
    files = importlib.resources.files("firmground.eval.tasks").iterdir()
    return sorted(file.name.removesuffix(".jsonl") for file in files if file.name.endswith(".jsonl"))


def load_questions(path_or_name: str | Path, limit: int | None = None, skip_broken: bool = False) -> Questions:
    """Read a question file, or a bundled one by name (`commonsense-en`).

    A line holds `question` and, optionally: `id` (else the line's number), `answers` (a list, or one text),
    `answerable`, `choices` with `answer` (the right one's text, or its letter), `passage` (the id, or ids, of the
    documents that answer it) or `facts` (their texts). Every other field is kept in `metadata`.

    Args:
        path_or_name: a path, or the name of a bundled file.
        limit: take the first so many questions; None takes all.
        skip_broken: leave broken lines out and count them in `skipped`, instead of raising.

    Raises:
        InputError: no such file, a broken line (named as FILE:LINE), an id twice, no question at all.
    """
    name, data = _read(path_or_name)
    if limit is not None and limit < 1:
        raise InputError(f"expected a limit of at least 1, got {limit}")
    examples: dict[str, Example] = {}
    skipped = 0
    for number, line in enumerate(_text(data, name).split("\n"), start=1):
        if limit is not None and len(examples) >= limit:
            break
        if not line.strip():
            continue
        try:
            example = _example(line, number)
        except ValueError as error:
            if not skip_broken:
                raise InputError(f"{name}:{number}: {error}") from error
            skipped += 1
            continue
        if example.id in examples:
            raise InputError(f"{name}:{number}: the id {example.id!r} stands here a second time; ids must differ")
        examples[example.id] = example
    if not examples:
        raise InputError(f"{name}: no question in it; expected a JSON object with `question` a line")
    return Questions(list(examples.values()), name, hashlib.sha256(data).hexdigest(), skipped)


def _read(path_or_name: str | Path) -> tuple[str, bytes]:
    path = Path(path_or_name)
    try:
        if path.is_file():
            return str(path_or_name), path.read_bytes()
        if path.is_dir():
            raise InputError(f"{path} is a folder; expected a question file (a JSON object a line)")
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}") from error
    if str(path_or_name) in task_names():
        resource = importlib.resources.files("firmground.eval.tasks").joinpath(f"{path_or_name}.jsonl")
        return str(path_or_name), resource.read_bytes()
    bundled = ", ".join(task_names()) or "none"
    raise InputError(f"no question file {path_or_name}; give a path to a JSONL file, or a bundled name ({bundled})")


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{name}:{number}: not UTF-8 text (byte {data[error.start]:#04x}); save it as UTF-8"
        ) from error


def _example(line: str, number: int) -> Example:
    """One line's question. Raises ValueError with what is wrong."""
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: nested too deeply") from error
    if not isinstance(row, Mapping):
        raise ValueError(f"expected a JSON object, got {type(row).__name__}")
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise ValueError(f"expected `question` as a text that isn't empty, got {question!r}")
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        raise ValueError(f"expected `answerable` as true or false, got {answerable!r}")
    choices = _texts(row, "choices")
    return Example(
        id=str(row["id"]) if row.get("id") not in (None, "") else str(number),
        question=question.strip(),
        answers=_texts(row, "answers"),
        answerable=answerable,
        choices=choices,
        answer=_right_choice(row.get("answer"), choices),
        gold=_texts(row, "passage") or _texts(row, "facts"),
        metadata={key: value for key, value in row.items() if key not in _OWN_FIELDS},
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


def _texts(row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """A field that holds texts or numbers: a list of them, or a single one."""
    value = row.get(field)
    items = [] if value is None else value if isinstance(value, list) else [value]
    wrong = [item for item in items if isinstance(item, bool) or not isinstance(item, str | int | float)]
    if wrong:
        raise ValueError(f"expected `{field}` as a list of texts, got {wrong[0]!r} in it")
    return tuple(text for text in (str(item).strip() for item in items) if text)


def _right_choice(answer: Any, choices: tuple[str, ...]) -> str | None:
    """The right choice's text, from its text or its letter."""
    if answer is None:
        return None
    text = str(answer).strip()
    if not choices or text in choices:
        return text or None
    place = ord(text.upper()) - ord("A") if len(text) == 1 else -1
    if not 0 <= place < len(choices):
        raise ValueError(f"expected `answer` as one of the choices or its letter, got {answer!r}")
    return choices[place]
