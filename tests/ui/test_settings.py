"""Settings: a session's own options, what they make of an arm, models by name, and that nobody else's are changed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from streamlit.testing.v1 import AppTest

from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import FirmgroundError, InputError, WeightsMissing
from firmground.knowledge.types import Document
from firmground.rag.arms import ANSWERING, AUGMENTED, EXTRACTIVE, PLAIN
from firmground.rag.types import Generation
from firmground.ui import choices, engine
from firmground.ui.choices import Choices
from firmground.ui.model_names import PROVIDERS, generators_here, kind_of, server_name
from firmground.ui.views import settings
from firmground.ui.wording import text
from firmground.ui.workspace import Workspace
from tests.knowledge.base_helpers import HashEncoder
from tests.ui.fakes import FakeAssistant, FakeBase
from tests.ui.test_views import drawn, words

APP = Path(__file__).resolve().parents[2] / "ui" / "app.py"


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace, on a machine that is quickly looked at: one GPU, two language models."""
    looked = [("python", "ok", "3.12 <b>", "")], ["cpu", "cuda:0"]
    monkeypatch.setattr(settings, "_looked", lambda: looked)
    monkeypatch.setattr(weights, "is_here", lambda name: name in weights.MODELS)
    return Workspace(tmp_path / "space")


# --------------------------------------------------------------------------------------------------------- the choices


def test_without_a_choice_every_arm_is_as_it_was():
    assert [Choices().adjusted(arm) for arm in ANSWERING.values()] == list(ANSWERING.values())


def test_what_is_chosen_is_done_where_an_arm_has_a_use_for_it():
    chosen = Choices(retrieve="lexical", num_passages=7, max_new_tokens=64, temperature=0.7, samples=3, contrast=0.5)
    assert chosen.adjusted(AUGMENTED) == replace(
        AUGMENTED, retrieve="lexical", num_passages=7,
        decoding=replace(AUGMENTED.decoding, max_new_tokens=64, temperature=0.7, samples=3, contrast=0.5),
    )  # fmt: skip
    # Plain searches nothing, so there is no evidence to hold against; a quotation isn't written.
    assert chosen.adjusted(PLAIN) == replace(
        PLAIN, decoding=replace(PLAIN.decoding, max_new_tokens=64, temperature=0.7, samples=3)
    )
    assert chosen.adjusted(EXTRACTIVE) == replace(EXTRACTIVE, retrieve="lexical", num_passages=7)


def test_a_filter_is_read_and_what_is_none_is_refused():
    assert Choices().filter() is None
    assert Choices(where=' {"topic": "天文"} ').filter() == {"topic": "天文"}
    for wrong in ("topic", "[1]", '{"year": {"$near": 3}}'):
        with pytest.raises(InputError):
            Choices(where=wrong).filter()


def test_only_documents_that_pass_the_filter_are_seen(tmp_path):
    documents = [
        Document("a", "The Moon orbits the Earth.", metadata={"topic": "sky"}),
        Document("b", "The Moon is made of cheese.", metadata={"topic": "tales"}),
    ]
    with KnowledgeBase.create(tmp_path, HashEncoder()) as base:
        base.add(documents)
        narrowed = engine.Narrowed(base, {"topic": "tales"})
        assert [[hit.passage.document for hit in hits] for hits in narrowed.search(["the Moon"], k=4)] == [["b"]]
        fewest = narrowed.search(["the Moon"], k=4, mode="lexical", weight=0.0)
        assert [[hit.passage.document for hit in hits] for hits in fewest] == [["b"]]
        assert narrowed.identity() == base.identity()
        assert narrowed.document("a").text == documents[0].text


def test_models_and_bases_are_kept_by_device(monkeypatch):
    asked = []
    monkeypatch.setattr("firmground.rag.generators.load_generator", lambda *what: asked.append(what) or object())
    engine._generator.clear()
    first, second = engine.generator("tiny", "cpu"), engine.generator("tiny", "cuda:0")
    assert first is not second
    assert engine.generator("tiny", "cpu") is first
    assert asked == [("tiny", "cpu"), ("tiny", "cuda:0")]
    engine._generator.clear()


