"""Generators on tiny random models of real architectures, held against transformers' own forward pass."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag import generate as module
from firmground.rag.generate import TransformersGenerator, batches, cut, flatten
from firmground.rag.types import Decoding
from tests.rag.tiny import TEXT, causal_folder, seq2seq_folder

WORDS = TEXT.split()
PROMPTS = ["Ice floats", "The cat sat on a mat . Question : why", "water expands when it freezes", "who"]


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    return TransformersGenerator(causal_folder(tmp_path_factory.mktemp("causal")), device="cpu")


@pytest.fixture(scope="module")
def seq2seq(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    return TransformersGenerator(seq2seq_folder(tmp_path_factory.mktemp("seq2seq")), device="cpu")


def greedy_by_hand(generator: TransformersGenerator, prompt: str, steps: int) -> tuple[list[int], float]:
    """Token by token without cache, padding or batch: what greedy decoding means."""
    import torch

    ids = generator.tokenizer(prompt)["input_ids"]
    new: list[int] = []
    total = 0.0
    with torch.inference_mode():
        for _ in range(steps):
            logits = generator.model(torch.tensor([ids + new])).logits[0, -1]
            token = int(logits.argmax())
            if token in (0, 1):
                break
            total += float(torch.log_softmax(logits, -1)[token])
            new.append(token)
    return new, total


def test_greedy_equals_a_plain_loop_whatever_the_batch(causal: TransformersGenerator) -> None:
    generations = causal.generate(PROMPTS, Decoding(max_new_tokens=6))
    for prompt, generation in zip(PROMPTS, generations, strict=True):
        tokens, total = greedy_by_hand(causal, prompt, 6)
        assert generation.text == causal.tokenizer.decode(tokens, skip_special_tokens=True)
        assert generation.completion_tokens == len(tokens)
        assert generation.log_probability == pytest.approx(total, abs=1e-3)
        assert generation.prompt_tokens == len(prompt.split())


def test_a_shared_beginning_read_once_changes_nothing(
    causal: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = " ".join(WORDS[:20])
    prompts = [f"{beginning} {prompt}" for prompt in PROMPTS]
    apart = causal.generate(prompts, Decoding(max_new_tokens=6))
    calls: list[int] = []
    shared_prefix = TransformersGenerator._shared_prefix
    monkeypatch.setattr(module, "MIN_SHARED", 4)
    monkeypatch.setattr(
        TransformersGenerator, "_shared_prefix", lambda self, ids: calls.append(shared_prefix(self, ids)) or calls[-1]
    )
    together = causal.generate(prompts, Decoding(max_new_tokens=6))
    assert calls == [20]
    assert [one.text for one in together] == [one.text for one in apart]
    for one, other in zip(together, apart, strict=True):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-3)


def test_log_probabilities_of_a_continuation(causal: TransformersGenerator) -> None:
    import torch

    prompt, continuation = "The cat sat", "on a mat"
    ids = causal.tokenizer(prompt)["input_ids"]
    rest = causal.tokenizer(continuation)["input_ids"]
    with torch.inference_mode():
        scores = torch.log_softmax(causal.model(torch.tensor([ids + rest])).logits[0], -1)
    expected = [float(scores[len(ids) + i - 1, token]) for i, token in enumerate(rest)]
    np.testing.assert_allclose(causal.score(prompt, continuation), expected, atol=1e-4)
    batched = causal.score_batch(["why", prompt], ["it freezes when", continuation])
    np.testing.assert_allclose(batched[1], expected, atol=1e-4)
    assert (batched[0] <= 0).all()
    assert batched[0].shape == (3,)


def test_seq2seq_through_the_same_call(seq2seq: TransformersGenerator) -> None:
    import torch

    first, second = seq2seq.generate(["Ice floats because", "who"], Decoding(max_new_tokens=4))
    alone = seq2seq.generate(["who"], Decoding(max_new_tokens=4))[0]
    assert second.text == alone.text
    assert first.prompt_tokens == 3
    labels = seq2seq.tokenizer("a mat")["input_ids"]
    inputs = torch.tensor([seq2seq.tokenizer("The cat")["input_ids"]])
    with torch.inference_mode():
        loss = float(seq2seq.model(input_ids=inputs, labels=torch.tensor([labels])).loss)
    assert -float(seq2seq.score("The cat", "a mat").mean()) == pytest.approx(loss, abs=1e-4)


@pytest.mark.parametrize("decoding", [Decoding(6, beams=3), Decoding(6, temperature=0.9, top_k=8, top_p=0.9, seed=3)])
def test_other_decodings_are_repeatable(causal: TransformersGenerator, decoding: Decoding) -> None:
    first, second = (causal.generate(PROMPTS[:2], decoding) for _ in range(2))
    assert [one.text for one in first] == [one.text for one in second]
    assert first[0].log_probability is None or decoding.beams == 1


def test_seeds_differ(causal: TransformersGenerator) -> None:
    texts = {
        causal.generate(["The cat"], Decoding(8, temperature=5.0, seed=seed))[0].text for seed in range(4)
    }  # equal only by chance: 64 words, 8 places
    assert len(texts) > 1


def test_stops_at_a_stop_string(causal: TransformersGenerator) -> None:
    whole = causal.generate(["Ice floats"], Decoding(max_new_tokens=8))[0]
    words = whole.text.split()
    stop = words[2]
    generation = causal.generate(["Ice floats"], Decoding(max_new_tokens=8, stop=(stop,)))[0]
    assert generation.text == whole.text[: whole.text.index(stop)]
    assert generation.finish == "stop"
    assert generation.completion_tokens <= 3


def test_processors_steer_their_own_row(causal: TransformersGenerator) -> None:
    import torch

    def only(token: int):
        def process(new_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            masked = torch.full_like(scores, float("-inf"))
            masked[token] = 0.0
            return masked

        return process

    mat, cat = (causal.tokenizer.convert_tokens_to_ids(word) for word in ("mat", "cat"))
    first, second = causal.generate(["who", "The cat sat"], Decoding(3), [only(mat), only(cat)])
    assert (first.text, second.text) == ("mat mat mat", "cat cat cat")


def test_stream_gives_the_same_text_in_pieces(causal: TransformersGenerator) -> None:
    whole = causal.generate(["Ice floats"], Decoding(max_new_tokens=8))[0].text
    pieces = list(causal.stream("Ice floats", Decoding(max_new_tokens=8)))
    assert "".join(pieces).split() == whole.split()
    assert len(pieces) > 1


def test_stream_can_be_cancelled(causal: TransformersGenerator) -> None:
    stream = causal.stream("Ice floats", Decoding(max_new_tokens=200))
    assert len(list(itertools.islice(stream, 2))) == 2
    stream.close()
    assert causal._lock.acquire(timeout=10)  # the work has ended: the model is free
    causal._lock.release()


def test_a_folder_without_a_model_says_what_to_give(tmp_path) -> None:
    with pytest.raises(InputError, match="give a folder with"):
        TransformersGenerator(tmp_path)


def test_batches_are_by_length_and_complete() -> None:
    lengths = [5, 7000, 10, 6, 3000, 4]
    grouped = list(batches(lengths))
    assert sorted(i for batch in grouped for i in batch) == list(range(6))
    assert grouped[0] == [1]  # longer than a batch may be: alone
    assert all(max(lengths[i] for i in batch) * len(batch) <= module.BATCH_TOKENS for batch in grouped[1:])
    assert list(batches([])) == []


def test_cut_and_flatten() -> None:
    assert cut("a few words\nQuestion: more", ("\n", "Question")) == ("a few words", "stop")
    assert cut("all of it", ("\n",)) == ("all of it", "length")
    assert (
        flatten([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}])
        == "Be brief.\n\nWhy?\n\n"
    )


def test_stop_strings_that_come_in_two_pieces() -> None:
    pieces = iter(["more than 3,0", "00\nQues", "tion: x"])
    assert "".join(module._until_stop(pieces, ("\nQuestion",))) == "more than 3,000"
    assert "".join(module._until_stop(iter(["a\nQue", "en"]), ("\nQuestion",))) == "a\nQueen"
