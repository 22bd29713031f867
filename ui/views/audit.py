"""Audit: what filters change, before and after; on whom the filters err; whom a knowledge base speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from firmground.eval.wording_audit import named, noted
from firmground.knowledge.errors import FirmgroundError
from firmground.knowledge.packs import pack_names
from firmground.ui import audit_jobs, charts, charts_audit, choices, engine, page
from firmground.ui.audit_jobs import Audit, AuditRequest
from firmground.ui.frame import Frame, Said, told
from firmground.ui.views import work
from firmground.ui.wording import Language, text

if TYPE_CHECKING:
    from firmground.eval.bias.effects import Effect, EffectTable
    from firmground.eval.filter_audit import FilterAudit, Gap
    from firmground.eval.stats import Interval
    from firmground.knowledge.audit import CorpusAudit

SHIPPED = ""  # the "audit" that needs no data: the output filter on sentences of our own
DEFAULT_LIMIT = 30
SHOWN_GROUPS, SHOWN_WORDS = 40, 20
VERDICTS = ("better", "worse", "none")


def draw(frame: Frame) -> None:
    language = frame.language
    parts = {"effects": _effects, "filters": _filters, "corpus": _corpus}
    part = st.segmented_control(
        text("audit_part", language), list(parts), default="effects", required=True, key="audit-part",
        format_func=lambda one: text(f"audit_{one}", language), label_visibility="collapsed",
    )  # fmt: skip
    try:
        parts[part or "effects"](frame)
    except Exception as error:  # whatever a file holds
        st.html(page.error(told(error, language), language))


# -------------------------------------------------------------------------------------------------- before and after


def _effects(frame: Frame) -> None:
    language, audits = frame.language, audit_jobs.all_audits(frame.workspace)
    if frame.read_only:
        st.html(page.note(text("audit_read_only", language)))
    else:
        _start(frame, not audits)
    if not audits:
        st.html(page.hint("audit_none_read_only" if frame.read_only else "audit_none", language))
    shipped = {SHIPPED: text("audit_shipped", language)}
    name = work.choose(text("audit_open", language), "audit", audits, language, shipped)
    if name == SHIPPED:
        with st.spinner(text("audit_working", language)):
            own = _shipped()
        _table(own, SHIPPED, "", language)
        return
    audit = next(one for one in audits if one.name == name)
    _progress(audit.folder, frame)
    if audit.state == "done":
        from firmground.eval.bias.effects import FILE, load_effects

        made = datetime.fromtimestamp((audit.folder / FILE).stat().st_mtime)
        table = load_effects(audit.folder)
        _overview(table, language)
        _table(table, audit.name, f"{made:%Y-%m-%d %H:%M}", language)
        _exports(audit, table, language)


def _overview(table: EffectTable, language: Language) -> None:
    """A line for each filter, over all sets, as the report has it."""
    from firmground.eval.report.audit import OVERVIEW, overview
    from firmground.eval.wording import say

    st.html(page.section(text("audit_overview", language)) + page.small(text("audit_overview_note", language)))
    columns = [text("audit_filter", language), *(say(name, language) for name in OVERVIEW)]
    rows = [(named(name, language), *cells) for name, _, *cells in overview(table, language)]
    st.html(page.table(columns, rows))


def _exports(audit: Audit, table: EffectTable, language: Language) -> None:
    """The reports are made when they are asked for, in the page's language."""
    from firmground.eval.bias.effects import FILE
    from firmground.eval.report.audit import MARKDOWN, PAGE, audit_html, audit_markdown

    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        PAGE: ("text/html", lambda: audit_html(table, language).encode("utf-8", "replace")),
        MARKDOWN: ("text/markdown", lambda: audit_markdown(table, language).encode("utf-8", "replace")),
        FILE: ("application/json", (audit.folder / FILE).read_bytes),
    }
    st.html(page.small(text("run_exports", language)))
    with st.container(horizontal=True, gap="small"):
        for name, (kind, contents) in files.items():
            st.download_button(name, contents, f"{audit.name}-{name}", kind, key=f"export-{name}", on_click="ignore")


