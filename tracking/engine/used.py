"""Which objects the workspace and commits use: what push sends, fetch brings and gc keeps.

Objects are grouped by where they belong (see GroupKey). Manifests are opened later, by
`Manifests`, and only by who needs their rows: a folder known to be complete is never opened.
"""
from __future__ import annotations

import math
import os

from tracking.engine.errors import CorruptObject, DataverError
from tracking.engine.files import FileSource
from tracking.engine.hints import Callable, Iterable
from tracking.engine.history import WORKSPACE, Indexes, Selection, revisions
from tracking.engine.index import Index
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Digest, Out, Stage
from tracking.engine.targets import Found, collect, is_stage_file, parse_target
from tracking.engine.tree import Rows, load_tree, tree_oid

CONFIG = ".dvc/config"

# (content of .dvc/config at the commit, None when it is the workspace's; `remote:` of the out; layout of 2.x)
GroupKey = tuple[bytes | None, str | None, bool]
Keep = Callable[[Index, Stage, Out], bool]
Warn = Callable[[str], None]
OnFailure = Callable[[str, DataverError], None]
OnOut = Callable[[Index, Stage, Out, "str | None", "bytes | None"], bool]


@record
class UsedTree:
    """A folder's manifest. name: of the out as messages show it.

    parts: paths inside that were asked for, posix; None: the whole folder.
    """

    name: str
    parts: set[str] | None = None

    def rows(self, rows: Rows) -> Rows:
        """Those of a manifest's rows that are wanted."""
        if self.parts is None:
            return rows
        heads = tuple(f"{part}/" for part in self.parts)
        return [row for row in rows if row[0] in self.parts or row[0].startswith(heads)]

    def path(self, relpath: str) -> str:
        return f"{self.name}/{relpath}"


@record
class Group:
    """Objects of one place. files: oid -> name of the out; trees: oid of the manifest -> UsedTree.

    bytes: of all of them at most, infinite where an out does not tell.
    """

    files: dict[str, str] = field(default_factory=dict)
    trees: dict[str, UsedTree] = field(default_factory=dict)
    bytes: float = 0

    def add(self, digest: Digest, name: str, part: str | None = None, size: int | None = None) -> None:
        self.bytes += math.inf if size is None else size
        if not digest.isdir:
            self.files.setdefault(digest.value, name)
            return
        known = self.trees.get(digest.value)
        if known is None:
            self.trees[digest.value] = UsedTree(name, None if part is None else {part})
        elif part is None:
            known.parts = None
        elif known.parts is not None:
            known.parts.add(part)

    def merge(self, other: Group) -> None:
        self.bytes += other.bytes
        for oid, name in other.files.items():
            self.files.setdefault(oid, name)
        for oid, tree in other.trees.items():
            known = self.trees.get(oid)
            if known is None:
                self.trees[oid] = UsedTree(tree.name, None if tree.parts is None else set(tree.parts))
            elif known.parts is not None:
                known.parts = None if tree.parts is None else known.parts | tree.parts


@record
class Used:
    """Groups in the order they were met. stages: how many stages the workspace has (before targets)."""

    groups: dict[GroupKey, Group] = field(default_factory=dict)
    stages: int = 0
    collected: int = 0

    def group(self, key: GroupKey) -> Group:
        found = self.groups.get(key)
        if found is None:
            found = self.groups[key] = Group()
        return found


@record(frozen=True)
class Request:
    """What of every revision: targets as typed in the cwd, as `targets.collect` takes them."""

    targets: tuple[str, ...] = ()
    recursive: bool = False
    with_deps: bool = False
    selection: Selection = Selection()


def collect_used(repo: Repo, request: Request, keep: Keep, *, warn: Warn | None = None, on_failure: OnFailure | None = None, on_out: OnOut | None = None) -> Used:
    """Outs of the workspace and the selected commits, as objects.

    keep: which outs count. on_out(index, stage, out, part, config): asked first about each cached out, True: it
    sees to it; part is a path inside of it, config that of GroupKey. warn: told about outs without a hash (None: they are passed over).
    on_failure(label, error): a revision that cannot be read is left out; without it the error
    is raised, as it is when every revision fails.
    """
    used = Used()
    indexes = Indexes(repo)
    config = _read_config(repo)
    last: DataverError | None = None
    for label, files in revisions(repo, request.selection):
        try:
            index, found = _select(indexes, files, request)
        except DataverError as error:
            if on_failure is None:
                raise
            on_failure(label, error)
            last = error
            continue
        used.collected += 1
        if label == WORKSPACE:
            used.stages = len(index.stages)
        data = _config_at(files, config)
        for item in found:
            for out in item.stage.outs:
                if on_out is not None and out.cache:
                    wanted, part = _part(item, out)
                    if not wanted or on_out(index, item.stage, out, part, data):
                        continue
                if out.cache and keep(index, item.stage, out):
                    _add(repo, used, data, item, out, warn)
    if not used.collected and last is not None:
        raise last
    return used


def _read_config(repo: Repo) -> bytes:
    try:
        with open(os.path.join(repo.dvc_dir, "config"), "rb") as file:
            return file.read()
    except OSError:
        return b""


def _config_at(files: FileSource, config: bytes) -> bytes | None:
    if not files.rev:
        return None
    try:
        data = files.read(CONFIG)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    return None if data == config else data


def _select(indexes: Indexes, files: FileSource, request: Request) -> tuple[Index, list[Found]]:
    """The index (empty when the targets alone say which files to read) and what is wanted of it."""
    repo = indexes.repo
    named = not request.recursive and not request.with_deps and all(_is_file_target(target) for target in request.targets)
    index = Index(repo, files) if request.targets and named else indexes.load(files)
    return index, collect(index, request.targets, cwd=repo.cwd, recursive=request.recursive, with_deps=request.with_deps)


