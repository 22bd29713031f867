"""Splitting: exact stretches of the document, nothing lost, the limit kept, cut where the author cut."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmground.knowledge.blocks import blocks_of, may_have_headings
from firmground.knowledge.chunk import split
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document, Passage


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def letters(texts: Sequence[str]) -> list[int]:
    """A letter is a token: Chinese, by hand."""
    return [sum(not character.isspace() for character in text) for text in texts]


def like_bert(texts: Sequence[str]) -> list[int]:
    """Two special tokens, a letter of Chinese each, four of Latin, and one [UNK] for a word of over 100."""
    return [
        2 + sum(1 if len(w) > 100 else len(re.findall(r"[一-鿿]|[a-zA-Z0-9]{1,4}|[^\w\s]", w)) for w in text.split())
        for text in texts
    ]


def like_bytes(texts: Sequence[str]) -> list[int]:
    """Space costs too, as in byte-pair encodings; joined pieces cost more than their sum."""
    return [len(re.findall(r"\s|\w{1,3}|[^\w\s]", text)) + len(text) // 50 for text in texts]


def document(text: str, **metadata: object) -> Document:
    return Document("d", text, "docs/d.md", metadata)


def texts(passages: list[Passage]) -> list[str]:
    return [passage.text for passage in passages]


GUIDE = """# Guide

Read this first. It is short.

## Install

Run the installer now. Then restart the machine.

- take the disk out
- wait one minute

## Use

