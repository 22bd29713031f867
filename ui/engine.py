"""The page's engine: knowledge bases and models, loaded once per process and shared by all who have the page open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.rag.assistant import Assistant
    from firmground.rag.types import Generator

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
    from firmground.rag.assistant import load_generator

    return load_generator(name)


def assistant(kb: str, generator_name: str) -> Assistant:
    """Cheap once its parts are loaded. Without a generator's name it has none.

    Raises FirmgroundError where the knowledge base or the generator can't be had.
    """
    from firmground.rag.assistant import Assistant

    return Assistant(knowledge_base(kb), generator(generator_name) if generator_name else None)
