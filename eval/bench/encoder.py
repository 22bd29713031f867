"""Encoding: stock sentence-transformers, our batching of it, and ONNX in 32 and 8 bits, in one run.

    OMP_NUM_THREADS=2 python -m firmground.eval.bench.encoder --model all-MiniLM-L6-v2 --texts corpus.jsonl
    python -m firmground.eval.bench.encoder --device cuda --texts corpus.jsonl --passages 12000

On a GPU: stock as it comes, stock in half precision, and ours.

The contestants take turns (A B C D, A B C D …) on the same texts, so that whatever else loads the machine slows all of
them; a figure is the median of its rounds. "Stock" is `SentenceTransformer.encode` as people call it: its own sorting
by characters, 32 texts a batch. Cosines are to stock's vectors. Texts: a JSONL file with `text` (and `title`) a line,
by default the commonsense packs; the model's weights are fetched before (`firmground weights NAME`).
"""

from __future__ import annotations

import argparse
import importlib.resources
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from firmground.knowledge import weights
from firmground.knowledge.encode import INT8, SentenceEncoder, load_reference
from firmground.knowledge.errors import InputError

PACKS = ("commonsense-en.jsonl", "commonsense-zh.jsonl")
WARM_UP = 32  # texts that each contestant encodes before anything is timed


@dataclass
class Contestant:
    """One way to encode: its seconds, round by round, and its vectors."""

    name: str
    encode: Callable[[list[str]], np.ndarray]
    seconds: list[float] = field(default_factory=list)
    vectors: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))


def read_texts(path: Path | None, limit: int) -> list[str]:
    """The first `limit` texts, titles before them. Raises InputError where a line has no text."""
    found: list[str] = []
    folder = Path(str(importlib.resources.files("firmground.knowledge") / "packs"))
    for source in [path] if path else [folder / name for name in PACKS]:
        lines = source.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                raise InputError(f"{source}, line {number}: expected an object with a text, got {line[:60]!r}")
            title = str(row.get("title") or "").strip()
            found.append(f"{title}\n{row['text']}" if title and title not in row["text"] else row["text"])
    return list(islice(dict.fromkeys(found), limit))  # distinct, so that nobody gains by encoding equal texts once


def stock(model: str, device: str, half: bool = False) -> Callable[[list[str]], np.ndarray]:
    """`SentenceTransformer.encode` as people call it."""
    reference = load_reference(weights.resolve(model), device)
    if half:
        reference.half()

    def encode(texts: list[str]) -> np.ndarray:
        found = reference.encode_document(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    return encode


def contestants(model: str, device: str) -> list[Contestant]:
    """Stock first: the others are compared to it."""
    if device != "cpu":
        return [
            Contestant("stock", stock(model, device)),
            Contestant("stock, half", stock(model, device, half=True)),
            Contestant("ours, half", SentenceEncoder(model, device).encode),
        ]
    warm = SentenceEncoder(model, "cpu")
    _ = warm.model  # as while indexing: ONNX, or bfloat16 where the CPU has units for it
    return [
        Contestant("stock", stock(model, "cpu")),
        Contestant("ours, torch", SentenceEncoder(model, "cpu", backend="torch").encode),
        Contestant("ours, ONNX", SentenceEncoder(model, "cpu", backend="onnx").encode),
        Contestant("ours, default", warm.encode),
        Contestant("ours, ONNX int8", SentenceEncoder(model + INT8, "cpu").encode),
    ]


def race(found: Sequence[Contestant], texts: list[str], rounds: int, clock: Callable[[], float]) -> None:
    """Let them take turns, `rounds` times; fills in their seconds and vectors."""
    for contestant in found:
        contestant.encode(texts[:WARM_UP])
    for _ in range(rounds):
        for contestant in found:
            start = clock()
            contestant.vectors = contestant.encode(texts)
            contestant.seconds.append(clock() - start)


def table(found: Sequence[Contestant], count: int) -> list[str]:
    """The lines printed: rate, its ratio to the first (median of the rounds' ratios), and cosine to its vectors."""
    first = found[0]
    lines = [f"{'':<16} {'passages/s':>10} {'ratio':>6} {'[rounds]':>14} {'cosine min':>11} {'mean':>9}"]
    for contestant in found:
        rate = count / statistics.median(contestant.seconds)
        ratios = [mine / other for mine, other in zip(first.seconds, contestant.seconds, strict=True)]
        spread = f"[{min(ratios):.2f}, {max(ratios):.2f}]"
        cosines = np.sum(contestant.vectors.astype(np.float64) * first.vectors, axis=1)
        lines.append(
            f"{contestant.name:<16} {rate:>10.1f} {statistics.median(ratios):>6.2f} {spread:>14} "
            f"{cosines.min():>11.6f} {cosines.mean():>9.6f}"
        )
    return lines


def computer(device: str) -> str:
    """What computes there, in words: "2 threads", or the GPU's name."""
    import torch

    return f"{torch.get_num_threads()} threads" if device == "cpu" else torch.cuda.get_device_name(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="a JSONL file; by default the commonsense packs")
    parser.add_argument("--model", default=weights.DEFAULT_ENCODER)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1")
    parser.add_argument("--passages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    texts = read_texts(arguments.texts, arguments.passages)
    found = contestants(arguments.model, arguments.device)
    race(found, texts, arguments.rounds, time.perf_counter)
    letters = sum(map(len, texts)) / len(texts)
    print(
        f"{weights.label(arguments.model)}, {len(texts)} passages of {letters:.0f} characters on average, "
        f"{computer(arguments.device)}, {arguments.rounds} rounds"
    )
    print("\n".join(table(found, len(texts))))


if __name__ == "__main__":
    main()
