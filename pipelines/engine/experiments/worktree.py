"""Put the files of a commit into the workspace, and keep what that overwrites.

HEAD and the branch stay where they are: the commit's files become uncommitted changes. What was
uncommitted before is kept in a commit in the form of `git stash`, so that Git alone can bring it back.
"""
from __future__ import annotations

import contextlib
import os
import tempfile
from contextlib import contextmanager

from pipelines.engine.experiments.refs import APPLY_ORIG_HEAD, APPLY_STASH, write_ref
from pipelines.engine.experiments.snapshot import Unfinished, need_identity, refuse_unmerged
from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.hints import Iterable, Iterator, Mapping
from tracking.engine.record import record

ADDED = "A"  # in the workspace, and not in the commit


class InTheWay(DataverError):
    """Something that Git does not know lies where a file belongs."""


@record(frozen=True)
class Kept:
    """stash: commit with what was uncommitted, None when there was nothing. overwritten: paths that no commit had as they were."""

    stash: str | None = None
    overwritten: tuple[str, ...] = ()


def put_files(git: Git, environ: Mapping[str, str], commit: str, name: str, *, skip: str, known: Iterable[str] = ()) -> Kept:
    """Make tracked files equal to a commit's. Of what it does not have, changed and untracked files stay.

    environ: of the user, for git. name: of the experiment, for the stash. skip: prefix of paths that
    are left alone. known: commits whose content is no work of the user's. Raises InTheWay and
    Unfinished before anything is changed, GitError.
    """
    refuse_unmerged(git)
    _refuse_unfinished(git)
    head = git.head_commit()
    assert head is not None
    write_ref(git, APPLY_ORIG_HEAD, head)
    differing = {path: status for path, status in _differing(git, commit).items() if not path.startswith(skip)}
    changed = [path for path, status in differing.items() if status != ADDED]
    _refuse_blockers(git, changed)
    tracked = _tracked_changes(git) | set(_unknown_content(git, _hidden_from_status(git), [head, commit]))
    dropped = [path for path, status in differing.items() if status == ADDED and path not in tracked]
    colliding = set(_unknown_content(git, _untracked_among(git, changed), [commit]))
    stash = _stash(git, environ, head, commit, name, tracked, colliding) if tracked or colliding else None
    overwritten = _unknown_content(git, [path for path in changed if path in tracked or path in colliding], [head, commit, *known])
    with _index(git, environ, commit) as scratch:
        if changed:
            scratch.run("checkout-index", "--force", "--quiet", "-z", "--stdin", stdin=_names(changed), reader=False)
    for path in dropped:
        _remove(git.root_dir, path)
    if stash is not None:
        git.run("reset", "-q", "--mixed", reader=False)
    return Kept(stash, tuple(overwritten))


def _differing(git: Git, commit: str) -> dict[str, str]:
    """Tracked paths, and those of a commit, that are not like that in the workspace -> how, seen from the commit."""
    out = git.run("diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all", "--name-status", "-z", commit)
    fields = out.decode("utf-8", "surrogateescape").split("\0")
    return {path: status for status, path in zip(fields[::2], fields[1::2], strict=False) if status}


def _refuse_blockers(git: Git, paths: Iterable[str]) -> None:
    """Git would delete what stands where a folder or file of the commit belongs. Raises InTheWay for what it does not track."""
    for path in paths:
        abspath = os.path.join(git.root_dir, path)
        if os.path.isdir(abspath) and not os.path.islink(abspath):
            inside = [os.path.join(top, name) for top, _, names in os.walk(abspath) for name in names]
            unknown = set(inside) - git.is_tracked(inside)
        else:
            parent = _no_folder_above(git.root_dir, path)
            unknown = {parent} - git.is_tracked([parent]) if parent else set()
        if unknown:
            raise InTheWay(f"'{git.rel(min(unknown))}' is in the way of '{path}'", hint="Move it elsewhere, then apply the experiment again.")


def _no_folder_above(root_dir: str, path: str) -> str:
    """The file or link that lies where a path needs a folder; "" when there is none."""
    names = path.split("/")
    for depth in range(1, len(names)):
        parent = os.path.join(root_dir, *names[:depth])
        if os.path.islink(parent) or (os.path.lexists(parent) and not os.path.isdir(parent)):
            return parent
    return ""


def _refuse_unfinished(git: Git) -> None:
    """Raises Unfinished during a merge: the index is reset, and Git would forget that there is one."""
    for name, what in (("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")):
        if os.path.lexists(os.path.join(git.git_dir, name)):
            raise Unfinished(f"a {what} is not finished", hint=f"End it with `git commit` or `git {what} --abort`, then apply the experiment again.")


