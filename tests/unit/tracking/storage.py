"""A cache, a state and an ignore matcher in a temporary folder, for the storage tests."""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tracking.engine.build import Built, build
from tracking.engine.checkout import Change, checkout
from tracking.engine.ignore import Ignore
from tracking.engine.objects import LocalStore
from tracking.engine.stage import MD5, Digest
from tracking.engine.state import State


class Storage:
    """root: the project. Paths in calls are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.tmp = str(self.root / ".dvc" / "tmp")
        self.state = State(self.tmp)
        self.store = LocalStore(str(self.root / ".dvc" / "cache"), tmp_dir=self.tmp)

    def again(self) -> Storage:
        """As a new process would open it."""
        self.state.close()
        return Storage(self.root)

    def gen(self, files: dict[str, str | bytes], old: bool = True) -> None:
        """Write files; `old` gives them a time that the state trusts."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            if old:
                self.age(name)

    def age(self, name: str, seconds: float = 100) -> None:
        then = time.time_ns() - int(seconds * 1e9)
        os.utime(self.root / name, ns=(then, then))

    def build(self, name: str, *, store: bool = True, algorithm: str = MD5) -> Built:
        return build(
            str(self.root / name), ignore=Ignore(str(self.root)), rel=name, state=self.state, algorithm=algorithm, store=self.store if store else None
        )

    def checkout(self, name: str, digest: Digest | None, **options: Any) -> Change:
        options.setdefault("link_types", ["copy"])
        return checkout(
            str(self.root / name), digest, store=self.store, state=self.state, ignore=Ignore(str(self.root)), rel=name, **options
        )

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def tree(self, name: str) -> dict[str, str]:
        """Files below a folder, with their content."""
        top = self.root / name
        return {path.relative_to(top).as_posix(): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}

    def object_path(self, built: Built) -> Path:
        return Path(self.store.path_of(built.digest.value))
