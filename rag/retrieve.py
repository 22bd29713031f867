"""Looking up evidence: for a question, for each of its choices, and once more for what the first facts leave open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Protocol, Unpack

from firmground.knowledge.errors import InputError, WeightsMissing
from firmground.knowledge.rerank import CrossEncoderReranker
from firmground.knowledge.search import SearchOptions
from firmground.knowledge.types import Hit
from firmground.rag.arms import Arm
from firmground.rag.chains import left_open, telling
from firmground.rag.debias.retrieval import LEAST_POOL, fairly_shown, without_gender

# Second searches per first search, and hits kept of each. On QASC's questions with an even SHA-256 four and four (twice
# the searches, twice the facts) lead to the right choice less often: 60.7% by chains alone, against 64.4%.
FOLLOWED, KEPT = 2, 2


class Searches(Protocol):
    """What is needed of a knowledge base."""

    def search(
        self, questions: Sequence[str], k: int = ..., mode: Any = ..., **options: Unpack[SearchOptions]
    ) -> list[list[Hit]]: ...


@dataclass(frozen=True)
class Filtered:
    """A knowledge base that is searched as an arm says: read again by a cross-encoder, preferring no gender."""

    knowledge: Searches
    arm: Arm

    def search(
        self, questions: Sequence[str], k: int = 10, mode: Any = "hybrid", **options: Unpack[SearchOptions]
    ) -> list[list[Hit]]:
        if self.arm.rerank:
            options["reranker"] = cross_encoder(self.arm.rerank)
        encoder = getattr(self.knowledge, "encoder", None)
        if self.arm.fair == "project" and encoder is not None:
            options["adjust"] = without_gender(encoder)
        if self.arm.fair != "rerank":
            return self.knowledge.search(questions, k=k, mode=mode, **options)
        found = self.knowledge.search(questions, k=max(LEAST_POOL, 2 * k), mode=mode, **options)
        return [hits[:k] for hits in fairly_shown(questions, found)]


@lru_cache(maxsize=1)
def cross_encoder(name: str) -> CrossEncoderReranker:
    """The reranker of this name, loaded once a process.

    Raises:
        WeightsMissing: it isn't here. InputError: there is no such model, or it doesn't rank passages.
    """
    try:
        return CrossEncoderReranker(name)
    except (InputError, WeightsMissing) as error:
        raise type(error)(f"the arm's rerank = {name!r}: {error}") from error


def searched(
    knowledge: Searches, arm: Arm, questions: Sequence[str], choices: Sequence[Sequence[str]]
) -> list[list[Hit]]:
    """What an arm that searches finds for each question, by its choices where facts can speak of them."""
    if arm.fair != "none" or arm.rerank:
        knowledge = Filtered(knowledge, arm)
    by_choice = [bool(arm.choice_hops) and telling(offered) for offered in choices]
    alone = [question for question, told in zip(questions, by_choice, strict=True) if not told]
    both = zip(questions, choices, by_choice, strict=True)
    several = [(question, offered) for question, offered, told in both if told]
    found = iter(hop(knowledge, arm.num_passages, arm.retrieve, alone, arm.hops))
    for_each = iter(for_choices(knowledge, arm.num_passages, arm.retrieve, several, arm.choice_hops))
    return [next(for_each if told else found) for told in by_choice]


def hop(knowledge: Searches, k: int, mode: str, asked: Sequence[str], hops: int) -> list[list[Hit]]:
    """For each text asked, `k` hits, and with two or more hops what each further search finds from the hits before.

    First the hits of the first search, best first, then those that were added; each passage once. Every hop is one
    batch of searches, for all that is asked.
    """
    found = knowledge.search(list(asked), k=k, mode=mode) if asked else []
    union = [{hit.passage.id: hit for hit in hits} for hits in found]
    for _ in range(hops - 1):
        owners = [(place, hit) for place, hits in enumerate(found) for hit in hits[:FOLLOWED]]
        texts = [left_open(asked[place], hit.passage.text) for place, hit in owners]
        distinct = list(dict.fromkeys(text for text in texts if text))
        # One more than is kept: the fact that was followed is often found again.
        rows = knowledge.search(distinct, k=KEPT + 1, mode=mode) if distinct else []
        next_hits = dict(zip(distinct, rows, strict=True))
        found = [[] for _ in asked]
        for (place, hit), text in zip(owners, texts, strict=True):
            new = [one for one in next_hits.get(text, []) if one.passage.id != hit.passage.id][:KEPT]
            found[place] += [one for one in new if one.passage.id not in union[place]]
            for one in new:
                union[place].setdefault(one.passage.id, one)
    return [list(hits.values()) for hits in union]


def for_choices(
    knowledge: Searches, k: int, mode: str, asked: Sequence[tuple[str, Sequence[str]]], hops: int
) -> list[list[Hit]]:
    """For each question its own `k` hits, then what is found for it with each of its choices: every passage once, by
    its best place in any of those searches. Their scores don't compare; `chains.best_chains` picks from the list.
    """
    own = knowledge.search([question for question, _ in asked], k=k, mode=mode) if asked else []
    rows = iter(
        hop(knowledge, k, mode, [f"{question} {choice}" for question, offer in asked for choice in offer], hops)
    )
    united = []
    for hits, (_, choices) in zip(own, asked, strict=True):
        union = {hit.passage.id: hit for hit in hits}
        for ranked in zip_longest(*(next(rows) for _ in choices)):
            for hit in filter(None, ranked):
                union.setdefault(hit.passage.id, hit)
        united.append(list(union.values()))
    return united
