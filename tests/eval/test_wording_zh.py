"""Reports in Chinese: every message has its Chinese, sentences by hand, and no English word is left on a page."""

from __future__ import annotations

import ast
import html.parser
import importlib.resources
import re
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from firmground.eval import wording
from firmground.eval.ablate import MITIGATIONS, ablate
from firmground.eval.compare import compare
from firmground.eval.metrics.answers import METRICS, RUN_METRICS, STATUSES, metric
from firmground.eval.report.render import questions_language, render_report, run_html
from firmground.eval.report.runs import compare_runs, runs_html, runs_markdown
from firmground.eval.types import Example, Outcome
from firmground.eval.wording_zh import COUNTED, ZH
from firmground.knowledge.types import Passage
from firmground.rag.arms import AUGMENTED, PLAIN
from tests.eval.fakes import FakeAssistant, examples

EVAL = Path(wording.__file__).parent
# Said by a name that isn't written where it is said: verdicts, outcomes, methods, fields of a manifest, groups.
NAMED = (
    *wording.FLIP_TITLES.values(), *wording.STATUS_WORDS.values(), *(one.meaning for one in MITIGATIONS),
    *("right", "hallucinated", "abstained", "failed", "answered", "in full", "on plain", "Question"),
    *("supported", "contradicted", "unsupported", "unverifiable", "leave-one-out", "contextcite", "attention"),
    *("Language", "By language", "Category", "By category", "Hallucinated answers", "Claims without support"),
)  # fmt: skip


def said_in_templates() -> Iterator[str]:
    for file in importlib.resources.files("firmground.eval.report").iterdir():
        if file.name.endswith(".html"):
            for call in jinja2.Environment().parse(file.read_text("utf-8")).find_all(nodes.Call):
                if (
                    isinstance(call.node, nodes.Name)
                    and call.node.name == "t"
                    and isinstance(call.args[0], nodes.Const)
                ):
                    yield call.args[0].value


def texts_of(path: Path) -> set[str]:
    return {node.value for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)}  # fmt: skip


def said_in_code() -> Iterator[str]:
    for path in (EVAL / "wording.py", *(EVAL / "report").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = (getattr(getattr(node, "func", None), name, "") for name in ("id", "attr"))
            if isinstance(node, ast.Call) and "say" in called and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def test_every_message_has_its_chinese_and_fills_in_the_same():
    said = {*said_in_templates(), *said_in_code(), *NAMED}
    assert len(said) > 200
    assert said - ZH.keys() == set()
    for english, chinese in ZH.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, chinese)]
        assert names[0] == names[1], english


def test_nothing_is_translated_that_nobody_says():
    written = {*said_in_templates(), *NAMED}
    for path in (EVAL / "wording.py", *(EVAL / "report").glob("*.py")):
        written |= texts_of(path)
    groups = {
        "en",
        "zh",
        "biological",
        "misconceptions",
        "numbers",
        "physical",
        "safety",
        "social",
        "spatial",
        "temporal",
    }
    settings = {key for key in ZH if key.split(" ")[0] in ("arm", "versions", "seed", "generator", "model", "knowledge",
                                                           "verifier")}  # fmt: skip
    assert ZH.keys() - written - groups - settings == set()


@pytest.mark.parametrize("name", [*METRICS, *RUN_METRICS, "recall@4", "ndcg@10"])
def test_every_metric_is_told_in_chinese(name):
    told, english = wording.worded(name, "zh"), wording.worded(name)
    assert english == metric(name)
    assert replace(told, title=english.title, definition=english.definition, source=english.source) == english
    assert re.search("[\u4e00-\u9fff]", told.definition)
    if "@" in name:
        assert name.split("@")[1] in told.title
        assert name.split("@")[1] in told.definition


def test_every_status_and_flip_has_words():
    assert set(STATUSES) - {"error"} <= wording.STATUS_WORDS.keys()
    assert wording.status_words("no_gold", "zh") == "没有标准答案"
    assert wording.status_words("made_up", "zh") == "made_up"


