"""Compare: one question, every chosen arm's answer side by side, streaming, then judged claim by claim."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from firmground.eval.ablate import MITIGATIONS
from firmground.eval.report.reasons import reasons_page
from firmground.knowledge import weights
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.packs import pack_names
from firmground.rag.arms import ANSWERING, AUGMENTED, Arm
from firmground.rag.types import Replaced
from firmground.ui import engine, page
from firmground.ui.frame import Frame, unexpected, with_more
from firmground.ui.wording import EXAMPLES, Language, text

if TYPE_CHECKING:
    from firmground.knowledge.types import Hit
    from firmground.rag.assistant import Assistant
    from firmground.rag.types import Answer, Citation

DEFAULT_ARMS = ("plain", "augmented")
NOT_SWITCHED = ("retrieval", "likelihood", "chains")  # the first makes it plain, the others need choices
SWITCHES = {one.name: one for one in MITIGATIONS if one.is_on(AUGMENTED) and one.name not in NOT_SWITCHED}
READING_HEIGHT = 620
READING_ROOM = 1200  # characters shown before and after a cited place


@dataclass(frozen=True)
class Settings:
    """What the sidebar says. `without`: names of mitigations that are switched off in the augmented arm."""

    kb: str
    arms: tuple[str, ...]
    generator: str
    without: tuple[str, ...] = ()

    @property
    def generator_needed(self) -> str:
        """The generator's name, or "" where no chosen arm generates: then none is loaded."""
        return self.generator if any(ANSWERING[name].generator for name in self.arms) else ""

    def arm(self, name: str) -> Arm:
        arm = ANSWERING[name]
        for one in self.without if name == AUGMENTED.name else ():
            arm = SWITCHES[one].off(arm)
        return arm


@dataclass(frozen=True)
class Asked:
    """A question with the settings it was asked with; its answers once there are any, or what went wrong."""

    question: str
    settings: Settings
    answers: Mapping[str, Answer] | None = None
    verifier: str = ""
    problem: str = ""


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
        _show(asked, frame)
    _warm_up(settings, language)


# ----------------------------------------------------------------------------------------------------------- the input


def _sidebar(frame: Frame) -> Settings:
    state, language = st.session_state, frame.language
    for key, value in (("kb", frame.kb), ("generator", frame.generator), ("arms", list(DEFAULT_ARMS))):
        state.setdefault(key, value)
    names = [name for name, model in weights.MODELS.items() if model.kind == "generator"]
    own = [str(frame.workspace.base(name)) for name in frame.workspace.bases()]
    kb = st.sidebar.selectbox(
        text("kb", language), with_more([*pack_names(), *own], frame.kb, state.kb), key="kb", accept_new_options=True,
        format_func=lambda name: name.rsplit("/", 1)[-1] if name in own else name, help=text("kb_help", language),
    )  # fmt: skip
    arms = st.sidebar.multiselect(
        text("arms", language), list(ANSWERING), key="arms", format_func=lambda name: page.arm_name(name, language),
        help=text("arms_help", language),
    )  # fmt: skip
    generator = st.sidebar.selectbox(
        text("generator", language), with_more(names, frame.generator, state.generator), key="generator",
        accept_new_options=True, help=text("generator_help", language),
    )  # fmt: skip
    return Settings((kb or "").strip(), tuple(arms), (generator or "").strip(), _switches(arms, language))


def _switches(arms: list[str], language: Language) -> tuple[str, ...]:
    """Switches for what the augmented arm does; the names of those that are off."""
    if AUGMENTED.name not in arms:
        return ()
    with st.sidebar.expander(text("switches", language)):
        st.caption(text("switches_note", language))
        return tuple(
            name
            for name in SWITCHES
            if not st.toggle(
                text(f"switch_{name}", language),
                value=True,
                key=f"switch-{name}",
                help=text(f"switch_{name}_help", language),
            )
        )


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
                st.button(question, key=f"example-{kind}-{number}", on_click=_ask, args=(question, settings, kb))


def _ask(question: str, settings: Settings, kb: str = "", arm: str = "") -> None:
    """Ask with a click: `kb` is opened for it, `arm` added. The Chinese pack gets the arm that needs no model."""
    kb, arms = kb or settings.kb, list(settings.arms)
    arm = arm or ("extractive" if kb == "commonsense-zh" else "")
    if arm and arm not in arms:
        arms.append(arm)
    st.session_state.update(question=question, kb=kb, arms=arms)
    st.session_state.asked = Asked(question, replace(settings, kb=kb, arms=tuple(arms)))


# ---------------------------------------------------------------------------------------------------------- the answer


def _answer(asked: Asked, language: Language) -> None:
    """Ask every arm in turn, stream what it says, judge them all on the same evidence, and keep the result."""
    st.html(page.asked(asked.question))
    area, status = st.container(key="answers"), st.empty()
    try:
        check(asked, language)
        with status, st.spinner(text("loading", language)):
            assistant = engine.assistant(asked.settings.kb, asked.settings.generator_needed)
        answers = _stream(assistant, asked, area, status, language)
        with status, st.spinner(text("judging", language)):
            done = replace(asked, answers=assistant.judge(answers), verifier=assistant.verifier.name)
    except FirmgroundError as error:
        done = replace(asked, problem=str(error))
    except Exception as error:  # whatever it is: a person gets one line, the terminal the traceback
        logging.getLogger(__name__).exception("the question could not be answered")
        done = replace(asked, problem=unexpected(error, language))
    st.session_state.asked = done
    st.rerun()


