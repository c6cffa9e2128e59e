"""What depends on what: stages joined by the outs of one that another reads.

Owns the rules of a valid graph (no out twice, none inside another, no cycle). It reads no
files and knows no hashes; everything is linear in stages, deps and outs.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError, OutputOverlap
from tracking.engine.hints import Iterable, Iterator, Sequence
from tracking.engine.record import record
from tracking.engine.stage import Dep, Out, ParamsDep, Stage

Key = tuple[str, str]  # (file, name) of a stage: what makes it the same stage

EXTERNAL_OUTS = "https://dvc.org/doc/user-guide/pipelines/external-dependencies-and-outputs"
EXTERNAL_DATA = "https://dvc.org/doc/user-guide/data-management/importing-external-data"


class CyclicGraph(DataverError):
    """Stages that wait for each other. `stages`: their names, in the order of the cycle."""

    def __init__(self, stages: tuple[str, ...]) -> None:
        word = "stage" if len(stages) == 1 else "stages"
        super().__init__(f"Same item(s) are defined as both a dependency and an output in {word}: {', '.join(stages)}.")
        self.stages = stages


@record(frozen=True)
class Names:
    """How messages and drawings call stages and paths, seen from `cwd`. Both folders absolute."""

    root_dir: str
    cwd: str

    def stage(self, stage: Stage) -> str:
        return stage.address(self.cwd)

    def path(self, entry: Out | Dep | ParamsDep) -> str:
        """As written when absolute or a URL, absolute outside of the repository, else relative to the cwd."""
        if not entry.abspath or os.path.isabs(entry.path):
            return entry.path
        if not entry.abspath.startswith(self.root_dir.rstrip(os.sep) + os.sep):
            return entry.abspath
        return os.path.relpath(entry.abspath, self.cwd).replace(os.sep, "/")


@record(frozen=True)
class Graph:
    """stages in the order of the index; `needs[i]` and `feeds[i]` are positions of neighbours.

    needs: the producers of what stage i reads, in the order of its deps. feeds: its readers.
    """

    stages: tuple[Stage, ...]
    needs: tuple[tuple[int, ...], ...]
    feeds: tuple[tuple[int, ...], ...]
    positions: dict[Key, int]

    def position(self, stage: Stage) -> int:
        """Where a stage stands. Raises KeyError for one that is not of this graph."""
        return self.positions[stage.file, stage.name]

    def producers(self, stage: Stage) -> list[Stage]:
        """Stages that must run directly before this one."""
        return [self.stages[i] for i in self.needs[self.position(stage)]]

    def readers(self, stage: Stage) -> list[Stage]:
        """Stages that read what this one makes."""
        return [self.stages[i] for i in self.feeds[self.position(stage)]]

    def topological(self, targets: Iterable[Stage] | None = None) -> list[Stage]:
        """Targets and all they need, producers first; every stage without targets.

        Depth-first post-order, as dvc runs them; siblings in the order of the deps.
        """
        return [self.stages[i] for i in _post_order(self.needs, self._starts(targets))]

    def upstream(self, targets: Iterable[Stage]) -> list[Stage]:
        """Everything the targets need, themselves included, in index order."""
        return [self.stages[i] for i in sorted(_post_order(self.needs, self._starts(targets)))]

    def downstream(self, targets: Iterable[Stage]) -> list[Stage]:
        """The targets and every stage their outs reach, producers first."""
        reached = set(_post_order(self.feeds, self._starts(targets)))
        return [self.stages[i] for i in _post_order(self.needs, sorted(reached)) if i in reached]

    def _starts(self, targets: Iterable[Stage] | None) -> Iterable[int]:
        return range(len(self.stages)) if targets is None else [self.position(stage) for stage in targets]


def build_graph(stages: Iterable[Stage]) -> Graph:
    """Join stages by their paths. Checks nothing: see `checked_graph`."""
    nodes = tuple(stages)
    owners = [(position, out) for position, stage in enumerate(nodes) for out in stage.outs]
    links = _links(nodes, [out for _, out in owners])
    needs = tuple(tuple(dict.fromkeys(owners[i][0] for i in found)) for found in links)
    return Graph(nodes, needs, _reversed(needs), {(stage.file, stage.name): i for i, stage in enumerate(nodes)})


def checked_graph(stages: Sequence[Stage], names: Names) -> Graph:
    """The graph, or OutputOverlap or CyclicGraph when it is not valid."""
    check_outs(stages, names)
    graph = build_graph(stages)
    check_cycles(graph, names)
    return graph


def out_links(stages: Sequence[Stage]) -> tuple[list[Out], list[tuple[int, int]]]:
    """All outs, folders together in the order they first appear, and pairs (out, out it is made from)."""
    flat = [(position, out) for position, stage in enumerate(stages) for out in stage.outs]
    ranked = [flat[i] for i in tree_order([path_key(out) for _, out in flat])]
    outs = [out for _, out in ranked]
    made: list[list[int]] = [[] for _ in stages]
    for i, (position, _) in enumerate(ranked):
        made[position].append(i)
    links = _links(stages, outs)
    return outs, [(out, source) for position, found in enumerate(links) for out in made[position] for source in found]


# --- paths
def path_key(entry: Out | Dep | ParamsDep) -> str:
    """What decides whether two entries are the same path: posix, absolute, or a URL."""
    return entry.abspath.replace(os.sep, "/") if entry.abspath else entry.path.rstrip("/")


def _above(key: str) -> Iterator[str]:
    """Folders around a path, nearest first."""
    while True:
        key = key.rpartition("/")[0]
        if not key:
            return
        yield key


def tree_order(keys: Sequence[str]) -> list[int]:
    """Positions of `keys` depth-first, each folder's entries in the order they first appear."""
    tree: dict[str | None, object] = {}
    for position, key in enumerate(keys):
        node = tree
        for part in key.split("/"):
            node = node.setdefault(part, {})  # type: ignore[assignment]
        node[None] = position
    result: list[int] = []
    stack: list[object] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, int):
            result.append(item)
        else:
            stack.extend(reversed(item.values()))  # type: ignore[attr-defined]
    return result


