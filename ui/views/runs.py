"""Runs: start a comparison on a question file, follow it, stop it, go on with it; read and compare finished ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from firmground.eval.manifest import read_json
from firmground.eval.report.render import HTML_LANGUAGES
from firmground.eval.summary.figures import FORMAT
from firmground.eval.tasks import task_names
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.packs import pack_names
from firmground.rag.arms import ARMS
from firmground.ui import charts, choices, page, running
from firmground.ui.frame import Frame, Said, told
from firmground.ui.running import Request, Run
from firmground.ui.views import run_questions, work
from firmground.ui.wording import Language, text

DEFAULT_ARMS = ["plain", "augmented", "extractive"]
EXPORTS = {"report.html": "text/html", "report.md": "text/markdown", "outcomes.csv": "text/csv",
           "outcomes.jsonl": "application/x-ndjson"}  # fmt: skip
REPORT_HEIGHT = 900
KEPT_REPORTS = 6
MOST_ADDRESS = 2 * 2**20 - 1024  # characters: Chromium draws nothing for a longer one
FEWER_QUESTIONS = (60, 10, 1)
OUTCOME_NAMES = {"right": "run_right", "hallucination": "run_hallucinated", "abstained": "run_abstained"}


def draw(frame: Frame) -> None:
    language = frame.language
    runs = running.all_runs(frame.workspace)
    if frame.read_only:
        st.html(page.note(text("read_only", language)))
    else:
        _start(frame, [run.name for run in runs])
    if not runs:
        st.html(page.hint("run_none", language))
        return
    folder = frame.workspace.run(work.choose(text("run_open", language), "run", runs, language))
    _progress(folder, frame)
    run = running.look(folder)
    if (run.name, run.state) not in [(one.name, one.state) for one in runs]:
        st.rerun()  # it ended while this was drawn
    if run.state == "done":
        _finished(run, [one for one in runs if one.state == "done" and one.name != run.name], language)


# --------------------------------------------------------------------------------------------------------- a new one


def _start(frame: Frame, taken: Sequence[str]) -> None:
    language = frame.language
    own = [str(path) for path in frame.workspace.question_files()]
    bases = {str(frame.workspace.base(name)): name for name in frame.workspace.bases()}
    with st.expander(text("run_new", language), icon=":material/add:", expanded=not taken):
        given = st.file_uploader(text("run_upload", language), type=["json", "jsonl"], key="run-file")
        files = [*own, *task_names_of_packs()]
        if given is not None:
            kept = str(frame.workspace.keep_questions(given.name, given.getvalue()))
            files = [kept, *(one for one in files if one != kept)]
            if st.session_state.get("given") != given.file_id:  # chosen as soon as it is here
                st.session_state.update({"given": given.file_id, "run-questions": kept})
        left, right = st.columns(2)
        questions = left.selectbox(
            text("run_questions", language), files, key="run-questions",
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
        limit = int(st.number_input(text("run_limit", language), 1, 100_000, 40, key="run-limit"))
        pressed = st.button(text("run_start", language), type="primary")
        st.caption(text("run_goes_on", language))
    if not pressed:
        return
    generator = str(st.session_state.get("generator") or frame.generator)
    try:
        if not questions:
            raise Said(text("run_need_questions", language))
        if len(arms) < 2:
            raise Said(text("run_need_arms", language))
        limit = min(limit, _count(questions, limit))
        name = _name(Path(questions).stem, taken)
        running.start(
            frame.workspace, name, Request(kb, questions, tuple(arms), limit, generator, choices.current().device)
        )
    except FirmgroundError as error:
        st.html(page.error(told(error, language), language))
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
    language = frame.language

    def said(run: Run) -> str:
        words = text("run_progress", language, done=run.done, total=run.total)
        if run.seconds_left is not None:
            words += " · " + text("run_left", language, minutes=max(1, round(run.seconds_left / 60)))
        return words

    def go_on(run: Run) -> None:
        assert run.request is not None
        running.start(frame.workspace, run.name, run.request)

    work.follow(lambda: running.look(folder), said, go_on, frame)


# -------------------------------------------------------------------------------------------------------- finished


def _finished(run: Run, others: Sequence[Run], language: Language) -> None:
    try:
        summary = _summary(run)
        st.html(page.section(text("run_headline", language)))
        count = summary["counts"]["questions"]
        charts.draw(charts.outcome_intervals(summary, language), 110 + 66 * len(summary["arms"]))
        st.html(page.small(text("run_intervals", language, n=count)))
        if failed := sum(summary["counts"]["errors"].values()):
            st.html(page.note(text("run_failed_rows", language, count=failed)))
        _exports(run, language)
        _drill_down(run, summary, language)
        _report(run, others, language)
    except Exception as error:  # whatever a file holds
        st.html(page.error(told(error, language), language))


def _summary(run: Run) -> dict[str, Any]:
    """The run's figures. Raises InputError where another version made them."""
    summary = read_json(run.folder / "summary.json")
    if summary.get("format") != FORMAT:
        raise InputError(
            f"{run.folder / 'summary.json'} is of another version (format {summary.get('format')}, this one reads "
            f"{FORMAT}); make it anew: firmground report {run.folder}"
        )
    return summary


