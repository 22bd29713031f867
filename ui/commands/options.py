"""Options that several commands take, said the same way by each; and what most of them open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.rag.assistant import Assistant

HELP = {"help_option_names": ["-h", "--help"]}

Kb = Annotated[str, typer.Option("--kb", help="Knowledge base: a folder, or a pack's name such as commonsense-en.")]
GeneratorName = Annotated[
    str,
    typer.Option("--generator", "-g", help="Language model: a name that `firmground weights` lists, a model's folder, "
                 "hf:organisation/name, or chat:provider:model for any LangChain chat model."),
]  # fmt: skip
ArmsFile = Annotated[
    Path | None,
    typer.Option(
        "--arms-file",
        help='TOML file with arms of your own: \\[arm.NAME], base = "augmented", then any field of an arm, such as '
        "num_passages = 8. A wrong key is an error that names the right one.",
    ),
]
Format = Annotated[
    str,
    typer.Option("--format", help="Format of the question file (squad, commonsenseqa …); auto tells it by its look."),
]
SkipBroken = Annotated[bool, typer.Option("--skip-broken", help="Skip lines of the question file that can't be read.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text for a person.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1; by default a GPU where there is one.")]


def open_assistant(kb: str, generator: str | None, device: str = "") -> Assistant:
    """An assistant over a knowledge base's folder or a pack's name. Raises InputError where it holds nothing."""
    from firmground.knowledge.packs import base_folder
    from firmground.rag.assistant import Assistant

    quiet_models()
    assistant = Assistant.load(base_folder(kb), generator, device)
    check_filled(assistant.knowledge)
    return assistant


def check_filled(base: KnowledgeBase | None) -> None:
    """Raises InputError where a knowledge base holds no documents: nothing could be found in it."""
    if base is not None and not len(base):
        raise InputError(f"{base.path} holds no passages; add documents: firmground index PATH --kb {base.path}")


def quiet_models() -> None:
    """No bars and no warnings from transformers between a person and the answer."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
