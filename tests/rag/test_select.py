"""Choosing between the written answer and quoted spans, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from firmground.knowledge.types import Hit, Passage
from firmground.rag.abstain import ABSTAIN_EN
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, LONGFORM, PLAIN, in_sentences
from firmground.rag.assistant import Assistant
from firmground.rag.extract import Span, best_span, best_spans
from firmground.rag.prompt import build
from firmground.rag.select import FULL_MEAN, FULL_WRITTEN, MEAN, SUM, WRITTEN, best_text
from firmground.rag.types import Answer, Replaced, Weighing
from tests.rag.fakes import Echo, Shelf, Teller


def span(text: str, score: float) -> Span:
    return Span(text, Hit(Passage(0, "d", text, 0, len(text)), 1.0), 0, len(text), score)


def nats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_likelihood_and_fit_are_added():
    # one token each: the sum is the mean, so a nat weighs SUM + MEAN
    lost = (SUM + MEAN) * 1.0  # what a text that is less likely by one nat loses
    better, worse = span("Paris", WRITTEN + lost + 0.01), span("Paris", WRITTEN + lost - 0.01)
    assert best_text("Rome", [better], [nats(-1.0), nats(-2.0)]) == 1
    assert best_text("Rome", [worse], [nats(-1.0), nats(-2.0)]) == 0


def test_a_written_answer_that_is_a_span_has_its_score():
    spans = [span("Rome", 5.0), span("Paris", 4.0)]
    # the same text weighs the same; the earlier of the two, the written one, is taken
    assert best_text("Rome", spans, [nats(-1.0), nats(-1.0), nats(-1.0)]) == 0
    assert best_text("Oslo", spans, [nats(-1.0), nats(-1.0), nats(-1.0)]) == 1


def test_a_longer_text_pays_for_its_sum_and_not_for_its_mean():
    spans = [span("a", 1.0), span("a b", 1.0)]
    rows = [nats(-50.0), nats(-1.0), nats(-1.0, -1.0)]
    assert best_text("x", spans, rows) == 1
    closer = [span("a", 1.0), span("a b", 1.0 + SUM * 1.0 + 0.01)]  # the second token costs one nat of the sum
    assert best_text("x", closer, rows) == 2


def test_of_whole_sentences_only_the_mean_counts():
    rows = [nats(-1.0), nats(-2.0, -2.0, -2.0)]  # the quotation loses one nat a token, five in all
    enough, less = FULL_WRITTEN + FULL_MEAN + 0.01, FULL_WRITTEN + FULL_MEAN - 0.01
    assert best_text("Rome", [span("a b c", enough)], rows, "sentences") == 1
    assert best_text("Rome", [span("a b c", less)], rows, "sentences") == 0


def test_a_text_without_tokens_is_never_taken():
    assert best_text("x", [span("", 99.0)], [nats(-30.0), nats()]) == 0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who built the bridge in 1901?", "The bridge was built by Anna Berg in 1901. It is 300 metres long."),
        ("谁在1901年建造了这座桥？", "这座桥由王建国于1901年建造。桥长300米。"),
    ],
)
def test_spans_are_different_and_begin_with_the_best(question, text):
    hits = [Hit(Passage(0, "d", text, 0, len(text)), 1.0)]
    spans = best_spans(question, hits, 8)
    texts = [one.text for one in spans]
    assert 1 < len(texts) == len(set(texts)) <= 8
    assert [one.score for one in spans] == sorted((one.score for one in spans), reverse=True)
    assert spans[0] == best_span(question, hits)
    assert all(text[one.start : one.end] == one.text for one in spans)
    assert best_spans(question, [], 8) == []


TEXTS = {"ice": "Ice floats on water. Water expands by 9 percent when it freezes."}
QUESTION = "By how much does water expand when it freezes?"


def asked(generator: Echo, arm=AUGMENTED) -> Answer:
    return Assistant(Shelf(TEXTS), generator).answer_batch([QUESTION], arm)[0]  # type: ignore[arg-type]


def test_a_span_that_fits_takes_the_place_of_an_unlikely_answer():
    quote = best_span(QUESTION, Shelf(TEXTS).search([QUESTION])[0])
    assert quote is not None
    generator = Teller({"expand": "twice as much"}, likely=[quote.text])
    answer = asked(generator)
    assert answer.text == quote.text
    assert "9 percent" in answer.text
    assert all(text.startswith(" ") for _, text in generator.told)  # as words follow a completion prompt
    assert len({prompt for prompt, _ in generator.told}) == 1  # the prompt that was answered, read once
    words = len(quote.text.split())
    read = sum(len(text.split()) for _, text in generator.told)
    assert (answer.usage.completion_tokens, answer.usage.prompt_tokens) == (words, 7 + read - words)
    assert answer.confidence == pytest.approx(np.exp(-0.01), rel=1e-4)


def test_an_answer_that_is_much_likelier_stands():
    generator = Teller({"expand": "twice as much"}, likely=["twice as much"])
    generator.score_batch = lambda prompts, texts: [  # type: ignore[method-assign]
        nats(-0.01 if text == " twice as much" else -90.0) for text in texts
    ]
    assert asked(generator).text == "twice as much"


@pytest.mark.parametrize(
    ("generator", "arm", "text"),
    [
        (Echo({"expand": "twice as much"}), AUGMENTED, "twice as much"),  # tells no likelihoods
        (Teller({"expand": ABSTAIN_EN}, []), AUGMENTED, ABSTAIN_EN),  # declined: not talked out of it
        (Teller({"expand": "twice as much"}, []), PLAIN, "twice as much"),  # sees no evidence
    ],
    ids=["no likelihoods", "declined", "plain"],
)
def test_where_nothing_is_weighed_the_written_answer_stands(generator, arm, text):
    answer = asked(generator, arm)
    assert answer.text == text
    assert getattr(generator, "told", []) == []


def test_a_streamed_answer_ends_as_the_same_answer():
    quote = best_span(QUESTION, Shelf(TEXTS).search([QUESTION])[0])
    assert quote is not None
    generator = Teller({"expand": "twice as much"}, likely=[quote.text])
    *pieces, last = Assistant(Shelf(TEXTS), generator).stream(QUESTION)  # type: ignore[arg-type]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "twice as much"
    of = len(generator.told)  # the written text and the spans, weighed one after the other
    assert [piece for piece in pieces if not isinstance(piece, str)] == [
        *(Weighing(number, of) for number in range(1, of + 1)), Replaced(quote.text, "quotation")
    ]  # fmt: skip
    assert isinstance(last, Answer)
    assert last.text == quote.text


@pytest.mark.parametrize("arm", [LONGFORM, in_sentences(EXTRACTIVE)])
def test_an_answer_in_whole_sentences_is_quoted_whole(arm):
    quoted = "Water expands by 9 percent when it freezes."
    answer = asked(Teller({"expand": "twice as much"}, likely=[quoted]), arm)
    assert answer.text == quoted


def test_words_and_sentences_are_asked_for_by_examples_and_by_an_instruction():
    for question, few, full in ((QUESTION, "in a few words", "in one to three sentences"),
                                ("水结冰时膨胀多少？", "用几个词回答", "用一到三句话回答")):  # fmt: skip
        short, long = (build(question, ["…"], arm, completes=True) for arm in (AUGMENTED, LONGFORM))
        told, told_long = (build(question, ["…"], arm, completes=False)[0]["content"] for arm in (AUGMENTED, LONGFORM))
        assert len(long) > len(short)
        assert few in told
        assert full in told_long
        assert build(question, ["…"], LONGFORM, completes=True, choices=["a", "b"]).startswith(short[:200])
