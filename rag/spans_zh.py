"""Candidates for Chinese questions: runs between punctuation, function words and the question's own words.

A Chinese question word stands where the answer stands (以谁的名字命名, 以杰克逊的名字命名): what the question has on
both sides of its question word is looked for on both sides of a candidate.
"""

from __future__ import annotations

import re

from firmground.knowledge.text import CJK
from firmground.rag.spans import Candidate, Kind, weigh

LONGEST = 9  # pieces

WEIGHTS = {
    "kind": 5.5,  # it is the kind of thing asked for
    "other_kind": -1.0,  # a kind is asked for, and it is not of that kind
    "asked": -1.5,  # share of its letters that the question has
    "near": 0.6,  # share of the question's letters that stand near it, each falling off with its distance
    "left": 0.35,  # a function word or a mark stands before it
    "left_asked": 0.6,  # words of the question stand before it
    "right_asked": 0.5,  # … after it
    "cut_name": -1.0,  # a name's other half stands beyond a middle dot
    "parts": -0.25,  # function words in it
    "marks": 0.6,  # marks in it: the dot of a name, the brackets of a title
    "length": -0.3,  # letters in it, by four
    "one": -1.5,  # it is one letter
    "aligned": 0.5,  # letters before it that also stand before the question word, by two
    "aligned_right": 0.75,  # … after
    "cue": 0.5,  # what stands before it announces such a thing
    "quoted": 1.3,  # in quotation marks, or a title
    "unbalanced": -0.75,  # half a pair of brackets or quotation marks
}

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))  # type: ignore[misc]
    for kind, pattern in (
        ("year", r"哪一?年|什么年|何年|哪个年份"),
        (
            "number",
            r"多少|几[个名位人种岁年次场分米倍条块只座天年月]|多[大长高远久快深宽重]|百分之几|比例|数量|人口是|第几",
        ),
        ("when", r"什么时候|何时|什么时间|哪一?[天日月]|几[月日号]|日期|世纪|年代|时期|哪段时间|什么时代"),
        (
            "who",
            r"谁|哪[一两几]?位|哪[个名](?:人|球员|国王|科学家|总统|作家|皇帝|教练|将军)|什么人|何人|名字是|姓名|的名字",
        ),
        (
            "where",
            r"哪里|哪儿|何处|何地|在哪|什么地方|哪[个座些一]*(?:城市|国家|地区|地方|州|省|县|城|岛|河|大陆|大洲|洲|体育场|大学|镇)|位于什么",
        ),
        ("why", r"为什么|为何|原因|因何|什么理由|缘故"),
        (
            "name",
            r"哪[个家些支部本首种一]*(?:公司|球队|组织|团体|专辑|歌|书|电影|节目|网络|语言|宗教|党|帝国|王朝|战争|战役|条约|教会)|叫什么|名称",
        ),
    )
)
_ASKING = re.compile(
    r"什么时候|什么地方|什么时间|什么样的?|什么人|为什么|哪一[年个位种些]|哪[年个位些种里儿]|什么|多少|几|谁|怎么样?|怎样|如何|何[时地处种人]|哪|多[大长高远久快深宽重]"
)
_NUMBER = r"(?:第?\d+(?:[,.:–—-]\d+)*½?|第?[一二三四五六七八九十百千万亿两零半数]+)"
_UNIT = (
    r"(?:多?[万亿千百]*(?:美元|英镑|欧元|元|人|年|个月|月|日|天|小时|分钟|分|秒|岁|次|个|名|位|种|座|场|码|英里|平方英里|公里|平方公里|"
    r"千米|米|英尺|英寸|厘米|毫米|吨|公斤|千克|磅|度|℃|°[CF]|%|％|倍|世纪|年代|届|条|所|家|支|部|项|章|页|级|层|件|只|头|平方米|摄氏度|华氏度|°))"
)
# A number in letters, in a run of them: with a unit, or of several letters. A lone 一 before a unit counts nothing.
_NUMERALS = "[一二三四五六七八九十百千万亿两零半]"
_WRITTEN = re.compile(rf"第?(?!一[个种位名次些样般])(?:(?P<some>{_NUMERALS}+){_UNIT}|{_NUMERALS}{{2,}})")
_PIECE = re.compile(
    rf"(?P<number>百分之\s*{_NUMBER}|(?:公元前?\s*)?{_NUMBER}(?:\s*{_UNIT})?(?:(?<=年)\s*{_NUMBER}\s*月(?:\s*{_NUMBER}\s*日)?|(?<=月)\s*{_NUMBER}\s*日)?)"
    r"|(?P<latin>[A-Za-zÀ-ÿ][\w'’.&-]*(?: [A-Za-zÀ-ÿ][\w'’.&-]*)*)"
    rf"|(?P<run>[{CJK}·•‧・]+)|(?P<mark>\S)"
)
# Words that part phrases. Cut at the longest first.
_PART = re.compile(
    "以及|并且|而且|但是|因为|由于|因此|所以|如果|虽然|通过|关于|对于|根据|除了|之一|之间|之后|之前|以前|以后|以来|他们|她们|它们|我们|自己|没有|"
    "这些|那些|这种|这个|那个|其他|其中|同时|可以|可能|已经|曾经|非常|主要|包括|称为|称之为|被称|成为|作为|位于|属于|来自|进行|使用|认为|"
    "[的了着过在是和与及或被把将从向于以为之其这那他她它而但也都就才又还则所由对让使到有不没未等]"
)
_INSIDE = frozenset('、·•-–—《》“”"（）()%')  # marks that a span may reach across
_QUOTES, _PAIRS = '《“"', (("《", "》"), ("（", "）"), ("“", "”"), ("(", ")"))
_CUES: dict[str, re.Pattern[str]] = {
    "why": re.compile(r"(?:因为|由于|为了|因|旨在)$"),
    "where": re.compile(r"(?:在|位于|来自|到|从|于|至)$"),
    "when": re.compile(r"(?:在|于|从|自|到|直到|至)$"),
    "who": re.compile(r"(?:由|被|是|和|与|名叫|叫|任命)$"),
    "thing": re.compile(r"(?:是|为|称为|叫做?|作为|被称为|成为|包括|使用|有|了|以)$"),
    "name": re.compile(r"(?:是|为|称为|叫做?|名为)$"),
}
_PLACE = re.compile(r"[国州省市县区城镇村岛洲河湖山洋海港街路院馆场校学]$")


