"""Open a project to look into: this one, another folder, a commit, or a Git URL."""
from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tracking.engine import configfile
from tracking.engine.datatree import ReadManifest, recorded
from tracking.engine.errors import ConfigError, DataverError, GitError, NotARepository, UsageError
from tracking.engine.git import Git
from tracking.engine.gitcat import RevisionFiles
from tracking.engine.gitclone import cloned, is_bare, is_git_url
from tracking.engine.ignore import DVC_DIR, Ignore
from tracking.engine.index import load_index
from tracking.engine.listing import Listing, RevisionListing, WorkspaceListing
from tracking.engine.protocols import Settings
from tracking.engine.record import record
from tracking.engine.repo import Repo, find_root
from tracking.engine.workspace import Workspace

CONFIG = f"{DVC_DIR}/config"


@record(frozen=True)
class Request:
    """What to open. url: a folder or a Git URL; path: inside of it, as typed; details: sizes and modes are wanted.

    config: a file of settings to use with those of the project. remote, remote_options: the
    default remote to assume, and settings of it. manifests: makes the reader of a project's
    remotes, from the project and the name of the default remote.
    """

    url: str
    path: str
    rev: str | None
    cwd: str
    settings: Settings
    details: bool = True
    config: str | None = None
    remote: str | None = None
    remote_options: tuple[str, ...] = ()
    manifests: Callable[[Repo, str | None], ReadManifest] | None = None


@record(frozen=True)
class Source:
    """An opened project. top: the path asked for, relative to the listing's root.

    below: cwd relative to the root when paths are shown from there, else "".
    """

    listing: Listing
    top: str
    below: str = ""


@contextmanager
def open_source(request: Request) -> Iterator[Source]:
    """Raises GitError, RevisionNotFound, InvalidFile, DataverError."""
    folder = os.path.normpath(os.path.join(request.cwd, os.path.expanduser(request.url)))
    if os.path.isdir(folder) and not (is_bare(folder) and not _in_project(folder)):
        yield _open_folder(request, folder)
        return
    if not os.path.isdir(folder) and not is_git_url(request.url):
        raise DataverError(f"'{request.url}' is neither a folder nor the URL of a Git repository")
    with cloned(folder if os.path.isdir(folder) else request.url, request.settings.environ, whole_history=request.rev is not None) as clone:
        yield _open_clone(request, clone)


def _in_project(folder: str) -> bool:
    try:
        find_root(folder)
    except NotARepository:
        return False
    return True


# --- a folder
def _open_folder(request: Request, folder: str) -> Source:
    try:
        root = find_root(folder)
    except NotARepository:
        root = ""
    if request.rev is not None:
        scm = Repo(root, request.settings).scm if root else Git.find(folder, request.settings.environ or None)
        if scm is None:
            raise GitError(f"{folder} is not a git repository")
        return _open_commit(request, scm, request.rev)
    if not root:  # no project
        files = WorkspaceListing(os.path.realpath(folder), Ignore(folder), request.details)
        return Source(Listing(files, None), inside(request.path, folder))
    cwd = os.path.realpath(request.cwd)
    repo = Repo(root, request.settings, cwd)
    below = repo.rel(cwd) if repo.contains(cwd) else ""
    top = inside(request.path, root, below)
    nested = _nested_project(top, lambda rel: os.path.isdir(os.path.join(root, rel, DVC_DIR)))
    if nested:
        repo = Repo(os.path.join(root, nested), request.settings, cwd)
        top = top[len(nested) + 1 :]
    files = WorkspaceListing(repo.root_dir, repo.ignore, request.details)
    tree = recorded(load_index(repo), Workspace(repo), _manifests(request, repo))
    return Source(Listing(files, tree), top, below if not request.path else "")


# --- a commit
def _open_commit(request: Request, scm: Git, rev: str) -> Source:
    """Paths start at the root of the Git repository, as for a URL, wherever in it the project is."""
    files = scm.files_at(rev)
    top = inside(request.path)
    nested = _nested_project(top, lambda rel: files.exists(f"{rel}/{CONFIG}"))
    if not nested and not files.exists(CONFIG):
        return Source(Listing(_commit_files(scm, files), None), top)
    repo = Repo(os.path.join(scm.root_dir, nested), request.settings, request.cwd)
    if nested:
        files = scm.files_at(rev, repo.root_dir)
        top = top[len(nested) + 1 :]
    tree = recorded(load_index(repo, files), Workspace(repo), _manifests(request, repo))
    return Source(Listing(_commit_files(scm, files, repo.root_dir), tree), top)


def _commit_files(scm: Git, files: RevisionFiles, root_dir: str = "") -> RevisionListing:
    def read(rel: str) -> bytes | None:
        try:
            return files.read(rel)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    return RevisionListing(scm, files.root, Ignore(root_dir or scm.root_dir, read=read))


def _open_clone(request: Request, clone: str) -> Source:
    scm = Git.find(clone, request.settings.environ or None)
    assert scm is not None
    rev = request.rev or "HEAD"
    files = scm.files_at(rev)
    if files.exists(CONFIG):  # settings of a project are read from disk
        os.mkdir(os.path.join(clone, DVC_DIR))
        with open(os.path.join(clone, CONFIG), "wb") as file:
            file.write(files.read(CONFIG))
    return _open_commit(request, scm, rev)


# --- remotes
def _manifests(request: Request, repo: Repo) -> ReadManifest | None:
    """Reader of the project's remotes, its settings overlaid as asked. Raises ConfigError, UsageError."""
    name = request.remote or repo.config.default_remote()
    if request.config is not None:
        path = os.path.join(request.cwd, request.config)
        try:
            with open(path, "rb") as file:
                body = configfile.parse(file.read(), request.config)
        except OSError as exc:
            raise ConfigError(f"cannot read '{request.config}': {exc.strerror}") from exc
        repo.config.overlay(body, os.path.dirname(path))
        name = request.remote or repo.config.default_remote()
    if request.remote_options:
        if name is None:
            raise UsageError("--remote-config needs a remote", hint="Name it with --remote NAME.")
        options = dict(_option(text) for text in request.remote_options)
        repo.config.overlay({"remote": {name: options}}, request.cwd)
    return request.manifests(repo, request.remote) if request.manifests is not None else None


def _option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"'{text}' is not of the form OPTION=VALUE")
    return key, value


# --- paths
def inside(path: str, root: str = "", below: str = "") -> str:
    """A typed path relative to the root, posix; it cannot lead out of it.

    below: folder that relative paths start from. An absolute path lies in the root, or
    is taken as if the root were "/".
    """
    if os.path.isabs(path):
        real = os.path.normpath(path)
        if root and (real == root or real.startswith(root + os.sep)):
            path = real[len(root) :]
        below = ""
    typed = path.replace(os.sep, "/")
    if not path:
        return ""
    return posixpath.normpath(f"/{below}/{typed}").strip("/")


def _nested_project(top: str, is_project: Callable[[str], bool]) -> str:
    """The deepest folder on the way to `top` that is a project of its own, "" when there is none."""
    folder = top
    while folder:
        if is_project(folder):
            return folder
        folder = folder.rpartition("/")[0]
    return ""
