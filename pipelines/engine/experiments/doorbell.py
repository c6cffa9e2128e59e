"""Tell the queue's supervisor that there is something new: a file whose time it looks at. Nothing slow."""
from __future__ import annotations

import contextlib
import os


def queue_folder(tmp_dir: str) -> str:
    """Where the supervisor of a project keeps what it needs; tmp_dir is `.dvc/tmp`."""
    return os.path.join(tmp_dir, "dataver", "queue")


def doorbell_path(tmp_dir: str) -> str:
    return os.path.join(queue_folder(tmp_dir), "doorbell")


def ring(tmp_dir: str) -> None:
    """Safe to call at any time: a bell nobody hears loses nothing, the refs say what is queued."""
    with contextlib.suppress(OSError):
        os.makedirs(queue_folder(tmp_dir), exist_ok=True)
        fd = os.open(doorbell_path(tmp_dir), os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            os.utime(fd)
        finally:
            os.close(fd)


def last_ring(tmp_dir: str) -> int:
    """When it rang, in ns; 0 when it never did."""
    try:
        return os.stat(doorbell_path(tmp_dir)).st_mtime_ns
    except OSError:
        return 0
