"""What each storage client is called with, from a remote's options as the configuration spells them.

Credentials that are not configured are left to the client, which knows the environment, shared
credential files, agents and metadata servers of its kind. Limits on waiting are set here, so
that a host that does not answer ends in an error within seconds.
"""
from __future__ import annotations

import os
from urllib.parse import SplitResult, unquote, urlsplit

from tracking.engine.errors import RemoteError
from tracking.engine.hints import Any, Callable, Mapping
from tracking.engine.protocols import Settings
from tracking.engine.record import record

CONNECT_S = 10.0  # to wait for a connection
SHORT_CONNECT_S = 5.0  # of clients that try twice
READ_S = 60.0  # to wait for the next bytes
WEBDAV_S = 30.0  # the same
CONNECTIONS = 64
GRANTS = {"grant_full_control": "GrantFullControl", "grant_read": "GrantRead", "grant_read_acp": "GrantReadACP", "grant_write_acp": "GrantWriteACP"}

Arguments = dict[str, Any]


@record(frozen=True)
class Wanted:
    """A URL and the options it is opened with. shown: the URL without a login."""

    url: str
    shown: str
    options: Mapping[str, Any]
    settings: Settings

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def port(self) -> int | None:
        """Of the URL. Raises RemoteError."""
        try:
            return self.parts.port
        except ValueError:
            raise RemoteError(f"'{self.shown}' has a port that is no number") from None

    def get(self, option: str, default: Any = None) -> Any:
        value = self.options.get(option)
        return default if value is None else value

    def named(self, **names: str) -> Arguments:
        """Options that are set, under the names the client has for them: argument=option."""
        return {argument: value for argument, option in names.items() if (value := self.get(option)) is not None}

    def login(self) -> tuple[str | None, str | None]:
        """User and password: of the options, else of the URL; the password asked for where `ask_password` says so."""
        parts = self.parts
        user = self.get("user") or (unquote(parts.username) if parts.username else None)
        password = self.get("password") or (unquote(parts.password) if parts.password else None)
        return user, password or self.ask("password", user)

    def ask(self, what: str, user: str | None = None) -> str | None:
        """A secret the user types, None where the options do not want it or nobody is there to ask."""
        if not self.get(f"ask_{what}") or self.settings.ask_secret is None:
            return None
        host = self.parts.netloc.rpartition("@")[2]
        return self.settings.ask_secret(f"Enter a {what} for {f'{user}@' if user else ''}{host}: ")

    def environ(self, *names: str) -> str | None:
        return next((self.settings.environ[name] for name in names if self.settings.environ.get(name)), None)


def _s3(wanted: Wanted) -> Arguments:
    from remotes.engine.httpclient import s3_session

    client = wanted.named(region_name="region", verify="ssl_verify")
    region = client.get("region_name") or wanted.environ("AWS_REGION", "AWS_DEFAULT_REGION")
    arguments: Arguments = {
        **wanted.named(key="access_key_id", secret="secret_access_key", token="session_token", endpoint_url="endpointurl", use_ssl="use_ssl", anon="allow_anonymous_login"),
        "client_kwargs": client,
        "config_kwargs": {
            "connect_timeout": wanted.get("connect_timeout", SHORT_CONNECT_S),
            "read_timeout": wanted.get("read_timeout", READ_S),
            "max_pool_connections": CONNECTIONS,
            "retries": {"total_max_attempts": 2, "mode": "standard"},
            **s3_session(),
        },
        "s3_additional_kwargs": _s3_headers(wanted),
        "version_aware": bool(wanted.get("version_aware")),
        "cache_regions": not region and not wanted.get("endpointurl"),
        "use_listings_cache": False,
    }
    if wanted.get("credentialpath") or wanted.get("configpath"):
        from aiobotocore.session import AioSession  # slow import

        session = AioSession(profile=wanted.get("profile"))
        for variable, option in (("credentials_file", "credentialpath"), ("config_file", "configpath")):
            if wanted.get(option):
                session.set_config_variable(variable, wanted.get(option))
        return {**arguments, "session": session}
    return {**arguments, **wanted.named(profile="profile")}


