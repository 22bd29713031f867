"""Commands for who asks: demo, index, ask, search, and what the machine needs for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.ui.commands.options import ArmsFile, AsJson, Device, GeneratorName, Kb, open_assistant

app = typer.Typer()


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report; an interrupted demo goes on from it.")] = Path(
        "demo-run"
    ),
    limit: Annotated[int, typer.Option(help="Questions to ask, from the start of the pack's list.", min=1)] = 40,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
) -> None:
    """See the point in a few minutes: the bundled commonsense pack, asked plain and augmented.

    Asks a small language model everyday questions alone, then with retrieved passages, and writes a report with both
    answers to every question side by side.
    """
    from firmground.ui.demo import run_demo

    run_demo(out, limit, lang, generator)


@app.command()
def index(
    paths: Annotated[list[str], typer.Argument(help="Files, folders, or patterns in quotes ('notes/**/*.md').")],
    kb: Annotated[Path, typer.Option("--kb", help="Folder of the knowledge base; made if it isn't there.")],
    encoder: Annotated[
        str,
        typer.Option(
            help="Sentence encoder; fixed once the knowledge base is made. Chinese documents, or several languages: "
            f"best with {weights.CHINESE_ENCODER}, after firmground weights {weights.CHINESE_ENCODER}."
        ),
    ] = weights.DEFAULT_ENCODER,
    index_kind: Annotated[
        str,
        typer.Option(
            "--index-kind",
            help="Kind of index: auto (by size), exact, ivf or hnsw. That of a base that is there is built anew.",
        ),
    ] = "",
    device: Device = "",
    as_json: AsJson = False,
) -> None:
    """Put documents into a knowledge base: txt, md, html, pdf, docx, csv, json, jsonl.

    A row of a CSV or JSONL file is one document. Running it again adds what is new or changed and skips the rest, so an
    interrupted run goes on where it was. A file that can't be read is reported at the end and doesn't stop the others.
    """
    from firmground.ui.indexing import run_index

    raise typer.Exit(run_index(paths, kb, encoder, device, as_json, index_kind))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    kb: Kb,
    arms: Annotated[
        str | None,
        typer.Option(
            help="Arms to ask, with commas: plain, stock, augmented, longform, extractive, and those of --arms-file. "
            "By default plain,augmented; with a file, plain and all of its arms."
        ),
    ] = None,
    arms_file: ArmsFile = None,
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    device: Device = "",
    as_json: AsJson = False,
) -> None:
    """Answer one question plain and augmented, each claim with its verdict and the place it can be checked at."""
    from firmground.eval.arm_files import chosen_arms
    from firmground.ui.show import answer_record, print_answers

    chosen = chosen_arms(arms, arms_file)
    if not question.strip():
        raise InputError("the question is empty; give one in quotes: firmground ask 'Why does ice float?' --kb DIR")
    assistant = open_assistant(kb, generator if any(arm.generator for arm in chosen) else None, device)
    answers = assistant.compare(question, chosen)
    if as_json:
        print(json.dumps({arm.name: answer_record(answers[arm.name], arm) for arm in chosen}, ensure_ascii=False))
    else:
        print_answers(answers, assistant.verifier.name)


@app.command()
def explain(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    kb: Kb,
    arm: Annotated[str, typer.Option(help="The arm that answers; one of --arms-file too.")] = "augmented",
    arms_file: ArmsFile = None,
    method: Annotated[
        str, typer.Option(help="leave-one-out, contextcite, or auto: the first for up to 16 sentences.")
    ] = "auto",
    attention: Annotated[bool, typer.Option("--attention", help="Read where the model looked, too.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the reasons to this page, with the heat maps.")] = None,
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    device: Device = "",
    as_json: AsJson = False,
) -> None:
    """Answer one question, and say which sentences the answer rests on: by taking each away.

    Every reason comes with its own measured faithfulness. It needs a model that tells log-probabilities.
    """
    from firmground.ui.explaining import run_explain

    run_explain(question, kb, arm, method, attention, generator, device, html, as_json, arms_file)


@app.command()
def chat(
    kb: Kb,
    arm: Annotated[str, typer.Option(help="The arm that answers; one of --arms-file too.")] = "augmented",
    arms_file: ArmsFile = None,
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    device: Device = "",
) -> None:
    """Ask one question after the other, a line each; "And in winter?" is understood by what was asked before."""
    from firmground.ui.chatting import run_chat

    run_chat(kb, arm, arms_file, generator, device)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to look for, in quotes.")] = "",
    kb: Kb = "",
    k: Annotated[int, typer.Option("--k", "-k", help="How many passages.", min=1)] = 10,
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    queries: Annotated[
        Path | None, typer.Option(help="Ask every question of a JSONL file (id, question a line) instead of one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find passages: by meaning, by words, or (hybrid) by both.

    With --json one line a query: {"id", "hits": [{"document", "passage", "score"}]}.
    """
    from firmground.ui.searching import run_search

    run_search(question, kb, k, mode, queries, as_json)


@app.command()
def doctor(
    kb: Annotated[Path | None, typer.Option("--kb", help="Check a knowledge base's files too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what this machine has, and what to do about each problem. Ends with 1 if something needed is missing."""
    from firmground.ui.doctor import run_doctor

    raise typer.Exit(run_doctor(kb, as_json))


@app.command(name="weights")
def weights_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to fetch; by default the two that everything uses.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", help="List the models that can be had by name, and fetch nothing.")
    ] = False,
) -> None:
    """Fetch model weights to this machine. Nothing else in firmground downloads anything."""
    from firmground.ui.show import print_models

    if show:
        print_models()
        return
    for name in names or weights.DEFAULTS:
        here = weights.is_here(name)
        folder = weights.fetch_and_prepare(name, say=typer.echo)
        typer.echo(f"{name}: {'is here already' if here else 'fetched'}, {folder}")


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="Address to listen at; this machine alone by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8501,
    kb: Annotated[str, typer.Option("--kb", help="Knowledge base to open first.")] = "commonsense-en",
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    workspace: Annotated[
        Path | None, typer.Option(help="Folder for the page's knowledge bases, runs and marks.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show; nothing can be added or deleted.")] = False,
    token: Annotated[
        str, typer.Option(envvar="FIRMGROUND_UI_TOKEN", help="What a visitor must know; better by the environment.")
    ] = "",
) -> None:
    """Open the page in a browser: ask a question, see both answers side by side."""
    from firmground.ui.serve import run_ui

    raise typer.Exit(run_ui(host, port, kb, generator, workspace, read_only, token))
