"""The sets of the table of filters: where each lies, which filters it can tell of, and how it is audited."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmground.eval.bias.corpus import BALANCED, SWAP, corpus_effects
from firmground.eval.bias.counterfactual import counterfactual_effects
from firmground.eval.bias.effects import Effect
from firmground.eval.bias.figures import drawn
from firmground.eval.bias.outputs import SCREEN, cold_cases, output_effects, output_filters, own_effects
from firmground.eval.bias.pairs import pair_effects
from firmground.eval.bias.questions import question_effects
from firmground.eval.bias.retrieval import retrieval_effects
from firmground.eval.bias.utility import asked, utility_effects
from firmground.eval.metrics.answers import gold_answers
from firmground.eval.tasks import load_questions
from firmground.eval.types import Example
from firmground.knowledge import weights
from firmground.knowledge.errors import InputError
from firmground.knowledge.text import Language
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN, Arm
from firmground.rag.assistant import Assistant

if TYPE_CHECKING:
    from firmground.knowledge.base import KnowledgeBase
    from firmground.knowledge.encode import SentenceEncoder
    from firmground.rag.types import Generator

FAIR = ("fair=project", "fair=rerank")
DEBIAS = ("debias=instruct", "debias=exchange", "debias=describe")
CORPUS = (SWAP, BALANCED)
FILTERS = (*CORPUS, *FAIR, *DEBIAS, SCREEN)  # along the way of an answer
SLOW = {"debias=describe": 4}  # reads all twice, over the whole vocabulary: asked of one row in so many

Found = tuple[list[Effect], list[str]]  # effects, and what was left out and why


@dataclass(frozen=True)
class Part:
    """One set: the files it stands on, the filters it can tell of, and how; `name` is its kept file's."""

    name: str
    language: Language
    files: tuple[Path, ...]
    filters: tuple[str, ...]
    run: Callable[[Sequence[str]], Found]


class Models:
    """What the audit asks; models are loaded when first needed.

    Args:
        generator: as `load_generator` knows it.
        knowledge: what BBQ, CBBQ and the counterfactual questions are answered with; None: without any.
        device: by default a GPU where there is one.
    """

    def __init__(self, generator: str, knowledge: KnowledgeBase | None = None, device: str = "") -> None:
        self.generator_name, self.knowledge, self.device = generator, knowledge, device

    def identity(self) -> dict[str, Any]:
        """What effects hang on, of all this."""
        knowledge = self.knowledge.identity() if self.knowledge is not None else None
        return {"generator": weights.label(self.generator_name), "knowledge": knowledge}

    @cached_property
    def generator(self) -> Generator:
        from firmground.rag.generators import load_generator

        return load_generator(self.generator_name, self.device)

    @cached_property
    def english(self) -> SentenceEncoder:
        from firmground.knowledge.encode import SentenceEncoder

        return SentenceEncoder(weights.DEFAULT_ENCODER, self.device)

    @cached_property
    def chinese(self) -> SentenceEncoder | None:
        """None where its weights aren't here."""
        from firmground.knowledge.encode import SentenceEncoder

        here = weights.is_here(weights.CHINESE_ENCODER)
        return SentenceEncoder(weights.CHINESE_ENCODER, self.device) if here else None


