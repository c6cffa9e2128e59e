"""Which objects a store holds.

A folder known to be complete is not opened, nor are its objects asked for. Of a store in a local
folder the state database remembers it together with the store's signature, which changes with any
object added or removed by anybody. A store elsewhere has no such thing: there a remembered folder
counts while its manifest is still there, because whoever deletes deletes manifests first. Where that
is not enough (`remote check`, `gc -c`, `--no-presence`), nothing remembered is used.
"""
from __future__ import annotations

from remotes.engine.retry import Retry, plain
from remotes.engine.storage import Remote
from tracking.engine.credentials import is_secret, masked
from tracking.engine.hashing import small_md5
from tracking.engine.hints import Collection, Iterable
from tracking.engine.objects import PREFIXES, LocalStore, ObjectStore
from tracking.engine.repo import Repo
from tracking.engine.used import Group, UsedTree

ASK_AT_ONCE = 16  # objects; below, no thought is given to listing
PAGE_OBJECTS = 1000  # in one answer to a listing, where a store does not say (`page_objects`)
FOLDER_REQUESTS = 3  # to list one, of stores with real folders: open, read, close
SIZES_SHARE = 20  # a listing for the sizes' sake may cost one request in so many
INDIFFERENT = ("jobs", "verify", "timeout", "connect_timeout", "read_timeout")  # options that do not say where data lies


class Presence:
    """What is known of one store. place: its name in the state database, for one elsewhere. is_trusted: use what is remembered."""

    def __init__(self, repo: Repo, store: ObjectStore, place: str = "", is_trusted: bool = True) -> None:
        self.repo = repo
        self.store = store
        self.place = place
        self.is_trusted = is_trusted

    def complete(self, trees: Iterable[str]) -> set[str]:
        """Those of the manifests that are there with all they list."""
        if not self.is_trusted:
            return set()
        state = self.repo.state
        if isinstance(self.store, LocalStore):
            return {oid for oid in trees if state.known_complete(self.store, oid)}
        known = {oid for oid in trees if state.known_complete_at(self.place, oid)}
        if not known or existing(self.store, known) == known:
            return known
        self.forget()  # somebody cleaned up there
        return set()

    def remember(self, oid: str) -> None:
        """A manifest and all it lists are there, as was just seen."""
        if isinstance(self.store, LocalStore):
            self.repo.state.remember_complete(self.store, oid)
        else:
            self.repo.state.remember_complete_at(self.place, oid)

    def forget(self) -> None:
        """Objects may have gone."""
        if not isinstance(self.store, LocalStore):
            self.repo.state.forget_complete_at(self.place)

    def incomplete(self, group: Group) -> Group:
        """The group without the folders that the store is known to hold."""
        known = self.complete(group.trees)
        trees: dict[str, UsedTree] = {oid: tree for oid, tree in group.trees.items() if oid not in known}
        return Group(group.files, trees)


def place_of(remote: Remote, legacy: bool) -> str:
    """Differs for storages that may hold different objects. No secret goes into it."""
    options = sorted((name, str(value)) for name, value in remote.options.items() if name not in INDIFFERENT and not is_secret(("remote", remote.name, name)))
    return f"remote:{small_md5(repr((masked(remote.url), options, legacy)).encode('utf-8', 'surrogateescape')).hexdigest()}"


def can_list(store: ObjectStore) -> bool:
    """Whether the store can be asked what it holds; a web server cannot."""
    return bool(getattr(plain(store), "can_list", True))


def existing(store: ObjectStore, oids: Collection[str]) -> set[str]:
    """Those of `oids` that the store holds: asked for or listed, whichever takes fewer requests."""
    if not oids:
        return set()
    if isinstance(store, LocalStore) or len(oids) <= ASK_AT_ONCE or not can_list(store):
        return store.exists(oids)  # in a folder, asking costs microseconds and sees modes, too
    sample = Sample(store, set(oids))
    found = sample.asked.intersection(sample.listed)
    rest = sample.rest()
    if not rest:
        return found
    prefixes, requests = _cheapest(store, rest, sample.in_a_prefix)
    if len(rest) <= requests:
        return found | store.exists(rest)
    return found | {oid for oid, _ in store.list_oids(prefixes) if oid in rest}


class Sample:
    """One request's worth of listing: what it says of the objects asked for, and how many a prefix is likely to hold.

    Of buckets the beginning of the whole listing, which is all there is of a small store; else one prefix.
    """

    def __init__(self, store: ObjectStore, asked: set[str]) -> None:
        self.asked = asked
        self.is_all = False
        first_page = getattr(plain(store), "first_page", None)
        if first_page is None:
            self.prefix = min(asked)[:2]
            self.listed = dict(store.list_oids([self.prefix], with_size=True))
            self.in_a_prefix = len(self.listed)
            return
        self.prefix = ""
        listed, self.is_all = getattr(store, "retry", Retry())(first_page)
        self.listed = dict(listed)
        names = [oid for oid, _ in listed]
        self.last = names[-1] if names and names == sorted(names) else ""  # some services list in no order
        share = (int(self.last[:8], 16) + 1) / 16**8 if self.last else 1.0
        self.in_a_prefix = int(len(self.listed) / share / len(PREFIXES)) + 1

    def rest(self) -> set[str]:
        """Those it says nothing of."""
        if self.is_all:
            return set()
        if self.prefix:
            return {oid for oid in self.asked if not oid.startswith(self.prefix)}
        return {oid for oid in self.asked if oid > self.last and oid not in self.listed}


def listed_sizes(store: ObjectStore, oids: Collection[str]) -> dict[str, int]:
    """Sizes in bytes of as many of `oids` as a cheap listing tells: none where asking would take many requests."""
    if isinstance(store, LocalStore) or not oids or not can_list(store):
        return {}
    if len(oids) < SIZES_SHARE:
        return _sizes_of_few(store, oids)
    wanted = set(oids)
    if len({oid[:2] for oid in wanted}) > len(wanted) // SIZES_SHARE and not getattr(plain(store), "lists_at_once", False):
        return {}
    sample = Sample(store, wanted)
    if sample.is_all:
        return {oid: size for oid in wanted if (size := sample.listed.get(oid)) is not None}
    prefixes, requests = _cheapest(store, wanted, sample.in_a_prefix)
    if requests > len(wanted) // SIZES_SHARE:
        return {}
    return {oid: size for oid, size in store.list_oids(prefixes, with_size=True) if size is not None and oid in wanted}


def _sizes_of_few(store: ObjectStore, oids: Collection[str]) -> dict[str, int]:
    """Of buckets, where asking takes no longer for all than for one."""
    inner = plain(store)
    if not getattr(inner, "lists_at_once", False) or not hasattr(inner, "facts"):
        return {}
    found = getattr(store, "retry", Retry())(lambda: inner.facts(oids))
    return {oid: size for oid, (size, _) in found.items() if size is not None}


def _cheapest(store: ObjectStore, oids: Collection[str], in_a_prefix: int) -> tuple[list[str] | None, int]:
    """(prefixes to list, None for all at once; how many requests that is likely to take)."""
    page = getattr(plain(store), "page_objects", PAGE_OBJECTS)
    prefixes = sorted({oid[:2] for oid in oids})
    single = len(prefixes) * max(1, -(-in_a_prefix // page))
    if not getattr(plain(store), "lists_at_once", False):
        return (None if len(prefixes) == len(PREFIXES) else prefixes), FOLDER_REQUESTS * single
    whole = max(1, -(-in_a_prefix * len(PREFIXES) // page))
    return (None, whole) if whole <= single else (prefixes, single)
