"""The views' logic beside Compare, run by Streamlit's AppTest over a real knowledge base with a small encoder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from streamlit.testing.v1 import AppTest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.types import Document
from firmground.ui import engine
from firmground.ui.serve import TOKEN
from firmground.ui.views import compare
from firmground.ui.wording import TEXTS, text
from firmground.ui.workspace import Workspace
from tests.knowledge.base_helpers import HashEncoder

APP = Path(__file__).resolve().parents[2] / "ui" / "app.py"


def view(root: str, name: str, language: str, read_only: bool) -> None:
    import importlib
    from pathlib import Path

    from firmground.ui.frame import Frame
    from firmground.ui.workspace import Workspace

    frame = Frame(language, Workspace(Path(root)), "commonsense-en", "SmolLM2-135M-Instruct", read_only)
    importlib.import_module(f"firmground.ui.views.{name}").draw(frame)


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with one knowledge base; the bundled packs aren't opened."""
    space = Workspace(tmp_path / "space")
    folder = space.base("moon")
    folder.mkdir(parents=True)
    documents = [
        Document("moon.txt", "The Moon orbits the Earth in 27 days.", "moon.txt", {"title": "The **Moon**"}),
        Document("太阳.txt", "太阳是一颗恒星。", "太阳.txt"),
    ]
    with KnowledgeBase.create(folder, HashEncoder()) as base:
        base.add(documents)
    monkeypatch.setattr(engine, "knowledge_base", lambda kb: KnowledgeBase.open(kb, HashEncoder()))
    monkeypatch.setattr(engine, "encoder", lambda name: HashEncoder())
    return space


def drawn(space: Workspace, name: str, language: str = "en", read_only: bool = False) -> AppTest:
    arguments = (str(space.root), name, language, read_only)
    app = AppTest.from_function(view, args=arguments, default_timeout=30).run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_documents_are_listed_edited_and_deleted(space, language, monkeypatch):
    app = drawn(space, "knowledge", language)
    assert text("documents_shown", language, shown=2, count=2) in words(app)
    app.text_input(key="find-moon").input("太阳").run()
    assert text("documents_shown", language, shown=1, count=2) in words(app)
    # A row is chosen in the browser; here the document is drawn as if it had been.
    edit = AppTest.from_function(document_view, args=(str(space.root), language), default_timeout=30).run()
    edit.text_area[0].input("The Moon orbits the Earth in 27.3 days.").run()
    next(button for button in edit.button if button.label == text("document_save", language)).click().run()
    assert not edit.exception
    with KnowledgeBase.open(space.base("moon"), HashEncoder()) as base:
        assert base.document("moon.txt").text.endswith("27.3 days.")
        assert base.search("Moon", k=1)[0].passage.text.endswith("27.3 days.")
    next(button for button in edit.button if button.label == text("document_delete_sure", language)).click().run()
    with KnowledgeBase.open(space.base("moon"), HashEncoder()) as base:
        assert [one.id for one in base.documents()] == ["太阳.txt"]


def document_view(root: str, language: str) -> None:
    from pathlib import Path

    from firmground.ui import engine
    from firmground.ui.frame import Frame
    from firmground.ui.views.knowledge import _document
    from firmground.ui.workspace import Workspace

    space = Workspace(Path(root))
    base = engine.knowledge_base(str(space.base("moon")))
    if "moon.txt" in base:
        _document(base, base.document("moon.txt"), "moon", True, Frame(language, space, "moon", ""))


def test_passages_are_found_and_the_base_is_described(space):
    app = drawn(space, "knowledge")
    app.segmented_control(key="kb-part").set_value("search").run()
    app.text_input(key="search-for").input("太阳").run()
    assert "太阳是一颗恒星。" in words(app)
    app.segmented_control(key="kb-part").set_value("health").run()
    assert HashEncoder().name in words(app)
    next(button for button in app.button if button.label == text("health_check", "en")).click().run()
    assert text("health_fine", "en") in words(app)


def test_a_base_is_deleted_after_its_name_is_typed(space, monkeypatch):
    opened = engine.knowledge_base
    opened.clear = lambda folder: None  # type: ignore[attr-defined]
    app = drawn(space, "knowledge")
    app.segmented_control(key="kb-part").set_value("health").run()
    delete = next(button for button in app.button if button.label == text("kb_delete", "en"))
    assert delete.disabled
    app.text_input(key="delete-moon").input("moon").run()
    monkeypatch.setattr(engine, "knowledge_base", lambda kb: pytest.skip("only packs are left"))
    next(button for button in app.button if button.label == text("kb_delete", "en")).click()
    space.delete_base("moon")
    assert space.bases() == []


def test_nothing_can_be_changed_read_only(space):
    for name in ("knowledge", "runs"):
        app = drawn(space, name, read_only=True)
        assert text("read_only", "en") in words(app)
        assert not app.get("file_uploader")
        assert not [button for button in app.button if button.label in (text("kb_make", "en"), text("run_start", "en"))]


def test_runs_without_any_say_what_to_do(space):
    assert text("run_none", "zh") in words(drawn(space, "runs", "zh"))


def test_settings_name_models_and_machine(space):
    shown = words(drawn(space, "settings"))
    assert "all-MiniLM-L6-v2" in shown
    assert str(space.root) in shown


def test_every_switch_has_its_words():
    for name in compare.SWITCHES:
        for key in (f"switch_{name}", f"switch_{name}_help"):
            assert key in TEXTS


def test_a_token_is_asked_for(monkeypatch, space):
    monkeypatch.setattr(sys, "argv", ["app.py", f"--workspace={space.root}"])
    monkeypatch.setenv(TOKEN, "open sesame")
    monkeypatch.setattr(engine, "generator", lambda name: object())
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert "view" not in words(app)
    assert [one.label for one in app.text_input] == [text("access", "en")]
    app.text_input[0].input("wrong")
    app.button[0].click().run()
    assert text("access_wrong", "en").replace("'", "&#x27;") in words(app)
    app.text_input[0].input("open sesame")
    app.button[0].click().run()
    assert [one.key for one in app.text_input] == ["question"]
    assert not app.exception
