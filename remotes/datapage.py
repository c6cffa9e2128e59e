"""The page of tracked data: a tree with states, versions, previews, the cache and its clean-up."""
from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from remotes.datajobs import Holder, Jobs, Made, Quiet, Tables, Told, opened
from remotes.engine import gc
from remotes.engine.cachereport import cache_report, grouped, trash_batches
from remotes.engine.remotelinks import DEFAULT_S, LONGEST_S, links
from remotes.engine.storage import Remotes
from tracking import pages
from tracking.engine.datapreview import IMAGE_BYTES, READ_BYTES, NothingToShow, preview, read_beginning
from tracking.engine.datatable import Child, DataTable, fill_sizes
from tracking.engine.dataversions import WORKSPACE, as_row, changes_between, find_versions
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.history import Selection, parse_date
from tracking.engine.index import is_dvcfile
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.workspace import Workspace

ROWS_AT_MOST = 500
FIRST_ROWS = 200
CHANGES_AT_MOST = 1000
ENTRIES_AT_MOST = 1000
LINKS_AT_MOST = 1000
FIRST_WAIT_S = 0.15  # for states, before the page is drawn with what is recorded
WAIT_S = 0.3
SVG = "image/svg+xml"
SHARED = "This cache lies outside of the project. What only other projects use goes, too: `dataver gc -p PATH` on the command line keeps what they use."
HIDDEN = (".git", DVC_DIR, ".dvcignore", ".gitignore", "dvc.lock")
tables, jobs = Tables(), Jobs()


@dataclass(frozen=True)
class DataPage:
    """total: entries of the root; rows: the first of them, as `data/rows.json` has them. checking: progress, or null."""

    version: int
    rows: list[dict[str, Any]]
    total: int
    files: int
    size: int
    counts: dict[str, int]
    checked: bool
    checking: dict[str, Any] | None
    remote: str
    has_remote: bool
    has_git: bool
    problems: list[pages.Problem] = field(default_factory=list)

    def plain(self) -> Any:
        """For the script."""
        return pages.plain(self)


@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    row, repo = pages.open_repository(request, key)
    try:
        has_git = repo.scm is not None
    finally:
        repo.close()
    holder = tables.of(key, row.root, pages.settings_of(request))
    made = holder.get(FIRST_WAIT_S)
    table = made.table
    children = table.children("")
    context = DataPage(
        version=made.version,
        rows=_rows(made, children.part(0, FIRST_ROWS), row.root, holder),
        total=len(children),
        files=_totals(made)[0],
        size=_totals(made)[1],
        counts=table.counts(0, len(table.paths)),
        checked=table.is_checked,
        checking=holder.checking(),
        remote=made.remote,
        has_remote=made.has_remote,
        has_git=has_git,
        problems=made.problems,
    )
    return pages.page(request, "remotes/data.html", context, title="Data", active="data", command="dataver data status --granular", repository=row)


def _holder(request: HttpRequest, key: str) -> Holder:
    row = pages.find_repository(key)
    return tables.of(key, row.root, pages.settings_of(request))


def _number(request: HttpRequest, name: str, otherwise: int, most: int) -> int:
    try:
        return max(0, min(most, int(request.GET.get(name, otherwise))))
    except ValueError:
        return otherwise


# --- the tree
@require_GET
def rows(request: HttpRequest, key: str) -> HttpResponse:
    """Entries of a folder (`path`), or what a search (`q`, `state`) found below it; from `offset`, at most `limit`."""
    holder = _holder(request, key)
    made = holder.get(WAIT_S if request.GET.get("wait") else 0.0)
    table = made.table
    offset, limit = _number(request, "offset", 0, 10**9), _number(request, "limit", FIRST_ROWS, ROWS_AT_MOST)
    words, states = request.GET.get("q", "").split(), request.GET.getlist("state")
    if words or states:
        found = table.search(words, states)
        if request.GET.get("path"):
            first, end = table.span(request.GET["path"])
            found = [at for at in found if first <= at < end or table.paths[at] == request.GET["path"]]
        part = [Child(table.paths[at], table.paths[at], table.paths[at] in table.hollow, at, at + 1) for at in found[offset : offset + limit]]
        total = len(found)
    else:
        folder = request.GET.get("path", "")
        if not table.has_folder(folder):
            raise pages.NotFound(f"no tracked data lies in '{folder}'")
        children = table.children(folder)
        part, total = children.part(offset, limit), len(children)
    return pages.json_answer({"version": made.version, "total": total, "offset": offset, "rows": _rows(made, part, holder.root, holder)})


