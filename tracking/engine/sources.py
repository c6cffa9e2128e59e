"""Open a project to look into: this one, another folder, a commit, or a Git URL."""
from __future__ import annotations

import os
import posixpath

from tracking.engine import configfile
from tracking.engine.config import Config
from tracking.engine.datatree import ReadManifest, recorded
from tracking.engine.errors import ConfigError, DataverError, GitError, NotARepository, UsageError
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.git import Git
from tracking.engine.gitcat import RevisionFiles
from tracking.engine.hints import Callable, Iterator, Mapping
from tracking.engine.ignore import DVC_DIR, Ignore
from tracking.engine.index import load_index
from tracking.engine.light import contextmanager
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


@record(frozen=True)
class Project:
    """Another project, opened to be read. top: the path asked for, relative to its root.

    repo: None where nobody ran `init`; root_dir is the folder that paths start from then. scm: the Git
    repository, if any. files: as they lie there, or of the commit `files.rev`. commit: its full id, ""
    for a work tree. below: as in Source.
    """

    repo: Repo | None
    root_dir: str
    scm: Git | None
    files: FileSource
    commit: str
    top: str
    below: str = ""


@contextmanager
def open_project(request: Request) -> Iterator[Project]:
    """A folder is read in place, any other URL from a clone. Raises GitError, RevisionNotFound, InvalidFile, DataverError."""
    folder = os.path.normpath(os.path.join(request.cwd, os.path.expanduser(request.url)))
    if os.path.isdir(folder) and not (_is_bare(folder) and not _in_project(folder)):
        yield _open_folder(request, folder)
        return
    from tracking.engine.gitclone import cloned, is_git_url, local_folder  # slow import

    if not os.path.isdir(folder) and not is_git_url(request.url):
        raise DataverError(f"'{request.url}' is neither a folder nor the URL of a Git repository")
    url = folder if os.path.isdir(folder) else request.url
    with cloned(url, request.rev, request.settings) as clone:
        scm = Git.find(clone.folder, request.settings.environ or None)
        assert scm is not None
        try:
            yield _open_commit(request, scm, clone.commit, local_folder(url) or clone.folder)
        finally:
            scm.close()


@contextmanager
def open_source(request: Request) -> Iterator[Source]:
    """A listing of a project, tracked data included. Raises as open_project."""
    with open_project(request) as project:
        yield Source(_listing(request, project), project.top, project.below)


def _listing(request: Request, project: Project) -> Listing:
    repo = project.repo
    if repo is None:
        return Listing(files_of(project, request.details), None)
    broken: dict[str, DataverError] = {}
    index = load_index(repo, project.files, onerror=broken.__setitem__)
    refuse_broken(broken, project.top)
    return Listing(files_of(project, request.details), recorded(index, Workspace(repo), _manifests(request, repo)))


def refuse_broken(broken: Mapping[str, DataverError], top: str) -> None:
    """Raise the error of a .dvc or dvc.yaml file, if any, that may say what lies at a path or below it.

    broken: by path from the root. Somebody else's broken file elsewhere in their project is none of ours.
    """
    for rel, error in broken.items():
        folder = rel.rpartition("/")[0]
        if not folder or not top or f"{folder}/".startswith(f"{top}/") or top.startswith(f"{folder}/"):
            raise error


def files_of(project: Project, details: bool = True) -> WorkspaceListing | RevisionListing:
    """The files of a project that are not tracked data. details: sizes and modes too."""
    if isinstance(project.files, RevisionFiles):
        assert project.scm is not None
        return RevisionListing(project.scm, project.files.root, ignore_of(project))
    return WorkspaceListing(project.root_dir, ignore_of(project), details)


def ignore_of(project: Project) -> Ignore:
    """The .dvcignore rules of a project, as its files say."""
    files = project.files
    if not isinstance(files, RevisionFiles):
        return project.repo.ignore if project.repo is not None else Ignore(project.root_dir)

    def read(rel: str) -> bytes | None:
        try:
            return files.read(rel)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    return Ignore(project.root_dir, read=read)