@st.cache_resource(show_spinner=False)
def _shipped() -> EffectTable:
    """What ships: the filters on our own sentences, in seconds, without a model or any data."""
    from firmground.eval.bias.effects import EffectTable
    from firmground.eval.bias.outputs import own_effects

    return EffectTable((*own_effects("en"), *own_effects("zh")), "", {})


def _table(table: EffectTable, name: str, made: str, language: Language) -> None:
    """The effects on one set by one filter, in words, as charts and as figures."""
    st.html(page.small(text("effects_intro", language)))
    _made_with(table, made, language)
    sets = list(dict.fromkeys(effect.set for effect in table.effects))
    if not sets:
        return
    left, right = st.columns(2)
    shown = left.selectbox(
        text("audit_set", language), sets, format_func=lambda one: named(one, language), key=f"audit-set-{name}"
    )
    filters = list(dict.fromkeys(effect.filter for effect in table.effects if effect.set == shown))
    chosen = right.selectbox(
        text("audit_filter", language),
        filters,
        format_func=lambda one: named(one, language),
        key=f"audit-by-{name}-{shown}",
    )
    effects = [effect for effect in table.effects if (effect.set, effect.filter) == (shown, chosen)]
    st.html(page.note(said(effects, language)))
    for kind in ("bias", "blocking", "utility"):
        _charts([effect for effect in effects if effect.kind == kind], kind, language)
    st.html(page.section(text("audit_table", language)) + page.table(*_rows(effects, language)))


def _made_with(table: EffectTable, made: str, language: Language) -> None:
    files = table.conditions.get("files") or {}
    figures = {"audit_model": table.generator, "audit_made": made, "audit_files": ", ".join(files)}
    told = {text(key, language): value for key, value in figures.items() if value}
    if told:
        st.html(page.figures(told))
    if table.notes:
        with st.expander(text("audit_notes", language)):
            for note in table.notes:
                st.html(page.small(noted(note, language)))


def said(effects: Sequence[Effect], language: Language) -> str:
    """What the filter did, in words: how many figures of each kind it moved, and which way."""
    sentences = []
    for kind in ("bias", "utility", "blocking"):
        counts: Counter[str] = Counter(effect.verdict for effect in effects if effect.kind == kind)
        if kind == "bias" and not counts:
            sentences.append(text("said_not_bias", language))
        elif kind == "bias" and set(counts) == {"none"}:
            sentences.append(text("said_no_effect", language))
        elif any(counts[verdict] for verdict in VERDICTS):
            sentences.append(text(f"said_{kind}", language, **{verdict: counts[verdict] for verdict in VERDICTS}))
    return ("" if language == "zh" else " ").join(sentences)


def _charts(effects: Sequence[Effect], kind: str, language: Language) -> None:
    """A chart for each measure, since each has a scale of its own."""
    if not effects:
        return
    st.html(page.section(text(f"kind_{kind}", language)))
    for measure in dict.fromkeys(effect.measure for effect in effects):
        mine = [effect for effect in effects if effect.measure == measure and effect.before.value is not None]
        if mine:
            chart = charts_audit.effect_chart(mine, language)
            charts.draw(chart, charts_audit.height(len(mine)))


def _rows(effects: Sequence[Effect], language: Language) -> tuple[list[str], list[list[str]]]:
    columns = ("kind", "measure", "rows", "n", "before", "after", "change", "ideal", "verdict")
    rows = [
        [
            text(f"kind_{effect.kind}", language), named(effect.measure, language), named(effect.rows, language),
            f"{effect.before.n:,}", bounds(effect.before), bounds(effect.after),
            bounds(effect.change, signed=True) if effect.change else "–",
            "–" if effect.ideal is None else f"{effect.ideal:g}", text(f"verdict_{effect.verdict}", language),
        ]
        for effect in effects
    ]  # fmt: skip
    return [text(f"column_{column}", language) for column in columns], rows


