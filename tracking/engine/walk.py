"""One scandir pass over a folder: files of tracked data, or the .dvc and dvc.yaml files of a project."""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Callable, Collection, Iterator
from tracking.engine.ignore import HARD_DIRS, HARD_FILE
from tracking.engine.light import contextmanager

if TYPE_CHECKING:
    from tracking.engine.ignore import GitIgnore, Ignore, RuleSet

DVCIGNORE = ".dvcignore"
GITIGNORE = ".gitignore"
PIPELINE_FILE = "dvc.yaml"
DATA_SUFFIX = ".dvc"
_TYPE_MASK = 0o170000
_REGULAR = 0o100000
_DIRECTORY = 0o040000
_SCANS_OPEN_FOLDERS = os.scandir in os.supports_fd
_KINDS = {0o010000: "a named pipe", 0o140000: "a socket", 0o020000: "a device", 0o060000: "a device"}

# path relative to the top (posix), size in bytes, mtime in ns, inode, mode; of a symlink's target
FileStat = tuple[str, int, int, int, int]
# (folder relative to the root, its .dvc and dvc.yaml files, its other folders) -> names of folders to skip
OnDir = Callable[[str, list[str], list[str]], Collection[str]]


class IgnoreFileInside(DataverError):
    """A .dvcignore inside tracked data."""

    exit_code = 255


def walk_files(
    top_abs: str, rel_top: str, ignore: Ignore | None, *, broken: list[str] | None = None, hollow: list[str] | None = None, links: list[str] | None = None
) -> list[FileStat]:
    """All files below a folder, sorted by path (code points).

    top_abs: the folder; rel_top: the same relative to the root of `ignore`. Symlinks to
    files are followed, those to folders are left out, as are empty folders.
    broken: takes the paths of symlinks to nothing. hollow: takes those of folders that hold nothing. links: takes those of symlinks to files.
    Raises DataverError for what cannot be versioned (a pipe, a socket, a device, a name
    that is not UTF-8, a .dvcignore file) and for a folder that cannot be read; OSError
    with ENOENT for a broken symlink unless `broken` takes it.
    """
    found: list[FileStat] = []
    base = "" if rel_top in ("", ".") else rel_top
    if base == ".." or base.startswith("../"):
        ignore = None  # outside of the project nothing is ignored
    stack: list[tuple[str, str, RuleSet | None]] = [(top_abs, "", ignore.rules_for(base) if ignore is not None else None)]
    while stack:
        folder, prefix, rules = stack.pop()
        with scan_folder(folder) as scan:
            files, dirs = _entries(scan)
            if hollow is not None and prefix and not files and not dirs:
                hollow.append(prefix[:-1])
            if ignore is not None and rules is not None:
                if prefix and ignore.holds_project(files, dirs):
                    continue
                files, dirs = _kept(rules, f"{base}/{prefix[:-1]}".strip("/"), files, dirs)
            if DVCIGNORE in files:
                raise IgnoreFileInside(
                    f"{DVCIGNORE} file should not be in collected dir path: '{folder}'",
                    hint=f"Move its patterns to the {DVCIGNORE} of the folder above the tracked one.",
                )
            _stat_files(folder, prefix, files, found, broken, links)
        stack += [(f"{folder}/{name}", f"{prefix}{name}/", rules) for name in dirs]
    found.sort()
    _refuse_bad_names(found, top_abs)
    return found


