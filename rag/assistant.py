"""The assistant: question → evidence → prompt → generation → claims and verdicts, as an arm says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.text import language
from firmground.knowledge.types import Hit
from firmground.rag import prompt as prompts
from firmground.rag.abstain import ABSTAIN_EN, ABSTAIN_ZH, is_abstention
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN, Arm
from firmground.rag.claims import split_claims
from firmground.rag.extract import best_sentences, best_span, fit
from firmground.rag.ground import LexicalVerifier, judge, pooled
from firmground.rag.types import Answer, Decoding, Generation, Generator, Prompt, Usage, Verifier

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase

JUDGE_PASSAGES = 4  # evidence looked up for verdicts where no arm retrieved any


@dataclass(frozen=True)
class Asked:
    """A question on its way through an arm: what was found for it, and what the generator will be given."""

    question: str
    hits: tuple[Hit, ...]
    evidence: tuple[str, ...]
    prompt: Prompt | None  # None: nothing is generated (a quoted span, or an abstention)
    retrieve_s: float


class Assistant:
    """Answers questions by any arm over one knowledge base and one generator.

    >>> assistant = Assistant.load("my-kb")
    >>> assistant.ask("Why does ice float?").text

    Safe to call from several threads: the generator takes one batch at a time, the knowledge base serves readers.

    Args:
        knowledge: the knowledge base; None for arms that don't retrieve.
        generator: None for arms that only quote.
        verifier: judges claims; the lexical one by default.
    """

    def __init__(
        self, knowledge: KnowledgeBase | None, generator: Generator | None = None, verifier: Verifier | None = None
    ) -> None:
        self.knowledge = knowledge
        self.generator = generator
        self.verifier: Verifier = verifier or LexicalVerifier()

    @classmethod
    def load(
        cls, knowledge: str | Path, generator: str | None = weights.DEFAULT_GENERATOR, device: str = ""
    ) -> Assistant:
        """Open a knowledge base with the encoder that made it, and a generator by name (see `load_generator`)."""
        from firmground.knowledge.encode import open_base

        return cls(open_base(knowledge, device=device), load_generator(generator, device) if generator else None)

    def ask(self, question: str, arm: Arm = AUGMENTED) -> Answer:
        """One judged answer."""
        return self.compare(question, [arm])[arm.name]

    def compare(self, question: str, arms: Sequence[Arm] = (PLAIN, AUGMENTED)) -> dict[str, Answer]:
        """The same question by several arms, all judged on the same pooled evidence. By arm's name."""
        return self.judge({arm.name: self.answer_batch([question], arm)[0] for arm in arms})

    def answer_batch(self, questions: Sequence[str], arm: Arm) -> list[Answer]:
        """One answer a question, in order, not yet judged.

        Raises:
            InputError: the arm needs a knowledge base or a generator that this assistant doesn't have.
        """
        asked = self._prepare(questions, arm)
        if not arm.generator:
            return [self._quote(one, arm) for one in asked]
        waiting = [one.prompt for one in asked if one.prompt is not None]
        generations = iter(self._generator(arm).generate(waiting, self._decoding(arm)) if waiting else [])
        return [self._finish(one, arm, next(generations) if one.prompt is not None else None) for one in asked]

    def stream(self, question: str, arm: Arm = AUGMENTED) -> Iterator[str | Answer]:
        """Pieces of the answer as they are made, then the judged `Answer`. Closing the iterator stops the work."""
        asked = self._prepare([question], arm)[0]
        if asked.prompt is None or not arm.generator:
            answer = self._quote(asked, arm) if not arm.generator else self._finish(asked, arm, None)
            yield answer.text
        else:
            start, text = time.perf_counter(), ""
            for piece in self._generator(arm).stream(asked.prompt, self._decoding(arm)):
                text += piece
                yield piece
            seconds = time.perf_counter() - start
            before, made = self._count_tokens([self._rendered(asked.prompt), text])
            answer = self._finish(asked, arm, Generation(text, before, made, seconds=seconds))
        yield self.judge({arm.name: answer})[arm.name]

    def judge(self, answers: Mapping[str, Answer]) -> dict[str, Answer]:
        """The answers of several arms to one question, with a verdict on each claim, against the same evidence."""
        hits = pooled({name: answer.hits for name, answer in answers.items()})
        if not hits and self.knowledge is not None:
            question = next(iter(answers.values())).question
            hits = self.knowledge.search([question], k=JUDGE_PASSAGES)[0]
        judged = {}
        for name, answer in answers.items():
            start = time.perf_counter()
            claims = tuple(judge(answer.question, answer.claims, hits, self.verifier))
            usage = replace(answer.usage, verify_s=time.perf_counter() - start)
            judged[name] = replace(answer, claims=claims, usage=usage)
        return judged

    def describe(self) -> dict[str, Any]:
        """What an outcome depends on beside the question and the arm: for a run's manifest."""
        return {
            "generator": weights.label(self.generator.name) if self.generator else None,
            "knowledge": self.knowledge.identity() if self.knowledge is not None else None,
            "verifier": {"name": self.verifier.name, "threshold": self.verifier.threshold},
        }

    # The steps

    def _prepare(self, questions: Sequence[str], arm: Arm) -> list[Asked]:
        start = time.perf_counter()
        found = self._retrieve(questions, arm)
        retrieve_s = (time.perf_counter() - start) / max(1, len(questions))
        asked = []
        for question, hits in zip(questions, found, strict=True):
            evidence = self._evidence(question, hits, arm)
            prompt: Prompt | None = None
            if arm.generator and not self._declines(question, hits, arm):
                prompt = prompts.build(question, evidence, arm, self._generator(arm).completes)
            asked.append(Asked(question, tuple(hits), tuple(evidence), prompt, retrieve_s))
        return asked

    def _retrieve(self, questions: Sequence[str], arm: Arm) -> list[list[Hit]]:
        if arm.retrieve == "none":
            return [[] for _ in questions]
        if self.knowledge is None:
            raise InputError(f"the arm {arm.name!r} retrieves, and this assistant has no knowledge base; give it one")
        return self.knowledge.search(list(questions), k=arm.num_passages, mode=arm.retrieve)

    def _declines(self, question: str, hits: Sequence[Hit], arm: Arm) -> bool:
        """The evidence gate: an arm that stands on evidence says so when there is none that fits."""
        if arm.retrieve == "none" or arm.gate <= 0:
            return False
        return not hits or fit(question, [hit.passage.text for hit in hits]) < arm.gate

    def _evidence(self, question: str, hits: Sequence[Hit], arm: Arm) -> list[str]:
        if not hits or not arm.generator:
            return []
        hits = hits[: arm.num_evidence or len(hits)]
        if arm.evidence == "passages":
            return [hit.passage.text for hit in hits]
        chosen = best_sentences(question, hits, arm.evidence_tokens, self._count_tokens)
        return [hit.passage.text[start:end] for hit, start, end in chosen]

    def _count_tokens(self, texts: Sequence[str]) -> list[int]:
        count = getattr(self.generator, "count_tokens", None)
        return count(texts) if count else [max(1, len(text) // 3) for text in texts]

    def _rendered(self, prompt: Prompt) -> str:
        render = getattr(self.generator, "render", None)
        return render(prompt) if render else str(prompt)

    def _decoding(self, arm: Arm) -> Decoding:
        """A chat's answer isn't cut at a line break, as a completion's is."""
        return arm.decoding if self._generator(arm).completes else replace(arm.decoding, stop=())

    def _generator(self, arm: Arm) -> Generator:
        if self.generator is None:
            raise InputError(f"the arm {arm.name!r} needs a generator, and this assistant has none; name one, or use "
                             f"the arm {EXTRACTIVE.name!r}")  # fmt: skip
        return self.generator

    def _quote(self, asked: Asked, arm: Arm) -> Answer:
        start = time.perf_counter()
        span = None if self._declines(asked.question, asked.hits, arm) else best_span(asked.question, asked.hits)
        text = span.text if span else abstention(asked.question)
        usage = Usage(retrieve_s=asked.retrieve_s, generate_s=time.perf_counter() - start)
        return self._answer(asked, arm, text, usage)

    def _finish(self, asked: Asked, arm: Arm, generation: Generation | None) -> Answer:
        if generation is None:
            return self._answer(asked, arm, abstention(asked.question), Usage(retrieve_s=asked.retrieve_s))
        usage = Usage(generation.prompt_tokens, generation.completion_tokens, asked.retrieve_s, generation.seconds)
        return self._answer(asked, arm, generation.text.strip(), usage)

    def _answer(self, asked: Asked, arm: Arm, text: str, usage: Usage) -> Answer:
        abstained = is_abstention(text)
        claims = () if abstained else tuple(split_claims(text))
        return Answer(asked.question, text, arm.name, asked.hits, claims, abstained, usage, asked.prompt)


def abstention(question: str) -> str:
    """How our arms decline, in the question's language."""
    return ABSTAIN_ZH if language(question) == "zh" else ABSTAIN_EN


def load_generator(name: str, device: str = "") -> Generator:
    """A generator by name: `chat:provider:model` through LangChain, else what `weights.resolve` knows.

    Raises:
        WeightsMissing: known, not on this machine. InputError: unknown. MissingExtra: LangChain isn't installed.
    """
    if name.startswith("chat:"):
        from firmground.rag.langchain import chat_model

        return chat_model(name.removeprefix("chat:"))
    folder = weights.resolve(name)
    from firmground.rag.generate import TransformersGenerator

    return TransformersGenerator(folder, name, device)
