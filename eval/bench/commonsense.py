"""The commonsense receipt: what facts are worth to a small model, and how much of that retrieval recovers.

    python -m firmground.eval.bench.commonsense --data DATA --out runs

QASC (eight choices) by likelihood over the choices, with what retrieval alone says of them counted in or not;
CommonsenseQA over the same facts, which don't speak of it: retrieval should break nothing. WorldTree, whose questions
come here without choices, by the likelihood of the gold answer (nats per character). The corpus is QASC's and
WorldTree's facts together, so every gold fact is in it and QASC's own facts are mostly about right answers: recall can
reach 1, and chains tell more than over a corpus of one's own.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from firmground.eval.bench.receipts import SETS, knowledge_base
from firmground.eval.compare import compare
from firmground.eval.outcomes import read_outcomes
from firmground.eval.stats import Interval, mean_interval, paired_interval, wilson_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example, Outcome
from firmground.knowledge import weights
from firmground.rag.arms import named_arms
from firmground.rag.assistant import Assistant
from firmground.rag.choose import only_best, weight
from firmground.rag.generators import load_generator
from firmground.rag.types import ChoiceScore

ARMS = "plain,augmented,oracle"
RESAMPLES = 10_000

Table = Mapping[str, np.ndarray]  # (n,) a way of answering, question by question


def recovered(
    plain: np.ndarray, augmented: np.ndarray, oracle: np.ndarray, seed: int = 0
) -> tuple[float, float, float]:
    """(share, low, high) of the oracle's gain over plain that retrieval has: a ratio of two paired means, with its 95%
    percentile interval over resampled questions. All three are (n,), question by question.

    Raises:
        ValueError: the oracle gains nothing, so that there is no share of it.
    """
    gain, most = augmented - plain, oracle - plain
    if most.mean() <= 0:
        raise ValueError(f"the gold facts gain nothing here ({most.mean():.3f}), so no share of it can be told")
    chosen = np.random.default_rng(seed).integers(0, len(plain), (RESAMPLES, len(plain)))
    gains, mosts = gain[chosen].mean(axis=1), most[chosen].mean(axis=1)
    low, high = np.quantile(gains[mosts > 0] / mosts[mosts > 0], (0.025, 0.975))
    return float(gain.mean() / most.mean()), float(low), float(high)


def with_gold_alone(example: Example) -> Example:
    """The question with its gold answer as the only choice: what is weighed is how likely that answer is."""
    return replace(example, choices=example.answers[:1], answer=example.answers[0], task="choice")


def nats(rows: Sequence[Outcome]) -> Table:
    """Nats per character of the only choice, by arm."""
    order = sorted({row.id for row in rows})
    values = {(row.arm, row.id): row.choices[0]["log_probability"] / len(row.choices[0]["text"]) for row in rows}
    return {arm: np.array([values[arm, name] for name in order]) for arm in dict.fromkeys(row.arm for row in rows)}


def accuracies(rows: Sequence[Outcome]) -> Table:
    """Whether each question was right, by what is counted. The rows tell it all: likelihoods, priors and links.

    plain        the model alone
    shown        the facts found for the question shown to the model; likelihood alone
    chains       how facts lead to the choices; no language model
    augmented    both, as the arm answers
    gold shown   the gold facts shown to the model; likelihood alone
    oracle       the gold facts shown, and how they lead to the choices
    """
    told = {(row.arm, row.id): row for row in rows}
    arms = {row.arm for row in rows}
    order = sorted({row.id for row in rows if all((arm, row.id) in told for arm in arms)})

    def right(arm: str, pick: Callable[[Sequence[ChoiceScore]], int | None]) -> np.ndarray:
        found = []
        for name in order:
            row = told[arm, name]
            picked = pick([ChoiceScore(**choice) for choice in row.choices])
            found.append(float(picked is not None and row.choices[picked]["text"] == row.metadata["answer"]))
        return np.array(found)

    table = {
        "plain": right("plain", _likeliest),
        "shown": right("augmented", _without_links),
        "chains": right("augmented", lambda scores: only_best([score.link or 0.0 for score in scores])),
        "augmented": right("augmented", _likeliest),
    }
    if "oracle" in arms:
        table |= {"gold shown": right("oracle", _without_links), "oracle": right("oracle", _likeliest)}
    return table


def _likeliest(scores: Sequence[ChoiceScore]) -> int:
    return int(np.argmax([weight(score, "pmi") for score in scores]))


def _without_links(scores: Sequence[ChoiceScore]) -> int:
    return _likeliest([replace(score, link=None) for score in scores])


def report(title: str, values: Table, scale: float, unit: str) -> list[str]:
    """The lines printed of one set: each way's mean, its gain, what it broke, and the share recovered."""
    bounds = (0.0, 1.0) if scale == 100 else None
    plain = values["plain"]
    rows = [f"{title}, n = {len(plain)}"]
    for way, numbers in values.items():
        line = f"  {way:<10} {_figure(mean_interval(numbers, bounds), scale)} {unit}"
        if way != "plain":
            line += f"; − plain: {_paired(plain, numbers, scale, bounds)}"
        if scale == 100 and way != "plain" and plain.any():
            wrong = int((plain > numbers).sum())
            told = wilson_interval(wrong, int(plain.sum()))
            line += f"; broke {wrong} of the {int(plain.sum())} that plain had right, {_figure(told, 100).strip()} %"
        rows.append(line)
    if "shown" in values:
        for way in ("shown", "chains"):
            rows.append(f"  augmented − {way}: {_paired(values[way], values['augmented'], scale, bounds)} (paired)")
    for most in ("gold shown", "oracle"):
        if most not in values or values[most].mean() <= plain.mean():
            continue
        share, low, high = recovered(plain, values["augmented"], values[most])
        rows.append(f"  augmented recovers {100 * share:.0f}% [{100 * low:.0f}, {100 * high:.0f}] of what {most} gains")
    return rows


