"""Why an answer says what it says, as a page of its own: no script, no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmground.eval.metrics.normalise import Language, language_of
from firmground.eval.reasons import reasons_values
from firmground.eval.report.render import render
from firmground.rag.explain.tokens import UNSURE
from firmground.rag.explain.types import Reasons


def reasons_page(reasons: Reasons, language: Language | None = None) -> str:
    """One answer's reasons: its sentences of evidence, how far they can be trusted, its tokens, where the model looked.

    `language`: the reader's; None: the question's.
    """
    return kept_reasons_page(reasons_values(reasons), language or language_of(reasons.question))


def kept_reasons_page(values: Mapping[str, Any], language: Language) -> str:
    """The same of reasons as a run keeps them (`read_reasons`)."""
    return render("reasons.html", {"reasons": values, "unsure": UNSURE}, language)
