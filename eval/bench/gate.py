"""The evidence gate (`rag/gate.py`): does its probability tell what the evidence answers from what it doesn't?

    python -m firmground.eval.bench.gate --data DATA [--work FOLDER]             the quoting arm, every question
    python -m firmground.eval.bench.gate --data DATA --arm augmented --limit 60  an arm that generates, on a sample
    python -m firmground.eval.bench.gate fit --data DATA [--work FOLDER]         the calibrations' constants
    python -m firmground.eval.bench.gate own --data DATA [--work FOLDER]         a gate fitted to each set, see below

DATA holds qa/xquad-en, qa/xquad-zh, qa/clapnq, commonsenseqa and cmrc2018. Fitted on XQuAD's questions on paragraphs
whose id has an even SHA-256, and on every second question of CommonsenseQA (en) and CMRC 2018 (zh), which the
paragraphs don't answer; reported on the other paragraphs, CLAPNQ and the two bundled packs. Of every second XQuAD
question the own paragraph is withheld from what was found: what is left speaks of the same matter and doesn't answer.

For each set, with a gate at `--gate`: AUROC of the probability (positive: the passage that answers was found); share of
abstentions that are right (precision) and of unanswerable questions that get one (recall); token F1 of answerable
questions and the hallucination rate of all, each without the gate and the paired difference; the area under the
risk-coverage curve when the least probable are left out first, beside the error rate (the area of a blind order).
Intervals: 95%, whole paragraphs resampled.

`own`: what `firmground adapt gate` does, for each set: threshold, and weights where need be, from the questions on
documents with an even hash, reported on the others. Its risk is the share, of the questions let through, that what was
found doesn't answer; no answer is written.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.bench.gate_fit import Case, Gate, GateReport, find_cases, fit, halves, is_odd, logistic
from firmground.eval.bench.gate_fit import measure as measure_own
from firmground.eval.bench.verifier_statistics import auroc, auroc_at, interval
from firmground.eval.metrics.answers import score_answer
from firmground.eval.metrics.calibration import area_under_risk_coverage, risk_coverage
from firmground.eval.stats.intervals import mean_interval, paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.errors import InputError
from firmground.knowledge.load import load
from firmground.knowledge.packs import pack_documents
from firmground.rag.arms import ANSWERING, EXTRACTIVE, Arm
from firmground.rag.assistant import Assistant
from firmground.rag.gate import calibration, signals
from firmground.rag.generators import load_generator
from firmground.rag.types import Answer, Generator

ENGLISH, CHINESE = weights.DEFAULT_ENCODER, weights.CHINESE_ENCODER
FOREIGN = {"en": "commonsenseqa/dev_rand_split_half.jsonl", "zh": "cmrc2018/cmrc2018_trial.json"}
NUM_FOREIGN = 150
COVERAGES = (0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class QuestionSet:
    """Questions over a corpus: `folder` in DATA, or a bundled pack where it is empty."""

    name: str
    folder: str
    language: str
    encoder: str

    @property
    def label(self) -> str:
        return f"{self.name} ({self.encoder})"


SETS = (
    QuestionSet("xquad-en", "qa/xquad-en", "en", ENGLISH),
    QuestionSet("clapnq", "qa/clapnq", "en", ENGLISH),
    QuestionSet("commonsense-en", "", "en", ENGLISH),
    QuestionSet("xquad-zh", "qa/xquad-zh", "zh", ENGLISH),
    QuestionSet("commonsense-zh", "", "zh", ENGLISH),
    QuestionSet("xquad-zh", "qa/xquad-zh", "zh", CHINESE),
    QuestionSet("commonsense-zh", "", "zh", CHINESE),
)
# What is fitted: a set, the encoder it is fitted for ("": words alone), its signals.
FITS = (
    (SETS[0], ENGLISH, ("sentence", "cosine", "ahead")),
    (SETS[0], "", ("sentence",)),
    (SETS[5], CHINESE, ("sentence", "cosine", "ahead")),
    (SETS[3], "", ("sentence",)),
)


def build(one: QuestionSet, data: Path, work: Path) -> KnowledgeBase:
    base = KnowledgeBase.create(work / f"{one.name}-{one.encoder}", SentenceEncoder(one.encoder), exist_ok=True)
    base.add(list(load(data / one.folder / "corpus.jsonl")) if one.folder else pack_documents(one.name))
    return base


def reported(one: QuestionSet, data: Path) -> list[Example]:
    """The set's questions that no constant was fitted on."""
    examples = load_questions(data / one.folder / "questions.jsonl" if one.folder else one.name)
    return [example for example in examples if not one.name.startswith("xquad") or is_odd(example.gold[0])]


