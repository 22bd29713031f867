"""What is done with hits before they are read: another look at each, fewer that say the same, and what stands beside.

Diversity is maximal marginal relevance: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for
Reordering Documents and Producing Summaries", SIGIR 1998.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.indexed import indexed_text
from firmground.knowledge.types import Hit, Passage

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase

RERANK_DEPTH = 50  # hits that a reranker reads for one question, unless more are asked for


@runtime_checkable
class Reranker(Protocol):
    """Reads a question and a passage together, where an encoder reads them apart: dearer, and mostly better."""

    def scores(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """(n,) floats, higher for a better passage; comparable within one question."""
        ...


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one output, by a name or folder that `weights.resolve` knows."""

    def __init__(self, model: str, device: str = "", batch_size: int = 32) -> None:
        self.folder = weights.resolve(model)
        self.name = model
        self.batch_size = batch_size
        self._device = device
        self._loading = threading.Lock()
        self._model: Any = None  # a sentence_transformers.CrossEncoder

    @property
    def model(self) -> Any:
        """The model, loaded when first used."""
        with self._loading:
            if self._model is None:
                from sentence_transformers import CrossEncoder

                try:
                    _check_head(self.folder)
                    model = CrossEncoder(str(self.folder), device=self._device or None, local_files_only=True)
                except (OSError, ValueError, KeyError) as error:
                    reason = str(error).splitlines()[0]
                    raise InputError(f"no cross-encoder could be loaded from {self.folder} ({reason})") from error
                if model.num_labels != 1:
                    raise InputError(
                        f"{self.folder} gives {model.num_labels} numbers a pair, a reranker gives 1: "
                        "take a cross-encoder that was trained to rank passages"
                    )
                self._model = model
            return self._model

    def scores(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """(n,) float64, as the model gives them (of most models: logits, or probabilities in [0, 1])."""
        if not passages:
            return np.zeros(0)
        pairs = [(question, passage) for passage in passages]
        return np.asarray(self.model.predict(pairs, batch_size=self.batch_size, show_progress_bar=False), np.float64)


def _check_head(folder: Path) -> None:
    """Raises InputError where sentence-transformers would put a head of random weights on the model: an encoder, or one
    that was trained for something else."""

    def told(name: str) -> dict[str, Any]:
        path = folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    kind = (told("config.json").get("architectures") or [""])[0]
    if (folder / "modules.json").is_file():
        kind = told("config_sentence_transformers.json").get("model_type", "SentenceTransformer")
    if kind and kind != "CrossEncoder" and not kind.endswith(("ForSequenceClassification", "ForCausalLM")):
        raise InputError(
            f"{folder} holds a {kind}, which scores no pair of a question and a passage: "
            "take a cross-encoder that was trained to rank passages"
        )


def rerank(question: str, hits: Sequence[Hit], reranker: Reranker) -> list[Hit]:
    """The hits by the reranker's score, best first; ties stay in order. `scores["rerank"]` and `score` hold it.

    Passages are read as they were indexed, title and headings first. Raises InputError where the reranker doesn't give
    one finite number a passage.
    """
    if not hits:
        return []
    scores = np.asarray(reranker.scores(question, [indexed_text(hit.passage) for hit in hits]), dtype=np.float64)
    if scores.shape != (len(hits),) or not np.isfinite(scores).all():
        raise InputError(
            f"expected one finite score for each of {len(hits)} passages, got shape {scores.shape}: check the reranker"
        )
    ordered = np.argsort(-scores, kind="stable")
    return [
        replace(
            hits[place],
            score=float(scores[place]),
            ranks={**hits[place].ranks, "rerank": rank},
            scores={**hits[place].scores, "rerank": float(scores[place])},
        )
        for rank, place in enumerate(ordered, 1)
    ]


def marginal_relevance(relevance: np.ndarray, vectors: np.ndarray, k: int, diversity: float) -> list[int]:
    """The places of `k` items, each the best of what is left by (1 - diversity) * relevance - diversity * likeness.

    Args:
        relevance: (n,), higher for better; on the scale of a cosine, or the two can't be weighed against each other.
        vectors: (n, d) of length 1; likeness is the largest cosine with an item chosen before (0 for the first).
        k: how many; fewer come where n is smaller.
        diversity: in [0, 1]; 0 leaves the order of relevance. The paper's lambda is 1 - diversity.

    Ties go to the item that stands first.
    """
    if not 0 <= diversity <= 1:
        raise InputError(f"diversity is in [0, 1], got {diversity}")
    likeness = np.zeros(len(relevance))
    left = np.ones(len(relevance), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        value = np.where(left, (1 - diversity) * relevance - diversity * likeness, -np.inf)
        best = int(np.argmax(value))
        cosines = vectors @ vectors[best]  # (n,)
        likeness = cosines if not chosen else np.maximum(likeness, cosines)
        left[best] = False
        chosen.append(best)
    return chosen


def diversify(hits: Sequence[Hit], vectors: np.ndarray, k: int, diversity: float) -> list[Hit]:
    """`k` of the hits, in the order of `marginal_relevance`; their scores and ranks stay as they were.

    `vectors` (n, d) are the hits' own. Scores of any scale are stretched so that the worst hit has 0 and the best 1.
    """
    scores = np.array([hit.score for hit in hits], dtype=np.float64)
    spread = float(np.ptp(scores)) if len(scores) else 0.0
    relevance = (scores - scores.min()) / spread if spread > 0 else np.ones(len(scores))
    return [hits[place] for place in marginal_relevance(relevance, vectors, k, diversity)]


def neighbours(base: KnowledgeBase, passage: Passage, before: int = 1, after: int = 1) -> list[Passage]:
    """The passage among those that stand around it in its document, in the document's order.

    At most `before` passages before it and `after` behind; none of them twice. Raises InputError where the passage is
    not in the base (any more), or a number is negative.
    """
    if before < 0 or after < 0:
        raise InputError(f"before and after are 0 or more, got {before} and {after}")
    passages = base.passages(passage.document)
    places = [place for place, other in enumerate(passages) if other.id == passage.id]
    if not places:
        raise InputError(f"no passage {passage.id} in {base.path}")
    return passages[max(0, places[0] - before) : places[0] + after + 1]
