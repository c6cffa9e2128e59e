"""What the page of a run is about: an experiment, a task of the queue, a plain `repro`, or all of it in one."""
from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from pipelines.comparepage import read_rows
from pipelines.engine import runs
from pipelines.engine.charttheme import SERIES
from pipelines.engine.experiments import queue
from pipelines.engine.experiments.annotations import Annotation, read_one
from pipelines.engine.experiments.queue import FAILED, KILLED, QUEUED, RUNNING, SUCCESS, RunState
from pipelines.engine.experiments.queuenames import find
from pipelines.engine.experiments.refs import list_refs
from pipelines.engine.facts import Facts, FactsReader
from pipelines.engine.historytable import Row
from pipelines.engine.runs import RunRecord
from pipelines.engine.seriesbook import series_of_revisions
from pipelines.indexing import refresh_runs
from pipelines.queuepage import live_folder, log_path, memories, series_of
from pipelines.runenvironment import runs_of
from tracking import pages
from tracking.engine.commits import read_commit
from tracking.engine.errors import DataverError
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.repo import Repo
from tracking.models import Repository

STATES = {RUNNING: runs.RUNNING, QUEUED: "waiting", SUCCESS: runs.SUCCEEDED, FAILED: runs.FAILED, KILLED: "stopped"}


@dataclass(frozen=True)
class Subject:
    """address: how its pages name it. name: of the experiment, "" for a plain run. commit: that holds its results, "" when there is none.

    base: commit it started from. folder: where it writes just now. is_workspace: its results are what the workspace holds.
    """

    address: str
    name: str = ""
    state: str = runs.RUNNING
    record: RunRecord | None = None
    task: RunState | None = None
    commit: str = ""
    base: str = ""
    folder: str = ""
    is_workspace: bool = False
    cause: str = ""
    facts: Facts = field(default_factory=Facts)
    parameters: list[str] = field(default_factory=list)

    def series(self, repo: Repo) -> int:
        """Number of its colour, 1 to 12."""
        if self.name:
            return series_of(repo, self.name)
        key = self.commit or self.address
        return (series_of_revisions(repo, {key: ""})[key] - 1) % SERIES + 1

    @property
    def has_results(self) -> bool:
        return bool(self.commit or self.folder)

    @property
    def tree(self) -> str:
        """Commit that holds its code: the results', else the queue's entry."""
        return self.commit or (self.task.id if self.task is not None and not self.task.entry.from_dvc else "")

    @property
    def log_path(self) -> str:
        """Of the whole run; "" for one that is only known by its stages."""
        return log_path(self.task) if self.task is not None else ""

    def is_left_over(self, path: str) -> bool:
        """Whether a file (path: below its folder) is older than the run that goes on there: it is the baseline's, not made by this run."""
        if self.state != runs.RUNNING or not self.folder:
            return False
        since = (self.record.started if self.record is not None else None) or (self.task.started if self.task is not None else None) or 0.0
        try:
            return os.stat(os.path.join(self.folder, path)).st_mtime < since
        except (OSError, ValueError):
            return False


def find_subject(row: Repository, repo: Repo, name: str, *, with_facts: bool = True) -> Subject:
    """name: of an experiment, of a task or the beginning of its id, of a run (`runs` names), or `last`. Raises NotFound."""
    memory = memories.of(repo.root_dir)
    with memory.lock:
        states = queue.read_states(repo, memory.known)
    found = _journal(repo, states, name) if name in runs.list_ids(repo.tmp_dir) else _named(row, repo, states, name) or _journal(repo, states, name)
    found = _placed(repo, found)
    return replace(found, facts=facts_of(repo, found)) if with_facts and found.has_results else found


def _named(row: Repository, repo: Repo, states: list[RunState], name: str) -> Subject | None:
    task = find(states, name)
    if task is not None:
        return _of_task(repo, name, task)
    if repo.scm is None:
        return None
    head = repo.scm.head_commit()
    kept = sorted(((ref, commit) for ref, commit in list_refs(repo.scm) if ref.name == name), key=lambda item: item[0].baseline != head)
    if not kept:
        return None
    ref, commit = kept[0]
    return Subject(name, name, runs.SUCCEEDED, _record_of(row, repo, commit), None, commit, ref.baseline)


