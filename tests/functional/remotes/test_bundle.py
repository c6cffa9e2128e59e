"""`bundle create`, `bundle unpack`, `bundle list`."""
from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remotes.engine.bundle.reading import BadBundle, BundleFile
from remotes.engine.bundle.tarheader import END, header, padding
from tests.compat.tools import dvc_executable
from tests.conftest import Project

A, C = "60b725f10c9c85c70d97880dfe8191b3", "2cd6ee2c70b0bde53fbe6cac3c8b8bb1"
F = "9a8ad92c50cae39aa2c5604fd0ab6d8c"


@pytest.fixture
def at(data: Project) -> Callable[..., Project]:
    """Another folder beside the project, as a project."""

    def make(name: str) -> Project:
        found = Project(data.path.parent / name, data._capfd)
        found.environ = dict(data.environ)
        return found

    return make


def cached(project: Project, oid: str) -> Path:
    return project / ".dvc/cache/files/md5" / oid[:2] / oid[2:]


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def rewrite(path: Path, change: Callable[[dict[str, bytes]], Any]) -> None:
    """A bundle with other members, and with sums that agree: what somebody who means harm would make."""
    found = members(path)
    change(found)
    named = {name: data for name, data in found.items() if name in ("manifest.json", "git.bundle") or name.startswith("cache/runs/")}
    found["SHA256SUMS"] = "".join(f"{hashlib.sha256(named[name]).hexdigest()}  {name}\n" for name in sorted(named)).encode()
    path.write_bytes(b"".join(header(name, len(data)) + data + bytes(padding(len(data))) for name, data in found.items()) + END)


def say(found: dict[str, bytes], **facts: Any) -> None:
    found["manifest.json"] = json.dumps({**json.loads(found["manifest.json"]), **facts}).encode()


# --- there and back
def test_a_bundle_is_the_project_elsewhere(data: Project, at: Callable[..., Project]) -> None:
    assert data.ok("bundle", "create", "../x.bundle").out.startswith("Packed 1 commit and 5 objects (")
    assert data.run("bundle", "create", "../x.bundle").code == 1  # there is one
    shutil.rmtree(data.path)
    new = at("new")
    assert data.run("bundle", "unpack", "../x.bundle", "../new", cwd="..").code == 1  # no such bundle from there
    (data.path.parent / "x.bundle").rename(data.path.parent / "new.bundle")
    out = data.ok("bundle", "unpack", "new.bundle", cwd="..").out
    assert "5 objects added" in out and str(new.path) in out
    assert (new.tree(), new.read("d/sub/c"), new.git("log", "--format=%s")) == ([".dvcignore", ".gitignore", "d.dvc", "d/a", "d/b", "d/sub/c", "f.txt", "f.txt.dvc"], "c\n", "one\n")
    assert (new.git("status", "--short"), new.ok("status").out, new.git("branch", "--show-current")) == ("", "Data and pipelines are up to date.\n", "main\n")
    assert all(cached(new, oid).stat().st_mode & 0o777 == 0o444 for oid in new.objects())
    assert sorted(os.listdir(data.path.parent)) == ["new", "new.bundle"]


def test_dvc_and_standard_tools_read_it(data: Project, at: Callable[..., Project]) -> None:
    data.ok("bundle", "create", "../x.bundle")
    data.ok("bundle", "unpack", "../x.bundle", "../new")
    shell = "mkdir t && tar xf x.bundle -C t && cd t && sha256sum --quiet -c SHA256SUMS && git clone -q git.bundle project && cd project && $DVC cache dir --local ../cache && $DVC checkout -q && cat d/sub/c && $DVC status"
    ran = subprocess.run(f"set -e; (cd new; $DVC status; $DVC checkout); {shell}", shell=True, cwd=data.path.parent, env={**data.environ, "DVC": str(dvc_executable())}, capture_output=True, text=True)
    fresh = "Data and pipelines are up to date.\n"
    assert (ran.returncode, ran.stdout) == (0, f"{fresh}c\n{fresh}"), ran.stderr


def test_equal_input_gives_equal_bytes(data: Project) -> None:
    data.gen({"d": {"a": "other\n"}})
    data.ok("add", "-q", "d")
    data.commit("two")
    data.ok("bundle", "create", "../1", "-A")
    data.git("gc", "-q", "--aggressive")
    data.git("config", "pack.window", "0")
    data.ok("bundle", "create", "../2", "-A")
    assert (data / "../1").read_bytes() == (data / "../2").read_bytes()


