"""The command line. It collects input, calls the engine and prints; an error is one line with its remedy.

Exit codes: 0 done · 1 failed · 2 wrong input · 3 weights not fetched · 4 knowledge base damaged, locked or of another
encoder · 5 an optional package is missing · 6 done, but some files couldn't be read · 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib.metadata
import os
import sys
from typing import Annotated

import typer

from firmground.knowledge.errors import FirmgroundError
from firmground.ui.commands import asking, auditing, keeping, measuring
from firmground.ui.commands.options import HELP

# Set before any heavy import: no network and no telemetry in a run, and no chatter from libraries.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

INTERRUPTED = 130

app = typer.Typer(
    name="firmground",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=HELP,
    rich_markup_mode="rich",
    help="Ask a language model with and without your documents, and see claim by claim what the documents changed.\n\n"
    "Start with [bold]firmground demo[/bold]. Then, for your own documents: "
    "[bold]firmground index docs/ --kb my-kb[/bold], [bold]firmground ask 'a question' --kb my-kb[/bold].",
    epilog="Every error is one line with its remedy; add --debug before the command for the whole traceback.",
)

for commands in (asking, measuring, auditing, keeping):
    app.add_typer(commands.app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"firmground {importlib.metadata.version('firmground')}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Options that stand before a command; `main` reads --debug itself."""


def main() -> None:
    """The `firmground` command: runs the app and turns every error into one line and an exit code."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    debug = "--debug" in sys.argv[1:]
    try:
        code = app(standalone_mode=False)  # what a command left by typer.Exit; None or 0 where it just ended
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code or 0)
    except FirmgroundError as error:
        _fail(str(error), error.exit_code, debug)
    except (KeyboardInterrupt, typer.Abort):
        _fail(
            "interrupted; what was reported done is kept, and the same command goes on from there", INTERRUPTED, debug
        )
    except OSError as error:
        _fail(_explain_os(error), 1, debug)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line
            error.show()  # type: ignore[attr-defined]
            sys.exit(2)
        _fail(f"{type(error).__name__}: {error} (unexpected; run with --debug and report it)", 1, debug)


def _explain_os(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "no space left on the disk; free some and run the same command again: what was reported done is kept"
    if error.errno == errno.EPIPE:
        return "the reader of the output went away"
    return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        raise
    print(f"firmground: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
