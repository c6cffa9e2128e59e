"""Fixtures of all tests: a hermetic environment, and temporary repositories driven in-process."""
from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.compat.tools import DvcMissing, Tool
from tests.environment import clean_environ
from tests.servers.fixtures import servers  # noqa: F401

hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one is no failure
hypothesis.settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parent
LONG = ("faults", "web", "compat")  # folders whose files take longest; each waits for something else
KEPT_VARIABLES = ("PATH", "VIRTUAL_ENV", "PYTHONPATH", "DATAVER_TEST_DVC", "COMPAT_STEPS", "COMPAT_SEED", "FAULTS_ALL", "DJANGO_SETTINGS_MODULE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first, those of different folders in turns, so that processes neither wait together nor for the last one."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    folders: dict[str, list[list[pytest.Item]]] = {}
    for path, of_file in files.items():
        folders.setdefault(path.relative_to(ROOT).parts[0], []).append(of_file)
    long = itertools.chain.from_iterable(itertools.zip_longest(*(folders.pop(name, []) for name in LONG), fillvalue=[]))
    items[:] = itertools.chain.from_iterable([*long, *itertools.chain.from_iterable(folders.values())])


@pytest.fixture(scope="session", autouse=True)
def hermetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Replace the process's environment: own HOME, no system or user config, fixed identity, columns and zone."""
    environ = clean_environ(str(tmp_path_factory.mktemp("environment")))
    kept = dict(os.environ)
    for name in kept:
        if name not in KEPT_VARIABLES and not name.startswith(("PYTEST_", "DATAVER_", "HYPOTHESIS_")):
            del os.environ[name]
    os.environ.update(environ)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and so would every child
    yield environ
    os.environ.clear()
    os.environ.update(kept)


@dataclass(frozen=True)
class Result:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout, parsed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Project:
    """A temporary folder with a command line in it.

    `environ` may be changed by a test; `run` works in `path` unless told otherwise.
    """

    def __init__(self, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.environ = dict(os.environ)
        self._capfd = capfd

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def gen(self, files: Mapping[str, Any], at: str = ".") -> Project:
        """Write files: path -> text, bytes, or a dict for a folder. Returns self."""
        for name, content in files.items():
            target = self.path / at / name
            if isinstance(content, Mapping):
                target.mkdir(parents=True, exist_ok=True)
                self.gen(content, os.path.join(at, name))
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    def run(self, *argv: str, cwd: str | Path = ".") -> Result:
        """Run `dataver ARGV` in this process; returns code, stdout and stderr (children's too)."""
        from dataver_site import entry

        self._capfd.readouterr()
        folder = os.path.normpath(self.path / cwd)
        code = entry.run(list(argv), cwd=folder, environ=dict(self.environ))
        sys.stdout.flush()
        sys.stderr.flush()
        captured = self._capfd.readouterr()
        return Result(code, captured.out, captured.err)

    def ok(self, *argv: str, cwd: str | Path = ".") -> Result:
        """Run, and fail the test unless the exit code is 0."""
        result = self.run(*argv, cwd=cwd)
        assert result.code == 0, f"dataver {' '.join(argv)}: exit {result.code}\n{result.out}{result.err}"
        return result

    def git(self, *argv: str) -> str:
        """Run git here; returns its stdout."""
        return subprocess.run(["git", *argv], cwd=self.path, env=self.environ, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str = "a commit") -> str:
        """Commit everything; returns the new commit's sha."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def read(self, name: str) -> str:
        return (self.path / name).read_bytes().decode()

    def tree(self, at: str = ".") -> list[str]:
        """Files below `at`, posix paths, sorted; `.git` and `.dvc` left out."""
        top = self.path / at
        return sorted(
            os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/")
            for folder, names, leaves in os.walk(top)
            if not _prune(names)
            for name in leaves
        )

    def objects(self, cache: str = ".dvc/cache") -> list[str]:
        """Object ids in a cache or remote of the present layout, sorted."""
        top = self.path / cache / "files" / "md5"
        return sorted(folder.name + entry.name for folder in top.glob("[0-9a-f][0-9a-f]") for entry in folder.iterdir())


def _prune(names: list[str]) -> None:
    names[:] = [name for name in names if name not in (".git", ".dvc")]


@pytest.fixture(scope="session")
def real_dvc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """Real dvc, its imports paid once in a process of tests."""
    try:
        tool = Tool("dvc", str(tmp_path_factory.mktemp("dvc")))
    except DvcMissing as missing:
        pytest.fail(str(missing), pytrace=False)  # never a skip: these tests are the promise
    yield tool
    tool.close()


@pytest.fixture
def dvc(real_dvc: Tool) -> Callable[..., str]:
    """dvc(project, *argv): what real dvc prints there; it must succeed."""

    def run(project: Project, *argv: str) -> str:
        reply = real_dvc.run(argv, str(project.path), project.environ)
        assert reply.code == 0, reply.out + reply.err
        return reply.out

    return run


@pytest.fixture(scope="session")
def _git_template(tmp_path_factory: pytest.TempPathFactory, hermetic: dict[str, str]) -> Path:
    """An empty Git repository to copy: `git init` is slower than a copy."""
    path = tmp_path_factory.mktemp("template")
    subprocess.run(["git", "init", "-q", "-b", "main", "--template=", str(path)], check=True)
    return path


@pytest.fixture
def make_project(tmp_path: Path, capfd: pytest.CaptureFixture[str], _git_template: Path) -> Callable[..., Project]:
    """Makes projects: make_project("name", git=True, init=True, files={...})."""

    def make(name: str = "project", *, git: bool = True, init: bool = True, files: Mapping[str, Any] | None = None) -> Project:
        path = tmp_path / name
        if git:
            shutil.copytree(_git_template, path)
        else:
            path.mkdir(parents=True)
        project = Project(path, capfd)
        if init:
            project.ok("init", *([] if git else ["--no-scm"]))
        return project.gen(files or {})

    return make


@pytest.fixture
def repo(make_project: Callable[..., Project]) -> Project:
    """A Git repository with dataver initialised in it, nothing committed."""
    return make_project()


@pytest.fixture
def empty_dir(make_project: Callable[..., Project]) -> Project:
    """A folder that is neither."""
    return make_project("empty", git=False, init=False)
