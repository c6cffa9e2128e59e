"""Clones of Git repositories elsewhere, to read other projects by their URLs.

A clone is kept in the user's data folder, `clones/<md5 of the URL>`: objects and no files, as
shallow as the revisions that were asked for allow. What is there already is not asked for
again: a full commit id needs no network, a branch one question. It may be deleted at any time.
"""
from __future__ import annotations

import hashlib
import os
import re

from tracking.engine.errors import GitError, RevisionNotFound
from tracking.engine.hints import Iterator, Mapping
from tracking.engine.light import contextmanager
from tracking.engine.protocols import Settings
from tracking.engine.record import record

_SCP_LIKE = re.compile(r"(?:[\w.-]+@)?[\w.-]{2,}:(?!//)")  # git@host:path; a single letter is a Windows drive
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLAIN = re.compile(r"[\w./+-]+")  # a name, not an expression like main~1
CLONE_TIMEOUT_S = 600.0  # to wait for another process that clones the same
ASK_TIMEOUT_S = 60.0
_KEPT = "refs/dataver/kept/"
# nothing of the other repository may run, nor may its URL start a program
_SAFETY = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never", "-c", "gc.auto=0", "-c", "fetch.recurseSubmodules=false")


def _shown(text: str) -> str:
    """Without logins."""
    from tracking.engine.credentials import without_login  # slow import, for messages

    return without_login(text)


@record(frozen=True)
class Clone:
    """folder: holds a `.git` and no files. commit: full id of what was asked for."""

    folder: str
    commit: str


def is_git_url(url: str) -> bool:
    """Whether a string can only be the URL of a repository, never a local path."""
    return "://" in url or _SCP_LIKE.match(url) is not None


def local_folder(url: str) -> str | None:
    """The folder a URL names on this machine, None when it names none."""
    path = url.removeprefix("file://")
    return path if os.path.isabs(path) and os.path.isdir(path) else None


@contextmanager
def cloned(url: str, rev: str | None, settings: Settings) -> Iterator[Clone]:
    """A clone of `url` that holds the commit `rev` names (None: the tip of the default branch).

    Raises GitError, RevisionNotFound.
    """
    if not settings.data_dir:
        import tempfile  # slow import

        with tempfile.TemporaryDirectory(prefix="dataver-clone-", ignore_cleanup_errors=True) as folder:
            yield _brought(os.path.join(os.path.realpath(folder), "clone"), url, rev, settings.environ)
        return
    from tracking.engine.locks import FileLock

    name = hashlib.md5(url.encode("utf-8", "surrogateescape")).hexdigest()
    folder = os.path.join(os.path.realpath(settings.data_dir), "clones", name)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with FileLock(f"{folder}.lock").held(CLONE_TIMEOUT_S):  # somebody else may be cloning it
        clone = _brought(folder, url, rev, settings.environ)
    yield clone


def annotated_tags(url: str, settings: Settings) -> list[tuple[str, str]]:
    """(name, commit) of the annotated tags there; asks, and brings nothing. Raises GitError."""
    import tempfile  # slow import

    git = _Fetcher(tempfile.gettempdir(), url, settings.environ)
    lines = (line.partition("\t") for line in git.asked("ls-remote", "--tags", "--", url).splitlines())
    return [(name.removeprefix("refs/tags/").removesuffix("^{}"), commit) for commit, _, name in lines if name.endswith("^{}")]


def _brought(folder: str, url: str, rev: str | None, environ: Mapping[str, str]) -> Clone:
    git = _Fetcher(folder, url, environ, in_clone=True)
    if not os.path.isfile(os.path.join(folder, ".git", "HEAD")):
        os.makedirs(folder, exist_ok=True)
        git.run("init", "-q", "--template=")
    return Clone(folder, git.commit(rev))


