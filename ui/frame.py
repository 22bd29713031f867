"""What every view is given, and what they share."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import streamlit as st

from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.ui.wording import Language, text
from firmground.ui.wording.errors import explained
from firmground.ui.workspace import Workspace

# Keys of boxes whose choices bear other words in another language, and how such keys begin.
BOXES = ("run", "run-kb", "run-arms", "run-questions", "audit", "audit-part", "audit-kb", "audit-base", "base",
         "kb-part", "search-mode", "model-kind", "option-retrieve", "option-device")  # fmt: skip
BOXES_OF = ("run_from-", "run_to-", "against-", "by-", "outcome-", "kind-", "audit-set-", "audit-by-")


@dataclass(frozen=True)
class Frame:
    """The page around a view: its language, where it keeps things, and what it was started with."""

    language: Language
    workspace: Workspace
    kb: str
    generator: str
    read_only: bool = False


def keep_choices(language: Language) -> None:
    """Say what is chosen in every box anew when the language is another: the browser tells a choice by its words, and
    those that it still holds would be taken for no choice, or for a wrong one."""
    state = st.session_state
    if state.get("spoken", language) != language:
        for key in list(state):
            if key in BOXES or str(key).startswith(BOXES_OF):
                state[key] = state[key]
    state.spoken = language


class Said(InputError):
    """An error that the page itself finds, and says in its own language."""


def told(error: Exception | str, language: Language) -> str:
    """An error for a person, in the page's language; the engine's own line stands below where it is another.

    What nobody foresaw is told by its name: the traceback is in the terminal. `error`: or the line that a process ended
    with.
    """
    if isinstance(error, Exception) and not isinstance(error, FirmgroundError):
        logging.getLogger(__name__).error("unexpected, and told on the page in one line", exc_info=error)
        return text("error_unexpected", language, problem=f"{type(error).__name__}: {str(error)[:300]}")
    if language == "en" or isinstance(error, Said):
        return str(error)
    return explained(str(error), type(error).__name__)


def with_more(known: list[str], *more: str | None) -> list[str]:
    """The choices of a box: the known names, and what was given or typed."""
    return list(dict.fromkeys([*known, *(name for name in more if name)]))
