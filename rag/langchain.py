"""LangChain on both sides: any of its chat models answers through our `Generator`, and an assistant is a `Runnable`.

    chain = AssistantRunnable(Assistant(base, ChatOllama(model="qwen3:8b"))) | (lambda answer: answer["text"])
    chain.invoke({"question": "And in winter?", "history": [("When does the library open?", "At nine.")]})

Only what everybody has is imported: `langchain-core`. Providers come with `langchain` and their own packages.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, TypedDict

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import AddableDict

from firmground.knowledge.errors import FirmgroundError, InputError, MissingExtra
from firmground.rag.arms import AUGMENTED, Arm
from firmground.rag.assistant import Assistant
from firmground.rag.conversation import Turn, understand
from firmground.rag.generators import SERVER_KEY
from firmground.rag.types import Answer, Decoding, Generation, Prompt


class ChatModelGenerator:
    """A LangChain `BaseChatModel` as a generator. It has no log-probabilities: `score` says so.

    Decoding is passed as the keywords that chat providers share (`max_tokens`, `temperature`, `stop`); beams aren't.
    """

    completes = False

    def __init__(self, model: BaseChatModel, name: str = "") -> None:
        self.model = model
        self.name = name or str(getattr(model, "model_name", None) or getattr(model, "model", None) or model._llm_type)

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding = Decoding()) -> list[Generation]:
        """One generation a prompt, in order; the model's own `batch` decides how many run at once.

        Raises:
            FirmgroundError: the provider doesn't answer, or refuses.
        """
        start = time.perf_counter()
        with _reached(self.name):
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
        with _reached(self.name):
            for chunk in self.model.stream(_messages(prompt), **_keywords(decoding)):
                if text := chunk.text:
                    yield text

    def score(self, prompt: Prompt, continuation: str) -> np.ndarray:
        raise NotImplementedError(f"{self.name} gives no log-probabilities; use a transformers model for this")


def chat_model(name: str) -> ChatModelGenerator:
    """The chat model that LangChain's `init_chat_model` makes of `provider:model`, for instance `ollama:qwen3:8b`.

    With `@` and an address behind it, that of a server which speaks a provider's protocol:
    `openai:my-model@http://localhost:8000/v1`. It is given the key in FIRMGROUND_API_KEY, or none: never the one that
    was meant for the provider.

    Raises:
        MissingExtra: langchain, or the provider's package, isn't installed.
        InputError: LangChain doesn't know the provider, or the provider lacks something, such as a key.
    """
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingExtra("chat models need LangChain: pip install 'firmground[chat]'") from error
    model, at, address = name.partition("@http")
    server = {"base_url": f"http{address}", "api_key": os.environ.get(SERVER_KEY) or "none"} if at else {}
    try:
        return ChatModelGenerator(init_chat_model(model, temperature=0, **server), name)
    except ImportError as error:
        raise MissingExtra(f"LangChain can't reach {name}: {_first_line(error)}") from error
    except Exception as error:  # each provider has exceptions of its own
        raise InputError(f"LangChain can't make {name!r}: {_first_line(error)}") from error


@contextmanager
def _reached(name: str) -> Iterator[None]:
    """What a provider raises, as one line for a person."""
    try:
        yield
    except FirmgroundError:
        raise
    except Exception as error:  # each provider has exceptions of its own
        problem = f"{type(error).__name__}: {_first_line(error)}"
        raise FirmgroundError(
            f"{name} doesn't answer ({problem}); check its key, its address and the network"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _messages(prompt: Prompt) -> Any:
    return prompt if isinstance(prompt, str) else [(message["role"], message["content"]) for message in prompt]


def _keywords(decoding: Decoding) -> dict[str, Any]:
    keywords: dict[str, Any] = {"max_tokens": decoding.max_new_tokens, "temperature": decoding.temperature}
    if decoding.stop:
        keywords["stop"] = list(decoding.stop)
    if decoding.temperature > 0 and decoding.top_p < 1:
        keywords["top_p"] = decoding.top_p
    return keywords


class Told(TypedDict, total=False):
    """What an `AssistantRunnable` gives: an `Answer` as plain values.

    `claims` and `hits` are as `Claim` and `Hit` hold them, the citations' offsets in characters of the document.
    `understood`: the question as it was searched. `piece`: in a stream alone, text as it is made; the last chunk holds
    the rest, and its `text` is the answer, also where that isn't what was streamed (`Replaced`, `Repair`).
    """

    question: str
    understood: str
    text: str
    basis: str
    abstained: bool
    claims: list[dict[str, Any]]
    hits: list[dict[str, Any]]
    confidence: float | None
    gate: float | None
    repairs: list[dict[str, str]]
    without: list[str]
    arm: str
    piece: str


class AssistantRunnable(Runnable[Any, Any]):
    """An assistant with one arm as a LangChain runnable.

    Input: a question, or {"question": …, "history": […]} with the turns before it: (question, answer) pairs,
    {"role", "content"} or LangChain messages. Output: `Told`. Configs are passed through: callbacks, tags and metadata
    reach whoever traces.
    """

    def __init__(self, assistant: Assistant, arm: Arm = AUGMENTED, name: str = "firmground") -> None:
        self.assistant = assistant
        self.arm = arm
        self.name = name

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return self._call_with_config(self._answer, input, config, **kwargs)

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """In order; all questions go through the arm together, so that the generator has whole batches."""
        return self._batch_with_config(self._answer_all, inputs, config, return_exceptions=return_exceptions, **kwargs)

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        yield from self.transform(iter([input]), config, **kwargs)

    def transform(self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        yield from self._transform_stream_with_config(input, self._stream, config, **kwargs)

    # What is done inside the config

    def _answer(self, input: Any) -> Told:
        question, understood = self._understood(input)
        return _told(self.assistant.ask(understood, self.arm), question)

    def _answer_all(self, inputs: list[Any]) -> list[Exception | Told]:
        """An input that can't be read is its own error; an error of the assistant is everyone's."""
        results: dict[int, Exception | Told] = {}
        asked: dict[int, tuple[str, str]] = {}
        for place, one in enumerate(inputs):
            try:
                asked[place] = self._understood(one)
            except FirmgroundError as error:
                results[place] = error
        answers = self.assistant.answer_batch([understood for _, understood in asked.values()], self.arm)
        for (place, (question, _)), answer in zip(asked.items(), answers, strict=True):
            results[place] = _told(self.assistant.judge({self.arm.name: answer})[self.arm.name], question)
        return [results[place] for place in range(len(inputs))]

    def _stream(self, inputs: Iterator[Any]) -> Iterator[AddableDict]:
        for one in inputs:
            question, understood = self._understood(one)
            for piece in self.assistant.stream(understood, self.arm):
                if isinstance(piece, str):
                    yield AddableDict(piece=piece)
                elif isinstance(piece, Answer):
                    yield AddableDict(_told(piece, question))

    def _understood(self, input: Any) -> tuple[str, str]:
        """The question as asked, and as it stands alone."""
        question = input.get("question") if isinstance(input, Mapping) else input
        if not isinstance(question, str) or not question.strip():
            raise InputError(f'expected a question, or {{"question": …, "history": […]}}, got {str(input)[:80]!r}')
        history = _turns(input.get("history") or []) if isinstance(input, Mapping) else []
        return question, understand(question, history, self.assistant.generator)


def _told(answer: Answer, question: str) -> Told:
    return Told(
        question=question,
        understood=answer.question,
        text=answer.text,
        basis=answer.basis,
        abstained=answer.abstained,
        claims=[asdict(claim) for claim in answer.claims],
        hits=[asdict(replace(hit, ranks=dict(hit.ranks), scores=dict(hit.scores))) for hit in answer.hits],
        confidence=answer.confidence,
        gate=answer.gate,
        repairs=[asdict(repair) for repair in answer.repairs],
        without=list(answer.without),
        arm=answer.arm,
    )


def _turns(history: Sequence[Any]) -> list[Turn]:
    """Turns of (question, answer) pairs, or of messages: each question with the reply that follows it.

    Raises:
        InputError: something else.
    """
    turns: list[Turn] = []
    for one in history:
        if isinstance(one, BaseMessage):
            role, text = {"human": "user", "ai": "assistant"}.get(one.type, one.type), str(one.text)
        elif isinstance(one, Mapping) and "role" in one and "content" in one:
            role, text = str(one["role"]), str(one["content"])
        elif isinstance(one, (tuple, list)) and len(one) == 2:
            turns.append(_turn(str(one[0]), turns, str(one[1])))
            continue
        else:
            raise InputError(f"expected (question, answer) pairs or messages as history, got {str(one)[:80]!r}")
        if role == "user":
            turns.append(_turn(str(text), turns))
        elif role == "assistant" and turns:
            turns[-1] = replace(turns[-1], answer=str(text))
    return turns


def _turn(question: str, before: Sequence[Turn], answer: str = "") -> Turn:
    return Turn(question, understand(question, before), answer)