def _s3_headers(wanted: Wanted) -> Arguments:
    """Of every write: encryption and access. Raises RemoteError for options that contradict each other."""
    headers = wanted.named(ServerSideEncryption="sse", SSEKMSKeyId="sse_kms_key_id", SSECustomerAlgorithm="sse_customer_algorithm", ACL="acl")
    key = wanted.get("sse_customer_key")
    if key:
        if "SSEKMSKeyId" in headers:
            raise RemoteError("`sse_kms_key_id` and `sse_customer_key` exclude each other", hint="`dataver remote modify --unset NAME OPTION` removes one.")
        import base64
        import binascii

        try:
            headers["SSECustomerKey"] = base64.b64decode(key, validate=True)
        except binascii.Error:
            raise RemoteError("`sse_customer_key` is not base64") from None
        headers.setdefault("SSECustomerAlgorithm", "AES256")
    grants = {header: wanted.get(option) for option, header in GRANTS.items() if wanted.get(option)}
    if grants and "ACL" in headers:
        raise RemoteError("`acl` and `grant_*` options exclude each other", hint="`dataver remote modify --unset NAME OPTION` removes one.")
    return {**headers, **grants}


def _gs(wanted: Wanted) -> Arguments:
    import aiohttp

    return {
        **wanted.named(project="projectname", endpoint_url="endpointurl", token="credentialpath"),
        **({"token": "anon"} if wanted.get("allow_anonymous_login") else {}),
        "version_aware": bool(wanted.get("version_aware")),
        "session_kwargs": {"trust_env": True, "timeout": aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)},
        "use_listings_cache": False,
    }


