"""Make the workspace equal to what a digest says, touching only what differs.

First a plan, which changes nothing and knows what would be lost or is missing; then the
plan is carried out. Each file appears by rename. Nothing is ever written or removed
through a symlink: one that stands where a folder belongs is taken away.
"""
from __future__ import annotations

import os
import stat as stat_module
import time

from tracking.engine import atomic, parallel
from tracking.engine.build import REMEMBERED_BYTES, Built, build
from tracking.engine.errors import CheckoutFailed, ConfirmNeeded, CorruptObject, DataverError
from tracking.engine.files import is_absence
from tracking.engine.hints import TYPE_CHECKING, Callable, Iterable, Sequence
from tracking.engine.light import suppress
from tracking.engine.links import COPY, HARDLINK, REFLINK, SYMLINK, make_file
from tracking.engine.place import Placer, Scratch
from tracking.engine.protocols import NoProgress, Progress
from tracking.engine.record import record
from tracking.engine.stage import MD5, Digest
from tracking.engine.state import TICK_NS
from tracking.engine.tree import dump_tree, parent_folders, tree_oid

if TYPE_CHECKING:
    from tracking.engine.ignore import Ignore
    from tracking.engine.objects import LocalStore
    from tracking.engine.state import State, WalkRow

REHASH_BYTES = 1 << 22  # hashing so many takes about as long as a tick of the clock

ADDED, MODIFIED, DELETED = "added", "modified", "deleted"
UNSAVED_TEXT = "Can't remove the following unsaved files without confirmation. Use `--force` to force."
MISSING_TEXT = "Checkout failed for following targets:\n{}\nIs your cache up to date?\n<https://error.dvc.org/missing-files>"


@record(frozen=True)
class Change:
    """What a checkout did to one out. kind: "" (nothing), added, modified or deleted.

    added, modified, deleted: paths of files relative to the out, sorted ("" for a file out);
    deleted also has the folders that held nothing.
    """

    path: str = ""
    kind: str = ""
    added: Sequence[str] = ()
    modified: Sequence[str] = ()
    deleted: Sequence[str] = ()

    @property
    def changed(self) -> bool:
        return bool(self.kind or self.added or self.modified or self.deleted)

    @property
    def created(self) -> bool:
        """Nothing was there before."""
        return self.kind == ADDED


class Plan:
    """What a checkout of one out would do.

    unsaved: absolute paths whose content no cache holds. missing: objects the cache lacks.
    broken: absolute paths of symlinks into nowhere.
    """

    def __init__(self, path: str, digest: Digest | None, store: LocalStore, state: State, isexec: bool) -> None:
        self.path = path
        self.digest = digest
        self.store = store
        self.state = state
        self.isexec = isexec
        self.existed = False
        self.wanted: dict[str, str] = {}  # relpath -> md5
        self.have: dict[str, str] = {}
        self.untouched: dict[str, str] = {}  # files outside of the part asked for
        self.is_partial = False
        self.rows: dict[str, WalkRow] = {}
        self.create: list[str] = []
        self.modify: list[str] = []
        self.delete: list[str] = []
        self.relink: list[str] = []
        self.hollow: list[str] = []  # folders that hold nothing
        self.blockers: list[str] = []  # absolute paths in the way
        self.broken: list[str] = []
        self.mode_differs = False
        self.unsaved: list[str] = []
        self.missing: list[str] = []

    @property
    def kind(self) -> str:
        if self.digest is None:
            return DELETED if self.existed else ""
        if not self.existed:
            return ADDED
        changed = self.create or self.modify or self.delete or self.blockers or self.hollow or self.mode_differs
        return MODIFIED if changed else ""

    def absolute(self, relpath: str) -> str:
        return f"{self.path}/{relpath}" if relpath else self.path


