"""Agreement by hand, against scikit-learn and against a plain bootstrap; labels; rates corrected by labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmground.eval.judge.agreement import agreement, balanced_accuracy, kappa
from firmground.eval.judge.ask import Judge
from firmground.eval.judge.labels import corrected_rate, judged_labels, read_labels
from firmground.eval.judge.run import judge_run, read_judgements
from firmground.eval.outcomes import read_outcomes
from firmground.eval.stats import mean_interval, prediction_powered, wilson_interval
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError
from tests.eval.judge_fakes import honest, model, outcome, small_run


def two_judges(n: int, agree: float, seed: int = 0) -> tuple[list[bool], list[bool]]:
    random = np.random.default_rng(seed)
    first = random.random(n) < 0.6
    second = np.where(random.random(n) < agree, first, ~first)
    return first.tolist(), second.tolist()


def singles(n: int) -> list[str]:
    return [f"q{i}" for i in range(n)]


# ---- agreement


def test_cohens_own_arithmetic_by_hand() -> None:
    # 20 both yes, 5 only the first, 10 only the second, 15 neither: p_o = 0.7, p_e = 0.5 · 0.6 + 0.5 · 0.4 = 0.5.
    assert kappa(np.array([[20.0, 5, 10, 15]]))[0] == pytest.approx(0.4)
    assert balanced_accuracy(np.array([[20.0, 5, 10, 15]]))[0] == pytest.approx((0.8 + 0.6) / 2)


def test_identity_opposite_and_symmetry() -> None:
    first, second = two_judges(40, 0.8)
    opposite = [not one for one in first]
    same = agreement(first, first, singles(40), truth=True)
    assert (same["raw"]["value"], same["kappa"]["value"], same["balanced_accuracy"]["value"]) == (1.0, 1.0, 1.0)
    worst = agreement(first, opposite, singles(40), truth=True)
    assert worst["kappa"]["value"] < 0
    assert worst["balanced_accuracy"]["value"] == 0.0
    one, other = agreement(first, second, singles(40)), agreement(second, first, singles(40))
    assert one["kappa"]["value"] == pytest.approx(other["kappa"]["value"])
    assert one["raw"] == other["raw"]


def test_equals_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    for seed in range(20):
        first, second = two_judges(57, 0.7, seed)
        found = agreement(first, second, singles(57), truth=True)
        assert found["kappa"]["value"] == pytest.approx(metrics.cohen_kappa_score(first, second))
        assert found["balanced_accuracy"]["value"] == pytest.approx(metrics.balanced_accuracy_score(first, second))
        assert found["raw"]["value"] == pytest.approx(metrics.accuracy_score(first, second))


def test_the_interval_equals_a_plain_bootstrap_over_questions() -> None:
    first, second = two_judges(90, 0.8, 3)
    clusters = [f"q{i // 3}" for i in range(90)]  # three claims a question
    found = agreement(first, second, clusters)["kappa"]
    random, drawn = np.random.default_rng(7), []
    a, b = np.array(first).reshape(30, 3), np.array(second).reshape(30, 3)
    for _ in range(4000):
        at = random.integers(0, 30, 30)
        x, y = a[at].ravel(), b[at].ravel()
        chance = x.mean() * y.mean() + (1 - x.mean()) * (1 - y.mean())
        drawn.append(((x == y).mean() - chance) / (1 - chance))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found["low"], found["high"]) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))
    assert found["method"] == "percentile"


def test_claims_of_one_question_are_not_independent() -> None:
    first, second = two_judges(30, 0.8, 1)
    thrice = [one for one in first for _ in range(3)], [one for one in second for _ in range(3)]
    alone = agreement(*thrice, singles(90))["kappa"]
    together = agreement(*thrice, [f"q{i // 3}" for i in range(90)])["kappa"]
    assert together["value"] == pytest.approx(alone["value"])
    assert together["high"] - together["low"] > 1.4 * (alone["high"] - alone["low"])


def test_the_order_of_rows_changes_nothing() -> None:
    first, second = two_judges(50, 0.7)
    clusters = [f"q{i % 20}" for i in range(50)]
    turned = agreement(first[::-1], second[::-1], clusters[::-1], truth=True)
    assert agreement(first, second, clusters, truth=True) == turned


def test_agreement_on_everything_is_not_certainty() -> None:
    found = agreement([True] * 5 + [False] * 5, [True] * 5 + [False] * 5, singles(10), truth=True)
    low = wilson_interval(10, 10).low
    assert low is not None
    assert found["kappa"]["low"] == pytest.approx((low - 0.5) / 0.5)
    assert found["balanced_accuracy"]["low"] == pytest.approx(wilson_interval(5, 5).low)
    assert found["raw"]["low"] == pytest.approx(low)


def test_where_a_figure_is_not_defined_it_says_so() -> None:
    nothing = agreement([], [], [], truth=True)
    assert (nothing["n"], nothing["kappa"]["status"], nothing["raw"]["value"]) == (0, "none", None)
    same = agreement([True] * 4, [True] * 4, singles(4), truth=True)
    assert (same["kappa"]["status"], same["kappa"]["value"]) == ("one_class", None)
    assert same["balanced_accuracy"]["status"] == "one_class"
    assert same["raw"]["value"] == 1.0


# ---- labels


def write_labels(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


GOOD = (
    {"id": "en", "arm": "plain", "claim": 0, "label": "contradicted"},
    {"id": "en", "arm": "augmented", "claim": 0, "label": "supported"},
    {"id": "zh", "arm": "plain", "claim": 0, "label": "supported", "text": "冰很轻。"},
    {"id": "zh", "arm": "augmented", "claim": 0, "label": "supported"},
    {"id": "zh", "arm": "plain", "label": "right"},
    {"id": "zh", "arm": "augmented", "label": "right"},
    {"id": "en", "arm": "plain", "label": "wrong"},
    {"id": "elsewhere", "arm": "plain", "label": "wrong"},
)


def test_a_judge_and_our_verifier_against_labels(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    table = judge_run(run, Judge(model(honest)), write_labels(tmp_path / "labels.jsonl", *GOOD))
    judge, ours = table["claims"]["with_labels"], table["claims"]["ours_with_labels"]
    # Labels no, yes, yes, yes. The judge: no, yes, no, yes. Ours: yes, yes, no, yes.
    assert judge["balanced_accuracy"]["value"] == pytest.approx((2 / 3 + 1) / 2)
    assert judge["kappa"]["value"] == pytest.approx((0.75 - 0.5) / 0.5)
    assert ours["balanced_accuracy"]["value"] == pytest.approx((2 / 3 + 0) / 2)
    assert table["answers"]["with_labels"]["counts"] == {"both": 1, "only_first": 1, "only_second": 0, "neither": 1}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "en", "arm": "plain", "claim": 0, "label": "right"}, "expected a label among supported"),
        ({"id": "en", "arm": "plain", "label": "supported"}, "expected a label among right"),
        ({"id": "en", "arm": "plain", "claim": 1, "label": "supported"}, "has 1 claims, got a label on claim 1"),
        ({"id": "en", "arm": "plain", "claim": True, "label": "supported"}, "a label on claim True"),
        ({"id": "en", "arm": "plain", "claim": 0, "label": "supported", "text": "x"}, "the label is on 'x'"),
        ({"id": "en", "arm": "plain", "claim": 0, "label": "supported", "lable": 1}, "unknown key 'lable'"),
        ({"id": "en", "label": "right"}, "'arm'"),
    ],
)
def test_a_bad_label_is_named_by_its_line(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    outcomes = read_outcomes(small_run(tmp_path / "run") / "outcomes.jsonl")
    path = write_labels(tmp_path / "labels.jsonl", GOOD[1], row)
    with pytest.raises(InputError, match=f"jsonl:2: .*{words}"):
        read_labels(path, outcomes)


def test_a_label_twice_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    outcomes = read_outcomes(small_run(tmp_path / "run") / "outcomes.jsonl")
    with pytest.raises(InputError, match="jsonl:2: a second label"):
        read_labels(write_labels(tmp_path / "labels.jsonl", GOOD[0], GOOD[0]), outcomes)
    with pytest.raises(InputError, match="can't read the labels"):
        read_labels(tmp_path / "none.jsonl", outcomes)


# ---- rates, corrected


def many(n: int, labelled: int) -> tuple[list[Outcome], dict[tuple[str, str, int | None], bool]]:
    """Answers of two claims. Ours calls every third claim unsupported; a person calls every second so."""
    rows, labels = [], {}
    for i in range(n):
        text, question = (f"第{i}。", f"第{i}个问题？") if i % 2 else (f"No {i}.", f"Question {i}?")
        claims = [(text, "unsupported" if (2 * i + place) % 3 == 0 else "supported") for place in range(2)]
        rows.append(outcome(str(i), "plain", text, 0.0, claims, question=question))
        if i < labelled:
            labels |= {(str(i), "plain", place): (2 * i + place) % 2 == 0 for place in range(2)}
    return rows, labels


def test_a_rate_corrected_by_labels_is_the_prediction_powered_one() -> None:
    rows, labels = many(300, 150)
    found = corrected_rate(rows, labels)["plain"]
    shares = [sum((2 * i + place) % 3 == 0 for place in range(2)) / 2 for i in range(300)]
    assert (found["labelled"], found["answers"]) == (150, 300)
    assert found["uncorrected"]["value"] == pytest.approx(np.mean(shares))
    assert found["uncorrected"]["low"] == mean_interval(shares).low
    assert found["by_labels"]["value"] == 0.5
    by_hand = prediction_powered([0.5] * 150, shares[:150], shares[150:])
    assert found["corrected"]["value"] == by_hand.value == pytest.approx(0.5, abs=0.01)


def test_a_biased_verifier_is_corrected() -> None:
    """Ours calls everything supported; people call a third of it unsupported: the corrected rate is theirs."""
    rows = [outcome(str(i), "plain", "x", 0.0, [("x", "supported")]) for i in range(400)]
    labels: dict[tuple[str, str, int | None], bool] = {(str(i), "plain", 0): i % 3 != 0 for i in range(120)}
    found = corrected_rate(rows, labels)["plain"]
    assert found["uncorrected"]["value"] == 0.0
    assert found["corrected"]["value"] == pytest.approx(1 / 3)
    assert found["corrected"]["low"] < 1 / 3 < found["corrected"]["high"]


def test_too_few_labels_or_nothing_left_to_correct_is_a_status() -> None:
    rows, labels = many(200, 99)
    assert corrected_rate(rows, labels)["plain"]["corrected"]["status"] == "too_few_labels"
    rows, labels = many(120, 120)
    assert corrected_rate(rows, labels)["plain"]["corrected"]["status"] == "all_labelled"
    part = {key: good for key, good in labels.items() if key[2] == 0}  # half of an answer's claims is no label
    assert corrected_rate(rows, part)["plain"]["labelled"] == 0


def test_a_judges_verdicts_can_stand_in_for_labels(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    judge_run(run, Judge(model(honest)))
    labels = judged_labels(read_judgements(run))
    assert labels["en", "plain", 0] is False
    assert labels["zh", "augmented", 0] is True
    assert labels["zh", "augmented", None] is True
    found = corrected_rate(read_outcomes(run / "outcomes.jsonl"), labels)
    assert found["plain"]["by_labels"]["value"] == 1.0
    assert found["plain"]["uncorrected"]["value"] == 0.5
