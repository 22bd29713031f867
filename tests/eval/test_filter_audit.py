"""The audit of the filters: rates and gaps by hand, and what it reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from firmground.eval.bench.debias_classifier import flag_ratio, macro_f1
from firmground.eval.filter_audit import Case, audit_filter, group_gap, own_cases, read_cases
from firmground.knowledge.errors import InputError


def test_macro_f1_by_hand() -> None:
    labels = np.array([True, True, False, False])
    assert macro_f1(labels, labels) == 1.0
    assert macro_f1(labels, ~labels) == 0.0
    # one of two found, one false flag: both classes have F1 = 2 · 1 / (2 · 1 + 2) = ½
    assert macro_f1(labels, np.array([True, False, True, False])) == 0.5
    # all flagged: F1 of the flagged is 2 · 2 / (4 + 2) = ⅔, of the rest 0
    assert macro_f1(labels, np.ones(4, dtype=bool)) == pytest.approx(1 / 3)


def test_the_ratio_of_flags_keeps_pairs() -> None:
    plain = np.array([True] * 10 + [False] * 10)
    assert flag_ratio(plain, plain) == (1.0, 1.0, 1.0)
    ratio, low, high = flag_ratio(np.array([True] * 5 + [False] * 15), plain)
    assert ratio == 0.5
    assert low < 0.5 < high


def test_the_gap_is_between_the_worst_and_the_best_group() -> None:
    cases = [Case("x", False, "", group) for group in ("a", "b", "c") for _ in range(20)] + [Case("x", False, "", "d")]
    flagged = np.array([True] * 10 + [False] * 10 + [False] * 20 + [True] + [False] * 19 + [True])
    gap = group_gap("f", cases, flagged)
    assert gap is not None
    assert (gap.most, gap.least, gap.value, gap.groups) == ("a", "b", 0.5, 3)  # one text of d is too few
    assert 0 < gap.by_chance < 0.5
    assert group_gap("f", cases[:20], flagged[:20]) is None


def test_equal_groups_have_no_gap() -> None:
    cases = [Case("x", False, "", group) for group in ("a", "b") for _ in range(20)]
    gap = group_gap("f", cases, np.zeros(40, dtype=bool))
    assert gap is not None
    assert (gap.value, gap.by_chance) == (0.0, 0.0)


def test_our_own_sentences_are_audited_by_kind_and_group() -> None:
    found = audit_filter(own_cases())
    rates = {(rate.filter, rate.by, rate.name): rate for rate in found.rates if not rate.offensive}
    assert rates["screen", "kind", "en protest"].flagged.value == 0.0
    assert rates["screen", "kind", "zh mention"].flagged.value == 0.0
    assert ("classifier", "group", "Muslims") in rates
    assert {gap.filter for gap in found.gaps} == {"classifier", "screen"}
    assert json.loads(json.dumps(found.to_dict()))["cases"] == len(own_cases())
    with pytest.raises(InputError, match="nothing to audit"):
        audit_filter([])


def test_cases_come_from_jsonl_and_from_cold(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "河南人来了", "offensive": false, "kind": "k"}\n\n', encoding="utf-8")
    assert read_cases(rows) == [Case("河南人来了", False, "k", "Henan")]
    cold = tmp_path / "test.csv"
    cold.write_text("topic,label,fine-grained-label,TEXT\nrace,0,3,别歧视黑人\nrace,1,2,x\n", encoding="utf-8-sig")
    assert read_cases(cold) == [
        Case("别歧视黑人", False, "race: anti-bias", "Black"),
        Case("x", True, "race: attack on a group", ""),
    ]
    rows.write_text('{"text": "x", "offensive": 1}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl:1: expected a text and true or false"):
        read_cases(rows)
    with pytest.raises(InputError, match="isn't there"):
        read_cases(tmp_path / "none.jsonl")


def test_the_commands(tmp_path: Path) -> None:
    from firmground.ui.cli import app

    notes = tmp_path / "notes.txt"
    notes.write_text("She is a nurse. He is an engineer. " * 5, encoding="utf-8")
    run = CliRunner().invoke(app, ["audit", "corpus", str(notes), "--json"])
    assert run.exit_code == 0, run.output
    assert {count["group"] for count in json.loads(run.output)["counts"]} == {"women", "men"}
    shown = CliRunner().invoke(app, ["audit", "corpus", str(notes)])
    assert "nurse" in shown.output
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"text": "Muslims live here.", "offensive": false, "kind": "mention"}\n', encoding="utf-8")
    run = CliRunner().invoke(app, ["audit", "filter", "--data", str(cases), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.output)["cases"] == 1
    assert isinstance(CliRunner().invoke(app, ["audit", "corpus"]).exception, InputError)
