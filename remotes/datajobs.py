"""Work behind the data page that is too long for a request: threads with progress, and what they made.

One thread per repository and kind of work; whoever asks gets what is there, and how far the rest is.
"""
from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from remotes.engine.remotelinks import has_links
from tracking.engine.datastatus import Wanted, compare_sides, not_in_remote
from tracking.engine.datatable import DataTable
from tracking.engine.datatree import recorded
from tracking.engine.errors import DataverError, InvalidFile
from tracking.engine.index import Index, load_index
from tracking.engine.protocols import Settings
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.walk import entries_below
from tracking.engine.workspace import Workspace
from tracking.pages import Problem, open_root

REPOSITORIES_AT_MOST = 4  # whose tables are held
WATCHED_AT_MOST = 2500  # paths looked at by `live`; in a larger project an edit deep inside is seen when one asks
FOLDERS_AT_MOST = 200
PAUSES = 3  # times as long as a comparison took, before the next
ASKS_AT_MOST = 8


class Quiet:
    """What the engine asks of a terminal (tracking.engine.protocols.Io), where nobody sits at one; keeps warnings and progress."""

    tool = "dataver"
    verbosity = 0
    wait_for_lock = False
    command_line = "dataver ui"

    def __init__(self, cwd: str, settings: Settings, progress: Told) -> None:
        self.cwd = cwd
        self.settings = settings
        self.progress = progress
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def print(self, text: str = "", end: str = "\n") -> None:
        pass

    def json(self, value: Any) -> None:
        pass

    error = plain_error = info = page = print

    def confirm(self, question: str) -> bool:
        return False


class Told:
    """Progress (tracking.engine.protocols) to be asked for."""

    def __init__(self) -> None:
        self.label, self.total, self.unit, self.done, self.begun = "", None, "file", 0, time.monotonic()  # type: str, int | None, str, int, float

    def start(self, label: str, total: int | None = None, unit: str = "file", files: int | None = None) -> None:
        self.label, self.total, self.unit, self.done, self.begun = label, total, unit, 0, time.monotonic()

    def advance(self, count: int = 1, files: int = 0) -> None:
        self.done += count

    def finish(self) -> None:
        pass

    def facts(self) -> dict[str, Any]:
        """As the progress of an action: {label, done, total, unit, seconds}."""
        return {"label": self.label, "done": self.done, "total": self.total, "unit": self.unit, "seconds": round(time.monotonic() - self.begun, 2)}


class Job:
    """One piece of work in a thread. value, once it has ended well; problem, when it has not."""

    def __init__(self, make: Callable[[Told], Any]) -> None:
        self.progress = Told()
        self.value: Any = None
        self.problem: Problem | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, args=(make,), daemon=True).start()

    def _run(self, make: Callable[[Told], Any]) -> None:
        try:
            self.value = make(self.progress)
        except (DataverError, OSError) as exc:
            self.problem = Problem.of(exc)
        except Exception as exc:  # a bug: shown where the result would have been
            self.problem = Problem("", f"{type(exc).__name__}: {exc}", type="Unexpected")
        finally:
            self._ended.set()

    def wait(self, seconds: float) -> bool:
        return self._ended.wait(seconds)

    @property
    def is_over(self) -> bool:
        return self._ended.is_set()


