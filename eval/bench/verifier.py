"""How far the verifier can be trusted: its error on public sets, beside lexical recall and a source-blind control.

    python -m firmground.eval.bench.verifier --data ../shared/data --keep /tmp/features --out rag/verifier_error.json

Every set is judged by trees that were not grown on it: cross-fitted (five folds by document: the same trees as those
that ship but for a fifth of the documents) and with the whole set left out. Reported of WiCE, FEVER-Symmetric, HaluEval
and the made sets is the half with an odd SHA-256 of the document's id; the final choices were
made on the other half (but words of negation were added after reading errors of both halves of FEVER-Symmetric, and
first trials of features looked at whole sets). BEGIN decided nothing and is reported whole. Made sets hold at
most 1,200 cases; the Chinese ones are all made.

Columns: `blind`, what boosted trees tell by the claim's form alone, without evidence (cross-fitted in the set); where
its AUROC is not below the verifier's interval, the set's labels can be told without the evidence, and the verifier's
AUROC on it is void. `alike`: the verifier's AUROC between claims that the blind trees find alike (fifths of
their score). `wrong source`: the verifier's AUROC where each claim is given the next claim's evidence.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from firmground.eval.bench.verifier_lessons import Featured, featured, is_reported, lessons, training_sets
from firmground.eval.bench.verifier_sets import Case, begin
from firmground.eval.bench.verifier_statistics import (
    RESAMPLES,
    SEED,
    auroc_alike,
    auroc_at,
    balanced_accuracy,
    calibration_error,
    figure,
    share,
)
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.lexical import STOP_WORDS
from firmground.knowledge.text import terms
from firmground.rag.numerals import numbers
from firmground.rag.types import Verifier
from firmground.rag.verifier import TrainedVerifier, packaged
from firmground.rag.verifier_features import NAMES
from firmground.rag.verifier_train import ANSWERS, SETTINGS, STATEMENTS, fold_of, train, train_verifier
from firmground.rag.verifier_trees import Trees
from firmground.rag.verify import LexicalVerifier, contradicting, read, windows
from firmground.rag.words import names, negated

FOLDS, INNER_FOLDS = 5, 3
_TWINS = (
    ("xquad_swapped_en", "xquad_swapped_zh"),
    ("xquad_made_en", "xquad_made_zh"),
)  # translations: left out together
_SPEED_CLAIMS = 200


@dataclass(frozen=True)
class Scores:
    """One set's scores, (n,) each, in the order of its cases."""

    crossed: np.ndarray  # by trees grown on other documents
    left_out: np.ndarray  # by trees grown on other sets
    wrong_source: np.ndarray  # crossed, with another claim's evidence
    blind: np.ndarray  # by the claim alone
    lexical: np.ndarray  # the rules of LexicalVerifier
    recall: np.ndarray
    recall_answer: np.ndarray


# ------------------------------------------------------------------------------------------------------------- scoring


