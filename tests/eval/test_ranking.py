"""Recall, reciprocal rank and nDCG against hand-computed values and ir-measures."""

from __future__ import annotations

import math
import random

import pytest

from firmground.eval.metrics.answers import score_answer
from firmground.eval.metrics.ranking import ndcg, newly_found, ranking_scores, recall, reciprocal_rank
from firmground.eval.types import Example
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import AUGMENTED, PLAIN
from firmground.rag.types import Answer


def hits_of(*documents: str, texts: dict[str, str] | None = None) -> tuple[Hit, ...]:
    return tuple(Hit(Passage(i, d, (texts or {}).get(d, ""), 0, 1), 1 / (i + 1)) for i, d in enumerate(documents))


def asking(*gold: str, facts: tuple[str, ...] = ()) -> Example:
    return Example("1", "Who?", gold=gold, metadata={"facts": list(facts)} if facts else {})


SECOND = 1 / math.log2(3)  # 0.63, the discount of the second place


def test_documents_by_hand():
    example, hits = asking("d2", "d9"), hits_of("d1", "d2", "d3", "d4")
    assert recall(example, hits, 4) == 0.5
    assert reciprocal_rank(example, hits, 4) == 0.5
    assert ndcg(example, hits, 4) == pytest.approx(SECOND / (1 + SECOND))
    assert ranking_scores(example, hits, 1) == {"recall@1": 0.0, "mrr": 0.0, "ndcg@1": 0.0}
    assert ndcg(asking("d1", "d2", "d3"), hits, 2) == 1.0  # only two of the three have room
    assert ndcg(asking("d1"), (), 4) == recall(asking("d1"), (), 4) == 0.0


def test_a_document_counts_once_at_its_first_passage():
    example, hits = asking("d1", "d2"), hits_of("d1", "d1", "d2")
    assert newly_found(example, hits) == [1, 0, 1]
    assert recall(example, hits, 3) == 1.0
    assert ndcg(example, hits, 3) == pytest.approx((1 + 1 / math.log2(4)) / (1 + SECOND))
    assert recall(asking("d1", "d1"), hits, 3) == 1.0  # named twice, one document


@pytest.mark.parametrize(
    ("facts", "both", "one"),
    [
        (("A wet star.", "mud is soft"), "mud is soft, and a wet star shines", "Mud is soft!"),
        (("铁会生锈。", "水是液体"), "水是液体，而铁会生锈", "水是液体吗"),
    ],
)
def test_facts_are_found_by_their_words(facts, both, one):
    example = asking(*facts, "d7", facts=facts)
    hits = hits_of("d1", "d2", "d7", texts={"d1": one, "d2": both})
    assert newly_found(example, hits) == [1, 1, 1]
    assert recall(example, hits, 1) == pytest.approx(1 / 3)
    together = hits_of("d2", "d1", "d7", texts={"d1": one, "d2": both})
    assert newly_found(example, together) == [2, 0, 1]
    # the first passage takes two places, the second brings nothing: places 1, 2 and 4 of 1, 2, 3
    assert ndcg(example, together, 3) == pytest.approx((1 + SECOND + 1 / math.log2(5)) / (1 + SECOND + 0.5))
    assert ndcg(example, hits_of("d2", "d7", texts={"d2": both}), 2) == 1.0  # found all at once: never above 1


def test_ir_measures_gives_the_same():
    ir_measures = pytest.importorskip("ir_measures")
    k, draw = 5, random.Random(1)
    wanted = [ir_measures.R @ k, ir_measures.RR @ k, ir_measures.nDCG @ k]
    names = (f"recall@{k}", "mrr", f"ndcg@{k}")
    documents = [f"d{number}" for number in range(12)]
    for _ in range(60):
        gold = draw.sample(documents, draw.randint(1, 8))
        found = draw.sample(documents, draw.randint(1, 9))
        qrels = [ir_measures.Qrel("q", name, 1) for name in gold]
        run = [ir_measures.ScoredDoc("q", name, -place) for place, name in enumerate(found)]
        theirs = ir_measures.calc_aggregate(wanted, qrels, run)
        ours = ranking_scores(asking(*gold), hits_of(*found), k)
        assert [ours[name] for name in names] == pytest.approx([theirs[measure] for measure in wanted], abs=1e-6)


def test_a_row_carries_them_where_the_arm_retrieves():
    answer = Answer("Who?", "x", "augmented", hits=hits_of("d1", "d2"))
    scores = score_answer(asking("d2"), answer, AUGMENTED)
    assert (scores["recall@4"], scores["mrr"], scores["ndcg@4"]) == (1.0, 0.5, pytest.approx(SECOND))
    assert score_answer(asking(), answer, AUGMENTED)["ndcg@4"] == "no_passage"
    assert not {"recall@4", "mrr", "ndcg@4"} & score_answer(asking("d2"), answer, PLAIN).keys()


def test_a_copy_that_was_folded_into_a_hit_is_found_with_it():
    one, two = hits_of("d1", "d2")
    folded = (Hit(one.passage, one.score, also_in=(two.passage,)),)
    assert recall(asking("d2"), folded, 4) == 1.0
    assert recall(asking("d1", "d2", "d3"), folded, 4) == pytest.approx(2 / 3)
