from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tracking.engine.errors import DataverError
from tracking.engine.ignore import GitIgnore, Ignore
from tracking.engine.walk import find_dvcfiles, walk_files


def touch(top: Path, *names: str) -> None:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)


def paths(top: Path, rel: str = "") -> list[str]:
    return [entry[0] for entry in walk_files(str(top / rel), rel, Ignore(str(top)))]


def dvcfiles(top: Path, skip: tuple[str, ...] = (), git: bool = False) -> list[tuple[str, list[str]]]:
    seen = []

    def on_dir(rel: str, names: list[str], dirs: list[str]) -> set[str]:
        seen.append((rel, names))
        return {name for name in dirs if name in skip}

    find_dvcfiles(str(top), Ignore(str(top)), on_dir, GitIgnore(str(top)) if git else None)
    return seen


def test_files_are_sorted_by_code_point(tmp_path: Path) -> None:
    touch(tmp_path, "a/b", "a.txt", "a-b", "Z", "é")
    assert paths(tmp_path) == ["Z", "a-b", "a.txt", "a/b", "é"]


def test_facts_are_those_of_the_file(tmp_path: Path) -> None:
    touch(tmp_path, "file")
    status = (tmp_path / "file").stat()
    assert walk_files(str(tmp_path), "", None) == [("file", 4, status.st_mtime_ns, status.st_ino, status.st_mode)]


def test_symlink_to_file_has_the_facts_of_its_target(tmp_path: Path) -> None:
    touch(tmp_path, "out/side")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/link").symlink_to("../out/side")
    assert walk_files(str(tmp_path / "d"), "d", None)[0][1] == len("out/side")


def test_symlinked_and_empty_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "d/x", "other/y")
    (tmp_path / "d/link").symlink_to("../other")
    (tmp_path / "d/empty").mkdir()
    assert paths(tmp_path, "d") == ["x"]


def test_broken_symlink_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError) as caught:
        paths(tmp_path)
    assert caught.value.filename == str(tmp_path / "gone")


def test_named_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataverError, match="pipe': it is a named pipe"):
        paths(tmp_path)


def test_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(DataverError, match="it is a socket"):
            paths(tmp_path)


def test_ignored_pipe_is_no_error(tmp_path: Path) -> None:
    touch(tmp_path, "d/x")
    os.mkfifo(tmp_path / "d/pipe")
    (tmp_path / ".dvcignore").write_text("pipe")
    assert paths(tmp_path, "d") == ["x"]


def test_dvcignore_inside_tracked_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "d/sub/.dvcignore")
    with pytest.raises(DataverError, match=f"^.dvcignore file should not be in collected dir path: '{tmp_path}/d/sub'$"):
        paths(tmp_path, "d")


def test_name_that_is_not_utf8_is_refused_and_shown_escaped(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/bad\xff", "wb"):
        pass
    with pytest.raises(DataverError, match=r"bad\\xff': its name is not valid UTF-8"):
        paths(tmp_path)


def test_unreadable_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataverError, match=f"cannot read folder '{tmp_path}'"):
        paths(tmp_path)


@pytest.mark.parametrize("open_folders", [True, False])
def test_a_file_that_goes_away_meanwhile_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_folders: bool) -> None:
    touch(tmp_path, "d/sub/x", "d/sub/y")
    rules = Ignore(str(tmp_path))

    def remove(files: object, dirs: object) -> bool:
        (tmp_path / "d/sub/y").unlink()
        return False

    monkeypatch.setattr(rules, "holds_project", remove)
    monkeypatch.setattr("tracking.engine.walk._SCANS_OPEN_FOLDERS", open_folders and os.scandir in os.supports_fd)
    with pytest.raises(FileNotFoundError) as caught:
        walk_files(str(tmp_path / "d"), "d", rules)
    assert caught.value.filename == str(tmp_path / "d/sub/y")


@pytest.mark.skipif(os.scandir not in os.supports_fd, reason="folders are scanned by their names here")
def test_folders_do_not_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "d/x", "d/e/y")
    (tmp_path / "d/broken").symlink_to("nowhere")
    opened: list[int] = []
    closed: list[int] = []
    really_open, really_close = os.open, os.close

    def open_file(path: str, flags: int) -> int:
        opened.append(really_open(path, flags))
        return opened[-1]

    def close_file(fd: int) -> None:
        closed.append(fd)
        really_close(fd)

    monkeypatch.setattr("tracking.engine.walk.os.open", open_file)
    monkeypatch.setattr("tracking.engine.walk.os.close", close_file)
    with pytest.raises(FileNotFoundError):
        walk_files(str(tmp_path), "", None)
    assert opened and closed == opened
    (tmp_path / "d/broken").unlink()
    assert len(walk_files(str(tmp_path), "", None)) == 2
    assert closed == opened


def test_ignore_rules_apply_below_the_tracked_folder(tmp_path: Path) -> None:
    touch(tmp_path, "d/a.tmp", "d/sub/a.tmp", "d/sub/keep.tmp", "d/sub/x", "d/out/y", "d/nested/.dvc/config", "d/nested/z")
    (tmp_path / ".dvcignore").write_text("*.tmp\n!keep.tmp\n/d/out/\n")
    assert paths(tmp_path, "d") == ["sub/keep.tmp", "sub/x"]


def test_dvcfiles_come_folder_by_folder(tmp_path: Path) -> None:
    touch(tmp_path, "b.dvc", "dvc.yaml", "a/x.dvc", "a/z/y.dvc", "c/dvc.yaml", ".dvc/config", "c/.dvc.swp", "notes.dvc.txt")
    found = dvcfiles(tmp_path)
    assert sorted((folder, sorted(names)) for folder, names in found) == [("", ["b.dvc", "dvc.yaml"]), ("a", ["x.dvc"]), ("a/z", ["y.dvc"]), ("c", ["dvc.yaml"])]
    folders = [folder for folder, _ in found]
    assert folders[0] == "" and folders.index("a/z") == folders.index("a") + 1


def test_tracked_folders_are_not_entered(tmp_path: Path) -> None:
    touch(tmp_path, "data.dvc", "data/x.dvc", "other/y.dvc")
    assert dvcfiles(tmp_path, skip=("data",)) == [("", ["data.dvc"]), ("other", ["y.dvc"])]


def test_ignored_dvcfiles_nested_projects_and_symlinks_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.dvc", "skip/b.dvc", "project/.dvc/config", "project/c.dvc", "deep/d.dvc")
    (tmp_path / ".dvcignore").write_text("skip/")
    (tmp_path / "deep/.dvcignore").write_text("d.dvc")
    (tmp_path / "link").symlink_to("deep")
    assert dvcfiles(tmp_path) == [("", ["a.dvc"]), ("deep", [])]


def test_what_git_ignores_is_left_out_on_request(tmp_path: Path) -> None:
    touch(tmp_path, "a.dvc", "b.dvc", "venv/c.dvc", "sub/d.dvc")
    (tmp_path / ".gitignore").write_text("/b.dvc\nvenv/")
    (tmp_path / "sub/.gitignore").write_text("*.dvc")
    assert dvcfiles(tmp_path, git=True) == [("", ["a.dvc"]), ("sub", [])]


def test_symlinks_to_nothing_are_refused_or_named(tmp_path: Path) -> None:
    touch(tmp_path, "a")
    (tmp_path / "broken").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        walk_files(str(tmp_path), "", None)
    broken: list[str] = []
    assert [entry[0] for entry in walk_files(str(tmp_path), "", None, broken=broken)] == ["a"]
    assert broken == ["broken"]
