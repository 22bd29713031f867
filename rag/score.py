"""Reading and weighing: a transformers model, what it has read, and how likely it finds what could follow.

What several prompts begin with is read once, and what could follow one prompt is weighed in one pass over a single copy
of it: the continuations lie one behind the other, and each sees the prompt and itself alone.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.knowledge.encode import fingerprint
from firmground.knowledge.errors import InputError
from firmground.rag.read import Read, batches, common_length, cropped, flatten, forked, parts, side_by_side
from firmground.rag.types import Prompt

if TYPE_CHECKING:
    import torch

MIN_SHARED = 32  # tokens that all prompts of a call begin with are read once, from this many on


@dataclass
class _Beginning:
    """Tokens that prompts begin with, and their cache (one row) once somebody needed it."""

    ids: list[int]
    cache: Any = field(default=None, repr=False)


class Scorer:
    """A model folder that transformers can load, on the best device there is; the base of `TransformersGenerator`.

    Args:
        folder: what `firmground.knowledge.weights.resolve` returned.
        name: how reports call it.
        device: "cpu", "cuda", "cuda:1"; by default a GPU where torch sees one.

    Raises:
        InputError: the folder holds no model that transformers can load.
    """

    completes = True

    def __init__(self, folder: str | Path, name: str = "", device: str = "") -> None:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

        self.name = name or Path(folder).name
        self.device: str = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        if self.device == "cpu":
            # Heads that share keys and values read them in place; transformers would copy them for each head at every
            # token, which for SmolLM2 (9 heads on 3) is two thirds of a step of eight rows.
            os.environ.setdefault("TRANSFORMERS_SDPA_FORCE_GQA", "1")
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, padding_side="left")
            loader = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            self.model = loader.from_pretrained(folder, local_files_only=True, dtype=dtype).to(self.device).eval()
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"no language model could be loaded from {folder} ({str(error).splitlines()[0]}); "
                "give a folder with config.json, a tokenizer and safetensors weights"
            ) from error
        self.fingerprint = fingerprint(Path(folder))
        self.is_seq2seq = bool(config.is_encoder_decoder)
        self.window = _window(config)
        self.has_chat_template = bool(self.tokenizer.chat_template)
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._lock = threading.Lock()  # one forward pass at a time: the model is shared between threads
        self._kept: dict[str, _Beginning] = {}

    # What goes in

    def render(self, prompt: Prompt) -> str:
        """The text that the model reads for this prompt."""
        if isinstance(prompt, str):
            return prompt
        if self.has_chat_template:
            return self.tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        return flatten(prompt)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    def keep(self, beginning: str) -> None:
        """Remember what many prompts begin with: it is read the first time one does, and kept as long as this object.

        For what is the same whatever is asked (worked examples). Never evidence: what is kept outlives a deletion.
        """
        if beginning not in self._kept:
            self._kept[beginning] = _Beginning(self._encode(beginning))

    def _encode(self, prompt: Prompt, room: int = 1) -> list[int]:
        """A prompt's tokens. Raises InputError where they and `room` more are longer than the model can read."""
        # A chat template writes its own special tokens; a completion prompt gets the model's own beginning.
        text = self.render(prompt)
        templated = not isinstance(prompt, str) and self.has_chat_template
        ids = self.tokenizer(text, add_special_tokens=not templated)["input_ids"] or [self._before()]
        if self.window and len(ids) + room > self.window:
            raise InputError(
                f"the prompt has {len(ids)} tokens and {room} are to come, {self.name} reads {self.window}: shorten "
                "the question, or give less evidence (an arm's num_passages, evidence_tokens)"
            )
        return ids

    def _before(self) -> int:
        """What stands before a text's first token: the model's own beginning of text, else its end of text."""
        begin = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if begin is None else begin

    @property
    def _shares_caches(self) -> bool:
        """Whether several texts can go on from one cache: not where attention slides, an encoder reads the prompt,
        positions can't be told, or attention takes no mask of ours."""
        config = self.model.config.get_text_config()
        slides = any("full" not in kind for kind in getattr(config, "layer_types", None) or ())
        masked = getattr(self.model.config, "_attn_implementation", "") in ("sdpa", "eager")
        told = "position_ids" in inspect.signature(self.model.forward).parameters
        return masked and told and not (self.is_seq2seq or slides or getattr(config, "sliding_window", None))

    # Reading

    def _read_beginning(self, ids: list[list[int]]) -> tuple[int, Any]:
        """How many tokens all prompts begin with, and the cache of those; (0, None) where it doesn't pay or can't be.

        At least one token of every prompt is left to read.
        """
        if not ids or not self._shares_caches:
            return 0, None
        common = ids[0][: min(common_length(min(ids), max(ids)), min(map(len, ids)) - 1)]
        kept = max(self._kept.values(), key=lambda one: common_length(one.ids, common), default=_Beginning([]))
        known = common_length(kept.ids, common)
        known = known if known >= MIN_SHARED else 0
        longer = len(common) if len(ids) > 1 and len(common) - known >= MIN_SHARED else known
        with self._lock:
            if known and kept.cache is None:
                kept.cache = self._extended(None, kept.ids)
            cache = cropped(kept.cache, known) if known else None
            return longer, self._extended(cache, common[known:longer]) if longer > known else cache

    def _extended(self, cache: Any, ids: list[int]) -> Any:
        import torch

        with torch.inference_mode():
            tokens = torch.tensor([ids], device=self.device)
            return self.model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values

    def _read(self, ids: list[list[int]], shared: int = 0, beginning: Any = None) -> Read:
        """Read prompts, padded on the left, in one pass. Their first `shared` tokens are in the cache `beginning`."""
        import torch

        with self._lock, torch.inference_mode():
            given = self.tokenizer.pad({"input_ids": [row[shared:] for row in ids]}, return_tensors="pt")
            given, mask = given.to(self.device), given["attention_mask"].to(self.device)
            if self.is_seq2seq:
                encoded = self.model.get_encoder()(**given)
                return self._decoded(encoded, mask, [[self.model.config.decoder_start_token_id]] * len(ids), None)
            cache: dict[str, Any] = {}
            if shared:
                mask = torch.cat([mask.new_ones(len(ids), shared), mask], dim=1)
                cache["past_key_values"] = forked(beginning)
                cache["past_key_values"].batch_repeat_interleave(len(ids))
            positions = self._positions(mask, given["input_ids"].shape[1])
            output = self.model(
                input_ids=given["input_ids"], attention_mask=mask, **cache, **positions, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            return Read(output.logits[:, -1].float(), mask, output.past_key_values)

    def _advance(self, read: Read, tokens: Sequence[int]) -> Read:
        """What is read after one more token a row; `read` itself stays as it was."""
        import torch

        with self._lock, torch.inference_mode():
            if read.encoded is not None:
                return self._decoded(read.encoded, read.mask, [[token] for token in tokens], read.cache)
            mask = torch.cat([read.mask, read.mask.new_ones(len(tokens), 1)], dim=1)
            output = self.model(
                input_ids=torch.tensor(tokens, device=self.device)[:, None], attention_mask=mask,
                past_key_values=forked(read.cache), **self._positions(mask, 1), use_cache=True,
            )  # fmt: skip
            return Read(output.logits[:, -1].float(), mask, output.past_key_values)

    def _decoded(self, encoded: Any, mask: torch.Tensor, tokens: list[list[int]], cache: Any) -> Read:
        import torch

        output = self.model(
            encoder_outputs=encoded, attention_mask=mask, past_key_values=cache, use_cache=True,
            decoder_input_ids=torch.tensor(tokens, device=self.device),
        )  # fmt: skip
        return Read(output.logits[:, -1].float(), mask, output.past_key_values, encoded)

    def _positions(self, mask: torch.Tensor, last: int = 0) -> dict[str, torch.Tensor]:
        """Where tokens stand, padding not counted (learned positions would count it); of the `last` so many, 0: all."""
        if "position_ids" not in inspect.signature(self.model.forward).parameters:
            return {}
        return {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)[:, -last:]}

    # Weighing

    def score(self, prompt: Prompt, continuation: str) -> np.ndarray:
        """(tokens of the continuation,) natural-log probabilities given the prompt, each <= 0."""
        return self.score_batch([prompt], [continuation])[0]

    def score_batch(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[np.ndarray]:
        """`score` for many pairs, batched by length. A prompt that several continuations follow is read once."""
        rests = [self._rest(text) for text in continuations]
        pairs = [(self._encode(prompt, len(rest)), rest) for prompt, rest in zip(prompts, rests, strict=True)]
        places: dict[tuple[int, ...], list[int]] = {}  # of the pairs of each prompt
        for place, (prompt, _) in enumerate(pairs):
            places.setdefault(tuple(prompt) if self._shares_caches else (-1 - place,), []).append(place)
        groups = list(places.values())
        results: list[np.ndarray] = [np.zeros(0, np.float32)] * len(pairs)
        beginning = self._read_beginning([pairs[group[0]][0] for group in groups])
        sizes = [len(pairs[group[0]][0]) + sum(len(pairs[i][1]) for i in group) for group in groups]
        for batch in batches(sizes):
            together = [groups[i] for i in batch]
            of_groups = [[pairs[i] for i in group] for group in together]
            several = beginning[0] > 0 or any(len(group) > 1 for group in together)
            rows = self._score_shared(of_groups, *beginning) if several else self._score_apart(of_groups)
            for i, row in zip([i for group in together for i in group], rows, strict=True):
                results[i] = row
        return results

    def _rest(self, continuation: str) -> list[int]:
        return self.tokenizer(continuation, add_special_tokens=False)["input_ids"]

    def _score_shared(
        self, groups: list[list[tuple[list[int], list[int]]]], shared: int, beginning: Any
    ) -> list[np.ndarray]:
        """Pairs in groups that begin with the same prompt: one pass over the prompts, one over what follows them.

        The first `shared` tokens of every prompt are in the cache `beginning` and aren't read again.
        """
        read = self._read([group[0][0] for group in groups], shared, beginning)
        return [row for rows in self._follow(read, [[rest for _, rest in group] for group in groups]) for row in rows]

    def _follow(self, read: Read, rests: Sequence[Sequence[list[int]]]) -> list[list[np.ndarray]]:
        """The log-probabilities of `rests[row]`, each as if it alone followed that row of `read`."""
        results: list[list[np.ndarray]] = [[] for _ in rests]
        for some in zip_longest(*(parts(of_row) for of_row in rests), fillvalue=[]):
            for result, rows in zip(results, self._follow_once(read, some), strict=True):
                result.extend(rows)
        return results

    def _follow_once(self, read: Read, rests: Sequence[list[list[int]]]) -> list[list[np.ndarray]]:
        """One pass. A rest's first token is what `read` predicts; its others are predicted by those before them."""
        import torch

        laid = [[token for rest in of_row for token in rest[:-1]] for of_row in rests]
        width = max(map(len, laid), default=0)
        with self._lock, torch.inference_mode():
            first = torch.log_softmax(read.logits, -1).cpu()
            rows = [[np.array([float(first[at, rest[0]])] if rest else [], np.float32) for rest in of_row]
                    for at, of_row in enumerate(rests)]  # fmt: skip
            if not width:
                return rows
            pad = self.tokenizer.pad_token_id
            tokens = torch.tensor([row + [pad] * (width - len(row)) for row in laid], device=self.device)
            mask, positions = side_by_side(read.mask, rests, width, self.model.dtype)
            logits = self.model(
                input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=forked(read.cache)
            ).logits.float()  # (rows, width, vocabulary)
            following = [[token for rest in of_row for token in rest[1:]] for of_row in rests]
            wanted = torch.tensor([row + [pad] * (width - len(row)) for row in following], device=self.device)
            picked = (logits.gather(2, wanted[:, :, None])[:, :, 0] - logits.logsumexp(-1)).cpu().numpy()
        for at, of_row in enumerate(rests):
            begin = 0
            for place, rest in enumerate(of_row):
                end = begin + max(0, len(rest) - 1)
                rows[at][place] = np.concatenate([rows[at][place], picked[at, begin:end]])
                begin = end
        return rows

    def _score_apart(self, groups: list[list[tuple[list[int], list[int]]]]) -> list[np.ndarray]:
        import torch

        pairs = [pair for group in groups for pair in group]
        with self._lock, torch.inference_mode():
            if self.is_seq2seq:
                return [self._score_seq2seq(prompt, rest) for prompt, rest in pairs]
            inputs = self.tokenizer.pad({"input_ids": [p + c for p, c in pairs]}, return_tensors="pt").to(self.device)
            # Only the last positions' logits are needed: those that predict a continuation.
            keep = max(len(rest) for _, rest in pairs) + 1
            positions = self._positions(inputs["attention_mask"])
            logits = self.model(**inputs, **positions, logits_to_keep=keep).logits.float()
            scores = torch.log_softmax(logits, dim=-1)  # (rows, keep, vocabulary)
            rows = []
            for row, (_, rest) in enumerate(pairs):
                picked = scores[row, -1 - len(rest) : -1].gather(1, torch.tensor(rest, device=self.device)[:, None])
                rows.append(picked[:, 0].cpu().numpy())
            return rows

    def _score_seq2seq(self, prompt: list[int], rest: list[int]) -> np.ndarray:
        import torch

        labels = torch.tensor([rest], device=self.device)
        logits = self.model(input_ids=torch.tensor([prompt], device=self.device), labels=labels).logits.float()
        return torch.log_softmax(logits[0], dim=-1).gather(1, labels[0][:, None])[:, 0].cpu().numpy()


def _window(config: Any) -> int | None:
    """How many tokens a decoder reads at most; None where its configuration sets no limit, or none that holds."""
    text = config.get_text_config()
    window = getattr(text, "max_position_embeddings", None)
    if config.is_encoder_decoder or getattr(text, "alibi", False) or not window or window < 0:
        return None
    stretched = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
    for one in (stretched, *(kind for kind in stretched.values() if isinstance(kind, dict))):  # or one a kind of layer
        if factor := one.get("factor"):
            window = max(window, int(factor * (one.get("original_max_position_embeddings") or window)))
    return int(window)
