"""`firmground adapt gate` on a small base: what it prints and writes, and that the arm it writes declines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmground.eval.arm_files import load_arms
from firmground.eval.bench.gate_fit import Gate
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document
from firmground.ui import adapting
from firmground.ui.adapting import arm_text, run_adapt_gate
from tests.knowledge.base_helpers import HashEncoder

TOWNS = ("Aldbury", "Brome", "Cley", "Dunwich", "Eype", "Foxton", "Girton", "Holme", "Ivel", "Jarrow")
THINGS = ("mill", "bridge", "tower", "market", "school", "harbour", "chapel", "museum")


@pytest.fixture
def kb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each town's things with their years; asked for them, and for such as no document has."""
    documents, rows = [], []
    for number, (town, thing) in enumerate((town, thing) for town in TOWNS for thing in THINGS):
        documents.append(Document(f"d{number}", f"The {thing} of {town} was opened in {1700 + number}.", "made"))
        row = {"id": f"a{number}", "question": f"When was the {thing} of {town} opened?"}
        rows.append(row | {"answers": [str(1700 + number)], "passage": f"d{number}"})
        row = {"id": f"n{number}", "question": f"Who paid the painter Quill for lamp {number}?"}
        rows.append(row | {"answers": [], "answerable": False, "passage": f"d{number}"})
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add(documents)
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    monkeypatch.setattr(adapting, "open_base", lambda path: KnowledgeBase.open(path, HashEncoder()))
    return tmp_path / "kb"


def test_gate_is_printed_and_written(kb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "gate.toml"
    assert run_adapt_gate(str(kb), str(tmp_path / "questions.jsonl"), out) == 0
    printed = capsys.readouterr().out
    assert "AUROC): 1.000 [1.000, 1.000]" in printed
    assert "100.0%" in printed
    assert f"--arms-file {out}" in printed
    (arm,) = load_arms(out).values()
    assert (arm.name, arm.retrieve) == ("gated", "hybrid")
    assert 0 < arm.gate < 1


def test_without_a_file_the_arm_is_printed(kb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_adapt_gate(str(kb), str(tmp_path / "questions.jsonl"), None, risk=0.1) == 0
    assert '[arm.gated]\nbase = "augmented"\ngate = 0.' in capsys.readouterr().out


def test_an_arm_file_holds_threshold_and_weights(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(arm_text(Gate(0.1234567, (-1.5, 2.0, 3.25, 1e-05))), encoding="utf-8")
    (arm,) = load_arms(path).values()
    assert arm.gate == 0.123456  # rounded down: who passed still does
    assert arm.gate_weights == (-1.5, 2.0, 3.25, 1e-05)
    path.write_text(arm_text(Gate(0.5)), encoding="utf-8")
    assert load_arms(path)["gated"].gate_weights == ()


def test_a_gate_that_tells_nothing_is_not_written(kb: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("firmground.eval.bench.gate_fit.answers_probability", lambda *_: 0.5)
    monkeypatch.setattr("firmground.eval.bench.gate_fit._out_of_fold", lambda columns, truth, groups: truth * 0.0)
    out = tmp_path / "gate.toml"
    assert run_adapt_gate(str(kb), str(tmp_path / "questions.jsonl"), out) == 1
    assert "leave the gate off" in capsys.readouterr().out
    assert not out.exists()


def test_wrong_input_is_told(kb: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--risk is a share from 0 to below 1, got 5"):
        run_adapt_gate(str(kb), str(tmp_path / "questions.jsonl"), None, risk=5)
    few = tmp_path / "few.jsonl"
    few.write_text('{"id": "1", "question": "When?", "answers": ["1700"]}', encoding="utf-8")
    with pytest.raises(InputError, match="add questions"):
        run_adapt_gate(str(kb), str(few), None)
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        run_adapt_gate(str(kb), str(tmp_path / "nowhere.jsonl"), None)
