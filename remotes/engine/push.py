"""Send what the workspace and commits use to their remotes."""
from __future__ import annotations

from remotes.engine.apart import Apart, VersionedData
from remotes.engine.exchange import Exchange, Outcome, manifests, pair_or_warn
from remotes.engine.facts import facts_of, hash_of, wrong_size
from remotes.engine.presence import existing
from remotes.engine.storage import Remotes
from remotes.engine.transfer import Transfer
from tracking.engine.errors import ConfigError, DataverError
from tracking.engine.hints import Callable
from tracking.engine.history import Selection
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.tree import DIR_SUFFIX
from tracking.engine.used import Expanded, Keep, Manifests, Request, Used, collect_used, expand


def push(
    repo: Repo, request: Request, io: Io, *, remote: str | None = None, jobs: int | None = None, is_trusted: bool = True, verify: bool = False
) -> int:
    """Returns how many objects were sent. is_trusted: use what is remembered of the remote. verify: read back what was sent.

    Raises DataverError when some could not be sent, ConfigError, RemoteError.
    """
    remotes = Remotes(repo, remote, tool=io.tool, is_trusted=is_trusted)
    if remotes.name is not None:
        remotes.get()  # an unknown name fails before anything is collected
    keep = pushable(remotes.name)
    apart = Apart(remotes, keep)
    used = collect_used(repo, request, keep, on_failure=lambda label, _: io.warn(f"failed to collect '{label}', skipping"), on_out=apart.take)
    if apart.versioned and request.selection != Selection():
        raise DataverError("Multiple rev push is unsupported for cloud versioned remotes", hint="What a commit needs was sent when it was made: its files name the versions.")
    count = push_used(repo, used, remotes, io, jobs=jobs, verify=verify)
    return count + _push_versions(repo, apart.versioned, io, jobs) if apart.versioned else count


def _push_versions(repo: Repo, noted: list[VersionedData], io: Io, jobs: int | None) -> int:
    from remotes.engine.versioned import push_versions, report

    result = push_versions(repo, noted, io, jobs)
    report(result, io, "upload")
    return result.count


def pushable(remote: str | None) -> Keep:
    """Which outs are pushed. remote: `-r NAME`, which leaves out what belongs to another one."""

    def keep(index: Index, stage: Stage, out: Out) -> bool:
        return out.push and not stage.is_repo_import and not (remote and out.remote and remote != out.remote.lower())

    return keep


def push_used(repo: Repo, used: Used, remotes: Remotes, io: Io, *, jobs: int | None = None, verify: bool = False) -> int:
    """Send collected objects; see `push`."""
    exchanges, no_default = pair_or_warn(repo, used, remotes, io)
    if not exchanges and no_default is None:
        remotes.get()  # nothing to send, and still an error when there is nowhere to send to
    outcome = Outcome()
    known = manifests(repo, exchanges, keep=True)
    for exchange in exchanges:
        _push_one(exchange, known, outcome, io, jobs or exchange.remote.jobs, verify)
    outcome.report(io)
    if outcome.failed:
        raise DataverError(f"{len(outcome.failed)} files failed to upload")
    if no_default is not None:
        raise ConfigError(str(no_default), no_default.hint)
    return outcome.count


def _push_one(exchange: Exchange, known: Manifests, outcome: Outcome, io: Io, jobs: int | None, verify: bool) -> None:
    store, cache, legacy = exchange.store, exchange.cache, exchange.legacy
    group = exchange.presence.incomplete(exchange.group)
    found = expand(group, lambda oid: known.rows(oid, legacy))
    outcome.missing += [(oid, legacy) for oid in found.unread]
    present = existing(store, found.names)
    todo = [oid for oid in found.names if oid not in present]
    if todo:
        sure = {item for oid in exchange.here.complete(found.whole) for item in (oid, *found.whole[oid])}
        here = sure | cache.exists([oid for oid in todo if oid not in sure])
        outcome.missing += [(oid, legacy) for oid in todo if oid not in here]
        present |= _beside(store, found)
        transfer = Transfer(cache, store, io.progress, label=f"Pushing to {exchange.remote.name}", suspect=True, jobs=jobs, inspect=_inspector(exchange) if verify else None)
        files = [oid for oid in todo if oid in here and oid not in found.whole]
        trees = {oid: listed for oid, listed in found.whole.items() if oid in here and oid not in present}
        result = transfer.run(files, trees, present)
        outcome.add(result)
        present.update(result.sent)
    for oid, listed in found.whole.items():
        if oid in present and listed is found.wanted[oid] and present.issuperset(listed):
            exchange.presence.remember(oid)


def _inspector(exchange: Exchange) -> Callable[[list[str]], dict[str, str]]:
    """Looks at what was sent, by size and, where that takes no download, by hash; what is damaged is deleted again."""
    store, cache = exchange.store, exchange.cache

    def inspect(sent: list[str]) -> dict[str, str]:
        there = facts_of(store, sent)
        bad = {oid: "it did not arrive" for oid in sent if oid not in there}
        for oid, fact in there.items():
            reason = wrong_size(oid, fact, cache.size(oid))
            is_doubtful = isinstance(store, LocalStore) or (fact.md5 is not None and fact.md5 != oid.removesuffix(DIR_SUFFIX))
            if not reason and is_doubtful and hash_of(store, oid, exchange.legacy, cache.journal_dir or cache.path, fact.size) != oid.removesuffix(DIR_SUFFIX):
                reason = "is not what its name says"
            if reason:
                bad[oid] = f"what arrived {reason}; it was deleted again"
        store.remove(oid for oid in bad if oid in there)
        return bad

    return inspect


def _beside(store: ObjectStore, found: Expanded) -> set[str]:
    """Of folders of which only a part is sent: what of the rest is in the remote already."""
    rest = {md5 for oid, listed in found.whole.items() if listed is not found.wanted[oid] for md5 in listed} - set(found.names)
    return existing(store, rest) if rest else set()