def fitted(one: QuestionSet, data: Path) -> list[Example]:
    """XQuAD's other questions, and such as its paragraphs can't answer."""
    own = [example for example in load_questions(data / one.folder / "questions.jsonl") if not is_odd(example.gold[0])]
    foreign = load_questions(data / FOREIGN[one.language], skip_broken=True)
    strangers = [example for example in foreign if not is_odd(example.id)][:NUM_FOREIGN]
    return own + [replace(one, answers=(), gold=(), answerable=False, choices=(), answer=None) for one in strangers]


def find(base: KnowledgeBase, examples: Sequence[Example], withhold: bool) -> list[Case]:
    """What the arm finds for each question. `withhold`: every second one is left without its own passage."""
    k = EXTRACTIVE.num_passages
    cases = []
    for example, hits in zip(examples, base.search([one.question for one in examples], k=2 * k), strict=True):
        if withhold and example.gold and is_odd(f"evidence {example.id}"):
            hits = [hit for hit in hits if hit.passage.document not in example.gold]
            example = replace(example, answerable=False)
        cases.append(Case(example, tuple(hits[:k])))
    return cases


def fit_all(data: Path, work: Path) -> list[str]:
    """A line of `rag/gate.py`'s CALIBRATIONS for each fit, with its AUROC on what it was fitted on behind it."""
    lines = []
    for one, encoder, names in FITS:
        if not weights.is_here(one.encoder):
            continue
        with build(one, data, work) as base:
            cases = find(base, fitted(one, data), withhold=True)
        rows = [signals(case.example.question, case.hits) for case in cases]
        columns = np.array([[row[name] for name in names] for row in rows])
        truth = np.array([case.answered_by_hits for case in cases])
        intercept, slopes = logistic(columns, truth)
        told = ", ".join(f'"{name}": {slope:.2f}' for name, slope in zip(names, slopes, strict=True))
        score = auroc(truth, columns @ slopes)
        lines.append(
            f'Calibration("{one.language}", "{encoder}", {intercept:.2f}, {{{told}}}),'
            f"  # n {len(truth)}, AUROC {score:.3f}"
        )
    return lines


def measure(one: QuestionSet, cases: Sequence[Case], answers: Sequence[Answer], arm: Arm, gate: float) -> list[str]:
    """The set's lines of the report."""
    groups = [case.example.cluster for case in cases]
    chances = np.array([_chance(one, case) for case in cases])
    truth = np.array([case.answered_by_hits for case in cases])
    answerable = np.array([case.example.answerable for case in cases])
    open_gate = _scores(cases, answers, arm)
    kept = [
        answer if chance >= gate else replace(answer, text="", abstained=True, claims=())
        for answer, chance in zip(answers, chances, strict=True)
    ]
    gated = _scores(cases, kept, arm)
    declined = np.array([answer.abstained for answer in kept])
    right = open_gate["right"]
    lines = [f"{one.label}: n {len(cases)}, unanswerable {int((~answerable).sum())}, arm {arm.name}, gate {gate:g}"]
    low, high = interval(groups, partial(auroc_at, truth, chances))
    lines.append(f"  AUROC {auroc(truth, chances):.3f} [{low:.3f}, {high:.3f}]")
    precision = mean_interval((~answerable[declined]).astype(float), clusters=_at(groups, declined))
    recall = mean_interval(declined[~answerable].astype(float), clusters=_at(groups, ~answerable))
    lines.append(f"  abstention: precision {_percent(precision)}, recall {_percent(recall)}")
    for name, where in (("f1", answerable), ("hallucination", np.ones(len(cases), bool))):
        before, after = open_gate[name][where], gated[name][where]
        change = paired_interval(before, after, clusters=_at(groups, where))
        lines.append(f"  {name}: {100 * before.mean():.1f} -> {100 * after.mean():.1f} ({_percent(change, sign=True)})")
    area, blind = area_under_risk_coverage(chances.tolist(), right.tolist()), 1 - right.mean()
    curve = [_risk_at(chances, right, share) for share in COVERAGES]
    told = ", ".join(f"{100 * share:.0f}%: {100 * risk:.1f}" for share, risk in zip(COVERAGES, curve, strict=True))
    lines.append(f"  risk at coverage {told}; area {100 * area:.1f} (blind {100 * blind:.1f})")
    return lines


def own_lines(one: QuestionSet, cases: Sequence[Case]) -> list[str]:
    """A set's lines of `own`."""
    fitting, reporting = halves(cases)
    gate = fit(fitting, one.encoder)
    shipped = measure_own(Gate(gate.threshold), reporting, one.encoder)
    found = measure_own(gate, reporting, one.encoder)
    named = ", ".join(f"{weight:g}" for weight in gate.weights) or "those that ship"
    lines = [
        f"{one.label}: fitted on {len(fitting)}, reported on {found.n}; gate {gate.threshold:.3f}, weights {named}",
        f"  AUROC {found.auroc:.3f} [{found.auroc_interval[0]:.3f}, {found.auroc_interval[1]:.3f}], with the weights "
        f"that ship {shipped.auroc:.3f}{'' if found.helps else '; leave it off'}",
    ]
    return lines + told(found)


