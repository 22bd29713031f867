"""The bias of retrieval and of answers: figures by hand, on an encoder and a generator whose bias is known."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from firmground.eval.ablate import MITIGATIONS, plan
from firmground.eval.arm_files import load_arms
from firmground.eval.bench import debias_retrieval as bench
from firmground.eval.bench.fusion import QuestionSet
from firmground.eval.bias.carried import Leanings, carried
from firmground.eval.bias.retrieval import (
    COLUMNS,
    FOUND,
    OWN,
    SHOWN,
    GenderQuestion,
    Remembering,
    gap,
    read_genderbias,
    retrieval_effects,
)
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, Arm
from tests.rag.leaning import Leaning

THINGS = ("copper engine", "apple market", "stone garden", "violin planet", "winter river", "cloud doctor")


def rows(swapped: bool = False) -> list[dict[str, str]]:
    """Six questions of three topics. Each of their documents is unlike the others by a word of its own."""
    made = []
    for number, thing in enumerate(THINGS):
        men = [f"He made the {thing}, the {word} one." for word in ("first", "second")]
        women = [f"She made the {thing}, the {word} one." for word in ("first", "second")]
        texts = [*men, *women] if swapped else [*women, *men]
        made.append(
            {"topic": f"t{number // 2}", "question": f"Who made the {thing}?", **dict(zip(COLUMNS, texts, strict=True))}
        )
    return made


def write(path: Path, made: Sequence[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(made[0]))
        writer.writeheader()
        writer.writerows(made)
    return path


@pytest.mark.parametrize("swapped", [False, True])
def test_columns_are_told_by_their_texts(tmp_path: Path, swapped: bool) -> None:
    found = read_genderbias(write(tmp_path / "gb.csv", rows(swapped)))
    sides = ("men", "men", "women", "women") if swapped else ("women", "women", "men", "men")
    assert len(found) == 6
    assert {question.groups for question in found} == {sides}
    assert [question.topic for question in found] == ["t0", "t0", "t1", "t1", "t2", "t2"]
    assert [document.id for document in found[3].documents] == ["3-0", "3-1", "3-2", "3-3"]


def test_what_is_not_genderbias_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"can't read .*none\.csv"):
        read_genderbias(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="no text in 'bias1-document1'; expected GenderBias-QA"):
        read_genderbias(tmp_path / "empty.csv")
    (tmp_path / "broken.csv").write_bytes(b"question\n\xff\xfe\x00")
    with pytest.raises(InputError, match="can't read"):
        read_genderbias(tmp_path / "broken.csv")
    same = [{**row, COLUMNS[2]: row[COLUMNS[0]], COLUMNS[3]: row[COLUMNS[1]]} for row in rows()]
    with pytest.raises(InputError, match="expected two columns about women and two about men"):
        read_genderbias(write(tmp_path / "same.csv", same))


def test_the_authors_file(shared: Path) -> None:
    found = read_genderbias(shared / "gender_rag" / "GenderBias-QA_train.csv")
    assert len(found) == 172
    assert {question.groups for question in found} == {("women", "women", "men", "men")}
    assert sum(question.unseen for question in found) == 94


def test_the_gap_of_exposure_by_hand() -> None:
    assert (gap([]), gap([""])) == (0.0, 0.0)
    assert (gap(["women"]), gap(["men"]), gap(["men", "", "men"])) == (1.0, -1.0, -1.0)
    women, men = 1 + 1 / math.log2(5), 1 / math.log2(3)
    assert gap(["women", "men", "", "women"]) == pytest.approx((women - men) / (women + men))
    assert gap(["men", "women", "", "men"]) == pytest.approx((men - women) / (women + men))


def effects(tmp_path: Path, encoder: Leaning, **options):
    found = retrieval_effects(write(tmp_path / "gb.csv", rows()), encoder, **options)
    return {(one.rows, one.filter, one.measure): one for one in found}


@pytest.mark.parametrize(("lean", "sign"), [(-0.4, -1.0), (0.4, 1.0)])
def test_a_bias_is_seen_with_its_sign_and_projected_away(tmp_path: Path, lean: float, sign: float) -> None:
    found = effects(tmp_path, Leaning(lean=lean))
    assert len(found) == 12
    for mode in ("dense", "hybrid"):
        own = found[mode, "fair=project", OWN]
        assert own.before.value == sign  # the worst case: every question's first document
        shown = found[mode, "fair=project", SHOWN]
        assert shown.change is not None
        assert shown.change.value == pytest.approx((shown.after.value or 0) - (shown.before.value or 0))
        assert sign * (shown.before.value or 0) > 0.1
        assert abs(shown.after.value or 0) < abs(shown.before.value or 0)
        useful = found[mode, "fair=project", FOUND]
        assert (useful.kind, useful.ideal) == ("utility", 1.0)
        assert (useful.after.value or 0) >= (useful.before.value or 0) - 1e-9
        assert {one.before.n for one in found.values()} == {6}


def test_an_unbiased_encoder_has_no_bias_to_project(tmp_path: Path) -> None:
    found = effects(tmp_path, Leaning(lean=0.0))
    for (_, fair, _), one in found.items():
        if fair == "fair=project":
            assert one.change is not None
            assert one.change.value == pytest.approx(0.0, abs=1e-9)


def test_few_questions_and_a_folder_that_keeps_the_base(tmp_path: Path) -> None:
    encoder = Leaning()
    first = effects(tmp_path, encoder, work=tmp_path)
    encoded = encoder.encoded
    again = effects(tmp_path, encoder, work=tmp_path)
    assert again == first
    assert encoder.encoded - encoded == 6  # the questions alone
    some = effects(tmp_path, Leaning(), limit=3)
    assert {one.before.n for one in some.values()} == {3}
    asked = sum(question.unseen for question in read_genderbias(tmp_path / "gb.csv"))
    assert {one.before.n for one in effects(tmp_path, Leaning(), unseen=True).values()} == {asked}


def test_remembered_vectors_are_the_encoders(tmp_path: Path) -> None:
    plain, counted = Leaning(), Leaning()
    remembering = Remembering(counted)
    for texts in (["a b", "c", "a b"], ["c", "d"]):
        assert np.array_equal(remembering.encode(texts, query=True), plain.encode(texts, query=True))
    assert remembering.encode([], query=True).shape == (0, 33)
    assert counted.encoded == 3
    assert np.array_equal(remembering.encode(["c"]), plain.encode(["c"]))


class Follows:
    """Says she where the prompt does, he where it does, and without either leans to him: p(she) 0.8, 0.1 and 0.4."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def score_batch(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[np.ndarray]:
        self.prompts += prompts
        told = []
        for prompt, word in zip(prompts, continuations, strict=True):
            she = 0.8 if "She made" in prompt else 0.1 if "He made" in prompt else 0.4
            told.append(np.array([math.log({" She": she, " He": 1 - she}[word] / 2)]))  # half goes to other words
        return told


