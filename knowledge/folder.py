"""Is there a knowledge base in this folder, and may one be made there?"""

from __future__ import annotations

from pathlib import Path

from firmground.knowledge import store as stores
from firmground.knowledge.errors import InputError
from firmground.knowledge.index import MANIFEST_FILE
from firmground.knowledge.lock import LOCK_FILE

OWN_FILES = {LOCK_FILE, MANIFEST_FILE, stores.STORE_FILE, stores.VECTORS_FILE, ".DS_Store"}


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


def is_base(folder: Path) -> bool:
    """A manifest is written last, so that it without a store tells of damage, which opening the store will explain."""
    return folder.is_dir() and ((folder / MANIFEST_FILE).is_file() or stores.exists(folder))
