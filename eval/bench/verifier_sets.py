"""The sets a verifier is measured and trained on, read as their authors publish them, as claims with evidence.

- WiCE (Kamoi et al. 2023, https://arxiv.org/abs/2303.01432): supported against partially or not supported.
- FEVER-Symmetric (Schuster et al. 2019, https://arxiv.org/abs/1908.05267): SUPPORTS against REFUTES.
- HaluEval QA (Li et al. 2023, https://arxiv.org/abs/2305.11747): right against hallucinated answer.
- BEGIN (Dziri et al. 2022, https://arxiv.org/abs/2105.00071): fully attributable against the rest. Only measured on.
- CREAK (Onoe et al. 2021, https://arxiv.org/abs/2109.01653): a claim, and the explanation of its being true or false.
- QASC, WorldTree: the right choice, and a wrong one, against the facts that compose the answer.
- XQuAD, CMRC 2018: the right answer, and one to a neighbouring question; sentences of the paragraph, and changed ones.
- CLAPNQ: sentences of people's answers, and changed ones, against the passage.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmground.knowledge.errors import InputError
from firmground.knowledge.text import sentences
from firmground.rag.ground import verifiable
from firmground.rag.verifier_made import CHANGES, Pair, made_pairs, reworded


@dataclass(frozen=True)
class Case:
    """A claim, as a verifier reads it, with its evidence. `group`: what is kept together in folds and resampling."""

    group: str
    claim: str
    evidence: tuple[str, ...]
    supported: bool
    answer: str = ""  # the claim without the question, where it is an answer
    change: str = ""  # how a made pair was made


# ------------------------------------------------------------------------------------------------- labelled by people


def wice(folder: Path) -> list[Case]:
    return [
        Case(row["meta"]["id"], row["claim"], ("\n".join(row["evidence"]),), row["label"] == "supported")
        for row in rows(folder / "wice" / "dev.jsonl")
    ]


def fever_symmetric(folder: Path) -> list[Case]:
    """An id is the original claim's, with 000000N behind it for its variants."""
    cases = []
    for row in rows(folder / "fever_symmetric" / "fever_symmetric_dev.jsonl"):
        name = str(row["id"])
        group = name[:-7] if name[-7:-1] == "000000" and len(name) > 7 else name
        cases.append(Case(group, row["claim"], (row["evidence"],), row["gold_label"] == "SUPPORTS"))
    return cases


def halueval(folder: Path) -> list[Case]:
    cases = []
    for row in rows(folder / "halueval" / "qa_one-turn_data.json"):
        for field, supported in (("right_answer", True), ("hallucinated_answer", False)):
            claim = verifiable(row["question"], row[field])
            cases.append(Case(row["question"], claim, (row["knowledge"],), supported, row[field]))
    return cases


def begin(folder: Path) -> list[Case]:
    path = folder / "begin" / "begin_dev_wow.tsv"
    if not path.is_file():
        raise InputError(f"expected the data set's file {path}, which isn't there; give its folder with --data")
    lines = path.read_text(encoding="utf-8").splitlines()
    names = lines[0].split("\t")
    found = [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:] if line.strip()]
    return [
        Case(row["knowledge"], row["response"], (row["knowledge"],), row["begin_label"] == "Fully attributable")
        for row in found
    ]


def creak(folder: Path) -> list[Case]:
    """Grouped by what they are about: the same entity has several claims."""
    return [
        Case(row["entity"], row["sentence"], (row["explanation"],), row["label"] == "true")
        for row in rows(folder / "creak" / "train.json")
    ]


# ---------------------------------------------------------------------------------------------- choices, with facts


def qasc(folder: Path) -> list[Case]:
    return [case for row in rows(folder / "qasc" / "questions.jsonl") for case in _choices(row, row["facts"])]


def worldtree(folder: Path) -> list[Case]:
    """EntailmentBank's hypotheses on the facts that entail them; those of another question don't."""
    found = list(rows(folder / "worldtree" / "questions_dev.jsonl"))
    facts = [tuple(re.split(r"\s*sent\d+: ", row["context"])[1:]) for row in found]
    cases = []
    for i, row in enumerate(found):
        other = _alike(row["hypothesis"], facts, i)
        cases.append(Case(row["id"], row["hypothesis"], facts[i], True))
        cases.append(Case(row["id"], row["hypothesis"], facts[other], False, change="elsewhere"))
    return cases


def _alike(hypothesis: str, facts: Sequence[Sequence[str]], own: int) -> int:
    """The question whose facts share most words with the hypothesis, its own apart."""
    wanted = set(hypothesis.split())
    shared = [len(wanted & set(" ".join(of).split())) if i != own else -1 for i, of in enumerate(facts)]
    return shared.index(max(shared))


def _choices(row: dict[str, Any], facts: Sequence[str]) -> Iterator[Case]:
    chance = random.Random(row["id"])
    wrong = chance.choice([choice for choice in row["choices"] if choice != row["answer"]])
    question = row["question"].replace("_.", "what?").rstrip(".")
    for answer, supported in ((row["answer"], True), (wrong, False)):
        claim = verifiable(question if question.endswith("?") else f"{question}?", answer)
        yield Case(row["id"], claim, tuple(facts), supported, answer)


# ------------------------------------------------------------------------------------------------ made from passages


