"""Audits of filters started from the page: each is `firmground audit all` in a process of its own (`ui/processes.py`),
in a folder of its own, with the files that were handed in beside it. It goes on from the sets that are done."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath

from firmground.eval.bias.effects import FILE
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.ui import processes
from firmground.ui.processes import State
from firmground.ui.workspace import Workspace

DATA, SETS = "data", "sets"  # what was handed in; a file for each set that is done
BEGUN = " …"  # ends the log's line about a set that is begun
CSV_SETS = {  # columns that tell a set, as its authors publish it: the folder that `audit all` looks for it in
    ("sent_more", "sent_less"): "crows_pairs", ("question", "bias1-document1"): "gender_rag", ("TEXT", "label"): "cold",
}  # fmt: skip


@dataclass(frozen=True)
class AuditRequest:
    """What an audit was asked for. `data`: the folder of the sets; `limit`: rows of each, 0 for all; `kb`: what
    questions are answered with ("": the model alone); `sets`: how many will be audited."""

    data: str
    generator: str
    limit: int
    kb: str = ""
    device: str = ""
    sets: int = 0

    def command(self, out: Path) -> list[str]:
        options = {
            "--data": self.data, "--generator": self.generator, "--limit": str(self.limit), "--kb": self.kb,
            "--device": self.device, "--out": str(out),
        }  # fmt: skip
        return [*processes.FIRMGROUND, "audit", "all", *(f"{key}={options[key]}" for key in options)]


@dataclass(frozen=True)
class Audit:
    """An audit as its folder shows it. `done` of `total` sets (0: not known), and the one that is at work `now`.
    `problem`: its last words."""

    name: str
    folder: Path
    state: State
    done: int
    total: int
    request: AuditRequest | None
    problem: str = ""
    now: str = ""


def start(workspace: Workspace, name: str, request: AuditRequest) -> Path:
    """Start an audit in a new folder, or go on with the one there by the same request.

    Raises:
        InputError: an audit of this name was asked for something else, or is at work.
    """
    folder = workspace.audit(name)
    processes.begin(folder, request, _request(folder), _done(folder))
    return folder


def new_name(workspace: Workspace) -> str:
    """A name that no audit has, by the time."""
    base, number = f"audit-{datetime.now():%m%d-%H%M}", 1
    name = base
    while workspace.audit(name).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def count_sets(data: str, generator: str, limit: int) -> int:
    """How many sets the folder gives, with those that ship. Raises InputError where there is none of them in it."""
    from firmground.eval.bias.sets import Models, parts

    return len(parts(Path(data), Models(generator), limit)[0])


def look(folder: Path) -> Audit:
    """What an audit's folder says now."""
    request, done = _request(folder), _done(folder)
    state, problem = processes.state(folder, (folder / FILE).is_file())
    now = _at_work_on(folder) if state == "running" else ""
    return Audit(folder.name, folder, state, done, request.sets if request else 0, request, problem, now)


def all_audits(workspace: Workspace) -> list[Audit]:
    """Every audit in the workspace, the latest first; those made by the command line count, too."""
    return [look(folder) for folder in processes.folders(workspace.audits, FILE)]


def _request(folder: Path) -> AuditRequest | None:
    return processes.requested(folder, AuditRequest)


def _done(folder: Path) -> int:
    return len(list((folder / SETS).glob("*.json")))


def _at_work_on(folder: Path) -> str:
    """The set that was begun last, as the log names it; "" before the first."""
    begun = [line for line in processes.log_lines(folder) if line.endswith(BEGUN)]
    return begun[-1].removesuffix(BEGUN) if begun else ""


# -------------------------------------------------------------------------------------------------- files handed in


def keep_file(folder: Path, name: str, contents: bytes) -> Path:
    """Put a file that was handed in where `audit all` looks for files of its set.

    Raises:
        InputError: it is of no set that is known.
    """
    base = re.sub(r"[^\w.-]+", "-", PurePath(name).name).lstrip(".") or "file"
    target = folder / _place(name, contents) / base
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, contents, "audit-data")
    return target


def _place(name: str, contents: bytes) -> str:
    """The folder of the set that a file is of, by what stands in it."""
    beginning = contents[: 1 << 16].decode("utf-8-sig", "replace")
    suffix = PurePath(name).suffix.lower()
    if suffix == ".csv":
        columns = set(next(csv.reader(io.StringIO(beginning)), []))
        for needed, place in CSV_SETS.items():
            if set(needed) <= columns:
                return place
    elif suffix == ".jsonl" and all(f'"{key}"' in beginning for key in ("ans0", "answer_info", "context_condition")):
        return "bbq"
    elif suffix == ".json" and all(f'"{key}"' in beginning for key in ("ans0", "context", "question")):
        return f"cbbq/{_category(beginning)}"
    raise InputError(f"{name} is of no set that is known: expected CrowS-Pairs, BBQ, CBBQ, GenderBias-QA or COLD")


def _category(beginning: str) -> str:
    """CBBQ's files are named alike for every category; the rows tell which it is."""
    found = re.search(r'"category"\s*:\s*"([\w-]+)"', beginning)
    return found.group(1) if found else "questions"
