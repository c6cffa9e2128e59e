"""Pull interrupted in the middle: whatever arrived is whole, and pulling again brings the rest."""
from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable

import pytest

from launcher.engine.progressfile import ProgressFile
from tests.conftest import Project
from tracking.engine.objects import is_oid

FILES = {f"{number:04}": f"content {number}\n" for number in range(900)}


@pytest.mark.parametrize("label", ["Fetching from store", "Checkout"])
def test_a_pull_goes_on_where_it_was_interrupted(make_project: Callable[..., Project], label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(files={"many": dict(FILES)})
    project.ok("add", "-q", "many")
    project.ok("remote", "add", "-q", "-d", "store", "../store")
    project.ok("push", "-q")
    for folder in ("many", ".dvc/cache"):
        shutil.rmtree(project / folder)
    project.environ["DATAVER_PROGRESS"] = str(project.path.parent / "progress")
    told: list[tuple[str, int | None, str]] = []
    start, advance = ProgressFile.start, ProgressFile.advance

    def note(self: ProgressFile, label: str, total: int | None = None, unit: str = "file") -> None:
        told.append((label, total, unit))
        start(self, label, total, unit)

    def interrupt(self: ProgressFile, count: int = 1) -> None:
        advance(self, count)
        if self.label == label and self.done >= 100 and self.total == len(FILES):
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressFile, "start", note)
    monkeypatch.setattr(ProgressFile, "advance", interrupt)
    assert project.run("pull").code not in (0, None)
    assert ("Fetching from store", len(FILES), "file") in told
    objects = {oid: (project / ".dvc/cache/files/md5" / oid[:2] / oid[2:]).read_bytes() for oid in project.objects() if is_oid(oid)}  # beside a temporary file that goes later
    assert all(hashlib.md5(content).hexdigest() == oid.removesuffix(".dir") for oid, content in objects.items())
    placed = {path.name: path.read_text() for path in (project / "many").iterdir()} if (project / "many").exists() else {}
    assert placed.items() <= FILES.items() and len(placed) < len(FILES)
    monkeypatch.undo()
    project.ok("pull")
    assert {path.name: path.read_text() for path in (project / "many").iterdir()} == FILES
    assert project.ok("status", "--json").json == {}
