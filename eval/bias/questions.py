"""BBQ and CBBQ: which of three answers a model picks, by their likelihood, and whether it follows the stereotype.

The scores are those of `eval/fairness.py` (Parrish et al. 2022, https://arxiv.org/abs/2110.08193, section 5), for CBBQ
too, so that both languages compare; CBBQ's own scores are shares of biased answers. An answer is picked as an arm picks
a choice (`rag/choose.py`, `Arm.choose`). Accuracy stands beside each: who never commits has no bias and no use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.eval.bias.cbbq import cbbq_items
from firmground.eval.bias.effects import Effect
from firmground.eval.bias.figures import AUGMENTED, DEBIASED, PLAIN, BiasAudit, Figure, drawn
from firmground.eval.bias.utility import with_filter
from firmground.eval.fairness import BiasItem, bias_item, bias_scores, leaning
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.rag import arms
from firmground.rag.assistant import Assistant
from firmground.rag.debias.exchange import readings
from firmground.rag.types import Generator, Prompt

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase

TOGETHER = 128  # questions looked up and weighed at a time


@dataclass(frozen=True)
class BiasQuestion:
    """What is asked (context and question) and what its answers stand for."""

    text: str
    category: str
    item: BiasItem


def read_bias_questions(task: str, path: Path) -> list[BiasQuestion]:
    """The questions of a file of BBQ, or of CBBQ's; of a folder with CBBQ's two files, both.

    Raises:
        InputError: no such file, or not a file of the task.
    """
    paths = sorted(path.glob("*.json")) if task == "cbbq" and path.is_dir() else [path]
    if not paths:
        raise InputError(f"{path}: expected ambiguous.json and disambiguous.json in this folder; it has neither")
    loaded = [load_questions(each) for each in paths]
    for each, questions in zip(paths, loaded, strict=True):
        if questions.format != task:
            raise InputError(f"{each}: expected the authors' rows of {task}, and these look like {questions.format}")
    examples = [example for questions in loaded for example in questions]
    items = cbbq_items(examples) if task == "cbbq" else [_bbq_item(example) for example in examples]
    return [
        BiasQuestion(example.question, str(example.metadata["category"]), item)
        for example, item in zip(examples, items, strict=True)
    ]


def _bbq_item(example: Example) -> BiasItem:
    known: Any = example.metadata
    row = {
        "answer_info": known["answer_info"],
        "additional_metadata": {"stereotyped_groups": known["stereotyped_groups"]},
        "category": known["category"],
        "context_condition": known["context_condition"],
        "question_polarity": known["polarity"],
        "question_index": known.get("question_index", example.cluster),
        "label": example.choices.index(example.answer or ""),
        **{f"ans{place}": text for place, text in enumerate(example.choices)},
    }
    return bias_item(row)


def audit_questions(
    task: str,
    path: Path,
    generator: Generator,
    limit: int = 0,
    knowledge: KnowledgeBase | None = None,
    filtered: Callable[[str], Generator] | None = None,
) -> BiasAudit:
    """The audit of a file of BBQ or CBBQ.

    Args:
        task: "bbq" or "cbbq".
        path: the authors' file; for CBBQ also the folder with both.
        generator: one that tells log-probabilities.
        limit: draw so many questions, of each kind of context and question as many; 0: all.
        knowledge: where it is given, the same questions are asked with what is found there, too.
        filtered: the generator with a filter on it, for a category: the same questions are asked with it, too.

    Raises:
        InputError: the generator tells no log-probabilities; and as `read_bias_questions`.
    """
    _expect_likelihoods(generator)
    found = read_bias_questions(task, path)
    questions = drawn(found, [(one.item.ambiguous, one.item.negative) for one in found], limit)
    plain = picked(questions, lambda category: generator, arms.PLAIN)
    runs = {PLAIN: plain}
    if filtered:
        runs[DEBIASED] = picked(questions, filtered, arms.PLAIN)
    if knowledge is not None:
        runs[AUGMENTED] = picked(questions, lambda category: generator, arms.AUGMENTED, knowledge)
        if filtered:
            runs[f"{AUGMENTED}, {DEBIASED}"] = picked(questions, filtered, arms.AUGMENTED, knowledge)
    items = [question.item for question in questions]
    figures = [figure for name, chosen in runs.items() for figure in question_figures(name, items, chosen)]
    for name, chosen in runs.items():
        figures += change(f"{name} - {PLAIN}", items, plain, chosen) if name != PLAIN else []
    without = sum(item.target is None for item in items)
    notes = [f"{without} questions don't tell which answer is the stereotyped group's; they are left out"]
    shown = tuple(notes if without else ())
    return BiasAudit(task, path.name, generator.name, len(found), len(questions), tuple(figures), shown)


def _expect_likelihoods(generator: Generator) -> None:
    if not hasattr(generator, "score_batch"):
        raise InputError(f"{generator.name} tells no log-probabilities; an audit of bias needs a transformers model")


def picked(
    questions: Sequence[BiasQuestion],
    generator_for: Callable[[str], Generator],
    arm: arms.Arm,
    knowledge: KnowledgeBase | None = None,
) -> list[int]:
    """The place of the answer that the arm picks, for each question."""
    places: list[int] = [-1] * len(questions)
    for category in sorted({question.category for question in questions}):
        assistant = Assistant(knowledge, generator_for(category))
        mine = [place for place, question in enumerate(questions) if question.category == category]
        for start in range(0, len(mine), TOGETHER):
            some = mine[start : start + TOGETHER]
            answers = assistant.answer_batch(
                [questions[place].text for place in some], arm, choices=[questions[place].item.texts for place in some]
            )
            for place, answer in zip(some, answers, strict=True):
                places[place] = questions[place].item.texts.index(answer.text)
    return places


def question_figures(arm: str, items: Sequence[BiasItem], chosen: Sequence[int]) -> list[Figure]:
    """The bias score and the accuracy of both kinds of context; intervals resample whole templates."""
    scores = bias_scores(items, chosen)
    return [
        Figure(arm, "ambiguous", "bias score", scores.ambiguous, 0.0),
        Figure(arm, "ambiguous", "accuracy", scores.accuracy_ambiguous, 1.0),
        Figure(arm, "disambiguated", "bias score", scores.disambiguated, 0.0),
        Figure(arm, "disambiguated", "accuracy", scores.accuracy_disambiguated, 1.0),
    ]


def change(name: str, items: Sequence[BiasItem], before: Sequence[int], after: Sequence[int]) -> list[Figure]:
    """What changed on the same questions. The disambiguated bias score is a mean over the answers that aren't
    "unknown", which differ between the two, so it has no paired difference."""
    rows = [row for row in zip(items, before, after, strict=True) if row[0].target is not None]
    figures = []
    for ambiguous, kind in ((True, "ambiguous"), (False, "disambiguated")):
        mine = [row for row in rows if row[0].ambiguous == ambiguous]
        clusters = [item.template for item, _, _ in mine]
        if ambiguous:
            lean = [leaning(item, one) for item, one, _ in mine], [leaning(item, two) for item, _, two in mine]
            figures.append(Figure(name, kind, "bias score", paired_interval(*lean, (-2.0, 2.0), clusters=clusters)))
        right = [item.label == one for item, one, _ in mine], [item.label == two for item, _, two in mine]
        figures.append(Figure(name, kind, "accuracy", paired_interval(*right, clusters=clusters)))
    return figures


# ------------------------------------------------------------------------------------------- without and with a filter


@dataclass(frozen=True)
class Pick:
    """A question, the place of the answer that was picked, and of the one that was picked when the question's groups
    were exchanged: an answer at the same place plays the same part. `exchanged` is None where it names none."""

    question: BiasQuestion
    place: int
    exchanged: int | None

    @property
    def by_group(self) -> bool:
        """Whether the same group was picked both times, so another part of the story."""
        return self.place != self.exchanged and self.question.item.unknown not in (self.place, self.exchanged)


def question_effects(
    task: str,
    path: Path,
    generator: Generator,
    filters: Sequence[str],
    limit: int = 0,
    knowledge: KnowledgeBase | None = None,
) -> list[Effect]:
    """BBQ or CBBQ without and with each filter, on the same questions; intervals resample whole templates.

    Of each kind of context its bias score and accuracy. Bias scores are near 0 for a model that always picks the same
    of two groups, whatever is asked. That is seen in "decided by the group": the share of questions for which the same
    group is picked when the two change places in the story (`rag/debias/exchange.py`). Ideal 0: what is told of a
    person decides; who guesses between the two gets ½. Questions without groups to exchange are left out of it.

    Args:
        task, path, generator, limit: as `audit_questions`.
        filters: fields of an arm, as "debias=exchange".
        knowledge: where it is given, the same questions are asked with what is found there, too.

    Raises:
        InputError: as `audit_questions` and `with_filter`.
    """
    _expect_likelihoods(generator)
    found = read_bias_questions(task, path)
    questions = drawn(found, [(one.item.ambiguous, one.item.negative) for one in found], limit)
    remembering: Any = _Remembering(generator)
    ways: list[tuple[arms.Arm, KnowledgeBase | None, str]] = [(arms.PLAIN, None, "")]
    if knowledge is not None:
        ways.append((arms.AUGMENTED, knowledge, ", retrieved"))
    effects = []
    for arm, base, where in ways:
        before = _picks(questions, remembering, arm, base)
        for name in filters:
            after = _picks(questions, remembering, with_filter(arm, name), base)
            effects += _effects(f"{task}-{path.stem.lower()}", where, name, before, after)
    return effects


def _picks(
    questions: Sequence[BiasQuestion], generator: Generator, arm: arms.Arm, knowledge: KnowledgeBase | None
) -> list[Pick]:
    others = [_exchanged(question) for question in questions]
    told = [other for other in others if other is not None]
    places = picked([*questions, *told], lambda category: generator, arm, knowledge)
    further = iter(places[len(questions) :])
    return [
        Pick(question, place, None if other is None else next(further))
        for question, place, other in zip(questions, places[: len(questions)], others, strict=True)
    ]


def _exchanged(question: BiasQuestion) -> BiasQuestion | None:
    """The question with its groups exchanged, and its answers in the order of their parts."""
    others = readings(question.text, (), question.item.texts)[1:]
    if not others:
        return None
    return replace(question, text=others[0].question, item=replace(question.item, texts=others[0].choices))


def _effects(name: str, where: str, filtered: str, before: Sequence[Pick], after: Sequence[Pick]) -> list[Effect]:
    """All questions, and each kind of context."""
    effects = []
    for rows, kinds in (("all", (True, False)), ("ambiguous", (True,)), ("disambiguated", (False,))):
        both = [(one, two) for one, two in zip(before, after, strict=True)
                if one.question.item.ambiguous in kinds and one.question.item.target is not None]  # fmt: skip
        named = [pair for pair in both if pair[0].exchanged is not None]
        decided = _paired(named, lambda pick: float(pick.by_group))
        right = _paired(both, lambda pick: float(pick.place == pick.question.item.label))
        effects.append(Effect(name, rows + where, "decided by the group", "bias", filtered, *decided, 0.0))
        if rows != "all":
            score = _score(both, rows == "ambiguous")
            effects.append(Effect(name, rows + where, "bias score", "bias", filtered, *score, 0.0))
        effects.append(Effect(name, rows + where, "accuracy", "utility", filtered, *right, 1.0))
    return effects


Sides = tuple[Interval, Interval, Interval | None]


def _paired(both: Sequence[tuple[Pick, Pick]], value: Callable[[Pick], float]) -> Sides:
    clusters = [one.question.item.template for one, _ in both]
    values = [value(one) for one, _ in both], [value(two) for _, two in both]
    one, two = (mean_interval(side, clusters=clusters) for side in values)
    return one, two, paired_interval(*values, clusters=clusters)


def _score(both: Sequence[tuple[Pick, Pick]], ambiguous: bool) -> Sides:
    items = [one.question.item for one, _ in both]
    chosen = [one.place for one, _ in both], [two.place for _, two in both]
    one, two = (bias_scores(items, side) for side in chosen)
    if not ambiguous:
        return one.disambiguated, two.disambiguated, None  # see `change`
    first, second = ([leaning(item, place) for item, place in zip(items, side, strict=True)] for side in chosen)
    clusters = [item.template for item in items]
    return one.ambiguous, two.ambiguous, paired_interval(first, second, (-2.0, 2.0), clusters=clusters)


class _Remembering:
    """A generator that scores a prompt with a continuation once: a filter reads much of what is read without it."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.name = generator, generator.name
        self._known: dict[tuple[str, str], np.ndarray] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def score_batch(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[np.ndarray]:
        keys = [(str(prompt), text) for prompt, text in zip(prompts, continuations, strict=True)]
        new = {key: place for place, key in enumerate(keys) if key not in self._known}.values()
        rows = self.generator.score_batch(  # type: ignore[attr-defined]
            [prompts[place] for place in new], [continuations[place] for place in new]
        )
        self._known.update((keys[place], row) for place, row in zip(new, rows, strict=True))
        return [self._known[key] for key in keys]
