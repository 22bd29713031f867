"""Reasons with tiny random models of real architectures, held against brute force over plain forward passes."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag import score
from firmground.rag.arms import AUGMENTED, EXTRACTIVE
from firmground.rag.assistant import Assistant
from firmground.rag.explain import reading
from firmground.rag.explain.attribute import surrogate
from firmground.rag.explain.reasons import attention_shares, explain
from firmground.rag.explain.tokens import stretches
from firmground.rag.explain.types import Token
from firmground.rag.generate import TransformersGenerator
from firmground.rag.types import Answer
from tests.rag.fakes import Echo
from tests.rag.tiny import TEXT, causal_folder, seq2seq_folder, tokenizer_folder

EVIDENCE = "Ice floats . The cat sat on a mat . Water expands when it freezes ."
SECOND = "Who sat ."
HITS = (
    Hit(Passage(3, "ice.txt", EVIDENCE, 50, 50 + len(EVIDENCE)), 1.0),
    Hit(Passage(4, "who.txt", SECOND, 0, len(SECOND)), 0.5),
)
SENTENCES = ["Ice floats .", "The cat sat on a mat .", "Water expands when it freezes .", "Who sat ."]
ANSWER = Answer(
    "why Ice floats", "it expands", "augmented", HITS,
    prompt=f"1 2 3 {EVIDENCE}\n{SECOND}\nQuestion : why Ice floats\nAnswer :",
)  # fmt: skip


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    generator = TransformersGenerator(causal_folder(tmp_path_factory.mktemp("causal")), device="cpu")
    generator.model.lm_head.weight.data *= 30  # so that what stands in the prompt matters
    return generator


@pytest.fixture(scope="module")
def seq2seq(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    return TransformersGenerator(seq2seq_folder(tmp_path_factory.mktemp("seq2seq")), device="cpu")


def brute_force(generator: TransformersGenerator, kept: tuple[bool, ...]) -> float:
    """The answer's log-probability after the prompt with these sentences, one forward pass without any cache."""
    import torch

    evidence = " ".join(text for text, keep in zip(SENTENCES, kept, strict=True) if keep)
    prompt = generator.tokenizer(f"1 2 3 {evidence} Question : why Ice floats Answer :")["input_ids"]
    rest = generator.tokenizer("it expands")["input_ids"]
    with torch.inference_mode():
        logits = torch.log_softmax(generator.model(torch.tensor([prompt + rest])).logits[0], -1)
    return sum(float(logits[len(prompt) + i - 1, token]) for i, token in enumerate(rest))


def test_leave_one_out_is_brute_force(causal: TransformersGenerator):
    reasons = explain(ANSWER, causal)
    assert [source.text for source in reasons.sources] == SENTENCES
    assert [(one.document, one.start) for one in reasons.sources[:2]] == [("ice.txt", 50), ("ice.txt", 63)]
    whole = brute_force(causal, (True,) * 4)
    expected = [whole - brute_force(causal, tuple(i != left for i in range(4))) for left in range(4)]
    assert reasons.attribution is not None
    assert reasons.attribution.method == "leave-one-out"
    np.testing.assert_allclose(reasons.attribution.scores, expected, atol=1e-4)
    assert reasons.log_probability == pytest.approx(whole, abs=1e-4)
    assert reasons.without_sources == pytest.approx(brute_force(causal, (False,) * 4), abs=1e-4)
    best = int(np.argmax(expected))
    assert reasons.attribution.top_drops[0] == (1, pytest.approx(expected[best], abs=1e-4))
    drops = [whole - brute_force(causal, kept) for kept in ((False, False, False, True), (True, True, True, False))]
    assert [(one.document, one.drop) for one in reasons.passages] == [
        ("ice.txt", pytest.approx(drops[0], abs=1e-4)), ("who.txt", pytest.approx(drops[1], abs=1e-4)),
    ]  # fmt: skip


def test_contextcite_is_lasso_over_brute_force(causal: TransformersGenerator):
    found = explain(ANSWER, causal, "contextcite").attribution
    masks = np.array([[bool(number >> place & 1) for place in (3, 2, 1, 0)] for number in range(16)])
    totals = np.array([brute_force(causal, tuple(mask)) for mask in masks.tolist()])
    expected, _ = surrogate(masks, totals - np.log1p(-np.exp(totals)), 2)
    assert found is not None
    np.testing.assert_allclose(found.scores, expected, atol=1e-3)
    assert (found.method, found.ablations) == ("contextcite", 16)


