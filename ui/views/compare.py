"""Compare: one question, every chosen arm's answer side by side, streaming, then judged claim by claim."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.packs import pack_names
from firmground.rag.arms import ANSWERING, AUGMENTED, Arm
from firmground.rag.types import Replaced, Weighing
from firmground.ui import choices, engine, page
from firmground.ui.asked import Asked, Settings, check, understood
from firmground.ui.frame import Frame, told, with_more
from firmground.ui.switches import SWITCHES, starts_on, switched, useless
from firmground.ui.views.answered import under
from firmground.ui.wording import EXAMPLES, Language, text

if TYPE_CHECKING:
    from firmground.rag.assistant import Assistant
    from firmground.rag.types import Answer

DEFAULT_ARMS = ("plain", "augmented")
MOST_EARLIER = 20  # questions of a conversation that stay on the page


def draw(frame: Frame) -> None:
    language = frame.language
    settings = _sidebar(frame)
    _question_form(settings, language)
    asked: Asked | None = st.session_state.get("asked")
    if asked is None:
        _show_idle(settings, language)
    elif asked.answers is None and not asked.problem:
        _answer(asked, language)
    else:
        _show(asked, settings, frame)
    _warm_up(settings, language)


# ----------------------------------------------------------------------------------------------------------- the input


def _sidebar(frame: Frame) -> Settings:
    state, language = st.session_state, frame.language
    for key, value in (("kb", frame.kb), ("generator", frame.generator), ("arms", list(DEFAULT_ARMS))):
        state.setdefault(key, value)
    names = [name for name, model in weights.MODELS.items() if model.kind == "generator"]
    own = [str(frame.workspace.base(name)) for name in frame.workspace.bases()]
    kb = st.sidebar.selectbox(
        text("kb", language), with_more([*pack_names(), *own], frame.kb, state.kb), key="kb",
        accept_new_options=not frame.read_only, help=text("kb_help", language),
        format_func=lambda name: name.rsplit("/", 1)[-1] if name in own else name,
    )  # fmt: skip
    arms = st.sidebar.multiselect(
        text("arms", language), list(ANSWERING), key="arms", format_func=lambda name: page.arm_name(name, language),
        help=text("arms_help", language),
    )  # fmt: skip
    generator = st.sidebar.selectbox(
        text("generator", language), with_more(names, frame.generator, state.generator), key="generator",
        accept_new_options=not frame.read_only, help=text("generator_help", language),
    )  # fmt: skip
    flipped = _switches(arms, language)
    return Settings((kb or "").strip(), _arms(arms, flipped, language), (generator or "").strip(), choices.current())


def _arms(names: Sequence[str], flipped: Sequence[str], language: Language) -> tuple[Arm, ...]:
    """The chosen arms as they will answer; as they come, with a message, where options don't go together."""
    try:
        arms = [choices.adjusted(ANSWERING[name]) for name in names]
        return tuple(switched(arm, flipped) if arm.name == AUGMENTED.name else arm for arm in arms)
    except InputError as error:
        st.sidebar.html(page.error(told(error, language), language))
        return tuple(ANSWERING[name] for name in names)


def _switches(arms: Sequence[str], language: Language) -> list[str]:
    """A switch for each mitigation of the augmented arm; the names of those that are turned the other way."""
    state = st.session_state
    if AUGMENTED.name not in arms:
        return []
    kept: list[str] = state.get("flipped", [])  # switches aren't drawn in other views, and would be forgotten there
    on = {name for name in SWITCHES if state.get(f"switch-{name}", starts_on(name) != (name in kept))}
    with st.sidebar.expander(text("switches", language)):
        st.html(page.small(text("switches_note", language)))
        for name in SWITCHES:
            with st.container(gap=None):
                label, off = text(f"switch_{name}", language), useless(name, on)
                st.toggle(label, name in on, key=f"switch-{name}", disabled=off)
                st.html(page.small(text(f"switch_{name}_help", language)))
    state.flipped = [name for name in SWITCHES if (name in on) != starts_on(name)]
    return list(state.flipped)


