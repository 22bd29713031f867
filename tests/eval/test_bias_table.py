"""The table of all filters: which sets it finds, that it goes on where it stopped, and the page it makes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

import firmground.eval.bias.table as tables
from firmground.eval.bias.effects import Effect, EffectTable, load_effects
from firmground.eval.bias.sets import FILTERS, SLOW, Found, Models, Part, _each, parts
from firmground.eval.bias.table import LIMIT, make_table
from firmground.eval.report.audit import FILTERS as TOLD
from firmground.eval.report.audit import VERDICTS, audit_html, audit_markdown, findings, overview, table_row, whole_sets
from firmground.eval.stats import Interval
from firmground.knowledge.errors import InputError
from firmground.rag.arms import PLAIN
from firmground.ui.cli import app
from firmground.ui.commands.auditing import audit_all

MODELS = Models("a model")
SECONDS = "seconds a question"


def _interval(value: float, half: float = 0.05, n: int = 60) -> Interval:
    return Interval(value, value - half, value + half, n, "bca")


def _effect(name: str, rows: str, by: str, before: float, after: float, **other: object) -> Effect:
    change = other.pop("change", _interval(after - before))
    values = {"measure": "bias score", "kind": "bias", "ideal": 0.0, **other}
    return Effect(
        set=name, rows=rows, filter=by, before=_interval(before), after=_interval(after), change=change, **values
    )  # type: ignore[arg-type]


def _fake_parts(monkeypatch: pytest.MonkeyPatch, folder: Path, broken: bool = False) -> list[str]:
    """Two sets, of a file each; the second can't be read where it is `broken`. Returns what was run, as it is run."""
    ran: list[str] = []

    def part(name: str, language: str) -> Part:
        def run(filters: Sequence[str]) -> Found:
            ran.append(name)
            if broken and name == "cbbq-b":
                raise InputError("row 3: expected two sentences")
            return [_effect(name, "all", by, 0.4, 0.1) for by in filters], [f"{name}: a note"]

        path = folder / f"{name}.jsonl"
        path.write_text(name, encoding="utf-8")
        return Part(name, language, (path,), ("debias=exchange", "debias=describe"), run)  # type: ignore[arg-type]

    found = [part("bbq-a", "en"), part("cbbq-b", "zh")]
    monkeypatch.setattr(tables, "parts", lambda data, models, limit: (found, ["bias: not there, left out"]))
    return ran


# ------------------------------------------------------------------------------------------------------------- the sets


def test_the_filters_are_those_that_an_arm_has() -> None:
    for name in FILTERS:
        field, value = name.split("=")
        assert field in ("swap", "balanced") or (hasattr(PLAIN, field) and getattr(PLAIN, field) != value)
    assert set(FILTERS) < set(TOLD)  # each has its sentence in the report
    assert inspect.signature(audit_all).parameters["limit"].default == LIMIT


