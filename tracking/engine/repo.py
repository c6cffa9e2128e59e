"""The opened repository: its root, and what hangs off it, each made on first use.

A value object for operations to share; operations themselves live in their own modules.
"""
from __future__ import annotations

import os

from tracking.engine.config import Config
from tracking.engine.errors import NotARepository
from tracking.engine.hints import TYPE_CHECKING, Iterable, Iterator
from tracking.engine.light import cached_property, contextmanager
from tracking.engine.protocols import Io, Settings

if TYPE_CHECKING:
    from tracking.engine.git import Git
    from tracking.engine.ignore import Ignore
    from tracking.engine.locks import RepoLock
    from tracking.engine.objects import LocalStore
    from tracking.engine.rwlock import RwLock
    from tracking.engine.stage import Digest
    from tracking.engine.state import State
    from tracking.engine.tracker import Tracker

DVC_DIR = ".dvc"
DEFAULT_LINK_TYPES = ("reflink", "copy")


def find_root(start: str) -> str:
    """The nearest folder at or above `start` that holds a `.dvc` folder.

    Raises NotARepository with the contract's text.
    """
    folder = os.path.realpath(start)
    while True:
        if os.path.isdir(os.path.join(folder, DVC_DIR)):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder or os.path.ismount(folder):
            raise NotARepository(
                f"you are not inside of a DVC repository (checked up to mount point '{folder}')",
                hint="Run `dataver init` in the root of your project to start one.",
            )
        folder = parent


class Repo:
    """root_dir, dvc_dir and tmp_dir are absolute; everything else is opened lazily."""

    def __init__(self, root_dir: str, settings: Settings, cwd: str | None = None) -> None:
        self.root_dir = root_dir
        self.cwd = os.path.realpath(cwd) if cwd else root_dir  # messages name paths as seen from here
        self.dvc_dir = os.path.join(root_dir, DVC_DIR)
        self.tmp_dir = os.path.join(self.dvc_dir, "tmp")
        self.settings = settings
        self.config = Config.load(self.dvc_dir, settings)

    @classmethod
    def open(cls, cwd: str, settings: Settings) -> Repo:
        return cls(find_root(cwd), settings, cwd)

    @classmethod
    def open_or_bare(cls, cwd: str, settings: Settings) -> Repo:
        """Also where nobody ran `init`: metrics and params are only read. The root is Git's then, else `cwd`."""
        try:
            return cls.open(cwd, settings)
        except NotARepository:
            from tracking.engine.git import Git

            scm = Git.find(cwd, settings.environ or None)
            return cls(scm.root_dir if scm is not None else os.path.realpath(cwd), settings, cwd)

    # --- what hangs off it
    @cached_property
    def scm(self) -> Git | None:
        """Git, or None with `core.no_scm` or outside of a Git repository."""
        if self.config.get("core", "no_scm", False):
            return None
        from tracking.engine.git import Git

        return Git.find(self.root_dir, self.settings.environ or None)

    @cached_property
    def ignore(self) -> Ignore:
        from tracking.engine.ignore import Ignore

        return Ignore(self.root_dir)

    @cached_property
    def state(self) -> State:
        from tracking.engine.state import State

        return State(self.tmp_dir)

    @cached_property
    def cache_dir(self) -> str:
        return str(self.config.get("cache", "dir", None) or os.path.join(self.dvc_dir, "cache"))

    @cached_property
    def store(self) -> LocalStore:
        """The cache in the current layout (files/md5)."""
        return self._store(legacy=False)

    @cached_property
    def legacy_store(self) -> LocalStore:
        """The same cache folder in the layout of 2.x."""
        return self._store(legacy=True)

    def _store(self, legacy: bool) -> LocalStore:
        from tracking.engine.objects import LocalStore

        return LocalStore(
            self.cache_dir,
            legacy=legacy,
            shared=self.config.get("cache", "shared", None) == "group",
            tmp_dir=self.tmp_dir,
        )

    def store_for(self, digest: Digest) -> LocalStore:
        """Where an object with this digest lives: by entry, never by search (formats: cache)."""
        return self.legacy_store if digest.is_legacy else self.store

    @cached_property
    def link_types(self) -> list[str]:
        types = self.config.get("cache", "type", None)
        return list(types) if types else list(DEFAULT_LINK_TYPES)

    @cached_property
    def tracker(self) -> Tracker:
        from tracking.engine.tracker import Tracker

        return Tracker(self)

    # --- paths
    def rel(self, abspath: str) -> str:
        """Path relative to the root, posix; "" for the root itself."""
        if abspath == self.root_dir:
            return ""
        prefix = self.root_dir if self.root_dir.endswith(os.sep) else self.root_dir + os.sep
        rel = abspath[len(prefix) :] if abspath.startswith(prefix) else os.path.relpath(abspath, self.root_dir)
        return rel.replace(os.sep, "/")

    def abs(self, rel: str) -> str:
        """Absolute form of a posix path relative to the root."""
        return os.path.normpath(os.path.join(self.root_dir, rel))

    def contains(self, abspath: str) -> bool:
        return abspath == self.root_dir or abspath.startswith(self.root_dir.rstrip(os.sep) + os.sep)

    def display(self, abspath: str) -> str:
        """A path as messages show it: relative to the cwd when inside the repository."""
        return os.path.relpath(abspath, self.cwd).replace(os.sep, "/") if self.contains(abspath) else abspath

    def contains_dvc_dir(self, abspath: str) -> bool:
        """Whether a path is, holds or lies in the `.dvc` folder."""
        return abspath == self.dvc_dir or abspath.startswith(self.dvc_dir + os.sep) or self.dvc_dir.startswith(abspath.rstrip(os.sep) + os.sep)

    # --- locks
    @cached_property
    def repo_lock(self) -> RepoLock:
        from tracking.engine.locks import RepoLock

        return RepoLock(self.tmp_dir, hardlink=bool(self.config.get("core", "hardlink_lock", False)))

    @contextmanager
    def lock(self, io: Io) -> Iterator[None]:
        """Hold the lock that real dvc takes too; waits as the user asked.

        What a command has hashed and placed is remembered also when it fails.
        """
        os.makedirs(self.tmp_dir, exist_ok=True)
        with self.repo_lock.held(wait_forever=io.wait_for_lock, notify=io.warn):
            try:
                yield
            finally:
                if "state" in self.__dict__:
                    self.state.commit()

    @contextmanager
    def unlocked(self, io: Io) -> Iterator[None]:
        """Let others at the repository while a stage command runs; take the lock again after."""
        with self.repo_lock.unlocked():
            yield

    @contextmanager
    def paths_lock(self, io: Io, *, read: Iterable[str] = (), write: Iterable[str] = ()) -> Iterator[None]:
        """Hold entries of dvc's `rwlock` file, so that nobody changes paths a running stage uses."""
        with self._rwlock(io).held(read=read, write=write, cmd=io.command_line):
            yield

    def _rwlock(self, io: Io) -> RwLock:
        """One per process and repository: it counts users of a path."""
        if self.__dict__.get("_rw") is None:
            from tracking.engine.rwlock import RwLock

            os.makedirs(self.tmp_dir, exist_ok=True)
            self.__dict__["_rw"] = RwLock(self.tmp_dir, hardlink=bool(self.config.get("core", "hardlink_lock", False)), notify=io.warn)
        return self.__dict__["_rw"]  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close files and end Git's child, which keeps pipes; what is asked later opens them again."""
        if "state" in self.__dict__:
            self.state.close()
        if self.__dict__.get("scm") is not None:
            self.__dict__["scm"].close()

