"""Errors in Chinese: what is said matches what the engine says, and a reader learns what to do."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from firmground.eval.bias.effects import load_effects
from firmground.eval.tasks import load_questions
from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import FirmgroundError, InputError, KnowledgeBaseError, MissingExtra
from firmground.knowledge.load import load_all
from firmground.ui.frame import Said, told
from firmground.ui.wording.errors import FOUND, KINDS, SAID, explained, finding, in_chinese, reason

TREE = Path(__file__).resolve().parents[2]
CHINESE = re.compile("[\u4e00-\u9fff]")


def said_by(paths: Iterator[Path]) -> list[str]:
    """Every text in some source files; where a value is filled in stands 1, in quotes where it is shown by its repr."""
    found = []
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    one.value if isinstance(one, ast.Constant) else "'1'" if one.conversion == ord("r") else "1"
                    for one in node.values
                ]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


@pytest.mark.parametrize(("table", "folders"), [(SAID, ("knowledge", "rag", "eval", "ui")), (FOUND, ("ui/doctor.py",))])
def test_each_line_is_one_that_the_engine_says(table, folders):
    files = [TREE / folder for folder in folders]
    paths = [path for one in files for path in (one.rglob("*.py") if one.is_dir() else [one])]
    said = said_by(path for path in paths if path.name != "errors.py")
    for pattern, words in table:
        assert any(re.match(pattern, text, re.DOTALL) for text in said), pattern
        names = {name for _, name, _, _ in string.Formatter().parse(words) if name}
        assert names <= set(re.compile(pattern).groupindex), pattern
        assert CHINESE.search(words) or pattern == r"gpu$"


def caught(do) -> FirmgroundError:
    with pytest.raises(FirmgroundError) as found:
        do()
    return found.value


def test_what_the_engine_raises_is_said_in_chinese(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text('{"question": "Who?", "answers": ["I"]}\n{"question"\n')
    (tmp_path / "audit.json").write_text("{}")
    cases = {
        "没有知识库": lambda: KnowledgeBase.open(tmp_path / "none"),
        "里面应当有问题": lambda: load_questions(tmp_path / "empty.jsonl"),
        "没有问题文件": lambda: load_questions(str(tmp_path / "none.jsonl")),
        "不是审计结果": lambda: load_effects(tmp_path),
        "没有叫 nobody 的模型": lambda: weights.resolve("nobody"),
    }
    for words, do in cases.items():
        error = caught(do)
        lines = told(error, "zh").split("\n")
        assert words in lines[0]
        assert lines[1] == f"原文：{error}"
        assert told(error, "en") == str(error)
    (tmp_path / "empty.txt").write_text("")
    failure = []
    list(load_all([str(tmp_path / "empty.txt")], on_failure=failure.append))
    assert reason(f"empty.txt {failure[0].reason}", "zh").startswith("empty.txt 是空的")
    assert reason(failure[0].reason, "en") == failure[0].reason


def test_any_other_error_says_of_what_kind_it_is():
    for kind in (InputError, KnowledgeBaseError, MissingExtra):
        assert told(kind("so it is"), "zh") == f"{KINDS[kind.__name__]}\n原文：so it is"
    assert explained("so it is") == f"{KINDS['']}\n原文：so it is"
    assert told("so it is", "zh") == explained("so it is")
    assert told(Said("问题是空的"), "zh") == "问题是空的"
    assert "ZeroDivisionError" in told(ZeroDivisionError("by zero"), "zh")
    assert in_chinese("so it is") is None


def test_doctor_in_chinese():
    assert finding("2 for this process, x86_64, Linux", "zh") == "本进程可用 2 个，x86_64, Linux"
    assert finding("12.5 GB free at /data", "zh") == "/data 剩余 12.5 GB"
    assert finding("weights all-MiniLM-L6-v2", "zh") == "模型 all-MiniLM-L6-v2"
    assert finding("not installed", "en") == "not installed"
    assert finding("1.67.0", "zh") == "1.67.0"
