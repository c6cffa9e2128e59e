"""List stages: a name and what it does on each line.

Without targets the stages of dvc.yaml in the current folder. Files that cannot be read are
left out unless they are targets themselves or --fail is given.
"""
from __future__ import annotations

import os

from tracking.engine.errors import StageNotFound
from tracking.engine.files import WorkspaceFiles
from tracking.engine.hints import TYPE_CHECKING, Iterable
from tracking.engine.index import PIPELINE_FILE, Index, load_index, load_pipeline
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Out, ParamsDep, Stage
from tracking.engine.targets import parse_target, stages_of_file

if TYPE_CHECKING:
    import argparse

LONGEST_TEXT = 80  # characters of a description


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", default=[PIPELINE_FILE], help="stages, dvc.yaml or .dvc files, with -R folders (default: dvc.yaml)")
    parser.add_argument("--all", action="store_true", help="all stages and .dvc files of the project")
    parser.add_argument("--fail", action="store_true", help="stop at a file that cannot be read")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets may be folders: everything inside")
    parser.add_argument("--name-only", "--names-only", action="store_true", help="only names")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    stages = _whole_index(repo, args.fail, io).stages if args.all else _chosen(repo, args, io)
    rows = [(stage.address(repo.cwd), "" if args.name_only else description(stage)) for stage in stages]
    if rows:
        io.print(_table(rows))
    repo.close()
    return 0


def _whole_index(repo: Repo, fail: bool, io: Io) -> Index:
    return load_index(repo, lock=False, onerror=None if fail else lambda _rel, _error: None, warn=io.warn)


def _chosen(repo: Repo, args: argparse.Namespace, io: Io) -> Iterable[Stage]:
    """Stages of the targets without doubles. Only the files that targets name are read."""
    partial = Index(repo, WorkspaceFiles(repo.root_dir))
    found: dict[tuple[str, str], Stage] = {}
    for target in args.targets:
        path = os.path.normpath(os.path.join(repo.cwd, target))
        if args.recursive and os.path.isdir(path):
            stages = _inside(repo, path, args.fail, io)
        else:
            stages = _named(partial, target, repo.cwd)
        for stage in stages:
            found.setdefault((stage.file, stage.name), stage)
    partial.tell_warnings(io.warn)
    return found.values()


def _inside(repo: Repo, folder: str, fail: bool, io: Io) -> list[Stage]:
    """Stages of files in a folder, producers first."""
    from pipelines.engine.graph import Names, checked_graph

    graph = checked_graph(_whole_index(repo, fail, io).stages, Names(repo.root_dir, repo.cwd))
    prefix = folder.rstrip(os.sep) + os.sep
    return [stage for stage in graph.topological() if stage.file.startswith(prefix)]


def _named(index: Index, target: str, cwd: str) -> list[Stage]:
    file, name = parse_target(target)
    path = os.path.normpath(os.path.join(cwd, file or PIPELINE_FILE))
    if path.endswith((".yaml", ".yml")) and index.pipeline_at(path) is None:
        try:
            # dvc.lock says nothing that is listed
            index.pipelines.append(load_pipeline(index.repo, index.files, index.repo.rel(path), lock=False))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise StageNotFound(f"'{path}' does not exist") from None
    return stages_of_file(index, path, name)


def description(stage: Stage) -> str:
    """The first line of `desc`, else what the stage makes; at most 80 characters."""
    text = next((line for line in (stage.desc or "").splitlines() if line), "").strip() or _made(stage)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _made(stage: Stage) -> str:
    if not stage.outs:
        deps = (*stage.deps, *stage.params)
        return f"Depends on {_paths(deps)}" if deps else "No outputs or dependencies"
    reports = [out for out in stage.outs if _is_report(out)]
    outs = [out for out in stage.outs if not _is_report(out)]
    parts = [f"{word} {_paths(group)}" for word, group in (("Outputs", outs), ("Reports", reports)) if group]
    return "; ".join(parts)


def _is_report(out: Out) -> bool:
    return out.kind != "out" or bool(out.plot)


def _paths(entries: Iterable[Out | Dep | ParamsDep]) -> str:
    return ", ".join(entry.path for entry in entries)


def _table(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {text}".rstrip() for name, text in rows)
