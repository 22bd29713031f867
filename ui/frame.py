"""What every view is given, and what they share."""

from __future__ import annotations

from dataclasses import dataclass

from firmground.ui.wording import Language, text
from firmground.ui.workspace import Workspace


@dataclass(frozen=True)
class Frame:
    """The page around a view: its language, where it keeps things, and what it was started with."""

    language: Language
    workspace: Workspace
    kb: str
    generator: str
    read_only: bool = False


def unexpected(error: Exception, language: Language) -> str:
    """One line for a person; the traceback is in the terminal."""
    return text("error_unexpected", language, problem=f"{type(error).__name__}: {str(error)[:300]}")


def with_more(known: list[str], *more: str | None) -> list[str]:
    """The choices of a box: the known names, and what was given or typed."""
    return list(dict.fromkeys([*known, *(name for name in more if name)]))
