"""Arms of one's own: what a file can say, and every mistake named with its key and the nearest right name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmground.eval.arm_files import chosen_arms, load_arms
from firmground.knowledge.errors import InputError
from firmground.rag.arms import ARMS, AUGMENTED, PLAIN, Arm
from firmground.rag.types import Decoding


def file(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_base_with_changes_an_arm_from_nothing_and_one_upon_another(tmp_path):
    path = file(
        tmp_path,
        """
        [arm.wide]
        base = "augmented"
        num_passages = 8
        gate = 1          # a whole number where any number may stand

        [arm.wide.decoding]
        beams = 4

        [arm."问答"]
        base = "wide"
        evidence = "passages"

        [arm.bare]
        retrieve = "lexical"
        num_passages = 2
        decoding = { stop = ["\\n", "。"], temperature = 0.5 }
        """,
    )
    arms = load_arms(path)
    wide = replace(AUGMENTED, name="wide", num_passages=8, gate=1.0, decoding=replace(AUGMENTED.decoding, beams=4))
    assert arms == {
        "wide": wide,
        "问答": replace(wide, name="问答", evidence="passages"),
        "bare": replace(
            PLAIN, name="bare", retrieve="lexical", num_passages=2,
            decoding=replace(PLAIN.decoding, stop=("\n", "。"), temperature=0.5),
        ),
    }  # fmt: skip
    assert isinstance(arms["wide"].gate, float)
    assert hash(arms["bare"].decoding)  # a list of texts has become a tuple


def test_every_built_in_arm_can_be_written_down(tmp_path):
    def toml(value):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            return '"' + value.replace("\n", "\\n") + '"'
        return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list | tuple) else str(value)

    lines = []
    for arm in ARMS.values():
        fields = {key: value for key, value in vars(arm).items() if key not in ("name", "decoding")}
        lines += [f"[arm.my-{arm.name}]", *(f"{key} = {toml(value)}" for key, value in fields.items())]
        lines += [f"[arm.my-{arm.name}.decoding]", *(f"{key} = {toml(v)}" for key, v in vars(arm.decoding).items())]
    arms = load_arms(file(tmp_path, "\n".join(lines)))
    assert [replace(arm, name=arm.name.removeprefix("my-")) for arm in arms.values()] == list(ARMS.values())


def test_which_arms_are_asked(tmp_path):
    path = file(tmp_path, '[arm.a]\nbase = "augmented"\n[arm.b]\nbase = "stock"')
    assert [arm.name for arm in chosen_arms(None)] == ["plain", "augmented"]
    assert [arm.name for arm in chosen_arms(None, path)] == ["plain", "a", "b"]
    assert [arm.name for arm in chosen_arms("b, stock ,plain", path)] == ["b", "stock", "plain"]
    for names, said in (
        ("plain,aa", r"unknown arm 'aa'; did you mean 'a'\?"),
        ("a,a", "expected different"),
        ("", "diff"),
    ):
        with pytest.raises(InputError, match=said):
            chosen_arms(names, path)
    with pytest.raises(InputError, match="unknown arm 'a'"):
        chosen_arms("a")


WRONG = [
    ("[arm.x]\nretreive = 'hybrid'", r"my\.toml: arm\.x: unknown key 'retreive'; did you mean 'retrieve'\?"),
    ("[arm.x]\nbsae = 'plain'", r"unknown key 'bsae'; did you mean 'base'\?"),
    ("[arm.x]\nname = 'y'", "unknown key 'name'"),
    (
        "[arm.x.decoding]\nmax_tokens = 4",
        r"arm\.x\.decoding: unknown key 'max_tokens'; did you mean 'max_new_tokens'\?",
    ),
    ("[arms.x]\ngate = 0.5", r"unknown key 'arms'; did you mean 'arm'\?"),
    ("[arm.x]\nbase = 'augmentd'", r"arm\.x\.base: unknown arm 'augmentd'; did you mean 'augmented'\?"),
    ("[arm.x]\nbase = 'y'\n[arm.y]\n", r"arm\.x\.base: unknown arm 'y'"),
    ("[arm.x]\ngate_weights = 3", r"arm\.x\.gate_weights: expected a list of numbers, such as \[-4\.0, 9\.5\], got 3"),
    ("[arm.x]\ngate_weights = [1, true]", "expected a list of numbers"),
    ("[arm.x]\ngate_weights = [1, nan]", "expected a list of numbers"),
    ("[arm.x]\nbase = 3", r"arm\.x\.base: unknown arm 3"),
    ("[arm.x]\nretrieve = 'hybird'\nnum_passages = 2", r"arm\.x\.retrieve: got 'hybird'; did you mean 'hybrid'\?"),
    ("[arm.x]\nretrieve = true", r"arm\.x\.retrieve: got True; it is one of: none, hybrid"),
    ("[arm.x]\nnum_passages = '4'", r"arm\.x\.num_passages: expected a whole number, got '4'"),
    ("[arm.x]\nnum_passages = 4.0", r"arm\.x\.num_passages: expected a whole number, got 4\.0"),
    ("[arm.x]\nnum_passages = true", r"arm\.x\.num_passages: expected a whole number, got True"),
    ("[arm.x]\nnum_passages = -1", r"arm\.x\.num_passages: expected at least 0, got -1"),
    ("[arm.x]\ngenerator = 1", r"arm\.x\.generator: expected true or false, got 1"),
    ("[arm.x]\ngate = 1.5", r"arm\.x\.gate: expected at least 0 and at most 1, got 1\.5"),
    ("[arm.x]\ngate = nan", r"arm\.x\.gate: expected at least 0 and at most 1, got nan"),
    ("[arm.x.decoding]\nmax_new_tokens = 0", r"arm\.x\.decoding\.max_new_tokens: expected at least 1, got 0"),
    ("[arm.x.decoding]\ntemperature = inf", r"decoding\.temperature: expected at least 0, got inf"),
    ("[arm.x.decoding]\nstop = '\\n'", r"arm\.x\.decoding\.stop: expected a list of texts"),
    ("[arm.x]\ndecoding = 3", r"arm\.x\.decoding: expected a table"),
    ("[arm.x]\nretrieve = 'dense'", "needs num_passages of at least 1"),
    ("[arm.x]\nbase = 'augmented'\nnum_evidence = 5", r"num_evidence: at most num_passages \(4\), got 5"),
    ("[arm.x]\ngenerator = false", "quotes evidence"),
    ("[arm.plain]\ngate = 0.5", r'arm\.plain is a built-in arm; name yours otherwise, with base = "plain"'),
    ('[arm."a,b"]\ngate = 0.5', "'a,b' is no name for an arm"),
    ("[arm]\nx = 3", r"expected \[arm\.x\] as a table, got x = 3"),
    ("", "no arm in it"),
    ("[arm.x\n", r"my\.toml: not TOML: .*line 1"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text.replace("\n", " ")[:40] for text, _ in WRONG])
def test_mistakes_are_named(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as raised:
        load_arms(file(tmp_path, text))
    assert "\n" not in str(raised.value)
    assert "my.toml" in str(raised.value)


def test_files_that_can_t_be_read(tmp_path):
    with pytest.raises(InputError, match="can't read"):
        load_arms(tmp_path / "nowhere.toml")
    (tmp_path / "gbk.toml").write_bytes("[arm.问]".encode("gbk"))
    with pytest.raises(InputError, match="not UTF-8"):
        load_arms(tmp_path / "gbk.toml")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf[arm.x]\ngate = 0.5\n")  # as Windows' editors write it
    assert load_arms(tmp_path / "bom.toml") == {"x": Arm("x", gate=0.5, decoding=PLAIN.decoding)}
    assert PLAIN.decoding == Decoding(max_new_tokens=32, stop=("\n",))
