"""The key that sessions of the pages are signed with: the user's own, so that a browser's session outlives the server.

`signing.key` in the user's data folder, readable by the user only; deleting it ends all sessions.
"""
from __future__ import annotations

import contextlib
import os
import secrets
import stat

FILE = "signing.key"
LENGTH = 40  # bytes of randomness, more than the 32 of the signature's hash
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def signing_key(folder: str) -> str:
    """The kept key, made when there is none. One that others could read is replaced; where none can be kept, it lasts for this process."""
    path = os.path.join(folder, FILE)
    for _ in range(3):
        key = _read(path)
        if key:
            return key
        made = secrets.token_urlsafe(LENGTH)
        temporary = f"{path}.{secrets.token_hex(4)}"
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(made)
            with contextlib.suppress(FileNotFoundError):
                if not _read(path):
                    os.unlink(path)
            os.link(temporary, path)  # of two that begin at once, one wins
        except FileExistsError:
            pass
        except OSError:
            return made
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return secrets.token_urlsafe(LENGTH)


def _read(path: str) -> str:
    """Empty where there is none that can be trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return ""
    with open(descriptor, encoding="ascii", errors="replace") as file:
        status = os.fstat(file.fileno())
        is_ours = os.name == "nt" or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS)
        key = file.read(200).strip()
    return key if is_ours and len(key) >= LENGTH else ""
