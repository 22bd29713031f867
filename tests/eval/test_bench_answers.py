"""The table of answers: arms at equal coverage by hand, and what is printed of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from firmground.eval.bench import answers as bench
from firmground.eval.bench.answers import at_equal_coverage, differences, main
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError


def row(name: str, arm: str, wrong: float, confidence: float | None, abstained: bool = False) -> Outcome:
    scores = {"hallucination": wrong, "f1": 1 - wrong, "right": 1 - wrong, "abstained": float(abstained)}
    return Outcome(
        name, arm, "?", "x", abstained, scores=scores, confidence=confidence, cluster=f"d{name}",
        timing={"seconds": 0.5},
    )  # fmt: skip


def rows(arm: str, wrong: str, confidence: list[float]) -> dict[str, Outcome]:
    """A question each: "1" in `wrong` where it was answered wrongly."""
    pairs = zip(wrong, confidence, strict=True)
    return {str(i): row(str(i), arm, float(one), sure) for i, (one, sure) in enumerate(pairs)}


def test_equal_coverage_by_hand() -> None:
    """First keeps questions 0 and 1, one of them wrong; second keeps 2 and 3, none wrong. Over all: 3 and 2 of 4."""
    first = rows("plain", "0111", [0.9, 0.8, 0.2, 0.1])
    second = rows("augmented", "1100", [0.1, 0.2, 0.8, 0.9])
    everything, reached = at_equal_coverage(first, second, "hallucination", 1.0)
    assert (everything.value, reached) == (pytest.approx(-1 / 4), 1.0)
    half, reached = at_equal_coverage(first, second, "hallucination", 0.5)
    assert (half.value, reached) == (pytest.approx(-1 / 2), 0.5)
    assert at_equal_coverage(first, second, "f1", 0.5)[0].value == pytest.approx(1 / 2)
    assert at_equal_coverage(first, second, "unknown", 0.5)[0].value is None
    quarter = at_equal_coverage(first, second, "hallucination", 0.25)[0]
    assert quarter.low is not None
    assert quarter.low >= -1.0  # a difference of two rates


def test_nobody_covers_more_than_it_answered() -> None:
    """Second declined one of four, so both keep three: the first leaves out its least sure one, a wrong one."""
    first = rows("plain", "0111", [0.9, 0.8, 0.2, 0.1])
    second = rows("augmented", "1100", [0.1, 0.2, 0.8, 0.9])
    second["1"] = row("1", "augmented", 0.0, None, abstained=True)
    found, reached = at_equal_coverage(first, second, "hallucination", 1.0)
    assert reached == 0.75
    assert found.value == pytest.approx((1 - 2) / 3)
    none = {name: row(name, "augmented", 0.0, None, abstained=True) for name in first}
    assert at_equal_coverage(first, none, "hallucination", 1.0) == (at_equal_coverage({}, {}, "f1", 1.0)[0], 0.0)


def test_an_arm_without_confidence_is_not_compared() -> None:
    arms = {
        "plain": rows("plain", "11", [0.5, 0.5]),
        "augmented": rows("augmented", "00", [0.5, 0.5]),
        "extractive": {"0": row("0", "extractive", 0.0, None), "1": row("1", "extractive", 1.0, None)},
    }
    (line,) = differences("mine", arms, 0.5)
    assert line.startswith("| mine | augmented − plain | +100.0 [")
    assert "-100.0 [" in line


def test_the_table_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    outcomes = [*rows("plain", "1110", [0.5] * 4).values(), *rows("augmented", "1000", [0.5] * 4).values()]
    (run / "outcomes.jsonl").write_text("".join(json.dumps(asdict(one)) + "\n" for one in outcomes), encoding="utf-8")
    main([str(run)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[2].startswith("| run | plain | 4 | – | 25.0 [")
    assert printed[3].startswith("| run | augmented | 4 | – | 75.0 [")
    assert printed[3].endswith("| 0.0 | 0.50 |")
    assert printed[-1].startswith("| run | augmented − plain | +50.0 [")


@pytest.mark.parametrize(
    "given", [[], ["--sets", "nowhere"], ["--sets", "clapnq"], ["nowhere"], ["x", "--coverage", "2"]]
)
def test_wrong_input_is_told(given: list[str]) -> None:
    with pytest.raises(InputError, match=r"expected runs|no outcomes\.jsonl|--coverage"):
        main(given)


def test_reported_questions_alone_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def compare(assistant, examples, arms, out, **_):
        seen.update(examples=list(examples), arms=[arm.name for arm in arms], out=out)

    monkeypatch.setattr(bench, "compare", compare)
    monkeypatch.setattr(bench, "base_folder", lambda name: tmp_path)
    monkeypatch.setattr(bench.Assistant, "load", lambda base, generator: None)
    options = type(
        "Options",
        (),
        {"data": tmp_path, "out": tmp_path, "limit": 5, "arms": "plain", "arms_file": None, "generator": "g"},
    )()
    assert bench.ask("commonsense-zh", options) == tmp_path / "commonsense-zh"
    assert seen["arms"] == ["plain"]
    assert len(seen["examples"]) == 5
    assert seen["examples"] == bench.reported(bench.load_questions("commonsense-zh"), 5)
