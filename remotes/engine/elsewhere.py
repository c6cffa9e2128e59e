"""Copies objects between the cache and a store that is no folder, many at once.

What comes is hashed before it enters the cache, large objects while they arrive; what has come of
those is kept when the transfer breaks (half.py), and the next try goes on with it. One that is
damaged is fetched once more, then refused. What is sent is looked at first. Faults that pass are
tried again (retry.py), and a storage that is down is not asked thousands of times (threads.Brake).
"""
from __future__ import annotations

import contextlib
import os

from remotes.engine.half import Half, Restart, half_of
from remotes.engine.retry import Retry, plain
from remotes.engine.threads import Brake, Crew, Job, stalled_text
from tracking.engine import atomic
from tracking.engine.errors import CorruptObject, DataverError, RemoteError
from tracking.engine.hashing import hash_bytes, hash_file, new_md5
from tracking.engine.hints import Any, Iterable, Mapping
from tracking.engine.ingest import ObjectWriter
from tracking.engine.objects import LocalStore, ObjectStore, is_protected_file, make_folder
from tracking.engine.protocols import Progress
from tracking.engine.stage import MD5
from tracking.engine.tree import DIR_SUFFIX

JOBS = 16  # they mostly wait
SEVERAL = 64  # objects, from which on those of a store that gives several at once are asked for so
PATIENCE_S = 120.0  # without any sign of life
SLOWEST_BYTES_S = 50_000  # of stores that do not tell how far they are
LARGE_BYTES = 4 << 20  # from here on hashed while it arrives, and begun first
ABSENT = "absent"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"  # of no bytes
AGAIN = "Run the command again: it goes on where it stopped."


