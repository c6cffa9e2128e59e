"""Which sections and options exist, what their values may be, and their defaults.

Works on the merged config. Option names and value rules are those of dvc 3.67.1
(docs/formats: config), so that a file we accept is one dvc accepts.
"""
from __future__ import annotations

from tracking.engine.hints import Any, Callable

Check = Callable[[Any], Any]
Options = dict[str, Check]

UNKNOWN = "extra keys not allowed"  # what is said of a section or option that does not exist
LINK_TYPES = ("reflink", "hardlink", "symlink", "copy")


class Invalid(Exception):
    """A value or name the schema refuses. keys: where, e.g. ("core", "foo"). hint: what it takes."""

    def __init__(self, text: str, keys: tuple[str, ...] = (), suffix: str = "", hint: str | None = None) -> None:
        super().__init__(text)
        self.hint = hint
        self.text = text
        self.keys = keys
        self.suffix = suffix

    def __str__(self) -> str:
        place = "".join(f"['{key}']" for key in self.keys)
        return f"{self.text} @ data{place}{self.suffix}"


# --- values: each takes what the file says and returns the typed value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid("expected str")
    return value


def lower(value: Any) -> str:
    return text(value).lower()


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else None
    if word not in ("true", "false"):
        raise Invalid("expected true or false")
    return word == "true"


def boolean_or_text(value: Any) -> bool | str:
    try:
        return boolean(value)
    except Invalid:
        return text(value)


def real_bool(value: Any) -> bool:
    """An option whose only accepted type a file cannot express; dvc refuses any text here too."""
    raise Invalid("expected bool")


def real_int(value: Any) -> int:
    raise Invalid("expected int")


