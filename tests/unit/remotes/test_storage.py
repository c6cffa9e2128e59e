"""Which remote a command means, and which store serves it."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from remotes.engine.presence import existing
from remotes.engine.storage import Remote, Remotes, open_store
from remotes.engine.urlsource import open_url
from tests.suites.object_store import FlakyStore, MemoryStore, oid_of
from tracking.engine.errors import ConfigError, RemoteError
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

TWO = "[core]\n    remote = a\n['remote \"a\"']\n    url = ../../first\n['remote \"b\"']\n    url = ../../second\n    verify = true\n    jobs = 3\n"


def repo_with(tmp_path: Path, config: str) -> Repo:
    (tmp_path / "p" / ".dvc").mkdir(parents=True)
    (tmp_path / "p" / ".dvc" / "config").write_text(config)
    return Repo(str(tmp_path / "p"), Settings())


def test_the_name_given_wins_over_the_default(tmp_path: Path) -> None:
    repo = repo_with(tmp_path, TWO)
    assert Remotes(repo).get().url == str(tmp_path / "first")
    found = Remotes(repo, "B").get()
    assert (found.name, found.url, found.verify, found.jobs) == ("b", str(tmp_path / "second"), True, 3)


def test_without_any_remote_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no remote specified in .*/p. Create a default remote with\n    dvc remote add -d <remote name> <remote url>"):
        Remotes(repo_with(tmp_path, ""), tool="dvc").get()


def test_without_a_default_the_error_says_how_to_choose(tmp_path: Path) -> None:
    repo = repo_with(tmp_path, TWO.replace("remote = a", "autostage = true"))
    with pytest.raises(ConfigError, match="Setup default remote with\n    dvc remote default <remote name>\nor use:\n    dvc status -r <remote name>"):
        Remotes(repo, tool="dvc", command="status").get()


def test_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="remote 'nor' doesn't exist"):
        Remotes(repo_with(tmp_path, TWO), "nor").get()


def test_a_commit_s_own_config_counts_then_the_workspace_s(tmp_path: Path) -> None:
    remotes = Remotes(repo_with(tmp_path, TWO))
    old = TWO.replace("../../first", "../../older").encode()
    assert remotes.get(config_data=old).url == str(tmp_path / "older")
    assert remotes.get(config_data=b"").url == str(tmp_path / "first")
    assert remotes.get(config_data=b"[broken").url == str(tmp_path / "first")


def test_a_kind_nobody_serves_is_refused_without_its_login() -> None:
    with pytest.raises(RemoteError, match=r"remote 's' \('foo://host/path'\) is of a kind"):
        open_store(Remote("s", "foo://me:secret@host/path"), False, "")


def test_both_layouts_of_a_remote_share_one_connection(tmp_path: Path) -> None:
    remotes = Remotes(repo_with(tmp_path, ""))
    remote = Remote("m", f"memory://{tmp_path.name}")
    present, old = remotes.store(remote), remotes.store(remote, legacy=True)
    assert present.location is old.location and present.path_of("0" * 32) != old.path_of("0" * 32)  # type: ignore[attr-defined]


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("")
    remotes = Remotes(repo_with(tmp_path, TWO))
    with pytest.raises(RemoteError, match="remote 'a' is not a folder: .*first"):
        remotes.store(remotes.get())


@pytest.mark.parametrize(("there", "wanted", "at_once", "calls"), [
    (900, 10, False, ["exists"]),  # not worth a thought
    (900, 200, False, ["list_oids", "exists"]),
    (900, 1200, False, ["list_oids", "list_oids"]),
    (900, 200, True, ["list_oids", "list_oids"]),  # one page
    (9000, 17, True, ["list_oids", "list_oids"]),
])
def test_objects_are_asked_for_or_listed_whichever_is_fewer_requests(there: int, wanted: int, at_once: bool, calls: list[str]) -> None:
    memory = MemoryStore()
    oids = [oid_of(str(number).encode()) for number in range(9100)]
    memory.objects = {oid: b"" for oid in oids[:there]}
    store = FlakyStore(memory, [])
    store.lists_at_once = at_once  # type: ignore[attr-defined]
    asked = oids[there - wanted // 2 : there + wanted - wanted // 2]
    assert existing(store, asked) == set(asked[: wanted // 2])
    assert [verb for verb, _ in store.calls] == calls


def test_a_folder_is_asked_object_by_object(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "remote"))
    store.add_bytes(oid_of(b"x"), b"x")
    os.chmod(store.path_of(oid_of(b"x")), 0o644)
    Path(store.path_of(oid_of(b"x"))).write_bytes(b"damaged")
    assert existing(store, [oid_of(b"x")]) == set()


def test_a_command_in_the_project_s_config_is_not_run(tmp_path: Path) -> None:
    lines = "['remote \"w\"']\n    url = webdavs://host/path\n"
    repo = repo_with(tmp_path, lines + "    bearer_token_command = touch owned\n")
    with pytest.raises(ConfigError, match="anybody may have written it"):
        Remotes(repo, "w").get()
    with pytest.raises(ConfigError, match="anybody may have written it"):
        open_url(repo.config, "webdavs://host/x", {"bearer_token_command": "touch owned"}, str(tmp_path), Settings())
    (tmp_path / "p" / ".dvc" / "config.local").write_text("['remote \"w\"']\n    bearer_token_command = mine\n")
    assert Remotes(Repo(repo.root_dir, Settings()), "w").get().options["bearer_token_command"] == "mine"
