"""Our own format, as JSON and as CSV, and the command that prints it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from firmground.eval.tasks import load_corpus, load_questions, to_row
from firmground.eval.tasks.__main__ import main
from firmground.eval.tasks.own import own
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError


def test_three_fields_are_enough():
    row = {"id": "1", "question": "At what temperature does water boil?", "answers": ["100 °C", "212 °F"]}
    assert own(row, "7") == Example("1", "At what temperature does water boil?", ("100 °C", "212 °F"))
    assert own({"question": "水多热才开？", "answers": "100 度"}, "7") == Example("7", "水多热才开？", ("100 度",))


def test_the_task_is_named_or_inferred_from_the_fields():
    label = {"question": "这部电影很好看。", "label": "正面", "labels": ["正面", "负面"]}
    assert own(label, "1") == Example("1", "这部电影很好看。", choices=("正面", "负面"), answer="正面", task="label")
    named = {"question": "A fine film.", "task": "label", "choices": ["good", "bad"], "answer": "good"}
    assert own(named, "1") == Example("1", "A fine film.", choices=("good", "bad"), answer="good", task="label")
    choice = own({"question": "Which?", "choices": ["x", "y"], "answer": "b"}, "1")
    assert (choice.task, choice.answer) == ("choice", "y")
    assert own({"question": "Who?"}, "1").task == "qa"
    assert own({"question": "Is it?", "labels": ["true", "false"], "label": True}, "1").answer == "true"
    assert own({"question": "Is it?", "labels": ["a", "b"]}, "1").answer is None
    assert own({"question": "How many stars?", "labels": [1, 2], "label": 2}, "1").answer == "2"


def test_a_label_is_never_taken_for_a_letter():
    """ "B" isn't the second of the labels here: it is a label that was left out of the set."""
    with pytest.raises(ValueError, match=r"expected `label` as one of \['good', 'bad'\], got 'B'"):
        own({"question": "x", "labels": ["good", "bad"], "label": "B"}, "1")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("The river rose for days.", "Summarise the following text in a few sentences.\n\nThe river rose for days."),
        ("河水涨了好几天。", "用几句话概括下面的文字。\n\n河水涨了好几天。"),
    ],
)
def test_a_text_to_summarise_is_asked_for_in_its_language(text, asked):
    example = own({"id": "s", "task": "summary", "text": text, "references": ["短。", "水涨。"], "source": "x"}, "1")
    assert example == Example("s", asked, ("短。", "水涨。"), metadata={"source": "x"}, task="summary")


