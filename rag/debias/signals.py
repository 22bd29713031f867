"""What a text does with its words for groups, by rules: judges, generalises, protests, quotes, reports.

The classifier reads these as features beside its n-grams, and the output filter gives them as reasons. On their own they
are no verdict: a word list finds about a fifth of what is offensive.
"""

# ruff: noqa: E501
from __future__ import annotations

import re
from functools import lru_cache

from firmground.knowledge.groups import Lexicon, Mention, mentions, slurs, word_list
from firmground.knowledge.text import Language

_PROTEST = {
    "en": re.compile(
        r"\b(?:stereotyp\w*|prejudic\w*|discriminat\w*|racis[mt]\w*|sexis[mt]\w*|bigot\w*|islamophob\w*|antisemiti\w*|"
        r"homophob\w*|xenophob\w*|ageis[mt]|unfair\w*|equal(?:ity|ly)?|respect\w*|dignity|rights|myth|debunk\w*|refut\w*|"
        r"offensive|insult\w*|slurs?|ashamed|unacceptable|nonsense|regardless of|just like (?:everyone|anyone)|"
        r"no (?:evidence|basis|exception)|not all|(?:do|does|did|should|must)(?:n['’]t| not) (?:judge|blame|treat|call|"
        r"assume|believe|generali[sz]e)|(?:wrong|unfair|untrue|false|nobody should|no one should|stop) \w+|nor are)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        "刻板印象|偏见|歧视|污名|地图炮|地域黑|一概而论|以偏概全|一棒子|一竿子|有色眼镜|贴标签|扣.{0,3}帽子|平等|尊重|权利|不对的|不公平|"
        "毫无根据|没有(?:证据|根据)|不是所有|并非所有|不代表|代表不了|不应该|不应当|不能因为|不要因为|别因为|不要把|请不要|反对|拒绝|抵制|谴责|反驳|"
        "侮辱|羞耻|过分|凭什么|哪里都有|哪儿都有|好人坏人|也是人|少数|个例|个别"
    ),
}
_QUOTE = {
    "en": re.compile(r"[\"“”][^\"“”]{3,}[\"“”]|(?<!\w)'[^']{8,}'(?!\w)"),
    "zh": re.compile('[“"「『][^”"」』]{2,}[”"」』]'),
}
_REPORT = {
    "en": re.compile(
        r"\b(?:said|says|say that|wrote|written|quot\w+|claim(?:s|ed|ing)?|shout\w*|called|according to|report\w*|survey\w*|"
        r"asked|agree|the word|the term|the sentence|believed?|headline|poster|novel|character|fined|court|article|stud(?:y|ies))\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        "(?:他|她|有人|网友|政客|士兵|作者|记者|文章|报道|报告)[^，。]{0,6}(?:说|写|称|喊|骂|引用|认为)|引用|所谓|据说|被(?:人)?(?:骂|叫|称|说成)|"
        "举报|问卷|调查|词表|写着|这句话|罚款|法院|小说|台词"
    ),
}
_GENERAL = {
    "en": re.compile(
        r"\b(?:all|every|always|never|typical\w*|by nature|in (?:their|the) (?:blood|nature)|everyone knows|no wonder|"
        r"just like|such (?:a|is)|those|these people|that['’]s (?:what|how|why)|as (?:usual|expected)|are (?:so|too|just|only)|"
        r"can['’]?t|cannot|should (?:go|be|not|stay)|go back|get rid|only (?:good|care)|not (?:smart|good|able))\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        "就是|都是|全是|都.{0,2}(?:懒|坏|骗|脏|差|低)|没一个|没有一个|一看就|谁都知道|天生|骨子里|果然|不愧|滚|去死|活该|离.{0,8}远|绕着走|"
        "只(?:会|认|配)|确实|普遍|通病|讨厌|恶心|不是(?:我)?歧视|不是地域黑"
    ),
}
NEAR = {"en": 45, "zh": 14}  # letters between a group and what is said of it


@lru_cache
def _lists(lang: Language) -> dict[str, Lexicon]:
    return {"slur": slurs(lang), "insult": word_list("INSULTS", lang), "trait": word_list("TRAITS", lang)}


def protests(text: str, lang: Language) -> bool:
    """Whether it speaks of prejudice as such, or against it."""
    return bool(_PROTEST[lang].search(text))


def quotes(text: str, lang: Language) -> bool:
    """Whether it holds a quotation, or reports what somebody said."""
    return bool(_QUOTE[lang].search(text) or _REPORT[lang].search(text))


def generalises(text: str, lang: Language) -> list[str]:
    """The words by which it says something of all of them: all, never, typical, 就是, 没一个 …"""
    return [match.group() for match in _GENERAL[lang].finditer(text)]


def outside_quotes(text: str, lang: Language) -> str:
    """The text with its quotations blanked out, letter by letter, so that places stay."""
    return _QUOTE[lang].sub(lambda match: " " * len(match.group()), text)


def judgements(text: str, lang: Language) -> list[tuple[Mention, Mention | None]]:
    """Demeaning words, each with the group it stands near (a slur names its own); insults and traits near none left out."""
    groups = mentions(text, lang, names=False)
    found: list[tuple[Mention, Mention | None]] = []
    for kind, lexicon in _lists(lang).items():
        for word in lexicon.find(text):
            near = [
                group for group in groups
                if group.end - NEAR[lang] <= word.start and word.end <= group.start + len(group.text) + NEAR[lang]
                and (group.end <= word.start or word.end <= group.start)
            ]  # fmt: skip
            if kind == "slur" or near:
                found.append((word, min(near, key=lambda group: abs(group.start - word.start)) if near else None))
    return sorted(found, key=lambda pair: pair[0].start)


def signals(text: str, lang: Language) -> list[str]:
    """The features: #slur; #insults, #traits (near a group); #general, #protest, #quote, #report; and their pairs.

    That a group is named is none of them: it tells nothing.
    """
    open_text = outside_quotes(text, lang)
    found = {f"#{word.category}" for word, _ in judgements(open_text, lang)}
    found |= {"#slur"} if slurs(lang).find(open_text) else set()
    for name, is_there in (
        ("#general", bool(_GENERAL[lang].search(open_text))),
        ("#protest", protests(text, lang)),
        ("#quote", bool(_QUOTE[lang].search(text))),
        ("#report", bool(_REPORT[lang].search(text))),
    ):
        if is_there:
            found.add(name)
    alone = sorted(found)
    return alone + [f"{one}{other}" for i, one in enumerate(alone) for other in alone[i + 1 :]]
