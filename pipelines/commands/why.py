"""Say why a stage would run: one sentence for each cause.

Names the dep with its old and new hash, the param with its old and new value, the command or
the missing output. Without a stage: every stage that would run, in the order it would.
"""
from __future__ import annotations

from pipelines.engine.dirty import Reason, reasons, told
from pipelines.engine.plan import Plan, key_of
from pipelines.engine.wanted import make_plan
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="stage", help="stages, dvc.yaml or .dvc files (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON: stage -> {runs, reasons, behind}")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    index = load_index(repo, warn=io.warn)
    for name, value in {"all_pipelines": not args.targets, "single_item": False, "pipeline": False, "downstream": False, "recursive": False, "glob": False}.items():
        setattr(args, name, value)
    plan = make_plan(index, args, io.cwd)
    ws = Workspace(repo, io.progress)
    answers = explain(ws, plan)
    if args.targets:
        from tracking.engine.targets import collect

        wanted = {key_of(found.stage) for found in collect(index, args.targets, cwd=io.cwd, outs=False)}
        answers = {key: answer for key, answer in answers.items() if key in wanted}
    repo.close()
    if args.json:
        io.json({plan.stages[key].address(io.cwd): _json(plan, answer, io.cwd) for key, answer in answers.items()})
        return 0
    shown = [key for key, answer in answers.items() if answer["reasons"] or answer["behind"]]
    for key in shown if not args.targets else answers:
        _print(io, plan, plan.stages[key], answers[key])
    if not shown and not args.targets:
        io.print("Nothing would run: data and pipelines are up to date.")
    elif shown:
        io.info("\n`dataver repro` runs what changed; `dataver repro --dry` shows the commands.")
    return 0


def explain(ws: Workspace, plan: Plan) -> dict[Any, dict[str, Any]]:
    """key -> {"reasons": [Reason], "behind": [keys of stages before it that would run]}."""
    answers: dict[Any, dict[str, Any]] = {}
    for key in plan.order:
        found = list(reasons(ws, plan.stages[key]))
        behind = [other for other in plan.upstream[key] if answers[other]["reasons"] or answers[other]["behind"]]
        answers[key] = {"reasons": found, "behind": behind}
    return answers


def _json(plan: Plan, answer: dict[str, Any], cwd: str) -> dict[str, Any]:
    found: list[Reason] = answer["reasons"]
    return {
        "runs": bool(found),
        "reasons": [reason.to_json() for reason in found],
        "behind": [plan.stages[key].address(cwd) for key in answer["behind"]],
    }


def _print(io: Io, plan: Plan, stage: Stage, answer: dict[str, Any]) -> None:
    address = stage.address(io.cwd)
    found: list[Reason] = answer["reasons"]
    behind = ", ".join(f"'{plan.stages[key].address(io.cwd)}'" for key in answer["behind"])
    if found:
        verb = "would run" if stage.cmd is not None and not stage.frozen else "changed"
        io.print(f"'{address}' {verb} because")
        for reason in told(found):
            io.print(f"  - {reason.sentence()}")
        if behind:
            io.print(f"  and it comes after {behind}, which would run first")
    elif behind:
        io.print(f"'{address}' runs if its dependencies change: it comes after {behind}")
    else:
        io.print(f"'{address}' would not run: nothing changed")
