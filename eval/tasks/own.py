"""Our own question format: a JSON object a line, the same in a JSON list, or the same fields as a CSV file's columns.

Three fields are enough: `question` and `answers`, and `id` where the line's number won't do.
"""

from __future__ import annotations

import difflib
import json
from typing import Any, cast, get_args

from firmground.eval.metrics.normalise import language_of
from firmground.eval.tasks.fields import Row, flag_of, id_of, list_of, shortened, text_of, texts_of
from firmground.eval.types import Example, Task

OWN_FIELDS = frozenset(
    {"id", "task", "question", "text", "answers", "references", "answerable", "passage"}
    | {"choices", "answer", "labels", "label"}
)
_LISTS = ("answers", "references", "choices", "labels", "passage", "facts")  # what a CSV cell may hold several of

# What a text to be summarised or translated is asked with: in its own language, which a small model follows best,
# and before the text, so that a long one doesn't hide what is wanted. Written for this project, not tuned.
SUMMARISE = {
    "en": "Summarise the following text in a few sentences.\n\n{text}",
    "zh": "用几句话概括下面的文字。\n\n{text}",
}
TRANSLATE = {
    ("en", "zh"): "Translate the following text into Chinese.\n\n{text}",
    ("zh", "en"): "把下面的文字翻译成英文。\n\n{text}",
}


def own(row: Row, place: str) -> Example:
    """A question in our own format; see docs/tasks.md for its fields."""
    _check_names(row)
    task = _task(row)
    choices = _choices(row)
    references = texts_of(row, "references") or texts_of(row, "answers")
    facts = texts_of(row, "facts")
    if task in ("choice", "label") and not choices:
        raise ValueError(f"expected `{'labels' if task == 'label' else 'choices'}`: a list of what can be chosen from")
    if task in ("summary", "translation") and not references:
        raise ValueError(f"expected `references` with at least one {task} to hold the answer against")
    return Example(
        id=id_of(row, "id", place),
        question=_question(row, task, references),
        answers=references,
        answerable=flag_of(row, "answerable") if row.get("answerable") is not None else True,
        choices=choices,
        answer=_label(row, choices) if task == "label" else _right_choice(row.get("answer"), choices),
        gold=texts_of(row, "passage") or facts,
        metadata={key: value for key, value in row.items() if key not in OWN_FIELDS}
        | ({"facts": list(facts)} if facts else {}),
        task=task,
    )


def _check_names(row: Row) -> None:
    """Raises ValueError for a misspelt field: one of our own is near, and none of those is in the row. Other fields
    are anyone's, and kept as metadata."""
    for name in row.keys() - OWN_FIELDS - {"facts"}:
        near = difflib.get_close_matches(name, OWN_FIELDS | {"facts"}, cutoff=0.8) if len(name) > 3 else []
        if near and not row.keys() & set(near):
            raise ValueError(f"unknown field {shortened(name)}; did you mean {near[0]!r}? If not, name it otherwise")


def _task(row: Row) -> Task:
    """The task that the row names, or what its fields say: a label, choices, or a plain question."""
    named = row.get("task")
    if named not in (None, ""):
        if named not in get_args(Task):
            raise ValueError(f"expected `task` as one of {', '.join(get_args(Task))}, got {shortened(named)}")
        return cast(Task, named)
    if row.get("references") is not None:
        raise ValueError('`references` need to be told what they are: add "task": "summary" or "task": "translation"')
    if row.get("label") is not None or row.get("labels") is not None:
        return "label"
    return "choice" if row.get("choices") else "qa"


def _question(row: Row, task: Task, references: tuple[str, ...]) -> str:
    """`question` as it stands; or, of a text to be summarised or translated, an instruction and the text."""
    if row.get("question") is not None or task not in ("summary", "translation"):
        return text_of(row, "question")
    text = text_of(row, "text")
    if task == "summary":
        return SUMMARISE[language_of(text)].format(text=text)
    languages = language_of(text), language_of(*references)
    if languages not in TRANSLATE:
        raise ValueError(
            "expected `text` in Chinese and `references` in English or the other way round; for other languages write"
            " the instruction yourself, in `question`"
        )
    return TRANSLATE[languages].format(text=text)


def _choices(row: Row) -> tuple[str, ...]:
    """The choices, or the set of labels. None may be empty or stand there twice: a letter counts them."""
    field = "labels" if row.get("labels") is not None else "choices"
    if row.get(field) is None:
        return ()
    choices = texts_of(row, field)
    if len(choices) != len(list_of(row, field)) or len(set(choices)) != len(choices):
        raise ValueError(f"expected `{field}` that differ and aren't empty, got {shortened(row[field])}")
    return choices


def _label(row: Row, labels: tuple[str, ...]) -> str | None:
    """The right label. No letters here: a label may itself be one."""
    given = row.get("label") if row.get("label") is not None else row.get("answer")
    if given is None:
        return None
    label = str(given).lower() if isinstance(given, bool) else str(given).strip()
    if label not in labels:
        raise ValueError(f"expected `label` as one of {shortened(list(labels))}, got {shortened(given)}")
    return label


def _right_choice(answer: Any, choices: tuple[str, ...]) -> str | None:
    """The right choice's text, from its text or its letter."""
    if answer is None:
        return None
    text = str(answer).strip()
    if not choices or text in choices:
        return text or None
    place = ord(text.upper()) - ord("A") if len(text) == 1 else -1
    if not 0 <= place < len(choices):
        raise ValueError(f"expected `answer` as one of the choices or its letter, got {shortened(answer)}")
    return choices[place]


# ------------------------------------------------------------------------------------------------------ other direction


def from_cells(row: Row) -> dict[str, Any]:
    """A CSV record as a row of our format: empty cells are left out, names are in lower case, `|` separates the members
    of a list (or the cell holds a JSON list), and `answerable` is true or false."""
    cells = {name.lower(): cell for name, cell in row.items() if cell.strip()}
    for name in _LISTS:
        if name in cells:
            cells[name] = _members(cells[name])
    flag = cells.get("answerable", "").lower()
    return {**cells, "answerable": flag == "true"} if flag in ("true", "false") else cells


def _members(cell: str) -> Any:
    if cell.lstrip().startswith("["):
        try:
            return json.loads(cell)
        except json.JSONDecodeError:
            pass  # a text that begins with a bracket
    return [member.strip() for member in cell.split("|")]


def to_row(example: Example) -> dict[str, Any]:
    """An example as a row of our format, which reads back as the same example."""
    passages = [] if example.gold == tuple(example.metadata.get("facts") or ()) else list(example.gold)
    row: dict[str, Any] = {"id": example.id, "task": example.task, "question": example.question}
    if example.task == "label":
        row |= {"labels": list(example.choices), "label": example.answer}
    else:
        row |= {"choices": list(example.choices), "answer": example.answer}
    row["references" if example.task in ("summary", "translation") else "answers"] = list(example.answers)
    row |= {"answerable": example.answerable, "passage": passages}
    return {key: value for key, value in row.items() if value not in (None, [])} | dict(example.metadata)
