"""The decoding receipt: what each way of choosing tokens and texts does to the augmented arm's answers, and its price.

    python -m firmground.eval.bench.decoding --data DATA --limit 60 [--kb KB] [--language zh] [--spans 0] [--out RUN]

XQuAD's paragraphs are indexed (or KB is taken); questions on paragraphs whose id has an odd SHA-256 are asked (prompts
and settings were chosen on the others). Every arm is `augmented` with one switch, but for the last:

contrast 0.5, contrast 1   context-aware decoding (`Decoding.contrast`)
samples 5                  five texts drawn at temperature 0.7, the verifier chooses
beams 4                    beam search
top-k 50, top-p 0.9        one text drawn at temperature 0.7, among the likeliest tokens alone
spans 0                    what the model wrote, no quotation weighed beside it
extractive                 the best span of the evidence, quoted; no language model

F1, match (of one containing the other) and hallucination rate in percent; beside each arm its paired difference to
`augmented`, with the 95% interval over whole paragraphs. An effect whose interval holds 0 is printed as none. With
`--spans 0` no arm weighs quotations, so that the switch alone decides. RUN keeps the answers: the same command goes on
where it was, and with a larger limit adds to them.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from firmground.eval.compare import compare
from firmground.eval.outcomes import read_outcomes
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example, Outcome
from firmground.knowledge import weights
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.encode import SentenceEncoder
from firmground.knowledge.load import load_all
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, Arm
from firmground.rag.assistant import Assistant

SCORES = (("F1", "f1"), ("match", "match"), ("hallucinated", "hallucination"))


def arms(spans: int = AUGMENTED.spans) -> list[Arm]:
    """`augmented`, each switch alone, and the arm without a language model."""
    base = replace(AUGMENTED, spans=spans)
    changed = {
        "contrast 0.5": replace(base.decoding, contrast=0.5),
        "contrast 1": replace(base.decoding, contrast=1.0),
        "samples 5": replace(base.decoding, samples=5, temperature=0.7),
        "beams 4": replace(base.decoding, beams=4),
        "top-k 50": replace(base.decoding, temperature=0.7, top_k=50),
        "top-p 0.9": replace(base.decoding, temperature=0.7, top_p=0.9),
    }
    alone = [replace(base, name="spans 0", spans=0)] if spans else []
    switched = [replace(base, name=name, decoding=decoding) for name, decoding in changed.items()]
    return [base, *switched, *alone, EXTRACTIVE]


def reported(examples: Sequence[Example], limit: int) -> list[Example]:
    """At most `limit` questions on the reported documents, in an order by chance: a larger limit only adds some."""
    odd = [one for one in examples if hashlib.sha256(one.cluster.encode()).digest()[0] % 2]
    return sorted(odd, key=lambda one: hashlib.sha256(one.id.encode()).digest())[:limit]


def table(rows: Mapping[str, Mapping[str, Outcome]]) -> list[str]:
    """The lines printed of {arm: {question id: outcome}}: each arm's figures, then its differences to the first arm.

    A question that an arm failed on is left out of all of them, and counted at the end.
    """
    first, *others = rows
    answered = [name for name in rows[first] if all(name in mine and not mine[name].error for mine in rows.values())]
    clusters = [rows[first][name].cluster or name for name in answered]
    lines = [f"{'arm':<14}" + "".join(f"{label:>22}" for label, _ in SCORES) + f"{'s':>8}   n={len(answered)}"]
    values: dict[tuple[str, str], list[float]] = {}
    for arm, mine in rows.items():
        cells = ""
        for _, score in SCORES:
            values[arm, score] = [float(mine[name].scores[score]) for name in answered]
            cells += f"{_figure(mean_interval(values[arm, score], clusters=clusters)):>22}"
        seconds = sum(mine[name].timing["seconds"] for name in answered) / max(1, len(answered))
        lines.append(f"{arm:<14}{cells}{seconds:>8.2f}")
    for arm in others:
        for label, score in SCORES:
            found = paired_interval(values[first, score], values[arm, score], clusters=clusters)
            shown = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
            lines.append(f"{arm} − {first}, {label}: {_figure(found)}{'' if shown else '  no effect shown'}")
    failed = len(set().union(*rows.values())) - len(answered)
    return [*lines, f"{failed} questions failed"] if failed else lines


def _figure(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "–" if found.value is None else f"{100 * found.value:.1f}"
    return f"{100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def knowledge_base(corpus: Path, folder: Path, language: str) -> Path:
    """A base over the corpus in `folder`, made where it isn't."""
    chinese = language == "zh" and weights.is_here(weights.CHINESE_ENCODER)
    encoder = SentenceEncoder(weights.CHINESE_ENCODER if chinese else weights.DEFAULT_ENCODER)
    with KnowledgeBase.create(folder, encoder, exist_ok=True) as base:
        base.add(load_all([corpus]))
    return folder


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds qa/xquad-en and qa/xquad-zh")
    parser.add_argument("--limit", type=int, default=60, help="questions")
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--kb", type=Path, help="a knowledge base of these paragraphs; made anew without it")
    parser.add_argument("--spans", type=int, default=AUGMENTED.spans, help="quotations that every arm weighs")
    parser.add_argument("--arms", default="", help="of these arms only, with commas; augmented is always among them")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    parser.add_argument("--out", type=Path, help="keep the run here")
    options = parser.parse_args(arguments)
    source = options.data / "qa" / f"xquad-{options.language}"
    wanted = [name.strip() for name in options.arms.split(",") if name.strip()]
    chosen = [arm for arm in arms(options.spans) if not wanted or arm.name in (AUGMENTED.name, *wanted)]
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch)
        base = options.kb or knowledge_base(source / "corpus.jsonl", out / "kb", options.language)
        examples = load_questions(source / "questions.jsonl")
        examples[:] = reported(examples, options.limit)
        compare(Assistant.load(base, options.generator), examples, chosen, out / "run", batch_size=8)
        rows: dict[str, dict[str, Outcome]] = {arm.name: {} for arm in chosen}
        for outcome in read_outcomes(out / "run" / "outcomes.jsonl"):
            rows[outcome.arm][outcome.id] = outcome
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
