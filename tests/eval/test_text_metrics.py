"""ROUGE-L, BLEU and chrF against hand-computed values, brute force, rouge-score and sacrebleu."""

from __future__ import annotations

import itertools
import json
import random
from functools import cache
from pathlib import Path

import pytest

from firmground.eval.metrics.answers import score_answer
from firmground.eval.metrics.texts import (
    bleu,
    chrf,
    common_subsequence,
    corpus_figures,
    corpus_scores,
    rouge_l,
    rouge_tokens,
)
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.rag.arms import PLAIN
from firmground.rag.types import Answer


def brute_force_subsequence(first, second) -> int:
    @cache
    def longest(i: int, j: int) -> int:
        if i == len(first) or j == len(second):
            return 0
        return max(longest(i + 1, j), longest(i, j + 1), longest(i + 1, j + 1) + 1 if first[i] == second[j] else 0)

    return longest(0, 0)


def test_the_longest_common_subsequence_is_that_of_brute_force():
    draw = random.Random(0)
    for _ in range(300):
        first, second = ([draw.choice("abc") for _ in range(draw.randrange(12))] for _ in range(2))
        assert common_subsequence(first, second) == brute_force_subsequence(tuple(first), tuple(second))
    assert common_subsequence("ABCBDAB", "BDCABA") == 4  # Cormen et al., Introduction to Algorithms: BCBA
    assert common_subsequence(["x"] * 500, ["x"] * 700) == 500


def test_rouge_l_by_hand():
    # "police killed the gunman" and "police kill the gunman": 3 of 4 in order (Lin 2004, section 3.1)
    assert rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(0.5)
    assert rouge_l("x", ["y", "x z"]) == pytest.approx(2 / 3)  # the best reference: p = 1, r = 1/2
    assert rouge_l("", ["a"]) == rouge_l("...", ["..."]) == 0.0
    # 今天天气很好 (6) and 今天的天气好 (6): 今天天气好 is 5 long
    assert rouge_l("今天天气很好。", ["今天的天气好！"], "zh") == pytest.approx(10 / 12)
    assert rouge_tokens("ＧＤＰ增长5.5%", "zh") == ["gdp", "增", "长", "5", "5"]


# Real answers with their gold answers, some of which have several (see test_official.py).
ROWS = json.loads((Path(__file__).parent / "official_scores.json").read_text("utf-8"))


def test_rouge_l_is_rouge_scores():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"], use_stemmer=False)
    pairs = [(row["prediction"], row["golds"]) for row in ROWS["squad"]]
    long = [" ".join(text for text, _ in pairs[start : start + 20]) for start in range(20, 160, 20)]
    pairs += [(text, [gold, long[0]]) for text, gold in itertools.pairwise(long)]
    pairs += [("Café No. 5—it's", ["cafe no 5 its"]), ("", ["x"]), ("A a", ["a"])]
    for text, golds in pairs:
        assert rouge_l(text, golds[:1]) == pytest.approx(scorer.score(golds[0], text)["rougeL"].fmeasure, abs=1e-6)
        assert rouge_l(text, golds) == pytest.approx(scorer.score_multi(golds, text)["rougeL"].fmeasure, abs=1e-6)
    assert 0 < rouge_l(long[1], [long[2]]) < 1


def test_bleu_by_hand():
    # 3 of 4 words; 2 of 3 pairs (the cat, cat sat); 1 of 2 triples; 0 of 1 quadruple, smoothed to 1/2 of 1:
    # (3/4 · 2/3 · 1/2 · 1/2)^(1/4), no brevity penalty
    assert bleu("the cat sat there", ["the cat sat here"]) == pytest.approx((1 / 8) ** 0.25, abs=1e-6)
    # all of two words, which has no triples to count; brevity: e^(1 − 4/2)
    assert bleu("the cat", ["the cat sat here"]) == pytest.approx(2.718281828 ** (1 - 4 / 2), abs=1e-6)
    assert bleu("猫坐在那", ["猫坐在这"], "zh") == pytest.approx((1 / 8) ** 0.25, abs=1e-6)
    assert bleu("猫", ["猫"], "zh") == bleu("cat", ["dog", "cat"]) == 1.0
    assert bleu("cat", ["dog"]) == bleu("", ["dog"]) == 0.0


