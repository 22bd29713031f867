"""Public verifiers: any sequence classifier of transformers that reads (evidence, claim), such as an NLI cross-encoder.

    load("hf:cross-encoder/nli-deberta-v3-base")      entailment, neutral, contradiction: told by their names
    load("hf:lytang/MiniCheck-RoBERTa-Large#1")       labels without names: #1 says which one means supported

Evidence longer than the model reads is cut into windows of whole sentences that overlap by one; support is the best
window's, as in SummaC (Laban et al. 2022, https://arxiv.org/abs/2111.09525). Nothing is truncated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.text import sentences

if TYPE_CHECKING:
    from pathlib import Path

MOST_TOKENS = 512  # of a pair, where the model doesn't say, or says more: attention's cost grows with the square
BATCH = 16
SPARED = 4

_SUPPORTED = frozenset(
    ("entailment", "entailed", "entails", "supported", "supports", "support", "consistent", "factual", "grounded",
     "attributable", "faithful", "true")
)  # fmt: skip
_CONTRADICTED = frozenset(("contradiction", "contradicted", "contradicts", "refuted", "refutes"))
_NEITHER = frozenset(
    ("neutral", "not_entailment", "not_entailed", "nei", "not_enough_info", "unsupported", "not_supported",
     "inconsistent", "hallucinated", "hallucination", "unfaithful", "not_factual", "false")
)  # fmt: skip


class ModelVerifier:
    """Implements `rag.types.Verifier`; the probability of "supported", of the window that has most.

    Args:
        model: a transformers sequence classifier.
        tokenizer: its tokenizer.
        name: what reports call it.
        supported: which label means supported; None: told by the labels' names.
        threshold: support from which a claim counts as supported.

    Raises:
        InputError: the labels' names don't tell which means supported.
    """

    def __init__(
        self, model: Any, tokenizer: Any, name: str, supported: int | None = None, threshold: float = 0.5
    ) -> None:
        self.model, self.tokenizer, self.name, self.threshold = model.eval(), tokenizer, name, threshold
        labels = {int(i): str(label) for i, label in model.config.id2label.items()}
        self.supported, self.contradicted = _meanings(labels, supported, name)
        known = [getattr(model.config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
        # RoBERTa's positions begin at 2, so that 514 of them hold 512 tokens: the tokenizer's own figure is less.
        self.max_tokens = min(MOST_TOKENS, *(int(number) for number in known if number))

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) in [0, 1]; 0 where there is no evidence or the claim has no word."""
        return self._best(claims, evidence)[0]

    def contradiction(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) in [0, 1]: the highest probability of "contradicted" of a window; 0 where there is no such label."""
        return self._best(claims, evidence)[1]

    def _best(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """(support, contradiction), the best of all windows; of a claim in parts, that of its weakest part."""
        pairs: list[tuple[str, str]] = []  # (window of the evidence, part of a claim)
        owners: list[tuple[int, int]] = []  # (claim, part)
        for i, (claim, texts) in enumerate(zip(claims, evidence, strict=True)):
            for part, (said, tokens) in enumerate(self._parts(claim)):
                for window in self._windows(texts, self._room(tokens)):
                    pairs.append((window, said))
                    owners.append((i, part))
        probabilities = self._classify(pairs)  # (pairs, labels)
        support, against = np.zeros(len(claims)), np.zeros(len(claims))
        best: dict[tuple[int, int], float] = {}
        for owner, row in zip(owners, probabilities, strict=True):
            best[owner] = max(best.get(owner, 0.0), float(row[self.supported]))
            if self.contradicted is not None:
                against[owner[0]] = max(against[owner[0]], float(row[self.contradicted]))
        for i in range(len(claims)):
            support[i] = min((value for (claim, _), value in best.items() if claim == i), default=0.0)
        return support, against

    def _room(self, said: int) -> int:
        """Tokens left for evidence beside `said` tokens; a few are spared, since joined texts may have one more."""
        return self.max_tokens - said - self.tokenizer.num_special_tokens_to_add(pair=True) - SPARED

    def _parts(self, claim: str) -> list[tuple[str, int]]:
        """(text, tokens) of the claim; in parts where it would take more than half of what the model reads."""
        if not any(map(str.isalnum, claim)):
            return []
        return self._cut(claim, self.max_tokens // 2, overlap=False)

    def _windows(self, texts: Sequence[str], room: int) -> Iterator[str]:
        """Whole sentences, as many as fit into `room` tokens, each window from the last sentence of the one before."""
        for text in texts:
            pieces = [piece for start, end in sentences(text) for piece in self._cut(text[start:end], room)]
            window: list[tuple[str, int]] = []
            for piece in pieces:
                if window and sum(tokens for _, tokens in window) + piece[1] > room:
                    yield " ".join(said for said, _ in window)
                    window = window[-1:] if window[-1][1] + piece[1] <= room else []
                window.append(piece)
            if window:
                yield " ".join(said for said, _ in window)

    def _cut(self, text: str, room: int, overlap: bool = True) -> list[tuple[str, int]]:
        """(text, tokens), or its stretches of at most `room` tokens where it is longer, by halves over each other."""
        places = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
            "offset_mapping"
        ]
        if len(places) <= room:
            return [(text, len(places))]
        step = max(1, room // 2) if overlap else room
        stretches = [places[at : at + room] for at in range(0, max(1, len(places) - room + step), step)]
        return [(text[one[0][0] : one[-1][1]], len(one)) for one in stretches]

    def _classify(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """(pairs, labels) probabilities; alike long pairs share a batch."""
        import torch

        labels = max(2, self.model.config.num_labels)
        found = np.zeros((len(pairs), labels))
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            windows, claims = [pairs[i][0] for i in chosen], [pairs[i][1] for i in chosen]
            batch = self.tokenizer(windows, claims, padding=True, return_tensors="pt").to(self.model.device)
            with torch.inference_mode():
                logits = self.model(**batch).logits.float()
            if logits.shape[1] == 1:  # one figure: the log-odds of "supported"
                logits = torch.cat((torch.zeros_like(logits), logits), dim=1)
            found[chosen] = logits.softmax(dim=1).cpu().numpy()
        return found


def _meanings(labels: Mapping[int, str], supported: int | None, name: str) -> tuple[int, int | None]:
    """(label that means supported, label that means contradicted or None)."""
    plain = {i: re.sub(r"[\s-]+", "_", label.strip().lower()) for i, label in labels.items()}
    against = [i for i, label in plain.items() if label in _CONTRADICTED]
    if supported is not None:
        if supported not in range(max(2, len(labels))):
            raise InputError(f"{name} has the labels {', '.join(labels.values())}; #{supported} isn't one of them")
        return supported, against[0] if against else None
    if len(labels) == 1:
        return 1, None
    found = [i for i, label in plain.items() if label in _SUPPORTED]
    unknown = [i for i, label in plain.items() if label not in _SUPPORTED | _CONTRADICTED | _NEITHER]
    if len(found) != 1 or unknown:
        raise InputError(
            f"expected labels named entailment, neutral, contradiction or the like; {name} has "
            f"{', '.join(labels.values())}. Say which one means supported by its number: {name}#1"
        )
    return found[0], against[0] if against else None


def load_model_verifier(name: str, device: str = "") -> ModelVerifier:
    """A classifier by `hf:organisation/name` or folder, `#N` behind it where its labels have no names.

    Raises:
        InputError: there is no such model, it is no classifier, or its labels don't tell what they mean.
        WeightsMissing: it isn't in the hub's cache; the message holds the command that fetches it.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    match = re.fullmatch(r"(.+?)(?:#(\d+))?", name, re.DOTALL)
    assert match is not None
    folder: Path = weights.resolve(match.group(1))
    kinds = AutoConfig.from_pretrained(folder, local_files_only=True).architectures or []
    if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
        raise InputError(f"expected a sequence classifier, such as an NLI cross-encoder; {name} is {', '.join(kinds)}")
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    number = int(match.group(2)) if match.group(2) else None
    return ModelVerifier(model.to(device) if device else model, tokenizer, name, number)
