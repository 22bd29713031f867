"""Evidence for the arms that measure: as good as it gets (oracle), of no use (noise), and false (counterfactual).

All three are made from what a question file says about its answers, so that they show what evidence is worth and what
it can break, whatever a search finds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from firmground.eval.metrics.answers import example_language, gold_answers, match
from firmground.eval.types import Example
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.text import CJK
from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import Arm
from firmground.rag.extract import fit
from firmground.rag.words import numbers

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase

Status = Literal["no_gold", "no_noise", "no_counterfactual"]
STATUSES: tuple[Status, ...] = ("no_gold", "no_noise", "no_counterfactual")
EXCHANGED = " (answer exchanged)"  # after the source of a passage that doesn't stand so in its document

_YEAR = re.compile(r"(?:1\d|20)\d\d年?")
_WORD = re.compile(r"[^\W\d_]+")
_SMALL = frozenset(("a", "an", "the", "of", "and", "in", "on", "at", "for", "to", "by", "de", "la", "van", "von"))


class NoEvidence(FirmgroundError):
    """A question for which this evidence can't be made, and never will be: a row of its own, counted apart."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Found:
    """What an arm is given for one question. `seconds`: this question's share of the search. `planted`: the wrong
    answer that stands in counterfactual evidence where the gold answer stood."""

    hits: tuple[Hit, ...] = ()
    seconds: float = 0.0
    planted: str = ""


class Evidence:
    """Makes the evidence of one run. The same questions and seed give the same evidence.

    Args:
        knowledge: where gold documents are read; None where the questions hold their facts themselves.
        examples: all questions of the run: noise and planted answers are taken from the others.
        seed: draws them.
    """

    def __init__(self, knowledge: KnowledgeBase | None, examples: Sequence[Example], seed: int = 0) -> None:
        self.knowledge, self.examples, self.seed = knowledge, examples, seed

    def find(self, example: Example, arm: Arm) -> Found:
        """The evidence of an arm that measures, `arm.num_passages` passages at most.

        Raises:
            NoEvidence: it can't be made for this question; says why, and what would help.
            InputError: the gold documents stand in a knowledge base, and there is none.
        """
        if arm.retrieve == "oracle":
            return Found(tuple(self.oracle(example, arm.num_passages)))
        if arm.retrieve == "noise":
            return Found(tuple(self.noise(example, arm.num_passages)))
        return self.counterfactual(example, arm.num_passages)

    def oracle(self, example: Example, k: int) -> list[Hit]:
        """The passages of the gold documents, or the gold facts as passages of their own; best-fitting first."""
        facts, documents = _gold(example)
        if not facts and not documents:
            raise NoEvidence(
                "no_gold",
                "the question names no document or fact that answers it; add `passage` or `facts` to its line, "
                "or leave out the arms oracle and counterfactual",
            )
        hits = [
            Hit(Passage(-1 - place, f"{example.id}#fact{place + 1}", fact, 0, len(fact)), fit(example.question, [fact]))
            for place, fact in enumerate(facts)
        ]
        hits = sorted(hits, key=lambda hit: -hit.score)
        if documents:
            hits += self._base().search([example.question], k=k, documents=documents)[0]
        if not hits:
            raise NoEvidence(
                "no_gold", f"the document {documents[0]!r} isn't in the knowledge base, or is empty; index it first"
            )
        return hits[:k]

    def noise(self, example: Example, k: int) -> list[Hit]:
        """One passage each of other questions' gold documents (or a fact of theirs), drawn by the seed; none of the
        question's own documents, and none that holds a gold answer."""
        golds, language = gold_answers(example), example_language(example)
        hits: dict[str, Hit] = {}
        for passage in self._others(example):
            if len(hits) == k:
                break
            if passage.text not in hits and not match(passage.text, golds, language):
                hits[passage.text] = Hit(passage, 0.0)
        if not hits:
            raise NoEvidence(
                "no_noise",
                "no other question names a document or fact without this one's answer; add `passage` or `facts` to "
                "the questions, or leave the arm noise out",
            )
        return list(hits.values())

    def counterfactual(self, example: Example, k: int) -> Found:
        """The oracle's passages with every gold answer in them exchanged for a wrong one of like kind."""
        hits, golds, language = self.oracle(example, k), _said(gold_answers(example)), example_language(example)
        if not any(_place(gold).search(hit.passage.text) for hit in hits for gold in golds):
            raise NoEvidence("no_counterfactual", "no gold answer stands in the gold passages to be exchanged")
        texts = [hit.passage.text for hit in hits]
        planted = self._wrong_answer(example, golds, texts)
        changed = [_exchange(text, golds, planted) for text in texts]
        if any(match(text, golds, language) for text in changed):
            raise NoEvidence("no_counterfactual", "a gold answer stands in the gold passages in other words too")
        return Found(tuple(_changed(hit, text) for hit, text in zip(hits, changed, strict=True)), planted=planted)

    def _wrong_answer(self, example: Example, golds: Sequence[str], texts: Sequence[str]) -> str:
        """Another choice; or another question's answer of like kind, that isn't in these passages already."""
        language = example_language(example)
        if example.choices:
            offered = _said(example.choices)
        else:
            others = (other for other in self.examples if example_language(other) == language)
            kinds = {kind(gold) for gold in golds[:1]}
            offered = [answer for other in others for answer in _said(gold_answers(other)[:1]) if kind(answer) in kinds]
        fitting = [
            answer
            for answer in dict.fromkeys(offered)
            if not match(answer, golds, language)
            and not any(match(gold, [answer], language) for gold in golds)
            and not any(match(text, [answer], language) for text in texts)
        ]
        if not fitting:
            raise NoEvidence(
                "no_counterfactual", f"no other question has an answer of like kind ({kind(golds[0])}) to plant"
            )
        return self._random(example).choice(fitting)

    def _others(self, example: Example) -> Iterator[Passage]:
        """A passage of each of the other questions' gold documents, and their gold facts, in drawn order."""
        own = set(example.gold)
        random_ = self._random(example)
        for other in random_.sample(self.examples, len(self.examples)):
            facts, documents = _gold(other)
            for place, fact in enumerate(facts):
                if fact not in own:
                    yield Passage(-1 - place, f"{other.id}#fact{place + 1}", fact, 0, len(fact))
            for document in documents:
                passages = [] if document in own else self._base().passages(document)
                if passages:
                    yield random_.choice(passages)

    def _base(self) -> KnowledgeBase:
        if self.knowledge is None:
            raise InputError("the questions name documents, and there is no knowledge base to read them from; give one")
        return self.knowledge

    def _random(self, example: Example) -> random.Random:
        return random.Random(f"{self.seed} {example.id}")


