"""What the page shows, as HTML: answers marked by verdict, citations, evidence, the legend.

Questions, answers, documents and error messages are written by others: each goes through `escape`, and the result is
given to `st.html`, which reads no markdown, runs no script and lets Streamlit's sanitiser pass over it once more.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape as _escape
from pathlib import PurePath
from typing import Any, Literal

from firmground.knowledge.types import Document, Hit, Passage
from firmground.rag.ground import pooled
from firmground.rag.types import Answer, Citation, Claim, Weighing
from firmground.ui.show import VERDICTS
from firmground.ui.wording import TEXTS, Language, text

# What stood below the last answers stays on the page until a script ends: it isn't the next question's evidence.
NOTHING_BELOW = "<style>.st-key-below { display: none; }</style>"
LONG = 120  # characters from which an answer is set in the smaller size


def escape(value: object) -> str:
    """Any value as HTML text, also safe inside a quoted attribute."""
    return _escape(str(value), quote=True)


def say(key: str, language: Language, **values: object) -> str:
    """A text of the interface as HTML."""
    return escape(text(key, language, **values))


def page(*parts: str) -> str:
    return f'<div class="fg-page">{"".join(parts)}</div>'


def head(language: Language) -> str:
    tagline = say("tagline", language)
    return page(f'<div class="fg-head"><div class="fg-logo"></div><div><h1 class="fg-name">firmground</h1>'
                f'<p class="fg-tagline">{tagline}</p></div></div>')  # fmt: skip


def asked(question: str, understood: str = "", language: Language = "en") -> str:
    """The question, and below it how it was understood by those before it, where that differs."""
    return page(f'<h2 class="fg-asked">{escape(question)}</h2>{_understood(question, understood, language)}')


def _understood(question: str, understood: str, language: Language) -> str:
    if understood in ("", question):
        return ""
    return f'<p class="fg-quiet fg-understood">{say("understood", language, question=understood)}</p>'


def history(turns: Sequence[tuple[str, str, Mapping[str, Answer]]], language: Language) -> str:
    """Earlier questions of a conversation, oldest first: (as asked, as understood, answers), each to be unfolded."""
    return page(f'<div class="fg-history">{"".join(_turn(*turn, language) for turn in turns)}</div>')


def _turn(question: str, understood: str, answers: Mapping[str, Answer], language: Language) -> str:
    said = "".join(
        f"<dt>{escape(arm_name(name, language))}</dt><dd>{_marked(answer, language)}</dd>"
        for name, answer in answers.items()
    )
    told = _understood(question, understood, language)
    return f"<details><summary>{escape(question)}</summary>{told}<dl>{said}</dl></details>"


def hint(key: str, language: Language) -> str:
    return page(f'<p class="fg-hint">{say(key, language)}</p>')


def small(message: str) -> str:
    return page(f'<p class="fg-quiet">{escape(message)}</p>')


def note(message: str) -> str:
    return page(f'<div class="fg-note" role="note">{escape(message)}</div>')


def error(message: str, language: Language) -> str:
    return page(f'<div class="fg-error" role="alert"><b>{say("error", language)}</b><br>{escape(message)}</div>')


def as_data(html: str) -> str:
    """A whole HTML page as an address for a frame. It has an origin of its own there: it can't reach this page."""
    return "data:text/html;charset=utf-8;base64," + b64encode(html.encode("utf-8", "replace")).decode("ascii")


def section(title: str) -> str:
    return page(f'<h3 class="fg-section">{escape(title)}</h3>')


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    header = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return page(f'<div class="fg-scroll"><table class="fg-table"><tr>{header}</tr>{body}</table></div>')


def figures(values: Mapping[str, str]) -> str:
    """Some figures, each under its name."""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in values.items())
    return page(f'<dl class="fg-figures">{cells}</dl>')


# ------------------------------------------------------------------------------------------------------------- answers


def idle_card(arm: str, language: Language) -> str:
    """An arm before anything was asked: what it is."""
    return _card(arm, "", language, "fg-idle")


def waiting_card(arm: str, language: Language) -> str:
    return _card(arm, f'<div class="fg-answer fg-wait">{say("waiting", language)} …</div>', language)


def streaming_card(arm: str, so_far: str, language: Language, weighing: Weighing | None = None) -> str:
    """An answer as far as it has come; all is written where texts are being weighed."""
    body = escape(so_far.lstrip()) or f'<span class="fg-wait">{say("working", language)}</span>'
    body = f'<div class="{_size(so_far)}">{body}<span class="fg-caret"></span></div>'
    if weighing is not None:
        body += f'<div class="fg-foot">{say("weighing", language, number=weighing.number, of=weighing.of)}</div>'
    return _card(arm, body, language, "fg-busy")