def _drill_down(run: Run, summary: Mapping[str, Any], language: Language) -> None:
    """What changed from one arm to another: how many questions, of which groups, and each of them."""
    from firmground.eval.wording import main_pair

    st.html(page.section(text("run_changed", language)))
    arms, known = list(summary["arms"]), main_pair(summary["pairs"])
    pair = (summary["pairs"][known]["first"], summary["pairs"][known]["second"]) if known else (arms[0], arms[0])
    if len(arms) > 1:
        boxes = zip(st.columns(2), ("run_from", "run_to"), pair, strict=True)
        first, second = (
            column.selectbox(text(key, language), arms, arms.index(one), key=f"{key}-{run.name}",
                             format_func=lambda name: page.arm_name(name, language))
            for column, key, one in boxes
        )  # fmt: skip
    else:
        first, second = pair
    with st.spinner(text("run_reading", language)):
        browsed = run_questions.browsed(run.folder)
    if first != second:
        counts = browsed.kinds(first, second)
        charts.draw(charts.flip_bars(counts, language), 130 + 34 * len(charts.flip_rows(counts, language)))
    _groups(run, summary, list(dict.fromkeys((first, second))), language)
    st.html(page.section(text("run_each", language)))
    run_questions.draw(run, browsed, first, second, language)


def _groups(run: Run, summary: Mapping[str, Any], arms: Sequence[str], language: Language) -> None:
    """Figures by language and by category, where the questions have more than one."""
    kinds = {
        key: summary[key]
        for key in ("languages", "categories")
        if len(summary[key]) > 1 and any(one[arm]["right"]["n"] for one in summary[key].values() for arm in arms)
    }
    if not kinds:
        return
    st.html(page.section(text("run_groups", language)))
    with st.container(horizontal=True):
        by = st.segmented_control(
            text("run_groups", language), list(kinds), default=next(iter(kinds)), required=True,
            key=f"by-{run.name}", format_func=lambda one: text(f"run_by_{one}", language),
            label_visibility="collapsed",
        )  # fmt: skip
        outcome = st.segmented_control(
            text("run_rate", language), list(OUTCOME_NAMES), default="right", required=True,
            key=f"outcome-{run.name}", format_func=lambda one: text(OUTCOME_NAMES[one], language),
            label_visibility="collapsed",
        )  # fmt: skip
    groups = kinds[by]
    shown = min(len(groups), charts.MOST_GROUPS)
    chart = charts.group_intervals(groups, arms, outcome, language)
    charts.draw(chart, 90 + shown * (14 + 20 * len(arms)))
    if shown < len(groups):
        st.html(page.small(text("run_groups_some", language, shown=shown, count=len(groups))))


def _exports(run: Run, language: Language) -> None:
    st.html(page.small(text("run_exports", language)))
    with st.container(horizontal=True, gap="small"):
        for name, kind in EXPORTS.items():
            file = run.folder / name
            if file.is_file():  # read when it is asked for: the rows of a long run are more than 100 MB
                st.download_button(
                    name, file.read_bytes, f"{run.name}-{name}", kind, key=f"export-{run.name}-{name}",
                    on_click="ignore",
                )  # fmt: skip


def _report(run: Run, others: Sequence[Run], language: Language) -> None:
    """The engine's own report, or two runs held against each other, in a frame that runs nothing of ours."""
    st.html(page.section(text("run_report", language)))
    names = [one.name for one in others]
    against = st.selectbox(
        text("run_against", language), ["", *names], key=f"against-{run.name}",
        format_func=lambda one: one or text("run_against_none", language),
    )  # fmt: skip
    with st.spinner(text("run_writing", language)):
        if against:
            other = others[names.index(against)].folder
            address = _two_runs(
                other, run.folder, language, run_questions.stamp(other), run_questions.stamp(run.folder)
            )
        else:
            address = _one_run(run.folder, language, run_questions.stamp(run.folder))
    st.iframe(address, height=REPORT_HEIGHT)


@st.cache_resource(max_entries=KEPT_REPORTS, show_spinner=False)
def _one_run(folder: Path, language: Language, stamp: object) -> str:
    """The run's report as a frame's address, in the page's language: the one in its folder where it is in it, else
    made anew.

    Of a report that is too long for a frame's address, the questions are shortened: they stand above it anyway.
    """
    from firmground.eval.report.render import run_html

    path = folder / "report.html"
    html = path.read_text(encoding="utf-8") if path.is_file() else ""
    for most_questions in FEWER_QUESTIONS:
        if f'<html lang="{HTML_LANGUAGES[language]}"' in html[:200] and len(page.as_data(html)) < MOST_ADDRESS:
            break
        html = run_html(folder, language, most_questions)
    return page.as_data(html)


@st.cache_resource(max_entries=KEPT_REPORTS, show_spinner=False)
def _two_runs(first: Path, second: Path, language: Language, first_stamp: object, second_stamp: object) -> str:
    from firmground.eval.report.runs import compare_runs, runs_html

    return page.as_data(runs_html(compare_runs(first, second), language))
