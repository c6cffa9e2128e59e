"""Servers of both tools, started once per test process; a clear failure when real dvc is missing."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compat.driver import start_tools
from tests.compat.tools import DvcMissing, Tool


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tool]]:
    """Running servers: "dvc" and "dataver"."""
    try:
        running = start_tools({"dvc", "dataver"}, str(tmp_path_factory.mktemp("tools")))
    except DvcMissing as missing:
        pytest.fail(str(missing), pytrace=False)  # never a skip: these tests are the promise
    yield running
    for tool in running.values():
        tool.close()
