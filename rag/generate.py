"""Generators: a transformers model in this process, causal or seq2seq, through one call.

Prompts are sorted by length and batched by padded tokens, so that little is spent on padding; answers come back in the
order asked. Greedy by default. A chat is rendered by the model's own template; a model without one gets its text.

A batch is read once (`score`), then written a token a step by a loop of our own (`decode`), which leaves rows that are
done out, draws each row's tokens with its own seed, can stop after any token, and lets the prompts' caches serve what
is weighed after them. Beams alone are left to transformers' `generate`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.rag.decode import PerRow, Row, StopAt, beam_settings, contrasted, draws, pick
from firmground.rag.read import Read, batches, cropped
from firmground.rag.score import Scorer
from firmground.rag.select import most_agreed
from firmground.rag.types import Decoding, Draft, Generation, Prompt


class TransformersGenerator(Scorer):
    """A model folder that transformers can load, on the best device there is; see `Scorer` for arguments and errors."""

    def generate(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding = Decoding(),
        processors: Sequence[Any] = (),
        against: Sequence[Prompt] = (),
    ) -> list[Generation]:
        """One generation a prompt, in order; of several samples, the one that most of them agree on.

        Args:
            prompts: what is continued.
            decoding: how.
            processors: `processors[i]`, where given, is a logits processor for prompt i alone: called with
                (new token ids (n,), scores (vocabulary,)), it returns the scores to use.
            against: the same prompts without their evidence, for `decoding.contrast`.
        """
        results: list[Generation | None] = [None] * len(prompts)
        for draft in self.drafts(prompts, decoding, processors, against):
            for place, samples in zip(draft.places, draft.samples, strict=True):
                results[place] = samples[most_agreed([sample.text for sample in samples])]
        return [result for result in results if result is not None]

    def drafts(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding = Decoding(),
        processors: Sequence[Any] = (),
        against: Sequence[Prompt] = (),
    ) -> Iterator[Draft]:
        """All samples of each prompt, a batch at a time; what a draft weighs goes on from its prompts as they were read
        here. A draft holds their caches: let it go before the next. Arguments as of `generate`."""
        ids = [self._encode(prompt, decoding.max_new_tokens) for prompt in prompts]
        bare = self._bare(against, decoding, len(ids))
        beginnings = self._read_beginning(ids), self._read_beginning(bare)
        for batch in batches([len(row) * decoding.samples for row in ids]):
            start = time.perf_counter()
            mine, without = [ids[i] for i in batch], [bare[i] for i in batch if bare]
            rows = [Row(draws(decoding.seed, sample, prompt, decoding.max_new_tokens))
                    for prompt in mine for sample in range(decoding.samples)]  # fmt: skip
            each = [processors[i] for i in batch for _ in range(decoding.samples)] if processors else []
            if decoding.beams > 1:
                read = self._search(mine, rows, decoding, each, beginnings[0])
            else:
                read, state = self._begin(mine, without, beginnings)
                for _ in self._write(state, len(mine), rows, decoding, each):
                    pass
            given = [prompts[i] for i in batch]
            costs = [len(one) for one in mine] if not bare else [len(ids[i]) + len(bare[i]) for i in batch]
            yield self._draft(batch, given, read, rows, decoding, costs, time.perf_counter() - start)

    def stream(self, prompt: Prompt, decoding: Decoding = Decoding(), against: Prompt | None = None) -> Iterator[str]:
        """Pieces of text as they are made. Closing the iterator stops the work: a step is one token."""
        for piece in self.stream_draft(prompt, decoding, against):
            if isinstance(piece, str):
                yield piece

    def stream_draft(
        self, prompt: Prompt, decoding: Decoding = Decoding(), against: Prompt | None = None
    ) -> Iterator[str | Draft]:
        """Pieces of the first sample as they are made, then the draft, by which more can be weighed.

        Raises:
            InputError: beams are asked for, which know their text only at the end; or the prompt is too long.
        """
        if decoding.beams > 1:
            raise InputError(f"a stream is written a token at a time, got beams = {decoding.beams}; use beams = 1")
        start = time.perf_counter()
        decoding = replace(decoding, samples=1)
        ids = [self._encode(prompt, decoding.max_new_tokens)]
        bare = self._bare([] if against is None else [against], decoding, 1)
        read, state = self._begin(ids, bare, (self._read_beginning(ids), self._read_beginning(bare)))
        row, sent = Row(draws(decoding.seed, 0, ids[0], decoding.max_new_tokens)), 0
        for _ in self._write(state, 1, [row], decoding, ()):
            if (safe := row.safe(decoding.stop)) > sent:
                yield row.text[sent:safe]
                sent = safe
        cost = sum(map(len, ids + bare))
        yield self._draft([0], [prompt], read, [row], decoding, [cost], time.perf_counter() - start)

    # The steps

    def _bare(self, against: Sequence[Prompt], decoding: Decoding, number: int) -> list[list[int]]:
        """The prompts without evidence as tokens; none where nothing is contrasted."""
        if decoding.contrast <= 0:
            return []
        if len(against) != number:
            raise InputError(
                f"contrast = {decoding.contrast:g} needs each prompt without its evidence, got {len(against)} of "
                f"{number}; hand them in as `against`, or set contrast = 0"
            )
        return [self._encode(prompt) for prompt in against]

    def _begin(
        self, ids: list[list[int]], bare: list[list[int]], beginnings: tuple[tuple[int, Any], tuple[int, Any]]
    ) -> tuple[Read | None, Read]:
        """What further texts are weighed from (None: nothing can go on from there), and what is written from: the
        prompts, and behind them those without evidence."""
        if not self._shares_caches:
            return None, self._read(ids + bare)
        read = self._read(ids, *beginnings[0])
        return read, read.above(self._read(bare, *beginnings[1])) if bare else read

    def _write(
        self, state: Read, prompts: int, rows: Sequence[Row], decoding: Decoding, processors: Sequence[Any]
    ) -> Iterator[None]:
        """Write the rows, one token each a step, and yield after each; rows that are done are left out of the next.

        `state` holds so many `prompts`, equally many rows each, and, where it is longer, as many without evidence
        behind them: these are fed the same tokens, in the same pass.
        """
        contrasts, each, live = len(state.logits) > prompts, len(rows) // prompts, list(range(len(rows)))
        if each > 1:
            state = state.select(_both([row // each for row in live], prompts, contrasts))
        while True:
            steered = [processors[i] for i in live] if processors else []
            tokens, nats = self._choose(state, [rows[i] for i in live], decoding, steered)
            for i, token, one in zip(live, tokens, nats, strict=True):
                rows[i].take(token, one, decoding, self.tokenizer, self._ends)
            yield
            going = [place for place, i in enumerate(live) if rows[i].finish is None]
            if not going:
                return
            if len(going) < len(live):
                state = state.select(_both(going, len(live), contrasts))
                live, tokens = [live[place] for place in going], [tokens[place] for place in going]
            state = self._advance(state, tokens * 2 if contrasts else tokens)

    def _choose(
        self, state: Read, rows: Sequence[Row], decoding: Decoding, processors: Sequence[Any]
    ) -> tuple[list[int], list[float]]:
        """The next token of each row, and its log-probability under the model itself, given all of its prompt."""
        import torch

        with torch.inference_mode():
            own, bare = state.logits[: len(rows)], state.logits[len(rows) :]
            scores = contrasted(own, bare, decoding.contrast) if len(bare) else own
            if processors:
                new = [torch.tensor(row.tokens, dtype=torch.long, device=own.device) for row in rows]
                steered = [process(*given) for process, *given in zip(processors, new, scores.clone(), strict=True)]
                scores = torch.stack(steered)
            tokens = pick(scores, decoding, [float(row.draws[len(row.tokens)]) for row in rows])
            chosen = torch.tensor(tokens, device=own.device)[:, None]
            return tokens, (own.gather(1, chosen)[:, 0] - own.logsumexp(-1)).tolist()

    def _search(
        self, ids: list[list[int]], rows: Sequence[Row], decoding: Decoding, processors: Sequence[Any],
        beginning: tuple[int, Any],
    ) -> Read | None:  # fmt: skip
        """Fill the rows by transformers' beam search, a row a prompt; what was read, where more can be weighed from it.

        The prompts are read once, all but their last token, instead of once a beam.
        """
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        read, shared = (self._read(ids, *beginning), beginning[0]) if self._shares_caches else (None, 0)
        inputs = self.tokenizer.pad({"input_ids": [row[shared:] for row in ids]}, return_tensors="pt").to(self.device)
        tokens = torch.cat([torch.tensor([row[:shared] for row in ids], dtype=torch.long, device=self.device),
                            inputs["input_ids"]], dim=1)  # fmt: skip
        given: dict[str, Any] = {
            "input_ids": tokens,
            "attention_mask": inputs["attention_mask"] if read is None else read.mask,
        }
        if read is not None and tokens.shape[1] > 1:
            given["past_key_values"] = cropped(read.cache, tokens.shape[1] - 1)
            given["past_key_values"].batch_repeat_interleave(decoding.beams)
        begin = 1 if self.is_seq2seq else tokens.shape[1]
        steered = LogitsProcessorList([PerRow(processors, begin)] if processors else [])
        stop = StoppingCriteriaList([StopAt(decoding.stop, self.tokenizer, begin)] if decoding.stop else [])
        with self._lock, torch.inference_mode():
            torch.manual_seed(decoding.seed)
            output = self.model.generate(
                **given, **beam_settings(decoding), logits_processor=steered, stopping_criteria=stop,
                pad_token_id=self.tokenizer.pad_token_id,
            )  # fmt: skip
        for row, new in zip(rows, output[:, begin:].tolist(), strict=True):
            for token in new:
                if row.finish is None:
                    row.take(token, 0.0, decoding, self.tokenizer, self._ends)
        return read

    @property
    def _ends(self) -> set[int]:
        """Tokens that end a text, by the model's or the tokenizer's word; padding is not the model's."""
        ends = self.model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        return ends | {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}

    def _draft(
        self, places: list[int], prompts: list[Prompt], read: Read | None, rows: Sequence[Row], decoding: Decoding,
        costs: Sequence[int], seconds: float,
    ) -> Draft:  # fmt: skip
        """What became of the rows. `costs`: tokens read for each prompt; `seconds`: of the whole batch."""
        each, samples = len(rows) // len(places), []
        for at, cost in enumerate(costs):
            samples.append([
                Generation(row.text, cost, len(row.tokens), row.log_probability if decoding.beams == 1 else None,
                           row.finish or "stop", seconds / len(places))
                for row in rows[at * each : (at + 1) * each]
            ])  # fmt: skip

        def weigh(texts: Sequence[Sequence[str]]) -> list[list[np.ndarray]]:
            if read is not None:
                return self._follow(read, [[self._rest(text) for text in of_prompt] for of_prompt in texts])
            pairs = [(prompt, text) for prompt, of_prompt in zip(prompts, texts, strict=True) for text in of_prompt]
            found = iter(self.score_batch([prompt for prompt, _ in pairs], [text for _, text in pairs]))
            return [[next(found) for _ in of_prompt] for of_prompt in texts]

        return Draft(places, samples, weigh)


def _both(places: list[int], half: int, contrasts: bool) -> list[int]:
    """The rows at these places, and where there are two halves, those of the second behind them."""
    return [*places, *(place + half for place in places)] if contrasts else places
