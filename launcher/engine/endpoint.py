"""One server and one window per user: who runs already, and how a second start asks the first.

`endpoint.json` in the user's data folder names the server: process, port, and a secret that only this
user can read, with which a second start asks it over the loopback to open a project. `window.json` names the
window; a second start leaves its wish in `window-ask.json`. Locks say who is first, so a file that a
crash left behind deceives nobody.
"""
from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import time

from pipelines.engine import processid
from tracking.engine import atomic
from tracking.engine.hints import Any, Callable
from tracking.engine.locks import FileLock
from tracking.engine.record import record

FILE, LOCK = "endpoint.json", "endpoint.lock"
WINDOW_LOCK, WINDOW_ASK = "window.lock", "window-ask.json"
PATH = "/instance"  # where the server answers a second start
SECRET_HEADER = "X-Dataver-Secret"
LOOPBACK = "127.0.0.1"
STARTING_S = 10.0  # a server that holds the lock and has not said where it is
ANSWER_S = 20.0  # reading a large project for the first time
ASK_S = 5.0
_POLL_S = 0.05


@record(frozen=True)
class Endpoint:
    """Where the first server answers."""

    port: int
    secret: str


class Claim:
    """The right to be the user's server, for as long as this process lives."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._path = os.path.join(folder, FILE)
        self._lock = FileLock(os.path.join(folder, LOCK))
        self.secret = secrets.token_urlsafe(32)

    def take(self) -> bool:
        return self._lock.try_acquire()

    def announce(self, port: int) -> None:
        """Replaces what an earlier server left behind. Raises OSError."""
        atomic.write_text(self._path, json.dumps({**processid.own(), "port": port, "secret": self.secret}) + "\n", 0o600, durable=False)

    def give_up(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        self._lock.release()


def find(folder: str) -> Endpoint | None:
    """The server that runs, or None: no file, a stale one, or one of somebody else."""
    path = os.path.join(folder, FILE)
    try:
        if hasattr(os, "getuid") and os.stat(path).st_uid != os.getuid():
            return None
        with open(path, encoding="utf-8") as stream:
            facts = json.load(stream)
        if not processid.is_alive(facts):
            return None
        return Endpoint(int(facts["port"]), str(facts["secret"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def wait_for(folder: str, timeout_s: float = STARTING_S) -> Endpoint | None:
    """The server that holds the lock; it may be starting."""
    until = time.monotonic() + timeout_s
    while True:
        found = find(folder)
        if found is not None or time.monotonic() > until:
            return found
        time.sleep(_POLL_S)


def ask(endpoint: Endpoint, root: str | None) -> str | None:
    """Have the server open the project at `root`; gives an address with a fresh one-time token, None when nobody answers."""
    try:
        connection = http.client.HTTPConnection(LOOPBACK, endpoint.port, timeout=ANSWER_S)
        body = json.dumps({"root": root})
        connection.request("POST", PATH, body, {SECRET_HEADER: endpoint.secret, "Content-Type": "application/json"})
        answer = connection.getresponse()
        value: Any = json.loads(answer.read())
        connection.close()
        return str(value["address"]) if answer.status == 200 else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None


class WindowClaim:
    """The right to be the user's window; `asked` is what a second start wants of it."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._ask = os.path.join(folder, WINDOW_ASK)
        self._lock = FileLock(os.path.join(folder, WINDOW_LOCK))

    def take(self) -> bool:
        if not self._lock.try_acquire():
            return False
        with contextlib.suppress(OSError):
            os.unlink(self._ask)
        return True

    def asked(self) -> str | None:
        """Root of the project that a second start wants to see, "" for none in particular; None: nobody asked."""
        try:
            with open(self._ask, encoding="utf-8") as stream:
                root = json.load(stream)["root"]
            os.unlink(self._ask)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return str(root)

    def give_up(self) -> None:
        self._lock.release()


def ask_window(folder: str, root: str, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Have the first window come to the front and show the project at `root` ("": what it shows). False when it does not react."""
    path = os.path.join(folder, WINDOW_ASK)
    atomic.write_text(path, json.dumps({"root": root}) + "\n", 0o600, durable=False)
    until = time.monotonic() + ASK_S
    while time.monotonic() < until:
        if not os.path.exists(path):
            return True
        sleep(_POLL_S)
    with contextlib.suppress(OSError):
        os.unlink(path)
    return False
