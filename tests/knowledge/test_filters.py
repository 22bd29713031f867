"""Filters: what each operator passes, against the same written in Python, and that nothing else leaves the store."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.filters import Combined, Condition, parse, sql
from firmground.knowledge.records import normal_form
from firmground.knowledge.types import Document
from tests.knowledge.base_helpers import HashEncoder, some_documents
from tests.knowledge.test_base import expected_dense, found, same

MODES = ("dense", "lexical", "hybrid")
SHELF = [
    Document("a", "River a.", "a.txt", {"year": 2019, "topic": "optics", "tags": ["x", "y"], "ok": True, "n": None}),
    Document("b", "River b.", "b.txt", {"year": 2020.5, "topic": "天文", "tags": ["y", 7], "ok": False}),
    Document(
        "c", "River c.", "", {"year": "2020", "topic": "Optics", "tags": "x", "source": "web", "day": "2020-02-29"}
    ),
    Document("d", "River d.", "d.txt", {"day": date(2021, 1, 1), "more": {"x": "y", "year": 2019}, "tags": []}),
    Document("e", "River e.", "", {"day": "2021-01-01T09:30:00+02:00", "o'x); --": 1, "year": 2021, "big": 10**20}),
    Document("f", "River f.", "f.txt", {"day": datetime(2021, 1, 1, 7, 30, 0, 1000), "x y.z": "dot", "年": 3}),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory):
    with KnowledgeBase.create(tmp_path_factory.mktemp("shelf") / "kb", HashEncoder()) as base:
        base.add(SHELF)
        yield base


@pytest.mark.parametrize(
    ("where", "passing"),
    [
        ({}, "abcdef"),
        ({"topic": "optics"}, "a"),
        ({"topic": "天文"}, "b"),
        ({"year": 2019}, "a"),
        ({"year": 2019.0}, "a"),
        ({"year": "2020"}, "c"),  # text isn't a number
        ({"year": {"$gt": 2019}}, "be"),
        ({"year": {"$gte": 2019, "$lt": 2021}}, "ab"),
        ({"year": {"$lte": 2020.5}}, "ab"),
        ({"year": {"$ne": 2019}}, "bcdef"),
        ({"year": {"$in": [2019, "2020", 2021]}}, "ace"),
        ({"year": {"$in": []}}, ""),
        ({"year": {"$nin": [2019, 2021]}}, "bcdf"),
        ({"year": {"$nin": []}}, "abcdef"),
        ({"year": {"$exists": False}}, "df"),
        ({"n": {"$exists": True}}, "a"),
        ({"ok": True}, "a"),
        ({"ok": False}, "b"),
        ({"ok": 1}, ""),  # true isn't a number
        ({"n": None}, "abcdef"),
        ({"ok": {"$in": [True, None]}}, "acdef"),
        ({"topic": {"$gte": "a"}}, "ab"),  # by code points: capitals come before
        ({"tags": "x"}, "ac"),  # a list holds it, or the value is it
        ({"tags": 7}, "b"),
        ({"tags": {"$in": ["y", "q"]}}, "ab"),
        ({"tags": {"$ne": "y"}}, "cdef"),
        ({"more": "y"}, "d"),  # an object's values count as a list's
        ({"x": "y"}, ""),  # names are of the top level
        ({"x y.z": "dot"}, "f"),
        ({"年": {"$lt": 4}}, "f"),
        ({"o'x); --": 1}, "e"),
        ({"topic": "'; DROP TABLE documents; --"}, ""),
        ({"big": {"$gt": 10**19}}, "e"),
        ({"year": {"$lt": 10**30}}, "abe"),
        ({"id": "a"}, "a"),
        ({"id": {"$in": ["a", "d", "no"]}}, "ad"),
        ({"source": "a.txt"}, "a"),
        ({"source": "web"}, "c"),
        ({"source": {"$exists": False}}, "e"),
        ({"day": "2020-02-29"}, "c"),
        ({"day": date(2021, 1, 1)}, "def"),  # whatever the hour
        ({"day": {"$lt": date(2021, 1, 1)}}, "c"),
        ({"day": {"$gte": datetime(2021, 1, 1, 7, 30, tzinfo=UTC)}}, "ef"),  # 09:30+02:00 is 07:30 UTC
        ({"day": {"$gt": datetime(2021, 1, 1, 8, 30, tzinfo=timezone(timedelta(hours=1)))}}, "f"),  # a millisecond on
        ({"day": datetime(2021, 1, 1)}, "d"),
        ({"year": {"$gt": date(2000, 1, 1)}}, ""),  # the text "2020" is no date
        ({"$and": [{"tags": "y"}, {"ok": True}]}, "a"),
        ({"$or": [{"topic": "天文"}, {"year": 2021}]}, "be"),
        ({"$not": {"tags": "y"}}, "cdef"),
        ({"year": {"$not": {"$gte": 2020, "$lt": 2021}}}, "acdef"),
        ({"$not": {"$or": [{"year": {"$exists": True}}, {"day": {"$gte": date(2021, 1, 1)}}]}}, ""),
        ({"$or": [{"$and": [{"ok": False}, {"year": {"$gt": 1}}]}, {"$not": {"id": {"$nin": ["f"]}}}]}, "bf"),
        (Combined("or", (Condition("id", "$eq", "a"), Condition("year", "$gt", 2020.7))), "ae"),
    ],
)  # fmt: skip
def test_what_passes(shelf: KnowledgeBase, where: Any, passing: str):
    for mode in MODES:
        assert sorted(hit.passage.document for hit in shelf.search("river", 10, mode, where=where)) == list(passing)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"year": {"$near": 1}}, r"unknown operator '\$near' for field 'year': expected one of \$eq, \$gt"),
        ({"year": {}}, "field 'year' has no condition"),
        ({"year": {"gte": 1}}, "unknown operator 'gte'"),
        ({"$nor": []}, r"expected the name of a field, or \$and, \$or or \$not, got '\$nor'"),
        ({"": 1}, "expected the name of a field"),
        ({3: 1}, "expected the name of a field"),
        ({'a"b': 1}, "no quotes, backslashes or control"),
        ({"$and": []}, "joins a list of one filter or more"),
        ({"$or": {"a": 1}}, "joins a list of one filter or more"),
        ({"$or": ["a"]}, "a filter is a mapping such as"),
        ("year", "a filter is a mapping such as"),
        ({"year": {"$in": "abc"}}, r"\$in and \$nin expect a list"),
        ({"year": {"$in": [[1]]}}, "is held against text, a finite number"),
        ({"year": [1]}, "is held against text, a finite number"),
        ({"year": math.nan}, "is held against text, a finite number"),
        ({"year": {"$gt": None}}, r"\$gt expects a number, text or date, got None"),
        ({"year": {"$lt": True}}, r"\$lt expects a number, text or date, got True"),
        ({"year": {"$exists": 1}}, r"\$exists is true or false"),
        ({"year": "\ud800"}, "isn't valid Unicode"),
        ({"$or": [{"a": n} for n in range(300)]}, "at most 200 conditions, got 301: use"),
    ],
)
def test_wrong_filters(shelf: KnowledgeBase, where: Any, message: str):
    for mode in MODES:
        with pytest.raises(InputError, match=message):
            shelf.search("river", where=where, mode=mode)


def test_nested_too_deep(shelf: KnowledgeBase):
    where: dict[str, Any] = {"a": 1}
    for _ in range(60):
        where = {"$not": where}
    with pytest.raises(InputError, match="nested at most 50 deep"):
        shelf.search("river", where=where)
    where = {"$or": [{"a": {"$in": [None, True, 1, "x", date(2020, 1, 1)]}} for _ in range(199)]}
    assert len(shelf.search("river", where=where)) == 6  # the most that is allowed is still no trouble


def test_no_part_of_a_filter_stands_in_the_sql():
    text, values = sql(parse({"hidden": {"$in": ["one", "two"], "$ne": "three"}, "source": {"$gt": 17}}))
    assert not [word for word in ("hidden", "one", "two", "three", "17") if word in text]
    assert text.count("?") == len(values)


@pytest.mark.parametrize("mode", MODES)
def test_a_filter_acts_inside_the_search(tmp_path: Path, mode):
    """The three that match worst are found when only they may be: nothing is taken from a list of the best."""
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add(some_documents(120))
        order = list(dict.fromkeys(h.passage.document for h in base.search("river stone copper 天地", 1000, mode)))
        last = [int(name[1:]) for name in order[-3:]]
        hits = base.search("river stone copper 天地", 3, mode, where={"number": {"$in": last}})
        assert sorted(int(hit.passage.document[1:]) for hit in hits) == sorted(last)
        if mode == "dense":
            where, some = {"number": {"$gte": 30, "$lt": 90}}, {f"d{n}" for n in range(30, 90)}
            same(found(base, "river", 10, where=where), expected_dense(base, "river", 10, some))
            both = {f"d{n}" for n in range(30, 40)}
            same(found(base, "river", 10, where=where, documents=both), expected_dense(base, "river", 10, both))
        base.remove([order[-1]])
        hits = base.search("river stone copper 天地", 3, mode, where={"number": {"$in": last}})
        assert {hit.passage.document for hit in hits} == set(order[-3:-1])


def test_what_a_filter_leaves_is_remembered_until_something_changes(tmp_path: Path):
    where = {"collection": "one"}
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add(
            Document(f"d{n}", f"River {n}.", metadata={"collection": "one" if n % 2 else "two"}) for n in range(10)
        )
        with KnowledgeBase.open(base.path, HashEncoder()) as reader:
            for number, change in enumerate([
                lambda: None,
                lambda: base.remove(["d1"]),
                lambda: base.add([Document("d3", "River 3.", metadata={"collection": "two"})]),
                lambda: base.add([Document("d4", "River 4.", metadata={"collection": "one"})]),
            ]):  # fmt: skip
                change()
                expected = [set("13579"), set("3579"), set("579"), set("4579")][number]
                for asked in (base, reader, reader):
                    assert {hit.passage.document[1:] for hit in asked.search("river", 10, where=where)} == expected


class Careless:
    """An index that ignores what is allowed, as some on GPUs do, and names rows that aren't there."""

    def __init__(self, rows: int):
        self.rows = rows

    def refresh(self) -> None: ...

    def close(self) -> None: ...

    def search(self, queries: np.ndarray, k: int, vectors: np.ndarray, allowed: np.ndarray):
        scores = queries @ vectors[:].T
        return [[(int(row), float(one[row])) for row in np.argsort(-one)[:k]] for one in scores]


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_nothing_leaves_the_store_that_may_not(tmp_path: Path, mode, monkeypatch: pytest.MonkeyPatch):
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add(some_documents(40))
        base.remove(["d1", "d2"])
        rows = base.identity()["passages"]
        monkeypatch.setattr(base, "_index", Careless(rows))
        everything = {hit.passage.document for hit in base.search("river 天地", 1000, mode)}
        assert everything == {f"d{n}" for n in range(40)} - {"d1", "d2"}
        hits = base.search("river 天地", 1000, mode, where={"number": {"$lt": 9}})
        assert {hit.passage.document for hit in hits} == {f"d{n}" for n in (0, 3, 4, 5, 6, 7, 8)}
        hits = base.search("river 天地", 1000, mode, documents=["d1", "d7"])
        assert {hit.passage.document for hit in hits} == {"d7"}


def test_numbers_that_json_doesnt_know(tmp_path: Path):
    """NaN and infinity become null, so that no document's metadata can break every filter."""
    document = Document("a", "River.", metadata={"x": math.nan, "y": [math.inf, {"z": -math.inf}], "w": 1.5})
    assert normal_form(document).metadata == {"x": None, "y": [None, {"z": None}], "w": 1.5}
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add([document, Document("b", "River.", metadata={"w": 2})])
        base._store._connection.execute("UPDATE documents SET metadata = '{\"w\": NaN}' WHERE id = 'b'")  # by 0.1.0
        assert [hit.passage.document for hit in base.search("river", where={"w": {"$gt": 0}})] == ["a"]
