"""All stages and outs of a workspace or a commit, read from .dvc, dvc.yaml and dvc.lock."""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError, OutputIsIgnored, OutputNotFound
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.hints import TYPE_CHECKING, Any, Callable, Iterable
from tracking.engine.light import cached_property
from tracking.engine.record import field, record, replace
from tracking.engine.stage import Out, Stage

if TYPE_CHECKING:
    from tracking.engine.repo import Repo

PIPELINE_FILE = "dvc.yaml"
LOCK_FILE = "dvc.lock"
DATA_SUFFIX = ".dvc"

OnError = Callable[[str, DataverError], None]


@record(frozen=True)
class Pipeline:
    """One dvc.yaml. `rel` is its path from the root; top-level sections are resolved, paths as written."""

    rel: str
    file: str
    stages: tuple[Stage, ...] = ()
    groups: dict[str, list[str]] = field(default_factory=dict)
    params: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    plots: list[Any] = field(default_factory=list)
    artifacts: dict[str, Any] = field(default_factory=dict)
    datasets: list[Any] = field(default_factory=list)
    tracked_vars: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # stage -> file -> key -> value
    warnings: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Folder of the file relative to the root, posix, "" at the root."""
        return self.rel.rpartition("/")[0]


class Index:
    """stages in the order they were found: top-down; in the workspace as the file system lists them."""

    def __init__(self, repo: Repo, files: FileSource) -> None:
        self.repo = repo
        self.files = files
        self.stages: list[Stage] = []
        self.pipelines: list[Pipeline] = []

    @property
    def rev(self) -> str:
        return self.files.rev

    @cached_property
    def outs(self) -> list[tuple[Stage, Out]]:
        return [(stage, out) for stage in self.stages for out in stage.outs]

    @cached_property
    def out_by_path(self) -> dict[str, tuple[Stage, Out]]:
        """Local outs by absolute path."""
        return {out.abspath: (stage, out) for stage, out in self.outs if out.abspath}

    def find_out(self, abspath: str) -> tuple[Stage, Out]:
        """The out that is `abspath` or a folder around it. Raises OutputNotFound."""
        path = abspath
        while True:
            if path in self.out_by_path:
                return self.out_by_path[path]
            parent = os.path.dirname(path)
            if parent == path:
                break
            path = parent
        raise OutputNotFound(f"Unable to find DVC file with output '{self.repo.display(abspath)}'")

    def outs_inside(self, abspath: str) -> list[tuple[Stage, Out]]:
        """Outs that are `abspath` or lie below it."""
        prefix = abspath.rstrip(os.sep) + os.sep
        return [(s, o) for s, o in self.outs if o.abspath == abspath or o.abspath.startswith(prefix)]

    def tell_warnings(self, warn: Callable[[str], None]) -> None:
        """What the pipeline files do that is allowed but odd, each thing once."""
        for text in dict.fromkeys(text for pipeline in self.pipelines for text in pipeline.warnings):
            warn(text)

    def pipeline_at(self, file: str) -> Pipeline | None:
        return next((p for p in self.pipelines if p.file == file), None)


def load_index(repo: Repo, files: FileSource | None = None, *, lock: bool = True, onerror: OnError | None = None, warn: Callable[[str], None] | None = None) -> Index:
    """Read every .dvc and dvc.yaml file that is not ignored.

    files: the workspace by default. lock False: dvc.lock is only checked for its schema and
    not applied (the graph needs no hashes). onerror(rel, error): called for a file that cannot
    be read, which is then left out; without it the error is raised. warn: told what pipeline
    files do that is allowed but odd, each thing once.
    """
    source = files or WorkspaceFiles(repo.root_dir)
    index = Index(repo, source)
    if isinstance(source, WorkspaceFiles):
        _load_workspace(index, lock, onerror)
    else:
        _load_revision(index, lock, onerror)
    if warn is not None:
        index.tell_warnings(warn)
    return index


def _load_workspace(index: Index, lock: bool, onerror: OnError | None) -> None:
    from tracking.engine.walk import find_dvcfiles

    outs: set[str] = set()
    root = index.repo.root_dir

    def visit(rel_dir: str, names: list[str], subdirs: list[str]) -> set[str]:
        """Read a folder's files; tracked folders inside are not entered."""
        before = len(index.stages)
        for name in names:
            _load_one(index, f"{rel_dir}/{name}" if rel_dir else name, lock, onerror)
        for stage in index.stages[before:]:
            outs.update(out.abspath for out in stage.outs if out.abspath)
        top = os.path.join(root, rel_dir) if rel_dir else root
        return {name for name in subdirs if os.path.join(top, name) in outs}

    scm = index.repo.scm
    if scm is None:
        find_dvcfiles(root, index.repo.ignore, visit)
    else:  # dvc passes over what git ignores, e.g. a virtual environment
        find_dvcfiles(root, index.repo.ignore, visit, scm.ignores, scm.rel(root))


