"""A file or folder at any URL or local path, as a source of data: `import-url`, `get-url`, `list-url`, URL dependencies.

Hashes by kind, as .dvc and dvc.lock have them (docs/formats): md5 of the bytes for local paths
and ssh; `checksum`, the raw ETag or Content-MD5 header, for http(s), and that of hdfs; `etag` for
object stores. A folder elsewhere has the md5 of the list of its files' hashes.
"""
from __future__ import annotations

import base64
import os
import posixpath
import shutil
from contextlib import nullcontext

from remotes.engine.clienterrors import SILENT
from remotes.engine.filesystems import Location, open_location, translated
from remotes.engine.storage import refuse_foreign_command
from remotes.engine.threads import on_threads
from remotes.engine.webfile import WebFile
from tracking.engine import config_schema
from tracking.engine.checkout import remove_path
from tracking.engine.config import Config, join_url
from tracking.engine.config_schema import Invalid, half_url, url_scheme
from tracking.engine.errors import ConfigError, DataverError, NotARepository, RemoteError
from tracking.engine.hashblock import folder_digest
from tracking.engine.hints import Any, Iterable, Iterator, Mapping, Protocol
from tracking.engine.protocols import Progress, Settings
from tracking.engine.repo import DVC_DIR, find_root
from tracking.engine.stage import MD5, Digest, Meta
from tracking.engine.tree import is_safe
from tracking.engine.workspace import Workspace

JOBS = 8
TRIES = 3
PAUSE_S = 0.5
BLOCK = 1 << 22
HASHED = ("ssh", "memory")  # places that know no hash: the bytes are read
CHECKSUM = ("hdfs", "webhdfs")

Entry = tuple[str, bool, "int | None"]  # path inside, isdir, size in bytes
File = dict[str, Any]  # relpath, size, etag or checksum or md5, version_id: an entry of `files` in a .dvc file


class UrlSource(Protocol):
    """One place. `shown` names it in messages."""

    shown: str

    def look(self, ws: Workspace | None = None) -> tuple[Digest, Meta] | None:
        """Hash and facts now; None when there is nothing, or nobody answers."""

    def exists(self) -> bool:
        """Raises RemoteError when it cannot be asked."""

    def isdir(self) -> bool: ...

    def bring(self, target: str, progress: Progress, jobs: int | None = None) -> None:
        """Copy it to a new path. Raises RemoteError, DataverError; what was written by then may be left."""

    def entries(self, depth: int | None) -> Iterator[Entry]:
        """What a folder holds, `depth` levels deep (None: all), in any order."""


