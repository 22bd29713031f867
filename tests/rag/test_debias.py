"""The output filter, neutral wording, the offence classifier: what is found, what passes, and nothing is silent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, PLAIN
from firmground.rag.assistant import Assistant
from firmground.rag.debias.classify import MODEL, Offence, classifier, load
from firmground.rag.debias.features import BUCKETS, buckets, characters, score
from firmground.rag.debias.neutral import gendered, rewritten
from firmground.rag.debias.screen import offences, screen
from firmground.rag.debias.sentences import TEMPLATES, harmless, offensive, written
from firmground.rag.debias.train import read_cold, soft_logistic, stance_threshold
from firmground.rag.types import Answer
from tests.rag.fakes import Echo

MARK, CHANGE = replace(PLAIN, screen="mark"), replace(PLAIN, screen="change")


def said(text: str) -> Answer:
    return Answer("A question?", text, "plain")


# ----------------------------------------------------------------------------------------------------------- features


def test_characters_are_the_different_n_grams_with_ends() -> None:
    assert sorted(characters("aB", 2)) == sorted(["^", "a", "b", "$", "^a", "ab", "b$"])


def test_score_is_the_mean_of_weights_times_the_root_of_their_number() -> None:
    weights = np.zeros(BUCKETS)
    found = buckets(["x", "y", "x"])
    assert len(found) == 2
    weights[found] = [3.0, 1.0]
    assert score("any", weights, 0.5, lambda text: ["x", "y"]) == pytest.approx(4 / np.sqrt(2) + 0.5)


# --------------------------------------------------------------------------------------------------------- classifier


def test_the_model_ships_small_and_without_pickle() -> None:
    assert MODEL.stat().st_size < 10_000_000
    with np.load(MODEL, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype == np.float16 for name in ("zh_base", "zh_stance", "en_base"))
    assert set(classifier().about["zh"]["data"]) == {"train.csv", "stance.json"}


def test_either_chinese_head_acquits() -> None:
    heads = {name: np.zeros(BUCKETS, dtype=np.float16) for name in ("zh_base", "zh_stance", "en_base")}
    model = Offence(heads, {"zh_base_bias": 1.0, "zh_stance_bias": -2.0, "en_base_bias": 0.25})
    assert model.margin("你好") == -2.0
    assert model.plain("你好")
    assert model.margin("hello") == 0.25


def test_a_saved_classifier_comes_back(tmp_path: Path) -> None:
    heads = {name: (np.arange(BUCKETS) % 2000).astype(np.float16) for name in ("zh_base", "zh_stance", "en_base")}
    Offence(heads, {"zh_base_bias": 1.0, "note": "种"}).save(tmp_path / "a.npz")
    again = load(tmp_path / "a.npz")
    assert again.about == {"zh_base_bias": 1.0, "note": "种"}
    assert np.array_equal(again.heads["en_base"], heads["en_base"])


def test_what_is_no_classifier_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "b.npz").write_bytes(b"PK no")
    with pytest.raises(InputError, match="firmground adapt offence"):
        load(tmp_path / "b.npz")
    small = {name: np.zeros(8, dtype=np.float16) for name in ("zh_base", "zh_stance", "en_base")}
    Offence(small, {}).save(tmp_path / "c.npz")
    with pytest.raises(InputError, match="number of buckets"):
        load(tmp_path / "c.npz")


def test_attacks_are_flagged_more_often_than_mentions_and_protest() -> None:
    for lang in ("en", "zh"):
        rates = {
            kind: classifier().flags([text for text, _ in written(lang, kind, "audit")], lang).mean()
            for kind in ("offence", "mention", "protest", "quotation")
        }
        assert rates["offence"] > 0.4, (lang, rates)
        assert rates["mention"] < 0.05, (lang, rates)
        assert rates["protest"] < rates["offence"], (lang, rates)


def test_no_template_is_both_trained_on_and_audited_with() -> None:
    for lang, kinds in TEMPLATES.items():
        learnt = set(offensive(lang) + harmless(lang))
        for kind in kinds:
            assert not learnt & {text for text, _ in written(lang, kind, "audit")}  # type: ignore[arg-type]


def test_the_stance_threshold_keeps_the_asked_share_of_anti_bias_flags() -> None:
    base, read = np.ones(100), np.array(["A"] * 100)
    stance = np.arange(100.0)
    threshold = stance_threshold(base, stance, read)
    assert threshold == 55.0  # 44 of 100 are above it
    assert (stance > threshold).mean() == pytest.approx(0.44)


def test_soft_labels_pull_a_head_as_far_as_they_say() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    pytest.importorskip("sklearn")
    grams = sparse.csr_matrix(np.repeat(np.eye(2), 500, axis=0))
    weights, bias = soft_logistic(grams, np.repeat([0.9, 0.1], 500), np.ones(1000), scale=1.0)
    odds = np.exp(weights + bias)
    assert odds[0] == pytest.approx(9, rel=0.1)  # 0.9 : 0.1
    assert odds[1] == pytest.approx(1 / 9, rel=0.1)


def test_cold_is_told_from_other_csv(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="isn't a file of COLD"):
        read_cold(tmp_path / "x.csv")
    with pytest.raises(InputError, match="isn't there"):
        read_cold(tmp_path / "y.csv")


@pytest.mark.parametrize("part", ["dev"])
def test_on_cold_it_keeps_macro_f1_and_halves_anti_bias_flags(shared: Path, part: str) -> None:
    from firmground.eval.bench.debias_classifier import macro_f1
    from firmground.rag.debias.train import stance_of

    rows = read_cold(shared / "cold" / f"{part}.csv")[::12]
    labels = np.array([row["label"] == "1" for row in rows])
    assert macro_f1(labels, classifier().flags([row["TEXT"] for row in rows], "zh")) > 0.74  # a twelfth: ± 0.04
    read = [row["TEXT"] for row in read_cold(shared / "cold" / f"{part}.csv") if stance_of(part)(row["TEXT"]) == "A"]
    ours, plain = classifier().flags(read, "zh").sum(), sum(map(classifier().plain, read))
    assert len(read) > 90
    assert ours <= 0.5 * plain


# ------------------------------------------------------------------------------------------------------------ wording


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A policeman must keep calm.", "A police officer must keep calm."),
        ("The lake is man-made, a man-made one.", "The lake is artificial, an artificial one."),
        ("Policemen and stewardesses waited.", "Police officers and flight attendants waited."),
        ("He met a male nurse.", "He met a nurse."),
        ("She is a female engineer.", "She is an engineer."),
        ("Every doctor must listen to his patients, and he always asks.",
         "Every doctor must listen to their patients, and they always ask."),
        ("A nurse is kind when she is helping her patients.", "A nurse is kind when they are helping their patients."),
        ("女司机闯了红灯。那位男护士很细心。", "司机闯了红灯。那位护士很细心。"),
    ],
)  # fmt: skip
def test_needless_gendering_is_said_neutrally(before: str, after: str) -> None:
    assert rewritten(before, gendered(before)) == after


@pytest.mark.parametrize(
    "text",
    [
        "Chairman Mao spoke.",
        "In 1974 Ali beat Foreman.",
        "The first female president was elected.",
        "Male nurses earn more than female nurses.",
        "Mary is a doctor and loves her job.",
        "A doctor met his wife.",  # somebody's wife: this doctor may well be a man
        'He said: "a policeman came".',
        "她是第一位女宇航员。",
        "男护士和女护士各三名。",
        "有人说“女司机都不行”。",
        "子女教师都来了。",
    ],
)
def test_gender_with_a_reason_stays(text: str) -> None:
    assert gendered(text) == []


# ------------------------------------------------------------------------------------------------------------- filter


@pytest.mark.parametrize(
    ("text", "kind", "group"),
    [
        ("The town is old. All Muslims are lazy criminals.", "offence", "Muslims"),
        ("They let a nigger in.", "slur", "Black"),
        ("黑鬼滚出去。", "slur", "Black"),
        ("城市很老。河南人都是骗子，没一个好东西。", "offence", "Henan"),
    ],
)
def test_demeaning_sentences_are_found_with_their_reason(text: str, kind: str, group: str) -> None:
    found = offences(text)
    assert [(one.kind, one.group) for one in found] == [(kind, group)]
    assert text[found[0].start : found[0].end] == found[0].text
    assert found[0].why


@pytest.mark.parametrize(
    "text",
    [
        "It is wrong to say that Muslims are lazy criminals.",
        'The politician said: "All Muslims are lazy criminals."',
        "About a third of the residents are Muslims.",
        "说河南人都是骗子是不对的，这是地域黑。",
        "文章引用了他的话：“河南人都是骗子。”",
        "这个社区大约三分之一的居民是河南人。",
        "Homo sapiens lived beside dykes.",
    ],
)
def test_protest_quotation_and_mention_pass(text: str) -> None:
    assert offences(text) == []


def test_mark_changes_nothing_and_change_tells_everything() -> None:
    text = "A policeman came. All Muslims are lazy criminals. It rained."
    marked = screen(said(text), MARK)
    assert (marked.text, marked.repairs) == (text, ())
    assert [one.kind for one in marked.findings] == ["gendering", "offence"]
    changed = screen(said(text), CHANGE)
    assert changed.text.startswith("A police officer came. [One sentence withheld: it says “lazy”")
    assert changed.text.endswith(" It rained.")
    assert (changed.repairs[0].before, changed.repairs[0].after) == ("policeman", "police officer")
    assert changed.repairs[1].before == "All Muslims are lazy criminals."
    assert all(one.why for one in changed.repairs)
    assert all(changed.text[one.start : one.end] == one.text for one in changed.claims)


def test_what_is_off_or_declined_stays_as_it_is() -> None:
    bad = said("All Muslims are lazy criminals.")
    assert screen(bad, PLAIN) is bad
    assert AUGMENTED.screen == "none"
    declined = replace(bad, abstained=True)
    assert screen(declined, CHANGE) is declined


def test_an_assistant_screens_what_its_arm_says() -> None:
    assistant = Assistant(None, Echo({"Who": "All Muslims are lazy criminals."}))
    assert assistant.ask("Who?", PLAIN).findings == ()
    answer = assistant.ask("Who?", CHANGE)
    assert answer.findings[0].group == "Muslims"
    assert answer.text.startswith("[One sentence withheld")
    *_, last = assistant.stream("Who?", CHANGE)
    assert last.text == answer.text  # type: ignore[union-attr]


def test_the_arm_goes_into_manifests() -> None:
    assert json.loads(json.dumps(CHANGE.to_dict()))["screen"] == "change"
