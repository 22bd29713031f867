"""From logits to the next token: greedy or drawn, against the prompt without evidence, until it is time to stop."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.rag.types import Decoding, Finish

if TYPE_CHECKING:
    import torch


@dataclass
class Row:
    """A text on its way: its new tokens, and their log-probability under the model itself, in nats."""

    draws: np.ndarray  # (max_new_tokens,) in [0, 1): what its tokens are drawn with
    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    text: str = ""
    finish: Finish | None = None  # None: it goes on

    def take(self, token: int, log_probability: float, decoding: Decoding, tokenizer: Any, ends: set[int]) -> None:
        """One more token. The end-of-sequence token ends the text and isn't part of it; a stop string's tokens are
        counted, its text is cut."""
        if token in ends:
            self.finish = "stop"
            return
        self.tokens.append(token)
        self.log_probability += log_probability
        # The last token can end inside a character: its first bytes alone are no text.
        whole = tokenizer.decode(self.tokens, skip_special_tokens=True).rstrip("\ufffd")
        self.text, finish = cut(whole, decoding.stop)
        if finish == "stop" or len(self.tokens) == decoding.max_new_tokens:
            self.finish = finish

    def safe(self, stops: Sequence[str]) -> int:
        """How many characters of the text can be shown: what could be the beginning of a stop string is held back."""
        hold = 0 if self.finish else max((len(stop) for stop in stops), default=1) - 1
        return max(0, len(self.text) - hold)


def cut(text: str, stops: Sequence[str]) -> tuple[str, Finish]:
    """The text before the first stop string, and why it ended: "stop", or "length" where no stop string is in it."""
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    return (text[: min(ends)], "stop") if ends else (text, "length")


def draws(seed: int, sample: int, prompt: Sequence[int], most: int) -> np.ndarray:
    """(most,) uniform in [0, 1): of this seed, sample and prompt alone, whatever stands beside it in a batch."""
    digest = hashlib.sha256(np.asarray(prompt, dtype="<i8").tobytes()).digest()
    return np.random.default_rng([seed, sample, int.from_bytes(digest[:8], "little")]).random(most)


def contrasted(given: torch.Tensor, bare: torch.Tensor, contrast: float) -> torch.Tensor:
    """Logits that favour what the evidence adds: (1 + a) l(y | evidence, x) - a l(y | x), each (rows, vocabulary).

    Context-aware decoding of Shi et al., "Trusting Your Evidence: Hallucinate Less with Context-aware Decoding"
    (NAACL 2024, https://arxiv.org/abs/2305.14739), equation 3; a is `contrast`, in [0, inf), theirs 0.5 to 1.
    """
    return (1 + contrast) * given - contrast * bare


def pick(logits: torch.Tensor, decoding: Decoding, uniform: Sequence[float]) -> list[int]:
    """One token a row: the likeliest, or the one that `uniform[row]` falls on, tokens laid out in [0, 1) by their
    probability at this temperature, what top-k and top-p leave of it, in the vocabulary's order."""
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    if decoding.temperature <= 0:
        return logits.argmax(-1).tolist()
    none: Any = None  # the tokens so far, which these don't look at
    logits = TemperatureLogitsWarper(float(decoding.temperature))(none, logits)
    if decoding.top_k > 0:
        logits = TopKLogitsWarper(decoding.top_k)(none, logits)
    if decoding.top_p < 1:
        logits = TopPLogitsWarper(decoding.top_p)(none, logits)
    bounds = torch.softmax(logits, -1).double().cumsum(-1)  # (rows, vocabulary)
    points = torch.tensor(uniform, dtype=torch.float64, device=logits.device)[:, None] * bounds[:, -1:]
    return torch.searchsorted(bounds, points, right=True)[:, 0].clamp(max=logits.shape[1] - 1).tolist()


def beam_settings(decoding: Decoding) -> dict[str, Any]:
    """Our decoding in the words of transformers' `generate`. Sampling defaults that a model ships are overruled."""
    settings: dict[str, Any] = {"max_new_tokens": decoding.max_new_tokens, "num_beams": decoding.beams}
    if decoding.temperature > 0:
        return settings | {
            "do_sample": True, "temperature": decoding.temperature, "top_k": decoding.top_k, "top_p": decoding.top_p,
        }  # fmt: skip
    return settings | {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}


class StopAt:
    """For transformers' `generate`: ends a row as soon as its new text holds a stop string."""

    def __init__(self, stops: Sequence[str], tokenizer: Any, begin: int) -> None:
        self.stops, self.tokenizer, self.begin = stops, tokenizer, begin

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        import torch

        texts = self.tokenizer.batch_decode(input_ids[:, self.begin :], skip_special_tokens=True)
        done = [any(stop in text for stop in self.stops) for text in texts]
        return torch.tensor(done, device=input_ids.device)


class PerRow:
    """For transformers' `generate`: one logits processor a prompt, `processor(new_ids (n,), scores (vocabulary,))`."""

    def __init__(self, processors: Sequence[Any], begin: int) -> None:
        self.processors, self.begin = processors, begin

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows_each = len(scores) // len(self.processors)  # beams of one prompt stand together
        for row in range(len(scores)):
            scores[row] = self.processors[row // rows_each](input_ids[row, self.begin :], scores[row])
        return scores
