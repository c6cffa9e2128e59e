"""What push, fetch and status share: groups of used objects paired with the remote they belong to."""
from __future__ import annotations

from contextlib import contextmanager

from remotes.engine.elsewhere import JOBS, corrupted
from remotes.engine.presence import Presence, place_of
from remotes.engine.storage import Remote, Remotes, is_cache
from remotes.engine.threads import on_threads
from remotes.engine.transfer import Transferred
from tracking.engine.errors import ConfigError, CorruptObject, DataverError, InvalidFile
from tracking.engine.hints import Iterator
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Io
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.tree import tree_oid
from tracking.engine.used import Group, Manifests, Used, missing_text

SHOWN_FAILURES = 50
READ_AHEAD = 200  # manifests
HELD_BYTES = 64 << 20


@record
class Exchange:
    """Objects of one remote and layout, and the two stores they move between.

    presence: what is known of the remote's store. here: the same of the cache. Of manifests asked for elsewhere: read,
    bytes of some; absent; damaged, not what their names say, and why.
    """

    remote: Remote
    legacy: bool
    cache: LocalStore
    store: ObjectStore
    presence: Presence
    here: Presence
    group: Group = field(default_factory=Group)
    read: dict[str, bytes] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    damaged: dict[str, str] = field(default_factory=dict)


@record
class Outcome:
    """count: objects that arrived. failed: oid -> why. missing: (oid, legacy) that nobody has."""

    count: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, result: Transferred) -> None:
        self.count += len(result.sent)
        self.failed.update(result.failed)

    def report(self, io: Io) -> None:
        """Name what is missing and what failed."""
        if self.missing:
            io.warn(missing_text(sorted(set(self.missing))))
        for oid, reason in sorted(self.failed.items())[:SHOWN_FAILURES]:
            io.error(f"failed to transfer '{oid}' - {reason}")
        if len(self.failed) > SHOWN_FAILURES:
            io.error(f"... and {len(self.failed) - SHOWN_FAILURES} more")


def pair(repo: Repo, used: Used, remotes: Remotes, io: Io) -> tuple[list[Exchange], ConfigError | None]:
    """One exchange per remote and layout, and the error of the groups whose remote is not set up at all.

    Raises ConfigError for an out that names an unknown remote, RemoteError.
    """
    def corrupted(oid: str, where: str) -> None:
        io.warn(f"object '{oid}' is corrupted: moved to '{where}'")

    found: dict[tuple[str, bool], Exchange] = {}
    no_default: ConfigError | None = None
    for (config_data, name, legacy), group in used.groups.items():
        try:
            remote = remotes.get(name, config_data)
        except ConfigError as error:
            if name is not None or remotes.default_name() is not None:
                raise
            no_default = error
            continue
        exchange = found.get((remote.url, legacy))
        if exchange is None:
            cache, there = repo.legacy_store if legacy else repo.store, remotes.store(remote, legacy)
            if is_cache(repo, there):
                io.warn(f"remote '{remote.name}' is the cache itself: nothing is kept elsewhere")
            presence = Presence(repo, there, place_of(remote, legacy), remotes.is_trusted)
            exchange = found[remote.url, legacy] = Exchange(remote, legacy, cache, there, presence, Presence(repo, cache))
            for store in (exchange.cache, exchange.store):
                if isinstance(store, LocalStore):
                    store.on_corrupt = corrupted
        exchange.group.merge(group)
    return list(found.values()), no_default


def pair_or_warn(repo: Repo, used: Used, remotes: Remotes, io: Io) -> tuple[list[Exchange], ConfigError | None]:
    """`pair`, with the line that comes before its error in dvc."""
    try:
        return pair(repo, used, remotes, io)
    except ConfigError:
        io.warn("failed to collect 'workspace', skipping")
        raise


def manifests(repo: Repo, exchanges: list[Exchange], *, keep: bool) -> Manifests:
    """Manifests of the cache, else of any of the remotes; with `keep` those are put into the cache.

    Raises RemoteError when a storage elsewhere cannot be asked.
    """
    def find(oid: str, legacy: bool) -> bytes | None:
        for exchange in exchanges:
            if exchange.legacy == legacy and oid in exchange.group.trees and oid not in exchange.damaged:
                data = _read_at_store(exchange, oid) if isinstance(exchange.store, LocalStore) else _read_ahead(exchange, oid)
                if data is not None:
                    if keep:
                        exchange.cache.add_bytes(oid, data)
                    return data
        return None

    return Manifests(repo, find)


def _read_ahead(exchange: Exchange, oid: str) -> bytes | None:
    """A manifest from far away, together with those that come after it: one at a time they would take minutes."""
    if oid not in exchange.read and oid not in exchange.absent:
        order = list(exchange.group.trees)
        later = [other for other in order[order.index(oid) :] if other not in exchange.read and other not in exchange.absent and other not in exchange.damaged]
        here = exchange.cache.exists(later)
        wanted = [other for other in later if other not in here][:READ_AHEAD]
        if sum(map(len, exchange.read.values())) > HELD_BYTES:  # the manifests of a long history
            exchange.read.clear()
        found = on_threads(wanted, lambda other: _read_at_store(exchange, other), exchange.remote.jobs or JOBS)
        exchange.read.update((other, data) for other, data in zip(wanted, found) if data is not None)
        exchange.absent.update(other for other, data in zip(wanted, found) if data is None)
    return exchange.read.get(oid)


def _read_at_store(exchange: Exchange, oid: str) -> bytes | None:
    """A manifest from the remote; damage on the way passes, damage in the store is noted."""
    for _ in range(2):
        try:
            data = exchange.store.read(oid)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except CorruptObject:
            break
        if tree_oid(data) == oid:
            return data
    exchange.damaged[oid] = corrupted(oid)
    return None


def read_manifest(store: ObjectStore, oid: str) -> bytes | None:
    """A manifest's bytes, None when the store lacks it or holds damaged ones."""
    try:
        data = store.read(oid)
    except (FileNotFoundError, NotADirectoryError, CorruptObject):
        return None
    return data if tree_oid(data) == oid else None


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Errors in the block become `failed to WHAT - ...`, exit code 1; those about a YAML file speak for themselves."""
    try:
        yield
    except InvalidFile:
        raise
    except ConfigError as error:
        raise DataverError(f"{what}config file error: {error}", error.hint) from error
    except DataverError as error:
        raise DataverError(f"{what}{error}", error.hint) from error
    except OSError as error:
        named = f": '{error.filename}'" if error.filename else ""
        raise DataverError(f"{what}{error.strerror or error}{named}") from error


def plural(count: int, what: str) -> str:
    """`1 file pushed`, `4 files pushed`."""
    return f"{count} file{'s' if count > 1 else ''} {what}"


def note_no_remote(repo: Repo, remote: str | None, io: Io) -> None:
    """Say so when there is nowhere to fetch from: that is no error."""
    if not remote and not repo.config.default_remote() and io.verbosity >= 0:
        io.plain_error("No remote provided and no default remote set.")
