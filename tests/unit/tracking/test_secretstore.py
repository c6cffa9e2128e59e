"""Secrets go to config.local, whole or not at all, and no message repeats one."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tracking.engine.config import Config
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Settings
from tracking.engine.secretstore import store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "config").write_text("['remote \"a.b\"']\n    url = https://host/x\n")
    return Config.load(str(tmp_path), Settings(), validate=False)


def test_a_new_file_is_for_its_owner(config: Config, tmp_path: Path) -> None:
    store(config, {"remote.a.b.password": "s3cr3t, #x", "studio.token": "t"})
    local = tmp_path / "config.local"
    assert Config.load(str(tmp_path), Settings()).remote("a.b")["password"] == "s3cr3t, #x"
    assert os.name == "nt" or local.stat().st_mode & 0o777 == 0o600
    store(config, {"remote.a.b.password": None})
    assert local.read_text() == "[studio]\n    token = t\n" and "s3cr3t" not in (tmp_path / "config").read_text()


@pytest.mark.parametrize("values", [None, {}, {"remote.a.b.url": "s3cr3t"}, {"remote.a.b.nosuch": "s3cr3t"}, {"core.remote": "s3cr3t"}, {"remote.gone.password": "s3cr3t"}, {"studio.token": ""}, {"studio.token": "s3cr3t\n"}, {"studio.token": 1}])
def test_what_is_refused_is_not_repeated(config: Config, values: Any) -> None:
    with pytest.raises(DataverError) as error:
        store(config, values)
    assert "s3cr3t" not in f"{error.value} {error.value.hint}"
