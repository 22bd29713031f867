"""People's labels on a comparison, and an unsupported rate that they (or a judge's verdicts) correct.

A label file has a JSON object a line:

    {"id": "q1", "arm": "plain", "claim": 0, "label": "supported"}     the row's first claim: supported, contradicted or
                                                                       unsupported; optionally "text", the claim's words
    {"id": "q1", "arm": "plain", "label": "right"}                     the row's answer: right or wrong
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.eval.stats import mean_interval, prediction_powered
from firmground.eval.stats.labels import FEWEST_LABELS
from firmground.eval.types import Outcome
from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    from firmground.eval.judge.run import JudgedRow

# (id, arm, place of the claim, or None for the answer) → whether it is good: supported, right.
Labels = Mapping[tuple[str, str, int | None], bool]

_CLAIM = ("supported", "contradicted", "unsupported")
_ANSWER = ("right", "wrong")


def is_good(verdict: str) -> bool:
    """Whether a verdict on a claim or an answer is the good one."""
    return verdict in ("supported", "right")


def read_labels(path: Path, outcomes: Sequence[Outcome]) -> dict[tuple[str, str, int | None], bool]:
    """A label file's labels on these outcomes; labels on other questions are left out.

    Raises:
        InputError: the file can't be read, or a line isn't a label, names a claim that isn't there, or comes twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise InputError(f"can't read the labels in {path} ({error}); expected a JSONL file") from error
    rows = {(row.id, row.arm): row for row in outcomes}
    labels: dict[tuple[str, str, int | None], bool] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            key, good = _label(json.loads(line), rows)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}:{number}: {error}; see docs/judges.md for what a label looks like") from error
        if key in labels:
            raise InputError(f"{path}:{number}: a second label on {key}; keep one")
        if key[:2] in rows:
            labels[key] = good
    return labels


def _label(line: dict[str, Any], rows: Mapping[tuple[str, str], Outcome]) -> tuple[tuple[str, str, int | None], bool]:
    """A parsed line's key and label. Raises ValueError, TypeError, KeyError or AttributeError where it isn't one."""
    unknown = line.keys() - {"id", "arm", "claim", "label", "text"}
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
    name, arm, place, label = str(line["id"]), str(line["arm"]), line.get("claim"), line["label"]
    allowed = _ANSWER if place is None else _CLAIM
    if label not in allowed:
        raise ValueError(f"expected a label among {', '.join(allowed)}, got {label!r}")
    row = rows.get((name, arm))
    if place is not None and row is not None:
        if type(place) is not int or not 0 <= place < len(row.claims):
            raise ValueError(f"{name!r}, {arm!r} has {len(row.claims)} claims, got a label on claim {place!r}")
        words = row.claims[place]["text"]
        if line.get("text") not in (None, words):
            raise ValueError(f"the label is on {line['text']!r}, and the claim is {words!r}")
    return (name, arm, place), is_good(label)


def judged_labels(rows: Mapping[tuple[str, str], JudgedRow]) -> dict[tuple[str, str, int | None], bool]:
    """A judge's verdicts (`judge_run.read_judgements`) in the place of labels; what has no verdict is left out."""
    labels: dict[tuple[str, str, int | None], bool] = {}
    for (name, arm), row in rows.items():
        for place, claim in enumerate(row.claims):
            if claim.verdict is not None:
                labels[name, arm, place] = is_good(claim.verdict)
        if row.answer is not None and row.answer.verdict is not None:
            labels[name, arm, None] = is_good(row.answer.verdict)
    return labels


def corrected_rate(outcomes: Sequence[Outcome], labels: Labels) -> dict[str, dict[str, Any]]:
    """Each arm's unsupported rate as our verifier gives it, and corrected by labels on a part of it.

    By arm: `uncorrected` (the verifier's rate over all answers that make claims it could judge), `by_labels` (the rate
    on the labelled answers alone) and `corrected` (prediction-powered: the verifier's rate, less its error on the
    labelled answers), each an interval; `labelled` and `answers` say how many. An answer is labelled where all its
    judged claims are. The labelled answers must be a random sample of the answers, not the odd-looking ones.
    `corrected` has a `status` in the place of a value where there are too few labels ("too_few_labels", below 100) or
    nothing is left to correct ("all_labelled": then take `by_labels`). Where a judge's verdicts are the labels, the
    rate is the judge's, with the judge's errors.
    """
    result = {}
    for arm in dict.fromkeys(row.arm for row in outcomes):
        truth, judged, rest = [], [], []  # per answer, the share of its claims that isn't supported
        for row in outcomes:
            ours = {place: not is_good(claim["verdict"]) for place, claim in enumerate(row.claims) if _judged(claim)}
            if row.arm != arm or row.error or not ours:
                continue
            known = [labels.get((row.id, arm, place)) for place in ours]
            if None in known:
                rest.append(float(np.mean(list(ours.values()))))
            else:
                truth.append(float(np.mean([not good for good in known])))
                judged.append(float(np.mean(list(ours.values()))))
        result[arm] = {
            "uncorrected": asdict(mean_interval([*judged, *rest])),
            "by_labels": asdict(mean_interval(truth)),
            "corrected": _corrected(truth, judged, rest),
            "labelled": len(truth),
            "answers": len(truth) + len(rest),
        }
    return result


def _judged(claim: Mapping[str, Any]) -> bool:
    return claim["verdict"] != "unverifiable"


def _corrected(truth: Sequence[float], judged: Sequence[float], rest: Sequence[float]) -> dict[str, Any]:
    status = "too_few_labels" if len(truth) < FEWEST_LABELS else "all_labelled" if not rest else ""
    if status:
        return {"value": None, "low": None, "high": None, "n": len(truth), "method": "none", "status": status}
    return asdict(prediction_powered(truth, judged, rest))
