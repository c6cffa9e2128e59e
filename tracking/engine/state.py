"""What was hashed before: stat -> hash, remembered between commands.

One SQLite file below `.dvc/tmp/dataver`; it may be deleted at any time and heals itself.
A folder is one row: its walk (paths, sizes, times, inodes, modes) and hashes as packed
arrays, so 10,000 files load in milliseconds. Every row carries a checksum, because the
file is written without waiting for the disk.

A file changed again within one tick of the clock, with the same size, has the same stat.
So a hash whose file was modified just before it was looked at is not kept ("racy").
"""
from __future__ import annotations

import os
import sys
import time
from zlib import crc32

from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.light import suppress

if TYPE_CHECKING:
    import sqlite3
    from types import ModuleType

    from tracking.engine.objects import LocalStore

WalkRow = tuple[str, int, int, int, int]  # relpath, size, mtime_ns, ino, mode

DATABASE = "state-1.sqlite3"  # the number is the schema: another version opens another file
TICK_NS = 20_000_000  # coarsest clock tick of the usual file systems (10 ms), doubled
COARSE_TICK_NS = 2_000_000_000  # file systems that keep whole seconds (FAT: two)
SECOND_NS = 1_000_000_000
BUSY_TIMEOUT_S = 5.0
DIR_QUERY = "SELECT value, paths, stats, hashes, crc FROM dirs WHERE path = ? AND algorithm = ?"
CRC_BYTES = 4
CODES = "qqQq"  # array types of size, mtime_ns, ino, mode

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS files (path BLOB, algorithm TEXT, mtime_ns INTEGER, size INTEGER, ino TEXT,"
    " value TEXT, crc INTEGER, PRIMARY KEY (path, algorithm)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS dirs (path BLOB, algorithm TEXT, value TEXT, paths BLOB, stats BLOB, hashes BLOB,"
    " crc INTEGER, PRIMARY KEY (path, algorithm))",
    "CREATE TABLE IF NOT EXISTS complete (store BLOB, oid TEXT, signature TEXT, PRIMARY KEY (store, oid)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS links (path BLOB PRIMARY KEY, mark TEXT) WITHOUT ROWID",
)


class DirState:
    """A folder as it was when it was hashed.

    rows: its walk, sorted. hashes: one per row, "" where it must be computed again.
    value: name of its manifest, "" when any hash is missing.
    """

    __slots__ = ("rows", "hashes", "value")

    def __init__(self, rows: list[WalkRow], hashes: list[str], value: str) -> None:
        self.rows = rows
        self.hashes = hashes
        self.value = value

    def known(self) -> dict[tuple[int, int, int], str]:
        """(size, mtime_ns, ino) -> hash: finds renamed files too."""
        return {row[1:4]: value for row, value in zip(self.rows, self.hashes) if value}


