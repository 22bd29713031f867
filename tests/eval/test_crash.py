"""Killed at any moment and started again: the same report, and nothing that was reported done is asked twice."""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.eval.crash_worker import work

QUESTIONS = 14  # four batches, the last of them short

# A server that has imported everything once, and forks: a process a run, without the time to start Python.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.eval.crash_worker", "firmground.eval.report.render", "jinja2"])


def run(folder: Path, failpoint: str = "") -> int:
    """The exit code of a comparison in a process of its own."""
    process = _context.Process(target=work, args=(folder, QUESTIONS, failpoint))
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def without_time(folder: Path) -> dict[str, object]:
    """All that a run left, but for when it started."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    started = manifest.pop("started")
    report = (folder / "report.html").read_text("utf-8").replace(started[:10], "")
    report = re.sub("Peak memory: [^<]*", "", report)  # as memory.json, which isn't compared either
    files = {name: (folder / name).read_text("utf-8") for name in ("outcomes.jsonl", "summary.json")}
    return {"manifest": manifest, "report": report, "names": sorted(path.name for path in folder.iterdir()), **files}


def asked_twice(folder: Path) -> set[str]:
    counts = Counter((folder / "asked").read_text("utf-8").splitlines())
    return {line for line, count in counts.items() if count > 1}


def reported_done(folder: Path) -> set[str]:
    """The questions that progress had reported as done, as lines of `asked`: the first so many of each arm."""
    path = folder / "done"
    done = max(map(int, path.read_text().split())) if path.exists() else 0
    asked = (folder / "asked").read_text("utf-8").splitlines() if done else []
    return {line for arm in ("plain", "augmented") for line in [x for x in asked if x.startswith(arm)][:done]}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder) == 0
    assert not asked_twice(folder)
    assert len((folder / "run" / "outcomes.jsonl").read_text("utf-8").splitlines()) == 2 * QUESTIONS
    return without_time(folder / "run")


POINTS = [
    *("manifest.start", "manifest.write", "manifest.fsync", "manifest.rename", "manifest.done"),
    *("outcomes.write", "outcomes.write:3", "outcomes.torn", "outcomes.torn:2", "outcomes.torn:4"),
    *("outcomes.fsync:2", "outcomes.done", "outcomes.done:4"),
    *("summary.start", "summary.write", "summary.fsync", "summary.rename", "summary.done"),
    *("report.start", "report.write", "report.fsync", "report.rename", "report.done"),
    *("csv.write", "csv.done", "markdown.write", "markdown.done"),
]


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_started_again(tmp_path, uninterrupted, point):
    assert run(tmp_path, point) == -signal.SIGKILL
    done = reported_done(tmp_path)
    assert run(tmp_path) == 0
    assert without_time(tmp_path / "run") == uninterrupted
    assert not done & asked_twice(tmp_path)
    assert len(asked_twice(tmp_path)) <= 8  # the batch under way: four questions, two arms


@pytest.mark.parametrize("point", ["outcomes.resume.write", "outcomes.resume.rename", "outcomes.resume.done"])
def test_killed_while_resuming(tmp_path, uninterrupted, point):
    assert run(tmp_path, "outcomes.torn:3") == -signal.SIGKILL
    done = reported_done(tmp_path)
    assert len(done) == 16
    assert run(tmp_path, point) == -signal.SIGKILL
    assert run(tmp_path) == 0
    assert without_time(tmp_path / "run") == uninterrupted
    assert not done & asked_twice(tmp_path)


@pytest.mark.parametrize("point", ["outcomes.write:2=enospc", "outcomes.torn:2=enospc", "outcomes.fsync:2=enospc"])
def test_a_full_disk_says_so_and_loses_nothing(tmp_path, uninterrupted, point):
    assert run(tmp_path, point) == 1
    said = (tmp_path / "error").read_text()
    assert "no room left on the disk" in said
    assert "4 questions are kept" in said
    done = reported_done(tmp_path)
    assert run(tmp_path) == 0
    assert without_time(tmp_path / "run") == uninterrupted
    assert len(done) == 8
    assert not done & asked_twice(tmp_path)