# start, end, and "number", "latin", "run", "asked" (the question has it too), "part" (a function word) or "mark".
Piece = tuple[int, int, str]


def kind_of(question: str) -> Kind:
    return next((kind for kind, pattern in _KINDS if pattern.search(question)), "thing")


def pieces(question: str, sentence: str) -> list[Piece]:
    """The sentence in order, without white space, cut at function words and at the question's own words."""
    grams = {question[i : i + 2] for i in range(len(question) - 1)}
    found: list[Piece] = []
    for match in _PIECE.finditer(sentence):
        if match.lastgroup != "run":
            kind = match.lastgroup or "mark"
            if kind in ("latin", "number") and match.group().strip() in question:
                kind = "asked"
            found.append((match.start(), match.end(), kind))
            continue
        start = match.start()
        for left, right, kind in _split_run(match.group(), grams):
            found.append((start + left, start + right, kind))
    return found


def _split_run(run: str, grams: set[str]) -> list[Piece]:
    """A run of Chinese letters, cut where function words and stretches shared with the question begin and end."""
    kinds = ["run"] * len(run)
    for match in _PART.finditer(run):
        kinds[match.start() : match.end()] = ["part"] * len(match.group())
    for i in range(len(run) - 1):
        if run[i : i + 2] in grams:
            kinds[i] = kinds[i + 1] = "asked"
    for match in _WRITTEN.finditer(run):
        end = match.end("some") if match["some"] else match.end()  # its unit may stand in the question: "几位", "五位"
        if "asked" not in kinds[match.start() : end]:
            kinds[match.start() : match.end()] = ["number"] * len(match.group())
    found = []
    start = 0
    for i in range(1, len(run) + 1):
        if i == len(run) or kinds[i] != kinds[start]:
            found.append((start, i, kinds[start]))
            start = i
    return found


