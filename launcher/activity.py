"""What pages had done: each action is a child process, its record and output are files.

`activity/<key>/<id>.json`, `.out` and `.progress` in the user's data folder (docs/formats/dataver-files.md).
A child is the leader of a session of its own: it goes on when the server ends, and the next server finds it
by its record. One lock guards the records held in memory.
"""
from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from launcher.engine.progressfile import VARIABLE, read_progress
from pipelines.engine import processid
from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.pages import NotFound

FOLDER = "activity"
KEPT = 100  # records of a repository
SHOWN_OUTPUT_BYTES = 64_000
ERROR_WITHIN, LISTED, MESSAGE_CHARACTERS = 200, 4, 500  # of the output: lines in which the last error is looked for; lines of what it lists
RUNNING, DONE, FAILED, CANCELLED, PAUSED, UNKNOWN = "running", "done", "failed", "cancelled", "paused", "unknown"
GOES_ON = ("pull", "push", "fetch", "checkout", "add")  # started again, they go on where they stopped


@dataclass(frozen=True)
class Item:
    """One action. state: running, done, failed, cancelled, paused, or unknown (it ended while no server ran).

    seconds: None while it runs. message: the last line it wrote. process: of `processid.own`, to find it again.
    progress: {label, done, total, unit, seconds} while it runs, or None. argv: to start it again; empty where pages cannot.
    """

    id: str
    command: str
    state: str
    started_at: str
    seconds: float | None = None
    code: int | None = None
    message: str = ""
    progress: dict[str, Any] | None = None
    process: dict[str, Any] = field(default_factory=dict)
    argv: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        facts = asdict(self)
        del facts["process"]
        return facts


