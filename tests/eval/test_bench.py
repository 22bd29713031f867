"""The benches: that they run, measure the same thing on both sides, and score a peer as they score us."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from firmground.eval.bench import index
from firmground.eval.bench.peer import peer_rows, table
from firmground.eval.types import Outcome


def test_the_index_bench_finds_what_brute_force_finds(tmp_path: Path) -> None:
    """Every side in its own processes; LangChain's is left out without a Python that has it."""
    lines = index.measure(300, tmp_path)
    assert lines[0] == "300 passages (made, of 80 words), 200 questions, 1 rounds, 10 hits"
    assert lines[1].split() == ["raw", "raw", "words", "firmground"]
    assert {line.split()[0]: line.split()[1:] for line in lines[2:10]}["recall@10"] == ["1", "1", "1"]
    assert lines[-1].startswith("15 long documents, 300 passages: firmground splits and adds ")


def test_the_index_table_by_hand(tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text('["a", "b"]', "utf-8")
    axes = np.eye(12, dtype=np.float32)
    np.save(tmp_path / "vectors.npy", axes)
    np.save(tmp_path / "queries.npy", axes[:1] + np.linspace(0.5, 0.05, 12, dtype=np.float32))  # row i is the i-th best

    def result(add: float, found: list[int]) -> dict:
        measured = {"add": add, "save": 1.0, "peak": 1e6, "open": 0.5, "search": 0.002, "memory": 4e6, "hybrid": 0.01}
        return {**measured, "cpu": 3e-5 * (add + 1.0), "found": [found]}

    ours = [result(1.0, list(range(10))), result(3.0, [*range(9), 11])]
    assert index.recalls(tmp_path, ours) == [1.0, 0.9]
    assert index.recalls(tmp_path, [result(1.0, [0, 0, 0])]) == [0.1]  # the same row thrice is one
    lines = index.table({"raw": [result(0.0, []), result(0.0, [])], "firmground": ours}, tmp_path)
    # 2 passages in 1 s by raw; in 2 and in 4 s by us: half and a quarter of its rate.
    assert lines[1].split() == ["add", "and", "save,", "passages/s", "2", "0.75"]
    assert lines[2].split()[-2:] == ["15", "45"]  # of ours 30 and 60 µs a passage
    assert lines[-1].startswith("firmground to raw: rate of add and save 0.38 [0.25, 0.50] (more is better); ")
    assert lines[-1].endswith("memory open 1.00 [1.00, 1.00] (less is)")
    assert index.ratio([1.0, 2.0, 9.0], [2.0, 2.0, 2.0]) == "1.00 [0.50, 4.50]"


def outcome(name: str, arm: str, answer: str, gold: str, seconds: float) -> Outcome:
    return Outcome(name, arm, "?", answer, False, answers=(gold,), timing={"seconds": seconds})


def test_a_peer_is_scored_as_we_are(tmp_path: Path) -> None:
    ours = [
        outcome("1", "plain", "no", "Andrew Jackson", 1.0),
        outcome("1", "augmented", "Andrew Jackson", "Andrew Jackson", 1.0),
        outcome("2", "plain", "no", "早期", 1.0),
        outcome("2", "augmented", "早期", "早期", 1.0),
        outcome("3", "augmented", "not asked of the peer", "x", 9.0),
    ]
    rows = [
        {"id": "1", "plain": "Andrew Jackson", "augmented": "It was Andrew Jackson", "plain_s": 2, "augmented_s": 8},
        {"id": "2", "plain": "no", "augmented": "no", "plain_s": 2, "augmented_s": 8},
    ]
    path = tmp_path / "peer.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    lines = table(ours, peer_rows(path))
    assert lines[0].endswith("n=2")
    figures = {line[:16].strip(): line[16:].split()[0] for line in lines[1:5]}
    # Peer augmented on the first: precision 2/4, recall 1, so F1 2/3; nothing on the second: 33.3 in all.
    assert figures == {"plain": "0.0", "augmented": "100.0", "peer plain": "50.0", "peer augmented": "33.3"}
    assert "augmented: 8.0 times" in lines[-2]
    assert "plain and augmented: 5.0 times" in lines[-1]
