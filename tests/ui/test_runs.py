"""The view of runs, over outcomes of a fake assistant: figures, filters, each question, and what can't be read."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from streamlit.testing.v1 import AppTest

from firmground.eval.compare import compare
from firmground.eval.reasons import explain_run
from firmground.eval.types import Example
from firmground.knowledge.types import Passage
from firmground.rag.arms import AUGMENTED, PLAIN
from firmground.ui import charts, page, running
from firmground.ui.views import run_questions, runs
from firmground.ui.wording import text
from firmground.ui.workspace import Workspace
from tests.eval.fakes import FakeAssistant
from tests.eval.test_reasons import Explainer
from tests.ui.test_app import EVIL, Reader
from tests.ui.test_views import drawn, words

QUESTIONS = [
    Example(f"q{n}", f"Question {n}?", (f"gold{n}",), metadata={"category": "physical" if n % 3 else "safety"})
    for n in range(24)
]  # fmt: skip
CHOICE = Example("c", "哪个？", choices=("甲", "乙"), answer="甲")


def answers() -> dict[str, dict[str, str | Exception]]:
    """plain has 0 to 5 right; augmented all but 0 and 1, is silent on 2, and fails on 23."""
    plain = {one.question: one.answers[0] if n < 6 else "no" for n, one in enumerate(QUESTIONS)}
    augmented: dict[str, str | Exception] = {one.question: one.answers[0] for one in QUESTIONS}
    augmented |= {
        "Question 0?": "no",
        "Question 1?": "nothing",
        "Question 2?": "",
        "Question 23?": RuntimeError("gone"),
    }
    return {"plain": plain | {CHOICE.question: "乙"}, "augmented": augmented | {CHOICE.question: "甲"}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, of one of whose answers it is known what it rests on."""
    passages = {"Question 1?": Passage(1, "d1", "It is nothing, they say.", 0, 24, {"title": "Say"})}
    folder, assistant = tmp_path_factory.mktemp("runs") / "run", Explainer(answers(), passages)
    compare(assistant, [*QUESTIONS, CHOICE], [PLAIN, AUGMENTED], folder)
    explain_run(folder, assistant, 1)
    return folder


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def made(space: Workspace, finished: Path) -> Callable[..., Path]:
    """Puts the finished run into the workspace, by a name."""
    return lambda name="first": Path(shutil.copytree(finished, space.run(name)))


def numbers(app: AppTest) -> list[str]:
    opens = [button.label for button in app.button if button.key and button.key.startswith("open-first-")]
    return [label.split(" ")[-1] for label in opens]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_finished_run_shows_what_changed(space, made, language):
    made()
    app = drawn(space, "runs", language)
    shown = words(app)
    for key in ("run_headline", "run_changed", "run_groups", "run_each", "run_report"):
        assert page.escape(text(key, language)) in shown
    assert text("run_failed_rows", language, count=1) in shown
    assert [box.label for box in app.selectbox][-3:] == [
        text(key, language) for key in ("run_from", "run_to", "run_against")
    ]
    assert numbers(app) == [str(n) for n in range(1, 11)]
    assert text("run_shown", language, first=1, last=10, count=25) in shown
    report = app.get("iframe")[-1].proto.src
    assert report.startswith("data:text/html")


def test_pages_filters_and_search(space, made):
    made()
    app = drawn(space, "runs")
    next(button for button in app.button if button.label == "Later").click().run()
    assert numbers(app) == [str(n) for n in range(11, 21)]
    kinds = next(group for group in app.button_group if group.key.startswith("kind-"))
    assert kinds.options == [
        "All 25", "Broken 2", "Right, now withheld 1", "Fixed 18", "Both right 3", "Errors 1",
    ]  # fmt: skip
    kinds.set_value("broken").run()
    assert numbers(app) == ["1", "2"]
    app.text_input(key="search-first").input("NOTHING").run()
    assert numbers(app) == ["2"]
    app.text_input(key="search-first").input("no such words").run()
    assert text("run_nothing", "en") in words(app)
    app.text_input(key="search-first").input("").run()
    next(group for group in app.button_group if group.key.startswith("kind-")).set_value("failed").run()
    assert numbers(app) == ["24"]


