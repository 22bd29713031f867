"""How far the verifier can be trusted: its error on WiCE, FEVER-Symmetric and HaluEval, beside plain lexical recall.

    python -m firmground.eval.bench.verifier --data ../shared/data --out rag/verifier_error.json

reads the three sets as their authors publish them, from folders `wice`, `fever_symmetric` and `halueval`, and, where it
is there, `qa/xquad-en` and `qa/xquad-zh` (the right answer against the answer to a neighbouring question: the only
Chinese measure here). What is reported was not looked at when weights and threshold were chosen: cases are halved by
the SHA-256 of their id (WiCE: the claim's; FEVER-Symmetric: the original claim's, so that its four variants stay
together; HaluEval: the question; XQuAD: the paragraph), even for choosing, odd for reporting.

- WiCE (Kamoi et al. 2023, https://arxiv.org/abs/2303.01432): supported against partially or not supported.
- FEVER-Symmetric (Schuster et al. 2019, https://arxiv.org/abs/1908.05267): SUPPORTS against REFUTES.
- HaluEval QA (Li et al. 2023, https://arxiv.org/abs/2305.11747): right against hallucinated answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.knowledge.lexical import STOP_WORDS
from firmground.knowledge.text import terms
from firmground.rag.ground import verifiable
from firmground.rag.types import Verifier
from firmground.rag.verify import LexicalVerifier, contradicting, read, windows

RESAMPLES, SEED = 1000, 0


@dataclass(frozen=True)
class Case:
    """A claim, as a verifier reads it, with its evidence. `group`: what is kept together in halving and resampling."""

    group: str
    claim: str
    evidence: tuple[str, ...]
    supported: bool
    answer: str = ""  # the claim without the question, where it is an answer


def wice(folder: Path) -> list[Case]:
    return [
        Case(row["meta"]["id"], row["claim"], ("\n".join(row["evidence"]),), row["label"] == "supported")
        for row in _rows(folder / "wice" / "dev.jsonl")
    ]


def fever_symmetric(folder: Path) -> list[Case]:
    """An id is the original claim's, with 000000N behind it for its variants."""
    cases = []
    for row in _rows(folder / "fever_symmetric" / "fever_symmetric_dev.jsonl"):
        name = str(row["id"])
        group = name[:-7] if name[-7:-1] == "000000" and len(name) > 7 else name
        cases.append(Case(group, row["claim"], (row["evidence"],), row["gold_label"] == "SUPPORTS"))
    return cases


def halueval(folder: Path) -> list[Case]:
    cases = []
    for row in _rows(folder / "halueval" / "qa_one-turn_data.json"):
        for field, supported in (("right_answer", True), ("hallucinated_answer", False)):
            claim = verifiable(row["question"], row[field])
            cases.append(Case(row["question"], claim, (row["knowledge"],), supported, row[field]))
    return cases


def xquad_swapped(folder: Path, language: str) -> list[Case]:
    """For each question its answer, and the next answer of the same paragraph that shares no text with it."""
    base = folder / "qa" / f"xquad-{language}"
    texts = {row["id"]: row["text"] for row in _rows(base / "corpus.jsonl")}
    questions = defaultdict(list)
    for row in _rows(base / "questions.jsonl"):
        questions[row["passage"]].append((row["question"], row["answers"][0]))
    cases = []
    for passage, asked in questions.items():
        for i, (question, right) in enumerate(asked):
            others = (answer for _, answer in asked[i + 1 :] + asked[:i])
            wrong = next((answer for answer in others if answer not in right and right not in answer), None)
            for answer, supported in ((right, True), (wrong, False)):
                if wrong is not None and answer is not None:
                    claim = verifiable(question, answer)
                    cases.append(Case(passage, claim, (texts[passage],), supported, answer))
    return cases


def is_reported(group: str) -> bool:
    """Whether a case is in the half that is reported (odd SHA-256), not the one that choices were made on."""
    return hashlib.sha256(group.encode()).digest()[-1] % 2 == 1