def _load_revision(index: Index, lock: bool, onerror: OnError | None) -> None:
    from tracking.engine.ignore import Ignore

    source = index.files
    reader = _optional_reader(source)
    ignore = Ignore(index.repo.root_dir, read=reader)
    found = [rel for rel in source.walk() if is_dvcfile(rel) and not ignore.is_ignored(rel, False)]  # type: ignore[attr-defined]
    found.sort(key=lambda rel: (rel.split("/")[:-1], rel.rpartition("/")[2]))
    for rel in found:
        _load_one(index, rel, lock, onerror)


def _optional_reader(source: FileSource) -> Callable[[str], bytes | None]:
    def read(rel: str) -> bytes | None:
        try:
            return source.read(rel)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    return read


def is_dvcfile(rel: str) -> bool:
    name = rel.rpartition("/")[2]
    return name == PIPELINE_FILE or (name.endswith(DATA_SUFFIX) and name != DATA_SUFFIX)


def _load_one(index: Index, rel: str, lock: bool, onerror: OnError | None) -> None:
    try:
        if rel.endswith(DATA_SUFFIX):
            index.stages.append(load_dvcfile(index.repo, index.files, rel))
        else:
            pipeline = load_pipeline(index.repo, index.files, rel, lock=lock)
            index.pipelines.append(pipeline)
            index.stages.extend(pipeline.stages)
    except DataverError as exc:
        if onerror is None:
            raise
        onerror(rel, exc)


def refuse_nul(repo: Repo, stages: Iterable[Stage]) -> None:
    """No file name or command line can hold a NUL character. Raises DataverError."""
    for stage in stages:
        names = [stage.wdir, *[dep.path for dep in stage.deps], *[dep.path for dep in stage.params], *[out.path for out in stage.outs]]
        commands = stage.cmd if isinstance(stage.cmd, tuple) else (stage.cmd or "",)
        if "\0" in "".join(names) or "\0" in "".join(commands):
            bad = next(text for text in (*names, *commands) if "\0" in text)
            shown = bad.replace("\0", "\\0")
            raise DataverError(
                f"'{shown}' in '{repo.display(stage.file)}' holds a NUL character, which no path or command can",
                hint="Remove it from the file.",
            )


def refuse_harmful_outs(repo: Repo, stages: Iterable[Stage]) -> None:
    """Outs are deleted and replaced, so some paths can be none, whatever a file says.

    Refused: the repository itself and folders around it, what Git and dvc keep for themselves,
    dvc.yaml and .dvc files, what .dvcignore excludes. Raises DataverError.
    """
    root = repo.root_dir
    for stage in stages:
        for out in stage.outs:
            path = out.abspath
            if not path:
                continue
            if (root + os.sep).startswith(path.rstrip(os.sep) + os.sep):
                raise DataverError(
                    f"output '{out.path}' in '{repo.display(stage.file)}' holds the repository itself and cannot be an output",
                    hint="Name a file or folder below it.",
                )
            if is_dvcfile(path.replace(os.sep, "/")):
                raise DataverError(f"DVC file '{out.path}' cannot be an output.", hint=f"Change the path in '{repo.display(stage.file)}'.")
            if repo.contains(path):
                _refuse_ignored(repo, path)


def _refuse_ignored(repo: Repo, path: str) -> None:
    rel, isdir = repo.rel(path), os.path.isdir(path)
    if repo.ignore.is_ignored(rel, isdir):
        from tracking.engine.ignore import describe

        raise OutputIsIgnored(f"Path '{path}' is ignored by {describe(repo.ignore.check(rel, isdir)[-1])}")


def read_again(files: FileSource, rel: str, parse: Callable[[bytes], Any], data: bytes | None = None) -> Any:
    """parse(content); once more when it fails, because real dvc rewrites files in place. data: content, where read before."""
    data = files.read(rel) if data is None else data
    try:
        return parse(data)
    except DataverError:
        if files.rev:
            raise
        import time

        time.sleep(0.05)
        again = files.read(rel)
        if again == data:
            raise
        return parse(again)


