"""Ablation: which arms are asked, that two of them differ in one mitigation alone, and the table by hand."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from firmground.eval.ablate import MITIGATIONS, ablate, ablation_table, plan
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN, STOCK, Arm
from firmground.rag.types import Decoding
from tests.eval.fakes import FakeAssistant


def differing(first: Arm, second: Arm) -> set[str]:
    return {field.name for field in fields(Arm) if getattr(first, field.name) != getattr(second, field.name)} - {"name"}


def test_the_plan_of_augmented():
    arms, measurements = plan(AUGMENTED)
    by_name = {arm.name: arm for arm in arms}
    assert len({replace(arm, name="") for arm in arms}) == len(arms) == len(by_name)
    assert (arms[0], arms[1].name) == (replace(PLAIN, choose=PLAIN.choose), "augmented")
    full, plain = ([(one.mitigation.name, one.without, one.with_it) for one in measurements if one.where == where]
                   for where in ("in full", "on plain"))  # fmt: skip
    assert full == [
        ("retrieval", "plain", "augmented"),
        *(
            (name, f"without {name}", "augmented")
            for name in ("hybrid", "best", "sentences", "budget", "spans", "prompt")
        ),
    ]
    assert plain == [
        ("retrieval", "plain", "plain + retrieval"),
        *((name, "plain + retrieval", f"plain + retrieval + {name}") for name in ("hybrid", "best", "sentences")),
        ("budget", "plain + retrieval + sentences", "plain + retrieval + sentences + budget"),
        ("spans", "plain + retrieval", "plain + retrieval + spans"),
        ("prompt", "plain + retrieval without prompt", "plain + retrieval"),
    ]
    assert by_name["plain + retrieval"] == replace(PLAIN, name="plain + retrieval", retrieve="dense", num_passages=4)
    assert by_name["without prompt"].decoding == STOCK.decoding  # an arm's prompt and its stop signs go together


@pytest.mark.parametrize(
    "arm",
    [
        *(AUGMENTED, STOCK, EXTRACTIVE, replace(AUGMENTED, name="gated", gate=0.4)),
        replace(AUGMENTED, name="chat", prompt="chat", decoding=Decoding(max_new_tokens=64)),
        replace(AUGMENTED, name="lexical", retrieve="lexical", evidence="passages"),
        replace(EXTRACTIVE, name="sure", gate=0.4),
    ],
    ids=lambda arm: arm.name,
)
@pytest.mark.parametrize("choices", [False, True])
def test_two_arms_of_a_measurement_differ_in_that_mitigation_alone(arm, choices):
    arms, measurements = plan(arm, choices)
    by_name = {one.name: one for one in arms}
    for one in measurements:
        without, with_it = by_name[one.without], by_name[one.with_it]
        changed = differing(without, with_it)
        if one.mitigation.name == "retrieval" and one.where == "in full":
            assert without.retrieve == "none"  # what needs retrieval goes with it; the prompt stays
            assert (without.prompt, without.decoding) == (arm.prompt, arm.decoding) or not arm.generator
        elif one.mitigation.name == "sentences":
            assert changed <= {"evidence", "evidence_tokens"}  # the budget counts the tokens of sentences
        else:
            assert changed
            assert changed <= set(one.mitigation.without)
    measured = [(one.mitigation.name, one.where) for one in measurements]
    assert len(measured) == len(set(measured))
    assert ("likelihood", "in full") in measured or not choices or arm.choose == "text" or not arm.generator


def test_what_an_arm_has_is_told_from_what_has_no_effect():
    def found(arm, choices=False):
        return list(dict.fromkeys(one.mitigation.name for one in plan(arm, choices)[1]))

    assert found(STOCK) == ["retrieval"]
    assert found(EXTRACTIVE) == ["retrieval", "hybrid", "quotation"]  # it has no prompt, and quotes whole passages
    assert found(replace(AUGMENTED, gate=0.3))[-1] == "gate"
    assert "gate" not in found(replace(AUGMENTED, gate_weights=(1.0, 2.0)))  # weights of a gate that is off
    assert found(AUGMENTED, choices=True)[-1] == "likelihood"
    assert found(replace(AUGMENTED, num_evidence=4)) == [
        "retrieval",
        "hybrid",
        "sentences",
        "budget",
        "spans",
        "prompt",
    ]
    assert found(PLAIN, choices=True) == ["likelihood"]
    with pytest.raises(InputError, match="'plain' has nothing to switch off"):
        plan(PLAIN)
    assert {name for one in MITIGATIONS for name in one.needs} <= {one.name for one in MITIGATIONS}


def row(key, arm, f1, seconds, tokens):
    scores = {"right": float(f1 >= 0.5), "hallucination": float(f1 < 0.5), "abstained": 0.0, "f1": f1}
    timing = {"seconds": seconds, "prompt_tokens": tokens, "completion_tokens": 1}
    return Outcome(key, arm, "Q?", "a", False, scores=scores, timing=timing, answers=("x",))


def test_the_table_by_hand():
    """Each mitigation's arm has its own F1, seconds and tokens; the full arm has 0.8, 2 s and 100 tokens."""
    others = {
        "plain": (0.2, 1.0, 20),  # retrieval: +0.6 for 1 s
        "without hybrid": (0.5, 1.9, 100),  # +0.3 for 0.1 s: 3 a second
        "without best": (0.7, 4.0, 400),  # +0.1, and saves 2 s
        "without sentences": (0.9, 1.0, 100),  # -0.1, and costs 1 s
        "without budget": (0.8, 2.0, 100),  # nothing at all
        "without spans": (0.6, 1.0, 60),  # +0.2 for 1 s
        "without prompt": (0.9, 3.0, 90),  # -0.1, and saves 1 s
    }
    _, measurements = plan(AUGMENTED)
    values = {"augmented": (0.8, 2.0, 100), **others}
    rows = [row(str(n), arm, *told) for arm, told in values.items() for n in range(12)]
    table = ablation_table(rows, [one for one in measurements if one.where == "in full"], "augmented")
    assert (table["metric"], table["direction"], table["questions"]) == ("f1", "higher", 12)
    assert [one["mitigation"] for one in table["rows"]] == [
        *("best", "hybrid", "retrieval", "spans"),  # a gain that costs no time, then gains by their worth a second
        *("budget", "prompt", "sentences"),  # then losses: without costs, with costs
    ]
    by_name = {one["mitigation"]: one for one in table["rows"]}
    assert by_name["hybrid"]["effect"]["value"] == pytest.approx(0.3)
    assert by_name["best"]["seconds"]["value"] == -2.0
    assert by_name["best"]["tokens"]["value"] == -300
    assert by_name["best"]["per_second"] is None
    # twelve of twelve questions changed one way: p = 2 / 2^12; six mitigations were tested, one had nothing to test
    assert by_name["hybrid"]["effect"]["p"] == pytest.approx(2 / 2**12)
    assert by_name["hybrid"]["effect"]["p_holm"] == pytest.approx(6 * 2 / 2**12)
    assert by_name["budget"]["effect"]["p"] is None
    json.dumps(table, allow_nan=False)


