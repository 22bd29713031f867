"""Files that were dropped on the page → documents in a knowledge base, off the page's thread."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol

from firmground.knowledge.base import AddReport, KnowledgeBase
from firmground.knowledge.errors import FirmgroundError
from firmground.knowledge.load import Failure, load
from firmground.knowledge.types import Document

if TYPE_CHECKING:
    from firmground.knowledge.types import Encoder

log = logging.getLogger(__name__)


class Uploaded(Protocol):
    """A file as Streamlit hands it in: `name` may hold folders."""

    name: str

    def getvalue(self) -> bytes: ...


@dataclass
class IndexingJob:
    """What happens to some files, for whoever looks. Its thread writes, pages read."""

    base: str
    total: int
    done: int = 0
    current: str = ""
    report: AddReport = field(default_factory=AddReport)
    failures: list[tuple[str, str]] = field(default_factory=list)  # (file, or document in it, why)
    state: Literal["running", "done", "stopped", "failed"] = "running"
    problem: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


def start(base: str, folder: Path, encoder: Encoder, files: Sequence[Uploaded]) -> IndexingJob:
    """Put files into the knowledge base at `folder`, file by file, in a thread of its own.

    What a file brought is durable once it is counted as done. The files' own bytes are kept nowhere: the documents are
    in the knowledge base, and gone when they are deleted there.
    """
    job = IndexingJob(base, len(files))
    threading.Thread(target=_work, args=(job, folder, encoder, list(files)), daemon=True).start()
    return job


def _work(job: IndexingJob, folder: Path, encoder: Encoder, files: Sequence[Uploaded]) -> None:
    store = Path(tempfile.mkdtemp(prefix="firmground-"))
    try:
        with KnowledgeBase.open(folder, encoder, writable=True) as base:
            for file in files:
                if job.stop.is_set():
                    job.state = "stopped"
                    return
                job.current = file.name
                _add(job, base, store, file)
                job.done += 1
        job.state = "done"
    except FirmgroundError as error:
        job.state, job.problem = "failed", str(error)
    except Exception as error:  # whatever it is: the page gets one line, the terminal the traceback
        log.exception("indexing failed")
        job.state, job.problem = "failed", f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        shutil.rmtree(store, ignore_errors=True)


def _add(job: IndexingJob, base: KnowledgeBase, store: Path, file: Uploaded) -> None:
    """One file's documents; what can't be read of it is told by name, and the rest is added."""
    path = store.joinpath(*(part for part in PurePosixPath(file.name).parts if part not in ("/", "..", ".")))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.getvalue())

    def note(failure: Failure) -> None:
        job.failures.append((failure.source.replace(str(path), file.name), failure.reason))

    def named(document: Document) -> Document:
        """Its source is the file that was dropped, not where that lay for a moment."""
        return Document(document.id, document.text, file.name, document.metadata)

    try:
        report = base.add(named(document) for document in load(path, store, note))
    except (FirmgroundError, OSError) as error:
        job.failures.append((file.name, str(error).replace(str(path), file.name)))
    else:
        job.report += report
        job.failures += report.failures
    finally:
        path.unlink(missing_ok=True)
