"""Which settings are secrets, and texts without them: what pages, the index, logs and errors may show."""
from __future__ import annotations

from tracking.engine import config_schema
from tracking.engine.hints import TYPE_CHECKING, Any, Iterable, Iterator, Mapping

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MASK = "***"
_WORDS = ("password", "passphrase", "secret", "token", "credential_key", "access_key", "account_key", "sas_", "connection_string", "key_id", "customer_key", "custom_auth_header")
# parts of the names of variables that clients of storages take secrets from, between underscores
_VARIABLES = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "ACCESS_KEY", "ACCESS_KEY_ID", "ACCOUNT_KEY", "CONNECTION_STRING", "API_KEY")
_PARTS = ("accountkey", "sharedaccesssignature", "sharedaccesskey", "sig", "password", "secret", "token")
SHORTEST = 4  # characters; less would be found in every text
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


def is_exposed(level: str, name: tuple[str, ...], value: str) -> bool:
    """Whether storing a setting puts a secret into the file that is committed. level: of the configuration."""
    return level == "repo" and ((is_known(name) and is_secret(name)) or _has_password(value))


def _has_password(value: str) -> bool:
    try:
        return "://" in value and ":" in _split(value).netloc.rpartition("@")[0]
    except ValueError:
        return "@" in value


def _split(value: str) -> SplitResult:
    """urlsplit, also of an address whose password holds a `/` that nobody encoded. Raises ValueError."""
    from urllib.parse import quote, urlsplit  # slow import: 3 ms

    parts = urlsplit(value)
    try:
        parts.port
    except ValueError:
        scheme, _, rest = value.partition("://")
        login, at, place = rest.rpartition("@")
        user, _, password = login.partition(":")
        if not at:
            raise
        return urlsplit(f"{scheme}://{user}:{quote(password, safe='')}@{place}")
    return parts


def has_login(value: str) -> bool:
    """Whether a URL carries a password, a token in its query, or the like."""
    if "://" not in value and not value.startswith("//"):
        return False
    try:
        parts = _split(value)
    except ValueError:
        return "@" in value
    return "://" in value and (":" in parts.netloc.rpartition("@")[0] or bool(parts.query))


def without_login(value: str) -> str:
    """A URL with user name, password and query removed; a local path as it is."""
    if "://" not in value:
        return value
    try:
        parts = _split(value)
    except ValueError:
        return MASK
    if not parts.netloc and not parts.query and not parts.fragment:
        return value  # `s3://`: put together again it would lose its slashes
    from urllib.parse import urlunsplit

    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def masked(value: str) -> str:
    """A URL with `***` in place of its password and query; other texts as they are."""
    if not has_login(value):
        return value
    try:
        parts = _split(value)
    except ValueError:
        return MASK
    from urllib.parse import urlunsplit

    login, at, host = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return urlunsplit((parts.scheme, f"{user}{colon}{MASK if colon else ''}{at}{host}", parts.path, MASK if parts.query else "", ""))


# --- secrets in other texts
def secrets_in(sections: Mapping[str, Any]) -> set[str]:
    """Values that may not be shown, of a configuration's sections: of secret options, and passwords and queries of addresses."""
    found = set()
    for name, value in _leaves(sections, ()):
        found.update([value, *_parts(value)] if is_secret(name) else secrets_of_url(value))
    for options in sections.get("remote", {}).values():
        if isinstance(options, Mapping) and options.get("user") and options.get("password"):
            found.add(_basic(str(options["user"]), str(options["password"])))
    return found


def secrets_of_url(value: str) -> list[str]:
    """The password of an address and the values of its query."""
    if not has_login(value):
        return []
    try:
        parts = _split(value)
    except ValueError:
        return [value]
    from urllib.parse import unquote, urlsplit

    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [part.partition("=")[2] for part in parts.query.split("&")]
    port = urlsplit(value).netloc.rpartition("@")[2].partition(":")[2]
    if not port.isdigit():
        values.append(port)  # the beginning of a password with a `/`, which clients call a port
    return [text for text in (password, unquote(password), _basic(unquote(user), unquote(password)) if password else "", parts.query, *values) if text]


def _parts(value: str) -> list[str]:
    """Secrets inside of one that consists of several: a connection string, a signed query."""
    pairs = [part.partition("=") for part in value.replace(";", "&").replace("?", "&").split("&")]
    return [text for name, _, text in pairs if name.lower() in _PARTS and text]


def _basic(user: str, password: str) -> str:
    """As HTTP sends a login."""
    import base64

    return base64.b64encode(f"{user}:{password}".encode()).decode()


def secrets_in_environment(environ: Mapping[str, str]) -> set[str]:
    """Values of variables that are named like secrets, and passwords in addresses, such as those of proxies."""
    addresses = [value if "://" in value else f"http://{value}" for name, value in environ.items() if "@" in value and ("://" in value or name.upper().endswith("_PROXY"))]
    named = [value for name, value in environ.items() if any(f"_{word}_" in f"_{name.upper()}_" for word in _VARIABLES)]
    return {text for value in named for text in (value, *_parts(value))} | {text for value in addresses for text in secrets_of_url(value)}


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A text with `***` for each secret, also where it is percent-encoded or was cut off (`…`). Those too short to tell from words stay."""
    from urllib.parse import quote, quote_plus, unquote, unquote_plus

    forms = {form for secret in secrets for plain in (secret, unquote(secret), unquote_plus(secret)) for form in (plain, quote(plain, safe=""), quote(plain), quote_plus(plain))}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST:
            text = text.replace(form, MASK)
            if "…" in text:
                for size in range(len(form) - 1, SHORTEST - 1, -1):
                    text = text.replace(f"{form[:size]}…", f"{MASK}…")
    return text


def _leaves(body: Mapping[str, Any], prefix: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in body.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*prefix, key))
        elif isinstance(value, str):
            yield (*prefix, key), value
