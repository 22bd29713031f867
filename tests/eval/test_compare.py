"""compare: rows, resuming, failures; and what it says when a folder holds something else."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from firmground.eval import compare as compare_function
from firmground.eval.outcomes import OutcomeLog, read_outcomes
from firmground.eval.summary.figures import summarise
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError, WeightsMissing
from firmground.knowledge.types import Passage
from firmground.rag.arms import AUGMENTED, COUNTERFACTUAL, NOISE, ORACLE, PLAIN, STOCK
from firmground.rag.types import ChoiceScore
from tests.eval.fakes import FakeAssistant, examples

EXAMPLES = examples(
    ("1", "Who is on the twenty?", ["Andrew Jackson"]),
    ("2", "谁发明了电话？", ["贝尔"]),
    ("3", "How hot?", ["100 degrees"]),
)
ANSWERS = {
    "plain": {"Who is on the twenty?": "Lincoln", "谁发明了电话？": "贝尔", "How hot?": "100 degrees"},
    "augmented": {"Who is on the twenty?": "Andrew Jackson", "谁发明了电话？": "", "How hot?": "cold"},
}
PASSAGE = Passage(4, "d1", "It shows Andrew Jackson.", 100, 124, {"title": "Money", "page": 2, "source": "m.pdf"})
ARMS = [PLAIN, AUGMENTED]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A search takes a second by this clock."""
    ticks = itertools.count()
    monkeypatch.setattr(
        sys.modules[compare_function.__module__], "time", SimpleNamespace(perf_counter=lambda: next(ticks))
    )


def compare(tmp_path, assistant=None, questions=EXAMPLES, arms=ARMS, **options):
    assistant = assistant or FakeAssistant(ANSWERS, {"Who is on the twenty?": PASSAGE})
    return compare_function(assistant, questions, arms, tmp_path / "run", **options)


def rows(tmp_path):
    return [json.loads(line) for line in (tmp_path / "run" / "outcomes.jsonl").read_text("utf-8").splitlines()]


def without_time(kept):
    return [{key: value for key, value in row.items() if key != "timing"} for row in kept]


def test_rows_hold_everything(tmp_path):
    compare(tmp_path)
    kept = rows(tmp_path)
    assert [(row["id"], row["arm"]) for row in kept] == [(n, arm) for n in "123" for arm in ("plain", "augmented")]
    row = kept[1]
    assert list(row) == [
        *("id", "arm", "question", "answer", "abstained", "hits", "claims", "scores", "timing", "answers"),
        *("metadata", "error", "task", "cluster", "confidence", "choices"),
    ]
    where = {"title": "Money", "text": PASSAGE.text, "start": 100, "end": 124, "source": "m.pdf", "page": 2}
    assert row["hits"] == [{"document": "d1", "passage": 4, "score": 0.5, **where}]
    claim = row["claims"][0]
    assert (claim["text"], claim["start"], claim["end"], claim["verdict"]) == ("Andrew Jackson", 0, 14, "supported")
    citation = claim["citations"][0]
    assert (citation["document"], citation["passage"], citation["start"], citation["end"]) == ("d1", 4, 109, 123)
    assert row["timing"]["seconds"] == pytest.approx(0.2 + row["timing"]["retrieve_s"])
    assert row["timing"]["prompt_tokens"] == len("Who is on the twenty?")
    assert row["scores"]["right"] == 1.0
    assert kept[0]["claims"][0]["verdict"] == "unsupported"  # plain is judged by the evidence that augmented found
    assert (kept[3]["abstained"], kept[3]["answer"]) == (True, "I don't know.")


