"""Start a repository: the `.dvc` folder and its first files, byte for byte as dvc makes them."""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.hints import Mapping

IGNORED = "/config.local\n/tmp\n/cache\n"
NO_SCM_CONFIG = "[core]\n    no_scm = True\n"
DVCIGNORE = """\
# Add patterns of files dvc should ignore, which could improve
# the performance. Learn more at
# https://dvc.org/doc/user-guide/dvcignore
"""


def init(
    root_dir: str,
    *,
    no_scm: bool = False,
    subdir: bool = False,
    makes_git: bool = False,
    force: bool = False,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Make `root_dir` (absolute) the root of a repository and stage the new files.

    no_scm: without Git. subdir: the root may lie below Git's. makes_git: `git init`
    first, where there is no repository. force: replace an existing `.dvc`, its cache included. environ: for Git. Raises DataverError before anything is changed.
    """
    if no_scm and subdir:
        raise _conflict()
    dvc_dir = os.path.join(root_dir, ".dvc")
    if makes_git and not no_scm and Git.find(root_dir) is None:
        _make_git(root_dir, environ)
    scm = None if no_scm else _git_for(root_dir, subdir, environ)
    if scm is not None and scm.is_ignored(dvc_dir):
        raise DataverError(
            f"failed to initiate DVC - {dvc_dir} is ignored by your SCM tool. \n"
            "Make sure that it's tracked, for example, by adding '!.dvc' to .gitignore."
        )
    _refuse_without_program(scm, environ)
    _clear(dvc_dir, force)
    files = _write_files(root_dir, dvc_dir, no_scm)
    if scm is not None:
        scm.add(files)


def _make_git(root_dir: str, environ: Mapping[str, str] | None) -> None:
    import subprocess

    try:
        made = subprocess.run(["git", "init", "-q"], cwd=root_dir, env=dict(environ) if environ is not None else None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except FileNotFoundError as exc:
        raise DataverError("failed to initiate DVC - the program 'git' was not found", hint="Install git, or use `--no-scm`.") from exc
    if made.returncode:
        raise DataverError(f"failed to initiate DVC - git init: {made.stdout.strip()}")


def _refuse_without_program(scm: Git | None, environ: Mapping[str, str] | None) -> None:
    """Staging the files comes last; by then an old `.dvc` is gone."""
    import shutil

    if scm is not None and shutil.which("git", path=(environ or {}).get("PATH")) is None:
        raise DataverError("failed to initiate DVC - the program 'git' was not found", hint="Install git, or use `--no-scm`.")


def _conflict() -> DataverError:
    error = DataverError("Cannot initialize repo with `--no-scm` and `--subdir`")
    error.exit_code = 255
    return error


def _git_for(root_dir: str, subdir: bool, environ: Mapping[str, str] | None) -> Git:
    start = root_dir
    while subdir and not os.path.isdir(start):  # a folder that is still to be made
        start = os.path.dirname(start)
    scm = Git.find(start, environ) if os.path.isdir(start) else None
    if scm is None or (not subdir and os.path.realpath(scm.root_dir) != os.path.realpath(root_dir)):
        raise DataverError(
            f"failed to initiate DVC - {root_dir} is not tracked by any supported SCM tool (e.g. Git). "
            "Use `--no-scm` if you don't want to use any SCM or `--subdir` if initializing inside a "
            "subdirectory of a parent SCM repository."
        )
    return scm


def _clear(dvc_dir: str, force: bool) -> None:
    if not os.path.lexists(dvc_dir):
        return
    if os.path.isdir(dvc_dir):
        if not force:
            raise DataverError("failed to initiate DVC - '.dvc' exists. Use `-f` to force.")
        if not os.path.islink(dvc_dir):
            import shutil

            shutil.rmtree(dvc_dir)
            return
        os.unlink(dvc_dir)
        return
    raise DataverError(
        f"failed to initiate DVC - '{dvc_dir}' exists and is not a folder.", hint="Move it away, then run `dataver init` again."
    )


def _write_files(root_dir: str, dvc_dir: str, no_scm: bool) -> list[str]:
    """The files of a new repository; returns those that belong into Git."""
    os.makedirs(os.path.join(dvc_dir, "tmp"), exist_ok=True)
    config, ignored = os.path.join(dvc_dir, "config"), os.path.join(dvc_dir, ".gitignore")
    dvcignore = os.path.join(root_dir, ".dvcignore")
    atomic.write_text(config, NO_SCM_CONFIG if no_scm else "")
    files = [config]
    if not no_scm:
        atomic.write_text(ignored, IGNORED)
        files.append(ignored)
    if not os.path.lexists(dvcignore):
        atomic.write_text(dvcignore, DVCIGNORE)
    # its time stands for the repository's birth; dvc looks at it
    atomic.write_text(os.path.join(dvc_dir, "tmp", "btime"), "")
    return [*files, dvcignore]
