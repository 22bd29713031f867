"""`firmground verify` and `firmground adapt verifier`, as they are called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmground.knowledge.errors import InputError
from firmground.rag.verifier import load_verifier
from firmground.ui.verifying import run_verify

LINES = [
    {"claim": "The tower is 330 m high.", "evidence": "The tower is 330 m high."},
    {"claim": "The tower was built in 1925.", "evidence": ["It rained.", "The tower was built in 1889."]},
    {"claim": "Elephants sing opera.", "evidence": "The tower is 330 m high."},
    {
        "claim": "2016",
        "evidence": "Denver won the Super Bowl in 2016.",
        "question": "When did Denver win the Super Bowl?",
    },
    {"claim": "铁会生锈。", "evidence": "铁会生锈，金不会。"},
    {"claim": "Water is wet.", "evidence": []},
]
VERDICTS = ["supported", "contradicted", "unsupported", "supported", "supported", "unverifiable"]


def written(folder: Path, *lines: object) -> str:
    path = folder / "claims.jsonl"
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines), "utf-8")
    return str(path)


def test_a_line_in_a_line_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_verify(written(tmp_path, *LINES[:3], "\n", *LINES[3:]), "trees")
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["verdict"] for one in found] == VERDICTS
    assert found[-1]["support"] is None
    expected = load_verifier("trees").support(["The tower is 330 m high."], [["The tower is 330 m high."]])[0]
    assert found[0]["support"] == pytest.approx(expected, abs=1e-4)
    run_verify(written(tmp_path, LINES[0]), "lexical")
    assert json.loads(capsys.readouterr().out) == {"support": 1.0, "verdict": "supported"}


def test_more_lines_than_a_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_verify(written(tmp_path, *(LINES[:3] * 50)), "lexical")
    verdicts = [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()]
    assert verdicts == VERDICTS[:3] * 50


@pytest.mark.parametrize(
    "broken",
    [
        "not json\n",
        "[1]\n",
        '{"evidence": "x"}\n',
        '{"claim": 3, "evidence": "x"}\n',
        '{"claim": "x"}\n',
        '{"claim": "x", "evidence": [1]}\n',
        '{"claim": "x", "evidence": "x", "question": 1}\n',
    ],
)
def test_a_broken_line_is_named_and_what_stands_before_is_judged(
    broken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="line 3"):
        run_verify(written(tmp_path, LINES[0], "\n", broken, LINES[1]), "lexical")
    assert [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()] == ["supported"]


def test_bytes_that_are_no_text_are_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"claim": "\xff", "evidence": "x"}\n')
    with pytest.raises(InputError, match="line 1"):
        run_verify(str(path), "lexical")
    with pytest.raises(InputError, match="JSONL"):
        run_verify(str(tmp_path / "none.jsonl"), "lexical")


def test_the_command_reads_standard_input_and_ends_with_2_on_a_broken_line() -> None:
    command = [sys.executable, "-m", "firmground.ui.cli", "verify", "-", "--verifier", "lexical"]
    text = json.dumps(LINES[4], ensure_ascii=False) + "\n{}\n"
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    assert json.loads(done.stdout) == {"support": 1.0, "verdict": "supported"}
    assert done.returncode == 2
    assert "standard input, line 2" in done.stderr.decode()


def test_adapt_names_the_set_that_is_missing(tmp_path: Path) -> None:
    from firmground.ui.adapting import run_adapt_verifier

    with pytest.raises(InputError, match="wice"):
        run_adapt_verifier(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_adapt_writes_a_verifier_that_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On few made cases; the file is the same each time, and holds the hashes of what it was made of."""
    from firmground.eval.bench import verifier_lessons
    from firmground.eval.bench.verifier_sets import Case
    from firmground.ui import adapting

    years = range(1900, 2060)
    statements = [
        Case(f"g{year}", f"It was built in {year + year % 2}.", (f"It was built in {year} by men.",), year % 2 == 0)
        for year in years
    ]
    answers = [
        Case(f"g{year}", f"When was it built? {year + year % 2}", (f"It was built in {year}.",), year % 2 == 0)
        for year in years
    ]
    sets = {"wice": verifier_lessons.featured("wice", statements), "qasc": verifier_lessons.featured("qasc", answers)}
    monkeypatch.setattr(adapting, "training_sets", lambda folder: sets)
    path = adapting.run_adapt_verifier(tmp_path, tmp_path / "one")
    assert path.read_bytes() == adapting.run_adapt_verifier(tmp_path, tmp_path / "two").read_bytes()
    made_of = json.loads(path.read_text("utf-8"))["made_of"]
    assert made_of["statements"]["wice"] == {
        "cases": 160, "supported": 80, "weight": 1.0, "sha256": sets["wice"].digest,
    }  # fmt: skip
    good, bad = load_verifier(str(tmp_path / "one")).support(
        ["It was built in 1804.", "It was built in 1805."], [["It was built in 1804."]] * 2
    )
    assert good > 0.8 > 0.2 > bad
