"""Delete objects that nothing uses.

The repository lock is held, so no `add` of this project is under way. Only what has the name of
an object is ever deleted; temporary files go when they are older than a day.
"""
from __future__ import annotations

from tracking.engine.hints import Collection, Iterable
from tracking.engine.objects import ObjectStore
from tracking.engine.tree import DIR_SUFFIX

Listed = Iterable[tuple[str, int | None]]  # names and sizes


def unused(store: ObjectStore, used: Collection[str], listed: Listed | None = None) -> list[str]:
    """Objects of a store that are not in `used`: manifests first, then by name.

    One listing, whatever the number of used objects; none when what it holds has been `listed`.
    """
    found = [oid for oid, _ in (store.list_oids() if listed is None else listed) if oid not in used]
    found.sort(key=lambda oid: (not oid.endswith(DIR_SUFFIX), oid))
    return found


def unused_sizes(store: ObjectStore, used: Collection[str], listed: Listed | None = None) -> dict[str, int]:
    """The same with their sizes in bytes (0 where a remote does not tell)."""
    sizes = {oid: size or 0 for oid, size in (store.list_oids(with_size=True) if listed is None else listed) if oid not in used}
    return {oid: sizes[oid] for oid in sorted(sizes, key=lambda oid: (not oid.endswith(DIR_SUFFIX), oid))}


def sweep(store: ObjectStore, used: Collection[str], *, dry: bool, listed: Listed | None = None) -> list[str]:
    """Delete what is not in `used` and return it; with `dry` only return it.

    Manifests go before the files they name, so what is left of an interrupted sweep claims
    nothing that is not there.
    """
    found = unused(store, used, listed)
    if dry:
        return found
    manifests = [oid for oid in found if oid.endswith(DIR_SUFFIX)]
    for part in (manifests, found[len(manifests) :]):  # elsewhere, many are deleted at the same time
        store.remove(part)
    remove_leftovers = getattr(store, "remove_leftovers", None)
    if remove_leftovers is not None:
        remove_leftovers()
    return found
