"""Questions that bring the passage which answers them: the SQuAD family, CMRC 2018's own shape, and CLAPNQ.

Read from: XQuAD en and zh, CMRC 2018 trial (SQuAD's shape) and dev (its own), DRCD dev, SQuAD 2.0 dev, CLAPNQ dev.
A question's `gold` is the id of its passage; `squad_passages` and `clapnq_passages` give the passages by these ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from firmground.eval.metrics.normalise import language_of
from firmground.eval.tasks.fields import Row, id_of, kept, list_of, object_of, shortened, text_of, texts_of, unique
from firmground.eval.tasks.files import Record
from firmground.eval.types import Example
from firmground.knowledge.types import Document

# ------------------------------------------------------------------------------------------------- documents to records


def squad_paragraphs(records: Iterable[Record]) -> Iterator[Record]:
    """The paragraphs of SQuAD documents, as {"id", "title", "text", "qas"}; their place reads data[3].paragraphs[0].

    A paragraph without an id (SQuAD, XQuAD) gets its article's title and its place among those of that title.
    """
    numbers: Counter[str] = Counter()
    for record in records:
        for article in _members(record, "data"):
            title = str(article.row.get("title") or "").strip()
            for paragraph in _members(article, "paragraphs"):
                name = title or article.where
                row = paragraph.row
                default = f"{name}-{numbers[name]}"
                numbers[name] += 1
                yield _paragraph(paragraph, row.get("id") or default, title, row.get("context"), row.get("qas"))


def cmrc_paragraphs(records: Iterable[Record]) -> Iterator[Record]:
    """The paragraphs of a file in CMRC 2018's own shape, as `squad_paragraphs` gives them."""
    for record in records:
        row = record.row
        asked = [_as_squad(qa) if isinstance(qa, dict) else qa for qa in row.get("qas") or ()]
        default = f"paragraph-{record.number}"
        yield _paragraph(record, row.get("context_id") or default, row.get("title"), row.get("context_text"), asked)


def _as_squad(qa: Row) -> dict[str, Any]:
    return {"id": qa.get("query_id"), "question": qa.get("query_text"), "answers": qa.get("answers")}


def _paragraph(record: Record, name: Any, title: Any, text: Any, asked: Any) -> Record:
    if record.wrong:
        return record
    if not isinstance(text, str) or not text.strip():
        return replace(record, row={}, wrong=f"expected a paragraph with its text, got {shortened(text)}")
    row = {
        "id": str(name),
        "title": str(title or "").strip(),
        "text": text,
        "language": language_of(text),
        "qas": asked,
    }
    return replace(record, row=row)


def questions(paragraphs: Iterable[Record]) -> Iterator[Record]:
    """A record a question, numbered from 1: the question's own fields, and of its `paragraph` all but the text."""
    number = 0
    for paragraph in paragraphs:
        about = kept(paragraph.row, "id", "title", "language")
        for record in _members(paragraph, "qas"):
            number += 1
            row = record.row if record.wrong else {**record.row, "paragraph": about}
            yield replace(record, number=number, row=row)


def _members(parent: Record, name: str) -> Iterator[Record]:
    """The objects in a list of the parent; a parent that is broken or lacks the list is one broken record."""
    if parent.wrong:
        yield parent
        return
    place = f"{parent.where}.{name}" if parent.where else name
    items = parent.row.get(name)
    if not isinstance(items, list):
        yield Record(place, parent.number, wrong=f"expected a list, got {type(items).__name__}")
        return
    for number, item in enumerate(items):
        where = f"{place}[{number}]"
        if isinstance(item, dict):
            yield Record(where, number + 1, item)
        else:
            yield Record(where, number + 1, wrong=f"expected a JSON object, got {type(item).__name__}")


# -------------------------------------------------------------------------------------------------- records to examples


def squad(row: Row, place: str) -> Example:
    """A question of SQuAD 1.1 or 2.0, XQuAD, DRCD or CMRC 2018: an answer is an object with `text`, or the text itself.

    `is_impossible` (SQuAD 2.0): the paragraph doesn't answer it; `plausible_answers` go into the metadata.
    """
    paragraph = object_of(row, "paragraph")
    impossible = row.get("is_impossible") is True
    plausible = _answer_texts(row, "plausible_answers")
    return Example(
        id=id_of(row, "id", place),
        question=text_of(row, "question"),
        answers=() if impossible else _answer_texts(row, "answers"),
        answerable=not impossible,
        gold=(paragraph["id"],),
        metadata={
            **kept(paragraph, "language", "title"),
            **kept({"plausible_answers": list(plausible)}, "plausible_answers"),
        },
    )


def _answer_texts(row: Row, field: str) -> tuple[str, ...]:
    """The texts of a list of answers. A test file's questions have none."""
    if row.get(field) is None:
        return ()
    items = [item.get("text") if isinstance(item, dict) else item for item in list_of(row, field)]
    return unique(texts_of({field: items}, field))


def clapnq(row: Row, place: str) -> Example:
    """A question of CLAPNQ: unanswerable from its passages where no annotator wrote an answer."""
    outputs = [output for output in list_of(row, "output") if isinstance(output, dict)]
    answers = unique(
        texts_of({"answer": [output.get("answer") for output in outputs if output.get("answer")]}, "answer")
    )
    documents = clapnq_passages(row, place)
    return Example(
        id=id_of(row, "id", place),
        question=text_of(row, "input"),
        answers=answers,
        answerable=bool(answers),
        gold=tuple(document.id for document in documents),
        metadata={"language": "en", **kept({"title": documents[0].title if documents else ""}, "title")},
    )


# ------------------------------------------------------------------------------------------------- records to documents


def squad_passages(paragraph: Row) -> list[Document]:
    """A paragraph as a document."""
    return [document(paragraph["id"], paragraph["text"], paragraph["title"])]


def clapnq_passages(row: Row, place: str) -> list[Document]:
    """The question's passages; the first one's id is "c" and the question's, the others' ids are numbered from 2."""
    question, found = id_of(row, "id", place), []
    for number, passage in enumerate(list_of(row, "passages"), start=1):
        if not isinstance(passage, dict):
            raise ValueError(f"expected `passages` as a list of objects, got {type(passage).__name__} in it")
        text_of(passage, "text")
        found.append(
            document(f"c{question}" + (f"-{number}" if number > 1 else ""), passage["text"], passage.get("title"))
        )
    return found


def document(name: str, text: str, title: Any = "") -> Document:
    """A passage as a document; the title is left out where there is none."""
    return Document(name, text, metadata={"title": title} if title else {})
