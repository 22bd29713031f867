"""Evidence made from gold answers: the right passages, none of them, and the right ones with a wrong answer in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmground.eval.evidence import Evidence, NoEvidence, kind
from firmground.eval.metrics.answers import match
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import COUNTERFACTUAL, NOISE, ORACLE

TEXTS = {
    "twenty": ["The bill is green.", "Andrew Jackson is on the twenty, and andrew  jackson was a general."],
    "ten": ["Alexander Hamilton is on the ten."],
    "ice": ["It froze at 32 degrees in 1932."],
    "phone": ["贝尔发明了电话。1876年贝尔申请了专利。"],
    "lamp": ["灯泡由爱迪生发明。"],
}
BILL = Example("bill", "Who is on the twenty?", ("Andrew Jackson",), gold=("twenty",))
EXAMPLES = [
    BILL,
    Example("ten", "Who is on the ten?", ("Alexander Hamilton",), gold=("ten",)),
    Example("ice", "When did it freeze?", ("1932",), gold=("ice",)),
    Example("cold", "How cold was it?", ("32 degrees",), gold=("ice",)),
    Example("phone", "谁发明了电话？", ("贝尔",), gold=("phone",)),
    Example("lamp", "谁发明了灯泡？", ("爱迪生",), gold=("lamp",)),
]
FACTS = ("Mutualism is a relationship.", "Coral and alga live in mutualism.")
CORAL = Example(
    "coral", "Coral and alga are an example of what?", answers=("mutualism",), answer="mutualism",
    choices=("predation", "mutualism", "friction"), gold=FACTS, metadata={"facts": list(FACTS)},
)  # fmt: skip


class Base:
    """A few documents; a search gives a document's passages in order of the letters that they share."""

    def passages(self, document: str) -> list[Passage]:
        texts = TEXTS.get(document, [])
        names = list(TEXTS)
        return [
            Passage(10 * names.index(document) + n, document, text, 5, 5 + len(text), {"source": f"{document}.txt"})
            for n, text in enumerate(texts)
        ]

    def search(self, questions, k, documents):
        def shared(passage: Passage) -> int:
            return -len(set(passage.text) & set(questions[0]))

        found = [passage for document in documents for passage in self.passages(document)]
        return [[Hit(passage, 1.0) for passage in sorted(found, key=shared)[:k]]]


def evidence(examples=EXAMPLES, seed=0, base=True) -> Evidence:
    return Evidence(Base() if base else None, examples, seed)  # type: ignore[arg-type]


def texts(hits) -> list[str]:
    return [hit.passage.text for hit in hits]


def test_the_oracle_gives_the_gold_documents_passages_best_first():
    hits = evidence().find(BILL, ORACLE).hits
    assert texts(hits) == [TEXTS["twenty"][1], TEXTS["twenty"][0]]
    assert len(evidence().find(BILL, replace(ORACLE, num_passages=1)).hits) == 1


def test_the_oracle_gives_facts_without_a_knowledge_base():
    hits = evidence(base=False).find(CORAL, ORACLE).hits
    assert sorted(texts(hits)) == sorted(FACTS)
    assert hits[0].passage.text == FACTS[1]  # speaks of coral and alga
    assert len({hit.passage.id for hit in hits}) == 2
    assert all(hit.passage.id < 0 for hit in hits)  # no passage of the knowledge base


def test_noise_holds_no_gold_answer_and_nothing_of_the_own_document():
    other_answer = replace(EXAMPLES[1], answers=("Hamilton",))  # stands in another question's document
    for seed in range(10):
        for example in (*EXAMPLES, other_answer):
            hits = evidence(seed=seed).find(example, NOISE).hits
            assert len(hits) == 4
            assert not {hit.passage.document for hit in hits} & set(example.gold)
            assert not any(match(text, example.answers) for text in texts(hits))
            assert len(set(texts(hits))) == len(hits)
    drawn = {tuple(texts(evidence(seed=seed).find(BILL, NOISE).hits)) for seed in range(6)}
    assert len(drawn) > 1  # 24 orders of four documents: six equal draws once in 8 million
    again = [texts(evidence(seed=3).find(BILL, NOISE).hits) for _ in range(2)]
    assert again[0] == again[1]


