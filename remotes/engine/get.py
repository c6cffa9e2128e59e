"""`get`: download from another repository, without tracking what comes."""
from __future__ import annotations

import os
import tempfile

from remotes.engine.sourcedata import Found, SourceFile, open_data
from tracking.engine import atomic
from tracking.engine.checkout import remove_path
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Progress
from tracking.engine.sources import Request
from tracking.engine.tree import is_safe


def get(request: Request, place: str, progress: Progress, jobs: int | None = None) -> int:
    """Put what a request names at `place` (absolute), which appears by rename; returns how many files it has.

    What lay there before is replaced. Raises DataverError; nothing is changed then.
    """
    with open_data(request, progress, jobs) as source:
        found = source.find(source.project.top)
        folder = os.path.dirname(place)
        scratch = tempfile.mkdtemp(prefix=f".{os.path.basename(place)}.", suffix=".part", dir=folder)
        try:
            store = LocalStore(os.path.join(scratch, "store"))
            oids = source.gather(found.files, store, scratch)
            result = os.path.join(scratch, "result")
            _lay_out(found, oids, store, result)
            if os.path.lexists(place):
                remove_path(place)
            atomic.replace(result, place)
        finally:
            remove_path(scratch)
    return len(found.files)


def url_of(request: Request, progress: Progress) -> str:
    """Where the remote of another repository keeps a tracked path. Raises DataverError."""
    with open_data(request, progress) as source:
        return source.url_of(source.project.top)


def _lay_out(found: Found, oids: dict[str, str], store: LocalStore, top: str) -> None:
    """Move objects to their places; one that has several is copied to all but the last."""
    left: dict[str, int] = {}
    for file in found.files:
        oid = oids[file.rel]
        left[oid] = left.get(oid, 0) + 1
    if found.isdir:
        os.mkdir(top)
    umask = os.umask(0)
    os.umask(umask)
    made: set[str] = set()
    for file in found.files:
        target = _place(top, file)
        folder = os.path.dirname(target)
        if file.rel and folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        oid = oids[file.rel]
        left[oid] -= 1
        if left[oid]:
            store.get(oid, target)
        else:
            atomic.replace(store.path_of(oid), target)
        os.chmod(target, (0o777 if file.isexec else 0o666) & ~umask)


def _place(top: str, file: SourceFile) -> str:
    assert not file.rel or is_safe(file.rel)
    return os.path.join(top, file.rel) if file.rel else top
