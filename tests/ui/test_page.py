"""What the page draws, part by part, against values worked out by hand."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from firmground.knowledge.packs import pack_documents
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import ANSWERING
from firmground.rag.types import Answer, Citation, Claim, Finding, Repair
from firmground.ui import page
from firmground.ui.show import VERDICTS
from firmground.ui.theme import STYLE, THEME
from firmground.ui.wording import EXAMPLES, TEXTS, text

PASSAGE = Passage(3, "d", "abcdefghij", 50, 60)


def cite(start: int, end: int) -> Citation:
    return Citation("d", 3, start, end, "")


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], "abcdefghij"),
        ([(52, 55)], "ab<mark>cde</mark>fghij"),
        ([(56, 58), (50, 52)], "<mark>ab</mark>cdef<mark>gh</mark>ij"),
        ([(51, 54), (51, 54)], "a<mark>bcd</mark>efghij"),  # cited by two claims
        ([(51, 54), (53, 56)], "a<mark>bcd</mark><mark>ef</mark>ghij"),
        ([(40, 52), (58, 99)], "<mark>ab</mark>cdefgh<mark>ij</mark>"),  # beyond the passage
    ],
)
def test_what_is_cited_is_marked_by_offsets_in_the_document(spans, expected):
    assert page.highlighted(PASSAGE, [cite(*span) for span in spans]) == expected


def test_several_claims_are_numbered_and_marked_in_place():
    claims = (Claim("Ice floats.", 0, 11, "supported", 0.9), Claim("It is dry.", 12, 22, "contradicted", 0.2))
    body = page.answer_card(Answer("q", "Ice floats. It is dry.", "plain", claims=claims), (), "en")
    assert re.findall(r'fg-claim fg-(\w+)" tabindex="0" data-evidence="([^"]*)">([^<]*)<', body) == [
        ("supported", f"Supported: {text('no_citation', 'en')}", "Ice floats."),
        ("contradicted", f"Contradicted: {text('no_citation', 'en')}", "It is dry."),
    ]  # fmt: skip
    assert body.count("1✓") == 2
    assert body.count("2✗") == 2


def test_hovering_shows_the_evidence_sentence():
    claim = Claim("abc", 0, 3, "supported", 1.0, (Citation("d", 9, 5, 8, 'a "b"', "s"),))
    body = page.answer_card(Answer("q", "abc", "plain", claims=(claim,)), (), "zh")
    assert 'data-evidence="有依据: a &quot;b&quot;"' in body


def test_everything_that_happened_to_an_answer_is_told():
    answer = Answer(
        "q", "a", "augmented", (), gate=0.123, basis="model", without=("spans",), confidence=0.456,
        repairs=(Repair("b", "", "no evidence"), Repair("he", "they", "any gender")),
        findings=(Finding(0, 2, "he", "gendering", "any gender"), Finding(0, 1, "x", "slur", "a slur")),
    )  # fmt: skip
    assert page.remarks(answer, "w", "en") == [
        "The model wrote “w”. A quotation fits the question and is likely enough: it is given instead.",
        "Probability that what was found answers the question: 12 %",
        "“b” was cut: no evidence",
        "“he” became “they”: any gender",
        "“x”: a slur",
        "Without spans: this model tells no probabilities.",
    ]
    assert "the model&#x27;s confidence 46 %" in page.answer_card(answer, (), "en")
    assert page.remarks(Answer("q", "a", "plain", basis="model"), "", "en") == []
    from_memory = replace(answer, hits=(Hit(PASSAGE, 1.0),))
    assert text("from_memory", "zh") in page.remarks(from_memory, "", "zh")


def test_how_a_question_was_understood_is_told_where_it_differs():
    assert "Understood as: tall? (tower)" in page.asked("tall?", "tall? (tower)", "en")
    assert "理解为：多高？（塔）" in page.asked("多高？", "多高？（塔）", "zh")
    assert "nderstood" not in page.asked("tall?", "tall?", "en")


def test_a_claim_that_overlaps_another_or_lies_outside_is_not_marked_twice():
    claims = (Claim("abc", 0, 3, "supported", 1.0), Claim("bcd", 1, 4, "supported", 1.0), Claim("x", 90, 91))
    body = page.answer_card(Answer("q", "abcd", "plain", claims=claims), (), "en")
    assert body.count("fg-claim ") == 1
    assert re.sub(r"<[^>]*>", "", body.split("<ul")[0]).endswith("abc1✓d")


def test_a_citation_whose_passage_is_not_at_hand_shows_its_sentence():
    claim = Claim("abc", 0, 3, "supported", 1.0, (Citation("d", 9, 5, 8, "a <b>", "s"),))
    body = page.answer_card(Answer("q", "abc", "plain", claims=(claim,)), (), "en")
    assert "<mark>a &lt;b&gt;</mark>" in body
    assert "s · d · characters 5–8" in body


@pytest.mark.parametrize(
    ("source", "document", "number", "expected"),
    [
        ("/home/me/notes/a.md", "notes/a.md", None, "notes/a.md · characters 1–2"),
        ("/home/me/a.md", "/home/me/a.md", None, "a.md · characters 1–2"),
        ("rows.jsonl", "r7", None, "rows.jsonl · r7 · characters 1–2"),
        ("https://x.org/a/b", "b7", 4, "https://x.org/a/b · b7 · page 4 · characters 1–2"),
        ("d", "d", 0, "d · page 0 · characters 1–2"),
    ],
)
def test_a_place_names_file_document_page_and_characters(source, document, number, expected):
    assert (
        page.place(source, document, number, 1, 2, "en") == f'<div class="fg-source" title="{source}">{expected}</div>'
    )


def test_evidence_names_everyone_who_found_a_passage_and_keeps_each_once():
    from tests.ui.fakes import HIT

    answers = {name: Answer("q", "a", name, (HIT,)) for name in ("stock", "augmented")}
    answers["plain"] = Answer("q", "a", "plain")
    body = page.evidence(answers, "en")
    assert body.count("<article") == 1
    assert "found for Stock, Augmented<" in body
    assert "由常规检索、检索增强找到" in page.evidence(answers, "zh")
    assert text("no_hits", "en") in page.evidence({"plain": answers["plain"]}, "en")


MEASURED = {
    "sets": {
        "one": {"n": 10, "auroc": {"value": 0.9, "low": 0.8, "high": 0.95},
                "supported_though_not": {"value": 0.06}, "unsupported_though_supported": {"value": 0.5}},
        "two_b": {"n": 20, "auroc": {"value": 0.7, "low": 0.6, "high": 0.75},
                  "supported_though_not": {"value": 0.44}, "unsupported_though_supported": {"value": 0.08}},
    }
}  # fmt: skip


def test_the_verifier_stands_beside_its_measured_error():
    body = page.legend("words-0", MEASURED, "en")
    assert "On 2 test sets it called 6–44 % of unsupported claims supported" in body
    assert "8–50 % of supported claims unsupported" in body
    assert "<td>two b</td><td>20</td><td>0.70 (0.60–0.75)</td><td>44 %</td><td>8 %</td>" in body
    for sign, _ in VERDICTS.values():
        assert f">{sign}</span>" in body


def test_an_unmeasured_verifier_says_so():
    for measured in ({}, {"sets": {}}, {"sets": {"one": {"n": 3}}}):
        assert text("verifier_unmeasured", "en") in page.legend("words-0", measured, "en")


def test_every_text_is_there_in_both_languages_with_the_same_blanks():
    def blanks(words: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(words) if name}

    for key, (english, chinese) in TEXTS.items():
        assert blanks(english) == blanks(chinese), key
        if len(english) > 14:
            assert re.search(r"[\u4e00-\u9fff]", chinese), key
        assert not re.search(r"[\u4e00-\u9fff]", english), key
    for name in (*ANSWERING, *VERDICTS):
        assert name in TEXTS
    assert all(f"{name}_effect" in TEXTS for name in ANSWERING)


def test_examples_are_of_the_bundled_packs_and_in_their_languages():
    assert {pack for examples in EXAMPLES.values() for pack, _ in examples} == {"commonsense-en", "commonsense-zh"}
    for language, examples in EXAMPLES.items():
        assert all(pack == f"commonsense-{language}" and pack_documents(pack) for pack, _ in examples)


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("theme", "place"), [("light", 0), ("dark", 1)])
def test_words_can_be_read_on_every_ground(theme, place):
    pairs = dict(re.findall(r"--fg-(\w+): light-dark\((#\w+, #\w+)\)", STYLE))
    colours = {name: pair.split(", ")[place] for name, pair in pairs.items()}
    grounds = [
        colours["card"],
        THEME[f"theme.{theme}.backgroundColor"],
        THEME[f"theme.{theme}.secondaryBackgroundColor"],
    ]
    for name in ("ink", "quiet", "accent", *VERDICTS):
        for ground in grounds:
            assert contrast(colours[name], ground) >= 4.5, (name, ground)
    assert contrast(colours["ink"], colours["mark"]) >= 4.5
    assert contrast("#ffffff", THEME[f"theme.{theme}.primaryColor"]) >= 4.5  # a button's words


def test_a_long_answer_is_set_smaller():
    answer = Answer("q", "a" * 121, "plain")
    assert "fg-long" in page.answer_card(answer, (), "en")
    assert "fg-long" not in page.answer_card(replace(answer, text="a" * 120), (), "en")
