"""The page's engine: knowledge bases and models, loaded once per process and shared by all who have the page open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.encode import SentenceEncoder
    from firmground.rag.assistant import Assistant
    from firmground.rag.types import Generator
    from firmground.ui.indexing_job import IndexingJob, Uploaded

# How many stay loaded: the ones used last. An error isn't kept, so that the next try looks again.
KEPT_BASES, KEPT_GENERATORS = 4, 2


@st.cache_resource(max_entries=KEPT_BASES, show_spinner=False)
def knowledge_base(kb: str) -> KnowledgeBase:
    """A pack by name, or a folder, opened and with its encoder loaded. It sees what others add to it later."""
    from firmground.knowledge.encode import open_base
    from firmground.knowledge.packs import base_folder
    from firmground.ui.commands.options import quiet_models

    quiet_models()
    base = open_base(base_folder(kb))
    base.search(["firmground"], k=1)  # the encoder is loaded by the first search: better here than in a question
    return base


@st.cache_resource(max_entries=KEPT_GENERATORS, show_spinner=False)
def generator(name: str) -> Generator:
    from firmground.rag.generators import load_generator

    return load_generator(name)


def assistant(kb: str, generator_name: str) -> Assistant:
    """Cheap once its parts are loaded. Without a generator's name it has none.

    Raises FirmgroundError where the knowledge base or the generator can't be had.
    """
    from firmground.rag.assistant import Assistant

    return Assistant(knowledge_base(kb), generator(generator_name) if generator_name else None)


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