def candidates(question: str, sentence: str) -> list[Candidate]:
    kind = kind_of(question)
    parts = pieces(question, sentence)
    before, after = _around(question)
    found = []
    for first in range(len(parts)):
        if parts[first][2] in ("part", "mark"):
            continue
        for last in range(first, min(first + LONGEST, len(parts))):
            start, end, sort = parts[last]
            if sort == "mark" and sentence[start:end] not in _INSIDE:
                break
            if sort not in ("mark", "part"):
                features = _features(kind, sentence, parts, first, last) | _alignment(
                    sentence[: parts[first][0]], sentence[end:], before, after
                )
                found.append(weigh(parts[first][0], end, features, WEIGHTS))
    return found


def _around(question: str) -> tuple[str, str]:
    match = _ASKING.search(question)
    if not match:
        return "", ""
    return question[: match.start()], question[match.end() :].rstrip("？?。 ")


def _common(a: str, b: str) -> int:
    """Length of the common prefix."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def _is_kind(kind: Kind, text: str, sorts: list[str]) -> float:
    number = "number" in sorts
    if kind == "year":
        return 1.0 if re.fullmatch(r"(?:公元前?)?\s*\d{3,4}\s*年?", text) else 0.0
    if kind == "when":
        if re.search(r"\d\s*(?:年|月|日|世纪|号)|世纪|年代|\d{4}", text):
            return 1.0 if sorts[0] == "number" else 0.6
        return 0.6 if re.search(r"时期|时代|[春夏秋冬]季|早期|晚期|期间|星期|周[一二三四五六日]", text) else 0.0
    if kind == "number":
        return 1.0 if number and sorts[0] == "number" else 0.5 if number else 0.0
    if kind == "who":
        return 0.0 if number else 1.0 if "·" in text or "•" in text else 0.5 if 2 <= len(text) <= 10 else 0.0
    if kind == "where":
        return 1.0 if _PLACE.search(text) else 0.4 if not number else 0.0
    return 0.0


def _alignment(left: str, right: str, before: str, after: str) -> dict[str, float]:
    """How far what stands around the span is what stands around the question word: up to four letters a side."""
    return {
        "aligned": min(2.0, _common(left[::-1].lstrip(), before[::-1]) / 2),
        "aligned_right": min(2.0, _common(right.lstrip(), after) / 2),
    }


def _features(kind: Kind, sentence: str, parts: list[Piece], first: int, last: int) -> dict[str, float]:
    start, end = parts[first][0], parts[last][1]
    text = sentence[start:end]
    sorts = [sort for _, _, sort in parts[first : last + 1]]
    is_kind = _is_kind(kind, text, sorts)
    letters = sum(right - left for left, right, sort in parts if sort == "asked")
    inside = sum(right - left for left, right, sort in parts[first : last + 1] if sort == "asked")
    near = sum(
        (right - left) * 6 / (6 + min(abs(left - end), abs(start - right)))
        for i, (left, right, sort) in enumerate(parts)
        if sort == "asked" and not first <= i <= last
    )
    left_sort = parts[first - 1][2] if first else "mark"
    right_sort = parts[last + 1][2] if last + 1 < len(parts) else "mark"
    cue = _CUES.get(kind)
    return {
        "kind": is_kind,
        "other_kind": float(kind not in ("thing", "why", "name") and is_kind == 0.0),
        "asked": inside / len(text),
        "near": near / max(1, letters),
        "left": float(left_sort in ("part", "mark")),
        "left_asked": float(left_sort == "asked"),
        "right_asked": float(right_sort == "asked"),
        "cut_name": float(sentence[max(0, start - 1) : start] in ("·", "•") or sentence[end : end + 1] in ("·", "•")),
        "parts": float(sorts.count("part")),
        "marks": float(sorts.count("mark")),
        "length": len(text) / 4,
        "one": float(len(text) == 1),
        "cue": float(cue is not None and bool(cue.search(sentence[:start].rstrip()))),
        "quoted": float(text[0] in _QUOTES or sentence[max(0, start - 1) : start] in tuple(_QUOTES)),
        "unbalanced": float(any(text.count(one) != text.count(two) for one, two in _PAIRS)),
    }
