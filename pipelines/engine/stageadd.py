"""`stage add`: from what was typed to a stage in dvc.yaml.

Every check comes before the first write, so that a refused stage leaves nothing behind.
"""
from __future__ import annotations

import os
import string

from pipelines.engine.graph import Names, already_specified, check_external, checked_graph, path_key
from tracking.engine import atomic
from tracking.engine.dvcfile import resolve_path
from tracking.engine.dvcyaml import DEFAULT_PARAMS, definition_of, set_stage, stage_from
from tracking.engine.errors import DataverError, OutputOverlap
from tracking.engine.gitignore import refuse_tracked
from tracking.engine.hints import Any, Callable, Iterable, Sequence
from tracking.engine.ignore import describe
from tracking.engine.index import DATA_SUFFIX, LOCK_FILE, PIPELINE_FILE, Index
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Out, ParamsDep, Stage

# what paths and addresses are made of; "-" and "_" are usual in names
FORBIDDEN_IN_NAMES = frozenset(string.punctuation) - {"-", "_"}
OutGroup = tuple[str, str, dict[str, Any]]  # attribute of Request, section of dvc.yaml, options

KIND_ORDER = ("", "metric", "plot", "out")  # of .gitignore entries, after outs that persist
OUT_GROUPS: tuple[OutGroup, ...] = (
    ("outs", "outs", {}),
    ("outs_no_cache", "outs", {"cache": False}),
    ("outs_persist", "outs", {"persist": True}),
    ("outs_persist_no_cache", "outs", {"cache": False, "persist": True}),
    ("metrics", "metrics", {}),
    ("metrics_no_cache", "metrics", {"cache": False}),
    ("plots", "plots", {}),
    ("plots_no_cache", "plots", {"cache": False}),
)


@record(frozen=True)
class Request:
    """What the user typed. outs: (path, section, options) each. params: `[file:]key,key` each. wdir: as typed."""

    name: str
    cmd: str
    deps: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    outs: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    wdir: str | None = None
    always_changed: bool = False
    desc: str | None = None


def command_line(words: Sequence[str]) -> str:
    """One command of the words of a command line.

    A single word is the command as it is; of several, those with spaces get double quotes.
    """
    words = words[1:] if words and words[0] == "--" else words  # ends our options, no part of the command
    if len(words) < 2:
        return "".join(words)
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    needs = not word or (" " in word and '"' not in word)
    return f'"{word}"' if needs else word


def read_params_flags(values: Iterable[str]) -> dict[str, list[str]]:
    """`a,b`, `file:a,b` and `file:` (the whole file) -> keys by file, [] for a whole file."""
    keys_of: dict[str, list[str]] = {}
    for value in values:
        file, _, keys = value.rpartition(":")
        keys_of.setdefault(file or DEFAULT_PARAMS, []).extend(key for key in keys.split(",") if key)
    return keys_of


# --- the stage
def make_stage(repo: Repo, request: Request) -> Stage:
    """The stage a request describes, in the dvc.yaml of the current folder. Raises DataverError."""
    if not request.cmd:
        raise DataverError("command is not specified", hint="Write it last: `dataver stage add -n NAME -o OUT COMMAND`.")
    if not request.name:
        raise DataverError("`-n|--name` is required")
    if FORBIDDEN_IN_NAMES & set(request.name):
        raise DataverError("Stage name cannot contain punctuation characters.", hint="Only `-` and `_` are allowed.")
    wdir = _working_folder(repo, request.wdir)
    file = os.path.join(repo.cwd, PIPELINE_FILE)
    stage = stage_from(request.name, _definition(repo, request, wdir), file, repo.cwd)
    names = Names(repo.root_dir, repo.cwd)
    _check_paths(repo, stage)
    check_external(stage, names)
    _check_doubles(stage, [resolve_path(path, wdir) or path.rstrip("/") for path, _, _ in request.outs])
    return stage


def _working_folder(repo: Repo, wdir: str | None) -> str:
    folder = os.path.normpath(os.path.join(repo.cwd, wdir or "."))
    problem = ""
    if not os.path.exists(folder):
        problem = "does not exist"
    elif not os.path.isdir(folder):
        problem = "is not directory"
    elif not repo.contains(os.path.realpath(folder)):
        problem = "is outside of DVC repo"
    if problem:
        raise DataverError(f"stage working dir '{folder}' {problem}")
    return folder


def _definition(repo: Repo, request: Request, wdir: str) -> dict[str, Any]:
    def written(path: str) -> str:
        """Paths inside the repository are written relative to the stage's folder."""
        if not path:
            raise DataverError("a path of the stage is empty", hint="Check the values of -d, -o and their like.")
        return os.path.relpath(path, wdir).replace(os.sep, "/") if os.path.isabs(path) and repo.contains(path) else path

    definition: dict[str, Any] = {
        "cmd": request.cmd,
        "desc": request.desc,
        "wdir": None if wdir == repo.cwd else os.path.relpath(wdir, repo.cwd).replace(os.sep, "/"),
        "deps": [written(path) for path in request.deps],
        "params": [{written(file): keys or None} for file, keys in read_params_flags(request.params).items()],
        "always_changed": request.always_changed,
    }
    for path, section, options in request.outs:
        definition.setdefault(section, []).append({written(path): options} if options else written(path))
    return definition


