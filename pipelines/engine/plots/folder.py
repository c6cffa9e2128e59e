"""Where plots are written: a folder of the user's choice, never one that a file of the repository leads to."""
from __future__ import annotations

import os

from pipelines.engine.plots.collect import Image
from tracking.engine import atomic
from tracking.engine.errors import DataverError, UnsafePath
from tracking.engine.repo import Repo

DEFAULT = "dvc_plots"
STATIC = "static"


def output_folder(repo: Repo, asked: str | None) -> str:
    """Absolute folder to write to, made if need be.

    asked: what the user named, relative to the cwd; None takes `plots.out_dir`. The project's
    settings and its symlinks cannot lead out of the repository. Raises UnsafePath, DataverError.
    """
    folder = os.path.normpath(os.path.join(repo.cwd, asked or str(repo.config.get("plots", "out_dir", None) or DEFAULT)))
    is_inside = repo.contains(folder)
    leaves = is_inside and not repo.contains(os.path.realpath(folder))
    if leaves or (not asked and not is_inside):
        raise UnsafePath(
            f"'{repo.display(folder)}' leads out of the repository, so plots are not written there", hint="Name a folder with -o, or change plots.out_dir."
        )
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as exc:
        raise DataverError(f"cannot make the folder '{folder}': {exc.strerror}", hint="Name another folder with -o.") from exc
    return folder


def write_image(folder: str, image: Image) -> str:
    """Write one image below a name that holds its revision; returns the absolute path. Raises DataverError."""
    name = f"{image.rev}_{image.path}".replace(os.sep, "_").replace("/", "_")
    path = os.path.join(folder, name)
    write_file(path, image.data)
    return path


def write_file(path: str, data: bytes) -> None:
    """Replace a file; what is a symlink is replaced itself. Raises DataverError."""
    try:
        if os.path.islink(path):
            os.unlink(path)
        atomic.write_bytes(path, data)
    except OSError as exc:
        raise DataverError(f"cannot write '{path}': {exc.strerror}", hint="Name another folder with -o.") from exc
