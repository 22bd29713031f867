"""The packs that ship with firmground, by name: `commonsense-en`, `commonsense-zh`.

A pack is a JSONL file of documents written for this project. Its knowledge base is made from the file when it is first
asked for, in the cache folder, one for each encoder, and brought up to date when the file or the encoder changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
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


def pack_encoder(documents: Sequence[Document]) -> str:
    """The encoder for a pack's documents: the default, or the Chinese one for Chinese where its weights are here.

    On the 106 questions of commonsense-zh it finds the right passage first for 65 in 100; words alone, all that the
    English default leaves a Chinese question, do for 29.
    """
    from firmground.knowledge.text import language

    chinese = bool(documents) and language(documents[0].text) == "zh"
    return weights.CHINESE_ENCODER if chinese and weights.is_here(weights.CHINESE_ENCODER) else weights.DEFAULT_ENCODER


def base_folder(name: str, say: Say = lambda line: None) -> Path:
    """The knowledge base's folder behind a `--kb`: a pack's, made or brought up to date first, or the folder itself."""
    if name not in pack_names() or Path(name).exists():
        return Path(name)
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.encode import SentenceEncoder

    documents = pack_documents(name)
    encoder = SentenceEncoder(pack_encoder(documents))
    folder = weights.cache_folder() / "packs" / f"{name}-{encoder.name}"
    if not folder.exists():
        say(f"making the knowledge base of {name} ({len(documents)} passages)")
    try:
        base = KnowledgeBase.create(folder, encoder, exist_ok=True)
    except KnowledgeBaseError as error:
        if "being written" in str(error):
            return folder  # another process is making it, or bringing it up to date
        shutil.rmtree(folder)  # the encoder's weights changed, or it is damaged: it holds nothing that the pack doesn't
        base = KnowledgeBase.create(folder, encoder)
    with base:
        base.remove({document.id for document in base.documents()} - {document.id for document in documents})
        base.add(documents)
    return folder
