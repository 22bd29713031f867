"""Texts to the numbers of their pieces: what stands between two spaces, each distinct one numbered as it comes up.

Most of the time of adding went into cutting texts into strings and looking each up in a dictionary. So the pieces of a
whole batch are found in its bytes, and those of up to 16 ASCII letters looked up all at once, as two numbers of eight
bytes in a table of numpy arrays, exactly. The dictionary behind it knows every piece, and reads the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import count, islice

import numpy as np

SHORT = 16  # bytes: a longer piece isn't in the table
SLOT_BITS = 18  # of the table: 5 MB
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)  # 2^64 / golden ratio, and xxHash's second

# Of each byte: 0 for what stands between pieces (space, and NUL, which is in no term), capital letters small.
_FOLDED = bytes(0 if chr(code).isspace() else ord(chr(code).lower()) for code in range(128)) + bytes(range(128, 256))
_FIRST_BYTES = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)  # a mask for so many of eight
_NOT_ASCII = np.uint64(0x8080808080808080)


class Pieces:
    """Every piece that came up, by number. One thread at a time."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)  # of each new piece: the next
        # The table. A piece's slot is told by its bytes; where two want the same, the first has it.
        self._low, self._high = np.zeros((2, 1 << SLOT_BITS), dtype=np.uint64)  # a piece's bytes 0 to 7, 8 to 15
        self._held = np.full(1 << SLOT_BITS, -1, dtype=np.int32)  # its number; -1: the slot is free

    def __len__(self) -> int:
        return len(self._numbers)

    def since(self, number: int) -> list[str]:
        """The pieces from this number on."""
        return list(islice(reversed(self._numbers), len(self._numbers) - number))[::-1]

    def look_up(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The number of each piece, text after text, and (texts + 1,) where each text's begin, and the last's end."""
        encoded = [text.encode() for text in texts]
        raw = b"\n".join([*encoded, bytes(SHORT)])
        folded = raw.translate(_FOLDED)
        starts, ends = _edges(folded)
        low, high = _keys(folded, starts, ends - starts)
        slots = ((low * _MIX[0] ^ high * _MIX[1]) >> np.uint64(64 - SLOT_BITS)).astype(np.int64)
        numbers = self._held[slots].astype(np.int64)
        found = (numbers >= 0) & (self._low[slots] == low) & (self._high[slots] == high)
        missing = np.flatnonzero(~found)
        pieces = [raw[start:end] for start, end in zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)]
        read = [piece.lower().decode() if piece.isascii() else piece.decode() for piece in pieces]
        free = missing[(numbers[missing] < 0) & (low[missing] > 0)]
        numbers[missing] = np.fromiter(map(self._numbers.__getitem__, read), np.int64, len(read))
        self._low[slots[free]], self._high[slots[free]], self._held[slots[free]] = low[free], high[free], numbers[free]
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded)) + 1
        return numbers, np.searchsorted(starts, np.concatenate([[0], np.cumsum(sizes)]))


def _edges(folded: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where each piece starts and ends; the last byte is between pieces."""
    inside = np.frombuffer(folded, dtype=np.uint8) != 0
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        changes = np.concatenate([[0], changes])
    return np.ascontiguousarray(changes[::2]), np.ascontiguousarray(changes[1::2])


def _keys(folded: bytes, starts: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each piece's bytes as two numbers, the rest zeros; of one that isn't short or not ASCII the first is 0."""
    eights = np.ndarray((len(folded) - 7,), "<u8", folded, strides=(1,))  # the eight bytes from each one on
    low = eights[starts] & _FIRST_BYTES[np.minimum(sizes, 8)]
    high = eights[starts + 8] & _FIRST_BYTES[np.clip(sizes - 8, 0, 8)]
    low[(sizes > SHORT) | ((low | high) & _NOT_ASCII > 0)] = 0
    return low, high
