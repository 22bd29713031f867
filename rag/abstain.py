"""Saying "I don't know": the sentences our arms say it with, and how anyone's are told from an answer."""

from __future__ import annotations

import re
import unicodedata

ABSTAIN_EN = "The documents don't say."
ABSTAIN_ZH = "资料中没有说明。"

_SOURCE = (
    r"(?:(?:the|this|these|those|any|your|my|our|given|provided|available|supplied|above|retrieved|following|search"
    r"|source|reference|input) )*"
    r"(?:texts?|documents?|passages?|contexts?|articles?|sources?|evidence|information|paragraphs?|excerpts?|material|"
    r"data|results?|snippets?|knowledge base|references)"
)
_NOT = r"(?:not|n't|never)"
_DO_NOT = (
    rf"(?:do|does|did|is|are|was|were|has|have|can|could|would) ?{_NOT}"
    r"(?: (?:\w+ly|actually|yet|seem to|appear to))*"
)
_TELL = (
    r"(?:say|state|mention|specif|provid|contain|includ|answer|tell|indicat|give|discuss|address|reveal|have|list|"
    r"explain|describ|disclos|enough|sufficient|cover|explicit|offer|name|identif|refer|suppl|clarif|clear)\w*"
)
_TOPIC = r"(?:(?:the|that|this|your|its|an|a)(?: \w+){0,3}|it|that|this|there)"

# A clause that declines. Each is matched at the clause's beginning, and what follows may only say what isn't known.
_DECLINES_EN = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:i|we) (?:really |honestly |just )?(?:do|did|would|could) ?{_NOT} (?:really )?"
        r"(?:know|have (?:\w+ ){0,3}(?:information|knowledge|data|answer|context|access|details|idea))\b",
        r"(?:i am|i'm|we are|we're) (?:not (?:sure|certain|aware|able to)|unable to|unsure|uncertain|unaware)\b",
        rf"(?:i|we) (?:can ?not|can't|could ?{_NOT}|am unable to) (?:\w+ly )?"
        r"(?:answer|say|tell|determine|find|provide|know|confirm|verify|help|give)\b",
        r"(?:i )?have no (?:idea|information|knowledge|data|answer)\b",
        rf"(?:in |from |within |according to )?{_SOURCE}(?: \w+){{0,3}}? {_DO_NOT} {_TELL}\b",
        rf"{_SOURCE}(?: (?:provided|given|above|available))? (?:\w+s|is|are) (?:no|insufficient|nothing|silent)\b",
        rf"(?:{_TOPIC} )?(?:is|are|was|were)? ?{_NOT} (?:\w+ly )?(?:mentioned|stated|specified|given|provided|found|"
        rf"discussed|known|available|described|included|answered|listed|addressed|disclosed|contained|clear|stated)"
        rf"(?: (?:explicitly|directly))?(?: (?:(?:in|by|from|within) {_SOURCE}|(?:on|about|here|who|what|when|where|"
        r"why|how|which|whether)\b.*))*$",
        rf"(?:{_TOPIC} )?(?:can ?not|can't|could ?{_NOT}|{_DO_NOT}) be (?:\w+ly )?"
        r"(?:determined|answered|known|found|inferred|concluded|established|said|derived|ascertained|identified)\b",
        rf"{_TOPIC} (?:is|was) (?:impossible|unclear|unknown|undetermined|unanswerable|unspecified)"
        r"(?: (?:to|from|in|who|what|when|where|why|how|which|whether|based)\b.*)?$",
        rf"there (?:is|was|are|were|'s) ?(?:no|{_NOT} (?:any|enough)|insufficient) (?:\w+ ){{0,2}}"
        r"(?:information|mention|answer|evidence|data|details?|indication|context|reference)\b",
        r"(?:no|not enough|insufficient) (?:\w+ ){0,2}(?:information|answer|context|data|evidence|mention|details?)\b"
        r"(?: (?:is|was|are|were|can|could|about|on|in|to|provided|given|available|found)\b.*)?$",
        r"nothing (?:is|was)? ?(?:said|mentioned|stated)\b",
        rf"(?:{_NOT} sure|no idea|unknown|unanswerable|unclear|n/a|not applicable|can't say)$",
        r"(?:cannot|can't|unable to|impossible to) (?:answer|determine|say|tell|know)\b",
    )
)
# What may stand beside a clause that declines, and adds nothing to it.
_FILLER_EN = re.compile(
    r"(?:(?:i(?:'m| am)|we(?:'re| are))? ?(?:so |very |really |terribly )?(?:sorry|afraid)(?: that)?|unfortunately"
    r"|apologies|my apologies|i apologi[sz]e(?: for .*)?|sorry about that|hmm|well|no|thanks?(?: you)?"
    r"|(?:based on|according to|from|in|given|using|with|as per) .{0,80}"
    r"|as an ai\b.*|(?:the )?answer(?: is)?"
    r"|(?:please|could you|can you|would you|if you|you (?:can|could|may|might|should|would)|let me know"
    r"|feel free|i (?:would|'d) need|i recommend|i suggest|try|for more|more information"
    r"|it (?:would|might|may) be)\b.*)"
)
_OPENING_EN = re.compile(
    r"^(?:(?:i'm|i am|we're|we are)? ?(?:so |very )?(?:sorry|afraid)(?: that)?|unfortunately|well|hmm|and|but|so|"
    r"however|therefore|thus|because|since|as|it (?:seems|appears) (?:that|like)|"
    r"the answer(?: to .*?)?(?: is(?: that)?)?:?|"
    r"answer:|"
    r"(?:based on|according to|from|given) (?:the |this |these )?(?:\w+ ){0,3}?(?:texts?|documents?|passages?|"
    r"contexts?|information|evidence|sources?|excerpts?)(?: (?:provided|given|above|available))?)[,:]? +"
)
_CLAUSE_EN = re.compile(
    r"[.!?;:,\n]+(?: |$)|,? (?=(?:but|however|although|though|yet|so|because)\b)|(?<=\w) (?:--?|—|–) |—"
)

