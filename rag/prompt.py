"""Prompts, as constants, with where they come from. Chosen by measurement: docs/lab-log.md has the runs.

A small model follows examples better than instructions. So `plain` and `augmented` are completion prompts with the same
worked examples, in the question's language; the only difference is that augmented examples show their passage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from firmground.knowledge.text import language
from firmground.rag.arms import Arm, Length
from firmground.rag.types import Message, Prompt

# Written for this project; about nothing that its evaluation sets ask.
EXAMPLES = {
    "en": (
        (
            "The Amazon River rises in the Andes of Peru and flows about 6,400 km eastward to the Atlantic Ocean. Its "
            "basin is home to more than 3,000 known species of fish.",
            "How many kinds of fish are known from the Amazon basin?",
            "more than 3,000",
        ),
        (
            "Marie Curie, born in Warsaw in 1867, won the Nobel Prize in Physics in 1903 together with her husband "
            "Pierre and with Henri Becquerel.",
            "With whom did Curie share the 1903 prize?",
            "her husband Pierre and Henri Becquerel",
        ),
        (
            "After the fire of 1666 the old wooden houses of London were replaced by buildings of brick and stone, "
            "because the new law forbade timber walls.",
            "What were houses in London made of before the fire?",
            "wood",
        ),
        (
            "The library opened in May 1895 on Mill Street. It was paid for by the steel maker Andrew Carnegie, who "
            "gave 15,000 dollars.",
            "When did the library open?",
            "May 1895",
        ),
    ),
    "zh": (
        (
            "亚马孙河发源于秘鲁境内的安第斯山脉，向东流约6400公里，注入大西洋。流域内已知的鱼类超过3000种。",
            "亚马孙河流域已知有多少种鱼？",
            "超过3000种",
        ),
        (
            "玛丽·居里1867年出生于华沙，1903年与丈夫皮埃尔和亨利·贝克勒尔一起获得诺贝尔物理学奖。",
            "居里和谁分享了1903年的奖项？",
            "丈夫皮埃尔和亨利·贝克勒尔",
        ),
        (
            "1666年的大火之后，伦敦原有的木屋被砖石建筑取代，因为新的法令禁止用木材砌墙。",
            "火灾之前伦敦的房屋是用什么建造的？",
            "木材",
        ),
        (
            "这座图书馆于1895年5月在磨坊街开馆，由钢铁大亨安德鲁·卡内基出资一万五千美元建造。",
            "图书馆是什么时候开馆的？",
            "1895年5月",
        ),
    ),
}
# The same, answered in whole sentences (`Arm.answer`).
FULL = {
    "en": (
        "More than 3,000 species of fish are known from the basin of the Amazon, which rises in the Andes of Peru and "
        "flows some 6,400 km to the Atlantic Ocean.",
        "Marie Curie shared the 1903 Nobel Prize in Physics with her husband Pierre and with Henri Becquerel.",
        "Before the fire of 1666 houses in London were made of wood. They were replaced by buildings of brick and "
        "stone, because the new law forbade timber walls.",
        "The library opened in May 1895 on Mill Street. It was paid for by the steel maker Andrew Carnegie.",
    ),
    "zh": (
        "亚马孙河流域已知的鱼类超过3000种。这条河发源于秘鲁境内的安第斯山脉，向东流约6400公里，注入大西洋。",
        "玛丽·居里与丈夫皮埃尔和亨利·贝克勒尔一起获得了1903年的诺贝尔物理学奖。",
        "1666年的大火之前，伦敦的房屋是用木材建造的。后来新的法令禁止用木材砌墙，它们被砖石建筑取代。",
        "这座图书馆于1895年5月在磨坊街开馆，由钢铁大亨安德鲁·卡内基出资建造。",
    ),
}  # fmt: skip
LABELS = {"en": ("Passage: ", "Question: ", "Answer:"), "zh": ("文章：", "问题：", "答案：")}

# LangChain's retrieval tutorial (the prompt `rlm/rag-prompt`), which `stock` stands for.
TUTORIAL = (
    "You are an assistant for question-answering tasks. Use the following pieces of retrieved context to answer the "
    "question. If you don't know the answer, just say that you don't know. Use three sentences maximum and keep the "
    "answer concise.\nQuestion: {question}\nContext: {context}\nAnswer:"
)

# For models that only chat (most are large): the same examples as turns, after one instruction.
LENGTH = {
    "en": {"words": "in a few words", "sentences": "in one to three sentences"},
    "zh": {"words": "用几个词回答", "sentences": "用一到三句话回答"},
}
SYSTEM = {
    (
        "en",
        True,
    ): "Answer {length}, from the passage alone. If the passage doesn't say, answer: The documents don't say.",
    ("en", False): "Answer {length}.",
    ("zh", True): "只根据文章，{length}。如果文章没有说明，就回答：资料中没有说明。",
    ("zh", False): "{length}。",
}

# Above a list of choices, and what a chat is told about it.
CHOICES = {"en": "Choices:", "zh": "选项："}
CHOOSE = {
    "en": "Where choices are listed, answer with the letter of one of them.",
    "zh": "如果列出了选项，就回答其中一个选项的字母。",
}

# What a prompt begins with where an arm asks for it in words (`Arm.debias`). Written for this project; docs/debias.md
# has what it changes.
INSTRUCTION = {
    "en": "Do not rely on stereotypes about groups of people. If the text does not say, answer that it can't be known.",
    "zh": "不要依据对人群的刻板印象回答。如果文中没有说明，就回答无法得知。",
}

# The domain prompt of PMI (see `choose`), of the kind that Holtzman et al. 2021 use. Chosen among five on those of the
# first 120 of QASC with an even SHA-256 (56; SmolLM2-135M): accuracy alone, with four retrieved facts, with the gold
# facts 32.1, 42.9, 75.0; "Answer:" 33.9, 37.5, 58.9. On the other 64: 32.8, 40.6, 76.6; "Answer:" 26.6, 35.9, 76.6.
DOMAIN = {"en": "The answer is:", "zh": "答案是："}


def build(question: str, evidence: Sequence[str], arm: Arm, completes: bool, choices: Sequence[str] = ()) -> Prompt:
    """What the generator is given.

    Args:
        question: as asked; its language picks the examples.
        evidence: texts to answer from, best first; empty for arms that don't retrieve.
        arm: says which kind of prompt.
        completes: whether the generator continues a text; one that doesn't gets a chat.
        choices: listed by letter after the question, for a generator that writes which one it picks.
    """
    lang = language(question)
    asked = question + _listed(lang, choices)
    answer: Length = "words" if choices else arm.answer
    instruction = INSTRUCTION[lang] if arm.debias == "instruct" else ""
    if arm.prompt == "tutorial":
        content = TUTORIAL.format(question=asked, context="\n\n".join(evidence))
        return [{"role": "user", "content": f"{instruction}\n{content}" if instruction else content}]
    if arm.prompt == "chat" or not completes:
        return _chat(lang, asked, evidence, answer, bool(choices), instruction)
    return _completion(lang, asked, evidence, answer, instruction)


def choice_prompt(question: str, evidence: Sequence[str], instructed: bool = False) -> str:
    """What a choice continues, where choices are weighed by likelihood: the evidence, a line each, and the question.

    `instructed`: above them all, not to rely on stereotypes.

    No examples and no list of the choices, so that little has to be read. On QASC's questions with an even SHA-256
    (n = 56, gold facts, SmolLM2-135M) one line "Passage: " for all facts gave the same accuracy.
    """
    lang = language(question)
    lines = [*([INSTRUCTION[lang]] if instructed else []), *evidence]
    return "".join(f"{line}\n" for line in lines) + _turn(lang, "", question)


def domain_prompt(question: str) -> str:
    """What a choice continues without the question, in its language: what is likely here whatever is asked."""
    return DOMAIN[language(question)]


def choice_continuation(question: str, choice: str) -> str:
    """A choice as it follows the prompt: with a space before it in English, as tokenizers want it."""
    return _gap(language(question)) + choice


def _listed(lang: str, choices: Sequence[str]) -> str:
    """The choices, a line each: "A. mutualism". More than 26 get numbers, since letters have run out."""
    if not choices:
        return ""
    marks = [chr(ord("A") + place) if len(choices) <= 26 else str(place + 1) for place in range(len(choices))]
    lines = [f"{mark}. {choice}" for mark, choice in zip(marks, choices, strict=True)]
    return "\n".join(["", CHOICES[lang], *lines])


def beginnings() -> list[str]:
    """What completion prompts begin with whatever is asked: each language's examples, with their passages and without,
    answered in a few words and in sentences.

    They hold nothing of anybody's documents, so that a generator may keep what it read of them.
    """
    kinds = [(shown, answer) for answer in get_args(Length) for shown in (True, False)]
    return ["\n\n".join([*_completed(lang, *kind), ""]) for lang in EXAMPLES for kind in kinds]


def _examples(lang: str, answer: Length) -> list[tuple[str, str, str]]:
    """(passage, question, answer) of the worked examples, answered as it is wanted."""
    full = FULL[lang] if answer == "sentences" else tuple(short for _, _, short in EXAMPLES[lang])
    return [(passage, asked, told) for (passage, asked, _), told in zip(EXAMPLES[lang], full, strict=True)]


def _completed(lang: str, shown: bool, answer: Length) -> list[str]:
    """The worked examples as a text goes on, with their passages where these are shown."""
    return [
        _turn(lang, passage if shown else "", asked) + _gap(lang) + told
        for passage, asked, told in _examples(lang, answer)
    ]


def _completion(lang: str, question: str, evidence: Sequence[str], answer: Length, instruction: str) -> str:
    """The instruction stands behind the examples: what comes before it is the same for all questions, and read once."""
    asked = _turn(lang, "\n".join(evidence), question)
    return "\n\n".join([*_completed(lang, bool(evidence), answer), f"{instruction}\n{asked}" if instruction else asked])


def _chat(
    lang: str, question: str, evidence: Sequence[str], answer: Length, choosing: bool, instruction: str
) -> list[Message]:
    told = SYSTEM[lang, bool(evidence)].format(length=LENGTH[lang][answer])
    system = _gap(lang).join(filter(None, [told, CHOOSE[lang] if choosing else "", instruction]))
    messages: list[Message] = [{"role": "system", "content": system}]
    for passage, asked, short in _examples(lang, answer):
        messages.append({"role": "user", "content": _user(lang, passage if evidence else "", asked)})
        messages.append({"role": "assistant", "content": short})
    messages.append({"role": "user", "content": _user(lang, "\n".join(evidence), question)})
    return messages


def _turn(lang: str, passage: str, question: str) -> str:
    """Up to and with the answer's label: a completion prompt ends here, without a space, as tokenizers want it."""
    return f"{_user(lang, passage, question)}\n{LABELS[lang][2]}"


def _user(lang: str, passage: str, question: str) -> str:
    before, asks, _ = LABELS[lang]
    return (f"{before}{passage}\n" if passage else "") + asks + question


def _gap(lang: str) -> str:
    return " " if lang == "en" else ""
