"""Judge a finished comparison: its claims against the evidence, its answers against the gold, row by row, resumable.

`judge.jsonl` beside `outcomes.jsonl` gets a line a row: what the judge said of each claim and of the answer, with both
replies. Every arm's claims are judged against the same evidence, what all arms of the question retrieved together, and
each claim as our verifier reads it: so the two can be held against each other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firmground.eval.judge.agreement import judged_table
from firmground.eval.judge.ask import Judge, Judgement
from firmground.eval.judge.labels import read_labels
from firmground.eval.judge.prompts import fingerprint
from firmground.eval.locked import locked
from firmground.eval.manifest import read_json
from firmground.eval.outcomes import read_outcomes
from firmground.eval.types import Outcome
from firmground.knowledge.durable import failpoint, fsync_folder, write_atomic
from firmground.knowledge.errors import FirmgroundError, InputError
from firmground.knowledge.types import Hit, Passage
from firmground.rag.ground import pooled, verifiable

BATCH_ROWS = 8  # rows judged at once, and made durable together
FILE = "judge.jsonl"


@dataclass(frozen=True)
class JudgedRow:
    """A line of `judge.jsonl`. `digest` changes with anything that the judge was shown, and with the prompts.

    `claims` holds a judgement a claim of the row, in order; `answer` is None where there was no gold, or no answer.
    """

    id: str
    arm: str
    judge: str
    digest: str
    claims: tuple[Judgement, ...]
    answer: Judgement | None

    @property
    def failed(self) -> bool:
        """Whether the model failed on any part: then the row is asked again by the next run."""
        return any(one.status == "error" for one in (*self.claims, *([self.answer] if self.answer else [])))


@dataclass(frozen=True)
class _Shown:
    """What a judge is shown of an outcome."""

    row: Outcome
    statements: tuple[str, ...]
    evidence: tuple[str, ...]
    golds: tuple[str, ...]  # empty: the answer isn't judged

    @property
    def digest(self) -> str:
        shown = [fingerprint(), self.row.question, self.row.answer, self.statements, self.evidence, self.golds]
        text = json.dumps(shown, ensure_ascii=False).encode("utf-8", "replace")
        return hashlib.sha256(text).hexdigest()[:16]


def judge_run(
    run_folder: str | Path,
    judge: Judge,
    labels: str | Path | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Judge a comparison's rows and return the table of `agreement.judged_table`.

    Started again it goes on where it was; rows on which the model failed are asked again.

    Args:
        labels: people's labels, see `labels.read_labels`.
        limit: only the first so many questions.
        progress: called as progress(done, total) in rows, whenever some have become durable.

    Raises:
        InputError: no comparison there, it is in use, `judge.jsonl` holds another judge's lines, or bad labels.
        FirmgroundError: the model failed on everything it was asked; what was judged before is kept.
    """
    folder = Path(run_folder)
    outcomes = _first_questions(read_outcomes(folder / "outcomes.jsonl"), limit)
    known_labels = read_labels(Path(labels), outcomes) if labels is not None else {}
    shown = [one for one in _what_is_shown(outcomes, _misled(folder)) if not one.row.error]
    with locked(folder, [FILE]):
        done = _resume(folder / FILE, judge, shown)
        waiting = [one for one in shown if (one.row.id, one.row.arm) not in done]
        with open(folder / FILE, "ab", buffering=0) as file:
            fsync_folder(folder)
            for start in range(0, len(waiting), BATCH_ROWS):
                if progress:
                    progress(len(done), len(shown))
                rows = _judge_rows(judge, waiting[start : start + BATCH_ROWS])
                _append(file, rows)
                done |= {(row.id, row.arm): row for row in rows}
    if progress:
        progress(len(done), len(shown))
    return judged_table(judge.name, outcomes, done, known_labels)


def read_judgements(run_folder: str | Path) -> dict[tuple[str, str], JudgedRow]:
    """What `judge_run` left, by (id, arm). A last line that was cut off is left out.

    Raises:
        InputError: there is no `judge.jsonl`, or a line before the last can't be read.
    """
    path = Path(run_folder) / FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}; run `firmground judge` on this comparison") from error
    rows = {}
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last line break was never finished
        try:
            row = _from_line(line)
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path}:{number}: not a judgement ({error}); delete the file and judge anew") from error
        rows[row.id, row.arm] = row
    return rows


# ------------------------------------------------------------------------------------------------------ what is judged


def _first_questions(outcomes: Sequence[Outcome], limit: int | None) -> list[Outcome]:
    ids = list(dict.fromkeys(row.id for row in outcomes))
    wanted = set(ids if limit is None else ids[:limit])
    return [row for row in outcomes if row.id in wanted]


def _misled(folder: Path) -> set[str]:
    """The arms that were given evidence that is wrong on purpose: it judges nobody's claims."""
    if not (folder / "manifest.json").exists():
        return set()
    arms = read_json(folder / "manifest.json").get("arms", [])
    return {arm["name"] for arm in arms if arm.get("retrieve") in ("noise", "counterfactual")}