def xquad_swapped(folder: Path, language: str) -> list[Case]:
    """For each question its answer, and the next answer of the same paragraph that shares no text with it."""
    return _swapped(*_xquad(folder, language))


def xquad_made(folder: Path, language: str) -> list[Case]:
    return _made(*_xquad(folder, language))


def cmrc_swapped(folder: Path) -> list[Case]:
    return _swapped(*_cmrc(folder))


def cmrc_made(folder: Path) -> list[Case]:
    return _made(*_cmrc(folder))


def clapnq(folder: Path) -> list[Case]:
    """Sentences of people's answers, not the passages': what is worded as people word it."""
    found = list(rows(folder / "clapnq" / "clapnq_dev_answerable.jsonl"))
    texts = [row["passages"][0]["text"] for row in found]
    cases = []
    for i, row in enumerate(found):
        chance = random.Random(row["id"])
        answer = row["output"][0]["answer"]
        for start, end in sentences(answer)[:3]:
            said = answer[start:end]
            cases.append(Case(row["id"], said, (texts[i],), True, change="human"))
            for change, function in CHANGES.items():
                false = function(said, [texts[i], texts[i - 1]], chance)
                if false and false != said:
                    cases.append(Case(row["id"], false, (texts[i],), False, change=change))
                    break
    return cases


Passages = dict[str, str]
Questions = dict[str, list[tuple[str, str]]]  # (question, answer) by passage


def _xquad(folder: Path, language: str) -> tuple[Passages, Questions]:
    base = folder / "qa" / f"xquad-{language}"
    texts = {row["id"]: row["text"] for row in rows(base / "corpus.jsonl")}
    questions: Questions = defaultdict(list)
    for row in rows(base / "questions.jsonl"):
        questions[row["passage"]].append((row["question"], row["answers"][0]))
    return texts, questions


def _cmrc(folder: Path) -> tuple[Passages, Questions]:
    path = folder / "cmrc2018" / "cmrc2018_trial.json"
    if not path.is_file():
        raise InputError(f"expected the data set's file {path}, which isn't there; give its folder with --data")
    texts: Passages = {}
    questions: Questions = defaultdict(list)
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            texts[paragraph["id"]] = paragraph["context"]
            for asked in paragraph["qas"]:
                questions[paragraph["id"]].append((asked["question"], asked["answers"][0]["text"]))
    return texts, questions


def _swapped(texts: Passages, questions: Questions) -> list[Case]:
    cases = []
    for passage, asked in questions.items():
        for i, (question, right) in enumerate(asked):
            wrong = _another(asked, i)
            for answer, supported in ((right, True), (wrong, False)):
                if wrong is not None and answer is not None:
                    claim = verifiable(question, answer)
                    cases.append(Case(passage, claim, (texts[passage],), supported, answer))
    return cases


def _another(asked: Sequence[tuple[str, str]], i: int) -> str | None:
    """The next answer of the passage that shares no text with the i-th."""
    right = asked[i][1]
    others = (answer for _, answer in [*asked[i + 1 :], *asked[:i]])
    return next((answer for answer in others if answer not in right and right not in answer), None)


def _made(texts: Passages, questions: Questions) -> list[Case]:
    """Changed sentences of every passage, and its sentences with one answer in the place of another."""
    names = list(texts)
    cases = []
    for i, name in enumerate(names):
        pairs = made_pairs(texts[name], [texts[names[i - 1]], texts[names[i - 7]]], name)
        pairs += _answers_exchanged(texts[name], questions.get(name, []), random.Random(name))
        cases += [Case(name, pair.claim, (pair.evidence,), pair.supported, change=pair.change) for pair in pairs]
    return cases


def _answers_exchanged(text: str, asked: Sequence[tuple[str, str]], chance: random.Random) -> Iterator[Pair]:
    for i, (_, right) in enumerate(asked[:3]):
        wrong = _another(asked, i)
        sentence = next((text[start:end] for start, end in sentences(text) if right in text[start:end]), None)
        if wrong and sentence and len(right) < 40 and len(wrong) < 40 and wrong not in sentence:
            said = reworded(sentence, chance)
            if right in said:
                yield Pair(said, text, True, "reworded")
                yield Pair(said.replace(right, wrong, 1), text, False, "name")


# --------------------------------------------------------------------------------------------------------------- all

LABELLED: dict[str, Callable[[Path], list[Case]]] = {
    "wice": wice,
    "fever_symmetric": fever_symmetric,
    "halueval": halueval,
}
MADE: dict[str, Callable[[Path], list[Case]]] = {
    "creak": creak,
    "qasc": qasc,
    "worldtree": worldtree,
    "clapnq": clapnq,
    "xquad_swapped_en": lambda folder: xquad_swapped(folder, "en"),
    "xquad_swapped_zh": lambda folder: xquad_swapped(folder, "zh"),
    "xquad_made_en": lambda folder: xquad_made(folder, "en"),
    "xquad_made_zh": lambda folder: xquad_made(folder, "zh"),
    "cmrc_swapped": cmrc_swapped,
    "cmrc_made": cmrc_made,
}


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one JSON object a line.

    Raises:
        InputError: the file isn't there, or a line isn't a JSON object.
    """
    if not path.is_file():
        raise InputError(f"expected the data set's file {path}, which isn't there; give its folder with --data")
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: expected a JSON object, got {line[:40]!r}") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object, got {line[:40]!r}")
        yield row
