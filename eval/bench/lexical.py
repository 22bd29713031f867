"""Engines for search by words, beside one another: our own lists, SQLite's FTS5, tantivy and bm25s.

    pip install tantivy bm25s
    python -m firmground.eval.bench.lexical --data DATA --sizes 100000,1000000

Passages are made: five sentences each, drawn (seeded) from the real sentences of DATA's corpora: English ones from
qa/xquad-en, qa/clapnq and qa/worldtree, Chinese ones (as character bigrams) from qa/xquad-zh. So words are as frequent
as in real text, but a sentence comes back far more often than in real life. Questions are real (qa/xquad-en, -zh), with
their stop-words left out. Every engine is given the same tokens, and none stems. Each runs in a process of its own; its
memory is the process's peak less what it was before the index is made. `cpu` is the time of all its threads, which says
more than the clock's where other programs have the cores too. `same ten`: how much of its ten best has a BM25
(k1 = 1.2, b = 0.75, idf ln(1 + (N - n + 0.5) / (n + 0.5)), by brute force, in float64) of at least the tenth best.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np

from firmground.knowledge.lexical import Lexical, telling_terms
from firmground.knowledge.lexical_terms import Stemmer
from firmground.knowledge.text import sentences, terms

ENGINES = ("ours", "fts5", "tantivy", "bm25s")
CORPORA = {"en": ("qa/xquad-en", "qa/clapnq", "qa/worldtree"), "zh": ("qa/xquad-zh",)}
SENTENCES, QUESTIONS, BATCH, K, K1, B = 5, 100, 512, 10, 1.2, 0.75


@dataclass(frozen=True)
class Made:
    """Passage i is the sentences `drawn[i]`, each a list of tokens; `questions` are lists of tokens."""

    pool: list[list[str]]
    drawn: np.ndarray  # (passages, SENTENCES)
    questions: list[list[str]]

    def bodies(self, first: int = 0, last: int | None = None) -> Iterator[str]:
        """The passages' tokens, joined by spaces."""
        joined = [" ".join(tokens) for tokens in self.pool]
        for row in self.drawn[first:last].tolist():
            yield " ".join([joined[place] for place in row])


def made(data: Path, language: str, size: int) -> Made:
    """`size` passages, and BATCH more to be added later. Tokens that an engine would cut (c++, 3.14) are left out."""
    pool: dict[tuple[str, ...], None] = {}
    for folder in CORPORA[language]:
        for line in (data / folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
            text = json.loads(line)["text"]
            for start, end in sentences(text):
                pool[tuple(filter(str.isalnum, terms(text[start:end])))] = None
    kept = [list(tokens) for tokens in pool if len(tokens) >= 3]
    drawn = np.random.default_rng(1).integers(0, len(kept), (size + BATCH, SENTENCES))
    lines = (data / f"qa/xquad-{language}" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in random.Random(1).sample(lines, QUESTIONS)]
    questions = [list(filter(str.isalnum, telling_terms(question))) for question in asked]
    return Made(kept, drawn, [question for question in questions if question])


def brute_force(texts: Made, size: int, question: Sequence[str]) -> np.ndarray:
    """(size,) BM25 of every passage, by the definition."""
    drawn = texts.drawn[:size]
    lengths = np.array([len(tokens) for tokens in texts.pool])[drawn].sum(axis=1)
    scores = np.zeros(size)
    for term in question:
        counts = np.array([tokens.count(term) for tokens in texts.pool])[drawn].sum(axis=1)
        holding = np.count_nonzero(counts)
        rarity = np.log(1 + (size - holding + 0.5) / (holding + 0.5))
        scores += rarity * counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths / lengths.mean()))
    return scores


# Each engine: made over a folder; `add` commits a batch durably, `remove` too; `search` gives the ids of the K best.


