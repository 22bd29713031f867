"""Generators by name, and whatever else can stand in for one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from firmground.knowledge import weights
from firmground.rag.types import Generator

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

SERVER_KEY = "FIRMGROUND_API_KEY"  # the variable with the key for a server that is named by its address


def as_generator(generator: Generator | BaseChatModel | None) -> Generator | None:
    """A LangChain chat model wrapped; anything else as it is."""
    core = sys.modules.get("langchain_core.language_models")  # loaded by whoever made a chat model
    if core is not None and isinstance(generator, core.BaseChatModel):
        from firmground.rag.langchain import ChatModelGenerator

        return ChatModelGenerator(generator)
    return cast("Generator | None", generator)


def load_generator(name: str, device: str = "") -> Generator:
    """A generator by name: `chat:provider:model` through LangChain (with `@` and an address behind it for a server that
    speaks the provider's protocol), else what `weights.resolve` knows.

    Raises:
        WeightsMissing: known, not on this machine. InputError: unknown. MissingExtra: LangChain isn't installed.
    """
    if name.startswith("chat:"):
        from firmground.rag.langchain import chat_model

        return chat_model(name.removeprefix("chat:"))
    folder = weights.resolve(name)
    from firmground.rag.generate import TransformersGenerator

    return TransformersGenerator(folder, name, device)