def parts(data: Path, models: Models, limit: int) -> tuple[list[Part], list[str]]:
    """The sets that the folder holds (`table.py` says where) and those that ship, and what isn't there.

    Raises:
        InputError: no such folder, or none of the sets in it.
    """
    if not data.is_dir():
        raise InputError(f"{data} isn't a folder; expected one that holds crows_pairs, bbq, cbbq, gender_rag or cold")
    looked = {
        "crows_pairs/*.csv": [_pairs(path, models, limit) for path in sorted(data.glob("crows_pairs/*.csv"))],
        "bbq/*.jsonl": [_bbq(path, models, limit) for path in sorted(data.glob("bbq/*.jsonl")) if _is_bbq(path)],
        "cbbq/*/*.json": [_cbbq(folder, models, limit) for folder in _folders(data / "cbbq")],
        "gender_rag/*.csv": [_retrieval(path, models) for path in sorted(data.glob("gender_rag/*.csv"))],
        "cold/*.csv": [
            _cold(path, data / "ldnoobw" / "zh") for path in sorted(data.glob("cold/*.csv")) if path.stem != "train"
        ],
    }
    missing = [f"{data / pattern}: not there, left out" for pattern, found in looked.items() if not found]
    if len(missing) == len(looked):
        raise InputError(f"{data} holds none of the sets; expected {', '.join(looked)}, as their authors lay them out")
    sets = [part for found in looked.values() for part in found]
    sets += [_counterfactual(lang, models, limit) for lang in ("en", "zh")]
    sets += [_own(lang) for lang in ("en", "zh")]
    return [*sets, *_ordinary(data / "qa" / "xquad-en", models, limit)], missing


def _is_bbq(path: Path) -> bool:
    return not path.name.startswith("unifiedqa_")  # its authors' predictions


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if any(path.glob("*.json")))