def _is_bare(folder: str) -> bool:
    """Whether a folder is a Git repository without a work tree."""
    return os.path.isfile(f"{folder}/HEAD") and os.path.isdir(f"{folder}/objects") and os.path.isdir(f"{folder}/refs")


def _in_project(folder: str) -> bool:
    try:
        find_root(folder)
    except NotARepository:
        return False
    return True


# --- a folder
def _open_folder(request: Request, folder: str) -> Project:
    try:
        root = find_root(folder)
    except NotARepository:
        root = ""
    if request.rev is not None:
        scm = Repo(root, request.settings).scm if root else Git.find(folder, request.settings.environ or None)
        if scm is None:
            raise GitError(f"{folder} is not a git repository")
        return _open_commit(request, scm, scm.resolve(request.rev), "", scm.rel(os.path.realpath(folder)))
    if not root:  # no project
        top = os.path.realpath(folder)
        return Project(None, top, Git.find(top, request.settings.environ or None), WorkspaceFiles(top), "", inside(request.path, folder))
    cwd = os.path.realpath(request.cwd)
    repo = Repo(root, request.settings, cwd)
    below = repo.rel(cwd) if repo.contains(cwd) else ""
    top = inside(request.path, root, below)
    nested = _nested_project(top, lambda rel: os.path.isdir(os.path.join(root, rel, DVC_DIR)))
    if nested:
        repo = Repo(os.path.join(root, nested), request.settings, cwd)
        top = top[len(nested) + 1 :]
    return Project(repo, repo.root_dir, repo.scm, WorkspaceFiles(repo.root_dir), "", top, below if not request.path else "")


# --- a commit
def _open_commit(request: Request, scm: Git, commit: str, origin: str, folder: str = "") -> Project:
    """Paths start at the root of the Git repository, as for a URL, wherever in it the project is.

    folder: of the work tree that was named; a path that is only in it starts there, as it does without a
    revision. origin: for a clone, the folder that relative paths in the project's settings start from.
    """
    files = scm.files_at(commit)
    top = inside(request.path)
    if folder and top and not _leads_somewhere(files, top) and (not files.exists(CONFIG) or _leads_somewhere(files, f"{folder}/{top}")):
        top = f"{folder}/{top}"
    nested = _nested_project(top, lambda rel: files.exists(f"{rel}/{CONFIG}"))
    if not nested and not files.exists(CONFIG):
        return Project(None, scm.root_dir, scm, files, commit, top)
    repo = Repo(os.path.join(scm.root_dir, nested), request.settings, request.cwd)
    if nested:
        files = scm.files_at(commit, repo.root_dir)
        top = top[len(nested) + 1 :]
    if origin:  # nothing of a clone lies in its folder
        repo.config = Config.load(os.path.join(origin, nested, DVC_DIR), request.settings, repo_data=files.read(CONFIG))
    return Project(repo, repo.root_dir, scm, files, commit, top)


def _leads_somewhere(files: RevisionFiles, top: str) -> bool:
    """Whether a path is a file, what a .dvc file tracks, or lies in another project."""
    return files.exists(top) or files.exists(f"{top}.dvc") or bool(_nested_project(top, lambda rel: files.exists(f"{rel}/{CONFIG}")))


# --- remotes
def _manifests(request: Request, repo: Repo) -> ReadManifest | None:
    """Reader of the project's remotes, its settings overlaid as asked. Raises ConfigError, UsageError."""
    overlay_settings(request, repo)
    return request.manifests(repo, request.remote) if request.manifests is not None else None


RUNS_A_PROGRAM = ("bearer_token_command",)  # options that another project may not set for us


def forbid_programs(repo: Repo) -> None:
    """Take out of the remotes of somebody else's project what would run something here."""
    for options in repo.config.merged.get("remote", {}).values():
        for name in RUNS_A_PROGRAM:
            options.pop(name, None)


def overlay_settings(request: Request, repo: Repo) -> None:
    """Put what the request says about settings over those of the project. Raises ConfigError, UsageError."""
    if not repo.contains(os.path.realpath(request.cwd)):
        forbid_programs(repo)
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
