"""Which choice of a multiple-choice question, or which label, an answer picks: by what it writes, or by likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from firmground.eval.metrics.normalise import has_run, word_tokens
from firmground.rag.choose import Rule, weight
from firmground.rag.types import ChoiceScore

RULES: tuple[Rule, ...] = ("sum", "characters", "pmi")


def picked_choice(answer: str, choices: Sequence[str]) -> int | None:
    """Which choice an answer picks: by its text, by its letter ("B", "(b)", "答案是 B。"), or as the only one it names.

    None where it names none, or more than one: such an answer is unparsed, never guessed.
    """
    tokens = word_tokens(answer)
    texts = [word_tokens(choice) for choice in choices]
    same = [place for place, text in enumerate(texts) if text == tokens and text]
    if same:
        return same[0] if len(same) == 1 else None
    letter = _letter(word_tokens(answer, articles=True))
    if letter is not None and letter < len(choices) and [chr(97 + letter)] not in texts:
        return letter
    named = [place for place, text in enumerate(texts) if has_run(tokens, text)]
    longest = [n for n in named if not any(n != m and has_run(texts[m], texts[n]) for m in named)]
    return longest[0] if len(longest) == 1 else None


def _letter(tokens: Sequence[str]) -> int | None:
    """0 for "a" … 25 for "z", where the answer is a letter and nothing else but words that announce it."""
    announcing = {"the", "answer", "is", "option", "choice", *"答案是选项择"}
    rest = [token for token in tokens if token not in announcing]
    if not tokens or len(rest) != 1 or len(rest[0]) != 1 or not "a" <= rest[0] <= "z":
        return None
    return ord(rest[0]) - ord("a")


def likeliest_choice(choices: Sequence[ChoiceScore], rule: Rule) -> int | Literal["no_prior", "tied", "unparsed"]:
    """The place of the choice with the highest weight (see `rag/choose.py`), or the status that says why there is none.

    "no_prior": the rule needs priors, and a choice has none. "tied": several choices with different texts weigh exactly
    the same and no other weighs more; taking the first would reward an order. Equal texts aren't a tie: the first
    stands for all. "unparsed": a weight isn't a number. `choices` isn't empty.
    """
    if rule == "pmi" and any(choice.prior is None for choice in choices):
        return "no_prior"
    weights = [weight(choice, rule) for choice in choices]
    if any(math.isnan(value) for value in weights):
        return "unparsed"
    best = [place for place, value in enumerate(weights) if value == max(weights)]
    return best[0] if len({choices[place].text for place in best}) == 1 else "tied"