class Activity:
    """The actions of all repositories. folder: the user's data folder."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, FOLDER)
        self._lock = threading.Lock()
        self._items: dict[str, dict[str, Item]] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: set[str] = set()
        self._paused: set[str] = set()

    def start(self, key: str, program: Sequence[str], command: str, cwd: str, environ: Mapping[str, str], then: Callable[[Item], None] | None = None, argv: Sequence[str] = ()) -> Item:
        """Run `program` in `cwd`; returns at once. command: how it is shown. then: called when it has ended. argv: what a page would post to start it again.

        Raises DataverError when it cannot be started.
        """
        items = self._of(key)
        os.makedirs(os.path.join(self.folder, key), mode=0o700, exist_ok=True)
        identity = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
        own: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000200}  # CREATE_NEW_PROCESS_GROUP
        begun = time.monotonic()
        try:
            with open(self._path(key, identity, "out"), "wb") as output:
                child = subprocess.Popen(
                    list(program), cwd=cwd, env={**environ, VARIABLE: self._path(key, identity, "progress"), "PYTHONUNBUFFERED": "1"}, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **own
                )
        except OSError as exc:
            raise DataverError(f"`{command}` cannot be started: {exc.strerror or exc}") from exc
        facts = {"pid": child.pid, "process_start": processid.start_of(child.pid), "boot": processid.boot_id()}
        item = Item(identity, command, RUNNING, datetime.now(UTC).isoformat(), process=facts, argv=list(argv))
        with self._lock:
            items[identity] = item
            self._children[identity] = child
        self._write(key, item)
        threading.Thread(target=self._follow, args=(key, item, child, begun, then), daemon=True).start()
        return item

    def items(self, key: str) -> list[Item]:
        """Newest first."""
        items = self._of(key)
        with self._lock:
            found = sorted(items.values(), key=lambda item: item.id, reverse=True)
        return [self._now(key, item) for item in found[:KEPT]]

    def newest(self, key: str) -> Item | None:
        items = self._of(key)
        with self._lock:
            item = items[max(items)] if items else None
        return self._now(key, item) if item else None

    def get(self, key: str, identity: str) -> Item:
        """Raises NotFound."""
        items = self._of(key)
        with self._lock:
            item = items.get(identity)
        if item is None:
            raise NotFound("there is no such action", hint="The list of actions shows the newest ones.")
        return self._now(key, item)

    def output(self, key: str, identity: str) -> str:
        """The end of what it wrote."""
        self.get(key, identity)
        return self._tail(key, identity)

    def cancel(self, key: str, identity: str) -> None:
        """Interrupt it as Ctrl-C does, or, when asked again, end it. Raises NotFound."""
        item = self.get(key, identity)
        if item.state != RUNNING:
            return
        asked_before = identity in self._cancelled
        self._cancelled.add(identity)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(item.process["pid"]), signal.SIGTERM if asked_before else signal.SIGINT)

    def pause(self, key: str, identity: str) -> None:
        """Interrupt what goes on where it stopped when it is started again: neither a lock nor a connection is held meanwhile. Raises NotFound, DataverError."""
        item = self.get(key, identity)
        if item.argv[:1] == [] or item.argv[0] not in GOES_ON:
            raise DataverError(f"`{item.command}` cannot be paused", hint="What moves data can: " + ", ".join(GOES_ON) + ".")
        if item.state == RUNNING and identity not in self._cancelled:
            self._paused.add(identity)
            self.cancel(key, identity)

    def is_busy(self) -> bool:
        """Whether an action goes on, of those this server started."""
        with self._lock:
            return bool(self._children)

    # --- inside
    def _follow(self, key: str, item: Item, child: subprocess.Popen[bytes], begun: float, then: Callable[[Item], None] | None) -> None:
        code = child.wait()
        state = DONE if code == 0 else PAUSED if item.id in self._paused else CANCELLED if item.id in self._cancelled else FAILED
        ended = replace(item, state=state, code=code, seconds=round(time.monotonic() - begun, 2), message=_last_line(self._tail(key, item.id)))
        self._end(key, ended)
        with self._lock:
            self._children.pop(item.id, None)
        if then is not None:
            then(ended)

    def _end(self, key: str, ended: Item) -> None:
        with self._lock:
            self._items[key][ended.id] = ended
        self._write(key, ended)
        with contextlib.suppress(OSError):
            os.unlink(self._path(key, ended.id, "progress"))
        self._prune(key)

    def _now(self, key: str, item: Item) -> Item:
        """A running item with its progress; one whose process is gone has ended, nobody knows how."""
        if item.state != RUNNING:
            return item
        if item.id not in self._children and not processid.is_alive(item.process):
            with self._lock:
                item = self._items[key][item.id]
            if item.state == RUNNING:
                item = replace(item, state=UNKNOWN, message=_last_line(self._tail(key, item.id)))
                self._end(key, item)
            return item
        return replace(item, progress=read_progress(self._path(key, item.id, "progress")), message=_last_line(self._tail(key, item.id, 2000)))

    def _of(self, key: str) -> dict[str, Item]:
        with self._lock:
            if key not in self._items:
                self._items[key] = self._load(key)
            return self._items[key]

    def _load(self, key: str) -> dict[str, Item]:
        found: dict[str, Item] = {}
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(os.path.join(self.folder, key)))[-3 * KEPT :]:
                if name.endswith(".json"):
                    with contextlib.suppress(OSError, ValueError, TypeError):
                        with open(os.path.join(self.folder, key, name), encoding="utf-8") as stream:
                            item = Item(**json.load(stream))
                        found[item.id] = item
        return found

    def _prune(self, key: str) -> None:
        with self._lock:
            ended = sorted(identity for identity, item in self._items[key].items() if item.state != RUNNING)
            gone = ended[:-KEPT]
            for identity in gone:
                del self._items[key][identity]
        for identity in gone:
            for suffix in ("json", "out", "progress"):
                with contextlib.suppress(OSError):
                    os.unlink(self._path(key, identity, suffix))

    def _write(self, key: str, item: Item) -> None:
        with contextlib.suppress(OSError):  # a full disk: what it did is done
            atomic.write_text(self._path(key, item.id, "json"), json.dumps(asdict(item)) + "\n", durable=False)

    def _tail(self, key: str, identity: str, limit: int = SHOWN_OUTPUT_BYTES) -> str:
        try:
            with open(self._path(key, identity, "out"), "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                stream.seek(max(0, size - limit))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def _path(self, key: str, identity: str, suffix: str) -> str:
        return os.path.join(self.folder, key, f"{identity}.{suffix}")


def _last_line(text: str) -> str:
    """The last error, with the first of what it lists; else the last line."""
    lines = text.rstrip().splitlines()
    at = max((number for number, line in enumerate(lines) if line.startswith("ERROR: ") and number >= len(lines) - ERROR_WITHIN), default=None)
    if at is None:
        return (lines[-1] if lines else "")[:MESSAGE_CHARACTERS]
    said, listed = lines[at].removeprefix("ERROR: "), [line.strip() for line in lines[at + 1 :] if line.strip()]
    if said.endswith(":") and listed:
        said += "\n" + "\n".join(listed[:LISTED]) + (f"\nand {len(listed) - LISTED} more lines" if len(listed) > LISTED else "")
    return said[:MESSAGE_CHARACTERS]
