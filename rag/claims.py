"""Answer to claims: the stretches of an answer that each say one thing, so that each can be judged by itself.

Sentences and list items first; inside them, independent clauses. A clause is only cut off where both sides have a
subject and a verb of their own, seen by small closed word lists: a claim too long is judged too strictly, but a
fragment can't be judged at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from firmground.rag.abstain import is_abstention
from firmground.rag.types import Claim

SOURCE_MARK = r"[\[【]\d{1,3}(?:\s*[,，、;–-]\s*\d{1,3})*[\]】]"  # "[1]", "[2, 3]": where a writer has it from
_LIST_MARK = re.compile(
    r"\s*(?:[-*•‣◦]\s+|#{1,6}\s+|\(?\d{1,2}[.)、]\s+|[（(]?\d{1,2}[）)、]\s*|[一二三四五六七八九十]{1,3}、)"
)
_CHINESE = re.compile(r"[\u3400-\u9fff]")

# Where a clause may begin: what matches belongs to neither side.
_JOINT_EN = re.compile(
    r";\s+|,\s+(?:and|but|so|while|whereas|yet|or)\s+|\s+(?:but|whereas)\s+|\s+and\s+(?=(?:he|she|it|they|we)\s)"
    r"|(?P<bare>\s+and\s+)(?=(?:the|an?|his|her|its|their|[A-Z][\w-]*)\s)"
)
# Before a bare "and": what governs both sides, so that neither stands alone ("said that … and the …").
_GOVERNS_EN = re.compile(
    r"\b(?:that|if|whether|because|when|while|although|since|who|which|where|between|both)\b", re.I
)
_JOINT_ZH = re.compile(r"[；;]\s*|[，,]\s*")

_FINITE_EN = re.compile(
    r"^(?:is|are|was|were|am|has|have|had|do|does|did|can|could|will|would|may|might|must|shall|should|"
    r"(?:is|are|was|were|has|have|had|do|does|did|ca|could|wo|would|should)n't|cannot|"
    r"became|began|broke|brought|built|came|died|drew|fell|felt|fought|found|gave|got|grew|held|kept|knew|led|left|lost|"
    r"made|met|paid|put|ran|rose|said|sang|sat|saw|sent|set|sold|spent|spoke|stood|took|taught|thought|told|won|went|wore|"
    r"wrote|"
    r"become|becomes|makes|goes|says|takes|gives|needs|uses|means|lives|works|contains|includes|remains|consists|"
    r"comes|gets|keeps|grows|boils|floats|sinks|melts|falls|rises|eats|lies|causes|helps|carries|\w{2,}ed)$"
)
# A verb of the present by what follows it: "employs 300", "wears a".
_TRANSITIVE_EN = re.compile(r"\b[a-z]{2,}[^\Ws]s (?:the|an?|his|her|its|their|\d[\d,.]*) ?\w")
_PRONOUN_EN = frozenset(("i", "he", "she", "it", "they", "we", "you", "this", "that", "these", "those", "there", "who"))
_DETERMINER_EN = frozenset(
    ("the", "a", "an", "his", "her", "its", "their", "our", "my", "your", "some", "many", "most", "all", "each", "no")
)
_VERB_ZH = re.compile(
    r"[是有在为被将把了过会能要于让使可应须得]|(?<![一二三四五六七八九十两几\d])成|由[^，。]{1,15}(?:设计|创办|创作|拍摄|提出|领导|出版|发明|制作|建造)|"
    r"生于|位于|属于|击败|赢得|出生|成立|建立|获得|包括|发生|开始|来自|称|叫|说|认为|任|担任|"
    r"增加|减少|上升|下降|用|含|占|低|高|大|小|多|少|做|去|来|住|死|写|吃|喝|长|变|沸腾|结冰|发现|支持|反对"
)
_SUBJECT_ZH = re.compile(
    r"(?:但是?|不过|然而|而且?|同时|并且|因此|所以|此外|另外|后来|随后)?"
    r"(?:(?P<pronoun>[他她它我]们?(?!的))|[他她它我]们?|这|该|其|此|前者|后者|本)"
)
_LIGHT_ZH = re.compile(
    r"^(?:在|当|如果|因为|由于|虽然|尽管|随着|根据|除了|作为|自从|为了|对于|关于|从|直到|只要|每当|即使)"
)

# What leads up to an answer, and is cut off before it.
_LEAD = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok)[,!.]? +)?"
    r"(?:here(?: is|'s|’s| are) [^:\n]{0,80}|(?:the )?(?:\w+ )?answer(?: to [^:\n]{0,120})?(?: is)?|response)\s*"
    r"[:：]\s*"
    r"|(?:当然可?以?|好的|没问题)?[，,。！!]?\s*(?:以下|下面|如下)(?:是|为)?[^：:\n。]{0,40}[：:]\s*|(?:答案?|回答)(?:是)?[：:]\s*",
    re.IGNORECASE,
)
# Whole sentences that claim nothing.
_FILLER = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|great(?: question)?|good question|no problem|you're welcome|"
    r"thanks?(?: you)?(?: for .*)?|hello|hi)"
    r"(?:[,!.]* (?:here(?: is| are|'s)|i (?:can|will|would)|i'll|let me|happy to|glad to)\b.*)?"
    r"|here(?: is|'s| are) (?:(?:the|an?|some|my|your|what) )?(?:\w+ ){0,2}(?:answer|list|summary|information|response|"
    r"explanation|details|facts|examples|reasons|steps|i found)s?\b.*"
    r"|as an? (?:ai|artificial intelligence|large language|language)\b.*"
    r"|i(?:'m| am) (?:just )?an? (?:ai|artificial|large language|language)\b.*"
    r"|(?:i )?hope (?:this|that|it) helps\b.*|let me know (?:if|when|what|whether)\b.*|(?:please )?feel free to\b.*"
    r"|(?:is there anything|do you have any|would you like|can i help)\b.*|i(?:'d| would) be (?:happy|glad) to\b.*"
    r"|当然(?:可以)?|好的|没问题|你好|您好|谢谢.*|不客气|作为一?[个名]?(?:人工智能|AI|大?语言模型|助手).*"
    r"|我是一?[个名]?(?:人工智能|AI|大?语言模型).*|希望(?:这|以上|对).*(?:帮助|有用|帮到).*"
    r"|如果(?:您|你)?(?:还有|有)(?:其他|任何|更多).*|(?:请)?随时(?:告诉|联系|问).*",
    re.IGNORECASE,
)


def split_claims(answer: str) -> list[Claim]:
    """The answer's claims in order, each with `answer[start:end] == text` and the verdict "unverifiable".

    A short answer ("Andrew Jackson", "早期") is one claim. What declines to answer, and courtesies ("Sure, here is …",
    "As an AI …"), claim nothing.
    """
    if is_abstention(answer):
        return []
    claims = []
    for start, end in _statements(answer):
        for left, right in clauses(answer, start, end):
            left, right = _trim(answer, left, right)
            text = answer[left:right]
            if not _says_nothing(text):
                claims.append(Claim(text, left, right))
    return claims


def _statements(answer: str) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of each line, without list marks and what leads up to an answer.

    What "；" parts counts as sentences to `sentences`; it is joined again here, for `clauses` to look at both sides.
    """
    from firmground.knowledge.text import sentences

    for line in re.finditer(r"[^\n]+", answer):
        start = line.start()
        for skipped in (_LIST_MARK, _LEAD):
            mark = skipped.match(answer, start, line.end())
            start = mark.end() if mark else start
        pending: int | None = None
        for left, right in sentences(answer[start : line.end()]):
            pending = left if pending is None else pending
            if answer[start + right - 1] not in "；;":
                yield start + pending, start + right
                pending = None
        if pending is not None:
            yield start + pending, line.end()


