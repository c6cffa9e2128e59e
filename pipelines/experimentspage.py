"""The experiments table: the page, its data, the rows a query finds, and what of it changes while runs are on.

The page is an empty frame; its script asks for experiments.json, which brings the index up to
date, and draws it. Whatever the number of rows, an answer takes a fixed number of queries, and none
while nothing changed.
"""
from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.contrib.staticfiles import finders
from django.db.models.fields.json import KeyTextTransform
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse

from pipelines.engine.experimentrows import commits_of, experiments_of
from pipelines.engine.experiments.annotations import NOTES_REF, Annotation, read_all
from pipelines.engine.experiments.queue import RunState, read_states
from pipelines.engine.experiments.refs import EXPS, ExpRef, parse_ref
from pipelines.engine.experiments.remove import REMOVED_REFS, list_removed, shown_name
from pipelines.engine.experiments.tasks import RUNNING, Task, read_tasks
from pipelines.engine.seriesbook import series_of_names
from pipelines.engine.historytable import Experiment, HistoryTable, Row, live_payload
from pipelines.engine.rowfilter import FilterError, select_rows
from pipelines.engine.sharedviews import read_views
from pipelines.historyindex import load_rows, refresh_revisions, workspace_row
from pipelines.indexing import refresh_runs
from pipelines.models import Run
from pipelines.recent import Recent
from tracking import pages
from tracking.engine.commits import Refs, read_refs
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.models import Repository

INDEX_LIMIT_S = 2.0  # of one request, at least; the page asks again until all commits are read
READING_SHARE = 3  # times as long as it took to make the table that was shown last, lest making tables takes longer than reading
INDEX_LIMIT_MAX_S = 10.0
FIRST_LIMIT_S = 0.2  # of a page that shows no rows yet
KEPT = 4  # tables
REMOVALS_SHOWN = 5


@dataclass(frozen=True)
class ExperimentsPage:
    """What the HTML needs: the addresses that its script asks. has_git False: only the workspace can be shown."""

    key: str
    has_git: bool
    views: dict[str, str]
    git_remotes: list[str]
    has_dialog: bool
    has_stages: bool


@dataclass
class Made:
    """A table with its JSON, compressed, because it is sent again and again. bodies: as lines or not. took_s: to make it all."""

    version: str
    table: HistoryTable
    waiting: int
    incomplete: int
    removed: list[dict[str, Any]]
    took_s: float = 0.0
    bodies: dict[bool, bytes] = field(default_factory=dict)
    _packing: threading.Lock = field(default_factory=threading.Lock)

    def packed(self, as_lines: bool) -> bytes:
        with self._packing:
            if as_lines not in self.bodies:
                begun = time.monotonic()
                first, *others = self.table.lines() if as_lines else [self.table.payload()]
                parts = [{"version": self.version, "waiting": self.waiting, "removed": self.removed, **first}, *others]
                text = "\n".join(json.dumps(part, separators=(",", ":"), ensure_ascii=False, allow_nan=False) for part in parts)
                self.bodies[as_lines] = gzip.compress(text.encode("utf-8", "replace"), compresslevel=1)
                self.took_s += time.monotonic() - begun
            return self.bodies[as_lines]


@dataclass(frozen=True)
class Found:
    """What names experiments now: refs, states of the queue, and runs that are in no queue of ours. seen: changes when one of them did."""

    refs: list[tuple[ExpRef, str]] = field(default_factory=list)
    states: list[RunState] = field(default_factory=list)
    others: list[Task] = field(default_factory=list)
    has_removed: bool = False
    seen: str = ""


tables: Recent[Made] = Recent(KEPT)
queues: dict[str, dict[str, Any]] = {}  # root of a project -> entries of its queue that were read, which never change


def show(request: HttpRequest, key: str) -> HttpResponse:
    """`?first` (of the JSON): the reader sees nothing yet, so the first rows are wanted soon."""
    repository, repo = pages.open_repository(request, key)
    try:
        if pages.wants_json(request):
            return table_json(request, make_table(request, repository, repo, FIRST_LIMIT_S if "first" in request.GET else INDEX_LIMIT_S))
        context = ExperimentsPage(key, repo.scm is not None, shared_views(repo), git_remotes(repo), finders.find("pipelines/rundialog.js") is not None, repository.stages.exclude(name="").exists())  # type: ignore[attr-defined]
        return pages.page(request, "pipelines/experiments.html", context, title="Experiments", active="experiments", command="dataver exp show --all-commits", repository=repository)
    finally:
        close(repo)


