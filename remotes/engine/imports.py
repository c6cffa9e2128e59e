"""Bring the source of an import into the workspace."""
from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from tracking.engine import atomic
from tracking.engine.checkout import remove_path
from tracking.engine.deletion import refuse_own_folders
from tracking.engine.errors import DataverError, MissingPackage, RemoteError
from tracking.engine.external import TIMEOUT_S, resolve
from tracking.engine.protocols import Progress
from tracking.engine.record import record
from tracking.engine.stage import Dep, Out, Stage

if TYPE_CHECKING:
    from tracking.engine.repo import Repo


@record(frozen=True)
class ImportedData:
    """An out of an import that a command wants. part: a path inside of it, None: all."""

    stage: Stage
    out: Out
    part: str | None = None


def comes_from_its_source(stage: Stage, out: Out) -> bool:
    """Whether data of an import is fetched from where it was imported: it was never pushed to a remote of ours."""
    return stage.is_repo_import or stage.is_partial_import or not out.push


def bring_source(repo: Repo, dep: Dep, path: str, progress: Progress) -> None:
    """Copy or download the source of an import to `path`, which appears by rename.

    Raises RemoteError, DataverError; what lay at `path` before is kept then.
    """
    refuse_own_folders(repo, path, path)
    if dep.repo is not None or dep.db is not None:
        raise DataverError(f"'{dep.path}' comes from another repository and cannot be imported by `repro`", hint="`dataver pull` brings its data.")
    source = dep.abspath or resolve(repo, dep.path)
    temporary = atomic.temp_beside(path)
    try:
        if source.startswith(("http://", "https://")):
            _download(source, temporary, progress)
        elif "://" in source:
            _get(source, temporary)
        else:
            _copy(source, temporary)
        if os.path.lexists(path):
            remove_path(path)
        atomic.replace(temporary, path)
    except BaseException:
        if os.path.lexists(temporary):
            remove_path(temporary)
        raise


def _copy(source: str, target: str) -> None:
    if not os.path.exists(source):
        raise DataverError(f"dependency '{source}' does not exist", hint="The source of the import is gone; what was imported before is kept.")
    copy = shutil.copytree if os.path.isdir(source) else shutil.copyfile
    copy(source, target)


def _get(url: str, target: str) -> None:
    """Through fsspec: object stores, ssh and whatever else is installed."""
    import fsspec  # slow import, only for sources elsewhere

    try:
        system, place = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as exc:
        raise MissingPackage(f"'{url}' needs a package that is not installed: {exc}") from exc
    try:
        system.get(place, target, recursive=system.isdir(place))
    except Exception as exc:  # whatever a storage client throws
        raise RemoteError(f"cannot fetch '{url}': {exc}", permanent=False) from exc


def _download(url: str, target: str, progress: Progress) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, open(target, "xb") as file:
            progress.start(f"Downloading {url}", int(answer.headers.get("Content-Length") or 0) or None, "B")
            while block := answer.read(1 << 20):
                file.write(block)
                progress.advance(len(block))
    except (urllib.error.URLError, OSError) as exc:
        raise RemoteError(f"cannot download '{url}': {exc}", permanent=False) from exc
    finally:
        progress.finish()
