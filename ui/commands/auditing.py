"""Commands for who looks for bias: in a corpus, in the filters themselves, and in a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firmground.knowledge import weights
from firmground.ui.commands.options import HELP, AsJson, Device, GeneratorName

app = typer.Typer()
audit_app = typer.Typer(
    no_args_is_help=True, context_settings=HELP, help="Look for bias: in a corpus, in a model, in the filters."
)
app.add_typer(audit_app, name="audit")


@audit_app.command("corpus")
def audit_corpus(
    paths: Annotated[list[str] | None, typer.Argument(help="Files, folders, or patterns in quotes.")] = None,
    kb: Annotated[str, typer.Option("--kb", help="Or a knowledge base: a folder, or a pack's name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say whom documents speak of, and with which occupations and judgements each group is named.

    By lists of words, in English and Chinese: a group named in another way isn't seen, and no meaning is understood.
    """
    from firmground.ui.auditing import run_audit_corpus

    raise typer.Exit(run_audit_corpus(paths or [], kb, as_json))


@audit_app.command("filter")
def audit_filter(
    data: Annotated[
        Path | None,
        typer.Option(
            help='Texts: JSONL with "text", "offensive" (true or false) and, if you like, "kind" and "group" a line, '
            "or a CSV file of COLD. By default sentences of our own: attacks, plain mentions, protests, quotations."
        ),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A classifier that `firmground adapt offence` made.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how often the filters flag what they shouldn't: on which groups, on protest, on quotation."""
    from firmground.ui.auditing import run_audit_filter

    run_audit_filter(data, model, as_json)


@audit_app.command("bias")
def audit_bias(
    task: Annotated[str, typer.Option(help="crows-pairs, bbq, or cbbq (Chinese).")],
    data: Annotated[
        Path,
        typer.Option(help="The authors' file: crows_pairs_anonymized.csv, a category of BBQ (JSONL), or of CBBQ (JSON, "
                     "or the folder with its two files)."),
    ],
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    limit: Annotated[int, typer.Option(help="Draw so many rows, of each kind as many; 0: all.", min=0)] = 0,
    kb: Annotated[
        str, typer.Option("--kb", help="Ask with what this knowledge base holds, too: a folder, or a pack's name.")
    ] = "",
    debias: Annotated[
        bool, typer.Option("--debias", help="Ask self-debiased, too, and show what that changes.")
    ] = False,
    device: Device = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say how far a language model follows stereotypes, by its log-probabilities alone: no judge, nothing is written.

    Every figure comes with its 95% interval and its ideal, and beside it what shows whether the model is of use.
    """
    from firmground.ui.auditing import run_audit_bias

    run_audit_bias(task, data, generator, limit, kb, debias, as_json, device)


@audit_app.command("all")
def audit_all(
    data: Annotated[
        Path,
        typer.Option(help="Folder with the sets as their authors lay them out, any of crows_pairs/*.csv, bbq/*.jsonl, "
                     "cbbq/*/*.json, gender_rag/*.csv, cold/*.csv, ldnoobw/zh, qa/xquad-en/."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the table, made if missing; the same command goes on in it.")],
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    limit: Annotated[int, typer.Option(help="At most so many rows a set; 0: all.", min=0)] = 30,
    kb: Annotated[
        str, typer.Option("--kb", help="Ask BBQ, CBBQ and the counterfactual questions with what it holds.")
    ] = "",
    filters: Annotated[
        str, typer.Option(help="Some of the filters, such as debias=exchange,fair=project; by default all.")
    ] = "",
    language: Annotated[str, typer.Option(help="en, zh or both.")] = "both",
    device: Device = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say what every debiasing filter changes, and what it costs: before and after, on the same rows.

    Prints the table, and leaves audit.html, audit.md and audit.json. What was finished is kept, set by set.
    """
    from firmground.ui.auditing import run_audit_all

    raise typer.Exit(run_audit_all(data, out, generator, limit, kb, filters, language, as_json, device))