def _of_task(repo: Repo, address: str, task: RunState) -> Subject:
    record = None
    if task.journal:
        try:
            record = runs.read_run(repo, task.journal)
        except (DataverError, OSError):
            record = None  # pruned
    commit = task.result_commit or ""
    if task.state == SUCCESS and repo.scm is not None:
        kept = {ref.name: sha for ref, sha in list_refs(repo.scm, task.entry.baseline)}
        commit = kept.get(task.name, commit)  # renamed or made again since
    folder = live_folder(repo, task) or "" if task.state == RUNNING else ""
    return Subject(address, task.name, STATES.get(task.state, task.state), record, task, commit, task.entry.baseline, folder, cause=task.reason, parameters=task.entry.params)


def _record_of(row: Repository, repo: Repo, commit: str) -> RunRecord | None:
    """The run that made an experiment, as far as times and parents tell."""
    refresh_runs(row, repo)
    commits = read_rows(row, repo, {commit: commit})
    made = commits.get(commit)
    run = runs_of(row, [made])[0] if made is not None else None
    try:
        return runs.read_run(repo, run.run_id) if run is not None else None
    except (DataverError, OSError):
        return None


def _journal(repo: Repo, states: list[RunState], name: str) -> Subject:
    try:
        record = runs.read_run(repo, name)
    except runs.RunNotFound as exc:
        raise pages.NotFound(exc.message, exc.hint) from exc
    except FileNotFoundError as exc:  # pruned meanwhile
        raise pages.NotFound(f"there is no run '{name}' any more") from exc
    task = next((state for state in states if state.journal == record.run_id), None)
    if task is not None:
        return replace(_of_task(repo, record.run_id, task), record=record)
    git = record.environment.get("git")
    base = git.get("commit") if isinstance(git, dict) else ""
    is_newest = runs.list_ids(repo.tmp_dir)[:1] == [record.run_id]
    return Subject(record.run_id, "", record.state, record, None, "", base if isinstance(base, str) else "", is_workspace=is_newest, cause=record.cause or "")


def _placed(repo: Repo, subject: Subject) -> Subject:
    """The newest plain run has its results in the workspace."""
    if subject.is_workspace and not subject.folder:
        return replace(subject, folder=repo.root_dir)
    return subject


# --- its files
def files_of(repo: Repo, subject: Subject) -> tuple[Repo, FileSource] | None:
    """What holds its results, with the project they are read as; None when nothing does."""
    if subject.folder:
        there = repo if subject.folder == repo.root_dir else Repo(subject.folder, repo.settings)
        return there, WorkspaceFiles(subject.folder)
    if subject.commit and repo.scm is not None:
        return repo, repo.scm.files_at(subject.commit, repo.root_dir)
    return None


def facts_of(repo: Repo, subject: Subject) -> Facts:
    try:
        found = files_of(repo, subject)
        facts = FactsReader(found[0]).read(found[1]) if found is not None else Facts()
        left_over = [path for path in facts.metrics if subject.is_left_over(path)]
        for path in left_over:
            del facts.metrics[path]
        return facts
    except (DataverError, OSError, ValueError):
        return Facts()  # its folder is being made, or has just gone


def row_of(subject: Subject, facts: Facts) -> Row:
    return Row(subject.commit or "workspace", (subject.base,) if subject.base else (), "", 0, "", facts.metrics, facts.params, facts.outs, facts.errors)


def base_row(row: Repository, repo: Repo, subject: Subject) -> Row | None:
    """Facts of the commit it started from."""
    if not subject.base or repo.scm is None:
        return None
    try:
        return read_rows(row, repo, {subject.base: subject.base})[subject.base]
    except (DataverError, OSError):
        return None


def commit_facts(repo: Repo, sha: str) -> tuple[str, str, int | None]:
    """(author, subject line, time) of a commit; empty when there is none."""
    commit = read_commit(repo.scm, sha) if repo.scm is not None and sha else None
    return (commit.author, commit.subject, commit.time) if commit is not None else ("", "", None)


def annotation_of(repo: Repo, sha: str) -> Annotation:
    """Tags and note of a commit."""
    try:
        return read_one(repo.scm, sha) if repo.scm is not None and sha else Annotation()
    except DataverError:
        return Annotation()


def is_inside(root: str, path: str) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)
