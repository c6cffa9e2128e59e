"""Spread work on many small files over processes.

Small files hardly release the interpreter lock, so forked children do the work where
forking is possible and safe (no other thread runs); elsewhere threads do. A child
never touches the database, the terminal or the locks.
"""
from __future__ import annotations

import os
import sys

from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Iterable, Iterator, TypeVar

Item = TypeVar("Item")
Work = Callable[[list[Any]], Iterable[Any]]

FEW_ITEMS = 128  # below, forking costs more than it saves
MAX_WORKERS = 8
BLOCKS_PER_WORKER = 8  # neighbours stay together (same folder), sizes even out
RESULTS_PER_MESSAGE = 256
HEADER_BYTES = 8


class WorkerDied(DataverError):
    """A worker process ended without finishing its part (killed, out of memory)."""


def worker_count() -> int:
    """Processors this process may use, at most 8."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        available = os.cpu_count() or 1
    return max(1, min(MAX_WORKERS, available))


def run(items: list[Item], work: Work, advance: Callable[[int], None], workers: int | None = None) -> list[Any]:
    """`work` over parts of `items`; its results in the order of `items`.

    work: gets a part, yields one result for each item, made of None, int, str, bytes, tuple or list only.
    advance: told how many more are done. Raises what `work` raises (OSError, DataverError;
    others as RuntimeError), WorkerDied.
    """
    workers = worker_count() if workers is None else workers
    if workers < 2 or len(items) < FEW_ITEMS:
        return _inline(items, work, advance)
    if hasattr(os, "fork") and not _has_threads():
        return _forked(items, work, advance, workers)
    return _threaded(items, work, advance, workers)


def _has_threads() -> bool:
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _inline(items: list[Item], work: Work, advance: Callable[[int], None]) -> list[Any]:
    results = []
    for result in work(items):
        results.append(result)
        advance(1)
    return results


def _deal(count: int, workers: int) -> list[list[int]]:
    """Indices for each worker: blocks of neighbours, in turn."""
    size = max(1, -(-count // (workers * BLOCKS_PER_WORKER)))
    blocks = [range(start, min(start + size, count)) for start in range(0, count, size)]
    return [[index for block in blocks[number::workers] for index in block] for number in range(workers)]


def _threaded(items: list[Item], work: Work, advance: Callable[[int], None], workers: int) -> list[Any]:
    from concurrent.futures import ThreadPoolExecutor  # slow import

    shares = [share for share in _deal(len(items), workers) if share]
    results: list[Any] = [None] * len(items)

    def one(share: list[int]) -> None:
        for index, result in zip(share, work([items[index] for index in share])):
            results[index] = result
            advance(1)

    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(one, share) for share in shares]:
            future.result()
    return results


# --- processes
def _forked(items: list[Item], work: Work, advance: Callable[[int], None], workers: int) -> list[Any]:
    shares = [share for share in _deal(len(items), workers) if share]
    children: dict[int, tuple[int, list[int]]] = {}  # read end -> (pid, share)
    try:
        for share in shares:
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                _child(work, [items[index] for index in share], writing, [reading, *children])
            os.close(writing)
            children[reading] = (pid, share)
        return _collect(children, len(items), advance)
    finally:
        for reading, (pid, _) in children.items():
            os.close(reading)
            _end(pid)


def _end(pid: int) -> None:
    """Make sure a child is gone: it has either finished or is of no use any more."""
    import signal

    try:
        done, _ = os.waitpid(pid, os.WNOHANG)
        if done == 0:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
    except (ChildProcessError, ProcessLookupError):
        pass


def _child(work: Work, items: list[Any], pipe: int, close: list[int]) -> None:
    """Do a share and leave, without running anything of the parent's (exit handlers, buffers)."""
    import gc
    import signal

    code = 1
    try:
        for fd in close:
            os.close(fd)
        gc.disable()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _send(pipe, work(items))
        code = 0
    except BaseException as error:  # sent to the parent, which raises it
        try:
            _write(pipe, [_describe(error)], failed=True)
        except OSError:
            pass  # the parent is gone or will see an early end
    finally:
        os._exit(code)


def _describe(error: BaseException) -> tuple[str, Any, Any, Any]:
    if isinstance(error, OSError):
        return ("os", error.errno, error.strerror, str(error.filename or ""))
    if isinstance(error, DataverError):
        return ("dataver", type(error).__name__, error.message, error.hint)
    return ("other", type(error).__name__, str(error), None)


def _send(pipe: int, results: Iterable[Any]) -> None:
    batch: list[Any] = []
    for result in results:
        batch.append(result)
        if len(batch) == RESULTS_PER_MESSAGE:
            _write(pipe, batch, failed=False)
            batch = []
    if batch:
        _write(pipe, batch, failed=False)


def _write(pipe: int, batch: list[Any], failed: bool) -> None:
    import marshal

    from tracking.engine.atomic import write_all

    data = marshal.dumps((failed, batch))
    write_all(pipe, len(data).to_bytes(HEADER_BYTES, "little") + data)


def _collect(children: dict[int, tuple[int, list[int]]], count: int, advance: Callable[[int], None]) -> list[Any]:
    import select

    results: list[Any] = [None] * count
    pending = {reading: (bytearray(), iter(share)) for reading, (_, share) in children.items()}
    left = {reading: len(share) for reading, (_, share) in children.items()}
    while pending:
        for reading in select.select(list(pending), [], [])[0]:
            buffer, share = pending[reading]
            data = os.read(reading, 1 << 20)
            if not data:
                del pending[reading]
                if left[reading]:
                    raise WorkerDied("a worker process ended early", hint="Is there enough memory? Run the command again: it continues where it stopped.")
                continue
            buffer += data
            for batch in _messages(buffer):
                for result in batch:
                    results[next(share)] = result
                left[reading] -= len(batch)
                advance(len(batch))
    return results


def _messages(buffer: bytearray) -> Iterator[list[Any]]:
    """Take whole messages off the front of a buffer. Raises what a child reported."""
    import marshal

    while len(buffer) >= HEADER_BYTES:
        end = HEADER_BYTES + int.from_bytes(buffer[:HEADER_BYTES], "little")
        if len(buffer) < end:
            return
        failed, batch = marshal.loads(bytes(buffer[HEADER_BYTES:end]))
        del buffer[:end]
        if failed:
            raise _revive(*batch[0])
        yield batch


def _revive(kind: str, first: Any, second: Any, third: Any) -> BaseException:
    if kind == "os":
        return OSError(first, second, third or None)
    if kind == "dataver":
        from tracking.engine import errors

        return getattr(errors, first, DataverError)(second, hint=third) if first != "InvalidFile" else DataverError(second)
    if first == "KeyboardInterrupt":
        return KeyboardInterrupt()
    return RuntimeError(f"{first} in a worker: {second}")
