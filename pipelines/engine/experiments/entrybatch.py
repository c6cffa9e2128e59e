"""Many entries of the queue at once: one `git fast-import` writes all their files, trees and commits into one pack.

The stream is that of git-fast-import(1). Its branch is removed within it, so that refs are made in one
transaction afterwards, and nothing is left when it is killed.
"""
from __future__ import annotations

import time

from pipelines.engine.experiments.queue import AUTHOR, QUEUE_REFS, QueueEntry, message_of, parents_of, transact
from tracking.engine.errors import GitError
from tracking.engine.git import Git
from tracking.engine.hints import Iterator, Mapping, Sequence
from tracking.engine.protocols import Progress
from tracking.engine.record import record, replace

BATCH_FROM = 8  # entries; fewer are as quick one by one, and stay loose objects
_BRANCH = "refs/dataver/import"
_TREE = "040000"


@record(frozen=True)
class Draft:
    """An entry to be: files of a tree (its id), some of them replaced. edits: path relative to Git's root -> (mode, content)."""

    tree: str
    edits: Mapping[str, tuple[str, bytes]]
    entry: QueueEntry


def write_drafts(git: Git, drafts: Sequence[Draft], progress: Progress) -> list[QueueEntry]:
    """Queue them, all or none; their order is kept."""
    timed, last = [], 0.0
    for draft in drafts:
        last = round(max(draft.entry.queued_at or time.time(), last + 1e-6), 6)
        timed.append(replace(draft.entry, queued_at=last, place=last))
    progress.start("Queueing", len(timed), "run")
    stream = b"".join(_commands(git, drafts, timed, progress))
    said = git.run("fast-import", "--quiet", "--date-format=raw", stdin=stream, reader=False).split()
    progress.finish()
    if len(said) != len(timed):
        raise GitError("git fast-import did not tell the ids of what it wrote", hint="Check the repository with `git fsck`.")
    made = [replace(entry, id=oid.decode()) for entry, oid in zip(timed, said, strict=True)]
    transact(git, [f"create {QUEUE_REFS}{entry.id} {entry.id}" for entry in made])
    return made


def _commands(git: Git, drafts: Sequence[Draft], timed: Sequence[QueueEntry], progress: Progress) -> Iterator[bytes]:
    for mark, (draft, entry) in enumerate(zip(drafts, timed, strict=True), 1):
        parents = parents_of(entry)
        lines = [f"commit {_BRANCH}", f"mark :{mark}", f"committer {AUTHOR} {int(entry.queued_at)} +0000", _data(message_of(f"dataver: queue {entry.name}", entry.facts()))]
        lines += [f"{'merge' if index else 'from'} {parent}" for index, parent in enumerate(parents)]
        lines.append(f'M {_TREE} {draft.tree} ""')
        yield "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"
        for path, (mode, content) in draft.edits.items():
            yield f"M {mode} inline {_quoted(path)}\ndata {len(content)}\n".encode("utf-8", "surrogateescape") + content + b"\n"
        yield f"get-mark :{mark}\n".encode()
        progress.advance()
    yield f"reset {_BRANCH}\nfrom {'0' * len(timed[0].head)}\n".encode()


def _data(text: str) -> str:
    return f"data {len(text.encode('utf-8', 'surrogateescape'))}\n{text}"


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
