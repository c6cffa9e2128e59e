"""The revisions a command looks at: the workspace, named ones, branches, tags, all commits."""
from __future__ import annotations

from tracking.engine.errors import GitError
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.hints import Iterable, Iterator
from tracking.engine.repo import Repo

WORKSPACE = "workspace"
NO_GIT = (
    "Only supported for Git repositories. If you're seeing this error in a Git repo, "
    "try updating the DVC configuration with `dvc config core.no_scm false`."
)


def named_revisions(
    repo: Repo, *, revs: Iterable[str] = (), branches: bool = False, tags: bool = False, commits: bool = False
) -> Iterator[tuple[str, FileSource]]:
    """(label, files) of the workspace, then of each commit, once per commit.

    The label joins all names that were asked for with commas ("main,v1"); the workspace's is
    "workspace", or "" when nothing was asked for. Commits without this project are left out.
    Raises RevisionNotFound, GitError.
    """
    named = [rev for rev in revs if rev != WORKSPACE]
    if not (named or branches or tags or commits):
        yield (WORKSPACE if tuple(revs) else ""), WorkspaceFiles(repo.root_dir)
        return
    yield WORKSPACE, WorkspaceFiles(repo.root_dir)
    scm = repo.scm
    if scm is None:
        if named:
            raise GitError(NO_GIT)
        return
    if commits:
        named += scm.all_commits()
    else:
        named += (scm.branches() if branches else []) + (scm.tags() if tags else [])
    is_nested = scm.root_dir != repo.root_dir
    for commit, names in _by_commit(repo, named).items():
        files = scm.files_at(commit, repo.root_dir)
        if not is_nested or files.listdir(""):
            yield ",".join(names), files


def _by_commit(repo: Repo, names: Iterable[str]) -> dict[str, list[str]]:
    assert repo.scm is not None
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(repo.scm.resolve(name), []).append(name)
    return found


def active_branch(repo: Repo) -> str | None:
    """The branch HEAD is on; None when detached or without Git."""
    if repo.scm is None:
        return None
    try:
        return repo.scm.active_branch()
    except GitError:
        return None
