"""A small assistant for the page: answers from a table, in pieces, and writes down what it was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import Arm
from firmground.rag.types import Answer, Citation, Claim, Replaced, Usage, Verdict, Weighing

PASSAGE = Passage(
    7, "physical-001", "Water is odd. It swells by 9 percent when it freezes.", 100, 153,
    {"title": "Why ice floats", "source": "/data/physics.pdf", "page": 3},
)  # fmt: skip
HIT = Hit(PASSAGE, 0.5, {"dense": 1, "lexical": 4}, {"dense": 0.625, "lexical": 7.25})


@dataclass
class FakeAssistant:
    """`answers[arm]` is the text, told word by word; an exception is raised. Arms that retrieve get `hit`.

    A claim is supported where `supported` stands in it, and then cites the hit's second sentence.
    """

    answers: Mapping[str, str | Exception]
    hit: Hit = HIT
    supported: str = "9 percent"
    verdict: Verdict = "unsupported"  # of every other claim
    log: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)  # as the arms were asked, each by one of `arms`
    arms: list[Arm] = field(default_factory=list)
    after: Mapping[str, list[Weighing | Replaced]] = field(default_factory=dict)  # by arm, what follows its words
    generator: None = None
    verifier: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="words-0", threshold=0.5))

    def stream(self, question: str, arm: Arm) -> Iterator[str | Weighing | Replaced | Answer]:
        self.log.append(f"ask {arm.name}")
        self.questions.append(question)
        self.arms.append(arm)
        text = self.answers[arm.name]
        if isinstance(text, Exception):
            raise text
        words = text.split(" ")
        for number, word in enumerate(words):
            yield word if number == 0 else f" {word}"
        for one in self.after.get(arm.name, []):
            text = one.text if isinstance(one, Replaced) else text
            yield one
        hits = (self.hit,) if arm.retrieve != "none" else ()
        usage = Usage(20, len(words), 0.25, 1.0)
        claims = () if not text else (Claim(text, 0, len(text)),)
        yield Answer(question, text, arm.name, hits, claims, abstained=text == "I don't know.", usage=usage)

    def judge(self, answers: Mapping[str, Answer]) -> dict[str, Answer]:
        self.log.append("judge " + " ".join(answers))
        return {
            name: replace(one, claims=tuple(self._judged(claim) for claim in one.claims))
            for name, one in answers.items()
        }

    def _judged(self, claim: Claim) -> Claim:
        if self.supported not in claim.text:
            return replace(claim, verdict=self.verdict, support=0.1)
        passage = self.hit.passage
        cited = passage.text[14:]
        citation = Citation(passage.document, passage.id, passage.start + 14, passage.end, cited, passage.source, 3)
        return replace(claim, verdict="supported", support=0.9, citations=(citation,))


class FakeBase:
    """What the page says of a knowledge base."""

    encoder_record = SimpleNamespace(name="fake-encoder")

    def __len__(self) -> int:
        return 246