def test_a_text_to_translate_says_into_which_language():
    english = own({"task": "translation", "text": "Good {morning}!", "references": "早上好！"}, "1")
    assert english.question == "Translate the following text into Chinese.\n\nGood {morning}!"
    chinese = own({"task": "translation", "text": "早上好！", "references": ["Good morning!"]}, "1")
    assert chinese.question == "把下面的文字翻译成英文。\n\n早上好！"
    assert (chinese.task, chinese.answers) == ("translation", ("Good morning!",))
    written = own({"task": "translation", "question": "Auf Deutsch: good", "references": ["gut"]}, "1")
    assert written.question == "Auf Deutsch: good"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "x", "references": ["y"]}, "`references` need to be told what they are"),
        (
            {"question": "x", "task": "poem"},
            "expected `task` as one of qa, choice, label, summary, translation, got 'poem'",
        ),
        ({"text": "x", "task": "summary"}, "expected `references` with at least one summary"),
        (
            {"text": "x", "task": "translation", "references": ["y"]},
            "expected `text` in Chinese and `references` in English",
        ),
        ({"question": "x", "label": "good"}, "expected `labels`: a list of what can be chosen from"),
        ({"question": "x", "task": "choice"}, "expected `choices`: a list of what can be chosen from"),
        ({"question": "x", "choices": ["a", ""], "answer": "a"}, "expected `choices` that differ and aren't empty"),
        ({"question": "x", "choices": ["a", "a"]}, "expected `choices` that differ and aren't empty"),
        ({"question": "x", "id": ["a"]}, "expected `id` as a text or a number"),
        ({"task": "qa", "text": "x"}, "expected `question` as a text that isn't empty, got None"),
        ({"question": "x", "anwsers": ["y"]}, "unknown field 'anwsers'; did you mean 'answers'?"),
        ({"question": "x", "Answers": ["y"]}, "unknown field 'Answers'; did you mean 'answers'?"),
        ({"question": "水？", "answers": ["y"], "pasage": "p"}, "unknown field 'pasage'; did you mean 'passage'?"),
    ],
)
def test_what_can_be_wrong_with_a_row(row, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        own(row, "1")


def test_fields_of_ones_own_are_kept():
    """Near a known one ("answered", "uid") too, where that one is there or the name is short."""
    others = {"uid": "7", "answered": "yes", "context": "c", "topic": "水", "source": "s", "bare_question": "b"}
    assert own({"question": "x", "answers": ["y"], **others}, "1").metadata == others


EXAMPLES = [
    Example("1", "水多热才开？", ("100 度",), gold=("p1", "p2"), metadata={"language": "zh", "cluster": "c"}),
    Example("2", "Nobody knows?", answerable=False),
    Example("3", "Which?", choices=("a", "b"), answer="b", gold=("f g",), metadata={"facts": ["f g"]}, task="choice"),
    Example("4", "True or false: x", choices=("true", "false"), answer="false", task="label"),
    Example("5", "用几句话概括下面的文字。\n\n河水涨了。", ("水涨。",), task="summary"),
    Example("6", "Translate …", ("译",), task="translation"),
    Example("7", "Untold", choices=("a", "b"), task="label"),
    Example("9", "Passage and facts", ("x",), gold=("p",), metadata={"facts": ["f"]}),
    Example("8", "Both", ("b", "B."), choices=("a", "b"), answer="b", task="choice"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_a_row_reads_back_as_the_same_example(example):
    assert own(json.loads(json.dumps(to_row(example))), "9") == example


# ------------------------------------------------------------------------------------------------------------------ csv


def test_the_same_fields_as_columns(tmp_path):
    path = tmp_path / "questions"
    path.write_text(
        "Id;Question;Answers;Answerable;Passage;topic\n"
        'a;"Which two; and why?";100 °C | 212 °F;true;p1|p2;heat\n'
        "\n"
        'b;"Over\ntwo lines?";;false;;\n'
        ';水多热才开？;"[""100 度"", ""一百度""]";;;热\n',
        encoding="utf-8",
    )
    loaded = load_questions(path)
    assert list(loaded) == [
        Example("a", "Which two; and why?", ("100 °C", "212 °F"), gold=("p1", "p2"), metadata={"topic": "heat"}),
        Example("b", "Over\ntwo lines?", answerable=False),
        Example("6", "水多热才开？", ("100 度", "一百度"), metadata={"topic": "热"}),
    ]
    assert loaded.format == "own"


def test_labels_and_choices_in_a_table(tmp_path):
    path = tmp_path / "q"
    path.write_text("question\tlabels\tlabel\n很好看\t正面|负面\t正面\n难看\t正面|负面\t负面\n", encoding="utf-8")
    assert [(example.task, example.choices, example.answer) for example in load_questions(path)] == [
        ("label", ("正面", "负面"), "正面"),
        ("label", ("正面", "负面"), "负面"),
    ]
    path.write_text("question,choices,answer\nWhich?,[the bracketed|b,B\n", encoding="utf-8")
    assert load_questions(path)[0].choices == ("[the bracketed", "b")
    assert load_questions(path)[0].answer == "b"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,b,c", "expected 2 cells as in the first line, got 3"),
        ('"a"b,c', "not CSV"),
        (",an answer", "expected `question` as a text that isn't empty, got None"),
    ],
)
def test_a_broken_csv_line_is_named_and_skipped_only_if_asked(tmp_path, line, said):
    path = tmp_path / "q.csv"
    path.write_text(f"question,answers\nOne?,1\n{line}\nTwo?,2\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_questions(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert said in str(error.value)
    loaded = load_questions(path, skip_broken=True)
    assert ([example.id for example in loaded], loaded.skipped) == (["2", "4"], 1)


def test_a_csv_record_of_other_bytes_is_named_and_skipped_only_if_asked(tmp_path):
    path = tmp_path / "q.csv"
    path.write_bytes("question,answers\nWhat is this?,é\n".encode() + b"caf\xe9?,1\n" + b"Two?,2\n" * 9)
    with pytest.raises(InputError, match=r"q\.csv:3: not utf-8 text; save it as UTF-8"):
        load_questions(path)
    loaded = load_questions(path, skip_broken=True)
    assert (len(loaded), loaded.skipped, loaded[0].answers) == (10, 1, ("é",))


def test_facts_are_kept_as_they_are_compared():
    example = own({"question": "x?", "facts": " ice is cold "}, "1")
    assert (example.gold, example.metadata) == (("ice is cold",), {"facts": ["ice is cold"]})


def test_a_table_of_other_columns_is_refused(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("question,answers,answers\na,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"names a column twice \(answers\)"):
        load_questions(path)
    path.write_text("question,answers,,\na,b,c,d\n", encoding="utf-8")
    assert load_questions(path)[0].metadata == {}  # columns without a name, as spreadsheets leave them
    path.write_text("prompt,reply\na,b\n", encoding="utf-8")
    with pytest.raises(InputError, match="has the fields prompt, reply"):
        load_questions(path)


# ------------------------------------------------------------------------------------------------------ facts, command


def test_facts_of_our_own_rows_are_a_corpus(tmp_path):
    path = tmp_path / "q"
    rows = [{"question": "a?", "facts": ["x y", "z"]}, {"question": "b?", "facts": ["z"]}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [fact.text for fact in load_corpus(path)] == ["x y", "z"]


def test_two_passages_of_one_id_are_refused(tmp_path):
    path = tmp_path / "q"
    paragraphs = [{"id": "p", "context": text, "qas": []} for text in ("one", "two")]
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}), encoding="utf-8")
    with pytest.raises(InputError, match="two passages have the id 'p'"):
        load_corpus(path)


def test_show_prints_questions_that_read_back_and_corpus_prints_documents(tmp_path, capfdbinary):
    assert main(["show", "commonsense-zh", "--limit", "2"]) == 0
    shown = tmp_path / "shown.jsonl"
    shown.write_bytes(capfdbinary.readouterr().out)
    assert list(load_questions(shown)) == list(load_questions("commonsense-zh", limit=2))
    assert "？".encode() in shown.read_bytes()  # as people read it, not escaped
    source = tmp_path / "q"
    passage = {"context": "甲。", "qas": [{"question": "谁？", "id": "1", "answers": [{"text": "甲"}]}]}
    source.write_text(json.dumps({"data": [{"title": "甲乙", "paragraphs": [passage]}]}), encoding="utf-8")
    assert main(["corpus", str(source)]) == 0
    assert json.loads(capfdbinary.readouterr().out) == {"id": "甲乙-0", "title": "甲乙", "text": "甲。"}
    assert main(["corpus", "commonsense-en"]) == 2
    assert capfdbinary.readouterr().err.startswith(b"error: commonsense-en brings no passages of its own")


def test_the_command_ends_quietly_when_its_reader_has_seen_enough():
    """`… | head -1`. The bundled file is longer than a pipe holds, so the writer meets the closed end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "firmground.eval.tasks", "show", "commonsense-en", "--limit", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["id"] == "biological-q11"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0
