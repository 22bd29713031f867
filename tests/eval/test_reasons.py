"""Reasons for a run's answers: which are looked into, that they are kept, and how the report shows them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from firmground.eval.compare import compare
from firmground.eval.reasons import REASONS, _shaded, explain_run, read_reasons
from firmground.eval.report.render import render_report, run_html
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Passage
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN
from firmground.rag.assistant import Assistant
from firmground.rag.explain.types import Attention, Attribution, Reasons, Source, Token
from tests.eval.fakes import FakeAssistant, examples
from tests.eval.test_report import EVIL, Page
from tests.rag.tiny import causal_folder

QUESTIONS = examples(*[(f"q{n}", f"Question {n}?", [f"gold{n}"]) for n in range(5)])
RIGHT = {one.question: one.answers[0] for one in QUESTIONS}


def table(*right: int, silent: tuple[int, ...] = ()) -> dict[str, str]:
    return {one.question: "" if n in silent else RIGHT[one.question] if n in right else "no"
            for n, one in enumerate(QUESTIONS)}  # fmt: skip


class Explainer(FakeAssistant):
    """Explains with the same reasons for all; `explained` keeps what it was asked for."""

    def __init__(self, *args, attention: bool = True, **more):
        super().__init__(*args, **more)
        self.explained: list[tuple[str, str, int, str]] = []
        self.attention = attention

    def explain(self, answer, arm, *, attention=False):
        if attention and not self.attention:
            raise InputError("too long for attention")
        self.explained.append((answer.question, answer.text, len(answer.hits), answer.hits[0].passage.text))
        sources = (Source("Ice <b>floats.", 5, 19, "ice.txt", 1, 0), Source("冰。", 0, 2, "b.txt", 2, 15))
        by_removal = Attribution("leave-one-out", (2.0, -0.5), ((1, 2.0),), None, 2)
        weights = np.full((1, 2, 1, 3), 0.25, dtype=np.float32)
        looks = Attribution("attention", (0.25, 0.5), ((1, -0.5),), 0.5, 4, 0.25)
        looked = Attention(
            weights, ("Ice <b>floats.", "冰。", "?"), np.array([0, 1, -1]), np.array([0, 0, 1], bool), looks
        )
        tokens = (Token(answer.text, 0, len(answer.text), -1.5, 0.75),)
        return Reasons(answer.question, answer.text, answer.arm, self.name, sources, by_removal, (), -1.5, -4.0, tokens,
                       looked if attention else None)  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """plain has 0 and 3 right; augmented 1 and 3, and is silent on 4."""
    answers = {"plain": table(0, 3), "augmented": table(1, 3, silent=(4,))}
    assistant = Explainer(answers, {"Question 1?": Passage(1, "d", "About gold1.", 0, 12)})
    compare(assistant, QUESTIONS, [PLAIN, AUGMENTED], tmp_path / "run")
    return tmp_path / "run", assistant


def test_those_that_changed_come_first_and_none_twice(run):
    folder, assistant = run
    assert explain_run(folder, assistant, 2) == 2
    assert [asked[0] for asked in assistant.explained] == ["Question 0?", "Question 1?"]  # broken, then fixed
    assert assistant.explained[1] == ("Question 1?", "gold1", 1, "About gold1.")  # the row's text and evidence
    seen = []
    assert explain_run(folder, assistant, 9, lambda done, total: seen.append((done, total))) == 4  # 4 was silent
    assert [asked[0] for asked in assistant.explained[2:]] == ["Question 2?", "Question 3?"]
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert list(read_reasons(folder)) == [(f"q{n}", "augmented") for n in (0, 1, 2, 3)]


def test_the_report_shows_them_in_the_questions_card(run):
    folder, assistant = run
    explain_run(folder, assistant, 1)
    page = Page(render_report(folder).read_text("utf-8"))
    assert "Why augmented says this" in page.text
    assert "Ice <b>floats." in page.text  # escaped
    assert "Here attention misleads" in page.text
    assert "1.50 · 0.75" in page.text  # minus the token's log-probability, and its entropy
    assert [one["src"][:22] for one in page.all("img")] == ["data:image/png;base64,"]
    assert not [one for _, one in page.tags if any(name.startswith("on") for name in one)]
    ids = [one["id"] for _, one in page.tags if "id" in one]
    assert len(ids) == len(set(ids))
    chinese = render_report(folder, language="zh").read_text("utf-8")
    assert "augmented 为什么这样回答" in chinese
    assert "这里注意力有误导" in chinese
    assert "augmented 为什么这样回答" not in run_html(folder, "zh")  # shown elsewhere by the page


def test_reasons_of_another_answer_are_neither_shown_nor_kept(run):
    folder, assistant = run
    explain_run(folder, assistant, 1)
    path = folder / "outcomes.jsonl"
    path.write_text(path.read_text("utf-8").replace('"answer": "no"', '"answer": "other"'), "utf-8")
    assert read_reasons(folder)["q0", "augmented"]["answer"] == "no"
    assert "Why augmented says this" not in render_report(folder).read_text("utf-8")
    explain_run(folder, assistant, 1)
    assert read_reasons(folder)["q0", "augmented"]["answer"] == "other"


def test_without_attention_the_other_reasons_are_told(run):
    folder, assistant = run
    assistant.attention = False
    explain_run(folder, assistant, 1)
    kept = read_reasons(folder)["q0", "augmented"]
    assert (kept["sheet"], kept["heads"], kept["misleads"]) == ("", [], False)
    assert kept["sources"][0]["score"] == 2.0
    assert kept["sources"][1]["width"] == 25.0  # of 100 for the heaviest
    assert not Page(render_report(folder).read_text("utf-8")).all("img")


def test_what_cant_be_explained_is_told(run, tmp_path):
    folder, assistant = run
    other = Explainer({}, name="another")
    with pytest.raises(InputError, match=r"was answered by 'fake' \(generator\), here is 'another'"):
        explain_run(folder, other, 1)
    assert not (folder / REASONS).exists()
    quoted = Explainer({"plain": table(), "extractive": table()})
    compare(quoted, QUESTIONS, [PLAIN, EXTRACTIVE], tmp_path / "quoted")
    with pytest.raises(InputError, match="no arm of this run writes from evidence"):
        explain_run(tmp_path / "quoted", quoted, 1)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["arms"][1]["from_the_future"] = 1
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(InputError, match=r"its arm 'augmented' is of another version .*from_the_future"):
        explain_run(folder, assistant, 1)
    (folder / REASONS).write_text('{"id": "q0"}\n', "utf-8")
    with pytest.raises(InputError, match=r"reasons\.jsonl:1: not what firmground writes"):
        read_reasons(folder)


def test_characters_of_several_tokens_are_shown_once():
    """Bytes of a character are tokens of their own, and each is told to write the whole character."""
    text = "清清楚。"
    tokens = ("x", " 清", "清", "清", "清楚", "楚", "。", "?")
    weights = np.array([[[[0.0, 0.1, 0.1, 0.2, 0.4, 0.1, 0.1, 0.0]]]], dtype=np.float32)
    looked = Attention(weights, tokens, np.array([-1, 0, 0, 0, 0, 0, 0, -1]), np.zeros(8, dtype=bool), None)
    shown = _shaded(looked, 0, text)
    # 0.4 is the most on a token; the second 清 has what its two other tokens got, 楚 what its two got, at most 1
    assert shown == [["清", 0.25], ["清", 0.75], ["楚", 1.0], ["。", 0.25]]
    assert _shaded(looked, 0, text + "完")[-1] == ["完", 0.0]  # what no token reaches is there too


def test_an_evil_text_stays_a_text(tmp_path):
    question = examples(("q", "Why?", ["x"]))
    assistant = Explainer({"plain": {"Why?": "x"}, "augmented": {"Why?": EVIL}}, name=EVIL)
    compare(assistant, question, [PLAIN, AUGMENTED], tmp_path / "run")
    explain_run(tmp_path / "run", assistant, 1)
    page = Page(render_report(tmp_path / "run").read_text("utf-8"))
    assert len(page.all("script")) == 1
    assert len(page.all("img")) == 1
    assert not [one for _, one in page.tags if any(name.startswith("on") for name in one)]


def test_a_real_model_explains_a_rows_answer(tmp_path):
    """A tiny random Llama: the prompt is made anew from the row, and its figures are those of the answer itself."""
    from firmground.rag.generate import TransformersGenerator

    generator = TransformersGenerator(causal_folder(tmp_path / "model"), device="cpu")
    assistant = Assistant(None, generator)
    evidence = Passage(3, "ice.txt", "Ice floats . The cat sat on a mat .", 50, 85)
    arm = replace(AUGMENTED, spans=0, evidence="passages", evidence_tokens=0)
    fake = FakeAssistant({"plain": {"why Ice floats ?": "on"}, "augmented": {"why Ice floats ?": "it expands"}},
                         {"why Ice floats ?": evidence})  # fmt: skip
    fake.describe = assistant.describe  # as if the model had answered
    compare(fake, examples(("q", "why Ice floats ?", ["it expands"])), [PLAIN, arm], tmp_path / "run")
    explain_run(tmp_path / "run", assistant, 1)
    kept = read_reasons(tmp_path / "run")["q", "augmented"]
    assert "".join(one["text"] for one in kept["stretches"]) == kept["answer"] == "it expands"
    assert [one["text"].strip() for one in kept["sources"]] == ["Ice floats .", "The cat sat on a mat ."]
    assert kept["log_probability"] == pytest.approx(-sum(one["surprise"] for one in kept["stretches"]), rel=1e-3)
    assert kept["heads"] == [2, 4]
    assert kept["sheet"].startswith("data:image/png;base64,")
