"""Which kind of index a base has, and on which device it is searched, as its users ask for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmground.knowledge import index_kinds
from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.index_kinds import Kind
from tests.knowledge.base_helpers import HashEncoder, brute_force, some_documents


def test_the_index_is_of_the_kind_and_on_the_device_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By name, or with parameters; told to every reader by the manifest; another kind is built at once."""
    monkeypatch.setattr(index_kinds, "LEAST_ROWS", 20)
    encoder = HashEncoder()
    documents = some_documents(400)
    own = Kind("IVF2,SQ8", probe=1, refine=3.0)
    with KnowledgeBase.create(tmp_path / "kb", encoder, index=own, device="cpu") as base:
        base.add(documents)
        assert base._index.record.how == own
        assert base._index.device == "cpu"
        hits = base.search("river stone", 2000, "dense", fold=False)
        allowed = np.ones(len(hits), dtype=bool)
        vectors = base.vectors(range(len(hits)))
        expected = brute_force(encoder.encode(["river stone"]), vectors, allowed, len(hits))[0]
        assert len(hits) == base.stats()["passages"]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-6)
    with KnowledgeBase.create(tmp_path / "kb", encoder, exist_ok=True) as base:  # none is asked for: it stays
        base.add(some_documents(420))
        assert base._index.record.how == own
        assert base._index.device == "auto"
    with KnowledgeBase.create(tmp_path / "kb", encoder, exist_ok=True, index="hnsw") as base:
        assert base._index.record.how.family == "hnsw"
        assert base._index.record.rows == base.stats()["passages"]
    with KnowledgeBase.open(tmp_path / "kb", encoder, device="cuda") as base:
        assert base._index.device == "cuda"
        assert base._index.record.how.family == "hnsw"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": "annoy"}, "one of auto, exact, ivf, hnsw; got 'annoy'"),
        ({"index": Kind("LSH")}, "got 'LSH'"),
        ({"device": "tpu"}, "auto, cpu or cuda, got 'tpu'"),
    ],
)
def test_an_index_that_there_isnt_makes_no_base(tmp_path: Path, options: dict, message: str):
    with pytest.raises(InputError, match=message):
        KnowledgeBase.create(tmp_path / "kb", HashEncoder(), **options)
    assert not (tmp_path / "kb").exists()
