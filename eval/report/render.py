"""A comparison for people: one self-contained HTML file, Markdown and a spreadsheet, from the run's folder alone."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.eval import wording
from firmground.eval.manifest import read_json
from firmground.eval.metrics.normalise import language_of
from firmground.eval.outcomes import read_outcomes
from firmground.eval.report.markdown import report_markdown
from firmground.eval.report.page import MOST_QUESTIONS, page_values
from firmground.eval.report.table import outcomes_csv
from firmground.eval.summary.figures import FORMAT, Summary, summarise
from firmground.eval.types import Outcome
from firmground.knowledge.durable import failpoint, write_atomic

if TYPE_CHECKING:
    import jinja2

# Beside the rows: what `ablate` measured, and the most memory that the run held.
ABLATION, MEMORY = "ablation.json", "memory.json"

# Opens folded evidence that a link leads to or that is to be printed; shows all questions if the target is hidden.
_SCRIPT = """
function reveal() {
  var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  var article = target.closest("article"), all = document.getElementById("show-all");
  if (article && all && getComputedStyle(article).display === "none") all.checked = true;
  var folded = target.closest("details");
  if (folded) folded.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
addEventListener("load", reveal);
addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (folded) { folded.open = true; });
});
"""


def render_report(run_folder: str | Path, most_questions: int = MOST_QUESTIONS, summary: Summary | None = None) -> Path:
    """Write `report.html`, `report.md` and `outcomes.csv` into the folder of a comparison; return the first one's path.

    Needs `manifest.json` and `outcomes.jsonl`; figures are recomputed from the rows unless `summary` brings them, so
    that an unfinished comparison has a report too, which says that it is unfinished.

    Raises:
        InputError: the folder isn't a comparison's.
    """
    folder = Path(run_folder)
    manifest = read_json(folder / "manifest.json")
    outcomes = read_outcomes(folder / "outcomes.jsonl")
    ablation, memory = (read_json(folder / name) if (folder / name).exists() else None for name in (ABLATION, MEMORY))
    if summary is None or summary.get("format") != FORMAT:
        summary = summarise(outcomes, manifest.get("seed", 0))
    values = page_values(manifest, outcomes, summary, most_questions, ablation, memory)
    failpoint("report.start")
    write_atomic(folder / "outcomes.csv", outcomes_csv(outcomes), "csv")
    write_atomic(folder / "report.md", report_markdown(values).encode("utf-8", "replace"), "markdown")
    write_atomic(folder / "report.html", render("report.html", values).encode("utf-8", "replace"), "report")
    return folder / "report.html"


def report_html(
    manifest: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    most_questions: int = MOST_QUESTIONS,
    summary: Summary | None = None,
) -> str:
    """The page alone."""
    summary = summary or summarise(outcomes, manifest.get("seed", 0))
    return render("report.html", page_values(manifest, outcomes, summary, most_questions))


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page from a template of this folder. Everything that comes from rows, models or files is escaped by it."""
    import markupsafe

    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    # The one script of the page, allowed by its hash: a script that came in with the data would not run.
    return (
        _templates()
        .get_template(template)
        .render(values, script=markupsafe.Markup(_SCRIPT), script_hash=markupsafe.Markup(f"sha256-{digest}"))
    )


@lru_cache(maxsize=1)  # compiling a template takes half a second
def _templates() -> jinja2.Environment:
    import jinja2

    folder = importlib.resources.files("firmground.eval.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "seconds": wording.seconds,
        "points": wording.points,
        "lang": language_of,
        "weblink": lambda source: source.startswith(("https://", "http://")),
    }
    environment.globals["w"] = wording
    return environment
