"""Reasons as plain values: made of what `rag/explain` found, kept in a run's folder, read by its report.

`reasons.jsonl` of a run holds a line for each answer that was looked into: the question's id, and `reasons_values`. The
prompt isn't kept with a run: it is made again from the row's evidence, so that no knowledge base is needed.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from firmground.eval.browse import answer_of
from firmground.eval.locked import locked
from firmground.eval.manifest import read_json
from firmground.eval.metrics.normalise import language_of
from firmground.eval.outcomes import read_outcomes
from firmground.eval.summary.figures import rows_by_arm
from firmground.eval.summary.flips import flip
from firmground.eval.types import Outcome
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.rag.arms import Arm
from firmground.rag.explain.tokens import stretches
from firmground.rag.explain.types import Attention, Attribution, Reasons
from firmground.rag.types import Answer, Decoding

if TYPE_CHECKING:
    from firmground.knowledge.types import Hit

REASONS = "reasons.jsonl"
COLOUR = (38, 150, 140)  # of the heat maps, by opacity: seen on white and on black
GAP = 2  # pixels between heat maps, and 1 between sources
BRIGHTEST = 0.99  # the quantile of the attention shown that is drawn opaque
_KEPT = ("question", "answer", "arm", "generator", "log_probability", "without_sources")
_LEAST = 1e-30  # a probability that a float could round to 0

# Those whose answer changed first, the broken ones first of all.
_ORDER = (
    "broken", "answered_wrongly", "withheld_right", "fixed", "answered_rightly", "withheld_wrong", "wrong_both",
    "right_both", "abstained_both",
)  # fmt: skip


class Explains(Protocol):
    """What is needed of whoever explains: an `Assistant` with the generator that answered."""

    def answer_batch(
        self,
        questions: Sequence[str],
        arm: Arm,
        hits: Sequence[Sequence[Hit]] | None = None,
        choices: Sequence[Sequence[str]] | None = None,
    ) -> list[Answer]: ...

    def explain(self, answer: Answer, arm: Arm, *, attention: bool = False) -> Reasons: ...

    def describe(self) -> dict[str, Any]: ...


def explain_run(
    run_folder: str | Path,
    assistant: Explains,
    count: int,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Find what the answers to `count` questions rest on, and keep it in the run's `reasons.jsonl`.

    The arm is the one that the report compares with the baseline; questions whose outcome it changed come first. What
    the file holds already isn't looked into again. Returns how many of the run's answers have reasons now.

    Raises:
        InputError: the folder isn't a run's, the assistant's generator isn't the run's, or no arm writes from evidence.
    """
    folder = Path(run_folder)
    manifest = read_json(folder / "manifest.json")
    by_arm = rows_by_arm(read_outcomes(folder / "outcomes.jsonl"))
    _check_generator(manifest, assistant.describe(), folder)
    arm = _explained_arm(manifest, by_arm, folder)
    baseline = next(iter(by_arm.values()))
    chosen = _most_telling(baseline, by_arm[arm.name])[:count]
    with locked(folder, (REASONS,)):
        known = {key: one for key, one in read_reasons(folder).items() if _is_of(one, by_arm, key)}
        for done, row in enumerate(chosen):
            if progress:
                progress(done, len(chosen))
            if (row.id, row.arm) not in known:
                known[row.id, row.arm] = reasons_values(_explain(assistant, row, arm))
                _write(folder, known)
    if progress:
        progress(len(chosen), len(chosen))
    return len(known)


def read_reasons(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """{(question's id, arm): what its answer rests on} of a run's folder; none where nothing was looked into.

    Raises:
        InputError: a line can't be read.
    """
    path = folder / REASONS
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            found[row.pop("id"), row["arm"]] = row
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}:{number}: not what firmground writes ({error!r}); delete the file") from error
    return found


