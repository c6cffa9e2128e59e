"""Opening places elsewhere: paths, options of clients, what their failures mean."""
from __future__ import annotations

import errno
import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from remotes.engine.clienterrors import plain, translated
from remotes.engine.clientoptions import ARGUMENTS, Wanted
from remotes.engine.filesystems import open_location, path_in
from remotes.engine.httpclient import headers
from tests.servers.process import ROOT
from tracking.engine.credentials import without_login
from tracking.engine.errors import MissingPackage, RemoteError
from tracking.engine.protocols import Settings


def arguments(url: str, settings: Settings | None = None, **options: Any) -> dict[str, Any]:
    return ARGUMENTS[url.partition("://")[0]](Wanted(url, without_login(url), options, settings or Settings()))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("s3://bucket/a@b/c d/", "bucket/a@b/c d"),
        ("s3://bucket", "bucket"),
        ("s3://bucket/key?versionId=v", "bucket/key?versionId=v"),
        ("ssh://user@host:22/abs/dir", "/abs/dir"),
        ("ssh://host", "/"),
        ("http://u:p@host:80/a/", "http://host:80/a"),
        ("webdavs://u@host/dav/a%20b", "a b"),
        ("webdav://host", ""),
        ("gdrive://root/a/b", "a/b"),
        ("memory://a/b", "/a/b"),
    ],
)
def test_path_of_a_url(url: str, path: str) -> None:
    assert path_in(url.partition("://")[0], url) == path


def test_options_of_s3_reach_the_client() -> None:
    found = arguments("s3://b/p", access_key_id="K", secret_access_key="S", endpointurl="http://h", region="r", ssl_verify=False, sse="AES256", acl="private", read_timeout=7, profile="dev")
    assert (found["key"], found["secret"], found["endpoint_url"], found["profile"]) == ("K", "S", "http://h", "dev")
    assert found["client_kwargs"] == {"region_name": "r", "verify": False}
    assert found["s3_additional_kwargs"] == {"ServerSideEncryption": "AES256", "ACL": "private"}
    assert found["config_kwargs"]["read_timeout"] == 7


@pytest.mark.parametrize("options", [{"acl": "private", "grant_read": "x"}, {"sse_kms_key_id": "k", "sse_customer_key": "a2V5"}, {"sse_customer_key": "no base64!"}])
def test_contradicting_options_of_s3_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(RemoteError, match="exclude each other|not base64"):
        arguments("s3://b", **options)


def test_azure_takes_what_is_not_configured_from_the_environment() -> None:
    found = arguments("azure://c", Settings(environ={"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": "key"}))
    assert (found["account_name"], found["account_key"]) == ("acc", "key")
    with pytest.raises(RemoteError, match="account_name"):
        arguments("azure://c")


def test_password_is_asked_for_only_when_the_options_say_so() -> None:
    asked: list[str] = []
    settings = Settings(ask_secret=lambda question: asked.append(question) or "typed")
    wanted = Wanted("webdav://bob@host/x", "webdav://host/x", {"ask_password": True}, settings)
    assert wanted.login() == ("bob", "typed") and asked == ["Enter a password for bob@host: "]
    assert Wanted("webdav://bob:pw@host/x", "", {"ask_password": True}, settings).login() == ("bob", "pw")
    assert Wanted("webdav://host/x", "", {"ask_password": True, "user": "eve"}, Settings()).login() == ("eve", None)
    assert len(asked) == 1


def test_headers_of_http() -> None:
    def found(**options: Any) -> dict[str, str]:
        return headers(Wanted("https://host/x", "https://host/x", options, Settings()))

    assert found() == {}
    assert found(auth="basic", user="u", password="p") == {"Authorization": "Basic dTpw"}
    assert found(auth="custom", custom_auth_header="X-Key", password="p") == {"X-Key": "p"}
    assert found(token="t") == {"Authorization": "Bearer t"}
    for bad in ({"auth": "basic", "user": "u"}, {"auth": "digest"}, {"auth": "custom", "password": "p"}):
        with pytest.raises(RemoteError):
            found(**bad)


