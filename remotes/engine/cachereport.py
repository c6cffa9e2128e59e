"""What the cache holds: how much of it the workspace, branches and older commits use, what is nowhere used, and what is there twice."""
from __future__ import annotations

import contextlib

from remotes.engine.gc import trash_of
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Iterable
from tracking.engine.history import Selection
from tracking.engine.index import Index
from tracking.engine.lastuse import find_uses
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Progress
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.tree import DIR_SUFFIX
from tracking.engine.used import Expanded, Manifests, Request, Used, collect_used, expand

Key = tuple[str, bool]  # (oid, of the 2.x layout)

GROUPS_AT_MOST = 300
COPIES_AT_MOST = 30
WORKSPACE, NAMED, HISTORY, UNKNOWN = "workspace", "named", "history", "unknown"
SCOPES = (
    (WORKSPACE, Selection()),
    (NAMED, Selection(branches=True, tags=True, experiments=True, workspace=False)),
    (HISTORY, Selection(commits=True, workspace=False)),
)


@record(frozen=True)
class Share:
    """Objects of the cache that one thing uses: a scope, or a tracked path."""

    name: str
    objects: int
    size: int


@record(frozen=True)
class Unused:
    """Objects below one path that the same commit used last. commit: {sha, date, subject}, None when no commit ever did.

    workspace: the workspace uses them. path: "" where no name is known.
    """

    path: str
    objects: int
    size: int
    commit: dict[str, str] | None
    workspace: bool = False


@record(frozen=True)
class Copies:
    """A content that several files of the workspace have; the cache holds it once."""

    size: int
    names: list[str]


@record
class CacheReport:
    """shares: by scope; an object counts for the first that uses it. copies: largest first, with what they would take
    if each were stored; more: groups of unused objects that are not listed, their objects and bytes."""

    folder: str
    is_outside: bool = False  # of the project, where others may use it
    objects: int = 0
    size: int = 0
    shares: list[Share] = field(default_factory=list)
    paths: list[Share] = field(default_factory=list)
    copies: list[Copies] = field(default_factory=list)
    copies_saved: int = 0
    unused: list[Unused] = field(default_factory=list)
    more: Share = Share("", 0, 0)
    trash: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)  # (revision, why it could not be read)


def cache_report(repo: Repo, progress: Progress) -> CacheReport:
    """Reads every commit and lists every object: minutes in a large project."""
    report = CacheReport(repo.cache_dir, not repo.contains(repo.cache_dir))
    progress.start("Listing the cache", None)
    stores = {False: repo.store, True: repo.legacy_store}
    sizes = {(oid, legacy): size or 0 for legacy, store in stores.items() for oid, size in _counted(store, progress)}
    report.objects, report.size = len(sizes), sum(sizes.values())
    manifests = Manifests(repo)
    left = set(sizes)
    for name, selection in SCOPES:
        progress.start("Reading commits" if name == HISTORY else f"Reading the {name}" if name == WORKSPACE else "Reading branches, tags and experiments")
        used = Used()
        with contextlib.suppress(DataverError):  # none of them can be read; each is among the problems
            used = collect_used(repo, Request(selection=selection), _everything, on_failure=lambda label, error: report.problems.append((label, error.message)))
        expanded = [(legacy, expand(group, lambda oid, legacy=legacy: manifests.rows(oid, legacy))) for (_, _, legacy), group in used.groups.items()]  # type: ignore[misc]
        mine = left & {(oid, legacy) for legacy, found in expanded for oid in _oids(found)}
        left -= mine
        report.shares.append(Share(name, len(mine), sum(sizes[key] for key in mine)))
        if name == WORKSPACE:
            report.paths = _by_path(used, manifests, sizes)
            _note_copies(report, used, manifests, sizes)
        elif name == NAMED:
            old = left.copy()
    report.shares.append(Share(UNKNOWN, len(left), sum(sizes[key] for key in left)))
    progress.start("Looking who used the rest")
    uses = find_uses(repo, old)
    items = [{"oid": oid, "size": sizes[oid, legacy], "names": sorted(use.names), "workspace": use.workspace, "commit": _commit(use.commit)} for (oid, legacy), use in uses.items()]
    report.unused, report.more = grouped(items)
    report.trash = trash_batches(repo)
    progress.finish()
    return report


