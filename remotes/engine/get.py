"""`get`: download from another repository, without tracking what comes."""
from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager

from remotes.engine.sourcedata import Found, SourceData, SourceFile, open_data
from remotes.engine.urlsource import open_url
from tracking.engine import atomic
from tracking.engine.checkout import remove_path
from tracking.engine.config import Config
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Iterator, Mapping
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Progress, Settings
from tracking.engine.sources import Request
from tracking.engine.tree import is_safe


def get(request: Request, place: str, progress: Progress, jobs: int | None = None) -> int:
    """Put what a request names at `place` (absolute), which appears by rename; returns how many files it has.

    What lay there before is replaced. Raises DataverError; nothing is changed then.
    """
    with open_data(request, progress, jobs) as source, replacing(place) as target:
        return download(source, target)


def get_url(config: Config, url: str, place: str, fs_config: Mapping[str, Any], cwd: str, settings: Settings, progress: Progress, jobs: int | None = None) -> None:
    """The same for a URL or path of any kind."""
    source = open_url(config, url, fs_config, cwd, settings)
    if not source.exists():
        raise DataverError(f"The path '{without_login(url)}' does not exist")
    with replacing(place) as target:
        source.bring(target, progress, jobs)


@contextmanager
def replacing(place: str, store: LocalStore | None = None) -> Iterator[str]:
    """A path that what the block puts there is moved from to `place`; nothing is left of it when the block fails.

    store: its scratch folder is used where it is on the same file system, so that a kill leaves nothing beside `place`.
    """
    folder = os.path.dirname(place)
    if not os.path.isdir(folder):
        raise DataverError(f"'{folder}' is no folder", hint="Make it first, or choose another place with -o.")
    with _scratch(place, folder, store) as scratch:
        target = os.path.join(scratch, "result")
        yield target
        if os.path.lexists(place):
            remove_path(place)
        atomic.replace(target, place)


@contextmanager
def _scratch(place: str, folder: str, store: LocalStore | None) -> Iterator[str]:
    if store is not None:
        with store.scratch() as scratch:
            if os.stat(scratch).st_dev == os.stat(folder).st_dev:
                yield scratch
                return
    scratch = tempfile.mkdtemp(prefix=f".{os.path.basename(place)}.", suffix=".part", dir=folder)
    try:
        yield scratch
    finally:
        remove_path(scratch)


def download(source: SourceData, target: str, top: str | None = None) -> int:
    """Put the files of a source to a new path; returns how many. top: instead of the path it was opened with. Raises DataverError."""
    found = source.find(source.project.top if top is None else top)
    scratch = tempfile.mkdtemp(prefix=".objects.", dir=os.path.dirname(target))
    try:
        store = LocalStore(scratch)
        _lay_out(found, source.gather(found.files, store), store, target)
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
