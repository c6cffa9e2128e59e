"""`remote check`: whether a remote holds every object of the wanted revisions, whole, and who needs those it does not.

Nothing remembered is believed here. Sizes are compared with the cache's objects, else with what .dvc files and
dvc.lock say; with `verify` every object is hashed, where the storage does not tell its hash itself by reading it.
"""
from __future__ import annotations

import os

from remotes.engine.apart import Apart, VersionedData
from remotes.engine.elsewhere import JOBS
from remotes.engine.exchange import Exchange, manifests, pair_or_warn
from remotes.engine.facts import UNKNOWN, Fact, facts_of, hash_of, wrong_size
from remotes.engine.push import pushable
from remotes.engine.storage import Remotes
from remotes.engine.threads import on_threads
from tracking.engine.errors import ConfigError, CorruptObject, DataverError, UnsafePath
from tracking.engine.hints import Any, Iterable
from tracking.engine.history import revisions
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore
from tracking.engine.parallel import worker_count
from tracking.engine.protocols import Io
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.tree import DIR_SUFFIX, Rows
from tracking.engine.used import Group, Keep, Manifests, Request, collect_used

MISSING, DAMAGED = "missing", "damaged"
SHORT = 7


@record(frozen=True)
class Need:
    """path: of the file as messages name it. revision: label of the workspace, branches and tags, or a commit. stage: its address."""

    path: str
    revision: str
    stage: str


@record(frozen=True)
class Finding:
    """An object that is not as it should be. state: missing or damaged. size: in bytes, None where nobody knows."""

    state: str
    oid: str
    remote: str
    reason: str
    size: int | None
    needs: tuple[Need, ...]

    def as_json(self) -> dict[str, Any]:
        needs = [{"path": need.path, "revision": need.revision, "stage": need.stage} for need in self.needs]
        return {"oid": self.oid, "remote": self.remote, "reason": self.reason, "size": self.size, "needed_by": needs}


@record
class Checked:
    """remotes: that were asked. objects, size: looked at, and what they take there. unread: revisions that could not be read, and why. dropped: damaged objects that were deleted."""

    remotes: list[str] = field(default_factory=list)
    objects: int = 0
    size: int = 0
    findings: list[Finding] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    dropped: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.findings and not self.unread

    def of(self, state: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.state == state]


class _Needs:
    """Who names an object of an out: (oid, layout) -> where, noted while outs are collected."""

    def __init__(self, repo: Repo, keep: Keep) -> None:
        self.repo = repo
        self.keep = keep
        self.found: dict[tuple[str, bool], list[Need]] = {}
        self.sizes: dict[tuple[str, bool], int] = {}
        self.labels: dict[str, str] = {}

    def __call__(self, index: Index, stage: Stage, out: Out) -> bool:
        if not self.keep(index, stage, out):
            return False
        if out.digest is not None:
            key = (out.digest.value, out.digest.is_legacy)
            name = self.repo.display(out.abspath) if out.abspath else out.path
            self.found.setdefault(key, []).append(Need(name, self.labels.get(index.rev, index.rev[:SHORT]), stage.address(self.repo.cwd)))
            if out.meta.size is not None:
                self.sizes[key] = out.meta.size
        return True


