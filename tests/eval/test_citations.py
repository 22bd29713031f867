"""ALCE's citation precision and recall by hand: identity, worst case, an irrelevant citation more; both languages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from firmground.eval.metrics.citations import citation_scores
from firmground.rag.types import Citation, Claim, Verdict
from firmground.rag.verify import LexicalVerifier


class Needs:
    """Supports a claim where every word of the claim is in the evidence's text; counts how often it is asked."""

    name, threshold = "needs", 0.5

    def __init__(self) -> None:
        self.calls = 0

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        self.calls += 1
        return np.array(
            [float(any(set(claim.split()) <= set(text.split()) for text in texts)) for claim, texts in
             zip(claims, evidence, strict=True)]
        )  # fmt: skip


def claim(text: str, *cited: str, verdict: Verdict = "supported") -> Claim:
    citations = tuple(Citation(f"d{i}", i, 0, len(words), words) for i, words in enumerate(cited))
    return Claim(text, 0, len(text), verdict, 1.0, citations)


def scores(*claims: Claim) -> tuple[float | str, float | str]:
    found = citation_scores(claims, Needs())
    assert list(found) == ["citation_precision", "citation_recall"]
    return found["citation_precision"], found["citation_recall"]


def test_a_claim_that_cites_itself_is_perfect() -> None:
    assert scores(claim("a b", "a b")) == (1.0, 1.0)


def test_worst_case_a_citation_that_says_something_else() -> None:
    assert scores(claim("a b", "c d")) == (0.0, 0.0)


def test_two_citations_that_support_only_together_are_both_precise() -> None:
    assert scores(claim("a b", "a", "b")) == (1.0, 1.0)


def test_an_irrelevant_citation_more_costs_precision_and_not_recall() -> None:
    # "a b" supports alone; "c" doesn't, and the rest supports without it: 1 of 2 is precise.
    assert scores(claim("a b", "a b", "c")) == (0.5, 1.0)
    # "a" and "b" are needed, "c" isn't: 2 of 3.
    assert scores(claim("a b", "a", "b", "c")) == (pytest.approx(2 / 3), 1.0)


def test_a_citation_that_supports_alone_is_precise_though_the_rest_does_too() -> None:
    assert scores(claim("a b", "a b", "a b x")) == (1.0, 1.0)
    assert scores(claim("a b", "a b", "a b")) == (1.0, 1.0)


def test_half_a_support_is_no_recall_and_no_precision() -> None:
    assert scores(claim("a b", "a")) == (0.0, 0.0)


def test_means_over_claims_and_over_all_citations() -> None:
    # Recall: 1, 0, 0 (uncited) over three claims. Precision: 1, 0 | 0 over three citations.
    assert scores(claim("a b", "a b", "c"), claim("e", "f"), claim("g")) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_statuses_where_nothing_is_said_or_cited() -> None:
    assert citation_scores([], Needs()) == {"citation_precision": "no_claims", "citation_recall": "no_claims"}
    verifier = Needs()
    found = citation_scores([claim("a b", verdict="unsupported")], verifier)
    assert found == {"citation_precision": "no_citations", "citation_recall": 0.0}
    assert verifier.calls == 0


def test_what_contradicts_a_claim_is_not_offered_as_its_support() -> None:
    assert scores(claim("a b", "a b"), claim("e", "f", verdict="contradicted")) == (1.0, 0.5)
    assert scores(claim("e", "f", verdict="contradicted")) == ("no_citations", 0.0)


def test_the_verifier_is_asked_once() -> None:
    verifier = Needs()
    citation_scores([claim("a b", "a", "b", "c"), claim("d", "d"), claim("e", "e", "f")], verifier)
    assert verifier.calls == 1


def test_with_the_lexical_verifier_in_english() -> None:
    tower = claim("The tower is 330 m high.", "The tower is 330 m high.", "Bananas are yellow.")
    other = claim("The bridge was built in 1902.", "The bridge was built in 1950.")
    # Citations: the tower's own (precise), the bananas (irrelevant), the bridge's (says another year): 1 of 3.
    assert citation_scores([tower, other], LexicalVerifier()) == {
        "citation_precision": pytest.approx(1 / 3),
        "citation_recall": 0.5,
    }


def test_with_the_lexical_verifier_in_chinese() -> None:
    tower = claim("这座塔高330米。", "这座塔高330米。", "香蕉是黄色的。")
    other = claim("大桥建于1902年。", "大桥建于1950年。")
    assert citation_scores([tower, other], LexicalVerifier()) == {
        "citation_precision": pytest.approx(1 / 3),
        "citation_recall": 0.5,
    }


def test_two_halves_support_together_by_the_lexical_verifier() -> None:
    both = claim("The tower has a clock and the bridge has a lamp.", "The tower has a clock.", "The bridge has a lamp.")
    assert citation_scores([both], LexicalVerifier()) == {"citation_precision": 1.0, "citation_recall": 1.0}
    both = claim("安娜写了小说，鲍勃画了日出。", "安娜写了小说。", "鲍勃画了日出。")
    assert citation_scores([both], LexicalVerifier()) == {"citation_precision": 1.0, "citation_recall": 1.0}


def test_a_fragment_is_judged_as_an_answer_to_the_question() -> None:
    question = "Who was appointed president by Noble in 1950?"
    cited = "In 1950, Noble appointed Robert Kintner to be president."
    fragment = claim("Robert Kintner", cited)
    found = citation_scores([fragment], LexicalVerifier(), question)
    assert found == {"citation_precision": 1.0, "citation_recall": 1.0}
    wrong = citation_scores([claim("Henry Ford", cited)], LexicalVerifier(), question)
    assert wrong == {"citation_precision": 0.0, "citation_recall": 0.0}
