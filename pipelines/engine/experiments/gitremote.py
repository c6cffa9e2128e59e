"""Experiments in another Git repository: listing, sending, bringing and deleting their refs.

remote: name of a Git remote, or a URL. Hooks are not run: those of `install` would take our lock.
"""
from __future__ import annotations

from pipelines.engine.experiments.refs import EXPS, ExpRef
from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.hints import Iterable, Sequence
from tracking.engine.record import field, record


class GitRemoteError(DataverError):
    """Another repository cannot be reached, or refuses."""


@record(frozen=True)
class Exchanged:
    """What became of each ref."""

    success: list[ExpRef] = field(default_factory=list)
    up_to_date: list[ExpRef] = field(default_factory=list)
    diverged: list[ExpRef] = field(default_factory=list)


def remote_refs(git: Git, remote: str) -> list[tuple[ExpRef, str]]:
    """(ref, commit) of all experiments there. Raises GitRemoteError."""
    out = _talk(git, remote, "ls-remote", "--", remote, f"{EXPS}/*")
    found = []
    for line in out.decode("utf-8", "surrogateescape").splitlines():
        commit, _, name = line.partition("\t")
        ref = ExpRef.parse(name)
        if ref is not None:
            found.append((ref, commit))
    return found


def push_refs(git: Git, remote: str, refs: Sequence[ExpRef], force: bool = False) -> Exchanged:
    """Raises GitRemoteError for what is neither sent nor diverged."""
    done = Exchanged()
    if not refs:
        return done
    by_name = {ref.ref: ref for ref in refs}
    options = ["--force"] if force else []
    out = _talk(git, remote, "push", "--porcelain", "--no-verify", *options, "--", remote, *(f"{ref.ref}:{ref.ref}" for ref in refs), accept=(0, 1))
    for line in out.decode("utf-8", "surrogateescape").splitlines():
        flag, _, rest = line.partition("\t")
        pair, _, summary = rest.partition("\t")
        ref = by_name.get(pair.rpartition(":")[2])
        if ref is None:
            continue
        if flag == "!" and not any(word in summary for word in ("non-fast-forward", "fetch first", "already exists")):
            raise GitRemoteError(f"Git remote '{remote}' does not take experiment '{ref.name}': {summary}")
        {"!": done.diverged, "=": done.up_to_date}.get(flag, done.success).append(ref)
    return done


def fetch_refs(git: Git, remote: str, wanted: Sequence[tuple[ExpRef, str]], force: bool = False) -> Exchanged:
    """wanted: (ref, commit there). Raises GitRemoteError."""
    done = Exchanged()
    before = git.refs(f"{EXPS}/")
    todo = []
    for ref, commit in wanted:
        if before.get(ref.ref) == commit:
            done.up_to_date.append(ref)
        else:
            todo.append((ref, commit))
    if not todo:
        return done
    plus = "+" if force else ""
    _talk(git, remote, "fetch", "--no-tags", "--no-write-fetch-head", "--", remote, *(f"{plus}{ref.ref}:{ref.ref}" for ref, _ in todo), accept=(0, 1))
    after = git.refs(f"{EXPS}/")
    for ref, commit in todo:
        has_moved = after.get(ref.ref) not in (None, before.get(ref.ref))
        if not has_moved and ref.ref not in before:
            raise GitRemoteError(f"experiment '{ref.name}' could not be brought from Git remote '{remote}'")
        (done.success if has_moved else done.diverged).append(ref)
    return done


def delete_refs(git: Git, remote: str, refs: Iterable[ExpRef]) -> None:
    """Raises GitRemoteError."""
    names = [f":{ref.ref}" for ref in refs]
    if names:
        _talk(git, remote, "push", "--porcelain", "--no-verify", "--", remote, *names)


def rename_ref(git: Git, remote: str, old: ExpRef, commit: str, new: ExpRef, force: bool) -> None:
    """Both changes or none, where the other side can. Raises GitRemoteError."""
    if git.objects.ask(f"{commit}^{{commit}}") is None:
        _talk(git, remote, "fetch", "--no-tags", "--no-write-fetch-head", "--", remote, old.ref)
    plus = "+" if force else ""
    _talk(git, remote, "push", "--porcelain", "--no-verify", "--", remote, f"{plus}{commit}:{new.ref}")
    delete_refs(git, remote, [old])


def _talk(git: Git, remote: str, *argv: str, accept: tuple[int, ...] = (0,)) -> bytes:
    if remote.startswith("-"):
        raise GitRemoteError(f"'{remote}' is not a valid Git remote or URL")
    if remote not in git.run("remote").decode("utf-8", "surrogateescape").split() and not any(mark in remote for mark in "/\\:"):
        raise GitRemoteError(f"'{remote}' is not a valid Git remote or URL", hint="`git remote -v` lists remotes.")
    try:
        return git.run(*argv, reader=False, accept=accept)
    except GitError as exc:
        raise GitRemoteError(f"Git remote '{remote}': {exc.message}") from exc
