"""Reranking, marginal relevance and neighbours: values worked out by hand, and the definition tried on all choices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.rerank import (
    CrossEncoderReranker,
    Reranker,
    diversify,
    marginal_relevance,
    neighbours,
    rerank,
)
from firmground.knowledge.types import Document, Hit, Passage
from tests.knowledge.base_helpers import HashEncoder, some_documents


class ByLength:
    """A reranker that likes long passages, and remembers what it was given to read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def scores(self, question: str, passages: list[str]) -> np.ndarray:
        self.read = list(passages)
        return np.array([float(len(passage)) for passage in passages])


def hit(number: int, text: str, score: float, title: str = "") -> Hit:
    metadata = {"title": title} if title else {}
    return Hit(Passage(number, f"d{number}", text, 0, len(text), metadata), score, {"dense": number}, {"dense": score})


def test_marginal_relevance_by_hand():
    """Items 0 and 1 are alike (cosine 1), item 2 is at right angles, item 3 between (cosine 0.6 with 0, 0.8 with 2)."""
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    relevance = np.array([0.9, 0.8, 0.3, 0.5])
    # 0 first (0.45); then 1: 0.4-0.5, 2: 0.15-0, 3: 0.25-0.3; then 1: 0.4-0.5, 3: 0.25-0.4: 1; then 3.
    assert marginal_relevance(relevance, vectors, 4, 0.5) == [0, 2, 1, 3]
    # A fifth: 0 (0.72); 1: 0.64-0.2, 2: 0.24, 3: 0.4-0.12: 1; 2: 0.24, 3: 0.4-0.12: 3; 2.
    assert marginal_relevance(relevance, vectors, 4, 0.2) == [0, 1, 3, 2]
    assert marginal_relevance(np.ones(3), np.eye(3), 3, 0.5) == [0, 1, 2]
    assert marginal_relevance(relevance, vectors, 9, 0.0) == [0, 1, 3, 2]
    assert marginal_relevance(relevance, vectors, 2, 1.0) == [0, 2]
    assert marginal_relevance(np.zeros(0), np.zeros((0, 2)), 3, 0.5) == []
    with pytest.raises(InputError, match=r"diversity is in \[0, 1\], got 2"):
        marginal_relevance(relevance, vectors, 1, 2)


