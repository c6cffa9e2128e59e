"""Describe this installation and, inside a repository, where its data lies.

Good to paste into a bug report: it holds no secrets and no URLs.
"""
from __future__ import annotations

import os

from tracking.engine.config_schema import url_scheme
from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.mounts import describe
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

HELP = "Describe this installation and project"

LIBRARIES = ("PyYAML", "ruamel.yaml", "configobj", "fsspec", "django")
STORAGE = {  # scheme -> distribution that serves it
    "azure": "adlfs",
    "gdrive": "gdrive-fsspec",
    "gs": "gcsfs",
    "hdfs": "pyarrow",
    "http": "aiohttp",
    "https": "aiohttp",
    "oss": "ossfs",
    "s3": "s3fs",
    "ssh": "sshfs",
    "webdav": "webdav4",
    "webdavs": "webdav4",
    "webhdfs": "requests",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace, io: Io) -> int:
    lines = _installation(io)
    try:
        repo = Repo.open(io.cwd, io.settings)
    except NotARepository:
        pass
    else:
        lines += _repository(repo)
    io.print("\n".join(lines))
    return 0


def _installation(io: Io) -> list[str]:
    import platform

    first = f"DVC version: {getattr(io, 'version', 'unknown')}"
    supports = [f"{scheme} ({found})" for scheme, name in STORAGE.items() if (found := _installed(name))]
    return [
        first,
        "-" * len(first),
        f"Platform: Python {platform.python_version()} on {platform.platform()}",
        "Libraries:",
        *(f"\t{found}" for name in LIBRARIES if (found := _installed(name))),
        "Supports:",
        "\t" + ",\n\t".join(["local", *supports]),
        "Config:",
        f"\tGlobal: {io.settings.global_config_dir}",
        f"\tSystem: {io.settings.system_config_dir}",
    ]


def _installed(name: str) -> str:
    """"name = 1.2", or "" when the distribution is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # slow import

    try:
        return f"{name} = {version(name)}"
    except PackageNotFoundError:
        return ""


def _repository(repo: Repo) -> list[str]:
    lines = []
    if os.path.isdir(repo.cache_dir):
        from tracking.engine.links import probe

        lines.append(f"Cache types: {', '.join(kind for kind in probe(repo.cache_dir, repo.root_dir) if kind != 'copy')}")
        lines.append(f"Cache directory: {describe(repo.cache_dir)}")
    else:
        lines.append("Cache types: not known before something is cached")
    lines.append("Caches: local")
    remotes = [url_scheme(_url(repo, name)) or "local" for name in repo.config.remotes()]
    lines.append(f"Remotes: {', '.join(remotes) or None}")
    lines.append(f"Workspace directory: {describe(repo.root_dir)}")
    lines.append(f"Repo: {_kind(repo)}")
    return lines


def _url(repo: Repo, name: str) -> str:
    try:
        return str(repo.config.remote(name)["url"])
    except DataverError:
        return "broken://remote"


def _kind(repo: Repo) -> str:
    if repo.config.get("core", "no_scm", False):
        return "dvc (no_scm)"
    try:
        scm = repo.scm
    except DataverError:
        scm = None
    if scm is None:
        return "dvc, git (broken)"
    return "dvc, git" if os.path.realpath(scm.root_dir) == repo.root_dir else "dvc (subdir), git"
