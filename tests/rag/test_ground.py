"""The verifier's arithmetic by hand, and verdicts with citations that open at the place."""

from __future__ import annotations

import numpy as np
import pytest

from firmground.knowledge.packs import pack_documents
from firmground.knowledge.text import sentences
from firmground.knowledge.types import Hit, Passage
from firmground.rag import verify
from firmground.rag.claims import split_claims
from firmground.rag.ground import LexicalVerifier, best_spans, judge, measured_error, pooled, verifiable
from firmground.rag.types import Verifier
from firmground.rag.verifier import packaged

TOWER = "The tower is 330 m high."


def support(claim: str, *evidence: str) -> float:
    return float(LexicalVerifier().support([claim], [list(evidence)])[0])


def hit(number: int, text: str, start: int = 0, score: float = 1.0, **metadata: object) -> Hit:
    return Hit(Passage(number, f"doc{number}", text, start, start + len(text), metadata), score)


def claims(answer: str) -> list:
    return split_claims(answer)


# ---- support, by hand: the terms are tower (1), 330 (2), m (1), high (1); 5 in all


def test_the_same_sentence_supports_wholly() -> None:
    assert support(TOWER, TOWER) == 1.0


def test_another_number_costs_its_weight_and_the_penalty() -> None:
    assert support(TOWER, "The tower is 300 m high.") == pytest.approx(3 / 5 * 0.6)


def test_a_negation_on_either_side_takes_support_below_the_threshold() -> None:
    for claim, evidence in (
        ("Water is not safe.", "Water is safe."),
        ("Water is safe.", "Water is not safe."),
        ("水不安全。", "水很安全。"),
    ):
        assert support(claim, evidence) <= 0.6 < LexicalVerifier().threshold
    assert support("Water is safe.", "Water is safe, but it is not sweet.") == 1.0  # said beside it


def test_a_name_unknown_to_the_evidence() -> None:
    """Terms: paris (subject, 0.3), hosted → host (1), madonna (a name, 1.5); 2.8 in all; unknown name × 0.8."""
    assert support(
        "Paris hosted Madonna.", "Paris hosted nobody else.".replace("nobody else", "them")
    ) == pytest.approx(1.3 / 2.8 * 0.8)


def test_a_word_of_the_same_family_earns_a_part() -> None:
    """Terms: politician (1) against politics; the subject Ann (0.3) is met: (0.3 + 0.7) / 1.3."""
    assert support("Ann was a politician.", "Ann went into politics.") == pytest.approx(1.0 / 1.3)


def test_numbers_are_read_whichever_way_they_are_written() -> None:
    assert support("It sold 1,000 copies.", "It sold 1000 copies.") == 1.0
    assert support("它卖了１０００本。", "它卖了1000本。") == 1.0


def test_support_does_not_hang_on_the_length_or_the_place_of_the_evidence() -> None:
    filler = "Nothing of the kind is told here at all. " * 2000  # 80,000 characters
    assert support(TOWER, filler + TOWER) == support(TOWER, TOWER + " " + filler) == 1.0


def test_an_order_of_sentences_and_texts_changes_nothing() -> None:
    parts = ["Denver won.", TOWER, "It rained in May."]
    assert support(TOWER, *parts) == support(TOWER, *reversed(parts)) == support(TOWER, " ".join(parts)) == 1.0


def test_nothing_to_judge_by_is_no_support() -> None:
    assert support(TOWER) == support(TOWER, "") == support("", TOWER) == support("?!", TOWER) == 0.0
    assert LexicalVerifier().support([], []).shape == (0,)


def test_support_stays_in_its_range_on_odd_input() -> None:
    odd = ["\0", "🙂", "the of and", "的了着", "a" * 5000, "what? ?", "1 2 3 4", "不", "Not."]
    scores = LexicalVerifier().support(odd, [odd] * len(odd))
    assert np.all((scores >= 0) & (scores <= 1))


def test_an_answer_is_judged_where_the_question_is_spoken_of() -> None:
    """Both names are in the evidence; the right one stands in the sentence about the question."""
    english = "Gegeen appointed Baiju as grand chancellor. Much later Toghun became an emperor."
    chinese = "元英宗任命拜住为中书右丞相。很久以后妥懽成为皇帝。"
    for question, right, wrong, evidence in (
        ("Who did Gegeen appoint as grand chancellor?", "Baiju", "Toghun", english),
        ("元英宗任命谁为中书右丞相？", "拜住", "妥懽", chinese),
    ):
        good, bad = (support(verifiable(question, answer), evidence) for answer in (right, wrong))
        assert good == 1.0
        assert bad < LexicalVerifier().threshold


