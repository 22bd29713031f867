"""Names of language models, as `rag.generators.load_generator` takes them: put together, and told apart."""

from __future__ import annotations

from typing import Literal

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError

Kind = Literal["here", "hub", "folder", "chat", "server"]
KINDS: tuple[Kind, ...] = ("here", "hub", "folder", "chat", "server")

# LangChain's name of a provider: its package, and the variable that it reads its key from ("": it wants none).
# https://docs.langchain.com/oss/python/integrations/chat
PROVIDERS = {
    "ollama": ("langchain-ollama", ""),
    "openai": ("langchain-openai", "OPENAI_API_KEY"),
    "anthropic": ("langchain-anthropic", "ANTHROPIC_API_KEY"),
    "google_genai": ("langchain-google-genai", "GOOGLE_API_KEY"),
    "mistralai": ("langchain-mistralai", "MISTRAL_API_KEY"),
    "deepseek": ("langchain-deepseek", "DEEPSEEK_API_KEY"),
    "groq": ("langchain-groq", "GROQ_API_KEY"),
}


def kind_of(name: str) -> Kind:
    """Where a model comes from, by its name."""
    if name in weights.MODELS:
        return "here"
    if name.startswith("chat:"):
        return "server" if "@http" in name else "chat"
    return "hub" if name.startswith("hf:") else "folder"


def generators_here() -> list[str]:
    """The language models with a name of their own whose weights are on this machine."""
    return [name for name, model in weights.MODELS.items() if model.kind == "generator" and weights.is_here(name)]


def server_name(model: str, address: str) -> str:
    """The name of a model on a server that speaks OpenAI's protocol.

    Raises:
        InputError: an address that isn't one.
    """
    if not address.startswith(("http://", "https://")):
        raise InputError(f"expected an address such as http://localhost:8000/v1, got {address!r}")
    return f"chat:openai:{model}@{address}"
