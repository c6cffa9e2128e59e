"""What a dependency outside of this machine looks like now: its ETag or checksum.

Hash names by source, as .dvc and dvc.lock have them (docs/formats): `checksum` for http(s)
(the raw ETag or Content-MD5 header, quotes included) and hdfs; `etag` for object stores.
"""
from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tracking.engine.errors import ConfigError, MissingPackage, RemoteError
from tracking.engine.stage import Digest, Meta

if TYPE_CHECKING:
    from tracking.engine.repo import Repo

TIMEOUT_S = 15.0
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "azure": "adlfs", "abfs": "adlfs", "ssh": "sshfs", "sftp": "sshfs"}
_CHECKSUM_SCHEMES = ("hdfs", "webhdfs")


def resolve(repo: Repo, url: str) -> str:
    """`remote://NAME/path` spelled out; any other URL as it is. Raises ConfigError."""
    if not url.startswith("remote://"):
        return url
    name, _, path = url[len("remote://") :].partition("/")
    options = repo.config.remote(name)
    base = str(options.get("url", ""))
    if not base:
        raise ConfigError(f"remote '{name}' doesn't exist", hint=f"`dataver remote add {name} URL` defines it.")
    return f"{base.rstrip('/')}/{path}"


def look(url: str) -> tuple[Digest, Meta] | None:
    """Hash and size of what lies at `url`; None when there is nothing or nobody answers.

    Raises MissingPackage for a scheme whose package is not installed.
    """
    scheme = url.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return _look_http(url)
    return _look_fsspec(url, scheme)


def _look_http(url: str) -> tuple[Digest, Meta] | None:
    import http.client
    import urllib.error
    import urllib.request

    if any(char <= " " for char in url):
        return None
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "dataver"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            headers = answer.headers
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
        return None
    value = headers.get("ETag") or headers.get("Content-MD5")
    if not value:
        raise RemoteError(f"could not find an ETag or Content-MD5 header for '{url}'", hint="Download the file and track it with `dataver add`.")
    size = None
    with contextlib.suppress(TypeError, ValueError):
        size = int(headers.get("Content-Length"))
    return Digest("checksum", value), Meta(size=size)


def _look_fsspec(url: str, scheme: str) -> tuple[Digest, Meta] | None:
    import fsspec  # slow import, only for stages that read from elsewhere

    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as exc:
        package = _PACKAGES.get(scheme, scheme)
        raise MissingPackage(f"'{url}' needs support for {scheme}://: {exc}", hint=f"pip install {package}") from exc
    try:
        info: dict[str, Any] = system.info(path)
    except FileNotFoundError:
        return None
    except Exception as exc:  # whatever a storage client throws
        raise RemoteError(f"cannot read '{url}': {exc}", permanent=False) from exc
    name = "checksum" if scheme in _CHECKSUM_SCHEMES else "etag"
    value = info.get("ETag") or info.get("etag") or info.get("md5Hash") or info.get("checksum") or system.checksum(path)
    return Digest(name, str(value).strip('"') if name == "etag" else str(value)), Meta(size=info.get("size"))
