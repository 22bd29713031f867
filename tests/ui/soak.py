"""Three browsers at once ask the real page for three minutes, in English and in Chinese.

    make soak-ui        (or: python -m tests.ui.soak --minutes 3)

It fails where a page shows an error, where a question gets another's answer, or where the server's memory still grows
after the first minute. Answers are greedy: the same question must get the same answers every time, whoever asks.
Prints the memory as a series, and ends with 1 where something failed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmground.eval.tasks import load_questions
from tests.ui.served import chromium, served

# MB a minute, of about 1,250 that the server needs with the default models. Memory goes up and down by 50 MB with each
# answer, so that a slope over two minutes is only known to about 10 MB a minute.
FLAT = 30.0
WARM_S = 60.0
SAMPLE_S, SHOWN = 1.0, 5  # every fifth sample is printed
LEAST_SAMPLES = 60  # after the first minute
STUCK_S = 240.0  # an answer that takes longer is an error
FEW = 12  # questions a browser chooses from, so that each comes again


@dataclass
class Person:
    """A browser with its own questions. `busy`: what it waits for since `since`; "": nothing."""

    name: str
    page: Any
    questions: list[str]
    opening: str  # an example to click first: it opens the knowledge base of the questions' language
    asked: int = 0
    busy: str = ""
    since: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def ask(self) -> None:
        self.since = time.monotonic()
        if not self.asked:
            self.busy = self.opening
            self.page.locator(".st-key-examples button", has_text=self.opening).click()
        else:
            self.busy = random.Random(f"{self.name}{self.asked}").choice(self.questions)
            box = self.page.locator(".st-key-question input")
            box.fill(self.busy)
            box.press("Enter")
        self.asked += 1

    def answers(self) -> dict[str, str] | None:
        """By arm, once the question asked is answered and judged; None before."""
        done = (
            self.page.locator(".fg-asked").all_inner_texts() == [self.busy]
            and self.page.locator(".fg-busy").count() == 0
            and self.page.locator("[data-stale=true]").count() == 0
            and self.page.locator(".fg-trust").count() == 1
        )
        if not done:
            return None
        cards = self.page.locator(".fg-card[data-arm]").all()
        return {one.get_attribute("data-arm"): one.locator(".fg-answer").inner_text() for one in cards}

    def problems(self) -> list[str]:
        return self.page.get_by_role("alert").all_inner_texts()


def memory_mb(process: int) -> float:
    """Resident memory of a process and all below it, in MB (Linux)."""
    total, waiting = 0.0, [process]
    while waiting:
        one = waiting.pop()
        try:
            status = Path(f"/proc/{one}/status").read_text()
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except FileNotFoundError:
            continue  # it ended meanwhile
        total += sum(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmRSS"))
    return total


def slope(series: list[tuple[float, float]]) -> float:
    """Least squares, in MB a minute, of (seconds, MB)."""
    seconds, values = zip(*series, strict=True)
    return 60 * statistics.linear_regression(seconds, values).slope


def soak(people: list[Person], process: int, minutes: float) -> tuple[list[tuple[float, float]], list[str]]:
    """The memory as (seconds, MB), and what went wrong. The time begins when everybody's first answer is there: the
    models are loaded by then."""
    known: dict[tuple[str, str], tuple[str, str]] = {}  # (question, arm): its answer, and who saw it first
    series: list[tuple[float, float]] = []
    wrong: list[str] = []
    while not wrong and not all(one.seconds for one in people):
        for one in people:
            wrong += follow(one, known)
        time.sleep(0.05)
    begun = time.monotonic()
    while not wrong and (now := time.monotonic()) - begun < 60 * minutes:
        if not series or now - begun - series[-1][0] >= SAMPLE_S:
            series.append((now - begun, memory_mb(process)))
        for one in people:
            wrong += follow(one, known)
        time.sleep(0.05)
    return series, wrong


def follow(one: Person, known: dict[tuple[str, str], tuple[str, str]]) -> list[str]:
    """Ask if nothing is asked; look whether it is answered, and as it was before. Returns what is wrong."""
    if not one.busy:
        one.ask()
        return []
    answers, waited = one.answers(), time.monotonic() - one.since
    if answers is None and waited < STUCK_S:
        return [f"{one.name}: {problem}" for problem in one.problems()]
    question, one.busy = one.busy, ""
    if answers is None:
        return [f"{one.name}: no answer to {question!r} in {STUCK_S:.0f} s"]
    one.seconds.append(waited)
    wrong = [f"{one.name}: {problem}" for problem in one.problems()]
    for arm, answer in answers.items():
        before, seen_by = known.setdefault((question, arm), (answer, one.name))
        if answer != before:
            wrong.append(f"{one.name}: {arm} says {answer!r} to {question!r}, to {seen_by} it said {before!r}")
    return wrong


def report(people: list[Person], series: list[tuple[float, float]], wrong: list[str]) -> int:
    for one in people:
        middle = statistics.median(one.seconds) if one.seconds else float("nan")
        print(f"{one.name}: {len(one.seconds)} questions answered, median {middle:.1f} s")
        if len(one.seconds) < 2:
            wrong.append(f"{one.name}: fewer than 2 questions were answered; run it longer")
    print("memory, MB at s: " + " ".join(f"{value:.0f}@{second:.0f}" for second, value in series[::SHOWN]))
    late = [row for row in series if row[0] >= WARM_S]
    if len(late) < LEAST_SAMPLES:
        wrong.append("too few samples after the first minute to tell whether memory is flat; run it longer")
    else:
        grown = slope(late)
        print(f"after the first minute: {grown:+.1f} MB a minute (flat: at most {FLAT:+.0f})")
        if grown > FLAT:
            wrong.append(f"memory grows by {grown:.1f} MB a minute")
    for line in wrong:
        print(f"FAILED {line}")
    print("failed" if wrong else "passed: no error, no mixed answer, memory flat")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    minutes = parser.parse_args().minutes
    english = [one.question for one in load_questions("commonsense-en")]
    chinese = [one.question for one in load_questions("commonsense-zh")]
    # Two share half of their questions, so that answers given to one are held against the other's.
    plan = (
        ("first (English)", "en-GB", english[:FEW], "How many bones"),
        ("second (Chinese)", "zh-CN", chinese[:FEW], "红细胞能活多久"),
        ("third (English)", "en-GB", english[FEW // 2 : FEW // 2 + FEW], "By how much does water"),
    )
    with ExitStack() as stack:
        space = stack.enter_context(tempfile.TemporaryDirectory())
        address, process = stack.enter_context(served(f"--workspace={space}"))
        browsers = stack.enter_context(chromium(len(plan)))
        people = []
        for browser, (name, locale, questions, opening) in zip(browsers, plan, strict=True):
            page = browser.new_context(viewport={"width": 1360, "height": 900}, locale=locale).new_page()
            page.goto(address)
            page.get_by_text(opening).wait_for(timeout=60_000)
            full = page.locator(".st-key-examples button", has_text=opening).inner_text()
            people.append(Person(name, page, questions, full))
        return report(people, *soak(people, process.pid, minutes))


if __name__ == "__main__":
    sys.exit(main())
