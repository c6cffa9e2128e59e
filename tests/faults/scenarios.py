"""Projects for the fault tests: each is ready for one command, with data committed before that must survive."""
from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field

from tests.faults.crash import named_oids, run_forked
from tests.suites.elsewhere import URL

PIPELINE = """\
stages:
  prepare:
    cmd: mkdir -p prepared && cat data/*.txt > prepared/all && cp single.bin prepared/bin
    deps:
    - data
    - single.bin
    outs:
    - prepared
  train:
    cmd: cat prepared/all params.yaml > model && echo '{"acc":1}' > metrics.json
    deps:
    - prepared
    params:
    - lr
    outs:
    - model
    metrics:
    - metrics.json:
        cache: false
"""


@dataclass
class Project:
    """A box (folder) with `project` and `remote` in it."""

    box: str
    environ: dict[str, str]
    committed: list[str] = field(default_factory=list)
    url: str = "../remote"

    @property
    def path(self) -> str:
        return os.path.join(self.box, "project")

    @property
    def cache(self) -> str:
        return os.path.join(self.path, ".dvc", "cache")

    @property
    def remote(self) -> str:
        return os.path.join(self.box, "remote")

    def write(self, name: str, text: str) -> None:
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)  # never through a link into the cache
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def git(self, *argv: str) -> str:
        return subprocess.run(["git", *argv], cwd=self.path, env=self.environ, check=True, capture_output=True, text=True).stdout

    def dataver(self, *argv: str) -> None:
        ended = run_forked(list(argv), self.path, self.environ)
        assert ended.code == 0, f"dataver {argv}: {ended.code}\n{ended.out}{ended.err}"

    def commit(self, message: str) -> None:
        """Commit to Git and remember which objects the commit names."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.committed = sorted({oid for text in self._texts() for oid in named_oids(text)} | set(self.committed))

    def _texts(self) -> list[str]:
        names = self.git("ls-files").split("\n")
        return [self.git("show", f"HEAD:{name}") for name in names if name.endswith((".dvc", "dvc.lock")) and "/.dvc" not in name]

    def named_now(self) -> list[str]:
        """Objects that .dvc files and dvc.lock name in the workspace."""
        found = []
        for folder, folders, names in os.walk(self.path):
            folders[:] = [name for name in folders if name not in (".git", ".dvc")]
            for name in names:
                if name.endswith(".dvc") or name == "dvc.lock":
                    with open(os.path.join(folder, name), encoding="utf-8") as stream:
                        found += named_oids(stream.read())
        return found


def _first_version(project: Project) -> None:
    os.makedirs(project.path)
    project.git("init", "-q", "-b", "main", ".")
    project.dataver("init")
    for number in range(5):
        project.write(f"data/{number}.txt", f"first {number}\n")
    project.write("data/deep/x.txt", "deep\n")
    project.write("single.bin", "single first\n")
    project.write("params.yaml", "lr: 1\n")
    project.dataver("add", "data", "single.bin")
    project.dataver("remote", "add", "-d", "store", project.url)
    project.commit("first")


def _change(project: Project) -> None:
    project.write("data/0.txt", "second 0\n")
    project.write("data/new.txt", "new\n")
    os.unlink(os.path.join(project.path, "data", "4.txt"))
    project.write("single.bin", "single second\n")


def add(project: Project) -> list[str]:
    """Both targets changed."""
    _first_version(project)
    _change(project)
    return ["add", "data", "single.bin"]


def add_many(project: Project) -> list[str]:
    """So many files that workers and one sync of the whole file system are used."""
    _first_version(project)
    for number in range(160):
        project.write(f"many/{number % 3}/{number}.txt", f"{number}\n")
    return ["add", "many"]


def commit(project: Project) -> list[str]:
    """The same through `commit`."""
    _first_version(project)
    _change(project)
    return ["commit", "-f"]


def checkout(project: Project) -> list[str]:
    """Two versions committed, Git is back at the first."""
    _first_version(project)
    _change(project)
    project.dataver("add", "data", "single.bin")
    project.commit("second")
    project.git("checkout", "-q", "HEAD~1")
    return ["checkout", "-f"]


def checkout_links(project: Project) -> list[str]:
    """The same with hard links."""
    _first_version(project)
    project.dataver("config", "cache.type", "hardlink")
    project.dataver("checkout", "--relink")
    _change(project)
    project.dataver("add", "data", "single.bin")
    project.commit("second")
    project.git("checkout", "-q", "HEAD~1", "--", "data.dvc", "single.bin.dvc")
    return ["checkout", "-f"]


def push(project: Project) -> list[str]:
    """The first version is in the remote, the second is not."""
    _first_version(project)
    project.dataver("push")
    _change(project)
    project.dataver("add", "data", "single.bin")
    project.commit("second")
    return ["push"]


def pull(project: Project) -> list[str]:
    """Everything is in the remote, nothing in cache or workspace."""
    push(project)
    project.dataver("push")
    subprocess.run(["rm", "-rf", project.cache, os.path.join(project.path, "data"), os.path.join(project.path, "single.bin")], check=True)
    project.committed = []  # the cache does not hold them at the start
    return ["pull", "-f"]  # after a power cut half-written files are "unsaved"


def unpack(project: Project) -> list[str]:
    """Everything is in a bundle, nothing in the cache."""
    _first_version(project)
    project.dataver("bundle", "create", "../x.bundle")
    subprocess.run(["rm", "-rf", project.cache], check=True)
    project.committed = []
    return ["bundle", "unpack", "../x.bundle"]


def repro(project: Project) -> list[str]:
    """A pipeline that ran once; data and a param changed."""
    _first_version(project)
    project.write("dvc.yaml", PIPELINE)
    project.dataver("repro")
    project.commit("ran")
    _change(project)
    project.write("params.yaml", "lr: 2\n")
    return ["repro"]


def gc(project: Project) -> list[str]:
    """Objects of the first version are not used by the workspace any more."""
    _first_version(project)
    project.committed = []
    _change(project)
    project.dataver("add", "data", "single.bin")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "second")
    project.committed = project.named_now()
    return ["gc", "-w", "-f"]


def gc_trash(project: Project) -> list[str]:
    """The same, into the trash."""
    return [*gc(project), "--trash"]


def gc_restore(project: Project) -> list[str]:
    """The first version is in the trash and comes back."""
    project.dataver(*gc_trash(project))
    return ["gc", "--restore"]


def update(project: Project) -> list[str]:
    """A folder was imported from another repository, which has a newer version."""
    source = Project(os.path.join(project.box, "source"), project.environ, url="../remote")
    _first_version(source)
    source.dataver("push")
    _first_version(project)
    project.dataver("import", "../source/project", "data", "-o", "imported")
    project.commit("imported")
    _change(source)
    source.dataver("add", "data", "single.bin")
    source.dataver("push")
    source.commit("second")
    subprocess.run(["rm", "-rf", source.cache], check=True)
    return ["update", "imported.dvc"]


SCENARIOS = {function.__name__: function for function in (add, add_many, commit, checkout, checkout_links, push, pull, repro, gc, gc_trash, gc_restore, *((unpack, update) if os.environ.get("FAULTS_ALL") else ()))}


# -- with a storage that is no folder (tests/suites/elsewhere.py) --------------------------------


def push_elsewhere(project: Project) -> list[str]:
    """The first version is there, the second is not."""
    project.url = URL
    return push(project)


def pull_elsewhere(project: Project) -> list[str]:
    """Everything is there, nothing in cache or workspace."""
    project.url = URL
    return pull(project)


def gc_elsewhere(project: Project) -> list[str]:
    """Two versions are there, the workspace uses the second."""
    project.url = URL
    project.dataver(*push(project))
    project.committed = project.named_now()
    return ["gc", "-w", "-c", "-f"]


ELSEWHERE = {function.__name__: function for function in (push_elsewhere, pull_elsewhere, gc_elsewhere)}
