"""Files of a repository that mean harm, and files no tool expects: nothing outside is touched, nothing hangs.

Every path that stands for "outside" lies in the test's own temporary folder. Never write a real one
(`/`, `/etc`, a home) here, and never hand these files to real dvc: it deletes what an out names.
"""
from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compat.tools import Tool
from tests.faults.checks import Prepared
from tests.faults.crash import Ended, object_path, run_forked
from tests.faults.scenarios import Project


@pytest.fixture
def project(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> Project:
    """A project with `data` and `single.bin` tracked."""
    return fresh(prepared("checkout"))


def run(project: Project, *argv: str) -> Ended:
    """Run, demanding that nothing hangs and nothing is a traceback."""
    ended = run_forked(list(argv), project.path, project.environ, timeout_s=20)
    assert "Traceback" not in ended.err and "unexpected error" not in ended.err and ended.code not in (70,), ended
    return ended


def plant(project: Project, entries: object, name: str = "evil") -> str:
    """Put a manifest with these entries into the cache and a .dvc file that names it; returns its oid."""
    content = b"owned\n"
    data = entries if isinstance(entries, bytes) else json.dumps(entries, sort_keys=True).encode()
    oid = hashlib.md5(data).hexdigest() + ".dir"
    for number, blob in ((oid, data), (hashlib.md5(content).hexdigest(), content)):
        path = object_path(project.cache, number)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.exists(path):
            Path(path).write_bytes(blob)
            os.chmod(path, 0o444)
    project.write(f"{name}.dvc", f"outs:\n- md5: {oid}\n  size: 6\n  nfiles: 1\n  hash: md5\n  path: {name}\n")
    return oid


OWNED = hashlib.md5(b"owned\n").hexdigest()


@pytest.mark.parametrize("relpath", ["../outside", "a/../../outside", "{box}/outside", "..", "", "./../outside", "x/\0y"])
def test_manifest_cannot_lead_outside(project: Project, relpath: str) -> None:
    plant(project, [{"md5": OWNED, "relpath": relpath.replace("{box}", project.box)}])
    ended = run(project, "checkout", "-f", "evil.dvc")
    assert ended.code != 0, ended
    assert not os.path.exists(os.path.join(project.box, "outside"))
    assert not os.path.exists(os.path.join(project.path, "outside"))


@pytest.mark.parametrize("entries", [b"{}", b"[1]", b"not json", b'[{"relpath": "a"}]', b'[{"md5": "../../x", "relpath": "a"}]', b'[{"md5": 5, "relpath": "a"}]', b"\xff\xfe", b"[" * 100_000])
def test_manifest_that_is_none_is_a_clear_error(project: Project, entries: bytes) -> None:
    plant(project, entries)
    for argv in (["checkout", "-f", "evil.dvc"], ["status", "--json"], ["data", "status", "--json"], ["push"], ["gc", "-w", "--dry"]):
        run(project, *argv)
    assert run(project, "checkout", "-f", "evil.dvc").code != 0


def test_checkout_does_not_follow_a_symlinked_folder_out(project: Project) -> None:
    outside = Path(project.box, "outside")
    outside.mkdir()
    (outside / "kept").write_text("kept")
    plant(project, [{"md5": OWNED, "relpath": "sub/file"}])
    os.makedirs(os.path.join(project.path, "evil"))
    os.symlink(outside, os.path.join(project.path, "evil", "sub"))
    run(project, "checkout", "-f", "evil.dvc")
    assert sorted(os.listdir(outside)) == ["kept"]


def test_checkout_does_not_follow_a_symlink_in_place_of_a_file(project: Project) -> None:
    outside = Path(project.box, "victim")
    outside.write_text("victim")
    os.unlink(os.path.join(project.path, "data", "1.txt"))
    os.symlink(outside, os.path.join(project.path, "data", "1.txt"))
    run(project, "checkout", "-f")
    assert outside.read_text() == "victim"


@pytest.mark.parametrize("path", ["../outside", "{box}/outside", "{box}", ".", "", "..", ".git", ".git/hooks/pre-commit", ".dvc/config"])
def test_dvc_file_cannot_name_what_is_not_its_own(project: Project, path: str) -> None:
    Path(project.box, "outside").write_text("kept")
    before = Path(project.path, ".dvc", "config").read_text()
    target = path.replace("{box}", project.box)
    project.write("evil.dvc", f"outs:\n- md5: {OWNED}\n  size: 6\n  hash: md5\n  path: '{target}'\n")
    plant(project, [], name="other")
    for argv in (["checkout", "-f", "evil.dvc"], ["remove", "--outs", "evil.dvc"], ["gc", "-w", "-f"]):
        run(project, *argv)
        assert Path(project.box, "outside").read_text() == "kept", argv
        assert Path(project.path, ".dvc", "config").read_text() == before
        assert os.path.isdir(os.path.join(project.path, ".git"))
        assert not os.path.exists(os.path.join(project.path, ".git", "hooks", "pre-commit"))


@pytest.mark.parametrize("oid", ["../../../outside", "{box}/outside", "ab", "..", "zz" * 16, "A" * 32])
def test_hash_that_is_no_hash_reads_nothing_else(project: Project, oid: str) -> None:
    Path(project.box, "outside").write_text("kept")
    oid = oid.replace("{box}", project.box)
    project.write("evil.dvc", f"outs:\n- md5: '{oid}'\n  size: 6\n  hash: md5\n  path: evil\n")
    for argv in (["checkout", "-f", "evil.dvc"], ["status", "--json"], ["push"], ["gc", "-w", "-f", "-c"]):
        run(project, *argv)
    assert not os.path.exists(os.path.join(project.path, "evil"))
    assert Path(project.box, "outside").read_text() == "kept"


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_special_files_are_refused_by_name(project: Project, kind: str) -> None:
    path = os.path.join(project.path, "data", "odd")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.chdir(os.path.dirname(path))  # the path of a socket may only be short
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("odd")
        listener.close()
        os.chdir("/")
    else:
        if os.geteuid():
            pytest.skip("only root makes devices")
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
    ended = run(project, "add", "data")
    assert ended.code != 0 and "odd" in ended.err, ended
    run(project, "status", "--json")


def test_fifo_as_target_is_refused(project: Project) -> None:
    os.mkfifo(os.path.join(project.path, "pipe"))
    ended = run(project, "add", "pipe")
    assert ended.code != 0 and "pipe" in ended.err


def test_name_that_is_not_utf8_is_refused_and_said(project: Project) -> None:
    with open(os.path.join(os.fsencode(project.path), b"data", b"caf\xe9"), "wb") as stream:
        stream.write(b"x")
    ended = run(project, "add", "data")
    assert ended.code != 0 and "caf" in ended.err, ended


ODD_NAMES = ("with space", "new\nline", "tab\tx", "quo\"te'", "back\\slash", "ünï é", "😀", "-dash", "#hash", "[x]*?!", "%41", "$HOME", "a:b", "CON", "e\u0301")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_survive_add_and_checkout(project: Project, real_dvc: Tool, name: str) -> None:
    project.write(f"tree/{name}", f"in {name}\n")
    project.write(f"./{name}", f"alone {name}\n")
    assert run(project, "add", "tree", "--", name).code == 0
    reply = real_dvc.run(["status", "--json"], project.path, project.environ)
    assert reply.code == 0 and "tree.dvc" not in reply.out, reply
    for path in (f"tree/{name}", name):
        os.unlink(os.path.join(project.path, path))
    assert run(project, "checkout", "tree.dvc", f"./{name}.dvc").code == 0
    assert Path(project.path, "tree", name).read_text() == f"in {name}\n"
    assert Path(project.path, name).read_text() == f"alone {name}\n"
    assert project.git("status", "--porcelain", "--ignored", "-z", "--", f"./{name}" if name[0] in "-:" else f":(literal){name}").startswith("!!")


@pytest.mark.parametrize("depth", [200])
def test_deep_folders_are_tracked(project: Project, depth: int) -> None:
    project.write("deep/" + "d/" * depth + "x", "deep\n")
    assert run(project, "add", "deep").code == 0


HOSTILE_YAML = (
    "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
    "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
    "[" * 50_000, "{a: " * 20_000, "!!python/object/apply:os.system ['touch outside']\n", "stages: !!binary aGk=\n", "\0", "\ufeffstages: {}\n",
    "stages:\n  a:\n    cmd: touch x\n    outs: [" + "a/" * 3000 + "b]\n", "? [a, b]\n: c\n", "---\na: 1\n---\nb: 2\n", "\tstages:\n", "stages: {a: {cmd: 2026-01-01}}\n",
    "stages:\n  a: {cmd: echo, deps: [1, null, 2.5]}\n", "&x a: *x\n", "stages: &s\n  a: *s\n", "vars:\n- &v {a: 1, b: *v}\n",
)


@pytest.mark.parametrize(
    ("name", "text"),
    # every text in every file in `make faults`, else the files take turns
    [(name, text) for number, text in enumerate(HOSTILE_YAML) for place, name in enumerate(("dvc.yaml", "dvc.lock", "evil.dvc")) if os.environ.get("FAULTS_ALL") or number % 3 == place],
)
def test_hostile_yaml_is_one_clear_error(project: Project, name: str, text: str) -> None:
    if name == "dvc.lock":
        project.write("dvc.yaml", "stages:\n  a:\n    cmd: echo\n    outs: [o]\n")
    project.write(name, text)
    for argv in (["status", "--json"], ["repro", "--dry"], ["checkout"]):
        ended = run(project, *argv)
        assert ended.code == 0 or ended.err.strip(), (argv, ended)
    assert not os.path.exists(os.path.join(project.path, "outside"))
