"""LangChain on the generator's side: any of its chat models answers through our `Generator`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.knowledge.errors import InputError, MissingExtra
from firmground.rag.types import Decoding, Generation, Prompt

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class ChatModelGenerator:
    """A LangChain `BaseChatModel` as a generator. It has no log-probabilities: `score` says so.

    Decoding is passed as the keywords that chat providers share (`max_tokens`, `temperature`, `stop`); beams aren't.
    """

    completes = False

    def __init__(self, model: BaseChatModel, name: str = "") -> None:
        self.model = model
        self.name = name or str(getattr(model, "model_name", None) or getattr(model, "model", None) or model._llm_type)

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding = Decoding()) -> list[Generation]:
        """One generation a prompt, in order; the model's own `batch` decides how many run at once."""
        start = time.perf_counter()
        replies = self.model.batch([_messages(prompt) for prompt in prompts], **_keywords(decoding))
        share = (time.perf_counter() - start) / max(1, len(prompts))
        results = []
        for reply in replies:
            usage: dict[str, Any] = dict(getattr(reply, "usage_metadata", None) or {})
            reason = (reply.response_metadata or {}).get("finish_reason")
            results.append(
                Generation(
                    text=reply.text,
                    prompt_tokens=int(usage.get("input_tokens", 0)),
                    completion_tokens=int(usage.get("output_tokens", 0)),
                    finish="length" if reason in ("length", "max_tokens") else "stop",
                    seconds=share,
                )
            )
        return results

    def stream(self, prompt: Prompt, decoding: Decoding = Decoding()) -> Iterator[str]:
        for chunk in self.model.stream(_messages(prompt), **_keywords(decoding)):
            if text := chunk.text:
                yield text

    def score(self, prompt: Prompt, continuation: str) -> np.ndarray:
        raise NotImplementedError(f"{self.name} gives no log-probabilities; use a transformers model for this")


def chat_model(name: str) -> ChatModelGenerator:
    """The chat model that LangChain's `init_chat_model` makes of `provider:model`, for instance `ollama:qwen3:8b`.

    Raises:
        MissingExtra: langchain, or the provider's package, isn't installed.
        InputError: LangChain doesn't know the provider.
    """
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingExtra("chat models need LangChain: pip install 'firmground[chat]'") from error
    try:
        return ChatModelGenerator(init_chat_model(name, temperature=0), name)
    except ImportError as error:
        raise MissingExtra(f"LangChain can't reach {name}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise InputError(f"LangChain doesn't know {name!r}: {str(error).splitlines()[0]}") from error


def _messages(prompt: Prompt) -> Any:
    return prompt if isinstance(prompt, str) else [(message["role"], message["content"]) for message in prompt]


def _keywords(decoding: Decoding) -> dict[str, Any]:
    keywords: dict[str, Any] = {"max_tokens": decoding.max_new_tokens, "temperature": decoding.temperature}
    if decoding.stop:
        keywords["stop"] = list(decoding.stop)
    if decoding.temperature > 0 and decoding.top_p < 1:
        keywords["top_p"] = decoding.top_p
    return keywords
