"""The Git commits of a bundle: which refs it carries, the file `git bundle` would write, and fetching from it.

The pack is made anew from the objects, without what the repository happened to have packed, so that
equal commits give equal bytes.
"""
from __future__ import annotations

import os
import re

from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import BRANCH_PREFIX, Git
from tracking.engine.hints import BinaryIO, Iterable

HEADS, TAGS, REMOTES, EXPS, LOOSE = BRANCH_PREFIX, "refs/tags/", "refs/remotes/", "refs/exps/", "refs/bundle/"
NOTES = "refs/notes/dataver"
HERE = f"{REMOTES}bundle/"  # where branches of a bundle are put in a project that is there already
_EXPERIMENT = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}(?:[0-9a-f]{24})?/[^/]+")
_LOOSE = re.compile(r"refs/bundle/[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PACKING = {  # what a user may have set and the bytes depend on
    "pack.window": "10", "pack.depth": "50", "pack.windowMemory": "0", "pack.compression": "6", "pack.packSizeLimit": "0",
    "pack.useBitmaps": "false", "pack.useSparse": "true", "core.bigFileThreshold": "512m",
}  # fmt: skip


def is_experiment(ref: str) -> bool:
    return _EXPERIMENT.fullmatch(ref) is not None


def is_carried(ref: str) -> bool:
    """Whether a bundle may hold a ref of this name."""
    return ref.startswith((HEADS, TAGS, REMOTES)) or ref == NOTES or is_experiment(ref) or _LOOSE.fullmatch(ref) is not None


def refuse_shallow(scm: Git) -> None:
    """Raises GitError for a repository that lacks a part of its history."""
    if os.path.exists(os.path.join(scm.common_dir, "shallow")):
        raise GitError("the Git repository is a shallow clone, and a bundle holds the whole history", hint="`git fetch --unshallow`, then make the bundle again.")


def refs_of_rev(scm: Git, rev: str, known: dict[str, str]) -> dict[str, str]:
    """The ref that a revision names: a branch, tag or experiment, else one of its own. known: all refs. Raises RevisionNotFound."""
    commit = scm.resolve(rev)
    if rev == "HEAD":
        return head_refs(scm)
    for ref in (rev, f"{HEADS}{rev}", f"{TAGS}{rev}", f"{REMOTES}{rev}"):
        if ref in known and is_carried(ref) and scm.resolve(known[ref]) == commit:
            return {ref: known[ref]}
    for ref, oid in known.items():
        if is_experiment(ref) and oid == commit and ref.endswith(f"/{rev}"):
            return {ref: oid}
    return {f"{LOOSE}{commit}": commit}


def head_refs(scm: Git) -> dict[str, str]:
    """The branch HEAD is on, else its commit. Raises GitError before the first commit."""
    commit = scm.head_commit()
    if commit is None:
        raise GitError("there is no Git commit yet, and a bundle holds commits", hint="Commit what you want to share: `git add -A && git commit`.")
    try:
        return {f"{HEADS}{scm.active_branch()}": commit}
    except GitError:
        return {f"{LOOSE}{commit}": commit}


def write_git_bundle(scm: Git, refs: dict[str, str], head: str, to: BinaryIO) -> None:
    """Raises GitError."""
    is_sha256 = len(head) > 40
    lines = ["# v3 git bundle", "@object-format=sha256"] if is_sha256 else ["# v2 git bundle"]
    lines += [f"{oid} {ref}" for ref, oid in sorted(refs.items())] + [f"{head} HEAD", "", ""]
    to.write("\n".join(lines).encode("utf-8", "surrogateescape"))
    to.flush()
    tips = "\n".join(sorted({*refs.values(), head})) + "\n"
    scm.run_into(to, "pack-objects", "--revs", "--stdout", "--threads=1", "--delta-base-offset", "--no-reuse-delta", "--no-reuse-object", "-q", stdin=tips.encode(), config=_PACKING)


def refs_in(scm: Git, path: str) -> dict[str, str]:
    """Refs of a git.bundle. Raises GitError, DataverError for names that do not belong there."""
    out = scm.run("bundle", "list-heads", path).decode("utf-8", "surrogateescape")
    refs = {ref: oid for oid, _, ref in (line.partition(" ") for line in out.splitlines()) if ref != "HEAD"}
    strange = next((ref for ref in refs if not is_carried(ref)), None)
    if strange is not None:
        raise DataverError(f"the bundle brings the Git ref {strange!r}, which none may", hint="Do not use data from this source.")
    return refs


def fetch(scm: Git, path: str, wanted: Iterable[tuple[str, str]]) -> None:
    """wanted: (ref of the bundle, ref here); those here are replaced. Raises GitError when commits are missing or damaged."""
    specs = "".join(f"+{there}:{here}\n" for there, here in wanted)
    if specs:
        scm.run("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--no-prune", "--no-auto-maintenance", "--no-recurse-submodules", "--update-head-ok", "--stdin", path, stdin=specs.encode("utf-8", "surrogateescape"), reader=False, config={"protocol.file.allow": "always"})


def init(folder: str, environ: dict[str, str], sha256: bool) -> Git:
    """A new Git repository in an empty folder."""
    scm = Git(folder, os.path.join(folder, ".git"), environ)
    scm.run("init", "-q", f"--object-format={'sha256' if sha256 else 'sha1'}", ".", reader=False)
    return Git(folder, os.path.join(folder, ".git"), environ)


def check_out(scm: Git, branch: str, commit: str) -> None:
    """Files and HEAD of a repository that was just filled. branch: "" for none. Raises GitError."""
    if branch:
        scm.run("symbolic-ref", "HEAD", f"{HEADS}{branch}", reader=False)
    else:
        scm.run("update-ref", "--no-deref", "HEAD", commit, reader=False)
    scm.run("reset", "-q", "--hard", reader=False)
