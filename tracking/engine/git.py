"""The only module that talks to git: what it tracks, what it ignores, what a commit holds.

Plain facts (where the repository is, which commit HEAD names) are read from files; the rest
is asked of the `git` program, in batches. Readers take no locks and run no hooks.
"""
from __future__ import annotations

import os
import sys

from tracking.engine.errors import GitError, RevisionNotFound
from tracking.engine.hints import TYPE_CHECKING, BinaryIO, Iterable, Mapping
from tracking.engine.ignore import GitIgnore
from tracking.engine.light import cached_property
from tracking.engine.record import record

if TYPE_CHECKING:
    from tracking.engine.gitcat import CatFile, RevisionFiles

DOT_GIT = ".git"
BRANCH_PREFIX = "refs/heads/"
_MAX_ARGUMENT_BYTES = 100_000
_FEW_PATHS = 20  # up to here, searching the index file is cheaper than starting git
_INDEX_LOCK_TRIES = 20
_INDEX_LOCK_PAUSE_S = 0.1
_CANNOT_WRITE = ("Permission denied", "insufficient permission", "unable to create", "Unable to create", "couldn't write", "No space left", "Out of diskspace")  # git's words
_HEX = frozenset("0123456789abcdef")
# Variables of a hook that name the repository git itself is working on.
LOCAL_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
)


@record(frozen=True)
class GitStatus:
    """Paths relative to the work tree, posix: index against HEAD, files against the index, unknown to git."""

    staged: tuple[str, ...] = ()
    unstaged: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()

    @property
    def is_dirty(self) -> bool:
        return bool(self.staged or self.unstaged or self.untracked)


