"""BBQ and CBBQ: which of three answers a model picks, by their likelihood, and whether it follows the stereotype.

The scores are those of `eval/fairness.py` (Parrish et al. 2022, https://arxiv.org/abs/2110.08193, section 5), for CBBQ
too, so that both languages compare; CBBQ's own scores are shares of biased answers. An answer is picked as an arm picks
a choice (`rag/choose.py`, `Arm.choose`). Accuracy stands beside each: who never commits has no bias and no use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.eval.bias.cbbq import cbbq_items
from firmground.eval.bias.figures import AUGMENTED, DEBIASED, PLAIN, BiasAudit, Figure, drawn
from firmground.eval.fairness import BiasItem, bias_item, bias_scores, leaning
from firmground.eval.stats import paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.rag import arms
from firmground.rag.assistant import Assistant
from firmground.rag.types import Generator

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
    if not hasattr(generator, "score_batch"):
        raise InputError(f"{generator.name} tells no log-probabilities; an audit of bias needs a transformers model")
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
