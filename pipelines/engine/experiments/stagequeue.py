"""Stages that ask for a queue of their own: places of which each runs one stage at a time, on the whole machine.

A place is a lock in the user's data folder, so it holds between runs, projects and supervisors,
with and without Redis. A stage may be handed to another worker as a *ticket*: a folder with what
to run, who took it, what it wrote and how it ended. Whoever links the file `claim` first runs it.
"""
from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from pipelines.engine.capture import Log
from pipelines.engine.experiments import owners
from pipelines.engine.experiments.statefile import read_state
from pipelines.engine.processes import describe_exit
from pipelines.engine.runner import Echo, LocalRunner, StageEnvironment, command_lines
from pipelines.engine.stagelog import StageLog, read_log
from tracking.engine import atomic
from tracking.engine.errors import StageFailed
from tracking.engine.hints import IO, Any, Callable, Mapping, Sequence
from tracking.engine.locks import FileLock
from tracking.engine.record import record
from tracking.engine.stage import Stage

DEVICE_VARIABLE = "CUDA_VISIBLE_DEVICES"
OWN_TURN_S = 3.0  # unclaimed for so long while a place is free: nobody listens, so we run it ourselves
POLL_S = 0.1
_ECHO = b"\x1e> "  # in front of a command line, in the output of a ticket


@record(frozen=True)
class Place:
    """Where one stage of a named queue runs. device: for CUDA_VISIBLE_DEVICES, None to leave it alone."""

    queue: str
    device: str | None
    lock_path: str


def places_of(folder: str, queue: str, devices: Sequence[str] = ()) -> list[Place]:
    """folder: the user's data folder. With devices, a place is a device, whatever the queue is called."""
    base = os.path.join(folder, "queue", "places")
    if devices:
        return [Place(queue, device, os.path.join(base, f"device-{_file_name(device)}.lock")) for device in devices]
    return [Place(queue, None, os.path.join(base, f"queue-{_file_name(queue)}.lock"))]


def _file_name(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in text)[:60]


class Held:
    """A place that is held, by this process."""

    def __init__(self, place: Place, lock: FileLock) -> None:
        self.place = place
        self._lock = lock

    def release(self) -> None:
        self._lock.release()

    def extend(self, environ: Mapping[str, str]) -> dict[str, str]:
        return {**environ, **({DEVICE_VARIABLE: self.place.device} if self.place.device is not None else {})}


def try_hold(places: Sequence[Place]) -> Held | None:
    """One of the places, if one is free. Never waits."""
    for place in places:
        os.makedirs(os.path.dirname(place.lock_path), exist_ok=True)
        lock = FileLock(place.lock_path)
        if lock.try_acquire():
            return Held(place, lock)
    return None


class PlaceRunner:
    """Runs a stage in this process's child once a place is free. The form of a named queue without Redis."""

    def __init__(self, environment: StageEnvironment, log_of: Callable[[Stage], Log | None] | None, places: Sequence[Place]) -> None:
        self.environment = environment
        self.log_of = log_of
        self.places = places
        self._stopping = threading.Event()
        self._local: LocalRunner | None = None

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        while (held := try_hold(self.places)) is None:
            if self._stopping.wait(POLL_S):
                raise KeyboardInterrupt
        try:
            self._local = LocalRunner(StageEnvironment(held.extend(self.environment.environ), self.environment.root_dir), self.log_of)
            if self._stopping.is_set():
                raise KeyboardInterrupt
            self._local.run(stage, address, output, echo)
        finally:
            held.release()

    def stop_all(self) -> None:
        self._stopping.set()
        if self._local is not None:
            self._local.stop_all()


# --- tickets
@record(frozen=True)
class Ticket:
    """A stage to run for somebody. folder: holds `ticket.json`, `claim`, `output`, `result.json`, `stop`.

    lines: its commands. extra: variables beside the environment that the worker has as well.
    owner: the process that waits for it; when that is gone, nobody wants the result.
    """

    folder: str
    queue: str
    address: str
    lines: list[str]
    wdir: str
    extra: dict[str, str]
    owner: dict[str, Any]
    entry_id: str = ""

    @property
    def id(self) -> str:
        return os.path.basename(self.folder)

    @property
    def is_claimed(self) -> bool:
        return os.path.lexists(os.path.join(self.folder, "claim"))

    @property
    def is_over(self) -> bool:
        return os.path.exists(os.path.join(self.folder, "result.json"))

    @property
    def is_wanted(self) -> bool:
        return not os.path.exists(os.path.join(self.folder, "stop")) and owners.liveness(self.owner) != owners.DEAD

    def claimant(self) -> dict[str, Any]:
        return read_state(os.path.join(self.folder, "claim"))