def test_unknown_scheme_and_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RemoteError, match="nothing serves 'foo://'"):
        open_location("foo://x/y", {})
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingPackage) as caught:
        open_location("s3://key:SECRET@b/p", {})
    assert caught.value.hint == "pip install 'dataver[s3]'" and "SECRET" not in str(caught.value)


def of_aws(code: str, kind: type[Exception] = OSError) -> Exception:
    """As s3fs raises it: a builtin exception whose cause holds the answer."""
    cause = Exception("An error occurred")
    cause.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]
    exc = kind("said")
    exc.__cause__ = cause
    return exc


def with_status(status: int) -> Exception:
    exc = Exception("said")
    exc.status = status  # type: ignore[attr-defined]
    return exc


@pytest.mark.parametrize(
    ("exc", "words", "permanent"),
    [
        (of_aws("InvalidAccessKeyId", PermissionError), "credentials were refused", True),
        (of_aws("ExpiredToken", PermissionError), "expired", True),
        (of_aws("NoSuchBucket", FileNotFoundError), "bucket", True),
        (of_aws("RequestTimeTooSkewed", PermissionError), "clock", True),
        (of_aws("SlowDown"), "busy", False),
        (with_status(401), "credentials were refused", True),
        (with_status(403), "permission denied", True),
        (with_status(405), "read-only", True),
        (with_status(507), "full", True),
        (with_status(503), "busy", False),
        (OSError(errno.ECONNREFUSED, "x"), "connection refused", False),
        (OSError(errno.ECONNRESET, "x"), "connection broke", False),
        (TimeoutError(), "no answer in time", False),
        (ValueError("odd:\nsecond line"), "odd: second line", True),
        (RuntimeError("odd"), "odd", False),
    ],
)
def test_failures_are_permanent_or_passing(exc: Exception, words: str, permanent: bool) -> None:
    with pytest.raises(RemoteError, match=words) as caught, translated("s3://b"):
        raise exc
    assert caught.value.permanent is permanent and str(caught.value).startswith("s3://b: ") and "\n" not in str(caught.value)


def test_absence_and_a_full_disk_of_ours_pass_untranslated() -> None:
    with pytest.raises(FileNotFoundError), translated("s3://b"):
        raise of_aws("NoSuchKey", FileNotFoundError)
    with pytest.raises(OSError, match="No space"), translated("s3://b"):
        raise OSError(errno.ENOSPC, "No space left", "/cache/x")


def test_words_of_a_client_are_shown_without_secrets() -> None:
    said = plain(ValueError("GET https://bob:hunter2@host/a?sig=abc failed; Authorization: Bearer xyz; AccountKey=k3y==\nTraceback"))
    assert said.startswith("GET https://host/a failed")
    assert not any(secret in said for secret in ("hunter2", "abc", "xyz", "k3y", "Traceback"))


def test_what_lies_deep_in_an_exception_is_told() -> None:
    """As requests has it: an error of its own, whose argument has a reason, which is what happened."""
    import socket
    import webbrowser

    class Inner(Exception):
        reason = socket.gaierror(-2, "Name or service not known")

    for error, text in ((ConnectionError(Inner("Max retries exceeded")), "there is no such host"), (webbrowser.Error("could not locate runnable browser"), "a login in a browser is needed")):
        with pytest.raises(RemoteError, match=text), translated("x://y"):
            raise error


def test_asyncssh_is_loaded_without_what_nobody_asked_for() -> None:
    pytest.importorskip("asyncssh")
    code = "import sys, ctypes.util; sys.path.insert(0, sys.argv[1]); found = ctypes.util.find_library; from remotes.engine.sshclient import X509, load; load(); print(ctypes.util.find_library is found, X509 in sys.modules, 'cryptography.x509' in sys.modules, 'OpenSSL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
    has_openssl = importlib.util.find_spec("OpenSSL") is not None
    assert done.stdout.split() == ["True", *[str(has_openssl)] * 3]
