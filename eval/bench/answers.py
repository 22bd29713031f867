"""The table of answers, set by set and arm by arm, and arms against arms at equal coverage.

    python -m firmground.eval.bench.answers RUN [RUN …] [--coverage 0.5]    of runs that `firmground compare` made
    python -m firmground.eval.bench.answers --data DATA --sets clapnq,commonsense-en --limit 60 --out runs

The second asks first: DATA holds qa/xquad-en, qa/xquad-zh and qa/clapnq; commonsense-en and -zh are the bundled packs.
Questions on documents whose id has an odd SHA-256 are asked, since prompts and settings were chosen on others, in an
order by chance. Run again, it goes on. CLAPNQ's gold answers are whole sentences, so there it is
`--arms plain,stock,augmented,longform,extractive --of longform`.

Markdown: of each run a row an arm (shares in per cent; F1 and hallucination rate with 95% intervals over whole
documents), then `augmented` (or another, `--of`) against every other arm that writes: the paired difference in F1 and
in hallucination rate where both answer everything they do, and where each keeps only the answers it is most confident
of, as many as the other. Confidence is the generator's own: the geometric mean of its tokens' probabilities. Which
answers are kept is taken as given by the interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.arm_files import chosen_arms
from firmground.eval.bench.decoding import knowledge_base, reported
from firmground.eval.compare import compare
from firmground.eval.metrics.calibration import most_confident
from firmground.eval.outcomes import read_outcomes
from firmground.eval.stats import Interval, mean_interval
from firmground.eval.summary.figures import Summary, rows_by_arm, summarise
from firmground.eval.tasks import load_questions
from firmground.eval.types import Outcome
from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.packs import base_folder
from firmground.rag.arms import AUGMENTED
from firmground.rag.assistant import Assistant

COLUMNS = {
    "EM": "em", "F1": "f1", "match": "match", "hallucinated": "hallucination",
    "citation precision": "citation_precision", "recall": "citation_recall", "abstained": "abstained",
}  # fmt: skip
SETS = ("xquad-en", "xquad-zh", "clapnq", "commonsense-en", "commonsense-zh")
WITH_INTERVAL = ("f1", "hallucination")
COMPARED = {"F1": "f1", "hallucinated": "hallucination"}


def ask(name: str, options: argparse.Namespace) -> Path:
    """Ask the set's reported questions by the arms; returns the run's folder."""
    language = name.rpartition("-")[2] if name != "clapnq" else "en"
    pack = name.startswith("commonsense")
    source = options.data / "qa" / name
    base = base_folder(name) if pack else knowledge_base(source / "corpus.jsonl", options.out / f"kb-{name}", language)
    examples = load_questions(name if pack else source / "questions.jsonl")
    examples[:] = reported(examples, options.limit)
    arms = chosen_arms(options.arms, options.arms_file)
    compare(Assistant.load(base, options.generator), examples, arms, options.out / name, batch_size=8)
    return options.out / name


def figures(name: str, summary: Summary) -> list[str]:
    """The run's rows, an arm each."""
    lines = []
    for arm, figure in summary["arms"].items():
        cells = [_cell(figure[metric], metric in WITH_INTERVAL) for metric in COLUMNS.values()]
        seconds = summary["cost"][arm]["seconds"]["value"]
        told = "–" if seconds is None else f"{seconds:.2f}"
        lines.append(f"| {name} | {arm} | {figure['hallucination']['n']} | {' | '.join(cells)} | {told} |")
    return lines


def differences(
    name: str, rows: Mapping[str, Mapping[str, Outcome]], coverage: float, mine: str = AUGMENTED.name
) -> list[str]:
    """The arm `mine` against each other arm with a confidence of its own: all answers, and the most confident alone."""
    own = rows.get(mine, {})
    lines = []
    for arm, theirs in rows.items():
        if arm == mine or all(row.confidence is None for row in theirs.values()):
            continue
        cells = []
        for metric in COMPARED.values():
            for wanted in (1.0, coverage):
                found, reached = at_equal_coverage(theirs, own, metric, wanted)
                cells.append(_shown(found) + (f" at {100 * reached:.1f}%" if reached < wanted else ""))
        if cells:
            lines.append(f"| {name} | {mine} − {arm} | {' | '.join(cells)} |")
    return lines


