from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import Project

MakeProject = Callable[[str], Project]


@pytest.fixture
def registry(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Project:
    """Another project, pushed to ../store and without a cache: folder ds (two commits; tag v1 is the first), one.csv, plain files in gitdir."""
    reg = Project(tmp_path / "reg", capfd)
    reg.path.mkdir()
    reg.git("init", "-q", "-b", "main")
    reg.ok("init", "-q")
    reg.ok("remote", "add", "-q", "-d", "r", "../store")
    reg.gen({"ds": {"a": "1\n", "sub": {"b": "2\n"}}, "one.csv": "one\n", "gitdir/g": "g\n"})
    reg.ok("add", "-q", "ds", "one.csv")
    reg.commit("one")
    reg.git("tag", "v1")
    reg.ok("push")
    reg.gen({"ds/a": "11\n"})
    reg.ok("add", "-q", "ds")
    reg.commit("two")
    reg.ok("push")
    shutil.rmtree(reg / ".dvc/cache")
    shutil.rmtree(reg / "ds")
    return reg


def _lose(project: Project, *names: str) -> None:
    shutil.rmtree(project / ".dvc/cache", ignore_errors=True)
    for name in names:
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_an_import_names_its_source_and_is_pulled_from_there(repo: Project, registry: Project) -> None:
    commit = registry.git("rev-parse", "HEAD").strip()
    result = repo.ok("import", "../reg", "ds")
    assert result.lines[0] == "Importing 'ds (../reg)' -> 'ds'"
    assert repo.read("ds.dvc").splitlines()[1:] == [
        "frozen: true", "deps:", "- path: ds", "  repo:", "    url: ../reg", f"    rev_lock: {commit}",
        "outs:", "- md5: 78e95797f5b2d7b3c6c800f138bd2159.dir", "  size: 5", "  nfiles: 2", "  hash: md5", "  path: ds",
    ]  # fmt: skip
    assert "/ds" in repo.read(".gitignore")
    assert repo.ok("status").out == "Data and pipelines are up to date.\n"
    repo.ok("remote", "add", "-q", "-d", "own", "../own")
    assert repo.ok("push").out == "Everything is up to date.\n"
    _lose(repo, "ds")
    assert repo.ok("pull", "ds/sub").lines[-1] == "1 file fetched and 1 file added"
    assert repo.tree("ds") == ["sub/b"]
    assert repo.ok("pull").lines[-1] == "1 file fetched and 1 file added"
    assert repo.read("ds/a") == "11\n"
    assert "Everything is up to date." in repo.ok("fetch").out


def test_parts_and_plain_files_of_any_revision_are_imported(repo: Project, registry: Project) -> None:
    repo.ok("import", f"file://{registry.path}", "ds/a", "-o", "old", "--rev", "v1")
    repo.ok("import", "../reg", "ds/sub")
    repo.ok("import", "../reg", "gitdir", "-o", "plain")
    assert [repo.read(name) for name in ("old", "sub/b", "plain/g")] == ["1\n", "2\n", "g\n"]
    _lose(repo, "old", "sub", "plain")
    assert repo.ok("pull").lines[-1] == "3 files fetched and 3 files added"
    registry.gen({"later": "uncommitted"})
    assert "'later' is neither" in repo.run("import", "../reg", "later").err  # nobody could get it again
    assert not (repo / "later.dvc").exists()


def test_update_moves_to_a_newer_commit_or_the_one_named(repo: Project, registry: Project) -> None:
    repo.ok("import", "../reg", "ds", "--rev", "v1")
    assert repo.ok("update", "ds.dvc").out == "'ds.dvc' didn't change, skipping\n"
    assert repo.ok("update", "ds.dvc", "--rev", "main").out == "Importing 'ds (../reg)' -> 'ds'\n"
    assert repo.read("ds/a") == "11\n" and "rev: main" in repo.read("ds.dvc")
    registry.gen({"ds": {"a": "111\n"}})
    registry.ok("add", "ds")
    registry.commit()
    assert repo.ok("status").lines == ["ds.dvc:", "\tchanged deps:", "\t\tupdate available:   ds (../reg)"]
    assert repo.ok("status", "--no-updates").out == "Data and pipelines are up to date.\n"
    repo.ok("update", "-R", ".", "--no-download")
    assert "md5" not in repo.read("ds.dvc").split("outs:")[1].replace("hash: md5", "")
    assert repo.run("update", "nosuch.dvc").code == 1


def test_an_import_without_data_is_pulled(repo: Project, registry: Project) -> None:
    repo.ok("import", "../reg", "one.csv", "--no-download")
    repo.ok("import", "../reg", "gitdir/g", "--no-exec")
    assert not (repo / "one.csv").exists() and "rev_lock" not in repo.read("g.dvc")
    repo.ok("pull")
    assert [repo.read("one.csv"), repo.read("g")] == ["one\n", "g\n"]
    repo.ok("checkout")
    assert repo.read("one.csv") == "one\n"


def test_an_import_of_an_import_comes_from_where_it_began(repo: Project, registry: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    middle = Project(tmp_path / "middle", capfd)
    middle.path.mkdir()
    middle.git("init", "-q")
    middle.ok("init", "-q")
    middle.ok("import", "../reg", "ds")
    middle.commit()
    shutil.rmtree(middle / ".dvc/cache")
    repo.ok("import", "../middle", "ds/sub")
    assert repo.tree("sub") == ["b"]
    _lose(repo, "sub")
    repo.ok("pull")
    assert repo.tree("sub") == ["b"]


def test_data_that_nobody_has_is_named_and_the_rest_arrives(repo: Project, registry: Project) -> None:
    repo.ok("import", "../reg", "ds")
    repo.ok("import", "../reg", "one.csv")
    _lose(repo, "ds", "one.csv")
    (registry.path / "../store/files/md5/dd/1f1ad8ef8e3d0b8b4ec7d2ae5fe38a").unlink(missing_ok=True)
    victim = next((registry.path / "../store/files/md5/16").iterdir())
    victim.chmod(0o644)
    victim.write_text("not what it was")
    result = repo.run("fetch")
    assert result.code == 1 and "'ds/a' in '../reg' cannot be had" in result.err and "corrupted" in result.err
    assert (repo / ".dvc/cache/files/md5/16").exists() is False
    repo.ok("checkout", "one.csv")


def test_get_downloads_without_tracking(empty_dir: Project, registry: Project) -> None:
    registry.gen({"gitdir/g": "changed, not committed\n"})
    empty_dir.ok("get", str(registry.path), "ds")
    assert empty_dir.tree() == ["ds/a", "ds/sub/b"]
    assert empty_dir.run("get", str(registry.path), "ds").code == 1
    empty_dir.ok("get", str(registry.path), "ds", "--rev", "v1", "-f")
    empty_dir.ok("get", str(registry.path), "gitdir/g")
    empty_dir.ok("get", f"file://{registry.path}", "gitdir/g", "-o", "committed")
    assert [empty_dir.read(name) for name in ("ds/a", "g", "committed")] == ["1\n", "changed, not committed\n", "g\n"]
    assert empty_dir.ok("get", str(registry.path), "ds/a", "--show-url").out.endswith("/store/files/md5/16/6d77ac1b46a1ec38aa35ab7e628ab5\n")
    for argv in (("nosuch",), ("ds/nosuch",), ("gitdir", "--show-url")):
        assert empty_dir.run("get", str(registry.path), *argv).code == 255
    assert empty_dir.tree() == ["committed", "ds/a", "ds/sub/b", "g"]


def test_nothing_of_the_other_repository_runs_or_changes(empty_dir: Project, registry: Project) -> None:
    for name in ("post-checkout", "post-merge", "reference-transaction"):
        (registry / f".git/hooks/{name}").write_text("#!/bin/sh\ntouch ../ran\n")
        (registry / f".git/hooks/{name}").chmod(0o755)
    before = registry.tree(), sorted(path.name for path in (registry / ".dvc").iterdir())
    empty_dir.ok("get", str(registry.path), "ds")
    empty_dir.ok("get", f"file://{registry.path}", "ds", "-o", "again")
    assert not (registry / "../ran").exists()
    assert (registry.tree(), sorted(path.name for path in (registry / ".dvc").iterdir())) == before
    assert empty_dir.run("get", "ext::sh -c 'touch ran'", "x").code == 1 and not (empty_dir / "ran").exists()


def test_artifacts_are_downloaded_by_version_and_stage(empty_dir: Project, registry: Project) -> None:
    registry.gen({"dvc.yaml": "artifacts:\n  numbers:\n    path: one.csv\n    type: data\n"})
    registry.commit()
    for tag in ("numbers@v1.0.0", "numbers#prod#1"):
        registry.git("tag", "-a", "-m", tag, tag)
    registry.gen({"one.csv": "two\n"})
    registry.ok("add", "one.csv")
    registry.ok("push")
    registry.commit()
    registry.git("tag", "-a", "-m", "x", "numbers@v1.1.0")
    registry.git("tag", "numbers@v9.0.0")  # lightweight: does not count
    url = str(registry.path)
    assert empty_dir.ok("artifacts", "get", url, "numbers").out == "Downloaded 1 file(s) to 'one.csv'\n"
    empty_dir.ok("artifacts", "get", f"file://{url}", "numbers", "--stage", "prod", "-o", "prod")
    assert [empty_dir.read("one.csv"), empty_dir.read("prod")] == ["two\n", "one\n"]
    assert "/store/files/md5/" in empty_dir.ok("artifacts", "get", url, "numbers", "--show-url").out
    assert "Unable to find artifact 'nope'" in empty_dir.run("artifacts", "get", url, "nope").err
    both = empty_dir.run("artifacts", "get", url, "numbers", "--rev", "v1.0.0", "--stage", "prod")
    assert (both.code, "mutually exclusive" in both.err) == (1, True)


def test_a_login_in_a_url_is_not_written_down(repo: Project, registry: Project) -> None:
    for url in ("https://ada:s3cret@127.0.0.1:1/x.git", "https://s3cret@127.0.0.1:1/x.git"):
        for argv in (("import", url, "ds"), ("get", url, "ds"), ("ls", url)):
            result = repo.run(*argv)
            assert result.code != 0 and "s3cret" not in result.out + result.err, result.err
    for argv in (("import", "../reg", "ds", "--remote-config", "password=s3cret"), ("import-url", "s3://bucket/ds", "--fs-config", "secret_access_key=s3cret", "--fs-config", "region=x")):  # options add up
        result = repo.run(*argv)
        assert result.code == 1 and "is a secret" in result.err and "s3cret" not in result.err
    assert not (repo / "ds.dvc").exists()


def test_a_clone_that_was_broken_off_is_made_whole(empty_dir: Project, registry: Project, tmp_path: Path) -> None:
    empty_dir.environ["DATAVER_HOME"] = str(tmp_path / "user")
    url = f"file://{registry.path}"
    empty_dir.ok("ls", url)
    (clone,) = (path for path in (tmp_path / "user/clones").iterdir() if path.is_dir())
    subprocess.run(["git", "init", "-q", str(tmp_path / "user")], check=True)  # git would find this one
    (clone / ".git/HEAD").unlink()
    shutil.rmtree(clone / ".git/objects")
    assert "one.csv" in empty_dir.ok("ls", url, "--rev", "v1").lines
    empty_dir.ok("get", url, "ds", "--rev", "v1")
    assert not any((tmp_path / "user/.git/refs").rglob("v1"))


def test_an_import_that_lost_its_data_everywhere_else_is_reproduced(repo: Project, registry: Project) -> None:
    repo.ok("import", "../reg", "ds")
    repo.gen({"dvc.yaml": "stages:\n  s:\n    cmd: cat ds/a > out\n    deps: [ds]\n    outs: [out]\n"})
    repo.ok("repro")
    _lose(repo, "ds", "out")
    repo.ok("repro", "--pull", "--allow-missing")
    assert repo.ok("pull", "ds").code == 0
    repo.ok("unfreeze", "ds.dvc")
    shutil.rmtree(repo / "ds")
    repo.ok("repro")
    assert repo.tree("ds") == ["a", "sub/b"]


def test_repositories_are_read_over_ssh_and_plain_http(empty_dir: Project, registry: Project, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"  # runs on this machine what it was to run on another
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    empty_dir.environ["GIT_SSH_COMMAND"] = str(ssh)
    registry.ok("remote", "modify", "r", "url", str(registry.path.parent / "store"))
    registry.commit()
    for number, url in enumerate((f"ssh://git@host{registry.path}/.git", f"git@host:{registry.path}/.git")):
        empty_dir.ok("get", url, "ds", "-o", f"ssh{number}")
        assert empty_dir.tree(f"ssh{number}") == ["a", "sub/b"]
    registry.git("update-server-info")  # what a server without Git needs
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(registry.path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/.git"
        empty_dir.ok("get", url, "ds/a", "-o", "http", "--rev", "main")
        assert empty_dir.read("http") == "11\n"
        server.shutdown()


def test_a_hostile_source_writes_nothing_outside(empty_dir: Project, registry: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    md5 = "b026324c6904b2a9cb4b88d6d61c81d1"  # of "1\n", which the remote has
    manifest = json.dumps([{"md5": md5, "relpath": "../../evil"}]).encode()
    oid = hashlib.md5(manifest).hexdigest()
    place = registry.path / f"../store/files/md5/{oid[:2]}/{oid[2:]}.dir"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(manifest)
    place.chmod(0o444)
    registry.gen({
        "tree.dvc": f"outs:\n- md5: {oid}.dir\n  hash: md5\n  path: tree\n",
        "listed.dvc": f"outs:\n- hash: md5\n  path: listed\n  files:\n  - relpath: ../../evil\n    md5: {md5}\n",
        ".dvc/config": registry.read(".dvc/config") + "['remote \"w\"']\n    url = webdav://127.0.0.1:1/x\n    bearer_token_command = touch ../ran\n",
        "far.dvc": f"outs:\n- md5: {'f' * 32}\n  hash: md5\n  path: far\n  remote: w\n",
    })  # fmt: skip
    registry.commit()
    for url in (str(registry.path), f"file://{registry.path}"):
        for name in ("tree", "listed"):
            result = empty_dir.run("get", url, name)
            assert result.code == 1 and "leads outside of its folder" in result.err, result.err
    monkeypatch.setattr("remotes.engine.retry.PAUSE_S", 0)
    assert "cannot be had" in empty_dir.run("get", str(registry.path), "far").err
    assert empty_dir.tree() == [] and not list(registry.path.parent.rglob("evil")) + list(registry.path.parent.rglob("ran"))


def test_a_broken_file_elsewhere_in_a_source_is_none_of_ours(repo: Project, registry: Project) -> None:
    registry.gen({"old/x.dvc": "outs:\n- md5: [1\n", "old/y": "y\n"})
    registry.commit("broken")
    repo.ok("import", "../reg", "ds/a", "-o", "tracked")
    repo.ok("import", "../reg", "gitdir")
    repo.ok("get", "../reg", "ds")
    assert repo.ok("list", "../reg", "gitdir").lines == ["g"]
    assert repo.read("tracked") == "11\n" and repo.read("gitdir/g") == "g\n" and repo.tree("ds") == ["a", "sub/b"]
    for args in (("get", "../reg", "old"), ("get", "../reg", "old/x"), ("list", "../reg", "old"), ("list", "../reg")):
        refused = repo.run(*args)
        assert refused.code == 1 and "old/x.dvc' is invalid" in refused.err
    assert not (repo / "old").exists()
