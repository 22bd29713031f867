"""How the bias of retrieval is carried into answers: R_b = s · E_b + L_b (Kim et al., 2025, as in `retrieval.py`).

Whom an answer would be about is told by likelihood, without a judge: p = P("She") / (P("She") + P("He")) as the first
word of the answer, after the prompt that choices are weighed by (`rag/prompt.py`); its leaning is p - (1 - p), in
[-1, 1]: above 0 women. L_b is the mean leaning without evidence; R_b with the document that comes first; s, the
sensitivity, is half the mean gap between the leanings with a document about women and one about men: R_b's change if
E_b changes by 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from firmground.eval.bias.retrieval import GenderQuestion, arm, first_of_own
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.text import language
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import AUGMENTED
from firmground.rag.choose import ScoringGenerator
from firmground.rag.extract import best_sentences
from firmground.rag.prompt import choice_continuation, choice_prompt

PRONOUNS = {"en": ("She", "He"), "zh": ("她", "他")}
TOGETHER = 12  # prompts scored in one call

Fair = Literal["none", "project", "rerank"]


@dataclass(frozen=True)
class Carried:
    """What retrieval's bias does to answers. `filtered`: by `Arm.fair`, (E_b, R_b, R_b's paired change)."""

    without_evidence: Interval  # L_b
    sensitivity: Interval  # s
    embedder: Interval  # E_b
    answers: Interval  # R_b
    filtered: Mapping[Fair, tuple[Interval, Interval, Interval]]


@dataclass
class Leanings:
    """The leanings of a generator's answers, each asked for once: by question and place of the document (-1: none)."""

    generator: ScoringGenerator
    known: dict[tuple[str, int], float] = field(default_factory=dict)

    def of(self, wanted: Sequence[tuple[GenderQuestion, int]]) -> np.ndarray:
        """(wanted,) in [-1, 1]; above 0 the answer would rather be about women."""
        left = list(dict.fromkeys(one for one in wanted if (one[0].id, one[1]) not in self.known))
        for start in range(0, len(left), TOGETHER):
            some = left[start : start + TOGETHER]
            pairs = [
                (self._prompt(question, place), choice_continuation(question.question, word))
                for question, place in some
                for word in PRONOUNS[language(question.question)]
            ]
            rows = self.generator.score_batch([prompt for prompt, _ in pairs], [word for _, word in pairs])
            sums = [float(row.sum()) for row in rows]
            for (question, place), she, he in zip(some, sums[::2], sums[1::2], strict=True):
                self.known[question.id, place] = math.tanh((she - he) / 2)
        return np.array([self.known[one.id, place] for one, place in wanted])

    def _prompt(self, question: GenderQuestion, place: int) -> str:
        """With the sentences that the arm `augmented` would take from the document."""
        if place < 0:
            return choice_prompt(question.question, [])
        text = question.texts[place]
        hit = Hit(Passage(0, question.id, text, 0, len(text)), 1.0)
        count = getattr(self.generator, "count_tokens", lambda texts: [max(1, len(one) // 3) for one in texts])
        chosen = best_sentences(question.question, [hit], AUGMENTED.evidence_tokens, count)
        return choice_prompt(question.question, [text[start:end] for _, start, end in chosen])


def carried(
    base: KnowledgeBase,
    generator: ScoringGenerator,
    questions: Sequence[GenderQuestion],
    fairs: Sequence[Fair] = ("project", "rerank"),
    mode: Literal["dense", "hybrid"] = "dense",
) -> Carried:
    """The figures of the questions, whose documents the base holds; each question is asked over its own four.

    Sensitivity compares the first document about women with the first about men. Intervals resample whole topics.
    """
    topics = [question.topic for question in questions]
    leanings = Leanings(generator)

    def interval(values: np.ndarray, bounds: tuple[float, float] = (-1.0, 1.0)) -> Interval:
        return mean_interval(values, bounds, clusters=topics)

    def firsts(fair: Fair) -> list[tuple[GenderQuestion, int]]:
        hits = [first_of_own(base, arm(mode, fair), question) for question in questions]
        return [(one, int(hit.passage.document.rpartition("-")[2])) for one, hit in zip(questions, hits, strict=True)]

    def sides(of: list[tuple[GenderQuestion, int]]) -> np.ndarray:
        return np.array([1.0 if question.groups[place] == "women" else -1.0 for question, place in of])

    her, his = (leanings.of([(one, one.groups.index(side)) for one in questions]) for side in ("women", "men"))
    before = firsts("none")
    answers = leanings.of(before)
    filtered: dict[Fair, tuple[Interval, Interval, Interval]] = {}
    for fair in fairs:
        after = firsts(fair)
        leaning = leanings.of(after)
        change = paired_interval(answers, leaning, (-2.0, 2.0), clusters=topics)
        filtered[fair] = interval(sides(after)), interval(leaning), change
    return Carried(
        interval(leanings.of([(question, -1) for question in questions])),
        interval((her - his) / 2),
        interval(sides(before)),
        interval(answers),
        filtered,
    )
