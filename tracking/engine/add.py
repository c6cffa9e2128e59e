"""`add`: put files and folders under version control.

Order: objects into the cache, links, .dvc file, .gitignore. A crash in between leaves
objects that nothing names, never a .dvc file that names what is not there.
"""
from __future__ import annotations

import os

from tracking.engine.commit import algorithm_for, check_cacheable, hash_into_cache, listed_files, relink_path, write_dvcfile
from tracking.engine.deletion import refuse_own_folders
from tracking.engine.errors import DataverError, OutputNotFound
from tracking.engine.gitignore import refuse_tracked
from tracking.engine.hints import TYPE_CHECKING, Iterable
from tracking.engine.index import DATA_SUFFIX, PIPELINE_FILE, Index
from tracking.engine.overlap import refuse_overlap
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import MD5, Digest, Meta, Out, Stage
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    from tracking.engine.datatree import ReadManifest


@record(frozen=True)
class Addition:
    """One target of `add`. path: absolute; equal to the out's path, or inside it. is_copy: made by `add_copy`."""

    path: str
    stage: Stage
    is_copy: bool = False


def expand(targets: Iterable[str], cwd: str, glob: bool) -> list[str]:
    """Targets with wildcards expanded when asked. Raises DataverError when one matches nothing."""
    if not glob:
        return list(targets)
    from glob import glob as matches  # slow import

    result: list[str] = []
    for target in targets:
        found = sorted(matches(os.path.join(cwd, target), recursive=True))
        if not found:
            raise DataverError(f"Glob {target} has no matches.")
        result += [os.path.relpath(path, cwd) for path in found]
    return result


def plan(index: Index, targets: Iterable[str], cwd: str) -> list[Addition]:
    """What each target means: an out already tracked, a path inside one, or a new .dvc file.

    Raises DataverError for what cannot be added.
    """
    additions = [Addition(abspath(target, cwd), _stage_for(index, target, cwd)) for target in dict.fromkeys(targets)]
    refuse_overlap(index, {item.stage.file: item.stage for item in additions}.values())
    return additions


def abspath(target: str, cwd: str) -> str:
    return os.path.normpath(os.path.join(cwd, target))


def _stage_for(index: Index, target: str, cwd: str) -> Stage:
    repo = index.repo
    path = abspath(target, cwd)
    try:
        stage, out = index.find_out(path)
    except OutputNotFound:
        return _new_stage(repo, path, target, cwd)
    refuse_own_folders(repo, out.abspath, out.path)
    if not stage.is_data_source and stage.cmd is not None:
        raise DataverError(
            f"cannot update '{os.path.basename(path)}': overlaps with an output of stage: '{stage.address(cwd)}' in '{stage.file_from(cwd)}'.\n"
            "Run the pipeline or use 'dataver commit' to force update it."
        )
    if out.abspath != path and out.digest is not None and not out.digest.isdir:
        raise DataverError(f"Cannot modify '{repo.display(out.abspath)}' which is being tracked as a file")
    return stage


def _new_stage(repo: Repo, path: str, target: str, cwd: str) -> Stage:
    name = os.path.basename(path)
    if name == PIPELINE_FILE or (name.endswith(DATA_SUFFIX) and name != DATA_SUFFIX):
        raise DataverError(f"DVC file '{os.path.basename(path)}' cannot be an output.")
    _refuse_bad_name(path)
    if not repo.contains(path) or path == repo.root_dir or repo.contains_dvc_dir(path):
        if repo.contains(path):
            raise DataverError(f"'{target}' holds the repository itself and cannot be added", hint="Add files or folders below it.")
        raise DataverError(
            f"Cached output(s) outside of DVC project: {path}. "
            "See <https://dvc.org/doc/user-guide/data-management/importing-external-data> for more info.",
            hint="Copy the data into the repository first: `dataver add -o NAME PATH` does it for you.",
        )
    if _through_symlink(os.path.dirname(path), repo.root_dir) or (os.path.islink(path) and os.path.isdir(path)):
        raise DataverError(
            "Cannot add files inside symlinked directories to DVC. "
            "See <https://dvc.org/doc/user-guide/troubleshooting#add-symlink> for more information."
        )
    isdir = os.path.isdir(path)
    if repo.ignore.is_ignored(repo.rel(path), isdir):
        source, line, pattern = repo.ignore.check(repo.rel(path), isdir)[-1]
        rule = f"{source}:{line}:{pattern}" if source else f":{pattern}"  # a built-in rule has no file
        raise DataverError(f"Path '{path}' is ignored by {rule}")
    file = path + DATA_SUFFIX
    if repo.scm is not None and repo.scm.is_ignored(file):
        raise DataverError(f"bad DVC file name '{repo.display(file)}' is git-ignored.")
    wdir = os.path.dirname(path)
    return Stage(file=file, wdir=wdir, outs=(Out(path=os.path.basename(path), abspath=path),))