def _question_form(settings: Settings, language: Language) -> None:
    with st.form("ask", border=False):
        box, button = st.columns([6, 1], vertical_alignment="bottom")
        box.text_input(
            text("question", language), key="question", max_chars=2000, placeholder=text("placeholder", language)
        )
        pressed = button.form_submit_button(text("ask", language), type="primary", width="stretch")
    if pressed:
        st.session_state.asked = Asked(st.session_state.question.strip(), settings)
    st.html(page.hint("examples", language))
    with st.container(key="examples", horizontal=True, gap="small"):
        for kind in sorted(EXAMPLES, key=lambda one: one != language):
            for number, (kb, question) in enumerate(EXAMPLES[kind]):
                st.button(
                    question, key=f"example-{kind}-{number}", on_click=_ask,
                    args=(Asked(question, settings), kb),
                )  # fmt: skip


def _ask(asked: Asked, kb: str = "", arm: str = "") -> None:
    """Ask with a click: `kb` is opened for it, `arm` added. The Chinese pack gets the arm that needs no model."""
    settings, state = asked.settings, st.session_state
    arm = arm or ("extractive" if kb == "commonsense-zh" else "")
    if arm and arm not in (one.name for one in settings.arms):
        settings = replace(settings, arms=(*settings.arms, choices.adjusted(ANSWERING[arm])))
    settings = replace(settings, kb=kb or settings.kb)
    state.update(kb=settings.kb, arms=[one.name for one in settings.arms])
    if not asked.earlier:
        state.question = asked.question
    state.asked = Asked(asked.question, settings, asked.earlier)


def _ask_further(asked: Asked, settings: Settings) -> None:
    """Ask what was typed below an answer, which it follows on."""
    question = st.session_state["follow-up"].strip()
    if not question:
        return
    st.session_state["follow-up"] = ""
    earlier = (*asked.earlier, replace(asked, earlier=())) if asked.answers else asked.earlier
    st.session_state.asked = Asked(question, settings, earlier[-MOST_EARLIER:])


def _start_anew() -> None:
    st.session_state.update(asked=None, question="")


# ---------------------------------------------------------------------------------------------------------- the answer


def _answer(asked: Asked, language: Language) -> None:
    """Ask every arm in turn, stream what it says, judge them all on the same evidence, and keep the result."""
    st.html(page.NOTHING_BELOW)
    _history(asked, language)
    st.html(page.asked(asked.question))
    area, settings = st.container(key="answers"), asked.settings
    st.container(key="below")  # in its place, so that what it held goes out of sight
    status = st.empty()
    try:
        check(asked, language)
        with status, st.spinner(text("loading", language)):
            assistant = engine.assistant(settings.kb, settings.generator_needed, settings.chosen)
        with status, st.spinner(text("understanding", language)):
            asked = replace(asked, understood=understood(asked, assistant))
        answers, written = _stream(assistant, asked, area, status, language)
        with status, st.spinner(text("judging", language)):
            judged = assistant.judge(answers)
        done = replace(asked, answers=judged, written=written, verifier=assistant.verifier.name)
    except Exception as error:  # whatever it is
        done = replace(asked, problem=told(error, language))
    st.session_state.asked = done
    st.rerun()


def _stream(
    assistant: Assistant, asked: Asked, area: Any, status: Any, language: Language
) -> tuple[dict[str, Answer], dict[str, str]]:
    """The arms' answers, not yet judged together, and by arm what the model had written where a quotation took its
    place. Another click meanwhile closes the stream and stops the work."""
    arms = asked.settings.arms
    with area:
        cards = [column.empty() for column in st.columns(len(arms))]
    for arm, card in zip(arms, cards, strict=True):
        card.html(page.waiting_card(arm.name, language))
    answers: dict[str, Answer] = {}
    written: dict[str, str] = {}
    for arm, card in zip(arms, cards, strict=True):
        with status, st.spinner(text("answering", language, arm=page.arm_name(arm.name, language))):
            answers[arm.name], exchanged = _stream_one(assistant, asked.understood, arm, card, language)
        if exchanged:
            written[arm.name] = exchanged
    return answers, written


def _stream_one(assistant: Assistant, question: str, arm: Arm, card: Any, language: Language) -> tuple[Answer, str]:
    """One arm's answer, drawn as it is made; and what was written before a quotation took its place, or ""."""
    from firmground.rag.types import Answer

    so_far = exchanged = ""
    card.html(page.streaming_card(arm.name, so_far, language))
    with closing(assistant.stream(question, arm)) as pieces:  # type: ignore[type-var]
        for piece in pieces:
            if isinstance(piece, Answer):
                return piece, exchanged
            weighing = piece if isinstance(piece, Weighing) else None
            if isinstance(piece, Replaced):
                exchanged = so_far.strip() if piece.why == "quotation" else exchanged
                so_far = piece.text
            elif isinstance(piece, str):
                so_far += piece
            card.html(page.streaming_card(arm.name, so_far, language, weighing))
    raise AssertionError("a stream ends with its answer")


