"""The ONNX path: the reference's vectors or none, made once, whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import onnx
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder, load_reference, open_base, prepare
from firmground.knowledge.errors import InputError, KnowledgeBaseError, MissingExtra
from firmground.knowledge.tokens import CHUNK, batches
from firmground.knowledge.types import Document
from tests.knowledge.encode_helpers import DIMENSION, MAX_TOKENS, PROMPTS, make_model, some_texts

needs_onnx = pytest.mark.skipif(not onnx.available(), reason="needs onnx and onnxruntime")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"), {"pooling_mode_mean_tokens": True})


@pytest.fixture(scope="module")
def exported(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the tiny model, made once for all tests that only read it."""
    folder = tmp_path_factory.mktemp("export") / "tiny"
    onnx.export(load_reference(tiny, "cpu"), folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRMGROUND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_batches_by_hand() -> None:
    # Longest first: 10 alone would allow two in 20 tokens; then 4 × 5 would be 20, and there are three of ≤ 5.
    assert [rows.tolist() for rows in batches([5, 10, 4, 10, 3], 20)] == [[3, 1], [0, 2, 4]]
    assert [rows.tolist() for rows in batches([50, 1, 1], 20)] == [[0], [2, 1]]  # too long for any budget: alone
    assert [rows.tolist() for rows in batches([0, 0], 20)] == [[1, 0]]
    assert batches([], 20) == []
    lengths = np.random.default_rng(0).integers(1, 300, 500)
    found = batches(lengths.tolist(), 1000)
    assert sorted(np.concatenate(found).tolist()) == list(range(500))
    assert all(len(rows) * lengths[rows].max() <= 1000 for rows in found)


@needs_onnx
@pytest.mark.parametrize("query", [True, False])
def test_the_same_vectors_as_the_reference(tiny: Path, exported: Path, query: bool) -> None:
    reference, graph = load_reference(tiny, "cpu"), onnx.OnnxModel(exported)
    texts = some_texts(200)
    expected = reference.encode([PROMPTS["query" if query else "document"] + text for text in texts])
    told: list[int] = []
    got = graph.encode(texts, query, told.append)
    assert got.dtype == np.float32
    assert got.shape == (200, DIMENSION)
    np.testing.assert_allclose(got, expected, atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-5)
    assert told == sorted(told)
    assert told[-1] == 200


@needs_onnx
def test_tokens_are_counted_whole_and_cut_as_the_reference_cuts(tiny: Path, exported: Path) -> None:
    graph, tokenizer = onnx.OnnxModel(exported), load_reference(tiny, "cpu").tokenizer
    assert graph.tokens.count(["river stones", "天空。", "", "水" * 40]) == [5, 5, 2, 42]
    assert graph.max_tokens == MAX_TOKENS
    texts = some_texts(60, seed=3)
    for query, kind in ((True, "query"), (False, "document")):
        expected = tokenizer([PROMPTS[kind] + text for text in texts], truncation=True)["input_ids"]
        assert graph.tokens.ids(texts, query) == expected
        assert max(map(len, expected)) == MAX_TOKENS


@needs_onnx
def test_pooling_by_the_first_token(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
    reference = load_reference(folder, "cpu")
    onnx.export(reference, tmp_path / "export")
    graph, texts = onnx.OnnxModel(tmp_path / "export"), some_texts(50)
    np.testing.assert_allclose(graph.encode(texts), reference.encode_document(texts), atol=2e-5)


@needs_onnx
@pytest.mark.parametrize(
    ("pooling", "family", "reason"),
    [
        ({"include_prompt": False}, "bert", "leaves the prompt out"),
        ({}, "electra", r"expected a model of the families .*, got electra"),
    ],
)
def test_what_a_graph_cannot_stand_for_stays_with_the_reference(
    tmp_path: Path, cache: Path, pooling: dict, family: str, reason: str
) -> None:
    folder = make_model(tmp_path / "m", pooling, family)
    encoder = SentenceEncoder(str(folder), "cpu")
    assert encoder.graph is None
    expected = encoder.model.encode_document(["river 水"])
    np.testing.assert_allclose(encoder.encode(["river 水"]), expected, atol=1e-6)
    with pytest.raises(onnx.NotExportable, match=reason):
        _ = SentenceEncoder(str(folder), "cpu", backend="onnx").graph


@needs_onnx
def test_other_vectors_than_the_reference_s_are_refused_once(
    tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx.OnnxModel, "encode", lambda self, texts, query=False: np.roll(np.eye(14, 32), query, 1))
    assert SentenceEncoder(str(tiny), "cpu").graph is None
    with pytest.raises(onnx.NotExportable, match=r"the graph's vector of '.*' has cosine -?\d"):
        _ = SentenceEncoder(str(tiny), "cpu", backend="onnx").graph
    monkeypatch.setattr(onnx, "export", lambda *_: pytest.fail("it was refused before"))
    assert SentenceEncoder(str(tiny), "cpu").graph is None


@needs_onnx
def test_made_once_and_opened_by_all(tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    prepare(str(tiny), told.append)
    assert len(told) == 1
    assert [path.name for path in (cache / "onnx").iterdir()] == [f"{SentenceEncoder(str(tiny)).fingerprint}-1"]
    monkeypatch.setattr(onnx, "export", lambda *_: pytest.fail("it is there"))
    prepare(str(tiny), told.append)
    assert len(told) == 1
    assert SentenceEncoder(str(tiny), "cpu").graph is not None
    # With the export there, encoding loads neither torch nor transformers.
    code = (
        "import sys; from firmground.knowledge.encode import SentenceEncoder as E; "
        "e = E(sys.argv[1], 'cpu'); print(e.encode(['river', '水']).shape, e.dimension, e.count_tokens(['river']), "
        "[name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tiny)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(2, 32) 32 [3] []"


@needs_onnx
def test_a_failed_export_leaves_nothing(
    tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FIRMGROUND_FAILPOINT", "onnx.rename=enospc")
    with caplog.at_level(logging.WARNING):
        encoder = SentenceEncoder(str(tiny), "cpu")
        assert encoder.graph is None
    assert "No space left on device" in caplog.text
    assert list((cache / "onnx").iterdir()) == []
    assert encoder.encode(["river"]).shape == (1, DIMENSION)


@needs_onnx
def test_who_comes_second_takes_what_is_there_and_tidies_up(tiny: Path, exported: Path) -> None:
    before = (exported / onnx.GRAPH).stat().st_mtime_ns
    left, running = (exported.parent / f".{exported.name}-{name}" for name in ("left", "running"))
    left.mkdir()
    os.utime(left, (1, 1))  # 1970
    running.mkdir()
    onnx.export(load_reference(tiny, "cpu"), exported)
    assert (exported / onnx.GRAPH).stat().st_mtime_ns == before
    assert {path.name for path in exported.parent.iterdir()} == {exported.name, running.name}


@needs_onnx
def test_a_damaged_export_says_what_to_do(exported: Path, tmp_path: Path) -> None:
    for name in (onnx.GRAPH, onnx.TOKENIZER, onnx.SETTINGS):
        folder = tmp_path / name
        folder.mkdir()
        for path in exported.iterdir():
            data = path.read_bytes()
            (folder / path.name).write_bytes(data[: len(data) // 2] if path.name == name else data)
        with pytest.raises(InputError, match="delete it, and it is made anew"):
            onnx.OnnxModel(folder)


@needs_onnx
def test_threads_may_share_a_graph(exported: Path) -> None:
    graph = onnx.OnnxModel(exported)
    texts = [some_texts(40, seed) for seed in range(8)]
    expected = [graph.encode(some) for some in texts]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            for one, other in zip(threads.map(graph.encode, texts), expected, strict=True):
                np.testing.assert_allclose(one, other, atol=1e-6)


def test_as_many_threads_as_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert onnx._threads() == 7
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert onnx._threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    cores = onnx._threads()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert onnx._threads() == cores >= 1


@needs_onnx
def test_a_batch_on_each_thread_gives_the_same_vectors_in_order(exported: Path) -> None:
    """Every batch is run once, by another thread than the caller's, and what it gives stands in its texts' places."""
    graph = onnx.OnnxModel(exported)
    texts = [*some_texts(60, 1), "", "水"]
    graph._threads = 1
    expected = graph.encode(texts)
    one_by_one = np.concatenate([graph.encode([text]) for text in texts])
    run, callers, told = graph._run, set[int](), list[int]()

    def watched(ids: Sequence[Sequence[int]]) -> np.ndarray:
        callers.add(threading.get_ident())
        return run(ids)

    graph._threads, graph._run = 3, watched  # type: ignore[method-assign]
    np.testing.assert_array_equal(graph.encode(texts, progress=told.append), expected)
    np.testing.assert_allclose(one_by_one, expected, atol=1e-5)
    assert threading.get_ident() not in callers
    assert told == sorted(told)
    assert told[-1] == len(texts)
    callers.clear()
    graph.encode(["What is asked?"])
    assert callers == {threading.get_ident()}


@needs_onnx
def test_what_a_batch_raises_is_raised_and_the_others_are_dropped(exported: Path) -> None:
    graph = onnx.OnnxModel(exported)
    graph._threads, calls = 1, list[int]()

    def failing(ids: Sequence[Sequence[int]]) -> np.ndarray:
        time.sleep(0.02 * bool(calls))  # the first fails while the others wait
        calls.append(len(ids))
        raise MemoryError("no room")

    graph._run = failing  # type: ignore[method-assign]
    with pytest.raises(MemoryError, match="no room"):
        graph.encode([f"{number} " + "river " * 20 for number in range(CHUNK)])
    assert len(calls) < CHUNK * MAX_TOKENS // onnx.BATCH_TOKENS


def test_without_onnxruntime(tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "available", lambda: False)
    encoder = SentenceEncoder(str(tiny), "cpu")
    assert encoder.graph is None
    assert encoder.encode(["river", "水"]).shape == (2, DIMENSION)
    assert not cache.exists()
    with pytest.raises(MissingExtra, match="pip install onnx onnxruntime"):
        onnx.OnnxModel(tiny)


@needs_onnx
def test_one_base_opens_with_torch_and_with_onnx(tiny: Path, cache: Path, tmp_path: Path) -> None:
    torch, graph = (SentenceEncoder(str(tiny), "cpu", backend=backend) for backend in ("torch", "onnx"))
    assert torch.fingerprint == graph.fingerprint
    documents = [Document("1", "The river is a stone."), Document("2", "天空蓝。")]
    with KnowledgeBase.create(tmp_path / "kb", torch) as base:
        base.add(documents)
    with KnowledgeBase.open(tmp_path / "kb", graph) as base:
        assert base.search("passage: 天空蓝。", 1, "dense")[0].passage.document == "2"


@needs_onnx
def test_eight_bits_are_another_encoder(tiny: Path, cache: Path, tmp_path: Path) -> None:
    plain, small = SentenceEncoder(str(tiny), "cpu", backend="onnx"), SentenceEncoder(f"{tiny}:int8", "cpu")
    assert plain.fingerprint != small.fingerprint
    texts = some_texts(50)
    cosines = np.sum(plain.encode(texts) * small.encode(texts), axis=1)
    assert 0.9 < cosines.min() < 0.999999
    with KnowledgeBase.create(tmp_path / "kb", small) as base:
        base.add([Document("1", "The river is a stone.")])
    with pytest.raises(KnowledgeBaseError, match="was made with encoder"):
        KnowledgeBase.open(tmp_path / "kb", plain)
    with open_base(tmp_path / "kb", device="cpu") as base:
        assert base.encoder is not None
        assert base.encoder.fingerprint == small.fingerprint
        assert len(base.search("river", 1, "dense")) == 1


@needs_onnx
def test_settings_are_readable(exported: Path) -> None:
    settings = json.loads((exported / onnx.SETTINGS).read_text(encoding="utf-8"))
    assert {name: settings[name] for name in ("dimension", "max_tokens", "pad", "prompts")} == {
        "dimension": DIMENSION, "max_tokens": MAX_TOKENS, "pad": 0, "prompts": PROMPTS,
    }  # fmt: skip
    assert 0.99999 <= settings["cosine"] <= 1 + 1e-6


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "multilingual-e5-small"])
def test_the_real_models(name: str, shared: Path) -> None:
    lines = [
        json.loads(line)["text"]
        for corpus in ("xquad-en", "xquad-zh")
        for line in (shared / "qa" / corpus / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[:60]
    ]
    graph = SentenceEncoder(name, "cpu", backend="onnx")
    expected = SentenceEncoder(name, "cpu", backend="torch").encode(lines)
    assert np.sum(expected * graph.encode(lines), axis=1).min() >= 0.9999
    assert os.path.isfile(onnx.export_folder(graph.fingerprint) / onnx.GRAPH)