def at_equal_coverage(
    first: Mapping[str, Outcome], second: Mapping[str, Outcome], metric: str, coverage: float
) -> tuple[Interval, float]:
    """Mean of second - first over the answers each arm is most confident of, and the coverage that both reach.

    Of the questions where both have the metric; an arm can't cover more than it answered, so less than `coverage` where
    one declined more. What an arm doesn't keep counts 0, and all is divided by the coverage: so the mean of what it
    keeps.
    """
    both = [
        name for name in first
        if name in second and all(isinstance(rows[name].scores.get(metric), (int, float)) for rows in (first, second))
    ]  # fmt: skip
    if not both:
        return mean_interval([]), coverage
    answered = [sum(not rows[name].abstained for name in both) / len(both) for rows in (first, second)]
    reached = min(coverage, *answered)
    if reached == 0:
        return mean_interval([]), 0.0
    kept = [_kept([rows[name] for name in both], metric, reached) for rows in (first, second)]
    clusters = [first[name].cluster or name for name in both]
    bounds = (-1 / reached, 1 / reached)
    found = mean_interval((kept[1] - kept[0]) / reached, bounds, clusters=clusters)
    if found.low is None or found.high is None:
        return found, reached
    # A resample can hold more kept answers than the coverage says; the difference of two means never exceeds 1.
    return replace(found, low=max(-1.0, found.low), high=min(1.0, found.high)), reached


def _kept(rows: Sequence[Outcome], metric: str, coverage: float) -> np.ndarray:
    """(n,) the metric, times how much of the row is kept."""
    confidence = [-1.0 if row.abstained else row.confidence or 0.0 for row in rows]
    return most_confident(confidence, coverage) * np.array([float(row.scores[metric]) for row in rows])


def _cell(figure: Mapping[str, Any], interval: bool) -> str:
    if figure["value"] is None:
        return "–"
    text = f"{100 * figure['value']:.1f}"
    return f"{text} [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]" if interval and figure["n"] > 1 else text


def _shown(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "–"
    return f"{100 * found.value:+.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", help="folders that `firmground compare --out` made")
    parser.add_argument("--sets", default="", help=f"ask these first, with commas: {', '.join(SETS)}")
    parser.add_argument("--data", type=Path, help="holds qa/")
    parser.add_argument("--out", type=Path, help="folder for their knowledge bases and runs")
    parser.add_argument("--limit", type=int, default=60, help="questions of each set")
    parser.add_argument("--arms", default="plain,stock,augmented,extractive")
    parser.add_argument("--arms-file", type=Path, help="TOML file with arms of your own, as `compare` takes it")
    parser.add_argument("--of", default=AUGMENTED.name, help="the arm that is set against the others")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    parser.add_argument("--coverage", type=float, default=0.5, help="share of the questions that each arm keeps")
    options = parser.parse_args(arguments)
    if not 0 < options.coverage <= 1:
        raise InputError(f"--coverage is above 0 and at most 1, got {options.coverage:g}")
    table = [f"| set | arm | n | {' | '.join(COLUMNS)} | s |", "|---" * (len(COLUMNS) + 4) + "|"]
    pairs = [f"| set | paired | {' | '.join(f'{name} | at coverage {options.coverage:g}' for name in COMPARED)} |",
             "|---" * 6 + "|"]  # fmt: skip
    names = [name.strip() for name in options.sets.split(",") if name.strip()]
    if set(names) - set(SETS) or (names and not (options.data and options.out)) or not (names or options.runs):
        raise InputError(f"expected runs, or --data, --out and --sets of {', '.join(SETS)}; got {options.sets!r}")
    for run in [*options.runs, *(ask(name, options) for name in names)]:
        if not (run / "outcomes.jsonl").is_file():
            raise InputError(f"no outcomes.jsonl in {run}: give a folder that `firmground compare --out` made")
        outcomes = list(read_outcomes(run / "outcomes.jsonl"))
        table += figures(run.name, summarise(outcomes))
        pairs += differences(run.name, rows_by_arm(outcomes), options.coverage, options.of)
    print("\n".join([*table, "", *pairs]))


if __name__ == "__main__":
    main()
