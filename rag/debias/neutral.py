"""Needless gendering, found and said neutrally: "a policeman", "male nurse", "every doctor … his", 女司机, 男护士.

Only where the text gives no reason for the gender: not in quotations, not in names and titles ("Chairman Mao"), not
where the sentence is about gender. Rules, so what they don't cover stays as it is. The terms follow the United Nations'
guidelines for gender-inclusive language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmground.knowledge.group_lists import OCCUPATIONS
from firmground.knowledge.groups import mentions
from firmground.knowledge.text import Language, language, sentences
from firmground.rag.debias.signals import outside_quotes


@dataclass(frozen=True)
class Change:
    """text[start:end] becomes `after`."""

    start: int
    end: int
    before: str
    after: str
    why: str


TERMS = {  # singular → neutral singular; plurals follow
    "chairman": "chairperson", "policeman": "police officer", "policewoman": "police officer", "fireman": "firefighter",
    "mailman": "mail carrier", "postman": "mail carrier", "salesman": "salesperson", "saleswoman": "salesperson",
    "businessman": "business person", "businesswoman": "business person", "spokesman": "spokesperson",
    "congressman": "member of Congress", "stewardess": "flight attendant", "cleaning lady": "cleaner",
    "cameraman": "camera operator", "foreman": "supervisor", "weatherman": "weather forecaster",
    "tradesman": "tradesperson",
    "craftsman": "craftsperson", "workman": "worker", "serviceman": "service member", "layman": "layperson",
    "waitress": "server", "housewife": "homemaker", "mankind": "humankind", "man-made": "artificial",
    "manpower": "workforce",
}  # fmt: skip
_UNCOUNTED = ("mankind", "man-made", "manpower")
_PLURALS = {"member of Congress": "members of Congress", "business person": "business people"}

_JOBS_EN = "|".join(sorted((re.escape(job) for job in OCCUPATIONS[0].split() if job != "actor"), key=len, reverse=True))
_PREFIXED_EN = re.compile(rf"\b(?:male|female|lady|woman|women|men) (?P<job>(?:{_JOBS_EN})s?)\b", re.IGNORECASE)
_REASON_EN = re.compile(
    r"\b(?:gender|sex(?:es|ism|ist)?|equality|first|only|percent|proportion|share|quota|rare|pioneer\w*|feminis\w*|"
    r"women and men|men and women|than|compared|history|role)\b|%",
    re.IGNORECASE,
)
_GENERIC_EN = re.compile(
    rf"\b(?:an?|every|each|any|the average|the typical) (?:\w+ ){{0,2}}(?P<job>{_JOBS_EN})\b", re.IGNORECASE
)
_PRONOUN_EN = re.compile(
    r"\b(?:(?P<subject>s?he)(?P<short>['’]s|['’]ll|['’]d)?|(?P<other>his|him|himself|hers?|herself))\b", re.IGNORECASE
)
_AFTER_HE = re.compile(
    r"(?P<gap>\s+(?:(?:always|never|often|usually|also|sometimes|rarely|then|still|only)\s+)?)(?P<verb>[a-z]+)"
)
_IRREGULAR = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go", "isn't": "aren't", "this": "this"}

_JOBS_ZH = sorted(
    {job for job in OCCUPATIONS[1].split() if job not in ("演员", "歌手", "运动员", "空姐", "学生")},
    key=len,
    reverse=True,
)  # awards and sports have categories by gender
_PREFIXED_ZH = re.compile(rf"(?<![男女子性])(?P<gender>[男女])(?:性)?(?P<job>{'|'.join(_JOBS_ZH)})")
_REASON_ZH = re.compile(
    "性别|第一|首位|首个|首名|唯一|比例|占|%|平等|歧视|男女|女权|罕见|相比|比男|比女|单项|女子|男子|历史上|先驱"
)


def gendered(text: str, lang: Language | None = None) -> list[Change]:
    """The needless gendering in a text, in its order and apart, each with the neutral wording."""
    lang = lang or language(text)
    open_text = outside_quotes(text, lang)
    found: list[Change] = []
    for start, end in sentences(text):
        sentence = open_text[start:end]
        changes = _chinese(sentence) if lang == "zh" else _english(sentence)
        found += [Change(start + c.start, start + c.end, c.before, c.after, c.why) for c in changes]
    return found


def rewritten(text: str, changes: list[Change]) -> str:
    """The text with the changes made."""
    for change in reversed(changes):
        text = text[: change.start] + change.after + text[change.end :]
    return text


def _chinese(sentence: str) -> list[Change]:
    found = list(_PREFIXED_ZH.finditer(sentence))
    if _REASON_ZH.search(sentence) or {match["gender"] for match in found} == {"男", "女"}:
        return []
    return [
        Change(match.start(), match.end(), match.group(), match["job"], "工作与性别无关，文中也没有说明理由")
        for match in found
    ]


def _english(sentence: str) -> list[Change]:
    if _REASON_EN.search(sentence):
        return _terms(sentence)
    found = _terms(sentence)
    prefixed = list(_PREFIXED_EN.finditer(sentence))
    if len({match.group().split()[0].lower() in ("male", "men") for match in prefixed}) == 1:
        why = "the work has no gender, and the text gives no reason for one"
        found += [_with_article(sentence, match.start(), match.end(), match["job"], why) for match in prefixed]
    found += _generic(sentence)
    return _apart(found)


def _terms(sentence: str) -> list[Change]:
    """Words such as policeman; not where they are somebody's title or name: before a capital, or with one inside."""
    found = []
    for match in _TERM.finditer(sentence):
        opens = not sentence[: match.start()].strip(" \"“'([")
        if re.match(r"\s+[A-Z]", sentence[match.end() :]) or (match.group()[0].isupper() and not opens):
            continue
        after = _NEUTRAL[match.group().lower()]
        if match.group()[0].isupper():
            after = after[0].upper() + after[1:]
        found.append(_with_article(sentence, match.start(), match.end(), after, "a neutral word says the same"))
    return found


