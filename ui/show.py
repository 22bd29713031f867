"""What a person sees in the terminal: answers with their verdicts, passages, models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from firmground.knowledge import weights
from firmground.knowledge.text import language

if TYPE_CHECKING:
    from firmground.knowledge.types import Hit
    from firmground.rag.arms import Arm
    from firmground.rag.types import Answer, Citation

# A sign beside each colour: a verdict is never told by colour alone.
VERDICTS = {
    "supported": ("✓", "green"),
    "contradicted": ("✗", "red"),
    "unsupported": ("?", "yellow"),
    "unverifiable": ("–", "dim"),
}


def print_answers(answers: Mapping[str, Answer], verifier: str = "", console: Console | None = None) -> None:
    """Every arm's answer in a panel of its own, claim by claim; then what the signs mean, and which verifier judged,
    in the question's language. Without a verifier's name that is left out."""
    console = console or Console()
    for name, answer in answers.items():
        console.print(Panel(_answer_text(answer), title=f"[bold]{escape(name)}[/bold]", subtitle=_cost(answer)))
    if verifier:
        console.print(Text(_legend(verifier, language(next(iter(answers.values())).question)), style="dim"))


def _legend(verifier: str, spoken: str) -> str:
    from firmground.eval.wording_zh import ZH

    if spoken == "zh":
        signs = "  ".join(f"{sign} {ZH[verdict]}" for verdict, (sign, _) in VERDICTS.items())
        return f"{signs}\n由说法与同一批资料的计数特征判断（{verifier}）：初步参考，不是证明"
    signs = "  ".join(f"{sign} {verdict}" for verdict, (sign, _) in VERDICTS.items())
    return f"{signs}\njudged by counted features of claim and evidence ({verifier}): a first look, not proof"


def _answer_text(answer: Answer) -> Text:
    text = Text(answer.text or "(no answer)")
    if answer.abstained:
        text.append("\n– declined to answer", style="dim")
    for claim in answer.claims:
        sign, colour = VERDICTS[claim.verdict]
        text.append(f"\n{sign} ", style=colour).append(claim.text)
        support = (
            f" ({claim.verdict}, support {claim.support:.2f})" if claim.support is not None else f" ({claim.verdict})"
        )
        text.append(support, style="dim")
        for citation in claim.citations[:1]:
            text.append(f"\n    {place(citation)}", style="cyan").append(f"  “{citation.text.strip()}”", style="dim")
    for note in changes(answer):
        text.append(f"\n! {note}", style="yellow")
    return text


def changes(answer: Answer) -> list[str]:
    """What was changed in an answer, or found in it, and what it was made without: nothing is edited silently."""
    made = [f"“{one.before}” → {f'“{one.after}”' if one.after else 'cut'}: {one.why}" for one in answer.repairs]
    changed = {one.before for one in answer.repairs}
    found = [f"“{one.text}”: {one.why}" for one in answer.findings if one.text not in changed]
    lacking = f"without {', '.join(answer.without)}: this model tells no log-probabilities"
    return [*made, *found, *([lacking] if answer.without else [])]


def place(citation: Citation) -> str:
    """Where a citation opens: source, page where known, and characters."""
    page = f", page {citation.page}" if citation.page else ""
    source = citation.source or citation.document
    document = "" if citation.document in source else f" [{citation.document}]"
    return f"{source}{document}{page}, characters {citation.start}–{citation.end}"


def _cost(answer: Answer) -> str:
    usage = answer.usage
    tokens = f", {usage.prompt_tokens}+{usage.completion_tokens} tokens" if usage.prompt_tokens else ""
    return f"[dim]{usage.seconds:.1f} s{tokens}[/dim]"


def print_hits(hits: Sequence[Hit], console: Console | None = None) -> None:
    """Passages found, best first, with where each retriever placed them."""
    table = Table(show_lines=True, expand=True)
    table.add_column("#", justify="right", width=3)
    table.add_column("score", justify="right", width=6)
    table.add_column("passage", ratio=1, overflow="fold")
    for number, hit in enumerate(hits, 1):
        ranks = ", ".join(f"{name} #{rank}" for name, rank in hit.ranks.items())
        page = f", page {hit.passage.metadata['page']}" if hit.passage.metadata.get("page") else ""
        head = Text(f"{hit.passage.title or hit.passage.document}", style="bold")
        head.append(f"  {hit.passage.source}{page}", style="cyan").append(f"  {ranks}\n", style="dim")
        table.add_row(str(number), f"{hit.score:.3f}", head.append(hit.passage.text, style="none"))
    (console or Console()).print(table if hits else "nothing found")


def print_models(console: Console | None = None) -> None:
    """The models that can be had by name."""
    table = Table(title="models by name")
    for column in ("name", "kind", "here", "license", "what it is"):
        table.add_column(column, overflow="fold")
    for model in weights.MODELS.values():
        default = " (default)" if model.name in weights.DEFAULTS else ""
        here = "yes" if weights.is_here(model.name) else "no"
        table.add_row(
            model.name + default, model.kind, here, model.license, f"{model.note}; official: {model.official}"
        )
    console = console or Console()
    console.print(table)
    console.print("Also: hf:organisation/name from the hub, or the path of a model's folder.")


def answer_record(answer: Answer, arm: Arm) -> dict[str, Any]:
    """An answer as JSON, in the form of a row of `outcomes.jsonl`."""
    from firmground.eval.outcomes import outcome_of
    from firmground.eval.types import Example

    row = asdict(outcome_of(Example("", answer.question), answer, arm))
    return {key: row[key] for key in ("arm", "question", "answer", "abstained", "hits", "claims", "timing")}
