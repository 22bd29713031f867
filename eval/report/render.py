"""A comparison for people: one self-contained HTML file, Markdown and a spreadsheet, from the run's folder alone."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from firmground.eval import wording
from firmground.eval.browse import browse
from firmground.eval.manifest import read_json
from firmground.eval.metrics.normalise import Language, language_of
from firmground.eval.outcomes import read_outcomes
from firmground.eval.reasons import read_reasons
from firmground.eval.report.markdown import report_markdown
from firmground.eval.report.page import MOST_QUESTIONS, page_values
from firmground.eval.report.table import outcomes_csv
from firmground.eval.summary.arms import row_language
from firmground.eval.summary.figures import FORMAT, Summary, summarise
from firmground.eval.types import Outcome
from firmground.knowledge.durable import failpoint, write_atomic
from firmground.knowledge.errors import InputError

if TYPE_CHECKING:
    import jinja2

# Beside the rows: what `ablate` measured, and the most memory that the run held.
ABLATION, MEMORY = "ablation.json", "memory.json"
HTML_LANGUAGES: dict[Language, str] = {"en": "en", "zh": "zh-CN"}

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


def render_report(
    run_folder: str | Path,
    most_questions: int = MOST_QUESTIONS,
    summary: Summary | None = None,
    language: Language | None = None,
) -> Path:
    """Write `report.html`, `report.md` and `outcomes.csv` into the folder of a comparison; return the first one's path.

    Needs `manifest.json` and `outcomes.jsonl`; figures are recomputed from the rows unless `summary` brings them, so
    that an unfinished comparison has a report too, which says that it is unfinished. `language`: what the report is
    written in; None: the language that most of its questions are asked in.

    Raises:
        InputError: the folder isn't a comparison's.
    """
    folder = Path(run_folder)
    manifest, outcomes = read_json(folder / "manifest.json"), read_outcomes(folder / "outcomes.jsonl")
    language = language or questions_language(outcomes)
    values = _folder_values(folder, manifest, outcomes, most_questions, summary, language, read_reasons(folder))
    failpoint("report.start")
    write_atomic(folder / "outcomes.csv", outcomes_csv(outcomes), "csv")
    write_atomic(folder / "report.md", report_markdown(values, language).encode("utf-8", "replace"), "markdown")
    write_atomic(folder / "report.html", render("report.html", values, language).encode("utf-8", "replace"), "report")
    return folder / "report.html"


def run_html(run_folder: str | Path, language: Language, most_questions: int = MOST_QUESTIONS) -> str:
    """The page of a comparison's folder in a language, without reasons; nothing is written.

    Where `summary.json` is of these rows, only the questions that are shown are read whole.

    Raises InputError as `render_report`.
    """
    folder = Path(run_folder)
    manifest, browsed = read_json(folder / "manifest.json"), browse(folder / "outcomes.jsonl")
    outline = browsed.outline()
    summary = _stored_summary(folder, len(outline)) or summarise(
        read_outcomes(folder / "outcomes.jsonl"), manifest.get("seed", 0)
    )
    values = _folder_values(folder, manifest, outline, most_questions, summary, language, {}, browsed.whole)
    return render("report.html", values, language)


def report_html(
    manifest: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    most_questions: int = MOST_QUESTIONS,
    summary: Summary | None = None,
    language: Language | None = None,
) -> str:
    """The page alone, of rows that are in memory."""
    summary = summary or summarise(outcomes, manifest.get("seed", 0))
    language = language or questions_language(outcomes)
    return render("report.html", page_values(manifest, outcomes, summary, most_questions, language=language), language)


def questions_language(outcomes: Iterable[Outcome]) -> Language:
    """ "zh" where more than half of the questions are Chinese, else "en": what a report is written in by default."""
    spoken = {row.id: row_language(row) for row in outcomes}
    return "zh" if 2 * list(spoken.values()).count("zh") > len(spoken) else "en"


def _stored_summary(folder: Path, rows: int) -> Summary | None:
    """The folder's own summary, where it is one of this version over so many rows."""
    path = folder / "summary.json"
    stored = cast(Summary, read_json(path)) if path.is_file() else None
    is_of_these = stored and stored.get("format") == FORMAT and (stored.get("counts") or {}).get("rows") == rows
    return stored if is_of_these else None


def _folder_values(
    folder: Path,
    manifest: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    most_questions: int,
    summary: Summary | None,
    language: Language,
    reasons: Mapping[tuple[str, str], Mapping[str, Any]],
    whole: Callable[[Sequence[Outcome]], Sequence[Outcome]] | None = None,
) -> dict[str, Any]:
    """What the page shows, from a comparison's folder and its rows."""
    ablation, memory = (read_json(folder / name) if (folder / name).exists() else None for name in (ABLATION, MEMORY))
    if summary is None or summary.get("format") != FORMAT:
        summary = summarise(outcomes, manifest.get("seed", 0))
    try:
        return page_values(manifest, outcomes, summary, most_questions, ablation, memory, reasons, language, whole)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder}: its manifest.json lacks what a manifest has ({error!r}), as if an earlier version had made it; "
            "run the comparison again in another folder"
        ) from error


def render(template: str, values: Mapping[str, Any], language: Language = "en") -> str:
    """A page from a template of this folder. Everything that comes from rows, models or files is escaped by it."""
    import markupsafe

    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    # The one script of the page, allowed by its hash: a script that came in with the data would not run.
    return (
        _templates(language)
        .get_template(template)
        .render(values, script=markupsafe.Markup(_SCRIPT), script_hash=markupsafe.Markup(f"sha256-{digest}"))
    )


@lru_cache(maxsize=2)  # compiling the templates takes half a second
def _templates(language: Language) -> jinja2.Environment:
    import jinja2
    import markupsafe

    def said(message: str, **values: object) -> markupsafe.Markup:
        """A message of ours, which may hold tags, with values that may not: they are escaped."""
        return markupsafe.Markup(wording.unfilled(message, language)).format(**values)

    folder = importlib.resources.files("firmground.eval.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = wording.words_for(language)
    environment.filters |= {
        "percent": wording.percent,
        "seconds": words.seconds,
        "points": wording.points,
        "lang": language_of,
        "weblink": lambda source: source.startswith(("https://", "http://")),
    }
    environment.globals |= {"w": words, "t": said, "html_language": HTML_LANGUAGES[language]}
    return environment
