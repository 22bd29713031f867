"""Retrieval that doesn't prefer passages about one gender: two filters, `Arm.fair`, for questions that name none.

"project": what tells women from men in the encoder's vectors is taken out of the question's. The direction is learnt
from sentences that differ in gender alone (Bolukbasi et al., "Man is to Computer Programmer as Woman is to Homemaker?",
NeurIPS 2016, for words; Liang et al., "Towards Debiasing Sentence Representations", ACL 2020). P projects orthogonally,
so (q - Pq)·d = (q - Pq)·(d - Pd): no passage is encoded or indexed again. What a passage loses in length isn't made up
for: on GenderBias-QA that would help all-MiniLM-L6-v2 and hurt multilingual-e5-small.

"rerank": among passages of nearly the same score, the group that was shown less so far comes first. Exposure is counted
as in Singh and Joachims, "Fairness of Exposure in Rankings" (KDD 2018): a place i is worth 1 / log2(i + 1). Which group
leads is drawn by the question's hash, so that over many questions neither does.

A question that names a gender ("Which women …", "Where did he …", 女, 她) is left alone: there it matters.
"""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from firmground.knowledge.groups import mentions
from firmground.knowledge.swap import swap
from firmground.knowledge.text import Language, language
from firmground.knowledge.types import Encoder, Hit

# Sentences about men; `swap` makes their counterparts. One direction of them: on GenderBias-QA's questions with an odd
# SHA-256 more take away hardly more of the bias, and 120 sentences do as well as 400.
TEMPLATES = {
    "en": (
        "He is a {}.",
        "His work as a {} is known to many.",
        "The man became a {} when he was young.",
        "As a {}, he is proud of himself.",
        "John is a {} whom his colleagues admire.",
    ),
    "zh": (
        "他是一名{}。",
        "他作为{}的工作广为人知。",
        "这个男人年轻时成为了{}。",
        "这位男性{}为他的成就感到自豪。",
        "父亲是一位{}，他很受尊敬。",
    ),
}
OCCUPATIONS = {
    "en": "doctor nurse teacher professor engineer scientist lawyer judge secretary receptionist manager director",
    "zh": "医生 护士 教师 律师 教授 工程师 科学家 法官 秘书 经理 导演 作家",
}

# How much worse than the best that is left a passage may be to go before it, as a share of the gap between the best and
# the worst hit looked at. On GenderBias-QA's questions with an odd SHA-256 the gap of exposure falls to a quarter with
# it; nDCG@10 falls at none of 0.1 to 0.5, with two encoders.
SLACK = 0.3
LEAST_POOL = 10  # hits that are looked at, or twice as many as are wanted

_ZH = {"women": re.compile("她"), "men": re.compile("(?<![其吉排利维])他(?![人国乡日杀])")}

_directions: dict[tuple[str, Language], np.ndarray] = {}  # by encoder's fingerprint and language
_learning = threading.Lock()


def gender_direction(encoder: Encoder, lang: Language) -> np.ndarray:
    """(dimension,) float32 of length 1: along it the vectors of sentences about women and men differ most.

    The first right singular vector of the differences. Encodes 120 short sentences once a process, encoder and
    language (about a second on a CPU), and keeps the direction in memory: it holds nothing of anybody's documents.
    """
    key = encoder.fingerprint, lang
    with _learning:
        if key not in _directions:
            texts = [_filled(form, word, lang) for form in TEMPLATES[lang] for word in OCCUPATIONS[lang].split()]
            others = [swap(text, lang).text for text in texts]
            vectors = encoder.encode([*texts, *others])
            differences = vectors[: len(texts)] - vectors[len(texts) :]  # (pairs, dimension)
            _directions[key] = np.linalg.svd(differences, full_matrices=False)[2][0].astype(np.float32)
    return _directions[key]


def _filled(form: str, word: str, lang: Language) -> str:
    return form.replace("a {}", "an {}").format(word) if lang == "en" and word[0] in "aeiou" else form.format(word)