def _check_paths(repo: Repo, stage: Stage) -> None:
    entries: list[Dep | ParamsDep | Out] = [*stage.deps, *stage.params, *stage.outs]
    for entry in entries:
        name = os.path.basename(entry.abspath)
        if name in (PIPELINE_FILE, LOCK_FILE) or (name.endswith(DATA_SUFFIX) and name != DATA_SUFFIX):
            role = "an output" if isinstance(entry, Out) else "a dependency"
            raise DataverError(f"DVC file '{entry.path}' cannot be {role}.")
    for out in stage.outs:
        if out.abspath and repo.contains(out.abspath):
            rel, isdir = repo.rel(out.abspath), os.path.isdir(out.abspath)
            if repo.ignore.is_ignored(rel, isdir):
                rule = describe(repo.ignore.check(rel, isdir)[-1])
                raise DataverError(f"Path '{out.abspath}' is ignored by {rule}")


def _check_doubles(stage: Stage, made: list[str]) -> None:
    """No path is read and written, or named twice. made: all outs as typed; in `stage` the same path is there once."""
    inputs: list[Dep | ParamsDep] = [*stage.deps, *stage.params]
    read = [entry.abspath or entry.path.rstrip("/") for entry in inputs]
    both = set(read) & set(made)
    if both:
        raise DataverError(f"'{min(both)}' is specified as an output and as a dependency.")
    seen: set[str] = set()
    for key in (*read, *made):
        if key in seen:
            raise DataverError(f"file '{key}' is specified more than once.")
        seen.add(key)


# --- into dvc.yaml
def check_new(index: Index, stage: Stage, *, force: bool) -> Stage:
    """`stage` with what it keeps of the one it replaces. Raises DataverError, OutputOverlap, CyclicGraph.

    force: a stage of that name may be there already.
    """
    repo = index.repo
    pipeline = index.pipeline_at(stage.file)
    old = next((s for s in pipeline.stages if s.name == stage.name), None) if pipeline else None
    is_group = bool(pipeline and stage.name in pipeline.groups)
    if not force and (old or is_group):
        raise DataverError(f"Stage '{stage.name}' already exists in '{repo.display(stage.file)}'. Use '--force' to overwrite.")
    if old is not None:
        stage = _keep_annotations(stage, old)
    others = [known for known in index.stages if (known.file, known.name) != (stage.file, stage.name)]
    names = Names(repo.root_dir, repo.cwd)
    _refuse_taken(others, stage, names)
    checked_graph([*others, stage], names)
    _refuse_tracked(repo, stage)
    return stage


def _keep_annotations(stage: Stage, old: Stage) -> Stage:
    before = {out.path: out for out in old.outs}

    def kept(out: Out) -> Out:
        was = before.get(out.path)
        if was is None:
            return out
        return replace(out, desc=was.desc, type=was.type, labels=was.labels, annot_meta=was.annot_meta, remote=was.remote, push=was.push)

    return replace(stage, desc=stage.desc or old.desc, meta=old.meta, outs=tuple(map(kept, stage.outs)))


def _refuse_taken(others: Iterable[Stage], stage: Stage, names: Names) -> None:
    wanted = {path_key(out): out for out in stage.outs}
    for other in others:
        for out in other.outs:
            if path_key(out) in wanted:
                raise OutputOverlap(already_specified(wanted[path_key(out)], other, names))


def _refuse_tracked(repo: Repo, stage: Stage) -> None:
    """Git must not hold what the cache is to hold."""
    paths = ignored_outs(repo, stage)
    if not paths or repo.scm is None:
        return
    refuse_tracked(repo.scm, paths, repo.cwd)


def ignored_outs(repo: Repo, stage: Stage) -> list[str]:
    """Outs that belong into .gitignore, in dvc's order; a path with a template is not known yet."""
    outs = sorted(stage.outs, key=lambda out: 0 if out.persist else KIND_ORDER.index(out.kind))
    return [out.abspath for out in outs if out.cache and out.abspath and repo.contains(out.abspath) and "${" not in out.path]


def write_stage(repo: Repo, stage: Stage, warn: Callable[[str], None]) -> None:
    """Put the stage into its dvc.yaml and its outs into .gitignore."""
    try:
        with open(stage.file, encoding="utf-8") as file:
            old: str | None = file.read()
    except FileNotFoundError:
        old = None
    atomic.write_text(stage.file, set_stage(old, stage.name, definition_of(stage), repo.display(stage.file)))
    repo.tracker.add(stage.file)
    if repo.scm is None:
        return
    for path in ignored_outs(repo, stage):
        folder = os.path.dirname(path)
        if os.path.isdir(folder):
            repo.tracker.ignore_out(path)
        else:
            warn(f"'{repo.display(folder)}' does not exist yet: '{repo.display(path)}' is put into its .gitignore when the stage runs.")