def test_summary_by_hand(tmp_path):
    summary = compare(tmp_path)
    plain, augmented = summary["arms"]["plain"], summary["arms"]["augmented"]
    assert (plain["right"]["value"], plain["right"]["n"]) == (pytest.approx(2 / 3), 3)
    rates = [augmented[name]["value"] for name in ("right", "hallucination", "abstained")]
    assert rates == pytest.approx([1 / 3] * 3)
    assert augmented["coverage"]["value"] == pytest.approx(2 / 3)
    assert augmented["em"]["value"] == pytest.approx(1 / 3)  # the abstention earns 0
    assert augmented["unsupported"]["n"] == 2
    assert plain["accuracy"] == {
        **{"value": None, "low": None, "high": None, "n": 0, "method": "none"},
        "status": "no_choices",
    }
    pair = summary["pairs"]["plain→augmented"]
    assert {name: count for name, count in pair["flips"].items() if count} == {
        "fixed": 1,
        "broken": 1,
        "withheld_right": 1,
    }
    assert pair["right"] == {"won": 1, "lost": 2, "p": 1.0}
    assert pair["hallucination"] == {"won": 1, "lost": 1, "p": 1.0}
    assert (pair["broken_share"]["value"], pair["broken_share"]["n"]) == (0.5, 2)
    assert pair["differences"]["right"]["value"] == pytest.approx(-1 / 3)
    written = json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(summary))
    assert json.loads(json.dumps(summarise(read_outcomes(tmp_path / "run" / "outcomes.jsonl")))) == written
    for figures in written["arms"].values():
        for figure in figures.values():
            assert figure["value"] is None or 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1


def test_nothing_is_asked_twice_and_more_questions_are_a_continuation(tmp_path):
    asked = tmp_path / "asked"
    assistant = FakeAssistant(ANSWERS, asked=asked)
    seen = []
    compare(tmp_path, assistant, EXAMPLES[:2], progress=lambda done, total: seen.append((done, total)))
    compare(tmp_path, assistant, EXAMPLES[:2])
    compare(tmp_path, assistant, EXAMPLES, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (2, 2), (2, 3), (3, 3)]
    assert sorted(asked.read_text("utf-8").splitlines()) == sorted(
        f"{arm}\t{example.question}" for arm in ("plain", "augmented") for example in EXAMPLES
    )
    with pytest.raises(InputError, match=r"has 3 questions answered already and 1 were asked for now; take another"):
        compare(tmp_path, assistant, EXAMPLES[:1])


def test_a_question_is_reported_done_only_after_it_is_on_the_disk(tmp_path, monkeypatch):
    events = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("fsync"), fsync(descriptor)))
    compare(tmp_path, batch_size=1, progress=lambda done, total: events.append(done))
    assert events[events.index(0) + 1 : events.index(3) + 1] == ["fsync", 1, "fsync", 2, "fsync", 3]


def test_batches_don_t_change_the_rows(tmp_path):
    compare(tmp_path / "one", batch_size=1)
    compare(tmp_path / "all", batch_size=50)
    assert without_time(rows(tmp_path / "one")) == without_time(rows(tmp_path / "all"))


def test_arms_that_write_alike_are_answered_in_one_call(tmp_path):
    """They differ in where the evidence comes from alone: prompts of like length stand in a batch across arms."""
    alike = replace(AUGMENTED, name="by meaning", retrieve="dense")
    other = replace(AUGMENTED, name="shorter", num_passages=2)
    answers = {**ANSWERS, "by meaning": ANSWERS["augmented"], "shorter": ANSWERS["augmented"]}
    assistant = FakeAssistant(answers)
    compare(tmp_path / "together", assistant, arms=[PLAIN, AUGMENTED, alike, other])
    assert assistant.batches == [("plain", 3), ("augmented", 6), ("shorter", 3)]
    assert assistant.searches == [("augmented", 3), ("by meaning", 3), ("shorter", 3)]
    apart = FakeAssistant(answers)
    compare(tmp_path / "apart", apart, arms=[PLAIN, alike])
    assert apart.batches == [("plain", 3), ("by meaning", 3)]
    mine = [row for row in without_time(rows(tmp_path / "together")) if row["arm"] == "by meaning"]
    assert mine == [row for row in without_time(rows(tmp_path / "apart")) if row["arm"] == "by meaning"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arms": [PLAIN]}, r"its arms are plain,augmented, now plain; take another --out"),
        ({"arms": [PLAIN, replace(AUGMENTED, num_passages=9)]}, r"arm augmented: its num_passages is 4, now 9"),
        ({"assistant": FakeAssistant(ANSWERS, name="other")}, r"its generator is 'fake', now 'other'"),
        ({"questions": [*EXAMPLES[:2], replace(EXAMPLES[2], answers=("90",))]}, r"its question 3 is '3' and isn't the"),
        ({"seed": 5}, r"its seed is 0, now 5"),
    ],
)
def test_another_comparison_in_the_folder(tmp_path, change, said):
    compare(tmp_path)
    before = rows(tmp_path)
    with pytest.raises(InputError, match=said):
        compare(tmp_path, **change)
    assert rows(tmp_path) == before


