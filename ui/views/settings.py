"""Settings: which model answers and where, how is searched and written, and what this machine can do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.rag.arms import ANSWERING, Arm
from firmground.rag.generators import SERVER_KEY
from firmground.ui import choices, engine, page
from firmground.ui.choices import Choices
from firmground.ui.frame import Frame, told, with_more
from firmground.ui.model_names import KINDS, PROVIDERS, Kind, generators_here, kind_of, server_name
from firmground.ui.wording import Language, text
from firmground.ui.wording.errors import finding

RETRIEVAL = ("retrieve", "num_passages", "where")
# Least, most and step of the options that are numbers.
NUMBERS: dict[str, tuple[float, float, float]] = {
    "num_passages": (1, 20, 1), "max_new_tokens": (1, 1024, 16), "beams": (1, 8, 1), "temperature": (0.0, 2.0, 0.1),
    "top_p": (0.05, 1.0, 0.05), "contrast": (0.0, 2.0, 0.25), "samples": (1, 16, 1),
}  # fmt: skip
DECODING = tuple(name for name in NUMBERS if name not in RETRIEVAL)
LOOKED_AGAIN = 60  # seconds after which the machine is looked at again


def draw(frame: Frame) -> None:
    language = frame.language
    st.html(page.small(text("settings_own", language)))
    _model(frame)
    _options(language)
    _encoder(language)
    _machine(language)
    st.html(page.section(text("workspace", language)))
    st.html(page.small(text("workspace_note", language, folder=frame.workspace.root)))
    st.html(page.small(text("theme_note", language)))


# ----------------------------------------------------------------------------------------------------------- the model


def _model(frame: Frame) -> None:
    """Which model answers in this session; another is tried before it is taken."""
    language, used = frame.language, str(st.session_state.get("generator") or frame.generator)
    st.html(page.section(text("model_title", language)))
    place = st.empty()
    place.html(page.figures({text("model_in_use", language): weights.label(used)}))
    if frame.read_only:
        st.html(page.small(text("model_read_only", language)))
    kind: Kind = kind_of(used)
    if not frame.read_only:
        kind = st.segmented_control(
            text("model_kind", language), KINDS, default=kind, required=True, key="model-kind",
            format_func=lambda one: text(f"model_{one}", language),
        )  # fmt: skip
    wanted, problem = "", text("model_need_name", language)
    try:
        wanted = _wanted("here" if frame.read_only else kind, used, frame)
    except InputError as error:
        problem = told(error, language)
    if not st.button(text("model_use", language), type="primary", key="model-use"):
        return
    if wanted:
        with st.spinner(text("model_loading", language), show_time=True):
            problem = _tried(wanted, language)
    if problem:
        st.html(page.error(problem, language))
        return
    st.session_state.generator = wanted
    place.html(page.figures({text("model_in_use", language): weights.label(wanted)}))
    st.html(page.note(text("model_ready", language, name=wanted)))


def _tried(name: str, language: Language) -> str:
    """What stands against the model, in a line; "" where it is ready."""
    try:
        engine.try_generator(name, choices.current().device)
    except Exception as error:  # of any kind: a folder that isn't a model after all
        return told(error, language)
    return ""


def _wanted(kind: Kind, used: str, frame: Frame) -> str:
    """The name of the model that is asked for; "" while it isn't told.

    Raises:
        InputError: an address that isn't one.
    """
    language = frame.language
    if kind == "here":
        names = with_more(generators_here(), frame.generator if frame.read_only else None) or [frame.generator]
        place = names.index(used) if used in names else 0
        name = st.selectbox(text("model_name_here", language), names, place, format_func=weights.label)
        st.html(page.small(text("model_here_note", language)))
        return name
    if kind in ("chat", "server"):
        return _by_network(kind, language)
    before = used.removeprefix("hf:") if kind_of(used) == kind else ""
    name = st.text_input(text(f"model_name_{kind}", language), before, key=f"model-{kind}").strip()
    st.html(page.small(text(f"model_{kind}_note", language)))
    return f"hf:{name.removeprefix('hf:')}" if name and kind == "hub" else name


def _by_network(kind: Kind, language: Language) -> str:
    left, right = st.columns(2)
    if kind == "chat":
        provider = left.selectbox(
            text("model_provider", language), list(PROVIDERS), key="model-provider", accept_new_options=True
        )
        package, variable = PROVIDERS.get(provider or "", (f"langchain-{provider}", None))
        name = right.text_input(text("model_name_chat", language), key="model-chat").strip()
        st.html(page.small(text("model_chat_note", language, package=package)))
        st.html(page.small(_key_note(variable, language)))
        return f"chat:{provider}:{name}" if provider and name else ""
    address = left.text_input(
        text("model_address", language), key="model-address", placeholder="http://localhost:8000/v1"
    ).strip()
    name = right.text_input(text("model_name_here", language), key="model-server").strip()
    st.html(page.small(text("model_server_note", language)))
    st.html(page.small(text("key_optional", language, variable=SERVER_KEY)))
    return server_name(name, address) if name and address else ""


def _key_note(variable: str | None, language: Language) -> str:
    if not variable:
        return text("key_unknown" if variable is None else "key_none", language)
    return text("key_set" if os.environ.get(variable) else "key_missing", language, variable=variable)


# --------------------------------------------------------------------------------------------------------- the options


def _options(language: Language) -> None:
    """How is searched and written. What can't be together isn't taken over, and says so."""
    chosen = choices.current()
    for title, names in (("options_retrieval", RETRIEVAL), ("options_decoding", DECODING)):
        st.html(page.section(text(title, language)))
        for first in range(0, len(names), 3):
            together = names[first : first + 3]
            cells = zip(st.columns(3), together, strict=True)
            chosen = replace(chosen, **{name: _option(cell, name, chosen, language) for cell, name in cells})
    try:
        choices.choose(chosen)
    except InputError as error:
        st.html(page.error(text("options_refused", language, problem=told(error, language)), language))
    st.button(text("options_reset", language), on_click=_reset, key="options-reset", icon=":material/restart_alt:")
    st.html(page.section(text("arms_now", language)) + page.small(text("arms_now_note", language)))
    st.html(page.table(*_arms_now(language)))


def _option(column: Any, name: str, chosen: Choices, language: Language) -> Any:
    label, key, value = text(f"option_{name}", language), f"option-{name}", getattr(chosen, name)
    as_is = text("option_as_is", language)
    st.session_state.setdefault(key, value)
    with column:
        if name == "retrieve":
            given: Any = st.selectbox(
                label, ("", *choices.SEARCHES), key=key,
                format_func=lambda mode: text(f"mode_{mode}", language) if mode else as_is,
            )  # fmt: skip
        elif name == "where":
            given = st.text_input(label, key=key, max_chars=2000, placeholder='{"topic": "optics"}').strip()
        else:
            least, most, step = NUMBERS[name]
            form = "%d" if isinstance(step, int) else "%.2f"
            given = st.number_input(label, least, most, None, step, key=key, placeholder=as_is, format=form)
        st.html(page.small(text(f"option_{name}_help", language)))
    return given


def _reset() -> None:
    defaults = Choices()
    kept = {name: getattr(choices.current(), name) for name in ("device", "encoder")}
    choices.choose(replace(defaults, **kept))
    for name in (*RETRIEVAL, *DECODING):
        st.session_state[f"option-{name}"] = getattr(defaults, name)


def _arms_now(language: Language) -> tuple[list[str], list[list[str]]]:
    """For each way of answering, what it does with this session's options: what they changed is marked."""
    columns = ("arm", "search", "passages", "tokens", "beams", "temperature", "top_p", "contrast", "samples")
    rows = []
    for arm in ANSWERING.values():
        pairs = zip(_cells(arm, language), _cells(choices.adjusted(arm), language), strict=True)
        cells = [after + " *" * (after != before) for before, after in pairs]
        rows.append([page.arm_name(arm.name, language), *cells])
    return [text(f"column_{column}", language) for column in columns], rows


