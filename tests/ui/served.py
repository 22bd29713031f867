"""The real page, started as a person starts it, on a free port of this machine; and a real browser to open it in."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def start(*options: str) -> tuple[subprocess.Popen[bytes], int]:
    """`firmground ui` with these options; returns the process and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "firmground.ui.cli", "ui", "--port", str(port), *options]
    # A shell that puts a test run into the background has it ignore Ctrl-C, and children inherit that.
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=_heed_interrupts), port


@contextmanager
def served(*options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The page's address and the process that serves it, until the block ends."""
    process, port = start(*options)
    try:
        wait_until_served(process, port)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def chromium(number: int = 1) -> Iterator[list[Any]]:
    """So many of Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browsers = [driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS) for _ in range(number)]
        yield browsers
        for browser in browsers:
            browser.close()


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until_served(process: subprocess.Popen[bytes], port: int, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, f"firmground ui ended with {process.returncode}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"firmground ui didn't answer on port {port} within {seconds:.0f} s")


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
