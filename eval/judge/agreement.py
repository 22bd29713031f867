"""How far a judge can be trusted: its agreement with our verifier, with the gold rule, and with people's labels.

Only verdicts are compared: what is unparsed, inconsistent or failed is counted apart, as a share with its interval. All
intervals resample whole questions (whole clusters, where questions share a passage): claims of one aren't independent.

Cohen's kappa (Cohen 1960, Educ. Psychol. Meas. 20, 37) is (p_o - p_e) / (1 - p_e): the agreement beyond what two judges
with these shares of "yes" would reach by chance. A judge that always says the same has kappa 0 at any raw agreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from firmground.eval.judge.ask import Judgement, Status
from firmground.eval.judge.labels import Labels, is_good
from firmground.eval.judge.prompts import fingerprint
from firmground.eval.stats import RESAMPLES, Interval, mean_interval, wilson_interval
from firmground.eval.types import Outcome

if TYPE_CHECKING:
    from firmground.eval.judge.run import JudgedRow

_CHUNK = 2_000_000  # counts drawn at a time: 16 MB


@dataclass(frozen=True)
class _Unit:
    """One thing judged. `ours`: what our verifier, or the gold rule, says of it; `label`: what a person said."""

    arm: str
    row: str
    cluster: str
    judged: Judgement
    ours: bool | None
    label: bool | None

    @property
    def said(self) -> bool | None:
        return is_good(self.judged.verdict) if self.judged.verdict is not None else None


def judged_table(
    judge: str, outcomes: Sequence[Outcome], rows: Mapping[tuple[str, str], JudgedRow], labels: Labels, seed: int = 0
) -> dict[str, Any]:
    """Everything to be said of a judged comparison, as JSON.

    `claims` and `answers`: `counts` of verdicts and statuses; the shares `unparsed`, `inconsistent`, `error` of what
    was asked; `with_ours` (our verifier on claims, the gold rule on answers), `with_labels`, and `ours_with_labels` on
    everything labelled, each an `agreement`. `arms`: each arm's rates by the judge and by us, on the same rows.
    """
    claims, answers = _units(outcomes, rows, labels)
    return {
        "judge": judge,
        "prompts": fingerprint(),
        "rows": sum((row.id, row.arm) in rows for row in outcomes),
        "claims": _part(claims, seed),
        "answers": _part(answers, seed),
        "arms": {
            arm: {
                "unsupported": _rates([unit for unit in claims if unit.arm == arm], False, seed),
                "right": _rates([unit for unit in answers if unit.arm == arm], True, seed),
            }
            for arm in dict.fromkeys(row.arm for row in outcomes)
        },
    }


def agreement(
    first: Sequence[bool], second: Sequence[bool], clusters: Sequence[str], seed: int = 0, truth: bool = False
) -> dict[str, Any]:
    """Two judges' verdicts on the same (n,) things: `raw` agreement and Cohen's `kappa`, with 95% intervals.

    `truth`: the first are labels, and `balanced_accuracy` of the second is given too: the mean of the shares it gets
    right of those labelled yes and of those labelled no. Where a figure isn't defined it has a `status`: "none" (n =
    0), "one_class" (chance alone explains everything, or all labels are the same).
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    counts = {"both": one & two, "only_first": one & ~two, "only_second": ~one & two, "neither": ~one & ~two}
    cells = np.stack(list(counts.values()), axis=-1).reshape(-1, 4).astype(float)  # (n, 4)
    draws = _resampled(_by_cluster(cells, clusters), seed)
    figures: dict[str, Any] = {
        "n": len(one),
        "counts": {name: int(flags.sum()) for name, flags in counts.items()},
        "raw": asdict(mean_interval((one == two).astype(float), (0.0, 1.0), seed=seed, clusters=clusters)),
        "kappa": _figure(kappa, cells, draws, _kappa_bounds),
    }
    if truth:
        figures["balanced_accuracy"] = _figure(balanced_accuracy, cells, draws, _accuracy_bounds)
    return figures


def kappa(tables: np.ndarray) -> np.ndarray:
    """(r,) Cohen's kappa in [-1, 1] of (r, 4) tables: both yes, only the first, only the second, neither.

    NaN where chance agreement is 1: both always said the same one thing.
    """
    total = tables.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (tables[:, 0] + tables[:, 1]) / total, (tables[:, 0] + tables[:, 2]) / total
        chance = first * second + (1 - first) * (1 - second)
        values = ((tables[:, 0] + tables[:, 3]) / total - chance) / (1 - chance)
    return np.where(np.isclose(chance, 1.0), np.nan, values)