# --- jobs that a page asks for by name
class Jobs:
    """The newest of each kind; the one before is waited for, so that no two run at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, tuple[str, Job]] = OrderedDict()

    def ask(self, name: str, version: str, make: Callable[[Told], Any], wait_s: float) -> Job | None:
        """The job of that version, which may go on; None while an older one goes on."""
        with self._lock:
            known = self._jobs.get(name)
            if known is None or (known[0] != version and known[1].is_over):
                known = self._jobs[name] = (version, Job(make))
                while len(self._jobs) > ASKS_AT_MOST:
                    self._jobs.popitem(last=False)
        known[1].wait(wait_s)
        return known[1] if known[0] == version else None


# --- the table of tracked files
@dataclass
class Made:
    """A table and what belongs to it. facts: out -> what the page says of it. version: grows with each table."""

    table: DataTable
    version: int
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    has_remote: bool = False
    remote: str = "unasked"  # what is known of it: unasked, asking, known


class Holder:
    """Tables of one repository, the newest held."""

    def __init__(self, root: str, settings: Settings) -> None:
        self.root = root
        self.settings = settings
        self.made: Made | None = None
        self.job: Job | None = None
        self.asking: Job | None = None
        self._lock = threading.Lock()
        self._first = threading.Event()
        self._signature = ""
        self._watched: list[str] = []
        self._again = False
        self._took = self._ended = 0.0  # of the last comparison
        self._version = time.time_ns() // 1_000_000  # a page that outlives the server sees that it is another

    # --- asking
    def look(self, *, again: bool = False, may_start: bool = True) -> None:
        """Begin to make a new table where files changed, or when asked to."""
        with self._lock:
            self._again = self._again or again
            if self.job is not None and not self.job.is_over:
                return
            if not may_start:
                return
            is_due = time.monotonic() - self._ended > PAUSES * self._took  # while a run writes all the time, others need the processor, too
            if self.made is None or self._again or (is_due and signature(self._watched) != self._signature):
                self._again = False
                self.job = Job(self._make)

    def get(self, wait_s: float) -> Made:
        """The newest table; waits for the first, and `wait_s` for one that compares the workspace (0: as it is). Raises DataverError."""
        if wait_s or self.made is None:
            self.look()
        job = self.job
        if job is not None and job.wait(wait_s) and job.problem is not None and self.made is None:
            raise DataverError(job.problem.reason, hint=job.problem.hint or None)
        if self.made is None and job is not None:
            while not self._first.wait(0.05) and not job.is_over:
                pass
        if self.made is None:
            problem = job.problem if job is not None else None
            raise DataverError(problem.reason if problem else "the tracked files cannot be listed", hint=problem.hint if problem else None)
        return self.made

    def checking(self) -> dict[str, Any] | None:
        """Progress of the comparison that goes on, or None."""
        job = self.job
        return job.progress.facts() if job is not None and not job.is_over else None

    def ask_remote(self, name: str | None) -> None:
        """Begin to ask the remote what it lacks."""
        with self._lock:
            made = self.made
            if made is not None and (self.asking is None or self.asking.is_over):
                made.remote = "asking"
                self.asking = Job(lambda progress: self._ask_remote(made, name, progress))

    # --- making
    def _make(self, progress: Told) -> None:
        begun = time.monotonic()
        try:
            self._make_table(progress)
        finally:
            self._ended = time.monotonic()
            self._took = self._ended - begun

    def _make_table(self, progress: Told) -> None:
        progress.start("Reading what is tracked")
        with opened(self.root, self.settings) as repo:
            problems: list[Problem] = []
            known = self._watched or [self.root, *_folders(self.root)]
            first = signature(known)
            index = load_index(repo, onerror=lambda rel, exc: problems.append(file_problem(rel, exc)))
            watched = watched_paths(repo, index)
            before = signature(watched)
            is_same = signature(known) == first  # else something changed while it was read, and the next look reads again
            ws = Workspace(repo, progress, asks_urls=False)
            linked = cache(lambda name: has_links(repo.config, name))
            facts = {repo.rel(out.abspath): out_facts(repo, stage, out, linked) for stage, out in index.outs if out.abspath and repo.contains(out.abspath)}
            if self.made is None:  # what is recorded, until more is known
                self._publish(Made(DataTable(recorded(index, ws), None), 0, facts, problems, bool(repo.config.remotes())))
            progress.start("Comparing with the workspace")
            try:
                table = DataTable(*_compared(repo, ws, index))
            except DataverError as exc:
                problems.append(Problem.of(exc))
                table = DataTable(recorded(index, ws), None)
                table.is_checked = True
            self._watched, self._signature = watched, before if is_same else ""
            made = Made(table, 0, facts, problems, bool(repo.config.remotes()))
            old = self.made
            if old is not None and old.table.absent is not None and set(old.table.now.outs.items()) >= set(table.now.outs.items()):
                table.note_absent(old.table.absent)
                made.remote = "known"
            self._publish(made)

    def _publish(self, made: Made) -> None:
        self._version += 1
        made.version = self._version
        self.made = made
        self._first.set()

    def _ask_remote(self, made: Made, name: str | None, progress: Told) -> None:
        from remotes.engine.apart import asker
        from remotes.engine.storage import Remotes

        try:
            progress.start("Asking the remote")
            with opened(self.root, self.settings) as repo:
                absent = not_in_remote(made.table.now, True, asker(Remotes(repo, name)))
        except BaseException:
            made.remote = "unasked"
            raise
        made.table.note_absent(absent)
        made.remote = "known"
        self._version += 1
        made.version = self._version


def _compared(repo: Repo, ws: Workspace, index: Index) -> tuple[Any, Any]:
    found = compare_sides(repo, ws, index, Wanted(granular=True))
    return found.now, found


def file_problem(rel: str, exc: DataverError) -> Problem:
    """A file that names data and cannot be read."""
    line = exc.line if isinstance(exc, InvalidFile) and exc.line else None
    path = (exc.path if isinstance(exc, InvalidFile) else "") or rel
    return Problem(f"{path}, line {line}" if line else path, exc.message, exc.hint or "Its data is missing below until it is mended.", type(exc).__name__)


def out_facts(repo: Repo, stage: Stage, out: Out, linked: Callable[[str | None], bool]) -> dict[str, Any]:
    """linked: whether a remote can have links. file: that tracks it. stage: its address where a stage writes it. target: what `commit` and `push` take."""
    source = stage.deps[0] if stage.is_import else None
    return {
        "file": repo.rel(stage.file),
        "stage": stage.address(repo.root_dir) if stage.cmd is not None else "",
        "source": source.path if source is not None else "",
        "frozen": stage.frozen,
        "pushed": out.push,
        "remote": out.remote or "",
        "has_links": linked(out.remote),
        "oid": out.digest.value if out.digest else "",
        "size": out.meta.size,
        "files": out.meta.nfiles,
    }


class Tables:
    """Holders of the repositories that were looked at last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: OrderedDict[str, Holder] = OrderedDict()

    def of(self, key: str, root: str, settings: Settings) -> Holder:
        with self._lock:
            holder = self._holders.get(key)
            if holder is None or holder.root != root:
                holder = self._holders[key] = Holder(root, settings)
            self._holders.move_to_end(key)
            while len(self._holders) > REPOSITORIES_AT_MOST:
                self._holders.popitem(last=False)
            return holder


