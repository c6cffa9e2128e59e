"""Read files once: hash them and, in the same pass, write their objects into a cache.

Object files appear by rename, read-only. The caller brackets this with the store's
batch, which makes them durable.
"""
from __future__ import annotations

import io
import os

from tracking.engine import atomic, parallel
from tracking.engine.directwrite import MIN_BYTES, DurableWriter
from tracking.engine.errors import DataverError
from tracking.engine.hashing import CHUNK_BYTES, new_md5, small_md5, to_unix
from tracking.engine.hints import Callable, Iterator
from tracking.engine.links import LinkUnsupported, clone_fd
from tracking.engine.objects import OBJECT_MODE, is_protected_file, make_folder
from tracking.engine.protocols import Progress
from tracking.engine.stage import MD5_DOS2UNIX

Source = tuple[str, int, int]  # path, size, mtime_ns as the walk saw them
Result = tuple[str, bool]  # hash, whether an object was written

SMALL_BYTES = 1 << 20  # read whole; also one chunk of the 2.x hash
QUEUED_CHUNKS = 8
BINARY = getattr(os, "O_BINARY", 0)


class FileChanged(DataverError):
    """A file was written to while it was being read."""


def _changed(path: str) -> FileChanged:
    return FileChanged(f"'{path}' changed while it was being read", hint="Wait until nothing writes to it, then run the command again.")


def ingest(sources: list[Source], algorithm: str, progress: Progress, root: str | None = None, dir_mode: int | None = None) -> list[Result]:
    """Hash every source; with `root` (a store's top folder) also write the objects it lacks.

    Raises FileChanged, OSError, DataverError. dir_mode: of folders made (None: as umask says).
    """
    legacy = algorithm == MD5_DOS2UNIX
    small = [item for item in sources if item[1] <= SMALL_BYTES]
    large = [item for item in sources if item[1] > SMALL_BYTES]

    def work(part: list[Source]) -> Iterator[Result]:
        return _small_files(part, legacy, root, dir_mode)

    results: dict[str, Result] = {}
    if small:
        progress.start("Hashing" if root is None else "Adding", len(small))
        for item, result in zip(small, parallel.run(small, work, progress.advance)):
            results[item[0]] = result
        progress.finish()
    if large:
        progress.start("Hashing" if root is None else "Adding", sum(item[1] for item in large), "B")
        for item, result in zip(large, _large_files(large, legacy, root, dir_mode, progress.advance)):
            results[item[0]] = result
        progress.finish()
    return [results[item[0]] for item in sources]


# --- small files: whole in memory
def _small_files(part: list[Source], legacy: bool, root: str | None, dir_mode: int | None) -> Iterator[Result]:
    writer = ObjectWriter(root, dir_mode) if root is not None else None
    for path, size, mtime_ns in part:
        data = read_small(path, size, mtime_ns)
        value = small_md5(to_unix(data) if legacy else data).hexdigest()
        yield value, writer is not None and writer.add(value, data)


def read_small(path: str, size: int, mtime_ns: int) -> bytes:
    """A file's bytes, if it is still what the walk saw. Raises FileChanged."""
    fd = os.open(path, os.O_RDONLY | BINARY)
    try:
        data = os.read(fd, size + 1)
        while 0 < len(data) < size and (more := os.read(fd, size + 1 - len(data))):
            data += more
        after = os.fstat(fd)
    finally:
        os.close(fd)
    if len(data) != size or after.st_mtime_ns != mtime_ns or after.st_size != size:
        raise _changed(path)
    return data


class ObjectWriter:
    """Writes object files below a store's top folder; one per process or thread."""

    def __init__(self, root: str, dir_mode: int | None) -> None:
        self.root = root
        self.dir_mode = dir_mode
        self.umask_keeps_mode: bool | None = None

    def place(self, value: str) -> str:
        return f"{self.root}/{value[:2]}/{value[2:]}"

    def has(self, value: str) -> bool:
        """Whether a trusted object is there: a file that is read-only."""
        try:
            return is_protected_file(os.stat(self.place(value)).st_mode)
        except FileNotFoundError:
            return False

    def add(self, value: str, data: bytes) -> bool:
        """Write an object unless it is there; True when written."""
        if self.has(value):
            return False
        self.write(value, data)
        return True

    def write(self, value: str, data: bytes) -> None:
        """Put an object in place; one that another process put there meanwhile has the same bytes."""
        fd, temporary = self.open_temporary(value)
        try:
            try:
                atomic.write_all(fd, data)
                self.protect(fd)
            finally:
                os.close(fd)
            atomic.replace(temporary, self.place(value))
        except BaseException:
            atomic.discard(temporary)
            raise

    def open_temporary(self, value: str) -> tuple[int, str]:
        """A new file in the object's folder, open for writing (and reading)."""
        folder = f"{self.root}/{value[:2]}"
        temporary = f"{folder}/{atomic.temp_name()}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | BINARY
        try:
            return os.open(temporary, flags, OBJECT_MODE), temporary
        except FileNotFoundError:
            make_folder(folder, self.dir_mode)
            return os.open(temporary, flags, OBJECT_MODE), temporary

    def protect(self, fd: int) -> None:
        """Make an object read-only for all, whatever umask says."""
        if self.umask_keeps_mode is None:
            self.umask_keeps_mode = os.fstat(fd).st_mode & 0o777 == OBJECT_MODE
        if not self.umask_keeps_mode:
            os.fchmod(fd, OBJECT_MODE)


