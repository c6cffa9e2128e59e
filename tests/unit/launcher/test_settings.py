"""Where the user's data folder lies."""
from __future__ import annotations

from pathlib import Path

import pytest

from dataver_site.settings import data_folder


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"DATAVER_HOME": "/x", "HOME": "/h"}, "linux", "/x"),
        ({"HOME": "/h"}, "linux", "/h/.local/share/dataver"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/data"}, "linux", "/data/dataver"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Application Support/dataver"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/dataver"),
    ],
)
def test_data_folder(environ: dict[str, str], platform: str, folder: str) -> None:
    assert data_folder(environ, platform) == Path(folder)


def test_several_processes_may_write_the_index() -> None:
    """Deferred transactions fail at once where immediate ones wait."""
    from dataver_site.settings import DATABASES

    options = DATABASES["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
