"""Two runs beside each other, arm by arm: another model, another index or another version on the same questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from firmground.eval import wording
from firmground.eval.manifest import read_json, write_json
from firmground.eval.metrics.answers import METRICS
from firmground.eval.metrics.normalise import Language
from firmground.eval.outcomes import read_outcomes
from firmground.eval.report.markdown import difference_table, escape, flip_table
from firmground.eval.report.page import changes, flip_rows
from firmground.eval.report.render import questions_language, render
from firmground.eval.summary.figures import HARM_MARGIN, rows_by_arm
from firmground.eval.summary.pairs import adjust, compare_pair, ordered
from firmground.eval.types import Outcome
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.rag.arms import Arm

# Judged against the evidence of all arms of a run together: comparable between runs only where the arms are the same.
_POOLED = ("unsupported", "citation_precision", "citation_recall")


class Runs(TypedDict):
    """Two runs compared. `first` and `second` are their folders, `names` what these are called for short.

    `pairs`: {"plain": …}, as `compare_pair` has them, second run against first, p-values adjusted together; `arms`
    in each: what they are called in their runs.
    `differences`: (what, in the first, in the second) of what the runs did differently. `left_out`: figures that aren't
    comparable between them, by name. `language`: of the questions.
    """

    first: str
    second: str
    names: list[str]
    questions: int
    answered: list[int]
    pairs: dict[str, dict[str, Any]]
    differences: list[tuple[str, str, str]]
    left_out: list[str]
    comparisons: int
    language: Language


def compare_runs(first: str | Path, second: str | Path, arms: str | None = None, seed: int = 0) -> Runs:
    """Compare two runs' folders, paired by question.

    Args:
        first: the folder of the run that is the baseline.
        second: the folder of the other.
        arms: names with commas: each arm against its namesake; `plain=mine` sets the first run's plain against the
            second run's mine. None: all arms that both runs have.
        seed: of the resampling.

    Raises:
        InputError: a folder isn't a run's; the questions or the documents differ (it says how); an arm is unknown.
    """
    folders = Path(first), Path(second)
    manifests = read_json(folders[0] / "manifest.json"), read_json(folders[1] / "manifest.json")
    _check_comparable(manifests, folders)
    rows = [rows_by_arm(read_outcomes(folder / "outcomes.jsonl")) for folder in folders]
    left_out = _left_out(manifests)
    names = [folder.resolve().name for folder in folders]
    if names[0] == names[1]:
        names = [str(folder) for folder in folders]
    pairs = {}
    for a, b in _chosen(arms, *rows):
        title = a if a == b else f"{a} against {b}"
        rows_of = _without(rows[0][a], left_out), _without(rows[1][b], left_out)
        pairs[title] = compare_pair(*rows_of, f"{a} in {names[0]}", f"{b} in {names[1]}", seed) | {"arms": [a, b]}
    answered = [len({key for by_id in by_arm.values() for key in by_id}) for by_arm in rows]
    return Runs(
        first=str(first),
        second=str(second),
        names=names,
        questions=len(manifests[0]["questions"]["digests"]),
        answered=answered,
        pairs=pairs,
        differences=_what_differs(*manifests),
        left_out=left_out,
        comparisons=adjust(pairs),
        language=questions_language(row for by_arm in rows[0].values() for row in by_arm.values()),
    )


def write_runs(runs: Runs, out: str | Path, language: Language | None = None) -> Path:
    """Write `report.html`, `report.md` and `summary.json` into a folder; return the first one's path.

    `language`: what they are written in; None: the questions'.

    Raises:
        InputError: the folder holds a run, whose report this would replace, or can't be written to.
    """
    folder = Path(out)
    if (folder / "outcomes.jsonl").exists():
        raise InputError(f"{folder} holds a run, and its report would be replaced; take another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't write to {folder}: {error.strerror}; take another --out") from error
    language = language or runs["language"]
    write_json(folder / "summary.json", runs, "summary")
    write_atomic(folder / "report.md", runs_markdown(runs, language).encode("utf-8", "replace"), "markdown")
    write_atomic(folder / "report.html", runs_html(runs, language).encode("utf-8", "replace"), "report")
    return folder / "report.html"


def runs_html(runs: Runs, language: Language = "en") -> str:
    """The comparison as one self-contained page."""
    parts = []
    for title, told in _told_pairs(runs, language):
        flips = flip_rows(told, language=language)
        parts.append({"title": title, "pair": told, "changes": changes(told, language), "flips": flips})
    names = {name for pair in runs["pairs"].values() for name in pair["differences"] if name in METRICS}
    values = {
        "runs": runs,
        "parts": parts,
        "definitions": [wording.worded(name, language) for name in ordered(list(names))],
        "left_out": _titles(runs["left_out"], language),
        "harm_margin": HARM_MARGIN,
    }
    return render("runs.html", values, language)


def runs_markdown(runs: Runs, language: Language = "en") -> str:
    """The comparison as Markdown."""
    say = partial(wording.say, language=language)
    title = say("{second} against {first}", first=runs["names"][0], second=runs["names"][1])
    questions = wording.plural(runs["questions"], "question", language)
    parts = [
        f"# {escape(title)}",
        say("{questions}, paired; differences are the second run minus the first.", questions=questions),
    ]
    if runs["differences"]:
        settings = [(wording.setting_name(what, language), a, b) for what, a, b in runs["differences"]]
        lines = [f"- {escape(what)}: {escape(a)} → {escape(b)}" for what, a, b in settings]
        parts += [f"## {say('What was done differently')}", "\n".join(lines)]
    for name, pair in _told_pairs(runs, language):
        sentences = "\n".join(f"- {escape(sentence)}" for _, sentence in wording.pair_sentences(pair, language))
        parts += [f"## {escape(name)}", sentences, difference_table(pair, language),
                  flip_table(flip_rows(pair, language=language), language)]  # fmt: skip
    if runs["left_out"]:
        names = escape(", ".join(_titles(runs["left_out"], language)))
        parts.append(say("Left out, since another pool of evidence judged it: {names}.", names=names))
    return "\n\n".join(part for part in parts if part) + "\n"


def _told_pairs(runs: Runs, language: Language) -> list[tuple[str, dict[str, Any]]]:
    """(title, pair) with its arms called as the language calls them: "plain in run-1"."""
    told = []
    for pair in runs["pairs"].values():
        a, b = pair["arms"]
        title = a if a == b else wording.say("{first} against {second}", language, first=a, second=b)
        first, second = (
            wording.say("{arm} in {run}", language, arm=arm, run=run)
            for arm, run in zip((a, b), runs["names"], strict=True)
        )
        told.append((title, pair | {"first": first, "second": second}))
    return told


def _titles(names: Sequence[str], language: Language) -> list[str]:
    return [wording.worded(name, language).title for name in names]


def _check_comparable(manifests: Sequence[Mapping[str, Any]], folders: Sequence[Path]) -> None:
    """Raise unless both runs asked the same questions of the same documents."""
    try:
        first, second = (manifest["questions"]["digests"] for manifest in manifests)
        data = [(manifest["assistant"].get("knowledge") or {}) for manifest in manifests]
        contents = [one.get("contents") for one in data]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"a manifest.json lacks what a manifest has ({error!r}); run the comparison again") from error
    where = f"{folders[0]} and {folders[1]} can't be compared"
    only = [[key for key in one if key not in other] for one, other in ((first, second), (second, first))]
    if only[0] or only[1]:
        named = next(key for keys in only for key in keys)
        raise InputError(
            f"{where}: the questions differ: {len(first)} and {len(second)} questions, {len(only[0])} of them only in "
            f"the first and {len(only[1])} only in the second, such as {named!r}; ask both the same ones"
        )
    changed = [key for key in first if first[key] != second[key]]
    if changed:
        raise InputError(
            f"{where}: the questions differ: {len(changed)} of {len(first)} have another text, gold answer or field "
            f"in the second run, such as {changed[0]!r}; ask both the same ones"
        )
    if contents[0] != contents[1]:
        told = [f"{one.get('documents', 0)} documents ({one.get('contents') or 'none'})" for one in data]
        raise InputError(f"{where}: the documents differ: {told[0]} and {told[1]}; index the same ones for both")


def _chosen(arms: str | None, first: Mapping[str, object], second: Mapping[str, object]) -> list[tuple[str, str]]:
    """(arm of the first run, arm of the second) for each pair that is to be compared."""
    if arms is None:
        both = [(name, name) for name in first if name in second]
        if not both:
            raise InputError(
                f"the runs have no arm of the same name ({', '.join(first)}; {', '.join(second)}); say which to "
                "compare: --arms plain=mine"
            )
        return both
    chosen = []
    for name in filter(None, (part.strip() for part in arms.split(","))):
        a, _, b = name.partition("=")
        pair = (a.strip(), b.strip() or a.strip())
        for which, known, what in ((pair[0], first, "first"), (pair[1], second, "second")):
            if which not in known:
                raise InputError(f"no arm {which!r} in the {what} run; its arms are: {', '.join(known)}")
        if pair in chosen:
            raise InputError(f"expected different arms, got {name!r} twice")
        chosen.append(pair)
    if not chosen:
        raise InputError(f"expected arms with commas, got {arms!r}")
    return chosen


def _left_out(manifests: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures that another pool of evidence, or another verifier, judged in each of the runs."""
    told = [([_whole(arm) for arm in manifest.get("arms", ())], (manifest.get("assistant") or {}).get("verifier"))
            for manifest in manifests]  # fmt: skip
    return [] if told[0] == told[1] else list(_POOLED)


