"""Chains of facts: how evidence leads from a question to one of its choices. Words and their rarity; no model.

"Coral and alga are an example of what? mutualism" is covered by no fact, but by two that share a word of their own:
"Coral and alga have a *symbiotic relationship*", "Mutualism is a *symbiotic relationship*". So a chain is one fact or
two; it is the better, the more of the question and of the choice its facts have together, and the more they share
beside these. The idea is that of the bridge in multi-hop retrieval (Yang et al., "HotpotQA", EMNLP 2018,
https://arxiv.org/abs/1809.09600) and of facts that compose in QASC (Khot et al., AAAI 2020,
https://arxiv.org/abs/1910.11473).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmground.knowledge.text import language, sentences
from firmground.knowledge.types import Hit
from firmground.rag.abstain import is_abstention
from firmground.rag.words import content, rarity

# Chosen on QASC's questions with an even SHA-256, and kept round; `python -m firmground.eval.bench.commonsense` tells
# what they are worth on the others.
BRIDGE = 1.0  # what shared rare words count for, as a share of the question's and the choice's own weight …
MOST_BRIDGE = 0.5  # … at most
SHARED = 0.3  # that two facts share any word at all beside those asked for
ALONE = 0.6  # that one fact speaks of the question and of the choice

_WORD = re.compile(r"\w+")
# Choices that answer a question without naming anything: no fact speaks of them.
_LABELS = {"yes", "no", "true", "false", "maybe", "unknown", "undetermined", "not known", "not enough info"}
_LABELS |= {"not answerable", "是", "否", "是的", "不是", "对", "错", "不对", "正确", "错误", "真", "假"}


@dataclass(frozen=True)
class Chain:
    """The facts that lead to a choice best: `places` among the texts, none where no text speaks of anything asked.
    `score` >= 0: 1 for all of the question, 1 for all of the choice, and at most 0.8 for the bridge between two."""

    score: float
    places: tuple[int, ...]


def telling(choices: Sequence[str]) -> bool:
    """Whether facts can speak of the choices: not of yes and no, of "can't be determined", nor of one choice alone."""
    labels = any(choice.strip(" .。").lower() in _LABELS or is_abstention(choice) for choice in choices)
    return len(choices) > 1 and not labels


def left_open(asked: str, fact: str) -> str:
    """What a second search asks for: the words of `asked` that the fact lacks, and those that the fact adds.

    On QASC both gold facts of a question are found so for 50% of the right choices (one hit after each of four first
    hits), against 19% with the next hit of the first search and 26% with question, choice and fact in one query.
    """
    return " ".join([*_without(asked, fact), *_without(fact, asked)])


def _without(text: str, other: str) -> list[str]:
    known = set(content(other))
    if language(text) == "zh":
        return [term for term in content(text) if term not in known]
    return [word for word in _WORD.findall(text) if known.isdisjoint(content(word))]


def best_chains(question: str, choices: Sequence[str], texts: Sequence[str]) -> list[Chain]:
    """For each choice the best chain among the texts; the words' rarity is that among the texts."""
    if not texts:
        return [Chain(0.0, ()) for _ in choices]
    facts = [frozenset(content(text)) for text in texts]
    asked = frozenset(content(question))
    offered = [frozenset(content(choice)) for choice in choices]
    weights = rarity(sorted(asked.union(*facts, *offered)), facts)
    columns = {term: place for place, term in enumerate(weights)}
    has = np.zeros((len(texts), len(weights)))  # (texts, terms): a term's weight where the text has it
    for row, terms in enumerate(facts):
        for term in terms:
            has[row, columns[term]] = weights[term]

    def side(terms: frozenset[str]) -> _Side:
        part = has[:, [columns[term] for term in terms]]
        return _Side((part > 0).astype(float) @ part.T, sum(weights[term] for term in terms))

    every, whole = side(frozenset(columns)), side(asked)
    # A choice counts for what it says beside the question; one that says nothing more, for all of it.
    return [_best(every.shared, whole, side(choice - asked or choice)) for choice in offered]


@dataclass(frozen=True)
class _Side:
    """One thing that facts should speak of. `shared` (texts, texts): the weight of its terms that two texts both have;
    `weight`: that of all its terms."""

    shared: np.ndarray
    weight: float

    @property
    def covered(self) -> np.ndarray:
        """(texts, texts) in [0, 1]: how much of it two texts have together."""
        own = self.shared.diagonal()
        return (own[:, None] + own[None, :] - self.shared) / self.weight


def _best(shared: np.ndarray, question: _Side, choice: _Side) -> Chain:
    """The best pair of texts, or the best text; `shared` (texts, texts): the weight of all terms that two have."""
    spoken = question.shared + choice.shared
    bridge = np.maximum(0.0, shared - spoken)
    share = BRIDGE * bridge / (question.weight + choice.weight)
    together = np.minimum(MOST_BRIDGE, share) + SHARED * (bridge > 1e-9)
    np.fill_diagonal(together, ALONE * ((question.shared.diagonal() > 0) & (choice.shared.diagonal() > 0)))
    speaks = spoken.diagonal() > 0
    score = np.where(np.outer(speaks, speaks), question.covered + choice.covered + together, 0.0)
    first, second = divmod(int(score.argmax()), len(score))
    best = float(score[first, second])
    return Chain(best, tuple(dict.fromkeys((first, second)))) if best > 0 else Chain(0.0, ())


def linked(question: str, choices: Sequence[str], hits: Sequence[Hit]) -> tuple[tuple[float, ...], list[Hit]]:
    """How well the sentences of the hits lead to each choice (`Chain.score`), and the hits of the best chain."""
    places = [(hit, start, end) for hit in hits for start, end in sentences(hit.passage.text)]
    chains = best_chains(question, choices, [hit.passage.text[start:end] for hit, start, end in places])
    best = max(chains, key=lambda chain: chain.score)
    return tuple(chain.score for chain in chains), [places[place][0] for place in best.places]
