"""Repairing an answer: claims that its evidence doesn't support are cut, or written again from one sentence alone.

What was changed is kept beside the answer (`Answer.repairs`), so that nobody takes a repaired text for the model's own.
Claims that there is no evidence to judge by stay: they are marked "unverifiable", which isn't wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from firmground.knowledge.text import Language, language
from firmground.rag.abstain import is_abstention
from firmground.rag.claims import split_claims
from firmground.rag.extract import best_sentences
from firmground.rag.ground import best_spans, judge, verifiable
from firmground.rag.types import Answer, Claim, Generation, Repair, Verifier

Rewrite = Callable[[str, str], Generation]  # (question, the one sentence to answer from) -> what was written

BAD = ("unsupported", "contradicted")
_ENDS = ".!?。！？…"
_REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "contradicted": "the evidence says otherwise",
        "unsupported": "the evidence doesn't support it",
        "cut": "cut",
        "rewritten": "written again from the sentence nearest to it",
        "cut again": "what was written again isn't supported: cut",
    },
    "zh": {
        "contradicted": "资料的说法与此不同",
        "unsupported": "资料不支持这一说法",
        "cut": "已删去",
        "rewritten": "已依据最相近的一句重写",
        "cut again": "重写的内容也没有依据，已删去",
    },
}


def repaired(
    answer: Answer,
    how: Literal["cut", "rewrite"],
    verifier: Verifier,
    declining: str,
    rewrite: Rewrite | None = None,
) -> Answer:
    """The answer with its unsupported and contradicted claims cut, or exchanged for what `rewrite` makes of them.

    The answer itself where nothing is to be changed. Where nothing is left it abstains with the text `declining`.

    Args:
        answer: of an arm, with its hits; its claims needn't be judged.
        how: "rewrite" keeps what was written anew only if the verifier supports every claim of it, else cuts it.
        verifier: the judge.
        declining: how the arm declines, in the question's language.
        rewrite: for "rewrite".
    """
    if answer.abstained or not answer.hits:
        return answer
    claims = judge(answer.question, answer.claims, answer.hits, verifier)
    if not any(claim.verdict in BAD for claim in claims):
        return answer
    texts: list[str | None] = []  # what stands in each claim's place; None: nothing
    changes: list[Repair] = []
    tried: dict[str, Generation] = {}  # by the sentence that was written from
    said = {claim.text for claim in claims if claim.verdict not in BAD}
    for claim in claims:
        if claim.verdict not in BAD:
            texts.append(claim.text)
            continue
        anew = _written_anew(answer, claim, verifier, rewrite, tried) if how == "rewrite" and rewrite else ""
        anew = "" if anew in said else anew
        said.add(anew)
        texts.append(anew or None)
        changes.append(Repair(claim.text, anew, _reason(claim, anew, how, language(answer.question))))
    used = list(tried.values())
    text = assembled(answer.text, claims, texts, language(answer.question))
    usage = replace(
        answer.usage,
        prompt_tokens=answer.usage.prompt_tokens + sum(one.prompt_tokens for one in used),
        completion_tokens=answer.usage.completion_tokens + sum(one.completion_tokens for one in used),
        generate_s=answer.usage.generate_s + sum(one.seconds for one in used),
    )
    answer = replace(answer, usage=usage, repairs=tuple(changes), confidence=None)
    if not text:
        return replace(answer, text=declining, claims=(), abstained=True, basis="none")
    return replace(answer, text=text, claims=tuple(split_claims(text)))


def _reason(claim: Claim, anew: str, how: str, lang: Language) -> str:
    """Why a claim was changed, and how, for a reader."""
    why, done = _REASONS[lang], "cut" if how == "cut" else "rewritten" if anew else "cut again"
    return f"{why[claim.verdict]}{'；' if lang == 'zh' else '; '}{why[done]}"


def _written_anew(
    answer: Answer, claim: Claim, verifier: Verifier, rewrite: Rewrite, tried: dict[str, Generation]
) -> str:
    """An answer from the sentence nearest to the claim alone; "" where the verifier doesn't support all of it, or where
    that sentence was tried before."""
    sentence = _nearest(answer, claim)
    if not sentence or sentence in tried:
        return ""
    tried[sentence] = rewrite(answer.question, sentence)
    text = tried[sentence].text.strip()
    if not text or is_abstention(text):
        return ""
    judged = judge(answer.question, split_claims(text), answer.hits, verifier)
    return text if judged and all(one.verdict == "supported" for one in judged) else ""


def _nearest(answer: Answer, claim: Claim) -> str:
    """What the evidence says that is nearest to the claim; where nothing is, nearest to the question."""
    cited = best_spans(verifiable(answer.question, claim.text), answer.hits)
    if cited:
        return cited[0].text
    stretches = best_sentences(answer.question, answer.hits, 1, lambda texts: [1] * len(texts))
    return next((hit.passage.text[start:end] for hit, start, end in stretches), "")


def assembled(text: str, claims: Sequence[Claim], parts: Sequence[str | None], lang: str) -> str:
    """`text` with `parts[i]` in the place of its claim i, None: left out with what joined it to its neighbours.

    What stood between two claims that both stay as they were stays too; else each begins as a sentence, on a new line
    (with its list mark) where it did so before.
    """
    built = ""
    for place, (claim, part) in enumerate(zip(claims, parts, strict=True)):
        if part is None:
            continue
        before = text[claims[place - 1].end if place else 0 : claim.start]
        joined = place > 0 and part == claim.text and parts[place - 1] == claims[place - 1].text
        if joined or (place == 0 and part == claim.text):
            built += before + part
            continue
        line = before[before.rindex("\n") :] if "\n" in before else ""
        if built:
            built = _ended(built, lang) + (line or (" " if lang == "en" else ""))
        elif line:
            built = line.lstrip("\n")
        built += part[0].upper() + part[1:] if lang == "en" and part == claim.text else part
    tail = text[claims[-1].end :] if parts[-1] == claims[-1].text else ""
    cut_mid = built and parts[-1] is None and _is_sentence(text)
    return (_ended(built, lang) if cut_mid else built + tail).strip()


def _is_sentence(text: str) -> bool:
    return text.rstrip()[-1:] in tuple(_ENDS)


def _ended(text: str, lang: str) -> str:
    """With an end to its last sentence."""
    text = text.rstrip(" ,;，；")
    return text if text[-1:] in tuple(_ENDS) else text + ("。" if lang == "zh" else ".")
