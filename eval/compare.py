"""The main job: questions × arms → outcomes, row by row, resumable → summary and report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from firmground.eval.manifest import check_same_run, make_manifest, write_json
from firmground.eval.outcomes import OutcomeLog, failed_outcome, outcome_of
from firmground.eval.summary import Summary, summarise
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError, KnowledgeBaseError, MissingExtra, WeightsMissing
from firmground.rag.arms import Arm
from firmground.rag.types import Answer

_SAME_FOR_ALL = (KnowledgeBaseError, MissingExtra, WeightsMissing)  # one question won't fare better than another

Progress = Callable[[int, int], None]  # questions done (and durable), questions in all


class Assistant(Protocol):
    """What `compare` needs of whoever answers."""

    def answer_batch(self, questions: Sequence[str], arm: Arm) -> list[Answer]:
        """One answer per question, in order. A question's answer doesn't depend on its neighbours."""
        ...

    def judge(self, answers: dict[str, Answer]) -> dict[str, Answer]:
        """One question's answers by arm, with verdicts on their claims, all against the same pooled evidence."""
        ...

    def describe(self) -> dict[str, Any]:
        """Models, encoder and knowledge base, with fingerprints: what another run must share to be the same run."""
        ...


def compare(
    assistant: Assistant,
    examples: Sequence[Example],
    arms: Sequence[Arm],
    out: str | Path,
    *,
    progress: Progress | None = None,
    batch_size: int = 8,
    seed: int = 0,
    command: str = "",
    verifier_error: Mapping[str, Any] | None = None,
) -> Summary:
    """Ask every arm every question; leave manifest, outcomes, summary and report in `out`.

    Started again with the same arguments it goes on where it was interrupted; a longer list of questions that begins
    with the same ones is a continuation too. Questions that failed are tried again.

    Args:
        assistant: see `Assistant`.
        examples: `load_questions(…)`, whose file name goes into the manifest.
        arms: at least one, with different names.
        out: a folder, made where it is missing.
        progress: called as progress(done, total) whenever questions have become durable.
        batch_size: questions handed to an arm at once; rows are made durable as often.
        seed: of the bootstrap.
        command: the command line that repeats this run, for the report.
        verifier_error: the verifier's measured error, {"data": …, "auroc": …, "low": …, "high": …, "n": …} or a list
            of such, for the report.

    Raises:
        InputError: `out` holds another comparison (the message says what differs), is in use, or isn't a folder.
    """
    if not examples or not arms:
        raise InputError(f"expected questions and arms, got {len(examples)} questions and {len(arms)} arms")
    _expect_different("question ids", [example.id for example in examples])
    _expect_different("arms", [arm.name for arm in arms])
    folder = Path(out)
    with _locked(folder):
        manifest = make_manifest(assistant.describe(), examples, arms, seed, command, verifier_error)
        check_same_run(folder, manifest)
        write_json(folder / "manifest.json", manifest, "manifest")
        with OutcomeLog(folder / "outcomes.jsonl", [arm.name for arm in arms]) as log:
            _ask_all(assistant, examples, arms, log, batch_size, progress)
            outcomes = log.outcomes
        summary = summarise(outcomes, seed)
        write_json(folder / "summary.json", summary, "summary")
        from firmground.eval.report import render_report

        render_report(folder, summary=summary)
    return summary


def _ask_all(
    assistant: Assistant,
    examples: Sequence[Example],
    arms: Sequence[Arm],
    log: OutcomeLog,
    batch_size: int,
    progress: Progress | None,
) -> None:
    done = log.done
    waiting = [example for example in examples if example.id not in done]
    finished = len(examples) - len(waiting)
    if progress:
        progress(finished, len(examples))
    for start in range(0, len(waiting), batch_size):
        batch = waiting[start : start + batch_size]
        log.append(ask_batch(assistant, batch, arms))
        finished += len(batch)
        if progress:
            progress(finished, len(examples))


def ask_batch(assistant: Assistant, batch: Sequence[Example], arms: Sequence[Arm]) -> list[Outcome]:
    """The outcomes of some questions, all arms of a question together."""
    by_arm = {arm.name: _answers(assistant, batch, arm) for arm in arms}
    outcomes = []
    for place, example in enumerate(batch):
        replies = {arm.name: by_arm[arm.name][place] for arm in arms}
        replies |= _judged(assistant, {name: reply for name, reply in replies.items() if isinstance(reply, Answer)})
        for arm in arms:
            reply = replies[arm.name]
            outcomes.append(
                outcome_of(example, reply, arm) if isinstance(reply, Answer) else failed_outcome(example, arm, reply)
            )
    return outcomes


def _answers(assistant: Assistant, batch: Sequence[Example], arm: Arm) -> list[Answer | Exception]:
    """An answer or an exception per question: a batch that fails is asked again one by one."""
    try:
        answers = assistant.answer_batch([example.question for example in batch], arm)
        if len(answers) != len(batch):
            raise ValueError(f"expected {len(batch)} answers from arm {arm.name}, got {len(answers)}")
        return list(answers)
    except _SAME_FOR_ALL:
        raise
    except Exception as error:  # recorded in the row, and counted apart
        if len(batch) == 1:
            return [error]
        return [reply for example in batch for reply in _answers(assistant, [example], arm)]


def _judged(assistant: Assistant, answers: dict[str, Answer]) -> Mapping[str, Answer | Exception]:
    """The answers with verdicts; where judging fails, the failure stands for every arm."""
    if not answers:
        return {}
    try:
        judged = assistant.judge(answers)
        return {name: judged[name] for name in answers}
    except _SAME_FOR_ALL:
        raise
    except Exception as error:  # recorded in the rows, and counted apart
        return dict.fromkeys(answers, error)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder and hold it alone; leftovers of a crash (temporary files) are removed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"can't write to {folder}: {error.strerror}; take another --out") from error
    with file:
        try:
            import fcntl
        except ImportError:  # Windows: no lock, two runs at once are on their own
            pass
        else:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(f"another comparison is writing to {folder}; wait, or take another --out") from error
        for name in ("manifest.json", "outcomes.jsonl", "summary.json", "report.html"):
            for leftover in folder.glob(f".{name}.*.tmp"):
                leftover.unlink(missing_ok=True)
        yield


def _expect_different(what: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    twice = next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
    if twice is not None:
        raise InputError(f"expected different {what}, got {twice!r} twice")