def answer_card(answer: Answer, hits: Sequence[Hit], language: Language, written: str = "") -> str:
    """A judged answer: its words underlined by verdict, every claim with what it rests on, and what it cost.

    `written`: what the model wrote, where a quotation took its place.
    """
    body = f'<div class="{_size(answer.text)}">{_marked(answer, language)}</div>'
    if answer.claims:
        many = len(answer.claims) > 1
        items = (_claim(claim, number if many else 0, hits, language) for number, claim in enumerate(answer.claims, 1))
        body += f'<ul class="fg-claims">{"".join(items)}</ul>'
    for told in remarks(answer, written, language):
        body += f'<div class="fg-note" role="note">{escape(told)}</div>'
    return _card(answer.arm, body + f'<div class="fg-foot">{_cost(answer, language)}</div>', language)


def remarks(answer: Answer, written: str, language: Language) -> list[str]:
    """What else there is to know about an answer: nothing is exchanged, changed or left out silently."""
    told = [text("exchanged", language, written=written)] if written else []
    if answer.basis == "model" and answer.hits:
        told.append(text("from_memory", language))
    if answer.gate is not None:
        told.append(text("gate_says", language, value=f"{100 * answer.gate:.0f} %"))
    for one in answer.repairs:
        told.append(text("changed" if one.after else "cut", language, before=one.before, after=one.after, why=one.why))
    changed = {one.before for one in answer.repairs}
    told += [f"“{one.text}”: {one.why}" for one in answer.findings if one.text not in changed]
    if answer.without:
        told.append(text("lacking", language, fields=", ".join(answer.without)))
    return told


def arm_name(arm: str, language: Language) -> str:
    return text(arm, language) if arm in TEXTS else arm


def _card(arm: str, body: str, language: Language, state: Literal["", "fg-busy", "fg-idle"] = "") -> str:
    effect = say(f"{arm}_effect", language) if f"{arm}_effect" in TEXTS else ""
    title = f'<div class="fg-arm"><b>{escape(arm_name(arm, language))}</b><span>{effect}</span></div>'
    return page(f'<section class="fg-card {state}" data-arm="{escape(arm)}">{title}{body}</section>')


def _size(words: str) -> str:
    return "fg-answer fg-long" if len(words) > LONG else "fg-answer"


def _marked(answer: Answer, language: Language) -> str:
    """The answer's own text, every claim in it underlined; a claim that overlaps one before it isn't marked twice."""
    if answer.abstained:
        declined = say("declined", language)
        return f'{escape(answer.text)} <div class="fg-quiet">{_sign("unverifiable", language)}{declined}</div>'
    if not answer.text.strip():
        return f'<span class="fg-wait">{say("empty_answer", language)}</span>'
    parts, done = [], 0
    for number, claim in enumerate(answer.claims, 1):
        if not done <= claim.start < claim.end <= len(answer.text):
            continue
        cited = claim.citations[0].text if claim.citations else text(_without_citation(claim), language)
        hover = escape(f"{text(claim.verdict, language)}: {cited}")
        mark = _sign(claim.verdict, language, number if len(answer.claims) > 1 else 0)
        parts.append(escape(answer.text[done : claim.start]))
        parts.append(f'<span class="fg-claim fg-{claim.verdict}" tabindex="0" data-evidence="{hover}">'
                     f"{escape(answer.text[claim.start : claim.end])}</span>{mark}")  # fmt: skip
        done = claim.end
    return "".join(parts) + escape(answer.text[done:])


def _sign(verdict: str, language: Language, number: int = 0) -> str:
    sign, name = VERDICTS[verdict][0], say(verdict, language)
    return (f'<span class="fg-sign fg-{verdict}" role="img" aria-label="{name}" title="{name}">'
            f"{number or ''}{sign}</span>")  # fmt: skip


