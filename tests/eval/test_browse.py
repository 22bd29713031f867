"""A run's questions looked through one by one: what becomes of them, filters, search, and whole rows by their place."""

from __future__ import annotations

import pytest

from firmground.eval import browse as browsing
from firmground.eval.browse import answer_of, browse
from firmground.eval.compare import compare
from firmground.eval.outcomes import outcome_of, to_line
from firmground.eval.report.render import run_html
from firmground.eval.summary.flips import state
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import AUGMENTED, PLAIN
from firmground.rag.types import Answer, ChoiceScore, Citation, Claim, Finding, Repair, Usage
from tests.eval.fakes import FakeAssistant


def row(key: str, arm: str, right: float | None, text: str = "x", abstained: bool = False, **more) -> Outcome:
    scores = {} if right is None else {"right": right, "abstained": float(abstained)}
    return Outcome(key, arm, f"问题 {key} Why?", text, abstained, scores=scores, **more)


ROWS = (
    row("1", "plain", 0.0, "Henry"), row("1", "augmented", 1.0, "Robert Kintner", answers=("Kintner",)),
    row("2", "plain", 1.0, metadata={"category": "physical"}), row("2", "augmented", 0.0, "冰块"),
    row("3", "plain", 0.0), row("3", "augmented", 0.0, abstained=True),
    row("4", "plain", None, error="RuntimeError: gone"), row("4", "augmented", 1.0),
    row("5", "plain", None), row("5", "augmented", None),
)  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    path.write_bytes(b"".join(map(to_line, ROWS)))
    return path


def test_what_became_of_each_question(file):
    found = browse(file)
    assert found.arms == ("plain", "augmented")
    kinds = [question.kind("plain", "augmented") for question in found.questions]
    assert kinds == ["fixed", "broken", "withheld_wrong", "failed", "untold"]
    assert [question.kind("augmented", "plain") for question in found.questions][:2] == ["broken", "fixed"]
    assert [question.kind("plain", "plain") for question in found.questions] == [
        "hallucinated", "right", "hallucinated", "failed", "untold",
    ]  # fmt: skip
    assert found.kinds("plain", "augmented")["fixed"] == 1
    assert [question.language for question in found.questions] == ["zh"] * 5
    assert found.questions[1].category == "physical"


def test_filters_and_search(file):
    found = browse(file)
    assert found.select("plain", "augmented") == [0, 1, 2, 3, 4]
    assert found.select("plain", "augmented", "failed") == [3]
    assert found.select("plain", "augmented", words="kintner ROBERT") == [0]  # all words, in any order and case
    assert found.select("plain", "augmented", words="冰") == [1]
    assert found.select("plain", "augmented", "fixed", "冰") == []
    assert found.select("plain", "augmented", words="  ") == [0, 1, 2, 3, 4]


def test_whole_rows_are_read_where_they_stand(file, monkeypatch):
    found = browse(file)
    monkeypatch.setattr(browsing, "browse", lambda path: pytest.fail("read again as a whole"))
    for place, question in enumerate(found.questions):
        both = found.rows(question, ("plain", "augmented"))
        assert both == {"plain": ROWS[2 * place], "augmented": ROWS[2 * place + 1]}
    assert list(found.rows(found.questions[0], ("augmented", "stock"))) == ["augmented"]


def test_a_file_that_changed_is_told(file):
    found = browse(file)
    file.write_bytes(b"".join(map(to_line, ROWS[2:])))
    with pytest.raises(InputError, match="has changed meanwhile; open the run again"):
        found.rows(found.questions[0], ("plain",))
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(InputError, match="has changed meanwhile"):
        found.rows(found.questions[0], ("plain",))


def test_a_torn_last_line_is_left_out_and_a_broken_one_is_told(file, tmp_path):
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert [len(question.rows) for question in browse(file).questions] == [2, 2, 2, 2, 1]
    file.write_bytes(b"")
    assert browse(file).questions == ()
    file.write_bytes(b"{}\n" + whole)
    with pytest.raises(InputError, match=r"outcomes\.jsonl:1: not an outcome"):
        browse(file)
    with pytest.raises(InputError, match=r"can't read .*nowhere"):
        browse(tmp_path / "nowhere")


def test_an_answer_comes_back_from_its_row():
    passage = Passage(7, "d", "Ice floats.", 10, 21, {"title": "Ice", "source": "ice.pdf", "page": 3})
    claim = Claim("It floats", 0, 9, "supported", 0.9, (Citation("d", 7, 10, 21, "Ice floats.", "ice.pdf", 3),))
    answer = Answer(
        "Why?", "It floats", "augmented", (Hit(passage, 0.5),), (claim,), usage=Usage(20, 3, 0.25, 1.0, 0.5),
        confidence=0.5, choices=(ChoiceScore("a", -1.0, -2.0),), basis="evidence", gate=0.75,
        repairs=(Repair("x", "y", "why"),), findings=(Finding(0, 2, "It", "slur", "why", "group"),), without=("spans",),
    )  # fmt: skip
    assert answer_of(outcome_of(Example("1", "Why?"), answer, AUGMENTED)) == answer
    for text, hits, basis in (("x", (), "model"), ("x", (Hit(passage, 0.5),), "evidence")):
        other = Answer("Why?", text, "augmented", hits, basis=basis)
        assert answer_of(outcome_of(Example("1", "Why?"), other, AUGMENTED)) == other


def test_an_outline_says_what_became_of_each_row_and_leads_to_the_whole(file):
    found = browse(file)
    outline = found.outline()
    assert [(one.id, one.arm, state(one)) for one in outline] == [(one.id, one.arm, state(one)) for one in ROWS]
    assert [bool(one.error) for one in outline] == [bool(one.error) for one in ROWS]
    assert found.whole(outline[2:4]) == [*ROWS[2:4]]


def test_the_page_of_a_folder_is_the_same_as_of_its_rows(tmp_path):
    questions = [Example(str(n), f"Question {n}?", ("yes",) if n else ()) for n in range(6)]
    fake = FakeAssistant({
        "plain": {one.question: "yes" if n == 1 else "no" for n, one in enumerate(questions)},
        "augmented": {one.question: ("", "no", "yes")[n % 3] for n, one in enumerate(questions)}
        | {"Question 5?": RuntimeError("gone")},
    })  # fmt: skip
    compare(fake, questions, [PLAIN, AUGMENTED], tmp_path)
    written = (tmp_path / "report.html").read_text("utf-8")
    assert run_html(tmp_path, "en") == written
    (tmp_path / "summary.json").unlink()  # then the figures are made anew
    assert run_html(tmp_path, "en") == written
