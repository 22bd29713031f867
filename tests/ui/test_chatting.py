"""A conversation in the terminal: what is printed beside the answers."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from firmground.knowledge.errors import InputError
from firmground.rag.arms import EXTRACTIVE
from firmground.rag.assistant import Assistant
from firmground.rag.conversation import Conversation
from firmground.rag.types import Answer, Repair
from firmground.ui import chatting
from firmground.ui.show import changes
from tests.rag.fakes import Shelf

SHELF = {
    "eiffel": "The Eiffel Tower was built by Gustave Eiffel. The Eiffel Tower is 330 m tall.",
    "冰": "冰浮在水面上。水结冰时体积膨胀约9%。",
}


def test_a_conversation() -> None:
    out = io.StringIO()
    talk = Conversation(Assistant(Shelf(SHELF)), EXTRACTIVE)  # type: ignore[arg-type]
    questions = ["Who built the Eiffel Tower?", "How tall is it?", "水结冰时体积膨胀多少？"]
    chatting.chat(talk, questions, Console(file=out, width=200))
    text = out.getvalue()
    assert "understood as: How tall is it? (Eiffel Tower Gustave built)" in text
    assert text.count("understood as") == 1
    assert "330 m" in text
    assert "约9%" in text
    assert text.count("a first look, not proof") == 1


def test_notes() -> None:
    hits = tuple(Shelf(SHELF).search(["x"])[0])
    plain = Answer("Why?", "Because.", "augmented", hits, basis="evidence")
    assert chatting.notes(plain, "Why?") == []
    told = Answer("Why?", "Because.", "augmented", hits, basis="model", without=("spans",),
                  repairs=(Repair("It is red.", "", "the evidence doesn't support it; cut"),))  # fmt: skip
    assert chatting.notes(told, "Why? (ice)") == [
        "understood as: Why? (ice)",
        "answered from the model's memory: what was found doesn't answer it",
    ]
    assert changes(told) == [
        "“It is red.” → cut: the evidence doesn't support it; cut",
        "without spans: this model tells no log-probabilities",
    ]
    assert changes(plain) == []


def test_lines_until_the_end_or_exit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n two \n\n三\n"))
    assert list(chatting.typed()) == ["one", "two", "三"]
    assert capsys.readouterr().out == ""  # no prompt where nobody sits
    terminal = io.StringIO("one\n\n Exit \ntwo\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    assert list(chatting.typed()) == ["one"]
    assert capsys.readouterr().out == "One question a line. To end: Ctrl-D, or exit.\n> > > "


def test_one_arm_alone() -> None:
    with pytest.raises(InputError, match="goes by one arm, got 'plain,augmented'"):
        chatting.run_chat("kb", "plain,augmented", None, "", "")