def test_seconds_bring_a_ratio_where_they_are_surely_spent():
    def measured(seconds):
        measurement = [one for one in plan(AUGMENTED)[1] if one.mitigation.name == "hybrid"][:1]
        rows = [row(str(n), "augmented", 0.8, 1.0 + seconds(n), 10) for n in range(20)]
        rows += [row(str(n), "without hybrid", 0.5, 1.0, 10) for n in range(20)]
        return ablation_table(rows, measurement, "augmented")["rows"][0]["per_second"]

    assert measured(lambda n: 0.1 + n / 1000) == pytest.approx(0.3 / (0.1 + 9.5 / 1000))
    assert measured(lambda n: (-1) ** n * 0.1 + 0.001) is None  # an interval that holds 0: noise, not a price


QUESTIONS = [
    Example("1", "Who is on the twenty?", ("Andrew Jackson",)),
    Example("2", "谁发明了电话？", ("贝尔",)),
    Example("3", "How hot?", ("100 degrees",)),
]


class Answering(FakeAssistant):
    """Right where the arm retrieves and its prompt isn't the tutorial's."""

    def __init__(self, asked=None) -> None:
        super().__init__({}, asked=asked)

    def _answer(self, question, arm, *rest):
        right = arm.retrieve != "none" and arm.prompt != "tutorial"
        gold = next(example.answers[0] for example in QUESTIONS if example.question == question)
        self.answers = {arm.name: {question: gold if right else "no"}}
        return super()._answer(question, arm, *rest)


def test_one_folder_resumes_and_the_report_has_the_table(tmp_path):
    ablation = ablate(Answering(), QUESTIONS, tmp_path / "run")
    by_name = {(one["mitigation"], one["where"]): one for one in ablation["rows"]}
    assert by_name["retrieval", "in full"]["effect"]["value"] == 1.0
    assert by_name["prompt", "on plain"]["effect"]["value"] == 1.0
    assert by_name["hybrid", "in full"]["effect"]["value"] == 0.0
    assert json.loads((tmp_path / "run" / "ablation.json").read_text("utf-8")) == json.loads(json.dumps(ablation))
    html = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "What each mitigation buys and costs" in html
    assert "the sentences that fit, instead of whole passages" in html
    assert "What each mitigation buys and costs" in (tmp_path / "run" / "report.md").read_text("utf-8")
    again = Answering(asked=tmp_path / "asked")
    assert ablate(again, QUESTIONS, tmp_path / "run") == ablation
    assert not (tmp_path / "asked").exists()  # nothing is asked twice


def test_effects_are_told_in_accuracy_where_questions_offer_choices():
    scores = {"right": 1.0, "abstained": 0.0, "accuracy": 1.0, "f1": "no_gold"}
    rows = [Outcome("1", arm, "Q?", "a", False, scores=scores, timing={}) for arm in ("plain", "augmented")]
    assert ablation_table(rows, plan(AUGMENTED)[1][:1], "augmented")["metric"] == "accuracy"
