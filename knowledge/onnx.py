"""The fast path of an encoder on CPUs: its whole pipeline as one ONNX graph, made once and checked before it is used.

sentence-transformers is the reference. The graph is a trace of the reference's own modules (transformer, pooling,
dense and normalising layers), so pooling isn't written a second time; the tokenizer is the reference's, saved beside
it. Both are kept only if they give the reference's vectors for `PROBES`, with the prompts of questions and passages;
what doesn't is refused once, in writing, and stays with the reference.

An export is a folder in the weights' cache, named after the weights' fingerprint and `FORMAT`. It is made beside its
place and renamed when whole. With it, encoding a question needs neither torch nor transformers to be imported.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.knowledge import weights
from firmground.knowledge.durable import failpoint, fsync_folder, publish
from firmground.knowledge.errors import InputError, MissingExtra
from firmground.knowledge.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

FORMAT = 1  # of an export; another number makes all of them anew
GRAPH, GRAPH_INT8, TOKENIZER, SETTINGS = "model.onnx", "model-int8.onnx", "tokenizer.json", "export.json"
OPSET = 17  # the first with LayerNormalization as one operator
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet")  # encoders that tracing is right for
LARGEST_BYTES = 1_900_000_000  # of weights: one protobuf message holds at most 2 GiB
CLOSEST = 0.99999  # cosine to the reference that every probe must reach; float noise leaves 1 - 1e-6
BATCH_TOKENS = 512  # run together, padding included: what more needs falls out of the cache of a core
STALE_SECONDS = 24 * 3600  # after which a half-made export is nobody's

# Both languages, every length from nothing to too long, what tokenizers treat specially, and their special tokens.
PROBES = (
    "", " ", "a", "水", "What is the capital of France?", "为什么天空是蓝色的？",
    "  Leading and trailing blanks,\ttabs\nand a second line.  ", "naïve RE-runs of C++20 & e-mail a_b@x.org, 3.14 %",
    "ＡＢＣ１２ ｶﾀｶﾅ 한국어 🙂 e\u0301 \u200bzero\u00a0width",
    "[CLS] one [SEP] two <s> three </s> <pad> [PAD] [MASK] <mask>",
    "The river rises in the hills, crosses the plain and reaches the sea after two hundred miles. " * 3,
    "这条河发源于山地，流经平原，行三百余里后入海，沿岸多稻田。" * 5,
    "Too long for most models: it has to be cut at the very same place. " * 40,
    "太长的文字会被截断，必须截在同一个地方。" * 40,
)  # fmt: skip

logger = logging.getLogger(__name__)


class NotExportable(InputError):
    """This model's vectors can't be had from an ONNX graph: it is encoded by sentence-transformers."""


class OnnxModel:
    """An export, opened. Threads may share it: nothing in it changes after it is made.

    Raises:
        MissingExtra: onnx or onnxruntime isn't installed. NotExportable: the export holds a refusal.
        InputError: the export can't be read.
    """

    def __init__(self, folder: Path, int8: bool = False) -> None:
        if not available():
            raise MissingExtra("encoding by ONNX needs two packages; install them with: pip install onnx onnxruntime")
        from tokenizers import Tokenizer

        try:
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            if "refused" in settings:
                raise NotExportable(settings["refused"])
            self.dimension, self.max_tokens = int(settings["dimension"]), int(settings["max_tokens"])
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            self.tokens = Tokens(tokenizer, self.max_tokens, int(settings["pad"]), settings["prompts"])
            self._session = _session(folder / (GRAPH_INT8 if int8 else GRAPH))
            self._threads = _threads()
        except NotExportable:
            raise
        except Exception as error:  # ONNX Runtime's and tokenizers' own errors share no better ancestor
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{folder} can't be used ({reason}): delete it, and it is made anew") from error

    def encode(
        self, texts: Sequence[str], query: bool = False, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """(n, dimension) float32, rows of length 1; `progress` is told after each batch how many texts are done."""
        threads = ThreadPoolExecutor(self._threads)  # none is started before it is needed
        run = threads.map if len(texts) > 1 else map  # what is encoded while somebody waits is one text
        try:
            return self.tokens.encode(
                texts, query, lambda parts: run(self._run, parts), self.dimension, BATCH_TOKENS, progress
            )
        finally:
            threads.shutdown(cancel_futures=True)

    def _run(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """(n, dimension) float32 of texts that are run together, padded to the longest."""
        tokens, mask = self.tokens.padded(ids)
        return self._session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]


def available() -> bool:
    """Whether an export can be made and run here: both packages, of the extra `onnx`."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def export_folder(fingerprint: str) -> Path:
    """Where the export of the weights with this fingerprint is, or will be."""
    return weights.cache_folder() / "onnx" / f"{fingerprint}-{FORMAT}"