def test_many_sources_go_to_contextcite_and_the_beginning_is_read_once(
    causal: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(score, "MIN_SHARED", 4)
    words = [*TEXT.split()[:18], "1", "2"]
    text = " ".join(f"{first} {word} ." for first in ("Ice", "The") for word in words[:9])
    hit = Hit(Passage(1, "d", text, 0, len(text)), 1.0)
    beginning = " ".join(words)
    answer = replace(ANSWER, hits=(hit,), prompt=f"{beginning} {text} Question : Answer :")
    read: list[int] = []
    forward = causal.model.forward

    def counted(*args, **kwargs):
        read.append(int(kwargs["input_ids"].shape[1]))
        return forward(*args, **kwargs)

    counted.__signature__ = __import__("inspect").signature(forward)  # type: ignore[attr-defined]
    monkeypatch.setattr(causal.model, "forward", counted)
    found = explain(answer, causal).attribution
    assert found is not None
    assert (found.method, found.ablations, len(found.scores)) == ("contextcite", 64, 18)
    shared, longest = 20, 18 * 3 + 4  # the words before the evidence; all evidence, and "Question : Answer :"
    assert read[0] == shared  # by themselves, and in none of the 66 prompts that are read after them
    ablated = [width for width in read[1:] if width > 2][:5]  # 66 prompts, at most 16 together, longest first
    assert ablated[0] == longest
    assert ablated == sorted(ablated, reverse=True)


def test_tokens_and_attention_are_those_of_one_plain_pass(causal: TransformersGenerator):
    import torch

    usual = causal.model.config._attn_implementation
    reasons = explain(ANSWER, causal, attention=True)
    assert causal.model.config._attn_implementation == usual
    prompt = causal.tokenizer(ANSWER.prompt)["input_ids"]
    rest = causal.tokenizer("it expands")["input_ids"]
    causal.model.set_attn_implementation("eager")
    with torch.inference_mode():
        output = causal.model(torch.tensor([prompt + rest]), output_attentions=True)
    causal.model.set_attn_implementation(usual)
    looked = reasons.attention
    assert looked is not None
    assert looked.weights.dtype == np.float32
    assert looked.weights.shape == (2, 4, 2, len(prompt))
    rows = slice(len(prompt) - 1, len(prompt) + 1)  # where the two tokens are predicted
    expected = np.stack([layer[0, :, rows, : len(prompt)].numpy() for layer in output.attentions])
    np.testing.assert_allclose(looked.weights, expected, atol=1e-5)
    np.testing.assert_allclose(looked.weights[:, :, 0].sum(-1), 1.0, atol=1e-5)
    scores = torch.log_softmax(output.logits[0], -1)[rows]
    entropies = -(scores.exp() * scores).sum(-1)
    assert [(one.text, one.start, one.end) for one in reasons.tokens] == [("it", 0, 2), ("expands", 3, 10)]
    assert [one.entropy for one in reasons.tokens] == pytest.approx(entropies.tolist(), abs=1e-4)
    assert [one.log_probability for one in reasons.tokens] == pytest.approx(
        [float(scores[i, token]) for i, token in enumerate(rest)], abs=1e-4
    )
    assert sum(one.log_probability for one in reasons.tokens) == pytest.approx(reasons.log_probability, abs=1e-4)


def test_attention_goes_to_sources_and_question_by_their_tokens(causal: TransformersGenerator):
    looked = explain(ANSWER, causal, attention=True).attention
    assert looked is not None
    assert looked.prompt_tokens[3:6] == ("Ice", "floats", ".")
    expected = [-1] * 3 + [0] * 3 + [1] * 7 + [2] * 6 + [3] * 3 + [-1] * 7
    assert looked.source_of.tolist() == expected
    assert np.flatnonzero(looked.of_question).tolist() == [24, 25, 26]  # after "Question :"
    shares = [looked.weights[..., [i for i, at in enumerate(expected) if at == place]].sum(-1).mean()
              for place in range(4)]  # fmt: skip
    assert looked.attribution is not None
    assert looked.attribution.scores == pytest.approx(shares, abs=1e-5)
    assert attention_shares(looked.weights, looked.source_of, 4).sum() < 1
    assert attention_shares(looked.weights, looked.source_of, 5)[4] == 0  # a source without a token of its own
    assert looked.attribution.agreement is not None


def test_attention_where_it_slides(tmp_path):
    """A model whose layers see the last four tokens alone: weights beyond them are 0, not lost."""
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=4, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    MistralForCausalLM(config).save_pretrained(tmp_path)
    tokenizer_folder(tmp_path)
    generator = TransformersGenerator(tmp_path, device="cpu")
    reasons = explain(ANSWER, generator, attention=True)
    assert reasons.attention is not None
    weights = reasons.attention.weights
    assert weights.shape[3] == 29
    assert (weights[:, :, 0, :-4] == 0).all()
    np.testing.assert_allclose(weights[:, :, 0].sum(-1), 1.0, atol=1e-5)
    assert sum(one.log_probability for one in reasons.tokens) == pytest.approx(reasons.log_probability, abs=1e-4)


def test_too_much_attention_is_refused_before_anything_is_read(causal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "MOST_ATTENTION", 1000)
    monkeypatch.setattr(causal, "score_batch", None)
    with pytest.raises(InputError, match="at most 0 are kept: explain a shorter answer"):
        explain(ANSWER, causal, attention=True)


def test_an_encoder_decoder_has_reasons_and_no_attention_map(seq2seq: TransformersGenerator):
    reasons = explain(ANSWER, seq2seq)
    assert reasons.attribution is not None
    left = f"1 2 3 {' '.join(SENTENCES[1:])} Question : why Ice floats Answer :"
    lost = seq2seq.score(ANSWER.prompt, "it expands").sum() - seq2seq.score(left, "it expands").sum()
    assert reasons.attribution.scores[0] == pytest.approx(float(lost), abs=1e-4)
    assert sum(one.log_probability for one in reasons.tokens) == pytest.approx(reasons.log_probability, abs=1e-4)
    with pytest.raises(InputError, match="is an encoder-decoder: explain without attention"):
        explain(ANSWER, seq2seq, attention=True)


def test_without_evidence_the_words_alone_are_explained(causal: TransformersGenerator):
    reasons = explain(replace(ANSWER, hits=(), prompt="Question : why Answer :"), causal, attention=True)
    assert (reasons.sources, reasons.attribution, reasons.passages, reasons.without_sources) == ((), None, (), None)
    assert len(reasons.tokens) == 2
    assert reasons.attention is not None
    assert reasons.attention.attribution is None


@pytest.mark.parametrize(
    ("answer", "method", "message"),
    [
        (ANSWER, "guess", "unknown method 'guess'; the methods are: auto"),
        (replace(ANSWER, prompt=None), "auto", "without a prompt"),
        (replace(ANSWER, text=""), "auto", "the answer is empty"),
    ],
)
def test_what_cannot_be_explained_says_why(causal, answer, method, message):
    with pytest.raises(InputError, match=message):
        explain(answer, causal, method)


def test_a_chat_model_is_told_that_log_probabilities_are_missing():
    from langchain_core.language_models import FakeListChatModel

    from firmground.rag.langchain import ChatModelGenerator

    for generator in (Echo({}), ChatModelGenerator(FakeListChatModel(responses=["x"]), "fake")):
        with pytest.raises(InputError, match="reasons need log-probabilities"):
            Assistant(None, generator).explain(ANSWER, AUGMENTED)
    with pytest.raises(InputError, match="needs a generator"):
        Assistant(None, None).explain(ANSWER, EXTRACTIVE)


def test_threads_may_write_while_attention_is_read(causal: TransformersGenerator):
    before = causal.generate(["Ice floats because"])[0].text
    texts: list[str] = []
    writer = threading.Thread(
        target=lambda: texts.extend(causal.generate(["Ice floats because"])[0].text for _ in range(3))
    )
    writer.start()
    explain(ANSWER, causal, attention=True)
    writer.join()
    assert texts == [before] * 3


def test_a_choice_and_a_chat_are_explained_by_the_same_call(causal: TransformersGenerator):
    hits = (Hit(Passage(1, "d", "Ice floats . Who sat .", 0, 22), 1.0),)
    assistant = Assistant(None, causal)
    arm = replace(AUGMENTED, evidence="passages", spans=0)
    choice = assistant.answer_batch(["why Ice floats"], arm, [hits], [["a mat", "water"]])[0]
    reasons = assistant.explain(choice, arm)
    assert reasons.answer in ("a mat", "water")
    assert [one.text for one in reasons.sources] == ["Ice floats .", "Who sat ."]
    told = next(one.log_probability for one in choice.choices if one.text == choice.text)
    assert reasons.log_probability == pytest.approx(told, abs=1e-4)
    chat = [{"role": "user", "content": "why"}, {"role": "user", "content": "Ice floats . Question : why"}]
    talked = explain(replace(ANSWER, prompt=chat, hits=hits), causal, attention=True)
    assert [one.text for one in talked.sources] == ["Ice floats ."]
    assert talked.attention is not None
    assert np.flatnonzero(talked.attention.source_of == 0).tolist() == [1, 2, 3]
    np.testing.assert_allclose(
        talked.log_probability,
        causal.score(chat, "it expands").sum(),
        atol=1e-4,  # type: ignore[arg-type]
    )


def test_bytes_of_one_character_are_one_stretch(causal: TransformersGenerator):
    reasons = explain(ANSWER, causal)
    tokens = (
        Token("", 0, 0, -0.5, 1.0), Token("冰", 0, 1, -1.0, 2.0), Token("冰", 0, 1, -1.0, 3.0),
        Token("水", 1, 2, -0.25, 0.5),
    )  # fmt: skip
    found = stretches(replace(reasons, answer="冰水", tokens=tokens))
    assert [one.text for one in found] == ["冰", "水"]
    assert [one.probability for one in found] == pytest.approx([np.exp(-2.5), np.exp(-0.25)])
    assert [one.entropy for one in found] == [3.0, 0.5]
    assert "".join(one.text for one in stretches(reasons)) == "it expands"
