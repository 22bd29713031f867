"""What a model has read: its cache, shared and split, and how prompts are put together into batches."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firmground.rag.types import Message

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 6144  # padded prompt tokens a batch on a CPU: memory stays near 1 GB for a 135M model
BATCH_PROMPTS = 16
FOLLOW_TOKENS = 128  # continuations of one prompt that are weighed in one pass; a longer one goes alone


@dataclass
class Read:
    """Prompts that the model has read, a row each: what comes next is written or weighed from here.

    `logits`: (rows, vocabulary) float32, of the next token. `mask`: (rows, length), 0 where padding stands. `encoded`:
    the encoder's output, where there is an encoder; the mask is then that of what it read.
    """

    logits: torch.Tensor
    mask: torch.Tensor
    cache: Any
    encoded: Any = None

    def select(self, rows: Sequence[int]) -> Read:
        """The same for these rows alone, in this order; one may come more than once."""
        import torch

        chosen = torch.tensor(rows, device=self.logits.device)
        cache = forked(self.cache)
        cache.batch_select_indices(chosen)
        encoded = copy.copy(self.encoded)
        if encoded is not None:
            encoded.last_hidden_state = encoded.last_hidden_state[chosen]
        return Read(self.logits[chosen], self.mask[chosen], cache, encoded)

    def above(self, other: Read) -> Read:
        """The rows of both, these first; the shorter is padded on the left. For caches that several texts can share."""
        import torch
        from torch.nn.functional import pad

        length = max(self.mask.shape[1], other.mask.shape[1])
        first, second = length - self.mask.shape[1], length - other.mask.shape[1]
        cache = forked(self.cache)
        for layer, below in zip(cache.layers, other.cache.layers, strict=True):  # keys: (rows, heads, length, size)
            layer.keys = torch.cat([pad(layer.keys, (0, 0, first, 0)), pad(below.keys, (0, 0, second, 0))])
            layer.values = torch.cat([pad(layer.values, (0, 0, first, 0)), pad(below.values, (0, 0, second, 0))])
        mask = torch.cat([pad(self.mask, (first, 0)), pad(other.mask, (second, 0))])
        return Read(torch.cat([self.logits, other.logits]), mask, cache)


def flatten(messages: Sequence[Message]) -> str:
    """A chat as plain text, for models without a template."""
    return "\n\n".join(message["content"] for message in messages) + "\n\n"


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions in batches of like length, longest first, each at most BATCH_TOKENS padded tokens or one prompt."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        size = max(1, min(BATCH_PROMPTS, BATCH_TOKENS // max(1, lengths[order[0]])))
        yield order[:size]
        order = order[size:]


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def forked(cache: Any) -> Any:
    """A cache that grows by itself. Its tensors are the same: layers put new ones in their place, they don't write into
    them; an encoder-decoder's is copied."""
    if not hasattr(cache, "layers"):
        return copy.deepcopy(cache)
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    return twin


def cropped(cache: Any, length: int) -> Any:
    """The cache of the first `length` tokens, as views of this one."""
    twin = forked(cache)
    if (too_many := twin.get_seq_length() - length) > 0:
        twin.crop(-too_many)
    return twin


def parts(rests: Sequence[list[int]]) -> list[list[list[int]]]:
    """Continuations in order, in parts of at most FOLLOW_TOKENS tokens, or one alone."""
    found: list[list[list[int]]] = []
    filled = 0
    for rest in rests:
        if not found or filled + len(rest) > FOLLOW_TOKENS:
            found.append([])
            filled = 0
        found[-1].append(rest)
        filled += len(rest)
    return found


def side_by_side(
    before: torch.Tensor, rests: Sequence[list[list[int]]], width: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """How continuations of one prompt lie side by side in a row, each without its last token, and don't see each other.

    `before`: (rows, length), the prompts' mask. `rests[row]`: the continuations of that row, `width` tokens at most.

    Returns:
        A mask (rows, 1, width, length + width) that is added to attention's scores, and where each token stands
        (rows, width), as if its continuation alone followed the prompt.
    """
    import torch

    owners = [[i for i, rest in enumerate(of_row) for _ in rest[:-1]] for of_row in rests]
    offsets = [[place for rest in of_row for place in range(len(rest) - 1)] for of_row in rests]
    owner = torch.tensor([row + [-1] * (width - len(row)) for row in owners], device=before.device)
    offset = torch.tensor([row + [0] * (width - len(row)) for row in offsets], device=before.device)
    earlier = torch.ones(width, width, dtype=torch.bool, device=before.device).tril()
    own = (owner[:, :, None] == owner[:, None, :]) & earlier  # (rows, width, width)
    seen = torch.cat([before.bool()[:, None, :].expand(-1, width, -1), own], dim=2)
    mask = torch.zeros(seen.shape, dtype=dtype, device=before.device)
    return mask.masked_fill(~seen, torch.finfo(dtype).min)[:, None], before.sum(-1)[:, None] + offset
