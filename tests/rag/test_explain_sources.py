"""Evidence found in prompts and taken out of them, by hand; figures of ablations against hand-made values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firmground.knowledge.types import Hit, Passage
from firmground.rag.arms import AUGMENTED
from firmground.rag.explain.ablations import Ablations, logit, spearman, subsets, top_drops
from firmground.rag.explain.attribute import contextcite, drops, held_to_account, leave_one_out, surrogate
from firmground.rag.explain.sources import find_sources, without
from firmground.rag.explain.types import Source
from firmground.rag.prompt import build


def hit(number: int, text: str, start: int = 0) -> Hit:
    return Hit(Passage(number, f"d{number}", text, start, start + len(text)), 1.0)


ENGLISH = "Ice floats. It is lighter than water. Salt melts it."
CHINESE = "冰浮在水面上。它比水轻。盐能融化它。"


@pytest.mark.parametrize(
    ("question", "text", "left"),
    [
        ("Why does ice float?", ENGLISH, "Ice floats. Salt melts it."),
        ("冰为什么浮在水上？", CHINESE, "冰浮在水面上。盐能融化它。"),
    ],
)
def test_sentences_are_found_and_taken_out(question: str, text: str, left: str):
    prompt = build(question, [text], AUGMENTED, True)
    assert isinstance(prompt, str)
    sources = find_sources(prompt, [hit(7, text, start=100)])
    assert len(sources) == 3
    assert all(prompt[one.at : one.at + len(one.text)] == one.text for one in sources)
    assert all(text[one.start - 100 : one.end - 100] == one.text for one in sources)
    assert (sources[0].document, sources[0].passage) == ("d7", 7)
    assert without(prompt, sources, [True, True, True]) == prompt
    assert without(prompt, sources, [True, False, True]) == build(question, [left], AUGMENTED, True)
    assert without(prompt, sources, [False, False, False]) == prompt.replace(text, "")


def test_a_line_a_passage_and_marks_between_them():
    hits = [hit(1, "One is here."), hit(2, "Two is here. Three too.")]
    sources = find_sources("Passage: One is here.\nTwo is here. Three too.\nQuestion: who", hits)
    keep = {
        (True, False, True): "Passage: One is here.\nThree too.\nQuestion: who".replace("\nThree", " Three"),
        (False, True, False): "Passage: Two is here.\nQuestion: who",
        (True, True, False): "Passage: One is here.\nTwo is here.\nQuestion: who",
    }
    for mask, expected in keep.items():
        assert without("Passage: One is here.\nTwo is here. Three too.\nQuestion: who", sources, mask) == expected
    marked = "[1] One is here.\n[2] Two is here. Three too.\nwho"
    assert without(marked, find_sources(marked, hits), (False, False, True)) == "[1] \n[2] Three too.\nwho"


def test_of_a_chat_only_the_last_message_changes():
    chat = [{"role": "user", "content": "Ice floats. Why?"}, {"role": "user", "content": "Ice floats. It is so."}]
    sources = find_sources(chat, [hit(1, ENGLISH)])  # type: ignore[arg-type]
    assert [one.text for one in sources] == ["Ice floats."]
    left = without(chat, sources, [False])  # type: ignore[arg-type]
    assert [message["content"] for message in left] == ["Ice floats. Why?", " It is so."]  # type: ignore[index,union-attr]
    assert chat[1]["content"] == "Ice floats. It is so."


def test_the_last_occurrence_counts_and_none_twice():
    prompt = "Ice floats. | Ice floats. Ice floats."
    sources = find_sources(prompt, [hit(1, "Ice floats."), hit(2, "Ice floats.")])
    assert [one.at for one in sources] == [14, 26]
    assert sorted(one.passage for one in sources) == [1, 2]


def test_a_sentence_that_was_cut_is_found_by_its_beginning():
    long = "The committee that was founded in the spring of 1901 met every year until the war came."
    sources = find_sources(f"Passage: {long[:50]}\nQuestion: when", [hit(1, "No match at all here. " + long)])
    assert [(one.text, one.start, one.end, one.at) for one in sources] == [(long[:50], 22, 72, 9)]
    assert find_sources("Question: when", [hit(1, long)]) == ()


# A model whose log-probability is the sum of what its sources give: every figure is known beforehand.
WORTH = {"a.": 2.0, "b.": 0.5, "c.": -0.25, "d.": 0.0}


def additive(worth: dict[str, float], start: float = -9.0) -> Ablations:
    sources = [Source(text, 0, 2, "d", 0, 3 * i) for i, text in enumerate(worth)]
    calls: list[int] = []

    def score_batch(prompts, continuations):
        calls.append(len(prompts))
        totals = [start + sum(worth[text] for text in prompt.split()) for prompt in prompts]
        return [np.array([total / 2, total / 2]) for total in totals]

    ablations = Ablations(score_batch, " ".join(worth), " answer", sources)
    ablations.calls = calls  # type: ignore[attr-defined]
    return ablations


def test_leave_one_out_tells_what_each_source_is_worth():
    ablations = additive(WORTH)
    found = leave_one_out(ablations)
    np.testing.assert_allclose(found.scores, [2.0, 0.5, -0.25, 0.0])
    assert found.order == [0, 1, 3, 2]
    assert found.top_drops == ((1, pytest.approx(2.0)), (3, pytest.approx(2.5)))
    assert (found.lds, found.ablations, found.agreement) == (pytest.approx(1.0), 16, None)
    assert ablations.num_tokens == 2
    assert sum(ablations.calls) == 16  # type: ignore[attr-defined]  # no subset is scored twice


def test_contextcite_finds_the_same_up_to_its_penalty():
    found = contextcite(additive(WORTH, start=-30.0), with_agreement=True)  # so unlikely that logit = log p
    np.testing.assert_allclose(found.scores, [2.0, 0.5, -0.25, 0.0], atol=0.05)
    assert found.scores[3] == 0.0  # sparse
    assert found.lds is not None
    assert found.lds > 0.9
    assert (found.ablations, found.agreement) == (16, pytest.approx(1.0))


def test_what_misleads_is_told():
    ablations = additive(WORTH)
    looked = held_to_account(ablations, "attention", np.array([0.0, 0.1, 0.7, 0.2]))
    assert looked.top_drops[0] == (1, pytest.approx(-0.25))
    assert looked.agreement == pytest.approx(spearman([0.0, 0.1, 0.7, 0.2], drops(ablations)))
    assert looked.agreement == pytest.approx(-1.0)  # ranks 1 2 4 3 against 4 3 1 2: 1 - 6 * 20 / 60
    assert looked.lds is not None
    assert looked.lds < 0


def test_the_surrogate_is_lasso_on_standardised_masks():
    from sklearn.linear_model import Lasso
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    masks = subsets(12, 64, seed=3)
    outputs = masks @ np.linspace(-3, 3, 12) + np.sin(np.arange(64)) - 4
    weights, bias = surrogate(masks, outputs, 5)
    pipeline = make_pipeline(StandardScaler(), Lasso(alpha=0.01)).fit(masks.astype(float), outputs / 5)
    np.testing.assert_allclose(masks @ weights + bias, 5 * pipeline.predict(masks.astype(float)), atol=1e-9)
    constant = masks.copy()
    constant[:, 0] = True
    assert surrogate(constant, outputs, 5)[0][0] == 0.0


def test_subsets_are_all_or_drawn_by_a_fair_coin():
    assert sorted(map(tuple, subsets(3, 8).tolist())) == sorted(
        (a, b, c) for a in (False, True) for b in (False, True) for c in (False, True)
    )
    drawn = subsets(40, 64)
    assert drawn.shape == (64, 40)
    assert abs(drawn.mean() - 0.5) < 0.04  # 2,560 coins: four standard deviations
    assert (subsets(40, 64) == drawn).all()
    assert subsets(1, 64).tolist() == [[False], [True]]


def test_logit_and_rank_correlation():
    assert logit(np.log([0.5, 0.8])) == pytest.approx([0.0, math.log(4)])
    assert np.isfinite(logit(np.array([0.0, -1e-12, -800.0]))).all()
    assert logit(np.array([-50.0]))[0] == pytest.approx(-50.0)
    assert spearman([1, 2, 3, 4], [10, 20, 25, 400]) == pytest.approx(1.0)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert spearman([1, 1, 2], [1, 2, 3]) == pytest.approx(math.sqrt(3) / 2)  # mid-ranks 1.5 1.5 3
    assert spearman([1, 2], [1, 2]) is None
    assert spearman([1, 1, 1], [1, 2, 3]) is None


def test_rank_correlation_equals_scipy():
    from scipy.stats import spearmanr

    random = np.random.default_rng(1)
    for _ in range(5):
        first, second = random.integers(0, 6, 20), random.normal(size=20)
        assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_top_k_stops_at_the_sources_there_are():
    assert top_drops(additive({"a.": 1.0}), [0.3]) == ((1, pytest.approx(1.0)),)
    five = additive({f"{i}.": float(i) for i in range(5)})
    assert top_drops(five, [0, 1, 2, 3, 4]) == ((1, 4.0), (3, 9.0), (5, 10.0))