def _each(filters: Sequence[str], limit: int, effects: Callable[[Sequence[str], int], list[Effect]]) -> list[Effect]:
    """The effects of the quick filters on `limit` rows, and of each slow one on a part of them."""
    quick = [name for name in filters if name not in SLOW]
    found = effects(quick, limit) if quick else []
    for name in filters:
        if name in SLOW:
            found += effects([name], -(-limit // SLOW[name]))
    return found


def _pairs(path: Path, models: Models, limit: int) -> Part:
    def run(filters: Sequence[str]) -> Found:
        return _each(filters, limit, lambda names, rows: pair_effects(path, models.generator, names, rows)), []

    return Part(f"crows-pairs-{path.stem}", "en", (path,), DEBIAS, run)


def _bbq(path: Path, models: Models, limit: int) -> Part:
    def run(filters: Sequence[str]) -> Found:
        return _question_effects("bbq", path, models, filters, limit), []

    return Part(f"bbq-{path.stem}", "en", (path,), DEBIAS, run)


def _cbbq(folder: Path, models: Models, limit: int) -> Part:
    def run(filters: Sequence[str]) -> Found:
        return _question_effects("cbbq", folder, models, filters, limit), []

    return Part(f"cbbq-{folder.name}", "zh", tuple(sorted(folder.glob("*.json"))), DEBIAS, run)


def _question_effects(task: str, path: Path, models: Models, filters: Sequence[str], limit: int) -> list[Effect]:
    def effects(names: Sequence[str], rows: int) -> list[Effect]:
        return question_effects(task, path, models.generator, names, rows, models.knowledge)

    return _each(filters, limit, effects)


def _retrieval(path: Path, models: Models) -> Part:
    """All questions that nothing was chosen on: they are quick."""

    def run(filters: Sequence[str]) -> Found:
        effects = retrieval_effects(path, models.english, unseen=True)
        return [effect for effect in effects if effect.filter in filters], []

    return Part(f"genderbias-{path.stem}", "en", (path,), FAIR, run)


def _cold(path: Path, words: Path) -> Part:
    listed = words if words.is_file() else None

    def run(filters: Sequence[str]) -> Found:
        notes = [] if listed else [f"{words}: not there, so no word list stands beside the output filter"]
        return output_effects(f"cold-{path.stem}", cold_cases(path), output_filters(listed)), notes

    return Part(f"cold-{path.stem}", "zh", (path, *([listed] if listed else [])), (SCREEN,), run)


# --------------------------------------------------------------------------------------------------------- what ships


def _counterfactual(lang: Language, models: Models, limit: int) -> Part:
    def run(filters: Sequence[str]) -> Found:
        arm = PLAIN if models.knowledge is None else AUGMENTED
        plain, filtered = asked(Assistant(models.knowledge, models.generator), arm, filters)
        encoder = models.english if lang == "en" else models.chinese
        notes = (
            [] if encoder else [f"counterfactual-{lang}: no cosine, {weights.CHINESE_ENCODER} isn't on this machine"]
        )
        return counterfactual_effects(plain, filtered, lang, encoder, limit), notes

    return Part(f"counterfactual-{lang}", lang, (), (*DEBIAS, SCREEN), run)


def _own(lang: Language) -> Part:
    return Part(f"own-sentences-{lang}", lang, (), (SCREEN,), lambda filters: (own_effects(lang), []))


# Corpora, and ordinary questions on them: what a filter costs.


def _ordinary(xquad: Path, models: Models, limit: int) -> list[Part]:
    found = [_pack("en", models, limit), _pack_questions("en", models, limit)]
    if (xquad / "corpus.jsonl").is_file() and (xquad / "questions.jsonl").is_file():
        found += [_corpus(xquad, models, limit), _corpus_questions(xquad, models, limit)]
    return [*found, _pack("zh", models, limit), _pack_questions("zh", models, limit)]


def _pack(lang: Language, models: Models, limit: int) -> Part:
    """A commonsense pack as a corpus; searched in English, where it is quick."""
    from firmground.knowledge.packs import pack_documents

    name = f"commonsense-{lang}"

    def run(filters: Sequence[str]) -> Found:
        examples = questions(name, limit) if lang == "en" else []
        encoder = models.english if lang == "en" else None
        return corpus_effects(f"{name}-corpus", pack_documents(name), filters, examples, encoder)

    return Part(f"{name}-corpus", lang, (), CORPUS, run)


def _pack_questions(lang: Language, models: Models, limit: int) -> Part:
    """A pack's questions; the Chinese ones are answered by quoting, for the default generator writes no Chinese."""
    name = f"commonsense-{lang}"
    arm = AUGMENTED if lang == "en" else EXTRACTIVE

    def run(filters: Sequence[str]) -> Found:
        from firmground.knowledge.encode import open_base
        from firmground.knowledge.packs import base_folder

        with open_base(base_folder(name), device=models.device) as base:
            assistant = Assistant(base, models.generator if arm.generator else None)
            return _utility_effects(name, name, assistant, arm, filters, limit), []

    return Part(name, lang, (), (*FAIR, *(DEBIAS if arm.generator else ()), SCREEN), run)


def _corpus(folder: Path, models: Models, limit: int) -> Part:
    def run(filters: Sequence[str]) -> Found:
        from firmground.knowledge.load import load

        examples = questions(folder / "questions.jsonl", limit)
        documents = list(load(folder / "corpus.jsonl"))
        return corpus_effects(f"{folder.name}-corpus", documents, filters, examples, models.english)

    return Part(f"{folder.name}-corpus", "en", (folder / "corpus.jsonl", folder / "questions.jsonl"), CORPUS, run)


def _corpus_questions(folder: Path, models: Models, limit: int) -> Part:
    def run(filters: Sequence[str]) -> Found:
        from firmground.knowledge.base import KnowledgeBase
        from firmground.knowledge.load import load

        with (
            tempfile.TemporaryDirectory() as made,
            KnowledgeBase.create(Path(made) / "kb", models.english) as base,
        ):
            base.add(load(folder / "corpus.jsonl"))
            assistant = Assistant(base, models.generator)
            return _utility_effects(folder.name, folder / "questions.jsonl", assistant, AUGMENTED, filters, limit), []

    files = (folder / "corpus.jsonl", folder / "questions.jsonl")
    return Part(folder.name, "en", files, (*FAIR, *DEBIAS, SCREEN), run)


def _utility_effects(
    name: str, source: str | Path, assistant: Assistant, arm: Arm, filters: Sequence[str], limit: int
) -> list[Effect]:
    def effects(names: Sequence[str], rows: int) -> list[Effect]:
        return utility_effects(name, assistant, arm, questions(source, rows), names)

    return _each(filters, limit, effects)


def questions(source: str | Path, limit: int) -> list[Example]:
    """Questions with gold answers, drawn over all the documents they are about."""
    found = [example for example in load_questions(source) if gold_answers(example)]
    return drawn(found, [example.cluster for example in found], limit)
