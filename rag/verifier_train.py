"""Growing the trees of a verifier: labelled and made pairs in, plain numbers out.

Every set weighs what `WEIGHTS` says, and its supported and unsupported claims as much as each other. Calibration is
Platt's (1999): a line through the log-odds that trees gave to groups of cases they weren't grown on. The same cases
give the same trees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from firmground.rag.verifier import TrainedVerifier
from firmground.rag.verifier_features import FEATURES, NAMES
from firmground.rag.verifier_trees import Trees

FOLDS = 5
SETTINGS: dict[str, Any] = {
    "max_iter": 60, "learning_rate": 0.08, "max_leaf_nodes": 5, "min_samples_leaf": 30, "l2_regularization": 10.0,
}  # fmt: skip
SEED = 0

# Few on purpose: chosen on even halves (`eval/bench/verifier_lessons`) by what held on sets that were left out. With
# all features, claims of sets that weren't trained on are judged worse than by the lexical verifier alone.
STATEMENTS = (
    "support", "recall_all", "order", "number_missing_all", "name_missing_all", "denial", "opposite", "kind", "only",
)  # fmt: skip
ANSWERS = ("support", "recall", "recall_all", "place", "asked", "quoted", "fits", "answers")


@dataclass(frozen=True)
class Lesson:
    """The features of one set's cases. `groups`: what is kept together in folds; `weight`: of the set as a whole."""

    name: str
    rows: np.ndarray  # (n, features)
    labels: np.ndarray  # (n,) bool
    groups: Sequence[str]
    weight: float = 1.0

    def only(self, chosen: np.ndarray) -> Lesson:
        groups = [group for group, taken in zip(self.groups, chosen, strict=True) if taken]
        return replace(self, rows=self.rows[chosen], labels=self.labels[chosen], groups=groups)


def fold_of(group: str, folds: int = FOLDS) -> int:
    """Which fold a group is in, by the SHA-256 of its name: the same in every set that has it."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[-4:], "big") % folds


def train_verifier(
    statements: Sequence[Lesson], answers: Sequence[Lesson], name: str, made_of: Any = None, folds: int = FOLDS
) -> TrainedVerifier:
    """Both kinds of claims: statements, and answers to a question."""
    return TrainedVerifier(train(statements, STATEMENTS, folds), train(answers, ANSWERS, folds), name, made_of)


def to_json(verifier: TrainedVerifier) -> dict[str, Any]:
    """What `verifier.read_verifier` reads."""
    return {
        "name": verifier.name,
        "made_of": verifier.made_of,
        "statements": verifier.statements.to_dict(),
        "answers": verifier.answers.to_dict(),
    }


def train(lessons: Sequence[Lesson], features: Sequence[str], folds: int = FOLDS) -> Trees:
    """Trees grown on all lessons, calibrated on what trees of other folds gave.

    Args:
        lessons: sets of cases.
        features: those that may be looked at, of `NAMES`.
        folds: parts, by group, of which each is given log-odds by trees grown on the others.
    """
    held_out, labels, weights = [], [], []
    for fold in range(folds):
        parts = [np.array([fold_of(group, folds) == fold for group in lesson.groups]) for lesson in lessons]
        trees = grow([lesson.only(~part) for lesson, part in zip(lessons, parts, strict=True)], features)
        for lesson, part in zip(lessons, parts, strict=True):
            held_out.append(trees.log_odds(lesson.rows[part]))
            labels.append(lesson.labels[part])
            weights.append(_weights(lesson)[part])
    slope, offset = _platt(np.concatenate(held_out), np.concatenate(labels), np.concatenate(weights))
    return replace(grow(lessons, features), slope=slope, offset=offset)


def grow(lessons: Sequence[Lesson], features: Sequence[str]) -> Trees:
    """Trees, not calibrated. Support may only move with each feature as `FEATURES` says."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = [NAMES.index(name) for name in features]
    model = HistGradientBoostingClassifier(
        monotonic_cst=[FEATURES[name] for name in features], early_stopping=False, random_state=SEED, **SETTINGS
    )
    rows = np.concatenate([lesson.rows for lesson in lessons])[:, columns]
    labels = np.concatenate([lesson.labels for lesson in lessons])
    model.fit(rows, labels, sample_weight=np.concatenate([_weights(lesson) for lesson in lessons]))
    return _plain(model, columns)


def _weights(lesson: Lesson) -> np.ndarray:
    """One a case: both labels of the set together make `weight` × 1,000, half of it each."""
    yes = int(lesson.labels.sum())
    no = len(lesson.labels) - yes
    return 500.0 * lesson.weight * np.where(lesson.labels, 1 / max(1, yes), 1 / max(1, no))


def _plain(model: Any, columns: Sequence[int]) -> Trees:
    """scikit-learn's predictors as arrays over all of `NAMES`. A row goes left where its feature is <= the split."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("feature", "split", "left", "right", "value")}
    roots, offset = [], 0
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        leaf = nodes["is_leaf"].astype(bool)
        roots.append(offset)
        parts["feature"].append(np.where(leaf, -1, np.array(columns)[nodes["feature_idx"]]))
        parts["split"].append(np.where(leaf, 0.0, nodes["num_threshold"]))
        parts["left"].append(np.where(leaf, 0, nodes["left"].astype(np.int64) + offset))
        parts["right"].append(np.where(leaf, 0, nodes["right"].astype(np.int64) + offset))
        parts["value"].append(np.where(leaf, nodes["value"], 0.0))
        offset += len(nodes)
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    base = float(np.ravel(model._baseline_prediction)[0])
    return Trees(NAMES, np.array(roots), base=base, **joined)  # type: ignore[arg-type]


def _platt(log_odds: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """(slope, offset) of the logistic line that fits best."""
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=1e6).fit(log_odds[:, None], labels, sample_weight=weights)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def described(lessons: Sequence[Lesson], hashes: Mapping[str, str]) -> dict[str, Any]:
    """What a verifier was trained on, for its file: cases, weight and the SHA-256 of each set's data."""
    return {
        lesson.name: {
            "cases": len(lesson.labels), "supported": int(lesson.labels.sum()), "weight": lesson.weight,
            "sha256": hashes[lesson.name],
        }
        for lesson in lessons
    }  # fmt: skip
