"""Encoders: texts to unit vectors, with the fingerprint that an index remembers them by."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from firmground.knowledge.base import KnowledgeBase


class SentenceEncoder:
    """A sentence-transformers model.

    Args:
        model: a name that `firmground.knowledge.weights.resolve` knows.
        device: "cpu", "cuda" …; by default a GPU where torch sees one.
        languages: ISO 639-1 codes that it was trained for; by default what is known of the name, else all.
    """

    def __init__(self, model: str = weights.DEFAULT_ENCODER, device: str = "", languages: tuple[str, ...] = ()) -> None:
        self.folder = weights.resolve(model)
        known = weights.MODELS.get(model)
        self.name = model
        self.languages = languages or (known.languages if known else ("*",))
        self.fingerprint = fingerprint(self.folder)
        self._device = device
        self._loading = threading.Lock()
        self._model: SentenceTransformer | None = None

    @property
    def model(self) -> SentenceTransformer:
        """The model, loaded when first used: what needs no vectors doesn't wait for it."""
        with self._loading:
            if self._model is None:
                from sentence_transformers import SentenceTransformer

                try:
                    self._model = SentenceTransformer(
                        str(self.folder), device=self._device or None, local_files_only=True
                    )
                except (OSError, ValueError, KeyError) as error:
                    reason = str(error).splitlines()[0]
                    raise InputError(f"no sentence encoder could be loaded from {self.folder} ({reason})") from error
            return self._model

    @property
    def dimension(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        """(n, dimension) float32, rows of length 1. Text past `max_tokens` is not seen: split before."""
        import numpy as np

        encode = self.model.encode_query if query else self.model.encode_document
        if not len(texts):
            return np.zeros((0, self.dimension), np.float32)
        vectors = encode(list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the two that mark beginning and end included."""
        if not len(texts):
            return []
        return [len(ids) for ids in self.model.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]]

    @property
    def max_tokens(self) -> int:
        return int(self.model.max_seq_length or 512)


def fingerprint(folder: Path) -> str:
    """Identifies what an encoder computes: its weights' size and edges, and every small file that steers it.

    Hashing all of a large model would take seconds at every start; the first and last megabyte with the size tell two
    models apart, since safetensors begins with the layout of every tensor.
    """
    digest = hashlib.sha256()
    names = ("config.json", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
             "1_Pooling/config.json", "tokenizer.json")  # fmt: skip
    for name in names:
        path = folder / name
        if path.is_file():
            digest.update(json.dumps([name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(json.dumps([path.name, size]).encode())
        with open(path, "rb") as file:
            digest.update(file.read(1 << 20))
            file.seek(max(0, size - (1 << 20)))
            digest.update(file.read())
    return digest.hexdigest()[:32]


def open_base(path: str | Path, writable: bool = False, device: str = "") -> KnowledgeBase:
    """Open a knowledge base with the encoder it was made with, which is loaded when a search first needs it.

    Raises:
        WeightsMissing: its encoder isn't on this machine. InputError, KnowledgeBaseError: as `KnowledgeBase.open`.
    """
    from firmground.knowledge.base import KnowledgeBase

    with KnowledgeBase.open(path) as base:
        record = base.encoder_record
    return KnowledgeBase.open(path, SentenceEncoder(record.name, device, tuple(record.languages)), writable=writable)
