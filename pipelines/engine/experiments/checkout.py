"""The temporary checkout that an experiment runs in: a clone that borrows the objects and the cache.

It is a repository of its own, with its own HEAD, index and refs, so whatever a stage does with
git there stays there. Only its objects are those of the user's repository (alternates), and its
cache is the user's. Not a worktree: those share `refs/exps/exec` and show up in `git worktree list`.
One child process; no network, no hooks, no templates.
"""
from __future__ import annotations

import os
import re
import shutil

from tracking.engine import atomic
from tracking.engine.config import PATH_OPTIONS
from tracking.engine.errors import DataverError
from tracking.engine.git import DOT_GIT, LOCAL_VARIABLES, Git
from tracking.engine.hints import Any, Iterable, Mapping
from tracking.engine.protocols import Settings
from tracking.engine.record import replace
from tracking.engine.repo import DVC_DIR, Repo

_SUBMODULE = "160000 "  # mode of its entry in the index
_KEPT_EXTENSIONS = ("objectformat", "partialclone", "noop")
_SECTION = re.compile(r'\s*\[\s*([\w.-]+)(?:\s+"[^"]*")?\s*\]')


def project_dir(home: Repo, folder: str) -> str:
    """Where the project lies in a checkout; it may be a part of its Git repository."""
    assert home.scm is not None
    rel = home.scm.rel(home.root_dir)
    return os.path.join(folder, *rel.split("/")) if rel else folder


def outside_settings(settings: Settings) -> Settings:
    """Settings without the variables that name the user's repository."""
    return replace(settings, environ=without_repository(settings.environ))


def without_repository(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in LOCAL_VARIABLES}


def make_checkout(home: Repo, folder: str, *, tree: str, head: str, baseline: str) -> None:
    """Make `folder` (absolute, not there yet) a checkout with the files of `tree` on top of the commit `head`.

    tree: a commit or tree of the user's repository; its changes to `head` are in the index. Nothing
    is left when it fails. Raises DataverError.
    """
    assert home.scm is not None
    try:
        os.makedirs(folder)
    except FileExistsError:
        raise DataverError(f"the folder of the run exists already: '{folder}'", hint="Delete it when nothing runs there.") from None
    try:
        _make_git_dir(home.scm, folder, head, baseline)
        environ = without_repository(home.settings.environ)
        git = Git(folder, os.path.join(folder, DOT_GIT), environ)
        git.run("read-tree", "--reset", "-u", tree)
        _fill_submodules(home.scm.root_dir, git, environ)
        _configure(home, project_dir(home, folder))
    except BaseException:
        remove_checkout(folder)
        raise


def _fill_submodules(source: str, git: Git, environ: Mapping[str, str]) -> None:
    """Give a checkout what its submodules have there, as far as they are checked out below `source`, too."""
    if not os.path.isfile(os.path.join(git.root_dir, ".gitmodules")):
        return
    for entry in git.run("ls-files", "--stage", "-z").decode("utf-8", "surrogateescape").split("\0"):
        if not entry.startswith(_SUBMODULE):
            continue
        about, _, path = entry.partition("\t")
        there = os.path.join(source, path)
        origin = Git.find(there, environ)
        if origin is None or origin.root_dir != os.path.realpath(there):
            continue
        commit, folder = about.split()[1], os.path.join(git.root_dir, path)
        _make_git_dir(origin, folder, commit, commit)
        part = Git(folder, os.path.join(folder, DOT_GIT), environ)
        part.run("read-tree", "--reset", "-u", commit)
        _fill_submodules(there, part, environ)


def _make_git_dir(git: Git, folder: str, head: str, baseline: str) -> None:
    """What `git init` would make, without its templates; refs as in the files of the reference tool."""
    base = os.path.join(folder, DOT_GIT)
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "refs/exps/exec", "info"):
        os.makedirs(os.path.join(base, name))
    files = {
        "HEAD": head,
        "config": git_config(git, folder),
        "objects/info/alternates": _alternate(os.path.join(git.common_dir, "objects")),
        "refs/exps/exec/EXEC_HEAD": head,
        "refs/exps/exec/EXEC_BASELINE": baseline,
    }
    for name, text in files.items():
        with open(os.path.join(base, name), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text.rstrip("\n") + "\n")
    for name in ("info/exclude", "info/attributes", "shallow"):
        if os.path.isfile(source := os.path.join(git.common_dir, name)):
            shutil.copyfile(source, os.path.join(base, name))