def test_noise_leaves_out_a_passage_with_the_answer():
    examples = [Example("a", "Who?", ("Hamilton",), gold=("twenty",)), EXAMPLES[1], EXAMPLES[2]]
    assert texts(evidence(examples).find(examples[0], NOISE).hits) == TEXTS["ice"]


def test_a_name_is_exchanged_for_a_name_wherever_it_stands():
    found = evidence().find(BILL, COUNTERFACTUAL)
    assert found.planted == "Alexander Hamilton"  # the only other English name
    assert texts(found.hits) == [
        "Alexander Hamilton is on the twenty, and Alexander Hamilton was a general.",
        TEXTS["twenty"][0],
    ]
    changed, same = (hit.passage for hit in found.hits)
    assert (changed.document, changed.source) == ("twenty", "twenty.txt (answer exchanged)")
    assert changed.id < 0
    assert changed.end - changed.start == len(changed.text)
    assert same.source == "twenty.txt"


def test_chinese_answers_have_no_borders():
    found = evidence().find(EXAMPLES[4], COUNTERFACTUAL)
    assert found.planted == "爱迪生"
    assert texts(found.hits) == ["爱迪生发明了电话。1876年爱迪生申请了专利。"]


def test_another_choice_is_planted():
    found = evidence().find(CORAL, COUNTERFACTUAL)
    assert found.planted in ("predation", "friction")
    assert texts(found.hits) == [
        f"Coral and alga live in {found.planted}.",
        f"{found.planted.capitalize()} is a relationship.",
    ]


@pytest.mark.parametrize(
    ("example", "status", "said"),
    [
        (EXAMPLES[2], "no_counterfactual", r"no other question has an answer of like kind \(year\)"),
        (replace(BILL, answers=("Old Hickory",)), "no_counterfactual", "no gold answer stands in the gold passages"),
        (replace(BILL, answers=("Jackson",), gold=("ten",)), "no_counterfactual", "no gold answer stands in"),
        (replace(BILL, gold=()), "no_gold", "add `passage` or `facts`"),
        (replace(BILL, gold=("fifty",)), "no_gold", "'fifty' isn't in the knowledge base"),
    ],
)
def test_what_can_t_be_made_says_so(example, status, said):
    with pytest.raises(NoEvidence, match=said) as raised:
        evidence().find(example, COUNTERFACTUAL)
    assert raised.value.status == status
    assert str(raised.value).startswith(f"{status}: ")


def test_an_answer_inside_a_longer_word_or_number_isn_t_exchanged():
    TEXTS["part"] = ["Art is in party, 1900 and 19. Cart 5.19."]
    try:
        example = Example("part", "What?", ("19",), gold=("part",))
        others = [example, Example("n", "How many?", ("7",), gold=("ten",))]
        assert texts(evidence(others).find(example, COUNTERFACTUAL).hits) == ["Art is in party, 1900 and 7. Cart 5.19."]
    finally:
        del TEXTS["part"]


def test_no_noise_and_no_knowledge_base():
    with pytest.raises(NoEvidence, match="no_noise: no other question names a document"):
        evidence([BILL]).find(BILL, NOISE)
    with pytest.raises(InputError, match="there is no knowledge base to read them from"):
        evidence(base=False).find(BILL, ORACLE)


def test_kinds_by_their_look():
    looks = {
        "1932": "year", "1876年": "year", "32 degrees": "number", "seven": "number", "三个": "number",
        "Andrew Jackson": "name", "University of Paris": "name", "a green bill": "words", "贝尔": "words",
    }  # fmt: skip
    assert {answer: kind(answer) for answer in looks} == looks