def whole(least: int | None = None, most: int | None = None) -> Check:
    def check(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise Invalid("expected int") from None
        if least is not None and number < least:
            raise Invalid(f"value must be at least {least}")
        if most is not None and number > most:
            raise Invalid(f"value must be at most {most}")
        return number

    return check


def seconds(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Invalid("expected float") from None
    if not number >= 0:  # also refuses nan
        raise Invalid("value must be at least 0")
    return number


def one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        word = str(value).lower()
        if word not in choices:
            raise Invalid(f"expected one of {', '.join(choices)}")
        return word

    return check


def link_types(value: Any) -> list[str]:
    types = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
    unknown = [name for name in types if name not in LINK_TYPES]
    if unknown:
        raise Invalid(f"Unsupported cache type(s): {', '.join(map(str, unknown))}")
    return types


def accepts(check: Check) -> tuple[str, tuple[str, ...]]:
    """What a value may be: (bool, int, float, choice, links, none or text; the choices).

    Found by asking with a text that only a free one can be; "none": no file can say what it wants.
    """
    try:
        check("\0")
    except Invalid as exc:
        said = exc.text
    else:
        return "text", ()
    if said.startswith("expected one of "):
        return "choice", tuple(said.removeprefix("expected one of ").split(", "))
    if said.startswith("Unsupported cache type"):
        return "links", LINK_TYPES
    if check in (real_bool, real_int):
        return "none", ()
    return {"expected true or false": "bool", "expected int": "int", "expected float": "float"}.get(said, "text"), ()


# --- options

_INT = whole()
_COUNT = whole(1)


def _options(check: Check, names: str) -> Options:
    return dict.fromkeys(names.split(), check)


_COMMON: Options = {
    "url": text,
    **_options(_COUNT, "jobs checksum_jobs"),
    **_options(boolean, "worktree version_aware no_traverse verify"),
}
_LINKED: Options = {
    "type": link_types,
    "shared": one_of("group"),
    **_options(boolean, "protected slow_link_warning verify"),
}
_HTTP: Options = {
    **_COMMON,
    "auth": one_of("basic", "digest", "custom"),
    **_options(text, "custom_auth_header user password method"),
    "ask_password": boolean,
    "ssl_verify": boolean_or_text,
    **_options(seconds, "connect_timeout read_timeout"),
}
_WEBDAV: Options = {
    **_COMMON,
    **_options(text, "user password token bearer_token_command custom_auth_header cert_path key_path"),
    "ask_password": boolean,
    "timeout": _INT,
    "ssl_verify": boolean_or_text,
}

REMOTES: dict[str, Options] = {
    "": {**_COMMON, **_LINKED},
    "s3": {
        **_COMMON,
        **_options(
            text,
            "region profile credentialpath configpath endpointurl access_key_id secret_access_key session_token"
            " sse sse_kms_key_id sse_customer_algorithm sse_customer_key acl grant_read grant_read_acp"
            " grant_write_acp grant_full_control",
        ),
        **_options(boolean, "listobjects use_ssl allow_anonymous_login"),
        "ssl_verify": boolean_or_text,
        "cache_regions": real_bool,
        **_options(_INT, "read_timeout connect_timeout"),
    },
    "gs": {
        **_COMMON,
        **_options(text, "projectname credentialpath endpointurl"),
        "allow_anonymous_login": boolean,
    },
    "azure": {
        **_COMMON,
        **_options(text, "connection_string sas_token account_name account_key tenant_id client_id client_secret"),
        **_options(
            boolean,
            "allow_anonymous_login exclude_environment_credential exclude_visual_studio_code_credential"
            " exclude_shared_token_cache_credential exclude_managed_identity_credential",
        ),
        **_options(_INT, "timeout read_timeout connection_timeout"),
    },
    "ssh": {
        **_COMMON,
        "type": link_types,
        **_options(_INT, "port timeout max_sessions"),
        **_options(text, "user password passphrase keyfile"),
        **_options(boolean, "ask_password ask_passphrase gss_auth allow_agent"),
    },
    "http": _HTTP,
    "https": _HTTP,
    "webdav": _WEBDAV,
    "webdavs": _WEBDAV,
    "hdfs": {
        **{name: check for name, check in _COMMON.items() if name != "verify"},
        **_options(text, "user kerb_ticket"),
        "replication": real_int,
    },
    "webhdfs": {
        **_COMMON,
        **_options(boolean, "kerberos use_https"),
        **_options(text, "kerberos_principal proxy_to token user password data_proxy_target"),
        "ssl_verify": boolean_or_text,
    },
    "oss": {**_COMMON, **_options(text, "oss_key_id oss_key_secret oss_endpoint")},
    "gdrive": {
        **_COMMON,
        **_options(
            text,
            "profile gdrive_client_id gdrive_client_secret gdrive_user_credentials_file"
            " gdrive_service_account_user_email gdrive_service_account_json_file_path",
        ),
        **_options(boolean, "gdrive_use_service_account gdrive_trash_only gdrive_acknowledge_abuse"),
    },
}

SECTIONS: dict[str, Options] = {
    "core": {
        **_options(lower, "remote machine"),
        "checksum_jobs": _COUNT,
        **_options(boolean, "interactive analytics hardlink_lock no_scm autostage experiments check_update"),
        "site_cache_dir": text,
    },
    "cache": {**_LINKED, **_options(text, "dir local s3 gs hdfs webhdfs ssh azure")},
    "state": {"dir": text, "row_limit": _COUNT, "row_cleanup_quota": whole(0, 100)},
    "index": {"dir": text},
    "plots": {"html_template": text, "auto_open": boolean, "out_dir": text},
    "exp": {
        **_options(text, "code data models metrics params plots live git_remote"),
        "auto_push": boolean,
    },
    "parsing": {
        "bool": one_of("store_true", "boolean_optional"),
        "list": one_of("nargs", "append"),
    },
    "hydra": {"enabled": boolean, **_options(text, "config_dir config_module config_name plugins_path")},
    "studio": {**_options(text, "token url repo_url"), "offline": boolean},
}
DB: Options = _options(text, "url username password")
_TOLERATED = ("machine", "feature")  # dead features of dvc: kept, never read
KNOWN_SECTIONS = (*SECTIONS, "remote", "db", *_TOLERATED)

DEFAULTS: dict[str, dict[str, Any]] = {
    "core": {
        "interactive": False,
        "analytics": True,
        "hardlink_lock": False,
        "no_scm": False,
        "autostage": False,
        "check_update": True,
    },
    "cache": {"slow_link_warning": True, "verify": False},
    "plots": {"auto_open": False},
    "hydra": {"enabled": False},
    "studio": {"offline": False},
}
_REMOTE_DEFAULTS: dict[str, dict[str, Any]] = {
    "": {"slow_link_warning": True, "verify": False},
    "s3": {"use_ssl": True, "allow_anonymous_login": False, "verify": False},
    "gs": {"allow_anonymous_login": False, "verify": False},
    "hdfs": {},
    "oss": {"verify": True},
    "gdrive": {"gdrive_trash_only": False, "gdrive_acknowledge_abuse": False, "verify": True},
}


def url_scheme(url: str) -> str:
    """Scheme of a remote's url, "" for a local path (also for `scheme:///x`, which has no host)."""
    head, mark, rest = url.partition("://")
    if not mark or not rest or rest[0] in "/?#" or not head[:1].isalpha():
        return ""
    if not head.replace("+", "a").replace("-", "a").replace(".", "a").isalnum():
        return ""
    return head.lower()


def half_url(text: str) -> str | None:
    """What is wrong with a text that begins as a URL of a kind of storage and is none: it would be taken for a folder. None: nothing."""
    head, colon, rest = text.partition(":")
    head = head.lower()
    if not colon or head not in (*REMOTES, "remote") or not head or url_scheme(text):
        return None
    if not rest.startswith("//"):
        return f"'{text}' is no URL: `{head}://` begins one"
    what = {"s3": "bucket", "gs": "bucket", "oss": "bucket", "azure": "container", "gdrive": "folder", "remote": "remote"}.get(head, "host")
    return f"'{text}' names no {what}"


def remote_defaults(scheme: str) -> dict[str, Any]:
    """Values of options a remote of this scheme does not set."""
    return _REMOTE_DEFAULTS.get(scheme, {"verify": False})


def validate(merged: dict[str, Any]) -> dict[str, Any]:
    """Typed copy of a merged config; raises Invalid for the first thing that is wrong."""
    result: dict[str, Any] = {}
    for section, body in merged.items():
        if section not in KNOWN_SECTIONS:
            raise Invalid(UNKNOWN, (section,))
        if not isinstance(body, dict):
            raise Invalid("expected a dictionary for dictionary value", (section,))
        if section in _TOLERATED:
            result[section] = body
        elif section == "remote":
            result[section] = {name: check_remote(name, options) for name, options in body.items()}
        elif section == "db":
            result[section] = {name: _check(options, DB, ("db", name)) for name, options in body.items()}
        else:
            result[section] = _check(body, SECTIONS[section], (section,))
    hydra = result.get("hydra", {})
    if "config_dir" in hydra and "config_module" in hydra:
        raise Invalid("two or more values in the same group of exclusion 'config_source'", ("hydra",), "[<config_source>]")
    return result


def check_remote(name: str, options: Any) -> dict[str, Any]:
    """Typed options of one remote, by the scheme of its url; a `remote://` one may hold any option."""
    keys = ("remote", name)
    if not isinstance(options, dict):
        raise Invalid("expected a dictionary for dictionary value", keys)
    url = options.get("url")
    if url is None:
        raise Invalid("expected 'url' for dictionary value", keys)
    if not isinstance(url, str):
        raise Invalid("expected str for dictionary value", (*keys, "url"))
    scheme = url_scheme(url)
    if scheme == "remote":
        return dict(options)
    if scheme not in REMOTES:
        raise Invalid(f"Unsupported URL type {scheme}:// for dictionary value", keys, hint=f"A folder, or a URL of one of: {', '.join(sorted(filter(None, REMOTES)))}")
    return _check(options, REMOTES[scheme], keys)


def _check(options: Any, known: Options, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(options, dict):
        raise Invalid("expected a dictionary for dictionary value", keys)
    result = {}
    for name, value in options.items():
        check = known.get(name)
        if check is None:
            raise Invalid(UNKNOWN, (*keys, name))
        try:
            result[name] = check(value)
        except Invalid as exc:
            raise Invalid(f"{exc.text} for dictionary value", (*keys, name)) from None
    return result
