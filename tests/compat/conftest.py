"""Servers of both tools, started once per test process."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compat.tools import Tool


@pytest.fixture(scope="session")
def tools(real_dvc: Tool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tool]]:
    """Running servers: "dvc" and "dataver"."""
    ours = Tool("dataver", str(tmp_path_factory.mktemp("dataver")))
    yield {"dvc": real_dvc, "dataver": ours}
    ours.close()