def bounds(interval: Interval, signed: bool = False) -> str:
    """A value with its interval: "0.54 [0.47, 0.61]"."""
    if interval.value is None:
        return "–"
    numbers = [interval.value, *(bound for bound in (interval.low, interval.high) if bound is not None)]
    digits = 0 if all(float(one).is_integer() and abs(one) > 1 for one in numbers) else 3 if abs(numbers[0]) < 10 else 1
    told = [f"{one:{'+' if signed else ''},.{digits}f}".replace("-", "−") for one in numbers]
    words = f"{told[0]} [{', '.join(told[1:])}]" if len(told) == 3 else told[0]
    return words.replace(" ", "\N{NO-BREAK SPACE}")


# --------------------------------------------------------------------------------------------------- started, followed


def _start(frame: Frame, first: bool) -> None:
    language = frame.language
    with st.expander(text("audit_new", language), icon=":material/add:", expanded=first):
        st.html(page.small(text("audit_goes_on", language)))
        files = st.file_uploader(
            text("audit_upload", language), type=["csv", "json", "jsonl"], accept_multiple_files=True,
            key=f"audit-files-{st.session_state.get('audits_started', 0)}",
        )  # fmt: skip
        left, middle, right = st.columns([2, 1, 1])
        data = left.text_input(
            text("audit_folder", language), key="audit-folder", help=text("audit_folder_help", language)
        ).strip()
        limit = int(middle.number_input(text("audit_limit", language), 0, 100_000, DEFAULT_LIMIT, key="audit-limit"))
        bases = {"": text("audit_kb_none", language), **{one: one for one in pack_names()},
                 **{str(frame.workspace.base(one)): one for one in frame.workspace.bases()}}  # fmt: skip
        kb = right.selectbox(text("audit_kb", language), list(bases), format_func=bases.__getitem__, key="audit-kb")
        pressed = st.button(text("audit_start", language), type="primary", key="audit-start")
    if not pressed:
        return
    try:
        if not files and not data:
            raise Said(text("audit_need_data", language))
        name = audit_jobs.new_name(frame.workspace)
        if files:
            folder = frame.workspace.audit(name) / audit_jobs.DATA
            for file in files:
                audit_jobs.keep_file(folder, file.name, file.getvalue())
            data = str(folder)
        generator = str(st.session_state.get("generator") or frame.generator)
        sets = audit_jobs.count_sets(data, generator, limit)
        request = AuditRequest(data, generator, limit, kb, choices.current().device, sets)
        audit_jobs.start(frame.workspace, name, request)
    except FirmgroundError as error:
        st.html(page.error(told(error, language), language))
        return
    st.session_state.update(audit=name, audits_started=st.session_state.get("audits_started", 0) + 1)
    st.rerun()


def _progress(folder: Path, frame: Frame) -> None:
    language = frame.language

    def said(audit: Audit) -> str:
        key = "audit_sets_done" if audit.total else "audit_sets_so_far"
        words = text(key, language, done=audit.done, total=audit.total)
        return words + (" · " + text("audit_now", language, name=named(audit.now, language)) if audit.now else "")

    def go_on(audit: Audit) -> None:
        assert audit.request is not None
        audit_jobs.start(frame.workspace, audit.name, audit.request)

    work.follow(lambda: audit_jobs.look(folder), said, go_on, frame)


# ---------------------------------------------------------------------------------------------------------- the filters


def _filters(frame: Frame) -> None:
    """How often the filters flag what they shouldn't, by kind of speech and by group."""
    language = frame.language
    with st.spinner(text("audit_working", language)):
        found = _filter_audit()
    st.html(page.small(text("filters_intro", language, cases=f"{found.cases:,}")))
    kinds = [rate for rate in found.rates if rate.by == "kind"]
    st.html(page.section(text("filters_kinds", language)))
    _rate_chart(kinds, language)
    st.html(page.section(text("filters_groups", language)))
    for gap in found.gaps:
        st.html(page.note(gap_said(gap, language)))
    groups = [rate for rate in found.rates if rate.by == "group" and not rate.offensive]
    flagged = {rate.name for rate in groups if rate.flagged.value}
    drawn = [rate for rate in groups if rate.name in flagged][: 2 * SHOWN_GROUPS]
    if drawn:
        _rate_chart(drawn, language)
    if rest := len({rate.name for rate in groups} - flagged):
        st.html(page.small(text("filters_unflagged", language, count=rest)))


