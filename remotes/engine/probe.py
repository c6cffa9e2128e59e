"""Try a remote: write, read and delete a small object of no meaning, and say how long each took or what is wrong.

A kind of storage takes part by an entry in PROBES beside its entry in `storage.FACTORIES`.
"""
from __future__ import annotations

import contextlib
import errno
import os
import time

from remotes.engine.clienterrors import SILENT
from remotes.engine.storage import FACTORIES, Remote, Remotes, open_store
from tracking.engine import atomic
from tracking.engine.config_schema import url_scheme
from tracking.engine.credentials import masked, redacted, secrets_in, secrets_in_environment
from tracking.engine.errors import DataverError, RemoteError
from tracking.engine.hints import Any, Callable, Protocol
from tracking.engine.record import field, record

WRITE, READ, DELETE = "write", "read", "delete"
PREFIX = ".dataver-probe-"  # no object is called like this, so nobody mistakes it for one
SIZE_BYTES = 4096


class Place(Protocol):
    """Where a probe is written: the storage of a remote by a name of its own. Each call may raise OSError or DataverError."""

    def write(self, name: str, data: bytes) -> None: ...

    def read(self, name: str) -> bytes: ...

    def delete(self, name: str) -> None: ...


class FolderPlace:
    """A folder; it is not made when it is missing: an unmounted drive must not look like a working remote."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        if not os.path.isdir(self.folder):
            if os.path.lexists(self.folder):
                raise RemoteError(f"'{self.folder}' is not a folder")
            raise RemoteError(f"there is no folder '{self.folder}'", hint=f"Mount what belongs there, correct the path, or make it: mkdir -p {self.folder}")
        descriptor = os.open(os.path.join(self.folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            atomic.write_all(descriptor, data)
            atomic.fsync_fd(descriptor, self.folder)
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes:
        with open(os.path.join(self.folder, name), "rb") as stream:
            return stream.read()

    def delete(self, name: str) -> None:
        atomic.unlink(os.path.join(self.folder, name))


@record(frozen=True)
class Step:
    """step: write, read or delete."""

    step: str
    seconds: float


@record(frozen=True)
class Probe:
    """steps: those that worked, in order. failed: the step that did not, "open" before any; empty when all did. url: without secrets."""

    name: str
    url: str
    steps: list[Step] = field(default_factory=list)
    failed: str = ""
    reason: str = ""
    hint: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.failed

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        steps = [{"step": step.step, "seconds": round(step.seconds, 6)} for step in self.steps]
        return {"name": self.name, "url": self.url, "ok": self.is_ok, "steps": steps, "seconds": round(self.seconds, 6), "failed": self.failed, "reason": self.reason, "hint": self.hint}


def probe(remotes: Remotes, name: str) -> Probe:
    """Try one remote. Never raises for what is wrong with the remote: that is the answer."""
    url, step = "", "open"
    steps: list[Step] = []
    try:
        remote = remotes.get(name)
        url = masked(remote.url)
        place = open_place(remote, remotes.repo.tmp_dir)
        own, data, step = PREFIX + os.urandom(8).hex(), os.urandom(SIZE_BYTES), WRITE
        try:
            steps.append(_timed(WRITE, lambda: place.write(own, data)))
            step = READ
            steps.append(_timed(READ, lambda: _check(place.read(own), data)))
        except (DataverError, OSError) as exc:
            if SILENT.text in str(exc):
                raise  # nor would it answer to that
            with contextlib.suppress(DataverError, OSError):
                place.delete(own)  # half of it may be there
            raise
        step = DELETE
        steps.append(_timed(DELETE, lambda: place.delete(own)))
    except (DataverError, OSError) as exc:
        reason, hint = reason_of(exc, url)
        return Probe(name.lower(), url, steps, step, redacted(reason, _secrets(remotes, name)), hint)
    return Probe(name.lower(), url, steps)


def _secrets(remotes: Remotes, name: str) -> set[str]:
    """What a client's message may hold and nobody may see."""
    return secrets_in({"remote": {name: remotes.repo.config.remotes().get(name.lower(), {})}}) | secrets_in_environment(remotes.repo.settings.environ)


def _timed(step: str, work: Callable[[], None]) -> Step:
    begun = time.perf_counter()
    work()
    return Step(step, time.perf_counter() - begun)


def _check(found: bytes, written: bytes) -> None:
    if found != written:
        raise RemoteError("what was read is not what was written", hint="The storage changes data: use another one until that is mended.")


def open_place(remote: Remote, tmp_dir: str) -> Place:
    """Raises DataverError for a kind of URL that nobody serves, MissingPackage for one whose package is not installed."""
    scheme = url_scheme(remote.url)
    if not scheme or scheme not in PROBES:
        open_store(remote, False, tmp_dir)  # what push would say
    return PROBES[scheme](remote)


class StoragePlace:
    """Storage elsewhere; its folder is not made either, though the first push makes it."""

    def __init__(self, remote: Remote) -> None:
        from remotes.engine.cloudstore import CloudStore, open_cloud  # slow import

        self.store: CloudStore = open_cloud(remote, False)

    def write(self, name: str, data: bytes) -> None:
        self.store.check_place()
        self.store.write_file(data, name)

    def read(self, name: str) -> bytes:
        return self.store.read_file(name)

    def delete(self, name: str) -> None:
        self.store.remove_files([name])


PROBES: dict[str, Callable[[Remote], Place]] = {**dict.fromkeys(FACTORIES, StoragePlace), "": lambda remote: FolderPlace(remote.url.removeprefix("file://"))}

_SAID = {
    errno.EACCES: ("no permission to use '{place}'", "Ask its owner for write permission, or choose another place."),
    errno.EPERM: ("no permission to use '{place}'", "Ask its owner for write permission, or choose another place."),
    errno.EROFS: ("'{place}' is read-only", "Mount it writable, or choose another place."),
    errno.ENOSPC: ("'{place}' is full", "Free some space: `dataver gc -c` deletes what nothing uses."),
    getattr(errno, "EDQUOT", -1): ("your quota in '{place}' is used up", "Free some space: `dataver gc -c` deletes what nothing uses."),
    errno.ETIMEDOUT: ("'{place}' does not answer", "Check the network, and whether it is mounted."),
    getattr(errno, "ESTALE", -2): ("the mount at '{place}' is stale", "Mount it again."),
    errno.ENAMETOOLONG: ("the path '{place}' is too long", ""),
}


def reason_of(exc: DataverError | OSError, place: str) -> tuple[str, str]:
    """A failure as (what is wrong, what to do), in plain words."""
    if isinstance(exc, DataverError):
        return exc.message, exc.hint or ""
    said = _SAID.get(exc.errno or 0)
    if said:
        return said[0].format(place=place), said[1]
    return f"'{place}': {exc.strerror or exc}", ""
