"""Input of a hostile or unlucky user: one clear message, the contract's exit code, nothing lost, nothing hangs.

Every folder that stands for "outside" lies in the test's own temporary folder.
"""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Project, Result

PIPELINE = "stages:\n  a:\n    cmd: cp i o\n    deps: [i]\n    outs: [o]\n    params: [x]\n    metrics:\n    - m.json:\n        cache: false\n"
COMMANDS = (
    ("status",), ("repro", "--dry"), ("metrics", "show"), ("params", "diff"), ("data", "status"), ("add", "n"), ("commit", "-f"),
    ("checkout",), ("list", ".", "-R"), ("dag",), ("why",), ("stage", "list"), ("gc", "-w", "-f"), ("config", "-l"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A read that waits for a pipe would wait for ever."""

    def fail(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def tried(project: Project, *argv: str) -> Result:
    """Run, demanding that no bug shows."""
    result = project.run(*argv)
    shown = result.out + result.err
    assert "Traceback" not in shown and "unexpected error" not in shown and "it hangs" not in shown, (argv, shown)
    assert result.code in (0, 1, 251, 255), (argv, result)
    assert "[Errno" not in result.err.split("\n")[0].removeprefix("ERROR: output"), (argv, result.err)
    return result


@pytest.fixture
def piped(repo: Project) -> Project:
    """One of each kind of file."""
    files = {"dvc.yaml": PIPELINE, "i": "1", "o": "1", "n": "1", "f": "1", "params.yaml": "x: 1\n", "m.json": '{"a": 1}', "f.dvc": "outs:\n- path: f\n"}
    return repo.gen(files)


# --- content
GARBAGE = {
    "binary": bytes(range(256)),
    "empty": b"",
    "bom": b"\xef\xbb\xbf{}",
    "utf16": "stages:\n".encode("utf-16"),
    "tabs": b"stages:\n\ta:\n\t\tcmd: x\n",
    "latin": b"a: \xe9\n",
    "deep": b"[" * 10_000,
    "bomb": b"a: &a [x,x]\n" + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 8)) for n in range(9)),
    "itself": b"a: &a\n  b: *a\n",
    "object": b'a: !!python/object/apply:os.getcwd []\n',
    "huge": b'{"a": ' + b"9" * 5000 + b"}",
    "nan": b'{"a": NaN, "b": Infinity}',
    "half": b'{"a":"\\ud800"}',
    "nul": b"a: \x00\n",
    "keys": b"1: 2\nnull: 3\n[1,2]: 4\n2020-01-01: 5\n",
    "blanks": b"[core]\n" + b" " * 100_000 + b"x",
}


@pytest.mark.parametrize("name", ["dvc.yaml", "dvc.lock", "f.dvc", "params.yaml", "m.json", ".dvcignore", ".gitignore", ".dvc/config"])
def test_garbage_of_every_kind_is_told_not_thrown(piped: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # before a second look at a half-written file
    for data in GARBAGE.values():
        piped.gen({name: data})
        for argv in COMMANDS:
            if argv[0] not in ("commit", "gc", "add"):
                tried(piped, *argv)
        tried(piped, "add", "n")
    assert piped.read("n") == "1"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("dvc.yaml", "stages:\n  a: [\n", "line 3, column 1"),
        ("dvc.yaml", 'stages:\n  a:\n    cmd: x\n    desc: "\\ud800"\n', "line 4, column 14"),
        ("f.dvc", "outs: [\n", "line 2, column 1"),
        ("dvc.lock", "schema: '2.0'\nstages: [\n", "line 3, column 1"),
        ("params.yaml", "x: [1,\n", "line 2, column 1"),
    ],
)
def test_a_broken_file_is_named_with_its_place(piped: Project, name: str, text: str, place: str) -> None:
    piped.gen({name: text})
    result = tried(piped, "status")
    assert result.code == 1 and name in result.err and place in result.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 10_000, "nested too deeply at line 1 (.dvc/config)"),
        ("[core]\n" + " " * 100_000 + "x", "line 2 is too long (.dvc/config)"),
        ('[cache]\n    dir = "a\0b"\n', "NUL character at line 2 (.dvc/config)"),
    ],
)
def test_a_config_that_would_take_for_ever_is_refused(repo: Project, text: str, said: str) -> None:
    repo.gen({".dvc/config": text})
    result = tried(repo, "status")
    assert result.code == 251 and said in result.err


@pytest.mark.parametrize(
    "files",
    [
        {"dvc.yaml": 'stages:\n  a:\n    cmd: "echo \\0"\n'},
        {"dvc.yaml": 'stages:\n  a:\n    cmd: "true"\n    outs: ["f\\0x"]\n'},
        {"dvc.yaml": 'stages:\n  a:\n    cmd: "true"\n    deps: ["f\\0x"]\n'},
        {"f.dvc": 'outs:\n- path: "f\\0x"\n'},
    ],
    ids=["cmd", "out", "dep", "dvc"],
)
def test_a_nul_character_is_refused_with_its_file(repo: Project, files: dict[str, str]) -> None:
    repo.gen(files)
    for argv in (("status",), ("repro", "-P"), ("data", "status"), ("checkout",), ("dag",)):
        result = tried(repo, *argv)
        assert result.code and "NUL character" in result.err and next(iter(files)) in result.err


def test_repro_reads_params_before_it_runs_and_says_where_they_break(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo > ran\n    params: [x]\n", "params.yaml": "x: [1,\ny: 2\n"})
    result = tried(repo, "repro")
    assert result.code == 255 and not (repo / "ran").exists()
    assert "failed to reproduce 'a': unable to read: 'params.yaml'" in result.err and "line 3" in result.err


def test_odd_scalars_survive_a_run(repo: Project) -> None:
    big = "9" * 400
    repo.gen({
        "dvc.yaml": 'stages:\n  a:\n    cmd: "true"\n    params: [y, e, o, b, n, s]\n',
        "params.yaml": f"y: yes\ne: 1e-05\no: 0o17\nb: {big}\nn: .nan\ns: 1:30:45\n",
    })  # fmt: skip
    repo.ok("repro")
    assert f"        b: \n          {big}\n        e: 1e-05\n        n: .nan\n        o: 15\n        s: 1:30:45\n        y: yes\n" in repo.read("dvc.lock")
    assert repo.ok("status").out == "Data and pipelines are up to date.\n"


# --- special files
def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    before = os.getcwd()
    os.chdir(path.parent)  # a socket's name has to be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [_fifo, _socket, _loop, Path.mkdir], ids=["fifo", "socket", "loop", "folder"])
@pytest.mark.parametrize("name", ["dvc.yaml", "dvc.lock", "params.yaml", "i", "m.json", ".dvcignore", ".gitignore", "f.dvc", ".dvc/config"])
def test_special_files_are_never_waited_for(piped: Project, make: Callable[[Path], None], name: str) -> None:
    (piped / name).unlink(missing_ok=True)
    make(piped / name)
    for argv in (("status",), ("data", "status"), ("add", "n"), ("list", "."), ("params", "diff"), ("metrics", "show")):
        tried(piped, *argv)


# --- the cache
def _object(project: Project) -> Path:
    oid = project.objects()[0]
    return project / ".dvc/cache/files/md5" / oid[:2] / oid[2:]


@pytest.mark.parametrize("target", ["f", "d"])
def test_a_folder_in_an_objects_place_counts_as_missing(repo: Project, target: str) -> None:
    repo.gen({"f": "hello"} if target == "f" else {"d": {"a": "1"}})
    repo.ok("add", target)
    path = next(p for p in (repo / ".dvc/cache/files/md5").glob("*/*") if target == "f" or p.name.endswith(".dir"))
    path.unlink()
    path.mkdir()
    assert "not in cache" in tried(repo, "status").out
    assert path.with_name(path.name).exists() is False  # moved aside, not deleted
    assert list((repo / ".dvc/cache/corrupt").iterdir())
    repo.ok("add", target)
    assert "up to date" in tried(repo, "status").out


def test_add_names_the_folder_that_is_in_the_way(repo: Project) -> None:
    repo.gen({"f": "hello"}).ok("add", "f")
    path = _object(repo)
    path.unlink()
    path.mkdir()
    result = tried(repo, "add", "f")
    assert result.code == 1 and str(path) in result.err and "folder" in result.err
    assert repo.read("f") == "hello" and path.is_dir()


@pytest.mark.parametrize("damage", [b"jello", b""], ids=["other bytes", "empty"])
def test_a_damaged_writable_object_is_moved_aside(repo: Project, damage: bytes) -> None:
    repo.gen({"f": "hello"}).ok("add", "f")
    path = _object(repo)
    path.chmod(0o644)
    path.write_bytes(damage)
    (repo / "f").unlink()
    result = tried(repo, "checkout")
    assert result.code == 255 and not (repo / "f").exists()
    assert [p.read_bytes() for p in (repo / ".dvc/cache/corrupt").iterdir()] == [damage]


# --- names
NAMES = ("a b", "new\nline", "tab\t", "q\"'x", "-dash", "é", "e\u0301", "😀", "x" * 250, "#h", "!b", "*g", "[x]", "back\\slash", "trail ", "${x}", "yes", "1e-05", "~", "\x7f")


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_go_there_and_back(repo: Project, name: str) -> None:
    (repo / name).write_text("1")
    repo.ok("add", f"./{name}")
    (repo / name).unlink()
    repo.ok("checkout")
    assert (repo / name).read_text() == "1"
    assert "up to date" in repo.ok("status").out
    assert name not in repo.git("status", "--porcelain", "-z", "-uall").split("\0")[0:1]


@pytest.mark.parametrize("isdir", [False, True])
def test_a_name_that_is_not_utf8_is_refused(repo: Project, isdir: bool) -> None:
    name = os.fsdecode(b"bad\xff")
    path = os.path.join(repo.path, name)
    if isdir:
        os.mkdir(path)
        path = os.path.join(path, name)
    Path(path).write_text("1")
    result = tried(repo, "add", name)
    assert result.code == 1 and "not valid UTF-8" in result.err
    assert not [n for n in os.listdir(repo.path) if n.endswith(".dvc") and n != ".dvc"]


def test_too_long_a_name_is_an_absent_file(repo: Project) -> None:
    repo.gen({"x.dvc": f"outs:\n- path: {'a' * 300}\n"})
    assert "deleted" in repo.ok("status").out
    repo.ok("data", "status")
    assert tried(repo, "commit", "-f").code == 1
    assert tried(repo, "checkout").code == 255


# --- places
def test_metrics_and_params_are_read_without_a_project(make_project: Callable[..., Project]) -> None:
    project = make_project(init=False, files={"m.json": '{"a": 1}'})
    project.commit()
    project.gen({"m.json": '{"a": 2}', "params.yaml": "x: 1\n"})
    assert project.ok("metrics", "diff", "--targets", "m.json", "--json").json == {"m.json": {"a": {"old": 1, "new": 2, "diff": 1}}}
    assert project.ok("params", "diff", "--json").json == {"params.yaml": {"x": {"old": None, "new": 1}}}
    assert project.run("status").code == 253 and not (project / ".dvc").exists()


def test_outside_of_git_and_of_a_project(empty_dir: Project) -> None:
    assert empty_dir.ok("metrics", "show", "--json").json == {"": {"data": {}}}
    assert "Only supported for Git repositories" in tried(empty_dir, "params", "diff").err
    assert os.listdir(empty_dir.path) == []


def test_remove_works_beside_a_broken_file(repo: Project) -> None:
    repo.gen({"a": "1", "dvc.yaml": "stages:\n  s:\n    cmd: x\n"}).ok("add", "a")
    repo.gen({"z.dvc": "outs: [\n"})
    repo.ok("remove", "a.dvc")
    repo.ok("remove", "s")
    assert tried(repo, "remove", "z.dvc").code == 1 and (repo / "z.dvc").exists()


def _no_head(project: Project) -> None:
    (project / ".git/HEAD").unlink()


def _bad_index(project: Project) -> None:
    (project / ".git/index").write_bytes(b"DIRCgarbage")


def _bad_config(project: Project) -> None:
    (project / ".git/config").write_text("[broken\n")


def _no_objects(project: Project) -> None:
    shutil.rmtree(project / ".git/objects")


def _git_file_to_nowhere(project: Project) -> None:
    shutil.rmtree(project / ".git")
    (project / ".git").write_text("gitdir: nowhere\n")


def _index_lock(project: Project) -> None:
    (project / ".git/index.lock").touch()


def _detached(project: Project) -> None:
    project.git("checkout", "-q", "--detach")


@pytest.mark.parametrize("damage", [_no_head, _bad_index, _bad_config, _no_objects, _git_file_to_nowhere, _index_lock, _detached])
def test_a_damaged_git_never_shows_a_traceback(piped: Project, damage: Callable[[Project], None]) -> None:
    piped.commit()
    damage(piped)
    for argv in (*COMMANDS, ("diff",), ("gc", "-a", "-f"), ("metrics", "show", "-a")):
        tried(piped, *argv)


def test_a_worktree_and_a_shallow_clone_are_projects(repo: Project) -> None:
    repo.gen({"f": "1"}).ok("add", "f")
    repo.commit()
    repo.git("worktree", "add", "-q", "../tree")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", "../clone")
    for name in ("tree", "clone"):
        result = repo.run("data", "status", "--json", cwd=f"../{name}")
        assert result.code == 0 and result.json["uncommitted"] == {"deleted": ["f"]}


def test_init_force_keeps_the_cache_when_git_is_not_installed(repo: Project, tmp_path: Path) -> None:
    repo.gen({"f": "1"}).ok("add", "f")
    repo.environ["PATH"] = str(tmp_path / "nowhere")
    result = tried(repo, "init", "-f")
    assert result.code == 1 and "git" in result.err and len(repo.objects()) == 1


# --- another user
def test_unreadable_files_are_named(piped: Project) -> None:
    if os.getuid() == 0:
        pytest.skip("root reads everything")
    for name in ("f.dvc", "dvc.yaml", ".dvcignore", "params.yaml"):
        (piped / name).chmod(0)
        result = tried(piped, "status")
        assert result.code == 1 and name in result.err and "ermission" in result.err
        (piped / name).chmod(0o644)


def test_a_half_written_lock_is_read_again(piped: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "schema: '2.0'\nstages:\n  a:\n    cmd: cp i o\n"
    piped.gen({"dvc.lock": whole[:-20] + "\n   : ["})
    slept = []

    def other_process_finishes(seconds: float) -> None:
        slept.append(seconds)
        piped.gen({"dvc.lock": whole})

    monkeypatch.setattr("time.sleep", other_process_finishes)
    assert piped.run("status").code == 0 and len(slept) == 1


def _git(*argv: str, cwd: Path) -> None:
    subprocess.run(["git", *argv], cwd=cwd, check=True, capture_output=True)


def test_a_submodule_is_a_project_of_its_own(repo: Project, make_project: Callable[..., Project]) -> None:
    repo.gen({"f": "1"}).ok("add", "f")
    repo.commit()
    outer = make_project("outer")
    _git("-c", "protocol.file.allow=always", "submodule", "add", "-q", f"file://{repo.path}", "sub", cwd=outer.path)
    assert outer.run("status", cwd="sub").code == 0
    assert "sub" not in tried(outer, "status").err