def _links(stages: Sequence[Stage], outs: Sequence[Out]) -> list[list[int]]:
    """For each stage the positions of outs that equal, contain or lie inside one of its deps."""
    by_path = {path_key(out): i for i, out in enumerate(outs)}
    folders = _folders_around(by_path)
    wanted = [_read_paths(stage) for stage in stages]
    inside = _inside(by_path, {key for keys in wanted for key in keys if key in folders})
    return [[i for key in keys for i in _touched(key, by_path, inside)] for keys in wanted]


def _read_paths(stage: Stage) -> list[str]:
    """Paths whose content a stage depends on. Data of another project is nobody's out here."""
    if stage.is_import and (stage.deps[0].repo is not None or stage.deps[0].db is not None):
        return []
    return [path_key(dep) for dep in stage.deps] + [path_key(params) for params in stage.params]


def _folders_around(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        for folder in _above(path):
            if folder in folders:
                break  # and so are the ones around it
            folders.add(folder)
    return folders


def _inside(by_path: dict[str, int], folders: set[str]) -> dict[str, list[int]]:
    """Outs below each of `folders`."""
    found: dict[str, list[str]] = {}
    if folders:
        for path in by_path:
            for folder in _above(path):
                if folder in folders:
                    found.setdefault(folder, []).append(path)
    return {folder: [by_path[paths[i]] for i in tree_order(paths)] for folder, paths in found.items()}


def _touched(key: str, by_path: dict[str, int], inside: dict[str, list[int]]) -> list[int]:
    if key in by_path:
        return [by_path[key]]
    if key in inside:
        return inside[key]
    for folder in _above(key):
        if folder in by_path:
            return [by_path[folder]]
    return []


# --- walking
def _reversed(links: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    result: list[list[int]] = [[] for _ in links]
    for source, targets in enumerate(links):
        for target in targets:
            result[target].append(source)
    return tuple(map(tuple, result))


def _post_order(links: Sequence[Sequence[int]], starts: Iterable[int]) -> list[int]:
    """Depth-first, a node after everything it links to. Ends also when there is a cycle."""
    seen: set[int] = set()
    result: list[int] = []
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(links[start]))]
        while stack:
            node, ahead = stack[-1]
            for following in ahead:
                if following not in seen:
                    seen.add(following)
                    stack.append((following, iter(links[following])))
                    break
            else:
                stack.pop()
                result.append(node)
    return result


