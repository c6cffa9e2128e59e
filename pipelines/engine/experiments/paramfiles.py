"""The params files that `-S` changes: read, edited, and written all at once."""
from __future__ import annotations

import os

from pipelines.engine.experiments.overrides import DEFAULT_FILE, SweepRefused, by_file, is_sweep
from pipelines.engine.experiments.paramsedit import ParamsFile
from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.files import read_file
from tracking.engine.hints import Iterable, Mapping, Sequence
from tracking.engine.repo import Repo


def edits(repo: Repo, texts: Iterable[str], cwd: str, *, no_hydra: bool) -> dict[str, bytes]:
    """Absolute path -> new content of what `-S` (and a Hydra composition) changes. Nothing is written.

    Raises SweepRefused, InvalidOverride, ParamsError, DataverError.
    """
    files = by_file(texts)
    if is_sweep(files):
        raise SweepRefused("Sweep overrides can't be used without `--queue`")
    return file_edits(repo, files, cwd, no_hydra=no_hydra)


def file_edits(repo: Repo, files: Mapping[str, Sequence[str]], cwd: str, *, no_hydra: bool, read: dict[str, ParamsFile] | None = None) -> dict[str, bytes]:
    """The same for overrides that are grouped by file. read: files that were read already, by path; gets those read now."""
    read = {} if read is None else read
    hydra = bool(repo.config.get("hydra", "enabled", False)) and not no_hydra
    wanted = dict(files)
    if hydra:
        wanted.setdefault(DEFAULT_FILE, [])
    found: dict[str, bytes] = {}
    for name, overrides in wanted.items():
        path = os.path.normpath(os.path.join(cwd, name))
        if not repo.contains(path) or repo.contains_dvc_dir(path):
            raise DataverError(f"'{name}' is not inside of the project, so an experiment cannot change it.")
        if hydra and name == DEFAULT_FILE:
            from pipelines.engine.experiments.hydracompose import composed

            found[path] = composed(repo, path, overrides)
        else:
            if path not in read:
                read[path] = ParamsFile(_read(path, name), name)
            found[path] = read[path].edited(overrides)
    return found


def _read(path: str, name: str) -> bytes:
    try:
        return read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return b"{}" if name.lower().endswith(".json") else b""
    except IsADirectoryError:
        raise DataverError(f"'{name}' is a folder; params need a file") from None


def write_edits(changes: Mapping[str, bytes]) -> None:
    """Write what differs."""
    for path, data in changes.items():
        try:
            if read_file(path) == data:
                continue
        except OSError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        atomic.write_bytes(path, data)
