"""How well an arm's passages answer a question's need: recall, reciprocal rank and nDCG over its gold.

Gold is a document (a passage of it found is it found) or a fact (found where its words stand in a passage). It counts
once, at the first passage that holds it. Where every passage holds one document that no other holds, the figures are
trec_eval's. A passage that holds several gold facts takes as many places in the ranking, so that the best order is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from firmground.eval.metrics.normalise import has_run, word_tokens
from firmground.eval.types import Example
from firmground.knowledge.types import Hit


def newly_found(example: Example, hits: Sequence[Hit]) -> list[int]:
    """(n,) how many gold documents and facts each passage brings that none before it brought."""
    facts = set(example.metadata.get("facts") or ())
    missing = {gold: word_tokens(gold) if gold in facts else None for gold in example.gold}
    counts = []
    for hit in hits:
        tokens = word_tokens(hit.passage.text)
        documents = {hit.passage.document, *(copy.document for copy in hit.also_in)}  # copies come as one hit
        found = [
            gold for gold, words in missing.items() if (gold in documents if words is None else has_run(tokens, words))
        ]
        for gold in found:
            del missing[gold]
        counts.append(len(found))
    return counts


def recall(example: Example, hits: Sequence[Hit], k: int) -> float:
    """Share in [0, 1] of the gold found in the first k passages. The example names gold."""
    return sum(newly_found(example, hits[:k])) / len(set(example.gold))


def reciprocal_rank(example: Example, hits: Sequence[Hit], k: int) -> float:
    """1 / the place of the first of k passages that holds gold, in [0, 1]; 0 where none does."""
    return next((1 / rank for rank, count in enumerate(newly_found(example, hits[:k]), start=1) if count), 0.0)


def ndcg(example: Example, hits: Sequence[Hit], k: int) -> float:
    """Discounted gain of the first k passages as a share of the best possible, in [0, 1]. The example names gold.

    A gold item at place i gains 1 / log2(i + 1) (Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418).
    """
    places = [gain for count in newly_found(example, hits[:k]) for gain in ([1] * count or [0])]
    ideal = min(len(set(example.gold)), max(k, len(places)))
    best = math.fsum(1 / math.log2(place + 1) for place in range(1, ideal + 1))
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(places, start=1)) / best


def ranking_scores(example: Example, hits: Sequence[Hit], k: int) -> dict[str, float | str]:
    """`recall@k`, `mrr` and `ndcg@k` of the first k passages, each in [0, 1]; "no_passage" where no gold is named."""
    names = (f"recall@{k}", "mrr", f"ndcg@{k}")
    if not example.gold:
        return dict.fromkeys(names, "no_passage")
    functions = (recall, reciprocal_rank, ndcg)
    return {name: function(example, hits, k) for name, function in zip(names, functions, strict=True)}
