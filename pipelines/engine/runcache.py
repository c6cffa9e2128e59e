"""The run cache: results of earlier runs by command, deps and params (docs/formats: run-cache).

Shared with dvc: `<cache>/runs/kk/<key>/<value>`, each file a lock entry in YAML.
"""
from __future__ import annotations

import contextlib
import os

from tracking.engine import atomic, yamlfile
from tracking.engine.commit import hash_into_cache, save_dep, save_params
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable
from tracking.engine.lockfile import apply_lock, lock_entry, run_cache_key, run_cache_value
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.workspace import Workspace


def is_eligible(repo: Repo, stage: Stage) -> bool:
    """Whether runs of this stage can be remembered, going by its definition alone."""
    if stage.cmd is None or stage.is_callback or stage.always_changed:
        return False
    if not (stage.deps or stage.params) or not stage.outs:
        return False
    if any(dep.is_url for dep in stage.deps):
        return False
    return all(out.abspath and not out.persist and not os.path.isabs(out.path) and repo.contains(out.abspath) for out in stage.outs)


def folder_of(repo: Repo, key: str) -> str:
    return os.path.join(repo.cache_dir, "runs", key[:2], key)


def with_present_deps(ws: Workspace, stage: Stage) -> Stage:
    """The stage with deps and params as the workspace has them. Raises DataverError when one is missing."""
    deps = tuple(save_dep(ws, dep) for dep in stage.deps)
    params = tuple(save_params(ws, dep) for dep in stage.params)
    return replace(stage, deps=deps, params=params)


def load(repo: Repo, stage: Stage, warn: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest remembered lock entry for this command, deps and params, or None."""
    folder = folder_of(repo, run_cache_key(lock_entry(stage)))
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    paths = [os.path.join(folder, name) for name in names if len(name) == 64]
    for path in sorted(paths, key=os.path.getmtime, reverse=True):
        entry = _read(repo, path, warn)
        if entry is not None:
            return entry
    return None


def _read(repo: Repo, path: str, warn: Callable[[str], None]) -> dict[str, Any] | None:
    """One entry; a damaged file is named and removed: it is only a memory."""
    try:
        with open(path, "rb") as file:
            entry: Any = yamlfile.load(file.read(), path)
    except FileNotFoundError:
        return None
    except DataverError:
        entry = None
    outs = entry.get("outs") if isinstance(entry, dict) else None
    if not isinstance(outs, list) or "cmd" not in entry or not all(isinstance(out, dict) and "path" in out for out in outs):
        warn(f"corrupted cache file '{repo.display(path)}'.")
        with contextlib.suppress(FileNotFoundError):
            atomic.unlink(path)
        return None
    return dict(entry)


def outs_of(stage: Stage, entry: dict[str, Any]) -> list[Out]:
    """The stage's outs with the hashes of a remembered run."""
    return list(apply_lock(stage, entry).outs)


def all_in_cache(ws: Workspace, outs: list[Out]) -> bool:
    return all(out.digest is not None and ws.in_cache(out.digest) for out in outs)


def save(ws: Workspace, stage: Stage) -> None:
    """Remember a finished run whose cached outs are in the cache."""
    store_uncached(ws, stage)
    remember(ws, stage)


def store_uncached(ws: Workspace, stage: Stage) -> None:
    """Put outs with `cache: false` into the cache too, so that the run can be restored."""
    if _is_complete(ws.repo, stage):
        for out in stage.outs:
            if not out.cache and out.digest is not None and not ws.in_cache(out.digest):
                hash_into_cache(ws, out.abspath, out.digest.name)


def remember(ws: Workspace, stage: Stage) -> None:
    """Write the entry of a finished run; call it when the objects of all outs are durable."""
    if not _is_complete(ws.repo, stage):
        return
    entry = lock_entry(stage)
    try:
        path = os.path.join(folder_of(ws.repo, run_cache_key(entry)), run_cache_value(entry))
    except (TypeError, ValueError):
        return  # a value JSON does not know (a date): such a run is not remembered, dvc fails here
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        atomic.write_text(path, yamlfile.dump(entry), durable=False)


def _is_complete(repo: Repo, stage: Stage) -> bool:
    return is_eligible(repo, stage) and all(dep.digest is not None for dep in stage.deps)
