"""The trained verifier: features by hand, trees against scikit-learn, files that are refused, what it gets right."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag.opposites import opposite_terms
from firmground.rag.verifier import TrainedVerifier, load_verifier, packaged, read_verifier
from firmground.rag.verifier_features import FEATURES, NAMES, features
from firmground.rag.verifier_made import CHANGES, denied, made_pairs, opposed, other_number, reworded
from firmground.rag.verifier_train import SETTINGS, STATEMENTS, Lesson, _weights, fold_of, grow, to_json, train
from firmground.rag.verifier_trees import Trees
from firmground.rag.verify import LexicalVerifier, best, rank, read, windows

TOWER = "The tower is 330 m high."


def of(claim: str, *evidence: str) -> dict[str, float]:
    return dict(zip(NAMES, features(claim, evidence), strict=True))


# ---- features: the terms are tower (1), 330 (2), m (1), high (1); 5 in all


def test_a_sentence_agrees_with_itself_wholly() -> None:
    for text in (TOWER, "水在100度沸腾。"):
        found = of(text, text)
        for name, direction in FEATURES.items():
            if name not in ("fits", "answers", "missing", "missing_all"):
                assert found[name] == (1.0 if direction > 0 else 0.0), name
        assert found["missing"] == found["missing_all"] == found["fits"] == found["answers"] == 0.0


def test_features_by_hand() -> None:
    found = of(TOWER, "The high tower fell. It is 300 m long.")
    assert found["recall_all"] == pytest.approx(3 / 5)  # all but 330
    assert found["recall_plain"] == pytest.approx(3 / 4)
    assert found["recall_sentence"] == pytest.approx(2 / 5)
    assert found["missing_all"] == 1
    assert found["number_missing"] == found["number_missing_all"] == found["number_conflict"] == 1.0
    assert found["order"] == pytest.approx(2 / 4)  # tower … m, or high … m
    assert found["run"] == pytest.approx(1 / 4)
    assert found["pairs"] == 0.0


def test_marks_of_contradiction() -> None:
    assert of("Water is not safe.", "Water is safe.")["denial"] == 1.0
    assert of("An actress who refused to pose.", "An actress who posed.")["denial"] == 1.0
    assert of("Sales rose in May.", "Sales fell in May.")["opposite"] == 0.0  # rose isn't listed, rise is
    assert of("The largest city.", "The smallest city.")["opposite"] == 1.0
    assert of("产量增加。", "产量减少。")["opposite"] == 1.0
    assert of("He only sang.", "He sang.")["only"] == 1.0
    assert of("Seohyun is a dog.", "Seohyun is a singer.")["kind"] == 1.0
    assert of("Seohyun is a singer.", "Seohyun is a singer and actress.")["kind"] == 0.0


def test_an_answer_is_held_against_the_other_spans() -> None:
    """Both answers stand in the window word for word; only one is the kind of thing that is asked for."""
    evidence = "Denver won the Super Bowl in 2016 in Santa Clara."
    when, where = (
        of("When did Denver win the Super Bowl? 2016", evidence),
        of("When did Denver win the Super Bowl? Santa Clara", evidence),
    )
    assert when["quoted"] == where["quoted"] == when["recall"] == where["recall"] == 1.0
    assert when["fits"] == 0.0 > where["fits"]
    assert when["answers"] > where["answers"]


def test_features_of_nothing_are_nothing() -> None:
    for claim, evidence in (("", [TOWER]), (TOWER, []), (TOWER, [""]), ("?!", [TOWER])):
        assert not features(claim, evidence).any()


def test_opposites_go_both_ways() -> None:
    for language in ("en", "zh"):
        table = opposite_terms(language)
        assert all(word not in others for word, others in table.items())
        assert all(word in table[other] for word, others in table.items() for other in others if other in table)


def test_the_best_window_is_the_first_of_all_ranked() -> None:
    chance = random.Random(3)
    words = ["Denver", "won", "lost", "2016", "2017", "the", "game", "not", "in", "Clara", "north"]
    for _ in range(150):
        text = " ".join(" ".join(chance.choices(words, k=6)).capitalize() + "." for _ in range(5))
        claim = " ".join(chance.choices(words, k=5))
        claim = f"Who won in 2016? {claim}" if chance.random() < 0.5 else claim
        ranked, first = rank(read(claim), windows((text,))), best(read(claim), windows((text,)))
        assert first is not None
        assert (first[0], first[1]) == (pytest.approx(ranked[0][0]), ranked[0][1])


# ---- trees


def lesson(seed: int, n: int = 400) -> Lesson:
    """Cases whose label hangs on support and denial, with noise."""
    chance = np.random.default_rng(seed)
    rows = chance.random((n, len(NAMES)))
    rows[:, NAMES.index("denial")] = chance.random(n) < 0.3
    odds = 6 * rows[:, NAMES.index("support")] - 3 * rows[:, NAMES.index("denial")] - 2
    labels = chance.random(n) < 1 / (1 + np.exp(-odds))
    return Lesson(f"made-{seed}", rows, labels, [f"{seed}-{i // 2}" for i in range(n)])


def test_trees_are_those_of_scikit_learn() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    one = lesson(1)
    columns = [NAMES.index(name) for name in STATEMENTS]
    theirs = HistGradientBoostingClassifier(
        monotonic_cst=[FEATURES[name] for name in STATEMENTS], early_stopping=False, random_state=0, **SETTINGS
    ).fit(one.rows[:, columns], one.labels, sample_weight=_weights(one))
    ours = grow([one], STATEMENTS)
    fresh = lesson(2).rows
    assert ours.predict(fresh) == pytest.approx(theirs.predict_proba(fresh[:, columns])[:, 1], abs=1e-9)
    kept = Trees.from_dict(json.loads(json.dumps(ours.to_dict())), NAMES, "x")
    assert kept.predict(fresh) == pytest.approx(ours.predict(fresh), abs=1e-4)  # six digits are kept


def test_support_moves_with_each_feature_as_it_should() -> None:
    trees = grow([lesson(1)], STATEMENTS)
    rows = lesson(5).rows
    for name in STATEMENTS:
        raised = rows.copy()
        raised[:, NAMES.index(name)] += 0.3
        change = (trees.predict(raised) - trees.predict(rows)) * FEATURES[name]
        assert (change >= -1e-12).all(), name


def test_training_is_repeatable_and_calibrated() -> None:
    lessons = [lesson(1), lesson(2)]
    first, second = train(lessons, STATEMENTS, folds=2), train(lessons, STATEMENTS, folds=2)
    assert first.to_dict() == second.to_dict()
    fresh = lesson(9, 4000)
    support = first.predict(fresh.rows)
    for sure in (support > 0.8, support < 0.2):  # labels in equal numbers, as trained
        balanced = np.average(fresh.labels[sure], weights=_weights(fresh)[sure])
        assert balanced == pytest.approx(support[sure].mean(), abs=0.08)


def test_sets_and_labels_weigh_what_they_should() -> None:
    one = replace(lesson(1, 100), weight=0.3)
    weights = _weights(one)
    assert weights[one.labels].sum() == pytest.approx(150) == weights[~one.labels].sum()
    assert {fold_of(f"x{i}") for i in range(50)} == {0, 1, 2, 3, 4}


def test_files_that_are_damaged_or_of_other_features_are_refused(tmp_path: Path) -> None:
    good = to_json(packaged())
    path = tmp_path / "verifier.json"
    path.write_text(json.dumps(good), encoding="utf-8")
    assert isinstance(load_verifier(str(tmp_path)), TrainedVerifier)
    statements = good["statements"]
    for broken in (
        "{",
        "[]",
        json.dumps({"name": "x"}),
        json.dumps({**good, "statements": {**statements, "names": ["other"]}}),
        json.dumps({**good, "statements": {**statements, "left": [0] * len(statements["left"])}}),  # walks never end
        json.dumps({**good, "statements": {**statements, "value": statements["value"][:-1]}}),
        json.dumps({**good, "statements": {key: value for key, value in statements.items() if key != "roots"}}),
    ):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match=r"verifier\.json"):
            read_verifier(path)
    with pytest.raises(InputError, match="adapt verifier"):
        read_verifier(tmp_path / "none.json")


# ---- the one that ships


def support(claim: str, *evidence: str) -> float:
    return float(packaged().support([claim], [list(evidence)])[0])


def test_what_stands_there_is_supported_and_what_is_denied_is_not() -> None:
    for true, false, evidence in (
        (TOWER, "The tower is 300 m high.", TOWER),
        (TOWER, "The tower is not 330 m high.", TOWER),
        ("He finished seventh.", "He finished eighth.", "He finished 7th."),
        ("Berlin is the largest city.", "Berlin is the smallest city.", "Berlin is the largest city of Germany."),
        ("水在100度沸腾。", "水在80度沸腾。", "水在100度沸腾，在0度结冰。"),
        ("铁会生锈。", "铁不会生锈。", "铁会生锈，金不会。"),
    ):
        assert support(true, evidence) >= packaged().threshold > support(false, evidence), (true, false)


def test_a_quotation_that_answers_another_question_is_supported_less() -> None:
    """The lexical verifier gives both 1: a quotation from the right sentence."""
    for question, right, wrong, evidence in (
        (
            "When did Denver win the Super Bowl?",
            "2016",
            "Santa Clara",
            "Denver won the Super Bowl in 2016 in Santa Clara.",
        ),
        ("丹佛野马队在哪一年赢得了超级碗？", "2016年", "圣克拉拉", "丹佛野马队于2016年在圣克拉拉赢得了超级碗。"),
    ):
        good, bad = support(f"{question} {right}", evidence), support(f"{question} {wrong}", evidence)
        assert good > bad + 0.1, (good, bad)
        asked = [f"{question} {right}", f"{question} {wrong}"]
        assert LexicalVerifier().support(asked, [[evidence]] * 2).tolist() == [1.0, 1.0]


def test_nothing_to_judge_by_is_no_support_and_odd_input_does_no_harm() -> None:
    assert support(TOWER) == support(TOWER, "") == support("", TOWER) == support("?!", TOWER) == 0.0
    assert packaged().support([], []).shape == (0,)
    odd = ["\0", "🙂", "the of and", "的了着", "a" * 5000, "what? ?", "1 2 3 4", "不", "Not.", "第一第二第三"]
    scores = packaged().support(odd, [odd] * len(odd))
    assert np.all((scores >= 0) & (scores <= 1))


def test_verifiers_by_name() -> None:
    assert load_verifier() is packaged()
    assert isinstance(load_verifier("lexical"), LexicalVerifier)
    assert packaged().made_of["statements"]["wice"]["cases"] == 349
    assert "begin" not in {**packaged().made_of["statements"], **packaged().made_of["answers"]}


# ---- made pairs


def test_changes_by_hand() -> None:
    chance = random.Random(0)
    assert denied("Water is safe.", [""], chance) == "Water is not safe."
    assert denied("He didn't sing.", [""], chance) == "He did sing."
    assert denied("水是安全的。", [""], chance) == "水不是安全的。"
    assert opposed("the largest city", [""], chance) in {f"the {word} city" for word in ("smallest",)}
    assert opposed("产量增加了", [""], chance) in {"产量减少了", "产量下降了", "产量降低了", "产量缩小了", "产量下跌了"}
    changed = other_number("It sold 1,000 copies.", ["It sold 1,000 copies."], chance)
    assert changed is not None
    assert changed != "It sold 1,000 copies."
    assert other_number("No number.", [""], chance) is None


@pytest.mark.parametrize(
    "passage",
    [
        "The tower was built in 1889 by Gustave Eiffel. It is the largest in France, and was not loved at first. "
        "Millions of people (most of them tourists) visit it each year, and it has 3 levels.",
        "这座塔于1889年由古斯塔夫·埃菲尔建造。它是法国最高的建筑，每年有许多游客参观。塔上有3个平台，位于塞纳河的南方。",
    ],
)
def test_pairs_are_true_or_changed_and_always_the_same(passage: str) -> None:
    pairs = made_pairs(passage, ["Paris and Marie Curie, 1903."], "seed")
    assert pairs == made_pairs(passage, ["Paris and Marie Curie, 1903."], "seed")
    true = {pair.claim for pair in pairs if pair.supported}
    assert true
    assert all(pair.supported == (pair.change == "reworded") for pair in pairs)
    for pair in pairs:
        if pair.change in CHANGES:
            assert pair.claim not in true
            assert pair.claim not in passage


def test_rewording_keeps_names_and_numbers() -> None:
    said = reworded("The movie began in 1889 with Marie Curie (a chemist) and 3 cats.", random.Random(1))
    assert "1889" in said
    assert "Marie Curie" in said