def plan_checkout(
    path_abs: str,
    digest: Digest | None,
    *,
    store: LocalStore,
    state: State,
    ignore: Ignore | None,
    rel: str,
    isexec: bool = False,
    relink_types: Sequence[str] = (),
    any_type: bool = False,
    only: str | None = None,
    prune: bool = False,
    progress: Progress | None = None,
) -> Plan:
    """Compare a path with what it should be. digest None: it should not be there.

    only: a file or folder inside a folder out, relative to it: leave the rest alone.
    prune: folders inside a folder out that hold nothing go too.
    relink_types: also plan to replace unchanged files that are not linked the first of these
    ways, or with any_type none of them.
    Raises DataverError for what cannot be hashed. Changes nothing.
    """
    plan = Plan(path_abs, digest, store, state, isexec)
    algorithm = digest.name if digest is not None else MD5
    hollow: list[str] = []
    broken: list[str] = []
    current = _current(plan, lambda: build(path_abs, ignore=ignore, rel=rel, state=state, algorithm=algorithm, progress=progress, broken=broken, hollow=hollow))
    plan.broken = [plan.absolute(relpath) for relpath in broken]
    if current is not None and digest is not None and digest == current.digest:
        plan.mode_differs = not digest.isdir and current.meta.isexec != isexec
        if not relink_types and not (prune and hollow):
            return plan
    if current is not None:
        _remember_current(plan, current)
    if not _load_wanted(plan):
        return plan
    if only is not None:
        _keep_only(plan, only)
    _compare(plan, current)
    if prune and digest is not None and digest.isdir:
        _plan_hollow(plan, hollow, only)
    if relink_types:
        _plan_relink(plan, relink_types, any_type)
    _find_unsaved(plan)
    needed = {plan.wanted[relpath] for relpath in (*plan.create, *plan.modify, *plan.relink)}
    if needed:
        plan.missing = sorted(needed - store.exists(needed))
    return plan


def _current(plan: Plan, look: Callable[[], Built]) -> Built | None:
    """What lies at the path; None for nothing and for a symlink that is only in the way."""
    path = plan.path
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        if is_absence(error):
            return None
        raise
    plan.existed = True
    if stat_module.S_ISLNK(mode):
        if not os.path.exists(path):
            plan.blockers.append(path)
            return None
        if os.path.isdir(path):
            plan.blockers.append(path)
            plan.unsaved.append(path)
            return None
    return look()


def _remove_broken_links(plan: Plan) -> None:
    """Links into nowhere hold no content; a cache of symlinks leaves them behind after gc."""
    for path in plan.broken:
        if os.path.islink(path) and not os.path.exists(path):
            atomic.unlink(path)


def _remember_current(plan: Plan, current: Built) -> None:
    if current.rows is None:
        plan.have = {"": current.digest.value}
    else:
        plan.have = dict(current.tree())
        plan.rows = {row[0]: row for row in current.rows}


def _load_wanted(plan: Plan) -> bool:
    """False when the manifest is missing or damaged, and not remembered (then noted as missing)."""
    if plan.digest is None:
        return True
    if not plan.digest.isdir:
        plan.wanted = {"": plan.digest.value}
        return True
    try:
        plan.wanted = dict(plan.store.read_tree(plan.digest.value))
    except (FileNotFoundError, NotADirectoryError, CorruptObject):
        remembered = _remembered_tree(plan.state, plan.digest)
        if remembered is None:
            plan.missing = [plan.digest.value]
            return False
        plan.wanted = dict(remembered)
    return True


def _remembered_tree(state: State, digest: Digest) -> list[tuple[str, str]] | None:
    """Files of a folder whose manifest is lost, as it was when last seen; what is returned has the digest."""
    rows = state.find_tree(digest.value, digest.name)
    return rows if rows is not None and tree_oid(dump_tree(rows)) == digest.value else None


def _keep_only(plan: Plan, part: str) -> None:
    below = part + "/"
    plan.is_partial = True
    plan.untouched = {path: md5 for path, md5 in plan.have.items() if path != part and not path.startswith(below)}
    plan.have = {path: md5 for path, md5 in plan.have.items() if path not in plan.untouched}
    plan.wanted = {path: md5 for path, md5 in plan.wanted.items() if path == part or path.startswith(below)}


def _compare(plan: Plan, current: Built | None) -> None:
    have, wanted = plan.have, plan.wanted
    swap = current is not None and plan.digest is not None and current.digest.isdir != plan.digest.isdir
    if swap or plan.digest is None:
        plan.delete = sorted(have)
        plan.create = sorted(wanted)
        if swap and current is not None and current.rows is not None:
            plan.blockers.append(plan.path)
    else:
        plan.create = [relpath for relpath in wanted if relpath not in have]
        plan.modify = [relpath for relpath, md5 in wanted.items() if have.get(relpath, md5) != md5]
        plan.delete = [relpath for relpath in have if relpath not in wanted]
    if plan.digest is not None and plan.digest.isdir and current is not None and current.rows is not None:
        _find_blockers(plan)


