"""Where the page keeps what it is given: knowledge bases, question files, runs, and people's marks on answers.

knowledge/NAME/   a knowledge base, with about.txt beside its files
questions/        question files that were handed in
runs/NAME/        what `firmground compare --out` writes, with request.json: what was asked for
audits/NAME/      what `firmground audit all --out` writes, with request.json and data/: files that were handed in
labels.jsonl      a line for each mark on an answer
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmground.knowledge.durable import write_atomic
from firmground.knowledge.errors import InputError
from firmground.knowledge.folder import is_base

_labelling = threading.Lock()
_NAME = re.compile(r"\w[\w-]{0,63}", re.UNICODE)


def default_folder() -> Path:
    """$FIRMGROUND_WORKSPACE, or firmground in the folder where this system's programs keep their data."""
    if named := os.environ.get("FIRMGROUND_WORKSPACE"):
        return Path(named).expanduser()
    data = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "firmground"


def is_name(name: str) -> bool:
    """Whether a name can be a folder's: letters and digits of any script, - and _, and no path."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class Workspace:
    """A folder, made when something is first put into it."""

    root: Path

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def audits(self) -> Path:
        return self.root / "audits"

    def base(self, name: str) -> Path:
        """The folder of a knowledge base by name. Raises InputError where the name isn't one."""
        return self._named(self.root / "knowledge", name)

    def bases(self) -> list[str]:
        """Names of the knowledge bases there are, in order."""
        folder = self.root / "knowledge"
        return sorted(one.name for one in folder.iterdir() if is_base(one)) if folder.is_dir() else []

    def about(self, name: str) -> str:
        file = self.base(name) / "about.txt"
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def describe(self, name: str, about: str) -> None:
        write_atomic(self.base(name) / "about.txt", about.strip().encode("utf-8", "replace"), "about")

    def delete_base(self, name: str) -> None:
        """Delete a knowledge base for good: under another name first, so that none can be opened half deleted.

        Raises:
            KnowledgeBaseError: it is being written.
        """
        from firmground.knowledge.lock import WriterLock

        folder = self.base(name)
        lock = WriterLock(folder)
        gone = folder.with_name(f".deleted-{name}")
        try:
            shutil.rmtree(gone, ignore_errors=True)
            folder.rename(gone)
        finally:
            lock.release()
        shutil.rmtree(gone)

    def keep_questions(self, name: str, contents: bytes) -> Path:
        """A question file that was handed in; another one of the same name isn't replaced, unless they are equal."""
        folder = self.root / "questions"
        folder.mkdir(parents=True, exist_ok=True)
        stem, suffix = re.sub(r"[^\w.-]+", "-", Path(name).stem).lstrip("."), Path(name).suffix
        target, number = folder / f"{stem or 'questions'}{suffix}", 1
        while target.exists() and target.read_bytes() != contents:
            number += 1
            target = folder / f"{stem or 'questions'}-{number}{suffix}"
        if not target.exists():
            write_atomic(target, contents, "questions")
        return target

    def question_files(self) -> list[Path]:
        folder = self.root / "questions"
        return sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []

    def label(self, question: str, arm: str, label: str | None, **more: Any) -> None:
        """Keep someone's mark on an answer, "right" or "wrong", durably; None takes it back. The last one counts."""
        file = self.root / "labels.jsonl"
        name = hashlib.sha256(question.encode("utf-8", "replace")).hexdigest()[:16]
        with _labelling:
            self.root.mkdir(parents=True, exist_ok=True)
            rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.is_file() else []
            rows = [row for row in rows if (row["id"], row["arm"]) != (name, arm)]
            if label is not None:
                when = datetime.now(UTC).isoformat(timespec="seconds")
                rows.append({"id": name, "arm": arm, "label": label, "question": question, **more, "time": when})
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            write_atomic(file, lines.encode("utf-8", "replace"), "labels")

    def run(self, name: str) -> Path:
        """The folder of a run by name. Raises InputError where the name isn't one."""
        return self._named(self.runs, name)

    def audit(self, name: str) -> Path:
        """The folder of an audit by name. Raises InputError where the name isn't one."""
        return self._named(self.audits, name)

    def _named(self, folder: Path, name: str) -> Path:
        if not is_name(name):
            raise InputError(f"expected a name of letters, digits, - and _, got {name!r}")
        return folder / name
