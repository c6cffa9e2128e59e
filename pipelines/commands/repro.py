"""Run the stages whose inputs changed.

Stages run in the order of their dependencies; what did not change is skipped, and what ran
before with the same command, deps and params is restored from the cache instead of run.
With -j N independent stages run at the same time, the longest chain first, and the output of
each is printed when it ends.
"""
from __future__ import annotations

import os
import sys

from pipelines.engine.experiments.stagepolicy import local_runner
from pipelines.engine.journal import JournaledRunner
from pipelines.engine.processes import ending_like_interrupts
from pipelines.engine.reproduce import Reproduction
from pipelines.engine.runner import StageEnvironment
from pipelines.engine.wanted import IoReporter, RepoLocks, make_flags, make_importer, make_journal, make_plan, make_puller
from tracking.engine.hints import IO, TYPE_CHECKING
from tracking.engine.index import PIPELINE_FILE, Index, load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.targets import load_alone
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse


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
        index = _load(repo, args, io)
        plan = make_plan(index, args, io.cwd)
        ws = Workspace(repo, io.progress)
        journal = make_journal(repo, index, plan, args.targets, io.settings.environ, about={"jobs": args.jobs})
        reproduction = Reproduction(
            ws,
            plan,
            make_flags(args, repo),
            TerminalReporter(io),
            JournaledRunner(local_runner(StageEnvironment(io.settings.environ, repo.root_dir), journal.log_of), journal),
            RepoLocks(repo, io),
            make_puller(repo, args, io),
            make_importer(repo, io),
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


def _load(repo: Repo, args: argparse.Namespace, io: Io) -> Index:
    """Every stage; with --single-item only those of files and stages that are named, so that the others may be broken."""
    if args.single_item and not (args.pipeline or args.all_pipelines):
        alone = load_alone(repo, args.targets or [PIPELINE_FILE], cwd=io.cwd, recursive=args.recursive, glob=args.glob)
        if alone is not None:
            index, found = alone
            index.stages += [item.stage for item in found]
            index.tell_warnings(io.warn)
            return index
    return load_index(repo, warn=io.warn)


def _after(repo: Repo, reproduction: Reproduction) -> None:
    from pipelines.engine.durations import save_durations

    repo.tracker.flush()
    save_durations(repo, reproduction.durations)
    repo.close()


class TerminalReporter(IoReporter):
    """Puts the output of parallel stages on the terminal as it is, byte for byte."""

    def raw(self, data: IO[bytes]) -> None:
        import shutil

        sys.stdout.flush()
        shutil.copyfileobj(data, _Bytes())
        sys.stdout.flush()


class _Bytes:
    """stdout for bytes, also where it has been replaced by a text-only stream."""

    def write(self, data: bytes) -> None:
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is not None:
            buffer.write(data)
        else:
            sys.stdout.write(data.decode("utf-8", "replace"))
