"""The table of all debiasing filters: every set that a folder holds, without and with each filter, kept set by set.

What is looked for in the folder, as its authors lay it out (a set that isn't there is left out and named):

    crows_pairs/*.csv    CrowS-Pairs                  bbq/*.jsonl         BBQ, each category; not unifiedqa_*.jsonl
    cbbq/*/*.json        CBBQ, each category          gender_rag/*.csv    GenderBias-QA
    cold/*.csv           COLD; not train.csv          ldnoobw/zh          a list of words to hold against the filter
    qa/xquad-en/         corpus.jsonl, questions.jsonl: as a corpus, and for what a filter costs

Beside them stands what ships with firmground (`sets.py`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from firmground.eval.bias.effects import FILE, EffectTable, effect_of
from firmground.eval.bias.sets import FILTERS, Models, Part, parts
from firmground.eval.locked import locked
from firmground.eval.manifest import read_json, write_json
from firmground.knowledge.errors import InputError

Say = Callable[[str], None]

LIMIT = 30  # rows of a set: what keeps the developers' sets below a quarter of an hour on two cores
KEPT = "sets"  # the folder in OUT that holds each set's effects


def make_table(
    data: Path, out: Path, models: Models, filters: Sequence[str] = FILTERS, languages: str = "both",
    limit: int = LIMIT, say: Say = lambda line: None,
) -> tuple[EffectTable, int]:  # fmt: skip
    """Audit every set, and leave `audit.json` in `out`; also how many sets couldn't be read. The same call goes on
    where an earlier one was interrupted.

    Args:
        data: the folder of the sets; see the top of the file.
        out: a folder, made where it is missing.
        models: what is asked.
        filters: some of `FILTERS`.
        languages: "en", "zh" or "both".
        limit: at most so many rows a set, drawn the same each time; 0: all. Texts that are only filtered are all read.
        say: told what is being done, a line at a time.

    Raises:
        InputError: no sets in the folder, an unknown filter or language, or `out` holds another audit.
    """
    _check(filters, languages)
    found, missing = parts(data, models, limit)
    wanted = [part for part in found if languages in (part.language, "both") and set(part.filters) & set(filters)]
    made, failures = [], []
    with locked(out, [FILE]):
        (out / KEPT).mkdir(exist_ok=True)
        for part in wanted:
            try:
                made.append(_kept(part, out / KEPT, _key(part, models, filters, limit), filters, say))
            except InputError as error:
                if isinstance(error, _OtherAudit):
                    raise
                failures.append(f"{part.name}: left out: {error}")
                say(failures[-1])
        table = EffectTable(
            tuple(effect_of(row) for one in made for row in one["effects"]),
            models.generator_name,
            _conditions(data, models, filters, languages, limit, made),
            (*missing, *failures, *(note for one in made for note in one["notes"])),
        )
        table.save(out)
    return table, len(failures)


class _OtherAudit(InputError):
    """OUT holds a set that was audited with other data or options."""


def _check(filters: Sequence[str], languages: str) -> None:
    unknown = [name for name in filters if name not in FILTERS]
    if unknown or not filters:
        problem = f"unknown filter {unknown[0]!r}" if unknown else "expected at least one filter"
        raise InputError(f"{problem}; the filters are: {', '.join(FILTERS)}")
    if languages not in ("en", "zh", "both"):
        raise InputError(f"expected the language en, zh or both, got {languages!r}")


def _key(part: Part, models: Models, filters: Sequence[str], limit: int) -> dict[str, Any]:
    """What a set's effects hang on: with another key they are of another audit."""
    return {
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in part.files},
        "filters": [name for name in part.filters if name in filters],
        "limit": limit,
        **models.identity(),
    }


def _kept(part: Part, folder: Path, key: dict[str, Any], filters: Sequence[str], say: Say) -> dict[str, Any]:
    """The set's effects, read back where they are kept, else computed and kept."""
    path = folder / f"{part.name}.json"
    if path.exists():
        earlier = read_json(path)
        if earlier.get("key") != key:
            raise _OtherAudit(
                f"{path} is of another audit: {_difference(earlier.get('key') or {}, key)}; take another --out"
            )
        say(f"{part.name}: kept from before")
        return earlier
    say(f"{part.name} …")
    start = time.perf_counter()
    effects, notes = part.run(key["filters"])
    seconds = time.perf_counter() - start
    one = {"key": key, "effects": [asdict(effect) for effect in effects], "notes": notes, "seconds": round(seconds, 1)}
    write_json(path, one, "audit-set")
    say(f"{part.name}: {len(effects)} figures in {seconds:.0f} s")
    return {**one, "name": part.name}


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    name = next((name for name in now if before.get(name) != now[name]), "its key")
    return f"its {name} is {before.get(name)!r}, now {now.get(name)!r}"


def _conditions(
    data: Path, models: Models, filters: Sequence[str], languages: str, limit: int, made: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "data": str(data),
        "files": {name: digest for one in made for name, digest in one["key"]["files"].items()},
        "limit": limit,
        "filters": list(filters),
        "languages": languages,
        **models.identity(),
        "seconds": round(sum(one["seconds"] for one in made), 1),
    }
