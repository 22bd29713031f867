"""Self-debiasing: a model that is told "this text discriminates" says which words it would then find likelier.

Schick, Udupa and Schütze (2021), "Self-Diagnosis and Self-Debiasing: A Proposal for Reducing Corpus-Based Bias in NLP",
TACL 9, https://arxiv.org/abs/2103.00453, section 4. With p(w | x) the next word's probability after the prompt x, and
p(w | sdb(x, y)) after the same prompt below a description y of what isn't wanted:

    delta = p(w | x) - p(w | sdb(x, y))
    p'(w | x) is proportional to p(w | x) · (1 if delta >= 0, else max(0.01, e^(50 · delta)))

Of several descriptions, the highest p(w | sdb(x, y)) counts, as in the authors' code. The prompt may hold retrieved
evidence: the description stands above all of it.

It works two ways: `self_debiasing` makes logits processors for a generator that writes, and `SelfDebiased` is a
generator whose log-probabilities have gone through the filter. Each description costs as much reading as the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from firmground.knowledge.errors import InputError
from firmground.knowledge.text import Language, language
from firmground.rag.types import Decoding, Generation, Prompt

if TYPE_CHECKING:
    import torch

    from firmground.rag.generate import TransformersGenerator

DECAY = 50.0  # lambda, the authors' default
LEAST = 0.01  # epsilon: no word's probability is divided by more than a hundred before it is normalised
POSITIONS = 512  # of logits over the whole vocabulary that are held at once: 100 MB at 49,152 words

# After the descriptions that the authors use on CrowS-Pairs (section 4.3), and in Chinese likewise.
DESCRIPTION = {
    "en": "The following text discriminates against people because of their {attribute}:",
    "zh": "下面的文字因为{attribute}而歧视他人：",
}
ANY = {"en": "identity", "zh": "身份"}
# What the categories of CrowS-Pairs, BBQ and CBBQ are called in a sentence, where their own name won't do.
ATTRIBUTES = {
    "race color": "race/color",
    "socioeconomic": "socioeconomic status/occupation",
    "ses": "socioeconomic status",
    "disability status": "disability",
    "race ethnicity": "race/ethnicity",
    "race x ses": "race or socioeconomic status",
    "race x gender": "race or gender",
}
ATTRIBUTES_ZH = {
    "ses": "社会经济地位", "age": "年龄", "disability": "残疾", "disease": "疾病", "educational qualification": "学历",
    "ethnicity": "民族", "gender": "性别", "household registration": "户籍", "nationality": "国籍",
    "physical appearance": "外貌", "race": "种族", "region": "地域", "religion": "宗教信仰",
    "sexual orientation": "性取向",
}  # fmt: skip


def description(category: str = "", lang: Language = "en") -> str:
    """What isn't wanted, of one category of bias ("race-color", "Gender_identity"); of any, where none is given."""
    plain = category.lower().replace("_", " ").replace("-", " ").strip()
    if lang == "zh":
        return DESCRIPTION["zh"].format(attribute=ATTRIBUTES_ZH.get(plain, ANY["zh"]))
    return DESCRIPTION["en"].format(attribute=ATTRIBUTES.get(plain, plain) or ANY["en"])


def below(described: str, prompt: Prompt) -> Prompt:
    """The prompt, below a description: a chat has it above its first message's text."""
    if isinstance(prompt, str):
        return f"{described}\n{prompt}"
    if not prompt:
        return [{"role": "user", "content": described}]
    first = prompt[0]
    return [{"role": first["role"], "content": f"{described}\n{first['content']}"}, *prompt[1:]]


def debiased(own: torch.Tensor, biased: torch.Tensor) -> torch.Tensor:
    """(…, vocabulary) log-probabilities p', from logits after the prompt, (…, vocabulary), and below each description,
    (descriptions, …, vocabulary)."""
    import torch

    probable = torch.softmax(own.double(), -1)
    delta = probable - torch.softmax(biased.double(), -1).amax(0)
    factor = (DECAY * delta).clamp(min=math.log(LEAST), max=0.0)  # its logarithm
    return torch.log_softmax(torch.log_softmax(own.double(), -1) + factor, -1).to(own.dtype)


# ------------------------------------------------------------------------------------------------------------- writing


def self_debiasing(
    generator: TransformersGenerator, prompts: Sequence[Prompt], descriptions: Sequence[str]
) -> list[SelfDebiasing]:
    """A logits processor for each prompt: `generator.generate(prompts, decoding, processors=these)`. Good for one call,
    without beams and with one sample a prompt, because each follows one text."""
    return [SelfDebiasing(generator, prompt, descriptions) for prompt in prompts]