# --- rules
def check_outs(stages: Iterable[Stage], names: Names) -> None:
    """Raise OutputOverlap for an out that is there twice or inside another."""
    seen: dict[str, tuple[Stage, Out]] = {}
    around: dict[str, tuple[Stage, Out]] = {}  # folder -> the first out inside
    for stage in stages:
        for out in stage.outs:
            key, entry = path_key(out), (stage, out)
            if key in seen:
                raise OutputOverlap(_twice(out, stage, seen[key][0], names))
            if key in around:
                raise OutputOverlap(_nested(entry, around[key], names))
            for folder in _above(key):
                if folder in seen:
                    raise OutputOverlap(_nested(seen[folder], entry, names))
                if folder in around:
                    break
                around[folder] = entry
            seen[key] = entry


def _twice(out: Out, stage: Stage, other: Stage, names: Names) -> str:
    if stage is other:
        return already_specified(out, stage, names)
    return (
        f"output '{names.path(out)}' is specified in:\n\t- {names.stage(stage)}\n\t- {names.stage(other)}\n"
        "Use `dataver remove` with any of the above targets to stop tracking the overlapping output."
    )


def already_specified(out: Out, stage: Stage, names: Names) -> str:
    """The message when something new wants an out that `stage` has."""
    name = names.stage(stage)
    return (
        f"output '{names.path(out)}' is already specified in stage: '{name}'.\n"
        f"Use `dataver remove {name}` to stop tracking the overlapping output."
    )


def _nested(outer: tuple[Stage, Out], inner: tuple[Stage, Out], names: Names) -> str:
    lines = [f"'{names.path(out)}'('{names.stage(stage)}')" for stage, out in (outer, inner)]
    return (
        "The output paths:\n" + "\n".join(lines) + "\noverlap and are thus in the same tracked directory.\n"
        "Track the outer path alone, or give each its own folder."
    )


def check_cycles(graph: Graph, names: Names) -> None:
    """Raise CyclicGraph for stages that need each other."""
    cycle = find_cycle(graph.needs)
    if cycle:
        raise CyclicGraph(tuple(names.stage(graph.stages[i]) for i in cycle))


def find_cycle(links: Sequence[Sequence[int]]) -> list[int]:
    """One cycle as positions, each linking to the next; [] when there is none."""
    done = bytearray(len(links))
    for start in range(len(links)):
        if done[start]:
            continue
        path = {start: iter(links[start])}  # insertion order is the way from start
        while path:
            node = next(reversed(path))
            for following in path[node]:
                if following in path:
                    way = list(path)
                    return way[way.index(following) :]
                if not done[following]:
                    path[following] = iter(links[following])
                    break
            else:
                done[node] = 1
                del path[node]
    return []


def check_external(stage: Stage, names: Names) -> None:
    """Raise DataverError when an out outside of the repository is to be cached."""
    top = names.root_dir.rstrip(os.sep) + os.sep
    outside = [names.path(out) for out in stage.outs if out.cache and not out.abspath.startswith(top)]
    if outside:
        link = EXTERNAL_DATA if stage.is_data_source else EXTERNAL_OUTS
        raise DataverError(
            f"Cached output(s) outside of DVC project: {', '.join(outside)}. See <{link}> for more info.",
            hint="Use -O to leave such an output out of the cache, or write it inside the repository.",
        )
