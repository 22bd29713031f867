"""`firmground kb …`: what is printed, and what is there afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.errors import InputError
from firmground.knowledge.types import Document
from firmground.ui import kbs
from tests.knowledge.base_helpers import HashEncoder


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    with KnowledgeBase.create(tmp_path / "kb", HashEncoder()) as base:
        base.add(Document(f"d{n}", f"River {n}. 天空。", f"{n}.txt", {"year": 2018 + n}) for n in range(5))
    return tmp_path / "kb"


def test_list(kb: Path, capsys: pytest.CaptureFixture[str]):
    kbs.run_list(kb, "", False)
    assert capsys.readouterr().out.splitlines() == [f"d{n}\t1 passage\t{n}.txt" for n in range(5)]
    kbs.run_list(kb, '{"year": {"$gte": 2022}}', True)
    [row] = map(json.loads, capsys.readouterr().out.splitlines())
    assert row == {"id": "d4", "source": "4.txt", "passages": 1, "characters": 12, "metadata": {"year": 2022}}
    with pytest.raises(InputError, match="--where is JSON such as"):
        kbs.run_list(kb, "year", False)


def test_remove_compact_stats_verify(kb: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(InputError, match=r"has no document 'nobody' and 1 more; the ids: firmground kb list --kb"):
        kbs.run_remove(kb, ["d0", "nobody", "没有"], "")
    said = capsys.readouterr().out
    assert said.startswith("1 of 3 documents removed")
    assert "firmground kb compact" in said
    kbs.run_compact(kb)
    assert "1 deleted passages are off the disk" in capsys.readouterr().out
    assert b"River 0" not in b"".join(path.read_bytes() for path in kb.iterdir())
    kbs.run_stats(kb, True)
    stats = json.loads(capsys.readouterr().out)
    assert (stats["documents"], stats["deleted"]) == (4, 0)
    kbs.run_stats(kb, False)
    said = capsys.readouterr().out
    assert "documents  4\n" in said
    assert "encoder    hash (for languages: any)\n" in said
    kbs.run_remove(kb, [], '{"year": {"$lt": 2020}}')
    assert capsys.readouterr().out.startswith("1 of 1 documents removed")
    assert kbs.run_verify(kb) == 0
    for documents, where in (([], ""), (["d1"], "{}")):
        with pytest.raises(InputError, match="one of them"):
            kbs.run_remove(kb, documents, where)


def test_snapshot_and_restore(kb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    kbs.run_snapshot(kb, tmp_path / "copy")
    assert capsys.readouterr().out == f"{tmp_path / 'copy'}: 5 documents, 5 passages, verified\n"
    kbs.run_remove(kb, ["d1"], "")
    with pytest.raises(InputError, match="is there already"):
        kbs.run_restore(tmp_path / "copy", kb)
    kbs.run_restore(tmp_path / "copy", tmp_path / "again")
    with KnowledgeBase.open(tmp_path / "again") as base:
        assert "d1" in base
    vectors = tmp_path / "copy" / "vectors.f32"
    vectors.write_bytes(bytes(len(vectors.read_bytes())))
    assert kbs.run_verify(tmp_path / "copy") == 4
    assert "CRC-32" in capsys.readouterr().out
