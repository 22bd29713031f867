"""A conversation: follow-up questions are understood by what was said before.

"How tall is it?" finds nothing by itself. Two ways to make it a question that stands alone:

- by rule (`standalone`): a question that leaves out what it is about (a pronoun, "And in winter?", "那它呢？") gets the
  words of the last question that named something, and of the answer where it refers to that;
- by a chat model, where the assistant has one: asked to rewrite it, with the rule as what it is measured against.

`python -m firmground.eval.bench.conversation` measures what either finds.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from firmground.knowledge.text import language
from firmground.rag.arms import AUGMENTED, Arm
from firmground.rag.assistant import Assistant
from firmground.rag.types import Answer, Decoding, Generator, Message
from firmground.rag.words import content

REMEMBERED = 6  # turns that a follow-up is understood by, at most
SHORT_ANSWER = {"en": 4, "zh": 8}  # content terms up to which an answer is a name, which a pronoun may stand for
MOST_ADDED = 8  # words, names first
SHORT = {"en": 2, "zh": 3}  # content terms (Chinese: bigrams) from which on a question is taken to be about something
NAMED = {"en": 3, "zh": 4}  # content terms before a pronoun that it is taken to stand for

# What stands for something said before. "that" only where it doesn't open a clause.
_REFERS_EN = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|this|these|those|"
    r"that(?=\s*(?:[?.,;]|$)| (?:for|at|in|on|to|from|with|by|than)\b)|(?:does|do|did|is|was|can|will|would|has) that|"
    r"there(?! (?:is|are|was|were|any))|the (?:same|other|former|latter)|"
    r"(?:then|so)(?=\?))\b",
    re.IGNORECASE,
)
_IDLE_EN = re.compile(  # "it" that stands for nothing
    r"\bit (?:is|was|takes?|rains?|snows?) (?:true|possible|dangerous|safe|better|raining|cold|dark|late)\b"
    r"|\b(?:is|was|does|did|will|would) it (?:true|possible|rain|snow|take to)\b|\bhow long (?:does|will) it take to\b"
    r"|\bthere (?:is|are|was|were|any)\b|\b(?:is|are|was|were) there\b",
    re.IGNORECASE,
)
_OPENS_EN = re.compile(r"^\s*(?:and|but|or|so|what about|how about|what if|why not|why\?|how so|and if|then)\b", re.I)
_REFERS_ZH = re.compile(
    r"[它他她]们?|其(?![他它实中余次])|[这那](?![么样]|一?种情况)(?:个|些|种|样|座|位|里|儿|时候?|时|东西|方法|现象)?|此(?!外)|该"
    r"|前者|后者|上述|刚才"
)
_OPENS_ZH = re.compile(
    r"^\s*(?:那么|那(?![个些种样座位里儿时])|还有|另外|而且|但是?|可是?|所以|如果|要是|换成|为什么[？?呢]|怎么会?[？?呢])"
    r"|呢[？?]?\s*$"
)

_REWRITE = {
    "en": "Rewrite the last question so that it can be understood without the conversation. Name what it is about; "
    "change nothing else. Reply with the question alone.",
    "zh": "把最后一个问题改写成不看前面的对话也能看懂的问题：写出它所指的事物，其他不变。只回复改写后的问题。",
}


@dataclass(frozen=True)
class Turn:
    """A question as asked, as it was understood, and what was answered ("": it was declined)."""

    question: str
    understood: str
    answer: str = ""


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves out: the words of earlier turns that it doesn't have, in brackets behind it.

    The question itself where it stands alone already, or where nothing was said before. Made for searching: whoever
    reads it sees that words were added, not a sentence that nobody said.
    """
    if not history or not leaves_out(question):
        return question
    last = history[-1]
    known = set(content(question))
    added = [word for word in _telling(last.understood) if not known.issuperset(content(word))]
    is_name = len(content(last.answer)) <= SHORT_ANSWER[language(question)]
    said = last.answer if is_name and _refers(question) else ""
    added += [word for word in _telling(said) if word not in added and not known.issuperset(content(word))]
    if not added:
        return question
    added = sorted(added, key=lambda word: not word[0].isupper())[:MOST_ADDED]
    told = " ".join(added)
    return f"{question.strip()}（{told}）" if language(question) == "zh" else f"{question.strip()} ({told})"