def export(model: SentenceTransformer, folder: Path) -> None:
    """Make the export, once: the graph, the tokenizer and the settings, or a refusal with its reason.

    `model` is the reference, on the CPU, in float32. Another process may make the same one meanwhile: the first stays.
    Raises OSError where the cache can't be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    logger.info("exporting to %s, once", folder)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        ready = Path(temporary) / "ready"
        ready.mkdir()
        try:
            check_kind(model)
            size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
            if size > LARGEST_BYTES:
                raise NotExportable(f"its weights have {size} bytes, an ONNX file holds at most {LARGEST_BYTES}")
            settings = _trace(model, ready)
            _write(ready / SETTINGS, settings)
            settings["cosine"] = _compare(model, OnnxModel(ready))
        except (NotExportable, RuntimeError) as error:  # torch.onnx's errors are RuntimeErrors
            settings = {"refused": (str(error).splitlines() or [type(error).__name__])[0]}
            logger.warning("no ONNX export: %s", settings["refused"])
        _write(ready / SETTINGS, settings)
        failpoint("onnx.rename")
        try:
            ready.rename(folder)
        except OSError:
            if not (folder / SETTINGS).is_file():
                raise
        fsync_folder(folder.parent)


def quantise(folder: Path) -> None:
    """Add the graph with 8-bit weights to an export, once: MatMul only, a scale a channel, 7 bits of range.

    `reduce_range` keeps the sums of products within 16 bits on CPUs without VNNI instructions, which saturate there
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). Activations are quantised as they
    come, with one scale a batch, so a text's vector depends a little on the texts it is run with.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        made = Path(temporary) / GRAPH_INT8
        quantize_dynamic(
            folder / GRAPH, made, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
            weight_type=QuantType.QInt8,
        )  # fmt: skip
        publish(made, folder / GRAPH_INT8, "onnx.int8")


def _session(graph: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a batch: there are as many batches at a time as threads
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _threads() -> int:
    """How many batches run at a time: as many as torch takes threads, else OMP_NUM_THREADS, else the processor's cores.

    A batch fits the cache of a core; shared out over several, its small matrices cost more in waiting than they gain:
    on two cores a batch on each was 1.2 times as fast as two threads inside one (docs/scale.md).
    """
    if torch := sys.modules.get("torch"):
        return int(torch.get_num_threads())
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_kind(model: SentenceTransformer) -> None:
    """Raise NotExportable for a pipeline that a trace of token ids and mask can't stand for."""
    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= {"Dense", "Normalize"}:
        raise NotExportable(f"expected Transformer, Pooling, Dense and Normalize modules, got {', '.join(kinds)}")
    family = model[0].auto_model.config.model_type
    if family not in FAMILIES:
        raise NotExportable(f"expected a model of the families {', '.join(FAMILIES)}, got {family}")
    if not model[1].include_prompt:
        raise NotExportable("its pooling leaves the prompt out, which the graph can't know")
    if not getattr(model.tokenizer, "is_fast", False) or model.tokenizer.padding_side != "right":
        raise NotExportable("its tokenizer isn't a fast one that pads on the right")


def _trace(model: SentenceTransformer, target: Path) -> dict[str, Any]:
    """Write the graph and the tokenizer; returns the settings."""
    import torch

    class Pipeline(torch.nn.Module):
        """Token ids and mask (rows, tokens) to unit vectors (rows, dimension), as `encode` does it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            found = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            return torch.nn.functional.normalize(found["sentence_embedding"], p=2, dim=1)

    features = model.tokenizer(["one", "one and two"], padding=True, return_tensors="pt")
    axes = {"input_ids": {0: "rows", 1: "tokens"}, "attention_mask": {0: "rows", 1: "tokens"}, "vectors": {0: "rows"}}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age and of its tracing; what it made is probed below
        torch.onnx.export(
            Pipeline().eval(), (features["input_ids"], features["attention_mask"]), str(target / GRAPH), dynamo=False,
            opset_version=OPSET, input_names=["input_ids", "attention_mask"], output_names=["vectors"],
            dynamic_axes=axes,
        )  # fmt: skip
    model.tokenizer.backend_tokenizer.save(str(target / TOKENIZER))
    for path in (target / GRAPH, target / TOKENIZER):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    return {
        "dimension": int(model.get_embedding_dimension() or 0),
        "max_tokens": int(model.max_seq_length or 512),
        "pad": int(model.tokenizer.pad_token_id or 0),
        "prompts": prompts(model),
    }


def tokens_of(model: SentenceTransformer) -> Tokens:
    """The tokens that a model in memory reads. Raises NotExportable where there is more to its input than tokens."""
    from tokenizers import Tokenizer

    check_kind(model)
    own = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())  # the model's is set anew by every call of it
    return Tokens(own, int(model.max_seq_length or 512), int(model.tokenizer.pad_token_id or 0), prompts(model))


def prompts(model: SentenceTransformer) -> dict[str, str]:
    """What stands before a "query" and a "document"."""
    return {"query": _prompt(model, ("query",)), "document": _prompt(model, ("document", "passage", "corpus"))}


def _prompt(model: SentenceTransformer, names: tuple[str, ...]) -> str:
    """What `encode_query` and `encode_document` put before a text: the first of the names that the model has."""
    for name in (*names, model.default_prompt_name):
        if name in model.prompts:
            return model.prompts[name] or ""
    return ""


def _compare(model: SentenceTransformer, made: OnnxModel) -> float:
    """The smallest cosine between the export's and the reference's vectors of the probes; raises if it is too small."""
    import numpy as np

    closest = 1.0
    for query, encode in ((True, model.encode_query), (False, model.encode_document)):
        expected = encode(list(PROBES), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        cosines = np.sum(expected * made.encode(PROBES, query), axis=1)
        if not cosines.min() >= CLOSEST:
            probe = PROBES[int(cosines.argmin())][:40]
            raise NotExportable(f"the graph's vector of {probe!r} has cosine {cosines.min():.6f} to the reference's")
        closest = min(closest, float(cosines.min()))
    return closest


def _write(path: Path, settings: dict[str, Any]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(settings, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