def _what_is_shown(outcomes: Sequence[Outcome], misled: Collection[str]) -> Iterator[_Shown]:
    by_question: dict[str, list[Outcome]] = {}
    for row in outcomes:
        by_question.setdefault(row.id, []).extend([] if row.arm in misled else [row])
    evidence = {key: _pooled_texts(rows) for key, rows in by_question.items()}
    for row in outcomes:
        statements = tuple(verifiable(row.question, str(claim["text"])) for claim in row.claims)
        yield _Shown(row, statements, evidence[row.id], () if row.abstained else _golds(row))


def _pooled_texts(rows: Sequence[Outcome]) -> tuple[str, ...]:
    """The texts that our verifier judged this question's claims against, in the same order."""
    hits = {row.arm: [_hit(hit) for hit in row.hits] for row in rows}
    return tuple(hit.passage.text for hit in pooled(hits))


def _hit(row: Mapping[str, Any]) -> Hit:
    return Hit(Passage(row["passage"], row["document"], row["text"], row["start"], row["end"]), row["score"])


def _golds(row: Outcome) -> tuple[str, ...]:
    """What the answer is held against; empty where nothing is known, where the question has no answer, and for
    summaries and translations, which aren't right or wrong."""
    if row.metadata.get("answerable") is False or row.task in ("summary", "translation"):
        return ()
    right = row.metadata.get("answer")
    return tuple(row.answers) or ((str(right),) if right else ())


def _judge_rows(judge: Judge, batch: Sequence[_Shown]) -> list[JudgedRow]:
    """Some rows, with all their claims asked together and all their answers together."""
    statements = [statement for one in batch for statement in one.statements]
    evidence = [one.evidence for one in batch for _ in one.statements]
    claims = iter(judge.judge_claims(statements, evidence))
    with_gold = [one for one in batch if one.golds]
    answers = judge.judge_answers(
        [one.row.question for one in with_gold],
        [one.row.answer for one in with_gold],
        [one.golds for one in with_gold],
    )
    by_row = {(one.row.id, one.row.arm): answer for one, answer in zip(with_gold, answers, strict=True)}
    rows = [
        JudgedRow(
            one.row.id,
            one.row.arm,
            judge.name,
            one.digest,
            tuple(next(claims) for _ in one.statements),
            by_row.get((one.row.id, one.row.arm)),
        )
        for one in batch
    ]
    _stop_where_all_failed(judge, rows)
    return rows


def _stop_where_all_failed(judge: Judge, rows: Sequence[JudgedRow]) -> None:
    """A wrong key or a server that is down fails on everything: better said at once than a thousand times."""
    asked = [one for row in rows for one in (*row.claims, row.answer) if one and one.status != "no_evidence"]
    if asked and all(one.status == "error" for one in asked):
        raise FirmgroundError(
            f"the judge {judge.name} failed on all of {len(asked)} questions in a row: {asked[0].error}; "
            "what was judged before is kept: mend it and run the same command again"
        )


# --------------------------------------------------------------------------------------------------------- judge.jsonl


def _resume(path: Path, judge: Judge, shown: Sequence[_Shown]) -> dict[tuple[str, str], JudgedRow]:
    """The rows that need not be judged again; what is cut off, outdated or failed is dropped from the file."""
    if not path.exists():
        return {}
    rows = read_judgements(path.parent)
    other = next((row.judge for row in rows.values() if row.judge != judge.name), None)
    if other is not None:
        raise InputError(f"{path} holds what {other} judged, not {judge.name}; move it away, or name that judge")
    current = {(one.row.id, one.row.arm): one.digest for one in shown}
    outdated = {key for key, row in rows.items() if key in current and row.digest != current[key]}
    kept = {key: row for key, row in rows.items() if not row.failed and key not in outdated}
    data = b"".join(map(_to_line, kept.values()))
    if len(data) != path.stat().st_size:
        write_atomic(path, data, "judge.resume")
    return {key: row for key, row in kept.items() if key in current}


def _to_line(row: JudgedRow) -> bytes:
    return json.dumps(asdict(row), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _from_line(line: bytes) -> JudgedRow:
    row = json.loads(line)
    claims = tuple(_judgement(one) for one in row["claims"])
    answer = _judgement(row["answer"]) if row["answer"] else None
    return JudgedRow(row["id"], row["arm"], row["judge"], row["digest"], claims, answer)


def _judgement(one: Mapping[str, Any]) -> Judgement:
    return Judgement(one["verdict"], one["status"], tuple(one["replies"]), one["error"])


def _append(file: Any, rows: Sequence[JudgedRow]) -> None:
    """Write rows and make them durable."""
    data = b"".join(map(_to_line, rows))
    failpoint("judge.write")
    for part in (data[: len(data) // 2], data[len(data) // 2 :]):
        while part:
            part = part[file.write(part) :]
        failpoint("judge.torn")
    os.fsync(file.fileno())
    failpoint("judge.done")
