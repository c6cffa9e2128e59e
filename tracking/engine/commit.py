"""Record what lies in the workspace: hash outs and deps, put objects into the cache, write the files.

Order is the safety: objects exist (and are durable) before a .dvc or dvc.lock names them.
"""
from __future__ import annotations

import os
import stat

from tracking.engine import atomic
from tracking.engine.dvcfile import dump_dvcfile, stage_checksum
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Iterable
from tracking.engine.index import LOCK_FILE
from tracking.engine.params import lock_values
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import MD5, MD5_DOS2UNIX, Dep, Digest, Meta, Out, ParamsDep, Stage
from tracking.engine.workspace import Workspace

Say = Callable[[str], None]


class OutputMissing(DataverError):
    """`output 'x' does not exist`."""


class DependencyMissing(DataverError):
    """`dependency 'x' does not exist`."""


def algorithm_for(ws: Workspace, entry: Out | Dep) -> str:
    """md5; the hash of 2.x for an entry written by 2.x whose content is unchanged."""
    recorded = entry.digest
    if recorded is None or not recorded.is_legacy or not entry.abspath:
        return MD5
    found = ws.digest(entry.abspath, MD5_DOS2UNIX)
    return MD5_DOS2UNIX if found is not None and found[0] == recorded else MD5


def check_cacheable(ws: Workspace, out: Out) -> None:
    if out.cache and (out.is_url or os.path.isabs(out.path) or not ws.repo.contains(out.abspath)):
        raise DataverError(
            f"Saving cached external output {ws.name(out)} is not supported since DVC 3.0. "
            "See <https://dvc.org/doc/user-guide/upgrade> for more info.",
            hint="Declare it with `cache: false`, or copy the data into the repository.",
        )


def save_out(ws: Workspace, out: Out, *, to_cache: bool, warn: Say | None = None) -> Out:
    """The out with the hash of what lies there now; its objects go to the cache with `to_cache`.

    Raises OutputMissing, DataverError.
    """
    check_out(ws, out)
    if out.cache and not os.path.isabs(out.path):
        ws.repo.tracker.ignore_out(out.abspath)
    algorithm = algorithm_for(ws, out)
    found = hash_into_cache(ws, out.abspath, algorithm) if to_cache else _hash_now(ws, out.abspath, algorithm)
    digest, meta = found
    if warn and (meta.nfiles == 0 and not os.listdir(out.abspath) if digest.isdir else meta.size == 0):
        warn(f"'{ws.name(out)}' is empty.")
    if out.digest == digest:
        meta = replace(meta, version_id=out.meta.version_id, etag=out.meta.etag, checksum=out.meta.checksum, remote=out.meta.remote)
        return replace(out, digest=digest, meta=meta)
    return replace(out, digest=digest, meta=meta, files=listed_files(ws, out, digest), cloud=None)


def listed_files(ws: Workspace, old: Out, digest: Digest) -> tuple[dict[str, Any], ...] | None:
    """`files` of a folder that was listed in its file, as it is now: files that are the same keep the versions they have on a remote.

    None where the folder was not listed, is a file now, or its manifest is not in the cache.
    """
    rows = ws.manifest(digest) if old.files is not None and digest.isdir else None
    if rows is None:
        return None
    known = {(str(entry["relpath"]), str(entry.get("md5"))): entry for entry in old.files or ()}
    return tuple(known.get((rel, md5)) or {"relpath": rel, "md5": md5, "size": _object_size(ws, digest, md5)} for rel, md5 in rows)


def _object_size(ws: Workspace, digest: Digest, oid: str) -> int | None:
    try:
        return ws.repo.store_for(digest).size(oid)
    except FileNotFoundError:
        return None


