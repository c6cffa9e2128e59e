"""Stores of objects named by the hash of their bytes, and the one in a local folder.

An object is written once, appears whole (temporary name, then rename) and is read-only
(0444). A file with any other mode is hashed again before it is trusted; what does not
match its name is moved aside to `corrupt/` in the cache folder, never deleted.

Durability is by batch: `LocalStore.batch()` leaves a journal file while objects may not
have reached the disk; one that its process did not remove makes the next process hash
those objects again.
"""
from __future__ import annotations

import os
import stat as stat_module

from tracking.engine import atomic
from tracking.engine.errors import CorruptObject, DataverError
from tracking.engine.hints import TYPE_CHECKING, BinaryIO, Callable, Collection, Iterable, Iterator, Mapping, Protocol
from tracking.engine.light import contextmanager
from tracking.engine.protocols import NoProgress, Progress
from tracking.engine.stage import MD5, MD5_DOS2UNIX
from tracking.engine.tree import DIR_SUFFIX, MD5_CHARS, Rows, load_tree

if TYPE_CHECKING:
    from array import array

OBJECT_MODE = 0o444
PROTECTED_FILE = 0o100444  # of a regular file
SHARED_DIR_MODE = 0o2775
SHARED_FILE_MODE = 0o664
PREFIXES = tuple(f"{number:02x}" for number in range(256))
LEFTOVER_AGE_S = 86_400
CLOCK_SLACK_NS = 2_000_000_000  # of file systems with coarse times
JOURNAL = "unclean."
TOO_RECENT = -1
_HEX = "0123456789abcdef"


def is_oid(name: str) -> bool:
    """Whether this can be an object's name: an md5 in lower-case hex, with `.dir` for a manifest."""
    return (len(name) == MD5_CHARS and not name.strip(_HEX)) or (
        len(name) == MD5_CHARS + len(DIR_SUFFIX) and name.endswith(DIR_SUFFIX) and not name[:MD5_CHARS].strip(_HEX)
    )


def is_protected_file(mode: int) -> bool:
    """Whether st_mode is that of a trusted object: a read-only file."""
    return mode & 0o170777 == PROTECTED_FILE


def make_folder(folder: str, mode: int | None) -> None:
    """Make a folder of a store and those above it; `mode` (2775 with cache.shared) for the new ones."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        make_folder(parent, mode)
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    if mode is not None:
        os.chmod(folder, mode)


class ObjectStore(Protocol):
    """Objects by name (md5 in hex, with `.dir` for manifests); local folders and remotes alike.

    Names are never reused for other bytes, so every call may be repeated after a failure.

    Stores elsewhere may offer more, which is looked for by name (remotes/engine/bucketstore.py has all): `can_list`,
    `lists_at_once`, `page_objects`, `tells` (get and put take `tell`, a callback for bytes that moved), `facts`,
    `list_facts`, `list_layouts`, `first_page`, `stream`, `files_below`, `get_file`, `put_file`, `remove_leftovers`.
    """

    def exists(self, oids: Iterable[str]) -> set[str]:
        """Those that are there. On failure nothing is known."""

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[tuple[str, int | None]]:
        """Names (and sizes in bytes where asked or free) of all objects, or of two-digit prefixes; any order."""

    def get(self, oid: str, to_path: str) -> None:
        """Bring an object to a new file. On failure `to_path` does not exist. FileNotFoundError when absent."""

    def put(self, from_path: str, oid: str) -> None:
        """Store a file's bytes under a name. On failure the object is absent, never partial."""

    def read(self, oid: str) -> bytes:
        """An object's bytes. FileNotFoundError when absent."""

    def remove(self, oids: Iterable[str]) -> None:
        """Delete objects; absent ones are fine. On failure some may be left."""


