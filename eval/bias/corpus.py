"""What the corpus filters do to a corpus: how often it names women and men, and what a search in it still finds.

`swap=gender`: every text and its counterfactual (`knowledge/swap.py`, `augmented`). `balanced=gender`: as many
documents of women as of men (`knowledge/audit.py`, `balanced`). A corpus is counted by mentions (words for women and
men, given names, English pronouns); intervals resample whole documents, a counterfactual with its own. The search is by
meaning, nDCG@5 over the questions' documents; a counterfactual stands for its document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from firmground.eval import wording
from firmground.eval.bias.effects import Effect
from firmground.eval.metrics.ranking import ndcg
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.eval.stats.intervals import RESAMPLES
from firmground.eval.types import Example
from firmground.knowledge.audit import balanced
from firmground.knowledge.errors import InputError
from firmground.knowledge.groups import mentions
from firmground.knowledge.swap import augmented
from firmground.knowledge.types import Document, Encoder, Hit, Passage

SWAP, BALANCED = "swap=gender", "balanced=gender"
TWIN = "~gender"  # ends the id of a counterfactual
FOUND = 5
FEWEST = 5  # mentions of women and men in a corpus that has a share


def corpus_effects(
    name: str,
    documents: Sequence[Document],
    filters: Sequence[str] = (SWAP, BALANCED),
    examples: Sequence[Example] = (),
    encoder: Encoder | None = None,
) -> tuple[list[Effect], list[str]]:
    """The effects of the filters, and what was left out and why. `set` is the corpus's name; without examples and
    encoder no search is measured."""
    everything, notes = augmented(documents), []
    counted = {one.id: named(one.text) for one in everything}
    spoken = sum(counted[document.id][1] for document in documents)
    if spoken < FEWEST:
        return [], [
            f"{name}: left out: it names women and men {wording.plural(spoken, 'time')}, too few to tell a share"
        ]
    filtered = {SWAP: everything} if SWAP in filters else {}
    try:
        filtered |= {BALANCED: balanced(documents)} if BALANCED in filters else {}
    except InputError as error:  # it names one gender alone
        notes.append(f"{name}: left out {BALANCED}: {error}")
    searched = _Searched(everything, encoder) if examples and encoder is not None else None
    effects = []
    for filter_name, after in filtered.items():
        effects.append(_balance(name, filter_name, documents, after, counted))
        if searched is not None:
            effects.append(_search(name, filter_name, documents, after, examples, searched))
        effects.append(_size(name, filter_name, documents, after))
    return effects, notes


def named(text: str) -> tuple[int, int]:
    """How often a text names women, and women and men together."""
    groups = [mention.group for mention in mentions(text, names=True) if mention.category == "gender"]
    women = groups.count("women")
    return women, women + groups.count("men")


def share_interval(counts: Sequence[tuple[float, float]]) -> Interval:
    """Sum of the first over sum of the second of (n, 2) counts, each row resampled whole. Mentions are its n."""
    rows = np.array(counts, dtype=np.float64).reshape(-1, 2)
    total = rows[:, 1].sum()
    if not total:
        return Interval(None, None, None, 0, "none")
    low, high = np.quantile(_shares(rows), (0.025, 0.975))
    return Interval(float(rows[:, 0].sum() / total), float(low), float(high), int(total), "cluster")


def share_change(before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]]) -> Interval | None:
    """The second share minus the first, the same rows drawn for both; None where either has none."""
    one, two = (np.array(side, dtype=np.float64).reshape(-1, 2) for side in (before, after))
    if not one[:, 1].sum() or not two[:, 1].sum():
        return None
    value = two[:, 0].sum() / two[:, 1].sum() - one[:, 0].sum() / one[:, 1].sum()
    low, high = np.quantile(_shares(two) - _shares(one), (0.025, 0.975))
    return Interval(float(value), float(low), float(high), len(one), "cluster")


def _shares(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """(RESAMPLES,) shares of rows drawn with replacement: the same places for the same number of rows. A draw without
    any mention counts as balanced."""
    draws = np.random.default_rng(seed).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), RESAMPLES)
    sums = draws @ rows  # (RESAMPLES, 2)
    return np.divide(sums[:, 0], sums[:, 1], out=np.full(RESAMPLES, 0.5), where=sums[:, 1] > 0)


def _balance(
    name: str, filter_name: str, before: Sequence[Document], after: Sequence[Document],
    counted: Mapping[str, tuple[int, int]],
) -> Effect:  # fmt: skip
    kept = {document.id for document in after}
    one = [counted[document.id] for document in before]
    mine = [[counted[key] for key in (document.id, document.id + TWIN) if key in kept] for document in before]
    two = [(sum(women for women, _ in counts), sum(both for _, both in counts)) for counts in mine]
    return Effect(
        name, "mentions", "women among women and men named", "bias", filter_name,
        share_interval(one), share_interval(two), share_change(one, two), 0.5,
    )  # fmt: skip


def _size(name: str, filter_name: str, before: Sequence[Document], after: Sequence[Document]) -> Effect:
    """How many documents are to be indexed: counts, which have no interval."""
    one, two = (Interval(float(len(side)), None, None, len(side), "all_equal") for side in (before, after))
    change = Interval(float(len(after) - len(before)), None, None, len(before), "all_equal")
    return Effect(name, "documents", "documents", "cost", filter_name, one, two, change)


class _Searched:
    """Documents by id with their vectors, encoded once: each filter searches some of them."""

    def __init__(self, documents: Sequence[Document], encoder: Encoder) -> None:
        self.encoder = encoder
        self.place = {document.id: place for place, document in enumerate(documents)}
        self.vectors = encoder.encode([document.text for document in documents])  # (documents, dimension)

    def ranked(self, documents: Sequence[Document], examples: Sequence[Example]) -> list[list[Hit]]:
        """The nearest documents to each question, a document and its counterfactual as one."""
        vectors = self.vectors[[self.place[document.id] for document in documents]]
        scores = self.encoder.encode([example.question for example in examples], query=True) @ vectors.T
        return [_hits(documents, row) for row in scores]


def _hits(documents: Sequence[Document], scores: np.ndarray) -> list[Hit]:
    found: dict[str, Hit] = {}
    for place in np.argsort(-scores, kind="stable")[: 2 * FOUND].tolist():
        document = documents[place]
        key = document.id.removesuffix(TWIN)
        passage = Passage(place, key, document.text, 0, len(document.text))
        found.setdefault(key, Hit(passage, float(scores[place])))
    return list(found.values())[:FOUND]


def _search(
    name: str, filter_name: str, before: Sequence[Document], after: Sequence[Document], examples: Sequence[Example],
    searched: _Searched,
) -> Effect:  # fmt: skip
    clusters = [example.cluster for example in examples]
    one, two = (
        [ndcg(example, hits, FOUND) for example, hits in zip(examples, searched.ranked(side, examples), strict=True)]
        for side in (before, after)
    )
    return Effect(
        name, "questions", f"nDCG@{FOUND}", "utility", filter_name, mean_interval(one, clusters=clusters),
        mean_interval(two, clusters=clusters), paired_interval(one, two, clusters=clusters), 1.0,
    )  # fmt: skip
