"""Verifiers by name: the trained one that ships, the lexical one, a trained one of your own, any public classifier."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.rag.types import Verifier
from firmground.rag.verifier_features import NAMES, features_of
from firmground.rag.verifier_trees import Trees, read_trees
from firmground.rag.verify import LexicalVerifier, read, windows

FILE = "verifier.json"  # in the folder that `firmground adapt verifier --out` names
DEFAULT = "trees"


class TrainedVerifier:
    """Implements `rag.types.Verifier`: boosted trees over `verifier_features`, in numpy.

    Support is a probability, calibrated on folds that the trees weren't grown on, for supported and unsupported
    claims in equal numbers; so the threshold is one half, fixed beforehand.

    Args:
        trees: of statements, and of answers ("question? answer"), which are judged by other marks.
        name: what reports call it.
        made_of: what it was trained on, with hashes.
    """

    threshold = 0.5

    def __init__(self, statements: Trees, answers: Trees, name: str, made_of: Any = None) -> None:
        self.statements, self.answers, self.name, self.made_of = statements, answers, name, made_of

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) in [0, 1]; 0 where there is no evidence or the claim has no word."""
        readings = [read(claim) for claim in claims]
        sources = [windows(tuple(texts)) for texts in evidence]
        found = np.zeros(len(claims))
        for trees, answering in ((self.statements, False), (self.answers, True)):
            chosen = [
                i
                for i, (reading, among) in enumerate(zip(readings, sources, strict=True))
                if reading.terms and among and bool(reading.asked) == answering
            ]
            if chosen:
                found[chosen] = trees.predict(np.array([features_of(readings[i], sources[i]) for i in chosen]))
        return found


def load_verifier(name: str = DEFAULT, device: str = "") -> Verifier:
    """A verifier by name.

    Args:
        name: "trees", the trained one that ships; "lexical", rules alone; a folder that `firmground adapt verifier`
            made; or a transformers sequence classifier, a model's folder or hf:organisation/name (`verifier_model`).
        device: for a classifier: cpu, cuda, cuda:1.

    Raises:
        InputError: there is none of this name, or it can't be read.
        WeightsMissing: a model of the hub that isn't on this machine.
    """
    if name == "trees":
        return packaged()
    if name == "lexical":
        return LexicalVerifier()
    if Path(name).is_dir() and (Path(name) / FILE).is_file():
        return read_verifier(Path(name) / FILE)
    if not name.startswith("hf:") and not Path(name.partition("#")[0]).is_dir():
        raise InputError(
            f"unknown verifier {name!r}; give trees, lexical, a folder that firmground adapt verifier made, a model's "
            "folder, or hf:organisation/name"
        )
    from firmground.rag.verifier_model import load_model_verifier

    return load_model_verifier(name, device)


@lru_cache(maxsize=1)
def packaged() -> TrainedVerifier:
    """The one that ships: what it was trained on stands in NOTICE."""
    with resources.as_file(resources.files("firmground.rag").joinpath("verifier.json")) as path:
        return read_verifier(path)


def read_verifier(path: Path) -> TrainedVerifier:
    """A trained verifier's file.

    Raises:
        InputError: it isn't there, is damaged, or was made for another version's features.
    """
    data = read_trees(path, NAMES)
    return TrainedVerifier(data["statements"], data["answers"], str(data["name"]), data.get("made_of"))
