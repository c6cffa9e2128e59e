"""Exchange experiments with a Git remote, and their data with a data remote."""
from __future__ import annotations

from pipelines.engine.experiments import gitremote
from pipelines.engine.experiments.gitremote import Exchanged
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.resolve import RefTable, Selection, find_experiment, git_of, unknown_names
from tracking.engine.commits import read_commit
from tracking.engine.git import Git
from tracking.engine.hints import Sequence
from tracking.engine.history import Selection as Commits
from tracking.engine.protocols import Io
from tracking.engine.record import record
from tracking.engine.repo import Repo
from tracking.engine.used import Request


@record(frozen=True)
class Data:
    """How data goes along. remote: None for the default one."""

    remote: str | None = None
    jobs: int | None = None
    run_cache: bool = False


def push(repo: Repo, remote: str, names: Sequence[str], selection: Selection, *, force: bool = False) -> Exchanged:
    """Send refs. Raises UnknownExperiment, AmbiguousName, RevisionNotFound, GitRemoteError."""
    git = git_of(repo)
    table = RefTable(git)
    chosen = _chosen(table, table.experiments, names, selection, None)
    if selection.commits:
        chosen |= dict(table.experiments)
    return gitremote.push_refs(git, remote, sorted(chosen, key=lambda ref: ref.ref), force)


def pull(repo: Repo, remote: str, names: Sequence[str], selection: Selection, *, force: bool = False) -> Exchanged:
    """Bring refs. Raises UnknownExperiment, AmbiguousName, RevisionNotFound, GitRemoteError."""
    git = git_of(repo)
    there = gitremote.remote_refs(git, remote)
    chosen = dict(there) if selection.commits else _chosen(RefTable(git), there, names, selection, remote)
    return gitremote.fetch_refs(git, remote, sorted(chosen.items(), key=lambda item: item[0].ref), force)


def _chosen(table: RefTable, known: list[tuple[ExpRef, str]], names: Sequence[str], selection: Selection, remote: str | None) -> dict[ExpRef, str]:
    if not names:
        baselines = set(table.baselines(selection)) if table.head else set()
        return {ref: commit for ref, commit in known if ref.baseline in baselines}
    found = {name: find_experiment(known, name, table.head) for name in names}
    missing = [name for name, item in found.items() if item is None]
    if missing:
        raise unknown_names(missing)
    return dict(item for item in found.values() if item is not None)


# --- data
def commits_of(git: Git, refs: Sequence[ExpRef]) -> list[str]:
    """Commits of experiments, back to where they started."""
    found: dict[str, None] = {}
    for ref in refs:
        sha = git.refs(ref.ref).get(ref.ref)
        while sha and sha != ref.baseline and sha not in found:
            found[sha] = None
            commit = read_commit(git, sha)
            sha = commit.parents[0] if commit is not None and commit.parents else None
    return list(found)


def push_data(repo: Repo, refs: Sequence[ExpRef], data: Data, io: Io) -> int:
    """How many objects were sent. Raises what `push` raises."""
    from remotes.engine.push import push as push_objects
    from remotes.engine.runcache import push_runs

    count = push_runs(repo, data.remote, io) if data.run_cache else 0
    commits = commits_of(git_of(repo), refs)
    return count + (push_objects(repo, _request(commits), io, remote=data.remote, jobs=data.jobs) if commits else 0)


def fetch_data(repo: Repo, refs: Sequence[ExpRef], data: Data, io: Io) -> int:
    """How many objects came. Raises what `fetch` raises."""
    from remotes.engine.fetch import fetch as fetch_objects
    from remotes.engine.runcache import fetch_runs

    count = fetch_runs(repo, data.remote, io) if data.run_cache else 0
    commits = commits_of(git_of(repo), refs)
    return count + (fetch_objects(repo, _request(commits), io, remote=data.remote, jobs=data.jobs) if commits else 0)


def _request(commits: list[str]) -> Request:
    return Request(selection=Commits(revs=tuple(commits), workspace=False))
