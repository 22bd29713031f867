"""Public classifiers as verifiers, on a tiny random BERT: labels by name, windows that drop nothing, batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag.ground import verdict_on
from firmground.rag.verifier import load_verifier
from firmground.rag.verifier_model import ModelVerifier, _meanings

WORDS = [f"w{i}" for i in range(50)]
NLI = {0: "contradiction", 1: "entailment", 2: "neutral"}


def classifier_folder(folder: Path, labels: dict[int, str], most: int = 24) -> Path:
    """A BERT of one layer that reads `most` tokens, with random weights (seeded) and the labels' names."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", ".", "这", "是", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]",
        model_max_length=most,
    )  # fmt: skip
    fast.save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=most, id2label=labels, label2id={label: i for i, label in labels.items()},
        initializer_range=1.0,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> ModelVerifier:
    verifier = load_verifier(str(classifier_folder(tmp_path_factory.mktemp("nli"), NLI)))
    assert isinstance(verifier, ModelVerifier)
    return verifier


def directly(verifier: ModelVerifier, window: str, claim: str) -> np.ndarray:
    """The labels' probabilities of one pair, asked alone."""
    import torch

    with torch.inference_mode():
        encoded = verifier.tokenizer(window, claim, return_tensors="pt")
        return verifier.model(**encoded).logits[0].softmax(dim=0).numpy()


def test_short_evidence_is_one_pair(nli: ModelVerifier) -> None:
    expected = directly(nli, "w1 w2 w3.", "w4 w5")
    assert nli.support(["w4 w5"], [["w1 w2 w3."]])[0] == pytest.approx(expected[1], abs=1e-6)
    assert nli.contradiction(["w4 w5"], [["w1 w2 w3."]])[0] == pytest.approx(expected[0], abs=1e-6)
    assert 0.02 < expected[1] < 0.98  # the weights do tell pairs apart


def test_windows_hold_every_word_and_overlap_by_a_sentence(nli: ModelVerifier) -> None:
    evidence = "W1 w2 w3 w4. W5 w6 w7 w8. W9 w10 w11 w12. Then " + " ".join(WORDS[13:45]) + "."
    windows = list(nli._windows([evidence, "W46 w47."], room=12))
    assert windows[:2] == ["W1 w2 w3 w4. W5 w6 w7 w8.", "W5 w6 w7 w8. W9 w10 w11 w12."]
    assert windows[-1] == "W46 w47."
    assert {word.strip(".").lower() for window in windows for word in window.split()} == {
        *WORDS[1:45],
        "w46",
        "w47",
        "then",
    }
    assert max(len(nli.tokenizer(window, add_special_tokens=False)["input_ids"]) for window in windows) <= 12


def test_support_is_the_best_windows_whatever_the_batch(nli: ModelVerifier) -> None:
    evidence = [["W1 w2 w3 w4. W5 w6 w7 w8. W9 w10 w11 w12. W13 w14 w15 w16."], ["W20 w21."], ["W1 w2.", "W9 w30 w31."]]
    claims = ["w3 w30", "w40 w41 w42", "w9"]
    expected = []
    for claim, texts in zip(claims, evidence, strict=True):
        windows = nli._windows(texts, nli._room(len(claim.split())))
        expected.append(max(directly(nli, window, claim)[1] for window in windows))
    assert nli.support(claims, evidence) == pytest.approx(expected, abs=1e-5)
    many = nli.support(claims * 9, evidence * 9)  # more pairs than a batch
    assert many == pytest.approx(expected * 9, abs=1e-5)


def test_a_claim_that_is_too_long_is_judged_in_parts_by_its_weakest(nli: ModelVerifier) -> None:
    claim = " ".join(WORDS[:30])  # the model reads 24 tokens
    parts = [" ".join(WORDS[:12]), " ".join(WORDS[12:24]), " ".join(WORDS[24:30])]
    assert [said for said, _ in nli._parts(claim)] == parts
    whole = nli.support([claim], [["W1 w2."]])[0]
    assert whole == pytest.approx(min(nli.support(parts, [["W1 w2."]] * 3)), abs=1e-6)


def test_nothing_to_judge_by_is_no_support(nli: ModelVerifier) -> None:
    assert nli.support(["w1", "", "?!", "w1"], [[], ["W1."], ["W1."], [" "]]).tolist() == [0, 0, 0, 0]
    assert nli.support([], []).shape == (0,)


def test_the_models_contradiction_is_the_verdict(nli: ModelVerifier) -> None:
    pairs = [(f"w{i}", (f"W{j} w{j + 1}.",)) for i in range(12) for j in range(0, 40, 5)]
    supports = nli.support([claim for claim, _ in pairs], [texts for _, texts in pairs])
    against = nli.contradiction([claim for claim, _ in pairs], [texts for _, texts in pairs])
    expected = ["supported" if one >= 0.5 else "contradicted" if two >= 0.5 else "unsupported"
                for one, two in zip(supports, against, strict=True)]  # fmt: skip
    found = [verdict_on(claim, texts, float(one), nli) for (claim, texts), one in zip(pairs, supports, strict=True)]
    assert found == expected
    assert len(set(found)) >= 2


def test_labels_are_told_by_their_names() -> None:
    assert _meanings({0: "ENTAILMENT", 1: "NEUTRAL", 2: "CONTRADICTION"}, None, "x") == (0, 2)
    assert _meanings({0: "not supported", 1: "Supported"}, None, "x") == (1, None)
    assert _meanings({0: "SUPPORTS", 1: "REFUTES", 2: "NOT ENOUGH INFO"}, None, "x") == (0, 1)
    assert _meanings({0: "LABEL_0", 1: "LABEL_1"}, 1, "x") == (1, None)
    assert _meanings({0: "LABEL_0"}, None, "x") == (1, None)  # one figure: log-odds of support
    for labels in ({0: "LABEL_0", 1: "LABEL_1"}, {0: "positive", 1: "negative"}, {0: "entailment", 1: "cat"}):
        with pytest.raises(InputError, match="x#1"):
            _meanings(labels, None, "x")
    with pytest.raises(InputError, match="#2"):
        _meanings({0: "LABEL_0", 1: "LABEL_1"}, 2, "x")


def test_labels_without_names_are_told_by_number(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path, {0: "LABEL_0", 1: "LABEL_1"})
    with pytest.raises(InputError, match="LABEL_0, LABEL_1"):
        load_verifier(str(folder))
    no, yes = load_verifier(f"{folder}#0"), load_verifier(f"{folder}#1")
    total = no.support(["w1"], [["W2 w3."]]) + yes.support(["w1"], [["W2 w3."]])
    assert total == pytest.approx([1.0], abs=1e-6)


def test_one_figure_is_log_odds(tmp_path: Path) -> None:
    verifier = load_verifier(str(classifier_folder(tmp_path, {0: "LABEL_0"})))
    assert isinstance(verifier, ModelVerifier)
    import torch

    with torch.inference_mode():
        logit = float(verifier.model(**verifier.tokenizer("W2 w3.", "w1", return_tensors="pt")).logits[0, 0])
    assert verifier.support(["w1"], [["W2 w3."]])[0] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    from tests.rag.tiny import causal_folder

    with pytest.raises(InputError, match="sequence classifier"):
        load_verifier(str(causal_folder(tmp_path)))
    with pytest.raises(InputError, match="unknown verifier 'nli'"):
        load_verifier("nli")
