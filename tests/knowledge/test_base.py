"""A knowledge base as its users see it: add, replace, remove, search, several at once, and every wrong turn."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.base import AddReport, KnowledgeBase
from firmground.knowledge.errors import InputError, KnowledgeBaseError
from firmground.knowledge.fuse import dense_weight, fuse, potential
from firmground.knowledge.indexed import indexed_text
from firmground.knowledge.types import Document
from tests.knowledge.base_helpers import HashEncoder, brute_force, sentence, some_documents

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def base(tmp_path: Path, encoder: HashEncoder):
    with KnowledgeBase.create(tmp_path / "kb", encoder) as made:
        yield made


def expected_dense(base: KnowledgeBase, question: str, k: int, documents: set[str] | None = None):
    """What the definition gives: every passage encoded again, every cosine computed, sorted."""
    passages = [p for d in base.documents() if documents is None or d.id in documents for p in base.passages(d.id)]
    if not passages:
        return []
    encoder = HashEncoder()
    vectors = encoder.encode([indexed_text(passage) for passage in passages])
    found = brute_force(encoder.encode([question]), vectors, np.ones(len(passages), dtype=bool), k)[0]
    return [(passages[place].id, score) for place, score in found]


def found(base: KnowledgeBase, question: str, k: int = 10, mode="dense", **options):
    return [(hit.passage.id, hit.score) for hit in base.search(question, k, mode, **options)]


def same(one: list[tuple[int, float]], other: list[tuple[int, float]]) -> None:
    assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=1e-6)
    assert {row for row, score in one if score > one[-1][1] + 1e-6} == {
        row for row, score in other if score > other[-1][1] + 1e-6
    }


# Adding, replacing, removing.


def test_add_search_read(base: KnowledgeBase):
    documents = some_documents(40)
    report = base.add(documents, batch_size=7)
    assert report == AddReport(added=40, passages=sum(len(base.passages(d.id)) for d in documents))
    assert len(base) == 40
    assert list(base.documents()) == documents
    assert base.document("d5") == documents[5]
    assert "d5" in base
    assert "d40" not in base
    for question in ("river stone", "Chapter 8", "天地玄黄", documents[8].text):
        same(found(base, question), expected_dense(base, question, 10))
    assert base.verify() == []
    passage = base.passages("d5")[0]
    assert base.passage(passage.id) == passage
    assert documents[5].text[passage.start : passage.end] == passage.text


def test_progress_tells_what_is_durable(base: KnowledgeBase, encoder: HashEncoder):
    told = []

    def progress(report: AddReport) -> None:
        with KnowledgeBase.open(base.path, encoder) as reader:
            told.append((report.added, len(reader)))

    base.add(some_documents(20, sentences=1), batch_size=6, progress=progress)
    assert told == [(6, 6), (12, 12), (18, 18), (20, 20)]


def test_unchanged_documents_arent_encoded_again(base: KnowledgeBase, encoder: HashEncoder):
    documents = some_documents(20)
    base.add(documents[:12])
    encoder.encoded = 0
    report = base.add(documents)
    assert (report.added, report.replaced, report.unchanged) == (8, 0, 12)
    assert encoder.encoded == report.passages
    encoder.encoded = 0
    assert base.add(documents) == AddReport(unchanged=20)
    assert encoder.encoded == 0


def test_a_changed_document_replaces(base: KnowledgeBase):
    base.add([Document("a", "River stone."), Document("b", "Cloud engine."), Document("c", "天空是蓝色的。")])
    old = base.passages("a")[0]
    assert base.add([Document("a", "Violin market.")]) == AddReport(replaced=1, passages=1)
    assert base.document("a").text == "Violin market."
    assert found(base, "river", mode="lexical") == []
    assert base.search("River stone.", 3, "dense")[0].passage.document != "a" or len(base) == 1
    assert [p for p, _ in found(base, "violin", mode="lexical")] == [base.passages("a")[0].id]
    with pytest.raises(InputError, match=f"no passage {old.id} in"):
        base.passage(old.id)
    assert base.add([Document("a", "Violin market.", "now with a source")]).replaced == 1
    assert base.add([Document("a", "Violin market.", "now with a source", {"title": "T"})]).replaced == 1
    assert base.verify() == []


def test_the_same_id_twice_in_one_go(base: KnowledgeBase):
    report = base.add(
        [Document("a", "First."), Document("b", "B."), Document("a", "Second."), Document("a", "Second.")]
    )
    assert report == AddReport(added=2, replaced=1, unchanged=1, passages=3)
    assert base.document("a").text == "Second."


def test_removed_is_gone_at_once(base: KnowledgeBase):
    base.add(some_documents(30))
    assert base.remove(["d3", "d4", "nobody"]) == 2
    assert base.remove(["d3"]) == 0
    assert base.remove("d5") == 1
    assert len(base) == 27
    for mode in ("dense", "lexical", "hybrid"):
        hits = base.search("river stone Chapter 4 天地", 1000, mode)
        assert not {"d3", "d4", "d5"} & {hit.passage.document for hit in hits}
    same(found(base, "river", 1000), expected_dense(base, "river", 1000))
    with pytest.raises(InputError, match="no document 'd3' in"):
        base.document("d3")
    assert base.stats()["deleted"] == 30 - base.stats()["passages"] if base.stats()["passages"] < 30 else True
    assert base.add(some_documents(30)).added == 3
    assert base.verify() == []


def test_everything_removed(base: KnowledgeBase):
    base.add(some_documents(5))
    assert base.remove(f"d{number}" for number in range(5)) == 5
    assert len(base) == 0
    assert base  # an empty base is a base
    for mode in ("dense", "lexical", "hybrid"):
        assert base.search("river", 5, mode) == []


def test_what_cant_be_stored_is_reported_and_stops_nothing(base: KnowledgeBase):
    documents = [Document("a", "One."), Document("b", "\ud800"), Document("", "No name."), Document("\udc00", "x")]
    documents += [Document("c", "Three.", metadata={"m": "\ud800"}), Document("d", ""), Document("e", "Five.")]
    report = base.add(documents)
    assert report.added == 3
    assert [name for name, _ in report.failures] == ["'b'", "", "'\\udc00'", "'c'"]
    assert "isn't valid Unicode: save it as UTF-8" in report.failures[0][1]
    assert [document.id for document in base.documents()] == ["a", "d", "e"]
    assert base.verify() == []


def test_reports_can_be_summed():
    assert AddReport(1, 2, 3, 4, (("a", "b"),)) + AddReport(10, 20, 30, 40, (("c", "d"),)) == AddReport(
        11, 22, 33, 44, (("a", "b"), ("c", "d"))
    )


def test_a_passage_and_its_title_fit_into_the_encoder(base: KnowledgeBase, encoder: HashEncoder):
    """Nothing is silently cut: the title is encoded before each passage and counts."""
    text = " ".join(sentence(random.Random(number)) for number in range(40))
    base.add(
        [Document("a", text, metadata={"title": "One two three four five six seven eight nine ten eleven twelve"})]
    )
    sizes = encoder.count_tokens([indexed_text(passage) for passage in base.passages("a")])
    assert max(sizes) <= encoder.max_tokens
    assert len(sizes) > 5


def test_an_encoder_that_fails_spoils_nothing(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch):
    base.add(some_documents(5))
    for wrong in (np.full((1, 32), np.nan), np.ones((1, 31)), np.ones((2, 32))):
        monkeypatch.setattr(base.encoder, "encode", lambda texts, query=False, wrong=wrong: wrong)
        with pytest.raises(KnowledgeBaseError, match="encoder hash gave vectors of shape"):
            base.add([Document("x", "River.")])
        with pytest.raises(KnowledgeBaseError, match="encoder hash gave vectors of shape"):
            base.search("river", mode="dense")
    assert len(base) == 5
    assert base.verify() == []


# Searching.


def test_a_list_of_questions_gives_a_list_of_lists(base: KnowledgeBase):
    base.add(some_documents(30))
    questions = ["river stone", "天地玄黄", "", "garden Chapter 4"]
    for mode in ("dense", "lexical", "hybrid"):
        batch = base.search(questions, 5, mode)
        assert [[hit.passage for hit in hits] for hits in batch] == [
            [hit.passage for hit in base.search(question, 5, mode)] for question in questions
        ]
        assert base.search([], 5, mode) == []


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_filter_acts_inside_the_search(base: KnowledgeBase, mode):
    base.add(some_documents(90))
    order = list(dict.fromkeys(hit.passage.document for hit in base.search("river stone copper 天地", 1000, mode)))
    last = set(order[-3:])
    hits = base.search("river stone copper 天地", 3, mode, documents=last)
    assert len(hits) == 3
    assert {hit.passage.document for hit in hits} <= last
    assert base.search("river", 3, mode, documents=[]) == []
    assert base.search("river", 3, mode, documents={"no such"}) == []
    if mode == "dense":
        some = set(random.Random(1).sample(order, 20))
        same(found(base, "river", 10, documents=some), expected_dense(base, "river", 10, some))


def test_fuse_by_hand():
    dense, lexical = {1: 0.9, 2: 0.5, 3: 0.7}, {2: 8.0, 3: 4.0}
    assert fuse(dense, lexical, 0.7) == [
        (1, pytest.approx(0.7)),  # nearest, no word shared
        (3, pytest.approx(0.7 * 0.5 + 0.3 * 0.5)),
        (2, pytest.approx(0.3)),  # farthest, most words
    ]
    assert fuse({}, lexical, 0.0) == [(2, 1.0), (3, 0.5)]
    assert fuse(dense, {}, 1.0) == [(1, 1.0), (3, pytest.approx(0.5)), (2, 0.0)]
    assert fuse({5: 0.2, 4: 0.2}, {}, 0.7) == [(4, 0.7), (5, 0.7)]
    assert fuse({}, {}, 0.7) == []


def test_fuse_weighs_words_by_how_much_of_the_question_they_cover():
    """Two terms among 99 passages: 2 ln(100) at most, of which the best passage has a half."""
    most = potential(2, 99)
    assert most == pytest.approx(2 * 4.605170185988092)
    dense, lexical = {1: 0.9, 2: 0.5, 3: 0.7}, {2: most / 2, 3: most / 4}
    assert fuse(dense, lexical, 0.6, most) == [
        (1, pytest.approx(0.6)),
        (3, pytest.approx(0.6 * 0.5 + 0.4 * 0.25)),
        (2, pytest.approx(0.4 * 0.5)),
    ]
    assert fuse({}, lexical, 0.0, most) == [(2, 0.5), (3, 0.25)]
    # A passage may have a term often, and more than was held possible: then it is the measure, and none ties with it.
    assert fuse({}, {2: 2 * most, 3: most}, 0.0, most) == [(2, 1.0), (3, 0.5)]
    assert potential(0, 5) == potential(3, 0) == 0


def test_hybrid_scores_both_sides_of_every_candidate(base: KnowledgeBase):
    base.add(some_documents(200, sentences=1))
    question = "river violin 天地"
    hits = base.search(question, 10)
    exact = dict(expected_dense(base, question, 1000))
    words = dict(found(base, question, 1000, "lexical"))
    candidates = {row for row, _ in found(base, question, 50)} | {
        row for row, _ in found(base, question, 50, "lexical")
    }
    most = potential(3, base.identity()["passages"])  # river, violin, 天地
    expected = fuse(
        {row: exact[row] for row in candidates}, {r: s for r, s in words.items() if r in candidates}, 0.7, most
    )
    same([(hit.passage.id, hit.score) for hit in base.search(question, 10, weight=0.7)], expected[:10])
    for hit in hits:
        assert hit.scores["dense"] == pytest.approx(exact[hit.passage.id], abs=1e-6)
        assert hit.scores.get("lexical", 0.0) == pytest.approx(words.get(hit.passage.id, 0.0))
        assert 0 <= hit.score <= 1
    ranked = [row for row, _ in found(base, question, 50)]
    assert all(ranked[hit.ranks["dense"] - 1] == hit.passage.id for hit in hits if "dense" in hit.ranks)


def test_a_candidate_that_only_words_found_gets_its_exact_cosine(base: KnowledgeBase):
    """Sixty passages are nearer than the one with the rare word: no vector search for fifty would have brought it."""
    base.add(Document(f"d{number}", f"Cloud engine number{number}.") for number in range(60))
    base.add([Document("far", "Copper " + " ".join(f"filler{number}" for number in range(30)) + ".")])
    question = "cloud copper"
    assert "far" not in {hit.passage.document for hit in base.search(question, 50, "dense")}
    [hit] = [hit for hit in base.search(question, 10, weight=0.1) if hit.passage.document == "far"]
    assert hit.ranks == {"lexical": 1}
    assert hit.scores["dense"] == pytest.approx(dict(expected_dense(base, question, 100))[hit.passage.id], abs=1e-6)
    assert any(hit.ranks.keys() == {"dense", "lexical"} for hit in base.search(question, 10))


def test_weight_goes_from_words_to_vectors(base: KnowledgeBase):
    base.add(some_documents(60))
    question = "river stone copper"
    order = {weight: [hit.passage.id for hit in base.search(question, 10, weight=weight)] for weight in (0.0, 1.0)}
    assert order[0.0] == [row for row, _ in found(base, question, 10, "lexical")]
    assert order[1.0] == [row for row, _ in found(base, question, 10, "dense")]


def test_weight_by_language():
    english, every = HashEncoder(languages=("en",)), HashEncoder()
    assert dense_weight("Why is the sky blue?", english, 0.6) == 0.6
    assert dense_weight("天空为什么是蓝色的？", english, 0.6) == 0.0
    assert dense_weight("天空为什么是蓝色的？", every, 0.6) == 0.6
    assert dense_weight("天空为什么是蓝色的？", HashEncoder(languages=("en", "zh")), 0.6) == 0.6
    assert dense_weight("Why?", None, 0.6) == 0.0


def test_a_language_unknown_to_the_encoder_is_searched_by_words(tmp_path: Path):
    encoder = HashEncoder(languages=("en",))
    with KnowledgeBase.create(tmp_path / "kb", encoder) as base:
        base.add([*some_documents(30), Document("sky", "天空是蓝色的，因为瑞利散射。")])
        encoder.encoded = 0
        [hit, *_] = base.search("天空为什么是蓝色的？")
        assert (hit.passage.document, hit.ranks, encoder.encoded) == ("sky", {"lexical": 1}, 0)
        [alone, *_] = base.search("天空为什么是蓝色的？", mode="lexical")
        assert hit.score == pytest.approx(alone.score / potential(8, base.identity()["passages"]))
        assert base.search("river", 3)[0].ranks.keys() == {"dense", "lexical"}
        assert base.search("天空", 3, "dense")  # asked for by name, it is done


def test_without_an_encoder_words_are_left(base: KnowledgeBase):
    base.add(some_documents(10))
    with KnowledgeBase.open(base.path) as reader:
        assert [hit.passage for hit in reader.search("river stone", 5, "lexical")] == [
            hit.passage for hit in base.search("river stone", 5, "lexical")
        ]
        assert reader.search("river stone", 5)[0].ranks == {"lexical": 1}
        with pytest.raises(KnowledgeBaseError, match="opened without an encoder: open it with hash"):
            reader.search("river", mode="dense")
        assert reader.encoder_record.fingerprint == "hash-32"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "vector"}, "mode is 'hybrid', 'dense' or 'lexical', got 'vector'"),
        ({"k": 0}, "k is at least 1, got 0"),
        ({"weight": 1.5}, r"weight is in \[0, 1\], got 1.5"),
        ({"documents": "d1"}, "documents is a collection of ids, got the string 'd1'"),
    ],
)
def test_wrong_searches(base: KnowledgeBase, options: dict, message: str):
    with pytest.raises(InputError, match=message):
        base.search("river", **options)


# Opening, sharing, and what goes wrong.


def test_wrong_paths(tmp_path: Path, encoder: HashEncoder):
    with pytest.raises(InputError, match=r"no knowledge base at .*nowhere: check the path, or make one with"):
        KnowledgeBase.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="no knowledge base at"):
        KnowledgeBase.open(tmp_path / "file")
    with pytest.raises(InputError, match="is a file: give a new or an empty folder"):
        KnowledgeBase.create(tmp_path / "file", encoder)
    with pytest.raises(InputError, match="is a file: give a new or an empty folder"):
        KnowledgeBase.create(tmp_path / "file" / "below", encoder)
    with pytest.raises(InputError, match=r"holds other files \(file …\)"):
        KnowledgeBase.create(tmp_path, encoder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_create_where_one_is(base: KnowledgeBase, encoder: HashEncoder):
    base.add(some_documents(3))
    base.close()
    with pytest.raises(InputError, match="is a knowledge base already"):
        KnowledgeBase.create(base.path, encoder)
    with KnowledgeBase.create(base.path, encoder, exist_ok=True) as again:
        assert len(again) == 3
        assert again.add(some_documents(4)).added == 1


def test_another_encoder(base: KnowledgeBase):
    other = HashEncoder(name="other")
    with pytest.raises(
        KnowledgeBaseError, match=r"made with encoder hash \(hash-32\), not other \(other-32\): use hash"
    ):
        KnowledgeBase.open(base.path, other)
    base.close()
    with pytest.raises(KnowledgeBaseError, match="made with encoder hash"):
        KnowledgeBase.create(base.path, other, exist_ok=True)
    KnowledgeBase.open(base.path, HashEncoder(), writable=True).close()  # and the lock was given back


def test_one_writer_at_a_time(base: KnowledgeBase, encoder: HashEncoder):
    with pytest.raises(KnowledgeBaseError, match="is being written by this process"):
        KnowledgeBase.open(base.path, encoder, writable=True)
    with KnowledgeBase.open(base.path, encoder) as reader:
        with pytest.raises(KnowledgeBaseError, match="open for reading: open it with writable=True to add to it"):
            reader.add(some_documents(1))
        with pytest.raises(KnowledgeBaseError, match="writable=True to remove from it"):
            reader.remove(["d1"])
    base.close()
    KnowledgeBase.open(base.path, encoder, writable=True).close()


def test_a_writer_in_another_process_is_named(base: KnowledgeBase):
    script = "import sys; from firmground.knowledge.base import KnowledgeBase as K; K.open(sys.argv[1], writable=True)"
    other = subprocess.run([sys.executable, "-c", script, str(base.path)], capture_output=True, text=True, cwd=ROOT)
    assert other.returncode == 1
    assert "is being written by process" in other.stderr


def test_a_reader_sees_what_was_committed_before_its_search(base: KnowledgeBase, encoder: HashEncoder):
    with KnowledgeBase.open(base.path, encoder) as reader:
        assert reader.search("river", 5) == []
        documents = some_documents(12)
        for number, document in enumerate(documents, 1):
            base.add([document])
            assert len(reader) == number
            same(found(reader, "river", 20), expected_dense(base, "river", 20))
        base.remove(["d3"])
        assert "d3" not in {hit.passage.document for hit in reader.search("river", 100)}
        assert reader.stats()["indexed"] == base.stats()["indexed"] > 0


def test_readers_while_one_writes(tmp_path: Path):
    """Two threads search while a third adds, replaces and removes: no error, and every hit is a document that was."""
    documents = some_documents(60)
    changed = [Document(document.id, document.text + " Copper.", document.source) for document in documents]
    texts = {document.text for document in documents + changed}
    stop, problems, searches = threading.Event(), [], [0]

    def read() -> None:
        with KnowledgeBase.open(tmp_path / "kb", HashEncoder()) as reader:
            while not stop.is_set():
                try:
                    for hit in reader.search("river stone copper 天地", 20):
                        assert any(hit.passage.text in text for text in texts)
                    searches[0] += 1
                except Exception as error:  # whatever it is, it is what this test looks for
                    problems.append(error)
                    return

    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        base.add(documents, batch_size=5)
        base.add(changed, batch_size=5)
        for document in documents[::2]:
            base.remove([document.id])
        stop.set()
        for thread in threads:
            thread.join()
        assert problems == []
        assert searches[0] > 0
        assert base.verify() == []


def test_threads_share_a_base(base: KnowledgeBase):
    base.add(some_documents(40))
    expected = [hit.passage.id for hit in base.search("river stone", 10)]
    results: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: results.append([hit.passage.id for hit in base.search("river stone", 10)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8


@pytest.mark.parametrize("lost", ["index-000001.faiss", "manifest.json"])
def test_derived_files_are_made_anew_by_a_writer(base: KnowledgeBase, encoder: HashEncoder, caplog, lost: str):
    base.add(some_documents(20))
    expected = found(base, "river", 10)
    base.close()
    (base.path / lost).write_bytes(b"garbage")
    with KnowledgeBase.open(base.path, encoder) as reader:
        assert found(reader, "river", 10) == expected
        assert any(lost in problem for problem in reader.verify())
    assert "nothing is lost" in caplog.text
    with KnowledgeBase.open(base.path, encoder, writable=True) as writer:
        assert found(writer, "river", 10) == expected
        assert writer.verify() == []
        assert writer.stats()["indexed"] == writer.stats()["passages"]
    assert len(list(base.path.glob("*.faiss"))) == 1


@pytest.mark.parametrize("lost", ["store.sqlite", "vectors.f32"])
def test_what_cant_be_made_anew_is_told(base: KnowledgeBase, encoder: HashEncoder, lost: str):
    base.add(some_documents(20))
    base.close()
    for data in (None, b"", b"garbage"):
        if data is None:
            (base.path / lost).unlink()
        else:
            (base.path / lost).write_bytes(data)
        for writable in (False, True):
            with pytest.raises(KnowledgeBaseError, match=rf"{lost}.*restore a copy, or delete the folder"):
                KnowledgeBase.open(base.path, encoder, writable=writable)
        with pytest.raises(KnowledgeBaseError, match="restore a copy"):
            KnowledgeBase.create(base.path, encoder, exist_ok=True)


def test_a_copy_of_the_folder_is_a_base(base: KnowledgeBase, encoder: HashEncoder, tmp_path: Path):
    base.add(some_documents(20))
    base.close()
    shutil.copytree(base.path, tmp_path / "copy")
    with KnowledgeBase.open(tmp_path / "copy", encoder) as copy:
        assert copy.verify() == []
        assert len(copy) == 20


def test_stats(base: KnowledgeBase):
    base.add([Document("a", "River."), Document("b", "天空是蓝色的。")])
    base.remove(["a"])
    stats = base.stats()
    expected = {"documents": 1, "passages": 1, "deleted": 1, "indexed": 2, "index": "fp16", "encoder": "hash"}
    assert {name: stats[name] for name in expected} == expected
    assert stats["files"]["vectors.f32"] == 2 * 32 * 4
    assert stats["bytes"] == sum(stats["files"].values())


def test_identity_tells_contents_not_places(tmp_path: Path) -> None:
    one, two = Document("a", "Ice floats."), Document("b", "冰浮在水面上。")
    identities = []
    for name, documents in (("first", [one, two]), ("second", [two, one]), ("third", [one])):
        with KnowledgeBase.create(tmp_path / name, HashEncoder()) as base:
            base.add(documents)
            identities.append(base.identity())
    assert identities[0] == identities[1]
    assert identities[0]["contents"] != identities[2]["contents"]
