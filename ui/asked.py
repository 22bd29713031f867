"""A question on the page: with what it is asked, what it follows on, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmground.rag.arms import AUGMENTED, Arm
from firmground.ui.choices import Choices
from firmground.ui.frame import Said
from firmground.ui.wording import Language, text

if TYPE_CHECKING:
    from firmground.rag.assistant import Assistant
    from firmground.rag.conversation import Turn
    from firmground.rag.types import Answer


@dataclass(frozen=True)
class Settings:
    """What is asked, and how. `arms`: as they answer, with `chosen`, this session's options, and its switches."""

    kb: str
    arms: tuple[Arm, ...]
    generator: str
    chosen: Choices = field(default_factory=Choices)

    @property
    def generator_needed(self) -> str:
        """The generator's name, or "" where no chosen arm generates: then none is loaded."""
        return self.generator if any(arm.generator for arm in self.arms) else ""

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)


@dataclass(frozen=True)
class Asked:
    """A question with the settings it was asked with; its answers once there are any, or what went wrong.

    `earlier`: the questions that it follows on, oldest first. `understood`: how it was understood by them ("": not
    asked yet). `written`: by arm, what the model wrote where a quotation took its place.
    """

    question: str
    settings: Settings
    earlier: tuple[Asked, ...] = ()
    understood: str = ""
    answers: Mapping[str, Answer] | None = None
    written: Mapping[str, str] = field(default_factory=dict)
    verifier: str = ""
    problem: str = ""

    @property
    def turn(self) -> Turn:
        """What is remembered of it: one answer, the augmented arm's or else the last; none where that declined."""
        from firmground.rag.conversation import Turn

        given = sorted((self.answers or {}).values(), key=lambda one: one.arm == AUGMENTED.name)
        said = given[-1].text if given and not given[-1].abstained else ""
        return Turn(self.question, self.understood or self.question, said)


def understood(asked: Asked, assistant: Assistant) -> str:
    """The question so that it stands alone."""
    if not asked.earlier:
        return asked.question
    from firmground.rag.conversation import understand

    return understand(asked.question, [one.turn for one in asked.earlier], assistant.generator)


def check(asked: Asked, language: Language) -> None:
    """Raises Said where there is nothing to ask, or nobody."""
    if not asked.question:
        raise Said(text("error_empty", language))
    if not asked.settings.arms:
        raise Said(text("error_no_arm", language))
    if not asked.settings.kb:
        raise Said(text("error_no_kb", language))
    if not asked.settings.generator and any(arm.generator for arm in asked.settings.arms):
        raise Said(text("error_no_generator", language))
