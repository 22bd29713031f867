"""Metrics: each a small noun that says what it means, which way is better and where it comes from, beside its function.

**The three outcomes, defined once.** Every question with gold answers ends in exactly one of them:
*right*: EM = 1 or F1 >= 0.5 against the best gold answer (where the question offers choices: the answer picks the
right one); *hallucinated*: answered and not right, and for a question without an answer: answered at all;
*abstained*: declined to answer, or said nothing. Over questions that have gold, the three rates sum to 1.
A question that failed with an error is in none of them and is counted apart.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from firmground.eval.normalise import (
    Language,
    cmrc_text,
    cmrc_tokens,
    has_run,
    language_of,
    squad_text,
    squad_tokens,
    word_tokens,
)
from firmground.eval.types import Direction, Example
from firmground.rag.arms import Arm
from firmground.rag.types import Answer, Claim

RIGHT_F1 = 0.5  # an answer is right from this token F1 on

_SQUAD = "SQuAD's evaluation script (arXiv 1606.05250); Chinese: CMRC 2018's (arXiv 1810.07366)"


@dataclass(frozen=True)
class Metric:
    """What a figure means. `low` and `high` bound its range; `ideal` is the best value; `source` says whose it is."""

    name: str
    title: str
    definition: str
    direction: Direction = "higher"
    ideal: float = 1.0
    low: float = 0.0
    high: float = 1.0
    source: str = "firmground"


_NOUNS = (
    Metric(
        "right",
        "Right",
        "Share of questions answered rightly: exact match, or token F1 of at least 0.5, against the best gold answer; "
        "where a question offers choices, the answer picks the right one. A wrong number with the right unit can pass: "
        "exact match, beside it, is strict.",
    ),
    Metric(
        "hallucination",
        "Hallucinated",
        "Share of questions answered, and not rightly. A question without an answer counts when it is answered at all.",
        direction="lower",
        ideal=0.0,
    ),
    Metric(
        "abstained",
        "Abstained",
        "Share of questions that the arm declined to answer, or answered with nothing.",
        direction="none",
        ideal=0.0,
    ),
    Metric("coverage", "Coverage", "Share of questions answered, rightly or not: 1 minus abstentions.", "none"),
    Metric(
        "em",
        "Exact match",
        "The answer equals a gold answer after normalisation. Over answerable questions; an abstention earns 0.",
        source=_SQUAD,
    ),
    Metric(
        "f1",
        "Token F1",
        "Overlap of the answer with the best gold answer: shared words in English, the longest shared run of "
        "characters in Chinese. Over answerable questions; an abstention earns 0; unanswerable questions are left out.",
        source=_SQUAD,
    ),
    Metric(
        "match",
        "Match",
        "A gold answer stands in the answer, as whole words in English and as a run of characters in Chinese, with "
        "punctuation removed or read as a space. Over answerable questions; an abstention earns 0.",
        source="as in PopQA (arXiv 2212.10511) and BERGEN (arXiv 2407.01102), but never inside a word",
    ),
    Metric(
        "accuracy",
        "Accuracy",
        "Share of multiple-choice questions whose answer picks the right choice. An answer that names no single choice "
        "is unparsed and counted apart; an abstention earns 0.",
    ),
    Metric(
        "unsupported",
        "Unsupported claims",
        "Per answer, the share of its claims that the verifier doesn't find supported by the evidence pooled over all "
        "arms; averaged over answers that make claims. The same evidence judges every arm.",
        direction="lower",
        ideal=0.0,
    ),
    Metric(
        "declined_rightly",
        "Declined rightly",
        "Share of the unanswerable questions that the arm declined to answer.",
    ),
)
METRICS = {metric.name: metric for metric in _NOUNS}


def metric(name: str) -> Metric:
    """The noun behind a name in `scores`; `recall@4` is made on the way. Raises KeyError for any other name."""
    kind, _, k = name.partition("@")
    if kind == "recall" and k.isdigit():
        definition = f"Share of the question's gold documents or facts found among the first {k} passages retrieved."
        return Metric(name, f"Recall@{k}", definition, source="standard in information retrieval")
    return METRICS[name]


def exact_match(answer: str, golds: Sequence[str], language: Language = "en") -> float:
    """1.0 if the normalised answer equals a normalised gold answer, else 0.0. `golds` isn't empty."""
    normalised = cmrc_text if language == "zh" else squad_text
    return float(any(normalised(answer) == normalised(gold) for gold in golds))