class _Fetcher:
    """Git commands in one clone; in_clone False: nowhere, only asking."""

    def __init__(self, folder: str, url: str, environ: Mapping[str, str], in_clone: bool = False) -> None:
        self.folder = folder
        self.url = url
        self.environ = _environ(environ)
        # said, so that git never takes a repository around the folder instead
        self.place = [f"--git-dir={os.path.join(folder, '.git')}"] if in_clone else []

    def commit(self, rev: str | None) -> str:
        """Full id of a revision, which is in the clone afterwards."""
        if rev is not None and _COMMIT.fullmatch(rev):
            if self._has(rev):
                return rev
            return self._fetch(rev, must=False) or self._after_full_fetch(rev)
        found = self._ask(rev or "HEAD") if rev is None or _PLAIN.fullmatch(rev) else None
        if found is None:
            if rev is None:
                raise GitError(f"'{_shown(self.url)}' has no commits")
            return self._after_full_fetch(rev)
        ref, commit = found
        if self._has(commit):
            return commit
        fetched = self._fetch(ref)
        assert fetched is not None
        return fetched

    def _ask(self, rev: str) -> tuple[str, str] | None:
        """The ref that a name means there, and its commit; None when it is no ref's name."""
        names = ("HEAD",) if rev == "HEAD" else (f"refs/tags/{rev}", f"refs/heads/{rev}", rev)
        text = self.asked("ls-remote", "--", self.url, *names, *(f"{name}^{{}}" for name in names))
        refs = {name: oid for oid, _, name in (line.partition("\t") for line in text.splitlines())}
        for name in names:
            if name in refs:
                return name, refs.get(f"{name}^{{}}", refs[name])
        return None

    def _fetch(self, what: str, *, must: bool = True) -> str | None:
        """One ref or commit without its history. None when the server does not give it and `must` is not set."""
        for depth in (("--depth", "1"), ()) if self._is_shallow() else ((),):
            try:
                self.asked("fetch", "-q", "--no-tags", *depth, "--", self.url, what)
                commit = self.run("rev-parse", "--verify", "-q", "FETCH_HEAD^{commit}").strip()
                self.run("update-ref", _KEPT + commit, commit)
                return commit
            except GitError:
                if not depth and must:
                    raise
        return None

    def _is_shallow(self) -> bool:
        """Also when nothing is there yet."""
        return os.path.isfile(os.path.join(self.folder, ".git", "shallow")) or not os.path.isdir(os.path.join(self.folder, ".git", "refs", "dataver"))

    def _after_full_fetch(self, rev: str) -> str:
        """An abbreviated id, an expression, or a commit that only the whole history has."""
        deepen = ("--unshallow",) if os.path.isfile(os.path.join(self.folder, ".git", "shallow")) else ()
        self.asked("fetch", "-q", "--no-tags", *deepen, "--", self.url, "+HEAD:refs/remotes/origin/HEAD", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        starts = ("refs/remotes/origin/HEAD",) if rev.startswith("HEAD") else ()
        for name in (*(start + rev[4:] for start in starts), rev, f"refs/remotes/origin/{rev}"):
            found = self._peel(name)
            if found:
                return found
        raise RevisionNotFound(f"unknown Git revision '{rev}'", hint=f"`git ls-remote {_shown(self.url)}` lists branches and tags.")

    def _has(self, commit: str) -> bool:
        return self._peel(commit) is not None

    def _peel(self, rev: str) -> str | None:
        if rev.startswith("-"):
            return None
        done = self._start("rev-parse", "--verify", "-q", f"{rev}^{{commit}}")
        return done[1].strip() if done[0] == 0 else None

    def asked(self, *args: str) -> str:
        """A command that talks to the other side. Raises GitError."""
        code, out, said = self._start(*args)
        if code:
            lines = [line for line in said.strip().splitlines() if line.startswith(("fatal: ", "error: "))] or said.strip().splitlines()
            raise GitError(f"cannot clone '{_shown(self.url)}': {_shown(lines[0]) if lines else f'exit code {code}'}", hint="Check the URL, and that you have access.")
        return out

    def run(self, *args: str) -> str:
        code, out, said = self._start(*args)
        if code:
            raise GitError(f"`git {args[0]}` failed in '{self.folder}': {said.strip()}", hint="Delete that folder: it is only a copy.")
        return out

    def _start(self, *args: str) -> tuple[int, str, str]:
        import subprocess  # slow import

        try:
            done = subprocess.run(
                ["git", *self.place, *_SAFETY, *args],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=ASK_TIMEOUT_S if args[0] == "ls-remote" else None,
            )
        except subprocess.TimeoutExpired as exc:
            raise GitError(f"'{_shown(self.url)}' did not answer within {ASK_TIMEOUT_S:.0f} seconds", hint="Check the URL and the network.") from exc
        except FileNotFoundError as exc:
            raise GitError("the program 'git' was not found", hint="Install git.") from exc
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "replace")


def _environ(environ: Mapping[str, str]) -> dict[str, str] | None:
    """Without the variables that would make git work on another repository; None: inherit."""
    from tracking.engine.git import LOCAL_VARIABLES

    kept = {name: value for name, value in environ.items() if name not in LOCAL_VARIABLES}
    return kept or None
