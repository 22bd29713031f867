"""A comparison in the terminal: arms as rows, the main metrics with their intervals, then what became of questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firmground.eval import wording
from firmground.eval.metrics import metric

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLUMNS = ("right", "hallucination", "abstained", "f1", "match", "accuracy", "unsupported")
VERDICT_MARKS = {"better": "✓", "worse": "✕", "unclear": "·", "": "·"}
_COLOURS = {"fixed": "green", "broken": "red", "answered_wrongly": "red", "answered_rightly": "green"}


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print a summary (from `compare`, `summarise` or `summary.json`): a table, then a line for each kind of flip."""
    console.print(_table(summary, narrow=console.width < 100))
    console.print("[dim]share of questions, 95% interval below; ↑ higher is better, ↓ lower is better[/dim]")
    errors = sum(summary["counts"]["errors"].values())
    if errors:
        console.print(f"[red]Failed, and in none of the figures: {wording.plural(errors, 'answer')}.[/red]")
    name = wording.main_pair(summary["pairs"])
    if name is not None:
        _print_pair(summary["pairs"][name], console)


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
        table.add_row(Text(arm), *cells, wording.seconds(summary["cost"][arm]["seconds"]["value"]))
    return table


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
