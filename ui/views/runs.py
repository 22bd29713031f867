"""Runs: start a comparison on a question file, follow it, stop it, go on with it; read and compare finished ones."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from firmground.eval.manifest import read_json
from firmground.eval.tasks import task_names
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.packs import pack_names
from firmground.rag.arms import ARMS
from firmground.ui import charts, page, running
from firmground.ui.frame import Frame, unexpected
from firmground.ui.running import Request, Run
from firmground.ui.wording import Language, text

DEFAULT_ARMS = ["plain", "augmented", "extractive"]
EXPORTS = {"report.html": "text/html", "report.md": "text/markdown", "outcomes.csv": "text/csv",
           "outcomes.jsonl": "application/x-ndjson"}  # fmt: skip
REPORT_HEIGHT = 900


def draw(frame: Frame) -> None:
    language = frame.language
    if frame.read_only:
        st.html(page.note(text("read_only", language)))
    else:
        _start(frame)
    runs = running.all_runs(frame.workspace)
    if not runs:
        st.html(page.hint("run_none", language))
        return
    names = [run.name for run in runs]
    if st.session_state.get("run") not in names:
        st.session_state.pop("run", None)
    name = st.selectbox(
        text("run_open", language), names, key="run",
        format_func=lambda one: f"{one} · {text(f'run_state_{runs[names.index(one)].state}', language)}",
    )  # fmt: skip
    _progress(frame.workspace.run(name), frame)
    run = running.look(frame.workspace.run(name))
    if run.state != runs[names.index(name)].state:
        st.rerun()  # it ended while this was drawn
    if run.state == "done":
        _finished(run, [one for one in runs if one.state == "done" and one.name != name], language)


# --------------------------------------------------------------------------------------------------------- a new one


def _start(frame: Frame) -> None:
    language = frame.language
    own = [str(path) for path in frame.workspace.question_files()]
    bases = {str(frame.workspace.base(name)): name for name in frame.workspace.bases()}
    with st.expander(text("run_new", language), icon=":material/add:", expanded=not running.all_runs(frame.workspace)):
        given = st.file_uploader(text("run_upload", language), type=["json", "jsonl"], key="run-file")
        choices = [*own, *task_names_of_packs()]
        if given is not None:
            kept = str(frame.workspace.keep_questions(given.name, given.getvalue()))
            choices = [kept, *(one for one in choices if one != kept)]
        left, right = st.columns(2)
        questions = left.selectbox(
            text("run_questions", language), choices,
            format_func=lambda one: Path(one).name if one in own or "/" in one
            else text("run_questions_pack", language, name=one),
        )  # fmt: skip
        kb = right.selectbox(
            text("kb", language), [*bases, *pack_names()], format_func=lambda one: bases.get(one, one), key="run-kb"
        )
        arms = st.multiselect(
            text("run_arms", language), list(ARMS), DEFAULT_ARMS, key="run-arms",
            format_func=lambda name: page.arm_name(name, language),
        )  # fmt: skip
        limit = int(st.number_input(text("run_limit", language), 1, 100_000, 40))
        pressed = st.button(text("run_start", language), type="primary")
        st.caption(text("run_goes_on", language))
    if not pressed:
        return
    generator = str(st.session_state.get("generator") or frame.generator)
    try:
        if not questions:
            raise InputError(text("run_need_questions", language))
        if len(arms) < 2:
            raise InputError(text("run_need_arms", language))
        limit = min(limit, _count(questions, limit))
        name = _name(Path(questions).stem, [run.name for run in running.all_runs(frame.workspace)])
        running.start(frame.workspace, name, Request(kb, questions, tuple(arms), limit, generator))
    except FirmgroundError as error:
        st.html(page.error(str(error), language))
        return
    st.session_state.run = name
    st.rerun()


def task_names_of_packs() -> list[str]:
    """The bundled question lists."""
    return [name for name in task_names() if name in pack_names()]


def _count(questions: str, limit: int) -> int:
    """How many questions the file has, at most `limit`. Raises InputError where it can't be read."""
    from firmground.eval.tasks import load_questions

    return len(load_questions(questions, limit=limit))


