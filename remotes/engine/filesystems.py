"""Opens the place a URL names, through fsspec: which package serves which scheme, and what a client's failure means.

Everything that reads or writes storage elsewhere comes through here: remotes, sources of
imports, `get-url`, `list-url`. Nothing is imported before it is needed.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tracking.engine.config_schema import url_scheme
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError, MissingPackage, RemoteError
from tracking.engine.record import record

# scheme -> (extra of ours that installs the package, protocol of fsspec)
SCHEMES: dict[str, tuple[str, str]] = {
    "s3": ("s3", "s3"),
    "gs": ("gs", "gs"),
    "azure": ("azure", "abfs"),
    "ssh": ("ssh", "ssh"),
    "http": ("http", "http"),
    "https": ("http", "https"),
    "webdav": ("webdav", "webdav"),
    "webdavs": ("webdav", "webdav"),
    "hdfs": ("hdfs", "hdfs"),
    "webhdfs": ("webhdfs", "webhdfs"),
    "oss": ("oss", "oss"),
    "gdrive": ("gdrive", "gdrive"),
    "memory": ("", "memory"),
}


@record(frozen=True)
class Location:
    """A place in a storage. fs: a file system of fsspec. path: in it, without a slash at the end. url: as written, without a login."""

    fs: Any
    path: str
    scheme: str
    url: str


def open_location(url: str, options: Mapping[str, Any]) -> Location:
    """options: those of a remote, typed, in the spelling of its configuration; unknown ones are left alone.

    Raises MissingPackage, RemoteError. Nothing is asked of a server yet.
    """
    scheme = url_scheme(url)
    if scheme not in SCHEMES:
        raise RemoteError(f"nothing serves '{scheme}://' URLs", hint="`dataver remote add --help` lists the kinds of storage.")
    extra, protocol = SCHEMES[scheme]
    import fsspec  # slow import, only where data lies elsewhere

    shown = without_login(url)
    try:
        kind = fsspec.get_filesystem_class(protocol)
        with translated(shown):
            system = kind(**arguments(scheme, url, options))
            path = kind._strip_protocol(url)
    except (ImportError, ValueError) as exc:
        raise MissingPackage(f"'{shown}' needs a package that is not installed: {exc}", hint=f"pip install 'dataver[{extra}]'") from exc
    return Location(system, path.rstrip("/"), scheme, shown)


def arguments(scheme: str, url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the file system's class is called with, from options as the configuration names them."""
    return {}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """A client's exceptions as RemoteError, `permanent` where asking again cannot help. what: the URL or name for the message.

    FileNotFoundError passes: absence is an answer.
    """
    try:
        yield
    except (DataverError, FileNotFoundError, ImportError):
        raise
    except Exception as exc:  # whatever a storage client throws
        raise RemoteError(f"{what}: {exc}", permanent=False) from exc