def _rows(made: Made, part: list[Child], root: str, holder: Holder) -> list[dict[str, Any]]:
    table = made.table
    unsized = [child.path for child in part if not child.isdir and table.size_of(child.path) is None]
    sizes: dict[str, Any] = {}
    if unsized:
        with opened(root, holder.settings) as repo:
            sizes = fill_sizes(table, unsized, lambda oid: _size_in_cache(repo, oid))
    return [_row(made, child, sizes) for child in part]


def _size_in_cache(repo: Repo, oid: str) -> int | None:
    for store in (repo.store, repo.legacy_store):
        try:
            return store.size(oid)
        except (OSError, DataverError):
            continue
    return None


def _row(made: Made, child: Child, sizes: dict[str, Any]) -> dict[str, Any]:
    """One entry. local, committed: its state against the .dvc files and these against HEAD, empty when equal; of a folder
    `counts` has how many files have which. remote: whether it is there, or how many files are not; null when nobody asked."""
    table, path = made.table, child.path
    absent = table.absent_below(child.first, child.end)
    around = table.out_around(path)
    facts = made.facts.get(around, {})
    found: dict[str, Any] = {
        "name": pages.printable(child.name),
        "path": path,
        "dir": child.isdir,
        "size": table.size(child.first, child.end) if child.isdir else sizes.get(path, table.size_of(path)),
        "files": child.end - child.first,
        "local": table.local.by_path.get(path, ""),
        "committed": table.committed.by_path.get(path, ""),
        "missing": path in table.missing,
        "was": table.local.origins.get(path) or table.committed.origins.get(path) or "",
        "remote": absent,
        "out": path in made.facts,
    }
    if child.isdir:
        found["counts"] = table.counts(child.first, child.end)
        if not table.is_checked and path in made.facts and facts.get("size") is not None:
            found["size"] = facts["size"]
        found["hollow"] = path in table.hollow
        if found["hollow"] or child.first == child.end:
            found["files"], found["size"] = facts.get("files") or 0, facts.get("size")
    return found


def _totals(made: Made) -> tuple[int, int]:
    """Files and bytes of all; a folder whose list is lost counts as recorded."""
    table = made.table
    lost = [made.facts.get(path, {}) for path in table.hollow]
    return (
        len(table.paths) - len(lost) + sum(facts.get("files") or 0 for facts in lost),
        table.size(0, len(table.paths)) + sum(facts.get("size") or 0 for facts in lost),
    )


@require_GET
def live(request: HttpRequest, key: str) -> HttpResponse:
    """version of the table, and how far a newer one is. again: compare even if no file seems to have changed. busy: an action
    goes on, which is waited for."""
    holder = _holder(request, key)
    if not os.path.isdir(holder.root):
        raise pages.RepositoryGone(holder.root, "the folder is gone")
    holder.look(again=bool(request.GET.get("again")), may_start=not request.GET.get("busy"))
    return pages.json_answer(_live(holder))


def _live(holder: Holder) -> dict[str, Any]:
    made = holder.made
    asking = holder.asking
    problem = asking.problem if asking is not None and asking.is_over else None
    if made is None:
        return {"version": 0, "checking": holder.checking(), "remote": "unasked", "counts": {}, "problems": []}
    table: DataTable = made.table
    return {
        "version": made.version,
        "checked": table.is_checked,
        "checking": holder.checking(),
        "has_remote": made.has_remote,
        "remote": made.remote,
        "remote_problem": problem,
        "absent": table.absent_below(0, len(table.paths)),
        "files": _totals(made)[0],
        "size": _totals(made)[1],
        "counts": table.counts(0, len(table.paths)),
        "problems": made.problems,
    }


@require_POST
def ask_remote(request: HttpRequest, key: str) -> HttpResponse:
    """Ask the remote what it lacks, as `dataver data status --granular --not-in-remote` does; `live.json` tells when it is known."""
    holder = _holder(request, key)
    holder.get(WAIT_S)
    holder.ask_remote(None)
    if holder.asking is not None:
        holder.asking.wait(WAIT_S)
    return pages.json_answer(_live(holder), 202)


@require_POST
def link(request: HttpRequest, key: str) -> HttpResponse:
    """`{"path", "rev", "expires"}`: links to a file, or to the files of a folder, in the remote, as `dataver remote link` prints them. They are kept nowhere."""
    try:
        asked = json.loads(request.body)
        path, rev, expires = str(asked["path"]), asked.get("rev"), int(asked.get("expires", DEFAULT_S))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        return pages.error_json(400, "BadRequest", f"a link is asked for with {{path, rev, expires}}: {exc}")
    if not 0 < expires <= LONGEST_S:
        raise UsageError(f"a link works for 1 to {LONGEST_S} seconds")
    _, repo = pages.open_repository(request, key)
    try:
        found = links(repo, path, Remotes(repo), rev=str(rev) if rev else None, expires_s=expires)
    finally:
        repo.close()
    return pages.json_answer({"links": [{"path": one.path, "url": one.url, "expires_s": one.expires_s} for one in found[:LINKS_AT_MOST]], "total": len(found)})


