"""The command line: what a person types, what comes back, and every error in one line with an exit code."""

from __future__ import annotations

import errno
import importlib.metadata
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmground.knowledge import encode
from firmground.rag.verifier import packaged
from firmground.ui import cli
from tests.rag.fakes import Echo

Run = Callable[..., tuple[int, str, str]]


class WordEncoder:
    """Sums of random unit rows, one a word: shared words are near. Stands in for the real encoder, by its name."""

    languages = ("en",)
    dimension = 32
    max_tokens = 64

    def __init__(self, model: str = "words", device: str = "", languages: tuple[str, ...] = ()) -> None:
        self.name, self.fingerprint = model, f"fingerprint of {model}"

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split() or ["-"]:
                row += np.random.default_rng(list(word.encode())).normal(size=self.dimension)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + len(text) // 20 for text in texts]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process; (exit code, stdout, stderr)."""
    monkeypatch.setattr(encode, "SentenceEncoder", WordEncoder)
    monkeypatch.setattr("firmground.ui.indexing.SentenceEncoder", WordEncoder)
    monkeypatch.setattr("firmground.ui.commands.options.quiet_models", lambda: None)
    generator = Echo({"9 percent": "9 percent", "约9%": "约9%", "?": "twice as much", "？": "两倍"})
    monkeypatch.setattr("firmground.rag.assistant.load_generator", lambda name, device="": generator)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["firmground", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "ice.md").write_text("# Ice\n\nWater expands by 9 percent when it freezes.", encoding="utf-8")
    (folder / "冰.txt").write_text("水结冰时体积膨胀约9%。", encoding="utf-8")
    rows = [{"id": f"m{i}", "title": "Moon", "text": f"The Moon orbits in {i} days.", "n": i} for i in (27, 28)]
    (folder / "moon.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture
def questions(docs: Path) -> Path:
    path = docs.parent / "questions.jsonl"
    rows: list[dict[str, Any]] = [
        {"id": "q1", "question": "By how much does water expand when it freezes?", "answers": ["9 percent"]},
        {"id": "q2", "question": "水结冰时体积膨胀多少？", "answers": ["约9%"]},
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("firmground: ") and "Traceback" not in text


def test_index_then_again(run: Run, docs: Path) -> None:
    code, out, _ = run("index", docs, "--kb", "kb")
    assert code == 0
    assert "4 documents" in out
    code, out, _ = run("index", docs, "--kb", "kb", "--json")
    assert json.loads(out)["unchanged"] == 4


def test_a_bad_file_is_reported_and_stops_nothing(run: Run, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (docs / "binary.txt").write_bytes(b"\0\1\2\3" * 100)
    code, out, _ = run("index", docs, "--kb", "kb")
    assert code == 6
    assert "4 documents" in out
    assert "broken.pdf" in out
    assert "binary.txt" in out


def test_search(run: Run, docs: Path, questions: Path) -> None:
    run("index", docs, "--kb", "kb")
    code, out, _ = run("search", "when water freezes", "--kb", "kb", "--k", 2)
    assert code == 0
    assert "9 percent" in out
    code, out, _ = run("search", "--queries", questions, "--kb", "kb", "--k", 3, "--json")
    first, second = map(json.loads, out.splitlines())
    assert (first["id"], second["id"]) == ("q1", "q2")
    assert first["hits"][0]["document"] == "docs/ice.md" or first["hits"][0]["document"].endswith("docs/ice.md")
    assert second["hits"][0]["document"].endswith("冰.txt")
    assert set(first["hits"][0]) == {"document", "passage", "score"}


def test_ask_shows_both_answers_with_a_citation(run: Run, docs: Path) -> None:
    run("index", docs, "--kb", "kb")
    code, out, _ = run("ask", "By how much does water expand when it freezes?", "--kb", "kb")
    assert code == 0
    assert "twice as much" in out
    assert "9 percent" in out
    assert "✓" in out
    assert "ice.md" in out
    code, out, _ = run("ask", "水结冰时体积膨胀多少？", "--kb", "kb", "--arms", "augmented,extractive", "--json")
    answers = json.loads(out)
    assert answers["augmented"]["answer"] == "约9%"
    claim = answers["augmented"]["claims"][0]
    assert claim["verdict"] == "supported"
    citation = claim["citations"][0]
    assert (docs / "冰.txt").read_text("utf-8")[citation["start"] : citation["end"]] == citation["text"]


def test_compare_leaves_outcomes_summary_and_report(run: Run, docs: Path, questions: Path) -> None:
    run("index", docs, "--kb", "kb")
    code, out, _ = run("compare", "--kb", "kb", "--questions", questions, "--out", "run")
    assert code == 0
    assert "report.html" in out
    rows = [json.loads(line) for line in Path("run/outcomes.jsonl").read_text("utf-8").splitlines()]
    assert [(row["id"], row["arm"], row["answer"]) for row in rows] == [
        ("q1", "plain", "twice as much"),
        ("q1", "augmented", "9 percent"),
        ("q2", "plain", "两倍"),
        ("q2", "augmented", "约9%"),
    ]
    summary = json.loads(Path("run/summary.json").read_text("utf-8"))
    assert summary["arms"]["augmented"]["em"]["value"] == 1.0
    assert summary["arms"]["plain"]["hallucination"]["value"] == 1.0
    assert summary["pairs"]["plain→augmented"]["flips"]["fixed"] == 2
    report = Path("run/report.html").read_text("utf-8")
    assert "twice as much" in report
    assert "约9%" in report
    assert "http://" not in report.replace("http://www.w3.org", "")  # self-contained


def test_compare_again_asks_nothing_twice(run: Run, docs: Path, questions: Path) -> None:
    run("index", docs, "--kb", "kb")
    command = ("compare", "--kb", "kb", "--questions", questions, "--out", "run")
    run(*command, "--limit", 1)
    first = Path("run/outcomes.jsonl").read_bytes()
    code, _, _ = run(*command)
    assert code == 0
    assert Path("run/outcomes.jsonl").read_bytes().startswith(first)
    code, _, err = run(*command, "--arms", "plain")
    assert code == 2
    assert one_line(err)


WRONG = [
    (["index", "nowhere", "--kb", "kb"], 2, "doesn't exist"),
    (["index", "empty", "--kb", "kb"], 2, "holds no documents"),
    (["index", "*.xyz", "--kb", "kb"], 2, "matches no documents"),
    (["index", "docs", "--kb", "docs/ice.md"], 2, "is a file"),
    (["ask", "Why?", "--kb", "nowhere"], 2, "no knowledge base at nowhere"),
    (["ask", " ", "--kb", "kb"], 2, "question is empty"),
    (["ask", "Why?", "--kb", "kb", "--arms", "plan"], 2, "unknown arm 'plan'"),
    (["search", "--kb", "kb"], 2, "expected a question or --queries"),
    (["search", "x", "--kb", "kb", "--mode", "fuzzy"], 2, "hybrid, dense or lexical"),
    (["compare", "--kb", "kb", "--questions", "nowhere.jsonl", "--out", "o"], 2, "nowhere.jsonl"),
    (["compare", "--kb", "kb", "--questions", "broken.jsonl", "--out", "o"], 2, "broken.jsonl:2"),
    (["demo", "--lang", "fr"], 2, "--lang is en or zh"),
    (["ablate", "--kb", "kb", "--questions", "nowhere.jsonl", "--out", "o"], 2, "nowhere.jsonl"),
    (["compare", "--kb", "kb", "--questions", "q", "--out", "o", "--arms-file", "no.toml"], 2, "can't read no.toml"),
    (["report", "nowhere"], 2, "expected the folder of a comparison"),
    (["report", "nowhere", "elsewhere"], 2, "expected the folder of a comparison"),
    (["report", "a", "b", "c"], 2, "expected one run's folder, or two"),
    (["report", "a", "--arms", "plain"], 2, "--arms and --out belong to two runs"),
    (["weights", "nothing"], 2, "unknown model 'nothing'"),
]


@pytest.mark.parametrize(("command", "code", "message"), WRONG, ids=[" ".join(case[0][:3]) for case in WRONG])
def test_wrong_input_is_one_line_with_its_remedy(
    run: Run, docs: Path, command: list[str], code: int, message: str
) -> None:
    Path("empty").mkdir()
    Path("broken.jsonl").write_text('{"id": "1", "question": "Why?", "answers": []}\n{"id": "2", "question"\n', "utf-8")
    if "kb" in command[2:] and command[0] != "index":
        run("index", docs, "--kb", "kb")
    got, _, err = run(*command)
    assert got == code
    assert message in err
    assert one_line(err)


def test_another_encoder_is_named(run: Run, docs: Path) -> None:
    run("index", docs, "--kb", "kb")
    code, _, err = run("index", docs, "--kb", "kb", "--encoder", "other")
    assert code == 4
    assert "was made with encoder all-MiniLM-L6-v2" in err
    assert one_line(err)


def test_a_damaged_base_is_told_not_traced(run: Run, docs: Path) -> None:
    run("index", docs, "--kb", "kb")
    Path("kb/store.sqlite").write_bytes(b"not a database" * 1000)
    for command in (("ask", "Why?", "--kb", "kb"), ("search", "ice", "--kb", "kb"), ("index", "docs", "--kb", "kb")):
        code, _, err = run(*command)
        assert code == 4
        assert one_line(err)


def test_a_full_disk_and_an_interruption(run: Run, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("firmground.ui.indexing.run_index", full)
    code, _, err = run("index", docs, "--kb", "kb")
    assert code == 1
    assert "no space left on the disk; free some" in err

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firmground.ui.indexing.run_index", interrupted)
    code, _, err = run("index", docs, "--kb", "kb")
    assert code == 130
    assert "goes on from there" in err


def test_arms_of_ones_own(run: Run, docs: Path, questions: Path) -> None:
    run("index", docs, "--kb", "kb")
    Path("my.toml").write_text('[arm.wide]\nbase = "augmented"\nnum_passages = 6\n', "utf-8")
    code, out, _ = run(
        "compare", "--kb", "kb", "--questions", questions, "--out", "run", "--arms-file", "my.toml", "--json"
    )
    assert code == 0
    assert list(json.loads(out)["arms"]) == ["plain", "wide"]
    assert json.loads(Path("run/manifest.json").read_text("utf-8"))["arms"][1]["num_passages"] == 6
    code, out, _ = run(
        "ask", "水结冰时体积膨胀多少？", "--kb", "kb", "--arms", "wide", "--arms-file", "my.toml", "--json"
    )
    assert (code, list(json.loads(out))) == (0, ["wide"])
    Path("my.toml").write_text("[arm.wide]\nnum_pasages = 6\n", "utf-8")
    code, _, err = run("ask", "Why?", "--kb", "kb", "--arms-file", "my.toml")
    assert code == 2
    assert "my.toml: arm.wide: unknown key 'num_pasages'; did you mean 'num_passages'?" in err
    assert one_line(err)


def test_ablate(run: Run, docs: Path, questions: Path) -> None:
    run("index", docs, "--kb", "kb")
    command = ("ablate", "--kb", "kb", "--questions", questions, "--out", "run")
    code, out, _ = run(*command)
    assert code == 0
    assert "What each mitigation buys" in out
    assert "retrieval" in out
    code, out, _ = run(*command, "--json")
    ablation = json.loads(out)
    assert (ablation["arm"], ablation["metric"], ablation["questions"]) == ("augmented", "f1", 2)
    effects = {(row["mitigation"], row["where"]): row["effect"]["value"] for row in ablation["rows"]}
    assert effects["retrieval", "in full"] == 1.0  # "9 percent" against "twice as much"
    assert Path("run/report.md").exists()
    code, _, err = run(*command[:-1], "other", "--arm", "plain")
    assert (code, one_line(err)) == (2, True)
    assert "the arm 'plain' has nothing to switch off" in err
    assert not Path("other").exists()
    assert run(*command[:-1], "other", "--arm", "plain,stock")[0] == 2


def test_report_anew_and_two_runs(run: Run, docs: Path, questions: Path) -> None:
    run("index", docs, "--kb", "kb")
    for out in ("a", "b"):
        run("compare", "--kb", "kb", "--questions", questions, "--out", out)
    before = Path("a/report.html").read_bytes()
    for name in ("report.html", "report.md", "outcomes.csv", "summary.json"):
        Path("a", name).unlink()
    code, out, _ = run("report", "a")
    assert code == 0
    assert "Fixed by augmented" in out
    assert Path("a/report.html").read_bytes() == before
    assert all(Path("a", name).exists() for name in ("report.md", "outcomes.csv", "summary.json"))
    code, out, _ = run("report", "a", "b", "--out", "both", "--json")
    assert code == 0
    assert json.loads(out)["pairs"]["augmented"]["flips"]["right_both"] == 2
    assert "augmented" in Path("both/report.html").read_text("utf-8")
    code, out, _ = run("report", "a", "b", "--arms", "plain=augmented")
    assert code == 0
    assert "Fixed by augmented in b" in out
    run("compare", "--kb", "kb", "--questions", questions, "--out", "c", "--limit", 1)
    code, _, err = run("report", "a", "c", "--out", "no")
    assert (code, one_line(err)) == (2, True)
    assert "the questions differ: 2 and 1 questions" in err
    assert not Path("no").exists()


def test_an_empty_base_says_so(run: Run, docs: Path, questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("index", docs / "ice.md", "--kb", "kb")
    [name] = [line.split("\t")[0] for line in run("kb", "list", "--kb", "kb")[1].splitlines()]
    assert run("kb", "remove", "--kb", "kb", name)[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("Why?\n"))
    for command in (("search", "ice"), ("ask", "水？"), ("chat",), ("search", "--queries", questions)):
        code, out, err = run(*command, "--kb", "kb")
        assert (code, out) == (2, "")
        assert "kb holds no passages; add documents: firmground index PATH --kb kb" in err
        assert one_line(err)
    code, _, err = run("kb", "remove", "--kb", "kb", name)
    assert (code, one_line(err)) == (2, True)
    assert "has no document" in err


def test_the_legend_names_the_verifier_in_the_questions_language(run: Run, docs: Path) -> None:
    run("index", docs, "--kb", "kb")
    out = run("ask", "By how much does water expand when it freezes?", "--kb", "kb")[1]
    assert f"judged by counted features of claim and evidence ({packaged().name})" in out
    out = run("ask", "水结冰时体积膨胀多少？", "--kb", "kb")[1]
    assert "✓ 有依据  ✗ 与资料矛盾  ? 无依据  – 无法核对" in out
    assert f"计数特征判断（{packaged().name}）：初步参考，不是证明" in out


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"firmground {importlib.metadata.version('firmground')}\n", "")


def test_debug_shows_the_traceback(run: Run, docs: Path) -> None:
    with pytest.raises(Exception, match="doesn't exist"):
        run("--debug", "index", "nowhere", "--kb", "kb")


def test_usage_errors_and_help(run: Run) -> None:
    assert run("ask")[0] == 2
    assert run("nonsense")[0] == 2
    code, out, _ = run("--help")
    assert code == 0
    for command in ("demo", "index", "ask", "search", "compare", "ablate", "report", "doctor", "weights", "ui"):
        assert command in out
        assert run(command, "--help")[0] == 0


def test_doctor(run: Run, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("index", docs, "--kb", "kb")
    monkeypatch.setenv("FIRMGROUND_CACHE", str(tmp_path / "no-weights-here"))
    code, out, _ = run("doctor", "--kb", "kb", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert code == 1
    assert checks["python"]["status"] == "ok"
    assert checks["weights all-MiniLM-L6-v2"]["remedy"] == "firmground weights all-MiniLM-L6-v2"
    assert checks["knowledge base kb"]["status"] == "ok"
    Path("kb/vectors.f32").write_bytes(b"")
    code, out, _ = run("doctor", "--kb", "kb", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert checks["knowledge base kb"]["status"] == "problem"


def test_weights_list(run: Run) -> None:
    code, out, _ = run("weights", "--list")
    assert code == 0
    assert "SmolLM2-135M-Instruct" in out
    assert "gemma-3-270m" in out