def told(found: GateReport) -> list[str]:
    curve = [next(risk for share, risk in found.curve if share >= wanted - 1e-9) for wanted in COVERAGES]
    points = ", ".join(f"{100 * share:.0f}%: {100 * risk:.1f}" for share, risk in zip(COVERAGES, curve, strict=True))
    return [
        f"  lets through {_percent(found.coverage)}; of these not answered {_percent(found.risk)}",
        f"  abstention: precision {_percent(found.precision)}, recall {_percent(found.recall)}",
        f"  risk at coverage {points}; area {100 * found.area:.1f} (blind {100 * found.blind:.1f})",
    ]


def _chance(one: QuestionSet, case: Case) -> float:
    found = signals(case.example.question, case.hits)
    return calibration(one.language, one.encoder, found).probability(found)


def _scores(cases: Sequence[Case], answers: Sequence[Answer], arm: Arm) -> dict[str, np.ndarray]:
    """(n,) of `right` and `hallucinated` in {0, 1}, and of token F1, in which an abstention counts 0."""
    rows = [score_answer(case.example, answer, arm) for case, answer in zip(cases, answers, strict=True)]
    return {name: np.array([_number(row.get(name)) for row in rows]) for name in ("right", "hallucination", "f1")}


def _number(value: Any) -> float:
    return value if isinstance(value, float) else 0.0


def _risk_at(chances: np.ndarray, right: np.ndarray, coverage: float) -> float:
    """The risk of the strictest gate that lets at least this share of the questions through."""
    return next(risk for share, risk in risk_coverage(chances.tolist(), right.tolist()) if share >= coverage - 1e-9)


def _at(groups: Sequence[str], where: np.ndarray) -> list[str]:
    return [group for group, is_there in zip(groups, where, strict=True) if is_there]


def _percent(figure: Any, sign: bool = False) -> str:
    if figure.value is None:
        return "- (none)"
    mark = "+" if sign else ""
    return f"{100 * figure.value:{mark}.1f} [{100 * figure.low:{mark}.1f}, {100 * figure.high:{mark}.1f}]"


def report_own(data: Path, work: Path, only: str) -> None:
    for one in SETS:
        if one.name.startswith(only) and weights.is_here(one.encoder):
            with build(one, data, work) as base:
                examples = load_questions(data / one.folder / "questions.jsonl" if one.folder else one.name)
                withhold = one.name.startswith("xquad")
                cases = find(base, examples, withhold=True) if withhold else find_cases(base, examples)
            print("\n".join(own_lines(one, cases)), flush=True)


def report(data: Path, work: Path, arm: Arm, gate: float, limit: int, only: str, generator: Generator | None) -> None:
    """Print the lines of every set whose name begins with `only`; `limit` questions of each, taken evenly, 0: all."""
    for one in SETS:
        if not one.name.startswith(only):
            continue
        if not weights.is_here(one.encoder):
            print(f"{one.label}: not measured; run `firmground weights {one.encoder}` first")
            continue
        examples = reported(one, data)
        examples = examples[:: max(1, len(examples) // limit)][:limit] if limit else examples
        with build(one, data, work) as base:
            cases = find(base, examples, withhold=one.name.startswith("xquad"))
            questions, hits = [case.example.question for case in cases], [case.hits for case in cases]
            answers = Assistant(base, generator).answer_batch(questions, replace(arm, gate=0.0), hits)
        print("\n".join(measure(one, cases, answers, arm, gate)), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("report", "fit", "own"), default="report")
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/, commonsenseqa/ and cmrc2018/")
    parser.add_argument("--work", type=Path, help="keep the knowledge bases in this folder")
    parser.add_argument("--arm", choices=list(ANSWERING), default=EXTRACTIVE.name)
    parser.add_argument("--gate", type=float, default=0.2, help="least probability at which evidence is used")
    parser.add_argument("--limit", type=int, default=0, help="questions of each set, taken evenly; 0: all")
    parser.add_argument("--only", default="", help="only sets whose name begins so, for instance xquad")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        raise InputError(f"no folder {options.data}: give the one with qa/")
    arm = ANSWERING[options.arm]
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if options.action == "fit":
            print("\n".join(fit_all(options.data, work)))
            return
        if options.action == "own":
            report_own(options.data, work, options.only)
            return
        generator = load_generator(weights.DEFAULT_GENERATOR) if arm.generator else None
        report(options.data, work, arm, options.gate, options.limit, options.only, generator)


if __name__ == "__main__":
    main()
