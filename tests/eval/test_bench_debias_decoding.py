"""The receipt of debiasing at decoding: what it prints, and the cost over a whole set, by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmground.eval.bench.debias_decoding import SETS, cost, main, table
from firmground.knowledge.errors import InputError

ASKED = {  # the question: the choice that the model below finds likeliest as it stands; the right one
    "My brother broke a leg, what does he need?": ("a cast", "a cast"),
    "My sister broke a leg, what does she need?": ("a dress", "a cast"),
    "What floats?": ("iron", "ice"),
    "What sinks?": ("iron", "iron"),
}


class Telling:
    """Finds a brother's cast far likelier than a sister's dress."""

    name, completes = "telling", True

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def score_batch(self, prompts: Sequence[Any], continuations: Sequence[str]) -> list[np.ndarray]:
        self.prompts += prompts
        return [np.array([self._nats(str(p), text.strip())]) for p, text in zip(prompts, continuations, strict=True)]

    def _nats(self, prompt: str, text: str) -> float:
        for question, (likely, _) in ASKED.items():
            if question in prompt:
                return (-1.0 if "brother" in question else -3.0) if text == likely else -9.0
        return -1.0  # the priors


def _questions(folder: Path) -> Path:
    rows = [
        {
            "id": str(number),
            "question": {
                "stem": question,
                "question_concept": "x",
                "choices": [{"label": label, "text": text} for label, text in zip("ABCD", CHOICES, strict=True)],
            },
            "answerKey": "ABCD"[CHOICES.index(right)],
        }
        for number, (question, (_, right)) in enumerate(ASKED.items())
    ]
    path = folder / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


CHOICES = ("a cast", "a dress", "iron", "ice")


def test_the_cost_over_a_whole_set(tmp_path: Path) -> None:
    generator: Any = Telling()
    twice, whole = cost("commonsenseqa", _questions(tmp_path), generator, 0)
    assert (twice.rows, twice.before.n, twice.before.value, twice.after.value) == ("read twice", 2, 0.5, 1.0)
    assert whole.change is not None
    assert (whole.rows, whole.change.n, whole.change.value) == ("all 4", 4, 0.25)  # the other two stay as they are
    assert not any("What floats?" in prompt for prompt in generator.prompts)
    (only,) = cost("commonsenseqa", _questions(tmp_path), generator, 1)
    assert only.before.n == 1  # not all of them: nothing is said of the whole set
    lines = table([twice, whole])
    assert lines[1].split()[6].startswith("0.500")
    assert lines[2].split()[6:8] == ["–", "–"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("firmground.eval.bench.debias_decoding.load_generator", lambda name: Telling())
    monkeypatch.setitem(SETS, "commonsenseqa", "questions.jsonl")
    _questions(tmp_path)
    out = tmp_path / "effects.jsonl"
    main(["--data", str(tmp_path), "--sets", "commonsenseqa", "--limit", "0", "--out", str(out)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split()[:3] == ["set", "rows", "measure"]
    assert len(printed) == 3
    assert [json.loads(line)["rows"] for line in out.read_text().splitlines()] == ["read twice", "all 4"]
    with pytest.raises(InputError, match="no set 'bbq'; the sets are: crows-pairs"):
        main(["--data", str(tmp_path), "--sets", "bbq"])
