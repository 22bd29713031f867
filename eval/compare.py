"""The main job: questions × arms → outcomes, row by row, resumable → summary and report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from firmground.eval.evidence import Evidence, Found
from firmground.eval.locked import locked
from firmground.eval.manifest import check_same_run, make_manifest, peak_memory, write_json
from firmground.eval.metrics.citations import citation_scores
from firmground.eval.metrics.normalise import Language
from firmground.eval.outcomes import OutcomeLog, failed_outcome, outcome_of
from firmground.eval.summary.figures import Summary, summarise
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError, KnowledgeBaseError, MissingExtra, WeightsMissing
from firmground.rag.arms import Arm
from firmground.rag.types import Answer, Verifier

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.types import Hit

Asked = TypeVar("Asked")
Thing = TypeVar("Thing")

BATCH_SIZE = 32  # questions: enough that sorting them by length saves padding; some tens of seconds that a crash costs
_SAME_FOR_ALL = (KnowledgeBaseError, MissingExtra, WeightsMissing)  # one question won't fare better than another

# Written whole, through a temporary file that a crash can leave behind.
RUN_FILES = (
    *("manifest.json", "outcomes.jsonl", "summary.json", "memory.json"),
    *("report.html", "report.md", "outcomes.csv", "ablation.json"),
)

Progress = Callable[[int, int], None]  # questions done (and durable), questions in all


class Assistant(Protocol):
    """What `compare` needs of whoever answers."""

    knowledge: KnowledgeBase | None  # where gold documents are read
    verifier: Verifier  # judges citations

    def retrieve(
        self, questions: Sequence[str], arm: Arm, choices: Sequence[Sequence[str]] | None = None
    ) -> list[list[Hit]]:
        """What the arm finds for each question and its choices; arms with the same `search` find the same."""
        ...

    def answer_batch(
        self,
        questions: Sequence[str],
        arm: Arm,
        hits: Sequence[Sequence[Hit]] | None = None,
        choices: Sequence[Sequence[str]] | None = None,
    ) -> list[Answer]:
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
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
    command: str = "",
    verifier_error: Mapping[str, Any] | None = None,
    language: Language | None = None,
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
        batch_size: questions handed to an arm at once; rows are made durable as often. Batches stand at fixed places of
            the list, so that an interrupted run asks the same ones as one that wasn't.
        seed: of the bootstrap, and of what noise and counterfactual evidence is drawn by.
        command: the command line that repeats this run, for the report.
        verifier_error: the verifier's measured error, {"data": …, "auroc": …, "low": …, "high": …, "n": …} or a list
            of such, for the report.
        language: what the report is written in; None: the questions'.

    Raises:
        InputError: `out` holds another comparison (the message says what differs), is in use, or isn't a folder.
    """
    if not examples or not arms:
        raise InputError(f"expected questions and arms, got {len(examples)} questions and {len(arms)} arms")
    _expect_different("question ids", [example.id for example in examples])
    _expect_different("arms", [arm.name for arm in arms])
    folder = Path(out)
    with locked(folder, RUN_FILES):
        manifest = make_manifest(assistant.describe(), examples, arms, seed, command, verifier_error)
        check_same_run(folder, manifest)
        write_json(folder / "manifest.json", manifest, "manifest")
        with OutcomeLog(folder / "outcomes.jsonl", [arm.name for arm in arms]) as log:
            evidence = Evidence(assistant.knowledge, examples, seed)
            _ask_all(assistant, examples, arms, evidence, log, batch_size, progress)
            outcomes = log.outcomes
        write_json(folder / "memory.json", peak_memory(folder / "memory.json"), "memory")
        summary = summarise(outcomes, seed)
        write_json(folder / "summary.json", summary, "summary")
        from firmground.eval.report.render import render_report

        render_report(folder, summary=summary, language=language)
    return summary


def _ask_all(
    assistant: Assistant,
    examples: Sequence[Example],
    arms: Sequence[Arm],
    evidence: Evidence,
    log: OutcomeLog,
    batch_size: int,
    progress: Progress | None,
) -> None:
    done = log.done
    finished = sum(example.id in done for example in examples)
    if progress:
        progress(finished, len(examples))
    for start in range(0, len(examples), batch_size):
        batch = [example for example in examples[start : start + batch_size] if example.id not in done]
        if not batch:
            continue
        log.append(ask_batch(assistant, batch, arms, evidence))
        finished += len(batch)
        if progress:
            progress(finished, len(examples))


def ask_batch(assistant: Assistant, batch: Sequence[Example], arms: Sequence[Arm], evidence: Evidence) -> list[Outcome]:
    """The outcomes of some questions, all arms of a question together."""
    found: dict[tuple[Any, ...], list[Found | Exception]] = {}  # searched once for all arms that search alike
    by_arm: dict[str, list[tuple[Answer, str] | Exception]] = {}
    for arm in arms:
        if arm.search not in found:
            found[arm.search] = _find(assistant, batch, arm, evidence)
    for alike in _alike(arms):
        given = [one for arm in alike for one in found[arm.search]]
        replies = _answers(assistant, list(batch) * len(alike), alike[0], given)
        for place, arm in enumerate(alike):
            mine = replies[place * len(batch) : (place + 1) * len(batch)]
            by_arm[arm.name] = [reply if isinstance(reply, Exception) else _by(arm, *reply) for reply in mine]
    return [
        outcome
        for place, example in enumerate(batch)
        for outcome in _outcomes(assistant, example, arms, {arm.name: by_arm[arm.name][place] for arm in arms})
    ]


