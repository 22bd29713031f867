"""Quoting: the right sentence, the right kind of span, evidence within its budget; scores by hand."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter

import pytest

from firmground.knowledge.types import Hit, Passage
from firmground.rag.extract import PER_SENTENCE, RANK, best_sentences, best_span, best_stretches, fit
from firmground.rag.spans import candidates
from firmground.rag.spans_en import kind_of as kind_en
from firmground.rag.spans_zh import kind_of as kind_zh
from firmground.rag.words import content, negated, numbers, stem

TOWER = Passage(
    1,
    "tower",
    "The tower stands in Paris. It was built by Gustave Eiffel in 1889. About 300 workers joined the iron parts. "
    "It was named after its builder because the city admired him.",
    0,
    0,
)
RIVER = Passage(2, "river", "The Seine flows through Paris. It is 777 kilometres long.", 0, 0)
HITS = [Hit(TOWER, 2.0), Hit(RIVER, 1.0)]

HAN = Passage(
    3, "han", "这座铁塔位于巴黎。它由古斯塔夫·埃菲尔于1889年建造。大约有300名工人参与了施工。塞纳河全长777公里。", 0, 0
)
ZH = [Hit(HAN, 1.0)]


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def letters(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who built the tower?", "Gustave Eiffel"),
        ("In what year was the tower built?", "1889"),
        ("When was the tower built?", "1889"),
        ("How many workers joined the iron parts?", "300"),
        ("Where does the tower stand?", "Paris"),
        ("How long is the Seine?", "777 kilometres"),
    ],
)
def test_english_spans(question: str, answer: str) -> None:
    span = best_span(question, HITS)
    assert span is not None
    assert answer in span.text
    assert len(span.text.split()) <= len(answer.split()) + 1
    assert span.hit.passage.text[span.start : span.end] == span.text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("铁塔是谁建造的？", "古斯塔夫·埃菲尔"),
        ("铁塔是哪一年建造的？", "1889年"),
        ("有多少名工人参与了施工？", "300名"),
        ("铁塔位于哪里？", "巴黎"),
        ("塞纳河全长多少公里？", "777公里"),
    ],
)
def test_chinese_spans(question: str, answer: str) -> None:
    span = best_span(question, ZH)
    assert span is not None
    assert answer in span.text
    assert len(span.text) <= len(answer) + 3
    assert span.hit.passage.text[span.start : span.end] == span.text


@pytest.mark.parametrize(
    ("question", "sentence", "answer"),
    [
        ("出差的餐费补贴是多少？", "员工出差每天的餐费补贴为一百二十元。", "一百二十元"),
        ("图书馆有多少名馆员？", "图书馆是一个老机构，现有三十名馆员。", "三十名"),
    ],
)
def test_a_number_in_chinese_letters_answers_how_much(question: str, sentence: str, answer: str) -> None:
    span = best_span(question, [Hit(Passage(1, "d", sentence, 0, len(sentence)), 1.0)])
    assert span is not None
    assert span.text == answer


def test_nothing_to_quote() -> None:
    assert best_span("Who?", []) is None
    assert best_span("Who?", [Hit(Passage(1, "d", " \n", 0, 0), 1.0)]) is None
    only_marks = best_span("谁？", [Hit(Passage(1, "d", "……", 0, 0), 1.0)])
    assert only_marks is not None
    assert only_marks.text == "……"  # a sentence without a word: quoted whole


def test_the_same_question_is_answered_the_same_way_and_offsets_are_the_passages() -> None:
    shifted = Passage(9, "later", TOWER.text, 1000, 1000 + len(TOWER.text))
    one, two = (
        best_span("Who built the tower?", [Hit(TOWER, 1.0)]),
        best_span("Who built the tower?", [Hit(shifted, 1.0)]),
    )
    assert one is not None
    assert two is not None
    assert (one.text, one.start, one.end, one.score) == (two.text, two.start, two.end, two.score)


def test_of_equal_sentences_the_better_ranked_passage_is_quoted() -> None:
    copy = Passage(8, "copy", TOWER.text, 0, 0)
    span = best_span("Who built the tower?", [Hit(copy, 1.0), Hit(TOWER, 1.0)])
    assert span is not None
    assert span.hit.passage.document == "copy"


# ---- answers in whole sentences


@pytest.mark.parametrize(
    ("question", "text", "best"),
    [
        (
            "Why do leaves turn red?",
            "Rain fell. Leaves turn red, because they lose chlorophyll. Bears sleep.",
            "Leaves turn red, because they lose chlorophyll.",
        ),
        ("叶子为什么变红？", "昨天下雨。叶子失去叶绿素，所以变红。熊在睡觉。", "叶子失去叶绿素，所以变红。"),
    ],
)
def test_a_stretch_is_whole_sentences(question: str, text: str, best: str) -> None:
    found = best_stretches(question, [Hit(Passage(1, "d", text, 50, 50 + len(text)), 1.0)], 99)
    assert len(found) == 6  # three of one sentence, two of two, one of all
    assert all(text[one.start : one.end] == one.text for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert found[0].text == best
    assert best_stretches(question, [], 4) == []


def test_a_stretch_scores_the_mean_of_its_sentences_and_a_little_for_each() -> None:
    first, second = "Cats purr.", "Dogs bark."
    hits = [Hit(Passage(1, "a", f"{first} {second}", 0, 0), 1.0), Hit(Passage(2, "b", f"{first} {second}", 0, 0), 0.5)]
    scores = {one.text: one.score for one in best_stretches("Cats purr?", hits, 99)}
    # the second sentence has nothing but what the one before it says, which counts PREVIOUS = 0.3
    assert scores[first] == pytest.approx(1.0 + PER_SENTENCE)
    assert scores[second] == pytest.approx(0.3 + PER_SENTENCE)
    assert scores[f"{first} {second}"] == pytest.approx(0.65 + 2 * PER_SENTENCE)
    (passage,) = {one.hit.passage.document for one in best_stretches("Cats purr?", hits, 99)}
    assert passage == "a"  # the same texts further down score RANK less
    assert RANK > 0


# ---- evidence within a budget


def test_sentences_that_fit_come_in_the_order_of_the_text() -> None:
    """Asked for the workers: that sentence (8 words) first; with 20 words, one that adjoins it is joined to it."""
    (found,) = best_sentences("How many workers joined the iron parts?", HITS, 8, words)
    hit, start, end = found
    assert hit.passage.text[start:end] == "About 300 workers joined the iron parts."
    chosen = best_sentences("How many workers joined the iron parts of the tower in Paris?", HITS, 20, words)
    texts = [hit.passage.text[start:end] for hit, start, end in chosen]
    assert sum(words(texts)) <= 20
    assert any("About 300 workers" in text for text in texts)
    places = [(hit.passage.id, start) for hit, start, _ in chosen]
    assert places == sorted(places)


def test_neighbours_are_joined_and_no_budget_means_everything() -> None:
    everything = best_sentences("tower", HITS, 0, words)
    assert [(hit.passage.text[start:end]) for hit, start, end in everything] == [TOWER.text, RIVER.text]


@pytest.mark.parametrize("budget", [1, 3, 7, 15, 40, 1000])
def test_the_budget_holds_in_both_languages(budget: int) -> None:
    for question, hits, count in (("Who built the tower in Paris?", HITS, words), ("谁建造了铁塔？", ZH, letters)):
        chosen = best_sentences(question, hits, budget, count)
        assert chosen
        assert sum(count([hit.passage.text[start:end] for hit, start, end in chosen])) <= budget


def test_a_first_sentence_that_is_too_long_is_cut_but_a_shorter_one_is_preferred() -> None:
    one = [Hit(Passage(1, "d", "塞纳河全长777公里。", 0, 0), 1.0)]
    ((_, start, end),) = best_sentences("塞纳河多长？", one, 4, letters)
    assert (start, end) == (0, 4)
    assert best_sentences("x", [], 10, letters) == []


# ---- fit


def test_fit_by_hand() -> None:
    """Terms: seine, long, dolphin. Two sentences; df = 1, 1, 0, so ln(1 + 2.5/1.5) twice and ln(1 + 2.5/0.5) once.

    Both sentences together are the best window; only dolphin, the rarest, is missing.
    """
    known, unknown = math.log(1 + 2.5 / 1.5), math.log(1 + 2.5 / 0.5)
    assert content("How long is the Seine dolphin?") == ["long", "sein", "dolphin"]
    value = fit("How long is the Seine dolphin?", [RIVER.text])
    assert value == pytest.approx(2 * known / (2 * known + unknown))


def test_fit_runs_from_nothing_to_all() -> None:
    assert fit("Who built the tower?", ["Ice floats on water."]) == 0.0
    assert fit("Who built the tower?", ["Someone built the tower."]) == pytest.approx(1.0)
    assert fit("谁建造了铁塔？", ["有人建造了铁塔。"]) == pytest.approx(1.0)
    assert fit("谁建造了铁塔？", ["冰浮在水面上。"]) == 0.0
    assert fit("Who?", []) == fit("", ["text"]) == fit("Who?", [""]) == 0.0


# ---- words and kinds


def test_words() -> None:
    assert [stem(word) for word in ("publishes", "published", "cities", "running", "is", "中国")] == [
        "publish", "publish", "city", "run", "is", "中国",
    ]  # fmt: skip
    assert content("Who is who?") == ["who", "is", "who"]
    assert content("铁不会生锈") == content("铁会生锈") == ["铁会", "会生", "生锈"]
    assert numbers("1,000 men, seven ships, 2.50 dollars in 1905") == {"1000", "7", "2.5", "1905"}
    assert numbers("三个人，一个苹果，第二十三届") == {"3", "23"}
    assert [negated(text) for text in ("It isn't so", "no way", "a noble man", "不对", "不仅如此", "未来", "没有")] == [
        True, True, False, True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who won?", "who"),
        ("Which quarterback was drafted?", "who"),
        ("What year did it end?", "year"),
        ("When did it end?", "when"),
        ("How many points?", "number"),
        ("What percentage was it?", "number"),
        ("Which city hosted it?", "where"),
        ("Why did he leave?", "why"),
        ("What was it made of?", "thing"),
    ],
)
def test_kinds_in_english(question: str, kind: str) -> None:
    assert kind_en(question) == kind


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("谁赢了？", "who"),
        ("哪位球员入选？", "who"),
        ("比赛是哪一年结束的？", "year"),
        ("什么时候结束？", "when"),
        ("得了多少分？", "number"),
        ("比赛在哪里举行？", "where"),
        ("他为什么离开？", "why"),
        ("它是用什么做的？", "thing"),
    ],
)
def test_kinds_in_chinese(question: str, kind: str) -> None:
    assert kind_zh(question) == kind


def test_candidates_are_exact_and_cut_at_words() -> None:
    sentence = "It was built by Gustave Eiffel in 1889."
    spans = {sentence[one.start : one.end] for one in candidates("Who built it?", sentence)}
    assert {"Gustave", "Gustave Eiffel", "Eiffel", "1889"} <= spans
    assert not any(span.startswith(("by", "in ", " ")) or span.endswith((".", " ", "in")) for span in spans)
    sentence = "它由古斯塔夫·埃菲尔于1889年建造。"
    spans = {sentence[one.start : one.end] for one in candidates("铁塔是谁建造的？", sentence)}
    assert {"古斯塔夫·埃菲尔", "1889年"} <= spans
    assert not any(set(span) & set("。 ") for span in spans)


@pytest.mark.parametrize(("name", "least"), [("xquad-en", 0.36), ("xquad-zh", 0.34)])
def test_spans_of_real_questions(shared, name: str, least: float) -> None:
    """Token F1 of spans, gold paragraph given, first 150 questions of the half that no weight was chosen on.

    Measured on all 560: 0.39 (en), 0.36 (zh); quoting the whole best sentence gives 0.16 and 0.19.
    """
    from firmground.eval.metrics.normalise import cmrc_tokens, squad_tokens

    def rows(file: str) -> list[dict]:
        lines = (shared / "qa" / name / file).read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    tokens = cmrc_tokens if name.endswith("zh") else squad_tokens
    texts = {row["id"]: row["text"] for row in rows("corpus.jsonl")}
    scores = []
    for row in rows("questions.jsonl"):
        if len(scores) == 150 or hashlib.sha256(row["passage"].encode()).digest()[-1] % 2 == 0:
            continue
        span = best_span(row["question"], [Hit(Passage(1, "d", texts[row["passage"]], 0, 0), 1.0)])
        assert span is not None
        said, gold = Counter(tokens(span.text)), Counter(tokens(row["answers"][0]))
        shared_tokens = (said & gold).total()
        scores.append(2 * shared_tokens / (said.total() + gold.total()) if shared_tokens else 0.0)
    assert len(scores) == 150
    assert sum(scores) / len(scores) >= least
