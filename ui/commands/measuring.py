"""Commands for who measures: compare, ablate, report, judge, verify, adapt."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from firmground.knowledge import weights
from firmground.ui.commands.options import HELP, ArmsFile, AsJson, Device, Format, GeneratorName, Kb, SkipBroken

app = typer.Typer()


class Spoken(StrEnum):
    """What a report can be written in."""

    en = "en"
    zh = "zh"


ReportLanguage = Annotated[
    Spoken | None,
    typer.Option("--language", help="Write the report in English or Chinese; by default in the questions'."),
]
Reasons = Annotated[
    int,
    typer.Option(
        help="Show in the report what the answers to N questions rest on, those whose outcome changed first: removing "
        "each sentence, attention, token by token. About 5 s of CPU each with the default model; kept in the run's "
        "folder. Each makes the report 0.1 to 0.5 MB longer.",
        min=0,
        metavar="N",
    ),
]


@app.command()
def compare(
    kb: Kb,
    questions: Annotated[
        str, typer.Option(help="Question file (JSONL: id, question, answers a line), or a pack's name.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the outcomes, the summary and the reports.")],
    arms: Annotated[
        str | None,
        typer.Option(
            help="Arms to compare, with commas; the first is the baseline. plain, stock, augmented, longform, "
            "extractive; oracle, noise and counterfactual evidence show what retrieval is worth and what it can break; "
            "and those of --arms-file. By default plain,augmented; with a file, plain and all of its arms."
        ),
    ] = None,
    arms_file: ArmsFile = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N questions.", min=1, metavar="N")] = None,
    form: Format = "auto",
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    device: Device = "",
    skip_broken: SkipBroken = False,
    language: ReportLanguage = None,
    reasons: Reasons = 0,
    as_json: AsJson = False,
) -> None:
    """Ask every question by every arm, and say with intervals what retrieval fixed and what it broke.

    Each answered question is kept at once: run the same command again after an interruption and nothing is asked twice.
    """
    from firmground.ui.comparing import run_compare

    run_compare(
        kb, questions, out, arms, limit, generator, device, skip_broken, as_json, form, arms_file,
        language=language.value if language else None, reasons=reasons,
    )  # fmt: skip


@app.command()
def ablate(
    kb: Kb,
    questions: Annotated[
        str, typer.Option(help="Question file (JSONL: id, question, answers a line), or a pack's name.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the outcomes, ablation.json and the reports.")],
    arm: Annotated[str, typer.Option(help="The arm to take apart; one of --arms-file too.")] = "augmented",
    arms_file: ArmsFile = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N questions.", min=1, metavar="N")] = None,
    form: Format = "auto",
    generator: GeneratorName = weights.DEFAULT_GENERATOR,
    device: Device = "",
    skip_broken: SkipBroken = False,
    as_json: AsJson = False,
) -> None:
    """Say what each mitigation of an arm buys and costs, best effect per second first.

    Each is switched alone: taken from the full arm, and added to plain with what it needs. It asks every question about
    a dozen times; run the same command again after an interruption and nothing is asked twice.
    """
    from firmground.ui.ablating import run_ablate

    run_ablate(kb, questions, out, arm, limit, generator, device, skip_broken, as_json, form, arms_file)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="A run's folder; or two, the baseline first.")],
    arms: Annotated[
        str | None,
        typer.Option(
            help="Of two runs: only these arms, with commas. plain=mine sets the first run's plain against the "
            "second run's mine. By default every arm that both have."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Of two runs: folder for report.html and report.md.")] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Of one run: people's labels on 100 answers or more (JSONL, docs/judges.md). Prints the "
            "unsupported rates corrected for the verifier's errors."
        ),
    ] = None,
    language: ReportLanguage = None,
    reasons: Reasons = 0,
    device: Device = "",
    as_json: AsJson = False,
) -> None:
    """Make a run's report anew from its rows; or compare two runs, arm by arm and question by question.

    Two runs compare where they asked the same questions of the same documents: another model, another encoder, other
    settings. If the questions or the documents differ, it says how, and compares nothing.
    """
    from firmground.ui.reporting import run_report

    run_report(runs, arms, out, as_json, labels, language.value if language else None, reasons, device)


@app.command()
def judge(
    run: Annotated[Path, typer.Argument(help="Folder that `compare --out` named.")],
    model: Annotated[
        str, typer.Option(help="Chat model that judges: chat:provider:model, such as chat:ollama:qwen3:8b.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="People's labels (JSONL), to hold judge and verifier against.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N questions.", min=1, metavar="N")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a chat model judge a comparison's claims and answers, and say how far that judge can be trusted.

    Everything is asked twice, in both orders. Replies are kept: after an interruption the same command goes on.
    """
    from firmground.ui.judging import run_judge

    run_judge(run, model, labels, limit, as_json)


@app.command()
def verify(
    file: Annotated[
        str,
        typer.Argument(help='JSONL: {"claim": …, "evidence": text or list of texts} a line; - reads standard input.'),
    ],
    verifier: Annotated[
        str,
        typer.Option(
            help="trees (the trained one that ships), lexical (rules), a folder that `adapt verifier` made, or a "
            "transformers classifier: a model's folder, or hf:organisation/name (#1 behind it: which label means "
            "supported, where labels have no names)."
        ),
    ] = "trees",
    device: Device = "",
) -> None:
    """Say how far evidence supports claims: {"support": 0 to 1, "verdict": …} for each line, in order.

    With "question" in a line, the claim is read as an answer to it: Paris, to What is the capital of France?
    """
    from firmground.ui.verifying import run_verify

    run_verify(file, verifier, device)


adapt_app = typer.Typer(
    no_args_is_help=True, context_settings=HELP, help="Fit to data of your own: verifier, gate, classifier of offence."
)
app.add_typer(adapt_app, name="adapt")


@adapt_app.command("verifier")
def adapt_verifier(
    data: Annotated[Path, typer.Option(help="Folder of data sets, each as its authors publish it.")],
    out: Annotated[Path, typer.Option(help="Folder for the trained verifier; --verifier takes it.")],
) -> None:
    """Train the grounding verifier anew. The same data give the same file; it holds their hashes."""
    from firmground.ui.adapting import run_adapt_verifier

    run_adapt_verifier(data, out)


@adapt_app.command("gate")
def adapt_gate(
    kb: Kb,
    questions: Annotated[
        str,
        typer.Option(
            help='Your questions (JSONL), 40 or more: those that the documents answer, with "passage", the id of the '
            'document that does, and others with "answerable": false. Or a pack\'s name.'
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File for an arm with this gate; --arms-file takes it. Else it is printed.")
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(
            help="At most this share of the questions let through may be such as the documents don't answer. Else the "
            "threshold where both kinds of error are smallest together."
        ),
    ] = None,
) -> None:
    """Fit the evidence gate to your own questions: when to say that the documents don't say.

    Half of the questions fit, the other half reports: what it lets through, what it declines, how often rightly. No
    language model runs.
    """
    from firmground.ui.adapting import run_adapt_gate

    raise typer.Exit(run_adapt_gate(kb, questions, out, risk))


@adapt_app.command("offence")
def adapt_offence(
    data: Annotated[Path, typer.Option(help="Folder with cold, crows_pairs, creak, gender_rag and bbq in it.")],
    out: Annotated[Path, typer.Option(help="File for the classifier (.npz); `audit filter --model` takes it.")],
) -> None:
    """Train the classifier of offensive text anew, in some minutes. The same data give the same file."""
    from firmground.ui.auditing import run_adapt_offence

    run_adapt_offence(data, out)