def predict(verifier: TrainedVerifier, rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(n,) support of rows of features."""
    found = np.zeros(len(rows))
    for trees, chosen in ((verifier.statements, ~asked), (verifier.answers, asked)):
        if chosen.any():
            found[chosen] = trees.predict(rows[chosen])
    found[~rows.any(axis=1)] = 0.0  # nothing to read
    return found


def cross_fitted(
    sets: Mapping[str, Featured], others: Mapping[str, Featured], keep: Path | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(scores, scores with the wrong source) of every set by trees that saw none of the case's documents."""
    measured = {**sets, **others}
    found = {name: (np.zeros(len(one.cases)), np.zeros(len(one.cases))) for name, one in measured.items()}
    strange = {name: wrong_source(one, keep) for name, one in measured.items()}
    for fold in range(FOLDS):
        parts = {
            name: np.array([fold_of(group, FOLDS) == fold for group in one.groups]) for name, one in measured.items()
        }
        statements, answers = lessons({name: _only(one, ~parts[name]) for name, one in sets.items()})
        verifier = train_verifier(statements, answers, "fold", folds=INNER_FOLDS)
        for name, one in measured.items():
            part = parts[name]
            found[name][0][part] = predict(verifier, one.rows[part], one.asked[part])
            found[name][1][part] = predict(verifier, strange[name][part], one.asked[part])
    return found


def left_out(sets: Mapping[str, Featured], others: Mapping[str, Featured]) -> dict[str, np.ndarray]:
    """(n,) scores of every set by trees grown on all other sets; a translation of the set is left out with it."""
    grown: dict[tuple[bool, frozenset[str]], Trees] = {}  # by kind of claim and the sets they saw
    found = {}
    for name, one in {**sets, **others}.items():
        apart = next((set(pair) for pair in _TWINS if name in pair), {name})
        heads = []
        for kind, features in enumerate((STATEMENTS, ANSWERS)):
            chosen = lessons({other: kept for other, kept in sets.items() if other not in apart})[kind]
            seen = (bool(kind), frozenset(lesson.name for lesson in chosen))
            if seen not in grown:
                grown[seen] = train(chosen, features, INNER_FOLDS)
            heads.append(grown[seen])
        found[name] = predict(TrainedVerifier(heads[0], heads[1], name), one.rows, one.asked)
    return found


def wrong_source(one: Featured, keep: Path | None) -> np.ndarray:
    """(n, features) of each claim with the evidence of the next claim that has another."""
    cases = []
    for i, case in enumerate(one.cases):
        others = (one.cases[(i + step) % len(one.cases)] for step in range(1, len(one.cases)))
        other = next((other for other in others if other.evidence != case.evidence), case)
        cases.append(replace(case, evidence=other.evidence))
    return featured(f"{one.name}-wrong-source", cases, keep).rows


def _only(one: Featured, chosen: np.ndarray) -> Featured:
    cases = [case for case, taken in zip(one.cases, chosen, strict=True) if taken]
    return replace(one, cases=cases, rows=one.rows[chosen], asked=one.asked[chosen])


def blind_features(claim: str) -> list[float]:
    """What can be told of a claim without evidence: its length and form."""
    reading = read(claim)
    return [
        len(reading.terms), len(reading.text), len(reading.asked), len(names(reading.text)), len(numbers(reading.text)),
        negated(reading.text), reading.text.count(","), bool(re.search(r"[.。]\s*$", reading.text)),
        bool(re.search(r"\b(?:only|all|every|never|always|any|no)\b", reading.text.lower())),
        len(set(reading.terms) & set(reading.asked)),
    ]  # fmt: skip


def blind(one: Featured) -> np.ndarray:
    """(n,) scores by the claim's form alone, cross-fitted in the set."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = np.array([blind_features(case.claim) for case in one.cases], dtype=float)
    folds = np.array([fold_of(group, FOLDS) for group in one.groups])
    found = np.zeros(len(rows))
    for fold in range(FOLDS):
        part = folds == fold
        model = HistGradientBoostingClassifier(early_stopping=False, random_state=SEED, **SETTINGS)
        found[part] = model.fit(rows[~part], one.labels[~part]).predict_proba(rows[part])[:, 1]
    return found


def lexical_recall(claim: str, evidence: Sequence[str]) -> float:
    """The baseline: the share of the claim's words, stop-words apart, that the evidence has."""
    wanted = [term for term in terms(claim) if term not in STOP_WORDS] or terms(claim)
    there = {term for text in evidence for term in terms(text)}
    return sum(term in there for term in wanted) / len(wanted) if wanted else 0.0


# ----------------------------------------------------------------------------------------------------------- measuring


def measure(cases: Sequence[Case], scores: Scores, threshold: float = 0.5) -> dict[str, Any]:
    """One set's figures: the verifier, what it is held against, and whether its labels can be told without evidence."""
    groups = [case.group for case in cases]
    labels = np.array([case.supported for case in cases])
    one = partial(figure, groups)
    measured: dict[str, Any] = {"n": len(cases), "supported": int(labels.sum())}
    ours = scores.crossed
    columns = {"auroc": ours, "auroc_left_out": scores.left_out, "lexical_recall_auroc": scores.recall}
    if any(case.answer for case in cases):
        columns["lexical_recall_of_answer_auroc"] = scores.recall_answer
    columns |= {"lexical_auroc": scores.lexical, "blind_auroc": scores.blind, "wrong_source_auroc": scores.wrong_source}
    for name, column in columns.items():
        measured[name] = one(partial(auroc_at, labels, column))
    measured["alike_auroc"] = one(partial(auroc_alike, labels, ours, scores.blind))
    against = {
        "lexical_recall": scores.recall,
        "lexical_recall_of_answer": scores.recall_answer,
        "lexical": scores.lexical,
    }
    for name, column in against.items():
        if f"{name}_auroc" in measured:
            measured[f"auroc_above_{name}"] = one(partial(_difference, labels, ours, column))
    measured["auroc_left_out_above_lexical_recall"] = one(partial(_difference, labels, scores.left_out, scores.recall))
    lexical_threshold = LexicalVerifier().threshold
    for name, column, at_least in (
        ("balanced_accuracy", ours, threshold),
        ("balanced_accuracy_left_out", scores.left_out, threshold),
        ("lexical_balanced_accuracy", scores.lexical, lexical_threshold),
    ):
        measured[name] = one(partial(_accuracy, labels, column, at_least))
    measured["calibration_error"] = one(lambda at: calibration_error(labels[at], ours[at]))
    measured["calibration_error_left_out"] = one(lambda at: calibration_error(labels[at], scores.left_out[at]))
    measured["unsupported_though_supported"] = one(lambda at: share(ours[at][labels[at]] < threshold))
    measured["supported_though_not"] = one(lambda at: share(ours[at][~labels[at]] >= threshold))
    told, verdict = measured["blind_auroc"]["value"], measured["auroc"]["low"]
    measured["void"] = bool(told is not None and verdict is not None and told >= verdict)
    return measured


def _difference(labels: np.ndarray, ours: np.ndarray, other: np.ndarray, at: np.ndarray) -> float | None:
    first, second = auroc_at(labels, ours, at), auroc_at(labels, other, at)
    return None if first is None or second is None else first - second


def _accuracy(labels: np.ndarray, scores: np.ndarray, threshold: float, at: np.ndarray) -> float | None:
    return balanced_accuracy(labels[at], scores[at], threshold)


def contradiction_precision(cases: Sequence[Case]) -> dict[str, Any]:
    """Of the reported claims that the verdict `contradicted` is given to by its rules, the share that is refuted."""
    cases = [case for case in cases if is_reported(case.group)]
    found = [case for case in cases if contradicting(read(case.claim), windows(case.evidence)) is not None]
    refuted = np.array([not case.supported for case in found])
    precision = figure([case.group for case in found], lambda at: share(refuted[at]))
    recall = float(refuted.sum()) / max(1, sum(not case.supported for case in cases))
    return {"precision": precision, "recall": round(recall, 4), "n": len(found)}


def scores_of(name: str, one: Featured, crossed: tuple[np.ndarray, np.ndarray], apart: np.ndarray) -> Scores:
    """Everything a set is measured by."""
    recall = [lexical_recall(case.claim, case.evidence) for case in one.cases]
    answer = [lexical_recall(case.answer or case.claim, case.evidence) for case in one.cases]
    lexical = one.rows[:, NAMES.index("support")]
    return Scores(crossed[0], apart, crossed[1], blind(one), lexical, np.array(recall), np.array(answer))


def run(folder: Path, keep: Path | None = None) -> dict[str, Any]:
    """Everything that is written to `rag/verifier_error.json`."""
    sets = training_sets(folder, keep)
    others = {"begin": featured("begin", begin(folder), keep)} if (folder / "begin").is_dir() else {}
    crossed, apart = cross_fitted(sets, others, keep), left_out(sets, others)
    measured = {}
    for name, one in {**sets, **others}.items():
        scores = scores_of(name, one, crossed[name], apart[name])
        chosen = np.array([name in others or is_reported(group) for group in one.groups])
        kept = Scores(**{field: getattr(scores, field)[chosen] for field in Scores.__dataclass_fields__})
        measured[name] = measure([case for case, taken in zip(one.cases, chosen, strict=True) if taken], kept)
    shipped = packaged()
    return {
        "verifier": shipped.name,
        "threshold": shipped.threshold,
        "half": "odd SHA-256 of the group's id (BEGIN: all); final choices on the other half, first trials on all",
        "trained": f"cross-fitted in {FOLDS} folds by document; left_out: on the other sets alone",
        "interval": f"95% percentile bootstrap over groups, {RESAMPLES} resamples, seed {SEED}",
        "sets": measured,
        "contradicted_on_fever_symmetric": contradiction_precision(sets["fever_symmetric"].cases),
    }


def claims_per_second(verifier: Verifier, cases: Sequence[Case]) -> float:
    """How many claims of a set a verifier judges in a second; evidence isn't remembered from one to the next."""
    windows.cache_clear()
    began = time.perf_counter()
    verifier.support([case.claim for case in cases], [case.evidence for case in cases])
    return len(cases) / (time.perf_counter() - began)


# ------------------------------------------------------------------------------------------------------------ printing

_TABLES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("AUROC", (
        ("auroc", "cross-fitted"), ("auroc_left_out", "set left out"), ("lexical_auroc", "lexical rules"),
        ("lexical_recall_auroc", "word recall"), ("lexical_recall_of_answer_auroc", "recall, answer alone"),
    )),
    ("paired AUROC differences", (
        ("auroc_above_lexical_recall", "to word recall"),
        ("auroc_left_out_above_lexical_recall", "left out, to recall"),
        ("auroc_above_lexical_recall_of_answer", "to answer's recall"), ("auroc_above_lexical", "to lexical rules"),
    )),
    ("controls, AUROC", (
        ("blind_auroc", "blind: claim alone"), ("alike_auroc", "alike in form"), ("wrong_source_auroc", "wrong source"),
    )),
    ("at support >= 0.5 (the lexical rules at 0.65)", (
        ("balanced_accuracy", "balanced accuracy"), ("balanced_accuracy_left_out", "set left out"),
        ("lexical_balanced_accuracy", "lexical rules"), ("calibration_error", "calibration error"),
        ("calibration_error_left_out", "cal. error, left out"),
    )),
)  # fmt: skip


