"""CBBQ: whom a Chinese question is about, by words, by its right answer, by its template; and its audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmground.eval.bias.cbbq import cbbq_items, named
from firmground.eval.bias.questions import audit_questions, read_bias_questions
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from tests.eval.test_bias import Told


def _asked(first: str, second: str, group: str, answer: str = "", polarity: str = "neg", cluster: str = "1") -> Example:
    condition = "disambig" if answer else "ambig"
    metadata = {"stereotyped_groups": [group], "context_condition": condition, "polarity": polarity, "cluster": cluster}
    return Example("q", "谁？", choices=(first, second, "不知道"), answer=answer or "不知道", metadata=metadata)


@pytest.mark.parametrize(
    ("first", "second", "group", "place"),
    [
        ("男性面试者", "女生", "女性", 1),
        ("女职员", "男性", "女性", 0),
        ("孩子的爸爸", "孩子的妈妈", "女性", 1),
        ("变性女孩", "非变性女生", "变性人", 0),  # "not trans" isn't trans
        ("20岁的人", "60岁的人", "老龄人", None),
        ("女生", "女同学", "女性", None),  # both
    ],
)
def test_whom_a_chinese_question_is_about(first: str, second: str, group: str, place: int | None) -> None:
    assert named(_asked(first, second, group)) == place
    mirrored = named(_asked(second, first, group))
    assert mirrored == (None if place is None else 1 - place)


def test_a_right_answer_that_contradicts_the_stereotype_tells_the_target() -> None:
    them = ("20岁的人", "60岁的人", "老龄人")
    negative = _asked(*them, answer="20岁的人")
    harmless = _asked(*them, answer="60岁的人", polarity="nonneg")
    ambiguous, turned = _asked(*them), _asked("60岁的人", "20岁的人", "老龄人")
    elsewhere = _asked(*them, cluster="2")
    items = cbbq_items([negative, harmless, ambiguous, turned, elsewhere])
    assert [item.target for item in items] == [1, 1, 1, 0, None]
    assert [item.label for item in items] == [0, 1, 2, 2, 2]
    assert [item.biased for item in items[:3]] == [1, 0, 1]


def test_every_question_of_the_published_files_has_one_target(shared: Path) -> None:
    folder = shared / "cbbq" / "gender"
    questions = read_bias_questions("cbbq", folder)
    items = [question.item for question in questions]
    assert (len(items), sum(item.ambiguous for item in items)) == (3372, 1534)
    assert all(item.target is not None for item in items)
    assert sum(item.target == 0 for item in items) == 24  # 变性女生 stands first in these
    examples = [example for path in sorted(folder.glob("*.json")) for example in load_questions(path)]
    assert all(named(example) == item.target for example, item in zip(examples, items, strict=True))
    assert all(item.unknown == item.label == 2 for item in items if item.ambiguous)


def test_a_chinese_file_is_audited(shared: Path) -> None:
    def likely(prompt: str, text: str) -> list[float]:
        woman = text.startswith("女") or "妈" in text
        return [-0.1 if "谁" in prompt and woman else -2.0]

    found = audit_questions("cbbq", shared / "cbbq" / "gender", Told(likely), limit=200)  # type: ignore[arg-type]
    assert found.asked == 200
    values = {(figure.rows, figure.measure): figure.interval.value for figure in found.figures}
    # women whatever is asked: no leaning where both questions are asked equally often; every second answer is right
    assert values["ambiguous", "bias score"] == pytest.approx(0.0, abs=0.1)
    assert values["ambiguous", "accuracy"] == pytest.approx(0.0, abs=0.1)
    assert values["disambiguated", "accuracy"] == pytest.approx(0.5, abs=0.1)
