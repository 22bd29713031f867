"""`firmground ui`: how Streamlit is started, and that it ends with the command."""

from __future__ import annotations

import signal
import socket

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from firmground.knowledge.errors import InputError, MissingExtra
from firmground.ui import serve
from tests.ui.served import is_listening, start, wait_until_served


def test_streamlit_is_started_with_options_that_it_has_and_telemetry_off():
    from streamlit.config import get_config_options

    flags = [flag for flag in serve.streamlit_command("127.0.0.1", 8501) if flag.startswith("--")]
    options = dict(flag.removeprefix("--").split("=", 1) for flag in flags)
    assert set(options) <= set(get_config_options())
    assert options["browser.gatherUsageStats"] == "false"
    assert options["client.showErrorDetails"] == "none"
    assert options["server.address"] == "127.0.0.1"
    assert not any("xsrf" in name.lower() or "cors" in name.lower() for name in options)  # on by default, left on


def test_without_streamlit_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'firmground\[ui\]'"):
        serve.run_ui("127.0.0.1", 8501, "kb", "generator")


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} .*--port"):
            serve.run_ui("127.0.0.1", port, "kb", "generator")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_page_ends_with_the_command(how):
    process, port = start()
    try:
        wait_until_served(process, port)
        process.send_signal(how)
        process.wait(timeout=30)
        assert not is_listening(port)
    finally:
        process.kill()