def test_revisions_choose_the_data_and_history_is_whole(data: Project, at: Callable[..., Project]) -> None:
    data.git("tag", "v1")
    data.gen({"d": {"a": "new\n"}})
    data.ok("add", "-q", "d")
    second = data.commit("two")
    said = data.ok("bundle", "create", "../v1", "--rev", "v1", "--json").json
    assert (list(said["refs"]), said["objects"], said["head"]["branch"]) == (["refs/tags/v1"], 5, None)
    said = data.ok("bundle", "create", "../two", "--rev", "HEAD", "--json").json
    assert (said["commits"], said["objects"], [(item["path"], item["files"], item["size"]) for item in said["data"]]) == ([second], 5, [("d", 3, 8), ("f.txt", 1, 2)])
    said = data.ok("bundle", "create", "../all", "-A", "--json").json
    assert (len(said["commits"]), said["objects"]) == (2, 7)
    data.ok("bundle", "unpack", "../v1", "../old")
    assert (at("old").read("d/a"), at("old").git("log", "--format=%s", "--all")) == ("a\n", "one\n")
    said = data.ok("bundle", "create", "../sha", "--rev", f"{second[:9]}~1", "--json").json
    assert list(said["refs"]) == [f"refs/bundle/{said['head']['commit']}"]
    assert data.run("bundle", "create", "../none", "--rev", "nonsense").err.startswith("ERROR: unknown Git revision 'nonsense'")


def test_a_project_that_is_there_gets_branches_and_objects(data: Project, make_project: Callable[..., Project]) -> None:
    other = make_project("other", files={"f.txt": "f\n"})
    other.ok("add", "-q", "f.txt")
    other.commit("mine")
    other.git("tag", "v1")
    data.git("tag", "v1")
    data.git("tag", "v2")
    data.ok("bundle", "create", "../x.bundle", "-T")
    found = other.ok("bundle", "unpack", "../x.bundle", "--json").json
    assert (found["added"], found["present"], found["new"]) == (4, 1, False)
    assert sorted(found["refs"]) == ["refs/remotes/bundle/main", "refs/remotes/bundle/tags/v1", "refs/tags/v2"]
    assert found["moved"] == {"refs/tags/v1": "refs/remotes/bundle/tags/v1"}
    assert (other.git("log", "--format=%s"), other.tree()) == ("mine\n", [".dvcignore", ".gitignore", "f.txt", "f.txt.dvc"])
    other.git("switch", "-q", "-c", "theirs", "bundle/main")
    other.ok("checkout", "-q")
    assert other.read("d/a") == "a\n"
    assert other.ok("bundle", "unpack", "../x.bundle", ".", "--json").json["added"] == 0


def test_a_project_below_the_root_of_git_with_its_cache_elsewhere(make_project: Callable[..., Project], at: Any, tmp_path: Path) -> None:
    top = make_project("mono", init=False)
    top.gen({"sub": {"f": "x"}, "README": "r"})
    top.ok("init", "-q", "--subdir", cwd="sub")
    top.ok("cache", "dir", str(tmp_path / "outside"), cwd="sub")
    top.ok("add", "-q", "f", cwd="sub")
    top.commit("one")
    top.ok("bundle", "create", "../../x.bundle", cwd="sub")
    shutil.rmtree(tmp_path / "outside")
    result = top.ok("bundle", "unpack", "../x.bundle", "../there/new", cwd=".")
    assert "puts its cache elsewhere" in result.err and not (tmp_path / "outside").exists()
    new = at("there/new/sub")
    assert (new.read("f"), len(new.objects()), new.ok("status").out) == ("x", 1, "Data and pipelines are up to date.\n")


def test_experiments_and_the_run_cache_come_along(make_project: Callable[..., Project], at: Any, data: Project) -> None:
    repo = make_project("exps", files={"dvc.yaml": "stages:\n  s:\n    cmd: cp params.yaml out\n    params: [lr]\n    outs: [out]\n", "params.yaml": "lr: 1\n"})
    repo.ok("repro", "-q")
    repo.commit()
    repo.ok("exp", "run", "-q", "-n", "tried", "-S", "lr=2")
    repo.ok("exp", "note", "tried", "worth it")
    repo.git("checkout", "-q", ".")
    said = repo.ok("bundle", "create", "../e.bundle", "--experiments", "--run-cache", "--json").json
    assert (said["runs"], len(said["commits"])) == (2, 2)
    repo.ok("bundle", "unpack", "../e.bundle", "../new", "--run-cache")
    new = at("new")
    assert "tried" in new.ok("exp", "list").out and "worth it" in new.git("log", "--all", "--notes=dataver")
    new.ok("exp", "apply", "tried")
    (new / "out").unlink()
    assert (new.ok("repro").code, new.read("out")) == (0, "lr: 2\n")


