"""Addresses of static files that change with their content: `/static/<version>/launcher/frame.js`.

One version for all files, in front of the path, so that modules and style sheets name each other relatively and
get the version with it. A browser keeps them for good and asks for none of them again until one changes.
"""
from __future__ import annotations

import hashlib
import os
import posixpath
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache

import django
from django.apps import apps
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

CHECK_S = 1.0  # a file that is edited while the server runs gets its new address so much later
MARK = "v-"
IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*?["'](\.{1,2}/[^"']+)["'];?$""", re.MULTILINE)
LENGTH = 12
Stats = tuple[tuple[str, int, int], ...]


@dataclass
class Version:
    """The hash of all files below some folders; read again only after one of them changed."""

    folders: tuple[str, ...]
    _stats: Stats = ()
    _text: str = ""
    _checked: float = field(default=float("-inf"))

    def text(self) -> str:
        now = time.monotonic()
        if now - self._checked >= CHECK_S:
            stats = tuple((path, entry.st_size, entry.st_mtime_ns) for path, entry in self._files())
            if stats != self._stats:
                self._text, self._stats = self._hash(), stats
            self._checked = now
        return self._text

    def _files(self) -> list[tuple[str, os.stat_result]]:
        found = []
        for folder in self.folders:
            for at, _, names in sorted(os.walk(folder)):
                found += [(path, os.stat(path)) for name in sorted(names) if os.path.isfile(path := os.path.join(at, name))]
        return found

    def _hash(self) -> str:
        digest = hashlib.sha256(django.__version__.encode())  # of the admin's files
        for folder in self.folders:
            for at, _, names in sorted(os.walk(folder)):
                for name in sorted(names):
                    with open(os.path.join(at, name), "rb") as stream:
                        content = stream.read()
                    relative = os.path.relpath(os.path.join(at, name), folder)
                    digest.update(f"{relative}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
        return MARK + digest.hexdigest()[:LENGTH]


def own_folders() -> tuple[str, ...]:
    """The static folders of our own apps, those of the vendor files among them."""
    return tuple(os.path.join(config.path, "static") for config in apps.get_app_configs() if not config.name.startswith("django."))


_versions: dict[tuple[str, ...], Version] = {}


def version() -> str:
    """Of the files as they are now."""
    folders = own_folders()
    return _versions.setdefault(folders, Version(folders)).text()


def split(path: str) -> tuple[str, bool]:
    """The path without its version, and whether that is the present one: only then may a browser keep the file."""
    first, _, rest = path.partition("/")
    return (rest, first == version()) if first.startswith(MARK) and rest else (path, False)


def imports_of(name: str) -> list[str]:
    """Modules that a module imports, directly or not, itself left out. name: as in `{% static %}`."""
    return list(_imports_of(version(), name))


@lru_cache(maxsize=64)
def _imports_of(at: str, name: str) -> tuple[str, ...]:
    """at: the version, so that an edited module is read again."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        path = finders.find(module)
        if not path:
            continue
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        for relative in IMPORT.findall(text):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(module), relative))
            if imported != name and imported not in found:
                found[imported] = None
                waiting.append(imported)
    return tuple(found)


class VersionedStorage(StaticFilesStorage):
    """What `{% static %}` asks for an address."""

    def url(self, name: str | None) -> str:
        return super().url(f"{version()}/{name}")
