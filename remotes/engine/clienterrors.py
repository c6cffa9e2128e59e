"""What a storage client's exception means: passing or permanent, in one plain line without a secret.

The clients are many, and none may be imported for this: an exception is known by the names of
its class and of what it came from, by the code of an answer and by its errno.
"""
from __future__ import annotations

import errno
import re
from contextlib import contextmanager

from tracking.engine.errors import DataverError, RemoteError
from tracking.engine.hints import Any, Iterator
from tracking.engine.record import record

LONGEST = 200  # characters of a client's own words


@record(frozen=True)
class Meaning:
    """text: after "WHAT: ". passing: asking again may help."""

    text: str
    hint: str = ""
    passing: bool = False


LOGIN = Meaning("the credentials were refused", "Check user, key and password of the remote: `dataver remote list`, `dataver config -l --show-origin`.")
NO_LOGIN = Meaning("no credentials were found", "`dataver remote modify --local NAME ...` stores them; the client's own files and environment are looked at, too.")
NO_BROWSER = Meaning("a login in a browser is needed, and there is none here", "Log in once on a machine that has one, or use a service account: `gdrive_use_service_account`.")
EXPIRED = Meaning("the credentials have expired", "Log in again, or store a new token: `dataver remote modify --local NAME ...`.")
CLOCK = Meaning("the clock of this machine is wrong, so the storage refuses its signature", "Set the clock, then run the command again.")
FORBIDDEN = Meaning("permission denied", "Ask the owner of the storage for access, or use other credentials.")
NO_BUCKET = Meaning("the bucket or container does not exist", "Make it, or correct the URL: `dataver remote modify NAME url URL`.")
READ_ONLY = Meaning("the storage is read-only: it does not take files this way", "Use another remote to push to, or other credentials.")
FULL = Meaning("the storage is full", "Free some space there: `dataver gc -c` deletes what nothing uses.")
TOO_LARGE = Meaning("the storage refuses files of this size")
ELSEWHERE = Meaning("the server sends requests to another place", "Use the URL it redirects to: `dataver remote modify NAME url URL`, or `endpointurl`.")
HOST_KEY = Meaning("the host's key is not the one in known_hosts", "If the host was set up anew, remove its old key: `ssh-keygen -R HOST`.")
NO_WEB = Meaning("what answers there is no web server, or a broken one", "Check host and port of the URL.")
TLS = Meaning("the certificate of the host is not trusted", "`dataver remote modify NAME ssl_verify FILE` names certificates to trust.")
NO_HOST = Meaning("there is no such host", "Check the URL and the network.", passing=True)
REFUSED = Meaning("nothing answers there: connection refused", "Check host and port, and that the server runs.", passing=True)
SILENT = Meaning("no answer in time", "Check the network; then run the command again: it goes on where it stopped.", passing=True)
BROKEN = Meaning("the connection broke", "Run the command again: it goes on where it stopped.", passing=True)
BUSY = Meaning("the storage is busy or has a fault", "Run the command again later: it goes on where it stopped.", passing=True)

