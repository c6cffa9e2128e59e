"""Which stages are wanted, in which order, and which are ready."""
from __future__ import annotations

from tracking.engine.hints import Iterable, Mapping
from tracking.engine.stage import Stage

Key = tuple[str, str]  # (file, name)


def key_of(stage: Stage) -> Key:
    return (stage.file, stage.name)


class Plan:
    """Wanted stages in depth-first post-order, and the edges between them.

    upstream[k]: wanted stages that k waits for. A frozen stage waits for nobody.
    """

    def __init__(self, stages: Iterable[Stage], upstream: Mapping[Key, Iterable[Key]]) -> None:
        self.stages = {key_of(stage): stage for stage in stages}
        self.edges: dict[Key, list[Key]] = {
            key: [] if stage.frozen else [other for other in upstream.get(key, ()) if other in self.stages]
            for key, stage in self.stages.items()
        }
        self.order = list(self.stages)
        self._index()

    def _index(self) -> None:
        wanted = set(self.order)
        self.upstream = {key: [other for other in self.edges[key] if other in wanted] for key in self.order}
        self.downstream: dict[Key, list[Key]] = {key: [] for key in self.order}
        for key, others in self.upstream.items():
            for other in others:
                self.downstream[other].append(key)

    def want(self, targets: list[Key], *, pipeline: bool = False, downstream: bool = False) -> Plan:
        """Keep what the targets need (or what needs them); all when there are no targets."""
        if targets or pipeline or downstream:
            if pipeline:
                wanted = self._connected(targets)
            elif downstream:
                wanted = _reach(targets, self.downstream)
            else:
                wanted = _reach(targets, self.upstream)
        else:
            wanted = set(self.order)
        self.order = [key for key in _post_order(self.order, self.upstream) if key in wanted]
        self._index()
        return self

    def want_only(self, targets: list[Key]) -> Plan:
        """Just the targets, as given."""
        self.order = list(dict.fromkeys(targets))
        self._index()
        return self

    def dependents(self, key: Key) -> list[Key]:
        """Everything wanted that needs `key`, nearest first."""
        found = _reach([key], self.downstream) - {key}
        return [other for other in self.order if other in found]

    def longest_path_s(self, durations: Mapping[Key, float], default_s: float = 1.0) -> dict[Key, float]:
        """Seconds from the start of each stage to the end of the longest chain behind it."""
        result: dict[Key, float] = {}
        for key in reversed(self.order):
            behind = max((result[other] for other in self.downstream[key] if other in result), default=0.0)
            result[key] = durations.get(key, default_s) + behind
        return result

    def _connected(self, targets: list[Key]) -> set[Key]:
        both = {key: [*self.upstream[key], *self.downstream[key]] for key in self.order}
        return _reach(targets, both)


def _reach(start: Iterable[Key], edges: Mapping[Key, list[Key]]) -> set[Key]:
    found = set(start)
    queue = list(found)
    while queue:
        for other in edges.get(queue.pop(), ()):
            if other not in found:
                found.add(other)
                queue.append(other)
    return found


def _post_order(nodes: Iterable[Key], edges: Mapping[Key, list[Key]]) -> list[Key]:
    """Depth-first post-order without recursion; the graph is known to have no cycles."""
    order: list[Key] = []
    seen: set[Key] = set()
    for root in nodes:
        stack: list[tuple[Key, int]] = [(root, 0)] if root not in seen else []
        seen.add(root)
        while stack:
            node, position = stack.pop()
            others = edges.get(node, [])
            while position < len(others) and others[position] in seen:
                position += 1
            if position < len(others):
                stack.append((node, position + 1))
                seen.add(others[position])
                stack.append((others[position], 0))
            else:
                order.append(node)
    return order
