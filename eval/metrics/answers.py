"""The scores of one answer, and the rules behind them; what each score means stands in `nouns`.

**The three outcomes, defined once.** Every question with gold answers ends in exactly one of them:
*right*: EM = 1, or F1 >= 0.5 against a gold answer whose numbers all stand in the answer (where the question offers
choices: the answer picks the right one); *hallucinated*: answered and not right, and for a question without an answer:
answered at all; *abstained*: declined to answer, or said nothing. Over questions that have gold, the three rates sum to
1. A question that failed with an error is in none of them and is counted apart. Summaries and translations have no
right or wrong: they are compared with their references instead.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

from firmground.eval.metrics.choices import RULES, Rule, likeliest_choice, picked_choice
from firmground.eval.metrics.normalise import (
    Language,
    cmrc_text,
    cmrc_tokens,
    has_run,
    language_of,
    squad_text,
    squad_tokens,
    word_tokens,
)
from firmground.eval.metrics.nouns import METRICS, RUN_METRICS, STATUSES, Metric, Status, metric
from firmground.eval.metrics.numbers import number_values
from firmground.eval.metrics.ranking import ranking_scores
from firmground.eval.metrics.texts import REFERENCE_TASKS, bleu, chrf, rouge_l
from firmground.eval.types import Example
from firmground.rag.arms import Arm
from firmground.rag.types import Answer, Claim

__all__ = [
    "METRICS",
    "RIGHT_F1",
    "RUN_METRICS",
    "STATUSES",
    "Metric",
    "Status",
    "exact_match",
    "example_language",
    "gold_answers",
    "is_right",
    "match",
    "metric",
    "picked_choice",
    "score_answer",
    "token_f1",
    "unsupported_share",
]

RIGHT_F1 = 0.5  # an answer is right from this token F1 on, if its numbers are

Scores = dict[str, float | str]  # a number, or one of STATUSES


def exact_match(answer: str, golds: Sequence[str], language: Language = "en") -> float:
    """1.0 if the normalised answer equals a normalised gold answer, else 0.0. `golds` isn't empty."""
    normalised = cmrc_text if language == "zh" else squad_text
    return float(any(normalised(answer) == normalised(gold) for gold in _compared(golds, language)))


def token_f1(answer: str, golds: Sequence[str], language: Language = "en") -> float:
    """F1 in [0, 1] against the best gold answer; symmetric. `golds` isn't empty.

    English counts shared tokens as a bag (SQuAD 2.0, where two empty texts score 1). Chinese counts the longest common
    run of tokens (CMRC 2018; there two empty texts score 0, here 1, so that an answer always equals itself).
    """
    tokens = cmrc_tokens if language == "zh" else squad_tokens
    shared = _longest_run if language == "zh" else _shared
    return max(_f1(tokens(answer), tokens(gold), shared) for gold in _compared(golds, language))


def _compared(golds: Sequence[str], language: Language) -> Sequence[str]:
    """SQuAD 2.0 leaves out a gold answer of which normalisation leaves nothing ("A"), if there is another."""
    return golds if language == "zh" else [gold for gold in golds if squad_text(gold)] or golds


def _f1(answer: list[str], gold: list[str], shared) -> float:
    if not answer or not gold:
        return float(answer == gold)
    same = shared(answer, gold)
    return 2 * same / (len(answer) + len(gold))  # = 2pr / (p + r) with p = same / |answer|, r = same / |gold|


def _shared(answer: list[str], gold: list[str]) -> int:
    return sum((Counter(answer) & Counter(gold)).values())


def _longest_run(answer: list[str], gold: list[str]) -> int:
    return difflib.SequenceMatcher(None, answer, gold, autojunk=False).find_longest_match().size


def match(answer: str, golds: Sequence[str], language: Language = "en") -> float:
    """1.0 if a gold answer stands in the answer as a run of tokens, else 0.0. "art" doesn't stand in "party"."""
    if any(has_run(word_tokens(answer), word_tokens(gold)) for gold in golds):
        return 1.0
    return float(language == "en" and any(has_run(squad_tokens(answer), squad_tokens(gold)) for gold in golds))


def is_right(answer: str, golds: Sequence[str], language: Language = "en") -> bool:
    """Exact match, or F1 of at least 0.5 against a gold answer all of whose numbers stand in the answer.

    "27 minutes" isn't right against "24 minutes" (F1 0.5), "twenty-four minutes long" is. `golds` isn't empty.
    """
    if exact_match(answer, golds, language):
        return True
    said = number_values(answer)
    return any(token_f1(answer, [gold], language) >= RIGHT_F1 and number_values(gold) <= said for gold in golds)