def _is_file_target(target: str) -> bool:
    file, _ = parse_target(target)
    return file is not None and is_stage_file(file)


def _add(repo: Repo, used: Used, config: bytes | None, item: Found, out: Out, warn: Warn | None) -> None:
    wanted, part = _part(item, out)
    if not wanted:
        return
    if out.digest is None:
        is_partial_import = item.stage.is_import
        if warn is not None and not is_partial_import:
            warn(_without_hash(repo, item.stage, out))
        return
    used.group((config, out.remote, out.digest.is_legacy)).add(out.digest, repo.display(out.abspath) if out.abspath else out.path, part, out.meta.size)


def _part(item: Found, out: Out) -> tuple[bool, str | None]:
    """Whether an out of a stage is meant, and which part of it."""
    if item.path is None or item.path == out.abspath:
        return True, None
    if not item.path.startswith(out.abspath + os.sep):
        return False, None  # another out of the same stage
    return True, item.path[len(out.abspath) + 1 :].replace(os.sep, "/")


def _without_hash(repo: Repo, stage: Stage, out: Out) -> str:
    name, address = repo.display(out.abspath) if out.abspath else out.path, stage.address(repo.cwd)
    text = (
        f"Output '{name}'(stage: '{address}') is missing version info. Cache for it will not be collected. "
        "Use `dataver repro` to get your pipeline up to date."
    )
    if out.abspath and os.path.exists(out.abspath):
        text += f"\nYou can also use `dataver commit {address}` to associate existing '{name}' with stage: '{address}'."
    return text


class Manifests:
    """Rows of folders by oid, not kept: a history may hold very many.

    find(oid, legacy): bytes of a manifest that the cache lacks, None when nobody has it.
    """

    def __init__(self, repo: Repo, find: Callable[[str, bool], bytes | None] | None = None) -> None:
        self.repo = repo
        self.find = find

    def rows(self, oid: str, legacy: bool) -> Rows | None:
        """None when neither the cache nor `find` has a manifest that can be read. Raises UnsafePath."""
        rows = self._read(oid, legacy)
        if rows is None and self.find is not None:
            data = self.find(oid, legacy)
            rows = load_tree(data, oid) if data is not None and tree_oid(data) == oid else None
        return rows

    def _read(self, oid: str, legacy: bool) -> Rows | None:
        store = self.repo.legacy_store if legacy else self.repo.store
        try:
            return store.read_tree(oid)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except CorruptObject:
            try:
                store.verify(oid)  # read-only, yet damaged: out of the way, so that a good one can come
            except (FileNotFoundError, CorruptObject):
                pass
            return None


@record
class Expanded:
    """A group with its manifests opened.

    names: every wanted object -> its name as `status -c` shows it (`f`, `d`, `d/file`). whole: manifest
    -> all files it lists; wanted: those asked for. unread: manifests that nobody has.
    """

    names: dict[str, str]
    whole: dict[str, list[str]] = field(default_factory=dict)
    wanted: dict[str, list[str]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def expand(group: Group, rows_of: Callable[[str], Rows | None]) -> Expanded:
    """Open every manifest of a group, one at a time: versions of a folder share the text of their hashes."""
    result = Expanded(dict(group.files))
    names = result.names
    shared: dict[str, str] = {}
    for oid, tree in group.trees.items():
        rows = rows_of(oid)
        if rows is None:
            result.unread.append(oid)
            continue
        names.setdefault(oid, tree.name)
        result.whole[oid] = result.wanted[oid] = [shared.setdefault(md5, md5) for _, md5 in rows]
        asked = tree.rows(rows)
        if asked is not rows:
            result.wanted[oid] = [shared[md5] for _, md5 in asked]
        for relpath, md5 in asked:
            if md5 not in names:
                names[shared[md5]] = tree.path(relpath)
    return result


def type_filter(index: Index, types: Iterable[str]) -> Callable[[Out], bool]:
    """Whether an out is, holds or lies in one of the project's metrics or plots."""
    wanted = set(types)
    paths: set[str] = set()
    for pipeline in index.pipelines:
        folder = os.path.dirname(pipeline.file)
        sections = [pipeline.metrics if "metrics" in wanted else [], pipeline.plots if "plots" in wanted else []]
        for name in (name for section in sections for name in _top_level(section)):
            paths.add(os.path.normpath(os.path.join(folder, name)))

    def is_wanted(out: Out) -> bool:
        if ("metrics" in wanted and (out.kind == "metric")) or ("plots" in wanted and (out.kind == "plot")):
            return True
        return any(path == out.abspath or path.startswith(out.abspath + os.sep) or out.abspath.startswith(path + os.sep) for path in paths)

    return is_wanted


def _top_level(section: Iterable[object]) -> Iterable[str]:
    """Paths in a top-level `metrics` or `plots` list: names, or one-key dicts (plots: sources under `y`, too)."""
    for item in section:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            for name, options in item.items():
                yield str(name)
                for axis in ("x", "y"):
                    source = options.get(axis) if isinstance(options, dict) else None
                    if isinstance(source, dict):
                        yield from map(str, source)


def missing_text(oids: Iterable[tuple[str, bool]]) -> str:
    """The warning about objects that are nowhere; oids with their layout."""
    lines = "\n".join(f"{'md5-dos2unix' if legacy else 'md5'}: {oid}" for oid, legacy in oids)
    return f"Some of the cache files do not exist neither locally nor on remote. Missing cache files:\n{lines}"
