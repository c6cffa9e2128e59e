"""Runs a command in a forked child that dies at its n-th step on disk, with or without the power.

A step is a call of `tracking.engine.atomic.HOOK`: before each fsync, rename, unlink, link,
symlink and barrier of the engine. Every process of the command counts into one shared number.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from tracking.engine import atomic

KILLED = -9
Stamp = tuple[int, int, int]  # inode, mtime_ns, size


@dataclass(frozen=True)
class Ended:
    """How the child ended. steps: hook calls it made, all its processes together."""

    code: int
    out: str
    err: str
    steps: int


def run_forked(argv: list[str], cwd: str, environ: dict[str, str], *, die_at: int = 0, on_step: Callable[[str, str], None] | None = None,
               prepare: Callable[[], None] | None = None, timeout_s: float = 60.0) -> Ended:
    """Run one command line in a child process that kills itself and its children at step `die_at` (0: never).

    prepare: called in the child first (limits, another user). on_step: called at every step, before the death at it.
    """
    counter = mmap.mmap(-1, 8)
    out, err = (os.path.join(environ["HOME"], f"{name}-{os.getpid()}") for name in ("out", "err"))
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.setsid()
            for number, path in ((1, out), (2, err)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
            if prepare:
                prepare()
            code = _command(argv, cwd, environ, counter, die_at, on_step)
        except BaseException:  # noqa: BLE001 - a traceback is the finding
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code & 0xFF)
    code = _wait(pid, timeout_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # workers that outlived their parent
    texts = []
    for path in (out, err):
        with open(path, encoding="utf-8", errors="backslashreplace") as stream:
            texts.append(stream.read())
        os.unlink(path)
    return Ended(code, texts[0], texts[1], struct.unpack("q", counter[:8])[0])


def _command(argv: list[str], cwd: str, environ: dict[str, str], counter: mmap.mmap, die_at: int, on_step: Callable[[str, str], None] | None) -> int:
    from dataver_site import entry

    def hook(operation: str, path: str) -> None:
        number = struct.unpack("q", counter[:8])[0] + 1
        counter[:8] = struct.pack("q", number)
        if on_step:
            on_step(operation, path)
        if number == die_at:
            os.killpg(0, signal.SIGKILL)
            time.sleep(60)

    atomic.HOOK = hook
    os.environ.clear()
    os.environ.update(environ)
    return entry.run(argv, cwd=cwd, environ=environ) or 0


def _wait(pid: int, timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError(f"still running after {timeout_s:.0f} s")


# -- power loss ---------------------------------------------------------------------------


def files_below(top: str) -> Iterable[str]:
    """Regular files below a folder, not following links."""
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISREG(os.lstat(path).st_mode):
                    yield path


def _stamp(path: str) -> Stamp:
    status = os.lstat(path)
    return status.st_ino, status.st_mtime_ns, status.st_size


class PowerJournal:
    """Knows at each step what would survive a power cut, by writing it down beside the box.

    A barrier makes everything durable; an fsync of a file makes its bytes durable, an fsync of a
    folder the names in it. A step is known to have ended when the next one begins, so a cut at step n
    happens with step n-1 done and step n not begun.
    """

    def __init__(self, box: str, aside: str) -> None:
        self.box, self.aside = box, aside
        self._pending: tuple[str, str] | None = None
        self._durable: dict[Stamp, bool] = {}
        os.makedirs(aside, exist_ok=True)
        self._barrier()

    def __call__(self, operation: str, path: str) -> None:
        if self._pending:
            self._done(*self._pending)
        self._pending = (operation, path)

    def _done(self, operation: str, path: str) -> None:
        if operation == "barrier":
            self._barrier()
        elif operation == "fsync" and os.path.isfile(path):
            self._durable[_stamp(path)] = True
            self._save()
        elif operation == "fsync" and os.path.isdir(path):
            self._keep_names(path)

    def _barrier(self) -> None:
        self._durable = dict.fromkeys(map(_stamp, files_below(self.box)), True)
        shutil.rmtree(os.path.join(self.aside, "tree"), ignore_errors=True)
        subprocess.run(["cp", "-a", self.box, os.path.join(self.aside, "tree")], check=True)
        self._save()

    def _keep_names(self, folder: str) -> None:
        """The names in a folder survive now; what they hold only when it was synced."""
        copy = os.path.join(self.aside, "tree", os.path.relpath(folder, self.box))
        os.makedirs(copy, exist_ok=True)
        for name in os.listdir(copy):
            if not os.path.lexists(os.path.join(folder, name)) and not os.path.isdir(os.path.join(copy, name)):
                os.unlink(os.path.join(copy, name))
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            shutil.copy2(path, os.path.join(copy, name))
            if _stamp(path) not in self._durable:
                os.truncate(os.path.join(copy, name), 0)

    def _save(self) -> None:
        with open(os.path.join(self.aside, "durable.json"), "w", encoding="utf-8") as stream:
            json.dump(list(self._durable), stream)


def cut_power(box: str, aside: str, how: str, seed: int = 0) -> None:
    """Turn the box into what a disk may hold after the cut.

    how: "zero" = names survived, bytes that were not synced did not; "undo" = neither did
    the names; "mixed" = a coin per file decides between "zero" and kept.
    """
    with open(os.path.join(aside, "durable.json"), encoding="utf-8") as stream:
        durable = {tuple(stamp) for stamp in json.load(stream)}
    if how == "undo":
        shutil.rmtree(box)
        os.rename(os.path.join(aside, "tree"), box)
        return
    coin = Random(seed)
    old_inodes = {stamp[0] for stamp in durable}
    for path in sorted(files_below(box)):
        stamp = _stamp(path)
        if stamp in durable or "/.git/" in path or ("/.dvc/tmp/" in path and stamp[0] in old_inodes):
            continue  # what is overwritten in place, as the locks are, holds its old or its new bytes
        if how == "zero" or coin.random() < 0.5:
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            os.chmod(path, 0o644)
            os.truncate(path, 0)
            os.chmod(path, mode)


# -- what must hold afterwards ------------------------------------------------------------


def object_path(cache: str, oid: str) -> str:
    """Where an object of the present layout lies."""
    return os.path.join(cache, "files", "md5", oid[:2], oid[2:])


def wrong_objects(cache: str) -> list[str]:
    """Objects of a cache or remote whose bytes are not what their name says."""
    wrong = []
    for path in files_below(os.path.join(cache, "files", "md5")):
        folder, name = os.path.split(path)
        if name.startswith("."):
            continue  # a temporary name: nobody reads it
        with open(path, "rb") as stream:
            found = hashlib.md5(stream.read()).hexdigest()
        if os.path.basename(folder) + name.removesuffix(".dir") != found:
            wrong.append(path)
    return wrong


def named_oids(text: str) -> list[str]:
    """Hashes of cached outs in the text of a .dvc file or dvc.lock."""
    import yaml

    document = yaml.safe_load(text) or {}
    stages = document.get("stages", {"": document}) if isinstance(document, dict) else {}
    return [str(out["md5"]) for stage in stages.values() for out in stage.get("outs", []) if out.get("md5")]


def closure(cache: str, oids: Iterable[str]) -> list[str]:
    """The oids and what their manifests name. Fails with the missing object's path."""
    found = []
    for oid in oids:
        found.append(oid)
        if oid.endswith(".dir"):
            with open(object_path(cache, oid), "rb") as stream:
                found += [entry["md5"] for entry in json.load(stream)]
    return found


def lost_objects(cache: str, oids: Iterable[str]) -> list[str]:
    """Those of the oids (with what their manifests name) that the cache does not hold whole."""
    lost = []
    for oid in oids:
        try:
            names = closure(cache, [oid])
        except (FileNotFoundError, ValueError):
            lost.append(oid)
            continue
        for name in names:
            path = object_path(cache, name)
            if not os.path.exists(path) or hashlib.md5(open(path, "rb").read()).hexdigest() != name.removesuffix(".dir"):
                lost.append(name)
    return lost
