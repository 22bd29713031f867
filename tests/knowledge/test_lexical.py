"""Search by words, against BM25 written out by hand, in both languages, and with questions that FTS5 would misread."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import KnowledgeBaseError
from firmground.knowledge.indexed import TITLE_CHARACTERS, indexed_text
from firmground.knowledge.lexical import MAX_QUERY_TERMS, telling_terms
from firmground.knowledge.text import terms
from firmground.knowledge.types import Document, Passage
from tests.knowledge.base_helpers import HashEncoder, some_documents

K1, B = 1.2, 0.75


def bm25(question: list[str], texts: dict[int, list[str]]) -> dict[int, float]:
    """The definition (Robertson and Zaragoza 2009), with SQLite's floor of 1e-6 under the rarity."""
    average = sum(map(len, texts.values())) / len(texts)
    scores: dict[int, float] = {}
    for term in question:
        holding = [number for number, words in texts.items() if term in words]
        rarity = max(1e-6, math.log((len(texts) - len(holding) + 0.5) / (len(holding) + 0.5)))
        for number in holding:
            count = Counter(texts[number])[term]
            length = len(texts[number]) / average
            gain = rarity * count * (K1 + 1) / (count + K1 * (1 - B + B * length))
            scores[number] = scores.get(number, 0.0) + gain
    return scores


def texts_of(base: KnowledgeBase) -> dict[int, list[str]]:
    return {
        passage.id: terms(indexed_text(passage))
        for document in base.documents()
        for passage in base.passages(document.id)
    }


@pytest.fixture
def base(tmp_path: Path):
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as made:
        made.add(some_documents(60))
        yield made


def documents_found(base: KnowledgeBase, question: str, k: int = 10, **options) -> list[str]:
    return [hit.passage.document for hit in base.search(question, k, "lexical", **options)]


def one_each(tmp_path: Path, *texts: str) -> KnowledgeBase:
    base = KnowledgeBase.create(tmp_path / "kb", HashEncoder())
    base.add([Document(f"d{number}", text) for number, text in enumerate(texts)])
    return base


# The words' stems are all different, so that what SQLite stems and what stands here don't differ.
@pytest.mark.parametrize(
    "question", ["river", "copper garden", "planet river stone cloud", "天地玄黄", "copper 寒来暑往", "chapter 8"]
)
def test_scores_are_bm25(base: KnowledgeBase, question: str):
    expected = bm25(terms(question), texts_of(base))
    hits = base.search(question, 1000, "lexical")
    assert {hit.passage.id for hit in hits} == expected.keys()
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.passage.id], rel=1e-9)
        assert hit.scores == {"lexical": hit.score}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.ranks for hit in hits] == [{"lexical": rank} for rank in range(1, len(hits) + 1)]


def test_scores_are_bm25_after_deleting_and_replacing(base: KnowledgeBase):
    """What is deleted is out of the counts as well: document frequency, number and average length."""
    base.remove([f"d{number}" for number in range(0, 60, 4)])
    base.add([Document(f"d{number}", "River river stone planet.") for number in range(1, 60, 8)])
    expected = bm25(["river", "planet"], texts_of(base))
    hits = base.search("river planet", 1000, "lexical", fold=False)
    assert {hit.passage.id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-9)


def test_one_score_by_hand(tmp_path: Path):
    """Three texts of 2, 3 and 4 words; "cat" in the first: ln(2.5/1.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2/3))."""
    base = one_each(tmp_path, "cat sat", "dog ran home", "bird flew far away")
    [hit] = base.search("cat", 10, "lexical")
    assert hit.score == pytest.approx(0.5108256237659907 * 2.2 / 1.9)


def test_english_is_stemmed_and_case_and_accents_dont_count(tmp_path: Path):
    base = one_each(tmp_path, "Naïve connections were made.", "Two rivers.", "Nothing here.")
    assert documents_found(base, "NAIVE") == ["d0"]
    assert documents_found(base, "connected") == ["d0"]
    assert documents_found(base, "river") == ["d1"]


