"""`firmground audit …`: whom a corpus speaks of, on whom the filters err, how far a model follows stereotypes, and what
all filters change about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from firmground.eval.bias.figures import BiasAudit, Figure
from firmground.eval.filter_audit import FilterAudit, audit_filter, own_cases, read_cases
from firmground.knowledge.audit import CorpusAudit, audit
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document

if TYPE_CHECKING:
    from firmground.eval.bias.effects import EffectTable
    from firmground.rag.types import Generator

SHOWN = 25
EXIT_SOME_FAILED = 6
BIAS_TASKS = ("crows-pairs", "bbq", "cbbq")


def run_audit_corpus(paths: list[str], kb: str, as_json: bool) -> int:
    """Print the audit of files or of a knowledge base. Returns 0, or 6 if some files couldn't be read."""
    from firmground.knowledge.load import LoadReport

    if bool(paths) == bool(kb):
        raise InputError("expected files to read or --kb, one of them")
    report = LoadReport()
    found = audit(_documents(paths, kb, report))
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        _print_corpus(Console(), found)
    for failure in report.failures:
        Console(stderr=True).print(str(failure), markup=False)
    return EXIT_SOME_FAILED if report.failures else 0


def _documents(paths: list[str], kb: str, report: object) -> Iterator[Document]:
    from firmground.knowledge.load import LoadReport, load_all

    if paths:
        assert isinstance(report, LoadReport)
        yield from load_all(paths, report)
        return
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.packs import base_folder

    with KnowledgeBase.open(base_folder(kb)) as base:
        yield from base.documents()


def _print_corpus(console: Console, found: CorpusAudit) -> None:
    console.print(f"{found.documents:,} documents, {found.sentences:,} sentences")
    if not found.counts:
        console.print("They name none of the groups that are looked for.")
        return
    table = Table(title="Whom they speak of")
    for column in ("category", "group", "mentions", "sentences", "documents"):
        table.add_column(column, justify="right" if column in ("mentions", "sentences", "documents") else "left")
    for count in found.counts[:SHOWN]:
        table.add_row(
            count.category, count.group, f"{count.mentions:,}", f"{count.sentences:,}", f"{count.documents:,}"
        )
    console.print(table)
    sure = [one for one in found.associations if one.sure]
    if sure:
        table = Table(title="With which words, against the other groups of the category (log-odds, 95% interval)")
        for column in ("group", "kind", "word", "together", "log-odds"):
            table.add_column(column)
        for one in sure[:SHOWN]:
            figure = f"{one.log_odds:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
            table.add_row(one.group, one.kind, one.word, f"{one.together} of {one.sentences}", figure)
        console.print(table)
    sources = sorted(found.sources.items(), key=lambda item: -sum(item[1].values()))
    for source, groups in sources[:SHOWN]:
        named = ", ".join(f"{group} {number}" for group, number in list(groups.items())[:5])
        console.print(f"{source}: {named}", markup=False, highlight=False)


def run_audit_filter(data: Path | None, model: Path | None, as_json: bool) -> None:
    """Print how often the filters flag what they shouldn't, by kind of speech and by group."""
    from firmground.rag.debias.classify import load

    found = audit_filter(read_cases(data) if data else own_cases(), load(model) if model else None)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        _print_filter(Console(), found)