def _cells(arm: Arm, language: Language) -> list[str]:
    searches = arm.retrieve != "none"
    search = text(f"mode_{arm.retrieve}" if searches else "search_none", language)
    writing = arm.decoding
    values = (writing.max_new_tokens, writing.beams, writing.temperature, writing.top_p, writing.contrast,
              writing.samples)  # fmt: skip
    return [
        search,
        str(arm.num_passages) if searches else "–",
        *(f"{one:g}" if arm.generator else "–" for one in values),
    ]


# --------------------------------------------------------------------------------------------------------- the machine


def _encoder(language: Language) -> None:
    st.html(page.section(text("encoder_title", language)))
    here = [name for name, model in weights.MODELS.items() if model.kind == "encoder" and weights.is_here(name)]
    names = with_more(here, choices.current().encoder)
    name = st.selectbox(
        text("encoder_new", language), names, names.index(choices.current().encoder), key="option-encoder"
    )
    choices.choose(replace(choices.current(), encoder=name))
    st.html(page.small(text("encoder_note", language, chinese=weights.CHINESE_ENCODER)))
    st.html(page.section(text("models", language)) + page.small(text("models_note", language)))
    columns = [text(f"column_{column}", language) for column in ("model", "kind", "languages", "here")]
    st.html(page.table(columns, [_row(name, language) for name in weights.MODELS]))


def _row(name: str, language: Language) -> Sequence[str]:
    model = weights.MODELS[name]
    spoken = text("all_languages", language) if model.languages == ("*",) else ", ".join(model.languages)
    here = text("yes" if weights.is_here(name) else "no", language)
    return weights.label(name), text(f"kind_{model.kind}", language), spoken, here


def _machine(language: Language) -> None:
    st.html(page.section(text("machine", language)) + page.small(text("machine_note", language)))
    with st.spinner(text("machine_looking", language)):
        found, devices = _looked()
    chosen = choices.current()
    names = with_more(["", *devices], chosen.device)
    device = st.selectbox(
        text("device", language), names, names.index(chosen.device), key="option-device",
        format_func=lambda one: one or text("device_auto", language),
    )  # fmt: skip
    choices.choose(replace(chosen, device=device))
    st.html(page.small(text("device_note", language)))
    columns = [text(f"column_{column}", language) for column in ("what", "state", "found", "remedy")]
    rows = [
        (finding(name, language), text(f"check_{status}", language), *(finding(line, language) for line in more))
        for name, status, *more in found
    ]
    st.html(page.table(columns, rows))


@st.cache_data(ttl=LOOKED_AGAIN, show_spinner=False)
def _looked() -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """What `doctor` finds, and where models can run. Loads torch, so the rest of the page stands before it."""
    from firmground.ui.doctor import checks

    return [(one.name, one.status, one.found, one.remedy) for one in checks()], engine.devices()
