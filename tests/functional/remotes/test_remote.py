"""`remote add|list|default|modify|rename|remove`."""
from __future__ import annotations

import pytest

REFUSED = "ERROR: configuration error - config file error: "


def test_add_stores_a_folder_relative_to_the_config(repo) -> None:
    repo.gen({"sub/x": ""})
    assert repo.ok("remote", "add", "-d", "R1", "store", cwd="sub").out == "Setting 'r1' as a default remote.\n"
    assert repo.read(".dvc/config") == "[core]\n    remote = r1\n['remote \"r1\"']\n    url = ../sub/store\n"


def test_add_of_a_known_name_needs_force(repo) -> None:
    repo.ok("remote", "add", "r1", "/a")
    result = repo.run("remote", "add", "-d", "r1", "/b")
    assert (result.code, result.out) == (251, "")
    assert result.err == REFUSED + "remote 'r1' already exists. Use `-f|--force` to overwrite it.\n"
    repo.ok("remote", "add", "-f", "r1", "/b")
    assert repo.ok("remote", "list").out == "r1      /b\n"


@pytest.mark.parametrize("name", ['a"b', "", "a]b", "a\nb"])
def test_add_refuses_a_name_no_file_could_hold(repo, name: str) -> None:
    assert repo.run("remote", "add", name, "/a").code == 251
    assert repo.read(".dvc/config") == ""


def test_add_refuses_an_unknown_kind_of_storage(repo) -> None:
    result = repo.run("remote", "add", "x", "foo://bar/b")
    assert (result.code, result.err.partition("\n")[0]) == (251, REFUSED + "Unsupported URL type foo:// for dictionary value @ data['remote']['x']")
    assert "s3, ssh" in result.err
    result = repo.ok("remote", "add", "x", "s3:/bucket")
    assert result.err == "WARNING: 's3:/bucket' is no URL: `s3://` begins one. It is taken for a folder.\n"


def test_list_has_columns_and_marks_the_default(repo) -> None:
    repo.ok("remote", "add", "-d", "a", "s3://b/c")
    repo.ok("remote", "add", "longer-name", "/x")
    assert repo.ok("remote", "list").out == "a       s3://b/c        (default)\nlonger-name     /x\n"


def test_list_of_a_level_that_holds_only_secrets_is_empty(repo) -> None:
    repo.ok("remote", "add", "a", "s3://b/c")
    repo.ok("remote", "modify", "--local", "a", "secret_access_key", "s")
    assert repo.ok("remote", "list", "--local").out == ""


def test_default_prints_and_sets(repo) -> None:
    result = repo.run("remote", "default")
    assert (result.code, result.out) == (1, "No default remote set\n")
    repo.ok("remote", "add", "a", "/x")
    repo.ok("remote", "default", "A")
    assert repo.ok("remote", "default").out == "a\n"
    repo.ok("remote", "default", "-u")
    assert repo.run("remote", "default").code == 1


def test_default_must_be_a_remote(repo) -> None:
    result = repo.run("remote", "default", "nor")
    assert (result.code, "default remote must be present in remote list." in result.err) == (251, True)


def test_modify_changes_unsets_and_checks(repo) -> None:
    repo.ok("remote", "add", "a", "s3://b")
    repo.ok("remote", "modify", "a", "Region", "eu")
    repo.ok("remote", "modify", "--local", "a", "secret_access_key", "s")
    assert repo.read(".dvc/config").endswith("    url = s3://b\n    region = eu\n")
    assert repo.read(".dvc/config.local") == "['remote \"a\"']\n    secret_access_key = s\n"
    assert repo.run("remote", "modify", "a", "foo", "bar").code == 251
    assert repo.run("remote", "modify", "nor", "url", "x").err.startswith(REFUSED + "remote 'nor' doesn't exist.\n")
    repo.ok("remote", "modify", "-u", "a", "region")
    assert "region" not in repo.read(".dvc/config")


def test_modify_needs_a_value(repo) -> None:
    repo.ok("remote", "add", "a", "/x")
    assert repo.run("remote", "modify", "a", "url").code == 254


def test_rename_reaches_every_level_and_what_refers_to_it(repo) -> None:
    repo.ok("remote", "add", "-d", "a", "s3://b")
    repo.ok("remote", "add", "sub", "remote://a/x")
    repo.ok("remote", "modify", "--local", "a", "profile", "p")
    repo.ok("config", "--local", "core.remote", "a")
    repo.ok("remote", "rename", "a", "z")
    assert repo.read(".dvc/config.local") == "[core]\n    remote = z\n['remote \"z\"']\n    profile = p\n"
    assert repo.ok("remote", "list").out == "sub     remote://z/x\nz       s3://b  (default)\n"
    repo.ok("status")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("a", "b", "Rename failed. Remote name 'b' already exists."), ("zz", "yy", "remote 'zz' doesn't exist.")],
)
def test_rename_refuses(repo, old: str, new: str, message: str) -> None:
    repo.ok("remote", "add", "a", "/x")
    repo.ok("remote", "add", "b", "/y")
    result = repo.run("remote", "rename", old, new)
    assert (result.code, result.err.partition("\n")[0]) == (251, REFUSED + message)


