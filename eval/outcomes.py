"""Outcomes: one example × one arm, a line of `outcomes.jsonl`, written so that what was reported done is never lost."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from firmground.eval.evidence import STATUSES, NoEvidence
from firmground.eval.metrics.answers import score_answer
from firmground.eval.types import Example, Outcome
from firmground.knowledge.durable import failpoint, fsync_folder, write_atomic
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.types import Hit
from firmground.rag.arms import Arm
from firmground.rag.types import Answer, ChoiceScore

# The last row of an append ends so: JSON ignores the space, and resuming sees that all of the append has arrived.
COMMITTED = b" \n"


def outcome_of(example: Example, answer: Answer, arm: Arm, planted: str = "") -> Outcome:
    """The row of an answer, scored. An answer without text counts as an abstention: it says nothing.

    `planted`: the wrong answer in counterfactual evidence; kept in the row's metadata.
    """
    usage = answer.usage
    if planted:
        example = replace(example, metadata={**example.metadata, "planted": planted})
    return Outcome(
        id=example.id,
        arm=arm.name,
        question=example.question,
        answer=answer.text,
        abstained=answer.abstained or not answer.text.strip(),
        hits=tuple(_hit_row(hit) for hit in answer.hits),
        claims=tuple(asdict(claim) for claim in answer.claims),
        scores=score_answer(example, answer, arm),
        timing={
            "retrieve_s": usage.retrieve_s,
            "generate_s": usage.generate_s,
            "verify_s": usage.verify_s,
            "seconds": usage.seconds,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
        },
        answers=example.answers,
        metadata=_metadata(example) | _about(answer),
        task=example.task,
        cluster=example.cluster,
        confidence=None if answer.confidence is None else round(answer.confidence, 4),
        choices=tuple(_choice_row(choice) for choice in answer.choices),
    )


def failed_outcome(example: Example, arm: Arm, error: Exception) -> Outcome:
    """The row of a question that an arm couldn't answer: counted apart, and never averaged in.

    Its `error` begins with a status (`evidence.STATUSES`) where no evidence can be made for the question, else with the
    name of the exception.
    """
    text = str(error) if isinstance(error, NoEvidence) else f"{type(error).__name__}: {error}"
    text = " ".join(text.split())
    return Outcome(
        id=example.id,
        arm=arm.name,
        question=example.question,
        answer="",
        abstained=False,
        answers=example.answers,
        metadata=_metadata(example),
        error=text[:500],
        task=example.task,
        cluster=example.cluster,
    )


def is_final(outcome: Outcome) -> bool:
    """Whether asking again would change nothing: an answer, or a question for which no evidence can be made."""
    return not outcome.error or outcome.error.partition(":")[0] in STATUSES


def _choice_row(choice: ChoiceScore) -> dict[str, Any]:
    prior = None if choice.prior is None else round(choice.prior, 3)
    row = {"text": choice.text, "log_probability": round(choice.log_probability, 3), "prior": prior}
    return row if choice.link is None else row | {"link": round(choice.link, 4)}


def _hit_row(hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    row = {
        "document": passage.document,
        "passage": passage.id,
        "score": round(float(hit.score), 5),  # a float's last bits differ between runs; a row shouldn't
        "title": passage.title,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "source": passage.source,
    }
    page = passage.metadata.get("page")
    return row if page is None else row | {"page": page}


def _metadata(example: Example) -> dict[str, Any]:
    """The example's other fields, so that a row holds all that its scores were made from."""
    known = {
        "answerable": None if example.answerable else False,
        "choices": list(example.choices),
        "answer": example.answer,
        "gold": list(example.gold),
    }
    return {**example.metadata, **{key: value for key, value in known.items() if value not in (None, [])}}


def _about(answer: Answer) -> dict[str, Any]:
    """What else is to be known about an answer: the gate's probability, what was changed or found in it, what it was
    made without. Nothing of it where nothing of it happened."""
    known = {
        "basis": answer.basis if answer.gate is not None else None,
        "gate": None if answer.gate is None else round(answer.gate, 4),
        "repairs": [asdict(repair) for repair in answer.repairs],
        "findings": [asdict(finding) for finding in answer.findings],
        "without": list(answer.without),
    }
    return {key: value for key, value in known.items() if value not in (None, [])}


