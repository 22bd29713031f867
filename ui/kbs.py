"""`firmground kb list|remove|compact|snapshot|restore|stats|verify`: the life of a knowledge base."""

from __future__ import annotations

import json
from pathlib import Path

from firmground.knowledge.base import KnowledgeBase
from firmground.knowledge.copies import copy_base
from firmground.knowledge.errors import InputError, KnowledgeBaseError
from firmground.knowledge.filters import parse

EXIT_DAMAGED = KnowledgeBaseError.exit_code


def run_list(kb: Path, where: str, as_json: bool) -> None:
    """A line for each document: its id, how many passages it has, and where it came from."""
    with KnowledgeBase.open(kb) as base:
        for document in base.documents(where=_filter(where)):
            row = {
                "id": document.id,
                "source": document.source,
                "passages": len(base.passages(document.id)),
                "characters": len(document.text),
                "metadata": dict(document.metadata),
            }
            if as_json:
                print(json.dumps(row, ensure_ascii=False))
            else:
                passages = f"{row['passages']} passage{'' if row['passages'] == 1 else 's'}"
                print(f"{document.id}\t{passages}\t{document.title or document.source}")


def run_remove(kb: Path, documents: list[str], where: str) -> None:
    """Delete documents by id, or all that pass a filter; says how many there were.

    Raises InputError where ids aren't there, after the others are deleted.
    """
    if bool(documents) == bool(where):
        raise InputError("expected the ids of documents or --where FILTER, one of them; `firmground kb list` shows ids")
    with KnowledgeBase.open(kb, writable=True) as base:
        if where:
            documents = [document.id for document in base.documents(where=_filter(where))]
        missing = [name for name in documents if name not in base]
        removed = base.remove(documents)
        remains = base.stats()["deleted"]
    print(f"{removed} of {len(documents)} documents removed from {kb}")
    if remains:
        print("No search finds them any more. To take them off the disk too: firmground kb compact --kb", kb)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"{kb} has no document {missing[0]!r}{more}; the ids: firmground kb list --kb {kb}")


def run_compact(kb: Path) -> None:
    with KnowledgeBase.open(kb, writable=True) as base:
        deleted, freed = base.stats()["deleted"], base.compact()
        print(f"{kb}: {deleted} deleted passages are off the disk, {max(0, freed) / 1e6:.1f} MB freed")


def run_snapshot(kb: Path, target: Path) -> None:
    with KnowledgeBase.open(kb) as base:
        base.snapshot(target)
    _print_copy(target)


def run_restore(snapshot: Path, kb: Path) -> None:
    copy_base(snapshot, kb)
    _print_copy(kb)


def run_stats(kb: Path, as_json: bool) -> None:
    with KnowledgeBase.open(kb) as base:
        stats = base.stats()
    if as_json:
        print(json.dumps(stats, ensure_ascii=False))
        return
    stats["languages"] = "any" if "*" in stats["languages"] else ", ".join(stats["languages"])
    stats["encoder"] += f" (for languages: {stats.pop('languages')})"
    for name, value in stats.items():
        if name != "files":
            print(f"{name:10} {f'{value / 1e6:.1f} MB' if name == 'bytes' else value}")


def run_verify(kb: Path) -> int:
    """Read everything; print what is wrong and return the exit code."""
    with KnowledgeBase.open(kb) as base:
        problems = base.verify()
    print("\n".join(problems) if problems else f"{kb}: all is well")
    return EXIT_DAMAGED if problems else 0


def _filter(where: str):
    """The filter in a JSON text, checked; None for none."""
    if not where:
        return None
    try:
        return parse(json.loads(where))
    except json.JSONDecodeError as error:
        raise InputError(
            f"""--where is JSON such as '{{"year": {{"$gte": 2020}}}}', got {where!r} ({error})"""
        ) from None


def _print_copy(folder: Path) -> None:
    with KnowledgeBase.open(folder) as base:
        stats = base.stats()
    print(f"{folder}: {stats['documents']} documents, {stats['passages']} passages, verified")
