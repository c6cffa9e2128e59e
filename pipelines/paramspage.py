"""Params of a repository as forms, and what a change of them would do: for the settings page and the admin."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.engine.durations import load_durations
from pipelines.engine.graph import build_graph
from pipelines.engine.paramsform import DiffLine, Edits, ParamsContent, diff_lines, preview, read_content, reads, understand
from pipelines.engine.plan import key_of
from pipelines.paramsindex import Uses, files_of, stage_uses, uses_of
from tracking.engine.errors import DataverError
from tracking.engine.index import load_index
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.models import Repository


@dataclass(frozen=True)
class ParamsPreview:
    """What a change would do. content: the file as it is now. diff: of the file. stages: that would run again, in order; seconds: what they took, None when not known.

    is_current: the file is the one that was looked at. overrides, undo: as for `params set` and `-S`.
    """

    content: ParamsContent
    is_current: bool
    errors: dict[str, str]
    keys: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    undo: list[str] = field(default_factory=list)
    diff: list[DiffLine] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    stages: list[str] = field(default_factory=list)
    seconds: float | None = None


def params_views(row: Repository, repo: Repo) -> list[ParamsContent]:
    """Every params file of a repository, with the values of HEAD beside."""
    uses = _uses(row, repo)
    return [params_view(repo, path, uses) for path in files_of(repo, uses)]


def params_view(repo: Repo, path: str, uses: Uses) -> ParamsContent:
    return read_content(repo, path, uses.get(path, ()), _at_head(repo, path))


def _at_head(repo: Repo, path: str) -> bytes | None:
    try:
        git = repo.scm
        return git.files_at("HEAD", repo.root_dir).read(path) if git and git.head_commit() else None
    except (DataverError, OSError):
        return None


def _uses(row: Repository, repo: Repo) -> Uses:
    """From the workspace; from the index while a dvc.yaml cannot be read."""
    try:
        stages = load_index(repo).stages
    except DataverError:
        return stage_uses(row)
    return uses_of((repo.rel(stage.file), stage.name, repo.rel(stage.wdir), {dep.path: list(dep.keys) for dep in stage.params}) for stage in stages)


def preview_change(row: Repository, repo: Repo, path: str, typed: Mapping[str, str], digest: str) -> ParamsPreview:
    """typed: key -> text of the fields. digest: of the file when the form was opened. Raises DataverError."""
    uses = _uses(row, repo)
    if path not in files_of(repo, uses):
        raise DataverError(f"no stage reads '{path}'")
    content = params_view(repo, path, uses)
    edits = understand(content, typed)
    return _previewed(repo, content, edits, content.digest == digest)


def _previewed(repo: Repo, content: ParamsContent, edits: Edits, is_current: bool) -> ParamsPreview:
    diff: list[DiffLine] = []
    errors = dict(edits.errors)
    if edits.overrides:
        try:
            diff = diff_lines(*preview(repo, content.path, edits.overrides))
        except DataverError as exc:
            errors[edits.keys[-1]] = exc.message.removeprefix("Invalid `--set-param` value: ").splitlines()[0]
    stages, seconds = _rerun(repo, content.path, edits.keys)
    signs = [line.sign for line in diff]
    return ParamsPreview(content, is_current, errors, edits.keys, edits.overrides, edits.undo, diff, signs.count("+"), signs.count("-"), stages, seconds)


def _rerun(repo: Repo, path: str, keys: Sequence[str]) -> tuple[list[str], float | None]:
    """Addresses of the stages that a change of some keys runs again, and how long they took last time."""
    if not keys:
        return [], None
    try:
        graph = build_graph(load_index(repo).stages)
    except DataverError:
        return [], None
    readers = [stage for stage in graph.stages if any(_reads(repo, dep, path, keys) for dep in stage.params)]
    again = graph.downstream(readers) if readers else []
    known = load_durations(repo)
    seconds = [known.get(key_of(stage)) for stage in again]
    return [_address(repo, stage) for stage in again], None if any(value is None for value in seconds) else sum(value for value in seconds if value is not None)


def _reads(repo: Repo, dep: Any, path: str, keys: Sequence[str]) -> bool:
    return repo.rel(dep.abspath) == path and any(reads(dep.keys, key) for key in keys)


def _address(repo: Repo, stage: Stage) -> str:
    file = repo.rel(stage.file)
    return stage.name if stage.name and "/" not in file else f"{file}:{stage.name}" if stage.name else file