def unsupported_share(claims: Sequence[Claim]) -> float | str:
    """Share of judged claims whose verdict is unsupported or contradicted, or the status that says why not."""
    if not claims:
        return "no_claims"
    judged = [claim for claim in claims if claim.verdict != "unverifiable"]
    if not judged:
        return "unverifiable"
    return sum(claim.verdict != "supported" for claim in judged) / len(judged)


def score_answer(example: Example, answer: Answer, arm: Arm) -> Scores:
    """Every metric of one answer: a number in [0, 1], or a status that says why there is none."""
    abstained = answer.abstained or not answer.text.strip()
    scores: Scores = {"coverage": float(not abstained)}
    if example.task in REFERENCE_TASKS:
        scores |= _reference_scores(example, answer.text, abstained)
    else:
        scores |= _text_scores(example, answer.text, abstained)
        scores |= _choice_scores(example, answer, arm, abstained)
        scores |= _outcome(example, answer.text, scores["accuracy"], abstained)
    scores["unsupported"] = "abstained" if abstained else unsupported_share(answer.claims)
    scores["declined_rightly"] = float(abstained) if not example.answerable else "answerable"
    if arm.num_passages:
        scores |= ranking_scores(example, answer.hits, arm.num_passages)
    return scores


def gold_answers(example: Example) -> tuple[str, ...]:
    """What an answer is held against; empty where nothing is known, or the question has no answer."""
    if not example.answerable:
        return ()
    return example.answers or ((example.answer,) if example.answer else ())


def example_language(example: Example) -> Language:
    """Which scorer a question takes: its `language` field where it has one, else the script it is written in."""
    named = str(example.metadata.get("language") or example.metadata.get("lang") or "").lower()
    if named[:2] in ("en", "zh"):
        return "zh" if named.startswith("zh") else "en"
    return language_of(example.question, *gold_answers(example)[:1])


def _text_scores(example: Example, text: str, abstained: bool) -> Scores:
    golds, language = gold_answers(example), example_language(example)
    names = ("em", "f1", "match")
    if not golds:
        return dict.fromkeys(names, "no_gold" if example.answerable else "unanswerable")
    if abstained:
        return dict.fromkeys(names, 0.0)
    functions = (exact_match, token_f1, match)
    return {name: function(text, golds, language) for name, function in zip(names, functions, strict=True)}


def _reference_scores(example: Example, text: str, abstained: bool) -> Scores:
    """ROUGE-L, BLEU and chrF of a summary or a translation, in the references' language."""
    names, golds = ("rouge_l", "bleu", "chrf"), gold_answers(example)
    others = ("em", "f1", "match", "accuracy", "right", "hallucination")
    scores: Scores = {**dict.fromkeys(others, "other_task"), "abstained": float(abstained)}
    if not golds:
        return scores | dict.fromkeys(names, "no_gold")
    if abstained:
        return scores | dict.fromkeys(names, 0.0)
    language = language_of(*golds)
    values = (rouge_l(text, golds, language), bleu(text, golds, language), chrf(text, golds))
    return scores | dict(zip(names, values, strict=True))


def _choice_scores(example: Example, answer: Answer, arm: Arm, abstained: bool) -> Scores:
    """`accuracy`, and what it would be by each of the rules where the choices were weighed by likelihood."""
    if example.answer is None or not (example.choices or example.task == "label"):
        return {"accuracy": "no_choices"}
    weighed = {f"accuracy_{rule}": _accuracy_by(rule, example, answer) for rule in RULES if answer.choices}
    if abstained:
        return dict.fromkeys(("accuracy", *weighed), 0.0)
    by_rule = weighed.get(f"accuracy_{arm.choose}", "no_prior")  # nothing weighed by that rule: the text tells
    return {"accuracy": _accuracy_by_text(example, answer.text) if by_rule == "no_prior" else by_rule} | weighed


def _accuracy_by(rule: Rule, example: Example, answer: Answer) -> float | str:
    picked = likeliest_choice(answer.choices, rule)
    return picked if isinstance(picked, str) else float(answer.choices[picked].text == example.answer)


def _accuracy_by_text(example: Example, text: str) -> float | str:
    if not example.choices:  # a label whose set isn't known
        return exact_match(text, [example.answer or ""], example_language(example))
    picked = picked_choice(text, example.choices)
    return "unparsed" if picked is None else float(example.choices[picked] == example.answer)


def _outcome(example: Example, text: str, accuracy: float | str, abstained: bool) -> Scores:
    names = ("right", "hallucination", "abstained")
    golds = gold_answers(example)
    if example.answerable and not golds:
        return dict.fromkeys(names, "no_gold")
    if abstained:
        return dict(zip(names, (0.0, 0.0, 1.0), strict=True))
    if accuracy != "no_choices":
        right = accuracy == 1.0
    else:
        right = bool(golds) and is_right(text, golds, example_language(example))
    return dict(zip(names, (float(right), float(not right), 0.0), strict=True))
