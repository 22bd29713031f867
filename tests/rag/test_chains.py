"""Chains of facts: one by hand, all against brute force over sets of words."""

from __future__ import annotations

import math
import random
from itertools import combinations_with_replacement

import pytest

from firmground.knowledge.types import Hit, Passage
from firmground.rag.chains import ALONE, MOST_BRIDGE, SHARED, best_chains, left_open, linked, telling
from firmground.rag.words import rarity


def test_a_chain_by_hand() -> None:
    first, other, none = best_chains("aa bb", ["cc", "gg", "aa"], ["aa dd", "cc dd", "ee"])
    seldom, often, never = math.log(1 + 3.5 / 1.5), math.log(1 + 3.5 / 2.5), math.log(1 + 3.5 / 0.5)
    question = seldom + never  # aa and bb
    # All of cc, of the question aa; dd joins the two facts.
    assert first.score == pytest.approx(seldom / question + 1 + often / (question + seldom) + SHARED)
    assert first.places == (0, 1)
    # No fact speaks of gg: the fact of the question stands alone, and has nothing of the choice.
    assert other.score == pytest.approx(seldom / question)
    assert other.places == (0,)
    # A choice that the question names already counts for all of it.
    assert none.score == pytest.approx(seldom / question + 1 + ALONE)


def test_all_pairs_against_sets() -> None:
    draw = random.Random(3)
    words = [f"w{number}x" for number in range(12)]
    for _ in range(50):
        texts = [" ".join(draw.sample(words, draw.randint(1, 5))) for _ in range(draw.randint(1, 7))]
        question, choice = " ".join(draw.sample(words, 3)), " ".join(draw.sample(words, 2))
        sets, asked, offered = [set(text.split()) for text in texts], set(question.split()), set(choice.split())
        weights = rarity(sorted(set(words)), sets)
        own = (offered - asked) or offered

        def heavy(some: set[str], weights: dict[str, float] = weights) -> float:
            return sum(weights[word] for word in some)

        best = 0.0
        for one, two in combinations_with_replacement(sets, 2):
            if not (one & (asked | own) and two & (asked | own)):
                continue
            together = ALONE if one & asked and one & own else 0.0
            if one is not two:
                bridge = (one & two) - asked - own
                share = heavy(bridge) / (heavy(asked) + heavy(own))
                together = min(MOST_BRIDGE, share) + SHARED * bool(bridge)
            covered = heavy((one | two) & asked) / heavy(asked) + heavy((one | two) & own) / heavy(own)
            best = max(best, covered + together)
        (chain,) = best_chains(question, [choice], texts)
        assert chain.score == pytest.approx(best)
        assert bool(chain.places) == (best > 0)


def test_nothing_that_speaks_of_it_leads_nowhere() -> None:
    for texts in ([], ["ee ff"]):
        (chain,) = best_chains("aa bb", ["cc"], texts)
        assert (chain.score, chain.places) == (0.0, ())
    assert linked("aa bb", ["cc", "dd"], []) == ((0.0, 0.0), [])


def test_sentences_of_a_passage_are_facts_of_their_own() -> None:
    long = Hit(Passage(7, "d", "Coral lives in symbiosis. The Moon is far. Mutualism is symbiosis.", 0, 65), 0.5)
    scores, hits = linked("What is coral?", ["mutualism", "friction"], [long])
    assert scores[0] > 1.5 > scores[1]
    assert [hit.passage.id for hit in hits] == [7, 7]


def test_what_a_fact_leaves_open() -> None:
    asked = "What relationship do coral and alga have? mutualism"
    # The fact has coral and alga; of "and", which carries nothing, neither is said to have it.
    expected = "What relationship do and have mutualism and live in symbiosis"
    assert left_open(asked, "Coral and alga live in symbiosis.") == expected
    chinese = left_open("珊瑚和藻类是哪种关系？ 互利共生", "珊瑚和藻类彼此得到好处。").split()
    assert {"互利", "共生", "好处"} <= set(chinese)
    assert not {"珊瑚", "藻类"} & set(chinese)
    assert left_open("coral", "Coral.") == ""


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        (("predation", "mutualism"), True),
        (("密度小", "颜色白"), True),
        (("yes", "no"), False),
        (("True.", "False."), False),
        (("是", "否"), False),
        (("The man", "The woman", "I don't know"), False),
        (("mutualism",), False),
        ((), False),
    ],
)
def test_which_choices_facts_can_speak_of(choices: tuple[str, ...], told: bool) -> None:
    assert telling(choices) is told
