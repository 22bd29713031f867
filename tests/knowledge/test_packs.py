"""The bundled commonsense pack and its questions: complete, the same in both languages, free of near-duplicates.

Whether a fact is right no test can tell. These hold what can be counted: sizes, ids, answers that stand in their
passages, and questions that don't repeat the passage they ask for.
"""

from __future__ import annotations

import importlib.resources
import itertools
import json
import re
import unicodedata
from collections import Counter
from typing import Any

import pytest

LANGUAGES = ("en", "zh")
CATEGORIES = ("physical", "spatial", "temporal", "numbers", "biological", "social", "safety", "misconceptions")
PACK, TASK = "firmground.knowledge.packs", "firmground.eval.tasks"

Row = dict[str, Any]


def rows_of(package: str, language: str) -> list[Row]:
    text = (importlib.resources.files(package) / f"commonsense-{language}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


PASSAGES = {language: rows_of(PACK, language) for language in LANGUAGES}
QUESTIONS = {language: rows_of(TASK, language) for language in LANGUAGES}
TEXTS = {language: {row["id"]: row["text"] for row in PASSAGES[language]} for language in LANGUAGES}


def answerable(language: str) -> list[Row]:
    return [row for row in QUESTIONS[language] if row["answerable"]]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


# Words that carry no content: a question shares them with any passage.
STOP_WORDS = frozenset(
    words(
        """a about after all am an and any are as at be been before but by can could did do does for from get had has
        have he her his how i if in into is it its just me more most much many my no nor not of off on only or our out
        over own she should so some such than that the their them then there they this those to too up us was we were
        what when where which while who whom whose why will with would you your"""
    )
)


def characters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def shingles(text: str, language: str, size: int) -> set[tuple[str, ...]]:
    units = words(text) if language == "en" else list(characters(text))
    return {tuple(units[start : start + size]) for start in range(len(units) - size + 1)}


def overlap(question: str, passage: str, language: str) -> float:
    """The share of the question that stands in the passage: content words in English, character bigrams in Chinese."""
    if language == "en":
        asked, said = set(words(question)) - STOP_WORDS, set(words(passage))
        return len(asked & said) / len(asked)
    asked_pairs = shingles(question, language, 2)
    return len(asked_pairs & shingles(passage, language, 2)) / len(asked_pairs)


def similar_pairs(texts: dict[str, str], language: str, limit: float = 0.2) -> list[tuple[str, str, float]]:
    """Pairs of texts whose Jaccard index is above `limit`, by word 3-grams (English) or character 4-grams (Chinese)."""
    sets = {key: shingles(text, language, 3 if language == "en" else 4) for key, text in texts.items()}
    pairs = ((a, b, len(sets[a] & sets[b]) / len(sets[a] | sets[b])) for a, b in itertools.combinations(sets, 2))
    return [pair for pair in pairs if pair[2] > limit]


@pytest.mark.parametrize("package", [PACK, TASK])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_line_is_one_json_object_in_plain_characters(package: str, language: str) -> None:
    raw = (importlib.resources.files(package) / f"commonsense-{language}.jsonl").read_bytes()
    assert raw.endswith(b"\n")
    for line in raw.decode("utf-8").removesuffix("\n").split("\n"):
        assert line == json.dumps(json.loads(line), ensure_ascii=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pack_has_enough_passages_of_every_category(language: str) -> None:
    rows = PASSAGES[language]
    assert len(rows) >= 200
    assert all(set(row) == {"id", "title", "category", "text"} for row in rows)
    counts = Counter(row["category"] for row in rows)
    assert set(counts) == set(CATEGORIES)
    assert {name: count for name, count in counts.items() if count < 20} == {}
    assert [row["id"] for row in rows if not row["id"].startswith(f"{row['category']}-")] == []


def test_the_passages_are_the_same_in_both_languages() -> None:
    en, zh = ([(row["id"], row["category"]) for row in PASSAGES[language]] for language in LANGUAGES)
    assert en == zh
    assert len(set(en)) == len(en)


def test_a_passage_is_a_short_paragraph() -> None:
    assert {key: len(text.split()) for key, text in TEXTS["en"].items() if not 30 <= len(text.split()) <= 80} == {}
    assert {key: len(text) for key, text in TEXTS["zh"].items() if not 50 <= len(text) <= 150} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_passage_and_no_question_stands_twice(language: str) -> None:
    assert similar_pairs(TEXTS[language], language) == []
    titles = Counter(row["title"] for row in PASSAGES[language])
    assert [title for title, count in titles.items() if count > 1] == []
    assert similar_pairs({row["id"]: row["question"] for row in QUESTIONS[language]}, language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_enough_questions_and_enough_that_the_pack_leaves_open(language: str) -> None:
    rows = QUESTIONS[language]
    assert len(rows) >= 100
    assert sum(not row["answerable"] for row in rows) >= 25
    assert {row["category"] for row in rows if row["answerable"]} == set(CATEGORIES)
    assert {row["category"] for row in rows if not row["answerable"]} == set(CATEGORIES)


def test_the_questions_are_the_same_in_both_languages() -> None:
    en, zh = (
        [tuple(row[field] for field in ("id", "answerable", "category", "passage")) for row in QUESTIONS[language]]
        for language in LANGUAGES
    )
    assert en == zh
    assert len({row[0] for row in en}) == len(en)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gold_answer_stands_word_for_word_in_its_passage(language: str) -> None:
    category = {row["id"]: row["category"] for row in PASSAGES[language]}
    for row in answerable(language):
        assert category[row["passage"]] == row["category"], row["id"]
        assert all(answer == answer.strip() != "" for answer in row["answers"]), row["id"]
        assert len(set(row["answers"])) == len(row["answers"]), row["id"]
        passage = TEXTS[language][row["passage"]].lower()
        assert any(answer_in(answer.lower(), passage, language) for answer in row["answers"]), row["id"]


def answer_in(answer: str, passage: str, language: str) -> bool:
    if language == "zh":
        return answer in passage
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", passage) is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unanswerable_question_names_no_answer_and_no_passage(language: str) -> None:
    for row in QUESTIONS[language]:
        if not row["answerable"]:
            assert row["answers"] == [], row["id"]
            assert row["passage"] is None, row["id"]


@pytest.mark.parametrize(("language", "limit"), [("en", 0.6), ("zh", 0.5)])
def test_a_question_does_not_repeat_its_passage(language: str, limit: float) -> None:
    shares = {
        row["id"]: overlap(row["question"], TEXTS[language][row["passage"]], language) for row in answerable(language)
    }
    assert {key: share for key, share in shares.items() if share >= limit} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_does_not_hold_its_own_answer(language: str) -> None:
    for row in answerable(language):
        told = [answer for answer in row["answers"] if answer_in(answer.lower(), row["question"].lower(), language)]
        assert told == [], row["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_free_of_control_characters_and_stray_blanks(language: str) -> None:
    texts = [text for row in PASSAGES[language] for text in (row["title"], row["text"])]
    texts += [text for row in QUESTIONS[language] for text in (row["question"], *row["answers"])]
    for text in texts:
        assert not any(unicodedata.category(character).startswith("C") for character in text), repr(text)
        assert text == text.strip() != "", repr(text)
        assert "  " not in text, repr(text)
        assert unicodedata.is_normalized("NFC", text), repr(text)


def test_the_measures_see_what_they_should() -> None:
    same = {"a": "the cat sat on the mat", "b": "The cat sat on the mat!", "c": "a dog ran over the hill"}
    assert [pair[:2] for pair in similar_pairs(same, "en")] == [("a", "b")]
    assert similar_pairs({"a": "冰会浮在水上", "b": "冰会浮在水上。"}, "zh") == [("a", "b", 1.0)]
    assert overlap("Which metal is the best conductor?", "Silver is the best conductor.", "en") == pytest.approx(2 / 3)
    assert overlap("水结冰", "水结成冰", "zh") == pytest.approx(1 / 2)
    assert not answer_in("art", "a party", "en")