def _claim(claim: Claim, number: int, hits: Sequence[Hit], language: Language) -> str:
    verdict = f'<b class="fg-word fg-{claim.verdict}">{say(claim.verdict, language)}</b>'
    if claim.support is not None:
        verdict += f' <span class="fg-quiet">{say("support", language, value=f"{claim.support:.2f}")}</span>'
    line = _sign(claim.verdict, language, number) + verdict
    said = f'<span class="fg-said">{escape(claim.text)}</span>' if number else ""
    if not claim.citations:
        return f'<li>{line} <span class="fg-quiet">· {say(_without_citation(claim), language)}</span>{said}</li>'
    quotes = "".join(_citation(citation, hits, language) for citation in claim.citations)
    opened = f'<span class="fg-open">{say("open_citation", language)}</span>'
    return f"<li><details><summary>{line} · {opened}{said}</summary>{quotes}</details></li>"


def _without_citation(claim: Claim) -> str:
    """The text that says why a claim cites nothing."""
    return "no_evidence" if claim.verdict == "unverifiable" else "no_citation"


def _citation(citation: Citation, hits: Sequence[Hit], language: Language) -> str:
    """The cited sentence marked inside its passage, if that is among the hits; else the sentence alone."""
    passage = next((hit.passage for hit in hits if hit.passage.id == citation.passage), None)
    if passage is None:
        title, words = "", f"<mark>{escape(citation.text)}</mark>"
    else:
        title = f'<div class="fg-title">{escape(passage.title)}</div>' if passage.title else ""
        words = highlighted(passage, [citation])
    where = place(citation.source, citation.document, citation.page, citation.start, citation.end, language)
    return f'<div class="fg-quote">{title}<p>{words}</p>{where}</div>'


def highlighted(passage: Passage, citations: Iterable[Citation]) -> str:
    """The passage as HTML, with what the citations cite in it marked once; citations count in the document's text."""
    spans = sorted((one.start - passage.start, one.end - passage.start) for one in citations)
    parts, done = [], 0
    for start, end in spans:
        start, end = max(start, done), min(end, len(passage.text))
        if start >= end:
            continue
        parts.append(f"{escape(passage.text[done:start])}<mark>{escape(passage.text[start:end])}</mark>")
        done = end
    return "".join(parts) + escape(passage.text[done:])


def document_at(document: Document, start: int, end: int, room: int, language: Language) -> str:
    """A document's text around a cited place, which is marked: `room` characters before and after it."""
    first, last = max(0, start - room), min(len(document.text), end + room)
    before, after = document.text[first:start], document.text[end:last]
    words = (
        ("… " if first else "") + escape(before) + f"<mark>{escape(document.text[start:end])}</mark>" + escape(after)
        + (" …" if last < len(document.text) else "")
    )  # fmt: skip
    where = place(document.source, document.id, None, start, end, language)
    return page(f'{where}<div class="fg-document" tabindex="0">{words}</div>')


def place(source: str, document: str, page_number: object, start: int, end: int, language: Language) -> str:
    """Where it can be opened: file (its whole path on hovering), document, page where known, characters of its text."""
    name = source if "://" in source else PurePath(source).name
    parts = [name] if document in (source, name) else [document] if document.endswith(name) else [name, document]
    if page_number is not None:
        parts.append(text("place_page", language, page=page_number))
    parts.append(text("place_characters", language, start=start, end=end))
    return f'<div class="fg-source" title="{escape(source)}">{escape(" · ".join(parts))}</div>'


def _cost(answer: Answer, language: Language) -> str:
    usage = answer.usage
    parts = [text("seconds", language, value=f"{usage.seconds:.1f}")]
    if usage.prompt_tokens or usage.completion_tokens:
        parts.append(text("tokens", language, prompt=usage.prompt_tokens, completion=usage.completion_tokens))
    if answer.confidence is not None:
        parts.append(text("confidence", language, value=f"{100 * answer.confidence:.0f} %"))
    steps = {"retrieve": usage.retrieve_s, "generate": usage.generate_s, "verify": usage.verify_s}
    parts.append(text("steps", language, **{name: f"{seconds:.2f}" for name, seconds in steps.items()}))
    return f'<span title="{say("confidence_help", language)}">{escape(" · ".join(parts))}</span>'


# ------------------------------------------------------------------------------------------------------------ evidence


def evidence(answers: Mapping[str, Answer], language: Language) -> str:
    """The passages that all answers were judged on, best first, each with its scores and why it ranks."""
    hits = pooled({name: answer.hits for name, answer in answers.items()})
    if not hits:
        return page(f'<p class="fg-hint">{say("no_hits", language)}</p>')
    cards = "".join(f"<li>{_evidence_card(hit, number, answers, language)}</li>" for number, hit in enumerate(hits, 1))
    return page(
        f'<h3 class="fg-section">{say("evidence", language, count=len(hits))}</h3>'
        f'<p class="fg-hint">{say("evidence_note", language)}</p><ol class="fg-evidence">{cards}</ol>'
    )