def check(repo: Repo, request: Request, io: Io, *, remote: str | None = None, jobs: int | None = None, verify: bool = False, drop: bool = False) -> Checked:
    """drop: delete damaged objects that the cache holds, so that a push sends them again.

    Raises ConfigError without a remote, RemoteError when one cannot be asked, DataverError."""
    remotes = Remotes(repo, remote, tool=io.tool, command="remote check", is_trusted=False)
    if remotes.name is not None:
        remotes.get()  # an unknown name fails before anything is collected
    result = Checked()
    needs = _Needs(repo, pushable(remotes.name))
    needs.labels = {files.rev: label for label, files in revisions(repo, request.selection) if label != files.rev}
    apart = Apart(remotes, needs)
    used = collect_used(repo, request, needs, on_failure=lambda label, error: result.unread.__setitem__(label, str(error)), on_out=apart.take)
    exchanges, no_default = pair_or_warn(repo, used, remotes, io)
    if no_default is not None:
        raise ConfigError(str(no_default), no_default.hint)
    if not exchanges and not apart.versioned:
        result.remotes = [remotes.get().name]
    known = manifests(repo, exchanges, keep=False)
    for exchange in exchanges:
        _check_one(exchange, known, needs, result, io, jobs, verify, drop)
    if apart.versioned:
        _check_versions(repo, apart.versioned, needs, result, io, jobs, verify)
    result.remotes = list(dict.fromkeys([*result.remotes, *(exchange.remote.name for exchange in exchanges)]))
    return result


def _check_versions(repo: Repo, noted: list[VersionedData], needs: _Needs, result: Checked, io: Io, jobs: int | None, verify: bool) -> None:
    """Of remotes that keep data under its own names; neighbouring commits name the same versions."""
    from remotes.engine.checkversions import look_at_versions

    different = {(data.remote.name, data.out.path, data.part, str(data.out.files), data.out.digest, data.out.meta): data for data in noted}
    for looked in look_at_versions(repo, list(different.values()), io, jobs, verify):
        digest, name = looked.data.out.digest, looked.data.remote.name
        result.objects += 1
        result.size += looked.size or 0
        if name not in result.remotes:
            result.remotes.append(name)
        if looked.state and digest is not None:
            users = needs.found.get((digest.value, digest.is_legacy), [])
            named = tuple(Need(f"{need.path}/{looked.rel}" if looked.rel else need.path, need.revision, need.stage) for need in users)
            result.findings.append(Finding(looked.state, looked.oid, name, looked.reason, None, named))


def _check_one(exchange: Exchange, known: Manifests, needs: _Needs, result: Checked, io: Io, jobs: int | None, verify: bool, drop: bool) -> None:
    legacy, store = exchange.legacy, exchange.store
    listed, unusable = _listed(exchange, known)
    oids = {*exchange.group.files, *exchange.group.trees, *(md5 for rows in listed.values() for _, md5 in rows)}
    io.progress.start(f"Asking {exchange.remote.name}", None)
    there = facts_of(store, oids)
    io.progress.finish()
    expected = {oid: size for oid in oids if (size := _expected(exchange, needs, oid)) is not None}
    bad: dict[str, tuple[str, str]] = {oid: (MISSING, "is not there") for oid in oids if oid not in there}
    for oid, fact in there.items():
        reason = unusable.get(oid) or wrong_size(oid, fact, expected.get(oid))
        if reason:
            bad[oid] = (DAMAGED, reason)
    if verify:
        bad.update(_wrong_hashes(exchange, {oid: fact for oid, fact in there.items() if oid not in bad}, io, jobs))
    whole = {oid: rows for oid, rows in listed.items() if exchange.group.trees[oid].parts is None}
    bad.update(_wrong_sums(whole, there, needs, bad, legacy))
    if bad:
        exchange.presence.forget()
    if drop:
        result.dropped += _drop(exchange, [oid for oid, (state, _) in bad.items() if state == DAMAGED], listed)
    result.objects += len(oids)
    result.size += sum(fact.size or 0 for fact in there.values())
    users = _users(bad, exchange.group, listed, needs, legacy)
    for oid, (state, reason) in sorted(bad.items(), key=lambda item: (item[1][0] != MISSING, users[item[0]][:1] and users[item[0]][0].path, item[0])):
        result.findings.append(Finding(state, oid, exchange.remote.name, reason, expected.get(oid), tuple(users[oid])))


def _drop(exchange: Exchange, damaged: list[str], listed: dict[str, Rows]) -> int:
    """Manifests that name a damaged file go before it: they would claim that it is there."""
    gone = exchange.cache.exists(damaged)
    naming = {oid for oid, rows in listed.items() if any(md5 in gone for _, md5 in rows)}
    exchange.store.remove(sorted(naming | {oid for oid in gone if oid.endswith(DIR_SUFFIX)}))
    exchange.store.remove(sorted(oid for oid in gone if not oid.endswith(DIR_SUFFIX)))
    return len(gone)


