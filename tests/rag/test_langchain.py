"""Any LangChain chat model through our Generator, with LangChain's own fakes."""

from __future__ import annotations

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage

from firmground.knowledge.errors import InputError, MissingExtra
from firmground.rag.arms import AUGMENTED
from firmground.rag.assistant import Assistant
from firmground.rag.langchain import ChatModelGenerator, chat_model
from firmground.rag.types import Decoding, Generator
from tests.rag.fakes import Shelf


def test_generate_and_stream() -> None:
    generator = ChatModelGenerator(FakeListChatModel(responses=["9 percent"]), name="fake")
    assert isinstance(generator, Generator)
    (generation,) = generator.generate(["How much?"], Decoding(max_new_tokens=5))
    assert generation.text == "9 percent"
    assert "".join(generator.stream([{"role": "user", "content": "How much?"}])) == "9 percent"
    with pytest.raises(NotImplementedError, match="no log-probabilities"):
        generator.score("a", "b")


def test_usage_and_finish_reason_are_read() -> None:
    message = AIMessage(
        content="九",
        usage_metadata={"input_tokens": 11, "output_tokens": 1, "total_tokens": 12},
        response_metadata={"finish_reason": "length"},
    )
    (generation,) = ChatModelGenerator(GenericFakeChatModel(messages=iter([message]))).generate(["多少？"])
    assert (generation.prompt_tokens, generation.completion_tokens, generation.finish) == (11, 1, "length")


def test_an_assistant_over_a_chat_model() -> None:
    shelf = Shelf({"ice": "Water expands by 9 percent when it freezes."})
    generator = ChatModelGenerator(FakeListChatModel(responses=["9 percent"]))
    answer = Assistant(shelf, generator).ask("How much does water expand when it freezes?", AUGMENTED)  # type: ignore[arg-type]
    assert answer.text == "9 percent"
    assert answer.claims[0].verdict == "supported"


def test_without_langchain_or_with_an_unknown_provider() -> None:
    with pytest.raises((MissingExtra, InputError)):
        chat_model("nosuchprovider:model")
