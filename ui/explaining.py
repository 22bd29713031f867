"""`firmground explain`: which sentences an answer rests on, how sure its words are, and how far that can be trusted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firmground.eval.arm_files import chosen_arms
from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.rag.explain.tokens import UNSURE, stretches

if TYPE_CHECKING:
    from firmground.rag.explain.types import Attribution, Reasons

BAR = 20  # characters of the longest bar


def run_explain(
    question: str,
    kb: str,
    arm: str,
    method: str,
    attention: bool,
    generator: str,
    device: str,
    html: Path | None,
    as_json: bool,
    arms_file: Path | None = None,
) -> None:
    """Answer one question by one arm, and print the reasons; `html`: write them as a page too."""
    from firmground.rag.explain.reasons import METHODS
    from firmground.ui.commands.options import open_assistant

    chosen = chosen_arms(arm, arms_file)
    if len(chosen) != 1:
        raise InputError(f"expected one arm to explain, got {arm!r}")
    if method not in METHODS:
        raise InputError(f"--method is {', '.join(METHODS)}; got {method!r}")
    if not question.strip():
        raise InputError("the question is empty; give one: firmground explain 'Why does ice float?' --kb DIR")
    assistant = open_assistant(kb, generator if chosen[0].generator else None, device)
    answer = assistant.ask(question, chosen[0])
    reasons = assistant.explain(answer, chosen[0], method, attention)  # type: ignore[arg-type]
    if html is not None:
        from firmground.eval.report.reasons import reasons_page

        write_atomic(html, reasons_page(reasons).encode("utf-8", "replace"), "reasons")
    if as_json:
        print(json.dumps(reasons_record(reasons), ensure_ascii=False))
    else:
        print_reasons(reasons)


def reasons_record(reasons: Reasons) -> dict[str, Any]:
    """Reasons as JSON. Of attention its attribution, its shape, and the share on the evidence, a layer and head."""
    looked = reasons.attention
    names = ("question", "answer", "arm", "generator", "log_probability", "without_sources")
    record: dict[str, Any] = {name: getattr(reasons, name) for name in names}
    record["sources"] = [asdict(source) for source in reasons.sources]
    record["passages"] = [asdict(passage) for passage in reasons.passages]
    record["attribution"] = _attribution_record(reasons.attribution)
    record["tokens"] = [asdict(token) for token in reasons.tokens]
    record["attention"] = None
    if looked is not None:
        on_evidence = looked.weights[..., looked.source_of >= 0].sum(axis=-1).mean(axis=-1)  # (layers, heads)
        record["attention"] = {
            "shape": list(looked.weights.shape),
            "attribution": _attribution_record(looked.attribution),
            "share_on_evidence": [[round(float(share), 4) for share in row] for row in on_evidence],
        }
    return record


def _attribution_record(attribution: Attribution | None) -> dict[str, Any] | None:
    if attribution is None:
        return None
    return asdict(attribution) | {"top_drops": {str(k): drop for k, drop in attribution.top_drops}}


def print_reasons(reasons: Reasons, console: Console | None = None) -> None:
    """The answer with its unsure words, the sources with bars, and the figures of trust."""
    console = console or Console()
    console.print(_answer(reasons))
    if reasons.attribution is None:
        console.print("No evidence stood in the prompt: the answer rests on the model alone.")
        return
    console.print(_sources(reasons))
    if len(reasons.passages) > 1:
        whole = ", ".join(f"{passage.document} {passage.drop:+.2f}" for passage in reasons.passages)
        console.print(f"without a whole passage (nats): {whole}", markup=False, highlight=False)
    looked = reasons.attention.attribution if reasons.attention else None
    for attribution in filter(None, (reasons.attribution, looked)):
        console.print(trust(attribution), style="dim", markup=False, highlight=False)
    if looked and looked.order[0] != reasons.attribution.order[0]:
        console.print("Here attention misleads: it lies most on another sentence than the one that matters most.")


def _answer(reasons: Reasons) -> Text:
    text = Text()
    for stretch in stretches(reasons):
        unsure = stretch.probability < UNSURE
        text.append(stretch.text, style="bold yellow underline" if unsure else "bold")
        if unsure:
            text.append(f"⟨{stretch.probability:.2f}⟩", style="yellow")
    without = "" if reasons.without_sources is None else f", {reasons.without_sources:.2f} without any evidence"
    return text.append(
        f"\nlog-probability {reasons.log_probability:.2f} nats{without}; ⟨p⟩ follows words of a probability below "
        f"{UNSURE:g}\n",
        style="dim",
    )


def _sources(reasons: Reasons) -> Table:
    assert reasons.attribution is not None
    table = Table(expand=True, show_lines=True)
    is_weight = reasons.attribution.method == "contextcite"
    table.add_column("weight" if is_weight else "removing it costs, nats", width=BAR + 8, no_wrap=True)
    looked = reasons.attention.attribution if reasons.attention else None
    if looked:
        table.add_column("attention", justify="right", width=9)
    table.add_column("sentence of the evidence", ratio=1, overflow="fold")
    most = max(map(abs, reasons.attribution.scores)) or 1.0
    for place in reasons.attribution.order:
        source, score = reasons.sources[place], reasons.attribution.scores[place]
        bar = Text("█" * round(BAR * abs(score) / most), style="green" if score > 0 else "red").append(
            f" {score:+.2f}", style="default"
        )
        where = f"\n{source.document}, characters {source.start}–{source.end}"
        row: list[Text] = [bar, Text(source.text).append(where, style="cyan")]
        if looked:
            row.insert(1, Text(f"{100 * looked.scores[place]:.1f}%"))
        table.add_row(*row)
    return table


def trust(attribution: Attribution) -> str:
    """An attribution's own faithfulness, in one line."""
    drops = ", ".join(f"{drop:.2f} without the top {k}" for k, drop in attribution.top_drops)
    lds = "can't be told" if attribution.lds is None else f"{attribution.lds:.2f}"
    line = f"{attribution.method}: the answer loses (nats) {drops}; LDS {lds} over {attribution.ablations} ablations"
    if attribution.agreement is not None:
        line += f"; rank correlation with leave-one-out {attribution.agreement:.2f} over {len(attribution.scores)}"
    return line
