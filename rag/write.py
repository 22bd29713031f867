"""What becomes of a prompt: it is written from, sampled, and weighed beside quotations, as an arm says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.knowledge.text import language
from firmground.rag import prompt as prompts
from firmground.rag.abstain import is_abstention
from firmground.rag.arms import Arm, Length
from firmground.rag.debias.exchange import Reading, readings
from firmground.rag.extract import Span, best_spans, best_stretches
from firmground.rag.ground import verifiable
from firmground.rag.select import best_sample, best_text, most_agreed
from firmground.rag.types import Decoding, Draft, Generation, Generator, Prompt, Replaced, Verifier, Weigh, Weighing

if TYPE_CHECKING:
    from firmground.rag.assistant import Asked


@dataclass(frozen=True)
class Writer:
    """Writes by one arm with one generator; `verifier` chooses among samples.

    A generator that writes drafts (`TransformersGenerator`) reads a prompt once for all that is written and weighed
    after it; others are asked again, and those that tell no likelihoods give what they wrote.
    """

    arm: Arm
    generator: Generator
    verifier: Verifier

    @property
    def decoding(self) -> Decoding:
        """A chat's answer isn't cut at a line break, as a completion's is; without evidence nothing is contrasted."""
        decoding = self.arm.decoding if self.generator.completes else replace(self.arm.decoding, stop=())
        return replace(decoding, contrast=0.0) if self.arm.retrieve == "none" else decoding

    def write(self, asked: Sequence[Asked]) -> list[Generation]:
        """One generation a question, in order."""
        written = self._written(asked)
        others = [self._others(one) for one in asked]
        told = [other for mine in others for other, _ in mine]
        further = iter(self._written(told) if told else [])
        return [
            self._agreed(one, generation, [(*other, next(further)) for other in mine]) if mine else generation
            for one, generation, mine in zip(asked, written, others, strict=True)
        ]

    def _written(self, asked: Sequence[Asked]) -> list[Generation]:
        results: list[Generation | None] = [None] * len(asked)
        for draft in self._drafts(asked):
            mine = [asked[place] for place in draft.places]
            written = self._chosen(mine, draft.samples)
            for place, generation in zip(draft.places, self._selected(mine, written, draft), strict=True):
                results[place] = generation
        return [result for result in results if result is not None]

    def stream(self, asked: Asked) -> Iterator[str | Weighing | Replaced | Generation]:
        """The text in pieces as it is made, what happens to it afterwards, and the generation as it is in the end.

        Closing the iterator stops the work: between two pieces lies one token, or one text that is weighed. What is
        only known at the end (the best of several samples or beams) comes in one piece.
        """
        if self.decoding.samples > 1 or self.decoding.beams > 1 or self._others(asked):
            (generation,) = self.write([asked])
            yield generation.text
            yield generation
            return
        draft = None
        for piece in self._pieces(asked):
            if isinstance(piece, str):
                yield piece
            else:
                draft = piece
        assert draft is not None  # the last piece
        written = draft.samples[0][0]
        spans = self._spans(asked, written, draft)
        if not spans:
            yield written
            return
        texts, rows, start = _texts(written, spans), [], time.perf_counter()
        for number, text in enumerate(texts, 1):
            yield Weighing(number, len(texts))
            rows.append(self._weigh(draft, [asked], [[text]])[0][0])
        generation = _given(written, texts, spans, rows, time.perf_counter() - start, self.arm.answer)
        if generation.text != written.text.strip():
            yield Replaced(generation.text, "quotation")
        yield generation

    # Writing

    def _drafts(self, asked: Sequence[Asked]) -> Iterator[Draft]:
        given, decoding = [_prompt(one) for one in asked], self.decoding
        against = [self._bare(one) for one in asked] if decoding.contrast > 0 else []
        if hasattr(self.generator, "drafts"):
            yield from self.generator.drafts(given, decoding, against=against)
        elif given:
            self._expect_no_contrast()
            rounds = [self.generator.generate(given, decoding)] if decoding.samples == 1 else [
                self.generator.generate(given, replace(decoding, samples=1, seed=decoding.seed + sample))
                for sample in range(decoding.samples)
            ]  # fmt: skip
            yield Draft(list(range(len(asked))), [list(of_one) for of_one in zip(*rounds, strict=True)],
                        self._weigher(given))  # fmt: skip

    def _pieces(self, asked: Asked) -> Iterator[str | Draft]:
        prompt, decoding = _prompt(asked), self.decoding
        if hasattr(self.generator, "stream_draft"):
            yield from self.generator.stream_draft(prompt, decoding, self._bare(asked))
            return
        self._expect_no_contrast()
        start, text = time.perf_counter(), ""
        for piece in self.generator.stream(prompt, decoding):
            text += piece
            yield piece
        count = getattr(self.generator, "count_tokens", None) or (
            lambda texts: [max(1, len(one) // 3) for one in texts]
        )
        render = getattr(self.generator, "render", str)
        before, made = count([render(prompt), text])
        generation = Generation(text, before, made, seconds=time.perf_counter() - start)
        yield Draft([0], [[generation]], self._weigher([prompt]))

    def _bare(self, asked: Asked) -> Prompt:
        """The prompt as it would be without evidence."""
        return prompts.build(asked.question, [], self.arm, self.generator.completes, asked.choices)

    def _expect_no_contrast(self) -> None:
        if self.decoding.contrast > 0:
            raise InputError(
                f"{self.generator.name} tells no likelihoods, so nothing can be contrasted (contrast = "
                f"{self.decoding.contrast:g}); use a transformers model, or set contrast = 0"
            )

    def _weigher(self, given: Sequence[Prompt]) -> Weigh | None:
        """A draft's `weigh` for a generator that reads the prompts again; None for one that tells no likelihoods."""
        score = getattr(self.generator, "score_batch", None)
        if score is None:
            return None

        def weigh(texts: Sequence[Sequence[str]]) -> list[list[np.ndarray]]:
            pairs = [(prompt, text) for prompt, offered in zip(given, texts, strict=True) for text in offered]
            rows = iter(score([prompt for prompt, _ in pairs], [text for _, text in pairs]) if pairs else [])
            return [[next(rows) for _ in offered] for offered in texts]

        return weigh

    # Writing in several readings

    def _others(self, asked: Asked) -> list[tuple[Asked, Reading]]:
        """The question with its groups exchanged (`rag/debias/exchange.py`), where arm and generator do that."""
        if self.arm.debias != "exchange" or asked.choices or not hasattr(self.generator, "score_batch"):
            return []
        lang, found = language(asked.question), []
        for reading in readings(asked.question, asked.evidence)[1:]:
            prompt = prompts.build(reading.question, reading.evidence, self.arm, self.generator.completes)
            hits = tuple(
                replace(hit, passage=replace(hit.passage, text=reading.turned(hit.passage.text, lang)))
                for hit in asked.hits
            )
            other = replace(asked, question=reading.question, evidence=reading.evidence, prompt=prompt, hits=hits)
            found.append((other, reading))
        return found

    def _agreed(
        self, asked: Asked, written: Generation, others: Sequence[tuple[Asked, Reading, Generation]]
    ) -> Generation:
        """Of what was written in each reading, turned back, the text that all readings together find likeliest (mean
        nats per token); so the exchanged question gets the exchanged answer."""
        lang, start = language(asked.question), time.perf_counter()
        offered = [written.text, *(reading.turned(other.text, lang) for _, reading, other in others)]
        texts = list(dict.fromkeys(text.strip() for text in offered if text.strip()))
        cost = sum(other.prompt_tokens + other.completion_tokens for _, _, other in others)
        seconds = written.seconds + sum(other.seconds for _, _, other in others)
        spent = replace(written, prompt_tokens=written.prompt_tokens + cost, seconds=seconds)
        if len(texts) < 2:
            return replace(spent, text=texts[0]) if texts else spent
        weigh = self._weigher([_prompt(asked), *(_prompt(other) for other, _, _ in others)])
        assert weigh is not None  # else there are no other readings
        turned = [texts, *([reading.turned(text, lang) for text in texts] for _, reading, _ in others)]
        rows = weigh([
            [self._continuation(one, text) for text in mine]
            for one, mine in zip([asked, *(other for other, _, _ in others)], turned, strict=True)
        ])  # fmt: skip
        means = [sum(float(row.mean()) for row in alike) for alike in zip(*rows, strict=True)]
        best = means.index(max(means))
        return replace(
            spent,
            text=texts[best],
            log_probability=float(rows[0][best].sum()),
            prompt_tokens=spent.prompt_tokens + sum(len(row) for mine in rows for row in mine) - len(rows[0][best]),
            completion_tokens=len(rows[0][best]),
            seconds=seconds + time.perf_counter() - start,
        )

    # Choosing

    def _chosen(self, asked: Sequence[Asked], samples: Sequence[Sequence[Generation]]) -> list[Generation]:
        """One of each question's samples: the one that its evidence supports best, or that most agree on."""
        several = [place for place, mine in enumerate(samples) if len(mine) > 1 and asked[place].hits]
        statements = [(place, verifiable(asked[place].question, sample.text))
                      for place in several for sample in samples[place] if sample.text.strip()]  # fmt: skip
        passages = {place: tuple(hit.passage.text for hit in asked[place].hits) for place in several}
        supports = iter(
            self.verifier.support([text for _, text in statements], [passages[place] for place, _ in statements])
            if statements
            else []
        )
        chosen = []
        for place, mine in enumerate(samples):
            texts = [sample.text.strip() for sample in mine]
            supported = [float(next(supports)) if text else 0.0 for text in texts] if place in passages else []
            best = best_sample(texts, supported) if supported else most_agreed(texts)
            aside = sum(sample.completion_tokens for sample in mine) - mine[best].completion_tokens
            chosen.append(replace(mine[best], prompt_tokens=mine[best].prompt_tokens + aside))
        return chosen

    def _selected(self, asked: Sequence[Asked], written: Sequence[Generation], draft: Draft) -> list[Generation]:
        """Each generation, or the span of the evidence that is weighed above it (`rag/select.py`)."""
        start = time.perf_counter()
        spans = [self._spans(one, generation, draft) for one, generation in zip(asked, written, strict=True)]
        if not any(spans):
            return list(written)
        texts = [_texts(*pair) if pair[1] else [] for pair in zip(written, spans, strict=True)]
        rows = self._weigh(draft, asked, texts)
        seconds = (time.perf_counter() - start) / sum(map(bool, spans))
        return [
            _given(generation, offered, found, mine, seconds, self.arm.answer) if found else generation
            for generation, offered, found, mine in zip(written, texts, spans, rows, strict=True)
        ]

    def _spans(self, asked: Asked, written: Generation, draft: Draft) -> list[Span]:
        """The quotations to weigh: none where choices were listed, where the model declined, or where its likelihoods
        aren't known."""
        text = written.text.strip()
        told = bool(draft.weigh and asked.hits and not asked.choices and text and not is_abstention(text))
        quoted = best_spans if self.arm.answer == "words" else best_stretches
        return quoted(asked.question, asked.hits, self.arm.spans) if told and self.arm.spans else []

    def _weigh(self, draft: Draft, asked: Sequence[Asked], texts: Sequence[Sequence[str]]) -> list[list[np.ndarray]]:
        """How likely each text is after its question's prompt."""
        assert draft.weigh is not None  # else there are no spans
        return draft.weigh(
            [[self._continuation(one, text) for text in offered] for one, offered in zip(asked, texts, strict=True)]
        )

    def _continuation(self, asked: Asked, text: str) -> str:
        """A text as it follows its question's prompt."""
        return prompts.choice_continuation(asked.question, text) if isinstance(asked.prompt, str) else text


def _prompt(asked: Asked) -> Prompt:
    assert asked.prompt is not None  # whoever declines isn't asked to write
    return asked.prompt


def _texts(written: Generation, spans: Sequence[Span]) -> list[str]:
    return [written.text.strip(), *(span.text for span in spans)]


def _given(
    written: Generation,
    texts: Sequence[str],
    spans: Sequence[Span],
    rows: Sequence[np.ndarray],
    seconds: float,
    answer: Length,
) -> Generation:
    """The best of the texts as what was generated. What was read and isn't given is a cost of the prompt."""
    best = best_text(texts[0], spans, rows, answer)
    aside = sum(map(len, rows)) - len(rows[best])
    return replace(
        written,
        text=texts[best],
        log_probability=float(rows[best].sum()),
        prompt_tokens=written.prompt_tokens + aside,
        completion_tokens=len(rows[best]),
        seconds=written.seconds + seconds,
    )