def test_figures_in_chinese_words():
    figure = {"value": 0.1, "low": -0.02, "high": 0.2, "first": 0.3, "second": 0.4, "p": 0.2, "p_holm": 0.4, "n": 1200}
    assert wording.percent_interval({"low": 0.3, "high": 0.4}, language="zh") == "30.0 至 40.0"
    assert wording.percent_interval({"low": 0.3, "high": 0.4}, dash=True, language="zh") == "30.0–40.0"
    assert wording.points_interval(figure, "zh") == "−2.0 至 +20.0"
    assert wording.seconds(0.0123, "zh") == "12 毫秒"
    assert wording.signed_seconds(-2.5, "zh") == "−2.50 秒"
    assert wording.plural(1, "question", "zh") == "1 个问题"
    assert wording.plural(1200, "passage", "zh") == "1,200 段资料"
    assert set(COUNTED) >= {"question", "answer", "arm", "passage", "comparison", "broken line"}
    assert wording.p_text(figure, "zh").replace("\u00a0", " ") == "p = 0.20，Holm 校正后 0.40"
    assert wording.setting_name("arm plain num passages", "zh") == "回答方式 plain num passages"
    assert wording.setting_name("knowledge encoder name", "zh") == "编码器"
    assert wording.group_name("physical", "zh") == "物理"
    assert wording.group_name("my_own", "zh") == "my own"
    assert (
        wording.memory_sentence({"peak_bytes": 2**30, "peak_gpu_bytes": 2**21}, "zh")
        == "内存峰值：1.0 GiB，显存 2 MiB。"
    )


def pair(value, low, high, p_holm):
    figure = {
        "value": value, "low": low, "high": high, "first": 0.3, "second": 0.3 + value, "p": 0.01, "p_holm": p_holm,
        "n": 200, "smallest_effect": 0.1,
    }  # fmt: skip
    share = {"value": 0.25, "low": 0.1, "high": 0.5, "n": 8}
    harm = {"low": -0.02, "high": 0.1, "margin": 0.05, "verdict": "better", "no_harm": True}
    return {"first": "plain", "second": "mine", "differences": {"right": figure}, "broken_share": share,
            "flips": {"broken": 2}, "harm": harm}  # fmt: skip


def test_what_a_pair_shows_in_chinese():
    told = [sentence.replace("\u00a0", " ") for _, sentence in wording.pair_sentences(pair(0.1, 0.02, 0.2, 0.03), "zh")]
    assert told == [
        "正确：从 30.0% 升至 40.0%，变化 +10.0 个百分点"
        "（95% 区间 +2.0 至 +20.0；p = 0.010，Holm 校正后 0.030；n = 200）。",
        "plain 答对的 8 个问题中，mine 改错了 2 个（25.0%；95% 区间 10.0 至 50.0%）。",
        "没有造成损害：正确率的下降不到 5 个百分点（变化的 90% 区间 −2.0 至 +10.0）。",
    ]
    unclear = wording.pair_sentences(pair(-0.1, -0.2, 0.02, 0.3), "zh")[0]
    assert unclear[0] == "unclear"
    assert unclear[1].startswith("正确：未见差异，30.0% 对 20.0%，变化 −10.0 个百分点")
    assert wording.flip_meaning("broken", {"first": "plain", "second": "mine"}, "zh") == "plain 正确，mine 幻觉"


AGAINST = [  # (low, high, p, by Holm): interval and test don't agree
    (0.02, 0.2, 0.062, 0.062, "(p above 0.05)", "（以检验为准，p 大于 0.05）"),
    (0.02, 0.2, 0.01, 0.3, "(p above 0.05 by Holm)", "（以检验为准，Holm 校正后 p 大于 0.05）"),
    (-0.02, 0.2, 0.01, 0.03, "(the interval holds 0)", "（区间含 0）"),
]


@pytest.mark.parametrize(("low", "high", "p", "adjusted", "english", "chinese"), AGAINST)
def test_what_decides_is_said_where_interval_and_test_differ(low, high, p, adjusted, english, chinese):
    shown = pair(0.1, low, high, adjusted)
    shown["differences"]["right"]["p"] = p
    verdict, sentence = wording.pair_sentences(shown)[0]
    by = " by the test" if low > 0 else ""
    assert verdict == "unclear"
    assert sentence.startswith(f"Right: no difference shown{by} {english}, from 30.0% to 40.0%, +10.0 points")
    assert wording.pair_sentences(shown, "zh")[0][1].startswith(f"正确：未见差异{chinese}，30.0% 对 40.0%，变化 +10.0")


