from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.tracking.storage import Storage
from tracking.engine import atomic
from tracking.engine import ingest as ingest_module
from tracking.engine.checkout import plan_checkout, relink, remove_path, unprotect
from tracking.engine.errors import CheckoutFailed, ConfirmNeeded, DataverError, UnsafePath
from tracking.engine.ignore import Ignore
from tracking.engine.stage import MD5, Digest
from tracking.engine.tree import dump_tree, tree_oid

FILES = {"d/a": "1", "d/s/b": "2", "d/s/t/c": "3"}


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    (tmp_path / "project").mkdir()
    return Storage(tmp_path / "project")


def saved(storage: Storage, files: dict[str, str] = FILES) -> Digest:
    storage.gen(dict(files))
    return storage.build("d").digest


def leftovers(storage: Storage) -> list[str]:
    return [name for _, _, names in os.walk(storage.root) for name in names if atomic.is_temp_name(name)]


@pytest.mark.parametrize("types", [["reflink", "copy"], ["hardlink"], ["symlink"], ["copy"]])
def test_a_folder_comes_back(storage: Storage, types: list[str]) -> None:
    digest = saved(storage)
    remove_path(str(storage.root / "d"))
    change = storage.checkout("d", digest, link_types=types)
    assert change.created and list(change.added) == ["a", "s/b", "s/t/c"]
    assert storage.tree("d") == {"a": "1", "s/b": "2", "s/t/c": "3"} and leftovers(storage) == []
    mode = (storage.root / "d/a").stat().st_mode & 0o777
    assert mode == (0o444 if types[0] in ("hardlink", "symlink") else 0o644)
    assert not storage.again().checkout("d", digest, link_types=types).changed