def _counted(store: LocalStore, progress: Progress) -> Iterable[tuple[str, int | None]]:
    for item in store.list_oids(with_size=True):
        progress.advance()
        yield item


def _everything(index: Index, stage: Stage, out: Out) -> bool:
    return True


def _oids(found: Expanded) -> set[str]:
    return set(found.names) | {oid for oids in found.whole.values() for oid in oids}


def _by_path(used: Used, manifests: Manifests, sizes: dict[Key, int]) -> list[Share]:
    """Tracked paths of the workspace with what the cache holds of them; the largest first."""
    found = []
    for (_, _, legacy), group in used.groups.items():
        found += [Share(name, 1, sizes[oid, legacy]) for oid, name in group.files.items() if (oid, legacy) in sizes]
        for oid, tree in group.trees.items():
            keys = {(oid, legacy), *((md5, legacy) for _, md5 in manifests.rows(oid, legacy) or ())} & sizes.keys()
            found.append(Share(tree.name, len(keys), sum(sizes[key] for key in keys)))
    return sorted(found, key=lambda share: (-share.size, share.name))


def _note_copies(report: CacheReport, used: Used, manifests: Manifests, sizes: dict[Key, int]) -> None:
    names: dict[Key, list[str]] = {}
    for (_, _, legacy), group in used.groups.items():
        for oid, name in group.files.items():
            names.setdefault((oid, legacy), []).append(name)
        for oid, tree in group.trees.items():
            for relpath, md5 in manifests.rows(oid, legacy) or ():
                names.setdefault((md5, legacy), []).append(f"{tree.name}/{relpath}")
    several = [(sizes.get(key, 0), paths) for key, paths in names.items() if len(paths) > 1 and sizes.get(key)]
    several.sort(key=lambda item: (-item[0] * (len(item[1]) - 1), item[1]))
    report.copies_saved = sum(size * (len(paths) - 1) for size, paths in several)
    report.copies = [Copies(size, sorted(paths)) for size, paths in several[:COPIES_AT_MOST]]


def _commit(commit: Any) -> dict[str, str] | None:
    return {"sha": commit.sha, "date": commit.date, "subject": commit.subject} if commit is not None else None


def grouped(items: Iterable[dict[str, Any]]) -> tuple[list[Unused], Share]:
    """Objects as `gc --dry --json` lists them, by folder and last commit, the largest first; and what was left out."""
    found: dict[tuple[str, str, bool], list[Any]] = {}
    for item in items:
        name = item["names"][0] if item["names"] else ""
        path = name if item["oid"].endswith(DIR_SUFFIX) else _folder_or_file(name)
        key = (path, item["commit"]["sha"] if item["commit"] else "", item["workspace"])
        group = found.setdefault(key, [0, 0, item["commit"], name])
        group[0] += 1
        group[1] += item["size"]
    groups = [Unused(name if count == 1 else path, count, size, commit, workspace) for (path, _, workspace), (count, size, commit, name) in found.items()]
    groups.sort(key=lambda group: (-group.size, group.path))
    rest = groups[GROUPS_AT_MOST:]
    return groups[:GROUPS_AT_MOST], Share("", sum(group.objects for group in rest), sum(group.size for group in rest))


def _folder_or_file(name: str) -> str:
    return name.rpartition("/")[0] or name


def trash_batches(repo: Repo) -> list[dict[str, Any]]:
    """What is in the trash, by what was moved there together, newest first. Times: seconds since 1970."""
    found: dict[str, dict[str, Any]] = {}
    try:
        for item in trash_of(repo).objects():
            batch = found.setdefault(item.batch, {"name": item.batch, "since": item.since, "until": item.until, "objects": 0, "size": 0})
            batch["objects"] += 1
            batch["size"] += item.size
    except (DataverError, OSError):
        return []
    return list(found.values())
