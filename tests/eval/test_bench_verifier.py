"""The verifier's bench: its statistics by hand and by brute force, its sets' formats, its controls."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from firmground.eval.bench import verifier as bench
from firmground.eval.bench import verifier_lessons, verifier_sets
from firmground.eval.bench.verifier_lessons import Featured, featured, is_reported, lessons
from firmground.eval.bench.verifier_sets import Case
from firmground.eval.bench.verifier_statistics import (
    auroc,
    auroc_alike,
    balanced_accuracy,
    calibration_error,
    figure,
    interval,
)
from firmground.knowledge.errors import InputError
from firmground.rag.ground import measured_error
from firmground.rag.verifier_features import NAMES


def test_auroc_by_hand_and_by_brute_force() -> None:
    assert auroc([True, False], [1.0, 0.0]) == 1.0
    assert auroc([True, False], [0.0, 1.0]) == 0.0
    assert auroc([True, False, True, False], [0.5, 0.5, 0.5, 0.5]) == 0.5
    assert auroc([True, True, False], [0.9, 0.1, 0.5]) == 0.5
    assert auroc([True, True, False, False], [0.8, 0.4, 0.4, 0.1]) == pytest.approx(3.5 / 4)
    assert auroc([True], [1.0]) is None
    random = np.random.default_rng(3)
    labels, scores = random.random(60) < 0.4, random.integers(0, 9, 60) / 8  # with many ties
    pairs = [(one > two) + 0.5 * (one == two) for one in scores[labels] for two in scores[~labels]]
    assert auroc(labels, scores) == pytest.approx(np.mean(pairs))


def test_auroc_among_claims_of_like_form_by_brute_force() -> None:
    random = np.random.default_rng(4)
    labels, scores, form = random.random(80) < 0.5, random.integers(0, 5, 80) / 4, random.random(80)
    edges = np.quantile(form, [0.2, 0.4, 0.6, 0.8])
    stratum = np.searchsorted(edges, form, side="right")
    pairs = [
        (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
        for i in np.flatnonzero(labels)
        for j in np.flatnonzero(~labels)
        if stratum[i] == stratum[j]
    ]
    assert auroc_alike(labels, scores, form, np.arange(80)) == pytest.approx(np.mean(pairs))
    assert auroc_alike(labels, labels.astype(float), form, np.arange(80)) == 1.0
    told = labels.astype(float)  # the form tells everything: no two claims of other labels are alike
    assert auroc_alike(labels, scores, told, np.arange(80)) is None


def test_balanced_accuracy_by_hand() -> None:
    labels = np.array([True, True, True, True, False])
    scores = np.array([0.9, 0.7, 0.5, 0.1, 0.4])
    assert balanced_accuracy(labels, scores, 0.5) == pytest.approx((3 / 4 + 1) / 2)
    assert balanced_accuracy(labels[:4], scores[:4], 0.5) is None


def test_calibration_error_by_hand() -> None:
    """Bins (0.7, 0.8] and (0.1, 0.2]: |2/2 - 0.8| · 2/4 + |1/2 - 0.2| · 2/4."""
    labels, support = np.array([True, True, True, False]), np.array([0.8, 0.8, 0.2, 0.2])
    assert calibration_error(labels, support) == pytest.approx(0.25)


def test_intervals_draw_whole_groups() -> None:
    """Ten copies of two cases are two cases: the interval of their mean is [0, 1], not a tenth of it."""
    values = np.array([0.0] * 10 + [1.0] * 10)
    assert interval(["a"] * 10 + ["b"] * 10, lambda at: float(values[at].mean())) == (0.0, 1.0)
    assert figure([], lambda at: 1.0) == {"value": None, "low": None, "high": None}


def test_the_bench_reads_the_authors_formats_and_names_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "fever_symmetric"
    folder.mkdir()
    rows = [
        {"id": name, "claim": "A is B.", "evidence": "A is B.", "gold_label": label}
        for name, label in (("12", "SUPPORTS"), ("120000003", "REFUTES"), ("7", "SUPPORTS"))
    ]
    (folder / "fever_symmetric_dev.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    cases = verifier_sets.fever_symmetric(tmp_path)
    assert [(case.group, case.supported) for case in cases] == [("12", True), ("12", False), ("7", True)]
    for reader in (verifier_sets.wice, verifier_sets.begin, verifier_sets.cmrc_made):
        with pytest.raises(InputError, match=re.escape(str(tmp_path))):
            reader(tmp_path)
    (folder / "fever_symmetric_dev.jsonl").write_text("{}\nnot json\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        list(verifier_sets.rows(folder / "fever_symmetric_dev.jsonl"))


def test_the_real_sets_read_as_they_should(shared: Path) -> None:
    begin = verifier_sets.begin(shared)
    assert (len(begin), sum(case.supported for case in begin)) == (430, 180)
    halueval = verifier_sets.halueval(shared)
    assert (len(halueval), sum(case.supported for case in halueval)) == (1000, 500)
    qasc = verifier_sets.qasc(shared)
    assert all(right.answer != wrong.answer for right, wrong in zip(qasc[::2], qasc[1::2], strict=True))
    chinese = verifier_sets.xquad_swapped(shared, "zh")
    assert sum(case.supported for case in chinese) * 2 == len(chinese)


def statements(count: int) -> list[Case]:
    return [
        Case(f"g{i}", f"Tower {i} is {i if i % 2 else i + 1} m high.", (f"Tower {i} is {i} m high.",), bool(i % 2))
        for i in range(2, count + 2)
    ]


def test_features_are_kept_between_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = featured("wice", statements(6), tmp_path)
    assert first.rows.shape == (6, len(NAMES))
    monkeypatch.setattr(verifier_lessons, "features_of", lambda *_: pytest.fail("read again"))
    again = featured("wice", statements(6), tmp_path)
    assert (again.rows == first.rows).all()
    assert again.digest == first.digest != featured("wice", statements(6)[:0], tmp_path).digest


def test_each_kind_of_claim_goes_to_its_own_lessons() -> None:
    cases = [*statements(2), Case("q", "Who won? Denver", ("Denver won.",), True, "Denver")]
    rows = np.arange(3 * len(NAMES), dtype=float).reshape(3, -1)
    one = Featured("halueval", cases, rows, np.array([False, False, True]))
    of_statements, of_answers = lessons({"halueval": one, "wice": Featured("wice", cases, rows, one.asked)})
    assert [(lesson.name, len(lesson.labels)) for lesson in of_statements] == [("wice", 2)]
    assert [(lesson.name, len(lesson.labels)) for lesson in of_answers] == [("halueval", 1)]
    assert (of_answers[0].rows == rows[2:]).all()


def test_the_wrong_source_is_another_claims_evidence() -> None:
    one = featured("wice", statements(4))
    strange = bench.wrong_source(one, None)
    number = NAMES.index("number_missing_all")
    assert one.rows[:, number].tolist() == [0.5 if not case.supported else 0.0 for case in one.cases]
    assert strange[:, number].tolist() == [0.5, 1.0, 0.5, 1.0]  # the next tower's number; after the last, the first's


def test_a_set_whose_form_tells_its_labels_is_called_void() -> None:
    cases = [Case(f"g{i}", "x", ("x",), bool(i % 2)) for i in range(40)]
    labels = np.array([case.supported for case in cases], dtype=float)
    weak = np.random.default_rng(0).random(40)
    scores = bench.Scores((weak + 0.2 * labels) / 1.2, weak, weak, labels, weak, weak, weak)
    assert bench.measure(cases, scores)["void"] is True
    honest = bench.Scores(labels, weak, weak, weak, weak, weak, weak)
    measured = bench.measure(cases, honest)
    assert measured["void"] is False
    assert measured["auroc"]["value"] == measured["balanced_accuracy"]["value"] == 1.0
    assert measured["auroc_above_lexical_recall"]["value"] == pytest.approx(1 - auroc(labels, weak), abs=1e-4)


def test_the_packaged_error_is_of_the_reported_half(shared: Path) -> None:
    cases = [case for case in verifier_sets.fever_symmetric(shared) if is_reported(case.group)]
    measured = measured_error()["sets"]["fever_symmetric"]
    assert (measured["n"], measured["supported"]) == (len(cases), sum(case.supported for case in cases))
    recall = [bench.lexical_recall(case.claim, case.evidence) for case in cases]
    assert measured["lexical_recall_auroc"]["value"] == pytest.approx(
        auroc([case.supported for case in cases], recall), abs=1e-4
    )
    table = bench.as_tables(measured_error())
    assert "fever_symmetric" in table
    assert "void: the claim alone tells as much" in table  # HaluEval's hallucinated answers are the long ones
