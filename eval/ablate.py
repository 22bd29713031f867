"""What each mitigation of an arm buys and costs: the full arm minus one, and plain plus one, on the same questions.

One comparison in one folder holds every arm that this needs, so it resumes as `compare` does; the table is made of its
rows, with paired intervals, p-values adjusted by Holm's method over all rows of the table, and the extra seconds and
tokens a question. Sorted by effect per second: what is worth its time comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, TypedDict

from firmground.eval.compare import Assistant, Progress, compare
from firmground.eval.manifest import write_json
from firmground.eval.metrics.answers import metric
from firmground.eval.stats import holm
from firmground.eval.summary.figures import rows_by_arm
from firmground.eval.summary.pairs import paired_figure
from firmground.eval.types import Example, Outcome
from firmground.knowledge.errors import InputError
from firmground.rag.arms import AUGMENTED, PLAIN, STOCK, Arm

_EFFECTS = ("accuracy", "f1", "rouge_l", "unsupported")  # what an effect is told in: the first that most rows have


@dataclass(frozen=True)
class Mitigation:
    """One thing that an arm does against a limit of its model. `without`: the arm's fields that it sets, and what they
    are where it is off ("decoding.beams": a field of its decoding). `needs`: the mitigations without which it does
    nothing."""

    name: str
    meaning: str
    without: Mapping[str, Any]
    needs: tuple[str, ...] = ()

    def is_on(self, arm: Arm) -> bool:
        return any(_get(arm, field) != value for field, value in self.without.items())

    def off(self, arm: Arm) -> Arm:
        return _with(arm, self.without)

    def on(self, arm: Arm, like: Arm) -> Arm:
        """`arm` with this mitigation as `like` has it."""
        return _with(arm, {field: _get(like, field) for field in self.without})


def _get(arm: Arm, field: str) -> Any:
    return attrgetter(field)(arm)


def _with(arm: Arm, values: Mapping[str, Any]) -> Arm:
    own = {field: value for field, value in values.items() if "." not in field}
    arm = replace(arm, **own)
    decoding = {field.removeprefix("decoding."): value for field, value in values.items() if "." in field}
    return replace(arm, decoding=replace(arm.decoding, **decoding)) if decoding else arm


MITIGATIONS = (
    Mitigation("retrieval", "evidence from the documents", {"retrieve": "none", "num_passages": 0}),
    Mitigation("hybrid", "search by words beside search by meaning", {"retrieve": "dense"}, ("retrieval",)),
    Mitigation("best", "the best passages only, instead of all found", {"num_evidence": 0}, ("retrieval",)),
    Mitigation(
        "sentences", "the sentences that fit, instead of whole passages", {"evidence": "passages"}, ("retrieval",)
    ),
    Mitigation("budget", "a limit to the tokens of evidence", {"evidence_tokens": 0}, ("retrieval", "sentences")),
    Mitigation("spans", "spans of the evidence weighed beside the written answer", {"spans": 0}, ("retrieval",)),
    Mitigation("length", "whole sentences, instead of a few words", {"answer": "words"}),
    Mitigation(
        "prompt",
        "worked examples in the prompt, instead of the tutorial's instruction",
        {"prompt": STOCK.prompt, "decoding": STOCK.decoding},
        ("retrieval",),
    ),
    Mitigation("quotation", "a quoted span, instead of generated text", {"generator": True}, ("retrieval",)),
    Mitigation("gate", "no answer where the evidence doesn't fit the question", {"gate": 0.0}, ("retrieval",)),
    Mitigation(
        "chains", "how facts lead to each choice counts beside its likelihood", {"choice_hops": 0}, ("retrieval",)
    ),
    Mitigation("hops", "a second search for what the first hits leave open", {"hops": 1}, ("retrieval",)),
    Mitigation("rerank", "a cross-encoder that reads the hits again", {"rerank": ""}, ("retrieval",)),
    Mitigation("fair", "passages about either gender found alike", {"fair": "none"}, ("retrieval",)),
    Mitigation("contrast", "tokens that the evidence makes likelier", {"decoding.contrast": 0.0}, ("retrieval",)),
    Mitigation("samples", "several drafts, the best supported given", {"decoding.samples": 1}, ("retrieval",)),
    Mitigation("repair", "unsupported claims cut, or written again", {"repair": "none"}, ("retrieval",)),
    Mitigation("screen", "demeaning sentences found, needless gendering told", {"screen": "none"}),
    Mitigation("debias", "answers that don't hang on which group is named", {"debias": "none"}),
    Mitigation("likelihood", "choices weighed by likelihood, instead of a written answer", {"choose": "text"}),
)


@dataclass(frozen=True)
class Measurement:
    """One row of the table: a mitigation, measured between two arms that differ in it alone."""

    mitigation: Mitigation
    where: Literal["in full", "on plain"]  # full minus one, or plain plus one
    without: str  # names of arms
    with_it: str


class Row(TypedDict):
    """A row of the ablation's table. Every figure is with the mitigation minus without it, paired by question.

    `effect`: of the ablation's metric, with `p` and `p_holm`; `seconds` and `tokens` (prompt and answer together): a
    question. `per_second`: effect bought by a second; None where it costs no time.
    """

    mitigation: str
    meaning: str
    where: str
    without: str
    with_it: str
    effect: dict[str, Any]
    seconds: dict[str, Any]
    tokens: dict[str, Any]
    per_second: float | None


class Ablation(TypedDict):
    """`ablation.json`. `metric`: what effects are told in; `direction`: which way is better."""

    arm: str
    metric: str
    title: str
    direction: str
    questions: int
    rows: list[Row]


def ablate(
    assistant: Assistant,
    examples: Sequence[Example],
    out: str | Path,
    arm: Arm = AUGMENTED,
    *,
    progress: Progress | None = None,
    seed: int = 0,
    command: str = "",
    verifier_error: Mapping[str, Any] | None = None,
) -> Ablation:
    """Measure every mitigation of an arm, and leave a comparison's folder with `ablation.json` beside it.

    Started again it goes on where it was interrupted. Args and Raises as for `compare`; and:

    Raises:
        InputError: the arm has no mitigation that these questions can show.
    """
    from firmground.eval.outcomes import read_outcomes
    from firmground.eval.report.render import ABLATION, render_report

    arms, measurements = plan(arm, any(example.choices for example in examples))
    summary = compare(
        assistant, examples, arms, out, progress=progress, seed=seed, command=command, verifier_error=verifier_error
    )
    folder = Path(out)
    ablation = ablation_table(read_outcomes(folder / "outcomes.jsonl"), measurements, arm.name, seed)
    write_json(folder / ABLATION, ablation, "ablation")
    render_report(folder, summary=summary)
    return ablation


def plan(arm: Arm, choices: bool = False) -> tuple[list[Arm], list[Measurement]]:
    """The arms to ask, plain first and each once; and the measurements between them.

    Args:
        arm: whose mitigations are measured.
        choices: whether questions offer choices; without, nothing depends on how those are weighed.

    Raises:
        InputError: the arm has no mitigation that these questions can show.
    """
    full = _bare(arm, choices)
    active: list[Mitigation] = []
    for one in MITIGATIONS:
        if _bare(one.off(full), choices) != full and set(one.needs) <= {other.name for other in active}:
            active.append(one)
    if not active:
        names = ", ".join(one.name for one in MITIGATIONS)
        raise InputError(f"the arm {arm.name!r} has nothing to switch off (of: {names}); name another with --arm")
    named = {_bare(PLAIN, choices): PLAIN.name}
    named.setdefault(full, arm.name)
    pairs: dict[tuple[str, str], Measurement] = {}
    for one in active:
        less = named.setdefault(_bare(one.off(full), choices), f"without {one.name}")
        pairs[less, named[full]] = Measurement(one, "in full", less, named[full])
    for one in active:
        kept = [other for other in active if other is one or other.name in one.needs]
        plus = _only(full, kept, active)
        needed = " + ".join([PLAIN.name, *(other.name for other in kept if other is not one)])
        apart = f"{needed} without {one.name}" if one.is_on(PLAIN) else needed
        less = named.setdefault(_bare(one.off(plus), choices), apart)
        more = named.setdefault(_bare(plus, choices), f"{needed} + {one.name}")
        pairs.setdefault((less, more), Measurement(one, "on plain", less, more))
    return [replace(bare, name=name) for bare, name in named.items()], list(pairs.values())


def _only(full: Arm, kept: Collection[Mitigation], active: Iterable[Mitigation]) -> Arm:
    """Plain with some of the full arm's mitigations: what shares a field with them and isn't kept is off."""
    arm = PLAIN
    for one in kept:
        arm = one.on(arm, full)
    fields = {field for one in kept for field in one.without}
    for one in active:
        if one not in kept and fields & one.without.keys():
            arm = one.off(arm)
    return arm


def _bare(arm: Arm, choices: bool) -> Arm:
    """The arm without its name, and with plain's value wherever a field can't have an effect: equal means the same."""
    arm = replace(arm, name="")
    unused: tuple[str, ...] = ()
    if arm.retrieve == "none":
        unused += ("num_passages", "num_evidence", "evidence", "evidence_tokens", "spans", "gate", "generator")
        unused += ("hops", "choice_hops", "fair", "rerank")
    if arm.retrieve == "none" or not arm.gate:
        unused += ("gate_weights",)
    if not arm.generator:
        unused += ("num_evidence", "evidence", "evidence_tokens", "spans", "prompt", "decoding", "choose")
    if arm.evidence == "passages":
        unused += ("evidence_tokens",)
    if arm.num_evidence >= arm.num_passages:
        unused += ("num_evidence",)
    if not choices:
        unused += ("choose", "choice_hops")
    return replace(arm, **{field: getattr(PLAIN, field) for field in unused})


def ablation_table(
    outcomes: Iterable[Outcome], measurements: Sequence[Measurement], arm: str, seed: int = 0
) -> Ablation:
    """The table of a run's rows, best effect per second first."""
    by_arm = rows_by_arm(outcomes)
    name = _effect_metric(by_arm.get(arm, {}))
    rows = [_row(one, by_arm, name, seed) for one in measurements]
    adjusted = holm({str(place): row["effect"]["p"] for place, row in enumerate(rows) if row["effect"].get("p")
                     is not None})  # fmt: skip
    for place, p in adjusted.items():
        rows[int(place)]["effect"]["p_holm"] = p
    sign = -1 if metric(name).direction == "lower" else 1
    return Ablation(
        arm=arm,
        metric=name,
        title=metric(name).title,
        direction=metric(name).direction,
        questions=len(by_arm.get(arm, {})),
        rows=sorted(rows, key=lambda row: _order(row, sign)),
    )


