"""What an arm makes of a draft: samples chosen, texts weighed, in a batch and in a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag import prompt as prompts
from firmground.rag.arms import AUGMENTED, PLAIN
from firmground.rag.assistant import Assistant
from firmground.rag.generate import TransformersGenerator
from firmground.rag.select import best_sample, most_agreed
from firmground.rag.types import Answer, Decoding, Generation, Prompt, Replaced, Weighing
from tests.rag.fakes import Echo, Shelf, Teller
from tests.rag.tiny import causal_folder

TEXTS = {
    "ice": "Ice floats on water. Water expands by 9 percent when it freezes.",
    "冰": "冰浮在水面上。水结冰时体积膨胀约9%。",
}
QUESTION, QUESTION_ZH = "By how much does water expand when it freezes?", "水结冰时体积膨胀多少？"
DRAWN = replace(AUGMENTED, spans=0, decoding=Decoding(temperature=0.7, samples=3, seed=10))


class Fickle(Echo):
    """Says the text of its seed, whatever is asked."""

    def __init__(self, by_seed: dict[int, str]) -> None:
        super().__init__({})
        self.by_seed = by_seed

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding = Decoding()) -> list[Generation]:
        self.decodings.append(decoding)
        return [Generation(self.by_seed[decoding.seed], 7, 2) for _ in prompts]


class Fixed:
    """A verifier with a list of supports; remembers what it read."""

    name, threshold = "fixed", 0.5

    def __init__(self, support: dict[str, float]) -> None:
        self.by_end, self.read = support, []  # type: ignore[var-annotated]

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        self.read += list(zip(claims, evidence, strict=True))
        return np.array([next(value for end, value in self.by_end.items() if claim.endswith(end)) for claim in claims])


def test_agreement_by_hand() -> None:
    assert most_agreed(["Rome", "Paris.", "paris", "Oslo"]) == 1
    assert most_agreed(["Rome", "Paris"]) == 0  # the earliest of equals
    assert most_agreed(["冰", "水。", "水"]) == 1
    assert most_agreed(["", "…", "Rome", "Rome!"]) == 2
    assert best_sample(["a", "b", "B"], [0.9, 0.4, 0.4]) == 0
    assert best_sample(["a", "b", "B"], [0.5, 0.5, 0.5]) == 1  # of equals, what more of them say
    assert best_sample(["a"], [0.0]) == 0


@pytest.mark.parametrize(
    ("question", "right", "wrong"), [(QUESTION, "9 percent", "a third"), (QUESTION_ZH, "约9%", "一半")]
)
def test_the_verifier_chooses_among_samples(question: str, right: str, wrong: str) -> None:
    generator = Fickle({10: wrong, 11: right, 12: wrong})
    verifier = Fixed({right: 0.9, wrong: 0.2})
    (answer,) = Assistant(Shelf(TEXTS), generator, verifier).answer_batch([question], DRAWN)  # type: ignore[arg-type]
    assert answer.text == right
    assert [decoding.seed for decoding in generator.decodings] == [10, 11, 12]
    assert all(decoding.samples == 1 for decoding in generator.decodings)
    claims, evidence = zip(*verifier.read, strict=True)
    assert [claim.removeprefix(question.rstrip("？?")).lstrip("？? ") for claim in claims] == [wrong, right, wrong]
    assert all(set(TEXTS.values()) == set(texts) for texts in evidence)
    # Two words given; the four that were drawn and not given are a cost of the prompt.
    assert (answer.usage.completion_tokens, answer.usage.prompt_tokens) == (2, 7 + 4)


def test_without_evidence_the_majority_chooses() -> None:
    generator = Fickle({10: "Rome", 11: "Paris", 12: "paris"})
    verifier = Fixed({})
    plain = replace(PLAIN, decoding=DRAWN.decoding)
    (answer,) = Assistant(None, generator, verifier).answer_batch(["Where?"], plain)
    assert answer.text == "Paris"
    assert verifier.read == []


def test_an_empty_sample_is_never_better_than_a_supported_one() -> None:
    generator = Fickle({10: " ", 11: "9 percent", 12: ""})
    verifier = Fixed({"9 percent": 0.1})
    (answer,) = Assistant(Shelf(TEXTS), generator, verifier).answer_batch([QUESTION], DRAWN)  # type: ignore[arg-type]
    assert answer.text == "9 percent"


def test_contrast_needs_a_generator_that_tells_likelihoods() -> None:
    arm = replace(AUGMENTED, decoding=Decoding(contrast=0.5))
    assistant = Assistant(Shelf(TEXTS), Echo({}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"echo tells no likelihoods, so nothing can be contrasted \(contrast = 0.5\)"):
        assistant.answer_batch([QUESTION], arm)
    with pytest.raises(InputError, match="set contrast = 0"):
        list(assistant.stream(QUESTION, arm))
    assert assistant.answer_batch([QUESTION], replace(PLAIN, decoding=arm.decoding))[0].text  # nothing to contrast


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    return TransformersGenerator(causal_folder(tmp_path_factory.mktemp("causal")), device="cpu")


@pytest.mark.parametrize("question", [QUESTION, QUESTION_ZH])
def test_contrast_is_against_the_same_prompt_without_its_passages(
    tiny: TransformersGenerator, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Sequence[Prompt], Sequence[Prompt]]] = []
    drafts = tiny.drafts

    def watched(given: Sequence[Prompt], decoding: Decoding, against: Sequence[Prompt]):
        seen.append((given, against))
        return drafts(given, decoding, (), against)

    monkeypatch.setattr(tiny, "drafts", watched)
    arm = replace(AUGMENTED, spans=0, decoding=Decoding(4, contrast=1.0))
    Assistant(Shelf(TEXTS), tiny).answer_batch([question], arm)  # type: ignore[arg-type]
    ((given, against),) = seen
    assert against == [prompts.build(question, [], PLAIN, completes=True)]
    assert "9" in str(given[0]).rsplit("\n\n", 1)[-1]


@pytest.mark.parametrize("decoding", [Decoding(6), Decoding(6, contrast=0.5), Decoding(6, temperature=2.0, samples=3)])
def test_batch_and_stream_end_as_the_same_answer(tiny: TransformersGenerator, decoding: Decoding) -> None:
    arm = replace(AUGMENTED, decoding=decoding)
    assistant = Assistant(Shelf(TEXTS), tiny)  # type: ignore[arg-type]
    batch = assistant.answer_batch([QUESTION, QUESTION_ZH], arm)
    for question, expected in zip((QUESTION, QUESTION_ZH), batch, strict=True):
        *pieces, last = assistant.stream(question, arm)
        assert isinstance(last, Answer)
        assert (last.text, last.usage.prompt_tokens, last.usage.completion_tokens) == (
            expected.text, expected.usage.prompt_tokens, expected.usage.completion_tokens,
        )  # fmt: skip
        assert last.confidence == pytest.approx(expected.confidence, abs=1e-4)
        replaced = [piece for piece in pieces if isinstance(piece, Replaced)]
        shown = replaced[-1].text if replaced else "".join(piece for piece in pieces if isinstance(piece, str)).strip()
        assert shown == last.text


def test_beams_are_shown_when_they_are_known(tiny: TransformersGenerator) -> None:
    arm = replace(AUGMENTED, decoding=Decoding(4, beams=3))
    *pieces, last = Assistant(Shelf(TEXTS), tiny).stream(QUESTION, arm)  # type: ignore[arg-type]
    assert isinstance(last, Answer)
    assert pieces == [last.text]


def test_a_stream_closed_while_texts_are_weighed_weighs_no_more() -> None:
    generator = Teller({"expand": "twice as much"}, likely=[])
    stream = Assistant(Shelf(TEXTS), generator).stream(QUESTION)  # type: ignore[arg-type]
    weighed = 0
    for piece in stream:
        if isinstance(piece, Weighing):
            weighed += 1
            assert (piece.number, len(generator.told)) == (weighed, weighed - 1)  # told before it is done
            assert piece.of > 2
        if weighed == 2:
            stream.close()
    assert len(generator.told) == 1


def test_a_repaired_text_replaces_what_was_shown() -> None:
    generator = Echo({"Ice floats on water": "12 percent", "9 percent": "9 percent"})
    arm = replace(AUGMENTED, evidence_tokens=0, num_evidence=0, repair="rewrite", decoding=Decoding(contrast=0.0))
    *pieces, last = Assistant(Shelf({"ice": TEXTS["ice"]}), generator).stream(QUESTION, arm)  # type: ignore[arg-type]
    assert isinstance(last, Answer)
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "12 percent"
    assert pieces[-1] == Replaced("9 percent", "repaired")
    assert last.text == "9 percent"


def test_what_is_written_again_is_not_contrasted(tiny: TransformersGenerator) -> None:
    arm = replace(AUGMENTED, spans=0, repair="rewrite", decoding=Decoding(8, temperature=5.0, contrast=0.5))
    (answer,) = Assistant(Shelf(TEXTS), tiny).answer_batch([QUESTION], arm)  # type: ignore[arg-type]
    assert answer.repairs  # the tiny model's words aren't supported: it was asked again


def test_what_is_kept_holds_no_evidence(tmp_path: Path) -> None:
    generator = TransformersGenerator(causal_folder(tmp_path), device="cpu")
    Assistant(Shelf(TEXTS), generator).answer_batch([QUESTION, QUESTION_ZH], AUGMENTED)  # type: ignore[arg-type]
    assert list(generator._kept) == prompts.beginnings()
    assert len(prompts.beginnings()) == 8  # two languages, with passages and without, in words and in sentences
    for question, passage in ((QUESTION, TEXTS["ice"]), (QUESTION_ZH, TEXTS["冰"])):
        for evidence, arm in (([passage], AUGMENTED), ([], PLAIN)):
            whole = str(prompts.build(question, evidence, arm, completes=True))
            assert sum(whole.startswith(beginning) for beginning in prompts.beginnings()) == 1
