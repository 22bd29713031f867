"""The page: its frame, its door and its views. `firmground ui` starts it; by hand:

streamlit run ui/app.py -- --kb commonsense-en
"""

from __future__ import annotations

import argparse
import hmac
import os
import sys
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from firmground.knowledge import weights
from firmground.knowledge.packs import pack_names
from firmground.ui import page
from firmground.ui.frame import Frame, keep_choices, told
from firmground.ui.model_names import generators_here
from firmground.ui.serve import TOKEN
from firmground.ui.theme import CHINESE, ICON, STYLE
from firmground.ui.views import audit, compare, knowledge, runs, settings
from firmground.ui.wording import LANGUAGES, Language, text
from firmground.ui.workspace import Workspace, default_folder

KEPT = ("kb", "arms", "generator", "question")  # what was chosen in one view stays when another is opened
VIEWS = {
    "compare": (compare.draw, ":material/balance:"),
    "knowledge": (knowledge.draw, ":material/menu_book:"),
    "runs": (runs.draw, ":material/query_stats:"),
    "audit": (audit.draw, ":material/diversity_3:"),
    "settings": (settings.draw, ":material/tune:"),
}


def main() -> None:
    st.set_page_config(page_title="firmground", page_icon=ICON, layout="wide")
    st.html(STYLE)
    for key in KEPT:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]
    options = _options()
    language = _sidebar_language()
    keep_choices(language)
    if language == "zh":
        st.html(CHINESE)
    st.html(page.head(language))
    if not _admitted(language):
        return
    frame = Frame(language, Workspace(options.workspace), options.kb, options.generator, options.read_only)
    if frame.read_only:
        _keep_to_offered(frame)
    views = [
        st.Page(
            _guarded(draw, frame, name), title=text(f"view_{name}", language), icon=icon, url_path=name,
            default=name == "compare",
        )
        for name, (draw, icon) in VIEWS.items()
    ]  # fmt: skip
    st.navigation(views, position="top").run()


def _keep_to_offered(frame: Frame) -> None:
    """Read-only: visitors use what is offered to them, and have nothing else loaded by naming it."""
    own = [str(frame.workspace.base(name)) for name in frame.workspace.bases()]
    offered = {"generator": [frame.generator, *generators_here()], "kb": [frame.kb, *pack_names(), *own]}
    for key, names in offered.items():
        if st.session_state.get(key, names[0]) not in names:
            st.session_state[key] = names[0]


def _guarded(draw: Callable[[Frame], None], frame: Frame, name: str) -> Callable[[], None]:
    """The view as Streamlit takes it; what goes wrong in it is said in one line."""

    def view() -> None:
        try:
            draw(frame)
        except Exception as error:
            st.html(page.error(told(error, frame.language), frame.language))

    view.__name__ = name  # Streamlit asks a page's function for it
    return view


def _options() -> argparse.Namespace:
    """What `firmground ui` hands on; anything else on the command line isn't ours."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--kb", default="commonsense-en")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    parser.add_argument("--workspace", type=Path, default=default_folder())
    parser.add_argument("--read-only", action="store_true")
    return parser.parse_known_args(sys.argv[1:])[0]


def _sidebar_language() -> Language:
    """The interface's language: at first the browser's."""
    if "language" not in st.session_state:
        st.session_state.language = "中文" if (st.context.locale or "").startswith("zh") else "English"
    chosen = st.sidebar.radio(
        "Language · 界面语言", list(LANGUAGES), key="language", horizontal=True, label_visibility="collapsed"
    )
    return LANGUAGES[chosen]


def _admitted(language: Language) -> bool:
    """Whether this visitor may see the page: the one who knows the token, where it was started with one."""
    token = os.environ.get(TOKEN, "")
    if not token or st.session_state.get("admitted") == token:
        return True
    with st.form("access", border=False):
        given = st.text_input(text("access", language), type="password", help=text("access_hint", language))
        pressed = st.form_submit_button(text("access_enter", language), type="primary")
    if pressed and hmac.compare_digest(given.encode(), token.encode()):
        st.session_state.admitted = token
        st.rerun()
    if pressed:
        st.html(page.error(text("access_wrong", language), language))
    return False


if __name__ == "__main__":
    main()
