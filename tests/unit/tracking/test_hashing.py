from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tracking.engine.errors import DataverError
from tracking.engine.hashing import CHUNK_BYTES, hash_bytes, hash_file


@pytest.mark.parametrize("size", [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, CHUNK_BYTES + 5, 3 * CHUNK_BYTES])
def test_md5_of_the_bytes_at_every_size(tmp_path: Path, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "f").write_bytes(data[:size])
    expected = hashlib.md5(data[:size]).hexdigest()
    assert hash_file(str(tmp_path / "f")) == expected == hash_bytes(data[:size])


def test_legacy_hash_ignores_line_ends_of_text(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a\r\nb\r\n")
    assert hash_file(str(tmp_path / "f"), "md5-dos2unix") == "dd8c6a395b5dd36c56d23275028f526c"


@pytest.mark.parametrize("data", [b"\0a\r\nb\r\n", b"\xff\xfe\xfd\r\n"])
def test_legacy_hash_keeps_binary_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    assert hash_file(str(tmp_path / "f"), "md5-dos2unix") == hashlib.md5(data).hexdigest()


def test_legacy_hash_judges_each_chunk_by_itself(tmp_path: Path) -> None:
    text, binary = b"x\r\n" * (CHUNK_BYTES // 3) + b"x", b"\0" + b"\r\n" * 10
    (tmp_path / "f").write_bytes(text + binary)
    assert hash_file(str(tmp_path / "f"), "md5-dos2unix") == hashlib.md5(text.replace(b"\r\n", b"\n") + binary).hexdigest()


def test_unknown_algorithm_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(DataverError, match="etag"):
        hash_file(str(tmp_path / "f"), "etag")
