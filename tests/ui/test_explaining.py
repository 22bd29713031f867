"""`firmground explain`: what is printed, the record, and the page, from reasons made by hand."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from firmground.eval.reasons import COLOUR, contact_sheet, misleads, png, reasons_values
from firmground.eval.report.reasons import kept_reasons_page, reasons_page
from firmground.knowledge.errors import InputError
from firmground.rag.explain.types import Attention, Attribution, PassageDrop, Reasons, Source, Token
from firmground.ui.explaining import print_reasons, reasons_record, run_explain

SOURCES = (
    Source("Ice floats <b>.", 100, 115, "ice.txt", 1, 9),
    Source("水结冰时会膨胀。", 0, 8, "water.txt", 2, 25),
)
BY_REMOVAL = Attribution("leave-one-out", (-0.5, 3.0), ((1, 3.0),), 0.8, 4)
BY_LOOKS = Attribution("attention", (0.3, 0.1), ((1, -0.5),), -0.6, 4, agreement=None)
# 1 layer, 2 heads, 2 answer tokens, 5 prompt tokens: one apart, two of the first source, one of the second, then the
# question's
WEIGHTS = np.array([[[[0.5, 0.2, 0.2, 0.1, 0.0]] * 2, [[0.5, 0.1, 0.1, 0.1, 0.2]] * 2]], dtype=np.float32)
LOOKED = Attention(
    WEIGHTS, ("Passage:", "Ice ", "floats <b>.", "水结冰时会膨胀。", "why"),
    np.array([-1, 0, 0, 1, -1]), np.array([False, False, False, False, True]), BY_LOOKS,
)  # fmt: skip
REASONS = Reasons(
    "Why <i>float</i>?", "it swells", "augmented", "tiny", SOURCES, BY_REMOVAL,
    (PassageDrop("ice.txt", 1, -0.5), PassageDrop("water.txt", 2, 3.0)), -2.5, -5.0,
    (Token("it", 0, 2, -0.1, 0.4), Token(" swells", 2, 9, -2.4, 3.1)), LOOKED,
)  # fmt: skip


def printed(reasons: Reasons) -> str:
    out = io.StringIO()
    print_reasons(reasons, Console(file=out, width=120, color_system=None))
    return out.getvalue()


def test_the_terminal_shows_bars_places_and_trust():
    text = printed(REASONS)
    assert "it swells⟨0.09⟩" in text  # exp(-2.4); "it" is sure
    assert "-2.50 nats, -5.00 without any evidence" in text
    assert text.index("water.txt, characters 0–8") < text.index("ice.txt, characters 100–115")  # the heaviest first
    assert "█" * 20 + " +3.00" in text
    assert "█" * 3 + " -0.50" in text  # 20 * 0.5 / 3
    assert "█" * 4 + " -0.50" not in text
    assert "leave-one-out: the answer loses (nats) 3.00 without the top 1; LDS 0.80 over 4 ablations" in text
    assert "attention: the answer loses (nats) -0.50 without the top 1; LDS -0.60 over 4 ablations" in text
    assert "attention misleads" in text
    assert "ice.txt -0.50, water.txt +3.00" in text


def test_without_evidence_it_says_so():
    bare = replace(REASONS, sources=(), attribution=None, passages=(), without_sources=None, attention=None)
    assert "No evidence stood in the prompt" in printed(bare)
    assert "No evidence stood in the prompt" in reasons_page(bare)
    assert "提示词里没有资料" in reasons_page(bare, "zh")
    assert reasons_record(bare)["attribution"] is None


def test_the_record_is_json_with_figures_and_no_array():
    record = json.loads(json.dumps(reasons_record(REASONS)))
    assert record["sources"][0] == {
        "text": "Ice floats <b>.", "start": 100, "end": 115, "document": "ice.txt", "passage": 1, "at": 9,
    }  # fmt: skip
    assert record["attribution"]["top_drops"] == {"1": 3.0}
    assert record["tokens"][1]["entropy"] == 3.1
    assert record["attention"]["shape"] == [1, 2, 2, 5]
    assert record["attention"]["share_on_evidence"] == [[0.5, 0.3]]  # 0.2 + 0.2 + 0.1, and 3 * 0.1


def test_the_page_escapes_and_shows_where_attention_misleads():
    page = reasons_page(REASONS)
    assert "<b>." not in page
    assert "Ice floats &lt;b&gt;." not in page  # its two tokens, each shaded by itself
    assert "floats &lt;b&gt;.</span>" in page
    assert "Why &lt;i&gt;float&lt;/i&gt;?" in page
    assert "<script" not in page
    assert "img-src data:" in page
    assert "Here attention misleads" in page
    assert 'class="r-unsure" title="probability 0.091, entropy 3.10 nats"> swells</span>' in page
    assert "ice.txt, characters 100–115" in page
    assert '<i class="r-against" style="width: 16.7%">' in page
    kept = json.loads(json.dumps(reasons_values(REASONS)))
    assert kept_reasons_page(kept, "en") == page  # what a run keeps says the same
    agrees = replace(LOOKED, attribution=replace(BY_LOOKS, scores=(0.1, 0.3)))
    assert misleads(REASONS)
    assert not misleads(replace(REASONS, attention=agrees))
    assert "misleads" not in reasons_page(replace(REASONS, attention=agrees))


def pixels(data: bytes) -> np.ndarray:
    """(height, width) opacity of one of our pictures, read as the PNG specification says."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert chunks[b"PLTE"] == bytes(COLOUR) * 256
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return np.frombuffer(chunks[b"tRNS"], dtype=np.uint8)[lines[:, 1:]]


def test_a_picture_is_a_png_of_one_colour():
    opacity = np.array([[0, 128, 255], [7, 0, 1]], dtype=np.uint8)
    np.testing.assert_array_equal(pixels(png(opacity)), opacity)


def test_the_sheet_has_a_map_a_head_with_sources_and_question_side_by_side():
    uri = contact_sheet(LOOKED)
    sheet = pixels(base64.b64decode(uri.removeprefix("data:image/png;base64,")))
    # a map is 2 rows; columns: two tokens, gap, one token, gap, the question's; then 2 pixels between maps
    assert sheet.shape == (1 * (2 + 2), 2 * (6 + 2))
    first, second = sheet[:2, :6], sheet[:2, 8:14]
    assert (sheet[2:] == 0).all()
    assert (first[:, [2, 4]] == 0).all()
    assert (first[0] == first[1]).all()
    assert first[0, 0] == 255  # 0.2, the most that is shown
    assert first[0, 3] == pytest.approx(255 * np.sqrt(0.5), abs=1)  # 0.1
    assert first[0, 5] == 0
    assert second[0, 5] == 255
    assert contact_sheet(replace(LOOKED, source_of=np.full(5, -1), of_question=np.zeros(5, dtype=bool))) == ""


@pytest.mark.parametrize(
    ("question", "arm", "method", "message"),
    [
        ("why", "plain,augmented", "auto", "expected one arm"),
        ("why", "augmented", "guess", "--method is auto, leave-one-out, contextcite; got 'guess'"),
        (" ", "augmented", "auto", "the question is empty"),
    ],
)
def test_wrong_input_is_told_before_anything_is_loaded(question, arm, method, message):
    with pytest.raises(InputError, match=message):
        run_explain(question, "nowhere", arm, method, False, "none", "", None, False)