def check_out(ws: Workspace, out: Out) -> None:
    """Raise OutputMissing or DataverError when an out cannot be saved. Changes nothing."""
    check_cacheable(ws, out)
    if out.is_url:
        raise DataverError(f"output '{out.path}' lies outside of this machine and cannot be saved")
    if not os.path.exists(out.abspath) or ws.is_ignored(out.abspath, os.path.isdir(out.abspath)):
        raise OutputMissing(f"output '{ws.name(out)}' does not exist")
    if not os.path.isfile(out.abspath) and not os.path.isdir(out.abspath):
        raise DataverError(f"output '{ws.name(out)}' is not a file or directory")
    if out.kind == "metric":
        _refuse_binary_metric(out)


def refuse_tracked_outs(repo: Repo, outs: Iterable[Out]) -> None:
    """Git must not hold what the cache holds. Raises DataverError, which says how to stop that."""
    paths = [out.abspath for out in outs if out.cache and out.abspath and repo.contains(out.abspath)]
    if paths and repo.scm is not None:
        from tracking.engine.gitignore import refuse_tracked

        refuse_tracked(repo.scm, paths, repo.cwd)


def hash_into_cache(ws: Workspace, abspath: str, algorithm: str = MD5) -> tuple[Digest, Meta]:
    built = ws.build(abspath, algorithm, store=True)
    ws.remember(abspath, algorithm, (built.digest, built.meta))
    ws.forget_objects()
    if built.is_plain:
        ws.plain.add(abspath)
    return built.digest, built.meta


def _hash_now(ws: Workspace, abspath: str, algorithm: str) -> tuple[Digest, Meta]:
    found = ws.digest(abspath, algorithm)
    if found is None:
        raise OutputMissing(f"output '{ws.repo.display(abspath)}' does not exist")
    return found


def _refuse_binary_metric(out: Out) -> None:
    if not os.path.isfile(out.abspath):
        return
    with open(out.abspath, "rb") as file:
        block = file.read(512)
    text = bytes(range(32, 127)) + b"\n\r\t\f\b"
    odd = block.translate(None, text)
    if b"\0" in block or (block and len(odd) / len(block) > 0.30):
        raise DataverError(f"binary file '{out.abspath}' cannot be used as metrics.")


def save_dep(ws: Workspace, dep: Dep) -> Dep:
    """The dep with the hash of what lies there now. Raises DependencyMissing."""
    if dep.repo is not None or dep.db is not None:
        return dep
    found = ws.external(dep.path, dep.fs_config) if dep.is_url else ws.digest(dep.abspath, algorithm_for(ws, dep), ignored=False)
    if found is None:
        raise DependencyMissing(f"dependency '{ws.name(dep)}' does not exist")
    return replace(dep, digest=found[0], meta=found[1], files=None)


def save_params(ws: Workspace, dep: ParamsDep) -> ParamsDep:
    """The params dep with the values to lock. Raises ParamsError, DependencyMissing."""
    values = ws.params(dep)
    if values is None and not dep.keys:
        raise DependencyMissing(f"dependency '{ws.name(dep)}' does not exist")
    return replace(dep, locked=lock_values(dep, values or {}))


def save_stage(ws: Workspace, stage: Stage, *, to_cache: bool = True, allow_missing: bool = False, warn: Say | None = None) -> Stage:
    """The stage as the workspace has it now; outs that are cached go to the cache with `to_cache`."""
    deps, params, outs = [], [], []
    for dep in stage.deps:
        try:
            deps.append(save_dep(ws, dep))
        except DependencyMissing:
            if not allow_missing:
                raise
            deps.append(dep)
    for item in stage.params:
        try:
            params.append(save_params(ws, item))
        except DependencyMissing:
            if not allow_missing:
                raise
            params.append(item)
    if not allow_missing:
        for out in stage.outs:
            check_out(ws, out)  # all of them before the first is stored
    for out in stage.outs:
        try:
            outs.append(save_out(ws, out, to_cache=to_cache and out.cache, warn=warn))
        except OutputMissing:
            if not allow_missing:
                raise
            outs.append(out)
    cmd = list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd
    saved = replace(stage, deps=tuple(deps), params=tuple(params), outs=tuple(outs), locked_cmd=cmd, has_lock=True)
    return with_checksum(saved)


