"""The benchmarks of searching: figures worked out by hand, and the same answers as the knowledge base gives."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from firmground.eval.bench import fusion, lexical
from firmground.eval.bench.fusion import Case, QuestionSet, best_weight
from firmground.eval.types import Example
from firmground.knowledge.base import KnowledgeBase
from tests.knowledge.base_helpers import HashEncoder, some_documents


def case(gold: tuple[str, ...], holds: dict[int, set[str]], **fields) -> Case:
    values = {"dense": {}, "lexical": {}, "most": 0.0, "by_meaning": [], "by_words": []} | fields
    return Case(Example("1", "q", gold=gold), holds={row: frozenset(gold) for row, gold in holds.items()}, **values)


def test_figures_by_hand():
    """Two gold documents; the first is found at places 2 and 3 (which counts once), the second at place 6."""
    holds = {0: set(), 1: {"a"}, 2: {"a"}, 3: set(), 4: set(), 5: {"b"}}
    gain, ideal = 1 / math.log2(3) + 1 / math.log2(7), 1 + 1 / math.log2(3)
    assert case(("a", "b"), holds).figures([0, 1, 2, 3, 4, 5]) == (pytest.approx(gain / ideal), 0.5)
    assert case(("a", "b"), holds).figures([1, 5, 0]) == (pytest.approx(1.0), 1.0)
    assert case(("a", "b"), holds).figures([0, 3]) == (0.0, 0.0)
    assert case(("a", "b"), holds).figures([]) == (0.0, 0.0)


def test_fused_goes_from_words_to_meaning():
    both = case(("a",), {0: {"a"}, 1: set()}, dense={0: 0.9, 1: 0.1}, lexical={1: 5.0}, most=5.0)
    assert both.fused(0.9) == (1.0, 1.0)
    assert both.fused(0.1) == (pytest.approx(1 / math.log2(3)), 1.0)
    unknown = case(("a",), {0: {"a"}, 1: set()}, lexical={0: 2.0, 1: 5.0}, most=9.0)
    assert unknown.fused(0.9) == (pytest.approx(1 / math.log2(3)), 1.0)  # the weight doesn't count: words alone


def test_best_weight_counts_every_set_the_same():
    low, high = np.zeros((19, 2)), np.zeros((19, 2))
    low[3], high[9] = (0.5, 0.5), (0.9, 0.3)
    assert best_weight([low]) == 0.2
    assert best_weight([low, high]) == 0.5  # 0.6 / 2 against 0.5 / 2
    assert best_weight([np.zeros((19, 2))]) == 0.5  # all the same: the middle


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty documents in both languages and a question to each of the first twelve, in the layout of DATA."""
    folder = tmp_path / "data" / "qa" / "made"
    folder.mkdir(parents=True)
    documents = some_documents(40, seed=5, sentences=2)
    rows = [{"id": document.id, "title": document.title, "text": document.text} for document in documents]
    (folder / "corpus.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    asked = [
        {"id": str(number), "question": document.text[:30] + "?", "answers": ["x"], "passage": document.id}
        for number, document in enumerate(documents[:12])
    ]
    (folder / "questions.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in asked), "utf-8")
    return tmp_path / "data"


def test_cases_are_what_the_knowledge_base_finds(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fusion, "SentenceEncoder", lambda name: HashEncoder())
    chosen = QuestionSet("made", "qa/made", "hash")
    found = fusion.cases(chosen, data, tmp_path)
    assert len(found) == 12
    with KnowledgeBase.open(tmp_path / "made-hash", HashEncoder()) as base:
        for each in found:
            for mode, rows in (("dense", each.by_meaning), ("lexical", each.by_words)):
                hits = base.search(each.example.question, 10, mode, fold=False)
                assert [hit.passage.id for hit in hits] == list(rows[:10])
            hits = base.search(each.example.question, 10, weight=0.5, fold=False)
            assert [hit.passage.id for hit in hits] == [
                row for row, _ in fusion.fuse(each.dense, each.lexical, 0.5, each.most)
            ][:10]
    again = fusion.cases(chosen, data, tmp_path)
    assert [each.fused(0.5) for each in again] == [each.fused(0.5) for each in found]
    measured = {chosen: found, QuestionSet("other", "", "hash"): found}
    curves = {each: fusion.curve(cases) for each, cases in measured.items()}
    lines = fusion.table(measured, curves)
    assert len(lines) == 1 + 4
    assert lines[1].startswith("made (hash)")
    assert fusion.fit(curves)[-1].startswith("best on all: ")


def test_an_encoder_that_doesnt_know_the_language_is_left_out(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fusion, "SentenceEncoder", lambda name: HashEncoder(languages=("en",)))
    found = fusion.cases(QuestionSet("made", "qa/made", "hash"), data, tmp_path)
    chinese = [each for each in found if not each.example.question.isascii()]
    assert 0 < len(chinese) < 12
    for each in chinese:
        assert each.dense == {}
        assert each.fused(0.9) == each.figures(each.by_words)


TEXTS = lexical.Made([["cat", "sat"], ["dog", "ran", "home"], ["bird"]], np.array([[0, 0], [1, 2], [0, 1]]), [["cat"]])


def test_brute_force_by_hand():
    """ "cat" stands twice in passage 0 and once in 2; lengths 4, 4, 5; idf ln(1 + 1.5 / 2.5)."""
    assert list(TEXTS.bodies()) == ["cat sat cat sat", "dog ran home bird", "cat sat dog ran home"]
    average, rarity = 13 / 3, math.log(1.6)
    first = rarity * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / average))
    third = rarity * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 5 / average))
    assert lexical.brute_force(TEXTS, 3, ["cat"]) == pytest.approx([first, 0, third])
    assert lexical.brute_force(TEXTS, 3, ["cow"]) == pytest.approx([0, 0, 0])
    assert lexical._agreement(TEXTS, 3, [[0, 2]]) == 1.0
    assert lexical._agreement(TEXTS, 3, [[2, 1]]) == 0.5


@pytest.mark.parametrize("engine", lexical.ENGINES)
def test_each_engine_adds_finds_and_removes(engine: str, tmp_path: Path):
    if engine not in ("ours", "fts5"):
        pytest.importorskip(engine)
    engines = {"ours": lexical.Ours, "fts5": lexical.Fts5, "tantivy": lexical.Tantivy, "bm25s": lexical.Bm25s}
    made = engines[engine](tmp_path)
    texts = ["the cat sat here", "a dog ran home", "天空 空是 蓝色", *["something else again"] * 9]
    made.add(0, texts)
    made.finish()
    assert made.search(["cat"])[0] == 0
    assert made.search(["天空"])[0] == 2
    assert made.search(["dog", "home", "nowhere"])[0] == 1
    if engine != "bm25s":
        made.add(12, ["another cat"])
        made.remove([0], texts[:1])
        made.finish()
        assert made.search(["cat"]) == [12]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_passages_are_made_of_real_sentences(shared: Path, language: str):
    texts = lexical.made(shared, language, 50)
    assert texts.drawn.shape == (50 + lexical.BATCH, lexical.SENTENCES)
    assert (texts.drawn == lexical.made(shared, language, 50).drawn).all()
    assert 90 <= len(texts.questions) <= lexical.QUESTIONS
    if language == "zh":
        assert any(len(token) == 2 and not token.isascii() for token in texts.pool[0])
