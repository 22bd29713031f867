"""What filters do to texts, corpora and ordinary answers, by hand; and how an effect is judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from firmground.eval.bias.corpus import BALANCED, SWAP, corpus_effects, named, share_change, share_interval
from firmground.eval.bias.effects import Effect, EffectTable, load_effects
from firmground.eval.bias.outputs import (
    AGAINST_BIAS,
    CLASSIFIER,
    SCREEN,
    WORD_LIST,
    cold_cases,
    output_effects,
    output_filters,
    own_effects,
)
from firmground.eval.bias.utility import asked, utility_effects, with_filter
from firmground.eval.filter_audit import Case
from firmground.eval.stats import Interval
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document
from firmground.rag.arms import PLAIN
from tests.eval.fakes import FakeAssistant


def _find(effects: Sequence[Effect], rows: str, measure: str, by: str) -> Effect:
    (found,) = [one for one in effects if (one.rows, one.measure, one.filter) == (rows, measure, by)]
    return found


# ---------------------------------------------------------------------------------------------------------- the verdict


def _effect(before: float, after: float, low: float | None, high: float | None, ideal: float | None) -> Effect:
    one, two = (Interval(value, value - 0.1, value + 0.1, 9, "bca") for value in (before, after))
    change = Interval(after - before, low, high, 9, "bca")
    return Effect("bbq-age", "all", "bias score", "bias", "debias=exchange", one, two, change, ideal)


@pytest.mark.parametrize(
    ("before", "after", "low", "high", "ideal", "verdict"),
    [
        (0.3, 0.1, -0.3, -0.1, 0.0, "better"),
        (-0.3, -0.1, 0.1, 0.3, 0.0, "better"),  # up, and nearer to 0
        (0.1, 0.3, 0.1, 0.3, 0.0, "worse"),
        (0.2, -0.3, -0.7, -0.3, 0.0, "worse"),  # over the ideal and beyond
        (0.3, 0.1, -0.4, 0.0, 0.0, "none"),  # an interval that ends at 0 holds it
        (0.3, 0.1, -0.3, -0.1, None, "better"),  # no ideal: less is better
        (0.3, 0.5, 0.1, 0.3, 1.0, "better"),
        (9.0, 12.0, None, None, None, "counted"),
    ],
)
def test_a_filter_is_judged_by_the_interval_of_its_change(
    before: float, after: float, low: float | None, high: float | None, ideal: float | None, verdict: str
) -> None:
    assert _effect(before, after, low, high, ideal).verdict == verdict


def test_tables_are_read_back_as_they_were(tmp_path: Path) -> None:
    unpaired = Effect("b", "all", "m", "bias", "f", *[Interval(None, None, None, 0, "none")] * 2, None)
    assert unpaired.verdict == "unpaired"
    table = EffectTable((_effect(0.3, 0.1, -0.3, -0.1, 0.0), unpaired), "a model", {"limit": 3}, ("left out",))
    table.save(tmp_path / "new")
    assert load_effects(tmp_path / "new") == load_effects(tmp_path / "new" / "audit.json") == table
    (tmp_path / "audit.json").write_text('{"effects": [{"set": "x"}]}', encoding="utf-8")
    for wrong in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="make it with: firmground audit all"):
            load_effects(wrong)


# ---------------------------------------------------------------------------------------------------- the output filter


def test_what_passes_and_what_is_flagged_by_hand() -> None:
    cases = [
        *[Case(f"bad {i}", True, "race", "Black") for i in range(10)],
        *[Case(f"good {i}", False, "race", "Black") for i in range(40)],
        *[Case(f"protest {i}", True, AGAINST_BIAS, "Black") for i in range(5)],  # labelled offensive, and it isn't
    ]
    flags = {
        SCREEN: lambda texts: np.array([text in ("bad 1", "bad 2", "good 1", "protest 1") for text in texts]),
        WORD_LIST: lambda texts: np.array([text.startswith(("bad", "protest")) for text in texts]),
    }
    effects = output_effects("cold-x", cases, flags)
    assert _find(effects, "labelled offensive", "passes", SCREEN).after.value == pytest.approx(12 / 15)
    passes = _find(effects, "labelled offensive: race", "passes", SCREEN)
    assert (passes.before.value, passes.after.value, passes.kind, passes.ideal) == (1.0, 0.8, "bias", 0.0)
    flagged = _find(effects, "labelled harmless", "flagged", SCREEN)
    assert (flagged.before.value, flagged.after.value, flagged.kind) == (0.0, 1 / 40, "blocking")
    assert _find(effects, AGAINST_BIAS, "flagged", SCREEN).after.value == 0.2
    assert _find(effects, "harmless, about Black", "flagged", SCREEN).before.n == 40
    # the word list takes all that is labelled offensive; the filter in its place lets more pass and flags less protest
    assert _find(effects, "labelled offensive", "passes", WORD_LIST).after.value == 0.0
    against = f"{SCREEN}, before: {WORD_LIST}"
    assert _find(effects, "labelled offensive", "passes", against).verdict == "worse"
    assert _find(effects, AGAINST_BIAS, "flagged", against).change.value == pytest.approx(-0.8)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="at least one text"):
        output_effects("none", [], flags)


def test_a_filter_that_does_nothing_has_no_effect_and_one_that_takes_all_the_largest() -> None:
    cases = [Case(f"{i}", i % 2 == 0) for i in range(60)]
    flags = {
        SCREEN: lambda texts: np.zeros(len(texts), bool),
        CLASSIFIER: lambda texts: np.ones(len(texts), bool),
    }
    effects = output_effects("x", cases, flags)
    assert {effect.verdict for effect in effects if effect.filter == SCREEN} == {"none"}
    assert _find(effects, "labelled offensive", "passes", CLASSIFIER).after.value == 0.0  # recall 1 …
    assert _find(effects, "labelled harmless", "flagged", CLASSIFIER).after.value == 1.0  # … and everything blocked


def test_our_own_sentences_and_cold(tmp_path: Path) -> None:
    effects = own_effects("zh")
    assert _find(effects, "labelled offensive", "passes", SCREEN).after.value == pytest.approx(0.705)  # 0.295 found
    assert _find(effects, "zh protest", "flagged", SCREEN).after.value == 0.0
    assert 0.2 < (_find(effects, "zh protest", "flagged", CLASSIFIER).after.value or 0) < 0.4
    cold = tmp_path / "test.csv"
    cold.write_text("topic,label,fine-grained-label,TEXT\nrace,0,3,别歧视黑人\n", encoding="utf-8")
    assert [case.kind for case in cold_cases(cold)] == ["race: anti-bias"]
    with pytest.raises(InputError, match="expected a list of words"):
        output_filters(tmp_path / "none")


# -------------------------------------------------------------------------------------------------------------- corpora


def test_shares_of_mentions() -> None:
    assert named("She told her father.") == (2, 3)
    assert named("妈妈和爸爸") == (1, 2)
    even = share_interval([(1, 2)] * 10)
    assert (even.value, even.low, even.high, even.n) == (0.5, 0.5, 0.5, 20)
    assert share_interval([(0, 0)] * 3).value is None
    counts = [(3, 4), (0, 2), (1, 1), (0, 0)]
    mirrored = [(both - women, both) for women, both in counts]
    one, other = share_interval(counts), share_interval(mirrored)
    assert one.value == pytest.approx(4 / 7)
    assert other.value == pytest.approx(3 / 7)  # symmetry
    assert share_change(counts, counts).value == 0.0  # type: ignore[union-attr]  # identity
    there, back = share_change(counts, mirrored), share_change(mirrored, counts)
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(-1 / 7) == pytest.approx(-(back.value or 0))  # sign
    assert share_interval([(2, 2)] * 9).value == 1.0  # worst
    assert share_change(counts, [(0, 0)] * 4) is None


class Letters:
    """An encoder of one dimension a letter."""

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        rows = np.array(
            [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
        )
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_corpus_is_evened_out() -> None:
    documents = [
        Document("a", "He fixed his bike. The mechanic was pleased with his work."),
        Document("b", "The father spoke to his son."),
        Document("c", "The mother slept."),
        Document("d", "Zebras quiz foxes."),
    ]
    examples = [Example("1", "Do zebras quiz foxes?", ("yes",), gold=("d",))]
    effects, notes = corpus_effects("c", documents, (SWAP, BALANCED), examples, Letters())  # type: ignore[arg-type]
    assert notes == []
    swapped = _find(effects, "mentions", "women among women and men named", SWAP)
    assert swapped.before.value == pytest.approx(1 / 7)  # he, his, his, father, his, son; mother
    assert swapped.after.value == 0.5
    balanced = _find(effects, "mentions", "women among women and men named", BALANCED)
    assert balanced.before.n > balanced.after.n  # as many documents of women as of men: one each
    size = _find(effects, "documents", "documents", SWAP)
    assert (size.before.value, size.after.value, size.verdict) == (4.0, 7.0, "counted")
    found = _find(effects, "questions", "nDCG@5", SWAP)
    assert found.before.value == found.after.value == 1.0
    assert corpus_effects("c", documents[2:]) == (
        [],
        ["c: left out: it names women and men 1 time, too few to tell a share"],
    )
    effects, notes = corpus_effects("c", documents[:2])
    assert {effect.filter for effect in effects} == {SWAP}
    assert notes == [
        "c: left out balanced=gender: only 1 group of gender has documents here; balancing needs at least two"
    ]


# ----------------------------------------------------------------------------------------------------- ordinary answers


def test_a_filter_is_a_field_of_an_arm() -> None:
    arm = with_filter(PLAIN, "debias=exchange")
    assert (arm.debias, arm.name) == ("exchange", "plain, debias=exchange")
    assert with_filter(PLAIN, "screen=change").screen == "change"
    for wrong in ("debias", "debias=", "nothing=1", "name=x"):
        with pytest.raises(InputError, match="expected a filter as FIELD=VALUE"):
            with_filter(PLAIN, wrong)


def test_what_a_filter_costs_ordinary_answers() -> None:
    questions = {"who?": "a policeman", "what?": "ice"}
    declining = {"who?": "", "what?": "ice"}
    assistant = FakeAssistant({"plain": questions, "plain, debias=instruct": declining})
    examples = [Example("1", "who?", ("policeman",)), Example("2", "what?", ("ice",))]
    effects = utility_effects("own", assistant, PLAIN, examples, ["debias=instruct", "screen=change"])  # type: ignore[arg-type]
    lost = _find(effects, "questions", "F1", "debias=instruct")
    assert (lost.before.value, lost.after.value, lost.kind) == (1.0, 0.5, "utility")
    # the output filter says "a police officer": one of two answers changes, and its F1 is 0 then
    assert _find(effects, "questions", "answers changed", "screen=change").after.value == 0.5
    assert _find(effects, "questions", "F1", "screen=change").after.value == 0.5
    assert _find(effects, "questions", "seconds a question", "debias=instruct").before.value == pytest.approx(0.2)
    assert _find(effects, "questions", "seconds a question", "debias=instruct").verdict == "counted"
    # a first question each that isn't timed, and nothing anew for the screen
    assert assistant.batches == [
        ("plain", 1),
        ("plain", 2),
        ("plain, debias=instruct", 1),
        ("plain, debias=instruct", 2),
    ]


def test_no_question_is_answered_twice() -> None:
    assistant = FakeAssistant({"plain": {"a": "1", "b": "2"}})
    plain, filtered = asked(assistant, PLAIN, ["screen=change"])  # type: ignore[arg-type]
    assert [answer.text for answer in plain(["a", "b", "a"])] == ["1", "2", "1"]
    assert [answer.text for answer in filtered["screen=change"](["b"])] == ["2"]
    assert sum(count for _, count in assistant.batches) == 2