def _write(folder: Path, known: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    lines = (json.dumps({"id": key, **values}, ensure_ascii=False) + "\n" for (key, _), values in known.items())
    write_atomic(folder / REASONS, "".join(lines).encode("utf-8", "replace"), "reasons")


def _is_of(reasons: Mapping[str, Any], by_arm: Mapping[str, Mapping[str, Outcome]], key: tuple[str, str]) -> bool:
    """Whether they are still of the row's answer: a failed question may have been asked again since."""
    row = by_arm.get(key[1], {}).get(key[0])
    return row is not None and row.answer == reasons["answer"]


def _check_generator(manifest: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError unless the run's answers are this generator's: another's reasons would explain nothing."""
    asked = manifest.get("assistant") or {}
    for name in ("generator", "generator_fingerprint"):
        if asked.get(name) is not None and asked[name] != now.get(name):
            raise InputError(
                f"{folder} was answered by {asked[name]!r} ({name.replace('_', ' ')}), here is {now.get(name)!r}: "
                "reasons need the generator that answered"
            )


def _explained_arm(manifest: Mapping[str, Any], by_arm: Mapping[str, object], folder: Path) -> Arm:
    """The arm that the report sets against the baseline, or else the last that writes from evidence."""
    writing = [one for one in manifest["arms"] if one.get("generator", True) and one.get("retrieve") != "none"]
    names = [one["name"] for one in writing if one["name"] in by_arm]
    if not names:
        raise InputError(f"{folder}: no arm of this run writes from evidence; run one that does, such as augmented")
    name = "augmented" if "augmented" in names else names[-1]
    given = next(one for one in writing if one["name"] == name)
    try:
        arm = Arm(**{**_tuples(given), "decoding": Decoding(**_tuples(given.get("decoding") or {}))})
    except TypeError as error:
        raise InputError(f"{folder}: its arm {name!r} is of another version ({error}); run it again") from error
    return replace(arm, gate=0.0)  # what is explained has passed it


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An arm's fields as it has them: JSON made lists of its tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _most_telling(baseline: Mapping[str, Outcome], rows: Mapping[str, Outcome]) -> list[Outcome]:
    """The rows that have reasons: answered from evidence. Those whose outcome changed come first."""
    answered = [row for row in rows.values() if row.hits and row.answer.strip() and not (row.error or row.abstained)]
    written = [row for row in answered if answer_of(row).basis == "evidence"]
    place = {name: number for number, name in enumerate(_ORDER)}
    kinds = {row.id: flip(baseline[row.id], row) if row.id in baseline else None for row in written}
    return sorted(written, key=lambda row: place.get(kinds[row.id] or "", len(place)))


def _explain(assistant: Explains, row: Outcome, arm: Arm) -> Reasons:
    """The reasons of a row's answer: the prompt is made anew from its evidence, the text stays as it was given."""
    kept = answer_of(row)
    choices = tuple(row.metadata.get("choices") or ()) if row.task != "label" else ()
    made = assistant.answer_batch([row.question], arm, [kept.hits], [choices])[0]
    answer = replace(made, text=row.answer)
    try:
        return assistant.explain(answer, arm, attention=True)
    except InputError:  # attention can't be had of this model, or of so long a text: the other reasons can
        return assistant.explain(answer, arm)


def reasons_values(reasons: Reasons) -> dict[str, Any]:
    """What is shown of an answer's reasons, as JSON holds it: figures as they are, the heat maps as one picture.

    `sources`, one a sentence, have bars' `width` and `share_width` in [0, 100] and `tokens`, [text, shade in [0, 1]];
    `trust` holds the figures by which each kind of reason can be trusted. `most_nats`: the top of the tokens' scale.
    """
    looked = reasons.attention
    tokens: list[dict[str, Any]] = [
        {"text": one.text, "probability": one.probability, "entropy": one.entropy,
         "surprise": -math.log(max(one.probability, _LEAST))}
        for one in stretches(reasons)
    ]  # fmt: skip
    return {
        **{name: getattr(reasons, name) for name in _KEPT},
        "lang": language_of(reasons.answer, reasons.question),
        "method": reasons.attribution.method if reasons.attribution else None,
        "stretches": tokens,
        "most_nats": max([1.0, *(one[name] for one in tokens for name in ("surprise", "entropy"))]),
        "sources": _sources(reasons),
        "passages": [[one.document, one.drop] for one in reasons.passages],
        "trust": [_trust(one) for one in (reasons.attribution, looked.attribution if looked else None) if one],
        "misleads": misleads(reasons),
        "sheet": contact_sheet(looked) if looked else "",
        "heads": list(looked.weights.shape[:2]) if looked else [],
    }


def misleads(reasons: Reasons) -> bool:
    """Whether attention names another source first than removal does."""
    looked = reasons.attention.attribution if reasons.attention else None
    return bool(looked and reasons.attribution and looked.order[0] != reasons.attribution.order[0])


def _trust(attribution: Attribution) -> dict[str, Any]:
    return {
        "method": attribution.method,
        "drops": [list(drop) for drop in attribution.top_drops],
        "lds": attribution.lds,
        "ablations": attribution.ablations,
        "agreement": attribution.agreement,
    }


def _sources(reasons: Reasons) -> list[dict[str, Any]]:
    """Each source with its bars' widths and, where attention was read, its tokens with their shading."""
    if reasons.attribution is None:
        return []
    shown: list[dict[str, Any]] = []
    shares = reasons.attention.attribution.scores if reasons.attention and reasons.attention.attribution else ()
    most = max(map(abs, reasons.attribution.scores)) or 1.0
    for place, (source, score) in enumerate(zip(reasons.sources, reasons.attribution.scores, strict=True)):
        row: dict[str, Any] = {
            "text": source.text, "document": source.document, "start": source.start, "end": source.end,
            "score": score, "width": 100 * abs(score) / most, "share": None, "tokens": [[source.text, 0.0]],
        }  # fmt: skip
        if reasons.attention and shares:
            row |= {"share": shares[place], "share_width": 100 * shares[place] / (max(shares) or 1)}
            row["tokens"] = _shaded(reasons.attention, place, source.text)
        shown.append(row)
    return shown


def _shaded(looked: Attention, place: int, text: str) -> list[list[Any]]:
    """A source's text, token by token, with the attention on each, mean over all, in [0, 1] of the most on any token.

    Tokens that write one character together (its bytes) all have that character as their text: it is shown once.
    """
    per_token = looked.weights.mean(axis=(0, 1, 2))
    most = float(per_token[looked.source_of >= 0].max()) or 1.0
    shown: list[list[Any]] = []
    at = 0  # so much of the text is shown
    for token in np.flatnonzero(looked.source_of == place):
        said = looked.prompt_tokens[token]
        if at == 0 and not text.startswith(said):
            said = said.lstrip()  # the space before the sentence
        known = _known(text, at, said)
        if said[known:] or not shown:
            shown.append([said[known:], 0.0])
            at += len(said) - known
        shown[-1][1] = round(min(1.0, shown[-1][1] + float(per_token[token]) / most), 3)
    return [*shown, [text[at:], 0.0]] if at < len(text) else shown


def _known(text: str, at: int, said: str) -> int:
    """How many characters at the beginning of a token are shown already, where `text[:at]` is."""
    overlaps = (size for size in range(min(len(said), at) + 1)
                if text[at - size : at] == said[:size] and text.startswith(said[size:], at))  # fmt: skip
    return next(overlaps, 0)


def contact_sheet(looked: Attention) -> str:
    """All heat maps as one PNG in a data URI: a row of them a layer, the first on top, a column a head.

    In each, a row of pixels is a token of the answer, a column a token of the evidence, then of the question.
    """
    order = [np.flatnonzero(looked.source_of == place) for place in range(looked.source_of.max() + 1)]
    groups = [group for group in (*order, np.flatnonzero(looked.of_question)) if len(group)]
    if not groups:
        return ""
    layers, heads, rows, _ = looked.weights.shape
    blank = np.zeros((layers, heads, rows, 1), dtype=np.float32)
    columns = [part for group in groups for part in (looked.weights[..., group], blank)][:-1]
    shown = np.concatenate(columns, axis=3)  # (layers, heads, answer tokens, shown tokens)
    shown = np.sqrt(np.clip(shown / (float(np.quantile(shown, BRIGHTEST)) or 1.0), 0, 1))
    padded = np.pad(shown, ((0, 0), (0, 0), (0, GAP), (0, GAP)))
    sheet = padded.transpose(0, 2, 1, 3).reshape(layers * (rows + GAP), -1)
    return "data:image/png;base64," + base64.b64encode(png((255 * sheet).astype(np.uint8))).decode()


def png(opacity: np.ndarray) -> bytes:
    """(height, width) uint8 as a PNG of one colour, each pixel as opaque as told (W3C, Portable Network Graphics)."""
    height, width = opacity.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, a palette
    lines = np.pad(opacity, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter: none
    chunks = (
        (b"IHDR", header), (b"PLTE", bytes(COLOUR) * 256), (b"tRNS", bytes(range(256))),
        (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""),
    )  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
