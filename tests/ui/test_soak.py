"""What the soak measures by: memory of a process with its children, and whether it grows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.soak import Person, follow, memory_mb, report, slope


def test_growth_is_told_in_megabytes_a_minute():
    assert slope([(0, 100.0), (30, 105.0), (60, 110.0)]) == pytest.approx(10.0)
    assert slope([(60, 500.0), (120, 500.0), (180, 500.0)]) == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_memory_counts_children():
    alone = memory_mb(os.getpid())
    code = "x = bytearray(100_000_000); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert memory_mb(child.pid) > 100
        assert memory_mb(os.getpid()) > alone + 100
        child.communicate(b"\n")
    assert memory_mb(child.pid) == 0


class Page:
    """A browser's page that shows these answers, or nothing yet."""

    def __init__(self, answers):
        self.shown = answers


class Scripted(Person):
    def ask(self):
        self.busy = self.questions[self.asked]
        self.asked += 1

    def answers(self):
        return self.page.shown

    def problems(self):
        return []


def test_an_answer_that_differs_from_what_another_was_told_is_found():
    known: dict = {}
    one, two = (Scripted(name, Page({"plain": "206"}), ["q", "q"], "") for name in "ab")
    assert [follow(one, known), follow(one, known)] == [[], []]
    assert known == {("q", "plain"): ("206", "a")}
    two.page.shown = {"plain": "207"}
    follow(two, known)
    assert follow(two, known) == ["b: plain says '207' to 'q', to a it said '206'"]


def test_growth_fails_and_a_flat_line_passes(capsys):
    people = [Scripted("a", Page({}), [], "", seconds=[1.0, 2.0])]
    flat = [(float(second), 900.0) for second in range(60, 180)]
    assert report(people, flat, []) == 0
    growing = [(second, value + second) for second, value in flat]
    assert report(people, growing, []) == 1
    assert "+60.0 MB a minute" in capsys.readouterr().out
    assert report(people, flat, ["a: an error"]) == 1
    assert report(people, flat[:30], []) == 1  # too short to tell