@require_GET
def item(request: HttpRequest, key: str) -> HttpResponse:
    """One file or folder, with what tracks it."""
    holder = _holder(request, key)
    made = holder.get(WAIT_S)
    path = request.GET.get("path", "")
    child = made.table.child(path)
    if child is None:
        raise pages.NotFound(f"'{path}' is not tracked")
    around = made.table.out_around(path)
    inside = [name for name in made.facts if name.startswith(f"{path}/")]
    return pages.json_answer(
        {
            **_rows(made, [child], holder.root, holder)[0],
            "version": made.version,
            "oid": made.table.oid_of(path),
            "around": around,
            "tracked": made.facts.get(around),
            "inside": inside,
        }
    )


# --- versions and contents
@require_GET
def versions(request: HttpRequest, key: str) -> HttpResponse:
    """Commits that changed a path, newest first, from the commit `start` on; `next`: where to go on."""
    _, repo = pages.open_repository(request, key)
    try:
        found = find_versions(repo, request.GET.get("path", ""), request.GET.get("start", ""))
    finally:
        repo.close()
    return pages.json_answer(
        {
            "versions": [
                {
                    "sha": version.commit.sha,
                    "subject": version.commit.subject,
                    "author": version.commit.author,
                    "time": datetime.fromtimestamp(version.commit.time, UTC),
                    "oid": version.oid,
                    "dir": version.isdir,
                    "size": version.size,
                    "files": version.files,
                    "there": version.is_there,
                }
                for version in found.found
            ],
            "next": found.next,
        }
    )


@require_GET
def diff(request: HttpRequest, key: str) -> HttpResponse:
    """Files of a `path` that differ between `a` and `b` (revisions, or "workspace"), at most CHANGES_AT_MOST of them, and their counts."""
    _, repo = pages.open_repository(request, key)
    try:
        found = changes_between(repo, Workspace(repo, asks_urls=False), request.GET.get("a", "HEAD"), request.GET.get("b", WORKSPACE), request.GET.get("path", ""))
    finally:
        repo.close()
    counts: dict[str, int] = {}
    for change in found.changes:
        counts[change.state] = counts.get(change.state, 0) + 1
    sizes = [(change.new_size or 0) - (change.old_size or 0) for change in found.changes]
    return pages.json_answer({"changes": [as_row(change) for change in found.changes[:CHANGES_AT_MOST]], "total": len(found.changes), "counts": counts, "growth": sum(sizes), "unlisted": found.unlisted})


@require_GET
def show_preview(request: HttpRequest, key: str) -> HttpResponse:
    """The beginning of a file in the workspace, or at `rev`: a table, a text, or {"kind": "image"}, whose bytes are at `data/image`."""
    path, rev = request.GET.get("path", ""), request.GET.get("rev", "")
    _, repo = pages.open_repository(request, key)
    try:
        data, size = read_beginning(repo, path, rev, READ_BYTES)
    except NothingToShow as exc:
        return pages.json_answer({"kind": "none", "reason": exc.message, "hint": exc.hint or ""})
    finally:
        repo.close()
    kind = pages.image_type(data)
    if kind is not None and (kind != SVG or path.lower().endswith(".svg")):  # a text may well speak of <svg
        return pages.json_answer({"kind": "image", "size": size, "is_cut": size > IMAGE_BYTES})
    return pages.json_answer(preview(data, size, path))


@require_GET
def image(request: HttpRequest, key: str) -> HttpResponse:
    """Bytes of a tracked image; of nothing else."""
    path = request.GET.get("path", "")
    _, repo = pages.open_repository(request, key)
    try:
        data, size = read_beginning(repo, path, request.GET.get("rev", ""), IMAGE_BYTES)
    finally:
        repo.close()
    kind = pages.image_type(data)
    if kind is None or size > IMAGE_BYTES:
        raise pages.NotFound(f"'{path}' is no image that can be shown")
    return pages.repository_file(data, kind)


# --- adding
@require_GET
def folder(request: HttpRequest, key: str) -> HttpResponse:
    """What lies in a folder of the workspace, and who tracks it: "data", "git", or "" for nobody yet."""
    _, repo = pages.open_repository(request, key)
    try:
        return pages.json_answer(_folder(repo, request.GET.get("path", "")))
    finally:
        repo.close()


