"""push, pull and gc -c with a storage that is no folder, killed at any step, interrupted, and two at once."""
from __future__ import annotations

import contextlib
import importlib
import json
import mmap
import os
import random
import signal
import struct
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remotes.engine import elsewhere
from tests.compat.tools import Tool
from tests.environment import clean_environ
from tests.faults.checks import Prepared, check_finishes, check_sane, sample
from tests.faults.crash import KILLED, files_below, object_path, run_forked, wrong_objects
from tests.faults.scenarios import ELSEWHERE, Project
from tests.servers.process import Server
from tests.servers.wire import Wire, wire_to
from tests.suites.elsewhere import Faults
from tracking.engine.atomic import is_temp_name

INTERRUPTED = 252


@pytest.fixture(autouse=True)
def calm(faults: Faults) -> Iterator[None]:
    faults.clear()
    yield
    faults.clear()


def check_remote(project: Project, told: str) -> None:
    ended = run_forked(["remote", "check", "--verify", "--json"], project.path, project.environ)
    assert ended.code == 0, f"{told}: remote check: {ended}"
    assert json.loads(ended.out)["objects"] == 8


@pytest.mark.parametrize("name", ELSEWHERE)
def test_killed_with_a_storage_elsewhere(name: str, prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], real_dvc: Tool) -> None:
    original = prepared(name)
    for step in sample(original.steps, 4):
        project = fresh(original)
        told = f"{name}, killed at step {step} of {original.steps}"
        ended = run_forked(original.argv, project.path, project.environ, die_at=step)
        assert ended.code in (KILLED, 0), f"{told}: {ended}"
        assert not wrong_objects(project.cache) and not wrong_objects(project.remote), f"{told}: an object appeared before it was whole"
        check_sane(project, real_dvc, told)
        check_finishes(project, original, told)
        assert not [path for path in files_below(project.cache) if is_temp_name(os.path.basename(path))], f"{told}: temporary files are left"
        check_remote(project, told)


@pytest.mark.parametrize("name", ["push_elsewhere", "pull_elsewhere"])
def test_interrupted_while_the_storage_hangs(name: str, prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], faults: Faults) -> None:
    """Ctrl-C ends the command though a transfer never answers (run_forked would tell), and leaves what can go on."""
    original = prepared(name)
    project = fresh(original)
    seen: list[str] = []

    def interrupt(operation: str, path: str) -> None:
        seen.append(operation)
        if seen.count("remote put") + seen.count("remote get") == 2 and seen[-1] in ("remote put", "remote get"):
            os.kill(os.getpid(), signal.SIGINT)

    faults.on("put", "get", wait_s=120)
    ended = run_forked(original.argv, project.path, project.environ, on_step=interrupt, timeout_s=30)
    assert ended.code == INTERRUPTED and "Traceback" not in ended.err, ended
    faults.clear()
    check_finishes(project, original, name)
    check_remote(project, name)


def test_two_pushes_at_once(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], tmp_path: Path, faults: Faults) -> None:
    """Of two clones, to one storage, in step with each other."""
    first = fresh(prepared("push_elsewhere"))
    second = Project(str(tmp_path / "other"), clean_environ(str(tmp_path / "second")), url=first.url)
    subprocess.run(["cp", "-a", first.box, second.box], check=True)
    subprocess.run(["rm", "-rf", second.remote], check=True)
    os.symlink(first.remote, second.remote)
    faults.on("put", wait_s=0.05)
    children = []
    for project in (first, second):
        pid = os.fork()
        if not pid:
            code = 70
            try:
                ended = run_forked(["push"], project.path, project.environ)
                print(ended)
                code = ended.code
            finally:
                os._exit(code)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0]
    faults.clear()
    for project in (first, second):
        check_remote(project, "two pushes")
        assert "up to date" in run_forked(["push", "--no-presence"], project.path, project.environ).out


def test_a_manifest_whose_file_is_gone(prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project]) -> None:
    """The others arrive, the missing one is named with who needs it, and whoever has it can mend the remote."""
    project = fresh(prepared("pull_elsewhere"))
    project.dataver("fetch")
    whole = str(Path(project.box) / "whole")
    os.rename(project.cache, whole)
    manifest = next(oid for oid in project.named_now() if oid.endswith(".dir"))
    listed = json.loads(Path(object_path(whole, manifest)).read_bytes())
    gone = listed[0]["md5"]
    os.unlink(object_path(project.remote, gone))
    ended = run_forked(["pull"], project.path, project.environ)
    assert ended.code == 1 and gone in ended.err, ended
    assert all(os.path.exists(object_path(project.cache, row["md5"])) for row in listed[1:])
    assert not os.path.exists(object_path(project.cache, manifest)), "a manifest came without its files"
    ended = run_forked(["remote", "check"], project.path, project.environ)
    assert ended.code == 1 and f"data/{listed[0]['relpath']} (data.dvc)" in ended.out, ended
    subprocess.run(["rm", "-rf", project.cache], check=True)
    os.rename(whole, project.cache)
    project.dataver("push", "--no-presence")
    subprocess.run(["rm", "-rf", project.cache], check=True)
    project.dataver("pull", "-f")
    check_remote(project, "mended")


# -- a real server behind a proxy that kills the command when a certain byte passes ---------------