def _whole(arm: Mapping[str, Any]) -> dict[str, Any]:
    """An arm as a manifest has it, with the defaults of fields that are newer than the run: they were off in it."""
    defaults = Arm(str(arm["name"])).to_dict()
    decoding = {**defaults["decoding"], **(arm.get("decoding") or {})}
    whole = {**defaults, **arm, "decoding": decoding}
    return json.loads(json.dumps(whole))  # tuples as a manifest has them


def _without(rows: Mapping[str, Outcome], names: Sequence[str]) -> dict[str, Outcome]:
    return {
        key: replace(row, scores={name: value for name, value in row.scores.items() if name not in names})
        for key, row in rows.items()
    }


def _what_differs(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What two manifests say differently, other than when and where they were run."""
    found: list[tuple[str, str, str]] = []
    for key in ("assistant", "versions", "seed"):
        _walk(first.get(key), second.get(key), "" if key == "assistant" else key, found)
    arms = [{arm["name"]: _whole(arm) for arm in manifest.get("arms", ())} for manifest in (first, second)]
    for name in arms[0]:
        if name in arms[1]:
            _walk(arms[0][name], arms[1][name], f"arm {name}", found)
    return found


def _walk(first: Any, second: Any, name: str, found: list[tuple[str, str, str]]) -> None:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys([*first, *second]):
            _walk(first.get(key), second.get(key), f"{name} {key}".strip().replace("_", " "), found)
    elif first != second:
        found.append((name, _told(first), _told(second)))


def _told(value: Any) -> str:
    """A setting as text; a dash where the run doesn't tell."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