def _show_idle(settings: Settings, language: Language) -> None:
    """Nothing was asked yet: what will stand where."""
    _history(None, language)
    st.html(page.hint("hint", language))
    if settings.arms:
        with st.container(key="answers"):
            for arm, column in zip(settings.arms, st.columns(len(settings.arms)), strict=True):
                column.html(page.idle_card(arm.name, language))


def _show(asked: Asked, settings: Settings, frame: Frame) -> None:
    """A question that was asked, as it came out: drawn from what is kept, nothing is asked again.

    `settings` are those of the sidebar, by which a follow-up is asked.
    """
    from firmground.rag.ground import measured_error, pooled

    language = frame.language
    _history(asked, language)
    if asked.question:
        st.html(page.asked(asked.question, asked.understood, language))
    if asked.answers is None:
        st.html(page.error(asked.problem, language))
    else:
        hits = pooled({name: answer.hits for name, answer in asked.answers.items()})
        with st.container(key="answers"):
            columns = st.columns(len(asked.answers))
            for column, (name, answer) in zip(columns, asked.answers.items(), strict=True):
                column.html(page.answer_card(answer, hits, language, asked.written.get(name, "")))
                with column.container(key=f"under-{name}", horizontal=True, gap="small", vertical_alignment="center"):
                    under(answer, hits, asked, frame)
    with st.container(key="below"):
        if asked.answers is not None:
            _notes(asked, language)
        if asked.answers is not None or asked.earlier:
            _further(asked, settings, language)
        if asked.answers is not None:
            st.html(page.legend(asked.verifier, measured_error(asked.verifier), language))
            st.html(page.evidence(asked.answers, language))


def _history(asked: Asked | None, language: Language) -> None:
    """The questions before this one, with their answers, folded up. Takes its place also where there are none: an
    element that moves from one place to another would show what stood there."""
    place = st.empty()
    if asked is not None and asked.earlier:
        turns = [(one.question, one.understood, one.answers or {}) for one in asked.earlier]
        place.html(page.history(turns, language))


def _further(asked: Asked, settings: Settings, language: Language) -> None:
    """Where the next question of the conversation is asked, or another conversation begun."""
    with st.form("further", border=False):
        box, button, anew = st.columns([5, 1, 1], vertical_alignment="bottom")
        box.text_input(
            text("follow_up", language), key="follow-up", max_chars=2000,
            placeholder=text("follow_up_placeholder", language),
        )  # fmt: skip
        button.form_submit_button(
            text("follow_up_ask", language), on_click=_ask_further, args=(asked, settings), width="stretch"
        )
        anew.form_submit_button(text("start_anew", language), on_click=_start_anew, type="tertiary", width="stretch")


def _notes(asked: Asked, language: Language) -> None:
    """What one must know to read these answers, with a button for what to do about it."""
    from firmground.knowledge.text import language as language_of

    settings, spoken = asked.settings, language_of(asked.question)
    other = f"commonsense-{spoken}"
    if settings.kb in pack_names() and settings.kb != other and other in pack_names():
        st.html(page.note(text("note_other_language", language, kb=settings.kb, other=other)))
        st.button(text("use_other", language, other=other), on_click=_ask, args=(asked, other))
    model = weights.MODELS.get(settings.generator_needed)
    if spoken == "zh" and model is not None and "zh" not in model.languages:
        st.html(page.note(text("note_chinese", language, generator=model.name)))
        if "extractive" not in (asked.answers or {}):
            st.button(text("use_extractive", language), on_click=_ask, args=(asked, "", "extractive"))


def _warm_up(settings: Settings, language: Language) -> None:
    """Load what the next question needs, after the page is drawn: a problem is told before anything is asked."""
    if not settings.kb:
        return
    place, asked = st.sidebar.empty(), st.session_state.get("asked")
    try:
        with place, st.spinner(text("loading_base", language)):
            base = engine.knowledge_base(settings.kb)
        if settings.generator_needed:
            with place, st.spinner(text("loading_generator", language)):
                engine.generator(settings.generator_needed)
        size = text("kb_size", language, count=len(base), encoder=base.encoder_record.name)
        place.html(page.small(size))
    except Exception as error:
        problem = told(error, language)
        if asked is None or asked.problem != problem:
            place.html(page.error(problem, language))
