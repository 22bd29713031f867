"""Question files: what is read, and what a broken one says."""

from __future__ import annotations

import json

import pytest

from firmground.eval.tasks import files, load_questions, task_names
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json\n", "1: not JSON (Expecting value, column 1)"),
        ("not json, either\n", "1: not JSON (Expecting value, column 1)"),
        ("这不是问题\n", "1: not JSON (Expecting value, column 1)"),
        ('"id": 1, "question": "x"}\n{"question": "y"}\n', "1: not JSON (Extra data, column 5)"),
        ('{"question": ""}', "1: expected `question` as a text that isn't empty, got ''"),
        ('{"question": "x", "answerable": "no"}', "1: expected `answerable` as true or false, got 'no'"),
        ('{"question": "x", "choices": ["a", "b"], "answer": "z"}', "1: expected `answer` as one of the choices"),
        ('{"question": "x", "anwsers": ["y"]}', "1: unknown field 'anwsers'; did you mean 'answers'?"),
    ],
)
def test_the_first_and_only_line_is_named_too(tmp_path, text, said):
    path = tmp_path / "q.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as error:
        load_questions(path)
    assert str(error.value).startswith(f"{path}:{said}")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "q.jsonl").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(InputError, match="isn't text: expected questions as JSON lines, JSON or CSV, saved as UTF-8"):
        load_questions(tmp_path / "q.jsonl")


def test_what_else_can_be_wrong(tmp_path):
    with pytest.raises(InputError, match=r":2: the id 'a' stands here a second time"):
        load_questions(written(tmp_path, {"id": "a", "question": "x"}, {"id": "a", "question": "y"}))
    with pytest.raises(InputError, match="no question in it"):
        load_questions(written(tmp_path, "", "  "))
    with pytest.raises(InputError, match="is empty"):
        load_questions(written(tmp_path))
    with pytest.raises(InputError, match="no question in it that can be read, of 2"):
        load_questions(written(tmp_path, {"question": ""}, {"question": 3}), skip_broken=True)
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


def test_an_id_that_repeats_is_a_broken_record(tmp_path):
    path = written(tmp_path, {"id": "a", "question": "x"}, {"id": "a", "question": "y"}, {"id": 1, "question": "z"})
    loaded = load_questions(path, skip_broken=True)
    assert ([(example.id, example.question) for example in loaded], loaded.skipped) == ([("a", "x"), ("1", "z")], 1)


CHINESE = [
    {"question": "水的沸点是多少度？", "answers": ["一百度"]},
    {"question": "他们住在哪一个城市里？", "answers": ["北京"]},
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings_of_lines_documents_and_tables(tmp_path, encoding):
    document = json.dumps(CHINESE, ensure_ascii=False, indent=1)
    table = "\n".join(["question,answers", *(f"{row['question']},{row['answers'][0]}" for row in CHINESE)])
    for path in (
        written(tmp_path, *CHINESE, encoding=encoding),
        written(tmp_path, document, encoding=encoding),
        written(tmp_path, table, encoding=encoding),
    ):
        loaded = load_questions(path)
        assert [(example.question, example.answers) for example in loaded] == [
            ("水的沸点是多少度？", ("一百度",)),
            ("他们住在哪一个城市里？", ("北京",)),
        ]


def test_a_line_of_other_bytes_is_named_and_skipped_only_if_asked(tmp_path):
    path = tmp_path / "q"
    good = json.dumps({"question": "What is this?", "answers": ["a question"] * 9}).encode()
    path.write_bytes(b"\n".join([good, b'{"question": "caf\xe9?"}', good.replace(b"this", b"that")]))
    with pytest.raises(InputError, match=r"q:2: not utf-8 text \(byte 0xe9\); save it as UTF-8"):
        load_questions(path)
    loaded = load_questions(path, skip_broken=True)
    assert ([example.id for example in loaded], loaded.skipped) == (["1", "3"], 1)


def test_text_that_breaks_off_is_an_error_a_user_can_read(tmp_path):
    path = written(tmp_path, *CHINESE, encoding="utf-16")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="isn't utf-16 text"):
        load_questions(path)


def test_a_broken_document_is_named_by_its_line(tmp_path):
    with pytest.raises(InputError, match=r"questions\.jsonl:3: not JSON \(Expecting ',' delimiter, column 1\)"):
        load_questions(written(tmp_path, "[", '{"question": "x"}', '{"question": "y"}', "]"))
    with pytest.raises(InputError, match=r":1: not JSON"):
        load_questions(written(tmp_path, '{"data": [{"title": "cut off'))
    with pytest.raises(InputError, match="nested too deeply"):
        load_questions(written(tmp_path, "[" * 100_000))
    with pytest.raises(InputError, match=r"\[1\]: expected a JSON object, got str 'x'"):
        load_questions(written(tmp_path, '[{"question": "x"}, "x"]'))


def test_lines_whose_first_is_broken_are_still_lines(tmp_path):
    path = written(tmp_path, '{"question": "cut off', {"question": "whole?"})
    with pytest.raises(InputError, match=r":1: not JSON"):
        load_questions(path)
    loaded = load_questions(path, skip_broken=True)
    assert ([example.id for example in loaded], loaded.skipped) == (["2"], 1)


def test_one_object_spread_over_lines(tmp_path):
    path = written(tmp_path, json.dumps({"question": "One?", "answers": ["1"]}, indent=2))
    assert [example.question for example in load_questions(path)] == ["One?"]


def test_a_limit_reads_no_further(tmp_path, monkeypatch):
    """Ten questions of a large file cost ten lines, not the file: counted in lines that were parsed."""
    path = written(tmp_path, *({"question": f"Number {number}?"} for number in range(1000)))
    parsed = []
    real = files._record
    monkeypatch.setattr(files, "_record", lambda line, number: parsed.append(number) or real(line, number))
    assert len(load_questions(path, limit=10)) == 10
    assert len(parsed) <= 11


def test_marks_that_nothing_can_store_are_taken_out(tmp_path):
    loaded = load_questions(written(tmp_path, '{"question": "a\\u0000b \\ud800?", "answers": ["x"]}'))
    assert loaded[0].question == "ab \ufffd?"