def test_a_failing_question_is_a_row_of_its_own_and_is_tried_again(tmp_path):
    broken = {**ANSWERS["augmented"], "How hot?": RuntimeError("too\nlong")}
    assistant = FakeAssistant({**ANSWERS, "augmented": broken})
    summary = compare(tmp_path, assistant)
    assert assistant.batches == [("plain", 3), ("augmented", 3), ("augmented", 1), ("augmented", 1), ("augmented", 1)]
    failed = rows(tmp_path)[5]
    assert (failed["id"], failed["arm"], failed["error"], failed["scores"]) == (
        "3",
        "augmented",
        "RuntimeError: too long",
        {},
    )
    assert summary["counts"]["errors"] == {"plain": 0, "augmented": 1}
    assert summary["arms"]["augmented"]["right"]["n"] == 2
    assert summary["pairs"]["plain→augmented"]["n"] == 2
    summary = compare(tmp_path)  # the same run on another day
    assert summary["counts"]["errors"] == {"plain": 0, "augmented": 0}
    assert len(rows(tmp_path)) == 6


def test_a_judge_that_fails_is_counted_apart(tmp_path, monkeypatch):
    def judge(self, answers):
        raise ValueError("no")

    monkeypatch.setattr(FakeAssistant, "judge", judge)
    assert compare(tmp_path)["counts"]["errors"] == {"plain": 3, "augmented": 3}


def test_what_no_question_can_escape_stops_the_run(tmp_path):
    answers = {**ANSWERS, "plain": {**ANSWERS["plain"], "How hot?": WeightsMissing("fetch them")}}
    with pytest.raises(WeightsMissing):
        compare(tmp_path, FakeAssistant(answers), batch_size=1)
    assert len(rows(tmp_path)) == 4
    compare(tmp_path)
    assert len(rows(tmp_path)) == 6


def test_too_few_answers_are_no_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeAssistant, "answer_batch", lambda *_: [])
    summary = compare(tmp_path)
    assert summary["counts"]["errors"] == {"plain": 3, "augmented": 3}
    assert rows(tmp_path)[0]["error"] == "ValueError: expected 1 answers from arm plain, got 0"
    assert summary["arms"]["plain"]["right"]["value"] is None