def _azure(wanted: Wanted) -> Arguments:
    arguments = wanted.named(tenant_id="tenant_id", client_id="client_id", client_secret="client_secret", timeout="timeout")
    for argument, option, names in (
        ("connection_string", "connection_string", ("AZURE_STORAGE_CONNECTION_STRING",)),
        ("account_name", "account_name", ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")),
        ("account_key", "account_key", ("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY")),
        ("sas_token", "sas_token", ("AZURE_STORAGE_SAS_TOKEN",)),
    ):
        value = wanted.get(option) or wanted.environ(*names) or _azure_config(wanted).get(option)
        if value:
            arguments[argument] = value
    if not arguments.get("account_name") and not arguments.get("connection_string"):
        raise RemoteError("Azure needs `account_name` or `connection_string`", hint="`dataver remote modify --local NAME connection_string ...`, or AZURE_STORAGE_CONNECTION_STRING in the environment.")
    anonymous = bool(wanted.get("allow_anonymous_login"))
    if not anonymous and not any(arguments.get(name) for name in ("connection_string", "account_key", "sas_token", "tenant_id", "client_id", "client_secret")):
        from azure.identity.aio import DefaultAzureCredential

        excluded = wanted.named(**{name: name for name in wanted.options if name.startswith("exclude_")})
        arguments["credential"] = DefaultAzureCredential(**excluded)
    return {
        **arguments,
        "anon": anonymous,
        "connection_timeout": wanted.get("connection_timeout", CONNECT_S),
        "read_timeout": wanted.get("read_timeout", READ_S),
        "version_aware": bool(wanted.get("version_aware")),
        "use_listings_cache": False,
    }


def _azure_config(wanted: Wanted) -> dict[str, str]:
    """What `az configure` keeps, under our names for it."""
    import configparser

    folder = wanted.environ("AZURE_CONFIG_DIR") or os.path.join(wanted.settings.home, ".azure")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(os.path.join(folder, "config"))
        section = dict(parser["storage"])
    except (configparser.Error, KeyError, OSError, UnicodeDecodeError):
        return {}
    names = {"connection_string": "connection_string", "account": "account_name", "key": "account_key", "sas_token": "sas_token"}
    return {ours: section[theirs] for theirs, ours in names.items() if section.get(theirs)}


def _ssh(wanted: Wanted) -> Arguments:
    from remotes.engine.sshclient import client_factory, existing_files

    user, password = wanted.login()
    passphrase = wanted.get("passphrase") or wanted.ask("passphrase", user)
    keyfile, port = wanted.get("keyfile"), wanted.get("port") or wanted.port
    home = wanted.settings.home
    known_hosts = existing_files(os.path.join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts")
    arguments: Arguments = {
        "host": wanted.parts.hostname or "",
        "known_hosts": known_hosts or b"",
        "config": existing_files(os.path.join(home, ".ssh", "config")) or None,
        "client_factory": client_factory(known_hosts),
        "connect_timeout": min(float(wanted.get("timeout") or CONNECT_S), CONNECT_S),
        "login_timeout": float(wanted.get("timeout") or 0) or 15.0,
        "keepalive_interval": 15.0,
        "gss_auth": bool(wanted.get("gss_auth")),
        "compression_algs": None,  # data is mostly compressed already, and the client has one thread
        "encryption_algs": ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"],  # fastest first
        "max_sessions": max(wanted.get("max_sessions", 10), 3),
        **{name: value for name, value in (("username", user), ("password", password), ("passphrase", passphrase), ("port", port)) if value},
    }
    if keyfile:
        arguments["client_keys"] = [os.path.expanduser(keyfile)]
        os.stat(arguments["client_keys"][0])
    if wanted.get("allow_agent") is False:
        arguments["agent_path"] = None
    ways = ["publickey"] * bool(keyfile or passphrase) + ["keyboard-interactive", "password"] * bool(password)
    return {**arguments, "preferred_auth": ways} if ways else arguments


def _http(wanted: Wanted) -> Arguments:
    from remotes.engine.httpclient import client_maker

    return {"get_client": client_maker(wanted), "encoded": True}


def _webdav(wanted: Wanted) -> Arguments:
    from remotes.engine.httpclient import webdav_arguments

    return webdav_arguments(wanted)


def _hdfs(wanted: Wanted) -> Arguments:
    user, _ = wanted.login()
    arguments = {"host": wanted.parts.hostname or "default", "port": wanted.port or 0, **wanted.named(kerb_ticket="kerb_ticket", replication="replication")}
    return {**arguments, "user": user} if user else arguments


def _webhdfs(wanted: Wanted) -> Arguments:
    user, password = wanted.login()
    host, port = wanted.parts.hostname or "", wanted.port or 50070
    arguments = {"host": host, "port": port, **wanted.named(kerberos="kerberos", token="token", proxy_to="proxy_to", use_https="use_https", session_verify="ssl_verify")}
    if wanted.get("kerberos_principal"):
        arguments["kerb_kwargs"] = {"principal": wanted.get("kerberos_principal")}
    if wanted.get("data_proxy_target"):
        arguments["data_proxy"] = {f"{'https' if wanted.get('use_https') else 'http'}://{host}:{port}/webhdfs/v1": wanted.get("data_proxy_target")}
    return {**arguments, **{name: value for name, value in (("user", user), ("password", password)) if value}}


def _oss(wanted: Wanted) -> Arguments:
    key = wanted.get("oss_key_id") or wanted.environ("OSS_ACCESS_KEY_ID")
    secret = wanted.get("oss_key_secret") or wanted.environ("OSS_ACCESS_KEY_SECRET")
    endpoint = wanted.get("oss_endpoint") or wanted.environ("OSS_ENDPOINT")
    if not endpoint:
        raise RemoteError("OSS needs `oss_endpoint`", hint="`dataver remote modify NAME oss_endpoint URL`, or OSS_ENDPOINT in the environment.")
    return {"key": key, "secret": secret, "endpoint": endpoint, "use_listings_cache": False}


def _gdrive(wanted: Wanted) -> Arguments:
    """The URL's host is the folder's id, or `root`. Whoever logs in as a user needs a client id of their own."""
    arguments: Arguments = {"root_file_id": wanted.url.partition("://")[2].partition("/")[0], "use_listings_cache": False}
    if wanted.get("gdrive_use_service_account"):
        key = wanted.get("gdrive_service_account_json_file_path") or wanted.environ("GDRIVE_CREDENTIALS_DATA")
        if not key:
            raise RemoteError("a service account needs `gdrive_service_account_json_file_path`", hint="Set it, or GDRIVE_CREDENTIALS_DATA in the environment.")
        email = wanted.get("gdrive_service_account_user_email")
        return {**arguments, "token": "service_account", "creds": key, "auth_kwargs": {"subject": email} if email else {}}
    login = wanted.named(client_id="gdrive_client_id", client_secret="gdrive_client_secret")
    if len(login) == 1:
        raise RemoteError("`gdrive_client_id` and `gdrive_client_secret` belong together")
    path = wanted.get("gdrive_user_credentials_file")
    if path:
        from pydata_google_auth.cache import ReadWriteCredentialsCache  # slow import

        cache = ReadWriteCredentialsCache(filename=os.path.basename(path))
        cache._path = path  # its constructor knows only folders below the user's own
        login["credentials_cache"] = cache
    return {**arguments, "token": "cache", "auth_kwargs": login}


def _memory(wanted: Wanted) -> Arguments:
    return {}


ARGUMENTS: dict[str, Callable[[Wanted], Arguments]] = {
    "s3": _s3,
    "gs": _gs,
    "azure": _azure,
    "ssh": _ssh,
    "http": _http,
    "https": _http,
    "webdav": _webdav,
    "webdavs": _webdav,
    "hdfs": _hdfs,
    "webhdfs": _webhdfs,
    "oss": _oss,
    "gdrive": _gdrive,
    "memory": _memory,
}


def wait_s(scheme: str, options: Mapping[str, Any]) -> float:
    """How long a host of this kind is waited for that takes a connection and says nothing."""
    if scheme == "ssh":
        return min(float(options.get("timeout") or CONNECT_S), CONNECT_S)
    option, default = {"webdav": ("timeout", WEBDAV_S), "webdavs": ("timeout", WEBDAV_S)}.get(scheme, ("read_timeout", READ_S))
    return float(options.get(option) or default)


# --- what the constructors cannot be told


def _tune_s3(system: Any, wanted: Wanted) -> None:
    system.retries = 1


def _tune_gs(system: Any, wanted: Wanted) -> None:
    """Its six tries take half a minute when nobody answers."""
    once = getattr(type(system)._request, "__wrapped__", None)
    if once is not None:
        system._request = once.__get__(system)


def _tune_azure(system: Any, wanted: Wanted) -> None:
    """Its retries begin with a pause of 15 s, its wait for a connection is 5 min."""
    pipeline = system.service_client._pipeline
    for policy in pipeline._impl_policies:
        if hasattr(policy, "connect_retries"):
            policy.total_retries = policy.connect_retries = policy.read_retries = policy.status_retries = 0
    connection = getattr(pipeline._transport, "connection_config", None)
    if connection is not None:
        connection.timeout, connection.read_timeout = float(wanted.get("connection_timeout", CONNECT_S)), float(wanted.get("read_timeout", READ_S))


TUNED: dict[str, Callable[[Any, Wanted], None]] = {"s3": _tune_s3, "gs": _tune_gs, "azure": _tune_azure}
CHATTY = ("adlfs", "aiobotocore", "aiohttp", "aiooss2", "asyncio", "asyncssh", "azure", "botocore", "fsspec", "gcsfs", "google", "googleapiclient", "gdrive_fsspec", "httpx", "oss2", "ossfs", "s3fs", "sshfs", "urllib3", "webhdfs")


def silence_clients() -> None:
    """Their loggers print failures a second time, some with a traceback, some with what must stay secret."""
    import logging

    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
