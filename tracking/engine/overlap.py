"""Two outs must not be the same path, nor one inside the other."""
from __future__ import annotations

import os

from tracking.engine.errors import OutputOverlap
from tracking.engine.hints import Iterable
from tracking.engine.index import Index
from tracking.engine.stage import Out, Stage


def refuse_overlap(index: Index, stages: Iterable[Stage]) -> None:
    """Raise OutputOverlap when outs of new `stages` collide with known ones or each other.

    A stage of the index with the same file and name is the one being replaced. Linear in outs.
    """
    new = list(stages)
    replaced = {(stage.file, stage.name) for stage in new}
    known: dict[str, tuple[Stage, Out]] = {}
    for stage, out in index.outs:
        if out.abspath and (stage.file, stage.name) not in replaced:
            known[out.abspath] = (stage, out)
    parents = _parents(known)
    for stage in new:
        for out in stage.outs:
            if out.abspath:
                _check(index, stage, out, known, parents)
                known[out.abspath] = (stage, out)
                for folder in _above(out.abspath):
                    parents.setdefault(folder, out.abspath)


def _parents(known: dict[str, tuple[Stage, Out]]) -> dict[str, str]:
    """Every folder above an out -> that out."""
    result: dict[str, str] = {}
    for path in known:
        for folder in _above(path):
            if folder in result:
                break
            result[folder] = path
    return result


def _above(path: str) -> Iterable[str]:
    while True:
        parent = os.path.dirname(path)
        if parent == path:
            return
        yield parent
        path = parent


def _check(index: Index, stage: Stage, out: Out, known: dict[str, tuple[Stage, Out]], parents: dict[str, str]) -> None:
    cwd = index.repo.cwd
    show = index.repo.display
    if out.abspath in known:
        other = known[out.abspath][0]
        raise OutputOverlap(
            f"output '{show(out.abspath)}' is already specified in stage: '{other.address(cwd)}'."
            f"\nUse `dataver remove {other.address(cwd)}` to stop tracking the overlapping output."
        )
    for folder in _above(out.abspath):
        if folder in known:
            other = known[folder][0]
            raise OutputOverlap(
                f"Cannot add '{show(out.abspath)}', because it is overlapping with other DVC tracked output: '{show(folder)}'.\n"
                f"To include '{show(out.abspath)}' in '{show(folder)}', run 'dataver commit {other.address(cwd)}'"
            )
    if out.abspath in parents:
        inner = parents[out.abspath]
        other = known[inner][0]
        raise OutputOverlap(
            f"Cannot add '{show(out.abspath)}', because it is overlapping with other DVC tracked output: '{show(inner)}'.\n"
            f"To include '{show(inner)}' in '{show(out.abspath)}', run 'dataver remove {other.address(cwd)}' and then 'dataver add {show(out.abspath)}'"
        )
