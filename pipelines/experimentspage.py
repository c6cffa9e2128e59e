"""The commits table: the page, its data, and the rows a query finds.

The page is an empty frame; its script asks for experiments.json, which brings the index up to
date, and draws it. Whatever the number of commits, an answer takes at most four queries.
"""
from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse

from pipelines.engine.historytable import HistoryTable, Row
from pipelines.engine.rowfilter import FilterError, select_rows
from pipelines.historyindex import load_rows, refresh_revisions, workspace_row
from pipelines.recent import Recent
from tracking import pages
from tracking.engine.commits import Refs
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.models import Repository

INDEX_LIMIT_S = 2.0  # of one request; the page asks again until all commits are read
KEPT = 4  # tables


@dataclass(frozen=True)
class ExperimentsPage:
    """What the HTML needs: the addresses that its script asks. has_git False: only the workspace can be shown."""

    key: str
    has_git: bool


@dataclass
class Made:
    """A table with its JSON, compressed, because it is sent again and again."""

    version: str
    table: HistoryTable
    waiting: int
    body: bytes = b""

    def packed(self) -> bytes:
        if not self.body:
            payload = {"version": self.version, "waiting": self.waiting, **self.table.payload()}
            text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
            self.body = gzip.compress(text.encode("utf-8", "replace"), compresslevel=1)
        return self.body


tables: Recent[Made] = Recent(KEPT)


def show(request: HttpRequest, key: str) -> HttpResponse:
    repository, repo = pages.open_repository(request, key)
    try:
        if pages.wants_json(request):
            return table_json(request, make_table(request, repository, repo))
        context = ExperimentsPage(key, repo.scm is not None)
        return pages.page(
            request, "pipelines/experiments.html", context, title="Experiments", active="experiments", command="dataver metrics show --all-commits", repository=repository
        )
    finally:
        close(repo)


def select(request: HttpRequest, key: str) -> HttpResponse:
    """`?q=`: ids of the rows that a query finds, or where it is wrong."""
    repository, repo = pages.open_repository(request, key)
    try:
        made = make_table(request, repository, repo)
    finally:
        close(repo)
    try:
        found = select_rows(request.GET.get("q", ""), made.table)
    except FilterError as exc:
        # no failure of the page: a browser would note one in its console for each key that is typed
        return JsonResponse({"error": {"type": "FilterError", "msg": exc.reason, "position": exc.position, "hint": exc.hint or ""}})
    return pages.json_answer({"version": made.version, "rows": [made.table.rows[number].sha for number in sorted(found)]})


def close(repo: Repo) -> None:
    """End the child that answers for Git."""
    if repo.scm is not None:
        repo.scm.close()


def make_table(request: HttpRequest, repository: Repository, repo: Repo) -> Made:
    """The table as of now; made anew only when commits, names or the workspace changed."""
    progress = refresh_revisions(repository, repo, INDEX_LIMIT_S)
    refs = chosen_refs(progress.refs, request.GET.get("branch", ""))
    workspace = workspace_row(repo)
    version = version_of(repository, refs, workspace, (progress.waiting, progress.incomplete))
    return tables.get(version) or tables.add(Made(version, HistoryTable(workspace, load_rows(repository), refs), progress.waiting))


def chosen_refs(refs: Refs, branch: str) -> Refs:
    """Only one branch, where the reader looks at one."""
    if branch not in refs.branches:
        return refs
    return replace(refs, shown=(branch,))


def version_of(repository: Repository, refs: Refs, workspace: Row, progress: tuple[int, int]) -> str:
    facts = (workspace.metrics, workspace.params, workspace.outs, workspace.errors)
    names = (refs.head, refs.branch, refs.branches, refs.tags, refs.shown)
    made_from = repr((repository.pk, str(repository.root), names, progress, json.dumps(facts)))
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def table_json(request: HttpRequest, made: Made) -> HttpResponse:
    """columns as JSON; compressed for whoever takes it, nothing for whoever has it."""
    tag = f'"{made.version}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    body = made.packed()
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(body, content_type="application/json")
        response["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(gzip.decompress(body), content_type="application/json")
    response["ETag"] = tag
    response["Vary"] = "Accept-Encoding"
    return response
