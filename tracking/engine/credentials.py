"""Which settings are secrets, and texts without them: what pages, the index and logs may show."""
from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from tracking.engine import config_schema

MASK = "***"
_WORDS = ("password", "passphrase", "secret", "token", "credential_key", "access_key", "account_key", "sas_", "connection_string", "key_id", "customer_key", "custom_auth_header")
_HARMLESS = ("sse_kms_key_id", "ask_password", "ask_passphrase", "exclude_shared_token_cache_credential")


def is_secret(name: tuple[str, ...]) -> bool:
    """Whether the value of a setting may not be shown. name: ("remote", "r1", "password"), ("studio", "token").

    An option nobody knows counts as one: it may be anything.
    """
    option = name[-1]
    if not is_known(name):
        return True
    return option not in _HARMLESS and any(word in option for word in _WORDS)


def is_known(name: tuple[str, ...]) -> bool:
    """Whether any kind of remote, or the section, has such an option."""
    section, option = name[0], name[-1]
    if section == "remote":
        return len(name) == 3 and any(option in options for options in config_schema.REMOTES.values())
    if section == "db":
        return len(name) == 3 and option in config_schema.DB
    return len(name) == 2 and option in config_schema.SECTIONS.get(section, {})


def has_login(value: str) -> bool:
    """Whether a URL carries a password, a token in its query, or the like."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return "@" in value
    return "://" in value and (":" in parts.netloc.rpartition("@")[0] or bool(parts.query))


def without_login(value: str) -> str:
    """A URL with user name, password and query removed; a local path as it is."""
    if "://" not in value:
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return MASK
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def masked(value: str) -> str:
    """A URL with `***` in place of its password and query; other texts as they are."""
    if not has_login(value):
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return MASK
    login, at, host = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return urlunsplit((parts.scheme, f"{user}{colon}{MASK if colon else ''}{at}{host}", parts.path, MASK if parts.query else "", ""))
