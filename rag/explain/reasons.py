"""Why an answer says what it says: its sources by what removing them costs, its tokens, and where the model looked."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.rag.explain.ablations import Ablations
from firmground.rag.explain.attribute import contextcite, held_to_account, leave_one_out
from firmground.rag.explain.reading import check_size, prompt_tokens, read_answer
from firmground.rag.explain.sources import find_sources
from firmground.rag.explain.types import Attention, Attribution, PassageDrop, Reasons
from firmground.rag.prompt import choice_continuation
from firmground.rag.types import Answer, Prompt

FEW = 16  # sources up to which each is left out; more are explained by ContextCite

Wanted = Literal["auto", "leave-one-out", "contextcite"]
METHODS = ("auto", "leave-one-out", "contextcite")


def explain(answer: Answer, generator: Any, method: Wanted = "auto", attention: bool = False) -> Reasons:
    """Reasons for the text that was given, scored after the prompt that was answered.

    A quotation that was weighed beside the written answer (`Arm.spans`) is scored the same way: the reasons say why
    the model finds this text likely here.

    Args:
        answer: from any arm with a prompt.
        generator: the one that answered; a `TransformersGenerator`.
        method: "auto" leaves each source out where they are at most FEW, else fits ContextCite's surrogate.
        attention: read the attention maps too (a causal model).

    Raises:
        InputError: an unknown method, no prompt, an empty answer, a generator without log-probabilities, or attention
            that can't be had.
    """
    check(answer, generator, method)
    prompt: Prompt = answer.prompt
    continuation = choice_continuation(answer.question, answer.text) if isinstance(prompt, str) else answer.text
    if attention:
        check_size(generator, generator.count_tokens([generator.render(prompt)])[0],
                   generator.count_tokens([continuation])[0])  # fmt: skip
    sources = find_sources(prompt, answer.hits)
    ablations = Ablations(generator.score_batch, prompt, continuation, sources)
    attribution = attribute(ablations, method) if sources else None
    reading = read_answer(generator, prompt, continuation, answer.text, attention)
    ends = ablations.log_probabilities(ablations.ends)
    looked = None
    if reading.weights is not None:
        texts, source_of, of_question = prompt_tokens(generator, prompt, sources, answer.question)
        by_attention = None
        if sources:
            by_attention = held_to_account(
                ablations, "attention", attention_shares(reading.weights, source_of, len(sources))
            )
        looked = Attention(reading.weights, texts, source_of, of_question, by_attention)
    return Reasons(
        answer.question, answer.text, answer.arm, generator.name, sources, attribution, passage_drops(ablations),
        float(ends[0]), float(ends[1]) if sources else None, reading.tokens, looked,
    )  # fmt: skip


def check(answer: Answer, generator: Any, method: str) -> None:
    """Raises InputError where there can be no reasons, and says why."""
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}; the methods are: {', '.join(METHODS)}")
    if answer.prompt is None:
        raise InputError(
            f"the arm {answer.arm!r} gave this answer without a prompt (it quotes, or declined): there is nothing to "
            "take away; explain an arm that generates, such as augmented"
        )
    if not answer.text:
        raise InputError("the answer is empty: there is nothing to explain; ask again, or by another arm")
    if not hasattr(generator, "score_batch") or not hasattr(generator, "tokenizer"):
        name = getattr(generator, "name", "no generator")
        raise InputError(f"reasons need log-probabilities, which {name} doesn't tell: use a transformers model")


def attribute(ablations: Ablations, method: Wanted) -> Attribution:
    """By the method named, or by how many sources there are."""
    if method == "contextcite" or (method == "auto" and len(ablations.sources) > FEW):
        return contextcite(ablations, with_agreement=len(ablations.sources) <= FEW)
    return leave_one_out(ablations)


def passage_drops(ablations: Ablations) -> tuple[PassageDrop, ...]:
    """What the answer loses without each passage, in the prompt's order."""
    places: dict[tuple[str, int], list[int]] = {}
    for place, source in enumerate(ablations.sources):
        places.setdefault((source.document, source.passage), []).append(place)
    masks = np.ones((len(places), len(ablations.sources)), dtype=bool)
    for row, mine in zip(masks, places.values(), strict=True):
        row[mine] = False
    ablations.log_probabilities(masks)  # in one call
    return tuple(PassageDrop(document, passage, ablations.drop(mine)) for (document, passage), mine in places.items())


def attention_shares(weights: np.ndarray, source_of: np.ndarray, num_sources: int) -> np.ndarray:
    """(sources,) the share of attention in [0, 1] that goes to each source's tokens, mean over all layers, heads and
    answer tokens. A source without a token of its own (one token may reach over two) has 0."""
    per_token = weights.mean(axis=(0, 1, 2), dtype=np.float64)  # (prompt tokens,)
    return np.bincount(source_of[source_of >= 0], weights=per_token[source_of >= 0], minlength=num_sources)
