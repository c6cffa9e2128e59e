"""`gc`: what the workspace and commits of one or more projects use stays, the rest of the cache (and remote) goes."""
from __future__ import annotations

import os

from remotes.engine.cloudstatus import collect_failed
from remotes.engine.exchange import read_manifest
from remotes.engine.presence import Presence, existing, place_of
from remotes.engine.retry import Retry, plain
from remotes.engine.storage import Remote, Remotes, is_cache
from remotes.engine.underway import Underway
from tracking.engine.errors import ConfigError, DataverError, InvalidFile, NotARepository
from tracking.engine.gc import Listed, sweep, unused_sizes
from tracking.engine.hints import Any, Callable
from tracking.engine.history import Selection
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Io
from tracking.engine.record import record
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.trash import Trash, Trashed, iso
from tracking.engine.tree import Rows
from tracking.engine.used import Group, Manifests, Request, Used, collect_used

LAYOUTS = ((False, "repo"), (True, "legacy"))


@record(frozen=True)
class Options:
    """Flags of `gc`.

    cloud: clean the remote, too. not_in_remote: delete used objects, too, that the remote has. trash: move
    objects of the cache to its trash. json, verbose: say of each object (with dry) what it was.
    """

    selection: Selection = Selection()
    remote: str | None = None
    cloud: bool = False
    not_in_remote: bool = False
    dry: bool = False
    force: bool = False
    skip_failed: bool = False
    trash: bool = False
    json: bool = False
    verbose: bool = False


@record
class Place:
    """Objects of one layout in one remote. remote None: none is needed."""

    remote: Remote | None
    legacy: bool
    used: set[str]


def gc(repos: list[Repo], options: Options, io: Io) -> None:
    """Clean the cache of the last of `repos`; the others only say what they use, too.

    All must be locked. Raises ConfigError, DataverError, CorruptObject, LockHeld.
    """
    with Underway(repos, io) as underway:
        _clean(repos, options, io, underway)


def _clean(repos: list[Repo], options: Options, io: Io, underway: Underway) -> None:
    repo = repos[-1]
    remotes = Remotes(repo, options.remote, tool=io.tool, command="gc -c")
    places: dict[tuple[str, bool], Place] = {}
    keep = _kept(repos, remotes, options, io, places, underway)
    if options.trash and not options.dry:
        _to_trash(repo, keep, io)
        return
    sweeps = [Sweep(name, legacy, repo.legacy_store if legacy else repo.store, keep[legacy]) for legacy, name in LAYOUTS]
    if options.cloud:
        sweeps += _of_remotes(remotes, places)
    if options.dry and (options.json or options.verbose):
        from remotes.engine.gcreport import report

        report(repo, sweeps, options.json, io)
        return
    _keep_newly_used(keep, underway)  # remotes may have been listed for long
    for each in sweeps:
        removed = _sweep(each, options.dry, io)
        io.info(each.told(removed))
    if options.cloud and not options.dry:
        _forget(repos, remotes, places)
    if not options.dry:
        _empty_trash(repo, io)


def _kept(repos: list[Repo], remotes: Remotes, options: Options, io: Io, places: dict[tuple[str, bool], Place], underway: Underway) -> dict[bool, set[str]]:
    """What stays in the cache, by layout; fills `places`."""
    keep = {legacy: set[str]() for legacy, _ in LAYOUTS}
    _keep_newly_used(keep, underway)  # first: a run that ends now is in the refs then
    before, results = None, underway.results()
    while results != before:
        for one in repos:
            _collect(one, options, io, places)
        _keep_newly_used(keep, underway)
        before, results = results, underway.results()
    if options.cloud or options.not_in_remote:
        _assign_default(remotes, places)
    for place in places.values():
        present: set[str] = set()
        if options.not_in_remote:
            assert place.remote is not None
            store = remotes.store(place.remote, place.legacy)
            if any(is_cache(repo, store) for repo in repos):
                raise ConfigError(f"remote '{place.remote.name}' is the cache itself: what is deleted here is deleted there", hint="Choose another remote with -r, or move it: `dataver remote modify NAME url URL`.")
            present = existing(store, place.used)
        keep[place.legacy] |= place.used - present
    return keep


def _keep_newly_used(keep: dict[bool, set[str]], underway: Underway) -> None:
    for legacy, oid in underway.newly_used():
        keep[legacy].add(oid)


def _forget(repos: list[Repo], remotes: Remotes, places: dict[tuple[str, bool], Place]) -> None:
    """What projects remember of the remotes that were cleaned."""
    for place in places.values():
        if place.remote is not None:
            store, name = remotes.store(place.remote, place.legacy), place_of(place.remote, place.legacy)
            for repo in repos:
                Presence(repo, store, name).forget()