Open the program. Choose a file to read.
"""


def test_a_short_document_is_one_passage_with_what_the_document_knows() -> None:
    passages = split(document("  Water boils at 100 °C.\n", title="Water", year=1742, pages=[0]), words, 10)
    assert passages == [
        Passage(
            -1, "d", "Water boils at 100 °C.", 2, 24, {"title": "Water", "year": 1742, "source": "docs/d.md", "page": 1}
        )
    ]


@pytest.mark.parametrize("text", ["", " \n\t", "\u3000"])
def test_no_passages_without_text(text: str) -> None:
    assert split(document(text), words) == []


def test_sections_open_passages_and_name_the_headings_they_stand_under() -> None:
    passages = split(document(GUIDE), words, 18)
    assert texts(passages) == [
        "# Guide\n\nRead this first. It is short.",
        "## Install\n\nRun the installer now. Then restart the machine.",
        "- take the disk out\n- wait one minute",
        "## Use\n\nOpen the program. Choose a file to read.",
    ]
    assert [p.metadata["heading"] for p in passages] == ["Guide", "Guide > Install", "Guide > Install", "Guide > Use"]


def test_a_passage_over_several_sections_names_what_they_share() -> None:
    text = "# A\n## B\none\n## C\ntwo\n# D\n" + "three " * 38
    passages = split(document(text), words, 40)
    assert [(p.text[:3], p.metadata.get("heading")) for p in passages] == [("# A", "A"), ("# D", "D")]


def test_a_heading_stays_with_what_it_heads() -> None:
    body = " ".join(f"This is sentence number {n}." for n in range(8))  # 40 words: fits alone, not with its heading
    passages = split(document(f"{'intro ' * 30}\n\n## A heading\n\n{body}"), words, 40)
    assert passages[1].text.startswith("## A heading\n\nThis is sentence number 0.")
    assert [words([p.text])[0] for p in passages] == [30, 23, 20]


def test_chinese_chapters_are_headings() -> None:
    text = "第一章 总则\n\n" + "本法适用于所有公民。" * 3 + "\n\n第二节 范围\n\n" + "范围由国家规定。" * 4
    passages = split(document(text), letters, 40)
    assert [(p.text[:5], p.metadata["heading"]) for p in passages] == [
        ("第一章 总", "第一章 总则"),
        ("第二节 范", "第一章 总则 > 第二节 范围"),
    ]


def test_lists_tables_and_code_stay_whole_where_they_fit() -> None:
    table = "| a | b |\n| - | - |\n| 1 | 2 |"
    code = "```python\n# no heading\n\nx = 1\n```"
    items = "- one thing\n  and more\n- another thing"
    prose = "Some words stand here. " * 3
    passages = split(
        document("\n\n".join([prose.strip(), table, prose.strip(), code, prose.strip(), items])), words, 16
    )
    assert [text for text in texts(passages) if text[0] in "|`-"] == [table, code, items]
    assert not any("heading" in p.metadata for p in passages)


def test_what_does_not_fit_is_cut_at_items_then_lines_then_sentences() -> None:
    items = "\n".join(f"- item {n} has\n  six words" for n in range(4))
    assert texts(split(document(items), words, 13)) == [
        "- item 0 has\n  six words\n- item 1 has\n  six words",
        "- item 2 has\n  six words\n- item 3 has\n  six words",
    ]
    rows = "\n".join(f"| row {n} | x |" for n in range(4))
    assert texts(split(document(rows), words, 14)) == ["| row 0 | x |\n| row 1 | x |", "| row 2 | x |\n| row 3 | x |"]
    prose = "One two three. Four five six. Seven eight nine. Ten eleven twelve."
    assert texts(split(document(prose), words, 7)) == [
        "One two three. Four five six.",
        "Seven eight nine. Ten eleven twelve.",
    ]


def test_a_cut_block_gives_even_parts() -> None:
    prose = " ".join(f"Here is number {n}." for n in range(26))  # 104 words: not 100 and 4, but 52 each
    assert [words([text])[0] for text in texts(split(document(prose), words, 100))] == [52, 52]


def test_an_over_long_sentence_is_cut_at_clauses_then_words_then_letters() -> None:
    clauses = "天是蓝的，海是绿的，火是红的，雪是白的"
    assert texts(split(document(clauses), letters, 10)) == ["天是蓝的，海是绿的，", "火是红的，雪是白的"]
    run_on = "alpha beta gamma delta epsilon zeta"
    assert texts(split(document(run_on), words, 3)) == ["alpha beta", "gamma delta", "epsilon zeta"]
    assert "".join(texts(split(document("天" * 95), letters, 20))) == "天" * 95
    assert all(len(text) <= 20 for text in texts(split(document("天" * 95), letters, 20)))


def test_a_tokenizer_that_takes_a_long_word_for_one_token_is_not_believed() -> None:
    passages = split(document("A" * 5000), like_bert, 30)
    assert "".join(texts(passages)) == "A" * 5000
    assert max(map(len, texts(passages))) <= 600


def test_tiny_ends_join_a_neighbour() -> None:
    long, longer = "word " * 30, "more " * 38
    passages = split(document(f"{longer}\n\n# Next\n\n{long}\n\n# End\n\nBye."), words, 40)
    assert [words([text])[0] for text in texts(passages)] == [38, 2 + 30 + 3]
    passages = split(document(f"{longer}\n\n# Next\n\nBye.\n\n# End\n\n{long}"), words, 40)  # to the one after
    assert [words([text])[0] for text in texts(passages)] == [38, 3 + 2 + 30]
    passages = split(document(f"{longer}\n\n# End\n\nBye."), words, 40)  # 41 don't fit
    assert [words([text])[0] for text in texts(passages)] == [38, 3]


def test_pages_of_the_start() -> None:
    pages = ["First page here.", "", "Third page is this.", "Fourth page."]
    text = "First page here.\n\nThird page is this.\n\nFourth page."
    passages = split(document(text, pages=[0, 18, 18, 39]), words, 4)
    assert [(p.text, p.metadata["page"]) for p in passages] == [(pages[0], 1), (pages[2], 3), (pages[3], 4)]
    assert all("pages" not in p.metadata for p in passages)


def test_overlap_repeats_sentences_within_a_section_only() -> None:
    text = "Aa bb cc. Dd ee ff. Gg hh ii. Jj kk ll.\n\n# New\n\nMm nn oo."
    assert texts(split(document(text), words, 6, overlap_sentences=0)) == [
        "Aa bb cc. Dd ee ff.",
        "Gg hh ii. Jj kk ll.",
        "# New\n\nMm nn oo.",
    ]
    overlapping = split(document(text), words, 9, overlap_sentences=1)
    plain = split(document(text), words, 9)
    assert texts(plain) == ["Aa bb cc. Dd ee ff.", "Gg hh ii. Jj kk ll.", "# New\n\nMm nn oo."]
    assert texts(overlapping) == ["Aa bb cc. Dd ee ff.", "Dd ee ff. Gg hh ii. Jj kk ll.", "# New\n\nMm nn oo."]


@pytest.mark.parametrize(("max_tokens", "overlap"), [(0, 0), (-1, 0), (10, -1)])
def test_impossible_limits_are_refused(max_tokens: int, overlap: int) -> None:
    with pytest.raises(InputError, match="max_tokens must be 1 or more"):
        split(document("text"), words, max_tokens, overlap)


def test_a_limit_below_the_special_tokens_is_refused() -> None:
    with pytest.raises(InputError, match="leaves no room"):
        split(document("some text that is longer"), like_bert, 2)


ATOMS = st.sampled_from(
    [
        *["# Title\n", "## Sub\n", "\n", "\n\n", " ", "- item ", "1. one ", "| a | b |\n", "```\n", "The cat sat. "],
        *[
            "Dr. Smith",
            "3.14",
            "天空",
            "为什么是蓝色的？",
            "火。",
            "，",
            "；",
            "……",
            "“你好。”",
            "《",
            "!",
            "?",
            ".",
            "e\u0301",
        ],
        *["\u0301", "\u3000", "👩\u200d🚀", "x" * 130, "第一章 总则\n", "\r\n", "\t", "\f", '"', "a"],
    ]
)
TEXTS = st.lists(ATOMS, max_size=60).map("".join) | st.text(max_size=200)
COUNTERS = st.sampled_from([words, letters, like_bert, like_bytes])


@settings(deadline=None, max_examples=400)
@given(TEXTS, st.integers(3, 40), COUNTERS, st.integers(0, 2))
def test_offsets_are_exact_nothing_is_lost_and_the_limit_is_kept(text, max_tokens, count, overlap) -> None:
    passages = split(document(text), count, max_tokens, overlap)
    covered = set()
    end = 0
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text == passage.text.strip() != ""
        assert count([passage.text])[0] <= max_tokens or len(passage.text) == 1
        assert passage.id == -1
        assert overlap or passage.start >= end
        covered.update(range(passage.start, passage.end))
        end = passage.end
    assert all(character.isspace() or place in covered for place, character in enumerate(text))


@settings(deadline=None, max_examples=200)
@given(TEXTS, COUNTERS)
def test_what_fits_is_one_passage(text, count) -> None:
    limit = max(count([text.strip()])[0], len(text) // 20 + 1)
    assert len(split(document(text), count, limit)) == (1 if text.strip() else 0)


@pytest.mark.parametrize(
    "text", ["# a\n" * 40_000, "天" * 150_000, "e" + "\u0301" * 100_000, "word " * 40_000, "- \n" * 40_000]
)
def test_linear_time_and_few_calls(text: str) -> None:
    """Tokens are counted in a few batches, each letter a few times; a quadratic rule would take minutes."""
    calls = [0, 0]

    def count(batch: Sequence[str]) -> list[int]:
        calls[0] += 1
        calls[1] += sum(map(len, batch))
        return letters(batch)

    began = time.perf_counter()
    split(document(text), count)
    assert time.perf_counter() - began < 20
    assert calls[0] <= 12
    assert calls[1] <= 8 * len(text)


@given(
    st.lists(st.sampled_from(["#", "# ", "\n", " ", "　", "第三章 ", "Part II", "CHAPTER 1", "Chapter", "x", "```"]))
)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_a_text_that_has_headings_may_have_headings(parts: list[str]):
    text = "".join(parts)
    assert may_have_headings(text) or all(block.kind != "heading" and not block.path for block in blocks_of(text))


def test_most_texts_have_no_headings():
    assert not may_have_headings("The sky is blue. Part of it is #1.\nSee chapter 3, 第三章。")
    assert may_have_headings("Text.\n  ## A heading")