def test_a_name_that_stands_in_the_wrong_place_is_told_where_it_goes(data) -> None:
    for argv, code in ((("push", "R"), 1), (("pull", "R"), 1), (("fetch", "R"), 1), (("remote", "check", "R"), 1)):
        result = data.run(*argv)
        assert (result.code, result.err.splitlines()[-1]) == (code, "'R' is a remote: choose it with `-r R`.")
    assert data.ok("remote", "du", "R").out == data.ok("remote", "du", "-r", "r").out == data.ok("remote", "du").out
    assert data.run("remote", "du", "R", "-r", "x").code == 254
    for verb in (("modify", "nor", "url", "x"), ("remove", "nor"), ("rename", "nor", "n")):
        assert "`dataver remote list` shows" in data.run("remote", *verb).err
    assert "It is set up with --project: add this flag." in data.run("remote", "remove", "--local", "r").err


def test_remove_takes_secrets_and_default_with_it(repo) -> None:
    repo.ok("remote", "add", "-d", "a", "s3://b")
    repo.ok("remote", "modify", "--local", "a", "profile", "p")
    repo.ok("remote", "remove", "a")
    assert repo.read(".dvc/config") == repo.read(".dvc/config.local") == "\n"
    repo.ok("status")


def test_remove_of_a_local_override_keeps_the_remote(repo) -> None:
    repo.ok("remote", "add", "a", "s3://b")
    repo.ok("remote", "modify", "--local", "a", "profile", "p")
    repo.ok("remote", "remove", "--local", "a")
    assert repo.ok("remote", "list").out == "a       s3://b\n"
    assert repo.run("remote", "remove", "--local", "a").code == 251


def test_remove_keeps_a_complete_remote_of_the_same_name_in_a_stronger_level(repo) -> None:
    repo.ok("remote", "add", "a", "s3://b")
    repo.ok("remote", "add", "--local", "-d", "a", "/mine")
    repo.ok("remote", "remove", "a")
    assert repo.ok("remote", "list").out == "a       /mine   (default)\n"


def test_outside_a_repository(empty_dir, tmp_path) -> None:
    empty_dir.environ["DVC_GLOBAL_CONFIG_DIR"] = str(tmp_path / "global")
    assert empty_dir.ok("remote", "list").out == ""
    assert empty_dir.run("remote", "add", "a", "/x").code == 251
    empty_dir.ok("remote", "add", "--global", "a", "/x")
    empty_dir.ok("remote", "rename", "--global", "a", "b")
    assert empty_dir.ok("remote", "list").out == "b       /x\n"
    empty_dir.ok("remote", "remove", "--global", "b")
    assert empty_dir.ok("remote", "list").out == ""


def test_test_tells_the_time_of_each_step_or_what_is_wrong(repo) -> None:
    import json

    repo.gen({"store/x": ""})
    repo.ok("remote", "add", "-d", "good", "store")
    repo.ok("remote", "add", "bad", "missing")
    assert [line.split()[0] for line in repo.ok("remote", "test").lines] == ["write", "read", "delete", "Remote"]
    assert json.loads(repo.ok("remote", "test", "good", "--json").out)["ok"] is True
    result = repo.run("remote", "test", "bad", "--json")
    told = json.loads(result.out)
    assert (result.code, told["failed"], told["reason"]) == (1, "write", f"there is no folder '{repo.path}/missing'")
    assert result.err.startswith("ERROR: bad: there is no folder")
    assert repo.run("remote", "test", "nosuch").code == 1


def test_a_secret_in_the_committed_file_is_warned_of(repo) -> None:
    for argv in (("add", "a", "https://u:s3cret@h/x"), ("modify", "a", "password", "s3cret")):
        warned = repo.ok("remote", *argv).err
        assert "'.dvc/config' is shared through Git" in warned and "s3cret" not in warned
    assert "shared through Git" in repo.ok("config", "remote.a.password", "s3cret").err
    for argv in (("modify", "--local", "a", "password", "s3cret"), ("modify", "-u", "a", "password"), ("add", "b", "https://u@h/x"), ("modify", "b", "user", "me")):
        assert repo.ok("remote", *argv).err == ""
