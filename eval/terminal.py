"""A comparison in the terminal: arms as rows, the main metrics with their intervals, then what became of questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firmground.eval import wording
from firmground.eval.metrics.answers import metric

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLUMNS = ("right", "hallucination", "abstained", "f1", "match", "accuracy", "rouge_l", "unsupported")
VERDICT_MARKS = {"better": "✓", "worse": "✕", "unclear": "·", "": "·"}
_COLOURS = {"fixed": "green", "broken": "red", "answered_wrongly": "red", "answered_rightly": "green"}


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print a summary (from `compare`, `summarise` or `summary.json`): a table, then a line for each kind of flip."""
    console.print(_table(summary, narrow=console.width < 100))
    console.print("[dim]share of questions, 95% interval below; ↑ higher is better, ↓ lower is better[/dim]")
    _print_apart(summary, console)
    name = wording.main_pair(summary["pairs"])
    if name is not None:
        _print_pair(summary["pairs"][name], console)


def _print_apart(summary: Mapping[str, Any], console: Console) -> None:
    """What failed or couldn't be read, by arm: in none of the figures."""
    from rich.text import Text

    for arm, what in wording.failure_lines(summary):
        failed = arm in wording.failed_answers(summary)
        console.print(Text(f"{arm}, in none of the figures: {what}", style="red" if failed else "dim"))


def _table(summary: Mapping[str, Any], narrow: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    counts = summary["counts"]
    table = Table(box=box.SIMPLE_HEAD, title=f"{wording.plural(counts['questions'], 'question')}", title_justify="left")
    table.add_column("arm", style="bold")
    shown = [name for name in _COLUMNS if any(arm[name]["n"] for arm in summary["arms"].values())]
    shown = shown[:4] if narrow else shown
    for name in shown:
        arrow = {"higher": "↑ ", "lower": "↓ ", "none": ""}[metric(name).direction]
        table.add_column(arrow + metric(name).title, justify="right")
    table.add_column("a question", justify="right", no_wrap=True)
    for arm, figures in summary["arms"].items():
        cells = [_cell(figures[name]) for name in shown]
        table.add_row(Text(arm), *cells, _time(summary["cost"][arm]))
    return table


def _time(cost: Mapping[str, Any]) -> str:
    late = cost["latency"]["p95"] if "latency" in cost else None
    return wording.seconds(cost["seconds"]["value"]) + (f"\n[dim]p95 {wording.seconds(late)}[/dim]" if late else "")


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return f"[dim]{wording.status_words(figure.get('status', 'none'))}[/dim]"
    return f"{wording.percent(figure['value'])}\n[dim]{wording.percent_interval(figure, dash=True)}[/dim]"


def _print_pair(pair: Mapping[str, Any], console: Console) -> None:
    from rich.text import Text

    total = sum(pair["flips"].values())
    if total:
        console.print(Text(f"\nFrom {pair['first']} to {pair['second']}, question by question:", style="bold"))
    for name in wording.FLIP_ORDER:
        count = pair["flips"][name]
        if count:
            line = Text(f"  {count:>5,}  ", style=_COLOURS.get(name, ""))
            line.append(f"{wording.flip_title(name, pair)}", style=_COLOURS.get(name, ""))
            line.append(f"  ({wording.flip_meaning(name, pair)})", style="dim")
            console.print(line)
    console.print()
    for verdict, sentence in wording.pair_sentences(pair):
        style = {"better": "green", "worse": "red"}.get(verdict, "")
        console.print(Text(f"{VERDICT_MARKS[verdict]} {sentence}", style=style))


def print_runs(runs: Mapping[str, Any], console: Console) -> None:
    """Print two runs compared (`compare_runs`): what was done differently, then each pair of arms."""
    from rich.text import Text

    title = f"{runs['names'][1]} against {runs['names'][0]}: {wording.plural(runs['questions'], 'question')}, paired"
    console.print(Text(title, style="bold"))
    for what, first, second in runs["differences"]:
        console.print(Text(f"  {what}: {first} → {second}", style="dim"))
    for pair in runs["pairs"].values():
        _print_pair(pair, console)


def print_ablation(ablation: Mapping[str, Any], console: Console) -> None:
    """Print what each mitigation buys and costs, best effect per second first."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    asked = f"{ablation['arm']}, {wording.plural(ablation['questions'], 'question')}"
    table = Table(box=box.SIMPLE_HEAD, title=f"What each mitigation buys: {asked}", title_justify="left")
    arrow = {"higher": "↑ ", "lower": "↓ ", "none": ""}[ablation["direction"]]
    table.add_column("mitigation", style="bold", no_wrap=True)
    table.add_column("measured")
    for name in (f"{arrow}{ablation['title']}, points", "p (Holm)", "seconds", "tokens", "points a second"):
        table.add_column(name, justify="right")
    for row in ablation["rows"]:
        effect, tokens = row["effect"], row["tokens"]["value"]
        if effect["value"] is None:
            table.add_row(Text(row["mitigation"]), row["where"], "[dim]not measured[/dim]")
            continue
        style = {"better": "green", "worse": "red"}.get(wording.difference_verdict(effect, ablation["metric"]), "")
        table.add_row(
            Text(row["mitigation"]),
            Text(row["where"]),
            Text(wording.points(effect["value"]), style=style).append(
                f"\n{wording.points_interval(effect)}", style="dim"
            ),
            wording.p_number(effect.get("p_holm")),
            wording.signed_seconds(row["seconds"]["value"]),
            wording.signed_count(tokens),
            wording.per_second(row),
        )
    console.print(table)
    console.print(
        "[dim]in full: the arm minus this one; on plain: plain with what it needs, plus this one. 95% intervals, "
        "paired by question.[/dim]"
    )
