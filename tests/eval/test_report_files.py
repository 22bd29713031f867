"""Markdown and the spreadsheet beside the page; two runs compared, and when they aren't comparable."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from firmground.eval.compare import compare
from firmground.eval.report.markdown import escape
from firmground.eval.report.question import choice_shares
from firmground.eval.report.render import render_report
from firmground.eval.report.runs import compare_runs, write_runs
from firmground.eval.report.table import outcomes_csv
from firmground.eval.terminal import print_runs
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, PLAIN
from tests.eval.fakes import FakeAssistant, examples
from tests.eval.test_report import EVIL, Page

QUESTIONS = examples(*[(f"q{n}", f"Question {n}?" if n % 2 else f"第{n}个问题？", [f"gold{n}"]) for n in range(8)])


def answers(right):
    """{question: its gold answer where `right(n)`, else "no"}."""
    return {example.question: example.answers[0] if right(n) else "no" for n, example in enumerate(QUESTIONS)}


def run(folder, plain=lambda n: n < 4, augmented=lambda n: n > 1, questions=QUESTIONS, **fake):
    assistant = FakeAssistant({"plain": answers(plain), "augmented": answers(augmented)}, **fake)
    compare(assistant, questions, [PLAIN, AUGMENTED], folder)
    return folder


def sheet(data: bytes) -> list[dict[str, str]]:
    assert data.startswith(b"\xef\xbb\xbf")  # without it Excel reads UTF-8 Chinese as garbage
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_row_per_question_and_arm(tmp_path):
    run(tmp_path / "run")
    rows = sheet((tmp_path / "run" / "outcomes.csv").read_bytes())
    assert [(row["id"], row["arm"]) for row in rows[:3]] == [("q0", "plain"), ("q0", "augmented"), ("q1", "plain")]
    assert rows[0]["question"] == "第0个问题？"
    assert (rows[0]["state"], rows[0]["gold"], rows[0]["language"]) == ("right", "gold0", "zh")
    assert (float(rows[0]["right"]), float(rows[1]["right"])) == (1.0, 0.0)
    assert rows[0]["accuracy"] == "no_choices"
    assert float(rows[0]["seconds"]) == pytest.approx(0.2)
    assert (rows[1]["documents"], rows[0]["documents"]) == ("d0", "")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠1", "\u3000=1"]
)
def test_no_text_becomes_a_formula(text):
    row = Outcome(text, text, text, text, False, answers=(text,), metadata={"category": text}, error=text)
    cells = sheet(outcomes_csv([row]))[0]
    for name in ("id", "arm", "question", "answer", "gold", "category", "error"):
        assert cells[name] == f"'{text}"


def test_what_a_spreadsheet_must_keep_whole():
    text = 'He said "no", twice;\nthen 沉默\x00, 3 = 3'
    row = Outcome("1", "plain", text, "", False, scores={"f1": 0.5}, timing={"seconds": -0.25})
    cells = sheet(outcomes_csv([row]))[0]
    assert cells["question"] == text.replace("\x00", "")
    assert (cells["f1"], cells["seconds"], cells["answer"]) == ("0.5", "-0.25", "")  # numbers stay numbers
    assert sheet(outcomes_csv([])) == []


def test_markdown_says_the_same(tmp_path):
    run(tmp_path / "run")
    text = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert text.startswith("# What augmented changes over plain\n")
    assert re.search(r"\| plain \| 50\.0 \[", text)
    assert re.search(r"\| Right \| 50\.0% \| 75\.0% \| \+25\.0 \[", text)
    assert "| Broken by augmented (plain right, augmented hallucinated) | 2 | 25.0% |" in text
    assert "- **第0个问题？** (Broken by augmented; gold: gold0)" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_markdown_escapes_everything_untrusted(tmp_path):
    evil = "](javascript:alert(1)) ![x](http://x.y/z) <script>a</script> | `b` **c** &lt; www.x.y a@b.cd\n# head"
    question = Example(evil, evil, (evil,), metadata={"category": evil})
    fake = {"plain": {evil: evil}, "augmented": {evil: RuntimeError(evil)}}
    compare(FakeAssistant(fake), [question], [PLAIN, AUGMENTED], tmp_path / "run", command="```\nrm\n```")
    text = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert "<script" not in text
    assert not re.search(r"(?<!\\)\]\(", text)  # no link, no image
    assert "http://" not in text
    assert not re.search(r"^# head", text, re.MULTILINE)
    assert "````\n```\nrm\n```\n````" in text  # a fence that the command can't close
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("| \\]")}
    assert len(columns) == 1  # the bar in the category made no column


def test_escape_leaves_plain_words_alone():
    assert escape("p < 0.001, 3-4 (95%)  e.g. 冰\n2") == "p < 0.001, 3-4 (95%) e.g. 冰 2"
    assert escape("1. one") == "1\\. one"
    assert escape("- one") == "\\- one"
    assert escape("a_b*c") == "a\\_b\\*c"


def test_choices_with_their_probabilities():
    choices = ({"text": "冰", "log_probability": -1.0, "prior": -3.0}, {"text": "water", "log_probability": -0.5})
    row = Outcome("1", "plain", "Q?", "冰", False, metadata={"answer": "water"}, choices=choices)
    # sum: e^-1 / (e^-1 + e^-0.5) = 0.3775; per character: -1 against -0.1
    summed = choice_shares(row, "sum")
    assert [one["share"] for one in summed] == pytest.approx([0.377541, 0.622459], abs=1e-6)
    assert [(one["right"], one["picked"]) for one in summed] == [(False, False), (True, True)]
    assert [one["share"] for one in choice_shares(row, "characters")] == pytest.approx([0.289050, 0.710950], abs=1e-6)
    assert choice_shares(row, "pmi") == summed  # a prior is missing: PMI isn't known
    weighed = replace(row, choices=(choices[0], {**choices[1], "prior": -0.5}))
    assert [one["share"] for one in choice_shares(weighed, "pmi")] == pytest.approx([0.880797, 0.119203], abs=1e-6)
    assert choice_shares(replace(row, choices=()), "pmi") == []


def test_two_runs_are_paired_by_question(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", plain=lambda n: n < 4, augmented=lambda n: True, name="better")
    runs = compare_runs(tmp_path / "a", tmp_path / "b")
    assert list(runs["pairs"]) == ["plain", "augmented"]
    pair = runs["pairs"]["augmented"]
    assert (pair["first"], pair["second"], pair["n"]) == ("augmented in a", "augmented in b", 8)
    assert (pair["flips"]["fixed"], pair["flips"]["broken"], pair["flips"]["right_both"]) == (2, 0, 6)
    right = pair["differences"]["right"]
    assert (right["first"], right["second"], right["p"]) == (0.75, 1.0, 0.5)  # two of two won
    assert right["p_holm"] == 1.0
    assert runs["pairs"]["plain"]["differences"]["right"]["p"] is None
    assert ("generator", "fake", "better") in runs["differences"]
    text = json.dumps(runs, allow_nan=False)
    assert json.loads(text)["questions"] == 8
    console = Console(width=100, file=io.StringIO(), no_color=True)
    print_runs(runs, console)
    assert "Fixed by augmented in b" in console.file.getvalue()
    assert "generator: fake → better" in console.file.getvalue()


def test_two_runs_as_a_page(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", augmented=lambda n: True, name=EVIL)
    path = write_runs(compare_runs(tmp_path / "a", tmp_path / "b", "augmented"), tmp_path / "out")
    page = Page(path.read_text("utf-8"))
    assert "Right: no difference shown, from 75.0% to 100.0%, +25.0 points" in page.text
    assert len(page.all("script")) == 1
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert "plain in a" not in page.text
    markdown = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "| Right | 75.0% | 100.0% | +25.0 [" in markdown
    assert "<script" not in markdown
    with pytest.raises(InputError, match="holds a run, and its report would be replaced"):
        write_runs(compare_runs(tmp_path / "a", tmp_path / "b"), tmp_path / "a")


def test_arms_by_other_names(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b")
    runs = compare_runs(tmp_path / "a", tmp_path / "b", "plain=augmented, plain")
    pair = runs["pairs"]["plain against augmented"]
    assert (pair["first"], pair["second"]) == ("plain in a", "augmented in b")
    assert (pair["flips"]["fixed"], pair["flips"]["broken"]) == (4, 2)
    for arms, said in (
        ("stock", "no arm 'stock' in the first run; its arms are: plain, augmented"),
        ("plain=x", "no arm 'x' in the second run"),
        ("plain,plain", "'plain' twice"),
        (",", "expected arms"),
    ):
        with pytest.raises(InputError, match=said):
            compare_runs(tmp_path / "a", tmp_path / "b", arms)


def manifest_of(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def test_runs_that_can_t_be_compared_say_what_differs(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "fewer", questions=QUESTIONS[:6])
    run(tmp_path / "gold", questions=[replace(QUESTIONS[0], answers=("gold0", "no")), *QUESTIONS[1:]])
    run(tmp_path / "docs")
    manifest_of(tmp_path / "docs", lambda made: made["assistant"].update(knowledge={"contents": "ab", "documents": 3}))
    for other, said in (
        (
            "fewer",
            r"questions differ: 8 and 6 questions, 2 of them only in the first and 0 only in the second, such as 'q6'",
        ),
        ("gold", r"1 of 8 have another text, gold answer or field in the second run, such as 'q0'"),
        ("docs", r"the documents differ: 0 documents \(none\) and 3 documents \(ab\)"),
        ("nowhere", r"can't read .*nowhere"),
    ):
        with pytest.raises(InputError, match=said):
            compare_runs(tmp_path / "a", tmp_path / other)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="lacks what a manifest has"):
        compare_runs(tmp_path / "a", tmp_path / "old")


def test_claims_judged_by_another_pool_are_left_out(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", name="other")
    assert "unsupported" in compare_runs(tmp_path / "a", tmp_path / "b")["pairs"]["augmented"]["differences"]
    manifest_of(tmp_path / "b", lambda made: made["arms"][1].update(num_passages=9))
    runs = compare_runs(tmp_path / "a", tmp_path / "b")
    assert "unsupported" not in runs["pairs"]["augmented"]["differences"]
    assert runs["left_out"] == ["unsupported", "citation_precision", "citation_recall"]
    assert ("arm augmented num passages", "4", "9") in runs["differences"]


def test_fields_newer_than_a_run_are_no_difference(tmp_path):
    """A run by an earlier version, whose arms lack what was added since, off by default: nothing was done otherwise."""
    run(tmp_path / "old")
    run(tmp_path / "new")
    newer = ("spans", "gate", "hops")

    def older(made):
        for arm in made["arms"]:
            for name in newer[1:]:
                del arm[name]
            del arm["decoding"]["contrast"]
        del made["arms"][1]["spans"]  # which augmented sets: this does differ

    manifest_of(tmp_path / "old", older)
    runs = compare_runs(tmp_path / "old", tmp_path / "new")
    assert runs["differences"] == [("arm augmented spans", "0", "4")]
    assert runs["left_out"] == ["unsupported", "citation_precision", "citation_recall"]
    manifest_of(tmp_path / "old", lambda made: made["arms"][1].update(spans=4))
    runs = compare_runs(tmp_path / "old", tmp_path / "new")
    assert runs["differences"] == []
    assert runs["left_out"] == []


def test_what_one_run_doesnt_tell_is_a_dash(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b")
    manifest_of(tmp_path / "a", lambda made: made["assistant"].update(generator_fingerprint="ab"))
    assert compare_runs(tmp_path / "a", tmp_path / "b")["differences"] == [("generator fingerprint", "ab", "–")]


@pytest.mark.parametrize(
    ("manifest", "rows", "said"),
    [
        (None, "", r"can't read .*manifest\.json"),
        ("{}", "", r"manifest\.json lacks what a manifest has \(KeyError\('questions'\)\)"),
        ('{"arms": [', "", r"can't read .*manifest\.json"),
        ("[]", "", r"expected a JSON object, got list"),
        ('{"questions": {"digests": {}, "count": 1}}', '{"id": "1"}\n{}\n', r"outcomes\.jsonl:1: not an outcome"),
    ],
)
def test_a_folder_that_isnt_a_runs_is_told_in_one_line(tmp_path, manifest, rows, said):
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest, "utf-8")
        (tmp_path / "outcomes.jsonl").write_text(rows, "utf-8")
    with pytest.raises(InputError, match=said) as told:
        render_report(tmp_path)
    assert "\n" not in str(told.value)
