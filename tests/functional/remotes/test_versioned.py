"""Storage with versioning: imports that name versions, and remotes that keep data under its own names."""
from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.servers.process import Server

NUMBER = itertools.count()


class Bucket:
    """A place of its own in a bucket with versioning. put, latest and versions take paths below it."""

    def __init__(self, server: Server) -> None:
        import boto3

        self.server = server
        self.name = f"versions-{next(NUMBER)}"
        self.client = boto3.client(
            "s3",
            endpoint_url=server.options["endpointurl"],
            aws_access_key_id=server.options["access_key_id"],
            aws_secret_access_key=server.options["secret_access_key"],
            region_name=server.options["region"],
        )
        self.client.create_bucket(Bucket=self.name)
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            self.client.put_object(Bucket=self.name, Key=path, Body=text.encode())

    def latest(self) -> dict[str, str]:
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {item["Key"]: self.client.get_object(Bucket=self.name, Key=item["Key"])["Body"].read().decode() for item in found}

    def versions(self, path: str) -> list[str]:
        """Ids of the versions of a file, the newest first."""
        return [item["VersionId"] for item in self.client.list_object_versions(Bucket=self.name, Prefix=path).get("Versions", []) if item["Key"] == path]


@pytest.fixture
def bucket(servers: Callable[[str], Server]) -> Bucket:
    return Bucket(servers("s3"))


@pytest.fixture
def project(repo: Project, bucket: Bucket) -> Project:
    """With the remote `ver`, version_aware."""
    repo.ok("remote", "add", "-q", "-d", "ver", f"{bucket.url}/p")
    for option, value in {**bucket.server.options, "version_aware": "true"}.items():
        repo.ok("remote", "modify", "--local", "ver", option, value)
    return repo


def _options(bucket: Bucket) -> list[str]:
    return ["--fs-config", *(f"{name}={value}" for name, value in bucket.server.options.items() if name == "endpointurl")]


