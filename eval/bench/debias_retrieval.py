"""What the filters of `Arm.fair` do to the bias of retrieval, to what it finds, and to answers:

    python -m firmground.eval.bench.debias_retrieval --data ../shared/data --work FOLDER --out FILE

1. GenderBias-QA (`eval/bias/retrieval.py`): E_b, exposure and nDCG@10 without and with each filter, on the questions
   with an even SHA-256 (settings were chosen on the others) and on all.
2. What a score owes to gender: passages of XQuAD whose gender can be exchanged (`knowledge/swap.py`), in both
   languages; how far a question's cosine with one version is from that with the other; ideal 0.
3. The cost on ordinary questions: nDCG@10 and recall@5 on XQuAD (en, zh) and CLAPNQ, paired.
4. How the bias is carried into answers (`eval/bias/carried.py`); `--generator ""` leaves it out.

Sets whose encoder isn't here are named and left out. Documents are encoded once and kept in `--work`. Intervals: 95%,
whole topics or paragraphs resampled.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.bench.fusion import CHINESE, ENGLISH, SETS, QuestionSet
from firmground.eval.bias.carried import Fair, carried
from firmground.eval.bias.retrieval import FAIR, MODES, SET, Remembering, arm, read_genderbias, retrieval_effects
from firmground.eval.metrics.ranking import ndcg, recall
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.errors import InputError
from firmground.knowledge.load import load
from firmground.knowledge.swap import swap
from firmground.knowledge.types import Encoder
from firmground.rag.choose import ScoringGenerator
from firmground.rag.debias.retrieval import gender_of, names_gender, without_gender
from firmground.rag.retrieve import searched

REPORTED = {("xquad-en", ENGLISH), ("clapnq", ENGLISH), ("xquad-zh", CHINESE)}
UNFILTERED_FIRST: tuple[Fair, ...] = ("none", *FAIR)
Row = dict[str, Any]  # of the result: what, and its intervals


def genderbias(data: Path, encoder: Encoder, work: Path) -> Iterator[Row]:
    """The effects on the questions that nothing was chosen on, then on all."""
    file = genderbias_file(data)
    for unseen in (True, False):
        for effect in retrieval_effects(file, encoder, unseen=unseen, work=work):
            yield {"part": "bias", "encoder": encoder.name, "questions": "even" if unseen else "all", **asdict(effect)}


def genderbias_file(data: Path) -> Path:
    return data / "gender_rag" / "GenderBias-QA_train.csv"


def examples_of(chosen: QuestionSet, data: Path) -> list[Example]:
    return [one for one in load_questions(data / chosen.folder / "questions.jsonl") if one.gold]


def cost(chosen: QuestionSet, data: Path, base: KnowledgeBase) -> Iterator[Row]:
    """nDCG@10 and recall@5 of each way of search, without and with each filter."""
    examples = examples_of(chosen, data)
    asked, clusters = [one.question for one in examples], [one.cluster for one in examples]
    for mode in MODES:
        found = {fair: searched(base, arm(mode, fair), asked, [()] * len(asked)) for fair in UNFILTERED_FIRST}
        for name, figure, k in (("nDCG@10", ndcg, 10), ("recall@5", recall, 5)):
            scores = {fair: [figure(*pair, k) for pair in zip(examples, found[fair], strict=True)] for fair in found}
            for fair in FAIR:
                changed = [one != two for one, two in zip(scores["none"], scores[fair], strict=True)]
                yield {
                    "part": "cost",
                    "set": chosen.label,
                    "rows": mode,
                    "measure": name,
                    "filter": f"fair={fair}",
                    "before": asdict(mean_interval(scores["none"], clusters=clusters)),
                    "after": asdict(mean_interval(scores[fair], clusters=clusters)),
                    "change": asdict(paired_interval(scores["none"], scores[fair], clusters=clusters)),
                    "questions changed": int(sum(changed)),
                }


def owed_to_gender(chosen: QuestionSet, data: Path, base: KnowledgeBase, encoder: Encoder) -> Iterator[Row]:
    """|cosine with a passage - cosine with its counterpart|, over questions that name no gender and their passages."""
    pairs = []
    for example in examples_of(chosen, data):
        for passage in base.passages(example.gold[0]) if not names_gender(example.question) else ():
            other = swap(passage.text)
            if gender_of(passage.text) and other.changes and other.reversible:
                pairs.append((example, passage.text, other.text))
    questions = encoder.encode([example.question for example, _, _ in pairs], query=True)
    gaps = encoder.encode([text for _, text, _ in pairs]) - encoder.encode([text for _, _, text in pairs])
    filtered = without_gender(encoder)([example.question for example, _, _ in pairs], questions)
    before, after = (np.abs(np.einsum("nd,nd->n", some, gaps)) for some in (questions, filtered))
    clusters = [example.cluster for example, _, _ in pairs]
    yield {
        "part": "owed to gender",
        "set": chosen.label,
        "rows": f"{len({text for _, text, _ in pairs})} passages",
        "measure": "|cosine gap|",
        "filter": "fair=project",
        "before": asdict(mean_interval(before, (0.0, 2.0), clusters=clusters)),
        "after": asdict(mean_interval(after, (0.0, 2.0), clusters=clusters)),
        "change": asdict(paired_interval(before, after, (-2.0, 2.0), clusters=clusters)),
    }


def answers(data: Path, encoder: Encoder, generator: ScoringGenerator, work: Path) -> Iterator[Row]:
    """R_b = s · E_b + L_b on all questions."""
    questions = read_genderbias(genderbias_file(data))
    with KnowledgeBase.open(work / f"{SET}-{encoder.name}", encoder) as base:
        found = carried(base, generator, questions)
    head = {"part": "answers", "encoder": encoder.name}
    named = {"L_b": found.without_evidence, "s": found.sensitivity, "E_b": found.embedder, "R_b": found.answers}
    for name, interval in named.items():
        yield {**head, "measure": name, "before": asdict(interval)}
    for fair, (embedder, leaning, change) in found.filtered.items():
        yield {**head, "measure": "E_b", "filter": f"fair={fair}", "after": asdict(embedder)}
        yield {**head, "measure": "R_b", "filter": f"fair={fair}", "after": asdict(leaning), "change": asdict(change)}


def line(row: Row) -> str:
    what = [row.get(name, "") for name in ("part", "encoder", "questions", "set", "rows", "filter", "measure")]
    figures = [f"{name} {_figure(Interval(**row[name]))}" for name in ("before", "after", "change") if row.get(name)]
    return "  ".join([*(text for text in what if text), *figures, *_counted(row)])


def _figure(interval: Interval) -> str:
    bounds = "" if interval.low is None or interval.high is None else f" [{interval.low:+.4f}, {interval.high:+.4f}]"
    return f"{interval.value or 0:+.4f}{bounds} (n {interval.n})"


def _counted(row: Row) -> list[str]:
    return [f"questions changed {row['questions changed']}"] if "questions changed" in row else []


def rows(data: Path, work: Path, generator: str) -> Iterator[Row]:
    """All parts; what can be had at once comes first."""
    here = [name for name in (ENGLISH, CHINESE) if weights.is_here(name)]
    encoders: dict[str, Encoder] = {name: Remembering(SentenceEncoder(name)) for name in here}
    for chosen in SETS:
        if (chosen.name, chosen.encoder) in REPORTED and chosen.encoder in encoders:
            encoder = encoders[chosen.encoder]
            with KnowledgeBase.create(work / f"{chosen.name}-{chosen.encoder}", encoder, exist_ok=True) as base:
                base.add(load(data / chosen.folder / "corpus.jsonl"))
                yield from cost(chosen, data, base)
                if chosen.family == "xquad":
                    yield from owed_to_gender(chosen, data, base, encoder)
    for encoder in encoders.values():
        yield from genderbias(data, encoder, work)
    if generator:
        from firmground.rag.generators import load_generator

        writer: Any = load_generator(generator)
        yield from answers(data, encoders[ENGLISH], writer, work)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with gender_rag/ and qa/")
    parser.add_argument("--work", type=Path, help="keep the knowledge bases in this folder")
    parser.add_argument("--out", type=Path, help="write the rows here, as JSON lines")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR, help="whose answers are weighed; '': none")
    options = parser.parse_args(arguments)
    if not genderbias_file(options.data).is_file():
        raise InputError(f"no {genderbias_file(options.data)}: give the folder with gender_rag/ and qa/")
    made = []
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for row in rows(options.data, work, options.generator):
            made.append(row)
            print(line(row), flush=True)
    for name in (ENGLISH, CHINESE):
        if not weights.is_here(name):
            print(f"{name}: not measured; run `firmground weights {name}` first")
    if options.out:
        options.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), encoding="utf-8")


if __name__ == "__main__":
    main()
