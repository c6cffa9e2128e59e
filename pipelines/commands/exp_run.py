"""Run the pipeline as an experiment: its result is kept under a name, without a commit on your branch.

Runs in the workspace, or elsewhere with --temp (now) and --queue (later, by `queue start`). -S
changes params for the run: `-S lr=0.1`, `-S conf.json:model.depth=3`, `-S +new=1` adds a key,
`-S ~old` deletes one. With --queue a key may take several values, one experiment for each
combination: `-S 'lr=0.1,0.2'`, `-S 'depth=range(1,5)'`, `-S 'net=choice(small,large)'`.
"""
from __future__ import annotations

from pipelines.commands.repro import add_repro_arguments
from pipelines.engine.experiments.execute import Outcome, Request, run_in_workspace
from pipelines.engine.flags import Flags
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.light import SUPPRESS
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="stages, dvc.yaml or .dvc files (default: the dvc.yaml here)")
    add_repro_arguments(parser)
    parser.add_argument("--glob", action="store_true", help="stage names are wildcard patterns")
    parser.add_argument("-n", "--name", metavar="NAME", help="name of the experiment (default: two random words)")
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="[FILE:]KEY=VALUE", help="change a param for this experiment")
    parser.add_argument("--queue", action="store_true", help="put it into the queue instead of running it")
    parser.add_argument("--zip", dest="is_zip", action="store_true", help="of values in several -S take the first of each, then the second of each, instead of every combination")
    parser.add_argument("--run-all", action="store_true", help="run everything that is queued, and follow it")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="with --run-all: up to N experiments at once")
    parser.add_argument("--temp", dest="tmp_dir", action="store_true", help="run in a temporary folder, leaving the workspace alone")
    parser.add_argument("-C", "--copy-paths", action="append", default=[], metavar="PATH", help="untracked or ignored path that --temp and --queue copy into that folder")
    parser.add_argument("-m", "--message", metavar="TEXT", help="message of the experiment's commit")
    parser.add_argument("--no-hydra", action="store_true", help="leave params.yaml alone although hydra.enabled is set")
    parser.add_argument("-M", dest="message", help=SUPPRESS)


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if args.run_all:
        return _run_all(repo, args.jobs, io)
    args.jobs = 1  # of stages: an experiment runs them in order
    request = Request(
        targets=tuple(args.targets),
        options=Flags.of(args).options(),
        overrides=tuple(args.set_param),
        name=args.name,
        message=args.message,
        copy_paths=tuple(args.copy_paths),
        no_hydra=args.no_hydra,
        is_zip=args.is_zip,
    )
    if args.queue:
        from pipelines.engine.experiments.doorbell import ring
        from pipelines.engine.experiments.enqueue import enqueue

        enqueue(repo, io, request, lambda repo: ring(repo.tmp_dir))
        return 0
    if args.tmp_dir or args.dry:
        from pipelines.engine.experiments.standalone import run_standalone

        outcome = run_standalone(repo, io, request)
    else:
        outcome = run_in_workspace(repo, io, request)
    return _tell(outcome, io, elsewhere=args.tmp_dir or args.dry, dry=args.dry)


def _tell(outcome: Outcome, io: Io, *, elsewhere: bool, dry: bool) -> int:
    if outcome.state == "stopped":
        raise KeyboardInterrupt
    if outcome.state != "success":
        raise outcome.error or DataverError(outcome.reason)
    if dry:
        return 0
    io.info(f"\nRan experiment(s): {outcome.name}")
    if elsewhere:
        io.info(f"To apply the results of an experiment to your workspace run:\n\n\t{io.tool} exp apply <exp>")
    else:
        io.info("Experiment results have been applied to your workspace.")
    return 0


def _run_all(repo: Repo, jobs: int, io: Io) -> int:
    from pipelines.engine.experiments.following import follow

    return follow(repo, jobs, io)
