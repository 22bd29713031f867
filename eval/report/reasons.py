"""Reasons for people: the answer's tokens, the evidence by what removing it costs, and where the model looked.

`reasons_fragment` is a piece of HTML with its own style, for a page of ours; `reasons_page` stands alone. No script, no
network; the heat maps are one picture in the page (a PNG in a data URI: its page must allow `img-src data:`).
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

from firmground.eval.metrics.normalise import language_of
from firmground.eval.report.render import render
from firmground.rag.explain.tokens import UNSURE, stretches
from firmground.rag.explain.types import Attention, Attribution, Reasons

COLOUR = (38, 150, 140)  # of the heat maps, by opacity: seen on white and on black
GAP = 2  # pixels between heat maps, and 1 between sources
BRIGHTEST = 0.99  # the quantile of the attention shown that is drawn opaque


def reasons_fragment(reasons: Reasons) -> str:
    """One answer's reasons as a `<section>`."""
    return render("reasons.html", _values(reasons) | {"whole": False})


def reasons_page(reasons: Reasons) -> str:
    """The same as a page of its own."""
    return render("reasons.html", _values(reasons) | {"whole": True})


def _values(reasons: Reasons) -> dict[str, Any]:
    looked = reasons.attention
    attributions = [one for one in (reasons.attribution, looked.attribution if looked else None) if one]
    return {
        "reasons": reasons,
        "lang": language_of(reasons.answer, reasons.question),
        "unsure": UNSURE,
        "stretches": [(stretch, stretch.probability < UNSURE) for stretch in stretches(reasons)],
        "sources": _sources(reasons),
        "attributions": [(one, _figures(one)) for one in attributions],
        "misleads": looked is not None and misleads(reasons),
        "sheet": contact_sheet(looked) if looked else "",
        "heads": looked.weights.shape[:2] if looked else (),
    }


def misleads(reasons: Reasons) -> bool:
    """Whether attention names another source first than removal does."""
    looked = reasons.attention.attribution if reasons.attention else None
    return bool(looked and reasons.attribution and looked.order[0] != reasons.attribution.order[0])


def _sources(reasons: Reasons) -> list[dict[str, Any]]:
    """Each source with its bars' widths in [0, 100] and, where attention was read, its tokens with their shading."""
    if reasons.attribution is None:
        return []
    shown: list[dict[str, Any]] = []
    shares = reasons.attention.attribution.scores if reasons.attention and reasons.attention.attribution else ()
    for place, (source, score) in enumerate(zip(reasons.sources, reasons.attribution.scores, strict=True)):
        row: dict[str, Any] = {
            "source": source,
            "score": score,
            "width": 100 * abs(score) / (max(map(abs, reasons.attribution.scores)) or 1),
            "rank": reasons.attribution.order.index(place) + 1,
            "tokens": [(source.text, 0.0)],
        }
        if reasons.attention and shares:
            row |= {"share": shares[place], "share_width": 100 * shares[place] / (max(shares) or 1)}
            row["tokens"] = _shaded(reasons.attention, place)
        shown.append(row)
    return shown


def _shaded(looked: Attention, place: int) -> list[tuple[str, float]]:
    """A source's tokens with the attention on each, mean over all, in [0, 1] of the most on any source's token."""
    per_token = looked.weights.mean(axis=(0, 1, 2))
    most = float(per_token[looked.source_of >= 0].max()) or 1.0
    mine = np.flatnonzero(looked.source_of == place)
    return [(looked.prompt_tokens[token], round(float(per_token[token]) / most, 3)) for token in mine]


def _figures(attribution: Attribution) -> dict[str, str]:
    """The figures of trust as text; a figure that can't be told is a dash."""
    return {
        "drops": ", ".join(f"{drop:.1f} (top {k})" for k, drop in attribution.top_drops),
        "lds": f"{attribution.lds:.2f}" if attribution.lds is not None else "–",
        "agreement": f"{attribution.agreement:.2f}" if attribution.agreement is not None else "–",
    }


def contact_sheet(looked: Attention) -> str:
    """All heat maps as one PNG in a data URI: a row of them a layer, the first on top, a column a head.

    In each, a row of pixels is a token of the answer, a column a token of the evidence, then of the question.
    """
    order = [np.flatnonzero(looked.source_of == place) for place in range(looked.source_of.max() + 1)]
    groups = [group for group in (*order, np.flatnonzero(looked.of_question)) if len(group)]
    if not groups:
        return ""
    layers, heads, rows, _ = looked.weights.shape
    blank = np.zeros((layers, heads, rows, 1), dtype=np.float32)
    columns = [part for group in groups for part in (looked.weights[..., group], blank)][:-1]
    shown = np.concatenate(columns, axis=3)  # (layers, heads, answer tokens, shown tokens)
    shown = np.sqrt(np.clip(shown / (float(np.quantile(shown, BRIGHTEST)) or 1.0), 0, 1))
    padded = np.pad(shown, ((0, 0), (0, 0), (0, GAP), (0, GAP)))
    sheet = padded.transpose(0, 2, 1, 3).reshape(layers * (rows + GAP), -1)
    return "data:image/png;base64," + base64.b64encode(png((255 * sheet).astype(np.uint8))).decode()


def png(opacity: np.ndarray) -> bytes:
    """(height, width) uint8 as a PNG of one colour, each pixel as opaque as told (W3C, Portable Network Graphics)."""
    height, width = opacity.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, a palette
    lines = np.pad(opacity, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter: none
    chunks = (
        (b"IHDR", header), (b"PLTE", bytes(COLOUR) * 256), (b"tRNS", bytes(range(256))),
        (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""),
    )  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
