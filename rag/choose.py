"""Answering a question that offers choices without writing a word: by how likely the generator finds each of them.

Three rules (`Arm.choose`), all over log p(choice | prompt), the sum over the choice's tokens in nats:

sum         as it is: longer choices lose.
characters  divided by the choice's length in characters, as `acc_norm` of EleutherAI's lm-evaluation-harness.
pmi         minus log p(choice | "The answer is:"), a prompt without the question: what makes a choice likely
            whatever is asked is taken away. Domain conditional PMI of Holtzman et al., "Surface Form
            Competition" (EMNLP 2021, https://arxiv.org/abs/2104.08315). Where facts were searched for the
            choices too, how well they lead to a choice counts beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from firmground.knowledge.text import language
from firmground.rag.debias.exchange import readings
from firmground.rag.prompt import choice_continuation, choice_prompt, domain_prompt
from firmground.rag.types import ChoiceScore, Prompt

if TYPE_CHECKING:
    from firmground.rag.assistant import Asked

Rule = Literal["sum", "characters", "pmi"]

# Where facts are linked to the choices (`rag/chains.py`): what a nat of PMI weighs, what a point of a chain's score
# weighs beyond CLEAR, and CLEAR itself: a chain below it says nothing, and the likelihoods decide. Chosen on QASC's
# questions with an even SHA-256 and on 80 of CommonsenseQA over the same facts, which don't speak of them. Accuracy:
# likelihood alone 47.0 and 45.0, with these 74.4 and 45.0, with every chain counted (0.4, 4.4, 0) 74.4 and 28.7.
LIKELIHOOD, LINK, CLEAR = 0.5, 8.0, 1.8

# Sets of choices. The priors of a set are scored together, so that they don't depend on what else is asked.
KEPT_PRIORS = 4096


class ScoringGenerator(Protocol):
    """A generator that tells log-probabilities, many pairs at once."""

    def score_batch(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[np.ndarray]:
        """For each pair (tokens of the continuation,) natural-log probabilities, <= 0."""
        ...


class Chooser:
    """Scores choices with one generator, and remembers the priors of choices that come again (labels, yes and no)."""

    def __init__(self, generator: ScoringGenerator) -> None:
        self.generator = generator
        self._priors: dict[tuple[str, ...], list[float]] = {}

    def score(
        self,
        questions: Sequence[str],
        prompts: Sequence[Prompt],
        choices: Sequence[Sequence[str]],
        rule: Rule,
        links: Sequence[Sequence[float]] = (),
    ) -> list[tuple[tuple[ChoiceScore, ...], int]]:
        """For each question its choices' scores, in order, and how many tokens the choices have together.

        All pairs of a prompt and a choice are scored in one call: the generator reads each prompt once. `links`, where
        given: for each question how well facts lead to each choice (`chains.Linked.scores`), or nothing.
        """
        pairs = [
            (prompt, choice_continuation(question, choice))
            for question, prompt, offered in zip(questions, prompts, choices, strict=True)
            for choice in offered
        ]
        rows = iter(self.generator.score_batch([prompt for prompt, _ in pairs], [text for _, text in pairs]))
        results = []
        for question, offered, linked in zip(questions, choices, links or [()] * len(questions), strict=True):
            mine = [next(rows) for _ in offered]
            of_choice: Sequence[float | None] = linked or [None] * len(offered)
            priors = self._prior(question, offered) if rule == "pmi" else [None] * len(offered)
            scores = [
                ChoiceScore(choice, float(row.sum()), prior, link)
                for choice, row, prior, link in zip(offered, mine, priors, of_choice, strict=True)
            ]
            results.append((tuple(scores), sum(map(len, mine))))
        return results

    def weigh(
        self, asked: Sequence[Asked], rule: Rule, exchange: bool = False
    ) -> list[tuple[tuple[ChoiceScore, ...], int, list[Prompt]]]:
        """For each question its choices' scores, how many tokens these have together, and the prompts that were read.

        `exchange`: it is also read with its groups exchanged, where it names any (`rag/debias/exchange.py`), and scores
        are `mixed` over its readings. These are scored apart, so that the other questions' scores stay as they are.
        """
        own = [one.prompt for one in asked if one.prompt is not None]
        found = self.score(
            [one.question for one in asked], own, [one.choices for one in asked], rule, [one.links for one in asked]
        )
        others = [
            (place, reading)
            for place, one in enumerate(asked if exchange else ())
            for reading in readings(one.question, one.evidence, one.choices)[1:]
        ]
        if not others:
            return [(scores, tokens, [prompt]) for (scores, tokens), prompt in zip(found, own, strict=True)]
        texts = [reading for _, reading in others]
        further = [choice_prompt(text.question, text.evidence) for text in texts]
        again = self.score(
            [text.question for text in texts],
            further,
            [text.choices for text in texts],
            rule,
            [asked[place].links for place, _ in others],
        )
        results = []
        for place, ((scores, tokens), prompt) in enumerate(zip(found, own, strict=True)):
            mine = [turn for turn, (of_place, _) in enumerate(others) if of_place == place]
            results.append((
                mixed([scores, *(again[turn][0] for turn in mine)]),
                tokens + sum(again[turn][1] for turn in mine),
                [prompt, *(further[turn] for turn in mine)],
            ))  # fmt: skip
        return results

    def _prior(self, question: str, choices: Sequence[str]) -> list[float]:
        key = (language(question), *choices)
        known = self._priors.get(key)  # another thread may clear them meanwhile
        if known is None:
            if len(self._priors) >= KEPT_PRIORS:
                self._priors.clear()
            texts = [choice_continuation(question, choice) for choice in choices]
            rows = self.generator.score_batch([domain_prompt(question)] * len(texts), texts)
            self._priors[key] = found = [float(row.sum()) for row in rows]
            return found
        return known


def weight(score: ChoiceScore, rule: Rule) -> float:
    """What a choice is picked by: higher is better.

    Raises:
        ValueError: the rule is "pmi" and the score has no prior.
    """
    if rule == "sum":
        return score.log_probability
    if rule == "characters":
        return score.log_probability / max(1, len(score.text))
    if score.prior is None:
        raise ValueError(f"PMI needs the prior of the choice {score.text!r}; score it with the rule 'pmi'")
    information = score.log_probability - score.prior
    return information if score.link is None else LIKELIHOOD * information + LINK * max(0.0, score.link - CLEAR)


def mixed(readings: Sequence[Sequence[ChoiceScore]]) -> tuple[ChoiceScore, ...]:
    """The choices of the first reading, with the mean of their probabilities over all readings of a question
    (`rag/debias/exchange.py`), and of the priors alike: a distribution again, and no choice loses more than log n nats
    by n readings."""
    first = tuple(readings[0])
    if len(readings) == 1:
        return first
    results = []
    for own, alike in zip(first, zip(*readings, strict=True), strict=True):
        priors = [one.prior for one in alike if one.prior is not None]
        likely = log_mean([one.log_probability for one in alike])
        results.append(replace(own, log_probability=likely, prior=log_mean(priors) if priors else None))
    return tuple(results)


def log_mean(nats: Sequence[float]) -> float:
    """The logarithm of the mean of probabilities, from their logarithms."""
    most = max(nats)
    return most + math.log(math.fsum(math.exp(one - most) for one in nats) / len(nats))


def shares(scores: Sequence[ChoiceScore], rule: Rule) -> list[float]:
    """The softmax of the weights: each choice's share in (0, 1]; together 1."""
    weights = [weight(score, rule) for score in scores]
    best = max(weights)
    powers = [math.exp(one - best) for one in weights]
    return [power / sum(powers) for power in powers]


def only_best(scores: Sequence[float]) -> int | None:
    """The place of the highest score; None where nothing tells the choices apart: all are 0, or two share the best."""
    best = max(scores, default=0.0)
    return list(scores).index(best) if best > 0 and list(scores).count(best) == 1 else None