def _find_blockers(plan: Plan) -> None:
    """Things the walk did not report (links to folders, ignored files) where something must go."""
    going = set(plan.delete)
    for relpath in sorted(parent_folders([*plan.create, *plan.modify])):
        path = plan.absolute(relpath)
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not stat_module.S_ISDIR(mode) and relpath not in going:
            _block(plan, path)
    for relpath in plan.create:
        path = plan.absolute(relpath)
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not stat_module.S_ISDIR(mode):
            _block(plan, path)


def _block(plan: Plan, path: str) -> None:
    if any(path.startswith(other + "/") for other in plan.blockers):
        return  # seen through a link that goes away itself
    plan.blockers.append(path)
    if os.path.exists(path) and not _is_saved(plan, path):
        plan.unsaved.append(path)


def _is_saved(plan: Plan, path: str) -> bool:
    """Whether the cache holds what is in a file."""
    if os.path.isdir(path) or plan.digest is None:
        return False
    oid = build(path, ignore=None, rel="", state=plan.state, algorithm=plan.digest.name).digest.value
    return bool(plan.store.exists({oid}))


def _plan_hollow(plan: Plan, hollow: list[str], only: str | None) -> None:
    needed = parent_folders(plan.wanted)
    going = [relpath for relpath in hollow if relpath not in needed and relpath not in plan.wanted]
    plan.hollow = sorted(relpath for relpath in going if only is None or relpath == only or relpath.startswith(only + "/"))


def _find_unsaved(plan: Plan) -> None:
    at_risk = [*plan.modify, *plan.delete]
    hashes = {plan.have[relpath] for relpath in at_risk}
    saved = plan.store.exists(hashes) if hashes else set()
    plan.unsaved += [plan.absolute(relpath) for relpath in at_risk if plan.have[relpath] not in saved]


def _plan_relink(plan: Plan, types: Sequence[str], any_type: bool) -> None:
    """Unchanged files that are not what the first link type (any of them) would make."""
    first = types[1] if types[0] == REFLINK and len(types) > 1 else types[0]  # a reflink looks like a copy
    kinds = [kind for kind in types if kind != COPY or first == COPY] if any_type else [first]  # a copy is no link, only a last resort
    same = [relpath for relpath, md5 in plan.wanted.items() if plan.have.get(relpath) == md5]
    for relpath in same:
        path, source = plan.absolute(relpath), plan.store.path_of(plan.wanted[relpath])
        if not any(_is_linked(path, source, kind) for kind in kinds):
            plan.relink.append(relpath)


def _is_linked(path: str, source: str, kind: str) -> bool:
    try:
        is_link = os.path.islink(path)
        if kind == SYMLINK:
            return is_link and os.readlink(path) == source
        here, there = os.stat(path), os.stat(source)
    except OSError:
        return False
    is_same = not is_link and (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)
    if kind == HARDLINK:
        return is_same or (not is_link and here.st_size == 0 and bool(here.st_mode & stat_module.S_IWUSR))
    return not is_link and not is_same and bool(here.st_mode & stat_module.S_IWUSR)


# --- carrying it out
def apply_checkout(plan: Plan, link_types: Sequence[str], progress: Progress | None = None) -> Change:
    """Do what a plan says; unsaved files are overwritten: the caller has asked.

    Raises CheckoutFailed when objects are missing (only symlinks into nowhere go then), DataverError.
    """
    change = Change(plan.path, plan.kind, tuple(sorted(plan.create)), tuple(sorted(plan.modify)), tuple(sorted([*plan.delete, *plan.hollow])))
    try:
        _remove_broken_links(plan)
        if plan.missing:
            raise CheckoutFailed(MISSING_TEXT.format(plan.path), (plan.path,))
        _clear_the_way(plan)
        _place_all(plan, link_types, progress or NoProgress())
        if plan.isexec and plan.digest is not None and not plan.digest.isdir:
            _make_executable(plan.path)
    except OSError as error:
        raise DataverError(
            f"cannot write '{error.filename or plan.path}': {error.strerror or error}",
            hint="Check free space and permissions, then run the command again: it continues where it stopped.",
        ) from error
    if change.kind and plan.digest is not None:
        plan.state.save_link(plan.path)
    return change


