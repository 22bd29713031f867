"""Outcomes as a spreadsheet: a row per question and arm, flat."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from firmground.eval.summary.arms import row_language
from firmground.eval.summary.flips import state
from firmground.eval.summary.pairs import ordered
from firmground.eval.types import Outcome

# What makes a spreadsheet take a text for a formula, also in full width and after spaces.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def outcomes_csv(outcomes: Sequence[Outcome]) -> bytes:
    """UTF-8 with a byte order mark, so that Excel shows Chinese; a text that looks like a formula begins with "'".

    A score is a number or its status; `state` is the outcome: right, hallucinated, abstained or failed.
    """
    scores = ordered(list(dict.fromkeys(name for row in outcomes for name in row.scores)))
    timings = list(dict.fromkeys(name for row in outcomes for name in row.timing))
    file = io.StringIO(newline="")
    writer = csv.writer(file)  # RFC 4180: CRLF, quotes doubled
    rows = [_fields(row, scores, timings) for row in outcomes]
    header = list(rows[0]) if rows else ["id", "arm"]
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return file.getvalue().encode("utf-8-sig", "replace")


def _fields(row: Outcome, scores: Sequence[str], timings: Sequence[str]) -> dict[str, Any]:
    verdicts = [claim["verdict"] for claim in row.claims]
    return {
        "id": row.id,
        "arm": row.arm,
        "question": row.question,
        "answer": row.answer,
        "state": "failed" if row.error else state(row) or "",
        "gold": " | ".join(row.answers) or row.metadata.get("answer") or "",
        "task": row.task,
        "category": row.metadata.get("category") or "",
        "language": row_language(row),
        "cluster": row.cluster,
        "choices": " | ".join(str(choice) for choice in row.metadata.get("choices") or ()),
        "confidence": row.confidence,
        "claims": len(verdicts),
        "claims_supported": verdicts.count("supported"),
        "documents": " | ".join(dict.fromkeys(str(hit["document"]) for hit in row.hits)),
        **{name: row.scores.get(name) for name in scores},
        **{name: row.timing.get(name) for name in timings},
        "error": row.error,
    }


def _cell(value: Any) -> Any:
    """A value as a cell: nothing, a number, or a text that no spreadsheet runs."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.lstrip(" \u3000\xa0").startswith(_FORMULA) else text