def _print_filter(console: Console, found: FilterAudit) -> None:
    table = Table(title=f"{found.cases:,} texts: how many each filter flags (95% interval)")
    for column in ("filter", "texts", "are", "n", "flagged"):
        table.add_column(column, justify="right" if column in ("n", "flagged") else "left")
    for rate in found.rates:
        flagged = rate.flagged
        table.add_row(
            rate.filter, rate.name, "offensive" if rate.offensive else "harmless", str(flagged.n),
            f"{flagged.value or 0:.1%} [{flagged.low or 0:.1%}, {flagged.high or 0:.1%}]",
        )  # fmt: skip
    console.print(table)
    for gap in found.gaps:
        console.print(
            f"{gap.filter}: harmless texts about {gap.most} are flagged {gap.value:.1%} more often than those about "
            f"{gap.least} ({gap.groups} groups; chance alone shows up to {gap.by_chance:.1%})",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip


def run_adapt_offence(data: Path, out: Path) -> None:
    """Train the offence classifier and write it to one file."""
    from firmground.rag.debias.train import train

    console = Console(stderr=True)
    train(data, lambda line: console.print(line, markup=False)).save(out)
    print(out)


def run_audit_bias(
    task: str, data: Path, generator: str, limit: int, kb: str, debias: bool, as_json: bool, device: str = ""
) -> None:
    """Print how far a generator follows stereotypes: plain, over a knowledge base, and self-debiased."""
    if task not in BIAS_TASKS:
        raise InputError(f"expected a task of {', '.join(BIAS_TASKS)}, got {task!r}")
    if task == "crows-pairs" and kb:
        raise InputError("crows-pairs weighs sentences, for which nothing is looked up; leave --kb out, or take bbq")
    found = _audit_bias(task, data, generator, limit, kb, debias, device)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        _print_bias(Console(), found)


def _audit_bias(task: str, data: Path, name: str, limit: int, kb: str, debias: bool, device: str) -> BiasAudit:
    from firmground.eval.bias.pairs import audit_pairs
    from firmground.eval.bias.questions import audit_questions
    from firmground.knowledge.encode import open_base
    from firmground.knowledge.packs import base_folder
    from firmground.rag.generators import load_generator
    from firmground.ui.commands.options import quiet_models

    quiet_models()
    generator = load_generator(name, device)

    def filtered(category: str) -> Generator:
        from firmground.rag.debias.decoding import SelfDebiased, description

        described = description(category, "zh" if task == "cbbq" else "en")
        return SelfDebiased(generator, [described])  # type: ignore[arg-type]

    if task == "crows-pairs":
        return audit_pairs(data, generator, limit, filtered if debias else None)
    if not kb:
        return audit_questions(task, data, generator, limit, None, filtered if debias else None)
    with open_base(base_folder(kb), device=device) as base:
        return audit_questions(task, data, generator, limit, base, filtered if debias else None)


def _print_bias(console: Console, found: BiasAudit) -> None:
    table = Table(title=f"{found.task}: {found.data}, {found.asked:,} of {found.found:,} rows, by {found.generator}")
    for column in ("asked", "rows", "measure", "n", "value (95% interval)", "ideal"):
        table.add_column(column, justify="right" if column in ("n", "ideal") else "left", no_wrap=column != "asked")
    for figure in found.figures:
        ideal = "" if figure.ideal is None else f"{figure.ideal:g}"
        n = str(figure.interval.n)
        table.add_row(figure.arm, figure.rows, figure.measure, n, _bias_value(figure), ideal)
    console.print(table)
    for note in found.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _bias_value(figure: Figure) -> str:
    interval = figure.interval
    if interval.value is None:
        return "none"
    sign = "+" if figure.ideal is None else ""
    if interval.low is None or interval.high is None:
        return f"{interval.value:{sign}.3f}"
    return f"{interval.value:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


def run_audit_all(
    data: Path, out: Path, generator: str, limit: int, kb: str, filters: str, languages: str, as_json: bool,
    device: str = "",
) -> int:  # fmt: skip
    """Leave the table of all filters in `out` and print it. Returns 0, or 6 if some sets couldn't be read."""
    import contextlib

    from firmground.eval.bias.sets import FILTERS, Models
    from firmground.eval.bias.table import make_table
    from firmground.eval.report.audit import write_audit
    from firmground.knowledge.encode import open_base
    from firmground.knowledge.packs import base_folder
    from firmground.ui.commands.options import quiet_models

    quiet_models()
    progress = Console(stderr=True)
    wanted = [name.strip() for name in filters.split(",") if name.strip()] if filters else FILTERS
    with contextlib.ExitStack() as opened:
        knowledge = opened.enter_context(open_base(base_folder(kb), device=device)) if kb else None
        table, failed = make_table(
            data, out, Models(generator, knowledge, device), wanted, languages, limit,
            say=lambda line: progress.print(line, markup=False, highlight=False, soft_wrap=True),
        )  # fmt: skip
    page = write_audit(table, out, "zh" if languages == "zh" else "en")
    if as_json:
        print((out / "audit.json").read_text(encoding="utf-8"))
    else:
        _print_effects(Console(), table)
        Console().print(f"\nReport: {page}   also there: audit.md, audit.json", markup=False, highlight=False)
    return EXIT_SOME_FAILED if failed else 0


def _print_effects(console: Console, table: EffectTable) -> None:
    """The figures of whole sets, filter by filter, and in words what each did; those by group are in the report."""
    from rich import box

    from firmground.eval.report.audit import VERDICTS, by_filter, findings, table_row, whole_sets

    for name, effects in by_filter(table):
        whole = whole_sets(effects)
        shown = Table(title=f"{name}: before and after, 95% intervals", box=box.SIMPLE_HEAD, title_justify="left")
        for column in ("set", "rows", "measure", "ideal", "n", "before", "after", "change", ""):
            shown.add_column(column, justify="right" if column in ("ideal", "n") else "left")
        for effect in whole:
            shown.add_row(*table_row(effect))
        console.print(shown)
        for _, sentence in findings(effects):
            console.print(f"  {sentence}", markup=False, highlight=False, soft_wrap=True)
        if len(effects) > len(whole):
            console.print(f"  {len(effects) - len(whole)} figures by group and kind are in the report", highlight=False)
    console.print(" · ".join(f"{mark} {words}" for mark, words in VERDICTS.values()), style="dim", soft_wrap=True)
    for note in table.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
