"""Copy objects from one store to another: files first, then the manifests that name them.

Every object appears whole under its final name (temporary name, then rename) and is compared in
size with its source, with `verify` also in hash; what comes from elsewhere always is. Between files
and manifests lies a durability barrier of the target, so at no moment, a power cut included, does a
manifest name what is not there.
"""
from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

from remotes.engine.elsewhere import ABSENT, AGAIN, EMPTY, JOBS, Courier, corrupted
from remotes.engine.retry import Retry
from remotes.engine.threads import on_threads
from tracking.engine import atomic, parallel
from tracking.engine.directwrite import copy_direct
from tracking.engine.errors import DataverError
from tracking.engine.hashing import hash_bytes, hash_file, to_unix
from tracking.engine.hints import Any, Callable, Iterable, Iterator, Mapping
from tracking.engine.ingest import BINARY, SMALL_BYTES, ObjectWriter
from tracking.engine.links import UNSUPPORTED, LinkUnsupported, clone_fd
from tracking.engine.objects import LocalStore, ObjectStore, is_protected_file, make_folder
from tracking.engine.protocols import Progress
from tracking.engine.record import field, record
from tracking.engine.stage import MD5
from tracking.engine.tree import DIR_SUFFIX, tree_oid

STEP_BYTES = 1 << 25
LARGE = "large"