def balanced_accuracy(tables: np.ndarray) -> np.ndarray:
    """(r,) in [0, 1]: the mean of both classes' recall; the first of a table is the truth. NaN without both classes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = tables[:, 0] / (tables[:, 0] + tables[:, 1])
        no = tables[:, 3] / (tables[:, 2] + tables[:, 3])
    return (yes + no) / 2


# ------------------------------------------------------------------------------------------------------- what is judged


def _units(
    outcomes: Sequence[Outcome], rows: Mapping[tuple[str, str], JudgedRow], labels: Labels
) -> tuple[list[_Unit], list[_Unit]]:
    """The claims and the answers that were judged."""
    claims, answers = [], []
    for outcome in outcomes:
        row = rows.get((outcome.id, outcome.arm))
        if row is None:
            continue
        cluster = outcome.cluster or outcome.id
        for place, (claim, judged) in enumerate(zip(outcome.claims, row.claims, strict=True)):
            ours = None if claim["verdict"] == "unverifiable" else is_good(claim["verdict"])
            label = labels.get((outcome.id, outcome.arm, place))
            claims.append(_Unit(outcome.arm, outcome.id, cluster, judged, ours, label))
        if row.answer is not None:
            right = outcome.scores.get("right")
            ours = bool(right) if isinstance(right, int | float) else None
            label = labels.get((outcome.id, outcome.arm, None))
            answers.append(_Unit(outcome.arm, outcome.id, cluster, row.answer, ours, label))
    return claims, answers


def _part(units: Sequence[_Unit], seed: int) -> dict[str, Any]:
    asked = [unit for unit in units if unit.judged.status != "no_evidence"]
    labelled = [unit for unit in units if unit.label is not None]
    part: dict[str, Any] = {"counts": dict(Counter(unit.judged.verdict or unit.judged.status for unit in units))}
    for status in get_args(Status)[1:4]:  # unparsed, inconsistent, error
        flags = [float(unit.judged.status == status) for unit in asked]
        part[status] = asdict(mean_interval(flags, seed=seed, clusters=[unit.cluster for unit in asked]))
    part["with_ours"] = _compare(units, lambda unit: unit.ours, lambda unit: unit.said, seed)
    if labelled:
        part["with_labels"] = _compare(labelled, lambda unit: unit.label, lambda unit: unit.said, seed, truth=True)
        part["ours_with_labels"] = _compare(labelled, lambda unit: unit.label, lambda unit: unit.ours, seed, truth=True)
    return part


_Says = Callable[[_Unit], bool | None]


def _compare(units: Iterable[_Unit], first: _Says, second: _Says, seed: int, truth: bool = False) -> dict[str, Any]:
    """The agreement of two who both gave a verdict."""
    both = [
        (one, two, unit.cluster)
        for unit in units
        if (one := first(unit)) is not None and (two := second(unit)) is not None
    ]
    return agreement([one for one, _, _ in both], [two for _, two, _ in both], [c for _, _, c in both], seed, truth)


def _rates(units: Sequence[_Unit], good: bool, seed: int) -> dict[str, Any]:
    """An arm's rate by the judge and by us, over the answers where both say something: per answer the share of what is
    good (or isn't), then the mean."""
    by_row: dict[str, list[_Unit]] = {}
    for unit in units:
        if unit.said is not None and unit.ours is not None:
            by_row.setdefault(unit.row, []).append(unit)
    clusters = [found[0].cluster for found in by_row.values()]
    sides: dict[str, _Says] = {"by_judge": lambda unit: unit.said, "by_us": lambda unit: unit.ours}
    return {
        name: asdict(
            mean_interval([float(np.mean([says(unit) == good for unit in found])) for found in by_row.values()],
                          seed=seed, clusters=clusters)
        )
        for name, says in sides.items()
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ intervals


def _by_cluster(cells: np.ndarray, clusters: Sequence[str]) -> np.ndarray:
    """(c, 4): the table of each cluster, sorted so that the order of rows changes nothing."""
    _, members = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    tables = np.zeros((members.max(initial=-1) + 1, 4))
    np.add.at(tables, members, cells)
    return tables[np.lexsort(tables.T)]


def _resampled(tables: np.ndarray, seed: int) -> np.ndarray:
    """(RESAMPLES, 4) tables of as many clusters, drawn with replacement."""
    if not len(tables):
        return np.zeros((0, 4))
    generator = np.random.default_rng(seed)
    different, counts = np.unique(tables, axis=0, return_counts=True)  # how often each is drawn is multinomial
    chunk, drawn = max(1, _CHUNK // len(different)), []
    for start in range(0, RESAMPLES, chunk):
        times = generator.multinomial(len(tables), counts / len(tables), size=min(chunk, RESAMPLES - start))
        drawn.append(times @ different)
    return np.concatenate(drawn)


def _figure(
    function: Callable[[np.ndarray], np.ndarray],
    cells: np.ndarray,
    draws: np.ndarray,
    bounds: Callable[[np.ndarray], tuple[float | None, float | None]],
) -> dict[str, Any]:
    """A figure of the whole table with its percentile interval. Draws in which it isn't defined are left out; where no
    draw differs, resampling shows no spread, and the bounds come from `bounds`."""
    table = cells.sum(axis=0, keepdims=True)  # (1, 4)
    value = float(function(table)[0])
    if not np.isfinite(value):
        return asdict(Interval(None, None, None, len(cells), "none")) | {
            "status": "one_class" if len(cells) else "none"
        }
    values = function(draws)
    values = values[np.isfinite(values)]
    if not len(values) or np.ptp(values) == 0:
        low, high = bounds(table[0])
        return asdict(Interval(value, low, high, len(cells), "all_equal"))
    low, high = (float(bound) for bound in np.quantile(values, [0.025, 0.975]))
    return asdict(Interval(value, low, high, len(cells), "percentile"))


def _kappa_bounds(table: np.ndarray) -> tuple[float | None, float | None]:
    """Where all agree: down to the kappa of Wilson's lower bound on agreement, chance agreement as it is. A judge that
    always says the same has kappa 0 in every draw, and no bounds."""
    if table[1] or table[2]:
        return None, None
    n = int(table.sum())
    share = table[0] / n
    chance = share**2 + (1 - share) ** 2
    return ((wilson_interval(n, n).low or 0.0) - chance) / (1 - chance), 1.0


def _accuracy_bounds(table: np.ndarray) -> tuple[float | None, float | None]:
    """The means of Wilson's bounds on both classes' recall."""
    yes = wilson_interval(int(table[0]), int(table[0] + table[1]))
    no = wilson_interval(int(table[3]), int(table[2] + table[3]))
    return ((yes.low or 0.0) + (no.low or 0.0)) / 2, ((yes.high or 0.0) + (no.high or 0.0)) / 2
