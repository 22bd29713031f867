"""Search by meaning, by words and by both, on question sets whose right passages are known; and the one weight's fit.

    python -m firmground.eval.bench.fusion --data DATA          each set with the weight that the other sets chose
    python -m firmground.eval.bench.fusion fit --data DATA      what every weight gives on every set

DATA holds folders with `corpus.jsonl` and `questions.jsonl` (qa/xquad-en, qa/xquad-zh, qa/clapnq, qa/worldtree, qasc);
qasc and the two bundled packs only help to choose the weight. Sets of one family (the same paragraphs in two languages)
are left out together. Chinese is measured with the English default encoder, which leaves it to the words, and, where
`firmground weights multilingual-e5-small` was run, with that. `--work FOLDER` keeps the knowledge bases.

nDCG@10 (Järvelin and Kekäläinen 2002) and recall@5 over passages; a document or a fact that is gold counts once, where
it is first found. Intervals: paired, fused less the better single one, whole paragraphs resampled.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmground.eval.stats import paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.errors import InputError
from firmground.knowledge.fuse import DENSE_WEIGHT, dense_weight, fuse, potential
from firmground.knowledge.lexical import telling_terms
from firmground.knowledge.load import load
from firmground.knowledge.packs import pack_documents
from firmground.knowledge.search import MIN_DEPTH
from firmground.knowledge.types import Encoder, Passage

WEIGHTS = tuple(step / 20 for step in range(1, 20))
METRICS = ("nDCG@10", "recall@5")
Rows = Sequence[int]  # of passages, in the order of the corpus


@dataclass(frozen=True)
class QuestionSet:
    """A corpus with its questions: `folder` in DATA, or a bundled pack where it is empty."""

    name: str
    folder: str
    encoder: str
    reported: bool = True  # the others only help to choose the weight

    @property
    def family(self) -> str:
        return self.name.partition("-")[0]

    @property
    def label(self) -> str:
        return f"{self.name} ({self.encoder})"


ENGLISH, CHINESE = weights.DEFAULT_ENCODER, weights.CHINESE_ENCODER
SETS = (
    QuestionSet("xquad-en", "qa/xquad-en", ENGLISH),
    QuestionSet("xquad-zh", "qa/xquad-zh", ENGLISH),
    QuestionSet("xquad-zh", "qa/xquad-zh", CHINESE),
    QuestionSet("clapnq", "qa/clapnq", ENGLISH),
    QuestionSet("worldtree", "qa/worldtree", ENGLISH),
    QuestionSet("qasc", "qasc", ENGLISH, reported=False),
    QuestionSet("commonsense-en", "", ENGLISH, reported=False),
    QuestionSet("commonsense-zh", "", CHINESE, reported=False),
)


@dataclass(frozen=True)
class Case:
    """A question with what each side found: the candidates' scores as `fuse` takes them, and which hold gold."""

    example: Example
    dense: dict[int, float]  # cosine of every candidate; empty where the encoder doesn't know the language
    lexical: dict[int, float]  # BM25
    most: float
    by_meaning: Rows
    by_words: Rows
    holds: dict[int, frozenset[str]]  # by passage: the gold that it is, or is of

    def figures(self, rows: Rows) -> tuple[float, float]:
        """nDCG@10 and recall@5 of passages in that order."""
        gold, seen = set(self.example.gold), set[str]()
        gains = []  # at each place: how many gold items are new
        for row in rows[:10]:
            new = self.holds[row] - seen
            seen |= new
            gains.append(min(1, len(new)))
        ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(gold))))
        gained = sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
        return gained / ideal, sum(gains[:5]) / len(gold)

    def fused(self, weight: float) -> tuple[float, float]:
        share = weight if self.dense else 0.0
        return self.figures([row for row, _ in fuse(self.dense, self.lexical, share, self.most)])


def cases(chosen: QuestionSet, data: Path, work: Path) -> list[Case]:
    """Every question of the set that names its gold, searched in a knowledge base made in `work` (or found there)."""
    encoder = SentenceEncoder(chosen.encoder)
    folder = data / chosen.folder
    documents = list(load(folder / "corpus.jsonl")) if chosen.folder else pack_documents(chosen.name)
    questions = load_questions(folder / "questions.jsonl" if chosen.folder else chosen.name)
    examples = [example for example in questions if example.gold]
    with KnowledgeBase.create(work / f"{chosen.name}-{chosen.encoder}", encoder, exist_ok=True) as base:
        base.add(documents)
        passages = [passage for document in documents for passage in base.passages(document.id)]
        vectors = base.vectors([passage.id for passage in passages])
        queries = encoder.encode([example.question for example in examples], query=True)
        return [
            _case(example, query, base, passages, vectors, encoder)
            for example, query in zip(examples, queries, strict=True)
        ]


