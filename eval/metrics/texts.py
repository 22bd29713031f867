"""A text against reference texts: ROUGE-L, BLEU and chrF, each in [0, 1], for summaries and translations.

The language is that of the references. Chinese is compared by characters: ROUGE-L takes every Chinese character as a
token beside whole Latin words and numbers (full-width forms read as half-width ones), BLEU takes sacrebleu's "zh"
tokeniser, which does the same and keeps punctuation. chrF is by characters in every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from firmground.eval.metrics.normalise import Language, language_of
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError

REFERENCE_TASKS = ("summary", "translation")

_WORD = re.compile(r"[a-z0-9]+")
_WORD_OR_CHARACTER = re.compile(r"[a-z0-9]+|[\u3400-\u4dbf\u4e00-\u9fff]")
_TOKENISERS = {"en": "13a", "zh": "zh"}  # sacrebleu's names; 13a is mteval's, its default


@dataclass(frozen=True)
class CorpusScores:
    """BLEU and chrF of many texts together, in [0, 1], with sacrebleu's signatures: print them beside the figures."""

    bleu: float
    chrf: float
    n: int
    bleu_signature: str
    chrf_signature: str


def rouge_l(text: str, references: Sequence[str], language: Language = "en") -> float:
    """F-measure in [0, 1] of the longest common subsequence, of the best reference. `references` isn't empty.

    Lin 2004 (https://aclanthology.org/W04-1013) with beta = 1, without stemming: the rouge-score package's default.
    A text without any token scores 0, also against itself.
    """
    return max(_rouge_l(rouge_tokens(text, language), rouge_tokens(gold, language)) for gold in references)


def rouge_tokens(text: str, language: Language = "en") -> list[str]:
    """English: runs of a–z and 0–9 in lower case, as rouge-score (é parts a word). Chinese: characters beside these."""
    if language == "en":
        return _WORD.findall(text.lower())
    return _WORD_OR_CHARACTER.findall(unicodedata.normalize("NFKC", text).lower())


def _rouge_l(text: Sequence[str], gold: Sequence[str]) -> float:
    return 2 * common_subsequence(text, gold) / (len(text) + len(gold)) if text and gold else 0.0


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of the table at once as the bits of one integer.

    Hyyrö 2004, "Bit-Parallel LCS-length Computation Revisited" (AWOCA): where a bit is 0, the row grows by one there.
    """
    places: dict[str, int] = {}
    for place, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << place
    everything = (1 << len(first)) - 1
    row = everything
    for token in second:
        same = row & places.get(token, 0)
        row = ((row + same) | (row - same)) & everything
    return len(first) - row.bit_count()


def bleu(text: str, references: Sequence[str], language: Language = "en") -> float:
    """BLEU of one text in [0, 1] by sacrebleu, smoothed ("exp") and with n-grams no longer than the text.

    Chen and Cherry 2014 (https://aclanthology.org/W14-3346), method 3. `references` isn't empty.
    """
    from sacrebleu.metrics import BLEU

    scorer = BLEU(tokenize=_TOKENISERS[language], effective_order=True)
    return _unit(scorer.sentence_score(text, list(references)).score)


def chrf(text: str, references: Sequence[str]) -> float:
    """chrF2 of one text in [0, 1] by sacrebleu: characters only, white space ignored. `references` isn't empty."""
    from sacrebleu.metrics import CHRF

    return _unit(CHRF().sentence_score(text, list(references)).score)


def corpus_scores(texts: Sequence[str], references: Sequence[Sequence[str]], language: Language = "en") -> CorpusScores:
    """BLEU and chrF of all texts together, by sacrebleu. Texts may have different numbers of references.

    Raises:
        InputError: no texts, or a text without references.
    """
    if not texts or len(texts) != len(references) or not all(references):
        raise InputError(f"expected texts with references, got {len(texts)} texts and {len(references)} lists")
    from sacrebleu.metrics import BLEU, CHRF

    most = max(map(len, references))
    streams: list[Any] = [[row[place] if place < len(row) else None for row in references] for place in range(most)]
    by_words, by_characters = BLEU(tokenize=_TOKENISERS[language]), CHRF()
    return CorpusScores(
        bleu=_unit(by_words.corpus_score(list(texts), streams).score),
        chrf=_unit(by_characters.corpus_score(list(texts), streams).score),
        n=len(texts),
        bleu_signature=str(by_words.get_signature()),
        chrf_signature=str(by_characters.get_signature()),
    )


def corpus_figures(outcomes: Iterable[Outcome]) -> dict[Language, CorpusScores]:
    """One arm's summaries and translations together, for each language of the references; empty where there are none.

    An abstention is an empty text; rows that failed or have no reference are left out (`n` says how many are in).
    """
    rows: dict[Language, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.task in REFERENCE_TASKS and outcome.answers and not outcome.error:
            rows.setdefault(language_of(*outcome.answers), []).append(outcome)
    return {
        language: corpus_scores(
            ["" if row.abstained else row.answer for row in mine], [row.answers for row in mine], language
        )
        for language, mine in rows.items()
    }


def _unit(score: float) -> float:
    """sacrebleu's 0 to 100 (and a rounding error above) as [0, 1]."""
    return min(1.0, score / 100)
