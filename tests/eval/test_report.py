"""The report: what it shows, that it escapes everything, and that it stands alone."""

from __future__ import annotations

import html.parser
import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from firmground.eval import compare, print_summary, render_report, wording
from firmground.eval.outcomes import read_outcomes
from firmground.eval.report.page import _verifier_errors
from firmground.eval.report.question import question_view
from firmground.eval.report.render import report_html
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Passage
from firmground.rag.arms import AUGMENTED, PLAIN, STOCK
from tests.eval.fakes import FakeAssistant, examples

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'


class Page(html.parser.HTMLParser):
    """Tags, ids, links and text of a page, as a browser's parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def made(tmp_path, questions, answers, arms=(PLAIN, AUGMENTED), passages=None, **options):
    compare(FakeAssistant(answers, passages), questions, list(arms), tmp_path / "run", **options)
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    return text, Page(text)


BOTH = examples(("e1", "Who is on the twenty?", ["Andrew Jackson"]), ("z1", "谁发明了电话？", ["贝尔"]))
ANSWERS = {
    "plain": {"Who is on the twenty?": "Lincoln", "谁发明了电话？": "贝尔"},
    "augmented": {"Who is on the twenty?": "Andrew Jackson", "谁发明了电话？": "爱迪生"},
}
PASSAGES = {"Who is on the twenty?": Passage(4, "d1", "It shows Andrew Jackson, <b>7th</b>.", 100, 135)}


def test_what_a_reader_finds(tmp_path):
    error = {"wice": {"auroc": 0.7, "low": 0.65, "high": 0.75, "n": 349}}
    options = {"command": "firmground compare --kb x", "verifier_error": error}
    text, page = made(tmp_path, BOTH, ANSWERS, passages=PASSAGES, **options)
    assert "What augmented changes over plain" in page.text
    assert "Hallucinated: no difference shown, from 50.0% to 50.0%" in page.text
    assert "Of the question that plain had right, augmented broke 1 (100.0%" in page.text
    for said in (
        "Broken by augmented",
        "Fixed by augmented",
        "firmground compare --kb x",
        "exact words",
        "0.650 to 0.750",
    ):
        assert said in page.text
    assert "Andrew Jackson" in re.findall(r'<span class="claim supported"[^>]*>([^<]*)</span>', text)
    assert "<mark>Andrew Jackson</mark>, &lt;b&gt;7th" in text
    assert "爱迪生" in re.findall(r'<span class="claim unsupported"[^>]*>([^<]*)</span>', text)
    assert '<h3 lang="zh">谁发明了电话？</h3>' in text
    assert text.index("谁发明了电话？</h3>") < text.index("Who is on the twenty?</h3>")  # broken before fixed


@pytest.mark.parametrize(
    "measured",
    [
        {"data": "wice", "auroc": 0.7, "low": 0.65, "high": 0.75, "n": 349},
        [{"data": "wice", "auroc": 0.7, "low": 0.65, "high": 0.75, "n": 349}],
        {"wice": {"auroc": {"value": 0.7, "low": 0.65, "high": 0.75}, "n": 349}, "made_with": {"seed": 0}},
        {"verifier": "x", "sets": {"wice": {"auroc": {"value": 0.7, "low": 0.65, "high": 0.75}, "n": 349}}},
    ],
)
def test_the_verifiers_error_in_each_form(measured):
    assert _verifier_errors(measured) == [{"data": "wice", "n": 349, "auroc": "0.700", "interval": "0.650 to 0.750"}]
    assert _verifier_errors(None) == []


def test_it_stands_alone_and_its_links_lead_somewhere(tmp_path):
    text, page = made(tmp_path, BOTH, ANSWERS, passages=PASSAGES)
    assert not page.all("link")
    assert not page.all("img")
    assert not [attributes for _, attributes in page.tags if "src" in attributes]
    assert "@import" not in text
    assert "url(" not in text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.all("a")]
    assert {link for link in links if not link.startswith("#")} == set()
    assert {link[1:] for link in links} <= set(ids)
    assert "q1e1" in ids


def test_everything_untrusted_is_escaped(tmp_path):
    question = Example(EVIL, EVIL, (EVIL,), metadata={"category": EVIL})
    other = Example("2", EVIL + "2", (), choices=(EVIL, "b"), answer=EVIL)
    passage = Passage(0, EVIL, EVIL, 0, len(EVIL), {"title": EVIL, "source": "javascript:alert(3)", "page": EVIL})
    answers = {
        "plain": {EVIL: EVIL, EVIL + "2": RuntimeError(EVIL)},
        "augmented": {EVIL: EVIL, EVIL + "2": EVIL},
    }
    passages = {EVIL: passage, EVIL + "2": passage}
    text, page = made(
        tmp_path,
        [question, other],
        answers,
        (PLAIN, replace(AUGMENTED)),
        passages,
        command=EVIL,
        verifier_error=[{"data": EVIL, "auroc": EVIL}],
    )
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert not [attributes for attributes in page.all("a") if "javascript" in attributes["href"]]
    assert "49" not in [word.strip() for word in page.words]
    assert "{{ 7*7 }}" in page.text
    assert "script-src 'sha256-" in text


def test_a_source_is_linked_only_where_it_is_a_web_address(tmp_path):
    passage = Passage(0, "d", "Andrew Jackson", 0, 14, {"source": "https://example.org/a?b=1&c=2"})
    _, page = made(tmp_path, BOTH, ANSWERS, passages={"Who is on the twenty?": passage})
    assert "https://example.org/a?b=1&c=2" in [attributes["href"] for attributes in page.all("a")]


def row(text, claims=(), hits=(), arm="plain"):
    return Outcome("1", arm, "Q?", text, False, tuple(hits), tuple(claims), {"right": 0.0, "abstained": 0.0})


def claim(start, end, verdict="supported", citations=()):
    return {"text": "", "start": start, "end": end, "verdict": verdict, "support": None, "citations": list(citations)}


def test_the_answer_is_shown_once_whole_whatever_the_claims_say():
    text = "One. Two. Three."
    for claims in (
        [],
        [claim(0, 4), claim(5, 9), claim(10, 16)],
        [claim(10, 99), claim(2, 7), claim(0, 5), claim(3, 4), claim(8, 8), claim(50, 60)],
    ):
        pieces = question_view(1, [row(text, claims)], "untold")["answers"][0]["pieces"]
        assert "".join(piece["text"] for piece in pieces) == text
        assert all(piece["text"] for piece in pieces)


def test_cited_spans_are_marked_where_the_text_really_stands():
    hit = {
        "document": "d",
        "passage": 1,
        "score": 1.0,
        "title": "",
        "text": "abc def abc",
        "start": 10,
        "end": 21,
        "source": "",
    }
    cite = {"document": "d", "passage": 1, "start": 18, "end": 21, "text": "abc", "source": "", "page": None}
    wrong = cite | {"start": 0, "end": 3, "text": "def"}  # its offsets are off: found by its text
    lost = cite | {"text": "nowhere"}
    view = question_view(1, [row("x", [claim(0, 1, citations=[cite, wrong, lost])], [hit])], "untold")
    assert view["evidence"][0]["pieces"] == [("abc ", False), ("def", True), (" ", False), ("abc", True)]
    beyond = cite | {"passage": 2, "text": "not retrieved"}
    view = question_view(1, [row("x", [claim(0, 1, citations=[beyond])], [hit])], "untold")
    assert [passage["cited"] for passage in view["evidence"]] == [True, False]
    assert view["answers"][0]["pieces"][0]["links"] == [("q1e1", 1)]


def test_a_huge_run_shows_some_of_every_kind(tmp_path):
    questions = [Example(str(n), f"Question {n}?", ("yes",)) for n in range(40)]
    answers = {
        "plain": {e.question: "no" for e in questions},
        "augmented": {e.question: "yes" if n == 39 else "" if n == 38 else "no" for n, e in enumerate(questions)},
    }
    made(tmp_path, questions, answers)
    page = Page(render_report(tmp_path / "run", most_questions=10).read_text("utf-8"))
    kinds = [attributes["class"] for attributes in page.all("article")]
    assert len(kinds) == 10
    assert {"wrong_both", "fixed", "withheld_wrong"} == set(kinds)
    assert "10 of 40 questions are shown" in page.text


def test_without_gold_it_tells_of_support_alone(tmp_path):
    questions = [replace(example, answers=()) for example in BOTH]
    _, page = made(tmp_path, questions, ANSWERS, passages=PASSAGES)
    assert "Claims without support" in page.text
    assert "Unsupported claims: down from 100.0% to 50.0%" in page.text or "no difference shown" in page.text
    assert "without gold answers" in page.text
    assert "Question by question" not in page.text


def test_one_arm_and_an_unfinished_run(tmp_path):
    _, page = made(tmp_path, BOTH, ANSWERS, [PLAIN])
    assert "How plain answers" in page.text
    path = tmp_path / "run" / "outcomes.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    page = Page(render_report(tmp_path / "run").read_text("utf-8"))
    assert "Unfinished: 1 of 2 questions have been answered so far" in page.text
    path.write_bytes(b"")
    assert "Unfinished: 0 of 2" in Page(render_report(tmp_path / "run").read_text("utf-8")).text
    with pytest.raises(InputError, match=r"manifest\.json"):
        render_report(tmp_path)


def test_failures_are_told_apart(tmp_path):
    answers = {**ANSWERS, "stock": {"Who is on the twenty?": RuntimeError("gone"), "谁发明了电话？": "贝尔"}}
    _, page = made(tmp_path, BOTH, answers, [PLAIN, STOCK, AUGMENTED])
    assert "1 answer of stock failed; failures are in none of the rates" in page.text
    assert "RuntimeError: gone" in page.text
    assert "plain against stock" in page.text


def test_the_order_of_questions_in_the_rows_changes_nothing(tmp_path):
    made(tmp_path, BOTH, ANSWERS)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    rows = read_outcomes(tmp_path / "run" / "outcomes.jsonl")
    html = report_html(manifest, rows)
    assert report_html(manifest, [*rows[2:], *rows[:2]]) == html


def printed(summary, width):
    console = Console(width=width, file=io.StringIO(), no_color=True)
    print_summary(summary, console)
    return console.file.getvalue()


def test_the_terminal_says_the_same(tmp_path):
    summary = compare(FakeAssistant(ANSWERS), BOTH, [PLAIN, AUGMENTED], tmp_path / "run")
    for width in (70, 120):
        said = printed(summary, width)
        assert "50.0%" in said
        assert "9.5–90.5" in said  # Wilson's interval of 1 of 2
        assert re.search(r"1  Broken by augmented", said)
        assert re.search(r"1  Fixed by augmented", said)
        assert "Newly hallucinated" not in said
        assert max(map(len, said.splitlines())) <= width
    assert printed(json.loads((tmp_path / "run" / "summary.json").read_text("utf-8")), 120) == said
    markup = {"plain": {e.question: "x" for e in BOTH}, "[red]b": {e.question: "y" for e in BOTH}}
    arms = [PLAIN, replace(AUGMENTED, name="[red]b")]
    assert "[red]b" in printed(compare(FakeAssistant(markup), BOTH, arms, tmp_path / "other"), 120)


def test_figures_in_words():
    assert wording.points(0.0341) == "+3.4"
    assert wording.points(-0.012) == "−1.2"
    assert wording.points(-0.0001) == "±0.0"
    assert wording.p_value(0.0004).replace("\u00a0", " ") == "p < 0.001"
    assert wording.p_value(0.0123).replace("\u00a0", " ") == "p = 0.012"
    assert wording.seconds(0.0123) == "12 ms"
    assert wording.percent(None) == "–"
    assert wording.main_pair({}) is None
    pairs = {"a→b": {"first": "a"}, "a→c": {"first": "a"}, "b→c": {"first": "b"}}
    assert wording.main_pair(pairs) == "a→c"
