"""What a `repro` or `exp run` command line asks for, made of its flags: a plan, and those who play a role in it."""
from __future__ import annotations

import contextlib
import os

from pipelines.engine.flags import Flags
from pipelines.engine.graph import Names, checked_graph
from pipelines.engine.journal import Journal
from pipelines.engine.plan import Plan, key_of
from pipelines.engine.roles import Importer
from tracking.engine.errors import StageNotFound
from tracking.engine.hints import IO, Any, Iterator, Mapping
from tracking.engine.index import PIPELINE_FILE, Index
from tracking.engine.protocols import Io
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Stage
from tracking.engine.targets import collect

ORDER_KEPT = 200  # names of stages in a journal


def make_plan(index: Index, flags: Any, cwd: str) -> Plan:
    """The stages a command line wants. flags: Flags, or parsed arguments with the same names.

    Raises StageNotFound, OutputOverlap, DataverError.
    """
    graph = checked_graph(index.stages, Names(index.repo.root_dir, cwd))
    plan = Plan(index.stages, {key_of(stage): [key_of(other) for other in graph.producers(stage)] for stage in index.stages})
    if flags.all_pipelines:
        return plan.want([])
    targets = [key_of(stage) for stage in _targets(index, flags, cwd)]
    if flags.single_item and not flags.pipeline:
        return plan.want_only(targets)
    return plan.want(targets, pipeline=flags.pipeline, downstream=flags.downstream)


def _targets(index: Index, flags: Any, cwd: str) -> list[Stage]:
    targets = flags.targets or [PIPELINE_FILE]
    if not flags.targets and not os.path.exists(os.path.join(cwd, PIPELINE_FILE)):
        raise StageNotFound(f"'{os.path.join(cwd, PIPELINE_FILE)}' does not exist", hint="`dataver stage add` writes one; `dataver repro -P` runs every pipeline of the repository.")
    return [found.stage for found in collect(index, targets, cwd=cwd, recursive=flags.recursive, glob=flags.glob, outs=False)]


def make_flags(given: Any, repo: Repo) -> Flags:
    """The flags with what the configuration says where they do not. given: Flags, or parsed arguments."""
    flags = Flags.of(given)
    return replace(flags, interactive=flags.interactive or bool(repo.config.get("core", "interactive", False)))


def make_puller(repo: Repo, flags: Any, io: Io) -> Any:
    """What `--pull` brings data with; None without it."""
    if not flags.pull:
        return None
    from remotes.engine.pull import Pull

    return Pull(repo, io)


class IoReporter:
    """Lines of a reproduction for people (pipelines.engine.roles.Reporter)."""

    def __init__(self, io: Io) -> None:
        self.io = io

    def line(self, text: str) -> None:
        self.io.info(text)
        if text.startswith(("> ", "Running stage")):
            with self.io.paused():  # what the command prints comes after it
                pass

    def warn(self, text: str) -> None:
        self.io.warn(text)

    def raw(self, data: IO[bytes]) -> None:
        self.io.print(data.read().decode("utf-8", "replace"), end="")

    def confirm(self, question: str) -> bool:
        return self.io.confirm(question)


class RepoLocks:
    """dvc's locks as a reproduction needs them (pipelines.engine.roles.Locks)."""

    def __init__(self, repo: Repo, io: Io) -> None:
        self.repo = repo
        self.io = io

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        with self.repo.unlocked(self.io), self.io.paused():
            yield

    def paths(self, read: list[str], write: list[str]) -> contextlib.AbstractContextManager[None]:
        return self.repo.paths_lock(self.io, read=read, write=write)


def make_importer(repo: Repo, io: Io) -> Importer:
    def bring(dep: Dep, path: str) -> Dep:
        from remotes.engine.imports import bring_source

        return bring_source(repo, dep, path, io.progress)

    return bring


def make_journal(
    repo: Repo, index: Index, plan: Plan, targets: list[str], environ: Mapping[str, str], *, command: str = "repro", home: Repo | None = None, about: Mapping[str, Any] | None = None
) -> Journal:
    """The journal of a run in `repo`. home: the repository that keeps it, when another one. about: more facts of its start."""

    def facts() -> Iterator[dict[str, Any]]:
        from pipelines.engine import environment  # only in a run that runs something

        written = {os.path.join(os.path.dirname(stage.file), "dvc.lock") for stage in index.stages if stage.name}
        written |= {out.abspath for stage in index.stages for out in stage.outs if out.abspath}
        yield from environment.facts(environ, repo.root_dir, repo.scm is not None, written)

    order = [plan.stages[key].address(repo.root_dir) for key in plan.order[:ORDER_KEPT]]
    if home is not None and home.root_dir != repo.root_dir:
        about = {**(about or {}), "elsewhere": True}
    return Journal((home or repo).tmp_dir, targets, root_dir=repo.root_dir, command=command, planned=len(plan.order), facts=facts, about={**(about or {}), "order": order})