def _case(
    example: Example,
    query: np.ndarray,
    base: KnowledgeBase,
    passages: Sequence[Passage],
    vectors: np.ndarray,
    encoder: Encoder,
) -> Case:
    """As `KnowledgeBase.search` does it: the best of both sides, each with its exact cosine and its BM25."""
    cosines = vectors @ query  # (passages,)
    by_meaning = np.argsort(-cosines, kind="stable")[:MIN_DEPTH].tolist()
    place = {passage.id: number for number, passage in enumerate(passages)}
    found = {
        place[hit.passage.id]: hit.score for hit in base.search(example.question, len(passages), "lexical", fold=False)
    }
    by_words = list(found)[:MIN_DEPTH]
    known = dense_weight(example.question, encoder) > 0
    candidates = dict.fromkeys([*by_meaning, *by_words])
    gold = set(example.gold)
    return Case(
        example,
        {row: float(cosines[row]) for row in candidates} if known else {},
        {row: found[row] for row in candidates if row in found},
        potential(len(telling_terms(example.question)), len(passages)),
        by_meaning,
        by_words,
        {row: frozenset(gold & {passages[row].document, passages[row].text}) for row in candidates},
    )


def curve(measured: Sequence[Case]) -> np.ndarray:
    """(weights, 2): mean nDCG@10 and recall@5 of the fused list at each of WEIGHTS."""
    return np.array([np.mean([case.fused(weight) for case in measured], axis=0) for weight in WEIGHTS])


def best_weight(curves: Sequence[np.ndarray]) -> float:
    """The weight with the highest mean of both figures over all sets, each counting the same; of ties the middle."""
    means = np.mean([curve.mean(axis=1) for curve in curves], axis=0)
    ties = np.flatnonzero(means >= means.max() - 1e-9)
    return WEIGHTS[int(ties[len(ties) // 2])]


def table(measured: dict[QuestionSet, list[Case]], curves: dict[QuestionSet, np.ndarray]) -> list[str]:
    """A line a reported set and metric: each side alone, fused with the weight that the other families chose."""
    lines = [f"{'set (encoder)':42}{'n':>6} {'metric':10}{'meaning':>8}{'words':>8}{'fused':>8}  fused - better single"]
    for chosen, found in measured.items():
        others = [curves[other] for other in curves if other.family != chosen.family]
        if not chosen.reported or not others:
            continue
        weight = best_weight(others)
        alone = np.array([[case.figures(case.by_meaning), case.figures(case.by_words)] for case in found])
        fused = np.array([case.fused(weight) for case in found])  # (n, 2)
        clusters = [case.example.cluster for case in found]
        for column, name in enumerate(METRICS):
            meaning, words = alone[:, 0, column], alone[:, 1, column]
            better = meaning if meaning.mean() > words.mean() else words
            gain = paired_interval(better, fused[:, column], clusters=clusters)
            share = f"weight {weight:g}" if found[0].dense else "weight 0: language unknown to the encoder"
            cells = "".join(f"{100 * values.mean():8.1f}" for values in (meaning, words, fused[:, column]))
            interval = f"{100 * (gain.value or 0):+.1f} [{100 * (gain.low or 0):+.1f}, {100 * (gain.high or 0):+.1f}]"
            lines.append(f"{chosen.label:42}{len(found):6} {name:10}{cells}  {interval}, {share}")
    return lines


def fit(curves: dict[QuestionSet, np.ndarray]) -> list[str]:
    """The mean of both figures at every weight, a line a set, and the weight that is best for all."""
    lines = [f"{'mean of nDCG@10 and recall@5':42}" + "".join(f"{weight:6.2f}" for weight in WEIGHTS)]
    for chosen, values in curves.items():
        lines.append(f"{chosen.label:42}" + "".join(f"{value:6.1f}" for value in 100 * values.mean(axis=1)))
    chosen_weight = best_weight(list(curves.values()))
    return [*lines, f"best on all: {chosen_weight:g} (DENSE_WEIGHT is {DENSE_WEIGHT:g})"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("action", nargs="?", choices=("table", "fit"), default="table")
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/ and qasc/")
    parser.add_argument("--work", type=Path, help="keep the knowledge bases in this folder")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        raise InputError(f"no folder {options.data}: give the one with qa/ and qasc/")
    here = [chosen for chosen in SETS if weights.is_here(chosen.encoder)]
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        measured = {chosen: cases(chosen, options.data, work) for chosen in here}
    # What an encoder doesn't know is found by words at every weight: it can't choose one.
    curves = {chosen: curve(found) for chosen, found in measured.items() if found[0].dense}
    print("\n".join(fit(curves) if options.action == "fit" else table(measured, curves)))
    for chosen in SETS:
        if chosen not in here:
            print(f"{chosen.label}: not measured; run `firmground weights {chosen.encoder}` first")


if __name__ == "__main__":
    main()