_SOURCE_ZH = (
    r"(?:(?:根据|从|在|以上|上述|上面|所给|给定|给出|提供|现有|已有|这些|这段|这篇|该|本|检索到|您|你|参考|的)*"
    r"(?:资料|文档|文件|文中|文章|文本|原文|上下文|段落|材料|信息|语境|内容|证据|来源|文献|知识库|片段|背景|文)"
    r"(?:[中里内]|之中|当中|本身)?)"
)
_NOT_TELL_ZH = (
    r"(?:并|都|也|均|暂|尚)?(?:没有?|未曾?|不曾|不)(?:有|能)?(?:明确|直接|具体|足够|充分|详细)*(?:地|的)?"
    r"(?:提到|提及|说明|说|给出|提供|涉及|包含|包括|指出|记载|描述|介绍|回答|交代|足以|讨论|列出|写|相关|信息|答案|依据|内容|任何)"
)
_DECLINES_ZH = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:我们?)?(?:真的|并)?(?:不知道|不清楚|不确定(?!性)|不了解|不太清楚|不太确定|没有答案|不得而知|无从得知|无可奉告)",
        r"(?:我们?|因此|所以|故|目前|暂时|仅凭此|这个?问题|该问题|此问题|问题|答案|具体)?(?:目前|暂时|也|还|都)?"
        r"(?:无法|不能|难以|没法|没办法|无从)(?:从中|由此|据此|直接|准确|明确|给出|得到|得出|进行)*"
        r"(?:确定|回答|得知|判断|知道|知晓|解答|提供|确认|答复|推断|答案|作答|告知|找到|推出|得出|确切)",
        rf"{_SOURCE_ZH}(?:对此|对于此|关于此)?{_NOT_TELL_ZH}",
        rf"{_SOURCE_ZH}(?:无法|不能|难以|不足以|不够|不足)",
        r"(?:并|均|尚|都)?(?:未|没有)(?:被)?(?:明确|具体|直接)?(?:提到|提及|说明|给出|指出|记载)",
        rf"(?:在)?{_SOURCE_ZH}?(?:中|里)?(?:没有|找不到|查不到|未找到|缺乏|缺少)(?:\w{{0,8}}的)?(?:足够|充分|相关|任何|有关|明确)*(?:的)?"
        r"(?:信息|答案|说明|记载|资料|内容|依据|证据)",
        r"(?:答案|此事|这|该问题)?(?:未知|不详|不明|不明确|无答案|无解)$",
    )
)
_FILLER_ZH = re.compile(
    r"(?:(?:非常|很|十分)?(?:抱歉|遗憾|对不起|不好意思)|答案?(?:是)?|根据.{0,30}|从.{0,20}(?:来看|看|中)?|基于.{0,30}|"
    r"作为.{0,20}(?:模型|助手|AI|人工智能).*|(?:请|您可以|你可以|建议|如果您?|如需|若|欢迎|需要更多).*|谢谢|您好|你好)"
)
_OPENING_ZH = re.compile(
    r"^(?:(?:非常|很|十分)?(?:抱歉|遗憾|对不起|不好意思)|但是?|不过|因此|所以|然而|由于|因为|答案?(?:是)?[：:]|"
    rf"(?:根据|从|基于|仅凭|依据|在){_SOURCE_ZH}(?:来看|看)?)(?:的)?"
)
_CLAUSE_ZH = re.compile(r"[，。！？；：、,.!?;:\n\s]+|——|…+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def is_abstention(text: str) -> bool:
    """Whether the answer declines to answer and says nothing else.

    Every clause must decline or be a courtesy beside it: "I don't know, but I think it was Paris" is an answer. An
    empty answer, or one without a letter or a digit, counts as abstained: nobody was told anything.
    """
    text = unicodedata.normalize("NFKC", text).replace("’", "'").strip().lower()
    if not any(character.isalnum() for character in text):
        return True
    if _CHINESE.search(text):
        return _only_declines(text, _CLAUSE_ZH, _OPENING_ZH, _DECLINES_ZH, _FILLER_ZH)
    return _only_declines(text, _CLAUSE_EN, _OPENING_EN, _DECLINES_EN, _FILLER_EN)


def _only_declines(
    text: str,
    boundary: re.Pattern[str],
    opening: re.Pattern[str],
    declines: tuple[re.Pattern[str], ...],
    filler: re.Pattern[str],
) -> bool:
    declined = False
    for clause in boundary.split(text):
        clause = clause.strip(" '\"()[]“”「」《》*_-")
        if not clause:
            continue
        bare = clause
        while (shorter := opening.sub("", bare, count=1).strip()) != bare:
            bare = shorter
        if any(pattern.match(bare) for pattern in declines):
            declined = True
        elif bare and not filler.fullmatch(clause) and not filler.fullmatch(bare):
            return False
    return declined
