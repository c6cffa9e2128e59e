"""Write a stage into dvc.yaml of the current folder.

The command comes last; what follows it is its own. Quote it when it holds pipes or variables
of the shell: `dataver stage add -n train -d train.py -o model.pkl 'python train.py > log'`.
"""
from __future__ import annotations

import argparse

from pipelines.engine.stageadd import OUT_GROUPS, Request, check_new, command_line, make_stage, write_stage
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--name", required=True, help="name of the stage")
    parser.add_argument("-f", "--force", action="store_true", help="replace a stage of that name")
    _add_list(parser, "-d", "--deps", metavar="PATH", help="file or folder the command reads")
    _add_list(parser, "-p", "--params", metavar="[FILE:]KEYS", help="params the command reads, separated by commas (default file: params.yaml)")
    _add_list(parser, "-o", "--outs", metavar="PATH", help="file or folder the command makes")
    _add_list(parser, "-O", "--outs-no-cache", metavar="PATH", help="the same, kept out of the cache")
    _add_list(parser, "--outs-persist", metavar="PATH", help="an out that is not deleted before a run")
    _add_list(parser, "--outs-persist-no-cache", metavar="PATH", help="the same, kept out of the cache")
    _add_list(parser, "-m", "--metrics", metavar="PATH", help="metrics file the command makes")
    _add_list(parser, "-M", "--metrics-no-cache", metavar="PATH", help="the same, kept out of the cache")
    _add_list(parser, "--plots", metavar="PATH", help="plot file the command makes")
    _add_list(parser, "--plots-no-cache", metavar="PATH", help="the same, kept out of the cache")
    parser.add_argument("-w", "--wdir", metavar="PATH", help="folder the command runs in; the other paths are relative to it")
    parser.add_argument("--always-changed", action="store_true", help="run the stage every time")
    parser.add_argument("--desc", metavar="TEXT", help="what the stage is for")
    parser.add_argument("--run", action="store_true", help="run the stage once it is written")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command")


def _add_list(parser: argparse.ArgumentParser, *flags: str, metavar: str, help: str) -> None:
    parser.add_argument(*flags, action="append", default=[], metavar=metavar, help=f"{help} (repeatable)")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        stage = make_stage(repo, _request(args))
        stage = check_new(load_index(repo, lock=False), stage, force=args.force)
        write_stage(repo, stage, io.warn)
        repo.tracker.flush()
        io.info(f"Added stage '{stage.name}' in '{repo.display(stage.file)}'")
        if args.run:
            _run_now(repo, stage, io)
        repo.tracker.report(io)
    repo.close()
    return 0


def _request(args: argparse.Namespace) -> Request:
    return Request(
        name=args.name,
        cmd=command_line(args.command),
        deps=tuple(args.deps),
        params=tuple(args.params),
        outs=tuple((path, section, options) for group, section, options in OUT_GROUPS for path in getattr(args, group)),
        wdir=args.wdir,
        always_changed=args.always_changed,
        desc=args.desc,
    )


def _run_now(repo: Repo, stage: Stage, io: Io) -> None:
    """`repro --single-item --force` of the new stage, under the lock that is held."""
    from pipelines.engine.durations import save_durations
    from pipelines.engine.flags import Flags
    from pipelines.engine.journal import JournaledRunner
    from pipelines.engine.reproduce import Reproduction
    from pipelines.engine.runner import LocalRunner, StageEnvironment
    from pipelines.engine.wanted import IoReporter, RepoLocks, make_flags, make_journal, make_plan
    from tracking.engine.workspace import Workspace

    flags = Flags.of({"targets": [stage.name], "single_item": True, "force": True})
    index = load_index(repo)
    plan = make_plan(index, flags, repo.cwd)
    journal = make_journal(repo, index, plan, list(flags.targets), io.settings.environ, command="stage add")
    reproduction = Reproduction(
        Workspace(repo, io.progress),
        plan,
        make_flags(flags, repo),
        IoReporter(io),
        JournaledRunner(LocalRunner(StageEnvironment(io.settings.environ, repo.root_dir), journal.log_of), journal),
        RepoLocks(repo, io),
        observer=journal,
    )
    with journal.recording():
        reproduction.run()
    save_durations(repo, reproduction.durations)
