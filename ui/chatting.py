"""`firmground chat`: a conversation in the terminal, each question understood by those before it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from firmground.eval.arm_files import chosen_arms
from firmground.knowledge.errors import InputError
from firmground.rag.conversation import Conversation
from firmground.rag.types import Answer
from firmground.ui.commands.options import open_assistant
from firmground.ui.show import print_answers

END = "exit"
FROM_MEMORY = "answered from the model's memory: what was found doesn't answer it"


def run_chat(kb: str, arm: str, arms_file: Path | None, generator: str, device: str) -> None:
    """Answer the lines of standard input until it ends, or one says "exit".

    Raises:
        InputError: not exactly one arm.
    """
    chosen = chosen_arms(arm, arms_file)
    if len(chosen) != 1:
        raise InputError(f"a conversation goes by one arm, got {arm!r}; name one with --arm")
    assistant = open_assistant(kb, generator if chosen[0].generator else None, device)
    chat(Conversation(assistant, chosen[0]), typed())


def typed() -> Iterator[str]:
    """Lines as they are typed, up to END; empty ones are passed over. A prompt is shown where a person sits there."""
    if sys.stdin.isatty():
        print(f"One question a line. To end: Ctrl-D, or {END}.")
    while True:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line or line.strip().lower() == END:
            return
        if line.strip():
            yield line.strip()


def chat(talk: Conversation, questions: Iterable[str], console: Console | None = None) -> None:
    """Print the answer to each question, with what should be known about it."""
    console = console or Console()
    for number, question in enumerate(questions):
        answer = talk.ask(question)
        print_answers({talk.arm.name: answer}, talk.assistant.verifier.name if not number else "", console)
        for note in notes(answer, talk.turns[-1].understood):
            console.print(f"[dim]{escape(note)}[/dim]")


def notes(answer: Answer, understood: str) -> list[str]:
    """How the question was understood, and what the answer stands on."""
    found = [f"understood as: {understood}"] if understood != answer.question else []
    return [*found, FROM_MEMORY] if answer.basis == "model" and answer.hits else found
