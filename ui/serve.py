"""`firmground ui`: starts the Streamlit page, with its telemetry off."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from firmground.knowledge.errors import MissingExtra
from firmground.ui.theme import THEME


def run_ui(host: str, port: int, kb: str, generator: str) -> int:
    """Run the page until it is stopped; returns its exit code.

    Raises:
        MissingExtra: streamlit isn't installed.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise MissingExtra("the page needs Streamlit: pip install 'firmground[ui]'")
    command = [*streamlit_command(host, port), "--", f"--kb={kb}", f"--generator={generator}"]
    print(f"firmground: http://{'localhost' if host == '127.0.0.1' else host}:{port} (stop with Ctrl-C)", flush=True)
    try:
        return subprocess.call(command, env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})
    except KeyboardInterrupt:
        return 0


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
        **THEME,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("app.py")), *flags]