def _alternate(path: str) -> str:
    """A line of objects/info/alternates; git reads C quotes there."""
    if "\n" not in path and not path.startswith(("#", '"')):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def git_config(git: Git, folder: str) -> str:
    """The user's settings of the repository, without those that say how and where it is stored."""
    try:
        with open(os.path.join(git.common_dir, "config"), encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        lines = ["[core]", "\trepositoryformatversion = 0"]
    kept, section = [], ""
    for line in lines:
        found = _SECTION.match(line)
        if found:
            section = found.group(1).lower()
        elif section == "extensions" and line.partition("=")[0].strip().lower() not in _KEPT_EXTENSIONS:
            continue
        elif section == "core" and line.partition("=")[0].strip().lower() in ("worktree", "bare", "sparsecheckout", "fsmonitor"):
            continue
        kept.append(line)
    kept += ["[core]", "\tbare = false", "[gc]", "\tauto = 0", "[maintenance]", "\tauto = false"]
    lfs = os.path.join(git.common_dir, "lfs")
    if os.path.isdir(lfs):
        kept += ["[lfs]", f"\tstorage = {_quoted(lfs)}"]  # else its filter would fetch what is there
    return "\n".join(kept)


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _configure(home: Repo, root_dir: str) -> None:
    """Give the project there the user's cache, and what only the user's machine says: config.local."""
    dvc_dir = os.path.join(root_dir, DVC_DIR)
    os.makedirs(os.path.join(dvc_dir, "tmp"), exist_ok=True)
    for name in ("config", ".gitignore"):  # of a project that is not committed whole
        source, target = os.path.join(home.dvc_dir, name), os.path.join(dvc_dir, name)
        if not os.path.exists(target) and os.path.exists(source):
            shutil.copyfile(source, target)
    atomic.write_bytes(os.path.join(dvc_dir, "config.local"), dump_config(local_config(home)), 0o600, durable=False)


def local_config(home: Repo) -> dict[str, Any]:
    """Sections of config.local in a checkout: the user's own, the cache, and paths that would else lead elsewhere."""
    body = home.config.level("local")
    shared = home.config.level("repo")
    options = PATH_OPTIONS["remote"]
    for name, remote in shared["remote"].items():
        for option in options.intersection(remote):
            value = remote[option]
            if isinstance(value, str) and value and "://" not in value:
                body["remote"].setdefault(name, {}).setdefault(option, value)
    body["cache"]["dir"] = home.cache_dir
    return {name: section for name, section in body.items() if section}


_PLAIN_VALUE = re.compile(r"[\w./@:+~-]+\Z")


def dump_config(sections: dict[str, Any]) -> bytes:
    """Text of a config file; without the library for what needs no quotes."""
    flat: dict[str, dict[str, Any]] = {}
    for name, body in sections.items():
        if name in ("remote", "machine", "db"):
            flat |= {f"'{name} \"{one}\"'": options for one, options in body.items()}
        else:
            flat[name] = body
    values = [value for body in flat.values() for value in body.values()]
    if all(isinstance(value, str) and _PLAIN_VALUE.match(value) for value in values) and not any("\n" in name for name in flat):
        return "".join(f"[{name}]\n" + "".join(f"    {option} = {value}\n" for option, value in body.items()) for name, body in flat.items()).encode()
    from tracking.engine import configfile

    return configfile.dump(sections)


def copy_paths(home: Repo, root_dir: str, paths: Iterable[str]) -> None:
    """Copy files and folders of the user's workspace (paths from the project's root) to the checkout. Raises DataverError."""
    for path in paths:
        source, target = home.abs(path), os.path.normpath(os.path.join(root_dir, path))
        if not home.contains(source) or home.contains_dvc_dir(source):
            raise DataverError(f"Unable to copy '{path}': it is not inside of the project.")
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.isdir(source):
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            elif os.path.isfile(source):
                shutil.copy2(source, target)
            else:
                raise DataverError(f"Unable to copy '{path}'. It is not a file or directory.")
        except (OSError, shutil.Error) as exc:
            raise DataverError(f"Unable to copy '{path}' to '{target}'.") from exc


def remove_checkout(folder: str) -> None:
    """Delete a checkout, read-only folders of stages included; what cannot be deleted is left."""

    def allow(function: Any, path: str, error: Any) -> None:
        try:
            os.chmod(os.path.dirname(path), 0o700)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
            function(path)
        except OSError:
            pass

    shutil.rmtree(folder, onerror=allow)


def adopt_objects(folder: str, git: Git) -> None:
    """Bring home the objects that stages made with git in a checkout, since its index may name them."""
    source = os.path.join(folder, DOT_GIT, "objects")
    target = os.path.join(git.common_dir, "objects")
    packs: list[str] = []
    for entry in os.scandir(source):
        if len(entry.name) == 2:
            for name in os.listdir(entry.path):
                _adopt(os.path.join(entry.path, name), os.path.join(target, entry.name, name))
        elif entry.name == "pack":
            packs = os.listdir(entry.path)
    for name in sorted(packs, key=lambda name: name.endswith(".idx")):  # the index last: it makes a pack count
        if name.endswith((".pack", ".idx", ".rev")):
            _adopt(os.path.join(source, "pack", name), os.path.join(target, "pack", name))


def _adopt(source: str, target: str) -> None:
    if os.path.exists(target) or os.path.basename(source).startswith("tmp_"):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = atomic.temp_beside(target)
    try:
        shutil.copyfile(source, temporary)
        os.chmod(temporary, 0o444)
        atomic.replace(temporary, target)
    except BaseException:
        atomic.discard(temporary)
        raise
