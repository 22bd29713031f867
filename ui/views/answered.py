"""What can be done with an answer in Compare: mark it, ask why, open what it cites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from firmground.eval.report.reasons import reasons_page
from firmground.knowledge.errors import FirmgroundError
from firmground.ui import engine, page
from firmground.ui.asked import Asked, Settings
from firmground.ui.frame import Frame, told
from firmground.ui.wording import Language, text

if TYPE_CHECKING:
    from firmground.knowledge.types import Hit
    from firmground.rag.types import Answer, Citation

READING_HEIGHT = 620
READING_ROOM = 1200  # characters shown before and after a cited place


def under(answer: Answer, hits: Sequence[Hit], asked: Asked, frame: Frame) -> None:
    """Below a card: a mark for the answer, and a button for each passage that it cites, by its number in the evidence.

    No button bears a title: labels are read as markdown, and titles are written by others.
    """
    key = f"mark-{abs(hash(repr((asked.question, asked.understood, asked.settings, answer.arm))))}"
    if not frame.read_only:
        st.feedback("thumbs", key=key, on_change=_mark, args=(key, answer, asked, frame))
    if (
        answer.basis == "evidence"
        and answer.prompt is not None
        and st.button(
            text("why", frame.language), key=f"why-{answer.arm}", type="tertiary", icon=":material/account_tree:"
        )
    ):
        _why(answer, asked.settings, frame.language)
    cited = {citation.passage: citation for claim in answer.claims for citation in reversed(claim.citations)}
    for number, hit in enumerate(hits, 1):
        citation = cited.get(hit.passage.id)
        label = text("open_document", frame.language, number=number)
        key = f"open-{answer.arm}-{number}"
        if citation and st.button(label, key=key, type="tertiary", icon=":material/description:"):
            _read(asked.settings.kb, citation, frame.language)


def _why(answer: Answer, settings: Settings, language: Language) -> None:
    """Which sentences of the evidence the answer rests on, by taking them away; attention beside it where asked for."""

    @st.dialog(text("why", language), width="large")
    def show() -> None:
        attention = st.toggle(text("why_attention", language), help=text("why_attention_help", language))
        try:
            with st.spinner(text("why_working", language)):
                assistant = engine.assistant(settings.kb, settings.generator_needed, settings.chosen)
                reasons = assistant.explain(answer, settings.arm(answer.arm), attention=attention)
        except FirmgroundError as error:
            st.html(page.error(told(error, language), language))
        else:
            st.iframe(page.as_data(reasons_page(reasons, language)), height=READING_HEIGHT)

    show()


def _mark(key: str, answer: Answer, asked: Asked, frame: Frame) -> None:
    thumb = st.session_state.get(key)
    frame.workspace.label(
        question=asked.understood, arm=answer.arm, label=None if thumb is None else ("wrong", "right")[thumb],
        answer=answer.text, kb=asked.settings.kb, generator=asked.settings.generator_needed,
        settings=asked.settings.arm(answer.arm).to_dict(),
    )  # fmt: skip


def _read(kb: str, citation: Citation, language: Language) -> None:
    """The cited document, opened at the place."""

    @st.dialog(text("document_at", language), width="large")
    def show() -> None:
        try:
            document = engine.knowledge_base(kb).document(citation.document)
        except FirmgroundError as error:
            st.html(page.error(told(error, language), language))
            return
        st.html(page.asked(document.title or document.id))
        whole = len(document.text) <= 4 * READING_ROOM or st.toggle(text("whole_document", language))
        room = len(document.text) if whole else READING_ROOM
        st.html(page.document_at(document, citation.start, citation.end, room, language))

    show()
