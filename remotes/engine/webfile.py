"""One file at an http(s) URL, with the standard library alone: what it is now, and its bytes.

Options are those of an http remote. What says who we are goes to the host that was named, not
to one it redirects to.
"""
from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit, urlunsplit

from remotes.engine.clienterrors import meaning_of
from tracking.engine.credentials import without_login
from tracking.engine.errors import RemoteError
from tracking.engine.hints import Any, Callable, Mapping
from tracking.engine.record import record
from tracking.engine.stage import Digest, Meta

TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0
TRIES = 3
PAUSE_S = 0.5  # before the second try, then doubled
BLOCK = 1 << 20
PASSING = (408, 425, 429, 500, 502, 503, 504)


@record(frozen=True)
class WebFile:
    """url: may hold a login, which is sent as a header and shown nowhere."""

    url: str
    options: Mapping[str, Any]

    @property
    def shown(self) -> str:
        return without_login(self.url)

    def look(self) -> tuple[Digest, Meta] | None:
        """Hash (`checksum`: the ETag or Content-MD5 as it is sent) and size; None when there is nothing or nobody answers.

        Raises RemoteError when the server says neither.
        """
        if any(char <= " " for char in self.url):
            return None
        try:
            with self._open("HEAD") as answer:
                headers = answer.headers
        except urllib.error.HTTPError as error:
            if error.code not in (405, 501):
                return None
            try:
                with self._open("GET") as answer:
                    headers = answer.headers
            except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
                return None
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
            return None
        value = headers.get("ETag") or headers.get("Content-MD5")
        if not value:
            raise RemoteError(f"could not find an ETag or Content-MD5 header for '{self.shown}'", hint="Download the file and track it with `dataver add`.")
        return Digest("checksum", value), Meta(size=_length(headers))

    def exists(self) -> bool:
        """Raises RemoteError when the server cannot be asked, or does not let us."""
        try:
            with self._open("HEAD"):
                return True
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                return False
            if error.code in (405, 501):
                return True
            raise self._failed(error) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            raise self._failed(error) from error

    def download(self, target: str, advance: Callable[[int], None] = lambda count: None, started: Callable[[int | None], None] = lambda size: None) -> None:
        """Write the bytes to a new file. started: told the size. What passes is tried again, from where it broke off.

        Raises RemoteError, FileNotFoundError.
        """
        done, validator = 0, None
        with open(target, "xb") as file:
            for attempt in range(TRIES):
                try:
                    with self._open("GET", done, validator) as answer:
                        if done and answer.status != 206:  # it changed meanwhile, or cannot be taken in parts
                            file.seek(0)
                            file.truncate()
                            done = 0
                        size = _length(answer.headers)
                        total = None if size is None else done + size
                        validator = answer.headers.get("ETag")
                        if not done:
                            started(total)
                        while block := answer.read(BLOCK):
                            file.write(block)
                            done += len(block)
                            advance(len(block))
                    if total is not None and done != total:
                        raise http.client.IncompleteRead(b"", total - done)
                    return
                except urllib.error.HTTPError as error:
                    if error.code in (404, 410):
                        raise FileNotFoundError(2, "No such file", self.shown) from error
                    if error.code not in PASSING or attempt == TRIES - 1:
                        raise self._failed(error) from error
                except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                    if attempt == TRIES - 1:
                        raise self._failed(error) from error
                time.sleep(PAUSE_S * 2**attempt)

    def _failed(self, error: Exception) -> RemoteError:
        code = error.code if isinstance(error, urllib.error.HTTPError) else None
        meaning = None if code else meaning_of(error)
        reason = f"the server answered {code} {error.reason}" if isinstance(error, urllib.error.HTTPError) else meaning.text if meaning else str(getattr(error, "reason", "") or error)
        hint = "Check user, password and `auth` of it (--fs-config, or `dataver remote modify --local`)." if code in (401, 403) else meaning.hint if meaning else None
        return RemoteError(f"cannot download '{self.shown}': {reason}", permanent=code is not None and code not in PASSING, hint=hint)

    # --- asking
    def _open(self, method: str, start: int = 0, validator: str | None = None) -> Any:
        request = urllib.request.Request(self._bare(), method=method, headers={"User-Agent": "dataver", "Accept-Encoding": "identity"})
        for name, value in self._login().items():
            request.add_unredirected_header(name, value)
        if start:
            request.add_header("Range", f"bytes={start}-")
            if validator:
                request.add_header("If-Range", validator)
        seconds = float(self.options.get("connect_timeout") or TIMEOUT_S) if method == "HEAD" else float(self.options.get("read_timeout") or READ_TIMEOUT_S)
        return self._opener().open(request, timeout=seconds)

    def _bare(self) -> str:
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))

    def _user(self) -> tuple[str, str] | None:
        parts = urlsplit(self.url)
        user = self.options.get("user") or unquote(parts.username or "")
        password = self.options.get("password") or unquote(parts.password or "")
        return (str(user), str(password)) if user else None

    def _login(self) -> dict[str, str]:
        kind = self.options.get("auth")
        if kind == "custom" and self.options.get("custom_auth_header"):
            return {str(self.options["custom_auth_header"]): str(self.options.get("password") or "")}
        user = self._user()
        if user is None or kind == "digest":
            return {}
        return {"Authorization": "Basic " + base64.b64encode(":".join(user).encode()).decode()}

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[Any] = [urllib.request.HTTPSHandler(context=self._context())] if urlsplit(self.url).scheme == "https" else []
        user = self._user()
        if user is not None and self.options.get("auth") == "digest":
            known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            known.add_password(None, self._bare(), *user)
            handlers.append(urllib.request.HTTPDigestAuthHandler(known))
        return urllib.request.build_opener(*handlers)

    def _context(self) -> ssl.SSLContext:
        verify = self.options.get("ssl_verify", True)
        if verify is False:
            return ssl._create_unverified_context()
        return ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)


def _length(headers: Any) -> int | None:
    with contextlib.suppress(TypeError, ValueError):
        return int(headers.get("Content-Length"))
    return None
