"""Real dvc and dataver manage the same experiments: each reads what the other made, and twins end up equal."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.tools import DvcMissing, Reply, dvc_executable, is_long, sample
from tests.conftest import Project
from tests.experiments import make_experiment

pytestmark = pytest.mark.skipif(not is_long(), reason="making experiments with real dvc takes half a minute; `make compat` runs it")
TRAIN = """\
import json, sys
lr = float(open("params.yaml").readline().split()[1])
if lr > 5:
    sys.exit(3)
json.dump({"acc": lr * 2, "sub": {"loss": float("nan") if lr > 0.5 else 1 / 3}}, open("metrics.json", "w"))
open("model.bin", "w").write(str(lr))
"""
PIPELINE = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py, data.txt]
    params: [lr]
    outs: [model.bin]
    metrics:
    - metrics.json: {cache: false}
"""
TIMEOUT_S = 120
VS_CODE = {"DVC_NO_ANALYTICS": "true", "DVCLIVE_OPEN": "false", "GIT_TERMINAL_PROMPT": "0", "COLUMNS": "400"}


def dvc(path: Path, *argv: str) -> Reply:
    try:
        executable = dvc_executable()
    except DvcMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    folder = os.path.dirname(executable)
    environ = {**os.environ, **VS_CODE, "PATH": f"{folder}:{os.environ['PATH']}"}  # its workers call `dvc`
    environ.pop("DJANGO_SETTINGS_MODULE", None)  # celery warns of it
    done = subprocess.run([executable, *argv], cwd=path, env=environ, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
    return Reply(done.returncode, done.stdout.decode(), done.stderr.decode())


def must(path: Path, *argv: str) -> str:
    reply = dvc(path, *argv)
    assert reply.code == 0, f"dvc {' '.join(argv)}: {reply}"
    return reply.out


def git(path: Path, *argv: str, at: str = "") -> str:
    """at: date of a commit; of commits made at the same time dvc lists any first."""
    environ = {**os.environ, **({"GIT_COMMITTER_DATE": at} if at else {})}
    return subprocess.run(["git", *argv], cwd=path, env=environ, check=True, capture_output=True, text=True).stdout


class Twins:
    """Copies of one project, one for each tool. A remote is a path, so both have the same; it is put back in between."""

    def __init__(self, base: Path, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._base = base
        self.path = path
        self._capfd = capfd

    def fresh(self) -> Project:
        """The project as it was made."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self._base, self.path, symlinks=True)
        store = self._base.parent / "store"
        shutil.rmtree(store, ignore_errors=True)
        project = Project(self.path / "project", self._capfd)
        project.environ.update(VS_CODE)
        return project

    def both(self, *argv: str, before: Callable[[Project], None] | None = None) -> tuple[tuple[Reply, Any], tuple[Reply, Any]]:
        """(what it printed, what it left) of dvc and of dataver."""
        found = []
        for tool in (dvc, None):
            project = self.fresh()
            if before is not None:
                before(project)
            if tool is None:
                result = project.run(*argv)
                reply = Reply(result.code, result.out, result.err)
            else:
                reply = tool(project.path, *argv)
            found.append((reply, self.state(project)))
        return found[0], found[1]

    def state(self, project: Project) -> dict[str, Any]:
        """Refs, files and what Git says of them, here and in the remotes."""
        refs = git(project.path, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        files = {path: hashlib.md5((project / path).read_bytes()).hexdigest() for path in project.tree()}
        store = self._base.parent / "store"
        return {
            "refs": [ref for ref in refs if "refs/exps/apply/stash" not in ref and "refs/dataver/" not in ref],
            "head": project.read(".git/HEAD"),
            "status": sorted(project.git("status", "--porcelain").splitlines()),
            "files": files,
            "remote": git(self.path / "origin.git", "for-each-ref", "--format=%(refname) %(objectname)"),
            "store": sorted(path.name for path in store.rglob("*") if path.is_file()),
            "cache": project.objects(),
            "queue": sorted(project.git("log", "-g", "--format=%H", "refs/exps/celery/stash", "--").split()) if any("celery/stash" in ref for ref in refs) else [],
        }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, hermetic: dict[str, str]) -> Iterator[Path]:
    """A project of dvc's: finished, queued, failed and repeated experiments, two baselines, a tag, a remote."""
    top = tmp_path_factory.mktemp("experiments")
    path = top / "base" / "project"
    path.mkdir(parents=True)
    git(top / "base", "init", "-q", "-b", "main", "--bare", "origin.git")
    git(path, "init", "-q", "-b", "main")
    must(path, "init", "-q")
    for name, text in {"train.py": TRAIN, "dvc.yaml": PIPELINE, "params.yaml": "lr: 0.1\nmodel: {depth: 3, names: [a, b]}\n", "data.txt": "d"}.items():
        (path / name).write_text(text)
    must(path, "add", "-q", "data.txt")
    must(path, "remote", "add", "-q", "-d", "store", str(top / "store"))
    git(path, "add", "-A")
    git(path, "commit", "-qm", "before", at="2026-01-01T00:00:00+0000")
    git(path, "tag", "-a", "v0", "-m", "annotated")
    must(path, "repro", "-q")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "trained", at="2026-01-02T00:00:00+0000")
    git(path, "remote", "add", "origin", "../origin.git")
    git(path, "push", "-q", "origin", "main")
    must(path, "exp", "run", "-q", "-S", "lr=0.2", "-n", "e2")
    must(path, "exp", "run", "-q", "-S", "lr=0.7", "-n", "e7")  # a NaN
    git(path, "checkout", "-q", ".")
    must(path, "checkout", "-q")
    git(path, "checkout", "-q", "-b", "side")
    (path / "params.yaml").write_text("lr: 0.1\nx: 1\n")
    git(path, "commit", "-qam", "side", at="2026-01-03T00:00:00+0000")
    must(path, "exp", "run", "-q", "-S", "lr=0.3", "-n", "e2")  # the same name on another baseline
    git(path, "checkout", "-qf", "main")
    must(path, "checkout", "-q", "-f")
    must(path, "exp", "run", "-q", "--queue", "-S", "lr=9", "-n", "bad")
    must(path, "exp", "run", "-q", "--queue", "-S", "lr=0.4", "-n", "good")
    dvc(path, "exp", "run", "--run-all")
    must(path, "exp", "run", "-q", "--queue", "-S", "lr=0.5", "-n", "waits")
    yield top / "base"


@pytest.fixture
def twins(base: Path, capfd: pytest.CaptureFixture[str]) -> Twins:
    return Twins(base, base.parent / "twin", capfd)


READING = [
    ("exp", "show", "--json"),
    ("exp", "show", "--json", "-A"),
    ("exp", "show", "--json", "--sha", "-a", "-T", "--hide-failed", "--hide-queued"),
    ("exp", "show", "--json", "-n", "2", "--param-deps", "--hide-workspace"),
    ("exp", "show", "--json", "--rev", "v0", "--rev", "side"),
    ("exp", "show"),
    ("exp", "show", "-A", "--only-changed"),
    ("exp", "show", "--csv", "-A"),
    ("exp", "show", "--md", "--drop", "lr|train", "--keep", "acc"),
    ("exp", "show", "--sort-by", "acc", "--sort-order", "desc"),
    ("exp", "show", "--sort-by", "nope"),
    ("exp", "show", "--rev", "nope", "--json"),
    ("exp", "list", "-A"),
    ("exp", "list", "--rev", "side", "--names-only"),
    ("exp", "diff", "main", "e7"),
    ("exp", "diff", "e2", "good", "--json"),
    ("exp", "diff", "v0", "e7", "--all", "--md", "--no-path"),
    ("exp", "diff", "nope"),
]


@pytest.mark.parametrize("argv", sample(READING, 6), ids=" ".join)
def test_reading(twins: Twins, argv: tuple[str, ...]) -> None:
    project = twins.fresh()
    theirs, ours = dvc(project.path, *argv), project.run(*argv)
    assert ours.code == theirs.code
    if ours.code == 254:
        return  # usage texts are our own
    if argv[1] == "list":
        assert grouped(ours.out) == grouped(theirs.out)  # the order of refs is by chance
    elif argv[1] == "diff" and "--json" in argv:
        assert plain(ours.out) == plain(theirs.out)  # as is that of keys here
    else:
        assert ours.out == theirs.out
    assert ours.err.splitlines()[:1] == theirs.err.splitlines()[:1]


def plain(text: str) -> Any:
    """JSON with NaN as a text, which equals itself."""
    return json.loads(text, parse_constant=str)


def grouped(text: str) -> list[tuple[str, list[str]]]:
    """Blocks of a list, in no order."""
    blocks: dict[str, list[str]] = {}
    head = ""
    for line in text.splitlines():
        if line.endswith(":"):
            head = line
        else:
            blocks.setdefault(head, []).append(line)
    return sorted((head, sorted(lines)) for head, lines in blocks.items())


def push_all(project: Project) -> None:
    must(project.path, "exp", "push", "-q", "origin", "-A")


def pushed_and_gone(project: Project) -> None:
    push_all(project)
    must(project.path, "exp", "remove", "-q", "-A")
    shutil.rmtree(project / ".dvc/cache")


def diverged(project: Project) -> None:
    push_all(project)
    head = project.git("rev-parse", "HEAD").strip()
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/e7", "v0^{commit}")


def dirty(project: Project) -> None:
    project.gen({"params.yaml": "lr: 3\n", "free.txt": "untracked"})
    with open(project / "train.py", "a") as file:
        file.write("# edited\n")
    project.git("add", "train.py")


CHANGING: list[tuple[tuple[str, ...], Callable[[Project], None] | None]] = [
    (("exp", "apply", "e7"), None),
    (("exp", "apply", "e7"), dirty),
    (("exp", "apply", "waits"), None),
    (("exp", "apply", "bad"), None),
    (("exp", "apply", "v0"), None),
    (("exp", "branch", "e7"), None),
    (("exp", "branch", "e2", "mine"), None),
    (("exp", "branch", "nope"), None),
    (("exp", "rename", "e7", "seven"), None),
    (("exp", "rename", "-f", "e7", "good"), None),
    (("exp", "remove", "e7"), None),
    (("exp", "remove", "waits"), None),
    (("exp", "remove", "bad"), None),
    (("exp", "remove", "--queue"), None),
    (("exp", "remove", "-A"), None),
    (("exp", "remove", "--keep", "e7"), None),
    (("exp", "clean"), None),
    (("exp", "push", "origin", "e7"), None),
    (("exp", "push", "origin", "--no-cache", "-A"), None),
    (("exp", "push", "origin", "e7"), push_all),
    (("exp", "push", "origin", "e7"), diverged),
    (("exp", "push", "-f", "origin", "e7"), diverged),
    (("exp", "pull", "origin"), pushed_and_gone),
    (("exp", "pull", "-A", "--no-cache", "origin"), pushed_and_gone),
    (("exp", "pull", "origin", "e7"), diverged),
    (("exp", "pull", "-f", "origin", "e7"), diverged),
    (("exp", "list", "origin", "-A"), pushed_and_gone),
    (("exp", "remove", "-g", "origin", "e7", "good"), push_all),
]


@pytest.mark.parametrize(("argv", "before"), sample(CHANGING, 7), ids=lambda item: " ".join(item) if isinstance(item, tuple) else item.__name__ if item else "")
def test_changing(twins: Twins, argv: tuple[str, ...], before: Callable[[Project], None] | None) -> None:
    (theirs, left), (ours, right) = twins.both(*argv, before=before)
    assert ours.code == theirs.code, (ours, theirs)
    assert right == left
    if argv[:3] != ("exp", "pull", "-f"):  # dvc replaces the experiment, then says "No experiments to pull."
        assert words(ours.out) == words(theirs.out)
    if theirs.err.splitlines()[:1] != ["ERROR: nope"]:  # which says nothing
        assert ours.err.splitlines()[:1] == theirs.err.splitlines()[:1]


OURS_ALONE = ("Uncommitted changes of ", "Unsaved data of ")


def words(text: str) -> list[str]:
    """What was printed, names in no order; without the lines that only dataver has."""
    lines = [line for line in text.splitlines() if not line.startswith(OURS_ALONE)]
    return sorted(re.sub(r"[,:']|\band\b", " ", "\n".join(lines)).replace("this experimentfrom", "this experiment from").replace("storage re-run", "storage re-run").split())


# --- the other way round
@pytest.fixture
def ours(repo: Project) -> Project:
    """Experiments as dataver writes them: loose refs on commits with one parent."""
    repo.environ.update(VS_CODE)
    repo.gen({"dvc.yaml": PIPELINE, "train.py": TRAIN, "params.yaml": "lr: 0.1\n", "data.txt": "d"})
    repo.ok("add", "data.txt")
    repo.ok("repro", "-q")
    repo.commit("start")
    lock = repo.read("dvc.lock")
    for number in range(3):
        make_experiment(repo, f"x{number}", {"params.yaml": f"lr: 0.{number}\n", "metrics.json": '{"acc": %s}' % (number or "NaN"), "dvc.lock": lock.replace("lr: 0.1", f"lr: 0.{number}")}, at=1_767_400_000 + number)
    return repo


def test_dvc_reads_ours(ours: Project) -> None:
    for argv in (("exp", "show", "--json"), ("exp", "show", "--csv"), ("exp", "diff", "x0", "x2"), ("exp", "show", "--json", "-A")):
        assert dvc(ours.path, *argv).out == ours.ok(*argv).out
    assert grouped(dvc(ours.path, "exp", "list").out) == grouped(ours.ok("exp", "list").out)


def test_dvc_manages_what_dataver_ran(ours: Project) -> None:
    ours.ok("exp", "run", "-S", "lr=0.4", "-n", "here")
    ours.ok("exp", "run", "--temp", "-S", "lr=0.7", "-n", "apart")
    assert dvc(ours.path, "exp", "show", "--json").out == ours.ok("exp", "show", "--json").out
    assert plain(dvc(ours.path, "exp", "diff", "here", "apart", "--json").out) == plain(ours.ok("exp", "diff", "here", "apart", "--json").out)
    ours.git("checkout", "-q", ".")
    must(ours.path, "exp", "apply", "apart")
    assert (ours.read("params.yaml"), ours.read("model.bin")) == ("lr: 0.7\n", "0.7")
    must(ours.path, "exp", "remove", "apart")
    ours.ok("exp", "apply", "here")
    assert (ours.read("params.yaml"), ours.read("model.bin")) == ("lr: 0.4\n", "0.4")
    assert dvc(ours.path, "exp", "show", "--json").out == ours.ok("exp", "show", "--json").out


def test_dvc_manages_what_dataver_managed(ours: Project) -> None:
    ours.ok("exp", "rename", "x1", "one")
    ours.ok("exp", "remove", "x0")
    assert dvc(ours.path, "exp", "list", "--name-only").out.split() == ["one", "x2"]
    ours.ok("exp", "remove", "--undo")
    must(ours.path, "exp", "apply", "one")
    assert ours.read("params.yaml") == "lr: 0.1\n" and '"acc": 1' in ours.read("metrics.json")
    must(ours.path, "exp", "branch", "x2", "two")
    must(ours.path, "exp", "rename", "x2", "zwei")
    must(ours.path, "exp", "remove", "one")
    assert ours.ok("exp", "list", "--name-only").lines == ["x0", "zwei"]
    assert ours.git("show", "two:params.yaml") == "lr: 0.2\n"


def test_one_goes_back_with_either_tool_after_applying(ours: Project) -> None:
    ours.gen({"params.yaml": "mine: 1\n"})
    ours.ok("exp", "apply", "x2")
    must(ours.path, "exp", "apply", "x0")
    ours.ok("exp", "apply", "x2")
    assert json.loads(ours.ok("exp", "show", "--json").out)[0]["data"]["params"] == {"params.yaml": {"data": {"lr": 0.2}}}


def test_dvc_pushes_and_pulls_ours(ours: Project, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "--bare", "origin.git")
    ours.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    ours.git("push", "-q", "origin", "main")
    must(ours.path, "exp", "push", "--no-cache", "origin", "x1")
    assert ours.ok("exp", "list", "origin", "--name-only").lines == ["x1"]
    ours.ok("exp", "push", "--no-cache", "origin", "x2")
    ours.ok("exp", "remove", "-A")
    must(ours.path, "exp", "pull", "--no-cache", "origin", "x2")
    ours.ok("exp", "pull", "--no-cache", "origin", "x1")
    assert grouped(dvc(ours.path, "exp", "list").out) == grouped(ours.ok("exp", "list").out)
