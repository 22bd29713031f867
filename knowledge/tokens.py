"""The tokens that a sentence encoder reads, made the way its own tokenizer does, without what that does beside it.

transformers' tokenizers pad and convert text by text in Python, which costs more than the tokens; and the reference
makes them again for every batch. Here they are made once a chunk of texts, sorted by length and run in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

CHUNK = 2048  # texts that are tokenized, sorted and run before the next: bounds memory, not speed


@dataclass(frozen=True)
class Tokens:
    """A tokenizer that cuts and pads nothing, and what is put around its tokens.

    Attributes:
        max_tokens: what a text is cut to, its two marks included.
        pad: the id that fills short rows.
        prompts: what stands before a "query" and a "document".
    """

    tokenizer: Tokenizer
    max_tokens: int
    pad: int
    prompts: dict[str, str]

    def __post_init__(self) -> None:
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without a prompt, the two that mark beginning and end included; nothing is cut."""
        return [len(encoding) for encoding in self.tokenizer.encode_batch_fast(list(texts))]

    def ids(self, texts: Sequence[str], query: bool = False) -> list[list[int]]:
        """The ids of each text with its prompt, at most `max_tokens`."""
        prompt = self.prompts["query" if query else "document"]
        texts = [prompt + text for text in texts]
        found = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        return [ids if len(ids) <= self.max_tokens else self._cut(text) for ids, text in zip(found, texts, strict=True)]

    def _cut(self, text: str) -> list[int]:
        """Ids of a text that is too long: its beginning, between the two marks."""
        bare = self.tokenizer.encode(text, add_special_tokens=False)
        bare.truncate(self.max_tokens - self.tokenizer.num_special_tokens_to_add(False))
        return self.tokenizer.post_process(bare).ids

    def padded(self, ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        """(n, longest) int64: the ids, and 1 where there is one."""
        import numpy as np

        shape = (len(ids), max(len(one) for one in ids))
        tokens, mask = np.full(shape, self.pad, np.int64), np.zeros(shape, np.int64)
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = one
            mask[row, : len(one)] = 1
        return tokens, mask

    def encode(
        self,
        texts: Sequence[str],
        query: bool,
        run: Callable[[Iterable[list[list[int]]]], Iterable[np.ndarray]],
        dimension: int,
        budget: int,
        progress: Callable[[int], None] | None,
    ) -> np.ndarray:
        """(n, dimension) float32: what `run` makes of batches of ids, in their order, put back in the texts' order.

        A batch has at most `budget` tokens with its padding; `progress` is told after each how many texts are done.
        """
        import numpy as np

        found, done = np.empty((len(texts), dimension), np.float32), 0
        for first in range(0, len(texts), CHUNK):
            ids = self.ids(texts[first : first + CHUNK], query)
            parts = batches([len(one) for one in ids], budget)
            vectors = run([ids[row] for row in rows] for rows in parts)
            for rows, some in zip(parts, vectors, strict=True):
                found[first + rows] = some
                done += len(rows)
                if progress:
                    progress(done)
        return found


def batches(lengths: Sequence[int], budget: int) -> list[np.ndarray]:
    """Which texts run together: neighbours in length, at most `budget` tokens with their padding; a longer one alone.

    Longest first, so that the peak of memory comes at the start.
    """
    import numpy as np

    order = np.argsort(lengths, kind="stable")[::-1]
    found, start = [], 0
    while start < len(order):
        rows = max(1, budget // max(1, lengths[order[start]]))
        found.append(order[start : start + rows])
        start += rows
    return found