@contextmanager
def scan_folder(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """os.scandir whose entries find their `stat` from the open folder, not along its whole path: that saves a fifth of a walk.

    `path` of an entry, and of its errors, is the name alone. Raises DataverError for a folder that may not be read.
    """
    opened = None
    try:
        try:
            if _SCANS_OPEN_FOLDERS:
                opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            scan = os.scandir(folder if opened is None else opened)
        except PermissionError as exc:
            raise DataverError(
                f"cannot read folder '{folder}': permission denied",
                hint="Make it readable, or list it in .dvcignore, then run the command again.",
            ) from exc
        with scan:
            yield scan
    finally:
        if opened is not None:
            os.close(opened)


def _entries(scan: Iterator[os.DirEntry[str]]) -> tuple[dict[str, os.DirEntry[str]], list[str]]:
    """(everything but folders by name, names of folders); a symlink is no folder."""
    files: dict[str, os.DirEntry[str]] = {}
    dirs: list[str] = []
    for entry in scan:
        if entry.is_dir(follow_symlinks=False):
            dirs.append(entry.name)
        else:
            files[entry.name] = entry
    return files, dirs


def _kept(
    rules: RuleSet, rel_dir: str, files: dict[str, os.DirEntry[str]], dirs: list[str]
) -> tuple[dict[str, os.DirEntry[str]], list[str]]:
    """What is left of a folder after its rules and what is built in."""
    if rules:
        names = rules.keep(rel_dir, list(files), False)
        if len(names) < len(files):
            files = {name: files[name] for name in names}
        dirs = rules.keep(rel_dir, dirs, True)
    if HARD_FILE in files:
        files = {name: entry for name, entry in files.items() if name != HARD_FILE}
    return files, [name for name in dirs if name not in HARD_DIRS]


def _stat_files(folder: str, prefix: str, files: dict[str, os.DirEntry[str]], found: list[FileStat], broken: list[str] | None, links: list[str] | None) -> None:
    append = found.append
    for name, entry in files.items():
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            status = os.lstat(f"{folder}/{name}")  # says which file it is
        if status.st_mode & _TYPE_MASK != _REGULAR:
            try:
                status = os.stat(f"{folder}/{name}")
            except FileNotFoundError:
                if broken is None:
                    raise
                broken.append(prefix + name)
                continue
            kind = status.st_mode & _TYPE_MASK
            if kind == _DIRECTORY:
                continue
            if kind != _REGULAR:
                raise DataverError(
                    f"cannot version '{folder}/{name}': it is {_KINDS.get(kind, 'not a regular file')}",
                    hint="Remove it, or list it in .dvcignore.",
                )
            if links is not None:
                links.append(prefix + name)
        append((prefix + name, status.st_size, status.st_mtime_ns, status.st_ino, status.st_mode))


def _refuse_bad_names(found: list[FileStat], top_abs: str) -> None:
    try:
        "/".join([entry[0] for entry in found]).encode()
    except UnicodeEncodeError:
        name = next(entry[0] for entry in found if not _is_utf8(entry[0]))
        shown = os.fsencode(f"{top_abs}/{name}").decode("utf-8", "backslashreplace")
        raise DataverError(
            f"cannot version '{shown}': its name is not valid UTF-8", hint="Rename the file, or list a pattern for it in .dvcignore."
        ) from None


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def find_dvcfiles(root: str, ignore: Ignore, on_dir: OnDir, git_ignore: GitIgnore | None = None, git_prefix: str = "") -> None:
    """Walk a project top-down and show each folder's .dvc and dvc.yaml files to `on_dir`.

    on_dir is called before the folders inside are entered and returns the names of those
    to leave out (tracked data). Folders and files come depth-first in
    the order the file system lists them, which is the order dvc prints. Not entered: what is
    ignored, other projects, symlinks, folders that cannot be read. git_ignore: leave out
    what git ignores too; git_prefix is `root` relative to its root, "" when they are equal.
    """
    stack = [("", ignore.rules_for(""), git_ignore.rules_for(git_prefix) if git_ignore is not None else None)]
    while stack:
        rel_dir, rules, git_rules = stack.pop()
        folder = f"{root}/{rel_dir}" if rel_dir else root
        git_dir = f"{git_prefix}/{rel_dir}".strip("/")
        try:
            with scan_folder(folder) as scan:
                files, dirs = _entries(scan)
        except (DataverError, FileNotFoundError, NotADirectoryError):
            if not rel_dir:
                raise
            continue
        if rel_dir:
            if ignore.holds_project(files, dirs):
                continue
            rules = ignore.extend(rules, rel_dir) if DVCIGNORE in files else rules
            if git_ignore is not None and git_rules is not None and GITIGNORE in files:
                git_rules = git_ignore.extend(git_rules, git_dir)
        names = [name for name in files if name.endswith(DATA_SUFFIX) and name != DATA_SUFFIX or name == PIPELINE_FILE]
        names = rules.keep(rel_dir, names, False)
        dirs = [name for name in rules.keep(rel_dir, dirs, True) if name not in HARD_DIRS]
        if git_rules:
            names = git_rules.keep(git_dir, names, False)
            dirs = git_rules.keep(git_dir, dirs, True)
        dirs.reverse()
        skipped = on_dir(rel_dir, names, dirs)
        prefix = f"{rel_dir}/" if rel_dir else ""
        stack += [(prefix + name, rules, git_rules) for name in dirs if name not in skipped]


def entries_below(folder: str, limit: int) -> Iterator[str]:
    """Paths of at most `limit` files and folders inside, in no order; links are not followed, what cannot be read is passed over.

    For whoever watches a folder: an edit inside does not change its own time.
    """
    waiting = [folder]
    while waiting and limit > 0:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    yield entry.path
                    limit -= 1
                    if limit <= 0:
                        return
        except OSError:
            continue