def select(request: HttpRequest, key: str) -> HttpResponse:
    """`?q=`: ids of the rows that a query finds, or where it is wrong. `curve=WHAT:FILE:COLUMN` (several): columns of curves that it may name, beside those of the workspace and HEAD; `waiting`: rows of which they are still to be read."""
    repository, repo = pages.open_repository(request, key)
    try:
        from pipelines.curvecolumns import with_curves  # which makes its rows here

        query = request.GET.get("q", "")
        made = make_table(request, repository, repo)
        table, waiting = with_curves(repo, made.table, query, request.GET.getlist("curve"))
    finally:
        close(repo)
    try:
        found = select_rows(query, table)
    except FilterError as exc:
        # no failure of the page: a browser would note one in its console for each key that is typed
        return JsonResponse({"error": {"type": "FilterError", "msg": exc.reason, "position": exc.position, "hint": exc.hint or ""}})
    return pages.json_answer({"version": made.version, "rows": [made.table.ids[number] for number in sorted(found)], "waiting": waiting})


def live(request: HttpRequest, key: str) -> HttpResponse:
    """Runs that are on, with their values now. seen: changes when runs come, go or end: then the table is to be asked for again."""
    _, repo = pages.open_repository(request, key)
    try:
        if repo.scm is None:
            return pages.json_answer({"seen": "", "runs": []})
        found = find_experiments(repo.scm, repo)
        running = [state for state in found.states if state.state == RUNNING]
        made = experiments_of(repo, [], running, found.others, {})
        series = series_of_names(repo, [one.name for one in made])
    finally:
        close(repo)
    return pages.json_answer({"seen": found.seen, "runs": [live_payload(one, series) for one in made]})


def close(repo: Repo) -> None:
    """End the child that answers for Git."""
    if repo.scm is not None:
        repo.scm.close()


def shared_views(repo: Repo) -> dict[str, str]:
    try:
        return read_views(repo)
    except (DataverError, OSError):
        return {}  # `exp view` says what is wrong with the file


def git_remotes(repo: Repo) -> list[str]:
    """Without a child process when there is none."""
    if repo.scm is None:
        return []
    try:
        with open(f"{repo.scm.common_dir}/config", encoding="utf-8", errors="replace") as stream:
            if "[remote " not in stream.read():
                return []
    except OSError:
        return []
    return repo.scm.run("remote").decode("utf-8", "replace").split()


def find_experiments(scm: Git, repo: Repo) -> Found:
    """One child process while nothing is queued."""
    names = scm.refs(f"{EXPS}/", "refs/dataver/", NOTES_REF)
    refs = [(ref, commit) for name, commit in names.items() if (ref := parse_ref(name)) is not None]
    is_queued = any(name.startswith("refs/dataver/") and not name.startswith(REMOVED_REFS) for name in names)
    states = read_queue(repo) if is_queued or any("celery" in name for name in names) else []
    known = {state.id for state in states}
    others = [task for task in read_tasks(repo, ()) if task.state == RUNNING and task.task_id not in known]
    facts = [(state.id, state.state, state.ended) for state in states]
    seen = repr((sorted(names.items()), sorted(facts, key=repr), [(task.task_id, task.name) for task in others]))
    return Found(refs, states, others, any(name.startswith(REMOVED_REFS) for name in names), hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()[:16])


def read_queue(repo: Repo) -> list[RunState]:
    """Each request works on a copy of what is known: others read at the same time."""
    known = dict(queues.get(repo.root_dir, {}))
    states = read_states(repo, known)
    queues[repo.root_dir] = known
    return states


