"""Is there a knowledge base in this folder, may one be made there, and how much room does it take? And an empty one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from firmground.knowledge.errors import InputError
from firmground.knowledge.index import MANIFEST_FILE, write_manifest
from firmground.knowledge.index_kinds import Kind
from firmground.knowledge.lock import LOCK_FILE
from firmground.knowledge.records import EncoderRecord
from firmground.knowledge.sqlite import STORE_FILE, exists, explained
from firmground.knowledge.store import VECTORS_FILE, Store
from firmground.knowledge.types import Encoder

OWN_FILES = {LOCK_FILE, MANIFEST_FILE, STORE_FILE, VECTORS_FILE, ".DS_Store"}


def usable_folder(folder: Path) -> Path:
    """The folder, made if it isn't there. Raises InputError if it holds what isn't ours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is a file: give a new or an empty folder for the knowledge base") from None
    except PermissionError:
        raise InputError(f"{folder} can't be made: permission denied; take another folder") from None
    if not is_base(folder):
        names = {
            path.name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal") for path in folder.iterdir()
        }
        if foreign := sorted(names - OWN_FILES):
            raise InputError(f"{folder} holds other files ({foreign[0]} …): give a new or an empty folder")
    return folder


def make_base(folder: Path, encoder: Encoder, index: str | Kind) -> None:
    """The files of an empty base whose index will be of this kind. The caller holds the writer's lock."""
    record, created = EncoderRecord.of(encoder), datetime.now(UTC).isoformat(timespec="seconds")
    Store.create(folder, record, created)
    with explained(folder):
        write_manifest(folder, record, created, None, index)


def is_base(folder: Path) -> bool:
    """A manifest is written last, so that it without a store tells of damage, which opening the store will explain."""
    return folder.is_dir() and ((folder / MANIFEST_FILE).is_file() or exists(folder))


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes on the disk by file name: of the vectors' file less than its length where compaction left holes in it."""
    sizes = {}
    for path in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):  # a writer may be tidying up
            status = path.stat()
            sizes[path.name] = status.st_size
            if path.match("vectors-*.f32"):
                sizes[path.name] = min(status.st_size, 512 * status.st_blocks)  # POSIX counts in units of 512 bytes
    return sizes
