"""A report on every public question set that is at hand: one command, one table.

    python -m firmground.eval.bench.receipts --data DATA --out runs --limit 40

DATA holds the sets in their authors' own files (`SETS` says where; what isn't there is left out and named). The
passages that a set brings are indexed; sets without any are asked over the bundled commonsense pack. Every set leaves a
folder with its outcomes, summary and report; the table goes to the terminal, as Markdown. Run again, it goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmground.eval.compare import compare
from firmground.eval.summary.figures import Summary
from firmground.eval.tasks import load_corpus, load_questions
from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.load import load_all
from firmground.knowledge.packs import base_folder
from firmground.rag.arms import named_arms
from firmground.rag.assistant import Assistant
from firmground.rag.generators import load_generator
from firmground.rag.ground import measured_error

PASSAGES = "plain,augmented,extractive,oracle,noise"
FACTS = "plain,augmented,oracle,noise"


@dataclass(frozen=True)
class Set:
    """A set of questions: its file in DATA, the files whose passages are indexed (none: the pack), arms, language."""

    name: str
    questions: str
    corpora: tuple[str, ...] = ()
    arms: str = PASSAGES
    language: str = "en"


SETS = (
    Set("XQuAD en", "xquad/xquad.en.json", ("xquad/xquad.en.json",)),
    Set("XQuAD zh", "xquad/xquad.zh.json", ("xquad/xquad.zh.json",), language="zh"),
    Set("CMRC 2018", "cmrc2018/cmrc2018_trial.json", ("cmrc2018/cmrc2018_trial.json",), language="zh"),
    Set("CLAPNQ, answerable", "clapnq/clapnq_dev_answerable.jsonl", ("clapnq/clapnq_dev_answerable.jsonl",)),
    Set(
        "CLAPNQ, unanswerable",
        "clapnq/clapnq_dev_unanswerable.jsonl",
        ("clapnq/clapnq_dev_answerable.jsonl",),
        "plain,augmented,extractive",
    ),
    Set("HaluEval QA", "halueval/qa_one-turn_data.json", ("halueval/qa_one-turn_data.json",)),
    Set("QASC", "qasc/questions.jsonl", ("qasc/corpus.jsonl", "qa/worldtree/corpus.jsonl"), FACTS),
    Set("WorldTree", "worldtree/questions_dev.jsonl", ("qasc/corpus.jsonl", "qa/worldtree/corpus.jsonl"), FACTS),
    Set("StrategyQA", "strategyqa/dev.json", ("strategyqa/dev.json",), FACTS),
    Set("CommonsenseQA", "commonsenseqa/dev_rand_split_half.jsonl", (), "plain,augmented"),
    Set("CREAK", "creak/dev.json", (), "plain,augmented"),
    Set("BBQ Age", "bbq/Age.jsonl", (), "plain,augmented"),
    Set("BBQ Religion", "bbq/Religion.jsonl", (), "plain,augmented"),
    Set("CBBQ gender, ambiguous", "cbbq/gender/ambiguous.json", (), "plain,augmented", "zh"),
    Set("CBBQ gender, disambiguated", "cbbq/gender/disambiguous.json", (), "plain,augmented", "zh"),
    Set("commonsense-en", "commonsense-en", (), PASSAGES),
    Set("commonsense-zh", "commonsense-zh", (), PASSAGES, "zh"),
)


def knowledge_base(one: Set, data: Path, out: Path) -> Path:
    """The folder of a base over the passages that the set brings, made where it isn't; or the bundled pack's."""
    if not one.corpora:
        return Path(base_folder(f"commonsense-{one.language}"))
    chinese = one.language == "zh" and weights.is_here(weights.CHINESE_ENCODER)
    encoder = SentenceEncoder(weights.CHINESE_ENCODER if chinese else weights.DEFAULT_ENCODER)
    folder = out / "knowledge" / "-".join(Path(file).parent.name + "-" + Path(file).stem for file in one.corpora)
    with KnowledgeBase.create(folder, encoder, exist_ok=True) as base:
        for file in one.corpora:
            plain = Path(file).name == "corpus.jsonl"  # documents as they are; else the passages of a question file
            base.add(load_all([data / file]) if plain else load_corpus(data / file))
    return folder


def run(one: Set, data: Path, out: Path, limit: int, generator: Any) -> Summary:
    """Ask `limit` questions of the set by its arms, and leave the report in its own folder of `out`.

    They are taken evenly from all of the file: its first ones often stand on one passage.
    """
    file = data / one.questions
    examples = load_questions(file if file.exists() else one.questions, skip_broken=True)
    examples[:] = examples[:: max(1, len(examples) // limit)][:limit]
    assistant = Assistant.load(knowledge_base(one, data, out), None)
    assistant = Assistant(assistant.knowledge, generator)
    folder = out / one.name.replace(",", "").replace(" ", "-").lower()
    return compare(
        assistant, examples, named_arms(one.arms), folder, verifier_error=measured_error(assistant.verifier.name),
        command=f"python -m firmground.eval.bench.receipts --data {data} --out {out} --limit {limit}",
    )  # fmt: skip


def lines(one: Set, summary: Summary) -> list[str]:
    """The set's rows of the table: an arm each."""
    rows = []
    for arm, figures in summary["arms"].items():
        score = "accuracy" if figures["accuracy"]["n"] else "f1"
        cells = [_percent(figures[name]) for name in ("right", "hallucination", "abstained", score)]
        failed = sum(summary["counts"]["error_kinds"][arm].values())
        seconds = summary["cost"][arm]["seconds"]["value"]  # None where every question failed
        rows.append(
            f"| {one.name} | {arm} | {figures['right']['n']} | {' | '.join(cells)} "
            f"| {_percent(figures['citation_recall'], interval=False)} "
            f"| {'–' if seconds is None else f'{seconds:.2f}'} | {failed or ''} |"
        )
    return rows


def _percent(figure: dict[str, Any], interval: bool = True) -> str:
    if figure["value"] is None:
        return "–"
    text = f"{100 * figure['value']:.1f}"
    return f"{text} [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]" if interval and figure["n"] > 1 else text


HEAD = (
    "| set | arm | n | right | hallucinated | abstained | F1, or accuracy of choices | citation recall | s | failed |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the reports")
    parser.add_argument("--limit", type=int, default=40, help="questions of each set, taken evenly")
    parser.add_argument("--only", default="", help="sets to run, by name, with semicolons")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    options = parser.parse_args(arguments)
    wanted = [name.strip() for name in options.only.split(";") if name.strip()]
    generator = load_generator(options.generator)
    print("\n".join(HEAD), flush=True)
    for one in SETS:
        if wanted and one.name not in wanted:
            continue
        bundled = one.questions == one.name
        if not bundled and not (options.data / one.questions).exists():
            print(f"| {one.name} | (no {one.questions}) | | | | | | | | |", flush=True)
            continue
        print("\n".join(lines(one, run(one, options.data, options.out, options.limit, generator))), flush=True)


if __name__ == "__main__":
    main()
