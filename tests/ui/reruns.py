"""What a rerun of each view costs: seconds of this process's CPU, with everything loaded, over a finished run of 300
questions, an audit and a knowledge base that are made for it. Small fakes stand for the models.

    python -m tests.ui.reruns

A rerun is what every click costs before anything is asked of a model; what the browser then draws isn't counted.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from streamlit.testing.v1 import AppTest

from firmground.eval.bias.effects import EffectTable
from firmground.eval.bias.outputs import own_effects
from firmground.eval.compare import compare
from firmground.eval.types import Example
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.types import Document
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN
from firmground.ui import engine
from firmground.ui.workspace import Workspace
from tests.eval.fakes import FakeAssistant
from tests.knowledge.base_helpers import HashEncoder
from tests.ui import fakes
from tests.ui.test_views import view

QUESTIONS, GROUPS, DOCUMENTS = 300, 8, 200
VIEWS = ("compare", "knowledge", "runs", "audit", "settings")
WARM = 2  # reruns that aren't counted: modules are imported, and what is kept is made


def fill(space: Workspace) -> None:
    """A run with groups of questions, an audit, and a knowledge base."""
    examples = [
        Example(f"q{n}", f"Question {n}?", (f"gold {n}",), metadata={"category": f"group {n % GROUPS}"})
        for n in range(QUESTIONS)
    ]
    answers = {
        arm.name: {one.question: one.answers[0] if n % (place + 2) else "no" for n, one in enumerate(examples)}
        for place, arm in enumerate((PLAIN, AUGMENTED, EXTRACTIVE))
    }
    compare(FakeAssistant(answers), examples, [PLAIN, AUGMENTED, EXTRACTIVE], space.run("first"))
    EffectTable((*own_effects("en"), *own_effects("zh")), "fake", {}).save(space.audit("first"))
    folder = space.base("moon")
    folder.mkdir(parents=True)
    with KnowledgeBase.create(folder, HashEncoder()) as base:
        base.add(Document(f"{n}.txt", f"The Moon has {n} craters.", f"{n}.txt") for n in range(DOCUMENTS))


def seconds(space: Workspace, name: str, language: str = "en", times: int = 5) -> list[float]:
    """CPU seconds of each of so many reruns of a view."""
    base = KnowledgeBase.open(space.base("moon"), HashEncoder())
    spoken = fakes.FakeAssistant({"plain": "1 cubic foot", "augmented": "by 9 percent"})
    stand_ins: dict[str, Callable[..., Any]] = {
        "knowledge_base": lambda kb, device=None: base,
        "generator": lambda name, device=None: object(),
        "assistant": lambda kb, generator, chosen=None: spoken,
    }
    with mock.patch.multiple(engine, **stand_ins):
        app = AppTest.from_function(view, args=(str(space.root), name, language, False), default_timeout=120).run()
        if name == "compare":
            app.text_input(key="question").input("How much does water swell?")
            app.button[0].click().run()
        found = []
        for _ in range(WARM + times):
            start = time.process_time()
            app.run()
            found.append(time.process_time() - start)
    assert not app.exception
    base.close()
    return found[WARM:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="reruns of each view in each language")
    options = parser.parse_args()
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    print(f"CPU ms a rerun, median and most of {options.times}; a run of {QUESTIONS} questions is open in runs")
    with tempfile.TemporaryDirectory() as folder:
        space = Workspace(Path(folder))
        fill(space)
        for name in VIEWS:
            for language in ("en", "zh"):
                took = [1000 * one for one in seconds(space, name, language, options.times)]
                print(f"{name:10} {language}  {statistics.median(took):4.0f}  {max(took):4.0f}", flush=True)


if __name__ == "__main__":
    main()
