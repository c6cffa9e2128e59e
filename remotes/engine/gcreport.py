"""`gc --dry` in detail: of every object that would go, what it was and which commit used it last."""
from __future__ import annotations

from tracking.engine.gc import unused_sizes
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.lastuse import Use, find_uses
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    from remotes.engine.gc import Sweep

_SHORT = 7
_SHOWN = 3


def report(repo: Repo, sweeps: list[Sweep], json: bool, io: Io) -> None:
    """Print it as text (dvc's lines, each followed by one of ours) or as JSON (docs/json.md)."""
    if json:
        items = described(repo, sweeps)
        io.json({"unused": items, "objects": len(items), "size": sum(item["size"] for item in items)})
        return
    found, uses = _found(repo, sweeps)
    for sweep, sizes in found:
        for oid, size in sizes.items():
            io.info(f"Removing {_path(sweep, oid)}")
            io.info(f"    {_sentence(size, uses[oid, sweep.legacy])}")
        io.info(sweep.told(len(sizes)))


def described(repo: Repo, sweeps: list[Sweep]) -> list[dict[str, Any]]:
    """The objects as `gc --dry --json` has them."""
    found, uses = _found(repo, sweeps)
    return [_item(sweep, oid, size, uses[oid, sweep.legacy]) for sweep, sizes in found for oid, size in sizes.items()]


def _found(repo: Repo, sweeps: list[Sweep]) -> tuple[list[tuple[Sweep, dict[str, int]]], dict[tuple[str, bool], Use]]:
    found = [(sweep, unused_sizes(sweep.store, sweep.used, sweep.listed)) for sweep in sweeps]
    return found, find_uses(repo, {(oid, sweep.legacy) for sweep, sizes in found for oid in sizes})


def _path(sweep: Sweep, oid: str) -> str:
    return sweep.store.path_of(oid) if isinstance(sweep.store, LocalStore) else oid


def _item(sweep: Sweep, oid: str, size: int, use: Use) -> dict[str, Any]:
    commit = use.commit
    return {
        "oid": oid,
        "store": sweep.name,
        "path": _path(sweep, oid),
        "size": size,
        "names": sorted(use.names),
        "workspace": use.workspace,
        "commit": {"sha": commit.sha, "date": commit.date, "subject": commit.subject} if commit is not None else None,
    }


def _sentence(size: int, use: Use) -> str:
    names = sorted(use.names)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more names" if len(names) > _SHOWN else "")
    text = f"{size} bytes, {shown or 'of no known name'}"
    if use.commit is not None:
        return f"{text}, last in {use.commit.sha[:_SHORT]} ({use.commit.date[:10]}) {use.commit.subject}"
    return text + ("" if use.workspace else ", in no commit")
