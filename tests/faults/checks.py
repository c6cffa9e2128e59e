"""What must hold after a fault: both tools answer, nothing is lost, the command can be run again."""
from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.compat.snapshot import Snapshots, differences
from tests.compat.tools import Tool
from tests.faults.crash import files_below, lost_objects, run_forked, wrong_objects
from tests.faults.scenarios import Project
from tracking.engine.atomic import is_temp_name


@dataclass
class Prepared:
    """A scenario at rest: its box, the command to run, the state after an undisturbed run and its number of steps."""

    project: Project
    argv: list[str]
    after: dict[str, str]
    steps: int


def state(project: Project) -> dict[str, str]:
    """What is on disk, leftovers under temporary names put aside."""
    found = Snapshots(project.box, project.environ).take()
    found = {_without_batch(key): value for key, value in found.items() if not key.endswith("/trash.json")}
    return {key: value for key, value in found.items() if not is_temp_name(os.path.basename(key))}


def _without_batch(key: str) -> str:
    """An object in the trash counts, in whichever batch: one that was interrupted leaves two."""
    return re.sub(r"/cache/trash/[^/]+/", "/cache/trash/*/", key)


def objects_anywhere(project: Project) -> set[str]:
    """Names of objects that lie whole in the cache or its trash."""
    found = set()
    for path in files_below(project.cache):
        folder, name = os.path.split(path)
        oid = name if f"{os.sep}trash{os.sep}" in path else os.path.basename(folder) + name
        if hashlib.md5(Path(path).read_bytes()).hexdigest() == oid.removesuffix(".dir"):
            found.add(oid)
    return found


def check_sane(project: Project, real_dvc: Tool, told: str) -> None:
    """Both tools give a status, nothing committed is lost, every name leads to whole objects."""
    for argv in (["status", "--json"], ["data", "status", "--json"]):
        ended = run_forked(argv, project.path, project.environ)
        assert ended.code == 0 and "Traceback" not in ended.err, f"{told}: dataver {argv}: {ended}"
        json.loads(ended.out)
        if "data" in argv and "://" in project.url:
            continue  # dvc opens the remote for it, and has no such thing
        reply = real_dvc.run(argv, project.path, project.environ)
        assert reply.code == 0 and "Traceback" not in reply.err, f"{told}: dvc {argv}: {reply}"
    assert not lost_objects(project.cache, project.committed), f"{told}: committed objects are lost"
    assert not lost_objects(project.cache, [] if not project.committed else project.named_now()), f"{told}: a file names objects that are not there"
    complete = [oid for oid in _manifests(project.remote) if lost_objects(project.remote, [oid])]
    assert not complete, f"{told}: the remote holds manifests without their files: {complete}"


def _manifests(store: str) -> list[str]:
    top = Path(store) / "files" / "md5"
    return sorted(path.parent.name + path.name for path in top.glob("[0-9a-f][0-9a-f]/*.dir"))


def check_finishes(project: Project, original: Prepared, told: str) -> None:
    """The same command, run again, ends where an undisturbed run ends."""
    ended = run_forked(original.argv, project.path, project.environ)
    assert ended.code == 0, f"{told}: run again: {ended}"
    assert not wrong_objects(project.cache), f"{told}: wrong bytes in the cache"
    assert not wrong_objects(project.remote), f"{told}: wrong bytes in the remote"
    found = {key: pair for key, pair in differences(original.after, state(project)).items() if not _is_empty_memory(key, pair[1])}
    assert not found, f"{told}: {found}"


def _is_empty_memory(key: str, value: str) -> bool:
    """A run-cache entry that lost its bytes: it is not synced on purpose, and readers drop it with a warning."""
    return "/cache/runs/" in key and value.endswith(" b''")


def sample(steps: int, wanted: int) -> list[int]:
    """Step numbers from 1 to `steps`: all of them under FAULTS_ALL, else about `wanted`, spread, first and last included."""
    if os.environ.get("FAULTS_ALL") or steps <= wanted:
        return list(range(1, steps + 1))
    return sorted({1 + round(number * (steps - 1) / (wanted - 1)) for number in range(wanted)})
