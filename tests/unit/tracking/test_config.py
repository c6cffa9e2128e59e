"""Levels, paths, the schema, and safe editing."""
from __future__ import annotations

from pathlib import Path

import pytest

from tracking.engine.config import Config
from tracking.engine.config_schema import url_scheme
from tracking.engine.errors import ConfigError
from tracking.engine.protocols import Settings


class Levels:
    """Four config files in a temporary folder."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.settings = Settings(global_config_dir=str(top / "global"), system_config_dir=str(top / "system"), home="/home/ada")
        self.files = {
            "system": top / "system" / "config",
            "global": top / "global" / "config",
            "repo": top / ".dvc" / "config",
            "local": top / ".dvc" / "config.local",
        }
        (top / ".dvc").mkdir()

    def write(self, level: str, text: str) -> None:
        self.files[level].parent.mkdir(exist_ok=True)
        self.files[level].write_text(text)

    def load(self, validate: bool = True) -> Config:
        return Config.load(str(self.top / ".dvc"), self.settings, validate=validate)


@pytest.fixture
def levels(tmp_path: Path) -> Levels:
    return Levels(tmp_path)


def test_later_levels_shadow_earlier_ones_key_by_key(levels: Levels) -> None:
    levels.write("system", "[core]\nremote = a\nautostage = true\n")
    levels.write("global", "[core]\nremote = b\n")
    levels.write("local", "[core]\nremote = C\n")
    assert levels.load().merged["core"] == {"remote": "c", "autostage": True}


def test_without_files_defaults_hold(levels: Levels) -> None:
    config = levels.load()
    assert config.get("core", "autostage") is False
    assert config.get("core", "analytics") is True
    assert config.get("cache", "dir", "/fallback") == "/fallback"
    assert config.remotes() == {}
    assert config.default_remote() is None


def test_without_a_repository_only_two_levels_exist(levels: Levels) -> None:
    config = Config.load(None, levels.settings)
    assert list(config.files) == ["system", "global"]
    with pytest.raises(ConfigError, match="Not inside a DVC repo"), config.edit("repo"):
        pass


def test_relative_paths_count_from_the_file_they_stand_in(levels: Levels) -> None:
    levels.write("repo", "[cache]\ndir = ../c\n['remote \"a\"']\nurl = store\n['remote \"b\"']\nurl = ~/store\n['remote \"c\"']\nurl = s3://x/../y\n")
    levels.write("global", "['remote \"g\"']\nurl = store\n")
    config = levels.load()
    assert config.get("cache", "dir") == str(levels.top / "c")
    urls = {name: options["url"] for name, options in config.remotes().items()}
    assert urls == {
        "g": str(levels.top / "global" / "store"),
        "a": str(levels.top / ".dvc" / "store"),
        "b": "/home/ada/store",
        "c": "s3://x/../y",
    }


def test_values_are_typed(levels: Levels) -> None:
    levels.write("repo", "[cache]\ntype = \"hardlink, copy\"\n[core]\nchecksum_jobs = 3\n['remote \"a\"']\nurl = s3://b\njobs = 4\nuse_ssl = False\nssl_verify = /ca.pem\n")
    config = levels.load()
    assert config.get("cache", "type") == ["hardlink", "copy"]
    assert config.get("core", "checksum_jobs") == 3
    assert config.remotes()["a"] == {"url": "s3://b", "jobs": 4, "use_ssl": False, "ssl_verify": "/ca.pem"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[core]\nfoo = 1", "extra keys not allowed @ data['core']['foo'] (.dvc/config, line 2)"),
        ("[nosuch]\nfoo = 1", "extra keys not allowed @ data['nosuch'] (.dvc/config, line 1)"),
        ("[core]\nautostage = yes", "expected true or false for dictionary value @ data['core']['autostage'] (.dvc/config, line 2)"),
        ("[core]\nchecksum_jobs = 0", "value must be at least 1 for dictionary value @ data['core']['checksum_jobs'] (.dvc/config, line 2)"),
        ("[cache]\ntype = foo", "Unsupported cache type(s): foo for dictionary value @ data['cache']['type'] (.dvc/config, line 2)"),
        ("['remote \"a\"']\njobs = 1", "expected 'url' for dictionary value @ data['remote']['a'] (.dvc/config, line 1)"),
        ("['remote \"a\"']\nurl = foo://b", "Unsupported URL type foo:// for dictionary value @ data['remote']['a'] (.dvc/config, line 1)"),
        ("['remote \"a\"']\nurl = gs://b\nregion = x", "extra keys not allowed @ data['remote']['a']['region'] (.dvc/config, line 3)"),
        ("[hydra]\nconfig_dir = a\nconfig_module = b", "two or more values in the same group of exclusion 'config_source' @ data['hydra'][<config_source>] (.dvc/config, line 1)"),
    ],
)
def test_what_the_schema_refuses_is_named_with_its_place(levels: Levels, text: str, message: str) -> None:
    levels.write("repo", text)
    with pytest.raises(ConfigError) as caught:
        levels.load()
    assert str(caught.value) == message


def test_a_bad_value_is_not_repeated(levels: Levels) -> None:
    levels.write("local", "['remote \"a\"']\nurl = s3://b\nuse_ssl = hunter2\n")
    with pytest.raises(ConfigError) as caught:
        levels.load()
    assert "hunter2" not in str(caught.value)
    assert ".dvc/config.local, line 3" in str(caught.value)


def test_a_broken_config_can_be_loaded_unchecked(levels: Levels) -> None:
    levels.write("repo", "[core]\nfoo = 1\n")
    assert levels.load(validate=False).level("repo")["core"] == {"foo": "1"}


@pytest.mark.parametrize(
    ("url", "scheme"),
    [("/a", ""), ("a", ""), ("s3://b/c", "s3"), ("S3://b", "s3"), ("s3:///x", ""), ("C:\\x", ""), ("remote://a/b", "remote"), ("webdavs://h", "webdavs"), ("1x://h", "")],
)
def test_the_scheme_decides_which_options_a_remote_has(url: str, scheme: str) -> None:
    assert url_scheme(url) == scheme


def test_remote_references_are_followed_and_shadowed(levels: Levels) -> None:
    levels.write(
        "repo",
        "['remote \"base\"']\nurl = s3://bucket/top/\nregion = eu\njobs = 2\n"
        "['remote \"mid\"']\nurl = remote://base/one\njobs = 3\n['remote \"leaf\"']\nurl = remote://mid/two\n",
    )
    leaf = levels.load().remote("Leaf")
    assert leaf["url"] == "s3://bucket/top/one/two"
    assert (leaf["region"], leaf["jobs"], leaf["use_ssl"]) == ("eu", 3, True)


@pytest.mark.parametrize("url", ["remote://a/x", "remote://nosuch/x"])
def test_a_reference_that_leads_nowhere_is_refused(levels: Levels, url: str) -> None:
    levels.write("repo", f"['remote \"a\"']\nurl = {url}\n")
    with pytest.raises(ConfigError):
        levels.load().remote("a")


def test_edit_writes_only_what_changed(levels: Levels) -> None:
    levels.write("repo", "# mine\n[core]\nremote = a\n")
    config = levels.load()
    with config.edit("repo") as sections:
        sections["core"]["remote"] = "a"
    with config.edit("local") as sections:
        sections["core"]["remote"] = "b"
    assert levels.files["repo"].read_text() == "# mine\n[core]\nremote = a\n"
    assert levels.files["local"].read_text() == "[core]\n    remote = b\n"
    assert config.default_remote() == "b"


def test_edit_that_breaks_the_config_writes_nothing(levels: Levels) -> None:
    levels.write("repo", "[core]\nremote = a\n")
    config = levels.load()
    with pytest.raises(ConfigError, match="extra keys"), config.edit("repo") as sections:
        sections["core"]["foo"] = "1"
    assert levels.files["repo"].read_text() == "[core]\nremote = a\n"


def test_edit_keeps_comments_and_what_nobody_knows(levels: Levels) -> None:
    levels.write("repo", "# mine\n[core]\nremote = a  # the lab\nfuture = 1\n[later]\nx = y\n")
    with levels.load(validate=False).edit("repo") as sections:
        sections["core"]["remote"] = "b"
    assert levels.files["repo"].read_text() == "# mine\n[core]\nremote = b  # the lab\nfuture = 1\n[later]\nx = y\n"
    with pytest.raises(ConfigError, match="extra keys"), levels.load(validate=False).edit("repo") as sections:
        sections["core"]["future"] = "2"


def test_edit_of_odd_syntax_still_stores_the_value(levels: Levels) -> None:
    levels.write("repo", "[core]\nremote = \'\'\'a\'\'\'  # odd\n")
    with levels.load().edit("repo") as sections:
        sections["core"]["remote"] = "b"
    assert levels.load().get("core", "remote") == "b"


def test_edit_that_orphans_a_stronger_level_is_refused(levels: Levels) -> None:
    levels.write("repo", "['remote \"a\"']\nurl = s3://b\n")
    levels.write("local", "['remote \"a\"']\npassword = x\n".replace("password", "session_token"))
    with pytest.raises(ConfigError, match="expected 'url'"), levels.load().edit("repo") as sections:
        del sections["remote"]["a"]


def test_a_broken_stronger_level_does_not_keep_from_editing(levels: Levels) -> None:
    levels.write("local", "[core]\nfoo = 1\n")
    with levels.load(validate=False).edit("repo") as sections:
        sections["core"]["remote"] = "a"
    assert levels.files["repo"].read_text() == "[core]\n    remote = a\n"


def test_edit_brings_path_spellings_into_normal_form_only_when_it_writes(levels: Levels) -> None:
    levels.write("repo", "['remote \"a\"']\nurl = ./x/../y\n['remote \"b\"']\nurl = ~/z\n")
    with levels.load().edit("repo") as sections:
        sections["core"]["remote"] = "a"
    assert levels.files["repo"].read_text() == "[core]\n    remote = a\n['remote \"a\"']\n    url = y\n['remote \"b\"']\n    url = ~/z\n"


@pytest.mark.parametrize(
    ("value", "stored"),
    [("store", "../sub/store"), ("/abs", "/abs"), ("~/x", "~/x"), ("s3://b/c", "s3://b/c"), (".", "../sub"), ("../.dvc/k", "k")],
)
def test_a_typed_path_is_stored_relative_to_the_file(levels: Levels, value: str, stored: str) -> None:
    (levels.top / "sub").mkdir()
    assert levels.load().spell("repo", "remote", "url", value, str(levels.top / "sub")) == stored


def test_options_that_are_no_paths_are_stored_as_typed(levels: Levels) -> None:
    assert levels.load().spell("repo", "remote", "region", "eu", str(levels.top)) == "eu"


@pytest.mark.parametrize("value", ["%(x)s", "a\u2028b"])
def test_a_value_that_would_not_read_back_is_refused_unseen(levels: Levels, value: str) -> None:
    with pytest.raises(ConfigError, match="studio.token") as caught, levels.load().edit("local") as sections:
        sections["studio"]["token"] = value
    assert value not in str(caught.value)
    assert not levels.files["local"].exists()


def test_another_revisions_config_can_stand_in(levels: Levels) -> None:
    levels.write("repo", "[core]\nremote = now\n")
    config = Config.load(str(levels.top / ".dvc"), levels.settings, repo_data=b"[core]\nremote = then\n")
    assert config.default_remote() == "then"