def auroc(labels: Sequence[bool] | np.ndarray, scores: Sequence[float] | np.ndarray) -> float | None:
    """The probability that a positive scores above a negative, ties counting half; None without both.

    Mann and Whitney's U by mid-ranks: (sum of the positives' ranks - P(P + 1)/2) / (P * N).
    """
    truth = np.asarray(labels, dtype=bool)
    _, inverse, counts = np.unique(np.asarray(scores, dtype=float), return_inverse=True, return_counts=True)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    middle = np.cumsum(counts) - (counts - 1) / 2  # mid-rank of each distinct value, from 1
    return float((middle[inverse][truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _auroc_at(labels: np.ndarray, scores: np.ndarray, at: np.ndarray) -> float | None:
    return auroc(labels[at], scores[at])


def balanced_accuracy(labels: np.ndarray, scores: np.ndarray, threshold: float) -> float | None:
    """Mean of the shares of positives at or above the threshold and of negatives below it; None without both."""
    truth = np.asarray(labels, dtype=bool)
    if truth.all() or not truth.any():
        return None
    said = np.asarray(scores) >= threshold
    return float((said[truth].mean() + (~said[~truth]).mean()) / 2)


def interval(
    groups: Sequence[str], figure: Callable[[np.ndarray], float | None], resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """95% percentile bootstrap of `figure(indices)`, drawing whole groups: cases of one group aren't independent."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        members[group].append(i)
    blocks = [np.array(block) for block in members.values()]
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        chosen = np.concatenate([blocks[i] for i in random.integers(0, len(blocks), len(blocks))])
        value = figure(chosen)
        if value is not None:
            drawn.append(value)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def lexical_recall(claim: str, evidence: Sequence[str]) -> float:
    """The baseline: the share of the claim's words, stop-words apart, that the evidence has."""
    wanted = [term for term in terms(claim) if term not in STOP_WORDS] or terms(claim)
    there = {term for text in evidence for term in terms(text)}
    return sum(term in there for term in wanted) / len(wanted) if wanted else 0.0


def measure(cases: Sequence[Case], verifier: Verifier) -> dict[str, Any]:
    """One set's figures on its reported half: AUROC beside the baselines', and accuracy at the threshold."""
    cases = [case for case in cases if is_reported(case.group)]
    groups = [case.group for case in cases]
    labels = np.array([case.supported for case in cases])
    ours = verifier.support([case.claim for case in cases], [case.evidence for case in cases])
    recall = np.array([lexical_recall(case.claim, case.evidence) for case in cases])
    measured: dict[str, Any] = {"n": len(cases), "supported": int(labels.sum())}
    columns = {"auroc": ours, "lexical_recall_auroc": recall}
    if any(case.answer for case in cases):
        alone = [lexical_recall(case.answer, case.evidence) for case in cases]
        columns["lexical_recall_of_answer_auroc"] = np.array(alone)
    for name, scores in columns.items():
        measured[name] = _figure(groups, partial(_auroc_at, labels, scores))
    measured["balanced_accuracy"] = _figure(
        groups, lambda at: balanced_accuracy(labels[at], ours[at], verifier.threshold)
    )
    measured["unsupported_though_supported"] = _figure(
        groups, lambda at: _share(ours[at][labels[at]] < verifier.threshold)
    )
    measured["supported_though_not"] = _figure(groups, lambda at: _share(ours[at][~labels[at]] >= verifier.threshold))
    return measured


def contradiction_precision(cases: Iterable[Case]) -> dict[str, Any]:
    """Of the reported claims that the verdict `contradicted` is given to by its rules, the share that is refuted."""
    cases = [case for case in cases if is_reported(case.group)]
    found = [case for case in cases if contradicting(read(case.claim), windows(case.evidence)) is not None]
    refuted = np.array([not case.supported for case in found])
    figure = _figure([case.group for case in found], lambda at: _share(refuted[at]))
    recall = float(refuted.sum()) / max(1, sum(not case.supported for case in cases))
    return {"precision": figure, "recall": round(recall, 4), "n": len(found)}


def run(folder: Path) -> dict[str, Any]:
    """Everything that is written to `rag/verifier_error.json`."""
    verifier = LexicalVerifier()
    symmetric = fever_symmetric(folder)
    sets = {"wice": wice(folder), "fever_symmetric": symmetric, "halueval": halueval(folder)}
    for language in ("en", "zh"):
        if (folder / "qa" / f"xquad-{language}").is_dir():
            sets[f"xquad_swapped_{language}"] = xquad_swapped(folder, language)
    return {
        "verifier": verifier.name,
        "threshold": verifier.threshold,
        "half": "odd SHA-256 of the group's id; weights and threshold were chosen on the other half",
        "interval": f"95% percentile bootstrap over groups, {RESAMPLES} resamples, seed {SEED}",
        "sets": {name: measure(cases, verifier) for name, cases in sets.items()},
        "contradicted_on_fever_symmetric": contradiction_precision(symmetric),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with wice/, fever_symmetric/ and halueval/")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args(arguments)
    measured = run(options.data)
    print(as_table(measured))
    if options.out:
        text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
        write_atomic(options.out, text.encode(), "verifier_error")


def as_table(measured: dict[str, Any]) -> str:
    """The figures as lines of text, one set a line."""
    lines = [f"{measured['verifier']}, threshold {measured['threshold']}: AUROC [95% interval], reported half"]
    columns = ("auroc", "lexical_recall_auroc", "lexical_recall_of_answer_auroc", "balanced_accuracy")
    lines.append(
        "".join(f"{name:<22}" for name in ("set (n)", "verifier", "recall", "recall, answer alone", "bal. acc."))
    )
    for name, figures in measured["sets"].items():
        cells = [_cell(figures[column]) if column in figures else "-" for column in columns]
        lines.append("".join(f"{cell:<22}" for cell in (f"{name} ({figures['n']})", *cells)))
    against = measured["contradicted_on_fever_symmetric"]
    lines.append(
        f"contradicted (FEVER-Symmetric): precision {_cell(against['precision'])}, recall {against['recall']:.3f}, "
        f"n {against['n']}"
    )
    return "\n".join(lines)


def _figure(groups: Sequence[str], figure: Callable[[np.ndarray], float | None]) -> dict[str, float | None]:
    value = figure(np.arange(len(groups))) if groups else None
    if value is None:
        return {"value": None, "low": None, "high": None}
    low, high = interval(groups, figure)
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}


def _cell(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _share(flags: np.ndarray) -> float | None:
    return float(np.mean(flags)) if len(flags) else None


def _rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a file with one JSON object a line.

    Raises:
        InputError: the file isn't there, or a line isn't a JSON object.
    """
    if not path.is_file():
        raise InputError(f"expected the data set's file {path}, which isn't there; give its folder with --data")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: expected a JSON object, got {line[:40]!r}") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object, got {line[:40]!r}")
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