@record
class Transferred:
    """sent: oids that arrived. failed: oid -> why. missing: oids that a source elsewhere does not have."""

    sent: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class Transfer:
    """From one store to another. label: of the progress line. jobs: copies at once (None: as many as make sense).

    verify: hash every object. suspect: hash those that are not read-only, as nothing of ours leaves them.
    sizes: of objects in bytes, as far as they are known. held: bytes of manifests that were read and checked before.
    inspect: told what was sent, files before manifests; gives what did not arrive as it should, and why.
    """

    def __init__(
        self,
        source: ObjectStore,
        target: ObjectStore,
        progress: Progress,
        *,
        label: str,
        verify: bool = False,
        suspect: bool = False,
        jobs: int | None = None,
        pause_s: float | None = None,
        sizes: Mapping[str, int] | None = None,
        held: Mapping[str, bytes] | None = None,
        inspect: Callable[[list[str]], Mapping[str, str]] | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.progress = progress
        self.label = label
        self.verify = verify
        self.suspect = suspect
        self.jobs = jobs
        self.retry = Retry(pause_s=pause_s)
        self.sizes = sizes
        self.held = held or {}
        self.inspect = inspect
        self.result = Transferred()

    def run(self, files: list[str], trees: Mapping[str, Iterable[str]], present: set[str]) -> Transferred:
        """Send files, then each manifest (oid -> the oids it lists) whose files are all there.

        present: oids the target has. A manifest is not sent when one of its files failed or is
        nowhere; it counts as failed only in the first case. Raises DataverError when the target
        cannot be written to at all.
        """
        if files:
            self._send(files)
            self._look_at(0)
        failed = set(self.result.failed)
        there = present.union(self.result.sent) if trees else present
        ready = []
        for oid, listed in trees.items():
            wanted = set(listed)
            if wanted <= there:
                ready.append(oid)
            elif wanted & failed:
                self.result.failed[oid] = "some of the files it names failed"
        before = len(self.result.sent)
        if ready and isinstance(self.target, LocalStore):
            self._send_trees(self.target, ready)
        elif ready:
            self._send(ready)
        self._look_at(before)
        return self.result

    def _look_at(self, before: int) -> None:
        """What was sent after the first `before` objects."""
        sent = self.result.sent[before:]
        bad = self.inspect(sent) if self.inspect is not None and sent else None
        if bad:
            self.result.sent[before:] = [oid for oid in sent if oid not in bad]
            self.result.failed.update(bad)

    def _send(self, oids: list[str]) -> None:
        """One durable batch."""
        batch: AbstractContextManager[list[str]] = self.target.batch() if isinstance(self.target, LocalStore) else nullcontext([])
        try:
            with batch as added:
                before = len(self.result.sent)
                if isinstance(self.source, LocalStore) and isinstance(self.target, LocalStore):
                    self._between_folders(self.source, self.target, oids)
                else:
                    self._between_stores(oids)
                if isinstance(self.target, LocalStore):
                    added += [self.target.path_of(oid) for oid in self.result.sent[before:]]
        except OSError as error:
            place = getattr(self.target, "path", None) or "the remote"
            raise DataverError(f"cannot write to '{place}': {error.strerror or error}", hint=f"Check free space and permissions. {AGAIN}") from error
        finally:
            self.progress.finish()

    def _send_trees(self, target: LocalStore, oids: list[str]) -> None:
        """Manifests name other objects, so each is checked, and on the disk before it appears."""
        found: dict[str, bytes] = {}

        def read(oid: str) -> str | None:
            if oid in self.held:
                found[oid] = self.held[oid]
                return None
            try:
                for _ in range(2):  # damage on the way passes
                    data = self.retry(lambda: self.source.read(oid))
                    if tree_oid(data) == oid:
                        found[oid] = data
                        return None
            except FileNotFoundError:
                return ABSENT
            except DataverError as error:
                return str(error)
            return corrupted(oid)

        reasons = on_threads(oids, read, 1 if isinstance(self.source, LocalStore) else self.jobs or JOBS)
        with nullcontext() if isinstance(self.source, LocalStore) else target.batch():  # whose journal finds leftovers of a kill
            target.add_manifests(found)
        self._note(oids, reasons)

    def _note(self, oids: list[str], reasons: Iterable[str | None]) -> None:
        for oid, reason in zip(oids, reasons):
            if reason is None:
                self.result.sent.append(oid)
            elif reason != ABSENT:
                self.result.failed[oid] = reason
            elif not isinstance(self.source, LocalStore):
                self.result.missing.append(oid)
            else:
                self.result.failed[oid] = f"[Errno 2] No such file or directory: '{self.source.path_of(oid)}'"

    # --- folder to folder
    def _between_folders(self, source: LocalStore, target: LocalStore, oids: list[str]) -> None:
        make_folder(target.root, target.dir_mode)
        verify, suspect, legacy, root, dir_mode = self.verify, self.suspect, target.legacy, target.root, target.dir_mode
        items = [(oid, source.path_of(oid)) for oid in sorted(oids)]  # neighbours share a folder

        def work(part: list[tuple[str, str]]) -> Iterator[str | None]:
            return _copy_small(part, ObjectWriter(root, dir_mode), verify, suspect, legacy)

        self.progress.start(self.label, len(items))
        workers = parallel.worker_count()
        reasons = parallel.run(items, work, self.progress.advance, min(self.jobs, workers) if self.jobs else workers)
        self.progress.finish()
        large = [item for item, reason in zip(items, reasons) if reason == LARGE]
        small = [(item[0], reason) for item, reason in zip(items, reasons) if reason != LARGE]
        self._note([oid for oid, _ in small], [reason for _, reason in small])
        if large:
            self._large(large, ObjectWriter(root, dir_mode), legacy)

    def _large(self, items: list[tuple[str, str]], writer: ObjectWriter, legacy: bool) -> None:
        def one(item: tuple[str, str]) -> str | None:
            return _copy_large(item[0], item[1], writer, self.verify, self.suspect, legacy, self.progress.advance)

        self.progress.start(self.label, sum(map(_size, items)), "B")
        self._note([oid for oid, _ in items], on_threads(items, one, self.jobs or parallel.worker_count()))

    # --- any other pair
    def _between_stores(self, oids: list[str]) -> None:
        courier = Courier(self.source, self.target, self.progress, self.label, suspect=self.suspect, jobs=self.jobs, retry=self.retry, sizes=self.sizes)
        self._note(oids, courier.carry(oids))


def _size(item: tuple[str, str]) -> int:
    try:
        return os.stat(item[1]).st_size
    except OSError:
        return 0


def _unreadable(error: OSError) -> str:
    return f"[Errno {error.errno}] {error.strerror}: '{error.filename}'" if error.filename else str(error)


def _copy_small(items: list[tuple[str, str]], writer: ObjectWriter, verify: bool, suspect: bool, legacy: bool) -> Iterator[str | None]:
    """Per object None, LARGE (not copied) or why it cannot be read. Raises OSError for the target's side."""
    for oid, path in items:
        try:
            fd = os.open(path, os.O_RDONLY | BINARY)
        except OSError as error:
            yield _unreadable(error)
            continue
        try:
            status = os.fstat(fd)
            size = status.st_size
            if size > SMALL_BYTES:
                yield LARGE
                continue
            data = os.read(fd, size + 1)
            while 0 < len(data) < size and (more := os.read(fd, size + 1 - len(data))):
                data += more
        except OSError as error:
            error.filename = path
            yield _unreadable(error)
            continue
        finally:
            os.close(fd)
        if len(data) != size:
            yield f"'{path}' changed while it was being read"
        elif not data and oid != EMPTY:  # a power cut left it so
            yield corrupted(oid)
        elif (verify or (suspect and not is_protected_file(status.st_mode))) and hash_bytes(to_unix(data) if legacy and not oid.endswith(DIR_SUFFIX) else data) != oid.removesuffix(DIR_SUFFIX):
            yield corrupted(oid)
        else:
            writer.write(oid, data)
            yield None


def _copy_large(oid: str, path: str, writer: ObjectWriter, verify: bool, suspect: bool, legacy: bool, advance: Callable[[int], None]) -> str | None:
    try:
        reading = os.open(path, os.O_RDONLY | BINARY)
    except OSError as error:
        return _unreadable(error)
    try:
        writing, temporary = writer.open_temporary(oid)
        try:
            try:
                status = os.fstat(reading)
                expected = status.st_size
                verify = verify or (suspect and not is_protected_file(status.st_mode))
                _copy_bytes(reading, writing, expected, advance)
                if os.fstat(writing).st_size != expected or os.fstat(reading).st_size != expected:
                    atomic.discard(temporary)
                    return f"'{path}' changed while it was being read"
                writer.protect(writing)
            finally:
                os.close(writing)
            if verify and hash_file(temporary, "md5-dos2unix" if legacy and not oid.endswith(DIR_SUFFIX) else MD5) != oid.removesuffix(DIR_SUFFIX):
                atomic.discard(temporary)
                return corrupted(oid)
            atomic.replace(temporary, writer.place(oid))
        except BaseException:
            atomic.discard(temporary)
            raise
    finally:
        os.close(reading)
    return None


def _copy_bytes(reading: int, writing: int, size: int, advance: Callable[[int], None]) -> None:
    """Share the extents, else write directly, else copy inside the kernel while another thread already pushes to the disk."""
    try:
        clone_fd(reading, writing)
        return
    except LinkUnsupported:
        pass
    done = copy_direct(reading, writing, size, advance)
    for fd in (reading, writing):
        os.lseek(fd, done, os.SEEK_SET)
    flusher = _Flusher(writing)
    try:
        while count := _copy_step(reading, writing):
            advance(count)
            flusher.more()
    finally:
        flusher.stop()


def _copy_step(reading: int, writing: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(reading, writing, STEP_BYTES)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
    data = os.read(reading, SMALL_BYTES)
    atomic.write_all(writing, data)
    return len(data)


class _Flusher:
    """Writes a growing file to the disk in the background, so that the barrier at the end has little to wait for."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._thread: Any = None
        self._news: Any = None
        self._over = False
        self._error: OSError | None = None

    def more(self) -> None:
        """The file grew."""
        if not hasattr(os, "fdatasync"):
            return
        if self._thread is None:
            import threading  # only for large files

            self._news = threading.Event()
            self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
            self._thread.start()
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            if self._over:
                return
            try:
                os.fdatasync(self.fd)
            except OSError as error:
                self._error = error  # the system tells it only once
                return

    def stop(self) -> None:
        """Wait for the thread. Raises OSError when it could not write."""
        if self._thread is not None:
            self._over = True
            self._news.set()
            self._thread.join()
        if self._error is not None:
            raise self._error
