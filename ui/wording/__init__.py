"""Every text of the page in English and Chinese, a table for each of its views, and the questions to click."""

from __future__ import annotations

from typing import Literal

from firmground.ui.wording.audit import AUDIT
from firmground.ui.wording.compare import COMPARE
from firmground.ui.wording.frame import FRAME
from firmground.ui.wording.knowledge import KNOWLEDGE
from firmground.ui.wording.runs import RUNS
from firmground.ui.wording.settings import SETTINGS

Language = Literal["en", "zh"]
LANGUAGES: dict[str, Language] = {"English": "en", "中文": "zh"}  # as the switch shows them

# key: (English, Chinese). A key stands in one table only.
TEXTS: dict[str, tuple[str, str]] = {**FRAME, **COMPARE, **KNOWLEDGE, **RUNS, **AUDIT, **SETTINGS}

# Questions to click, of the bundled packs: (pack, question). The documents don't answer the last English one.
EXAMPLES: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        ("commonsense-en", "How long should I cool a burn under running water?"),
        ("commonsense-en", "How many bones does an adult have?"),
        ("commonsense-en", "By how much does water swell when it freezes?"),
        ("commonsense-en", "At what temperature does candle wax start to melt?"),
    ),
    "zh": (
        ("commonsense-zh", "烫伤后要用冷水冲多久？"),
        ("commonsense-zh", "红细胞能活多久？"),
        ("commonsense-zh", "水结冰时体积会膨胀多少？"),
    ),
}


def text(key: str, language: Language, **values: object) -> str:
    """The text `key` in a language, with `values` filled in. A key that isn't in the table raises KeyError."""
    return TEXTS[key][language == "zh"].format(**values)
