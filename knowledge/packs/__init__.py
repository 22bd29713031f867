"""The packs that ship with firmground, by name: `commonsense-en`, `commonsense-zh`.

A pack is a JSONL file of documents written for this project. Its knowledge base is made from the file when it is first
asked for, in the cache folder, and made anew when the file or the encoder changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError, KnowledgeBaseError
from firmground.knowledge.types import Document

Say = Callable[[str], None]


def pack_names() -> list[str]:
    """The packs there are."""
    return sorted(
        path.name.removesuffix(".jsonl") for path in files(__name__).iterdir() if path.name.endswith(".jsonl")
    )


def pack_documents(name: str) -> list[Document]:
    """The documents of a pack.

    Raises:
        InputError: no pack has this name.
    """
    if name not in pack_names():
        raise InputError(f"unknown pack {name!r}; the packs are: {', '.join(pack_names())}")
    from firmground.knowledge.load import load

    with as_file(files(__name__) / f"{name}.jsonl") as path:
        return list(load(path))


def base_folder(name: str, say: Say = lambda line: None) -> Path:
    """The knowledge base's folder behind a `--kb`: a pack's, made or brought up to date first, or the folder itself."""
    if name not in pack_names() or Path(name).exists():
        return Path(name)
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.encode import SentenceEncoder

    folder = weights.cache_folder() / "packs" / name
    encoder = SentenceEncoder(weights.DEFAULT_ENCODER)
    documents = pack_documents(name)
    if not folder.exists():
        say(f"making the knowledge base of {name} ({len(documents)} passages)")
    try:
        base = KnowledgeBase.create(folder, encoder, exist_ok=True)
    except KnowledgeBaseError as error:
        if "being written" in str(error):
            return folder  # another process is making it, or bringing it up to date
        shutil.rmtree(folder)  # of another encoder, or damaged: it holds nothing that the pack doesn't
        base = KnowledgeBase.create(folder, encoder)
    with base:
        base.remove({document.id for document in base.documents()} - {document.id for document in documents})
        base.add(documents)
    return folder
