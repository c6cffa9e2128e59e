"""S3 through obstore, a client in native code, for what a push or pull asks thousands of times.

s3fs spends more of a processor on a request than most servers do, and a third of a second on being
loaded. Where options alone say where a request goes and who asks, single objects are read, written
and looked up here. All else is left to s3fs, and so is what went wrong: it knows the errors.
"""
from __future__ import annotations

import importlib.util
import os
import re
from contextlib import contextmanager
from datetime import timedelta

from remotes.engine.bucketclients import MD5_CHARS, Page, Told
from remotes.engine.clientoptions import CONNECT_S, CONNECTIONS, READ_S, Wanted
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Iterator

BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
PLACE = re.compile(r"[A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*")  # paths that no client writes in another way
ENDPOINT = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
# What only s3fs heeds. A token, because this client takes it along to where it is redirected to.
OPTIONS = ("profile", "credentialpath", "configpath", "session_token", "version_aware", "sse", "sse_kms_key_id", "sse_customer_key", "sse_customer_algorithm", "acl", "grant_full_control", "grant_read", "grant_read_acp", "grant_write_acp")
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
TRUST = ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")  # whom to trust, of which plain HTTP asks nothing
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
PAGE = 1000  # keys in an answer of S3
WHOLE_BYTES = 1 << 20  # an answer up to here is held in memory


class Unclear(DataverError):
    """Something went wrong: s3fs shall ask again, and say what. Never shown."""


def direct(wanted: Wanted) -> Direct | None:
    """A client of the place a remote's options name; None where more than they has a say in it."""
    endpoint, key, secret = (str(wanted.get(name) or "") for name in ("endpointurl", "access_key_id", "secret_access_key"))
    bucket, place = wanted.parts.netloc, wanted.parts.path.strip("/")
    environ = {name.upper() for name, value in wanted.settings.environ.items() if value}
    if not ENDPOINT.fullmatch(endpoint) or not BUCKET.fullmatch(bucket) or not PLACE.fullmatch(place) or not {".", ".."}.isdisjoint(place.split("/")):
        return None
    if any(wanted.get(name) for name in OPTIONS) or isinstance(wanted.get("ssl_verify"), str) or not environ.isdisjoint(VARIABLES) or any(name.startswith("AWS_") and name not in (*REGIONS, *TRUST, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") for name in environ):
        return None
    if endpoint.startswith("https:") and not environ.isdisjoint(TRUST):
        return None
    if wanted.settings.home and os.path.exists(os.path.join(wanted.settings.home, ".aws", "config")):
        return None
    if any(importlib.util.find_spec(name) is None for name in ("s3fs", "obstore")):  # the former for all else, and it is time to say so
        return None
    config: dict[str, Any] = {"access_key_id": key, "secret_access_key": secret}
    if wanted.get("allow_anonymous_login"):
        config = {"skip_signature": True}
    elif not key or not secret:
        return None
    region = wanted.get("region") or next(filter(None, map(wanted.environ, REGIONS)), None) or "us-east-1"
    read_s = wanted.get("read_timeout", READ_S)
    client = {
        "allow_http": endpoint.startswith("http:"),
        "allow_invalid_certificates": wanted.get("ssl_verify") is False,
        "connect_timeout": timedelta(seconds=wanted.get("connect_timeout", CONNECT_S)),
        "read_timeout": timedelta(seconds=read_s),
        "timeout": timedelta(days=1),  # of a whole answer; that it goes on is what counts
        "pool_max_idle_per_host": str(CONNECTIONS),
        "user_agent": "dataver",
    }
    return Direct(bucket, {**config, "endpoint": endpoint.rstrip("/"), "region": region, "virtual_hosted_style_request": False}, client, read_s / 2)


class Direct:
    """Requests for objects of one bucket, from any thread. Paths are `BUCKET/KEY`. Absence is FileNotFoundError, other errors are TimeoutError and Unclear."""

    def __init__(self, bucket: str, config: Any, client: Any, again_s: float) -> None:
        """again_s: a fault within so many seconds is tried again, as that of a connection the host had closed; silence is not."""
        import obstore  # slow import
        from obstore.store import S3Store

        self._obstore = obstore
        self._bucket = bucket
        self._above = len(bucket) + 1
        self._store = S3Store(bucket, config=config, client_options=client, retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=again_s)})

    def told(self, path: str) -> Told | None:
        """Of one object; None when it is absent."""
        with self._asking():
            try:
                found = self._obstore.head(self._store, path[self._above :])
            except FileNotFoundError:
                return None
            return found["size"], _md5(found["e_tag"])

    def first_page(self, folder: str) -> tuple[Page, bool]:
        """What lies below, and whether that is all."""
        with self._asking():
            pages = self._obstore.list(self._store, folder[self._above :], chunk_size=PAGE)
            page = next(pages, [])
            found = [(f"{self._bucket}/{item['path']}", item["size"], _md5(item["e_tag"])) for item in page]
            return found, len(page) < PAGE

    def bring(self, path: str, to_path: str, tell: Callable[[int], None] | None = None) -> bytes | None:
        """The object's bytes where they are few, else None: it was written to `to_path` then."""
        with self._asking():
            answer = self._obstore.get(self._store, path[self._above :])
            if answer.meta["size"] <= WHOLE_BYTES:
                return bytes(answer.bytes())
            parts = answer.stream(min_chunk_size=WHOLE_BYTES)
        with open(to_path, "wb") as file:
            while True:
                with self._asking():
                    part = next(parts, None)
                if part is None:
                    return None
                file.write(part)
                if tell is not None:
                    tell(len(part))

    def read(self, path: str) -> bytes:
        with self._asking():
            return bytes(self._obstore.get(self._store, path[self._above :]).bytes())

    def write(self, path: str, data: bytes) -> None:
        with self._asking():
            self._obstore.put(self._store, path[self._above :], data, use_multipart=False)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as exc:
            if "NoSuchBucket" in str(exc):
                raise Unclear("no bucket") from exc
            raise
        except BaseError as exc:
            if "TimedOut" in str(exc):  # waiting for as long once more helps nobody
                raise TimeoutError("the host did not answer in time") from None
            raise Unclear(type(exc).__name__) from exc


def _md5(etag: str | None) -> str | None:
    """Of an object that was sent in one request and is not encrypted with a key of a service the ETag is the md5."""
    value = (etag or "").strip('"')
    return value if len(value) == MD5_CHARS else None
