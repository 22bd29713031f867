"""Knowledge: make knowledge bases, put files into them, read, search, edit and delete what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from firmground.knowledge import weights
from firmground.knowledge.errors import FirmgroundError, KnowledgeBaseError
from firmground.knowledge.packs import pack_names
from firmground.ui import choices, engine, page
from firmground.ui.frame import Frame, told
from firmground.ui.wording import Language, text
from firmground.ui.wording.errors import reason
from firmground.ui.workspace import is_name

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.types import Document
    from firmground.ui.indexing_job import IndexingJob

FORMATS = ["txt", "md", "markdown", "html", "htm", "pdf", "docx", "csv", "json", "jsonl"]
SHOWN_DOCUMENTS = 200  # in the list; more are found by their title
SHOWN_FAILURES = 50
FOUND = 8
MODES = ("hybrid", "dense", "lexical")


def draw(frame: Frame) -> None:
    language = frame.language
    if frame.read_only:
        st.html(page.note(text("read_only", language)))
    else:
        _make(frame)
    own = frame.workspace.bases()
    if not own and not frame.read_only:
        st.html(page.hint("kb_none", language))
    names = [*own, *pack_names()]
    if st.session_state.get("base") not in names:
        st.session_state.pop("base", None)
    name = st.selectbox(
        text("kb_choose", language), names, key="base",
        format_func=lambda one: one if one in own else text("kb_pack", language, name=one),
    )  # fmt: skip
    try:
        _draw_base(name, own, frame)
    except Exception as error:
        st.html(page.error(told(error, language), language))


def _draw_base(name: str, own: Sequence[str], frame: Frame) -> None:
    language = frame.language
    folder = str(frame.workspace.base(name)) if name in own else name
    if name in own:
        if about := frame.workspace.about(name):
            st.html(page.small(about))
        if not frame.read_only:
            _add_files(name, frame)
    else:
        st.html(page.note(text("pack_note", language)))
    with st.spinner(text("loading_base", language)):
        base = engine.knowledge_base(folder)
    writable = name in own and not frame.read_only
    parts = {"documents": _documents, "search": _search, "health": _health}
    part = st.segmented_control(
        text("kb_parts", language), list(parts), default="documents", required=True, key="kb-part",
        format_func=lambda one: text(f"tab_{one}", language), label_visibility="collapsed",
    )  # fmt: skip
    parts[part or "documents"](base, name, writable, frame)


# ---------------------------------------------------------------------------------------------------- made and deleted


def _make(frame: Frame) -> None:
    language = frame.language
    here = [name for name, model in weights.MODELS.items() if model.kind == "encoder" and weights.is_here(name)]
    encoders, wanted = here or [weights.DEFAULT_ENCODER], choices.current().encoder
    with st.expander(text("kb_new", language), icon=":material/add:"), st.form("new-base", border=False):
        name = st.text_input(text("kb_name", language), max_chars=64, help=text("kb_name_help", language))
        about = st.text_input(text("kb_about", language), max_chars=300)
        encoder = st.selectbox(
            text("kb_encoder", language), encoders, encoders.index(wanted) if wanted in encoders else 0,
            help=text("kb_encoder_help", language, chinese=weights.CHINESE_ENCODER),
        )  # fmt: skip
        pressed = st.form_submit_button(text("kb_make", language), type="primary")
    if not pressed:
        return
    if not is_name(name.strip()):
        st.html(page.error(text("kb_bad_name", language), language))
    elif name.strip() in frame.workspace.bases():
        st.html(page.error(text("kb_taken", language, name=name.strip()), language))
    else:
        try:
            engine.make_base(frame.workspace.base(name.strip()), encoder)
            frame.workspace.describe(name.strip(), about)
        except FirmgroundError as error:
            st.html(page.error(told(error, language), language))
            return
        st.session_state.base = name.strip()
        st.toast(text("kb_made", language, name=name.strip()))


def _delete_base(base: KnowledgeBase, name: str, frame: Frame) -> None:
    language = frame.language
    with st.expander(text("kb_delete", language), icon=":material/delete:"):
        typed = st.text_input(text("kb_delete_sure", language, name=name, count=len(base)), key=f"delete-{name}")
        if st.button(text("kb_delete", language), disabled=typed.strip() != name):
            frame.workspace.delete_base(name)
            engine.forget_base(str(frame.workspace.base(name)))
            st.toast(text("kb_deleted", language, name=name))
            st.rerun()


# --------------------------------------------------------------------------------------------------------------- files


def _add_files(name: str, frame: Frame) -> None:
    """Where files are dropped, and what became of them. The work goes on when the page is closed."""
    language, jobs = frame.language, engine.indexing_jobs()
    job = jobs.get(str(frame.workspace.base(name)))
    if job is not None:
        _job(name, frame)
        if job.state == "running":
            return
    folder = st.toggle(text("files_folder", language), key=f"folder-{name}")
    files = st.file_uploader(
        text("files_add", language), type=FORMATS, accept_multiple_files="directory" if folder else True,
        help=text("files_kinds", language), key=f"files-{name}-{folder}-{st.session_state.get('dropped', 0)}",
    )  # fmt: skip
    if files and st.button(text("files_start", language, count=len(files)), type="primary"):
        engine.start_indexing(name, frame.workspace.base(name), files)
        st.session_state.dropped = st.session_state.get("dropped", 0) + 1  # an empty box for the next ones
        st.rerun()


def _job(name: str, frame: Frame) -> None:
    folder = str(frame.workspace.base(name))
    job = engine.indexing_jobs()[folder]

    @st.fragment(run_every=0.7 if job.state == "running" else None)
    def show() -> None:
        _draw_job(job, folder, frame.language)
        if job.state != "running" and st.session_state.get("seen_running") == folder:
            del st.session_state["seen_running"]
            st.rerun()  # the whole view: what was added is there now

    if job.state == "running":
        st.session_state.seen_running = folder
    show()


def _draw_job(job: IndexingJob, folder: str, language: Language) -> None:
    report = job.report
    if job.state == "running":
        st.progress(job.done / max(1, job.total))
        st.html(page.small(text("job_file", language, done=job.done, total=job.total, current=job.current)))
        if st.button(text("job_stop", language), key="job-stop"):
            job.stop.set()
        return
    if job.state == "failed":
        st.html(page.error(text("job_problem", language, problem=told(job.problem, language)), language))
    if job.state == "stopped":
        st.html(page.note(text("job_stopped", language)))
    values = {"added": report.added, "replaced": report.replaced, "unchanged": report.unchanged}
    st.html(page.note(text("job_done", language, passages=report.passages, **values)))
    if job.failures:
        with st.expander(text("job_failed_files", language, count=len(job.failures)), expanded=True):
            columns = [text(f"column_{column}", language) for column in ("file", "reason")]
            lines = [(file, reason(why, language)) for file, why in job.failures[:SHOWN_FAILURES]]
            st.html(page.table(columns, lines))
    if st.button(text("job_clear", language), key="job-clear", type="tertiary"):
        engine.indexing_jobs().pop(folder, None)
        st.rerun()


# ----------------------------------------------------------------------------------------------------------- documents


def _documents(base: KnowledgeBase, name: str, writable: bool, frame: Frame) -> None:
    language = frame.language
    if not len(base):
        st.html(page.hint("documents_empty", language))
        return
    wanted = st.text_input(text("documents_find", language), key=f"find-{name}").strip().casefold()
    found: list[Document] = []
    for document in base.documents():
        if wanted in f"{document.title} {document.id}".casefold():
            found.append(document)
        if len(found) == SHOWN_DOCUMENTS:
            break
    if not found:
        st.html(page.hint("documents_none", language))
        return
    st.html(page.small(text("documents_shown", language, shown=len(found), count=len(base))))
    columns = [text(f"column_{column}", language) for column in ("title", "id", "source", "length")]
    rows = [dict(zip(columns, (one.title or one.id, one.id, one.source, len(one.text)), strict=True)) for one in found]
    event: Any = st.dataframe(
        rows, hide_index=True, on_select="rerun", selection_mode="single-row", height=min(35 * len(rows) + 38, 320),
        key=f"documents-{name}",
    )  # fmt: skip
    chosen = [row for row in event.selection.rows if row < len(found)]
    if chosen:
        _document(base, found[chosen[0]], name, writable, frame)
    else:
        st.html(page.small(text("documents_open", language)))


def _document(base: KnowledgeBase, document: Document, name: str, writable: bool, frame: Frame) -> None:
    language, title = frame.language, document.title or document.id
    count = text("document_passages", language, count=len(base.passages(document.id)))
    st.html(page.asked(title) + page.small(f"{document.source} · {count}"))
    if not writable:
        st.html(page.document_at(document, 0, 0, len(document.text), language))
        return
    edited = st.text_area(text("document_text", language), document.text, height=320, key=f"text-{name}-{document.id}")
    save, delete = st.columns(2)
    if save.button(text("document_save", language), type="primary", disabled=edited == document.text):
        if not edited.strip():
            st.html(page.error(text("document_empty", language), language))
        elif _write(name, frame, lambda writer: writer.add([_with_text(document, edited)])):
            st.toast(text("document_saved", language))
            st.rerun()
    with delete.popover(text("document_delete", language), icon=":material/delete:"):
        sure = st.button(text("document_delete_sure", language))
        if sure and _write(name, frame, lambda writer: writer.remove([document.id])):
            st.toast(text("document_deleted", language))
            st.rerun()


def _with_text(document: Document, edited: str) -> Document:
    """The document with another text; where the pages of a PDF began is no longer known."""
    from firmground.knowledge.types import Document

    kept = {key: value for key, value in document.metadata.items() if key != "pages"}
    return Document(document.id, edited, document.source, kept)


def _write(name: str, frame: Frame, do: Any) -> bool:
    """Change the base, held alone for that moment; False, with a message, where another is writing it."""
    try:
        with engine.writer(frame.workspace.base(name)) as writer:
            do(writer)
    except KnowledgeBaseError as error:
        busy = "being written" in str(error)
        words = text("busy_here", frame.language) if busy else told(error, frame.language)
        st.html(page.error(words, frame.language))
        return False
    return True


# ------------------------------------------------------------------------------------------------------ search, health


def _search(base: KnowledgeBase, name: str, writable: bool, frame: Frame) -> None:
    language = frame.language
    box, how = st.columns([3, 1], vertical_alignment="bottom")
    wanted = box.text_input(text("search_for", language), key="search-for", max_chars=2000)
    mode = how.selectbox(
        text("search_mode", language), MODES, format_func=lambda one: text(f"mode_{one}", language), key="search-mode"
    )
    if wanted.strip():
        hits = base.search(wanted, k=FOUND, mode=mode)
        st.html(page.passages(hits, language) if hits else page.hint("search_nothing", language))


def _health(base: KnowledgeBase, name: str, writable: bool, frame: Frame) -> None:
    language, stats = frame.language, base.stats()
    figures = {
        "documents": f"{stats['documents']:,}", "passages": f"{stats['passages']:,}",
        "size": f"{stats['bytes'] / 1e6:,.1f} MB", "encoder": base.encoder_record.name, "index": _index_name(stats),
    }  # fmt: skip
    st.html(page.figures({text(f"figure_{key}", language): value for key, value in figures.items()}))
    if st.button(text("health_check", language)):
        damage = base.verify()
        if damage:
            st.html(page.error(text("health_damaged", language, what="; ".join(damage)), language))
        else:
            st.html(page.note(text("health_fine", language)))
    if writable:
        _delete_base(base, name, frame)


def _index_name(stats: dict[str, Any]) -> str:
    index = stats.get("index")
    return str(index.get("kind", "–")) if isinstance(index, dict) else str(index or "–")
