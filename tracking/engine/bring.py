"""Bring the outs of many stages in line with the .dvc and dvc.lock files (`checkout`, `pull`)."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tracking.engine.checkout import Change, checkout, remove_path
from tracking.engine.errors import CheckoutFailed, ConfirmNeeded
from tracking.engine.index import Index
from tracking.engine.repo import Repo
from tracking.engine.stage import Digest, Out
from tracking.engine.targets import Found
from tracking.engine.workspace import Workspace


@dataclass
class Brought:
    """What a checkout did. Paths are shown relative to the cwd, folders end in "/".

    files: number of files added, modified, deleted. failed: outs whose objects are missing.
    """

    added: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=lambda: {"modified": 0, "added": 0, "deleted": 0})

    def sort(self) -> None:
        """Folders first, then by name."""
        for paths in (self.added, self.modified, self.deleted):
            paths.sort(key=lambda path: (not path.endswith(os.sep), path))


@dataclass(frozen=True, slots=True)
class Want:
    """One path to check out. digest None: the out was never saved, so nothing may be there."""

    out: Out
    path: str
    digest: Digest | None
    subpath: bool = False


def wanted(ws: Workspace, found: Iterable[Found]) -> list[Want]:
    """Cached outs of the stages, or the part of one that a target names."""
    result: dict[str, Want] = {}
    for item in found:
        partial = item.stage.is_import and item.stage.outs[0].digest is None
        for out in item.stage.outs:
            if not out.cache or out.is_url or partial or not ws.repo.contains(out.abspath):
                continue
            if item.path and item.path != out.abspath and item.path.startswith(out.abspath + os.sep):
                result[item.path] = Want(out, item.path, out.digest, subpath=True)
            elif item.path is None or item.path == out.abspath:
                result[out.abspath] = Want(out, out.abspath, out.digest)
    return list(result.values())


def bring(ws: Workspace, wants: Iterable[Want], *, force: bool, relink: bool, confirm: Callable[[str], bool]) -> Brought:
    """Check out every wanted path. Raises ConfirmNeeded before anything unsaved is lost."""
    result = Brought()
    items = list(wants)
    if not force:
        _refuse_losses(ws, items, confirm)
    for want in items:
        try:
            change = _checkout(ws, want, relink)
        except CheckoutFailed:
            result.failed.append(ws.repo.display(want.out.abspath))
            continue
        _note(ws.repo, want, change, result)
    return result


def _checkout(ws: Workspace, want: Want, relink: bool) -> Change | None:
    repo, out = ws.repo, want.out
    if want.digest is None:
        return _remove(ws, want)
    change = checkout(
        out.abspath,
        want.digest,
        store=repo.store_for(want.digest),
        state=repo.state,
        link_types=repo.link_types,
        ignore=repo.ignore,
        rel=repo.rel(out.abspath),
        isexec=out.meta.isexec,
        force=True,
        relink=relink,
        only=os.path.relpath(want.path, out.abspath).replace(os.sep, "/") if want.subpath else None,
        progress=ws.progress,
    )
    ws.forget(out.abspath)
    if change.changed:
        repo.state.save_link(out.abspath)
    return change


def _remove(ws: Workspace, want: Want) -> Change | None:
    """An out without a recorded hash: what lies there is not its content."""
    if not os.path.lexists(want.path):
        return None
    ws.forget(want.path)
    names = _files_below(want.path)
    remove_path(want.path)
    return Change(deleted=names)


def _files_below(path: str) -> list[str]:
    if not os.path.isdir(path) or os.path.islink(path):
        return [""]
    return [os.path.relpath(os.path.join(folder, name), path) for folder, _, names in os.walk(path) for name in names]


def _refuse_losses(ws: Workspace, items: list[Want], confirm: Callable[[str], bool]) -> None:
    from tracking.engine.checkout import unsaved_files

    repo = ws.repo
    lost: list[str] = []
    for want in items:
        store = repo.store_for(want.digest) if want.digest else repo.store
        lost += unsaved_files(
            want.out.abspath,
            want.digest,
            store=store,
            state=repo.state,
            ignore=repo.ignore,
            rel=repo.rel(want.out.abspath),
            only=os.path.relpath(want.path, want.out.abspath).replace(os.sep, "/") if want.subpath else None,
        )
    if lost and not confirm(f"{len(lost)} unsaved files would be lost, among them '{lost[0]}'. Go on?"):
        raise ConfirmNeeded("Can't remove the following unsaved files without confirmation. Use `--force` to force.\n" + "\n".join(lost))


def _note(repo: Repo, want: Want, change: Change | None, result: Brought) -> None:
    if change is None or not change.changed:
        return
    shown = repo.display(want.out.abspath)
    if os.path.isdir(want.out.abspath) and not os.path.islink(want.out.abspath):
        shown += "/"
    if change.created:
        result.added.append(shown)
    elif not os.path.lexists(want.out.abspath):
        result.deleted.append(shown)
    else:
        result.modified.append(shown)
    result.files["added"] += len(change.added)
    result.files["modified"] += len(change.modified)
    result.files["deleted"] += len(change.deleted)


def remove_unused(ws: Workspace, index: Index, result: Brought) -> None:
    """Delete outs we once checked out and that no file names any more, unless edited since."""
    used = {out.abspath for _, out in index.outs if out.abspath}
    for path in ws.repo.state.unused_links(used):
        shown = ws.repo.display(path) + ("/" if os.path.isdir(path) else "")
        remove_path(path)
        ws.repo.state.forget_link(path)
        result.deleted.append(shown)
        result.files["deleted"] += 1
