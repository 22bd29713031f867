"""The figures as nouns: what each means, which way is better, its range, and whose definition it is.

`METRICS` are the scores of a row (one example × one arm); `RUN_METRICS` the figures that only many rows together have.
A score is a number in the metric's range, or one of `STATUSES`, which says why there is none: never NaN, never a 0 that
wasn't earned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from firmground.eval.types import Direction

Status = Literal[
    "abstained",  # the arm declined, and what it would have said isn't known
    "answerable",  # the figure is about unanswerable questions
    "error",  # the question failed
    "no_choices",  # the question offers none
    "no_citations",  # no claim cites anything
    "no_claims",  # the answer makes none
    "no_gold",  # nothing is known to hold the answer against
    "no_passage",  # the question names no gold passage or fact
    "no_prior",  # the choices' probabilities without the question weren't asked for
    "other_task",  # the figure is for another kind of task
    "tied",  # two choices are equally likely: none is picked
    "unanswerable",  # the figure is about answerable questions
    "unparsed",  # the answer names no choice, or several
    "unverifiable",  # there was no evidence to judge by
]
STATUSES: tuple[Status, ...] = get_args(Status)

_SQUAD = "SQuAD's evaluation script (arXiv 1606.05250); Chinese: CMRC 2018's (arXiv 1810.07366)"
_SACREBLEU = "computed by sacrebleu (Post 2018, arXiv 1804.08771)"
_TREC = "as trec_eval computes it (https://trec.nist.gov/trec_eval/)"
_ALCE = "ALCE (arXiv 2305.14627), with firmground's verifier in the place of its NLI model"
_OF_REFERENCES = "Of summaries and translations. An abstention earns 0."


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


_OUTCOMES = (
    Metric(
        "right",
        "Right",
        "Share of questions answered rightly: exact match, or token F1 of at least 0.5 against a gold answer whose "
        "numbers all stand in the answer (digits, number words and Chinese numerals alike); where a question offers "
        "choices, the answer picks the right one.",
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
)

_ANSWERS = (
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
)

_CHOICES = (
    Metric(
        "accuracy",
        "Accuracy",
        "Share of questions with choices or labels whose answer picks the right one: by the arm's rule where the "
        "choices were weighed by likelihood, else by what it writes. An answer that names no single choice is "
        "unparsed, equally likely choices are tied, and both are counted apart; an abstention earns 0.",
    ),
    Metric(
        "accuracy_sum",
        "Accuracy by likelihood",
        "The same, picking the choice with the highest log-probability, summed over its tokens. Over questions whose "
        "choices were weighed.",
        source="`acc` of lm-evaluation-harness",
    ),
    Metric(
        "accuracy_characters",
        "Accuracy by likelihood per character",
        "The same, with the log-probability divided by the choice's length in characters, so that long choices "
        "aren't at a disadvantage.",
        source="`acc_norm` of lm-evaluation-harness",
    ),
    Metric(
        "accuracy_pmi",
        "Accuracy by mutual information",
        "The same, with the choice's log-probability without the question subtracted, so that common wordings have no "
        "advantage.",
        source="domain-conditional PMI (Holtzman et al. 2021, arXiv 2104.08315)",
    ),
)

_REFERENCES = (
    Metric(
        "rouge_l",
        "ROUGE-L",
        "F-measure of the longest common subsequence with the best reference: of lower-case words in English without "
        f"stemming, of characters (Latin words and numbers whole) in Chinese. {_OF_REFERENCES}",
        source="Lin 2004 (https://aclanthology.org/W04-1013); English as the rouge-score package",
    ),
    Metric(
        "bleu",
        "BLEU",
        "Geometric mean of the precision of runs of 1 to 4 words (in Chinese: characters), with a penalty for brevity; "
        f"here of single texts, smoothed. Compare systems by the figure over all texts. {_OF_REFERENCES}",
        source=f"Papineni et al. 2002 (https://aclanthology.org/P02-1040), {_SACREBLEU}",
    ),
    Metric(
        "chrf",
        "chrF",
        f"F-score (recall weighs twice) of runs of 1 to 6 characters with the best reference. {_OF_REFERENCES}",
        source=f"Popović 2015 (https://aclanthology.org/W15-3049), {_SACREBLEU}",
    ),
)

_CLAIMS = (
    Metric(
        "unsupported",
        "Unsupported claims",
        "Per answer, the share of its claims that the verifier doesn't find supported by the evidence pooled over all "
        "arms; averaged over answers that make claims. The same evidence judges every arm.",
        direction="lower",
        ideal=0.0,
    ),
    Metric(
        "citation_precision",
        "Citation precision",
        "Per answer, the share of its citations that are needed: their claim is supported by all its citations "
        "together, and the citation supports it alone, or the others don't without it. Over answers that cite.",
        source=_ALCE,
    ),
    Metric(
        "citation_recall",
        "Citation recall",
        "Per answer, the share of its claims that their citations together support; a claim without citations counts "
        "0. Over answers that make claims.",
        source=_ALCE,
    ),
    Metric(
        "declined_rightly",
        "Declined rightly",
        "Share of the unanswerable questions that the arm declined to answer.",
    ),
)

_RETRIEVAL = (
    Metric(
        "mrr",
        "MRR",
        "One over the place of the first passage retrieved that holds gold (a document or a fact); 0 where none does.",
        source=_TREC,
    ),
)

_CALIBRATION = (
    Metric(
        "ece",
        "Expected calibration error",
        "How far confidence is from the share that is right: the mean distance over ten bins of equal width, weighted "
        "by their answers. Over answers with a confidence.",
        direction="lower",
        ideal=0.0,
        source="Guo et al. 2017 (arXiv 1706.04599)",
    ),
    Metric(
        "brier",
        "Brier score",
        "Mean squared distance of confidence from 1 where the answer is right, from 0 where it isn't.",
        direction="lower",
        ideal=0.0,
        source="Brier 1950 (https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2)",
    ),
    Metric(
        "aurc",
        "Area under the risk–coverage curve",
        "Mean share of wrong answers among the most confident 1, 2, … all answers: what trusting confidence costs.",
        direction="lower",
        ideal=0.0,
        source="Geifman and El-Yaniv 2017 (arXiv 1705.08500); ties count as in a random order, on average",
    ),
)

_LABELS = tuple(
    Metric(
        f"macro_{name}",
        f"Macro {title}",
        f"The mean over labels of {meaning}. Labels that occur in gold or answers count; 0/0 counts as 0.",
        source="as scikit-learn computes it (average='macro')",
    )
    for name, title, meaning in (
        ("precision", "precision", "the share of its answers that are right"),
        ("recall", "recall", "the share of its questions that are answered rightly"),
        ("f1", "F1", "the harmonic mean of precision and recall"),
    )
)

_CORPUS = (
    Metric(
        "corpus_bleu",
        "BLEU of all texts",
        "BLEU from the counts of all texts together, unsmoothed unless a count is 0: the figure that papers report.",
        source=f"Papineni et al. 2002 (https://aclanthology.org/P02-1040), {_SACREBLEU}",
    ),
    Metric(
        "corpus_chrf",
        "chrF of all texts",
        "chrF from the counts of all texts together.",
        source=f"Popović 2015 (https://aclanthology.org/W15-3049), {_SACREBLEU}",
    ),
)

_LANGUAGE_MODEL = (
    Metric(
        "perplexity",
        "Perplexity",
        "How many equally likely tokens a model hesitates between, on average. Between models with one tokenizer only.",
        direction="lower",
        low=1.0,
        high=math.inf,
        source="Jelinek et al. 1977 (J. Acoust. Soc. Am. 62, S63)",
    ),
    Metric(
        "bits_per_byte",
        "Bits per byte",
        "How many bits a model needs for a byte of text (UTF-8). Models with different tokenizers compare.",
        direction="lower",
        ideal=0.0,
        high=math.inf,
        source="Gao et al. 2020 (arXiv 2101.00027)",
    ),
)

METRICS = {noun.name: noun for noun in (*_OUTCOMES, *_ANSWERS, *_CHOICES, *_REFERENCES, *_CLAIMS, *_RETRIEVAL)}
RUN_METRICS = {noun.name: noun for noun in (*_LABELS, *_CORPUS, *_CALIBRATION, *_LANGUAGE_MODEL)}


def metric(name: str) -> Metric:
    """The noun behind a name; `recall@4` and `ndcg@4` are made on the way. Raises KeyError for any other name."""
    kind, _, k = name.partition("@")
    if kind == "recall" and k.isdigit():
        definition = f"Share of the question's gold documents or facts found among the first {k} passages retrieved."
        return Metric(name, f"Recall@{k}", definition, source=_TREC)
    if kind == "ndcg" and k.isdigit():
        definition = (
            f"Gold documents or facts among the first {k} passages retrieved, each counted once and for less the later "
            "it comes (by the logarithm of its place), as a share of the best possible order."
        )
        return Metric(name, f"nDCG@{k}", definition, source=f"Järvelin and Kekäläinen 2002, {_TREC}")
    return METRICS[name] if name in METRICS else RUN_METRICS[name]
