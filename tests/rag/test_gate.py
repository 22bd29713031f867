"""The gate's signals and probability by hand, and what an assistant does with them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag.abstain import ABSTAIN_EN, ABSTAIN_ZH
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN
from firmground.rag.assistant import Assistant
from firmground.rag.extract import PREVIOUS, sentence_fit
from firmground.rag.gate import CALIBRATIONS, Calibration, answers_probability, calibration, signals
from tests.rag.fakes import Echo, Shelf

ICE = "Ice floats on water. Water expands by 9 percent when it freezes."
QUESTION, OTHER = "By how much does water expand when it freezes?", "Who painted the Mona Lisa?"
QUESTION_ZH, OTHER_ZH = "水结冰时体积膨胀多少？", "谁画了蒙娜丽莎？"
ENCODER = "all-MiniLM-L6-v2"


def hit(text: str, cosine: float | None = None, number: int = 0) -> Hit:
    scores = {} if cosine is None else {"dense": cosine}
    return Hit(Passage(number, f"d{number}", text, 0, len(text)), 1.0, {}, scores)


def test_signals_by_hand() -> None:
    found = signals(QUESTION, [hit(ICE, 0.6), hit("The Moon is far.", 0.2, 1), hit("Cats purr.", 0.1, 2)])
    assert found["sentence"] == 1.0  # the second sentence has water, expand and freeze
    assert found["cosine"] == 0.6
    assert found["ahead"] == pytest.approx(0.6 - 0.3)
    assert signals(QUESTION, [hit(ICE)]).keys() == {"sentence"}


def test_sentence_fit_by_hand() -> None:
    """Terms: seine, long, dolphin; df 1, 1, 0 of two sentences: ln(1 + 2.5 / 1.5) twice, ln(1 + 2.5 / 0.5) once. The
    second sentence has "long" itself and "Seine" from the sentence before it."""
    known, unknown = math.log(1 + 2.5 / 1.5), math.log(1 + 2.5 / 0.5)
    fit = sentence_fit("How long is the Seine dolphin?", [hit("The Seine crosses Paris. It is 777 km long.")])
    assert fit == pytest.approx((known + PREVIOUS * known) / (2 * known + unknown))
    assert sentence_fit("Who?", []) == 0.0


def test_a_probability_by_hand() -> None:
    one = Calibration("en", "", -1.0, {"sentence": 2.0})
    assert one.probability({"sentence": 0.5}) == 0.5
    assert one.probability({"sentence": 1.0, "cosine": 9.0}) == pytest.approx(1 / (1 + math.exp(-1)))
    assert 0 < Calibration("en", "", -1e6, {}).probability({}) < 1e-20  # no overflow


def test_the_calibration_is_that_of_language_and_encoder_and_words_alone_for_others() -> None:
    dense = {"sentence": 1.0, "cosine": 0.5, "ahead": 0.1}
    assert calibration("en", ENCODER, dense).encoder == ENCODER
    assert calibration("en", "another", dense).encoder == ""
    assert calibration("en", ENCODER, {"sentence": 1.0}).encoder == ""
    # The default encoder doesn't know Chinese: no cosines, words alone.
    assert calibration("zh", ENCODER, {"sentence": 1.0}).encoder == ""
    assert {one.language for one in CALIBRATIONS if not one.encoder} == {"en", "zh"}


@pytest.mark.parametrize(("question", "other", "text"), [
    (QUESTION, OTHER, ICE), (QUESTION_ZH, OTHER_ZH, "冰浮在水面上。水结冰时体积膨胀约9%。"),
])  # fmt: skip
def test_evidence_of_the_matter_is_probable_and_other_evidence_is_not(question: str, other: str, text: str) -> None:
    assert answers_probability(question, [hit(text)]) > 0.9
    assert answers_probability(other, [hit(text)]) < 0.1
    assert answers_probability(question, []) == answers_probability(question, [hit("  ")]) == 0.0


def test_a_nearer_hit_is_more_probable() -> None:
    near, far = ([hit("Ice is cold.", cosine), hit("x", 0.1, 1)] for cosine in (0.7, 0.2))
    assert answers_probability("Why is ice cold outside?", near, ENCODER) > answers_probability(
        "Why is ice cold outside?", far, ENCODER
    )


def test_own_weights_by_hand_and_what_ships_where_they_lack_a_signal() -> None:
    hits = [hit(ICE, 0.6), hit("The Moon is far.", 0.2, 1)]  # sentence 1, cosine 0.6, ahead 0.2
    own = answers_probability(QUESTION, hits, "another", (-1.0, 2.0, -5.0, 10.0))
    assert own == pytest.approx(1 / (1 + math.exp(1 - 2 + 3 - 2)))
    assert answers_probability(QUESTION, hits, ENCODER, (-1.0, 2.0)) == pytest.approx(1 / (1 + math.exp(-1)))
    words = [hit(ICE)]
    assert answers_probability(QUESTION, words, ENCODER, (-1.0, 2.0, -5.0, 10.0)) == answers_probability(
        QUESTION, words, ENCODER
    )
    assert answers_probability(QUESTION, [], ENCODER, (9.0, 1.0)) == 0.0
    for wrong in ((1.0,), (1.0, 2.0, 3.0, 4.0, 5.0)):
        with pytest.raises(InputError, match=f"got {len(wrong)} numbers"):
            answers_probability(QUESTION, words, ENCODER, wrong)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({"ice": ICE, "冰": "冰浮在水面上。水结冰时体积膨胀约9%。"})


def test_an_arm_with_a_gate_abstains_or_answers_from_memory_and_says_so(shelf: Shelf) -> None:
    echo = Echo({"9 percent": "9 percent", "Mona": "Leonardo", "膨胀约9%": "约9%", "蒙娜丽莎": "达芬奇"})
    assistant = Assistant(shelf, echo)  # type: ignore[arg-type]
    gated = replace(AUGMENTED, gate=0.5)
    for question, other, abstention, memory in (
        (QUESTION, OTHER, ABSTAIN_EN, "Leonardo"),
        (QUESTION_ZH, OTHER_ZH, ABSTAIN_ZH, "达芬奇"),
    ):
        answer, declined = assistant.answer_batch([question, other], gated)
        assert (answer.basis, declined.basis) == ("evidence", "none")
        assert answer.gate is not None
        assert declined.gate is not None
        assert answer.gate >= 0.5 > declined.gate
        assert declined.text == abstention
        assert declined.hits != ()  # what was found is told, though it wasn't used
        (own,) = assistant.answer_batch([question], replace(gated, gate_weights=(9.0, -99.0)))
        assert own.abstained  # these weights count the question's own words against it
        (remembered,) = assistant.answer_batch([other], replace(gated, ungrounded="model"))
        assert (remembered.text, remembered.basis, remembered.abstained) == (memory, "model", False)
        assert ICE not in str(echo.prompts[-1])


def test_without_a_gate_nothing_is_asked_of_it_and_plain_answers_from_memory(shelf: Shelf) -> None:
    assistant = Assistant(shelf, Echo({"9 percent": "9 percent", "expand": "twice"}))  # type: ignore[arg-type]
    (augmented,), (plain,) = (assistant.answer_batch([QUESTION], arm) for arm in (AUGMENTED, PLAIN))
    assert (augmented.gate, augmented.basis) == (None, "evidence")
    assert (plain.gate, plain.basis) == (None, "model")
    assert Assistant(shelf).ask(OTHER, replace(EXTRACTIVE, gate=0.5, ungrounded="model")).abstained  # type: ignore[arg-type]


def test_choices_are_not_gated(shelf: Shelf) -> None:
    assistant = Assistant(shelf, Echo({"Mona": "A"}))  # type: ignore[arg-type]
    (answer,) = assistant.answer_batch([OTHER], replace(AUGMENTED, gate=0.99), choices=[["Leonardo", "Monet"]])
    assert not answer.abstained
    assert answer.gate is None