def _name(stem: str, taken: Sequence[str]) -> str:
    base = re.sub(r"[^\w-]+", "-", stem).strip("-_")[:40] or "run"
    name, number = f"{base}-{datetime.now():%m%d-%H%M}", 1
    while name in taken:
        number += 1
        name = f"{base}-{datetime.now():%m%d-%H%M}-{number}"
    return name


# -------------------------------------------------------------------------------------------------------- at work


def _progress(folder: Path, frame: Frame) -> None:
    before = running.look(folder).state

    @st.fragment(run_every=2.0 if before == "running" else None)
    def show() -> None:
        run = running.look(folder)
        if run.state != before:
            st.rerun()
        _draw_progress(run, frame)

    show()


def _draw_progress(run: Run, frame: Frame) -> None:
    language = frame.language
    if run.state == "done":
        return
    words = text("run_progress", language, done=run.done, total=run.total)
    if run.seconds_left is not None:
        words += " · " + text("run_left", language, minutes=max(1, round(run.seconds_left / 60)))
    st.progress(run.done / max(1, run.total), f"{text(f'run_state_{run.state}', language)} · {words}")
    if run.problem:
        st.html(page.error(run.problem, language))
    if frame.read_only:
        return
    if run.state == "running":
        if st.button(text("run_stop", language), key=f"stop-{run.name}"):
            running.stop(run)
    elif run.request is not None and st.button(text("run_resume", language), key=f"resume-{run.name}", type="primary"):
        try:
            running.start(frame.workspace, run.name, run.request)
        except FirmgroundError as error:
            st.html(page.error(str(error), language))
        else:
            st.rerun()


# -------------------------------------------------------------------------------------------------------- finished


def _finished(run: Run, others: Sequence[Run], language: Language) -> None:
    try:
        summary: dict[str, Any] = read_json(run.folder / "summary.json")
        st.html(page.section(text("run_headline", language)))
        questions = summary["counts"]["questions"]
        chart = charts.outcome_intervals(summary, language)
        st.altair_chart(chart, width="stretch", height=110 + 66 * len(summary["arms"]))
        st.html(page.small(text("run_intervals", language, n=questions)))
        if count := sum(summary["counts"]["errors"].values()):
            st.html(page.note(text("run_failed_rows", language, count=count)))
        _exports(run, language)
        _report(run, others, language)
    except FirmgroundError as error:
        st.html(page.error(str(error), language))
    except Exception as error:
        logging.getLogger(__name__).exception("the run could not be shown")
        st.html(page.error(unexpected(error, language), language))


def _exports(run: Run, language: Language) -> None:
    st.html(page.small(text("run_exports", language)))
    with st.container(horizontal=True, gap="small"):
        for name, kind in EXPORTS.items():
            file = run.folder / name
            if file.is_file():
                st.download_button(name, file.read_bytes, f"{run.name}-{name}", kind, key=f"export-{run.name}-{name}")


def _report(run: Run, others: Sequence[Run], language: Language) -> None:
    """The engine's own report, or two runs held against each other, in a frame that runs nothing of ours."""
    from firmground.eval.report.runs import compare_runs, runs_html

    st.html(page.section(text("run_report", language)))
    names = [one.name for one in others]
    against = st.selectbox(
        text("run_against", language), ["", *names], key=f"against-{run.name}",
        format_func=lambda one: one or text("run_against_none", language),
    )  # fmt: skip
    if against:
        html = runs_html(compare_runs(others[names.index(against)].folder, run.folder))
    else:
        html = (run.folder / "report.html").read_text(encoding="utf-8")
    st.iframe(page.as_data(html), height=REPORT_HEIGHT)
