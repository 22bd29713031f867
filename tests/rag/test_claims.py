"""Answers to claims: exact offsets, clauses cut only where both sides can stand alone."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

from firmground.rag.claims import is_clause, split_claims

CASES = [
    ("Andrew Jackson", ["Andrew Jackson"]),
    ("早期", ["早期"]),
    ("Yes", ["Yes"]),
    ("Paris, France", ["Paris, France"]),
    (
        "The war ended in 1945, and it cost millions of lives. He was born in Paris; he died in Rome.",
        ["The war ended in 1945", "it cost millions of lives.", "He was born in Paris", "he died in Rome."],
    ),
    (
        "Denver won the game, but Carolina led the league in interceptions.",
        ["Denver won the game", "Carolina led the league in interceptions."],
    ),
    ("The capital is Paris and it has 2 million people", ["The capital is Paris", "it has 2 million people"]),
    # A bare "and" between two sentences; a verb of the present by its object.
    (
        "Luther wrote the theses in 1517 and the Church condemned them.",
        ["Luther wrote the theses in 1517", "the Church condemned them."],
    ),
    (
        "It employs 300 people, making it the largest in town, and its revenue grew by 5%.",
        ["It employs 300 people, making it the largest in town", "its revenue grew by 5%."],
    ),
    # What governs both sides keeps them together; relative clauses and shared subjects can't stand alone.
    (
        "He said that the war was over and the troops would come.",
        ["He said that the war was over and the troops would come."],
    ),
    ("The law, and the courts that apply it, changed.", ["The law, and the courts that apply it, changed."]),
    (
        "The tower, which was built in 1889, is tall and attracts many.",
        ["The tower, which was built in 1889, is tall and attracts many."],
    ),
    (
        "She was born in Warsaw, won the Nobel Prize, and died.",
        ["She was born in Warsaw, won the Nobel Prize, and died."],
    ),
    ("The cat sat on the mat and the dog.", ["The cat sat on the mat and the dog."]),
    ("由埃菲尔设计的铁塔很高，它每年吸引七百万游客。", ["由埃菲尔设计的铁塔很高", "它每年吸引七百万游客。"]),
    ("铁塔由埃菲尔设计，它的高度是330米。", ["铁塔由埃菲尔设计", "它的高度是330米。"]),
    ("因为水结冰时会膨胀，所以冰比水轻。", ["因为水结冰时会膨胀，所以冰比水轻。"]),
    # Enumerations, subordinate clauses and a second verb without a subject stay whole.
    ("He played guitar, bass, and drums, and sang.", ["He played guitar, bass, and drums, and sang."]),
    ("If it rains, the ground gets wet.", ["If it rains, the ground gets wet."]),
    ("在1950年，他被任命为总统，并赢得了选举。", ["在1950年，他被任命为总统，并赢得了选举。"]),
    ("红、黄；蓝", ["红、黄；蓝"]),
    (
        "黑豹队输了比赛；野马队赢得了冠军，他们的教练是库比亚克。",
        ["黑豹队输了比赛", "野马队赢得了冠军", "他们的教练是库比亚克。"],
    ),
    ("他出生于北京，她出生于上海。", ["他出生于北京", "她出生于上海。"]),
    # Lists, courtesies, what leads up to an answer.
    (
        "Sure! Here is a list:\n- France\n- Spain\n1. Water boils at 100 °C.\n",
        ["France", "Spain", "Water boils at 100 °C."],
    ),
    ("Sure, here is the answer: Paris.", ["Paris."]),
    ("As an AI language model, I cannot feel. Water is wet.", ["Water is wet."]),
    ("好的，以下是答案：\n1、水在100度沸腾。\n2、冰浮在水上。", ["水在100度沸腾。", "冰浮在水上。"]),
    ("好的，以下是答案：北京。", ["北京。"]),
    # What declines claims nothing, and doesn't take the rest with it.
    ("I don't know.", []),
    ("文中没有提到。", []),
    ("The text does not say who won. Denver was the host.", ["Denver was the host."]),
    ("", []),
]


@pytest.mark.parametrize(("answer", "expected"), CASES)
def test_claims(answer: str, expected: list[str]) -> None:
    claims = split_claims(answer)
    assert [claim.text for claim in claims] == expected
    assert [answer[claim.start : claim.end] for claim in claims] == expected
    assert {claim.verdict for claim in claims} <= {"unverifiable"}
    assert all(claim.support is None and claim.citations == () for claim in claims)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("Andrew Jackson", False),
        ("in the early 1950s", False),
        ("He died in Rome", True),
        ("The tower is 330 m high", True),
        ("早期", False),
        ("安德鲁·杰克逊", False),
        ("水在100度沸腾", True),
        ("他出生于北京", True),
        ("大约九成", False),  # a share: 成 is no verb behind a numeral
    ],
)
def test_is_clause(text: str, clause: bool) -> None:
    assert is_clause(text) is clause


def test_offsets_and_coverage_on_real_text(shared) -> None:
    """On 480 real paragraphs: claims are in order, apart and exact, and only joining words stand between them.

    Beside those go two courtesies ("Certainly!") and the 2 of an O₂ that a line break makes look like a list's mark.
    """
    between: set[str] = set()
    for name in ("xquad-en", "xquad-zh"):
        for line in (shared / "qa" / name / "corpus.jsonl").read_text(encoding="utf-8").split("\n"):
            if not line:
                continue
            text = json.loads(line)["text"]
            claims = split_claims(text)
            assert all(text[claim.start : claim.end] == claim.text for claim in claims)
            assert all(one.end <= two.start for one, two in pairwise(claims))
            ends = [0, *(claim.end for claim in claims)]
            starts = [*(claim.start for claim in claims), len(text)]
            for end, start in zip(ends, starts, strict=True):
                between |= set(re.findall(r"\w+", text[end:start]))
    assert between == {"and", "but", "so", "while", "whereas", "or", "yet", "Certainly", "当然", "2"}
