"""`exp run` and `exp save` by both tools on twin projects: what they print, the experiments they make, the workspace afterwards.

What differs on purpose is in `ours_only`: DVC leaves new .gitignore files out of experiments, and
from `exp save` untracked files of stages.
"""
from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.compat.tools import Reply, Tool, sample
from tests.conftest import Project

PIPELINE = """\
stages:
  prep:
    cmd: cp data.txt prep.txt
    deps: [data.txt]
    outs: [prep.txt]
  train:
    cmd: cat prep.txt params.yaml > model.bin && cp acc.json metrics.json
    deps: [prep.txt, acc.json]
    params: [lr, train.epochs]
    outs: [model.bin]
    metrics: [{metrics.json: {cache: false}}]
"""
PARAMS = "# rates\nlr: 0.1   # start\ntrain:\n  epochs: 3\n  kind: sgd\nseed: 1\n"
NEVER_SAVED = re.compile(r"WARNING: No file hash info found for '.*'\. It won't be created\.\n")  # of outs that never were


@dataclass
class Twin:
    """One of two equal projects, with the tool that works in it."""

    tool: Tool
    path: Path
    environ: dict[str, str]

    def run(self, *argv: str, cwd: str = ".") -> Reply:
        return self.tool.run(list(argv), str(self.path / cwd), self.environ)

    def git(self, *argv: str) -> str:
        return subprocess.run(["git", *argv], cwd=self.path, env=self.environ, check=True, capture_output=True, text=True).stdout

    def gen(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)

    def experiments(self) -> dict[str, dict[str, Any]]:
        """name -> what an experiment is: baseline, parent, message, author and files."""
        found = {}
        for line in self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines():
            ref, oid = line.split()
            if not re.fullmatch(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/[^/]+", ref):
                continue
            entries = [entry.split("\t") for entry in self.git("ls-tree", "-r", oid).splitlines()]
            found[ref.split("/", 4)[4]] = {
                "baseline": ref.split("/")[2] + ref.split("/")[3],
                "commit": self.git("log", "-1", "--format=%P|%an <%ae>|%cn <%ce>|%B", oid),
                "files": {path: facts for facts, path in entries if path != ".dvc/tmp/repro.dat"},
            }
        return found

    def workspace(self) -> dict[str, bytes]:
        files = (path for path in self.path.rglob("*") if path.is_file() and not {".git", ".dvc"} & set(path.relative_to(self.path).parts[:1]))
        return {str(path.relative_to(self.path)): path.read_bytes() for path in files}


@pytest.fixture
def twins(tools: dict[str, Tool], make_project: Callable[..., Project], tmp_path: Path) -> Iterator[tuple[Twin, Twin]]:
    """(in which dvc works, in which dataver works)."""
    project = make_project("dvc", files={"dvc.yaml": PIPELINE, "params.yaml": PARAMS, "acc.json": '{"acc": 0.5}\n', "data.txt": "1\n"})
    project.ok("add", "data.txt")
    project.git("config", "user.name", "Ada")
    project.git("config", "user.email", "ada@example.com")
    project.commit("first")
    shutil.copytree(project.path, tmp_path / "dataver")
    environ = {**project.environ, "GIT_AUTHOR_DATE": "1767225600 +0000", "GIT_COMMITTER_DATE": "1767225600 +0000"}
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        environ.pop(name, None)
    yield Twin(tools["dvc"], project.path, environ), Twin(tools["dataver"], tmp_path / "dataver", environ)


def plain(reply: Reply, twin: Twin) -> tuple[int, str, str]:
    """A reply without paths of this machine and of checkouts."""
    texts = []
    for text in (reply.out, reply.err):
        text = NEVER_SAVED.sub("", text).replace(str(twin.path), "<root>")
        texts.append(re.sub(r"standalone/tmp\w+", "standalone/<tmp>", text).rstrip("\n"))
    return reply.code, texts[0], texts[1]


def both(twins: tuple[Twin, Twin], *argv: str, err: bool = True, cwd: str = ".") -> Reply:
    """Run in both and compare exit code and output. Returns what dataver said."""
    left, right = (twin.run(*argv, cwd=cwd) for twin in twins)
    told, ours = plain(left, twins[0]), plain(right, twins[1])
    assert ours[:2] == told[:2], f"{argv}: {left.err} {right.err}"
    if err:
        assert ours[2] == told[2]
    return right


def same_experiments(twins: tuple[Twin, Twin], ours_only: tuple[str, ...] = ()) -> None:
    left, right = (twin.experiments() for twin in twins)
    for experiment in right.values():
        for path in ours_only:
            experiment["files"].pop(path, None)
    assert right == left


def test_runs_in_the_workspace(twins: tuple[Twin, Twin]) -> None:
    both(twins, "exp", "run", "-n", "one")
    both(twins, "exp", "run", "-n", "two", "-S", "lr=0.5", "-S", "train.kind=adam")
    both(twins, "exp", "run", "-n", "three", "-S", "+train.new=1", "-S", "~seed")
    both(twins, "exp", "run", "-n", "three")
    both(twins, "exp", "run", "-n", "three", "-f", "-m", "my words")
    both(twins, "exp", "run", "prep", "-n", "four", "-s")
    same_experiments(twins)
    assert twins[0].workspace() == twins[1].workspace()
    assert twins[0].git("status", "--porcelain") == twins[1].git("status", "--porcelain")
    for twin in twins:
        assert twin.git("symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_runs_elsewhere(twins: tuple[Twin, Twin]) -> None:
    both(twins, "exp", "run", "--temp", "-n", "one", "-S", "lr=0.5")
    both(twins, "exp", "run", "--temp", "-n", "one", "-S", "lr=0.6")
    for twin in twins:
        twin.gen({"acc.json": '{"acc": 0.7}\n', "data.txt": "changed\n", "staged.py": "s\n"})
        twin.git("add", "staged.py")
    both(twins, "exp", "run", "--temp", "-n", "two")
    same_experiments(twins)
    assert twins[0].workspace() == twins[1].workspace()


def test_uncommitted_work_goes_along(twins: tuple[Twin, Twin]) -> None:
    for twin in twins:
        twin.gen({"acc.json": '{"acc": 0.7}\n', "data.txt": "changed\n", "staged.py": "s\n", "script.py": "x\n", "stray.txt": "?\n", "top.json": "{}\n"})
        twin.gen({"dvc.yaml": PIPELINE + "  more:\n    cmd: mkdir -p out && cp script.py out/m\n    deps: [script.py]\n    outs: [out/m]\nmetrics: [top.json]\n"})
        twin.git("add", "staged.py")
    both(twins, "exp", "run", "-n", "one")
    same_experiments(twins, ours_only=("out/.gitignore",))
    assert twins[0].workspace() == twins[1].workspace()


def test_failures(twins: tuple[Twin, Twin]) -> None:
    for twin in twins:
        twin.gen({"dvc.yaml": PIPELINE + "  bad:\n    cmd: exit 3\n    deps: [model.bin]\n    outs: [never]\n"})
    both(twins, "exp", "run", "-S", "lr=7", "-n", "one")
    left, right = (twin.workspace() for twin in twins)
    left[".gitignore"] = right[".gitignore"]  # dvc takes the entries of stages that succeeded back
    assert left == right
    assert not twins[0].experiments() and not twins[1].experiments()
    both(twins, "exp", "run", "-n", "two", "-k", err=False)
    both(twins, "exp", "run", "nope", err=False)
    assert not twins[0].experiments() and not twins[1].experiments()


@pytest.mark.parametrize("text", sample(["nope=1", "train.x=1", "+lr=3", "~nope", "~lr=3", "lr=1,2", "lr=range(3)", "train@x=1", "other.yaml:a=1"], 2))
def test_overrides_that_do_not_fit(twins: tuple[Twin, Twin], text: str) -> None:
    both(twins, "exp", "run", "-n", "one", "-S", text)
    assert (twins[1].path / "params.yaml").read_text() == PARAMS


@pytest.mark.parametrize("name", sample(["a b", "a/b", "a..b", "-"], 2))
def test_names(twins: tuple[Twin, Twin], name: str) -> None:
    both(twins, "exp", "run", f"--name={name}")


@pytest.mark.parametrize(
    "texts",
    sample([["lr=0.5"], ["lr=1e-3"], ["train.epochs=4", "train.kind='7'"], ["+new={a:1,b:[1,2]}"], ["~train.kind"], ["++lr=null"], ["train={epochs:9}"], ["seed=true"], ["train.kind=a:b c"]], 2),
    ids=str,
)  # fmt: skip
def test_params_files_afterwards(twins: tuple[Twin, Twin], texts: list[str]) -> None:
    both(twins, "exp", "run", "prep", "-n", "one", *(word for text in texts for word in ("-S", text)))
    assert twins[0].workspace() == twins[1].workspace()


def test_queueing(twins: tuple[Twin, Twin]) -> None:
    both(twins, "exp", "run", "--queue", "-n", "q", "-S", "lr=0.1,0.2", "-S", "train.kind=choice(a,'b c')", err=False)
    both(twins, "exp", "run", "--queue", "-n", "r", "-S", "train.epochs=range(1,4)", err=False)
    both(twins, "exp", "run", "--queue", "-n", "s", "-S", "lr=5", err=False)
    both(twins, "exp", "run", "--queue", "-n", "t", err=False)
    assert twins[0].workspace() == twins[1].workspace()
    assert twins[0].git("status", "--porcelain") == twins[1].git("status", "--porcelain") == ""


def test_saving(twins: tuple[Twin, Twin]) -> None:
    for twin in twins:
        assert twin.run("repro").code == 0
        twin.git("add", "-A")
        twin.git("commit", "-qm", "ran")
        twin.gen({"acc.json": '{"acc": 0.9}\n', "metrics.json": '{"acc": 0.9}\n', "stray.txt": "?\n"})
    both(twins, "exp", "save", "-n", "one")
    left, right = (json.loads(twin.run("exp", "save", "-n", "two", "--json", "-I", "stray.txt", "-m", "words").out) for twin in twins)
    assert set(left) == set(right) == {"ref"}
    for twin in twins:
        twin.gen({"acc.json": '{"acc": 1}\n'})
    told, ours = (twin.run("exp", "save", "-n", "one") for twin in twins)
    assert told.code == ours.code == 1 and ours.err.splitlines()[0] == told.err.splitlines()[0]
    both(twins, "exp", "save", "-n", "one", "-f")
    same_experiments(twins)
    assert twins[0].workspace() == twins[1].workspace()


def test_each_tool_reads_what_the_other_made(twins: tuple[Twin, Twin], tools: dict[str, Tool]) -> None:
    left, right = twins
    assert left.run("exp", "run", "-n", "theirs", "-S", "lr=2").code == 0
    assert right.run("exp", "run", "--temp", "-n", "ours", "-S", "lr=3").code == 0
    crossed = Twin(tools["dvc"], right.path, right.environ)
    shown = json.loads(crossed.run("exp", "show", "--json").out)
    (experiment,) = shown[1]["experiments"]
    assert experiment["name"] == "ours" and experiment["revs"][0]["data"]["params"]["params.yaml"]["data"]["lr"] == 3
    assert crossed.run("exp", "apply", "ours").code == 0 and "lr: 3" in (right.path / "params.yaml").read_text()
    assert (right.path / "model.bin").read_text() == "1\n" + (right.path / "params.yaml").read_text()
    assert crossed.run("exp", "branch", "ours", "side").code == 0 and right.git("rev-parse", "side")
    assert crossed.run("exp", "remove", "ours").code == 0 and not right.experiments()


def test_a_part_of_a_repository(twins: tuple[Twin, Twin]) -> None:
    for twin in twins:
        twin.gen({"ml/dvc.yaml": "stages:\n  a:\n    cmd: cat params.yaml > o\n    params: [lr]\n    outs: [o]\n", "ml/params.yaml": "lr: 1\n"})
        assert twin.run("init", "--subdir", "-q", cwd="ml").code == 0
        twin.git("add", "-A")
        twin.git("commit", "-qm", "part")
    both(twins, "exp", "run", "-n", "one", "-S", "lr=2", cwd="ml")
    both(twins, "exp", "run", "--temp", "-n", "two", "-S", "lr=3", cwd="ml", err=False)
    same_experiments(twins, ours_only=("ml/.gitignore",))


def test_the_stages_see_the_same(twins: tuple[Twin, Twin]) -> None:
    for twin in twins:
        twin.gen({"dvc.yaml": "stages:\n  a:\n    cmd: env | grep ^DVC_ | grep -v -e ANALYTICS -e _DIR= | sort | sed s,$DVC_ROOT,ROOT, > seen.txt\n    outs: [{seen.txt: {cache: false}}]\n"})
    for argv in (["-n", "one"], ["--temp", "-n", "two", "-f"]):
        both(twins, "exp", "run", *argv)
        shown = [twin.git("show", f"{ref}:seen.txt") for twin in twins for ref in twin.git("for-each-ref", "--format=%(refname)", "refs/exps/").split() if ref.endswith(argv[argv.index("-n") + 1])]
        assert len(shown) == 2 and shown[0] == shown[1] and "DVC_EXP_NAME=" in shown[0] and "DVC_ROOT=ROOT\n" in shown[0]