def names_gender(text: str) -> bool:
    """Whether a text names women or men: by a word, a pronoun or an English given name."""
    if any(mention.category == "gender" for mention in mentions(text, names=True)):
        return True
    return bool(swap(text).changes)  # knows pronouns and family in Chinese too


def without_gender(encoder: Encoder) -> Callable[[Sequence[str], np.ndarray], np.ndarray]:
    """What `KnowledgeBase.search` takes as `adjust`: the vectors of questions that name no gender lose its direction.

    Questions in a language that the encoder wasn't trained for stay as they are.
    """

    def adjust(questions: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        adjusted = vectors.copy()
        for row, question in enumerate(questions):
            lang = language(question)
            if names_gender(question) or not {"*", lang} & set(encoder.languages):
                continue
            direction = gender_direction(encoder, lang)
            rest = vectors[row] - (vectors[row] @ direction) * direction
            adjusted[row] = rest / max(float(np.linalg.norm(rest)), 1e-12)
        return adjusted

    return adjust


def gender_of(text: str) -> str:
    """ "women" or "men", whom the text names more often; "" for neither."""
    found = Counter(mention.group for mention in mentions(text, names=True) if mention.category == "gender")
    if language(text) == "zh":
        found.update({group: len(pronoun.findall(text)) for group, pronoun in _ZH.items()})
    women, men = found["women"], found["men"]
    return "women" if women > men else "men" if men > women else ""


def exposure(groups: Sequence[str]) -> dict[str, float]:
    """What each group's places are worth together, 1 / log2(i + 1) for place i from 1; "" is no group."""
    worth: dict[str, float] = defaultdict(float)
    for place, group in enumerate(groups, 1):
        if group:
            worth[group] += 1 / math.log2(place + 1)
    return dict(worth)


def fair_order(scores: Sequence[float], groups: Sequence[str], leads: Sequence[str], slack: float = SLACK) -> list[int]:
    """The places of the hits in an order that shows groups evenly.

    At each place stands the best hit left of the group that was shown least so far, if its score is at most `slack`
    times (best - worst of all) below the best hit left; else that of the group shown next least, and so on. A best hit
    of no group keeps its place.

    Args:
        scores: (n,), best first.
        groups: (n,) names; "" for none.
        leads: the groups in the order in which they go before each other where they were shown the same.
        slack: in [0, 1]; 0 exchanges equal scores alone.
    """
    left = list(range(len(scores)))
    room = slack * (scores[0] - scores[-1]) if left else 0.0
    shown: list[str] = []
    ordered = []
    while left:
        taken = left[0]
        if groups[taken]:
            worth = exposure(shown)
            for group in sorted(leads, key=lambda name: worth.get(name, 0.0)):
                best = next((place for place in left if groups[place] == group), None)
                if best is not None and scores[best] >= scores[left[0]] - room:
                    taken = best
                    break
        left.remove(taken)
        ordered.append(taken)
        shown.append(groups[taken])
    return ordered


def fairly_shown(questions: Sequence[str], found: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
    """The hits of each question in the order of `fair_order` by gender; as they are where the question names one.

    `ranks["fair"]` says where a hit stands now; its score is still its own. A passage is read once a call.
    """
    about: dict[str, str] = {}
    for hit in (hit for hits in found for hit in hits):
        if hit.passage.text not in about:
            about[hit.passage.text] = gender_of(hit.passage.text)
    return [_shown(question, hits, about) for question, hits in zip(questions, found, strict=True)]


def _shown(question: str, hits: Sequence[Hit], about: Mapping[str, str]) -> list[Hit]:
    if not hits or names_gender(question):
        return list(hits)
    even = hashlib.sha256(question.encode()).digest()[-1] % 2
    leads = ("women", "men") if even else ("men", "women")
    ordered = fair_order([hit.score for hit in hits], [about[hit.passage.text] for hit in hits], leads)
    return [replace(hits[place], ranks={**hits[place].ranks, "fair": rank}) for rank, place in enumerate(ordered, 1)]
