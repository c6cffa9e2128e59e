"""`config` and `cache dir`."""
from __future__ import annotations

import pytest


def test_set_get_and_unset(repo) -> None:
    assert repo.ok("config", "core.autostage", "true").out == ""
    assert repo.ok("config", "core.autostage").out == "true\n"
    assert repo.read(".dvc/config") == "[core]\n    autostage = true\n"
    repo.ok("config", "-u", "core.autostage")
    assert repo.read(".dvc/config") == "\n"


def test_a_known_but_unset_name_prints_nothing(repo) -> None:
    assert repo.ok("config", "studio.token").out == ""
    assert repo.ok("config", "nosuch.x").out == ""


@pytest.mark.parametrize("name", ["core", "a.b.c", "remote.a.b.c"])
def test_a_name_of_another_form_is_a_usage_error(repo, name: str) -> None:
    result = repo.run("config", name)
    assert result.code == 254
    assert "argument name: name argument should look like" in result.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("core.foo", "1"), "extra keys not allowed @ data['core']['foo']"),
        (("core.autostage", "maybe"), "expected true or false for dictionary value @ data['core']['autostage']"),
        (("-u", "core.remote"), "option 'remote' doesn't exist in section 'core'"),
        (("--local", "cache.type"), "option 'type' doesn't exist in section 'cache'"),
        (("-u", "remote.zz.url"), "remote 'zz' doesn't exist"),
        (("-u", "nosuch.url"), "section 'nosuch' doesn't exist"),
    ],
)
def test_what_is_refused_changes_nothing(repo, argv: tuple[str, ...], message: str) -> None:
    result = repo.run("config", *argv)
    assert (result.code, result.err) == (251, f"ERROR: configuration error - config file error: {message}\n")
    assert repo.read(".dvc/config") == ""


@pytest.mark.parametrize("argv", [(), ("-l", "core.remote"), ("--show-origin", "core.remote", "x")])
def test_flags_that_do_not_go_together(repo, argv: tuple[str, ...]) -> None:
    assert repo.run("config", *argv).code == 1


def test_list_resolves_paths_and_names_the_file(repo) -> None:
    repo.ok("remote", "add", "r1", "store")
    repo.ok("config", "--local", "core.remote", "R1")
    assert repo.ok("config", "-l", "--show-origin").lines == [
        f".dvc/config\tremote.r1.url={repo.path}/store",
        ".dvc/config.local\tcore.remote=R1",
    ]


def test_list_tells_no_secret_and_a_name_does(repo) -> None:
    repo.ok("remote", "add", "-d", "web", "https://me:hunter2@host/x?sig=tok3n")
    repo.ok("remote", "modify", "--local", "web", "password", "s3cret")
    assert repo.ok("config", "-l").lines == ["remote.web.url=https://me:***@host/x?***", "core.remote=web", "remote.web.password=***"]
    assert repo.ok("remote", "list").out.split() == ["web", "https://me:***@host/x?***", "(default)"]
    assert (repo.ok("config", "remote.web.password").out, repo.ok("config", "remote.web.url").out) == ("s3cret\n", "https://me:hunter2@host/x?sig=tok3n\n")


def test_the_strongest_level_answers(repo) -> None:
    repo.ok("config", "core.remote", "a")
    repo.ok("config", "--local", "core.remote", "b")
    assert repo.ok("config", "core.remote").out == "b\n"
    assert repo.ok("config", "--project", "core.remote").out == "a\n"


def test_a_broken_config_fails_commands_with_its_place_and_can_be_repaired(repo) -> None:
    repo.gen({".dvc/config": "[core]\n    foo = 1\n"})
    result = repo.run("status")
    assert result.code in (1, 251)
    assert "extra keys not allowed @ data['core']['foo'] (.dvc/config, line 2)" in result.err
    repo.ok("config", "-u", "core.foo")
    repo.ok("status")


def test_outside_a_repository(empty_dir) -> None:
    assert empty_dir.ok("config", "-l").out == ""
    assert empty_dir.ok("config", "core.autostage").out == ""
    for argv in (["core.autostage", "true"], ["--local", "-l"]):
        result = empty_dir.run("config", *argv)
        assert (result.code, result.err) == (251, "ERROR: configuration error - config file error: Not inside a DVC repo\n")


def test_global_settings_need_no_repository(empty_dir, tmp_path) -> None:
    empty_dir.environ["DVC_GLOBAL_CONFIG_DIR"] = str(tmp_path / "global")
    empty_dir.ok("config", "--global", "core.checksum_jobs", "4")
    assert (tmp_path / "global/config").read_text() == "[core]\n    checksum_jobs = 4\n"
    assert empty_dir.ok("config", "core.checksum_jobs").out == "4\n"


def test_cache_dir_prints_the_default(repo) -> None:
    assert repo.ok("cache", "dir").out == f"{repo.path}/.dvc/cache\n"


def test_cache_dir_is_stored_relative_to_the_config(repo) -> None:
    repo.gen({"sub/x": ""})
    repo.ok("cache", "dir", "here", cwd="sub")
    assert repo.read(".dvc/config") == "[cache]\n    dir = ../sub/here\n"
    assert repo.ok("cache", "dir").out == f"{repo.path}/sub/here\n"
    repo.ok("cache", "dir", "-u")
    assert repo.run("cache", "dir", "-u").code == 251


def test_cache_dir_of_a_level_that_has_none(repo) -> None:
    result = repo.run("cache", "dir", "--local")
    assert (result.code, "option 'dir' doesn't exist in section 'cache'" in result.err) == (251, True)


def test_changing_the_link_type_says_how_to_apply_it(repo) -> None:
    assert "checkout --relink" in repo.ok("config", "cache.type", "hardlink,symlink").err
    assert repo.read(".dvc/config") == '[cache]\n    type = "hardlink,symlink"\n'


def test_settings_can_be_changed_while_the_repository_is_locked(repo) -> None:
    from tracking.engine.locks import repo_lock

    with repo_lock(str(repo / ".dvc/tmp")):
        repo.ok("config", "core.autostage", "true")
        repo.ok("remote", "add", "r", "/x")