def token_f1(answer: str, golds: Sequence[str], language: Language = "en") -> float:
    """F1 in [0, 1] against the best gold answer; symmetric. `golds` isn't empty.

    English counts shared tokens as a bag (SQuAD 2.0, where two empty texts score 1). Chinese counts the longest common
    run of tokens (CMRC 2018; there two empty texts score 0, here 1, so that an answer always equals itself).
    """
    tokens = cmrc_tokens if language == "zh" else squad_tokens
    shared = _longest_run if language == "zh" else _shared
    return max(_f1(tokens(answer), tokens(gold), shared) for gold in golds)


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


def unsupported_share(claims: Sequence[Claim]) -> float | str:
    """Share of judged claims whose verdict is unsupported or contradicted, or the status that says why not."""
    if not claims:
        return "no_claims"
    judged = [claim for claim in claims if claim.verdict != "unverifiable"]
    if not judged:
        return "unverifiable"
    return sum(claim.verdict != "supported" for claim in judged) / len(judged)


def recall(example: Example, answer: Answer, k: int) -> float:
    """Share in [0, 1] of the gold found in the first k hits: a document by its id, a fact where its words stand."""
    facts = set(example.metadata.get("facts") or ())
    hits = answer.hits[:k]
    documents = {hit.passage.document for hit in hits}
    texts = [word_tokens(hit.passage.text) for hit in hits]
    found = [
        any(has_run(text, word_tokens(gold)) for text in texts) if gold in facts else gold in documents
        for gold in example.gold
    ]
    return sum(found) / len(found)


def score_answer(example: Example, answer: Answer, arm: Arm) -> dict[str, float | str]:
    """Every metric of one answer: a number in [0, 1], or a status that says why there is none."""
    abstained = answer.abstained or not answer.text.strip()
    scores: dict[str, float | str] = {"coverage": float(not abstained)}
    scores |= _text_scores(example, answer.text, abstained)
    scores |= _outcome(example, scores, abstained)
    scores["unsupported"] = "abstained" if abstained else unsupported_share(answer.claims)
    scores["declined_rightly"] = float(abstained) if not example.answerable else "answerable"
    if arm.num_passages:
        k = arm.num_passages
        scores[f"recall@{k}"] = recall(example, answer, k) if example.gold else "no_passage"
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


def _text_scores(example: Example, text: str, abstained: bool) -> dict[str, float | str]:
    golds, language = gold_answers(example), example_language(example)
    scores: dict[str, float | str]
    if not golds:
        scores = dict.fromkeys(("em", "f1", "match"), "no_gold" if example.answerable else "unanswerable")
    elif abstained:
        scores = dict.fromkeys(("em", "f1", "match"), 0.0)
    else:
        functions = {"em": exact_match, "f1": token_f1, "match": match}
        scores = {name: function(text, golds, language) for name, function in functions.items()}
    return scores | {"accuracy": _accuracy(example, text, abstained)}


def _accuracy(example: Example, text: str, abstained: bool) -> float | str:
    if not example.choices or example.answer is None:
        return "no_choices"
    if abstained:
        return 0.0
    picked = picked_choice(text, example.choices)
    return "unparsed" if picked is None else float(example.choices[picked] == example.answer)


def _outcome(example: Example, scores: dict[str, float | str], abstained: bool) -> dict[str, float | str]:
    names = ("right", "hallucination", "abstained")
    if example.answerable and not gold_answers(example):
        return dict.fromkeys(names, "no_gold")
    if abstained:
        return dict(zip(names, (0.0, 0.0, 1.0), strict=True))
    if scores["accuracy"] != "no_choices":
        right = scores["accuracy"] == 1.0
    else:
        right = scores["em"] == 1.0 or (isinstance(scores["f1"], float) and scores["f1"] >= RIGHT_F1)
    return dict(zip(names, (float(right), float(not right), 0.0), strict=True))