def _with_article(sentence: str, start: int, end: int, after: str, why: str) -> Change:
    """The change, with the article before it made to fit: a policeman, an artificial lake."""
    article = re.search(r"\b(an?)\s+$", sentence[:start], re.IGNORECASE)
    if article:
        right = "an" if after[0].lower() in "aeio" else "a"
        if right != article[1].lower():
            right = right.capitalize() if article[1][0].isupper() else right
            start, after = article.start(1), f"{right} {after}"
    return Change(start, end, sentence[start:end], after, why)


def _generic(sentence: str) -> list[Change]:
    """He or she for any holder of a job ("every doctor … his"), where the sentence names no man or woman."""
    job = _GENERIC_EN.search(sentence)
    if not job:
        return []
    named = [mention for mention in mentions(sentence, "en", names=True) if mention.category == "gender"]
    pronouns = list(_PRONOUN_EN.finditer(sentence, job.end()))
    feminine = {match.group().lower().startswith(("she", "her")) for match in pronouns}
    if len(named) > len(pronouns) or len(feminine) != 1:
        return []
    why = f"“{job.group()}” may be of any gender"
    return [_pronoun(sentence, match, why) for match in pronouns]


def _pronoun(sentence: str, match: re.Match[str], why: str) -> Change:
    word, end = match.group().lower(), match.end()
    if match["subject"]:
        after = "they"
        if match["short"]:
            after += {"s": "'re", "l": "'ll", "d": "'d"}[match["short"][1].lower()]
        elif verb := _AFTER_HE.match(sentence, end):
            after, end = f"they{verb['gap']}{_plural_verb(verb['verb'])}", verb.end()
    elif word == "her":
        after = "their" if re.match(r"\s+[a-z]+", sentence[end:]) and not _ENDS_OBJECT.match(sentence, end) else "them"
    else:
        after = {"his": "their", "him": "them", "himself": "themselves", "herself": "themselves", "hers": "theirs"}[
            word
        ]
    if match.group()[0].isupper():
        after = after.capitalize()
    return Change(match.start(), end, sentence[match.start() : end], after, why)


# After "her" as an object there is no noun: the sentence ends, or a small word goes on.
_ENDS_OBJECT = re.compile(
    r"\s+(?:to|and|or|but|in|on|at|with|from|for|when|if|by|about|as|because|while|than|after|before|that|who)\b"
)


def _plural_verb(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if verb.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith(("ss", "us", "ous")) else verb


def _apart(changes: list[Change]) -> list[Change]:
    kept: list[Change] = []
    for change in sorted(changes, key=lambda one: (one.start, -one.end)):
        if not kept or change.start >= kept[-1].end:
            kept.append(change)
    return kept


def _plural(word: str) -> str:
    if word.endswith("man"):
        return word[:-3] + "men"
    if word.endswith("wife"):
        return word[:-2] + "ves"
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("ss") else "s")


def _neutral_plural(word: str) -> str:
    if word.endswith("person"):
        return word.removesuffix("person") + "people"
    return _PLURALS.get(word, word + "s")


_NEUTRAL = TERMS | {
    _plural(word): _PLURALS.get(neutral) or _neutral_plural(neutral)
    for word, neutral in TERMS.items()
    if word not in _UNCOUNTED
}
_TERM = re.compile(rf"\b(?:{'|'.join(sorted(_NEUTRAL, key=len, reverse=True))})\b", re.IGNORECASE)
