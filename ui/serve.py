"""`firmground ui`: starts the Streamlit page, with its telemetry off."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from firmground.knowledge.errors import InputError, MissingExtra
from firmground.ui.theme import THEME

TOKEN = "FIRMGROUND_UI_TOKEN"  # not an option of the page: other people on a machine can read command lines
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}


def run_ui(
    host: str, port: int, kb: str, generator: str, workspace: Path | None = None, read_only: bool = False,
    token: str = "",
) -> int:  # fmt: skip
    """Run the page until it is stopped; returns its exit code.

    Raises:
        MissingExtra: streamlit isn't installed. InputError: the address can't be listened at.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise MissingExtra("the page needs Streamlit: pip install 'firmground[ui]'")
    _check_address(host, port)
    command = [*streamlit_command(host, port), "--", f"--kb={kb}", f"--generator={generator}"]
    command += [f"--workspace={workspace}"] * (workspace is not None) + ["--read-only"] * read_only
    environment = {**os.environ, **QUIET, **({TOKEN: token} if token else {})}
    print(f"firmground: http://{'localhost' if host == '127.0.0.1' else host}:{port} (stop with Ctrl-C)", flush=True)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    # Whatever ends this command ends the page: Ctrl-C, or a signal sent to this process alone.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = 0
    finally:
        process.terminate()
        process.wait()
    return 0 if code == -signal.SIGTERM else code


def _check_address(host: str, port: int) -> None:
    """Raises InputError where the port is taken, or the address isn't this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: not stopped by old ones
            probe.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"can't listen at {host} port {port} ({reason}); give another with --port or --host"
        ) from error


def streamlit_command(host: str, port: int) -> list[str]:
    """What starts the page: no telemetry, no developer's tools, no traceback shown, our colours.

    Streamlit's own check that a request comes from this page (XSRF, CORS) stays on, as it is by default.
    """
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "global.disableWidgetStateDuplicationWarning": "true",  # choices are said anew in another language (frame.py)
        **THEME,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("app.py")), *flags]