def test_chinese_is_found_by_bigrams(tmp_path: Path):
    base = one_each(
        tmp_path, "天空是蓝色的。", "海水是咸的。", "黑猫在屋顶上睡觉。", "蓝鲸生活在海里。", "The sky is blue."
    )
    assert documents_found(base, "为什么天空是蓝色的？", 1) == ["d0"]
    assert documents_found(base, "海水", 3) == ["d1"]
    assert documents_found(base, "猫") == ["d2"]  # one letter, inside a run of letters
    assert set(documents_found(base, "天空 sky")) == {"d0", "d4"}
    assert documents_found(base, "火山") == []


def test_stop_words_are_dropped_unless_nothing_is_left(tmp_path: Path):
    base = one_each(tmp_path, "The band The Who played.", "The cat sat on the mat.", "Dogs ran.")
    assert telling_terms("Where is the cat?") == ["cat"]
    assert documents_found(base, "Where is the cat?") == ["d1"]
    assert documents_found(base, "Who?") == ["d0"]
    assert telling_terms("") == telling_terms("?!") == []


@pytest.mark.parametrize(
    "question",
    [
        '"', '""', "'", "cat OR", "AND", "NOT cat", "NEAR(cat dog, 2)", "body:cat", "ca*", "^cat", "cat + dog", "{a}:b",
        "(", "cat)", "-cat", "cat\0dog", "😀", "😀 cat 😀", "c++", "50% of $3.14", "a\\b",
        "cat--; DROP TABLE terms;", "ﬁne ﬀ", "ＣＡＴ", "\u200b", "٣٤", "é́", "𠀀𠀁", "cat\n\tdog", "''cat''", "?1",
        ":cat", "@cat", "rowid", "terms",
    ],
)  # fmt: skip
def test_any_question_is_only_words(tmp_path: Path, question: str):
    base = one_each(tmp_path, "The cat sat.", "A dog ran.", "鸟飞。")
    found = documents_found(base, question)
    assert ("d0" in found) == ("cat" in terms(question))
    assert base.verify() == []


def test_long_questions(base: KnowledgeBase):
    everything = " ".join(f"word{number}" for number in range(5000))
    assert documents_found(base, everything) == []
    assert len(telling_terms(everything)) == MAX_QUERY_TERMS
    assert documents_found(base, "river " + everything)


def test_filters_act_inside_the_search(base: KnowledgeBase):
    """The documents named are far down the list, and still come: as many as asked for."""
    order = documents_found(base, "river stone planet", 1000)
    last = list(dict.fromkeys(order))[-3:]
    assert documents_found(base, "river stone planet", 3, documents=last) == [d for d in order if d in last][:3]
    assert documents_found(base, "river", documents=[]) == []
    assert documents_found(base, "river", documents=["no such", "it's; DROP"]) == []


def test_titles_are_indexed_with_the_text():
    def passage(text: str, title: object) -> Passage:
        return Passage(0, "d", text, 0, len(text), {"title": title})

    assert indexed_text(passage("It is blue.", "The sky")) == "The sky\nIt is blue."
    assert indexed_text(passage("The sky is blue.", "The sky")) == "The sky is blue."
    assert indexed_text(passage("它是蓝色的。", "天空")) == "天空\n它是蓝色的。"
    assert indexed_text(passage("It is blue.", None)) == "It is blue."
    assert indexed_text(passage("Blue.", "x" * 999)) == "x" * TITLE_CHARACTERS + "\nBlue."


def test_headings_are_indexed_with_the_text():
    def passage(text: str, heading: str, title: str = "") -> Passage:
        return Passage(0, "d", text, 0, len(text), {"title": title, "heading": heading})

    assert indexed_text(passage("Run it.", "Guide > Install", "Manual")) == "Manual\nGuide > Install\nRun it."
    assert indexed_text(passage("# Install\nRun it.", "Guide > Install")) == "Guide\n# Install\nRun it."
    assert indexed_text(passage("Run it.", "Manual > Install", "Manual")) == "Manual\nInstall\nRun it."
    assert indexed_text(passage("运行它。", "指南 > 安装")) == "指南 > 安装\n运行它。"
    assert indexed_text(passage("Run it.", "x" * 999 + " > Install")) == "Install\nRun it."  # the nearest first


