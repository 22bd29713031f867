"""Self-debiasing on a tiny random model, held against the formula by hand."""

from __future__ import annotations

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag.debias.decoding import SelfDebiased, below, debiased, description, self_debiasing
from firmground.rag.generate import TransformersGenerator
from firmground.rag.types import Decoding
from tests.rag.tiny import causal_folder, seq2seq_folder

DESCRIBED = ["The cat sat why :", "who Question"]
PROMPTS = ["Ice floats because", "The mat"]


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    return TransformersGenerator(causal_folder(tmp_path_factory.mktemp("causal")), device="cpu")


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _by_hand(own: np.ndarray, biased: list[np.ndarray]) -> np.ndarray:
    """(vocabulary,) p' as the paper writes it, from logits."""
    probable = _softmax(own)
    highest = np.max([_softmax(one) for one in biased], axis=0)
    scaled = []
    for p, other in zip(probable, highest, strict=True):
        delta = p - other
        scaled.append(p * (1.0 if delta >= 0 else max(0.01, np.exp(50 * delta))))
    return np.array(scaled) / sum(scaled)


def _logits(generator: TransformersGenerator, text: str, new: list[int]) -> np.ndarray:
    import torch

    ids = generator.tokenizer(text)["input_ids"] + new
    with torch.inference_mode():
        return generator.model(torch.tensor([ids])).logits[0, -1].double().numpy()


def _next_by_hand(generator: TransformersGenerator, prompt: str, new: list[int]) -> np.ndarray:
    biased = [_logits(generator, f"{one}\n{prompt}", new) for one in DESCRIBED]
    return _by_hand(_logits(generator, prompt, new), biased)


def test_the_formula_by_hand() -> None:
    import torch

    own, biased = np.log([0.5, 0.3, 0.2]), np.log([0.2, 0.31, 0.49])
    # 0.3 falls by 0.01: e^-0.5. 0.2 falls by 0.29: e^-14.5, so 0.01. 0.5 isn't likelier below the description: 1.
    scaled = np.array([0.5, 0.3 * np.exp(-0.5), 0.2 * 0.01])
    found = debiased(torch.tensor(own), torch.tensor(biased)[None]).exp().numpy()
    assert found == pytest.approx(scaled / scaled.sum())
    same = debiased(torch.tensor(own), torch.tensor(own)[None]).exp().numpy()
    assert same == pytest.approx(np.exp(own))  # a description that changes nothing
    several = debiased(torch.tensor(own), torch.tensor(np.stack([own, biased]))).exp().numpy()
    assert several == pytest.approx(_by_hand(own, [own, biased]))


def test_what_is_written_is_the_likeliest_by_hand(causal: TransformersGenerator) -> None:
    sharp = causal.model.lm_head.weight.data.clone()
    try:
        causal.model.lm_head.weight.data *= 40  # a random model finds all words alike, and nothing would be filtered
        processors = self_debiasing(causal, PROMPTS, DESCRIBED)
        found = causal.generate(PROMPTS, Decoding(max_new_tokens=5), processors)
        plain = causal.generate(PROMPTS, Decoding(max_new_tokens=5))
        for prompt, generation in zip(PROMPTS, found, strict=True):
            new: list[int] = []
            while len(new) < 5:
                token = int(_next_by_hand(causal, prompt, new).argmax())
                if token in (0, 1):
                    break
                new.append(token)
            assert generation.text == causal.tokenizer.decode(new, skip_special_tokens=True)
        assert [one.text for one in found] != [one.text for one in plain]
        assert SelfDebiased(causal, DESCRIBED).generate(PROMPTS, Decoding(5))[0].text == found[0].text
    finally:
        causal.model.lm_head.weight.data = sharp


def test_what_is_weighed_is_the_formula_by_hand(causal: TransformersGenerator) -> None:
    texts = ["Ice floats because water expands", "why", "", "The cat sat on a mat"]
    prompts = ["", "The mat", "who", "Question :"]
    found = SelfDebiased(causal, DESCRIBED).score_batch(prompts, texts)
    for prompt, text, scores in zip(prompts, texts, found, strict=True):
        ids = causal.tokenizer(text)["input_ids"]
        new: list[int] = []
        expected = []
        for token in ids:
            if prompt:
                after = _next_by_hand(causal, prompt, new)
            else:  # an empty prompt is the model's end of text, as `score` reads it
                own = _logits(causal, "</s>", new)
                after = _by_hand(own, [_logits(causal, f"{one}\n", new) for one in DESCRIBED])
            expected.append(np.log(after[token]))
            new.append(token)
        assert scores == pytest.approx(np.array(expected), abs=1e-4)
        assert (scores <= 0).all()
    assert len(found[2]) == 0


def test_a_processor_follows_one_text(causal: TransformersGenerator) -> None:
    for decoding in (Decoding(4, beams=2), Decoding(4, samples=2, temperature=1.0)):
        with pytest.raises(InputError, match="make new processors for each call"):
            causal.generate(PROMPTS, decoding, self_debiasing(causal, PROMPTS, DESCRIBED))
    used = self_debiasing(causal, PROMPTS, DESCRIBED)
    causal.generate(PROMPTS, Decoding(2), used)
    with pytest.raises(InputError, match=r"expected [12] tokens, got 0"):
        causal.generate(PROMPTS, Decoding(2), used)
    assert causal._lock.acquire(timeout=10)  # nothing is left hanging
    causal._lock.release()


def test_what_cannot_be_filtered(causal: TransformersGenerator, tmp_path) -> None:
    with pytest.raises(InputError, match="needs a description"):
        SelfDebiased(causal, [])
    with pytest.raises(InputError, match="needs a description"):
        self_debiasing(causal, PROMPTS, [])
    encoder = TransformersGenerator(seq2seq_folder(tmp_path), device="cpu")
    with pytest.raises(InputError, match="needs a causal transformers model"):
        SelfDebiased(encoder, DESCRIBED)


def test_descriptions_in_both_languages() -> None:
    assert description("race-color").endswith("because of their race/color:")
    assert description("Physical_appearance").endswith("because of their physical appearance:")
    assert description().endswith("because of their identity:")
    assert description("gender", "zh") == "下面的文字因为性别而歧视他人："
    assert description("", "zh") == "下面的文字因为身份而歧视他人："
    chat = below("It is bad:", [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Who?"}])
    assert chat == [{"role": "system", "content": "It is bad:\nAnswer."}, {"role": "user", "content": "Who?"}]
    assert below("It is bad:", "Passage: p\nQuestion: q") == "It is bad:\nPassage: p\nQuestion: q"