def with_checksum(stage: Stage) -> Stage:
    """A .dvc stage with the `md5` its content has (only imports carry one)."""
    if stage.name:
        return stage
    return replace(stage, checksum=stage_checksum(stage) if not stage.is_data_source else None)


def relink_outs(ws: Workspace, outs: Iterable[Out]) -> None:
    """Make the workspace use the configured links, where that means anything but a copy."""
    for out in outs:
        if out.cache and out.digest is not None and out.abspath and os.path.exists(out.abspath):
            relink_path(ws, out.abspath, out.digest, out.meta)


def relink_path(ws: Workspace, abspath: str, digest: Digest, meta: Meta, only: str | None = None, *, is_new: bool = False) -> None:
    """Links of the configured type, or writable copies. only: a path inside a folder out, relative to it.

    is_new: dataver put the files there itself, so each becomes what a checkout would make.
    """
    repo = ws.repo
    wanted = repo.link_types[: repo.link_types.index("copy")] if "copy" in repo.link_types else repo.link_types
    place = os.path.join(abspath, only) if only else abspath
    if not {"hardlink", "symlink"}.intersection(wanted) and (place in ws.plain or not _needs_copy(place)):
        return  # what is there now is as good as a copy
    from tracking.engine.checkout import relink  # slow import

    relink(
        abspath,
        digest,
        store=repo.store_for(digest),
        state=repo.state,
        link_types=repo.link_types,
        ignore=repo.ignore,
        rel=repo.rel(abspath),
        isexec=meta.isexec,
        only=only,
        any_type=not is_new,
        progress=ws.progress,
    )


def _needs_copy(abspath: str) -> bool:
    """A symlink or a file that cannot be written (a hard link of an object), or a folder that holds one."""
    mode = os.lstat(abspath).st_mode
    if not stat.S_ISDIR(mode):
        return _is_link(mode)
    folders = [abspath]
    while folders:
        with os.scandir(folders.pop()) as scan:
            for entry in scan:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif _is_link(entry.stat(follow_symlinks=False).st_mode):
                    return True
    return False


def _is_link(mode: int) -> bool:
    return stat.S_ISLNK(mode) or not mode & stat.S_IWUSR


# --- files
def write_dvcfile(repo: Repo, stage: Stage) -> None:
    """Write a .dvc file, keeping comments of the one it replaces."""
    try:
        with open(stage.file, encoding="utf-8") as file:
            old = file.read()
    except FileNotFoundError:
        old = None
    text = dump_dvcfile(stage, old)
    if text != old:
        atomic.write_text(stage.file, text)
    repo.tracker.add(stage.file)


def write_lock(repo: Repo, pipeline_file: str, changes: dict[str, dict[str, object] | None], say: Say, *, sync_name: bool = True) -> bool:
    """Put lock entries (None removes) into the dvc.lock beside `pipeline_file`; True when it changed."""
    from tracking.engine.lockfile import update_lock

    path = os.path.join(os.path.dirname(pipeline_file), LOCK_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            old = file.read()
    except FileNotFoundError:
        old = None
    text = update_lock(old, changes)
    if text == old or (old is None and all(entry is None for entry in changes.values())):
        return False
    if old is None:
        say(f"Generating lock file '{repo.display(path)}'")
    say(f"Updating lock file '{repo.display(path)}'")
    if text:
        atomic.write_text(path, text, sync_name=sync_name)
    else:  # the last entry is gone
        os.unlink(path)
    repo.tracker.add(path)
    return True


def write_stages(repo: Repo, stages: Iterable[Stage], say: Say, *, sync_names: bool = True) -> None:
    """Write every .dvc file and lock entry of the given, saved stages. sync_names: as for `atomic.write_bytes`."""
    from tracking.engine.lockfile import lock_entry  # nothing that only adds data needs it

    locks: dict[str, dict[str, dict[str, object] | None]] = {}
    for stage in stages:
        if stage.name:
            locks.setdefault(stage.file, {})[stage.name] = lock_entry(stage)
        else:
            write_dvcfile(repo, stage)
    for file, changes in locks.items():
        write_lock(repo, file, changes, say, sync_name=sync_names)