def test_a_model_behind_a_network_is_asked_for_a_word(monkeypatch):
    class Model:
        def generate(self, prompts, decoding):
            raise FirmgroundError(f"no answer to {prompts[0][0]['role']} within {decoding.max_new_tokens}")

    monkeypatch.setattr(engine, "_generator", lambda name, device: Model())
    engine.try_generator("tiny", "")
    with pytest.raises(FirmgroundError, match="no answer to user within 16"):
        engine.try_generator("chat:openai:gpt", "")


def test_a_models_name_tells_where_it_comes_from():
    names = {
        "SmolLM2-135M-Instruct": "here", "hf:Qwen/Qwen3-4B": "hub", "/models/mine": "folder",
        "chat:ollama:qwen3:8b": "chat", server_name("qwen3", "http://localhost:8000/v1"): "server",
    }  # fmt: skip
    assert {name: kind_of(name) for name in names} == names
    with pytest.raises(InputError, match="expected an address"):
        server_name("qwen3", "localhost:8000")


# ------------------------------------------------------------------------------------------------------------ the view


def test_options_are_taken_over_marked_and_reset(space):
    app = drawn(space, "settings")
    app.number_input(key="option-num_passages").set_value(6).run()
    app.number_input(key="option-beams").set_value(3).run()
    app.selectbox(key="option-retrieve").set_value("lexical").run()
    app.selectbox(key="option-device").set_value("cpu").run()
    chosen = app.session_state[choices.KEY]
    assert chosen == Choices(retrieve="lexical", num_passages=6, beams=3, device="cpu")
    assert "by words *" in words(app)
    assert "<td>6 *</td>" in words(app)
    app.button(key="options-reset").click().run()
    assert app.session_state[choices.KEY] == Choices(device="cpu")
    assert app.number_input(key="option-num_passages").value is None
    assert app.selectbox(key="option-retrieve").value == ""
    assert " *<" not in words(app)
    assert not app.exception


def test_what_cannot_be_together_is_not_taken_over(space):
    app = drawn(space, "settings")
    app.number_input(key="option-samples").set_value(4).run()
    assert "need a temperature above 0" in words(app)
    assert app.session_state[choices.KEY].samples is None
    app.number_input(key="option-temperature").set_value(0.7).run()
    assert app.session_state[choices.KEY] == Choices(samples=4, temperature=0.7)
    assert "need a temperature" not in words(app)
    app.text_input(key="option-where").input("optics").run()
    assert "expected a filter such as" in words(app)
    assert app.session_state[choices.KEY].where == ""


