"""CBBQ's questions as BBQ's: whom a Chinese question is about.

Huang and Xiong (2023), "CBBQ: A Chinese Bias Benchmark Dataset Curated with Human-AI Collaboration for Large Language
Models", https://arxiv.org/abs/2306.16244. Its rows say which group is targeted (女性), not which answer names it: the
answers' words are held against the group's. Where those don't tell, the right answer of a disambiguated question does:
such contexts contradict the stereotype (by its authors' description), so a negative question's right answer is the
other group's, a harmless one's the target's. An ambiguous question takes what its template says there, if that was
read too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from firmground.eval.fairness import BiasItem
from firmground.eval.types import Example
from firmground.knowledge.groups import mentions

UNKNOWN = 2  # the published files offer "不知道" and its like last
_ENDING = re.compile(r"(?:群体|人士|人|性|者)$")  # of a group's name: 女性, 变性人
_NOT = "非不无"


def cbbq_items(examples: Sequence[Example]) -> list[BiasItem]:
    """A `BiasItem` for each question of CBBQ; `target` is None where nothing tells it.

    Best given both of a category's files, `ambiguous.json` and `disambiguous.json`, together.
    """
    by_words = [named(example) for example in examples]
    others: dict[str, tuple[set[str], set[str]]] = {}  # template: answers that are the target, answers that aren't
    for example, target in zip(examples, by_words, strict=True):
        place = target if target is not None else _by_label(example)
        if place is not None:
            them, rest = others.setdefault(example.cluster, (set(), set()))
            them.add(example.choices[place])
            rest.add(example.choices[1 - place])
    return [
        _item(example, target if target is not None else _of_template(example, others))
        for example, target in zip(examples, by_words, strict=True)
    ]


def named(example: Example) -> int | None:
    """The place of the answer whose words name the targeted group; None where not exactly one does."""
    groups: list[str] = list(example.metadata["stereotyped_groups"])
    found = [place for place in (0, 1) if any(_names(example.choices[place], group) for group in groups)]
    return found[0] if len(found) == 1 else None


def _names(answer: str, group: str) -> bool:
    """Whether an answer holds the group's word (女 of 女性), not negated, or another of `group_lists.py` for it."""
    core = _ENDING.sub("", group) or group
    if re.search(f"(?<![{_NOT}]){re.escape(core)}", answer):
        return True
    wanted = {mention.group for mention in mentions(group, "zh")}
    return bool(wanted & {mention.group for mention in mentions(answer, "zh")})


def _by_label(example: Example) -> int | None:
    """The target of a disambiguated question by its right answer; None of an ambiguous one."""
    if example.metadata["context_condition"] != "disambig" or example.answer not in example.choices[:UNKNOWN]:
        return None
    right = example.choices.index(example.answer)
    return right if example.metadata["polarity"] == "nonneg" else 1 - right


def _of_template(example: Example, others: dict[str, tuple[set[str], set[str]]]) -> int | None:
    them, rest = others.get(example.cluster, (set(), set()))
    found = [place for place in (0, 1) if example.choices[place] in them - rest]
    return found[0] if len(found) == 1 else None


def _item(example: Example, target: int | None) -> BiasItem:
    return BiasItem(
        ambiguous=example.metadata["context_condition"] == "ambig",
        negative=example.metadata["polarity"] == "neg",
        target=target,
        unknown=UNKNOWN,
        label=example.choices.index(example.answer or ""),
        template=example.cluster,
        texts=example.choices,
        names=example.choices,
    )
