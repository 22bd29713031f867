"""Gradient-boosted trees as plain numbers: read from JSON, predicted with numpy alone.

They are grown by scikit-learn's HistGradientBoostingClassifier (`verifier_train`), which isn't needed to predict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.errors import InputError

FORMAT = 1


@dataclass(frozen=True)
class Trees:
    """A boosted sum of trees, in log-odds, calibrated by a line: p = 1 / (1 + exp(-(slope * sum + offset))).

    Nodes of all trees stand one after the other. Node i is a leaf where `feature[i] < 0`, worth `value[i]`; otherwise
    a row goes on at `left[i]` if its feature is at most `split[i]`, else at `right[i]`. `roots`: where trees begin.
    """

    names: tuple[str, ...]  # of the features, in the order of a row
    roots: np.ndarray  # (trees,) int
    feature: np.ndarray  # (nodes,) int
    split: np.ndarray  # (nodes,) float
    left: np.ndarray  # (nodes,) int
    right: np.ndarray  # (nodes,) int
    value: np.ndarray  # (nodes,) float, log-odds
    base: float  # log-odds before the first tree
    slope: float = 1.0
    offset: float = 0.0

    def log_odds(self, rows: np.ndarray) -> np.ndarray:
        """(n,) of rows (n, features): the sum before calibration."""
        at = np.repeat(self.roots[None, :], len(rows), axis=0)  # (n, trees)
        every = np.arange(len(rows))[:, None]
        while (inner := self.feature[at] >= 0).any():
            goes_left = rows[every, np.maximum(self.feature[at], 0)] <= self.split[at]
            at = np.where(inner, np.where(goes_left, self.left[at], self.right[at]), at)
        return self.base + self.value[at].sum(axis=1)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """(n,) probabilities in [0, 1] of rows (n, features)."""
        if rows.shape[1:] != (len(self.names),):
            raise ValueError(f"expected rows of {len(self.names)} features, got shape {rows.shape}")
        return 1.0 / (1.0 + np.exp(-(self.slope * self.log_odds(rows) + self.offset)))

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "names": list(self.names),
            **{name: getattr(self, name).tolist() for name in ("roots", "feature", "left", "right")},
            **{name: [float(f"{number:.6g}") for number in getattr(self, name)] for name in ("split", "value")},
            **{name: float(getattr(self, name)) for name in ("base", "slope", "offset")},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], names: Sequence[str], source: str) -> Trees:
        """What `to_dict` wrote.

        Raises:
            InputError: another format, other features than `names`, or numbers that make no trees.
        """
        if data.get("format") != FORMAT or list(data.get("names", [])) != list(names):
            raise InputError(
                f"{source} was made for other features than this version reads; train it again with firmground adapt"
            )
        try:
            whole = ("roots", "feature", "left", "right")
            parts: dict[str, Any] = {name: np.array(data[name], dtype=np.int64) for name in whole}
            parts |= {name: np.array(data[name], dtype=float) for name in ("split", "value")}
            parts |= {name: float(data[name]) for name in ("base", "slope", "offset")}
            trees = cls(tuple(names), **parts)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{source} is damaged ({error}); train it again with firmground adapt") from error
        trees._check(source)
        return trees

    def _check(self, source: str) -> None:
        """Children stand behind their parents, so that every walk ends."""
        nodes = len(self.feature)
        inner = np.flatnonzero(self.feature >= 0)
        alike = all(len(part) == nodes for part in (self.split, self.left, self.right, self.value))
        if (
            not nodes
            or not alike
            or (self.feature >= len(self.names)).any()
            or ((self.roots < 0) | (self.roots >= nodes)).any()
            or any(((child[inner] <= inner) | (child[inner] >= nodes)).any() for child in (self.left, self.right))
        ):
            raise InputError(f"{source} is damaged (its nodes make no trees); train it again with firmground adapt")


def read_trees(path: Path, names: Sequence[str], parts: Sequence[str] = ("statements", "answers")) -> dict[str, Any]:
    """The JSON of a trained verifier, its parts as Trees.

    Raises:
        InputError: the file isn't there, isn't JSON, or wasn't made for these features.
    """
    if not path.is_file():
        raise InputError(f"expected a trained verifier at {path}; firmground adapt verifier --out FOLDER makes one")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); train it again with firmground adapt verifier") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(part), dict) for part in (*parts, "made_of")):
        raise InputError(f"{path} isn't a trained verifier; train one with firmground adapt verifier")
    return {**data, **{part: Trees.from_dict(data[part], names, str(path)) for part in parts}}
