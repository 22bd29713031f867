"""Where the page keeps things, and the work that goes on behind it: indexing in a thread, runs in a process."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError, KnowledgeBaseError
from firmground.ui import indexing_job, processes, running
from firmground.ui.running import Request, look
from firmground.ui.workspace import Workspace, is_name
from tests.knowledge.base_helpers import HashEncoder


class File:
    def __init__(self, name: str, contents: bytes) -> None:
        self.name, self.contents = name, contents

    def getvalue(self) -> bytes:
        return self.contents


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def made(space: Workspace, name: str = "moon") -> Path:
    folder = space.base(name)
    folder.mkdir(parents=True)
    KnowledgeBase.create(folder, HashEncoder()).close()
    return folder


def wait(job: indexing_job.IndexingJob) -> None:
    until = time.monotonic() + 30
    while job.state == "running":
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "right"),
    [("moon", True), ("月球-1", True), ("a_b", True), ("", False), ("..", False), ("a/b", False), (".x", False),
     ("-x", False), ("a b", False), ("x" * 65, False)],
)  # fmt: skip
def test_a_name_is_no_path(name, right, space):
    assert is_name(name) is right
    if not right:
        with pytest.raises(InputError, match="letters, digits"):
            space.base(name)


def test_files_become_documents_and_failures_are_named(space):
    folder = made(space)
    files = [
        File("moon.txt", b"The Moon orbits the Earth in 27 days."),
        File("empty.txt", b""),
        File("notes/sun.md", "# 太阳\n\n太阳是一颗恒星。".encode()),
        File("broken.pdf", b"%PDF-1.4 nothing"),
        File("../escape.txt", b"Outside."),
    ]
    job = indexing_job.start("moon", folder, HashEncoder(), files)
    wait(job)
    assert (job.state, job.done, job.total, job.report.added) == ("done", 5, 5, 3)
    assert [name for name, _ in job.failures] == ["empty.txt", "broken.pdf"]
    assert all("/tmp" not in reason for _, reason in job.failures)
    with KnowledgeBase.open(folder) as base:
        assert {(one.id, one.source) for one in base.documents()} == {
            ("moon.txt", "moon.txt"), ("notes/sun.md", "notes/sun.md"), ("escape.txt", "../escape.txt"),
        }  # fmt: skip


def test_indexing_stops_between_files_and_keeps_what_was_added(space):
    folder, first = made(space), threading.Event()
    job: list[indexing_job.IndexingJob] = []

    class Stopping(File):
        def getvalue(self) -> bytes:
            first.wait(10)
            job[0].stop.set()
            return self.contents

    files = [Stopping("a.txt", b"First."), File("b.txt", b"Second.")]
    job.append(indexing_job.start("moon", folder, HashEncoder(), files))
    first.set()
    wait(job[0])
    assert (job[0].state, job[0].done) == ("stopped", 1)
    with KnowledgeBase.open(folder) as base:
        assert [one.id for one in base.documents()] == ["a.txt"]


def test_indexing_while_another_writes_says_so(space):
    folder = made(space)
    with KnowledgeBase.open(folder, HashEncoder(), writable=True):
        job = indexing_job.start("moon", folder, HashEncoder(), [File("a.txt", b"First.")])
        wait(job)
    assert job.state == "failed"
    assert "being written" in job.problem


def test_a_base_is_deleted_whole_and_not_while_it_is_written(space):
    folder = made(space)
    assert space.bases() == ["moon"]
    with (
        KnowledgeBase.open(folder, HashEncoder(), writable=True),
        pytest.raises(KnowledgeBaseError, match="being written"),
    ):
        space.delete_base("moon")
    space.delete_base("moon")
    assert space.bases() == []
    assert list(folder.parent.iterdir()) == []


def test_question_files_are_never_replaced(space):
    first = space.keep_questions("q.jsonl", b"one")
    assert space.keep_questions("q.jsonl", b"one") == first
    second = space.keep_questions("../q.jsonl", b"two")
    assert second.parent == first.parent
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")


def test_the_last_mark_on_an_answer_counts(space):
    space.label("Why?", "plain", "right", answer="Because.")
    space.label("Why?", "augmented", "right", answer="Since.")
    space.label("Why?", "plain", "wrong", answer="Because.")
    space.label("Why?", "augmented", None, answer="Since.")
    rows = [json.loads(line) for line in (space.root / "labels.jsonl").read_text().splitlines()]
    assert [(row["arm"], row["label"], row["question"]) for row in rows] == [("plain", "wrong", "Why?")]


# A run is a process: these start a small one of our own in place of the command.


ASKED = Request("commonsense-en", "q.jsonl", ("plain", "augmented"), 3, "none")


def program(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr(Request, "command", lambda self, out: [sys.executable, "-c", source, str(out)])


SLOW = """
import sys, time
from pathlib import Path
from firmground.eval.locked import locked
out = Path(sys.argv[1])
try:
    with locked(out, []):
        with open(out / "outcomes.jsonl", "a") as file:
            for row in range(4):
                file.write("{}\\n"); file.flush()
        (out / "ready").touch()
        time.sleep(60)
except KeyboardInterrupt:
    sys.exit("firmground: interrupted; kept")
"""


def until(true, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_is_followed_stopped_and_can_go_on(space, monkeypatch):
    program(monkeypatch, SLOW)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as for a page that was started in the background
    try:
        folder = running.start(space, "q-1", ASKED)
    finally:
        signal.signal(signal.SIGINT, before)
    until((folder / "ready").exists)
    run = look(folder)
    assert (run.state, run.done, run.total) == ("running", 2, 3)
    assert run.seconds_left is not None
    assert run.seconds_left > 0
    with pytest.raises(InputError, match="at work already"):
        running.start(space, "q-1", ASKED)
    processes.stop(run.folder)
    until(lambda: look(folder).state == "stopped")
    assert look(folder).done == 2
    with pytest.raises(InputError, match="another name"):
        running.start(space, "q-1", replace(ASKED, kb="other"))
    assert [one.name for one in running.all_runs(space)] == ["q-1"]


def test_a_run_that_fails_says_why(space, monkeypatch):
    program(monkeypatch, "import sys; sys.exit('firmground: no knowledge base at x')")
    folder = running.start(space, "q-2", ASKED)
    until(lambda: look(folder).state == "failed")
    assert look(folder).problem == "no knowledge base at x"
