"""Everything on disk that both tools must agree on, as a flat dict of strings.

Keys are paths relative to the box (`project/...`, `remote/...`) or `git:...`; values say kind,
mode and content. Times never matter. What is left out: `.dvc/tmp` (private state), `.git`
(its index and HEAD are asked of Git), and folders of caches without objects.
"""
from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess

PRIVATE = (".dvc/tmp", "project/.git", ".dvc/cache/corrupt", "remote/corrupt")
CACHES = ("project/.dvc/cache", "remote", "remote2", "cache")
LEFT_BY_DVC = re.compile(r"files/md5/\.[-\w]{22}\.tmp$")  # `add -o` and `--to-remote` leave it; readers skip it
OWNER_BITS = 0o300  # of workspace files only "may I write, may I run" counts: dvc makes a copied script 744
SHOWN_BYTES = 40_000


class Snapshots:
    """Takes snapshots of one box, hashing a file again only when its stat changed."""

    def __init__(self, box: str, env: dict[str, str]) -> None:
        self.box = box
        self.env = env
        self._known: dict[tuple[str, int, int, int, int], str] = {}

    def take(self) -> dict[str, str]:
        """The state of the box now."""
        found: dict[str, str] = {}
        self._inodes: dict[int, str] = {}
        for top in sorted(os.listdir(self.box), key=lambda name: name == "project"):
            self._walk(top, found)
        self._git(found)
        return found

    def _walk(self, rel: str, found: dict[str, str]) -> None:
        if rel.endswith(PRIVATE) or LEFT_BY_DVC.search(rel):
            return
        path = os.path.join(self.box, rel)
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            found[rel] = self._describe(rel, path, status)
            return
        if not rel.startswith(CACHES):
            found[rel] = f"dir {stat.S_IMODE(status.st_mode):o}"
        names = sorted(os.listdir(path), key=lambda name: (name != ".dvc", name))  # cache before links to it
        for name in names:
            self._walk(f"{rel}/{name}", found)

    def _describe(self, rel: str, path: str, status: os.stat_result) -> str:
        mode = stat.S_IMODE(status.st_mode)
        if not rel.startswith(CACHES):
            mode &= OWNER_BITS
        if stat.S_ISLNK(status.st_mode):
            return "symlink " + os.readlink(path)
        if not stat.S_ISREG(status.st_mode):
            return f"special {stat.S_IFMT(status.st_mode):o}"
        key = (rel, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = self._content(path)
        link = ""
        if status.st_nlink > 1:
            first = self._inodes.setdefault(status.st_ino, rel)
            if first != rel:
                link = f" = {first}"
        return f"file {mode:o}{link} {text}"

    def _content(self, path: str) -> str:
        with open(path, "rb") as stream:
            data = stream.read()
        if len(data) > SHOWN_BYTES:
            return f"{len(data)} bytes md5 {hashlib.md5(data).hexdigest()}"
        return repr(data)

    def _git(self, found: dict[str, str]) -> None:
        project = os.path.join(self.box, "project")
        if not os.path.isdir(os.path.join(project, ".git")):
            return
        with open(os.path.join(project, ".git", "HEAD"), encoding="utf-8") as stream:
            head = stream.read().strip()
        found["git:HEAD"] = head
        listing = subprocess.run(
            ["git", "-c", "core.quotepath=off", "ls-files", "-s", "-z"],
            cwd=project, env=self.env, capture_output=True, check=False,
        )
        for line in listing.stdout.decode("utf-8", "surrogateescape").split("\0"):
            if line:
                facts, _, name = line.partition("\t")
                found[f"git:index {name}"] = facts


def differences(left: dict[str, str], right: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Keys whose values differ, with both values ("absent" where there is none)."""
    return {
        key: (left.get(key, "absent"), right.get(key, "absent"))
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    }
