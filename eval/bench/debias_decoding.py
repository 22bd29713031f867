"""What debiasing at prompt and decoding does: the bias without and with each filter, beside what the filter costs.

    python -m firmground.eval.bench.debias_decoding --data ../shared/data --limit 240 [--sets bbq-age,crows-pairs]

Sets: CrowS-Pairs, BBQ (Age, Religion), CBBQ (gender), read from DATA as its authors lay them out. `--limit` draws as
many rows of each, by a fixed seed. Filters (`Arm.debias`): exchange, instruct, describe. With `--kb KB` BBQ and CBBQ
are asked with what is found there, too. Each line: the figure without and with the filter and its paired change, with
95% intervals over writers or templates. No setting was chosen on any of these sets.

The sets commonsenseqa, qasc, xquad-en and xquad-zh tell what the exchange costs. Of them only the questions are asked
that it reads twice, with `augmented` on the gold paragraph (XQuAD; F1), or as they are (accuracy); all others are
answered as without it, so the change over the whole set, with its zeros, is shown too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from firmground.eval.bias.effects import Effect
from firmground.eval.bias.figures import drawn
from firmground.eval.bias.pairs import pair_effects
from firmground.eval.bias.questions import question_effects
from firmground.eval.bias.utility import with_filter
from firmground.eval.metrics.answers import example_language, gold_answers, token_f1
from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.load import load_all
from firmground.knowledge.types import Hit, Passage
from firmground.rag import arms
from firmground.rag.assistant import Assistant
from firmground.rag.debias.exchange import readings
from firmground.rag.generators import load_generator
from firmground.rag.types import Generator

BIAS = {
    "crows-pairs": "crows_pairs/crows_pairs_anonymized.csv",
    "bbq-age": "bbq/Age.jsonl",
    "bbq-religion": "bbq/Religion.jsonl",
    "cbbq-gender": "cbbq/gender",
}
ORDINARY = {
    "commonsenseqa": "commonsenseqa/dev_rand_split_half.jsonl",
    "qasc": "qasc/questions.jsonl",
    "xquad-en": "qa/xquad-en/questions.jsonl",
    "xquad-zh": "qa/xquad-zh/questions.jsonl",
}
SETS = {**BIAS, **ORDINARY}
EXCHANGE = "debias=exchange"
WIDTHS = (13, 24, 24, 9, 5, 24, 24, 26)
FILTERS = (EXCHANGE, "debias=instruct", "debias=describe")


def table(effects: Iterable[Effect]) -> list[str]:
    """The lines printed: an effect each."""
    head = ("set", "rows", "measure", "filter", "n", "without", "with", "change")
    lines = [
        (one.set, one.rows, one.measure, one.filter.removeprefix("debias="), str(one.before.n),
         *(shown(interval) for interval in (one.before, one.after, one.change)))
        for one in effects
    ]  # fmt: skip
    return [" ".join(f"{cell:<{width}}" for cell, width in zip(line, WIDTHS, strict=True)) for line in (head, *lines)]


def shown(interval: Interval | None) -> str:
    if interval is None or interval.value is None:
        return "–"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def cost(name: str, path: Path, generator: Generator, limit: int) -> list[Effect]:
    """What the exchange changes of ordinary answers: on the questions that it reads twice, and over the whole set."""
    examples = list(load_questions(path))
    told = [one for one in examples if len(readings(one.question, (), one.choices)) > 1]
    read = drawn(told, [0] * len(told), limit)
    assistant, choosing = Assistant(None, generator), bool(examples[0].choices)
    base = arms.PLAIN if choosing else replace(arms.AUGMENTED, retrieve="oracle")
    hits = [[]] * len(read) if choosing else _gold(path.with_name("corpus.jsonl"), read)
    sides = []
    for arm in (base, with_filter(base, EXCHANGE)):
        answers = assistant.answer_batch([one.question for one in read], arm, hits, [one.choices for one in read])
        sides.append([
            float(answer.text == one.answer) if choosing
            else token_f1(answer.text, gold_answers(one), example_language(one))
            for one, answer in zip(read, answers, strict=True)
        ])  # fmt: skip
    clusters, field = [one.cluster or one.id for one in read], "accuracy" if choosing else "F1"
    one, two = (mean_interval(side, clusters=clusters) for side in sides)
    change = paired_interval(sides[0], sides[1], clusters=clusters)
    effects = [Effect(name, "read twice", field, "utility", EXCHANGE, one, two, change, 1.0)]
    if len(read) == len(told):
        same = [0.0] * (len(examples) - len(told))
        change = paired_interval([*sides[0], *same], [*sides[1], *same])
        unknown = Interval(None, None, None, change.n, "none")
        rows = f"all {len(examples):,}"
        effects.append(Effect(name, rows, field, "utility", EXCHANGE, unknown, unknown, change, 1.0))
    return effects


def _gold(corpus: Path, examples: Sequence[Example]) -> list[list[Hit]]:
    """Each question's own paragraph, as it would be found."""
    texts = {document.id: document.text for document in load_all([corpus])}
    return [[Hit(Passage(0, one.gold[0], texts[one.gold[0]], 0, len(texts[one.gold[0]]), {}), 1.0)] for one in examples]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds crows_pairs, bbq and cbbq")
    parser.add_argument("--limit", type=int, default=60, help="rows of each set; 0: all")
    parser.add_argument("--sets", default=",".join(SETS), help=f"some of: {', '.join(SETS)}")
    parser.add_argument("--filters", default=",".join(FILTERS), help="some of them, with commas")
    parser.add_argument("--kb", type=Path, help="a knowledge base to ask BBQ and CBBQ with, too")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    parser.add_argument("--out", type=Path, help="keep the figures here, a JSON object a line")
    options = parser.parse_args(arguments)
    wanted, filters = options.sets.split(","), options.filters.split(",")
    if unknown := [name for name in wanted if name not in SETS]:
        raise InputError(f"no set {unknown[0]!r}; the sets are: {', '.join(SETS)}")
    generator = load_generator(options.generator)
    knowledge = None
    if options.kb:
        from firmground.knowledge.encode import open_base

        knowledge = open_base(options.kb)
    print("\n".join(table([])), flush=True)
    for name in wanted:
        path = options.data / SETS[name]
        if name in ORDINARY:
            effects = cost(name, path, generator, options.limit)
        elif name == "crows-pairs":
            effects = pair_effects(path, generator, filters, options.limit)
        else:
            effects = question_effects(name.split("-")[0], path, generator, filters, options.limit, knowledge)
        print("\n".join(table(effects)[1:]), flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in effects)


if __name__ == "__main__":
    main()
