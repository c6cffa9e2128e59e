"""Make a Git branch of an experiment."""
from __future__ import annotations

from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.resolve import AmbiguousName, RefTable
from tracking.engine.errors import DataverError, RevisionNotFound
from tracking.engine.git import BRANCH_PREFIX, Git


class CannotBranch(DataverError):
    """No experiment, or a branch of that name is there already."""


def make_branch(git: Git, name: str, branch: str | None = None) -> tuple[str, ExpRef]:
    """(branch, experiment). branch: default `<experiment>-branch`. Raises CannotBranch, AmbiguousName."""
    table = RefTable(git)
    ref, commit = _find(table, name)
    branch = branch or f"{ref.name}-branch"
    if BRANCH_PREFIX + branch in table.commits:
        raise CannotBranch(f"Git branch '{branch}' already exists.")
    if git.run("check-ref-format", "--branch", branch, accept=(0, 1, 128)).strip() != branch.encode():
        raise CannotBranch(f"'{branch}' is not a valid name of a branch", hint="See `git help check-ref-format`.")
    git.run("update-ref", "-m", f"dvc: Created from experiment '{ref.name}'", BRANCH_PREFIX + branch, commit, "0" * len(commit), reader=False)
    return branch, ref


def _find(table: RefTable, name: str) -> tuple[ExpRef, str]:
    try:
        commit = table.resolve(name)
    except RevisionNotFound as exc:
        raise CannotBranch(f"'{name}' does not appear to be an experiment commit.", hint="`dataver exp list -A` lists all experiments.") from exc
    found = [ref for ref in table.experiment_at(commit) if name in (ref.name, ref.ref)] or table.experiment_at(commit)
    here = [ref for ref in found if ref.baseline == table.head]
    if len(found) > 1 and not here:
        lines = "\n".join(ref.ref for ref in found)
        raise AmbiguousName(f"Ambiguous experiment name '{name}' can refer to multiple experiments. To create a branch use a full experiment ref:\n\n{lines}")
    if not found:
        raise CannotBranch(f"'{name}' does not appear to be an experiment commit.")
    return (here or found)[0], commit