def _tracked_changes(git: Git) -> set[str]:
    status = git.status()
    return {*status.staged, *status.unstaged}


def _hidden_from_status(git: Git) -> list[str]:
    """Files that `git status` was told not to look at (assume-unchanged, skip-worktree)."""
    out = git.run("ls-files", "-v", "-z").decode("utf-8", "surrogateescape")
    paths = [item[2:] for item in out.split("\0") if item[:1] == "S" or item[:1].islower()]
    return [path for path in paths if os.path.lexists(os.path.join(git.root_dir, path))]


def _untracked_among(git: Git, paths: list[str]) -> list[str]:
    """Those of the paths that are files without being in the index."""
    there = {os.path.join(git.root_dir, path): path for path in paths if os.path.lexists(os.path.join(git.root_dir, path))}
    known = git.is_tracked(there)
    return [path for abspath, path in there.items() if abspath not in known and _is_file(abspath)]


def _unknown_content(git: Git, paths: list[str], commits: list[str]) -> list[str]:
    """Paths in the workspace whose content none of the commits has there."""
    files = [path for path in paths if os.path.isfile(os.path.join(git.root_dir, path)) and "\n" not in path]
    out = git.run("hash-object", "--stdin-paths", stdin="".join(f"{path}\n" for path in files).encode("utf-8", "surrogateescape")) if files else b""
    blobs = dict(zip(files, out.decode().split(), strict=True))
    sources = [git.files_at(commit) for commit in commits]
    there = [path for path in paths if os.path.lexists(os.path.join(git.root_dir, path))]
    return [path for path in there if not any(source.exists(path) and source.identify(path) == blobs.get(path) for source in sources)]


# --- keeping
def _stash(git: Git, environ: Mapping[str, str], head: str, commit: str, name: str, tracked: set[str], untracked: set[str]) -> str:
    """A stash as git makes it: the workspace, on HEAD, on the index, and on untracked files if there are any."""
    need_identity(git)
    subject = git.run("log", "-1", "--format=%h %s", head).decode("utf-8", "replace").strip()
    try:
        branch = git.active_branch()
    except GitError:
        branch = "(no branch)"
    where = f"{branch}: {subject}"
    index = _commit(git, git.run("write-tree", reader=False).decode().strip(), [head], f"index on {where}")
    with _index(git, environ, index) as scratch:
        scratch.run("add", "--update", reader=False)
        there = [path for path in tracked if _is_file(os.path.join(git.root_dir, path))]  # with `git add -N` it is in no tree yet
        scratch.run("update-index", "-z", "--add", "--replace", "--stdin", stdin=_names(there), reader=False)
        tree = scratch.run("write-tree", reader=False).decode().strip()
    parents = [head, index]
    if untracked:
        with _index(git, environ, None) as scratch:
            scratch.run("update-index", "-z", "--add", "--stdin", stdin=_names(untracked), reader=False)
            parents.append(_commit(git, scratch.run("write-tree", reader=False).decode().strip(), [], f"untracked files on {where}"))
    message = f"dvc-exp-apply:{head}:{commit}:{name}"
    made = _commit(git, tree, parents, message)
    # a list of stashes is the history of one ref
    git.run("update-ref", "--create-reflog", "-m", f"commit: {message}", APPLY_STASH, made, reader=False)
    return made


def _commit(git: Git, tree: str, parents: list[str], message: str) -> str:
    options = [part for parent in parents for part in ("-p", parent)]
    return git.run("commit-tree", tree, *options, "-m", message, reader=False).decode().strip()


# --- files
def _is_file(abspath: str) -> bool:
    """Whether Git can keep it: a link, also one to nothing, or a file."""
    return os.path.islink(abspath) or os.path.isfile(abspath)


def _remove(root_dir: str, path: str) -> None:
    """Delete a file, and the folders that are empty then."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(root_dir, path))
        while path := os.path.dirname(path):
            os.rmdir(os.path.join(root_dir, path))


@contextmanager
def _index(git: Git, environ: Mapping[str, str], commit: str | None) -> Iterator[Git]:
    """Git with an index of its own, that holds a commit (None: nothing); the user's is not touched."""
    with tempfile.TemporaryDirectory(prefix="dataver-", dir=git.git_dir) as folder:
        scratch = Git(git.root_dir, git.git_dir, {**environ, "GIT_INDEX_FILE": os.path.join(folder, "index")})
        if commit is not None:
            scratch.run("read-tree", commit, reader=False)
        yield scratch


def _names(paths: Iterable[str]) -> bytes:
    return "".join(f"{path}\0" for path in sorted(paths)).encode("utf-8", "surrogateescape")