def _folder(repo: Repo, rel: str) -> dict[str, Any]:
    path = os.path.normpath(repo.abs(rel)) if rel else repo.root_dir
    if path != repo.root_dir and not os.path.realpath(path).startswith(os.path.realpath(repo.root_dir) + os.sep):
        raise pages.NotFound(f"'{rel}' is outside of the project")
    made = [out.abspath for _, out in _index(repo).outs if out.abspath]
    outs, around = set(made), {os.path.dirname(path) for path in made}
    found: list[dict[str, Any]] = []
    try:
        with os.scandir(path) as scan:
            for entry in sorted(scan, key=lambda entry: (not entry.is_dir(), entry.name))[:ENTRIES_AT_MOST]:
                if entry.name in HIDDEN or is_dvcfile(entry.name):
                    continue
                isdir = entry.is_dir()
                if repo.ignore.is_ignored(repo.rel(entry.path), isdir):
                    continue
                found.append({"name": pages.printable(entry.name), "path": repo.rel(entry.path), "dir": isdir, "size": None if isdir else _size(entry), "tracked": "data" if entry.path in outs else ""})
    except FileNotFoundError as exc:
        raise pages.NotFound(f"there is no folder '{rel}'") from exc
    if repo.scm is not None:
        git = repo.scm.is_tracked([repo.abs(entry["path"]) for entry in found if not entry["tracked"]])
        for entry in found:
            if repo.abs(entry["path"]) in git:
                entry["tracked"] = "git"
    for entry in found:
        if entry["dir"] and not entry["tracked"] and any(folder == repo.abs(entry["path"]) or folder.startswith(repo.abs(entry["path"]) + os.sep) for folder in around):
            entry["tracked"] = "around"
    return {"path": rel, "entries": found}


def _index(repo: Repo) -> Any:
    from tracking.engine.index import load_index

    return load_index(repo, onerror=lambda rel, error: None)


def _size(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:
        return None


# --- the cache
@require_GET
def cache(request: HttpRequest, key: str) -> HttpResponse:
    """What the cache holds, once counted: `report`, else `progress`. ask: another value counts anew."""
    row = pages.find_repository(key)
    settings = pages.settings_of(request)

    def make(progress: Told) -> Any:
        with opened(row.root, settings) as repo:
            return cache_report(repo, progress)

    return _job_answer(f"{key} cache", request.GET.get("ask", ""), make, "report")


@require_GET
def cleanup(request: HttpRequest, key: str) -> HttpResponse:
    """What `gc` with flags would take out: `found`, else `progress`. The flags: all_branches, all_tags, all_commits,
    all_experiments, num, date."""
    row = pages.find_repository(key)
    settings, options = pages.settings_of(request), _options(request)

    def make(progress: Told) -> Any:
        progress.start("Looking for what nothing uses")
        with opened(row.root, settings) as repo:
            io = Quiet(row.root, settings, progress)
            items = gc.preview(repo, options, io)  # type: ignore[arg-type]
            groups, more = grouped(items)
            if not repo.contains(repo.cache_dir):
                io.warnings.append(SHARED)
        return {"groups": groups, "more": more, "objects": len(items), "size": sum(item["size"] for item in items), "warnings": io.warnings}

    return _job_answer(f"{key} cleanup", request.META.get("QUERY_STRING", ""), make, "found")


def _options(request: HttpRequest) -> gc.Options:
    asked = request.GET
    try:
        num = max(1, int(asked.get("num") or 1))
    except ValueError as exc:
        raise UsageError("the number of commits is no number") from exc
    return gc.Options(
        selection=Selection(
            branches=bool(asked.get("all_branches")),
            tags=bool(asked.get("all_tags")),
            commits=bool(asked.get("all_commits")),
            experiments=bool(asked.get("all_experiments")),
            since=parse_date(asked["date"]) if asked.get("date") else None,
            num=num,
        ),
        dry=True,
        force=True,
    )


def _job_answer(name: str, version: str, make: Any, result: str) -> HttpResponse:
    job = jobs.ask(name, version, make, WAIT_S)
    if job is None:
        return pages.json_answer({"progress": {"label": "Waiting for what was asked before", "done": 0, "total": None, "unit": "file", "seconds": 0}})
    if not job.is_over:
        return pages.json_answer({"progress": job.progress.facts()})
    if job.problem is not None:
        # no failure of the page: a browser would note one in its console
        return pages.error_json(200, job.problem.type, job.problem.reason)
    return pages.json_answer({result: job.value})


@require_GET
def trash(request: HttpRequest, key: str) -> HttpResponse:
    """What is in the trash, by what was moved there together."""
    _, repo = pages.open_repository(request, key)
    try:
        return pages.json_answer({"batches": trash_batches(repo)})
    finally:
        repo.close()
