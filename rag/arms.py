"""Arms: one frozen set of mitigations each, every one of them a field that can be switched alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from firmground.knowledge.errors import InputError
from firmground.rag.types import Decoding

Length = Literal["words", "sentences"]


@dataclass(frozen=True)
class Arm:
    """How a question is answered. Everything is off in `PLAIN`; constructing one touches nothing."""

    name: str
    generator: bool = True  # False: the best span of the evidence is quoted, and no language model runs
    # Where evidence comes from. The last three are for measuring: the gold passages, passages of other questions, and
    # the gold passages with the answer exchanged for a wrong one; whoever asks hands them in (see eval/evidence.py).
    retrieve: Literal["none", "hybrid", "dense", "lexical", "oracle", "noise", "counterfactual"] = "none"
    num_passages: int = 0  # passages retrieved; verdicts are judged on all of them
    num_evidence: int = 0  # of these, so many go into the prompt that an answer is written from; 0: all
    evidence: Literal["passages", "sentences"] = "passages"  # whole passages, or the sentences that fit the question
    evidence_tokens: int = 0  # at most so many tokens of evidence in the prompt; 0: no limit
    prompt: Literal["completion", "chat", "tutorial"] = "completion"
    # How long an answer is wanted: a few words; or one to three whole sentences, for what wants an explanation.
    # Worked examples and quotations go by it; a question with choices is answered by one of them. See `in_sentences`.
    answer: Length = "words"
    # A question that offers choices is answered by their likelihood (summed, per character, or pointwise mutual
    # information) where the generator tells it; "text", or a generator that can't: by what it writes. All passages go
    # into the prompt that choices are weighed by, since the facts that lead to a choice seldom stand in one.
    choose: Literal["text", "sum", "characters", "pmi"] = "pmi"
    # For a question with choices, facts are searched for it with each of its choices too, in so many hops; how well
    # they lead to a choice (`rag/chains.py`) counts beside its likelihood ("pmi" alone). 0: likelihood alone counts.
    choice_hops: int = 0
    # For a question that names no gender, search doesn't prefer passages about one: what tells genders apart is taken
    # out of the question's vector (which does nothing where words alone are searched), or passages of nearly the same
    # score change places so that both are shown (`rag/debias/retrieval.py`).
    fair: Literal["none", "project", "rerank"] = "none"
    rerank: str = ""  # a cross-encoder that reads the best 50 hits again, by a name that `weights` knows or a folder
    hops: int = 1  # for an open question; a second search asks for what the first hits leave open (`rag/retrieve.py`)
    # So many spans of the evidence are weighed beside the written answer, and the best text is given (`rag/select.py`);
    # 0: the written answer. A generator that doesn't tell log-probabilities gives what it wrote.
    spans: int = 0
    # Evidence that answers the question with less than this probability (`rag/gate.py`) isn't used: the arm abstains,
    # or the model answers without it, and the answer's `basis` says so. 0: all evidence is used. Questions that offer
    # choices aren't gated.
    gate: float = 0.0
    # What the gate weighs its signals by, as `firmground adapt gate` fitted it to one's own documents: an intercept,
    # and a weight for each of the first of `gate.SIGNALS`. (): the weights that ship.
    gate_weights: tuple[float, ...] = ()
    ungrounded: Literal["abstain", "model"] = "abstain"
    # What becomes of claims that the evidence doesn't support: nothing; they are cut; or each is written again from the
    # sentence nearest to it alone, and cut if that isn't supported either. Nothing left: the arm abstains.
    repair: Literal["none", "cut", "rewrite"] = "none"
    # Sentences of the answer that demean a group, and needless gendering: found ("mark"); or withheld and said
    # neutrally, each change with its reason in `Answer.repairs` ("change"). See `rag/debias/screen.py`.
    screen: Literal["none", "mark", "change"] = "none"
    # Against what the generator makes of groups: the question is also read with its groups exchanged, and what is said
    # must hold in both readings ("exchange", `rag/debias/exchange.py`); words that a description of discrimination
    # makes likelier become rarer ("describe", `rag/debias/decoding.py`); or the prompt asks not to rely on stereotypes
    # ("instruct", `rag/prompt.py`). The first two want log-probabilities.
    debias: Literal["none", "exchange", "describe", "instruct"] = "none"
    decoding: Decoding = field(default_factory=Decoding)

    @property
    def search(self) -> tuple[Any, ...]:
        """What decides which passages are found: arms for which it is the same find the same."""
        return self.retrieve, self.num_passages, self.hops, self.choice_hops, self.fair, self.rerank

    @property
    def measures(self) -> bool:
        """Whether its evidence is made from questions whose answer is known, so that nobody can simply ask it."""
        return self.retrieve in ("oracle", "noise", "counterfactual")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def in_sentences(arm: Arm) -> Arm:
    """The arm as it answers in whole sentences, with room for them in what is read and written."""
    decoding = replace(arm.decoding, max_new_tokens=max(arm.decoding.max_new_tokens, 96))
    read = max(arm.evidence_tokens, 240) if arm.evidence_tokens else 0
    return replace(arm, answer="sentences", evidence_tokens=read, decoding=decoding)


SHORT = Decoding(max_new_tokens=32, stop=("\n",))  # a completion prompt's answer is one line

PLAIN = Arm("plain", decoding=SHORT)
STOCK = Arm(
    "stock", retrieve="dense", num_passages=4, prompt="tutorial", choose="text", decoding=Decoding(max_new_tokens=48)
)
AUGMENTED = Arm(
    "augmented",
    retrieve="hybrid",
    num_passages=4,
    choice_hops=2,
    num_evidence=1,
    evidence="sentences",
    evidence_tokens=80,
    spans=4,
    decoding=SHORT,
)
EXTRACTIVE = Arm("extractive", generator=False, retrieve="hybrid", num_passages=4, choice_hops=2, evidence="sentences")
LONGFORM = in_sentences(replace(AUGMENTED, name="longform"))
# `augmented` with evidence that is as good as it gets, as bad, and wrong.
ORACLE = replace(AUGMENTED, name="oracle", retrieve="oracle")
NOISE = replace(AUGMENTED, name="noise", retrieve="noise")
COUNTERFACTUAL = replace(AUGMENTED, name="counterfactual", retrieve="counterfactual")

ARMS = {arm.name: arm for arm in (PLAIN, STOCK, AUGMENTED, LONGFORM, EXTRACTIVE, ORACLE, NOISE, COUNTERFACTUAL)}
ANSWERING = {name: arm for name, arm in ARMS.items() if not arm.measures}  # those that answer anybody's question


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
