"""From ablations to attributions: which sources carry the answer.

leave-one-out   exact: one ablation a source. Two sources that say the same hide each other.
contextcite     a sparse linear surrogate, fitted by Lasso on ablations that keep each source or not by a fair coin:
                Cohen-Wang et al. 2024 (https://arxiv.org/abs/2409.00729), algorithm 1 and appendix B. As in their code
                (https://github.com/MadryLab/context-cite) the outputs are divided by the answer's tokens, the masks
                standardised, and alpha is 0.01.
"""

from __future__ import annotations

import numpy as np

from firmground.rag.explain.ablations import Ablations, logit, spearman, subsets, top_drops
from firmground.rag.explain.types import Attribution, Method

ABLATIONS = 64  # that a surrogate is fitted on, as in the paper
CHECKS = 32  # ablations that leave-one-out and attention are held to
ALPHA = 0.01  # Lasso's penalty, as in the authors' code
FOLDS = 8  # for predicting ablations by surrogates that haven't seen them


def leave_one_out(ablations: Ablations) -> Attribution:
    """What the answer loses without each source alone, exactly."""
    singles = ~np.eye(len(ablations.sources), dtype=bool)
    ablations.log_probabilities(np.vstack([ablations.ends, singles, subsets(len(singles), CHECKS)]))  # all in one call
    return held_to_account(ablations, "leave-one-out", drops(ablations))


def drops(ablations: Ablations) -> np.ndarray:
    """(sources,) nats that the answer's log-probability loses without each source alone."""
    singles = ~np.eye(len(ablations.sources), dtype=bool)
    values = ablations.log_probabilities(np.vstack([ablations.full, singles]))
    return values[0] - values[1:]


def held_to_account(ablations: Ablations, method: Method, scores: np.ndarray) -> Attribution:
    """Scores that add up, with their figures: a prompt is predicted by the sum of what the sources it keeps score."""
    masks = subsets(len(scores), CHECKS)
    lds = spearman(masks @ scores, logit(ablations.log_probabilities(masks)))
    agreement = None if method == "leave-one-out" else spearman(scores, drops(ablations))
    return Attribution(method, tuple(map(float, scores)), top_drops(ablations, scores), lds, len(masks), agreement)


def contextcite(ablations: Ablations, with_agreement: bool = False) -> Attribution:
    """The surrogate's weights; `lds` by surrogates fitted on the other seven eighths of the ablations."""
    masks = subsets(len(ablations.sources), ABLATIONS)
    outputs = logit(ablations.log_probabilities(np.vstack([masks, ablations.ends]))[: len(masks)])
    scores, _ = surrogate(masks, outputs, ablations.num_tokens)
    predicted = np.zeros(len(masks))
    fold_of = np.random.default_rng(0).permutation(len(masks)) % FOLDS
    for fold in np.unique(fold_of):
        seen = fold_of != fold
        weights, bias = surrogate(masks[seen], outputs[seen], ablations.num_tokens)
        predicted[~seen] = masks[~seen] @ weights + bias
    agreement = spearman(scores, drops(ablations)) if with_agreement else None
    return Attribution(
        "contextcite", tuple(map(float, scores)), top_drops(ablations, scores), spearman(predicted, outputs),
        len(masks), agreement,
    )  # fmt: skip


def surrogate(masks: np.ndarray, outputs: np.ndarray, num_tokens: int) -> tuple[np.ndarray, float]:
    """(sources,) weights and the bias: outputs are about masks @ weights + bias.

    Args:
        masks: (n, sources) bool, which sources an ablation keeps.
        outputs: (n,) logits of the answer's probability.
        num_tokens: of the answer: the penalty is held against the output per token.
    """
    from sklearn.linear_model import Lasso

    columns = masks.astype(np.float64)
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    scale[scale == 0] = 1.0  # a source that is always kept, or never: its weight is 0
    fitted = Lasso(alpha=ALPHA).fit((columns - mean) / scale, outputs / num_tokens)
    weights = fitted.coef_ / scale
    return weights * num_tokens, float(fitted.intercept_ - mean @ weights) * num_tokens
