"""Generators on tiny random models of real architectures, held against transformers' own forward pass."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag import read as reading
from firmground.rag import score as module
from firmground.rag.decode import draws
from firmground.rag.generate import TransformersGenerator
from firmground.rag.read import batches, flatten
from firmground.rag.types import Decoding
from tests.rag.tiny import TEXT, causal_folder, learned_positions_folder, seq2seq_folder

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
    read_beginning = TransformersGenerator._read_beginning
    monkeypatch.setattr(module, "MIN_SHARED", 4)
    monkeypatch.setattr(
        TransformersGenerator,
        "_read_beginning",
        lambda self, ids: [found := read_beginning(self, ids), calls.append(found[0])][0],
    )
    together = causal.generate(prompts, Decoding(max_new_tokens=6))
    assert calls == [20, 0]  # of the prompts, and of those without evidence, of which there are none
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
    assert all(max(lengths[i] for i in batch) * len(batch) <= reading.BATCH_TOKENS for batch in grouped[1:])
    assert list(batches([])) == []


def test_flatten() -> None:
    assert (
        flatten([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}])
        == "Be brief.\n\nWhy?\n\n"
    )


# Against the prompt without evidence


BARE = ["floats", "Question : why", "when it freezes", "a cat sat on a mat"]  # one is longer than its prompt


def logits_by_hand(generator: TransformersGenerator, prompt: str, new: list[int]):
    """(vocabulary,) of the next token, without cache, padding or batch."""
    import torch

    ids = generator.tokenizer(prompt)["input_ids"]
    with torch.inference_mode():
        if generator.is_seq2seq:
            decoder = torch.tensor([[generator.model.config.decoder_start_token_id, *new]])
            return generator.model(input_ids=torch.tensor([ids]), decoder_input_ids=decoder).logits[0, -1]
        return generator.model(torch.tensor([ids + new])).logits[0, -1]


def written_by_hand(generator: TransformersGenerator, prompt: str, bare: str, contrast: float, choose, steps: int):
    """Tokens by `choose(combined logits, step)`, and their log-probability under the prompt with evidence."""
    import torch

    new: list[int] = []
    total = 0.0
    for step in range(steps):
        own = logits_by_hand(generator, prompt, new)
        token = choose((1 + contrast) * own - contrast * logits_by_hand(generator, bare, new), step)
        if token in (0, 1):
            break
        total += float(torch.log_softmax(own, -1)[token])
        new.append(token)
    return generator.tokenizer.decode(new, skip_special_tokens=True), total


@pytest.mark.parametrize("make", [causal_folder, learned_positions_folder, seq2seq_folder])
def test_contrast_equals_two_plain_passes_a_token(make, tmp_path) -> None:
    generator = TransformersGenerator(make(tmp_path), device="cpu")
    plain = generator.generate(PROMPTS, Decoding(max_new_tokens=5))
    strong = generator.generate(PROMPTS, Decoding(max_new_tokens=5, contrast=3.0), against=BARE)
    for prompt, bare, generation in zip(PROMPTS, BARE, strong, strict=True):
        text, total = written_by_hand(generator, prompt, bare, 3.0, lambda scores, step: int(scores.argmax()), 5)
        assert generation.text == text
        assert generation.log_probability == pytest.approx(total, abs=1e-3)  # the model's own
        assert generation.prompt_tokens == len(prompt.split()) + len(bare.split())
    assert [one.text for one in strong] != [one.text for one in plain]
    same = generator.generate(PROMPTS, Decoding(max_new_tokens=5, contrast=3.0), against=PROMPTS)
    assert [one.text for one in same] == [one.text for one in plain]  # nothing to contrast with


def test_contrast_with_beginnings_read_once(causal: TransformersGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_SHARED", 4)
    prompts = [" ".join([*WORDS[:20], prompt]) for prompt in PROMPTS]
    bare = [" ".join([*WORDS[5:12], prompt]) for prompt in BARE]
    for prompt, without, generation in zip(
        prompts, bare, causal.generate(prompts, Decoding(max_new_tokens=5, contrast=2.0), against=bare), strict=True
    ):
        text, total = written_by_hand(causal, prompt, without, 2.0, lambda scores, step: int(scores.argmax()), 5)
        assert generation.text == text
        assert generation.log_probability == pytest.approx(total, abs=1e-3)


def test_contrast_wants_the_prompts_without_evidence(causal: TransformersGenerator) -> None:
    with pytest.raises(InputError, match="got 0 of 4; hand them in as `against`"):
        causal.generate(PROMPTS, Decoding(contrast=0.5))


@pytest.mark.parametrize("make", [causal_folder, learned_positions_folder])
def test_what_is_longer_than_the_model_reads_is_refused(make, tmp_path) -> None:
    generator = TransformersGenerator(make(tmp_path), device="cpu")
    window = generator.window
    assert window in (256, 64)
    fits = " ".join(["ice"] * (window - 5))
    (written,) = generator.generate([fits], Decoding(max_new_tokens=5))
    assert written.prompt_tokens == window - 5
    told = f"the prompt has {window - 4} tokens and 5 are to come, .+ reads {window}: shorten the question"
    with pytest.raises(InputError, match=told):
        generator.generate([PROMPTS[0], f"{fits} ice"], Decoding(max_new_tokens=5))
    with pytest.raises(InputError, match=told):
        next(generator.stream(f"{fits} ice", Decoding(max_new_tokens=5)))


def test_what_is_weighed_must_fit_too(tmp_path) -> None:
    generator = TransformersGenerator(learned_positions_folder(tmp_path), device="cpu")
    fits = " ".join(["ice"] * 60)
    assert len(generator.score(fits, "the cat sat on")) == 4
    with pytest.raises(InputError, match="the prompt has 60 tokens and 5 are to come"):
        generator.score(fits, "the cat sat on a")


def test_how_much_a_model_reads() -> None:
    from transformers import BartConfig, FalconConfig, GPT2Config, Qwen2Config, T5Config

    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768, "rope_theta": 1e6}
    llama = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192, "low_freq_factor": 1.0,
             "high_freq_factor": 4.0, "rope_theta": 5e5}  # fmt: skip
    assert module._window(GPT2Config(n_positions=64)) == 64
    assert module._window(Qwen2Config(max_position_embeddings=32768)) == 32768
    assert module._window(Qwen2Config(max_position_embeddings=32768, rope_parameters=yarn)) == 131072
    assert module._window(Qwen2Config(max_position_embeddings=131072, rope_parameters=llama)) == 131072
    for without in (T5Config(), BartConfig(), FalconConfig(alibi=True), GPT2Config(n_positions=-1)):
        assert module._window(without) is None


# Samples


@pytest.mark.parametrize("contrast", [0.0, 1.5])
def test_each_sample_is_drawn_by_its_own_seed_whatever_the_batch(
    causal: TransformersGenerator, contrast: float
) -> None:
    import torch

    decoding = Decoding(5, temperature=2.0, top_k=30, top_p=0.95, seed=3, samples=3, contrast=contrast)
    against = BARE if contrast else []
    found: dict[int, list[str]] = {}
    for draft in causal.drafts(PROMPTS, decoding, against=against):
        found |= {place: [one.text for one in mine] for place, mine in zip(draft.places, draft.samples, strict=True)}
    for place, (prompt, bare) in enumerate(zip(PROMPTS, BARE, strict=True)):
        for sample in range(3):
            uniform = draws(3, sample, causal.tokenizer(prompt)["input_ids"], 5)

            def choose(scores: torch.Tensor, step: int, uniform: np.ndarray = uniform) -> int:
                best = (scores / 2.0).topk(30)  # top-k, then the least set with 0.95 of what is left
                shares = torch.softmax(best.values, -1)
                few = int((shares.cumsum(-1) < 0.95).sum()) + 1
                left = sorted(zip(best.indices[:few].tolist(), shares[:few].tolist(), strict=True))
                bounds = np.cumsum([share for _, share in left])
                return left[int(np.searchsorted(bounds, uniform[step] * bounds[-1], side="right"))][0]

            assert found[place][sample] == written_by_hand(causal, prompt, bare, contrast, choose, 5)[0]
        (alone,) = causal.drafts([prompt], decoding, against=against[place : place + 1])
        assert [one.text for one in alone.samples[0]] == found[place]
    assert len({text for texts in found.values() for text in texts}) > 4  # equal only by chance


def test_of_samples_generate_gives_what_most_agree_on(
    causal: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding = Decoding(1, temperature=0.5, samples=25)
    (draft,) = causal.drafts(["The cat sat"], decoding)
    texts = [one.text for one in draft.samples[0]]
    most = max(texts, key=texts.count)
    assert 1 < texts.count(most) < 25
    assert causal.generate(["The cat sat"], decoding)[0].text == most


def test_beams_find_the_likeliest_of_all_texts(causal: TransformersGenerator) -> None:
    """With as many beams as words nothing is lost: of all texts of two tokens, or of one that ends, the best."""
    import torch

    prompt = "The cat sat"
    first = torch.log_softmax(logits_by_hand(causal, prompt, []), -1)
    best: tuple[float, list[int]] = (float("-inf"), [])
    for token in range(2, 64):
        second = torch.log_softmax(logits_by_hand(causal, prompt, [token]), -1)
        best = max(best, ((float(first[token]) + float(second[2:].max())) / 2, [token, int(second[2:].argmax()) + 2]))
        best = max(best, ((float(first[token]) + float(second[1])) / 2, [token]))  # the mean, as transformers counts
    best = max(best, (float(first[1]), []))
    (generation,) = causal.generate([prompt], Decoding(2, beams=64))
    assert generation.text == causal.tokenizer.decode(best[1], skip_special_tokens=True)
    assert generation.log_probability is None
    stopped = causal.generate(PROMPTS, Decoding(6, beams=3, stop=(" ",)))
    assert all(" " not in one.text for one in stopped)


@pytest.mark.parametrize("make", [causal_folder, seq2seq_folder])
def test_beams_are_those_of_transformers_alone(make, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(module, "MIN_SHARED", 4)
    generator = TransformersGenerator(make(tmp_path), device="cpu")
    prompts = [" ".join([*WORDS[:12], prompt]) for prompt in PROMPTS]
    for prompt, generation in zip(prompts, generator.generate(prompts, Decoding(6, beams=3)), strict=True):
        ids = torch.tensor([generator.tokenizer(prompt)["input_ids"]])
        output = generator.model.generate(ids, max_new_tokens=6, num_beams=3, do_sample=False)[0]
        new = output[1:] if generator.is_seq2seq else output[ids.shape[1] :]
        assert generation.text == generator.tokenizer.decode(new, skip_special_tokens=True)


# What a draft weighs


@pytest.mark.parametrize("make", [causal_folder, learned_positions_folder, seq2seq_folder])
@pytest.mark.parametrize("contrast", [0.0, 0.5])
def test_a_draft_weighs_as_each_text_alone(make, contrast: float, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FOLLOW_TOKENS", 6)  # so that there is more than one pass
    monkeypatch.setattr(module, "MIN_SHARED", 4)
    generator = TransformersGenerator(make(tmp_path), device="cpu")
    prompts = [" ".join([*WORDS[:12], prompt]) for prompt in PROMPTS]
    texts = [["because water expands", "mat", "", "it freezes when a cat sat on"], [], ["who"], ["a cat", "a cat sat"]]
    texts = [[text for text in mine if text or not generator.is_seq2seq] for mine in texts]
    decoding = Decoding(4, contrast=contrast)
    for draft in generator.drafts(prompts, decoding, against=BARE):
        assert draft.weigh is not None
        rows = draft.weigh([texts[place] for place in draft.places])
        again = draft.weigh([texts[place][:1] for place in draft.places])  # weighing leaves the draft as it was
        for place, mine, first in zip(draft.places, rows, again, strict=True):
            assert len(mine) == len(texts[place])
            for text, row in zip(texts[place], mine, strict=True):
                np.testing.assert_allclose(row, generator.score(prompts[place], text), atol=1e-4)
            np.testing.assert_allclose(first, mine[:1], atol=1e-6)


def test_what_is_kept_is_read_once(causal: TransformersGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    beginning = " ".join(WORDS[:20])
    prompts = [f"{beginning} {prompt}" for prompt in PROMPTS]
    expected = [causal.generate([prompt], Decoding(4))[0] for prompt in prompts]
    monkeypatch.setattr(module, "MIN_SHARED", 4)
    monkeypatch.setattr(causal, "_kept", {})
    causal.keep(f"{beginning} mat")  # one token more than they share
    read: list[int] = []
    forward = causal.model.forward

    @functools.wraps(forward)
    def counted(*given, **named):
        read.append(named["input_ids"].shape[1])
        return forward(*given, **named)

    monkeypatch.setattr(causal.model, "forward", counted)
    for prompt, other in zip(prompts, expected, strict=True):
        (one,) = causal.generate([prompt], Decoding(4))
        assert one.text == other.text
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-3)
    assert read.count(21) == 1  # the beginning, the first time
    assert max(length for length in read if length != 21) == max(len(prompt.split()) for prompt in PROMPTS)


# Streams


def test_a_stream_of_a_seq2seq_model_is_what_it_generates(seq2seq: TransformersGenerator) -> None:
    decoding = Decoding(5)
    whole = seq2seq.generate(["Ice floats because"], decoding)[0].text
    assert "".join(seq2seq.stream("Ice floats because", decoding)) == whole


def test_a_drawn_and_contrasted_stream_is_the_first_sample(causal: TransformersGenerator) -> None:
    decoding = Decoding(6, temperature=3.0, contrast=1.0, seed=2)
    whole = causal.generate(["Ice floats"], decoding, against=["floats"])[0].text
    assert "".join(causal.stream("Ice floats", decoding, "floats")) == whole


def test_two_streams_take_turns_in_one_thread(causal: TransformersGenerator) -> None:
    wholes = [causal.generate([prompt], Decoding(8))[0].text for prompt in PROMPTS[:2]]
    pairs = list(itertools.zip_longest(*(causal.stream(prompt, Decoding(8)) for prompt in PROMPTS[:2]), fillvalue=""))
    assert ["".join(pieces) for pieces in zip(*pairs, strict=True)] == wholes
    assert sum(bool(first and second) for first, second in pairs) > 1


def test_a_closed_stream_does_nothing_more(causal: TransformersGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    advance = causal._advance
    monkeypatch.setattr(causal, "_advance", lambda *given: [passes.append(1), advance(*given)][1])
    stream = causal.stream("Ice floats", Decoding(max_new_tokens=200))
    for _ in range(3):
        next(stream)
    so_far = len(passes)
    stream.close()
    assert 2 <= so_far == len(passes) < 20  # the first token comes from reading the prompt; some tokens show nothing


def test_beams_cant_be_streamed(causal: TransformersGenerator) -> None:
    with pytest.raises(InputError, match="got beams = 3; use beams = 1"):
        next(causal.stream("Ice floats", Decoding(6, beams=3)))
