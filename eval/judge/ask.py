"""Optional judges: a LangChain chat model says whether claims are supported, answers right, or which of two is better.

Every question is asked twice, the second time with the options (and, for a preference, the two answers) the other way
round. A verdict is one that both replies give. Otherwise there is a status, counted apart and never a number:
"inconsistent" (the replies differ), "unparsed" (a reply isn't one of the options), "error" (the model failed), and
"no_evidence" (there was nothing to judge by, and nothing was asked).

Position bias and the remedy of swapping: Zheng et al. 2023, https://arxiv.org/abs/2306.05685, section 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from firmground.eval.judge.cache import ReplyCache, key_of, open_cache
from firmground.eval.judge.prompts import ANSWER, CLAIM, PREFERENCE, JudgeTask, Messages, messages, parse
from firmground.knowledge.errors import FirmgroundError
from firmground.knowledge.text import Language, language

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Status = Literal["", "unparsed", "inconsistent", "error", "no_evidence"]
_TURNED = {"first": "second", "second": "first", "tie": "tie"}


@dataclass(frozen=True)
class Judgement:
    """What a judge said of one thing: a verdict, or the status that says why there is none.

    `verdict`: of a claim "supported", "contradicted" or "unsupported"; of an answer "right" or "wrong"; of a preference
    "first", "second" or "tie"; None where `status` isn't empty. `replies`: the two replies as they came, for the first
    and the turned question. `error`: what failed, in one line.
    """

    verdict: str | None
    status: Status = ""
    replies: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class _Question:
    """One thing to judge: the data as it is shown first, and as it is shown the second time."""

    task: JudgeTask
    language: Language
    data: Mapping[str, Any]
    turned: Mapping[str, Any]

    def prompts(self) -> list[Messages]:
        return [
            messages(self.task, self.language, self.data, turned=False),
            messages(self.task, self.language, self.turned, turned=True),
        ]


class Judge:
    """A chat model as a judge. Set it to temperature 0; its own limits on tokens and time hold.

    It is a `rag.types.Verifier` too, as far as a judge can be one: see `support`.

    Args:
        model: any LangChain `BaseChatModel` (`rag.langchain.chat_model("openai:gpt-4o-mini").model`).
        cache: a file that keeps every reply, so that nothing is asked twice; None: nothing is kept.
        name: how reports call it, and part of the cache's key: give different settings different names.
        concurrency: requests under way at once.
    """

    threshold = 0.5

    def __init__(
        self, model: BaseChatModel, cache: str | Path | None = None, name: str = "", concurrency: int = 4
    ) -> None:
        self.model = model
        self.cache = Path(cache) if cache is not None else None
        self.name = name or str(getattr(model, "model_name", None) or getattr(model, "model", None) or model._llm_type)
        self.concurrency = concurrency

    def judge_claims(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[Judgement]:
        """For each claim whether the texts `evidence[i]`, together, support it: "supported", "contradicted" or
        "unsupported". A claim without evidence isn't asked about: "no_evidence"."""
        questions: list[_Question | None] = []
        for claim, texts in zip(claims, evidence, strict=True):
            shown = [text for text in texts if text.strip()]
            data = {"evidence": shown, "claim": claim}
            questions.append(_Question(CLAIM, language(claim), data, data) if shown else None)
        return self._ask(questions)

    def judge_answers(
        self, questions: Sequence[str], answers: Sequence[str], golds: Sequence[Sequence[str]]
    ) -> list[Judgement]:
        """For each answer whether it says the same as one of the gold answers: "right" or "wrong".

        An answer without gold isn't asked about: "no_evidence"."""
        asked: list[_Question | None] = []
        for question, answer, gold in zip(questions, answers, golds, strict=True):
            data = {"question": question, "gold": list(gold), "answer": answer}
            asked.append(_Question(ANSWER, language(question), data, data) if gold else None)
        return self._ask(asked)

    def prefer(self, questions: Sequence[str], firsts: Sequence[str], seconds: Sequence[str]) -> list[Judgement]:
        """For each question which answer is better: "first", "second" or "tie". Asked again with the two exchanged;
        who prefers a place, not an answer, is "inconsistent"."""
        asked: list[_Question | None] = []
        for question, first, second in zip(questions, firsts, seconds, strict=True):
            data = {"question": question, "first": first, "second": second}
            turned = {"question": question, "first": second, "second": first}
            asked.append(_Question(PREFERENCE, language(question), data, turned))
        return self._ask(asked)

    def support(self, claims: Sequence[str], evidence: Sequence[Sequence[str]]) -> np.ndarray:
        """(n,) 1.0 where both replies say "supported", 0.0 where both say one of the others, or there is no evidence.

        Raises:
            FirmgroundError: a reply failed, can't be parsed, or the two differ: that is no number. `judge_claims` gives
                these one by one.
        """
        judged = self.judge_claims(claims, evidence)
        failed = [one.status for one in judged if one.status not in ("", "no_evidence")]
        if failed:
            kinds = ", ".join(f"{failed.count(kind)} {kind}" for kind in dict.fromkeys(failed))
            raise FirmgroundError(
                f"the judge {self.name} gave no verdict on {len(failed)} of {len(judged)} claims ({kinds}); "
                "use judge_claims, which counts them apart"
            )
        return np.array([float(one.verdict == "supported") for one in judged])

    # Asking

    def _ask(self, questions: Sequence[_Question | None]) -> list[Judgement]:
        prompts = [question.prompts() if question else [] for question in questions]
        replies = self._replies([prompt for pair in prompts for prompt in pair])
        judged = []
        for question, pair in zip(questions, prompts, strict=True):
            if question is None:
                judged.append(Judgement(None, "no_evidence"))
            else:
                judged.append(_judgement(question, [replies[key_of(self.name, prompt)] for prompt in pair]))
        return judged

    def _replies(self, prompts: Sequence[Messages]) -> dict[str, str | Exception]:
        """Each prompt's reply by its key, from the cache where it is there; each new one is kept as it comes.

        A failure is handed back, and not kept: the next run asks again."""
        asked = {key_of(self.name, prompt): prompt for prompt in prompts}
        with open_cache(self.cache) as cache:
            replies: dict[str, str | Exception] = dict(cache.known(asked))
            waiting = [key for key in asked if key not in replies]
            with ThreadPoolExecutor(self.concurrency) as pool:
                found = pool.map(lambda key: self._reply(key, asked[key], cache), waiting)
                replies |= dict(zip(waiting, found, strict=True))
        return replies

    def _reply(self, key: str, prompt: Messages, cache: ReplyCache) -> str | Exception:
        try:
            reply = str(self.model.invoke(list(prompt)).text)
        except Exception as error:  # becomes the judgement's status, and is counted apart
            return error
        cache.keep(key, reply)
        return reply


def _judgement(question: _Question, replies: Sequence[str | Exception]) -> Judgement:
    """One verdict of two replies, or why there is none."""
    failed = next((reply for reply in replies if isinstance(reply, Exception)), None)
    texts = tuple(reply for reply in replies if isinstance(reply, str))
    if failed is not None:
        return Judgement(None, "error", texts, " ".join(f"{type(failed).__name__}: {failed}".split())[:300])
    first, second = (parse(text, question.task, question.language) for text in texts)
    if second is not None and question.task is PREFERENCE:
        second = _TURNED[second]  # it spoke of the exchanged answers
    if first is None or second is None:
        return Judgement(None, "unparsed", texts)
    if first != second:
        return Judgement(None, "inconsistent", texts)
    return Judgement(first, "", texts)
