"""The key of sessions: kept, private, and never one that somebody else could have read or left."""
from __future__ import annotations

import os
import stat
from pathlib import Path

from launcher.engine.signingkey import FILE, signing_key


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    key = signing_key(str(tmp_path / "home"))
    assert key == signing_key(str(tmp_path / "home"))
    assert stat.S_IMODE((tmp_path / "home" / FILE).stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "home") == [FILE]


def test_a_key_that_others_can_read_is_replaced(tmp_path: Path) -> None:
    key = signing_key(str(tmp_path))
    (tmp_path / FILE).chmod(0o644)
    assert signing_key(str(tmp_path)) != key
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_link_or_a_short_key_is_replaced(tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("k" * 60)
    known.chmod(0o600)
    (tmp_path / FILE).symlink_to(known)
    assert signing_key(str(tmp_path)) != "k" * 60
    (tmp_path / FILE).write_text("short")
    assert len(signing_key(str(tmp_path))) > 40


def test_where_nothing_can_be_kept_there_is_a_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(signing_key(str(tmp_path / "file"))) > 40