class Courier:
    """Carries objects one way. sizes: in bytes, as far as they are known. stalls_after_s: see Crew."""

    def __init__(
        self,
        source: ObjectStore,
        target: ObjectStore,
        progress: Progress,
        label: str,
        *,
        suspect: bool = False,
        jobs: int | None = None,
        retry: Retry | None = None,
        sizes: Mapping[str, int] | None = None,
        stalls_after_s: float = PATIENCE_S,
    ) -> None:
        self.source = plain(source)
        self.target = plain(target)
        self.progress = progress
        self.label = label
        self.suspect = suspect
        self.jobs = jobs or JOBS
        self.retry = retry or Retry()
        self.sizes = dict(sizes or {})
        self.stalls_after_s = stalls_after_s
        self.brake = Brake(max(2 * self.jobs, 20))
        self._in_bytes = False
        self._temporaries: set[str] = set()

    def carry(self, oids: list[str]) -> list[str | None]:
        """Per object None, ABSENT (the source lacks it) or why it did not arrive. Raises OSError for the cache's side."""
        if isinstance(self.source, LocalStore):
            self._measure(self.source, oids)
            work = self._send
        elif isinstance(self.target, LocalStore):
            work = self._bring
        else:
            raise DataverError("objects go from a remote to the cache or the other way round")
        self._in_bytes = all(oid in self.sizes for oid in oids)
        if self._in_bytes:
            self.progress.start(self.label, sum(self.sizes[oid] for oid in oids), "B", len(oids))
        else:
            self.progress.start(self.label, len(oids))
        here = self._bring_several(oids) if isinstance(self.target, LocalStore) else set()
        left = [number for number, oid in enumerate(oids) if oid not in here]
        order = sorted(left, key=lambda number: (-max(self.sizes.get(oids[number], 0), LARGE_BYTES), oids[number]))
        crew = Crew([oids[number] for number in order], lambda job: self._reason(work, job), self.jobs, self._patience_s, self._stalled)
        try:
            results = dict(zip(order, crew.run()))
        finally:
            for path in list(self._temporaries):
                atomic.discard(path)
        return [results.get(number) for number in range(len(oids))]

    def _measure(self, source: LocalStore, oids: Iterable[str]) -> None:
        for oid in oids:
            try:
                self.sizes[oid] = source.size(oid)
            except OSError:
                self.sizes[oid] = 0  # told when its turn comes

    def _patience_s(self, oid: str) -> float:
        return self.stalls_after_s + self.sizes.get(oid, 0) / SLOWEST_BYTES_S

    def _stalled(self, oid: str) -> str:
        reason = stalled_text(self._patience_s(oid))
        self.brake.failed(reason)
        return reason

    def _reason(self, work: Any, job: Job) -> str | None:
        told = _Told(self, job)
        reason: str | None = None
        begun = 0
        try:
            begun = self.brake.begin()
            work(job.item, told)
            self.brake.succeeded(begun)
        except FileNotFoundError:
            reason = ABSENT
            self.brake.succeeded(begun)  # it answered
        except CorruptObject as error:
            reason = str(error)
            self.brake.succeeded(begun)
        except RemoteError as error:
            reason = str(error)
            self.brake.failed(reason)
        except DataverError as error:
            reason = str(error)
        if not job.is_over:
            told.rest(self.sizes.get(job.item, 0))
        return reason

    # --- to a remote
    def _send(self, oid: str, told: _Told) -> None:
        assert isinstance(self.source, LocalStore)
        source, path, target = self.source, self.source.path_of(oid), self.target
        status = os.stat(path)
        is_manifest = oid.endswith(DIR_SUFFIX)
        if is_manifest or (self.suspect and not is_protected_file(status.st_mode)):
            source.verify(oid)
        elif not status.st_size and oid != EMPTY:  # a power cut left it so
            raise CorruptObject(corrupted(oid), oid=oid)
        try:
            if getattr(target, "tells", False):
                self.retry(lambda: target.put(path, oid, tell=told.again()))  # type: ignore[call-arg]
            else:
                self.retry(lambda: target.put(path, oid))
        except FileNotFoundError as error:
            if not os.path.exists(path):
                raise
            raise RemoteError(f"there is no place for '{oid}' on the remote: {error}") from error

    # --- into the cache
    def _bring_several(self, oids: list[str]) -> set[str]:
        """Those small ones that the source gives at once. What does not come so, or damaged, is left to be asked for by itself."""
        several, target = getattr(self.source, "several", None), self.target
        assert isinstance(target, LocalStore)
        small = [oid for oid in oids if not oid.endswith(DIR_SUFFIX) and self.sizes.get(oid, 0) < LARGE_BYTES]
        if several is None or len(small) < SEVERAL or target.algorithm != MD5:
            return set()
        here: set[str] = set()
        writer = ObjectWriter(target.root, target.dir_mode)

        def work(job: Job) -> None:
            with contextlib.closing(several(small, LARGE_BYTES)) as objects:
                for oid, data in objects:
                    job.alive()
                    if hash_bytes(data) == oid and oid not in here:
                        writer.write(oid, data)
                        here.add(oid)
                        _Told(self, job).rest(len(data))

        make_folder(target.root, target.dir_mode)
        Crew([None], work, 1).run()  # on a thread, for Ctrl-C to be heard meanwhile
        return here

    def _bring(self, oid: str, told: _Told) -> None:
        assert isinstance(self.target, LocalStore)
        target = self.target
        make_folder(os.path.dirname(target.path_of(oid)), target.dir_mode)
        for is_last in (False, True):  # damage on the way passes, damage in the store does not
            if self._bring_once(oid, target, told):
                return
            if is_last:
                raise CorruptObject(corrupted(oid), oid=oid, hint="Whoever has it in a cache can delete it from the remote and push it again.")

    def _bring_once(self, oid: str, target: LocalStore, told: _Told) -> bool:
        """False: what came is not what its name says."""
        final = target.path_of(oid)
        with half_of(final, oid) if self._comes_in_parts(oid, target) else contextlib.nullcontext() as half:
            if half is not None:
                found = self.retry(lambda: self._go_on(oid, half, told))
                told.job.alive()
                if found != oid.removesuffix(DIR_SUFFIX):
                    half.clear()
                    return False
                target.adopt(half.path, oid)
                return True
        temporary = atomic.temp_beside(final)
        self._temporaries.add(temporary)
        try:
            found, data = self.retry(lambda: self._get(oid, temporary, target, told))
            told.job.alive()
            if found != oid.removesuffix(DIR_SUFFIX):
                return False
            if data is None:
                target.adopt(temporary, oid)
            else:
                ObjectWriter(target.root, target.dir_mode).write(oid, data)
            return True
        finally:
            atomic.discard(temporary)
            self._temporaries.discard(temporary)

    def _comes_in_parts(self, oid: str, target: LocalStore) -> bool:
        """Large ones, and all of stores that do not say how large they are."""
        if not hasattr(self.source, "stream") or oid.endswith(DIR_SUFFIX) or target.algorithm != MD5:
            return False
        return self.sizes.get(oid, LARGE_BYTES if getattr(self.source, "streams_any", False) else 0) >= LARGE_BYTES

    def _go_on(self, oid: str, half: Half, told: _Told) -> str:
        """Write the rest of an object to what is there of it; returns the hash of all."""
        file, size = half.file, self.sizes.get(oid)
        for _ in range(2):
            digest, tell = new_md5(), told.again()
            if size is not None and os.fstat(file.fileno()).st_size > size:
                half.clear()
            file.seek(0)
            while block := file.read(LARGE_BYTES):
                digest.update(block)
                tell(len(block))
            try:
                for block in self.source.stream(oid, size or 0, file.tell()):  # type: ignore[attr-defined]
                    file.write(block)
                    digest.update(block)
                    tell(len(block))
                break
            except Restart:
                half.clear()
        file.flush()
        return str(digest.hexdigest())

    def _get(self, oid: str, temporary: str, target: LocalStore, told: _Told) -> tuple[str, bytes | None]:
        """The hash of what came, and its bytes, None when they are in the temporary file."""
        atomic.discard(temporary)  # of the try before
        algorithm = MD5 if oid.endswith(DIR_SUFFIX) else target.algorithm
        if getattr(self.source, "tells", False):
            data: bytes | None = self.source.get_or_bytes(oid, temporary, told.again())  # type: ignore[attr-defined]
        else:
            data = self.source.get(oid, temporary)  # type: ignore[func-returns-value]
        if data is not None and algorithm == MD5:
            return hash_bytes(data), data
        if data is not None:
            with open(temporary, "wb") as file:
                file.write(data)
        return hash_file(temporary, algorithm), None


class _Told:
    """What the progress has been told of one object, so that a second try does not count twice."""

    def __init__(self, courier: Courier, job: Job) -> None:
        self.courier = courier
        self.job = job
        self.count = 0
        self.seen = 0

    def again(self) -> Any:
        """A callback for one try, to be told the bytes that moved. Raises Abandoned in the middle of what nobody waits for."""
        self.seen = 0

        def tell(count: int) -> None:
            self.job.alive()
            self.seen += count
            if self.seen > self.count:
                more, self.count = self.seen - self.count, self.seen
                if self.courier._in_bytes:
                    self.courier.progress.advance(more)

        return tell

    def rest(self, size: int) -> None:
        """The object is done, well or not."""
        if self.courier._in_bytes:
            self.courier.progress.advance(max(0, size - self.count), 1)
        else:
            self.courier.progress.advance(1)


def corrupted(oid: str) -> str:
    return f"object '{oid}' is corrupted: its bytes are not what its name says"