def opened(app: AppTest, number: int) -> AppTest:
    next(button for button in app.button if button.label.endswith(f" {number}")).click().run()
    assert not app.exception
    return app


def test_a_question_opens_with_both_answers_evidence_scores_and_reasons(space, made):
    made()
    app = opened(drawn(space, "runs"), 2)
    shown = words(app)
    assert "Gold: gold1 · physical · q1" in shown
    assert 'data-arm="plain"' in shown
    assert 'data-arm="augmented"' in shown
    assert "It is <mark>nothing</mark>, they say." in shown
    assert text("evidence", "en", count=1) in shown
    cells = Reader(next(one.proto.body for one in app.get("html") if "<td>Exact match</td>" in one.proto.body)).text
    assert "Exact match1.000.00" in cells
    assert not app.expander[-1].label.startswith("Why")
    app = opened(drawn(space, "runs", "zh"), 1)  # broken, and looked into
    assert app.expander[-1].label == "检索增强为什么这样回答"
    assert "标准答案：gold0" in words(app)
    app = opened(app, 1)
    assert 'data-arm="plain"' not in words(app)  # closed again


def test_a_failed_answer_is_told(space, made):
    made()
    app = drawn(space, "runs")
    app.text_input(key="search-first").input("23").run()
    app = opened(app, 24)
    assert "Augmented failed: RuntimeError: gone" in words(app)
    assert 'data-arm="plain"' in words(app)


def test_choices_are_told_with_their_shares(space, made):
    folder = made()
    path = folder / "outcomes.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in lines[-2:]:
        row["choices"] = [{"text": "甲", "log_probability": -1.0, "prior": -1.0},
                          {"text": "乙", "log_probability": -2.0986122886681098, "prior": -1.0}]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in lines), "utf-8")
    app = drawn(space, "runs")
    app.text_input(key="search-first").input("哪个").run()
    assert "甲 (right)75 ✓75 ✓乙2525" in Reader(words(opened(app, 25))).text  # e to 1: 3 to 1


def test_the_charts_figures():
    figure = {"value": 0.5, "low": 0.2, "high": 0.8, "n": 2}
    none = {"value": None, "low": None, "high": None, "n": 0}
    summary = {"arms": {"plain": {"right": figure, "hallucination": figure, "abstained": none}}}
    assert charts.outcome_rows(summary, "zh") == [
        {"arm": "纯模型", "outcome": "正确", "value": 50.0, "low": 20.0, "high": 80.0},
        {"arm": "纯模型", "outcome": "幻觉", "value": 50.0, "low": 20.0, "high": 80.0},
    ]
    groups = {"safety": {"plain": {"right": figure}}, "mine": {"plain": {"right": none}}}
    assert charts.group_rows(groups, ["plain"], "right", "zh") == [
        {"group": "安全 (n = 2)", "arm": "纯模型", "value": 50.0, "low": 20.0, "high": 80.0}
    ]
    many = {str(n): {"plain": {"right": figure | {"n": n}}} for n in range(1, 40)}
    shown = [row["group"] for row in charts.group_rows(many, ["plain"], "right", "en")]
    assert shown == [f"{n} (n = {n})" for n in range(24, 40)]
    assert charts.flip_rows({"fixed": 3, "broken": 1, "failed": 2, "right_both": 0}, "en") == [
        {"kind": "Broken", "count": 1, "way": "worse"},
        {"kind": "Fixed", "count": 3, "way": "better"},
        {"kind": "Errors", "count": 2, "way": "neither"},
    ]


def test_one_arm_alone_is_shown(space):
    compare(FakeAssistant(answers()), QUESTIONS[:12], [PLAIN], space.run("first"))
    app = drawn(space, "runs")
    kinds = next(group for group in app.button_group if group.key.startswith("kind-"))
    assert kinds.options == ["All 12", "Right 6", "Hallucinated 6"]
    opened(app, 1)


def decoded(address: str) -> str:
    return base64.b64decode(address.partition("base64,")[2]).decode()