KINDS = {"s3": "s3fs", "ssh": "sshfs"} | ({"azure": "adlfs", "gs": "gcsfs", "webdav": "webdav4.fsspec", "http": "aiohttp"} if os.environ.get("FAULTS_ALL") else {})
POINTS = 12 if os.environ.get("FAULTS_ALL") else 0
LARGE_BYTES = 1_500_000
OBJECTS = 7


class Bench:
    """A project whose remote is a place of a server, reached through a wire. prepared: the box to copy."""

    def __init__(self, kind: str, server: Server, wire: Wire, folder: Path) -> None:
        importlib.import_module(KINDS[kind])  # once, and not in each child
        self.kind, self.server, self.wire, self.folder = kind, server, wire, folder
        self.pid = mmap.mmap(-1, 8)
        self.prepared = Project(str(folder / "prepared"), clean_environ(str(folder / "prepared-home")))
        os.makedirs(self.prepared.path)
        self.prepared.git("init", "-q", "-b", "main", ".")
        self.prepared.dataver("init")
        for number in range(5):
            self.prepared.write(f"data/{number}.txt", f"{number}\n")
        with open(os.path.join(self.prepared.path, "large"), "wb") as stream:
            stream.write(random.Random(1).randbytes(LARGE_BYTES))
        self.prepared.dataver("add", "data", "large")

    def at(self, place: str, name: str) -> Project:
        """A copy of the project, with this place as its remote."""
        project = Project(str(self.folder / name), clean_environ(str(self.folder / f"{name}-home")))
        subprocess.run(["rm", "-rf", project.box], check=True)
        subprocess.run(["cp", "-a", self.prepared.box, project.box], check=True)
        new, old = str(self.wire.port), str(self.server.port)
        options = {"url": f"{self.server.url.rstrip('/')}/{place}", **self.server.options}
        with open(os.path.join(project.path, ".dvc", "config.local"), "w", encoding="utf-8") as stream:
            stream.write("[core]\n    remote = r\n['remote \"r\"']\n" + "".join(f"    {name} = {value.replace(f':{old}', f':{new}')}\n" for name, value in options.items()))
        return project

    def run(self, project: Project, *argv: str, kill_at: int = 0) -> int:
        def tell_pid() -> None:
            self.pid[:8] = struct.pack("q", os.getpid())

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(struct.unpack("q", self.pid[:8])[0], signal.SIGKILL)

        self.wire.reset(kill_at, kill)
        ended = run_forked(list(argv), project.path, project.environ, prepare=tell_pid)
        assert ended.code in (0, KILLED if kill_at else 0), f"{self.kind}, {argv}: {ended}"
        return ended.code

    def checked(self, project: Project) -> dict[str, object]:
        self.wire.reset()
        ended = run_forked(["remote", "check", "--verify", "--json"], project.path, project.environ)
        assert ended.code in (0, 1) and ended.out, ended
        found: dict[str, object] = json.loads(ended.out)
        return found


@pytest.fixture(scope="module", params=KINDS)
def bench(request: pytest.FixtureRequest, servers: Callable[[str], Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    server = servers(request.param)
    with wire_to(server.port) as wire:
        yield Bench(request.param, server, wire, tmp_path_factory.mktemp(f"wire-{request.param}"))


def points(measure: Callable[[], object], bench: Bench) -> list[int]:
    """Bytes to be killed at: one in the large object, or many from beginning to end. measure: an undisturbed run."""
    if not POINTS:
        return [LARGE_BYTES // 2]
    measure()
    return [1 + bench.wire.moved * number // (POINTS + 1) for number in range(1, POINTS + 1)] + [bench.wire.moved - 100]


def test_push_killed_on_the_wire(bench: Bench) -> None:
    for number, point in enumerate(points(lambda: bench.run(bench.at(uuid.uuid4().hex, "whole"), "push"), bench)):
        project = bench.at(uuid.uuid4().hex, "push")
        bench.run(project, "push", kill_at=point)
        if number % 4 == 1:
            assert not bench.checked(project)["damaged"], f"killed at byte {point}: an object is there before it is whole"
        bench.run(project, "push")
        found = bench.checked(project)
        assert (found["objects"], found["missing"], found["damaged"]) == (OBJECTS, [], []), f"killed at byte {point}"


def test_pull_killed_on_the_wire(bench: Bench) -> None:
    assert elsewhere.SEVERAL > OBJECTS
    check_killed_pulls(bench)


@pytest.mark.parametrize("bench", ["ssh"], indirect=True)
def test_pull_killed_within_a_stream(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "SEVERAL", 2)
    check_killed_pulls(bench)


def check_killed_pulls(bench: Bench) -> None:
    place = uuid.uuid4().hex
    bench.run(bench.at(place, "whole"), "push")

    def fresh() -> Project:
        project = bench.at(place, "pull")
        subprocess.run(["rm", "-rf", project.cache, f"{project.path}/data", f"{project.path}/large"], check=True)
        return project

    for point in points(lambda: bench.run(fresh(), "pull"), bench):
        project = fresh()
        bench.run(project, "pull", kill_at=point)
        assert not wrong_objects(project.cache), f"killed at byte {point}: an object is there before it is whole"
        bench.run(project, "pull", "-f")
        assert not [path for path in files_below(project.cache) if is_temp_name(os.path.basename(path))], f"killed at byte {point}: temporary files are left"
        assert len(list(files_below(os.path.join(project.cache, "files")))) == OBJECTS
        assert subprocess.run(["diff", "-r", "-x", ".dvc", project.path, bench.prepared.path]).returncode == 0