def display_name(repo: Repo, files: FileSource, rel: str) -> str:
    """How errors name a file: `./dvc.yaml`, `./sub/x.dvc`, `../x.dvc`."""
    shown = repo.display(os.path.join(repo.root_dir, rel))
    return shown if shown.startswith(("../", "/")) else f"./{shown}"


def load_dvcfile(repo: Repo, files: FileSource, rel: str) -> Stage:
    """One .dvc file. Raises InvalidFile, FileNotFoundError."""
    from tracking.engine.dvcfile import parse_dvcfile

    _refuse_git_ignored(repo, files, rel)
    abspath = os.path.join(repo.root_dir, rel)
    name = display_name(repo, files, rel)
    stage: Stage = read_again(files, rel, lambda data: parse_dvcfile(data, abspath, name))
    refuse_nul(repo, [stage])
    if not files.rev:
        refuse_harmful_outs(repo, [stage])
    return stage


def load_pipeline(repo: Repo, files: FileSource, rel: str, *, lock: bool = True, trusted: bool = False) -> Pipeline:
    """One dvc.yaml with its dvc.lock. Raises InvalidFile, InterpolationError, FileNotFoundError.

    trusted: the caller refuses harmful outs itself, of the stages it uses.
    """
    return with_lock(repo, files, read_pipeline(repo, files, rel, trusted), lock)


def read_pipeline(repo: Repo, files: FileSource, rel: str, trusted: bool = False) -> Pipeline:
    """One dvc.yaml without what its dvc.lock records. Raises as load_pipeline."""
    from tracking.engine.dvcyaml import stages_from

    _refuse_git_ignored(repo, files, rel)
    file = os.path.join(repo.root_dir, rel)
    resolved = read_again(files, rel, lambda data: _resolve(repo, files, rel, data))
    stages = stages_from(resolved.stages, file, resolved.generated)
    refuse_nul(repo, stages)
    if not files.rev and not trusted:
        refuse_harmful_outs(repo, stages)
    return Pipeline(
        rel=rel,
        file=file,
        stages=tuple(stages),
        groups=resolved.groups,
        params=resolved.params,
        metrics=resolved.metrics,
        plots=resolved.plots,
        artifacts=resolved.artifacts,
        datasets=resolved.datasets,
        tracked_vars=resolved.tracked_vars,
        warnings=resolved.warnings,
    )


def _resolve(repo: Repo, files: FileSource, rel: str, data: bytes) -> Any:
    from tracking.engine import interpolation, yamlfile
    from tracking.engine.dvcyaml_schema import validate_dvcyaml

    name = display_name(repo, files, rel)
    content = yamlfile.load(data, name) or {}
    validate_dvcyaml(content, data, name)
    return interpolation.resolve(
        content,
        rel_dir=rel.rpartition("/")[0],
        read=files.read,
        display=name.removeprefix("./"),
        config_parsing=repo.config.merged.get("parsing", {}),
        has_templates=b"${" in data or b"foreach" in data or b"matrix" in data or b"vars" in data,
    )


def with_lock(repo: Repo, files: FileSource, pipeline: Pipeline, lock: bool = True) -> Pipeline:
    """A pipeline with what its dvc.lock records. lock False: the file is only checked. Raises InvalidFile."""
    from tracking.engine.lockfile import apply_lock, parse_lock

    lock_rel = pipeline.rel[: -len(PIPELINE_FILE)] + LOCK_FILE
    try:
        data = files.read(lock_rel)
    except (FileNotFoundError, NotADirectoryError):
        return pipeline
    _refuse_git_ignored(repo, files, lock_rel)
    if not lock and data.startswith(b"schema: '2.0'\n"):
        return pipeline
    name = display_name(repo, files, lock_rel)
    entries = read_again(files, lock_rel, lambda content: parse_lock(content, name), data).stages
    stages = tuple(apply_lock(stage, entries[stage.name]) if stage.name in entries else stage for stage in pipeline.stages)
    return replace(pipeline, stages=stages)


def _refuse_git_ignored(repo: Repo, files: FileSource, rel: str) -> None:
    if files.rev or repo.scm is None:
        return
    if repo.scm.is_ignored(os.path.join(repo.root_dir, rel)):
        raise DataverError(
            f"bad DVC file name '{repo.display(os.path.join(repo.root_dir, rel))}' is git-ignored.",
            hint="Remove the pattern from .gitignore: this file belongs into Git.",
        )