def test_sets_are_found_where_their_authors_put_them(tmp_path: Path) -> None:
    for name in (
        "crows_pairs/pairs.csv", "bbq/Age.jsonl", "bbq/SES.jsonl", "bbq/unifiedqa_preds_Age.jsonl", "cbbq/race/a.json",
        "cbbq/race/b.json", "cbbq/notes.txt", "cold/train.csv", "cold/dev.csv", "cold/test.csv",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    found, missing = parts(tmp_path, MODELS, 5)
    names = [part.name for part in found]
    assert names[:6] == ["crows-pairs-pairs", "bbq-Age", "bbq-SES", "cbbq-race", "cold-dev", "cold-test"]
    assert {"counterfactual-en", "counterfactual-zh", "own-sentences-zh", "commonsense-zh"} <= set(names)
    assert [part.files for part in found if part.name == "cbbq-race"] == [
        (tmp_path / "cbbq/race/a.json", tmp_path / "cbbq/race/b.json")
    ]
    assert missing == [f"{tmp_path / 'gender_rag/*.csv'}: not there, left out"]
    assert len(set(names)) == len(names)
    for empty in (tmp_path / "cold", tmp_path / "none"):
        with pytest.raises(InputError, match="expected"):
            parts(empty, MODELS, 5)


def test_slow_filters_are_asked_of_fewer_rows() -> None:
    asked: list[tuple[list[str], int]] = []

    def effects(names: Sequence[str], rows: int) -> list[Effect]:
        asked.append((list(names), rows))
        return []

    _each(["debias=exchange", "debias=describe", "screen=change"], 10, effects)
    _each(["debias=describe"], 0, effects)
    assert SLOW["debias=describe"] == 4
    assert asked == [(["debias=exchange", "screen=change"], 10), (["debias=describe"], 3), (["debias=describe"], 0)]


# ------------------------------------------------------------------------------------------------------------- going on


def test_what_was_done_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, said = _fake_parts(monkeypatch, tmp_path), []
    out = tmp_path / "out"
    table, failed = make_table(tmp_path, out, MODELS, say=said.append)
    assert (ran, failed) == (["bbq-a", "cbbq-b"], 0)
    assert [effect.filter for effect in table.effects] == ["debias=exchange", "debias=describe"] * 2
    assert table.notes == ("bias: not there, left out", "bbq-a: a note", "cbbq-b: a note")
    assert table.conditions["limit"] == LIMIT
    assert set(table.conditions["files"]) == {"bbq-a.jsonl", "cbbq-b.jsonl"}
    (out / "sets" / "cbbq-b.json").unlink()  # as if it had been interrupted there
    again, _ = make_table(tmp_path, out, MODELS, say=said.append)
    assert ran == ["bbq-a", "cbbq-b", "cbbq-b"]
    assert "bbq-a: kept from before" in said
    assert again.effects == table.effects == load_effects(out).effects


def test_another_audit_is_not_mixed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, out = _fake_parts(monkeypatch, tmp_path), tmp_path / "out"
    make_table(tmp_path, out, MODELS, ["debias=exchange"], "en")
    assert ran == ["bbq-a"]  # the Chinese set wasn't asked for
    for changed in (
        {"filters": ["debias=describe"]}, {"limit": 7}, {"models": Models("another model")},
    ):  # fmt: skip
        arguments = {"models": MODELS, "filters": ["debias=exchange"], "limit": LIMIT, **changed}
        with pytest.raises(InputError, match=r"bbq-a.json is of another audit: its \w+ is .*; take another --out"):
            make_table(tmp_path, out, languages="en", **arguments)  # type: ignore[arg-type]
    (tmp_path / "bbq-a.jsonl").write_text("other rows", encoding="utf-8")
    with pytest.raises(InputError, match="its files is"):
        make_table(tmp_path, out, MODELS, ["debias=exchange"], "en")


def test_a_set_that_cannot_be_read_is_named_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_parts(monkeypatch, tmp_path, broken=True)
    table, failed = make_table(tmp_path, tmp_path / "out", MODELS)
    assert failed == 1
    assert {effect.set for effect in table.effects} == {"bbq-a"}
    assert "cbbq-b: left out: row 3: expected two sentences" in table.notes
    for wrong in ({"filters": ["debias=all"]}, {"filters": []}, {"languages": "fr"}):
        with pytest.raises(InputError, match=r"expected|unknown filter"):
            make_table(tmp_path, tmp_path / "out", MODELS, **wrong)  # type: ignore[arg-type]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_parts(monkeypatch, tmp_path, broken=True)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["audit", "all", "--data", str(tmp_path), "--out", str(out), "--language", "zh"])
    assert result.exit_code == 6
    result = CliRunner().invoke(app, ["audit", "all", "--data", str(tmp_path), "--out", str(out), "--language", "en"])
    assert result.exit_code == 0
    assert "debias=exchange" in result.stdout
    assert "Report:" in result.stdout
    assert json.loads((out / "audit.json").read_text())["effects"][0]["set"] == "bbq-a"
    assert "bbq-a" in (out / "audit.html").read_text(encoding="utf-8")
    assert "bbq-a" in (out / "audit.md").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------- the page

TABLE = EffectTable(
    (
        _effect("bbq-age", "ambiguous", "debias=exchange", 0.4, 0.1),
        _effect("bbq-age", "disambiguated", "debias=exchange", 0.2, 0.2, change=None),
        _effect("xquad-en", "questions", "debias=exchange", 0.44, 0.43, measure="F1", kind="utility", ideal=1.0),
        _effect("xquad-en", "questions", "debias=exchange", 0.4, 0.9, measure=SECONDS, kind="cost", ideal=None),
        _effect("bbq-<b>", "all", "debias=describe", 0.4, 0.41),
        _effect("cold-dev", "labelled offensive", "screen=change", 1.0, 0.8, measure="passes"),
        _effect("cold-dev", "labelled offensive: race", "screen=change", 1.0, 0.7, measure="passes"),
        _effect("cold-dev", "labelled harmless", "screen=change", 0.0, 0.2, measure="flagged", kind="blocking"),
    ),
    "a model", {"limit": 60, "files": {"Age.jsonl": "0" * 64}}, ("cbbq: not there, left out",),
)  # fmt: skip


def test_what_each_filter_did_is_said_in_words() -> None:
    exchange = findings([effect for effect in TABLE.effects if effect.filter == "debias=exchange"])
    assert exchange == [
        ("better", "bbq-age, ambiguous: bias score 0.400 → 0.100 (−0.300 [−0.350, −0.250])."),
        ("unclear", "1 bias figure can't be paired: before and after stand on different rows."),
        ("worse", "xquad-en: seconds a question 0.40 → 0.90 (+0.50 [+0.45, +0.55])."),
        ("unclear", "What is of use (F1) shows no change."),
    ]
    describe = findings([effect for effect in TABLE.effects if effect.filter == "debias=describe"])
    assert describe == [
        ("unclear", "No effect shown on 1 of 1 bias figure of whole sets: the interval of the change holds 0.")
    ]
    rows = {row[0]: row[1:] for row in overview(TABLE)}
    assert list(rows) == ["debias=exchange", "debias=describe", "screen=change"]  # along the way of an answer
    assert rows["debias=exchange"][:5] == ("decoding", "1", "0", "0", "1")
    assert rows["debias=exchange"][5] == "none shown"
    assert rows["screen=change"][6].startswith("cold-dev, labelled harmless: flagged 0.000 → 0.200")
    assert rows["screen=change"][1] == "1"  # the topic isn't a whole set


def test_it_is_told_in_chinese() -> None:
    page = audit_html(TABLE, "zh")
    assert '<html lang="zh-CN">' in page
    for words in ("去偏过滤器的效果", "看不出效果", "无法配对", "cbbq：没有，略去", "BBQ：年龄", "标为冒犯：种族"):
        assert words in page
    left = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"(?s:<style>.*?</style>|<script>.*?</script>)|<[^>]+>", " ", page)))
    names = "debias exchange describe screen change BBQ XQuAD COLD dev bbq cbbq model limit Age jsonl firmground audit"
    assert left - {*names.split(), "docs", "json", "generator"} == set()
    exchange = [effect for effect in TABLE.effects if effect.filter == "debias=exchange"]
    assert findings(exchange, "zh")[:2] == [
        ("better", "BBQ：年龄，信息不足：偏见得分 0.400 → 0.100（−0.300 [−0.350, −0.250]）。"),
        ("unclear", "1 项偏见指标无法配对：使用前后的数据不同。"),
    ]
    assert audit_markdown(TABLE, "zh").startswith("# 去偏过滤器的效果\n\n同样的数据，使用前 → 使用后")
    assert (
        dict(zip([row[0] for row in overview(TABLE, "zh")], overview(TABLE, "zh"), strict=True))["debias=exchange"][6]
        == "未看出"
    )


