"""One pass over an answer after its prompt: each token's log-probability and entropy, and where the model looked.

The prompt is read with the attention that is quickest here; only the answer's few positions are read with attention
that tells its weights ("eager"), so that no square matrix of the whole prompt is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.rag.explain.sources import asked_text
from firmground.rag.explain.types import Source, Token
from firmground.rag.read import forked
from firmground.rag.types import Prompt

if TYPE_CHECKING:
    import torch

    from firmground.rag.generate import TransformersGenerator

MOST_ATTENTION = 512 * 2**20  # bytes of attention weights for one answer


@dataclass(frozen=True, eq=False)
class Reading:
    """`weights`: (layers, heads, answer tokens, prompt tokens) float32, as `Attention` tells; None: not asked for."""

    tokens: tuple[Token, ...]
    weights: np.ndarray | None = None


def read_answer(
    generator: TransformersGenerator, prompt: Prompt, continuation: str, answer: str, attention: bool = False
) -> Reading:
    """Read `continuation` (the answer as it follows the prompt: perhaps with a space before it) once.

    Raises:
        InputError: attention of an encoder-decoder, or more of it than MOST_ATTENTION.
    """
    encoded = generator.tokenizer(continuation, add_special_tokens=False, return_offsets_mapping=True)
    rest, offsets = encoded["input_ids"], encoded["offset_mapping"]
    given = generator._encode(prompt)
    if attention:
        check_size(generator, len(given), len(rest))
    weights = None
    if generator.is_seq2seq:
        logits = _seq2seq_logits(generator, given, rest)
    else:
        logits, weights = _causal(generator, given, rest, attention)
    log_probabilities, entropies = _figures(logits, rest)
    shift = len(continuation) - len(answer)  # the space
    spans = [(max(0, start - shift), max(0, end - shift)) for start, end in offsets]
    tokens = tuple(
        Token(answer[start:end], start, end, log_probability, entropy)
        for (start, end), log_probability, entropy in zip(spans, log_probabilities, entropies, strict=True)
    )
    return Reading(tokens, weights)


def check_size(generator: TransformersGenerator, prompt_tokens: int, answer_tokens: int) -> None:
    """Raises InputError where the attention weights would be too many, or the model has none of this kind."""
    if generator.is_seq2seq:
        raise InputError(
            f"attention maps are for models that read and write in one stream; {generator.name} is an encoder-decoder: "
            "explain without attention"
        )
    config = generator.model.config.get_text_config()
    keys = prompt_tokens + answer_tokens
    size = config.num_hidden_layers * config.num_attention_heads * answer_tokens * keys * 4
    if size > MOST_ATTENTION:
        raise InputError(
            f"attention over {keys} tokens for an answer of {answer_tokens} takes {size / 2**20:.0f} MiB, at most "
            f"{MOST_ATTENTION // 2**20} are kept: explain a shorter answer, or an arm with less evidence"
        )


def prompt_tokens(
    generator: TransformersGenerator, prompt: Prompt, sources: tuple[Source, ...], question: str
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """The texts of the prompt's tokens; (tokens,) the source each stands in, or -1; (tokens,) bool: of the question."""
    rendered = generator.render(prompt)
    templated = not isinstance(prompt, str) and generator.has_chat_template
    encoded = generator.tokenizer(rendered, add_special_tokens=not templated, return_offsets_mapping=True)
    offsets = np.array(encoded["offset_mapping"]).reshape(-1, 2)  # (tokens, 2)
    before = max(0, rendered.rfind(asked_text(prompt).strip()))
    before -= len(asked_text(prompt)) - len(asked_text(prompt).lstrip())
    source_of = np.full(len(offsets), -1)
    for place, source in enumerate(sources):
        source_of[_inside(offsets, before + source.at, before + source.at + len(source.text))] = place
    asked = rendered.rfind(question)
    of_question = _inside(offsets, asked, asked + len(question)) if asked >= 0 else np.zeros(len(offsets), dtype=bool)
    return tuple(rendered[start:end] for start, end in offsets), source_of, of_question & (source_of < 0)


def _inside(offsets: np.ndarray, start: int, end: int) -> np.ndarray:
    """(tokens,) bool: which have a character in start:end. An empty token stands nowhere."""
    return (offsets[:, 0] < end) & (offsets[:, 1] > start) & (offsets[:, 1] > offsets[:, 0])


def _figures(logits: torch.Tensor, rest: list[int]) -> tuple[list[float], list[float]]:
    """Log-probability of each token and entropy of its distribution, from (answer tokens, vocabulary) logits."""
    import torch

    scores = torch.log_softmax(logits.float(), dim=-1)
    picked = scores.gather(1, torch.tensor(rest, device=scores.device)[:, None])[:, 0]
    entropies = torch.special.entr(scores.exp()).sum(-1)
    return picked.cpu().tolist(), entropies.cpu().tolist()


def _seq2seq_logits(generator: TransformersGenerator, given: list[int], rest: list[int]) -> torch.Tensor:
    import torch

    with generator._lock, torch.inference_mode():
        inputs, labels = (torch.tensor([ids], device=generator.device) for ids in (given, rest))
        return generator.model(input_ids=inputs, labels=labels).logits[0]


def _causal(
    generator: TransformersGenerator, given: list[int], rest: list[int], attention: bool
) -> tuple[torch.Tensor, np.ndarray | None]:
    """(answer tokens, vocabulary) logits that predict the answer, and the attention of the same positions."""
    import torch
    from transformers import DynamicCache

    model = generator.model
    known, beginning = generator._read_beginning([given])  # worked examples that were read before
    with generator._lock, torch.inference_mode():
        # A cache of no model in particular keeps everything, also where attention slides.
        cache: Any = forked(beginning) if known else DynamicCache()
        if given[known:-1]:
            model(input_ids=_row(generator, given[known:-1]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        follows = _row(generator, [given[-1], *rest[:-1]])  # each position predicts the next token
        if not attention:
            return model(input_ids=follows, past_key_values=cache, use_cache=True).logits[0], None
        usual = model.config._attn_implementation
        try:
            model.set_attn_implementation("eager")
            output = model(input_ids=follows, past_key_values=cache, use_cache=True, output_attentions=True)
        finally:
            model.set_attn_implementation(usual)
        weights = np.stack([layer[0, :, :, : len(given)].float().cpu().numpy() for layer in output.attentions])
        return output.logits[0], weights


def _row(generator: TransformersGenerator, ids: list[int]) -> torch.Tensor:
    import torch

    return torch.tensor([ids], device=generator.device)
