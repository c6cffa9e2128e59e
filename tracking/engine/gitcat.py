"""Objects of a Git repository through one long-lived `git cat-file --batch` child."""
from __future__ import annotations

from tracking.engine.errors import FileTooLarge, GitError
from tracking.engine.hints import IO, TYPE_CHECKING, Iterable

if TYPE_CHECKING:
    import subprocess

# name -> (mode, id); mode 0o040000 is a folder, 0o120000 a symlink, 0o160000 a submodule
Tree = dict[str, tuple[int, str]]

_TREE = 0o040000
_AHEAD = 100  # names of 41 bytes: far below what a pipe holds, so writing them never waits for our reading


class CatFile:
    """Asks git for objects, one at a time. Safe to share between threads, not with forked children.

    command: the git command line up to the subcommand. cwd: folder to start it in.
    """

    def __init__(self, command: list[str], cwd: str, environ: dict[str, str] | None) -> None:
        import threading

        self._command = [*command, "cat-file", "--batch"]
        self._cwd = cwd
        self._environ = environ
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._trees: dict[str, Tree] = {}
        self._ahead: dict[str, tuple[str, str, bytes]] = {}

    def read_ahead(self, oids: Iterable[str]) -> None:
        """Ask for objects that `ask` and `tree` will be called for soon: one wait for all instead of one for each.

        Ids only; each is given out once. What was read ahead before and not used is dropped.
        """
        wanted = [oid for oid in dict.fromkeys(oids) if oid and oid not in self._trees]
        with self._lock:
            self._ahead = {oid: self._ahead[oid] for oid in wanted if oid in self._ahead}
            wanted = [oid for oid in wanted if oid not in self._ahead]
            for start in range(0, len(wanted), _AHEAD):
                part = wanted[start : start + _AHEAD]
                try:
                    stdin, stdout = self._pipes()
                    stdin.write("".join(f"{oid}\n" for oid in part).encode())
                    stdin.flush()
                    for oid in part:
                        found = self._answer(stdout)
                        if found is not None:
                            self._ahead[oid] = found
                except BrokenPipeError as exc:
                    raise self._death() from exc

    def ask(self, name: str, limit_bytes: int | None = None) -> tuple[str, str, bytes] | None:
        """(id, type, content) of an object; None when git knows none of this name, or several.

        name: anything git rev-parse reads. Raises GitError when git cannot run, FileTooLarge above the limit.
        """
        if not name or "\n" in name or "\0" in name:
            return None
        with self._lock:
            ahead = self._ahead.pop(name, None)
            if ahead is not None:
                return ahead
            stdin, stdout = self._pipes()
            try:
                stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
                stdin.flush()
                return self._answer(stdout, name, limit_bytes)
            except BrokenPipeError as exc:
                raise self._death() from exc

    def _answer(self, stdout: IO[bytes], name: str = "", limit_bytes: int | None = None) -> tuple[str, str, bytes] | None:
        header = stdout.readline()
        fields = header.split()
        # "<id> <type> <size>"; otherwise "<name> missing" or "<name> ambiguous"
        if len(fields) != 3 or not fields[2].isdigit():
            if not header:
                raise self._death()
            return None
        if limit_bytes is not None and int(fields[2]) > limit_bytes:
            self._drop()  # it is writing the content already
            raise FileTooLarge(name, int(fields[2]))
        content = stdout.read(int(fields[2]))
        stdout.read(1)
        return fields[0].decode(), fields[1].decode(), content

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._child is None:
            import subprocess  # slow import

            try:
                self._child = subprocess.Popen(
                    self._command, cwd=self._cwd, env=self._environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except FileNotFoundError as exc:
                raise GitError("the program 'git' was not found", hint="Install git, or run `dataver config core.no_scm true`.") from exc
        assert self._child.stdin is not None and self._child.stdout is not None
        return self._child.stdin, self._child.stdout

    def _drop(self) -> None:
        """End the child in the middle of an answer; the next question starts another."""
        child, self._child = self._child, None
        assert child is not None and child.stdin is not None and child.stdout is not None
        child.kill()
        child.stdin.close()
        child.stdout.close()
        child.wait()

    def _death(self) -> GitError:
        """Why the child ended: what git says to a harmless question."""
        import subprocess  # slow import

        asked = subprocess.run([*self._command[:-2], "rev-parse", "--git-dir"], cwd=self._cwd, env=self._environ, capture_output=True)
        said = asked.stderr.decode("utf-8", "replace").strip()
        return GitError(f"git cannot read this repository: {said or 'it stopped unexpectedly'}", hint="Check it with `git status` and `git fsck`.")

    def tree(self, oid: str) -> Tree:
        """Entries of a tree object; remembered, because neighbouring commits share most of them."""
        known = self._trees.get(oid)
        if known is None:
            found = self.ask(oid)
            if found is None or found[1] != "tree":
                raise GitError(f"Git has no tree {oid}", hint="Check the repository with `git fsck`.")
            known = self._trees[oid] = parse_tree(found[2], len(oid) // 2)
        return known

    def close(self) -> None:
        """End the child. It would also end with this process."""
        with self._lock:
            child, self._child = self._child, None
            if child is not None:
                assert child.stdin is not None and child.stdout is not None
                child.stdin.close()
                child.stdout.close()
                child.wait()


def parse_tree(data: bytes, id_bytes: int) -> Tree:
    """Entries of a raw tree object: `<octal mode> <name>\\0<id>`, in git's order."""
    entries: Tree = {}
    position = 0
    while position < len(data):
        space = data.index(b" ", position)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        oid = data[end + 1 : end + 1 + id_bytes].hex()
        entries[name] = (int(data[position:space], 8), oid)
        position = end + 1 + id_bytes
    return entries


class RevisionFiles:
    """The files of one commit, below a folder of the work tree.

    rev: what messages call the commit. root: id of the folder's tree, "" when the commit
    has no such folder. Paths are posix and relative to that folder. A symlink reads as
    what its target is, when that is in the same commit; a submodule is an empty folder.
    """

    def __init__(self, objects: CatFile, rev: str, root: str) -> None:
        self._objects = objects
        self.rev = rev
        self.root = root

    def read(self, rel: str, limit_bytes: int | None = None) -> bytes:
        """Content. Raises FileNotFoundError or IsADirectoryError, FileTooLarge above the limit."""
        mode, oid = self._find(rel)
        if mode == _TREE or mode == 0o160000:
            raise IsADirectoryError(21, "Is a directory", rel)
        found = self._objects.ask(oid, limit_bytes)
        if found is None:
            raise GitError(f"Git has no object {oid} for '{rel}' in {self.rev}", hint="Check the repository with `git fsck`.")
        return found[2]

    @property
    def objects(self) -> CatFile:
        return self._objects

    def identify(self, rel: str) -> str:
        """Id of a file's content or a folder's tree. Raises FileNotFoundError."""
        return self._find(rel)[1]

    def exists(self, rel: str) -> bool:
        try:
            self._find(rel)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def isdir(self, rel: str) -> bool:
        try:
            return self._find(rel)[0] in (_TREE, 0o160000)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def listdir(self, rel: str) -> list[str]:
        """Names in a folder, sorted. Raises FileNotFoundError or NotADirectoryError."""
        mode, oid = self._find(rel)
        if mode == 0o160000 or not oid:
            return []
        if mode != _TREE:
            raise NotADirectoryError(20, "Not a directory", rel)
        return sorted(self._objects.tree(oid))

    def walk(self, top: str = "") -> list[str]:
        """Paths of all files (symlinks included) below a folder, sorted by folder, then name."""
        mode, oid = self._find(top)
        found: list[str] = []
        stack = [(f"{top}/" if top else "", oid)] if mode == _TREE and oid else []
        while stack:
            prefix, oid = stack.pop()
            below = []
            for name, (mode, child) in sorted(self._objects.tree(oid).items()):
                if mode == _TREE:
                    below.append((f"{prefix}{name}/", child))
                elif mode != 0o160000:
                    found.append(prefix + name)
            stack += reversed(below)
        return found

    def _find(self, rel: str, hops: int = 0) -> tuple[int, str]:
        """(mode, id) of a path, symlinks followed. Raises FileNotFoundError."""
        done: list[str] = []
        mode, oid = _TREE, self.root
        parts = [part for part in rel.split("/") if part and part != "."]
        for index, part in enumerate(parts):
            entry = self._objects.tree(oid).get(part) if mode == _TREE and oid else None
            if entry is None:
                raise FileNotFoundError(2, f"No such file or directory in {self.rev}", rel)
            mode, oid = entry
            if mode == 0o120000:
                return self._follow(oid, done, parts[index + 1 :], rel, hops)
            done.append(part)
        return mode, oid

    def _follow(self, oid: str, folder: list[str], rest: list[str], rel: str, hops: int) -> tuple[int, str]:
        found = self._objects.ask(oid)
        target = found[2].decode("utf-8", "surrogateescape") if found else "/"
        resolved = list(folder)
        for part in [*target.split("/"), *rest]:
            if part == "..":
                if not resolved:
                    target = "/"
                    break
                resolved.pop()
            elif part not in ("", "."):
                resolved.append(part)
        if target.startswith("/") or hops > 30:
            raise FileNotFoundError(2, f"Symlink leads out of {self.rev}", rel)
        return self._find("/".join(resolved), hops + 1)
