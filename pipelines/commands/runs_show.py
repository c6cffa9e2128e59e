"""Show one run: its stages, why they ran, how they ended, and what it ran in.

The run is named by its id, the beginning of one, or `last`. `--log` prints what the stages
wrote; with `-f` it goes on until the run ends.
"""
from __future__ import annotations

import sys
import time

from pipelines.commands.runs import absolute, counts, duration
from pipelines.engine.runs import LAST, RUNNING, RunRecord, StageRecord, find_run, read_log_of, read_run
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

POLL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default=LAST, metavar="ID", help="an id, the beginning of one, or `last` (default)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--log", action="store_true", help="print what the stages wrote")
    parser.add_argument("--stage", metavar="S", help="only this stage")
    parser.add_argument("-f", "--follow", action="store_true", help="print the log as it grows, until the run ends")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    record = read_run(repo, args.run)
    if args.stage and record.stage(args.stage) is None and not (args.follow and record.state == RUNNING):
        raise DataverError(f"run '{record.run_id}' has no stage '{args.stage}'", hint=f"It has: {', '.join(stage.address for stage in record.stages) or 'none that ran'}.")
    if args.log or args.follow:
        _print_logs(repo, record.run_id, args.stage, args.follow, io)
    elif args.json:
        io.json(_only(record.to_json(), args.stage))
    else:
        _print(record, args.stage, io)
    repo.close()
    return 0


def _only(value: dict[str, Any], stage: str | None) -> dict[str, Any]:
    return value if stage is None else {**value, "stages": [item for item in value["stages"] if item["stage"] == stage]}


def _print(run: RunRecord, stage: str | None, io: Io) -> None:
    end = f", {duration(run.duration_s)}" if run.duration_s is not None else ""
    io.print(f"run {run.run_id}: {run.state}")
    io.print(f"  command: {' '.join([run.command, *run.targets])}")
    io.print(f"  started: {absolute(run.started) or 'unknown'}{end}")
    io.print(f"  stages:  {counts(run)}")
    if run.cause:
        io.print(f"  cause:   {run.cause}")
    for item in run.stages:
        if stage in (None, item.address):
            _print_stage(item, io)
    if stage is None:
        _print_environment(run.environment, io)


def _print_stage(stage: StageRecord, io: Io) -> None:
    facts = [stage.state, *([duration(stage.duration_s) or ""] if stage.duration_s is not None else [])]
    if stage.exit_code:
        facts.append(f"exit code {stage.exit_code}")
    io.print(f"\n{stage.address}: {', '.join(facts)}")
    for line in stage.command:
        io.print(f"  > {line}")
    if stage.cause:
        io.print(f"  cause: {stage.cause}")
    for reason in stage.reasons:
        io.print(f"  - {reason}")


def _print_environment(environment: dict[str, Any], io: Io) -> None:
    lines = [line for line in (_git_line(environment.get("git")), _python_line(environment.get("python")), _machine_line(environment), _variables_line(environment.get("variables"))) if line]
    if lines:
        io.print("")
    for line in lines:
        io.print(line)


def _git_line(git: Any) -> str:
    if not isinstance(git, dict):
        return ""
    changed = [str(path) for path in git.get("changed") or []]
    state = f"with changes in {', '.join(changed[:5])}{', …' if len(changed) > 5 else ''}" if git.get("dirty") else "without changes"
    branch = f" on {git['branch']}" if git.get("branch") else ""
    return f"git:      {str(git.get('commit') or 'no commit')[:12]}{branch}, {state}"


def _python_line(python: Any) -> str:
    if not isinstance(python, dict):
        return ""
    packages = python.get("packages")
    return f"python:   {python.get('version') or 'unknown'} ({python.get('executable')}), {len(packages) if isinstance(packages, dict) else 0} packages"


def _machine_line(environment: dict[str, Any]) -> str:
    cpu, memory, gpus = environment.get("cpu"), environment.get("memory_bytes"), environment.get("gpus")
    parts = [str(environment["platform"])] if environment.get("platform") else []
    if isinstance(cpu, dict):
        parts.append(f"{cpu.get('count')} x {cpu.get('model') or 'processor'}")
    if isinstance(memory, int):
        parts.append(f"{memory / 2**30:.1f} GiB memory")
    if isinstance(gpus, list):
        parts += [str(gpu) for gpu in gpus]
    return f"machine:  {', '.join(parts)}" if parts else ""


def _variables_line(variables: Any) -> str:
    return f"settings: {', '.join(f'{name}={value}' for name, value in variables.items())}" if isinstance(variables, dict) and variables else ""


def _print_logs(repo: Repo, name: str, only: str | None, follow: bool, io: Io) -> None:
    """One stage after the other, in the order they started."""
    name = find_run(repo, name)
    offsets: dict[str, int] = {}
    finished: set[str] = set()
    while True:
        run = read_run(repo, name)  # before the logs: what it says has ended writes no more
        for stage in run.stages:
            if stage.address in finished or (only is not None and stage.address != only):
                continue
            if stage.address not in offsets:
                offsets[stage.address] = 0
                if only is None and stage.log:
                    _write(f"Running stage '{stage.address}':\n".encode())
            offsets[stage.address] = _print_rest(repo, run, stage, offsets[stage.address])
            if stage.state == RUNNING:
                break  # the next one's log comes after this one's
            finished.add(stage.address)
        if not follow or run.state != RUNNING or (only is not None and only in finished):
            return
        sys.stdout.flush()
        time.sleep(POLL_S)


def _print_rest(repo: Repo, run: RunRecord, stage: StageRecord, offset: int) -> int:
    while True:
        data, offset = read_log_of(repo, run, stage, offset)
        if not data:
            return offset
        _write(data)


def _write(data: bytes) -> None:
    """The log as the stage wrote it, bytes that are no text included."""
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(data.decode("utf-8", "replace"))
        return
    sys.stdout.flush()
    stream.write(data)
    stream.flush()
