"""Opens the place a URL names, through fsspec: which package serves which scheme, and where in it the place lies.

Everything that reads or writes storage elsewhere comes through here: remotes, sources of
imports, `get-url`, `list-url`. Nothing is imported before it is needed.
"""
from __future__ import annotations

import importlib
import posixpath
from contextlib import nullcontext
from urllib.parse import unquote, urlsplit

from remotes.engine.clienterrors import translated
from remotes.engine.clientoptions import ARGUMENTS, TUNED, Wanted, silence_clients, wait_s
from remotes.engine.patience import Patience
from remotes.engine.sshclient import load as load_asyncssh
from tracking.engine.config_schema import url_scheme
from tracking.engine.credentials import without_login
from tracking.engine.errors import MissingPackage, RemoteError
from tracking.engine.hints import Any, Mapping
from tracking.engine.protocols import Settings
from tracking.engine.record import record

__all__ = ["SCHEMES", "Location", "open_location", "translated"]

# scheme -> (extra of ours that installs the package, module, class). Named here, because asking
# fsspec's registry reads the metadata of every package that is installed.
SCHEMES: dict[str, tuple[str, str, str]] = {
    "s3": ("s3", "s3fs", "S3FileSystem"),
    "gs": ("gs", "gcsfs.core", "GCSFileSystem"),
    "azure": ("azure", "adlfs", "AzureBlobFileSystem"),
    "ssh": ("ssh", "sshfs", "SSHFileSystem"),
    "http": ("http", "fsspec.implementations.http", "HTTPFileSystem"),
    "https": ("http", "fsspec.implementations.http", "HTTPFileSystem"),
    "webdav": ("webdav", "webdav4.fsspec", "WebdavFileSystem"),
    "webdavs": ("webdav", "webdav4.fsspec", "WebdavFileSystem"),
    "hdfs": ("hdfs", "fsspec.implementations.arrow", "HadoopFileSystem"),
    "webhdfs": ("webhdfs", "fsspec.implementations.webhdfs", "WebHDFS"),
    "oss": ("oss", "ossfs", "AioOSSFileSystem"),
    "gdrive": ("gdrive", "gdrive_fsspec.core", "GoogleDriveFileSystem"),
    "memory": ("", "fsspec.implementations.memory", "MemoryFileSystem"),
}
SLOW = ("gs", "gdrive")  # look for credentials on the network when they are opened
_NEEDS = {"hdfs": "pyarrow.fs", "webhdfs": "requests"}  # beside fsspec itself, whose modules import without them


@record(frozen=True)
class Location:
    """A place in a storage. fs: a file system of fsspec. path: in it, without a slash at the end. url: as written, without a login.

    patience: says that the host is waited for, until it answers.
    http(s): the path is the whole URL, without a login. webdav(s): it is relative to the folder above the place.
    """

    fs: Any
    path: str
    scheme: str
    url: str
    patience: Patience | None = None

    def join(self, rel: str) -> str:
        """Path, for `fs`, of what lies below the place. rel: posix, "" for the place itself."""
        if self.scheme in ("http", "https") and "?" in self.path and rel:
            head, _, query = self.path.partition("?")
            return f"{head}/{rel}?{query}"
        return self.path + "/" + rel if self.path and rel else self.path or rel


def open_location(url: str, options: Mapping[str, Any], settings: Settings | None = None) -> Location:
    """options: those of a remote, typed, in the spelling of its configuration; unknown ones are left alone.

    settings: the environment and whom to ask for a password; None asks nobody. Raises MissingPackage, RemoteError.
    Only ssh connects at once; elsewhere nothing is asked of a server yet.
    """
    scheme = url_scheme(url)
    if scheme not in SCHEMES:
        raise RemoteError(f"nothing serves '{scheme}://' URLs", hint="`dataver remote add --help` lists the kinds of storage.")
    shown = without_login(url)
    kind = _class(scheme, shown)
    silence_clients()
    patience = Patience(shown, settings, wait_s(scheme, options))
    try:
        with translated(shown), patience.waiting() if scheme == "ssh" else Patience(shown, settings).waiting() if scheme in SLOW else nullcontext():
            wanted = Wanted(url, shown, options, settings or Settings())
            system = kind(**ARGUMENTS[scheme](wanted), skip_instance_cache=True) if scheme != "memory" else kind()
            if scheme in TUNED:
                TUNED[scheme](system, wanted)
    except ImportError as exc:
        raise missing_package(scheme, shown, exc) from exc
    except FileNotFoundError as exc:
        raise RemoteError(f"{shown}: cannot read '{exc.filename}'", hint="Check the paths in the options of the remote.") from exc
    return Location(system, path_in(scheme, url), scheme, shown, patience)


def path_in(scheme: str, url: str) -> str:
    """Where the file system of a scheme finds what a URL names; without a slash at the end."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if scheme in ("http", "https"):
        return f"{scheme}://{host}{parts.path}".rstrip("/") + (f"?{parts.query}" if parts.query else "")
    if scheme in ("webdav", "webdavs"):
        return unquote(posixpath.basename(parts.path.rstrip("/")))
    path = url.partition("://")[2]  # these names are taken as they are: `?`, `#` and `%` are part of them
    if scheme in ("ssh", "hdfs", "webhdfs"):
        return "/" + path.partition("/")[2].strip("/")
    if scheme == "gdrive":
        return path.partition("/")[2].strip("/")
    return path.strip("/") if scheme != "memory" else "/" + path.strip("/")


def _class(scheme: str, shown: str) -> Any:
    module, name = SCHEMES[scheme][1:]
    try:
        if scheme in _NEEDS:
            importlib.import_module(_NEEDS[scheme])
        if scheme == "ssh":
            load_asyncssh()
        return getattr(importlib.import_module(module), name)
    except ImportError as exc:
        raise missing_package(scheme, shown, exc) from exc


def missing_package(scheme: str, shown: str, exc: ImportError) -> MissingPackage:
    return MissingPackage(f"'{shown}' needs a package that is not installed: {exc}", hint=f"pip install 'dataver[{SCHEMES[scheme][0]}]'")
