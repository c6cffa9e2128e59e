"""Send each new experiment to a Git remote, where the user set `exp.auto_push`."""
from __future__ import annotations

from pipelines.engine.experiments.refs import ExpRef
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

_LINK = "<https://dvc.org/doc/user-guide/experiment-management/sharing-experiments>"
_YES = ("1", "y", "yes", "true")


def auto_push(repo: Repo, io: Io, ref: ExpRef) -> None:
    """Push the experiment and its data; a failure is told and changes nothing about the experiment."""
    environ = repo.settings.environ
    asked = environ.get("DVC_EXP_AUTO_PUSH")
    if asked.lower() not in _YES if asked is not None else not repo.config.get("exp", "auto_push", False):
        return
    from pipelines.engine.experiments.resolve import Selection
    from pipelines.engine.experiments.transfer import Data, push, push_data

    remote = environ.get("DVC_EXP_GIT_REMOTE") or repo.config.get("exp", "git_remote", None) or "origin"
    io.info(f"Pushing experiment to '{remote}'. Cancel with CTRL+C. See {_LINK} for more info.")
    try:
        done = push(repo, str(remote), [ref.ref], Selection())
        push_data(repo, [*done.up_to_date, *done.success], Data(run_cache=True), io)
    except DataverError as exc:
        io.warn(f"Something went wrong while auto pushing experiment to the remote '{remote}': {exc.message}")
