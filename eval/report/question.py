"""One question of the report: its answers cut at their claims, and the evidence with the cited spans marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from firmground.eval.metrics.normalise import language_of
from firmground.eval.summary.flips import state
from firmground.eval.types import Outcome
from firmground.rag.choose import Rule, shares
from firmground.rag.types import ChoiceScore

MARKS = {"supported": "✓", "contradicted": "✕", "unsupported": "!", "unverifiable": "?"}


def question_view(
    number: int,
    rows: Sequence[Outcome],
    flip: str,
    weighing: Mapping[str, str] | None = None,
    reasons: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """What the template shows of a question. `number` makes its anchors: q7, and q7e2 for its second passage.

    `weighing`: {arm: the rule by which it weighs choices}, from the manifest. `reasons`: what answers rest on, by
    (question's id, arm); what was found for another answer than the row's isn't shown.
    """
    first = rows[0]
    evidence = _evidence(number, rows)
    metadata = first.metadata
    answers = [_answer(row, evidence, (weighing or {}).get(row.arm, "")) for row in rows]
    return {
        "anchor": f"q{number}",
        "id": first.id,
        "flip": flip,
        "question": first.question,
        "lang": language_of(first.question, *first.answers),
        "gold": list(first.answers) or [text for text in (metadata.get("answer"),) if text],
        "choices": metadata.get("choices") or [],
        "answerable": metadata.get("answerable", True),
        "category": metadata.get("category") or "",
        "answers": answers,
        "weighed": all(answer["choices"] for answer in answers),  # then each answer shows the choices itself
        "evidence": list(evidence.values()),
        "reasons": [found for row in rows if (found := (reasons or {}).get((row.id, row.arm)))
                    and found["answer"] == row.answer],
    }  # fmt: skip


def _answer(row: Outcome, evidence: Mapping[tuple[Any, ...], Mapping[str, Any]], rule: str) -> dict[str, Any]:
    return {
        "arm": row.arm,
        "state": "failed" if row.error else state(row) or ("abstained" if row.abstained else "untold"),
        "error": row.error,
        "abstained": row.abstained,
        "pieces": _pieces(row, evidence),
        "f1": row.scores.get("f1"),
        "timing": row.timing,
        "confidence": row.confidence,
        "choices": choice_shares(row, rule),
    }


def choice_shares(row: Outcome, rule: str) -> list[dict[str, Any]]:
    """Each choice's text with its share among them in [0, 1], as the arm's rule weighs them, and whether it is the
    right one and the one picked; empty where choices weren't weighed."""
    if not row.choices:
        return []
    scores = [
        ChoiceScore(one["text"], one["log_probability"], one.get("prior"), one.get("link")) for one in row.choices
    ]
    if rule not in ("sum", "characters", "pmi") or (rule == "pmi" and any(one.prior is None for one in scores)):
        rule = "sum"
    weighed = shares(scores, cast(Rule, rule))
    right = row.metadata.get("answer")
    return [
        {"text": one.text, "share": share, "right": one.text == right, "picked": share == max(weighed)}
        for one, share in zip(scores, weighed, strict=True)
    ]


def _pieces(row: Outcome, evidence: Mapping[tuple[Any, ...], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answer's text in order: stretches without a claim (`verdict` None) and claims with links to their evidence.

    Claims that overlap an earlier one, or lie outside the text, are clipped: the text is shown once, whole.
    """
    pieces: list[dict[str, Any]] = []
    at = 0
    for claim in sorted(row.claims, key=lambda claim: claim["start"]):
        start, end = max(at, claim["start"]), min(len(row.answer), claim["end"])
        if start >= end:
            continue
        if start > at:
            pieces.append({"text": row.answer[at:start], "verdict": None})
        links = {evidence[key]["anchor"]: evidence[key]["number"] for key in map(_key, claim["citations"])}
        pieces.append(
            {
                "text": row.answer[start:end],
                "verdict": claim["verdict"],
                "mark": MARKS.get(claim["verdict"], "?"),
                "support": claim.get("support"),
                "links": list(links.items()),
            }
        )
        at = end
    if at < len(row.answer):
        pieces.append({"text": row.answer[at:], "verdict": None})
    return pieces


def _evidence(number: int, rows: Iterable[Outcome]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Passages by (document, passage): the hits of all arms, and what claims cite beyond them; cited ones first."""
    cited: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    passages: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        for hit in row.hits:
            passages.setdefault(_key(hit), {**hit, "arms": []})["arms"].append(row.arm)
        for claim in row.claims:
            for citation in claim["citations"]:
                cited.setdefault(_key(citation), []).append(citation)
    for key, citations in cited.items():
        passages.setdefault(key, {**citations[0], "title": "", "arms": []})
    ordered = sorted(passages, key=lambda key: key not in cited)
    return {
        key: _passage(passages[key], cited.get(key, []), f"q{number}e{place}", place)
        for place, key in enumerate(ordered, start=1)
    }


def _passage(row: Mapping[str, Any], citations: Sequence[Mapping[str, Any]], anchor: str, place: int) -> dict[str, Any]:
    return {
        "anchor": anchor,
        "number": place,
        "title": row.get("title") or row["document"],
        "document": row["document"],
        "source": row.get("source") or "",
        "page": row.get("page"),
        "score": row.get("score"),
        "arms": list(dict.fromkeys(row["arms"])),
        "cited": bool(citations),
        "lang": language_of(row["text"]),
        "pieces": _marked(row, citations),
    }


def _marked(row: Mapping[str, Any], citations: Sequence[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    """(text, cited) stretches of a passage. A span is marked only where the cited text really stands."""
    text = row["text"]
    cited = bytearray(len(text))
    for citation in citations:
        start = citation["start"] - row["start"]
        if text[max(0, start) : max(0, start) + len(citation["text"])] != citation["text"] or start < 0:
            start = text.find(citation["text"])
        if start >= 0:
            cited[start : start + len(citation["text"])] = b"\1" * len(citation["text"])
    cuts = [0, *(place for place in range(1, len(text)) if cited[place] != cited[place - 1]), len(text)]
    return [(text[a:b], bool(cited[a])) for a, b in pairwise(cuts) if a < b]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["document"], row["passage"])