def clauses(answer: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Offsets of the independent clauses of one sentence: cut where both sides are clauses, from left to right."""
    sentence = answer[start:end]
    chinese = bool(_CHINESE.search(sentence))
    begin = 0
    for joint in (_JOINT_ZH if chinese else _JOINT_EN).finditer(sentence):
        left, right = sentence[begin : joint.start()], sentence[joint.end() :]
        both = (
            _is_clause_zh(left) and _opens_clause_zh(right, strong=joint.group()[0] in "；;")
            if chinese
            else _is_clause_en(left) and _opens_clause_en(right) and not _governed(left, right, joint)
        )
        if both:
            yield start + begin, start + joint.start()
            begin = joint.end()
    yield start + begin, end


def _governed(left: str, right: str, joint: re.Match[str]) -> bool:
    """Whether a bare "and" joins less than two sentences: something governs both sides, or the right has no verb."""
    if joint["bare"] is None:
        return False
    near = re.split(r"[,;:.]\s", right, maxsplit=1)[0]
    return bool(_GOVERNS_EN.search(left)) or not any(_FINITE_EN.match(word) for word in _words(near)[1:5])


def is_clause(text: str) -> bool:
    """Whether the text has a subject and a verb of its own, so that it can be judged without the question."""
    if not _CHINESE.search(text):
        return _is_clause_en(text)
    verb = _VERB_ZH.search(text.strip(), 2)
    return verb is not None and _is_clause_zh(text)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)


def _is_clause_en(text: str) -> bool:
    """A verb that is not the first word, so that something stands before it as its subject; or "employs 300 …"."""
    words = [word.lower().replace("’", "'") for word in _words(text)]
    subordinate = words[:1] and words[0] in {"if", "when", "because", "although", "while", "since", "after", "before"}
    if subordinate and "," not in text:
        return False
    if any(_FINITE_EN.match(word) for word in words[1:]) or (len(words) > 1 and words[0] in _PRONOUN_EN):
        return True
    return _TRANSITIVE_EN.search(text) is not None


def _opens_clause_en(text: str) -> bool:
    """Begins with a pronoun and a verb, or with a name or a determiner that a verb follows within eight words."""
    text = re.split(r"[;.!?](?:\s|$)", text, maxsplit=1)[0]
    words = _words(text)
    if len(words) < 2:
        return False
    first = words[0].lower()
    if first in _PRONOUN_EN - {"that", "who"}:
        return True
    if first not in _DETERMINER_EN and not words[0][0].isupper() and not _FINITE_EN.match(words[1].lower()):
        return False
    before_comma = _words(text.split(",")[0])
    return any(_FINITE_EN.match(word.lower()) for word in before_comma[1:9])


def _is_clause_zh(text: str) -> bool:
    return len(text.strip()) >= 4 and bool(_VERB_ZH.search(text.strip()[1:])) and not _LIGHT_ZH.match(text.strip())


def _opens_clause_zh(text: str, strong: bool) -> bool:
    """After "；" a verb is enough; after "，" a pronoun must open the clause, since Chinese commas mostly don't."""
    clause = re.split(r"[，,；;。！？]", text, maxsplit=1)[0].strip()
    if strong:
        return len(clause) >= 4 and bool(_VERB_ZH.search(clause[1:]))
    subject = _SUBJECT_ZH.match(clause)
    if subject is None or len(clause) < 4:
        return False
    return bool(subject["pronoun"]) or bool(_VERB_ZH.search(clause, subject.end()))


def _trim(answer: str, start: int, end: int) -> tuple[int, int]:
    """Without white space at both ends, and without what only joins it to its neighbours."""
    while start < end and (answer[start].isspace() or answer[start] in ",;，；*"):
        start += 1
    while start < end and (answer[end - 1].isspace() or answer[end - 1] in ",;，；*"):
        end -= 1
    return start, end


def _says_nothing(text: str) -> bool:
    bare = re.sub(rf"{SOURCE_MARK}|\s+", " ", text.replace("’", "'")).strip(" .!?:,;。！？：，；*\"'")
    return not bare or bool(_FILLER.fullmatch(bare)) or is_abstention(text)
