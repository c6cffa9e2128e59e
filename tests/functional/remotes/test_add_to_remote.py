"""`add --to-remote`."""
from __future__ import annotations

from tests.conftest import Project

BIG = "3b4df51f8f8f3229cb4b950d4f8b9175"


def test_a_file_goes_to_the_remote_alone(data: Project) -> None:
    before = data.objects()
    data.gen({"../big": "big\n"})
    result = data.ok("add", "--to-remote", "../big")
    assert data.read("big.dvc") == f"outs:\n- md5: {BIG}\n  size: 4\n  hash: md5\n  path: big\n"
    assert (data.objects("../remote"), data.objects(), (data / "big").exists()) == ([BIG], before, False)
    assert "git add big.dvc" in result.out
    assert data.ok("pull", "big").out == "A       big\n1 file fetched and 1 file added\n"


def test_a_folder_goes_with_its_manifest(data: Project) -> None:
    data.gen({"../bd/1": "1", "../bd/sub/2": "2"})
    data.ok("add", "--to-remote", "../bd", "-o", "bdir")
    assert len(data.objects("../remote")) == 3
    data.ok("pull", "bdir")
    assert data.tree("bdir") == ["1", "sub/2"]


def test_a_tracked_folder_is_replaced_with_force_only(data: Project) -> None:
    data.gen({"../bd/1": "1"})
    assert data.run("add", "--to-remote", "../bd", "-o", "d").code == 1
    data.ok("add", "--to-remote", "../bd", "-o", "d", "-f")
    assert "nfiles: 1" in data.read("d.dvc")


def test_errors_name_what_is_wrong(data: Project) -> None:
    data.gen({"../big": "big\n"})
    for argv, text in (
        (("../big", "-o", "other/x"), f"ERROR: stage working dir '{data.path}/other' does not exist"),
        (("../nosuch",), "ERROR: [Errno 2] No such file or directory: '"),
        (("../big", "-r", "nor"), "ERROR: config file error: remote 'nor' doesn't exist"),
        (("http://127.0.0.1:1/x",), "ERROR: cannot download 'http://127.0.0.1:1/x': "),
    ):
        result = data.run("add", "--to-remote", *argv)
        assert (result.code, result.err.startswith(text)) == (1, True), result.err
    assert not (data / "big.dvc").exists()
