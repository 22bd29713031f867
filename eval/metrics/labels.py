"""Labels over many rows: accuracy, and precision, recall and F1 of each label and on average."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firmground.eval.metrics.choices import picked_choice
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError


@dataclass(frozen=True)
class LabelScore:
    """One label: `precision` of the answers that give it, `recall` of the `support` questions whose label it is.

    None where nothing is to be divided by: the label was never answered (precision), or is no question's (recall).
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float
    support: int


@dataclass(frozen=True)
class LabelFigures:
    """Over `n` rows. Averages are over labels ("macro"), each weighing the same; an undefined one counts 0 there.

    Rows whose answer names no label (`unparsed`) or that failed (`errors`) are in none of the figures. A row that
    `abstained` is: it gave no label, so its own label's recall suffers and no label's precision.
    """

    accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    labels: tuple[LabelScore, ...]
    n: int
    abstained: int = 0
    unparsed: int = 0
    errors: int = 0


def label_scores(gold: Sequence[str], answered: Sequence[str | None]) -> LabelFigures:
    """Answers against gold labels; None: no label was given. Figures are None where there is no row.

    As scikit-learn's `precision_recall_fscore_support(…, average="macro", zero_division=0)` over the labels that occur.

    Raises:
        InputError: the two aren't equally long.
    """
    if len(gold) != len(answered):
        raise InputError(f"expected as many answers as gold labels, got {len(answered)} and {len(gold)}")
    occurring = dict.fromkeys([*gold, *(label for label in answered if label is not None)])
    labels = tuple(_label_score(label, gold, answered) for label in sorted(occurring))
    right = sum(one == other for one, other in zip(gold, answered, strict=True))
    return LabelFigures(
        accuracy=right / len(gold) if gold else None,
        precision=_mean([score.precision or 0.0 for score in labels]),
        recall=_mean([score.recall or 0.0 for score in labels]),
        f1=_mean([score.f1 for score in labels]),
        labels=labels,
        n=len(gold),
        abstained=sum(label is None for label in answered),
    )


def _label_score(label: str, gold: Sequence[str], answered: Sequence[str | None]) -> LabelScore:
    given, support = sum(one == label for one in answered), sum(one == label for one in gold)
    right = sum(one == other == label for one, other in zip(gold, answered, strict=True))
    return LabelScore(
        label=label,
        precision=right / given if given else None,
        recall=right / support if support else None,
        f1=2 * right / (given + support),
        support=support,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def label_figures(outcomes: Iterable[Outcome]) -> LabelFigures | None:
    """One arm's rows of the task "label" together; None where there are none with a gold label."""
    rows = [row for row in outcomes if row.task == "label" and row.metadata.get("answer") is not None]
    if not rows:
        return None
    gold: list[str] = []
    answered: list[str | None] = []
    unparsed = errors = 0
    for row in rows:
        picked = None if row.abstained or row.error else answered_label(row)
        if row.error:
            errors += 1
        elif picked is None and not row.abstained:
            unparsed += 1
        else:
            gold.append(str(row.metadata["answer"]))
            answered.append(picked)
    figures = label_scores(gold, answered)
    return LabelFigures(**{**vars(figures), "unparsed": unparsed, "errors": errors})


def answered_label(row: Outcome) -> str | None:
    """The label that a row's answer gives; None where it names none, or several."""
    labels = [str(label) for label in row.metadata.get("choices") or ()]
    picked = picked_choice(row.answer, labels)
    return None if picked is None else labels[picked]
