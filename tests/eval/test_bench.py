"""The benches: that they run, measure the same thing on both sides, and score a peer as they score us."""

from __future__ import annotations

import json
from pathlib import Path

from firmground.eval.bench.index import measure
from firmground.eval.bench.peer import peer_rows, table
from firmground.eval.types import Outcome


def test_the_index_bench_finds_what_brute_force_finds(tmp_path: Path) -> None:
    lines = measure(300, tmp_path)
    assert lines[3] == "recall@10 against brute force: 1.0000"
    assert len(lines) == 5


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
