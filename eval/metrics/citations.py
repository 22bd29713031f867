"""Citation precision and recall as ALCE defines them (Gao et al. 2023, "Enabling Large Language Models to Generate Text
with Citations", https://arxiv.org/abs/2305.14627, section 4.3), with our verifier in the place of its NLI model.

A claim is ALCE's statement. With φ(texts, claim) = 1 where the texts, joined, support the claim:

- **Recall** of a claim: 1 where it has citations and φ(all of them) = 1; else 0, also where it cites nothing.
- **Precision** of a citation: 1 where its claim has recall 1 and the citation isn't irrelevant. It is irrelevant where
  it doesn't support the claim alone and the others do without it: φ(itself) = 0 and φ(the others) = 1.

An answer's recall is the mean over its claims, its precision the mean over all its citations, as in ALCE's own script.

What a figure means hangs on who cites. Where a model wrote the citations, they are put to the test. Our arms' citations
are looked up by the verifier that gives the verdicts; judged by the same verifier, precision is high by construction
and recall is about the share of supported claims. Take another verifier (a `judge.Judge`) for an independent figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from firmground.rag.ground import verifiable
from firmground.rag.types import Claim, Verifier


def citation_scores(claims: Sequence[Claim], verifier: Verifier, question: str = "") -> dict[str, float | str]:
    """`citation_precision` and `citation_recall` of one answer, each in [0, 1] or the status that says why not.

    "no_claims": the answer says nothing (both). "no_citations": no claim cites anything; then precision isn't defined,
    and recall is 0. The citation of a `contradicted` claim shows what speaks against it and isn't offered as support:
    it counts for neither. The verifier is asked once, for everything.

    Args:
        question: where given, a fragment ("Andrew Jackson") is judged as an answer to it (see `ground.verifiable`).
    """
    if not claims:
        return {"citation_precision": "no_claims", "citation_recall": "no_claims"}
    statements = [verifiable(question, claim.text) for claim in claims]
    cited = [_offered(claim) for claim in claims]
    supports = _supports(statements, cited, verifier)
    recalled, precise = [], []
    for statement, texts in zip(statements, cited, strict=True):
        supported = bool(texts) and supports[statement, _joined(texts)]
        recalled.append(supported)
        for place in range(len(texts)):
            alone, others = supports[statement, texts[place]], _others(texts, place)
            irrelevant = not alone and bool(others) and supports[statement, _joined(others)]
            precise.append(supported and not irrelevant)
    precision: float | str = sum(precise) / len(precise) if precise else "no_citations"
    return {"citation_precision": precision, "citation_recall": sum(recalled) / len(recalled)}


def _offered(claim: Claim) -> list[str]:
    """The texts that a claim cites in its support."""
    return [] if claim.verdict == "contradicted" else [citation.text for citation in claim.citations]


def _supports(
    statements: Sequence[str], cited: Sequence[Sequence[str]], verifier: Verifier
) -> dict[tuple[str, str], bool]:
    """For every statement: whether all of its citations joined, each alone, and all but each support it."""
    asked: dict[tuple[str, str], None] = {}  # a dictionary keeps the order, and asks nothing twice
    for statement, texts in zip(statements, cited, strict=True):
        if texts:
            asked[statement, _joined(texts)] = None
        for place, text in enumerate(texts):
            asked[statement, text] = None
            if others := _others(texts, place):
                asked[statement, _joined(others)] = None
    if not asked:
        return {}
    supports = verifier.support([statement for statement, _ in asked], [[text] for _, text in asked])
    return {key: bool(support >= verifier.threshold) for key, support in zip(asked, supports, strict=True)}


def _joined(texts: Sequence[str]) -> str:
    """One text, as ALCE joins passages, so that texts can support a claim together that none supports alone."""
    return "\n".join(texts)


def _others(texts: Sequence[str], place: int) -> list[str]:
    return [text for other, text in enumerate(texts) if other != place]