def test_folders_that_can_t_be_used(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(InputError, match="can't write to"):
        compare(tmp_path)
    (tmp_path / "x" / "run").mkdir(parents=True)
    (tmp_path / "x" / "run" / "outcomes.jsonl").write_text("")
    with pytest.raises(InputError, match=r"without a manifest\.json"):
        compare(tmp_path / "x")
    (tmp_path / "y" / "run").mkdir(parents=True)
    (tmp_path / "y" / "run" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="can't read"):
        compare(tmp_path / "y")
    (tmp_path / "y" / "run" / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="lacks what a manifest has"):
        compare(tmp_path / "y")


def test_two_at_once_in_one_folder(tmp_path):
    class Nested(FakeAssistant):
        def answer_batch(self, questions, arm):
            with pytest.raises(InputError, match="another process is writing"):
                compare(tmp_path)
            return super().answer_batch(questions, arm)

    compare(tmp_path, Nested(ANSWERS))


def test_a_broken_row_in_the_middle_is_named(tmp_path):
    compare(tmp_path)
    path = tmp_path / "run" / "outcomes.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], b'{"id": 1}', *lines[2:]]))
    with pytest.raises(InputError, match=r"outcomes\.jsonl:2: not an outcome"):
        compare(tmp_path)


def test_a_torn_question_is_dropped_whole(tmp_path):
    compare(tmp_path)
    path = tmp_path / "run" / "outcomes.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in (len(whole) - 1, len(whole) - len(lines[5]), len(whole) - len(lines[5]) - 3, len(lines[0]) - 1, 0):
        path.write_bytes(whole[:cut])
        with OutcomeLog(path, ["plain", "augmented"]) as log:
            assert len(log.outcomes) % 2 == 0
        assert whole.startswith(path.read_bytes())
    path.write_bytes(whole[:-1])
    compare(tmp_path)
    assert path.read_bytes() == whole


def test_names_must_differ(tmp_path):
    with pytest.raises(InputError, match="expected different question ids, got '1' twice"):
        compare(tmp_path, questions=[EXAMPLES[0], EXAMPLES[0]])
    with pytest.raises(InputError, match="expected different arms, got 'plain' twice"):
        compare(tmp_path, arms=[PLAIN, PLAIN])
    with pytest.raises(InputError, match="got 0 questions and 2 arms"):
        compare(tmp_path, questions=[])


def test_half_a_surrogate_pair_in_an_answer_is_no_crash(tmp_path):
    question = Example("s", "Broken \ud83d?", ("x",))
    answers = {arm: {question.question: "half \ude00"} for arm in ("plain", "augmented")}
    compare(tmp_path, FakeAssistant(answers), [question])
    assert rows(tmp_path)[0]["answer"] == "half ?"
    compare(tmp_path, FakeAssistant(answers), [question])


def test_arms_that_search_alike_share_one_search(tmp_path):
    arms = [
        PLAIN,
        AUGMENTED,
        STOCK,
        replace(AUGMENTED, name="again", gate=0.1),
        replace(AUGMENTED, name="two", num_passages=2),
    ]
    answers = {arm.name: ANSWERS["plain"] for arm in arms}
    assistant = FakeAssistant(answers)
    compare(tmp_path, assistant, arms=arms)
    assert assistant.searches == [("augmented", 3), ("stock", 3), ("two", 3)]
    assert assistant.given["again", "How hot?"] == assistant.given["augmented", "How hot?"]
    assert assistant.given["plain", "How hot?"] == ((), ())
    seconds = {row["arm"]: row["timing"]["retrieve_s"] for row in rows(tmp_path)}
    # The clock ticks once a search; three questions share it, and each arm that uses it is charged for it.
    assert seconds == pytest.approx({"plain": 0, "augmented": 1 / 3, "stock": 1 / 3, "again": 1 / 3, "two": 1 / 3})


def test_a_search_that_fails_for_one_question_fails_it_alone(tmp_path, monkeypatch):
    retrieve = FakeAssistant.retrieve

    def fails(self, questions, arm, choices=None):
        if "How hot?" in questions:
            raise RuntimeError("no index")
        return retrieve(self, questions, arm, choices)

    monkeypatch.setattr(FakeAssistant, "retrieve", fails)
    compare(tmp_path)
    assert [row["error"] for row in rows(tmp_path)] == [""] * 5 + ["RuntimeError: no index"]


def test_choices_confidence_and_kind_of_task_are_kept(tmp_path):
    class Weighing(FakeAssistant):
        def _answer(self, question, arm, hits):
            scores = (ChoiceScore("hot", -1.23456, -0.5), ChoiceScore("cold", -2.0))
            return replace(super()._answer(question, arm, hits), confidence=0.123456, choices=scores)

    question = Example("c", "How?", ("hot",), choices=("hot", "cold"), answer="hot", gold=("d1",), task="choice")
    assistant = Weighing({"plain": {"How?": "hot"}})
    compare(tmp_path, assistant, [question], [PLAIN])
    (row,) = rows(tmp_path)
    assert assistant.given["plain", "How?"] == ((), ("hot", "cold"))
    assert (row["task"], row["cluster"], row["confidence"]) == ("choice", "d1", 0.1235)
    assert [tuple(choice.values()) for choice in row["choices"]] == [("hot", -1.235, -0.5), ("cold", -2.0, None)]
    (outcome,) = read_outcomes(tmp_path / "run" / "outcomes.jsonl")
    assert outcome.choices == tuple(row["choices"])


def test_rows_of_an_earlier_version_are_read_and_gone_on_from(tmp_path):
    compare(tmp_path)
    path = tmp_path / "run" / "outcomes.jsonl"
    whole = path.read_bytes()
    old = [
        {k: v for k, v in row.items() if k not in ("task", "cluster", "confidence", "choices")}
        for row in rows(tmp_path)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in old[:5]) + "{", encoding="utf-8")
    first = read_outcomes(path)[0]
    assert (first.task, first.cluster, first.confidence, first.choices) == ("qa", "", None, ())
    asked = tmp_path / "asked"
    compare(tmp_path, FakeAssistant(ANSWERS, asked=asked))
    assert asked.read_text("utf-8").splitlines() == ["plain\tHow hot?", "augmented\tHow hot?"]
    assert [row["id"] for row in rows(tmp_path)] == [row["id"] for row in map(json.loads, whole.splitlines())]