def tickets_folder(tmp_dir: str) -> str:
    return os.path.join(tmp_dir, "dataver", "queue", "stages")


def write_ticket(ticket: Ticket) -> None:
    os.makedirs(ticket.folder, exist_ok=True)
    facts = {"queue": ticket.queue, "address": ticket.address, "lines": ticket.lines, "wdir": ticket.wdir, "extra": ticket.extra, "owner": ticket.owner, "entry": ticket.entry_id}
    atomic.write_bytes(os.path.join(ticket.folder, "ticket.json"), json.dumps(facts).encode(), 0o600, durable=False)


def read_ticket(folder: str) -> Ticket | None:
    facts = read_state(os.path.join(folder, "ticket.json"))
    try:
        return Ticket(folder, str(facts["queue"]), str(facts["address"]), [str(line) for line in facts["lines"]], str(facts["wdir"]), {str(key): str(value) for key, value in facts["extra"].items()}, dict(facts["owner"]), str(facts.get("entry", "")))
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def open_tickets(tmp_dir: str) -> list[Ticket]:
    """Those nobody took and somebody waits for, oldest first."""
    folder = tickets_folder(tmp_dir)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = [read_ticket(os.path.join(folder, name)) for name in names]
    return [ticket for ticket in found if ticket is not None and not ticket.is_claimed and ticket.is_wanted]


def claim_ticket(ticket: Ticket) -> bool:
    """Only one process gets True."""
    try:
        source = atomic.write_beside(os.path.join(ticket.folder, "claim"), json.dumps(owners.own()).encode())
    except OSError:
        return False
    try:
        atomic.link(source, os.path.join(ticket.folder, "claim"))
        return True
    except OSError:
        return False
    finally:
        atomic.discard(source)


def run_ticket(ticket: Ticket, environ: Mapping[str, str], places: Sequence[Place], parent: int | None = None) -> dict[str, Any]:
    """Take and run a ticket; returns its result, {} when it is not ours to run. Everything it writes goes to its folder.

    parent: process id that must stay our parent; None when nobody need live.
    """
    if ticket.is_claimed or not ticket.is_wanted or not claim_ticket(ticket):
        return {}
    log = StageLog(os.path.join(ticket.folder, "output"))
    stage = Stage(file=os.path.join(ticket.wdir, "dvc.yaml"), wdir=ticket.wdir, name=ticket.address, cmd=tuple(ticket.lines))
    runner = PlaceRunner(StageEnvironment({**environ, **ticket.extra}, ticket.extra.get("DVC_ROOT", "")), None, places)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(ticket, runner, ended, parent), daemon=True).start()
    result: dict[str, Any] = {"code": 0}
    reader, writer = os.pipe()
    copier = threading.Thread(target=_copy, args=(reader, log), daemon=True)
    copier.start()
    try:
        with open(writer, "wb", buffering=0) as output:

            def echo(line: str) -> None:
                output.write(_ECHO + line.encode("utf-8", "surrogateescape") + b"\n")

            runner.run(stage, ticket.address, output, echo)
    except StageFailed as exc:
        result = {"code": exc.returncode, "error": exc.message}
    except KeyboardInterrupt:
        result = {"code": None, "stopped": True}
    finally:
        ended.set()
        copier.join(1.0)
        log.close()
    result["device"] = next((place.device for place in places if place.device), None)
    with contextlib.suppress(Exception):  # a full disk: who waits sees the claimant gone
        atomic.write_bytes(os.path.join(ticket.folder, "result.json"), json.dumps(result).encode(), durable=False)
    return result


def _copy(reader: int, log: StageLog) -> None:
    with open(reader, "rb", buffering=0) as stream:
        while data := stream.read(64 << 10):
            log.write(data)


def _watch(ticket: Ticket, runner: PlaceRunner, ended: threading.Event, parent: int | None) -> None:
    while not ended.wait(POLL_S * 2):
        if not ticket.is_wanted or (parent is not None and os.getppid() != parent):
            runner.stop_all()
            return