@contextlib.contextmanager
def opened(root: str, settings: Settings) -> Iterator[Repo]:
    repo = open_root(root, settings)
    try:
        yield repo
    finally:
        repo.close()


# --- has something changed?
def watched_paths(repo: Repo, index: Index) -> list[str]:
    """What tells by its time that a table is old: files that track, their folders, HEAD, tracked data (as far as it goes), the cache."""
    root = repo.root_dir
    found: dict[str, None] = dict.fromkeys([root, *_folders(root), *(os.path.join(root, DVC_DIR, name) for name in ("config", "config.local"))])
    if repo.scm is not None:
        found.update(dict.fromkeys(os.path.join(repo.scm.git_dir, name) for name in ("HEAD", "logs/HEAD")))
    for stage in index.stages:
        folder = os.path.dirname(stage.file)
        found.update(dict.fromkeys((stage.file, folder, os.path.join(folder, "dvc.lock"))))
    outs = [out.abspath for _, out in index.outs if out.abspath and out.cache and repo.contains(out.abspath)]
    found.update(dict.fromkeys(outs))
    store = repo.store
    found.update(dict.fromkeys([store.root, *(f"{store.root}/{number:02x}" for number in range(256))]))
    room = WATCHED_AT_MOST
    for out in outs:
        for path in entries_below(out, room):
            found[path] = None
            room -= 1
    return list(found)


def _folders(root: str) -> list[str]:
    try:
        with os.scandir(root) as entries:
            return [entry.path for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)][:FOLDERS_AT_MOST]
    except OSError:
        return []


def signature(paths: list[str]) -> str:
    """Of the stats of paths: another one when a file was written, made or removed."""
    parts = []
    for path in paths:
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            parts.append("-")
        else:
            parts.append(f"{found.st_mtime_ns} {found.st_size} {found.st_ino}")
    return str(hash(";".join(parts)))