def test_options_stay_with_another_language(space, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", f"--workspace={space.root}"])
    app = AppTest.from_function(both_languages, args=(str(space.root),), default_timeout=30).run()
    app.number_input(key="option-beams").set_value(3).run()
    app.radio(key="language").set_value("zh").run()
    assert app.number_input(key="option-beams").value == 3
    assert app.session_state[choices.KEY].beams == 3
    assert app.number_input(key="option-beams").label == text("option_beams", "zh")
    assert not app.exception


def both_languages(root: str) -> None:
    from pathlib import Path

    import streamlit as st

    from firmground.ui.frame import Frame
    from firmground.ui.views import settings
    from firmground.ui.workspace import Workspace

    language = st.radio("language", ["en", "zh"], key="language")
    settings.draw(Frame(language, Workspace(Path(root)), "commonsense-en", "SmolLM2-135M-Instruct"))


def test_two_sessions_have_options_of_their_own(space):
    first, second = drawn(space, "settings"), drawn(space, "settings")
    first.number_input(key="option-beams").set_value(3).run()
    second.run()
    assert first.session_state[choices.KEY].beams == 3
    assert second.session_state[choices.KEY] == Choices()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_another_model_is_tried_before_it_is_taken(space, monkeypatch, language):
    tried = []

    def try_generator(name: str, device: str) -> None:
        tried.append((name, device))
        if name.startswith("hf:"):
            raise WeightsMissing(f"{name} isn't <here>")
        if name == "/broken":
            raise ValueError("no header")

    monkeypatch.setattr(engine, "try_generator", try_generator)
    app = drawn(space, "settings", language)
    app.selectbox[0].set_value("gemma-3-270m").run()
    app.button(key="model-use").click().run()
    assert app.session_state["generator"] == "gemma-3-270m"
    assert text("model_ready", language, name="gemma-3-270m") in words(app)
    app.segmented_control(key="model-kind").set_value("hub").run()
    app.button(key="model-use").click().run()
    assert text("model_need_name", language) in words(app)
    app.text_input(key="model-hub").input("org/name")
    app.button(key="model-use").click().run()
    assert "hf:org/name isn&#x27;t &lt;here&gt;" in words(app)
    app.segmented_control(key="model-kind").set_value("folder").run()
    app.text_input(key="model-folder").input("/broken")
    app.button(key="model-use").click().run()
    assert "ValueError: no header" in words(app)
    assert app.session_state["generator"] == "gemma-3-270m"
    assert tried == [("gemma-3-270m", ""), ("hf:org/name", ""), ("/broken", "")]
    assert not app.exception


def test_keys_are_named_and_never_asked_for(space, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    tried = []
    monkeypatch.setattr(engine, "try_generator", lambda name, device: tried.append(name))
    app = drawn(space, "settings")
    app.segmented_control(key="model-kind").set_value("chat").run()
    assert text("key_none", "en") in words(app)
    app.selectbox(key="model-provider").set_value("openai").run()
    assert text("key_set", "en", variable="OPENAI_API_KEY") in words(app)
    app.selectbox(key="model-provider").set_value("anthropic").run()
    assert "ANTHROPIC_API_KEY, which isn&#x27;t set" in words(app)
    app.text_input(key="model-chat").input("claude")
    app.button(key="model-use").click().run()
    app.segmented_control(key="model-kind").set_value("server").run()
    app.text_input(key="model-address").input("localhost")
    app.text_input(key="model-server").input("qwen3")
    app.button(key="model-use").click().run()
    assert "expected an address" in words(app)
    app.text_input(key="model-address").input("http://localhost:8000/v1")
    app.button(key="model-use").click().run()
    assert tried == ["chat:anthropic:claude", "chat:openai:qwen3@http://localhost:8000/v1"]
    assert "sk-secret" not in words(app) + str([one.value for one in app.text_input])
    assert all(package.startswith("langchain-") for package, _ in PROVIDERS.values())


def test_read_only_only_models_that_are_here_are_offered(space, monkeypatch):
    monkeypatch.setattr(weights, "is_here", lambda name: name != "gemma-3-270m")
    app = drawn(space, "settings", read_only=True)
    assert text("model_read_only", "en") in words(app)
    assert not list(app.get("segmented_control"))
    assert app.selectbox[0].options == [weights.label("SmolLM2-135M-Instruct")]
    assert [one.key for one in app.text_input] == ["option-where"]
    assert generators_here() == ["SmolLM2-135M-Instruct"]


def test_read_only_a_model_or_folder_that_was_typed_is_not_loaded(space, monkeypatch):
    loaded = []
    monkeypatch.setattr(sys, "argv", ["app.py", f"--workspace={space.root}", "--read-only"])
    monkeypatch.setattr(engine, "knowledge_base", lambda kb: loaded.append(kb) or FakeBase())
    monkeypatch.setattr(engine, "generator", lambda name: loaded.append(name) or Generation(""))
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.session_state["generator"] = "/etc/model"
    app.session_state["kb"] = "/home/somebody/kb"
    app.run()
    assert set(loaded) == {"commonsense-en", weights.DEFAULT_GENERATOR}
    assert not app.exception


def test_nothing_that_the_machine_says_becomes_markup(space):
    assert "3.12 &lt;b&gt;" in words(drawn(space, "settings"))


def test_what_is_chosen_is_what_compare_asks_with(space, monkeypatch):
    asked: list[object] = []

    class Recording(FakeAssistant):
        def stream(self, question, arm, *more, **options):
            asked.append(arm)
            return super().stream(question, arm, *more, **options)

    assistant = Recording({"plain": "1 cubic foot", "augmented": "by 9 percent"})
    chosen = Choices(num_passages=7, max_new_tokens=64, device="cpu", where='{"topic": "ice"}')
    monkeypatch.setattr(sys, "argv", ["app.py", f"--workspace={space.root}"])
    monkeypatch.setattr(engine, "knowledge_base", lambda kb, device=None: FakeBase())
    monkeypatch.setattr(engine, "generator", lambda name, device=None: object())
    monkeypatch.setattr(engine, "assistant", lambda kb, name, used=None: asked.append(used) or assistant)
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.session_state[choices.KEY] = chosen
    app.run()
    app.text_input(key="question").input("How much does water swell?")
    app.button[0].click().run()
    assert asked == [chosen, chosen.adjusted(PLAIN), chosen.adjusted(AUGMENTED)]
    assert not app.exception
