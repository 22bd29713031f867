"""Vectors that a knowledge base has already: a document that changed is encoded only where it changed.

The base itself is the cache. A passage of the document that is being replaced, with the same text to encode, was made
by the same encoder (a base has one) and is alive until the new document is committed; its vector is copied. So there is
no second store of anyone's data, and what a deletion removes is gone here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from firmground.knowledge.lexical import indexed_text

if TYPE_CHECKING:
    from firmground.knowledge.store import Store


def stored_vectors(store: Store, documents: Iterable[str], texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Those of `texts` that a living passage of the `documents` (ids) is encoded from, with its (dimension,) vector.

    Vectors are copies, so that nothing is held open. Costs one look-up a document, and no memory for texts not asked.
    """
    wanted = set(texts)
    rows: dict[str, int] = {}
    for document in documents:
        for passage in store.passages_of(document):
            text = indexed_text(passage)
            if text in wanted:
                rows[text] = passage.id
    vectors = store.stored_rows[np.array(list(rows.values()), dtype=np.int64)]
    return dict(zip(rows, vectors, strict=True))


def encode_missing(
    texts: Sequence[str], known: dict[str, np.ndarray], dimension: int, encode: Callable[[list[str]], np.ndarray]
) -> np.ndarray:
    """(len(texts), dimension) float32: what is known as it is, the rest from one call of `encode`, each text once."""
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    found = encode(missing) if missing else np.empty((0, dimension), np.float32)
    if len(missing) == len(texts):
        return found
    rows = {text: row for row, text in enumerate(missing)}
    vectors = np.empty((len(texts), dimension), np.float32)
    for place, text in enumerate(texts):
        vectors[place] = known[text] if text in known else found[rows[text]]
    return vectors
