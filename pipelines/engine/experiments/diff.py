"""Compare metrics and params of two revisions, as `exp diff` reports them."""
from __future__ import annotations


from pipelines.engine.experiments.resolve import RefTable, git_of
from pipelines.engine.experiments.revstate import WORKSPACE, State, StateReader
from pipelines.engine.experiments.table import EMPTY, format_value
from pipelines.engine.metrics import Change, diff
from tracking.engine.hints import Any
from tracking.engine.repo import Repo

NO_DIFFERENCE = "diff not supported"
Changes = dict[str, dict[str, Change]]  # file -> key -> {"old", "new", "diff"}


def compare(repo: Repo, old: str | None, new: str | None, *, unchanged: bool = False, param_deps: bool = False) -> dict[str, Changes]:
    """{"metrics": changes, "params": changes}; {} before the first commit. old: HEAD by default; new: the workspace.

    Raises GitError, RevisionNotFound.
    """
    table = RefTable(git_of(repo))
    if table.head is None:
        return {}
    reader = StateReader(repo)
    before = reader.at(table.resolve(old or "HEAD"), param_deps=param_deps)
    after = reader.at(table.resolve(new), param_deps=param_deps) if new and new != WORKSPACE else reader.workspace(param_deps=param_deps)
    return {kind: diff(_files(before, kind), _files(after, kind), unchanged) for kind in ("metrics", "params")}


def _files(state: State, kind: str) -> dict[str, Any]:
    return {"data": state["data"][kind]} if state["data"] else {}


def rows(changes: Changes, precision: int | None, with_path: bool) -> list[list[str | None]]:
    """One per changed value: path, key, both values, their difference."""
    found: list[list[str | None]] = []
    for path, changed in changes.items():
        for key, change in sorted(changed.items()):
            values = (change.get("old"), change.get("new"), change.get("diff", NO_DIFFERENCE))
            cells = [EMPTY if value is None else format_value(value, precision) for value in values]
            found.append([path, key, *cells] if with_path else [key, *cells])
    return found