def _rate_chart(rates: Sequence[object], language: Language) -> None:
    chart = charts_audit.rate_chart(rates, language)  # type: ignore[arg-type]
    names = {rate.name for rate in rates}  # type: ignore[attr-defined]
    charts.draw(chart, charts_audit.height(len(names)))


def gap_said(gap: Gap, language: Language) -> str:
    """The gap between the groups flagged most and least often, beside what chance alone shows."""
    name = text(f"filter_{gap.filter}", language)
    if not gap.value:
        return text("filters_groups_none", language, filter=name)
    told = text(
        "filters_groups_note", language, filter=name, most=named(gap.most, language), least=named(gap.least, language),
        gap=f"{100 * gap.value:.0f}", groups=gap.groups, chance=f"{100 * gap.by_chance:.0f}",
    )  # fmt: skip
    judged = text("filters_groups_beyond" if gap.value > gap.by_chance else "filters_groups_fine", language)
    return told + ("" if language == "zh" else " ") + judged


@st.cache_resource(show_spinner=False)
def _filter_audit() -> FilterAudit:
    from firmground.eval.filter_audit import audit_filter, own_cases

    return audit_filter(own_cases())


# ------------------------------------------------------------------------------------------------------------- a corpus


def _corpus(frame: Frame) -> None:
    """Whom a knowledge base names, and with which words."""
    language, own = frame.language, frame.workspace.bases()
    st.html(page.small(text("corpus_intro", language)))
    name = st.selectbox(
        text("corpus_choose", language), [*own, *pack_names()], key="audit-base",
        format_func=lambda one: one if one in own else text("kb_pack", language, name=one),
    )  # fmt: skip
    looked: tuple[str, CorpusAudit] | None = st.session_state.get("corpus_audit")
    if name in pack_names() and name not in own:
        _corpus_found(_pack_audit(name), language)
        return
    if st.button(text("corpus_look", language), type="primary"):
        looked = (name, _base_audit(name, frame))
        st.session_state.corpus_audit = looked
    if looked and looked[0] == name:
        _corpus_found(looked[1], language)


@st.cache_resource(show_spinner=False)
def _pack_audit(name: str) -> CorpusAudit:
    from firmground.knowledge.audit import audit
    from firmground.knowledge.packs import pack_documents

    return audit(pack_documents(name))


def _base_audit(name: str, frame: Frame) -> CorpusAudit:
    from firmground.knowledge.audit import audit

    base = engine.knowledge_base(str(frame.workspace.base(name)))
    with st.spinner(text("corpus_reading", frame.language, count=f"{len(base):,}"), show_time=True):
        return audit(base.documents())


def _corpus_found(found: CorpusAudit, language: Language) -> None:
    numbers = {"documents": f"{found.documents:,}", "sentences": f"{found.sentences:,}"}
    st.html(page.small(text("corpus_counts", language, **numbers)))
    if not found.counts:
        st.html(page.hint("corpus_nobody", language))
        return
    st.html(page.section(text("corpus_groups", language)))
    columns = ("category", "group", "mentions", "sentences", "documents")
    rows = [
        (named(one.category, language), named(one.group, language), f"{one.mentions:,}", f"{one.sentences:,}",
         f"{one.documents:,}")
        for one in found.counts[:SHOWN_GROUPS]
    ]  # fmt: skip
    st.html(page.table([text(f"column_{column}", language) for column in columns], rows))
    st.html(page.section(text("corpus_words", language)))
    sure = [one for one in found.associations if one.sure][:SHOWN_WORDS]
    if not sure:
        st.html(page.hint("corpus_words_none", language))
        return
    st.html(page.small(text("corpus_words_note", language)))
    charts.draw(charts_audit.association_chart(sure, language), charts_audit.height(len(sure)))
