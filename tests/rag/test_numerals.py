"""Numbers by value, in both languages."""

from __future__ import annotations

import pytest

from firmground.rag.numerals import arabic, numbers, value_of
from firmground.rag.verify import contradicting, read, windows


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("the 7th", {"7"}),
        ("the seventh", {"7"}),
        ("twenty-one or the twenty-first", {"21"}),
        ("two hundred and five", {"205"}),
        ("1.2 million", {"1200000"}),
        ("1,200,000", {"1200000"}),
        ("three million five hundred thousand", {"3500000"}),
        ("two, three", {"2", "3"}),
        ("four five", {"4", "5"}),
        ("one man", set()),  # mostly an article
        ("millions of people", set()),
        ("World War II", {"2"}),
        ("Super Bowl XLVIII", {"48"}),
        ("I went", set()),
        ("the 1990s", {"1990"}),
        ("0.50", {"0.5"}),
        ("第七届", {"7"}),
        ("三十五个", {"35"}),
        ("三百二十", {"320"}),
        ("一九九八年", {"1998"}),
        ("二〇一五年", {"2015"}),
        ("1.2亿", {"120000000"}),
        ("3000万", {"30000000"}),
        ("百分之三十", {"30"}),
        ("两次", {"2"}),
        ("１０００本", {"1000"}),
        ("一个人", set()),
        ("千万不要", set()),
        ("万一下雨", set()),
    ],
)
def test_numbers(text: str, values: set[str]) -> None:
    assert numbers(text) == values


def test_what_a_claim_is_held_against_may_say_one() -> None:
    assert numbers("one goal", loose=True) == {"1"} == numbers("一个球", loose=True)
    assert numbers("no goal", loose=True) == set()


def test_terms_and_texts_by_value() -> None:
    assert [value_of(term) for term in ("7th", "seventh", "21st", "one", "second", "1990s", "b2b")] == [
        "7", "7", "21", "one", "second", "1990s", "b2b",
    ]  # fmt: skip
    assert arabic("第七届有三十五人") == "第7届有35人"
    assert arabic("统一了中国") == "统一了中国"


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("He finished seventh in the race.", "He finished 7th in the race."),
        ("It was the 21st season of the show.", "It was the show's twenty-first season."),
        ("It sold 1.2 million copies.", "It sold 1,200,000 copies."),
        ("这是第七届运动会。", "这是第7届运动会。"),
        ("它有三十五个房间。", "它有35个房间。"),
    ],
)
def test_another_way_to_write_a_number_contradicts_nothing(claim: str, evidence: str) -> None:
    """They were false contradictions: "7th" against "seventh"."""
    assert contradicting(read(claim), windows((evidence,))) is None
    assert contradicting(read(evidence), windows((claim,))) is None