def preview(repo: Repo, options: Options, io: Io) -> list[dict[str, Any]]:
    """What `gc --dry --json` lists of the cache, without a lock: to be looked at, not to be acted on."""
    from remotes.engine.gcreport import described

    keep = _kept([repo], Remotes(repo, options.remote, tool=io.tool), options, io, {}, Underway([repo], None))
    return described(repo, [Sweep(name, legacy, repo.legacy_store if legacy else repo.store, keep[legacy]) for legacy, name in LAYOUTS])


@record(frozen=True)
class Sweep:
    """A store to clean: `name` as messages call it ("repo", "legacy", "remote"), what stays in it. listed: what it holds, where that is known."""

    name: str
    legacy: bool
    store: ObjectStore
    used: set[str]
    listed: Listed | None = None

    def told(self, removed: int) -> str:
        """The line about it, which is dvc's."""
        if self.name == "remote":
            return f"Removed {removed} objects from remote." if removed else "No unused cache to remove from remote."
        return f"Removed {removed} objects from {self.name} cache." if removed else f"No unused '{self.name}' cache to remove."


def trash_of(repo: Repo) -> Trash:
    return Trash({False: repo.store, True: repo.legacy_store})


def _to_trash(repo: Repo, keep: dict[bool, set[str]], io: Io) -> None:
    trash = trash_of(repo)
    objects = {legacy: unused_sizes(trash.stores[legacy], keep[legacy]) for legacy, _ in LAYOUTS}
    until = trash.put(objects)
    for legacy, name in LAYOUTS:
        moved, size = len(objects[legacy]), sum(objects[legacy].values())
        io.info(f"Moved {moved} objects ({size} bytes) from {name} cache to trash." if moved else f"No unused '{name}' cache to remove.")
        trash.stores[legacy].remove_leftovers()
    if any(objects.values()):
        io.info(f"`dataver gc --restore` brings them back until {iso(until)}.")
    _empty_trash(repo, io)


def _empty_trash(repo: Repo, io: Io) -> None:
    emptied = trash_of(repo).expire()
    if emptied:
        io.info(f"Deleted {emptied} objects that were in the trash for long enough.")


def restore(repo: Repo, names: list[str], *, dry: bool, json: bool, io: Io) -> int:
    """`gc --restore`: bring objects back from the trash (no names: all); with `dry` list them.

    The repository must be locked. Returns how many could not be brought back. Raises DataverError.
    """
    trash = trash_of(repo)
    items = trash.select(names)
    if dry:
        if json:
            io.json({"trash": [_listed(item) for item in items], "objects": len(items), "size": sum(item.size for item in items)})
        else:
            for item in items:
                io.info(f"Restoring {item.oid}  {item.size} bytes, in the trash until {iso(item.until)}")
            io.info(f"{len(items)} objects ({sum(item.size for item in items)} bytes) in the trash." if items else "The trash is empty.")
        return 0
    if not items:
        io.info("The trash is empty.")
        return 0
    result = trash.restore(items)
    io.info(f"Restored {len(result.oids)} objects ({result.size} bytes).")
    if result.present:
        io.info(f"{len(result.present)} objects were in the cache already; their copies in the trash are gone.")
    for path in result.damaged:
        io.error(f"'{path}' is damaged and stays in the trash")
    return len(result.damaged)


def empty_trash(repo: Repo, names: list[str], io: Io) -> None:
    """`gc --empty-trash`: delete what is in the trash (no names: all of it) before its time. The repository must be locked."""
    trash = trash_of(repo)
    items = trash.select(names)
    count = trash.delete(items)
    io.info(f"Deleted {count} objects ({sum(item.size for item in items)} bytes) from the trash." if count else "The trash is empty.")


def _listed(item: Trashed) -> dict[str, object]:
    return {
        "batch": item.batch,
        "oid": item.oid,
        "store": dict(LAYOUTS)[item.legacy],
        "path": item.path,
        "size": item.size,
        "trashed_at": iso(item.since),
        "kept_until": iso(item.until),
    }


def _of_remotes(remotes: Remotes, places: dict[tuple[str, bool], Place]) -> list[Sweep]:
    """One per remote and layout; storage that can list both layouts at once is asked once."""
    listed: dict[str, dict[bool, Listed]] = {}
    sweeps = []
    for place in places.values():
        if place.remote is None:
            continue
        store, url = remotes.store(place.remote, place.legacy), place.remote.url
        list_layouts = getattr(plain(store), "list_layouts", None)
        if list_layouts is not None and url not in listed:
            listed[url] = getattr(store, "retry", Retry())(list_layouts)
        sweeps.append(Sweep("remote", place.legacy, store, place.used, listed.get(url, {}).get(place.legacy)))
    return sweeps