# Codes of S3, Azure, OSS and Google; those that are not here are judged by their status.
CODES: dict[str, Meaning] = {
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "InvalidAuthenticationInfo", "InvalidToken", "AuthFailure", "NoAuthenticationInformation"), LOGIN),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "SecurityTokenExpired"), EXPIRED),
    **dict.fromkeys(("RequestTimeTooSkewed",), CLOCK),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "AccountProblem", "AuthorizationFailure", "AuthorizationPermissionMismatch", "InsufficientAccountPermissions", "UserDisable"), FORBIDDEN),
    **dict.fromkeys(("NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "InvalidBucketName", "ResourceContainerNotFound"), NO_BUCKET),
    **dict.fromkeys(("MethodNotAllowed", "ReadOnlyAccessDenied", "BlobImmutableDueToPolicy"), READ_ONLY),
    **dict.fromkeys(("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "storageQuotaExceeded", "CapacityExceeded"), FULL),
    **dict.fromkeys(("EntityTooLarge", "RequestBodyTooLarge"), TOO_LARGE),
    **dict.fromkeys(("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServerBusy", "ServiceUnavailable", "InternalError", "OperationTimedOut", "OperationAborted", "rateLimitExceeded", "userRateLimitExceeded", "XAmzContentSHA256Mismatch", "BadDigest", "IncompleteBody"), BUSY),
    "RequestTimeout": SILENT,
}
STATUSES: dict[int, Meaning] = {401: LOGIN, 403: FORBIDDEN, 405: READ_ONLY, 501: READ_ONLY, 408: SILENT, 413: TOO_LARGE, 423: BUSY, 425: BUSY, 429: BUSY, 507: FULL}
REDIRECTS = (301, 302, 303, 307, 308)
ERRNOS: dict[int, Meaning] = {
    **dict.fromkeys((errno.ECONNREFUSED,), REFUSED),
    **dict.fromkeys((errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN), SILENT),
    **dict.fromkeys((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN), BROKEN),
}
CLASSES: dict[str, Meaning] = {
    **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "CredentialUnavailableError", "CredentialRetrievalError", "ProfileNotFound"), NO_LOGIN),
    **dict.fromkeys(("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "RefreshError"), EXPIRED),
    **dict.fromkeys(("ClientAuthenticationError", "AuthenticationException", "BadHostKeyError"), LOGIN),
    **dict.fromkeys(("KeyImportError", "KeyEncryptionError"), Meaning("the key file cannot be read: wrong passphrase or format", "Check `keyfile` and `passphrase` of the remote.")),
    **dict.fromkeys(("HostKeyNotVerifiable",), HOST_KEY),
    **dict.fromkeys(("ClientConnectorCertificateError", "ClientConnectorSSLError", "SSLCertVerificationError", "SSLError"), TLS),
    **dict.fromkeys(("gaierror", "ClientConnectorDNSError", "NameResolutionError"), NO_HOST),
    "NewConnectionError": REFUSED,
    **dict.fromkeys(("BadHttpMessage", "BadStatusLine"), NO_WEB),
    "SFTPFailure": Meaning("the host could not do it; its disk may be full", "Look at the space and the quota there.", passing=True),
    **dict.fromkeys(("SFTPPermissionDenied", "ForbiddenOperation"), FORBIDDEN),
    **dict.fromkeys(("SFTPWriteProtect",), READ_ONLY),
    **dict.fromkeys(("SFTPNoSpaceOnFilesystem", "SFTPQuotaExceeded", "InsufficientStorage"), FULL),
    **dict.fromkeys(("ResourceLocked", "BadGatewayError"), BUSY),
    **dict.fromkeys(("ConnectTimeout", "ConnectTimeoutError", "ReadTimeout", "ReadTimeoutError", "WriteTimeout", "PoolTimeout", "ConnectionTimeoutError", "ServerTimeoutError", "TimeoutError", "FSTimeoutError", "SocketTimeoutError"), SILENT),
    **dict.fromkeys(
        (
            "ServerDisconnectedError", "ClientPayloadError", "PayloadEncodingError", "ClientOSError", "IncompleteRead", "IncompleteReadError", "ResponseStreamingError", "ConnectionClosedError", "RemoteProtocolError",
            "ReadError", "WriteError", "ConnectionLost", "DisconnectError", "SFTPConnectionLost", "SFTPNoConnection", "ServiceResponseError", "ServiceRequestError", "ConnectError", "ChannelOpenError",
            "EndpointConnectionError", "HTTPClientError", "ClientConnectorError", "ClientConnectionError", "ConnectionError", "ConnectionResetError", "BrokenPipeError", "ChunkedEncodingError", "ProtocolError", "NetworkError", "ResponseParserError", "ChecksumError",
        ),
        BROKEN,
    ),
}  # fmt: skip
REFUSALS = ("ParamValidationError", "InvalidURL", "UnsupportedProtocol")  # of what a client will not even send
# A failure of our own disk while a client writes to it: it is none of the remote.
OURS = frozenset({errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)})
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)([^\s'\"<>]*)", re.IGNORECASE)
_SECRET = re.compile(r"(?i)\b(bearer|basic|sharedkey|AccountKey=|sig=|token=|password=|secret=)[\s:=]*[^\s'\",;]+")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """A client's exceptions as RemoteError, `permanent` where asking again cannot help. what: the URL or name for the message.

    FileNotFoundError passes: absence is an answer, unless it is the whole bucket that is absent.
    So does an OSError of our own disk.
    """
    try:
        yield
    except (DataverError, ImportError):
        raise
    except FileNotFoundError as exc:
        if meaning_of(exc) is not NO_BUCKET:
            raise
        raise explained(exc, what) from exc
    except Exception as exc:  # whatever a storage client throws
        if is_ours(exc):
            raise
        raise explained(exc, what) from exc


def is_ours(exc: BaseException) -> bool:
    """Whether the fault is of this machine's disk, not of the remote."""
    return isinstance(exc, OSError) and exc.__cause__ is None and type(exc).__module__ == "builtins" and (exc.errno in OURS or (exc.errno in (errno.EACCES, errno.EISDIR, errno.ENOTDIR) and bool(exc.filename)))


def explained(exc: BaseException, what: str) -> RemoteError:
    """what: the URL or name the message begins with."""
    meaning = meaning_of(exc)
    if meaning is None:
        return RemoteError(f"{what}: {plain(exc)}", permanent=isinstance(exc, (ValueError, TypeError, LookupError)) or type(exc).__name__ in REFUSALS)
    return RemoteError(f"{what}: {meaning.text}", permanent=not meaning.passing, hint=meaning.hint or None)


def plain(exc: BaseException) -> str:
    """The first line of a client's own words, without logins, queries and tokens."""
    text = str(exc).strip() or type(exc).__name__
    lines = text.splitlines()
    line = _URL.sub(_without_secrets, " ".join(lines[: 2 if lines[0].endswith(":") else 1]))
    line = _SECRET.sub(lambda match: f"{match[1]} ***", line)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _without_secrets(match: re.Match[str]) -> str:
    rest = match[2].partition("?")[0]
    host, slash, path = rest.partition("/")
    return f"{match[1]}{host.rpartition('@')[2]}{slash}{path}"


def meaning_of(exc: BaseException) -> Meaning | None:
    """The most telling of an exception and those it came from: a code, then a status, then an errno, then a class; the first cause before what it led to."""
    chain = list(_chain(exc))
    for judge in (_by_code, _by_status, _by_errno, _by_class):
        for each in reversed(chain):
            found = judge(each)
            if found is not None:
                return found
    return None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = exc
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        for inner in (getattr(each, "os_error", None), getattr(each, "inner_exception", None), getattr(each, "reason", None), *each.args[:1]):  # of aiohttp, azure, urllib3, requests
            if isinstance(inner, BaseException) and id(inner) not in seen:
                seen.add(id(inner))
                yield inner
                deeper = getattr(inner, "reason", None)  # of urllib3 in requests
                if isinstance(deeper, BaseException) and id(deeper) not in seen:
                    seen.add(id(deeper))
                    yield deeper
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _by_code(exc: BaseException) -> Meaning | None:
    response = getattr(exc, "response", None)
    if isinstance(response, dict):
        return CODES.get(str(response.get("Error", {}).get("Code")))
    code: Any = getattr(exc, "error_code", None) or (None if hasattr(exc, "status") else getattr(exc, "code", None))
    code = getattr(code, "value", code)
    if isinstance(code, str):
        return LOGIN if code == "AuthorizationFailure" and "authenticate" in str(exc) else CODES.get(code)
    return None


def _by_status(exc: BaseException) -> Meaning | None:
    response = getattr(exc, "response", None)
    status: Any = None
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for holder, name in ((exc, "status_code"), (exc, "status"), (exc, "code"), (response, "status_code")):
        if isinstance(status, int):
            break
        status = getattr(holder, name, None)
        if isinstance(status, str) and status.isdigit():
            status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 300 <= status < 600:
        return None
    if status < 400:
        return ELSEWHERE if status in REDIRECTS else None
    if status >= 500:
        return STATUSES.get(status, BUSY)
    return STATUSES.get(status)


def _by_errno(exc: BaseException) -> Meaning | None:
    return ERRNOS.get(exc.errno or 0) if isinstance(exc, OSError) else None


def _by_class(exc: BaseException) -> Meaning | None:
    names = [kind.__name__ for kind in type(exc).__mro__]
    if names[0] == "SFTPFailure" and str(exc) != "Failure":  # the client's own words are better
        return None
    if type(exc).__module__ == "webbrowser":
        return NO_BROWSER
    if names[0] == "PermissionDenied" and type(exc).__module__.startswith("asyncssh"):
        return LOGIN
    if isinstance(exc, PermissionError) and not isinstance(exc.__cause__, PermissionError):
        return FORBIDDEN if exc.__cause__ is None or type(exc.__cause__).__name__ != "PermissionDenied" else LOGIN
    if isinstance(exc, OSError) and str(exc).startswith("Forbidden"):  # gcsfs
        return FORBIDDEN
    return next((CLASSES[name] for name in names if name in CLASSES), None)
