"""How we behave as a client of SSH: what it is loaded with, which host keys are accepted."""
from __future__ import annotations

import importlib.util
import os
import sys

from tracking.engine.hints import Any

OPTIONAL = ("oqs", "nettle")  # libraries of the system for sntrup761 and UMAC, which AES-GCM and ML-KEM make needless


X509 = "asyncssh.crypto.x509"  # loads much of cryptography before it finds pyOpenSSL to be absent


def load() -> None:
    """Import asyncssh without its search for libraries we do not need: that starts compiler and linker, for half of the import's time."""
    if "asyncssh" in sys.modules:
        return
    import ctypes.util

    if importlib.util.find_spec("OpenSSL") is None:
        sys.modules[X509] = None  # type: ignore[assignment]
    find = ctypes.util.find_library
    ctypes.util.find_library = lambda name: None if any(part in name for part in OPTIONAL) else find(name)
    try:
        import asyncssh  # noqa: F401
    finally:
        ctypes.util.find_library = find
        if sys.modules.get(X509, X509) is None:
            del sys.modules[X509]


def existing_files(*paths: str) -> list[str]:
    return [path for path in paths if os.path.isfile(path)]


def client_factory(known_hosts: list[str]) -> type[Any]:
    """A client that accepts any key of a host the user's known_hosts files do not name, as dvc does, but no other key of one they name."""
    import asyncssh  # slow import

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            if not known_hosts:
                return True
            named = asyncssh.match_known_hosts(known_hosts, host, addr, None if port == 22 else port)
            return not any(named)

    return Client
