"""users.json: who may log in when the pages are served beyond this machine.

In the user's data folder, readable by its owner only: {"version": 1, "users": [{"name", "password", "added_at"}]}.
`password` is a salted hash of Django's; making and checking it is the caller's (docs/formats/dataver-files.md).
It is not in the index, because that may be deleted.
"""
from __future__ import annotations

import json
import os
import re

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Callable
from tracking.engine.locks import RepoLock

FILE = "users.json"
VERSION = 1
PASSWORD_BYTES_AT_LEAST = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
RESERVED = "local"  # who came with the one-time token


def load_users(folder: str) -> dict[str, str]:
    """Name -> hash of the password. Raises DataverError when the file cannot be understood."""
    return {entry["name"]: entry["password"] for entry in _load(folder)}


def add_user(folder: str, name: str, password_hash: str, added_at: str) -> bool:
    """Add or replace; False when the name was there. Raises DataverError for what is no name."""
    check_name(name)
    known = name in load_users(folder)
    _change(folder, lambda users: [*(user for user in users if user["name"] != name), {"name": name, "password": password_hash, "added_at": added_at}])
    return known


def remove_user(folder: str, name: str) -> None:
    """Raises DataverError when there is no such user."""
    if name not in load_users(folder):
        raise DataverError(f"there is no user '{name}'", hint="Users: " + (", ".join(sorted(load_users(folder))) or "none yet"))
    _change(folder, lambda users: [user for user in users if user["name"] != name])


def check_name(name: str) -> None:
    """Raises DataverError."""
    if not _NAME.fullmatch(name) or name == RESERVED:
        raise DataverError(f"'{name}' is no name for a user", hint=f"Take letters, digits and . _ @ -, at most 64, beginning with a letter or digit; not '{RESERVED}'.")


def _load(folder: str) -> list[dict[str, str]]:
    path = os.path.join(folder, FILE)
    try:
        with open(path, encoding="utf-8") as stream:
            content = json.load(stream)
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        return [{**user, "name": str(user["name"]), "password": str(user["password"])} for user in content["users"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as exc:
        raise DataverError(f"'{path}' cannot be read as a list of users: {exc}", hint="Mend or delete the file, then add users with `dataver ui --add-user NAME`.") from exc


def _change(folder: str, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with RepoLock(folder).held(wait_forever=False, notify=lambda _line: None):
        text = json.dumps({"version": VERSION, "users": change(_load(folder))}, indent=2) + "\n"
        atomic.write_text(os.path.join(folder, FILE), text, 0o600)