class LocalStore:
    """Objects below a local cache (or remote) folder.

    path: the cache folder. legacy: layout and hash of 2.x. shared: group may write
    (`cache.shared = group`). tmp_dir: where the journal lives (None: no journal).
    `on_corrupt`, when set, is told each name moved aside and where to.
    """

    def __init__(self, path: str, legacy: bool = False, shared: bool = False, tmp_dir: str | None = None) -> None:
        self.path = path
        self.legacy = legacy
        self.shared = shared
        self.root = path if legacy else os.path.join(path, "files", "md5")
        self.journal_dir = os.path.join(tmp_dir, "dataver") if tmp_dir else None
        self.on_corrupt: Callable[[str, str], None] | None = None
        self.corrupt: list[str] = []
        self._recovered = False
        self._folder_times: array[int] | None = None
        self._batch: list[str] | None = None  # paths added in the batch that is open

    # --- facts
    @property
    def algorithm(self) -> str:
        return MD5_DOS2UNIX if self.legacy else MD5

    @property
    def dir_mode(self) -> int | None:
        """Of folders this store makes; None: as umask says."""
        return SHARED_DIR_MODE if self.shared else None

    @property
    def workspace_mode(self) -> int:
        """Of files copied out of this store, before umask."""
        return SHARED_FILE_MODE if self.shared else 0o666

    def path_of(self, oid: str) -> str:
        """Absolute path of an object. Raises CorruptObject for what cannot be a name."""
        if not is_oid(oid):
            raise CorruptObject(f"'{oid}' is not the name of an object", oid=oid)
        return f"{self.root}/{oid[:2]}/{oid[2:]}"

    def folder_times(self) -> array[int]:
        """mtime_ns of each of the PREFIXES: it changes whenever an object there is added or removed.

        0: there is no such folder. TOO_RECENT: one more change could leave the time as it is.
        """
        if self._folder_times is None:
            self._folder_times = self._read_folder_times()
        return self._folder_times

    def _read_folder_times(self) -> array[int]:
        import time
        from array import array

        from tracking.engine.state import is_racy

        times = array("q")
        looked_ns = time.time_ns()
        for prefix in PREFIXES:
            try:
                mtime_ns = os.stat(f"{self.root}/{prefix}").st_mtime_ns
            except OSError:
                mtime_ns = 0
            times.append(TOO_RECENT if is_racy(mtime_ns, looked_ns) else mtime_ns)
        return times

    # --- trust
    def is_intact(self, oid: str) -> bool:
        """Whether the object is there and is what its name says; a damaged one is moved aside."""
        try:
            self.check(oid)
        except (FileNotFoundError, NotADirectoryError, CorruptObject):
            return False
        return True

    def check(self, oid: str) -> None:
        """Trust a read-only object, hash any other.

        Raises FileNotFoundError, CorruptObject (the object has been moved aside then).
        """
        self.recover()
        path = self.path_of(oid)
        mode = os.stat(path).st_mode
        if not is_protected_file(mode):
            self.verify(oid)
            if mode & 0o222:
                _protect(path)

    def verify(self, oid: str) -> None:
        """Hash an object whatever its mode. Raises FileNotFoundError, CorruptObject (moved aside then)."""
        path = self.path_of(oid)
        is_manifest = oid.endswith(DIR_SUFFIX)
        is_file = stat_module.S_ISREG(os.stat(path).st_mode)  # reading anything else may wait for ever
        from tracking.engine.hashing import hash_file  # where something is hashed

        actual = hash_file(path, MD5 if is_manifest else self.algorithm) if is_file else ""
        if actual != oid.removesuffix(DIR_SUFFIX):
            where = self._move_aside(oid, path)
            raise CorruptObject(f"object '{oid}' of the cache is corrupted (moved to '{where}')", oid=oid, hint="`dataver fetch` brings it back from a remote.")

    def _move_aside(self, oid: str, path: str) -> str:
        folder = os.path.join(self.path, "corrupt")
        target = os.path.join(folder, oid)
        number = 0
        try:
            make_folder(folder, self.dir_mode)
            while os.path.lexists(target):
                number += 1
                target = os.path.join(folder, f"{oid}.{number}")
            atomic.replace(path, target)
        except OSError:
            return path  # a read-only cache: it stays, and is never trusted
        self._folder_times = None
        self.corrupt.append(oid)
        if self.on_corrupt is not None:
            self.on_corrupt(oid, target)
        return target

    # --- reading
    def exists(self, oids: Iterable[str]) -> set[str]:
        """Those that are there and can be trusted."""
        self.recover()
        found: set[str] = set()
        doubtful = []
        root, stat = self.root, os.stat
        try:
            folders = set(os.listdir(root))
        except OSError:
            return found
        for oid in oids:
            if oid[:2] not in folders:
                continue
            try:
                mode = stat(f"{root}/{oid[:2]}/{oid[2:]}").st_mode
            except OSError:
                continue
            if is_protected_file(mode):
                found.add(oid)
            else:
                doubtful.append(oid)
        found.update(oid for oid in doubtful if self.is_intact(oid))
        return found

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterator[tuple[str, int | None]]:
        """Every object below the prefixes (all by default), by folder. Temporary files are left out."""
        for prefix in PREFIXES if prefixes is None else prefixes:
            try:
                scan = os.scandir(f"{self.root}/{prefix}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            with scan:
                for entry in scan:
                    oid = prefix + entry.name
                    if is_oid(oid):
                        yield oid, entry.stat().st_size if with_size else None

    def size(self, oid: str) -> int:
        """Bytes of an object. Raises FileNotFoundError."""
        return os.stat(self.path_of(oid)).st_size

    def open(self, oid: str) -> BinaryIO:
        """An object for reading, checked. Raises FileNotFoundError, CorruptObject."""
        self.check(oid)
        return open(self.path_of(oid), "rb")

    def read(self, oid: str) -> bytes:
        with self.open(oid) as file:
            return file.read()

    def read_tree(self, oid: str) -> Rows:
        """Rows of a manifest, sorted. Raises FileNotFoundError, CorruptObject, UnsafePath."""
        return load_tree(self.read(oid), oid)

    def get(self, oid: str, to_path: str) -> None:
        """Copy an object to a new or replaced file, atomically; its mode is what umask says."""
        from tracking.engine.links import COPY, REFLINK, link

        self.check(oid)
        temporary = atomic.temp_beside(to_path)
        try:
            link(self.path_of(oid), temporary, (REFLINK, COPY), self.workspace_mode)
            atomic.replace(temporary, to_path)
        except BaseException:
            atomic.discard(temporary)
            raise

    # --- writing
    def put(self, from_path: str, oid: str, *, verify: bool = False) -> None:
        """Copy a file in. verify: hash what was written first. Raises CorruptObject when it differs.

        Not durable by itself: use inside `batch()`.
        """
        from tracking.engine.links import COPY, REFLINK, link

        final = self.path_of(oid)
        make_folder(os.path.dirname(final), self.dir_mode)
        temporary = atomic.temp_beside(final)
        try:
            link(from_path, temporary, (REFLINK, COPY))
            from tracking.engine.hashing import hash_file

            if verify and hash_file(temporary, MD5 if oid.endswith(DIR_SUFFIX) else self.algorithm) != oid.removesuffix(DIR_SUFFIX):
                raise CorruptObject(f"'{from_path}' is not the object '{oid}'", oid=oid)
            self.adopt(temporary, oid)
        except BaseException:
            atomic.discard(temporary)
            raise

    def adopt(self, temporary: str, oid: str) -> None:
        """Rename a file of the same file system into place; its bytes must be the object's."""
        final = self.path_of(oid)
        os.chmod(temporary, OBJECT_MODE)
        make_folder(os.path.dirname(final), self.dir_mode)
        atomic.replace(temporary, final)
        self._folder_times = None

    def add_bytes(self, oid: str, data: bytes) -> bool:
        """Store a manifest durably; True when it was not there. Raises DataverError."""
        if self.is_intact(oid):
            return False
        self.add_manifests({oid: data})
        return True

    def add_manifests(self, manifests: Mapping[str, bytes]) -> None:
        """Store manifests (oid -> bytes): what they name is durable before them, their bytes before their names.

        Raises DataverError.
        """
        if self._batch:
            atomic.barrier(self._batch, self.root)
            self._batch.clear()
        written: dict[str, str] = {}
        try:
            for oid, data in manifests.items():
                final = self.path_of(oid)
                make_folder(os.path.dirname(final), self.dir_mode)
                written[oid] = atomic.write_beside(final, data)
            atomic.barrier(written.values(), self.root, names=False)
            for oid, temporary in written.items():
                self.adopt(temporary, oid)
            atomic.barrier(map(self.path_of, written), self.root, contents=False)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        finally:
            self._folder_times = None
            for temporary in written.values():
                atomic.discard(temporary)

    def ingest(self, sources: list[tuple[str, int, int]], progress: Progress | None = None) -> list[str]:
        """Hash files (path, size, mtime_ns) and store those that are not there, in one pass and one batch.

        Returns their hashes. Raises FileChanged, DataverError.
        """
        if not sources:
            return []
        from tracking.engine.ingest import ingest  # when something is new

        self.recover()
        with self.batch() as added:
            try:
                make_folder(self.root, self.dir_mode)
                results = ingest(sources, self.algorithm, progress or NoProgress(), self.root, self.dir_mode)
            except OSError as error:
                raise _cannot_write(self.path, error) from error
            added += [f"{self.root}/{value[:2]}/{value[2:]}" for value, written in results if written]
        return [value for value, _ in results]

    def remove(self, oids: Iterable[str]) -> None:
        self._folder_times = None
        for oid in oids:
            path = self.path_of(oid)
            if os.name == "nt":  # read-only files cannot be deleted there
                _unprotect(path)
            try:
                atomic.unlink(path)
            except FileNotFoundError:
                continue

    def move_out(self, oid: str, target: str) -> bool:
        """Rename an object to a path of the same file system; False when it is not there. Raises OSError."""
        self._folder_times = None
        try:
            atomic.replace(self.path_of(oid), target)
        except FileNotFoundError:
            return False
        return True

    def remove_leftovers(self, older_than_s: float = LEFTOVER_AGE_S, of: Collection[str] = ()) -> int:
        """Delete temporary files of commands that were killed long ago, and of processes (`atomic.token`) that are gone; returns how many."""
        import time

        limit = time.time() - older_than_s
        old = [path for path, _, changed in self.leftovers() if changed < limit or os.path.basename(path)[1 : 1 + atomic.TOKEN_CHARS] in of]
        for path in old:
            atomic.discard(path)
        return len(old) + self._remove_scratch(limit, of)

    def leftovers(self) -> list[tuple[str, int, float]]:
        """Temporary files: path, bytes, when they changed (seconds since 1970)."""
        found = []
        for prefix in PREFIXES:
            try:
                with os.scandir(f"{self.root}/{prefix}") as scan:
                    for entry in scan:
                        if atomic.is_temp_name(entry.name):
                            status = entry.stat(follow_symlinks=False)
                            found.append((entry.path, status.st_size, status.st_mtime))
            except (FileNotFoundError, NotADirectoryError):  # or one of them went meanwhile
                continue
        return found

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A folder of the store's file system for what is on its way in; deleted afterwards, later where the process was killed."""
        make_folder(self.path, self.dir_mode)
        path = atomic.temp_beside(os.path.join(self.path, "scratch"))
        os.mkdir(path)
        try:
            yield path
        finally:
            _remove_tree(path)

    def _remove_scratch(self, limit: float, of: Collection[str]) -> int:
        try:
            with os.scandir(self.path) as scan:
                found = [entry for entry in scan if atomic.is_temp_name(entry.name) and entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return 0
        old = [entry.path for entry in found if entry.name[1 : 1 + atomic.TOKEN_CHARS] in of or entry.stat().st_mtime < limit]
        for path in old:
            _remove_tree(path)
        return len(old)

    # --- durability
    @contextmanager
    def batch(self) -> Iterator[list[str]]:
        """Bracket additions: append the paths added to the list; they are durable when the block ends.

        After a failure the journal stays until this process ends, so what was added is
        hashed again by the next one. A batch inside a batch is part of it.
        """
        if self._batch is not None:
            self._folder_times = None
            yield self._batch
            return
        journal = self._begin()
        added = self._batch = []
        self._folder_times = None
        try:
            yield added
            atomic.barrier(added, self.root)
        finally:
            self._folder_times = None
            self._batch = None
        if journal is not None:
            atomic.discard(journal)

    def _begin(self) -> str | None:
        """Leave a journal; its name says everything, since after a power cut its bytes may be gone."""
        if self.journal_dir is None:
            return None
        path = os.path.join(self.journal_dir, f"{JOURNAL}{self._tag()}.{os.getpid()}.{_boot_id()}.{atomic.token()}{os.urandom(2).hex()}")
        try:
            os.makedirs(self.journal_dir, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            atomic.fsync_path(self.journal_dir)  # the store may be on another disk, which knows nothing of this order
        except OSError as error:
            raise _cannot_write(self.journal_dir, error) from error
        return path

    def _tag(self) -> str:
        """Tells the journals of this store from those of others in the same project."""
        from tracking.engine.hashing import small_md5

        return str(small_md5(os.fsencode(self.root)).hexdigest())[:8]

    def recover(self) -> None:
        """After an unclean stop, hash the objects it may have left half-written. Once per process."""
        if self._recovered or self.journal_dir is None:
            return
        self._recovered = True
        journals = self._stale_journals()
        if not journals:
            return
        since = min(os.stat(path).st_mtime_ns for path in journals) - CLOCK_SLACK_NS
        good = []
        for oid, _ in self.list_oids():
            path = self.path_of(oid)
            st = os.stat(path)
            if max(st.st_ctime_ns, st.st_mtime_ns) < since:
                continue
            try:
                self.verify(oid)
                good.append(path)
            except CorruptObject:
                pass  # moved aside and noted in self.corrupt
        if good:
            atomic.barrier(good, self.root)
        for path in journals:
            atomic.discard(path)
        self.remove_leftovers(of={path.rpartition(".")[2][: atomic.TOKEN_CHARS] for path in journals})

    def _stale_journals(self) -> list[str]:
        """Journals for this store whose process is gone."""
        try:
            names = [name for name in os.listdir(self.journal_dir) if name.startswith(JOURNAL)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        stale, tag = [], self._tag() if names else ""
        for name in names:
            _, store, pid, boot, _ = f"{name}....".split(".", 4)
            if store == tag and (boot != _boot_id() or not _is_alive(pid)):
                stale.append(os.path.join(str(self.journal_dir), name))
        return stale


def _boot_id() -> str:
    """Differs after each start of the machine, where the system tells; else empty."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()[:8]
    except OSError:
        return ""


def _is_alive(pid: str) -> bool:
    if not pid.isdigit() or os.name == "nt":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_tree(path: str) -> None:
    import shutil  # slow import

    shutil.rmtree(path, ignore_errors=True)


def _protect(path: str) -> None:
    try:
        os.chmod(path, OBJECT_MODE)
    except OSError:
        pass  # somebody else's file in a shared cache: it is hashed again next time


def _unprotect(path: str) -> None:
    try:
        os.chmod(path, 0o644)
    except OSError:
        pass


def _cannot_write(folder: str, error: OSError) -> DataverError:
    if isinstance(error, IsADirectoryError) and error.filename2:
        return DataverError(f"'{error.filename2}' is a folder where an object of the cache belongs", hint="Move it away, then run the command again.")
    named = error.filename or folder
    if error.filename and not str(error.filename).startswith(folder):
        return DataverError(f"cannot read '{named}': {error.strerror}")
    return DataverError(f"cannot write to the cache '{folder}': {error.strerror or error}", hint="Check free space and permissions, then run the command again.")