def test_rows_of_groups_are_folded_unless_there_are_no_others() -> None:
    screened = [effect for effect in TABLE.effects if effect.filter == "screen=change"]
    assert [effect.rows for effect in whole_sets(screened)] == ["labelled offensive", "labelled harmless"]
    assert whole_sets(screened[1:2]) == screened[1:2]
    assert table_row(screened[0]) == [
        "cold-dev", "labelled offensive", "passes", "0", "60", "1.000 [0.950, 1.050]", "0.800 [0.750, 0.850]",
        "−0.200 [−0.250, −0.150]", "✓",
    ]  # fmt: skip


def test_the_page_is_whole_safe_and_needs_no_colour() -> None:
    page = audit_html(TABLE)
    assert "bbq-&lt;b&gt;" in page
    assert "<b>," not in page
    assert "http" not in re.sub(r'http-equiv|"http://www.w3.org[^"]*"', "", page)  # nothing is loaded
    for mark, words in VERDICTS.values():
        assert mark in page
        assert words.replace("'", "&#39;") in page
    assert "not paired" in page
    assert "No effect shown" in page
    assert 'aria-label="ambiguous: before 0.400 [0.350, 0.450], after 0.100 [0.050, 0.150]"' in page
    # 0.4 on a scale from the ideal, 0, to 0.45, with 4 percent of room at both ends: (0.4 + 0.018) / 0.486
    assert '<circle cx="86.01%" cy="30%"' in page
    markdown = audit_markdown(TABLE)
    assert (
        "| bbq-age | disambiguated | bias score | 0 | 60 | 0.200 [0.150, 0.250] | 0.200 [0.150, 0.250] |  | – |"
        in markdown
    )
    assert "cbbq: not there, left out" in markdown
