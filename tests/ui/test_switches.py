"""The switches of Compare: each changes the augmented arm alone, and as its name says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmground.eval.ablate import MITIGATIONS
from firmground.rag.arms import AUGMENTED
from firmground.rag.types import Decoding
from firmground.ui.switches import NOT_SWITCHED, ON, SWITCHES, starts_on, switched, useless
from firmground.ui.wording import TEXTS


def test_nothing_flipped_is_the_arm_itself():
    assert switched(AUGMENTED, ()) == AUGMENTED


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hybrid", replace(AUGMENTED, retrieve="dense")),
        ("best", replace(AUGMENTED, num_evidence=0)),
        ("sentences", replace(AUGMENTED, evidence="passages")),
        ("budget", replace(AUGMENTED, evidence_tokens=0)),
        ("spans", replace(AUGMENTED, spans=0)),
        ("prompt", replace(AUGMENTED, prompt="tutorial", decoding=Decoding(max_new_tokens=48))),
        ("gate", replace(AUGMENTED, gate=0.2)),
        ("hops", replace(AUGMENTED, hops=2)),
        ("contrast", replace(AUGMENTED, decoding=Decoding(max_new_tokens=32, stop=("\n",), contrast=0.5))),
        (
            "samples",
            replace(AUGMENTED, decoding=Decoding(max_new_tokens=32, stop=("\n",), samples=4, temperature=0.7)),
        ),
        ("fair", replace(AUGMENTED, fair="project")),
        ("debias", replace(AUGMENTED, debias="exchange")),
        ("repair", replace(AUGMENTED, repair="cut")),
        ("screen", replace(AUGMENTED, screen="change")),
    ],
)
def test_each_switch_changes_what_it_names_and_nothing_else(name, expected):
    assert switched(AUGMENTED, [name]) == expected
    assert SWITCHES[name].is_on(switched(AUGMENTED, [name])) is not starts_on(name)


def test_what_is_switched_on_survives_another_prompt():
    arm = switched(AUGMENTED, ["contrast", "prompt"])
    assert (arm.prompt, arm.decoding.contrast, arm.decoding.stop) == ("tutorial", 0.5, ())


def test_every_mitigation_is_a_switch_or_named_as_none():
    assert {one.name for one in MITIGATIONS} == {*SWITCHES, *NOT_SWITCHED}
    assert set(ON) == {name for name in SWITCHES if not starts_on(name)}
    for name in SWITCHES:
        assert {f"switch_{name}", f"switch_{name}_help"} <= set(TEXTS)


def test_a_switch_without_what_it_needs_is_useless():
    assert useless("budget", on={"hybrid"})
    assert not useless("budget", on={"sentences"})
    assert not useless("hybrid", on=())
