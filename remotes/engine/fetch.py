"""Bring what the workspace and commits use from their remotes into the cache."""
from __future__ import annotations

import os

from remotes.engine.apart import Apart, ImportedData, VersionedData
from remotes.engine.elsewhere import LARGE_BYTES
from remotes.engine.exchange import Exchange, Outcome, manifests, pair_or_warn
from remotes.engine.presence import existing, listed_sizes
from remotes.engine.storage import Remotes
from remotes.engine.transfer import Transfer
from tracking.engine.errors import CorruptObject, DataverError, UnsafePath
from tracking.engine.hints import Callable, Iterable
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Digest, Out, Stage
from tracking.engine.tree import Rows
from tracking.engine.used import Keep, Manifests, Request, Used, collect_used, expand, type_filter


def fetch(
    repo: Repo,
    request: Request,
    io: Io,
    *,
    remote: str | None = None,
    jobs: int | None = None,
    max_size: int | None = None,
    types: Iterable[str] = (),
    is_trusted: bool = True,
    partial: dict[str, Digest] | None = None,
) -> int:
    """Returns how many objects came. Without any remote nothing does; missing objects are only warned about.

    max_size: in bytes, outs as large or larger are left out. types: "metrics", "plots". is_trusted: use what is
    remembered of the remote. partial: takes the hashes of imports whose .dvc files record none, by absolute path.
    Raises DataverError when objects could not be brought, ConfigError, RemoteError.
    """
    remotes = Remotes(repo, remote, tool=io.tool, is_trusted=is_trusted)
    keep = fetchable(remotes.name, max_size, tuple(types))
    apart = Apart(remotes, keep, with_imports=True, max_size=max_size)
    used = collect_used(repo, request, keep, on_failure=lambda label, _: io.warn(f"failed to collect '{label}', skipping"), on_out=apart.take)
    return fetch_used(repo, used, remotes, io, jobs=jobs) + fetch_apart(repo, apart, io, jobs, partial)


def fetch_apart(repo: Repo, apart: Apart, io: Io, jobs: int | None = None, partial: dict[str, Digest] | None = None) -> int:
    """Bring what is not kept as objects of a remote; see `fetch`."""
    count = fetch_noted_versions(repo, apart.versioned, io, jobs) if apart.versioned else 0
    return count + fetch_noted(repo, apart.imports, io, jobs, partial) if apart.imports else count


def fetch_noted_versions(repo: Repo, noted: list[VersionedData], io: Io, jobs: int | None = None) -> int:
    """Bring data of versioned remotes. Raises DataverError when some could not be brought."""
    from remotes.engine.versioned import fetch_versions, report

    result = fetch_versions(repo, noted, io.progress, jobs)
    report(result, io, "download")
    return result.count


def fetch_noted(repo: Repo, imports: list[ImportedData], io: Io, jobs: int | None = None, partial: dict[str, Digest] | None = None) -> int:
    """Bring noted data; see `fetch`."""
    from remotes.engine.importing import fetch_imports

    found = fetch_imports(repo, imports, io, jobs)
    if partial is not None:
        partial.update(found.digests)
    for path, reason in sorted(found.failed.items()):
        io.error(f"failed to fetch '{path}' - {reason}")
    if found.failed:
        raise DataverError(f"{len(found.failed)} imports could not be fetched" if len(found.failed) > 1 else "an import could not be fetched")
    return found.count


def fetchable(remote: str | None, max_size: int | None = None, types: tuple[str, ...] = ()) -> Keep:
    """Which outs are brought. remote: `-r NAME`, which leaves out what belongs to another one."""
    filters: dict[int, Callable[[Out], bool]] = {}

    def keep(index: Index, stage: Stage, out: Out) -> bool:
        if stage.is_repo_import or (remote and out.remote and remote != out.remote.lower()):
            return False
        if max_size and out.meta.size and out.meta.size >= max_size:
            return False
        if not types:
            return True
        if id(index) not in filters:
            filters[id(index)] = type_filter(index, types)
        return filters[id(index)](out)

    return keep


def fetch_used(repo: Repo, used: Used, remotes: Remotes, io: Io, *, jobs: int | None = None) -> int:
    """Bring collected objects; see `fetch`."""
    exchanges, _ = pair_or_warn(repo, used, remotes, io)
    outcome = Outcome()
    known = manifests(repo, exchanges, keep=False)
    for exchange in exchanges:
        lacked = len(outcome.missing)
        _fetch_one(repo, exchange, known, outcome, io, jobs or exchange.remote.jobs)
        if len(outcome.missing) > lacked and isinstance(exchange.store, LocalStore) and not os.path.isdir(exchange.store.root):
            name = exchange.remote.name
            io.warn(f"the folder of remote '{name}' does not exist: '{exchange.remote.url}'. Mount it, or correct it: `dataver remote modify {name} url FOLDER`.")
    outcome.report(io)
    if outcome.failed:
        raise DataverError(f"{len(outcome.failed)} files failed to download")
    return outcome.count


def _fetch_one(repo: Repo, exchange: Exchange, known: Manifests, outcome: Outcome, io: Io, jobs: int | None) -> None:
    store, cache, legacy = exchange.store, exchange.cache, exchange.legacy
    is_folder = isinstance(store, LocalStore)

    def rows_of(oid: str) -> Rows | None:
        try:
            return known.rows(oid, legacy)
        except (UnsafePath, CorruptObject) as error:
            if is_folder:
                raise
            exchange.damaged[oid] = str(error)  # the others still come
            return None

    found = expand(exchange.here.incomplete(exchange.group), rows_of)
    outcome.failed.update({oid: exchange.damaged[oid] for oid in found.unread if oid in exchange.damaged})
    outcome.missing += [(oid, legacy) for oid in found.unread if oid not in exchange.damaged]
    present = cache.exists(found.names)
    todo = [oid for oid in found.names if oid not in present]
    sent: set[str] = set()
    if todo:
        there = existing(store, todo) if is_folder else set(todo)  # elsewhere, fetching an object is the quickest way of asking for it
        outcome.missing += [(oid, legacy) for oid in todo if oid not in there]
        files = [oid for oid in todo if oid in there and oid not in found.whole]
        sizes = listed_sizes(store, files) if exchange.group.bytes > LARGE_BYTES else {}  # little is there before it is counted
        transfer = Transfer(store, cache, io.progress, label=f"Fetching from {exchange.remote.name}", verify=exchange.remote.verify, jobs=jobs, sizes=sizes, held=exchange.read)
        # of a folder asked for in part, the manifest comes with the part
        trees = {oid: listed for oid, listed in found.wanted.items() if oid in there and oid not in present}
        result = transfer.run(files, trees, present)
        outcome.add(result)
        outcome.missing += [(oid, legacy) for oid in result.missing]
        if result.missing:
            exchange.presence.forget()
        sent.update(result.sent)
        present |= sent
    for oid, listed in found.whole.items():
        if oid in present and listed is found.wanted[oid] and present.issuperset(listed):
            exchange.here.remember(oid)
            if not is_folder and oid in sent and sent.issuperset(listed):
                exchange.presence.remember(oid)
