"""Give experiments other names."""
from __future__ import annotations

from pipelines.engine.experiments import gitremote
from pipelines.engine.experiments.refs import ABSENT, ExpRef, check_name, update_refs
from pipelines.engine.experiments.resolve import RefTable, find_experiment, unknown_names
from tracking.engine.errors import DataverError
from tracking.engine.git import Git


class ExperimentExists(DataverError):
    """Another experiment of the same baseline has the name."""


def rename(git: Git, old: str, new: str, *, git_remote: str | None = None, force: bool = False) -> bool:
    """False when there is nothing to do. Raises UnknownExperiment, AmbiguousName, InvalidName, ExperimentExists, GitRemoteError."""
    if old == new:
        return False
    known = gitremote.remote_refs(git, git_remote) if git_remote else RefTable(git).experiments
    found = find_experiment(known, old, git.head_commit())
    if found is None:
        raise unknown_names([old], git_remote)
    ref, commit = found
    target = ExpRef(ref.baseline, new)
    there = next((known_commit for known_ref, known_commit in known if known_ref == target), None)
    if there is not None and not force:
        raise ExperimentExists(
            f"Experiment conflicts with existing experiment '{new}'. To overwrite the existing experiment run:\n\n\tdvc exp rename -f ...\n\n"
        )
    check_name(new)
    if git_remote:
        gitremote.rename_ref(git, git_remote, ref, commit, target, force)
    else:
        update_refs(git, [(target.ref, commit, there or ABSENT), (ref.ref, None, commit)])
    return True


