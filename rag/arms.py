"""Arms: one frozen set of mitigations each, every one of them a field that can be switched alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from firmground.knowledge.errors import InputError
from firmground.rag.types import Decoding


@dataclass(frozen=True)
class Arm:
    """How a question is answered. Everything is off in `PLAIN`; constructing one touches nothing."""

    name: str
    generator: bool = True  # False: the best span of the evidence is quoted, and no language model runs
    retrieve: Literal["none", "hybrid", "dense", "lexical"] = "none"
    num_passages: int = 0  # passages retrieved; verdicts are judged on all of them
    num_evidence: int = 0  # of these, so many go into the prompt; 0: all
    evidence: Literal["passages", "sentences"] = "passages"  # whole passages, or the sentences that fit the question
    evidence_tokens: int = 0  # at most so many tokens of evidence in the prompt; 0: no limit
    prompt: Literal["completion", "chat", "tutorial"] = "completion"
    gate: float = 0.0  # evidence whose fit with the question is below this is not used: the arm abstains
    decoding: Decoding = field(default_factory=Decoding)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


SHORT = Decoding(max_new_tokens=32, stop=("\n",))  # a completion prompt's answer is one line

PLAIN = Arm("plain", decoding=SHORT)
STOCK = Arm("stock", retrieve="dense", num_passages=4, prompt="tutorial", decoding=Decoding(max_new_tokens=48))
AUGMENTED = Arm(
    "augmented",
    retrieve="hybrid",
    num_passages=4,
    num_evidence=1,
    evidence="sentences",
    evidence_tokens=128,
    decoding=SHORT,
)
EXTRACTIVE = Arm("extractive", generator=False, retrieve="hybrid", num_passages=4, evidence="sentences")

ARMS = {arm.name: arm for arm in (PLAIN, STOCK, AUGMENTED, EXTRACTIVE)}


def named_arms(names: str) -> list[Arm]:
    """The arms of a comma-separated list, in its order.

    Raises:
        InputError: an unknown name, a name twice, or none.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in ARMS]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        problem = f"unknown arm {unknown[0]!r}" if unknown else f"expected different arms, got {names!r}"
        raise InputError(f"{problem}; the arms are: {', '.join(ARMS)}")
    return [ARMS[name] for name in wanted]