def _paired(plain: np.ndarray, other: np.ndarray, scale: float, bounds: tuple[float, float] | None) -> str:
    return _figure(paired_interval(plain.tolist(), other.tolist(), bounds and (-1.0, 1.0)), scale).strip()


def _figure(found: Interval, scale: float) -> str:
    """ "32.50 [28.10, 37.20]"; a figure without bounds stands alone."""
    if found.value is None or found.low is None or found.high is None:
        return f"{scale * (found.value or 0.0):7.2f}"
    return f"{scale * found.value:7.2f} [{scale * found.low:.2f}, {scale * found.high:.2f}]"


def even(identity: str) -> bool:
    """Whether a question is of the half that constants were chosen on."""
    return hashlib.sha256(identity.encode()).digest()[0] % 2 == 0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--only", default="QASC,CommonsenseQA,WorldTree", help="sets, with commas")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    options = parser.parse_args(arguments)
    generator = load_generator(options.generator)
    facts = next(one for one in SETS if one.name == "QASC")
    for name in options.only.split(","):
        one = next(one for one in SETS if one.name == name)
        examples = load_questions(options.data / one.questions, limit=options.limit)
        if name == "WorldTree":
            examples[:] = [with_gold_alone(example) for example in examples]
        base = Assistant.load(knowledge_base(facts, options.data, options.out), None).knowledge
        folder = options.out / f"commonsense-{name.lower()}"
        arms = ARMS if name != "CommonsenseQA" else "plain,augmented"
        compare(Assistant(base, generator), examples, named_arms(arms), folder)
        print("\n".join(lines(name, read_outcomes(folder / "outcomes.jsonl"))), flush=True)


def lines(name: str, rows: Sequence[Outcome]) -> list[str]:
    """What is printed of one set's run; of QASC the half that nothing was chosen on, too."""
    if name == "WorldTree":
        return report(name, nats(rows), 1.0, "nats/character")
    parts = [report(name, accuracies(rows), 100.0, "% right")]
    if name == "QASC":
        others = [row for row in rows if not even(row.id)]
        parts.append(report(f"{name}, questions with an odd SHA-256", accuracies(others), 100.0, "% right"))
    return [line for part in parts for line in part]


if __name__ == "__main__":
    main()
