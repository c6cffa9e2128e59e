"""What a store tells of objects without their being read: size, and the hash where it keeps one."""
from __future__ import annotations

import os

from remotes.engine.elsewhere import EMPTY
from remotes.engine.presence import ASK_AT_ONCE, can_list
from remotes.engine.retry import Retry, plain
from tracking.engine import atomic
from tracking.engine.hashing import hash_file, new_md5
from tracking.engine.hints import Collection
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.record import record
from tracking.engine.stage import MD5, MD5_DOS2UNIX
from tracking.engine.tree import DIR_SUFFIX

ASK_AT_MOST = 64


@record(frozen=True)
class Fact:
    """size: in bytes, None where the store does not tell. md5: of the bytes, in hex, None where it keeps none."""

    size: int | None = None
    md5: str | None = None


UNKNOWN = Fact()


def facts_of(store: ObjectStore, oids: Collection[str]) -> dict[str, Fact]:
    """Of those that are there.

    A listing that lags behind is not believed when it lacks something: those are asked for one by one.
    """
    if not oids:
        return {}
    wanted = set(oids)
    found: dict[str, Fact] = {}
    inner, retry = plain(store), getattr(store, "retry", Retry())
    if hasattr(inner, "list_facts") and len(wanted) > ASK_AT_ONCE:
        found = {oid: Fact(size, md5) for oid, size, md5 in retry(lambda: inner.list_facts(_prefixes(wanted))) if oid in wanted}
    elif can_list(store) and (len(wanted) > ASK_AT_ONCE or not hasattr(inner, "facts")):
        found = {oid: Fact(size) for oid, size in store.list_oids(_prefixes(wanted), with_size=True) if oid in wanted}
    rest = wanted - found.keys()
    if rest and hasattr(inner, "facts"):
        found.update({oid: Fact(size, md5) for oid, (size, md5) in retry(lambda: inner.facts(rest)).items()})
    elif rest and not isinstance(store, LocalStore):
        found.update(dict.fromkeys(store.exists(rest), UNKNOWN))
    return found


def _prefixes(oids: set[str]) -> list[str] | None:
    """To be listed; None for all at once."""
    prefixes = sorted({oid[:2] for oid in oids})
    return prefixes if len(prefixes) < ASK_AT_MOST else None


def wrong_size(oid: str, fact: Fact, expected: int | None) -> str:
    """What is wrong with an object's size, "" when nothing is known to be."""
    if fact.size is None:
        return ""
    if expected is not None and fact.size != expected:
        return f"has {fact.size} bytes instead of {expected}"
    return "is empty" if not fact.size and oid.removesuffix(DIR_SUFFIX) != EMPTY else ""


def hash_of(store: ObjectStore, oid: str, legacy: bool, scratch: str, size: int | None = None) -> str:
    """Of the bytes that the store gives, lower-case hex. scratch: a folder for what cannot be hashed on its way. size: where it is known.

    Raises FileNotFoundError, RemoteError.
    """
    algorithm = MD5_DOS2UNIX if legacy and not oid.endswith(DIR_SUFFIX) else MD5
    if isinstance(store, LocalStore):
        return hash_file(store.path_of(oid), algorithm)
    stream = getattr(plain(store), "stream", None)
    if stream is not None and algorithm == MD5 and size:
        retry = getattr(store, "retry", Retry())

        def read() -> str:
            digest = new_md5()
            for block in stream(oid, size):
                digest.update(block)
            return str(digest.hexdigest())

        return str(retry(read))
    temporary = os.path.join(scratch, atomic.temp_name())
    try:
        store.get(oid, temporary)
        return hash_file(temporary, algorithm)
    finally:
        atomic.discard(temporary)
