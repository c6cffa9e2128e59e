"""Artifacts of other repositories: which commit a version or stage of one is, and its path there.

Versions and stages are annotated Git tags: `NAME@v1.2.0`, `NAME#prod#3` (the third change of stage
prod), with `!` after version or stage to take it back. In folders the tag begins with `FOLDER=`.
"""
from __future__ import annotations

import os
import posixpath
import re
from contextlib import contextmanager

from remotes.engine.sourcedata import SourceData, open_data
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.gitclone import annotated_tags
from tracking.engine.hints import Iterable, Iterator
from tracking.engine.index import PIPELINE_FILE, load_pipeline
from tracking.engine.protocols import Progress
from tracking.engine.record import record, replace
from tracking.engine.sources import Request

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
_TAG = re.compile(rf"(?P<name>(?:[a-zA-Z0-9-_./]+=)?{_NAME})(?:@(?P<version>v[0-9][^!#]*)|#(?P<stage>{_NAME}))(?P<cancel>!?)(?:#(?P<number>[0-9]+))?")
_TYPED = re.compile(rf"(?:(?P<folder>[a-zA-Z0-9-_./]+):)?(?P<name>{_NAME})")
_SEMVER = re.compile(r"v(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")


@record(frozen=True)
class Artifact:
    """folder: of the dvc.yaml that defines it, from the root of the Git repository, "" there."""

    folder: str
    name: str

    def __str__(self) -> str:
        return f"{self.folder}:{self.name}" if self.folder else self.name


def parse(typed: str) -> Artifact:
    """`NAME`, `FOLDER:NAME` or `FOLDER/dvc.yaml:NAME`. Raises DataverError."""
    match = _TYPED.fullmatch(typed)
    if match is None:
        raise DataverError(f"Unable to find artifact '{typed}'", hint="Names have letters, digits, '-', '_' and '/': `NAME`, or `FOLDER:NAME`.")
    folder = match["folder"] or ""
    if posixpath.basename(folder) == PIPELINE_FILE:
        folder = posixpath.dirname(folder)
    return Artifact(posixpath.normpath(folder) if folder else "", match["name"])


def commit_of(artifact: Artifact, tags: Iterable[tuple[str, str]], version: str | None, stage: str | None) -> str | None:
    """The commit of a version, of what a stage holds, or (neither given) of the newest version; None when there is none.

    tags: (name, commit) of annotated tags.
    """
    wanted = f"{artifact.folder}={artifact.name}" if artifact.folder else artifact.name
    found = [(match, commit) for name, commit in tags if (match := _TAG.fullmatch(name)) and match["name"] == wanted]
    if stage is not None:
        changes = sorted(((int(match["number"] or 0), bool(match["cancel"]), commit) for match, commit in found if match["stage"] == stage), key=lambda change: change[0])
        held: list[str] = []
        for _, cancelled, commit in changes:
            held = [other for other in held if other != commit]
            if not cancelled:
                held.append(commit)
        return held[-1] if held else None
    cancelled_versions = {match["version"] for match, _ in found if match["cancel"]}
    versions = {match["version"]: commit for match, commit in found if match["version"] and match["version"] not in cancelled_versions}
    if version is not None:
        return versions.get(version) or versions.get(f"v{version}")
    return versions[max(versions, key=_order)] if versions else None


def _order(version: str) -> tuple[int, int, int, bool, list[tuple[bool, int, str]]]:
    """Semantic order: a pre-release comes before its release."""
    match = _SEMVER.match(version)
    if match is None:
        return 0, 0, 0, False, []
    parts = [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (match[4] or "").split(".")]
    return int(match[1]), int(match[2]), int(match[3]), match[4] is None, parts


@contextmanager
def open_artifact(request: Request, typed: str, version: str | None, stage: str | None, progress: Progress, jobs: int | None = None) -> Iterator[tuple[SourceData, str]]:
    """The data of the repository at the artifact's commit, and the artifact's path there. Raises DataverError.

    request: its path and rev are not looked at.
    """
    if version and stage:
        raise UsageError("Artifact version and stage are mutually exclusive.")
    artifact = parse(typed)
    folder = os.path.normpath(os.path.join(request.cwd, os.path.expanduser(request.url)))
    tags = annotated_tags(folder if os.path.isdir(folder) else request.url, request.settings)
    commit = commit_of(artifact, tags, version, stage)
    missing = DataverError(f"Unable to find artifact '{artifact}{f' @ {stage or version}' if stage or version else ''}'", hint=f"`git ls-remote --tags {without_login(request.url)}` shows the tags there are.")
    if commit is None:
        raise missing
    file = posixpath.join(artifact.folder, PIPELINE_FILE)
    with open_data(replace(request, path=f"/{file}", rev=commit), progress, jobs) as source:
        project = source.project
        if project.repo is None:
            raise missing
        try:
            pipeline = load_pipeline(project.repo, project.files, project.top, lock=False)
        except FileNotFoundError:
            raise missing from None
        definition = pipeline.artifacts.get(artifact.name)
        if not isinstance(definition, dict) or not definition.get("path"):
            raise missing
        path = posixpath.normpath(posixpath.join(pipeline.folder, str(definition["path"])))
        if path.startswith("..") or posixpath.isabs(path):
            raise DataverError(f"artifact '{artifact}' of '{without_login(request.url)}' lies outside of its project: '{path}'")
        yield source, path
