"""What Git's merge driver does with the three versions of a .dvc or dvc.lock file.

Git gives three temporary files and takes the result from ours. Nothing is locked: the only
thing added to the cache is a manifest, which appears whole.
"""
from __future__ import annotations

import os
import re

from tracking.engine import atomic
from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import Callable
from tracking.engine.index import LOCK_FILE
from tracking.engine.mergedvcfile import merge_dvcfile
from tracking.engine.mergelock import Merged, merge_lock
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.engine.threeway import mark
from tracking.engine.tree import Rows, dump_tree, load_tree, tree_oid

_LOCK_KEYS = re.compile(r"^(?:schema|stages|datasets):", re.MULTILINE)

# (name of a remote or None, oid, layout of 2.x) -> bytes of a manifest
ReadRemote = Callable[[str | None, str, bool], bytes | None]


def merge_files(ancestor: str, ours: str, theirs: str, *, cwd: str, path: str | None, settings: Settings, remote_of: Callable[[Repo], ReadRemote]) -> Merged:
    """Merge three files and write the result into `ours`.

    path: where the file lies in the work tree, relative to `cwd`; the files themselves may be
    anywhere. What cannot be read as a .dvc or dvc.lock file is one conflict as a whole.
    Raises DataverError when a file is missing.
    """
    names = [os.path.join(cwd, name) for name in (ancestor, ours, theirs)]
    texts = [_read(name) for name in names]
    display = path or os.path.basename(ours)
    merged = _merge(texts, display, cwd, path, settings, remote_of)
    if merged.text != texts[1]:
        atomic.write_text(names[1], merged.text, durable=False)
    return merged


def is_lock(path: str | None, texts: list[str]) -> bool:
    """Whether three versions are of a dvc.lock: by its name, else by what they hold."""
    if path is not None:
        return os.path.basename(path) == LOCK_FILE
    return any(_LOCK_KEYS.search(text) for text in texts)


def _merge(texts: list[str], display: str, cwd: str, path: str | None, settings: Settings, remote_of: Callable[[Repo], ReadRemote]) -> Merged:
    base, ours, theirs = texts
    if ours == theirs or base == theirs:
        return Merged(ours)
    if base == ours:
        return Merged(theirs)
    try:
        if is_lock(path, texts):
            return merge_lock(base, ours, theirs, display)
        abspath = os.path.normpath(os.path.join(cwd, display))
        return merge_dvcfile(base, ours, theirs, abspath=abspath, display=display, trees=CacheTrees(os.path.dirname(abspath), settings, remote_of))
    except (DataverError, UnicodeError) as error:
        # the message of a broken file is long: its first line names file and place
        return Merged(mark(ours, theirs, r"\A"), (f"cannot be merged entry by entry: {str(error).splitlines()[0]}",))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except OSError as error:
        raise DataverError(f"cannot read '{path}': {error.strerror}", hint="Git calls this command with three files when it merges.") from error


class CacheTrees:
    """Manifests in the cache of the project around a folder; what it lacks is asked of the remote.

    The folder itself may be missing (its branch is not checked out).
    """

    def __init__(self, folder: str, settings: Settings, remote_of: Callable[[Repo], ReadRemote]) -> None:
        self._folder = folder
        self._settings = settings
        self._remote_of = remote_of
        self._opened: Repo | None = None

    @property
    def _repo(self) -> Repo:
        if self._opened is None:
            folder = self._folder
            while not os.path.isdir(folder):
                folder = os.path.dirname(folder)
            try:
                self._opened = Repo.open(folder, self._settings)
            except NotARepository:
                raise DataverError("there is no project, so no cache") from None
        return self._opened

    def rows(self, oid: str, legacy: bool, remote: str | None) -> Rows:
        repo = self._repo
        store = repo.legacy_store if legacy else repo.store
        try:
            return store.read_tree(oid)
        except (FileNotFoundError, NotADirectoryError):
            pass
        data = self._remote_of(repo)(remote, oid, legacy)
        if data is None or tree_oid(data) != oid:
            raise DataverError(f"neither the cache nor the remote has '{oid}'")
        return load_tree(data, oid)

    def add(self, rows: Rows, legacy: bool) -> str:
        data = dump_tree(rows)
        oid = tree_oid(data)
        (self._repo.legacy_store if legacy else self._repo.store).add_bytes(oid, data)
        return oid

    def size(self, md5: str, legacy: bool) -> int | None:
        try:
            return (self._repo.legacy_store if legacy else self._repo.store).size(md5)
        except OSError:
            return None
