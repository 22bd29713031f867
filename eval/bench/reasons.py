"""Do reasons point at what carries the answer? The answer's loss without its top reason, beside that without another.

    python -m firmground.eval.bench.reasons --data ../shared/data --out runs/reasons --limit 120

reads `qa/xquad-en` and `qa/xquad-zh`. Each question is answered by the arm `oracle` (the augmented arm, given the
question's own paragraph, so that nothing hangs on the search), with evidence of two or three sentences; of every
sentence it is measured what the answer's log-probability loses without it. What is printed, for each way to name a
sentence: the loss without the sentence named first, the mean loss without another one (what a random pick loses on
average), their paired difference, how well the scores rank ablations (LDS) and how well they agree with leave-one-out
(Spearman, where there are three sentences); with 95% intervals over whole paragraphs.

Leave-one-out names the largest of the very losses that are reported: its difference is what a perfect choice reaches,
and can't be below 0. ContextCite has seen them too, among its ablations. Attention and the verifier's citation (the
sentence that `Claim.citations` quotes; of answers that have one) name theirs without any.

Nothing here was tuned, so questions come from all of a set, in the order of their ids' SHA-256. Run again, it goes on;
a higher limit adds to what is there. `--timed` measures seconds instead, on a machine at rest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.stats import Interval, mean_interval, paired_interval
from firmground.knowledge import weights
from firmground.knowledge.types import Hit, Passage
from firmground.rag import prompt as prompts
from firmground.rag.arms import ORACLE, Arm
from firmground.rag.assistant import Assistant
from firmground.rag.explain.ablations import Ablations, subsets
from firmground.rag.explain.attribute import ABLATIONS, contextcite, drops, held_to_account, leave_one_out
from firmground.rag.explain.reading import prompt_tokens, read_answer
from firmground.rag.explain.reasons import attention_shares
from firmground.rag.explain.sources import find_sources
from firmground.rag.explain.types import Attribution, Source
from firmground.rag.extract import best_sentences
from firmground.rag.generators import load_generator
from firmground.rag.types import Answer

LANGUAGES = {"en": 100, "zh": 200}  # tokens of evidence: a token of the default model holds half a Chinese character
SENTENCES = (2, 3)  # of the evidence: with one there is no other to take away, with more it takes hours
METHODS = ("leave-one-out", "contextcite", "attention")
NAMERS = (*METHODS, "citation")


def questions(data: Path, language: str, generator: Any, limit: int) -> list[tuple[dict[str, Any], Hit]]:
    """`limit` questions with their paragraph, of those whose evidence has enough sentences."""
    folder = data / "qa" / f"xquad-{language}"
    hits = {
        row["id"]: Hit(Passage(number, row["id"], row["text"], 0, len(row["text"])), 1.0)
        for number, row in enumerate(_rows(folder / "corpus.jsonl"))
    }
    fitting = []
    for row in sorted(_rows(folder / "questions.jsonl"), key=lambda row: sha256(row["id"].encode()).digest()):
        hit = hits[row["passage"]]
        stretches = best_sentences(row["question"], [hit], LANGUAGES[language], generator.count_tokens)
        prompt = prompts.build(row["question"], [hit.passage.text[a:b] for _, a, b in stretches], ORACLE, True)
        if SENTENCES[0] <= len(find_sources(prompt, [hit])) <= SENTENCES[1]:
            fitting.append((row, hit))
        if len(fitting) == limit:
            break
    return fitting


def measured(answer: Answer, assistant: Assistant, arm: Arm) -> dict[str, Any]:
    """One question's figures: what is lost without each sentence, in nats, and for each method the place of the
    sentence it names first (None: none), its LDS and its agreement with leave-one-out."""
    generator: Any = assistant.generator
    continuation = prompts.choice_continuation(answer.question, answer.text)
    ablations = Ablations(generator.score_batch, answer.prompt, continuation, find_sources(answer.prompt, answer.hits))
    ablations.log_probabilities(subsets(len(ablations.sources), ABLATIONS))  # all that is needed, in one call
    looked = by_attention(ablations, answer, generator)
    found = [leave_one_out(ablations), contextcite(ablations, with_agreement=True), looked]
    named: dict[str, Any] = {
        one.method: {"top": one.order[0], "lds": one.lds, "agreement": one.agreement} for one in found
    }
    named["citation"] = {"top": cited(assistant.judge({arm.name: answer})[arm.name], ablations.sources)}
    return {"drops": drops(ablations).tolist(), **named}


def cited(judged: Answer, sources: Sequence[Source]) -> int | None:
    """The place of the sentence that the answer's first citation overlaps most; None: no citation, or none of these."""
    citation = next((one for claim in judged.claims for one in claim.citations), None)
    if citation is None:
        return None
    shared = [min(one.end, citation.end) - max(one.start, citation.start) for one in sources]
    best = int(np.argmax(shared))
    return best if shared[best] > 0 else None


