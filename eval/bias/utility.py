"""What a filter of an arm costs: answers that are less right, take longer, or lose what nobody minds.

The questions are ordinary ones with gold answers, asked over their own documents, with the filter and without. F1 is
SQuAD's (CMRC's for Chinese). `answers changed` is over-blocking where the filter is the output filter: these answers
demean nobody. Seconds are wall time on the machine as it was, other work included, after a first question that isn't
timed; questions share a batch's time, so that their mean has no interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from firmground.eval.bias.effects import Effect
from firmground.eval.metrics.answers import example_language, gold_answers, token_f1
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.eval.types import Example
from firmground.knowledge.errors import InputError
from firmground.rag.arms import Arm
from firmground.rag.assistant import Assistant
from firmground.rag.debias.screen import screen
from firmground.rag.types import Answer

TOGETHER = 32  # questions asked at a time
SCREENED = "screen="  # filters of what was written: nothing is written anew for them


def with_filter(arm: Arm, filter_name: str) -> Arm:
    """The arm with one field more: "debias=exchange".

    Raises:
        InputError: not a field of an arm.
    """
    field, _, value = filter_name.partition("=")
    if field == "name" or not value or not hasattr(arm, field):
        raise InputError(f"expected a filter as FIELD=VALUE with a field of an arm, got {filter_name!r}")
    values: Mapping[str, Any] = {"name": f"{arm.name}, {filter_name}", field: value}
    return replace(arm, **values)


def asked(
    assistant: Assistant, arm: Arm, filters: Sequence[str]
) -> tuple[Callable[[Sequence[str]], list[Answer]], dict[str, Callable[[Sequence[str]], list[Answer]]]]:
    """Who answers questions without a filter, and with each of them. What is asked again isn't answered again."""
    known: dict[str, Answer] = {}

    def plain(questions: Sequence[str]) -> list[Answer]:
        new = list(dict.fromkeys(question for question in questions if question not in known))
        known.update(zip(new, _answers(assistant, arm, new), strict=True))
        return [known[question] for question in questions]

    def filtered(name: str) -> Callable[[Sequence[str]], list[Answer]]:
        changed = with_filter(arm, name)
        if name.startswith(SCREENED):
            return lambda questions: [_screened(answer, changed) for answer in plain(questions)]
        return lambda questions: _answers(assistant, changed, questions)

    return plain, {name: filtered(name) for name in filters}


def utility_effects(
    name: str, assistant: Assistant, arm: Arm, examples: Sequence[Example], filters: Sequence[str]
) -> list[Effect]:
    """F1, changed answers and seconds, without and with each filter. `set` is the questions' name."""
    ask, filtered = asked(assistant, arm, filters)
    questions, clusters = [example.question for example in examples], [example.cluster for example in examples]
    _answers(assistant, arm, questions[:1])
    before = ask(questions)
    effects = []
    for filter_name, ask_filtered in filtered.items():
        ask_filtered(questions[:1])
        after = ask_filtered(questions)
        scores = [[_f1(*row) for row in zip(examples, side, strict=True)] for side in (before, after)]
        effects.append(_effect(name, "F1", "utility", filter_name, scores, clusters, 1.0))
        if filter_name.startswith(SCREENED):
            changed = [float(one.text != two.text) for one, two in zip(before, after, strict=True)]
            sides = [[0.0] * len(changed), changed]
            effects.append(_effect(name, "answers changed", "blocking", filter_name, sides, clusters, 0.0))
        effects.append(_seconds(name, filter_name, before, after))
    return effects


def _effect(
    name: str, measure: str, kind: Any, filter_name: str, sides: Sequence[Sequence[float]], clusters: Sequence[str],
    ideal: float,
) -> Effect:  # fmt: skip
    before, after = (mean_interval(side, clusters=clusters) for side in sides)
    change = paired_interval(sides[0], sides[1], clusters=clusters)
    return Effect(name, "questions", measure, kind, filter_name, before, after, change, ideal)


def _seconds(name: str, filter_name: str, before: Sequence[Answer], after: Sequence[Answer]) -> Effect:
    n = len(before)
    one, two = (sum(answer.usage.seconds for answer in side) / max(1, n) for side in (before, after))
    first, second, change = (Interval(value, None, None, n, "all_equal") for value in (one, two, two - one))
    return Effect(name, "questions", "seconds a question", "cost", filter_name, first, second, change)


def _f1(example: Example, answer: Answer) -> float:
    return 0.0 if answer.abstained else token_f1(answer.text, gold_answers(example), example_language(example))


def _answers(assistant: Assistant, arm: Arm, questions: Sequence[str]) -> list[Answer]:
    found: list[Answer] = []
    for start in range(0, len(questions), TOGETHER):
        found += assistant.answer_batch(questions[start : start + TOGETHER], arm)
    return found


def _screened(answer: Answer, arm: Arm) -> Answer:
    """The answer through the output filter, whose time counts as writing's."""
    start = time.perf_counter()
    screened = screen(answer, arm)
    seconds = time.perf_counter() - start
    return replace(screened, usage=replace(answer.usage, generate_s=answer.usage.generate_s + seconds))