def test_a_heading_finds_the_passages_under_it_and_none_grows_too_long(tmp_path: Path):
    words = " ".join(f"Sentence {number} says something of its own here." for number in range(20))
    text = f"# Zanzibar and all the islands around it\n\n{words}\n\n# Elsewhere\n\nNothing is here."
    encoder = HashEncoder()
    with KnowledgeBase.create(tmp_path / "kb", encoder) as base:
        base.add([Document("d", text)])
        passages = base.passages("d")
        under = [passage for passage in passages if "Zanzibar" in passage.metadata.get("heading", "")]
        assert len(under) > 3
        assert sum("Zanzibar" in passage.text for passage in under) == 1
        assert {hit.passage.id for hit in base.search("Zanzibar", 100, "lexical")} == {other.id for other in under}
        assert max(encoder.count_tokens([indexed_text(passage) for passage in passages])) <= encoder.max_tokens
        base.remove(["d"])
        assert base.verify() == []


def test_a_title_finds_every_passage_of_its_document(tmp_path: Path):
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        text = " ".join(f"Sentence number {number} says something of its own here." for number in range(30))
        base.add([Document("d", text, metadata={"title": "Zanzibar"}), Document("e", "Something else.")])
        assert len(base.passages("d")) > 3
        assert len(base.search("Zanzibar", 100, "lexical")) == len(base.passages("d"))
        base.remove(["d"])
        assert base.search("Zanzibar", 100, "lexical") == []
        assert base.verify() == []


def test_terms_of_another_version_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Questions are looked up by today's `terms()`. A reader makes lists in memory, until a writer has made them."""
    from firmground.knowledge import text

    folder = tmp_path / "kb"
    with monkeypatch.context() as patch:
        patch.setattr(text, "terms", lambda words: words.lower().split())  # what an older version made of texts
        with KnowledgeBase.create(folder, HashEncoder()) as base:
            base.add(
                [Document("d", "Rock'n'roll, 天空是蓝色的。"), Document("e", "River, stone."), Document("f", "Cat.")]
            )
            assert documents_found(base, "天空") == []
    with KnowledgeBase.open(folder, HashEncoder()) as reader:
        assert documents_found(reader, "天空") == ["d"]
        assert documents_found(reader, "rock'n'roll") == ["d"]
        assert reader.verify() == []
        with KnowledgeBase.open(folder, HashEncoder(), writable=True) as base:
            assert documents_found(base, "天空") == ["d"]
            base.remove(["e"])
            base.add([Document("g", "天空")])
            assert documents_found(base, "river") == documents_found(reader, "river") == []
            assert documents_found(base, "天空") == documents_found(reader, "天空") == ["g", "d"]
            assert base.verify() == reader.verify() == []


def test_an_older_base_is_brought_up_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Format 1 had an FTS5 table. A full disk while the lists are made leaves it as it was; readers search it too."""
    folder = shutil.copytree(Path(__file__).parent / "old_base", tmp_path / "kb")
    encoder = HashEncoder(dimension=8)
    with KnowledgeBase.open(folder, encoder) as reader:
        before = reader.search("violin 天空", 9, "lexical")
        assert {hit.passage.document for hit in before} >= {"d1", "d2"}
        with monkeypatch.context() as patch:
            patch.setenv("FIRMGROUND_FAILPOINT", "store.commit=enospc")
            with pytest.raises(KnowledgeBaseError, match="no room left on the disk"):
                KnowledgeBase.open(folder, encoder, writable=True)
        assert reader.search("violin 天空", 9, "lexical") == before
        assert tables(folder) >= {"terms", "terms_docsize"}
        with KnowledgeBase.open(folder, encoder, writable=True) as writer:
            assert writer.search("violin 天空", 9, "lexical") == before
            assert writer.verify() == reader.verify() == []
            writer.add([Document("new", "Violin and violin.")])
            assert "new" in documents_found(reader, "violin")
    assert not {"terms", "terms_docsize"} & tables(folder)


def tables(folder: Path) -> set[str]:
    connection = sqlite3.connect(folder / "store.sqlite")
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()
