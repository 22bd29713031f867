"""How documents and passages look in the store: JSON for metadata, a hash for content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from firmground.knowledge.types import Document, Encoder, Passage


@dataclass(frozen=True)
class EncoderRecord:
    """Which encoder made the vectors: another one's questions would find nothing sensible among them."""

    name: str
    fingerprint: str
    dimension: int
    languages: tuple[str, ...]

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderRecord:
        return cls(encoder.name, encoder.fingerprint, int(encoder.dimension), tuple(encoder.languages))

    @classmethod
    def from_json(cls, text: str) -> EncoderRecord:
        record = json.loads(text)
        return cls(**{**record, "languages": tuple(record["languages"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


class Entry(NamedTuple):
    """A document ready to be stored, with its passages (ids not yet given) and the hash of its content.

    `replaces`: one with its id was stored when this was prepared.
    """

    document: Document
    passages: Sequence[Passage]
    sha256: bytes
    replaces: bool = False


@dataclass(frozen=True)
class AddReport:
    """What adding did, in documents (`passages` in passages). Reports of several sessions can be summed.

    `failures` are (document id, why) of those that couldn't be stored; the others were.
    """

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    passages: int = 0
    failures: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: AddReport) -> AddReport:
        return AddReport(
            self.added + other.added,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
            self.passages + other.passages,
            self.failures + other.failures,
        )


# Made once: json.dumps makes an encoder for every call that asks for anything but its defaults.
_plain_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
_sorted_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_quoted = json.encoder.encode_basestring  # one string as JSON, without an encoder around it
_PLAIN = frozenset([str, int, bool, type(None)])  # what JSON gives back as it was


def content_sha256(document: Document) -> bytes:
    """What a document is recognised by as unchanged: the SHA-256 of [text, source, metadata] as JSON, keys sorted.

    Raises UnicodeEncodeError.
    """
    metadata = "{}"
    if document.metadata:
        metadata = _flat_json(document.metadata, sorted(document.metadata)) or _sorted_json(document.metadata)
    content = f"[{_quoted(document.text)}, {_quoted(document.source)}, {metadata}]"
    return hashlib.sha256(content.encode()).digest()


def normal_form(document: Document) -> Document:
    """The document as it will be read back: metadata as JSON knows it (a date becomes its text, a tuple a list, and a
    number that isn't finite null)."""
    metadata = document.metadata
    if not metadata:
        return document
    if _PLAIN.issuperset(map(type, metadata.values())) and all(type(name) is str for name in metadata):
        return document
    return replace(document, metadata=json.loads(dump(document.metadata), parse_constant=lambda _: None))


def dump(value: Mapping[str, Any]) -> str:
    return (_flat_json(value, value) or _plain_json(dict(value))) if value else "{}"


def _flat_json(value: Mapping[str, Any], names: Iterable[str]) -> str:
    """The same as the encoders write, at a third of their time, where everything is a string or an integer; else ""."""
    parts = []
    for name in names:
        held = value[name]
        kind = type(held)
        if type(name) is not str or (kind is not str and kind is not int):
            return ""
        parts.append(f"{_quoted(name)}: {_quoted(held) if kind is str else held}")
    return f"{{{', '.join(parts)}}}"


def inherited_by_passages(metadata: Mapping[str, Any], source: str) -> dict[str, Any]:
    """What every passage has from its document: the metadata, and where it comes from (the id where nowhere else)."""
    return {"source": source, **metadata}


def difference(inherited: Mapping[str, Any], own: Mapping[str, Any]) -> str | None:
    """A passage's metadata as JSON of what it sets and drops: a PDF's list of pages isn't stored with every passage."""
    if own == inherited:
        return None
    if any(not isinstance(value, str) for value in own.values()):
        own = json.loads(dump(own))
    changed = {name: value for name, value in own.items() if name not in inherited or inherited[name] != value}
    dropped = [name for name in inherited if name not in own and name != "source"]
    return dump({"set": changed, "drop": dropped}) if changed or dropped else None


def passage_of_row(row: Sequence[Any]) -> Passage:
    number, document, text, start, end, difference, metadata, source = row
    merged = inherited_by_passages(json.loads(metadata), source or document)
    if difference:
        delta = json.loads(difference)
        merged = {name: value for name, value in {**merged, **delta["set"]}.items() if name not in delta["drop"]}
    return Passage(number, document, text, start, end, merged)
