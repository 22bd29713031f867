"""The knowledge base beside FAISS and SQLite alone and LangChain's FAISS store: adding, memory, opening, searching.

    python -m firmground.eval.bench.index --data DATA --real real.npz --python PEER/bin/python

Each side adds the same ready passages and vectors in a process of its own, and opens and searches them in another; the
sides take turns, and a ratio is taken within a round (the median of the rounds stands, the least and the most beside
it). Passages and vectors are DATA's real ones, encoded once by the default encoder and kept in --real; what is asked
for beyond them is recombined as in `scale`. Without --data they are made: texts of 80 made-up words by Zipf's law,
vectors around 200 centres. Encoding isn't in these figures (see `encoder`).

"raw" is what one writes by hand: a flat index of FAISS in memory, texts in a table of SQLite, a commit every 512;
"raw words" has an FTS5 table beside it, as our base always can be searched by words. "langchain" is the FAISS store of
langchain-community, run by --python, the Python of an environment that has it and faiss-cpu (left out without one).
What firmground has added is on the disk for good after every batch, of raw the texts alone, of LangChain nothing before
it is saved. CPU is the time of all threads, which says more than the clock's where other programs have the cores too.
Memory is what the process has more than before, mapped files' pages included. Recall is against brute force. Long
documents: firmground splits them, raw is given the passages that came of it.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.bench import index_worker
from firmground.eval.bench.index_worker import BATCH, K
from firmground.knowledge.chunk import CHARACTERS_PER_TOKEN, MAX_TOKENS
from firmground.knowledge.errors import FirmgroundError
from firmground.knowledge.text import sentences

__all__ = ["BATCH", "QUESTIONS", "Handed", "K", "made_texts", "made_vectors"]

DIMENSION, CENTRES, QUESTIONS, WORDS_EACH = 384, 200, 200, 80
SIMILAR = 1e-6  # of a cosine in float32: a passage as near as the last of the true ones is as right
SPARE = 1_000  # texts are recombined in excess, since a few come twice
LONG = 20  # passages make a long document
Result = dict[str, Any]


def made_vectors(count: int, seed: int) -> np.ndarray:
    """(count, DIMENSION) float32 unit rows around centres that all seeds share."""
    centres = np.random.default_rng(0).normal(size=(CENTRES, DIMENSION))
    generator = np.random.default_rng(seed)
    rows = centres[generator.integers(0, CENTRES, count)] + 0.7 * generator.normal(size=(count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made_texts(count: int, words: int, seed: int) -> list[str]:
    """Texts of made-up words, the i-th most frequent drawn with weight 1/i."""
    chance = random.Random(seed)
    vocabulary = [f"{a}{b}{c}" for a in ("ba", "ko", "mi", "tru", "sle", "gna") for b in "aeiou" for c in range(200)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    return [" ".join(chance.choices(vocabulary, weights, k=words)) for _ in range(count)]


class Handed:
    """An encoder that hands out vectors made before: passages in the order they come, questions by their text."""

    name = fingerprint = "made"
    dimension, languages, max_tokens = DIMENSION, ("*",), 10**6

    def __init__(self, vectors: np.ndarray, questions: dict[str, np.ndarray]) -> None:
        self.vectors, self.questions, self.given = vectors, questions, 0

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        if query:
            return np.stack([self.questions[text] for text in texts])
        self.given += len(texts)
        return self.vectors[self.given - len(texts) : self.given]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [1] * len(texts)


# What is added and asked.


def write_made(folder: Path, count: int) -> str:
    """`count` made passages with questions, as the worker reads them; says what they are."""
    _write(folder, made_texts(count, WORDS_EACH, 1), made_vectors(count, 1), made_texts(QUESTIONS, 6, 2),
           made_vectors(QUESTIONS, 2))  # fmt: skip
    return f"made, of {WORDS_EACH} words"


def write_real(folder: Path, count: int, data: Path, file: Path) -> str:
    """`count` real passages, recombined ones after them where they don't suffice; says what they are."""
    from firmground.eval.bench.scale import (
        NEIGHBOURS,
        neighbours,
        real_texts,
        real_vectors,
        recombined,
        recombined_texts,
    )

    distinct, questions = real_vectors(file, data)  # encodes them where the file isn't there
    vectors, texts = np.load(file)["passages"], list(dict.fromkeys(real_texts(data, "corpus")))
    if len(texts) != len(vectors):
        raise FirmgroundError(f"{file} has {len(vectors)} vectors, {data} {len(texts)} passages: delete {file}")
    asked = real_texts(data, "questions")
    drawn = np.random.default_rng(3).permutation(len(questions)).tolist()
    chosen = list({asked[place]: place for place in drawn}.values())[:QUESTIONS]  # each question once
    places = {text.strip(): place for place, text in enumerate(texts)}  # what comes twice would be encoded once
    short = [place for text, place in places.items() if len(text) <= MAX_TOKENS * CHARACTERS_PER_TOKEN]  # a passage
    order = np.random.default_rng(4).permutation(short)[:count]
    vectors, texts = vectors[order], [texts[place].strip() for place in order]
    if (more := count - len(texts)) > 0:
        _, near = neighbours(distinct, distinct, NEIGHBOURS + 1)
        vectors = np.concatenate([vectors, recombined(distinct, near, more, seed=0)])
        pool = [text[start:end] for text in texts for start, end in sentences(text)]
        room = MAX_TOKENS * CHARACTERS_PER_TOKEN  # what is longer would be split, and vectors go to other passages
        made = [text[:room].strip() for text in recombined_texts(pool, more + SPARE, seed=0)]
        texts = list(dict.fromkeys(texts + made))[:count]
    _write(folder, texts, vectors, [asked[place] for place in chosen], questions[chosen])
    return "real" if more <= 0 else f"{count - more} real, the others recombined"