# --- what is not there, or not whole
def test_missing_and_damaged_objects_are_named_before_they_are_packed(data: Project) -> None:
    cached(data, C).unlink()
    cached(data, F).chmod(0o644)
    cached(data, F).write_text("damage")
    cached(data, F).chmod(0o444)
    result = data.run("bundle", "create", "../x.bundle")
    assert result.code == 1 and f"    d/sub/c  {C}\n" in result.err and "dataver fetch" in result.err
    result = data.run("bundle", "create", "../x.bundle", "--allow-missing")
    assert f"object '{F}' is corrupted: moved to" in result.err and result.code == 0
    assert [item["oid"] for item in data.ok("bundle", "list", "../x.bundle", "--verify", "--json").json["missing"]] == [C, F]
    assert sorted(os.listdir(data.path.parent)) == ["project", "x.bundle"]
    result = data.run("bundle", "unpack", "../x.bundle", "../new")
    assert (result.code, sorted(line for line in result.err.splitlines() if "checked out" in line)) == (0, ["WARNING: 'd' could not be checked out: its data is not inside", "WARNING: 'f.txt' could not be checked out: its data is not inside"])
    cached(data, A).chmod(0o644)
    cached(data, A).write_text("damage")
    cached(data, A).chmod(0o444)
    cached(data, C).write_text("c\n")
    cached(data, F).write_text("f\n")
    result = data.run("bundle", "create", "../y.bundle")
    assert result.code == 1 and f"    d/a  {A}" in result.err and not (data / "../y.bundle").exists()


def test_a_flipped_byte_anywhere_and_a_cut_anywhere_are_found(data: Project, tmp_path: Path) -> None:
    data.ok("bundle", "create", "../x.bundle")
    whole = (tmp_path / "x.bundle").read_bytes()

    def problem(broken: bytes) -> str:
        (tmp_path / "broken").write_bytes(broken)
        try:
            with BundleFile(str(tmp_path / "broken"), "broken") as bundle:
                for _, chunks in bundle.members():
                    for _ in chunks:
                        pass
        except BadBundle as exc:
            return str(exc)
        return ""

    assert problem(whole) == ""
    quiet = [at for at in range(0, len(whole), 5) if not problem(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :]).startswith("bundle 'broken' cannot be used: ")]
    quiet += [-at for at in range(0, len(whole), 97) if not problem(whole[:at])]
    assert quiet == [] and problem(whole + b"x")


def test_a_damaged_bundle_leaves_nothing_and_names_the_object(data: Project, tmp_path: Path, make_project: Callable[..., Project]) -> None:
    data.ok("bundle", "create", "../x.bundle")
    path = tmp_path / "x.bundle"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"f\n" + bytes(510), b"g\n" + bytes(510)))
    result = data.run("bundle", "unpack", "../x.bundle", "../new")
    assert (result.code, result.err.splitlines()[0]) == (1, f"ERROR: bundle '../x.bundle' cannot be used: object '{F}' is damaged")
    assert sorted(os.listdir(tmp_path)) == ["project", "x.bundle"]
    other = make_project("other")
    assert other.run("bundle", "unpack", "../x.bundle").code == 1
    assert F not in other.objects() and not any(oid.endswith(".dir") for oid in other.objects()) and other.git("for-each-ref") == ""
    path.write_bytes(whole[:-3000])
    assert "cut off" in other.run("bundle", "list", "../x.bundle", "--verify").err
    path.write_bytes(whole)
    assert other.ok("bundle", "unpack", "../x.bundle").code == 0 and len(other.objects()) == 5


@pytest.mark.parametrize("member", ["../evil", "/tmp/evil", "cache/files/md5/../../../evil", f"cache/files/md5/{A[:2]}/{A[2:]}x", "cache/runs/ab/x", "dvc.yaml", "link", "device", "folder"])
def test_other_members_are_refused(data: Project, tmp_path: Path, member: str) -> None:
    data.ok("bundle", "create", "../x.bundle")
    kinds = {"link": tarfile.SYMTYPE, "device": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE}
    info = tarfile.TarInfo(f"cache/files/md5/ff/{'f' * 30}" if member in kinds else member)
    info.mode, info.type, info.linkname = 0o444, kinds.get(member, tarfile.REGTYPE), "/etc/passwd" if member == "link" else ""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(info)
    path = tmp_path / "x.bundle"
    path.write_bytes(path.read_bytes()[: -len(END)] + out.getvalue()[:512] + END)
    result = data.run("bundle", "unpack", "../x.bundle", "../new")
    assert result.code == 1 and "cannot be used" in result.err and sorted(os.listdir(tmp_path)) == ["project", "x.bundle"]