# ---- what the verifier reads


@pytest.mark.parametrize(
    ("question", "claim", "expected"),
    [
        ("Who won?", "Denver", "Who won? Denver"),
        ("Who won", "Denver", "Who won? Denver"),
        ("谁赢了？", "丹佛", "谁赢了？丹佛"),
        ("Who won?", "Denver won the game.", "Denver won the game."),
        ("谁赢了？", "丹佛野马队赢得了比赛。", "丹佛野马队赢得了比赛。"),
        ("Is water wet?", "Yes.", "Is water wet"),
        ("Is water wet?", "No", "It is not so: Is water wet"),
        ("水是湿的吗？", "是的", "水是湿的"),
        ("水是湿的吗？", "不是。", "并非水是湿的"),
        ("", "Denver", "Denver"),
    ],
)
def test_verifiable(question: str, claim: str, expected: str) -> None:
    assert verifiable(question, claim) == expected


# ---- verdicts


def test_verdicts_and_citations_that_open_at_the_place() -> None:
    document = "Some lead. Denver is a city. The tower is 330 m high. It was built in 1889."
    start = len("Some lead. ")
    evidence = [hit(3, "Ice floats."), hit(7, document[start:], start, page=2, source="tower.pdf")]
    answer = "The tower is 330 m high. It was built in 1925. Elephants sing opera."
    first, second, third = judge("Tell me about it", claims(answer), evidence, LexicalVerifier())
    assert (first.verdict, second.verdict, third.verdict) == ("supported", "contradicted", "unsupported")
    citation = first.citations[0]
    assert document[citation.start : citation.end] == citation.text == "The tower is 330 m high."
    assert (citation.document, citation.passage, citation.page, citation.source) == ("doc7", 7, 2, "tower.pdf")
    assert second.citations[0].text == "It was built in 1889."
    assert third.citations == ()
    assert first.support == 1.0
    assert second.support is not None
    assert second.support < 0.65


def test_verdicts_in_chinese() -> None:
    evidence = [hit(1, "水在100度沸腾。冰浮在水面上。")]
    answer = "水在100度沸腾。水在80度沸腾。大象会唱歌剧。"
    judged = judge("水什么时候沸腾？", claims(answer), evidence, LexicalVerifier())
    assert [claim.verdict for claim in judged] == ["supported", "contradicted", "unsupported"]
    assert judged[0].citations[0].text == "水在100度沸腾。"


@pytest.mark.parametrize("verifier", [LexicalVerifier(), packaged()], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "text",
    [
        "Because no texts have been found, and because the book was not named, some scholars date it late.",
        "Glass breaks where steel bends, since its atoms have no planes to slip along, and so it is brittle.",
        "大多数物质凝固时会收缩，水却会膨胀。因此同样体积的冰比水轻，能浮在水面，大约九成没在水下。",
        "他没有上过大学，却在二十岁时建造了第一座桥。",
    ],
)
def test_what_stands_in_the_evidence_is_supported_though_a_part_of_it_says_not(text: str, verifier: Verifier) -> None:
    judged = judge("", claims(text), [hit(1, f"Rain fell. {text} Snow fell.")], verifier)
    assert {claim.verdict for claim in judged} == {"supported"}


@pytest.mark.parametrize("pack", ["commonsense-en", "commonsense-zh"])
def test_every_sentence_of_a_passage_is_supported_by_it(pack: str) -> None:
    texts = [document.text for document in pack_documents(pack)][::4]
    pairs = [(text[start:end], (text,)) for text in texts for start, end in sentences(text)]
    support = packaged().support([claim for claim, _ in pairs], [evidence for _, evidence in pairs])
    assert len(pairs) > 60
    assert [claim for (claim, _), found in zip(pairs, support, strict=True) if found < packaged().threshold] == []


@pytest.mark.parametrize("verifier", [LexicalVerifier(), packaged()], ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("Tell your manager eight weeks before the birth. [1]", "supported"),
        ("1. Tickets cost 12 euros.", "supported"),
        ("Tickets cost 12 euros [2, 3].", "supported"),
        ("Tell your manager eight weeks after the birth.", "contradicted"),
        ("Children over six may enter.", "contradicted"),
        ("图书馆每天早上八点开门。[1]", "supported"),
        ("图书馆每天晚上八点开门。", "contradicted"),
    ],
)
def test_marks_of_a_source_are_no_numbers_and_small_words_turn_a_claim(
    claim: str, verdict: str, verifier: Verifier
) -> None:
    evidence = [
        hit(1, "Tell your manager eight weeks before the birth. Dogs may enter after sunset. Tickets cost 12 euros."),
        hit(2, "Children under six may enter."),
        hit(3, "图书馆每天早上八点开门。"),
    ]
    assert [one.verdict for one in judge("", claims(claim), evidence, verifier)] == [verdict]


