"""The decoding receipt: its arms can be written in TOML, its questions are the reported ones, its table by hand."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from firmground.eval.arm_files import load_arms
from firmground.eval.bench.decoding import arms, reported, table
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, EXTRACTIVE

TOML = """
[arm."contrast 0.5"]
base = "augmented"
[arm."contrast 0.5".decoding]
contrast = 0.5

[arm."contrast 1"]
base = "augmented"
[arm."contrast 1".decoding]
contrast = 1

[arm."samples 5"]
base = "augmented"
[arm."samples 5".decoding]
samples = 5
temperature = 0.7

[arm."beams 4"]
base = "augmented"
[arm."beams 4".decoding]
beams = 4

[arm."top-k 50"]
base = "augmented"
[arm."top-k 50".decoding]
temperature = 0.7
top_k = 50

[arm."top-p 0.9"]
base = "augmented"
[arm."top-p 0.9".decoding]
temperature = 0.7
top_p = 0.9

[arm."spans 0"]
base = "augmented"
spans = 0
"""


def test_every_arm_can_be_written_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "arms.toml"
    path.write_text(TOML, encoding="utf-8")
    assert [AUGMENTED, *load_arms(path).values(), EXTRACTIVE] == arms()
    assert all(asdict(arm)["decoding"]["contrast"] == arm.decoding.contrast for arm in arms())
    assert [arm.name for arm in arms(spans=0)][-2:] == ["top-p 0.9", "extractive"]
    assert all(arm.spans == 0 for arm in arms(spans=0))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("contrast = -1", "expected at least 0, got -1"),
        ("contrast = true", "expected a number, got True"),
        ("samples = 0", "at least 1"),
        ("samples = 5", "need a temperature above 0"),
        ("contrasts = 1", "did you mean 'contrast'"),
    ],
)
def test_what_cant_be_is_an_error(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "arms.toml"
    path.write_text(f'[arm.mine]\nbase = "augmented"\n[arm.mine.decoding]\n{line}\n', encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_arms(path)


def test_only_reported_paragraphs_are_asked_about() -> None:
    examples = [Example(str(i), "?", ("x",), gold=(f"paragraph-{i % 20}",)) for i in range(60)]
    few, more = reported(examples, 10), reported(examples, 20)
    assert few == more[:10]
    assert all(hashlib.sha256(one.gold[0].encode()).digest()[0] % 2 for one in more)
    assert len(reported(examples, 1000)) == sum(
        hashlib.sha256(f"paragraph-{i % 20}".encode()).digest()[0] % 2 for i in range(60)
    )


def outcome(name: str, arm: str, f1: float, seconds: float, error: str = "") -> Outcome:
    scores = {"f1": f1, "match": float(f1 == 1), "hallucination": float(f1 < 0.5)}
    return Outcome(name, arm, "?", "x", False, scores=scores, timing={"seconds": seconds}, error=error)


def test_the_table_by_hand() -> None:
    names = [str(i) for i in range(8)]
    rows = {
        "augmented": {name: outcome(name, "augmented", 0.0, 1.0) for name in names},
        "better": {name: outcome(name, "better", 1.0 if int(name) < 6 else 0.0, 2.0) for name in names},
        "same": {name: outcome(name, "same", float(name == "0"), 3.0) for name in names},
    }
    rows["same"]["7"] = replace(rows["same"]["7"], error="out of memory")
    lines = table(rows)
    assert lines[0].endswith("n=7")
    assert lines[1].split()[:2] == ["augmented", "0.0"]
    assert lines[2].split()[1] == "85.7"  # six of the seven that no arm failed on
    assert lines[2].split()[-1] == "2.00"
    better = [line for line in lines if line.startswith("better − augmented")]
    assert [line.split(": ")[1].split()[0] for line in better] == ["85.7", "85.7", "-85.7"]
    assert not any("no effect" in line for line in better)
    assert all(line.endswith("no effect shown") for line in lines if line.startswith("same −"))
    assert lines[-1] == "1 questions failed"
