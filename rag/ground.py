"""Standing on evidence: what makes a claim of an answer supported, contradicted, unsupported or unverifiable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

from firmground.knowledge.text import language
from firmground.knowledge.types import Hit
from firmground.rag.claims import clauses, is_clause
from firmground.rag.types import Citation, Claim, Verdict, Verifier
from firmground.rag.verify import LexicalVerifier, Reading, Window, contradicting, rank, read, windows

__all__ = ["LexicalVerifier", "best_spans", "judge", "measured_error", "pooled", "verdict_on", "verifiable"]

CONTRADICTED = 0.5  # probability from which a classifier's "contradiction" is believed

_YES = re.compile(
    r"(?:yes|yeah|yep|true|correct|right|是的?|对的?|会的?|可以|能|没错|正确)[\s.,!。，！]*", re.IGNORECASE
)
_NO = re.compile(
    r"(?:no|nope|false|incorrect|wrong|不|不是的?|不对|不会|不能|不可以|没有|错误?|否)[\s.,!。，！]*", re.IGNORECASE
)


def verifiable(question: str, claim: str) -> str:
    """What a verifier reads for a claim of an answer to `question`.

    - A clause with a subject and a verb is read as it stands.
    - A fragment ("Andrew Jackson", "早期") says something only as an answer: "question? fragment".
    - "Yes" claims what was asked, "No" that it isn't so.
    """
    question, claim = question.strip(), claim.strip()
    asked = question.rstrip("?？ ")
    if not asked or not claim:
        return claim
    chinese = language(question) == "zh"
    if _YES.fullmatch(claim):
        return asked.removesuffix("吗")
    if _NO.fullmatch(claim):
        return f"并非{asked.removesuffix('吗')}" if chinese else f"It is not so: {asked}"
    if is_clause(claim):
        return claim
    return f"{asked}{'？' if chinese else '? '}{claim}"


def judge(question: str, claims: Sequence[Claim], hits: Sequence[Hit], verifier: Verifier) -> list[Claim]:
    """The claims of an answer to `question`, each with verdict, support and the sentences it stands on.

    `supported`: support >= the verifier's threshold; the citation says where. `contradicted`: not supported, and a
    sentence that is about the same thing says another number or the opposite (`verify.contradicting`); the citation
    is that sentence. `unsupported`: neither. `unverifiable`: there is no evidence.
    """
    texts = tuple(hit.passage.text for hit in hits)
    if not claims or not any(text.strip() for text in texts):
        return [replace(claim, verdict="unverifiable", support=None, citations=()) for claim in claims]
    statements = [verifiable(question, claim.text) for claim in claims]
    supports = verifier.support(statements, [texts] * len(claims))
    judged = []
    for claim, statement, support in zip(claims, statements, supports, strict=True):
        verdict, against = _verdict(statement, texts, float(support), verifier)
        citations: tuple[Citation, ...] = ()
        if against is not None:
            citations = (_citation(against, hits),)
        elif verdict != "unsupported":
            citations = best_spans(statement, hits)
        judged.append(replace(claim, verdict=verdict, support=float(support), citations=citations))
    return judged


def verdict_on(claim: str, evidence: Sequence[str], support: float, verifier: Verifier) -> Verdict:
    """The verdict on a claim as a verifier reads it, given the support that the verifier found."""
    if not any(text.strip() for text in evidence):
        return "unverifiable"
    return _verdict(claim, tuple(evidence), support, verifier)[0]


def _verdict(
    statement: str, texts: tuple[str, ...], support: float, verifier: Verifier
) -> tuple[Verdict, Window | None]:
    """(verdict, the sentence that contradicts). A verifier that tells contradiction itself is asked; else rules are."""
    if support >= verifier.threshold:
        return "supported", None
    if hasattr(verifier, "contradiction"):
        denied = float(verifier.contradiction([statement], [texts])[0]) >= CONTRADICTED
        return ("contradicted" if denied else "unsupported"), None
    against = contradicting(read(statement), windows(texts))
    return ("unsupported" if against is None else "contradicted"), against


def best_spans(claim: str, hits: Sequence[Hit], most: int = 1) -> tuple[Citation, ...]:
    """Where the claim is best supported, in up to `most` passages, best first: the shortest window that does it.

    A window is one to three sentences, or one clause of a sentence that stands by itself and supports the claim as well
    as all of it; offsets count in the document's text (passage.start + the offset in it).
    """
    reading = read(claim)
    cited: dict[int, Citation] = {}
    for support, window in rank(reading, windows(tuple(hit.passage.text for hit in hits))):
        if support <= 0 or len(cited) == most:
            break
        if window.text not in cited:
            cited[window.text] = _citation(_tightened(reading, window), hits)
    return tuple(cited.values())


def _tightened(claim: Reading, window: Window) -> Window:
    """The window, or the shortest of its clauses that supports the claim no less where it is one sentence."""
    if window.size > 1:
        return window
    parts = list(clauses(window.words, 0, len(window.words)))
    if len(parts) < 2:
        return window
    texts = (window.words, *(window.words[start:end] for start, end in parts))
    best: dict[int, float] = {}
    for support, found in rank(claim, windows(texts)):
        best[found.text] = max(support, best.get(found.text, 0.0))
    enough = [part for number, part in enumerate(parts, 1) if best.get(number, 0.0) >= best.get(0, 0.0) > 0]
    if not enough:
        return window
    start, end = min(enough, key=lambda part: part[1] - part[0])
    return replace(window, start=window.start + start, end=window.start + end, words=window.words[start:end])


def pooled(hits_by_arm: Mapping[str, Sequence[Hit]]) -> list[Hit]:
    """The union of what the arms retrieved, each passage once, best first: all arms are judged on the same evidence.

    Scores of different searches can't be compared, so a passage stands by its best place in any arm, then by score.
    """
    best: dict[int, tuple[int, float, Hit]] = {}
    for hits in hits_by_arm.values():
        for place, hit in enumerate(hits):
            known = best.get(hit.passage.id)
            if known is None or (place, -hit.score) < known[:2]:
                best[hit.passage.id] = (place, -hit.score, hit)
    return [hit for _, _, hit in sorted(best.values(), key=lambda one: (one[0], one[1], one[2].passage.id))]


def _citation(window: Window, hits: Sequence[Hit]) -> Citation:
    passage = hits[window.text].passage
    page = passage.metadata.get("page")
    return Citation(
        document=passage.document,
        passage=passage.id,
        start=passage.start + window.start,
        end=passage.start + window.end,
        text=window.words,
        source=passage.source,
        page=int(page) if page is not None else None,
    )


def measured_error(verifier: str = "") -> dict[str, Any]:
    """What `python -m firmground.eval.bench.verifier` measured: shown beside every `unsupported` figure.

    Empty where it was measured with another verifier than the one of this name (by default the one that ships), or
    with another version of it: figures that aren't this verifier's must not stand beside its verdicts.
    """
    from firmground.rag.verifier import packaged

    text = resources.files("firmground.rag").joinpath("verifier_error.json").read_text(encoding="utf-8")
    measured = json.loads(text)
    return measured if measured.get("verifier") == (verifier or packaged().name) else {}