def _clear_the_way(plan: Plan) -> None:
    if plan.digest is None:
        if plan.existed:
            remove_path(plan.path)
        return
    for relpath in plan.delete:
        atomic.unlink(plan.absolute(relpath))
    for relpath in plan.hollow:
        _remove_if_empty(plan.absolute(relpath))
    _prune_empty(plan.path, [*plan.delete, *plan.hollow])
    for path in plan.blockers:
        if os.path.islink(path) or not os.path.isdir(path):
            if os.path.lexists(path):
                atomic.unlink(path)
        else:
            _remove_empty_tree(path)


def _prune_empty(top: str, removed: Iterable[str]) -> None:
    """Remove folders that held nothing but what was removed; the top stays."""
    for folder in sorted(parent_folders(removed), key=len, reverse=True):
        _remove_if_empty(f"{top}/{folder}")


def _remove_if_empty(folder: str) -> None:
    with suppress(OSError):  # holds something by now
        atomic.rmdir(folder)


def _remove_empty_tree(path: str) -> None:
    """Remove a folder that holds nothing but folders. Raises DataverError when it holds more."""
    for folder, dirs, files in os.walk(path, topdown=False):
        if files or any(os.path.islink(os.path.join(folder, name)) for name in dirs):
            raise DataverError(f"'{path}' is in the way and holds files that are ignored or not tracked", hint="Move them elsewhere, then run the command again.")
        atomic.rmdir(folder)


def _place_all(plan: Plan, link_types: Sequence[str], progress: Progress) -> None:
    todo = [*plan.create, *plan.modify, *plan.relink]
    if plan.digest is None or (not todo and plan.existed):
        if plan.delete and plan.digest is not None:
            _save_state(plan, {})
        return
    folder = plan.path if plan.digest.isdir else os.path.dirname(plan.path)
    os.makedirs(folder, exist_ok=True)
    for relpath in sorted(parent_folders(todo)):
        _make_folder(plan.absolute(relpath))
    for relpath in plan.create if plan.existed else ():
        if relpath and os.path.isdir(plan.absolute(relpath)) and not os.path.islink(plan.absolute(relpath)):
            _remove_empty_tree(plan.absolute(relpath))
    with Scratch(plan.state.folder, folder) as scratch:
        placer = Placer(plan.store, link_types, scratch.path)
        items = [(plan.store.path_of(plan.wanted[relpath]), plan.absolute(relpath)) for relpath in todo]
        progress.start("Checkout", len(items))
        stats = parallel.run(items, placer.run, progress.advance)
        progress.finish()
    _save_state(plan, dict(zip(todo, stats)))


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        if os.path.islink(path) or not os.path.isdir(path):
            raise DataverError(f"'{path}' is in the way of a folder") from None


def _make_executable(path: str) -> None:
    mode = os.stat(path).st_mode
    if not mode & stat_module.S_IXUSR:
        os.chmod(path, stat_module.S_IMODE(mode) | stat_module.S_IXUSR)


def _save_state(plan: Plan, stats: dict[str, tuple[int, int, int, int]]) -> None:
    """Let the next status find everything as it is now."""
    digest = plan.digest
    if digest is None:
        return
    if not digest.isdir:
        st = os.stat(plan.path)
        if st.st_size > REMEMBERED_BYTES:
            _let_clock_tick(st.st_size, st.st_mtime_ns)
            plan.state.save_file(plan.path, st, digest.value, digest.name)
        return
    final = {**plan.untouched, **plan.wanted}
    rows = [(relpath, *stats[relpath]) if relpath in stats else plan.rows[relpath] for relpath in sorted(final)]
    value = "" if plan.is_partial else digest.value
    newest = max((row[2] for row in rows), default=0)
    _let_clock_tick(sum([row[1] for row in rows if row[2] >= newest - TICK_NS]), newest)
    plan.state.save_dir(plan.path, rows, [final[row[0]] for row in rows], value, digest.name)


def _let_clock_tick(size_bytes: int, mtime_ns: int) -> None:
    """Wait a moment so that the state trusts files just written, where hashing them again takes longer."""
    wait_ns = mtime_ns + TICK_NS - time.time_ns()
    if size_bytes > REHASH_BYTES and 0 <= wait_ns <= TICK_NS:
        time.sleep((wait_ns + 1_000_000) / 1e9)


