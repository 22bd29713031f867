"""Retrieval that prefers no gender, in both languages: orders and exposures by hand, an encoder with a known bias."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError, WeightsMissing
from firmground.knowledge.types import Document, Hit, Passage
from firmground.rag.arms import AUGMENTED, Arm
from firmground.rag.debias import retrieval
from firmground.rag.debias.retrieval import (
    exposure,
    fair_order,
    fairly_shown,
    gender_direction,
    gender_of,
    names_gender,
    without_gender,
)
from firmground.rag.retrieve import Filtered, cross_encoder, searched
from tests.rag.leaning import Leaning

BOTH = ("women", "men")
QUESTIONS = {"en": "Who built the copper engine?", "zh": "谁建造了铜的机器？"}
TEXTS = {
    "en": ("He built the copper engine in winter.", "She built the copper engine in winter.", "A garden by a river."),
    "zh": ("他在冬天建造了铜的机器。", "她在冬天建造了铜的机器。", "河边有一个花园。"),
}


@pytest.mark.parametrize(
    ("text", "group", "named"),
    [
        ("Ada wrote her notes; his were lost.", "women", True),
        ("Mary and her father met his brother and him.", "men", True),
        ("The theme of the manual is human.", "", False),
        ("Who is known for the theory of gravity?", "", False),
        ("Which women won the prize?", "women", True),
        ("她和他的其他朋友去看她的母亲。", "women", True),
        ("他弹吉他，其他人唱歌。", "men", True),
        ("谁发明了其他机器？", "", False),
        ("哪位女科学家获奖？", "", True),
    ],
)
def test_whom_a_text_is_about(text: str, group: str, named: bool) -> None:
    assert (gender_of(text), names_gender(text)) == (group, named)


def test_exposure_by_hand() -> None:
    assert exposure([]) == {}
    assert exposure(["women", "", "men", "women"]) == pytest.approx({"women": 1 + 1 / math.log2(5), "men": 0.5})


def test_fair_order_by_hand() -> None:
    """Gap 1. With room 0.5: women lead by name, 0.6 is near enough; then men were shown less; then 0.2 is too far."""
    scores, groups = [1.0, 0.9, 0.6, 0.2, 0.0], ["men", "men", "women", "women", ""]
    assert fair_order(scores, groups, BOTH, 0.5) == [2, 0, 1, 3, 4]
    assert fair_order(scores, groups, BOTH[::-1], 0.5) == [0, 2, 1, 3, 4]
    assert fair_order(scores, groups, BOTH, 0.1) == [0, 1, 2, 3, 4]
    assert fair_order(scores, groups, BOTH, 1.0) == [2, 0, 1, 3, 4]
    assert fair_order([0.5, 0.5], ["men", "women"], BOTH, 0.0) == [1, 0]  # the same score
    assert fair_order([0.9, 0.8], ["", "women"], BOTH, 1.0) == [0, 1]  # of no group: it keeps its place
    assert fair_order([0.9, 0.8], ["men", "men"], BOTH, 1.0) == [0, 1]
    assert fair_order([], [], BOTH) == []


def test_fair_order_keeps_every_hit_and_its_bound() -> None:
    """For all 243 groupings of five hits: nobody goes before a hit that is better by more than the room."""
    scores = [1.0, 0.8, 0.7, 0.3, 0.0]
    for groups in itertools.product(("women", "men", ""), repeat=5):
        for slack in (0.0, 0.25, 1.0):
            ordered = fair_order(scores, groups, BOTH, slack)
            assert sorted(ordered) == [0, 1, 2, 3, 4]
            for place, taken in enumerate(ordered):
                assert scores[taken] >= max(scores[later] for later in ordered[place:]) - slack - 1e-12
        mirrored = ["men" if group == "women" else "women" if group == "men" else "" for group in groups]
        assert fair_order(scores, groups, BOTH, 0.25) == fair_order(scores, mirrored, BOTH[::-1], 0.25)


def hits(texts: tuple[str, ...], scores: tuple[float, ...]) -> list[Hit]:
    passages = [Passage(number, f"d{number}", text, 0, len(text)) for number, text in enumerate(texts)]
    pairs = zip(passages, scores, strict=True)
    return [Hit(passage, score, {"dense": number}) for number, (passage, score) in enumerate(pairs, 1)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_which_gender_leads_hangs_on_the_question_alone(lang: str) -> None:
    found = hits(TEXTS[lang], (0.9, 0.85, 0.1))
    leads = {}
    for number in range(200):
        (shown,) = fairly_shown([f"{QUESTIONS[lang]} {number}"], [found])
        assert [hit.ranks["fair"] for hit in shown] == [1, 2, 3]
        assert {hit.passage.id: hit.score for hit in shown} == {hit.passage.id: hit.score for hit in found}
        leads[number] = shown[0].passage.id
        assert fairly_shown([f"{QUESTIONS[lang]} {number}"], [found]) == [shown]
    # Of 200 fair draws fewer than 70 or more than 130 of one side come once in 40,000.
    assert 70 <= sum(leads.values()) <= 130
    gendered = {"en": "Which man built it?", "zh": "哪个男人建造了它？"}[lang]
    assert fairly_shown([gendered, QUESTIONS[lang]], [found, []]) == [found, []]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_direction_is_the_encoders_axis_of_gender_and_is_learnt_once(lang, monkeypatch) -> None:
    monkeypatch.setattr(retrieval, "_directions", {})
    encoder = Leaning()
    direction = gender_direction(encoder, lang)
    assert abs(direction[-1]) == pytest.approx(1.0, abs=1e-3)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    learnt = encoder.encoded
    assert learnt == 120
    assert gender_direction(encoder, lang) is direction
    assert encoder.encoded == learnt


def test_questions_lose_the_direction_unless_they_name_a_gender() -> None:
    encoder = Leaning()
    asked = [QUESTIONS["en"], "Which women built it?", QUESTIONS["zh"], "她建造了什么？"]
    vectors = encoder.encode(asked, query=True)
    kept = vectors.copy()
    adjusted = without_gender(encoder)(asked, vectors)
    assert np.array_equal(vectors, kept)  # what came in stays
    assert np.linalg.norm(adjusted, axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert adjusted[[1, 3]] == pytest.approx(vectors[[1, 3]])
    for row, lang in ((0, "en"), (2, "zh")):
        direction = gender_direction(encoder, lang)
        rest = vectors[row] - (vectors[row] @ direction) * direction
        assert adjusted[row] == pytest.approx(rest / np.linalg.norm(rest), abs=1e-6)
        assert adjusted[row] @ direction == pytest.approx(0.0, abs=1e-6)
    english = Leaning(languages=("en",))
    adjusted = without_gender(english)(asked, vectors)
    assert np.array_equal(adjusted[2], vectors[2])
    assert not np.array_equal(adjusted[0], vectors[0])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory):
    with KnowledgeBase.create(tmp_path_factory.mktemp("fair") / "kb", Leaning()) as made:
        made.add(Document(f"{lang}{number}", text) for lang in TEXTS for number, text in enumerate(TEXTS[lang]))
        yield made


def found(base: KnowledgeBase, arm: Arm, question: str) -> dict[str, float]:
    (hits,) = searched(base, arm, [question], [()])
    return {hit.passage.document: hit.score for hit in hits}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_a_projected_question_scores_both_genders_the_same(base: KnowledgeBase, mode: str, lang: str) -> None:
    plain = Arm("plain", retrieve=mode, num_passages=2)  # type: ignore[arg-type]
    before = found(base, plain, QUESTIONS[lang])
    after = found(base, replace(plain, fair="project"), QUESTIONS[lang])
    assert list(before) == [f"{lang}0", f"{lang}1"]  # he goes first
    assert before[f"{lang}0"] - before[f"{lang}1"] > 0.05
    assert after[f"{lang}0"] == pytest.approx(after[f"{lang}1"], abs=1e-3)
    assert set(after) == set(before)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_by_words_alone_a_projection_does_nothing_and_a_reranking_its_work(base: KnowledgeBase, lang: str) -> None:
    plain = Arm("plain", retrieve="lexical", num_passages=2)
    before = found(base, plain, QUESTIONS[lang])
    assert found(base, replace(plain, fair="project"), QUESTIONS[lang]) == before
    assert len({round(score, 6) for score in before.values()}) == 1  # he and she are no telling words
    orders = {tuple(found(base, replace(plain, fair="rerank"), QUESTIONS[lang] + "?" * n)) for n in range(12)}
    assert orders == {(f"{lang}0", f"{lang}1"), (f"{lang}1", f"{lang}0")}


def test_without_an_encoder_words_are_searched(base: KnowledgeBase) -> None:
    with KnowledgeBase.open(base.path) as words:
        arm = Arm("plain", retrieve="lexical", num_passages=2, fair="project")
        assert set(found(words, arm, QUESTIONS["en"])) == {"en0", "en1"}


def test_second_searches_and_choices_are_filtered_too(base: KnowledgeBase) -> None:
    arm = Arm("plain", retrieve="dense", num_passages=2, fair="project", choice_hops=1, hops=2)
    texts = QUESTIONS["en"], "What is by a river?"
    (hits, alone) = searched(base, arm, texts, [("copper garden", "winter stone"), ()])
    scores = {hit.passage.document: hit.score for hit in hits}
    assert scores["en0"] == pytest.approx(scores["en1"], abs=1e-3)
    assert alone[0].passage.document == "en2"


def test_arms_that_find_otherwise_say_so() -> None:
    assert len({replace(AUGMENTED, fair=fair).search for fair in ("none", "project", "rerank")}) == 3
    assert replace(AUGMENTED, rerank="some/folder").search != AUGMENTED.search


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of one layer with random weights (seeded)."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("cross")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *"abcdefghijklmnopqrstuvwxyz",
        *"他她在冬天建造了铜的机器河边有一个花园",
    ]
    words += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(words), num_labels=1, initializer_range=1.0, **shape)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_arm_with_a_cross_encoder_finds_by_its_scores(base: KnowledgeBase, tiny: Path, lang: str) -> None:
    from sentence_transformers import CrossEncoder

    arm = Arm("read again", retrieve="hybrid", num_passages=2, rerank=str(tiny))
    (hits,) = searched(base, arm, [QUESTIONS[lang]], [()])
    texts = {f"{spoken}{number}": text for spoken in TEXTS for number, text in enumerate(TEXTS[spoken])}
    read = CrossEncoder(str(tiny)).predict([(QUESTIONS[lang], text) for text in texts.values()])
    expected = dict(zip(texts, map(float, read), strict=True))
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values())[:-3:-1], abs=1e-4)
    assert all(hit.score == pytest.approx(expected[hit.passage.document], abs=1e-4) for hit in hits)
    assert [hit.ranks["rerank"] for hit in hits] == [1, 2]
    assert cross_encoder(str(tiny)) is cross_encoder(str(tiny))  # loaded once
    (both,) = Filtered(base, replace(arm, fair="rerank")).search([QUESTIONS[lang]], k=2, mode="hybrid")
    assert {"rerank", "fair"} <= both[0].ranks.keys()


def test_a_cross_encoder_that_is_not_here(base: KnowledgeBase, tmp_path: Path) -> None:
    arm = Arm("read again", retrieve="lexical", num_passages=2, rerank="hf:nobody/no-such-ranker")
    with pytest.raises(WeightsMissing, match=r"rerank = 'hf:nobody/no-such-ranker': .* firmground weights hf:nobody"):
        searched(base, arm, [QUESTIONS["en"]], [()])
    with pytest.raises(InputError, match=r"rerank = 'ranker': unknown model 'ranker'; give one of"):
        searched(base, replace(arm, rerank="ranker"), [QUESTIONS["en"]], [()])
    with pytest.raises(InputError, match=r"is a folder without config\.json"):
        searched(base, replace(arm, rerank=str(tmp_path)), [QUESTIONS["en"]], [()])
