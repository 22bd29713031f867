"""Work in a process of its own, a run or an audit: chosen from a list, followed, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import streamlit as st

from firmground.knowledge.errors import FirmgroundError
from firmground.ui import page, processes
from firmground.ui.frame import Frame, told
from firmground.ui.processes import State
from firmground.ui.wording import Language, text

LOOK_AGAIN = 2.0  # seconds


class Job(Protocol):
    """A run or an audit, as its folder shows it."""

    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def state(self) -> State: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def request(self) -> Any: ...
    @property
    def problem(self) -> str: ...


Followed = TypeVar("Followed", bound=Job)


def choose(label: str, key: str, jobs: Sequence[Job], language: Language, more: Mapping[str, str] | None = None) -> str:
    """A box with every job and how it stands; returns the chosen one's name. `more`: other choices, and their words."""
    words = {job.name: f"{job.name} · {text(f'run_state_{job.state}', language)}" for job in jobs} | dict(more or {})
    state = st.session_state
    if state.get(key) not in words:
        state.pop(key, None)
    elif state.get(f"{key}-shown") != words[state[key]]:
        state[key] = state[key]  # said anew: the browser would go on showing what it chose by its old words
    name: str = st.selectbox(label, list(words), key=key, format_func=words.__getitem__)
    state[f"{key}-shown"] = words[name]
    return name


def follow(
    look: Callable[[], Followed], said: Callable[[Followed], str], go_on: Callable[[Followed], object], frame: Frame
) -> None:
    """How far a job is, looked at again while it runs; the whole view is drawn anew when that has changed.

    Args:
        look: tells how it stands now.
        said: how far it is, in words.
        go_on: starts it again. A FirmgroundError is told.
    """
    before = look().state
    if before == "done":
        return

    @st.fragment(run_every=LOOK_AGAIN if before == "running" else None)
    def show() -> None:
        job = look()
        if job.state != before:
            st.rerun()
        _draw(job, said(job), lambda: go_on(job), frame)

    show()


def _draw(job: Job, said: str, go_on: Callable[[], object], frame: Frame) -> None:
    language = frame.language
    if job.total or not job.problem:
        share = min(1.0, job.done / job.total) if job.total else 0.0
        st.progress(share, f"{text(f'run_state_{job.state}', language)} · {said}")
    if job.problem:
        st.html(page.error(told(job.problem, language), language))
    if frame.read_only:
        return
    if job.state == "running":
        if st.button(text("run_stop", language), key=f"stop-{job.name}"):
            processes.stop(job.folder)
            st.html(page.small(text("run_stopping", language)))
    elif job.request is None and not job.problem:
        st.html(page.small(text("run_by_command", language)))
    elif job.request is not None and st.button(text("run_resume", language), key=f"resume-{job.name}", type="primary"):
        try:
            go_on()
        except FirmgroundError as error:
            st.html(page.error(told(error, language), language))
        else:
            st.rerun()