class Git:
    """A Git work tree. root_dir, git_dir (of this work tree) and common_dir (shared by all) are absolute."""

    def __init__(self, root_dir: str, git_dir: str, environ: Mapping[str, str] | None = None) -> None:
        self.root_dir = root_dir
        self.git_dir = git_dir
        self.common_dir = _common_dir(git_dir)
        self._environ = environ

    @classmethod
    def find(cls, start_dir: str, environ: Mapping[str, str] | None = None) -> Git | None:
        """The work tree that `start_dir` lies in, or None. No process is started.

        environ: of the user; lets git's own settings be found without asking git, and
        keeps the variables of a hook of another repository away from it.
        """
        folder = os.path.realpath(start_dir)
        while True:
            git_dir = _git_dir_at(folder)
            if git_dir is not None:
                return cls(folder, git_dir, environ)
            parent = os.path.dirname(folder)
            if parent == folder:
                return None
            folder = parent

    # --- running git
    @cached_property
    def _child_environ(self) -> dict[str, str] | None:
        if self._environ is None:
            return None  # inherit
        named = self._environ.get("GIT_DIR")
        if named is None or os.path.realpath(os.path.join(self.root_dir, named)) == os.path.realpath(self.git_dir):
            return dict(self._environ)
        return {key: value for key, value in self._environ.items() if key not in LOCAL_VARIABLES}

    def _command(self, reader: bool, hooks: bool = False) -> list[str]:
        command = ["git", "--no-pager", "--literal-pathspecs", "-c", "core.quotepath=off"]
        if not hooks:  # those for refs and for the index would run at every small step of ours
            command += ["-c", f"core.hooksPath={os.devnull}"]
        if reader:
            command += ["--no-optional-locks", "-c", "core.fsmonitor=false"]
        return command

    def run(self, *args: str, stdin: bytes | None = None, reader: bool = True, hooks: bool = False, accept: tuple[int, ...] = (0,), config: Mapping[str, str] | None = None) -> bytes:
        """Standard output of one git command, run in the root of the work tree.

        reader: it changes nothing. hooks: the user's may run. accept: exit codes that are no failure. config: settings
        for this command. Raises GitError with what git said.
        """
        return self._run(args, stdin, None, [*self._command(reader, hooks), *_settings(config)], accept)

    def run_into(self, output: BinaryIO, *args: str, stdin: bytes, config: Mapping[str, str] | None = None) -> None:
        """Write the standard output of a reading command to an open file. Raises GitError."""
        self._run(args, stdin, output, [*self._command(reader=True), *_settings(config)], (0,))

    def _run(self, args: tuple[str, ...], stdin: bytes | None, output: BinaryIO | None, command: list[str], accept: tuple[int, ...]) -> bytes:
        import subprocess  # slow import

        try:
            done = subprocess.run(
                [*command, *args],
                cwd=self.root_dir,
                env=self._child_environ,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=subprocess.PIPE if output is None else output,
                stderr=subprocess.PIPE,
                check=False,
            )
        except FileNotFoundError as exc:
            raise GitError("the program 'git' was not found", hint="Install git, or run `dataver config core.no_scm true`.") from exc
        if done.returncode not in accept:
            said = done.stderr.decode("utf-8", "replace").strip()
            cannot_write = any(words in said for words in _CANNOT_WRITE)
            raise GitError(
                f"`git {args[0]}` failed: {said or f'exit code {done.returncode}'}",
                hint=f"Check free space and permissions of '{self.common_dir}', then run the command again." if cannot_write else None,
            )
        return done.stdout or b""

    @cached_property
    def objects(self) -> CatFile:
        from tracking.engine.gitcat import CatFile  # when a commit is looked at

        return CatFile(self._command(reader=True), self.root_dir, self._child_environ)

    def close(self) -> None:
        if "objects" in self.__dict__:
            self.objects.close()

    # --- revisions
    def head_commit(self) -> str | None:
        """Id of the commit that HEAD names; None before the first commit."""
        head = _read_line(f"{self.git_dir}/HEAD")
        if not head.startswith("ref: "):
            return head if _is_id(head) else self._peel("HEAD")
        ref = head[5:].strip()
        found = self._read_ref(ref)
        if found is None and (ref == "refs/heads/.invalid" or os.path.isdir(f"{self.common_dir}/reftable")):
            return self._peel("HEAD")  # refs are not kept in files
        return found

    def _read_ref(self, ref: str) -> str | None:
        """Id in a ref's own file or in packed-refs. A tag's id may be that of a tag object."""
        for folder in dict.fromkeys((self.git_dir, self.common_dir)):
            value = _read_line(f"{folder}/{ref}")
            if value.startswith("ref: "):
                return self._read_ref(value[5:].strip())
            if _is_id(value):
                return value
        wanted = f" {ref}"
        for line in _read_text(f"{self.common_dir}/packed-refs").splitlines():
            if line.endswith(wanted) and _is_id(line[: -len(wanted)]):
                return line[: -len(wanted)]
        return None

    def has_commits(self) -> bool:
        return self.head_commit() is not None

    def active_branch(self) -> str:
        """Name of the branch HEAD is on, also before its first commit. Raises GitError when detached."""
        head = _read_line(f"{self.git_dir}/HEAD")
        if head == "ref: refs/heads/.invalid":
            head = "ref: " + self.run("symbolic-ref", "-q", "HEAD", accept=(0, 1)).decode().strip()
        if not head.startswith(f"ref: {BRANCH_PREFIX}"):
            raise GitError("No active branch (detached HEAD)")
        return head[5 + len(BRANCH_PREFIX) :]

    def resolve(self, rev: str) -> str:
        """Full id of the commit a revision names.

        Branch, tag, id or a prefix of it, HEAD~1 and the like; then a branch of any remote,
        then an experiment. Raises RevisionNotFound.
        """
        if rev == "HEAD":
            found = self.head_commit()
        else:
            found = self._peel(rev) or self._on_a_remote(rev) or self._experiment(rev)
        if found is None:
            raise RevisionNotFound(f"unknown Git revision '{rev}'", hint="List what there is with `git branch -a` and `git tag`.")
        return found

    def has_rev(self, rev: str) -> bool:
        try:
            self.resolve(rev)
        except RevisionNotFound:
            return False
        return True

    def _peel(self, rev: str) -> str | None:
        if rev.startswith("-"):
            return None
        found = self.objects.ask(f"{rev}^{{commit}}")
        return found[0] if found is not None and found[1] == "commit" else None

    def _on_a_remote(self, rev: str) -> str | None:
        if _is_hex(rev) and len(rev) >= 40:
            return None
        remotes = self.run("remote").decode("utf-8", "surrogateescape").split("\n")
        found = {self._peel(f"{remote}/{rev}") for remote in remotes if remote} - {None}
        return _only(found, rev)

    def _experiment(self, rev: str) -> str | None:
        if "/" in rev and not rev.startswith("refs/"):
            return None
        refs = self.refs("refs/exps/")
        # refs/exps/<2 digits>/<38 digits>/<name>
        return _only({oid for ref, oid in refs.items() if ref.count("/") == 4 and ref.rpartition("/")[2] == rev}, rev)

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Full ref name -> id, sorted by name; a prefix ends in `/` or is a whole name."""
        out = self.run("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
        lines = out.decode("utf-8", "surrogateescape").splitlines()
        return {ref: oid for oid, _, ref in (line.partition(" ") for line in lines)}

    def branches(self) -> list[str]:
        """Names of local branches, sorted."""
        return [ref[len(BRANCH_PREFIX) :] for ref in self.refs(BRANCH_PREFIX)]

    def tags(self) -> list[str]:
        """Names of tags, sorted."""
        return [ref[len("refs/tags/") :] for ref in self.refs("refs/tags/")]

    def all_commits(self) -> list[str]:
        """Ids of all commits that HEAD, a branch, a remote's branch or a tag reaches; newest first."""
        starts = ["HEAD"] if self.head_commit() else []
        return self.run("rev-list", "--branches", "--tags", "--remotes", *starts).decode().split()

    def commit_time(self, rev: str) -> int:
        """Committer time of a commit, seconds since the epoch."""
        found = self.objects.ask(f"{rev}^{{commit}}")
        if found is None:
            raise RevisionNotFound(f"unknown Git revision '{rev}'")
        for line in found[2].split(b"\n"):
            if line.startswith(b"committer "):
                return int(line.rsplit(b" ", 2)[1])
        raise GitError(f"commit {found[0]} has no committer", hint="Check the repository with `git fsck`.")

    def files_at(self, rev: str, folder: str | None = None) -> RevisionFiles:
        """Files of a commit below a folder of the work tree (absolute; default its root).

        All of them share one git process. Raises RevisionNotFound.
        """
        commit = self.resolve(rev)
        rel = self.rel(folder) if folder else ""
        found = self.objects.ask(f"{commit}^{{tree}}" if not rel else f"{commit}:{rel}")
        from tracking.engine.gitcat import RevisionFiles

        return RevisionFiles(self.objects, rev, found[0] if found is not None and found[1] == "tree" else "")

    # --- paths
    def rel(self, abspath: str) -> str:
        """Path relative to the work tree, posix; "" for its root, `../...` outside."""
        if abspath == self.root_dir:
            return ""
        if abspath.startswith(self.root_dir.rstrip(os.sep) + os.sep):
            return abspath[len(self.root_dir.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
        rel = os.path.relpath(abspath, self.root_dir).replace(os.sep, "/")
        return "" if rel == "." else rel

    def contains(self, abspath: str) -> bool:
        rel = self.rel(abspath)
        return rel != ".." and not rel.startswith("../")

    # --- what is tracked
    def is_tracked(self, abspaths: Iterable[str]) -> set[str]:
        """Those of the paths that are in the index, or are folders that hold files of it."""
        wanted = {self.rel(path): path for path in abspaths}
        rels = [rel for rel in wanted if rel and rel != ".." and not rel.startswith("../")]
        index = self._read_index() if len(rels) <= _FEW_PATHS else None
        if index is not None:
            rels = [rel for rel in rels if _may_be_listed(index, rel)]
        hits: set[str] = set()
        for part in _batches(rels):
            # a path inside a submodule is none of ours, and makes git fail
            part = [rel for rel in part if not self._in_submodule(rel)]
            if not part:
                continue
            listed = self.run("ls-files", "-z", "--", *part).decode("utf-8", "surrogateescape").split("\0")
            hits |= _covered(part, listed)
        return {wanted[rel] for rel in hits}

    def _read_index(self) -> bytes | None:
        """The index file when all its paths stand in it in full, b"" when there is none, else None."""
        if self._environ is not None and self._environ.get("GIT_INDEX_FILE"):
            return None
        try:
            with open(f"{self.git_dir}/index", "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return b""
        except OSError:
            return None
        # version 4 abbreviates paths; split and sparse indexes keep some of them elsewhere
        if data[:4] != b"DIRC" or data[4:8] not in (b"\0\0\0\2", b"\0\0\0\3") or b"link\0" in data or b"sdir" in data:
            return None
        return data

    def is_in_submodule(self, abspath: str) -> bool:
        """Whether a path below the root lies in another work tree, which git refuses to add."""
        return self._in_submodule(self.rel(abspath))

    def _in_submodule(self, rel: str) -> bool:
        """Whether a path lies below the root of another work tree inside of ours."""
        end = rel.find("/")
        while end > 0:
            if self._is_work_tree(rel[:end]):
                return True
            end = rel.find("/", end + 1)
        return False

    def _is_work_tree(self, rel: str) -> bool:
        known = self._work_trees.get(rel)
        if known is None:
            known = self._work_trees[rel] = os.path.lexists(f"{self.root_dir}/{rel}/{DOT_GIT}")
        return known

    @cached_property
    def _work_trees(self) -> dict[str, bool]:
        return {}

    def add(self, abspaths: Iterable[str], force: bool = False) -> None:
        """Stage files, and the removal of files that are gone.

        Left out: paths outside of this work tree or in a submodule, and missing ones that
        git does not know. force: also what is ignored. Raises GitError.
        """
        paths = [path for path in dict.fromkeys(abspaths) if self.contains(path) and not self._in_submodule(self.rel(path))]
        missing = [path for path in paths if not os.path.lexists(path)]
        if missing:
            gone = set(missing) - self.is_tracked(missing)
            paths = [path for path in paths if path not in gone]
        if not paths:
            return
        names = "\0".join(self.rel(path) or "." for path in paths).encode("utf-8", "surrogateescape")
        options = ["--force"] if force else []
        self._write("add", *options, "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)

    def _write(self, *args: str, stdin: bytes | None = None) -> None:
        """Run a command that changes the index; wait a little while another git (an editor's) holds it."""
        for attempt in range(_INDEX_LOCK_TRIES):
            try:
                self.run(*args, stdin=stdin, reader=False)
                return
            except GitError as exc:
                if "index.lock" not in exc.message or attempt == _INDEX_LOCK_TRIES - 1:
                    raise
                import time

                time.sleep(_INDEX_LOCK_PAUSE_S)

    # --- what changed
    def status(self, untracked: str = "no") -> GitStatus:
        """Changes of the work tree. untracked: "no", or "all" to list files in unknown folders too."""
        out = self.run("status", "--porcelain", "-z", "--no-renames", f"--untracked-files={untracked}")
        staged, unstaged, unknown = [], [], []
        for item in out.decode("utf-8", "surrogateescape").split("\0"):
            if not item:
                continue
            code, path = item[:2], item[3:]
            if code == "??":
                unknown.append(path)
                continue
            if code[0] != " ":
                staged.append(path)
            if code[1] != " ":
                unstaged.append(path)
        return GitStatus(tuple(staged), tuple(unstaged), tuple(unknown))

    def untracked_files(self) -> list[str]:
        """Files that git neither tracks nor ignores, relative to the work tree, sorted."""
        out = self.run("ls-files", "--others", "--exclude-standard", "-z").decode("utf-8", "surrogateescape")
        return sorted(name for name in out.split("\0") if name)

    def untracked_in(self, folder: str) -> list[str]:
        """Files in a folder that git does not track, ignored ones too; relative to the work tree. Not those of other repositories."""
        out = self.run("ls-files", "--others", "-z", "--", self.rel(folder) or ".").decode("utf-8", "surrogateescape")
        return [name for name in out.split("\0") if name and not name.endswith("/")]

    # --- what is ignored
    @cached_property
    def ignores(self) -> GitIgnore:
        """git's ignore rules as of now; `forget_ignores` after writing a .gitignore."""
        sources = [("core.excludesFile", self._excludes_file()), (f"{DOT_GIT}/info/exclude", f"{self.common_dir}/info/exclude")]
        contents = [(name, _read_bytes(path)) for name, path in sources if path]
        return GitIgnore(self.root_dir, contents, ignorecase=self._ignores_case())

    def forget_ignores(self) -> None:
        self.__dict__.pop("ignores", None)

    def is_ignored(self, abspath: str, isdir: bool | None = None) -> bool:
        """Whether git's rules exclude a path, tracked or not. isdir None: look."""
        if isdir is None:
            isdir = os.path.isdir(abspath) and not os.path.islink(abspath)
        return self.ignores.is_ignored(self.rel(abspath), isdir)

    def _excludes_file(self) -> str:
        """Path of the user's excludes file; it need not exist."""
        environ = self._environ
        if environ is None or self._may_be_configured(environ):
            configured = self.run("config", "--path", "--get", "core.excludesFile", accept=(0, 1)).decode("utf-8", "surrogateescape")
            if configured.strip():
                return os.path.join(self.root_dir, configured.rstrip("\n"))
        if environ is None:
            return os.path.expanduser("~/.config/git/ignore")
        folder = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
        return os.path.join(folder, "git", "ignore")

    def _may_be_configured(self, environ: Mapping[str, str]) -> bool:
        """False when no setting can name an excludes file, which saves asking git."""
        if sys.platform != "linux" or "GIT_CONFIG_COUNT" in environ or "GIT_CONFIG_PARAMETERS" in environ:
            return True  # elsewhere the place of the system's settings depends on how git was built
        return _mentions(self._config_files(environ), b"excludesfile", b"[include", b"worktreeconfig")

    def _config_files(self, environ: Mapping[str, str]) -> list[str]:
        """The files git reads its settings from."""
        home = environ.get("HOME", "")
        own = environ.get("GIT_CONFIG_GLOBAL")
        folder = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
        shared = [own] if own else [f"{home}/.gitconfig", f"{folder}/git/config"]
        return [f"{self.common_dir}/config", *shared, environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"]

    def _ignores_case(self) -> bool:
        for line in _read_bytes(f"{self.common_dir}/config").lower().splitlines():
            name, _, value = line.partition(b"=")
            if name.strip() == b"ignorecase":
                return value.strip() in (b"true", b"yes", b"on", b"1")
        return False


# --- files of a repository
def _git_dir_at(folder: str) -> str | None:
    """The Git folder of a work tree rooted here: `.git`, or what a `.git` file points to."""
    path = os.path.join(folder, DOT_GIT)
    if os.path.isfile(path):
        line = _read_line(path)
        if not line.startswith("gitdir: "):
            return None
        path = os.path.normpath(os.path.join(folder, line[len("gitdir: ") :]))
    return path if os.path.lexists(os.path.join(path, "HEAD")) else None


def _common_dir(git_dir: str) -> str:
    """The folder that all work trees of a repository share."""
    shared = _read_line(os.path.join(git_dir, "commondir"))
    return os.path.normpath(os.path.join(git_dir, shared)) if shared else git_dir


def _read_bytes(path: str) -> bytes:
    """Content; empty when there is no such file or it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _read_text(path: str) -> str:
    return _read_bytes(path).decode("utf-8", "surrogateescape")


def _read_line(path: str) -> str:
    return _read_text(path).partition("\n")[0].rstrip()


def _mentions(paths: list[str], *words: bytes) -> bool:
    return any(word in data for data in (_read_bytes(path).lower() for path in paths) for word in words)


# --- small facts
def _settings(config: Mapping[str, str] | None) -> list[str]:
    """As options of git."""
    return [part for name, value in (config or {}).items() for part in ("-c", f"{name}={value}")]


def _is_hex(text: str) -> bool:
    return bool(text) and _HEX.issuperset(text)


def _is_id(text: str) -> bool:
    return len(text) in (40, 64) and _is_hex(text)


def _only(found: set[str] | set[str | None], rev: str) -> str | None:
    """The single member, None of an empty set. Raises RevisionNotFound when there are several."""
    if len(found) > 1:
        raise RevisionNotFound(f"ambiguous Git revision '{rev}'")
    return next(iter(found), None)


def _may_be_listed(index: bytes, rel: str) -> bool:
    """False only when an index file of version 2 or 3 has no such file or folder."""
    name = rel.encode("utf-8", "surrogateescape")
    return name + b"\0" in index or name + b"/" in index


def _batches(rels: list[str]) -> Iterable[list[str]]:
    """Parts that fit on a command line."""
    part: list[str] = []
    size = 0
    for rel in rels:
        part.append(rel)
        size += len(rel.encode("utf-8", "surrogateescape")) + 1
        if size > _MAX_ARGUMENT_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _covered(rels: list[str], listed: Iterable[str]) -> set[str]:
    """Those of `rels` that are in `listed` or are folders of something in it."""
    wanted = set(rels)
    hits: set[str] = set()
    for name in listed:
        while name and name not in hits:
            if name in wanted:
                hits.add(name)
            name = name.rpartition("/")[0]
    return hits
