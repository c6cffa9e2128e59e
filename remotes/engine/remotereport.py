"""What a remote holds: how much of it the workspace and commits use, and how much nothing uses."""
from __future__ import annotations

import os

from remotes.engine.exchange import read_manifest
from remotes.engine.filesystems import translated
from remotes.engine.retry import plain
from remotes.engine.runcache import RUNS
from remotes.engine.storage import Remote, Remotes
from tracking.engine import atomic
from tracking.engine.credentials import masked
from tracking.engine.errors import CorruptObject, DataverError, UnsafePath
from tracking.engine.hints import Any
from tracking.engine.history import Selection
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Progress
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.tree import DIR_SUFFIX, Rows
from tracking.engine.used import Manifests, Request, collect_used, expand

Key = tuple[str, bool]  # (oid, of the 2.x layout)
WORKSPACE, COMMITS, UNUSED = "workspace", "commits", "unused"
FILES, MANIFESTS, RUN_CACHE, UNFINISHED = "files", "manifests", "run_cache", "unfinished"
SCOPES = ((WORKSPACE, Selection()), (COMMITS, Selection(commits=True, experiments=True, workspace=False)))


@record
class Amount:
    """Objects and their bytes."""

    objects: int = 0
    size: int = 0

    def add(self, size: int) -> None:
        self.objects += 1
        self.size += size

    def as_json(self) -> dict[str, int]:
        return {"objects": self.objects, "size": self.size}


@record
class RemoteReport:
    """amounts: scope -> kind -> Amount; an object counts for the first scope that uses it. problems: (revision, why it could not be read).

    unfinished: what pushes left that were killed; no part of the total. Its size is 0 where the storage does not tell.
    """

    name: str
    url: str
    amounts: dict[str, dict[str, Amount]] = field(default_factory=dict)
    run_cache: Amount = field(default_factory=Amount)
    unfinished: Amount = field(default_factory=Amount)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def total(self) -> Amount:
        """Of all objects and the run cache."""
        found = [amount for kinds in self.amounts.values() for amount in kinds.values()] + [self.run_cache]
        return Amount(sum(amount.objects for amount in found), sum(amount.size for amount in found))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "url": self.url,
            **self.total().as_json(),
            **{scope: {kind: amount.as_json() for kind, amount in kinds.items()} for scope, kinds in self.amounts.items()},
            RUN_CACHE: self.run_cache.as_json(),
            UNFINISHED: self.unfinished.as_json(),
            "problems": [{"revision": revision, "reason": reason} for revision, reason in self.problems],
        }


def remote_report(repo: Repo, remotes: Remotes, remote: Remote, progress: Progress) -> RemoteReport:
    """Lists the whole remote, and reads every commit. Raises RemoteError, DataverError."""
    report = RemoteReport(remote.name, masked(remote.url))
    stores = {legacy: remotes.store(remote, legacy) for legacy in (False, True)}
    progress.start(f"Listing {remote.name}")
    sizes: dict[Key, int] = {}
    for legacy, store in stores.items():
        for oid, size in store.list_oids(with_size=True):
            sizes[oid, legacy] = size or 0
            progress.advance()
    report.run_cache = _run_cache(stores[False])
    for _, size, _ in stores[False].leftovers() if hasattr(plain(stores[False]), "leftovers") else ():  # type: ignore[attr-defined]
        report.unfinished.add(size or 0)
    left = dict(sizes)
    for scope, used in _used(repo, stores, sizes, report, progress):
        report.amounts[scope] = _counted(left, used)
        for key in used & left.keys():
            del left[key]
    report.amounts[UNUSED] = _counted(left, set(left))
    progress.finish()
    return report


def _used(repo: Repo, stores: dict[bool, ObjectStore], sizes: dict[Key, int], report: RemoteReport, progress: Progress) -> list[tuple[str, set[Key]]]:
    """Objects of each scope, whether the remote has them or not."""

    def find(oid: str, legacy: bool) -> bytes | None:
        return read_manifest(stores[legacy], oid) if (oid, legacy) in sizes else None

    manifests, result = Manifests(repo, find), []
    broken: set[Key] = set()

    def rows(oid: str, legacy: bool) -> Rows | None:
        """Of a manifest; one that is damaged is told once, and counts as if it listed nothing."""
        try:
            return manifests.rows(oid, legacy)
        except (CorruptObject, UnsafePath) as error:
            if (oid, legacy) not in broken:
                broken.add((oid, legacy))
                report.problems.append((oid, error.message))
            return None

    for scope, selection in SCOPES:
        progress.start("Reading commits" if scope == COMMITS else "Reading the workspace")
        try:
            used = collect_used(repo, Request(selection=selection), _everything, on_failure=lambda label, error: report.problems.append((label, error.message)))
        except DataverError:  # noted already
            result.append((scope, set[Key]()))
            continue
        found: set[Key] = set()
        for (_, _, legacy), group in used.groups.items():
            expanded = expand(group, lambda oid, legacy=legacy: rows(oid, legacy))  # type: ignore[misc]
            found |= {(oid, legacy) for oid in expanded.names}
            found |= {(oid, legacy) for oids in expanded.whole.values() for oid in oids}
            found |= {(oid, legacy) for oid in group.trees}
        result.append((scope, found))
    return result


def _everything(index: Index, stage: Stage, out: Out) -> bool:
    return True


def _counted(sizes: dict[Key, int], keys: set[Key]) -> dict[str, Amount]:
    amounts = {FILES: Amount(), MANIFESTS: Amount()}
    for key, size in sizes.items():
        if key in keys:
            amounts[MANIFESTS if key[0].endswith(DIR_SUFFIX) else FILES].add(size)
    return amounts


def _run_cache(store: ObjectStore) -> Amount:
    """Of a storage elsewhere all files count that lie there; none where it cannot be listed."""
    amount = Amount()
    if isinstance(store, LocalStore):
        for folder, _, names in os.walk(os.path.join(store.path, RUNS)):
            for name in names:
                if not atomic.is_temp_name(name):
                    amount.add(os.stat(os.path.join(folder, name)).st_size)
        return amount
    location = getattr(plain(store), "location", None)
    if location is not None:
        try:
            with translated(location.url):
                found = location.fs.find(location.join(RUNS), detail=True)
        except FileNotFoundError:
            return amount
        for entry in found.values():
            amount.add(int(entry.get("size") or 0))
    return amount