# --- large files: streamed
def _large_files(large: list[Source], legacy: bool, root: str | None, dir_mode: int | None, advance: Callable[[int], None]) -> list[Result]:
    def one(item: Source) -> Result:
        return _large_file(item, legacy, root, dir_mode, advance)

    workers = min(len(large), parallel.worker_count())
    if workers < 2:
        return [one(item) for item in large]
    from concurrent.futures import ThreadPoolExecutor  # slow import

    with ThreadPoolExecutor(workers) as pool:  # hashing and writing large chunks release the GIL
        return list(pool.map(one, large))


def _large_file(item: Source, legacy: bool, root: str | None, dir_mode: int | None, advance: Callable[[int], None]) -> Result:
    path, size, mtime_ns = item
    reading = os.open(path, os.O_RDONLY | BINARY)
    try:
        if root is None:
            value = _hash_stream(reading, legacy, advance, None)
            _refuse_change(path, reading, size, mtime_ns)
            return value, False
        return _store_large(path, reading, item, legacy, ObjectWriter(root, dir_mode), advance)
    finally:
        os.close(reading)


def _store_large(path: str, reading: int, item: Source, legacy: bool, writer: ObjectWriter, advance: Callable[[int], None]) -> Result:
    # the name is not known yet, so the temporary file waits in the folder of "00": same file system
    writing, temporary = writer.open_temporary("00")
    try:
        try:
            value = _hash_and_write(reading, writing, item[1], legacy, advance)
            _refuse_change(path, reading, item[1], item[2])
            if os.fstat(writing).st_size != item[1]:
                raise _changed(path)
            writer.protect(writing)
        finally:
            os.close(writing)
        if writer.has(value):
            atomic.discard(temporary)
            return value, False
        make_folder(os.path.dirname(writer.place(value)), writer.dir_mode)
        atomic.replace(temporary, writer.place(value))
        return value, True
    except BaseException:
        atomic.discard(temporary)
        raise


def _refuse_change(path: str, fd: int, size: int, mtime_ns: int) -> None:
    after = os.fstat(fd)
    if after.st_size != size or after.st_mtime_ns != mtime_ns:
        raise _changed(path)


def _hash_and_write(reading: int, writing: int, size: int, legacy: bool, advance: Callable[[int], None]) -> str:
    try:
        clone_fd(reading, writing)
    except LinkUnsupported:
        pass
    else:  # hash the clone: nobody else can write to it
        os.lseek(writing, 0, os.SEEK_SET)
        return _hash_stream(writing, legacy, advance, None)
    if size < MIN_BYTES:
        return _hash_stream(reading, legacy, advance, DurableWriter(writing, size).write)
    return _hash_with_writer_thread(reading, writing, size, legacy, advance)


def _hash_stream(reading: int, legacy: bool, advance: Callable[[int], None], write: Callable[[bytes], None] | None) -> str:
    digest = new_md5()
    while chunk := _read_chunk(reading):
        digest.update(to_unix(chunk) if legacy else chunk)
        if write is not None:
            write(chunk)
        advance(len(chunk))
    return str(digest.hexdigest())


def _read_chunk(fd: int) -> bytes:
    """CHUNK_BYTES, less only at the end: the 2.x hash depends on it."""
    chunk = os.read(fd, CHUNK_BYTES)
    while 0 < len(chunk) < CHUNK_BYTES and (more := os.read(fd, CHUNK_BYTES - len(chunk))):
        chunk += more
    return chunk


def _fill_chunk(file: io.FileIO, buffer: memoryview) -> memoryview:
    """_read_chunk into memory that is there."""
    count = 0
    while count < len(buffer) and (more := file.readinto(buffer[count:])):
        count += more
    return buffer[:count]


def _hash_with_writer_thread(reading: int, writing: int, size: int, legacy: bool, advance: Callable[[int], None]) -> str:
    """Hash in this thread while another writes the same chunks: what is hashed is what is stored."""
    import mmap
    import queue
    import threading

    filled: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
    free = threading.Semaphore(QUEUED_CHUNKS)  # chunks whose memory is written out
    failures: list[BaseException] = []
    memory = memoryview(mmap.mmap(-1, QUEUED_CHUNKS * CHUNK_BYTES))  # aligned, as direct writing wants

    def drain() -> None:
        writer = DurableWriter(writing, size)
        while (chunk := filled.get()) is not None:
            try:
                if not failures:
                    writer.write(chunk)
            except BaseException as error:
                failures.append(error)
            free.release()

    thread = threading.Thread(target=drain, name="object-writer", daemon=True)
    thread.start()
    digest = new_md5()
    file = io.FileIO(reading, closefd=False)
    try:
        position = 0
        while not failures:
            free.acquire()
            start = position % len(memory)
            chunk = _fill_chunk(file, memory[start : start + CHUNK_BYTES])
            if not chunk:
                break
            filled.put(chunk)
            digest.update(to_unix(bytes(chunk)) if legacy else chunk)
            advance(len(chunk))
            position += CHUNK_BYTES
    finally:
        filled.put(None)
        thread.join()
    if failures:
        raise failures[0]
    return str(digest.hexdigest())
