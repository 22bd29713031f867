"""The assistant: question → evidence → prompt → generation → claims and verdicts, as an arm says."""

from __future__ import annotations

import math
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
from firmground.rag.chains import linked, telling
from firmground.rag.choose import Chooser, only_best, shares
from firmground.rag.claims import split_claims
from firmground.rag.debias.decoding import SelfDebiased, can_describe
from firmground.rag.debias.screen import screen
from firmground.rag.extract import best_sentences, best_span, best_stretches, fit
from firmground.rag.gate import answers_probability
from firmground.rag.generators import as_generator, load_generator
from firmground.rag.ground import judge, pooled
from firmground.rag.repair import repaired
from firmground.rag.retrieve import searched
from firmground.rag.types import Answer, Basis, Generation, Generator, Prompt, Replaced, Usage, Verifier, Weighing
from firmground.rag.verifier import DEFAULT as DEFAULT_VERIFIER
from firmground.rag.verifier import load_verifier, packaged
from firmground.rag.write import Writer

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from firmground.knowledge.base import KnowledgeBase
    from firmground.rag.explain.reasons import Wanted
    from firmground.rag.explain.types import Reasons

JUDGE_PASSAGES = 4  # evidence looked up for verdicts where no arm retrieved any


@dataclass(frozen=True)
class Asked:
    """A question on its way through an arm: what was found for it, and what the generator will be given."""

    question: str
    hits: tuple[Hit, ...]
    evidence: tuple[str, ...]
    prompt: Prompt | None  # None: nothing is generated (a quoted span, or an abstention)
    retrieve_s: float
    choices: tuple[str, ...] = ()
    weighed: bool = False  # the choices are weighed by likelihood; else the generator writes
    gate: float | None = None  # the gate's probability that what was found answers the question; None: not asked
    declined: tuple[Hit, ...] = ()  # what was found and didn't pass the gate; `hits` are then none
    links: tuple[float, ...] = ()  # how well facts lead to each choice; none where the arm doesn't ask

    @property
    def found(self) -> tuple[Hit, ...]:
        return self.hits or self.declined