class Shown(html.parser.HTMLParser):
    """The words that a reader sees or hears; what rows say (it has a `lang`), code and commands are passed over."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._skipped: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.words += [
            given[name] or "" for name in ("aria-label", "title", "alt") if name in given and not self._skipped
        ]
        if self._skipped or tag in ("style", "script", "pre", "code") or ("lang" in given and tag != "html"):
            self._skipped += [tag] if tag not in ("br", "meta", "img", "line", "circle", "polyline") else []

    def handle_endtag(self, tag):
        if self._skipped and self._skipped[-1] == tag:
            self._skipped.pop()

    def handle_data(self, data):
        if not self._skipped:
            self.words.append(data)


# What stays as it is in Chinese: arms, models, files, formulas and the like.
NAMES = re.compile(
    r"plain|augmented|firmground|outcomes\.\w+|report\.md|Markdown|SHA-256|AUROC|ECE|Brier|BCa|Wilson|Holm|F1|MRR|nDCG|"
    r"Recall|SQuAD|CMRC|ALCE|Gao|PopQA|BERGEN|arXiv|trec_eval|https|trec\.nist\.gov|Järvelin|Kekäläinen|fake|exact|words|"
    r"q\d+|d\d|p|n|a|b|GiB|MiB|RuntimeError|gone|without|retrieval|hybrid|best|sentences|budget|spans|prompt"
)


def english_left(page: str) -> set[str]:
    words = re.findall(r"[A-Za-zÀ-ÿ][\w.-]*", " ".join(Shown(page).words))
    return {word for word in words if not NAMES.fullmatch(word.rstrip(".-"))}


QUESTIONS = [
    *examples(*[(f"q{n}", f"第{n}个问题？", [f"答{n}"]) for n in range(6)]),
    Example("q6", "没有答案的问题？", (), answerable=False, metadata={"category": "safety"}),
    Example("q7", "选哪个？", choices=("甲", "乙"), answer="甲", metadata={"category": "physical"}),
]


def run(folder, arms=(PLAIN, AUGMENTED), right=lambda n: n % 2, **options):
    answers = {
        "plain": {one.question: one.answers[0] if one.answers and n < 3 else "不对" for n, one in enumerate(QUESTIONS)},
        "augmented": {
            one.question: one.answers[0] if one.answers and right(n) else "" for n, one in enumerate(QUESTIONS)
        },
        "counterfactual": {one.question: "不对" for one in QUESTIONS},
    }
    answers["plain"]["第5个问题？"] = RuntimeError("gone")
    passages = {one.question: Passage(n, f"d{n}", f"答{n}。", 0, 3) for n, one in enumerate(QUESTIONS)}
    compare(FakeAssistant(answers, passages), QUESTIONS, list(arms), folder, **options)
    return folder


def test_chinese_questions_have_a_chinese_report(tmp_path):
    page = (run(tmp_path / "run", command="firmground compare") / "report.html").read_text("utf-8")
    assert '<html lang="zh-CN">' in page
    assert "与 plain 相比，augmented 改变了什么" in page
    assert "1 个回答出错（RuntimeError）" in page
    assert "安全" in page
    assert english_left(page) == set()
    markdown = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert markdown.startswith("# 与 plain 相比，augmented 改变了什么\n")
    assert "- **第0个问题？** （答对的不再作答；标准答案：答0）" in markdown
    assert not {"Right", "Questions", "tokens"} & set(re.findall(r"[A-Za-z]+", markdown))
    assert '<html lang="en">' in render_report(tmp_path / "run", language="en").read_text("utf-8")
    assert '<html lang="zh-CN">' in run_html(tmp_path / "run", "zh")
    assert '<html lang="en">' in (tmp_path / "run" / "report.html").read_text("utf-8")  # nothing was written


def test_the_language_can_be_chosen_for_a_comparison(tmp_path):
    page = (run(tmp_path / "run", language="en") / "report.html").read_text("utf-8")
    assert "What augmented changes over plain" in page


def test_an_ablation_is_told_in_chinese(tmp_path):
    answers = {question.question: "答" for question in QUESTIONS[:3]}

    class Anyone(dict):
        def __missing__(self, arm):
            return answers

    ablate(FakeAssistant(Anyone()), QUESTIONS[:3], tmp_path / "run", AUGMENTED)
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "每项措施的收益与代价" in page
    assert "使用文档中的资料" in page
    assert english_left(page) == set()


def test_two_runs_are_told_in_chinese(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", right=lambda n: True)
    runs = compare_runs(tmp_path / "a", tmp_path / "b")
    assert runs["language"] == "zh"
    page = runs_html(runs, "zh")
    assert "<h1>b 与 a 对比</h1>" in page
    assert "b 的 augmented" in page
    assert english_left(re.sub(re.escape(str(tmp_path)) + r"/[ab]", "", page)) == set()
    assert runs_markdown(runs, "zh").startswith("# b 与 a 对比\n\n8 个问题，逐题配对")
    assert "augmented in b" in runs_html(runs)


def test_the_language_of_the_questions():
    rows = [Outcome(str(n), "plain", question, "", False) for n, question in enumerate(("为什么？", "Why?", "谁？"))]
    assert questions_language(rows) == "zh"
    assert questions_language(rows[:2]) == "en"  # half of them
    assert questions_language([*rows[:1], replace(rows[0], arm="augmented"), rows[1]]) == "en"  # rows aren't questions
    assert questions_language([]) == "en"