def as_tables(measured: Mapping[str, Any]) -> str:
    """The figures as lines of text, a table a question."""
    lines = [f"{measured['verifier']}; {measured['trained']}. {measured['half']}. {measured['interval']}."]
    for title, columns in _TABLES:
        lines += ["", title, f"{'set (n)':<25}" + "".join(f"{heading:<23}" for _, heading in columns)]
        for name, figures in measured["sets"].items():
            cells = [_cell(figures[column]) if column in figures else "-" for column, _ in columns]
            if title.startswith("controls") and figures["void"]:
                cells.append("void: the claim alone tells as much")
            lines.append(f"{name + ' (' + str(figures['n']) + ')':<25}" + "".join(f"{cell:<23}" for cell in cells))
    against = measured["contradicted_on_fever_symmetric"]
    lines += ["", f"contradicted, by rules (FEVER-Symmetric): precision {_cell(against['precision'])}, "
              f"recall {against['recall']:.3f}, n {against['n']}"]  # fmt: skip
    return "\n".join(line.rstrip() for line in lines)


def _cell(found: Mapping[str, float | None]) -> str:
    if found["value"] is None:
        return "-"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the sets, as their authors publish them")
    parser.add_argument("--keep", type=Path, help="folder in which features are kept between runs")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--speed", action="store_true", help="measure claims a second, and nothing else")
    options = parser.parse_args(arguments)
    if options.speed:
        print_speed(options.data)
        return
    measured = run(options.data, options.keep)
    print(as_tables(measured))
    if options.out:
        text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
        write_atomic(options.out, text.encode(), "verifier_error")


def print_speed(folder: Path) -> None:
    """Claims a second of the trained verifier and of the lexical one, on short and on long evidence."""
    from firmground.eval.bench.verifier_sets import fever_symmetric, wice, xquad_swapped

    sets = {
        "fever_symmetric": fever_symmetric(folder), "wice": wice(folder),
        "xquad_swapped_en": xquad_swapped(folder, "en"), "xquad_swapped_zh": xquad_swapped(folder, "zh"),
    }  # fmt: skip
    for name, cases in sets.items():
        some = cases[:_SPEED_CLAIMS]
        speeds = {one.name: claims_per_second(one, some) for one in (packaged(), LexicalVerifier())}
        print(f"{name}: " + ", ".join(f"{which} {speed:.0f} claims/s" for which, speed in speeds.items()))


if __name__ == "__main__":
    main()
