"""Writes secrets to .dvc/config.local, and takes them out. Messages of its errors hold none."""
from __future__ import annotations

import os

from tracking.engine.config import Config
from tracking.engine.credentials import is_known, is_secret
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.light import suppress

LOCAL = "local"
MAX_CHARS = 10_000
MODE = 0o600


def store(config: Config, values: Any) -> None:
    """values: name -> text, None to take it out. Raises DataverError, whose message holds no value."""
    if not isinstance(values, dict) or not values:
        raise DataverError("secrets are {name: text or null}")
    for name, value in values.items():
        parts = split_name(name)
        if not is_known(parts) or not is_secret(parts):
            raise DataverError(f"'{name}' is no secret option")
        if value is not None and (not isinstance(value, str) or not value or len(value) > MAX_CHARS or any(char in value for char in "\0\r\n")):
            raise DataverError(f"'{name}' needs one line of text")
        if parts[0] == "remote" and parts[1] not in config.remotes():
            raise DataverError(f"remote '{parts[1]}' doesn't exist")
    make_private(config)
    with config.edit(LOCAL) as sections:
        for name, value in values.items():
            section, *holder, option = split_name(name)
            body: Any = sections.setdefault(section, {})
            if holder:
                body = body.setdefault(holder[0], {})
            if value is not None:
                body[option] = value
                continue
            body.pop(option, None)
            if holder and not body:
                del sections[section][holder[0]]


def split_name(name: str) -> tuple[str, ...]:
    """`remote.a.b.password` is the option `password` of remote `a.b`."""
    section, _, rest = name.lower().partition(".")
    holder, dot, option = rest.rpartition(".")
    return (section, holder, option) if dot else (section, rest)


def make_private(config: Config) -> None:
    """See to it that a config.local which is made for a secret is for its owner only; one that is there keeps its mode."""
    with suppress(FileExistsError):
        os.close(os.open(config.files[LOCAL], os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