class State:
    """Reads at once; writes are collected and done in one transaction by `commit`."""

    def __init__(self, tmp_dir: str) -> None:
        self.tmp_dir = tmp_dir
        self.folder = os.path.join(tmp_dir, "dataver")
        self.path = os.path.join(self.folder, DATABASE)
        self._db: sqlite3.Connection | None = None
        self._writes: dict[tuple[str, Any], tuple[str, tuple[Any, ...]]] = {}

    # --- files
    def get_file(self, abspath: str, st: os.stat_result, algorithm: str = "md5") -> str | None:
        """The hash of a file whose stat is still `st`."""
        found = self._row("files", "SELECT mtime_ns, size, ino, value, crc FROM files WHERE path = ? AND algorithm = ?", abspath, algorithm)
        if found is None:
            return None
        mtime_ns, size, ino, value, crc = found
        fresh = (mtime_ns, size, ino) == (st.st_mtime_ns, st.st_size, str(st.st_ino)) and crc == _crc(abspath, algorithm, mtime_ns, size, ino, value)
        return str(value) if fresh else None

    def save_file(self, abspath: str, st: os.stat_result, value: str, algorithm: str = "md5", looked_ns: int | None = None) -> None:
        """Remember a hash. looked_ns: clock when `st` was taken (default now)."""
        if is_racy(st.st_mtime_ns, looked_ns or time.time_ns()):
            self._delete("files", abspath, algorithm)
            return
        values = (st.st_mtime_ns, st.st_size, str(st.st_ino), value)
        self._write("files", abspath, algorithm, (*values, _crc(abspath, algorithm, *values)))

    # --- folders
    def get_dir(self, abspath: str, algorithm: str = "md5") -> DirState | None:
        """What was saved for a folder; compare its rows with a new walk."""
        found = self._row("dirs", DIR_QUERY, abspath, algorithm)
        if found is None:
            return None
        value, paths, stats, hashes, crc = found
        if crc != _crc_dir(abspath, algorithm, value, paths, stats, hashes):
            return None
        return _unpack(value, paths, stats, hashes)

    def save_dir(self, abspath: str, rows: list[WalkRow], hashes: list[str], value: str, algorithm: str = "md5", looked_ns: int | None = None) -> None:
        """Remember a folder. looked_ns: clock when its walk began (default now)."""
        looked = looked_ns or time.time_ns()
        recent = looked - COARSE_TICK_NS
        if any([row[2] >= recent for row in rows]):
            hashes = ["" if row[2] >= recent and is_racy(row[2], looked) else known for row, known in zip(rows, hashes)]
            value = value if all(hashes) else ""
        packed = _pack(rows, hashes)
        if packed is None:
            self._delete("dirs", abspath, algorithm)
            return
        self._write("dirs", abspath, algorithm, (value, *packed, _crc_dir(abspath, algorithm, value, *packed)))

    def find_tree(self, value: str, algorithm: str = "md5") -> list[tuple[str, str]] | None:
        """(relpath, hash) of the files of any folder that had this manifest when it was last seen."""
        db = self._open()
        if db is None:
            return None
        try:
            found = db.execute("SELECT path, paths, stats, hashes, crc FROM dirs WHERE value = ? AND algorithm = ?", (value, algorithm)).fetchall()
        except _database_error() as error:
            self._heal(error)
            return None
        for raw, paths, stats, hashes, crc in found:
            if crc == _crc_dir(os.fsdecode(raw), algorithm, value, paths, stats, hashes):
                known = _unpack(value, paths, stats, hashes)
                if known is not None and all(known.hashes):
                    return list(zip([row[0] for row in known.rows], known.hashes))
        return None

    # --- folders whose objects are all in a store
    def known_complete(self, store: LocalStore, oid: str) -> bool:
        """Whether everything a manifest lists was in the store, and nothing was removed since."""
        return self.changed_since_complete(store, oid) == set()

    def changed_since_complete(self, store: LocalStore, oid: str) -> set[str] | None:
        """Where something may have gone of what a manifest lists: the first two digits of hashes. None: nothing is known.

        A command that adds an object or two spares the next one most of the questions.
        """
        found = self._row("complete", "SELECT signature FROM complete WHERE store = ? AND oid = ?", store.root, oid)
        if found is None or not isinstance(found[0], bytes):
            return None
        from array import array

        from tracking.engine.objects import PREFIXES, TOO_RECENT

        times = store.folder_times()
        then = array(times.typecode)
        data, crc = found[0][:-CRC_BYTES], found[0][-CRC_BYTES:]
        if len(data) != len(times) * times.itemsize or crc != _crc_complete(store, oid, data):
            return None
        then.frombytes(data)
        return {prefix for prefix, old, new in zip(PREFIXES, then, times) if old != new or new == TOO_RECENT}

    def remember_complete(self, store: LocalStore, oid: str) -> None:
        """Everything a manifest lists is in the store, as was just seen."""
        data = store.folder_times().tobytes()
        self._write("complete", store.root, oid, (data + _crc_complete(store, oid, data),))

    def known_complete_at(self, place: str, oid: str) -> bool:
        """The same for a store elsewhere, of which nothing tells whether something was removed since."""
        return self._row("complete", "SELECT signature FROM complete WHERE store = ? AND oid = ?", place, oid) is not None

    def remember_complete_at(self, place: str, oid: str) -> None:
        self._write("complete", place, oid, ("",))

    def forget_complete_at(self, place: str) -> None:
        """All that was remembered of a store elsewhere."""
        self.commit()
        self._writes["complete", (place,)] = ("DELETE FROM complete WHERE store = ?", (os.fsencode(place),))
        self.commit()

    # --- paths that dataver made
    def save_link(self, abspath: str) -> None:
        """Remember that what lies at `abspath` now came out of the cache (call after `save_dir`)."""
        mark = self._mark_saved(abspath) if os.path.isdir(abspath) and not os.path.islink(abspath) else _mark_file(abspath)
        known = self._row("links", "SELECT mark FROM links WHERE path = ?", abspath)
        if mark is not None and known != (mark,):
            self._writes["links", (abspath,)] = ("INSERT OR REPLACE INTO links VALUES (?, ?)", (os.fsencode(abspath), mark))

    def unused_links(self, used: set[str]) -> list[str]:
        """Paths saved with `save_link` that are not in `used` and unchanged since; sorted."""
        self.commit()
        db = self._open()
        if db is None:
            return []
        try:
            found = db.execute("SELECT path, mark FROM links ORDER BY path").fetchall()
        except _database_error() as error:
            self._heal(error)
            return []
        result = []
        for raw, mark in found:
            path = os.fsdecode(raw)
            if path not in used and _mark_now(path) == mark:
                result.append(path)
        return result

    def _mark_saved(self, abspath: str) -> str | None:
        for algorithm in ("md5", "md5-dos2unix"):
            found = self._row("dirs", DIR_QUERY, abspath, algorithm)
            if found is not None:
                return _mark_dir(found[1], found[2])
        return None

    def forget_link(self, abspath: str) -> None:
        self._writes["links", (abspath,)] = ("DELETE FROM links WHERE path = ?", (os.fsencode(abspath),))

    # --- database
    def commit(self) -> None:
        """Write what was saved, in one transaction. Failing costs only speed, never the command."""
        writes, self._writes = self._writes, {}
        if not writes:
            return
        for _ in range(2):
            db = self._open(create=True)
            if db is None:
                return
            try:
                with db:
                    for statement, values in writes.values():
                        db.execute(statement, values)
                return
            except _database_error() as error:
                if not self._heal(error):
                    return

    def close(self) -> None:
        self.commit()
        if self._db is not None:
            self._db.close()
            self._db = None

    def clear(self) -> None:
        """Forget everything."""
        self._writes = {}
        self._drop()

    def _write(self, table: str, path: str, key: str, values: tuple[Any, ...]) -> None:
        marks = ", ".join("?" * (2 + len(values)))
        self._writes[table, (path, key)] = (f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (os.fsencode(path), key, *values))

    def _delete(self, table: str, path: str, key: str) -> None:
        self._writes[table, (path, key)] = (f"DELETE FROM {table} WHERE path = ? AND algorithm = ?", (os.fsencode(path), key))

    def _row(self, table: str, query: str, path: str, *values: str) -> tuple[Any, ...] | None:
        """Columns after the key: of a write not committed yet, else of the database."""
        pending = self._writes.get((table, (path, *values)))
        if pending is not None:
            return None if pending[0].startswith("DELETE") else pending[1][1 + len(values) :]
        db = self._open()
        if db is None:
            return None
        try:
            found: tuple[Any, ...] | None = db.execute(query, (os.fsencode(path), *values)).fetchone()
            return found
        except _database_error() as error:
            self._heal(error)
            return None

    def _open(self, create: bool = False) -> sqlite3.Connection | None:
        """The connection; None when there is no database (yet), or none can be made."""
        if self._db is None and (create or os.path.exists(self.path)):
            for _ in range(2):
                try:
                    self._db = _connect(self.path)
                    break
                except _database_error() as error:
                    if not self._heal(error):
                        break
        return self._db

    def _heal(self, error: Exception) -> bool:
        """Delete a damaged database; False when it is only busy or not writable."""
        if isinstance(error, _sqlite3().OperationalError) and not any(word in str(error) for word in ("malformed", "no such", "disk image", "has no column", "columns but")):
            return False
        self._drop()
        return True

    def _drop(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        for suffix in ("", "-journal"):
            try:
                os.unlink(self.path + suffix)
            except OSError:
                pass


def _sqlite3() -> ModuleType:
    """The library without what reads and writes dates, which imports `datetime`: half the time, and nothing here is a date."""
    for name in ("_sqlite3", "sqlite3"):
        with suppress(ImportError):
            __import__(name)
            return sys.modules[name]
    raise ImportError("Python has no SQLite")


def _database_error() -> type[Exception]:
    error: type[Exception] = _sqlite3().Error
    return error


def _connect(path: str) -> sqlite3.Connection:
    library = _sqlite3()
    is_new = not os.path.exists(path)
    if is_new:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise library.OperationalError(str(error)) from error
    db: sqlite3.Connection = library.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous=OFF")  # rows carry checksums
        if is_new:
            with db:
                for statement in SCHEMA:
                    db.execute(statement)
    except BaseException:
        db.close()
        raise
    return db


def is_racy(mtime_ns: int, looked_ns: int) -> bool:
    """Whether a write after the look could have left the time as it was."""
    return mtime_ns >= looked_ns - (TICK_NS if mtime_ns % SECOND_NS else COARSE_TICK_NS)


def _mark_file(path: str) -> str | None:
    """The file's own inode; of a link the time of what it leads to, as dvc has it: an object that was lost and brought again is not what we linked."""
    try:
        return f"file {os.stat(path).st_mtime_ns} {os.lstat(path).st_ino}"
    except OSError:
        return None


def _mark_now(path: str) -> str | None:
    """The mark of what lies there now; None for nothing and for what cannot be walked."""
    if not os.path.isdir(path) or os.path.islink(path):
        return _mark_file(path)
    from tracking.engine.errors import DataverError
    from tracking.engine.walk import walk_files

    try:
        rows = walk_files(path, "", None)
    except (OSError, DataverError):
        return None
    packed = _pack(rows, [])
    return None if packed is None else _mark_dir(packed[0], packed[1])


def _mark_dir(paths: bytes, stats: bytes) -> str:
    """Of all but the modes, which are no content: the last of the packed columns."""
    return f"dir {crc32(stats[: len(stats) // len(CODES) * (len(CODES) - 1)], crc32(paths))}"


def _crc(path: str, *values: Any) -> int:
    return crc32(repr(values).encode(), crc32(os.fsencode(path)))


def _crc_complete(store: LocalStore, oid: str, times: bytes) -> bytes:
    return crc32(times, _crc(store.root, oid)).to_bytes(CRC_BYTES, "big")


def _crc_dir(path: str, algorithm: str, value: str, paths: bytes, stats: bytes, hashes: bytes) -> int:
    return crc32(hashes, crc32(stats, crc32(paths, _crc(path, algorithm, value))))


def _pack(rows: list[WalkRow], hashes: list[str]) -> tuple[bytes, bytes, bytes] | None:
    """(paths joined by NUL, four arrays of 64 bits, hashes of 32 digits each); None when a number is too large."""
    from array import array

    names, *numbers = zip(*rows) if rows else [()] * (1 + len(CODES))
    try:
        stats = b"".join([array(code, column).tobytes() for code, column in zip(CODES, numbers)])
    except (OverflowError, TypeError):
        return None
    digits = "".join(hashes if all(hashes) else [value or "-" * 32 for value in hashes])
    return "\0".join(names).encode("utf-8", "surrogateescape"), stats, digits.encode("ascii")


def _unpack(value: str, paths: bytes, stats: bytes, hashes: bytes) -> DirState | None:
    from array import array

    names = paths.decode("utf-8", "surrogateescape").split("\0") if stats else []
    count = len(names)
    if len(stats) != 32 * count or len(hashes) != 32 * count:
        return None
    columns = []
    for number, code in enumerate(CODES):
        column = array(code)
        column.frombytes(stats[number * 8 * count : (number + 1) * 8 * count])
        columns.append(column)
    digits = hashes.decode("ascii")
    values = [digits[start : start + 32] for start in range(0, 32 * count, 32)]
    if "-" in digits:
        values = ["" if known.startswith("-") else known for known in values]
    return DirState(list(zip(names, *columns)), values, value)
