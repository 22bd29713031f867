"""A rerun of every view stays far below what a person would notice."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install 'firmground[ui]'")

from firmground.ui.workspace import Workspace
from tests.ui.reruns import VIEWS, fill, seconds

MOST = 0.25  # seconds of CPU, which other work on the machine doesn't change; 0.02 to 0.08 are usual


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("reruns"))
    fill(made)
    return made


@pytest.mark.parametrize("name", VIEWS)
def test_a_rerun_costs_little(space, name):
    assert min(seconds(space, name, times=3)) < MOST