def check(asked: Asked, language: Language) -> None:
    """Raises InputError where there is nothing to ask, or nobody."""
    if not asked.question:
        raise InputError(text("error_empty", language))
    if not asked.settings.arms:
        raise InputError(text("error_no_arm", language))
    if not asked.settings.kb:
        raise InputError(text("error_no_kb", language))
    if not asked.settings.generator and any(ANSWERING[name].generator for name in asked.settings.arms):
        raise InputError(text("error_no_generator", language))


def _stream(assistant: Assistant, asked: Asked, area: Any, status: Any, language: Language) -> dict[str, Answer]:
    """The arms' answers, not yet judged together. Another click meanwhile closes the stream and stops the work."""
    from firmground.rag.types import Answer

    names = asked.settings.arms
    with area:
        cards = {name: column.empty() for name, column in zip(names, st.columns(len(names)), strict=True)}
    for name, card in cards.items():
        card.html(page.waiting_card(name, language))
    answers: dict[str, Answer] = {}
    for name, card in cards.items():
        so_far = ""
        card.html(page.streaming_card(name, so_far, language))
        spinner = st.spinner(text("answering", language, arm=page.arm_name(name, language)))
        with status, spinner, closing(assistant.stream(asked.question, asked.settings.arm(name))) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                if isinstance(piece, Answer):
                    answers[name] = piece
                    continue
                if isinstance(piece, str | Replaced):
                    so_far = so_far + piece if isinstance(piece, str) else piece.text
                    card.html(page.streaming_card(name, so_far, language))
    return answers


def _show_idle(settings: Settings, language: Language) -> None:
    """Nothing was asked yet: what will stand where."""
    st.html(page.hint("hint", language))
    if settings.arms:
        with st.container(key="answers"):
            for name, column in zip(settings.arms, st.columns(len(settings.arms)), strict=True):
                column.html(page.idle_card(name, language))


def _show(asked: Asked, frame: Frame) -> None:
    """A question that was asked, as it came out: drawn from what is kept, nothing is asked again."""
    from firmground.rag.ground import measured_error, pooled

    language = frame.language
    if asked.question:
        st.html(page.asked(asked.question))
    if asked.answers is None:
        st.html(page.error(asked.problem, language))
        return
    hits = pooled({name: answer.hits for name, answer in asked.answers.items()})
    with st.container(key="answers"):
        columns = st.columns(len(asked.answers))
        for column, answer in zip(columns, asked.answers.values(), strict=True):
            column.html(page.answer_card(answer, hits, language))
            with column.container(key=f"under-{answer.arm}", horizontal=True, gap="small"):
                _under(answer, hits, asked, frame)
    _notes(asked, language)
    st.html(page.legend(asked.verifier, measured_error(asked.verifier), language))
    st.html(page.evidence(asked.answers, language))


def _under(answer: Answer, hits: Sequence[Hit], asked: Asked, frame: Frame) -> None:
    """Below a card: a mark for the answer, and a button for each passage that it cites, by its number in the evidence.

    No button bears a title: labels are read as markdown, and titles are written by others.
    """
    key = f"mark-{abs(hash((asked.question, asked.settings, answer.arm)))}"
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
                assistant = engine.assistant(settings.kb, settings.generator_needed)
                reasons = assistant.explain(answer, settings.arm(answer.arm), attention=attention)
        except FirmgroundError as error:
            st.html(page.error(str(error), language))
        else:
            st.iframe(page.as_data(reasons_page(reasons)), height=READING_HEIGHT)

    show()


def _mark(key: str, answer: Answer, asked: Asked, frame: Frame) -> None:
    thumb = st.session_state.get(key)
    frame.workspace.label(
        question=asked.question, arm=answer.arm, label=None if thumb is None else ("wrong", "right")[thumb],
        answer=answer.text, kb=asked.settings.kb, generator=asked.settings.generator_needed,
        without=list(asked.settings.without),
    )  # fmt: skip


def _read(kb: str, citation: Citation, language: Language) -> None:
    """The cited document, opened at the place."""

    @st.dialog(text("document_at", language), width="large")
    def show() -> None:
        try:
            document = engine.knowledge_base(kb).document(citation.document)
        except FirmgroundError as error:
            st.html(page.error(str(error), language))
            return
        st.html(page.asked(document.title or document.id))
        whole = len(document.text) <= 4 * READING_ROOM or st.toggle(text("whole_document", language))
        room = len(document.text) if whole else READING_ROOM
        st.html(page.document_at(document, citation.start, citation.end, room, language))

    show()


def _notes(asked: Asked, language: Language) -> None:
    """What one must know to read these answers, with a button for what to do about it."""
    from firmground.knowledge.text import language as language_of

    settings, spoken = asked.settings, language_of(asked.question)
    other = f"commonsense-{spoken}"
    if settings.kb in pack_names() and settings.kb != other and other in pack_names():
        st.html(page.note(text("note_other_language", language, kb=settings.kb, other=other)))
        st.button(text("use_other", language, other=other), on_click=_ask, args=(asked.question, settings, other))
    model = weights.MODELS.get(settings.generator_needed)
    if spoken == "zh" and model is not None and "zh" not in model.languages:
        st.html(page.note(text("note_chinese", language, generator=model.name)))
        if "extractive" not in settings.arms:
            arguments = (asked.question, settings, settings.kb, "extractive")
            st.button(text("use_extractive", language), on_click=_ask, args=arguments)


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
    except FirmgroundError as error:
        if asked is None or asked.problem != str(error):
            place.html(page.error(str(error), language))
    except Exception as error:
        logging.getLogger(__name__).exception("loading failed")
        place.html(page.error(unexpected(error, language), language))
