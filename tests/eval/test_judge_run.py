"""A comparison judged row by row: what is asked, what is written, and how it goes on after a failure or a kill."""

from __future__ import annotations

import json
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest

from firmground.eval.judge import run as module
from firmground.eval.judge.ask import Judge
from firmground.eval.judge.run import judge_run, read_judgements
from firmground.eval.locked import locked
from firmground.knowledge.errors import FirmgroundError, InputError
from tests.eval.judge_fakes import ICE, first_option, honest, model, outcome, small_run, write_run
from tests.eval.judge_worker import work

# The server is shared with test_crash.py, and the last list wins: so this one holds what both need.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["tests.eval.crash_worker", "firmground.eval.report.render", "jinja2", "tests.eval.judge_worker"]
)


def value(figure: dict[str, Any]) -> Any:
    return figure["value"] if figure["value"] is not None else figure.get("status")


def test_the_table_of_an_honest_judge(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    table = judge_run(run, Judge(model(honest)))
    assert (table["judge"], table["rows"]) == ("rule", 4)
    # By the letter: both augmented claims stand in the evidence, both plain ones don't; ours differs on one of four.
    assert table["claims"]["counts"] == {"unsupported": 2, "supported": 2}
    assert table["answers"]["counts"] == {"wrong": 2, "right": 2}
    claims = table["claims"]["with_ours"]
    assert claims["counts"] == {"both": 2, "only_first": 1, "only_second": 0, "neither": 1}
    assert (claims["n"], value(claims["raw"])) == (4, 0.75)
    assert value(claims["kappa"]) == pytest.approx(0.5)  # chance: 3/4 · 2/4 + 1/4 · 2/4 = 1/2
    assert value(table["answers"]["with_ours"]["kappa"]) == 1.0
    assert [value(table["claims"][name]) for name in ("unparsed", "inconsistent", "error")] == [0.0, 0.0, 0.0]
    plain = table["arms"]["plain"]
    assert [value(plain["unsupported"][side]) for side in ("by_judge", "by_us")] == [1.0, 0.5]
    assert [value(plain["right"][side]) for side in ("by_judge", "by_us")] == [0.0, 0.0]
    assert "with_labels" not in table["claims"]
    json.dumps(table, allow_nan=False)


def test_every_arm_is_judged_on_the_evidence_of_all_arms(tmp_path: Path) -> None:
    asked = model(honest)
    judge_run(small_run(tmp_path / "run"), Judge(asked))
    shown = [json.loads(human) for _, human in asked.asked if "claim" in human]
    assert {tuple(one["evidence"]) for one in shown if "Ice" in one["claim"]} == {(ICE,)}
    assert len(asked.asked) == 2 * (4 + 4)  # four claims and four answers, both orders


def test_evidence_that_is_wrong_on_purpose_judges_nobody(tmp_path: Path) -> None:
    asked, lie = model(honest), "Ice sinks. 冰会沉。"
    run = write_run(
        tmp_path / "run",
        [
            outcome("a", "plain", ICE, 1.0, [(ICE, "supported")], [], [ICE]),
            outcome("a", "augmented", ICE, 1.0, [(ICE, "supported")], [ICE], [ICE]),
            outcome("a", "misled", lie, 0.0, [(lie, "unsupported")], [lie], [ICE]),
        ],
    )
    arms = [{"name": "plain", "retrieve": "none"}, {"name": "augmented", "retrieve": "hybrid"}]
    arms.append({"name": "misled", "retrieve": "counterfactual"})
    (run / "manifest.json").write_text(json.dumps({"arms": arms}))
    table = judge_run(run, Judge(asked))
    assert {tuple(json.loads(human)["evidence"]) for _, human in asked.asked if "claim" in human} == {(ICE,)}
    assert table["claims"]["counts"] == {"supported": 2, "unsupported": 1}


def test_a_summary_is_not_right_or_wrong(tmp_path: Path) -> None:
    asked = model(honest)
    run = write_run(tmp_path / "run", [outcome("a", "plain", "摘要", 0.0, [], [], ["参考"], task="summary")])
    assert judge_run(run, Judge(asked))["answers"]["counts"] == {}
    assert asked.asked == []


def test_a_position_biased_judge_gives_no_figure_at_all(tmp_path: Path) -> None:
    table = judge_run(small_run(tmp_path / "run"), Judge(model(first_option)))
    assert table["claims"]["counts"] == {"inconsistent": 4}
    assert value(table["claims"]["inconsistent"]) == 1.0
    assert table["claims"]["with_ours"]["n"] == 0
    assert value(table["claims"]["with_ours"]["kappa"]) == "none"
    assert table["arms"]["plain"]["right"]["by_judge"]["value"] is None


def test_a_judge_that_always_says_the_same_has_kappa_zero(tmp_path: Path) -> None:
    def always(system: str, data: dict, words: list[str]) -> str:
        return next(word for word in words if word in ("supported", "支持", "correct", "正确"))

    table = judge_run(small_run(tmp_path / "run"), Judge(model(always)))
    found = table["claims"]["with_ours"]
    assert (value(found["raw"]), value(found["kappa"])) == (0.75, 0.0)
    assert found["kappa"]["low"] is None


def test_without_evidence_or_gold_or_an_answer_nothing_is_asked(tmp_path: Path) -> None:
    asked = model(honest)
    rows = [
        outcome("a", "plain", "x y", "no_gold", [("x y", "unverifiable")]),
        outcome("b", "plain", "z z", 0.0, [("z z", "supported")], [ICE], ["y"], metadata={"answerable": False}),
        outcome("c", "plain", "", 0.0, error="TimeoutError"),
    ]
    table = judge_run(write_run(tmp_path / "run", rows), Judge(asked))
    assert table["claims"]["counts"] == {"no_evidence": 1, "unsupported": 1}
    assert table["claims"]["unparsed"]["n"] == 1
    assert (table["answers"]["counts"], table["rows"], len(asked.asked)) == ({}, 2, 2)


def test_the_second_run_asks_nothing_and_says_the_same(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    first = judge_run(run, Judge(model(honest)))
    lines, again = (run / "judge.jsonl").read_bytes(), model(honest)
    assert judge_run(run, Judge(again)) == first
    assert (again.asked, (run / "judge.jsonl").read_bytes()) == ([], lines)


def test_a_limit_counts_questions_and_more_can_be_judged_later(tmp_path: Path) -> None:
    run, asked = small_run(tmp_path / "run"), model(honest)
    assert judge_run(run, Judge(asked), limit=1)["rows"] == 2
    assert len(asked.asked) == 8
    assert judge_run(run, Judge(asked))["rows"] == 4
    assert len(asked.asked) == 16


def test_rows_whose_model_failed_are_asked_again(tmp_path: Path) -> None:
    def fails_in_chinese(system: str, data: dict, words: list[str]) -> str:
        if "正确" in words:
            raise TimeoutError("slow")
        return honest(system, data, words)

    run, again = small_run(tmp_path / "run"), model(honest)
    table = judge_run(run, Judge(model(fails_in_chinese)))
    assert table["answers"]["counts"] == {"wrong": 1, "right": 1, "error": 2}
    assert value(table["answers"]["error"]) == 0.5
    table = judge_run(run, Judge(again))
    assert table["answers"]["counts"] == {"wrong": 2, "right": 2}
    assert len(again.asked) == 8  # the two Chinese rows, whole: there is no cache here


def test_a_model_that_fails_on_everything_stops_the_run_and_keeps_what_was_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 2)

    def english_only(system: str, data: dict, words: list[str]) -> str:
        if "supported" not in words and "correct" not in words:
            raise ConnectionError("no route to host")
        return honest(system, data, words)

    run = small_run(tmp_path / "run")
    with pytest.raises(FirmgroundError, match="failed on all of 4 questions in a row: ConnectionError: no route"):
        judge_run(run, Judge(model(english_only)))
    assert [key[0] for key in read_judgements(run)] == ["en", "en"]


def test_what_changed_is_judged_anew(tmp_path: Path) -> None:
    run, asked = small_run(tmp_path / "run"), model(honest)
    judge_run(run, Judge(asked))
    text = (run / "outcomes.jsonl").read_text("utf-8").replace('"answer": "冰很轻。"', '"answer": "冰很重。"')
    (run / "outcomes.jsonl").write_text(text, "utf-8")
    judge_run(run, Judge(asked))
    assert len(asked.asked) == 16 + 4  # one row: its claim and its answer
    assert len(read_judgements(run)) == 4


def test_another_judge_and_another_writer_are_refused(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    judge_run(run, Judge(model(honest)))
    with pytest.raises(InputError, match="holds what rule judged, not other"):
        judge_run(run, Judge(model(honest, "other")))
    with locked(run, []), pytest.raises(InputError, match="another process is writing"):
        judge_run(run, Judge(model(honest)))
    with pytest.raises(InputError, match="expected the folder of a comparison"):
        judge_run(tmp_path / "nothing", Judge(model(honest)))


def test_a_damaged_line_is_named_and_a_torn_end_is_dropped(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    whole = judge_run(run, Judge(model(honest)))
    data = (run / "judge.jsonl").read_bytes()
    (run / "judge.jsonl").write_bytes(data[:-20])
    assert judge_run(run, Judge(model(honest))) == whole
    assert (run / "judge.jsonl").read_bytes() == data
    (run / "judge.jsonl").write_bytes(b'{"id": 1}\n' + data)
    with pytest.raises(InputError, match=r"judge\.jsonl:1: not a judgement"):
        judge_run(run, Judge(model(honest)))


@pytest.mark.parametrize("failpoint", ["judge.write", "judge.torn:2", "judge.done:2"])
def test_killed_at_any_moment_nothing_that_was_answered_is_asked_again(tmp_path: Path, failpoint: str) -> None:
    rows = [
        outcome(str(n), "plain", f"第{n}。" if n % 2 else f"No {n}.", 0.0, [(f"No {n}.", "supported")], [ICE], ["x"])
        for n in range(20)
    ]  # three batches
    run = write_run(tmp_path / "run", rows)
    process = _context.Process(target=work, args=(run, failpoint))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    work(run)
    asked = (run / "asked").read_text("utf-8").splitlines()
    assert len(asked) == len(set(asked)) == 80
    whole = write_run(tmp_path / "whole", rows)
    assert judge_run(whole, Judge(model(honest))) == judge_run(run, Judge(model(honest)))
    assert (whole / "judge.jsonl").read_bytes() == (run / "judge.jsonl").read_bytes()