def _refuse_bad_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise DataverError(f"cannot version '{shown}': its name is not valid UTF-8", hint="Rename the file.") from None


def _through_symlink(folder: str, root: str) -> bool:
    while folder != root and len(folder) > len(root):
        if os.path.islink(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def add(ws: Workspace, addition: Addition, *, no_commit: bool = False, do_relink: bool = True, read_remote: ReadManifest | None = None) -> Stage:
    """Hash, store, link and write one addition; returns the stage as written.

    read_remote: asked for a folder's manifest that is lost when a part of it is added. Raises DataverError.
    """
    repo = ws.repo
    stage = addition.stage
    old = next(out for out in stage.outs if addition.path == out.abspath or addition.path.startswith(out.abspath + os.sep))
    check_cacheable(ws, old)
    if repo.scm is not None:
        refuse_tracked(repo.scm, [old.abspath], repo.cwd)
    if addition.path == old.abspath:
        new = _add_whole(ws, old, no_commit, addition.path)
    else:
        new = add_part(ws, old, addition.path, no_commit, read_remote)
    if old.digest == new.digest:
        kept = replace(new.meta, version_id=old.meta.version_id, etag=old.meta.etag, checksum=old.meta.checksum, remote=old.meta.remote)
        new = replace(new, meta=kept, files=old.files, cloud=old.cloud)
    if (do_relink or addition.is_copy) and not no_commit:
        _relink(ws, new, addition)
    stage = replace(stage, outs=tuple(new if out is old else out for out in stage.outs))
    write_dvcfile(repo, stage)
    repo.tracker.ignore_out(new.abspath)
    return stage


def _add_whole(ws: Workspace, old: Out, no_commit: bool, path: str) -> Out:
    if not os.path.lexists(path) or not os.path.exists(path):
        raise DataverError(
            f"output '{ws.repo.display(path)}' does not exist: [Errno 2] No such file or directory: '{path}'",
            hint="Check the spelling; paths are relative to the folder you are in.",
        )
    algorithm = algorithm_for(ws, old)
    digest, meta = _hash(ws, path, algorithm, no_commit)
    return replace(old, digest=digest, meta=meta, files=listed_files(ws, old, digest), cloud=None)


def _hash(ws: Workspace, path: str, algorithm: str, no_commit: bool) -> tuple[Digest, Meta]:
    if not no_commit:
        return hash_into_cache(ws, path, algorithm)
    built = ws.build(path, algorithm)
    return built.digest, built.meta


def add_part(ws: Workspace, old: Out, path: str, no_commit: bool, read_remote: ReadManifest | None = None) -> Out:
    """A path inside a tracked folder: the rest of the folder stays as its manifest says."""
    from tracking.engine.tree import dump_tree, tree_oid

    entries = dict(_listed(ws, old, read_remote))
    prefix = os.path.relpath(path, old.abspath).replace(os.sep, "/")
    removed = [rel for rel in entries if rel == prefix or rel.startswith(prefix + "/")]
    for rel in removed:
        del entries[rel]
    algorithm = old.digest.name if old.digest is not None else MD5
    size: int | None = None
    if os.path.exists(path):
        built = ws.build(path, algorithm, store=not no_commit and algorithm == MD5)
        if built.entries is None:
            entries[prefix] = built.digest.value
        else:
            entries.update({f"{prefix}/{entry[0]}": entry[5] for entry in built.entries})
        if not removed and old.meta.size is not None and built.meta.size is not None:
            size = old.meta.size + built.meta.size
    elif not removed:
        raise DataverError(f"[Errno 2] No such file or directory: '{path}'")
    rows = sorted(entries.items())
    data = dump_tree(rows)
    digest = Digest(algorithm, tree_oid(data))
    if digest == old.digest:
        size = None if digest.is_legacy else old.meta.size
        if digest.is_legacy and not no_commit and os.path.exists(path):
            ws.build(path, algorithm, store=True)
    elif digest.is_legacy:
        raise DataverError(
            f"'{ws.repo.display(old.abspath)}' was added by DVC 2.x, which hashed files in another way; a part of it cannot be updated alone",
            hint=f"`dataver add {ws.repo.display(old.abspath)}` records the whole folder.",
        )
    if not no_commit:
        ws.repo.store_for(digest).add_bytes(digest.value, data)
        ws.forget_objects()
    ws.forget(old.abspath)
    return replace(old, digest=digest, meta=Meta(size=size, nfiles=len(rows)), files=listed_files(ws, old, digest), cloud=None)


def _listed(ws: Workspace, out: Out, read_remote: ReadManifest | None) -> Iterable[tuple[str, str]]:
    """Files of a folder as its manifest has them; a lost one is made again while the folder is as recorded, or brought from the remote."""
    if out.digest is None:
        return ()
    rows: Iterable[tuple[str, str]] | None = ws.manifest(out.digest)
    if rows is None and os.path.isdir(out.abspath):
        built = ws.build(out.abspath, out.digest.name)
        rows = built.tree() if built.digest == out.digest else None
    if rows is None and read_remote is not None:
        rows = _brought(ws, out.digest, read_remote(out.remote, out.digest.value, out.digest.is_legacy))
    if rows is None:
        raise DataverError(f"could not read '{out.digest.value}'", hint="`dataver fetch` brings the manifest back from a remote.")
    return rows


def _brought(ws: Workspace, digest: Digest, data: bytes | None) -> Iterable[tuple[str, str]] | None:
    """Rows of a manifest from a remote, which goes into the cache; None when there is none or it is damaged."""
    from tracking.engine.tree import load_tree, tree_oid

    if data is None or tree_oid(data) != digest.value:
        return None
    rows = load_tree(data, digest.value)
    ws.repo.store_for(digest).add_bytes(digest.value, data)
    ws.forget_objects()
    return rows


def _relink(ws: Workspace, out: Out, addition: Addition) -> None:
    if out.digest is None:
        return
    path = addition.path
    if path == out.abspath:
        relink_path(ws, out.abspath, out.digest, out.meta, is_new=addition.is_copy)
        ws.repo.state.save_link(out.abspath)
    elif os.path.exists(path):
        relink_path(ws, out.abspath, out.digest, out.meta, only=os.path.relpath(path, out.abspath).replace(os.sep, "/"))


def add_copy(ws: Workspace, index: Index, source: str, out: str | None, cwd: str, *, force: bool) -> Addition:
    """`add -o`: copy `source` (anywhere on this machine) to its place in the repository first."""
    src = abspath(source, cwd)
    name = os.path.basename(src.rstrip(os.sep))
    place = abspath(out, cwd) if out else os.path.join(cwd, name)
    if os.path.isdir(place):
        place = os.path.join(place, name)
    if os.path.lexists(place) and not force:
        raise DataverError(f"The file '{os.path.relpath(place, cwd)}' already exists locally. \nTo override it, re-run with '--force'.")
    if not os.path.exists(src):
        raise DataverError(f"[Errno 2] No such file or directory: '{src}'")
    if not os.path.isdir(os.path.dirname(place)):
        raise DataverError(f"stage working dir '{os.path.dirname(place)}' does not exist", hint="Create the folder first.")
    additions = plan(index, [os.path.relpath(place, cwd)], cwd)
    temporary = f"{place}.{os.getpid()}.part"
    _copy(src, temporary)
    if os.path.lexists(place):
        from tracking.engine.checkout import remove_path

        remove_path(place)
    os.replace(temporary, place)
    ws.forget(place)
    return replace(additions[0], is_copy=True)


def _copy(src: str, temporary: str) -> None:
    """Copy a file or folder; nothing is left of a copy that fails. Raises DataverError for a folder, OSError."""
    import shutil

    from tracking.engine.checkout import remove_path

    try:
        copy = shutil.copytree if os.path.isdir(src) else shutil.copyfile
        copy(src, temporary)
    except BaseException as exc:
        remove_path(temporary)
        if isinstance(exc, shutil.Error):  # lists every file that could not be copied
            path, _, reason = exc.args[0][0]
            more = len(exc.args[0]) - 1
            raise DataverError(f"'{path}' cannot be copied: {reason}" + (f" (and {more} more)" if more else ""), hint="A link to nothing? Remove it, or make what it leads to.") from exc
        raise
