"""Reads a bundle from beginning to end, and believes nothing it has not checked.

Members are looked at in their order; the bytes of each are compared with their hash while they
are read, so whoever writes them keeps them only when the reading ends without an error.
"""
from __future__ import annotations

import os
import stat
from types import TracebackType

from remotes.engine.bundle import contents as contents_module
from remotes.engine.bundle.contents import GIT, MANIFEST, MANIFEST_AT_MOST, SUMS, Contents, Member, member
from remotes.engine.bundle.tarheader import BLOCK_BYTES, END, BadHeader, padding, parse
from tracking.engine.errors import CorruptObject, DataverError
from tracking.engine.hashing import CHUNK_BYTES, new_md5, to_unix
from tracking.engine.hints import Any, BinaryIO, Iterator
from tracking.engine.tree import DIR_SUFFIX

AGAIN = "Copy it once more from where it was made; nothing of it was kept that is not whole."


class BadBundle(CorruptObject):
    """A file that is no bundle, or a damaged one. oid: of the object that is damaged, where it is one."""


class BundleFile:
    """A bundle that is open for reading. contents: what it says it holds. total: bytes of the file.

    Raises BadBundle, DataverError.
    """

    def __init__(self, path: str, shown: str) -> None:
        self.path = path
        self.shown = shown
        self._file: BinaryIO = _open(path, shown)
        try:
            self.total = os.fstat(self._file.fileno()).st_size
            self._last: tuple[int, str] = (-1, "")
            self._sums: dict[str, str] = {}
            manifest = self._read_meta(MANIFEST, "it is no bundle of dataver")
            self._sums = _parse_sums(self._read_meta(SUMS, self._cut("at its beginning")))
            if self._sums.get(MANIFEST) != _sha256(manifest):
                raise self.bad(f"its {MANIFEST} is damaged")
            try:
                self.contents: Contents = contents_module.load(manifest)
            except DataverError as exc:
                raise self.bad(exc.message, hint=exc.hint) from exc
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> BundleFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def bad(self, why: str, oid: str = "", hint: str | None = None) -> BadBundle:
        return BadBundle(f"bundle '{self.shown}' cannot be used: {why}", oid=oid, hint=hint or AGAIN)

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """git.bundle, the run cache, objects, trees; each with its bytes, which have to be read to their end before the next.

        Raises BadBundle, at the end also for what is missing.
        """
        objects = size = runs = 0
        seen_git = False
        while (found := self._next()) is not None:
            if found.key == GIT and found.kind == "meta":
                seen_git = True
            elif not seen_git:
                raise self.bad(f"it holds no {GIT}")
            elif found.kind == "object":
                objects, size = objects + 1, size + found.size
            else:
                runs += 1
            yield found, self._bytes(found)
        said = self.contents
        if not seen_git or (objects, size, runs) != (said.objects, said.size, said.runs):
            raise self.bad(f"it holds {objects} objects of the {said.objects} it names")

    # --- inside
    def _next(self) -> Member | None:
        """The next header; None at the end of the archive."""
        at = self._file.tell()
        block = self._file.read(BLOCK_BYTES)
        if block == END[:BLOCK_BYTES]:
            if self._file.read() != END[BLOCK_BYTES:]:  # at most one block follows
                raise self.bad("its end is not as dataver writes it")
            return None
        if len(block) < BLOCK_BYTES:
            raise self.bad(self._cut(f"after {self._label()}"))
        try:
            name, size = parse(block)
        except BadHeader as exc:
            raise self.bad(f"{exc.message} (after {self._label()})") from exc
        found = member(name, size)
        if found is None:
            raise self.bad(f"it holds '{name}', which has no place in a bundle", hint="Do not use data from this source.")
        if (found.rank, found.key) <= self._last:
            raise self.bad(f"{found.label} is not where it belongs")
        if at + BLOCK_BYTES + size + padding(size) > self.total:
            raise self.bad(self._cut(f"in {found.label}"), oid=found.key if found.kind == "object" else "")
        self._last = (found.rank, found.key)
        return found

    def _cut(self, where: str) -> str:
        return f"it is cut off {where}"

    def _label(self) -> str:
        rank, key = self._last
        return f"object '{key}'" if rank > 3 else f"'{key}'" if key else "nothing"

    def _read_meta(self, name: str, otherwise: str) -> bytes:
        try:
            found = self._next()
        except BadBundle:
            if name == MANIFEST:
                raise self.bad(otherwise, hint="`dataver bundle create` makes one.") from None
            raise
        if found is None or found.key != name or found.kind != "meta":
            raise self.bad(otherwise)
        if found.size > MANIFEST_AT_MOST:
            raise self.bad(f"its {name} is too large to be true ({found.size} bytes)")
        return b"".join(self._raw(found))

    def _raw(self, found: Member) -> Iterator[bytes]:
        left = found.size
        while left:
            chunk = self._file.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise self.bad(self._cut(f"in {found.label}"))
            left -= len(chunk)
            yield chunk
        if any(self._file.read(padding(found.size))):
            raise self.bad(f"bytes that belong to nothing follow {found.label}")

    def _bytes(self, found: Member) -> Iterator[bytes]:
        """The bytes of a member, an error at their end when they are not what its name or SHA256SUMS says."""
        digest: Any = new_md5() if found.kind == "object" else _new_sha256()
        as_text = found.legacy and not found.key.endswith(DIR_SUFFIX)
        for chunk in self._raw(found):
            digest.update(to_unix(chunk) if as_text else chunk)
            yield chunk
        expected = found.key.removesuffix(DIR_SUFFIX) if found.kind == "object" else self._sums.get(found.key if found.kind == "meta" else contents_module.run_name(found.key))
        if digest.hexdigest() != expected:
            raise self.bad(f"{found.label} is damaged", oid=found.key if found.kind == "object" else "")


def _open(path: str, shown: str) -> BinaryIO:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for ever
            raise DataverError(f"'{shown}' is not a file")
        return open(path, "rb")
    except OSError as exc:
        raise DataverError(f"cannot read '{shown}': {exc.strerror}") from exc


def _parse_sums(data: bytes) -> dict[str, str]:
    lines = data.decode("ascii", "replace").splitlines()
    return {name: value for value, _, name in (line.partition("  ") for line in lines)}


def _new_sha256() -> Any:
    import hashlib  # slow import (OpenSSL)

    return hashlib.sha256()


def _sha256(data: bytes) -> str:
    digest = _new_sha256()
    digest.update(data)
    return str(digest.hexdigest())