def test_nothing_is_read_after_a_checkout(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = saved(storage)
    remove_path(str(storage.root / "d"))
    storage.checkout("d", digest, link_types=["hardlink"])
    for path in (storage.root / ".dvc/cache").rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    storage.state.clear()
    storage.build("d", store=False)
    monkeypatch.setattr(ingest_module, "read_small", None)
    assert not storage.again().checkout("d", digest).changed


def test_a_large_file_is_not_read_after_its_checkout(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.gen({"f": b"x" * 5_000_000})
    digest = storage.build("f").digest
    (storage.root / "f").unlink()
    storage.checkout("f", digest)
    monkeypatch.setattr(ingest_module, "_large_file", None)
    assert not storage.again().checkout("f", digest).changed


def test_only_what_differs_is_touched(storage: Storage) -> None:
    digest = saved(storage)
    inode = (storage.root / "d/a").stat().st_ino
    storage.gen({"d/s/b": "changed", "d/extra/x/y": "new"})
    (storage.root / "d/s/t/c").unlink()
    change = storage.checkout("d", digest, force=True)
    assert (change.kind, list(change.added), list(change.modified), list(change.deleted)) == ("modified", ["s/t/c"], ["s/b"], ["extra/x/y"])
    assert storage.tree("d") == {"a": "1", "s/b": "2", "s/t/c": "3"}
    assert (storage.root / "d/a").stat().st_ino == inode and not (storage.root / "d/extra").exists()


def test_unsaved_files_need_a_yes(storage: Storage) -> None:
    digest = saved(storage)
    storage.gen({"d/a": "unsaved", "d/copy": "2", "d/new": "unsaved too"})
    root = storage.root
    with pytest.raises(ConfirmNeeded) as caught:
        storage.checkout("d", digest)
    assert str(caught.value).splitlines()[1:] == [f"{root}/d/a", f"{root}/d/new"]  # the copy of a saved file may go
    assert storage.read("d/a") == "unsaved" and storage.read("d/copy") == "2"
    assert storage.checkout("d", digest, confirm=lambda text: "d/new" in text).changed


def test_missing_objects_leave_the_workspace_alone(storage: Storage) -> None:
    digest = saved(storage)
    storage.store.remove([hashlib.md5(b"2").hexdigest()])
    remove_path(str(storage.root / "d"))
    with pytest.raises(CheckoutFailed, match="Is your cache up to date"):
        storage.checkout("d", digest)
    assert not (storage.root / "d").exists()


@pytest.mark.parametrize("damage", [b"", b"[", b'[{"md5": "x", "relpath": "a"}]'])
def test_a_damaged_manifest_counts_as_missing(storage: Storage, damage: bytes) -> None:
    digest = saved(storage)
    path = Path(storage.store.path_of(digest.value))
    path.chmod(0o644)
    path.write_bytes(damage)
    remove_path(str(storage.root / "d"))
    with pytest.raises(CheckoutFailed):
        storage.checkout("d", digest)


@pytest.mark.parametrize("path", ["../outside", "/tmp/outside", "s/../../outside"])
def test_a_hostile_manifest_is_refused(storage: Storage, path: str) -> None:
    storage.gen({"f": "evil"})
    data = dump_tree([(path, storage.build("f").digest.value)])
    storage.store.add_bytes(tree_oid(data), data)
    with pytest.raises(UnsafePath):
        storage.checkout("d", Digest(MD5, tree_oid(data)), force=True)
    assert not (storage.root / "outside").exists()


@pytest.mark.parametrize("name", ["s", "s/t"])
def test_nothing_is_written_through_a_symlinked_folder(storage: Storage, tmp_path: Path, name: str) -> None:
    digest = saved(storage)
    outside = tmp_path / "outside"
    (outside / "t").mkdir(parents=True)
    (outside / "keep").write_text("mine")
    remove_path(str(storage.root / "d" / name))
    (storage.root / "d" / name).symlink_to(outside)
    with pytest.raises(ConfirmNeeded):
        storage.checkout("d", digest)
    storage.checkout("d", digest, force=True)
    assert storage.tree("d") == {"a": "1", "s/b": "2", "s/t/c": "3"} and not (storage.root / "d" / name).is_symlink()
    assert sorted(os.listdir(outside)) == ["keep", "t"] and os.listdir(outside / "t") == []


def test_an_out_that_is_a_symlink_to_a_folder_is_replaced(storage: Storage, tmp_path: Path) -> None:
    digest = saved(storage)
    os.rename(storage.root / "d", tmp_path / "elsewhere")
    (storage.root / "d").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "a").write_text("mine")
    storage.checkout("d", digest, force=True)
    assert not (storage.root / "d").is_symlink() and storage.read("d/a") == "1"
    assert (tmp_path / "elsewhere" / "a").read_text() == "mine"


def test_links_into_nowhere_are_replaced(storage: Storage) -> None:
    digest = saved(storage)
    for name in ("d/a", "d/s/b"):
        (storage.root / name).unlink()
        (storage.root / name).symlink_to("/nowhere/at/all")
    assert storage.checkout("d", digest).changed
    assert storage.tree("d") == {"a": "1", "s/b": "2", "s/t/c": "3"}


def test_folder_and_file_trade_places(storage: Storage) -> None:
    digest = saved(storage)
    storage.gen({"x": "file"})
    file = storage.build("x").digest
    assert storage.checkout("d", file).kind == "modified" and storage.read("d") == "file"
    assert storage.checkout("d", digest).kind == "modified" and storage.read("d/s/t/c") == "3"


def test_inside_of_a_folder_too(storage: Storage) -> None:
    digest = saved(storage)
    remove_path(str(storage.root / "d"))
    storage.gen({"d/a/x": "1", "d/s": "2"})
    assert storage.checkout("d", digest).changed
    assert storage.tree("d") == {"a": "1", "s/b": "2", "s/t/c": "3"}


def test_ignored_files_stay_or_stand_in_the_way(storage: Storage) -> None:
    digest = saved(storage)
    storage.gen({".dvcignore": "*.log\n", "d/x.log": "mine"})
    storage.gen({"d/a": "changed"})
    storage.checkout("d", digest, force=True)
    assert storage.read("d/x.log") == "mine"
    (storage.root / "d/a").unlink()
    storage.gen({"d/a/x.log": "mine"})
    with pytest.raises(DataverError, match="in the way"):
        storage.checkout("d", digest, force=True)
    assert storage.read("d/a/x.log") == "mine"


def test_a_part_leaves_the_rest_alone(storage: Storage) -> None:
    digest = saved(storage)
    storage.gen({"d/a": "changed", "d/s/b": "changed"})
    change = storage.checkout("d", digest, only="s", force=True)
    assert list(change.modified) == ["s/b"] and storage.read("d/a") == "changed" and storage.read("d/s/b") == "2"
    assert storage.again().build("d", store=False).digest != digest


def test_a_file_gets_its_executable_bit_back(storage: Storage) -> None:
    storage.gen({"f": "x"})
    (storage.root / "f").chmod(0o755)
    built = storage.build("f")
    (storage.root / "f").chmod(0o644)
    assert storage.checkout("f", built.digest, isexec=True).kind == "modified"
    assert (storage.root / "f").stat().st_mode & 0o777 == 0o744
    assert not storage.checkout("f", built.digest, isexec=True).changed


def test_without_a_digest_nothing_may_be_there(storage: Storage) -> None:
    saved(storage)
    storage.gen({"d/a": "unsaved"})
    with pytest.raises(ConfirmNeeded):
        storage.checkout("d", None)
    assert storage.checkout("d", None, force=True).kind == "deleted" and not (storage.root / "d").exists()
    assert not storage.checkout("d", None).changed


def test_relink_changes_links_and_no_content(storage: Storage) -> None:
    digest = saved(storage, {**FILES, "d/empty": ""})
    options: dict[str, Any] = {"store": storage.store, "state": storage.state, "ignore": Ignore(str(storage.root)), "rel": "d"}
    path = str(storage.root / "d")
    relink(path, digest, link_types=["symlink"], **options)
    assert os.readlink(f"{path}/a") == storage.store.path_of(hashlib.md5(b"1").hexdigest())
    relink(path, digest, link_types=["hardlink"], **options)
    assert os.stat(f"{path}/a").st_nlink == 2 and not os.path.islink(f"{path}/a")
    assert os.stat(f"{path}/empty").st_nlink == 1  # copied, as dvc does
    relink(path, digest, link_types=["reflink", "copy"], **options)
    assert os.stat(f"{path}/a").st_nlink == 1 and os.access(f"{path}/a", os.W_OK)
    assert storage.again().build("d", store=False).digest == digest and leftovers(storage) == []


def test_relink_leaves_unsaved_files(storage: Storage) -> None:
    digest = saved(storage)
    storage.gen({"d/a": "unsaved"})
    options: dict[str, Any] = {"store": storage.store, "state": storage.state, "ignore": Ignore(str(storage.root)), "rel": "d"}
    assert not relink(str(storage.root / "d"), digest, link_types=["hardlink"], **options).changed
    assert storage.read("d/a") == "unsaved"
    assert plan_checkout(str(storage.root / "d"), digest, **options).unsaved == [f"{storage.root}/d/a"]


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_unprotect_makes_writable_copies(storage: Storage, kind: str) -> None:
    digest = saved(storage)
    remove_path(str(storage.root / "d"))
    storage.checkout("d", digest, link_types=[kind])
    assert unprotect(str(storage.root / "d")) == 3 and unprotect(str(storage.root / "d")) == 0
    (storage.root / "d/a").write_text("edited")
    assert storage.store.read(hashlib.md5(b"1").hexdigest()) == b"1" and storage.read("d/s/b") == "2"


def test_removing_never_follows_a_symlink(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "keep").write_text("mine")
    storage.gen({"d/x": "1"})
    (storage.root / "d/link").symlink_to(tmp_path / "outside")
    remove_path(str(storage.root / "d"))
    remove_path(str(storage.root / "d"))
    assert (tmp_path / "outside" / "keep").exists() and not (storage.root / "d").exists()


def test_many_files_go_through_worker_processes(storage: Storage) -> None:
    files = {f"d/{number % 7}/{number}": str(number) for number in range(400)}
    digest = saved(storage, files)
    for types in (["copy"], ["hardlink"]):
        remove_path(str(storage.root / "d"))
        assert len(storage.checkout("d", digest, link_types=types).added) == 400
        assert storage.again().build("d", store=False).digest == digest


class Killed(BaseException):
    pass


@pytest.mark.parametrize("types", [["copy"], ["hardlink"], ["symlink"]])
def test_killed_anywhere_the_next_one_finishes(storage: Storage, types: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    target = saved(storage)
    remove_path(str(storage.root / "d"))
    storage.gen({"d/a": "old", "d/s": "was a file", "d/gone/x": "x"})
    other = storage.build("d").digest
    for number in range(100):
        count = 0

        def hook(op: str, path: str) -> None:
            nonlocal count
            count += 1
            if count == number + 1:
                raise Killed

        storage.checkout("d", other, link_types=types)
        with monkeypatch.context() as patch:
            patch.setattr(atomic, "HOOK", hook)
            try:
                storage.checkout("d", target, link_types=types)
            except Killed:
                storage.state._writes.clear()
        storage = storage.again()
        storage.checkout("d", target, link_types=types)  # asks for nothing: no half-written file is left
        assert storage.tree("d") == {"a": "1", "s/b": "2", "s/t/c": "3"} and leftovers(storage) == []
        if count <= number:
            break
    assert number > 4


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
trees = st.dictionaries(paths, st.sampled_from(["", "1", "22"]), max_size=6).map(
    lambda tree: {path: text for path, text in tree.items() if not any(other.startswith(path + "/") for other in tree)}
)


@given(trees, trees, st.sampled_from(["copy", "hardlink", "symlink"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_becomes_any_other(tmp_path: Path, before: dict[str, str], after: dict[str, str], kind: str) -> None:
    storage = Storage(tmp_path)
    digests = []
    for tree in (after, before):
        remove_path(str(storage.root / "d"))
        (storage.root / "d").mkdir()
        storage.gen({f"d/{path}": text for path, text in tree.items()})
        digests.append(storage.build("d").digest)
    storage.checkout("d", digests[0], link_types=[kind])
    assert storage.tree("d") == after
    assert storage.build("d", store=False).digest == digests[0]
    remove_path(str(storage.root / "d"))
    storage.state.close()
