"""Any LangChain chat model through our Generator, with LangChain's own fakes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage

from firmground.knowledge.errors import FirmgroundError, InputError, MissingExtra
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN
from firmground.rag.assistant import Assistant
from firmground.rag.langchain import AssistantRunnable, ChatModelGenerator, chat_model
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


def test_a_server_gets_its_own_key_or_none_and_never_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def init_chat_model(model: str, **options: object) -> FakeListChatModel:
        made.append((model, options))
        return FakeListChatModel(responses=["9 percent"])

    monkeypatch.setitem(sys.modules, "langchain", ModuleType("langchain"))
    monkeypatch.setitem(sys.modules, "langchain.chat_models", SimpleNamespace(init_chat_model=init_chat_model))
    monkeypatch.setenv("OPENAI_API_KEY", "the provider's")
    monkeypatch.delenv("FIRMGROUND_API_KEY", raising=False)
    name = "openai:qwen3:8b@http://localhost:8000/v1"
    assert chat_model(name).name == name
    monkeypatch.setenv("FIRMGROUND_API_KEY", "the server's")
    chat_model(name)
    chat_model("ollama:qwen3:8b")
    address = "http://localhost:8000/v1"
    assert made == [
        ("openai:qwen3:8b", {"temperature": 0, "base_url": address, "api_key": "none"}),
        ("openai:qwen3:8b", {"temperature": 0, "base_url": address, "api_key": "the server's"}),
        ("ollama:qwen3:8b", {"temperature": 0}),
    ]


def test_what_a_provider_raises_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreached(FakeListChatModel):
        def _call(self, *arguments: object, **options: object) -> str:
            raise ConnectionError("refused\nby the server")

        def _stream(self, *arguments: object, **options: object) -> Iterator[Any]:
            raise ConnectionError("refused")
            yield

    generator = ChatModelGenerator(Unreached(responses=[""]), "far")
    told = r"^far doesn't answer \(ConnectionError: refused\); check its key, its address and the network$"
    with pytest.raises(FirmgroundError, match=told):
        generator.generate(["Why?"])
    with pytest.raises(FirmgroundError, match=told):
        list(generator.stream("Why?"))

    def init_chat_model(model: str, **options: object) -> FakeListChatModel:
        raise RuntimeError("Missing credentials: set THE_KEY")

    monkeypatch.setitem(sys.modules, "langchain", ModuleType("langchain"))
    monkeypatch.setitem(sys.modules, "langchain.chat_models", SimpleNamespace(init_chat_model=init_chat_model))
    with pytest.raises(InputError, match="LangChain can't make 'far:model': Missing credentials: set THE_KEY"):
        chat_model("far:model")


# ---- the assistant's side

SHELF = {
    "eiffel": "The Eiffel Tower was built by Gustave Eiffel. The Eiffel Tower is 330 m tall.",
    "ice": "Water expands by 9 percent when it freezes.",
}
HOW_MUCH = "How much does water expand when it freezes?"


def test_a_chat_model_is_taken_as_it_is_and_what_it_cannot_do_is_named() -> None:
    assistant = Assistant(Shelf(SHELF), FakeListChatModel(responses=["9 percent", "A", "9 percent"]))  # type: ignore[arg-type]
    answer = assistant.ask(HOW_MUCH, AUGMENTED)
    assert (answer.text, answer.without, answer.confidence) == ("9 percent", ("spans",), None)
    (chosen,) = assistant.answer_batch([HOW_MUCH], AUGMENTED, choices=[["9 percent", "2 percent"]])
    assert chosen.without == ("choose",)
    assert assistant.ask(HOW_MUCH, PLAIN).without == ()
    with pytest.raises(NotImplementedError, match="no log-probabilities"):
        assistant.generator.score("a", "b")  # type: ignore[union-attr]


@pytest.fixture
def chain() -> AssistantRunnable:
    return AssistantRunnable(Assistant(Shelf(SHELF)), EXTRACTIVE)  # type: ignore[arg-type]


def test_invoke_gives_plain_values(chain: AssistantRunnable) -> None:
    told = chain.invoke(HOW_MUCH)
    assert told["text"] == "9 percent"
    assert (told["question"], told["understood"], told["basis"], told["arm"]) == (
        HOW_MUCH, HOW_MUCH, "evidence", "extractive",
    )  # fmt: skip
    citation = told["claims"][0]["citations"][0]
    assert (citation["document"], citation["start"]) == ("ice", 100)  # the shelf's passages begin at 100
    assert told["hits"][0]["passage"]["document"] == "ice"
    json.dumps(told)
    assert chain.invoke({"question": HOW_MUCH}) == chain.invoke(HOW_MUCH) == told


@pytest.mark.parametrize(
    "history",
    [
        [("Who built the Eiffel Tower?", "Gustave Eiffel")],
        [HumanMessage("Who built the Eiffel Tower?"), AIMessage("Gustave Eiffel")],
        [
            {"role": "user", "content": "Who built the Eiffel Tower?"},
            {"role": "assistant", "content": "Gustave Eiffel"},
        ],
    ],
)
def test_a_history_in_every_form(chain: AssistantRunnable, history: list) -> None:
    told = chain.invoke({"question": "How tall is it?", "history": history})
    assert told["question"] == "How tall is it?"
    assert told["understood"] == "How tall is it? (Eiffel Tower Gustave built)"
    assert "330 m" in told["text"]


def test_batch_keeps_the_order_and_its_errors_apart(chain: AssistantRunnable) -> None:
    first, wrong, last = chain.batch(
        [HOW_MUCH, {"question": 7}, "How tall is the Eiffel Tower?"], return_exceptions=True
    )
    assert first["text"] == "9 percent"
    assert isinstance(wrong, InputError)
    assert "330 m" in last["text"]
    with pytest.raises(InputError, match="expected a question"):
        chain.batch([HOW_MUCH, ""])
    with pytest.raises(InputError, match=r"expected \(question, answer\) pairs"):
        chain.invoke({"question": HOW_MUCH, "history": ["what?"]})


def test_stream_tells_pieces_and_then_all_of_it() -> None:
    chain = AssistantRunnable(Assistant(Shelf(SHELF), FakeListChatModel(responses=["9 percent"])))  # type: ignore[arg-type]
    *pieces, last = chain.stream(HOW_MUCH)
    assert len(pieces) > 1  # LangChain's fake streams by the character
    assert "".join(piece["piece"] for piece in pieces) == last["text"] == "9 percent"
    assert last["claims"][0]["verdict"] == "supported"
    assert "piece" not in last


def test_in_a_chain_with_a_config(chain: AssistantRunnable) -> None:
    seen: list[tuple] = []

    class Watch(BaseCallbackHandler):
        def on_chain_start(self, serialized, inputs, *, tags=None, metadata=None, name=None, **kwargs):
            seen.append((name, tuple(tags or ()), (metadata or {}).get("who")))

    config = {"callbacks": [Watch()], "tags": ["mine"], "metadata": {"who": "me"}, "run_name": "grounded"}
    assert chain.invoke(HOW_MUCH, config)["text"] == "9 percent"
    assert seen == [("grounded", ("mine",), "me")]
    assert (chain | (lambda told: told["text"])).invoke(HOW_MUCH) == "9 percent"
    assert list(chain.stream(HOW_MUCH, config))[-1]["text"] == "9 percent"
    assert len(seen) == 2