def _lose(project: Project, *names: str) -> None:
    shutil.rmtree(project / ".dvc/cache", ignore_errors=True)
    for name in names:
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def test_an_import_brings_the_versions_it_names(repo: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, option in (("AWS_ACCESS_KEY_ID", "access_key_id"), ("AWS_SECRET_ACCESS_KEY", "secret_access_key"), ("AWS_DEFAULT_REGION", "region")):
        monkeypatch.setenv(variable, bucket.server.options[option])
    bucket.put({"src/a.txt": "a\n", "src/s/b.txt": "b\n"})
    repo.ok("import-url", f"{bucket.url}/src", "imp", "--version-aware", *_options(bucket))
    first = bucket.versions("src/a.txt")[0]
    assert repo.read("imp.dvc").splitlines()[1:] == [
        "frozen: true", "deps:", "- hash: md5", f"  path: {bucket.url}/src", "  fs_config:",
        f"    endpointurl: {bucket.server.options['endpointurl']}", "    version_aware: true", "  files:",
        "  - relpath: a.txt", "    etag: 60b725f10c9c85c70d97880dfe8191b3", "    size: 2", f"    version_id: {first}",
        "  - relpath: s/b.txt", "    etag: 3b5d5c3712955042212316173ccf37be", "    size: 2", f"    version_id: {bucket.versions('src/s/b.txt')[0]}",
        "outs:", "- md5: 6a216f398717513c954eb28e1e130224.dir", "  size: 4", "  nfiles: 2", "  hash: md5", "  path: imp", "  push: false",
    ]  # fmt: skip
    bucket.put({"src/a.txt": "newer\n"})
    assert f"modified:           {bucket.url}/src" in repo.ok("status").out
    _lose(repo, "imp")
    repo.ok("pull")
    assert repo.read("imp/a.txt") == "a\n"
    repo.ok("update", "imp.dvc")
    assert repo.read("imp/a.txt") == "newer\n"
    assert repo.ok("list-url", f"{bucket.url}/src", "-R", *_options(bucket)).lines == ["a.txt", "s/b.txt"]
    repo.ok("get-url", f"{bucket.url}/src", "got", *_options(bucket))
    assert repo.tree("got") == ["a.txt", "s/b.txt"]


def test_a_push_notes_versions_and_keeps_those_of_what_did_not_change(project: Project, bucket: Bucket) -> None:
    project.gen({"d": {"a": "a\n", "s": {"b": "b\n"}}, "f": "f\n", "dvc.yaml": "stages:\n  s:\n    cmd: cp f o\n    deps: [f]\n    outs: [o]\n"})
    project.ok("add", "d", "f")
    project.ok("repro")
    assert project.ok("push").lines[-1] == "4 files pushed"
    assert bucket.latest() == {"p/d/a": "a\n", "p/d/s/b": "b\n", "p/f": "f\n", "p/o": "f\n"}
    (a,), (b,) = bucket.versions("p/d/a"), bucket.versions("p/d/s/b")
    assert project.read("d.dvc").splitlines() == [
        "outs:", "- hash: md5", "  path: d", "  files:",
        "  - relpath: a", "    md5: 60b725f10c9c85c70d97880dfe8191b3", "    size: 2", "    cloud:", "      ver:", "        etag: 60b725f10c9c85c70d97880dfe8191b3", f"        version_id: {a}",
        "  - relpath: s/b", "    md5: 3b5d5c3712955042212316173ccf37be", "    size: 2", "    cloud:", "      ver:", "        etag: 3b5d5c3712955042212316173ccf37be", f"        version_id: {b}",
    ]  # fmt: skip
    assert f"version_id: {bucket.versions('p/f')[0]}" in project.read("f.dvc") and bucket.versions("p/o")[0] in project.read("dvc.lock")
    assert project.ok("push").out == "Everything is up to date.\n"
    assert project.ok("status").out == "Data and pipelines are up to date.\n"
    project.commit()
    project.gen({"d/a": "changed\n"})
    project.ok("add", "d")
    assert project.read("d.dvc").count("version_id") == 1
    assert "d/" in project.ok("data", "status", "--not-in-remote").out.split("DVC committed")[0]
    assert project.ok("push").out == "1 file pushed\n"
    assert len(bucket.versions("p/d/a")) == 2 and bucket.versions("p/d/s/b") == [b]
    _lose(project, "d", "f", "o")
    project.git("checkout", "-q", "d.dvc")
    assert project.ok("pull").lines[-1] == "3 files fetched and 4 files added"  # f and o are the same
    assert project.read("d/a") == "a\n"  # the version of the commit
    for manifest in (project / ".dvc/cache").rglob("*.dir"):  # real dvc leaves none
        manifest.unlink()
    shutil.rmtree(project / "d")
    project.ok("checkout", "d.dvc")
    assert project.tree("d") == ["a", "s/b"]


def test_what_versions_cannot_do_is_said(project: Project) -> None:
    project.gen({"f": "f\n"})
    project.ok("add", "f")
    project.commit()
    for argv, code, text in (
        (("status", "-c"), 1, "'status' is unsupported for cloud versioned remotes"),
        (("gc", "-w", "-c", "-f"), 251, "'gc -c' is unsupported for cloud versioned remotes"),
        (("push", "-a"), 1, "Multiple rev push is unsupported for cloud versioned remotes"),
    ):
        result = project.run(*argv)
        assert (result.code, text in result.err) == (code, True), result.err
    _lose(project, "f")
    result = project.run("fetch", "--run-cache")
    assert result.code == 1 and "missing cloud version information" in result.err


def test_a_damaged_version_does_not_enter_the_cache(project: Project, bucket: Bucket) -> None:
    project.gen({"d": {"a": "a\n", "b": "b\n"}})
    project.ok("add", "d")
    project.ok("push")
    bucket.put({"p/d/a": "x\n"})
    dvcfile = project.read("d.dvc").replace(bucket.versions("p/d/a")[1], bucket.versions("p/d/a")[0])
    (project / "d.dvc").write_text(dvcfile)
    _lose(project, "d")
    result = project.run("fetch")
    assert result.code == 1 and "its bytes are not what the project recorded" in result.err
    assert "3b5d5c3712955042212316173ccf37be" in project.objects()  # the other one came


def test_update_takes_what_others_put_into_a_worktree(project: Project, bucket: Bucket) -> None:
    project.ok("remote", "modify", "--local", "ver", "worktree", "true")
    project.gen({"d": {"a": "a\n", "b": "b\n"}, "f": "f\n"})
    project.ok("add", "d", "f")
    project.ok("push")
    kept = bucket.versions("p/d/b")[0]
    bucket.put({"p/d/a": "changed\n", "p/d/new": "new\n", "p/f": "other\n"})
    project.ok("update", "d.dvc", "f.dvc")
    assert [project.read(name) for name in ("d/a", "d/b", "d/new", "f")] == ["changed\n", "b\n", "new\n", "other\n"]
    assert kept in project.read("d.dvc") and bucket.versions("p/d/a")[0] in project.read("d.dvc")
    assert project.ok("push").out == "Everything is up to date.\n"
    bucket.put({"p/f": "more\n"})
    project.gen({"f": "edited here\n"})
    result: Any = project.run("update", "f.dvc")
    assert result.code == 1 and project.read("f") == "edited here\n"


def test_remote_check_looks_at_the_versions_that_are_recorded(project: Project, bucket: Bucket) -> None:
    project.gen({"d": {"a": "a\n", "b": "b\n"}, "f": "f\n"})
    project.ok("add", "-q", "d", "f")
    assert [item["reason"] for item in project.run("remote", "check", "--json").json["missing"]] == ["no version of it was ever pushed"] * 3
    project.ok("push")
    bucket.put({"p/d/a": "newer\n"})  # another version: the recorded one is still there
    assert project.ok("remote", "check", "--verify").out == "All 3 objects (6 bytes) are in 'ver'.\n"
    version = bucket.versions("p/d/a")[1]
    bucket.client.delete_object(Bucket=bucket.name, Key="p/d/a", VersionId=version)
    result = project.run("remote", "check")
    assert (result.code, result.lines[1]) == (1, "         d/a (d.dvc) in workspace") and f"its version {version} is not there" in result.out


def test_data_in_versions_is_imported_by_others(project: Project, bucket: Bucket, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for option, value in bucket.server.options.items():  # of the committed config; credentials come from the environment
        if option in ("endpointurl", "region"):
            project.ok("remote", "modify", "ver", option, value)
    project.ok("remote", "modify", "ver", "version_aware", "true")
    for variable, option in (("AWS_ACCESS_KEY_ID", "access_key_id"), ("AWS_SECRET_ACCESS_KEY", "secret_access_key")):
        monkeypatch.setenv(variable, bucket.server.options[option])
    project.gen({"d": {"a": "a\n", "s": {"b": "b\n"}}, "f": "f\n"})
    project.ok("add", "d", "f")
    project.ok("push")
    project.commit()
    _lose(project, "d", "f")
    other = Project(tmp_path / "other", capfd)
    other.path.mkdir()
    other.git("init", "-q")
    other.ok("init", "-q")
    bucket.put({"p/d/a": "newer\n"})
    other.ok("import", f"file://{project.path}", "d")
    other.ok("get", f"file://{project.path}", "f")
    assert (other.read("d/a"), other.read("f")) == ("a\n", "f\n")
    _lose(other, "d")
    assert other.ok("pull").lines[-1] == "2 files fetched and 2 files added"
