"""From data sets to what trees are grown on: which sets, which cases of them, and what each weighs.

Which features, sets and weights: chosen in the end on cases whose group has an even SHA-256 (`is_reported` is false),
by what held on sets that were left out of training; first trials looked at all cases. CREAK was left out altogether:
what explains why a claim is false shares as many words with it as what explains why another is true (AUROC of every
feature about 0.5, of negation 0.68).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from firmground.eval.bench.verifier_sets import LABELLED, MADE, Case
from firmground.rag.verifier_features import NAMES, features_of
from firmground.rag.verifier_train import Lesson
from firmground.rag.verify import read, windows

MOST = 1200  # cases of a made set
# Weight of each set in the trees of statements, and in those of answers; what isn't named isn't used there.
STATEMENT_WEIGHTS = {
    "wice": 1.0, "fever_symmetric": 1.0, "clapnq": 0.3, "worldtree": 0.3, "xquad_made_en": 0.3, "xquad_made_zh": 0.3,
    "cmrc_made": 0.3,
}  # fmt: skip
# Of HaluEval only what is no sentence: nearly all its sentences are hallucinated, nearly all its fragments right.
ANSWER_WEIGHTS = {
    "halueval": 1.0, "qasc": 1.0, "xquad_swapped_en": 1.0, "xquad_swapped_zh": 1.0, "cmrc_swapped": 1.0,
}  # fmt: skip
TRAINED_ON = tuple(dict.fromkeys((*STATEMENT_WEIGHTS, *ANSWER_WEIGHTS)))
_READERS = ("verify", "words", "numerals", "opposites", "verifier_features", "spans", "spans_en", "spans_zh")


@dataclass(frozen=True)
class Featured:
    """A set's cases with their features. `asked`: whether each is read as an answer to a question."""

    name: str
    cases: Sequence[Case]
    rows: np.ndarray  # (n, features)
    asked: np.ndarray  # (n,) bool

    @property
    def labels(self) -> np.ndarray:
        return np.array([case.supported for case in self.cases], dtype=bool)

    @property
    def groups(self) -> list[str]:
        return [case.group for case in self.cases]

    @property
    def digest(self) -> str:
        """SHA-256 of the cases: the same data, read the same way."""
        return hashlib.sha256(repr(self.cases).encode()).hexdigest()

    def lesson(self, weight: float, asked: bool) -> Lesson:
        every = Lesson(self.name, self.rows, self.labels, self.groups, weight)
        return every.only(self.asked == asked)


def is_reported(group: str) -> bool:
    """Whether a case is in the half that is reported (odd SHA-256), not the one that choices were made on."""
    return hashlib.sha256(group.encode()).digest()[-1] % 2 == 1


def featured(name: str, cases: Sequence[Case], keep: Path | None = None) -> Featured:
    """A set with its features, read from the folder `keep` where the same cases were read by the same code before."""
    cases = list(cases[:MOST]) if name in MADE else list(cases)
    readings = [read(case.claim) for case in cases]
    asked = np.array([bool(reading.asked) for reading in readings], dtype=bool)
    path = keep / f"{name}-{_digest(cases)[:16]}.npy" if keep else None
    if path is not None and path.is_file():
        return Featured(name, cases, np.load(path, allow_pickle=False), asked)
    pairs = zip(readings, cases, strict=True)
    rows = np.array([features_of(reading, windows(case.evidence)) for reading, case in pairs]).reshape(-1, len(NAMES))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, rows, allow_pickle=False)
    return Featured(name, cases, rows, asked)


def _digest(cases: Sequence[Case]) -> str:
    """Of the cases and of the code that reads them."""
    digest = hashlib.sha256(json.dumps([[case.claim, *case.evidence] for case in cases]).encode())
    for name in _READERS:
        digest.update(resources.files("firmground.rag").joinpath(f"{name}.py").read_bytes())
    return digest.hexdigest()


def training_sets(folder: Path, keep: Path | None = None) -> dict[str, Featured]:
    """Every set that is trained on, from a folder laid out as the sets' authors publish them."""
    loaders = {**LABELLED, **MADE}
    return {name: featured(name, loaders[name](folder), keep) for name in TRAINED_ON}


def lessons(sets: Mapping[str, Featured]) -> tuple[list[Lesson], list[Lesson]]:
    """(of statements, of answers) of the sets that are there."""
    statements = [sets[name].lesson(weight, False) for name, weight in STATEMENT_WEIGHTS.items() if name in sets]
    answers = [sets[name].lesson(weight, True) for name, weight in ANSWER_WEIGHTS.items() if name in sets]
    return statements, answers
