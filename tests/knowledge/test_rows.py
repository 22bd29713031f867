"""Files whose rows are documents: what is kept, and how a broken row is named while the others load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmground.knowledge.errors import InputError
from firmground.knowledge.load import LoadReport, load, load_all
from firmground.knowledge.types import Document


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_jsonl(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        '\ufeff{"id": "x", "title": "T", "text": "One.", "year": 5, "tags": ["a"]}\n\n'
        '{"Content": "Two.", "url": "https://e.org/2"}\n{"_id": 7, "text": "", "body": "Three\\u0000\\ud800"}',
    )
    assert list(load(path)) == [
        Document("x", "One.", str(path), {"title": "T", "year": 5, "tags": ["a"]}),
        Document("a.jsonl#3", "Two.", "https://e.org/2", {"url": "https://e.org/2"}),
        Document("7", "Three\ufffd", str(path), {}),
    ]


def test_a_broken_line_is_named_and_the_others_load(tmp_path: Path) -> None:
    good = [b'{"id": "%d", "text": "Row %d"}' % (n, n) for n in range(40)]
    lines = [good[0], b'{"id": "broken', b'["list"]', b'{"text": "\xff"}', b'{"title": "x", "words": "y"}']
    lines += [
        b'{"text": "  "}',
        b'{"text": 5}',
        b'{"id": [1], "text": "a"}',
        b'{"id": "0", "text": "again"}',
        *good[1:],
    ]
    path = write(tmp_path / "a.jsonl", b"\n".join(lines))
    report = LoadReport()
    assert [document.id for document in load_all([path], report)] == [str(n) for n in range(40)]
    assert [str(failure).removeprefix(str(path)) for failure in report.failures] == [
        ":2: isn't valid JSON (Unterminated string starting at column 8): one object a line is expected",
        ":3: expected a JSON object, got list: write one object a line",
        ":4: isn't utf-8 text at byte 11 of the line: save it as UTF-8",
        ":5: no column with the text: expected one of text, content, body, passage, context;"
        " the columns are title, words",
        ":6: column text is empty: fill it, or drop the row",
        ":7: column text must hold text, got int",
        ":8: the id must be text or a number, got list: write it as text",
        f": id '0' was already given by {path}: make ids unique",
    ]
    with pytest.raises(InputError, match=r"a\.jsonl:2: isn't valid JSON"):
        list(load(path))


def test_many_broken_lines_are_counted_not_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "good"}\n' + "bad\n" * 1000)
    report = LoadReport()
    assert [document.text for document in load_all([path], report)] == ["good"]
    assert len(report.failures) == 21
    assert str(report.failures[-1]) == f"{path}: 980 more rows couldn't be loaded"


def test_hostile_json_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", "[" * 200_000 + '\n{"text": "good", "n": NaN}\n{"text": "a", "n": ' + "9" * 9000 + "}"
    )
    report = LoadReport()
    assert [(document.text, document.metadata) for document in load_all([path], report)] == [("good", {"n": None})]
    assert [failure.source for failure in report.failures] == [f"{path}:1", f"{path}:3"]


def test_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,Title,text,year\n1,T,"Two\r\nlines, ""quoted""",1990\n,,Plain,\n')
    assert list(load(path)) == [
        Document("1", 'Two\nlines, "quoted"', str(path), {"title": "T", "year": "1990"}),
        Document("a.csv#4", "Plain", str(path), {"year": ""}),
    ]
    semicolons = write(tmp_path / "b.csv", "编号;text\n一;天空, 蓝色\n".encode("gb18030"))
    assert [(d.text, d.metadata) for d in load(semicolons)] == [("天空, 蓝色", {"编号": "一"})]
    tabs = write(tmp_path / "c.tsv", "id\tcontext\n1\ta, b\n")
    assert [document.text for document in load(tabs)] == ["a, b"]
    huge = write(tmp_path / "d.csv", "text\n" + "x" * 300_000 + "\n")
    assert [len(document.text) for document in load(huge)] == [300_000]


def test_broken_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\n1,one\n2,two,three\n3,"th"ree\n4,four\n5,"never closed\n6,six\n')
    report = LoadReport()
    assert [document.id for document in load_all([path], report)] == ["1", "4"]
    assert [str(failure).removeprefix(str(path)) for failure in report.failures] == [
        ":3: has 3 cells, the header has 2: quote cells with ','",
        """:4: isn't valid CSV (',' expected after '"'): check its quotes""",
        ":6: isn't valid CSV (unexpected end of data): check its quotes",
    ]
    for content, message in {
        "id,words\n1,one\n": "has no column with the text: expected one of text, .*; the columns are id, words",
        "text,text\na,b\n": "names a column twice",
        "id,text\n": "is empty: it holds no rows",
    }.items():
        with pytest.raises(InputError, match=message):
            list(load(write(tmp_path / "b.csv", content)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([{"id": "x", "text": "One."}, {"passage": "Two."}], [("x", "One."), ("a.json#2", "Two.")]),
        ({"version": 1, "data": [{"text": "One."}]}, [("a.json#1", "One.")]),
        ({"id": "x", "text": "Alone.", "parts": [{"text": "no"}]}, [("x", "Alone.")]),
    ],
)
def test_json(tmp_path: Path, data: object, expected: list[tuple[str, str]]) -> None:
    path = write(tmp_path / "a.json", json.dumps(data))
    assert [(document.id, document.text) for document in load(path)] == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"\n "b"}', r"a\.json, line 2: isn't valid JSON"),
        ("5", "holds a single int"),
        ("[]", "is empty: it holds no rows"),
        ('{"a": [{"text": "x"}], "b": [{"text": "y"}]}', r"holds several lists of objects \(a, b\)"),
        ('{"words": "a"}', r"a\.json:1: no column with the text: .*the columns are words"),
        ("[" * 200_000, "isn't usable JSON"),
    ],
)
def test_broken_json(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        list(load(write(tmp_path / "a.json", content)))
    assert "\n" not in str(caught.value)


def test_jsonl_is_read_row_by_row(tmp_path: Path) -> None:
    """60 MB pass through a process that may hold 60 MB more than it starts with: all at once it would take 120."""
    row = json.dumps({"text": "x" * 6000}) + "\n"
    with open(tmp_path / "a.jsonl", "w") as file:
        file.writelines(row for _ in range(10_000))
    script = (
        "import resource, sys; from firmground.knowledge.load import load_all\n"
        "start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert sum(1 for _ in load_all(sys.argv[1:])) == 10000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.jsonl")], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 60_000  # kilobytes
