"""Fixtures that start the servers: one of each per test process, when first asked for."""
from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import cloud, hosts
from tests.servers.process import CannotStart, Server

STARTERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Server]]] = {
    "s3": cloud.s3,
    "azure": cloud.azure,
    "gs": cloud.gs,
    "ssh": hosts.ssh,
    "webdav": hosts.webdav,
    "http": hosts.http,
}
KINDS = tuple(STARTERS)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """servers("s3") gives a running server; the test is skipped, with the reason, where it cannot be installed."""
    started: dict[str, Server | str] = {}
    with contextlib.ExitStack() as stack:

        def server(kind: str) -> Server:
            if kind not in started:
                try:
                    started[kind] = stack.enter_context(STARTERS[kind](tmp_path_factory.mktemp(f"server-{kind}")))
                except CannotStart as exc:
                    started[kind] = str(exc)
                    warnings.warn(f"no {kind} server: {exc}", stacklevel=2)
            found = started[kind]
            if isinstance(found, str):
                pytest.skip(f"no {kind} server: {found}")
            return found

        yield server
