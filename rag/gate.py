"""The evidence gate: the probability that what a search found answers the question, from a few signals of the search.

A logistic regression of at most three signals, one a language and encoder (cosines of two encoders don't compare),
fitted by `python -m firmground.eval.bench.gate fit --data DATA` and measured, on other questions, by the same command
without `fit`. Where an encoder doesn't know the question's language, or nothing was fitted for it, the hits' words
alone decide. `firmground adapt gate` fits weights and threshold to one's own documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmground.knowledge.errors import InputError
from firmground.knowledge.text import language
from firmground.knowledge.types import Hit
from firmground.rag.extract import sentence_fit


@dataclass(frozen=True)
class Calibration:
    """log-odds = intercept + sum of weight · signal. `encoder` "": no signal comes from vectors."""

    language: str
    encoder: str
    intercept: float
    weights: Mapping[str, float]

    def probability(self, signals: Mapping[str, float]) -> float:
        """In (0, 1)."""
        odds = self.intercept + sum(weight * signals[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, odds))))


# What `fit` printed, on 780 questions each, both classes weighing the same; AUROC there: 0.967, 0.945, 0.961, 0.924.
CALIBRATIONS = (
    Calibration("en", "all-MiniLM-L6-v2", -7.44, {"sentence": 8.81, "cosine": 5.50, "ahead": 13.46}),
    Calibration("en", "", -3.96, {"sentence": 10.69}),
    Calibration("zh", "multilingual-e5-small", -36.71, {"sentence": 8.67, "cosine": 38.00, "ahead": 37.27}),
    Calibration("zh", "", -3.29, {"sentence": 11.19}),
)


SIGNALS = ("sentence", "cosine", "ahead")  # in the order in which weights of one's own are given


def signals(question: str, hits: Sequence[Hit]) -> dict[str, float]:
    """What the gate reads, by name; the last two only where the search went by vectors too.

    - `sentence`: how much of the question the sentence says that fits it best, at most 1 (`extract.sentence_fit`);
    - `cosine`: of the hit nearest to the question, in [-1, 1];
    - `ahead`: how far that is above the mean of the hits.
    """
    found = {"sentence": sentence_fit(question, hits)}
    cosines = [hit.scores["dense"] for hit in hits if "dense" in hit.scores]
    if cosines:
        found["cosine"] = max(cosines)
        found["ahead"] = max(cosines) - sum(cosines) / len(cosines)
    return found


def answers_probability(question: str, hits: Sequence[Hit], encoder: str = "", weights: Sequence[float] = ()) -> float:
    """The probability in [0, 1] that the hits answer the question; 0 where there are none.

    Args:
        question: as asked; its language picks the calibration.
        hits: as the search gave them, with their scores.
        encoder: the name of the encoder whose cosines the hits have.
        weights: of one's own (`Arm.gate_weights`): intercept, and one for each of the first `SIGNALS`. Where a question
            lacks one of these signals, the calibrations that ship decide.

    Raises:
        InputError: weights that are neither none nor an intercept with one to three more.
    """
    if weights and not 2 <= len(weights) <= 1 + len(SIGNALS):
        raise InputError(
            f"expected gate_weights to be an intercept and a weight for each of the first of {', '.join(SIGNALS)}, got "
            f"{len(weights)} numbers; `firmground adapt gate` makes them"
        )
    if not any(hit.passage.text.strip() for hit in hits):
        return 0.0
    found = signals(question, hits)
    own = dict(zip(SIGNALS, weights[1:], strict=False))  # the first of them, as many as there are weights
    if own and own.keys() <= found.keys():
        return Calibration("", encoder, weights[0], own).probability(found)
    return calibration(language(question), encoder, found).probability(found)


def calibration(lang: str, encoder: str, found: Mapping[str, float]) -> Calibration:
    """The first that was fitted for this language and encoder (or for none), and whose signals are all there."""
    return next(
        one
        for one in CALIBRATIONS
        if one.language == lang and one.encoder in (encoder, "") and one.weights.keys() <= found.keys()
    )
