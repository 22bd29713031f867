"""Question files: what is read, and what a broken one says."""

from __future__ import annotations

import json

import pytest

from firmground.eval.tasks import load_questions, task_names
from firmground.knowledge.errors import InputError


def written(tmp_path, *lines, encoding="utf-8"):
    path = tmp_path / "questions.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_bytes(text.encode(encoding))
    return path


def test_every_field_has_its_place(tmp_path):
    row = {"id": 7, "question": " 水多热才开？ ", "answers": ["100 度", 100], "answerable": True, "passage": "p1"}
    choice = {"question": "Which?", "choices": ["a", "b"], "answer": "B", "facts": ["x y"], "category": "physical"}
    loaded = load_questions(written(tmp_path, row, "", choice, '{"question": "Why?", "answerable": false}'))
    assert [example.id for example in loaded] == ["7", "3", "4"]
    assert loaded[0].question == "水多热才开？"
    assert loaded[0].answers == ("100 度", "100")
    assert loaded[0].gold == ("p1",)
    assert loaded[0].metadata == {}
    assert (loaded[1].choices, loaded[1].answer, loaded[1].gold) == (("a", "b"), "b", ("x y",))
    assert loaded[1].metadata == {"category": "physical", "facts": ["x y"]}
    assert not loaded[2].answerable
    assert loaded.skipped == 0
    assert len(loaded.sha256) == 64


def test_byte_order_mark_line_ends_and_limit(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "One?"}\r\n\r\n{"question": "Two?", "answers": "2"}\r\n{broken')
    loaded = load_questions(path, limit=2)  # the broken line comes after
    assert [(example.id, example.answers) for example in loaded] == [("1", ()), ("3", ("2",))]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "x"', "not JSON"),
        ('["question"]', "expected a JSON object, got list"),
        ('{"id": "a"}', "expected `question` as a text that isn't empty, got None"),
        ('{"question": "  "}', "isn't empty"),
        ('{"question": "x", "answerable": "yes"}', "expected `answerable` as true or false, got 'yes'"),
        ('{"question": "x", "answers": [{"text": "y"}]}', "expected `answers` as a list of texts"),
        ('{"question": "x", "choices": ["a", "b"], "answer": "C"}', "one of the choices or its letter, got 'C'"),
        ('{"question": "x", "weight": NaN}', "NaN isn't JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_line_is_named_and_skipped_only_if_asked(tmp_path, line, said):
    path = written(tmp_path, {"question": "fine?"}, line, {"question": "too?"})
    with pytest.raises(InputError) as error:
        load_questions(path)
    assert str(error.value).startswith(f"{path}:2: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    loaded = load_questions(path, skip_broken=True)
    assert ([example.id for example in loaded], loaded.skipped) == (["1", "3"], 1)


def test_what_else_can_be_wrong(tmp_path):
    with pytest.raises(InputError, match=r":2: the id 'a' stands here a second time"):
        load_questions(written(tmp_path, {"id": "a", "question": "x"}, {"id": "a", "question": "y"}))
    with pytest.raises(InputError, match="no question in it"):
        load_questions(written(tmp_path, "", "  "))
    with pytest.raises(InputError, match=r":2: not UTF-8 text \(byte 0xb5\)"):
        load_questions(written(tmp_path, {"question": "x"}, {"question": "的"}, encoding="gbk"))
    with pytest.raises(InputError, match="is a folder"):
        load_questions(tmp_path)
    with pytest.raises(InputError, match="no question file nowhere"):
        load_questions("nowhere")
    with pytest.raises(InputError, match="at least 1, got 0"):
        load_questions(written(tmp_path, {"question": "x"}), limit=0)


def test_bundled_files_load_by_name():
    for name in task_names():
        loaded = load_questions(name)
        assert loaded.name == name
        assert all(example.question for example in loaded)


@pytest.mark.parametrize(
    ("name", "count"), [("xquad-en", 1190), ("xquad-zh", 1190), ("clapnq", 300), ("worldtree", 187)]
)
def test_real_files(shared, name, count):
    loaded = load_questions(shared / "qa" / name / "questions.jsonl")
    assert len(loaded) == count
    assert all(example.gold for example in loaded)
    unanswerable = sum(not example.answerable for example in loaded)
    assert unanswerable == (150 if name == "clapnq" else 0)
