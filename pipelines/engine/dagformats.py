"""The DAG as DOT and Mermaid, and what part of it to show."""
from __future__ import annotations

from pipelines.engine.graph import Graph, Names, out_links
from tracking.engine.hints import Callable, Iterable
from tracking.engine.record import record
from tracking.engine.stage import Stage

GROUP_MARK = "@"  # between the name of a foreach or matrix group and its key


@record(frozen=True)
class Picture:
    """What is drawn: labels, each once, and pairs (label, label it depends on), each once."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


def stage_picture(graph: Graph, names: Names) -> Picture:
    """Stages as nodes."""
    labels = [names.stage(stage) for stage in graph.stages]
    edges = [(labels[i], labels[j]) for i, needed in enumerate(graph.needs) for j in needed]
    return Picture(tuple(labels), tuple(edges))


def outs_picture(graph: Graph, names: Names) -> Picture:
    """Outs as nodes: each depends on the outs that its stage reads."""
    outs, links = out_links(graph.stages)
    labels = [names.path(out) for out in outs]
    return Picture(tuple(labels), tuple(dict.fromkeys((labels[i], labels[j]) for i, j in links)))


def select(picture: Picture, targets: Iterable[str], full: bool) -> Picture:
    """Targets and what they depend on; with `full`, all that is connected with them in any way."""
    around = _neighbours(picture, both_ways=full)
    kept = _reach(around, targets)
    return _only(picture, kept)


def collapse_groups(picture: Picture, is_generated: Callable[[str], bool]) -> Picture:
    """One node for each foreach or matrix group instead of one for each of its stages.

    A group whose stages depend on each other gets an edge to itself.
    """
    group = {label: group_name(label) for label in picture.nodes if is_generated(label)}
    kept = [label for label in picture.nodes if label not in group]
    plain = [edge for edge in picture.edges if edge[0] not in group and edge[1] not in group]
    moved = [(group.get(a, a), group.get(b, b)) for a, b in picture.edges if a in group or b in group]
    return Picture(tuple(dict.fromkeys([*kept, *group.values()])), tuple(dict.fromkeys(plain + moved)))


def group_name(label: str) -> str:
    """`sub/dvc.yaml:fe@1` -> `sub/dvc.yaml:fe`; folders may hold the mark too."""
    file, colon, name = label.rpartition(":")
    return file + colon + name.partition(GROUP_MARK)[0]


def generated_labels(stages: Iterable[Stage], names: Names) -> set[str]:
    """Labels of stages that came out of foreach or matrix."""
    return {names.stage(stage) for stage in stages if stage.generated or GROUP_MARK in stage.name}


def components(picture: Picture) -> list[Picture]:
    """Parts that nothing connects, in the order of their first nodes."""
    around = _neighbours(picture, both_ways=True)
    part_of: dict[str, int] = {}
    count = 0
    for label in picture.nodes:
        if label not in part_of:
            part_of.update(dict.fromkeys(_reach(around, [label]), count))
            count += 1
    nodes: list[list[str]] = [[] for _ in range(count)]
    edges: list[list[tuple[str, str]]] = [[] for _ in range(count)]
    for label in picture.nodes:
        nodes[part_of[label]].append(label)
    for edge in picture.edges:
        edges[part_of[edge[0]]].append(edge)
    return [Picture(tuple(n), tuple(e)) for n, e in zip(nodes, edges, strict=True)]


def to_dot(picture: Picture) -> str:
    """DOT, arrows from what is needed to what needs it. Ends in a line break."""
    place = {label: i for i, label in enumerate(picture.nodes)}
    arrows = sorted(((b, a) for a, b in picture.edges), key=lambda arrow: (place[arrow[0]], place[arrow[1]]))
    strict = "" if any(a == b for a, b in arrows) else "strict "
    lines = [f"{strict}digraph {{", *(f"{_quoted(label)};" for label in picture.nodes)]
    lines += [f"{_quoted(a)} -> {_quoted(b)};" for a, b in arrows]
    return "\n".join(lines) + "\n}\n"


def _quoted(label: str) -> str:
    return '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'


def to_mermaid(picture: Picture) -> str:
    """A Mermaid flowchart. Part by part; in a part, nodes and arrows sorted by name."""
    lines = ["flowchart TD"]
    count = 0
    for part in components(picture):
        ids: dict[str, str] = {}
        for label in sorted(part.nodes):
            count += 1
            ids[label] = f"node{count}"
            lines.append(f'\t{ids[label]}["{_escaped(label)}"]')
        lines += [f"\t{ids[a]}-->{ids[b]}" for a, b in sorted((b, a) for a, b in part.edges)]
    return "\n".join(lines)


def _escaped(label: str) -> str:
    return label.replace('"', "#quot;")  # Mermaid's own entity; a bare quote would end the label


def fenced(mermaid: str) -> str:
    """The block that Markdown viewers draw."""
    return f"```mermaid\n{mermaid}\n```"


def _neighbours(picture: Picture, both_ways: bool) -> dict[str, list[str]]:
    around: dict[str, list[str]] = {label: [] for label in picture.nodes}
    for a, b in picture.edges:
        around[a].append(b)
        if both_ways:
            around[b].append(a)
    return around


def _reach(around: dict[str, list[str]], starts: Iterable[str]) -> set[str]:
    seen = set(starts)
    queue = list(seen)
    for label in queue:
        for other in around[label]:
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def _only(picture: Picture, kept: set[str]) -> Picture:
    edges = tuple(edge for edge in picture.edges if edge[0] in kept and edge[1] in kept)
    return Picture(tuple(label for label in picture.nodes if label in kept), edges)
