"""The reasons benchmark: its table from rows made by hand, the citation's sentence, and a run on two tiny sets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from firmground.eval.bench import reasons as bench
from firmground.rag.explain.types import Source
from firmground.rag.types import Answer, Citation, Claim

ROWS = [
    {
        "id": "a", "passage": "p", "drops": [4.0, 1.0, 0.0],
        "leave-one-out": {"top": 0, "lds": 1.0, "agreement": None},
        "contextcite": {"top": 0, "lds": 0.5, "agreement": 1.0},
        "attention": {"top": 2, "lds": -0.5, "agreement": -1.0}, "citation": {"top": None},
    },
    {
        "id": "b", "passage": "q", "drops": [1.0, 3.0],
        "leave-one-out": {"top": 1, "lds": 0.5, "agreement": None},
        "contextcite": {"top": 1, "lds": 0.5, "agreement": None},
        "attention": {"top": 1, "lds": 0.5, "agreement": None}, "citation": {"top": 1},
    },
]  # fmt: skip


def test_the_table_sets_the_named_sentence_beside_the_others():
    head, columns, *table = bench.lines("en", ROWS)
    assert head.startswith("XQuAD en, n = 2, paragraphs: 2;")
    assert columns.split()[0] == "n"
    figures = {line.split()[0]: line.split() for line in table}
    assert list(figures) == ["leave-one-out", "contextcite", "attention", "citation"]
    # named: (4 + 3) / 2; another: (0.5 + 1) / 2; difference: (3.5 + 2) / 2
    assert [figures["leave-one-out"][i] for i in (1, 2, 5, 8)] == ["2", "3.50", "0.75", "2.75"]
    # attention: (0 + 3) / 2; (2.5 + 1) / 2; (-2.5 + 2) / 2
    assert [figures["attention"][i] for i in (1, 2, 5, 8)] == ["2", "1.50", "1.75", "-0.25"]
    assert figures["citation"][1:3] == ["1", "3.00"]


def test_a_citation_names_the_sentence_it_overlaps_most():
    sources = [Source("x" * 10, 0, 10, "d", 0, 0), Source("y" * 10, 11, 21, "d", 0, 11)]

    def judged(*spans: tuple[int, int]) -> Answer:
        citations = tuple(Citation("d", 0, start, end, "") for start, end in spans)
        return Answer("q", "a", "oracle", claims=(Claim("a", 0, 1, citations=citations),))

    assert bench.cited(judged((5, 20)), sources) == 1
    assert bench.cited(judged((0, 12), (11, 21)), sources) == 0
    assert bench.cited(judged((30, 40)), sources) is None
    assert bench.cited(judged(), sources) is None


TEXTS = {
    "en": "Ice floats on water. The cat sat on a mat. Salt melts ice when it freezes.",
    "zh": "冰浮在水面上。猫坐在垫子上。盐能融化冰。",
}


def test_a_run_keeps_its_rows_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from firmground.rag.generate import TransformersGenerator
    from tests.rag.tiny import causal_folder

    generator = TransformersGenerator(causal_folder(tmp_path / "model"), device="cpu")
    monkeypatch.setattr(TransformersGenerator, "count_tokens", lambda self, texts: [len(text) // 4 for text in texts])
    for language, text in TEXTS.items():
        folder = tmp_path / "qa" / f"xquad-{language}"
        folder.mkdir(parents=True)
        (folder / "corpus.jsonl").write_text(json.dumps({"id": "p", "text": text}) + "\n")
        asked = [{"id": str(i), "question": text.split("。")[0].split(".")[0] + "?", "passage": "p"} for i in range(3)]
        (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
        assert [row["id"] for row, _ in bench.questions(tmp_path, language, generator, 2)] == ["0", "1"]
    answered = bench.Assistant.answer_batch

    def with_words(self, *given):  # a random model writes nothing that is a word
        return [replace(one, text="a mat", abstained=False) for one in answered(self, *given)]

    monkeypatch.setattr(bench.Assistant, "answer_batch", with_words)
    first = bench.run(tmp_path, tmp_path / "out", "en", generator, 2)
    again = bench.run(tmp_path, tmp_path / "out", "en", generator, 2)
    assert first == again
    assert [row["id"] for row in first] == ["0", "1"]
    for row in first:
        assert len(row["drops"]) == 3
        assert row["leave-one-out"]["top"] == row["drops"].index(max(row["drops"]))
    assert len(bench.lines("en", first)) == 6