def kind(answer: str) -> str:
    """What sort of answer it is, by its look: "year", "number", "name" (every word capitalised), else "words"."""
    if _YEAR.fullmatch(answer.strip()):
        return "year"
    if numbers(answer):
        return "number"
    words = [word for word in _WORD.findall(answer) if word not in _SMALL]
    return "name" if words and all(word[0].isupper() for word in words) else "words"


def _gold(example: Example) -> tuple[list[str], list[str]]:
    """(facts, documents) among the gold: a fact stands in the row itself, a document in the knowledge base."""
    told = example.metadata.get("facts") or ()
    texts = {str(fact).strip() for fact in ([told] if isinstance(told, str) else told)}
    return [gold for gold in example.gold if gold in texts], [gold for gold in example.gold if gold not in texts]


def _said(answers: Sequence[str]) -> list[str]:
    """Answers as they stand inside a sentence: without the full stop; longest first, so that none is cut in two."""
    texts = dict.fromkeys(answer.strip().rstrip(".。").strip() for answer in answers)
    return sorted(filter(None, texts), key=lambda text: -len(text))


def _place(answer: str) -> re.Pattern[str]:
    """Finds an answer in a text, whatever its case and spacing, not inside a longer word or number. Chinese words have
    no borders."""
    words = r"\s+".join(map(re.escape, answer.split()))
    before = f"(?<![^\\W{CJK}])(?<!\\d[.,])" if _borders(answer[0]) else ""
    after = f"(?![^\\W{CJK}]|[.,]\\d)" if _borders(answer[-1]) else ""
    return re.compile(f"{before}{words}{after}", re.IGNORECASE)


def _borders(character: str) -> bool:
    return character.isalnum() and not re.match(f"[{CJK}]", character)


def _exchange(text: str, golds: Sequence[str], planted: str) -> str:
    """The text with `planted` wherever a gold answer stands; with a capital where that had one."""

    def put(found: re.Match[str]) -> str:
        return planted[0].upper() + planted[1:] if found.group()[0].isupper() else planted

    for gold in golds:
        text = _place(gold).sub(put, text)
    return text


def _changed(hit: Hit, text: str) -> Hit:
    """The hit with another text, marked where it differs: its offsets and number in the document hold no more."""
    passage = hit.passage
    if text == passage.text:
        return hit
    metadata = {**passage.metadata, "source": passage.source + EXCHANGED}
    return replace(
        hit,
        passage=replace(passage, id=-1 - abs(passage.id), text=text, end=passage.start + len(text), metadata=metadata),
    )