def _sweep(each: Sweep, dry: bool, io: Io) -> int:
    found = sweep(each.store, each.used, dry=dry, listed=each.listed)
    if dry:
        for oid in found:
            io.info(f"Removing {each.store.path_of(oid) if isinstance(each.store, LocalStore) else oid}")
    return len(found)


def _collect(repo: Repo, options: Options, io: Io, places: dict[tuple[str, bool], Place]) -> None:
    def on_failure(label: str, error: DataverError) -> None:
        if not options.skip_failed:
            raise error if isinstance(error, InvalidFile) else collect_failed(label, error)
        io.warn(f"Failed to collect '{label}', skipping")

    used = collect_used(repo, Request(selection=options.selection), _everything, warn=io.warn, on_failure=on_failure)
    remotes = Remotes(repo, options.remote, tool=io.tool)
    known = Manifests(repo, _finder(repo, remotes, used))
    for (config_data, name, legacy), group in used.groups.items():
        try:
            remote = remotes.get(name, config_data) if name is not None else None
        except ConfigError as error:
            if not options.skip_failed:
                raise collect_failed("workspace", error) from error
            remote = None
        for one in (legacy, not legacy) if remote is not None else (legacy,):
            key = (remote.url if remote is not None else "", one)
            place = places.setdefault(key, Place(remote, one, set()))
            if one == legacy:
                place.used |= _used_oids(group, lambda oid: known.rows(oid, legacy), options, io, legacy)


def _everything(index: Index, stage: Stage, out: Out) -> bool:
    """Imports stay, too: they are used, though they can be fetched again."""
    return True


def _assign_default(remotes: Remotes, places: dict[tuple[str, bool], Place]) -> None:
    """Objects of no particular remote belong to the default one. Raises ConfigError."""
    remote = remotes.get()
    for legacy, _ in LAYOUTS:
        place = places.pop(("", legacy), Place(None, legacy, set()))
        places.setdefault((remote.url, legacy), Place(remote, legacy, set())).used |= place.used


def _used_oids(group: Group, rows_of: Callable[[str], Rows | None], options: Options, io: Io, legacy: bool) -> set[str]:
    """All objects of a group. Raises DataverError for a manifest that nobody has, unless the user accepts the loss."""
    oids = set(group.files)
    for oid, tree in group.trees.items():
        rows = rows_of(oid)
        if rows is not None:
            oids.add(oid)
            oids.update([md5 for _, md5 in rows])
            continue
        question = f"Missing cache for directory '{tree.name}'. Cache for files inside will be lost. Would you like to continue? Use '-f' to force."
        if not options.force and not io.confirm(question):
            raise DataverError(
                f"unable to fully collect used cache without cache for directory '{tree.name}'",
                hint="`dataver fetch` brings its manifest back from a remote.",
            )
        name = "md5-dos2unix" if legacy else "md5"
        io.warn(f"Some of the cache files do not exist neither locally nor on remote. Missing cache files:\nname: None, {name}: {oid}")
    return oids


def _finder(repo: Repo, remotes: Remotes, used: Used) -> Callable[[str, bool], bytes | None]:
    """Looks for a manifest in the remotes its outs belong to, and keeps it in the cache."""

    def find(oid: str, legacy: bool) -> bytes | None:
        for (config_data, name, layout), group in used.groups.items():
            if layout != legacy or oid not in group.trees:
                continue
            try:
                store = remotes.store(remotes.get(name, config_data), legacy)
                data = read_manifest(store, oid)
            except DataverError:
                continue  # no remote to ask
            if data is not None:
                (repo.legacy_store if legacy else repo.store).add_bytes(oid, data)
                return data
        return None

    return find


def open_projects(paths: list[str], io: Io) -> list[Repo]:
    """Other projects that share the cache. Raises NotARepository."""
    repos = []
    for path in paths:
        folder = os.path.realpath(os.path.join(io.cwd, path))
        if not os.path.isdir(folder):
            raise NotARepository(f"directory '{path}' does not exist")
        if not os.path.isdir(os.path.join(folder, DVC_DIR)):
            raise NotARepository(f"you are not inside of a DVC repository (checked '{path}')")
        repos.append(Repo.open(folder, io.settings))
    return repos