def leaves_out(question: str) -> bool:
    """Whether it isn't understood without the question before it: it refers back, opens as a sequel, is very short."""
    lang = language(question)
    if _refers(question) or (_OPENS_ZH if lang == "zh" else _OPENS_EN).search(question):
        return True
    return len(set(content(question))) < SHORT[lang]


def _refers(question: str) -> bool:
    """Whether a pronoun stands for something that the question itself didn't name before it."""
    chinese = language(question) == "zh"
    text = _OPENS_ZH.sub("", question) if chinese else _IDLE_EN.sub(" ", question)
    found = (_REFERS_ZH if chinese else _REFERS_EN).search(text)
    return found is not None and len(content(f"{text[: found.start()]} firmground")) - 1 < NAMED[language(question)]


def _telling(text: str) -> list[str]:
    """The words of a text that carry content, as they are written, each once, in order."""
    if language(text) == "zh":
        return _runs_zh(text)
    words = re.findall(r"[^\W_]+(?:['’.-][^\W_]+)*", text)
    return list(dict.fromkeys(word for word in words if word.lower() not in _ASKING_EN and _carries(word)))


_ASKING = "what which who whom whose when where why how many much long often far old called name"
_ASKING_EN = frozenset(_ASKING.split())
_RUN_ZH = re.compile(r"[A-Za-z0-9][\w.%-]*|[\u3400-\u9fff·]+")
_LIGHT_ZH = re.compile(
    "什么时候|什么地方|为什么|什么|多少|怎么样?|怎样|如何|哪[一年个位种些里儿]|几|谁|是否|能不能|会不会|可不可以|是不是|多[大长高远久快深重]"
    "|应该|可以|一般|通常|大约|到底|究竟|请问|[的了着过吗呢吧啊是在有和与及或被把将从向于以为就也都又还会能要]"
)


def _runs_zh(text: str) -> list[str]:
    parts = [part for run in _RUN_ZH.findall(text) for part in _LIGHT_ZH.sub(" ", run).split()]
    return list(dict.fromkeys(part for part in parts if len(part) > 1))


def _carries(word: str) -> bool:
    """Whether a word is more than a stop-word: `content` leaves nothing but those of a text that has others."""
    return content(f"{word} firmground") != ["firmground"]


def rewritten(question: str, history: Sequence[Turn], generator: Generator) -> str:
    """The question as a chat model rewrites it; the question itself where the model doesn't give one line.

    The history goes in as lines of questions and answers.
    """
    messages: list[Message] = [{"role": "system", "content": _REWRITE[language(question)]}]
    told = "\n".join(f"- {turn.question} {turn.answer}".rstrip() for turn in history)
    messages.append({"role": "user", "content": f"{told}\n\n{question}"})
    (generation,) = generator.generate([messages], Decoding(max_new_tokens=64))
    text = generation.text.strip().strip('"“”')
    return text if text and "\n" not in text and len(text) <= 4 * len(question) + 200 else question


def understand(question: str, history: Sequence[Turn], generator: Generator | None = None) -> str:
    """The question so that it stands alone: as a chat model writes it, if `generator` is one; else by rule."""
    recent = history[-REMEMBERED:]
    if recent and generator is not None and not generator.completes:
        return rewritten(question, recent, generator)
    return standalone(question, recent)


class Conversation:
    """Questions to one assistant by one arm, each understood by those before it. Safe to use from several threads: they
    take turns.

    >>> talk = Conversation(assistant)
    >>> talk.ask("Who built the Eiffel Tower?").text
    >>> talk.ask("How tall is it?").text
    """

    def __init__(self, assistant: Assistant, arm: Arm = AUGMENTED) -> None:
        self.assistant = assistant
        self.arm = arm
        self.turns: list[Turn] = []
        self._lock = threading.Lock()

    def ask(self, question: str) -> Answer:
        """The judged answer to the question as it is meant; `Answer.question` is as asked, `turns[-1].understood` as
        it was understood."""
        with self._lock:
            understood = understand(question, self.turns, self.assistant.generator)
            answer = self.assistant.ask(understood, self.arm)
            self.turns.append(Turn(question, understood, "" if answer.abstained else answer.text))
            return replace(answer, question=question)
