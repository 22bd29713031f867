"""Perplexity by hand with a fake, and on a tiny real model against transformers' own loss and a plain loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from firmground.eval.metrics.likelihood import perplexity
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.rag.generate import TransformersGenerator
from firmground.rag.langchain import ChatModelGenerator
from tests.rag.tiny import TEXT, causal_folder, seq2seq_folder


class Halves:
    """Every character is a token of probability 1/2, and 1/4 right after the beginning of what it reads."""

    name, completes = "halves", True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, prompt: str, continuation: str) -> np.ndarray:
        self.asked.append((prompt, continuation))
        values = np.full(len(continuation), math.log(0.5))
        if not prompt and continuation:
            values[0] = math.log(0.25)
        return values


class CountedHalves(Halves):
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


def test_by_hand_in_english() -> None:
    found = perplexity(Halves(), ["abc"])  # type: ignore[arg-type]
    # 2 + 1 + 1 bits over 3 tokens and 3 bytes.
    assert found.perplexity == pytest.approx(2 ** (4 / 3))
    assert found.bits_per_byte == pytest.approx(4 / 3)
    assert (found.tokens, found.bytes) == (3, 3)


def test_by_hand_in_chinese_three_bytes_a_character() -> None:
    found = perplexity(Halves(), ["冰会浮"])  # type: ignore[arg-type]
    assert found.perplexity == pytest.approx(2 ** (4 / 3))
    assert found.bits_per_byte == pytest.approx(4 / 9)
    assert (found.tokens, found.bytes) == (3, 9)


def test_texts_together_weigh_by_their_tokens_and_each_keeps_its_own() -> None:
    found = perplexity(Halves(), ["a", "冰冰", ""])  # type: ignore[arg-type]
    # 2 bits over 1 token; 2 + 1 bits over 2 tokens: 5 bits over 3 tokens and 7 bytes.
    assert found.perplexity == pytest.approx(2 ** (5 / 3))
    assert found.bits_per_byte == pytest.approx(5 / 7)
    assert [text.perplexity for text in found.texts] == [pytest.approx(4), pytest.approx(2**1.5), None]
    assert [text.bits_per_byte for text in found.texts] == [pytest.approx(2), pytest.approx(0.5), None]


def test_nothing_to_score_is_none_and_not_a_number() -> None:
    for texts in ([], [""]):
        found = perplexity(Halves(), texts)  # type: ignore[arg-type]
        assert (found.perplexity, found.bits_per_byte, found.tokens, found.bytes) == (None, None, 0, 0)


@pytest.mark.parametrize("text", ["ab cd ef gh ij kl mn", "冰会浮在水面上因为水结冰时膨胀百分之九"])
def test_a_long_text_is_read_piece_by_piece_and_no_token_twice(text: str) -> None:
    generator = CountedHalves()
    found = perplexity(generator, [text], window=16)  # type: ignore[arg-type]
    pieces = sorted((piece for _, piece in generator.asked), key=text.index)
    assert "".join(pieces) == text
    assert all(len(piece) <= 7 for piece in pieces)  # (16 - 2) // 2
    assert {piece: before for before, piece in generator.asked} == dict(
        zip(pieces, ["", *pieces[:-1]], strict=True)
    )  # each given the piece before it
    assert found.tokens == len(text)
    assert found.bits_per_byte == pytest.approx((len(text) + 1) / len(text.encode()))


def test_english_is_cut_before_spaces_only_and_a_giant_word_between_characters() -> None:
    generator = CountedHalves()
    perplexity(generator, ["ab cd ef gh ij kl mn"], window=16)  # type: ignore[arg-type]
    assert sorted(piece for _, piece in generator.asked) == [" ef gh", " ij kl", " mn", "ab cd"]
    generator = CountedHalves()
    perplexity(generator, ["x" * 20], window=16)  # type: ignore[arg-type]
    assert sorted(len(piece) for _, piece in generator.asked) == [6, 7, 7]


def test_a_text_that_fits_the_window_is_not_cut() -> None:
    generator = CountedHalves()
    perplexity(generator, ["ab cd ef gh ij"], window=16)  # type: ignore[arg-type]
    assert generator.asked == [("", "ab cd ef gh ij")]


def test_what_gives_no_log_probabilities_says_so() -> None:
    from langchain_core.language_models.fake_chat_models import FakeListChatModel

    with pytest.raises(InputError, match="no log-probabilities"):
        perplexity(ChatModelGenerator(FakeListChatModel(responses=["x"])), ["a text"])
    with pytest.raises(InputError, match="at least 16"):
        perplexity(Halves(), ["a text"], window=4)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-math.inf, math.nan])
def test_a_model_that_gives_no_finite_number_is_an_error(value: float) -> None:
    class Broken(Halves):
        def score(self, prompt: str, continuation: str) -> np.ndarray:
            return np.array([value])

    with pytest.raises(FirmgroundError, match="isn't finite"):
        perplexity(Broken(), ["a text"])  # type: ignore[arg-type]


# ---- a tiny real model


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    return TransformersGenerator(causal_folder(tmp_path_factory.mktemp("causal")), device="cpu")


def test_equals_the_loss_of_transformers(causal: TransformersGenerator) -> None:
    import torch

    texts = [TEXT, "The cat sat on a mat .", "why"]
    found = perplexity(causal, texts)
    for text, one in zip(texts, found.texts, strict=True):
        ids = torch.tensor([[1, *causal.tokenizer(text)["input_ids"]]])  # 1: </s>, where a text begins
        with torch.inference_mode():
            loss = float(causal.model(input_ids=ids, labels=ids).loss)  # mean over all but the first
        assert one.tokens == ids.shape[1] - 1
        assert one.perplexity == pytest.approx(math.exp(loss), rel=1e-5)
    total = sum(one.nats for one in found.texts)
    assert found.perplexity == pytest.approx(math.exp(total / found.tokens))


def test_windows_of_a_long_text_equal_a_plain_loop(causal: TransformersGenerator) -> None:
    import torch

    text = " ".join([TEXT] * 4)
    ids = causal.tokenizer(text)["input_ids"]
    half, total = (40 - 2) // 2, 0.0
    with torch.inference_mode():
        for start in range(0, len(ids), half):
            before = ids[max(0, start - half) : start] or [1]
            piece = ids[start : start + half]
            scores = torch.log_softmax(causal.model(torch.tensor([before + piece])).logits[0], -1)
            total -= sum(float(scores[len(before) + i - 1, token]) for i, token in enumerate(piece))
    found = perplexity(causal, [text], window=40)
    assert found.tokens == len(ids)
    assert found.texts[0].nats == pytest.approx(total, rel=1e-5)


def test_the_models_own_context_is_the_window(causal: TransformersGenerator) -> None:
    text = " ".join([TEXT] * 15)  # more than the 256 tokens that this model reads
    assert len(causal.tokenizer(text)["input_ids"]) > 256
    assert perplexity(causal, [text]) == perplexity(causal, [text], window=256)


def test_neighbours_do_not_change_a_text(causal: TransformersGenerator) -> None:
    texts = [TEXT, "who", "Ice floats", TEXT + " " + TEXT]
    together = perplexity(causal, texts).texts
    for text, one in zip(texts, together, strict=True):
        assert perplexity(causal, [text]).texts[0].nats == pytest.approx(one.nats, rel=1e-5)


def test_an_encoder_decoder_is_refused(tmp_path: object) -> None:
    generator = TransformersGenerator(seq2seq_folder(tmp_path), device="cpu")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="causal model"):
        perplexity(generator, ["a text"])