class Assistant:
    """Answers questions by any arm over one knowledge base and one generator.

    >>> assistant = Assistant.load("my-kb")
    >>> assistant.ask("Why does ice float?").text

    Safe to call from several threads: the generator takes one batch at a time, the knowledge base serves readers.

    Args:
        knowledge: the knowledge base; None for arms that don't retrieve.
        generator: None for arms that only quote. A LangChain chat model will do: what wants log-probabilities, which it
            doesn't tell, is done without, and each answer's `without` names it.
        verifier: judges claims; by default the trained one that ships (`rag/verifier.py`).
    """

    def __init__(
        self,
        knowledge: KnowledgeBase | None,
        generator: Generator | BaseChatModel | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        self.knowledge = knowledge
        self.generator = generator = as_generator(generator)
        self.verifier: Verifier = verifier or packaged()
        self._chooser = Chooser(generator) if hasattr(generator, "score_batch") else None  # type: ignore[arg-type]
        described = SelfDebiased(generator) if can_describe(generator) else None  # type: ignore[arg-type]
        self._describing = Chooser(described) if described else None
        for beginning in prompts.beginnings() if generator is not None and hasattr(generator, "keep") else ():
            generator.keep(beginning)  # type: ignore[union-attr]

    @classmethod
    def load(
        cls,
        knowledge: str | Path,
        generator: str | None = weights.DEFAULT_GENERATOR,
        device: str = "",
        verifier: str = DEFAULT_VERIFIER,
    ) -> Assistant:
        """Open a knowledge base with the encoder that made it, a generator by name (see `load_generator`), and a
        verifier by name (see `load_verifier`)."""
        from firmground.knowledge.encode import open_base

        judged_by = load_verifier(verifier, device)
        writer = load_generator(generator, device) if generator else None
        return cls(open_base(knowledge, device=device), writer, judged_by)

    def ask(self, question: str, arm: Arm = AUGMENTED) -> Answer:
        """One judged answer."""
        return self.compare(question, [arm])[arm.name]

    def compare(self, question: str, arms: Sequence[Arm] = (PLAIN, AUGMENTED)) -> dict[str, Answer]:
        """The same question by several arms, all judged on the same pooled evidence. By arm's name."""
        return self.judge({arm.name: self.answer_batch([question], arm)[0] for arm in arms})

    def answer_batch(
        self,
        questions: Sequence[str],
        arm: Arm,
        hits: Sequence[Sequence[Hit]] | None = None,
        choices: Sequence[Sequence[str]] | None = None,
    ) -> list[Answer]:
        """One answer a question, in order, not yet judged.

        Args:
            questions: as asked.
            arm: how they are answered.
            hits: what was found for each, by whoever asks (`retrieve`, or evidence of their own); None: look here.
            choices: what each question offers, empty where it offers none. An answer is then one of them where the
                generator tells likelihoods and `arm.choose` isn't "text"; else they are listed in the prompt, and the
                answer is what the generator writes.

        Raises:
            InputError: the arm needs a knowledge base, a generator or evidence that this assistant doesn't have.
        """
        asked = self._prepare(questions, arm, hits, choices)
        answers = self._answers(asked, arm)
        return [
            answer if one.choices else screen(self._repaired(answer, arm), arm)
            for one, answer in zip(asked, answers, strict=True)
        ]

    def _answers(self, asked: Sequence[Asked], arm: Arm) -> list[Answer]:
        if not arm.generator:
            return [self._quote(one, arm) for one in asked]
        open_questions = [one for one in asked if one.prompt is not None]
        weighed = iter(self._weigh([one for one in open_questions if one.weighed], arm))
        written = iter(self._write([one for one in open_questions if not one.weighed], arm))
        return [
            self._finish(one, arm, None) if one.prompt is None else next(weighed if one.weighed else written)
            for one in asked
        ]

    def retrieve(
        self, questions: Sequence[str], arm: Arm, choices: Sequence[Sequence[str]] | None = None
    ) -> list[list[Hit]]:
        """What the arm would find for each question and, by its `choice_hops`, for its choices.

        Arms with the same `search` find the same.

        Raises:
            InputError: there is no knowledge base, or the arm's evidence must be handed in.
        """
        if arm.retrieve == "none":
            return [[] for _ in questions]
        if arm.measures:
            raise InputError(
                f"the arm {arm.name!r} measures: its evidence is made from questions with known answers; "
                "use it in `firmground compare`"
            )
        if self.knowledge is None:
            raise InputError(f"the arm {arm.name!r} retrieves, and this assistant has no knowledge base; give it one")
        return searched(self.knowledge, arm, questions, choices or [()] * len(questions))

    def stream(self, question: str, arm: Arm = AUGMENTED) -> Iterator[str | Weighing | Replaced | Answer]:
        """Pieces of the answer as they are made, then the judged `Answer`. Closing the iterator stops the work.

        Where the arm weighs quotations, `Weighing` tells that this goes on, and `Replaced` that one of them, or a text
        that was repaired, takes the place of what was shown. Whoever only shows text can pass over both: the answer
        comes last.
        """
        asked = self._prepare([question], arm)[0]
        if asked.prompt is None or not arm.generator:
            answer = self._quote(asked, arm) if not arm.generator else self._finish(asked, arm, None)
            yield answer.text
        else:
            for piece in Writer(arm, self._generator(arm), self.verifier).stream(asked):
                if isinstance(piece, Generation):
                    answer = self._finish(asked, arm, piece)
                else:
                    yield piece
        final = screen(self._repaired(answer, arm), arm)
        if final.text != answer.text:
            yield Replaced(final.text, "repaired")
        yield self.judge({arm.name: final})[arm.name]

    def explain(self, answer: Answer, arm: Arm, method: Wanted = "auto", attention: bool = False) -> Reasons:
        """Which sentences of its evidence the text given rests on, and how sure each of its words is (`rag/explain`).

        Raises InputError where there can be no reasons: see `firmground.rag.explain.reasons.explain`.
        """
        from firmground.rag.explain.reasons import explain

        return explain(answer, self._generator(arm), method, attention)

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
        weighed = getattr(self.generator, "fingerprint", None)  # of the weights; a remote model has none
        return {
            "generator": weights.label(self.generator.name) if self.generator else None,
            **({"generator_fingerprint": weighed} if weighed else {}),
            "knowledge": self.knowledge.identity() if self.knowledge is not None else None,
            "verifier": {"name": self.verifier.name, "threshold": self.verifier.threshold},
        }

    # The steps

    def _prepare(
        self,
        questions: Sequence[str],
        arm: Arm,
        found: Sequence[Sequence[Hit]] | None = None,
        choices: Sequence[Sequence[str]] | None = None,
    ) -> list[Asked]:
        start = time.perf_counter()
        found = self.retrieve(questions, arm, choices) if found is None else found
        retrieve_s = (time.perf_counter() - start) / max(1, len(questions))
        offered = choices or [()] * len(questions)
        return [
            self._prepare_one(question, tuple(hits), tuple(offer), arm, retrieve_s)
            for question, hits, offer in zip(questions, found, offered, strict=True)
        ]

    def _prepare_one(
        self, question: str, hits: tuple[Hit, ...], choices: tuple[str, ...], arm: Arm, retrieve_s: float
    ) -> Asked:
        weighed = bool(choices) and arm.generator and arm.choose != "text" and self._chooser is not None
        gate = None if choices else self._gate(question, hits, arm)
        declined: tuple[Hit, ...] = ()
        if gate is not None and gate < arm.gate:
            hits, declined = (), hits
        links: tuple[float, ...] = ()
        if arm.choice_hops and hits and telling(choices):
            # What was searched for a choice speaks for it by design: it counts apart, and isn't shown to the generator.
            links, leading = linked(question, choices, hits)
            shown = hits[: arm.num_passages]
            evidence = self._evidence(question, shown, arm, weighed)
            hits = tuple({hit.passage.id: hit for hit in (*shown, *leading)}.values())
        else:
            evidence = self._evidence(question, hits, arm, weighed)
        prompt: Prompt | None = None
        if arm.generator and not self._declines(gate, arm):
            if weighed:
                prompt = prompts.choice_prompt(question, evidence, arm.debias == "instruct")
            else:
                prompt = prompts.build(question, evidence, arm, self._generator(arm).completes, choices)
        return Asked(question, hits, tuple(evidence), prompt, retrieve_s, choices, weighed, gate, declined, links)

    def _gate(self, question: str, hits: Sequence[Hit], arm: Arm) -> float | None:
        """The probability that the hits answer the question, for an arm with a gate; None for others."""
        if arm.retrieve == "none" or arm.gate <= 0:
            return None
        encoder = getattr(self.knowledge, "encoder", None)
        return answers_probability(question, hits, encoder.name if encoder else "", arm.gate_weights)

    def _declines(self, gate: float | None, arm: Arm) -> bool:
        """Whether the arm abstains: what was found didn't pass the gate, and no model may answer without it."""
        return gate is not None and gate < arm.gate and (arm.ungrounded == "abstain" or not arm.generator)

    def _evidence(self, question: str, hits: Sequence[Hit], arm: Arm, weighed: bool) -> list[str]:
        if not hits or not arm.generator:
            return []
        hits = hits if weighed else hits[: arm.num_evidence or len(hits)]
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

    def _generator(self, arm: Arm) -> Generator:
        if self.generator is None:
            raise InputError(f"the arm {arm.name!r} needs a generator, and this assistant has none; name one, or use "
                             f"the arm {EXTRACTIVE.name!r}")  # fmt: skip
        if arm.debias == "describe" and self._describing is not None:
            return self._describing.generator  # type: ignore[return-value]
        return self.generator

    def _quote(self, asked: Asked, arm: Arm) -> Answer:
        """Quote the best span, or sentences; where choices are offered, the one that the evidence speaks of most."""
        start = time.perf_counter()
        text = None
        if not self._declines(asked.gate, arm):
            if asked.choices:
                texts = [hit.passage.text for hit in asked.hits]
                fits = asked.links or [fit(f"{asked.question} {choice}", texts) for choice in asked.choices]
                place = only_best(fits)
                text = None if place is None else asked.choices[place]
            elif arm.answer == "sentences":
                text = next((span.text for span in best_stretches(asked.question, asked.hits, 1)), None)
            elif span := best_span(asked.question, asked.hits):
                text = span.text
        usage = Usage(retrieve_s=asked.retrieve_s, generate_s=time.perf_counter() - start)
        return self._answer(asked, arm, abstention(asked.question) if text is None else text, usage)

    def _weigh(self, asked: Sequence[Asked], arm: Arm) -> list[Answer]:
        """The likeliest choice of each question. What was read counts as prompt tokens: prompt and choices, once."""
        if not asked or self._chooser is None or arm.choose == "text":
            return []
        start = time.perf_counter()
        chooser = self._describing if arm.debias == "describe" and self._describing else self._chooser
        scored = chooser.weigh(asked, arm.choose, arm.debias == "exchange")
        seconds = (time.perf_counter() - start) / len(asked)
        answers = []
        for one, (scores, tokens, read) in zip(asked, scored, strict=True):
            parts = shares(scores, arm.choose)
            confidence = max(parts)
            length = sum(self._count_tokens([self._rendered(prompt) for prompt in read]))
            usage = Usage(length + tokens, 0, one.retrieve_s, seconds)
            answer = self._answer(one, arm, one.choices[parts.index(confidence)], usage)
            answers.append(replace(answer, confidence=confidence, choices=scores))
        return answers

    def _write(self, asked: Sequence[Asked], arm: Arm) -> list[Answer]:
        generations = Writer(arm, self._generator(arm), self.verifier).write(asked) if asked else []
        return [self._finish(one, arm, generation) for one, generation in zip(asked, generations, strict=True)]

    def _finish(self, asked: Asked, arm: Arm, generation: Generation | None) -> Answer:
        if generation is None:
            return self._answer(asked, arm, abstention(asked.question), Usage(retrieve_s=asked.retrieve_s))
        usage = Usage(generation.prompt_tokens, generation.completion_tokens, asked.retrieve_s, generation.seconds)
        answer = self._answer(asked, arm, generation.text.strip(), usage)
        return replace(answer, confidence=confidence(generation))

    def _answer(self, asked: Asked, arm: Arm, text: str, usage: Usage) -> Answer:
        # A question may offer "can't be determined": to pick it is an answer.
        abstained = is_abstention(text) and not any(map(is_abstention, asked.choices))
        claims = () if abstained else tuple(split_claims(text))
        basis: Basis = "none" if abstained else "evidence" if asked.hits else "model"
        return Answer(
            asked.question, text, arm.name, asked.found, claims, abstained, usage,
            prompt=asked.prompt, basis=basis, gate=asked.gate, without=self._without(asked, arm),
        )  # fmt: skip

    def _repaired(self, answer: Answer, arm: Arm) -> Answer:
        """The answer, its unsupported claims cut or written again as the arm says."""
        if arm.repair == "none" or answer.basis != "evidence":
            return answer
        if arm.repair == "cut" or not arm.generator:
            return repaired(answer, "cut", self.verifier, abstention(answer.question))

        def rewrite(question: str, sentence: str) -> Generation:
            generator = self._generator(arm)
            written = prompts.build(question, [sentence], arm, generator.completes)
            decoding = Writer(arm, generator, self.verifier).decoding
            return generator.generate([written], replace(decoding, contrast=0.0))[0]

        return repaired(answer, "rewrite", self.verifier, abstention(answer.question), rewrite)

    def _without(self, asked: Asked, arm: Arm) -> tuple[str, ...]:
        """The fields of the arm that want log-probabilities where this generator tells none."""
        if not arm.generator or self._chooser is not None:
            return ()
        wanted = {"choose": bool(asked.choices) and arm.choose != "text", "spans": arm.spans and not asked.choices,
                  "debias": arm.debias in ("exchange", "describe")}  # fmt: skip
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def confidence(generation: Generation) -> float | None:
    """The geometric mean of the new tokens' probabilities, in (0, 1]; None where they aren't known, or are none."""
    if generation.log_probability is None or not generation.completion_tokens:
        return None
    return min(1.0, math.exp(generation.log_probability / generation.completion_tokens))


def abstention(question: str) -> str:
    """How our arms decline, in the question's language."""
    return ABSTAIN_ZH if language(question) == "zh" else ABSTAIN_EN
