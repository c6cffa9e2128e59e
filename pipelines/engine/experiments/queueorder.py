"""The order of what waits: which entry workers take next, when people want another one than first come first."""
from __future__ import annotations

import json

from pipelines.engine.experiments.queue import ORDER_REF, SCHEMA, QueueEntry, list_entries, transact
from tracking.engine.git import Git
from tracking.engine.hints import Sequence


def reordered(waiting: Sequence[QueueEntry], moved: Sequence[str], before: str | None) -> list[QueueEntry]:
    """All that wait, with the entries of these ids, in this order, in front of another one. before: its id; None: at the end."""
    known = {entry.id: entry for entry in waiting}
    rest = [entry.id for entry in waiting if entry.id not in moved]
    at = rest.index(before) if before is not None else len(rest)
    return [known[entry_id] for entry_id in [*rest[:at], *moved, *rest[at:]]]


def move(git: Git, moved: Sequence[str], before: str | None) -> list[QueueEntry]:
    """Change the order for good; returns it. Places are handed out anew, so that what is queued later stands behind. Raises GitError."""
    waiting = list_entries(git)
    order = reordered(waiting, moved, before)
    places = sorted(entry.queued_at for entry in order)
    changed = {entry.id: place for entry, place in zip(order, places, strict=True) if place != entry.queued_at}
    was = git.refs(ORDER_REF).get(ORDER_REF)
    text = json.dumps({"schema": SCHEMA, "places": changed}, sort_keys=True)
    blob = git.run("hash-object", "-w", "--stdin", stdin=text.encode(), reader=False).decode().strip()
    if changed:
        transact(git, [f"update {ORDER_REF} {blob} {was or '0' * len(blob)}"])
    elif was:
        transact(git, [f"delete {ORDER_REF} {was}"])
    return order
