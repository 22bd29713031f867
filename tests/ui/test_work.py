"""Runs and audits as they are followed on the page: what the box of them says, and choices in another language."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from streamlit.testing.v1 import AppTest

from firmground.ui import processes, running
from firmground.ui.running import Request
from firmground.ui.wording import text
from firmground.ui.workspace import Workspace
from tests.ui.test_views import drawn, words

HELD = """
import sys, time
from pathlib import Path
from firmground.eval.locked import locked
out = Path(sys.argv[1])
with locked(out, []):
    (out / "ready").touch()
    time.sleep(60)
"""
ASKED = Request("moon", "questions.jsonl", ("plain", "augmented"), 3, "tiny")


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def until(true) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_that_is_killed_is_no_longer_called_running(space, monkeypatch):
    monkeypatch.setattr(Request, "command", lambda self, out: [sys.executable, "-c", HELD, str(out)])
    folder = running.start(space, "one", ASKED)
    until((folder / "ready").exists)
    app = drawn(space, "runs")
    assert app.selectbox(key="run").options == ["one · running"]
    os.kill(int((folder / processes.PROCESS).read_text().split()[0]), signal.SIGKILL)
    until(lambda: running.look(folder).state == "stopped")
    app.run()
    box = app.selectbox(key="run")
    assert box.options == ["one · stopped; can go on"]
    # The browser goes on showing the words of its choice, unless it is told them anew.
    assert (box.proto.set_value, box.proto.raw_value) == (True, "one · stopped; can go on")
    assert app.button(key="resume-one").label == text("run_resume", "en")
    app.run()
    assert not app.selectbox(key="run").proto.set_value


def test_what_is_no_run_is_left_out_and_what_a_command_started_says_so(space):
    (space.run("notes")).mkdir(parents=True)
    (space.run("notes") / "readme.txt").write_text("nothing")
    (space.run("other")).mkdir()
    (space.run("other") / "manifest.json").write_text('{"arms": [{"name": "plain"}], "questions": {"count": 9}}')
    app = drawn(space, "runs", "zh")
    assert app.selectbox(key="run").options == ["other · 已停止，可继续"]
    assert text("run_by_command", "zh") in words(app)
    assert not [one for one in app.button if one.key and one.key.startswith("resume")]


def test_a_folder_is_only_looked_at(space):
    folder = space.run("other")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    assert running.look(folder).state == "stopped"
    assert [one.name for one in folder.iterdir()] == ["manifest.json"]


def boxes() -> None:
    import streamlit as st

    from firmground.ui.frame import keep_choices
    from firmground.ui.wording import text

    language = "zh" if st.toggle("Chinese", key="toggle") else "en"
    keep_choices(language)
    arms = ["run_right", "run_hallucinated", "run_abstained"]
    st.selectbox("arm", arms, key="run_from-x", format_func=lambda one: text(one, language))
    st.selectbox(
        "against", ["", "x"], key="against-x", format_func=lambda one: one or text("run_against_none", language)
    )
    st.multiselect("arms", arms, ["run_right"], key="run-arms", format_func=lambda one: text(one, language))
    st.segmented_control("by", arms, key="outcome-x", required=True, default=arms[0],
                         format_func=lambda one: text(one, language))  # fmt: skip


def test_choices_stay_when_the_language_is_another():
    app = AppTest.from_function(boxes, default_timeout=30).run()
    app.selectbox(key="run_from-x").set_value("run_hallucinated")
    app.multiselect(key="run-arms").set_value(["run_abstained", "run_right"])
    app.segmented_control(key="outcome-x").set_value("run_abstained").run()
    for chinese in (True, False):
        app.toggle(key="toggle").set_value(chinese).run()
        assert not app.exception
        assert app.selectbox(key="run_from-x").value == "run_hallucinated"
        assert app.selectbox(key="against-x").value == ""
        assert app.multiselect(key="run-arms").value == ["run_abstained", "run_right"]
        assert app.segmented_control(key="outcome-x").value == "run_abstained"
