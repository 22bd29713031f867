"""Sentences, language and terms, by hand-written expectations and by properties that hold for every text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmground.knowledge.text import language, sentences, terms


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Dr. Smith went to Washington, D.C. on Jan. 5.", "He paid $3.50 (approx. 3 euros)."],
        [
            "See No. 5, Fig. 3 and e.g. the U.S. Army.",
            "It left at 10 a.m.",
            "Then George W. Bush and J. K. Rowling spoke.",
        ],
        ['"Really?" she asked.', '"Yes."', "(He nodded.)", "“Good.”", "It went on... and on."],
        ["He lives in the U.S. and works for Apple Inc. in Cork.", "So do I.", "Tom too."],
        ["One word .", "Tokenised text !", "The next.[citation needed]", "End."],
        ["中文也有。[需要引证]", "好 。", "完。"],
        ["Water is wet.[1]", "**Ice is cold.**", "Is it?", "Yes!", "Yahoo! is a company."],
        ["Smith et al. showed it.", "Pages, books, etc.", "The end."],
        ["He fought in World War I.", "Germany lost it.", "I. M. Pei built on."],
        ["他说：“你好。”", "然后走了。", "真的吗？！", "是的……", "也许吧；", "好！"],
        ["《你好！李焕英》是一部电影。", "票价是3.5元。", "（完。）"],
        ['他写道："好。"', "她没有回答。", '"走吧，"他说。'],
        ["版本3.5发布了.", "下一句用了半角句号.", "在U.S.政府和iPhone 5.0之后."],
        ["1. Install it.", "2. Run it."],
    ],
)
def test_sentences_of_prose(parts: list[str]) -> None:
    joined = "".join if parts[0][0] > "\u2000" else " ".join
    assert split(joined(parts)) == parts


def test_sentences_end_at_lines_that_were_ended_on_purpose() -> None:
    text = (
        "# Title\nSome words here\n- one item\n- two items. More of it\n3) third\n一、安装\n（二）运行\n"
        "| a | b |\n\nNew paragraph"
    )
    assert split(text) == [
        *[
            "# Title",
            "Some words here",
            "- one item",
            "- two items.",
            "More of it",
            "3) third",
            "一、安装",
            "（二）运行",
        ],
        *["| a | b |", "New paragraph"],
    ]


def test_sentences_go_on_over_lines_that_are_only_wrapped() -> None:
    english = "The quick brown fox jumps over the lazy dog and then\nruns away from Mr.\nBrown. Short heading\nNext"
    assert split(english) == [
        "The quick brown fox jumps over the lazy dog and then\nruns away from Mr.\nBrown.",
        "Short heading",
        "Next",
    ]
    chinese = "这是一个很长的句子它在一行的末尾被折断了所以需要\n接到下一行才能读完整。标题\n正文"
    assert split(chinese) == [
        "这是一个很长的句子它在一行的末尾被折断了所以需要\n接到下一行才能读完整。",
        "标题",
        "正文",
    ]


def test_a_half_empty_line_was_ended_on_purpose() -> None:
    heading = "The history of the Roman empire in the west"  # wide enough to be a wrapped line, but not beside the next
    body = "The Roman empire in the west came to its end in the year 476, when Odoacer deposed Romulus Augustulus"
    assert split(f"{heading}\n{body}") == [heading, body]


@pytest.mark.parametrize("text", ["", "   ", "\n\n\t\u3000"])
def test_no_sentences_without_text(text: str) -> None:
    assert sentences(text) == []


ATOMS = st.sampled_from(
    [
        *[
            "Dr. ",
            "U.S. ",
            "3.14",
            "The cat sat. ",
            "\n",
            "\n\n",
            "- item ",
            "1. ",
            "天空",
            "蓝色的？",
            "火。",
            "；",
            "……",
            "“",
        ],
        *[
            "”",
            "《",
            "》",
            "！",
            "!",
            "?",
            ".",
            '"',
            " ",
            "\u3000",
            "\r\n",
            "\f",
            "\u2028",
            "e\u0301",
            "👩\u200d🚀",
            "# ",
            "|",
        ],
        *["…", "["],
    ]
)
TEXTS = st.lists(ATOMS, max_size=60).map("".join) | st.text(max_size=200)


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_sentences_cover_all_text_once(text: str) -> None:
    at = 0
    for start, end in sentences(text):
        assert at <= start < end
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    "text",
    [
        "." * 200_000,
        '。"' * 60_000,
        "《！" * 60_000,
        "a\n" * 60_000,
        ". " * 60_000,
        "a\u2028" * 60_000,
        "._" * 60_000,
        "天" * 200_000,
    ],
)
def test_sentences_take_linear_time(text: str) -> None:
    """A quadratic rule takes minutes on these; ten seconds leave room for a busy machine."""
    began = time.perf_counter()
    sentences(text)
    terms(text)
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why is the sky blue?", "en"),
        ("天空为什么是蓝色的？", "zh"),
        ("什么是 retrieval-augmented generation？", "zh"),
        ("What does 你好 mean in English?", "en"),
        ("Python 的 pip 怎么用", "zh"),
        ("", "en"),
        ("12 + 30 = 42", "en"),
        ("，。！", "en"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert language(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U.S.' dogs", ["the", "us", "dogs"]),
        ("dog's don’t O'Brien", ["dog", "don't", "o'brien"]),
        (
            "1,000 and 12,345,678.9 at 3.14; 1,2 and 1.2.3",
            ["1000", "and", "12345678.9", "at", "3.14", "1", "2", "and", "1", "2", "3"],
        ),
        ("C++ and C# in e-mail a_b", ["c++", "and", "c#", "in", "e", "mail", "a", "b"]),
        ("知识库", ["知识", "识库"]),
        ("猫", ["猫"]),
        ("iPhone手机5G网络", ["iphone", "手机", "5g", "网络"]),
        ("ＡＢＣ　１２３", ["abc", "123"]),
        ("ﬁre ｶﾀ", ["fire", "カタ"]),
        ("蓝色。天", ["蓝色", "天"]),
        ("Naïve CAFÉ", ["naïve", "café"]),
        ("?! 。……", []),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_terms_are_lower_case_and_the_same_for_full_width(text: str) -> None:
    found = terms(text)
    assert all(term and term == term.lower() and not term.isspace() for term in found)
    if text.isascii():
        wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
        assert terms(wide) == found