def resolve(config: Config, url: str, fs_config: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """(URL or local path, options): `remote://NAME/path` spelled out, with the options of that remote. Raises ConfigError."""
    options = dict(fs_config or {})
    if url_scheme(url) == "remote":
        name, _, path = url.partition("://")[2].partition("/")
        known = config.remote(name)
        base = str(known.pop("url"))
        joined = join_url(base, path) if path else base
        if os.path.normpath(path).startswith(".."):
            raise ConfigError(f"'{url}' leads out of the remote '{name}'")
        return joined, {**known, **_typed(joined, options)}
    return url, _typed(url, options)


def _typed(url: str, options: dict[str, Any]) -> dict[str, Any]:
    scheme = url_scheme(url)
    if not options or scheme not in config_schema.REMOTES:
        return options
    try:
        typed = config_schema.check_remote("fs-config", {**options, "url": url})
    except Invalid as exc:
        raise ConfigError(str(exc)) from None
    typed.pop("url", None)
    return typed


def refuse_half_url(url: str, cwd: str) -> None:
    """Raises DataverError for what begins as a URL and is none, unless there is a file of that name."""
    wrong = half_url(url)
    if wrong is not None and not os.path.lexists(os.path.join(cwd, url)):
        raise DataverError(wrong, hint="A URL is written as s3://BUCKET/PATH or ssh://HOST/PATH.")


def nearest_config(cwd: str, settings: Settings) -> Config:
    """Settings of the project around a folder, of the user alone where there is none."""
    try:
        root: str | None = find_root(cwd)
    except NotARepository:
        root = None
    return Config.load(os.path.join(root, DVC_DIR) if root else None, settings)


def open_url(config: Config, url: str, fs_config: Mapping[str, Any] | None, cwd: str, settings: Settings) -> UrlSource:
    """The place a URL or path names. cwd: where relative paths start. Raises ConfigError, MissingPackage, RemoteError."""
    refuse_half_url(url, cwd)
    where, options = resolve(config, url, fs_config)
    scheme = url_scheme(where)
    if scheme == "":
        path = os.path.expanduser(where.removeprefix("file://"))
        return LocalPath(os.path.normpath(os.path.join(cwd, path)))
    if scheme in ("http", "https"):
        return WebSource(WebFile(where, options))
    if scheme not in config_schema.REMOTES and scheme != "memory":
        raise DataverError(f"Unsupported URL type {scheme}://", hint="A path, or a URL of one of: " + ", ".join(sorted(name for name in config_schema.REMOTES if name)))
    refuse_foreign_command(config, options)
    return Elsewhere(open_location(where, options, settings), bool(options.get("version_aware")))


# --- here
class LocalPath:
    """A path of this machine."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = path

    def look(self, ws: Workspace | None = None) -> tuple[Digest, Meta] | None:
        assert ws is not None
        return ws.digest(self.path, MD5, ignored=False)

    def exists(self) -> bool:
        return os.path.exists(self.path)

    def isdir(self) -> bool:
        return os.path.isdir(self.path)

    def bring(self, target: str, progress: Progress, jobs: int | None = None) -> None:
        try:
            if not os.path.isdir(self.path):
                shutil.copyfile(self.path, target)
                return
            shutil.copytree(self.path, target, copy_function=shutil.copyfile)
        except shutil.Error as exc:  # lists every file that could not be copied
            path, _, reason = exc.args[0][0]
            raise DataverError(f"'{path}' cannot be copied: {reason}") from exc
        except OSError as exc:
            raise DataverError(f"'{exc.filename or self.path}' cannot be copied: {exc.strerror or exc}") from exc

    def entries(self, depth: int | None) -> Iterator[Entry]:
        stack = [("", 1)]
        while stack:
            folder, level = stack.pop()
            with os.scandir(os.path.join(self.path, folder)) as scan:
                for item in scan:
                    rel = f"{folder}/{item.name}" if folder else item.name
                    isdir = item.is_dir(follow_symlinks=False)
                    try:
                        size = item.stat().st_size
                    except OSError:
                        size = None
                    yield rel, isdir, size
                    if isdir and (depth is None or level < depth):
                        stack.append((rel, level + 1))


# --- the web
class WebSource:
    """A file at an http(s) URL; there are no folders."""

    def __init__(self, file: WebFile) -> None:
        self.file = file
        self.shown = file.shown

    def look(self, ws: Workspace | None = None) -> tuple[Digest, Meta] | None:
        return self.file.look()

    def exists(self) -> bool:
        return self.file.exists()

    def isdir(self) -> bool:
        return False

    def bring(self, target: str, progress: Progress, jobs: int | None = None) -> None:
        try:
            self.file.download(target, progress.advance, lambda size: progress.start(f"Downloading {self.shown}", size, "B"))
        except FileNotFoundError as exc:
            raise RemoteError(f"there is nothing at '{self.shown}'", permanent=True) from exc
        finally:
            progress.finish()

    def entries(self, depth: int | None) -> Iterator[Entry]:
        raise RemoteError(f"'{self.shown}' cannot be listed: http has no folders", permanent=True)


# --- elsewhere
class Elsewhere:
    """A file or folder in a storage that fsspec opens. versions: each file is taken in the version it has now."""

    def __init__(self, location: Location, versions: bool = False) -> None:
        self.location = location
        self.versions = versions
        self.shown = location.url
        self._info: dict[str, Any] | None = None
        self._files: list[File] | None = None

    def info(self) -> dict[str, Any]:
        """Raises RemoteError, FileNotFoundError."""
        if self._info is None:
            with translated(self.shown), self.location.patience.waiting() if self.location.patience else nullcontext():
                self._info = dict(self.location.fs.info(self.location.path))
        return self._info

    def exists(self) -> bool:
        try:
            return bool(self.info())
        except FileNotFoundError:
            return False

    def isdir(self) -> bool:
        return self.info().get("type") == "directory"

    def look(self, ws: Workspace | None = None) -> tuple[Digest, Meta] | None:
        try:
            if not self.isdir():
                entry = self.files()[0]
                return _digest(entry), Meta(size=entry.get("size"), version_id=_version(self.info()))
            return folder_digest(self.files())
        except FileNotFoundError:
            return None

    def files(self, *, hashed: bool = True) -> list[File]:
        """Files of a folder (or the one file, with relpath ""), sorted. hashed: each with what tells its versions apart.

        Raises RemoteError, FileNotFoundError, UnsafePath.
        """
        if self._files is not None:
            return self._files
        files = self._find(hashed)
        if hashed:
            self._files = files
        return files

    def _find(self, hashed: bool) -> list[File]:
        if not self.isdir():
            return [self.entry("", self.info(), hashed)]
        start = len(self.location.path) + 1
        with translated(self.shown):
            found = self.location.fs.find(self.location.path, detail=True)
        result = []
        for name, info in found.items():
            rel = name[start:] if name.startswith(self.location.path + "/") else posixpath.basename(name)
            if not rel or rel.endswith("/") or info.get("type") == "directory":
                continue  # object stores may hold a marker for a folder
            if not is_safe(rel):
                raise DataverError(f"'{self.shown}' holds a file named {rel!r}, which cannot be written here")
            result.append(self.entry(rel, info, hashed))
        return sorted(result, key=lambda entry: str(entry["relpath"]))

    def entry(self, rel: str, info: Mapping[str, Any], hashed: bool = True) -> File:
        """What `files` of a .dvc file says about one file. info: as the file system gives it."""
        scheme = self.location.scheme
        entry: File = {"relpath": rel, "size": info.get("size")}
        if not hashed:
            pass
        elif scheme in HASHED:
            entry["md5"] = self._md5(rel)
        elif scheme in CHECKSUM:
            with translated(self.shown):
                entry["checksum"] = str(info.get("checksum") or self.location.fs.checksum(self.path_of(rel)))
        else:
            entry["etag"] = _etag(scheme, info) or str(self.location.fs.checksum(self.path_of(rel)))
        version = _version(info) if self.versions else None
        if version:
            entry["version_id"] = version
        return entry

    def _md5(self, rel: str) -> str:
        from tracking.engine.hashing import new_md5

        value = new_md5()
        with translated(self.shown), self.location.fs.open(self.path_of(rel), "rb") as file:
            while block := file.read(BLOCK):
                value.update(block)
        return str(value.hexdigest())

    def path_of(self, rel: str, version: str | None = None) -> str:
        path = f"{self.location.path}/{rel}" if rel else self.location.path
        if version is None:
            return path
        return f"{path}#{version}" if self.location.scheme == "gs" else f"{path}?versionId={version}" if self.location.scheme == "s3" else f"{path}?versionid={version}"

    def bring(self, target: str, progress: Progress, jobs: int | None = None) -> None:
        files = self.files(hashed=False)
        if not self.isdir():
            self.bring_files([(files[0], target)], progress, jobs)
            return
        os.makedirs(target)
        self.bring_files([(entry, os.path.join(target, str(entry["relpath"]))) for entry in files], progress, jobs)

    def bring_files(self, items: list[tuple[File, str]], progress: Progress, jobs: int | None = None) -> None:
        """Download entries of `files` (in the version they name) to new paths, some at once. Raises RemoteError."""
        for folder in {os.path.dirname(path) for _, path in items}:
            os.makedirs(folder, exist_ok=True)
        progress.start(f"Downloading {self.shown}", sum(entry.get("size") or 0 for entry, _ in items), "B", len(items))

        def one(item: tuple[File, str]) -> None:
            self.download(*item)
            progress.advance(item[0].get("size") or 0, 1)

        try:
            on_threads(items, one, jobs or JOBS)
        finally:
            progress.finish()

    def download(self, entry: File, path: str) -> None:
        """One file, in the version the entry names, to a new path; tried again when that may help. Raises RemoteError."""
        import time

        name = self.path_of(str(entry["relpath"]), entry.get("version_id") if self.versions else None)
        shown = f"{self.shown}/{entry['relpath']}" if entry["relpath"] else self.shown
        for attempt in range(TRIES):
            try:
                with translated(shown):
                    self.location.fs.get_file(name, path)
                size = os.stat(path).st_size
                if entry.get("size") is not None and size != entry["size"]:
                    raise RemoteError(f"'{shown}' has {entry['size']} bytes, and {size} arrived", permanent=False)
                return
            except FileNotFoundError as exc:
                raise RemoteError(f"'{shown}' is not there any more", permanent=True) from exc
            except RemoteError as error:
                remove_path(path)
                if error.permanent or SILENT.text in error.message or attempt == TRIES - 1:
                    raise
                time.sleep(PAUSE_S * 2**attempt)

    def entries(self, depth: int | None) -> Iterator[Entry]:
        start = len(self.location.path) + 1
        try:
            if depth is None:
                with translated(self.shown):
                    found = self.location.fs.find(self.location.path, detail=True, withdirs=True).values()
                yield from self._shown(found, start)
                return
            stack = [(self.location.path, 1)]
            while stack:
                folder, level = stack.pop()
                with translated(self.shown):
                    found = self.location.fs.ls(folder, detail=True)
                for rel, isdir, size in self._shown(found, start):
                    yield rel, isdir, size
                    if isdir and level < depth:
                        stack.append((f"{self.location.path}/{rel}", level + 1))
        except FileNotFoundError:
            return

    def _shown(self, found: Iterable[Mapping[str, Any]], start: int) -> Iterator[Entry]:
        for info in found:
            rel = str(info["name"]).rstrip("/")[start:]
            if rel:
                isdir = info.get("type") == "directory"
                yield rel, isdir, None if isdir else info.get("size")


def _digest(entry: File) -> Digest:
    name = next(name for name in ("md5", "checksum", "etag") if entry.get(name))
    return Digest(name, str(entry[name]))


def _version(info: Mapping[str, Any]) -> str | None:
    value = info.get("VersionId") or info.get("version_id") or info.get("generation")
    return str(value) if value and value != "null" else None


def _etag(scheme: str, info: Mapping[str, Any]) -> str:
    value = str(info.get("ETag") or info.get("etag") or "")
    if scheme == "gs" and value:
        return base64.b64decode(value).hex()
    if scheme == "azure" and value:
        return value if value.startswith('"') else f'"{value}"'
    return value.strip('"')


def look_at(ws: Workspace, url: str, fs_config: Mapping[str, Any] | None) -> tuple[Digest, Meta] | None:
    """Hash and facts of a URL dependency (tracking.engine.external.Look)."""
    return open_url(ws.repo.config, url, fs_config, ws.repo.root_dir, ws.repo.settings).look(ws)
