"""The commonsense bench: what it counts, by hand, from the rows of a run."""

from __future__ import annotations

import numpy as np
import pytest

from firmground.eval.bench.commonsense import accuracies, even, lines, nats, recovered, report
from firmground.eval.types import Outcome


def row(name: str, arm: str, scores: list[tuple[float, float | None]]) -> Outcome:
    """A question with the choices a, b …, of which a is right; for each its PMI and its link."""
    choices = tuple(
        {"text": text, "log_probability": told, "prior": 0.0, **({} if link is None else {"link": link})}
        for text, (told, link) in zip("abc", scores, strict=False)
    )
    return Outcome(name, arm, "?", "a", False, metadata={"answer": "a"}, choices=choices)


def rows() -> list[Outcome]:
    return [
        row("1", "plain", [(-1.0, None), (-2.0, None)]),  # right
        row("2", "plain", [(-2.0, None), (-1.0, None)]),
        row("1", "augmented", [(-2.0, 2.5), (-1.0, 0.0)]),  # the facts shown mislead, the chain corrects
        row("2", "augmented", [(-2.0, 1.0), (-1.0, 1.5)]),  # no chain is clear; the better one is wrong
        row("1", "oracle", [(-1.0, 2.8), (-2.0, 0.0)]),
        row("2", "oracle", [(-2.0, 2.8), (-1.0, 0.0)]),
    ]


def test_what_each_way_gets_right() -> None:
    found = {way: values.tolist() for way, values in accuracies(rows()).items()}
    assert found == {
        "plain": [1, 0],
        "shown": [0, 0],
        "chains": [1, 0],
        "augmented": [1, 0],
        "gold shown": [1, 0],
        "oracle": [1, 1],
    }
    half = accuracies([one for one in rows() if one.arm != "oracle" and one.id == "1"])
    assert list(half) == ["plain", "shown", "chains", "augmented"]
    tied = [row("1", "plain", [(-1.0, None)] * 2), row("1", "augmented", [(-1.0, 0.0)] * 2)]
    assert accuracies(tied)["chains"].tolist() == [0]  # nothing told apart is nothing right


def test_what_is_printed() -> None:
    printed = report("Set", accuracies(rows()), 100.0, "% right")
    assert printed[0] == "Set, n = 2"
    assert "broke 1 of the 1 that plain had right, 100.00" in next(line for line in printed if "shown  " in line)
    assert "broke 0 of the 1 that plain had right, 0.00" in next(line for line in printed if "augmented  " in line)
    assert any(line.startswith("  augmented − chains:   0.00") or "− chains: 0.00" in line for line in printed)
    assert printed[-1].startswith("  augmented recovers 0% [0, 0] of what oracle gains")
    odd = [one for one in rows() if not even(one.id)]
    assert even("2") != even("1") or len(odd) in (0, 6)


def test_the_share_recovered() -> None:
    plain, augmented, oracle = np.zeros(4), np.array([1.0, 1, 0, 0]), np.array([1.0, 1, 1, 1])
    share, low, high = recovered(plain, augmented, oracle)
    assert share == 0.5
    assert 0 <= low < 0.5 < high <= 1
    with pytest.raises(ValueError, match="gain nothing"):
        recovered(oracle, augmented, oracle)


def test_nats_per_character() -> None:
    choices = ({"text": "four", "log_probability": -2.0, "prior": None},)
    told = [Outcome("1", arm, "?", "", False, choices=choices) for arm in ("plain", "oracle")]
    assert {arm: values.tolist() for arm, values in nats(told).items()} == {"plain": [-0.5], "oracle": [-0.5]}
    other = [Outcome("1", "augmented", "?", "", False, choices=({**choices[0], "log_probability": -1.0},))]
    better = [Outcome("1", "oracle", "?", "", False, choices=({**choices[0], "log_probability": 0.0},))]
    printed = lines("WorldTree", [told[0], *other, *better])
    assert printed[0] == "WorldTree, n = 1"
    assert printed[-1].startswith("  augmented recovers 50%")