class SelfDebiasing:
    """Follows one text as it is written, below each description; see `self_debiasing`.

    Raises:
        InputError: no description.
    """

    def __init__(self, generator: TransformersGenerator, prompt: Prompt, descriptions: Sequence[str]) -> None:
        _some(descriptions)
        self.generator, self._known = generator, 0
        self._read = generator._read([generator._encode(below(one, prompt)) for one in descriptions])

    def __call__(self, new_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """(vocabulary,) the scores to use, after (n,) new tokens.

        Raises:
            InputError: the tokens aren't those of the last call and one more.
        """
        if len(new_ids) != self._known:
            raise InputError(
                f"self-debiasing follows one text from its first token on: expected {self._known} tokens, got "
                f"{len(new_ids)}; make new processors for each call, with beams = 1 and samples = 1"
            )
        if self._known:
            self._read = self.generator._advance(self._read, [int(new_ids[-1])] * len(self._read.logits))
        self._known += 1
        return debiased(scores, self._read.logits)


# ------------------------------------------------------------------------------------------------------------- weighing


class SelfDebiased:
    """A generator whose log-probabilities and texts are self-debiased.

    Args:
        generator: a causal transformers model.
        descriptions: what isn't wanted (`description`), at least one; None: text that discriminates against anybody,
            said in each prompt's language.

    Raises:
        InputError: the model isn't causal, runs elsewhere, or there is no description.
    """

    def __init__(self, generator: TransformersGenerator, descriptions: Sequence[str] | None = None) -> None:
        if descriptions is not None:
            _some(descriptions)
        if not can_describe(generator):
            raise InputError(f"{generator.name} can't be self-debiased; it needs a causal transformers model")
        self.generator, self.descriptions = generator, descriptions and tuple(descriptions)
        self.name, self.completes = generator.name, generator.completes

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.generator.count_tokens(texts)

    def render(self, prompt: Prompt) -> str:
        return self.generator.render(prompt)

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding = Decoding()) -> list[Generation]:
        processors = [SelfDebiasing(self.generator, prompt, self._of(prompt)) for prompt in prompts]
        return self.generator.generate(prompts, decoding, processors)

    def stream(self, prompt: Prompt, decoding: Decoding = Decoding()) -> Iterator[str]:
        """The text in one piece: the generator's own stream takes no processors."""
        yield self.generate([prompt], decoding)[0].text

    def score(self, prompt: Prompt, continuation: str) -> np.ndarray:
        return self.score_batch([prompt], [continuation])[0]

    def score_batch(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[np.ndarray]:
        """For each pair (tokens of the continuation,) natural-log probabilities p', <= 0."""
        import torch

        rests = [self.generator._rest(text) for text in continuations]
        asked = [[prompt, *(below(one, prompt) for one in self._of(prompt))] for prompt in prompts]
        before = [[self.generator._encode(given) for given in one] for one in asked]
        results: list[np.ndarray] = [np.zeros(0, np.float32)] * len(rests)
        order = sorted((place for place in range(len(rests)) if rests[place]), key=lambda place: -len(rests[place]))
        while order:
            each = len(before[0])
            size = max(1, POSITIONS // ((len(rests[order[0]]) + 1) * each))
            some, order = order[:size], order[size:]
            logits = _following(self.generator, [(ids, rests[place]) for place in some for ids in before[place]])
            for turn, place in enumerate(some):
                mine = logits[turn * each : (turn + 1) * each]
                with torch.inference_mode():
                    scores = debiased(mine[0], torch.stack(mine[1:]))  # (tokens, vocabulary)
                    chosen = torch.tensor(rests[place], device=scores.device)[:, None]
                    results[place] = scores.gather(1, chosen)[:, 0].float().cpu().numpy()
        return results

    def _of(self, prompt: Prompt) -> Sequence[str]:
        if self.descriptions is not None:
            return self.descriptions
        text = prompt if isinstance(prompt, str) else " ".join(message["content"] for message in prompt)
        return [description(lang=language(text))]


def can_describe(generator: object) -> bool:
    """Whether a generator can be self-debiased: it is a causal model that runs here."""
    return hasattr(generator, "_read") and not getattr(generator, "is_seq2seq", True)


def _following(generator: TransformersGenerator, pairs: Sequence[tuple[list[int], list[int]]]) -> list[torch.Tensor]:
    """For each pair of tokens before and after, (tokens after, vocabulary) the logits that predict those after."""
    import torch

    with generator._lock, torch.inference_mode():
        padded = generator.tokenizer.pad({"input_ids": [ids + rest for ids, rest in pairs]}, return_tensors="pt")
        padded = padded.to(generator.device)
        positions = generator._positions(padded["attention_mask"])
        keep = max(len(rest) for _, rest in pairs) + 1
        logits = generator.model(**padded, **positions, logits_to_keep=keep).logits.float()  # (pairs, keep, vocabulary)
        return [logits[row, -1 - len(rest) : -1] for row, (_, rest) in enumerate(pairs)]


def _some(descriptions: Sequence[str]) -> None:
    if not descriptions:
        raise InputError("self-debiasing needs a description of what isn't wanted, got none; see `description`")