def _write(folder: Path, texts: list[str], vectors: np.ndarray, asked: list[str], queries: np.ndarray) -> None:
    (folder / "texts.json").write_text(json.dumps(texts, ensure_ascii=False), "utf-8")
    (folder / "asked.json").write_text(json.dumps(asked, ensure_ascii=False), "utf-8")
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "queries.npy", queries)


# Taking turns.


def work(python: str, side: str, step: str, folder: Path) -> Result:
    """What the worker measured. Raises FirmgroundError with its last line where it failed."""
    command = [python, "-P", index_worker.__file__, side, step, str(folder)]  # -P: our files aren't its modules
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise FirmgroundError(f"{side}, {step}: {(done.stderr.strip().splitlines() or ['it was killed'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def rounds_of(folder: Path, count: int, pythons: dict[str, str]) -> dict[str, list[Result]]:
    """By side, a result a round: what "add", "use" and (ours) "hybrid" gave."""
    found: dict[str, list[Result]] = {side: [] for side in pythons}
    for _ in range(count):
        for side, python in pythons.items():
            result = {**work(python, side, "add", folder), **work(python, side, "use", folder)}
            if side == "firmground":
                result["hybrid"] = work(python, side, "hybrid", folder)["search"]
            found[side].append(result)
            shutil.rmtree(folder / side.replace(" ", "-"))
    return found


def long_documents(folder: Path, count: int) -> dict[str, list[Result]]:
    """The same texts as documents of `LONG` passages, split by us; added by raw as passages."""
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    long = folder / "long"
    long.mkdir()
    documents = ["\n\n".join(texts[first : first + LONG]) for first in range(0, len(texts), LONG)]
    (long / "documents.json").write_text(json.dumps(documents, ensure_ascii=False), "utf-8")
    np.save(long / "pool.npy", np.tile(np.load(folder / "vectors.npy"), (2, 1)))
    found: dict[str, list[Result]] = {"firmground": [], "raw": [], "raw words": []}
    for _ in range(count):
        for side, results in found.items():
            results.append(work(sys.executable, side, "long" if side == "firmground" else "add", long))
            shutil.rmtree(long / side.replace(" ", "-"))
    return found


# What is printed.


def table(found: dict[str, list[Result]], folder: Path) -> list[str]:
    """A line for each measure with every side's median, then our ratios to each other side."""
    passages = len(json.loads((folder / "texts.json").read_text("utf-8")))
    columns = {
        "add and save, passages/s": {
            side: [passages / (r["add"] + r["save"]) for r in rs] for side, rs in found.items()
        },
        "CPU to add and save, µs a passage": {
            side: [1e6 * r["cpu"] / passages for r in rs] for side, rs in found.items()
        },
        "memory while adding, MB": {side: [r["peak"] / 1e6 for r in rs] for side, rs in found.items()},
        "save or close, s": {side: [r["save"] for r in rs] for side, rs in found.items()},
        "open and first search, s": {side: [r["open"] for r in rs] for side, rs in found.items()},
        "search, p50 ms": {side: [1000 * r["search"] for r in rs] for side, rs in found.items()},
        "memory open, MB": {side: [r["memory"] / 1e6 for r in rs] for side, rs in found.items()},
        f"recall@{K}": {side: recalls(folder, rs) for side, rs in found.items()},
    }
    lines = [" " * 34 + "".join(f"{side:>13}" for side in found)]
    for name, values in columns.items():
        lines.append(f"{name:<34}" + "".join(f"{statistics.median(each):>13.4g}" for each in values.values()))
    hybrid = 1000 * statistics.median(r["hybrid"] for r in found["firmground"])
    lines.append(f"firmground's hybrid search, by words too: p50 {hybrid:.3g} ms")
    for side in found:
        if side != "firmground":
            parts = [
                f"{name.partition(',')[0]} {ratio(values['firmground'], values[side])}"
                for name, values in columns.items()
                if "recall" not in name
            ]
            lines.append(f"firmground to {side}: rate of {parts[0]} (more is better); {'; '.join(parts[1:])} (less is)")
    return lines


def long_table(found: dict[str, list[Result]], documents: int) -> list[str]:
    passages = found["firmground"][0]["passages"]
    rates = {side: [passages / (r["add"] + r["save"]) for r in rs] for side, rs in found.items()}
    return [
        f"{documents} long documents, {passages} passages: firmground splits and adds "
        f"{statistics.median(rates['firmground']):.0f} passages/s, "
        + ", ".join(
            f"{ratio(rates['firmground'], rates[side])} of {side} (ready passages)" for side in ("raw", "raw words")
        )
    ]


def ratio(ours: Sequence[float], others: Sequence[float]) -> str:
    """Round by round: the median, and the least and the most."""
    ratios = [one / other for one, other in zip(ours, others, strict=True)]
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def recalls(folder: Path, results: Sequence[Result]) -> list[float]:
    """The share of the K nearest by brute force that was found; one that is as near as the last of them is as right."""
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    scores = queries @ vectors.T
    least = np.partition(scores, -K, axis=1)[:, -K]
    return [
        float(np.mean([
            len({row for row in rows if scores[place, row] >= least[place] - SIMILAR}) / K
            for place, rows in enumerate(result["found"])
        ]))
        for result in results
    ]  # fmt: skip


def measure(
    count: int, folder: Path, rounds: int = 1, peer: str = "", real: tuple[Path, Path] | None = None
) -> list[str]:
    """The lines printed for one size; `real` is the folder of data and the file of its vectors."""
    kind = write_real(folder, count, *real) if real else write_made(folder, count)
    pythons = {side: sys.executable for side in index_worker.SIDES if side != "langchain"}
    if peer:
        pythons = {side: peer if side == "langchain" else sys.executable for side in index_worker.SIDES}
    lines = table(rounds_of(folder, rounds, pythons), folder)
    long = long_table(long_documents(folder, rounds), -(-count // LONG))
    return [f"{count} passages ({kind}), {QUESTIONS} questions, {rounds} rounds, {K} hits", *lines, *long]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,50000", help="numbers of passages, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder of the real sets")
    parser.add_argument("--real", type=Path, default=Path("scale-real.npz"), help="their vectors, kept between runs")
    parser.add_argument("--python", default="", help="Python that has langchain-community and faiss-cpu")
    arguments = parser.parse_args()
    for size in arguments.sizes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            real = (arguments.data, arguments.real) if arguments.data else None
            print("\n".join(measure(int(size), Path(folder), arguments.rounds, arguments.python, real)), flush=True)


if __name__ == "__main__":
    main()