def lie(found: dict[str, bytes]) -> None:
    found[f"cache/files/md5/{A[:2]}/{A[2:]}"] = b"not what the name says"


def lead_out(found: dict[str, bytes]) -> None:
    data = json.dumps([{"md5": A, "relpath": "../../outside"}]).encode()
    for name in [name for name in found if name.endswith(".dir")]:
        del found[name]
    oid = hashlib.md5(data).hexdigest()
    found[f"cache/files/md5/{oid[:2]}/{oid[2:]}.dir"] = data
    say(found, size=sum(len(data) for name, data in found.items() if name.startswith("cache/")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lie, f"object '{A}' is damaged"),
        (lead_out, "which leads outside of its folder"),
        (lambda found: say(found, objects=10**12), "it holds 5 objects of the 1000000000000"),
        (lambda found: say(found, project="../outside"), "manifest.json is not as dataver writes it"),
        (lambda found: say(found, project=".git/hooks"), "manifest.json is not as dataver writes it"),
        (lambda found: say(found, version=2), "this dataver reads 1"),
        (lambda found: say(found, head={"branch": None, "commit": "-" * 40}), "manifest.json is not as dataver writes it"),
        (lambda found: found.update({"git.bundle": found["git.bundle"][:-30]}), "its commits cannot be read"),
        (lambda found: found.update({"git.bundle": found["git.bundle"].replace(b"refs/heads/main", b"refs/stash/main")}), "brings the Git ref 'refs/stash/main'"),
    ],
)
def test_a_bundle_that_lies_is_refused(data: Project, tmp_path: Path, change: Callable[[dict[str, bytes]], Any], said: str) -> None:
    data.ok("bundle", "create", "../x.bundle")
    rewrite(tmp_path / "x.bundle", change)
    result = data.run("bundle", "unpack", "../x.bundle", "../new")
    assert result.code == 1 and said in result.err and "Traceback" not in result.err
    assert sorted(os.listdir(tmp_path)) == ["project", "x.bundle"]


@pytest.mark.parametrize("name", [".dvc", ".dvc/cache", ".dvc/tmp", ".dvc/config.local"])
def test_a_committed_link_in_the_projects_folder_is_refused(data: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    link = data / "made"
    link.symlink_to(tmp_path / "outside")
    blob = subprocess.run(["git", "hash-object", "-w", "--stdin"], input=str(tmp_path / "outside"), cwd=data.path, env=data.environ, capture_output=True, text=True, check=True).stdout.strip()
    link.unlink()
    if name == ".dvc":
        data.git("rm", "-q", "-r", "--cached", ".dvc")
    data.git("update-index", "--add", "--cacheinfo", f"120000,{blob},{name}")
    data.git("commit", "-q", "-m", "evil")
    data.ok("bundle", "create", "../x.bundle")
    result = data.run("bundle", "unpack", "../x.bundle", "../new")
    assert result.code == 1 and "is a link" in result.err
    assert sorted(os.listdir(tmp_path)) == ["outside", "project", "x.bundle"] and not os.listdir(tmp_path / "outside")


def test_what_cannot_be_a_bundle(data: Project, make_project: Callable[..., Project]) -> None:
    assert "it is no bundle of dataver" in data.run("bundle", "list", "d.dvc").err
    assert "cannot read 'none': No such file" in data.run("bundle", "unpack", "none").err
    assert "is not a file" in data.run("bundle", "list", "d").err
    plain = make_project("plain", git=False)
    assert "not in a Git repository" in plain.run("bundle", "create", "x").err
    empty = make_project("empty")
    assert "no Git commit yet" in empty.run("bundle", "create", "x").err
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{data.path}", "../shallow"], cwd=data.path, env=data.environ, check=True)
    assert "shallow clone" in data.run("bundle", "create", "x", cwd="../shallow").err


def test_a_terminal_gets_no_control_characters(data: Project, tmp_path: Path) -> None:
    data.ok("bundle", "create", "../x.bundle")
    rewrite(tmp_path / "x.bundle", lambda found: say(found, missing=[{"path": "\x1b]0;owned\x07", "oid": "\x1b[2J", "legacy": False}]))
    assert "\x1b" not in data.ok("bundle", "list", "../x.bundle").out
