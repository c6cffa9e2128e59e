"""Reads files as a user of a revision sees them: as they lie there, else from the cache.

What `checkout` would bring is found by its recorded hash, so that metrics and plots of
any commit can be read without touching the workspace.
"""
from __future__ import annotations

import os

from tracking.engine.errors import CorruptObject, DataverError, FileTooLarge, OutputNotFound
from tracking.engine.files import walk_all
from tracking.engine.hints import Any, Iterator
from tracking.engine.index import Index
from tracking.engine.params import read_params
from tracking.engine.stage import Digest, Out


class ManifestMissing(DataverError):
    """The list of a tracked folder's files is in no cache."""


def lost_folder(message: str) -> str:
    """The message of ManifestMissing in plain words; empty for any other."""
    import re

    found = re.fullmatch(r"failed to load directory \((.*)\)", message)  # as dvc says it
    names = re.findall("'([^']*)'", found[1]) if found else []
    return f"the list of files of '{'/'.join(names)}' is not in the cache" if found else ""


class Contents:
    """Files of one index; paths are posix and relative to the repository's root."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._repo = index.repo
        self._files = index.files
        self._manifests: dict[str, dict[str, str]] = {}

    def read(self, rel: str, limit_bytes: int | None = None) -> bytes:
        """Content of a file.

        Raises FileNotFoundError, IsADirectoryError, ManifestMissing, CorruptObject, FileTooLarge above the limit.
        """
        try:
            return self._files.read(rel, limit_bytes)
        except (FileNotFoundError, NotADirectoryError):
            return self._read_tracked(rel, limit_bytes)

    def exists(self, rel: str) -> bool:
        """Whether a file or folder is there, or was recorded. Raises ManifestMissing, CorruptObject."""
        if self._files.exists(rel):
            return True
        abspath = self._repo.abs(rel)
        out = self._out_around(abspath)
        if out is None or out.digest is None or not out.digest.isdir or not out.cache:
            return bool(self._index.outs_inside(abspath))
        names = self._manifest(out)
        inside = os.path.relpath(abspath, out.abspath).replace(os.sep, "/")
        return inside == "." or any(name == inside or name.startswith(inside + "/") for name in names)

    def values(self, rel: str) -> Any:
        """A params or metrics file, parsed. Raises BadDataFile and what `read` raises."""
        return read_params(self.read(rel), rel)

    def find(self, rel: str) -> list[str]:
        """Files inside a folder, tracked ones that are not there included; the path itself when it is no folder."""
        inside = dict.fromkeys(self._present(rel))
        inside.update(dict.fromkeys(self._recorded(rel)))
        return list(inside) or ([] if self._files.isdir(rel) else [rel])

    # --- what lies there
    def _present(self, rel: str) -> Iterator[str]:
        if self._files.isdir(rel):
            yield from walk_all(self._files, rel, self._repo.ignore.is_ignored)

    # --- what is recorded
    def _recorded(self, rel: str) -> Iterator[str]:
        abspath = self._repo.abs(rel)
        for _, out in self._index.outs_inside(abspath):
            if out.abspath != abspath and out.digest is not None and not out.digest.isdir and out.cache:
                yield self._repo.rel(out.abspath)
            elif out.digest is not None and out.digest.isdir:
                yield from self._members(out, "")
        out_around = self._out_around(abspath)
        if out_around is not None and out_around.abspath != abspath and out_around.digest is not None and out_around.digest.isdir:
            yield from self._members(out_around, os.path.relpath(abspath, out_around.abspath).replace(os.sep, "/") + "/")

    def _members(self, out: Out, prefix: str) -> Iterator[str]:
        top = self._repo.rel(out.abspath)
        try:
            names = self._manifest(out)
        except (ManifestMissing, CorruptObject):
            return  # reading the path itself will say so
        for name in names:
            if name.startswith(prefix):
                yield f"{top}/{name}"

    def _out_around(self, abspath: str) -> Out | None:
        try:
            return self._index.find_out(abspath)[1]
        except OutputNotFound:
            return None

    def _manifest(self, out: Out) -> dict[str, str]:
        """relpath -> md5 of a tracked folder. Raises ManifestMissing, CorruptObject."""
        assert out.digest is not None
        oid = out.digest.value
        if oid not in self._manifests:
            try:
                self._manifests[oid] = dict(self._repo.store_for(out.digest).read_tree(oid))
            except FileNotFoundError:
                parts = tuple(self._repo.rel(out.abspath).split("/"))
                raise ManifestMissing(f"failed to load directory {parts!r}") from None
        return self._manifests[oid]

    def _read_tracked(self, rel: str, limit_bytes: int | None) -> bytes:
        out = self._out_around(self._repo.abs(rel))
        if out is None or out.digest is None or not out.cache:
            raise FileNotFoundError(2, "No such file or directory", rel)
        oid = out.digest.value
        if out.digest.isdir:
            inside = os.path.relpath(self._repo.abs(rel), out.abspath).replace(os.sep, "/")
            names = self._manifest(out)
            if inside not in names:
                if inside == "." or any(name.startswith(inside + "/") for name in names):
                    raise IsADirectoryError(21, "Is a directory", rel)
                raise FileNotFoundError(2, "No such file or directory", rel)
            oid = names[inside]
        try:
            return self._object(out.digest, oid, limit_bytes, rel)
        except FileNotFoundError:
            raise FileNotFoundError(2, "No storage files available", rel) from None

    def _object(self, digest: Digest, oid: str, limit_bytes: int | None = None, rel: str = "") -> bytes:
        """An object of the cache that an out with this digest lives in.

        rel: for errors. Raises FileNotFoundError, CorruptObject, FileTooLarge above the limit.
        """
        with self._repo.store_for(digest).open(oid) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if limit_bytes is not None and size_bytes > limit_bytes:
                raise FileTooLarge(rel, size_bytes)
            return file.read()