def _effect_metric(rows: Mapping[str, Outcome]) -> str:
    """The first of `_EFFECTS` that at least half of the questions have a figure for; else the one that most have."""
    told = {name: sum(isinstance(row.scores.get(name), int | float) for row in rows.values()) for name in _EFFECTS}
    return next((name for name in _EFFECTS if 2 * told[name] >= len(rows)), max(told, key=lambda name: told[name]))


def _row(one: Measurement, by_arm: Mapping[str, Mapping[str, Outcome]], name: str, seed: int) -> Row:
    less, more = by_arm.get(one.without, {}), by_arm.get(one.with_it, {})
    pairs = [(less[key], more[key]) for key in less if key in more and not (less[key].error or more[key].error)]
    effect = paired_figure([(a, a.scores.get(name), b.scores.get(name)) for a, b in pairs], (-1.0, 1.0), seed, True)
    seconds = paired_figure([(a, a.timing.get("seconds"), b.timing.get("seconds")) for a, b in pairs], None, seed)
    tokens = paired_figure([(a, _tokens(a), _tokens(b)) for a, b in pairs], None, seed)
    value, cost, least = effect["value"], seconds["value"], seconds["low"]
    costs_time = bool(cost and cost > 0 and (least is None or least > 0))  # None: the same for every question
    return Row(
        mitigation=one.mitigation.name,
        meaning=one.mitigation.meaning,
        where=one.where,
        without=one.without,
        with_it=one.with_it,
        effect=effect,
        seconds=seconds,
        tokens=tokens,
        per_second=value / cost if costs_time and value is not None else None,
    )


def _tokens(row: Outcome) -> float | None:
    counted = [row.timing.get(name) for name in ("prompt_tokens", "completion_tokens")]
    return sum(counted) if all(count is not None for count in counted) else None  # type: ignore[arg-type]


def _order(row: Row, sign: int) -> tuple[int, float]:
    """Gains that cost no time, then gains by their worth per second, then losses, those that cost time last."""
    value = row["effect"]["value"]
    if value is None:
        return 4, 0.0
    gain, ratio = sign * value, row["per_second"]
    if gain > 0:
        return (0, -gain) if ratio is None else (1, -sign * ratio)
    return (2, -gain) if ratio is None else (3, -gain)