class Ours:
    """The store's lists, but not stemmed."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "lists.sqlite", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.lexical, self.live = Lexical(self.connection, Unstemmed()), np.zeros(0, dtype=bool)
        self.lexical.rebuild([])

    def add(self, first: int, bodies: Sequence[str]) -> None:
        self.connection.execute("BEGIN")
        self.lexical.add(range(first, first + len(bodies)), bodies)
        self.connection.execute("COMMIT")
        self.live = np.ones(first + len(bodies), dtype=bool)

    def remove(self, ids: Sequence[int], bodies: Sequence[str]) -> None:
        """As the store does it: nothing is written to the lists, each search is told which rows are."""
        self.live = self.live.copy()
        self.live[list(ids)] = False

    def finish(self) -> None:
        """Nothing is left to be done when a commit returns."""

    def search(self, question: Sequence[str]) -> list[int]:
        return [row for row, _ in self.lexical.search(" ".join(question), K, self.live)]


class Unstemmed(Stemmer):
    """Leaves words as they are."""

    def stems(self, words: Iterable[str]) -> list[str]:
        return list(words)


class Fts5:
    """A contentless table of SQLite's, not stemmed; a question's words joined by OR."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "terms.sqlite", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        tokenizer = "unicode61 remove_diacritics 0"
        self.connection.execute(f"CREATE VIRTUAL TABLE terms USING fts5(body, content='', tokenize='{tokenizer}')")

    def add(self, first: int, bodies: Sequence[str]) -> None:
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT INTO terms(rowid, body) VALUES (?, ?)", enumerate(bodies, first))
        self.connection.execute("COMMIT")

    def remove(self, ids: Sequence[int], bodies: Sequence[str]) -> None:
        rows = list(zip(ids, bodies, strict=True))
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT INTO terms(terms, rowid, body) VALUES ('delete', ?, ?)", rows)
        self.connection.execute("COMMIT")

    def finish(self) -> None:
        """Nothing is left to be done when a commit returns."""

    def search(self, question: Sequence[str]) -> list[int]:
        expression = " OR ".join(f'"{term}"' for term in question)
        sql = "SELECT rowid FROM terms WHERE terms MATCH ? ORDER BY bm25(terms), rowid LIMIT ?"
        return [row[0] for row in self.connection.execute(sql, [expression, K])]


class Tantivy:
    """One writing thread; term frequencies without positions; ids in a column of their own, nothing stored."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        self.tantivy = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("id", indexed=True, fast=True)  # unsigned: 0.27 deletes nothing, and says nothing
        builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
        self.schema = builder.build()
        (folder / "tantivy").mkdir()
        self.index = tantivy.Index(self.schema, path=str(folder / "tantivy"))
        self.writer = self.index.writer(heap_size=64_000_000, num_threads=1)

    def add(self, first: int, bodies: Sequence[str]) -> None:
        for number, body in enumerate(bodies, first):
            document = self.tantivy.Document()
            document.add_integer("id", number)
            document.add_text("body", body)
            self.writer.add_document(document)
        self.writer.commit()

    def remove(self, ids: Sequence[int], bodies: Sequence[str]) -> None:
        for number in ids:
            self.writer.delete_documents_by_term("id", number)
        self.writer.commit()

    def finish(self) -> None:
        """Let the merges end that go on behind the commits, and look at the newest state."""
        self.writer.wait_merging_threads()
        self.writer = self.index.writer(heap_size=64_000_000, num_threads=1)
        self.index.reload()

    def search(self, question: Sequence[str]) -> list[Any]:
        query, occur = self.tantivy.Query, self.tantivy.Occur
        parts = [(occur.Should, query.term_query(self.schema, "body", term, "freq")) for term in question]
        searcher = self.index.searcher()
        # Counting the matches would keep it from skipping those that can't be among the best.
        hits = searcher.search(query.boolean_query(parts), K, count=False).hits
        return searcher.fast_field_values("id", [address for _, address in hits])


class Bm25s:
    """A matrix of scores in memory, computed once: it can't add or remove, only be made anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens: list[list[str]] = []
        self.retriever: Any = None

    def add(self, first: int, bodies: Sequence[str]) -> None:
        self.tokens.extend([intern(token) for token in body.split()] for body in bodies)  # a word is in memory once

    def finish(self) -> None:
        import bm25s

        self.retriever = bm25s.BM25(method="lucene", k1=K1, b=B)
        self.retriever.index(self.tokens, show_progress=False)
        self.retriever.save(str(self.folder / "bm25s"))
        self.tokens = []

    def search(self, question: Sequence[str]) -> list[int]:
        known = [term for term in question if term in self.retriever.vocab_dict]
        if not known:
            return []
        return self.retriever.retrieve([known], k=K, show_progress=False)[0][0].tolist()