# --- what commands call
def checkout(
    path_abs: str,
    digest: Digest | None,
    *,
    store: LocalStore,
    state: State,
    link_types: Sequence[str],
    ignore: Ignore | None,
    rel: str,
    force: bool = False,
    confirm: Callable[[str], bool] | None = None,
    relink: bool = False,
    isexec: bool = False,
    only: str | None = None,
    progress: Progress | None = None,
) -> Change:
    """Plan and carry out one checkout. Parameters as for `plan_checkout`.

    Raises ConfirmNeeded (unsaved files, no force, `confirm` absent or saying no),
    CheckoutFailed (objects missing); nothing was touched then.
    """
    plan = plan_checkout(
        path_abs,
        digest,
        store=store,
        state=state,
        ignore=ignore,
        rel=rel,
        isexec=isexec,
        relink_types=link_types if relink else (),
        only=only,
        progress=progress,
    )
    ask_for_unsaved([plan], force=force, confirm=confirm)
    return apply_checkout(plan, link_types, progress)


def ask_for_unsaved(plans: Iterable[Plan], *, force: bool, confirm: Callable[[str], bool] | None) -> None:
    """One question for all plans. Raises ConfirmNeeded unless forced or confirmed."""
    unsaved = [path for plan in plans for path in plan.unsaved]
    if not unsaved or force:
        return
    listing = "\n".join(unsaved)
    if confirm is None or not confirm(f"The following files would be lost:\n{listing}\nProceed?"):
        raise ConfirmNeeded(f"{UNSAVED_TEXT}\n{listing}")


def relink(
    path_abs: str,
    digest: Digest,
    *,
    store: LocalStore,
    state: State,
    link_types: Sequence[str],
    ignore: Ignore | None,
    rel: str,
    isexec: bool = False,
    only: str | None = None,
    any_type: bool = True,
    progress: Progress | None = None,
) -> Change:
    """Replace files that are in the cache by links of the configured type; others stay as they are.

    In a folder a file linked in any of the configured ways will do, with any_type.
    """
    in_folder = any_type and digest.isdir and (only is None or os.path.isdir(f"{path_abs}/{only}"))
    plan = plan_checkout(
        path_abs, digest, store=store, state=state, ignore=ignore, rel=rel, isexec=isexec, relink_types=link_types, any_type=in_folder, only=only, progress=progress
    )
    if plan.missing or plan.create or plan.modify or plan.delete or plan.blockers:
        return Change(path_abs)
    return apply_checkout(plan, link_types, progress)


def remove_path(path: str) -> None:
    """Remove a file, a symlink (never what it leads to) or a folder with all it holds; absent is fine."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat_module.S_ISDIR(mode):
        atomic.unlink(path)
        return
    if os.path.ismount(path):
        raise DataverError(f"'{path}' is where a file system is mounted and is not deleted", hint="Name a file or folder below it.")
    with os.scandir(path) as scan:
        entries = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in scan]
    for name, is_dir in entries:
        if is_dir:
            remove_path(name)
        else:
            atomic.unlink(name)
    atomic.rmdir(path)


def unprotect(path_abs: str) -> int:
    """Turn hard links, symlinks and read-only files into writable copies; returns how many changed.

    Raises FileNotFoundError.
    """
    if os.path.isdir(path_abs) and not os.path.islink(path_abs):
        files = [os.path.join(folder, name) for folder, _, names in os.walk(path_abs) for name in names]
    else:
        os.lstat(path_abs)
        files = [path_abs]
    return sum(_unprotect_file(path) for path in files)


def _unprotect_file(path: str) -> bool:
    here = os.lstat(path)
    is_link = stat_module.S_ISLNK(here.st_mode)
    if is_link and not os.path.isfile(path):
        return False
    if not is_link and here.st_nlink == 1:
        if here.st_mode & stat_module.S_IWUSR:
            return False
        os.chmod(path, stat_module.S_IMODE(here.st_mode) | stat_module.S_IWUSR)
        return True
    source = os.path.realpath(path) if is_link else path
    temporary = atomic.temp_beside(path)
    try:
        make_file(source, temporary, COPY)
        if os.stat(source).st_mode & stat_module.S_IXUSR:
            _make_executable(temporary)
        atomic.replace(temporary, path)
    except BaseException:
        atomic.discard(temporary)
        raise
    return True
