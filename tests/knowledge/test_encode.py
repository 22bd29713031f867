"""Encoding: equal texts once, in the order given, in chunks; the fingerprint; the choice of device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import encode, onnx, tokens
from firmground.knowledge.encode import SentenceEncoder, fingerprint, load_reference, on_cpu
from firmground.knowledge.errors import InputError
from tests.knowledge.encode_helpers import DIMENSION, PROMPTS, make_model, some_texts


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def torch_encoder(tiny: Path) -> SentenceEncoder:
    return SentenceEncoder(str(tiny), "cpu", backend="torch")


@pytest.mark.parametrize("query", [True, False])
def test_the_torch_path_gives_stock_vectors(
    torch_encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch, query: bool
) -> None:
    monkeypatch.setattr(tokens, "CHUNK", 30)  # several chunks, several batches in each
    monkeypatch.setattr(encode, "CPU_BATCH_TOKENS", 64)
    texts = some_texts(99) * 2
    prompt = PROMPTS["query" if query else "document"]
    expected = torch_encoder.model.encode([prompt + text for text in texts])
    told: list[int] = []
    got = torch_encoder.encode(texts, query, told.append)
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert got.dtype == np.float32
    assert told == sorted(told)
    assert told[-1] == len(set(texts)) <= 99


@pytest.mark.parametrize("query", [True, False])
def test_a_pipeline_that_wants_texts_gets_them(tiny: Path, torch_encoder, monkeypatch, query: bool) -> None:
    def refuse(model: object) -> tokens.Tokens:
        raise onnx.NotExportable("of another kind")

    monkeypatch.setattr(onnx, "tokens_of", refuse)
    monkeypatch.setattr(encode, "CHUNK", 30)
    encoder, told = SentenceEncoder(str(tiny), "cpu", backend="torch"), list[int]()
    texts = list(dict.fromkeys(some_texts(70)))
    np.testing.assert_allclose(encoder.encode(texts, query, told.append), torch_encoder.encode(texts, query), atol=2e-5)
    assert told == sorted(told)
    assert told[-1] == len(texts) > 30
    assert encoder.count_tokens(["river stones", "水" * 40]) == [5, 42]


def test_a_tokenizer_that_is_set_otherwise_isn_t_stood_in_for(tmp_path: Path) -> None:
    """A model that cuts texts shorter than it says gives its own vectors, not those of the tokens made here."""
    folder = make_model(tmp_path)
    encoder = SentenceEncoder(str(folder), "cpu", backend="torch")
    assert encoder._reference_tokens() is not None
    other = SentenceEncoder(str(folder), "cpu", backend="torch")
    preprocess = other.model.preprocess
    other.model.preprocess = lambda texts, *given, **named: preprocess([text[:12] for text in texts], *given, **named)
    assert other._reference_tokens() is None
    texts = ["river stones river stones river", "ice"]
    assert np.sum(other.encode(texts) * encoder.encode(texts), axis=1)[0] < 0.9999


def test_a_model_that_bfloat16_breaks_is_left_as_it_is(amx: SentenceEncoder, monkeypatch) -> None:
    def broken(*given: object) -> np.ndarray:
        raise RuntimeError("expected Float, got BFloat16")

    monkeypatch.setattr(amx, "_encode_in_bfloat16", broken)
    assert not amx._bfloat16()


@pytest.fixture
def amx(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceEncoder:
    """An encoder on a CPU that multiplies 16-bit matrices, with no graph, on a model so small that rounding shows."""
    monkeypatch.setattr(encode, "has_amx", lambda: True)
    monkeypatch.setattr(onnx, "available", lambda: False)
    monkeypatch.setattr(encode, "CLOSEST", 0.99)
    return SentenceEncoder(str(tiny), "cpu")


def test_many_texts_in_bfloat16_few_as_they_are(amx: SentenceEncoder, torch_encoder: SentenceEncoder) -> None:
    texts = list(dict.fromkeys(some_texts(300)))
    expected = torch_encoder.encode(texts)
    np.testing.assert_allclose(amx.encode(texts), expected, atol=2e-5)  # not worth loading torch, as far as it knows
    rounded = amx.encode(texts)  # loaded
    assert np.sum(rounded * expected, axis=1).min() > 0.99
    assert np.abs(rounded - expected).max() > 1e-4  # it is another arithmetic
    np.testing.assert_allclose(np.linalg.norm(rounded, axis=1), 1, atol=1e-6)
    few = encode.MANY_LOADED - 1
    np.testing.assert_allclose(amx.encode(texts[:few]), expected[:few], atol=2e-5)
    fresh, part = SentenceEncoder(str(amx.folder), "cpu"), [f"{'水' * 4_000} {number}" for number in range(20)]
    assert [fresh._many(part) for _ in range(3)] == [
        False,
        False,
        True,
    ]  # 240 kB each: the third time it had been worth it
    assert not fresh._many(part[:2])


def test_bfloat16_that_changes_the_vectors_is_not_taken(amx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "CLOSEST", 0.9999)  # as it is: this model's weights are too wild for it
    assert not amx._bfloat16()


def test_bfloat16_only_where_it_is_fast_and_wanted(tiny: Path, amx, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"river {number}" for number in range(100)]
    plain = SentenceEncoder(str(tiny), "cpu", backend="torch")
    plain.encode(texts)
    assert plain._bf16 is None  # wasn't even asked
    monkeypatch.setattr(encode, "has_amx", lambda: False)
    assert not SentenceEncoder(str(tiny), "cpu")._bfloat16()


@pytest.mark.parametrize(("text", "expected"), [("flags: fpu amx_bf16 sse", True), ("flags: fpu avx512_bf16", False)])
def test_what_the_processor_can(tmp_path: Path, monkeypatch, text: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(encode, "CPU_INFO", tmp_path / "cpuinfo")
    assert encode.has_amx() is expected
    monkeypatch.setattr(encode, "CPU_INFO", tmp_path / "none")  # not Linux
    assert not encode.has_amx()


def test_equal_texts_are_encoded_once(torch_encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Graph:
        dimension = 1

        def encode(self, texts, query, progress):
            seen.extend(texts)
            return np.array([[len(text)] for text in texts], np.float32)

    monkeypatch.setattr(torch_encoder, "_graph", Graph())
    monkeypatch.setattr(torch_encoder, "_graph_sought", True)
    assert torch_encoder.encode(["bb", "水", "bb", "ccc", "水", "bb"]).tolist() == [[2], [1], [2], [3], [1], [2]]
    assert seen == ["bb", "水", "ccc"]
    assert torch_encoder.encode([]).shape == (0, 1)
    assert torch_encoder.dimension == 1


def test_nothing_and_counts(torch_encoder: SentenceEncoder) -> None:
    assert torch_encoder.encode([]).shape == (0, DIMENSION)
    assert torch_encoder.count_tokens([]) == []
    assert torch_encoder.count_tokens(["river stones", "天空。", "", "水" * 40]) == [5, 5, 2, 42]
    assert torch_encoder.max_tokens == 16


def test_no_model_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="no sentence encoder could be loaded from"):
        load_reference(tmp_path, "cpu")


def test_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_cpu(["cpu"])
    assert not on_cpu(["cuda:0"])
    assert not on_cpu(["cuda:0", "cuda:1"])
    monkeypatch.setattr(encode.sys, "platform", "linux")
    monkeypatch.setattr(encode, "ACCELERATORS", ("/dev/null",))  # something is there: ask torch
    monkeypatch.setattr("sentence_transformers.util.get_device_name", lambda: "cuda")
    assert not on_cpu([])
    monkeypatch.setattr(encode, "ACCELERATORS", ("/dev/no-such-device",))
    assert on_cpu([])


def test_onnx_is_for_cpus(tiny: Path) -> None:
    assert SentenceEncoder(str(tiny), "cuda:0").graph is None
    with pytest.raises(InputError, match="runs on a CPU alone"):
        _ = SentenceEncoder(f"{tiny}:int8", "cuda:0").graph


def test_weights_of_other_formats_and_modules_count_too(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\0" * 100)
    first = fingerprint(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\0" * 99 + b"\1")
    second = fingerprint(tmp_path)
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(b"\0" * 10)
    third = fingerprint(tmp_path)
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(b"\1" * 10)
    assert len({first, second, third, fingerprint(tmp_path)}) == 4


@pytest.mark.gpu
def test_half_precision_on_a_gpu(tiny: Path, torch_encoder: SentenceEncoder) -> None:
    texts = some_texts(100)
    one = SentenceEncoder(str(tiny), "cuda:0").encode(texts)
    assert np.sum(one * torch_encoder.encode(texts), axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)


@pytest.mark.gpu
def test_a_process_a_gpu(tiny: Path, torch_encoder: SentenceEncoder) -> None:
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    texts = some_texts(100)
    encoder = SentenceEncoder(str(tiny), "cuda:0,cuda:1")
    try:
        assert np.sum(encoder.encode(texts) * torch_encoder.encode(texts), axis=1).min() > 0.999
    finally:
        encoder.close()


@pytest.mark.slow
def test_a_process_a_device_as_far_as_cpus_show_it(tiny: Path, torch_encoder: SentenceEncoder) -> None:
    texts, told = list(dict.fromkeys(some_texts(100))), list[int]()
    encoder = SentenceEncoder(str(tiny), "cpu,cpu", backend="torch")
    try:
        np.testing.assert_allclose(encoder.encode(texts, False, told.append), torch_encoder.encode(texts), atol=2e-5)
    finally:
        encoder.close()
    assert told == [len(texts)]
