"""Choices by likelihood: the three rules by hand, and the shared reading against one pass a pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.types import Hit
from firmground.rag.abstain import ABSTAIN_EN, ABSTAIN_ZH
from firmground.rag.arms import AUGMENTED, EXTRACTIVE, PLAIN, STOCK
from firmground.rag.assistant import Assistant
from firmground.rag.choose import CLEAR, LIKELIHOOD, LINK, Chooser, only_best, shares, weight
from firmground.rag.generate import TransformersGenerator
from firmground.rag.types import ChoiceScore, Prompt
from tests.rag.fakes import Echo, Shelf
from tests.rag.tiny import causal_folder, learned_positions_folder

QUESTION = "Coral and alga are an example of what?"
CHOICES = ("predation", "mutualism", "a cat")


class Likely(Echo):
    """Finds a choice as likely as `table[prompt's end, choice]` says, a token a word; counts its calls."""

    def __init__(self, table: dict[tuple[str, str], list[float]]) -> None:
        super().__init__({"": "B"})
        self.table = table
        self.calls: list[list[tuple[str, str]]] = []

    def score_batch(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[np.ndarray]:
        self.calls.append([(str(prompt), text) for prompt, text in zip(prompts, continuations, strict=True)])
        return [np.array(self._find(str(prompt), text)) for prompt, text in self.calls[-1]]

    def _find(self, prompt: str, text: str) -> list[float]:
        return next(row for (end, choice), row in self.table.items() if prompt.endswith(end) and text == choice)


TABLE = {
    (f"{QUESTION}\nAnswer:", " predation"): [-1.0],
    (f"{QUESTION}\nAnswer:", " mutualism"): [-2.0],
    (f"{QUESTION}\nAnswer:", " a cat"): [-0.75, -0.5],
    ("The answer is:", " predation"): [-0.5],
    ("The answer is:", " mutualism"): [-3.0],
    ("The answer is:", " a cat"): [-0.25, -0.25],
}


def test_three_rules_by_hand() -> None:
    answers = {}
    for rule in ("sum", "characters", "pmi"):
        arm = replace(PLAIN, choose=rule)
        (answer,) = Assistant(None, Likely(TABLE)).answer_batch([QUESTION], arm, choices=[CHOICES])  # type: ignore[arg-type]
        answers[rule] = answer
    # sums -1, -2, -1.25; per character -1/9, -2/9, -1.25/5; minus the priors -0.5, +1, -0.75
    assert [answer.text for answer in answers.values()] == ["predation", "predation", "mutualism"]
    assert answers["sum"].confidence == pytest.approx(math.exp(-1) / (math.exp(-1) + math.exp(-2) + math.exp(-1.25)))
    assert answers["pmi"].confidence == pytest.approx(math.e / (math.e + math.exp(-0.5) + math.exp(-0.75)))
    assert answers["pmi"].choices == (
        ChoiceScore("predation", -1.0, -0.5),
        ChoiceScore("mutualism", -2.0, -3.0),
        ChoiceScore("a cat", -1.25, -0.5),
    )
    assert [score.prior for score in answers["sum"].choices] == [None] * 3
    characters = [weight(score, "characters") for score in answers["characters"].choices]
    assert characters == pytest.approx([-1 / 9, -2 / 9, -0.25])
    assert sum(shares(answers["pmi"].choices, "pmi")) == pytest.approx(1)
    with pytest.raises(ValueError, match="needs the prior of the choice 'predation'"):
        weight(answers["sum"].choices[0], "pmi")


def test_one_call_a_batch_and_priors_once() -> None:
    generator = Likely(TABLE)
    assistant = Assistant(None, generator)
    for _ in range(2):
        answers = assistant.answer_batch([QUESTION, QUESTION, "Open?"], PLAIN, choices=[CHOICES, CHOICES, ()])
    assert [len(call) for call in generator.calls] == [6, 3, 6]  # both questions' pairs; the priors; the pairs again
    assert [answer.text for answer in answers] == ["mutualism", "mutualism", "B"]  # the last is written
    assert answers[2].choices == ()
    assert answers[0].usage.completion_tokens == 0


def test_evidence_lines_stand_before_the_question() -> None:
    shelf = Shelf({"coral": "Coral and alga live in mutualism. It is an example.", "moon": "The Moon is far."})
    generator = Likely(TABLE)
    hits = [shelf.search([QUESTION])[0]]
    Assistant(None, generator).answer_batch([QUESTION], AUGMENTED, hits, [CHOICES])
    prompt = generator.calls[0][0][0]
    # Every passage is shown to weigh by, though `num_evidence` shows one to write from.
    assert prompt == (
        "Coral and alga live in mutualism. It is an example.\nThe Moon is far.\n"
        "Question: Coral and alga are an example of what?\nAnswer:"
    )


def test_chinese_has_no_space_before_a_choice() -> None:
    question = "冰为什么浮在水面上？"
    table = {("答案：", "密度小"): [-1.0], ("答案：", "颜色白"): [-1.5]}
    generator = Likely(table)
    (answer,) = Assistant(None, generator).answer_batch(
        [question], replace(PLAIN, choose="sum"), choices=[["密度小", "颜色白"]]
    )
    assert answer.text == "密度小"
    assert generator.calls[0][0] == ("问题：冰为什么浮在水面上？\n答案：", "密度小")


def test_without_likelihoods_the_choices_are_listed() -> None:
    for arm, generator in ((PLAIN, Echo({"B. mutualism": "B"})), (STOCK, Likely(TABLE))):
        (answer,) = Assistant(None, generator).answer_batch([QUESTION], arm, [()], [CHOICES])
        asked = generator.prompts[0] if isinstance(generator.prompts[0], str) else generator.prompts[0][-1]["content"]
        assert f"{QUESTION}\nChoices:\nA. predation\nB. mutualism\nC. a cat\n" in asked
        assert answer.text == "B"
        assert answer.choices == ()
    chat = Echo({}, completes=False)
    Assistant(None, chat).answer_batch(["谁？"], PLAIN, choices=[["甲", "乙"]])
    assert chat.prompts[0][0]["content"].endswith("就回答其中一个选项的字母。")  # type: ignore[index]
    assert chat.prompts[0][-1]["content"] == "问题：谁？\n选项：\nA. 甲\nB. 乙"  # type: ignore[index]


def test_picking_that_nobody_knows_is_an_answer() -> None:
    choices = ("The man", "I don't know")
    table = {("Answer:", " The man"): [-2.0], ("Answer:", " I don't know"): [-1.0]}
    (answer,) = Assistant(None, Likely(table)).answer_batch(["Who?"], replace(PLAIN, choose="sum"), choices=[choices])
    assert (answer.text, answer.abstained) == ("I don't know", False)
    (answer,) = Assistant(None, Echo({"Who": "I don't know"})).answer_batch(["Who?"], PLAIN, choices=[choices])
    assert not answer.abstained
    (answer,) = Assistant(None, Echo({"Who": "I don't know"})).answer_batch(["Who?"], PLAIN, choices=[("he", "she")])
    assert answer.abstained


def test_the_extractive_arm_picks_what_the_evidence_speaks_of() -> None:
    shelf = Shelf({"coral": "Coral and alga live in mutualism.", "冰": "冰的密度比水小，所以浮在水面上。"})
    assistant = Assistant(shelf)  # type: ignore[arg-type]
    offered = [CHOICES, ("颜色白", "密度小"), ("predation", "friction")]
    questions = [QUESTION, "冰为什么浮在水面上？", QUESTION]
    english, chinese, none = assistant.answer_batch(questions, EXTRACTIVE, choices=offered)
    assert (english.text, chinese.text) == ("mutualism", "密度小")
    assert (none.text, none.abstained) == (ABSTAIN_EN, True)  # both equally unheard of
    assert (only_best([]), only_best([0.0, 0.0]), only_best([1.0, 1.0, 0.5]), only_best([0.5, 1.0])) == (
        None,
        None,
        None,
        1,
    )
    (declined,) = assistant.answer_batch(["谁？"], EXTRACTIVE, [()], [("甲", "乙")])
    assert declined.text == ABSTAIN_ZH


LEADS = Shelf(
    {
        "coral": "Coral and alga have a symbiotic relationship.",
        "mutualism": "Mutualism is a symbiotic relationship.",
        "hunt": "Predation is hunting.",
    }
)


def test_facts_that_lead_to_a_choice_count_beside_its_likelihood() -> None:
    arm = replace(AUGMENTED, num_passages=1, choice_hops=1)
    generator = Likely(TABLE | {("The answer is:", " mutualism"): [-1.5]})
    hits = [Hit(passage, 1.0) for passage in LEADS.passages]
    (answer,) = Assistant(None, generator).answer_batch([QUESTION], arm, [hits], [CHOICES])
    links = [score.link for score in answer.choices]
    assert links[1] > max(links[0], links[2])  # the only choice that two facts lead to
    # PMI -0.5, -0.5, -0.75; the chain decides
    information = (-0.5, -0.5, -0.75)
    clear = [max(0.0, link - CLEAR) for link in links]
    assert [bool(part) for part in clear] == [False, True, False]
    expected = [LIKELIHOOD * told + LINK * part for told, part in zip(information, clear, strict=True)]
    assert [weight(score, "pmi") for score in answer.choices] == pytest.approx(expected)
    assert answer.text == "mutualism"
    assert answer.confidence == pytest.approx(math.exp(expected[1]) / sum(map(math.exp, expected)))
    # Shown is what was found for the question alone; what was found for the choices is cited beside it.
    prompt = generator.calls[0][0][0]
    assert "alga have" in prompt
    assert "Mutualism is" not in prompt
    assert {hit.passage.document for hit in answer.hits} == {"coral", "mutualism"}
    assert [weight(score, "sum") for score in answer.choices] == [-1.0, -2.0, -1.25]  # by this rule it doesn't count


def test_choices_that_name_nothing_are_weighed_as_before() -> None:
    table = {("Answer:", " yes"): [-2.0], ("Answer:", " no"): [-1.0], ("is:", " yes"): [-1.0], ("is:", " no"): [-1.0]}
    answers = []
    for arm in (replace(AUGMENTED, choice_hops=0), replace(AUGMENTED, choice_hops=2)):
        (answer,) = Assistant(LEADS, Likely(table)).answer_batch([QUESTION], arm, choices=[("yes", "no")])  # type: ignore[arg-type]
        answers.append((answer.text, answer.choices, answer.hits, answer.confidence))
    assert answers[0] == answers[1]
    assert [score.link for score in answers[1][1]] == [None, None]


def test_chains_in_chinese_with_and_without_a_model() -> None:
    question, offered = "珊瑚和藻类之间属于哪种关系？", ("捕食", "互利共生", "竞争")
    shelf = Shelf(
        {"珊瑚": "珊瑚和藻类彼此都得到好处。", "互利": "彼此都得到好处叫做互利共生。", "狼": "狼吃羊就是捕食。"}
    )
    table = {("：", choice): [-1.0] for choice in offered}
    for arm, generator in ((EXTRACTIVE, None), (AUGMENTED, Likely(table))):
        one = replace(arm, num_passages=3, choice_hops=2)
        (answer,) = Assistant(shelf, generator).answer_batch([question], one, choices=[offered])  # type: ignore[arg-type]
        assert answer.text == "互利共生"


@pytest.mark.parametrize("make", [causal_folder, learned_positions_folder])
def test_a_prompt_read_once_gives_what_each_pair_alone_gives(make, tmp_path: Path) -> None:
    import torch

    generator = TransformersGenerator(make(tmp_path), device="cpu")
    prompts = ["The cat sat on a mat . Question : why Answer :", "Ice floats", "who"]
    rests = ["because water expands", "mat", "it freezes when", "", "a"]
    pairs = [(prompt, rest) for prompt in prompts for rest in rests] + [
        ("why", "who sat"),
        ("", "cat sat"),
        ("", "who"),
    ]
    calls = []
    shared = generator._score_shared
    generator._score_shared = lambda *given: calls.append(given[1]) or shared(*given)  # type: ignore[method-assign]
    scored = generator.score_batch([prompt for prompt, _ in pairs], [rest for _, rest in pairs])
    assert set(calls) == {0}  # these prompts begin with nothing in common
    for (prompt, rest), row in zip(pairs, scored, strict=True):
        before = generator.tokenizer(prompt)["input_ids"] or [generator.tokenizer.eos_token_id]
        after = generator.tokenizer(rest)["input_ids"]
        with torch.inference_mode():
            scores = torch.log_softmax(generator.model(torch.tensor([before + after])).logits[0], -1)
        expected = [float(scores[len(before) + i - 1, token]) for i, token in enumerate(after)]
        np.testing.assert_allclose(row, expected, atol=1e-4)


@pytest.mark.parametrize("make", [causal_folder, learned_positions_folder])
def test_what_all_prompts_begin_with_is_read_once(make, tmp_path: Path) -> None:
    generator = TransformersGenerator(make(tmp_path), device="cpu")
    beginning = " ".join(["The cat sat on a mat ."] * 6)  # 42 tokens
    prompts = [f"{beginning} {end}" for end in ("why", "Ice floats because water", "who sat")]
    pairs = [(prompt, rest) for prompt in prompts for rest in ("mat", "it freezes when", "a cat")]
    shares = []
    shared = generator._score_shared
    generator._score_shared = lambda *given: shares.append(given[1]) or shared(*given)  # type: ignore[method-assign]
    scored = generator.score_batch([prompt for prompt, _ in pairs], [rest for _, rest in pairs])
    assert min(shares) >= 40
    for (prompt, rest), row in zip(pairs, scored, strict=True):
        np.testing.assert_allclose(row, generator.score(prompt, rest), atol=1e-4)


def test_many_continuations_of_one_prompt_are_read_in_parts(tmp_path: Path) -> None:
    generator = TransformersGenerator(causal_folder(tmp_path), device="cpu")
    words = ["cat", "mat", "why who", "Ice floats because"] * 10
    together = generator.score_batch(["The cat sat"] * 40, words)
    for word, row in zip(words[:4], together[36:], strict=True):
        np.testing.assert_allclose(row, generator.score("The cat sat", word), atol=1e-4)


def test_confidence_of_a_text_is_the_mean_probability_of_its_tokens(tmp_path: Path) -> None:
    generator = TransformersGenerator(causal_folder(tmp_path), device="cpu")
    (answer,) = Assistant(None, generator).answer_batch(["why"], PLAIN)
    (generation,) = generator.generate([answer.prompt], PLAIN.decoding)
    assert generation.log_probability is not None
    assert generation.completion_tokens > 0
    expected = math.exp(generation.log_probability / generation.completion_tokens)
    assert answer.confidence == pytest.approx(expected, abs=1e-5)
    assert 0 < expected < 1
    (unknown,) = Assistant(None, Echo({})).answer_batch(["why"], PLAIN)
    assert unknown.confidence is None


def test_a_chooser_forgets_before_it_grows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmground.rag.choose.KEPT_PRIORS", 1)
    generator = Likely({(":", " a"): [-1.0], (":", " b"): [-2.0]})
    chooser = Chooser(generator)
    for choices in (["a"], ["b"], ["a"]):
        chooser.score(["x"], ["x\nAnswer:"], [choices], "pmi")
    assert len(generator.calls) == 6  # pairs and priors, each time
