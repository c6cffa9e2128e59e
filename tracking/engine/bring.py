"""Bring the outs of many stages in line with the .dvc and dvc.lock files (`checkout`, `pull`)."""
from __future__ import annotations

import os

from tracking.engine.build import build
from tracking.engine.checkout import Change, Plan, apply_checkout, ask_for_unsaved, plan_checkout, remove_path
from tracking.engine.deletion import refuse_own_folders
from tracking.engine.errors import CheckoutFailed
from tracking.engine.hints import Callable, Iterable
from tracking.engine.index import Index
from tracking.engine.light import suppress
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import MD5, MD5_DOS2UNIX, Digest, Out
from tracking.engine.targets import Found
from tracking.engine.tree import dump_tree, load_tree, tree_oid
from tracking.engine.workspace import Workspace


@record
class Brought:
    """What a checkout did. Paths are shown relative to the cwd, folders end in "/".

    files: number of files added, modified, deleted. failed: outs whose objects are missing, or that
    were never saved; never_saved holds the absolute paths of the latter.
    """

    added: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    never_saved: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=lambda: {"modified": 0, "added": 0, "deleted": 0})

    def sort(self) -> None:
        """Folders first, then by name."""
        for paths in (self.added, self.modified, self.deleted):
            paths.sort(key=lambda path: (not path.endswith(os.sep), path))


@record(frozen=True)
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
        for out in item.stage.outs:
            if not out.cache or out.is_url or not ws.repo.contains(out.abspath):
                continue
            refuse_own_folders(ws.repo, out.abspath, out.path)
            if item.stage.is_partial_import and os.path.lexists(out.abspath):
                continue  # its data was pulled; the .dvc file does not say what it is
            if item.path and item.path != out.abspath and item.path.startswith(out.abspath + os.sep):
                result[item.path] = Want(out, item.path, out.digest, subpath=True)
            elif item.path is None or item.path == out.abspath:
                result[out.abspath] = Want(out, out.abspath, out.digest)
    return list(result.values())


def bring(
    ws: Workspace,
    wants: Iterable[Want],
    *,
    force: bool,
    relink: bool,
    confirm: Callable[[str], bool],
    unused: Index | None = None,
    rescue: Callable[[list[str]], None] | None = None,
) -> Brought:
    """Check out every wanted path; first delete what is `unused` in an index.

    rescue: with `force`, is given the absolute paths of unsaved files before they are lost.
    Raises ConfirmNeeded before anything unsaved is lost.
    """
    result = Brought()
    if unused is not None:
        remove_unused(ws, unused, result)
    plans = [(want, _plan(ws, want, relink)) for want in wants]
    ask_for_unsaved([plan for _, plan in plans], force=force, confirm=confirm)
    if rescue is not None:
        rescue([path for _, plan in plans for path in plan.unsaved])
    for want, plan in plans:
        try:
            change = apply_checkout(plan, ws.repo.link_types, ws.progress)
        except CheckoutFailed:
            _make_parent(want)
            result.failed.append(ws.repo.display(want.out.abspath))
            continue
        if change.changed:
            ws.forget(want.out.abspath)
            _note(ws.repo, want, change, result)
        elif relink:
            ws.repo.state.forget_link(want.out.abspath)  # dvc makes it anew, and forgets that it brought it
        if want.digest is None:
            _make_parent(want)
            result.never_saved.append(want.out.abspath)
            result.failed.append(ws.repo.display(want.out.abspath))
    return result


def _make_parent(want: Want) -> None:
    """The folder of an out is made even when the out cannot be, as dvc does."""
    with suppress(OSError):
        os.makedirs(os.path.dirname(want.out.abspath), exist_ok=True)


def _store_listed(ws: Workspace, out: Out) -> None:
    """Make the manifest of a folder whose file lists what is in it: real dvc keeps none of those in the cache."""
    digest = out.digest
    if out.files is None or digest is None or not digest.isdir or ws.manifest(digest) is not None:
        return
    rows = sorted((str(entry["relpath"]), str(entry.get("md5") or "")) for entry in out.files)
    data = dump_tree(rows)
    if tree_oid(data) == digest.value and all(md5 for _, md5 in rows):
        load_tree(data, digest.value)  # raises for a path that leads out of the folder
        ws.repo.store_for(digest).add_bytes(digest.value, data)
        ws.forget_objects()


def _plan(ws: Workspace, want: Want, relink: bool) -> Plan:
    repo, out = ws.repo, want.out
    _store_listed(ws, out)
    return plan_checkout(
        out.abspath,
        want.digest,
        store=repo.store_for(want.digest) if want.digest else repo.store,
        state=repo.state,
        ignore=repo.ignore,
        rel=repo.rel(out.abspath),
        isexec=out.meta.isexec,
        relink_types=repo.link_types if relink else (),
        only=os.path.relpath(want.path, out.abspath).replace(os.sep, "/") if want.subpath else None,
        prune=True,
        progress=ws.progress,
    )


def _note(repo: Repo, want: Want, change: Change, result: Brought) -> None:
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
    """Delete outs we once checked out and that no file names any more, unless edited since or nowhere else.

    What .dvcignore names is left alone: the file that tracks it may be ignored, too.
    Of this project only: whoever copies a project copies what it remembers, with the paths of the original.
    """
    own = os.path.join(ws.repo.root_dir, "")
    used = {out.abspath for _, out in index.outs if out.abspath}
    state = ws.repo.state
    for path in state.unused_links(used):
        if not path.startswith(own) or ws.is_ignored(path, os.path.isdir(path)) or not _is_saved(ws.repo, path):
            continue
        shown = ws.repo.display(path) + ("/" if os.path.isdir(path) else "")
        remove_path(path)
        ws.forget(path)
        state.forget_link(path)
        result.deleted.append(shown)
        result.files["deleted"] += 1


def _is_saved(repo: Repo, path: str) -> bool:
    """Whether the cache holds all the content at a path."""
    for store, algorithm in ((repo.store, MD5), (repo.legacy_store, MD5_DOS2UNIX)):
        try:
            built = build(path, ignore=None, rel="", state=repo.state, algorithm=algorithm)
        except FileNotFoundError:  # a link to nothing
            return False
        oids = {built.digest.value} if built.rows is None else set(built.hashes)
        if store.exists(oids) == oids:
            return True
    return False


def checkout_failed(result: Brought) -> CheckoutFailed:
    """The error for outs whose objects the cache lacks."""
    names = "\n".join(result.failed)
    return CheckoutFailed(
        f"Checkout failed for following targets:\n{names}\nIs your cache up to date?\n<https://error.dvc.org/missing-files>",
        tuple(result.failed),
    )


def change_lines(result: Brought) -> list[str]:
    """One line per out: M, A or D, spaces to the eighth column as in dvc, whose console spreads its tab, and the path."""
    groups = (("M", result.modified), ("A", result.added), ("D", result.deleted))
    return [f"{letter:8}{path}" for letter, paths in groups for path in paths]


def count_text(counts: dict[str, int]) -> str:
    """`2 files modified, 1 file added and 1 file deleted`; "" when nothing happened."""
    parts = [f"{count} file{'s' if count != 1 else ''} {what}" for what, count in counts.items() if count]
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
