"""Citations: tight, and open at the place in the document; on real documents, split into several passages."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.text import sentences
from firmground.knowledge.types import Document, Hit, Passage
from firmground.rag.claims import clauses, split_claims
from firmground.rag.ground import best_spans, judge
from firmground.rag.verify import LexicalVerifier

LONG = "It had rained. The tower was built in 1889, and the lift was added by Otis later; people liked it. So it is."
LONG_ZH = "此前下了雨。铁塔建于1889年；奥的斯后来加装了电梯；人们很喜欢。"


def cite(claim: str, text: str, start: int = 1000) -> list[str]:
    cited = best_spans(claim, [Hit(Passage(0, "d", text, start, start + len(text)), 1.0)])
    assert all(text[one.start - start : one.end - start] == one.text for one in cited)
    return [one.text for one in cited]


@pytest.mark.parametrize(
    ("claim", "text", "expected"),
    [
        ("The tower was built in 1889.", LONG, "The tower was built in 1889"),
        ("The lift was added by Otis.", LONG, "the lift was added by Otis later"),
        # Two clauses together: the sentence.
        ("The tower was built in 1889 and Otis added the lift.", LONG, LONG[15:-10]),
        ("铁塔建于1889年。", LONG_ZH, "铁塔建于1889年"),
        ("奥的斯加装了电梯。", LONG_ZH, "奥的斯后来加装了电梯"),
    ],
)
def test_the_clause_that_supports_alone_is_cited(claim: str, text: str, expected: str) -> None:
    assert [one.rstrip("；;") for one in cite(claim, text)] == [expected.strip()]


class Plain:
    """An encoder that reads so little that documents fall into several passages: 480 bytes."""

    name, fingerprint, dimension, languages, max_tokens = "plain", "1", 2, ("*",), 120

    def encode(self, texts, query: bool = False) -> np.ndarray:
        return np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))

    def count_tokens(self, texts) -> list[int]:
        return [1 + len(text.encode()) // 4 for text in texts]


@pytest.mark.parametrize("name", ["xquad-en", "xquad-zh", "clapnq"])
def test_every_citation_opens_in_its_document(shared: Path, tmp_path: Path, name: str) -> None:
    """Answers are sentences of the documents: what is cited stands in the document where the citation says, and inside
    its passage. Of their claims nine in ten or more are supported (a passage may end in the middle of a sentence)."""
    rows = (shared / "qa" / name / "corpus.jsonl").read_text(encoding="utf-8").split("\n")[:12]
    texts = {row["id"]: row["text"] for row in map(json.loads, rows)}
    with KnowledgeBase.create(tmp_path / "kb", Plain()) as base:
        base.add([Document(name, text) for name, text in texts.items()])
        several, verdicts = 0, []
        for document, text in texts.items():
            passages = base.passages(document)
            several += len(passages) > 1
            hits = [Hit(passage, 1.0) for passage in passages]
            start, end = sentences(text)[len(sentences(text)) // 2]
            judged = judge("", split_claims(text[start:end]), hits, LexicalVerifier())
            verdicts += [claim.verdict for claim in judged]
            for citation in (citation for claim in judged for citation in claim.citations):
                assert base.document(citation.document).text[citation.start : citation.end] == citation.text
                assert base.passage(citation.passage).start <= citation.start
                assert citation.end <= base.passage(citation.passage).end
        assert several >= 6
        assert verdicts.count("supported") >= 0.9 * len(verdicts) > 10


def test_clauses_cover_their_sentence() -> None:
    for text in (LONG, LONG_ZH):
        for start, end in sentences(text):
            parts = list(clauses(text, start, end))
            assert parts[0][0] == start
            assert parts[-1][1] == end
            assert all(one[1] <= two[0] for one, two in pairwise(parts))
