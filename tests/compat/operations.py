"""What a step can do to a project. An operation is a plain list, so a failing run can be printed and replayed.

Operations that make no sense in the state they meet (the file is gone after another step was dropped)
do nothing: that is what lets a sequence shrink.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.compat.snapshot import Snapshots
from tests.compat.tools import Reply, Tool
from tests.environment import clean_environ

Operation = list[Any]
OBJECT_FOLDER = re.compile(r"/(cache|md5|remote)/[0-9a-f]{2}$")
COMMITTED = (".dvc", "dvc.yaml", "dvc.lock", ".gitignore", ".dvcignore", ".yaml", ".json", ".csv")


@dataclass(frozen=True)
class Outcome:
    """Result of one operation. `tool` is empty when no tool ran."""

    tool: str = ""
    code: int = 0
    out: str = ""
    err: str = ""


Differences = dict[str, tuple[str, str]]  # on disk: path below the box -> what the first and the second one shows there
Improvement = Callable[[Operation, Outcome, Outcome, Differences, str], bool]


class Box:
    """A folder with a project in it, its remotes beside it, and the tool that works on it.

    While an operation runs the folder is called `live`, whichever box it is: absolute paths (in
    symlinks, commits, messages) are then the same bytes in both. Otherwise it is kept under `parked`.
    """

    def __init__(self, base: str, name: str, tools: dict[str, Tool], default: str) -> None:
        self.path = os.path.join(base, "live")
        self.parked = os.path.join(base, name)
        self.project = os.path.join(self.path, "project")
        self.tools = tools
        self.default = default
        self.env = clean_environ(base)
        self.env["DVC_GLOBAL_CONFIG_DIR"] = os.path.join(self.path, "global")
        self.env["DVC_SITE_CACHE_DIR"] = os.path.join(base, f"site-{name}")
        os.makedirs(os.path.join(self.parked, "project"))
        self._snapshots = Snapshots(self.path, self.env)

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Give the box its path."""
        os.rename(self.parked, self.path)
        try:
            yield
        finally:
            os.rename(self.path, self.parked)

    def snapshot(self) -> dict[str, str]:
        """The state on disk (the box must be live)."""
        return self._snapshots.take()

    def at(self, rel: str) -> str:
        """A path of the project. Operations can be typed in by hand, so nothing outside of the box is accepted."""
        path = os.path.normpath(os.path.join(self.project, rel))
        if path != self.project and not path.startswith(self.path + os.sep):
            raise ValueError(f"'{rel}' leads out of the box")
        return path

    def apply(self, operation: Operation) -> Outcome:
        """Do one operation."""
        verb, *arguments = operation
        return getattr(self, f"_{verb}")(*arguments) or Outcome()

    # -- tools ------------------------------------------------------------------------
    def _tool(self, *argv: str) -> Outcome:
        return self._tool_by(self.default, ".", *argv)

    def _tool_in(self, folder: str, *argv: str) -> Outcome:
        return self._tool_by(self.default, folder, *argv)

    def _tool_by(self, who: str, folder: str, *argv: str) -> Outcome:
        cwd = self.at(folder)
        if not os.path.isdir(cwd):
            return Outcome()
        words = [word.replace("{box}", self.path) for word in argv]
        reply: Reply = self.tools[who].run(words, os.path.normpath(cwd), self.env)
        return Outcome(who, reply.code, self._neutral(reply.out), self._neutral(reply.err))

    def _neutral(self, text: str) -> str:
        return text.replace(self.path, "<box>")

    # -- git --------------------------------------------------------------------------
    def _git(self, *argv: str) -> None:
        subprocess.run(["git", *argv], cwd=self.project, env=self.env, capture_output=True, check=False)

    def _commit(self, message: str, everything: bool = False) -> None:
        """Commit what a user of these tools commits; `everything` adds raw data too."""
        with contextlib.suppress(FileNotFoundError):  # Git compares whole seconds, and dvc rewrites the index: let it look into every file
            os.utime(os.path.join(self.project, ".git", "index"), (1, 1))
        names = ["-A"] if everything else ["-u"]
        self._git("add", *names)
        if not everything:
            self._git("add", "--ignore-errors", "--", *self._text_files())
        self._git("commit", "-q", "--allow-empty", "-m", message)

    def _text_files(self) -> list[str]:
        found = []
        for folder, names, leaves in os.walk(self.project):
            names[:] = [name for name in names if name not in (".git", ".dvc")]
            found += [os.path.join(folder, name) for name in leaves if name.endswith(COMMITTED)]
        return sorted(os.path.relpath(path, self.project) for path in found)

    # -- files ------------------------------------------------------------------------
    def _write(self, rel: str, text: str) -> None:
        path = self.at(rel)
        with contextlib.suppress(OSError):  # a parent may be a file by now
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.lexists(path) and not os.path.isdir(path) and not os.access(path, os.W_OK) or os.path.islink(path):
                os.unlink(path)
            if os.path.exists(path) and (os.stat(path).st_nlink > 1 or not stat.S_IMODE(os.stat(path).st_mode) & 0o200):
                os.unlink(path)  # never write through a link into the cache
            with open(path, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)

    def _append(self, rel: str, text: str) -> None:
        path = self.at(rel)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
                old = stream.read()
            self._write(rel, old + text)

    def _replace(self, rel: str, old: str, new: str) -> None:
        path = self.at(rel)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as stream:
                self._write(rel, stream.read().replace(old, new))

    def _delete(self, rel: str) -> None:
        path = self.at(rel)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def _rename(self, old: str, new: str) -> None:
        if os.path.lexists(self.at(old)) and not os.path.lexists(self.at(new)):
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(self.at(new)), exist_ok=True)
                os.rename(self.at(old), self.at(new))

    def _chmod(self, rel: str, mode: int) -> None:
        path = self.at(rel)
        if os.path.isfile(path) and not os.path.islink(path) and os.stat(path).st_nlink == 1:
            os.chmod(path, mode)

    def _mkdir(self, rel: str) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(self.at(rel), exist_ok=True)

    def _symlink(self, target: str, rel: str) -> None:
        with contextlib.suppress(OSError):
            os.symlink(target, self.at(rel))

    def _touch(self, rel: str) -> None:
        with contextlib.suppress(OSError):
            os.utime(self.at(rel))

    # -- damage -----------------------------------------------------------------------
    def _drop_cache(self) -> None:
        shutil.rmtree(self.at(".dvc/cache"), ignore_errors=True)

    def _objects(self, top: str) -> list[str]:
        found = []
        for folder, _, names in os.walk(top):
            if OBJECT_FOLDER.search(folder):
                found += [os.path.join(folder, name) for name in names if not name.startswith(".")]
        return sorted(found)

    def _drop_object(self, number: int, top: str = "project/.dvc/cache") -> None:
        objects = self._objects(os.path.join(self.path, top))
        if objects:
            os.unlink(objects[number % len(objects)])

    def _corrupt_object(self, number: int) -> None:
        """Change an object's bytes the way an editor on a hard link does: the file becomes writable."""
        objects = self._objects(self.at(".dvc/cache"))
        if objects:
            path = objects[number % len(objects)]
            if os.stat(path).st_nlink == 1:
                os.chmod(path, 0o644)
                with open(path, "ab") as stream:
                    stream.write(b"damage")

    # -- what dvc 2.x left behind -----------------------------------------------------
    def _legacy_add(self, rel: str) -> None:
        """Track a file or flat folder the way dvc 2.x did: no `hash: md5`, objects at the cache root."""
        path = self.at(rel)
        if os.path.isdir(path):
            names = sorted(name for name in os.listdir(path) if os.path.isfile(os.path.join(path, name)))
            entries = [{"md5": self._legacy_object(os.path.join(path, name)), "relpath": name} for name in names]
            data = json.dumps(entries, sort_keys=True).encode()
            oid = hashlib.md5(data).hexdigest() + ".dir"
            self._put_object(oid, data)
            size = sum(os.path.getsize(os.path.join(path, name)) for name in names)
            facts = f"- md5: {oid}\n  size: {size}\n  nfiles: {len(names)}\n"
        elif os.path.isfile(path):
            facts = f"- md5: {self._legacy_object(path)}\n  size: {os.path.getsize(path)}\n"
        else:
            return
        self._write(f"{rel}.dvc", f"outs:\n{facts}  path: {os.path.basename(rel)}\n")
        ignore = os.path.join(os.path.dirname(rel), ".gitignore")
        if not os.path.exists(self.at(ignore)):
            self._write(ignore, "")
        self._append(ignore, f"/{os.path.basename(rel)}\n")

    def _legacy_object(self, path: str) -> str:
        with open(path, "rb") as stream:
            data = stream.read()
        head = data[:512]
        odd = head.translate(None, bytes(range(32, 127)) + b"\n\r\t\f\b")
        is_text = b"\0" not in head and (not head or len(odd) / len(head) <= 0.3)
        text = data.replace(b"\r\n", b"\n") if is_text else data
        oid = hashlib.md5(text).hexdigest()
        self._put_object(oid, data)
        return oid

    def _put_object(self, oid: str, data: bytes) -> None:
        path = self.at(f".dvc/cache/{oid[:2]}/{oid[2:]}")
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(data)
            os.chmod(path, 0o444)