def to_line(outcome: Outcome) -> bytes:
    """A row as JSON and a line break; what UTF-8 can't hold (half a surrogate pair) becomes "?"."""
    return json.dumps(asdict(outcome), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def from_row(row: Mapping[str, Any]) -> Outcome:
    """The outcome of a parsed line. Raises TypeError or KeyError where it isn't one."""
    outcome = Outcome(**row)
    return replace(
        outcome,
        hits=tuple(outcome.hits),
        claims=tuple(outcome.claims),
        answers=tuple(outcome.answers),
        choices=tuple(outcome.choices),
    )


def read_outcomes(path: Path) -> list[Outcome]:
    """The complete rows of an `outcomes.jsonl`. A last line that was cut off in the middle is left out.

    Raises:
        InputError: the file is missing, or a line before the last can't be read.
    """
    return [outcome for _, outcome in _lines(path)]


def _lines(path: Path) -> list[tuple[bytes, Outcome]]:
    """The complete lines of a file, with their line breaks, and what each says."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}; expected the folder of a comparison") from error
    outcomes = []
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last line break was never finished
        try:
            outcomes.append((line + b"\n", from_row(json.loads(line))))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}:{number}: not an outcome ({error}); take another --out") from error
    return outcomes


def _committed(lines: list[tuple[bytes, Outcome]]) -> list[tuple[bytes, Outcome]]:
    """The lines up to the last that ends an append. A file of an earlier version marks none, and counts as it is."""
    if lines and b'"task":' not in lines[0][0]:
        return lines
    ends = [place for place, (line, _) in enumerate(lines, start=1) if line.endswith(COMMITTED)]
    return lines[: ends[-1]] if ends else []


class OutcomeLog:
    """`outcomes.jsonl` as a log that one process appends to: rows count once `append` has returned.

    Opening it keeps the questions for which every arm has a final row, and drops what an interruption left of an
    append, whole: its questions are asked again together, as if nothing had happened. Questions with an error are
    dropped too, so that running again tries them again.
    """

    def __init__(self, path: Path, arms: Sequence[str]) -> None:
        self.path = path
        self.outcomes = self._keep_complete(arms)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  (unbuffered: a full disk shows where it happens)
        fsync_folder(path.parent)

    def _keep_complete(self, arms: Sequence[str]) -> list[Outcome]:
        if not self.path.exists():
            return []
        lines = _committed(_lines(self.path))
        good: dict[str, set[str]] = {}
        for _, row in lines:
            good.setdefault(row.id, set()).update((row.arm,) if is_final(row) else ())
        kept = [(line, row) for line, row in lines if good[row.id] == set(arms)]
        data = b"".join(line for line, _ in kept)
        if kept and not data.endswith(COMMITTED):
            data = data[:-1] + COMMITTED
        if data != self.path.read_bytes():
            write_atomic(self.path, data, "outcomes.resume")
        return [row for _, row in kept]

    @property
    def done(self) -> set[str]:
        """Ids of the questions that need not be asked again."""
        return {outcome.id for outcome in self.outcomes}

    def append(self, outcomes: Iterable[Outcome]) -> None:
        """Write rows and make them durable.

        Raises:
            FirmgroundError: the disk is full; what `append` returned for before is kept.
        """
        rows = list(outcomes)
        data = b"".join(map(to_line, rows))[:-1] + COMMITTED if rows else b""
        try:
            failpoint("outcomes.write")
            self._write(data[: len(data) // 2])
            failpoint("outcomes.torn")
            self._write(data[len(data) // 2 :])
            failpoint("outcomes.fsync")
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            kept = len(self.done)
            raise FirmgroundError(
                f"no room left on the disk for {self.path}; {kept} questions are kept: free some space and run it again"
            ) from error
        self.outcomes.extend(rows)
        failpoint("outcomes.done")

    def _write(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) :]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> OutcomeLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
