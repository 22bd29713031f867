"""Commands for a knowledge base's life: `firmground kb …`, and `tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firmground.ui.commands.options import HELP, AsJson

app = typer.Typer()
kb_app = typer.Typer(
    no_args_is_help=True,
    context_settings=HELP,
    help="What is in a knowledge base, and its life: list, remove, compact, snapshot, restore, verify.",
)
app.add_typer(kb_app, name="kb")


@app.command()
def tune(
    kb: Annotated[Path, typer.Option("--kb", help="Folder of the knowledge base.")],
    recall: Annotated[
        float, typer.Option(help="Least share of the true nearest passages to be found.", min=0.0, max=1.0)
    ] = 0.95,
    k: Annotated[int, typer.Option("--k", "-k", help="How many passages.", min=1)] = 10,
    queries: Annotated[
        Path | None, typer.Option(help="Ask these questions (JSONL), not the base's own passages.")
    ] = None,
    kinds: Annotated[str, typer.Option(help="Kinds to try, with commas: exact, ivf, hnsw.")] = "exact,ivf",
    apply: Annotated[bool, typer.Option("--apply", help="Build the index that was chosen.")] = False,
) -> None:
    """Measure kinds of index on your own passages, and pick the fastest with enough recall."""
    from firmground.ui.tuning import run_tune

    raise typer.Exit(run_tune(kb, recall, k, queries, kinds, apply))


KbFolder = Annotated[Path, typer.Option("--kb", help="Folder of the knowledge base.")]
Where = Annotated[str, typer.Option(help="""Only documents whose metadata fit, as JSON: '{"year": {"$gte": 2020}}'.""")]


@kb_app.command("list")
def kb_list(kb: KbFolder, where: Where = "", as_json: AsJson = False) -> None:
    """List the documents."""
    from firmground.ui.kbs import run_list

    run_list(kb, where, as_json)


@kb_app.command("remove")
def kb_remove(
    kb: KbFolder,
    documents: Annotated[list[str] | None, typer.Argument(help="Ids, as `list` shows them.")] = None,
    where: Where = "",
) -> None:
    """Delete documents, at once for every search and for good."""
    from firmground.ui.kbs import run_remove

    run_remove(kb, documents or [], where)


@kb_app.command("compact")
def kb_compact(kb: KbFolder) -> None:
    """Free what deleted documents still take on disk."""
    from firmground.ui.kbs import run_compact

    run_compact(kb)


@kb_app.command("snapshot")
def kb_snapshot(kb: KbFolder, target: Annotated[Path, typer.Argument(help="New folder for the copy.")]) -> None:
    """Copy the knowledge base as it is now, also while it is being written."""
    from firmground.ui.kbs import run_snapshot

    run_snapshot(kb, target)


@kb_app.command("restore")
def kb_restore(kb: KbFolder, snapshot: Annotated[Path, typer.Argument(help="Folder that `snapshot` made.")]) -> None:
    """Make a knowledge base from a snapshot, in a folder that isn't there yet."""
    from firmground.ui.kbs import run_restore

    run_restore(snapshot, kb)


@kb_app.command("stats")
def kb_stats(kb: KbFolder, as_json: AsJson = False) -> None:
    """Count documents, passages, bytes; name the encoder and the index."""
    from firmground.ui.kbs import run_stats

    run_stats(kb, as_json)


@kb_app.command("verify")
def kb_verify(kb: KbFolder) -> None:
    """Read every file and say what is damaged. Ends with 4 if something is."""
    from firmground.ui.kbs import run_verify

    raise typer.Exit(run_verify(kb))