def measured(question="Who is on the twenty?", **fields):
    facts = ["Andrew Jackson is on the twenty."]
    return Example("m", question, ("Andrew Jackson",), **{"gold": tuple(facts), "metadata": {"facts": facts}, **fields})


OTHER = Example(
    "o",
    "Who is on the ten?",
    ("Alexander Hamilton",),
    gold=("He is on the ten.",),
    metadata={"facts": ["He is on the ten."]},
)
MEASURING = [PLAIN, ORACLE, NOISE, COUNTERFACTUAL]


def planted_answers(answer):
    return {arm.name: {"Who is on the twenty?": answer, OTHER.question: "nobody"} for arm in MEASURING}


def test_what_was_planted_is_kept_and_judges_nobody(tmp_path):
    assistant = FakeAssistant(planted_answers("Alexander Hamilton"))
    compare(tmp_path, assistant, [measured(), OTHER], MEASURING)
    row = next(row for row in rows(tmp_path) if (row["id"], row["arm"]) == ("m", "counterfactual"))
    assert row["metadata"]["planted"] == "Alexander Hamilton"
    assert row["hits"][0]["text"] == "Alexander Hamilton is on the twenty."
    assert row["claims"][0]["verdict"] == "unsupported"  # the true passage, which the oracle got, doesn't say so
    assert "planted" not in rows(tmp_path)[0]["metadata"]
    noise = next(row for row in rows(tmp_path) if (row["id"], row["arm"]) == ("m", "noise"))
    assert [hit["text"] for hit in noise["hits"]] == ["He is on the ten."]


def test_a_question_without_gold_is_a_typed_row_and_isn_t_asked_again(tmp_path):
    asked = tmp_path / "asked"
    questions = [measured(gold=(), metadata={}), OTHER]
    for _ in range(2):
        summary = compare(tmp_path, FakeAssistant(planted_answers("Lincoln"), asked=asked), questions, MEASURING)
    errors = {row["arm"]: row["error"] for row in rows(tmp_path) if row["id"] == "m"}
    assert errors["plain"] == errors["noise"] == ""
    assert errors["oracle"].startswith("no_gold: ")
    assert "add `passage` or `facts`" in errors["oracle"]
    statuses = {row["arm"]: row["error"].partition(":")[0] for row in rows(tmp_path) if row["id"] == "o"}
    assert statuses == {"plain": "", "oracle": "", "noise": "no_noise", "counterfactual": "no_counterfactual"}
    assert summary["counts"]["error_kinds"]["oracle"] == {"no_gold": 1}
    assert Counter(asked.read_text("utf-8").splitlines())["plain\tWho is on the twenty?"] == 1


def test_noise_draws_on_all_questions_so_more_of_them_are_another_run(tmp_path):
    compare(tmp_path, FakeAssistant(planted_answers("x")), [measured(), OTHER], MEASURING)
    third = replace(OTHER, id="p")
    with pytest.raises(InputError, match="the arm noise draws on all its 2 questions, now 3"):
        compare(tmp_path, FakeAssistant(planted_answers("x")), [measured(), OTHER, third], MEASURING)


def test_memory_stands_apart_and_never_falls(tmp_path):
    compare(tmp_path)
    path = tmp_path / "run" / "memory.json"
    assert json.loads(path.read_text())["peak_bytes"] > 10_000_000
    path.write_text('{"peak_bytes": 1000000000000000}')
    compare(tmp_path)
    assert json.loads(path.read_text())["peak_bytes"] == 10**15
