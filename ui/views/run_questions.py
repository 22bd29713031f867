"""The questions of a run, one by one: filtered, searched, a page at a time; each opens with both answers and evidence.

Drawn as a fragment: filtering, turning pages and opening a question draw this part of the page alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from firmground.eval import wording
from firmground.eval.browse import ALL, Browsed, Question, answer_of, browse
from firmground.eval.manifest import read_json
from firmground.eval.reasons import REASONS, read_reasons
from firmground.eval.report.question import choice_shares
from firmground.eval.report.reasons import kept_reasons_page
from firmground.eval.summary.pairs import ordered
from firmground.eval.types import Outcome
from firmground.knowledge.errors import FirmgroundError
from firmground.ui import page
from firmground.ui.frame import told
from firmground.ui.running import Run
from firmground.ui.wording import Language, text

PAGE = 10  # questions in the list at once
KEPT = 4  # runs whose lines stay in memory
REASONS_HEIGHT = 620
MARKS = {"right": "✓", "hallucinated": "✗", "abstained": "–", "failed": "!", "untold": "·"}


def browsed(folder: Path) -> Browsed:
    """The run's questions, read once; again where its rows have changed. Raises InputError where they can't be."""
    return _browsed(folder, stamp(folder))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _browsed(folder: Path, stamp: object) -> Browsed:
    return browse(folder / "outcomes.jsonl")


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _reasons(folder: Path, stamp: object) -> dict[tuple[str, str], dict[str, Any]]:
    return read_reasons(folder)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _rules(folder: Path, stamp: object) -> dict[str, str]:
    """{arm: how it weighs choices}, as the manifest says."""
    return {arm["name"]: arm.get("choose", "") for arm in read_json(folder / "manifest.json").get("arms", ())}


def stamp(folder: Path) -> tuple[tuple[int, int], ...]:
    """What changes with what a run's folder says: times and sizes of its files."""
    files = [folder / name for name in ("manifest.json", "outcomes.jsonl", "summary.json", REASONS)]
    told = [file.stat() for file in files if file.is_file()]
    return tuple((one.st_mtime_ns, one.st_size) for one in told)


@st.fragment
def draw(run: Run, rows: Browsed, first: str, second: str, language: Language) -> None:
    """The list, and the question that is open in it. `first` and `second`: the arms that are set side by side."""
    places = _chosen(run, rows, first, second, language)
    if not places:
        st.html(page.hint("run_nothing", language))
        return
    start = _page(run, len(places), language)
    opened = st.session_state.get(f"opened-{run.name}")
    for place in places[start : start + PAGE]:
        question = rows.questions[place]
        is_open = opened == question.id
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            key = "run_close_question" if is_open else "run_open_question"
            st.button(
                text(key, language, number=place + 1), key=f"open-{run.name}-{place}", type="tertiary",
                icon=":material/expand_less:" if is_open else ":material/expand_more:",
                on_click=_open, args=(run.name, None if is_open else question.id),
            )  # fmt: skip
            st.html(_line(question, (first, second), language), width="stretch")
        if is_open:
            with st.container(border=True):
                _opened(run, rows, question, list(dict.fromkeys((first, second))), language)


def _chosen(run: Run, rows: Browsed, first: str, second: str, language: Language) -> list[int]:
    """Places of the questions that the filter and the search leave."""
    kinds = rows.kinds(first, second)
    order = [ALL, *(kind for kind in (*wording.FLIP_ORDER, *MARKS) if kinds[kind])]
    count = {ALL: len(rows.questions), **kinds}
    kind = st.pills(
        text("run_which", language), order, default=ALL, required=True, key=f"kind-{run.name}-{first}-{second}",
        format_func=lambda one: f"{text(f'run_kind_{one}', language)} {count[one]:,}",
    )  # fmt: skip
    words = st.text_input(text("run_search", language), key=f"search-{run.name}", max_chars=200)
    return rows.select(first, second, kind or ALL, words)