def _alike(arms: Sequence[Arm]) -> list[list[Arm]]:
    """Arms that differ in nothing but where their evidence comes from: their questions are answered in one call, so
    that those of like length stand in a batch."""
    groups: dict[Arm, list[Arm]] = {}
    for arm in arms:
        same = arm if arm.retrieve == "none" else replace(arm, name="", retrieve="oracle")
        groups.setdefault(same, []).append(arm)
    return list(groups.values())


def _by(arm: Arm, answer: Answer, planted: str) -> tuple[Answer, str]:
    return replace(answer, arm=arm.name), planted


def _outcomes(
    assistant: Assistant, example: Example, arms: Sequence[Arm], replies: Mapping[str, tuple[Answer, str] | Exception]
) -> Iterator[Outcome]:
    """One question's rows: its answers judged together, failures as they are."""
    answers = {name: reply[0] for name, reply in replies.items() if not isinstance(reply, Exception)}
    judged = _judged(assistant, answers, {arm.name for arm in arms if arm.retrieve in ("noise", "counterfactual")})
    for arm in arms:
        reply = replies[arm.name]
        result = reply if isinstance(reply, Exception) else judged[arm.name]
        if isinstance(result, Exception) or isinstance(reply, Exception):
            yield failed_outcome(example, arm, result)  # type: ignore[arg-type]
            continue
        outcome = outcome_of(example, result, arm, planted=reply[1])
        cited = citation_scores(result.claims, assistant.verifier, example.question)
        yield replace(outcome, scores={**outcome.scores, **cited})


def _find(assistant: Assistant, batch: Sequence[Example], arm: Arm, evidence: Evidence) -> list[Found | Exception]:
    """What the arm stands on, question by question; each search's time is shared out among its questions."""
    if arm.retrieve == "none":
        return [Found()] * len(batch)

    def search(examples: Sequence[Example]) -> list[Found]:
        start = time.perf_counter()
        if arm.measures:
            found = [evidence.find(example, arm) for example in examples]
        else:
            questions, choices = [one.question for one in examples], [one.choices for one in examples]
            found = [Found(tuple(hits)) for hits in assistant.retrieve(questions, arm, choices)]
        seconds = (time.perf_counter() - start) / len(examples)
        return [replace(one, seconds=seconds) for one in found]

    return _each(search, batch)


def _answers(
    assistant: Assistant, batch: Sequence[Example], arm: Arm, found: Sequence[Found | Exception]
) -> list[tuple[Answer, str] | Exception]:
    """Per question the answer, with the wrong answer that was planted in its evidence; or what went wrong."""

    def ask(asked: Sequence[tuple[Example, Found]]) -> list[tuple[Answer, str]]:
        questions, choices = [one.question for one, _ in asked], [one.choices for one, _ in asked]
        answers = assistant.answer_batch(questions, arm, [evidence.hits for _, evidence in asked], choices)
        if len(answers) != len(asked):
            raise ValueError(f"expected {len(asked)} answers from arm {arm.name}, got {len(answers)}")
        return [
            (_charged(answer, evidence.seconds), evidence.planted)
            for answer, (_, evidence) in zip(answers, asked, strict=True)
        ]

    both = zip(batch, found, strict=True)
    replies = iter(_each(ask, [(example, one) for example, one in both if isinstance(one, Found)]))
    return [next(replies) if isinstance(one, Found) else one for one in found]


def _charged(answer: Answer, seconds: float) -> Answer:
    """The answer with the time that was spent on finding its evidence."""
    return replace(answer, usage=replace(answer.usage, retrieve_s=answer.usage.retrieve_s + seconds))


def _each(do: Callable[[Sequence[Asked]], Sequence[Thing]], batch: Sequence[Asked]) -> list[Thing | Exception]:
    """`do(batch)`, which gives one thing a question; where that fails, one by one, with an exception for a question
    that fails by itself."""
    if not batch:
        return []
    try:
        return list(do(batch))
    except _SAME_FOR_ALL:
        raise
    except Exception as error:  # recorded in the row, and counted apart
        if len(batch) == 1:
            return [error]
        return [thing for one in batch for thing in _each(do, [one])]


def _judged(assistant: Assistant, answers: dict[str, Answer], misled: set[str]) -> Mapping[str, Answer | Exception]:
    """The answers with verdicts; where judging fails, the failure stands for every arm.

    What arms were given that are `misled` on purpose is no evidence to judge by: neither their own answers nor others'.
    """
    if not answers:
        return {}
    asked = {name: replace(answer, hits=()) if name in misled else answer for name, answer in answers.items()}
    try:
        judged = assistant.judge(asked)
        return {name: replace(judged[name], hits=answer.hits) for name, answer in answers.items()}
    except _SAME_FOR_ALL:
        raise
    except Exception as error:  # recorded in the rows, and counted apart
        return dict.fromkeys(answers, error)


def _expect_different(what: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    twice = next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
    if twice is not None:
        raise InputError(f"expected different {what}, got {twice!r} twice")
