"""What each person who has the page open chose for themselves: where models run, how is searched, how is written.

Held by the session, so it changes nobody else's answers. What isn't chosen (None, "") stays as the way of answering
has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import streamlit as st

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.rag.arms import Arm

SEARCHES: tuple[Literal["hybrid", "dense", "lexical"], ...] = ("hybrid", "dense", "lexical")
KEY = "choices"


@dataclass(frozen=True)
class Choices:
    """One session's options. `encoder`: of the knowledge bases that it makes; one that is there keeps its own."""

    device: str = ""  # "": a GPU where there is one
    encoder: str = weights.DEFAULT_ENCODER
    retrieve: Literal["", "hybrid", "dense", "lexical"] = ""
    num_passages: int | None = None
    where: str = ""  # a filter on the documents' metadata, as JSON (knowledge/filters.py); "": all documents
    max_new_tokens: int | None = None
    beams: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    contrast: float | None = None  # of arms that search; without evidence there is nothing to hold against
    samples: int | None = None

    def adjusted(self, arm: Arm) -> Arm:
        """The arm with what was chosen, as far as it has a use for it.

        Raises:
            InputError: decoding options that can't be together.
        """
        searches = arm.retrieve in SEARCHES
        if searches:
            arm = replace(
                arm, retrieve=self.retrieve or arm.retrieve,
                num_passages=arm.num_passages if self.num_passages is None else self.num_passages,
            )  # fmt: skip
        names = ("max_new_tokens", "beams", "temperature", "top_p", "samples", *(["contrast"] if searches else []))
        chosen = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(arm, decoding=replace(arm.decoding, **chosen)) if chosen and arm.generator else arm

    def filter(self) -> Mapping[str, Any] | None:
        """`where` as the search takes it; None: all documents are looked at.

        Raises:
            InputError: it isn't a JSON object, or not a filter.
        """
        if not self.where.strip():
            return None
        from firmground.knowledge.filters import parse

        try:
            found = json.loads(self.where)
        except ValueError as error:
            raise InputError(f'expected a filter such as {{"topic": "optics"}}, got {self.where[:60]!r}') from error
        if not isinstance(found, dict):
            raise InputError(f'expected a filter such as {{"topic": "optics"}}, got {self.where[:60]!r}')
        parse(found)
        return found


def current() -> Choices:
    """This session's."""
    chosen: Choices = st.session_state.get(KEY, Choices())
    return chosen


def choose(choices: Choices) -> None:
    """Make these this session's, if they can be together.

    Raises:
        InputError: as `adjusted` and `filter` say; then nothing is changed.
    """
    from firmground.rag.arms import ANSWERING

    choices.filter()
    for arm in ANSWERING.values():
        choices.adjusted(arm)
    st.session_state[KEY] = choices


def adjusted(arm: Arm) -> Arm:
    """The arm with what this session chose. Raises InputError as `Choices.adjusted`."""
    return current().adjusted(arm)