@pytest.mark.parametrize("diversity", [0.2, 0.5, 0.9])
def test_marginal_relevance_is_its_definition(diversity: float):
    """Every choice is the best of all that are left, by the formula written out; likeness may be negative."""
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(20, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = generator.random(20)
    chosen: list[int] = []
    for place in marginal_relevance(relevance, vectors, 20, diversity):

        def value(item: int, taken: tuple[int, ...] = tuple(chosen)) -> float:
            likeness = max((float(vectors[item] @ vectors[other]) for other in taken), default=0.0)
            return (1 - diversity) * relevance[item] - diversity * likeness

        left = [item for item in range(20) if item not in chosen]
        assert value(place) == pytest.approx(max(map(value, left)))
        chosen.append(place)
    assert sorted(chosen) == list(range(20))


def test_diversify_stretches_scores_of_any_scale():
    hits = [hit(0, "a", 30.0), hit(1, "b", 29.0), hit(2, "c", 10.0)]
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert [found.passage.id for found in diversify(hits, vectors, 2, 0.5)] == [0, 2]  # 1: 0.475-0.5, 2: 0-0
    assert diversify(hits, vectors, 2, 0.0) == hits[:2]
    assert diversify([], np.zeros((0, 2)), 2, 0.5) == []
    equal = [hit(0, "a", 1.0), hit(1, "b", 1.0)]
    assert diversify(equal, vectors[:2], 2, 0.5) == equal


def test_rerank_orders_by_the_rerankers_score():
    reranker = ByLength()
    assert isinstance(reranker, Reranker)
    hits = [hit(1, "aa", 0.9), hit(2, "bbbb", 0.8), hit(3, "天空", 0.7), hit(4, "c", 0.6, "Sky")]
    found = rerank("q", hits, reranker)
    assert reranker.read == ["aa", "bbbb", "天空", "Sky\nc"]
    assert [(other.passage.id, other.score) for other in found] == [(4, 5.0), (2, 4.0), (1, 2.0), (3, 2.0)]
    assert found[1].ranks == {"dense": 2, "rerank": 2}
    assert found[1].scores == {"dense": 0.8, "rerank": 4.0}
    assert rerank("q", [], reranker) == []


@pytest.mark.parametrize("given", [np.zeros(3), np.array([1.0, np.nan]), np.zeros((2, 1))])
def test_rerank_takes_one_finite_number_a_passage(given: np.ndarray):
    class Wrong:
        def scores(self, question: str, passages: list[str]) -> np.ndarray:
            return given

    with pytest.raises(InputError, match="expected one finite score for each of 2 passages"):
        rerank("q", [hit(1, "a", 1.0), hit(2, "b", 0.5)], Wrong())


@pytest.fixture
def base(tmp_path: Path):
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as made:
        made.add(some_documents(60))
        yield made


def test_neighbours_stand_in_the_documents_order(base: KnowledgeBase):
    long = " ".join(f"Sentence number {number} says something of its own here." for number in range(30))
    base.add([Document("long", long), Document("kurz", "天空是蓝色的。")])
    passages = base.passages("long")
    assert len(passages) > 4
    assert neighbours(base, passages[2]) == passages[1:4]
    assert neighbours(base, passages[0]) == passages[:2]
    assert neighbours(base, passages[-1], 2, 5) == passages[-3:]
    assert neighbours(base, passages[2], 0, 0) == [passages[2]]
    assert neighbours(base, base.passages("kurz")[0]) == base.passages("kurz")
    with pytest.raises(InputError, match="0 or more, got -1 and 1"):
        neighbours(base, passages[0], -1)
    base.remove(["long"])
    with pytest.raises(InputError, match="no passage"):
        neighbours(base, passages[0])


def test_search_reranks_and_diversifies(base: KnowledgeBase):
    reranker = ByLength()
    plain = base.search("river stone 天地", 50)
    found = base.search("river stone 天地", 5, reranker=reranker)
    assert len(reranker.read) == 50
    by_length = sorted(plain, key=lambda other: (-len(reranker.read[plain.index(other)]), plain.index(other)))
    assert [other.passage.id for other in found] == [other.passage.id for other in by_length[:5]]
    assert found[0].score == found[0].scores["rerank"]
    batch = base.search(["river stone 天地", "no word of this"], 5, reranker=reranker)
    assert [other.passage.id for other in batch[0]] == [other.passage.id for other in found]

    twice = [Document(f"copy{number}", "Copper violin winter.") for number in range(5)]
    base.add(twice)
    near = base.search("copper violin winter", 5, fold=False)
    apart = base.search("copper violin winter", 5, diversity=0.7, fold=False)
    assert sum(other.passage.text == "Copper violin winter." for other in near) == 5
    assert apart[0].passage.id == near[0].passage.id
    assert sum(other.passage.text == "Copper violin winter." for other in apart) == 1
    with pytest.raises(InputError, match=r"diversity is in \[0, 1\], got -1"):
        base.search("river", 5, diversity=-1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real cross-encoder of random weights: a BERT of one layer, with the letters of both languages."""
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("cross")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", *"天地玄黄"]
    words += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    for outputs in (1, 3):
        config = BertConfig(vocab_size=len(words), num_labels=outputs, **shape)
        BertForSequenceClassification(config).save_pretrained(folder / str(outputs))
        tokenizer.save_pretrained(folder / str(outputs))
        assert CrossEncoder(str(folder / str(outputs))).num_labels == outputs
    return folder


def test_a_cross_encoder_by_its_folder(tiny: Path):
    from sentence_transformers import CrossEncoder

    reranker = CrossEncoderReranker(str(tiny / "1"), device="cpu")
    passages = ["river stone", "天地", "cloud"]
    scores = reranker.scores("river", passages)
    assert scores.shape == (3,)
    expected = [float(CrossEncoder(str(tiny / "1")).predict([("river", passage)])[0]) for passage in passages]
    assert scores == pytest.approx(expected, abs=1e-5)
    assert reranker.scores("river", []).shape == (0,)


def test_what_is_no_reranker_is_told(tiny: Path, tmp_path: Path):
    with pytest.raises(InputError, match="gives 3 numbers a pair, a reranker gives 1"):
        CrossEncoderReranker(str(tiny / "3")).scores("q", ["a"])
    # An encoder would get a head of random weights, and rank by chance.
    for files in ({"modules.json": "[]", "config.json": "{}"}, {"config.json": '{"architectures": ["BertModel"]}'}):
        folder = tmp_path / str(len(files))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        kind = "SentenceTransformer" if len(files) == 2 else "BertModel"
        with pytest.raises(InputError, match=f"holds a {kind}, which scores no pair of a question and a passage"):
            CrossEncoderReranker(str(folder)).scores("q", ["a"])
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="no cross-encoder could be loaded from"):
        CrossEncoderReranker(str(tmp_path)).scores("q", ["a"])