class TicketRunner:
    """Has a stage run by whoever serves its queue, and passes on what it writes. Falls back to running it here.

    hand_out: tells the others (an RQ job); may fail, the ticket is what counts.
    """

    def __init__(self, environment: StageEnvironment, log_of: Callable[[Stage], Log | None] | None, *, folder: str, queue: str, places: Sequence[Place], extra_of: Callable[[Mapping[str, str]], dict[str, str]], hand_out: Callable[[Ticket], None], entry_id: str = "") -> None:
        self.environment = environment
        self.log_of = log_of
        self.folder = folder
        self.queue = queue
        self.places = places
        self.extra_of = extra_of
        self.hand_out = hand_out
        self.entry_id = entry_id
        self._stopping = threading.Event()
        self._own: PlaceRunner | None = None
        self._ticket: Ticket | None = None

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        name = f"{time.time_ns():020d}-{os.urandom(4).hex()}"
        ticket = self._ticket = Ticket(os.path.join(self.folder, name), self.queue, address, command_lines(stage), stage.wdir, self.extra_of(self.environment.of(address)), owners.own(), self.entry_id)
        write_ticket(ticket)
        self.hand_out(ticket)
        deadline = time.monotonic() + OWN_TURN_S
        while not ticket.is_claimed:
            if self._stopping.wait(POLL_S):
                raise KeyboardInterrupt
            if time.monotonic() >= deadline and (held := try_hold(self.places)) is not None:
                held.release()
                if claim_ticket(ticket):
                    self._own = PlaceRunner(self.environment, self.log_of, self.places)
                    self._own.run(stage, address, output, echo)
                    return
        self._follow(ticket, self.log_of(stage) if self.log_of else None, output, echo)

    def _follow(self, ticket: Ticket, log: Log | None, output: IO[bytes] | None, echo: Echo) -> None:
        path = os.path.join(ticket.folder, "output")
        offset, kept = 0, b""
        while True:
            is_over = ticket.is_over
            data, offset = read_log(path, offset)
            if data:
                kept = _pass_on(kept + data, log, output, echo)
                continue
            if is_over:
                break
            if owners.liveness(ticket.claimant()) == owners.DEAD:
                raise StageFailed(f"the worker of queue '{self.queue}' that ran it was killed")
            if self._stopping.is_set():
                self._ask_to_stop()
            time.sleep(POLL_S / 2)
        _pass_on(kept, log, output, echo, is_all=True)
        result = read_state(os.path.join(ticket.folder, "result.json"))
        if result.get("stopped") or self._stopping.is_set():
            raise KeyboardInterrupt
        code = result.get("code")
        if code != 0:
            raise StageFailed(str(result.get("error") or (describe_exit(code) if isinstance(code, int) else "it failed")), code if isinstance(code, int) else None)

    def _ask_to_stop(self) -> None:
        if self._ticket is not None:
            with contextlib.suppress(OSError):
                os.close(os.open(os.path.join(self._ticket.folder, "stop"), os.O_WRONLY | os.O_CREAT, 0o666))

    def stop_all(self) -> None:
        self._stopping.set()
        self._ask_to_stop()
        if self._own is not None:
            self._own.stop_all()


def _pass_on(data: bytes, log: Log | None, output: IO[bytes] | None, echo: Echo, is_all: bool = False) -> bytes:
    """Split command lines from what they wrote; returns what is not known yet to be one or the other."""
    while data:
        at = data.find(_ECHO[:1])
        if at < 0 or is_all and not data[at:].startswith(_ECHO):
            _write(data, log, output)
            return b""
        if at > 0:
            _write(data[:at], log, output)
            data = data[at:]
            continue
        end = data.find(b"\n")
        if end < 0 and not is_all and len(data) < 64 << 10:
            return data
        if data.startswith(_ECHO) and end >= 0:
            echo(data[len(_ECHO) : end].decode("utf-8", "surrogateescape"))
            data = data[end + 1 :]
        else:
            _write(data[:1], log, output)
            data = data[1:]
    return b""


def _write(data: bytes, log: Log | None, output: IO[bytes] | None) -> None:
    if log is not None:
        log.write(data)
    if output is not None:
        output.write(data)
        output.flush()
    else:
        with contextlib.suppress(OSError):
            atomic.write_all(1, data)