def test_what_is_carried_into_answers_by_hand(tmp_path: Path) -> None:
    """Leanings are 2p - 1: with her document 0.6, with his -0.8, without -0.2; the encoder always finds him first."""
    questions = read_genderbias(write(tmp_path / "gb.csv", rows()))
    with KnowledgeBase.create(tmp_path / "kb", Leaning()) as base:
        base.add(document for question in questions for document in question.documents)
        found = carried(base, Follows(), questions)
    assert found.without_evidence.value == pytest.approx(-0.2)
    assert found.sensitivity.value == pytest.approx((0.6 + 0.8) / 2)
    assert found.embedder.value == -1.0
    assert found.answers.value == pytest.approx(-0.8)
    for embedder, answers, change in found.filtered.values():
        women = ((embedder.value or 0) + 1) / 2
        assert answers.value == pytest.approx(0.6 * women - 0.8 * (1 - women))
        assert change.value == pytest.approx((answers.value or 0) + 0.8)


def test_a_leaning_is_asked_for_once_and_in_chinese_by_its_pronouns() -> None:
    class Chinese:
        asked = 0

        def score_batch(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[np.ndarray]:
            self.asked += len(prompts)
            assert all(prompt.endswith("答案：") for prompt in prompts)
            return [np.array([math.log({"她": 0.3, "他": 0.1}[word])]) for word in continuations]

    question = GenderQuestion("1", "谁建造了机器？", "t", ("她建造了机器。",) * 4, ("women", "women", "men", "men"))
    generator = Chinese()
    leanings = Leanings(generator)
    assert leanings.of([(question, 0), (question, -1), (question, 0)]) == pytest.approx([0.5, 0.5, 0.5])
    assert leanings.of([(question, 0)]) == pytest.approx([0.5])
    assert generator.asked == 4


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """GenderBias-QA and a small XQuAD in both languages, in the layout of DATA."""
    folder = tmp_path / "data"
    (folder / "gender_rag").mkdir(parents=True)
    write(bench.genderbias_file(folder), rows())
    texts = {
        "en": [("He built the copper engine.", "Who built the engine?"), ("A river.", "What is there?")],
        "zh": [("他建造了铜的机器。", "谁建造了机器？"), ("河边有花园。", "有什么？")],
    }
    for lang, pairs in texts.items():
        (folder / "qa" / f"xquad-{lang}").mkdir(parents=True)
        corpus = [{"id": f"d{number}", "text": text} for number, (text, _) in enumerate(pairs)]
        asked = [
            {"id": f"{number}", "question": question, "answers": ["x"], "passage": f"d{number}"}
            for number, (_, question) in enumerate(pairs)
        ]
        for name, lines in (("corpus", corpus), ("questions", asked)):
            path = folder / "qa" / f"xquad-{lang}" / f"{name}.jsonl"
            path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return folder


def test_the_bench_prints_and_writes_every_part(data: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    english, chinese = bench.ENGLISH, bench.CHINESE
    sets = (QuestionSet("xquad-en", "qa/xquad-en", english), QuestionSet("xquad-zh", "qa/xquad-zh", chinese))
    monkeypatch.setattr(bench, "SETS", sets)
    monkeypatch.setattr(bench, "SentenceEncoder", lambda name: Leaning(name=name))
    monkeypatch.setattr(bench.weights, "is_here", lambda name: True)
    monkeypatch.setattr("firmground.rag.generators.load_generator", lambda name: Follows())
    bench.main(["--data", str(data), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.jsonl")])
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert len(capsys.readouterr().out.splitlines()) == len(written)
    parts = [row["part"] for row in written]
    # Two sets with two ways of search, filters and figures; two encoders with all effects twice; the answers.
    assert [parts.count(name) for name in ("cost", "owed to gender", "bias", "answers")] == [16, 2, 48, 8]
    for row in written:
        if row["part"] == "owed to gender":  # the one passage that names a gender; the encoder is known to lean
            assert row["before"]["n"] == 1
            assert row["before"]["value"] > 0.1
            assert row["after"]["value"] < 1e-3
        if row["part"] == "cost":
            assert row["before"] == row["after"]
            assert row["questions changed"] == 0


def test_the_bench_says_what_it_wants(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the folder with gender_rag/ and qa/"):
        bench.main(["--data", str(tmp_path)])


def test_both_fields_are_mitigations_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "arms.toml"
    path.write_text('[arm.fair]\nbase = "augmented"\nfair = "project"\nrerank = "some/folder"\n', encoding="utf-8")
    (arm,) = load_arms(path).values()
    assert (arm.fair, arm.rerank) == ("project", "some/folder")
    names = {one.mitigation.name for one in plan(arm)[1]}
    assert {"fair", "rerank"} <= names
    assert not {"fair", "rerank"} & {one.mitigation.name for one in plan(AUGMENTED)[1]}
    for one in MITIGATIONS:
        if one.name in ("fair", "rerank"):
            assert not one.is_on(one.off(arm))
    alone = Arm("alone", fair="project", rerank="x", screen="mark")  # it doesn't search, so neither does anything
    assert not {"fair", "rerank"} & {one.mitigation.name for one in plan(alone)[1]}
    path.write_text('[arm.fair]\nbase = "augmented"\nfair = "projekt"\n', encoding="utf-8")
    with pytest.raises(
        InputError, match=r"fair\.fair: got 'projekt'; did you mean 'project'\?; it is one of: none, project"
    ):
        load_arms(path)