def test_chrf_by_hand():
    # "ab" and "ac": of single characters 1 of 2 (F2 = 1/2), of pairs 0 of 1, longer ones none: mean over both orders
    # of precision 1/4 and of recall 1/4
    assert chrf("ab", ["ac"]) == pytest.approx(0.25, abs=1e-6)
    assert chrf("北京", ["北平"]) == pytest.approx(0.25, abs=1e-6)
    assert chrf("a b", ["ab"]) == 1.0  # white space is ignored
    assert chrf("ab", ["xy", "ab"]) == 1.0
    assert chrf("", ["x"]) == chrf("x", ["y"]) == 0.0


@pytest.mark.parametrize(("script", "language", "tokenise"), [("squad", "en", "13a"), ("cmrc", "zh", "zh")])
def test_sacrebleu_gives_the_same(script, language, tokenise):
    import sacrebleu

    texts, golds = [row["prediction"] for row in ROWS[script]], [row["golds"] for row in ROWS[script]]
    for text, gold in zip(texts, golds, strict=True):
        assert bleu(text, gold, language) == pytest.approx(
            sacrebleu.sentence_bleu(text, gold, tokenize=tokenise).score / 100, abs=1e-6
        )
        assert chrf(text, gold) == pytest.approx(sacrebleu.sentence_chrf(text, gold).score / 100, abs=1e-6)
    first = [[gold[0] for gold in golds]]
    ours = corpus_scores(texts, [gold[:1] for gold in golds], language)
    assert ours.bleu == pytest.approx(sacrebleu.corpus_bleu(texts, first, tokenize=tokenise).score / 100, abs=1e-6)
    assert ours.chrf == pytest.approx(sacrebleu.corpus_chrf(texts, first).score / 100, abs=1e-6)
    assert f"tok:{tokenise}" in ours.bleu_signature
    assert 0 < ours.bleu < 1
    several = corpus_scores(texts, golds, language)  # some texts have several references, others one
    assert "nrefs:var" in several.bleu_signature
    assert several.bleu != ours.bleu


def test_a_corpus_isnt_the_mean_of_its_rows():
    texts, golds = ["a b c d", "x"], [["a b c d"], ["y"]]
    together = corpus_scores(texts, golds)
    assert together.bleu == pytest.approx((4 / 5) ** 0.25, abs=1e-6)  # 4 of 5 words, 3 of 3 pairs, 2 of 2, 1 of 1
    assert (together.n, bleu("x", ["y"])) == (2, 0.0)
    with pytest.raises(InputError, match="1 texts and 0 lists"):
        corpus_scores(["x"], [])


def row(text: str, golds: tuple[str, ...], task="summary", **fields) -> Outcome:
    return Outcome("1", "plain", "Sum up", text, **{"abstained": False, "answers": golds, "task": task, **fields})


def test_figures_of_a_run_by_language():
    rows = [
        row("a b c d", ("a b c d",)),
        row("I don't know", ("x",), abstained=True),
        row("北京很大", ("北京很大",), "translation"),
        row("broken", ("x",), error="RuntimeError"),
        row("b", ("b",), "qa"),
    ]
    figures = corpus_figures(rows)
    assert {language: figure.n for language, figure in figures.items()} == {"en": 2, "zh": 1}
    assert figures["zh"].bleu == figures["zh"].chrf == 1.0
    # the abstention is an empty text: 4 words against 5, e^(1 − 5/4)
    assert figures["en"].bleu == pytest.approx(2.718281828 ** (1 - 5 / 4), abs=1e-6)
    assert corpus_figures([rows[-1]]) == {}


@pytest.mark.parametrize("task", ["summary", "translation"])
def test_rows_of_summaries_and_translations(task):
    example = Example("1", "Translate: Beijing is big", ("北京很大",), task=task)
    scores = score_answer(example, Answer("", "北京很大", "plain"), PLAIN)
    assert [scores[name] for name in ("rouge_l", "bleu", "chrf", "coverage", "abstained")] == [1, 1, 1, 1, 0]
    assert {scores[name] for name in ("em", "f1", "match", "accuracy", "right", "hallucination")} == {"other_task"}
    declined = score_answer(example, Answer("", "", "plain", abstained=True), PLAIN)
    assert [declined[name] for name in ("rouge_l", "bleu", "chrf", "coverage", "abstained")] == [0, 0, 0, 0, 1]
    alone = score_answer(Example("1", "Sum up", task=task), Answer("", "x", "plain"), PLAIN)
    assert {alone[name] for name in ("rouge_l", "bleu", "chrf")} == {"no_gold"}
