"""The output filter: what an answer says that demeans a group, found with its reason; marked, or withheld.

`Arm.screen`: "mark" only tells (`Answer.findings`); "change" also puts a visible notice in the place of each offensive
sentence and says needless gendering neutrally, and `Answer.repairs` holds every change with its reason: nothing is
edited silently. Quotation and speech against prejudice pass. Its errors, group by group: docs/debias.md.
"""

from __future__ import annotations

from dataclasses import replace

from firmground.knowledge.groups import Mention
from firmground.knowledge.text import Language, language, sentences
from firmground.rag.arms import Arm
from firmground.rag.claims import split_claims
from firmground.rag.debias.classify import classifier
from firmground.rag.debias.neutral import gendered, rewritten
from firmground.rag.debias.signals import generalises, judgements, outside_quotes, protests, quotes
from firmground.rag.types import Answer, Finding, Repair

NOTICE = {
    "en": "[One sentence withheld: {}.]",
    "zh": "[此处略去一句：{}。]",
}


def screen(answer: Answer, arm: Arm) -> Answer:
    """The answer with what was found in it and, by `arm.screen`, changed. Claims are split anew where the text changed,
    so it stands before `judge`; an abstention and the choice of a multiple-choice question stay as they are."""
    if arm.screen == "none" or answer.abstained or answer.choices or not answer.text:
        return answer
    lang = language(answer.text)
    found = offences(answer.text, lang)
    gendering = gendered(answer.text, lang)
    findings = found + [
        Finding(change.start, change.end, change.before, "gendering", change.why) for change in gendering
    ]
    findings.sort(key=lambda finding: finding.start)
    answer = replace(answer, findings=tuple(findings))
    return _changed(answer, found, lang) if arm.screen == "change" and findings else answer


def offences(text: str, lang: Language | None = None) -> list[Finding]:
    """The sentences that demean a group, each with its reason; none of those that quote, report or protest."""
    lang = lang or language(text)
    found = []
    for start, end in sentences(text):
        sentence = text[start:end]
        reason = why_offensive(sentence, lang)
        if reason:
            kind, said, group = reason
            found.append(Finding(start, end, sentence, kind, said, group))
    return found


def why_offensive(sentence: str, lang: Language) -> tuple[str, str, str] | None:
    """(kind, reason, group) where a sentence demeans a group; None where it doesn't, quotes, reports or protests.

    A word whose only use is to demean is enough. Else the classifier must flag the sentence, and there must be an
    insult near a group, or a stereotype's trait that is said of all of them: the classifier alone isn't trusted with
    an answer.
    """
    if protests(sentence, lang) or quotes(sentence, lang):
        return None
    found = judgements(outside_quotes(sentence, lang), lang)
    slur = next((word for word, _ in found if word.category == "slur"), None)
    if slur:
        return "slur", _slur_reason(slur, lang), slur.group
    word, group = next(((word, near) for word, near in found if near), (None, None))
    general = generalises(outside_quotes(sentence, lang), lang)
    if word is None or group is None or not (general or word.category == "insults"):
        return None
    if classifier().margin(sentence, lang) <= 0:
        return None
    return "offence", _offence_reason(word, group, general, lang), group.group


def _slur_reason(slur: Mention, lang: Language) -> str:
    if lang == "zh":
        return f"“{slur.text}”是对人群的蔑称"
    return f"“{slur.text}” is a slur against {slur.group}"


def _offence_reason(word: Mention, group: Mention, general: list[str], lang: Language) -> str:
    if lang == "zh":
        return f"说“{group.text}”“{word.text}”" + (f"，并以“{general[0]}”推及所有人" if general else "")
    return f"it says “{word.text}” of “{group.text}”" + (f" and generalises (“{general[0]}”)" if general else "")


def _changed(answer: Answer, found: list[Finding], lang: Language) -> Answer:
    """Offensive sentences give way to notices, from the last to the first; the rest is said neutrally."""
    text, repairs = answer.text, list(answer.repairs)
    pieces, start = [], 0
    for finding in found:
        notice = NOTICE[lang].format(finding.why)
        pieces += [_neutral(text[start : finding.start], lang, repairs), notice]
        repairs.append(Repair(finding.text, notice, finding.why))
        start = finding.end
    pieces.append(_neutral(text[start:], lang, repairs))
    text = "".join(pieces)
    return replace(answer, text=text, claims=tuple(split_claims(text)), repairs=tuple(repairs))


def _neutral(text: str, lang: Language, repairs: list[Repair]) -> str:
    changes = gendered(text, lang)
    repairs.extend(Repair(change.before, change.after, change.why) for change in changes)
    return rewritten(text, changes)
