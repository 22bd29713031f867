"""The page's engine: knowledge bases and models, loaded once per process and shared by all who have the page open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from firmground.ui import choices
from firmground.ui.choices import Choices

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.encode import SentenceEncoder
    from firmground.knowledge.types import Hit
    from firmground.rag.assistant import Assistant
    from firmground.rag.types import Generator
    from firmground.ui.indexing_job import IndexingJob, Uploaded

# How many stay loaded: the ones used last. An error isn't kept, so that the next try looks again.
KEPT_BASES, KEPT_GENERATORS = 4, 2


def knowledge_base(kb: str, device: str | None = None) -> KnowledgeBase:
    """A pack by name, or a folder, opened and with its encoder loaded on a device (None: this session's). It sees what
    others add to it later."""
    return _knowledge_base(kb, choices.current().device if device is None else device)


@st.cache_resource(max_entries=KEPT_BASES, show_spinner=False)
def _knowledge_base(kb: str, device: str) -> KnowledgeBase:
    from firmground.knowledge.encode import open_base
    from firmground.knowledge.packs import base_folder
    from firmground.ui.commands.options import quiet_models

    quiet_models()
    base = open_base(base_folder(kb), device=device)
    base.search(["firmground"], k=1)  # the encoder is loaded by the first search: better here than in a question
    return base


def forget_base(kb: str) -> None:
    """It was deleted: another of its name is opened anew."""
    for device in ("", *devices()):
        _knowledge_base.clear(kb, device)


def generator(name: str, device: str | None = None) -> Generator:
    """A language model by name, loaded on a device (None: this session's)."""
    return _generator(name, choices.current().device if device is None else device)


@st.cache_resource(max_entries=KEPT_GENERATORS, show_spinner=False)
def _generator(name: str, device: str) -> Generator:
    from firmground.rag.generators import load_generator

    return load_generator(name, device)


def try_generator(name: str, device: str) -> None:
    """Load a language model. One that is reached by a network writes a few tokens, so that a wrong key or address is
    told at once.

    Raises:
        FirmgroundError: it can't be loaded, or doesn't answer.
    """
    from firmground.rag.types import Decoding

    model = generator(name, device)
    if name.startswith("chat:"):
        model.generate([[{"role": "user", "content": "Say hello."}]], Decoding(max_new_tokens=16))


def assistant(kb: str, generator_name: str, chosen: Choices | None = None) -> Assistant:
    """Cheap once its parts are loaded. Without a generator's name it has none. `chosen`: None for this session's.

    Raises FirmgroundError where the knowledge base or the generator can't be had.
    """
    from firmground.rag.assistant import Assistant

    chosen = choices.current() if chosen is None else chosen
    base, where = knowledge_base(kb, chosen.device), chosen.filter()
    seen: Any = base if where is None else Narrowed(base, where)
    return Assistant(seen, generator(generator_name, chosen.device) if generator_name else None)


class Narrowed:
    """A knowledge base that shows only documents whose metadata pass a filter: to answers and to verdicts alike."""

    def __init__(self, base: KnowledgeBase, where: Mapping[str, Any]) -> None:
        self._base, self._where = base, where

    def search(self, questions: Sequence[str], k: int = 10, mode: Any = "hybrid", **options: Any) -> list[list[Hit]]:
        return self._base.search(questions, k=k, mode=mode, where=self._where, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


def devices() -> list[str]:
    """What models can run on here, by the names that torch gives: the CPU, then each GPU."""
    import torch

    return ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]


# ----------------------------------------------------------------------------------------------------------- writing


@st.cache_resource(max_entries=KEPT_BASES, show_spinner=False)
def encoder(name: str) -> SentenceEncoder:
    from firmground.knowledge.encode import SentenceEncoder
    from firmground.ui.commands.options import quiet_models

    quiet_models()
    return SentenceEncoder(name)


def make_base(folder: Path, encoder_name: str) -> None:
    """An empty knowledge base. Raises InputError where the folder isn't empty."""
    from firmground.knowledge.base import KnowledgeBase

    folder.mkdir(parents=True, exist_ok=True)
    KnowledgeBase.create(folder, encoder(encoder_name)).close()


def writer(folder: Path) -> KnowledgeBase:
    """The knowledge base open for writing; a context manager. Raises KnowledgeBaseError while another writes it."""
    from firmground.knowledge.base import KnowledgeBase

    return KnowledgeBase.open(folder, encoder(knowledge_base(str(folder)).encoder_record.name), writable=True)


@st.cache_resource(show_spinner=False)
def indexing_jobs() -> dict[str, IndexingJob]:
    """By knowledge base's folder: files on their way into it, or the last ones that were, for all who have the page."""
    return {}


def start_indexing(name: str, folder: Path, files: Sequence[Uploaded]) -> None:
    """Put files into a knowledge base, in a thread of its own."""
    from firmground.ui.indexing_job import start

    model = encoder(knowledge_base(str(folder)).encoder_record.name)
    indexing_jobs()[str(folder)] = start(name, folder, model, files)
