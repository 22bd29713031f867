"""The real models, end to end, through the command line: index, search, ask, compare, in English and in Chinese."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firmground.knowledge import weights

pytestmark = pytest.mark.skipif(
    not all(weights.is_here(name) for name in weights.DEFAULTS), reason="needs the default weights: make weights"
)
QUESTION = "By how much does water expand when it freezes?"
DOCUMENTS = {
    "ice.md": "# Ice\n\nWater expands by about 9 percent when it freezes, which is why ice floats.",
    "moon.txt": "The Moon orbits the Earth in about 27 days. It has no air.",
    "冰.txt": "水结冰时体积膨胀约9%，所以冰会浮在水面上。",
    "月亮.txt": "月球绕地球一周大约需要27天，那里没有空气。",
}


def firmground(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmground.ui.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    (folder / "docs").mkdir()
    for name, text in DOCUMENTS.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    done = firmground("index", folder / "docs", "--kb", folder / "kb", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["documents"] == 4
    return folder / "kb"


def test_search_by_meaning_and_by_words(kb: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    asked = ["How long does our satellite need for one turn?", "月球绕地球一周要多久？"]
    queries.write_text(
        "".join(
            json.dumps({"id": str(i), "question": text}, ensure_ascii=False) + "\n" for i, text in enumerate(asked)
        ),
        encoding="utf-8",
    )
    done = firmground("search", "--queries", queries, "--kb", kb, "--k", 2, "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["hits"][0]["document"].endswith("moon.txt")  # "satellite" and "turn" stand nowhere in it
    assert second["hits"][0]["document"].endswith("月亮.txt")


def test_ask_plain_and_augmented(kb: Path) -> None:
    done = firmground("ask", QUESTION, "--kb", kb, "--json")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    answers = json.loads(done.stdout)
    assert answers["plain"]["answer"] != answers["augmented"]["answer"]
    assert "9 percent" in answers["augmented"]["answer"]
    citation = answers["augmented"]["claims"][0]["citations"][0]
    assert DOCUMENTS["ice.md"][citation["start"] : citation["end"]] == citation["text"]


def test_chinese_is_quoted(kb: Path) -> None:
    done = firmground("ask", "水结冰时体积膨胀多少？", "--kb", kb, "--arms", "extractive", "--json")
    answer = json.loads(done.stdout)["extractive"]
    assert "9" in answer["answer"]
    assert answer["claims"][0]["verdict"] == "supported"
    assert answer["claims"][0]["citations"][0]["source"].endswith("冰.txt")


def test_compare_killed_and_resumed_equals_one_run(kb: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "1", "question": QUESTION, "answers": ["about 9 percent", "9 percent"]},
        {
            "id": "2",
            "question": "How long does the Moon take to orbit the Earth?",
            "answers": ["about 27 days", "27 days"],
        },
        {"id": "3", "question": "月球绕地球一周要多久？", "answers": ["27天", "大约27天"]},
    ]
    questions = tmp_path / "q.jsonl"
    questions.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    command = ("compare", "--kb", kb, "--questions", questions, "--arms", "plain,augmented,extractive", "--out")
    killed = firmground(*command, tmp_path / "a", FIRMGROUND_FAILPOINT="outcomes.torn")
    assert killed.returncode == -signal.SIGKILL
    resumed = firmground(*command, tmp_path / "a")
    whole = firmground(*command, tmp_path / "b")
    assert resumed.returncode == whole.returncode == 0, resumed.stderr

    def without_timing(folder: Path) -> list[dict]:
        lines = (folder / "outcomes.jsonl").read_text("utf-8").splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "timing"} for line in lines]

    assert without_timing(tmp_path / "a") == without_timing(tmp_path / "b")
    assert len(without_timing(tmp_path / "a")) == 9
    summary = json.loads((tmp_path / "a" / "summary.json").read_text("utf-8"))
    assert set(summary["arms"]) == {"plain", "augmented", "extractive"}
    assert summary["arms"]["augmented"]["right"]["value"] >= summary["arms"]["plain"]["right"]["value"]
    assert (tmp_path / "a" / "report.html").stat().st_size > 10_000


def test_another_encoders_base_is_refused(kb: Path) -> None:
    manifest = kb / "manifest.json"
    kept = manifest.read_bytes()
    done = firmground("index", kb.parent / "docs", "--kb", kb, "--encoder", weights.DEFAULT_GENERATOR)
    assert done.returncode == 4
    assert "was made with encoder all-MiniLM-L6-v2" in done.stderr
    assert manifest.read_bytes() == kept
