"""Encoders: texts to unit vectors, with the fingerprint that an index remembers them by.

sentence-transformers is the reference. On a CPU its pipeline runs as an ONNX graph where that gives the same vectors
(`firmground.knowledge.onnx`), and many texts on a CPU with units for 16-bit matrices (AMX) run as they are, their
products in bfloat16: twice as fast and as near as 0.9999. On GPUs it runs as it is, in half precision, a process a GPU
where several are named.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from firmground.knowledge import onnx, weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.tokens import CHUNK, Tokens, batches

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from firmground.knowledge.base import KnowledgeBase

Backend = Literal["auto", "torch", "onnx"]

INT8 = ":int8"  # at the end of a model's name: its 8-bit graph
CPU_BATCH_TOKENS = 2048  # torch runs together: 512 is faster on idle cores, and half as fast where others want them too
MANY_BYTES = 500_000  # of text take as long in 32 bits as loading the reference and encoding them in bfloat16
MANY_LOADED = 16  # texts, the same where the reference is in memory already
CPU_INFO = Path("/proc/cpuinfo")
CLOSEST = 0.9999  # cosine to the reference that every probe must reach, in bfloat16 and with tokens made here
GPU_BATCH_TOKENS = 1 << 17  # run together on a GPU, padding included
GPU_BATCH = 256  # texts that a process of several runs together
# What torch could compute on shows itself on Linux as one of these; where none is, torch needn't be loaded to ask.
ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/dri", "/dev/accel", "/dev/davinci_manager", "/dev/hl0")

logger = logging.getLogger(__name__)


class SentenceEncoder:
    """A sentence-transformers model.

    Args:
        model: a name that `firmground.knowledge.weights.resolve` knows; with ":int8" after it, the model's 8-bit graph,
            about twice as fast on a CPU and with vectors of its own: what is indexed with it is searched with it.
        device: "cpu", "cuda" …; by default a GPU where torch sees one. "cuda:0,cuda:1": a process for each of them.
        languages: ISO 639-1 codes that it was trained for; by default what is known of the name, else all.
        backend: "auto" takes ONNX on a CPU, where its packages are installed and it gives the reference's vectors but
            for float noise, and bfloat16 products for many texts where the CPU has units for them (cosine to the
            reference at least 0.9999); "torch" is the reference in 32 bits; "onnx" raises where it can't be had.
    """

    def __init__(
        self,
        model: str = weights.DEFAULT_ENCODER,
        device: str = "",
        languages: tuple[str, ...] = (),
        backend: Backend = "auto",
    ) -> None:
        self.int8 = model.endswith(INT8)
        plain = model.removesuffix(INT8)
        self.folder = weights.resolve(plain)
        known = weights.MODELS.get(plain)
        self.name = model
        self.languages = languages or (known.languages if known else ("*",))
        self._weights = fingerprint(self.folder)
        self.fingerprint = self._weights + (f"-int8-{onnx.FORMAT}" if self.int8 else "")
        self._devices = [name for name in device.split(",") if name]
        self._backend = "onnx" if self.int8 else backend
        self._loading = threading.RLock()
        self._model: SentenceTransformer | None = None
        self._graph: onnx.OnnxModel | None = None
        self._graph_sought = False
        self._tokens: Tokens | None = None
        self._tokens_sought = False
        self._bytes = 0  # of the texts encoded many at a time so far
        self._bf16: bool | None = None
        self._pool: dict[Any, Any] | None = None

    @property
    def model(self) -> SentenceTransformer:
        """The reference, loaded when first used: what needs no vectors doesn't wait for it."""
        with self._loading:
            if self._model is None:
                # Of several devices none holds it: their processes take it from the CPU's memory.
                device = self._devices[0] if len(self._devices) == 1 else "cpu" if self._devices else None
                self._model = load_reference(self.folder, device)
                if any(name.startswith("cuda") for name in self._devices) or self._model.device.type == "cuda":
                    self._model.half()
            return self._model

    @property
    def graph(self) -> onnx.OnnxModel | None:
        """The ONNX graph that encodes in the reference's place, made and loaded when first used; None: it doesn't."""
        if not self._graph_sought:  # else a question doesn't wait for a reference that is being loaded
            with self._loading:
                if not self._graph_sought:
                    self._graph = self._find_graph()
                    self._graph_sought = True
        return self._graph

    def _find_graph(self) -> onnx.OnnxModel | None:
        required = self._backend == "onnx"
        if self._backend == "torch" or not (required or onnx.available()):
            return None
        if not on_cpu(self._devices):
            if required:
                raise InputError(f"{self.name} by ONNX runs on a CPU alone: give device='cpu', or another backend")
            return None
        try:
            folder = onnx.export_folder(self._weights)
            if not (folder / onnx.SETTINGS).is_file():
                onnx.export(load_reference(self.folder, "cpu"), folder)
            if self.int8 and not (folder / onnx.GRAPH_INT8).is_file():
                onnx.OnnxModel(folder)  # raises what the export was refused for
                onnx.quantise(folder)
            return onnx.OnnxModel(folder, self.int8)
        except (InputError, OSError) as error:
            if required:
                raise
            level = logging.INFO if isinstance(error, onnx.NotExportable) else logging.WARNING
            logger.log(level, "%s is encoded by sentence-transformers: %s", self.name, error)
            return None

    @property
    def dimension(self) -> int:
        return self.graph.dimension if self.graph else int(self.model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        return self.graph.max_tokens if self.graph else int(self.model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the two that mark beginning and end included."""
        if not len(texts):
            return []
        if tokens := self.graph.tokens if self.graph else self._reference_tokens():
            return tokens.count(texts)
        return self._count_by_reference(texts)

    def _count_by_reference(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self.model.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]]

    def encode(
        self, texts: Sequence[str], query: bool = False, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """(n, dimension) float32, rows of length 1. Text past `max_tokens` is not seen: split before.

        Equal texts are encoded once. `progress` is told, batch by batch, how many of the distinct texts are done.
        Beside the result, memory holds one chunk of `CHUNK` texts and one batch, however many texts there are.
        """
        import numpy as np

        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        distinct = list(rows)
        if not distinct:
            return np.zeros((0, self.dimension), np.float32)
        encode = self.graph.encode if self.graph else self._encode_by_reference
        if self._backend == "auto" and self._many(distinct) and self._bfloat16():
            encode = self._encode_in_bfloat16
        vectors = encode(distinct, query, progress)
        return vectors if len(distinct) == len(texts) else vectors[[rows[text] for text in texts]]

    def _many(self, texts: Sequence[str]) -> bool:
        """Whether the reference is worth loading for them, or would have been for what came before."""
        if len(texts) < MANY_LOADED:
            return False
        self._bytes += sum(len(text.encode("utf-8", "ignore")) for text in texts)
        return self._model is not None or self._bytes >= MANY_BYTES

    def _encode_by_reference(
        self, texts: Sequence[str], query: bool, progress: Callable[[int], None] | None
    ) -> np.ndarray:
        tokens = self._reference_tokens()
        if tokens is None:
            return self._encode_texts(texts, query, progress)
        return self._encode_tokens(tokens, texts, query, progress)

    def _encode_tokens(
        self, tokens: Tokens, texts: Sequence[str], query: bool, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        dimension = int(self.model.get_embedding_dimension() or 0)
        return tokens.encode(texts, query, partial(map, partial(self._run, tokens)), dimension, self._budget, progress)

    @property
    def _budget(self) -> int:
        """How many tokens are run together, padding included."""
        return CPU_BATCH_TOKENS if on_cpu(self._devices) else GPU_BATCH_TOKENS

    def _run(self, tokens: Tokens, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """(n, dimension) float32, unit rows, of texts that the reference runs together."""
        import torch

        made, mask = (torch.from_numpy(array).to(self.model.device) for array in tokens.padded(ids))
        with torch.inference_mode():
            found = self.model({"input_ids": made, "attention_mask": mask})["sentence_embedding"]
            # Of half precision the length is 1 ± 0.001.
            return torch.nn.functional.normalize(found.float(), p=2, dim=1).cpu().numpy()

    def _reference_tokens(self) -> Tokens | None:
        """None where the reference must be given texts: a pipeline of another kind, or several processes."""
        with self._loading:
            if not self._tokens_sought:
                self._tokens_sought = True
                if len(self._devices) < 2:
                    self._tokens = self.graph.tokens if self.graph else self._probed_tokens()
            return self._tokens

    def _probed_tokens(self) -> Tokens | None:
        """Tokens made here, where the reference's vectors come of them: its own may be cut or marked in other ways."""
        try:
            tokens = onnx.tokens_of(self.model)
        except onnx.NotExportable:
            return None
        closest = min(
            _closest(self._encode_tokens(tokens, onnx.PROBES, query), self._encode_texts(onnx.PROBES, query, None))
            for query in (True, False)
        )
        return tokens if closest >= CLOSEST else None

    def _encode_texts(self, texts: Sequence[str], query: bool, progress: Callable[[int], None] | None) -> np.ndarray:
        """As sentence-transformers does it, batch by batch; several processes share out a whole chunk."""
        import numpy as np

        found = np.empty((len(texts), self.dimension), np.float32)
        encode = self.model.encode_query if query else self.model.encode_document
        encode = partial(encode, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        several, done = len(self._devices) > 1, 0
        for first in range(0, len(texts), CHUNK):
            chunk = list(texts[first : first + CHUNK])
            if several:
                parts = [np.arange(len(chunk))]
            else:
                parts = batches(
                    [min(count, self.max_tokens) for count in self._count_by_reference(chunk)], self._budget
                )
            for rows in parts:
                batch = [chunk[row] for row in rows]
                if several:
                    vectors = encode(batch, pool=self._processes(), batch_size=GPU_BATCH)
                else:
                    vectors = encode(batch, batch_size=len(batch))
                vectors = vectors.astype(np.float32)
                found[first + rows] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
                done += len(rows)
                if progress:
                    progress(done)
        return found

    def _encode_in_bfloat16(
        self, texts: Sequence[str], query: bool, progress: Callable[[int], None] | None
    ) -> np.ndarray:
        import torch

        with torch.autocast("cpu", dtype=torch.bfloat16):  # this thread's alone
            return self._encode_by_reference(texts, query, progress)

    def _bfloat16(self) -> bool:
        """Whether this CPU multiplies 16-bit matrices fast, and this model's vectors stay what they are by it."""
        with self._loading:
            if self._bf16 is None:
                self._bf16 = on_cpu(self._devices) and has_amx() and self._probed_bfloat16()
            return self._bf16

    def _probed_bfloat16(self) -> bool:
        expected = self._encode_by_reference(onnx.PROBES, False, None)
        try:
            closest = _closest(self._encode_in_bfloat16(onnx.PROBES, False, None), expected)
        except RuntimeError as error:  # code of a model's own that autocast doesn't suit
            logger.info("%s is encoded in 32 bits: %s", self.name, error)
            return False
        if not closest >= CLOSEST:
            logger.info("%s is encoded in 32 bits: a probe's cosine in bfloat16 is %.6f", self.name, closest)
        return closest >= CLOSEST

    def _processes(self) -> dict[Any, Any]:
        """sentence-transformers' pool, a process a device, started when first used."""
        with self._loading:
            if self._pool is None:
                self._pool = self.model.start_multi_process_pool(self._devices)
            return self._pool

    def close(self) -> None:
        """End the processes of several devices; nothing to do for one. They also end with the program."""
        with self._loading:
            if self._pool is not None:
                self.model.stop_multi_process_pool(self._pool)
                self._pool = None


def _closest(some: np.ndarray, others: np.ndarray) -> float:
    """The smallest cosine between two encodings of the same texts."""
    return float((some * others).sum(axis=1).min())


def load_reference(folder: Path, device: str | None) -> SentenceTransformer:
    """The sentence-transformers model in a folder. Raises InputError if there is none that can be loaded."""
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(folder), device=device, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"no sentence encoder could be loaded from {folder} ({reason})") from error


def on_cpu(devices: Sequence[str]) -> bool:
    """Whether these devices, or the one that sentence-transformers would take by itself, are the CPU."""
    if devices:
        return all(name.partition(":")[0] == "cpu" for name in devices)
    if sys.platform == "linux" and not any(Path(node).exists() for node in ACCELERATORS):
        return True
    from sentence_transformers.util import get_device_name

    return get_device_name() == "cpu"


def has_amx() -> bool:
    """Whether Linux says that this CPU multiplies matrices of bfloat16 (Intel's AMX, from Sapphire Rapids on)."""
    try:
        return "amx_bf16" in CPU_INFO.read_text(encoding="utf-8").split()
    except OSError:
        return False


def prepare(model: str, say: weights.Say = lambda line: None) -> None:
    """What set-up does after fetching an encoder: make its ONNX graph, so that no question waits for it."""
    encoder = SentenceEncoder(model, "cpu")
    if onnx.available() and not (onnx.export_folder(encoder._weights) / onnx.SETTINGS).is_file():
        say(f"{model}: converting to ONNX, once (some ten seconds)")
        _ = encoder.graph


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
    for path in _weight_files(folder):
        size = path.stat().st_size
        digest.update(json.dumps([path.relative_to(folder).as_posix(), size]).encode())
        with open(path, "rb") as file:
            digest.update(file.read(1 << 20))
            file.seek(max(0, size - (1 << 20)))
            digest.update(file.read())
    return digest.hexdigest()[:32]


def _weight_files(folder: Path) -> list[Path]:
    """The model's weights, then those of its further modules ("2_Dense"): safetensors, else torch's own format."""
    found: list[Path] = []
    for pattern in ("", "[0-9]*_*/"):
        found += sorted(folder.glob(f"{pattern}*.safetensors")) or sorted(folder.glob(f"{pattern}*.bin"))
    return found


def open_base(path: str | Path, writable: bool = False, device: str = "") -> KnowledgeBase:
    """Open a knowledge base with the encoder it was made with, which is loaded when a search first needs it.

    Raises:
        WeightsMissing: its encoder isn't on this machine. InputError, KnowledgeBaseError: as `KnowledgeBase.open`.
    """
    from firmground.knowledge.base import KnowledgeBase

    with KnowledgeBase.open(path) as base:
        record = base.encoder_record
    encoder = SentenceEncoder(record.name, device, tuple(record.languages))
    return KnowledgeBase.open(path, encoder, writable=writable, device="cpu" if device == "cpu" else "auto")
