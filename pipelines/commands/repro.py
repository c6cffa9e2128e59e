"""Run the stages whose inputs changed.

Stages run in the order of their dependencies; what did not change is skipped, and what ran
before with the same command, deps and params is restored from the cache instead of run.
With -j N independent stages run at the same time, the longest chain first, and the output of
each is printed when it ends.
"""
from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import IO, Any

from pipelines.engine.graph import Names, checked_graph
from pipelines.engine.journal import Journal, JournaledRunner
from pipelines.engine.plan import Plan, key_of
from pipelines.engine.processes import ending_like_interrupts
from pipelines.engine.reproduce import Options, Reproduction
from pipelines.engine.runner import LocalRunner, StageEnvironment
from tracking.engine.errors import StageNotFound
from tracking.engine.index import PIPELINE_FILE, Index, load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Stage
from tracking.engine.targets import collect
from tracking.engine.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="stages, dvc.yaml or .dvc files (default: the dvc.yaml here)")
    add_repro_arguments(parser)
    parser.add_argument("--glob", action="store_true", help="stage names are wildcard patterns")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="run up to N independent stages at once")


def add_repro_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags that experiments take too."""
    parser.add_argument("-f", "--force", action="store_true", help="run even what did not change")
    parser.add_argument("-i", "--interactive", action="store_true", help="ask before each stage")
    parser.add_argument("-s", "--single-item", action="store_true", help="only the targets, not what they depend on")
    parser.add_argument("-p", "--pipeline", action="store_true", help="the whole pipelines the targets belong to")
    parser.add_argument("-P", "--all-pipelines", action="store_true", help="all pipelines of the repository")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets are folders: all stages inside")
    parser.add_argument("--downstream", action="store_true", help="the targets and what depends on them")
    parser.add_argument("--force-downstream", action="store_true", help="run everything behind a stage that ran")
    parser.add_argument("--pull", action="store_true", help="fetch missing data from the remote")
    parser.add_argument("--allow-missing", action="store_true", help="skip stages that only lack data")
    parser.add_argument("--dry", action="store_true", help="print what would run")
    parser.add_argument("-k", "--keep-going", dest="on_error", action="store_const", const="keep-going", default="fail", help="after a failure go on with what does not depend on it")
    parser.add_argument("--ignore-errors", dest="on_error", action="store_const", const="ignore", help="after a failure go on with everything")
    parser.add_argument("--no-commit", action="store_true", help="record hashes, but leave the cache alone")
    parser.add_argument("--no-run-cache", dest="run_cache", action="store_false", help="do not restore earlier results")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if args.jobs < 1:
        args.jobs = os.cpu_count() or 1
    with repo.lock(io):
        index = load_index(repo, warn=io.warn)
        plan = make_plan(index, args, io.cwd)
        ws = Workspace(repo, io.progress)
        journal = make_journal(repo, index, plan, args, io)
        reproduction = Reproduction(
            ws,
            plan,
            make_options(args, repo),
            TerminalReporter(io),
            JournaledRunner(LocalRunner(StageEnvironment(io.settings.environ, repo.root_dir), journal.log_of), journal),
            RepoLocks(repo, io),
            _puller(repo, args, io),
            _importer(repo, io),
            None if args.dry else journal,
        )
        try:
            with journal.recording(), ending_like_interrupts():
                done = reproduction.run()
        finally:
            _after(repo, reproduction)
        repo.tracker.report(io)
    io.info(f"Use `{io.tool} push` to send your updates to remote storage." if done else "Data and pipelines are up to date.")
    return 0


def make_journal(repo: Repo, index: Index, plan: Plan, args: argparse.Namespace, io: Io, command: str = "repro") -> Journal:
    def facts() -> Iterator[dict[str, Any]]:
        from pipelines.engine import environment  # only in a run that runs something

        written = {os.path.join(os.path.dirname(stage.file), "dvc.lock") for stage in index.stages if stage.name}
        written |= {out.abspath for stage in index.stages for out in stage.outs if out.abspath}
        yield from environment.facts(io.settings.environ, repo.root_dir, repo.scm is not None, written)

    return Journal(repo.tmp_dir, args.targets, root_dir=repo.root_dir, command=command, planned=len(plan.order), facts=facts)


def _after(repo: Repo, reproduction: Reproduction) -> None:
    from pipelines.engine.durations import save_durations

    repo.tracker.flush()
    save_durations(repo, reproduction.durations)
    repo.close()


def make_plan(index: Index, args: argparse.Namespace, cwd: str) -> Plan:
    """The stages a `repro` command line wants. Raises StageNotFound, OutputOverlap, DataverError."""
    graph = checked_graph(index.stages, Names(index.repo.root_dir, cwd))
    plan = Plan(index.stages, {key_of(stage): [key_of(other) for other in graph.producers(stage)] for stage in index.stages})
    if args.all_pipelines:
        return plan.want([])
    targets = [key_of(stage) for stage in _targets(index, args, cwd)]
    if args.single_item and not args.pipeline:
        return plan.want_only(targets)
    return plan.want(targets, pipeline=args.pipeline, downstream=args.downstream)


def _targets(index: Index, args: argparse.Namespace, cwd: str) -> list[Stage]:
    targets = args.targets or [PIPELINE_FILE]
    if not args.targets and not os.path.exists(os.path.join(cwd, PIPELINE_FILE)):
        raise StageNotFound(f"'{os.path.join(cwd, PIPELINE_FILE)}' does not exist", hint="`dataver stage add` writes one; `dataver repro -P` runs every pipeline of the repository.")
    return [found.stage for found in collect(index, targets, cwd=cwd, recursive=args.recursive, glob=args.glob, outs=False)]


def make_options(args: argparse.Namespace, repo: Repo) -> Options:
    return Options(
        force=args.force,
        force_downstream=args.force_downstream,
        dry=args.dry,
        interactive=args.interactive or bool(repo.config.get("core", "interactive", False)),
        no_commit=args.no_commit,
        run_cache=args.run_cache,
        pull=args.pull,
        allow_missing=args.allow_missing,
        on_error=args.on_error,
        jobs=args.jobs,
    )


def _puller(repo: Repo, args: argparse.Namespace, io: Io) -> Any:
    if not args.pull:
        return None
    from remotes.engine.pull import Pull

    return Pull(repo, io)


def _importer(repo: Repo, io: Io) -> Any:
    def bring(dep: Dep, path: str) -> None:
        from remotes.engine.imports import bring_source

        bring_source(repo, dep, path, io.progress)

    return bring


class TerminalReporter:
    """Lines of a reproduction on the terminal (pipelines.engine.reproduce.Reporter)."""

    def __init__(self, io: Io) -> None:
        self.io = io

    def line(self, text: str) -> None:
        self.io.info(text)
        if text.startswith(("> ", "Running stage")):
            sys.stdout.flush()

    def warn(self, text: str) -> None:
        self.io.warn(text)

    def raw(self, data: IO[bytes]) -> None:
        sys.stdout.flush()
        shutil.copyfileobj(data, _Bytes())
        sys.stdout.flush()

    def confirm(self, question: str) -> bool:
        return self.io.confirm(question)


class _Bytes:
    """stdout for bytes, also where it has been replaced by a text-only stream."""

    def write(self, data: bytes) -> None:
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is not None:
            buffer.write(data)
        else:
            sys.stdout.write(data.decode("utf-8", "replace"))


class RepoLocks:
    """dvc's locks as a reproduction needs them (pipelines.engine.reproduce.Locks)."""

    def __init__(self, repo: Repo, io: Io) -> None:
        self.repo = repo
        self.io = io

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        with self.repo.unlocked(self.io), self.io.paused():
            yield

    def paths(self, read: list[str], write: list[str]) -> contextlib.AbstractContextManager[None]:
        return self.repo.paths_lock(self.io, read=read, write=write)