def test_a_claim_in_parts_is_contradicted_where_the_part_it_denies_is_affirmed() -> None:
    evidence = [hit(1, "The tower was painted red, and visitors climbed the stairs every day.")]
    (claim,) = judge(
        "", claims("The tower was painted red, and visitors never climbed the stairs."), evidence, LexicalVerifier()
    )
    assert claim.verdict == "contradicted"


def test_without_evidence_nothing_can_be_said() -> None:
    for evidence in ([], [hit(1, "  ")]):
        (claim,) = judge("Who won?", claims("Denver"), evidence, LexicalVerifier())
        assert (claim.verdict, claim.support, claim.citations) == ("unverifiable", None, ())
    assert judge("Who won?", [], [hit(1, TOWER)], LexicalVerifier()) == []


def test_any_verifier_can_judge() -> None:
    class Strict:
        name, threshold = "strict", 0.9

        def support(self, claims, evidence):
            return np.array([0.89, 0.9])

    judged = judge("", claims("Denver won the game. It rained in May."), [hit(1, "Denver won the game.")], Strict())
    assert [claim.verdict for claim in judged] == ["unsupported", "supported"]


def test_yes_and_no_are_judged_by_the_question() -> None:
    evidence = [hit(1, "Water is wet.")]
    (yes,) = judge("Is water wet?", claims("Yes"), evidence, LexicalVerifier())
    (no,) = judge("Is water wet?", claims("No"), evidence, LexicalVerifier())
    assert (yes.verdict, no.verdict) == ("supported", "contradicted")


def test_best_spans_cites_the_shortest_window_and_several_passages() -> None:
    evidence = [hit(1, "Rain fell. " + TOWER + " Snow fell."), hit(2, "A tower may be high.")]
    cited = best_spans(TOWER, evidence, most=2)
    assert [one.text for one in cited] == [TOWER, "A tower may be high."]
    assert best_spans("Elephants sing.", evidence) == ()


def test_pooled_is_the_union_best_place_first() -> None:
    a, b, c = hit(1, "a", score=0.9), hit(2, "b", score=0.8), hit(3, "c", score=7.0)
    other_b = hit(2, "b", score=9.0)
    assert [one.passage.id for one in pooled({"x": [a, b], "y": [other_b, c]})] == [2, 1, 3]
    assert pooled({"x": [a, b], "y": [other_b, c]})[0] is other_b
    assert pooled({"plain": []}) == []


# ---- the measured error, and the rules of contradiction


def test_the_packaged_error_is_the_shipped_verifiers() -> None:
    measured = measured_error()
    assert (measured["verifier"], measured["threshold"]) == (packaged().name, packaged().threshold)
    for name in ("wice", "fever_symmetric", "halueval"):
        figure = measured["sets"][name]["auroc"]
        assert 0.5 < figure["low"] < figure["value"] < figure["high"] < 1
        assert figure["value"] > measured["sets"][name]["lexical_recall_auroc"]["value"]
    assert measured["contradicted_on_fever_symmetric"]["precision"]["value"] >= 0.7  # else the verdict goes


def test_another_verifiers_error_is_not_shown() -> None:
    assert measured_error(packaged().name) == measured_error()
    assert measured_error("lexical-3") == measured_error("hf:someone/else") == {}


def test_contradiction_rules() -> None:
    def against(claim: str, *evidence: str) -> bool:
        return verify.contradicting(verify.read(claim), verify.windows(evidence)) is not None

    assert against("The tower was built in 1925.", "The tower was built in 1889.")
    assert not against("The tower was built in 1889.", "The tower was built in 1889 and painted in 1925.")
    assert not against("The tower was built in 1925.", "Elephants were seen in 1889.")  # about something else
    assert not against("The tower was built in 1925.", "The tower was built by 300 men.")  # no year
    assert against("Gin does not taste of juniper.", "Gin tastes of juniper.")
    assert against("铁不会生锈。", "铁会生锈。")
    assert not against("When was it built? 1925", "It was built in 1889.")  # a fragment never