def _listed(exchange: Exchange, known: Manifests) -> tuple[dict[str, Rows], dict[str, str]]:
    """What the wanted manifests list, and those that cannot be used, with the reason."""
    listed: dict[str, Rows] = {}
    for oid, tree in exchange.group.trees.items():
        try:
            rows = known.rows(oid, exchange.legacy)
        except (UnsafePath, CorruptObject) as error:
            exchange.damaged[oid] = str(error)
            continue
        if rows is not None:
            listed[oid] = tree.rows(rows)
    return listed, exchange.damaged


def _expected(exchange: Exchange, needs: _Needs, oid: str) -> int | None:
    try:
        return exchange.cache.size(oid)
    except OSError:
        return None if oid.endswith(DIR_SUFFIX) else needs.sizes.get((oid, exchange.legacy))


def _wrong_sums(listed: dict[str, Rows], there: dict[str, Fact], needs: _Needs, bad: dict[str, Any], legacy: bool) -> dict[str, tuple[str, str]]:
    """Folders whose files are all there, and have other sizes in all than the .dvc file or dvc.lock says."""
    wrong = {}
    for oid, rows in listed.items():
        total = needs.sizes.get((oid, legacy))
        sizes = [there.get(md5, UNKNOWN).size for _, md5 in rows]
        if total is None or None in sizes or oid in bad or any(md5 in bad for _, md5 in rows):
            continue
        found = sum(size or 0 for size in sizes)
        if found != total:
            wrong[oid] = (DAMAGED, f"lists files of {found} bytes in all instead of {total}")
    return wrong


def _wrong_hashes(exchange: Exchange, there: dict[str, Fact], io: Io, jobs: int | None) -> dict[str, tuple[str, str]]:
    """Reads what the storage does not tell the hash of."""
    store, legacy = exchange.store, exchange.legacy
    wrong: dict[str, tuple[str, str]] = {}
    todo = []
    for oid, fact in there.items():
        if fact.md5 != oid.removesuffix(DIR_SUFFIX) or (legacy and not oid.endswith(DIR_SUFFIX)):
            todo.append(oid)  # some services keep a hash of what they encrypted: reading decides
    io.progress.start(f"Reading {exchange.remote.name}", sum(there[oid].size or 0 for oid in todo), "B", len(todo))
    scratch = exchange.cache.journal_dir or exchange.cache.path
    os.makedirs(scratch, exist_ok=True)

    def one(oid: str) -> tuple[str, str] | None:
        try:
            found = hash_of(store, oid, legacy, scratch, there[oid].size)
        except FileNotFoundError:
            return (MISSING, "is not there")
        except DataverError as error:
            return (DAMAGED, f"cannot be read: {error}")
        finally:
            io.progress.advance(there[oid].size or 0, 1)
        return None if found == oid.removesuffix(DIR_SUFFIX) else (DAMAGED, "is not what its name says")

    reasons = on_threads(todo, one, jobs or exchange.remote.jobs or (worker_count() if isinstance(store, LocalStore) else JOBS))
    io.progress.finish()
    wrong.update({oid: reason for oid, reason in zip(todo, reasons) if reason is not None})
    return wrong


def _users(bad: Iterable[str], group: Group, listed: dict[str, Rows], needs: _Needs, legacy: bool) -> dict[str, list[Need]]:
    users: dict[str, list[Need]] = {oid: list(needs.found.get((oid, legacy), ())) for oid in bad}
    for tree, rows in listed.items():
        for relpath, md5 in rows:
            if md5 in users:
                users[md5] += [Need(f"{need.path}/{relpath}", need.revision, need.stage) for need in needs.found.get((tree, legacy), ())]
    return users