def by_attention(ablations: Ablations, answer: Answer, generator: Any) -> Attribution:
    read = read_answer(generator, answer.prompt, ablations.continuation, answer.text, attention=True)
    assert read.weights is not None
    _, source_of, _ = prompt_tokens(generator, answer.prompt, tuple(ablations.sources), answer.question)
    return held_to_account(ablations, "attention", attention_shares(read.weights, source_of, len(ablations.sources)))


def run(data: Path, out: Path, language: str, generator: Any, limit: int) -> list[dict[str, Any]]:
    """The rows of a language, each kept in `out` as soon as it is measured."""
    file = out / f"reasons-{language}.jsonl"
    out.mkdir(parents=True, exist_ok=True)
    rows = _rows(file) if file.exists() else []
    done = {row["id"] for row in rows}
    assistant = Assistant(None, generator)
    arm = replace(ORACLE, evidence_tokens=LANGUAGES[language])
    asked = questions(data, language, generator, limit)
    for row, hit in asked:
        if row["id"] in done:
            continue
        answer = assistant.answer_batch([row["question"]], arm, [[hit]])[0]
        if not answer.text or answer.abstained:
            continue
        found = {"id": row["id"], "passage": row["passage"], "answer": answer.text, **measured(answer, assistant, arm)}
        rows.append(found)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(found, ensure_ascii=False) + "\n")
    wanted = {row["id"] for row, _ in asked}
    return [row for row in rows if row["id"] in wanted]


def lines(language: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The table of a language. Nats, higher drop for a better reason."""
    paragraphs = len({row["passage"] for row in rows})
    table = [f"XQuAD {language}, n = {len(rows)}, paragraphs: {paragraphs}; what log p(answer) loses, in nats"]
    columns = ("", "n", "without the named", "without another", "difference (paired)", "LDS; agreement")
    table.append(_line(columns))
    for method in NAMERS:
        named = [row for row in rows if row[method]["top"] is not None]
        clusters = [row["passage"] for row in named]
        tops = [row["drops"][row[method]["top"]] for row in named]
        others = [float(np.delete(row["drops"], row[method]["top"]).mean()) for row in named]
        cells = [_cell(mean_interval(values, None, clusters=clusters)) for values in (tops, others)]
        cells.append(_cell(paired_interval(others, tops, None, clusters=clusters)))
        ranks = "; ".join(filter(None, (_ranks(named, method, name) for name in ("lds", "agreement"))))
        table.append(_line((method, str(len(named)), *cells, ranks)))
    return table


def _line(cells: Sequence[str]) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, (15, 5, 23, 23, 23, 0), strict=True)).rstrip()


def _ranks(rows: Sequence[dict[str, Any]], method: str, name: str) -> str:
    """Of the rows where it could be told: a rank correlation needs three of a kind."""
    told = [row for row in rows if row[method].get(name) is not None]
    if not told:
        return ""
    interval = mean_interval([row[method][name] for row in told], (-1, 1), clusters=[row["passage"] for row in told])
    return f"{_cell(interval)} (n {len(told)})"


def _cell(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "-" if found.value is None else f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def timed(data: Path, language: str, generator: Any, limit: int) -> str:
    """Seconds a question of each method by itself, with its own figures of trust, one question after the other."""
    assistant = Assistant(None, generator)
    arm = replace(ORACLE, evidence_tokens=LANGUAGES[language])
    spent: dict[str, list[float]] = {method: [] for method in METHODS}
    for row, hit in questions(data, language, generator, limit):
        answer = assistant.answer_batch([row["question"]], arm, [[hit]])[0]
        if not answer.text or answer.abstained:
            continue
        continuation = prompts.choice_continuation(answer.question, answer.text)
        sources = find_sources(answer.prompt, answer.hits)
        for method in METHODS:
            ablations = Ablations(generator.score_batch, answer.prompt, continuation, sources)
            start = time.perf_counter()
            if method == "attention":
                by_attention(ablations, answer, generator)
            else:
                leave_one_out(ablations) if method == "leave-one-out" else contextcite(ablations)
            spent[method].append(time.perf_counter() - start)
    means = ", ".join(f"{method} {np.mean(values):.2f}" for method, values in spent.items())
    return f"XQuAD {language}, seconds a question (n = {len(spent['attention'])}), figures of trust included: {means}"


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/xquad-en and qa/xquad-zh")
    parser.add_argument("--out", type=Path, default=Path("runs/reasons"), help="folder for the rows")
    parser.add_argument("--limit", type=int, default=120, help="questions of each language")
    parser.add_argument("--languages", default="en,zh")
    parser.add_argument("--timed", action="store_true", help="measure seconds instead, on a few questions")
    parser.add_argument("--generator", default=weights.DEFAULT_GENERATOR)
    options = parser.parse_args(arguments)
    generator = load_generator(options.generator)
    for language in options.languages.split(","):
        if options.timed:
            print(timed(options.data, language, generator, options.limit), flush=True)
        else:
            rows = run(options.data, options.out, language, generator, options.limit)
            print("\n".join(lines(language, rows)), flush=True)


if __name__ == "__main__":
    main()
