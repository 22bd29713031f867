"""The numbers that a text names, in digits, English words and Chinese numerals."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmground.eval.metrics.numbers import number_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("24-yard line", ["24"]),
        ("Twenty-four", ["24"]),
        ("two hundred and five thousand people", ["205000"]),
        ("one million, three hundred", ["1000000", "300"]),
        ("two million three hundred thousand and six", ["2300006"]),
        ("$3.5 million", ["3500000"]),
        ("3,500,000.00", ["3500000"]),
        (".5 or 0.50", ["0.5"]),
        ("the 21st century", ["21"]),
        ("the twenty-first, then the third", ["21", "3"]),
        ("1922–26", ["1922", "26"]),
        ("four and five", ["4", "5"]),
        ("a hundred and one", ["101"]),
        ("one of the largest", []),
        ("one third", ["1", "3"]),
        ("60 seconds, hundreds of them, often", ["60"]),
        ("H2O", ["2"]),
        ("1,2,3", ["1", "2", "3"]),
        ("三千零五人", ["3005"]),
        ("一亿两千万", ["120000000"]),
        ("一万亿", ["1000000000000"]),
        ("3万5千", ["35000"]),
        ("1.5億", ["150000000"]),
        ("兩萬", ["20000"]),
        ("十二月五日", ["12", "5"]),
        ("二〇一五年和一九九八年", ["2015", "1998"]),
        ("百分之五十", ["50"]),
        ("三分之一", ["3", "1"]),
        ("第三名，五个", ["3", "5"]),
        ("一个月", ["1"]),
        ("第一次", ["1"]),
        ("二战与一战", ["2", "1"]),
        ("２４码", ["24"]),
        ("一些人，一个人，统一，三星，百度，四川", []),
        ("", []),
    ],
)
def test_number_values(text, values):
    assert number_values(text) == {Decimal(value) for value in values}


@given(st.text(alphabet="0123456789.,- 年个第分之零一二三十百千万亿点two hundred million and one first", max_size=30))
def test_any_text_has_numbers_that_are_finite(text):
    assert all(value.is_finite() and value >= 0 for value in number_values(text))
    assert number_values(f"{text} | 17") >= {Decimal(17)}