def make_table(request: HttpRequest, repository: Repository, repo: Repo, limit_s: float | None = None) -> Made:
    """The table as of now; made anew only when commits, names, runs or the workspace changed. limit_s: for reading commits that are new; None: the rows that were shown last will do."""
    scm = repo.scm
    refs = read_refs(scm) if scm is not None else Refs()
    found = find_experiments(scm, repo) if scm is not None else Found()
    shown = chosen_refs(refs, request.GET.get("branch", ""))
    workspace = workspace_row(repo)
    version = version_of(repository, shown, workspace, found.seen)
    known = tables.get(version)
    if known is not None and (limit_s is None or not (known.waiting or known.incomplete)):
        return known
    if known is not None and limit_s == INDEX_LIMIT_S:
        limit_s = max(limit_s, min(READING_SHARE * known.took_s, INDEX_LIMIT_MAX_S))
    progress = refresh_revisions(repository, repo, FIRST_LIMIT_S if limit_s is None else limit_s, commits_of(found.refs, found.states), refs)

    def make() -> Made:
        begun = time.monotonic()
        rows = load_rows(repository)
        notes: dict[str, Annotation] = read_all(scm) if scm is not None else {}
        experiments = with_times(repository, repo, experiments_of(repo, found.refs, found.states, found.others, rows))
        removed = removals(scm) if scm is not None and found.has_removed else []
        made = Made(version, HistoryTable(workspace, rows, shown, experiments, notes), progress.waiting, progress.incomplete, removed)
        made.table.seen = found.seen
        made.table.series = series_of_names(repo, [one.name for one in sorted(experiments, key=lambda one: (one.row.time, one.name))])
        made.took_s = time.monotonic() - begun
        return made

    return tables.made(version, lambda kept: (kept.waiting, kept.incomplete) == (progress.waiting, progress.incomplete), make)


def with_times(repository: Repository, repo: Repo, experiments: list[Experiment]) -> list[Experiment]:
    """Of those that ran in the workspace, which no queue knows: the run that made them, by their name where only one is called so."""
    names = Counter(made.name for made in experiments)
    if not any(made.state == "done" and made.started is None for made in experiments):
        return experiments
    refresh_runs(repository, repo)
    found = repository.runs.filter(state=Run.State.SUCCEEDED, duration_s__isnull=False, started_at__isnull=False).annotate(name=KeyTextTransform("experiment", "environment"))  # type: ignore[attr-defined]
    runs = {name: (run_id, started.timestamp(), took) for name, run_id, started, took in found.exclude(name=None).order_by("started_at").values_list("name", "run_id", "started_at", "duration_s")}
    return [
        replace(made, run_id=run[0], started=run[1], ended=run[1] + run[2]) if made.state == "done" and made.started is None and names[made.name] == 1 and (run := runs.get(made.name)) else made
        for made in experiments
    ]


def removals(scm: Git) -> list[dict[str, Any]]:
    """What was removed last, newest first: `names` that `exp remove --undo` takes, and `at`, seconds since 1970."""
    by_time: dict[int, list[dict[str, str]]] = {}
    for item in list_removed(scm):
        if item.removed_at not in by_time and len(by_time) == REMOVALS_SHOWN:
            break
        by_time.setdefault(item.removed_at, []).append({"name": shown_name(scm, item), "target": item.target})
    return [{"at": at, "items": items} for at, items in by_time.items()]


def chosen_refs(refs: Refs, branch: str) -> Refs:
    """Only one branch, where the reader looks at one."""
    if branch not in refs.branches:
        return refs
    return replace(refs, shown=(branch,))


def version_of(repository: Repository, refs: Refs, workspace: Row, seen: str) -> str:
    facts = (workspace.metrics, workspace.params, workspace.outs, workspace.errors, workspace.models)
    names = (refs.head, refs.branch, refs.branches, refs.tags, refs.shown)
    made_from = repr((repository.pk, str(repository.root), names, seen, json.dumps(facts)))
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def table_json(request: HttpRequest, made: Made) -> HttpResponse:
    """columns as JSON, with `?lines` on a line each; compressed for whoever takes it, nothing for whoever has it."""
    tag = f'"{made.version}-{made.waiting}-{made.incomplete}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    as_lines = "lines" in request.GET
    body = made.packed(as_lines)
    kind = "application/jsonl" if as_lines else "application/json"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(body, content_type=kind)
        response["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(gzip.decompress(body), content_type=kind)
    response["ETag"] = tag
    response["Vary"] = "Accept-Encoding"
    return response
