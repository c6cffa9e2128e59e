"""Large files: what is hashed is what is stored."""
from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from random import Random

import pytest

from tracking.engine import directwrite, ingest as module
from tracking.engine.hashing import CHUNK_BYTES
from tracking.engine.ingest import FileChanged, ingest
from tracking.engine.protocols import NoProgress


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few chunks are written by a thread, as huge ones are."""
    monkeypatch.setattr(module, "MIN_BYTES", CHUNK_BYTES)
    monkeypatch.setattr(directwrite, "MIN_BYTES", CHUNK_BYTES)


def _source(path: Path, data: bytes) -> tuple[str, int, int]:
    path.write_bytes(data)
    return str(path), len(data), path.stat().st_mtime_ns


@pytest.mark.parametrize("size", [CHUNK_BYTES + 1, 8 * CHUNK_BYTES, 19 * CHUNK_BYTES + 4097])
def test_a_large_file_is_stored_under_its_hash(tmp_path: Path, size: int) -> None:
    data = Random(size).randbytes(size)
    source = _source(tmp_path / "data", data)
    ((value, written),) = ingest([source], "md5", NoProgress(), str(tmp_path / "store"))
    assert (value, written) == (hashlib.md5(data).hexdigest(), True)
    stored = tmp_path / "store" / value[:2] / value[2:]
    assert stored.read_bytes() == data and stored.stat().st_mode & 0o777 == 0o444


def test_text_of_2x_is_hashed_with_unix_lines_and_stored_as_it_is(tmp_path: Path) -> None:
    data = b"line\r\n" * (CHUNK_BYTES // 2)
    ((value, _),) = ingest([_source(tmp_path / "text", data)], "md5-dos2unix", NoProgress(), str(tmp_path / "store"))
    assert (tmp_path / "store" / value[:2] / value[2:]).read_bytes() == data
    ((plain, _),) = ingest([_source(tmp_path / "text", data)], "md5-dos2unix", NoProgress())
    assert value == plain


def test_a_file_that_grew_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path, size, mtime_ns = _source(tmp_path / "data", bytes(3 * CHUNK_BYTES))
    with open(path, "ab") as file:
        file.write(b"more")
    with pytest.raises(FileChanged):
        ingest([(path, size, mtime_ns)], "md5", NoProgress(), str(tmp_path / "store"))
    assert not [name for _, _, names in os.walk(tmp_path / "store") for name in names]


def test_a_full_disk_is_told_by_the_thread_that_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: directwrite.DurableWriter, chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(directwrite.DurableWriter, "write", full)
    with pytest.raises(OSError, match="No space left"):
        ingest([_source(tmp_path / "data", bytes(30 * CHUNK_BYTES))], "md5", NoProgress(), str(tmp_path / "store"))
    assert not [name for _, _, names in os.walk(tmp_path / "store") for name in names]
