"""What a dependency outside of this machine looks like now: its hash, as .dvc and dvc.lock have it.

Storage elsewhere is known by a layer above, which registers itself here (`provide`) when the
program starts.
"""
from __future__ import annotations

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Any, Callable, Mapping

if TYPE_CHECKING:
    from tracking.engine.stage import Digest, Meta
    from tracking.engine.workspace import Workspace

# (workspace, URL, options of the dependency) -> hash and facts; None when there is nothing or nobody answers
Look = Callable[["Workspace", str, "Mapping[str, Any] | None"], "tuple[Digest, Meta] | None"]

_look: Look | None = None


def provide(look: Look) -> None:
    """Say who looks at URLs from now on in this process."""
    global _look
    _look = look


def look(ws: Workspace, url: str, fs_config: Mapping[str, Any] | None = None) -> tuple[Digest, Meta] | None:
    """Raises ConfigError for a remote that is not defined, MissingPackage, RemoteError."""
    if _look is None:
        raise DataverError(f"nothing here can look at '{url}'")
    return _look(ws, url, fs_config)


def is_same(recorded: Digest | None, now: Digest) -> bool:
    """Whether a source is as a file recorded it. Files give a checksum back in lower case, as dvc reads them."""
    if recorded is None or recorded.name != "checksum":
        return recorded == now
    return recorded.name == now.name and recorded.value.lower() == now.value.lower()
