"""Settings: what this machine can do, which models are here, and where things are kept."""

from __future__ import annotations

import streamlit as st

from firmground.knowledge import weights
from firmground.ui import page
from firmground.ui.doctor import checks
from firmground.ui.frame import Frame
from firmground.ui.wording import text


def draw(frame: Frame) -> None:
    language = frame.language
    st.html(page.section(text("models", language)) + page.small(text("models_note", language)))
    columns = [text(f"column_{column}", language) for column in ("model", "kind", "languages", "here")]
    rows = [
        (name, text(f"kind_{model.kind}", language), ", ".join(model.languages),
         text("yes" if weights.is_here(name) else "no", language))
        for name, model in weights.MODELS.items()
    ]  # fmt: skip
    st.html(page.table(columns, rows))
    st.html(page.section(text("machine", language)) + page.small(text("machine_note", language)))
    columns = [text(f"column_{column}", language) for column in ("what", "state", "found", "remedy")]
    with st.spinner(text("machine_looking", language)):
        found = [(one.name, text(f"check_{one.status}", language), one.found, one.remedy) for one in checks()]
    st.html(page.table(columns, found))
    st.html(page.section(text("workspace", language)))
    st.html(page.small(text("workspace_note", language, folder=frame.workspace.root)))
    st.html(page.small(text("theme_note", language)))
