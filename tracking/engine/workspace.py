"""What lies in the workspace, compared with what the files of the repository say.

A Workspace lives as long as one command: every path is hashed at most once, every
manifest read at most once. It only looks; commit.py and checkout.py change things
and then call `forget`.
"""
from __future__ import annotations

import os
import stat as stat_module

from tracking.engine.errors import CorruptObject, DataverError
from tracking.engine.files import is_absence, read_file
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.params import params_status, read_params
from tracking.engine.protocols import NoProgress, Progress
from tracking.engine.stage import MD5, MD5_DOS2UNIX, Dep, Digest, Meta, Out, ParamsDep, Stage

if TYPE_CHECKING:
    from tracking.engine.build import Built
    from tracking.engine.repo import Repo

Entries = list[tuple[str, str]]  # (relpath, md5), sorted by relpath

SMALL_FILE_BYTES = 1 << 16  # hashing one costs less than asking the state database

DELETED, MODIFIED, NEW, NOT_IN_CACHE = "deleted", "modified", "new", "not in cache"


class Workspace:
    """Answers questions about paths of one repository for the length of one command."""

    def __init__(self, repo: Repo, progress: Progress | None = None, *, asks_urls: bool = True) -> None:
        """asks_urls: look at outs and deps that are URLs; without it they count as unchanged."""
        self.repo = repo
        self.asks_urls = asks_urls
        self.progress = progress or NoProgress()
        self._digests: dict[tuple[str, str], tuple[Digest, Meta] | None] = {}
        self.plain: set[str] = set()  # folders just hashed that hold writable files and no links
        self._folders: set[str] = set()  # every folder around a path in _digests
        self._manifests: dict[Digest, Entries | None] = {}
        self._present: dict[Digest, bool] = {}
        self._params: dict[str, dict[str, object] | None] = {}

    def forget(self, abspath: str) -> None:
        """Something changed at `abspath`: look again next time."""
        path = abspath
        while True:  # itself and the folders around it
            for algorithm in (MD5, MD5_DOS2UNIX):
                self._digests.pop((path, algorithm), None)
            self.plain.discard(path)
            parent = os.path.dirname(path)
            if parent == path:
                break
            path = parent
        if abspath in self._folders:
            below = abspath + os.sep
            for key in [key for key in self._digests if key[0].startswith(below)]:
                del self._digests[key]
        self._params.pop(abspath, None)

    def _put(self, abspath: str, algorithm: str, found: tuple[Digest, Meta] | None) -> None:
        self._digests[abspath, algorithm] = found
        folder = os.path.dirname(abspath)
        while folder not in self._folders:
            self._folders.add(folder)
            folder = os.path.dirname(folder)

    def forget_objects(self) -> None:
        """The cache changed."""
        self._present.clear()
        self._manifests.clear()

    # --- hashes
    def digest(self, abspath: str, algorithm: str = MD5, *, ignored: bool = True) -> tuple[Digest, Meta] | None:
        """Hash and facts of a file or folder; None when there is nothing.

        ignored: a path that .dvcignore excludes counts as absent (outs; not deps).
        """
        key = (abspath, algorithm)
        if key not in self._digests:
            self._put(abspath, algorithm, self._hash(abspath, algorithm))
        found = self._digests[key]
        if found is not None and ignored and self.is_ignored(abspath, found[0].isdir):
            return None
        return found

    def _hash(self, abspath: str, algorithm: str) -> tuple[Digest, Meta] | None:
        try:
            status = os.stat(abspath)
        except OSError as error:
            if is_absence(error):
                return None
            raise
        if stat_module.S_ISREG(status.st_mode):
            isexec = bool(status.st_mode & stat_module.S_IXUSR)
            if status.st_size <= SMALL_FILE_BYTES:
                from tracking.engine.hashing import hash_file

                return Digest(algorithm, hash_file(abspath, algorithm)), Meta(size=status.st_size, isexec=isexec)
        built = self.build(abspath, algorithm)
        return built.digest, built.meta

    def build(self, abspath: str, algorithm: str = MD5, *, store: bool = False, broken: list[str] | None = None) -> Built:
        """Hash a path with the help of the state; with `store`, put its objects into the cache too.

        broken: takes the paths inside of symlinks to nothing, which else raise FileNotFoundError.
        """
        from tracking.engine.build import build

        repo = self.repo
        inside = repo.contains(abspath)
        return build(
            abspath,
            ignore=repo.ignore if inside else None,
            rel=repo.rel(abspath) if inside else "",
            state=repo.state,
            algorithm=algorithm,
            store=(repo.legacy_store if algorithm != MD5 else repo.store) if store else None,
            progress=self.progress,
            broken=broken,
        )

    def remember(self, abspath: str, algorithm: str, found: tuple[Digest, Meta]) -> None:
        """A hash just computed by somebody else."""
        self.forget(abspath)
        self._put(abspath, algorithm, found)

    def is_ignored(self, abspath: str, isdir: bool) -> bool:
        repo = self.repo
        return repo.contains(abspath) and abspath != repo.root_dir and repo.ignore.is_ignored(repo.rel(abspath), isdir)

    # --- objects
    def manifest(self, digest: Digest) -> Entries | None:
        """Entries of a folder's manifest; None when it is not in the cache or damaged."""
        if digest not in self._manifests:
            try:
                self._manifests[digest] = self.repo.store_for(digest).read_tree(digest.value)
            except (FileNotFoundError, CorruptObject):
                self._manifests[digest] = None
        return self._manifests[digest]

    def in_cache(self, digest: Digest) -> bool:
        """Whether the object, and for a folder everything it lists, is in the cache."""
        if digest not in self._present:
            self._present[digest] = self._check_cache(digest)
        return self._present[digest]

    def _check_cache(self, digest: Digest) -> bool:
        store = self.repo.store_for(digest)
        if not digest.isdir:
            return store.is_intact(digest.value)
        changed = self.repo.state.changed_since_complete(store, digest.value)
        if changed == set():
            return True
        entries = self.manifest(digest)
        if entries is None:
            return False
        oids = {md5 for _, md5 in entries if changed is None or md5[:2] in changed}
        if len(store.exists(oids)) != len(oids):
            return False
        self.repo.state.remember_complete(store, digest.value)
        return True

    # --- states, in the words of the command contract
    def out_state(self, out: Out) -> str:
        """"" when unchanged, else "not in cache", "deleted", "modified" or "new"."""
        if out.digest is not None and out.cache and out.files is None and not self.in_cache(out.digest):
            return NOT_IN_CACHE
        return self.path_state(out, is_out=True)

    def path_state(self, entry: Out | Dep, *, is_out: bool) -> str:
        """Workspace against recorded hash, without a look at the cache."""
        if entry.is_url:
            return self._external_state(entry)
        recorded = entry.digest
        found = self.digest(entry.abspath, recorded.name if recorded else MD5, ignored=is_out)
        if found is None:
            return DELETED
        return "" if recorded is not None and recorded == found[0] else MODIFIED

    def external(self, url: str, fs_config: Any = None) -> tuple[Digest, Meta] | None:
        """Hash and facts of a URL; None when there is nothing or nobody answers."""
        key = (url, "")
        if key not in self._digests:
            from tracking.engine.external import look

            self._digests[key] = look(self, url, fs_config)
        return self._digests[key]

    def _external_state(self, entry: Out | Dep) -> str:
        if isinstance(entry, Dep) and (entry.repo is not None or entry.db is not None):
            return ""  # an import: `update` asks for news
        if not self.asks_urls:
            return ""
        found = self.external(entry.path, entry.fs_config)
        if found is None:
            return DELETED
        from tracking.engine.external import is_same

        return "" if is_same(entry.digest, found[0]) else MODIFIED

    def dep_state(self, dep: Dep) -> str:
        if dep.repo is not None or dep.db is not None:
            return ""
        return self.path_state(dep, is_out=False)

    def params(self, dep: ParamsDep) -> dict[str, object] | None:
        """Values of a params file; None when it is absent. Raises ParamsError."""
        if dep.abspath not in self._params:
            try:
                data = read_file(dep.abspath)
            except (FileNotFoundError, NotADirectoryError):
                self._params[dep.abspath] = None
            except IsADirectoryError:
                raise DataverError(f"'{self.repo.display(dep.abspath)}' is a folder; params need a file") from None
            else:
                self._params[dep.abspath] = read_params(data, self.repo.display(dep.abspath))
        return self._params[dep.abspath]

    def params_state(self, dep: ParamsDep) -> dict[str, str]:
        """key -> "modified", "deleted" or "new"; empty when nothing changed."""
        return params_status(dep, self.params(dep))

    def name(self, entry: Out | Dep | ParamsDep) -> str:
        """How messages name an out or dep: relative to the cwd inside the repository."""
        if not entry.abspath or os.path.isabs(entry.path):
            return entry.path
        return self.repo.display(entry.abspath)


def stage_label(stage: Stage, cwd: str) -> str:
    """`stage: 'train'`, as messages say it."""
    return f"stage: '{stage.address(cwd)}'"
