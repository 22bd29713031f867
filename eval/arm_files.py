"""Arms of one's own, from a small TOML file:

    [arm.short]
    base = "augmented"          # optional; else everything is off, as in plain
    num_passages = 8

    [arm.short.decoding]
    max_new_tokens = 16

Every key is a field of `Arm` or of `Decoding`. A key, a type or a value that can't be is an error that names the file,
the key and the nearest right name.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from firmground.knowledge.errors import InputError
from firmground.rag.arms import ARMS, PLAIN, Arm, named_arms
from firmground.rag.types import Decoding

DEFAULT_ARMS = "plain,augmented"
# What a number may be: (least, most); counts may be 0 and more, other numbers too.
_RANGES = {"gate": (0.0, 1.0), "top_p": (0.0, 1.0), "max_new_tokens": (1, None), "beams": (1, None),
           "samples": (1, None)}  # fmt: skip


def chosen_arms(names: str | None, path: str | Path | None = None) -> list[Arm]:
    """The arms of a comma-separated list, of the built-in ones and the file's.

    Without a list: plain and every arm of the file; without a file too, `DEFAULT_ARMS`.

    Raises:
        InputError: an unknown arm, one twice, or a file that can't be used.
    """
    if path is None:
        return named_arms(names if names is not None else DEFAULT_ARMS)
    own = load_arms(path)
    known = {**ARMS, **own}
    wanted = [PLAIN.name, *own] if names is None else [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown arm {name!r}{_nearest(name, known)}; the arms are: {', '.join(known)}")
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError(f"expected different arms, got {names!r}; the arms are: {', '.join(known)}")
    return [known[name] for name in wanted]


def load_arms(path: str | Path) -> dict[str, Arm]:
    """The arms of a TOML file by name, in its order. A base is a built-in arm, or one further up in the file.

    Raises:
        InputError: the file can't be read, or says something that no arm can be.
    """
    table = _parsed(Path(path))
    for key in table:
        if key != "arm":
            raise InputError(f"{path}: unknown key {key!r}{_nearest(key, ['arm'])}; an arm begins with [arm.NAME]")
    own: dict[str, Arm] = {}
    if not isinstance(table.get("arm"), Mapping) or not table["arm"]:
        raise InputError(f"{path}: no arm in it; one begins with [arm.NAME], its fields follow a line each")
    for name, given in table["arm"].items():
        _check_name(name, given, path)
        own[name] = _arm(name, given, {**ARMS, **own}, f"{path}: arm.{name}")
    return own


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}; expected a TOML file with [arm.NAME] in it") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error


def _check_name(name: str, given: Any, path: str | Path) -> None:
    if name in ARMS:
        raise InputError(f'{path}: arm.{name} is a built-in arm; name yours otherwise, with base = "{name}"')
    if not name.strip() or name != name.strip() or "," in name or not name.isprintable():
        raise InputError(f"{path}: {name!r} is no name for an arm; expected one without commas, or spaces at its ends")
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: expected [arm.{name}] as a table, got {name} = {given!r}")


def _arm(name: str, given: Mapping[str, Any], known: Mapping[str, Arm], where: str) -> Arm:
    base = given.get("base", PLAIN.name)
    if not isinstance(base, str) or base not in known:
        raise InputError(f"{where}.base: unknown arm {base!r}{_nearest(str(base), known)}; it is one of: "
                         f"{', '.join(known)}")  # fmt: skip
    settings = {key: value for key, value in given.items() if key != "base"}
    arm = known[base]
    decoding = settings.pop("decoding", None)
    values = _values(settings, Arm, where, also=("base", "decoding"), never=("name", "decoding"))
    if decoding is not None:
        if not isinstance(decoding, Mapping):
            raise InputError(f"{where}.decoding: expected a table, [arm.{name}.decoding], got {decoding!r}")
        values["decoding"] = replace(arm.decoding, **_values(decoding, Decoding, f"{where}.decoding"))
    arm = replace(arm, **{"name": name, **values})
    _check_together(arm, where)
    return arm


def _values(
    given: Mapping[str, Any], kind: type, where: str, also: tuple[str, ...] = (), never: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The fields of a dataclass from a table's keys. `also`: keys that are read elsewhere, for the nearest name."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind) if field.name not in never]
    values = {}
    for key, value in given.items():
        if key not in names:
            every = [*names, *also]
            raise InputError(f"{where}: unknown key {key!r}{_nearest(key, every)}; the keys are: {', '.join(every)}")
        values[key] = _value(hints[key], value, key, f"{where}.{key}")
    return values


def _value(hint: Any, value: Any, key: str, where: str) -> Any:
    """A TOML value as the field's type wants it."""
    if get_origin(hint) is Literal:
        allowed = get_args(hint)
        if value not in allowed or isinstance(value, bool):
            near = _nearest(value, allowed) if isinstance(value, str) else ""
            raise InputError(f"{where}: got {value!r}{near}; it is one of: {', '.join(map(str, allowed))}")
        return value
    if hint == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise InputError(f'{where}: expected a list of texts, such as ["\\n"], got {value!r}')
        return tuple(value)
    if hint == tuple[float, ...]:
        numbers: list[Any] = value if isinstance(value, list) else [None]
        if not all(type(item) in (int, float) and math.isfinite(item) for item in numbers):
            raise InputError(f"{where}: expected a list of numbers, such as [-4.0, 9.5], got {value!r}")
        return tuple(float(item) for item in numbers)
    if hint is bool:
        return _typed(value, bool, "true or false", where)
    if hint is str:
        return _typed(value, str, "a text", where)
    if hint is int:
        return _ranged(_typed(value, int, "a whole number", where), key, where)
    return float(_ranged(_typed(value, (int, float), "a number", where), key, where))


def _typed(value: Any, kind: type | tuple[type, ...], words: str, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where}: expected {words}, got {value!r}")
    return value


def _ranged(value: Any, key: str, where: str) -> Any:
    least, most = _RANGES.get(key, (0, None))
    if not value >= least or (most is not None and value > most) or value == float("inf"):
        above = f" and at most {most:g}" if most is not None else ""
        raise InputError(f"{where}: expected at least {least:g}{above}, got {value!r}")
    return value


def _check_together(arm: Arm, where: str) -> None:
    """What fields must have together to mean anything."""
    if arm.retrieve != "none" and arm.num_passages < 1:
        raise InputError(f"{where}: retrieve = {arm.retrieve!r} needs num_passages of at least 1, got 0")
    if arm.num_evidence > arm.num_passages:
        raise InputError(f"{where}.num_evidence: at most num_passages ({arm.num_passages}), got {arm.num_evidence}")
    if not arm.generator and arm.retrieve == "none":
        raise InputError(f"{where}: generator = false quotes evidence, so retrieve can't be 'none'")


def _nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean 'gate'?", or nothing where no name is near."""
    near = difflib.get_close_matches(str(name), [str(one) for one in names], n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