def passages(hits: Sequence[Hit], language: Language) -> str:
    """Passages that a search found, best first."""
    cards = "".join(f"<li>{_evidence_card(hit, number, {}, language)}</li>" for number, hit in enumerate(hits, 1))
    return page(f'<ol class="fg-evidence">{cards}</ol>')


def _evidence_card(hit: Hit, number: int, answers: Mapping[str, Answer], language: Language) -> str:
    passage = hit.passage
    cited = [
        citation
        for answer in answers.values()
        for claim in answer.claims
        for citation in claim.citations
        if citation.passage == passage.id
    ]
    finders = [name for name, answer in answers.items() if any(one.passage.id == passage.id for one in answer.hits)]
    joint = "、" if language == "zh" else ", "
    found = [say("found_by", language, arms=joint.join(arm_name(name, language) for name in finders))] * bool(finders)
    chips = "".join(f'<span class="fg-chip">{chip}</span>' for chip in [*_ranks(hit, language), *found])
    where = place(passage.source, passage.document, passage.metadata.get("page"), passage.start, passage.end, language)
    return (
        f'<article class="fg-card"><div class="fg-title">{number}. {escape(passage.title or passage.document)}</div>'
        f'<p class="fg-passage" tabindex="0">{highlighted(passage, cited)}</p>'
        f'<div class="fg-chips">{chips}</div>{where}</article>'
    )


def _ranks(hit: Hit, language: Language) -> list[str]:
    """How each retriever placed the passage and what it scored there, then the score that they make together."""
    chips = []
    for name, rank in hit.ranks.items():
        placed = text(name, language, rank=rank) if name in TEXTS else f"{name} #{rank}"
        if name in hit.scores:
            value = f"{hit.scores[name]:.2f}"
            placed += " · " + (text(f"{name}_score", language, value=value) if name in TEXTS else value)
        chips.append(escape(placed))
    return [*chips, say("score", language, value=f"{hit.score:.3f}")]


# -------------------------------------------------------------------------------------------------------------- legend


def legend(verifier: str, measured: Mapping[str, Any], language: Language) -> str:
    """What the marks mean and how far verdicts can be trusted: with the measured error, or saying there is none."""
    marks = "".join(
        f'<span>{_sign(verdict, language)} <span class="fg-claim fg-{verdict}">{say(verdict, language)}</span></span>'
        for verdict in VERDICTS
    )
    trust = say("verifier", language, name=verifier) + " " + _error_line(measured, language)
    table = _error_table(measured, language)
    return page(f'<div class="fg-legend" aria-label="{say("legend", language)}">{marks}</div>'
                f'<div class="fg-trust">{trust}{table}</div>')  # fmt: skip


def _error_line(measured: Mapping[str, Any], language: Language) -> str:
    sets = list(measured.get("sets", {}).values())
    false = [100 * one["supported_though_not"]["value"] for one in sets if "supported_though_not" in one]
    missed = [
        100 * one["unsupported_though_supported"]["value"] for one in sets if "unsupported_though_supported" in one
    ]
    if not false or not missed:
        return say("verifier_unmeasured", language)
    values = {"false_low": min(false), "false_high": max(false), "missed_low": min(missed), "missed_high": max(missed)}
    return say("verifier_error", language, sets=len(sets), **{name: f"{value:.0f}" for name, value in values.items()})


def _error_table(measured: Mapping[str, Any], language: Language) -> str:
    sets = measured.get("sets", {})
    if not sets:
        return ""
    columns = ("column_set", "column_n", "column_auroc", "column_false", "column_missed")
    header = "".join(f"<th>{say(column, language)}</th>" for column in columns)
    rows = []
    for name, one in sets.items():
        auroc = one.get("auroc", {})
        interval = f"{auroc['value']:.2f} ({auroc['low']:.2f}–{auroc['high']:.2f})" if "low" in auroc else ""
        false, missed = (_share(one.get(key)) for key in ("supported_though_not", "unsupported_though_supported"))
        cells = (name.replace("_", " "), one.get("n", ""), interval, false, missed)
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return (f"<details><summary>{say('verifier_table', language)}</summary>"
            f'<div class="fg-scroll"><table><tr>{header}</tr>{"".join(rows)}</table></div></details>')  # fmt: skip


def _share(figure: Mapping[str, float] | None) -> str:
    return f"{100 * figure['value']:.0f} %" if figure else ""
