"""Clients of HTTP, WebDAV and S3: credentials go to the origin they are for, and to no host a redirect names."""
from __future__ import annotations

import subprocess
from urllib.parse import quote, urlsplit

from remotes.engine.clienterrors import REDIRECTS
from tracking.engine.errors import RemoteError
from tracking.engine.hints import TYPE_CHECKING, Any, Awaitable, Callable

if TYPE_CHECKING:
    from remotes.engine.clientoptions import Wanted

TOKEN_COMMAND_S = 30.0
REGION = "x-amz-bucket-region"


def headers(wanted: Wanted) -> dict[str, str]:
    """The ones that prove who we are. Raises RemoteError for options that are incomplete."""
    import base64

    method = wanted.get("auth")
    if method == "digest":
        raise RemoteError("`auth = digest` is not supported", hint="Use `basic` over https, or `custom`.")
    if wanted.get("token"):
        return {"Authorization": f"Bearer {wanted.get('token')}"}
    if wanted.get("bearer_token_command"):
        return {"Authorization": f"Bearer {_token(wanted)}"}
    user, password = wanted.login()
    name = wanted.get("custom_auth_header")
    if method == "custom" or (name and not user):
        if not name or not password:
            raise RemoteError("a custom login needs `custom_auth_header` and `password`")
        return {name: password}
    if method == "basic" and (user is None or password is None):
        raise RemoteError("`auth = basic` needs `user` and `password`", hint="`dataver remote modify --local NAME password ...`, or `ask_password true`.")
    if user is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()}


def _token(wanted: Wanted) -> str:
    """What the user's own command prints. Its output is a secret, and in no message."""
    try:
        done = subprocess.run(wanted.get("bearer_token_command"), shell=True, capture_output=True, text=True, timeout=TOKEN_COMMAND_S, stdin=subprocess.DEVNULL, env=dict(wanted.settings.environ) or None)
    except subprocess.TimeoutExpired:
        raise RemoteError(f"`bearer_token_command` did not end within {TOKEN_COMMAND_S:.0f} s") from None
    token = done.stdout.strip()
    if done.returncode or not token or "\n" in token:
        raise RemoteError("`bearer_token_command` failed" if done.returncode else "`bearer_token_command` did not print one line", hint="Run it by hand to see why.")
    return token


def client_maker(wanted: Wanted) -> Callable[..., Awaitable[Any]]:
    """Makes the session of fsspec's HTTP file system."""
    import aiohttp  # slow import

    own = headers(wanted)
    origin = _origin(wanted.url)
    connect, read = wanted.get("connect_timeout", 10.0), wanted.get("read_timeout", 60.0)
    tls = _tls(wanted.get("ssl_verify"))

    async def authorize(request: Any, handler: Any) -> Any:
        if _origin(str(request.url)) == origin:
            request.headers.update(own)
        return await handler(request)

    async def make(**arguments: Any) -> Any:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read),
            trust_env=True,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            middlewares=(authorize,) if own else (),
            **arguments,
        )

    return make


def webdav_arguments(wanted: Wanted) -> dict[str, Any]:
    """The client's base is the folder above the place: so the place itself can be made."""
    import httpx  # slow import

    from remotes.engine.clientoptions import WEBDAV_S

    parts = urlsplit(wanted.url)
    scheme = "https" if parts.scheme == "webdavs" else "http"
    above = parts.path.rstrip("/").rpartition("/")[0]
    base = f"{scheme}://{parts.netloc.rpartition('@')[2]}{quote(above, safe='/%')}"
    own, origin = headers(wanted), _origin(base)

    def authorize(request: Any) -> None:
        for name, value in own.items():
            if _origin(str(request.url)) == origin:
                request.headers[name] = value
            else:
                request.headers.pop(name, None)

    key, certificate = wanted.get("key_path"), wanted.get("cert_path")
    return {
        "base_url": base,
        "timeout": httpx.Timeout(float(wanted.get("timeout", WEBDAV_S)), connect=10.0),
        "verify": _tls(wanted.get("ssl_verify")),
        "cert": (certificate, key) if key else certificate,
        "event_hooks": {"request": [authorize]},
        "limits": httpx.Limits(max_connections=64, max_keepalive_connections=64),
        "retry": False,
    }


def s3_session() -> dict[str, Any]:
    """Of the client's configuration: requests that follow no redirect, which would take session tokens and encryption keys along,
    and that are not repeated by the client when nobody answered in time: that would double the wait.

    A bucket of another region is found by the client itself. Older clients cannot be told: {} then.
    """
    import inspect

    from aiobotocore.config import AioConfig  # slow import
    from aiobotocore.httpsession import AIOHTTPSession
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    if "http_session_cls" not in inspect.signature(AioConfig.__init__).parameters:
        return {}

    class Session(AIOHTTPSession):  # type: ignore[misc]
        async def _get_session(self, proxy_url: Any) -> Any:
            return _NoRedirects(await super()._get_session(proxy_url))

        async def send(self, request: Any) -> Any:
            try:
                return await super().send(request)
            except (ConnectTimeoutError, ReadTimeoutError) as exc:
                raise TimeoutError("no answer in time") from exc  # not one of those it repeats

    return {"http_session_cls": Session}


class _Redirected(Exception):
    """status: of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"redirected ({status})")
        self.status = status


class _NoRedirects:
    """A client session whose requests follow none."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def request(self, method: str, **arguments: Any) -> Any:
        answer = await self._session.request(method, **{**arguments, "allow_redirects": False})
        if answer.status in REDIRECTS and REGION not in answer.headers:  # the client would ask for the region without end
            answer.release()
            raise _Redirected(answer.status)
        return answer


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _tls(verify: Any) -> Any:
    """True, False, or a context that trusts the certificates in a file. Raises RemoteError."""
    if verify is None or isinstance(verify, bool):
        return verify is not False
    import ssl

    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ssl.SSLError) as exc:
        raise RemoteError(f"`ssl_verify`: cannot read certificates from '{verify}'") from exc