def test_the_report_is_in_the_pages_language_and_short_enough_for_a_frame(space, made, monkeypatch):
    folder = made()
    whole = (folder / "report.html").read_text("utf-8")
    assert runs._one_run(folder, "en", 0) == page.as_data(whole)
    assert '<html lang="zh-CN"' in decoded(runs._one_run(folder, "zh", 0))
    monkeypatch.setattr(runs, "MOST_ADDRESS", len(page.as_data(whole)))  # one character too long
    monkeypatch.setattr(runs, "FEWER_QUESTIONS", (4, 1))
    short = decoded(runs._one_run(folder, "en", 1))
    assert (whole.count("<article"), short.count("<article")) == (25, 4)
    assert "Unfinished" not in short


def test_two_runs_are_held_against_each_other(space, made):
    made()
    made("second")
    app = drawn(space, "runs")
    one = app.selectbox(key="run").value
    other = "first" if one == "second" else "second"
    app.selectbox(key=f"against-{one}").set_value(other).run()
    assert not app.exception
    assert 'role="alert"' not in words(app)
    html = base64.b64decode(app.get("iframe")[-1].proto.src.partition("base64,")[2]).decode()
    assert f"<h1>{one} against {other}</h1>" in html


def test_a_run_that_cant_be_read_is_one_line_and_the_others_stand(space, made):
    made("good")
    for name, manifest in (("cut", '{"arms": ['), ("odd", '{"arms": {"name": "plain"}}'), ("empty", "{}")):
        space.run(name).mkdir()
        (space.run(name) / "manifest.json").write_text(manifest)
    states = {run.name: (run.state, run.problem) for run in running.all_runs(space)}
    assert {name: state for name, (state, _) in states.items()} == {
        "good": "done", "cut": "failed", "odd": "failed", "empty": "stopped",
    }  # fmt: skip
    assert "can't read" in states["cut"][1]
    app = drawn(space, "runs")
    for name in states:
        app.selectbox(key="run").set_value(name).run()
        assert not app.exception
        assert ('role="alert"' in words(app)) == (name in ("cut", "odd"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_another_versions_figures_and_torn_rows_are_one_line(space, made, language):
    folder = made()
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    (folder / "summary.json").write_text(json.dumps(summary | {"format": 1}), "utf-8")
    app = drawn(space, "runs", language)
    assert f"firmground report {folder}" in words(app)
    (folder / "summary.json").write_text(json.dumps(summary), "utf-8")
    rows = (folder / "outcomes.jsonl").read_bytes()
    (folder / "outcomes.jsonl").write_bytes(b"{}\n" + rows)
    assert "outcomes.jsonl:1: not an outcome" in words(drawn(space, "runs", language))
    (folder / "outcomes.jsonl").write_bytes(rows[: len(rows) // 2])
    app = drawn(space, "runs", language)
    assert running.look(folder).state == "stopped"
    assert 'role="alert"' not in words(app)


def test_rows_are_read_once_and_again_when_they_change(space, made, monkeypatch):
    folder = made()
    reads = []
    real = run_questions.browse
    monkeypatch.setattr(run_questions, "browse", lambda path: reads.append(path) or real(path))
    run_questions._browsed.clear()
    for _ in range(3):
        assert len(run_questions.browsed(folder).questions) == 25
    assert len(reads) == 1
    path = folder / "outcomes.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:10]))
    assert len(run_questions.browsed(folder).questions) == 5
    assert len(reads) == 2


def test_nothing_that_rows_say_becomes_markup(space):
    question = Example(EVIL, EVIL, (EVIL,), metadata={"category": EVIL})
    other = replace(question, id="other", question="Why? " + EVIL)
    passage = Passage(1, EVIL, EVIL, 0, len(EVIL), {"title": EVIL, "source": EVIL})
    told = {one.question: EVIL for one in (question, other)}
    assistant = FakeAssistant({"plain": told, "augmented": told}, dict.fromkeys(told, passage))
    compare(assistant, [question, other], [PLAIN, AUGMENTED], space.run("first"))
    app = opened(drawn(space, "runs"), 1)
    reader = Reader(words(app))
    assert not {"script", "img", "a", "iframe", "style", "svg", "object", "input", "form"} & set(reader.tags)
    for element in (*app.button, *app.selectbox, *app.button_group):
        assert "alert" not in element.label