def _page(run: Run, count: int, language: Language) -> int:
    """Where the page of the list begins, with the buttons that turn it."""
    key = f"start-{run.name}"
    start = min(int(st.session_state.get(key, 0)), (count - 1) // PAGE * PAGE)
    if count > PAGE:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            for name, to in (("run_earlier", start - PAGE), ("run_later", start + PAGE)):
                st.button(
                    text(name, language), key=f"{name}-{run.name}", disabled=not 0 <= to < count,
                    on_click=_turn, args=(key, to),
                )  # fmt: skip
            last = min(start + PAGE, count)
            st.html(page.small(text("run_shown", language, first=start + 1, last=last, count=f"{count:,}")))
    return start


def _turn(key: str, start: int) -> None:
    st.session_state[key] = start


def _open(run: str, question: str | None) -> None:
    st.session_state[f"opened-{run}"] = question


def _line(question: Question, arms: Sequence[str], language: Language) -> str:
    """A question in the list: what became of it by each arm, by sign and word, and its text."""
    states = [question.rows[arm].state if arm in question.rows else "untold" for arm in dict.fromkeys(arms)]
    told = " → ".join(f"{MARKS[one]} {text(f'run_kind_{one}', language)}" for one in states)
    return page.page(f'{page.escape(question.text)}<br><span class="fg-quiet">{page.escape(told)}</span>')


# ---------------------------------------------------------------------------------------------------------- one of them


def _opened(run: Run, rows: Browsed, question: Question, arms: Sequence[str], language: Language) -> None:
    try:
        found = rows.rows(question, arms)
        some = next(iter(found.values()), None)
        if some is not None:
            st.html(page.small(_gold(some, language)))
            _choices(run, found, language)
        _answers(found, arms, language)
        if found:
            _scores(found, language)
        _why(run, found, language)
    except FirmgroundError as error:
        st.html(page.error(told(error, language), language))


def _gold(row: Outcome, language: Language) -> str:
    about = row.metadata
    if about.get("answerable") is False:
        told = text("run_no_answer", language)
    else:
        gold = list(row.answers) or [one for one in (about.get("answer"),) if one]
        told = text("run_gold", language, answers=" / ".join(gold)) if gold else text("run_gold_none", language)
    category = about.get("category")
    return " · ".join([told, *([wording.group_name(str(category), language)] if category else []), row.id])


def _answers(found: Mapping[str, Outcome], arms: Sequence[str], language: Language) -> None:
    """The answers side by side, as on the first page, and the passages that they were judged on."""
    answers = {arm: answer_of(row) for arm, row in found.items() if not row.error}
    hits = [hit for answer in answers.values() for hit in answer.hits]
    with st.container(key="answers"):
        for arm, column in zip(arms, st.columns(len(arms)), strict=True):
            name = page.arm_name(arm, language)
            if arm in answers:
                column.html(page.answer_card(answers[arm], hits, language))
            elif arm in found:
                column.html(page.note(text("run_failed_answer", language, arm=name, problem=found[arm].error)))
            else:
                column.html(page.note(text("run_no_row", language, arm=name)))
    if answers:
        st.html(page.evidence(answers, language))


def _choices(run: Run, found: Mapping[str, Outcome], language: Language) -> None:
    """Each choice with its share by each arm that weighed them."""
    rules = _rules(run.folder, stamp(run.folder))
    shares = {arm: choice_shares(row, rules.get(arm, "")) for arm, row in found.items() if row.choices}
    if not shares:
        return
    st.html(page.small(text("run_choices", language)))
    lines = []
    for weighed in zip(*shares.values(), strict=True):
        name = weighed[0]["text"]
        told = text("run_choice_gold", language, choice=name) if weighed[0]["right"] else name
        lines.append([told, *(f"{100 * one['share']:.0f}{' ✓' if one['picked'] else ''}" for one in weighed)])
    st.html(page.table([text("run_choice", language), *(page.arm_name(arm, language) for arm in shares)], lines))


def _scores(found: Mapping[str, Outcome], language: Language) -> None:
    """Every score that one of the answers has: a number, or why there is none."""
    names = ordered(list(dict.fromkeys(name for row in found.values() for name in row.scores)))
    told = [name for name in names if any(isinstance(row.scores.get(name), int | float) for row in found.values())]
    lines = [
        [wording.worded(name, language).title, *(_score(row.scores.get(name), language) for row in found.values())]
        for name in told
    ]
    if lines:
        st.html(page.section(text("run_scores", language)))
        st.html(page.table([text("run_score", language), *(page.arm_name(arm, language) for arm in found)], lines))


def _score(value: float | str | None, language: Language) -> str:
    if value is None:
        return "–"
    return wording.status_words(value, language) if isinstance(value, str) else f"{value:.2f}"


def _why(run: Run, found: Mapping[str, Outcome], language: Language) -> None:
    """What the answers rest on, where the run has looked into it."""
    known = _reasons(run.folder, stamp(run.folder))
    for arm, row in found.items():
        reasons = known.get((row.id, arm))
        if reasons and reasons["answer"] == row.answer:
            with st.expander(text("run_why", language, arm=page.arm_name(arm, language))):
                st.iframe(page.as_data(kept_reasons_page(reasons, language)), height=REASONS_HEIGHT)