def measure(engine: str, data: Path, language: str, size: int) -> dict[str, Any]:
    """One engine's figures, in this process."""
    texts = made(data, language, size)
    before = _peak_mb()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_of: Any = {"ours": Ours, "fts5": Fts5, "tantivy": Tantivy, "bm25s": Bm25s}[engine](folder)
        bodies = texts.bodies(0, size)
        spent = np.zeros(2)
        for first in range(0, size, 10_000):
            batch = [body for _, body in zip(range(min(10_000, size - first)), bodies, strict=False)]
            spent += _spent(lambda first=first, batch=batch: made_of.add(first, batch))  # type: ignore[misc]
        spent += _spent(made_of.finish)
        figures: dict[str, Any] = {"engine": engine, "language": language, "size": size}
        figures["index_s"], figures["index_cpu_s"] = spent.tolist()
        figures["memory_mb"] = _peak_mb() - before
        figures["disk_mb"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        found = [made_of.search(question) for question in texts.questions]  # the files are in memory after that
        waits = [_spent(lambda question=question: made_of.search(question)) for question in texts.questions]  # type: ignore[misc]
        half, most = 1000 * np.percentile(waits, [50, 95], axis=0)  # (2,) each: by the clock, and of CPU
        figures["p50_ms"], figures["p50_cpu_ms"], figures["p95_ms"] = half[0], half[1], most[0]
        if engine != "bm25s":
            new, old = list(texts.bodies(size, size + BATCH)), list(texts.bodies(0, 100))
            figures["add_ms"] = 1000 * _spent(lambda: made_of.add(size, new))[0]
            figures["remove_ms"] = 1000 * _spent(lambda: made_of.remove(range(100), old))[0]
    figures["same_ten"] = _agreement(texts, size, found)
    return figures


def _agreement(texts: Made, size: int, found: Sequence[Sequence[int]]) -> float:
    """Share in [0, 1] of the ten best that were found; equal scores count as equally good."""
    shares = []
    for question, ids in zip(texts.questions, found, strict=True):
        scores = brute_force(texts, size, question)
        best = np.sort(scores[scores > 0])[::-1][:K]
        if len(best):
            shares.append(sum(scores[i] >= best[-1] * (1 - 1e-6) for i in ids) / len(best))
    return float(np.mean(shares))


def _spent(run: Callable[[], object]) -> np.ndarray:
    """(2,) seconds: by the clock, and of CPU."""
    start, cpu = time.perf_counter(), time.process_time()
    run()
    return np.array([time.perf_counter() - start, time.process_time() - cpu])


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, kilobytes elsewhere


def line(figures: dict[str, Any]) -> str:
    """The figures of one engine as a row of the table."""
    cells = [f"{figures['engine']:9}{figures['language']:4}{figures['size']:9}"]
    for name, digits in (("index_s", 1), ("index_cpu_s", 1), ("memory_mb", 0), ("disk_mb", 0), ("p50_ms", 2),
                         ("p95_ms", 2), ("p50_cpu_ms", 2)):  # fmt: skip
        cells.append(f"{figures[name]:11.{digits}f}")
    cells += [f"{figures[name]:11.1f}" if name in figures else f"{'-':>11}" for name in ("add_ms", "remove_ms")]
    return "".join(cells) + f"{figures['same_ten']:11.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/")
    parser.add_argument("--sizes", default="10000,100000", help="passages, separated by commas")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--languages", default="en,zh")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # the one process of one engine
    options = parser.parse_args(arguments)
    if options.alone:
        print(json.dumps(measure(options.engines, options.data, options.languages, int(options.sizes))))
        return
    names = ("index s", "cpu s", "memory MB", "disk MB", "p50 ms", "p95 ms", "p50 cpu ms", f"add {BATCH} ms",
             "del 100 ms", "same ten")  # fmt: skip
    print(f"{'engine':9}{'':4}{'passages':>9}" + "".join(f"{name:>11}" for name in names), flush=True)
    for size in options.sizes.split(","):
        for language in options.languages.split(","):
            for engine in options.engines.split(","):
                if engine not in ("ours", "fts5") and find_spec(engine) is None:
                    print(f"{engine}: not measured; pip install {engine}")
                    continue
                command = [sys.executable, "-m", "firmground.eval.bench.lexical", "--alone", "--data", options.data]
                command += ["--sizes", size, "--engines", engine, "--languages", language]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                print(line(json.loads(done.stdout)), flush=True)


if __name__ == "__main__":
    main()
