"""A full disk, folders that may not be written, damaged objects: one clear line, nothing lost."""
from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.compat.tools import Tool
from tests.faults.checks import Prepared, check_finishes, check_sane
from tests.faults.crash import Ended, named_oids, object_path, run_forked, wrong_objects
from tests.faults.scenarios import Project


def obey_permissions() -> None:
    """Make root obey permission bits like everybody else, by giving up the capabilities to ignore them."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc.capget(header, data)
    for number in (0, 1, 2):  # effective, permitted, inheritable; bits 1-3: DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER
        data[number] &= ~0b1110
    assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())


def assert_clear(ended: Ended, told: str) -> None:
    """Failed with a message and without a traceback."""
    assert ended.code not in (0, 70) and ended.code > 0, f"{told}: {ended}"
    assert "Traceback" not in ended.err + ended.out, f"{told}: {ended.err}"
    assert ended.err.strip(), f"{told}: nothing said"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB. Only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no permission to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["add", "repro"])
def test_full_disk_then_space_again(name: str, prepared: Callable[[str], Prepared], real_dvc: Tool, small_disk: Path, fresh: Callable[[Prepared], Project]) -> None:
    original = prepared(name)
    project = fresh(original)
    subprocess.run(["cp", "-a", project.box, str(small_disk / "box")], check=True)
    project = replace(project, box=str(small_disk / "box"))
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 4096):
            pass
    assert_clear(run_forked(original.argv, project.path, project.environ), f"{name} on a full disk")
    assert not wrong_objects(project.cache)
    filler.unlink()
    check_sane(project, real_dvc, name)
    check_finishes(project, original, name)


def test_file_size_limit_names_the_problem(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], real_dvc: Tool) -> None:
    original = prepared("add")
    project = fresh(original)
    project.write("data/big.txt", "x" * 3_000_000)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    assert_clear(run_forked(original.argv, project.path, project.environ, prepare=limit), "add beyond the limit")
    assert not wrong_objects(project.cache)
    check_sane(project, real_dvc, "file size limit")


@pytest.mark.parametrize(("folder", "fails"), [(".", True), (".dvc/cache/files/md5", True), (".dvc/cache", False), (".dvc/tmp", False), ("data", False)])
def test_read_only_folder_is_a_clear_error_or_none(folder: str, fails: bool, prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], real_dvc: Tool) -> None:
    original = prepared("add")
    project = fresh(original)
    top = os.path.join(project.path, folder)
    locked = [top, *(os.path.join(top, name) for name in os.listdir(top) if folder.endswith("md5"))]
    for path in locked:
        os.chmod(path, 0o555)
    ended = run_forked(original.argv, project.path, project.environ, prepare=obey_permissions)
    for path in locked:
        os.chmod(path, 0o755)
    if fails:
        assert_clear(ended, f"add with a read-only {folder}")
        check_sane(project, real_dvc, f"read-only {folder}")
    else:
        assert ended.code == 0, f"nothing new is needed in {folder}: {ended}"


def _damage(path: str) -> None:
    os.chmod(path, 0o644)
    with open(path, "ab") as stream:
        stream.write(b"!")


def test_damaged_object_is_named_and_not_checked_out(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> None:
    original = prepared("checkout")
    project = fresh(original)
    _damage(object_path(project.cache, named_oids(Path(project.path, "single.bin.dvc").read_text())[0]))
    os.unlink(os.path.join(project.path, "single.bin"))
    ended = run_forked(["checkout", "-f"], project.path, project.environ)
    assert_clear(ended, "checkout of a damaged object")
    assert "single.bin" in ended.err + ended.out
    assert not os.path.exists(os.path.join(project.path, "single.bin"))


def test_damaged_object_is_not_pushed(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> None:
    original = prepared("push")
    project = fresh(original)
    oid = next(oid for oid in project.named_now() if not oid.endswith(".dir"))
    _damage(object_path(project.cache, oid))
    run_forked(["push"], project.path, project.environ)
    assert not wrong_objects(project.remote)


def test_damaged_object_comes_back_with_the_file(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> None:
    original = prepared("checkout")
    project = fresh(original)
    run_forked(["checkout", "-f"], project.path, project.environ)
    oid = next(oid for oid in project.named_now() if not oid.endswith(".dir"))
    _damage(object_path(project.cache, oid))
    ended = run_forked(["add", "data", "single.bin"], project.path, project.environ)
    assert ended.code == 0, ended
    assert not wrong_objects(project.cache)


def test_damaged_manifest_is_a_clear_error(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> None:
    original = prepared("checkout")
    project = fresh(original)
    _damage(object_path(project.cache, next(oid for oid in project.named_now() if oid.endswith(".dir"))))
    assert_clear(run_forked(["checkout", "-f"], project.path, project.environ), "checkout of a damaged manifest")


def test_damaged_state_database_is_rebuilt(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> None:
    original = prepared("add")
    project = fresh(original)
    run_forked(["status"], project.path, project.environ)
    for path in Path(project.path, ".dvc", "tmp").rglob("*.sqlite3*"):
        path.write_bytes(b"not a database" * 100)
    ended = run_forked(original.argv, project.path, project.environ)
    assert ended.code == 0 and "Traceback" not in ended.err, ended
